/*
 * Random search: every trial is drawn from the declared distributions, by itself. On a finite space
 * no configuration comes twice, and the search ends when all have been tried.
 */
#include "algorithms/oneshot.h"
#include "algorithms/registry.h"

static enum algo_outcome random_next(void *ctx, const struct seen *seen, uint32_t number, double *x)
{
	const struct algo_problem *p = ctx;
	struct rng rng = rng_stream(p->seed, RNG_SUGGEST, number);

	return seen_draw_new(seen, &rng, x) ? ALGO_OK : ALGO_NO_MEMORY;
}

static enum algo_outcome random_suggest(
	const struct algo_problem *p, const struct algo_history *h, struct algo_request *r)
{
	struct algo_problem copy = *p;

	return oneshot_suggest(p, h, r, r->cache, random_next, &copy);
}

static uint64_t random_last_trial(const struct algo_problem *p)
{
	return space_cardinality(p->space);
}

static const struct algo_setting random_settings[] = {
	ALGO_SETTING_SEED,
};

const struct algorithm algorithm_random = {
	.name = "random",
	.doc = "Draws every trial from the declared distributions, whatever the results are. A fair baseline, "
		   "and good with very many parallel trials. Never repeats a configuration of a finite space.",
	.settings = random_settings,
	.n_settings = sizeof(random_settings) / sizeof(*random_settings),
	.capabilities = ALGO_CONDITIONS | ALGO_CATEGORIES | ALGO_MULTI_OBJECTIVE | ALGO_ONESHOT,
	.last_trial = random_last_trial,
	.suggest = random_suggest,
	.cache_new = oneshot_cache_new,
	.cache_free = oneshot_cache_free,
};
