/*
 * What the files of the HTTP server share: http.c (listener, limits, stop), http_conn.c (one
 * connection: bytes in, state), http_reply.c (answers) and http_stream.c.
 *
 * A connection is in exactly one state; conn_set_state() is the only writer. It has at most one call
 * (request under way). The call knows its connection until the client is gone or was answered; the
 * connection knows its call until the answer: whichever goes first clears the other's pointer.
 * Connections are freed at the end of the loop's pass, arenas of finished calls as well, so that
 * nothing disappears under the feet of a callback.
 */
#pragma once
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "lib/json_write.h"
#include "lib/strbuf.h"
#include "server/api/http.h"
#include "server/api/http_parse.h"

struct bufferevent;
struct evconnlistener;
struct loop_timer;
struct prom_metric;
struct ssl_ctx_st;

enum {
	INPUT_HIGH = 64 << 10,          /* read ahead of the handler at most this much   */
	OUTPUT_HIGH = 64 << 10,         /* unread answers before pipelining pauses       */
	LINGER_MAX = 4 << 20,           /* of an unwanted body is read so that its sender */
	LINGER_S = 2,                   /* sees the answer                               */
	SPARE_ARENAS = 32,
	SWEEP_S = 1,
	MIN_RATE = 16 << 10,            /* bytes/s that a body must keep up              */
};

enum conn_state {
	CONN_HEAD,      /* waits for, or reads, the head of the next request     */
	CONN_BODY,      /* reads the body                                        */
	CONN_BUSY,      /* the handler has the request                           */
	CONN_STREAM,    /* the handler writes a stream                           */
	CONN_FLUSH,     /* answered; the client must read before the next request */
	CONN_CLOSING,   /* answered for the last time; waits until it has left   */
	CONN_LINGER,    /* our side is shut; reads what the client still sends   */
	CONN_CLOSED,    /* freed at the end of the pass                          */
};

struct http_conn {
	TAILQ_ENTRY(http_conn) link;
	struct http_server *server;
	struct bufferevent *bev;
	int fd;
	bool tls;
	enum conn_state state;
	bool running;                   /* conn_run() is on the stack            */
	bool eof;                       /* the client sends no more              */
	bool unread;                    /* a body was refused: linger            */
	int64_t deadline_us;            /* of this state; INT64_MAX = none       */
	size_t backlog;                 /* at the last sweep, and since when it  */
	int64_t backlog_us;             /* has not shrunk                        */
	size_t scanned;                 /* of the head                           */
	size_t lingered;
	struct http_chunks chunks;
	struct strbuf body;             /* chunked bodies                        */
	struct http_call_state *call;
	char peer[INET6_ADDRSTRLEN];
};

struct http_call_state {
	struct http_req req;
	LIST_ENTRY(http_call_state) link;
	struct loop *loop;
	struct http_server *server;     /* NULL: it was freed                    */
	struct http_conn *conn;         /* NULL: gone, or answered with 504      */
	struct http_head head;
	struct strbuf headers;          /* of the answer, from http_set_header() */
	struct strbuf out;
	struct json_writer json;
	void (*on_gone)(void *ctx);
	void *gone_ctx;
	http_hold_fn *hold;
	void *hold_ctx;
	struct http_held held;
	int64_t deadline_us;
	bool close;                     /* the connection cannot go on           */
	bool timed_out;                 /* answered with 504; the handler's answer will be dropped */
	int status;
	uint64_t bytes;                 /* of the body                           */
	struct http_stream *stream;
};

struct http_server {
	struct loop *loop;
	struct http_config config;
	struct evconnlistener *listener;
	bool resting;                   /* the listener is off: limit, or no descriptors */
	struct loop_timer *rest_timer, *sweep_timer, *stop_timer;
	int port;
	struct ssl_ctx_st *tls;
	TAILQ_HEAD(http_conns, http_conn) conns;
	size_t n_conns;
	LIST_HEAD(http_calls, http_call_state) calls;
	size_t n_calls;
	struct arena *spare[SPARE_ARENAS], *retired[SPARE_ARENAS];
	size_t n_spare, n_retired;
	struct strbuf head, spare_out;
	int64_t date_s;
	char date[64];
	uint64_t next_id;
	struct prom_metric *requests, *seconds;
	bool stopping;
	void (*stopped)(void *ctx);
	void *stopped_ctx;
};

/* http_conn.c */
void conn_new(struct http_server *s, int fd, const char *peer);
void conn_set_state(struct http_conn *c, enum conn_state to);
void conn_run(struct http_conn *c);
void conn_close(struct http_conn *c);
/* The answer (or stream) is complete: next request, flush, or close. */
void conn_answered(struct http_conn *c, bool keep);
size_t conn_backlog(const struct http_conn *c);
void conn_sweep(struct http_conn *c, int64_t now_us);
/* Sends at once what the socket takes and queues the rest. `release` frees the body (with free()) when
 * it is sent; it may be NULL when the bytes are to be copied, or `lasting` when they never go. */
struct conn_body { const void *p; size_t n; char *release; bool lasting; };
void conn_write(struct http_conn *c, const void *head, size_t n, struct conn_body body);

/* http.c */
struct arena *server_arena(struct http_server *s);
void server_conn_gone(struct http_server *s);
void server_call_done(struct http_call_state *call);
const char *server_date(struct http_server *s);

/* http_reply.c */
struct http_call_state *call_new(struct http_conn *c);
void call_write_head(struct http_call_state *call, int status, const char *type, int64_t length, bool keep);
bool call_keeps(const struct http_call_state *call);
void call_gone(struct http_call_state *call);

/* http_stream.c */
void stream_drained(struct http_stream *s);
void stream_lost(struct http_stream *s);
void stream_stop(struct http_stream *s);
