/*
 * The frame of algorithms that choose each trial by its number alone and look at no results: random,
 * grid, Sobol. It keeps what has been chosen, polls `cancel`, and ends when a finite space is used up.
 */
#pragma once
#include "algorithms/algorithm.h"
#include "algorithms/seen.h"

/*
 * Fills x for trial `number` with a configuration that seen_has() not; there is at least one unseen
 * in the space. ALGO_OK, ALGO_EXHAUSTED or ALGO_NO_MEMORY.
 */
typedef enum algo_outcome oneshot_next(void *ctx, const struct seen *seen, uint32_t number, double *x);

enum algo_outcome oneshot_suggest(const struct algo_problem *p, const struct algo_history *h,
    struct algo_request *r, oneshot_next *next, void *ctx);
