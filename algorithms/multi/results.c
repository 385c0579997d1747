/* Histories as tables. */
#include "algorithms/multi/results.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "algorithms/multi/outcome.h"

static bool make_room(struct results *r, uint32_t columns, uint32_t n)
{
	size_t room = (size_t)n + 1;

	r->room = room;
	r->rows = malloc(room * (2 * (size_t)columns + r->m + r->n_constraints + 2) * sizeof(*r->rows));
	r->x = malloc(room * sizeof(*r->x));
	if (!r->rows || !r->x)
		return false;
	r->tried = r->rows + room * columns;
	r->y = r->tried + room * columns;
	r->violations = r->y + room * r->m;
	r->verdicts = r->violations + room;
	r->slack = r->verdicts + room;
	return true;
}

/* Keeps signs and small values, and draws in large ones, which would rule a model; unknown is bad. */
static double slack_of(double constraint)
{
	double size = fmin(log1p(fabs(constraint)), 50);

	return isnan(constraint) ? -50 : constraint > 0 ? -size : size;
}

static void add_slack(struct results *r, const struct algo_problem *p, const struct algo_trial *t)
{
	for (uint32_t i = 0; i < p->n_constraints; i++) {
		uint32_t k = i < r->n_constraints ? i : r->n_constraints - 1;
		double *at = &r->slack[k * r->room + r->n], slack = t->constraints ? slack_of(t->constraints[i]) : 0;

		*at = i > k ? fmin(*at, slack) : slack;
	}
}

bool results_read(
	struct results *r, const struct embed *e, const struct algo_problem *p, const struct algo_history *h)
{
	uint32_t columns = e->n_columns;

	*r = (struct results){.m = p->n_objectives};
	r->n_constraints =
		p->n_constraints < RESULTS_CONSTRAINTS_MAX ? p->n_constraints : RESULTS_CONSTRAINTS_MAX;
	if (!make_room(r, columns, h->n_trials)) {
		results_free(r);
		return false;
	}
	for (uint32_t i = 0; i < h->n_trials; i++) {
		const struct algo_trial *t = &h->trials[i];
		double *row = r->tried + (size_t)r->n_tried * columns;

		if (t->status == ALGO_ABANDONED || t->status == ALGO_PENDING || !space_valid(e->space, t->x, NULL))
			continue;
		embed_row(e, t->x, row);
		r->verdicts[r->n_tried++] = -1;
		if (!outcome_values(p, t, r->y + (size_t)r->n * r->m)) {
			r->n_failed++;
			continue;
		}
		r->verdicts[r->n_tried - 1] = 1;
		memcpy(r->rows + (size_t)r->n * columns, row, columns * sizeof(*row));
		r->violations[r->n] = outcome_violation(p, t);
		add_slack(r, p, t);
		r->x[r->n++] = t->x;
	}
	return true;
}

void results_free(struct results *r)
{
	free(r->rows);
	free(r->x);
	*r = (struct results){.n = 0};
}
