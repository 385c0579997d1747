#include "lib/http_client.h"

#include <assert.h>
#include <curl/curl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/queue.h>

#include "lib/arena.h"
#include "lib/http_exchange.h"
#include "lib/loop.h"
#include "lib/mem.h"

enum { SPARE_HANDLES = 32, HOST_DEFAULT = 32, TOTAL_DEFAULT = 128 };

struct http_flight {
	struct http_exchange exchange; /* first: curl's private pointer is both */
	TAILQ_ENTRY(http_flight) link;
	struct http_client *client;
	struct arena *arena;
	http_done_fn *done; /* NULL: cancelled                       */
	void *ctx;
	bool started; /* curl has it                           */
};

struct http_client {
	struct loop *loop;
	struct http_client_config config;
	CURLM *multi;
	struct loop_timer *timeout; /* curl's                                */
	struct loop_timer *kick;    /* starts and reaps outside of curl      */
	TAILQ_HEAD(http_flights, http_flight) flights;
	size_t n_flights;
	CURL *spare[SPARE_HANDLES];
	size_t n_spare;
	bool inside; /* a callback of the user runs inside of curl */
};

static pthread_once_t once = PTHREAD_ONCE_INIT;

static void global_init(void)
{
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		abort();
}

void http_client_global_init(void)
{
	pthread_once(&once, global_init);
}

/* --- flights -------------------------------------------------------------------------------- */

static CURL *take_handle(struct http_client *c)
{
	CURL *easy = c->n_spare ? c->spare[--c->n_spare] : curl_easy_init();
	if (!easy)
		abort();
	return easy;
}

static void flight_free(struct http_flight *f)
{
	struct http_client *c = f->client;
	CURL *easy = f->exchange.easy;
	if (f->started)
		curl_multi_remove_handle(c->multi, easy);
	http_exchange_free(&f->exchange);
	if (c->n_spare < SPARE_HANDLES)
		c->spare[c->n_spare++] = easy;
	else
		curl_easy_cleanup(easy);
	TAILQ_REMOVE(&c->flights, f, link);
	c->n_flights--;
	arena_free(f->arena);
	free(f);
}

/* The flight is taken out of curl before done() is called, which may begin and cancel others. */
static void land(struct http_flight *f, CURLcode code)
{
	struct http_answer answer;
	struct err e;
	bool fine = http_exchange_end(&f->exchange, code, &answer, &e);
	curl_multi_remove_handle(f->client->multi, f->exchange.easy);
	f->started = false;
	if (f->done)
		f->done(f->ctx, fine ? &answer : NULL, fine ? NULL : &e);
	flight_free(f);
}

static void land_all(struct http_client *c)
{
	int left;
	for (CURLMsg *m; (m = curl_multi_info_read(c->multi, &left));) {
		struct http_flight *f = NULL;
		if (m->msg != CURLMSG_DONE)
			continue;
		CURLcode code = m->data.result; /* m dies with the handle's removal */
		curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **)&f);
		land(f, code);
	}
}

static void act(struct http_client *c, curl_socket_t fd, int what)
{
	int running;
	curl_multi_socket_action(c->multi, fd, what, &running);
	land_all(c);
}

/* --- what curl asks of the loop -------------------------------------------------------------- */

static void on_io(void *ctx, int fd, unsigned io)
{
	int what = (io & LOOP_READ ? CURL_CSELECT_IN : 0) | (io & LOOP_WRITE ? CURL_CSELECT_OUT : 0);
	act(ctx, fd, what);
}

static int on_socket(CURL *easy UNUSED, curl_socket_t fd, int what, void *ctx, void *mine)
{
	struct http_client *c = ctx;
	struct loop_watch *w = mine;
	if (what == CURL_POLL_REMOVE) {
		loop_watch_free(w);
		curl_multi_assign(c->multi, fd, NULL);
		return 0;
	}
	unsigned io = (what & CURL_POLL_IN ? LOOP_READ : 0) | (what & CURL_POLL_OUT ? LOOP_WRITE : 0);
	if (w)
		loop_watch_set(w, io);
	else
		curl_multi_assign(c->multi, fd, loop_watch_new(c->loop, fd, io, on_io, c));
	return 0;
}

/* Also 0 ms goes through the loop: curl must not be entered from its own callback. */
static int on_timeout_set(CURLM *multi UNUSED, long ms, void *ctx)
{
	struct http_client *c = ctx;
	if (ms < 0)
		loop_timer_cancel(c->timeout);
	else
		loop_timer_after(c->timeout, (int64_t)ms * 1000);
	return 0;
}

static void on_timeout(void *ctx)
{
	act(ctx, CURL_SOCKET_TIMEOUT, 0);
}

static void on_kick(void *ctx)
{
	struct http_client *c = ctx;
	struct http_flight *f, *next;
	for (f = TAILQ_FIRST(&c->flights); f; f = next) {
		next = TAILQ_NEXT(f, link);
		if (!f->done) {
			flight_free(f);
		} else if (!f->started) {
			f->started = true;
			curl_multi_add_handle(c->multi, f->exchange.easy);
		}
	}
}

/* --- the client ----------------------------------------------------------------------------- */

struct http_client *http_client_new(struct loop *l, const struct http_client_config *config)
{
	struct http_client *c = xcalloc(1, sizeof *c);
	http_client_global_init();
	c->loop = l;
	if (config)
		c->config = *config;
	TAILQ_INIT(&c->flights);
	c->timeout = loop_timer_new(l, on_timeout, c);
	c->kick = loop_timer_new(l, on_kick, c);
	c->multi = curl_multi_init();
	if (!c->multi)
		abort();
	long host = c->config.max_per_host ? c->config.max_per_host : HOST_DEFAULT;
	long total = c->config.max_total ? c->config.max_total : TOTAL_DEFAULT;
	curl_multi_setopt(c->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
	curl_multi_setopt(c->multi, CURLMOPT_SOCKETDATA, c);
	curl_multi_setopt(c->multi, CURLMOPT_TIMERFUNCTION, on_timeout_set);
	curl_multi_setopt(c->multi, CURLMOPT_TIMERDATA, c);
	curl_multi_setopt(c->multi, CURLMOPT_MAX_HOST_CONNECTIONS, host);
	curl_multi_setopt(c->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, total);
	return c;
}

void http_client_free(struct http_client *c)
{
	if (!c)
		return;
	assert(!c->inside);
	while (!TAILQ_EMPTY(&c->flights))
		flight_free(TAILQ_FIRST(&c->flights));
	while (c->n_spare)
		curl_easy_cleanup(c->spare[--c->n_spare]);
	curl_multi_cleanup(c->multi); /* closes connections: calls on_socket() */
	loop_timer_free(c->timeout);
	loop_timer_free(c->kick);
	free(c);
}

struct http_flight *http_client_send(
	struct http_client *c, const struct http_call *call, http_done_fn *done, void *ctx, struct err *e)
{
	assert(done);
	struct http_flight *f = xcalloc(1, sizeof *f);
	f->client = c;
	f->arena = arena_new();
	f->done = done;
	f->ctx = ctx;
	TAILQ_INSERT_TAIL(&c->flights, f, link);
	c->n_flights++;
	if (!http_exchange_begin(&f->exchange, take_handle(c), f->arena, call, c->config.user_agent, e)) {
		flight_free(f);
		return NULL;
	}
	f->exchange.inside = &c->inside;
	curl_easy_setopt(f->exchange.easy, CURLOPT_NOSIGNAL, 1L);
	loop_timer_after(c->kick, 0);
	return f;
}

void http_client_cancel(struct http_flight *f)
{
	f->done = NULL;
	f->exchange.on_data = NULL;
	f->exchange.on_head = NULL;
	if (f->client->inside)
		loop_timer_after(f->client->kick, 0);
	else
		flight_free(f);
}

size_t http_client_flights(const struct http_client *c)
{
	return c->n_flights;
}
