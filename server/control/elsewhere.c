/*
 * Experiments that other replicas drive: whether their trials are stopped for what they report, and by which
 * metric. A document does not change in this, so it is read once. A fixed table, one place per id: a collision
 * only costs another look into the database.
 */
#include <stdlib.h>
#include <sys/queue.h>

#include "lib/arena.h"
#include "lib/log.h"
#include "lib/mem.h"
#include "server/control/internal.h"
#include "server/control/stopping.h"

enum { PLACES = 4096 };

struct look_up {
	LIST_ENTRY(look_up) link;
	struct control *control;
	struct arena *arena;
	int64_t id;
};

struct elsewhere {
	struct {
		int64_t id;             /* 0: empty                                                   */
		char *metric;           /* owned; "" = they are not stopped                           */
	} places[PLACES];
	LIST_HEAD(, look_up) under_way;
};

struct elsewhere *elsewhere_new(void)
{
	struct elsewhere *e = xcalloc(1, sizeof *e);

	LIST_INIT(&e->under_way);
	return e;
}

void elsewhere_free(struct elsewhere *e)
{
	for (size_t i = 0; i < PLACES; i++)
		free(e->places[i].metric);
	free(e);
}

static const char *metric_of(const struct store_experiment *row, struct arena *a)
{
	const struct spec_stored stored = {.namespace = row->ns, .name = row->name, .labels = row->labels,
		.annotations = row->annotations, .spec = row->spec};
	const struct experiment_spec *spec;
	struct err e;

	if (!spec_load(&stored, a, &spec, &e)) {
		LOG_WARN("experiment cannot be read", L_INT("experiment_id", row->id), L_STR("error", e.detail));
		return "";
	}
	return spec->stopping ? spec->objectives[0].metric : "";
}

static void on_experiment(void *ctx, const struct store_experiments *rows, const struct err *e)
{
	struct look_up *l = ctx;
	struct control *c = l->control;
	const size_t i = (uint64_t)l->id % PLACES;

	LIST_REMOVE(l, link);
	if (e) {
		reporter_refuse(c, l->id, e);
	} else {
		free(c->elsewhere->places[i].metric);
		c->elsewhere->places[i].id = l->id;
		c->elsewhere->places[i].metric = xstrdup(rows->n > 0 ? metric_of(&rows->items[0], l->arena) : "");
	}
	reporter_release(c);
	arena_free(l->arena);
}

const char *elsewhere_metric(struct control *c, int64_t experiment)
{
	struct elsewhere *all = c->elsewhere;
	const size_t i = (uint64_t)experiment % PLACES;
	struct look_up *l;
	struct arena *a;

	if (all->places[i].metric && all->places[i].id == experiment)
		return all->places[i].metric;
	LIST_FOREACH(l, &all->under_way, link)
		if (l->id == experiment)
			return NULL;
	a = arena_new();
	l = ARENA_NEW(a, struct look_up);
	*l = (struct look_up){.control = c, .arena = a, .id = experiment};
	LIST_INSERT_HEAD(&all->under_way, l, link);
	store_experiment_load(c->store, a, experiment, on_experiment, l);
	return NULL;
}
