/* Weights and learning rates of CMA-ES. */
#include "algorithms/cmaes/rates.h"

#include <math.h>
#include <stdlib.h>

uint32_t cma_population(uint32_t d)
{
	return 4 + (uint32_t)floor(3 * log(d > 0 ? d : 1));
}

/* (sum w)^2 / sum w^2: how many of the weights count. */
static double effective(const double *w, uint32_t n)
{
	double sum = 0, squares = 0;

	for (uint32_t i = 0; i < n; i++) {
		sum += w[i];
		squares += w[i] * w[i];
	}
	return sum * sum / squares;
}

/* Scales the positive weights to sum 1 and the negative ones to sum -alpha. */
static void normalise(struct cma_rates *r, double alpha)
{
	double positive = 0, negative = 0;

	for (uint32_t i = 0; i < r->lambda; i++)
		*(r->weights[i] >= 0 ? &positive : &negative) += fabs(r->weights[i]);
	r->weight_sum = 0;
	for (uint32_t i = 0; i < r->lambda; i++) {
		r->weights[i] *= r->weights[i] >= 0 ? 1 / positive : alpha / negative;
		r->weight_sum += r->weights[i];
	}
}

bool cma_rates_init(struct cma_rates *r, uint32_t dim, uint32_t lambda, bool diagonal)
{
	double d = dim, mu_eff, mu_eff_negative, alpha;

	*r = (struct cma_rates){.d = dim, .lambda = lambda, .mu = lambda / 2};
	if (!(r->weights = malloc(lambda * sizeof(*r->weights))))
		return false;
	for (uint32_t i = 0; i < lambda; i++)
		r->weights[i] = log((lambda + 1.0) / 2) - log(i + 1.0);
	mu_eff = r->mu_eff = effective(r->weights, r->mu);
	mu_eff_negative = effective(r->weights + r->mu, lambda - r->mu);

	r->c1 = 2 / ((d + 1.3) * (d + 1.3) + mu_eff);
	r->c_mu = 2 * (mu_eff - 2 + 1 / mu_eff) / ((d + 2) * (d + 2) + mu_eff);
	if (diagonal) {
		r->c1 = fmin(0.5, r->c1 * (d + 2) / 3);
		r->c_mu *= (d + 2) / 3;
	}
	r->c_mu = fmin(1 - r->c1 - 1e-8, r->c_mu);
	alpha = fmin(fmin(1 + r->c1 / r->c_mu, 1 + 2 * mu_eff_negative / (mu_eff + 2)),
		(1 - r->c1 - r->c_mu) / (d * r->c_mu));
	normalise(r, alpha);

	r->c_sigma = (mu_eff + 2) / (d + mu_eff + 5);
	r->d_sigma = 1 + 2 * fmax(0, sqrt((mu_eff - 1) / (d + 1)) - 1) + r->c_sigma;
	r->c_c = (4 + mu_eff / d) / (d + 4 + 2 * mu_eff / d);
	r->chi = sqrt(d) * (1 - 1 / (4 * d) + 1 / (21 * d * d));
	return true;
}

void cma_rates_free(struct cma_rates *r)
{
	free(r->weights);
	r->weights = NULL;
}
