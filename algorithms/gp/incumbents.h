/*
 * The best configurations known, by the model's mean, and the value that the next one is to improve on.
 *
 * Output warps stretch the best values as a search converges, so expected improvement alone would polish
 * one optimum for ever. Therefore they also tell the least gain worth having, a thousandth of what the
 * search has gained so far: whoever asks for that much more than the best looks elsewhere in time.
 */
#pragma once
#include <stdint.h>

#include "algorithms/gp/observations.h"
#include "algorithms/gp/surrogate.h"

struct incumbents {
	double *x;                  /* in: room for n_max x d; out: n configurations, the best first   */
	uint32_t n_max, n;
	double best, least_gain;    /* out, in the model's unit                                        */
};

/* After surrogate_update() with these observations, of which there is one at least. ALGO_OK or
 * ALGO_NO_MEMORY. */
enum algo_outcome incumbents_find(struct incumbents *best, const struct surrogate *s,
	const struct observations *o, const struct embed *e);
