/* The dense operations over OpenBLAS. */
#include "algorithms/gp/linalg.h"

#include <gsl/gsl_cblas.h>
#include <math.h>
#include <string.h>

enum { SMALL = 24 };            /* up to here a call of OpenBLAS costs more than it does       */

/* OpenBLAS has it, and its package's headers do not declare it. LAPACK sees a row-major lower
 * triangle as an upper one by columns. */
extern void dlauum_(const char *uplo, const int *n, double *a, const int *ld, int *info);

/* The unblocked case: L row by row, then L^-1 row by row, both by sums over rows. */
static bool factor_small(uint32_t n, double *a, size_t ld)
{
	double row[SMALL];

	for (uint32_t i = 0; i < n; i++) {
		double *r = a + i * ld;

		for (uint32_t k = 0; k <= i; k++) {
			const double *other = a + k * ld;
			double sum = r[k];

			for (uint32_t m = 0; m < k; m++)
				sum -= r[m] * other[m];
			if (k < i)
				r[k] = sum * row[k];
			else if (sum > 0 && sum < INFINITY)
				row[i] = 1 / (r[i] = sqrt(sum));
			else
				return false;
		}
	}
	for (uint32_t i = 0; i < n; i++) {
		double *r = a + i * ld, scale = 1 / r[i];

		memcpy(row, r, i * sizeof(*row));
		memset(r, 0, i * sizeof(*r));
		for (uint32_t k = 0; k < i; k++)
			for (uint32_t m = 0; m <= k; m++)
				r[m] -= scale * row[k] * a[k * ld + m];
		r[i] = scale;
	}
	return true;
}

/*
 * By halves, in products of triangles, which OpenBLAS does at full speed where its triangular solve
 * and inverse do not: with a = [A .; B C] and A^-1 = F'F,
 *     M = B F' (the factor's lower left), C - M M' = its own half, and -G M F is the inverse's.
 */
bool linalg_inverse_factor(uint32_t n, double *a, size_t ld)
{
	uint32_t upper = (n / 2 + 7) / 8 * 8, lower = n - upper;
	double *b = a + upper * ld, *c = b + upper;

	if (n <= SMALL)
		return factor_small(n, a, ld);
	if (!linalg_inverse_factor(upper, a, ld))
		return false;
	linalg_apply_rows(upper, a, ld, lower, b, ld);
	cblas_dsyrk(CblasRowMajor, CblasLower, CblasNoTrans, (int)lower, (int)upper, -1, b, (int)ld, 1, c,
		(int)ld);
	if (!linalg_inverse_factor(lower, c, ld))
		return false;
	linalg_apply_transposed_rows(upper, a, ld, lower, b, ld);
	cblas_dtrmm(CblasRowMajor, CblasLeft, CblasLower, CblasNoTrans, CblasNonUnit, (int)lower,
		(int)upper, -1, c, (int)ld, b, (int)ld);
	return true;
}

void linalg_gram(uint32_t n, double *inverse, size_t ld)
{
	int size = (int)n, stride = (int)ld, info;

	if (n > 0)
		dlauum_("U", &size, inverse, &stride, &info);
}

void linalg_apply(uint32_t n, const double *t, size_t ld, double *x)
{
	if (n > 0)
		cblas_dtrmv(CblasRowMajor, CblasLower, CblasNoTrans, CblasNonUnit, (int)n, t, (int)ld, x, 1);
}

void linalg_apply_transposed(uint32_t n, const double *t, size_t ld, double *x)
{
	if (n > 0)
		cblas_dtrmv(CblasRowMajor, CblasLower, CblasTrans, CblasNonUnit, (int)n, t, (int)ld, x, 1);
}

static void apply_rows(enum CBLAS_TRANSPOSE transpose, uint32_t n, const double *t, size_t ld,
	uint32_t rows, double *x, size_t stride)
{
	if (n > 0 && rows > 0)
		cblas_dtrmm(CblasRowMajor, CblasRight, CblasLower, transpose, CblasNonUnit, (int)rows, (int)n, 1,
			t, (int)ld, x, (int)stride);
}

void linalg_apply_rows(uint32_t n, const double *t, size_t ld, uint32_t rows, double *x, size_t stride)
{
	apply_rows(CblasTrans, n, t, ld, rows, x, stride);
}

void linalg_apply_transposed_rows(
	uint32_t n, const double *t, size_t ld, uint32_t rows, double *x, size_t stride)
{
	apply_rows(CblasNoTrans, n, t, ld, rows, x, stride);
}

void linalg_subtract_gram(uint32_t n, uint32_t rows, const double *v, size_t stride, double *c)
{
	if (n == 0)
		return;
	cblas_dsyrk(CblasRowMajor, CblasLower, CblasNoTrans, (int)rows, (int)n, -1, v, (int)stride, 1, c,
		(int)rows);
	for (uint32_t i = 0; i < rows; i++)
		for (uint32_t k = 0; k < i; k++)
			c[k * rows + i] = c[i * rows + k];
}
