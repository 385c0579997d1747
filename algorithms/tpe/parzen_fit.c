/* Fitting a Parzen estimator. */
#include <math.h>
#include <stdlib.h>

#include "algorithms/grow.h"
#include "algorithms/tpe/normal.h"
#include "algorithms/tpe/parzen.h"

enum { FINEST = 100 }; /* no kernel is narrower than 1 / this                                */

static const float FAR_BELOW = -1e30f;

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

static float clamped(float x, float low, float high)
{
	return x < low ? low : x > high ? high : x;
}

/* Never narrower than an equal share of the axis, so that the first few kernels do not claim more
 * than they know. */
static float narrowest(uint32_t n)
{
	return 1 / clamped((float)n + 2, 1, FINEST);
}

/* Each kernel reaches to the farther of its two neighbours, the outermost to their only one. */
static void set_sigmas(struct parzen *p, const float *means, uint32_t n, float *sigmas)
{
	const uint32_t *order = p->sorted;

	sort_by_mean(means, n, p->sorted, p->sorted + p->stride);
	for (uint32_t k = 0; k < n; k++) {
		float left = k > 0 ? means[order[k]] - means[order[k - 1]] : 0;
		float right = k + 1 < n ? means[order[k + 1]] - means[order[k]] : 0;

		if (n == 1)
			left = means[0] > 0.5f ? means[0] : 1 - means[0];
		sigmas[order[k]] = clamped(left > right ? left : right, narrowest(n), 1);
	}
}

/* ---- fitting ----------------------------------------------------------------------------------- */

/* Room for n kernels on n_axes axes, as one block of memory. */
static bool make_room(struct parzen *p, uint32_t n_axes, uint32_t n)
{
	size_t stride = (n + PARZEN_BLOCK - 1) / PARZEN_BLOCK * PARZEN_BLOCK;

	if (!grow(
			&p->memory, &p->capacity, stride * (2 * (size_t)n_axes + 8) + 4 * (size_t)n_axes, sizeof(float)))
		return false;
	p->n_axes = n_axes;
	p->n_kernels = n;
	p->stride = (uint32_t)stride;
	p->means = p->memory;
	p->scales = p->means + stride * n_axes;
	p->constants = p->scales + stride * n_axes;
	p->cumulated = p->constants + stride;
	p->exponents = p->cumulated + stride;
	p->factors = (double *)(void *)(p->exponents + stride);
	p->order = (uint32_t *)(void *)(p->factors + stride);
	p->sorted = p->order + stride;
	p->jumps = (float *)(void *)(p->sorted + 2 * stride);
	p->hits = p->jumps + n_axes;
	p->point = p->hits + n_axes;
	p->turns = (uint32_t *)(void *)(p->point + n_axes);
	return true;
}

/*
 * The order in which axes are summed up: a number, the choices, the other numbers. Numbers only lower
 * a kernel's exponent and choices only raise it, by no more than is known, so kernels that are far
 * away are known early. They stand in the order of the first number: whole blocks of them are.
 */
static void set_turns(struct parzen *p, const struct parzen_row *rows, uint32_t n)
{
	uint32_t next = 0, lead = 0;

	while (lead < p->n_axes && p->axes[lead]->kind != PARZEN_REAL)
		lead++;
	for (uint32_t j = 0; lead == p->n_axes && j < p->n_axes; j++)
		if (p->axes[j]->kind == PARZEN_GRID)
			lead = j;
	if (lead < p->n_axes)
		p->turns[next++] = lead;
	for (int choice = 1; choice >= 0; choice--)
		for (uint32_t j = 0; j < p->n_axes; j++)
			if (j != lead && (p->axes[j]->kind == PARZEN_CHOICE) == choice)
				p->turns[next++] = j;
	for (uint32_t i = 0; i < n; i++)
		p->exponents[i] = lead < p->n_axes ? parzen_position(p->axes[lead], rows[i].x[p->columns[lead]]) : 0;
	sort_by_mean(p->exponents, n, p->order, p->sorted);
	p->highest_jump = 0;
}

static void set_weights(struct parzen *p, const struct parzen_row *rows, uint32_t n, float prior_weight)
{
	double sum = (double)prior_weight, running = 0;

	for (uint32_t i = 0; i < n; i++)
		sum += (double)rows[i].weight;
	for (uint32_t i = 0; i <= n; i++) {
		double share = (double)(i < n ? rows[p->order[i]].weight : prior_weight) / sum;

		running += share;
		p->factors[i] = share;
		p->constants[i] = 0;
		p->cumulated[i] = (float)running;
	}
	p->cumulated[n] = 1;
}

/* What the uncut, unnormed curve exp(-z^2 / 2) integrates to over a real axis. */
static double norm_on_real(double mean, double sigma)
{
	double below = mean / sigma, above = (1 - mean) / sigma;
	double mass = below > 6 && above > 6 ? 1 : exp(normal_log_mass(-below, above));

	return sigma * sqrt(2 * M_PI) * mass;
}

/* What it sums to over a grid. */
static double norm_on_grid(const struct parzen_axis *a, double mean, double sigma)
{
	double sum = 0;

	for (uint32_t c = 0; c < a->levels; c++) {
		double z = ((double)parzen_centre(a, c) - mean) / sigma;

		if (fabs(z) < 9)
			sum += (double)(a->edges[c + 1] - a->edges[c]) * exp(-0.5 * z * z);
	}
	return sum;
}
static void fit_real(struct parzen *p, uint32_t j, const struct parzen_row *rows, uint32_t n)
{
	float *means = p->means + (size_t)j * p->stride, *scales = p->scales + (size_t)j * p->stride;

	for (uint32_t i = 0; i < n; i++)
		means[i] = rows[p->order[i]].x[p->columns[j]];
	set_sigmas(p, means, n, scales);
	for (uint32_t i = 0; i < n; i++) {
		p->factors[i] /= norm_on_real((double)means[i], (double)scales[i]);
		scales[i] = (float)M_SQRT1_2 / scales[i];
	}
	for (uint32_t i = n; i < p->stride; i++)
		means[i] = scales[i] = 0;
}

/* The kernels of one level, which stand side by side. */
struct level {
	float left, right; /* how far the next levels with kernels are; 0 if there are none */
	uint32_t n, met;   /* kernels, and how many of them have their width              */
	double norm;       /* of the narrowest kernel; 0: not computed yet                */
};

static void count_levels(
	const struct parzen *p, uint32_t j, const struct parzen_row *rows, uint32_t n, struct level *levels)
{
	const struct parzen_axis *a = p->axes[j];
	float last = NAN;

	for (uint32_t i = 0; i < n; i++)
		levels[(uint32_t)rows[i].x[p->columns[j]]].n++;
	for (uint32_t c = 0; c < a->levels; c++) {
		if (levels[c].n == 0)
			continue;
		levels[c].left = isnan(last) ? 0 : parzen_centre(a, c) - last;
		last = parzen_centre(a, c);
	}
	last = NAN;
	for (uint32_t c = a->levels; c-- > 0;) {
		if (levels[c].n == 0)
			continue;
		levels[c].right = isnan(last) ? 0 : last - parzen_centre(a, c);
		last = parzen_centre(a, c);
	}
}

/* As if sorted: the first of a level reaches to the left, the last to the right, the others are as
 * narrow as can be. */
static float next_sigma(struct level *l, float mean, uint32_t n)
{
	float reach = ++l->met == 1 ? l->left : 0;

	if (l->met == l->n && l->right > reach)
		reach = l->right;
	if (n == 1)
		reach = mean > 0.5f ? mean : 1 - mean;
	return clamped(reach, narrowest(n), 1);
}

/* A level stands for all of its cell: the variance of that is added to the kernel's. */
static void fit_grid(struct parzen *p, uint32_t j, const struct parzen_row *rows, uint32_t n)
{
	const struct parzen_axis *a = p->axes[j];
	float *means = p->means + (size_t)j * p->stride, *scales = p->scales + (size_t)j * p->stride;
	struct level levels[PARZEN_GRID_MAX] = {0};

	count_levels(p, j, rows, n, levels);
	for (uint32_t i = 0; i < n; i++) {
		uint32_t c = (uint32_t)rows[p->order[i]].x[p->columns[j]];
		float mean = parzen_centre(a, c), reach = next_sigma(&levels[c], mean, n);
		double width = (double)(a->edges[c + 1] - a->edges[c]);
		double sigma = sqrt((double)reach * (double)reach + width * width / 12);

		means[i] = mean;
		scales[i] = (float)(M_SQRT1_2 / sigma);
		if (reach > narrowest(n)) {
			p->factors[i] /= norm_on_grid(a, (double)mean, sigma);
			continue;
		}
		if (levels[c].norm == 0)
			levels[c].norm = norm_on_grid(a, (double)mean, sigma);
		p->factors[i] /= levels[c].norm;
	}
	for (uint32_t i = n; i < p->stride; i++)
		means[i] = scales[i] = 0;
}

static void fit_choice(
	struct parzen *p, uint32_t j, const struct parzen_row *rows, uint32_t n, float prior_weight)
{
	float *means = p->means + (size_t)j * p->stride;
	double share = (double)prior_weight / (n + 1), levels = p->axes[j]->levels;
	double miss = share / (1 + levels * share);

	for (uint32_t i = 0; i < n; i++) {
		means[i] = rows[p->order[i]].x[p->columns[j]];
		p->factors[i] *= miss;
	}
	for (uint32_t i = n; i < p->stride; i++)
		means[i] = -1;
	p->factors[n] /= levels;
	p->jumps[j] = (float)log1p(1 / share);
	p->hits[j] = (float)(1 / (1 + levels * share));
	p->highest_jump += p->jumps[j];
}

/* Logarithms are taken rarely: the factors of a kernel are multiplied as far as doubles go. */
static void take_logs(struct parzen *p)
{
	for (uint32_t i = 0; i < p->n_kernels; i++) {
		p->constants[i] += (float)log(p->factors[i]);
		p->factors[i] = 1;
	}
}

bool parzen_fit(struct parzen *p, const struct parzen_axis *const *axes, const uint32_t *columns,
	uint32_t n_axes, const struct parzen_row *rows, uint32_t n, float prior_weight)
{
	enum { FACTORS = 60 };

	if (!make_room(p, n_axes, n + 1))
		return false;
	p->axes = axes;
	p->columns = columns;
	set_turns(p, rows, n);
	set_weights(p, rows, n, prior_weight);
	for (uint32_t j = 0; j < n_axes; j++) {
		if (axes[j]->kind == PARZEN_CHOICE)
			fit_choice(p, j, rows, n, prior_weight);
		else if (axes[j]->kind == PARZEN_GRID)
			fit_grid(p, j, rows, n);
		else
			fit_real(p, j, rows, n);
		if (j % FACTORS == FACTORS - 1)
			take_logs(p);
	}
	take_logs(p);
	for (uint32_t i = p->n_kernels; i < p->stride; i++)
		p->constants[i] = FAR_BELOW;
	return true;
}

void parzen_free(struct parzen *p)
{
	free(p->memory);
	*p = (struct parzen){0};
}
