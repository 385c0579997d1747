/*
 * NSGA-II (Deb, Pratap, Agarwal and Meyarivan 2002): a population of the best trials, by Pareto rank
 * and crowding, has children by crossover and mutation.
 *
 * The population is rebuilt from the history: every population_size ended trials are a generation,
 * and the best of it and of the population before are the next population. So it needs no memory of
 * its own, takes in users' trials as well, and trials in parallel never wait for each other.
 *
 * Children are made in the unit cube: numbers by simulated binary crossover and polynomial mutation
 * (Deb and Agrawal 1995; Deb and Goyal 1996), categories by exchange and redrawing. A parameter whose
 * condition newly holds comes from the parent that has it, or is drawn.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "algorithms/multi/outcome.h"
#include "algorithms/multi/pareto.h"
#include "algorithms/oneshot.h"
#include "algorithms/qmc.h"
#include "algorithms/registry.h"

enum { ROW_POPULATION, ROW_CROSSOVER, ROW_SWAP, ROW_MUTATION, ROW_SEED };

enum { ATTEMPTS = 16 };

/* How close children stay to their parents: the distribution index of both operators. */
static const double ETA = 20;

/* ---- the population ---------------------------------------------------------------------------- */

struct population {
	uint32_t *trials; /* [2 size]: positions in the history                          */
	uint32_t *ranks;  /* [size]                                                      */
	uint32_t n, size;
	double *y, *violations; /* [2 size][m], [2 size]: of the members and the next ones     */
	uint32_t m;
};

static bool population_init(struct population *q, uint32_t size, uint32_t m)
{
	*q = (struct population){.size = size, .m = m};
	q->trials = malloc(2 * (size_t)size * sizeof(*q->trials));
	q->ranks = malloc((size_t)size * sizeof(*q->ranks));
	q->y = malloc(2 * (size_t)size * m * sizeof(*q->y));
	q->violations = malloc(2 * (size_t)size * sizeof(*q->violations));
	return q->trials && q->ranks && q->y && q->violations;
}

static void population_free(struct population *q)
{
	free(q->trials);
	free(q->ranks);
	free(q->y);
	free(q->violations);
}

/* The members take the places 0 .. k-1, in the order in which they were chosen. */
static bool survive(struct population *q, uint32_t n)
{
	uint32_t k = n < q->size ? n : q->size;
	uint32_t *chosen = malloc(((size_t)k + 1) * sizeof(*chosen));
	uint32_t *trials = malloc(((size_t)k + 1) * sizeof(*trials));
	double *y = malloc(((size_t)k + 1) * (q->m + 1) * sizeof(*y)), *violations = y + (size_t)k * q->m;
	bool ok = chosen && trials && y && pareto_select(q->y, q->violations, n, q->m, k, chosen, q->ranks);

	for (uint32_t i = 0; ok && i < k; i++) {
		trials[i] = q->trials[chosen[i]];
		memcpy(y + (size_t)i * q->m, q->y + (size_t)chosen[i] * q->m, q->m * sizeof(*y));
		violations[i] = q->violations[chosen[i]];
	}
	if (ok) {
		memcpy(q->trials, trials, k * sizeof(*trials));
		memcpy(q->y, y, (size_t)k * q->m * sizeof(*y));
		memcpy(q->violations, violations, k * sizeof(*violations));
		q->n = k;
	}
	free(chosen);
	free(trials);
	free(y);
	return ok;
}

/* Trials without a result take no place, but the first generation needs some that have one. */
static bool population_read(struct population *q, const struct algo_problem *p, const struct algo_history *h,
	const atomic_bool *cancel)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < h->n_trials; i++) {
		const struct algo_trial *t = &h->trials[i];

		if (!outcome_values(p, t, q->y + (size_t)n * q->m))
			continue;
		if (cancel && atomic_load_explicit(cancel, memory_order_relaxed))
			return true;
		q->trials[n] = i;
		q->violations[n++] = outcome_violation(p, t);
		if (n < q->n + q->size)
			continue;
		if (!survive(q, n))
			return false;
		n = q->n;
	}
	return true;
}

/* ---- children ---------------------------------------------------------------------------------- */

struct nsga2 {
	const struct algo_problem *p;
	const struct algo_history *h;
	struct population population;
	struct qmc *points;
	double *u[3]; /* [d]: two parents, then the child in the first               */
};

/* The better of two by rank; of equals the first, which is by chance. */
static const double *tournament(const struct nsga2 *s, struct rng *r)
{
	const struct population *q = &s->population;
	uint32_t a = (uint32_t)rng_below(r, q->n), b = (uint32_t)rng_below(r, q->n);

	return s->h->trials[q->trials[q->ranks[b] < q->ranks[a] ? b : a]].x;
}

/* One of the two children of simulated binary crossover; the spread is that of the parents, cut so
 * that it keeps within [0, 1]. */
static double crossed(double a, double b, struct rng *r)
{
	double low = fmin(a, b), high = fmax(a, b), gap = high - low;
	bool lower = rng_uniform(r) < 0.5;
	double u = rng_uniform(r), room, alpha, beta;

	if (gap < 1e-14)
		return a;
	room = 1 + 2 * (lower ? low : 1 - high) / gap;
	alpha = 2 - pow(room, -(ETA + 1));
	beta = u <= 1 / alpha ? pow(u * alpha, 1 / (ETA + 1)) : pow(1 / (2 - u * alpha), 1 / (ETA + 1));
	return lower ? 0.5 * (low + high - beta * gap) : 0.5 * (low + high + beta * gap);
}

/* Polynomial mutation within [0, 1]. */
static double mutated(double x, struct rng *r)
{
	double u = rng_uniform(r), change;

	if (u < 0.5)
		change = pow(2 * u + (1 - 2 * u) * pow(1 - x, ETA + 1), 1 / (ETA + 1)) - 1;
	else
		change = 1 - pow(2 * (1 - u) + (2 * u - 1) * pow(x, ETA + 1), 1 / (ETA + 1));
	return fmin(fmax(x + change, 0), 1);
}

/* NaN in one parent: the other one's; in both: drawn. */
static double inherit(const struct nsga2 *s, uint32_t j, bool cross, struct rng *r)
{
	const struct algo_value *settings = s->p->settings;
	double a = s->u[0][j], b = s->u[1][j];
	bool category = space_at(s->p->space, j)->kind == SPACE_CATEGORICAL;
	double lot = rng_uniform(r), fresh = rng_uniform(r);

	if (isnan(a) || isnan(b))
		return !isnan(a) ? a : !isnan(b) ? b : fresh;
	if (!cross)
		return a;
	if (category)
		return lot < settings[ROW_SWAP].number ? b : a;
	return lot < 0.5 ? crossed(a, b, r) : a;
}

static void encode_parent(const struct nsga2 *s, const double *x, double *u)
{
	space_encode(s->p->space, x, u);
	for (uint32_t j = 0; j < space_dim(s->p->space); j++)
		if (isnan(x[j]))
			u[j] = NAN;
}

static double mutation_share(const struct nsga2 *s)
{
	double given = s->p->settings[ROW_MUTATION].number;

	return isnan(given) ? 1.0 / space_dim(s->p->space) : given;
}

static void make_child(struct nsga2 *s, struct rng *r, double *x)
{
	double share = mutation_share(s), *child = s->u[2];
	bool cross = rng_uniform(r) < s->p->settings[ROW_CROSSOVER].number;

	encode_parent(s, tournament(s, r), s->u[0]);
	encode_parent(s, tournament(s, r), s->u[1]);
	for (uint32_t j = 0; j < space_dim(s->p->space); j++) {
		bool category = space_at(s->p->space, j)->kind == SPACE_CATEGORICAL;

		child[j] = inherit(s, j, cross, r);
		if (rng_uniform(r) < share)
			child[j] = category ? rng_uniform(r) : mutated(child[j], r);
	}
	space_decode(s->p->space, child, x);
}

/* A child that is a copy gets a value redrawn; small grids make copies often. */
static void redraw_one(const struct nsga2 *s, struct rng *r, double *x)
{
	uint32_t j = (uint32_t)rng_below(r, space_dim(s->p->space));

	s->u[2][j] = rng_uniform(r);
	space_decode(s->p->space, s->u[2], x);
}

static enum algo_outcome nsga2_next(void *ctx, const struct seen *seen, uint32_t number, double *x)
{
	struct nsga2 *s = ctx;
	struct rng r = rng_stream(s->p->seed, RNG_SUGGEST, number);

	if (s->population.n == 0) {
		qmc_point(s->points, number - 1, s->u[2]);
		space_decode(s->p->space, s->u[2], x);
		if (!seen_has(seen, x))
			return ALGO_OK;
		return seen_draw_new(seen, &r, x) ? ALGO_OK : ALGO_NO_MEMORY;
	}
	for (int i = 0; i < ATTEMPTS; i++) {
		make_child(s, &r, x);
		if (!seen_has(seen, x))
			return ALGO_OK;
		redraw_one(s, &r, x);
		if (!seen_has(seen, x))
			return ALGO_OK;
	}
	return seen_draw_new(seen, &r, x) ? ALGO_OK : ALGO_NO_MEMORY;
}

/* ---- the algorithm ----------------------------------------------------------------------------- */

static bool nsga2_begin(struct nsga2 *s, const struct algo_request *r)
{
	uint32_t d = space_dim(s->p->space);

	if (!population_init(&s->population, (uint32_t)s->p->settings[ROW_POPULATION].number, s->p->n_objectives))
		return false;
	s->points = qmc_new(d, s->p->seed);
	s->u[0] = malloc(3 * (size_t)d * sizeof(double));
	if (!s->points || !s->u[0])
		return false;
	s->u[1] = s->u[0] + d;
	s->u[2] = s->u[1] + d;
	return population_read(&s->population, s->p, s->h, r->cancel);
}

static enum algo_outcome nsga2_suggest(
	const struct algo_problem *p, const struct algo_history *h, struct algo_request *r)
{
	struct nsga2 s = {.p = p, .h = h};
	enum algo_outcome outcome = ALGO_NO_MEMORY;

	r->n_out = 0;
	if (nsga2_begin(&s, r))
		outcome = oneshot_suggest(p, h, r, r->cache, nsga2_next, &s);
	population_free(&s.population);
	qmc_free(s.points);
	free(s.u[0]);
	return outcome;
}

static uint64_t nsga2_last_trial(const struct algo_problem *p)
{
	return space_cardinality(p->space);
}

static const struct algo_setting nsga2_settings[] = {
	[ROW_POPULATION] = {.name = "population_size",
		.type = ALGO_INT,
		.min = 2,
		.max = 10000,
		.def = 50,
		.doc = "Trials of a generation, and of the population that has children; the first ones are points "
			   "of a Sobol sequence."},
	[ROW_CROSSOVER] = {.name = "crossover_prob",
		.type = ALGO_REAL,
		.min = 0,
		.max = 1,
		.def = 0.9,
		.doc = "Probability that a child has two parents."},
	[ROW_SWAP] = {.name = "swapping_prob",
		.type = ALGO_REAL,
		.min = 0,
		.max = 1,
		.def = 0.5,
		.doc = "Probability that a category then comes from the second parent."},
	[ROW_MUTATION] = {.name = "mutation_prob",
		.type = ALGO_REAL,
		.min = 0,
		.max = 1,
		.def = __builtin_nan(""),
		.doc = "Probability that a value mutates; 1 / parameters if not given."},
	[ROW_SEED] = ALGO_SETTING_SEED,
};

const struct algorithm algorithm_nsga2 = {
	.name = "nsga2",
	.doc = "Breeds trials from those that no other one beats in every objective (NSGA-II). For several "
		   "objectives with hundreds of trials or more; costs next to nothing per suggestion.",
	.settings = nsga2_settings,
	.n_settings = sizeof(nsga2_settings) / sizeof(*nsga2_settings),
	.capabilities = ALGO_CONDITIONS | ALGO_CATEGORIES | ALGO_MULTI_OBJECTIVE | ALGO_CONSTRAINTS,
	.last_trial = nsga2_last_trial,
	.suggest = nsga2_suggest,
	.cache_new = oneshot_cache_new,
	.cache_free = oneshot_cache_free,
};
