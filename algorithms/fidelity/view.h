/*
 * The history as a sampler sees it.
 *
 * One that learns from all levels (ALGO_GRADED) sees every result that is known: each as of a full trial
 * (align.h), with the place of its level, 0 to 1, as its resource. Trials that were stopped before the lowest
 * level say nothing. Results of ended trials come in the order in which these ended, those of pending ones
 * behind each of them.
 *
 * One that knows nothing of resources sees results of one level: the highest with enough of them, at least two
 * more than there are parameters and at least six, as in BOHB (Falkner et al. 2018); before any has enough, the
 * one with most. A trial that runs, or was stopped, and has passed the level counts with what it reported there.
 * One that was stopped before is in the view as stopped, with its last value: samplers take those for no better
 * than the middle of the others. Other trials without a result at the level are places that were tried and say
 * nothing, so that they are not tried again; failed ones are bad places whatever their level.
 *
 * Fresh configurations are numbered 1, 2, ... in the order of their trials, so that a sequence of points
 * has no holes where trials were promotions of earlier ones.
 */
#pragma once
#include "algorithms/algorithm.h"
#include "algorithms/fidelity/ladder.h"

struct view {
	struct algo_history h;          /* for the sampler                                             */
	struct algo_trial *trials, *pending;
	double *x, *values;
	uint32_t room;                  /* for trials that are added to `pending`                      */
	uint32_t n_values;              /* that are in use                                             */
	uint32_t rows;                  /* of x that are in use                                        */
	const struct ladder *ladder;
	uint32_t d;
	double fixed;
	uint32_t next_number;           /* of the next fresh configuration                             */
	uint32_t level;                 /* of one that sees one level                                  */
	bool graded;                    /* it sees all                                                 */
};

/* `space` is the sampler's: p->space, or a copy in which the resource's parameter has one value, which is
 * `fixed`. With room for `room` more pending ones. False: no memory. */
bool view_init(struct view *v, const struct algo_problem *p, const struct ladder *l, const struct space *space,
	double fixed, const struct algo_history *h, uint32_t room, bool graded);
void view_free(struct view *v);
/* One more pending configuration; x, of the sampler's space, is borrowed. */
void view_add(struct view *v, const double *x);
/* The configuration of `parent` goes on to a level as trial `number`: as view_init() reads a pending one. */
void view_add_promotion(struct view *v, const struct algo_trial *parent, uint32_t level, uint32_t number);
