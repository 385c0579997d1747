/* The best configurations known. */
#include "algorithms/gp/incumbents.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <gsl/gsl_heapsort.h>

#include "algorithms/gp/trend.h"

enum {
	ELITE = 64,                 /* best observations, among which the model chooses                */
	FIRST = 10,                 /* first observations, whose median is where the search began      */
};

static const double NOISY = 1e-3, LEAST_GAIN = 1e-3;

struct elite {
	double value;
	uint32_t index;
};

static int by_value(const void *a, const void *b)
{
	const struct elite *x = a, *y = b;

	if (x->value != y->value)
		return x->value > y->value ? -1 : 1;
	return (x->index > y->index) - (x->index < y->index);
}

/*
 * The smallest improvement that counts, in the model's unit. `elite` holds all observations, sorted by
 * their transformed values, which above the median are about linear in the values.
 */
static double least_gain(const struct observations *o, const struct elite *elite)
{
	uint32_t n = o->n < FIRST ? o->n : FIRST, far = o->n / 4;
	struct elite first[FIRST];
	double best = o->values[elite[0].index], gained, slope;

	for (uint32_t i = 0; i < n; i++)
		first[i] = (struct elite){o->values[i], i};
	gsl_heapsort(first, n, sizeof(*first), by_value);
	gained = best - first[n / 2].value;
	while (far < o->n && !(best > o->values[elite[far].index]))
		far++;
	if (far == o->n || !isfinite(gained))
		return 0;
	slope = (elite[0].value - elite[far].value) / (best - o->values[elite[far].index]);
	return isfinite(slope) ? LEAST_GAIN * fmax(gained, 0) * slope : 0;
}

/* Of several results of a configuration the best one stays; returns how many there are then. */
static uint32_t keep_configurations(struct elite *elite, uint32_t n, const struct observations *o, uint32_t d)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < n; i++) {
		uint32_t k = 0;

		while (k < kept && memcmp(o->x[elite[k].index], o->x[elite[i].index], d * sizeof(double)) != 0)
			k++;
		if (k == kept)
			elite[kept++] = elite[i];
	}
	return kept;
}

enum algo_outcome incumbents_find(struct incumbents *best, const struct surrogate *s,
	const struct observations *o, const struct embed *e)
{
	const struct gp *g = surrogate_model(s);
	uint32_t columns = e->n_columns, d = space_dim(e->space), n = o->n < ELITE ? o->n : ELITE;
	struct elite *elite = malloc(o->n * sizeof(*elite));
	double *rows = malloc(ELITE * ((size_t)columns + 2) * sizeof(*rows));
	double *mean = rows ? rows + (size_t)ELITE * columns : NULL;
	const struct trend *trend = surrogate_trend(s);
	bool graded = e->n_columns > e->n_own;
	struct trend_work *trend_work = trend ? trend_work_new(trend, ELITE) : NULL;
	struct gp_work *work = gp_work_new(g, ELITE);
	enum algo_outcome outcome = ALGO_NO_MEMORY;

	if (!elite || !rows || !work || (trend && !trend_work))
		goto out;
	for (uint32_t i = 0; i < o->n; i++)
		elite[i] = (struct elite){surrogate_targets(s)[i], i};
	gsl_heapsort(elite, o->n, sizeof(*elite), by_value);
	best->least_gain = least_gain(o, elite);
	best->best = elite[0].value;
	if (graded)
		n = keep_configurations(elite, n, o, d);
	for (uint32_t i = 0; i < n; i++) {
		memcpy(rows + (size_t)i * columns, o->rows + (size_t)elite[i].index * columns, columns * sizeof(*rows));
		if (graded)
			rows[(size_t)i * columns + e->n_own] = 1;
	}
	if ((outcome = gp_forward(g, work, rows, n, mean, mean + ELITE)) != ALGO_OK)
		goto out;
	if (trend && (outcome = trend_forward(trend, trend_work, rows, n, mean + ELITE)) != ALGO_OK)
		goto out;
	for (uint32_t i = 0; i < n; i++)
		elite[i].value = mean[i] + (trend ? mean[ELITE + i] : 0);
	gsl_heapsort(elite, n, sizeof(*elite), by_value);
	if (graded || gp_noise_variance(g) > NOISY) /* the best observation may be the luckiest */
		best->best = elite[0].value;
	best->n = n < best->n_max ? n : best->n_max;
	for (uint32_t i = 0; i < best->n; i++)
		memcpy(best->x + (size_t)i * d, o->x[elite[i].index], d * sizeof(*best->x));
out:
	free(elite);
	free(rows);
	gp_work_free(work);
	trend_work_free(trend_work);
	return outcome;
}
