/* Results of trials for methods with several objectives. */
#include "algorithms/multi/outcome.h"

#include <math.h>

bool outcome_values(const struct algo_problem *p, const struct algo_trial *t, double *y)
{
	if ((t->status != ALGO_SUCCEEDED && t->status != ALGO_STOPPED) || !t->values)
		return false;
	for (uint32_t i = 0; i < p->n_objectives; i++) {
		if (!isfinite(t->values[i]))
			return false;
		y[i] = p->objectives[i].direction == ALGO_MAXIMIZE ? -t->values[i] : t->values[i];
	}
	return true;
}

double outcome_violation(const struct algo_problem *p, const struct algo_trial *t)
{
	double sum = 0;

	for (uint32_t i = 0; t->constraints && i < p->n_constraints; i++)
		if (!(t->constraints[i] <= 0))
			sum += isnan(t->constraints[i]) ? INFINITY : t->constraints[i];
	return sum;
}
