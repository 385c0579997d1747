/* TPE: which trials are good ones, and that the search does what its parts are for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <math.h>

#include "algorithms/registry.h"
#include "algorithms/tpe/split.h"
#include "tests/unit/algorithms/contract.h"
#include "tests/unit/algorithms/spaces.h"

/* ---- the split --------------------------------------------------------------------------------- */

enum { N = 14 };

/* One row a trial, the best ones first but for the shuffling below. */
static const struct {
	enum algo_status status;
	double value, constraint, step;
	bool good; /* with gamma such that six are, weighing 1, 6/7, ... 2/7       */
} rows[N] = {
	{ALGO_SUCCEEDED, 1, -1, NAN, true},
	{ALGO_SUCCEEDED, 2, 0, NAN, true},
	{ALGO_STOPPED, 0, -1, 30, true}, /* stopped ones: the farther, then the better       */
	{ALGO_STOPPED, 5, -1, 30, true},
	{ALGO_STOPPED, -9, -1, 20, true},
	{ALGO_SUCCEEDED, -5, 0.1, NAN, true}, /* infeasible ones: the least violation             */
	{ALGO_STOPPED, -8, 0.2, 40, false},
	{ALGO_SUCCEEDED, -9, 3, NAN, false},
	{ALGO_SUCCEEDED, -9, NAN, NAN, false},
	{ALGO_FAILED, -99, -1, NAN, false},
	{ALGO_SUCCEEDED, NAN, -1, NAN, false},
	{ALGO_SUCCEEDED, -INFINITY, -1, NAN, false},
	{ALGO_SUCCEEDED, INFINITY, -1, NAN, false},
	{ALGO_ABANDONED, -99, -1, NAN, false},
};

static void order_of_trials(void **state)
{
	struct algo_trial trials[N];
	struct algo_point curves[N];
	double signs[2] = {1, -1}, values[N];
	struct rng r = rng_seeded(1);

	(void)state;
	for (int round = 0; round < 40; round++) {
		struct algo_objective objective = {.direction = round % 2 ? ALGO_MAXIMIZE : ALGO_MINIMIZE};
		struct algo_problem p = {.objectives = &objective, .n_objectives = 1, .n_constraints = 1};
		struct algo_history h = {.trials = trials, .n_trials = N};
		uint32_t order[N];
		struct split s;

		for (uint32_t i = 0; i < N; i++)
			order[i] = i;
		rng_shuffle(&r, order, N);
		for (uint32_t i = 0; i < N; i++) {
			uint32_t row = order[i];

			values[i] = rows[row].value * signs[round % 2];
			curves[i] = (struct algo_point){.step = rows[row].step, .value = 0};
			trials[i] = (struct algo_trial){.number = i + 1,
				.status = rows[row].status,
				.values = &values[i],
				.constraints = &rows[row].constraint,
				.curve = isnan(rows[row].step) ? NULL : &curves[i],
				.n_curve = isnan(rows[row].step) ? 0 : 1,
				.resource = NAN};
		}
		/* Nine have a result: twice the root of nine. */
		assert_true(split_make(&s, &p, &h, 2));
		assert_int_equal(s.n_useful, 9);
		assert_int_equal(s.n_good, 6);
		for (uint32_t i = 0; i < N; i++) {
			enum split_side expected = rows[order[i]].status == ALGO_ABANDONED ? SPLIT_NONE
			                           : rows[order[i]].good                   ? SPLIT_GOOD
			                                                                   : SPLIT_BAD;

			float weight = rows[order[i]].good ? 1 - (float)order[i] / 7 : 0;

			if (s.sides[i] != expected)
				fail_msg("row %u is on side %d, not %d", order[i], s.sides[i], expected);
			if (fabsf(s.weights[i] - weight) > 1e-6f)
				fail_msg("row %u weighs %g, not %g", order[i], (double)s.weights[i], (double)weight);
		}
		split_free(&s);
	}
}

static void number_of_good_ones(void **state)
{
	static const struct {
		uint32_t n, n_objectives, good;
		double gamma;
	} cases[] = {
		{0, 1, 0, NAN},
		{1, 1, 1, NAN},
		{10, 1, 1, NAN},
		{11, 1, 2, NAN},
		{400, 1, 25, NAN},
		{400, 1, 5, 0.25},
		{400, 1, 25, 2},
		{400, 2, 40, NAN},
		{400, 2, 100, 9},
		{400, 5, 40, NAN},
	};
	struct algo_trial *trials = calloc(400, sizeof(*trials));
	double *values = malloc(400 * 5 * sizeof(*values));
	struct algo_objective objectives[5] = {{.direction = ALGO_MINIMIZE}};
	struct rng r = rng_seeded(2);

	(void)state;
	assert_non_null(trials);
	assert_non_null(values);
	for (int i = 0; i < 400; i++)
		trials[i] = (struct algo_trial){.status = ALGO_SUCCEEDED, .values = values + 5 * i, .resource = NAN};
	for (int i = 0; i < 400 * 5; i++)
		values[i] = rng_uniform(&r);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct algo_problem p = {.objectives = objectives, .n_objectives = cases[i].n_objectives};
		struct algo_history h = {.trials = trials, .n_trials = cases[i].n};
		struct split s;
		uint32_t good = 0;

		assert_true(split_make(&s, &p, &h, cases[i].gamma));
		for (uint32_t k = 0; k < cases[i].n; k++) {
			good += s.sides[k] == SPLIT_GOOD;
			if (cases[i].n_objectives > 1)
				assert_true(s.weights[k] == (s.sides[k] == SPLIT_GOOD ? 1 : 0));
		}
		assert_int_equal(good, cases[i].good);
		assert_int_equal(s.n_good, cases[i].good);
		split_free(&s);
	}
	free(trials);
	free(values);
}

/* Trial i has the value i: 0 and 1 are good among all twenty. */
static void good_ones_within_a_branch(void **state)
{
	enum { ALL = 20 };
	static const struct {
		const char *what;
		uint32_t had, good; /* bits of trials                                          */
		uint32_t n_objectives;
	} cases[] = {
		{"a branch that holds one of the good", 0x55555, 0x1, 1},
		{"one that holds none has its own", 0xffc00, 0x400, 1},
		{"one that holds more than its share keeps them", 0x23, 0x3, 1},
		{"one of a single trial", 0x80000, 0x80000, 1},
		{"nothing", 0, 0, 1},
		{"several objectives: only those of all", 0xffff0, 0, 2},
	};
	struct algo_objective objectives[2] = {{.direction = ALGO_MINIMIZE}, {.direction = ALGO_MINIMIZE}};
	struct algo_trial trials[ALL];
	double values[ALL][2];

	(void)state;
	for (uint32_t i = 0; i < ALL; i++) {
		values[i][0] = values[i][1] = i;
		trials[i] = (struct algo_trial){.status = ALGO_SUCCEEDED, .values = values[i], .resource = NAN};
	}
	for (size_t k = 0; k < sizeof(cases) / sizeof(*cases); k++) {
		struct algo_problem p = {.objectives = objectives, .n_objectives = cases[k].n_objectives};
		struct algo_history h = {.trials = trials, .n_trials = ALL};
		struct split all, within;
		bool had[ALL];
		float weight = 1, n_good = (float)__builtin_popcount(cases[k].good);

		for (uint32_t i = 0; i < ALL; i++)
			had[i] = cases[k].had >> i & 1;
		assert_true(split_make(&all, &p, &h, NAN));
		assert_true(split_within(&all, had, ALL, &within));
		for (uint32_t i = 0; i < ALL; i++) {
			bool good = cases[k].good >> i & 1;
			enum split_side expected = good ? SPLIT_GOOD : had[i] ? SPLIT_BAD : SPLIT_NONE;

			if (within.sides[i] != expected)
				fail_msg("%s: trial %u is on side %d, not %d", cases[k].what, i, within.sides[i], expected);
			if (fabsf(within.weights[i] - (good ? weight : 0)) > 1e-6f)
				fail_msg("%s: trial %u weighs %g", cases[k].what, i, (double)within.weights[i]);
			weight -= good ? 1 / (n_good + 1) : 0;
		}
		assert_int_equal(within.n_good, __builtin_popcount(cases[k].good));
		split_free(&within);
		split_free(&all);
	}
}

/* ---- the search -------------------------------------------------------------------------------- */

/* The best of 80 trials, a mean over seeds, with so many trials at once. */
static double best_found(
	const char *algorithm, const char *space_name, uint32_t parallel, const char *multivariate)
{
	struct space *space = space_named(space_name);
	double sum = 0;

	for (uint64_t seed = 0; seed < 8; seed++) {
		struct study *s = study_new(algorithm_find(algorithm), space, seed);
		double best = INFINITY;
		uint32_t n;

		if (multivariate)
			study_set(s, "multivariate", multivariate);
		while (s->n_ended < 80 && study_ask(s, parallel - s->n_pending, &n) == ALGO_OK) {
			double value = study_objective(s, s->pending[0].x);

			best = fmin(best, value);
			study_tell(s, 0, ALGO_SUCCEEDED, value);
		}
		sum += best / 8;
		study_free(s);
	}
	space_unref(space);
	return sum;
}

static void finds_the_optimum(void **state)
{
	static const char *const names[] = {"doubles", "mixed", "logs", "normals"};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		double random = best_found("random", names[i], 1, NULL);
		double one = best_found("tpe", names[i], 1, NULL), eight = best_found("tpe", names[i], 8, NULL);
		double independent = best_found("multivariate-tpe", names[i], 1, "false");

		if (!(one < 0.5 * random && eight < 0.8 * random && independent < 0.8 * random))
			fail_msg("%s: random %.3g, tpe %.3g, eight at once %.3g, independent %.3g", names[i], random, one,
				eight, independent);
	}
}

/* Forty at once after twenty results: as many places, not one place forty times. */
static void pending_trials_keep_apart(void **state)
{
	struct space *space = space_named("doubles");
	struct study *s = study_new(algorithm_find("tpe"), space, 3);
	double nearest = INFINITY;
	uint32_t n;

	(void)state;
	while (s->n_ended < 20) {
		assert_int_equal(study_ask(s, 1, &n), ALGO_OK);
		study_tell(s, 0, ALGO_SUCCEEDED, study_objective(s, s->pending[0].x));
	}
	assert_int_equal(study_ask(s, 40, &n), ALGO_OK);
	for (uint32_t i = 0; i < n; i++) {
		for (uint32_t k = 0; k < i; k++) {
			double dx = (s->pending[i].x[0] - s->pending[k].x[0]) / 2;
			double dy = s->pending[i].x[1] - s->pending[k].x[1];

			nearest = fmin(nearest, hypot(dx, dy));
		}
	}
	assert_true(nearest > 1e-4);
	study_free(s);
	space_unref(space);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(order_of_trials),
		cmocka_unit_test(number_of_good_ones),
		cmocka_unit_test(good_ones_within_a_branch),
		cmocka_unit_test(finds_the_optimum),
		cmocka_unit_test(pending_trials_keep_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
