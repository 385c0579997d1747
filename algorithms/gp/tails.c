/*
 * Normal tails (Ament and others 2023, "Unexpected improvements to expected improvement", for the
 * logarithm of h). Below -1 all is said through Mills's ratio M = Q(x)/phi(x) at x = -z: with
 * h = phi (1 - x M), ln h and its slope have no cancellation but that of 1 - x M, which beyond 25 is
 * taken from its asymptotic series.
 */
#include "algorithms/gp/tails.h"

#include <math.h>

#include <gsl/gsl_sf_erf.h>

static const double LN_ROOT_2PI = 0.91893853320467274178;
static const double FAR = 25, LIMIT = 1e100;

/* 1/x^2 - 3/x^4 + 15/x^6 - ...; smallest term below 1e-12 of the sum from 25 on. */
static double remainder_series(double x)
{
	double r = 1 / (x * x), term = r, sum = 0;

	for (int k = 1; k <= 8; k++) {
		sum += term;
		term *= -(2 * k + 1) * r;
	}
	return sum;
}

/* M(x) for x >= 1. */
static double mills(double x)
{
	return x > FAR ? (1 - remainder_series(x)) / x : 1 / gsl_sf_hazard(x);
}

double tail_log_improvement(double z, double *slope)
{
	double x = fmin(-z, LIMIT), m, rest;

	if (z > -1) {
		double p = exp(-z * z / 2 - LN_ROOT_2PI), cdf = 0.5 * erfc(-z * M_SQRT1_2), h = p + z * cdf;

		*slope = cdf / h;
		return log(h);
	}
	m = mills(x);
	rest = x > FAR ? remainder_series(x) : 1 - x * m;
	*slope = m / rest;
	return -x * x / 2 - LN_ROOT_2PI + log(rest);
}

double tail_log_probability(double z, double *slope)
{
	double x = fmin(-z, LIMIT), cdf, m;

	if (z > -1) {
		cdf = 0.5 * erfc(-z * M_SQRT1_2);
		*slope = exp(-z * z / 2 - LN_ROOT_2PI) / cdf;
		return z > 1 ? log1p(-0.5 * erfc(z * M_SQRT1_2)) : log(cdf);
	}
	m = mills(x);
	*slope = 1 / m;
	return -x * x / 2 - LN_ROOT_2PI + log(m);
}
