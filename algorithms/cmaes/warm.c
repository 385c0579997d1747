/* Warm start. */
#include "algorithms/cmaes/warm.h"

#include <gsl/gsl_heapsort.h>
#include <stdlib.h>
#include <string.h>

#include "algorithms/cmaes/rank.h"

/* The best part of a source is used; a source of fewer good trials is not. */
enum { PART = 10, ENOUGH = 10 };
static const double WIDTH = 0.1;

/* The chosen trials as rows. */
struct rows {
	const struct latent *latent;
	double *places;
	uint32_t *choices;
	uint32_t n, capacity;
};

struct candidate {
	struct rank rank;
	const struct algo_trial *trial;
};

static int by_rank(const void *a, const void *b)
{
	return rank_compare(&((const struct candidate *)a)->rank, &((const struct candidate *)b)->rank);
}

static void add_row(struct rows *r, const double *x)
{
	const struct latent *l = r->latent;
	double *place = r->places + (size_t)r->n * l->n_axes;
	uint32_t *choices = r->choices + (size_t)r->n * l->n_choices;

	for (uint32_t i = 0; i < l->n_axes; i++)
		place[i] = space_encode_one(l->space, l->axes[i], x[l->axes[i]]);
	for (uint32_t i = 0; i < l->n_choices; i++) {
		double value = x[l->choices[i]];

		choices[i] = isnan(value) ? LATENT_NONE : (uint32_t)value;
	}
	r->n++;
}

/* Adds the best part of one experiment's trials. Values of different ones are not compared. */
static bool add_best(
	struct rows *r, const struct algo_problem *p, const struct algo_trial *trials, uint32_t n)
{
	struct candidate *c = malloc((n + 1) * sizeof(*c));
	uint32_t good = 0;

	if (!c)
		return false;
	for (uint32_t i = 0; i < n; i++) {
		struct rank rank = rank_of(&trials[i], p->objectives[0].direction, i);

		if (rank.class == RANK_GOOD && space_valid(p->space, trials[i].x, NULL))
			c[good++] = (struct candidate){.rank = rank, .trial = &trials[i]};
	}
	gsl_heapsort(c, good, sizeof(*c), by_rank); /* unlike qsort(), asks for no memory */
	for (uint32_t i = 0; good >= ENOUGH && i < good / PART && r->n < r->capacity; i++)
		add_row(r, c[i].trial->x);
	free(c);
	return true;
}

static void take_mean(const struct rows *r, double *mean)
{
	uint32_t d = r->latent->n_axes;

	memset(mean, 0, d * sizeof(*mean));
	for (uint32_t m = 0; m < r->n; m++)
		for (uint32_t j = 0; j < d; j++)
			mean[j] += r->places[(size_t)m * d + j] / r->n;
}

static void take_covariance(const struct rows *r, const double *mean, struct cma *c)
{
	uint32_t d = r->latent->n_axes;

	for (uint32_t i = 0; i < d; i++) {
		for (uint32_t j = 0; j < d; j++) {
			double sum = 0;

			if (c->diagonal && i != j)
				continue;
			for (uint32_t m = 0; m < r->n; m++) {
				const double *place = r->places + (size_t)m * d;

				sum += (place[i] - mean[i]) * (place[j] - mean[j]) / r->n;
			}
			c->cov[c->diagonal ? i : (size_t)i * d + j] = sum + (i == j ? WIDTH * WIDTH : 0);
		}
	}
	cma_split_covariance(c);
}

static bool lean_choices(const struct rows *r, struct choices *choices)
{
	const uint32_t **good = malloc((r->n + 1) * sizeof(*good));

	if (!good)
		return false;
	for (uint32_t m = 0; m < r->n; m++)
		good[m] = r->choices + (size_t)m * r->latent->n_choices;
	choices_lean(choices, good, r->n);
	free(good);
	return true;
}

static bool collect(struct rows *r, const struct algo_problem *p, const struct algo_trial *before, uint32_t n,
	bool *took_before)
{
	*took_before = false;
	for (uint32_t i = 0; i < p->n_sources; i++)
		if (!add_best(r, p, p->sources[i].trials, p->sources[i].n_trials))
			return false;
	if (r->n > 0)
		return true;
	if (!add_best(r, p, before, n))
		return false;
	*took_before = r->n > 0;
	return true;
}

bool warm_start(const struct algo_problem *p, const struct latent *l, const struct algo_trial *before,
	uint32_t n, struct cma *c, struct choices *choices, bool *took_before)
{
	struct rows r = {.latent = l, .capacity = n};
	bool ok;

	for (uint32_t i = 0; i < p->n_sources; i++)
		r.capacity += p->sources[i].n_trials;
	r.capacity = r.capacity / PART + 1;
	r.places = malloc(((size_t)r.capacity * l->n_axes + 1) * sizeof(*r.places));
	r.choices = malloc(((size_t)r.capacity * l->n_choices + 1) * sizeof(*r.choices));
	ok = r.places && r.choices && collect(&r, p, before, n, took_before);
	if (ok && r.n > 0 && c) {
		take_mean(&r, c->mean);
		take_covariance(&r, c->mean, c);
	}
	if (ok && r.n > 0)
		ok = lean_choices(&r, choices);
	free(r.places);
	free(r.choices);
	return ok;
}
