#include "server/store/pgpool.h"

#include <assert.h>
#include <event2/event.h>
#include <stdlib.h>

#include "lib/mem.h"

enum { CONNECTIONS_MAX = 8, QUEUE_PER_CONNECTION = 1024 };
#define WAIT_US INT64_C(10000000)

struct pgpool {
	struct pgpool_config config;
	char *conninfo, *application;
	unsigned n;
	struct pg *conns[CONNECTIONS_MAX];
	struct pg_units rejected; /* waiting for their callback */
	struct event *reject, *tick;
	struct pg_counters counters;
	bool fatal_told, closing;
};

static struct pg *choose(const struct pgpool *p, int64_t affinity)
{
	if (affinity > 0) {
		for (unsigned i = 0; i < p->n; i++) {
			struct pg *c = p->conns[((uint64_t)affinity + i) % p->n];
			if (pg_state(c) == PG_READY)
				return c;
		}
		return p->conns[(uint64_t)affinity % p->n];
	}
	struct pg *best = NULL;
	for (unsigned i = 0; i < p->n; i++) {
		struct pg *c = p->conns[i];
		bool up = pg_state(c) == PG_READY;
		bool best_up = best && pg_state(best) == PG_READY;
		if (!best || up > best_up ||
			(up == best_up && pg_sent(c) + pg_queued(c) < pg_sent(best) + pg_queued(best)))
			best = c;
	}
	return best;
}

size_t pgpool_queued(const struct pgpool *p)
{
	size_t n = 0;
	for (unsigned i = 0; i < p->n; i++)
		n += pg_queued(p->conns[i]);
	return n;
}

size_t pgpool_sent(const struct pgpool *p)
{
	size_t n = 0;
	for (unsigned i = 0; i < p->n; i++)
		n += pg_sent(p->conns[i]);
	return n;
}

unsigned pgpool_ready(const struct pgpool *p)
{
	unsigned n = 0;
	for (unsigned i = 0; i < p->n; i++)
		n += pg_state(p->conns[i]) == PG_READY;
	return n;
}

struct pg_counters pgpool_counters(const struct pgpool *p)
{
	return p->counters;
}

int pgpool_backend_pid(const struct pgpool *p, unsigned i)
{
	return i < p->n ? pg_backend_pid(p->conns[i]) : 0;
}

static void reject(struct pgpool *p, struct pg_unit *u, enum err_code code, const char *why)
{
	err_set(&u->err, code, "%s", why);
	STAILQ_INSERT_TAIL(&p->rejected, u, link);
	event_active(p->reject, 0, 0);
}

void pgpool_submit(struct pgpool *p, struct pg_unit *u)
{
	if (p->closing)
		reject(p, u, ERR_UNAVAILABLE, "the server is stopping");
	else if (pgpool_queued(p) + pgpool_sent(p) >= p->config.queue_max)
		reject(p, u, ERR_SLOW_DOWN, "too many requests wait for the database; try again in a second");
	else
		pg_submit(choose(p, u->affinity), u);
}

static void on_reject(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd, (void)what;
	struct pgpool *p = ctx;
	struct pg_units all = STAILQ_HEAD_INITIALIZER(all);
	STAILQ_CONCAT(&all, &p->rejected);
	struct pg_unit *u;
	while ((u = STAILQ_FIRST(&all)) != NULL) {
		STAILQ_REMOVE_HEAD(&all, link);
		p->counters.failures++;
		u->done(u, NULL, &u->err);
	}
}

static void on_tick(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd, (void)what;
	struct pgpool *p = ctx;
	int64_t now = pg_real_us();
	for (unsigned i = 0; i < p->n; i++)
		pg_check_deadlines(p->conns[i], now);
}

/* What it had not sent yet need not wait for its return when another connection works. */
static void on_lost(void *ctx, struct pg *lost)
{
	struct pgpool *p = ctx;
	if (pgpool_ready(p) == 0)
		return;
	struct pg_units all = STAILQ_HEAD_INITIALIZER(all);
	pg_take_unsent(lost, &all);
	struct pg_unit *u;
	while ((u = STAILQ_FIRST(&all)) != NULL) {
		STAILQ_REMOVE_HEAD(&all, link);
		pg_submit(choose(p, u->affinity), u);
	}
}

static void on_fatal(void *ctx, const struct err *e)
{
	struct pgpool *p = ctx;
	if (!p->fatal_told)
		p->config.fatal(p->config.ctx, e);
	p->fatal_told = true;
}

struct pgpool *pgpool_new(const struct pgpool_config *config)
{
	assert(config->connections >= 1 && config->connections <= CONNECTIONS_MAX);
	struct pgpool *p = xcalloc(1, sizeof *p);
	p->config = *config;
	if (p->config.queue_max == 0)
		p->config.queue_max = (size_t)QUEUE_PER_CONNECTION * config->connections;
	p->conninfo = xstrdup(config->conninfo);
	p->application = xstrdup(config->application);
	STAILQ_INIT(&p->rejected);
	p->reject = event_new(config->base, -1, 0, on_reject, p);
	p->tick = event_new(config->base, -1, EV_PERSIST, on_tick, p);
	event_add(p->tick, &(struct timeval){.tv_sec = 1});

	struct pg_config c = {
		.base = config->base,
		.conninfo = p->conninfo,
		.application = p->application,
		.wait_us = config->wait_us > 0 ? config->wait_us : WAIT_US,
		.lost = on_lost,
		.fatal = on_fatal,
		.ctx = p,
		.counters = &p->counters,
	};
	for (unsigned i = 0; i < config->connections; i++) {
		p->conns[i] = pg_new(&c);
		p->n++;
	}
	return p;
}

void pgpool_free(struct pgpool *p)
{
	if (!p)
		return;
	p->closing = true;
	for (unsigned i = 0; i < p->n; i++)
		pg_free(p->conns[i]);
	/* Who asks again from his callback hears no again; who never stops has a bug. */
	for (unsigned round = 0; !STAILQ_EMPTY(&p->rejected); round++) {
		assert(round < 100 && "a callback asks again and again while the store closes");
		on_reject(-1, 0, p);
	}
	event_free(p->reject);
	event_free(p->tick);
	free(p->conninfo);
	free(p->application);
	free(p);
}
