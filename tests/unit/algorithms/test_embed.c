/* Spaces as columns: there and back, lists by value or rank, what is inactive. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "algorithms/gp/embed.h"
#include "algorithms/rng.h"
#include "tests/unit/algorithms/spaces.h"

/* Every value of every kind of space comes back; places are in the unit interval. */
static void there_and_back(void **state)
{
	struct rng r = rng_seeded(1);

	(void)state;
	for (size_t i = 0; named_spaces[i].name; i++) {
		struct space *s = named_spaces[i].make();
		struct embed *e = embed_new(s);
		double u[SPACE_PARAMS_MAX], x[SPACE_PARAMS_MAX], row[SPACE_PARAMS_MAX];

		assert_non_null(e);
		for (int k = 0; k < 200; k++) {
			for (uint32_t j = 0; j < space_dim(s); j++)
				u[j] = rng_uniform(&r);
			space_decode(s, u, x);
			embed_row(e, x, row);
			for (uint32_t c = 0; c < e->n_columns; c++) {
				const struct embed_column *col = &e->columns[c];
				double v = x[col->param], back;

				if (isnan(v)) {
					assert_true(row[c] == (col->category ? EMBED_INACTIVE : 0.5));
					continue;
				}
				if (col->category) {
					assert_true(row[c] == v);
					continue;
				}
				assert_true(row[c] >= 0 && row[c] <= 1);
				back = embed_value(e, c, row[c]);
				if (col->levels != SPACE_INFINITE ? back != v : !(fabs(back - v) <= 1e-9 * fabs(v) + 1e-12))
					fail_msg("%s, parameter %u: %.17g became %.17g", named_spaces[i].name, col->param, v, back);
			}
		}
		embed_free(e);
		space_unref(s);
	}
}

struct list_case {
	double values[6];
	uint32_t n;
	double places[6];           /* of the values in ascending order                                */
};

static const struct list_case lists[] = {
	{{1, 2, 3, 4}, 4, {0.125, 0.375, 0.625, 0.875}},
	{{0.001, 1, 0.1, 0.01}, 4, {0.125, 0.375, 0.625, 0.875}},       /* even in the logarithm       */
	{{1, 2, 4, 8, 16}, 5, {0.1, 0.3, 0.5, 0.7, 0.9}},
	{{10, 20, 40, 50}, 4, {0.125, 0.3125, 0.6875, 0.875}},          /* by value, gaps 1 2 1        */
	{{-5, -4, 1000}, 3, {1 / 6.0, 0.5, 5 / 6.0}},                   /* by rank                     */
	{{7, 9}, 2, {0.25, 0.75}},
};

static void lists_by_value_or_rank(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(lists) / sizeof(*lists); i++) {
		struct space_param p = {.kind = SPACE_DISCRETE, .values = lists[i].values, .n_values = lists[i].n};
		struct space *s = space_of(&p, 1);
		struct embed *e = embed_new(s);

		for (uint32_t k = 0; k < lists[i].n; k++) {
			double got = embed_place(e, 0, space_level_value(s, 0, k));

			if (!(fabs(got - lists[i].places[k]) < 1e-12))
				fail_msg("list %zu: level %u lies at %.17g, should at %.17g", i, k, got, lists[i].places[k]);
			assert_true(embed_value(e, 0, got) == space_level_value(s, 0, k));
		}
		assert_true(embed_value(e, 0, 0) == space_level_value(s, 0, 0));
		assert_true(embed_value(e, 0, 1) == space_level_value(s, 0, lists[i].n - 1));
		embed_free(e);
		space_unref(s);
	}
}

/* Constant parameters have no column; branches are counted as they are active together. */
static void columns_and_activity(void **state)
{
	static const struct {
		const char *space;
		uint32_t columns, active;
	} cases[] = {{"one point", 0, 1}, {"mixed", 5, 5}, {"conditional", 5, 4}, {"conditional, finite", 5, 4}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct space *s = space_named(cases[i].space);
		struct embed *e = embed_new(s);

		assert_int_equal(e->n_columns, cases[i].columns);
		assert_int_equal(e->n_active, cases[i].active);
		embed_free(e);
		space_unref(s);
	}
}

/* The resource's column is the last, and says "in full" where nothing else is said. */
static void column_of_the_resource(void **state)
{
	struct space *s = space_named("conditional");
	struct embed *e = embed_new_graded(s);
	double u[SPACE_PARAMS_MAX], x[SPACE_PARAMS_MAX], row[8] = {0};

	(void)state;
	for (uint32_t j = 0; j < space_dim(s); j++)
		u[j] = 0.3;
	space_decode(s, u, x);
	assert_int_equal(e->n_own, 5);
	assert_int_equal(e->n_columns, 6);
	assert_int_equal(e->n_active, 4);
	embed_row(e, x, row);
	assert_true(row[5] == 1);
	embed_free(e);
	space_unref(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(there_and_back),
		cmocka_unit_test(lists_by_value_or_rank),
		cmocka_unit_test(columns_and_activity),
		cmocka_unit_test(column_of_the_resource),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
