/*
 * Delivers messages: a queue, a few requests at once, few of them to one host, so that one that does
 * not answer holds up nobody else.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "lib/arena.h"
#include "lib/clk.h"
#include "lib/hash.h"
#include "lib/http_client.h"
#include "lib/log.h"
#include "lib/loop.h"
#include "lib/mem.h"
#include "lib/uri.h"
#include "server/control/internal.h"
#include "server/control/notify.h"
#include "server/store/store_event.h"

enum {
	WAITING_MAX = 1000,             /* messages in all                                            */
	WAITING_TRIALS_MAX = 800,       /* above, only ends of experiments                            */
	FLIGHTS_MAX = 8,
	FLIGHTS_PER_HOST = 2,
	TIMEOUT_S = 10,
	TRIES = 5,
};

/* Before the next try, in seconds. */
static const int pauses_s[TRIES - 1] = {2, 10, 40, 120};

struct delivery {
	TAILQ_ENTRY(delivery) link;
	struct courier *courier;
	struct arena *arena;
	struct message m;
	const char *host;               /* with its port, without what may be secret of the URL       */
	int tries;
	bool flying;
	int64_t due_us;
};

struct courier {
	struct control *control;
	struct http_client *http;
	struct loop_timer *timer;
	TAILQ_HEAD(, delivery) queue;
	size_t n, n_flying;
	const char *flying_to[FLIGHTS_MAX];
};

static void go(struct courier *k);

static void on_timer(void *ctx)
{
	go(ctx);
}

struct courier *courier_new(struct control *c)
{
	struct courier *k = xcalloc(1, sizeof *k);

	k->control = c;
	k->http = http_client_new(c->loop, &(struct http_client_config){.max_total = FLIGHTS_MAX});
	k->timer = loop_timer_new(c->loop, on_timer, k);
	TAILQ_INIT(&k->queue);
	return k;
}

static void delivery_free(struct delivery *d)
{
	TAILQ_REMOVE(&d->courier->queue, d, link);
	d->courier->n--;
	arena_free(d->arena);
}

void courier_free(struct courier *k)
{
	http_client_free(k->http);
	while (!TAILQ_EMPTY(&k->queue))
		delivery_free(TAILQ_FIRST(&k->queue));
	loop_timer_free(k->timer);
	free(k);
}

size_t courier_waiting(const struct courier *k)
{
	return k->n;
}

/* ---- how it went ------------------------------------------------------------------------------- */

static void write_down(const struct delivery *d, const char *type, const char *reason, const char *text)
{
	const struct store_event event = {
		.experiment = d->m.experiment, .number = d->m.number, .type = type, .reason = reason, .message = text};

	store_events_add(d->courier->control->store, NULL, &event, 1, NULL, NULL);
}

static void delivered(struct delivery *d)
{
	char text[400];

	metrics_message(d->courier->control, "delivered");
	if (d->m.end) {
		snprintf(text, sizeof text, "%s was told to the web hook at %.200s", d->m.event, d->host);
		write_down(d, "Normal", "WebHookDelivered", text);
	}
	delivery_free(d);
}

static void give_up(struct delivery *d, const char *why)
{
	char text[700];

	metrics_message(d->courier->control, "failed");
	snprintf(text, sizeof text, "%s could not be told to the web hook at %.200s: %.300s (%d %s)", d->m.event,
		d->host, why, d->tries, d->tries == 1 ? "try" : "tries");
	LOG_WARN("web hook failed", L_INT("experiment_id", d->m.experiment), L_STR("event", d->m.event),
		L_STR("host", d->host), L_STR("error", why), L_INT("tries", d->tries));
	write_down(d, "Warning", "WebHookFailed", text);
	delivery_free(d);
}

/* A quarter more or less, so that many do not come back together. */
static int64_t jitter(int64_t us)
{
	uint16_t r;

	hash_random(&r, sizeof r);
	return us * 3 / 4 + us / 2 * r / UINT16_MAX;
}

static void try_again(struct delivery *d, const char *why)
{
	if (d->tries == TRIES) {
		give_up(d, why);
		return;
	}
	LOG_INFO("web hook will be tried again", L_INT("experiment_id", d->m.experiment),
		L_STR("event", d->m.event), L_STR("host", d->host), L_STR("error", why), L_INT("tries", d->tries));
	d->due_us = clk_now_us() + jitter(pauses_s[d->tries - 1] * CLK_SECOND);
}

static bool may_pass(int status)
{
	return status == 408 || status == 425 || status == 429 || status >= 500;
}

static void landed(struct courier *k, const struct delivery *d)
{
	size_t i = 0;

	while (k->flying_to[i] != d->host)
		i++;
	k->flying_to[i] = k->flying_to[--k->n_flying];
}

static void on_answer(void *ctx, const struct http_answer *answer, const struct err *e)
{
	struct delivery *d = ctx;
	struct courier *k = d->courier;
	char why[64];

	landed(k, d);
	d->flying = false;
	if (answer)
		snprintf(why, sizeof why, "it answered %d", answer->status);
	if (e)
		try_again(d, e->detail);
	else if (answer->status >= 200 && answer->status < 300)
		delivered(d);
	else if (may_pass(answer->status))
		try_again(d, why);
	else
		give_up(d, why);
	go(k);
}

/* ---- sending ----------------------------------------------------------------------------------- */

/* The time is signed too, so that an old message cannot be sent again by a stranger. */
static const char *signature(const struct message *m, int64_t t, struct arena *a)
{
	const char *text = arena_printf(a, "%" PRId64 ".%s", t, m->body);
	char hex[HASH_HEX_MAX];
	uint8_t mac[HASH_SIZE];

	hash_hmac_sha256(m->secret, strlen(m->secret), text, strlen(text), mac);
	hash_hex(mac, sizeof mac, hex);
	return arena_printf(a, "t=%" PRId64 ",v1=%s", t, hex);
}

static void fly(struct courier *k, struct delivery *d)
{
	struct arena *a = arena_new();
	struct http_header headers[3] = {{"Trimtab-Event", d->m.event}, {"Trimtab-Delivery", d->m.id}};
	struct http_call call = {.method = "POST", .url = d->m.url, .headers = headers, .n_headers = 2,
		.body = d->m.body, .body_len = strlen(d->m.body), .timeout_us = TIMEOUT_S * CLK_SECOND};
	struct err e;

	if (d->m.secret)
		headers[call.n_headers++] =
			(struct http_header){"Trimtab-Signature", signature(&d->m, clk_wall_us() / CLK_SECOND, a)};
	d->tries++;
	d->flying = http_client_send(k->http, &call, on_answer, d, &e) != NULL;
	if (d->flying)
		k->flying_to[k->n_flying++] = d->host;
	else
		give_up(d, e.detail);
	arena_free(a);
}

static bool busy(const struct courier *k, const char *host)
{
	size_t n = 0;

	for (size_t i = 0; i < k->n_flying; i++)
		n += strcmp(k->flying_to[i], host) == 0;
	return n >= FLIGHTS_PER_HOST;
}

/* Sends what is due, oldest first, as far as there is room, and sets the timer for the rest. */
static void go(struct courier *k)
{
	const int64_t now = clk_now_us();
	int64_t first = INT64_MAX;
	struct delivery *d, *next;

	for (d = TAILQ_FIRST(&k->queue); d && k->n_flying < FLIGHTS_MAX; d = next) {
		next = TAILQ_NEXT(d, link);
		if (d->flying)
			continue;
		if (d->due_us > now)
			first = d->due_us < first ? d->due_us : first;
		else if (!busy(k, d->host))
			fly(k, d);
	}
	if (first < INT64_MAX)
		loop_timer_after(k->timer, first - now);
}

/* ---- taking ------------------------------------------------------------------------------------ */

static const char *host_of(const char *url, struct arena *a)
{
	struct uri u;
	struct err e;

	if (!uri_split(url, a, &u, &e) || !u.host[0])
		return "(no host)";
	return u.port ? arena_printf(a, "%s:%d", u.host, u.port) : u.host;
}

void courier_take(struct courier *k, const struct message *m)
{
	static struct log_limit limit;
	struct arena *a;
	struct delivery *d;

	if (k->n >= (m->end ? WAITING_MAX : WAITING_TRIALS_MAX)) {
		metrics_message(k->control, "dropped");
		if (log_limit_pass(&limit, 10 * CLK_SECOND))
			LOG_WARN("too many messages wait for web hooks: some are dropped", L_STR("event", m->event),
				L_INT("experiment_id", m->experiment), L_INT("before", (int64_t)limit.skipped));
		return;
	}
	a = arena_new();
	d = ARENA_NEW(a, struct delivery);
	d->courier = k;
	d->arena = a;
	d->m = *m;
	d->m.id = arena_strdup(a, m->id);
	d->m.url = arena_strdup(a, m->url);
	d->m.secret = arena_strdup(a, m->secret);
	d->m.body = arena_strdup(a, m->body);
	d->host = host_of(m->url, a);
	TAILQ_INSERT_TAIL(&k->queue, d, link);
	k->n++;
	loop_timer_after(k->timer, 0);
}
