/* Results of trials at their levels. */
#include "algorithms/fidelity/standing.h"

#include <math.h>

#include "algorithms/multi/outcome.h"

static enum standing kind_of(const struct algo_trial *t)
{
	switch (t->status) {
	case ALGO_PENDING:
		return STANDING_OPEN;
	case ALGO_SUCCEEDED:
		return t->values && isfinite(t->values[0]) ? STANDING_RESULT : STANDING_BAD;
	case ALGO_STOPPED:
	case ALGO_FAILED:
		return STANDING_BAD;
	case ALGO_ABANDONED:
		break;
	}
	return STANDING_VOID;
}

enum standing standing_of(const struct algo_problem *p, const struct algo_trial *t, struct merit *out)
{
	enum standing s = kind_of(t);

	*out = (struct merit){.number = t->number};
	if (s == STANDING_RESULT) {
		out->violation = outcome_violation(p, t);
		out->cost = p->objectives[0].direction == ALGO_MAXIMIZE ? -t->values[0] : t->values[0];
	}
	return s;
}

int merit_compare(const struct merit *a, const struct merit *b)
{
	if (a->violation != b->violation)
		return a->violation < b->violation ? -1 : 1;
	if (a->cost != b->cost)
		return a->cost < b->cost ? -1 : 1;
	return (a->number > b->number) - (a->number < b->number);
}

/* Scripts count their steps from 0 or from 1. */
static double value_on_the_way(const struct algo_trial *t, double resource)
{
	double base = t->n_curve > 0 && t->curve[0].step <= 0 ? 1 : 0;
	uint32_t lo = 0, hi = t->n_curve;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (t->curve[mid].step + base < resource)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < t->n_curve ? t->curve[lo].value : NAN;
}

double standing_value_at(
	const struct algo_problem *p, const struct ladder *l, const struct algo_trial *t, uint32_t level)
{
	int own = ladder_level(l, ladder_resource(l, p->space, t));

	if (own < (int)level)
		return NAN;
	if (own == (int)level && t->status == ALGO_SUCCEEDED)
		return t->values ? t->values[0] : NAN;
	if (!t->curve || t->parent != 0)
		return NAN;
	return value_on_the_way(t, l->at[level] * (1 - 1e-9));
}
