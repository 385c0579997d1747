/* A Gaussian process: its life, its factor, rows that are appended. */
#include "algorithms/gp/model.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "algorithms/assert.h"
#include "algorithms/blas.h"
#include "algorithms/gp/linalg.h"
#include "algorithms/gp/model_impl.h"

/* A smaller distance between the kernel matrix and singularity is taken for rounding. */
static const double JITTER = 1e-8, LEAST_PIVOT = 1e-10;
enum { JITTERS = 6 };

/* What depends on the number of columns only. */
static bool reserve_columns(struct gp *g)
{
	size_t d = g->d;
	bool bends = g->prior.bend.min < g->prior.bend.max;

	g->category = calloc(d + 1, sizeof(*g->category));
	g->theta = calloc((bends ? 3 : 1) * d + 3 + 5 * d, sizeof(*g->theta));
	g->lengthscales = malloc((d + 1) * sizeof(*g->lengthscales));
	if (bends)
		g->bend = calloc(d + 1, sizeof(*g->bend));
	if (!g->category || !g->theta || !g->lengthscales || (bends && !g->bend))
		return false;
	g->inverse_length = g->theta + gp_n_theta(g);
	g->weight = g->inverse_length + d;
	g->point = g->weight + d;
	g->given = g->point + d;
	g->middle = g->given + d;
	for (size_t j = 0; j < d; j++)
		g->middle[j] = 0.5;
	return true;
}

struct gp *gp_new(uint32_t d, const bool *category, const struct gp_prior *prior)
{
	struct gp *g = calloc(1, sizeof(*g));

	blas_use_one_thread();
	if (!g)
		return NULL;
	g->d = d;
	g->prior = *prior;
	g->samples = 1;
	if (!reserve_columns(g) || !gp_reserve(g, 1, 1)) {
		gp_free(g);
		return NULL;
	}
	if (category)
		memcpy(g->category, category, d * sizeof(*category));
	for (uint32_t j = 0; j < d; j++)
		g->lengthscales[j] = g->category[j] ? prior->category : prior->lengthscale;
	gp_start_prior(g, g->theta);
	gp_set_theta(g, g->theta);
	return g;
}

struct gp *gp_new_like(const struct gp *g)
{
	struct gp *like = gp_new(g->d, g->category, &g->prior);

	if (like)
		memcpy(like->lengthscales, g->lengthscales, g->d * sizeof(*g->lengthscales));
	return like;
}

void gp_set_density(struct gp *g, uint32_t j, const struct gp_density *p)
{
	ALGO_ASSERT(j < g->d && g->rows == 0);
	g->lengthscales[j] = *p;
	gp_start_prior(g, g->theta);
	gp_set_theta(g, g->theta);
}

void gp_free(struct gp *g)
{
	if (!g)
		return;
	free(g->category);
	free(g->lengthscales);
	free(g->theta);
	free(g->bend);
	free(g->place);
	free(g->row_weight);
	free(g->block);
	free(g->z);
	free(g);
}

struct gp *gp_copy(const struct gp *g)
{
	struct gp *copy = gp_new_like(g);
	size_t draws = (size_t)g->samples * g->pending;

	if (!copy)
		return NULL;
	if (!gp_reserve(copy, g->places + g->pending, g->rows) ||
		(g->z && !(copy->z = malloc(draws * sizeof(*copy->z))))) {
		gp_free(copy);
		return NULL;
	}
	copy->rows = g->rows;
	copy->places = g->places;
	copy->pending = g->pending;
	copy->samples = g->samples;
	copy->within = g->within;
	copy->log_weights = g->log_weights;
	copy->constant = g->constant;
	if (g->rows > 0) {
		memcpy(copy->place, g->place, g->rows * sizeof(*g->place));
		memcpy(copy->row_weight, g->row_weight, g->rows * sizeof(*g->row_weight));
	}
	if (g->z)
		memcpy(copy->z, g->z, draws * sizeof(*g->z));
	gp_move_contents(copy, g);
	gp_set_theta(copy, g->theta);
	return copy;
}

/* ---- theta ------------------------------------------------------------------------------------- */

uint32_t gp_n_theta(const struct gp *g)
{
	return g->bend ? 3 * g->d + 3 : g->d + 3;
}

const double *gp_theta(const struct gp *g)
{
	return g->theta;
}

double gp_signal_variance(const struct gp *g)
{
	return g->signal;
}

double gp_noise_variance(const struct gp *g)
{
	return g->noise;
}

double gp_linear_variance(const struct gp *g)
{
	return g->linear;
}

double gp_lengthscale(const struct gp *g, uint32_t j)
{
	return exp(g->theta[j]);
}

double gp_constant(const struct gp *g)
{
	return g->constant;
}

uint32_t gp_rows(const struct gp *g)
{
	return g->rows;
}

uint32_t gp_samples(const struct gp *g)
{
	return g->samples;
}

void gp_set_theta(struct gp *g, const double *theta)
{
	uint32_t n = g->places + g->pending;

	if (theta != g->theta)
		memcpy(g->theta, theta, gp_n_theta(g) * sizeof(*theta));
	g->signal = exp(theta[g->d]);
	g->noise = exp(theta[g->d + 1]);
	g->linear = g->prior.linear.min < g->prior.linear.max ? exp(theta[g->d + 2]) : 0;
	for (uint32_t j = 0; j < g->d; j++) {
		const double *from = g->x + (size_t)j * g->capacity;
		double *to = g->scaled + (size_t)j * g->capacity, shrink = exp(-theta[j]);

		g->inverse_length[j] = g->category[j] ? 1 : shrink;
		g->weight[j] = g->category[j] ? shrink * shrink : 0;
		if (g->bend)
			g->bend[j] = (struct input_bend){exp(theta[g->d + 3 + 2 * j]), exp(theta[g->d + 4 + 2 * j])};
		for (uint32_t a = 0; a < n; a++)
			to[a] = gp_scale(g, j, from[a]);
	}
}

/* ---- the factor -------------------------------------------------------------------------------- */

static bool try_factor(struct gp *g, double jitter)
{
	size_t ld = g->capacity;

	for (uint32_t a = 0; a < g->places; a++) {
		double self = gp_kernel_row(g, a, g->factor + a * ld, g->scratch);

		g->factor[a * ld + a] = self + g->signal * jitter + g->noise * g->noise_scale[a];
	}
	return linalg_inverse_factor(g->places, g->factor, ld);
}

enum algo_outcome gp_factorize(struct gp *g)
{
	double jitter = 0;
	int tries = 0;

	while (!try_factor(g, jitter) && tries++ < JITTERS)
		jitter = jitter > 0 ? 10 * jitter : JITTER;
	return tries > JITTERS ? ALGO_DEFECT : ALGO_OK;
}

/* The constant is the mode given theta: (1'K^-1 y) / (1'K^-1 1 + 1 / its prior variance). */
static void solve_constant(struct gp *g)
{
	double ones, both = kernel_dot_square(g->places, g->whitened_one, g->whitened_target, &ones);
	double variance = g->prior.mean_variance;

	g->constant = variance > 0 ? both / (ones + 1 / variance) : 0;
	for (uint32_t a = 0; a < g->places; a++)
		g->beta[a] = g->whitened_target[a] - g->constant * g->whitened_one[a];
}

void gp_whiten(struct gp *g)
{
	memcpy(g->whitened_target, g->target, g->places * sizeof(double));
	for (uint32_t a = 0; a < g->places; a++)
		g->whitened_one[a] = 1;
	linalg_apply(g->places, g->factor, g->capacity, g->whitened_target);
	linalg_apply(g->places, g->factor, g->capacity, g->whitened_one);
	solve_constant(g);
}

enum algo_outcome gp_condition(struct gp *g, const struct gp_data *data, const double *theta)
{
	enum algo_outcome outcome = gp_take(g, data);

	gp_set_theta(g, theta);
	if (outcome == ALGO_OK)
		outcome = gp_factorize(g);
	if (outcome == ALGO_OK && g->places > 0)
		gp_whiten(g);
	if (g->places == 0)
		g->constant = 0;
	return outcome;
}

void gp_retarget(struct gp *g, const double *y)
{
	ALGO_ASSERT(g->pending == 0);
	if (g->places == 0)
		return;
	gp_take_targets(g, y);
	memcpy(g->whitened_target, g->target, g->places * sizeof(double));
	linalg_apply(g->places, g->factor, g->capacity, g->whitened_target);
	solve_constant(g);
}

uint32_t gp_whitened(const struct gp *g, const double *values, double *out)
{
	ALGO_ASSERT(g->pending == 0);
	memset(out, 0, g->places * sizeof(*out));
	for (uint32_t i = 0; i < g->rows; i++)
		out[g->place[i]] += g->row_weight[i] * g->noise_scale[g->place[i]] * values[i];
	linalg_apply(g->places, g->factor, g->capacity, out);
	return g->places;
}

double gp_log_likelihood(const struct gp *g)
{
	double squares, value = g->log_weights, merged = (double)g->rows - g->places;
	double variance = g->prior.mean_variance;

	kernel_dot_square(g->places, g->beta, g->beta, &squares);
	value -= squares + g->rows * log(2 * M_PI) + merged * log(g->noise) + g->within / g->noise;
	if (variance > 0)
		value -= g->constant * g->constant / variance;
	for (size_t a = 0; a < g->places; a++)
		value += 2 * log(g->factor[a * g->capacity + a]);
	return value / 2;
}

double gp_log_density(const struct gp *g)
{
	double value = gp_log_likelihood(g), unused;

	for (uint32_t j = 0; j < gp_n_theta(g); j++)
		value += gp_log_prior(gp_prior_of(g, j), g->theta[j], &unused);
	return value;
}

/* ---- rows one by one --------------------------------------------------------------------------- */

/*
 * Puts x at place n = places + pending and appends its row to the inverse factor: with l = L^-1 k and
 * p^2 = k(x, x) + noise - l'l the row is (-l' L^-1 / p, 1 / p). l is left in scratch. Returns p.
 */
static double append_place(struct gp *g, const double *x, double noise)
{
	uint32_t n = g->places + g->pending;
	double *row = g->factor + (size_t)n * g->capacity, *l = g->scratch, self, squares, pivot;

	for (uint32_t j = 0; j < g->d; j++) {
		g->x[(size_t)j * g->capacity + n] = x[j];
		g->scaled[(size_t)j * g->capacity + n] = gp_scale(g, j, x[j]);
	}
	self = gp_kernel_row(g, n, l, row);
	linalg_apply(n, g->factor, g->capacity, l);
	kernel_dot_square(n, l, l, &squares);
	pivot = sqrt(fmax(self + noise - squares, g->signal * LEAST_PIVOT));
	memcpy(row, l, n * sizeof(*l));
	linalg_apply_transposed(n, g->factor, g->capacity, row);
	for (uint32_t a = 0; a < n; a++)
		row[a] /= -pivot;
	row[n] = 1 / pivot;
	return pivot;
}

enum algo_outcome gp_append(struct gp *g, const double *x, double y, double noise)
{
	uint32_t n = g->places;
	double pivot, unused;

	ALGO_ASSERT(g->pending == 0);
	if (!gp_reserve(g, n + 1, g->rows + 1))
		return ALGO_NO_MEMORY;
	pivot = append_place(g, x, g->noise * noise);
	g->whitened_target[n] = (y - kernel_dot_square(n, g->scratch, g->whitened_target, &unused)) / pivot;
	g->whitened_one[n] = (1 - kernel_dot_square(n, g->scratch, g->whitened_one, &unused)) / pivot;
	g->target[n] = y;
	g->noise_scale[n] = noise;
	g->place[g->rows] = n;
	g->row_weight[g->rows] = 1 / noise;
	g->places++;
	g->rows++;
	solve_constant(g);
	return ALGO_OK;
}

enum algo_outcome gp_fantasize(struct gp *g, const double *places, uint32_t p, uint32_t samples,
	const double *z, double *f)
{
	size_t draws = (size_t)p * samples;
	uint32_t n = g->places;
	double unused;

	ALGO_ASSERT(g->pending == 0 && samples > 0);
	if (p == 0)
		return ALGO_OK;
	if (!gp_reserve(g, n + p, g->rows) || !(g->z = malloc(draws * sizeof(*z))))
		return ALGO_NO_MEMORY;
	memcpy(g->z, z, draws * sizeof(*z));
	g->samples = samples;
	for (uint32_t i = 0; i < p; i++, g->pending++) {
		double pivot = append_place(g, places + (size_t)i * g->d, g->signal * JITTER);
		double mean = g->constant + kernel_dot_square(n, g->scratch, g->beta, &unused);

		for (uint32_t s = 0; s < samples; s++) {
			const double *draw = z + (size_t)s * p;

			f[(size_t)s * p + i] = mean + pivot * draw[i] +
								   kernel_dot_square(i, g->scratch + n, draw, &unused);
		}
	}
	return ALGO_OK;
}
