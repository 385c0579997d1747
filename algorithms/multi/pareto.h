/*
 * Pareto ranks and crowding: which of many points, each with several values to be minimised, come
 * before which.
 *
 * Points are rows of m finite values. A point dominates another one if it is nowhere worse and
 * somewhere better. Rank 0 is the front that nothing dominates, rank 1 the front without it, and so
 * on. With violations (0: feasible, may be infinite) every feasible point comes before every
 * infeasible one, and of those the lesser violation before the greater (Deb et al. 2002).
 *
 * Ranks by efficient nondominated sorting: points in lexicographic order are put into the first front
 * whose members do not dominate them (Zhang et al. 2015).
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

static inline bool pareto_dominates(const double *a, const double *b, uint32_t m)
{
	bool better = false;

	for (uint32_t j = 0; j < m; j++) {
		if (a[j] > b[j])
			return false;
		better |= a[j] < b[j];
	}
	return better;
}

/* Fills ranks[n]; violations may be NULL. Returns the number of ranks, or -1: no memory. */
int64_t pareto_ranks(const double *y, const double *violations, uint32_t n, uint32_t m, uint32_t *ranks);

/* Crowding distance of the points members[0 .. n-1] among themselves: how far the neighbours on both
 * sides are apart, summed over the values in units of their range; infinite at the ends. Fills
 * distances[n]. False: no memory. */
bool pareto_crowding(const double *y, uint32_t m, const uint32_t *members, uint32_t n, double *distances);

/*
 * The k best of n points: by rank, and within the last rank that does not fit as a whole by crowding
 * distance, the loneliest first; of equals the earlier one. Fills chosen[k] with their numbers, rank
 * by rank, and chosen_ranks[k], unless NULL, with the rank of each. k <= n. False: no memory.
 */
bool pareto_select(const double *y, const double *violations, uint32_t n, uint32_t m, uint32_t k,
	uint32_t *chosen, uint32_t *chosen_ranks);
