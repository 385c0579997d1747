/* The fidelity of a problem in full: from the document, from Katib's settings, by default. */
#include <math.h>

#include "algorithms/algorithm.h"

static const double ETA = 3, SHARE_MIN = 1.0 / 9, GUARD = 1e-9;

/* The value of a setting that the algorithm may not have; NaN: not given. */
static double setting(const struct algorithm *a, const struct algo_problem *p, const char *name)
{
	int row = algo_setting_find(a, name);

	return row >= 0 && p->settings[row].given ? p->settings[row].number : NAN;
}

static double param_end(const struct space *s, int param, bool largest)
{
	const struct space_param *q = space_at(s, (uint32_t)param);
	double v;

	if (q->kind != SPACE_DISCRETE)
		return largest ? q->max : q->min;
	v = q->values[0];
	for (uint32_t k = 1; k < q->n_values; k++)
		v = largest ? fmax(v, q->values[k]) : fmin(v, q->values[k]);
	return v;
}

static double default_min(const struct algo_fidelity *f, const struct space *s, bool katib)
{
	double least = f->param >= 0 ? param_end(s, f->param, false) : 1;
	double min = f->max;

	if (katib || (f->param >= 0 && space_at(s, (uint32_t)f->param)->kind == SPACE_INT))
		least = fmax(least, 1);
	if (katib)
		return fmin(least, f->max);
	least *= 1 - GUARD;
	/* One rung below the top in any case. */
	if (f->eta > 1 && min / f->eta >= least)
		min /= f->eta;
	least = fmax(least, f->max * SHARE_MIN * (1 - GUARD));
	for (int k = 0; k < ALGO_RUNGS_MAX && f->eta > 1 && min / f->eta >= least; k++)
		min /= f->eta;
	return min;
}

bool algo_fidelity_of(const struct algorithm *a, const struct algo_problem *p, struct algo_fidelity *out)
{
	struct algo_fidelity f = {.min = NAN, .max = NAN, .eta = NAN, .param = -1};
	double r_l = setting(a, p, "r_l"), resource = setting(a, p, "resource_name");

	if (p->fidelity)
		f = *p->fidelity;
	if (f.param < 0 && !isnan(resource))
		f.param = (int)resource;
	if (f.param >= 0 && (uint32_t)f.param >= space_dim(p->space))
		return false;
	if (f.param >= 0 && space_at(p->space, (uint32_t)f.param)->kind == SPACE_CATEGORICAL)
		return false;
	if (isnan(f.max))
		f.max = r_l;
	if (isnan(f.max) && f.param >= 0)
		f.max = param_end(p->space, f.param, true);
	if (isnan(f.max))
		return false;
	if (isnan(f.eta))
		f.eta = setting(a, p, "eta");
	if (isnan(f.eta))
		f.eta = ETA;
	if (isnan(f.min))
		f.min = default_min(&f, p->space, !isnan(r_l));
	*out = f;
	return true;
}
