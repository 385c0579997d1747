/*
 * A Parzen estimator of a density over a few axes of the unit cube: a weighted sum of product
 * kernels, one for each observation and a uniform one, the prior (Bergstra et al. 2011; with product
 * kernels as in Falkner et al. 2018; widths as in Watanabe, arXiv:2304.11127).
 *
 * Three kinds of axes, each with kernels that sum to one over what the axis can take:
 *   real    a normal curve cut to [0, 1]
 *   grid    levels that own cells of [0, 1]; the curve at the cells' centres times their widths
 *   choice  the observed level gets 1 + p, every other one p, divided by 1 + levels p
 *
 * A value on an axis is one float: the position in [0, 1] on a real one, else the number of the level.
 * The density is per unit of [0, 1] on real and grid axes, so a level's probability is the density
 * times the width of its cell; on choices it is the probability.
 *
 * An estimator owns its arrays, which grow and are used again by the next fit. It belongs to one
 * thread. Sums are in single precision: ln of the density is right to about 1e-5.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "algorithms/rng.h"

enum parzen_kind { PARZEN_REAL = 0, PARZEN_GRID, PARZEN_CHOICE };

enum {
	PARZEN_GRID_MAX = 64,       /* levels of a grid, at most                                   */
	PARZEN_BLOCK = 16,          /* kernels that are summed together                            */
};

struct parzen_axis {
	enum parzen_kind kind;
	uint32_t levels;            /* grid: at most PARZEN_GRID_MAX; choice                       */
	const float *edges;         /* grid: levels + 1 ascending, from 0 to 1                     */
};

/* The level of a grid whose cell holds u. */
uint32_t parzen_level(const struct parzen_axis *a, float u);
static inline float parzen_centre(const struct parzen_axis *a, uint32_t level)
{
	return 0.5f * (a->edges[level] + a->edges[level + 1]);
}
/* Where a value lies: on a grid at the centre of its level's cell. */
static inline float parzen_position(const struct parzen_axis *a, float value)
{
	return a->kind == PARZEN_GRID ? parzen_centre(a, (uint32_t)value) : value;
}

struct parzen_row {
	const float *x;             /* a value on each of the axes, at its column                  */
	float weight;
};

struct parzen {
	const struct parzen_axis *const *axes;      /* borrowed, as are the columns                */
	const uint32_t *columns;
	uint32_t n_axes, n_kernels, stride;         /* the last kernel is the prior                */
	float *memory;              /* the arrays below                                            */
	size_t capacity;
	float *means, *scales;      /* [axis][stride]; scale is 1 / (sqrt 2 sigma), 0: uniform     */
	float *constants;           /* [stride]: ln of weight and norm; the padding far below      */
	float *cumulated;           /* [stride]: sums of the weights, the last is 1                */
	float *exponents;           /* [stride]: scratch                                           */
	double *factors;            /* [stride]: scratch                                           */
	uint32_t *order, *sorted;   /* [stride]: row of each kernel; [2 stride]: scratch           */
	float *jumps, *hits;        /* [axis], choices: ln(1 + 1 / p), 1 / (1 + levels p)          */
	float *point;               /* [axis]: scratch                                             */
	uint32_t *turns;            /* [axis]: the order in which they are looked at               */
	float highest_jump;         /* the sum of all jumps                                        */
};

void parzen_free(struct parzen *p);     /* of one that was {0} or fitted                       */

/*
 * Fits n rows, which have their value on axis j at columns[j]. Axes and columns must stay as they are
 * until the next fit. No kernel is
 * narrower than 1 / min(100, n + 2). False: no memory.
 */
bool parzen_fit(struct parzen *p, const struct parzen_axis *const *axes, const uint32_t *columns,
	uint32_t n_axes, const struct parzen_row *rows, uint32_t n, float prior_weight);

float parzen_log_density(struct parzen *p, const float *x);
void parzen_draw(const struct parzen *p, struct rng *r, float *x);
/* From the prior, uniformly. */
void parzen_draw_prior(const struct parzen_axis *const *axes, uint32_t n_axes, struct rng *r, float *x);
