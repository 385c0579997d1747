/* The normal distribution of CMA-ES and its update. */
#include "algorithms/cmaes/cma.h"

#include <float.h>
#include <gsl/gsl_matrix.h>
#include <gsl/gsl_vector.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "algorithms/assert.h"
#include "algorithms/blas.h"
#include "algorithms/cmaes/adapt.h"

/* In the unit cube a larger step says nothing more, and could overflow one day. */
static const double SD_MAX = 1;
static const double CONDITION_MAX = 1e14;

static double *carve(double **block, size_t n)
{
	double *part = *block;

	*block += n;
	return part;
}

static bool allocate(struct cma *c)
{
	size_t d = c->rates.d, square = c->diagonal ? d : d * d;
	double *block = calloc(10 * d + 3 * square, sizeof(*block));

	if (!block)
		return false;
	c->mean = carve(&block, d);
	c->scale = carve(&block, d);
	c->path_sigma = carve(&block, d);
	c->path_c = carve(&block, d);
	c->cov = carve(&block, square);
	c->basis = carve(&block, square);
	c->work = carve(&block, 2 * d + square);
	/* Not gsl_eigen_symmv_alloc(): it loses memory when a part of it cannot be had. */
	c->eigen = (gsl_eigen_symmv_workspace){.size = d};
	c->eigen.d = carve(&block, d);
	c->eigen.sd = carve(&block, d);
	c->eigen.gc = carve(&block, d);
	c->eigen.gs = carve(&block, d);
	return true;
}

struct cma *cma_new(uint32_t d, uint32_t lambda, const double *mean, double sigma, bool adapt)
{
	struct cma *c = calloc(1, sizeof(*c));

	ALGO_ASSERT(d >= 1 && lambda >= 4 && lambda <= CMA_LAMBDA_MAX);
	blas_use_one_thread();
	if (!c)
		return NULL;
	c->diagonal = d > CMA_FULL_MAX;
	c->sigma = sigma;
	if (!cma_rates_init(&c->rates, d, lambda, c->diagonal) || !allocate(c))
		goto fail;
	if (adapt && !c->diagonal && !(c->adapt = cma_adapt_new(d)))
		goto fail;
	memcpy(c->mean, mean, d * sizeof(*mean));
	for (uint32_t j = 0; j < d; j++) {
		c->scale[j] = 1;
		c->cov[c->diagonal ? j : (size_t)j * d + j] = 1;
		if (!c->diagonal)
			c->basis[(size_t)j * d + j] = 1;
	}
	return c;
fail:
	cma_free(c);
	return NULL;
}

void cma_free(struct cma *c)
{
	if (!c)
		return;
	cma_rates_free(&c->rates);
	cma_adapt_free(c->adapt);
	free(c->mean); /* the block */
	free(c);
}

static double variance(const struct cma *c, uint32_t j)
{
	return c->cov[c->diagonal ? j : (size_t)j * c->rates.d + j];
}

double cma_sd(const struct cma *c, uint32_t j)
{
	return c->sigma * sqrt(variance(c, j));
}

/* ---- coordinates ------------------------------------------------------------------------------- */

/* C = B D^2 B'. Eigenvalues that rounding made negative are lifted. */
static void decompose(struct cma *c)
{
	uint32_t d = c->rates.d;
	double top = 0;

	c->stale = 0;
	if (c->diagonal) {
		for (uint32_t j = 0; j < d; j++)
			c->scale[j] = sqrt(fmax(c->cov[j], DBL_MIN));
		return;
	}
	memcpy(c->work, c->cov, (size_t)d * d * sizeof(*c->work));
	gsl_matrix_view a = gsl_matrix_view_array(c->work, d, d);
	gsl_matrix_view b = gsl_matrix_view_array(c->basis, d, d);
	gsl_vector_view e = gsl_vector_view_array(c->scale, d);
	gsl_eigen_symmv(&a.matrix, &e.vector, &b.matrix, &c->eigen);
	for (uint32_t j = 0; j < d; j++)
		top = fmax(top, c->scale[j]);
	for (uint32_t j = 0; j < d; j++)
		c->scale[j] = sqrt(fmax(c->scale[j], top * 1e-16));
}

void cma_split_covariance(struct cma *c)
{
	size_t d = c->rates.d, n = c->diagonal ? d : d * d;
	double log_sigma = 0;

	decompose(c);
	for (size_t k = 0; k < d; k++)
		log_sigma += log(c->scale[k]) / (double)d;
	c->sigma = exp(log_sigma);
	for (size_t k = 0; k < d; k++)
		c->scale[k] /= c->sigma;
	for (size_t i = 0; i < n; i++)
		c->cov[i] /= c->sigma * c->sigma;
}

void cma_place(const struct cma *c, const double *z, double *x)
{
	uint32_t d = c->rates.d;

	for (uint32_t i = 0; i < d; i++) {
		const double *row = c->basis + (size_t)i * d;
		double y = 0;

		if (c->diagonal)
			y = c->scale[i] * z[i];
		else
			for (uint32_t k = 0; k < d; k++)
				y += row[k] * c->scale[k] * z[k];
		x[i] = c->mean[i] + c->sigma * y;
	}
}

/* t = D^-1 B' y: y in the coordinates in which the distribution is standard; returns |t|^2. */
static double standardise(const struct cma *c, const double *y, double *t)
{
	uint32_t d = c->rates.d;
	double square = 0;

	memset(t, 0, d * sizeof(*t));
	for (uint32_t i = 0; i < d; i++) {
		const double *row = c->basis + (size_t)i * d;

		if (c->diagonal)
			t[i] = y[i];
		else
			for (uint32_t k = 0; k < d; k++)
				t[k] += row[k] * y[i];
	}
	for (uint32_t k = 0; k < d; k++) {
		t[k] /= c->scale[k];
		square += t[k] * t[k];
	}
	return square;
}

/* out = C^-1/2 y = B D^-1 B' y. */
static void whiten(const struct cma *c, const double *y, double *t, double *out)
{
	uint32_t d = c->rates.d;

	standardise(c, y, t);
	for (uint32_t i = 0; i < d; i++) {
		const double *row = c->basis + (size_t)i * d;

		out[i] = c->diagonal ? t[i] : 0;
		if (!c->diagonal)
			for (uint32_t k = 0; k < d; k++)
				out[i] += row[k] * t[k];
	}
}

/* ---- the update -------------------------------------------------------------------------------- */

/* Members become steps y = (x - mean) / sigma, in place; foreign ones no longer than a sample's. */
static void to_steps(struct cma *c, const struct cma_member *m)
{
	double d = c->rates.d, longest = sqrt(d) + 2 * d / (d + 2);

	for (uint32_t i = 0; i < c->rates.lambda; i++) {
		double length;

		for (uint32_t j = 0; j < c->rates.d; j++)
			m[i].x[j] = (m[i].x[j] - c->mean[j]) / c->sigma;
		if (!m[i].foreign)
			continue;
		length = sqrt(standardise(c, m[i].x, c->work));
		if (length > longest)
			for (uint32_t j = 0; j < c->rates.d; j++)
				m[i].x[j] *= longest / length;
	}
}

static double norm(const double *v, uint32_t n)
{
	double square = 0;

	for (uint32_t i = 0; i < n; i++)
		square += v[i] * v[i];
	return sqrt(square);
}

/* Cumulates both paths; true unless the step-size path is too long for the rank-one update. */
static bool follow(struct cma *c, const double *step)
{
	const struct cma_rates *r = &c->rates;
	double *t = c->work + r->d, *white = t + r->d;
	double by_sigma = sqrt(r->c_sigma * (2 - r->c_sigma) * r->mu_eff);
	double by_c = sqrt(r->c_c * (2 - r->c_c) * r->mu_eff), length;
	bool steady;

	whiten(c, step, t, white);
	for (uint32_t j = 0; j < r->d; j++)
		c->path_sigma[j] = (1 - r->c_sigma) * c->path_sigma[j] + by_sigma * white[j];
	length = norm(c->path_sigma, r->d);
	steady =
		length / sqrt(1 - pow(1 - r->c_sigma, 2.0 * (c->generation + 1))) < (1.4 + 2.0 / (r->d + 1)) * r->chi;
	for (uint32_t j = 0; j < r->d; j++)
		c->path_c[j] = (1 - r->c_c) * c->path_c[j] + (steady ? by_c * step[j] : 0);
	c->sigma *= exp(fmin(1, r->c_sigma / r->d_sigma * (length / r->chi - 1)));
	return steady;
}

/* C += weight y y', the lower triangle only. */
static void add_outer(struct cma *c, double weight, const double *y)
{
	uint32_t d = c->rates.d;

	for (uint32_t i = 0; i < d; i++) {
		double *row = c->cov + (size_t)i * d;

		if (c->diagonal)
			c->cov[i] += weight * y[i] * y[i];
		else
			for (uint32_t k = 0; k <= i; k++)
				row[k] += weight * y[i] * y[k];
	}
}

static void learn_covariance(struct cma *c, const struct cma_member *m, bool steady)
{
	const struct cma_rates *r = &c->rates;
	size_t n = c->diagonal ? r->d : (size_t)r->d * r->d;
	double lost = steady ? 0 : r->c_c * (2 - r->c_c);
	double keep = 1 + r->c1 * lost - r->c1 - r->c_mu * r->weight_sum;

	for (size_t i = 0; i < n; i++)
		c->cov[i] *= keep;
	add_outer(c, r->c1, c->path_c);
	for (uint32_t i = 0; i < r->lambda; i++) {
		double w = r->weights[i];

		if (w < 0)
			w *= r->d / (standardise(c, m[i].x, c->work) + DBL_EPSILON);
		add_outer(c, r->c_mu * w, m[i].x);
	}
	for (uint32_t i = 0; !c->diagonal && i < r->d; i++)
		for (uint32_t k = 0; k < i; k++)
			c->cov[(size_t)k * r->d + i] = c->cov[(size_t)i * r->d + k];
}

static void limit_sigma(struct cma *c)
{
	double widest = 0;

	for (uint32_t j = 0; j < c->rates.d; j++)
		widest = fmax(widest, cma_sd(c, j));
	if (widest > SD_MAX)
		c->sigma *= SD_MAX / widest;
}

/* The decomposition costs d^3: in high dimensions, where C changes slowly, not every time. */
static bool decomposition_due(const struct cma *c)
{
	return c->stale * 10.0 * c->rates.d * (c->rates.c1 + c->rates.c_mu) >= 1;
}

void cma_tell(struct cma *c, const struct cma_member *m)
{
	double *step = c->work;
	bool steady;

	if (c->adapt)
		cma_adapt_before(c->adapt, c);
	to_steps(c, m);
	memset(step, 0, c->rates.d * sizeof(*step));
	for (uint32_t i = 0; i < c->rates.mu; i++)
		for (uint32_t j = 0; j < c->rates.d; j++)
			step[j] += c->rates.weights[i] * m[i].x[j];
	for (uint32_t j = 0; j < c->rates.d; j++)
		c->mean[j] += c->sigma * step[j];
	c->generation++;
	steady = follow(c, step);
	learn_covariance(c, m, steady);
	c->stale++;
	if (c->adapt)
		cma_adapt_after(c->adapt, c);
	else if (decomposition_due(c))
		decompose(c);
	limit_sigma(c);
}

enum cma_end cma_ended(const struct cma *c, double tolerance)
{
	double low = HUGE_VAL, high = 0;
	bool small = true;

	for (uint32_t j = 0; j < c->rates.d; j++) {
		double sd = cma_sd(c, j);

		if (!isfinite(c->mean[j]) || !isfinite(sd) || !(sd > 0) || !isfinite(c->path_sigma[j]))
			return CMA_BROKEN;
		low = fmin(low, c->scale[j]);
		high = fmax(high, c->scale[j]);
		small &= sd < tolerance && fabs(c->sigma * c->path_c[j]) < tolerance;
	}
	if (!(high * high <= CONDITION_MAX * low * low))
		return CMA_BROKEN;
	return small ? CMA_CONVERGED : CMA_GOES_ON;
}
