/*
 * The few dense operations that the Gaussian process needs, over OpenBLAS on the calling thread.
 *
 * Matrices are row-major with `ld` doubles from row to row; "triangle" means the lower one, the rest
 * is neither read nor written. Nothing allocates or keeps state; any number of threads may call.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* a = L L' -> L^-1, in place. False: not positive definite, and a is spoilt. 2/3 n^3 flops. */
bool linalg_inverse_factor(uint32_t n, double *a, size_t ld);
/* L^-1 -> (L L')^-1, in place. n^3/3. */
void linalg_gram(uint32_t n, double *inverse, size_t ld);

/* x := T x, x := T' x for a triangle T. */
void linalg_apply(uint32_t n, const double *t, size_t ld, double *x);
void linalg_apply_transposed(uint32_t n, const double *t, size_t ld, double *x);
/* The same to every row of x (rows x n, `stride` apart). n^2 rows flops. */
void linalg_apply_rows(uint32_t n, const double *t, size_t ld, uint32_t rows, double *x, size_t stride);
void linalg_apply_transposed_rows(
	uint32_t n, const double *t, size_t ld, uint32_t rows, double *x, size_t stride);
/* c -= v v' for v (rows x n): both triangles of c (rows x rows). */
void linalg_subtract_gram(uint32_t n, uint32_t rows, const double *v, size_t stride, double *c);
