/* The search space: what can be built, exact grids, conditions, numbering, the way to the unit cube. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/unit/algorithms/spaces.h"

#define COUNT(a) ((uint32_t)(sizeof(a) / sizeof(*(a))))

/* ---- building ---------------------------------------------------------------------------------- */

static const double twice[] = {1, 2, 1};
static const double infinite[] = {1, HUGE_VAL};

static void refuses_wrong_parameters(void **state)
{
	static const struct {
		struct space_param p;
		enum space_fault fault;
	} cases[] = {
		{{.kind = SPACE_DOUBLE, .min = 2, .max = 1}, SPACE_BAD_BOUNDS},
		{{.kind = SPACE_DOUBLE, .min = NAN, .max = 1}, SPACE_BAD_BOUNDS},
		{{.kind = SPACE_DOUBLE, .min = 0, .max = HUGE_VAL}, SPACE_BAD_BOUNDS},
		{{.kind = SPACE_DOUBLE, .min = -1.7e308, .max = 1.7e308}, SPACE_BAD_BOUNDS},
		{{.kind = SPACE_INT, .min = 0.5, .max = 3}, SPACE_BAD_BOUNDS},
		{{.kind = SPACE_INT, .min = 0, .max = 1e17}, SPACE_BAD_BOUNDS},
		{{.kind = SPACE_INT, .min = 0, .max = 3, .step = 0.5}, SPACE_BAD_STEP},
		{{.kind = SPACE_DOUBLE, .min = 0, .max = 1, .step = -1}, SPACE_BAD_STEP},
		{{.kind = SPACE_DOUBLE, .min = 0, .max = 1, .step = NAN}, SPACE_BAD_STEP},
		{{.kind = SPACE_DOUBLE, .min = 0, .max = 1, .step = 1e-300}, SPACE_BAD_STEP},
		{{.kind = SPACE_DOUBLE, .min = 1e16, .max = 1e16 + 4, .step = 1.0 / 3}, SPACE_BAD_STEP},
		{{.kind = SPACE_DOUBLE, .distribution = SPACE_LOG_UNIFORM, .min = 0, .max = 1}, SPACE_BAD_LOG},
		{{.kind = SPACE_INT, .distribution = SPACE_LOG_NORMAL, .min = -1, .max = 1}, SPACE_BAD_LOG},
		{{.kind = SPACE_DOUBLE, .distribution = SPACE_NORMAL, .min = 0, .max = 1, .sd = -1},
			SPACE_BAD_NORMAL},
		{{.kind = SPACE_DOUBLE, .distribution = SPACE_NORMAL, .min = 0, .max = 1, .mean = 99, .sd = 0.1},
			SPACE_BAD_NORMAL},
		{{.kind = SPACE_CATEGORICAL}, SPACE_BAD_VALUES},
		{{.kind = SPACE_CATEGORICAL, .n_values = SPACE_VALUES_MAX + 1}, SPACE_TOO_MANY},
		{{.kind = SPACE_DISCRETE}, SPACE_BAD_VALUES},
		{{.kind = SPACE_DISCRETE, .values = twice, .n_values = 3}, SPACE_BAD_VALUES},
		{{.kind = SPACE_DISCRETE, .values = infinite, .n_values = 2}, SPACE_BAD_VALUES},
	};

	(void)state;
	for (uint32_t i = 0; i < COUNT(cases); i++) {
		const struct space_param p[] = {{.kind = SPACE_INT, .max = 1}, cases[i].p};
		struct space_problem problem = space_refused(p, 2);

		if (problem.fault != cases[i].fault)
			print_error("case %u: \"%s\", not \"%s\"\n", i, space_fault_text(problem.fault),
				space_fault_text(cases[i].fault));
		assert_int_equal(problem.fault, cases[i].fault);
		assert_int_equal(problem.param, 1);
	}
	assert_int_equal(space_refused(NULL, 0).fault, SPACE_NO_PARAMS);
}

static void tells_all_problems(void **state)
{
	struct space_builder *b = space_builder_new();
	struct space_problem problems[8];
	size_t n;

	(void)state;
	space_add(b, &(struct space_param){.kind = SPACE_DOUBLE, .min = 2, .max = 1});
	space_add(b, &(struct space_param){.kind = SPACE_INT, .min = 1, .max = 2});
	space_add(b, &(struct space_param){.kind = SPACE_CATEGORICAL});
	assert_null(space_build(b, problems, 8, &n));
	assert_int_equal(n, 2);
	assert_int_equal(problems[0].fault, SPACE_BAD_BOUNDS);
	assert_int_equal(problems[1].fault, SPACE_BAD_VALUES);
	assert_int_equal(problems[1].param, 2);
}

static void refuses_too_many(void **state)
{
	struct space_builder *b = space_builder_new();
	struct space_problem problem;
	size_t n;

	(void)state;
	for (int i = 0; i <= SPACE_PARAMS_MAX; i++)
		space_add(b, &(struct space_param){.kind = SPACE_INT, .max = 1});
	assert_null(space_build(b, &problem, 1, &n));
	assert_int_equal(problem.fault, SPACE_TOO_MANY);
}

struct when {
	uint32_t child, parent;
	double value;
};

static struct space_problem conditions(const struct when *w, size_t n, struct space **out)
{
	struct space_builder *b = space_builder_new();
	struct space_problem problem = {.fault = SPACE_OK};
	size_t n_problems;

	for (int i = 0; i < 4; i++)
		space_add(b, &(struct space_param){.kind = SPACE_INT, .min = 1, .max = 3});
	space_add(b, &(struct space_param){.kind = SPACE_DOUBLE, .max = 1});
	for (size_t i = 0; i < n; i++)
		space_when(b, w[i].child, w[i].parent, &w[i].value, 1);
	*out = space_build(b, &problem, 1, &n_problems);
	return problem;
}

static void refuses_wrong_conditions(void **state)
{
	static const struct {
		struct when w[4];
		size_t n;
		enum space_fault fault;
		uint32_t param;
	} cases[] = {
		{{{0, 0, 1}}, 1, SPACE_BAD_PARENT, 0},
		{{{0, 9, 1}}, 1, SPACE_BAD_PARENT, 0},
		{{{0, 4, 1}}, 1, SPACE_BAD_PARENT, 0},
		{{{1, 0, 4}}, 1, SPACE_BAD_CONDITION, 1},
		{{{1, 0, 1.5}}, 1, SPACE_BAD_CONDITION, 1},
		{{{1, 0, NAN}}, 1, SPACE_BAD_CONDITION, 1},
		{{{0, 1, 1}, {1, 0, 1}}, 2, SPACE_CYCLE, 0},
		{{{1, 2, 1}, {2, 3, 1}, {3, 1, 1}, {4, 3, 1}}, 4, SPACE_CYCLE, 1},
	};

	(void)state;
	for (uint32_t i = 0; i < COUNT(cases); i++) {
		struct space *s;
		struct space_problem problem = conditions(cases[i].w, cases[i].n, &s);

		assert_null(s);
		assert_int_equal(problem.fault, cases[i].fault);
		assert_int_equal(problem.param, cases[i].param);
	}
}

static void orders_parents_first(void **state)
{
	static const struct when w[] = {{0, 1, 1}, {1, 3, 2}, {2, 3, 1}};
	static const uint32_t expected[] = {3, 4, 1, 2, 0};
	struct space *s;

	(void)state;
	assert_int_equal(conditions(w, 3, &s).fault, SPACE_OK);
	assert_non_null(s);
	for (int i = 0; i < 5; i++)
		assert_int_equal(space_order(s)[i], expected[i]);
	assert_true(space_has_conditions(s) && space_is_conditional(s, 0) && !space_is_conditional(s, 3));
	space_unref(s);
}

/* ---- grids ------------------------------------------------------------------------------------- */

static void grids_are_exact(void **state)
{
	static const struct {
		double min, max, step;
		uint64_t levels;
		double last;
	} cases[] = {
		{0.1, 0.7, 0.2, 4, 0.7},
		{0.001, 0.01, 0.001, 10, 0.01},
		{0, 1, 0.1, 11, 1},
		{-0.3, 0.3, 0.1, 7, 0.3},
		{0, 1, 0.3, 4, 0.9},
		{0, 1, 1.0 / 3, 4, 1},
		{1e-5, 1e-4, 1e-5, 10, 1e-4},
		{5, 10, 0.8, 7, 9.8},
		{0.1, 0.1, 0.1, 1, 0.1},
		{0, 0.5, 1, 1, 0},
		{1e12, 1e12 + 2, 0.5, 5, 1e12 + 2},
		{0, 1e6, 1e-6, 1000000000001, 1e6},
	};

	(void)state;
	for (uint32_t i = 0; i < COUNT(cases); i++) {
		struct space_param p = {
			.kind = SPACE_DOUBLE, .min = cases[i].min, .max = cases[i].max, .step = cases[i].step};
		struct space *s = space_of(&p, 1);

		if (space_levels(s, 0) != cases[i].levels)
			print_error("case %u: %.17g to %.17g by %.17g\n", i, p.min, p.max, p.step);
		assert_int_equal(space_levels(s, 0), cases[i].levels);
		assert_true(space_level_value(s, 0, cases[i].levels - 1) == cases[i].last);
		assert_true(space_level_value(s, 0, 0) == cases[i].min);
		space_unref(s);
	}
}

/* Every value of a decimal grid is the double that its decimal text denotes. */
static void grids_are_decimal(void **state)
{
	struct space_param p = {.kind = SPACE_DOUBLE, .min = -1.7, .max = 12.5, .step = 0.01};
	struct space *s = space_of(&p, 1);

	(void)state;
	assert_int_equal(space_levels(s, 0), 1421);
	for (int k = 0; k < 1421; k++) {
		char text[32];
		double v = space_level_value(s, 0, (uint64_t)k);

		snprintf(text, sizeof(text), "%de-2", -170 + k);
		assert_true(v == strtod(text, NULL));
		assert_int_equal(space_value_level(s, 0, v), k);
		assert_true(space_value_level(s, 0, nextafter(v, 99)) == SPACE_INFINITE);
	}
	space_unref(s);
}

static void ints_are_exact_far_out(void **state)
{
	struct space_param p = {.kind = SPACE_INT, .min = -0x1p52, .max = 0x1p52, .step = 1};
	struct space *s = space_of(&p, 1);

	(void)state;
	assert_int_equal(space_levels(s, 0), (UINT64_C(1) << 53) + 1);
	for (uint64_t k = 0; k < 100; k++) {
		uint64_t level = (UINT64_C(1) << 53) - k;

		assert_true(space_level_value(s, 0, level) == 0x1p52 - (double)k);
		assert_int_equal(space_value_level(s, 0, 0x1p52 - (double)k), level);
	}
	space_unref(s);
}

static void discrete_values_are_ranked(void **state)
{
	static const double values[] = {10, 0.1, 1};
	struct space_param p = {.kind = SPACE_DISCRETE, .values = values, .n_values = 3};
	struct space *s = space_of(&p, 1);

	(void)state;
	assert_true(space_level_value(s, 0, 0) == 1 && space_level_value(s, 0, 2) == 0);
	assert_true(space_decode_one(s, 0, 0.01) == 1 && space_decode_one(s, 0, 0.99) == 0);
	assert_true(space_encode_one(s, 0, 0) > space_encode_one(s, 0, 2));
	assert_true(space_at(s, 0)->values != values);
	space_unref(s);
}

/* ---- configurations ---------------------------------------------------------------------------- */

static void conditions_switch(void **state)
{
	struct space *s = space_named("conditional");
	double x[5], u[5] = {0.5, 0, 0.5, 0.5, 0.5};
	uint32_t offender;

	(void)state;
	space_decode(s, u, x); /* optimizer 0: momentum and nothing else */
	assert_true(!isnan(x[0]) && x[1] == 0 && isnan(x[2]) && isnan(x[3]) && isnan(x[4]));
	u[1] = 0.9, u[2] = 0.9, u[3] = 0.99; /* optimizer 2, branch 1, depth 5 */
	space_decode(s, u, x);
	assert_true(isnan(x[0]) && x[1] == 2 && x[2] == 1 && x[3] == 5 && !isnan(x[4]));
	assert_true(space_valid(s, x, NULL));
	x[1] = 1; /* the last one needs optimizer 2 */
	assert_false(space_valid(s, x, &offender));
	assert_int_equal(offender, 4);
	space_snap(s, x);
	assert_true(isnan(x[4]) && space_valid(s, x, NULL));
	x[2] = NAN;
	space_snap(s, x);
	assert_true(space_valid(s, x, NULL) && !isnan(x[2]));
	space_unref(s);
}

static void hash_follows_equality(void **state)
{
	static const struct space_param p[] = {
		{.kind = SPACE_DOUBLE, .min = -1, .max = 1}, {.kind = SPACE_DOUBLE, .min = -1, .max = 1}};
	struct space *s = space_of(p, 2);
	double a[] = {0.0, NAN}, b[] = {-0.0, -NAN}, c[] = {NAN, 0.0};

	(void)state;
	assert_true(space_equal(s, a, b) && space_hash(s, a) == space_hash(s, b));
	assert_true(!space_equal(s, a, c) && space_hash(s, a) != space_hash(s, c));
	space_unref(s);
}

static void one_random_space(struct rng *r, bool finite)
{
	struct space *s = random_space(r, finite);
	uint32_t d = space_dim(s);
	double u[8], x[8], back[8], again[8];

	for (int k = 0; k < 20; k++) {
		for (uint32_t j = 0; j < d; j++)
			u[j] = k == 0 ? 0 : k == 1 ? 1 : rng_uniform(r);
		space_decode(s, u, x);
		assert_true(space_valid(s, x, NULL));
		space_encode(s, x, back);
		for (uint32_t j = 0; j < d; j++)
			assert_true(back[j] >= 0 && back[j] <= 1);
		space_decode(s, back, again);
		for (uint32_t j = 0; j < d; j++)
			if (space_levels(s, j) != SPACE_INFINITE)
				assert_true(isnan(x[j]) ? isnan(again[j]) : again[j] == x[j]);
			else
				assert_true(isnan(x[j]) ? isnan(again[j]) : fabs(again[j] - x[j]) <= 1e-9 * (1 + fabs(x[j])));
		for (uint32_t j = 0; j < d; j++) /* anything at all becomes a configuration */
			x[j] = rng_below(r, 4)   ? rng_normal(r) * pow(10, 6 * rng_normal(r))
				   : rng_below(r, 2) ? NAN
									 : HUGE_VAL;
		space_snap(s, x);
		assert_true(space_valid(s, x, NULL));
	}
	space_unref(s);
}

static void random_spaces_hold_the_laws(void **state)
{
	struct rng r = rng_seeded(11);

	(void)state;
	for (int i = 0; i < 4000; i++)
		one_random_space(&r, i % 2);
}

/* ---- numbering --------------------------------------------------------------------------------- */

static int by_hash(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* Counts by walking the whole product of levels and clearing what is inactive. */
static uint64_t count_by_force(const struct space *s, uint64_t product)
{
	uint64_t *hashes = malloc(product * sizeof(*hashes)), n = 0;

	assert_non_null(hashes);
	for (uint64_t i = 0; i < product; i++) {
		double x[8];
		uint64_t rest = i;

		for (uint32_t j = 0; j < space_dim(s); j++) {
			x[j] = space_level_value(s, j, rest % space_levels(s, j));
			rest /= space_levels(s, j);
		}
		space_snap(s, x);
		hashes[i] = space_hash(s, x);
	}
	qsort(hashes, product, sizeof(*hashes), by_hash);
	for (uint64_t i = 0; i < product; i++)
		n += i == 0 || hashes[i] != hashes[i - 1];
	free(hashes);
	return n;
}

static void numbering_is_a_bijection(void **state)
{
	struct rng r = rng_seeded(12);
	int checked = 0;

	(void)state;
	for (int i = 0; i < 3000; i++) {
		struct space *s = random_space(&r, true);
		uint64_t product = 1, n = space_cardinality(s);

		for (uint32_t j = 0; j < space_dim(s); j++)
			product *= space_levels(s, j);
		if (product <= 3000) {
			assert_int_equal(n, count_by_force(s, product));
			for (uint64_t k = 0; k < n; k++) {
				double x[8];

				space_config(s, k, x);
				assert_true(space_valid(s, x, NULL));
				assert_int_equal(space_index(s, x), k);
			}
			checked++;
		}
		space_unref(s);
	}
	assert_true(checked > 1500);
}

static void counts_the_named_ones(void **state)
{
	static const struct {
		const char *name;
		uint64_t n;
	} cases[] = {{"doubles", SPACE_INFINITE}, {"ints", 21}, {"steps", 640}, {"lists", 24},
		{"conditional, finite", 18}, {"one point", 1}, {"two points", 2}, {"huge", SPACE_INFINITE}};

	(void)state;
	for (uint32_t i = 0; i < COUNT(cases); i++) {
		struct space *s = space_named(cases[i].name);

		assert_int_equal(space_cardinality(s), cases[i].n);
		space_unref(s);
	}
}

/* 500 switches with one dependant each: 3^500, which is too many, but quickly found to be. A
 * knot of 40 parameters that all depend on all earlier ones is cut off. */
static void large_conditional_spaces_are_quick(void **state)
{
	struct space_builder *b = space_builder_new(), *knot = space_builder_new();
	const struct space_param p = {.kind = SPACE_CATEGORICAL, .n_values = 2};
	struct space_problem problem;
	struct space *s;
	size_t n;

	(void)state;
	for (uint32_t j = 0; j < 1000; j++) {
		space_add(b, &p);
		if (j % 2)
			space_when(b, j, j - 1, (const double[]){1}, 1);
	}
	s = space_build(b, &problem, 1, &n);
	assert_non_null(s);
	assert_int_equal(space_cardinality(s), SPACE_INFINITE);
	space_unref(s);
	for (uint32_t j = 0; j < 40; j++) {
		space_add(knot, &p);
		for (uint32_t k = j > 20 ? 0 : j; k < j && k < 20; k++)
			space_when(knot, j, k, (const double[]){0, 1}, 2);
	}
	s = space_build(knot, &problem, 1, &n);
	assert_non_null(s);
	space_unref(s);
}

/* A chain of 500: each needs the one before; 501 configurations. */
static void deep_chain(void **state)
{
	struct space_builder *b = space_builder_new();
	const struct space_param p = {.kind = SPACE_CATEGORICAL, .n_values = 2};
	struct space_problem problem;
	struct space *s;
	double x[500];
	size_t n;

	(void)state;
	for (uint32_t j = 0; j < 500; j++) {
		space_add(b, &p);
		if (j > 0)
			space_when(b, j, j - 1, (const double[]){1}, 1);
	}
	s = space_build(b, &problem, 1, &n);
	assert_non_null(s);
	assert_int_equal(space_cardinality(s), 501);
	for (uint64_t k = 0; k < 501; k++) {
		space_config(s, k, x);
		assert_int_equal(space_index(s, x), k);
	}
	space_unref(s);
}

static void references_are_counted(void **state)
{
	struct space *s = space_named("doubles");

	(void)state;
	assert_ptr_equal(space_ref(s), s);
	space_unref(s);
	assert_int_equal(space_dim(s), 2);
	space_unref(s);
	space_unref(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_wrong_parameters),
		cmocka_unit_test(tells_all_problems),
		cmocka_unit_test(refuses_too_many),
		cmocka_unit_test(refuses_wrong_conditions),
		cmocka_unit_test(orders_parents_first),
		cmocka_unit_test(grids_are_exact),
		cmocka_unit_test(grids_are_decimal),
		cmocka_unit_test(ints_are_exact_far_out),
		cmocka_unit_test(discrete_values_are_ranked),
		cmocka_unit_test(conditions_switch),
		cmocka_unit_test(hash_follows_equality),
		cmocka_unit_test(random_spaces_hold_the_laws),
		cmocka_unit_test(numbering_is_a_bijection),
		cmocka_unit_test(counts_the_named_ones),
		cmocka_unit_test(large_conditional_spaces_are_quick),
		cmocka_unit_test(deep_chain),
		cmocka_unit_test(references_are_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
