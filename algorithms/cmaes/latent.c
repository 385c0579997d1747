/* Configurations to and from places and choices. */
#include "algorithms/cmaes/latent.h"

#include <math.h>
#include <stdlib.h>

#include "algorithms/assert.h"

/* Finer grids are as good as continuous. */
enum { STEPS_MAX = 65536 };

bool latent_init(struct latent *l, const struct space *space)
{
	uint32_t d = space_dim(space);

	*l = (struct latent){.space = space};
	if (!(l->axes = calloc(3 * (size_t)d, sizeof(*l->axes))))
		return false;
	l->choices = l->axes + d;
	l->place = l->choices + d;
	for (uint32_t j = 0; j < d; j++) {
		if (space_levels(space, j) == 1)
			continue;
		if (space_at(space, j)->kind == SPACE_CATEGORICAL) {
			l->place[j] = l->n_choices;
			l->choices[l->n_choices++] = j;
		} else {
			l->place[j] = l->n_axes;
			l->axes[l->n_axes++] = j;
		}
	}
	return true;
}

void latent_free(struct latent *l)
{
	free(l->axes);
	l->axes = NULL;
}

static double value_of(const struct latent *l, uint32_t j, const double *place, const uint32_t *choices)
{
	if (space_levels(l->space, j) == 1)
		return space_level_value(l->space, j, 0);
	if (space_at(l->space, j)->kind == SPACE_CATEGORICAL)
		return choices[l->place[j]];
	return space_decode_one(l->space, j, place[l->place[j]]);
}

void latent_decode(const struct latent *l, const double *place, const uint32_t *choices, double *x)
{
	const uint32_t *order = space_order(l->space);

	for (uint32_t i = 0; i < space_dim(l->space); i++) {
		uint32_t j = order[i];

		x[j] = space_is_active(l->space, j, x) ? value_of(l, j, place, choices) : NAN;
	}
}

static double border(const struct latent *l, uint32_t axis, uint64_t k)
{
	uint32_t j = l->axes[axis];
	double a, b;

	if (space_at(l->space, j)->kind == SPACE_DISCRETE)
		return ((double)k + 1) / (double)space_levels(l->space, j);
	a = space_level_value(l->space, j, k);
	b = space_level_value(l->space, j, k + 1);
	return space_encode_one(l->space, j, a + (b - a) / 2);
}

bool latent_is_stepped(const struct latent *l, uint32_t axis)
{
	return space_levels(l->space, l->axes[axis]) <= STEPS_MAX;
}

void latent_borders(const struct latent *l, uint32_t axis, double u, double *low, double *high)
{
	uint32_t j = l->axes[axis];
	uint64_t levels = space_levels(l->space, j);
	uint64_t k = space_value_level(l->space, j, space_decode_one(l->space, j, u));

	ALGO_ASSERT(levels >= 2 && k < levels);
	*low = border(l, axis, k > 0 ? k - 1 : 0);
	*high = border(l, axis, k < levels - 1 ? k : levels - 2);
}

static double place_of(const struct latent *l, uint32_t axis, double value, double mean)
{
	uint32_t j = l->axes[axis];
	double u, low, high;

	if (isnan(value))
		return mean;
	u = space_encode_one(l->space, j, value);
	if (!latent_is_stepped(l, axis))
		return u;
	latent_borders(l, axis, u, &low, &high);
	if (low == high) /* an outermost value: its cell reaches to the end of the axis */
		*(u < low ? &low : &high) = u < low ? 0 : 1;
	return fmin(fmax(mean, low), high);
}

void latent_encode(
	const struct latent *l, const double *x, const double *mean, double *place, uint32_t *choices)
{
	for (uint32_t i = 0; i < l->n_axes; i++)
		place[i] = place_of(l, i, x[l->axes[i]], mean[i]);
	for (uint32_t i = 0; i < l->n_choices; i++) {
		double value = x[l->choices[i]];

		choices[i] = isnan(value) ? LATENT_NONE : (uint32_t)value;
	}
}
