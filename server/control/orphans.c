/*
 * Runs of this machine that nobody needs any more: another server took the experiment over while this one
 * was away, found nothing of the trial where it is, and went on without it. What is found at the start, and
 * what was let go with a lost lease, is looked up at every tick: a run whose trial is over or at another
 * attempt is stopped; one whose trial runs is somebody's; one that this database does not know belongs to
 * another that shares the folder.
 */
#include "server/control/internal.h"

#include <stdlib.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/log.h"
#include "lib/mem.h"
#include "server/store/store_lease.h"

struct orphan {
	TAILQ_ENTRY(orphan) link;
	struct run_backend *backend;
	struct run_key key;
	bool asked; /* the database was, since it is in the list */
};

/* What a backend's sweep is given. */
struct source {
	struct control *control;
	struct run_backend *backend;
};

struct orphans {
	TAILQ_HEAD(, orphan) list;
	size_t n;
	struct source sources[CONTROL_BACKENDS_MAX];
	bool asking;
};

struct orphans *orphans_new(struct control *c)
{
	struct orphans *o = xcalloc(1, sizeof *o);

	TAILQ_INIT(&o->list);
	for (size_t i = 0; i < ARRAY_LEN(o->sources); i++)
		o->sources[i].control = c;
	return o;
}

static void remove_orphan(struct orphans *o, struct orphan *r)
{
	TAILQ_REMOVE(&o->list, r, link);
	o->n--;
	free(r);
}

void orphans_free(struct orphans *o)
{
	while (!TAILQ_EMPTY(&o->list))
		remove_orphan(o, TAILQ_FIRST(&o->list));
	free(o);
}

void orphans_add(struct control *c, struct run_backend *b, const struct run_key *key)
{
	struct orphan *r = xcalloc(1, sizeof *r);

	*r = (struct orphan){.backend = b, .key = *key};
	TAILQ_INSERT_TAIL(&c->orphans->list, r, link);
	c->orphans->n++;
}

static void found(void *ctx, const struct run_key *key)
{
	const struct source *s = ctx;

	orphans_add(s->control, s->backend, key);
}

void orphans_sweep(struct control *c)
{
	for (size_t i = 0; i < c->n_backends; i++) {
		c->orphans->sources[i].backend = c->backends[i];
		run_sweep(c->backends[i], found, &c->orphans->sources[i]);
	}
}

static bool is_ours(struct control *c, const struct orphan *r)
{
	struct experiment *x = control_experiment(c, r->key.experiment_id);

	return x && x->loaded && x->backend == r->backend && strcmp(x->uid, r->key.uid) == 0 &&
	       trial_runs(experiment_trial(x, r->key.number), r->key.attempt);
}

/* Its points are not wanted, and its end is told to nobody. */
static void stop(const struct orphan *r)
{
	static const struct run_stop how = {.reason = "Superseded", .grace_us = -1};

	LOG_WARN("stopping a run whose trial went on without it", L_INT("experiment_id", r->key.experiment_id),
		L_INT("trial", r->key.number), L_INT("attempt", r->key.attempt));
	run_adopt(r->backend, &r->key, NULL);
	run_stop(r->backend, &r->key, &how);
}

struct asking {
	struct control *control;
	struct arena *arena;
};

static const struct store_run *answer_for(const struct store_runs *rows, const struct run_key *key)
{
	for (size_t i = 0; i < rows->n; i++)
		if (rows->items[i].number == key->number && rows->items[i].attempt == key->attempt &&
			strcmp(rows->items[i].uid, key->uid) == 0)
			return &rows->items[i];
	return NULL;
}

static void on_runs(void *ctx, const struct store_runs *rows, const struct err *e)
{
	struct asking *ask = ctx;
	struct control *c = ask->control;
	struct orphans *o = c->orphans;
	struct orphan *r, *next;

	o->asking = false;
	for (r = e || !c->started ? NULL : TAILQ_FIRST(&o->list); r; r = next) {
		const struct store_run *run = answer_for(rows, &r->key);
		next = TAILQ_NEXT(r, link);
		if (r->asked && run && run->over && !is_ours(c, r))
			stop(r);
		if (r->asked && (!run || run->over))
			remove_orphan(o, r);
	}
	arena_free(ask->arena);
}

void orphans_tick(struct control *c)
{
	struct orphans *o = c->orphans;
	struct orphan *r, *next;
	struct asking *ask;
	struct arena *a;
	size_t n = 0;

	for (r = TAILQ_FIRST(&o->list); r; r = next) {
		next = TAILQ_NEXT(r, link);
		if (is_ours(c, r))
			remove_orphan(o, r);
	}
	if (o->asking || o->n == 0)
		return;
	o->asking = true;
	a = arena_new();
	ask = ARENA_NEW(a, struct asking);
	*ask = (struct asking){c, a};
	struct store_run *runs = ARENA_NEW_N(a, struct store_run, o->n);
	TAILQ_FOREACH(r, &o->list, link) {
		r->asked = true;
		runs[n++] = (struct store_run){.experiment = r->key.experiment_id,
			.uid = r->key.uid,
			.number = r->key.number,
			.attempt = r->key.attempt};
	}
	store_runs_look(c->store, a, runs, n, on_runs, ask);
}
