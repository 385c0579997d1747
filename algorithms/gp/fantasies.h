/*
 * What trials that have not ended may bring: a model that has imagined values in their places, so that another
 * trial goes where these would not be missed.
 *
 * Joint draws of the values at the pending places, by scrambled Sobol points, average the acquisition over what
 * may come (Snoek, Larochelle and Adams 2012, section 3.2); with many pending each is believed to bring its mean.
 */
#pragma once
#include <stdint.h>

#include "algorithms/gp/surrogate.h"

enum { FANTASIES = 32 };

/*
 * A copy of the surrogate's model with n >= 1 pending rows (n x columns), and what is to be improved on in each
 * of its gp_samples(): in: best[0], without them; out: best[FANTASIES]. ALGO_OK, ALGO_NO_MEMORY or ALGO_DEFECT;
 * *g, the caller's, is left alone unless ALGO_OK.
 */
enum algo_outcome fantasize(const struct surrogate *s, const double *pending, uint32_t n, uint64_t seed,
	struct gp **g, double *best);
