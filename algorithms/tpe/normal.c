/* Normal probabilities in the tails. */
#include "algorithms/tpe/normal.h"

#include <math.h>

#include "algorithms/assert.h"

/*
 * Below -10 the continued fraction of Mills' ratio (Abramowitz and Stegun 26.2.14) is exact after a few
 * levels, and erfc() would underflow below -38.
 */
double normal_log_cdf(double z)
{
	double ratio = 0;

	if (z > -10)
		return z > 5 ? log1p(-0.5 * erfc(z * M_SQRT1_2)) : log(0.5 * erfc(-z * M_SQRT1_2));
	if (isinf(z))
		return -INFINITY;
	for (int k = 24; k >= 1; k--)
		ratio = k / (ratio - z);
	return -0.5 * z * z - 0.5 * log(2 * M_PI) - log(ratio - z);
}

/* Where both lie to the right, their mirror images lie in the lower tail, where digits are. */
double normal_log_mass(double a, double b)
{
	double upper, lower, middle;

	ALGO_ASSERT(a < b);
	if (a > 0)
		return normal_log_mass(-b, -a);
	if (b > 0) {
		middle = 0.5 * (erf(b * M_SQRT1_2) - erf(a * M_SQRT1_2));
		if (middle < 0.5)
			return log(middle);
		return log1p(-0.5 * (erfc(-a * M_SQRT1_2) + erfc(b * M_SQRT1_2)));
	}
	upper = normal_log_cdf(b);
	lower = normal_log_cdf(a);
	return upper + log(-expm1(lower - upper));
}
