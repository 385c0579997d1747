/* Acquisition functions: gradients against differences, fantasies against what they average, and the
 * maximiser against all there is. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "algorithms/gp/acquisition.h"
#include "algorithms/gp/maximize.h"
#include "tests/unit/algorithms/spaces.h"

enum { D = 3, N = 20, B = 5, P = 2, S = 8 };

static double bowl(const double *x)
{
	double sum = 0;

	for (int j = 0; j < D; j++)
		sum -= (x[j] - 0.3) * (x[j] - 0.3) * (j + 1);
	return sin(5 * sum) + sum;
}

/* Twenty points, and values of unit scale. The second column may be one of three categories. */
static struct gp *model_of(bool category)
{
	struct gp_prior prior = gp_prior(GP_PRIOR_DEFAULT, D);
	bool categories[D] = {false, category, false};
	struct gp *g = gp_new(D, categories, &prior);
	double x[N * D], y[N], theta[D + 3];
	struct rng r = rng_seeded(3);
	struct gp_data data = {.x = x, .y = y, .n = N};

	for (int i = 0; i < N * D; i++)
		x[i] = category && i % D == 1 ? (double)rng_below(&r, 3) : rng_uniform(&r);
	for (int i = 0; i < N; i++)
		y[i] = bowl(x + i * D);
	gp_start_prior(g, theta);
	assert_int_equal(gp_condition(g, &data, theta), ALGO_OK);
	return g;
}

static void imagine(struct gp *g)
{
	const double places[P * D] = {0.2, 1, 0.4, 0.9, 0, 0.7};
	struct rng r = rng_seeded(4);
	double z[S * P], f[S * P];

	for (int i = 0; i < S * P; i++)
		z[i] = rng_normal(&r);
	assert_int_equal(gp_fantasize(g, places, P, S, z, f), ALGO_OK);
}

static void check_gradient(struct acquisition *a, bool category)
{
	double x[B * D], value[B], gradient[B * D], up[B], down[B];
	struct rng r = rng_seeded(5);
	const double step = 1e-5;

	for (int i = 0; i < B * D; i++)
		x[i] = category && i % D == 1 ? (double)rng_below(&r, 3) : 0.1 + 0.8 * rng_uniform(&r);
	assert_int_equal(a->forward(a, x, B, value), ALGO_OK);
	a->backward(a, gradient);
	for (int j = 0; j < D; j++) {
		double moved[B * D];

		if (category && j == 1)
			continue;
		memcpy(moved, x, sizeof(moved));
		for (int i = 0; i < B; i++)
			moved[i * D + j] += step;
		a->forward(a, moved, B, up);
		for (int i = 0; i < B; i++)
			moved[i * D + j] -= 2 * step;
		a->forward(a, moved, B, down);
		for (int i = 0; i < B; i++) {
			double want = (up[i] - down[i]) / (2 * step), got = gradient[i * D + j];

			if (!(fabs(got - want) <= 1e-5 * fmax(1, fabs(want))))
				fail_msg("point %d, column %d: %.12g, should be %.12g", i, j, got, want);
		}
	}
}

static void gradients(void **state)
{
	double best[S];

	(void)state;
	for (int variant = 0; variant < 4; variant++) {
		struct gp *g = model_of(variant & 1), *success = model_of(variant & 1);

		if (variant & 2)
			imagine(g);
		for (int k = 0; k < S; k++)
			best[k] = 0.1 * k + 1;
		for (int kind = 0; kind < 3; kind++) {
			struct acquisition *terms[2] = {acquisition_improvement(g, (enum improvement)kind, best, 1.8),
				acquisition_probability(success, 0.5)};
			struct acquisition *sum = acquisition_sum(terms, 2, D);

			assert_non_null(sum);
			check_gradient(sum, variant & 1);
			acquisition_free(sum);
		}
		gp_free(g);
		gp_free(success);
	}
}

/* ln EI by quadrature of the normal density; one model, no samples. */
static void values(void **state)
{
	const double x[D] = {0.5, 0.6, 0.7}, best = 0.4;
	struct gp *g = model_of(false);
	struct gp_work *w = gp_work_new(g, 1);
	struct acquisition *a = acquisition_improvement(g, IMPROVEMENT_LOG_EI, &best, 0);
	double mean, variance, got, sum = 0;
	int steps = 200000;

	(void)state;
	assert_int_equal(gp_forward(g, w, x, 1, &mean, &variance), ALGO_OK);
	for (int i = 0; i < steps; i++) {
		double z = -9 + 18 * (i + 0.5) / steps;

		sum += fmax(mean + sqrt(variance) * z - best, 0) * exp(-z * z / 2) / sqrt(2 * M_PI) * 18 / steps;
	}
	assert_int_equal(a->forward(a, x, 1, &got), ALGO_OK);
	if (!(fabs(got - log(sum)) < 1e-6))
		fail_msg("ln EI is %.12g, should be %.12g", got, log(sum));
	acquisition_free(a);
	gp_work_free(w);
	gp_free(g);
}

/* ---- the maximum ------------------------------------------------------------------------------- */

/* An acquisition with a known maximum: a bowl around `centre`, and a bonus for category 1. */
struct known {
	struct acquisition base;
	const struct embed *e;
	const double *centre;
	double x[ACQUISITION_BLOCK * SPACE_PARAMS_MAX];
	uint32_t b;
};

static enum algo_outcome known_forward(struct acquisition *a, const double *points, uint32_t b, double *value)
{
	struct known *k = (struct known *)a;
	uint32_t n = k->e->n_columns;

	k->b = b;
	memcpy(k->x, points, (size_t)b * n * sizeof(*points));
	for (uint32_t i = 0; i < b; i++) {
		value[i] = 0;
		for (uint32_t c = 0; c < n; c++) {
			double v = points[i * n + c];

			value[i] -= k->e->columns[c].category ? v != k->centre[c] : 3 * pow(v - k->centre[c], 2);
		}
	}
	return ALGO_OK;
}

static void known_backward(struct acquisition *a, double *gradient)
{
	struct known *k = (struct known *)a;
	uint32_t n = k->e->n_columns;

	for (uint32_t i = 0; i < k->b * n; i++)
		gradient[i] = k->e->columns[i % n].category ? 0 : -6 * (k->x[i] - k->centre[i % n]);
}

/* On every space the configuration whose row is the centre is found, and then the best one left. */
static void finds_the_maximum(void **state)
{
	static struct known k;

	(void)state;
	for (size_t i = 0; named_spaces[i].name; i++) {
		struct space *s = named_spaces[i].make();
		struct embed *e = embed_new(s);
		uint32_t d = space_dim(s);
		double u[SPACE_PARAMS_MAX], target[SPACE_PARAMS_MAX], centre[SPACE_PARAMS_MAX], x[SPACE_PARAMS_MAX];
		double scale[SPACE_PARAMS_MAX], value, at_target;
		struct seen seen;
		struct maximize task = {.embed = e, .acquisition = &k.base, .seen = &seen, .scale = scale,
			.incumbents = x, .candidates = 512, .starts = 8, .scan_max = i % 2 ? 1000 : 0, .seed = i};

		seen_init(&seen, s, NULL);
		for (uint32_t j = 0; j < d; j++) {
			u[j] = 0.83 - 0.01 * j;
			scale[j] = 0.5;
		}
		space_decode(s, u, target);
		embed_row(e, target, centre);
		k = (struct known){.base = {.forward = known_forward, .backward = known_backward}, .e = e,
			.centre = centre};
		if (e->n_columns > 0) {
			assert_int_equal(maximize(&task, x, &value), ALGO_OK);
			assert_true(space_valid(s, x, NULL));
			known_forward(&k.base, centre, 1, &at_target);
			if (!(value > at_target - 1e-6))
				fail_msg("%s: found %g", named_spaces[i].name, value);
			assert_true(seen_add(&seen, target));
			if (space_cardinality(s) != SPACE_INFINITE && !seen_all(&seen)) {
				assert_int_equal(maximize(&task, x, &value), ALGO_OK);
				assert_false(space_equal(s, x, target));
			}
		}
		seen_free(&seen);
		embed_free(e);
		space_unref(s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gradients),
		cmocka_unit_test(values),
		cmocka_unit_test(finds_the_maximum),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
