/*
 * CMA-ES with margin: keeps every value of a stepped axis within reach although the distribution
 * becomes narrower than its steps. Each axis has a factor by which samples are stretched away from the
 * mean before they are rounded; after an update the mean and the factor are moved so that the values
 * beside the mean's own keep a probability of at least margin / 2 each.
 *
 * Source: Hamano et al. 2022 (arXiv 2205.13482), margin 1 / (d lambda).
 */
#pragma once
#include "algorithms/cmaes/cma.h"
#include "algorithms/cmaes/latent.h"

/* stretch[n_axes] is 1 at first. */
void margin_correct(const struct latent *l, struct cma *c, double *stretch);
