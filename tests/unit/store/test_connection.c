/* Connections that break, servers that restart, two servers at once: every call is answered once, and
 * what was answered with success is there. */
#include "tests/unit/store/cluster.h"

#include <signal.h>
#include <sys/wait.h>

#include "lib/file.h"
#include "server/store/embedded_exec.h"
#include "server/store/pgconnect.h"
#include "server/store/pgerr.h"
#include "server/store/pgparams.h"
#include "server/store/store_auth.h"
#include "server/store/store_experiment.h"
#include "server/store/store_lease.h"
#include "server/store/store_observation.h"
#include "server/store/store_trial.h"

ON(store_experiments, experiments)
ON(store_trials, trials)
ON(store_leases, leases)

static int setup(void **state)
{
	(void)state;
	store_begin(2);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	store_end();
	return 0;
}

static int64_t begin(const char *name)
{
	static const struct store_new_objective loss = {
		.metric = "loss", .direction = "minimize", .strategy = "min"};
	struct store_new_experiment x = {.ns = "default",
		.name = name,
		.form = "trimtab/v1",
		.posted = "",
		.spec = "{}",
		.spec_sha256 = "0",
		.algorithm = "random",
		.objectives = &loss,
		.n_objectives = 1};
	int64_t id = ASK(store_experiments, store_experiment_create(T.store, T.arena, &x, on_experiments, NULL))
	                 ->items[0]
	                 .id;
	(void)ASK(
		store_leases, store_lease_claim(T.store, T.arena, "me", 60000000, NULL, 0, 100, on_leases, NULL));
	return id;
}

static int64_t epoch_of(int64_t id)
{
	return ASK(store_experiments, store_experiment_load(T.store, T.arena, id, on_experiments, NULL))
	    ->items[0]
	    .epoch;
}

static void kill_backend(int pid)
{
	char query[64];
	if (pid == 0)
		return;
	snprintf(query, sizeof query, "SELECT pg_terminate_backend(%d)", pid);
	sql(T.conninfo, query);
}

/* ---- lost connections -------------------------------------------------------------------------- */

enum { CALLS = 400 };
static struct {
	unsigned answers[CALLS], total, ok[CALLS];
	unsigned kill_every;
} torture;

static void count_answer(void *ctx, const struct err *e)
{
	size_t i = (size_t)(uintptr_t)ctx;
	torture.answers[i]++;
	torture.total++;
	torture.ok[i] = !e;
	if (e && e->code != ERR_UNAVAILABLE)
		fail_msg("%s", e->detail);
	if (torture.total % torture.kill_every == 0)
		kill_backend(store_backend_pid(T.store, torture.total / torture.kill_every % 3));
}

static void on_acks_count(void *ctx, const struct store_acks *rows, const struct err *e)
{
	(void)rows;
	count_answer(ctx, e);
}

static void on_experiments_count(void *ctx, const struct store_experiments *rows, const struct err *e)
{
	(void)rows;
	count_answer(ctx, e);
}

/* What was acknowledged is there. Points are sent again; patches may not be, and fail when nobody knows
 * whether they were made. */
static void test_backends_die(void **state)
{
	static const unsigned every[] = {7, 23, 61};
	(void)state;
	for (size_t round = 0; round < ARRAY_LEN(every); round++) {
		char name[32], query[200];
		snprintf(name, sizeof name, "torture-%zu", round);
		int64_t id = begin(name);
		struct store_new_trial t = {
			.params = "{}", .state = TRIAL_RUNNING, .worker = "w", .lease_seconds = 60};
		(void)ASK(store_trials, store_trials_add(T.store, T.arena, id, 0, 1, 1, &t, 1, on_trials, NULL));
		memset(&torture, 0, sizeof torture);
		torture.kill_every = every[round];
		for (size_t i = 0; i < CALLS; i++) {
			void *ctx = (void *)(uintptr_t)i;
			if (i % 4 == 3) {
				store_experiment_patch(T.store, NULL,
					&(struct store_experiment_patch){.ns = "default", .name = name}, on_experiments_count,
					ctx);
			} else {
				struct store_point p = {.experiment = id,
					.number = 1,
					.metric = "loss",
					.step = (int64_t)i,
					.value = 1,
					.time_us = 1};
				store_observations_add(T.store, NULL, &p, 1, on_acks_count, ctx);
			}
		}
		WAIT(torture.total == CALLS);
		unsigned points = 0, patches = 0, unknown = 0;
		for (size_t i = 0; i < CALLS; i++) {
			assert_int_equal(torture.answers[i], 1);
			if (i % 4 == 3) {
				patches += torture.ok[i];
				unknown += !torture.ok[i];
			} else {
				points += torture.ok[i];
			}
		}
		snprintf(
			query, sizeof query, "SELECT count(*) FROM core.observations WHERE experiment_id = %d", (int)id);
		assert_in_range(strtol(sql(T.conninfo, query), NULL, 10), points, CALLS * 3 / 4);
		/* Those that failed were sent, and cut off, five times. */
		assert_true(points > CALLS / 4);
		snprintf(query, sizeof query, "SELECT version - 1 FROM core.experiments WHERE experiment_id = %d",
			(int)id);
		assert_in_range(strtol(sql(T.conninfo, query), NULL, 10), patches, patches + unknown);
	}
	assert_true(store_stats(T.store).reconnects > 3);
}

/* A chain in which each link waits for the one before, cut after every third. */
static void test_a_chain_adds_each_trial_once(void **state)
{
	(void)state;
	int64_t id = begin("chain");
	for (int number = 1; number <= 30;) {
		struct store_new_trial t = {.params = "{}", .state = TRIAL_PENDING};
		store_trials_add(T.store, T.arena, id, 0, number, number, &t, 1, on_trials, NULL);
		T.answers = 0;
		if (number % 3 == 0)
			kill_backend(store_backend_pid(T.store, (unsigned)(number % 2)));
		WAIT(T.answers == 1);
		if (T.err.code != ERR_OK)
			continue;
		const struct store_trials *rows = T.rows;
		/* Nothing added: the lost answer was a success. */
		number = rows->next_number > number ? rows->next_number : number;
	}
	assert_string_equal(
		sql(T.conninfo,
			"SELECT count(*) || ' ' || count(DISTINCT number) || ' ' || max(number) FROM core.trials"
			" JOIN core.experiments e USING (experiment_id) WHERE e.name = 'chain'"),
		"30 30 30");
}

enum { LARGE = 1 << 20 };      /* more than libpq holds back: it is written, and fails, at once */

static void submit_to_the_dead(void *ctx, const struct store_acks *rows, const struct err *e)
{
	static char spec[LARGE];
	(void)rows;
	memset(spec, ' ', LARGE - 1);
	memcpy(spec, "{}", 2);
	for (unsigned k = 0; k < 2; k++) {
		int pid = store_backend_pid(T.store, k);
		char query[100];
		assert_true(pid > 0);
		snprintf(query, sizeof query, "SELECT pg_terminate_backend(%d, 10000)", pid);
		assert_string_equal(sql(T.conninfo, query), "t"); /* it has gone */
	}
	for (uintptr_t i = 1; i < 5; i++) {
		static const struct store_new_objective loss = {
			.metric = "loss", .direction = "minimize", .strategy = "min"};
		char name[20];
		snprintf(name, sizeof name, "large-%d", (int)i);
		store_experiment_create(T.store, NULL,
			&(struct store_new_experiment){.ns = "default",
				.name = name,
				.form = "trimtab/v1",
				.posted = "",
				.spec = spec,
				.spec_sha256 = "0",
				.algorithm = "random",
				.objectives = &loss,
				.n_objectives = 1},
			on_experiments_count, (void *)i);
	}
	count_answer(ctx, e);
}

/* While answers are read the next statement is sent, and that is how the loss is noticed. */
static void test_lost_while_answers_are_read(void **state)
{
	(void)state;
	struct store_point p = {
		.experiment = begin("lost"), .number = 1, .metric = "loss", .value = 1, .time_us = 1};
	WAIT(store_backend_pid(T.store, 0) > 0 && store_backend_pid(T.store, 1) > 0);
	memset(&torture, 0, sizeof torture);
	torture.kill_every = 1000;
	store_observations_add(T.store, NULL, &p, 1, submit_to_the_dead, NULL);
	WAIT(torture.total == 5);
	for (int i = 0; i < 5; i++)
		assert_int_equal(torture.answers[i], 1);
}

static void test_notifications_come_back(void **state)
{
	(void)state;
	kill_backend(store_backend_pid(T.store, 2));
	T.n_notified = 0;
	WAIT(T.n_notified == 1);
	assert_int_equal(T.notified[0], 0); /* look at everything */
	WAIT(store_backend_pid(T.store, 2) > 0);
	T.n_notified = 0;
	sql(T.conninfo, "SELECT pg_notify('trimtab', '4711')");
	sql(T.conninfo, "SELECT pg_notify('trimtab', 'nonsense')");
	sql(T.conninfo, "SELECT pg_notify('trimtab', '4712')");
	WAIT(T.n_notified == 2);
	assert_int_equal(T.notified[0], 4711);
	assert_int_equal(T.notified[1], 4712);
}

static void test_postgres_restarts(void **state)
{
	(void)state;
	char dir[80];
	struct err e;
	begin("restart");
	snprintf(dir, sizeof dir, "%s", embedded_dir(T.embedded));
	embedded_stop(T.embedded);
	WAIT(!store_ready(T.store));
	/* Asked for while it is away. */
	store_experiment_get(T.store, T.arena, "default", "restart", on_experiments, NULL);
	T.answers = 0;
	assert_true(loop_pass(T.loop, false));
	T.embedded = embedded_start(&(struct embedded_config){.dir = dir, .no_fsync = true}, &e);
	assert_non_null(T.embedded);
	wait_answer("a call from before the restart");
	assert_int_equal(((const struct store_experiments *)T.rows)->n, 1);
}

/* ---- no connection at all ---------------------------------------------------------------------- */

static struct store *nowhere(const char *conninfo, int64_t wait_us)
{
	struct err e;
	struct store *s = store_new(&(struct store_config){.loop = T.loop,
									.conninfo = conninfo,
									.connections = 1,
									.replica = "lost",
									.fatal = fatal,
									.wait_us = wait_us},
		&e);
	assert_non_null(s);
	return s;
}

static void test_an_absent_database(void **state)
{
	(void)state;
	struct store *s = nowhere("host=/nonexistent", 200000);
	store_experiment_get(s, T.arena, "default", "x", on_experiments, NULL);
	T.answers = 0;
	WAIT(T.answers == 1);
	assert_int_equal(T.err.code, ERR_UNAVAILABLE);
	assert_false(store_ready(s));
	store_free(s);
}

static void test_the_queue_is_bounded(void **state)
{
	(void)state;
	struct store *s = nowhere("host=/nonexistent", 0);
	T.answers = 0;
	for (int i = 0; i < 1025; i++)
		store_experiment_get(s, NULL, "default", "x", on_experiments, NULL);
	assert_int_equal(T.answers, 0);
	WAIT(T.answers == 1);
	assert_int_equal(T.err.code, ERR_SLOW_DOWN);
	assert_int_equal(store_stats(s).queued, 1024);
	store_orphan(store_experiment_get(s, NULL, "default", "x", on_experiments, NULL));
	store_free(s);
	assert_int_equal(T.answers, 1025);
	assert_int_equal(T.err.code, ERR_UNAVAILABLE);
}

static void test_a_wrong_address_is_said_at_once(void **state)
{
	(void)state;
	struct err e = {0};
	assert_null(store_new(&(struct store_config){.loop = T.loop, .conninfo = "no such thing"}, &e));
	assert_int_equal(e.code, ERR_INVALID);
	assert_false(migrate_run("host=/nonexistent", &e));
	assert_int_equal(e.code, ERR_UNAVAILABLE);
}

static void test_names_are_resolved_beside_the_loop(void **state)
{
	(void)state;
	struct pg_params p;
	struct err e;
	assert_true(pg_params_parse(&p, "host=/tmp,127.0.0.1,::1 port=1,2,3", "t", &e));
	assert_false(pg_params_need_resolving(&p));
	pg_params_free(&p);
	assert_true(pg_params_parse(&p, "host=/tmp,localhost port=5432,77 dbname=x", "t", &e));
	assert_true(pg_params_need_resolving(&p));
	assert_true(pg_params_resolve(&p, &e));
	if (strncmp(pg_params_get(&p, "hostaddr"), ",127.0.0.1", 10) != 0 &&
		strncmp(pg_params_get(&p, "hostaddr"), ",::1", 4) != 0)
		fail_msg("%s", pg_params_get(&p, "hostaddr"));
	assert_int_equal(strncmp(pg_params_get(&p, "port"), "5432,77", 7), 0);
	assert_string_equal(pg_params_get(&p, "client_encoding"), "UTF8");
	pg_params_free(&p);

	struct store *s = nowhere("host=no-such-host.invalid", 300000);
	store_experiment_get(s, NULL, "default", "x", on_experiments, NULL);
	T.answers = 0;
	WAIT(T.answers == 1);
	assert_int_equal(T.err.code, ERR_UNAVAILABLE);
	store_free(s);
}

/* ---- what errors mean -------------------------------------------------------------------------- */

static void test_sqlstates(void **state)
{
	static const struct {
		const char *state;
		enum err_code code;
		enum pg_retry retry;
	} rows[] = {
		{"23505", ERR_CONFLICT, PG_NO_RETRY},
		{"23503", ERR_NOT_FOUND, PG_NO_RETRY},
		{"40001", ERR_UNAVAILABLE, PG_RETRY},
		{"40P01", ERR_UNAVAILABLE, PG_RETRY},
		{"57014", ERR_TIMEOUT, PG_NO_RETRY},
		{"57P01", ERR_UNAVAILABLE, PG_RECONNECT},
		{"08006", ERR_UNAVAILABLE, PG_RECONNECT},
		{"53100", ERR_UNAVAILABLE, PG_NO_RETRY},
		{"42P01", ERR_INTERNAL, PG_NO_RETRY},
		{NULL, ERR_UNAVAILABLE, PG_RECONNECT},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct pg_state is = pg_sqlstate(rows[i].state);
		if (is.code != rows[i].code || is.retry != rows[i].retry)
			fail_msg("%s: code %d, retry %d", rows[i].state ? rows[i].state : "none", is.code, is.retry);
	}
}

/* Two connections write the same points, given in opposite orders: sorted by their keys, they never wait
 * for each other in a circle, so nothing is rolled back and sent again. */
static void test_deadlocks_do_not_happen(void **state)
{
	enum { N = 300 };
	struct store_point up[N], down[N];
	(void)state;
	sql(T.conninfo, "ALTER DATABASE trimtab SET deadlock_timeout = '10ms'");
	store_end();
	store_begin(2);
	int64_t id = begin("deadlock");
	struct store_new_trial t = {.params = "{}", .state = TRIAL_RUNNING, .worker = "w", .lease_seconds = 60};
	(void)ASK(store_trials, store_trials_add(T.store, T.arena, id, 0, 1, 1, &t, 1, on_trials, NULL));
	for (int i = 0; i < N; i++) {
		up[i] = (struct store_point){
			.experiment = id, .number = 1, .metric = "loss", .step = i, .value = 1, .time_us = 1};
		down[N - 1 - i] = up[i];
	}
	memset(&torture, 0, sizeof torture);
	torture.kill_every = 1000000;
	const uint64_t resent = store_stats(T.store).resent;
	for (size_t i = 0; i < 40; i++)
		store_observations_add(T.store, NULL, i % 2 ? up : down, N, on_acks_count, (void *)(uintptr_t)i);
	WAIT(torture.total == 40);
	for (size_t i = 0; i < 40; i++)
		assert_true(torture.ok[i]);
	assert_int_equal(store_stats(T.store).resent, resent);
}

static void test_a_schema_that_does_not_fit(void **state)
{
	(void)state;
	char conninfo[600];
	struct err e;
	sql(T.conninfo, "CREATE DATABASE bent");
	snprintf(conninfo, sizeof conninfo, "%s dbname=bent", T.conninfo);
	assert_true(migrate_run(conninfo, &e));
	sql(conninfo, "ALTER TABLE core.settings ALTER COLUMN value TYPE varchar(99)");
	T.fatal = (struct err){0};
	struct store *s = nowhere(conninfo, 0);
	WAIT(T.fatal.code != ERR_OK);
	if (!strstr(T.fatal.detail, "setting_get"))
		fail_msg("%s", T.fatal.detail);
	store_free(s);
}

/* ---- two at once ------------------------------------------------------------------------------- */

static void test_two_servers_race(void **state)
{
	(void)state;
	struct err e;
	int64_t id = begin("race");
	struct store *other = store_new(
		&(struct store_config){
			.loop = T.loop, .conninfo = T.conninfo, .connections = 1, .replica = "other", .fatal = fatal},
		&e);
	WAIT(store_ready(other));
	struct store_new_trial t[3] = {{.params = "{}"}, {.params = "{}"}, {.params = "{}"}};
	for (int round = 0; round < 20; round++) {
		store_trials_add(T.store, T.arena, id, 0, 3 * round + 1, 1000, t, 3, on_trials, NULL);
		store_trials_add(other, T.arena, id, 0, 3 * round + 1, 1000, t, 3, on_trials, NULL);
		T.answers = 0;
		WAIT(T.answers == 2);
	}
	assert_string_equal(sql(T.conninfo, "SELECT count(*) || ' ' || max(number) FROM core.trials JOIN "
	                                    "core.experiments e USING (experiment_id)"
										" WHERE e.name = 'race'"),
		"60 60");
	/* The budget: 70 in all, asked for by both at once. */
	static const char *const params[] = {"{}", "{}", "{}", "{}", "{}", "{}", "{}"};
	store_trials_enqueue(T.store, T.arena, "default", "race", params, 7, 70, on_trials, NULL);
	store_trials_enqueue(other, T.arena, "default", "race", params, 7, 70, on_trials, NULL);
	T.answers = 0;
	WAIT(T.answers == 2);
	assert_string_equal(
		sql(T.conninfo, "SELECT max(number) FROM core.trials JOIN core.experiments e USING (experiment_id)"
						" WHERE e.name = 'race'"),
		"70");

	/* The other takes the lease over: the former owner, who has not noticed, changes nothing. */
	int64_t epoch = epoch_of(id);
	sql(T.conninfo, "UPDATE core.progress SET lease_until = now() - interval '1 s'");
	const struct store_leases *l = ASK(
		store_leases, store_lease_claim(other, T.arena, "other", 60000000, NULL, 0, 100, on_leases, NULL));
	assert_true(l->n >= 1);
	static const int one = 1;
	const struct store_trials *rows =
		ASK(store_trials, store_trials_start(T.store, T.arena, id, epoch, &one, 1, "local", on_trials, NULL));
	assert_true(rows->fenced && rows->n == 0);
	rows = ASK(
		store_trials, store_trials_start(other, T.arena, id, epoch + 1, &one, 1, "local", on_trials, NULL));
	assert_true(!rows->fenced && rows->n == 1);
	store_free(other);
}

/* ---- behind a pooler --------------------------------------------------------------------------- */

static void test_pgbouncer_in_session_mode(void **state)
{
	(void)state;
	static const char program[] = "/usr/sbin/pgbouncer";
	char dir[96], config[160], text[1024], socket[512], conninfo[256];
	struct err e;
	if (access(program, X_OK) != 0)
		skip();
	PQconninfoOption *o = PQconninfoParse(T.conninfo, NULL);
	for (PQconninfoOption *i = o; i->keyword; i++) {
		if (strcmp(i->keyword, "host") == 0)
			snprintf(socket, sizeof socket, "%s", i->val);
	}
	PQconninfoFree(o);
	struct embedded_user user = embedded_user_find();
	snprintf(dir, sizeof dir, "%s/bouncer", T.dir);
	assert_int_equal(mkdir(dir, 0700), 0);
	assert_true(!user.change || chown(dir, user.uid, user.gid) == 0);
	snprintf(config, sizeof config, "%s/bouncer.ini", T.dir);
	int n = snprintf(text, sizeof text,
		"[databases]\ntrimtab = host=%s port=5432 dbname=trimtab user=trimtab\n"
		"[pgbouncer]\nlisten_addr =\nunix_socket_dir = %s\nlisten_port = 6432\nauth_type = any\npool_mode = "
	    "session\n",
		socket, dir);
	assert_true(file_write(config, text, (size_t)n, 0644, &e));
	const char *argv[] = {program, config, NULL};
	char log[160];
	snprintf(log, sizeof log, "%s/bouncer.log", T.dir);
	pid_t pid = embedded_spawn(argv, &user, log, &e);
	assert_true(pid > 0);

	snprintf(conninfo, sizeof conninfo, "host=%s port=6432 dbname=trimtab user=trimtab", dir);
	struct store *s = store_new(&(struct store_config){.loop = T.loop,
									.conninfo = conninfo,
									.connections = 2,
									.replica = "pooled",
									.notified = heard,
									.fatal = fatal,
									.wait_us = 15000000},
		&e);
	T.n_notified = 0;
	T.fatal = (struct err){0};
	const struct store_experiments *rows =
		ASK(store_experiments, store_experiment_get(s, T.arena, "default", "race", on_experiments, NULL));
	assert_int_equal(rows->n, 1);
	WAIT(T.n_notified > 0);
	T.n_notified = 0;
	sql(T.conninfo, "SELECT pg_notify('trimtab', '99')");
	WAIT(T.n_notified > 0);
	assert_int_equal(T.notified[0], 99);
	assert_int_equal(T.fatal.code, ERR_OK);
	store_free(s);
	kill(pid, SIGTERM);
	(void)waitpid(pid, NULL, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sqlstates),
		cmocka_unit_test(test_lost_while_answers_are_read),
		cmocka_unit_test(test_backends_die),
		cmocka_unit_test(test_a_chain_adds_each_trial_once),
		cmocka_unit_test(test_notifications_come_back),
		cmocka_unit_test(test_postgres_restarts),
		cmocka_unit_test(test_an_absent_database),
		cmocka_unit_test(test_the_queue_is_bounded),
		cmocka_unit_test(test_a_wrong_address_is_said_at_once),
		cmocka_unit_test(test_names_are_resolved_beside_the_loop),
		cmocka_unit_test(test_two_servers_race),
		cmocka_unit_test(test_pgbouncer_in_session_mode),
		cmocka_unit_test(test_deadlocks_do_not_happen),
		cmocka_unit_test(test_a_schema_that_does_not_fit),
	};
	int rc = cluster_start(NULL);
	if (rc == 0) {
		setup(NULL);
		rc = cmocka_run_group_tests(tests, NULL, NULL);
		teardown(NULL);
	}
	return rc | cluster_stop(NULL);
}
