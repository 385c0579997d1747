/* The private PostgreSQL: made, started, stopped, defended; also when started by root. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <libpq-fe.h>

#include "lib/err.h"
#include "lib/file.h"
#include "server/store/embedded.h"

static char base[] = "/tmp/trimtab-embedded-XXXXXX";
static char dir[128];

static int set_up(void **state)
{
	(void)state;
	if (!mkdtemp(base) || chmod(base, 0755) != 0)
		return -1;
	snprintf(dir, sizeof dir, "%s/postgres", base);
	return 0;
}

static int tear_down(void **state)
{
	struct err e;

	(void)state;
	return file_remove_tree(base, &e) ? 0 : -1;
}

static struct embedded *start(void)
{
	const struct embedded_config config = {.dir = dir, .no_fsync = true};
	struct err e = {0};
	struct embedded *p = embedded_start(&config, &e);

	if (!p)
		fail_msg("%s", e.detail);
	return p;
}

static void refused(const char *where, const char *bindir, const char *saying)
{
	const struct embedded_config config = {.dir = where, .bindir = bindir, .no_fsync = true};
	struct err e = {0};

	assert_null(embedded_start(&config, &e));
	if (!strstr(e.detail, saying))
		fail_msg("expected '%s' in: %s", saying, e.detail);
}

static void ask(const struct embedded *p, const char *sql, const char *answer)
{
	PGconn *c = PQconnectdb(embedded_conninfo(p));
	PGresult *r = PQexec(c, sql);

	if (PQresultStatus(r) != PGRES_TUPLES_OK && PQresultStatus(r) != PGRES_COMMAND_OK)
		fail_msg("%s: %s", sql, PQerrorMessage(c));
	if (answer)
		assert_string_equal(PQgetvalue(r, 0, 0), answer);
	PQclear(r);
	PQfinish(c);
}

static void test_survives_a_restart(void **state)
{
	struct embedded *p = start();

	(void)state;
	ask(p, "CREATE TABLE kept AS SELECT 42 AS n", NULL);
	assert_true(embedded_pid(p) > 0);
	embedded_stop(p);
	p = start();
	ask(p, "SELECT n FROM kept", "42");
	ask(p, "SELECT count(*) FROM pg_settings WHERE name = 'listen_addresses' AND setting = ''", "1");
	embedded_stop(p);
}

static void test_second_server_is_told(void **state)
{
	struct embedded *p = start();
	char pid[32];

	(void)state;
	snprintf(pid, sizeof pid, "process %d", (int)getpid());
	refused(dir, NULL, pid);
	embedded_stop(p);
}

/* A child starts the cluster and is killed; PostgreSQL must not stay, and the data must. */
static void test_killed_server(void **state)
{
	int ready[2];
	char c;

	(void)state;
	assert_int_equal(pipe(ready), 0);
	const pid_t child = fork();
	if (child == 0) {
		struct embedded *p = start();
		ask(p, "CREATE TABLE of_the_dead AS SELECT 7 AS n", NULL);
		if (write(ready[1], "x", 1) == 1)
			pause();
		_exit(1);
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &c, 1), 1);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	struct embedded *p = start();
	ask(p, "SELECT n FROM of_the_dead", "7");
	embedded_stop(p);
	close(ready[0]);
}

static void write_file(const char *path, const char *text)
{
	struct err e;

	assert_true(file_write(path, text, strlen(text), 0644, &e));
}

static void test_clear_refusals(void **state)
{
	char path[160];

	(void)state;
	refused(dir, "/nonexistent", "is not installed here");
	snprintf(path, sizeof path, "%s/old", base);
	mkdir(path, 0755);
	snprintf(path, sizeof path, "%s/old/PG_VERSION", base);
	write_file(path, "9\n");
	snprintf(path, sizeof path, "%s/old", base);
	refused(path, NULL, "belong to PostgreSQL 9");
	snprintf(path, sizeof path, "%s/full", base);
	mkdir(path, 0755);
	snprintf(path, sizeof path, "%s/full/thesis.txt", base);
	write_file(path, "precious");
	snprintf(path, sizeof path, "%s/full", base);
	refused(path, NULL, "is not empty");
	snprintf(path, sizeof path, "%s/full/thesis.txt/postgres", base);
	refused(path, NULL, "thesis.txt");
}

/* PostgreSQL itself dies (out of memory, kill -9) while its server lives. */
static void test_revived(void **state)
{
	struct embedded *p = start();
	const struct timespec moment = {.tv_nsec = 50000000};
	PGPing state_now;

	(void)state;
	ask(p, "CREATE TABLE before_death AS SELECT 1 AS n", NULL);
	assert_false(embedded_revive(p));
	kill(embedded_pid(p), SIGKILL);
	for (int i = 0; i < 400; i++) {
		(void)embedded_revive(p);
		state_now = PQping(embedded_conninfo(p));
		if (state_now == PQPING_OK && !embedded_revive(p))
			break;
		nanosleep(&moment, NULL);
	}
	ask(p, "SELECT n FROM before_death", "1");
	embedded_stop(p);
}

static void test_long_path(void **state)
{
	char path[300];
	struct err e = {0};
	int n = snprintf(path, sizeof path, "%s/", base);

	(void)state;
	memset(path + n, 'x', 120);
	path[n + 120] = 0;
	const struct embedded_config config = {.dir = path, .no_fsync = true};
	struct embedded *p = embedded_start(&config, &e);
	if (!p)
		fail_msg("%s", e.detail);
	ask(p, "SELECT 1", "1");
	embedded_stop(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_survives_a_restart),
		cmocka_unit_test(test_second_server_is_told),
		cmocka_unit_test(test_killed_server),
		cmocka_unit_test(test_clear_refusals),
		cmocka_unit_test(test_revived),
		cmocka_unit_test(test_long_path),
	};
	return cmocka_run_group_tests_name("embedded", tests, set_up, tear_down);
}
