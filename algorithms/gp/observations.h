/*
 * What a history says about its configurations, as rows for a model.
 *
 * Succeeded trials have a value; a missing one (NaN) makes it a failure. A stopped trial has run in
 * part only: it counts with its last value, but as no better than the median of those that had
 * succeeded by then. Failed ones have no value but a verdict. Abandoned and pending trials say nothing.
 * Each entry depends on the trials before it alone, so a longer history begins with the same entries. In a
 * graded problem (algorithm.h) results of pending trials come after those of ended ones.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "algorithms/algorithm.h"
#include "algorithms/gp/embed.h"

struct observations {
	uint32_t n;                 /* results                                                         */
	uint32_t n_ended;           /* of these, of trials that have ended: the first ones             */
	double *rows, *values;      /* n x columns; n, larger is better, may be infinite               */
	const double **x;           /* n: their configurations, borrowed                               */
	uint32_t n_tried, n_failed; /* trials with a verdict; of these failed                          */
	double *tried, *verdicts;   /* n_tried x columns; 1: has a value, -1: failed                   */
};

/* Reads objective k. False: no memory, and nothing is held. */
bool observations_read(struct observations *o, const struct embed *e, const struct algo_problem *p,
	const struct algo_history *h, uint32_t k);
void observations_free(struct observations *o);
