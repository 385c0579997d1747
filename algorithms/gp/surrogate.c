/* A Gaussian process that follows a history. */
#include "algorithms/gp/surrogate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <gsl/gsl_heapsort.h>

#include "algorithms/assert.h"
#include "algorithms/gp/trend.h"
#include "algorithms/grow.h"

enum {
	EVERY = 30,                 /* fitted at each observation up to here                           */
	SETTLED = 50,               /* from here on a fit spares time                                  */
	CHAIN_EARLY = 4,            /* fits from one that starts anew to the next                      */
	CHAIN = 8,                  /* starting anew is dear: below 5 % of the suggestions             */
	STEP_MAX = 100,
	ROWS_OF_FIT = 300,          /* hyperparameters change little with more                         */
	ITERATIONS_COLD = 40,
	ITERATIONS_EARLY = 15,
	ITERATIONS_WARM = 5,        /* the next fit goes on from there                                 */
	FEW = 16,                   /* values of a number                                          */
};

static const double NOISY = 0.05;   /* of the variance                                             */
static const double WARM_DROP = 0.02, WARM_STEP = 0.2;  /* a length of 1 overshoots beside an optimum */

/* One place in the schedule: the number of observations, and whether the fit starts anew. */
struct stage {
	uint32_t n, index;
};

struct surrogate {
	const struct embed *embed;
	struct surrogate_options options;
	struct gp *model;
	struct gp *extended;        /* with observations that do not stay; NULL: without               */
	double *theta;              /* of the fit at `stage`                                           */
	struct stage stage;         /* n = 0: not fitted yet                                           */
	enum warp warp;             /* of this chain of fits                                           */
	uint32_t n;                 /* observations that are in, as below                              */
	double *rows, *values, *targets;
	uint32_t *members, n_members;
	size_t cap_rows, cap_values, cap_targets, cap_members;
	double *local_x, *local_y;  /* a copy of the members' rows and targets                         */
	size_t cap_local_x, cap_local_y;
	struct trend *trend;        /* NULL: none; the model is of what remains above it               */
};

static struct stage next_stage(struct stage s)
{
	uint32_t step = s.n < 20 * STEP_MAX ? 1 + s.n / 20 : STEP_MAX;

	return (struct stage){.n = s.n + (s.n < EVERY ? 1 : step), .index = s.index + 1};
}

static bool starts_anew(struct stage s)
{
	return s.n <= EVERY || s.index % (s.n < SETTLED ? CHAIN_EARLY : CHAIN) == 0;
}

/* The last stage at or before n >= 1, and the stage from which its chain of fits begins. */
static struct stage stage_at(uint32_t n, struct stage *cold)
{
	struct stage s = {.n = 1};

	for (*cold = s;; s = next_stage(s)) {
		if (starts_anew(s))
			*cold = s;
		if (next_stage(s).n > n)
			return s;
	}
}

/*
 * What is learned at some values says less about the others where these are few and wide apart, and where
 * they begin branches: a density of its own, or NULL. In spaces with continuous numbers short lists have
 * the same scales as those.
 */
static const struct gp_density *density_of(const struct embed *e, uint32_t c, const struct gp_prior *prior)
{
	const struct embed_column *column = &e->columns[c];

	if (c >= e->n_own)
		return NULL;
	if (column->category)
		return space_is_parent(e->space, column->param) ? &prior->branch : NULL;
	return column->levels <= FEW && space_cardinality(e->space) != SPACE_INFINITE ? &prior->few : NULL;
}

struct surrogate *surrogate_new(const struct embed *e, const struct surrogate_options *o)
{
	struct surrogate *s = calloc(1, sizeof(*s));
	struct gp_prior prior = gp_prior(o->prior, e->n_active);
	bool *category = malloc(e->n_columns + 1);

	if (e->n_columns > e->n_own) /* the resource's effect would pass for everybody's */
		prior.linear = (struct gp_density){0};
	if (o->noiseless)
		prior.noise.start = prior.noise.max = prior.noise.min;
	for (uint32_t c = 0; category && c < e->n_columns; c++)
		category[c] = e->columns[c].category;
	if (s && category) {
		s->embed = e;
		s->options = *o;
		s->model = gp_new(e->n_columns, category, &prior);
		for (uint32_t c = 0; s->model && c < e->n_columns; c++)
			if (density_of(e, c, &prior))
				gp_set_density(s->model, c, density_of(e, c, &prior));
		s->theta = s->model ? malloc(gp_n_theta(s->model) * sizeof(*s->theta)) : NULL;
		s->trend = o->stack ? trend_new(o->stack, e->n_active) : NULL;
	}
	free(category);
	if (s && s->theta && (s->trend || !o->stack))
		return s;
	surrogate_free(s);
	return NULL;
}

void surrogate_free(struct surrogate *s)
{
	if (!s)
		return;
	gp_free(s->model);
	gp_free(s->extended);
	free(s->theta);
	free(s->rows);
	free(s->values);
	free(s->targets);
	free(s->members);
	free(s->local_x);
	free(s->local_y);
	trend_free(s->trend);
	free(s);
}

/* ---- which observations ------------------------------------------------------------------------ */

struct ranked {
	double key;
	uint32_t index;
};

static int by_key(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;

	if (x->key != y->key)
		return x->key < y->key ? -1 : 1;
	return (x->index > y->index) - (x->index < y->index);
}

static double distance(const struct surrogate *s, uint32_t i, uint32_t k)
{
	const double *a = s->rows + (size_t)i * s->embed->n_columns, *b = s->rows + (size_t)k * s->embed->n_columns;
	double sum = 0;

	for (uint32_t c = 0; c < s->embed->n_columns; c++)
		sum += s->embed->columns[c].category ? a[c] != b[c] : (a[c] - b[c]) * (a[c] - b[c]);
	return sum;
}

/* Sorts the candidates from `first` on by what they are to be chosen for. */
static void rank_from(const struct surrogate *s, struct ranked *r, uint32_t first, uint32_t n, int round)
{
	struct rng rng = rng_stream(s->options.seed, RNG_MODEL, n);

	for (uint32_t i = first; i < n; i++) {
		if (round == 0)
			r[i].key = -s->values[r[i].index];
		else
			r[i].key = round == 1 ? distance(s, r[i].index, r[0].index) : rng_uniform(&rng);
	}
	gsl_heapsort(r + first, n - first, sizeof(*r), by_key);
}

static int ascending(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

/* Chooses the members of the model among the first n: all, or a local third each (see the header). */
static bool choose_members(struct surrogate *s, uint32_t n)
{
	uint32_t third = s->options.rows_local / 3;
	struct ranked *r;

	s->n_members = n <= s->options.rows_max ? n : 3 * third;
	if (!grow(&s->members, &s->cap_members, s->n_members, sizeof(*s->members)))
		return false;
	if (n <= s->options.rows_max) {
		for (uint32_t i = 0; i < n; i++)
			s->members[i] = i;
		return true;
	}
	if (!(r = malloc(n * sizeof(*r))))
		return false;
	for (uint32_t i = 0; i < n; i++)
		r[i].index = i;
	for (int round = 0; round < 3; round++)
		rank_from(s, r, (uint32_t)round * third, n, round);
	for (uint32_t i = 0; i < s->n_members; i++)
		s->members[i] = r[i].index;
	free(r);
	gsl_heapsort(s->members, s->n_members, sizeof(*s->members), ascending);
	return true;
}

/* ---- following --------------------------------------------------------------------------------- */

/* Transforms the first n values and copies the members' rows and targets. */
static enum algo_outcome retarget(struct surrogate *s, uint32_t n)
{
	uint32_t columns = s->embed->n_columns;
	enum algo_outcome outcome = warp_outputs(s->warp, s->values, n, NAN, s->targets);

	if (outcome == ALGO_OK && s->trend)
		outcome = trend_follow(s->trend, s->rows, n);
	if (outcome != ALGO_OK)
		return outcome;
	if (!grow(&s->local_x, &s->cap_local_x, (size_t)s->n_members * columns + 1, sizeof(*s->local_x)) ||
		!grow(&s->local_y, &s->cap_local_y, s->n_members, sizeof(*s->local_y)))
		return ALGO_NO_MEMORY;
	for (uint32_t i = 0; i < s->n_members; i++) {
		memcpy(s->local_x + (size_t)i * columns, s->rows + (size_t)s->members[i] * columns,
			columns * sizeof(*s->rows));
		s->local_y[i] = s->targets[s->members[i]];
		if (s->trend)
			s->local_y[i] -= trend_at(s->trend, s->members[i]);
	}
	return ALGO_OK;
}

/* The trend as the model's hyperparameters suggest it, and what remains above it. */
static enum algo_outcome reweigh(struct surrogate *s, uint32_t n)
{
	enum algo_outcome outcome = trend_weigh(s->trend, s->model, s->targets, s->members, n);

	if (outcome == ALGO_OK && (outcome = retarget(s, n)) == ALGO_OK)
		gp_retarget(s->model, s->local_y);
	return outcome;
}

/* Fits to the members with the transform of the chain. */
static enum algo_outcome fit_members(
	struct surrogate *s, struct stage stage, const atomic_bool *cancel)
{
	bool cold = starts_anew(stage), brief = !cold && stage.n >= SETTLED;
	struct gp_fit how = {.starts = s->theta,
		.n_starts = 1,
		.n_random = cold ? 1 + (stage.n <= EVERY) : 0,
		.seed = rng_mix(s->options.seed, stage.n),
		.max_rows = ROWS_OF_FIT,
		.max_iterations = cold ? ITERATIONS_COLD : brief ? ITERATIONS_WARM : ITERATIONS_EARLY,
		.drop = brief ? WARM_DROP : 0,
		.first_step = brief ? WARM_STEP : 0,
		.cancel = cancel};
	struct gp_data data;
	enum algo_outcome outcome;

	outcome = retarget(s, stage.n);
	if (outcome == ALGO_OK && s->trend) {
		trend_start(s->trend, s->targets, stage.n);
		outcome = retarget(s, stage.n);
	}
	if (outcome != ALGO_OK)
		return outcome;
	data = (struct gp_data){.x = s->local_x, .y = s->local_y, .n = s->n_members};
	if (cold)
		gp_start_prior(s->model, s->theta);
	if ((outcome = gp_fit(s->model, &data, &how)) == ALGO_OK)
		memcpy(s->theta, gp_theta(s->model), gp_n_theta(s->model) * sizeof(*s->theta));
	return outcome == ALGO_OK && s->trend ? reweigh(s, stage.n) : outcome;
}

static bool is_noisy(const struct gp *g)
{
	return gp_noise_variance(g) >
	       NOISY * (gp_noise_variance(g) + gp_signal_variance(g) + gp_linear_variance(g));
}

static enum algo_outcome fit(struct surrogate *s, struct stage stage, const atomic_bool *cancel)
{
	enum algo_outcome outcome;

	if (!choose_members(s, stage.n))
		return ALGO_NO_MEMORY;
	if (starts_anew(stage))
		s->warp = s->options.warp;
	outcome = fit_members(s, stage, cancel);
	if (outcome == ALGO_OK && starts_anew(stage) && s->options.noisy != s->warp && is_noisy(s->model)) {
		s->warp = s->options.noisy;
		outcome = fit_members(s, stage, cancel);
	}
	if (outcome == ALGO_OK) {
		s->stage = stage;
		s->n = stage.n;
	}
	return outcome;
}

/* Through the fits that lead to the last stage before n, then one observation after the other. */
static enum algo_outcome follow(struct surrogate *s, uint32_t n, const atomic_bool *cancel)
{
	struct stage cold, last = stage_at(n, &cold);
	enum algo_outcome outcome = ALGO_OK;

	if (s->stage.n < cold.n)
		outcome = fit(s, cold, cancel);
	while (outcome == ALGO_OK && s->stage.n < last.n)
		outcome = fit(s, next_stage(s->stage), cancel);
	for (; outcome == ALGO_OK && s->n < n; s->n++) {
		if (!grow(&s->members, &s->cap_members, s->n_members + 1, sizeof(*s->members)))
			return ALGO_NO_MEMORY;
		s->members[s->n_members++] = s->n;
		outcome = gp_append(s->model, s->rows + (size_t)s->n * s->embed->n_columns, 0, 1);
	}
	if (outcome == ALGO_OK && (outcome = retarget(s, n)) == ALGO_OK)
		gp_retarget(s->model, s->local_y);
	return outcome == ALGO_OK && s->trend ? reweigh(s, n) : outcome;
}

static bool keep_copy(struct surrogate *s, const double *rows, const double *values, uint32_t n)
{
	size_t cells = (size_t)n * s->embed->n_columns;

	if (!grow(&s->rows, &s->cap_rows, cells + 1, sizeof(*s->rows)) ||
		!grow(&s->values, &s->cap_values, n, sizeof(*s->values)) ||
		!grow(&s->targets, &s->cap_targets, n, sizeof(*s->targets)))
		return false;
	memcpy(s->rows, rows, cells * sizeof(*rows));
	memcpy(s->values, values, n * sizeof(*values));
	return true;
}

enum algo_outcome surrogate_update(struct surrogate *s, const double *rows, const double *values, uint32_t n,
	const atomic_bool *cancel)
{
	size_t had = (size_t)s->n * s->embed->n_columns;
	enum algo_outcome outcome = ALGO_NO_MEMORY;

	ALGO_ASSERT(n > 0);
	gp_free(s->extended);
	s->extended = NULL;
	if (s->n > n || (s->n > 0 && (memcmp(s->rows, rows, had * sizeof(*rows)) != 0 ||
									 memcmp(s->values, values, s->n * sizeof(*values)) != 0))) {
		s->n = 0;
		s->stage = (struct stage){0};
	}
	if (s->n == 0 && s->trend)
		trend_forget(s->trend);
	if (keep_copy(s, rows, values, n))
		outcome = follow(s, n, cancel);
	if (outcome != ALGO_OK) {
		s->n = 0;
		s->stage = (struct stage){0};
	}
	return outcome;
}

enum algo_outcome surrogate_extend(struct surrogate *s, const double *rows, const double *values, uint32_t n)
{
	uint32_t had = s->n_members;
	enum algo_outcome outcome = ALGO_OK;

	ALGO_ASSERT(s->n > 0 && n >= s->n && !s->trend && !s->extended);
	if (n == s->n)
		return ALGO_OK;
	if (!keep_copy(s, rows, values, n) || !grow(&s->members, &s->cap_members, had + n - s->n, sizeof(*s->members)) ||
		!(s->extended = gp_copy(s->model)))
		return ALGO_NO_MEMORY;
	for (uint32_t i = s->n; outcome == ALGO_OK && i < n; i++) {
		s->members[s->n_members++] = i;
		outcome = gp_append(s->extended, rows + (size_t)i * s->embed->n_columns, 0, 1);
	}
	if (outcome == ALGO_OK && (outcome = retarget(s, n)) == ALGO_OK)
		gp_retarget(s->extended, s->local_y);
	s->n_members = had;
	if (outcome != ALGO_OK) {
		gp_free(s->extended);
		s->extended = NULL;
	}
	return outcome;
}

const struct gp *surrogate_model(const struct surrogate *s)
{
	return s->extended ? s->extended : s->model;
}

const struct trend *surrogate_trend(const struct surrogate *s)
{
	return s->trend && trend_matters(s->trend) ? s->trend : NULL;
}

const double *surrogate_targets(const struct surrogate *s)
{
	return s->targets;
}

const uint32_t *surrogate_members(const struct surrogate *s)
{
	return s->members;
}
