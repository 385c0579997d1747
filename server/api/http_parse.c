#include "server/api/http_parse.h"

#include <assert.h>
#include <string.h>
#include <strings.h>

#include "lib/arena.h"
#include "lib/num.h"
#include "lib/strbuf.h"

static const char *const method_names[] = {
	[HTTP_GET] = "GET",
	[HTTP_HEAD] = "HEAD",
	[HTTP_POST] = "POST",
	[HTTP_PUT] = "PUT",
	[HTTP_PATCH] = "PATCH",
	[HTTP_DELETE] = "DELETE",
	[HTTP_OPTIONS] = "OPTIONS",
	[HTTP_OTHER] = "?",
};

const char *http_method_name(enum http_method m)
{
	assert((size_t)m < ARRAY_LEN(method_names));
	return method_names[m];
}

/* RFC 9110 "tchar": what names of methods and headers are made of. */
static bool is_token_char(unsigned char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c && strchr("!#$%&'*+-.^_`|~", c));
}

static size_t token_length(const char *p)
{
	size_t n = 0;
	while (is_token_char((unsigned char)p[n]))
		n++;
	return n;
}

size_t http_head_end(const char *p, size_t n, size_t *scanned)
{
	/* An empty line is LF LF or LF CR LF; look again at the last two bytes of the previous call. */
	size_t at = *scanned > 2 ? *scanned - 2 : 0;
	while (at < n) {
		const char *lf = memchr(p + at, '\n', n - at);
		if (!lf)
			break;
		size_t next = (size_t)(lf - p) + 1;
		if (next < n && p[next] == '\n')
			return next + 1;
		if (next + 1 < n && p[next] == '\r' && p[next + 1] == '\n')
			return next + 2;
		at = next;
	}
	*scanned = n;
	return 0;
}

/* Cuts off the next line (without CR LF) of the text that ends at `end`. */
static char *next_line(char **at, char *end)
{
	char *line = *at, *lf = memchr(line, '\n', (size_t)(end - line));
	assert(lf && "the head ends with an empty line");
	*at = lf + 1;
	if (lf > line && lf[-1] == '\r')
		lf--;
	*lf = '\0';
	return line;
}

static bool bad_bytes(const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)p[i];
		if ((c < 0x20 && c != '\t' && c != '\n' && c != '\r') || c == 0x7f)
			return true;
		if (c == '\r' && (i + 1 == n || p[i + 1] != '\n'))
			return true;
	}
	return false;
}

/* "http://host/path" is for proxies, but every server must take it: only the path counts here. */
static char *skip_authority(char *target)
{
	char *colon = strstr(target, "://");
	if (target[0] == '/' || !colon)
		return target;
	char *slash = strpbrk(colon + 3, "/?");
	return slash ? slash : colon + strlen(colon);
}

static bool parse_target(char *target, struct http_head *out, struct err *e)
{
	char *path = skip_authority(target);
	char *query = strchr(path, '?');
	if (query) {
		*query++ = '\0';
		out->query = query;
	}
	out->path = path[0] || path == target ? path : "/";
	if (strchr(path, '#') || (query && strchr(query, '#')))
		return err_set(e, ERR_MALFORMED, "the request's target has a fragment");
	if (out->path[0] != '/' && !(out->method == HTTP_OPTIONS && strcmp(path, "*") == 0))
		return err_set(e, ERR_MALFORMED, "the request's target is not a path");
	return true;
}

static bool parse_request_line(char *line, struct http_head *out, struct err *e)
{
	size_t n = token_length(line);
	char *target = line + n + 1;
	if (n == 0 || line[n] != ' ')
		return err_set(e, ERR_MALFORMED, "the request line has no method");
	line[n] = '\0';
	out->method_name = line;
	out->method = HTTP_OTHER;
	for (int m = 0; m < HTTP_OTHER; m++)
		if (strcmp(line, method_names[m]) == 0)
			out->method = (enum http_method)m;

	char *version = strchr(target, ' ');
	if (!version)
		return err_set(e, ERR_MALFORMED, "the request line has no HTTP version");
	*version++ = '\0';
	if (strcmp(version, "HTTP/1.1") != 0 && strcmp(version, "HTTP/1.0") != 0)
		return err_set(e, ERR_MALFORMED, "the version is not HTTP/1.1 or HTTP/1.0");
	out->minor = version[7] - '0';
	return parse_target(target, out, e);
}

static bool parse_header(char *line, struct http_pair *h, struct err *e)
{
	size_t n = token_length(line);
	if (n == 0 || line[n] != ':')
		return err_set(e, ERR_MALFORMED, "a header line is not \"name: value\"");
	line[n] = '\0';
	char *value = line + n + 1;
	value += strspn(value, " \t");
	size_t len = strlen(value);
	while (len && (value[len - 1] == ' ' || value[len - 1] == '\t'))
		value[--len] = '\0';
	*h = (struct http_pair){line, value};
	return true;
}

const char *http_head_find(const struct http_pair *headers, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcasecmp(headers[i].name, name) == 0)
			return headers[i].value;
	return NULL;
}

bool http_token_in(const char *list, const char *token)
{
	size_t len = strlen(token);
	while (list && *list) {
		list += strspn(list, " \t,");
		size_t n = strcspn(list, " \t,;");
		if (n == len && strncasecmp(list, token, len) == 0)
			return true;
		list += strcspn(list, ",");
	}
	return false;
}

static bool set_content_length(struct http_head *h, const char *value, struct err *e)
{
	int64_t n;
	if (h->content_length >= 0)
		return err_set(e, ERR_MALFORMED, "Content-Length is there twice");
	if (!(value[0] >= '0' && value[0] <= '9') || !num_parse_i64(value, strlen(value), &n))
		return err_set(e, ERR_MALFORMED, "Content-Length is not a number");
	h->content_length = n;
	return true;
}

static bool set_transfer_encoding(struct http_head *h, const char *value, struct err *e)
{
	if (h->chunked || strcasecmp(value, "chunked") != 0)
		return err_set(e, ERR_MALFORMED, "Transfer-Encoding is not \"chunked\"");
	h->chunked = true;
	return true;
}

/* What the headers mean for the connection. */
static bool set_framing(struct http_head *h, struct err *e)
{
	bool host = false;
	for (size_t i = 0; i < h->n_headers; i++) {
		const char *name = h->headers[i].name, *value = h->headers[i].value;
		if (strcasecmp(name, "content-length") == 0) {
			if (!set_content_length(h, value, e))
				return false;
		} else if (strcasecmp(name, "transfer-encoding") == 0) {
			if (!set_transfer_encoding(h, value, e))
				return false;
		} else if (strcasecmp(name, "connection") == 0) {
			if (http_token_in(value, "close"))
				h->keep_alive = false;
			else if (http_token_in(value, "keep-alive"))
				h->keep_alive = true;
		} else if (strcasecmp(name, "expect") == 0) {
			h->expect_continue = h->minor >= 1 && strcasecmp(value, "100-continue") == 0;
		} else if (strcasecmp(name, "host") == 0) {
			if (host)
				return err_set(e, ERR_MALFORMED, "Host is there twice");
			host = true;
		}
	}
	if (h->chunked && h->content_length >= 0)
		return err_set(e, ERR_MALFORMED, "Content-Length and Transfer-Encoding are both there");
	if (h->minor >= 1 && !host)
		return err_set(e, ERR_MALFORMED, "the Host header is missing");
	return true;
}

bool http_head_parse(char *text, size_t n, struct arena *a, struct http_head *out, struct err *e)
{
	*out = (struct http_head){.content_length = -1};
	if (bad_bytes(text, n))
		return err_set(e, ERR_MALFORMED, "the request's head has control characters");
	char *at = text, *end = text + n;
	char *line = next_line(&at, end);
	if (!parse_request_line(line, out, e))
		return false;
	out->keep_alive = out->minor >= 1;

	struct http_pair headers[HTTP_HEADERS_MAX];
	while (*(line = next_line(&at, end))) {
		if (out->n_headers == HTTP_HEADERS_MAX)
			return err_set(e, ERR_TOO_LARGE, "the request has more than %d headers", HTTP_HEADERS_MAX);
		if (!parse_header(line, &headers[out->n_headers], e))
			return false;
		out->n_headers++;
	}
	out->headers = arena_dup(a, headers, out->n_headers * sizeof headers[0]);
	return set_framing(out, e);
}

/* --- chunked bodies ------------------------------------------------------------------------- */

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* "1a2b;extension" CR LF. */
static bool parse_chunk_size(const char *p, size_t n, uint64_t *size)
{
	size_t i = 0;
	for (*size = 0; i < n && hex_digit(p[i]) >= 0; i++) {
		if (i == 15)
			return false;
		*size = *size * 16 + (unsigned)hex_digit(p[i]);
	}
	return i > 0 && (i == n || p[i] == ';' || p[i] == ' ' || p[i] == '\t');
}

/* Takes one line; false if it is not complete yet. *len is without CR LF. */
static bool take_line(const char *p, size_t n, size_t *len, size_t *used)
{
	const char *lf = memchr(p, '\n', n);
	if (!lf)
		return false;
	*len = (size_t)(lf - p);
	*used += *len + 1;
	if (*len && p[*len - 1] == '\r')
		--*len;
	return true;
}

enum step { STEP_ON, STEP_MORE, STEP_BAD };

static enum step chunk_line(struct http_chunks *c, const char *p, size_t n, size_t *used)
{
	enum { LINE_MAX_ = 256 };
	size_t len;
	if (!take_line(p, n, &len, used))
		return n > LINE_MAX_ ? STEP_BAD : STEP_MORE;
	if (c->state == HTTP_CHUNK_DATA_END) {
		c->state = HTTP_CHUNK_SIZE;
		return len == 0 ? STEP_ON : STEP_BAD;
	}
	if (len > LINE_MAX_ || !parse_chunk_size(p, len, &c->left))
		return STEP_BAD;
	c->state = c->left ? HTTP_CHUNK_DATA : HTTP_CHUNK_TRAILER;
	return STEP_ON;
}

/* Trailers are read and forgotten. */
static enum step chunk_trailer(struct http_chunks *c, const char *p, size_t n, size_t *used)
{
	size_t len;
	if (!take_line(p, n, &len, used))
		return c->trailer + n > HTTP_HEAD_MAX ? STEP_BAD : STEP_MORE;
	c->trailer += len;
	if (len == 0)
		c->state = HTTP_CHUNK_DONE;
	return c->trailer > HTTP_HEAD_MAX ? STEP_BAD : STEP_ON;
}

static enum step chunk_data(struct http_chunks *c, const char *p, size_t n, size_t *used, struct strbuf *out)
{
	size_t take = n < c->left ? n : (size_t)c->left;
	if (take == 0)
		return STEP_MORE;
	strbuf_add(out, p, take);
	*used += take;
	c->left -= take;
	if (c->left == 0)
		c->state = HTTP_CHUNK_DATA_END;
	return STEP_ON;
}

bool http_chunks_feed(
	struct http_chunks *c, const char *p, size_t n, size_t *used, struct strbuf *out, struct err *e)
{
	enum step step = STEP_ON;
	*used = 0;
	while (step == STEP_ON && c->state != HTTP_CHUNK_DONE && !out->failed) {
		const char *at = p + *used;
		size_t left = n - *used;
		if (c->state == HTTP_CHUNK_DATA)
			step = chunk_data(c, at, left, used, out);
		else if (c->state == HTTP_CHUNK_TRAILER)
			step = chunk_trailer(c, at, left, used);
		else
			step = chunk_line(c, at, left, used);
		/* Refuse before the bytes come: a chunk that cannot fit says so in its size. */
		if (c->state == HTTP_CHUNK_DATA && c->left > out->max - out->len)
			out->failed = true;
	}
	if (step == STEP_BAD)
		return err_set(e, ERR_MALFORMED, "the chunked body cannot be read");
	if (out->failed)
		return err_set(e, ERR_TOO_LARGE, "the body is larger than %zu bytes", out->max);
	return true;
}
