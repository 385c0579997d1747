/* The contract of every store function, against a real database; every statement runs at least once. */
#include "tests/unit/store/contract.h"
#include "tests/unit/store/contract_experiments.h"
#include "tests/unit/store/contract_judge.h"
#include "tests/unit/store/contract_search.h"
#include "tests/unit/store/contract_trials.h"

static void test_stop_and_acknowledgements(void **state)
{
	(void)state;
	int64_t id = begin("stop", 1);
	add(id, 1, 2, TRIAL_RUNNING, "w1");
	struct store_trial_stop s = {.number = 1, .reason = "MedianStop", .message = "worse than the median"};
	assert_int_equal(
		ASK(store_trials, store_trials_stop(S, A, id, epoch_of(id), &s, 1, NULL, 0, on_trials, NULL))->n, 1);
	assert_int_equal(
		ASK(store_trials, store_trials_stop(S, A, id, epoch_of(id), &s, 1, NULL, 0, on_trials, NULL))->n, 0);
	/* Twice the same key in one batch, a missing trial, two trials. */
	struct store_point p[] = {
		{id, 1, "loss", 0, 5, 1000000},
		{id, 2, "loss", 0, 6, 1000000},
		{id, 1, "loss", 0, 4, 1000000},
		{id, 77, "loss", 0, 6, 1000000},
	};
	const struct store_acks *a =
		ASK(store_acks, store_observations_add(S, A, p, ARRAY_LEN(p), on_acks, NULL));
	assert_int_equal(a->n, 2);
	for (size_t i = 0; i < a->n; i++) {
		const struct store_ack *k = &a->items[i];
		if (k->number == 1) {
			assert_string_equal(k->stop, "MedianStop");
			assert_string_equal(k->message, "worse than the median");
		} else {
			assert_null(k->stop);
		}
	}
	struct store_trial_ref ref = {.ns = "default", .experiment = "stop", .number = 1};
	const struct store_series *series =
		ASK(store_series, store_series(S, A, &ref, NULL, STORE_NO_STEP, 0, on_series, NULL));
	assert_int_equal(series->n, 1);
	assert_true(series->items[0].value == 4);
	assert_int_equal(series->items[0].time_us, 1000000);
	assert_int_equal(ASK(store_acks, store_observations_add(S, A, p, 0, on_acks, NULL))->n, 0);
	/* One trial alone: the last of a key counts, and its stop comes back; or it is missing. */
	struct store_point one[] = {
		{id, 1, "loss", 0, 3, 2000000}, {id, 1, "acc", 1, 8, 2000000}, {id, 1, "loss", 0, 2, 2000000}};
	a = ASK(store_acks, store_observations_add(S, A, one, 3, on_acks, NULL));
	assert_int_equal(a->n, 1);
	assert_int_equal(a->items[0].experiment, id);
	assert_string_equal(a->items[0].message, "worse than the median");
	series = ASK(store_series, store_series(S, A, &ref, NULL, STORE_NO_STEP, 0, on_series, NULL));
	assert_int_equal(series->n, 2);
	assert_true(series->items[1].value == 2);
	assert_int_equal(ASK(store_acks, store_observations_add(S, A, &p[3], 1, on_acks, NULL))->n, 0);
	assert_string_equal(sql(T.conninfo, "SELECT count(*) FROM core.observations WHERE number = 77"), "0");
}

static void test_heartbeats_and_pushed(void **state)
{
	(void)state;
	int64_t id = begin("beat", 1);
	add(id, 1, 2, TRIAL_RUNNING, "w1");
	sql(T.conninfo, "UPDATE core.trials SET lease_until = now() WHERE name LIKE 'beat-%'");
	struct store_point p = {.experiment = id, .number = 1};
	const struct store_acks *a = ASK(store_acks, store_observations_add(S, A, &p, 1, on_acks, NULL));
	assert_int_equal(a->n, 1);
	assert_int_equal(a->items[0].state, TRIAL_RUNNING);
	assert_false(a->items[0].pushed);
	assert_true(a->items[0].due);
	WAIT(*sql(T.conninfo, "SELECT count(*) FROM core.trials WHERE name LIKE 'beat-%' AND lease_until > now()") == '1');
	static const int numbers[] = {1, 2, 3};
	T.n_notified = 0;
	assert_int_equal(ASK_COUNT(store_trials_pushed(S, A, id, numbers, 3, on_count, NULL)), 2);
	assert_int_equal(ASK_COUNT(store_trials_pushed(S, A, id, numbers, 3, on_count, NULL)), 0);
	WAIT(T.n_notified > 0);
	a = ASK(store_acks, store_observations_add(S, A, &p, 1, on_acks, NULL));
	assert_true(a->items[0].pushed);
	/* Nobody waits for this one. */
	store_trials_pushed(S, NULL, id, numbers, 3, NULL, NULL);
	store_orphan(store_trials_load(S, A, id, 0, 0, 10, on_trials, NULL));
	assert_int_equal(ASK(store_trials, store_trials_load(S, A, id, 0, 0, 10, on_trials, NULL))->n, 2);
}

static void test_steps_are_counted(void **state)
{
	(void)state;
	int64_t id = begin("count", 1);
	add(id, 1, 1, TRIAL_RUNNING, "w1");
	struct store_point p[] = {
		{id, 1, "loss", STORE_NO_STEP, 5, 1},
		{id, 1, "loss", STORE_NO_STEP, 6, 1},
		{id, 1, "acc", STORE_NO_STEP, 7, 1},
		{id, 1, "acc", 10, 8, 1},
	};
	(void)ASK(store_acks, store_observations_add(S, A, p, 4, on_acks, NULL));
	(void)ASK(store_acks, store_observations_add(S, A, p, 3, on_acks, NULL));
	static const int one = 1;
	const struct store_last_steps *l =
		ASK(store_last_steps, store_last_steps(S, A, id, &one, 1, on_last_steps, NULL));
	assert_int_equal(l->n, 2);
	assert_string_equal(l->items[0].metric, "acc");
	assert_int_equal(l->items[0].step, 12);
	assert_int_equal(l->items[1].step, 3);
	assert_int_equal(l->items[1].points, 4);
	assert_true(l->items[1].value == 6);
}

static void test_series_keep_the_extremes(void **state)
{
	(void)state;
	enum { N = 1000 };
	int64_t id = begin("series", 1);
	add(id, 1, 2, TRIAL_RUNNING, "w1");
	struct store_point *p = ARENA_NEW_N(A, struct store_point, N);
	for (int i = 0; i < N; i++)
		p[i] = (struct store_point){id, 1, "loss", i, i == 333 ? -100 : i == 700 ? 100 : sin(i), 1};
	(void)ASK(store_acks, store_observations_add(S, A, p, N, on_acks, NULL));
	struct store_trial_ref ref = {.ns = "default", .experiment = "series", .number = 1};
	const struct store_series *s =
		ASK(store_series, store_series(S, A, &ref, "loss", STORE_NO_STEP, 50, on_series, NULL));
	assert_in_range(s->n, 25, 50);
	bool low = false, high = false;
	for (size_t i = 0; i < s->n; i++) {
		low |= s->items[i].value == -100;
		high |= s->items[i].value == 100;
		assert_int_equal(s->items[i].total, N);
		assert_true(i == 0 || s->items[i].step > s->items[i - 1].step);
	}
	assert_true(low && high);
	assert_int_equal(s->items[0].step, 0);
	assert_int_equal(s->items[s->n - 1].step, N - 1);
	s = ASK(store_series, store_series(S, A, &ref, "loss", 990, 0, on_series, NULL));
	assert_int_equal(s->n, 10);
	ref.number = 2;
	s = ASK(store_series, store_series(S, A, &ref, NULL, STORE_NO_STEP, 0, on_series, NULL));
	assert_true(s->found && s->n == 0);
	ref.number = 3;
	assert_false(ASK(store_series, store_series(S, A, &ref, NULL, STORE_NO_STEP, 0, on_series, NULL))->found);

	s = ASK(store_series, store_curves(S, A, "default", "series", "loss", NULL, 0, 5, 100, on_series, NULL));
	assert_true(s->n > 0 && s->items[0].number == 1);
	static const int two = 2;
	s = ASK(store_series, store_curves(S, A, "default", "series", "loss", &two, 1, 5, 100, on_series, NULL));
	assert_true(s->found && s->n == 0);
	s = ASK(store_series, store_observations_load(S, A, id, "loss", 0, STORE_NO_STEP, 600, on_series, NULL));
	assert_int_equal(s->n, 600);
	s = ASK(store_series, store_observations_load(S, A, id, "loss", 1, 599, 600, on_series, NULL));
	assert_int_equal(s->n, 400);
}

static void test_events(void **state)
{
	(void)state;
	int64_t id = begin("events", 1);
	struct store_event v[] = {
		{.experiment = id, .type = "Normal", .reason = "One", .message = "first"},
		{.experiment = id, .number = 7, .type = "Warning", .reason = "Two", .message = "second"},
		{.experiment = -1, .type = "Normal", .reason = "Orphan", .message = "its experiment is gone"},
	};
	assert_int_equal(ASK_COUNT(store_events_add(S, A, v, 3, on_count, NULL)), 2);
	struct store_event_page q = {.ns = "default", .experiment = "events", .limit = 2};
	const struct store_events *p = ASK(store_events, store_events_page(S, A, &q, on_events, NULL));
	assert_int_equal(p->n, 2);
	assert_string_equal(p->items[0].reason, "Two");
	q.before_id = p->items[1].id;
	p = ASK(store_events, store_events_page(S, A, &q, on_events, NULL));
	assert_string_equal(p->items[0].reason, "Created");
	p = ASK(store_events, store_events_since(S, A, id, p->items[0].id, 9, on_events, NULL));
	assert_int_equal(p->n, 2);
	assert_string_equal(p->items[0].reason, "One");
	q = (struct store_event_page){.ns = "default", .experiment = "events", .number = 8, .limit = 9};
	p = ASK(store_events, store_events_page(S, A, &q, on_events, NULL));
	assert_true(p->found && p->n == 0);
}

static void test_runs_that_nobody_needs(void **state)
{
	(void)state;
	int64_t id = begin("runs", 1);
	const char *uid = get("runs")->uid, *other = "00000000-0000-4000-8000-000000000000";
	add(id, 1, 3, TRIAL_RUNNING, "w1");
	(void)move(id, 2, TRIAL_FAILED, "Error");
	sql(T.conninfo, "UPDATE core.trials SET attempt = 2 WHERE name LIKE 'runs-%' AND number = 3");
	const struct store_run runs[] = {{id, uid, 1, 1, false}, {id, uid, 2, 1, true}, {id, uid, 3, 1, true},
		{id, uid, 9, 1, true}, {id, other, 1, 1, false}, {-1, uid, 1, 1, false}};
	const struct store_runs *rows =
		ASK(store_runs, store_runs_look(S, A, runs, ARRAY_LEN(runs), on_runs, NULL));
	assert_int_equal(rows->n, 4);
	for (size_t i = 0; i < 4; i++)
		for (size_t j = 0; j < 4; j++)
			if (rows->items[i].number == runs[j].number)
				assert_int_equal(rows->items[i].over, runs[j].over);
}

static bool is_live(const struct store_lives *rows, int64_t id)
{
	for (size_t i = 0; i < rows->n; i++)
		if (rows->items[i].id == id)
			return true;
	return false;
}

static void test_looks_at_what_is_live(void **state)
{
	(void)state;
	int64_t id = begin("watched", 1), over = begin("unwatched", 1);
	add(id, 1, 2, TRIAL_RUNNING, "w1");
	for (int step = 0; step < 4; step++)
		report(id, 1, "loss", step, step);
	report(id, 1, "acc", 0, 1);
	report(id, 2, "loss", 3, 3);
	sql(T.conninfo, "UPDATE core.experiments SET state = 'stopped', created_at = now() - interval '2 min' "
	                "WHERE name = 'unwatched'");
	static const char *const here[] = {"default"}, *const there[] = {"elsewhere"};
	struct store_live_query q = {.namespaces = here, .n_namespaces = 1};
	const struct store_lives *rows = ASK(store_lives, store_live_experiments(S, A, &q, on_lives, NULL));
	assert_true(is_live(rows, id) && !is_live(rows, over));
	q = (struct store_live_query){.namespaces = there, .n_namespaces = 1};
	assert_int_equal(ASK(store_lives, store_live_experiments(S, A, &q, on_lives, NULL))->n, 0);
	q = (struct store_live_query){.everywhere = true};
	assert_true(is_live(ASK(store_lives, store_live_experiments(S, A, &q, on_lives, NULL)), id));
	q = (struct store_live_query){.ids = &over, .n_ids = 1};
	rows = ASK(store_lives, store_live_experiments(S, A, &q, on_lives, NULL));
	assert_int_equal(rows->n, 1);
	assert_false(rows->items[0].fresh);
	assert_true(rows->items[0].last_event > 0);
	q.ids = &id;
	rows = ASK(store_lives, store_live_experiments(S, A, &q, on_lives, NULL));
	assert_true(rows->items[0].fresh && rows->items[0].change > 0);
	assert_int_equal(rows->items[0].counts[TRIAL_RUNNING], 2);
	assert_string_equal(rows->items[0].name, "watched");

	const char *known = "{\"1\": {\"loss\": 0, \"acc\": 0}}";
	const struct store_series *p =
		ASK(store_series, store_live_points(S, A, id, NULL, 0, known, 2, on_series, NULL));
	assert_int_equal(p->n, 3);
	assert_true(p->items[0].number == 1 && p->items[0].step == 2 && p->items[1].step == 3);
	assert_int_equal(p->items[2].number, 2);
	(void)move(id, 1, TRIAL_SUCCEEDED, "Completed");
	assert_int_equal(ASK(store_series, store_live_points(S, A, id, NULL, 0, "{}", 9, on_series, NULL))->n, 1);
	static const int ended[] = {1};
	assert_int_equal(
		ASK(store_series, store_live_points(S, A, id, ended, 1, "{}", 9, on_series, NULL))->n, 6);
}

static void test_tokens_and_settings(void **state)
{
	(void)state;
	struct store_token t = {.sha256 = "aa", .name = "ci", .ns = "*", .role = "editor"};
	assert_int_equal(ASK_OUTCOME(store_token_add(S, A, &t, on_outcome, NULL)), STORE_DONE);
	assert_int_equal(ASK_OUTCOME(store_token_add(S, A, &t, on_outcome, NULL)), STORE_DIFFERS);
	t = (struct store_token){
		.sha256 = "bb", .name = "old", .ns = "*", .role = "viewer", .expires_us = 1000000};
	assert_int_equal(ASK_OUTCOME(store_token_add(S, A, &t, on_outcome, NULL)), STORE_DONE);
	const struct store_tokens *rows = ASK(store_tokens, store_token_find(S, A, "aa", on_tokens, NULL));
	assert_int_equal(rows->n, 1);
	assert_string_equal(rows->items[0].role, "editor");
	assert_int_equal(ASK(store_tokens, store_token_find(S, A, "bb", on_tokens, NULL))->n, 0);
	assert_int_equal(ASK(store_tokens, store_tokens_list(S, A, on_tokens, NULL))->n, 2);
	assert_int_equal(ASK_OUTCOME(store_token_delete(S, A, "ci", on_outcome, NULL)), STORE_DONE);
	assert_int_equal(ASK_OUTCOME(store_token_delete(S, A, "ci", on_outcome, NULL)), STORE_NOT_FOUND);
	store_setting_get(S, A, "trial_token_key", on_setting, NULL);
	T.answers = 0;
	wait_answer("setting");
	assert_int_equal(strlen(T.rows), 64);
}

static void test_idempotency(void **state)
{
	(void)state;
	const struct store_answer *a =
		ASK(store_answer, store_idempotency_begin(S, A, "ana", "k", "x", on_answer, NULL));
	assert_int_equal(a->is, STORE_KEY_BEGUN);
	a = ASK(store_answer, store_idempotency_begin(S, A, "ana", "k", "x", on_answer, NULL));
	assert_int_equal(a->is, STORE_KEY_RUNNING);
	a = ASK(store_answer, store_idempotency_begin(S, A, "ana", "k", "y", on_answer, NULL));
	assert_int_equal(a->is, STORE_KEY_REUSED);
	assert_int_equal(ASK_OUTCOME(store_idempotency_abandon(S, A, "ana", "k", on_outcome, NULL)), STORE_DONE);
	a = ASK(store_answer, store_idempotency_begin(S, A, "ana", "k", "y", on_answer, NULL));
	assert_int_equal(a->is, STORE_KEY_BEGUN);
	(void)ASK_OUTCOME(
		store_idempotency_finish(S, A, "ana", "k", 201, "{\"ETag\": \"1\"}", "body", on_outcome, NULL));
	a = ASK(store_answer, store_idempotency_begin(S, A, "ana", "k", "y", on_answer, NULL));
	assert_int_equal(a->is, STORE_KEY_FINISHED);
	assert_int_equal(a->status, 201);
	assert_string_equal(a->body, "body");
	assert_int_equal(ASK_COUNT(store_idempotency_expire(S, A, INT64_C(60000000), on_count, NULL)), 0);
	assert_int_equal(ASK_COUNT(store_idempotency_expire(S, A, 0, on_count, NULL)), 1);
}

static size_t untold(const char *name)
{
	const struct store_experiments *x =
		ASK(store_experiments, store_experiments_untold(S, A, 100, on_experiments, NULL));
	size_t n = 0;
	for (size_t i = 0; i < x->n; i++)
		n += strcmp(x->items[i].name, name) == 0;
	return n;
}

/* Owed is an end that was asked for, until as many deliveries as web hooks are written down. */
static void test_untold_ends(void **state)
{
	(void)state;
	struct store_new_experiment x = experiment("hooked", 1);
	x.spec = "{\"notify\": [{\"url\": \"http://a/\", \"on\": [\"Stopped\", \"NewBest\"]},"
			 " {\"url\": \"http://b/\", \"on\": [\"Failed\"]}, {\"url\": \"http://c/\", \"on\": [\"Stopped\"]}]}";
	int64_t id =
		ASK(store_experiments, store_experiment_create(S, A, &x, on_experiments, NULL))->items[0].id;
	(void)ASK(store_leases,
		store_lease_claim(S, A, "test", INT64_C(60000000), NULL, 0, 100, on_leases, NULL));
	assert_int_equal(untold("hooked"), 0);
	struct store_experiment_move m = {.experiment = id,
		.epoch = epoch_of(id),
		.from = 1u << EXPERIMENT_RUNNING,
		.to = EXPERIMENT_STOPPED,
		.reason = "UserStopped",
		.message = "stopped"};
	(void)ASK(store_experiments, store_experiment_move(S, A, &m, on_experiments, NULL));
	static const char *const reasons[] = {"WebHookDelivered", "WebHookFailed"};
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(untold("hooked"), 1);
		struct store_event e = {.experiment = id, .type = "Normal", .reason = reasons[i], .message = ""};
		assert_int_equal(ASK_COUNT(store_events_add(S, A, &e, 1, on_count, NULL)), 1);
	}
	assert_int_equal(untold("hooked"), 0);
}

static void test_counts_are_true(void **state)
{
	(void)state;
	/* The trigger's counts are the truth. */
	assert_string_equal(
		sql(T.conninfo,
			"SELECT count(*) FROM core.progress p JOIN (SELECT experiment_id, count(*) FILTER (WHERE state = "
			"'succeeded') s,"
			" count(*) FILTER (WHERE state = 'running') r, count(*) FILTER (WHERE state = 'pending') n FROM "
			"core.trials GROUP BY 1)"
			" t USING (experiment_id) WHERE (p.succeeded, p.running, p.pending) <> (t.s, t.r, t.n)"),
		"0");
}

/* session_begin runs while a connection is prepared, before anything is counted. */
static void test_every_statement_ran(void **state)
{
	(void)state;
	for (unsigned i = 0; i < STMTS; i++) {
		if (store_executed(S, i) == 0 && i != STMT_SESSION_BEGIN)
			fail_msg("no test runs %s", stmt_table[i].name);
	}
}

static int setup(void **state)
{
	int rc = cluster_start(state);
	if (rc == 0)
		store_begin(3);
	return rc;
}

static int teardown(void **state)
{
	store_end();
	return cluster_stop(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_create_is_idempotent),
		cmocka_unit_test(test_pages_of_experiments),
		cmocka_unit_test(test_patch_and_versions),
		cmocka_unit_test(test_intents_and_moves),
		cmocka_unit_test(test_archive_and_purge),
		cmocka_unit_test(test_leases_fence),
		cmocka_unit_test(test_leases_wait_for_a_former_self),
		cmocka_unit_test(test_add_is_strict_and_repeatable),
		cmocka_unit_test(test_life_of_a_trial),
		cmocka_unit_test(test_edges_are_the_models),
		cmocka_unit_test(test_stop_and_acknowledgements),
		cmocka_unit_test(test_heartbeats_and_pushed),
		cmocka_unit_test(test_steps_are_counted),
		cmocka_unit_test(test_verdicts_come_with_their_points),
		cmocka_unit_test(test_a_stale_driver_decides_nothing),
		cmocka_unit_test(test_unjudged_points_are_kept),
		cmocka_unit_test(test_series_keep_the_extremes),
		cmocka_unit_test(test_pages_and_ranks),
		cmocka_unit_test(test_ranks_of_many_are_not_counted_again),
		cmocka_unit_test(test_pareto_front),
		cmocka_unit_test(test_workers),
		cmocka_unit_test(test_users_trials),
		cmocka_unit_test(test_said_twice_at_once),
		cmocka_unit_test(test_constraints_decide_who_is_ranked),
		cmocka_unit_test(test_lessons_are_copied),
		cmocka_unit_test(test_lessons_have_a_limit),
		cmocka_unit_test(test_results),
		cmocka_unit_test(test_rungs),
		cmocka_unit_test(test_events),
		cmocka_unit_test(test_looks_at_what_is_live),
		cmocka_unit_test(test_runs_that_nobody_needs),
		cmocka_unit_test(test_tokens_and_settings),
		cmocka_unit_test(test_idempotency),
		cmocka_unit_test(test_untold_ends),
		cmocka_unit_test(test_counts_are_true),
		cmocka_unit_test(test_every_statement_ran),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
