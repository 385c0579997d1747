/*
 * The store: everything that must survive, in PostgreSQL.
 *
 * One typed function per statement of sql/queries (store_experiment.h, store_trial.h,
 * store_observation.h, store_lease.h, store_event.h, store_auth.h). Each sends its statement through
 * one of a few pipelined connections and returns at once; its callback comes later, exactly once, on
 * the loop thread, never from inside the call that asked:
 *
 *     done(ctx, rows, NULL)   it is committed; rows live in the arena that was given
 *     done(ctx, NULL, e)      it did not happen, or (ERR_UNAVAILABLE) it may have: ask again
 *
 * `done` may be NULL where nobody waits; then the arena may be NULL too.
 *
 * Arguments are copied before a function returns. Statements that are safe to repeat are repeated
 * after a lost connection; others fail with ERR_UNAVAILABLE. ERR_SLOW_DOWN: the queue is full.
 *
 * Conventions of all rows: text that is SQL null is NULL, times are Unix microseconds with 0 for
 * null, JSON is text, a trial number 0 means "no trial".
 */
#pragma once
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/err.h"

struct arena;
struct loop;
struct prom;
struct store;
struct store_call;      /* a statement under way; gone once its callback has returned */

enum { STORE_NO_INT = INT_MIN };        /* an int that is null: exit codes */

struct store_config {
	struct loop *loop;
	const char *conninfo;       /* postgres://… or key=value; copied                             */
	unsigned connections;       /* 1..8; 0 = 3                                                   */
	int64_t wait_us;            /* how long a statement waits for a lost database; 0 = 10 s       */
	const char *replica;        /* shown as application_name; copied                             */
	/* The statements do not fit the schema: stop the server with this message. */
	void (*fatal)(void *ctx, const struct err *e);
	/* Somebody wrote an intent for this experiment; 0 = some may have been missed, look at all. */
	void (*notified)(void *ctx, int64_t experiment);
	void *ctx;
	struct prom *prom;          /* or NULL; must outlive the store                               */
};

struct store_stats {
	unsigned connections, ready;
	size_t queued, sent;                    /* waiting for a connection; for an answer            */
	uint64_t statements, failures, resent, reconnects;
	int64_t busy_us;                        /* time from sending to the answer, summed            */
};

/* Connects in the background; statements may be asked for at once. NULL: the conninfo is wrong. */
struct store *store_new(const struct store_config *config, struct err *e) MUSTCHECK;
/* Calls every outstanding callback with ERR_UNAVAILABLE, then closes. */
void store_free(struct store *s);
bool store_ready(const struct store *s);        /* a connection answers now: for /readyz */
struct store_stats store_stats(const struct store *s);

/* The callback will not come and the arena is no longer used; the statement itself goes on. */
void store_orphan(struct store_call *c);

/* How a write that may be refused went. */
enum store_outcome {
	STORE_DONE = 0,
	STORE_SAME,             /* it was so already: nothing changed                                 */
	STORE_DIFFERS,          /* it exists with other contents, which are in the row                */
	STORE_NOT_FOUND,
	STORE_GONE,             /* its experiment was deleted                                         */
	STORE_STALE,            /* If-Match, epoch or expected number no longer hold                  */
	STORE_WRONG_STATE,      /* the state, which is in the row, forbids it                         */
	STORE_OUTCOMES
};

struct store_doubles { const double *v; const bool *null; size_t n; };  /* v == NULL: all is null */

/* Element i, NaN where it is null or there is none. */
static inline double store_double(const struct store_doubles *d, size_t i)
{
	return d->v && i < d->n && !(d->null && d->null[i]) ? d->v[i] : __builtin_nan("");
}

/* For statements whose only answer is how it went. */
typedef void store_outcome_cb(void *ctx, enum store_outcome outcome, const struct err *e);
/* For statements that answer with a count of rows: deleted, moved, … */
typedef void store_count_cb(void *ctx, int64_t count, const struct err *e);
