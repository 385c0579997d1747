/*
 * Turns for the branches of a conditional space, and for categories where trials run together.
 *
 * A model shares what it knows between branches, so the optimum of one, or a few bad trials, can make
 * it sure of another that it has hardly seen; expected improvement then stays where it is for good.
 * So at times a branch is given, the least tried one, and the model chooses the rest.
 *
 * Trials that run together do not learn from each other: early ones would all go to the category that
 * looks best after a few results. While others are pending, every category counts as a branch.
 */
#pragma once
#include <stdint.h>

#include "algorithms/gp/embed.h"

/* A value of a parameter that is always active and switches others on, or of a category. */
struct branch {
	uint32_t param;         /* EMBED_NONE: there are no branches                                   */
	double value;           /* natural                                                             */
};

/*
 * The least tried value, the first of several, of the parameter whose turn it is. rows[n x columns]
 * and pending[n_pending x columns] are what has been tried and is being tried. Continuous parents and
 * ones with long grids have too many branches and get no turn.
 */
struct branch branch_least_tried(const struct embed *e, uint32_t turn, const double *rows, uint32_t n,
	const double *pending, uint32_t n_pending);
