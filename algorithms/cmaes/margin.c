/* The margin correction. */
#include "algorithms/cmaes/margin.h"

#include <gsl/gsl_cdf.h>
#include <math.h>

/* The z with P(|Z| <= z) = 1 - 2 p: the distance in standard deviations beyond which p is left. */
static double distance(double p)
{
	return gsl_cdf_ugaussian_Qinv(p);
}

static double clamp_tail(double p)
{
	return fmin(fmax(p, 1e-10), 0.5 - 1e-10);
}

/* Raises the probability of a tail to alpha / 2 at least, at the cost of what lies above that. */
static double raised(double p, double surplus, double share, double alpha)
{
	return share > 0 ? clamp_tail(p + surplus * (p - alpha / 2) / share) : clamp_tail(p);
}

static void correct_axis(struct cma *c, uint32_t i, double low, double high, double *stretch)
{
	double alpha = 1.0 / (c->rates.d * (double)c->rates.lambda);
	double sd = cma_sd(c, i), p_low, p_high, p_mid, share, surplus, z_low, z_high;

	p_low = gsl_cdf_ugaussian_P((low - c->mean[i]) / (sd * *stretch));
	p_high = gsl_cdf_ugaussian_Q((high - c->mean[i]) / (sd * *stretch));
	if (fmax(p_low, p_high) > 0.5) { /* the mean is in the first or the last cell */
		if (fmin(p_low, p_high) < alpha)
			c->mean[i] = high + (c->mean[i] < high ? -1 : 1) * sd * *stretch * distance(alpha);
		return;
	}
	if (!(high > low)) /* two values, and the mean exactly between them */
		return;
	p_mid = 1 - p_low - p_high;
	p_low = fmax(p_low, alpha / 2);
	p_high = fmax(p_high, alpha / 2);
	surplus = 1 - p_low - p_high - p_mid;
	share = p_low + p_mid + p_high - 3 * alpha / 2;
	z_low = distance(raised(p_low, surplus, share, alpha));
	z_high = distance(raised(p_high, surplus, share, alpha));
	*stretch = (high - low) / ((z_low + z_high) * sd);
	c->mean[i] = (low * z_high + high * z_low) / (z_low + z_high);
}

void margin_correct(const struct latent *l, struct cma *c, double *stretch)
{
	for (uint32_t i = 0; i < l->n_axes; i++) {
		double low, high;

		if (!latent_is_stepped(l, i))
			continue;
		latent_borders(l, i, c->mean[i], &low, &high);
		correct_axis(c, i, low, high, &stretch[i]);
	}
}
