/*
 * The control loop on a real PostgreSQL with simulated trials, in this process: one cluster a program,
 * a fresh store and control loop for each test.
 */
#pragma once
#include "tests/unit/store/cluster.h"

#include <math.h>

#include "lib/clk.h"
#include "lib/prom.h"
#include "lib/strbuf.h"
#include "lib/work.h"
#include "server/control/internal.h"
#include "server/control/notify.h"
#include "server/store/store_event.h"
#include "server/store/store_experiment.h"
#include "server/store/store_lease.h"
#include "server/store/store_trial.h"
#include "stmt.h"
#include "trial-runner/simulated.h"

ON(store_experiments, experiments)
ON(store_trials, trials)

static struct {
	struct control *c;
	struct control *other; /* a second server's, that drives nothing; or NULL         */
	struct work_pool *workers;
	struct run_backend *simulated;
	struct prom *prom;
	int32_t peak;                   /* the most trials of one experiment that were under way */
} R;

static void on_notified(void *ctx, int64_t experiment)
{
	(void)ctx;
	if (R.c)
		control_changed(R.c, experiment);
}

static void watch_peak(void *ctx)
{
	(void)ctx;
	for (size_t i = 0; R.c && i < R.c->n_experiments; i++) {
		const int32_t *n = R.c->experiments[i]->counts;
		const int32_t now = n[TRIAL_STARTING] + n[TRIAL_RUNNING];
		R.peak = now > R.peak ? now : R.peak;
	}
}

/* A server's heart. `wait_us`: how long a statement waits for a lost database. */
static UNUSED void rig_begin_as(const char *replica, int32_t slots, int64_t wait_us)
{
	struct err e = {0};
	const struct simulated_options options = {.seed = 1, .slots = slots};

	T.loop = loop_new();
	T.arena = arena_new();
	R.prom = prom_new();
	R.peak = 0;
	T.store = store_new(&(struct store_config){.loop = T.loop, .conninfo = T.conninfo, .replica = replica,
		.wait_us = wait_us, .notified = on_notified, .fatal = fatal, .prom = R.prom}, &e);
	if (!T.store)
		fail_msg("%s", e.detail);
	R.workers = work_pool_new(T.loop, 1, 64);
	R.c = control_new(&(struct control_config){.loop = T.loop, .store = T.store, .workers = R.workers,
		.prom = R.prom, .replica = replica, .base_url = "http://127.0.0.1:1", .trial_key = "key",
		.trial_key_len = 3, .lease_us = 6 * CLK_SECOND});
	R.simulated = simulated_new(T.loop, &options, control_on_run, R.c);
	control_add_backend(R.c, R.simulated);
	loop_at_tail(T.loop, watch_peak, NULL);
	WAIT(store_ready(T.store));
	control_start(R.c);
}

static UNUSED void rig_begin(void)
{
	rig_begin_as("rig", 0, 0);
}

static UNUSED void rig_end(void)
{
	control_close(R.c);
	control_close(R.other);
	work_pool_free(R.workers);
	store_free(T.store);
	control_free(R.c);
	control_free(R.other);
	run_close(R.simulated);
	loop_free(T.loop);
	prom_free(R.prom);
	arena_free(T.arena);
	T.store = NULL;
	R.c = R.other = NULL;
}

/* What SQL says, with the id in place of $id. */
static UNUSED const char *ask_sql(int64_t id, const char *format)
{
	char text[600];

	snprintf(text, sizeof text, "SELECT %s", format);
	for (char *at; (at = strstr(text, "$id"));) {
		char rest[600];
		snprintf(rest, sizeof rest, "%s", at + 3);
		snprintf(at, sizeof text - (size_t)(at - text), "%lld%s", (long long)id, rest);
	}
	return sql(T.conninfo, text);
}
static UNUSED int ask_int(int64_t id, const char *format)
{
	return (int)strtol(ask_sql(id, format), NULL, 10);
}

#define TRIALS(what) what " FROM core.trials WHERE experiment_id = $id"
#define EXPERIMENT(what) what " FROM core.experiments WHERE experiment_id = $id"

static UNUSED int64_t create(const char *name, const char *spec)
{
	static const struct store_new_objective objective = {
		.metric = "loss", .direction = "minimize", .strategy = "min", .goal = NAN};
	const struct store_new_experiment x = {.ns = "default", .name = name, .labels = "{}", .form = "trimtab/v1",
		.posted = spec, .spec = spec, .spec_sha256 = spec, .algorithm = "random", .created_by = "",
		.objectives = &objective, .n_objectives = 1};
	const struct store_experiments *rows =
		ASK(store_experiments, store_experiment_create(T.store, T.arena, &x, on_experiments, NULL));

	assert_int_equal(rows->items[0].outcome, STORE_DONE);
	return rows->items[0].id;
}

static UNUSED void intend(const char *name, enum store_intent intent, const char *spec)
{
	const struct store_experiments *rows = ASK(store_experiments,
		store_experiment_intend(T.store, T.arena, "default", name, intent, spec, spec, "ana", on_experiments, NULL));

	assert_int_equal(rows->n, 1);
	assert_int_equal(rows->items[0].outcome, STORE_DONE);
}

/* The experiment as the control loop sees it, once it is loaded. */
static UNUSED struct experiment *loaded_experiment(int64_t id)
{
	struct experiment *x = control_experiment(R.c, id);

	return x && x->loaded ? x : NULL;
}

static UNUSED int32_t count_of(int64_t id, enum trial_state s)
{
	const struct experiment *x = loaded_experiment(id);

	return x ? x->counts[s] : 0;
}

/* Until the experiment is over and forgotten. It must be ours or become ours. */
static UNUSED void run_to_end(int64_t id)
{
	int64_t deadline = pg_real_us() + 60 * CLK_SECOND;

	for (bool over = false; !over;) {
		for (int i = 0; i < 50; i++)
			loop_pass(T.loop, control_experiment(R.c, id) != NULL || i == 0);
		if (!control_experiment(R.c, id))
			over = strcmp(ask_sql(id, EXPERIMENT("state IN ('succeeded', 'failed', 'stopped')")), "t") == 0;
		if (pg_real_us() > deadline)
			fail_msg("experiment %lld does not end: %s", (long long)id, ask_sql(id, EXPERIMENT("state")));
	}
}

#define SPACE "\"parameters\": {\"x\": {\"type\": \"double\", \"min\": -5, \"max\": 10}," \
	" \"y\": {\"type\": \"double\", \"min\": 0, \"max\": 15}},"
#define OBJECTIVE "\"objectives\": [{\"metric\": \"loss\", \"direction\": \"minimize\"}],"
#define RANDOM "\"algorithm\": {\"name\": \"random\", \"seed\": 1},"
#define SIMULATED(more) "\"trial\": {\"executor\": \"simulated\", \"command\": [\"branin\", \"${x}\", \"${y}\"" more \
	"], \"metrics\": {\"collector\": \"stdout\"}}}"
#define BUDGET(trials, parallel, more) \
	"\"budget\": {\"maxTrials\": " #trials ", \"parallelTrials\": " #parallel more "},"
