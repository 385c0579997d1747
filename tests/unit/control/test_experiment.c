/* An experiment in memory: rows come in in any order and the lists, counts and snapshots stay true. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lib/arena.h"
#include "lib/clk.h"
#include "server/control/experiment.h"

static const char spec[] =
	"{\"objectives\": [{\"metric\": \"loss\", \"direction\": \"minimize\", \"goal\": 0.05}],"
	" \"parameters\": {\"x\": {\"type\": \"double\", \"min\": 0, \"max\": 1},"
	"                 \"n\": {\"type\": \"int\", \"min\": 1, \"max\": 9}},"
	" \"algorithm\": {\"name\": \"random\", \"seed\": 7},"
	" \"budget\": {\"maxTrials\": 100, \"parallelTrials\": 4},"
	" \"retry\": {\"onLost\": 1, \"onFailed\": 0},"
	" \"trial\": {\"executor\": \"local\", \"command\": [\"true\"]}}";

static struct experiment *make_of(const char *text)
{
	struct store_experiment row = {.id = 5, .uid = "6f1c2e5a-0000-4000-8000-000000000001", .ns = "default",
		.name = "probe", .labels = "{}", .annotations = "{}", .spec = text, .state = EXPERIMENT_RUNNING,
		.version = 1, .next_number = 1, .epoch = 3, .reason = "", .started_us = CLK_SECOND};
	struct experiment *x = experiment_new(5, 3);
	struct err e = {0};

	if (!experiment_set(x, &row, &e))
		fail_msg("%s", e.detail);
	return x;
}

static struct experiment *make(void)
{
	return make_of(spec);
}

static struct store_trial row_of(int number, enum trial_state state)
{
	static char params[64][48];
	char *p = params[number % 64];

	snprintf(p, sizeof params[0], "{\"x\": 0.%03d, \"n\": %d}", number, 1 + number % 9);
	return (struct store_trial){.experiment = 5, .number = number, .attempt = 1, .state = state, .params = p,
		.reason = "", .message = "", .exit_code = STORE_NO_INT};
}

static struct trial *put(struct experiment *x, int number, enum trial_state state, int completion, double value)
{
	struct store_trial row = row_of(number, state);
	const bool null = isnan(value);

	row.completion = completion;
	row.started_us = 10 * CLK_SECOND;
	row.finished_us = completion ? (10 + 100 * (int64_t)completion) * CLK_SECOND : 0;
	row.vals = (struct store_doubles){.v = &value, .null = &null, .n = 1};
	return experiment_put(x, &row, NULL);
}

static struct plan_input snapshot(struct experiment *x, struct plan_trial *buffer)
{
	struct plan_input in;

	experiment_snapshot(x, 20 * CLK_SECOND, 10, 0, buffer, &in);
	return in;
}

static void test_rows_in_any_order(void **state)
{
	struct experiment *x = make();
	static const int order[] = {5, 1, 4, 2, 3};

	(void)state;
	for (size_t i = 0; i < 5; i++)
		put(x, order[i], TRIAL_RUNNING, 0, NAN);
	assert_int_equal(x->n_open, 5);
	for (int i = 0; i < 5; i++)
		assert_int_equal(x->open[i], i + 1);
	assert_int_equal(x->next_number, 6);
	assert_int_equal(x->counts[TRIAL_RUNNING], 5);
	assert_true(experiment_x(x, 4)[0] == 0.004 && experiment_x(x, 4)[1] == 5);
	/* They end in another order, and the rows of it come in yet another. */
	put(x, 2, TRIAL_SUCCEEDED, 3, 0.3);
	put(x, 5, TRIAL_SUCCEEDED, 1, 0.2);
	put(x, 1, TRIAL_FAILED, 2, NAN);
	assert_int_equal(x->n_open, 2);
	assert_int_equal(x->n_ended, 3);
	assert_int_equal(x->ended[0], 5);
	assert_int_equal(x->ended[1], 1);
	assert_int_equal(x->ended[2], 2);
	assert_int_equal(x->best, 5);
	/* The same row again changes nothing. */
	put(x, 5, TRIAL_SUCCEEDED, 1, 0.2);
	assert_int_equal(x->n_ended, 3);
	assert_int_equal(x->counts[TRIAL_SUCCEEDED], 2);
	assert_int_equal(x->counts[TRIAL_RUNNING], 2);
	experiment_free(x);
}

static void test_goal_and_best(void **state)
{
	struct experiment *x = make();

	(void)state;
	put(x, 1, TRIAL_SUCCEEDED, 1, NAN);
	assert_int_equal(x->best, 0);
	put(x, 2, TRIAL_SUCCEEDED, 2, 0.5);
	put(x, 3, TRIAL_FAILED, 3, -INFINITY);
	put(x, 4, TRIAL_EARLY_STOPPED, 4, 0.01);
	assert_int_equal(x->best, 2);
	assert_false(x->goal_reached);
	put(x, 5, TRIAL_SUCCEEDED, 5, 0.05);
	assert_int_equal(x->best, 5);
	assert_true(x->goal_reached);
	experiment_free(x);
}

static void test_retries(void **state)
{
	struct experiment *x = make();
	struct plan_trial buffer[8];

	(void)state;
	put(x, 1, TRIAL_LOST, 1, NAN);
	assert_int_equal(x->n_open, 1);                 /* the policy has an attempt left */
	assert_int_equal(x->n_ended, 1);
	assert_int_equal(snapshot(x, buffer).failed, 0);
	struct store_trial row = row_of(1, TRIAL_PENDING);
	row.attempt = 2;
	experiment_put(x, &row, NULL);
	assert_int_equal(x->n_ended, 0);
	assert_int_equal(x->counts[TRIAL_LOST], 0);
	row.state = TRIAL_LOST;
	row.completion = 2;
	experiment_put(x, &row, NULL);
	assert_int_equal(x->n_open, 0);                 /* none left */
	assert_int_equal(snapshot(x, buffer).failed, 1);
	put(x, 2, TRIAL_FAILED, 3, NAN);
	assert_int_equal(x->n_open, 0);
	assert_int_equal(snapshot(x, buffer).failed, 2);
	experiment_free(x);
}

static void test_start_failures(void **state)
{
	struct experiment *x = make();
	struct plan_trial buffer[8];

	(void)state;
	for (int i = 1; i <= 4; i++) {
		struct store_trial row = row_of(i, TRIAL_FAILED);
		row.completion = i;
		row.reason = i == 2 ? "Error" : "StartError";
		row.started_us = i == 2 ? 10 * CLK_SECOND : 0;
		row.finished_us = 200 * CLK_SECOND;
		experiment_put(x, &row, NULL);
	}
	/* 1 never started, 2 ran for minutes before it failed, 3 and 4 never started. */
	assert_int_equal(snapshot(x, buffer).start_failures, 2);
	experiment_free(x);

	x = make();
	for (int i = 1; i <= 3; i++) {
		struct store_trial row = row_of(i, TRIAL_FAILED);
		row.completion = i;
		row.reason = "Error";
		row.started_us = 10 * CLK_SECOND;
		row.finished_us = 69 * CLK_SECOND;
		experiment_put(x, &row, NULL);
	}
	assert_int_equal(snapshot(x, buffer).start_failures, 3);
	put(x, 4, TRIAL_SUCCEEDED, 4, 1);
	assert_int_equal(snapshot(x, buffer).start_failures, 0);
	experiment_free(x);
}

static void test_imports_cost_nothing(void **state)
{
	struct experiment *x = make();
	struct plan_trial buffer[8];

	(void)state;
	struct store_trial row = row_of(1, TRIAL_SUCCEEDED);
	row.source = STORE_FROM_IMPORT;
	row.completion = 1;
	experiment_put(x, &row, NULL);
	put(x, 2, TRIAL_RUNNING, 0, NAN);
	assert_int_equal(snapshot(x, buffer).used, 1);
	experiment_free(x);
}

/* A place is free as soon as a program has ended where nothing that it said can matter to the next. */
static void test_foreseen(void **state)
{
	static const struct {
		const char *algorithm, *objective, *budget, *more;
		bool foreseen;
	} cases[] = {
		{"random", "", "", "", true},
		{"grid", "", "", "", true},
		{"sobol", "", "", "", true},
		{"tpe", "", "", "", false},
		{"auto", "", "", "", false},
		{"asha", "", "", ", \"fidelity\": {\"min\": 1, \"max\": 9}", false},
		{"random", ", \"goal\": 0.05", "", "", false},
		{"random", "", ", \"maxFailedTrials\": 3", "", false},
		{"random", "", "", ", \"earlyStopping\": {\"name\": \"medianstop\"}", false},
		{"random", "", "", ", \"stopWhen\": \"converged\"", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char text[800];
		struct plan_trial buffer[1];
		snprintf(text, sizeof text,
			"{\"objectives\": [{\"metric\": \"loss\", \"direction\": \"minimize\"%s}],"
			" \"parameters\": {\"n\": {\"type\": \"int\", \"min\": 1, \"max\": 9}},"
			" \"algorithm\": {\"name\": \"%s\"},"
			" \"budget\": {\"maxTrials\": 100, \"parallelTrials\": 4%s},"
			" \"trial\": {\"executor\": \"local\", \"command\": [\"true\"]}%s}",
			cases[i].objective, cases[i].algorithm, cases[i].budget, cases[i].more);
		struct experiment *x = make_of(text);
		if (snapshot(x, buffer).foreseen != cases[i].foreseen)
			fail_msg("%s: foreseen is not %d", text, cases[i].foreseen);
		experiment_free(x);
	}
}

static void test_many_trials(void **state)
{
	struct experiment *x = make();

	(void)state;
	for (int i = 1; i <= 10000; i++)
		put(x, i, TRIAL_RUNNING, 0, NAN);
	for (int i = 1; i <= 10000; i++)
		put(x, i, TRIAL_SUCCEEDED, i, 1.0 / i);
	assert_int_equal(x->n_open, 0);
	assert_int_equal(x->n_ended, 10000);
	assert_int_equal(x->best, 10000);
	assert_null(experiment_trial(x, 10001));
	assert_null(experiment_trial(x, 0));
	experiment_free(x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows_in_any_order),
		cmocka_unit_test(test_goal_and_best),
		cmocka_unit_test(test_retries),
		cmocka_unit_test(test_start_failures),
		cmocka_unit_test(test_imports_cost_nothing),
		cmocka_unit_test(test_foreseen),
		cmocka_unit_test(test_many_trials),
	};
	return cmocka_run_group_tests_name("experiment", tests, NULL, NULL);
}
