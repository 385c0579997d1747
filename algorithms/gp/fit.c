/* The search for hyperparameters: the posterior density of theta, its gradient, and the starts. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "algorithms/assert.h"
#include "algorithms/gp/linalg.h"
#include "algorithms/gp/model_impl.h"
#include "algorithms/lbfgs.h"

enum { ITERATIONS = 40 };
static const double TOLERANCE = 1e-2, DECREASE = 1e-5;

struct search {
	struct gp *g;               /* holds the rows to fit; its factor is working memory         */
	double *slopes;             /* capacity^2: of the kernel matrix                            */
	double *alpha;              /* K^-1 (y - c)                                                */
	double *pull;               /* d columns: by each scaled entry; NULL: inputs do not bend   */
	double *low, *high, *best, *x;
	const atomic_bool *cancel;
};

static bool cancelled(const struct search *s)
{
	return s->cancel && atomic_load_explicit(s->cancel, memory_order_relaxed);
}

/* The kernel matrix and its slopes; the matrix becomes its inverse factor. */
static bool build(struct search *s, const double *theta)
{
	struct gp *g = s->g;
	size_t ld = g->capacity;

	gp_set_theta(g, theta);
	for (uint32_t a = 0; a < g->places; a++) {
		double self = gp_kernel_row(g, a, g->factor + a * ld, s->slopes + a * ld);

		g->factor[a * ld + a] = self + g->noise * g->noise_scale[a];
	}
	return !cancelled(s) && linalg_inverse_factor(g->places, g->factor, ld);
}

/* The share of row `a` in the sum of W times the linear part: twice what is left of the diagonal. */
static double linear_row(struct search *s, size_t a, const double *inverse, double diagonal)
{
	struct gp *g = s->g;
	struct kernel_columns as_given = gp_given_columns(g);
	double *k = g->scratch, sum, unused;

	if (!(g->linear > 0))
		return 0;
	for (size_t j = 0; j < g->d; j++)
		g->given[j] = g->x[j * g->capacity + a];
	memset(k, 0, a * sizeof(*k));
	kernel_add_linear(&as_given, a, g->linear, g->given, k);
	sum = s->alpha[a] * kernel_dot_square(a, k, s->alpha, &unused) - kernel_dot_square(a, k, inverse, &unused);
	return 2 * sum + diagonal * (gp_kernel_self(g, g->given) - g->signal);
}

/*
 * d/d ln l_j: with W = alpha alpha' - K^-1, half the sum over pairs of W slope d_j^2 / l_j^2. The sum for the
 * noise follows from the diagonal alone, that for the signal from those of all of K, the noise and the linear
 * part.
 */
static void likelihood_gradient(struct search *s, double *gradient)
{
	struct gp *g = s->g;
	struct kernel_columns columns = gp_columns(g);
	double squares, signal, linear = 0, noise = g->within / g->noise - ((double)g->rows - g->places);
	size_t ld = g->capacity;

	kernel_dot_square(g->places, g->beta, g->beta, &squares);
	signal = squares - g->places;
	linalg_gram(g->places, g->factor, ld);
	for (size_t a = 0; a < g->places; a++) {
		const double *inverse = g->factor + a * ld;
		double diagonal = s->alpha[a] * s->alpha[a] - inverse[a];

		for (size_t j = 0; j < g->d; j++)
			g->point[j] = g->scaled[j * ld + a];
		kernel_spread(&columns, a, s->alpha[a], s->alpha, inverse, s->slopes + a * ld, g->point, gradient);
		if (s->pull)
			kernel_scatter(&columns, a, s->slopes + a * ld, g->point, s->pull);
		linear += linear_row(s, a, inverse, diagonal);
		signal -= diagonal * g->noise * g->noise_scale[a];
		noise += diagonal * g->noise * g->noise_scale[a];
	}
	gradient[g->d] = (signal - linear) / 2;
	gradient[g->d + 1] = noise / 2;
	gradient[g->d + 2] = linear / 2;
}

/* From the derivative by every scaled entry, w(u) / l, to those by ln a and ln b of its column. */
static void bend_gradient(const struct search *s, double *gradient)
{
	const struct gp *g = s->g;

	for (uint32_t j = 0; j < g->d; j++) {
		double *out = gradient + g->d + 3 + 2 * j;

		for (size_t a = 0; a < g->places && gp_bends(g, j); a++) {
			size_t at = (size_t)j * g->capacity + a;
			struct input_slopes slopes;

			input_warp_slopes(g->bend[j], g->x[at], &slopes);
			out[0] -= s->pull[at] * g->inverse_length[j] * slopes.by_log_a;
			out[1] -= s->pull[at] * g->inverse_length[j] * slopes.by_log_b;
		}
	}
}

/* The negative log density of theta and its gradient. NaN where K has no factor. */
static double evaluate(void *ctx, const double *theta, double *gradient)
{
	struct search *s = ctx;
	struct gp *g = s->g;
	uint32_t n = gp_n_theta(g);
	double value, slope;

	memset(gradient, 0, n * sizeof(*gradient));
	if (!build(s, theta))
		return NAN;
	gp_whiten(g);
	value = gp_log_likelihood(g);
	memcpy(s->alpha, g->beta, g->places * sizeof(*s->alpha));
	linalg_apply_transposed(g->places, g->factor, g->capacity, s->alpha);
	if (cancelled(s))
		return NAN;
	if (s->pull)
		memset(s->pull, 0, (size_t)g->d * g->capacity * sizeof(*s->pull));
	likelihood_gradient(s, gradient);
	if (s->pull)
		bend_gradient(s, gradient);
	for (uint32_t j = 0; j < n; j++) {
		value += gp_log_prior(gp_prior_of(g, j), theta[j], &slope);
		gradient[j] = -gradient[j] - slope;
	}
	return -value;
}

void gp_start_prior(const struct gp *g, double *theta)
{
	for (uint32_t j = 0; j < gp_n_theta(g); j++)
		theta[j] = gp_prior_of(g, j)->start;
}

/* Lengthscales within a factor of three of the prior's start, noise from 1e-5 to 0.1. */
void gp_start_random(const struct gp *g, struct rng *r, double *theta)
{
	gp_start_prior(g, theta);
	for (uint32_t j = 0; j < g->d; j++)
		theta[j] += log(3) * (2 * rng_uniform(r) - 1);
	theta[g->d + 1] = log(10) * (-5 + 4 * rng_uniform(r));
}

static void search_free(struct search *s)
{
	free(s->slopes);
	free(s->low);
}

static bool search_new(struct search *s, struct gp *g, const atomic_bool *cancel)
{
	uint32_t n = gp_n_theta(g);
	size_t ld = g->capacity;

	*s = (struct search){.g = g, .cancel = cancel};
	s->slopes = malloc((ld * ld + ld + (g->bend ? ld * g->d : 0)) * sizeof(double));
	s->low = malloc(4 * (size_t)n * sizeof(double));
	if (!s->slopes || !s->low) {
		search_free(s);
		return false;
	}
	s->alpha = s->slopes + ld * ld;
	s->pull = g->bend ? s->alpha + ld : NULL;
	s->high = s->low + n;
	s->best = s->high + n;
	s->x = s->best + n;
	for (uint32_t j = 0; j < n; j++) {
		s->low[j] = gp_prior_of(g, j)->min;
		s->high[j] = gp_prior_of(g, j)->max;
	}
	return true;
}

/* From every start; the best theta is left in s->best. */
static enum algo_outcome climb(struct search *s, const struct gp_fit *how)
{
	uint32_t n = gp_n_theta(s->g), starts = how->n_starts + how->n_random;
	uint32_t iterations = how->max_iterations > 0 ? how->max_iterations : ITERATIONS;
	struct lbfgs_stop stop = {.iterations = iterations, .evaluations = 2 * iterations + 10,
		.gradient = how->tolerance > 0 ? how->tolerance : TOLERANCE, .decrease = DECREASE,
		.drop = how->drop, .first_step = how->first_step};
	struct rng r = rng_seeded(how->seed);
	struct lbfgs *l = lbfgs_new(n);
	double lowest = INFINITY;

	if (!l)
		return ALGO_NO_MEMORY;
	gp_start_prior(s->g, s->best);
	for (uint32_t i = 0; i < starts || (starts == 0 && i == 0); i++) {
		double value;

		if (i < how->n_starts)
			memcpy(s->x, how->starts + (size_t)i * n, n * sizeof(*s->x));
		else if (starts > 0)
			gp_start_random(s->g, &r, s->x);
		else
			gp_start_prior(s->g, s->x);
		value = lbfgs_minimize(l, s->x, s->low, s->high, &stop, evaluate, s, s->cancel);
		if (value < lowest) {
			lowest = value;
			memcpy(s->best, s->x, n * sizeof(*s->x));
		}
	}
	lbfgs_free(l);
	return cancelled(s) ? ALGO_CANCELLED : ALGO_OK;
}

static enum algo_outcome search_in(struct gp *g, const struct gp_fit *how, double *theta)
{
	enum algo_outcome outcome;
	struct search s;

	if (!search_new(&s, g, how->cancel))
		return ALGO_NO_MEMORY;
	outcome = climb(&s, how);
	memcpy(theta, s.best, gp_n_theta(g) * sizeof(*theta));
	search_free(&s);
	return outcome;
}

/* ---- a part of the rows ------------------------------------------------------------------------ */

struct ranked {
	double y;
	uint32_t place;
};

static int by_target(const void *a, const void *b)
{
	const struct ranked *left = a, *right = b;

	if (left->y != right->y)
		return left->y > right->y ? -1 : 1;
	return left->place < right->place ? -1 : left->place > right->place;
}

/* The best third of `wanted` in front, the others drawn at random behind them. */
static void choose(struct ranked *all, uint32_t n, uint32_t wanted, uint64_t seed)
{
	struct rng r = rng_seeded(rng_mix(seed, n));

	qsort(all, n, sizeof(*all), by_target);
	for (uint32_t i = wanted / 3; i < wanted; i++) {
		uint32_t k = i + (uint32_t)rng_below(&r, n - i);
		struct ranked swap = all[i];

		all[i] = all[k];
		all[k] = swap;
	}
}

/* A model of `wanted` places of g, each as one row. NULL: no memory. */
static struct gp *part_of(const struct gp *g, uint32_t wanted, uint64_t seed)
{
	struct ranked *all = malloc(g->places * sizeof(*all));
	double *x = malloc(((size_t)g->d + 2) * wanted * sizeof(*x)), *y;
	struct gp *part = gp_new_like(g);

	if (!all || !x || !part)
		goto out;
	y = x + (size_t)g->d * wanted;
	for (uint32_t k = 0; k < g->places; k++)
		all[k] = (struct ranked){g->target[k], k};
	choose(all, g->places, wanted, seed);
	for (size_t i = 0; i < wanted; i++) {
		for (size_t j = 0; j < g->d; j++)
			x[i * g->d + j] = g->x[j * g->capacity + all[i].place];
		y[i] = all[i].y;
		y[wanted + i] = g->noise_scale[all[i].place];
	}
	if (gp_take(part, &(struct gp_data){.x = x, .y = y, .noise = y + wanted, .n = wanted}) == ALGO_OK)
		goto done;
out:
	gp_free(part);
	part = NULL;
done:
	free(all);
	free(x);
	return part;
}

double gp_evaluate(struct gp *g, const double *theta, double *gradient)
{
	struct search s;
	double value;

	if (!search_new(&s, g, NULL))
		return NAN;
	value = evaluate(&s, theta, gradient);
	search_free(&s);
	return value;
}

enum algo_outcome gp_fit(struct gp *g, const struct gp_data *data, const struct gp_fit *how)
{
	double *theta = malloc(gp_n_theta(g) * sizeof(*theta));
	enum algo_outcome outcome = theta ? gp_take(g, data) : ALGO_NO_MEMORY;
	struct gp *part = g;

	if (outcome != ALGO_OK)
		goto out;
	if (how->max_rows > 0 && g->places > how->max_rows)
		part = part_of(g, how->max_rows, how->seed);
	if (!part || g->places == 0)
		gp_start_prior(g, theta);
	else
		outcome = search_in(part, how, theta);
	if (!part)
		outcome = ALGO_NO_MEMORY;
	if (part != g)
		gp_free(part);
	if (outcome == ALGO_OK)
		outcome = gp_condition(g, data, theta);
out:
	free(theta);
	return outcome;
}
