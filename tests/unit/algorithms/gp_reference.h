/*
 * What the tests of the Gaussian process share: the same thing written from the textbook, with dense matrices and
 * Gauss's elimination, data to compare the two on, and questions that fail the test with the numbers.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "algorithms/gp/model.h"
#include "algorithms/rng.h"

/* Rows of REF_D columns, one of which is a category with three values. */
enum { REF_D = 4, REF_N = 40, REF_CATEGORY = 2, REF_THETA = REF_D + 3, REF_BENT_THETA = REF_THETA + 2 * REF_D };
extern const bool ref_category[REF_D];

struct ref_sample {
	double x[REF_N * REF_D], y[REF_N], noise[REF_N];
};

struct ref_sample ref_draw(uint64_t seed);
void ref_draw_point(struct rng *r, double *x);
/* Lengthscales; variances of signal, noise and linear part, in logarithms: theta[REF_THETA]. */
void ref_draw_theta(struct rng *r, double *theta);

/*
 * Log likelihood of n rows with the most probable constant, whose prior has this variance, and the posterior at one
 * point. noise[i] multiplies the noise variance; NULL: 1.
 */
double ref_posterior(const double *theta, double mean_variance, int n, const double *x, const double *y,
	const double *noise, const double *point, double *mean, double *variance);

struct gp *ref_model(void);             /* for such rows, with the default priors                      */
struct gp *ref_bending_model(void);     /* the same with inputs that may bend                          */
/* The model's posterior at one point. */
void ref_ask(const struct gp *g, const double *x, double *mean, double *variance);
/* Fails unless they differ by no more than tolerance x max(1, |expected|). */
void ref_near(double got, double expected, double tolerance, const char *what);
