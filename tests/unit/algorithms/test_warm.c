/* Warm starts: which configurations of earlier experiments come first, and that they come once. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "algorithms/registry.h"
#include "algorithms/warm.h"
#include "tests/unit/algorithms/spaces.h"

enum { D = 2, TRIALS = 64 };

/* Two sources on the unit square. */
struct rig {
	struct algo_trial trials[2][TRIALS];
	double x[2][TRIALS][D], values[2][TRIALS][2], constraints[2][TRIALS];
	struct algo_source sources[2];
	struct algo_objective objectives[2];
	struct algo_value settings[4];
	struct space *space;
	struct algo_problem p;
};

static struct rig *rig(void)
{
	static struct rig r;

	memset(&r, 0, sizeof(r));
	r.space = space_of((const struct space_param[]){{.kind = SPACE_DOUBLE, .max = 1}, {.kind = SPACE_DOUBLE, .max = 1}}, D);
	r.sources[0].trials = r.trials[0];
	r.sources[1].trials = r.trials[1];
	r.objectives[0].goal = r.objectives[1].goal = NAN;
	algo_settings_init(algorithm_find("random"), r.settings);
	r.p = (struct algo_problem){.space = r.space, .objectives = r.objectives, .n_objectives = 1, .settings = r.settings,
		.seed = 7, .parallel = 1, .sources = r.sources, .n_sources = 2};
	return &r;
}

static struct algo_trial *lesson(struct rig *r, int source, double x, double y, double value)
{
	const uint32_t i = r->sources[source].n_trials++;
	struct algo_trial *t = &r->trials[source][i];

	memcpy(r->x[source][i], (const double[]){x, y}, sizeof(double[D]));
	r->values[source][i][0] = value;
	*t = (struct algo_trial){.number = i + 1, .status = ALGO_SUCCEEDED, .x = r->x[source][i], .values = r->values[source][i]};
	return t;
}

static void expect(const struct rig *r, uint32_t n_expected, const double expected[][D])
{
	double x[30][D];
	uint32_t n;

	assert_int_equal(warm_portfolio(&r->p, NULL, x[0], &n), ALGO_OK);
	assert_int_equal(n, n_expected);
	for (uint32_t i = 0; i < n; i++)
		if (x[i][0] != expected[i][0] || x[i][1] != expected[i][1])
			fail_msg("%u: (%g, %g) in place of (%g, %g)", i, x[i][0], x[i][1], expected[i][0], expected[i][1]);
	space_unref(r->space);
}

static void the_limit(void **state)
{
	static const struct {
		uint32_t max_trials, with_results, limit;
	} cases[] = {{0, 2, 4}, {0, 1, 3}, {0, 0, 0}, {100, 2, 4}, {30, 2, 3}, {20, 2, 2}, {19, 2, 1}, {1, 1, 1}, {1, 0, 0}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct rig *r = rig();
		for (uint32_t s = 0; s < 2; s++) {
			lesson(r, (int)s, 0.5, 0.5, s < cases[i].with_results ? 1 : NAN);
			lesson(r, (int)s, 0.1, 0.5, 1)->status = ALGO_FAILED;
		}
		r->p.max_trials = cases[i].max_trials;
		if (warm_limit(&r->p) != cases[i].limit)
			fail_msg("%u trials, %u sources: %u in place of %u", cases[i].max_trials, cases[i].with_results,
				warm_limit(&r->p), cases[i].limit);
		space_unref(r->space);
	}
}

/* The best of each, then what is good for both rather than the second best of one. */
static void the_best_of_each_then_of_all(void **state)
{
	struct rig *r = rig();

	(void)state;
	lesson(r, 0, 0.1, 0.1, 1);
	lesson(r, 0, 0.11, 0.1, 2);
	lesson(r, 0, 0.5, 0.5, 3);
	lesson(r, 0, 0.9, 0.9, 9);
	lesson(r, 1, 0.9, 0.9, -5);
	lesson(r, 1, 0.5, 0.5, -4);
	lesson(r, 1, 0.1, 0.1, 0);
	expect(r, 4, (const double[][D]){{0.1, 0.1}, {0.9, 0.9}, {0.11, 0.1}, {0.5, 0.5}});
}

static void maximised_and_the_same_in_both(void **state)
{
	struct rig *r = rig();

	(void)state;
	r->objectives[0].direction = ALGO_MAXIMIZE;
	lesson(r, 0, 0.25, 0.5, 1);
	lesson(r, 0, 0.75, 0.5, 2);
	lesson(r, 1, 0.75, 0.5, 7);
	expect(r, 2, (const double[][D]){{0.75, 0.5}, {0.25, 0.5}});
}

static void what_is_infeasible_comes_last(void **state)
{
	struct rig *r = rig();

	(void)state;
	r->p.n_constraints = 1;
	lesson(r, 0, 0.25, 0.5, 1)->constraints = (const double[]){0.1};
	lesson(r, 0, 0.5, 0.5, 3)->constraints = (const double[]){-1};
	lesson(r, 0, 0.75, 0.5, 2)->constraints = (const double[]){0};
	expect(r, 3, (const double[][D]){{0.75, 0.5}, {0.5, 0.5}, {0.25, 0.5}});
}

static void several_objectives_count_alike(void **state)
{
	struct rig *r = rig();

	(void)state;
	r->p.n_objectives = 2;
	for (int i = 0; i < 5; i++) {
		lesson(r, 0, 0.1 * i, 0.5, i);
		r->values[0][i][1] = i == 1 ? 0 : 10 - i;
	}
	r->values[0][4][1] = NAN;
	expect(r, 3, (const double[][D]){{0.1, 0.5}, {0, 0.5}, {0.1 * 2, 0.5}});
}

/* One by one or at once, with or without a user's trial among them: each comes once, in its turn. */
static void each_comes_once(void **state)
{
	static double x[TRIALS][D];
	struct algo_trial history[TRIALS];
	struct algo_suggestion out[TRIALS];

	(void)state;
	for (int batch = 1; batch <= 5; batch++) {
		struct rig *r = rig();
		uint32_t n = 1;
		for (int i = 0; i < 20; i++)
			lesson(r, i % 2, 0.05 * i, 0.5, i);
		/* A user's own, which is the best of the second source. */
		memcpy(x[0], (const double[]){0.05, 0.5}, sizeof(x[0]));
		history[0] = (struct algo_trial){.number = 1, .x = x[0]};
		while (n < 12) {
			const struct algo_history h = {.pending = history, .n_pending = n};
			struct algo_request ask = {.first_number = n + 1, .n = (uint32_t)batch, .out = out};
			for (int i = 0; i < batch; i++)
				out[i].x = x[n + (uint32_t)i];
			assert_int_equal(warm_suggest(algorithm_find("random"), &r->p, &h, &ask), ALGO_OK);
			assert_int_equal(ask.n_out, batch);
			for (int i = 0; i < batch; i++, n++)
				history[n] = (struct algo_trial){.number = n + 1, .suggested = true, .x = x[n]};
		}
		assert_true(x[1][0] == 0);
		for (uint32_t i = 1; i < n; i++)
			if ((x[i][1] == 0.5) != (i == 1 || i == 3 || i == 5))
				fail_msg("batches of %d: suggestion %u is (%g, %g)", batch, i, x[i][0], x[i][1]);
		space_unref(r->space);
	}
}

/* With one that is better than all of the portfolio, the rest of it stays where it is. */
static void goes_on_while_it_is_best(void **state)
{
	static const struct {
		enum algo_status status[2]; /* of the portfolio's first and the algorithm's own */
		double value[2];
		uint32_t n_objectives;
		bool maximise, goes_on;
	} cases[] = {
		{{ALGO_SUCCEEDED, ALGO_SUCCEEDED}, {2, 3}, 1, false, true},
		{{ALGO_SUCCEEDED, ALGO_SUCCEEDED}, {4, 3}, 1, false, false},
		{{ALGO_SUCCEEDED, ALGO_SUCCEEDED}, {4, 4}, 1, false, true},
		{{ALGO_SUCCEEDED, ALGO_SUCCEEDED}, {4, 3}, 1, true, true},
		{{ALGO_SUCCEEDED, ALGO_SUCCEEDED}, {2, 3}, 1, true, false},
		{{ALGO_SUCCEEDED, ALGO_SUCCEEDED}, {4, 3}, 2, false, true},
		{{ALGO_FAILED, ALGO_SUCCEEDED}, {NAN, 3}, 1, false, false},
		{{ALGO_SUCCEEDED, ALGO_FAILED}, {5, NAN}, 1, false, true},
		{{ALGO_FAILED, ALGO_FAILED}, {NAN, NAN}, 1, false, true},
		{{ALGO_SUCCEEDED, ALGO_STOPPED}, {4, 3}, 1, false, true},
		{{ALGO_ABANDONED, ALGO_SUCCEEDED}, {NAN, 3}, 1, false, true},
	};
	static double x[3][D];

	(void)state;
	for (size_t c = 0; c < sizeof(cases) / sizeof(*cases); c++) {
		struct rig *r = rig();
		struct algo_trial trials[2];
		double values[2][2];
		bool disappoints;

		r->p.n_objectives = cases[c].n_objectives;
		r->objectives[0].direction = cases[c].maximise ? ALGO_MAXIMIZE : ALGO_MINIMIZE;
		for (int i = 0; i < 20; i++) {
			lesson(r, i % 2, 0.05 * i, 0.5, i);
			r->values[i % 2][i / 2][1] = i;
		}
		for (uint32_t n = 0; n < 3; n++) {
			const struct algo_history h = {.trials = trials, .n_trials = n};
			struct algo_suggestion out = {.x = x[n]};
			struct algo_request ask = {.first_number = n + 1, .n = 1, .out = &out};

			assert_int_equal(warm_suggest(algorithm_find("random"), &r->p, &h, &ask), ALGO_OK);
			if (n == 2 && (x[2][1] == 0.5) != cases[c].goes_on)
				fail_msg("case %zu: (%g, %g)", c, x[2][0], x[2][1]);
			assert_int_equal(warm_disappoints(&r->p, &h, NULL, &disappoints), ALGO_OK);
			assert_int_equal(disappoints, n == 2 && !cases[c].goes_on);
			if (n == 2)
				break;
			values[n][0] = values[n][1] = cases[c].value[n];
			trials[n] = (struct algo_trial){.number = n + 1, .suggested = true, .status = cases[c].status[n],
				.x = x[n], .values = values[n]};
		}
		space_unref(r->space);
	}
}

/* By turns, as long as the best is one of the portfolio; the second of the search's own trials may end it, too. */
static void ends_at_the_second_look(void **state)
{
	static double values[2][4] = {{5, 6, 4, 3}, {5, 6, 2, 3}}; /* portfolio, own, portfolio, own */
	static double x[5][D];

	(void)state;
	for (int goes_on = 0; goes_on < 2; goes_on++) {
		struct rig *r = rig();
		struct algo_trial trials[4];

		for (int i = 0; i < 20; i++)
			lesson(r, i % 2, 0.05 * i, 0.5, i);
		for (uint32_t n = 0; n < 5; n++) {
			const struct algo_history h = {.trials = trials, .n_trials = n};
			struct algo_suggestion out = {.x = x[n]};
			struct algo_request ask = {.first_number = n + 1, .n = 1, .out = &out};

			assert_int_equal(warm_suggest(algorithm_find("random"), &r->p, &h, &ask), ALGO_OK);
			assert_int_equal(x[n][1] == 0.5, n % 2 == 0 && (n < 4 || goes_on));
			if (n < 4)
				trials[n] = (struct algo_trial){.number = n + 1, .suggested = true, .status = ALGO_SUCCEEDED,
					.x = x[n], .values = &values[goes_on][n]};
		}
		space_unref(r->space);
	}
}

static void cancelled_and_empty(void **state)
{
	const atomic_bool stop = true;
	double x[30][D];
	struct algo_suggestion out = {.x = x[0]};
	struct algo_request ask = {.first_number = 1, .n = 1, .out = &out, .cancel = &stop};
	struct rig *r = rig();
	uint32_t n;

	(void)state;
	assert_int_equal(warm_portfolio(&r->p, NULL, x[0], &n), ALGO_OK);
	assert_int_equal(n, 0);
	lesson(r, 0, 0.5, 0.5, 1);
	assert_int_equal(warm_portfolio(&r->p, &stop, x[0], &n), ALGO_CANCELLED);
	assert_int_equal(warm_suggest(algorithm_find("random"), &r->p, &(struct algo_history){0}, &ask), ALGO_CANCELLED);
	assert_int_equal(ask.n_out, 0);
	space_unref(r->space);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_limit),
		cmocka_unit_test(the_best_of_each_then_of_all),
		cmocka_unit_test(maximised_and_the_same_in_both),
		cmocka_unit_test(what_is_infeasible_comes_last),
		cmocka_unit_test(several_objectives_count_alike),
		cmocka_unit_test(each_comes_once),
		cmocka_unit_test(goes_on_while_it_is_best),
		cmocka_unit_test(ends_at_the_second_look),
		cmocka_unit_test(cancelled_and_empty),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
