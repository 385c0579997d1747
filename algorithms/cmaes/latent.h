/*
 * The search space as CMA-ES moves in it. Every parameter that can be ordered is an axis of the unit
 * cube (space.h), every categorical one a choice with probabilities; parameters with one value are
 * left out. A sample has all axes and choices, also those that are inactive in its configuration.
 *
 * Borrows the space; read-only after latent_init().
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "algorithms/space.h"

#define LATENT_NONE UINT32_MAX /* a choice that says nothing: its parameter is inactive       */

struct latent {
	const struct space *space;
	uint32_t n_axes, n_choices;
	uint32_t *axes, *choices; /* their parameters                                            */
	uint32_t *place;          /* by parameter: the number of its axis or choice              */
};

bool latent_init(struct latent *l, const struct space *space); /* false: no memory            */
void latent_free(struct latent *l);

/* The configuration of a place (n_axes, clamped to the cube) and choices (n_choices). */
void latent_decode(const struct latent *l, const double *place, const uint32_t *choices, double *x);
/* The place of a configuration that was not sampled here. On an axis with steps it is the point of
 * the value's cell next to `mean`, on an inactive one that of the mean: there it says nothing. */
void latent_encode(
	const struct latent *l, const double *x, const double *mean, double *place, uint32_t *choices);

/* Does the axis have steps that are wide enough to matter? */
bool latent_is_stepped(const struct latent *l, uint32_t axis);
/* The borders between the value at `u` and its neighbours; at the first and the last value both are
 * the only border there is (Hamano et al. 2022). */
void latent_borders(const struct latent *l, uint32_t axis, double u, double *low, double *high);
