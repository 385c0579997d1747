/*
 * What the store can do on this machine, with a private PostgreSQL that syncs as in production:
 * points committed a second beside a bare COPY of the same rows, and pages of trials and experiments
 * among a million stored trials.
 *
 *     build/release/bench/store [seconds] [trials per experiment]
 */
#include <libpq-fe.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/arena.h"
#include "lib/file.h"
#include "lib/log.h"
#include "lib/loop.h"
#include "lib/mem.h"
#include "server/store/embedded.h"
#include "server/store/migrate.h"
#include "server/store/pg.h"
#include "server/store/store_experiment.h"
#include "server/store/store_observation.h"
#include "server/store/store_trial.h"

enum { TRIALS = 1000, BATCH = 10000, IN_FLIGHT = 2, EXPERIMENTS = 100, PAGES = 50 };

static struct loop *loop;
static struct store *store;
static const char *conninfo;
static bool answered;
static const void *answer;

static void die(const char *what, const char *why)
{
	fprintf(stderr, "%s: %s\n", what, why);
	exit(1);
}

static void sql(const char *text)
{
	PGconn *c = PQconnectdb(conninfo);
	PGresult *r = PQexec(c, text);
	if (PQresultStatus(r) != PGRES_TUPLES_OK && PQresultStatus(r) != PGRES_COMMAND_OK)
		die(text, PQerrorMessage(c));
	PQclear(r);
	PQfinish(c);
}

static int64_t create(const char *name, int trials)
{
	char text[2000];
	snprintf(text, sizeof text,
		"WITH e AS (INSERT INTO core.experiments (namespace, name, form, posted, spec, spec_sha256, "
		"algorithm)"
		" VALUES ('default', '%s', 'trimtab/v1', '', '{}', '', 'random') RETURNING *),"
		" o AS (INSERT INTO core.objectives SELECT experiment_id, 0, 'loss', 'minimize', NULL, 'min' FROM e),"
		" p AS (INSERT INTO core.progress (experiment_id, next_number) SELECT experiment_id, %d FROM e)"
		" INSERT INTO core.trials (experiment_id, number, name, state, params, vals, cost, completion, "
		"change)"
		" SELECT e.experiment_id, n, core.trial_name(e.name, e.uid, n), 'succeeded',"
		" jsonb_build_object('lr', v, 'layers', n %% 6, 'optimizer', 'adam'), ARRAY[v], v, n, n"
		" FROM e, (SELECT n, abs(hashint4extended(n, 7) %% 1000003) / 1000003.0 AS v FROM generate_series(1, "
	    "%d) n) g",
		name, trials + 1, trials);
	sql(text);
	PGconn *c = PQconnectdb(conninfo);
	PGresult *r = PQexec(c, "SELECT max(experiment_id) FROM core.experiments");
	int64_t id = strtoll(PQgetvalue(r, 0, 0), NULL, 10);
	PQclear(r);
	PQfinish(c);
	return id;
}

/* ---- points ------------------------------------------------------------------------------------ */

static int64_t experiment;
static int64_t next_step;
static size_t committed, in_flight;
static struct store_point points[BATCH];

/* Ten trials' worth of steps at a time over all trials, as a group commit of many clients holds them. */
static void fill(void)
{
	for (size_t i = 0; i < BATCH; i++) {
		points[i] = (struct store_point){
			.experiment = experiment,
			.number = (int)(i / (BATCH / TRIALS)) + 1,
			.metric = "loss",
			.step = next_step + (int64_t)(i % (BATCH / TRIALS)),
			.value = sin((double)(next_step + (int64_t)i)),
			.time_us = INT64_C(1790000000000000) + next_step,
		};
	}
	next_step += BATCH / TRIALS;
}

static void on_acks(void *ctx, const struct store_acks *rows, const struct err *e)
{
	(void)ctx, (void)rows;
	if (e)
		die("observations_add", e->detail);
	committed += BATCH;
	in_flight--;
}

static double add_points(double seconds)
{
	int64_t begin = pg_real_us(), end = begin + (int64_t)(seconds * 1e6);
	committed = 0;
	while (pg_real_us() < end || in_flight > 0) {
		while (in_flight < IN_FLIGHT && pg_real_us() < end) {
			fill();
			store_observations_add(store, NULL, points, BATCH, on_acks, NULL);
			in_flight++;
		}
		loop_pass(loop, true);
	}
	return (double)committed / ((double)(pg_real_us() - begin) / 1e6);
}

static double copy_points(double seconds)
{
	PGconn *c = PQconnectdb(conninfo);
	int64_t begin = pg_real_us(), end = begin + (int64_t)(seconds * 1e6);
	size_t n = 0;
	while (pg_real_us() < end) {
		PGresult *r = PQexec(c, "COPY core.observations FROM STDIN");
		if (PQresultStatus(r) != PGRES_COPY_IN)
			die("COPY", PQerrorMessage(c));
		PQclear(r);
		fill();
		for (size_t i = 0; i < BATCH; i++) {
			char line[128];
			int len = snprintf(line, sizeof line, "%lld\t%d\tloss\t%lld\t%.17g\t2026-11-22 10:00:00+00\n",
				(long long)experiment, points[i].number, (long long)points[i].step, points[i].value);
			PQputCopyData(c, line, len);
		}
		PQputCopyEnd(c, NULL);
		r = PQgetResult(c);
		if (PQresultStatus(r) != PGRES_COMMAND_OK)
			die("COPY", PQerrorMessage(c));
		PQclear(r);
		PQclear(PQgetResult(c));
		n += BATCH;
	}
	PQfinish(c);
	return (double)n / ((double)(pg_real_us() - begin) / 1e6);
}

/* ---- one at a time ----------------------------------------------------------------------------- */

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static void show(const char *what, double *ms)
{
	qsort(ms, PAGES, sizeof *ms, compare);
	printf("%-44s median %6.2f ms   p90 %6.2f ms\n", what, ms[PAGES / 2], ms[PAGES * 9 / 10]);
}

static void on_trials(void *ctx, const struct store_trials *rows, const struct err *e)
{
	(void)ctx;
	if (e)
		die("trials", e->detail);
	answered = true;
	answer = rows;
}

static void wait_answer(void)
{
	while (!answered)
		loop_pass(loop, true);
	answered = false;
}

static void bare_insert(double *ms)
{
	PGconn *c = PQconnectdb(conninfo);
	PQclear(
		PQprepare(c, "one", "INSERT INTO core.observations VALUES ($1, 1, 'bare', $2, 0.5, now())", 2, NULL));
	for (int i = 0; i < PAGES; i++) {
		char id[32], step[32];
		snprintf(id, sizeof id, "%lld", (long long)experiment);
		snprintf(step, sizeof step, "%d", i);
		int64_t begin = pg_real_us();
		PGresult *r = PQexecPrepared(c, "one", 2, (const char *const[]){id, step}, NULL, NULL, 0);
		ms[i] = (double)(pg_real_us() - begin) / 1e3;
		if (PQresultStatus(r) != PGRES_COMMAND_OK)
			die("insert", PQerrorMessage(c));
		PQclear(r);
	}
	PQfinish(c);
}

static void single_steps(void)
{
	double ms[PAGES];
	bare_insert(ms);
	show("a bare committed insert of one point", ms);
	for (int i = 0; i < PAGES; i++) {
		fill();
		int64_t begin = pg_real_us();
		in_flight++;
		store_observations_add(store, NULL, points, 1, on_acks, NULL);
		while (in_flight > 0)
			loop_pass(loop, true);
		ms[i] = (double)(pg_real_us() - begin) / 1e3;
	}
	show("a report of one point", ms);
	double move[PAGES];
	for (int i = 0; i < PAGES; i++) {
		struct store_new_trial t = {.params = "{\"lr\": 0.1}", .state = TRIAL_STARTING, .executor = "local"};
		int number = TRIALS + 1 + i;
		int64_t begin = pg_real_us();
		store_trials_add(store, NULL, experiment, 0, number, number, &t, 1, on_trials, NULL);
		wait_answer();
		ms[i] = (double)(pg_real_us() - begin) / 1e3;
		sql("UPDATE core.progress SET epoch = 1");
		struct store_trial_move m = {.number = number, .attempt = 1, .to = TRIAL_SUCCEEDED, .exit_code = 0};
		begin = pg_real_us();
		store_trials_move(store, NULL, experiment, 1, &m, 1, on_trials, NULL);
		wait_answer();
		move[i] = (double)(pg_real_us() - begin) / 1e3;
	}
	show("a trial added", ms);
	show("a trial ended, with its values", move);
}

/* ---- pages ------------------------------------------------------------------------------------- */

static void on_experiments(void *ctx, const struct store_experiments *rows, const struct err *e)
{
	(void)ctx;
	if (e)
		die("page", e->detail);
	answered = true;
	answer = rows;
}

static void page(const char *what, struct store_trial_page q, int trials)
{
	double ms[PAGES];
	for (int i = 0; i < PAGES; i++) {
		char name[32];
		snprintf(name, sizeof name, "big-%d", i % EXPERIMENTS);
		q.experiment = name;
		if (q.sort == STORE_BY_NUMBER)
			q.after_number = trials / PAGES * i % (trials - 100);
		struct arena *a = arena_new();
		int64_t begin = pg_real_us();
		store_trials_page(store, a, &q, on_trials, NULL);
		wait_answer();
		ms[i] = (double)(pg_real_us() - begin) / 1e3;
		if (((const struct store_trials *)answer)->n != 100)
			die(what, "the page is not full");
		arena_free(a);
	}
	show(what, ms);
}

static void pages(int trials)
{
	double ms[PAGES];
	page("trials by number, with ranks", (struct store_trial_page){.ns = "default", .limit = 100}, trials);
	page("trials by number, succeeded only",
		(struct store_trial_page){.ns = "default", .limit = 100, .states = 1u << TRIAL_SUCCEEDED}, trials);
	page("trials, newest first",
		(struct store_trial_page){.ns = "default", .limit = 100, .sort = STORE_BY_NUMBER_DOWN}, trials);
	page("trials by rank, first page",
		(struct store_trial_page){.ns = "default", .limit = 100, .sort = STORE_BY_RANK}, trials);
	page("trials by rank, from the median",
		(struct store_trial_page){
			.ns = "default", .limit = 100, .sort = STORE_BY_RANK, .after_cost = 0.5, .after_number = 1},
		trials);
	page("trials changed lately",
		(struct store_trial_page){
			.ns = "default", .limit = 100, .sort = STORE_BY_CHANGE, .after_change = trials - 100},
		trials);
	for (int i = 0; i < PAGES; i++) {
		struct arena *a = arena_new();
		int64_t begin = pg_real_us();
		store_experiments_page(
			store, a, &(struct store_experiment_page){.state = -1, .limit = 100}, on_experiments, NULL);
		wait_answer();
		ms[i] = (double)(pg_real_us() - begin) / 1e3;
		arena_free(a);
	}
	show("100 experiments, with their best trials", ms);
	for (int i = 0; i < PAGES; i++) {
		struct arena *a = arena_new();
		int64_t begin = pg_real_us();
		store_trial_get(store, a, &(struct store_trial_ref){"default", "big-7", trials / PAGES * i + 1, NULL},
			on_trials, NULL);
		wait_answer();
		ms[i] = (double)(pg_real_us() - begin) / 1e3;
		arena_free(a);
	}
	show("one trial, with its rank", ms);
}

int main(int argc, char **argv)
{
	double seconds = argc > 1 ? strtod(argv[1], NULL) : 5;
	int trials = argc > 2 ? (int)strtol(argv[2], NULL, 10) : 10000;
	char base[] = "/tmp/trimtab-bench-XXXXXX", dir[64];
	struct err e = {0};
	log_configure(LOG_LEVEL_ERROR, LOG_FORMAT_TEXT);
	if (!mkdtemp(base) || chmod(base, 0711) != 0)
		die(base, "cannot be made");
	snprintf(dir, sizeof dir, "%s/postgres", base);
	struct embedded *pg = embedded_start(&(struct embedded_config){.dir = dir}, &e);
	if (!pg)
		die("PostgreSQL", e.detail);
	conninfo = embedded_conninfo(pg);
	if (!migrate_run(conninfo, &e))
		die("migration", e.detail);
	loop = loop_new();
	store = store_new(&(struct store_config){.loop = loop, .conninfo = conninfo, .connections = 3}, &e);
	while (!store_ready(store))
		loop_pass(loop, true);

	experiment = create("points", TRIALS);
	printf("points a second, batches of %d over %d trials\n", BATCH, TRIALS);
	for (int round = 0; round < 3; round++) {
		double add = add_points(seconds), copy = copy_points(seconds);
		printf("  committed by the store %9.0f   bare COPY %9.0f   ratio %.2f\n", add, copy, add / copy);
		fflush(stdout);
	}
	single_steps();
	for (int i = 0; i < EXPERIMENTS; i++) {
		char name[32];
		snprintf(name, sizeof name, "big-%d", i);
		create(name, trials);
	}
	sql("VACUUM ANALYZE");
	printf("pages of 100 among %d experiments of %d trials\n", EXPERIMENTS, trials);
	pages(trials);

	store_free(store);
	loop_free(loop);
	embedded_stop(pg);
	return file_remove_tree(base, &e) ? 0 : 1;
}
