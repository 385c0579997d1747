#include "algorithms/gp/fantasies.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <gsl/gsl_cdf.h>

#include "algorithms/gp/trend.h"
#include "algorithms/qmc.h"

enum { SAMPLED_MAX = 16 };      /* pending trials; with more, each is believed to bring its mean   */

/* Standard normals, samples x n: scrambled Sobol points, or zeros for the believer. */
static bool fill_normals(uint64_t seed, uint32_t samples, uint32_t n, double *z)
{
	struct qmc *q;

	memset(z, 0, (size_t)samples * n * sizeof(*z));
	if (samples == 1)
		return true;
	if (!(q = qmc_new(n, seed)))
		return false;
	for (uint32_t i = 0; i < samples; i++) {
		double *row = z + (size_t)i * n;

		qmc_point(q, i, row);
		for (uint32_t k = 0; k < n; k++)
			row[k] = gsl_cdf_ugaussian_Pinv(row[k]);
	}
	qmc_free(q);
	return true;
}

/* What is imagined at the pending trials is above the trend. */
static enum algo_outcome lift(
	const struct trend *trend, const double *pending, uint32_t n, uint32_t samples, double *f)
{
	struct trend_work *work;
	double value[SAMPLED_MAX];
	enum algo_outcome outcome;

	if (!trend)
		return ALGO_OK;
	if (!(work = trend_work_new(trend, n)))
		return ALGO_NO_MEMORY;
	outcome = trend_forward(trend, work, pending, n, value);
	for (uint32_t i = 0; outcome == ALGO_OK && i < samples * n; i++)
		f[i] += value[i % n];
	trend_work_free(work);
	return outcome;
}

enum algo_outcome fantasize(const struct surrogate *s, const double *pending, uint32_t n, uint64_t seed,
	struct gp **g, double *best)
{
	const uint32_t samples = n <= SAMPLED_MAX ? FANTASIES : 1;
	struct gp *copy = gp_copy(surrogate_model(s));
	double *z = malloc(2 * (size_t)samples * n * sizeof(*z)), *f = z ? z + (size_t)samples * n : NULL;
	enum algo_outcome outcome = ALGO_NO_MEMORY;

	if (copy && z && fill_normals(seed, samples, n, z))
		outcome = gp_fantasize(copy, pending, n, samples, z, f);
	if (outcome == ALGO_OK && samples > 1)
		outcome = lift(surrogate_trend(s), pending, n, samples, f);
	for (uint32_t i = samples; outcome == ALGO_OK && i-- > 0;) {
		best[i] = best[0];
		for (uint32_t k = 0; samples > 1 && k < n; k++)
			best[i] = fmax(best[i], f[(size_t)i * n + k]);
	}
	free(z);
	if (outcome == ALGO_OK)
		*g = copy;
	else
		gp_free(copy);
	return outcome;
}
