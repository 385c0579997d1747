/*
 * Values of all levels in the unit of a full trial, for a sampler that learns from all of them at once.
 *
 * What trials have after a part of their training differs from what they end with by an offset and a scale:
 * a line from each level to the next, by least squares through the trials that have values at both, with a
 * slope drawn towards 1 where there are few. From a lower level the lines are followed one after the other. How
 * well a level foretells the end is left to the sampler's model.
 */
#pragma once
#include "algorithms/algorithm.h"
#include "algorithms/fidelity/ladder.h"

struct align {
	uint32_t n;                 /* levels                                                      */
	struct align_line {
		double from, to, slope;
	} lines[ALGO_RUNGS_MAX];    /* [n - 1]: from each level to the next                        */
};

void align_init(struct align *a, const struct algo_problem *p, const struct ladder *l, const struct algo_history *h);
/* A value of a level, as of the last one. */
double align_value(const struct align *a, uint32_t level, double value);
