/*
 * The constants of CMA-ES: recombination weights and learning rates, as functions of the dimension
 * and the population size. Source: Hansen, The CMA Evolution Strategy: A Tutorial (arXiv 1604.00772),
 * equations 48 to 58, with active (negative) weights.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct cma_rates {
	uint32_t d;          /* >= 1                                                        */
	uint32_t lambda, mu; /* population size >= 4, and how many of it are parents        */
	double *weights;     /* lambda, best first; the first mu are positive and sum to 1  */
	double weight_sum;   /* of all lambda                                               */
	double mu_eff;
	double c1, c_mu;         /* covariance: rank-one and rank-mu updates                    */
	double c_c;              /* cumulation of the rank-one path                             */
	double c_sigma, d_sigma; /* cumulation and damping of the step size                     */
	double chi;              /* expected length of a standard normal vector                 */
};

uint32_t cma_population(uint32_t d); /* the usual size, 4 + floor(3 ln d)                   */
/* With `diagonal`, the covariance learns faster by (d + 2) / 3 (Ros and Hansen 2008). False: no
 * memory. */
bool cma_rates_init(struct cma_rates *r, uint32_t d, uint32_t lambda, bool diagonal);
void cma_rates_free(struct cma_rates *r);
