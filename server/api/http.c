/* The listener, its limits, and the end. */
#include "server/api/http.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <event2/listener.h>
#include <netdb.h>
#include <openssl/err.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/arena.h"
#include "lib/clk.h"
#include "lib/log.h"
#include "lib/loop.h"
#include "lib/mem.h"
#include "lib/prom.h"
#include "server/api/http_internal.h"
#include "server/api/route.h"

/* --- arenas, times -------------------------------------------------------------------------- */

struct arena *server_arena(struct http_server *s)
{
	return s->n_spare ? s->spare[--s->n_spare] : arena_new();
}

static void reuse_arenas(void *ctx)
{
	struct http_server *s = ctx;
	for (size_t i = 0; i < s->n_retired; i++) {
		arena_reset(s->retired[i]);
		if (s->n_spare < SPARE_ARENAS)
			s->spare[s->n_spare++] = s->retired[i];
		else
			arena_free(s->retired[i]);
	}
	s->n_retired = 0;
}

static void free_arena(void *ctx)
{
	arena_free(ctx);
}

/* At the end of the pass: whoever called the handler may still look at rows in this arena. */
static void retire_arena(struct http_server *s, struct arena *a)
{
	if (s->n_retired == SPARE_ARENAS) {
		loop_defer_free(s->loop, free_arena, a);
		return;
	}
	s->retired[s->n_retired++] = a;
	if (s->n_retired == 1)
		loop_defer_free(s->loop, reuse_arenas, s);
}

const char *server_date(struct http_server *s)
{
	int64_t now_s = clk_wall_us() / CLK_SECOND;
	if (now_s != s->date_s) {
		time_t t = (time_t)now_s;
		struct tm tm;
		gmtime_r(&t, &tm);
		strftime(s->date, sizeof s->date, "%a, %d %b %Y %H:%M:%S GMT", &tm);
		s->date_s = now_s;
	}
	return s->date;
}

/* --- the end of a call ---------------------------------------------------------------------- */

static void count(struct http_server *s, const struct http_call_state *call, int64_t took_us)
{
	const struct http_req *req = &call->req;
	char code[12];
	snprintf(code, sizeof code, "%d", call->status);
	const char *route = req->route ? req->route->path : "";
	if (s->requests) {
		const char *values[] = {route, http_method_name(req->method), code};
		prom_add(prom_series(s->requests, values), 1);
		if (!call->stream)
			prom_observe(prom_series(s->seconds, (const char *[]){route, code}), (double)took_us / 1e6);
	}
	if (s->config.access_log && !(req->route && req->route->flags & ROUTE_QUIET))
		LOG_INFO("request", L_STR("requestId", req->id), L_STR("method", call->head.method_name),
			L_STR("path", req->path), L_STR("route", route), L_INT("status", call->status),
			L_INT("bytes", (int64_t)call->bytes), L_INT("us", took_us), L_STR("peer", req->peer),
			L_STR("user", req->principal.name));
}

static void check_stopped(struct http_server *s)
{
	if (!s->stopping || !s->stopped || s->n_conns || s->n_calls)
		return;
	void (*stopped)(void *) = s->stopped;
	s->stopped = NULL;
	loop_timer_cancel(s->stop_timer);
	loop_defer_free(s->loop, stopped, s->stopped_ctx);
}

void server_call_done(struct http_call_state *call)
{
	struct http_server *s = call->server;
	strbuf_free(&call->headers);
	if (!s) { /* the handler outlived the server */
		strbuf_free(&call->out);
		arena_free(call->req.arena);
		return;
	}
	if (call->status)
		count(s, call, clk_now_us() - call->req.start_us);
	if (call->out.cap && call->out.cap <= OUTPUT_HIGH && !s->spare_out.cap) {
		s->spare_out = call->out;
		strbuf_reset(&s->spare_out);
	} else {
		strbuf_free(&call->out);
	}
	LIST_REMOVE(call, link);
	s->n_calls--;
	retire_arena(s, call->req.arena);
	check_stopped(s);
}

/* --- listening ------------------------------------------------------------------------------ */

static void rest(struct http_server *s, int64_t us)
{
	s->resting = true;
	evconnlistener_disable(s->listener);
	if (us)
		loop_timer_after(s->rest_timer, us);
}

static void wake_up(void *ctx)
{
	struct http_server *s = ctx;
	if (!s->resting || !s->listener || s->n_conns >= s->config.max_connections)
		return;
	s->resting = false;
	evconnlistener_enable(s->listener);
}

void server_conn_gone(struct http_server *s)
{
	wake_up(s);
	check_stopped(s);
}

static void on_sweep(void *ctx)
{
	struct http_server *s = ctx;
	int64_t now_us = clk_now_us();
	struct http_conn *c, *next;
	for (c = TAILQ_FIRST(&s->conns); c; c = next) {
		next = TAILQ_NEXT(c, link);
		conn_sweep(c, now_us);
	}
	if (s->n_conns)
		loop_timer_after(s->sweep_timer, SWEEP_S * CLK_SECOND);
}

static void on_accept(struct evconnlistener *listener UNUSED, evutil_socket_t fd, struct sockaddr *addr,
	int len UNUSED, void *ctx)
{
	struct http_server *s = ctx;
	char peer[INET6_ADDRSTRLEN] = "";
	loop_mark();
	if (addr->sa_family == AF_INET)
		inet_ntop(AF_INET, &((const struct sockaddr_in *)(const void *)addr)->sin_addr, peer, sizeof peer);
	else if (addr->sa_family == AF_INET6)
		inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)(const void *)addr)->sin6_addr, peer, sizeof peer);
	conn_new(s, (int)fd, peer);
	if (s->n_conns == 1)
		loop_timer_after(s->sweep_timer, SWEEP_S * CLK_SECOND);
	if (s->n_conns >= s->config.max_connections)
		rest(s, 0);
}

/* Out of descriptors or memory: the connection stays in the kernel's queue, so trying again at once
 * would only burn the processor. */
static void on_accept_error(struct evconnlistener *listener UNUSED, void *ctx)
{
	static struct log_limit limit;
	struct http_server *s = ctx;
	if (log_limit_pass(&limit, 10 * CLK_SECOND))
		LOG_WARN("cannot accept connections", L_STR("error", strerror(errno)));
	rest(s, CLK_SECOND / 10);
}

static bool resolve(const struct http_config *c, struct addrinfo **out, struct err *e)
{
	char port[12];
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
	snprintf(port, sizeof port, "%d", c->port);
	int failed = getaddrinfo(c->address, port, &hints, out);
	if (failed)
		return err_set(e, ERR_INVALID, "cannot listen on '%s': %s", c->address, gai_strerror(failed));
	return true;
}

static int bound_port(struct evconnlistener *listener)
{
	struct sockaddr_storage addr;
	socklen_t len = sizeof addr;
	if (getsockname(evconnlistener_get_fd(listener), (struct sockaddr *)&addr, &len) != 0)
		return 0;
	return ntohs(addr.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&addr)->sin6_port
											: ((struct sockaddr_in *)&addr)->sin_port);
}

static bool start_listening(struct http_server *s, struct err *e)
{
	enum { BACKLOG = 1024 };
	struct addrinfo *ai;
	if (!resolve(&s->config, &ai, e))
		return false;
	s->listener = evconnlistener_new_bind(loop_base(s->loop), on_accept, s,
		LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC | LEV_OPT_REUSEABLE, BACKLOG, ai->ai_addr,
		(int)ai->ai_addrlen);
	int failed = errno;
	freeaddrinfo(ai);
	if (!s->listener && failed == EADDRINUSE)
		return err_set(e, ERR_UNAVAILABLE,
			"%s port %d is taken by another program: stop it or choose another port", s->config.address,
			s->config.port);
	if (!s->listener)
		return err_set(e, ERR_UNAVAILABLE, "cannot listen on %s port %d: %s", s->config.address,
			s->config.port, strerror(failed));
	evconnlistener_set_error_cb(s->listener, on_accept_error);
	s->port = bound_port(s->listener);
	return true;
}

/* --- TLS ------------------------------------------------------------------------------------ */

static bool start_tls(struct http_server *s, struct err *e)
{
	const char *cert = s->config.tls_cert_file, *key = s->config.tls_key_file;
	if (!cert && !key)
		return true;
	if (!cert || !key)
		return err_set(e, ERR_INVALID, "TLS needs both a certificate and a key file");
	ERR_clear_error();
	s->tls = SSL_CTX_new(TLS_server_method());
	if (!s->tls)
		return err_set(e, ERR_INTERNAL, "cannot set up TLS");
	SSL_CTX_set_min_proto_version(s->tls, TLS1_2_VERSION);
	SSL_CTX_set_options(s->tls, SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE);
	const char *file = cert;
	if (SSL_CTX_use_certificate_chain_file(s->tls, cert) == 1) {
		file = key;
		if (SSL_CTX_use_PrivateKey_file(s->tls, key, SSL_FILETYPE_PEM) == 1 &&
			SSL_CTX_check_private_key(s->tls) == 1)
			return true;
	}
	const char *reason = ERR_reason_error_string(ERR_peek_last_error());
	return err_set(e, ERR_INVALID, "cannot use the TLS file '%s': %s", file, reason ? reason : "unreadable");
}

/* --- life ----------------------------------------------------------------------------------- */

static void set_defaults(struct http_config *c)
{
	if (!c->max_body)
		c->max_body = 16 << 20;
	if (!c->max_connections)
		c->max_connections = 10000;
	if (!c->idle_timeout_us)
		c->idle_timeout_us = 75 * CLK_SECOND;
	if (!c->request_timeout_us)
		c->request_timeout_us = 60 * CLK_SECOND;
}

static void add_metrics(struct http_server *s)
{
	if (!s->config.metrics)
		return;
	s->requests = prom_counter(s->config.metrics, "trimtab_http_requests_total", "Requests answered",
		(const char *const[]){"route", "method", "code", NULL});
	s->seconds = prom_histogram(s->config.metrics, "trimtab_http_request_duration_seconds",
		"From the last byte of a request's head to its answer", (const char *const[]){"route", "code", NULL},
		NULL, 0);
}

/* When the deadline has come: whatever is still open is cut. */
static void on_stop_deadline(void *ctx)
{
	struct http_server *s = ctx;
	while (!TAILQ_EMPTY(&s->conns))
		conn_close(TAILQ_FIRST(&s->conns));
	s->n_calls = 0;
	for (struct http_call_state *call; (call = LIST_FIRST(&s->calls));) {
		LIST_REMOVE(call, link);
		call->server = NULL;
	}
	check_stopped(s);
}

struct http_server *http_server_new(struct loop *l, const struct http_config *config, struct err *e)
{
	assert(config->handle && config->address);
	struct http_server *s = xcalloc(1, sizeof *s);
	s->loop = l;
	s->config = *config;
	set_defaults(&s->config);
	TAILQ_INIT(&s->conns);
	LIST_INIT(&s->calls);
	strbuf_init(&s->head, 64 << 10);
	strbuf_init(&s->spare_out, 1);
	s->rest_timer = loop_timer_new(l, wake_up, s);
	s->sweep_timer = loop_timer_new(l, on_sweep, s);
	s->stop_timer = loop_timer_new(l, on_stop_deadline, s);
	RAND_bytes((unsigned char *)&s->next_id, sizeof s->next_id);
	if (!start_tls(s, e) || !start_listening(s, e)) {
		http_server_free(s);
		return NULL;
	}
	add_metrics(s);
	return s;
}

int http_server_port(const struct http_server *s)
{
	return s->port;
}

size_t http_server_open_requests(const struct http_server *s)
{
	return s->n_calls;
}

static void stop_listening(struct http_server *s)
{
	if (s->listener)
		evconnlistener_free(s->listener);
	s->listener = NULL;
}

void http_server_stop(struct http_server *s, int64_t deadline_us, void (*stopped)(void *ctx), void *ctx)
{
	assert(!s->stopping && stopped);
	stop_listening(s);
	s->stopping = true;
	s->stopped = stopped;
	s->stopped_ctx = ctx;
	loop_timer_after(s->stop_timer, deadline_us);
	struct http_conn *c, *next;
	for (c = TAILQ_FIRST(&s->conns); c; c = next) {
		next = TAILQ_NEXT(c, link);
		if (c->state == CONN_STREAM)
			stream_stop(c->call->stream);
		else if (c->state == CONN_HEAD)
			conn_close(c);
	}
	check_stopped(s);
}

static void server_free(void *ctx)
{
	struct http_server *s = ctx;
	reuse_arenas(s);
	while (s->n_spare)
		arena_free(s->spare[--s->n_spare]);
	strbuf_free(&s->head);
	strbuf_free(&s->spare_out);
	SSL_CTX_free(s->tls);
	free(s);
}

void http_server_free(struct http_server *s)
{
	if (!s)
		return;
	s->stopped = NULL;
	stop_listening(s);
	on_stop_deadline(s);
	loop_timer_free(s->rest_timer);
	loop_timer_free(s->sweep_timer);
	loop_timer_free(s->stop_timer);
	loop_defer_free(s->loop, server_free, s); /* after its connections */
}
