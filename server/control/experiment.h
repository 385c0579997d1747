/*
 * An experiment in memory: its spec, its trials, and what is under way for it.
 *
 * A cache of PostgreSQL, held by the replica that has the lease. Trials are found by number; `open`
 * lists, in order, those that the plan must look at (not over, or perhaps to be retried), `ended` those
 * that are over, in the order in which they ended: the history that algorithms learn from. One
 * function, experiment_put(), takes a row of the store in and keeps all of these true.
 *
 * Owned by struct control; nothing here talks to anybody.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "algorithms/algorithm.h"
#include "lib/err.h"
#include "server/control/plan.h"
#include "server/model/spec.h"
#include "server/store/store_experiment.h"
#include "server/store/store_trial.h"

struct arena;
struct lessons;
struct run_backend;
struct stopping;
struct suggest_job;

/* A parsed spec that an experiment and the jobs working for it share; the last one frees it. */
struct spec_ref {
	unsigned refs;                  /* touched on the loop thread only */
	struct arena *arena;
	const struct experiment_spec *spec;
};
struct spec_ref *spec_ref_get(struct spec_ref *r);
void spec_ref_put(struct spec_ref *r);

struct trial {
	int32_t number;                 /* 0: this place is empty                                     */
	int32_t attempt;
	enum trial_state state;
	enum store_source source;
	int32_t completion;             /* 0: not over                                                */
	int32_t started_attempt;        /* whose program runs, also while that is still being written */
	int32_t vacated_attempt;        /* whose program has ended, while its last points are read    */
	int64_t change;                 /* of the row that was taken in last                          */
	unsigned writing;               /* changes of it on their way to the database                 */
	bool telling;                   /* the batch of moves under way holds one of it               */
	bool stop_sent;                 /* its executor was told                                      */
	bool stop_gentle;               /* and given time to end by itself                            */
	bool pushed;                    /* it reports by itself: fallback points do not count         */
	bool start_failure;             /* it ended before its program ran                            */
	bool quick_failure;             /* it failed within the first minute                          */
	char *stop;                     /* owned: why it should end, or NULL                          */
	bool stop_decided;              /* a verdict is on its way to the database                    */
	int64_t stop_due_us;            /* a worker's: when it is ended for it; 0 = at once           */
	char *worker, *object;          /* owned, or NULL                                             */
	int32_t lease_s;
	int64_t lease_until_us, started_us, finished_us;
	/* What the algorithm granted, as stored in `budget`. */
	double resource;                /* NaN: all                                                   */
	uint32_t parent;
	int32_t bracket, rung;
};

struct ask;                             /* ask.c */
struct told;                            /* internal.h */
STAILQ_HEAD(told_list, told);

struct experiment {
	int64_t id, epoch;
	char uid[40];
	const char *ns, *name;          /* in the spec's arena                                        */
	struct spec_ref *ref;
	const struct experiment_spec *spec;
	struct run_backend *backend;    /* NULL for ask/tell                                          */
	int64_t seed;
	struct stopping *stopping;      /* NULL: no trial is stopped for what it reports              */
	struct lessons *lessons;        /* what earlier experiments teach; NULL: none, or not loaded  */

	enum experiment_state state;
	enum end_reason stopping_for;
	bool cancelling;
	int64_t version, started_us;

	struct trial *trials;           /* [number - 1]                                               */
	double *x, *values;             /* rows of n_parameters and n_objectives, as trials           */
	double *violations;             /* rows of n_constraints; NULL without any                    */
	int32_t n_trials, cap_trials;   /* highest number known; places                               */
	int32_t *open, *ended;
	size_t n_open, n_ended, cap_open, cap_ended;
	int32_t counts[TRIAL_STATES];
	int32_t imported;
	int32_t next_number;
	int64_t change;                 /* rows up to here are in                                     */
	int32_t change_number;
	bool goal_reached;
	int32_t best;                   /* number of the best trial, 0 = none                         */

	/* Under way. */
	bool loaded, loading, reload;   /* reload: rows may have changed behind our back              */
	bool moving;                    /* a move of the experiment itself is being written           */
	bool waiting;                   /* the algorithm wants results first                          */
	int64_t results;                /* ends of trials taken in so far, each time that one ends    */
	bool exhausted, algorithm_failed, converged;
	char verdict[240];              /* how the algorithm failed, or why it has converged          */
	size_t judged;                  /* ended trials when it was last asked whether it has         */
	int64_t suggesting;             /* trials that come from the job, or are being added          */
	struct suggest_job *job;
	void *cache;                    /* the algorithm's, while no job has it                       */
	TAILQ_HEAD(, ask) asks;
	struct told_list told;          /* moves that wait to be written, in order                    */
	bool telling;                   /* a batch of them is under way                               */
	size_t told_singly;             /* so many go alone: one of them was refused                  */
	int64_t wake_at_us;             /* wall clock; 0 = no need                                    */
	int64_t not_before_us;          /* wall clock: after an error, plan no sooner                 */
	bool dirty;
	TAILQ_ENTRY(experiment) dirty_link;
};

struct experiment *experiment_new(int64_t id, int64_t epoch);
void experiment_free(struct experiment *x);
/* Spec, state and times of a row of core.experiments. False: the stored spec cannot be read. */
bool experiment_set(struct experiment *x, const struct store_experiment *row, struct err *e) MUSTCHECK;

/* An algorithm's cache borrows from the spec that it was made for, and goes before it. */
void experiment_drop_cache(struct experiment *x);

/* Takes in a row of core.trials, unless a newer one is in already: answers may overtake each other. Returns
 * the trial. `changed` (may be NULL) tells whether its state changed. */
struct trial *experiment_put(struct experiment *x, const struct store_trial *row, bool *changed);
struct trial *experiment_trial(struct experiment *x, int32_t number);           /* or NULL */
double *experiment_x(struct experiment *x, int32_t number);
double *experiment_values(struct experiment *x, int32_t number);
/* By how much each constraint is broken; NaN: not measured. Only where there are constraints. */
double *experiment_violations(struct experiment *x, int32_t number);
/* True if `attempt` of this trial is what runs now. */
bool trial_runs(const struct trial *t, int32_t attempt);

/* It was told to stop: its row will say so when it is read the next time. */
void experiment_stop(struct trial *t, const char *reason);
/* What an algorithm makes of a state. */
enum algo_status trial_status(enum trial_state s);

/* It is over, but the retry policy will bring it back. */
bool experiment_comes_back(struct experiment *x, int32_t number);

/* The snapshot for plan(); its trials go to `buffer`, which has room for x->n_open. */
void experiment_snapshot(const struct experiment *x, int64_t now_us, int64_t room, int64_t wanted,
	struct plan_trial *buffer, struct plan_input *in);
