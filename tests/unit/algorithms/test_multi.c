/* Searches with several objectives and with constraints do better than random ones, whatever is sent. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <math.h>

#include "algorithms/multi/acquisition_ehvi.h"
#include "algorithms/multi/hypervolume.h"
#include "algorithms/multi/outcome.h"
#include "algorithms/registry.h"
#include "tests/unit/algorithms/spaces.h"

enum { D = 5, M_MAX = 3, TRIALS = 240, GP_TRIALS = 60, ROWS = 16 };

/* One search, with everything in fixed arrays. */
struct search {
	const struct algorithm *a;
	struct algo_problem p;
	struct algo_value settings[ROWS];
	struct algo_objective objectives[M_MAX];
	uint32_t n; /* trials */
	struct algo_trial trials[TRIALS];
	double x[TRIALS][D], values[TRIALS][M_MAX], constraints[TRIALS][2];
};

static const struct space_param params[D] = {
	{.kind = SPACE_DOUBLE, .min = 0, .max = 1},
	{.kind = SPACE_DOUBLE, .min = 0, .max = 1},
	{.kind = SPACE_DOUBLE, .min = 0, .max = 1},
	{.kind = SPACE_INT, .min = 0, .max = 20},
	{.kind = SPACE_CATEGORICAL, .n_values = 3},
};

/* ZDT1 on mixed parameters; the second objective is maximised. The third one is to lie in the middle. */
static void zdt1(const double *x, double *values)
{
	double far = 1 + 9 * (x[1] + x[2] + x[3] / 20 + (x[4] == 1 ? 0 : 1)) / 4;

	values[0] = x[0];
	values[1] = -far * (1 - sqrt(x[0] / far));
	values[2] = fabs(x[0] - 0.5) + 0.1 * far;
}

static const struct {
	const char *name;
	uint32_t n; /* trials of a search                                          */
} searches[] = {{"nsga2", TRIALS}, {"tpe", TRIALS}, {"gp", GP_TRIALS}};
enum { SEARCHES = sizeof(searches) / sizeof(*searches) };

typedef void evaluate(const double *x, double *values, double *constraints);

/* Without what a server keeps, and with trials under way: the same again. */
static void check_again(struct search *s, uint32_t i)
{
	double x[3][2][D];
	uint32_t n_pending = i > 3 ? 3 : 0;

	for (int round = 0; round < 3; round++) {
		struct algo_suggestion out[2] = {{.x = x[round][0]}, {.x = x[round][1]}};
		struct algo_trial pending[4];
		struct algo_history h = {
			.trials = s->trials, .n_trials = i - n_pending, .pending = pending, .n_pending = n_pending};
		struct algo_request r = {.first_number = i + 1, .n = round == 0 ? 2 : 1, .out = out};

		for (uint32_t k = 0; k < n_pending; k++) {
			pending[k] = s->trials[i - n_pending + k];
			pending[k].status = ALGO_PENDING;
			pending[k].values = NULL;
		}
		pending[n_pending] = (struct algo_trial){.number = i + 1, .suggested = true, .x = x[1][0]};
		if (round == 2) {
			r.first_number++;
			h.n_pending++;
		}
		assert_int_equal(s->a->suggest(&s->p, &h, &r), ALGO_OK);
	}
	assert_memory_equal(x[0][0], x[1][0], sizeof(x[0][0]));
	assert_memory_equal(x[0][1], x[2][0], sizeof(x[0][0]));
}

static void run(struct search *s, const char *name, uint32_t n, struct space *space, uint32_t m,
	uint32_t n_constraints, uint64_t seed, evaluate *f)
{
	void *cache;

	*s = (struct search){.a = algorithm_find(name), .n = n};
	assert_non_null(s->a);
	assert_true(s->a->n_settings <= ROWS);
	algo_settings_init(s->a, s->settings);
	s->objectives[1].direction = ALGO_MAXIMIZE;
	s->p = (struct algo_problem){.space = space,
		.objectives = s->objectives,
		.n_objectives = m,
		.n_constraints = n_constraints,
		.settings = s->settings,
		.seed = seed,
		.parallel = 1};
	cache = s->a->cache_new ? s->a->cache_new(&s->p) : NULL;
	for (uint32_t i = 0; i < s->n; i++) {
		struct algo_suggestion out = {.x = s->x[i]};
		struct algo_history h = {.trials = s->trials, .n_trials = i};
		struct algo_request r = {.first_number = i + 1, .n = 1, .out = &out, .cache = cache};

		assert_int_equal(s->a->suggest(&s->p, &h, &r), ALGO_OK);
		assert_true(space_valid(space, out.x, NULL));
		if (i % 20 == 11) {
			double again[D];

			check_again(s, i);
			out.x = again;
			r.cache = NULL;
			assert_int_equal(s->a->suggest(&s->p, &h, &r), ALGO_OK);
			assert_memory_equal(again, s->x[i], sizeof(again));
		}
		f(s->x[i], s->values[i], s->constraints[i]);
		s->trials[i] = (struct algo_trial){.number = i + 1,
			.status = i % 17 == 5 ? ALGO_FAILED : ALGO_SUCCEEDED,
			.suggested = true,
			.x = s->x[i],
			.values = s->values[i],
			.constraints = n_constraints ? s->constraints[i] : NULL,
			.duration = NAN,
			.resource = NAN};
		if (i % 31 == 7)
			s->values[i][m - 1] = i % 2 ? NAN : -INFINITY;
	}
	if (cache)
		s->a->cache_free(cache);
}

static double volume_of(const struct search *s)
{
	static const double reference[] = {1.2, 6, 2};
	double y[TRIALS][M_MAX];
	uint32_t n = 0, m = s->p.n_objectives;

	for (uint32_t i = 0; i < s->n; i++)
		n += outcome_values(&s->p, &s->trials[i], &y[0][0] + (size_t)n * m);
	return hypervolume(&y[0][0], n, m, reference);
}

static void unconstrained(const double *x, double *values, double *constraints)
{
	zdt1(x, values);
	constraints[0] = constraints[1] = 0;
}

/* Mean hypervolume of a few seeds. */
static double mean_volume(struct search *s, const char *name, uint32_t n, uint32_t m)
{
	struct space *space = space_of(params, D);
	double sum = 0;

	for (uint64_t seed = 0; seed < 3; seed++) {
		run(s, name, n, space, m, 0, seed, unconstrained);
		sum += volume_of(s) / 3;
	}
	space_unref(space);
	return sum;
}

static void dominate_more_than_random(void **state)
{
	struct search *s = malloc(sizeof(*s));

	(void)state;
	assert_non_null(s);
	for (uint32_t m = 2; m <= 3; m++) {
		double random = mean_volume(s, "random", TRIALS, m);

		for (size_t i = 0; i < SEARCHES; i++) {
			double is = mean_volume(s, searches[i].name, searches[i].n, m);

			if (!(is > random * 1.08))
				fail_msg("%s with %u objectives: %.4f, random search %.4f", searches[i].name, m, is, random);
		}
	}
	free(s);
}

/* Only a corner of the space is feasible, and the objective pulls out of it. */
static void cornered(const double *x, double *values, double *constraints)
{
	values[0] = -x[0] - x[1];
	values[1] = -x[2];
	constraints[0] = x[0] + x[1] - 0.4;
	constraints[1] = x[4] == 2 ? -1 : 0.5;
}

static uint32_t feasible_late(const struct search *s)
{
	uint32_t n = 0;

	for (uint32_t i = s->n / 2; i < s->n; i++)
		n += outcome_violation(&s->p, &s->trials[i]) == 0;
	return n;
}

static void keep_to_constraints(void **state)
{
	struct space *space = space_of(params, D);
	struct search *s = malloc(sizeof(*s));

	(void)state;
	assert_non_null(s);
	for (size_t i = 0; i < SEARCHES; i++) {
		for (uint32_t m = 1; m <= 2; m++) {
			if (m == 1 && i == 0)
				continue;
			run(s, searches[i].name, searches[i].n, space, m, 2, 1, cornered);
			/* By chance a thirty-eighth would be. */
			if (feasible_late(s) < s->n / 6)
				fail_msg("%s, %u objectives: %u of %u are feasible", searches[i].name, m, feasible_late(s),
					s->n / 2);
		}
	}
	space_unref(space);
	free(s);
}

/* Infinities and NaN among constraints, all trials failing, all alike. */
static void strange(const double *x, double *values, double *constraints)
{
	static const double odd[] = {NAN, INFINITY, -INFINITY, 1e308, 0};

	values[0] = values[1] = values[2] = x[4] == 0 ? 1e-310 : 1;
	if (x[1] < 0.5)
		values[(int)(x[1] * 6)] = x[2] < 0.5 ? 1.7e308 : -1.7e308;
	constraints[0] = odd[(int)x[3] % 5];
	constraints[1] = odd[(int)(x[0] * 4.99)];
}

static void survive_strange_results(void **state)
{
	struct space *space = space_of(params, D);
	struct search *s = malloc(sizeof(*s));

	(void)state;
	assert_non_null(s);
	for (size_t i = 0; i < SEARCHES; i++)
		for (uint32_t m = 1; m <= 3; m++)
			run(s, searches[i].name, searches[i].n, space, m, 2, m, strange);
	space_unref(space);
	free(s);
}

/* ---- the acquisition function ------------------------------------------------------------------ */

enum { COLUMNS = 2, POINTS = 12, ASKED = 6 };

/* Two columns, values around a bowl whose middle is at `middle`. */
static struct gp *bowl_model(double middle)
{
	struct gp_prior prior = gp_prior(GP_PRIOR_DEFAULT, COLUMNS);
	struct gp *g = gp_new(COLUMNS, NULL, &prior);
	double x[POINTS * COLUMNS], y[POINTS], theta[COLUMNS + 3];
	struct gp_data data = {.x = x, .y = y, .n = POINTS};
	struct rng r = rng_seeded(8);

	assert_non_null(g);
	for (int i = 0; i < POINTS * COLUMNS; i++)
		x[i] = rng_uniform(&r);
	for (int i = 0; i < POINTS; i++)
		y[i] = 1 - 4 * (fabs(x[2 * i] - middle) + (x[2 * i + 1] - 0.5) * (x[2 * i + 1] - 0.5));
	gp_start_prior(g, theta);
	assert_int_equal(gp_condition(g, &data, theta), ALGO_OK);
	return g;
}

static void gradient_of_two_models(void **state)
{
	static const double points[][2] = {{-0.5, 0.1}, {-0.1, -0.3}, {0.2, -0.6}};
	const double step = 1e-6, reference[] = {0.5, 0.5};
	struct gp *g[2] = {bowl_model(0.2), bowl_model(0.8)};
	struct rng r = rng_seeded(9);
	struct ehvi_front front;
	struct acquisition *a;
	double x[ASKED * COLUMNS], value[ASKED], gradient[ASKED * COLUMNS], moved[2][ASKED];

	(void)state;
	assert_true(ehvi_front_init(&front, points, 3, reference));
	assert_non_null(a = acquisition_ehvi((const struct gp *const *)g, &front, COLUMNS));
	for (int i = 0; i < ASKED * COLUMNS; i++)
		x[i] = 0.05 + 0.9 * rng_uniform(&r);
	assert_int_equal(a->forward(a, x, ASKED, value), ALGO_OK);
	a->backward(a, gradient);
	for (int j = 0; j < COLUMNS; j++) {
		for (int side = 0; side < 2; side++) {
			for (int i = 0; i < ASKED; i++)
				x[i * COLUMNS + j] += side ? 2 * step : -step;
			assert_int_equal(a->forward(a, x, ASKED, moved[side]), ALGO_OK);
		}
		for (int i = 0; i < ASKED; i++) {
			double slope = (moved[1][i] - moved[0][i]) / (2 * step), is = gradient[i * COLUMNS + j];

			if (!(fabs(is - slope) <= 1e-5 * fmax(1, fabs(slope))))
				fail_msg("point %d, column %d: %.12g, should be %.12g", i, j, is, slope);
			x[i * COLUMNS + j] -= step;
		}
	}
	acquisition_free(a);
	ehvi_front_free(&front);
	gp_free(g[0]);
	gp_free(g[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gradient_of_two_models),
		cmocka_unit_test(dominate_more_than_random),
		cmocka_unit_test(keep_to_constraints),
		cmocka_unit_test(survive_strange_results),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
