/* How evenly random, Sobol and grid search fill a space, measured through the algorithms themselves. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "algorithms/registry.h"
#include "tests/unit/algorithms/contract.h"
#include "tests/unit/algorithms/spaces.h"

enum { DIM = 4, POINTS_MAX = 256, SEEDS = 9 };

/* Log, plain and normal scales: even in the declared distributions, that is in the unit cube. */
static struct space *continuous(void)
{
	static const struct space_param p[DIM] = {
		{.kind = SPACE_DOUBLE, .distribution = SPACE_LOG_UNIFORM, .min = 1e-6, .max = 10},
		{.kind = SPACE_DOUBLE, .min = -3, .max = 7},
		{.kind = SPACE_DOUBLE, .distribution = SPACE_NORMAL, .min = -3, .max = 3, .sd = 1},
		{.kind = SPACE_DOUBLE, .distribution = SPACE_LOG_NORMAL, .min = 0.1, .max = 100},
	};

	return space_of(p, DIM);
}

static void points_of(
	const struct algorithm *a, struct space *space, uint64_t seed, uint32_t n, double (*u)[DIM])
{
	struct study *s = study_new(a, space, seed);
	uint32_t got;

	assert_int_equal(study_ask(s, n, &got), ALGO_OK);
	for (uint32_t i = 0; i < n; i++)
		space_encode(space, s->pending[i].x, u[i]);
	study_free(s);
}

/* Hickernell's centred L2 discrepancy, squared (Math. Comp. 67, 1998, equation 1.3c). */
static double discrepancy(double (*u)[DIM], uint32_t n)
{
	double ones = 0, pairs = 0;

	for (uint32_t i = 0; i < n; i++) {
		double product = 1;

		for (uint32_t j = 0; j < DIM; j++) {
			double a = fabs(u[i][j] - 0.5);

			product *= 1 + a / 2 - a * a / 2;
		}
		ones += product;
		for (uint32_t k = 0; k < n; k++) {
			product = 1;
			for (uint32_t j = 0; j < DIM; j++)
				product *=
					1 + fabs(u[i][j] - 0.5) / 2 + fabs(u[k][j] - 0.5) / 2 - fabs(u[i][j] - u[k][j]) / 2;
			pairs += product;
		}
	}
	return pow(13.0 / 12, DIM) - 2 * ones / n + pairs / n / n;
}

/* Its expectation for independent uniform points is ((5/4)^d - (13/12)^d) / n. */
static void sobol_is_more_even_than_random(void **state)
{
	static const struct {
		uint32_t n;
		double at_most; /* of random's */
	} rows[] = {{16, 0.45}, {64, 0.2}, {100, 0.2}, {256, 0.08}};
	struct space *space = continuous();
	double u[POINTS_MAX][DIM];

	(void)state;
	for (size_t k = 0; k < sizeof(rows) / sizeof(*rows); k++) {
		double expected = (pow(1.25, DIM) - pow(13.0 / 12, DIM)) / rows[k].n, random = 0, sobol = 0;

		for (uint64_t seed = 0; seed < SEEDS; seed++) {
			points_of(&algorithm_random, space, seed, rows[k].n, u);
			random += discrepancy(u, rows[k].n) / SEEDS;
			points_of(&algorithm_sobol, space, seed, rows[k].n, u);
			sobol += discrepancy(u, rows[k].n) / SEEDS;
		}
		print_message("%u points: random %.4g of what is expected, sobol %.4g of random\n", rows[k].n,
			random / expected, sobol / random);
		assert_true(random > 0.7 * expected && random < 1.4 * expected);
		assert_true(sobol < rows[k].at_most * random);
	}
	space_unref(space);
}

/* 64 Sobol points of a space with steps: every level gets its share, exactly if the number of levels is a
 * power of two. */
static void levels_get_their_share(void **state)
{
	static const struct space_param p[] = {
		{.kind = SPACE_DOUBLE, .min = 0, .max = 1},
		{.kind = SPACE_DOUBLE, .min = 0.1, .max = 0.7, .step = 0.2},
		{.kind = SPACE_INT, .min = -3, .max = 4},
		{.kind = SPACE_CATEGORICAL, .n_values = 3},
	};
	struct space *space = space_of(p, DIM);

	(void)state;
	for (uint64_t seed = 0; seed < SEEDS; seed++) {
		struct study *s = study_new(&algorithm_sobol, space, seed);
		uint32_t n;

		assert_int_equal(study_ask(s, 64, &n), ALGO_OK);
		for (uint32_t j = 1; j < DIM; j++) {
			uint32_t count[8] = {0}, levels = (uint32_t)space_levels(space, j);

			for (uint32_t i = 0; i < 64; i++)
				count[space_value_level(space, j, s->pending[i].x[j])]++;
			for (uint32_t k = 0; k < levels; k++)
				if (fabs(count[k] - 64.0 / levels) > (64 % levels ? 2 : 0))
					fail_msg("parameter %u has level %u %u times", j, k, count[k]);
		}
		study_free(s);
	}
	space_unref(space);
}

/* A log grid is even in the logarithm and has both bounds; every combination comes exactly once. */
static void grids_have_every_combination_once(void **state)
{
	static const struct space_param p[] = {
		{.kind = SPACE_DOUBLE, .distribution = SPACE_LOG_UNIFORM, .min = 1e-4, .max = 1},
		{.kind = SPACE_DOUBLE, .min = 0.1, .max = 0.7, .step = 0.2},
		{.kind = SPACE_INT, .distribution = SPACE_LOG_UNIFORM, .min = 1, .max = 7, .step = 3},
		{.kind = SPACE_CATEGORICAL, .n_values = 2},
	};
	static const double rates[] = {1e-4, 1e-3, 1e-2, 1e-1, 1}, shares[] = {0.1, 0.3, 0.5, 0.7},
						counts[] = {1, 4, 7};
	struct space *space = space_of(p, DIM);
	struct study *s = study_new(&algorithm_grid, space, 3);
	uint32_t seen[5][4][3][2] = {0}, n;

	(void)state;
	study_set(s, "points_per_axis", "5");
	assert_int_equal(algorithm_grid.last_trial(&s->p), 5 * 4 * 3 * 2);
	assert_int_equal(study_ask(s, 121, &n), ALGO_EXHAUSTED);
	assert_int_equal(n, 120);
	for (uint32_t i = 0; i < n; i++) {
		const double *x = s->pending[i].x;
		uint32_t a = 0, b = 0, c = 0;

		while (a < 5 && fabs(x[0] / rates[a] - 1) > 1e-14)
			a++;
		while (b < 4 && x[1] != shares[b])
			b++;
		while (c < 3 && x[2] != counts[c])
			c++;
		if (a == 5 || b == 4 || c == 3)
			fail_msg("%.17g %.17g %.17g is not on the grid", x[0], x[1], x[2]);
		seen[a][b][c][(int)x[3]]++;
	}
	for (uint32_t i = 0; i < 120; i++)
		assert_int_equal(((uint32_t *)seen)[i], 1);
	study_free(s);
	space_unref(space);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sobol_is_more_even_than_random),
		cmocka_unit_test(levels_get_their_share),
		cmocka_unit_test(grids_have_every_combination_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
