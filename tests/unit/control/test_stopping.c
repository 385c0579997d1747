/* Live early stopping on a real database: what survives failed commits, other replicas, lost leases. */
#include "tests/unit/control/rig.h"

#include "server/control/stopping.h"
#include "server/store/store_observation.h"

#define MEDIAN "\"earlyStopping\": {\"name\": \"medianstop\", \"settings\": {\"start_step\": 2, \"min_trials_required\": 3}}"
#define JUDGED_WORKERS "{" OBJECTIVE SPACE RANDOM \
	"\"budget\": {\"maxTrials\": 9, \"parallelTrials\": 9}," MEDIAN "}"
#define CUT "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = 'trimtab'" \
	" AND pid <> pg_backend_pid()"
#define STOPS "count(*) FROM core.events WHERE experiment_id = $id AND reason = 'MedianStop'"
#define NOTES "count(*) FROM core.unjudged WHERE experiment_id = $id"

struct heard {
	unsigned answers;
	bool stop;
	char reason[32], message[STOP_MESSAGE_MAX];
	struct err err;
};

static void on_heard(void *ctx, const struct report_answer *a, const struct err *e)
{
	struct heard *h = ctx;

	h->answers++;
	if (e) {
		h->err = *e;
		return;
	}
	h->stop = a->stop;
	snprintf(h->reason, sizeof h->reason, "%s", a->reason);
	snprintf(h->message, sizeof h->message, "%s", a->message);
}

static struct heard report_to(struct control *c, int64_t id, int number, int64_t step, double value)
{
	const struct metric_point p = {
		.metric = "loss", .value = value, .step = step == STORE_NO_STEP ? 0 : step, .has_step = step != STORE_NO_STEP};
	struct heard h = {0};

	control_report(c, id, number, &p, 1, on_heard, &h);
	WAIT(h.answers == 1);
	return h;
}

static void on_asked(void *ctx, const struct ask_answer *a, const struct err *e)
{
	int *number = ctx;

	*number = !e && a->n > 0 ? a->trials[0].number : -1;
}

static int next_trial(int64_t id, const char *name)
{
	static unsigned n;
	char worker[16];
	int number = 0;

	snprintf(worker, sizeof worker, "w%u", n++);
	control_ask(R.c, id, "default", name, worker, 1, 600, on_asked, &number);
	WAIT(number != 0);
	assert_true(number > 0);
	return number;
}

/* Three trials that ran to their end: medians are about 1. */
static int64_t begin_judged(const char *name)
{
	int64_t id = create(name, JUDGED_WORKERS);

	WAIT(loaded_experiment(id));
	for (int i = 0; i < 3; i++) {
		int n = next_trial(id, name);
		for (int step = 0; step < 4; step++)
			assert_false(report_to(R.c, id, n, step, 1 + 0.1 * i - 0.01 * step).stop);
		const struct store_tell t = {.trial = {.ns = "default", .experiment = name, .number = n},
			.state = TRIAL_SUCCEEDED, .reason = "Completed"};
		control_wrote(R.c, ASK(store_trials, store_trial_tell(T.store, T.arena, &t, on_trials, NULL)));
	}
	return id;
}

static void finish(int64_t id, const char *name)
{
	intend(name, STORE_CANCEL, NULL);
	run_to_end(id);
	rig_end();
}

static const char *other_database(void)
{
	static char conninfo[600];

	snprintf(conninfo, sizeof conninfo, "%s dbname=postgres", T.conninfo);
	return conninfo;
}

static void test_a_commit_that_fails(void **state)
{
	(void)state;
	rig_begin_as("rig", 0, 200000);
	int64_t id = begin_judged("fails");
	int n = next_trial(id, "fails");
	assert_false(report_to(R.c, id, n, 0, 5).stop);
	sql(other_database(), "ALTER DATABASE trimtab ALLOW_CONNECTIONS false");
	sql(other_database(), CUT);
	WAIT(!store_ready(T.store));
	struct heard h = report_to(R.c, id, n, 1, 4.5);
	assert_int_equal(h.err.code, ERR_UNAVAILABLE);
	assert_false(loaded_experiment(id)->stopping->ready);
	/* Nobody waits for ever while nothing can be read. */
	assert_int_equal(report_to(R.c, id, n, 1, 4.5).err.code, ERR_UNAVAILABLE);
	sql(other_database(), "ALTER DATABASE trimtab ALLOW_CONNECTIONS true");
	WAIT(loaded_experiment(id)->stopping->ready);
	h = report_to(R.c, id, n, 1, 4.5);
	assert_true(h.stop);
	assert_string_equal(h.reason, "MedianStop");
	assert_string_equal(h.message, "loss 4.5 at step 1 is worse than the median 1.095 of 3 trials");
	assert_string_equal(experiment_trial(loaded_experiment(id), n)->stop, "MedianStop");
	assert_int_equal(ask_int(id, STOPS), 1);
	finish(id, "fails");
}

static void test_reports_at_another_replica(void **state)
{
	(void)state;
	rig_begin();
	int64_t id = begin_judged("remote");
	int n = next_trial(id, "remote");
	R.other = control_new(&(struct control_config){.loop = T.loop, .store = T.store, .workers = R.workers,
		.replica = "other", .base_url = "", .trial_key = "key", .trial_key_len = 3});
	assert_false(report_to(R.other, id, n, 0, 5).stop);
	WAIT(ask_int(id, NOTES) == 0);
	assert_int_equal(ask_int(id, STOPS), 0);
	assert_false(report_to(R.other, id, n, 1, 4.5).stop);
	WAIT(ask_int(id, STOPS) == 1);
	struct heard h = report_to(R.other, id, n, 2, 4.4);
	assert_true(h.stop);
	assert_string_equal(h.message, "loss 4.5 at step 1 is worse than the median 1.095 of 3 trials");
	WAIT(experiment_trial(loaded_experiment(id), n)->stop);
	/* The same point again is not judged again, wherever it comes. */
	int m = next_trial(id, "remote");
	assert_false(report_to(R.other, id, m, 0, 5).stop);
	WAIT(ask_int(id, NOTES) == 0);
	assert_false(report_to(R.c, id, m, 0, 5).stop);
	assert_true(report_to(R.c, id, m, 1, 5).stop);
	assert_int_equal(ask_int(id, STOPS), 2);
	finish(id, "remote");
}

static void test_points_without_a_step(void **state)
{
	(void)state;
	rig_begin();
	int64_t id = begin_judged("stepless");
	int n = next_trial(id, "stepless");
	for (int i = 0; i < 2; i++)
		assert_false(report_to(R.c, id, n, STORE_NO_STEP, 5).stop);
	WAIT(ask_int(id, STOPS) == 1);
	assert_true(report_to(R.c, id, n, STORE_NO_STEP, 5).stop);
	WAIT(ask_int(id, NOTES) == 0);
	finish(id, "stepless");
}

/* Curves that are longer than a page and than what is kept. */
static void test_memory_is_built_anew(void **state)
{
	(void)state;
	rig_begin();
	int64_t id = begin_judged("anew");
	int n = next_trial(id, "anew");
	(void)report_to(R.c, id, n, 0, 5);
	char fill[300];
	snprintf(fill, sizeof fill, "INSERT INTO core.observations SELECT %lld, t, 'loss', s, 1.0 / (1 + s), now() FROM "
		"generate_series(1, 3) t, generate_series(4, 4000) s", (long long)id);
	sql(T.conninfo, fill);
	sql(T.conninfo, "UPDATE core.progress SET epoch = epoch + 1, lease_until = now() - interval '1 s'");
	WAIT(!control_experiment(R.c, id) || control_experiment(R.c, id)->epoch > 1 || (control_changed(R.c, 0), false));
	WAIT(loaded_experiment(id) && loaded_experiment(id)->epoch > 1 && loaded_experiment(id)->stopping->ready);
	const struct stopping *s = loaded_experiment(id)->stopping;
	uint32_t kept;
	const struct algo_point *curve = stopper_curve(s->stopper, 1, &kept);
	assert_in_range(kept, 100, STOP_POINTS_MAX);
	assert_true(curve[kept - 1].step == 4000);
	(void)stopper_curve(s->stopper, (uint32_t)n, &kept);
	assert_int_equal(kept, 1);
	assert_true(report_to(R.c, id, n, 20, 4.5).stop);
	finish(id, "anew");
}

static void test_a_trial_that_comes_back(void **state)
{
	(void)state;
	rig_begin();
	int64_t id = begin_judged("back");
	int n = next_trial(id, "back");
	(void)report_to(R.c, id, n, 0, 5);
	assert_true(report_to(R.c, id, n, 1, 5).stop);
	const struct store_tell t = {.trial = {.ns = "default", .experiment = "back", .number = n},
		.state = TRIAL_EARLY_STOPPED, .reason = "", .message = ""};
	const struct store_trials *rows = ASK(store_trials, store_trial_tell(T.store, T.arena, &t, on_trials, NULL));
	control_wrote(R.c, rows);
	assert_string_equal(rows->items[0].reason, "MedianStop");
	assert_non_null(strstr(rows->items[0].message, "is worse than the median"));
	const struct store_trial_ref ref = {.ns = "default", .experiment = "back", .number = n};
	control_wrote(R.c, ASK(store_trials, store_trial_retry(T.store, T.arena, &ref, "ana", on_trials, NULL)));
	assert_null(experiment_trial(loaded_experiment(id), n)->stop);
	assert_int_equal(next_trial(id, "back"), n);
	assert_false(report_to(R.c, id, n, 0, 5).stop);
	assert_false(report_to(R.c, id, n, 1, 5).stop);
	assert_true(report_to(R.c, id, n, 2, 5).stop);
	/* An older row that comes late changes nothing. */
	struct store_trial old = rows->items[0];
	bool changed;
	struct trial *now = experiment_put(loaded_experiment(id), &old, &changed);
	assert_false(changed);
	assert_int_equal(now->attempt, 2);
	finish(id, "back");
}

static void test_simulated_trials(void **state)
{
	(void)state;
	rig_begin();
	int64_t id = create("simulated", "{" OBJECTIVE SPACE RANDOM BUDGET(40, 4, "") MEDIAN ","
		SIMULATED(", \"seconds=0.1..0.2\", \"steps=20\""));
	run_to_end(id);
	assert_string_equal(ask_sql(id, EXPERIMENT("reason")), "MaxTrialsReached");
	const int stopped = ask_int(id, TRIALS("count(*)") " AND state = 'early_stopped'");
	assert_in_range(stopped, 5, 36);
	assert_int_equal(ask_int(id, TRIALS("count(*)") " AND state = 'succeeded'"), 40 - stopped);
	assert_int_equal(ask_int(id, TRIALS("count(*)") " AND state = 'early_stopped' AND reason = 'MedianStop' AND cost IS NULL"
		" AND vals[1] IS NOT NULL AND message ~ 'worse than the median'"), stopped);
	/* The best of all is among those that ran to their end. */
	assert_string_equal(ask_sql(id, "(SELECT number FROM core.trials WHERE experiment_id = $id ORDER BY vals[1] LIMIT 1) = "
		"(SELECT number FROM core.best($id))"), "t");
	assert_int_equal(ask_int(id, NOTES), 0);
	struct strbuf text;
	char line[80];
	strbuf_init(&text, 1 << 20);
	prom_write(R.prom, &text);
	snprintf(line, sizeof line, "trimtab_trials_stopped_total{reason=\"MedianStop\"} %d\n", stopped);
	assert_non_null(strstr(text.data, line));
	assert_non_null(strstr(text.data, "trimtab_stopper_bytes 0\n"));
	strbuf_free(&text);
	rig_end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_commit_that_fails),
		cmocka_unit_test(test_reports_at_another_replica),
		cmocka_unit_test(test_points_without_a_step),
		cmocka_unit_test(test_memory_is_built_anew),
		cmocka_unit_test(test_a_trial_that_comes_back),
		cmocka_unit_test(test_simulated_trials),
	};

	return cmocka_run_group_tests(tests, cluster_start, cluster_stop);
}
