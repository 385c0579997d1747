/* Whole experiments, driven to their end on a real database: budgets, intents, edits, endings. */
#include "tests/unit/control/rig.h"

#define SHORT ", \"seconds=0.01..0.03\""
#define LONG ", \"seconds=360000\""
#define PLAIN(trials, parallel) "{" OBJECTIVE SPACE RANDOM BUDGET(trials, parallel, "") SIMULATED(SHORT)
#define ENDLESS(trials, parallel, more) "{" OBJECTIVE SPACE RANDOM BUDGET(trials, parallel, more) SIMULATED(LONG)

static void assert_end(int64_t id, const char *state, const char *reason)
{
	assert_string_equal(ask_sql(id, EXPERIMENT("state")), state);
	assert_string_equal(ask_sql(id, EXPERIMENT("reason")), reason);
}

static void test_from_submission_to_best(void **state)
{
	(void)state;
	rig_begin();
	int64_t id = create("whole", PLAIN(20, 4));
	run_to_end(id);
	assert_end(id, "succeeded", "MaxTrialsReached");
	assert_string_equal(ask_sql(id, TRIALS("count(*) FILTER (WHERE state = 'succeeded')")), "20");
	assert_string_equal(ask_sql(id, TRIALS("max(number)")), "20");
	assert_string_equal(ask_sql(id, TRIALS("bool_and(started_at >= created_at AND finished_at >= started_at)")), "t");
	assert_string_equal(ask_sql(id, TRIALS("count(DISTINCT params::text)")), "20");
	assert_int_equal(R.peak, 4);
	struct strbuf text;
	strbuf_init(&text, 1 << 20);
	prom_write(R.prom, &text);
	assert_non_null(strstr(text.data, "trimtab_trials_finished_total{outcome=\"succeeded\"} 20\n"));
	assert_non_null(strstr(text.data, "trimtab_metric_points_total 20\n"));
	assert_non_null(strstr(text.data, "trimtab_leader 0\n"));
	strbuf_free(&text);
	rig_end();
}

static void test_the_budget_is_strict_whatever_fails(void **state)
{
	(void)state;
	rig_begin_as("rig", 40, 0);
	int64_t id = create("strict", "{" OBJECTIVE SPACE RANDOM BUDGET(200, 50, ", \"maxFailedTrials\": 200")
		"\"retry\": {\"onLost\": 2, \"onFailed\": 1},"
		SIMULATED(", \"seconds=0.01..0.05\", \"fail=0.2\", \"lose=0.2\""));
	run_to_end(id);
	assert_end(id, "succeeded", "MaxTrialsReached");
	assert_string_equal(ask_sql(id, TRIALS("count(*)")), "200");
	assert_string_equal(ask_sql(id, TRIALS("max(number)")), "200");
	assert_string_equal(ask_sql(id, TRIALS("bool_and(attempt <= 4)")), "t");
	assert_string_equal(ask_sql(id, TRIALS("count(*) > 20") " AND attempt > 1"), "t");
	assert_string_equal(ask_sql(id, TRIALS("count(*)") " AND state = 'lost' AND attempt < 3"), "0");
	assert_true(R.peak <= 50);
	rig_end();
}

static void test_pause_resume_stop_restart(void **state)
{
	(void)state;
	rig_begin();
	int64_t id = create("steered", "{" OBJECTIVE SPACE RANDOM BUDGET(1000, 4, "")
		SIMULATED(", \"seconds=0.05..0.1\""));
	WAIT(count_of(id, TRIAL_SUCCEEDED) > 0);
	intend("steered", STORE_PAUSE, NULL);
	WAIT(loaded_experiment(id)->state == EXPERIMENT_PAUSED && count_of(id, TRIAL_RUNNING) == 0 &&
		count_of(id, TRIAL_STARTING) == 0);
	int32_t done = count_of(id, TRIAL_SUCCEEDED);
	for (int i = 0; i < 20; i++)
		loop_pass(T.loop, false);
	assert_int_equal(count_of(id, TRIAL_RUNNING) + count_of(id, TRIAL_STARTING), 0);
	intend("steered", STORE_RESUME, NULL);
	WAIT(count_of(id, TRIAL_SUCCEEDED) > done);
	intend("steered", STORE_STOP, NULL);
	run_to_end(id);
	assert_end(id, "stopped", "UserStopped");
	assert_string_equal(ask_sql(id, TRIALS("count(*)") " AND state NOT IN ('succeeded', 'killed')"), "0");
	const int before = (int)strtol(ask_sql(id, TRIALS("count(*)")), NULL, 10);
	char spec[1200];
	snprintf(spec, sizeof spec, "{" OBJECTIVE SPACE RANDOM
		"\"budget\": {\"maxTrials\": %d, \"parallelTrials\": 8}," SIMULATED(SHORT), before + 10);
	intend("steered", STORE_RESTART, spec);
	run_to_end(id);
	assert_end(id, "succeeded", "MaxTrialsReached");
	assert_int_equal(strtol(ask_sql(id, TRIALS("count(*)")), NULL, 10), before + 10);
	rig_end();
}

static void test_cancel_kills(void **state)
{
	(void)state;
	rig_begin();
	int64_t id = create("cancelled", ENDLESS(10, 5, ""));
	WAIT(count_of(id, TRIAL_RUNNING) == 5);
	intend("cancelled", STORE_CANCEL, NULL);
	run_to_end(id);
	assert_end(id, "stopped", "UserCancelled");
	assert_string_equal(ask_sql(id, TRIALS("count(*)") " AND state = 'killed'"), "5");
	rig_end();
}

static void test_deleted_while_it_runs(void **state)
{
	(void)state;
	rig_begin();
	int64_t kept = create("archived", ENDLESS(10, 3, "")), gone = create("purged", ENDLESS(10, 3, ""));
	WAIT(count_of(kept, TRIAL_RUNNING) == 3 && count_of(gone, TRIAL_RUNNING) == 3);
	(void)ASK(store_experiments,
		store_experiment_purge(T.store, T.arena, "default", "purged", NULL, 0, on_experiments, NULL));
	(void)ASK(store_experiments, store_experiment_archive(T.store, T.arena, "default", "archived", 0, on_experiments, NULL));
	WAIT(!control_experiment(R.c, gone) && !control_experiment(R.c, kept));
	assert_string_equal(ask_sql(kept, TRIALS("count(*)") " AND state = 'killed'"), "3");
	struct run_capacity has;
	for (int i = 0; i < 20; i++)
		loop_pass(T.loop, false);
	run_capacity(R.simulated, &has);
	assert_int_equal(has.slots_used, 0);
	rig_end();
}

static void test_killed_one_by_one(void **state)
{
	(void)state;
	rig_begin();
	int64_t id = create("picked", ENDLESS(2, 2, ""));
	WAIT(count_of(id, TRIAL_RUNNING) == 2);
	for (int i = 1; i <= 2; i++) {
		const struct store_trial_ref ref = {.ns = "default", .experiment = "picked", .number = i};
		(void)ASK(store_trials, store_trial_kill(T.store, T.arena, &ref, "ana", on_trials, NULL));
	}
	run_to_end(id);
	assert_string_equal(ask_sql(id, TRIALS("count(*)") " AND state = 'killed' AND reason = 'UserKilled'"), "2");
	rig_end();
}

static void edit(const char *name, const char *spec)
{
	const struct store_experiment_patch patch = {.ns = "default", .name = name, .spec = spec, .spec_sha256 = spec};

	assert_int_equal(ASK(store_experiments,
		store_experiment_patch(T.store, T.arena, &patch, on_experiments, NULL))->items[0].outcome, STORE_DONE);
}

static void test_edited_while_it_runs(void **state)
{
	(void)state;
	rig_begin();
	int64_t id = create("edited", ENDLESS(100, 2, ""));
	WAIT(count_of(id, TRIAL_RUNNING) == 2);
	edit("edited", ENDLESS(6, 6, ""));
	WAIT(count_of(id, TRIAL_RUNNING) == 6);
	for (int i = 0; i < 20; i++)
		loop_pass(T.loop, false);
	assert_int_equal(loaded_experiment(id)->n_trials, 6);
	intend("edited", STORE_CANCEL, NULL);
	run_to_end(id);
	rig_end();
}

static void test_points_of_users(void **state)
{
	(void)state;
	rig_begin();
	int64_t id = create("guided", "{" OBJECTIVE SPACE RANDOM BUDGET(8, 2, "")
		"\"initialTrials\": [{\"parameters\": {\"x\": 1, \"y\": 2}}, {\"parameters\": {\"x\": 3, \"y\": 4}}],"
		SIMULATED(", \"seconds=0.02..0.05\""));
	WAIT(count_of(id, TRIAL_RUNNING) > 0);
	static const char *const wanted[] = {"{\"x\": 7, \"y\": 8}"};
	(void)ASK(store_trials,
		store_trials_enqueue(T.store, T.arena, "default", "guided", wanted, 1, 8, on_trials, NULL));
	static const struct store_imported old[] = {
		{.params = "{\"x\": 0, \"y\": 0}", .values = "{\"loss\": 0.5}", .state = TRIAL_SUCCEEDED, .reason = "Imported"},
		{.params = "{\"x\": 0, \"y\": 1}", .values = "{\"loss\": 0.6}", .state = TRIAL_SUCCEEDED, .reason = "Imported"}};
	(void)ASK(store_trials, store_trials_import(T.store, T.arena, "default", "guided", old, 2, on_trials, NULL));
	run_to_end(id);
	assert_end(id, "succeeded", "MaxTrialsReached");
	assert_string_equal(ask_sql(id, TRIALS("count(*)") " AND source <> 'import'"), "8");
	assert_string_equal(ask_sql(id, TRIALS("params->>'x'") " AND number = 1"), "1");
	assert_string_equal(ask_sql(id, TRIALS("params->>'x'") " AND number = 2"), "3");
	assert_string_equal(ask_sql(id, TRIALS("count(*)") " AND (params->>'x')::float8 = 7 AND state = 'succeeded'"), "1");
	rig_end();
}

static void test_goal(void **state)
{
	(void)state;
	rig_begin();
	int64_t id = create("goal", "{\"objectives\": [{\"metric\": \"loss\", \"direction\": \"minimize\", \"goal\": 1e9}],"
		SPACE RANDOM BUDGET(100, 3, "") SIMULATED(", \"seconds=0.01..5\""));
	run_to_end(id);
	assert_end(id, "succeeded", "GoalReached");
	assert_string_equal(ask_sql(id, TRIALS("count(*) <= 6")), "t");
	rig_end();
}

static void test_too_many_failures(void **state)
{
	(void)state;
	rig_begin();
	int64_t id = create("failing", "{" OBJECTIVE SPACE RANDOM BUDGET(100, 2, ", \"maxFailedTrials\": 4")
		SIMULATED(SHORT ", \"fail=1\""));
	run_to_end(id);
	assert_end(id, "failed", "MaxFailedTrials");
	assert_string_equal(ask_sql(id, TRIALS("count(*) BETWEEN 4 AND 6")), "t");
	rig_end();
}

static void test_orders_that_nobody_can_take(void **state)
{
	(void)state;
	rig_begin();
	int64_t id = create("nonsense", "{" OBJECTIVE SPACE RANDOM BUDGET(100, 2, "")
		"\"trial\": {\"executor\": \"simulated\", \"command\": [\"no-such-function\"]}}");
	run_to_end(id);
	assert_end(id, "failed", "StartFailures");
	int64_t idle = create("elsewhere", "{" OBJECTIVE SPACE RANDOM BUDGET(100, 2, "")
		"\"trial\": {\"executor\": \"local\", \"command\": [\"true\"]}}");
	WAIT(loaded_experiment(idle));
	assert_null(loaded_experiment(idle)->backend);
	for (int i = 0; i < 10; i++)
		loop_pass(T.loop, false);
	assert_int_equal(loaded_experiment(idle)->n_trials, 0);
	intend("elsewhere", STORE_CANCEL, NULL);
	run_to_end(idle);
	rig_end();
}

static void test_a_finite_grid(void **state)
{
	(void)state;
	rig_begin();
	int64_t id = create("grid", "{" OBJECTIVE
		"\"parameters\": {\"x\": {\"type\": \"int\", \"min\": 1, \"max\": 3},"
		" \"y\": {\"type\": \"categorical\", \"values\": [\"1\", \"2\"]}},"
		"\"algorithm\": {\"name\": \"grid\"}," BUDGET(100, 4, "") SIMULATED(SHORT));
	run_to_end(id);
	assert_end(id, "succeeded", "SearchSpaceExhausted");
	assert_string_equal(ask_sql(id, TRIALS("count(DISTINCT params::text)")), "6");
	assert_string_equal(ask_sql(id, TRIALS("count(*)")), "6");
	rig_end();
}

/* An hour passes in no time. The database's clock is the real one, and the virtual one begins with it. */
static void test_max_duration(void **state)
{
	(void)state;
	clk_set_virtual(CLK_SECOND, clk_wall_us());
	rig_begin();
	int64_t id = create("hour", "{" OBJECTIVE SPACE RANDOM BUDGET(100, 2, ", \"maxDuration\": \"1h\"") SIMULATED(LONG));
	WAIT(count_of(id, TRIAL_STARTING) + count_of(id, TRIAL_RUNNING) == 2);
	clk_advance(CLK_SECOND);
	WAIT(count_of(id, TRIAL_RUNNING) == 2);
	clk_advance(3590 * CLK_SECOND);
	for (int i = 0; i < 20; i++)
		loop_pass(T.loop, false);
	assert_int_equal(count_of(id, TRIAL_RUNNING), 2);
	for (int i = 0; i < 100 && control_experiment(R.c, id); i++) {
		clk_advance(CLK_SECOND);
		loop_pass(T.loop, true);
	}
	clk_set_real();
	run_to_end(id);
	assert_end(id, "succeeded", "MaxDuration");
	assert_string_equal(ask_sql(id, TRIALS("count(*)") " AND state = 'killed'"), "2");
	rig_end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_from_submission_to_best),
		cmocka_unit_test(test_the_budget_is_strict_whatever_fails),
		cmocka_unit_test(test_pause_resume_stop_restart),
		cmocka_unit_test(test_cancel_kills),
		cmocka_unit_test(test_deleted_while_it_runs),
		cmocka_unit_test(test_killed_one_by_one),
		cmocka_unit_test(test_edited_while_it_runs),
		cmocka_unit_test(test_points_of_users),
		cmocka_unit_test(test_goal),
		cmocka_unit_test(test_too_many_failures),
		cmocka_unit_test(test_orders_that_nobody_can_take),
		cmocka_unit_test(test_a_finite_grid),
		cmocka_unit_test(test_max_duration),
	};
	return cmocka_run_group_tests(tests, cluster_start, cluster_stop);
}
