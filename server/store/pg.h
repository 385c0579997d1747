/*
 * One pipelined connection to PostgreSQL, as a state machine:
 *
 *     OFF -> CONNECTING -> PREPARING -> READY -> BACKOFF -> CONNECTING ...
 *
 * PREPARING prepares and describes every statement of stmt_table and compares the description with the
 * declaration. READY sends units as they come, each with its own Sync: one unit = one statement = one
 * transaction = one callback, in the order of sending.
 *
 * Units are never removed from the queues: whoever loses interest orphans his unit. When the connection
 * is lost, units that were sent are sent again if their statement is repeatable, else they fail with
 * ERR_UNAVAILABLE; those not yet sent wait for the next connection, up to their deadline.
 *
 * Times are real, not of lib/clk.h: a database answers in real time also when a test's clock stands.
 */
#pragma once
#include <libpq-fe.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "lib/err.h"
#include "server/store/pgerr.h"
#include "server/store/pgval.h"
#include "stmt.h"

struct event_base;
struct pg;

struct pg_unit {
	STAILQ_ENTRY(pg_unit) link;
	struct pg_args args;
	int64_t affinity;               /* units of one affinity > 0 keep their order               */
	/* Exactly once, from the loop. res is valid during the call; the unit is the callee's to free. */
	void (*done)(struct pg_unit *u, const PGresult *res, const struct err *e);

	/* the connection's */
	PGresult *res;
	struct err err;
	struct pg_state failure;
	unsigned tries;
	int64_t deadline_us, sent_us;
};
STAILQ_HEAD(pg_units, pg_unit);

void pg_unit_init(struct pg_unit *u, enum stmt stmt, void (*done)(struct pg_unit *, const PGresult *, const struct err *));

struct pg_counters { uint64_t statements, failures, resent, reconnects; int64_t busy_us; };

struct pg_config {
	struct event_base *base;
	const char *conninfo, *application;             /* borrowed for the life of the connection  */
	int64_t wait_us;                                /* an unsent unit's deadline                */
	void (*lost)(void *ctx, struct pg *p);          /* its unsent units may be taken elsewhere  */
	void (*fatal)(void *ctx, const struct err *e);  /* statements and schema do not fit         */
	void *ctx;
	struct pg_counters *counters;                   /* shared, borrowed                         */
};

enum pg_conn_state { PG_OFF, PG_CONNECTING, PG_PREPARING, PG_READY, PG_BACKOFF };

struct pg *pg_new(const struct pg_config *config);      /* begins to connect        */
void pg_free(struct pg *p);                             /* units fail, unavailable  */
void pg_submit(struct pg *p, struct pg_unit *u);        /* takes it; never calls back from inside */
enum pg_conn_state pg_state(const struct pg *p);
size_t pg_queued(const struct pg *p);                   /* not sent                 */
size_t pg_sent(const struct pg *p);                     /* not answered             */
/* Moves what is not sent to `to`, in order. */
void pg_take_unsent(struct pg *p, struct pg_units *to);
/* Fails units whose deadline has passed, and drops a connection that does not answer. Once a second. */
void pg_check_deadlines(struct pg *p, int64_t now_us);
int pg_backend_pid(const struct pg *p);                 /* 0 unless ready; for tests */

int64_t pg_real_us(void);                               /* CLOCK_MONOTONIC */
