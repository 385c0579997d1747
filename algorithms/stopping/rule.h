/*
 * Inside a stopper: its trials, and what a rule is asked about. For the rules and stopper.c alone.
 */
#pragma once
#include <math.h>
#include <stdbool.h>
#include <stdint.h>

#include "algorithms/stopping/columns.h"
#include "algorithms/stopping/points.h"
#include "algorithms/stopping/rungs.h"
#include "algorithms/stopping/stopper.h"

struct stop_trial {
	uint32_t number;
	bool begun;                 /* false: only named, as a parent                              */
	bool announced;             /* by stopper_begin(): what that says is known                 */
	bool told;                  /* to stop                                                     */
	bool from_zero;             /* has reported a step <= 0                                    */
	bool has_children;
	bool out;                   /* counted as out at its last rung                             */
	uint8_t n_entries;          /* of rungs, from the bracket's first                          */
	enum algo_status status;    /* pending until it ends                                       */
	int32_t bracket;
	uint32_t parent;
	double resource;
	double final;               /* cost                                                        */
	struct stop_points points;
	double *entries;            /* costs with which it came to its rungs; NULL without rungs   */
};

struct stopper {
	struct stop_problem p;      /* uses and rungs are not the caller's                         */
	char metric[64];
	struct stop_use uses[STOP_RULES_MAX];
	struct algo_value *settings;        /* of all uses                                         */
	struct stop_trial **trials; /* by number; [0] is NULL                                      */
	double *lowest;             /* by number: least cost of its points, infinite without       */
	size_t n_trials, capacity_trials, capacity_lowest;  /* one above the largest number        */
	uint32_t n_running;         /* begun, not told to stop, not ended                          */
	uint32_t n_whole;           /* ran to their end                                            */
	uint32_t best_whole;        /* the best of them, the first of several; 0: none             */
	double longest;             /* resource that one of them has come to; NaN: to be looked up */
	uint32_t hint;              /* the trial that was better than another one last             */
	struct stop_rungs rungs;
	struct columns columns;
	uint32_t ahead_trial, ahead_point;  /* whose steps stopper_build_ahead() looks at; 0: none yet */
	void *memo;                 /* of the curve rule                                           */
	double *ranks;              /* of the wilcoxon rule                                        */
	size_t memo_bytes;          /* of both                                                     */
	bool no_memory;             /* a memo could not be built                                   */
};

/* A point that has come: the trial as it stands, with the point taken in. */
struct stop_question {
	struct stopper *s;
	const struct stop_trial *trial;
	uint32_t index;             /* of the point                                                */
};

/* Ran to its end: succeeded with the whole resource. */
static inline bool trial_is_whole(const struct stopper *s, const struct stop_trial *t)
{
	return t->begun && t->status == ALGO_SUCCEEDED && !(t->resource < s->p.max_resource);
}

static inline struct stop_trial *stop_trial_at(const struct stopper *s, uint32_t number)
{
	return number < s->n_trials ? s->trials[number] : NULL;
}

/* The cost of a trial after its first n points (n >= 1): their best or the latest, NaN without. */
static inline double trial_cost(const struct stopper *s, const struct stop_trial *t, uint32_t n)
{
	return s->p.value == STOP_BEST ? t->points.prefix[n - 1].best :
									 stop_cost(s->p.direction, t->points.at[n - 1].value);
}

/* Has it reported so often? What was thinned has. */
static inline bool trial_has_reports(const struct stop_trial *t, double n)
{
	return t->points.n >= n || t->points.width != POINTS_ALL;
}

/* What is added to a step for the resource: 1 if the steps count from 0. */
double stop_base(const struct stopper *s, const struct stop_trial *t);
/* The resource of a full trial: as declared, or that of the longest one. 0: not known. */
double stop_full_resource(struct stopper *s);
/* As the user knows it. */
static inline double stop_shown(const struct stopper *s, double cost)
{
	return (s->p.direction == ALGO_MAXIMIZE ? -cost : cost) + 0.0;
}
