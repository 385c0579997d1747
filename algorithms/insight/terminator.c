/* The regret bound of a search. */
#include "algorithms/insight/terminator.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "algorithms/gp/acquisition.h"
#include "algorithms/gp/embed.h"
#include "algorithms/gp/maximize.h"
#include "algorithms/gp/model.h"

enum { BETTER_MIN = 20, BETTER_MAX = 300, CANDIDATES = 512, SCAN = 4096, STARTS = 6, INCUMBENTS = 5 };

static const double DELTA = 0.1;

struct result {
	const struct algo_trial *trial;
	double value;           /* larger is better */
};

struct judging {
	const struct algo_problem *p;
	const atomic_bool *cancel;
	struct embed *embed;
	struct result *results; /* best first */
	uint32_t n;             /* of them those that are looked at */
	double *rows;           /* n x columns */
	double *y;              /* n; mean 0, sd 1 */
	struct gp *gp;
	double width;           /* sqrt(beta) */
};

/* ---- the better half --------------------------------------------------------------------------- */

static bool has_result(const struct algo_problem *p, const struct algo_trial *t)
{
	if (t->status != ALGO_SUCCEEDED || !isfinite(t->values[0]))
		return false;
	for (uint32_t k = 0; t->constraints && k < p->n_constraints; k++)
		if (!(t->constraints[k] <= 0))
			return false;
	return true;
}

static int best_first(const void *a, const void *b)
{
	const struct result *x = a, *y = b;

	if (x->value != y->value)
		return x->value > y->value ? -1 : 1;
	return x->trial < y->trial ? -1 : x->trial > y->trial;
}

/* How many results there are, in j->results. */
static uint32_t collect(struct judging *j, const struct algo_history *h)
{
	const double sign = j->p->objectives[0].direction == ALGO_MAXIMIZE ? 1 : -1;
	uint32_t n = 0;

	for (uint32_t i = 0; i < h->n_trials; i++)
		if (has_result(j->p, &h->trials[i]))
			j->results[n++] = (struct result){&h->trials[i], sign * h->trials[i].values[0]};
	qsort(j->results, n, sizeof(*j->results), best_first);
	return n;
}

static uint32_t better_half(uint32_t n)
{
	const uint32_t half = (n + 1) / 2, most = half < BETTER_MAX ? half : BETTER_MAX;

	return most < BETTER_MIN ? (n < BETTER_MIN ? n : BETTER_MIN) : most;
}

/* Rows and standardised values; the spread, 0 if all are alike or the values are too far apart for doubles. */
static double prepare(struct judging *j)
{
	double mean = 0, var = 0, sd;

	for (uint32_t i = 0; i < j->n; i++) {
		embed_row(j->embed, j->results[i].trial->x, j->rows + (size_t)i * j->embed->n_columns);
		mean += j->results[i].value / j->n;
	}
	for (uint32_t i = 0; i < j->n; i++)
		var += (j->results[i].value - mean) * (j->results[i].value - mean) / j->n;
	sd = sqrt(var);
	if (!(sd > 0) || !isfinite(sd))
		return 0;
	for (uint32_t i = 0; i < j->n; i++)
		j->y[i] = (j->results[i].value - mean) / sd;
	return sd;
}

/* ---- the bounds -------------------------------------------------------------------------------- */

static enum algo_outcome fit(struct judging *j)
{
	bool *category = calloc(j->embed->n_columns, sizeof(*category));
	const struct gp_prior prior = gp_prior(GP_PRIOR_DEFAULT, j->embed->n_active);
	const struct gp_data data = {.x = j->rows, .y = j->y, .n = j->n};
	const struct gp_fit how = {.n_random = 1, .seed = rng_mix(j->p->seed, j->n), .cancel = j->cancel};
	enum algo_outcome outcome = ALGO_NO_MEMORY;

	for (uint32_t c = 0; category && c < j->embed->n_columns; c++)
		category[c] = j->embed->columns[c].category;
	if (category && (j->gp = gp_new(j->embed->n_columns, category, &prior)))
		outcome = gp_fit(j->gp, &data, &how);
	free(category);
	return outcome;
}

/* The highest lower and upper bound at the trials. */
static enum algo_outcome at_trials(const struct judging *j, double *lower, double *upper)
{
	struct gp_work *work = gp_work_new(j->gp, ACQUISITION_BLOCK);
	enum algo_outcome outcome = work ? ALGO_OK : ALGO_NO_MEMORY;
	double mean[ACQUISITION_BLOCK], variance[ACQUISITION_BLOCK];

	*lower = *upper = -INFINITY;
	for (uint32_t i = 0; i < j->n && outcome == ALGO_OK; i += ACQUISITION_BLOCK) {
		const uint32_t b = j->n - i < ACQUISITION_BLOCK ? j->n - i : ACQUISITION_BLOCK;
		outcome = gp_forward(j->gp, work, j->rows + (size_t)i * j->embed->n_columns, b, mean, variance);
		for (uint32_t k = 0; k < b && outcome == ALGO_OK; k++) {
			*lower = fmax(*lower, mean[k] - j->width * sqrt(variance[k]));
			*upper = fmax(*upper, mean[k] + j->width * sqrt(variance[k]));
		}
	}
	gp_work_free(work);
	return outcome;
}

/* The highest upper bound anywhere. */
static enum algo_outcome anywhere(const struct judging *j, double *upper)
{
	const uint32_t d = space_dim(j->p->space), columns = j->embed->n_columns;
	const uint32_t n = j->n < INCUMBENTS ? j->n : INCUMBENTS;
	double *memory = malloc((columns + (size_t)(n + 1) * d) * sizeof(*memory)), *x, *incumbents;
	struct acquisition *a = acquisition_improvement(j->gp, IMPROVEMENT_UCB, &(const double){0}, j->width);
	enum algo_outcome outcome = ALGO_NO_MEMORY;
	struct seen nothing;
	double value;

	seen_init(&nothing, j->p->space, NULL);
	if (memory && a) {
		x = memory + columns;
		incumbents = x + d;
		for (uint32_t c = 0; c < columns; c++)
			memory[c] = fmin(fmax(gp_lengthscale(j->gp, c), 0.05), 5);
		for (uint32_t i = 0; i < n; i++)
			memcpy(incumbents + (size_t)i * d, j->results[i].trial->x, d * sizeof(*x));
		outcome = maximize(&(struct maximize){.embed = j->embed, .acquisition = a, .seen = &nothing, .scale = memory,
			.incumbents = incumbents, .n_incumbents = n, .candidates = CANDIDATES, .starts = STARTS,
			.scan_max = SCAN, .seed = rng_mix(j->p->seed, j->n), .cancel = j->cancel}, x, &value);
		if (outcome == ALGO_OK)
			*upper = fmax(*upper, value);
	}
	acquisition_free(a);
	seen_free(&nothing);
	free(memory);
	return outcome;
}

static enum algo_outcome bound(struct judging *j, struct terminator_verdict *v)
{
	const double n = j->n;
	double lower, upper;
	enum algo_outcome outcome;

	j->width = sqrt(2 * log(j->embed->n_columns * n * n * M_PI * M_PI / (6 * DELTA)) / 5);
	if ((outcome = fit(j)) != ALGO_OK || (outcome = at_trials(j, &lower, &upper)) != ALGO_OK ||
		(outcome = anywhere(j, &upper)) != ALGO_OK)
		return outcome;
	v->judged = true;
	v->bound = upper - lower;
	v->noise = sqrt(gp_noise_variance(j->gp));
	return ALGO_OK;
}

enum algo_outcome terminator_judge(const struct algo_problem *p, const struct algo_history *h,
	const atomic_bool *cancel, struct terminator_verdict *v)
{
	struct judging j = {.p = p, .cancel = cancel};
	enum algo_outcome outcome = ALGO_NO_MEMORY;

	*v = (struct terminator_verdict){0};
	if (h->n_trials == 0)
		return ALGO_OK;
	j.embed = embed_new(p->space);
	j.results = malloc(h->n_trials * sizeof(*j.results));
	if (!j.embed || !j.results)
		goto out;
	v->n = collect(&j, h);
	j.n = better_half(v->n);
	outcome = ALGO_OK;
	if (j.n < BETTER_MIN || j.embed->n_columns == 0)
		goto out;
	j.rows = malloc((size_t)j.n * j.embed->n_columns * sizeof(*j.rows));
	j.y = malloc(j.n * sizeof(*j.y));
	if (!j.rows || !j.y)
		outcome = ALGO_NO_MEMORY;
	else if ((v->spread = prepare(&j)) > 0)
		outcome = bound(&j, v);
out:
	gp_free(j.gp);
	free(j.rows);
	free(j.y);
	free(j.results);
	embed_free(j.embed);
	return outcome;
}
