/* The inner loops of the Gaussian process, for every kind of vector unit, and the choice between them. */
#include "algorithms/gp/kernel.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

struct loops {
	void (*exp)(size_t n, const double *x, double *y);
	void (*distances)(const struct kernel_columns *c, size_t n, const double *point, double *r2);
	void (*matern)(size_t n, double variance, const double *r2, double *k, double *slope);
	void (*add_linear)(const struct kernel_columns *c, size_t n, double variance, const double *point, double *k);
	double (*dot_square)(size_t n, const double *a, const double *b, double *square);
	void (*pull)(const struct kernel_columns *c, size_t n, const double *q, const double *point,
		double factor, double *out);
	void (*scatter)(const struct kernel_columns *c, size_t n, const double *q, const double *point,
		double *out);
	void (*spread)(const struct kernel_columns *c, size_t n, double left, const double *alpha,
		const double *inverse, double *slope, const double *point, double *out);
};

#ifdef __x86_64__
#define TARGET __attribute__((target("avx512f,avx512dq,avx2,fma")))
#define LANES 8
#define NAME(x) x##_avx512
#include "algorithms/gp/kernel_loops.h"

#define TARGET __attribute__((target("avx2,fma")))
#define LANES 4
#define NAME(x) x##_avx2
#include "algorithms/gp/kernel_loops.h"
#endif

#define TARGET
#define LANES 2
#define NAME(x) x##_plain
#include "algorithms/gp/kernel_loops.h"

#ifdef __x86_64__
/* Not with gcc's address sanitizer: frames that it moves to the heap are aligned to 32 bytes at most. */
static bool has_avx512(void)
{
#ifdef __SANITIZE_ADDRESS__
	return false;
#else
	return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq");
#endif
}

static bool has_avx2(void)
{
	return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}
#endif

static const struct loops *loops(void)
{
#ifdef __x86_64__
	if (has_avx512())
		return &loops_avx512;
	if (has_avx2())
		return &loops_avx2;
#endif
	return &loops_plain;
}

void kernel_exp(size_t n, const double *x, double *y)
{
	loops()->exp(n, x, y);
}

void kernel_distances(const struct kernel_columns *c, size_t n, const double *point, double *r2)
{
	loops()->distances(c, n, point, r2);
}

void kernel_matern(size_t n, double variance, const double *r2, double *k, double *slope)
{
	loops()->matern(n, variance, r2, k, slope);
}

void kernel_add_linear(const struct kernel_columns *c, size_t n, double variance, const double *point, double *k)
{
	loops()->add_linear(c, n, variance, point, k);
}

double kernel_dot_square(size_t n, const double *a, const double *b, double *square)
{
	return loops()->dot_square(n, a, b, square);
}

void kernel_pull(const struct kernel_columns *c, size_t n, const double *q, const double *point,
	double factor, double *out)
{
	loops()->pull(c, n, q, point, factor, out);
}

void kernel_scatter(const struct kernel_columns *c, size_t n, const double *q, const double *point,
	double *out)
{
	loops()->scatter(c, n, q, point, out);
}

void kernel_spread(const struct kernel_columns *c, size_t n, double left, const double *alpha,
	const double *inverse, double *slope, const double *point, double *out)
{
	loops()->spread(c, n, left, alpha, inverse, slope, point, out);
}
