/*
 * What the store's tests share: a private cluster for the program, a migrated database of its own, a
 * store on a loop, and calls that wait for their answer. Included by one program at a time.
 */
#pragma once
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/arena.h"
#include "lib/file.h"
#include "lib/log.h"
#include "lib/loop.h"
#include "server/store/embedded.h"
#include "server/store/migrate.h"
#include "server/store/pg.h"
#include "server/store/store.h"
#include "server/store/store_hooks.h"

static struct {
	char dir[64];
	struct embedded *embedded;
	struct loop *loop;
	struct arena *arena;
	struct store *store;
	char conninfo[512];
	/* the last answer */
	unsigned answers;
	const void *rows;
	int64_t count;
	enum store_outcome outcome;
	struct err err;
	int64_t notified[64];
	unsigned n_notified;
	struct err fatal;
} T;

static UNUSED int cluster_start(void **state)
{
	(void)state;
	struct err e = {0};
	log_configure(LOG_LEVEL_ERROR, LOG_FORMAT_TEXT);
	snprintf(T.dir, sizeof T.dir, "/tmp/trimtab-test-XXXXXX");
	if (!mkdtemp(T.dir) || chmod(T.dir, 0711) != 0)
		return -1;
	char dir[80];
	snprintf(dir, sizeof dir, "%s/postgres", T.dir);
	T.embedded = embedded_start(&(struct embedded_config){.dir = dir, .no_fsync = true}, &e);
	if (!T.embedded) {
		print_error("%s\n", e.detail);
		return -1;
	}
	snprintf(T.conninfo, sizeof T.conninfo, "%s", embedded_conninfo(T.embedded));
	if (!migrate_run(T.conninfo, &e)) {
		print_error("%s\n", e.detail);
		return -1;
	}
	return 0;
}

static UNUSED int cluster_stop(void **state)
{
	(void)state;
	embedded_stop(T.embedded);
	struct err e;
	return file_remove_tree(T.dir, &e) ? 0 : -1;
}

static UNUSED void quiet(void *ctx, const char *message)
{
	(void)ctx, (void)message;
}

/* Runs SQL on a connection of its own; the first value of the first row, or "". */
static UNUSED const char *sql(const char *conninfo, const char *text)
{
	static char value[4][256];
	static unsigned next;
	char *out = value[next++ % 4];
	PGconn *c = PQconnectdb(conninfo);
	PQsetNoticeProcessor(c, quiet, NULL);
	PGresult *r = PQexec(c, text);
	if (PQresultStatus(r) != PGRES_TUPLES_OK && PQresultStatus(r) != PGRES_COMMAND_OK)
		fail_msg("%s: %s", text, PQerrorMessage(c));
	snprintf(out, sizeof value[0], "%s", PQntuples(r) > 0 ? PQgetvalue(r, 0, 0) : "");
	PQclear(r);
	PQfinish(c);
	return out;
}

static void heard(void *ctx, int64_t experiment)
{
	(void)ctx;
	if (T.n_notified < ARRAY_LEN(T.notified))
		T.notified[T.n_notified++] = experiment;
}

static void fatal(void *ctx, const struct err *e)
{
	(void)ctx;
	T.fatal = *e;
}

/* Passes of the loop until `until` holds; fails the test after 20 s. */
#define WAIT(until)                                                                   \
	do {                                                                              \
		int64_t wait_deadline_ = pg_real_us() + INT64_C(20000000);                    \
		while (!(until)) {                                                            \
			if (pg_real_us() > wait_deadline_)                                        \
				fail_msg("waited too long for %s (%s)", #until, T.err.detail);        \
			loop_pass(T.loop, true);                                                  \
		}                                                                             \
	} while (0)

static UNUSED void store_begin(unsigned connections)
{
	struct err e = {0};
	T.loop = loop_new();
	T.arena = arena_new();
	T.n_notified = 0;
	T.store = store_new(&(struct store_config){.loop = T.loop, .conninfo = T.conninfo, .connections = connections,
		.replica = "test", .notified = heard, .fatal = fatal}, &e);
	if (!T.store)
		fail_msg("%s", e.detail);
	WAIT(store_ready(T.store) && T.n_notified > 0);
	T.n_notified = 0;
}

static UNUSED void store_end(void)
{
	store_free(T.store);
	loop_free(T.loop);
	arena_free(T.arena);
	T.store = NULL;
}

/* Callbacks of every type end here. */
static void answered(const void *rows, const struct err *e)
{
	T.answers++;
	T.rows = rows;
	T.err = e ? *e : (struct err){0};
}

static UNUSED void on_outcome(void *ctx, enum store_outcome outcome, const struct err *e)
{
	(void)ctx;
	T.outcome = outcome;
	answered(NULL, e);
}

static UNUSED void on_count(void *ctx, int64_t count, const struct err *e)
{
	(void)ctx;
	T.count = count;
	answered(NULL, e);
}

#define ON(type, name)                                                               \
	static UNUSED void on_##name(void *ctx, const struct type *rows, const struct err *e) \
	{                                                                                \
		(void)ctx;                                                                   \
		answered(rows, e);                                                           \
	}

static UNUSED void wait_answer(const char *what)
{
	WAIT(T.answers > 0);
	assert_int_equal(T.answers, 1);
	if (T.err.code != ERR_OK)
		fail_msg("%s: %s", what, T.err.detail);
}

/* The rows of a call that must succeed: ASK(store_trials, store_trials_load(...)). Callbacks never come
 * from inside the call, so it may itself ask for its arguments. */
#define ASK(type, call) ((void)(call), T.answers = 0, wait_answer(#call), (const struct type *)T.rows)
#define ASK_OUTCOME(call) ((void)(call), T.answers = 0, wait_answer(#call), T.outcome)
#define ASK_COUNT(call) ((void)(call), T.answers = 0, wait_answer(#call), T.count)
