/*
 * Server-sent events on top of http_stream: framing, a comment every 15 s so that proxies keep the
 * connection, and the client dropped when it reads too slowly.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct http_req;
struct loop;
struct sse;

enum { SSE_HEARTBEAT_S = 15, SSE_RETRY_MS = 3000 };

/* Takes the request and sends the header. on_close(ctx) comes once when the client is gone, too slow,
 * or the server stops, unless sse_end() was called before; afterwards the handle is gone. */
struct sse *sse_begin(struct http_req *req, struct loop *l, void (*on_close)(void *ctx), void *ctx);
/* data: one JSON text without newlines; id 0 = no id line; event NULL = "message". False: closing. */
bool sse_send(struct sse *s, int64_t id, const char *event, const char *data, size_t n);
void sse_end(struct sse *s);
