/* What comes from outside while experiments run: reports, asks, broken databases, lost leases, hooks. */
#include "tests/unit/control/rig.h"

#define WORKERS(trials, parallel) "{" OBJECTIVE SPACE RANDOM \
	"\"budget\": {\"maxTrials\": " #trials ", \"parallelTrials\": " #parallel "}}"
#define STEADY(trials, parallel) "{" OBJECTIVE SPACE RANDOM BUDGET(trials, parallel, "") \
	"\"retry\": {\"onLost\": 3}," SIMULATED(", \"seconds=0.02..0.05\", \"steps=5\"")

/* ---- ask and tell ------------------------------------------------------------------------------ */

struct asked {
	unsigned answers;
	size_t n;
	int numbers[16];
	enum experiment_state state;
	int64_t retry_after_s;
	struct err err;
};

static void on_asked(void *ctx, const struct ask_answer *a, const struct err *e)
{
	struct asked *out = ctx;

	out->answers++;
	if (e) {
		out->err = *e;
		return;
	}
	out->n = a->n;
	out->state = a->state;
	out->retry_after_s = a->retry_after_s;
	for (size_t i = 0; i < a->n && i < ARRAY_LEN(out->numbers); i++)
		out->numbers[i] = a->trials[i].number;
}

static struct asked ask(int64_t id, const char *name, const char *worker, int32_t count)
{
	struct asked a = {0};

	control_ask(R.c, id, "default", name, worker, count, 60, on_asked, &a);
	WAIT(a.answers == 1);
	return a;
}

static void tell(const char *name, int number, const char *values)
{
	const struct store_tell t = {.trial = {.ns = "default", .experiment = name, .number = number},
		.state = TRIAL_SUCCEEDED, .values = values, .reason = "Completed"};

	(void)ASK(store_trials, store_trial_tell(T.store, T.arena, &t, on_trials, NULL));
}

static enum algo_outcome never(const struct algo_problem *p, const struct algo_history *h, struct algo_request *r)
{
	(void)p;
	(void)h;
	while (!algo_cancelled(r))
		usleep(1000);
	r->n_out = 0;
	return ALGO_CANCELLED;
}

static void test_an_algorithm_that_never_ends(void **state)
{
	static struct algorithm stuck;
	(void)state;
	rig_begin();
	R.c->config.suggest_us = 1;
	int64_t id = create("stuck", WORKERS(6, 4));
	WAIT(loaded_experiment(id));
	struct experiment_spec *spec = (struct experiment_spec *)(uintptr_t)loaded_experiment(id)->spec;
	stuck = *spec->algorithm.algorithm;
	stuck.suggest = never;
	stuck.cache_new = NULL;
	spec->algorithm.algorithm = &stuck;
	assert_int_equal(ask(id, "stuck", "a", 1).n, 0);
	run_to_end(id);
	assert_string_equal(ask_sql(id, EXPERIMENT("reason")), "AlgorithmError");
	assert_non_null(strstr(ask_sql(id, EXPERIMENT("message")), "it takes too long"));
	rig_end();
}

/* It gives one trial, and wants to know its result before the next. */
static struct { const struct algorithm *as; atomic_bool asked, told; } patience;

static enum algo_outcome patient(const struct algo_problem *p, const struct algo_history *h, struct algo_request *r)
{
	if (h->n_trials > 0 || h->n_pending == 0)
		return patience.as->suggest(p, h, r);
	atomic_store(&patience.asked, true);
	while (!atomic_load(&patience.told) && !algo_cancelled(r))
		usleep(1000);
	r->n_out = 0;
	return ALGO_WAIT;
}

/* The result that an algorithm waits for comes while it is being asked. */
static void test_a_result_while_it_is_asked(void **state)
{
	static struct algorithm slow;
	struct asked second = {0};
	(void)state;
	rig_begin();
	int64_t id = create("patient", WORKERS(2, 2));
	WAIT(loaded_experiment(id));
	struct experiment_spec *spec = (struct experiment_spec *)(uintptr_t)loaded_experiment(id)->spec;
	patience.as = spec->algorithm.algorithm;
	slow = *patience.as;
	slow.suggest = patient;
	slow.cache_new = NULL;
	spec->algorithm.algorithm = &slow;
	assert_int_equal(ask(id, "patient", "a", 1).n, 1);
	control_ask(R.c, id, "default", "patient", "b", 1, 60, on_asked, &second);
	WAIT(atomic_load(&patience.asked));
	tell("patient", 1, "{\"loss\": 1}");
	WAIT(count_of(id, TRIAL_SUCCEEDED) == 1);
	atomic_store(&patience.told, true);
	WAIT(second.answers == 1);
	assert_int_equal(second.n, 1);
	tell("patient", 2, "{\"loss\": 2}");
	run_to_end(id);
	rig_end();
}

static void test_workers(void **state)
{
	(void)state;
	rig_begin();
	int64_t id = create("asked", WORKERS(6, 4));
	WAIT(loaded_experiment(id));
	struct asked a = ask(id, "asked", "a", 2), b = ask(id, "asked", "b", 2);
	assert_int_equal(a.n, 2);
	assert_int_equal(b.n, 2);
	for (int i = 0; i < 4; i++)
		assert_true(a.numbers[i % 2] != b.numbers[i / 2]);
	/* A worker that comes back gets what it holds. */
	struct asked again = ask(id, "asked", "a", 2);
	assert_int_equal(again.n, 2);
	assert_int_equal(again.numbers[0], a.numbers[0]);
	for (int i = 0; i < 2; i++) {
		tell("asked", a.numbers[i], "{\"loss\": 1}");
		tell("asked", b.numbers[i], "{\"loss\": 2}");
	}
	WAIT(count_of(id, TRIAL_SUCCEEDED) == 4);
	struct asked rest = ask(id, "asked", "c", 16);
	assert_int_equal(rest.n, 2);
	/* The budget is spent: nothing to give, at once. */
	struct asked none = ask(id, "asked", "d", 1);
	assert_int_equal(none.n, 0);
	assert_true(none.retry_after_s > 0);
	for (int i = 0; i < 2; i++)
		tell("asked", rest.numbers[i], "{\"loss\": 0.5}");
	run_to_end(id);
	assert_int_equal(ask(id, "asked", "a", 1).state, EXPERIMENT_SUCCEEDED);
	assert_int_equal(ask(id, "no-such", "a", 1).err.code, ERR_NOT_FOUND);
	int64_t own = create("own", STEADY(1, 1));
	WAIT(loaded_experiment(own));
	struct asked wrong = {0};
	control_ask(R.c, own, "default", "own", "a", 1, 60, on_asked, &wrong);
	assert_int_equal(wrong.err.code, ERR_WRONG_STATE);
	run_to_end(own);
	rig_end();
}

static void test_a_silent_worker_loses_its_trial(void **state)
{
	(void)state;
	rig_begin();
	int64_t id = create("silent", WORKERS(2, 1));
	WAIT(loaded_experiment(id));
	struct asked a = ask(id, "silent", "a", 1);
	assert_int_equal(a.n, 1);
	sql(T.conninfo, "UPDATE core.trials SET lease_until = now() - interval '1 s' WHERE worker = 'a'");
	control_changed(R.c, id);
	loaded_experiment(id)->trials[0].lease_until_us = 1;
	WAIT(loaded_experiment(id)->trials[0].state != TRIAL_RUNNING);
	struct asked b = ask(id, "silent", "b", 1);
	assert_int_equal(b.n, 1);
	intend("silent", STORE_CANCEL, NULL);
	run_to_end(id);
	rig_end();
}

/* ---- reports ----------------------------------------------------------------------------------- */

struct reported {
	unsigned answers, stops;
	struct err err;
};

static void on_reported(void *ctx, const struct report_answer *a, const struct err *e)
{
	struct reported *r = ctx;

	r->answers++;
	if (e)
		r->err = *e;
	else
		r->stops += a->stop;
}

static void test_one_statement_for_all_of_a_pass(void **state)
{
	enum { N = 50 };
	struct metric_point points[N];
	struct reported r = {0};
	(void)state;
	rig_begin();
	int64_t id = create("grouped", WORKERS(2, 1));
	WAIT(loaded_experiment(id));
	int number = ask(id, "grouped", "a", 1).numbers[0];
	uint64_t before = store_executed(T.store, STMT_OBSERVATIONS_ADD_ONE);
	for (int i = 0; i < N; i++) {
		points[i] = (struct metric_point){.metric = "loss", .value = i, .step = i, .has_step = true};
		control_report(R.c, id, number, &points[i], 1, on_reported, &r);
	}
	WAIT(r.answers == N);
	assert_int_equal(r.err.code, ERR_OK);
	assert_int_equal(store_executed(T.store, STMT_OBSERVATIONS_ADD_ONE) - before, 1);
	assert_int_equal(ask_int(id, "count(*) FROM core.observations WHERE experiment_id = $id"), N);
	/* Asked to stop; over; not there. */
	const struct store_trial_ref ref = {.ns = "default", .experiment = "grouped", .number = number};
	(void)ASK(store_trials, store_trial_kill(T.store, T.arena, &ref, "ana", on_trials, NULL));
	control_report(R.c, id, number, points, 1, on_reported, &r);
	WAIT(r.answers == N + 1);
	assert_int_equal(r.stops, 1);
	control_report(R.c, id, 99, points, 1, on_reported, &r);
	WAIT(r.answers == N + 2);
	assert_int_equal(r.err.code, ERR_GONE);
	intend("grouped", STORE_CANCEL, NULL);
	run_to_end(id);
	rig_end();
}

static void test_too_much_waits(void **state)
{
	enum { N = 1000 };
	static struct metric_point points[N];
	struct reported r = {0};
	(void)state;
	rig_begin();
	for (int i = 0; i < N; i++)
		points[i] = (struct metric_point){.metric = "loss", .value = 1, .step = i, .has_step = true};
	for (int i = 0; i < 400; i++)
		control_report(R.c, 1, 1, points, N, on_reported, &r);
	assert_int_equal(r.answers, 0);
	control_report(R.c, 1, 1, points, 1, on_reported, &r);
	assert_int_equal(r.answers, 1);
	assert_int_equal(r.err.code, ERR_SLOW_DOWN);
	rig_end();
}

/* ---- the database goes and comes --------------------------------------------------------------- */

static const char *other_database(void)
{
	static char conninfo[600];

	snprintf(conninfo, sizeof conninfo, "%s dbname=postgres", T.conninfo);
	return conninfo;
}

#define CUT "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = 'trimtab'" \
	" AND pid <> pg_backend_pid()"

static void assert_all_there(int64_t id, int trials)
{
	assert_string_equal(ask_sql(id, EXPERIMENT("reason")), "MaxTrialsReached");
	assert_int_equal(ask_int(id, TRIALS("count(*)")), trials);
	assert_int_equal(ask_int(id, TRIALS("count(*)") " AND state = 'succeeded'"), trials);
	assert_int_equal(ask_int(id, "count(*) FROM core.observations WHERE experiment_id = $id"), 5 * trials);
}

static void test_connections_break(void **state)
{
	(void)state;
	rig_begin();
	int64_t id = create("cut", STEADY(60, 6));
	for (int done = 5; done < 60; done += 10) {
		WAIT(!control_experiment(R.c, id) || count_of(id, TRIAL_SUCCEEDED) >= done);
		sql(other_database(), CUT);
	}
	run_to_end(id);
	assert_all_there(id, 60);
	rig_end();
}

/* Longer than statements wait: they fail, and what backends told and collected is kept. */
static void test_the_database_is_away(void **state)
{
	(void)state;
	rig_begin_as("rig", 0, 200000);
	int64_t id = create("away", STEADY(20, 4));
	struct reported r = {0};
	const struct metric_point p = {.metric = "other", .value = 1, .step = 1, .has_step = true};
	WAIT(count_of(id, TRIAL_SUCCEEDED) >= 3);
	sql(other_database(), "ALTER DATABASE trimtab ALLOW_CONNECTIONS false");
	sql(other_database(), CUT);
	WAIT(!store_ready(T.store));
	control_report(R.c, id, 1, &p, 1, on_reported, &r);
	WAIT(r.answers == 1);
	assert_int_equal(r.err.code, ERR_UNAVAILABLE);
	sql(other_database(), "ALTER DATABASE trimtab ALLOW_CONNECTIONS true");
	run_to_end(id);
	assert_all_there(id, 20);
	rig_end();
}

static void test_a_lost_lease_writes_nothing(void **state)
{
	(void)state;
	rig_begin();
	int64_t id = create("taken", "{" OBJECTIVE SPACE RANDOM BUDGET(1000, 4, "") SIMULATED(", \"seconds=0.02..0.05\""));
	WAIT(count_of(id, TRIAL_SUCCEEDED) >= 3);
	sql(T.conninfo, "UPDATE core.progress SET epoch = epoch + 1, owner = 'other', lease_until = now() + interval '1 h'"
		" WHERE owner = 'rig'");
	char change[32];
	snprintf(change, sizeof change, "%s", ask_sql(id, "change FROM core.progress WHERE experiment_id = $id"));
	WAIT(!control_experiment(R.c, id));
	for (int i = 0; i < 50; i++)
		loop_pass(T.loop, false);
	assert_string_equal(ask_sql(id, "change FROM core.progress WHERE experiment_id = $id"), change);
	assert_null(control_experiment(R.c, id));
	sql(T.conninfo, "UPDATE core.progress SET lease_until = now() - interval '1 s' WHERE owner = 'other'");
	control_changed(R.c, 0);
	WAIT(loaded_experiment(id));
	intend("taken", STORE_CANCEL, NULL);
	run_to_end(id);
	rig_end();
}

static void count_up(void *ctx)
{
	++*(int *)ctx;
}

static void test_drained_and_taken_over(void **state)
{
	int drained = 0;
	(void)state;
	rig_begin();
	int64_t id = create("handed", "{" OBJECTIVE SPACE RANDOM BUDGET(12, 3, "") "\"retry\": {\"onLost\": 3},"
		SIMULATED(", \"seconds=0.2..0.3\""));
	WAIT(count_of(id, TRIAL_RUNNING) == 3);
	control_drain(R.c, count_up, &drained);
	WAIT(drained == 1);
	assert_string_equal(ask_sql(id, "lease_until IS NULL OR lease_until <= now() FROM core.progress"
		" WHERE experiment_id = $id"), "t");
	rig_end();
	rig_begin_as("next", 0, 0);
	run_to_end(id);
	assert_string_equal(ask_sql(id, EXPERIMENT("reason")), "MaxTrialsReached");
	assert_string_equal(ask_sql(id, TRIALS("count(*)") " AND state = 'succeeded'"), "12");
	assert_string_equal(ask_sql(id, TRIALS("count(*) BETWEEN 1 AND 3") " AND attempt = 2"), "t");
	rig_end();
}

/* ---- who listens ------------------------------------------------------------------------------- */

struct heard {
	bool ready;
	unsigned trial, best, experiment, metrics, event;
	int64_t last_event;
	char text[2000]; /* of the last one of each kind but metrics */
};

static void on_ready(void *ctx, const struct err *e)
{
	struct heard *h = ctx;

	assert_null(e);
	h->ready = true;
}

static void on_message(void *ctx, const struct bus_message *m)
{
	struct heard *h = ctx;

	h->trial += strcmp(m->kind, "trial") == 0;
	h->best += strcmp(m->kind, "best") == 0;
	h->experiment += strcmp(m->kind, "experiment") == 0;
	h->metrics += strcmp(m->kind, "metrics") == 0;
	h->event += strcmp(m->kind, "event") == 0;
	assert_int_equal(strcmp(m->kind, "event") == 0, m->event_id > 0);
	assert_true(m->event_id == 0 || m->event_id > h->last_event);
	h->last_event = m->event_id ? m->event_id : h->last_event;
	assert_memory_equal(m->experiment, "live", 4);
}

static const struct bus_listener listener = {.ready = on_ready, .message = on_message};

#define LIVE "{" OBJECTIVE SPACE RANDOM BUDGET(8, 1, "") SIMULATED(", \"seconds=0.3\", \"steps=3\"")

static void test_live(void **state)
{
	struct heard all = {0}, elsewhere = {0};
	(void)state;
	rig_begin();
	struct bus_subscription *a = bus_subscribe(R.c, NULL, 0, &listener, &all);
	struct bus_subscription *b = bus_subscribe(R.c, "elsewhere", 0, &listener, &elsewhere);
	WAIT(all.ready && elsewhere.ready);
	run_to_end(create("live", LIVE));
	/* A trial at least once: what changes between two looks is told together. */
	WAIT(all.trial >= 8 && all.metrics >= 8);
	WAIT(all.best >= 1 && all.experiment >= 2 && all.event >= 2);
	assert_int_equal(elsewhere.trial + elsewhere.metrics + elsewhere.experiment + elsewhere.event, 0);
	bus_unsubscribe(a);
	bus_unsubscribe(b);
	rig_end();
}

/* What another server does is told as well; what was before is not. */
static void test_live_of_another_server(void **state)
{
	struct heard late = {0};
	(void)state;
	rig_begin();
	int64_t id = create("live-there", LIVE);
	WAIT(loaded_experiment(id));
	WAIT(count_of(id, TRIAL_SUCCEEDED) == 1);
	R.other = control_new(&(struct control_config){.loop = T.loop,
		.store = T.store,
		.workers = R.workers,
		.replica = "other",
		.base_url = "",
		.trial_key = "key",
		.trial_key_len = 3});
	struct bus_subscription *s = bus_subscribe(R.other, NULL, id, &listener, &late);
	WAIT(late.ready);
	assert_int_equal(late.trial + late.event, 0);
	run_to_end(id);
	WAIT(late.trial >= 7 && late.metrics >= 6);
	WAIT(late.experiment >= 2 && late.event >= 1);
	bus_unsubscribe(s);
	rig_end();
}

static void on_found(void *ctx, int64_t id, const struct err *e)
{
	*(int64_t *)ctx = e ? -(int64_t)e->code : id;
}

static void test_names(void **state)
{
	int64_t found = 0;
	char longest[200];
	(void)state;
	rig_begin();
	int64_t id = create("named", WORKERS(2, 1));
	for (int i = 0; i < 2; i++) {
		found = 0;
		control_find(R.c, "default", "named", on_found, &found);
		WAIT(found != 0);
		assert_int_equal(found, id);
	}
	control_changed(R.c, id);
	found = 0;
	control_find(R.c, "default", "nobody", on_found, &found);
	WAIT(found != 0);
	assert_int_equal(found, -(int64_t)ERR_NOT_FOUND);
	memset(longest, 'a', sizeof longest - 1);
	longest[sizeof longest - 1] = 0;
	control_find(R.c, "default", longest, on_found, &found);
	assert_int_equal(found, -(int64_t)ERR_NOT_FOUND);
	intend("named", STORE_CANCEL, NULL);
	run_to_end(id);
	rig_end();
}

/* ---- web hooks --------------------------------------------------------------------------------- */

/* Five tries in a few minutes of virtual time, then a warning; the queue has an end. */
static void test_nobody_answers_the_hook(void **state)
{
	(void)state;
	rig_begin();
	int64_t id = create("hooked", "{" OBJECTIVE SPACE RANDOM
		"\"notify\": [{\"url\": \"http://127.0.0.1:1/secret-path\", \"on\": [\"Stopped\"], \"secret\": \"k\"}],"
		"\"budget\": {\"maxTrials\": 2, \"parallelTrials\": 1}}");
	WAIT(loaded_experiment(id));
	clk_set_virtual(clk_now_us(), clk_wall_us());
	intend("hooked", STORE_STOP, NULL);
	for (int i = 0; i < 2000 && (control_experiment(R.c, id) || courier_waiting(R.c->courier) > 0); i++) {
		clk_advance(CLK_SECOND / 4);
		loop_pass(T.loop, false);
		loop_pass(T.loop, i % 10 == 0);
	}
	assert_int_equal(courier_waiting(R.c->courier), 0);
	clk_set_real();
	WAIT(strcmp(ask_sql(id, "count(*) FROM core.events WHERE experiment_id = $id AND reason = 'WebHookFailed' AND"
		" type = 'Warning' AND message LIKE '%127.0.0.1:1%(5 tries)' AND message NOT LIKE '%secret%'"), "1") == 0);
	struct message m = {.experiment = id, .event = "NewBest", .id = "i", .url = "http://127.0.0.1:1/", .body = "{}"};
	for (int i = 0; i < 2000; i++)
		courier_take(R.c->courier, &m);
	size_t full = courier_waiting(R.c->courier);
	assert_true(full < 1000);
	m.end = true;
	courier_take(R.c->courier, &m);
	assert_int_equal(courier_waiting(R.c->courier), full + 1);
	rig_end();
}

/* What happened is told; what a server did not live to tell is told by the next, with the same id. */
static void test_news_and_debts(void **state)
{
	(void)state;
	rig_begin();
	int64_t id = create("news", "{" OBJECTIVE SPACE RANDOM
		"\"notify\": [{\"url\": \"http://127.0.0.1:1/\", \"on\": [\"Succeeded\", \"NewBest\", \"TrialFailed\"]},"
		" {\"url\": \"http://127.0.0.1:1/\", \"on\": [\"Failed\"]}]," BUDGET(20, 1, ", \"maxFailedTrials\": 20")
		"\"retry\": {\"onFailed\": 1}," SIMULATED(", \"seconds=0.001\", \"fail=0.7\""));
	run_to_end(id);
	/* The end, one best at least, and each trial that failed for good. */
	size_t failed = (size_t)ask_int(id, TRIALS("count(*)") " AND state = 'failed'");
	assert_true(failed > 0 && failed < 20);
	assert_true(courier_waiting(R.c->courier) >= failed + 2);
	assert_true(courier_waiting(R.c->courier) <= 21);
	rig_end();
	rig_begin_as("next", 0, 0);
	WAIT(courier_waiting(R.c->courier) == 1);
	rig_end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_an_algorithm_that_never_ends),
		cmocka_unit_test(test_a_result_while_it_is_asked),
		cmocka_unit_test(test_workers),
		cmocka_unit_test(test_a_silent_worker_loses_its_trial),
		cmocka_unit_test(test_one_statement_for_all_of_a_pass),
		cmocka_unit_test(test_too_much_waits),
		cmocka_unit_test(test_connections_break),
		cmocka_unit_test(test_the_database_is_away),
		cmocka_unit_test(test_a_lost_lease_writes_nothing),
		cmocka_unit_test(test_drained_and_taken_over),
		cmocka_unit_test(test_live),
		cmocka_unit_test(test_live_of_another_server),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_nobody_answers_the_hook),
		cmocka_unit_test(test_news_and_debts),
	};
	return cmocka_run_group_tests(tests, cluster_start, cluster_stop);
}
