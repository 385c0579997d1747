/* Random search: each parameter follows its declared distribution, by Kolmogorov and Smirnov. */
#include <gsl/gsl_cdf.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "algorithms/registry.h"
#include "tests/unit/algorithms/contract.h"
#include "tests/unit/algorithms/spaces.h"

enum { N = 4000, D = 7 };

static const struct space_param params[D] = {
	{.kind = SPACE_DOUBLE, .min = -2, .max = 6},
	{.kind = SPACE_DOUBLE, .distribution = SPACE_LOG_UNIFORM, .min = 1e-5, .max = 10},
	{.kind = SPACE_DOUBLE, .distribution = SPACE_NORMAL, .min = 0, .max = 6},
	{.kind = SPACE_DOUBLE, .distribution = SPACE_NORMAL, .min = 0, .max = 1, .mean = -2, .sd = 0.5},
	{.kind = SPACE_DOUBLE, .distribution = SPACE_NORMAL, .min = 0, .max = 1, .mean = 9, .sd = 1},
	{.kind = SPACE_DOUBLE, .distribution = SPACE_NORMAL, .min = 0, .max = 1, .mean = -12, .sd = 1},
	{.kind = SPACE_DOUBLE, .distribution = SPACE_LOG_NORMAL, .min = 0.01, .max = 100, .mean = 1, .sd = 1},
};

/* Above the mean by symmetry in the lower tail, where probabilities keep their digits. */
static double truncated_normal(double z, double lo, double hi)
{
	double p_lo = gsl_cdf_ugaussian_P(lo), p_hi = gsl_cdf_ugaussian_P(hi);

	if (lo > 0)
		return 1 - truncated_normal(-z, -hi, -lo);
	return (gsl_cdf_ugaussian_P(z) - p_lo) / (p_hi - p_lo);
}

/* Written from the definitions, not with the space's own code. */
static double expected_cdf(int j, double v)
{
	switch (j) {
	case 0:
		return (v + 2) / 8;
	case 1:
		return log(v / 1e-5) / log(1e6);
	case 2:
		return truncated_normal(v - 3, -3, 3);
	case 3:
		return truncated_normal((v + 2) / 0.5, 4, 6);
	case 4:
		return truncated_normal(v - 9, -9, -8);
	case 5:
		return truncated_normal(v + 12, 12, 13);
	default:
		return truncated_normal(log(v) - 1, log(0.01) - 1, log(100) - 1);
	}
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double *drawn(const struct algorithm *a, struct space *space, uint32_t n)
{
	struct study *s = study_new(a, space, 123);
	double *x = calloc((size_t)n * space_dim(space), sizeof(*x));
	uint32_t got;

	assert_non_null(x);
	assert_int_equal(study_peek(s, n, x, &got, NULL), ALGO_OK);
	study_free(s);
	return x;
}

static void follows_the_distributions(void **state)
{
	static const struct algorithm *const both[] = {&algorithm_random, &algorithm_sobol};

	(void)state;
	for (int k = 0; k < 2; k++) {
		struct space *space = space_of(params, D);
		double *x = drawn(both[k], space, N), column[N];
		double limit = k == 0 ? 1.95 / sqrt(N) : 0.002; /* p = 0.001; Sobol is far closer */

		for (int j = 0; j < D; j++) {
			double worst = 0;

			for (int i = 0; i < N; i++)
				column[i] = x[i * D + j];
			qsort(column, N, sizeof(*column), by_size);
			for (int i = 0; i < N; i++)
				worst = fmax(worst, fabs(expected_cdf(j, column[i]) - (i + 0.5) / N) + 0.5 / N);
			if (worst >= limit)
				print_error("%s, parameter %d: distance %g\n", both[k]->name, j, worst);
			assert_true(worst < limit);
		}
		free(x);
		space_unref(space);
	}
}

/* Every grid value, the bounds included, is as likely as any other: chi-squared, p = 0.001. */
static void grid_values_are_even(void **state)
{
	static const struct space_param p[] = {
		{.kind = SPACE_INT, .min = 1, .max = 8}, {.kind = SPACE_DOUBLE, .min = 0.1, .max = 0.8, .step = 0.1},
		{.kind = SPACE_CATEGORICAL, .n_values = 8},
		{.kind = SPACE_DOUBLE, .max = 1}, /* keeps the space infinite */
	};
	struct space *space = space_of(p, 4);
	double *x = drawn(&algorithm_random, space, N);

	(void)state;
	for (uint32_t j = 0; j < 3; j++) {
		int count[8] = {0};
		double chi = 0;

		for (int i = 0; i < N; i++)
			count[space_value_level(space, j, x[i * 4 + (int)j])]++;
		for (int k = 0; k < 8; k++)
			chi += pow(count[k] - N / 8.0, 2) / (N / 8.0);
		assert_true(chi < 24.3);
	}
	free(x);
	space_unref(space);
}

/* Near the end the declared distribution finds nothing new: what is left still comes, in any order. */
static void rare_values_come_last(void **state)
{
	const struct space_param p = {
		.kind = SPACE_INT, .distribution = SPACE_NORMAL, .min = 0, .max = 60, .mean = 5, .sd = 1};
	struct space *space = space_of(&p, 1);
	double *x = drawn(&algorithm_random, space, 61);
	int early = 0, seen[61] = {0};

	(void)state;
	for (int i = 0; i < 61; i++) {
		assert_int_equal(seen[(int)x[i]]++, 0);
		early += i < 6 && fabs(x[i] - 5) <= 3;
	}
	assert_true(early >= 5);
	free(x);
	space_unref(space);
}

/* Trial 7 is the same whether or not the others were asked for before it. */
static void depends_on_the_number_alone(void **state)
{
	struct space *space = space_named("mixed");
	double *batch = drawn(&algorithm_random, space, 10);
	struct study *s = study_new(&algorithm_random, space, 123);
	double x[5];
	uint32_t n;

	(void)state;
	s->next_number = 7;
	assert_int_equal(study_peek(s, 1, x, &n, NULL), ALGO_OK);
	for (int j = 0; j < 5; j++)
		assert_true(x[j] == batch[6 * 5 + j]);
	study_free(s);
	free(batch);
	space_unref(space);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(follows_the_distributions),
		cmocka_unit_test(grid_values_are_even),
		cmocka_unit_test(rare_values_come_last),
		cmocka_unit_test(depends_on_the_number_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
