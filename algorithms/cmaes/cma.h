/*
 * One run of CMA-ES on vectors: a normal distribution that follows the better ones among its samples.
 * Knows no space, no bounds and no values: its caller samples, ranks and tells.
 *
 * Sources: Hansen's tutorial (arXiv 1604.00772); points that were not sampled here, as Hansen 2011
 * (Injecting External Solutions Into CMA-ES, arXiv 1110.4181); learning rates that adapt to noise as
 * Nomura et al. 2023 (arXiv 2304.03473). Above CMA_FULL_MAX dimensions the covariance is diagonal.
 *
 * A run belongs to one thread at a time. The same calls give the same bits.
 */
#pragma once
#include <gsl/gsl_eigen.h>
#include <stdbool.h>
#include <stdint.h>

#include "algorithms/cmaes/rates.h"
#include "algorithms/rng.h"

enum { CMA_FULL_MAX = 100, CMA_LAMBDA_MAX = 1024 };

struct cma_adapt;

struct cma {
	struct cma_rates rates;
	bool diagonal;
	uint32_t generation; /* updates so far                                              */
	uint32_t stale;      /* updates since the decomposition                             */
	double sigma;
	double *mean;          /* d                                                           */
	double *cov;           /* C: d x d, symmetric; diagonal: d                            */
	double *basis, *scale; /* C = B D^2 B': B by rows (d x d), D (d)                      */
	double *path_sigma, *path_c;
	double *work; /* 2 d + d x d                                                 */
	gsl_eigen_symmv_workspace eigen;
	struct cma_adapt *adapt; /* learning rates that adapt to noise, or NULL                 */
};

/* One member of a generation, to be told. */
struct cma_member {
	double *x;    /* d                                                           */
	bool foreign; /* not a sample of this generation: its step is shortened      */
};

/* Starts at `mean` with covariance sigma^2 I. NULL: no memory. lambda: 4 .. CMA_LAMBDA_MAX. */
struct cma *cma_new(uint32_t d, uint32_t lambda, const double *mean, double sigma, bool adapt);
void cma_free(struct cma *c);
/* Makes c->cov, a full symmetric covariance, into sigma^2 C with det C = 1, and decomposes it. */
void cma_split_covariance(struct cma *c);

/* x = mean + sigma B D z. */
void cma_place(const struct cma *c, const double *z, double *x);
/* Learns from a generation: rates.lambda members, the best first. */
void cma_tell(struct cma *c, const struct cma_member *best_first);
double cma_sd(const struct cma *c, uint32_t j); /* standard deviation along axis j             */

enum cma_end {
	CMA_GOES_ON = 0,
	CMA_CONVERGED, /* every standard deviation is below `tolerance`               */
	CMA_BROKEN,    /* the distribution degenerated: condition, not a number       */
};
enum cma_end cma_ended(const struct cma *c, double tolerance);
