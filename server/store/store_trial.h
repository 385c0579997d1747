/*
 * Trials. The control loop's writes carry (experiment, epoch): a stale epoch changes nothing and
 * answers `fenced`. The API's writes name the trial by a store_trial_ref and notify the owner.
 *
 * Every write sets `change` of the trials that it touched to the experiment's next change number, and
 * writes what happened into core.events itself. Names are made in SQL, by core.trial_name(uid, number).
 */
#pragma once
#include "server/model/state.h"
#include "server/store/store.h"

enum store_source { STORE_FROM_ALGORITHM = 0, STORE_FROM_USER, STORE_FROM_IMPORT, STORE_SOURCES };

struct store_trial {
	int64_t experiment;
	int number, attempt;
	const char *name;
	enum trial_state state;
	const char *stop;               /* why it was asked to stop, or NULL                      */
	const char *reason, *message;
	int exit_code;                  /* or STORE_NO_INT                                        */
	const char *params;             /* JSON object, typed values                              */
	struct store_doubles vals;      /* in the order of the objectives                         */
	const char *extra;              /* JSON object of other metrics ("NaN" as a string)       */
	double cost;                    /* first objective, smaller is better; NaN = not ranked:
									 * it did not succeed, or breaks a constraint             */
	const char *budget;             /* JSON or NULL                                           */
	enum store_source source;
	const char *worker;             /* ask/tell: who works on it, or NULL                     */
	int lease_seconds;
	int64_t lease_until_us;
	const char *executor, *object;  /* what runs it, and its JSON description; or NULL        */
	bool pushed;                    /* it reports by itself                                   */
	int completion;                 /* grows in the order in which trials ended; 0 = not yet  */
	int64_t change, created_us, started_us, finished_us;
	int rank;                       /* pages and gets: 1 = best, ties share; 0 = not ranked   */
	int64_t last_step;              /* pages and gets: of the first objective; -1 = none      */
	struct store_doubles violations;        /* of the constraints, above 0 = broken           */
	enum store_outcome outcome;     /* of the write that returned the row                     */
};

struct store_trials {
	struct store_trial *items;
	size_t n;
	bool found;                     /* the experiment exists                                  */
	bool fenced;                    /* control's writes: the epoch is stale, nothing was done */
	int64_t experiment;             /* its id, when found                                     */
	int64_t change;                 /* its change number after the write or at the read       */
	int64_t remaining;              /* pages: rows behind the last one                        */
	enum experiment_state state;    /* pages, gets, API writes: of the experiment             */
	int next_number;
	/* pages, gets, API writes: the experiment's uid, and the names of its objectives and parameters
	 * in order, as JSON arrays. */
	const char *uid, *metrics, *parameters;
};
typedef void store_trials_cb(void *ctx, const struct store_trials *rows, const struct err *e);

/* ---- control ---------------------------------------------------------------------------------- */

/* Rows ordered by (change, number) behind the given pair; everything from (0, 0). limit 1..10000. */
struct store_call *store_trials_load(struct store *s, struct arena *a, int64_t experiment,
	int64_t after_change, int after_number, int limit, store_trials_cb *done, void *ctx);

struct store_new_trial {
	const char *params;             /* JSON object                                            */
	const char *budget;             /* JSON or NULL                                           */
	enum store_source source;
	enum trial_state state;         /* pending; starting; or running for a worker that asked  */
	const char *worker;             /* or NULL                                                */
	int lease_seconds;              /* with a worker                                          */
	const char *executor;           /* with state starting: who runs it; else NULL            */
};
/*
 * Adds trials numbered from expected_next on, none beyond last_number, and none at all if next_number
 * is not expected_next (rows->n == 0 and rows->next_number says what it is). So a repeat of an
 * unanswered call adds nothing twice. The rows are the trials added, in order.
 */
struct store_call *store_trials_add(struct store *s, struct arena *a, int64_t experiment, int64_t epoch,
	int expected_next, int last_number, const struct store_new_trial *trials, size_t n,
	store_trials_cb *done, void *ctx);

/* pending -> starting; the rows are those that were pending and are now yours to start. */
struct store_call *store_trials_start(struct store *s, struct arena *a, int64_t experiment, int64_t epoch,
	const int *numbers, size_t n, const char *executor, store_trials_cb *done, void *ctx);

/*
 * Moves trials along legal edges; one that is elsewhere, or at another attempt, is not in the rows.
 * to == from is legal for starting and running and updates object and message.
 * When the move ends a trial its values are computed from what was reported: SUCCEEDED becomes
 * UNAVAILABLE when an objective was never reported (the message names what was seen) and FAILED with
 * reason NonFiniteObjective when one is not finite. The rows hold the final state, reason and values.
 */
struct store_trial_move {
	int number, attempt;
	enum trial_state to;
	const char *reason, *message;   /* NULL = as they are                                     */
	int exit_code;                  /* or STORE_NO_INT                                        */
	const char *object;             /* JSON, NULL = as it is                                  */
	const char *worker;             /* pending -> running for this one; NULL = as it is       */
	int lease_seconds;              /* with a worker                                          */
};
struct store_call *store_trials_move(struct store *s, struct arena *a, int64_t experiment, int64_t epoch,
	const struct store_trial_move *moves, size_t n, store_trials_cb *done, void *ctx);

/* Asks running trials to stop: sets stop and message once; the trial's next report hears of it. `judged`:
 * the unjudged points (store_judge.h) that led to it, or to nothing; they are removed with it. */
struct store_trial_stop { int number; const char *reason, *message; };
struct store_call *store_trials_stop(struct store *s, struct arena *a, int64_t experiment, int64_t epoch,
	const struct store_trial_stop *stops, size_t n, const int64_t *judged, size_t n_judged, store_trials_cb *done,
	void *ctx);

/* lost, failed, killed, metrics_unavailable, early_stopped -> pending as attempt + 1. */
struct store_call *store_trials_retry(struct store *s, struct arena *a, int64_t experiment, int64_t epoch,
	const int *numbers, size_t n, const char *message, store_trials_cb *done, void *ctx);

/* Running trials whose worker has been silent beyond its lease -> lost (WorkerLost). */
struct store_call *store_trials_expire(struct store *s, struct arena *a, int64_t experiment, int64_t epoch,
	store_trials_cb *done, void *ctx);

/* These report by themselves: what a collector finds in their output no longer counts. Sets `pushed`
 * where it is not set yet and notifies. done may be NULL. */
struct store_call *store_trials_pushed(struct store *s, struct arena *a, int64_t experiment,
	const int *numbers, size_t n, store_count_cb *done, void *ctx);

/* ---- API -------------------------------------------------------------------------------------- */

struct store_trial_ref {
	const char *ns, *experiment;
	int number;                     /* or 0 and the name                                      */
	const char *name;
};

enum store_trial_sort {
	STORE_BY_NUMBER = 0, STORE_BY_NUMBER_DOWN, STORE_BY_RANK /* ranked ones only */, STORE_BY_CHANGE
};
struct store_trial_page {
	const char *ns, *experiment;
	unsigned states;                /* bit mask of 1u << enum trial_state; 0 = all            */
	enum store_trial_sort sort;
	/* The last row of the page before, as far as the sort needs it; zeroes = first page.
	 * BY_CHANGE: (after_change, after_number), so also "only what is newer than". */
	int after_number;
	double after_cost;
	int64_t after_change;
	int limit;                      /* 1..1000                                                */
};
struct store_call *store_trials_page(struct store *s, struct arena *a, const struct store_trial_page *q,
	store_trials_cb *done, void *ctx);
struct store_call *store_trial_get(struct store *s, struct arena *a, const struct store_trial_ref *ref,
	store_trials_cb *done, void *ctx);
/* Trials that no other succeeded trial beats in every objective, by first objective. */
struct store_call *store_pareto(struct store *s, struct arena *a, const char *ns, const char *experiment,
	int limit, store_trials_cb *done, void *ctx);
/* The succeeded trials of one experiment, as much as is needed to model it, in the order in which they ended;
 * of more than `limit` the last ones. JSON arrays of n elements, NULL where n is 0: parameters as in
 * struct store_trial, and arrays of the objectives' values. */
struct store_results {
	bool found;                     /* the experiment exists                                  */
	const char *uid, *ns, *name, *spec;
	const char *params, *vals;
	int64_t n;
};
typedef void store_results_cb(void *ctx, const struct store_results *r, const struct err *e);
struct store_call *store_results(struct store *s, struct arena *a, const char *ns, const char *experiment,
	int limit, store_results_cb *done, void *ctx);
/* The unfinished trials that this worker holds; their leases are renewed. */
struct store_call *store_worker_trials(struct store *s, struct arena *a, const char *ns, const char *experiment,
	const char *worker, store_trials_cb *done, void *ctx);

/* Points to be tried: pending trials from the user, up to max_trials in all. */
struct store_call *store_trials_enqueue(struct store *s, struct arena *a, const char *ns, const char *experiment,
	const char *const *params, size_t n, int max_trials, store_trials_cb *done, void *ctx);

/* Trials that ended elsewhere. values: JSON object metric -> number (or "NaN"). They do not count
 * against max_trials; UNAVAILABLE and NonFiniteObjective are decided as in store_trials_move(). */
struct store_imported { const char *params, *values, *reason, *message; enum trial_state state; };
struct store_call *store_trials_import(struct store *s, struct arena *a, const char *ns, const char *experiment,
	const struct store_imported *trials, size_t n, store_trials_cb *done, void *ctx);

/*
 * A worker ends its trial. values as above, or NULL: what was reported, by strategy. One row, with
 * outcome DONE, SAME (told before, same state and values), DIFFERS (the row holds what is stored).
 */
struct store_tell {
	struct store_trial_ref trial;
	enum trial_state state;         /* succeeded, failed, early_stopped, killed               */
	const char *values, *reason, *message;
};
struct store_call *store_trial_tell(struct store *s, struct arena *a, const struct store_tell *t,
	store_trials_cb *done, void *ctx);

/* Heartbeat: renews the worker's lease; the row holds state and stop. */
struct store_call *store_trial_touch(struct store *s, struct arena *a, const struct store_trial_ref *ref,
	store_trials_cb *done, void *ctx);
/* DONE: killed (it was pending) or asked to stop with UserKilled; SAME: it is asked or killed
 * already; WRONG_STATE: it is over. */
struct store_call *store_trial_kill(struct store *s, struct arena *a, const struct store_trial_ref *ref,
	const char *who, store_trials_cb *done, void *ctx);
/* DONE, SAME (it is pending), WRONG_STATE (it runs, it succeeded, or the experiment is over). */
struct store_call *store_trial_retry(struct store *s, struct arena *a, const struct store_trial_ref *ref,
	const char *who, store_trials_cb *done, void *ctx);
