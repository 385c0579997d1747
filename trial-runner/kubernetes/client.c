#include "trial-runner/kubernetes/client.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "lib/arena.h"
#include "lib/clk.h"
#include "lib/http_client.h"
#include "lib/json.h"
#include "lib/loop.h"
#include "lib/mem.h"
#include "lib/prom.h"
#include "lib/strbuf.h"
#include "trial-runner/kubernetes/access.h"
#include "trial-runner/kubernetes/api_path.h"

#define PATIENCE_DEFAULT_US (120 * CLK_SECOND)
#define LATE_LOOK_US CLK_SECOND             /* how often the waiting are looked through          */
#define PAUSE_UNSAID_US CLK_SECOND          /* 429 without Retry-After                           */
enum {
	RATE_DEFAULT = 200,
	BURST_DEFAULT = 400,
	QUEUE_DEFAULT = 10000,
	FLIGHTS_DEFAULT = 64,
	REFUSAL_BODY_MAX = 1 << 20,
	CONNECTIONS_MAX = 16,                   /* an API server takes 100 streams on each; in a
	                                         * burst beyond that curl opens more than it needs   */
};

/* Where a call is. Only move() changes it, and with it the list and the counts. */
enum place {
	WAITING,                        /* for its turn: in one of the two queues                   */
	FLYING,                         /* with the HTTP client                                     */
	FAILED,                         /* its error is told by the next turn of the loop           */
	NOWHERE,                        /* being made, or over                                      */
};

struct kube_call {
	TAILQ_ENTRY(kube_call) link;
	struct kube_client *client;
	struct arena *arena;
	enum place place;
	struct kube_request request;    /* copied into the arena                                    */
	const char *url, *target;       /* target: path and query                                   */
	kube_done_fn *done;             /* NULL: cancelled or over                                  */
	void *ctx;
	struct http_flight *flight;
	int64_t deadline_us;
	uint32_t generation;            /* of the credentials it flew with                          */
	unsigned attempts;
	bool renewed;                   /* it was told 401 once                                     */
	int status;                     /* of a stream's head; 0: not yet                           */
	struct strbuf refusal;          /* of a stream                                              */
	struct err error;               /* FAILED                                                   */
};
TAILQ_HEAD(kube_calls, kube_call);

struct kube_client {
	struct loop *loop;
	struct kube_access *access;
	struct kube_client_config config;
	char *user_agent;
	struct http_client *http;
	struct kube_calls urgent, normal, flying, failed;
	struct kube_client_stats stats;
	double tokens;                  /* of the bucket, at tokens_us                              */
	int64_t tokens_us;
	int64_t pause_until_us;         /* the server wants rest                                    */
	struct loop_timer *turn;        /* when the next may go, and for what failed                */
	struct loop_timer *late;        /* looks for those that waited too long                     */
	struct prom_metric *requests, *seconds, *repeats, *watches;
};

static void pump(struct kube_client *c);

/* --- places ------------------------------------------------------------------------------------- */

static bool is_stream(const struct kube_call *call)
{
	return call->request.on_data != NULL;
}

static struct kube_calls *list_of(struct kube_call *call, enum place place)
{
	struct kube_client *c = call->client;

	switch (place) {
	case WAITING:
		return call->request.urgent ? &c->urgent : &c->normal;
	case FLYING:
		return &c->flying;
	case FAILED:
		return &c->failed;
	case NOWHERE:
		break;
	}
	return NULL;
}

static size_t *count_of(struct kube_call *call, enum place place)
{
	struct kube_client *c = call->client;

	if (place == FLYING)
		return is_stream(call) ? &c->stats.streams : &c->stats.flights;
	return place == WAITING ? &c->stats.waiting : NULL;
}

/* A call that comes back to wait goes to the head of its queue: it has waited already. */
static void move(struct kube_call *call, enum place to)
{
	struct kube_calls *from_list = list_of(call, call->place), *to_list = list_of(call, to);
	size_t *from_count = count_of(call, call->place), *to_count = count_of(call, to);

	if (from_list)
		TAILQ_REMOVE(from_list, call, link);
	if (from_count)
		(*from_count)--;
	call->place = to;
	if (to_list && call->attempts && to == WAITING)
		TAILQ_INSERT_HEAD(to_list, call, link);
	else if (to_list)
		TAILQ_INSERT_TAIL(to_list, call, link);
	if (to_count)
		(*to_count)++;
}

static void free_call(void *ctx)
{
	struct kube_call *call = ctx;

	strbuf_free(&call->refusal);
	arena_free(call->arena);
	free(call);
}

/* The one place where a call ends. It may be told from inside of its own callbacks that it is over. */
static void finish(struct kube_call *call, const struct kube_answer *a, const struct err *e)
{
	struct kube_client *c = call->client;
	kube_done_fn *done = call->done;

	call->done = NULL;
	move(call, NOWHERE);
	if (done)
		done(call->ctx, a, e);
	loop_defer_free(c->loop, free_call, call);
}

static void fail_later(struct kube_call *call, const struct err *e)
{
	call->error = *e;
	move(call, FAILED);
	loop_timer_after(call->client->turn, 0);
}

/* --- metrics ------------------------------------------------------------------------------------ */

static void measure(const struct kube_call *call, int status, int64_t took_us)
{
	const struct kube_client *c = call->client;
	char code[16] = "none";

	if (!c->requests)
		return;
	const char *verb = api_verb(call->request.method, call->request.path, call->request.query);
	if (status)
		snprintf(code, sizeof code, "%d", status);
	prom_add(prom_series(c->requests, (const char *const[]){verb, code}), 1);
	if (!is_stream(call))
		prom_observe(prom_series(c->seconds, (const char *const[]){verb}), (double)took_us / 1e6);
}

static void measure_repeat(const struct kube_call *call, const char *why)
{
	call->client->stats.repeated++;
	if (call->client->repeats)
		prom_add(prom_series(call->client->repeats, (const char *const[]){why}), 1);
}

static void register_metrics(struct kube_client *c, struct prom *r)
{
	if (!r)
		return;
	c->requests = prom_counter(r, "trimtab_kubernetes_requests_total",
		"Answers of the Kubernetes API server; code none: no answer", (const char *const[]){"verb", "code", NULL});
	c->seconds = prom_histogram(r, "trimtab_kubernetes_request_seconds",
		"Time from sending a request to the Kubernetes API server to its answer, without waiting for a turn",
		(const char *const[]){"verb", NULL}, NULL, 0);
	c->repeats = prom_counter(r, "trimtab_kubernetes_repeated_requests_total",
		"Requests sent again: after 401 with fresh credentials, or because the server asked for patience",
		(const char *const[]){"reason", NULL});
	c->watches = prom_counter(r, "trimtab_kubernetes_watch_total",
		"What following the cluster's resources took: lists, watches, their events and bookmarks, failures",
		(const char *const[]){"resource", "what", NULL});
}

void kube_count_watch(struct kube_client *c, const char *resource, const char *what)
{
	if (c->watches)
		prom_add(prom_series(c->watches, (const char *const[]){resource, what}), 1);
}

/* --- answers ------------------------------------------------------------------------------------ */

static bool accepted(const struct kube_call *call, int status)
{
	for (size_t i = 0; i < KUBE_ACCEPT_MAX && call->request.accept[i]; i++) {
		if (call->request.accept[i] == status)
			return true;
	}
	return status >= 200 && status < 300;
}

static bool is_json(const struct http_answer *a)
{
	return strncmp(a->content_type, "application/json", 16) == 0;
}

static void tell(struct kube_call *call, const struct http_answer *http)
{
	bool collected = call->refusal.len > 0;
	struct kube_answer a = {
		.status = http->status,
		.text = collected ? call->refusal.data : http->body,
		.text_len = collected ? call->refusal.len : http->body_len,
		.took_us = http->took_us,
		.arena = http->arena,
	};
	struct err e;
	bool fine = accepted(call, http->status);

	if (a.text_len && is_json(http))
		a.body = json_parse(a.text, a.text_len, 0, a.arena, NULL);
	if (http->status < 200 || http->status >= 300)
		a.refusal = kube_refusal_read(http, a.body, call->request.method, call->target, a.arena);
	if (!fine && a.refusal)
		(void)kube_refusal_explain(a.refusal, kube_access_source(call->client->access), &e);
	finish(call, &a, fine ? NULL : &e);
}

/* --- again -------------------------------------------------------------------------------------- */

/* The server's wish is for all requests: those that wait would only add to what it suffers from. */
static bool wait_as_asked(struct kube_call *call, const struct http_answer *http)
{
	struct kube_client *c = call->client;
	int64_t now = clk_now_us(), pause;

	if (http->status != 429 && http->status != 503)
		return false;
	pause = kube_refusal_read(http, NULL, call->request.method, call->target, http->arena)->retry_after_us;
	if (http->status == 429 && pause == 0)
		pause = PAUSE_UNSAID_US;
	if (pause == 0 || now + pause >= call->deadline_us)
		return false;
	if (now + pause > c->pause_until_us)
		c->pause_until_us = now + pause;
	measure_repeat(call, "retry-after");
	return true;
}

static bool renew_credentials(struct kube_call *call, int status)
{
	if (status != 401 || call->renewed)
		return false;
	call->renewed = true;
	kube_access_refused(call->client->access, call->generation);
	measure_repeat(call, "credentials");
	return true;
}

static void on_done(void *ctx, const struct http_answer *http, const struct err *e)
{
	struct kube_call *call = ctx;
	struct kube_client *c = call->client;

	call->flight = NULL;
	measure(call, http ? http->status : 0, http ? http->took_us : 0);
	if (e) {
		finish(call, NULL, e);
	} else if (renew_credentials(call, http->status) || wait_as_asked(call, http)) {
		strbuf_reset(&call->refusal);
		call->status = 0;
		move(call, WAITING);
	} else {
		tell(call, http);
	}
	pump(c);
}

/* --- streams ------------------------------------------------------------------------------------ */

static bool on_head(void *ctx, int status)
{
	struct kube_call *call = ctx;

	call->status = status;
	if (status < 200 || status >= 300 || !call->request.on_head)
		return true;
	return call->request.on_head(call->ctx);
}

static bool on_data(void *ctx, const char *p, size_t n)
{
	struct kube_call *call = ctx;

	if (call->status >= 200 && call->status < 300)
		return call->request.on_data(call->ctx, p, n);
	strbuf_add(&call->refusal, p, n);
	return !call->refusal.failed;
}

/* --- taking off --------------------------------------------------------------------------------- */

static bool take_off(struct kube_call *call, const struct kube_credentials *who, struct err *e)
{
	struct kube_client *c = call->client;
	const struct kube_request *r = &call->request;
	static const struct http_header accept = {"Accept", "application/json, */*"};
	struct http_call http = {
		.method = r->method,
		.url = call->url,
		.proxy = who->proxy,
		.headers = &accept,
		.n_headers = 1,
		.body = r->body,
		.body_len = r->body_len,
		.content_type = r->content_type,
		.bearer = who->token,
		.tls = who->tls,
		.timeout_us = r->timeout_us,
		.silence_us = r->silence_us,
		.max_body = r->max_body,
		.http2 = true,
		.ctx = call,
	};

	if (is_stream(call)) {
		http.on_head = on_head;
		http.on_data = on_data;
	}
	call->flight = http_client_send(c->http, &http, on_done, call, e);
	if (!call->flight)
		return false;
	call->generation = who->generation;
	call->attempts++;
	c->stats.sent++;
	move(call, FLYING);
	return true;
}

/* Urgent ones first; a stream holds no place among the flights. */
static struct kube_call *next_call(struct kube_client *c)
{
	bool full = c->stats.flights >= c->config.flights_max;
	struct kube_call *call = TAILQ_FIRST(&c->urgent);

	if (!call)
		call = TAILQ_FIRST(&c->normal);
	return call && full && !is_stream(call) ? NULL : call;
}

/* How long until there is a token; 0: it was taken. */
static int64_t take_token(struct kube_client *c)
{
	int64_t now = clk_now_us();
	double more = (double)(now - c->tokens_us) / 1e6 * c->config.rate;

	c->tokens = c->tokens + more < c->config.burst ? c->tokens + more : c->config.burst;
	c->tokens_us = now;
	if (c->tokens < 1)
		return (int64_t)((1 - c->tokens) / c->config.rate * 1e6) + 1;
	c->tokens -= 1;
	return 0;
}

static void pump(struct kube_client *c)
{
	struct kube_credentials who;
	struct kube_call *call;
	struct err e;

	while ((call = next_call(c))) {
		int64_t wait = c->pause_until_us - clk_now_us();
		if (wait <= 0) {
			enum kube_access_state state = kube_access_look(c->access, &who, &e);
			if (state == KUBE_ACCESS_PENDING)
				return; /* on_change() pumps again */
			if (state == KUBE_ACCESS_FAILED) {
				fail_later(call, &e);
				continue;
			}
			wait = take_token(c);
		}
		if (wait > 0) {
			if (TAILQ_EMPTY(&c->failed))
				loop_timer_after(c->turn, wait);
			return;
		}
		if (!take_off(call, &who, &e))
			fail_later(call, &e);
	}
}

/* What fails while these are told has its own turn: a caller that sends again at once must not hold
 * the loop. */
static void on_turn(void *ctx)
{
	struct kube_client *c = ctx;
	struct kube_call *call;
	size_t n = 0;

	TAILQ_FOREACH (call, &c->failed, link)
		n++;
	for (; n && (call = TAILQ_FIRST(&c->failed)); n--)
		finish(call, NULL, &call->error);
	if (!TAILQ_EMPTY(&c->failed))
		loop_timer_after(c->turn, 0);
	pump(c);
}

static void on_access(void *ctx)
{
	pump(ctx);
}

/* --- those that wait too long ------------------------------------------------------------------- */

static void turn_away(struct kube_call *call)
{
	struct kube_client *c = call->client;
	struct err e;

	(void)err_set(&e, ERR_TIMEOUT, "a request to %s waited %lld s for its %s (%zu are waiting)",
		kube_access_server(c->access), (long long)(call->request.patience_us / CLK_SECOND),
		call->flight ? "answer" : "turn", c->stats.waiting);
	if (call->flight)
		http_client_cancel(call->flight);
	call->flight = NULL;
	fail_later(call, &e);
}

/* Flights have times of their own; a stream may last, once its head has come. */
static void turn_away_late(struct kube_calls *list)
{
	struct kube_call *call, *next;
	int64_t now = clk_now_us();

	for (call = TAILQ_FIRST(list); call; call = next) {
		next = TAILQ_NEXT(call, link);
		if (now >= call->deadline_us && (!call->flight || (is_stream(call) && !call->status)))
			turn_away(call);
	}
}

static void on_late(void *ctx)
{
	struct kube_client *c = ctx;

	turn_away_late(&c->urgent);
	turn_away_late(&c->normal);
	turn_away_late(&c->flying);
	if (c->stats.waiting + c->stats.streams)
		loop_timer_after(c->late, LATE_LOOK_US);
}

/* --- the interface ------------------------------------------------------------------------------ */

static void copy_request(struct kube_call *call, const struct kube_request *r)
{
	struct arena *a = call->arena;
	struct kube_request *own = &call->request;

	assert(r->path && r->path[0] == '/');
	*own = *r;
	own->method = arena_strdup(a, r->method ? r->method : "GET");
	own->path = arena_strdup(a, r->path);
	own->query = r->query && *r->query ? arena_strdup(a, r->query) : NULL;
	own->content_type = arena_strdup(a, r->content_type);
	if (r->body) {
		own->body_len = r->body_len ? r->body_len : strlen(r->body);
		own->body = arena_strndup(a, r->body, own->body_len);
	}
	if (own->patience_us == 0)
		own->patience_us = PATIENCE_DEFAULT_US;
	call->target = own->query ? arena_printf(a, "%s?%s", own->path, own->query) : own->path;
	call->url = arena_printf(a, "%s%s", kube_access_server(call->client->access), call->target);
}

struct kube_call *kube_send(struct kube_client *c, const struct kube_request *r, kube_done_fn *done, void *ctx)
{
	struct kube_call *call = xcalloc(1, sizeof *call);
	struct err e;

	assert(done);
	*call = (struct kube_call){.client = c, .arena = arena_new(), .place = NOWHERE, .done = done, .ctx = ctx};
	strbuf_init(&call->refusal, REFUSAL_BODY_MAX);
	copy_request(call, r);
	call->deadline_us = clk_now_us() + call->request.patience_us;
	if (c->stats.waiting >= c->config.queue_max) {
		(void)err_set(&e, ERR_SLOW_DOWN, "%zu requests to %s are waiting already", c->stats.waiting,
			kube_access_server(c->access));
		fail_later(call, &e);
		return call;
	}
	if (c->stats.waiting + c->stats.streams == 0)
		loop_timer_after(c->late, LATE_LOOK_US);
	move(call, WAITING);
	pump(c);
	return call;
}

void kube_cancel(struct kube_call *call)
{
	if (!call || !call->done)
		return;
	struct kube_client *c = call->client;
	if (call->flight)
		http_client_cancel(call->flight);
	call->flight = NULL;
	call->done = NULL;
	finish(call, NULL, NULL);
	loop_timer_after(c->turn, 0); /* its place is another's; not pumped from inside a callback */
}

struct kube_client *kube_client_new(struct loop *l, struct kube_access *access,
	const struct kube_client_config *config)
{
	struct kube_client *c = xcalloc(1, sizeof *c);

	c->loop = l;
	c->access = access;
	if (config)
		c->config = *config;
	if (c->config.rate <= 0)
		c->config.rate = RATE_DEFAULT;
	if (c->config.burst < 1)
		c->config.burst = c->config.burst > 0 ? 1 : BURST_DEFAULT;
	if (c->config.queue_max == 0)
		c->config.queue_max = QUEUE_DEFAULT;
	if (c->config.flights_max == 0)
		c->config.flights_max = FLIGHTS_DEFAULT;
	c->user_agent = xstrdup(config && config->user_agent ? config->user_agent : "trimtab");
	c->tokens = c->config.burst;
	c->tokens_us = clk_now_us();
	TAILQ_INIT(&c->urgent);
	TAILQ_INIT(&c->normal);
	TAILQ_INIT(&c->flying);
	TAILQ_INIT(&c->failed);
	c->turn = loop_timer_new(l, on_turn, c);
	c->late = loop_timer_new(l, on_late, c);
	c->http = http_client_new(l, &(struct http_client_config){.max_per_host = CONNECTIONS_MAX,
									 .user_agent = c->user_agent});
	register_metrics(c, c->config.metrics);
	kube_access_on_change(access, on_access, c);
	return c;
}

static void drop_all(struct kube_calls *list)
{
	struct kube_call *call;

	while ((call = TAILQ_FIRST(list))) {
		TAILQ_REMOVE(list, call, link);
		free_call(call);
	}
}

void kube_client_free(struct kube_client *c)
{
	if (!c)
		return;
	kube_access_on_change(c->access, NULL, NULL);
	http_client_free(c->http);
	drop_all(&c->urgent);
	drop_all(&c->normal);
	drop_all(&c->flying);
	drop_all(&c->failed);
	loop_timer_free(c->turn);
	loop_timer_free(c->late);
	free(c->user_agent);
	free(c);
}

struct kube_access *kube_client_access(struct kube_client *c)
{
	return c->access;
}

struct loop *kube_client_loop(struct kube_client *c)
{
	return c->loop;
}

void kube_client_stats(const struct kube_client *c, struct kube_client_stats *out)
{
	*out = c->stats;
}
