/* Parzen estimators: densities and draws. Fitting is in parzen_fit.c. */
#include "algorithms/tpe/parzen.h"

#include <math.h>

#include "algorithms/tpe/lanes.h"

_Static_assert((int)PARZEN_BLOCK == 4 * LANES, "a block is four variables");

enum { TRIES = 32 };

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

/* ---- density ----------------------------------------------------------------------------------- */

/* Exponents of PARZEN_BLOCK kernels: four variables, so that they stay in registers. */
struct block {
	lanes a, b, c, d;
};

static inline bool any_above(struct block e, lanes floor)
{
	return lanes_any((e.a > floor) | (e.b > floor) | (e.c > floor) | (e.d > floor));
}

static inline struct block add_choice(struct block e, const lanes *means, lanes x, int_lanes jump)
{
	e.a += (lanes)((means[0] == x) & jump);
	e.b += (lanes)((means[1] == x) & jump);
	e.c += (lanes)((means[2] == x) & jump);
	e.d += (lanes)((means[3] == x) & jump);
	return e;
}

static inline struct block add_number(struct block e, const lanes *means, const lanes *scales, lanes x)
{
	lanes a = (x - means[0]) * scales[0], b = (x - means[1]) * scales[1];
	lanes c = (x - means[2]) * scales[2], d = (x - means[3]) * scales[3];

	e.a -= a * a;
	e.b -= b * b;
	e.c -= c * c;
	e.d -= d * d;
	return e;
}

static inline const lanes *in_lanes(const float *array)
{
	return (const lanes *)(const void *)array;
}

/* ln of weight times density of PARZEN_BLOCK kernels at x. False: all stay below the floor. */
static inline bool block_exponents(const struct parzen *p, uint32_t at, float floor, struct block *out)
{
	const lanes *constants = in_lanes(p->constants + at);
	struct block e = {constants[0], constants[1], constants[2], constants[3]};

	for (uint32_t turn = 0; turn < p->n_axes; turn++) {
		uint32_t j = p->turns[turn];
		const lanes *means = in_lanes(p->means + (size_t)j * p->stride + at);
		lanes x = lanes_all(p->point[j]);

		if (p->axes[j]->kind == PARZEN_CHOICE) {
			e = add_choice(e, means, x, (int_lanes)lanes_all(p->jumps[j]));
			continue;
		}
		e = add_number(e, means, in_lanes(p->scales + (size_t)j * p->stride + at), x);
		if (!any_above(e, lanes_all(turn == 0 ? floor - p->highest_jump : floor)))
			return false;
	}
	*out = e;
	return true;
}

/*
 * The prior's own density is a floor of the sum: kernels that stay 2^-24 of it behind, one in
 * 16,000,000, are not looked at further.
 */
float parzen_log_density(struct parzen *p, const float *x)
{
	lanes *kept = (lanes *)(void *)p->exponents, sum = lanes_all(0), highest;
	float floor = p->constants[p->n_kernels - 1], top;
	uint32_t n = 0;

	for (uint32_t j = 0; j < p->n_axes; j++)
		p->point[j] = parzen_position(p->axes[j], x[j]);
	highest = lanes_all(floor);
	for (uint32_t at = 0; at < p->stride; at += PARZEN_BLOCK) {
		struct block e;

		if (!block_exponents(p, at, floor - 16.7f, &e))
			continue;
		kept[n] = e.a;
		kept[n + 1] = e.b;
		kept[n + 2] = e.c;
		kept[n + 3] = e.d;
		n += 4;
		highest = lanes_max(lanes_max(highest, lanes_max(e.a, e.b)), lanes_max(e.c, e.d));
	}
	top = lanes_highest(highest);
	for (uint32_t k = 0; k < n; k++)
		sum += lanes_exp(kept[k] - top);
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

/* One of the levels, by the share of each in the kernel. */
static float draw_level(const struct parzen_axis *a, float mean, float scale, struct rng *r)
{
	float sums[PARZEN_GRID_MAX], sum = 0, u = (float)rng_uniform(r);
	uint32_t c = 0;

	for (uint32_t k = 0; k < a->levels; k++) {
		float z = (parzen_centre(a, k) - mean) * scale;

		sums[k] = sum += (a->edges[k + 1] - a->edges[k]) * expf(-z * z);
	}
	while (c + 1 < a->levels && sums[c] < u * sum)
		c++;
	return (float)c;
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
		else if (a->kind == PARZEN_GRID)
			x[j] = draw_level(a, p->means[at], p->scales[at], r);
		else
			x[j] = draw_normal(p->means[at], p->scales[at], r);
	}
}
