/* The levels of a scheduler. */
#include "algorithms/fidelity/ladder.h"

#include <math.h>
#include <stdio.h>

static const double GUARD = 1e-9;

static bool near(double a, double b)
{
	return isfinite(a) && isfinite(b) && fabs(a - b) <= GUARD * fmax(fabs(a), fabs(b));
}

/* ---- values of the parameter ------------------------------------------------------------------- */

static double natural(const struct space *s, uint32_t j, double x)
{
	const struct space_param *q = space_at(s, j);

	return q->kind == SPACE_DISCRETE ? q->values[(uint32_t)x] : x;
}

/* The x of the largest value of parameter j that is not above v, else of its smallest. */
static double param_at_most(const struct space *s, uint32_t j, double v)
{
	uint64_t lo = 0, hi = space_levels(s, j);

	if (hi == SPACE_INFINITE)
		return fmin(fmax(v, space_at(s, j)->min), space_at(s, j)->max);
	while (hi - lo > 1) {
		uint64_t mid = lo + (hi - lo) / 2;
		double value = natural(s, j, space_level_value(s, j, mid));

		if (value <= v || near(value, v))
			lo = mid;
		else
			hi = mid;
	}
	return space_level_value(s, j, lo);
}

/* ---- building ---------------------------------------------------------------------------------- */

/* The levels as real numbers, ascending; how many, of which up to ALGO_RUNGS_MAX are written. */
static uint32_t exact_levels(enum ladder_kind kind, const struct algo_fidelity *f, double *at)
{
	uint32_t n = 0;

	if (kind == LADDER_UP) {
		for (double r = f->min; r < f->max && !near(r, f->max) && n < ALGO_RUNGS_MAX; r *= f->eta)
			at[n++] = r;
	} else {
		double least = f->min * (1 - GUARD);

		for (double r = f->max / f->eta; r >= least && n < ALGO_RUNGS_MAX; r /= f->eta)
			n++;
		for (uint32_t k = 0; k < n; k++)
			at[k] = f->max / pow(f->eta, n - k);
	}
	if (n < ALGO_RUNGS_MAX)
		at[n] = f->max;
	return n + 1;
}

static double grantable(const struct algo_fidelity *f, const struct space *s, double r)
{
	if (f->param >= 0)
		return natural(s, (uint32_t)f->param, param_at_most(s, (uint32_t)f->param, r));
	return f->max == floor(f->max) ? fmax(floor(r * (1 + GUARD)), 1) : r;
}

void ladder_build(struct ladder *l, enum ladder_kind kind, const struct algorithm *a, const struct algo_problem *p)
{
	struct algo_fidelity f = {.min = 1, .max = 1, .eta = 3, .param = -1};
	double exact[ALGO_RUNGS_MAX];
	uint32_t n;

	algo_fidelity_of(a, p, &f);
	n = exact_levels(kind, &f, exact);
	*l = (struct ladder){.eta = f.eta, .param = f.param};
	for (uint32_t k = 0; k < n && k < ALGO_RUNGS_MAX; k++) {
		double r = grantable(&f, p->space, exact[k]);

		if (r > 0 && (l->n == 0 || r > l->at[l->n - 1]))
			l->at[l->n++] = r;
	}
}

/* ---- checking ---------------------------------------------------------------------------------- */

/* Where the document and a setting say different things. */
static bool check_agreement(
	const struct algorithm *a, const struct algo_problem *p, algo_report *report, void *ctx)
{
	const struct algo_fidelity *f = p->fidelity;
	const struct {
		const char *setting, *field;
		double said;
	} pairs[] = {
		{"r_l", "max", f ? f->max : NAN},
		{"eta", "eta", f ? f->eta : NAN},
		{"resource_name", "parameter", f && f->param >= 0 ? f->param : NAN},
	};
	bool ok = true;
	char message[160];

	for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs); i++) {
		int row = algo_setting_find(a, pairs[i].setting);

		if (row < 0 || !p->settings[row].given || isnan(pairs[i].said) ||
			p->settings[row].number == pairs[i].said)
			continue;
		snprintf(message, sizeof(message), "says something else than fidelity.%s; one of them is enough",
			pairs[i].field);
		report(ctx, pairs[i].setting, -1, message);
		ok = false;
	}
	return ok;
}

static bool check_param(
	const struct algo_fidelity *f, const struct space *s, algo_report *report, void *ctx)
{
	const uint32_t j = (uint32_t)f->param;
	double least, most;

	if (space_is_conditional(s, j) || space_is_parent(s, j)) {
		report(ctx, NULL, f->param,
			"a parameter that carries the resource has no condition, and no other's depends on it");
		return false;
	}
	least = natural(s, j, param_at_most(s, j, -HUGE_VAL));
	most = natural(s, j, param_at_most(s, j, HUGE_VAL));
	if (!(natural(s, j, param_at_most(s, j, f->max)) > 0)) {
		report(ctx, NULL, f->param, "it has no value above 0 that is not above the largest resource");
		return false;
	}
	if ((f->min > least || near(f->min, least)) && (f->max < most || near(f->max, most)))
		return true;
	report(ctx, NULL, f->param, "the smallest and the largest resource must be within its range");
	return false;
}

bool ladder_check(
	const struct algorithm *a, const struct algo_problem *p, algo_report *report, void *ctx)
{
	struct algo_fidelity f;
	double at[ALGO_RUNGS_MAX];
	char message[200];
	bool ok = check_agreement(a, p, report, ctx);

	if (!algo_fidelity_of(a, p, &f))
		snprintf(message, sizeof(message),
			"%s needs to know how far a full trial runs: fidelity with max, or with a parameter that holds "
			"numbers, or the setting r_l",
			a->name);
	else if (!(f.eta > 1) || !isfinite(f.eta))
		snprintf(message, sizeof(message), "eta must be above 1");
	else if (!(f.min > 0) || !(f.max >= f.min) || !isfinite(f.max))
		snprintf(message, sizeof(message), "the smallest resource must be above 0 and not above the largest");
	else if (exact_levels(LADDER_DOWN, &f, at) > ALGO_RUNGS_MAX || exact_levels(LADDER_UP, &f, at) > ALGO_RUNGS_MAX)
		snprintf(message, sizeof(message), "there are more than %d rungs; take a larger eta or min",
			(int)ALGO_RUNGS_MAX);
	else
		return (f.param < 0 || check_param(&f, p->space, report, ctx)) && ok;
	report(ctx, NULL, -1, message);
	return false;
}

/* ---- looking ----------------------------------------------------------------------------------- */

int ladder_level(const struct ladder *l, double resource)
{
	for (uint32_t k = 0; k < l->n; k++)
		if (near(l->at[k], resource))
			return (int)k;
	return -1;
}

double ladder_resource(const struct ladder *l, const struct space *s, const struct algo_trial *t)
{
	if (!isnan(t->resource))
		return t->resource;
	if (l->param < 0)
		return l->at[l->n - 1];
	return space_valid(s, t->x, NULL) ? natural(s, (uint32_t)l->param, t->x[l->param]) : NAN;
}

void ladder_set(const struct ladder *l, const struct space *s, uint32_t level, double *x)
{
	if (l->param >= 0)
		x[l->param] = param_at_most(s, (uint32_t)l->param, l->at[level]);
}
