/* The logarithms of normal tails against long doubles, and their slopes against differences. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "algorithms/gp/tails.h"

/* z Phi(z) + phi(z) by the continued fraction of Mills's ratio below -1, where the digits are. */
static long double log_h(long double z)
{
	long double half_log_2pi = 0.918938533204672741780329736406L, x = -z, m = 0;

	if (z > -1)
		return logl(expl(-z * z / 2 - half_log_2pi) + z * erfcl(-z * sqrtl(0.5L)) / 2);
	/* M = 1/(x + 1/(x + 2/(x + ...))); 1 - xM = 1/(x + M')..., so take the tail of the fraction. */
	for (int k = 4000; k >= 1; k--)
		m = (long double)k / (x + m);
	return -x * x / 2 - half_log_2pi + logl(m / (x + m));
}

static long double log_cdf(long double z)
{
	long double x = -z, m = 0;

	if (z > -1)
		return z > 1 ? log1pl(-erfcl(z * sqrtl(0.5L)) / 2) : logl(erfcl(-z * sqrtl(0.5L)) / 2);
	for (int k = 4000; k >= 1; k--)
		m = (long double)k / (x + m);
	return -x * x / 2 - 0.918938533204672741780329736406L - logl(x + m);
}

static void check(const char *name, double z, double got, long double want)
{
	long double tolerance = 1e-12L * fmaxl(1e-3L, fabsl(want));

	if (!(fabsl(got - want) <= tolerance))
		fail_msg("%s(%g) is %.17g, should be %.17g", name, z, got, (double)want);
}

static const double places[] = {-1e6, -1000, -200, -50, -30, -25.01, -24.99, -20, -10, -5, -2, -1.0001,
	-0.9999, -0.5, -1e-9, 0, 0.3, 1, 1.01, 3, 8, 20, 40};
enum { PLACES = sizeof(places) / sizeof(*places) };

static void values(void **state)
{
	(void)state;
	for (int i = 0; i < PLACES; i++) {
		double slope;

		check("ln h", places[i], tail_log_improvement(places[i], &slope), log_h(places[i]));
		check("ln Phi", places[i], tail_log_probability(places[i], &slope), log_cdf(places[i]));
	}
}

static void slope_of(const char *name, double z, long double (*f)(long double), double got)
{
	long double step = 1e-5L * fmaxl(1, fabsl((long double)z));
	long double want = (f(z + step) - f(z - step)) / (2 * step);

	if (!(fabsl(got - want) <= 1e-8L * fmaxl(1e-2L, fabsl(want))))
		fail_msg("the slope of %s at %g is %.17g, should be %.17g", name, z, got, (double)want);
}

static void slopes(void **state)
{
	(void)state;
	for (int i = 0; i < PLACES; i++) {
		double slope, z = places[i];

		if (fabs(z + 1) < 1e-3 || fabs(z) > 1e4)
			continue;
		tail_log_improvement(z, &slope);
		slope_of("ln h", z, log_h, slope);
		tail_log_probability(z, &slope);
		slope_of("ln Phi", z, log_cdf, slope);
	}
}

static void stays_finite(void **state)
{
	double slope;

	(void)state;
	assert_true(isfinite(tail_log_improvement(-1e90, &slope)) && isfinite(slope));
	assert_true(isfinite(tail_log_probability(-1e90, &slope)) && isfinite(slope));
	assert_true(tail_log_probability(1e90, &slope) == 0 && slope == 0);
	assert_true(isfinite(tail_log_improvement(1e90, &slope)) && isfinite(slope));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values),
		cmocka_unit_test(slopes),
		cmocka_unit_test(stays_finite),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
