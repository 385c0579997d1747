/*
 * Warm start by the first trials: the best configurations of earlier experiments come before anything that
 * the algorithm itself suggests, whichever it is.
 *
 * They are a greedy zero-shot portfolio (Wistuba, Schilling and Schmidt-Thieme, Sequential model-free
 * hyperparameter tuning, ICDM 2015; as in Syne Tune's ZeroShotTransfer): the best of every source, then what
 * lowers the mean over the sources of the best rank the most. A configuration that was not tried in a source
 * is judged there by the nearest one that was.
 *
 * Sources may mislead. After the first of the portfolio, and after the second, the algorithm has a trial of its own; as
 * soon as one that is not of the portfolio is better than all that are, the rest of it is left out. So a source that is
 * worse than chance costs one or two trials. Only of one objective without constraints is that known.
 *
 * Which ones have been given is read off the history: a configuration of the portfolio that is in there does
 * not come again. So a restart goes on where it was.
 */
#pragma once
#include "algorithms/algorithm.h"

/* So many come at most: 3 a source, a tenth of the budget, though one in any case, and no more than a
 * design of the algorithm's own would have. 0 without sources that have results. */
uint32_t warm_limit(const struct algo_problem *p);

/* Writes the portfolio, best first, to x (warm_limit() rows of d values) and counts it in *n. ALGO_OK,
 * ALGO_NO_MEMORY or ALGO_CANCELLED; cancel may be NULL. */
enum algo_outcome warm_portfolio(
	const struct algo_problem *p, const atomic_bool *cancel, double *x, uint32_t *n);

/* Is a trial that is not of the portfolio better than all of the portfolio that have ended? Then it goes on no longer.
 * ALGO_OK, ALGO_NO_MEMORY or ALGO_CANCELLED. */
enum algo_outcome warm_disappoints(const struct algo_problem *p, const struct algo_history *h,
	const atomic_bool *cancel, bool *disappoints);

/* As a->suggest(), with the portfolio before it. This is what callers ask. */
enum algo_outcome warm_suggest(const struct algorithm *a, const struct algo_problem *p,
	const struct algo_history *h, struct algo_request *r);
