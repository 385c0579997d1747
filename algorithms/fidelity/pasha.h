/*
 * How far PASHA lets trials run (Bohdal et al., PASHA: Efficient HPO and NAS with progressive resource
 * allocation, ICLR 2023): at first to the second level only, and one level further whenever the two highest
 * ones do not agree on the order of the configurations that ended in both.
 *
 * They agree when each configuration of the upper order has, at the lower level, a value within epsilon of the
 * one that has its place there. Epsilon is how much curves that cross each other and cross back differ: the
 * 90th percentile of the distances of such pairs, 0 without curves.
 */
#pragma once
#include "algorithms/algorithm.h"
#include "algorithms/fidelity/ladder.h"

/* The highest level that is granted after this history, in pasha_top(). A function of the ended trials in
 * their order that never falls as more of them end. */
bool pasha_top(const struct algo_problem *p, const struct ladder *l, const struct algo_history *h, uint32_t *top);
