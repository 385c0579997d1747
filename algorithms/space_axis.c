/* One parameter by itself: its grid, its distribution, its way to and from the unit interval. */
#include <float.h>
#include <gsl/gsl_cdf.h>
#include <math.h>

#include "algorithms/assert.h"
#include "algorithms/space_impl.h"

/* Decimal grids use integers up to here: an exact value is then within 1/8 of a step of its level. */
static const double DECIMAL_MAX = 0x1p50;

static bool is_log(const struct space_axis *a)
{
	return a->param.distribution == SPACE_LOG_UNIFORM || a->param.distribution == SPACE_LOG_NORMAL;
}

static bool is_list(const struct space_axis *a)
{
	return a->param.kind == SPACE_DISCRETE || a->param.kind == SPACE_CATEGORICAL;
}

/* v as an exact integer number of 1/scale: true for 0.1 and scale 10, false for 1/3 and any. */
static bool is_decimal(double v, double scale, double *integer)
{
	*integer = nearbyint(v * scale);
	return fabs(*integer) < DECIMAL_MAX && *integer / scale == v;
}

/*
 * Finds the power of ten in which min, max and step are whole numbers, so that levels are counted
 * and values are computed without a rounding error: (1 + 3 * 2) / 10 is the double written 0.7,
 * while 0.1 + 3 * 0.2 is not. Powers up to 10^22 are doubles.
 */
static bool decimal_grid(struct space_axis *a)
{
	double scale = 1, max;

	for (int digits = 0; digits <= 22; digits++, scale *= 10) {
		if (!is_decimal(a->param.min, scale, &a->origin) || !is_decimal(a->param.max, scale, &max) ||
			!is_decimal(a->param.step, scale, &a->stride))
			continue;
		a->scale = scale;
		a->levels = (uint64_t)((int64_t)(max - a->origin) / (int64_t)a->stride) + 1;
		return true;
	}
	a->scale = 0;
	return false;
}

/* Any other step: the quotient counts as whole when it is so up to the rounding of its operands. */
static bool binary_grid(struct space_axis *a)
{
	double min = a->param.min, max = a->param.max, step = a->param.step;
	double quotient = (max - min) / step;
	double error = 4 * DBL_EPSILON * (fmax(fabs(min), fabs(max)) / step + quotient);

	if (!(error < 0.25))
		return false;
	a->levels = (uint64_t)floor(quotient + error) + 1;
	return true;
}

static enum space_fault init_levels(struct space_axis *a)
{
	struct space_param *p = &a->param;

	if (is_list(a)) {
		a->levels = p->n_values;
	} else if (p->kind == SPACE_INT) {
		int64_t span = (int64_t)p->max - (int64_t)p->min;

		a->levels = (uint64_t)(span / (int64_t)p->step) + 1;
	} else if (p->min == p->max) {
		a->levels = 1;
	} else if (p->step == 0) {
		a->levels = SPACE_INFINITE;
	} else if (!decimal_grid(a) && !binary_grid(a)) {
		return SPACE_BAD_STEP;
	}
	a->last = a->levels == SPACE_INFINITE ? p->max : space_axis_value(a, a->levels - 1);
	return SPACE_OK;
}

/*
 * A normal distribution cut to [lo, hi]. Both ends are mirrored into the lower tail when they lie in
 * the upper one, where the cumulative probability is 1 minus something lost to rounding.
 */
static enum space_fault init_normal(struct space_axis *a)
{
	double z_lo, z_hi;

	if (a->param.sd == 0) {
		double lo = is_log(a) ? log(a->param.min) : a->param.min;
		double hi = is_log(a) ? log(a->param.max) : a->param.max;

		a->param.mean = lo + (hi - lo) / 2;
		a->param.sd = (hi - lo) / 6;
		if (a->param.sd == 0)
			return SPACE_OK;
	}
	z_lo = (a->lo - a->param.mean) / a->param.sd;
	z_hi = (a->hi - a->param.mean) / a->param.sd;
	/* So narrow a piece of the curve is flat, and differences of probabilities would be noise. */
	if (z_hi - z_lo < 1e-4 && fabs(z_lo) * (z_hi - z_lo) < 1e-3)
		return SPACE_OK;
	a->normal = true;
	a->flip = z_lo > 0;
	a->p_lo = gsl_cdf_ugaussian_P(a->flip ? -z_hi : z_lo);
	a->p_mass = gsl_cdf_ugaussian_P(a->flip ? -z_lo : z_hi) - a->p_lo;
	return a->p_mass > 1e-280 ? SPACE_OK : SPACE_BAD_NORMAL;
}

enum space_fault space_axis_init(struct space_axis *a)
{
	enum space_fault fault = init_levels(a);
	double half, lo, hi;

	if (fault != SPACE_OK || is_list(a))
		return fault;
	half = a->levels == SPACE_INFINITE || a->levels == 1 ? 0 : a->param.step / 2;
	lo = a->param.min - half;
	hi = a->last + half;
	if (is_log(a)) {
		/* With a step wider than min, half a step below min would not be positive. */
		a->lo = log(fmax(lo, a->param.min / 2));
		a->hi = log(hi);
	} else {
		a->lo = lo;
		a->hi = hi;
	}
	if (a->param.distribution == SPACE_NORMAL || a->param.distribution == SPACE_LOG_NORMAL)
		return init_normal(a);
	return SPACE_OK;
}

double space_axis_value(const struct space_axis *a, uint64_t level)
{
	const struct space_param *p = &a->param;

	ALGO_ASSERT(level < a->levels);
	switch (p->kind) {
	case SPACE_CATEGORICAL:
		return (double)level;
	case SPACE_DISCRETE:
		return a->index_of_rank[level];
	case SPACE_INT:
		return (double)((int64_t)p->min + (int64_t)level * (int64_t)p->step);
	case SPACE_DOUBLE:
		break;
	}
	if (a->levels == 1)
		return p->min;
	if (a->scale > 0)
		return (a->origin + (double)level * a->stride) / a->scale;
	return fmin(fma((double)level, p->step, p->min), p->max);
}

/* NaN counts as the lowest. */
uint64_t space_axis_nearest(const struct space_axis *a, double value)
{
	double k, last = (double)(a->levels - 1);

	ALGO_ASSERT(a->levels != SPACE_INFINITE);
	if (is_list(a))
		k = nearbyint(value);
	else if (a->levels == 1)
		k = 0;
	else
		k = nearbyint((value - a->param.min) / a->param.step);
	k = fmin(fmax(k, 0), last);
	return a->param.kind == SPACE_DISCRETE ? a->rank_of_index[(uint32_t)k] : (uint64_t)k;
}

static double normal_decode(const struct space_axis *a, double u)
{
	double z = gsl_cdf_ugaussian_Pinv(a->p_lo + (a->flip ? 1 - u : u) * a->p_mass);

	return a->param.mean + a->param.sd * (a->flip ? -z : z);
}

static double normal_encode(const struct space_axis *a, double t)
{
	double z = (t - a->param.mean) / a->param.sd;
	double u = (gsl_cdf_ugaussian_P(a->flip ? -z : z) - a->p_lo) / a->p_mass;

	return a->flip ? 1 - u : u;
}

double space_decode_one(const struct space *s, uint32_t j, double u)
{
	const struct space_axis *a = &s->axes[j];
	double v;

	ALGO_ASSERT(j < s->d);
	u = isnan(u) ? 0.5 : fmin(fmax(u, 0), 1);
	if (is_list(a))
		return space_axis_value(a, (uint64_t)fmin(floor(u * (double)a->levels), (double)(a->levels - 1)));
	if (a->levels == 1)
		return a->param.min;
	v = a->normal ? normal_decode(a, u) : a->lo + u * (a->hi - a->lo);
	if (is_log(a))
		v = exp(v);
	if (a->levels != SPACE_INFINITE)
		return space_axis_value(a, space_axis_nearest(a, v));
	return fmin(fmax(v, a->param.min), a->param.max);
}

double space_encode_one(const struct space *s, uint32_t j, double value)
{
	const struct space_axis *a = &s->axes[j];
	double u;

	ALGO_ASSERT(j < s->d);
	if (isnan(value) || a->levels == 1)
		return 0.5;
	if (is_list(a))
		return ((double)space_axis_nearest(a, value) + 0.5) / (double)a->levels;
	if (is_log(a))
		value = log(value);
	u = a->normal ? normal_encode(a, value) : (value - a->lo) / (a->hi - a->lo);
	return fmin(fmax(u, 0), 1);
}
