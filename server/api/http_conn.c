#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "lib/arena.h"
#include "lib/clk.h"
#include "lib/loop.h"
#include "lib/mem.h"
#include "server/api/http_internal.h"

static const char continue_line[] = "HTTP/1.1 100 Continue\r\n\r\n";

static struct evbuffer *input(const struct http_conn *c)
{
	return bufferevent_get_input(c->bev);
}

static struct evbuffer *output(const struct http_conn *c)
{
	return bufferevent_get_output(c->bev);
}

size_t conn_backlog(const struct http_conn *c)
{
	return evbuffer_get_length(output(c));
}

void conn_set_state(struct http_conn *c, enum conn_state to)
{
	assert(c->state != CONN_CLOSED);
	int64_t idle_us = c->server->config.idle_timeout_us;
	switch (to) {
	case CONN_HEAD:
	case CONN_FLUSH:
	case CONN_CLOSING:
		c->deadline_us = clk_now_us() + idle_us;
		break;
	case CONN_BODY:
		c->deadline_us = clk_now_us() + idle_us;
		if (c->call->head.content_length > 0)
			c->deadline_us += c->call->head.content_length / MIN_RATE * CLK_SECOND;
		break;
	case CONN_LINGER:
		c->deadline_us = clk_now_us() + LINGER_S * CLK_SECOND;
		break;
	case CONN_BUSY:
	case CONN_STREAM:
	case CONN_CLOSED:
		c->deadline_us = INT64_MAX;
		break;
	}
	c->state = to;
}

/* Tells the peer that nothing was cut off; libevent does not. */
static void say_tls_end(struct http_conn *c)
{
	SSL *ssl = bufferevent_openssl_get_ssl(c->bev);
	if (!SSL_is_init_finished(ssl))
		return;
	SSL_set_shutdown(ssl, SSL_RECEIVED_SHUTDOWN);
	SSL_shutdown(ssl);
	ERR_clear_error();
}

static void conn_free(void *ctx)
{
	struct http_conn *c = ctx;
	if (c->tls && conn_backlog(c) == 0)
		say_tls_end(c);
	bufferevent_free(c->bev); /* closes the socket */
	strbuf_free(&c->body);
	free(c);
}

void conn_close(struct http_conn *c)
{
	if (c->state == CONN_CLOSED)
		return;
	struct http_call_state *call = c->call;
	bool handed_out = c->state == CONN_BUSY;
	conn_set_state(c, CONN_CLOSED);
	c->call = NULL;
	bufferevent_setcb(c->bev, NULL, NULL, NULL, NULL);
	bufferevent_disable(c->bev, EV_READ | EV_WRITE);
	TAILQ_REMOVE(&c->server->conns, c, link);
	c->server->n_conns--;
	loop_defer_free(c->server->loop, conn_free, c);
	if (call) {
		call->conn = NULL;
		if (call->stream)
			stream_lost(call->stream);
		else if (handed_out)
			call_gone(call);
		else
			server_call_done(call); /* half a request: nobody else knows it */
	}
	server_conn_gone(c->server);
}

/* Answers what was not understood, and gives up the connection. */
static bool refuse(struct http_conn *c, const struct err *e)
{
	c->call->close = true;
	c->unread = true;
	conn_set_state(c, CONN_BUSY);
	http_reply_err(&c->call->req, e);
	return true;
}

/* Called when the bytes at hand do not suffice: false = wait, if there is anything to wait for. */
static bool need_more(struct http_conn *c)
{
	if (c->eof)
		conn_close(c);
	return false;
}

static bool dispatch(struct http_conn *c, const char *body, size_t n)
{
	struct http_req *req = &c->call->req;
	req->body = body;
	req->body_len = n;
	conn_set_state(c, CONN_BUSY);
	c->server->config.handle(req, c->server->config.ctx);
	return true;
}

/* --- heads ---------------------------------------------------------------------------------- */

static bool begin_body(struct http_conn *c)
{
	struct http_call_state *call = c->call;
	const struct http_config *config = &c->server->config;
	struct err e;
	int64_t length = call->head.content_length;
	if (!call->head.chunked && length <= 0)
		return dispatch(c, "", 0);

	size_t max = config->max_body;
	if (config->body_limit && (call->head.chunked || length > INPUT_HIGH / 2)) {
		size_t route_max = config->body_limit(call->req.method, call->req.path, config->ctx);
		max = route_max < max ? route_max : max;
	}
	if (length > (int64_t)max) {
		err_set(&e, ERR_TOO_LARGE, "the body has %lld bytes; at most %zu are accepted here",
			(long long)length, max);
		return refuse(c, &e);
	}
	if (call->head.chunked) {
		c->chunks = (struct http_chunks){0};
		strbuf_free(&c->body);
		strbuf_init(&c->body, max ? max : 1);
	} else {
		bufferevent_setwatermark(c->bev, EV_READ, 0, (size_t)length + INPUT_HIGH);
	}
	conn_set_state(c, CONN_BODY);
	if (call->head.expect_continue && evbuffer_get_length(input(c)) == 0)
		evbuffer_add(output(c), continue_line, sizeof continue_line - 1);
	return true;
}

static void set_media_type(struct http_req *req, const char *value)
{
	size_t n = value ? strcspn(value, "; \t") : 0;
	char *type = arena_strndup(req->arena, value ? value : "", n);
	for (char *p = type; *p; p++)
		*p = *p >= 'A' && *p <= 'Z' ? (char)(*p | 0x20) : *p;
	req->media_type = type;
}

/* The client's own id is kept so that its logs and ours can be joined. */
static void take_request_id(struct http_req *req, const char *given)
{
	size_t n = given ? strspn(given, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz._-") : 0;
	if (n > 0 && n <= 64 && given[n] == '\0')
		req->id = given;
}

static bool parse_head(struct http_conn *c, size_t n)
{
	struct http_call_state *call = c->call = call_new(c);
	struct http_req *req = &call->req;
	struct err e;
	char *text = arena_alloc(req->arena, n);
	evbuffer_remove(input(c), text, n);
	if (!http_head_parse(text, n, req->arena, &call->head, &e))
		return refuse(c, &e);
	req->method = call->head.method;
	req->path = call->head.path;
	req->query_text = call->head.query;
	take_request_id(req, http_header(req, "x-request-id"));
	set_media_type(req, http_header(req, "content-type"));
	return begin_body(c);
}

static bool refuse_head(struct http_conn *c)
{
	struct err e;
	c->call = call_new(c);
	err_set(&e, ERR_TOO_LARGE, "the request line and headers are larger than %d bytes", HTTP_HEAD_MAX);
	return refuse(c, &e);
}

/* Empty lines before a request are to be ignored (RFC 9112, 2.2). */
static void skip_empty_lines(struct http_conn *c)
{
	char ch;
	while (evbuffer_copyout(input(c), &ch, 1) == 1 && (ch == '\r' || ch == '\n'))
		evbuffer_drain(input(c), 1);
}

static bool read_head(struct http_conn *c)
{
	if (conn_backlog(c) > OUTPUT_HIGH) {
		conn_set_state(c, CONN_FLUSH);
		return false;
	}
	if (c->scanned == 0)
		skip_empty_lines(c);
	size_t have = evbuffer_get_length(input(c));
	if (have > HTTP_HEAD_MAX)
		have = HTTP_HEAD_MAX;
	if (have == 0)
		return need_more(c);
	const char *p = (const char *)evbuffer_pullup(input(c), (ev_ssize_t)have);
	size_t n = http_head_end(p, have, &c->scanned);
	if (n == 0)
		return have == HTTP_HEAD_MAX ? refuse_head(c) : need_more(c);
	c->scanned = 0;
	return parse_head(c, n);
}

/* --- bodies --------------------------------------------------------------------------------- */

static bool read_plain_body(struct http_conn *c)
{
	size_t n = (size_t)c->call->head.content_length;
	if (evbuffer_get_length(input(c)) < n)
		return need_more(c);
	char *body = arena_alloc(c->call->req.arena, n + 1);
	evbuffer_remove(input(c), body, n);
	body[n] = '\0';
	bufferevent_setwatermark(c->bev, EV_READ, 0, INPUT_HIGH);
	return dispatch(c, body, n);
}

static bool read_chunked_body(struct http_conn *c)
{
	struct err e;
	size_t used, have = evbuffer_get_length(input(c));
	if (have == 0)
		return need_more(c);
	const char *p =
		(const char *)evbuffer_pullup(input(c), (ev_ssize_t)(have < INPUT_HIGH ? have : INPUT_HIGH));
	bool fine = http_chunks_feed(&c->chunks, p, have < INPUT_HIGH ? have : INPUT_HIGH, &used, &c->body, &e);
	evbuffer_drain(input(c), used);
	if (!fine)
		return refuse(c, &e);
	if (c->chunks.state != HTTP_CHUNK_DONE)
		return used > 0 || need_more(c);
	size_t n = c->body.len;
	char *body = strbuf_take(&c->body);
	arena_defer(c->call->req.arena, free, body);
	return dispatch(c, body, n);
}

/* Reads on so that the client is not reset before it has read why it was refused. */
static bool linger(struct http_conn *c)
{
	size_t n = evbuffer_get_length(input(c));
	evbuffer_drain(input(c), n);
	c->lingered += n;
	if (c->eof || c->lingered > LINGER_MAX)
		conn_close(c);
	return false;
}

static bool step(struct http_conn *c)
{
	switch (c->state) {
	case CONN_HEAD:
		return read_head(c);
	case CONN_BODY:
		return c->call->head.chunked ? read_chunked_body(c) : read_plain_body(c);
	case CONN_LINGER:
		return linger(c);
	case CONN_BUSY:
	case CONN_STREAM:
	case CONN_FLUSH:
	case CONN_CLOSING:
	case CONN_CLOSED:
		return false;
	}
	return false;
}

/* Fairness: a client that pipelines gives way to the others after some requests. */
void conn_run(struct http_conn *c)
{
	enum { STEPS_MAX = 64 };
	if (c->running)
		return;
	c->running = true;
	int steps = 0;
	while (steps < STEPS_MAX && step(c))
		steps++;
	c->running = false;
	if (steps == STEPS_MAX && c->state != CONN_CLOSED)
		bufferevent_trigger(c->bev, EV_READ, BEV_TRIG_IGNORE_WATERMARKS | BEV_TRIG_DEFER_CALLBACKS);
}

/* --- after the answer ----------------------------------------------------------------------- */

static void finish_closing(struct http_conn *c)
{
	if (!c->unread || c->tls || c->eof) {
		conn_close(c);
		return;
	}
	shutdown(c->fd, SHUT_WR);
	conn_set_state(c, CONN_LINGER);
	bufferevent_setwatermark(c->bev, EV_READ, 0, INPUT_HIGH);
	conn_run(c);
}

void conn_answered(struct http_conn *c, bool keep)
{
	if (c->state == CONN_CLOSED)
		return;
	c->call = NULL;
	if (!keep) {
		conn_set_state(c, CONN_CLOSING);
		if (conn_backlog(c) == 0)
			finish_closing(c);
		return;
	}
	conn_set_state(c, CONN_HEAD);
	/* Never from inside of whoever answered: its stack may hold things that the next handler moves. */
	if (!c->running && (c->eof || evbuffer_get_length(input(c))))
		bufferevent_trigger(c->bev, EV_READ, BEV_TRIG_IGNORE_WATERMARKS | BEV_TRIG_DEFER_CALLBACKS);
}

/* Returns how much of head and body together the socket took; -1 = broken. */
static ssize_t send_now(struct http_conn *c, const void *head, size_t n, const struct conn_body *body)
{
	if (c->tls || conn_backlog(c) > 0)
		return 0;
	struct iovec iov[2];
	memcpy(&iov[0].iov_base, &head, sizeof head); /* sendmsg() does not write, its type cannot say so */
	memcpy(&iov[1].iov_base, &body->p, sizeof body->p);
	iov[0].iov_len = n;
	iov[1].iov_len = body->n;
	struct msghdr msg = {.msg_iov = iov, .msg_iovlen = body->n ? 2 : 1};
	ssize_t sent = sendmsg(c->fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
		return 0;
	return sent;
}

static void release_body(const void *p, size_t n, void *extra)
{
	(void)p;
	(void)n;
	free(extra);
}

void conn_write(struct http_conn *c, const void *head, size_t n, struct conn_body body)
{
	ssize_t sent = c->state == CONN_CLOSED ? -1 : send_now(c, head, n, &body);
	if (sent < 0) {
		free(body.release);
		conn_close(c);
		return;
	}
	size_t skip = (size_t)sent;
	if (skip < n) {
		evbuffer_add(output(c), (const char *)head + skip, n - skip);
		skip = n;
	}
	const char *rest = (const char *)body.p + (skip - n);
	size_t left = body.n - (skip - n);
	if (left && (body.release || body.lasting)) {
		evbuffer_add_reference(output(c), rest, left, release_body, body.release);
		return;
	}
	if (left)
		evbuffer_add(output(c), rest, left);
	free(body.release);
}

/* --- events --------------------------------------------------------------------------------- */

static void on_read(struct bufferevent *bev UNUSED, void *ctx)
{
	loop_mark();
	conn_run(ctx);
}

static void on_write(struct bufferevent *bev UNUSED, void *ctx)
{
	struct http_conn *c = ctx;
	loop_mark();
	if (conn_backlog(c) > 0)
		return;
	if (c->state == CONN_STREAM) {
		stream_drained(c->call->stream);
	} else if (c->state == CONN_CLOSING) {
		finish_closing(c);
	} else if (c->state == CONN_FLUSH) {
		conn_set_state(c, CONN_HEAD);
		conn_run(c);
	}
}

/* A client that only shut its sending side still gets its answer; the handler is told all the same,
 * since this is also what hanging up looks like. */
static void on_eof(struct http_conn *c)
{
	c->eof = true;
	if (c->state == CONN_STREAM)
		conn_close(c);
	else if (c->state == CONN_BUSY)
		call_gone(c->call);
	else
		conn_run(c);
}

static void on_event(struct bufferevent *bev UNUSED, short what, void *ctx)
{
	struct http_conn *c = ctx;
	if (what & BEV_EVENT_CONNECTED)
		return; /* the TLS handshake is complete */
	if (what & BEV_EVENT_EOF)
		on_eof(c);
	else
		conn_close(c);
}

static struct bufferevent *new_bufferevent(struct http_server *s, int fd)
{
	struct event_base *base = loop_base(s->loop);
	if (!s->tls)
		return bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE);
	SSL *ssl = SSL_new(s->tls);
	if (!ssl)
		return NULL;
	struct bufferevent *bev = bufferevent_openssl_socket_new(
		base, fd, ssl, BUFFEREVENT_SSL_ACCEPTING, BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS);
	if (bev)
		bufferevent_openssl_set_allow_dirty_shutdown(bev, 1);
	else
		SSL_free(ssl);
	return bev;
}

void conn_new(struct http_server *s, int fd, const char *peer)
{
	struct bufferevent *bev = new_bufferevent(s, fd);
	if (!bev) {
		close(fd);
		return;
	}
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
	struct http_conn *c = xcalloc(1, sizeof *c);
	c->server = s;
	c->bev = bev;
	c->fd = fd;
	c->tls = s->tls != NULL;
	strbuf_init(&c->body, 1);
	memcpy(c->peer, peer, strlen(peer) + 1);
	TAILQ_INSERT_TAIL(&s->conns, c, link);
	s->n_conns++;
	conn_set_state(c, CONN_HEAD);
	bufferevent_setwatermark(bev, EV_READ, 0, INPUT_HIGH);
	bufferevent_setcb(bev, on_read, on_write, on_event, c);
	bufferevent_enable(bev, EV_READ | EV_WRITE);
}

/* --- once a second -------------------------------------------------------------------------- */

/* True if the client has not taken a byte for too long. */
static bool is_stuck(struct http_conn *c, int64_t now_us)
{
	size_t backlog = conn_backlog(c);
	if (backlog == 0 || backlog != c->backlog) {
		c->backlog = backlog;
		c->backlog_us = now_us;
		return false;
	}
	return now_us - c->backlog_us >= c->server->config.idle_timeout_us;
}

static void answer_too_slow(struct http_conn *c, enum err_code code, const char *what)
{
	struct err e;
	err_set(&e, code, "%s", what);
	http_reply_err(&c->call->req, &e);
}

void conn_sweep(struct http_conn *c, int64_t now_us)
{
	if (c->state == CONN_BUSY && now_us >= c->call->deadline_us) {
		c->call->timed_out = true;
		answer_too_slow(c, ERR_TIMEOUT, "the request was not finished in time; it may still take effect");
	} else if (c->state == CONN_BODY && now_us >= c->deadline_us) {
		struct err e;
		err_set(&e, ERR_TOO_SLOW, "the body did not arrive in time");
		refuse(c, &e);
	} else if (now_us >= c->deadline_us || is_stuck(c, now_us)) {
		conn_close(c);
	}
}
