/* Grid search: exact points, exact counts, both orders, and the trials that were there before. */
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

/* All points in the grid's order; the caller frees. */
static double *all_points(struct study *s, uint32_t *n)
{
	uint32_t d = space_dim(s->p.space);
	double *x = calloc(5000 * (size_t)d, sizeof(*x));

	assert_non_null(x);
	assert_int_equal(study_peek(s, 5000, x, n, NULL), ALGO_EXHAUSTED);
	assert_int_equal(*n, s->a->last_trial(&s->p));
	return x;
}

static void counts_exactly(void **state)
{
	static const struct {
		struct space_param p;
		uint32_t n;
	} cases[] = {
		{{.kind = SPACE_DOUBLE, .min = 0.1, .max = 0.7, .step = 0.2}, 4},
		{{.kind = SPACE_DOUBLE, .min = 0.001, .max = 0.01, .step = 0.001}, 10},
		{{.kind = SPACE_INT, .min = 5, .max = 10, .step = 2}, 3},
		{{.kind = SPACE_INT, .min = 1, .max = 1}, 1},
		{{.kind = SPACE_DOUBLE, .min = 0, .max = 1}, 10},
		{{.kind = SPACE_CATEGORICAL, .n_values = 7}, 7},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct space *space = space_of(&cases[i].p, 1);
		struct study *s = study_new(&algorithm_grid, space, i);
		uint32_t n;

		free(all_points(s, &n));
		assert_int_equal(n, cases[i].n);
		study_free(s);
		space_unref(space);
	}
}

/* The last parameter varies first; bounds are met exactly; tidy bounds give tidy points. */
static void sequential_points_are_these(void **state)
{
	static const struct space_param p[] = {
		{.kind = SPACE_DOUBLE, .distribution = SPACE_LOG_UNIFORM, .min = 1e-5, .max = 0.1},
		{.kind = SPACE_DOUBLE, .min = 0, .max = 1},
	};
	static const double logs[] = {1e-5, 1e-4, 1e-3, 1e-2, 0.1}, evens[] = {0, 0.25, 0.5, 0.75, 1};
	struct space *space = space_of(p, 2);
	struct study *s = study_new(&algorithm_grid, space, 1);
	uint32_t n;
	double *x;

	(void)state;
	study_set(s, "points_per_axis", "5");
	study_set(s, "order", "sequential");
	x = all_points(s, &n);
	assert_int_equal(n, 25);
	for (int i = 0; i < 25; i++) {
		assert_true(x[2 * i] == logs[i / 5]);
		assert_true(x[2 * i + 1] == evens[i % 5]);
	}
	free(x);
	study_set(s, "points_per_axis", "1");
	x = all_points(s, &n);
	assert_int_equal(n, 1);
	assert_true(x[1] == 0.5 && fabs(x[0] - 1e-3) < 1e-12);
	free(x);
	study_free(s);
	space_unref(space);
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* The same points in another order; the first few are no longer all at one end. */
static void shuffled_holds_the_same(void **state)
{
	const struct space_param p = {.kind = SPACE_INT, .min = 1, .max = 500};
	struct space *space = space_of(&p, 1);
	struct study *s = study_new(&algorithm_grid, space, 9);
	uint32_t n;
	double *x = all_points(s, &n), first = 0;

	(void)state;
	assert_int_equal(n, 500);
	for (int i = 0; i < 50; i++)
		first += x[i] / 50;
	assert_true(fabs(first - 250.5) < 80);
	qsort(x, n, sizeof(*x), by_size);
	for (int i = 0; i < 500; i++)
		assert_true(x[i] == i + 1);
	free(x);
	study_free(s);
	space_unref(space);
}

/* A normal parameter is cut at even quantiles: more points where the distribution has more. */
static void normal_axis_uses_quantiles(void **state)
{
	const struct space_param p = {.kind = SPACE_DOUBLE, .distribution = SPACE_NORMAL, .min = -3, .max = 3};
	struct space *space = space_of(&p, 1);
	struct study *s = study_new(&algorithm_grid, space, 9);
	uint32_t n;
	double *x;

	(void)state;
	study_set(s, "points_per_axis", "9");
	study_set(s, "order", "sequential");
	x = all_points(s, &n);
	assert_int_equal(n, 9);
	assert_true(fabs(x[4]) < 1e-12 && fabs(x[0] + x[8]) < 1e-12);
	assert_true(x[5] - x[4] < x[8] - x[7]);
	free(x);
	study_free(s);
	space_unref(space);
}

/* Of a user's points, those on the grid are not repeated and the others do not count. */
static void earlier_points_count_once(void **state)
{
	const struct space_param p = {.kind = SPACE_DOUBLE, .min = 0, .max = 1};
	struct space *space = space_of(&p, 1);
	struct study *s = study_new(&algorithm_grid, space, 2);
	uint32_t n;

	(void)state;
	study_set(s, "points_per_axis", "5");
	study_enqueue(s, (const double[]){0.25});
	study_enqueue(s, (const double[]){0.3});
	study_enqueue(s, (const double[]){0.25});
	assert_int_equal(study_ask(s, 9, &n), ALGO_EXHAUSTED);
	assert_int_equal(n, 4);
	for (uint32_t i = 3; i < s->n_pending; i++)
		assert_true(s->pending[i].x[0] != 0.25);
	study_free(s);
	space_unref(space);
}

static void refuses_what_cannot_be_counted(void **state)
{
	struct space *space = space_named("huge");
	struct study *s = study_new(&algorithm_grid, space, 2);
	double x[40];
	uint32_t n;

	(void)state;
	assert_false(study_possible(s));
	assert_int_equal(study_peek(s, 1, x, &n, NULL), ALGO_UNSUPPORTED);
	study_free(s);
	space_unref(space);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counts_exactly),
		cmocka_unit_test(sequential_points_are_these),
		cmocka_unit_test(shuffled_holds_the_same),
		cmocka_unit_test(normal_axis_uses_quantiles),
		cmocka_unit_test(earlier_points_count_once),
		cmocka_unit_test(refuses_what_cannot_be_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
