/* Who listens live. What they hear is found out by live.c. */
#include "server/control/internal.h"

#include <stdlib.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/mem.h"
#include "server/store/store_live.h"

struct bus_subscription {
	TAILQ_ENTRY(bus_subscription) link;
	struct bus *bus;
	char *ns;                       /* owned; NULL = every */
	int64_t experiment;
	uint64_t since; /* ready when a look behind this one is done */
	bool ready;
	const struct bus_listener *listener;
	void *ctx;
};

struct bus {
	struct control *control;
	TAILQ_HEAD(, bus_subscription) subscriptions;
	struct bus_subscription *calling;       /* the next one to call: may go away meanwhile */
};

struct bus *bus_new(struct control *c)
{
	struct bus *b = xcalloc(1, sizeof *b);

	b->control = c;
	TAILQ_INIT(&b->subscriptions);
	return b;
}

void bus_free(struct bus *b)
{
	while (!TAILQ_EMPTY(&b->subscriptions))
		bus_unsubscribe(TAILQ_FIRST(&b->subscriptions));
	free(b);
}

struct bus_subscription *bus_subscribe(
	struct control *c, const char *ns, int64_t experiment_id, const struct bus_listener *listener, void *ctx)
{
	struct bus_subscription *s = xcalloc(1, sizeof *s);

	*s = (struct bus_subscription){.bus = c->bus,
		.ns = ns ? xstrdup(ns) : NULL,
		.experiment = experiment_id,
		.since = live_looks(c),
		.listener = listener,
		.ctx = ctx};
	TAILQ_INSERT_TAIL(&c->bus->subscriptions, s, link);
	live_kick(c);
	return s;
}

void bus_unsubscribe(struct bus_subscription *s)
{
	if (s->bus->calling == s)
		s->bus->calling = TAILQ_NEXT(s, link);
	TAILQ_REMOVE(&s->bus->subscriptions, s, link);
	if (TAILQ_EMPTY(&s->bus->subscriptions))
		live_silence(s->bus->control);
	free(s->ns);
	free(s);
}

static bool hears(const struct bus_subscription *s, const char *ns, int64_t experiment)
{
	return (s->experiment == 0 || s->experiment == experiment) && (!s->ns || strcmp(s->ns, ns) == 0);
}

bool bus_anybody(const struct control *c)
{
	return !TAILQ_EMPTY(&c->bus->subscriptions);
}

bool bus_heard(const struct control *c, const char *ns, int64_t experiment, bool ready)
{
	const struct bus_subscription *s;

	TAILQ_FOREACH(s, &c->bus->subscriptions, link)
		if (hears(s, ns, experiment) && (s->ready || !ready))
			return true;
	return false;
}

int64_t *bus_scope(const struct control *c, size_t room, struct store_live_query *q, struct arena *a)
{
	const struct bus_subscription *s;
	size_t n = 0;

	TAILQ_FOREACH(s, &c->bus->subscriptions, link)
		n++;
	int64_t *ids = ARENA_NEW_N(a, int64_t, n + room + 1);
	const char **namespaces = ARENA_NEW_N(a, const char *, n + 1);
	q->ids = ids;
	q->namespaces = namespaces;
	TAILQ_FOREACH(s, &c->bus->subscriptions, link)
		if (s->experiment)
			ids[q->n_ids++] = s->experiment;
		else if (s->ns)
			namespaces[q->n_namespaces++] = s->ns;
		else
			q->everywhere = true;
	return ids;
}

void bus_looked(struct control *c, uint64_t look, const struct err *e)
{
	struct bus *b = c->bus;
	struct bus_subscription *s;

	for (s = TAILQ_FIRST(&b->subscriptions); s; s = b->calling) {
		b->calling = TAILQ_NEXT(s, link);
		if (s->ready || s->since >= look)
			continue;
		s->ready = !e;
		s->listener->ready(s->ctx, e);
	}
}

void bus_publish(struct control *c, const struct bus_message *m)
{
	struct bus *b = c->bus;
	struct bus_subscription *s;

	for (s = TAILQ_FIRST(&b->subscriptions); s; s = b->calling) {
		b->calling = TAILQ_NEXT(s, link);
		if (s->ready && hears(s, m->ns, m->experiment_id))
			s->listener->message(s->ctx, m);
	}
}
