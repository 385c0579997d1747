/* Answers of unknown length, with back-pressure. */
#include <assert.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <stdio.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/loop.h"
#include "server/api/http_internal.h"

struct http_stream {
	struct http_call_state *call;
	struct http_stream_events events;
	void *ctx;
	bool chunked;
	bool closing; /* on_close comes at the end of this pass, unless ended */
	bool ended;
};

static void fire_close(void *ctx)
{
	struct http_stream *s = ctx;
	struct http_call_state *call = s->call;
	if (!s->ended && s->events.on_close)
		s->events.on_close(s->ctx);
	call->req.state_ = NULL;
	server_call_done(call);
}

void stream_lost(struct http_stream *s)
{
	if (s->closing)
		return;
	s->closing = true;
	loop_defer_free(s->call->loop, fire_close, s);
}

/* The last chunk, and the connection goes on or ends. */
static void finish_stream(struct http_stream *s)
{
	struct http_call_state *call = s->call;
	struct http_conn *c = call->conn;
	call->conn = NULL;
	c->call = NULL;
	if (s->chunked)
		conn_write(c, "0\r\n\r\n", 5, (struct conn_body){0});
	conn_answered(c, s->chunked && call_keeps(call));
}

void stream_stop(struct http_stream *s)
{
	if (s->closing)
		return;
	finish_stream(s);
	stream_lost(s);
}

void stream_drained(struct http_stream *s)
{
	if (s->events.on_drain && !s->closing)
		s->events.on_drain(s->ctx);
}

struct http_stream *http_stream_begin(
	struct http_req *req, int status, const char *type, const struct http_stream_events *events, void *ctx)
{
	struct http_call_state *call = req->state_;
	assert(call && !call->stream);
	struct http_stream *s = call->stream = ARENA_NEW(req->arena, struct http_stream);
	struct http_conn *c = call->conn;
	*s = (struct http_stream){.call = call, .events = *events, .ctx = ctx};
	call->status = status;
	call->on_gone = NULL;
	if (!c || c->eof) {
		if (c)
			conn_close(c);
		else
			stream_lost(s);
		return s;
	}
	s->chunked = call->head.minor >= 1 && req->method != HTTP_HEAD;
	call_write_head(call, status, type, -1, s->chunked);
	conn_set_state(c, CONN_STREAM);
	conn_write(c, call->server->head.data, call->server->head.len, (struct conn_body){0});
	if (req->method == HTTP_HEAD)
		stream_stop(s);
	return s;
}

bool http_stream_write(struct http_stream *s, const void *p, size_t n)
{
	if (s->closing)
		return false;
	struct http_conn *c = s->call->conn;
	char size[24];
	s->call->bytes += n;
	if (n && s->chunked) {
		int len = snprintf(size, sizeof size, "%zx\r\n", n);
		conn_write(c, size, (size_t)len, (struct conn_body){.p = p, .n = n});
		if (!s->closing)
			conn_write(c, "\r\n", 2, (struct conn_body){0});
	} else if (n) {
		conn_write(c, p, n, (struct conn_body){0});
	}
	if (!s->closing && conn_backlog(c) > HTTP_BACKLOG_MAX)
		conn_close(c);
	if (!s->closing && s->events.on_drain && conn_backlog(c) == 0)
		bufferevent_trigger(c->bev, EV_WRITE, BEV_TRIG_IGNORE_WATERMARKS | BEV_TRIG_DEFER_CALLBACKS);
	return !s->closing;
}

size_t http_stream_backlog(const struct http_stream *s)
{
	return s->closing ? 0 : conn_backlog(s->call->conn);
}

struct arena *http_stream_arena(struct http_stream *s)
{
	return s->call->req.arena;
}

void http_stream_end(struct http_stream *s)
{
	assert(!s->ended);
	s->ended = true;
	if (s->closing)
		return;
	finish_stream(s);
	s->closing = true;
	s->call->req.state_ = NULL;
	server_call_done(s->call);
}
