/* The stopping rules: what each says of small examples, and that a stopper is what it was told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "algorithms/stopping/stopper.h"

enum { SETTINGS_MAX = 8 };

static void refuse(void *ctx, const char *setting, int param, const char *message)
{
	(void)ctx;
	(void)param;
	fail_msg("%s: %s", setting ? setting : "", message);
}

/* "name key=value key=value" */
static struct stop_use use_of(const char *text, struct algo_value *values)
{
	char copy[200], *rest = copy, *word;
	const struct stop_rule *rule;

	snprintf(copy, sizeof(copy), "%s", text);
	rule = stop_rule_find(strtok_r(NULL, " ", &rest));
	assert_non_null(rule);
	stop_settings_init(rule, values);
	while ((word = strtok_r(NULL, " ", &rest))) {
		char *value = strchr(word, '=');
		int row;

		*value++ = '\0';
		row = stop_setting_find(rule, word);
		assert_true(row >= 0);
		assert_true(stop_setting_text(rule, values, (uint32_t)row, value, refuse, NULL));
	}
	return (struct stop_use){.rule = rule, .settings = values};
}

static struct stopper *stopper_with(const char *text, enum algo_direction direction)
{
	struct algo_value values[SETTINGS_MAX];
	const struct stop_use use = use_of(text, values);
	const struct stop_problem p = {
		.direction = direction, .metric = "loss", .uses = &use, .n_uses = 1, .max_resource = NAN};
	struct stopper *s;

	assert_true(stop_check(&p, refuse, NULL));
	s = stopper_new(&p);
	assert_non_null(s);
	return s;
}

/* A trial that runs to its end with these values at steps 1, 2, ... */
static void whole(struct stopper *s, uint32_t number, const double *values, uint32_t n)
{
	assert_true(stopper_begin(s, number, 0, 0, NAN));
	for (uint32_t i = 0; i < n; i++)
		assert_true(stopper_restore(s, number, i + 1, values[i]));
	assert_true(stopper_end(s, number, ALGO_SUCCEEDED, values[n - 1]));
}

static void median_of_running_averages(void **state)
{
	static const double curves[3][4] = {{4, 3, 2, 1}, {8, 6, 4, 2}, {2, 2, 2, 2}};
	struct stopper *s = stopper_with("medianstop start_step=2", ALGO_MINIMIZE);
	struct stop_verdict v = {0};

	(void)state;
	for (uint32_t i = 0; i < 3; i++)
		whole(s, i + 1, curves[i], 4);
	assert_true(stopper_begin(s, 4, 0, 0, NAN));
	assert_int_equal(stopper_report(s, 4, 1, 9, &v), STOP_GO);   /* too early */
	assert_int_equal(stopper_report(s, 4, 2, 3.5, &v), STOP_GO); /* equal to the median of 3.5, 7, 2 */
	assert_int_equal(stopper_report(s, 4, 3, 5, &v), STOP_NOW);  /* best 3.5, median of 3, 6, 2 */
	assert_string_equal(v.reason, "MedianStop");
	assert_string_equal(v.message, "loss 3.5 at step 3 is worse than the median 3 of 3 trials");
	assert_true(v.step == 3);
	assert_int_equal(stopper_report(s, 4, 4, 50, &v), STOP_GO); /* it was told */
	stopper_free(s);
}

static void katib_is_the_mean_of_the_first(void **state)
{
	static const double curves[3][4] = {{1, 2, 9, 9}, {2, 3, 9, 9}, {5, 8, 9, 9}}; /* 1.5, 2.5, 6.5: 3.5 */
	struct stopper *s = stopper_with("medianstop start_step=2 rule=katib", ALGO_MAXIMIZE);
	struct stop_verdict v = {0};

	(void)state;
	for (uint32_t i = 0; i < 3; i++)
		whole(s, i + 1, curves[i], 4);
	assert_true(stopper_begin(s, 4, 0, 0, NAN));
	assert_int_equal(stopper_report(s, 4, 1, 3, &v), STOP_GO);
	assert_int_equal(stopper_report(s, 4, 2, 3.6, &v), STOP_GO);
	assert_int_equal(stopper_report(s, 4, 3, 0, &v), STOP_GO); /* its best is what counts */
	assert_true(stopper_begin(s, 5, 0, 0, NAN));
	assert_int_equal(stopper_report(s, 5, 1, 0, &v), STOP_GO);
	assert_int_equal(stopper_report(s, 5, 2, 3.4, &v), STOP_NOW);
	assert_string_equal(v.message, "loss 3.4 at step 2 is worse than the mean 3.5 of 3 trials");
	stopper_free(s);
}

static void threshold_looks_at_the_value(void **state)
{
	static const struct {
		double value;
		enum stop_outcome outcome;
		const char *message;
	} rows[] = {
		{0.5, STOP_GO, ""},
		{10, STOP_GO, ""},
		{10.5, STOP_NOW, "loss 10.5 at step 3 is above 10"},
		{-0.5, STOP_NOW, "loss -0.5 at step 3 is below 0"},
		{NAN, STOP_NOW, "loss at step 3 is NaN"},
		{INFINITY, STOP_NOW, "loss inf at step 3 is above 10"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct stopper *s = stopper_with("threshold lower=0 upper=10", ALGO_MINIMIZE);
		struct stop_verdict v = {0};

		whole(s, 1, (const double[]){-1}, 1); /* the best, and one that ran to its end */
		assert_true(stopper_begin(s, 2, 0, 0, NAN));
		assert_int_equal(stopper_report(s, 2, 2, 5, &v), STOP_GO);
		assert_int_equal(stopper_report(s, 2, 3, rows[i].value, &v), rows[i].outcome);
		assert_string_equal(v.message, rows[i].message);
		stopper_free(s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(median_of_running_averages),
		cmocka_unit_test(katib_is_the_mean_of_the_first),
		cmocka_unit_test(threshold_looks_at_the_value),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
