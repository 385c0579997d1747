/*
 * The frame of algorithms that choose each trial by its number alone and look at no results: random,
 * grid, Sobol. It keeps what has been chosen, polls `cancel`, and ends when a finite space is used up.
 */
#pragma once
#include "algorithms/algorithm.h"
#include "algorithms/seen.h"

/*
 * Fills x for trial `number` with a configuration that `seen` does not have; there is at least one in
 * the space. ALGO_OK, ALGO_EXHAUSTED or ALGO_NO_MEMORY. seen->base is the ended trials.
 */
typedef enum algo_outcome oneshot_next(void *ctx, const struct seen *seen, uint32_t number, double *x);

/* What the history held at the last call, so that a long one is not read again. For cache_new() and
 * cache_free() as they are, or as a part of an algorithm's own. */
void *oneshot_cache_new(const struct algo_problem *p);          /* NULL: no memory             */
void oneshot_cache_free(void *cache);                           /* NULL is allowed             */

enum algo_outcome oneshot_suggest(const struct algo_problem *p, const struct algo_history *h,
	struct algo_request *r, void *oneshot_cache, oneshot_next *next, void *ctx);
