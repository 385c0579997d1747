/* Of the contract: constraints on outcomes, and what experiments learn from earlier ones. */
#pragma once
#include "tests/unit/store/contract.h"

ON(store_lessons, lessons)

static const struct store_new_constraint bounds[] = {
	{.metric = "watched", .min = 0.5, .max = NAN},
	{.metric = "loss", .min = NAN, .max = 10},
};

static int64_t begin_bounded(const char *name)
{
	struct store_new_experiment x = experiment(name, 3);
	x.constraints = bounds;
	x.n_constraints = ARRAY_LEN(bounds);
	assert_int_equal(
		ASK(store_experiments, store_experiment_create(S, A, &x, on_experiments, NULL))->items[0].outcome, STORE_DONE);
	return get(name)->id;
}

static const struct store_trial *import(const char *name, const char *params, const char *values)
{
	const struct store_imported one = {.params = params, .values = values, .state = TRIAL_SUCCEEDED};
	const struct store_trials *rows =
		ASK(store_trials, store_trials_import(S, A, "default", name, &one, 1, on_trials, NULL));
	assert_int_equal(rows->n, 1);
	return &rows->items[0];
}

/* Who breaks a constraint has succeeded, but is neither ranked nor the best. */
static void test_constraints_decide_who_is_ranked(void **state)
{
	static const struct {
		const char *values;
		enum trial_state state;
		double first, second;   /* violations */
		bool ranked;
	} cases[] = {
		{"{\"loss\": 1, \"lat\": 1, \"watched\": 0.25}", TRIAL_SUCCEEDED, 0.25, -9, false},
		{"{\"loss\": 3, \"lat\": 1, \"watched\": 0.5}", TRIAL_SUCCEEDED, 0, -7, true},
		{"{\"loss\": 2, \"lat\": 2, \"watched\": \"Infinity\"}", TRIAL_SUCCEEDED, -INFINITY, -8, true},
		{"{\"loss\": 12, \"lat\": 0, \"watched\": 1}", TRIAL_SUCCEEDED, -0.5, 2, false},
		{"{\"loss\": 0, \"lat\": 0, \"watched\": \"NaN\"}", TRIAL_SUCCEEDED, INFINITY, -10, false},
		{"{\"loss\": 0, \"lat\": 0}", TRIAL_UNAVAILABLE, NAN, -10, false},
	};
	(void)state;
	begin_bounded("bounded");
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct store_trial *t = import("bounded", "{\"lr\": 0.001}", cases[i].values);
		const double first = store_double(&t->violations, 0), second = store_double(&t->violations, 1);
		if (t->state != cases[i].state || t->violations.n != 2 || second != cases[i].second ||
			(first != cases[i].first && !(isnan(first) && isnan(cases[i].first))) || isnan(t->cost) == cases[i].ranked)
			fail_msg("%s: state %d, violations %g and %g, cost %g, %s", cases[i].values, t->state, first, second, t->cost,
				t->message);
		if (t->state == TRIAL_UNAVAILABLE)
			assert_non_null(strstr(t->message, "expected 'watched'"));
	}
	assert_int_equal(get("bounded")->best_number, 3);
	struct store_trial_page q = {.ns = "default", .experiment = "bounded", .sort = STORE_BY_RANK, .limit = 1};
	const struct store_trials *rows = ASK(store_trials, store_trials_page(S, A, &q, on_trials, NULL));
	assert_int_equal(rows->items[0].number, 3);
	assert_int_equal(rows->remaining, 1);
	rows = ASK(store_trials, store_pareto(S, A, "default", "bounded", 100, on_trials, NULL));
	assert_int_equal(rows->n, 2);
	assert_string_equal(sql(T.conninfo, "SELECT string_agg(trial || coalesce(feasible::text, '-'), ' ' ORDER BY trial) "
										"FROM trimtab.trials WHERE experiment = 'bounded'"),
		"1false 2true 3true 4false 5false 6false");
	assert_string_equal(sql(T.conninfo, "SELECT string_agg(trial::text, ' ' ORDER BY trial) FROM trimtab.pareto_front "
										"WHERE experiment = 'bounded'"),
		"2 3");
	assert_string_equal(sql(T.conninfo, "SELECT string_agg(metric || coalesce(lo, hi), ' ' ORDER BY ordinal) "
										"FROM trimtab.constraints WHERE experiment = 'bounded'"),
		"watched0.5 loss10");
}

static const struct store_experiment *create_from(const char *name, const char *ns, const char *source)
{
	const struct store_new_source from = {.ns = ns, .name = source};
	struct store_new_experiment x = experiment(name, 1);
	x.sources = &from;
	x.n_sources = 1;
	return ASK(store_experiments, store_experiment_create(S, A, &x, on_experiments, NULL))->items;
}

/* A copy, by the metrics' names, that outlives its source; nothing is created without the source. */
static void test_lessons_are_copied(void **state)
{
	(void)state;
	begin_bounded("teacher");
	import("teacher", "{\"lr\": 0.01}", "{\"loss\": 2, \"lat\": 1, \"watched\": 0.25}");
	import("teacher", "{\"lr\": 0.02}", "{\"loss\": \"NaN\", \"lat\": 1, \"watched\": 1}");
	import("teacher", "{\"lr\": 0.03}", "{\"loss\": 1, \"lat\": 1, \"watched\": 1, \"other\": 5}");
	const struct store_experiment *e = create_from("pupil", "default", "nobody");
	assert_int_equal(e->outcome, STORE_NOT_FOUND);
	assert_string_equal(e->lacks, "default/nobody");
	assert_null(get("pupil"));
	e = create_from("pupil", "default", "teacher");
	assert_int_equal(e->outcome, STORE_DONE);
	assert_null(e->lacks);
	int64_t id = e->id;
	import("teacher", "{\"lr\": 0.04}", "{\"loss\": 0, \"lat\": 1, \"watched\": 1}");
	(void)ASK(
		store_experiments, store_experiment_purge(S, A, "default", "teacher", NULL, 0, on_experiments, NULL));
	assert_int_equal(create_from("pupil", "default", "teacher")->outcome, STORE_SAME);

	const struct store_lessons *l = ASK(store_lessons, store_lessons_load(S, A, id, on_lessons, NULL));
	assert_int_equal(l->n, 2);
	assert_string_equal(l->items[0].params, "{\"lr\": 0.01}");
	assert_int_equal(l->items[0].source, 0);
	assert_true(l->items[0].vals.n == 1 && l->items[0].vals.v[0] == 2 && l->items[1].vals.v[0] == 1);
	assert_true(l->items[0].violations.n == 0);
	assert_int_equal(ASK(store_lessons, store_lessons_load(S, A, get("bounded")->id, on_lessons, NULL))->n, 0);
}

/* Of many trials the best hundred are kept, and others by chance. */
static void test_lessons_have_a_limit(void **state)
{
	(void)state;
	begin("long", 1);
	sql(T.conninfo,
		"INSERT INTO core.trials (experiment_id, number, name, state, params, vals, cost, completion) "
		"SELECT experiment_id, i, 'long-' || i, 'succeeded', '{\"lr\": 0.01}', ARRAY[i], i, 2001 - i "
		"FROM core.experiments, generate_series(1, 2000) i WHERE name = 'long'");
	int64_t id = create_from("short", "default", "long")->id;
	const struct store_lessons *l = ASK(store_lessons, store_lessons_load(S, A, id, on_lessons, NULL));
	size_t best = 0;
	assert_int_equal(l->n, 300);
	for (size_t i = 0; i < l->n; i++) {
		best += l->items[i].vals.v[0] <= 100;
		assert_true(i == 0 || l->items[i].vals.v[0] < l->items[i - 1].vals.v[0]);
	}
	assert_int_equal(best, 100);
	assert_true(l->items[0].vals.v[0] > 1900);
}

static void on_rungs(void *ctx, const struct store_rungs *r, const struct err *e)
{
	(void)ctx;
	answered(r, e);
}

/* What they hold is told by test_rungs.c. */
static void test_rungs(void **state)
{
	(void)state;
	begin("rungs", 1);
	const struct store_rungs *r = ASK(store_rungs, store_rungs(S, A, "default", "rungs", 10, on_rungs, NULL));
	assert_true(r->found && !r->fidelity && !r->early_stopping && !r->rungs && !r->stopped && !r->saved);
	assert_false(ASK(store_rungs, store_rungs(S, A, "other", "rungs", 10, on_rungs, NULL))->found);
}

static void on_results(void *ctx, const struct store_results *r, const struct err *e)
{
	(void)ctx;
	answered(r, e);
}

/* The succeeded ones, the last ones if there are more. */
static void test_results(void **state)
{
	(void)state;
	begin("results", 1);
	const struct store_results *r =
		ASK(store_results, store_results(S, A, "default", "results", 10, on_results, NULL));
	assert_true(r->found && r->n == 0 && !r->params);
	import("results", "{\"lr\": 0.01}", "{\"loss\": 2}");
	import("results", "{\"lr\": 0.02}", "{\"loss\": \"NaN\"}");
	import("results", "{\"lr\": 0.03}", "{\"loss\": 0.5}");
	r = ASK(store_results, store_results(S, A, "default", "results", 10, on_results, NULL));
	assert_int_equal(r->n, 2);
	assert_string_equal(r->params, "[{\"lr\": 0.01}, {\"lr\": 0.03}]");
	assert_string_equal(r->vals, "[[2], [0.5]]");
	assert_string_equal(r->name, "results");
	r = ASK(store_results, store_results(S, A, "default", "results", 1, on_results, NULL));
	assert_string_equal(r->params, "[{\"lr\": 0.03}]");
	assert_false(ASK(store_results, store_results(S, A, "other", "results", 1, on_results, NULL))->found);
}
