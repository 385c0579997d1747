/* PED-ANOVA: the best tenth against all, one parameter after the other. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "algorithms/insight/importance.h"

enum { CELLS_MAX = 50, TOP_MIN = 2, REGIME_MIN = 2 };

#define TOP_SHARE 0.1
#define LEAST_DENSITY 1e-12
#define SCOTT 1.059
/* The narrowest kernel keeps 90 % of its mass within its cell: Phi^-1(0.95) = 1.64. */
#define SIGMA_MIN (0.5 / 1.64)

/* One parameter's values as cells. */
struct axis {
	uint32_t cells;
	bool categorical;
};

struct work {
	const struct importance_data *data;
	uint32_t d;
	bool *top;              /* [n]: among the best tenth, ties included */
	uint32_t *count;        /* [cell]                                   */
	double *p_top, *p_all;  /* [cell]                                   */
};

/* ---- the best tenth ---------------------------------------------------------------------------- */

static int by_size(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static bool mark_top(struct work *w)
{
	const uint32_t n = w->data->n;
	const uint32_t share = (uint32_t)ceil(TOP_SHARE * n), wanted = share < TOP_MIN ? TOP_MIN : share;
	double *sorted = malloc(n * sizeof(*sorted));
	double last;

	if (!sorted)
		return false;
	memcpy(sorted, w->data->cost, n * sizeof(*sorted));
	qsort(sorted, n, sizeof(*sorted), by_size);
	last = sorted[wanted < n ? wanted - 1 : n - 1];
	for (uint32_t i = 0; i < n; i++)
		w->top[i] = w->data->cost[i] <= last;
	free(sorted);
	return true;
}

/* ---- a parameter's cells ----------------------------------------------------------------------- */

static uint32_t cells_most(const struct space *s)
{
	uint64_t most = CELLS_MAX;

	for (uint32_t j = 0; j < space_dim(s); j++)
		if (space_at(s, j)->kind == SPACE_CATEGORICAL && space_levels(s, j) > most)
			most = space_levels(s, j);
	return (uint32_t)most;
}

/* Integers on a log scale get about one cell per power of two. */
static struct axis axis_of(const struct space *s, uint32_t j)
{
	const struct space_param *q = space_at(s, j);
	const uint64_t levels = space_levels(s, j);
	const bool log_int = q->kind == SPACE_INT &&
		(q->distribution == SPACE_LOG_UNIFORM || q->distribution == SPACE_LOG_NORMAL);
	double cells = levels == SPACE_INFINITE ? CELLS_MAX : (double)levels;

	if (q->kind == SPACE_CATEGORICAL)
		return (struct axis){.cells = (uint32_t)levels, .categorical = true};
	if (log_int)
		cells = ceil(log2((double)levels + 1)) + 1;
	return (struct axis){.cells = cells < CELLS_MAX ? (uint32_t)cells : CELLS_MAX};
}

static uint32_t cell_of(const struct space *s, uint32_t j, const struct axis *a, double value)
{
	const double at = space_encode_one(s, j, value) * a->cells;

	if (a->categorical)
		return (uint32_t)value;
	return at < a->cells ? (uint32_t)at : a->cells - 1;
}

/* Counts the trials per cell where j is active; among the best only with `top`. */
static uint32_t count(struct work *w, uint32_t j, const struct axis *a, bool top)
{
	uint32_t active = 0;

	memset(w->count, 0, a->cells * sizeof(*w->count));
	for (uint32_t i = 0; i < w->data->n; i++) {
		const double value = w->data->x[(size_t)i * w->d + j];
		if (isnan(value) || (top && !w->top[i]))
			continue;
		w->count[cell_of(w->data->space, j, a, value)]++;
		active++;
	}
	return active;
}

/* ---- a density on the cells -------------------------------------------------------------------- */

static double quantile_cell(const uint32_t *counts, uint32_t cells, double at)
{
	double sum = 0;

	for (uint32_t g = 0; g < cells; g++)
		if ((sum += counts[g]) >= at)
			return g;
	return cells - 1;
}

/* Scott's rule, in cells. */
static double bandwidth(const uint32_t *counts, uint32_t cells, uint32_t n)
{
	double mean = 0, var = 0, spread, sd;

	for (uint32_t g = 0; g < cells; g++)
		mean += (double)counts[g] * g / n;
	for (uint32_t g = 0; g < cells; g++)
		var += counts[g] * (g - mean) * (g - mean);
	sd = sqrt(var / (n > 1 ? n - 1 : 1));
	spread = (quantile_cell(counts, cells, 0.75 * n) - quantile_cell(counts, cells, 0.25 * n)) / 1.34;
	return fmax(SCOTT * fmin(spread, sd) * pow(n, -0.2), SIGMA_MIN);
}

static double normal_mass(double mean, double sigma, double lo, double hi)
{
	return 0.5 * (erf((hi - mean) / (sigma * M_SQRT2)) - erf((lo - mean) / (sigma * M_SQRT2)));
}

/* Adds a normal kernel, cut to the cells, of this weight. */
static void add_normal(double *p, uint32_t cells, double mean, double sigma, double weight)
{
	const double in_all = normal_mass(mean, sigma, -0.5, cells - 0.5);

	for (uint32_t g = 0; g < cells; g++)
		p[g] += weight * normal_mass(mean, sigma, g - 0.5, g + 0.5) / in_all;
}

/* A kernel for every trial and one, as wide as the range, for what was known before. */
static void density(const uint32_t *counts, const struct axis *a, uint32_t n, double *p)
{
	const double each = 1.0 / (n + 1.0), sigma = bandwidth(counts, a->cells, n);

	for (uint32_t g = 0; g < a->cells; g++)
		p[g] = LEAST_DENSITY;
	if (a->categorical) {
		/* Kernel i of n + 1: ([c = c_i] + 1 / (n + 1)) / (1 + k / (n + 1)). */
		for (uint32_t g = 0; g < a->cells; g++)
			p[g] += each / a->cells + each * (counts[g] + n * each) / (1 + a->cells * each);
		return;
	}
	for (uint32_t g = 0; g < a->cells; g++)
		if (counts[g])
			add_normal(p, a->cells, g, sigma, each * counts[g]);
	add_normal(p, a->cells, 0.5 * (a->cells - 1), a->cells, each);
}

/* ---- the importance ---------------------------------------------------------------------------- */

static double pearson(const double *p, const double *q, uint32_t cells)
{
	double sum = 0;

	for (uint32_t g = 0; g < cells; g++)
		sum += (p[g] - q[g]) * (p[g] - q[g]) / q[g];
	return sum;
}

/* Where a parameter is conditional, by the trials in which it is active. */
static double weigh(struct work *w, uint32_t j, uint32_t n_top)
{
	const struct axis a = axis_of(w->data->space, j);
	uint32_t all, top;
	double alpha, beta;

	if (a.cells < 2 || (all = count(w, j, &a, false)) < REGIME_MIN)
		return 0;
	density(w->count, &a, all, w->p_all);
	if ((top = count(w, j, &a, true)) < REGIME_MIN)
		return 0;
	density(w->count, &a, top, w->p_top);
	alpha = (double)top / n_top;
	beta = (double)all / w->data->n;
	return alpha * alpha / beta * pearson(w->p_top, w->p_all, a.cells);
}

static void normalise(double *share, uint32_t d)
{
	double sum = 0;

	for (uint32_t j = 0; j < d; j++)
		sum += share[j];
	for (uint32_t j = 0; j < d && sum > 0; j++)
		share[j] /= sum;
}

static bool all_alike(const struct importance_data *data)
{
	for (uint32_t i = 1; i < data->n; i++)
		if (data->cost[i] != data->cost[0])
			return false;
	return true;
}

enum algo_outcome importance_ped_anova(
	const struct importance_data *data, const atomic_bool *cancel, double *share)
{
	const uint32_t d = space_dim(data->space), cells = cells_most(data->space);
	struct work w = {.data = data, .d = d};
	enum algo_outcome outcome = ALGO_NO_MEMORY;
	uint32_t n_top = 0;

	memset(share, 0, d * sizeof(*share));
	if (data->n < TOP_MIN || all_alike(data))
		return ALGO_OK;
	w.top = calloc(data->n, sizeof(*w.top));
	w.count = calloc(cells, sizeof(*w.count));
	w.p_top = calloc(cells, sizeof(*w.p_top));
	w.p_all = calloc(cells, sizeof(*w.p_all));
	if (!w.top || !w.count || !w.p_top || !w.p_all || !mark_top(&w))
		goto out;
	for (uint32_t i = 0; i < data->n; i++)
		n_top += w.top[i];
	outcome = ALGO_OK;
	for (uint32_t j = 0; j < d && outcome == ALGO_OK; j++) {
		share[j] = weigh(&w, j, n_top);
		if (cancel && atomic_load_explicit(cancel, memory_order_relaxed))
			outcome = ALGO_CANCELLED;
	}
	normalise(share, d);
out:
	free(w.top);
	free(w.count);
	free(w.p_top);
	free(w.p_all);
	return outcome;
}
