/*
 * The hypervolume: how much of the box below a reference point a set of points dominates, all values
 * to be minimised. Larger is better; it is what a set gains in every objective together.
 *
 * Exact: a sweep in two dimensions, slices of it in three, and the WFG algorithm for more (While,
 * Bradstreet and Barone 2012), which takes exponential time in the worst case: for more than four
 * objectives keep to some dozens of points.
 *
 * Points are rows of m values; what does not lie below the reference in every value adds nothing.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

enum { HYPERVOLUME_DIMS_MAX = 16 };

/* NaN: no memory. 1 <= m <= HYPERVOLUME_DIMS_MAX; the rows stay as they are. */
double hypervolume(const double *y, uint32_t n, uint32_t m, const double *reference);

/*
 * Greedily the k points that together dominate most (a 1 - 1/e approximation of the best k: Guerreiro,
 * Fonseca and Paquete 2016). Fills chosen[k], the most valuable first, of equals the earlier one.
 * k <= n. False: no memory.
 */
bool hypervolume_select(const double *y, uint32_t n, uint32_t m, const double *reference, uint32_t k,
	uint32_t *chosen);
