/*
 * Acquisition functions: how much a point promises, for blocks of points, with gradients.
 *
 * An acquisition is anything that can tell its value at a block of rows and, for the block it was
 * just asked for, the gradient. Sums of them are acquisitions: expected improvement in logarithms
 * plus the logarithm of the probability that a trial succeeds is the usual one. What wants more models
 * (constraints, hypervolumes) adds an implementation, the maximiser need not know.
 *
 * Improvements are taken over all samples of a model with fantasies (gp_fantasize()), each with its
 * own best value: ln of the mean over the samples of the analytic expected improvement, which is the
 * sequential-greedy q-EI with the last point integrated out. Sources: Ament et al. 2023
 * (arXiv 2310.20708) for the logarithms; Wilson et al. 2018 (arXiv 1805.10196) for fantasies.
 *
 * An acquisition belongs to its creator and to one thread; it borrows its model, which must not change.
 */
#pragma once
#include <stdint.h>

#include "algorithms/algorithm.h"
#include "algorithms/gp/model.h"

struct trend;

/* Points in one block, at most. */
enum { ACQUISITION_BLOCK = 64 };

struct acquisition {
	/* value[b] at the rows points[b x d], 1 <= b <= ACQUISITION_BLOCK. ALGO_OK or ALGO_NO_MEMORY. */
	enum algo_outcome (*forward)(
		struct acquisition *a, const double *points, uint32_t b, double *value);
	/* gradient[b x d] for the block that forward() just took; 0 for categories. */
	void (*backward)(struct acquisition *a, double *gradient);
	void (*free)(struct acquisition *a);
};

enum improvement {
	IMPROVEMENT_LOG_EI = 0,     /* ln of the expected improvement                                  */
	IMPROVEMENT_LOG_PI,         /* ln of the probability of an improvement                         */
	IMPROVEMENT_UCB,            /* mean + kappa standard deviations                                */
};

/* best[S]: what to improve on, for each of the model's samples; copied. UCB ignores it, the others
 * ignore kappa. NULL: no memory. */
struct acquisition *acquisition_improvement(
	const struct gp *g, enum improvement kind, const double *best, double kappa);
/* The same of a model of what remains above a trend (trend.h), which is borrowed too; NULL: none. */
struct acquisition *acquisition_improvement_on(const struct trend *trend, const struct gp *g,
	enum improvement kind, const double *best, double kappa);
/* ln of the probability that the model's value is above the threshold. NULL: no memory. */
struct acquisition *acquisition_probability(const struct gp *g, double threshold);
/* The sum of n <= ACQUISITION_TERMS others, which it owns from then on. If it fails they are freed:
 * a term may be NULL, which fails. `columns` is d. */
enum { ACQUISITION_TERMS = 8 };
struct acquisition *acquisition_sum(
	struct acquisition *const *terms_take, uint32_t n, uint32_t columns);
void acquisition_free(struct acquisition *a);           /* NULL is allowed                         */
