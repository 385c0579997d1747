/* Nondominated sorting and crowding. */
#include "algorithms/multi/pareto.h"

#include <gsl/gsl_heapsort.h>
#include <math.h>
#include <stdlib.h>

#include "algorithms/assert.h"

static const uint32_t NOBODY = UINT32_MAX;

/* ---- sorting ----------------------------------------------------------------------------------- */

/* A point in a list that is sorted without knowing the arrays. */
struct entry {
	const double *y;
	double first; /* what comes before y in the order                            */
	uint32_t m, index;
};

static int by_first_then_values(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	if (x->first != y->first)
		return x->first < y->first ? -1 : 1;
	for (uint32_t j = 0; j < x->m; j++)
		if (x->y[j] != y->y[j])
			return x->y[j] < y->y[j] ? -1 : 1;
	return (x->index > y->index) - (x->index < y->index);
}

/* The fronts of one sort: each a chain of entries from its newest member. */
struct fronts {
	const struct entry *entries;
	uint32_t *heads, *next; /* by front; by entry                                          */
	uint32_t n, base;       /* fronts before `base` hold points with a lesser violation    */
};

/* Members that came later in the order are more likely to dominate: from the newest one back. */
static bool front_dominates(const struct fronts *f, uint32_t front, const struct entry *e)
{
	for (uint32_t i = f->heads[front]; i != NOBODY; i = f->next[i])
		if (pareto_dominates(f->entries[i].y, e->y, e->m))
			return true;
	return false;
}

/* Domination by a front implies domination by all before it: the first free one is found by halving. */
static uint32_t front_of(const struct fronts *f, const struct entry *e)
{
	uint32_t lo = f->base, hi = f->n;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (front_dominates(f, mid, e))
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

int64_t pareto_ranks(const double *y, const double *violations, uint32_t n, uint32_t m, uint32_t *ranks)
{
	struct entry *entries = malloc(((size_t)n + 1) * sizeof(*entries));
	uint32_t *heads = malloc(2 * ((size_t)n + 1) * sizeof(*heads));
	struct fronts f = {.entries = entries, .heads = heads};

	if (!entries || !heads) {
		free(entries);
		free(heads);
		return -1;
	}
	f.next = heads + n + 1;
	for (uint32_t i = 0; i < n; i++)
		entries[i] = (struct entry){
			.y = y + (size_t)i * m, .first = violations ? violations[i] : 0, .m = m, .index = i};
	gsl_heapsort(entries, n, sizeof(*entries), by_first_then_values);
	for (uint32_t i = 0; i < n; i++) {
		uint32_t front;

		if (i > 0 && entries[i].first != entries[i - 1].first)
			f.base = f.n;
		front = front_of(&f, &entries[i]);
		if (front == f.n)
			heads[f.n++] = NOBODY;
		f.next[i] = heads[front];
		heads[front] = i;
		ranks[entries[i].index] = front;
	}
	free(entries);
	free(heads);
	return f.n;
}

/* ---- crowding ---------------------------------------------------------------------------------- */

bool pareto_crowding(const double *y, uint32_t m, const uint32_t *members, uint32_t n, double *distances)
{
	struct entry *entries = malloc(((size_t)n + 1) * sizeof(*entries));

	if (!entries)
		return false;
	for (uint32_t i = 0; i < n; i++)
		distances[i] = 0;
	for (uint32_t j = 0; j < m && n > 0; j++) {
		double range; /* by halves, which do not overflow */

		for (uint32_t i = 0; i < n; i++)
			entries[i] = (struct entry){.first = y[(size_t)members[i] * m + j], .index = i};
		gsl_heapsort(entries, n, sizeof(*entries), by_first_then_values);
		range = 0.5 * entries[n - 1].first - 0.5 * entries[0].first;
		distances[entries[0].index] = distances[entries[n - 1].index] = INFINITY;
		for (uint32_t i = 1; i + 1 < n && range > 0; i++)
			distances[entries[i].index] += (0.5 * entries[i + 1].first - 0.5 * entries[i - 1].first) / range;
	}
	free(entries);
	return true;
}

/* ---- selection --------------------------------------------------------------------------------- */

/* The points of one rank, in order of their numbers. */
static uint32_t members_of(const uint32_t *ranks, uint32_t n, uint32_t rank, uint32_t *members)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < n; i++)
		if (ranks[i] == rank)
			members[count++] = i;
	return count;
}

/* Moves the k loneliest members to the front, in the order of their numbers among equals. */
static void loneliest_first(uint32_t *members, double *distances, uint32_t n, uint32_t k)
{
	for (uint32_t i = 0; i < k; i++) {
		uint32_t best = i, member;
		double distance;

		for (uint32_t q = i + 1; q < n; q++)
			if (distances[q] > distances[best])
				best = q;
		member = members[best];
		distance = distances[best];
		for (uint32_t q = best; q > i; q--) {
			members[q] = members[q - 1];
			distances[q] = distances[q - 1];
		}
		members[i] = member;
		distances[i] = distance;
	}
}

bool pareto_select(const double *y, const double *violations, uint32_t n, uint32_t m, uint32_t k,
	uint32_t *chosen, uint32_t *chosen_ranks)
{
	uint32_t *ranks = malloc(2 * ((size_t)n + 1) * sizeof(*ranks)), *members = ranks + n + 1, taken = 0;
	double *distances = malloc(((size_t)n + 1) * sizeof(*distances));
	bool ok = ranks && distances && pareto_ranks(y, violations, n, m, ranks) >= 0;

	ALGO_ASSERT(k <= n);
	for (uint32_t rank = 0; ok && taken < k; rank++) {
		uint32_t size = members_of(ranks, n, rank, members);

		if (taken + size > k) {
			ok = pareto_crowding(y, m, members, size, distances);
			if (ok)
				loneliest_first(members, distances, size, k - taken);
			size = k - taken;
		}
		for (uint32_t i = 0; ok && i < size; i++, taken++) {
			chosen[taken] = members[i];
			if (chosen_ranks)
				chosen_ranks[taken] = rank;
		}
	}
	free(ranks);
	free(distances);
	return ok;
}
