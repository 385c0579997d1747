/* The Gaussian process search as a whole: it finds optima in few trials, leaves one that is only local,
 * keeps away from failures, and spreads parallel trials. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "algorithms/registry.h"
#include "algorithms/warm.h"
#include "tests/unit/algorithms/contract.h"
#include "tests/unit/algorithms/spaces.h"

static double branin(const double *x)
{
	double a = x[1] - 5.1 / (4 * M_PI * M_PI) * x[0] * x[0] + 5 / M_PI * x[0] - 6;

	return a * a + 10 * (1 - 1 / (8 * M_PI)) * cos(x[0]) + 10 - 0.39788735772973816;
}

static const struct space_param branin_params[] = {
	{.kind = SPACE_DOUBLE, .min = -5, .max = 10}, {.kind = SPACE_DOUBLE, .min = 0, .max = 15}};

/* Runs `n` trials, `parallel` at a time; the best value. */
static double run(
	const struct space_param *params, uint32_t d, double (*f)(const double *x), int n, uint32_t parallel, uint64_t seed)
{
	struct space *space = space_of(params, d);
	struct study *s = study_new(&algorithm_gp, space, seed);
	double best = HUGE_VAL;

	for (int i = 0; i < n; i++) {
		uint32_t got;
		double y;

		while (s->n_pending < parallel)
			assert_int_equal(study_ask(s, 1, &got), ALGO_OK);
		y = f(s->pending[0].x);
		best = fmin(best, isnan(y) ? HUGE_VAL : y);
		study_tell(s, 0, isnan(y) ? ALGO_FAILED : ALGO_SUCCEEDED, y);
	}
	study_free(s);
	space_unref(space);
	return best;
}

static void finds_an_optimum(void **state)
{
	static const struct {
		int trials;
		uint32_t parallel;
		double within;
	} cases[] = {{40, 1, 0.02}, {50, 4, 0.05}, {60, 20, 0.5}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		for (uint64_t seed = 1; seed <= 3; seed++) {
			double regret = run(branin_params, 2, branin, cases[i].trials, cases[i].parallel, seed);

			if (!(regret <= cases[i].within))
				fail_msg("%d trials, %u at once, seed %d: %g", cases[i].trials, cases[i].parallel, (int)seed, regret);
		}
	}
}

/* One category is good everywhere but never excellent, one is excellent in a corner and bad elsewhere. */
static double two_branches(const double *x)
{
	double a = x[1] - 0.8, b = x[2] - 0.15;

	if (x[0] == 0)
		return 0.4 + 0.1 * (a * a + b * b);
	return 1 - exp(-12 * (a * a + b * b));
}

static void leaves_a_local_optimum(void **state)
{
	static const struct space_param params[] = {{.kind = SPACE_CATEGORICAL, .n_values = 2},
		{.kind = SPACE_DOUBLE, .min = 0, .max = 1}, {.kind = SPACE_DOUBLE, .min = 0, .max = 1}};

	(void)state;
	for (uint64_t seed = 1; seed <= 3; seed++) {
		double best = run(params, 3, two_branches, 70, 1, seed);

		if (!(best < 0.1))
			fail_msg("seed %d: stayed at %g", (int)seed, best);
	}
}

static int n_failed;

/* Fails on the right two thirds; the optimum lies at the border. */
static double fragile(const double *x)
{
	if (x[0] > 0) {
		n_failed++;
		return NAN;
	}
	return (x[0] + 0.5) * (x[0] + 0.5) + (x[1] - 7) * (x[1] - 7) / 50;
}

static void avoids_failures(void **state)
{
	double best;

	(void)state;
	n_failed = 0;
	best = run(branin_params, 2, fragile, 30, 1, 1);
	if (!(best < 0.05) || n_failed > 14) /* 20 at random */
		fail_msg("best %g, %d of 30 failed", best, n_failed);
}

/* After the best of a source comes what a search without sources would have begun with. */
static void first_point_of_its_own(void **state)
{
	enum { KNOWN = 6, ASKED = 3 };
	static double known[KNOWN][2], values[KNOWN], x[ASKED][2], zero[1];
	struct algo_trial lessons[KNOWN], trials[ASKED];
	const struct algo_source source = {.trials = lessons, .n_trials = KNOWN};
	const struct algo_objective objective = {.goal = NAN};
	struct space *space = space_of(branin_params, 2);
	struct algo_value settings[16];
	const struct algo_problem p = {.space = space, .objectives = &objective, .n_objectives = 1, .settings = settings,
		.seed = 5, .parallel = 1, .sources = &source, .n_sources = 1};

	(void)state;
	assert_true(algorithm_gp.n_settings <= 16);
	algo_settings_init(&algorithm_gp, settings);
	for (int i = 0; i < KNOWN; i++) {
		known[i][0] = i;
		known[i][1] = values[i] = 1 + i;
		lessons[i] = (struct algo_trial){.number = (uint32_t)i + 1, .status = ALGO_SUCCEEDED, .x = known[i], .values = &values[i]};
	}
	for (uint32_t n = 0; n < ASKED; n++) {
		const struct algo_history h = {.trials = trials, .n_trials = n};
		struct algo_suggestion out = {.x = x[n]};
		struct algo_request ask = {.first_number = n + 1, .n = 1, .out = &out};

		assert_int_equal(warm_suggest(&algorithm_gp, &p, &h, &ask), ALGO_OK);
		trials[n] = (struct algo_trial){
			.number = n + 1, .suggested = true, .status = ALGO_SUCCEEDED, .x = x[n], .values = zero};
	}
	if (x[0][0] != 0 || x[1][0] != 2.5 || x[1][1] != 7.5 || x[2][0] != 1)
		fail_msg("(%g, %g), (%g, %g), then (%g, %g)", x[0][0], x[0][1], x[1][0], x[1][1], x[2][0], x[2][1]);
	space_unref(space);
}

/* Results in part say where to look, those in full where to go: their optima are at 0.3 and at 0.6. */
static void learns_from_parts(void **state)
{
	static const struct space_param params[] = {{.kind = SPACE_DOUBLE, .min = 0, .max = 1}};
	enum { PARTS = 12, FULL = 4 };
	struct space *space = space_of(params, 1);
	struct study *s = study_new(&algorithm_gp, space, 1);
	struct algo_trial trials[PARTS + FULL];
	struct algo_history h = {.trials = trials, .n_trials = PARTS + FULL};
	double x[PARTS + FULL], values[PARTS + FULL], next;
	struct algo_suggestion out = {.x = &next};
	struct algo_request r = {.first_number = PARTS + 1, .n = 1, .out = &out};

	(void)state;
	for (uint32_t i = 0; i < PARTS + FULL; i++) {
		bool full = i >= PARTS;

		x[i] = full ? (i - PARTS) / 3. : i / (PARTS - 1.);
		values[i] = (x[i] - (full ? 0.6 : 0.3)) * (x[i] - (full ? 0.6 : 0.3));
		trials[i] = (struct algo_trial){.number = i + 1, .status = ALGO_SUCCEEDED, .suggested = true, .x = &x[i],
			.values = &values[i], .duration = NAN, .resource = full};
	}
	s->p.graded = true;
	assert_int_equal(s->a->suggest(&s->p, &h, &r), ALGO_OK);
	if (!(fabs(next - 0.6) < 0.12))
		fail_msg("%g", next);
	study_free(s);
	space_unref(space);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_an_optimum),
		cmocka_unit_test(leaves_a_local_optimum),
		cmocka_unit_test(avoids_failures),
		cmocka_unit_test(first_point_of_its_own),
		cmocka_unit_test(learns_from_parts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
