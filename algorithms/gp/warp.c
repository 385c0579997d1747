/* Output transforms. */
#include "algorithms/gp/warp.h"

#include <gsl/gsl_cdf.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "algorithms/assert.h"

/* Below this deviation a power transform has flattened the values: HEBO then takes another one. */
static const double FLAT = 0.5;

static double largest(const double *y, size_t n, double center)
{
	double most = 0;

	for (size_t i = 0; i < n; i++)
		most = fmax(most, fabs(y[i] - center));
	return most;
}

/* Root of the mean square around `center`, whatever the scale. */
static double deviation(const double *y, size_t n, double center)
{
	double most = largest(y, n, center), sum = 0;

	if (!(most > 0))
		return 0;
	for (size_t i = 0; i < n; i++)
		sum += (y[i] - center) / most * ((y[i] - center) / most);
	return most * sqrt(sum / (double)n);
}

static double mean(const double *y, size_t n)
{
	double sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += y[i] / (double)n;
	return sum;
}

void warp_standardize(double *y, size_t n)
{
	double center = mean(y, n), sd;

	/* Once more: the sum's rounding must not count where all but equal values are spread. */
	for (size_t i = 0; i < n; i++)
		y[i] -= center;
	center = mean(y, n);
	sd = deviation(y, n, center);
	for (size_t i = 0; i < n; i++)
		y[i] = sd > 0 ? (y[i] - center) / sd : 0;
}

/* ---- ranks and logarithms ---------------------------------------------------------------------- */

static int ascending(const void *a, const void *b)
{
	double left = *(const double *)a, right = *(const double *)b;

	return left < right ? -1 : left > right;
}

static size_t without_repeats(double *sorted, size_t n)
{
	size_t kept = 1;

	for (size_t i = 1; i < n; i++)
		if (sorted[i] != sorted[kept - 1])
			sorted[kept++] = sorted[i];
	return kept;
}

/* The first index in ascending `u` whose value is at least y. */
static size_t index_of(const double *u, size_t n, double y)
{
	size_t low = 0, high = n;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (u[middle] < y)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

enum algo_outcome warp_half_rank(double *y, size_t n)
{
	double *u = malloc(n * sizeof(*u)), median, sd, below;
	size_t distinct, at;

	if (!u)
		return ALGO_NO_MEMORY;
	memcpy(u, y, n * sizeof(*u));
	qsort(u, n, sizeof(*u), ascending);
	median = u[(n - 1) / 2] / 2 + u[n / 2] / 2;
	distinct = without_repeats(u, n);
	at = index_of(u, distinct, median);
	below = (double)at + (at < distinct && u[at] == median ? 0.5 : 0);
	sd = deviation(u + at, distinct - at, median);
	if (!(sd > 0))
		sd = deviation(u, distinct, median);
	for (size_t i = 0; i < n; i++) {
		double rank = (double)index_of(u, distinct, y[i]) + 0.5;

		if (y[i] < median)
			y[i] = median + sd * gsl_cdf_ugaussian_Pinv(0.5 * rank / below);
	}
	free(u);
	return ALGO_OK;
}

void warp_log(double *y, size_t n)
{
	double low = y[0], high = y[0];

	for (size_t i = 1; i < n; i++) {
		low = fmin(low, y[i]);
		high = fmax(high, y[i]);
	}
	for (size_t i = 0; i < n; i++)
		y[i] = high > low ? 0.5 - log1p(0.5 * ((high - y[i]) / (high - low))) / log(1.5) : 0;
}

/* ---- powers ------------------------------------------------------------------------------------ */

double warp_box_cox(double y, double lambda)
{
	return fabs(lambda) < 1e-8 ? log(y) : expm1(lambda * log(y)) / lambda;
}

double warp_yeo_johnson(double y, double lambda)
{
	return y >= 0 ? warp_box_cox(1 + y, lambda) : -warp_box_cox(1 - y, 2 - lambda);
}

typedef double transform(double y, double lambda);

/* Log likelihood of normal values behind the transform; `jacobian` is the sum of the logarithms. */
static double likelihood(
	transform *f, double lambda, double jacobian, const double *y, size_t n, double *scratch)
{
	double sd, value;

	for (size_t i = 0; i < n; i++)
		scratch[i] = f(y[i], lambda);
	sd = deviation(scratch, n, mean(scratch, n));
	value = -(double)n * log(sd) + (lambda - 1) * jacobian;
	return isfinite(value) ? value : -INFINITY;
}

/* Golden section: the likelihood has one maximum. */
static double best_lambda(transform *f, double jacobian, const double *y, size_t n, double *scratch)
{
	const double golden = 0.61803398874989485;
	double low = -2, high = 4, left, right, at_left, at_right;

	left = high - golden * (high - low);
	right = low + golden * (high - low);
	at_left = likelihood(f, left, jacobian, y, n, scratch);
	at_right = likelihood(f, right, jacobian, y, n, scratch);
	while (high - low > 1e-6) {
		if (at_left >= at_right) {
			high = right;
			right = left;
			at_right = at_left;
			left = high - golden * (high - low);
			at_left = likelihood(f, left, jacobian, y, n, scratch);
		} else {
			low = left;
			left = right;
			at_left = at_right;
			right = low + golden * (high - low);
			at_right = likelihood(f, right, jacobian, y, n, scratch);
		}
	}
	return (low + high) / 2;
}

/* Into `out`; false if the result is flat or not finite. */
static bool transformed(transform *f, double jacobian, const double *y, size_t n, double *out)
{
	double lambda = best_lambda(f, jacobian, y, n, out), sd;

	for (size_t i = 0; i < n; i++)
		out[i] = f(y[i], lambda);
	sd = deviation(out, n, mean(out, n));
	return isfinite(sd) && sd >= FLAT;
}

enum algo_outcome warp_power(double *y, size_t n)
{
	double sd = deviation(y, n, mean(y, n)), *cost, *out;
	double logs = 0, shifted = 0, least = INFINITY;

	if (!(sd > 0))
		return ALGO_OK;
	if (!(cost = calloc(2 * n, sizeof(*cost))))
		return ALGO_NO_MEMORY;
	out = cost + n;
	for (size_t i = 0; i < n; i++) {
		cost[i] = -y[i] / sd;
		least = fmin(least, cost[i]);
		logs += log(fabs(cost[i]));
		shifted += copysign(log1p(fabs(cost[i])), cost[i]);
	}
	if ((least > 0 && transformed(warp_box_cox, logs, cost, n, out)) ||
		transformed(warp_yeo_johnson, shifted, cost, n, out))
		for (size_t i = 0; i < n; i++)
			y[i] = -out[i];
	free(cost);
	return ALGO_OK;
}

/* ---- all together ------------------------------------------------------------------------------ */

/*
 * The values that are there, in order, at z; infinite ones as the extremes of the others; all scaled
 * by a power of two to within 1, so that no difference overflows. Returns their number.
 */
static size_t collect(const double *y, size_t n, double *z)
{
	double low = INFINITY, high = -INFINITY;
	size_t kept = 0;
	int exponent = 0;

	for (size_t i = 0; i < n; i++) {
		if (!isfinite(y[i]))
			continue;
		low = fmin(low, y[i]);
		high = fmax(high, y[i]);
	}
	if (low > high)
		low = high = 0;
	frexp(fmax(fabs(low), fabs(high)), &exponent);
	for (size_t i = 0; i < n; i++)
		if (!isnan(y[i]))
			z[kept++] = ldexp(fmin(fmax(y[i], low), high), -exponent);
	return kept;
}

static enum algo_outcome transform_all(enum warp how, double *y, size_t n)
{
	enum algo_outcome outcome = ALGO_OK;

	switch (how) {
	case WARP_NONE:
		break;
	case WARP_HALF_RANK:
		outcome = warp_half_rank(y, n);
		break;
	case WARP_HALF_RANK_LOG:
		outcome = warp_half_rank(y, n);
		warp_log(y, n);
		break;
	case WARP_LOG:
		warp_log(y, n);
		break;
	case WARP_POWER:
		outcome = warp_power(y, n);
		break;
	}
	warp_standardize(y, n);
	return outcome;
}

enum algo_outcome warp_outputs(enum warp how, const double *y, size_t n, double failed, double *z)
{
	double *values = malloc((n + 1) * sizeof(*values)), least = INFINITY;
	enum algo_outcome outcome = ALGO_OK;
	size_t kept;

	if (!values)
		return ALGO_NO_MEMORY;
	kept = collect(y, n, values);
	if (kept > 0)
		outcome = transform_all(how, values, kept);
	for (size_t i = 0; i < kept; i++)
		least = fmin(least, values[i]);
	for (size_t i = 0, k = 0; i < n; i++)
		z[i] = kept == 0 ? 0 : isnan(y[i]) ? least - failed : values[k++];
	free(values);
	return outcome;
}
