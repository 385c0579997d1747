#include "server/api/sse.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "lib/attr.h"
#include "lib/clk.h"
#include "lib/loop.h"
#include "lib/mem.h"
#include "lib/strbuf.h"
#include "server/api/http.h"

struct sse {
	struct http_stream *stream;
	struct loop_timer *heartbeat;
	struct strbuf frame;
	void (*on_close)(void *ctx);
	void *ctx;
};

static void sse_free(struct sse *s)
{
	loop_timer_free(s->heartbeat);
	strbuf_free(&s->frame);
	free(s);
}

static void on_close(void *ctx)
{
	struct sse *s = ctx;
	void (*fn)(void *) = s->on_close;
	void *fn_ctx = s->ctx;
	sse_free(s);
	fn(fn_ctx);
}

static void on_heartbeat(void *ctx)
{
	static const char comment[] = ": keep-alive\n\n";
	struct sse *s = ctx;
	if (http_stream_write(s->stream, comment, sizeof comment - 1))
		loop_timer_after(s->heartbeat, SSE_HEARTBEAT_S * CLK_SECOND);
}

struct sse *sse_begin(struct http_req *req, struct loop *l, void (*closed)(void *ctx), void *ctx)
{
	static const struct http_stream_events events = {.on_close = on_close};
	struct sse *s = xcalloc(1, sizeof *s);
	s->on_close = closed;
	s->ctx = ctx;
	s->heartbeat = loop_timer_new(l, on_heartbeat, s);
	strbuf_init(&s->frame, HTTP_BACKLOG_MAX);
	http_set_header(req, "Cache-Control", "no-cache");
	http_set_header(req, "X-Accel-Buffering", "no");
	s->stream = http_stream_begin(req, 200, "text/event-stream", &events, s);
	/* A client that comes back before the first event has an id too, by which it is known. */
	strbuf_printf(&s->frame, "retry: %d\nid: 0\n\n", SSE_RETRY_MS);
	http_stream_write(s->stream, s->frame.data, s->frame.len);
	loop_timer_after(s->heartbeat, SSE_HEARTBEAT_S * CLK_SECOND);
	return s;
}

bool sse_send(struct sse *s, int64_t id, const char *event, const char *data, size_t n)
{
	struct strbuf *b = &s->frame;
	strbuf_reset(b);
	if (id)
		strbuf_printf(b, "id: %" PRId64 "\n", id);
	if (event)
		strbuf_printf(b, "event: %s\n", event);
	strbuf_puts(b, "data: ");
	strbuf_add(b, data, n);
	strbuf_puts(b, "\n\n");
	return !b->failed && http_stream_write(s->stream, b->data, b->len);
}

void sse_end(struct sse *s)
{
	http_stream_end(s->stream);
	sse_free(s);
}
