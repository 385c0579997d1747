/*
 * Metric points. The key is (trial, metric, step), the last write wins, so a report may be sent twice.
 */
#pragma once
#include "server/model/state.h"
#include "server/store/store.h"

#define STORE_NO_STEP INT64_MIN         /* the trial's next step of that metric, counted from 0 */

struct store_point {
	int64_t experiment;
	int number;
	const char *metric;             /* NULL: a heartbeat, no point is stored                  */
	int64_t step;
	double value;                   /* NaN and infinities are stored as they are              */
	int64_t time_us;
};

/* One row for each trial of the batch that exists; points of others were dropped. */
struct store_ack {
	int64_t experiment;
	int number;
	enum trial_state state;
	const char *stop, *message;     /* why it shall stop, or NULL                             */
	int attempt;
	bool pushed;                    /* as stored with the trial                               */
	bool due;                       /* its worker's lease is half over: it is being renewed   */
};
struct store_acks { struct store_ack *items; size_t n; };
typedef void store_acks_cb(void *ctx, const struct store_acks *rows, const struct err *e);

/*
 * Commits points of any number of trials and experiments in one statement: all or nothing. Points of
 * a finished trial are stored and do not change its values. A worker's lease is renewed by its reports.
 * Those of a single trial take a shorter statement; points without a step a slower one that counts.
 */
struct store_call *store_observations_add(struct store *s, struct arena *a, const struct store_point *points,
	size_t n, store_acks_cb *done, void *ctx);

/* Under which epoch its experiment's driver judged a point, or: */
enum { STORE_NOT_JUDGED = 0, STORE_UNJUDGED = -1 };
/* That a trial shall stop, decided by the driver of this epoch. */
struct store_verdict {
	int64_t experiment, epoch;
	int number;
	const char *reason, *message;
};
/*
 * The same for points that are judged: with them, in the same transaction, the verdicts, each of which
 * holds if its epoch is the one of now and its trial neither over nor told to stop before. Points that
 * nobody has judged, or under an epoch that is over, are noted for the driver (store_judge.h).
 * epochs[i] is points[i]'s. The rows say what is true afterwards.
 */
struct store_call *store_observations_judge(struct store *s, struct arena *a, const struct store_point *points,
	const int64_t *epochs, size_t n, const struct store_verdict *verdicts, size_t n_verdicts, store_acks_cb *done,
	void *ctx);

struct store_series_point {
	int number;
	const char *metric;
	int64_t step, time_us;
	double value;
	int64_t total;                  /* points of this trial and metric from from_step on      */
};
struct store_series {
	struct store_series_point *items;       /* by trial, metric, step                         */
	size_t n;
	bool found;                             /* the trial (or experiment) exists               */
	int64_t experiment;
};
typedef void store_series_cb(void *ctx, const struct store_series *rows, const struct err *e);

struct store_trial_ref;
/* One trial. metric NULL = all; from_step STORE_NO_STEP = all; max_points per metric (0 = all, at most
 * 100,000): beyond it the minimum and the maximum of every bucket of steps are kept. */
struct store_call *store_series(struct store *s, struct arena *a, const struct store_trial_ref *trial,
	const char *metric, int64_t from_step, int max_points, store_series_cb *done, void *ctx);
/* One metric of many trials: those in `numbers`, or the `top` best ranked (running ones too) if n is 0. */
struct store_call *store_curves(struct store *s, struct arena *a, const char *ns, const char *experiment,
	const char *metric, const int *numbers, size_t n, int top, int max_points, store_series_cb *done, void *ctx);
/* Every point of one metric behind (after_number, after_step), by trial and step, but the unjudged ones:
 * what early stopping rebuilds its memory from. Start with (0, STORE_NO_STEP). */
struct store_call *store_observations_load(struct store *s, struct arena *a, int64_t experiment,
	const char *metric, int after_number, int64_t after_step, int limit, store_series_cb *done, void *ctx);

struct store_last_step { int number; const char *metric; int64_t step, points; double value; };
struct store_last_steps { struct store_last_step *items; size_t n; };
typedef void store_last_steps_cb(void *ctx, const struct store_last_steps *rows, const struct err *e);
/* The last step of every metric of these trials. */
struct store_call *store_last_steps(struct store *s, struct arena *a, int64_t experiment,
	const int *numbers, size_t n, store_last_steps_cb *done, void *ctx);
