/*
 * The default: the right algorithm for the space, the budget and how far the search has come.
 *
 *     trials                                    chosen by
 *     all at once (a handful, or half of the
 *     budget in parallel)                       sobol
 *     up to GP_TRIALS ended ones                gp
 *     then three of four                        nsga2 with several objectives; cmaes if all parameters
 *                                               are numeric and nothing is constrained; else tpe
 *          the fourth                           gp, on a local model
 *     one in fifty                              random: whatever a model believes, every place gets its turn
 *
 * Which one chooses a trial depends on its number and on the number of ended trials alone.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "algorithms/registry.h"

enum { FEW_TRIALS = 5, GP_TRIALS = 1000, CMAES_PARAMS_MAX = 100, RANDOM_EVERY = 50, LOCAL_EVERY = 4 };

enum member { MEMBER_SOBOL, MEMBER_RANDOM, MEMBER_GP, MEMBER_LONG, MEMBERS };

struct delegate {
	const struct algorithm *a;
	struct algo_value *settings;        /* its defaults                                            */
	void *cache;
};

struct auto_cache {
	struct delegate members[MEMBERS];
};

static bool all_numeric(const struct space *s)
{
	if (space_has_conditions(s) || space_dim(s) > CMAES_PARAMS_MAX)
		return false;
	for (uint32_t j = 0; j < space_dim(s); j++)
		if (space_at(s, j)->kind == SPACE_CATEGORICAL)
			return false;
	return true;
}

static const struct algorithm *algorithm_of(enum member m, const struct algo_problem *p)
{
	switch (m) {
	case MEMBER_SOBOL:
		return &algorithm_sobol;
	case MEMBER_RANDOM:
		return &algorithm_random;
	case MEMBER_GP:
		return &algorithm_gp;
	case MEMBER_LONG:
		if (p->n_objectives > 1)
			return &algorithm_nsga2;
		return all_numeric(p->space) && p->n_constraints == 0 ? &algorithm_cmaes : &algorithm_tpe;
	case MEMBERS:
		break;
	}
	return NULL;
}

static enum member member_for(const struct algo_problem *p, uint32_t n_ended, uint32_t number)
{
	bool at_once = p->max_trials > 0 && (p->max_trials <= FEW_TRIALS || 2 * (uint64_t)p->parallel >= p->max_trials);

	if (at_once)
		return MEMBER_SOBOL;
	if (number % RANDOM_EVERY == RANDOM_EVERY - 1)
		return MEMBER_RANDOM;
	if (n_ended <= GP_TRIALS || number % LOCAL_EVERY == 0)
		return MEMBER_GP;
	return MEMBER_LONG;
}

/* ---- delegates --------------------------------------------------------------------------------- */

static void auto_free(void *cache)
{
	struct auto_cache *c = cache;

	if (!c)
		return;
	for (int m = 0; m < MEMBERS; m++) {
		struct delegate *d = &c->members[m];

		if (d->cache)
			d->a->cache_free(d->cache);
		free(d->settings);
	}
	free(c);
}

static struct algo_problem problem_for(const struct delegate *d, const struct algo_problem *p)
{
	struct algo_problem own = *p;

	own.settings = d->settings;
	return own;
}

static void *auto_new(const struct algo_problem *p)
{
	struct auto_cache *c = calloc(1, sizeof(*c));

	for (int m = 0; c && m < MEMBERS; m++) {
		struct delegate *d = &c->members[m];
		struct algo_problem own;

		d->a = algorithm_of((enum member)m, p);
		if (!(d->settings = calloc(d->a->n_settings + 1, sizeof(*d->settings))))
			goto fail;
		algo_settings_init(d->a, d->settings);
		own = problem_for(d, p);
		if (d->a->cache_new && !(d->cache = d->a->cache_new(&own)))
			goto fail;
	}
	return c;
fail:
	auto_free(c);
	return NULL;
}

/* ---- asking ------------------------------------------------------------------------------------ */

/* Adds what a delegate has chosen to what is pending. */
static void add_pending(
	struct algo_history *h, struct algo_trial *pending, const struct algo_request *r)
{
	for (uint32_t i = 0; i < r->n_out; i++)
		pending[h->n_pending++] = (struct algo_trial){.number = r->first_number + i,
			.suggested = true,
			.x = r->out[i].x,
			.duration = NAN,
			.resource = r->out[i].resource,
			.parent = r->out[i].parent,
			.bracket = r->out[i].bracket,
			.rung = r->out[i].rung};
}

/* Lets each run of trials that one delegate chooses be chosen by it. */
static enum algo_outcome serve(struct auto_cache *c, const struct algo_problem *p,
	const struct algo_history *h, struct algo_trial *pending, struct algo_request *r)
{
	struct algo_history now = *h;
	enum algo_outcome outcome = ALGO_OK;

	now.pending = pending;
	while (outcome == ALGO_OK && r->n_out < r->n) {
		uint32_t first = r->first_number + r->n_out;
		enum member m = member_for(p, h->n_trials, first);
		struct algo_problem own = problem_for(&c->members[m], p);
		struct algo_request part = *r;

		part.first_number = first;
		part.out = r->out + r->n_out;
		for (part.n = 1; part.n < r->n - r->n_out; part.n++)
			if (member_for(p, h->n_trials, first + part.n) != m)
				break;
		part.cache = c->members[m].cache;
		outcome = c->members[m].a->suggest(&own, &now, &part);
		add_pending(&now, pending, &part);
		r->n_out += part.n_out;
	}
	return outcome;
}

static enum algo_outcome auto_suggest(
	const struct algo_problem *p, const struct algo_history *h, struct algo_request *r)
{
	struct auto_cache *own = r->cache ? NULL : auto_new(p);
	struct auto_cache *c = own ? own : r->cache;
	struct algo_trial *pending = malloc(((size_t)h->n_pending + r->n + 1) * sizeof(*pending));
	enum algo_outcome outcome = ALGO_NO_MEMORY;

	r->n_out = 0;
	if (c && pending) {
		if (h->n_pending > 0)
			memcpy(pending, h->pending, h->n_pending * sizeof(*pending));
		outcome = serve(c, p, h, pending, r);
	}
	if (outcome < 0)
		r->n_out = 0;
	free(pending);
	auto_free(own);
	return outcome;
}

static uint64_t auto_last_trial(const struct algo_problem *p)
{
	return space_cardinality(p->space);
}

static const struct algo_setting auto_settings[] = {
	ALGO_SETTING_SEED,
};

const struct algorithm algorithm_auto = {
	.name = "auto",
	.doc = "Chooses the algorithm for the space, the budget and how far the search has come: a Gaussian process "
		   "for the first thousand trials, then evolution or tree-structured densities with local models in "
		   "between. What to take unless you know better.",
	.settings = auto_settings,
	.n_settings = sizeof(auto_settings) / sizeof(*auto_settings),
	.capabilities = ALGO_CONDITIONS | ALGO_CATEGORIES | ALGO_MULTI_OBJECTIVE | ALGO_CONSTRAINTS | ALGO_SOURCES,
	.last_trial = auto_last_trial,
	.suggest = auto_suggest,
	.cache_new = auto_new,
	.cache_free = auto_free,
};
