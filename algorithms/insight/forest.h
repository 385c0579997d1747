/*
 * A regression tree over the unit cube, grown on a bootstrap sample: what fANOVA takes apart. Leaves are
 * boxes; a tree splits until the costs in a leaf are alike.
 */
#pragma once
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "algorithms/rng.h"

struct tree {
	uint32_t d, n_leaves;
	double *value;          /* [leaf]: the mean cost in it                              */
	double *lo, *hi;        /* [leaf][d]: its box; together they are the cube           */
};

/* Grows a tree on n points drawn with replacement from u (n rows of d, in [0, 1]) and y. False: no memory,
 * or cancelled; the tree is empty then, and tree_free() is allowed. */
bool tree_grow(struct tree *t, const double *u, const double *y, uint32_t n, uint32_t d, struct rng *rng,
	const atomic_bool *cancel);
void tree_free(struct tree *t);
