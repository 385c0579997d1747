/* The dense operations over OpenBLAS. */
#include "algorithms/gp/linalg.h"

#include <gsl/gsl_cblas.h>

/* OpenBLAS has these and its package's headers do not declare them. LAPACK sees a row-major lower
 * triangle as an upper one by columns. */
extern void openblas_set_num_threads(int n);
extern void dpotrf_(const char *uplo, const int *n, double *a, const int *ld, int *info);
extern void dtrtri_(
	const char *uplo, const char *diagonal, const int *n, double *a, const int *ld, int *info);
extern void dlauum_(const char *uplo, const int *n, double *a, const int *ld, int *info);

void linalg_use_one_thread(void)
{
	openblas_set_num_threads(1);
}

bool linalg_cholesky(uint32_t n, double *a, size_t ld)
{
	int size = (int)n, stride = (int)ld, info = 0;

	if (n > 0)
		dpotrf_("U", &size, a, &stride, &info);
	return info == 0;
}

void linalg_invert(uint32_t n, double *l, size_t ld)
{
	int size = (int)n, stride = (int)ld, info;

	if (n > 0)
		dtrtri_("U", "N", &size, l, &stride, &info);
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
