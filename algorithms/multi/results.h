/*
 * A history as a table for models of several quantities: rows of columns, objectives, constraints.
 *
 * Entries are the trials that ended with a finite value of every objective; others that ended are
 * failures, which have only a verdict. Abandoned and pending trials say nothing. Each entry depends
 * on its trial alone, so a longer history begins with the same entries.
 */
#pragma once
#include "algorithms/algorithm.h"
#include "algorithms/gp/embed.h"

enum { RESULTS_CONSTRAINTS_MAX = 6 };   /* columns of them; the last one is the worst of the rest  */

struct results {
	uint32_t n, m, n_constraints;
	double *rows;               /* [n][columns]                                                */
	double *y;                  /* [n][m]: to be minimised                                     */
	double *violations;         /* [n]: 0 is feasible                                          */
	double *slack;              /* [n_constraints][room]: at least 0 is feasible, in logarithms */
	const double **x;           /* [n]: configurations, borrowed                               */
	uint32_t n_tried, n_failed;
	double *tried, *verdicts;   /* [n_tried][columns]; 1: has a result, -1: failed             */
	size_t room;
};

/* False: no memory, and nothing is held. */
bool results_read(struct results *r, const struct embed *e, const struct algo_problem *p,
	const struct algo_history *h);
void results_free(struct results *r);
