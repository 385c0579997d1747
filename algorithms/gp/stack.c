/* The models of earlier experiments. */
#include "algorithms/gp/stack.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <gsl/gsl_heapsort.h>

#include "algorithms/assert.h"
#include "algorithms/rng.h"

enum { BLOCK = 64 };

/* One source's model, and what its mean is made of. */
struct layer {
	struct surrogate *surrogate;
	double *weights;
};

struct stack {
	const struct embed *embed;
	struct surrogate_options options;
	struct layer layers[STACK_MODELS];
	uint32_t n;
	uint32_t n_read;            /* sources that were looked at                                     */
};

static bool has_result(const struct algo_problem *p, const struct algo_trial *t)
{
	return t->status == ALGO_SUCCEEDED && t->values && isfinite(t->values[0]) &&
		   space_valid(p->space, t->x, NULL);
}

static uint32_t count_results(const struct algo_problem *p, const struct algo_source *from, uint32_t enough)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < from->n_trials && n < enough; i++)
		n += has_result(p, &from->trials[i]);
	return n;
}

bool stack_possible(const struct algo_problem *p)
{
	for (uint32_t k = 0; k < p->n_sources; k++)
		if (count_results(p, &p->sources[k], STACK_LEAST) == STACK_LEAST)
			return true;
	return false;
}

struct stack *stack_new(const struct embed *e, const struct surrogate_options *o)
{
	struct stack *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->embed = e;
	s->options = *o;
	s->options.stack = NULL;
	return s;
}

void stack_free(struct stack *s)
{
	if (!s)
		return;
	for (uint32_t k = 0; k < s->n; k++) {
		surrogate_free(s->layers[k].surrogate);
		free(s->layers[k].weights);
	}
	free(s);
}

uint32_t stack_models(const struct stack *s)
{
	return s->n;
}

uint32_t stack_columns(const struct stack *s)
{
	return s->embed->n_columns;
}

/* ---- which results ----------------------------------------------------------------------------- */

struct result {
	double value;               /* larger is better                                                */
	uint32_t trial;
};

static int best_first(const void *a, const void *b)
{
	const struct result *x = a, *y = b;

	if (x->value != y->value)
		return x->value > y->value ? -1 : 1;
	return (x->trial > y->trial) - (x->trial < y->trial);
}

static int by_trial(const void *a, const void *b)
{
	const struct result *x = a, *y = b;

	return (x->trial > y->trial) - (x->trial < y->trial);
}

/* Moves STACK_ROWS of the n results to the front, the best third and others at random, by trial. */
static uint32_t choose(struct result *all, uint32_t n, uint64_t seed)
{
	struct rng r = rng_stream(seed, RNG_MODEL, n);

	if (n <= STACK_ROWS)
		return n;
	gsl_heapsort(all, n, sizeof(*all), best_first);
	for (uint32_t i = STACK_ROWS / 3; i < STACK_ROWS; i++) {
		uint32_t k = i + (uint32_t)rng_below(&r, n - i);
		struct result swap = all[i];

		all[i] = all[k];
		all[k] = swap;
	}
	gsl_heapsort(all, STACK_ROWS, sizeof(*all), by_trial);
	return STACK_ROWS;
}

static struct result *read_results(const struct algo_problem *p, const struct algo_source *from, uint32_t *n)
{
	struct result *all = malloc(from->n_trials * sizeof(*all) + 1);
	double sign = p->objectives[0].direction == ALGO_MINIMIZE ? -1 : 1;

	*n = 0;
	for (uint32_t i = 0; all && i < from->n_trials; i++)
		if (has_result(p, &from->trials[i]))
			all[(*n)++] = (struct result){sign * from->trials[i].values[0], i};
	return all;
}

/* ---- fitting ----------------------------------------------------------------------------------- */

/* Rows and values of what was chosen; `values` lies behind them. */
static double *rows_of(
	const struct stack *s, const struct algo_source *from, const struct result *chosen, uint32_t n)
{
	uint32_t columns = s->embed->n_columns;
	double *rows = malloc((size_t)n * (columns + 1) * sizeof(*rows));

	for (uint32_t i = 0; rows && i < n; i++) {
		embed_row(s->embed, from->trials[chosen[i].trial].x, rows + (size_t)i * columns);
		rows[(size_t)n * columns + i] = chosen[i].value;
	}
	return rows;
}

static enum algo_outcome fit_layer(struct stack *s, const double *rows, uint32_t n, const atomic_bool *cancel)
{
	struct layer l = {.surrogate = surrogate_new(s->embed, &s->options),
		.weights = malloc(n * sizeof(*l.weights))};
	enum algo_outcome outcome = ALGO_NO_MEMORY;

	if (l.surrogate && l.weights)
		outcome = surrogate_update(l.surrogate, rows, rows + (size_t)n * s->embed->n_columns, n, cancel);
	if (outcome == ALGO_OK) {
		gp_mean_weights(surrogate_model(l.surrogate), l.weights);
		s->layers[s->n++] = l;
		return ALGO_OK;
	}
	surrogate_free(l.surrogate);
	free(l.weights);
	return outcome;
}

static enum algo_outcome fit_source(
	struct stack *s, const struct algo_problem *p, const struct algo_source *from, const atomic_bool *cancel)
{
	uint32_t n;
	struct result *all = read_results(p, from, &n);
	double *rows = NULL;
	enum algo_outcome outcome = ALGO_NO_MEMORY;

	if (all && n < STACK_LEAST) {
		outcome = ALGO_OK;
	} else if (all) {
		n = choose(all, n, s->options.seed);
		if ((rows = rows_of(s, from, all, n)))
			outcome = fit_layer(s, rows, n, cancel);
	}
	free(rows);
	free(all);
	return outcome;
}

enum algo_outcome stack_fit(struct stack *s, const struct algo_problem *p, const atomic_bool *cancel)
{
	enum algo_outcome outcome = ALGO_OK;

	while (s->n_read < p->n_sources && s->n < STACK_MODELS) {
		outcome = fit_source(s, p, &p->sources[s->n_read], cancel);
		if (outcome != ALGO_OK)
			return outcome;
		s->n_read++;
	}
	return ALGO_OK;
}

/* ---- asking ------------------------------------------------------------------------------------ */

const struct gp *stack_model(const struct stack *s, uint32_t k, const double **weights)
{
	*weights = s->layers[k].weights;
	return surrogate_model(s->layers[k].surrogate);
}

static enum algo_outcome means_of(const struct layer *l, const double *rows, uint32_t n, uint32_t columns,
	double *mean, uint32_t apart)
{
	const struct gp *g = surrogate_model(l->surrogate);
	struct gp_work *work = gp_work_new(g, BLOCK);
	enum algo_outcome outcome = work ? ALGO_OK : ALGO_NO_MEMORY;
	double block[BLOCK];

	for (uint32_t first = 0; outcome == ALGO_OK && first < n; first += BLOCK) {
		uint32_t b = n - first < BLOCK ? n - first : BLOCK;

		outcome = gp_forward_mean(g, work, l->weights, rows + (size_t)first * columns, b, block);
		for (uint32_t i = 0; i < b; i++)
			mean[(size_t)(first + i) * apart] = block[i];
	}
	gp_work_free(work);
	return outcome;
}

enum algo_outcome stack_means(const struct stack *s, const double *rows, uint32_t n, double *mean)
{
	enum algo_outcome outcome = ALGO_OK;

	for (uint32_t k = 0; outcome == ALGO_OK && k < s->n; k++)
		outcome = means_of(&s->layers[k], rows, n, s->embed->n_columns, mean + k, s->n);
	return outcome;
}
