/*
 * Which parameters matter: how much of the results each of them explains, as shares that sum to 1.
 *
 * Both methods look at the trials that there are. Where an adaptive search stopped varying a parameter, it
 * looks less important than it is; a random or quasi-random sample has no such bias.
 *
 * Pure and deterministic. Costs are finite, smaller is better. What is inactive in every trial has share 0;
 * when nothing explains anything (too few trials, all costs alike), all shares are 0.
 */
#pragma once
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "algorithms/algorithm.h"
#include "algorithms/space.h"

struct importance_data {
	const struct space *space;
	const double *x;                /* n rows of d, valid configurations                           */
	const double *cost;             /* n                                                           */
	uint32_t n;
	uint64_t seed;                  /* fANOVA's                                                    */
};

/*
 * PED-ANOVA (Watanabe, Bansal and Hutter, IJCAI 2023, arXiv 2304.10255; conditional parameters as in arXiv
 * 2601.20800): the Pearson divergence between a parameter's distribution among the best tenth of the trials
 * and among all, each estimated on a grid of at most 50 cells. Takes O(n d): at once.
 */
enum algo_outcome importance_ped_anova(
	const struct importance_data *data, const atomic_bool *cancel, double *share);

/*
 * fANOVA (Hutter, Hoos and Leyton-Brown, ICML 2014): the share of the variance of a random forest over the
 * whole space that each parameter explains alone, without interactions. 64 trees on at most 1,000 trials
 * (drawn by the seed when there are more). Takes up to a few seconds.
 */
enum algo_outcome importance_fanova(
	const struct importance_data *data, const atomic_bool *cancel, double *share);
