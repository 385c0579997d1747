/*
 * CMA-ES: a normal distribution over the unit cube that moves towards, and stretches along, what was
 * better, with margin for stepped parameters, probabilities for categorical ones, and restarts. The
 * parts and their sources are in the headers of this folder.
 */
#include <math.h>
#include <stdlib.h>

#include "algorithms/cmaes/search.h"
#include "algorithms/oneshot.h"
#include "algorithms/registry.h"

enum { ROW_RESTART, ROW_SIGMA, ROW_POPULATION, ROW_STARTUP, ROW_ADAPT, ROW_SEED };

static const char *const restart_names[] = {"none", "ipop", "bipop", NULL};
static const char *const sigma_aliases[] = {"sigma0", NULL};
static const char *const population_aliases[] = {"popsize", NULL};

static const struct algo_setting cmaes_settings[] = {
	[ROW_RESTART] = {.name = "restart_strategy",
		.type = ALGO_CHOICE,
		.def = RESTART_IPOP,
		.choices = restart_names,
		.doc = "When the search has converged: none stays there, ipop starts again elsewhere with twice the "
			   "population, bipop in turns with large and with small, narrow ones."},
	[ROW_SIGMA] = {.name = "sigma",
		.aliases = sigma_aliases,
		.type = ALGO_REAL,
		.min = 0,
		.above_min = true,
		.max = 1,
		.def = 1.0 / 6,
		.doc = "First standard deviation, as a share of each parameter's range."},
	[ROW_POPULATION] = {.name = "population_size",
		.aliases = population_aliases,
		.type = ALGO_INT,
		.min = 4,
		.max = CMA_LAMBDA_MAX,
		.def = NAN,
		.doc = "Trials per generation of the first run; 4 + 3 ln(parameters) if not given."},
	[ROW_STARTUP] = {.name = "n_startup_trials",
		.type = ALGO_INT,
		.min = 0,
		.max = 10000,
		.def = 0,
		.doc = "Number of trials of a Sobol sequence that come first."},
	[ROW_ADAPT] = {.name = "lr_adapt",
		.type = ALGO_BOOL,
		.def = 0,
		.doc = "Learn more slowly where the results are noisy or have many local optima."},
	[ROW_SEED] = ALGO_SETTING_SEED,
};

struct cmaes {
	struct search *search;
	void *seen; /* oneshot's cache */
};

static struct search *make_search(const struct algo_problem *p)
{
	const struct algo_value *v = p->settings;
	struct search_options o = {.restart = (enum restart_strategy)v[ROW_RESTART].number,
		.sigma = v[ROW_SIGMA].number,
		.lambda = isnan(v[ROW_POPULATION].number) ? 0 : (uint32_t)v[ROW_POPULATION].number,
		.adapt = v[ROW_ADAPT].number != 0,
		.n_startup = (uint32_t)v[ROW_STARTUP].number};

	return search_new(p, &o);
}

static void cmaes_free(void *cache)
{
	struct cmaes *c = cache;

	if (!c)
		return;
	search_free(c->search);
	oneshot_cache_free(c->seen);
	free(c);
}

static void *cmaes_new(const struct algo_problem *p)
{
	struct cmaes *c = calloc(1, sizeof(*c));

	if (c && (c->seen = oneshot_cache_new(p)))
		return c;
	cmaes_free(c);
	return NULL;
}

static enum algo_outcome cmaes_next(void *ctx, const struct seen *seen, uint32_t number, double *x)
{
	return search_sample(ctx, seen, number, x) ? ALGO_OK : ALGO_NO_MEMORY;
}

/* A search that failed on the way holds a part of a generation: it is made anew at the next call. */
static enum algo_outcome learn(
	struct cmaes *c, const struct algo_problem *p, const struct algo_history *h, const struct algo_request *r)
{
	enum algo_outcome outcome = ALGO_NO_MEMORY;

	if (!c->search)
		c->search = make_search(p);
	if (c->search)
		outcome = search_learn(c->search, p, h, r->cancel);
	if (outcome != ALGO_OK) {
		search_free(c->search);
		c->search = NULL;
	}
	return outcome;
}

static enum algo_outcome cmaes_suggest(
	const struct algo_problem *p, const struct algo_history *h, struct algo_request *r)
{
	struct cmaes *own = r->cache ? NULL : cmaes_new(p), *c = own ? own : r->cache;
	enum algo_outcome outcome = ALGO_NO_MEMORY;

	r->n_out = 0;
	if (!c)
		return ALGO_NO_MEMORY;
	outcome = learn(c, p, h, r);
	if (outcome == ALGO_OK)
		outcome = oneshot_suggest(p, h, r, c->seen, cmaes_next, c->search);
	for (uint32_t i = 0; i < r->n_out; i++)
		search_mark(c->search, &r->out[i], r->first_number + i);
	cmaes_free(own);
	return outcome;
}

static uint64_t cmaes_last_trial(const struct algo_problem *p)
{
	return space_cardinality(p->space);
}

const struct algorithm algorithm_cmaes = {
	.name = "cmaes",
	.doc = "Draws generations of trials from a normal distribution that moves towards the better ones and "
		   "takes their shape (CMA-ES). For numeric parameters and some hundred trials or more; integers, "
		   "steps, categories and conditions are handled. Costs next to nothing per suggestion.",
	.settings = cmaes_settings,
	.n_settings = sizeof(cmaes_settings) / sizeof(*cmaes_settings),
	.capabilities = ALGO_CONDITIONS | ALGO_CATEGORIES | ALGO_SOURCES,
	.last_trial = cmaes_last_trial,
	.suggest = cmaes_suggest,
	.cache_new = cmaes_new,
	.cache_free = cmaes_free,
};
