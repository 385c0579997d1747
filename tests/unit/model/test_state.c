#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "server/model/names.h"
#include "server/model/spec.h"
#include "server/model/state.h"

/* Row: from; column: to; in the order of the states: p s r S F E K U L. */
static const char *const trial_edges[TRIAL_STATES] = {
	/* pending       */ ".xx.x.x..",
	/* starting      */ "x.xxxxxxx",
	/* running       */ "x..xxxxxx",
	/* succeeded     */ ".........",
	/* failed        */ "x........",
	/* early_stopped */ "x........",
	/* killed        */ "x........",
	/* unavailable   */ "x........",
	/* lost          */ "x.xxxxxx.",
};

/* In the order: running, paused, stopping, succeeded, failed, stopped. */
static const char *const experiment_edges[EXPERIMENT_STATES] = {
	".xxxxx", "x.xxxx", "...xxx", "x.....", "x.....", "x....."};

static void test_edges(void **state)
{
	(void)state;
	for (unsigned from = 0; from < TRIAL_STATES; from++) {
		for (unsigned to = 0; to < TRIAL_STATES; to++) {
			if (trial_edge_legal((enum trial_state)from, (enum trial_state)to) !=
				(trial_edges[from][to] == 'x'))
				fail_msg("%s -> %s", trial_state_name((enum trial_state)from),
					trial_state_name((enum trial_state)to));
		}
	}
	for (unsigned from = 0; from < EXPERIMENT_STATES; from++) {
		for (unsigned to = 0; to < EXPERIMENT_STATES; to++) {
			if (experiment_edge_legal((enum experiment_state)from, (enum experiment_state)to) !=
				(experiment_edges[from][to] == 'x'))
				fail_msg("%s -> %s", experiment_state_name((enum experiment_state)from),
					experiment_state_name((enum experiment_state)to));
		}
	}
}

static void test_names(void **state)
{
	enum trial_state t;
	enum experiment_state x;
	(void)state;
	for (unsigned i = 0; i < TRIAL_STATES; i++) {
		assert_string_equal(trial_state_names()[i], trial_state_name((enum trial_state)i));
		assert_true(trial_state_parse(trial_state_name((enum trial_state)i), &t));
		assert_int_equal(t, i);
		/* What is over holds no slot. */
		assert_int_equal(trial_state_active(t), !trial_state_over(t));
	}
	assert_null(trial_state_names()[TRIAL_STATES]);
	assert_false(trial_state_parse("Running", &t));
	for (unsigned i = 0; i < EXPERIMENT_STATES; i++) {
		assert_true(experiment_state_parse(experiment_state_names()[i], &x));
		assert_int_equal(x, i);
		assert_int_equal(experiment_state_over(x), i >= EXPERIMENT_SUCCEEDED);
	}
	assert_null(experiment_state_names()[EXPERIMENT_STATES]);
	assert_false(experiment_state_parse("", &x));
}

static void test_trial_names(void **state)
{
	static const char *const uid = "b2f6a4de-0c1c-4d6e-9b53-7f1f0f9a3c55";
	char name[TRIAL_NAME_MAX], again[TRIAL_NAME_MAX], other[TRIAL_NAME_MAX];
	char longest[SPEC_NAME_MAX + 1];
	(void)state;
	trial_name(name, "cnn", uid, 1);
	trial_name(again, "cnn", uid, 1);
	assert_string_equal(name, again);
	assert_int_equal(strlen(name), 4 + 8);
	assert_memory_equal(name, "cnn-", 4);
	assert_true(name_valid(name, 63));
	trial_name(other, "cnn", uid, 2);
	assert_string_not_equal(name, other);
	trial_name(other, "cnn", "b2f6a4de-0c1c-4d6e-9b53-7f1f0f9a3c56", 1);
	assert_string_not_equal(name, other);
	memset(longest, 'a', SPEC_NAME_MAX);
	longest[SPEC_NAME_MAX] = '\0';
	trial_name(name, longest, uid, 1000000);
	assert_int_equal(strlen(name), SPEC_NAME_MAX + 9);
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(a, b);
}

/* No two of an experiment's trials share a name: 2^40 names, ten thousand trials. */
static void test_trial_names_differ(void **state)
{
	enum { N = 10000 };
	static char names[N][TRIAL_NAME_MAX];
	(void)state;
	for (int i = 0; i < N; i++)
		trial_name(names[i], "e", "uid", i + 1);
	qsort(names, N, TRIAL_NAME_MAX, compare_names);
	for (int i = 1; i < N; i++)
		assert_string_not_equal(names[i - 1], names[i]);
}

static void test_seeds(void **state)
{
	struct experiment_spec given = {.algorithm = {.has_seed = true, .seed = 42}}, none = {0};
	(void)state;
	assert_int_equal(experiment_seed(&given, "u"), 42);
	assert_int_equal(experiment_seed(&none, "u"), experiment_seed(&none, "u"));
	assert_int_not_equal(experiment_seed(&none, "u"), experiment_seed(&none, "v"));
	assert_in_range(experiment_seed(&none, "u"), 0, INT64_C(1) << 53);
	for (int i = 1; i < 1000; i++)
		assert_in_range(trial_seed(42, i), 0, INT32_MAX);
	assert_int_not_equal(trial_seed(42, 1), trial_seed(42, 2));
	assert_int_not_equal(trial_seed(42, 1), trial_seed(43, 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_edges),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_trial_names),
		cmocka_unit_test(test_trial_names_differ),
		cmocka_unit_test(test_seeds),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
