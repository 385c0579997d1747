/*
 * Grid search: every combination of the parameters' values once. Parameters with countable values
 * take all of them; a continuous one takes `points_per_axis` values, both bounds included, evenly
 * spaced on its scale (a normal one: at evenly spaced quantiles).
 */
#include <math.h>
#include <stdlib.h>

#include "algorithms/oneshot.h"
#include "algorithms/permute.h"
#include "algorithms/registry.h"
#include "algorithms/rng.h"

enum { ROW_POINTS, ROW_ORDER, ROW_SEED };
enum { ORDER_SHUFFLED, ORDER_SEQUENTIAL };

static const char *const order_names[] = {"shuffled", "sequential", NULL};

static const struct algo_setting grid_settings[] = {
	[ROW_POINTS] = {.name = "points_per_axis",
		.type = ALGO_INT,
		.min = 1,
		.max = 10000,
		.def = 10,
		.doc = "Number of values of a continuous parameter that has no step."},
	[ROW_ORDER] = {.name = "order",
		.type = ALGO_CHOICE,
		.def = ORDER_SHUFFLED,
		.choices = order_names,
		.doc = "shuffled: an unfinished grid is spread over the space; sequential: the last parameter varies "
			   "first."},
	[ROW_SEED] = ALGO_SETTING_SEED,
};

struct grid {
	const struct space *space;
	struct space *cells; /* its configurations are the grid's points            */
	uint32_t points;
	bool shuffled;
	struct permutation order;
	void *history;     /* oneshot's cache                                     */
	uint64_t floor;    /* the history has every position before it            */
	uint64_t position; /* the next one to look at                             */
};

/* The kth of n values of a continuous parameter. Written so that tidy bounds give tidy values. */
static double axis_point(const struct space *s, uint32_t j, uint32_t k, uint32_t n)
{
	const struct space_param *p = space_at(s, j);
	bool even = p->distribution == SPACE_UNIFORM || p->distribution == SPACE_LOG_UNIFORM;
	double v;

	if (n == 1)
		return space_decode_one(s, j, 0.5);
	if (!even)
		return space_decode_one(s, j, (k + 0.5) / n);
	if (k == 0 || k == n - 1)
		return k == 0 ? p->min : p->max;
	if (p->distribution == SPACE_LOG_UNIFORM)
		v = pow(10, log10(p->min) + (log10(p->max) - log10(p->min)) * k / (n - 1));
	else
		v = p->min + (p->max - p->min) * k / (n - 1);
	return fmin(fmax(v, p->min), p->max);
}

static void grid_point(const struct grid *g, uint64_t position, double *x)
{
	space_config(g->cells, g->shuffled ? permutation_at(&g->order, position) : position, x);
	for (uint32_t j = 0; j < space_dim(g->space); j++)
		if (space_levels(g->space, j) == SPACE_INFINITE && !isnan(x[j]))
			x[j] = axis_point(g->space, j, (uint32_t)x[j], g->points);
}

static enum algo_outcome grid_next(void *ctx, const struct seen *seen, uint32_t number, double *x)
{
	struct grid *g = ctx;

	(void)number;
	while (g->position < space_cardinality(g->cells)) {
		grid_point(g, g->position++, x);
		if (!seen_has(seen, x))
			return ALGO_OK;
		/* Before the first choice of a call, what has been seen is in the history. */
		if (seen->n == 0)
			g->floor = g->position;
	}
	return ALGO_EXHAUSTED;
}

static uint32_t points_of(const struct algo_problem *p)
{
	return (uint32_t)p->settings[ROW_POINTS].number;
}

static void grid_free(void *cache)
{
	struct grid *g = cache;

	if (!g)
		return;
	space_unref(g->cells);
	oneshot_cache_free(g->history);
	free(g);
}

static void *grid_new(const struct algo_problem *p)
{
	struct grid *g = calloc(1, sizeof(*g));

	if (!g)
		return NULL;
	g->points = points_of(p);
	g->shuffled = p->settings[ROW_ORDER].number == ORDER_SHUFFLED;
	g->cells = space_countable(p->space, g->points);
	g->history = oneshot_cache_new(p);
	if (!g->cells || !g->history) {
		grid_free(g);
		return NULL;
	}
	g->order = permutation_new(space_cardinality(g->cells), rng_mix(p->seed, RNG_ORDER));
	return g;
}

static enum algo_outcome grid_suggest(
	const struct algo_problem *p, const struct algo_history *h, struct algo_request *r)
{
	struct grid *own = r->cache ? NULL : grid_new(p);
	struct grid *g = own ? own : r->cache;
	enum algo_outcome outcome = ALGO_UNSUPPORTED;

	r->n_out = 0;
	if (!g)
		return ALGO_NO_MEMORY;
	if (space_cardinality(g->cells) != SPACE_INFINITE) {
		g->space = p->space;
		g->position = g->floor;
		outcome = oneshot_suggest(p, h, r, g->history, grid_next, g);
	}
	grid_free(own);
	return outcome;
}

static uint64_t grid_last_trial(const struct algo_problem *p)
{
	struct space *cells = space_countable(p->space, points_of(p));
	uint64_t n = cells ? space_cardinality(cells) : SPACE_INFINITE;

	space_unref(cells);
	return n;
}

static bool grid_check(const struct algo_problem *p, algo_report *report, void *ctx)
{
	if (grid_last_trial(p) != SPACE_INFINITE)
		return true;
	report(ctx, NULL, -1,
		"the grid has more points than can be counted: use fewer parameters or values, or another "
		"algorithm");
	return false;
}

const struct algorithm algorithm_grid = {
	.name = "grid",
	.doc =
		"Tries every combination of the parameters' values once, then ends. For small spaces that are to be "
		"mapped completely; continuous parameters are cut into points_per_axis values.",
	.settings = grid_settings,
	.n_settings = sizeof(grid_settings) / sizeof(*grid_settings),
	.capabilities = ALGO_CONDITIONS | ALGO_CATEGORIES | ALGO_MULTI_OBJECTIVE | ALGO_ENDS |
	                ALGO_ONESHOT,
	.check = grid_check,
	.last_trial = grid_last_trial,
	.suggest = grid_suggest,
	.cache_new = grid_new,
	.cache_free = grid_free,
};
