/*
 * Asynchronous successive halving by promotion (Li et al., A system for massively parallel hyperparameter
 * tuning, MLSys 2020): whenever a trial can start, the best configuration that is among the best
 * floor(n / eta) of the n that have ended at its level, and has not gone on, goes on to the next level,
 * looking from the highest level down; if there is none, a fresh one begins at the lowest.
 *
 * With several brackets fresh configurations also begin at higher levels, in the shares of Hyperband; the
 * trials of a level are compared whatever their bracket. Users' trials take part. Ties go to the older one.
 *
 * The last trials of a budget bring the best configuration to the top, if none has come there.
 */
#pragma once
#include "algorithms/algorithm.h"
#include "algorithms/fidelity/ladder.h"
#include "algorithms/fidelity/schedule.h"

struct promotion;

/* Reads the history; no level above `top` is granted. NULL: no memory. */
struct promotion *promotion_new(const struct algo_problem *p, const struct ladder *l, uint32_t top,
	uint32_t brackets, const struct algo_history *h);
void promotion_free(struct promotion *q);
enum verdict promotion_next(struct promotion *q, bool fresh, struct grant *out);

/* The bracket of the next fresh configuration, of which n[b] have begun in bracket b. */
uint32_t promotion_bracket(const struct ladder *l, uint32_t brackets, const uint32_t *n);
