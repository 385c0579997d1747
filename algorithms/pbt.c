/*
 * Population-based training: every trial trains for a while from a checkpoint and writes one. There are
 * n_population lines of descent. The next trial of a line continues its last one with the same
 * values; a line that is among the worst takes over the checkpoint of one of the best, and that one's
 * values somewhat changed.
 *
 * Source: Jaderberg et al. 2017 (arXiv 1711.09846), truncation selection; steps and settings as in
 * Katib. A trial carries its line (algo_trial.bracket), its generation from 1 (rung) and the trial
 * whose checkpoint it continues (parent). Lines do not wait for each other.
 */
#include <gsl/gsl_heapsort.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "algorithms/assert.h"
#include "algorithms/qmc.h"
#include "algorithms/registry.h"
#include "algorithms/rng.h"

enum { ROW_DIR, ROW_POPULATION, ROW_TRUNCATION, ROW_RESAMPLE, ROW_SEED };

static const struct algo_setting pbt_settings[] = {
	[ROW_DIR] = {.name = "suggestion_trial_dir",
		.type = ALGO_TEXT,
		.def = NAN,
		.doc = "Katib's folder for checkpoints; accepted and not needed: a program finds its own in "
			   "TRIMTAB_CHECKPOINT_DIR."},
	[ROW_POPULATION] = {.name = "n_population",
		.type = ALGO_INT,
		.min = 5,
		.max = 10000,
		.def = 20,
		.doc = "Number of lines of descent, which is also how many trials at once are of use."},
	[ROW_TRUNCATION] = {.name = "truncation_threshold",
		.type = ALGO_REAL,
		.min = 0,
		.max = 1,
		.def = 0.2,
		.doc = "Share of the lines that gives up and continues from as large a share of the best ones."},
	[ROW_RESAMPLE] = {.name = "resample_probability",
		.type = ALGO_REAL,
		.min = 0,
		.max = 1,
		.def = 0,
		.doc = "Probability that a value is drawn anew, instead of being changed a little, when a line "
			   "continues from another."},
	[ROW_SEED] = ALGO_SETTING_SEED,
};

/* ---- the population ---------------------------------------------------------------------------- */

struct line {
	const struct algo_trial *last;  /* its newest ended trial that says something           */
	const struct algo_trial *again; /* the newest one was killed or lost: to be repeated    */
	int32_t generation;             /* of its newest trial; 0: not begun                    */
	uint32_t order;                 /* of its end among all; the first goes on first        */
	bool busy;
};

struct member {
	double value; /* to be minimised */
	uint32_t line;
};

struct population {
	const struct algo_problem *p;
	struct line *lines;
	struct member *ranked;       /* lines with a result, best first */
	uint32_t n, n_ranked, n_cut; /* n_cut: of the ranked, how many are the best and the worst */
	struct qmc *sobol;
};

static void population_free(struct population *q)
{
	free(q->lines);
	free(q->ranked);
	qmc_free(q->sobol);
}

static bool population_init(struct population *q, const struct algo_problem *p)
{
	*q = (struct population){.p = p, .n = (uint32_t)p->settings[ROW_POPULATION].number};
	q->lines = calloc(q->n, sizeof(*q->lines));
	q->ranked = calloc(q->n, sizeof(*q->ranked));
	q->sobol = qmc_new(space_dim(p->space), p->seed);
	if (q->lines && q->ranked && q->sobol)
		return true;
	population_free(q);
	return false;
}

static struct line *line_of(const struct population *q, const struct algo_trial *t)
{
	bool ours = t->rung > 0 && t->bracket >= 0 && (uint32_t)t->bracket < q->n;

	return ours && space_valid(q->p->space, t->x, NULL) ? &q->lines[t->bracket] : NULL;
}

static bool has_result(const struct algo_trial *t)
{
	return t->status == ALGO_SUCCEEDED && t->values && isfinite(t->values[0]);
}

static int by_value(const void *a, const void *b)
{
	const struct member *x = a, *y = b;

	if (x->value != y->value)
		return x->value < y->value ? -1 : 1;
	return (x->line > y->line) - (x->line < y->line);
}

static void rank_lines(struct population *q)
{
	double sign = q->p->objectives[0].direction == ALGO_MAXIMIZE ? -1 : 1;

	for (uint32_t i = 0; i < q->n; i++) {
		const struct algo_trial *t = q->lines[i].last;

		if (t && has_result(t))
			q->ranked[q->n_ranked++] = (struct member){.value = sign * t->values[0], .line = i};
	}
	gsl_heapsort(q->ranked, q->n_ranked, sizeof(*q->ranked), by_value);
	q->n_cut = (uint32_t)(q->n_ranked * fmin(q->p->settings[ROW_TRUNCATION].number, 0.5));
}

static void read_history(struct population *q, const struct algo_history *h)
{
	for (uint32_t i = 0; i < h->n_trials; i++) {
		const struct algo_trial *t = &h->trials[i];
		struct line *l = line_of(q, t);

		if (!l)
			continue;
		l->again = t->status == ALGO_ABANDONED ? t : NULL;
		if (!l->again)
			l->last = t;
		l->generation = t->rung;
		l->order = i;
	}
	for (uint32_t i = 0; i < h->n_pending; i++) {
		struct line *l = line_of(q, &h->pending[i]);

		if (l)
			l->busy = true;
	}
	rank_lines(q);
}

/* ---- the next trial ---------------------------------------------------------------------------- */

/* A value near v: a fifth more or less, and at least one step away on a grid. */
static double step_from(const struct space *s, uint32_t j, double v, struct rng *rng)
{
	bool up = rng_below(rng, 2);
	uint64_t levels = space_levels(s, j), level;
	double changed = v * (up ? 1.2 : 0.8);

	if (levels == SPACE_INFINITE) {
		if (changed == v) /* zero */
			return space_decode_one(s, j, space_encode_one(s, j, v) + (up ? 0.1 : -0.1));
		return fmin(fmax(changed, space_at(s, j)->min), space_at(s, j)->max);
	}
	level = space_value_level(s, j, v);
	if (space_at(s, j)->kind == SPACE_DOUBLE || space_at(s, j)->kind == SPACE_INT) {
		double snapped = space_decode_one(s, j, space_encode_one(s, j, changed));

		if (snapped != v && changed >= space_at(s, j)->min && changed <= space_at(s, j)->max)
			return snapped;
		up = changed > v;
	}
	if (up ? level + 1 == levels : level == 0)
		return v;
	return space_level_value(s, j, up ? level + 1 : level - 1);
}

static void explore(const struct population *q, const double *from, struct rng *rng, double *x)
{
	const struct space *s = q->p->space;
	double resample = q->p->settings[ROW_RESAMPLE].number;

	for (uint32_t i = 0; i < space_dim(s); i++) {
		uint32_t j = space_order(s)[i];
		double u = rng_uniform(rng), fresh = rng_uniform(rng);

		if (!space_is_active(s, j, x))
			x[j] = NAN;
		else if (isnan(from[j]) || u < resample)
			x[j] = space_decode_one(s, j, fresh);
		else
			x[j] = step_from(s, j, from[j], rng);
	}
}

static bool among_worst(const struct population *q, uint32_t line)
{
	if (!has_result(q->lines[line].last))
		return q->n_ranked > 0;
	for (uint32_t i = 0; i < q->n_cut; i++)
		if (q->ranked[q->n_ranked - 1 - i].line == line)
			return true;
	return false;
}

static void begin_line(const struct population *q, uint32_t line, uint32_t number, double *x)
{
	struct rng rng = rng_stream(q->p->seed, RNG_SUGGEST, number);
	double u[SPACE_PARAMS_MAX];

	qmc_point(q->sobol, line, u);
	for (uint32_t j = 0; q->lines[line].generation > 0 && j < space_dim(q->p->space); j++)
		u[j] = rng_uniform(&rng); /* it failed at its own point */
	space_decode(q->p->space, u, x);
}

static void take_over(const struct population *q, uint32_t number, struct algo_suggestion *out)
{
	struct rng rng = rng_stream(q->p->seed, RNG_SUGGEST, number);
	uint32_t best = q->n_cut > 0 ? q->n_cut : 1;
	const struct algo_trial *parent = q->lines[q->ranked[rng_below(&rng, best)].line].last;

	out->parent = parent->number;
	explore(q, parent->x, &rng, out->x);
}

static void continue_line(struct population *q, uint32_t line, uint32_t number, struct algo_suggestion *out)
{
	struct line *l = &q->lines[line];
	const struct algo_trial *same = l->again ? l->again : l->last;

	out->resource = NAN;
	out->parent = 0;
	if (l->again)
		out->parent = l->again->parent;
	else if (l->last && has_result(l->last))
		out->parent = l->last->number;
	if (!l->again && l->last && among_worst(q, line))
		take_over(q, number, out);
	else if (same && (l->again || has_result(same)))
		memcpy(out->x, same->x, space_dim(q->p->space) * sizeof(*out->x));
	else
		begin_line(q, line, number, out->x);
	out->bracket = (int32_t)line;
	out->rung = l->again ? l->generation : l->generation < INT32_MAX ? l->generation + 1 : INT32_MAX;
	l->busy = true;
}

/* The idle line that is least far, of these the one that has waited longest; q->n: all are busy. */
static uint32_t next_line(const struct population *q)
{
	uint32_t best = q->n;

	for (uint32_t i = 0; i < q->n; i++) {
		const struct line *l = &q->lines[i], *b = &q->lines[best < q->n ? best : i];

		if (l->busy)
			continue;
		if (best == q->n || l->generation < b->generation ||
			(l->generation == b->generation && l->generation > 0 && l->order < b->order))
			best = i;
	}
	return best;
}

static enum algo_outcome pbt_suggest(
	const struct algo_problem *p, const struct algo_history *h, struct algo_request *r)
{
	struct population q;
	enum algo_outcome outcome = ALGO_OK;

	r->n_out = 0;
	if (!population_init(&q, p))
		return ALGO_NO_MEMORY;
	read_history(&q, h);
	while (outcome == ALGO_OK && r->n_out < r->n) {
		uint32_t line = next_line(&q);

		if (algo_cancelled(r))
			outcome = ALGO_CANCELLED;
		else if (line == q.n)
			outcome = ALGO_WAIT;
		else
			continue_line(&q, line, r->first_number + r->n_out, &r->out[r->n_out]);
		if (outcome == ALGO_OK)
			r->n_out++;
	}
	if (outcome < 0)
		r->n_out = 0;
	population_free(&q);
	return outcome;
}

const struct algorithm algorithm_pbt = {
	.name = "pbt",
	.doc = "Population-based training: trials are short stretches of training that continue from each "
		   "other's checkpoints, and the worse ones go on from the better ones with changed values. For "
		   "schedules of learning rates and the like, with programs that save and load checkpoints.",
	.settings = pbt_settings,
	.n_settings = sizeof(pbt_settings) / sizeof(*pbt_settings),
	.capabilities = ALGO_CONDITIONS | ALGO_CATEGORIES | ALGO_REPEATS,
	.suggest = pbt_suggest,
};
