#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/attr.h"
#include "server/model/observe.h"

static bool same(double a, double b)
{
	return a == b || (isnan(a) && isnan(b));
}

static void test_metric_names(void **state)
{
	static const char *const good[] = {"a", "val_loss", "val/loss", "a.b-c", "0", "-", "A/B.c_d-e"};
	static const char *const bad[] = {"", "a b", "a\n", "a|b", "a=b", "\u00e9", "a:b", "a\\"};
	char name[METRIC_NAME_MAX + 2];
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		assert_true(metric_name_valid(good[i], strlen(good[i])));
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_false(metric_name_valid(bad[i], strlen(bad[i])));
	memset(name, 'a', sizeof name);
	assert_true(metric_name_valid(name, METRIC_NAME_MAX));
	assert_false(metric_name_valid(name, METRIC_NAME_MAX + 1));
}

static void test_aggregates(void **state)
{
	static const struct {
		size_t n;
		struct {
			int64_t step;
			double value;
		} points[4];
		double min, max, latest;
	} cases[] = {
		{0, {{0, 0}}, NAN, NAN, NAN},
		{1, {{0, 3}}, 3, 3, 3},
		{3, {{0, 3}, {1, 1}, {2, 2}}, 1, 3, 2},
		{3, {{2, 3}, {0, 1}, {1, 2}}, 1, 3, 3},
		{2, {{5, 3}, {5, 4}}, 3, 4, 4},
		{3, {{0, NAN}, {1, 1}, {2, NAN}}, 1, 1, NAN},
		{2, {{0, NAN}, {1, NAN}}, NAN, NAN, NAN},
		{2, {{0, INFINITY}, {1, 2}}, 2, INFINITY, 2},
		{2, {{0, -INFINITY}, {1, NAN}}, -INFINITY, -INFINITY, NAN},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct aggregate g = {0};
		for (size_t k = 0; k < cases[i].n; k++)
			aggregate_add(&g, cases[i].points[k].step, cases[i].points[k].value);
		double min = aggregate_value(&g, STRATEGY_MIN), max = aggregate_value(&g, STRATEGY_MAX);
		double latest = aggregate_value(&g, STRATEGY_LATEST);
		if (!same(min, cases[i].min) || !same(max, cases[i].max) || !same(latest, cases[i].latest))
			fail_msg("case %zu: %g %g %g", i, min, max, latest);
	}
}

static void test_better(void **state)
{
	const struct objective down = {.direction = DIRECTION_MINIMIZE}, up = {.direction = DIRECTION_MAXIMIZE};
	static const struct {
		double a, b;
		bool down, up;
	} cases[] = {{1, 2, true, false}, {2, 1, false, true}, {1, 1, false, false}, {1, NAN, true, true},
		{NAN, 1, false, false}, {NAN, NAN, false, false}, {1, -INFINITY, true, true},
		{-INFINITY, 1, false, false}, {INFINITY, 1, false, false}, {INFINITY, NAN, false, false},
		{-0.0, 0, false, false}};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		if (objective_better(&down, cases[i].a, cases[i].b) != cases[i].down ||
			objective_better(&up, cases[i].a, cases[i].b) != cases[i].up)
			fail_msg("%g against %g", cases[i].a, cases[i].b);
	}
	assert_true(objective_cost(&up, 2) == -2);
	assert_false(signbit(objective_cost(&up, 0)));
	assert_true(isnan(objective_cost(&down, INFINITY)));
}

static void test_goal(void **state)
{
	const struct objective down = {.direction = DIRECTION_MINIMIZE, .has_goal = true, .goal = 0.1};
	const struct objective up = {.direction = DIRECTION_MAXIMIZE, .has_goal = true, .goal = 0.9};
	const struct objective none = {.direction = DIRECTION_MINIMIZE};
	(void)state;
	assert_true(objective_goal_reached(&down, 0.1));
	assert_true(objective_goal_reached(&down, -5));
	assert_false(objective_goal_reached(&down, 0.11));
	assert_true(objective_goal_reached(&up, 0.9));
	assert_false(objective_goal_reached(&up, 0.89));
	assert_false(objective_goal_reached(&up, INFINITY));
	assert_false(objective_goal_reached(&down, NAN));
	assert_false(objective_goal_reached(&none, -1e308));
}

static void test_dominance(void **state)
{
	const struct objective o[] = {{.direction = DIRECTION_MINIMIZE}, {.direction = DIRECTION_MAXIMIZE}};
	static const struct {
		double a[2], b[2];
		bool dominates;
	} cases[] = {{{1, 2}, {2, 1}, true}, {{1, 1}, {2, 1}, true}, {{1, 1}, {1, 1}, false},
		{{1, 1}, {2, 2}, false}, {{1, NAN}, {2, 1}, false}, {{9, 0}, {NAN, 5}, true},
		{{9, 0}, {1, INFINITY}, true}};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		if (objectives_dominate(o, 2, cases[i].a, cases[i].b) != cases[i].dominates)
			fail_msg("case %zu", i);
	}
}

/* Against the definition, on many random sets with ties and missing values. */
static void test_front(void **state)
{
	const struct objective o[] = {{.direction = DIRECTION_MINIMIZE}, {.direction = DIRECTION_MAXIMIZE},
		{.direction = DIRECTION_MINIMIZE}};
	uint64_t seed = 1234567;
	(void)state;
	for (int round = 0; round < 500; round++) {
		double rows[30 * 3];
		bool front[30];
		size_t expected = 0;
		for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
			seed = seed * 6364136223846793005u + 1442695040888963407u;
			rows[i] = (double)(seed >> 61);
			if (seed >> 32 & 63)
				continue;
			rows[i] = NAN;
		}
		size_t n = objectives_front(o, 3, rows, 30, front);
		for (size_t i = 0; i < 30; i++) {
			bool best = !isnan(rows[3 * i] + rows[3 * i + 1] + rows[3 * i + 2]);
			for (size_t k = 0; k < 30; k++)
				best = best && !objectives_dominate(o, 3, rows + 3 * k, rows + 3 * i);
			assert_int_equal(front[i], best);
			expected += best;
		}
		assert_int_equal(n, expected);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_metric_names),
		cmocka_unit_test(test_aggregates),
		cmocka_unit_test(test_better),
		cmocka_unit_test(test_goal),
		cmocka_unit_test(test_dominance),
		cmocka_unit_test(test_front),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
