/* Pareto ranks, hypervolumes and their expected gain against slow and obvious ways to get them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <math.h>

#include "algorithms/multi/ehvi.h"
#include "algorithms/multi/hypervolume.h"
#include "algorithms/multi/pareto.h"
#include "algorithms/rng.h"

#define CLOSE(is, expected, tolerance)                                                                   \
	do {                                                                                                 \
		double is_ = (is), expected_ = (expected);                                                       \
		if (!(fabs(is_ - expected_) <= (tolerance)))                                                     \
			fail_msg("%s is %.12g, expected %.12g within %g", #is, is_, expected_, (double)(tolerance)); \
	} while (0)

enum { N_MAX = 200, M_MAX = 5 };

/* Points with many ties: few distinct values. */
static void some_points(struct rng *r, double *y, uint32_t n, uint32_t m, uint64_t values)
{
	for (uint32_t i = 0; i < n * m; i++)
		y[i] = (double)rng_below(r, values) / (double)values;
}

/* ---- ranks ------------------------------------------------------------------------------------- */

/* 1 + the highest rank of what comes before it. */
static uint32_t slow_rank(
	const double *y, const double *violations, uint32_t n, uint32_t m, uint32_t i, uint32_t depth)
{
	uint32_t rank = 0;

	assert_true(depth <= n);
	for (uint32_t k = 0; k < n; k++) {
		bool before = pareto_dominates(y + k * m, y + i * m, m) && violations[k] == violations[i];

		if (before || violations[k] < violations[i]) {
			uint32_t other = slow_rank(y, violations, n, m, k, depth + 1) + 1;

			rank = other > rank ? other : rank;
		}
	}
	return rank;
}

static void ranks_are_those_of_the_definition(void **state)
{
	enum { N = 14 };
	struct rng r = rng_seeded(1);
	double y[N * 4], violations[N];
	uint32_t ranks[N];

	(void)state;
	for (int round = 0; round < 300; round++) {
		uint32_t m = 1 + (uint32_t)round % 4, highest = 0;

		some_points(&r, y, N, m, 6);
		for (int i = 0; i < N; i++)
			violations[i] = round % 3 && rng_below(&r, 3) == 0 ? (double)rng_below(&r, 3) : 0;
		violations[0] = round % 7 == 1 ? INFINITY : 0;
		assert_true(pareto_ranks(y, violations, N, m, ranks) > 0);
		for (uint32_t i = 0; i < N; i++) {
			assert_int_equal(ranks[i], slow_rank(y, violations, N, m, i, 0));
			highest = ranks[i] > highest ? ranks[i] : highest;
		}
		assert_int_equal(pareto_ranks(y, violations, N, m, ranks), highest + 1);
	}
	assert_int_equal(pareto_ranks(y, NULL, 0, 2, ranks), 0);
}

static void crowding_of_a_line(void **state)
{
	static const double y[] = {0, 4, 1, 3, 1.5, 2.5, 4, 0};
	static const uint32_t members[] = {3, 1, 0, 2};
	double distances[4];

	(void)state;
	assert_true(pareto_crowding(y, 2, members, 4, distances));
	assert_true(isinf(distances[0]) && isinf(distances[2]));
	CLOSE(distances[1], (1.5 + 1.5) / 4, 1e-15);
	CLOSE(distances[3], (3.0 + 3.0) / 4, 1e-15);
	assert_true(pareto_crowding(y, 2, members, 1, distances) && isinf(distances[0]));
}

static void selection_keeps_the_ends(void **state)
{
	/* A front of five, of which the two in the middle are close together, and one that is dominated. */
	static const double y[] = {9, 9, 0, 10, 4.9, 5, 5, 4.9, 2, 8, 10, 0};
	uint32_t chosen[6], ranks[6];

	(void)state;
	assert_true(pareto_select(y, NULL, 6, 2, 4, chosen, ranks));
	assert_int_equal(chosen[0], 1);
	assert_int_equal(chosen[1], 5);
	assert_int_equal(ranks[3], 0);
	for (int i = 0; i < 4; i++)
		assert_int_not_equal(chosen[i], 0);
	assert_true(pareto_select(y, NULL, 6, 2, 6, chosen, ranks));
	assert_int_equal(chosen[5], 0);
	assert_int_equal(ranks[5], 1);
	assert_true(pareto_select(y, NULL, 6, 2, 0, chosen, NULL));
}

/* ---- hypervolume ------------------------------------------------------------------------------- */

static void known_volumes(void **state)
{
	static const double one[M_MAX] = {1, 1, 1, 1, 1};
	static const double corner[M_MAX] = {0.5, 0.5, 0.5, 0.5, 0.5};
	static const double stairs[] = {0, 0.75, 0.25, 0.5, 0.5, 0.25, 0.5, 0.25, 0.75, 0, 0.75, 0.75, 2, -1};
	static const double cubes[] = {0, 0.5, 0.5, 0.5, 0, 0.5, 0.5, 0.5, 0};

	(void)state;
	for (uint32_t m = 1; m <= M_MAX; m++) {
		CLOSE(hypervolume(corner, 1, m, one), pow(0.5, m), 1e-15);
		CLOSE(hypervolume(one, 1, m, one), 0, 0);
		CLOSE(hypervolume(one, 0, m, one), 0, 0);
	}
	CLOSE(hypervolume(stairs, 7, 2, one), 0.25 * (0.25 + 0.5 + 0.75 + 1), 1e-15);
	/* Three bricks of 1/4 that share a cube of 1/8. */
	CLOSE(hypervolume(cubes, 3, 3, one), 3 * 0.25 - 2 * 0.125, 1e-15);
}

/* On a grid of cells every volume is a number of cells. */
static void volumes_are_counted(void **state)
{
	enum { CELLS = 5, N = 9 };
	static const double one[M_MAX] = {1, 1, 1, 1, 1};
	struct rng r = rng_seeded(2);

	(void)state;
	for (int round = 0; round < 60; round++) {
		uint32_t m = 2 + (uint32_t)round % 4, n_cells = 1, count = 0;
		double y[N * M_MAX];

		some_points(&r, y, N, m, CELLS);
		for (uint32_t j = 0; j < m; j++)
			n_cells *= CELLS;
		for (uint32_t cell = 0; cell < n_cells; cell++) {
			bool covered = false;

			for (int i = 0; i < N && !covered; i++) {
				uint32_t rest = cell;

				covered = true;
				for (uint32_t j = 0; j < m; j++, rest /= CELLS)
					covered &= y[(uint32_t)i * m + j] * CELLS < rest % CELLS + 0.5;
			}
			count += covered;
		}
		CLOSE(hypervolume(y, N, m, one), (double)count / n_cells, 1e-12);
	}
}

static void subset_is_greedy(void **state)
{
	enum { N = 30, K = 8 };
	static const double one[] = {1, 1, 1};
	struct rng r = rng_seeded(3);

	(void)state;
	for (uint32_t m = 2; m <= 3; m++) {
		double y[N * 3], set[K * 3], total = 0;
		uint32_t chosen[K];

		some_points(&r, y, N, m, 1000);
		assert_true(hypervolume_select(y, N, m, one, K, chosen));
		for (uint32_t k = 0; k < K; k++) {
			double best = 0, is;

			for (uint32_t i = 0; i < N; i++) {
				memcpy(set + k * m, y + i * m, m * sizeof(*set));
				best = fmax(best, hypervolume(set, k + 1, m, one));
			}
			memcpy(set + k * m, y + chosen[k] * m, m * sizeof(*set));
			is = hypervolume(set, k + 1, m, one);
			CLOSE(is, best, 1e-12);
			assert_true(is >= total);
			total = is;
			for (uint32_t q = 0; q < k; q++)
				assert_int_not_equal(chosen[k], chosen[q]);
		}
	}
}

/* ---- expected improvement ---------------------------------------------------------------------- */

static const double front[][2] = {{0.1, 0.9}, {0.3, 0.5}, {0.35, 0.6}, {0.6, 0.2}, {1.2, 0.1}, {0.95, 0.05}};
static const double corner_1[] = {1, 1};

static const struct {
	double mean[2], sd[2];
} beliefs[] = {
	{{0.2, 0.2}, {0.1, 0.2}},
	{{0.5, 0.6}, {0.3, 0.1}},
	{{0.9, 0.95}, {0.05, 0.05}},
	{{0, 0}, {0.02, 0.5}},
	{{0.3, 0.5}, {0.01, 0.01}},
	{{-1, 2}, {0.7, 0.7}},
};

static void agrees_with_monte_carlo(void **state)
{
	enum { DRAWS = 40000, N = sizeof(front) / sizeof(*front) };
	struct rng r = rng_seeded(4);
	struct ehvi_front f;

	(void)state;
	assert_true(ehvi_front_init(&f, front, N, corner_1));
	assert_int_equal(f.n, 4);
	for (size_t b = 0; b < sizeof(beliefs) / sizeof(*beliefs); b++) {
		double set[N + 1][2], base, sum = 0, squares = 0, error;

		memcpy(set, front, sizeof(front));
		base = hypervolume(&set[0][0], N, 2, corner_1);
		for (int i = 0; i < DRAWS; i++) {
			double gain;

			for (int k = 0; k < 2; k++)
				set[N][k] = beliefs[b].mean[k] + beliefs[b].sd[k] * rng_normal(&r);
			gain = hypervolume(&set[0][0], N + 1, 2, corner_1) - base;
			sum += gain;
			squares += gain * gain;
		}
		error = sqrt((squares / DRAWS - sum / DRAWS * (sum / DRAWS)) / DRAWS);
		CLOSE(ehvi(&f, beliefs[b].mean, beliefs[b].sd, NULL, NULL), sum / DRAWS, 4 * error + 1e-12);
	}
	ehvi_front_free(&f);
}

static void gradient_is_the_slope(void **state)
{
	struct ehvi_front f;

	(void)state;
	for (uint32_t n = 0; n <= 6; n += 3) {
		assert_true(ehvi_front_init(&f, front, n, corner_1));
		for (size_t b = 0; b < sizeof(beliefs) / sizeof(*beliefs); b++) {
			double by_mean[2], by_sd[2], at[4], slope[4];

			ehvi(&f, beliefs[b].mean, beliefs[b].sd, by_mean, by_sd);
			for (int k = 0; k < 4; k++) {
				const double h = 1e-6;
				double value[2];

				for (int side = 0; side < 2; side++) {
					memcpy(at, beliefs[b].mean, 2 * sizeof(*at));
					memcpy(at + 2, beliefs[b].sd, 2 * sizeof(*at));
					at[k] += side ? h : -h;
					value[side] = ehvi(&f, at, at + 2, NULL, NULL);
				}
				slope[k] = (value[1] - value[0]) / (2 * h);
				CLOSE(k < 2 ? by_mean[k] : by_sd[k - 2], slope[k], 1e-7);
			}
		}
		ehvi_front_free(&f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ranks_are_those_of_the_definition),
		cmocka_unit_test(crowding_of_a_line),
		cmocka_unit_test(selection_keeps_the_ends),
		cmocka_unit_test(known_volumes),
		cmocka_unit_test(volumes_are_counted),
		cmocka_unit_test(subset_is_greedy),
		cmocka_unit_test(agrees_with_monte_carlo),
		cmocka_unit_test(gradient_is_the_slope),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
