/*
 * The best configurations known, by the model's mean, and the value that the next one is to improve on.
 *
 * Of equal promise near the incumbent and elsewhere, elsewhere is worth more: what improves the best
 * value by less than a thousandth of what the search has gained so far counts as nothing. Output
 * warps stretch the best values as a search converges, so without that it would polish one optimum
 * for ever.
 */
#pragma once
#include <stdint.h>

#include "algorithms/gp/observations.h"
#include "algorithms/gp/surrogate.h"

struct incumbents {
	double *x;                  /* in: room for n_max x d; out: n configurations, the best first   */
	uint32_t n_max, n;
	double best;                /* out, in the model's unit                                        */
};

/* After surrogate_update() with these observations, of which there is one at least. ALGO_OK or
 * ALGO_NO_MEMORY. */
enum algo_outcome incumbents_find(struct incumbents *best, const struct surrogate *s,
	const struct observations *o, const struct embed *e);
