/* Of the contract: experiments, intents, leases. */
#pragma once
#include "tests/unit/store/contract.h"

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
			q.after_us = p->items[0].created_us;
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
	/* The archived ones have a list of their own. */
	struct store_experiment_page q = {.search = "gone", .state = -1, .sort = STORE_ARCHIVED, .limit = 1};
	e = ASK(store_experiments, store_experiments_page(S, A, &q, on_experiments, NULL));
	assert_int_equal(e->n, 1);
	assert_int_equal(e->items[0].id, id);
	q.after_id = id;
	q.after_us = e->items[0].archived_us;
	assert_int_equal(ASK(store_experiments, store_experiments_page(S, A, &q, on_experiments, NULL))->n, 0);
	const char *uid = e->items[0].uid;
	/* The name is free again, and the new one can go for good; then the old one, by its uid. */
	id = begin("gone", 1);
	add(id, 1, 1, TRIAL_RUNNING, "w");
	report(id, 1, "loss", 0, 1);
	e = ASK(
		store_experiments, store_experiment_purge(S, A, "default", "gone", NULL, 0, on_experiments, NULL));
	assert_int_equal(e->items[0].outcome, STORE_DONE);
	char query[128];
	snprintf(query, sizeof query, "SELECT count(*) FROM core.observations WHERE experiment_id = %d", (int)id);
	WAIT(*sql(T.conninfo, query) == '0');
	WAIT(*sql(T.conninfo, "SELECT count(*) FROM core.purged") == '0');
	e = ASK(
		store_experiments, store_experiment_purge(S, A, "default", "other", uid, 0, on_experiments, NULL));
	assert_int_equal(e->n, 0);
	e = ASK(
		store_experiments, store_experiment_purge(S, A, "default", "gone", uid, 99, on_experiments, NULL));
	assert_int_equal(e->items[0].outcome, STORE_STALE);
	e = ASK(store_experiments, store_experiment_purge(S, A, "default", "gone", uid, 0, on_experiments, NULL));
	assert_string_equal(e->items[0].uid, uid);
	assert_int_equal(
		ASK(store_experiments, store_experiment_purge(S, A, "default", "gone", NULL, 0, on_experiments, NULL))
			->n,
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

static int64_t claimed_again;

static void on_claimed_again(void *ctx, const struct store_leases *rows, const struct err *e)
{
	const int64_t *id = ctx;

	if (e)
		fail_msg("%s", e->detail);
	claimed_again = 0;
	for (size_t i = 0; i < rows->n; i++)
		if (rows->items[i].experiment == *id)
			claimed_again = rows->items[i].epoch;
}

/* The server was killed, and a statement of it still changes what it drove. */
static void test_leases_wait_for_a_former_self(void **state)
{
	(void)state;
	int64_t id = begin("former", 1), epoch = epoch_of(id);
	PGconn *former = PQconnectdb(T.conninfo);

	PQclear(PQexec(former, "BEGIN; UPDATE core.progress p SET change = p.change + 1 FROM core.experiments e"
						   " WHERE e.experiment_id = p.experiment_id AND e.name = 'former'"));
	claimed_again = -1;
	store_lease_claim(S, A, "test", 60000000, NULL, 0, 1000, on_claimed_again, &id);
	WAIT(claimed_again >= 0 ||
		strcmp(sql(T.conninfo, "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"), "1") == 0);
	PQclear(PQexec(former, "COMMIT"));
	PQfinish(former);
	WAIT(claimed_again >= 0);
	assert_int_equal(claimed_again, epoch + 1);
	assert_int_equal(epoch_of(id), epoch + 1);
}
