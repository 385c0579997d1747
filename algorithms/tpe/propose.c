/* The best of many candidates. */
#include "algorithms/tpe/propose.h"

#include <math.h>
#include <stdlib.h>

#include "algorithms/grow.h"

enum {
	AGE_FLAT = 25,     /* the newest trials of a set count in full, older ones less and less     */
	NEWEST = 256,      /* bad trials that are all kernels                                        */
	OLDER = 256,       /* and how many stand for those before them                               */
	ROUNDS = 3,        /* of refinement, with steps that get half as long                        */
	AXES_REFINED = 64, /* of very many, so that time grows no faster than their number            */
};

static const float FIRST_STEP = 0.1f;

bool proposer_init(struct proposer *p, uint32_t d, uint32_t n_candidates, double prior_weight)
{
	*p = (struct proposer){.n_candidates = n_candidates, .prior_weight = (float)prior_weight};
	p->axes = calloc(d, sizeof(*p->axes));
	p->candidates = malloc(((size_t)n_candidates + 1) * d * sizeof(*p->candidates));
	p->scores = malloc((size_t)n_candidates * sizeof(*p->scores));
	return p->axes && p->candidates && p->scores;
}

void proposer_free(struct proposer *p)
{
	parzen_free(&p->good);
	parzen_free(&p->bad);
	free(p->axes);
	free(p->good_rows);
	free(p->bad_rows);
	free(p->had);
	free(p->candidates);
	free(p->scores);
}

/* ---- learning ---------------------------------------------------------------------------------- */

/* Weight by age, as in Optuna, of the ith of n: a ramp, then the newest in full. */
static float age_weight(uint32_t i, uint32_t n)
{
	uint32_t ramp = n > AGE_FLAT ? n - AGE_FLAT : 0;
	float first = 1.0f / (float)n, t = ramp > 1 ? (float)i / (float)(ramp - 1) : 0;

	return i < ramp ? first + t * (1 - first) : 1;
}

/* Good ones weigh by rank and do not age. */
static void collect(
	struct proposer *p, const struct rows *rows, const struct split *split, struct group group)
{
	p->n_good = p->n_bad = 0;
	for (uint32_t i = 0; i < rows->n; i++) {
		int side = i < rows->n_ended ? split->sides[i] : SPLIT_BAD;
		const float *row = rows_at(rows, i);

		if (side == SPLIT_NONE || isnan(row[group.params[0]]))
			continue;
		if (side == SPLIT_GOOD)
			p->good_rows[p->n_good++] = (struct parzen_row){.x = row, .weight = split->weights[i]};
		else
			p->bad_rows[p->n_bad++] = (struct parzen_row){.x = row};
	}
	for (uint32_t i = 0; i < p->n_bad; i++)
		p->bad_rows[i].weight = age_weight(i, p->n_bad);
}

/* Beyond NEWEST bad trials, some of the older ones, evenly spread, stand for all of them. */
static void thin_out(struct proposer *p)
{
	uint32_t n_old = p->n_bad > NEWEST ? p->n_bad - NEWEST : 0;

	if (n_old <= OLDER)
		return;
	for (uint32_t i = 0; i < OLDER; i++) {
		p->bad_rows[i] = p->bad_rows[(2 * (uint64_t)i + 1) * n_old / (2 * OLDER)];
		p->bad_rows[i].weight *= (float)n_old / OLDER;
	}
	for (uint32_t i = 0; i < NEWEST; i++)
		p->bad_rows[OLDER + i] = p->bad_rows[n_old + i];
	p->n_bad = OLDER + NEWEST;
}

static bool fit(struct proposer *p, const struct rows *rows, const struct split *split, struct group group)
{
	if (!grow(&p->good_rows, &p->cap_good, (size_t)split->n_good + 1, sizeof(*p->good_rows)) ||
		!grow(&p->bad_rows, &p->cap_bad, (size_t)rows->n + 1, sizeof(*p->bad_rows)))
		return false;
	collect(p, rows, split, group);
	thin_out(p);
	for (uint32_t k = 0; k < group.n; k++)
		p->axes[k] = &rows->axes[group.params[k]];
	return parzen_fit(&p->good, p->axes, group.params, group.n, p->good_rows, p->n_good, p->prior_weight) &&
	       parzen_fit(&p->bad, p->axes, group.params, group.n, p->bad_rows, p->n_bad, p->prior_weight);
}

/* Parameters that not all trials had are learned from those that did, by a split of these. */
static bool learn(struct proposer *p, const struct rows *rows, const struct split *split, struct group group)
{
	struct split within;
	bool all = true, ok;

	if (!grow(&p->had, &p->cap_had, (size_t)rows->n_ended + 1, sizeof(*p->had)))
		return false;
	for (uint32_t i = 0; i < rows->n_ended; i++) {
		p->had[i] = !isnan(rows_at(rows, i)[group.params[0]]);
		all = all && p->had[i];
	}
	if (all)
		return fit(p, rows, split, group);
	if (!split_within(split, p->had, rows->n_ended, &within))
		return false;
	ok = fit(p, rows, &within, group);
	split_free(&within);
	return ok;
}

/* ---- searching --------------------------------------------------------------------------------- */

static float score(struct proposer *p, const float *x)
{
	return parzen_log_density(&p->good, x) - parzen_log_density(&p->bad, x);
}

static bool cancelled(const atomic_bool *cancel)
{
	return cancel && atomic_load_explicit(cancel, memory_order_relaxed);
}

static enum algo_outcome draw_candidates(
	struct proposer *p, uint32_t n_axes, struct rng *r, const atomic_bool *cancel)
{
	for (uint32_t i = 0; i < p->n_candidates; i++) {
		float *x = p->candidates + (size_t)i * n_axes;

		if (cancelled(cancel))
			return ALGO_CANCELLED;
		parzen_draw(&p->good, r, x);
		p->scores[i] = score(p, x);
	}
	return ALGO_OK;
}

static uint32_t best_candidate(const struct proposer *p)
{
	uint32_t best = 0;

	for (uint32_t i = 1; i < p->n_candidates; i++)
		if (p->scores[i] > p->scores[best])
			best = i;
	return best;
}

/* Keeps the move of x to `value` on axis j if it is better. */
static void try_move(struct proposer *p, float *x, float *best, uint32_t j, float value)
{
	float before = x[j], now;

	x[j] = value;
	if (value != before && (now = score(p, x)) > *best)
		*best = now;
	else
		x[j] = before;
}

/*
 * Climbs from the best candidate along one real axis at a time. Levels and choices stay as they were
 * drawn: where there are few values, chance is what keeps the search from settling too early.
 */
static enum algo_outcome refine_best(
	struct proposer *p, uint32_t n_axes, struct rng *r, const atomic_bool *cancel)
{
	uint32_t best = best_candidate(p), n = n_axes < AXES_REFINED ? n_axes : AXES_REFINED;
	uint32_t first = n < n_axes ? (uint32_t)rng_below(r, n_axes) : 0;
	float *x = p->candidates + (size_t)best * n_axes, step = FIRST_STEP;

	for (int round = 0; round < ROUNDS; round++, step /= 2) {
		for (uint32_t k = 0; k < n; k++) {
			uint32_t j = (first + k) % n_axes;

			if (cancelled(cancel))
				return ALGO_CANCELLED;
			if (p->axes[j]->kind != PARZEN_REAL)
				continue;
			try_move(p, x, &p->scores[best], j, fminf(x[j] + step, 1));
			try_move(p, x, &p->scores[best], j, fmaxf(x[j] - step, 0));
		}
	}
	return ALGO_OK;
}

static void write_natural(const struct rows *rows, struct group group, const float *values, double *x)
{
	for (uint32_t k = 0; k < group.n; k++)
		x[group.params[k]] = rows_value(rows, group.params[k], values[k]);
}

/* The best candidate, and while that has been seen, the next best one. */
static void choose(
	const struct proposer *p, const struct rows *rows, struct group group, const struct seen *seen, double *x)
{
	uint32_t best = best_candidate(p), first = best;

	for (uint32_t i = 0; i < p->n_candidates; i++) {
		write_natural(rows, group, p->candidates + (size_t)best * group.n, x);
		if (!seen || !seen_has(seen, x))
			return;
		p->scores[best] = -INFINITY;
		best = best_candidate(p);
	}
	write_natural(rows, group, p->candidates + (size_t)first * group.n, x);
}

enum algo_outcome propose(struct proposer *p, const struct rows *rows, const struct split *split,
	struct group group, const struct seen *seen, const atomic_bool *cancel, struct rng *r, double *x)
{
	enum algo_outcome outcome;

	if (!learn(p, rows, split, group))
		return ALGO_NO_MEMORY;
	if ((outcome = draw_candidates(p, group.n, r, cancel)) != ALGO_OK ||
		(outcome = refine_best(p, group.n, r, cancel)) != ALGO_OK)
		return outcome;
	choose(p, rows, group, seen, x);
	return ALGO_OK;
}
