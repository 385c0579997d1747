/*
 * Configurations worth a look: spread over the space, or close to those that are known to be good.
 * All are valid; what a condition switches on and nobody has chosen is drawn from the prior.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "algorithms/gp/embed.h"
#include "algorithms/rng.h"

struct candidates {
	const struct embed *embed;
	const double *low, *high;       /* [columns]: box of the numeric ones; NULL: all of [0, 1]     */
	const double *incumbents;       /* [n_incumbents x d] natural values, the best one first       */
	uint32_t n_incumbents;
	struct rng *rng;
};

/* Top down: what is active and NaN is drawn, what is inactive becomes NaN. True if any was drawn. */
bool candidates_settle(const struct candidates *c, double *x);
/* x[n x d]: scrambled Sobol points. With a box most keep most of the first incumbent's values
 * (TuRBO's mask). False: no memory. */
bool candidates_spread(const struct candidates *c, uint32_t n, double *x);
/* x[n x d]: incumbents, each moved a little in one parameter at least. Needs an incumbent. */
void candidates_spray(const struct candidates *c, uint32_t n, double *x);
