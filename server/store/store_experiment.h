/*
 * Experiments: creation, reading, and the intents of users. Every write of an intent ends with a
 * notification, by which the replica that drives the experiment hears of it.
 */
#pragma once
#include "server/model/state.h"
#include "server/store/store.h"

struct store_experiment {
	int64_t id;
	const char *uid, *ns, *name;
	const char *labels;             /* JSON object of strings                                 */
	const char *form, *posted;      /* the apiVersion and the document that were posted       */
	const char *spec;               /* JSON, the value of "spec", every default filled in     */
	const char *saved;              /* JSON: what stopping trials saved; NULL: none, or not asked */
	const char *brief;              /* pages, in place of spec: its objectives, algorithm, budget */
	const char *annotations;        /* JSON object of strings                                 */
	const char *spec_sha256, *algorithm;
	enum experiment_state state;
	bool cancelling;                /* stopping: kill what runs instead of waiting            */
	const char *reason, *message, *created_by;
	int64_t created_us, started_us, finished_us, archived_us;
	int64_t version;                /* the ETag                                               */

	const char *owner;              /* the replica that drives it, or NULL                    */
	int64_t epoch;
	int64_t change;                 /* of any of its trials                                   */
	int next_number, completions;
	int imported;                   /* numbers that do not count against maxTrials            */
	int counts[TRIAL_STATES];

	int best_number, best_attempt;  /* number 0: none yet                                     */
	const char *best_name, *best_params, *best_extra;
	struct store_doubles best_vals; /* in the order of the objectives                         */
	int64_t best_started_us, best_finished_us;

	enum store_outcome outcome;     /* of the write that returned the row                     */
	const char *lacks;              /* creation, NOT_FOUND: the source that is not there      */
};

struct store_experiments {
	struct store_experiment *items;
	size_t n;
	int64_t remaining;              /* pages: behind the last row; -1 = more than 10,000      */
};

typedef void store_experiments_cb(void *ctx, const struct store_experiments *rows, const struct err *e);

struct store_new_objective {
	const char *metric, *direction, *strategy;      /* as in the document                     */
	double goal;                                    /* NaN = none                             */
	bool additional;                                /* watched, not searched: Katib's         */
};
struct store_new_parameter {
	const char *name, *type, *distribution;
	double lo, hi, step;                            /* NaN = none                             */
	const char *choices;                            /* JSON array or NULL                     */
};
struct store_new_constraint { const char *metric; double min, max; };    /* NaN = none         */
struct store_new_source { const char *ns, *name; };
struct store_new_experiment {
	const char *ns, *name, *labels, *annotations, *form, *posted, *spec, *spec_sha256, *algorithm, *created_by;
	bool paused;
	const struct store_new_objective *objectives;
	size_t n_objectives;
	const struct store_new_parameter *parameters;
	size_t n_parameters;
	const struct store_new_constraint *constraints; /* of metrics among the objectives        */
	size_t n_constraints;
	const struct store_new_source *sources;         /* whose results are copied               */
	size_t n_sources;
};

/* One row: DONE, SAME (same spec_sha256 under this name), DIFFERS with the one that is there, or NOT_FOUND
 * with nothing but `lacks`, "namespace/name" of a source. */
struct store_call *store_experiment_create(struct store *s, struct arena *a,
	const struct store_new_experiment *x, store_experiments_cb *done, void *ctx);

/* No row: there is none of this name. */
struct store_call *store_experiment_get(struct store *s, struct arena *a, const char *ns, const char *name,
	store_experiments_cb *done, void *ctx);
/* By id, for the control loop and for trial tokens; also finds archived ones. */
struct store_call *store_experiment_load(struct store *s, struct arena *a, int64_t id,
	store_experiments_cb *done, void *ctx);

/* Those that ended within the last day and whose web hooks have not all heard of it. */
struct store_call *store_experiments_untold(struct store *s, struct arena *a, int limit,
	store_experiments_cb *done, void *ctx);

enum store_experiment_sort {
	STORE_NEWEST_FIRST = 0,
	STORE_OLDEST_FIRST,
	STORE_BY_NAME,
	STORE_BY_NAME_DOWN,
	STORE_ARCHIVED /* the archived ones, the last first; all others list the rest */
};
struct store_experiment_page {
	const char *ns;                 /* NULL = every namespace                                 */
	const char *labels;             /* JSON object that the labels must contain, or NULL      */
	int state;                      /* enum experiment_state, or -1 = any                     */
	const char *search;             /* part of the name, or NULL                              */
	enum store_experiment_sort sort;
	/* The last row of the page before: id 0 = first page. Its values come from that row. */
	int64_t after_id;
	int64_t after_us; /* created, or archived                                   */
	const char *after_name, *after_ns;
	int limit;                      /* 1..1000                                                */
};
/* Without posted and spec (NULL); everything else filled in. */
struct store_call *store_experiments_page(struct store *s, struct arena *a, const struct store_experiment_page *q,
	store_experiments_cb *done, void *ctx);

/* New spec and labels in place of the old. if_version 0 = whatever it is. Outcome DONE, NOT_FOUND, STALE. */
struct store_experiment_patch {
	const char *ns, *name;
	int64_t if_version;
	const char *spec, *spec_sha256, *labels, *annotations;  /* NULL = as it is */
};
struct store_call *store_experiment_patch(struct store *s, struct arena *a, const struct store_experiment_patch *p,
	store_experiments_cb *done, void *ctx);

/* One row with outcome DONE, SAME or WRONG_STATE; no row: not found.
 * stop: running, paused -> stopping. cancel: those and stopping -> stopping and kill. pause, resume.
 * restart: succeeded, failed, stopped -> running, with a new spec if one is given. */
enum store_intent { STORE_STOP = 0, STORE_CANCEL, STORE_PAUSE, STORE_RESUME, STORE_RESTART };
struct store_call *store_experiment_intend(struct store *s, struct arena *a, const char *ns, const char *name,
	enum store_intent intent, const char *spec, const char *spec_sha256, const char *who,
	store_experiments_cb *done, void *ctx);

/* Archive frees the name and keeps the rows; what still runs is cancelled by the owner. Purge deletes
 * the rows: of the one that has the name, or (uid) of the one that has both, archived or not. Outcome DONE,
 * STALE; no row: not found. The row holds id, state, version. */
struct store_call *store_experiment_archive(struct store *s, struct arena *a, const char *ns, const char *name,
	int64_t if_version, store_experiments_cb *done, void *ctx);
struct store_call *store_experiment_purge(struct store *s, struct arena *a, const char *ns, const char *name,
	const char *uid, int64_t if_version, store_experiments_cb *done, void *ctx);

/* Rungs, the newest trials that were stopped early, and what was saved: JSON of their own, each NULL if empty. */
struct store_rungs {
	bool found;
	const char *fidelity, *early_stopping;  /* of the spec, or NULL                           */
	const char *rungs, *stopped, *saved;
};
typedef void store_rungs_cb(void *ctx, const struct store_rungs *r, const struct err *e);
struct store_call *store_rungs(struct store *s, struct arena *a, const char *ns, const char *name, int max_stopped,
	store_rungs_cb *done, void *ctx);

/* The control loop's moves, fenced: one row DONE or WRONG_STATE (the row says which); no row: stale. */
struct store_experiment_move {
	int64_t experiment, epoch;
	unsigned from;                  /* bit mask of 1u << enum experiment_state                */
	enum experiment_state to;
	const char *reason, *message;
};
struct store_call *store_experiment_move(struct store *s, struct arena *a, const struct store_experiment_move *m,
	store_experiments_cb *done, void *ctx);

/* What an experiment learned from earlier ones when it was created: by source, then in the order in which
 * the trials ended. Never changes. */
struct store_lesson {
	int source;                     /* its place in the document                              */
	const char *params;             /* JSON object, of the source's parameters                */
	struct store_doubles vals;      /* in the order of the objectives; null = not measured    */
	struct store_doubles violations;        /* of the constraints                             */
};
struct store_lessons { const struct store_lesson *items; size_t n; };
typedef void store_lessons_cb(void *ctx, const struct store_lessons *rows, const struct err *e);
struct store_call *store_lessons_load(struct store *s, struct arena *a, int64_t experiment, store_lessons_cb *done,
	void *ctx);
