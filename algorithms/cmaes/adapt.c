/* Learning rate adaptation. */
#include "algorithms/cmaes/adapt.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "algorithms/cmaes/cma.h"

static const double ALPHA = 1.4; /* ratio that is aimed at, per unit of learning rate */
static const double GAMMA = 0.1; /* how fast a rate changes, in parts of itself       */
static const double BETA_MEAN = 0.1, BETA_COV = 0.03;

/* One rate, and the moving averages that its ratio is estimated from. */
struct rate {
	double eta, beta;
	double *average; /* E: of the update, in the distribution's own coordinates */
	double power;    /* V: of its squared length                                */
	size_t n;
};

struct cma_adapt {
	struct rate of_mean, of_cov;
	double sigma; /* before the update */
	double *mean, *cov;
	double *white;   /* C^-1/2 / sigma, before the update */
	double *change;  /* Sigma after minus before          */
	double *product; /* d x d                             */
	double *block;
};

struct cma_adapt *cma_adapt_new(uint32_t dim)
{
	size_t d = dim, square = d * d;
	struct cma_adapt *a = calloc(1, sizeof(*a));

	if (!a)
		return NULL;
	if (!(a->block = calloc(2 * d + 5 * square, sizeof(*a->block)))) {
		free(a);
		return NULL;
	}
	a->of_mean = (struct rate){.eta = 1, .beta = BETA_MEAN, .average = a->block, .n = d};
	a->mean = a->block + d;
	a->of_cov = (struct rate){.eta = 1, .beta = BETA_COV, .average = a->mean + d, .n = square};
	a->cov = a->of_cov.average + square;
	a->white = a->cov + square;
	a->change = a->white + square;
	a->product = a->change + square;
	return a;
}

void cma_adapt_free(struct cma_adapt *a)
{
	if (!a)
		return;
	free(a->block);
	free(a);
}

void cma_adapt_before(struct cma_adapt *a, const struct cma *c)
{
	size_t d = c->rates.d;

	a->sigma = c->sigma;
	memcpy(a->mean, c->mean, d * sizeof(*a->mean));
	memcpy(a->cov, c->cov, d * d * sizeof(*a->cov));
	for (size_t i = 0; i < d; i++) {
		for (size_t j = 0; j < d; j++) {
			double sum = 0;

			for (size_t k = 0; k < d; k++)
				sum += c->basis[i * d + k] * c->basis[j * d + k] / c->scale[k];
			a->white[i * d + j] = sum / a->sigma;
		}
	}
}

/* out = scale * A B for d x d matrices. */
static void multiply(const double *x, const double *y, double scale, size_t d, double *out)
{
	memset(out, 0, d * d * sizeof(*out));
	for (size_t i = 0; i < d; i++)
		for (size_t k = 0; k < d; k++)
			for (size_t j = 0; j < d; j++)
				out[i * d + j] += scale * x[i * d + k] * y[k * d + j];
}

/* Takes the latest update into the averages and moves eta towards the ratio that they show. */
static void learn(struct rate *r, const double *update)
{
	double length = 0, known = 0, ratio, change;

	for (size_t i = 0; i < r->n; i++) {
		r->average[i] = (1 - r->beta) * r->average[i] + r->beta * update[i];
		length += update[i] * update[i];
		known += r->average[i] * r->average[i];
	}
	r->power = (1 - r->beta) * r->power + r->beta * length;
	ratio = (known - r->beta / (2 - r->beta) * r->power) / fmax(r->power - known, DBL_MIN);
	change = fmax(-1, fmin(1, ratio / ALPHA / r->eta - 1));
	r->eta = fmin(1, r->eta * exp(fmin(GAMMA * r->eta, r->beta) * change));
}

void cma_adapt_after(struct cma_adapt *a, struct cma *c)
{
	size_t d = c->rates.d;
	double *local = c->work, before = a->of_mean.eta;

	for (size_t i = 0; i < d; i++) {
		local[i] = 0;
		for (size_t k = 0; k < d; k++)
			local[i] += a->white[i * d + k] * (c->mean[k] - a->mean[k]);
	}
	learn(&a->of_mean, local);
	for (size_t i = 0; i < d; i++)
		c->mean[i] = a->mean[i] + a->of_mean.eta * (c->mean[i] - a->mean[i]);

	for (size_t i = 0; i < d * d; i++)
		a->change[i] = c->sigma * c->sigma * c->cov[i] - a->sigma * a->sigma * a->cov[i];
	multiply(a->white, a->change, M_SQRT1_2, d, a->product);
	multiply(a->product, a->white, 1, d, c->work);
	learn(&a->of_cov, c->work);
	for (size_t i = 0; i < d * d; i++)
		c->cov[i] = a->sigma * a->sigma * a->cov[i] + a->of_cov.eta * a->change[i];

	cma_split_covariance(c);
	c->sigma *= before / a->of_mean.eta;
}
