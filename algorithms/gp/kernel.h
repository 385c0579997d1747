/*
 * The inner loops of the Gaussian process, one vectorised file (kernel.c is compiled with -O3 and,
 * on x86-64, once per generation of vector units; the right one is chosen when the program starts).
 *
 * Columns are arrays of n values, column j at columns + j * stride. Numeric columns are divided by
 * their lengthscale beforehand, categorical ones hold ids and weigh `weight[j]` = 1 / l_j^2 where
 * the ids differ; weight[j] is 0 for numeric columns.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

struct kernel_columns {
	const double *at;
	size_t stride;
	uint32_t d;
	const double *weight;
};

/* e^x for n values, |error| <= 2 ulp on [-708, 708]; beyond these bounds as at them. y may be x. */
void kernel_exp(size_t n, const double *x, double *y);

/* r2[a] = squared scaled distance of `point` (d) to row a, for rows 0 .. n-1. */
void kernel_distances(const struct kernel_columns *c, size_t n, const double *point, double *r2);

/*
 * Matern 5/2 (Rasmussen and Williams 2006, eq. 4.17) from squared distances:
 *     k[a] = v (1 + s + s^2/3) e^-s,  slope[a] = 5/3 v (1 + s) e^-s = -2 dk/d(r^2),  s^2 = 5 r^2.
 * k may be r2.
 */
void kernel_matern(size_t n, double variance, const double *r2, double *k, double *slope);

/*
 * The linear kernel, around the middle of the unit cube, added for rows 0 .. n-1:
 *     k[a] += v / d (sum_j 12 (point[j] - 1/2) (column_j[a] - 1/2) + the number of categories that are equal),
 * so that v is its variance at a random point. Columns as they are given, not divided.
 */
void kernel_add_linear(const struct kernel_columns *c, size_t n, double variance, const double *point, double *k);

/* sum a[i] b[i], and sum a[i]^2 in *square. */
double kernel_dot_square(size_t n, const double *a, const double *b, double *square);

/* out[j] += factor * sum_a q[a] (point[j] - column_j[a]) for numeric columns. */
void kernel_pull(const struct kernel_columns *c, size_t n, const double *q, const double *point,
	double factor, double *out);

/*
 * Pairs of row n with the rows before it: with t[a] = q[a] (point[j] - column_j[a]), the entry n of
 * column j of out (laid out as the columns) gains sum t[a], and each entry a loses t[a].
 */
void kernel_scatter(const struct kernel_columns *c, size_t n, const double *q, const double *point,
	double *out);

/*
 * One row of the likelihood's gradient by lengthscales: with q[a] = (left alpha[a] - inverse[a])
 * slope[a], out[j] += sum_a q[a] d_j(point, a)^2. Overwrites slope with q.
 */
void kernel_spread(const struct kernel_columns *c, size_t n, double left, const double *alpha,
	const double *inverse, double *slope, const double *point, double *out);
