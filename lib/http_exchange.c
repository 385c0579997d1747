#include "lib/http_exchange.h"

#include <assert.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "lib/arena.h"
#include "lib/clk.h"

enum {
	BODY_DEFAULT = 16 << 20,
	CONNECT_DEFAULT_S = 5,
	TIMEOUT_DEFAULT_S = 30,
	ALIVE_IDLE_S = 30,              /* a silent connection is probed after this           */
	ALIVE_INTERVAL_S = 10,
	UNACKNOWLEDGED_MAX_MS = 60000,  /* the other side is gone when it confirms nothing    */
	ANSWER_HEADERS_MAX = 200,
	REDIRECTS_MAX = 5,
};

/* --- what curl calls ------------------------------------------------------------------------ */

static bool call_user(struct http_exchange *x, bool (*on_data)(void *, const char *, size_t), const char *p,
	size_t n, int status)
{
	if (x->inside)
		*x->inside = true;
	bool go_on = on_data ? on_data(x->ctx, p, n) : x->on_head(x->ctx, status);
	if (x->inside)
		*x->inside = false;
	x->stopped |= !go_on;
	return go_on;
}

static void add_header(struct http_exchange *x, const char *line, size_t n)
{
	const char *colon = memchr(line, ':', n);
	if (!colon || x->n_got == ANSWER_HEADERS_MAX)
		return;
	if (x->n_got == x->cap_got) {
		size_t cap = x->cap_got ? 2 * x->cap_got : 16;
		struct http_header *more = ARENA_NEW_N(x->arena, struct http_header, cap);
		if (x->n_got)
			memcpy(more, x->got, x->n_got * sizeof *more);
		x->got = more;
		x->cap_got = cap;
	}
	const char *value = colon + 1, *end = line + n;
	while (value < end && (*value == ' ' || *value == '\t'))
		value++;
	x->got[x->n_got++] = (struct http_header){
		.name = arena_strndup(x->arena, line, (size_t)(colon - line)),
		.value = arena_strndup(x->arena, value, (size_t)(end - value)),
	};
}

/* The empty line: is this the head of the answer itself, and not of a redirect or a "100"? */
static bool end_of_head(struct http_exchange *x)
{
	long status = 0;
	curl_easy_getinfo(x->easy, CURLINFO_RESPONSE_CODE, &status);
	if (status < 200 || (x->follow && status >= 300 && status < 400 && status != 304) || x->head_seen)
		return true;
	x->head_seen = true;
	return !x->on_head || call_user(x, NULL, NULL, 0, (int)status);
}

static size_t on_header(char *line, size_t size, size_t n, void *ctx)
{
	struct http_exchange *x = ctx;
	size_t len = n *= size;
	while (len && (line[len - 1] == '\n' || line[len - 1] == '\r'))
		len--;
	if (len >= 5 && memcmp(line, "HTTP/", 5) == 0)
		x->n_got = 0;
	else if (len == 0)
		return end_of_head(x) ? n : 0;
	else
		add_header(x, line, len);
	return n;
}

static size_t on_body(char *p, size_t size, size_t n, void *ctx)
{
	struct http_exchange *x = ctx;
	n *= size;
	if (x->on_data)
		return n == 0 || call_user(x, x->on_data, p, n, 0) ? n : CURL_WRITEFUNC_ERROR;
	return strbuf_add(&x->body, p, n) ? n : CURL_WRITEFUNC_ERROR;
}

/* Streams share a connection: one that is dead must end, or what is sent over it later waits too. */
static int on_new_socket(void *ctx UNUSED, curl_socket_t fd, curlsocktype purpose UNUSED)
{
	unsigned limit_ms = UNACKNOWLEDGED_MAX_MS;

	setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &limit_ms, sizeof limit_ms); /* not on a unix socket */
	return CURL_SOCKOPT_OK;
}

/* --- setting up ----------------------------------------------------------------------------- */

static bool is_loopback(const char *host)
{
	return strcasecmp(host, "localhost") == 0 || strncmp(host, "127.", 4) == 0 || strcmp(host, "[::1]") == 0;
}

static const char *url_part(CURLU *u, CURLUPart part, unsigned flags, struct arena *a)
{
	char *text = NULL;
	if (curl_url_get(u, part, &text, flags) != CURLUE_OK)
		return "";
	const char *copy = arena_strdup(a, text);
	curl_free(text);
	return copy;
}

/* The certificate is for another name than the one we dial: ask for that name, dial this one. */
static void rename_host(
	struct http_exchange *x, CURLU *u, const char *host, const char *port, const char *name)
{
	curl_url_set(u, CURLUPART_HOST, name, 0);
	x->connect_to = curl_slist_append(NULL, arena_printf(x->arena, "::%s:%s", host, port));
	curl_easy_setopt(x->easy, CURLOPT_CONNECT_TO, x->connect_to);
}

static bool set_url(struct http_exchange *x, const struct http_call *call, struct err *e)
{
	CURLU *u = curl_url();
	bool fine = u && curl_url_set(u, CURLUPART_URL, call->url, 0) == CURLUE_OK;
	const char *scheme = fine ? url_part(u, CURLUPART_SCHEME, 0, x->arena) : "";
	if (strcmp(scheme, "http") != 0 && strcmp(scheme, "https") != 0) {
		curl_url_cleanup(u);
		return err_set(e, ERR_INVALID, "'%.200s' is not an http or https URL", call->url);
	}
	const char *host = url_part(u, CURLUPART_HOST, 0, x->arena);
	const char *port = url_part(u, CURLUPART_PORT, CURLU_DEFAULT_PORT, x->arena);
	x->place = call->unix_socket ? arena_strdup(x->arena, call->unix_socket)
	                             : arena_printf(x->arena, "%s://%s:%s", scheme, host, port);
	if (call->proxy) {
		curl_easy_setopt(x->easy, CURLOPT_PROXY, call->proxy);
		curl_easy_setopt(x->easy, CURLOPT_NOPROXY, "");
	} else if (is_loopback(host)) {
		curl_easy_setopt(x->easy, CURLOPT_PROXY, "");
	}
	if (call->tls && call->tls->server_name)
		rename_host(x, u, host, port, call->tls->server_name);
	curl_easy_setopt(x->easy, CURLOPT_URL, url_part(u, CURLUPART_URL, 0, x->arena));
	curl_url_cleanup(u);
	return true;
}

static void set_pem(
	CURL *easy, CURLoption file_option, CURLoption blob_option, const char *file, const char *pem)
{
	struct curl_blob blob = {.flags = CURL_BLOB_COPY};
	if (pem) {
		memcpy(&blob.data, &pem, sizeof pem); /* copied by curl, whose type cannot say const */
		blob.len = strlen(pem);
		curl_easy_setopt(easy, blob_option, &blob);
	} else if (file) {
		curl_easy_setopt(easy, file_option, file);
	}
}

static void set_tls(CURL *easy, const struct http_tls *tls)
{
	if (!tls)
		return;
	set_pem(easy, CURLOPT_CAINFO, CURLOPT_CAINFO_BLOB, tls->ca_file, tls->ca_pem);
	if (tls->ca_file || tls->ca_pem) /* curl would add the system's folder of roots */
		curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
	set_pem(easy, CURLOPT_SSLCERT, CURLOPT_SSLCERT_BLOB, tls->cert_file, tls->cert_pem);
	set_pem(easy, CURLOPT_SSLKEY, CURLOPT_SSLKEY_BLOB, tls->key_file, tls->key_pem);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, tls->insecure ? 0L : 1L);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, tls->insecure ? 0L : 2L);
}

static bool append(struct http_exchange *x, const char *line)
{
	struct curl_slist *more = curl_slist_append(x->headers, line);
	if (more)
		x->headers = more;
	return more != NULL;
}

static bool set_headers(struct http_exchange *x, const struct http_call *call)
{
	bool fine = append(x, "Expect:"); /* no round trip before the body */
	if (call->body)
		fine &= append(x, arena_printf(x->arena, "Content-Type: %s",
							  call->content_type ? call->content_type : "application/json"));
	for (size_t i = 0; i < call->n_headers; i++) {
		const struct http_header *h = &call->headers[i];
		assert(!strpbrk(h->name, "\r\n:") && !strpbrk(h->value, "\r\n"));
		fine &= append(x, arena_printf(x->arena, *h->value ? "%s: %s" : "%s;", h->name, h->value));
	}
	curl_easy_setopt(x->easy, CURLOPT_HTTPHEADER, x->headers);
	if (call->bearer) {
		/* curl keeps it from other hosts when it follows a redirect. */
		curl_easy_setopt(x->easy, CURLOPT_HTTPAUTH, (long)CURLAUTH_BEARER);
		curl_easy_setopt(x->easy, CURLOPT_XOAUTH2_BEARER, call->bearer);
	}
	return fine;
}

static void set_body(struct http_exchange *x, const struct http_call *call)
{
	x->method = arena_strdup(x->arena, call->method ? call->method : call->body ? "POST" : "GET");
	if (strcmp(x->method, "HEAD") == 0) {
		curl_easy_setopt(x->easy, CURLOPT_NOBODY, 1L);
		return;
	}
	if (call->body || (strcmp(x->method, "GET") != 0 && strcmp(x->method, "DELETE") != 0)) {
		const void *copy = call->body_len ? arena_dup(x->arena, call->body, call->body_len) : "";
		curl_easy_setopt(x->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)call->body_len);
		curl_easy_setopt(x->easy, CURLOPT_POSTFIELDS, copy);
	}
	curl_easy_setopt(x->easy, CURLOPT_CUSTOMREQUEST, x->method);
}

static long to_ms(int64_t us)
{
	return us > 0 && us < 1000 ? 1 : (long)(us / 1000);
}

static void set_times(struct http_exchange *x, const struct http_call *call)
{
	int64_t connect_us = call->connect_timeout_us ? call->connect_timeout_us : CONNECT_DEFAULT_S * CLK_SECOND;
	x->timeout_us = call->timeout_us;
	if (!x->timeout_us && !call->on_data)
		x->timeout_us = TIMEOUT_DEFAULT_S * CLK_SECOND;
	curl_easy_setopt(x->easy, CURLOPT_CONNECTTIMEOUT_MS, to_ms(connect_us));
	curl_easy_setopt(x->easy, CURLOPT_TIMEOUT_MS, to_ms(x->timeout_us));
	if (call->silence_us) {
		curl_easy_setopt(x->easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
		curl_easy_setopt(
			x->easy, CURLOPT_LOW_SPEED_TIME, (long)((call->silence_us + CLK_SECOND - 1) / CLK_SECOND));
	}
}

static void set_callbacks(struct http_exchange *x, const struct http_call *call)
{
	x->on_head = call->on_head;
	x->on_data = call->on_data;
	x->ctx = call->ctx;
	x->follow = call->follow;
	curl_easy_setopt(x->easy, CURLOPT_ERRORBUFFER, x->error);
	curl_easy_setopt(x->easy, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(x->easy, CURLOPT_HEADERDATA, x);
	curl_easy_setopt(x->easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(x->easy, CURLOPT_WRITEDATA, x);
	curl_easy_setopt(x->easy, CURLOPT_PRIVATE, x);
}

bool http_exchange_begin(struct http_exchange *x, CURL *easy, struct arena *a, const struct http_call *call,
	const char *user_agent, struct err *e)
{
	*x = (struct http_exchange){.easy = easy, .arena = a, .start_us = clk_now_us()};
	strbuf_init(&x->body, call->max_body ? call->max_body : BODY_DEFAULT);
	curl_easy_reset(easy);
	set_callbacks(x, call);
	if (!set_url(x, call, e))
		return false;
	set_body(x, call);
	set_times(x, call);
	set_tls(easy, call->tls);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(easy, CURLOPT_USERAGENT, user_agent ? user_agent : "trimtab");
	curl_easy_setopt(
		easy, CURLOPT_HTTP_VERSION, (long)(call->http2 ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_1_1));
	curl_easy_setopt(easy, CURLOPT_PIPEWAIT, call->http2 ? 1L : 0L);
	curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(easy, CURLOPT_TCP_KEEPIDLE, (long)ALIVE_IDLE_S);
	curl_easy_setopt(easy, CURLOPT_TCP_KEEPINTVL, (long)ALIVE_INTERVAL_S);
	curl_easy_setopt(easy, CURLOPT_SOCKOPTFUNCTION, on_new_socket);
	if (!call->on_data)
		curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "");
	if (call->follow) {
		curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 1L);
		curl_easy_setopt(easy, CURLOPT_MAXREDIRS, (long)REDIRECTS_MAX);
	}
	if (call->unix_socket)
		curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, call->unix_socket);
	if (!set_headers(x, call))
		return err_set(e, ERR_INTERNAL, "no memory for the headers of a request");
	return true;
}

/* --- the end -------------------------------------------------------------------------------- */

static bool explain(const struct http_exchange *x, CURLcode code, struct err *e)
{
	const char *why = x->error[0] ? x->error : curl_easy_strerror(code);
	if (x->body.failed)
		return err_set(e, ERR_TOO_LARGE, "the answer of %s is larger than %zu bytes", x->place, x->body.max);
	switch ((int)code) {
	case CURLE_OPERATION_TIMEDOUT:
		return err_set(e, ERR_TIMEOUT, "%s did not answer in time: %s", x->place, why);
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_UNSUPPORTED_PROTOCOL:
	case CURLE_URL_MALFORMAT:
		return err_set(e, ERR_INVALID, "cannot ask %s: %s", x->place, why);
	default:
		return err_set(e, ERR_UNAVAILABLE, "cannot reach %s: %s", x->place, why);
	}
}

bool http_exchange_end(struct http_exchange *x, CURLcode code, struct http_answer *answer, struct err *e)
{
	long status = 0;
	*answer = (struct http_answer){0};
	if (code != CURLE_OK && !x->stopped)
		return explain(x, code, e);
	curl_easy_getinfo(x->easy, CURLINFO_RESPONSE_CODE, &status);
	*answer = (struct http_answer){
		.status = (int)status,
		.body = arena_strndup(x->arena, "", 0),
		.headers = x->got,
		.n_headers = x->n_got,
		.stopped = x->stopped,
		.took_us = clk_now_us() - x->start_us,
		.arena = x->arena,
	};
	if (x->body.len) {
		answer->body_len = x->body.len;
		char *body = strbuf_take(&x->body);
		arena_defer(x->arena, free, body);
		answer->body = body;
	}
	const char *type = http_answer_header(answer, "content-type");
	answer->content_type = type ? type : "";
	return true;
}

void http_exchange_free(struct http_exchange *x)
{
	curl_slist_free_all(x->headers);
	curl_slist_free_all(x->connect_to);
	strbuf_free(&x->body);
	x->headers = x->connect_to = NULL;
}

const char *http_answer_header(const struct http_answer *a, const char *name)
{
	for (size_t i = 0; i < a->n_headers; i++)
		if (strcasecmp(a->headers[i].name, name) == 0)
			return a->headers[i].value;
	return NULL;
}
