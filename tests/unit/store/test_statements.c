/* The contract of every store function, against a real database; every statement runs at least once. */
#include "tests/unit/store/cluster.h"

#include <math.h>

#include "server/model/names.h"
#include "server/store/store_auth.h"
#include "server/store/store_event.h"
#include "server/store/store_experiment.h"
#include "server/store/store_lease.h"
#include "server/store/store_observation.h"
#include "server/store/store_trial.h"

ON(store_experiments, experiments)
ON(store_trials, trials)
ON(store_leases, leases)
ON(store_acks, acks)
ON(store_series, series)
ON(store_last_steps, last_steps)
ON(store_events, events)
ON(store_asks, asks)
ON(store_tokens, tokens)
ON(store_answer, answer)
ON(store_totals, totals)

static void on_setting(void *ctx, const char *value, const struct err *e)
{
	(void)ctx;
	answered(value, e);
}

#define S T.store
#define A T.arena

static const struct store_new_objective objectives[] = {
	{.metric = "loss", .direction = "minimize", .strategy = "min", .goal = NAN},
	{.metric = "lat", .direction = "minimize", .strategy = "latest", .goal = 1},
	{.metric = "watched", .direction = "maximize", .strategy = "max", .goal = NAN, .additional = true},
};
static const struct store_new_parameter parameters[] = {
	{.name = "lr", .type = "double", .distribution = "logUniform", .lo = 1e-5, .hi = 0.1, .step = NAN},
	{.name = "optimizer",
		.type = "categorical",
		.distribution = "uniform",
		.lo = NAN,
		.hi = NAN,
		.step = NAN,
		.choices = "[\"sgd\", \"adam\"]"},
};

static struct store_new_experiment experiment(const char *name, size_t n_objectives)
{
	return (struct store_new_experiment){
		.ns = "default",
		.name = name,
		.labels = "{\"team\": \"a\"}",
		.form = "trimtab/v1",
		.posted = "posted",
		.spec = "{\"b\": 1, \"a\": 2}",
		.spec_sha256 = "0123",
		.algorithm = "random",
		.created_by = "ana",
		.objectives = objectives,
		.n_objectives = n_objectives,
		.parameters = parameters,
		.n_parameters = ARRAY_LEN(parameters),
	};
}

/* A fresh experiment that we own with epoch 1. */
static int64_t begin(const char *name, size_t n_objectives)
{
	struct store_new_experiment x = experiment(name, n_objectives);
	const struct store_experiments *e =
		ASK(store_experiments, store_experiment_create(S, A, &x, on_experiments, NULL));
	assert_int_equal(e->n, 1);
	assert_int_equal(e->items[0].outcome, STORE_DONE);
	int64_t id = e->items[0].id;
	const struct store_leases *l =
		ASK(store_leases, store_lease_claim(S, A, "test", INT64_C(60000000), NULL, 0, 100, on_leases, NULL));
	bool owned = false;
	for (size_t i = 0; i < l->n; i++)
		owned |= l->items[i].experiment == id;
	assert_true(owned);
	return id;
}

static int64_t epoch_of(int64_t id)
{
	return ASK(store_experiments, store_experiment_load(S, A, id, on_experiments, NULL))->items[0].epoch;
}

static const struct store_trials *add(
	int64_t id, int first, int n, enum trial_state state, const char *worker)
{
	struct store_new_trial trials[16];
	assert_true(n <= 16);
	for (int i = 0; i < n; i++) {
		trials[i] = (struct store_new_trial){.params = "{\"lr\": 1e-05, \"optimizer\": \"adam\"}",
			.budget = i == 0 ? "{\"steps\": 27}" : NULL,
			.source = STORE_FROM_ALGORITHM,
			.state = state,
			.worker = worker,
			.lease_seconds = 60};
	}
	return ASK(store_trials,
		store_trials_add(S, A, id, epoch_of(id), first, first + n - 1, trials, (size_t)n, on_trials, NULL));
}

static void report(int64_t id, int number, const char *metric, int64_t step, double value)
{
	struct store_point p = {.experiment = id,
		.number = number,
		.metric = metric,
		.step = step,
		.value = value,
		.time_us = INT64_C(1790000000123456)};
	const struct store_acks *a = ASK(store_acks, store_observations_add(S, A, &p, 1, on_acks, NULL));
	assert_int_equal(a->n, 1);
	assert_true(a->items[0].found);
}

static const struct store_trials *move(int64_t id, int number, enum trial_state to, const char *reason)
{
	struct store_trial_move m = {
		.number = number, .attempt = 1, .to = to, .reason = reason, .exit_code = STORE_NO_INT};
	return ASK(store_trials, store_trials_move(S, A, id, epoch_of(id), &m, 1, on_trials, NULL));
}

static const struct store_experiment *get(const char *name)
{
	const struct store_experiments *e =
		ASK(store_experiments, store_experiment_get(S, A, "default", name, on_experiments, NULL));
	return e->n > 0 ? e->items : NULL;
}

static void test_create_is_idempotent(void **state)
{
	(void)state;
	struct store_new_experiment x = experiment("create", 1);
	const struct store_experiment *e =
		ASK(store_experiments, store_experiment_create(S, A, &x, on_experiments, NULL))->items;
	assert_int_equal(e->outcome, STORE_DONE);
	assert_int_equal(e->state, EXPERIMENT_RUNNING);
	assert_int_equal(e->next_number, 1);
	assert_string_equal(e->spec, "{\"b\": 1, \"a\": 2}");
	assert_int_equal(strlen(e->uid), 36);
	int64_t id = e->id;
	WAIT(T.n_notified > 0);
	assert_int_equal(T.notified[0], id);

	e = ASK(store_experiments, store_experiment_create(S, A, &x, on_experiments, NULL))->items;
	assert_int_equal(e->outcome, STORE_SAME);
	assert_int_equal(e->id, id);
	x.spec_sha256 = "4567";
	e = ASK(store_experiments, store_experiment_create(S, A, &x, on_experiments, NULL))->items;
	assert_int_equal(e->outcome, STORE_DIFFERS);
	assert_string_equal(e->spec_sha256, "0123");
	assert_null(get("nowhere"));
}

static void test_pages_of_experiments(void **state)
{
	(void)state;
	static const char *const names[] = {"page-a", "page-b", "page-c"};
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		struct store_new_experiment x = experiment(names[i], 1);
		x.ns = "pages";
		x.labels = i == 1 ? "{\"odd\": \"yes\"}" : "{}";
		x.paused = i == 2;
		(void)ASK(store_experiments, store_experiment_create(S, A, &x, on_experiments, NULL));
	}
	static const struct {
		enum store_experiment_sort sort;
		const char *order[3];
	} sorts[] = {
		{STORE_NEWEST_FIRST, {"page-c", "page-b", "page-a"}},
		{STORE_OLDEST_FIRST, {"page-a", "page-b", "page-c"}},
		{STORE_BY_NAME, {"page-a", "page-b", "page-c"}},
		{STORE_BY_NAME_DOWN, {"page-c", "page-b", "page-a"}},
	};
	for (size_t i = 0; i < ARRAY_LEN(sorts); i++) {
		struct store_experiment_page q = {.ns = "pages", .state = -1, .sort = sorts[i].sort, .limit = 1};
		for (int k = 0; k < 3; k++) {
			const struct store_experiments *p =
				ASK(store_experiments, store_experiments_page(S, A, &q, on_experiments, NULL));
			assert_int_equal(p->n, 1);
			assert_string_equal(p->items[0].name, sorts[i].order[k]);
			assert_int_equal(p->remaining, 2 - k);
			q.after_id = p->items[0].id;
			q.after_created_us = p->items[0].created_us;
			q.after_ns = p->items[0].ns;
			q.after_name = p->items[0].name;
		}
		assert_int_equal(
			ASK(store_experiments, store_experiments_page(S, A, &q, on_experiments, NULL))->n, 0);
	}
	struct store_experiment_page q = {.labels = "{\"odd\": \"yes\"}", .state = -1, .limit = 10};
	assert_int_equal(ASK(store_experiments, store_experiments_page(S, A, &q, on_experiments, NULL))->n, 1);
	q = (struct store_experiment_page){
		.ns = "pages", .state = EXPERIMENT_PAUSED, .search = "ge-", .limit = 10};
	assert_int_equal(ASK(store_experiments, store_experiments_page(S, A, &q, on_experiments, NULL))->n, 1);
}

static void test_patch_and_versions(void **state)
{
	(void)state;
	begin("patch", 1);
	struct store_experiment_patch p = {.ns = "default",
		.name = "patch",
		.if_version = 1,
		.spec = "{\"n\": 1}",
		.spec_sha256 = "new",
		.labels = "{}"};
	const struct store_experiment *e =
		ASK(store_experiments, store_experiment_patch(S, A, &p, on_experiments, NULL))->items;
	assert_int_equal(e->outcome, STORE_DONE);
	assert_int_equal(e->version, 2);
	assert_string_equal(e->spec, "{\"n\": 1}");
	e = ASK(store_experiments, store_experiment_patch(S, A, &p, on_experiments, NULL))->items;
	assert_int_equal(e->outcome, STORE_STALE);
	assert_int_equal(e->version, 2);
	p = (struct store_experiment_patch){.ns = "default", .name = "no-such"};
	assert_int_equal(ASK(store_experiments, store_experiment_patch(S, A, &p, on_experiments, NULL))->n, 0);
}

static enum store_outcome intend(const char *name, enum store_intent intent)
{
	const struct store_experiments *e = ASK(store_experiments,
		store_experiment_intend(S, A, "default", name, intent, NULL, NULL, "ana", on_experiments, NULL));
	return e->n == 0 ? STORE_NOT_FOUND : e->items[0].outcome;
}

/* What users may ask for in which state, and that the loop's own moves agree with the model's table. */
static void test_intents_and_moves(void **state)
{
	(void)state;
	int64_t id = begin("intents", 1);
	assert_int_equal(intend("intents", STORE_PAUSE), STORE_DONE);
	assert_int_equal(intend("intents", STORE_PAUSE), STORE_SAME);
	assert_int_equal(intend("intents", STORE_RESUME), STORE_DONE);
	assert_int_equal(intend("intents", STORE_RESUME), STORE_SAME);
	assert_int_equal(intend("intents", STORE_STOP), STORE_DONE);
	assert_int_equal(intend("intents", STORE_STOP), STORE_SAME);
	assert_int_equal(intend("intents", STORE_PAUSE), STORE_WRONG_STATE);
	assert_int_equal(intend("intents", STORE_CANCEL), STORE_DONE);
	assert_int_equal(intend("intents", STORE_CANCEL), STORE_SAME);
	assert_true(get("intents")->cancelling);
	assert_string_equal(get("intents")->reason, "UserCancelled");
	assert_int_equal(intend("intents", STORE_RESTART), STORE_WRONG_STATE);

	struct store_experiment_move m = {.experiment = id,
		.epoch = epoch_of(id),
		.from = 1u << EXPERIMENT_STOPPING,
		.to = EXPERIMENT_STOPPED,
		.reason = "UserCancelled",
		.message = "done"};
	const struct store_experiments *e =
		ASK(store_experiments, store_experiment_move(S, A, &m, on_experiments, NULL));
	assert_int_equal(e->items[0].outcome, STORE_DONE);
	assert_int_equal(e->items[0].state, EXPERIMENT_STOPPED);
	assert_false(e->items[0].cancelling);
	assert_true(e->items[0].finished_us > 0);
	e = ASK(store_experiments, store_experiment_move(S, A, &m, on_experiments, NULL));
	assert_int_equal(e->items[0].outcome, STORE_WRONG_STATE);
	m.epoch--;
	assert_int_equal(ASK(store_experiments, store_experiment_move(S, A, &m, on_experiments, NULL))->n, 0);

	assert_int_equal(intend("intents", STORE_RESTART), STORE_DONE);
	assert_int_equal(get("intents")->state, EXPERIMENT_RUNNING);
	assert_int_equal(get("intents")->finished_us, 0);
	assert_int_equal(intend("no-such", STORE_STOP), STORE_NOT_FOUND);
}

static void test_archive_and_purge(void **state)
{
	(void)state;
	int64_t id = begin("gone", 1);
	add(id, 1, 1, TRIAL_RUNNING, "w");
	report(id, 1, "loss", 0, 1);
	const struct store_experiments *e =
		ASK(store_experiments, store_experiment_archive(S, A, "default", "gone", 99, on_experiments, NULL));
	assert_int_equal(e->items[0].outcome, STORE_STALE);
	e = ASK(store_experiments, store_experiment_archive(S, A, "default", "gone", 0, on_experiments, NULL));
	assert_int_equal(e->items[0].outcome, STORE_DONE);
	assert_int_equal(e->items[0].state, EXPERIMENT_STOPPING);
	assert_null(get("gone"));
	assert_int_equal(ASK(store_experiments, store_experiment_load(S, A, id, on_experiments, NULL))
						 ->items[0]
						 .counts[TRIAL_RUNNING],
		1);
	/* The name is free again, and the new one can go for good. */
	id = begin("gone", 1);
	add(id, 1, 1, TRIAL_RUNNING, "w");
	report(id, 1, "loss", 0, 1);
	e = ASK(store_experiments, store_experiment_purge(S, A, "default", "gone", 0, on_experiments, NULL));
	assert_int_equal(e->items[0].outcome, STORE_DONE);
	char query[128];
	snprintf(query, sizeof query, "SELECT count(*) FROM core.observations WHERE experiment_id = %d", (int)id);
	assert_string_equal(sql(T.conninfo, query), "0");
	assert_int_equal(
		ASK(store_experiments, store_experiment_purge(S, A, "default", "gone", 0, on_experiments, NULL))->n,
		0);
}

static void test_leases_fence(void **state)
{
	(void)state;
	int64_t id = begin("lease", 1);
	int64_t epoch = epoch_of(id);
	/* Held: nobody else gets it, and neither do we again if we say that we hold it. */
	const struct store_leases *l =
		ASK(store_leases, store_lease_claim(S, A, "other", 1000000, NULL, 0, 1000, on_leases, NULL));
	for (size_t i = 0; i < l->n; i++)
		assert_int_not_equal(l->items[i].experiment, id);
	l = ASK(store_leases, store_lease_claim(S, A, "test", 1000000, &id, 1, 1000, on_leases, NULL));
	for (size_t i = 0; i < l->n; i++)
		assert_int_not_equal(l->items[i].experiment, id);
	struct store_lease held = {.experiment = id, .epoch = epoch};
	assert_int_equal(
		ASK(store_leases, store_lease_renew(S, A, "test", 60000000, &held, 1, on_leases, NULL))->n, 1);

	/* Restarted under the same name: claimed at once, and the former epoch is fenced off. */
	l = ASK(store_leases, store_lease_claim(S, A, "test", 60000000, NULL, 0, 1000, on_leases, NULL));
	assert_true(l->n > 0);
	assert_int_equal(epoch_of(id), epoch + 1);
	assert_int_equal(
		ASK(store_leases, store_lease_renew(S, A, "test", 60000000, &held, 1, on_leases, NULL))->n, 0);
	struct store_new_trial t = {.params = "{}", .state = TRIAL_PENDING};
	const struct store_trials *rows =
		ASK(store_trials, store_trials_add(S, A, id, epoch, 1, 9, &t, 1, on_trials, NULL));
	assert_true(rows->found);
	assert_true(rows->fenced);
	assert_int_equal(rows->n, 0);

	held.epoch = epoch + 1;
	assert_int_equal(ASK_COUNT(store_lease_release(S, A, "test", &held, 1, on_count, NULL)), 1);
	l = ASK(store_leases, store_lease_claim(S, A, "other", 60000000, NULL, 0, 1000, on_leases, NULL));
	assert_true(l->n >= 1);
}

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

static void test_stop_and_acknowledgements(void **state)
{
	(void)state;
	int64_t id = begin("stop", 1);
	add(id, 1, 2, TRIAL_RUNNING, "w1");
	struct store_trial_stop s = {.number = 1, .reason = "MedianStop", .message = "worse than the median"};
	assert_int_equal(
		ASK(store_trials, store_trials_stop(S, A, id, epoch_of(id), &s, 1, on_trials, NULL))->n, 1);
	assert_int_equal(
		ASK(store_trials, store_trials_stop(S, A, id, epoch_of(id), &s, 1, on_trials, NULL))->n, 0);
	/* Twice the same key in one batch, a missing trial, two trials. */
	struct store_point p[] = {
		{id, 1, "loss", 0, 5, 1000000},
		{id, 2, "loss", 0, 6, 1000000},
		{id, 1, "loss", 0, 4, 1000000},
		{id, 77, "loss", 0, 6, 1000000},
	};
	const struct store_acks *a =
		ASK(store_acks, store_observations_add(S, A, p, ARRAY_LEN(p), on_acks, NULL));
	assert_int_equal(a->n, 3);
	for (size_t i = 0; i < a->n; i++) {
		const struct store_ack *k = &a->items[i];
		assert_int_equal(k->found, k->number != 77);
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
	assert_string_equal(
		sql(T.conninfo, "SELECT count(*) FROM core.trials WHERE name LIKE 'beat-%' AND lease_until > now()"),
		"1");
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
	q = (struct store_event_page){
		.ns = "default", .experiment = "events", .after_id = p->items[0].id, .limit = 9};
	p = ASK(store_events, store_events_page(S, A, &q, on_events, NULL));
	assert_int_equal(p->n, 2);
	assert_string_equal(p->items[0].reason, "One");
	q = (struct store_event_page){.ns = "default", .experiment = "events", .number = 8, .limit = 9};
	p = ASK(store_events, store_events_page(S, A, &q, on_events, NULL));
	assert_true(p->found && p->n == 0);
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

static void test_totals(void **state)
{
	(void)state;
	const struct store_totals *t = ASK(store_totals, store_totals(S, A, on_totals, NULL));
	assert_true(t->experiments[EXPERIMENT_RUNNING] > 5);
	assert_true(t->trials[TRIAL_SUCCEEDED] > 5);
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
		cmocka_unit_test(test_add_is_strict_and_repeatable),
		cmocka_unit_test(test_life_of_a_trial),
		cmocka_unit_test(test_edges_are_the_models),
		cmocka_unit_test(test_stop_and_acknowledgements),
		cmocka_unit_test(test_heartbeats_and_pushed),
		cmocka_unit_test(test_steps_are_counted),
		cmocka_unit_test(test_series_keep_the_extremes),
		cmocka_unit_test(test_pages_and_ranks),
		cmocka_unit_test(test_pareto_front),
		cmocka_unit_test(test_workers),
		cmocka_unit_test(test_users_trials),
		cmocka_unit_test(test_events),
		cmocka_unit_test(test_tokens_and_settings),
		cmocka_unit_test(test_idempotency),
		cmocka_unit_test(test_totals),
		cmocka_unit_test(test_every_statement_ran),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
