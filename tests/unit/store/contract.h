/* An experiment to test with, and short ways to do things to it. */
#pragma once
#include "tests/unit/store/cluster.h"

#include <math.h>

#include "server/model/names.h"
#include "server/store/store_auth.h"
#include "server/store/store_event.h"
#include "server/store/store_experiment.h"
#include "server/store/store_judge.h"
#include "server/store/store_lease.h"
#include "server/store/store_live.h"
#include "server/store/store_observation.h"
#include "server/store/store_trial.h"

ON(store_experiments, experiments)
ON(store_trials, trials)
ON(store_leases, leases)
ON(store_runs, runs)
ON(store_acks, acks)
ON(store_series, series)
ON(store_last_steps, last_steps)
ON(store_events, events)
ON(store_lives, lives)
ON(store_asks, asks)
ON(store_ids, ids)
ON(store_unjudged, unjudged)
ON(store_tokens, tokens)
ON(store_answer, answer)

static void on_setting(void *ctx, const char *value, const struct err *e)
{
	(void)ctx;
	answered(value, e);
}

#define S T.store
#define A T.arena

static const struct store_new_objective objectives[] = {
	{.metric = "loss", .direction = "minimize", .strategy = "min", .goal = NAN},
	{.metric = "lat", .direction = "minimize", .strategy = "latest", .goal = 1},
	{.metric = "watched", .direction = "maximize", .strategy = "max", .goal = NAN, .additional = true},
};
static const struct store_new_parameter parameters[] = {
	{.name = "lr", .type = "double", .distribution = "logUniform", .lo = 1e-5, .hi = 0.1, .step = NAN},
	{.name = "optimizer",
		.type = "categorical",
		.distribution = "uniform",
		.lo = NAN,
		.hi = NAN,
		.step = NAN,
		.choices = "[\"sgd\", \"adam\"]"},
};

static struct store_new_experiment experiment(const char *name, size_t n_objectives)
{
	return (struct store_new_experiment){
		.ns = "default",
		.name = name,
		.labels = "{\"team\": \"a\"}",
		.form = "trimtab/v1",
		.posted = "posted",
		.spec = "{\"b\": 1, \"a\": 2}",
		.spec_sha256 = "0123",
		.algorithm = "random",
		.created_by = "ana",
		.objectives = objectives,
		.n_objectives = n_objectives,
		.parameters = parameters,
		.n_parameters = ARRAY_LEN(parameters),
	};
}

/* A fresh experiment that we own with epoch 1. */
static int64_t begin(const char *name, size_t n_objectives)
{
	struct store_new_experiment x = experiment(name, n_objectives);
	const struct store_experiments *e =
		ASK(store_experiments, store_experiment_create(S, A, &x, on_experiments, NULL));
	assert_int_equal(e->n, 1);
	assert_int_equal(e->items[0].outcome, STORE_DONE);
	int64_t id = e->items[0].id;
	const struct store_leases *l =
		ASK(store_leases, store_lease_claim(S, A, "test", INT64_C(60000000), NULL, 0, 100, on_leases, NULL));
	bool owned = false;
	for (size_t i = 0; i < l->n; i++)
		owned |= l->items[i].experiment == id;
	assert_true(owned);
	return id;
}

static int64_t epoch_of(int64_t id)
{
	return ASK(store_experiments, store_experiment_load(S, A, id, on_experiments, NULL))->items[0].epoch;
}

static const struct store_trials *add(
	int64_t id, int first, int n, enum trial_state state, const char *worker)
{
	struct store_new_trial trials[16];
	assert_true(n <= 16);
	for (int i = 0; i < n; i++) {
		trials[i] = (struct store_new_trial){.params = "{\"lr\": 1e-05, \"optimizer\": \"adam\"}",
			.budget = i == 0 ? "{\"steps\": 27}" : NULL,
			.source = STORE_FROM_ALGORITHM,
			.state = state,
			.worker = worker,
			.lease_seconds = 60};
	}
	return ASK(store_trials,
		store_trials_add(S, A, id, epoch_of(id), first, first + n - 1, trials, (size_t)n, on_trials, NULL));
}

static void report(int64_t id, int number, const char *metric, int64_t step, double value)
{
	struct store_point p = {.experiment = id,
		.number = number,
		.metric = metric,
		.step = step,
		.value = value,
		.time_us = INT64_C(1790000000123456)};
	const struct store_acks *a = ASK(store_acks, store_observations_add(S, A, &p, 1, on_acks, NULL));
	assert_int_equal(a->n, 1);
}

static const struct store_trials *move(int64_t id, int number, enum trial_state to, const char *reason)
{
	struct store_trial_move m = {
		.number = number, .attempt = 1, .to = to, .reason = reason, .exit_code = STORE_NO_INT};
	return ASK(store_trials, store_trials_move(S, A, id, epoch_of(id), &m, 1, on_trials, NULL));
}

static const struct store_experiment *get(const char *name)
{
	const struct store_experiments *e =
		ASK(store_experiments, store_experiment_get(S, A, "default", name, on_experiments, NULL));
	return e->n > 0 ? e->items : NULL;
}
