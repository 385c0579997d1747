/*
 * What a search algorithm is: a constant table of settings, capabilities and functions.
 *
 * A suggestion is a function of (space, objectives, settings, seed, sources, history in completion order).
 * suggest() may keep a cache between calls, but must give the same bits with and without it, so a
 * server that was killed continues the same search. Random numbers come from a stream per trial
 * number (rng.h), and what is pending counts as chosen, so asking three times for one gives what
 * asking once for three gives, wherever the method allows it.
 *
 * The functions are pure: no I/O, clock, globals or logging; they run on any thread, several at a
 * time, on data that does not change meanwhile. They poll `cancel` at least every few milliseconds
 * of work. Nothing that is passed in is kept, except by the cache, which copies.
 *
 * To add an algorithm: one file with a `const struct algorithm`, one line in registry.c; the contract
 * suite (tests/unit/algorithms/contract.c) then runs over it.
 */
#pragma once
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "algorithms/space.h"

/* ---- settings ---------------------------------------------------------------------------------- */

enum algo_setting_type {
	ALGO_BOOL = 0,              /* 0 or 1                                                      */
	ALGO_INT,                   /* exact to 2^53                                               */
	ALGO_REAL,
	ALGO_CHOICE,                /* index into choices                                          */
	ALGO_PARAM,                 /* index of a parameter of the space, given by its name        */
	ALGO_TEXT,
};

struct algo_setting {
	const char *name;           /* "n_startup_trials"                                          */
	const char *const *aliases; /* NULL-ended, or NULL; other names that mean the same         */
	enum algo_setting_type type;
	bool required;              /* has no default                                              */
	bool above_min, below_max;  /* the bound itself is excluded                                */
	double min, max;            /* int, real; infinite where unbounded                         */
	double def;                 /* bool, int, real, choice; NaN: chosen by the algorithm       */
	const char *const *choices; /* NULL-ended                                                  */
	const char *doc;            /* one sentence                                                */
};

/* One per row of the table. A row that was not given holds the default (NaN, NULL without one). */
struct algo_value {
	double number;
	const char *text;           /* ALGO_TEXT; borrowed                                         */
	bool given;
};

/* Receives one problem: `setting` or NULL, `param` or -1, and a sentence that lives for the call. */
typedef void algo_report(void *ctx, const char *setting, int param, const char *message);

/* ---- the problem ------------------------------------------------------------------------------- */

enum algo_direction { ALGO_MINIMIZE = 0, ALGO_MAXIMIZE };

struct algo_objective {
	enum algo_direction direction;
	double goal;                /* NaN: none                                                   */
};

/* How much of a trial is run: epochs, rows, seconds. What is NaN was not said: algo_fidelity_of(). */
struct algo_fidelity {
	double min, max;            /* resource of the cheapest and of a full trial                */
	double eta;                 /* factor between rungs, above 1                               */
	int param;                  /* the parameter that carries it, or -1: it is a step count    */
	bool resumable;             /* a trial can continue from another one's checkpoint          */
};

enum algo_status {
	ALGO_PENDING = 0,           /* chosen or running: no final values yet                      */
	ALGO_SUCCEEDED,             /* values[] are final; some may be NaN or infinite             */
	ALGO_STOPPED,               /* stopped early: values[] are those at its last step          */
	ALGO_FAILED,                /* its program failed or reported nothing: a bad place         */
	ALGO_ABANDONED,             /* killed or lost: says nothing about the place                */
};

struct algo_point {
	double step, value;
};

struct algo_trial {
	uint32_t number;            /* 1, 2, ...; unique in a history                              */
	enum algo_status status;
	bool suggested;             /* by the algorithm; false: enqueued or imported by a user     */
	const double *x;            /* d; a valid configuration of the space                       */
	const double *values;       /* n_objectives, NaN = missing; NULL while pending             */
	const double *constraints;  /* n_constraints, feasible at <= 0; NULL = unknown             */
	const struct algo_point *curve;     /* reports of the first objective, by step, or NULL    */
	uint32_t n_curve;
	double duration;            /* seconds, NaN = unknown                                      */
	/* What suggest() granted, as it was stored with the trial; NaN and 0 for users' trials. */
	double resource;
	uint32_t parent;
	int32_t bracket, rung;
};

/* An earlier experiment whose results may help: its trials mapped into the present space. */
struct algo_source {
	const struct algo_trial *trials;
	uint32_t n_trials;
};

struct algo_problem {
	const struct space *space;
	const struct algo_objective *objectives;
	uint32_t n_objectives;      /* >= 1                                                        */
	uint32_t n_constraints;
	const struct algo_value *settings;  /* one per row of the algorithm's table                */
	uint64_t seed;              /* the document's, else drawn once and stored                  */
	uint32_t max_trials;        /* 0: no limit                                                 */
	uint32_t parallel;          /* trials at once, >= 1                                        */
	const struct algo_fidelity *fidelity;       /* NULL: none                                  */
	const struct algo_source *sources;
	uint32_t n_sources;
	bool graded;                /* a scheduler's sampler is asked (ALGO_GRADED): algo_trial.resource is
								 * a place from 0, the least, to 1, in full; a configuration may
								 * have several results, and pending trials values: they are there
								 * once for each, and once without                             */
};

struct algo_history {
	const struct algo_trial *trials;    /* the ended ones, in the order in which they ended    */
	uint32_t n_trials;
	const struct algo_trial *pending;   /* the others, by number                               */
	uint32_t n_pending;
};

/* ---- suggestions ------------------------------------------------------------------------------- */

struct algo_suggestion {
	double *x;                  /* in: the caller's d doubles; out: a valid configuration      */
	double resource;            /* how far to run it; NaN: in full                             */
	uint32_t parent;            /* the trial that it continues, from its checkpoint if it can  */
								/* (algo_fidelity.resumable); 0: a fresh start             */
	int32_t bracket, rung;      /* the scheduler's marks: stored and handed back, else 0       */
};

struct algo_request {
	uint32_t first_number;      /* of the first suggestion; the next ones follow               */
	uint32_t n;                 /* wanted                                                      */
	struct algo_suggestion *out;        /* n of them                                           */
	uint32_t n_out;             /* out: how many were written                                  */
	const atomic_bool *cancel;  /* may be NULL                                                 */
	void *cache;                /* from cache_new(), or NULL; one call at a time               */
};

enum algo_outcome {
	ALGO_OK = 1,                /* all n were written                                          */
	ALGO_EXHAUSTED = 2,         /* n_out < n: the space holds no further configuration         */
	ALGO_WAIT = 3,              /* n_out < n: pending results are needed first; ask again then */
	ALGO_CANCELLED = -1,        /* on failure n_out is 0                                       */
	ALGO_NO_MEMORY = -2,
	ALGO_UNSUPPORTED = -3,      /* algo_check() would have told why                            */
	ALGO_DEFECT = -4,           /* a numerical dead end: a bug of the algorithm                */
};

enum algo_capability {
	ALGO_CONDITIONS = 1 << 0,       /* conditional parameters                                  */
	ALGO_CATEGORIES = 1 << 1,       /* categorical parameters                                  */
	ALGO_MULTI_OBJECTIVE = 1 << 2,
	ALGO_CONSTRAINTS = 1 << 3,      /* uses them; others ignore them                           */
	ALGO_ENDS = 1 << 4,             /* has its own last point (a grid)                         */
	ALGO_FIDELITY = 1 << 5,         /* grants resources                                        */
	ALGO_CURVES = 1 << 6,           /* reads algo_trial.curve; else it may be NULL             */
	ALGO_SOURCES = 1 << 7,          /* learns from earlier experiments                         */
	ALGO_REPEATS = 1 << 8,          /* goes on from a checkpoint with the same values          */
	ALGO_GRADED = 1 << 9,           /* learns from results at several resources at once        */
	ALGO_ONESHOT = 1 << 10,         /* looks at no results: what follows does not wait for them */
};

/*
 * The resources at which the trials of an algorithm that stops early are compared with each other. A
 * trial is stopped when it comes to one of them and is not among the best 1/eta of those that came as
 * far. Trials of different brackets (algo_trial.bracket; 0 for users' trials) meet different rungs.
 */
enum { ALGO_RUNGS_MAX = 64 };
struct algo_rungs {
	double at[ALGO_RUNGS_MAX];  /* ascending, all below max; bracket b meets at[b], at[b + 1], ... */
	uint32_t n;                 /* 0: every trial runs to the end                              */
	uint32_t brackets;          /* 1 .. n + 1                                                  */
	double max;                 /* resource of a full trial                                    */
	double eta;
};

struct algorithm {
	const char *name;
	const char *const *aliases;         /* NULL-ended, or NULL                                 */
	const char *doc;                    /* one paragraph: what it does, when to use it         */
	const struct algo_setting *settings;
	uint32_t n_settings;
	unsigned capabilities;
	/* What the tables cannot say; called with values inside their ranges. May be NULL. */
	bool (*check)(const struct algo_problem *p, algo_report *report, void *ctx);
	/* The number of trials after which it ends by itself, or SPACE_INFINITE. May be NULL. */
	uint64_t (*last_trial)(const struct algo_problem *p);
	enum algo_outcome (*suggest)(const struct algo_problem *p, const struct algo_history *h,
		struct algo_request *r);
	/* Optional: what speeds up the next call; NULL from cache_new() is allowed. */
	void *(*cache_new)(const struct algo_problem *p);
	void (*cache_free)(void *cache);
	/* Optional: the rungs at which its trials are to be stopped. False: none on this problem. */
	bool (*rungs)(const struct algo_problem *p, struct algo_rungs *out);
};

/* ---- for callers ------------------------------------------------------------------------------- */

/* Row of the setting with this name or alias (case matters), or -1. */
int algo_setting_find(const struct algorithm *a, const char *name);
/* Fills n_settings values with the defaults. */
void algo_settings_init(const struct algorithm *a, struct algo_value *values);
/* Checks type and range and stores. Text is what Katib's documents hold for every type ("10",
 * "true", "gp_hedge"); it must stay alive for ALGO_TEXT. On failure a problem is reported.
 * ALGO_PARAM rows take the number of the parameter, which the caller finds by its name. */
bool algo_setting_number(const struct algorithm *a, struct algo_value *values, uint32_t row,
	double number, algo_report *report, void *ctx);
bool algo_setting_text(const struct algorithm *a, struct algo_value *values, uint32_t row,
	const char *text, algo_report *report, void *ctx);
/* Everything that would keep the algorithm from working on this problem: required settings,
 * capabilities, the algorithm's own check(). Reports all; true if there was nothing. */
bool algo_check(const struct algorithm *a, const struct algo_problem *p, algo_report *report, void *ctx);
/*
 * The problem's fidelity with nothing left open. First comes what p->fidelity says (param -1 is "not
 * said"), then the algorithm's settings r_l (max), eta and resource_name (param), then: max is the
 * parameter's largest value; eta is 3; min is max / eta^k with the largest k that keeps it at or above
 * max / 9 (k = 1 if eta is larger) and the parameter's smallest value or, without a parameter, 1. With r_l
 * it is 1, as in Katib.
 *
 * False: nothing says how far a full trial runs. The parameter's range must hold max: a Katib document
 * with an r_l beyond it widens the range when its space is built.
 */
bool algo_fidelity_of(
	const struct algorithm *a, const struct algo_problem *p, struct algo_fidelity *out);

/* ---- for algorithms ---------------------------------------------------------------------------- */

static inline bool algo_cancelled(const struct algo_request *r)
{
	return r->cancel && atomic_load_explicit(r->cancel, memory_order_relaxed);
}

/* The row that every table has: Katib's name for the seed. */
extern const char *const algo_seed_aliases[];
#define ALGO_SETTING_SEED                                                                          \
	{                                                                                              \
		.name = "random_state", .aliases = algo_seed_aliases, .type = ALGO_INT, .min = 0,          \
		.max = 0x1p53, .def = __builtin_nan(""),                                                   \
		.doc = "Seed of the random numbers; the document's own seed goes before it."               \
	}
