/*
 * When a search has converged: an upper bound of what could still be gained over the best trial.
 *
 * The bound of Makarova et al. (Automatic termination for hyperparameter optimization, AutoML 2022), as in
 * Optuna's RegretBoundEvaluator: a Gaussian process of the better half of the results (at least 20 of them),
 * confidence bounds mean +- sqrt(beta) sd with beta = 2 ln(d n^2 pi^2 / (6 delta)) / 5, delta = 0.1, and
 *     bound = max over the space of the upper one - max over the trials of the lower one.
 * The first maximum is searched for, not sampled (gp/maximize.h), so it is not taken for less than it is.
 *
 * Everything is in units of `spread`, the standard deviation of the better half. A search may end when the
 * bound is below what its user tolerates, or below `noise`: then repeating the best trial would change more.
 *
 * Pure and deterministic: a function of the problem and the ended trials. Takes a few milliseconds with 50
 * trials, up to a second with 600; more than 300 results in the better half are cut to the best 300.
 */
#pragma once
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "algorithms/algorithm.h"

struct terminator_verdict {
	bool judged;                    /* false: too few results, or all of the better half are alike */
	uint32_t n;                     /* trials with a result that keeps the constraints             */
	double bound;                   /* of what could be gained, in spreads; >= 0                   */
	double noise;                   /* standard deviation of a repeated trial, in spreads          */
	double spread;                  /* in units of the objective                                   */
};

/* Of the first objective. ALGO_OK, ALGO_NO_MEMORY, ALGO_CANCELLED or ALGO_DEFECT; cancel may be NULL. */
enum algo_outcome terminator_judge(const struct algo_problem *p, const struct algo_history *h,
	const atomic_bool *cancel, struct terminator_verdict *v);
