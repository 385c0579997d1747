/* History to distribution to samples. */
#include "algorithms/cmaes/search.h"

#include <gsl/gsl_cdf.h>
#include <gsl/gsl_heapsort.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "algorithms/assert.h"
#include "algorithms/cmaes/choices.h"
#include "algorithms/cmaes/latent.h"
#include "algorithms/cmaes/margin.h"
#include "algorithms/cmaes/rank.h"
#include "algorithms/cmaes/warm.h"
#include "algorithms/qmc.h"
#include "algorithms/rng.h"

/* Draws for one trial, until one is new. */
enum { DRAWS = 100 };

/* A result in the generation that is being collected. */
struct result {
	struct rank rank;
	double *place;
	uint32_t *choices;
	bool foreign;
};

struct search {
	struct latent latent;
	struct search_options options;
	uint64_t seed;
	struct restart restart;
	struct cma *cma; /* NULL: no axes */
	struct choices choices;
	double *stretch; /* by axis: margin.h */
	struct qmc *sobol;
	uint32_t generation;
	uint32_t consumed; /* ended trials that are taken in */
	bool begun;        /* one of them was the first of ours */
	/* The generation, room for lambda. */
	struct result *results;
	struct cma_member *members;
	const uint32_t **rows; /* their choices */
	double *places;        /* what the results point into */
	uint32_t *choices_of;
	uint32_t n_results;
	/* One sample. */
	double *u, *z, *raw, *place, *x;
	uint32_t *chosen;
};

/* ---- life -------------------------------------------------------------------------------------- */

static void free_generation(struct search *s)
{
	free(s->places);
	free(s->choices_of);
	free(s->results);
	free(s->members);
	free(s->rows);
	s->places = NULL;
	s->choices_of = NULL;
	s->results = NULL;
	s->members = NULL;
	s->rows = NULL;
}

static bool new_generation(struct search *s)
{
	uint32_t lambda = s->restart.lambda, n_axes = s->latent.n_axes, n_choices = s->latent.n_choices;

	free_generation(s);
	s->results = calloc(lambda, sizeof(*s->results));
	s->members = calloc(lambda, sizeof(*s->members));
	s->rows = calloc(lambda, sizeof(*s->rows));
	s->places = calloc((size_t)lambda * n_axes + 1, sizeof(*s->places));
	s->choices_of = calloc((size_t)lambda * n_choices + 1, sizeof(*s->choices_of));
	if (!s->results || !s->members || !s->rows || !s->places || !s->choices_of)
		return false;
	for (uint32_t i = 0; i < lambda; i++) {
		s->results[i].place = s->places + (size_t)i * n_axes;
		s->results[i].choices = s->choices_of + (size_t)i * n_choices;
	}
	s->n_results = 0;
	return true;
}

void search_free(struct search *s)
{
	if (!s)
		return;
	free_generation(s);
	cma_free(s->cma);
	choices_free(&s->choices);
	restart_free(&s->restart);
	latent_free(&s->latent);
	qmc_free(s->sobol);
	free(s->stretch);
	free(s->chosen);
	free(s);
}

struct search *search_new(const struct algo_problem *p, const struct search_options *o)
{
	struct search *s = calloc(1, sizeof(*s));
	size_t n_axes, d = space_dim(p->space);

	if (!s)
		return NULL;
	s->options = *o;
	s->seed = p->seed;
	if (!latent_init(&s->latent, p->space) || !choices_init(&s->choices, &s->latent))
		goto fail;
	n_axes = s->latent.n_axes;
	s->stretch = calloc(4 * n_axes + 2 * d, sizeof(*s->stretch));
	s->chosen = calloc(s->latent.n_choices + 1, sizeof(*s->chosen));
	if (!s->stretch || !s->chosen)
		goto fail;
	s->z = s->stretch + n_axes;
	s->raw = s->z + n_axes;
	s->place = s->raw + n_axes;
	s->x = s->place + n_axes;
	s->u = s->x + d;
	if (!(s->sobol = qmc_new((uint32_t)d, p->seed)))
		goto fail;
	if (o->lambda == 0)
		s->options.lambda = cma_population(s->latent.n_axes + s->latent.n_choices);
	return s;
fail:
	search_free(s);
	return NULL;
}

/* ---- runs -------------------------------------------------------------------------------------- */

/* The distribution of a run at its beginning, at `mean`. */
static bool begin_run(struct search *s, const double *mean)
{
	uint32_t n = s->latent.n_axes;

	cma_free(s->cma);
	s->cma = NULL;
	s->generation = 0;
	for (uint32_t i = 0; i < n; i++)
		s->stretch[i] = 1;
	choices_reset(&s->choices);
	if (!new_generation(s))
		return false;
	if (n > 0) {
		s->cma = cma_new(n, s->restart.lambda, mean, s->restart.sigma, s->options.adapt);
		if (!s->cma)
			return false;
		margin_correct(&s->latent, s->cma, s->stretch);
	}
	return true;
}

static bool begin_next_run(struct search *s)
{
	struct rng rng;

	restart_next(&s->restart, s->seed);
	rng = rng_stream(rng_mix(s->seed, s->restart.run), RNG_MODEL, 0);
	for (uint32_t i = 0; i < s->latent.n_axes; i++)
		s->place[i] = rng_uniform(&rng);
	return begin_run(s, s->place);
}

/* ---- samples ----------------------------------------------------------------------------------- */

/* From the raw sample to a place of the cube. What lies outside is clipped, also in the raw sample:
 * optima at a bound are common, and drawing again would only crawl towards them. */
static void put(struct search *s)
{
	for (uint32_t i = 0; i < s->latent.n_axes; i++) {
		if (latent_is_stepped(&s->latent, i))
			s->place[i] = s->cma->mean[i] + s->stretch[i] * (s->raw[i] - s->cma->mean[i]);
		else
			s->place[i] = s->raw[i] = fmin(fmax(s->raw[i], 0), 1);
	}
}

/* The nth draw of a trial into raw, chosen and x. The first one comes from the Sobol sequence, so that
 * the members of a generation are spread evenly, which halves the regret of independent ones; the
 * others, where that one is known already, are random. */
static void draw(struct search *s, uint32_t number, int nth, struct rng *rng)
{
	uint32_t n_axes = s->latent.n_axes;

	if (nth == 0)
		qmc_point(s->sobol, number - 1, s->u);
	else
		for (uint32_t i = 0; i < n_axes + s->latent.n_choices; i++)
			s->u[i] = rng_uniform(rng);
	for (uint32_t i = 0; i < n_axes; i++)
		s->z[i] = gsl_cdf_ugaussian_Pinv(s->u[i]);
	for (uint32_t i = 0; i < s->latent.n_choices; i++)
		s->chosen[i] = choices_at(&s->choices, i, s->u[n_axes + i]);
	if (s->cma)
		cma_place(s->cma, s->z, s->raw);
	put(s);
	latent_decode(&s->latent, s->place, s->chosen, s->x);
}

static bool in_startup(const struct search *s, uint32_t number)
{
	return number <= s->options.n_startup;
}

bool search_sample(struct search *s, const struct seen *seen, uint32_t number, double *x)
{
	const struct space *space = s->latent.space;
	struct rng rng = rng_stream(s->seed, RNG_SUGGEST, number);

	if (in_startup(s, number)) {
		qmc_point(s->sobol, number - 1, s->u);
		space_decode(space, s->u, x);
		if (!seen_has(seen, x))
			return true;
	}
	for (int i = 0; i < DRAWS; i++) {
		draw(s, number, i, &rng);
		if (!seen_has(seen, s->x)) {
			memcpy(x, s->x, space_dim(space) * sizeof(*x));
			return true;
		}
	}
	return seen_draw_new(seen, &rng, x);
}

void search_mark(const struct search *s, struct algo_suggestion *out, uint32_t number)
{
	if (in_startup(s, number))
		return;
	out->bracket = (int32_t)s->restart.run;
	out->rung = (int32_t)s->generation + 1;
}

/* Draws the place of a trial of this generation again. False: it was not drawn from it. */
static bool redraw(struct search *s, const struct algo_trial *t)
{
	struct rng rng = rng_stream(s->seed, RNG_SUGGEST, t->number);

	for (int i = 0; i < DRAWS; i++) {
		draw(s, t->number, i, &rng);
		if (space_equal(s->latent.space, s->x, t->x))
			return true;
	}
	return false;
}

/* ---- results ----------------------------------------------------------------------------------- */

static bool is_ours(const struct algo_trial *t)
{
	return t->rung > 0;
}

static void add_result(struct search *s, const struct algo_problem *p, const struct algo_trial *t)
{
	struct result *r = &s->results[s->n_results];
	uint32_t n = s->latent.n_axes;

	r->rank = rank_of(t, p->objectives[0].direction, s->n_results);
	r->foreign = !(is_ours(t) && t->rung == (int32_t)s->generation + 1 && redraw(s, t));
	if (!r->foreign) {
		memcpy(r->place, s->raw, n * sizeof(*r->place));
		memcpy(r->choices, s->chosen, s->latent.n_choices * sizeof(*r->choices));
	} else {
		latent_encode(&s->latent, t->x, s->cma ? s->cma->mean : NULL, r->place, r->choices);
		for (uint32_t i = 0; i < n; i++)
			r->place[i] = s->cma->mean[i] + (r->place[i] - s->cma->mean[i]) / s->stretch[i];
	}
	s->n_results++;
}

static int by_rank(const void *a, const void *b)
{
	return rank_compare(&((const struct result *)a)->rank, &((const struct result *)b)->rank);
}

/* Learns from lambda results, unless all of them failed. False: no memory for the next run. */
static bool end_generation(struct search *s)
{
	uint32_t lambda = s->restart.lambda;
	const struct rank *best = &s->results[0].rank, *worst = &s->results[lambda - 1].rank;

	gsl_heapsort(s->results, lambda, sizeof(*s->results), by_rank);
	for (uint32_t i = 0; i < lambda; i++) {
		s->members[i] = (struct cma_member){.x = s->results[i].place, .foreign = s->results[i].foreign};
		s->rows[i] = s->results[i].choices;
	}
	s->n_results = 0;
	s->generation++;
	if (best->class >= RANK_FAILED)
		return true;
	if (s->cma) {
		cma_tell(s->cma, s->members);
		margin_correct(&s->latent, s->cma, s->stretch);
	}
	choices_tell(&s->choices, s->rows, lambda);
	return !restart_due(&s->restart, s->cma, best->value, worst->value) || begin_next_run(s);
}

static bool learn_trial(struct search *s, const struct algo_problem *p, const struct algo_trial *t)
{
	if (t->status == ALGO_ABANDONED || s->restart.frozen || !space_valid(p->space, t->x, NULL))
		return true;
	if (is_ours(t) && t->bracket != (int32_t)s->restart.run)
		return true;
	add_result(s, p, t);
	return s->n_results < s->restart.lambda || end_generation(s);
}

/* The state before the first result of ours. The trials before it are results themselves, unless they
 * have already told where to begin. */
static bool begin_search(
	struct search *s, const struct algo_problem *p, const struct algo_trial *before, uint32_t n)
{
	const struct search_options *o = &s->options;
	bool taken;

	restart_free(&s->restart);
	if (!restart_init(&s->restart, o->restart, s->latent.n_axes + s->latent.n_choices, o->lambda, o->sigma))
		return false;
	for (uint32_t i = 0; i < s->latent.n_axes; i++)
		s->place[i] = 0.5;
	if (!begin_run(s, s->place) || !warm_start(p, &s->latent, before, n, s->cma, &s->choices, &taken))
		return false;
	if (s->cma)
		margin_correct(&s->latent, s->cma, s->stretch);
	for (uint32_t i = 0; i < n && !taken; i++)
		if (rank_of(&before[i], p->objectives[0].direction, 0).class < RANK_FAILED &&
			!learn_trial(s, p, &before[i]))
			return false;
	return true;
}

enum algo_outcome search_learn(
	struct search *s, const struct algo_problem *p, const struct algo_history *h, const atomic_bool *cancel)
{
	uint32_t first = 0;

	if (!s->begun) {
		while (first < h->n_trials && !is_ours(&h->trials[first]))
			first++;
		if (!begin_search(s, p, h->trials, first))
			return ALGO_NO_MEMORY;
		s->begun = first < h->n_trials;
		s->consumed = first;
	}
	for (; s->consumed < h->n_trials; s->consumed++) {
		if (cancel && atomic_load_explicit(cancel, memory_order_relaxed))
			return ALGO_CANCELLED;
		if (!learn_trial(s, p, &h->trials[s->consumed]))
			return ALGO_NO_MEMORY;
	}
	return ALGO_OK;
}
