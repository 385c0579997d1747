/* fANOVA: a random forest's variance over the space, parameter by parameter. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "algorithms/insight/forest.h"
#include "algorithms/insight/importance.h"

enum { TREES = 64, TRIALS_MAX = 1000 };

struct sample {
	double *u, *y;          /* n rows of d in the cube, and their costs */
	uint32_t n, d;
};

/* A change of the marginal at a place along one axis. */
struct edge {
	double at, step;
};

/* ---- the sample -------------------------------------------------------------------------------- */

/* Which trials are looked at: all, or some drawn by the seed. */
static void draw(const struct importance_data *data, uint32_t *of)
{
	struct rng rng = rng_stream(data->seed, RNG_MODEL, 0);

	for (uint32_t i = 0; i < data->n; i++)
		of[i] = i;
	if (data->n > TRIALS_MAX)
		rng_shuffle(&rng, of, data->n);
}

struct category {
	double sum;
	uint32_t n, index;
};

static int by_mean(const void *a, const void *b)
{
	const struct category *x = a, *y = b;
	const double mx = x->n ? x->sum / x->n : INFINITY, my = y->n ? y->sum / y->n : INFINITY;

	if (mx != my)
		return mx < my ? -1 : 1;
	return x->index < y->index ? -1 : 1;
}

/* Categories lie along their axis by their mean cost: the best split into two sets is then one cut (Breiman et
 * al., Classification and Regression Trees, 1984, 9.4). Those that were never seen lie at the end. */
static bool order_categories(const struct importance_data *data, const uint32_t *of, struct sample *s, uint32_t j)
{
	const uint32_t k = (uint32_t)space_levels(data->space, j);
	struct category *c = calloc(k, sizeof(*c));
	double *place = calloc(k, sizeof(*place));

	for (uint32_t i = 0; c && place && i < k; i++)
		c[i].index = i;
	for (uint32_t i = 0; c && place && i < s->n; i++) {
		const double value = data->x[(size_t)of[i] * s->d + j];
		if (isnan(value))
			continue;
		c[(uint32_t)value].sum += s->y[i];
		c[(uint32_t)value].n++;
	}
	if (c && place) {
		qsort(c, k, sizeof(*c), by_mean);
		for (uint32_t i = 0; i < k; i++)
			place[c[i].index] = (i + 0.5) / k;
		for (uint32_t i = 0; i < s->n; i++) {
			const double value = data->x[(size_t)of[i] * s->d + j];
			s->u[(size_t)i * s->d + j] = isnan(value) ? 0.5 : place[(uint32_t)value];
		}
	}
	const bool ok = c && place;
	free(c);
	free(place);
	return ok;
}

static bool take(const struct importance_data *data, struct sample *s)
{
	uint32_t *of = malloc(data->n * sizeof(*of));
	bool ok;

	s->d = space_dim(data->space);
	s->n = data->n < TRIALS_MAX ? data->n : TRIALS_MAX;
	s->u = malloc((size_t)s->n * s->d * sizeof(*s->u));
	s->y = malloc(s->n * sizeof(*s->y));
	ok = of && s->u && s->y;
	if (ok)
		draw(data, of);
	for (uint32_t i = 0; ok && i < s->n; i++) {
		s->y[i] = data->cost[of[i]];
		space_encode(data->space, data->x + (size_t)of[i] * s->d, s->u + (size_t)i * s->d);
	}
	for (uint32_t j = 0; ok && j < s->d; j++)
		if (space_at(data->space, j)->kind == SPACE_CATEGORICAL)
			ok = order_categories(data, of, s, j);
	free(of);
	return ok;
}

/* Costs in [0, 1]: sums of squares of huge ones would not be finite. */
static bool scale_costs(struct sample *s)
{
	double least = INFINITY, most = -INFINITY;

	for (uint32_t i = 0; i < s->n; i++) {
		least = fmin(least, s->y[i]);
		most = fmax(most, s->y[i]);
	}
	for (uint32_t i = 0; i < s->n && most > least; i++)
		s->y[i] = (0.5 * s->y[i] - 0.5 * least) / (0.5 * most - 0.5 * least);
	return most > least;
}

/* ---- one tree ---------------------------------------------------------------------------------- */

static int by_place(const void *a, const void *b)
{
	const struct edge *x = a, *y = b;

	if (x->at != y->at)
		return x->at < y->at ? -1 : 1;
	return x->step < y->step ? -1 : x->step > y->step;
}

static void weigh_leaves(const struct tree *t, double *weight, double *mean, double *variance)
{
	*mean = *variance = 0;
	for (uint32_t l = 0; l < t->n_leaves; l++) {
		weight[l] = 1;
		for (uint32_t j = 0; j < t->d; j++)
			weight[l] *= t->hi[(size_t)l * t->d + j] - t->lo[(size_t)l * t->d + j];
		*mean += weight[l] * t->value[l];
	}
	for (uint32_t l = 0; l < t->n_leaves; l++)
		*variance += weight[l] * (t->value[l] - *mean) * (t->value[l] - *mean);
}

/* The variance of the marginal along axis j, which is a step function: a leaf adds its value, weighted by its
 * share of the slice, from one side of its box to the other. */
static double marginal_variance(
	const struct tree *t, uint32_t j, const double *weight, double mean, struct edge *edges)
{
	double level = 0, sum = 0;

	for (uint32_t l = 0; l < t->n_leaves; l++) {
		const double lo = t->lo[(size_t)l * t->d + j], hi = t->hi[(size_t)l * t->d + j];
		const double step = (t->value[l] - mean) * weight[l] / (hi - lo);
		edges[2 * l] = (struct edge){lo, step};
		edges[2 * l + 1] = (struct edge){hi, -step};
	}
	qsort(edges, 2 * (size_t)t->n_leaves, sizeof(*edges), by_place);
	for (uint32_t e = 0; e + 1 < 2 * t->n_leaves; e++) {
		level += edges[e].step;
		sum += (edges[e + 1].at - edges[e].at) * level * level;
	}
	return sum;
}

/* Adds this tree's shares; false when it has no variance. */
static bool take_apart(const struct tree *t, double *weight, struct edge *edges, double *share)
{
	double mean, variance;

	weigh_leaves(t, weight, &mean, &variance);
	if (!(variance > 0))
		return false;
	for (uint32_t j = 0; j < t->d; j++)
		share[j] += marginal_variance(t, j, weight, mean, edges) / variance;
	return true;
}

/* ---- the forest -------------------------------------------------------------------------------- */

static enum algo_outcome forest(
	const struct importance_data *data, const struct sample *s, const atomic_bool *cancel, double *share)
{
	double *weight = malloc(s->n * sizeof(*weight));
	struct edge *edges = malloc(2 * (size_t)s->n * sizeof(*edges));
	enum algo_outcome outcome = weight && edges ? ALGO_OK : ALGO_NO_MEMORY;

	for (uint32_t k = 0; k < TREES && outcome == ALGO_OK; k++) {
		struct rng rng = rng_stream(data->seed, RNG_MODEL, k + 1);
		struct tree t;
		if (tree_grow(&t, s->u, s->y, s->n, s->d, &rng, cancel))
			take_apart(&t, weight, edges, share);
		else if (cancel && atomic_load_explicit(cancel, memory_order_relaxed))
			outcome = ALGO_CANCELLED;
		else
			outcome = ALGO_NO_MEMORY;
		tree_free(&t);
	}
	free(weight);
	free(edges);
	return outcome;
}

enum algo_outcome importance_fanova(
	const struct importance_data *data, const atomic_bool *cancel, double *share)
{
	struct sample s = {0};
	enum algo_outcome outcome = ALGO_OK;
	double sum = 0;

	memset(share, 0, space_dim(data->space) * sizeof(*share));
	if (data->n < 2)
		return ALGO_OK;
	if (!take(data, &s))
		outcome = ALGO_NO_MEMORY;
	else if (scale_costs(&s))
		outcome = forest(data, &s, cancel, share);
	for (uint32_t j = 0; j < space_dim(data->space); j++)
		sum += share[j];
	for (uint32_t j = 0; j < space_dim(data->space) && sum > 0; j++)
		share[j] /= sum;
	free(s.u);
	free(s.y);
	return outcome;
}
