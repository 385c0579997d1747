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

/* As scipy.stats.wilcoxon(d, alternative="greater", zero_method="zsplit"): exact where it can be, else
 * normal with the correction for continuity. */
static void wilcoxon_is_scipys(void **state)
{
	static const struct {
		double d[8];
		uint32_t n;
		const char *p;
	} rows[] = {
		{{1, 2, 3, -0.5, 4, 5}, 6, "p = 0.031"},                    /* 0.03125                       */
		{{0.3, -0.1, 0.7, 0.9, 1.1, -0.2, 0.4}, 7, "p = 0.039"},    /* 0.0390625                     */
		{{1, 1, 2, 0, -1, 3, 0, 2}, 8, "p = 0.045"},                /* 0.04524396: ties and zeros    */
		{{0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5}, 8, "p = 0.003"}, /* 0.00298104            */
		{{0, 0, 0, 1, 2, -1}, 6, "p = 0.3"},                        /* 0.29753825                    */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct stopper *s = stopping_with("wilcoxon p_threshold=1", ALGO_MAXIMIZE);
		const double best[8] = {9, 8, 7, 6, 5, 4, 3, 2};
		uint32_t n = rows[i].n;
		struct stop_verdict v = {0};

		stopping_whole(s, 1, best, 8);
		assert_true(stopper_restore(s, 1, 0.5, 1000)); /* no other is the best so far, or on average */
		for (uint32_t k = 0; k + 1 < n; k++)
			assert_true(stopper_restore(s, 2, k + 1, best[k] - rows[i].d[k]));
		assert_int_equal(stopper_report(s, 2, n, best[n - 1] - rows[i].d[n - 1], &v), STOP_NOW);
		if (!strstr(v.message, rows[i].p) || v.message[strlen(v.message) - strlen(rows[i].p)] != 'p')
			fail_msg("row %zu: \"%s\", not %s", i, v.message, rows[i].p);
		stopper_free(s);
	}
}

/* Sixty differences: beyond the exact distribution. */
static void wilcoxon_of_many(void **state)
{
	struct stopper *s = stopping_with("wilcoxon p_threshold=1", ALGO_MINIMIZE);
	struct stop_verdict v = {0};

	(void)state;
	for (uint32_t step = 1; step <= 60; step++)
		assert_true(stopper_restore(s, 1, step, 0));
	assert_true(stopper_restore(s, 1, 0.5, -1000)); /* no other is the best so far */
	assert_true(stopper_end(s, 1, ALGO_SUCCEEDED, -1));
	for (uint32_t step = 1; step < 60; step++) /* every third is better; scipy: 0.018113247 */
		assert_true(stopper_restore(s, 2, step, step % 3 ? step : -(double)step));
	assert_int_equal(stopper_report(s, 2, 60, -60, &v), STOP_NOW);
	assert_non_null(strstr(v.message, "60 steps"));
	assert_non_null(strstr(v.message, "p = 0.018"));
	stopper_free(s);
}

/* y = 0.2 + 0.8 x^-0.5 to the last digit: where it ends is known after a few reports. */
static void curves_are_extrapolated(void **state)
{
	static const double bests[] = {0.9, 0.3}; /* it will end at 0.28 of step 100 */

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct stopper *s = stopping_with("curve", ALGO_MINIMIZE);
		enum stop_outcome outcome = STOP_GO;
		struct stop_verdict v = {0};
		double step = 1;

		for (uint32_t number = 1; number <= 3; number++) {
			assert_true(stopper_restore(s, number, 1, bests[i] - 0.1)); /* no other is the best so far */
			assert_true(stopper_restore(s, number, 100, bests[i] - 0.1));
			assert_true(stopper_end(s, number, ALGO_SUCCEEDED, bests[i] - 0.1));
		}
		for (; step < 100 && outcome == STOP_GO; step++)
			outcome = stopper_report(s, 4, step, 0.2 + 0.8 * pow(step, -0.5), &v);
		assert_int_equal(outcome, i == 0 ? STOP_GO : STOP_NOW);
		if (i == 1) {
			assert_string_equal(v.reason, "CurveStop");
			assert_in_range(v.step, 10, 20); /* soon after the warm-up, a tenth of 100 */
			assert_non_null(strstr(v.message, "expected to end at 0.28"));
		}
		stopper_free(s);
	}
}

static void rungs_keep_the_best_third(void **state)
{
	static const struct algo_rungs rungs = {.at = {1, 3}, .n = 2, .brackets = 1, .max = 9, .eta = 3};
	static const double losses[] = {0.5, 0.4, 0.6, 0.3, 0.45, 0.35};
	/* The first is alone; later the third best of ... is interpolated: 0.4 + 2/3 0.1 of 3, 0.3 + 0.1 of 4 */
	static const enum stop_outcome outcomes[] = {STOP_GO, STOP_GO, STOP_NOW, STOP_GO, STOP_NOW, STOP_GO};
	const struct stop_problem p = {.metric = "loss", .rungs = &rungs, .max_resource = 9};
	struct stopper *s = stopper_new(&p);
	struct stop_entry entries[8];
	struct stop_verdict v = {0};

	(void)state;
	assert_non_null(s);
	for (uint32_t i = 0; i < 6; i++) {
		if (i == 5) /* three of six would be more than a third */
			assert_true(stopper_end(s, 1, ALGO_FAILED, NAN));
		assert_true(stopper_begin(s, i + 1, 0, 0, NAN));
		assert_int_equal(stopper_report(s, i + 1, 0, losses[i], &v), outcomes[i]); /* step 0: resource 1 */
	}
	assert_string_equal(
		v.message, "loss 0.45 at step 0 is not among the best third of the 5 trials that came as far");
	assert_string_equal(v.reason, "RungStop");
	assert_int_equal(stopper_rung(s, 0, 0, entries, 8), 6);
	assert_int_equal(entries[0].number, 4);
	assert_true(entries[5].number == 3 && entries[5].value == 0.6);
	assert_int_equal(stopper_rung(s, 0, 1, entries, 8), 0);
	assert_int_equal(stopper_report(s, 4, 1, 0.3, &v), STOP_GO);
	assert_int_equal(stopper_report(s, 4, 2, 0.25, &v), STOP_GO);
	assert_int_equal(stopper_rung(s, 0, 1, entries, 8), 1);
	assert_int_equal(stopper_report(s, 6, 2, 0.34, &v), STOP_NOW);
	stopper_free(s);
}

/* When a search gets better all the time, most are among the best third when they come. */
static void rungs_bound_those_that_go_on(void **state)
{
	static const struct algo_rungs rungs = {.at = {1}, .n = 1, .brackets = 1, .max = 9, .eta = 3};
	static const double losses[] = {.1, .9, .91, .92, .93, .94, .95, .96, .97, .2, .19, .18, .17, .16, .05, .13};
	const struct stop_problem p = {.metric = "loss", .rungs = &rungs, .max_resource = 9};
	struct stopper *s = stopper_new(&p);
	struct stop_verdict v = {0};

	(void)state;
	assert_non_null(s);
	for (uint32_t i = 0; i < sizeof(losses) / sizeof(*losses); i++) {
		bool stops = losses[i] >= .9 || losses[i] == .16;

		/* Two of those that went on fail: there is room again. */
		if (losses[i] == .13)
			assert_true(stopper_end(s, 10, ALGO_FAILED, NAN) && stopper_end(s, 11, ALGO_FAILED, NAN));
		assert_true(stopper_begin(s, i + 1, 0, 0, NAN));
		if (stopper_report(s, i + 1, 1, losses[i], &v) != (stops ? STOP_NOW : STOP_GO))
			fail_msg("%g: %s", losses[i], v.message);
		if (losses[i] == .16)
			assert_string_equal(v.message, "loss 0.16 at step 1 is not the best so far, and of the 14 trials that "
				"came as far 5 go on already, more than a third");
	}
	stopper_free(s);
}

/* Who is as good as the worst that may go on goes on, and equal ones are listed in their order. */
static void rungs_with_ties(void **state)
{
	static const struct algo_rungs rungs = {.at = {1, 3}, .n = 2, .brackets = 1, .max = 9, .eta = 3};
	static const double losses[] = {0.5, 0.5, 0.5, 0.3, 0.5, 0.3, 0.3, 0.5};
	/* Of eight, 0.3 three times: the third is between 0.3 and 0.5. */
	static const enum stop_outcome outcomes[] = {STOP_GO, STOP_GO, STOP_GO, STOP_GO, STOP_GO, STOP_GO, STOP_GO, STOP_NOW};
	const struct stop_problem p = {.metric = "loss", .rungs = &rungs, .max_resource = 9};
	struct stopper *s = stopper_new(&p);
	struct stop_entry entries[8];
	struct stop_verdict v = {0};

	(void)state;
	assert_non_null(s);
	assert_true(stopper_begin(s, 9, 0, 0, NAN)); /* so that none is the last one */
	for (uint32_t i = 0; i < 8; i++) {
		assert_true(stopper_begin(s, 8 - i, 0, 0, NAN));
		if (stopper_report(s, 8 - i, 0, losses[i], &v) != outcomes[i])
			fail_msg("trial %u: %s", 8 - i, v.message);
		assert_true(stopper_end(s, 8 - i, ALGO_STOPPED, losses[i]));
	}
	assert_int_equal(stopper_rung(s, 0, 0, entries, 8), 8);
	for (uint32_t i = 0; i < 7; i++)
		assert_true(entries[i].value < entries[i + 1].value ||
					(entries[i].value == entries[i + 1].value && entries[i].number < entries[i + 1].number));
	stopper_free(s);
}

static void all_and_any(void **state)
{
	(void)state;
	for (int all = 0; all < 2; all++) {
		struct stopping_rule rules[2];
		struct stop_use uses[2];
		const struct stop_problem p = {
			.metric = "loss", .uses = uses, .n_uses = 2, .all = all, .max_resource = NAN};
		struct stop_verdict v = {0};
		struct stopper *s;

		stopping_rule_init(&rules[0], "threshold upper=5");
		stopping_rule_init(&rules[1], "patience patience=1");
		uses[0] = rules[0].use;
		uses[1] = rules[1].use;
		s = stopper_new(&p);
		assert_non_null(s);
		stopping_whole(s, 1, (const double[]){0}, 1);
		assert_int_equal(stopper_report(s, 2, 1, 4, &v), STOP_GO);
		assert_int_equal(stopper_report(s, 2, 2, 6, &v), all ? STOP_GO : STOP_NOW);
		assert_int_equal(stopper_report(s, 3, 1, 4, &v), STOP_GO);
		assert_int_equal(stopper_report(s, 3, 2, 4.5, &v), STOP_GO);
		assert_int_equal(stopper_report(s, 3, 3, 6, &v), STOP_NOW);
		assert_string_equal(v.reason, "ThresholdStop");
		stopper_free(s);
	}
}

/* The only one that runs is not stopped before another has run to its end; of two, one is. */
static void something_runs_to_the_end(void **state)
{
	struct stopper *s = stopping_with("threshold upper=1", ALGO_MINIMIZE);
	struct stop_verdict v;

	(void)state;
	assert_true(stopper_begin(s, 1, 0, 0, NAN) && stopper_begin(s, 2, 0, 0, NAN));
	assert_int_equal(stopper_report(s, 1, 1, 3, &v), STOP_GO); /* the best there is */
	assert_int_equal(stopper_report(s, 2, 1, 4, &v), STOP_NOW);
	assert_int_equal(stopper_report(s, 1, 2, NAN, &v), STOP_GO);
	assert_true(stopper_begin(s, 3, 0, 0, NAN));
	assert_int_equal(stopper_report(s, 3, 1, 5, &v), STOP_NOW);
	assert_true(stopper_end(s, 1, ALGO_SUCCEEDED, 3));
	assert_true(stopper_begin(s, 4, 0, 0, NAN));
	assert_int_equal(stopper_report(s, 4, 1, 4, &v), STOP_NOW);
	stopper_free(s);
}

static void some_are_spared(void **state)
{
	struct stopper *s = stopping_with("medianstop start_step=1", ALGO_MINIMIZE);
	struct stop_verdict v;

	(void)state;
	for (uint32_t number = 1; number <= 3; number++)
		stopping_whole(s, number, (const double[]){0}, 1);
	for (uint32_t number = 4; number <= 60; number++) {
		assert_true(stopper_begin(s, number, 0, 0, NAN));
		assert_int_equal(stopper_report(s, number, 1, 1, &v), number % STOP_SPARE_EVERY ? STOP_NOW : STOP_GO);
	}
	stopper_free(s);
}

static uint32_t n_problems;

static void note(void *ctx, const char *setting, int param, const char *message)
{
	(void)ctx;
	(void)param;
	(void)setting;
	assert_non_null(message);
	n_problems++;
}

static void settings_are_checked(void **state)
{
	static const struct {
		const char *rule;
		uint32_t problems;
	} rows[] = {
		{"threshold", 1},
		{"threshold lower=2 upper=1", 1},
		{"threshold upper=1", 0},
		{"medianstop", 0},
		{"curve", 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct stopping_rule rule;
		const struct stop_problem p = {.metric = "loss", .uses = &rule.use, .n_uses = 1};

		stopping_rule_init(&rule, rows[i].rule);
		n_problems = 0;
		assert_int_equal(stop_check(&p, note, NULL), rows[i].problems == 0);
		assert_int_equal(n_problems, rows[i].problems);
	}
	assert_null(stop_rule_find("median"));
}

/* Two steps, counted from 0 or from 1: at the last one there is nothing left to stop. */
static void one_that_is_through_is_not_stopped(void **state)
{
	struct stopping_rule bound;
	struct stop_verdict v;

	(void)state;
	stopping_rule_init(&bound, "threshold upper=1");
	for (int first = 0; first < 2; first++)
		for (int bad_from = 0; bad_from < 2; bad_from++) {
			struct stopper *s = stopper_new(&(struct stop_problem){
				.metric = "loss", .uses = &bound.use, .n_uses = 1, .max_resource = 2});
			stopping_whole(s, 1, (const double[]){0, 0}, 2);
			assert_true(stopper_begin(s, 2, 0, 0, NAN));
			assert_int_equal(stopper_report(s, 2, first, bad_from == 0 ? 5 : 0.5, &v), bad_from == 0 ? STOP_NOW : STOP_GO);
			if (bad_from > 0)
				assert_int_equal(stopper_report(s, 2, first + 1, 5, &v), STOP_GO);
			stopper_free(s);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(median_of_running_averages),
		cmocka_unit_test(katib_is_the_mean_of_the_first),
		cmocka_unit_test(threshold_looks_at_the_value),
		cmocka_unit_test(wilcoxon_is_scipys),
		cmocka_unit_test(wilcoxon_of_many),
		cmocka_unit_test(curves_are_extrapolated),
		cmocka_unit_test(rungs_keep_the_best_third),
		cmocka_unit_test(rungs_bound_those_that_go_on),
		cmocka_unit_test(rungs_with_ties),
		cmocka_unit_test(all_and_any),
		cmocka_unit_test(something_runs_to_the_end),
		cmocka_unit_test(some_are_spared),
		cmocka_unit_test(one_that_is_through_is_not_stopped),
		cmocka_unit_test(settings_are_checked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
