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

#include "tests/unit/algorithms/stopping.h"

static void median_of_running_averages(void **state)
{
	static const double curves[3][4] = {{4, 3, 2, 1}, {8, 6, 4, 2}, {2, 2, 2, 2}};
	struct stopper *s = stopping_with("medianstop start_step=2", ALGO_MINIMIZE);
	struct stop_verdict v = {0};

	(void)state;
	for (uint32_t i = 0; i < 3; i++)
		stopping_whole(s, i + 1, curves[i], 4);
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
	struct stopper *s = stopping_with("medianstop start_step=2 rule=katib", ALGO_MAXIMIZE);
	struct stop_verdict v = {0};

	(void)state;
	for (uint32_t i = 0; i < 3; i++)
		stopping_whole(s, i + 1, curves[i], 4);
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
		struct stopper *s = stopping_with("threshold lower=0 upper=10", ALGO_MINIMIZE);
		struct stop_verdict v = {0};

		stopping_whole(s, 1, (const double[]){-1}, 1); /* the best, and one that ran to its end */
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
