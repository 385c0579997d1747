#include "server/store/store.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/arena.h"
#include "lib/loop.h"
#include "lib/mem.h"
#include "lib/prom.h"
#include "server/store/call.h"
#include "server/store/listen.h"
#include "server/store/pgconnect.h"
#include "server/store/pgpool.h"
#include "server/store/store_hooks.h"

struct store {
	struct pgpool *pool;
	struct listen *listen;
	struct store_config config;
	unsigned connections;
	bool sweeping, ranking;
	uint64_t executed[STMTS];
	struct prom_series *seconds; /* NULL: nobody counts */
};

const char *const *store_outcome_names(void)
{
	static const char *const names[] = {
		[STORE_DONE] = "done",
		[STORE_SAME] = "same",
		[STORE_DIFFERS] = "differs",
		[STORE_NOT_FOUND] = "not_found",
		[STORE_GONE] = "gone",
		[STORE_STALE] = "stale",
		[STORE_WRONG_STATE] = "wrong_state",
		[STORE_OUTCOMES] = NULL,
	};
	return names;
}

static void on_fatal(void *ctx, const struct err *e)
{
	struct store *s = ctx;
	if (s->config.fatal)
		s->config.fatal(s->config.ctx, e);
}

/* A sweep that a stop of the server cut off goes on when the next one connects. */
static void on_heard(void *ctx, int64_t experiment)
{
	struct store *s = ctx;
	if (experiment == 0)
		store_sweep(s);
	s->config.notified(s->config.ctx, experiment);
}

struct store *store_new(const struct store_config *config, struct err *e)
{
	char application[64];
	snprintf(application, sizeof application, "trimtab %s", config->replica ? config->replica : "");
	if (!pg_conninfo_check(config->conninfo, e))
		return NULL;
	struct store *s = xcalloc(1, sizeof *s);
	s->config = *config;
	s->connections = config->connections > 0 ? config->connections : 3;
	if (config->prom)
		s->seconds = prom_series(prom_histogram(config->prom, "trimtab_db_query_duration_seconds",
									 "From sending a statement to PostgreSQL to its answer", NULL, NULL, 0),
			NULL);
	struct pgpool_config pool = {
		.base = loop_base(config->loop),
		.conninfo = config->conninfo,
		.application = application,
		.connections = s->connections,
		.wait_us = config->wait_us,
		.fatal = on_fatal,
		.ctx = s,
	};
	s->pool = pgpool_new(&pool);
	if (config->notified)
		s->listen = listen_new(pool.base, config->conninfo, application, on_heard, s);
	return s;
}

void store_free(struct store *s)
{
	if (!s)
		return;
	listen_free(s->listen);
	pgpool_free(s->pool);
	free(s);
}

bool store_ready(const struct store *s)
{
	return pgpool_ready(s->pool) > 0;
}

struct store_stats store_stats(const struct store *s)
{
	struct pg_counters c = pgpool_counters(s->pool);
	return (struct store_stats){
		.connections = s->connections,
		.ready = pgpool_ready(s->pool),
		.queued = pgpool_queued(s->pool),
		.sent = pgpool_sent(s->pool),
		.statements = c.statements,
		.failures = c.failures,
		.resent = c.resent,
		.reconnects = c.reconnects,
		.busy_us = c.busy_us,
	};
}

uint64_t store_executed(const struct store *s, unsigned stmt)
{
	return s->executed[stmt];
}

int store_backend_pid(const struct store *s, unsigned i)
{
	return i < s->connections ? pgpool_backend_pid(s->pool, i) : listen_backend_pid(s->listen);
}

/* ---- calls ------------------------------------------------------------------------------------- */

static void on_done(struct pg_unit *u, const PGresult *res, const struct err *e)
{
	struct store_call *c = (struct store_call *)((char *)u - offsetof(struct store_call, unit));
	if (res && c->store->seconds)
		prom_observe(c->store->seconds, (double)(pg_real_us() - u->sent_us) / 1e6);
	if (res)
		c->store->executed[u->args.def - stmt_table]++;
	if (c->answer && c->done)
		c->answer(c, res, e);
	arena_free(c->own);
	pg_args_free(&u->args);
	PQclear(u->res);
	free(c);
}

struct store_call *store_call_new(
	struct store *s, enum stmt stmt, struct arena *a, store_answer_fn *answer, store_fn *done, void *ctx)
{
	struct store_call *c = xcalloc(1, sizeof *c);
	pg_unit_init(&c->unit, stmt, on_done);
	c->store = s;
	c->own = a ? NULL : arena_new();
	c->arena = a ? a : c->own;
	c->answer = answer;
	c->done = done;
	c->ctx = ctx;
	return c;
}

struct store_call *store_call_send_for(struct store_call *c, int64_t experiment)
{
	assert(c->unit.args.n == c->unit.args.def->n_in);
	c->unit.affinity = experiment;
	pgpool_submit(c->store->pool, &c->unit);
	return c;
}

struct store_call *store_call_send(struct store_call *c)
{
	return store_call_send_for(c, 0);
}

void store_orphan(struct store_call *c)
{
	if (!c)
		return;
	c->answer = NULL;
	c->arena = NULL;
}

static void on_swept(void *ctx, int64_t left, const struct err *e)
{
	struct store *s = ctx;
	s->sweeping = false;
	if (!e && left > 0)
		store_sweep(s);
}

void store_sweep(struct store *s)
{
	enum { ROWS = 20000 };
	if (s->sweeping)
		return;
	s->sweeping = true;
	struct store_call *c =
		store_call_new(s, STMT_OBSERVATIONS_SWEEP, NULL, store_answer_count, (store_fn *)on_swept, s);
	pg_int(&c->unit.args, ROWS);
	store_call_send(c);
}

static void on_ranking_kept(void *ctx, int64_t count, const struct err *e)
{
	struct store *s = ctx;
	(void)count, (void)e; /* without it the next page is slow once more */
	s->ranking = false;
}

void store_keep_ranking(struct store *s, int64_t experiment)
{
	if (s->ranking)
		return;
	s->ranking = true;
	struct store_call *c =
		store_call_new(s, STMT_RANKING_KEEP, NULL, store_answer_count, (store_fn *)on_ranking_kept, s);
	pg_int(&c->unit.args, experiment);
	store_call_send(c);
}

void store_answer_outcome(struct store_call *c, const PGresult *res, const struct err *e)
{
	static const struct row_field fields[] = {
		{.column = "outcome", .kind = ROW_NAME, .names = store_outcome_names},
	};
	static const struct row_shape shape = {.size = sizeof(int), .fields = fields, .n = 1};
	store_outcome_cb *done = (store_outcome_cb *)c->done;
	int outcome = STORE_DONE;
	if (!e)
		outcome = *(int *)rows_decode(res, &shape, c->arena);
	done(c->ctx, (enum store_outcome)outcome, e);
}

void store_answer_count(struct store_call *c, const PGresult *res, const struct err *e)
{
	static const struct row_field fields[] = {{.column = "count", .kind = ROW_BIGINT}};
	static const struct row_shape shape = {.size = sizeof(int64_t), .fields = fields, .n = 1};
	store_count_cb *done = (store_count_cb *)c->done;
	done(c->ctx, e ? 0 : *(int64_t *)rows_decode(res, &shape, c->arena), e);
}
