/*
 * Sobol search: trial n is point n-1 of a scrambled Sobol sequence, so that any number of trials is
 * spread evenly over the space, in every parameter and in every pair. Where a point falls on a
 * configuration that has been tried (few values, conditions), a new one is drawn instead.
 */
#include "algorithms/oneshot.h"
#include "algorithms/qmc.h"
#include "algorithms/registry.h"

_Static_assert((int)QMC_SOBOL_DIMS >= (int)SPACE_PARAMS_MAX, "every parameter has its Sobol axis");

struct sobol {
	const struct algo_problem *p;
	struct qmc *points;
	double u[SPACE_PARAMS_MAX];
};

static enum algo_outcome sobol_next(void *ctx, const struct seen *seen, uint32_t number, double *x)
{
	struct sobol *s = ctx;
	struct rng rng;

	qmc_point(s->points, number - 1, s->u);
	space_decode(s->p->space, s->u, x);
	if (!seen_has(seen, x))
		return ALGO_OK;
	rng = rng_stream(s->p->seed, RNG_SUGGEST, number);
	return seen_draw_new(seen, &rng, x) ? ALGO_OK : ALGO_NO_MEMORY;
}

static enum algo_outcome sobol_suggest(
	const struct algo_problem *p, const struct algo_history *h, struct algo_request *r)
{
	struct sobol s = {.p = p, .points = qmc_new(space_dim(p->space), p->seed)};
	enum algo_outcome outcome = ALGO_NO_MEMORY;

	r->n_out = 0;
	if (s.points)
		outcome = oneshot_suggest(p, h, r, r->cache, sobol_next, &s);
	qmc_free(s.points);
	return outcome;
}

static uint64_t sobol_last_trial(const struct algo_problem *p)
{
	return space_cardinality(p->space);
}

static const struct algo_setting sobol_settings[] = {
	ALGO_SETTING_SEED,
};

const struct algorithm algorithm_sobol = {
	.name = "sobol",
	.doc =
		"Spreads the trials evenly over the space by a scrambled Sobol sequence, whatever the results are. "
		"Covers the space better than random search with the same number of trials.",
	.settings = sobol_settings,
	.n_settings = sizeof(sobol_settings) / sizeof(*sobol_settings),
	.capabilities = ALGO_CONDITIONS | ALGO_CATEGORIES | ALGO_MULTI_OBJECTIVE | ALGO_ONESHOT,
	.last_trial = sobol_last_trial,
	.suggest = sobol_suggest,
	.cache_new = oneshot_cache_new,
	.cache_free = oneshot_cache_free,
};
