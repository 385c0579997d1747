#include "cli/client.h"

#include <assert.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/arena.h"
#include "lib/clk.h"
#include "lib/http_client.h"
#include "lib/uri.h"

enum { PROBLEMS_TEXT_MAX = 256 * 1024, READY_SECONDS = 2 };

/* "host:8746" and "http://host:8746/" are both "http://host:8746". */
static const char *base_url(const char *server, struct arena *a)
{
	size_t n;
	char *url = strstr(server, "://") ? arena_strdup(a, server) : arena_printf(a, "http://%s", server);

	for (n = strlen(url); n && url[n - 1] == '/'; n--)
		url[n - 1] = '\0';
	return url;
}

/* Where a server that is started here, with this environment, would listen. */
static const char *local_server(struct arena *a)
{
	const char *listen = getenv("TRIMTAB_LISTEN"), *port = listen ? strrchr(listen, ':') : NULL;
	bool any = listen && (strncmp(listen, "0.0.0.0:", 8) == 0 || strncmp(listen, "[::]:", 5) == 0);

	if (!port)
		return DEFAULT_SERVER;
	return any ? arena_printf(a, "http://127.0.0.1%s", port) : arena_printf(a, "http://%s", listen);
}

struct client *client_new(const struct connection_values *v, bool named, struct arena *a)
{
	struct client *c = ARENA_NEW(a, struct client);

	c->server = base_url(named ? v->server : local_server(a), a);
	c->named = named;
	c->token = v->token && *v->token ? v->token : NULL;
	c->ns = v->namespace;
	c->ca_file = v->ca_file;
	c->insecure = v->insecure;
	c->session = http_session_new();
	strbuf_init(&c->problems, PROBLEMS_TEXT_MAX);
	return c;
}

void client_free(struct client *c)
{
	if (!c)
		return;
	http_session_free(c->session);
	strbuf_free(&c->problems);
}

/* The kind of error that a problem's type names; the status decides where there is none. */
static enum err_code code_of(const char *type, int status)
{
	static const struct {
		const char *type;
		int status;
		enum err_code code;
	} kinds[] = {
#define X(code, status, type, title) {type, status, code},
		ERR_MAP(X)
#undef X
	};
	const char *word = type && strrchr(type, '/') ? strrchr(type, '/') + 1 : "";

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (strcmp(word, kinds[i].type) == 0)
			return kinds[i].code;
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (status == kinds[i].status)
			return kinds[i].code;
	return status >= 400 && status < 500 ? ERR_INVALID : ERR_INTERNAL;
}

static void add_meant(struct strbuf *out, const cJSON *meant)
{
	const char *word = json_str(meant);
	size_t n = 0;

	if (word)
		strbuf_printf(out, "; did you mean %s?", word);
	json_each(item, meant)
		if (json_str(item))
			strbuf_printf(out, "%s%s", n++ ? " or " : "; did you mean ", json_str(item));
	if (n)
		strbuf_putc(out, '?');
}

static void keep_problems(struct client *c, const cJSON *problem)
{
	json_each(item, json_get(problem, "errors")) {
		const char *pointer = json_str(json_get(item, "pointer"));
		const char *detail = json_str(json_get(item, "detail"));

		strbuf_printf(&c->problems, "  %s%s%s", pointer ? pointer : "", pointer && *pointer ? ": " : "",
			detail ? detail : "");
		add_meant(&c->problems, json_get(item, "didYouMean"));
		strbuf_putc(&c->problems, '\n');
	}
	json_each(item, json_get(problem, "diff")) {
		const char *pointer = json_str(json_get(item, "pointer"));

		if (pointer)
			strbuf_printf(&c->problems, "  differs: %s\n", pointer);
	}
}

/* An answer of status 400 or more. */
static bool refused(struct client *c, const struct reply *r, struct err *e)
{
	const char *title = json_str(json_get(r->json, "title"));
	const char *detail = json_str(json_get(r->json, "detail"));
	enum err_code code = code_of(json_str(json_get(r->json, "type")), r->status);
	size_t n = title ? strlen(title) : 0;

	keep_problems(c, r->json);
	if (!title)
		return err_set(
			e, code, "%s answered %d to a request of the API; is it a trimtab server?", c->server, r->status);
	if (!detail || !*detail)
		return err_set(e, code, "%s", title);
	if (!json_get(r->json, "errors"))
		return err_set(e, code, "%s", detail);
	return err_set(e, code, "%s%s %s", title, n && ispunct((unsigned char)title[n - 1]) ? "" : ".", detail);
}

static const char *next_page(const struct client *c, struct arena *a, const char *link)
{
	const char *open = link ? strchr(link, '<') : NULL;
	const char *close = open ? strchr(open, '>') : NULL;
	size_t base = strlen(c->server);
	char *url;

	if (!close || !strstr(close, "rel=\"next\""))
		return NULL;
	url = arena_strndup(a, open + 1, (size_t)(close - open - 1));
	return strncmp(url, c->server, base) == 0 ? url + base : url;
}

static size_t fill_headers(const struct request *r, struct http_header headers[3])
{
	size_t n = 0;

	headers[n++] = (struct http_header){"Accept", r->accept ? r->accept : "application/json"};
	if (r->if_match)
		headers[n++] = (struct http_header){"If-Match", r->if_match};
	if (r->idempotency_key)
		headers[n++] = (struct http_header){"Idempotency-Key", r->idempotency_key};
	return n;
}

/* A stream's error answer is no data: it is gathered and read like any other. */
struct stream {
	const struct request *r;
	int status;
	struct strbuf error;
};

static bool stream_head(void *ctx, int status)
{
	((struct stream *)ctx)->status = status;
	return true;
}

static bool stream_data(void *ctx, const char *p, size_t n)
{
	struct stream *s = ctx;

	return s->status < 400 ? s->r->on_data(s->r->ctx, p, n) : strbuf_add(&s->error, p, n);
}

static void read_answer(
	struct client *c, struct arena *a, const struct http_answer *answer, struct stream *s, struct reply *out)
{
	bool stream = s->r->on_data != NULL;

	out->status = answer->status;
	out->text = stream ? arena_strdup(a, s->error.data) : answer->body;
	out->len = stream ? s->error.len : answer->body_len;
	out->link_next = next_page(c, a, http_answer_header(answer, "Link"));
	if (out->len && (stream || strstr(answer->content_type, "json")))
		out->json = json_parse(out->text, out->len, 0, a, NULL);
}

bool client_call(struct client *c, struct arena *a, const struct request *r, struct reply *out, struct err *e)
{
	struct http_header headers[3];
	struct http_tls tls = {.ca_file = c->ca_file, .insecure = c->insecure};
	struct stream stream = {.r = r};
	struct http_answer answer;
	bool ok;

	*out = (struct reply){0};
	strbuf_reset(&c->problems);
	strbuf_init(&stream.error, PROBLEMS_TEXT_MAX);
	ok = http_fetch(c->session,
		&(struct http_call){
			.method = r->method,
			.url = arena_printf(a, "%s%s", c->server, r->path),
			.headers = headers,
			.n_headers = fill_headers(r, headers),
			.body = r->body,
			.body_len = r->body_len || !r->body ? r->body_len : strlen(r->body),
			.content_type = r->content_type,
			.bearer = c->token,
			.tls = &tls,
			.timeout_us = r->timeout_us,
			.on_head = r->on_data ? stream_head : NULL,
			.on_data = r->on_data ? stream_data : NULL,
			.ctx = &stream,
		},
		a, &answer, e);
	if (ok)
		read_answer(c, a, &answer, &stream, out);
	strbuf_free(&stream.error);
	if (!ok)
		return false;
	return out->status < 400 || refused(c, out, e);
}

bool client_get(struct client *c, struct arena *a, const char *path, const cJSON **out, struct err *e)
{
	struct reply reply;

	if (!client_call(c, a, &(struct request){.path = path}, &reply, e))
		return false;
	*out = reply.json;
	return reply.json || err_set(e, ERR_INTERNAL, "%s answered something that is no JSON", c->server);
}

bool client_post(
	struct client *c, struct arena *a, const char *path, const char *json, const cJSON **out, struct err *e)
{
	struct reply reply;

	if (!client_call(c, a, &(struct request){.method = "POST", .path = path, .body = json}, &reply, e))
		return false;
	*out = reply.json;
	return true;
}

bool client_ready(struct client *c, struct arena *a)
{
	struct request r = {.path = "/healthz", .accept = "*/*", .timeout_us = READY_SECONDS * CLK_SECOND};
	struct reply reply;
	struct err e;

	return client_call(c, a, &r, &reply, &e);
}

const char *url_escape(struct arena *a, const char *text)
{
	struct strbuf b;
	const char *escaped;

	strbuf_init(&b, PROBLEMS_TEXT_MAX);
	uri_encode(&b, text);
	escaped = arena_strdup(a, b.data);
	strbuf_free(&b);
	return escaped;
}

const char *client_path(const struct client *c, struct arena *a, const char *name, const char *suffix)
{
	return arena_printf(a, "/api/v1/namespaces/%s/experiments%s%s%s", url_escape(a, c->ns), name ? "/" : "",
		name ? url_escape(a, name) : "", suffix ? suffix : "");
}

bool client_each(
	struct client *c, struct arena *a, const char *path, client_item_fn *fn, void *ctx, struct err *e)
{
	const char *page = path;

	for (;;) {
		const cJSON *list;
		const char *more;

		if (!client_get(c, a, page, &list, e))
			return false;
		json_each(item, json_get(list, "items"))
			if (!fn(ctx, item))
				return true;
		more = json_str(json_get(list, "continue"));
		if (!more || !*more)
			return true;
		page = arena_printf(a, "%s%ccontinue=%s", path, strchr(path, '?') ? '&' : '?', url_escape(a, more));
	}
}
