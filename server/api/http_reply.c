/* Calls and their answers. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/clk.h"
#include "server/api/http_internal.h"

static struct http_call_state *call_of(const struct http_req *req)
{
	assert(req->state_ && "the request was answered before");
	return req->state_;
}

/* Sorts by time: ten characters of milliseconds, six that tell apart (Crockford's base 32). */
static const char *new_id(struct http_server *s, struct arena *a)
{
	static const char digits[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
	enum { ID_LEN = 16 };
	uint64_t ms = (uint64_t)(clk_wall_us() / 1000), n = s->next_id++;
	char id[ID_LEN];
	for (int i = 9; i >= 0; i--, ms >>= 5)
		id[i] = digits[ms & 31];
	for (int i = 15; i >= 10; i--, n >>= 5)
		id[i] = digits[n & 31];
	return arena_strndup(a, id, ID_LEN);
}

struct http_call_state *call_new(struct http_conn *c)
{
	struct http_server *s = c->server;
	struct arena *a = server_arena(s);
	struct http_call_state *call = ARENA_NEW(a, struct http_call_state);
	call->loop = s->loop;
	call->server = s;
	call->conn = c;
	call->head.minor = 1;
	call->head.content_length = -1;
	call->head.method_name = "?";
	strbuf_init(&call->headers, HTTP_HEAD_MAX);
	strbuf_init(&call->out, SIZE_MAX / 2);
	struct http_req *req = &call->req;
	req->arena = a;
	req->state_ = call;
	req->method = HTTP_OTHER;
	req->path = req->media_type = req->body = "";
	req->peer = arena_strdup(a, c->peer);
	req->start_us = clk_now_us();
	req->id = new_id(s, a);
	call->deadline_us = req->start_us + s->config.request_timeout_us;
	LIST_INSERT_HEAD(&s->calls, call, link);
	s->n_calls++;
	return call;
}

const char *http_header(const struct http_req *req, const char *name)
{
	const struct http_head *h = &call_of(req)->head;
	return http_head_find(h->headers, h->n_headers, name);
}

bool http_gone(const struct http_req *req)
{
	const struct http_call_state *call = call_of(req);
	return !call->conn || call->conn->eof;
}

void http_on_gone(struct http_req *req, void (*fn)(void *ctx), void *ctx)
{
	struct http_call_state *call = call_of(req);
	call->on_gone = fn;
	call->gone_ctx = ctx;
}

void call_gone(struct http_call_state *call)
{
	void (*fn)(void *) = call->on_gone;
	call->on_gone = NULL;
	if (fn)
		fn(call->gone_ctx);
}

void http_set_deadline(struct http_req *req, int64_t us)
{
	call_of(req)->deadline_us = clk_now_us() + us;
}

/* --- heads ---------------------------------------------------------------------------------- */

/* A value that came from outside must not begin a header of its own. */
void http_set_header(struct http_req *req, const char *name, const char *value)
{
	struct strbuf *b = &call_of(req)->headers;
	strbuf_puts(b, name);
	strbuf_puts(b, ": ");
	for (; *value; value++)
		strbuf_putc(b, (unsigned char)*value < 0x20 || *value == 0x7f ? ' ' : *value);
	strbuf_puts(b, "\r\n");
}

static const char *phrase(int status)
{
	static const struct {
		int status;
		const char *text;
	} phrases[] = {
		{200, "OK"},
		{201, "Created"},
		{202, "Accepted"},
		{204, "No Content"},
		{301, "Moved Permanently"},
		{302, "Found"},
		{303, "See Other"},
		{304, "Not Modified"},
		{307, "Temporary Redirect"},
		{400, "Bad Request"},
		{401, "Unauthorized"},
		{403, "Forbidden"},
		{404, "Not Found"},
		{405, "Method Not Allowed"}, {408, "Request Timeout"},
		{406, "Not Acceptable"},
		{409, "Conflict"},
		{410, "Gone"},
		{412, "Precondition Failed"},
		{413, "Content Too Large"},
		{415, "Unsupported Media Type"},
		{422, "Unprocessable Content"},
		{429, "Too Many Requests"},
		{500, "Internal Server Error"},
		{501, "Not Implemented"},
		{503, "Service Unavailable"},
		{504, "Gateway Timeout"},
	};
	for (size_t i = 0; i < ARRAY_LEN(phrases); i++)
		if (phrases[i].status == status)
			return phrases[i].text;
	return "-";
}

static bool has_body(int status)
{
	return status >= 200 && status != 204 && status != 304;
}

bool call_keeps(const struct http_call_state *call)
{
	return call->head.keep_alive && !call->close && !call->server->stopping;
}

/* length -1: a stream. */
void call_write_head(struct http_call_state *call, int status, const char *type, int64_t length, bool keep)
{
	struct strbuf *b = &call->server->head;
	strbuf_reset(b);
	strbuf_printf(b, "HTTP/1.1 %d %s\r\nDate: %s\r\n", status, phrase(status), server_date(call->server));
	if (has_body(status)) {
		if (type)
			strbuf_printf(b, "Content-Type: %s\r\n", type);
		if (length >= 0)
			strbuf_printf(b, "Content-Length: %lld\r\n", (long long)length);
		else if (keep)
			strbuf_puts(b, "Transfer-Encoding: chunked\r\n");
	}
	strbuf_printf(b, "X-Request-Id: %s\r\n", call->req.id);
	if (!keep)
		strbuf_puts(b, "Connection: close\r\n");
	else if (call->head.minor == 0)
		strbuf_puts(b, "Connection: keep-alive\r\n");
	strbuf_add(b, call->headers.data, call->headers.len);
	strbuf_puts(b, "\r\n");
	assert(!b->failed);
}

/* --- answers -------------------------------------------------------------------------------- */

static void finish(struct http_call_state *call)
{
	if (call->timed_out && call->conn) {
		/* Answered in the handler's place: the handler still owns the request. */
		call->conn = NULL;
		strbuf_reset(&call->headers);
		return;
	}
	call->req.state_ = NULL;
	server_call_done(call);
}

static void hold_back(struct http_call_state *call, int status, const char *type, struct conn_body body)
{
	http_hold_fn *hold = call->hold;
	call->hold = NULL;
	call->held = (struct http_held){.status = status,
		.type = arena_strdup(call->req.arena, type),
		.headers = arena_strndup(call->req.arena, call->headers.data, call->headers.len),
		.body = arena_strndup(call->req.arena, body.p ? body.p : "", body.n),
		.n = body.n};
	free(body.release);
	hold(&call->req, &call->held, call->hold_ctx);
}

static void reply(struct http_call_state *call, int status, const char *type, struct conn_body body)
{
	struct http_conn *c = call->conn;
	/* What the server itself says in place of a handler that is late is not held. */
	if (call->hold && !(call->timed_out && c)) {
		hold_back(call, status, type, body);
		return;
	}
	if (!c) {
		if (!call->status)
			call->status = status;
		free(body.release);
		finish(call);
		return;
	}
	bool keep = call_keeps(call);
	call->status = status;
	call->bytes = body.n;
	call_write_head(call, status, type, (int64_t)body.n, keep);
	if (!has_body(status) || call->req.method == HTTP_HEAD) {
		free(body.release);
		body = (struct conn_body){0};
	}
	c->call = NULL; /* so that a broken connection does not tell the handler */
	conn_write(c, call->server->head.data, call->server->head.len, body);
	finish(call);
	conn_answered(c, keep);
}

void http_hold(struct http_req *req, http_hold_fn *hold, void *ctx)
{
	call_of(req)->hold = hold;
	call_of(req)->hold_ctx = ctx;
}

void http_release(struct http_req *req)
{
	const struct http_held *h = &call_of(req)->held;
	reply(call_of(req), h->status, h->type, (struct conn_body){.p = h->body, .n = h->n});
}

struct json_writer *http_json(struct http_req *req)
{
	struct http_call_state *call = call_of(req);
	struct http_server *s = call->server;
	if (!call->out.cap && s && s->spare_out.cap) {
		size_t max = call->out.max;
		call->out = s->spare_out;
		call->out.max = max;
		s->spare_out = (struct strbuf){0};
		strbuf_init(&s->spare_out, 1);
	}
	strbuf_reset(&call->out);
	jw_init(&call->json, &call->out);
	return &call->json;
}

static void reply_out(struct http_call_state *call, int status, const char *type)
{
	assert(call->json.depth == 0 && "an object or array was not ended");
	struct conn_body body = {.p = call->out.data, .n = call->out.len};
	if (call->out.failed) {
		struct err e;
		strbuf_free(&call->out);
		err_set(&e, ERR_INTERNAL, "the answer does not fit into memory");
		http_reply_err(&call->req, &e);
		return;
	}
	if (body.n > OUTPUT_HIGH)
		body.release = strbuf_take(&call->out); /* sent without a copy */
	reply(call, status, type, body);
}

void http_reply_json(struct http_req *req, int status)
{
	reply_out(call_of(req), status, "application/json");
}

void http_reply_bytes(struct http_req *req, int status, const char *type, const void *p, size_t n)
{
	reply(call_of(req), status, type, (struct conn_body){.p = p, .n = n});
}

void http_reply_text(struct http_req *req, int status, const char *text)
{
	http_reply_bytes(req, status, "text/plain; charset=utf-8", text, strlen(text));
}

void http_reply_static(struct http_req *req, int status, const char *type, const void *p, size_t n)
{
	reply(call_of(req), status, type, (struct conn_body){.p = p, .n = n, .lasting = true});
}

void http_reply_strbuf_take(struct http_req *req, int status, const char *type, struct strbuf *b)
{
	size_t n = b->len;
	char *p = strbuf_take(b);
	reply(call_of(req), status, type, (struct conn_body){.p = p, .n = n, .release = p});
}

void http_reply_empty(struct http_req *req, int status)
{
	reply(call_of(req), status, NULL, (struct conn_body){0});
}

void http_reply_json_as(struct http_req *req, int status, const char *type)
{
	reply_out(call_of(req), status, type);
}
