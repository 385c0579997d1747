/* Output transforms: values worked out by hand or by the papers' formulas, order, any scale. */
#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "algorithms/gp/warp.h"
#include "algorithms/rng.h"

enum { MOST = 64 };

static void near(double got, double expected, double tolerance, const char *what, size_t at)
{
	if (!(fabs(got - expected) <= tolerance))
		fail_msg("%s[%zu]: %.17g instead of %.17g", what, at, got, expected);
}

static void half_rank_by_hand(void **state)
{
	static const struct {
		size_t n;
		double y[6], expected[6];
	} rows[] = {
		{5, {1, 2, 3, 4, 5}, {1.3455240431132394, 2.3230018491797093, 3, 4, 5}},
		{6, {-1000, 0, 0, 1, 2, 7},
			{-3.942890967140017, -0.7306521619282549, -0.7306521619282549, 1, 2, 7}},
		{1, {3}, {3}},
		{3, {2, 2, 2}, {2, 2, 2}},
		/* Nothing above the median: the spread of all. Phi^-1(0.25) and root of 1/2. */
		{3, {1, 1, 0}, {1, 1, 1 - 0.70710678118654757 * 0.96742156610170106}},
	};

	(void)state;
	for (size_t r = 0; r < sizeof(rows) / sizeof(*rows); r++) {
		double y[6];

		memcpy(y, rows[r].y, sizeof(y));
		assert_int_equal(warp_half_rank(y, rows[r].n), ALGO_OK);
		for (size_t i = 0; i < rows[r].n; i++)
			near(y[i], rows[r].expected[i], 1e-12, "half rank", i);
	}
}

static void log_by_hand(void **state)
{
	double y[] = {3, 1, 2};

	(void)state;
	warp_log(y, 3);
	near(y[0], 0.5, 1e-15, "log", 0);
	near(y[1], -0.5, 1e-15, "log", 1);
	near(y[2], -0.050339713213208515, 1e-15, "log", 2);
}

static void standard_scores(void **state)
{
	double y[] = {1, 2, 3, 4}, near_one[] = {1, 1 + DBL_EPSILON, 1, 1 + DBL_EPSILON};

	(void)state;
	warp_standardize(y, 4);
	for (size_t i = 0; i < 4; i++)
		near(y[i], ((double)i - 1.5) / sqrt(1.25), 1e-15, "score", i);
	warp_standardize(near_one, 4);
	for (size_t i = 0; i < 4; i++)
		near(near_one[i], i % 2 ? 1 : -1, 1e-12, "score", i);
}

/* Special cases of the two families, and the second one's derivative from both sides of 0. */
static void powers_by_hand(void **state)
{
	(void)state;
	near(warp_box_cox(5, 1), 4, 1e-12, "Box-Cox", 0);
	near(warp_box_cox(5, 0), log(5), 1e-12, "Box-Cox", 1);
	near(warp_box_cox(4, 0.5), 2, 1e-12, "Box-Cox", 2);
	near(warp_box_cox(0.5, -1), -1, 1e-12, "Box-Cox", 3);
	near(warp_yeo_johnson(3, 1), 3, 1e-12, "Yeo-Johnson", 0);
	near(warp_yeo_johnson(-3, 1), -3, 1e-12, "Yeo-Johnson", 1);
	near(warp_yeo_johnson(3, 0), log(4), 1e-12, "Yeo-Johnson", 2);
	near(warp_yeo_johnson(-3, 2), -log(4), 1e-12, "Yeo-Johnson", 3);
	near(warp_yeo_johnson(-3, 0), -7.5, 1e-12, "Yeo-Johnson", 4);
	for (double lambda = -2; lambda <= 4; lambda += 0.37)
		near(warp_yeo_johnson(1e-6, lambda) + warp_yeo_johnson(-1e-6, lambda), 0, 1e-11, "slope", 0);
}

/* Costs whose logarithms are normal become normal: the exponent found is about 0. */
static void power_finds_the_logarithm(void **state)
{
	struct rng r = rng_seeded(1);
	double y[MOST], logs[MOST];

	(void)state;
	for (size_t i = 0; i < MOST; i++) {
		logs[i] = 3 * rng_normal(&r);
		y[i] = -exp(logs[i]);
	}
	assert_int_equal(warp_power(y, MOST), ALGO_OK);
	warp_standardize(y, MOST);
	warp_standardize(logs, MOST);
	for (size_t i = 0; i < MOST; i++)
		near(y[i], -logs[i], 0.25, "score", i);
}

static void outputs_keep_the_order(void **state)
{
	(void)state;
	for (int how = WARP_NONE; how <= WARP_POWER; how++) {
		for (uint64_t seed = 0; seed < 20; seed++) {
			struct rng r = rng_seeded(seed);
			double y[MOST], z[MOST], sum = 0, squares = 0;

			for (size_t i = 0; i < MOST; i++)
				y[i] = pow(rng_normal(&r), seed % 5) * (seed % 2 ? 1 : -1);
			assert_int_equal(warp_outputs((enum warp)how, y, MOST, 0.5, z), ALGO_OK);
			for (size_t i = 0; i < MOST; i++) {
				for (size_t k = 0; k < MOST; k++)
					if (y[i] < y[k] && !(z[i] <= z[k]))
						fail_msg("warp %d seed %d: %g < %g but %g > %g", how, (int)seed, y[i], y[k], z[i], z[k]);
				sum += z[i];
				squares += z[i] * z[i];
			}
			if (seed % 5 == 0)
				assert_true(squares == 0);
			else
				near(squares / MOST, 1, 1e-9, "variance", seed);
			near(sum / MOST, 0, 1e-9, "mean", seed);
		}
	}
}

static void missing_and_infinite(void **state)
{
	double y[] = {NAN, 1, INFINITY, 2, -INFINITY, 3}, z[6], none[] = {NAN, NAN};

	(void)state;
	assert_int_equal(warp_outputs(WARP_NONE, y, 6, 0.5, z), ALGO_OK);
	near(z[2], z[5], 0, "infinite", 2);
	near(z[4], z[1], 0, "infinite", 4);
	near(z[0], z[1] - 0.5, 1e-15, "missing", 0);
	assert_int_equal(warp_outputs(WARP_NONE, y, 6, NAN, z), ALGO_OK);
	assert_true(isnan(z[0]));
	assert_int_equal(warp_outputs(WARP_HALF_RANK_LOG, none, 2, 0.5, none), ALGO_OK);
	near(none[0], 0, 0, "missing", 0);
	near(none[1], 0, 0, "missing", 1);
}

/* Multiplied by a power of two, values give the same scores; nothing is lost at either end. */
static void any_scale(void **state)
{
	static const double base[] = {-3, -1.5, -1, -0.25, 0, 0.125, 1, 2.5};
	static const int exponents[] = {-1060, -500, 500, 1020};

	(void)state;
	for (int how = WARP_NONE; how <= WARP_POWER; how++) {
		double y[8], z[8], expected[8];

		assert_int_equal(warp_outputs((enum warp)how, base, 8, 0.5, expected), ALGO_OK);
		for (int e = 0; e < 4; e++) {
			for (size_t i = 0; i < 8; i++)
				y[i] = ldexp(base[i], exponents[e]);
			assert_int_equal(warp_outputs((enum warp)how, y, 8, 0.5, z), ALGO_OK);
			for (size_t i = 0; i < 8; i++)
				near(z[i], expected[i], 1e-12, "score", i);
		}
	}
}

/* One huge loss must not hide the others where ranks are used; nothing is ever not finite. */
static void outliers(void **state)
{
	double y[] = {-DBL_MAX, -1, -2, -3, -4, -5}, extremes[] = {-DBL_MAX, DBL_MAX, 5e-324, 0}, z[6];

	(void)state;
	assert_int_equal(warp_outputs(WARP_HALF_RANK, y, 6, 0.5, z), ALGO_OK);
	assert_true(z[1] - z[2] > 0.3 && z[2] - z[3] > 0.3);
	for (int how = WARP_NONE; how <= WARP_POWER; how++) {
		assert_int_equal(warp_outputs((enum warp)how, y, 6, 0.5, z), ALGO_OK);
		for (int i = 0; i < 6; i++)
			assert_true(isfinite(z[i]));
		assert_int_equal(warp_outputs((enum warp)how, extremes, 4, 0.5, z), ALGO_OK);
		for (int i = 0; i < 4; i++)
			assert_true(isfinite(z[i]));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(half_rank_by_hand),
		cmocka_unit_test(log_by_hand),
		cmocka_unit_test(standard_scores),
		cmocka_unit_test(powers_by_hand),
		cmocka_unit_test(power_finds_the_logarithm),
		cmocka_unit_test(outputs_keep_the_order),
		cmocka_unit_test(missing_and_infinite),
		cmocka_unit_test(any_scale),
		cmocka_unit_test(outliers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
