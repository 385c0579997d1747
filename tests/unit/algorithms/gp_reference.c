/* A dense Gaussian process from the textbook, and data for it. */
#include "tests/unit/algorithms/gp_reference.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

const bool ref_category[REF_D] = {[REF_CATEGORY] = true};

/* ---- the reference ----------------------------------------------------------------------------- */

static double kernel(const double *theta, const double *a, const double *b)
{
	double r2 = 0, linear = 0, s;

	for (int j = 0; j < REF_D; j++) {
		double apart = ref_category[j] ? a[j] != b[j] : a[j] - b[j];

		r2 += apart * apart * exp(-2 * theta[j]);
		linear += ref_category[j] ? a[j] == b[j] : 12 * (a[j] - 0.5) * (b[j] - 0.5);
	}
	s = sqrt(5 * r2);
	return exp(theta[REF_D]) * (1 + s + s * s / 3) * exp(-s) + exp(theta[REF_D + 2]) / REF_D * linear;
}

/* Solves m x = y for `width` right sides by Gauss's elimination; returns ln |det m|. */
static double solve(int n, double *m, int width, double *y)
{
	double log_det = 0;

	for (int i = 0; i < n; i++) {
		int best = i;

		for (int k = i; k < n; k++)
			best = fabs(m[k * n + i]) > fabs(m[best * n + i]) ? k : best;
		for (int k = 0; k < n; k++) {
			double swap = m[i * n + k];
			m[i * n + k] = m[best * n + k];
			m[best * n + k] = swap;
		}
		for (int k = 0; k < width; k++) {
			double swap = y[i * width + k];
			y[i * width + k] = y[best * width + k];
			y[best * width + k] = swap;
		}
		log_det += log(fabs(m[i * n + i]));
		for (int r = 0; r < n; r++) {
			double factor = m[r * n + i] / m[i * n + i];

			if (r == i)
				continue;
			for (int k = i; k < n; k++)
				m[r * n + k] -= factor * m[i * n + k];
			for (int k = 0; k < width; k++)
				y[r * width + k] -= factor * y[i * width + k];
		}
	}
	for (int i = 0; i < n; i++)
		for (int k = 0; k < width; k++)
			y[i * width + k] /= m[i * n + i];
	return log_det;
}

double ref_posterior(const double *theta, double mean_variance, int n, const double *x, const double *y,
	const double *noise, const double *point, double *mean, double *variance)
{
	double *m = malloc(sizeof(double) * n * n), *right = malloc(sizeof(double) * n * 3);
	double ones = 0, both = 0, c, log_det, value, quadratic = 0;

	for (int i = 0; i < n; i++) {
		for (int k = 0; k < n; k++)
			m[i * n + k] = kernel(theta, x + i * REF_D, x + k * REF_D);
		m[i * n + i] += exp(theta[REF_D + 1]) * (noise ? noise[i] : 1);
		right[i * 3] = y[i];
		right[i * 3 + 1] = 1;
		right[i * 3 + 2] = kernel(theta, x + i * REF_D, point);
	}
	log_det = solve(n, m, 3, right);
	for (int i = 0; i < n; i++) {
		both += right[i * 3];
		ones += right[i * 3 + 1];
	}
	c = both / (ones + 1 / mean_variance);
	*mean = c;
	*variance = kernel(theta, point, point);
	for (int i = 0; i < n; i++) {
		quadratic += (y[i] - c) * (right[i * 3] - c * right[i * 3 + 1]);
		*mean += right[i * 3 + 2] * (y[i] - c);
		*variance -= right[i * 3 + 2] * kernel(theta, x + i * REF_D, point);
	}
	value = -0.5 * (quadratic + log_det + n * log(2 * M_PI) + c * c / mean_variance);
	free(m);
	free(right);
	return value;
}

/* ---- data -------------------------------------------------------------------------------------- */

void ref_draw_point(struct rng *r, double *x)
{
	for (int j = 0; j < REF_D; j++)
		x[j] = ref_category[j] ? (double)rng_below(r, 3) : rng_uniform(r);
}

struct ref_sample ref_draw(uint64_t seed)
{
	struct rng r = rng_seeded(seed);
	struct ref_sample s;

	for (int i = 0; i < REF_N; i++) {
		double *x = s.x + i * REF_D;

		ref_draw_point(&r, x);
		s.y[i] = sin(5 * x[0]) + x[1] * x[3] + (x[REF_CATEGORY] == 1) + 0.05 * rng_normal(&r);
		s.noise[i] = 0.5 + rng_uniform(&r);
	}
	return s;
}

void ref_draw_theta(struct rng *r, double *theta)
{
	for (int j = 0; j < REF_D; j++)
		theta[j] = -1 + 1.5 * rng_uniform(r);
	theta[REF_D] = -0.5 + rng_uniform(r);
	theta[REF_D + 1] = -6 + 4 * rng_uniform(r);
	theta[REF_D + 2] = -3 + 3 * rng_uniform(r);
}

struct gp *ref_model(void)
{
	struct gp_prior prior = gp_prior(GP_PRIOR_DEFAULT, REF_D);
	struct gp *g = gp_new(REF_D, ref_category, &prior);

	assert_non_null(g);
	return g;
}

struct gp *ref_bending_model(void)
{
	struct gp_prior prior = gp_prior(GP_PRIOR_DEFAULT, REF_D);
	struct gp *g;

	gp_prior_bend_inputs(&prior);
	g = gp_new(REF_D, ref_category, &prior);
	assert_non_null(g);
	return g;
}

void ref_near(double got, double expected, double tolerance, const char *what)
{
	if (!(fabs(got - expected) <= tolerance * fmax(1, fabs(expected))))
		fail_msg("%s: %.17g instead of %.17g (off by %g)", what, got, expected, got - expected);
}

void ref_ask(const struct gp *g, const double *x, double *mean, double *variance)
{
	struct gp_work *w = gp_work_new(g, 1);

	assert_non_null(w);
	assert_int_equal(gp_forward(g, w, x, 1, mean, variance), ALGO_OK);
	gp_work_free(w);
}
