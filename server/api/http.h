/*
 * HTTP in: connections, requests, answers.
 *
 * A request is a struct http_req with its own arena. It is handed to the handler when its body is
 * complete, and it lives until the handler has answered: exactly one http_reply*() or
 * http_stream_begin() per request, always, also when the client has hung up meanwhile (then nothing
 * is sent and the memory goes). So an asynchronous handler passes `req` as its context and needs
 * no other bookkeeping:
 *
 *     static void found(void *ctx, const struct trial_row *row, const struct err *e)
 *     {
 *         struct http_req *req = ctx;
 *         if (e)
 *             return http_reply_err(req, e);
 *         struct json_writer *w = http_json(req);
 *         jw_object(w, NULL);
 *         ...
 *         jw_end(w);
 *         http_reply_json(req, 200);
 *     }
 *
 * After the answer `req` must not be touched. All of this runs on the loop thread. What handlers do
 * not see is done here: keep-alive, pipelining, chunked bodies, limits, slow and vanished clients,
 * TLS, the access log and the metrics of each route.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/attr.h"
#include "lib/err.h"
#include "lib/json.h"
#include "lib/json_write.h"
#include "server/api/auth.h"

struct arena;
struct http_server;
struct loop;
struct prom;
struct route;
struct strbuf;

enum http_method {
	HTTP_GET = 0, HTTP_HEAD, HTTP_POST, HTTP_PUT, HTTP_PATCH, HTTP_DELETE, HTTP_OPTIONS, HTTP_OTHER,
};
const char *http_method_name(enum http_method m);

struct http_pair { const char *name, *value; };

struct http_req {
	/* What came. Read only for handlers. */
	struct arena *arena;
	const char *id;                 /* X-Request-Id: the client's if well-formed, else ours        */
	enum http_method method;
	const char *path;               /* as sent, without the query                                  */
	const char *query_text;         /* as sent; NULL without '?'                                   */
	const char *body;               /* not NUL-terminated                                          */
	size_t body_len;
	const char *media_type;         /* lower case, without parameters; "" if absent                */
	const char *peer;               /* address of the client                                       */
	int64_t start_us;               /* clk_now_us()                                                */

	/* What the router adds before it calls the handler. */
	const struct route *route;
	const struct http_pair *params; /* of the path: route_param()                                  */
	size_t n_params;
	struct principal principal;
	const cJSON *json;              /* the body, when it is JSON                                   */
	void *in;                       /* the body, decoded by route->body; NULL without a table      */
	void *query;                    /* the query, decoded by route->query                          */
	void *app;                      /* the server's own context                                    */

	struct http_call_state *state_; /* http.c's                                                    */
};

struct http_config {
	const char *address;            /* "127.0.0.1", "::", ...                                      */
	int port;                       /* 0: any free one                                             */
	size_t max_body;                /* over all routes; 0: 16 MiB                                  */
	unsigned max_connections;       /* 0: 10000; above, the listener rests                         */
	int64_t idle_timeout_us;        /* between and within requests; 0: 75 s                        */
	int64_t request_timeout_us;     /* until a handler must have answered; 0: 60 s -> 504          */
	const char *tls_cert_file, *tls_key_file;       /* both: https                                 */
	struct prom *metrics;           /* or NULL                                                     */
	bool access_log;
	void (*handle)(struct http_req *req, void *ctx);
	/* The largest body for this path, asked before a large one is read; NULL: max_body.          */
	size_t (*body_limit)(enum http_method m, const char *path, void *ctx);
	void *ctx;
};

/* The program ignores SIGPIPE: OpenSSL writes to sockets whose other end is gone. */
struct http_server *http_server_new(struct loop *l, const struct http_config *c, struct err *e) MUSTCHECK;
int http_server_port(const struct http_server *s);
size_t http_server_open_requests(const struct http_server *s);
/* Stops listening, ends streams, lets requests finish until the deadline; then calls stopped(). */
void http_server_stop(struct http_server *s, int64_t deadline_us, void (*stopped)(void *ctx), void *ctx);
void http_server_free(struct http_server *s);           /* drops every connection                  */

/* --- request -------------------------------------------------------------------------------- */
const char *http_header(const struct http_req *req, const char *name);  /* any case; NULL if absent */
bool http_gone(const struct http_req *req);             /* the client hung up                      */
/* fn(ctx) once if the client hangs up before the answer: stop waiting, then answer as usual. */
void http_on_gone(struct http_req *req, void (*fn)(void *ctx), void *ctx);
void http_set_deadline(struct http_req *req, int64_t us);       /* from now; a long poll says so   */

/* --- answer: exactly one -------------------------------------------------------------------- */
void http_set_header(struct http_req *req, const char *name, const char *value);        /* copied  */
struct json_writer *http_json(struct http_req *req);    /* begins a JSON body                      */
void http_reply_json(struct http_req *req, int status); /* what http_json() gathered               */
void http_reply_json_as(struct http_req *req, int status, const char *type);    /* "application/...+json" */
void http_reply_bytes(struct http_req *req, int status, const char *type, const void *p, size_t n); /* copied */
void http_reply_text(struct http_req *req, int status, const char *text);
void http_reply_static(struct http_req *req, int status, const char *type, const void *p, size_t n); /* p lives on */
void http_reply_strbuf_take(struct http_req *req, int status, const char *type, struct strbuf *b);
void http_reply_empty(struct http_req *req, int status);
void http_reply_err(struct http_req *req, const struct err *e);         /* problem_reply.h has more */

/* Holds the answer back: when the handler has given it, hold(req, answer, ctx) is called in place of
 * sending it, once; http_release() then sends it. For answers that must be stored before they leave. */
struct http_held {
	int status;
	const char *type;               /* NULL without a body                                         */
	const char *headers;            /* "Name: value\r\n" of each http_set_header()                 */
	const void *body;
	size_t n;
};
typedef void http_hold_fn(struct http_req *req, const struct http_held *answer, void *ctx);
void http_hold(struct http_req *req, http_hold_fn *hold, void *ctx);
void http_release(struct http_req *req);

/* --- streams -------------------------------------------------------------------------------- */
/* An answer of unknown length. on_drain: all that was written has left; write more or wait.
 * on_close: the client went, was too slow (backlog above HTTP_BACKLOG_MAX), or the server stops;
 * comes once, unless http_stream_end() was called; afterwards the stream is gone. */
enum { HTTP_BACKLOG_MAX = 1 << 20 };
struct http_stream;
struct http_stream_events {
	void (*on_drain)(void *ctx);    /* or NULL */
	void (*on_close)(void *ctx);
};
/* Takes the request. Call it before the first write; never calls back from inside. */
struct http_stream *http_stream_begin(struct http_req *req, int status, const char *type,
	const struct http_stream_events *events, void *ctx);
/* False: the stream closes (on_close comes at the end of this pass); stop writing. */
bool http_stream_write(struct http_stream *s, const void *p, size_t n);
size_t http_stream_backlog(const struct http_stream *s);
void http_stream_end(struct http_stream *s);            /* sends what is left, then ends           */
struct arena *http_stream_arena(struct http_stream *s); /* lives as long as the stream             */
