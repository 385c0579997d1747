/* Parzen estimators. */
#include "algorithms/tpe/parzen.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "algorithms/assert.h"
#include "algorithms/grow.h"
#include "algorithms/tpe/lanes.h"
#include "algorithms/tpe/normal.h"

enum {
	BLOCK = 4 * LANES, /* kernels that are summed together     */
	FINEST = 100,      /* no kernel is narrower than 1 / this  */
	TRIES = 32,
};

static const float FAR_BELOW = -1e30f;

/* ---- axes -------------------------------------------------------------------------------------- */

uint32_t parzen_level(const struct parzen_axis *a, float u)
{
	uint32_t lo = 0, hi = a->levels - 1;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo + 1) / 2;

		if (a->edges[mid] <= u)
			lo = mid;
		else
			hi = mid - 1;
	}
	return lo;
}

static float centre(const struct parzen_axis *a, uint32_t level)
{
	return 0.5f * (a->edges[level] + a->edges[level + 1]);
}

static float position(const struct parzen_axis *a, float value)
{
	return a->kind == PARZEN_GRID ? centre(a, (uint32_t)value) : value;
}

/* ---- widths ------------------------------------------------------------------------------------ */

/* Two passes of counting over 16 bits of the means: good enough to find neighbours. */
static void sort_by_mean(const float *means, uint32_t n, uint32_t *order, uint32_t *scratch)
{
	for (int shift = 0; shift < 16; shift += 8) {
		const uint32_t *from = shift ? scratch : NULL;
		uint32_t *to = shift ? order : scratch, counts[257] = {0};

		for (uint32_t i = 0; i < n; i++)
			counts[(((uint32_t)(means[i] * 65535) >> shift) & 255) + 1]++;
		for (int k = 0; k < 256; k++)
			counts[k + 1] += counts[k];
		for (uint32_t k = 0; k < n; k++) {
			uint32_t i = from ? from[k] : k;

			to[counts[((uint32_t)(means[i] * 65535) >> shift) & 255]++] = i;
		}
	}
}

/*
 * Each kernel reaches to the farther of its two neighbours, the outermost ones to their only
 * neighbour, but is never narrower than an equal share of the axis, so that the first few do not
 * claim more than they know.
 */
static void set_sigmas(struct parzen *p, const float *means, uint32_t n, float *sigmas)
{
	float narrowest = 1.0f / fminf(FINEST, (float)n + 2);
	const uint32_t *order = p->order;

	sort_by_mean(means, n, p->order, p->order + p->stride);
	for (uint32_t k = 0; k < n; k++) {
		float left = k > 0 ? means[order[k]] - means[order[k - 1]] : 0;
		float right = k + 1 < n ? means[order[k + 1]] - means[order[k]] : 0;

		if (n == 1)
			left = fmaxf(means[0], 1 - means[0]);
		sigmas[order[k]] = fminf(fmaxf(fmaxf(left, right), narrowest), 1);
	}
}

/* ---- fitting ----------------------------------------------------------------------------------- */

/* Room for n kernels on n_axes axes, as one block of memory. */
static bool make_room(struct parzen *p, uint32_t n_axes, uint32_t n)
{
	size_t stride = (n + BLOCK - 1) / BLOCK * BLOCK;

	if (!grow(
			&p->memory, &p->capacity, stride * (2 * (size_t)n_axes + 5) + 3 * (size_t)n_axes, sizeof(float)))
		return false;
	p->n_axes = n_axes;
	p->n_kernels = n;
	p->stride = (uint32_t)stride;
	p->means = p->memory;
	p->scales = p->means + stride * n_axes;
	p->constants = p->scales + stride * n_axes;
	p->cumulated = p->constants + stride;
	p->exponents = p->cumulated + stride;
	p->order = (uint32_t *)(void *)(p->exponents + stride);
	p->jumps = p->exponents + 3 * stride;
	p->hits = p->jumps + n_axes;
	p->point = p->hits + n_axes;
	return true;
}

static void set_weights(struct parzen *p, const struct parzen_row *rows, uint32_t n, float prior_weight)
{
	double sum = prior_weight, running = 0;

	for (uint32_t i = 0; i < n; i++)
		sum += rows[i].weight;
	for (uint32_t i = 0; i <= n; i++) {
		double share = (i < n ? rows[i].weight : prior_weight) / sum;

		running += share;
		p->constants[i] = (float)log(share);
		p->cumulated[i] = (float)running;
	}
	p->cumulated[n] = 1;
	for (uint32_t i = n + 1; i < p->stride; i++)
		p->constants[i] = FAR_BELOW;
}

/* ln of what the uncut, unnormed curve exp(-z^2 / 2) sums to over the axis. */
static double log_norm(const struct parzen_axis *a, double mean, double sigma)
{
	double sum = 0;

	if (a->kind == PARZEN_REAL) {
		double below = mean / sigma, above = (1 - mean) / sigma;

		return log(sigma) + 0.5 * log(2 * M_PI) +
		       (below > 6 && above > 6 ? 0 : normal_log_mass(-below, above));
	}
	for (uint32_t c = 0; c < a->levels; c++) {
		double z = (centre(a, c) - mean) / sigma;

		if (fabs(z) < 9)
			sum += (double)(a->edges[c + 1] - a->edges[c]) * exp(-0.5 * z * z);
	}
	return log(sum);
}

static void fit_numeric(struct parzen *p, uint32_t j, const struct parzen_row *rows, uint32_t n)
{
	const struct parzen_axis *a = p->axes[j];
	float *means = p->means + (size_t)j * p->stride, *scales = p->scales + (size_t)j * p->stride;

	for (uint32_t i = 0; i < n; i++)
		means[i] = position(a, rows[i].x[j]);
	set_sigmas(p, means, n, scales);
	for (uint32_t i = 0; i < n; i++) {
		p->constants[i] -= (float)log_norm(a, means[i], scales[i]);
		scales[i] = (float)M_SQRT1_2 / scales[i];
	}
	for (uint32_t i = n; i < p->stride; i++)
		means[i] = scales[i] = 0;
}

static void fit_choice(
	struct parzen *p, uint32_t j, const struct parzen_row *rows, uint32_t n, double prior_weight)
{
	float *means = p->means + (size_t)j * p->stride;
	double share = prior_weight / (n + 1), levels = p->axes[j]->levels;
	double miss = log(share / (1 + levels * share));

	for (uint32_t i = 0; i < n; i++) {
		means[i] = rows[i].x[j];
		p->constants[i] += (float)miss;
	}
	for (uint32_t i = n; i < p->stride; i++)
		means[i] = -1;
	p->constants[n] -= (float)log(levels);
	p->jumps[j] = (float)log1p(1 / share);
	p->hits[j] = (float)(1 / (1 + levels * share));
}

bool parzen_fit(struct parzen *p, const struct parzen_axis *const *axes, uint32_t n_axes,
	const struct parzen_row *rows, uint32_t n, float prior_weight)
{
	if (!make_room(p, n_axes, n + 1))
		return false;
	p->axes = axes;
	set_weights(p, rows, n, prior_weight);
	for (uint32_t j = 0; j < n_axes; j++) {
		if (axes[j]->kind == PARZEN_CHOICE)
			fit_choice(p, j, rows, n, prior_weight);
		else
			fit_numeric(p, j, rows, n);
	}
	return true;
}

void parzen_free(struct parzen *p)
{
	free(p->memory);
	*p = (struct parzen){0};
}

/* ---- density ----------------------------------------------------------------------------------- */

/* ln of weight times density of BLOCK kernels at x, and the highest of each lane. */
static lanes block_exponents(const struct parzen *p, uint32_t block, const float *x, lanes highest)
{
	lanes *out = (lanes *)(void *)(p->exponents + block);
	const lanes *constants = (const lanes *)(const void *)(p->constants + block);
	lanes e[4] = {constants[0], constants[1], constants[2], constants[3]};

	for (uint32_t j = 0; j < p->n_axes; j++) {
		size_t at = (size_t)j * p->stride + block;
		const lanes *means = (const lanes *)(const void *)(p->means + at);
		const lanes *scales = (const lanes *)(const void *)(p->scales + at);
		lanes v = lanes_all(x[j]);

		if (p->axes[j]->kind == PARZEN_CHOICE) {
			int_lanes jump = (int_lanes)lanes_all(p->jumps[j]);

			for (int k = 0; k < 4; k++)
				e[k] += (lanes)((means[k] == v) & jump);
		} else {
			for (int k = 0; k < 4; k++) {
				lanes z = (v - means[k]) * scales[k];

				e[k] -= z * z;
			}
		}
	}
	for (int k = 0; k < 4; k++) {
		out[k] = e[k];
		highest = lanes_max(highest, e[k]);
	}
	return highest;
}

float parzen_log_density(struct parzen *p, const float *x)
{
	const lanes *exponents = (const lanes *)(const void *)p->exponents;
	lanes highest = lanes_all(FAR_BELOW), sum = lanes_all(0);
	float top;

	for (uint32_t j = 0; j < p->n_axes; j++)
		p->point[j] = position(p->axes[j], x[j]);
	for (uint32_t block = 0; block < p->stride; block += BLOCK)
		highest = block_exponents(p, block, p->point, highest);
	top = lanes_highest(highest);
	for (uint32_t k = 0; k < p->stride / LANES; k++)
		sum += lanes_exp(exponents[k] - top);
	return top + logf(lanes_sum(sum));
}

/* ---- drawing ----------------------------------------------------------------------------------- */

static uint32_t pick_kernel(const struct parzen *p, double u)
{
	uint32_t lo = 0, hi = p->n_kernels - 1;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (p->cumulated[mid] < u)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/* The mean lies in [0, 1] and sigma is at most 1: at least a third of the draws fall inside. */
static float draw_normal(float mean, float scale, struct rng *r)
{
	for (int i = 0; i < TRIES; i++) {
		double u = mean + rng_normal(r) * M_SQRT1_2 / scale;

		if (u >= 0 && u <= 1)
			return (float)u;
	}
	return mean;
}

static float draw_uniform(const struct parzen_axis *a, struct rng *r)
{
	return a->kind == PARZEN_CHOICE ? (float)rng_below(r, a->levels) : (float)rng_uniform(r);
}

void parzen_draw_prior(const struct parzen_axis *const *axes, uint32_t n_axes, struct rng *r, float *x)
{
	for (uint32_t j = 0; j < n_axes; j++) {
		x[j] = draw_uniform(axes[j], r);
		if (axes[j]->kind == PARZEN_GRID)
			x[j] = (float)parzen_level(axes[j], x[j]);
	}
}

void parzen_draw(const struct parzen *p, struct rng *r, float *x)
{
	uint32_t i = pick_kernel(p, rng_uniform(r));

	if (i == p->n_kernels - 1) {
		parzen_draw_prior(p->axes, p->n_axes, r, x);
		return;
	}
	for (uint32_t j = 0; j < p->n_axes; j++) {
		const struct parzen_axis *a = p->axes[j];
		size_t at = (size_t)j * p->stride + i;

		if (a->kind == PARZEN_CHOICE)
			x[j] = rng_uniform(r) < p->hits[j] ? p->means[at] : draw_uniform(a, r);
		else
			x[j] = draw_normal(p->means[at], p->scales[at], r);
		if (a->kind == PARZEN_GRID)
			x[j] = (float)parzen_level(a, x[j]);
	}
}
