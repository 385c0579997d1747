/* Histories as rows for a model. */
#include "algorithms/gp/observations.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void insert_sorted(double *a, uint32_t n, double v)
{
	uint32_t lo = 0, hi = n;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (a[mid] < v)
			lo = mid + 1;
		else
			hi = mid;
	}
	memmove(a + lo + 1, a + lo, (n - lo) * sizeof(*a));
	a[lo] = v;
}

static bool any_stopped(const struct algo_history *h)
{
	for (uint32_t i = 0; i < h->n_trials; i++)
		if (h->trials[i].status == ALGO_STOPPED)
			return true;
	return false;
}

/* The value of an ended trial, larger is better; NaN: it has none. */
static double value_of(const struct algo_trial *t, const struct algo_problem *p, uint32_t k)
{
	double v = t->values && (t->status == ALGO_SUCCEEDED || t->status == ALGO_STOPPED) ? t->values[k] : NAN;

	return p->objectives[k].direction == ALGO_MINIMIZE ? -v : v;
}

static void add(struct observations *o, const struct embed *e, const struct algo_trial *t, double value)
{
	double *row = o->tried + (size_t)o->n_tried * e->n_columns;

	embed_row(e, t->x, row);
	if (e->n_columns > e->n_own && !isnan(t->resource))
		row[e->n_own] = t->resource;
	o->verdicts[o->n_tried++] = isnan(value) ? -1 : 1;
	if (isnan(value)) {
		o->n_failed++;
		return;
	}
	memcpy(o->rows + (size_t)o->n * e->n_columns, row, e->n_columns * sizeof(*row));
	o->x[o->n] = t->x;
	o->values[o->n++] = value;
}

bool observations_read(struct observations *o, const struct embed *e, const struct algo_problem *p,
	const struct algo_history *h, uint32_t k)
{
	size_t n = (size_t)h->n_trials + h->n_pending + 1, columns = e->n_columns;
	bool stopped = any_stopped(h);
	uint32_t n_sorted = 0;
	double *sorted, sign = p->objectives[k].direction == ALGO_MINIMIZE ? -1 : 1;

	*o = (struct observations){.rows = malloc(n * (2 * columns + 3) * sizeof(*o->rows))};
	o->x = malloc(n * sizeof(*o->x));
	if (!o->rows || !o->x) {
		observations_free(o);
		return false;
	}
	o->tried = o->rows + n * columns;
	o->values = o->tried + n * columns;
	o->verdicts = o->values + n;
	sorted = o->verdicts + n;
	for (uint32_t i = 0; i < h->n_trials; i++) {
		const struct algo_trial *t = &h->trials[i];
		double value = value_of(t, p, k);

		if (t->status == ALGO_ABANDONED || t->status == ALGO_PENDING || !space_valid(e->space, t->x, NULL))
			continue;
		if (t->status == ALGO_STOPPED && n_sorted > 0 && !isnan(value))
			value = fmin(value, sorted[n_sorted / 2]);
		add(o, e, t, value);
		if (stopped && t->status == ALGO_SUCCEEDED && !isnan(value))
			insert_sorted(sorted, n_sorted++, value);
	}
	o->n_ended = o->n;
	for (uint32_t i = 0; p->graded && i < h->n_pending; i++)
		if (h->pending[i].values)
			add(o, e, &h->pending[i], sign * h->pending[i].values[k]);
	return true;
}

void observations_free(struct observations *o)
{
	free(o->rows);
	free(o->x);
	*o = (struct observations){.n = 0};
}
