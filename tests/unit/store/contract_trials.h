/* Of the contract: trials, from both sides. */
#pragma once
#include "tests/unit/store/contract.h"

static void test_add_is_strict_and_repeatable(void **state)
{
	(void)state;
	int64_t id = begin("add", 1);
	const struct store_trials *rows = add(id, 1, 3, TRIAL_PENDING, NULL);
	assert_int_equal(rows->n, 3);
	assert_int_equal(rows->items[2].number, 3);
	assert_int_equal(rows->next_number, 4);
	assert_string_equal(rows->items[0].budget, "{\"steps\": 27}");
	assert_null(rows->items[1].budget);
	assert_int_equal(rows->items[0].exit_code, STORE_NO_INT);
	assert_true(isnan(rows->items[0].cost));
	char name[TRIAL_NAME_MAX];
	trial_name(name, "add", get("add")->uid, 3);
	rows = add(id, 4, 1, TRIAL_PENDING, NULL);
	rows = ASK(store_trials, store_trials_load(S, A, id, 0, 0, 100, on_trials, NULL));
	assert_int_equal(rows->n, 4);
	assert_string_equal(rows->items[2].name, name);
	/* The answer was lost and the call comes again: nothing is added. */
	rows = add(id, 1, 3, TRIAL_PENDING, NULL);
	assert_int_equal(rows->n, 0);
	assert_false(rows->fenced);
	assert_int_equal(rows->next_number, 5);
	/* The limit holds. */
	struct store_new_trial t[3] = {{.params = "{}"}, {.params = "{}"}, {.params = "{}"}};
	rows = ASK(store_trials, store_trials_add(S, A, id, 0, 5, 6, t, 3, on_trials, NULL));
	assert_int_equal(rows->n, 2);
	assert_int_equal(rows->next_number, 7);
	assert_int_equal(get("add")->counts[TRIAL_PENDING], 6);
}

static void test_life_of_a_trial(void **state)
{
	(void)state;
	int64_t id = begin("life", 3);
	add(id, 1, 4, TRIAL_PENDING, NULL);
	static const int numbers[] = {1, 2, 3, 9};
	const struct store_trials *rows =
		ASK(store_trials, store_trials_start(S, A, id, epoch_of(id), numbers, 4, "local", on_trials, NULL));
	assert_int_equal(rows->n, 3);
	assert_string_equal(rows->items[0].executor, "local");
	rows =
		ASK(store_trials, store_trials_start(S, A, id, epoch_of(id), numbers, 4, "local", on_trials, NULL));
	assert_int_equal(rows->n, 0);

	struct store_trial_move m = {
		.number = 1, .attempt = 1, .to = TRIAL_RUNNING, .object = "{\"pid\": 7}", .exit_code = STORE_NO_INT};
	rows = ASK(store_trials, store_trials_move(S, A, id, epoch_of(id), &m, 1, on_trials, NULL));
	assert_int_equal(rows->n, 1);
	assert_true(rows->items[0].started_us > 0);
	assert_string_equal(rows->items[0].object, "{\"pid\": 7}");
	m.attempt = 2;
	assert_int_equal(
		ASK(store_trials, store_trials_move(S, A, id, epoch_of(id), &m, 1, on_trials, NULL))->n, 0);

	report(id, 1, "loss", 0, 3);
	report(id, 1, "loss", 1, 0.1 + 0.2);
	report(id, 1, "loss", 2, NAN);
	report(id, 1, "lat", 0, 5);
	report(id, 1, "lat", 1, 7);
	report(id, 1, "watched", 0, 1);
	report(id, 1, "watched", 1, -1);
	report(id, 1, "other", 0, INFINITY);
	rows = move(id, 1, TRIAL_SUCCEEDED, "Completed");
	const struct store_trial *t = &rows->items[0];
	assert_int_equal(t->state, TRIAL_SUCCEEDED);
	assert_int_equal(t->vals.n, 2);
	assert_true(t->vals.v[0] == 0.1 + 0.2 && t->vals.v[1] == 7);
	assert_true(t->cost == 0.1 + 0.2);
	assert_string_equal(t->extra, "{\"other\": \"Infinity\", \"watched\": 1}");
	assert_int_equal(t->completion, 1);

	report(id, 2, "loss", 0, NAN);
	report(id, 2, "lat", 0, 1);
	t = move(id, 2, TRIAL_SUCCEEDED, "Completed")->items;
	assert_int_equal(t->state, TRIAL_FAILED);
	assert_string_equal(t->reason, "NonFiniteObjective");
	assert_true(isnan(t->vals.v[0]) && !t->vals.null[0] && isnan(t->cost));

	report(id, 3, "val-loss", 0, 1);
	report(id, 3, "lat", 0, 1);
	t = move(id, 3, TRIAL_SUCCEEDED, "Completed")->items;
	assert_int_equal(t->state, TRIAL_UNAVAILABLE);
	assert_string_equal(t->message, "saw metrics 'lat', 'val-loss'; expected 'loss'");
	assert_true(t->vals.null[0] && t->vals.v[1] == 1);
	assert_int_equal(move(id, 1, TRIAL_FAILED, "x")->n, 0);

	const struct store_experiment *e = get("life");
	assert_int_equal(e->counts[TRIAL_SUCCEEDED], 1);
	assert_int_equal(e->counts[TRIAL_FAILED], 1);
	assert_int_equal(e->counts[TRIAL_UNAVAILABLE], 1);
	assert_int_equal(e->counts[TRIAL_PENDING], 1);
	assert_int_equal(e->completions, 3);
	assert_int_equal(e->best_number, 1);
	assert_true(e->best_vals.v[0] == 0.1 + 0.2);

	m = (struct store_trial_move){.number = 4,
		.attempt = 1,
		.to = TRIAL_RUNNING,
		.exit_code = STORE_NO_INT,
		.worker = "w9",
		.lease_seconds = 30};
	t = ASK(store_trials, store_trials_move(S, A, id, epoch_of(id), &m, 1, on_trials, NULL))->items;
	assert_string_equal(t->worker, "w9");
	assert_string_equal(t->executor, "worker");
	assert_true(t->lease_until_us > 0);

	static const int again[] = {1, 2, 3, 4};
	rows =
		ASK(store_trials, store_trials_retry(S, A, id, epoch_of(id), again, 4, "lost node", on_trials, NULL));
	assert_int_equal(rows->n, 2);
	assert_int_equal(rows->items[0].attempt, 2);
	assert_int_equal(rows->items[0].completion, 0);
	assert_null(rows->items[0].vals.v);
}

/* core.trial_edge() against the model's table, both ways. */
static void test_edges_are_the_models(void **state)
{
	(void)state;
	for (unsigned from = 0; from < TRIAL_STATES; from++) {
		for (unsigned to = 0; to < TRIAL_STATES; to++) {
			const char *a = trial_state_name((enum trial_state)from),
					   *b = trial_state_name((enum trial_state)to);
			char query[128];
			snprintf(query, sizeof query, "SELECT core.trial_edge('%s', '%s')", a, b);
			bool stay = from == to && (from == TRIAL_STARTING || from == TRIAL_RUNNING);
			bool legal = stay || trial_edge_legal((enum trial_state)from, (enum trial_state)to);
			if ((*sql(T.conninfo, query) == 't') != legal)
				fail_msg("%s -> %s is %s in the model", a, b, legal ? "legal" : "illegal");
		}
	}
}

/* Trial n of 5 gets loss 5 - n, so that the last is the best; two tie. */
static void finish_five(int64_t id)
{
	static const double losses[] = {4, 3, 2, 2, 1};
	add(id, 1, 6, TRIAL_RUNNING, "w1");
	for (int n = 1; n <= 5; n++) {
		report(id, n, "loss", 0, losses[n - 1]);
		(void)move(id, n, TRIAL_SUCCEEDED, "Completed");
	}
}

static void test_pages_and_ranks(void **state)
{
	(void)state;
	int64_t id = begin("ranks", 1);
	finish_five(id);
	static const int ranks[] = {5, 4, 2, 2, 1, 0};
	struct store_trial_page q = {.ns = "default", .experiment = "ranks", .limit = 2};
	for (int first = 1; first <= 5; first += 2) {
		const struct store_trials *p = ASK(store_trials, store_trials_page(S, A, &q, on_trials, NULL));
		assert_int_equal(p->n, 2);
		assert_int_equal(p->remaining, 5 - first);
		for (int i = 0; i < 2; i++)
			assert_int_equal(p->items[i].rank, ranks[first - 1 + i]);
		assert_int_equal(p->items[0].last_step, 0);
		q.after_number = p->items[1].number;
	}
	q = (struct store_trial_page){.ns = "default", .experiment = "ranks", .sort = STORE_BY_RANK, .limit = 3};
	const struct store_trials *p = ASK(store_trials, store_trials_page(S, A, &q, on_trials, NULL));
	assert_string_equal(p->metrics, "[\"loss\"]");
	assert_string_equal(p->parameters, "[\"lr\", \"optimizer\"]");
	assert_int_equal(strlen(p->uid), 36);
	assert_int_equal(p->items[0].number, 5);
	assert_int_equal(p->items[1].number, 3);
	assert_int_equal(p->remaining, 2);
	q.after_cost = p->items[2].cost;
	q.after_number = p->items[2].number;
	p = ASK(store_trials, store_trials_page(S, A, &q, on_trials, NULL));
	assert_int_equal(p->n, 2);
	assert_int_equal(p->items[0].rank, 4);

	q = (struct store_trial_page){.ns = "default",
		.experiment = "ranks",
		.sort = STORE_BY_NUMBER_DOWN,
		.states = 1u << TRIAL_SUCCEEDED,
		.limit = 3};
	p = ASK(store_trials, store_trials_page(S, A, &q, on_trials, NULL));
	assert_int_equal(p->items[0].number, 5);
	assert_int_equal(p->remaining, 2);
	q = (struct store_trial_page){
		.ns = "default", .experiment = "ranks", .sort = STORE_BY_CHANGE, .limit = 100};
	p = ASK(store_trials, store_trials_page(S, A, &q, on_trials, NULL));
	assert_int_equal(p->n, 6);
	assert_int_equal(p->items[5].number, 5);
	q.after_change = p->items[5].change;
	q.after_number = p->items[5].number;
	p = ASK(store_trials, store_trials_page(S, A, &q, on_trials, NULL));
	assert_true(p->found && p->n == 0);
	q.experiment = "no-such";
	assert_false(ASK(store_trials, store_trials_page(S, A, &q, on_trials, NULL))->found);

	struct store_trial_ref ref = {.ns = "default", .experiment = "ranks", .number = 2};
	p = ASK(store_trials, store_trial_get(S, A, &ref, on_trials, NULL));
	assert_int_equal(p->items[0].rank, 4);
	ref = (struct store_trial_ref){.ns = "default", .experiment = "ranks", .name = p->items[0].name};
	p = ASK(store_trials, store_trial_get(S, A, &ref, on_trials, NULL));
	assert_int_equal(p->items[0].number, 2);
	ref.name = "nobody";
	p = ASK(store_trials, store_trial_get(S, A, &ref, on_trials, NULL));
	assert_true(p->found && p->n == 0);
	assert_int_equal(
		ASK(store_trials, store_pareto(S, A, "default", "ranks", 10, on_trials, NULL))->items[0].number, 5);
}

/* The ranks of a page in the middle, beside those that PostgreSQL gives to the whole. */
static void ranks_are_right(const char *experiment, int after)
{
	char query[400];
	snprintf(query, sizeof query,
		"SELECT string_agg(coalesce(r, 0)::text, ' ' ORDER BY number) FROM (SELECT number, "
		"CASE WHEN cost IS NOT NULL THEN rank() OVER (ORDER BY cost) END AS r FROM core.trials JOIN "
	    "core.experiments "
		"USING (experiment_id) WHERE experiments.name = '%s') t WHERE number BETWEEN %d AND %d",
		experiment, after + 1, after + 40);
	struct store_trial_page q = {
		.ns = "default", .experiment = experiment, .after_number = after, .limit = 40};
	const struct store_trials *p = ASK(store_trials, store_trials_page(S, A, &q, on_trials, NULL));
	char ranks[300] = "";
	for (size_t i = 0, n = 0; i < p->n; i++)
		n += (size_t)snprintf(ranks + n, sizeof ranks - n, "%s%d", i ? " " : "", p->items[i].rank);
	assert_string_equal(ranks, sql(T.conninfo, query));
}

/* Whoever asks for the page of a large experiment leaves its ranking counted for the next one. */
static void test_ranks_of_many_are_not_counted_again(void **state)
{
	(void)state;
	int64_t id = begin("many", 1);
	char query[600];
	snprintf(query, sizeof query,
		"INSERT INTO core.trials (experiment_id, number, name, state, params, cost, completion, change) "
		"SELECT %lld, n, 'many-' || n, 'succeeded', '{}', (n::bigint * 7919 %% 6007) / 2, n, 1 FROM "
	    "generate_series(1, 6000) n; "
		"UPDATE core.progress SET next_number = 6001, completions = 6000, change = 1 WHERE experiment_id = "
	    "%lld",
		(long long)id, (long long)id);
	sql(T.conninfo, query);
	ranks_are_right("many", 2000);
	while (strcmp(sql(T.conninfo, "SELECT count(*) FROM core.rankings"), "0") == 0)
		loop_pass(T.loop, true);
	ranks_are_right("many", 2000);
	/* Both in one transaction, whose own numbers these are. */
	snprintf(query, sizeof query,
		"SELECT count(*) FROM core.ranks(%lld, (SELECT array_agg(cost) FROM core.trials WHERE experiment_id "
	    "= %lld "
		"AND number BETWEEN 2001 AND 2100)); SELECT "
	    "pg_stat_get_xact_tuples_returned('core.trials_rank'::regclass)",
		(long long)id, (long long)id);
	const int64_t counted = strtoll(sql(T.conninfo, query), NULL, 10);
	if (counted < 1 || counted > 100 * 64)
		fail_msg("%lld index entries were counted for 100 ranks", (long long)counted);

	/* Those that end afterwards count, the best and the worst of all among them. */
	static const double losses[] = {-1, 1e9, 1500, 1500.25, 0};
	add(id, 6001, 5, TRIAL_RUNNING, "w1");
	for (int i = 0; i < 5; i++) {
		report(id, 6001 + i, "loss", 0, losses[i]);
		(void)move(id, 6001 + i, TRIAL_SUCCEEDED, "Completed");
	}
	ranks_are_right("many", 0);
	ranks_are_right("many", 5970);
	/* Somebody takes a ranked one out by SQL. */
	sql(T.conninfo, "UPDATE core.trials SET state = 'failed', cost = NULL WHERE name = 'many-5'");
	ranks_are_right("many", 0);
}

static void test_pareto_front(void **state)
{
	(void)state;
	int64_t id = begin("front", 2);
	static const struct {
		double loss, lat;
		bool front;
	} points[] = {
		{1, 9, true},
		{2, 5, true},
		{2, 6, false},
		{3, 5, false},
		{4, 1, true},
		{5, 5, false},
		{4, 1, true},
	};
	add(id, 1, (int)ARRAY_LEN(points), TRIAL_RUNNING, "w1");
	for (size_t i = 0; i < ARRAY_LEN(points); i++) {
		report(id, (int)i + 1, "loss", 0, points[i].loss);
		report(id, (int)i + 1, "lat", 0, points[i].lat);
		(void)move(id, (int)i + 1, TRIAL_SUCCEEDED, "Completed");
	}
	const struct store_trials *p =
		ASK(store_trials, store_pareto(S, A, "default", "front", 10, on_trials, NULL));
	assert_int_equal(p->n, 4);
	for (size_t i = 0; i < p->n; i++)
		assert_true(points[p->items[i].number - 1].front);
}

static enum store_outcome tell(const char *name, int number, enum trial_state s, const char *values)
{
	struct store_tell t = {
		.trial = {.ns = "default", .experiment = name, .number = number}, .state = s, .values = values};
	return ASK(store_trials, store_trial_tell(S, A, &t, on_trials, NULL))->items[0].outcome;
}

static void test_workers(void **state)
{
	(void)state;
	int64_t id = begin("worker", 1);
	assert_int_equal(
		ASK_OUTCOME(store_ask_add(S, A, "default", "worker", "w1", 2, 60, on_outcome, NULL)), STORE_DONE);
	assert_int_equal(ASK_OUTCOME(store_ask_add(S, A, "default", "no-such", "w1", 2, 60, on_outcome, NULL)),
		STORE_NOT_FOUND);
	const struct store_asks *asks = ASK(store_asks, store_asks_load(S, A, id, on_asks, NULL));
	assert_int_equal(asks->n, 1);
	assert_int_equal(asks->items[0].wanted, 2);
	assert_int_equal(ASK_COUNT(store_ask_done(S, A, id, "w1", on_count, NULL)), 1);

	add(id, 1, 4, TRIAL_RUNNING, "w1");
	const struct store_trials *rows =
		ASK(store_trials, store_worker_trials(S, A, "default", "worker", "w1", on_trials, NULL));
	assert_int_equal(rows->n, 4);
	assert_true(rows->items[0].lease_until_us > 0);
	assert_string_equal(rows->items[0].executor, "worker");

	assert_int_equal(tell("worker", 1, TRIAL_SUCCEEDED, "{\"loss\": 0.5, \"acc\": \"NaN\"}"), STORE_DONE);
	assert_int_equal(tell("worker", 1, TRIAL_SUCCEEDED, "{\"loss\": 0.5, \"acc\": \"NaN\"}"), STORE_SAME);
	assert_int_equal(tell("worker", 1, TRIAL_SUCCEEDED, "{\"loss\": 0.25}"), STORE_DIFFERS);
	assert_int_equal(tell("worker", 1, TRIAL_FAILED, NULL), STORE_DIFFERS);
	report(id, 2, "loss", 0, 0.75);
	assert_int_equal(tell("worker", 2, TRIAL_SUCCEEDED, NULL), STORE_DONE);
	assert_int_equal(tell("worker", 3, TRIAL_FAILED, NULL), STORE_DONE);

	struct store_trial_ref ref = {.ns = "default", .experiment = "worker", .number = 4};
	rows = ASK(store_trials, store_trial_touch(S, A, &ref, on_trials, NULL));
	assert_int_equal(rows->items[0].state, TRIAL_RUNNING);
	assert_int_equal(ASK(store_trials, store_trials_expire(S, A, id, epoch_of(id), on_trials, NULL))->n, 0);
	sql(T.conninfo, "UPDATE core.trials SET lease_until = now() - interval '1 s' WHERE state = 'running'");
	rows = ASK(store_trials, store_trials_expire(S, A, id, epoch_of(id), on_trials, NULL));
	assert_int_equal(rows->n, 1);
	assert_string_equal(rows->items[0].reason, "WorkerLost");
	/* It was only slow: what it tells late counts. */
	assert_int_equal(tell("worker", 4, TRIAL_SUCCEEDED, "{\"loss\": 0.1}"), STORE_DONE);
	assert_int_equal(get("worker")->best_number, 4);
	assert_int_equal(get("worker")->counts[TRIAL_LOST], 0);
}

static void test_users_trials(void **state)
{
	(void)state;
	begin("user", 1);
	static const char *const params[] = {"{\"lr\": 0.1}", "{\"lr\": 0.2}", "{\"lr\": 0.3}"};
	const struct store_trials *rows =
		ASK(store_trials, store_trials_enqueue(S, A, "default", "user", params, 3, 2, on_trials, NULL));
	assert_int_equal(rows->n, 2);
	assert_int_equal(rows->items[0].source, STORE_FROM_USER);
	assert_int_equal(
		ASK(store_trials, store_trials_enqueue(S, A, "default", "user", params, 3, 2, on_trials, NULL))->n,
		0);
	struct store_imported done[] = {
		{.params = "{\"lr\": 0.5}", .values = "{\"loss\": 0.5, \"acc\": 1}", .state = TRIAL_SUCCEEDED},
		{.params = "{\"lr\": 0.6}", .values = "{}", .state = TRIAL_SUCCEEDED},
		{.params = "{\"lr\": 0.7}",
			.values = "{}",
			.state = TRIAL_FAILED,
			.reason = "OOMKilled",
			.message = "big"},
	};
	rows = ASK(store_trials, store_trials_import(S, A, "default", "user", done, 3, on_trials, NULL));
	assert_int_equal(rows->n, 3);
	assert_int_equal(rows->items[0].number, 3);
	assert_int_equal(rows->items[0].state, TRIAL_SUCCEEDED);
	assert_int_equal(rows->items[1].state, TRIAL_UNAVAILABLE);
	assert_string_equal(rows->items[2].reason, "OOMKilled");
	assert_int_equal(rows->items[2].completion, 3);
	assert_int_equal(get("user")->imported, 3);
	/* Imported ones do not count: of three trials in all, one more may be enqueued. */
	assert_int_equal(
		ASK(store_trials, store_trials_enqueue(S, A, "default", "user", params, 3, 3, on_trials, NULL))->n,
		1);

	struct store_trial_ref ref = {.ns = "default", .experiment = "user", .number = 1};
	rows = ASK(store_trials, store_trial_kill(S, A, &ref, "ana", on_trials, NULL));
	assert_int_equal(rows->items[0].outcome, STORE_DONE);
	assert_int_equal(rows->items[0].state, TRIAL_KILLED);
	rows = ASK(store_trials, store_trial_kill(S, A, &ref, "ana", on_trials, NULL));
	assert_int_equal(rows->items[0].outcome, STORE_SAME);
	rows = ASK(store_trials, store_trial_retry(S, A, &ref, "ana", on_trials, NULL));
	assert_int_equal(rows->items[0].outcome, STORE_DONE);
	assert_int_equal(rows->items[0].attempt, 2);
	rows = ASK(store_trials, store_trial_retry(S, A, &ref, "ana", on_trials, NULL));
	assert_int_equal(rows->items[0].outcome, STORE_SAME);
	ref.number = 3;
	rows = ASK(store_trials, store_trial_retry(S, A, &ref, "ana", on_trials, NULL));
	assert_int_equal(rows->items[0].outcome, STORE_WRONG_STATE);
	rows = ASK(store_trials, store_trial_kill(S, A, &ref, "ana", on_trials, NULL));
	assert_int_equal(rows->items[0].outcome, STORE_WRONG_STATE);
}

/* ---- the same from two replicas at once ---------------------------------------------------------------- */

static struct { unsigned n; enum store_outcome outcomes[2]; enum trial_state states[2]; } both;

static void on_either(void *ctx, const struct store_trials *rows, const struct err *e)
{
	(void)ctx;
	if (e)
		fail_msg("%s", e->detail);
	both.outcomes[both.n] = rows->items[0].outcome;
	both.states[both.n++] = rows->items[0].state;
}

typedef void said_fn(struct store *s, const struct store_trial_ref *ref);

static void say_tell(struct store *s, const struct store_trial_ref *ref)
{
	store_trial_tell(s, A, &(struct store_tell){.trial = *ref, .state = TRIAL_SUCCEEDED, .values = "{\"loss\": 0.5}"},
		on_either, NULL);
}

static void say_kill(struct store *s, const struct store_trial_ref *ref)
{
	store_trial_kill(s, A, ref, "ana", on_either, NULL);
}

static void say_retry(struct store *s, const struct store_trial_ref *ref)
{
	store_trial_retry(s, A, ref, "ana", on_either, NULL);
}

/* Both have begun before either can do anything: the one that comes second sees the trial as it was. */
static void say_twice(struct store *other, int number, said_fn *say, enum trial_state becomes)
{
	struct store_trial_ref ref = {.ns = "default", .experiment = "twice", .number = number};
	PGconn *holder = PQconnectdb(T.conninfo);
	PQclear(PQexec(holder, "BEGIN; SELECT FROM core.progress p JOIN core.experiments e USING (experiment_id)"
						   " WHERE e.name = 'twice' FOR UPDATE OF p"));
	both.n = 0;
	say(S, &ref);
	say(other, &ref);
	WAIT(strcmp(sql(T.conninfo, "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"), "2") == 0);
	PQfinish(holder);
	WAIT(both.n == 2);
	assert_true(both.outcomes[0] == STORE_DONE || both.outcomes[1] == STORE_DONE);
	assert_true(both.outcomes[0] == STORE_SAME || both.outcomes[1] == STORE_SAME);
	assert_int_equal(both.states[0], becomes);
	assert_int_equal(both.states[1], becomes);
}

/* A server was killed, and what it had sent is still under way when another is sent the same. */
static void test_said_twice_at_once(void **state)
{
	(void)state;
	struct err e;
	int64_t id = begin("twice", 1);
	struct store *other = store_new(&(struct store_config){.loop = T.loop, .conninfo = T.conninfo, .connections = 1,
		.replica = "other", .notified = heard, .fatal = fatal}, &e);

	assert_non_null(other);
	WAIT(store_ready(other));
	add(id, 1, 2, TRIAL_RUNNING, "w1");
	add(id, 3, 1, TRIAL_PENDING, NULL);
	say_twice(other, 1, say_tell, TRIAL_SUCCEEDED);
	say_twice(other, 3, say_kill, TRIAL_KILLED);
	say_twice(other, 3, say_retry, TRIAL_PENDING);
	store_free(other);
	const char *completions = sql(T.conninfo, "SELECT string_agg(completion::text, ' ' ORDER BY number) FROM core.trials"
		" WHERE name LIKE 'twice-%'");
	assert_string_equal(completions, "1");
	assert_int_equal(get("twice")->completions, 2);
}
