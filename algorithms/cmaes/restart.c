/* Restart strategies. */
#include "algorithms/cmaes/restart.h"

#include <math.h>
#include <stdlib.h>

#include "algorithms/rng.h"

/* Steps of this part of a range, and values that agree to this part, are differences of no use. */
static const double TOLERANCE_X = 1e-10, TOLERANCE_VALUE = 1e-12;

bool restart_init(
	struct restart *r, enum restart_strategy strategy, uint32_t d, uint32_t lambda, double sigma)
{
	*r = (struct restart){.strategy = strategy,
		.lambda0 = lambda,
		.sigma0 = sigma,
		.lambda = lambda,
		.sigma = sigma,
		.window = 10 + (30 * d + lambda - 1) / lambda};
	r->best = calloc(2 * (size_t)r->window, sizeof(*r->best));
	r->worst = r->best + r->window;
	return r->best;
}

void restart_free(struct restart *r)
{
	free(r->best);
	r->best = NULL;
}

/* All values of the last generations agree. */
static bool is_flat(const struct restart *r)
{
	double low = HUGE_VAL, high = -HUGE_VAL;

	if (r->n < r->window)
		return false;
	for (uint32_t i = 0; i < r->window; i++) {
		low = fmin(low, r->best[i]);
		high = fmax(high, r->worst[i]);
	}
	if (!isfinite(low) || !isfinite(high))
		return false;
	return !(high / 2 - low / 2 > TOLERANCE_VALUE * fmax(fabs(low), fabs(high)));
}

bool restart_due(struct restart *r, const struct cma *c, double best, double worst)
{
	enum cma_end end = c ? cma_ended(c, TOLERANCE_X) : CMA_GOES_ON;

	r->best[r->n % r->window] = best;
	r->worst[r->n % r->window] = worst;
	r->n++;
	if (r->strategy != RESTART_NONE)
		return end != CMA_GOES_ON || is_flat(r);
	r->frozen = end == CMA_CONVERGED;
	return end == CMA_BROKEN;
}

void restart_next(struct restart *r, uint64_t seed)
{
	double spent = (double)r->n * r->lambda, growth;
	struct rng rng;

	*(r->small ? &r->spent_small : &r->spent_large) += spent;
	r->run++;
	r->n = 0;
	rng = rng_stream(seed, RNG_MODEL, r->run);
	r->small = r->strategy == RESTART_BIPOP && r->spent_small < r->spent_large;
	if (r->small) {
		double u = rng_uniform(&rng);

		growth = pow(2, r->large * u * u);
		r->sigma = r->sigma0 * pow(10, -2 * rng_uniform(&rng));
	} else {
		r->large += r->strategy != RESTART_NONE;
		growth = pow(2, fmin(r->large, 10));
		r->sigma = r->sigma0;
	}
	r->lambda = (uint32_t)fmin(floor(r->lambda0 * growth), CMA_LAMBDA_MAX);
}
