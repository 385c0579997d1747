/*
 * The categorical half of the search distribution: for every choice the probabilities of its values,
 * which follow the better ones among the samples by the natural gradient. None falls below a margin,
 * so no value is given up for good.
 *
 * Sources: Hamano et al. 2024, CatCMA (arXiv 2405.09962); the step length as in Akimoto et al. 2019,
 * ASNG (arXiv 1905.08537), with their constants.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "algorithms/cmaes/latent.h"

struct choices {
	uint32_t n;
	uint32_t *first; /* n + 1: where the probabilities of each choice begin in q    */
	double *q;
	double *gradient;
	double *flat, *path; /* the gradient and its cumulation where Fisher's metric is flat;
	                      * the last coordinate of each choice stays 0                  */
	uint32_t freedom;    /* sum of values - 1                                           */
	double reach, gamma; /* step length is 1 / reach; gamma: expected path length^2     */
};

bool choices_init(struct choices *c, const struct latent *l); /* even; false: no memory      */
void choices_free(struct choices *c);
void choices_reset(struct choices *c); /* even again                  */
/* From even, half way towards the frequencies in `n` rows of values that are known to be good. */
void choices_lean(struct choices *c, const uint32_t *const *good, uint32_t n);
/* The value of choice i at the quantile u in (0, 1). */
uint32_t choices_at(const struct choices *c, uint32_t i, double u);
/* Learns from a generation: lambda rows of n values, the best first. */
void choices_tell(struct choices *c, const uint32_t *const *best_first, uint32_t lambda);
