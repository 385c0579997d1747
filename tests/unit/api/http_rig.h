/* What the tests of the HTTP server share: a handler that does what the path says. */
#pragma once
#include "tests/unit/api/rig.h"

#include "server/api/sse.h"

static struct {
	struct http_req *held; /* /hold: answered by the test */
	int gone, closed, drained, handled;
	struct http_stream *stream;
	struct sse *sse;
	struct loop *loop;
} seen;

static inline void note_gone(void *ctx UNUSED)
{
	seen.gone++;
}
static inline void note_closed(void *ctx UNUSED)
{
	seen.closed++;
	seen.stream = NULL;
	seen.sse = NULL;
}
static inline void note_drained(void *ctx UNUSED)
{
	seen.drained++;
}

static inline void echo(struct http_req *req)
{
	struct json_writer *w = http_json(req);
	jw_object(w, NULL);
	jw_str(w, "method", http_method_name(req->method));
	jw_str(w, "path", req->path);
	jw_str(w, "query", req->query_text);
	jw_str(w, "type", req->media_type);
	jw_int(w, "length", (int64_t)req->body_len);
	if (req->body_len < 1000)
		jw_strn(w, "body", req->body, req->body_len);
	jw_end(w);
	http_reply_json(req, 200);
}

static inline void handle(struct http_req *req, void *ctx UNUSED)
{
	static const struct http_stream_events events = {note_drained, note_closed};
	static char large[3 << 20];
	seen.handled++;
	if (strcmp(req->path, "/hold") == 0) {
		seen.held = req;
		http_on_gone(req, note_gone, NULL);
	} else if (strcmp(req->path, "/stream") == 0) {
		seen.stream = http_stream_begin(req, 200, "text/plain", &events, NULL);
	} else if (strcmp(req->path, "/sse") == 0) {
		seen.sse = sse_begin(req, seen.loop, note_closed, NULL);
	} else if (strcmp(req->path, "/large") == 0) {
		memset(large, 'x', sizeof large);
		http_reply_static(req, 200, "text/plain", large, sizeof large);
	} else if (strcmp(req->path, "/large-json") == 0) {
		struct json_writer *w = http_json(req);
		jw_array(w, NULL);
		for (int i = 0; i < 100000; i++)
			jw_int(w, NULL, i);
		jw_end(w);
		http_reply_json(req, 200);
	} else if (strcmp(req->path, "/empty") == 0) {
		http_reply_empty(req, 204);
	} else if (strcmp(req->path, "/header") == 0) {
		http_set_header(req, "Location", "/a\r\nX-Evil: 1");
		http_reply_text(req, 201, "made");
	} else {
		echo(req);
	}
}

static inline struct rig start(void)
{
	memset(&seen, 0, sizeof seen);
	struct rig r = rig_new((struct http_config){.handle = handle, .max_body = 2 << 20});
	seen.loop = r.loop;
	return r;
}
