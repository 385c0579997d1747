/* Sobol points: the published sequence, its stratification under every scrambling, its accuracy. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "algorithms/qmc.c" /* for the points before scrambling */

static uint32_t plain(const struct qmc *q, uint32_t index, uint32_t axis)
{
	uint32_t x = 0;

	for (uint32_t bit = 0; bit < 32; bit++)
		if (index >> bit & 1)
			x ^= q->direction[axis][bit];
	return x;
}

/* The published sequence in Gray code order: its point k is point k ^ (k >> 1) here. */
static void is_joe_and_kuos(void **state)
{
	static const double first[10][4] = {{0, 0, 0, 0}, {0.5, 0.5, 0.5, 0.5}, {0.75, 0.25, 0.25, 0.25},
		{0.25, 0.75, 0.75, 0.75}, {0.375, 0.375, 0.625, 0.875}, {0.875, 0.875, 0.125, 0.375},
		{0.625, 0.125, 0.875, 0.625}, {0.125, 0.625, 0.375, 0.125}, {0.1875, 0.3125, 0.9375, 0.4375},
		{0.6875, 0.8125, 0.4375, 0.9375}};
	static const uint32_t axes[] = {5, 39, 40, 500, 1110};
	static const uint32_t at_1000[] = {3896508416, 2059403264, 3921674240, 3116367872, 1589641216};
	static const uint32_t at_4095[] = {338690048, 976224256, 862978048, 1877999616, 1454374912};
	struct qmc *q = qmc_new(QMC_SOBOL_DIMS, 0);

	(void)state;
	assert_non_null(q);
	for (uint32_t k = 0; k < 10; k++)
		for (uint32_t j = 0; j < 4; j++)
			assert_true(plain(q, k ^ k >> 1, j) * 0x1p-32 == first[k][j]);
	for (size_t i = 0; i < 5; i++) {
		assert_int_equal(plain(q, 1000 ^ 1000 >> 1, axes[i]), at_1000[i]);
		assert_int_equal(plain(q, 4095 ^ 4095 >> 1, axes[i]), at_4095[i]);
	}
	qmc_free(q);
}

/* In any aligned block of 2^m points each axis has one point in each of its 2^m intervals. */
static void every_axis_is_stratified(void **state)
{
	enum { N = 256 };
	static double u[QMC_SOBOL_DIMS];
	static unsigned char hit[QMC_SOBOL_DIMS][N];

	(void)state;
	for (uint64_t seed = 0; seed < 4; seed++) {
		struct qmc *q = qmc_new(QMC_SOBOL_DIMS, seed);
		uint32_t block = (uint32_t)seed * 1000;

		memset(hit, 0, sizeof(hit));
		for (uint32_t i = 0; i < N; i++) {
			qmc_point(q, block * N + i, u);
			for (int j = 0; j < QMC_SOBOL_DIMS; j++) {
				assert_true(u[j] > 0 && u[j] < 1);
				hit[j][(int)(u[j] * N)]++;
			}
		}
		for (int j = 0; j < QMC_SOBOL_DIMS; j++)
			for (int k = 0; k < N; k++)
				assert_int_equal(hit[j][k], 1);
		qmc_free(q);
	}
}

/* The first two axes are a (0, 2)-sequence: one point in every dyadic box of area 2^-m. */
static void first_pair_is_a_perfect_net(void **state)
{
	enum { M = 8, N = 1 << M };

	(void)state;
	for (uint64_t seed = 0; seed < 50; seed++) {
		struct qmc *q = qmc_new(2, seed);

		for (int a = 0; a <= M; a++) {
			char hit[N] = {0};

			for (uint32_t i = 0; i < N; i++) {
				double u[2];
				int box;

				qmc_point(q, i, u);
				box = (int)(u[0] * (1 << a)) << (M - a) | (int)(u[1] * (1 << (M - a)));
				assert_int_equal(hit[box], 0);
				hit[box] = 1;
			}
		}
		qmc_free(q);
	}
}

/* Squared centred L2 discrepancy (Hickernell). */
static double discrepancy(double (*u)[8], int n, int d)
{
	double first = pow(13.0 / 12, d), second = 0, third = 0;

	for (int i = 0; i < n; i++) {
		double product = 1;

		for (int j = 0; j < d; j++) {
			double a = fabs(u[i][j] - 0.5);

			product *= 1 + a / 2 - a * a / 2;
		}
		second += product;
		for (int k = 0; k < n; k++) {
			product = 1;
			for (int j = 0; j < d; j++)
				product *=
					1 + fabs(u[i][j] - 0.5) / 2 + fabs(u[k][j] - 0.5) / 2 - fabs(u[i][j] - u[k][j]) / 2;
			third += product;
		}
	}
	return first - 2 * second / n + third / ((double)n * n);
}

static void is_more_even_than_chance(void **state)
{
	enum { N = 256, D = 8 };
	static double sobol[N][8], chance[N][8];

	(void)state;
	for (uint64_t seed = 0; seed < 10; seed++) {
		struct qmc *q = qmc_new(D, seed);
		struct rng r = rng_seeded(seed);

		for (uint32_t i = 0; i < N; i++) {
			qmc_point(q, i, sobol[i]);
			for (int j = 0; j < D; j++)
				chance[i][j] = rng_uniform(&r);
		}
		assert_true(discrepancy(sobol, N, D) < 0.2 * discrepancy(chance, N, D));
		qmc_free(q);
	}
}

/* The mean of a smooth function: unbiased, and its variance over seeds far below that of chance. */
static void integrates_accurately(void **state)
{
	enum { N = 256, D = 6, SEEDS = 200 };
	double sum = 0, squares = 0, chance = pow(1 + 1.0 / 12, D) - 1;

	(void)state;
	for (uint64_t seed = 0; seed < SEEDS; seed++) {
		struct qmc *q = qmc_new(D, seed);
		double mean = 0;

		for (uint32_t i = 0; i < N; i++) {
			double u[D], f = 1;

			qmc_point(q, i, u);
			for (int j = 0; j < D; j++)
				f *= 0.5 + u[j];
			mean += f / N;
		}
		sum += mean;
		squares += (mean - 1) * (mean - 1);
		qmc_free(q);
	}
	assert_true(fabs(sum / SEEDS - 1) < 5 * sqrt(squares / SEEDS / SEEDS) + 1e-12);
	assert_true(squares / SEEDS < 0.02 * chance / N);
}

/* One point over many seeds is uniform, and axes and seeds do not go together. */
static void seeds_are_independent(void **state)
{
	enum { SEEDS = 20000 };
	double sum = 0, axes = 0, neighbours = 0, last = 0.5;
	int cells[16] = {0};

	(void)state;
	for (uint64_t seed = 0; seed < SEEDS; seed++) {
		struct qmc *q = qmc_new(2, seed);
		double u[2];

		qmc_point(q, 0, u);
		cells[(int)(u[0] * 16)]++;
		sum += u[0] - 0.5;
		axes += (u[0] - 0.5) * (u[1] - 0.5) * 12;
		neighbours += (u[0] - 0.5) * (last - 0.5) * 12;
		last = u[0];
		qmc_free(q);
	}
	assert_true(fabs(sum / SEEDS) < 0.01);
	assert_true(fabs(axes / SEEDS) < 0.03);
	assert_true(fabs(neighbours / SEEDS) < 0.03);
	for (int i = 0; i < 16; i++)
		assert_in_range(cells[i], SEEDS / 16 - 170, SEEDS / 16 + 170);
}

static void goes_on_beyond_the_table(void **state)
{
	static double u[QMC_SOBOL_DIMS + 5], again[QMC_SOBOL_DIMS + 5];
	struct qmc *q = qmc_new(QMC_SOBOL_DIMS + 5, 3);

	(void)state;
	qmc_point(q, UINT32_MAX, u);
	qmc_point(q, UINT32_MAX, again);
	for (int j = 0; j < QMC_SOBOL_DIMS + 5; j++)
		assert_true(u[j] > 0 && u[j] < 1 && u[j] == again[j]);
	qmc_free(q);
	q = qmc_new(0, 3);
	assert_non_null(q);
	qmc_point(q, 1, u);
	qmc_free(q);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(is_joe_and_kuos),
		cmocka_unit_test(every_axis_is_stratified),
		cmocka_unit_test(first_pair_is_a_perfect_net),
		cmocka_unit_test(is_more_even_than_chance),
		cmocka_unit_test(integrates_accurately),
		cmocka_unit_test(seeds_are_independent),
		cmocka_unit_test(goes_on_beyond_the_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
