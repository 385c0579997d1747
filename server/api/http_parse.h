/*
 * The text of HTTP/1.1: request heads and chunked bodies. Pure functions on bytes.
 *
 * libevent's own evhttp answers what it cannot read with HTML pages, has one body limit for all
 * paths, buffers without bound what a client sends while its request is handled, and cannot cap its
 * connections. So trimtab reads HTTP itself on top of libevent's buffers; it is strict where two
 * readings of a message would differ (RFC 9112): no folded headers, no space before a colon, one
 * Content-Length, never together with Transfer-Encoding.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/err.h"
#include "server/api/http.h"

struct arena;
struct strbuf;

enum { HTTP_HEAD_MAX = 16 << 10, HTTP_HEADERS_MAX = 100 };

struct http_head {
	enum http_method method;
	const char *method_name;
	const char *path;               /* "/..." or "*"; not decoded                  */
	const char *query;              /* NULL without '?'                            */
	int minor;                      /* HTTP/1.minor                                */
	const struct http_pair *headers;
	size_t n_headers;
	int64_t content_length;         /* -1: not given                               */
	bool chunked;
	bool keep_alive;
	bool expect_continue;
};

/* Length of the head with its empty line, or 0 if it is not complete. *scanned is where the next
 * call goes on; 0 at first. */
size_t http_head_end(const char *p, size_t n, size_t *scanned);

/* `text` has n bytes that end with the empty line; it is cut into strings in place and must live as
 * long as *out. ERR_MALFORMED or ERR_TOO_LARGE. */
bool http_head_parse(char *text, size_t n, struct arena *a, struct http_head *out, struct err *e) MUSTCHECK;

/* First value of a header, any case; NULL if absent. */
const char *http_head_find(const struct http_pair *headers, size_t n, const char *name);
/* Whether a comma-separated header value holds the token, any case. */
bool http_token_in(const char *list, const char *token);

enum http_chunks_state { HTTP_CHUNK_SIZE, HTTP_CHUNK_DATA, HTTP_CHUNK_DATA_END, HTTP_CHUNK_TRAILER, HTTP_CHUNK_DONE };
struct http_chunks {
	enum http_chunks_state state;
	uint64_t left;                  /* of this chunk                               */
	size_t trailer;                 /* bytes of trailers so far                    */
};

/* Decodes what is there: appends to `out`, sets *used, and is to be called again with more until
 * state is HTTP_CHUNK_DONE. False: ERR_MALFORMED, or ERR_TOO_LARGE when `out` reached its ceiling. */
bool http_chunks_feed(struct http_chunks *c, const char *p, size_t n, size_t *used, struct strbuf *out,
	struct err *e) MUSTCHECK;
