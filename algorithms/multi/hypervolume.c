/* Exact hypervolumes. */
#include "algorithms/multi/hypervolume.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "algorithms/assert.h"
#include "algorithms/multi/pareto.h"

/* A set of rows that is worked on. */
struct rowset {
	double *y;
	uint32_t n, m;
};

static double *row(const struct rowset *s, uint32_t i)
{
	return s->y + (size_t)i * s->m;
}

static void swap_rows(const struct rowset *s, uint32_t a, uint32_t b)
{
	for (uint32_t j = 0; j < s->m; j++) {
		double t = row(s, a)[j];

		row(s, a)[j] = row(s, b)[j];
		row(s, b)[j] = t;
	}
}

static void remove_row(struct rowset *s, uint32_t i)
{
	s->n--;
	if (i != s->n)
		memcpy(row(s, i), row(s, s->n), s->m * sizeof(double));
}

/* Ascending in value j. Sets are small, and mostly sorted already. */
static void sort_rows(const struct rowset *s, uint32_t j)
{
	for (uint32_t i = 1; i < s->n; i++)
		for (uint32_t k = i; k > 0 && row(s, k)[j] < row(s, k - 1)[j]; k--)
			swap_rows(s, k, k - 1);
}

/* The area below (r0, r1) that the first two values of n rows dominate, the first ascending. */
static double area(const struct rowset *s, uint32_t n, const double *r)
{
	double sum = 0, lowest = r[1];

	for (uint32_t i = 0; i < n; i++) {
		const double *y = row(s, i);

		if (y[1] >= lowest)
			continue;
		sum += (r[0] - y[0]) * (lowest - y[1]);
		lowest = y[1];
	}
	return sum;
}

/* Slices between the third values, upwards; the rows so far are kept in the order of the first. */
static double volume(const struct rowset *s, const double *r)
{
	double sum = 0;

	sort_rows(s, 2);
	for (uint32_t i = 0; i < s->n; i++) {
		double top = i + 1 < s->n ? row(s, i + 1)[2] : r[2], bottom = row(s, i)[2];

		for (uint32_t k = i; k > 0 && row(s, k)[0] < row(s, k - 1)[0]; k--)
			swap_rows(s, k, k - 1);
		sum += (top - bottom) * area(s, i + 1, r);
	}
	return sum;
}

static void drop_dominated(struct rowset *s)
{
	for (uint32_t i = 0; i < s->n;) {
		bool drop = false;

		for (uint32_t k = 0; k < s->n && !drop; k++)
			drop = k != i && (pareto_dominates(row(s, k), row(s, i), s->m) ||
								 (k < i && memcmp(row(s, k), row(s, i), s->m * sizeof(double)) == 0));
		if (drop)
			remove_row(s, i);
		else
			i++;
	}
}

static double measure(struct rowset *s, const double *r);

/* WFG: what each point adds to those after it, which are first cut down to its own box. */
static double measure_by_exclusion(struct rowset *s, const double *r)
{
	double sum = 0, *memory = malloc(((size_t)s->n + 1) * s->m * sizeof(*memory));

	if (!memory)
		return NAN;
	drop_dominated(s);
	sort_rows(s, s->m - 1);
	for (uint32_t i = 0; i < s->n; i++) {
		struct rowset cut = {.y = memory, .n = s->n - i - 1, .m = s->m};
		double box = 1;

		for (uint32_t j = 0; j < s->m; j++)
			box *= r[j] - row(s, i)[j];
		for (uint32_t k = 0; k < cut.n; k++)
			for (uint32_t j = 0; j < s->m; j++)
				row(&cut, k)[j] = fmax(row(s, i)[j], row(s, i + 1 + k)[j]);
		sum += box - measure(&cut, r);
	}
	free(memory);
	return sum;
}

/* May move the rows and drop some. */
static double measure(struct rowset *s, const double *r)
{
	double best = r[0];

	switch (s->n > 0 ? s->m : 0) {
	case 0:
		return 0;
	case 1:
		for (uint32_t i = 0; i < s->n; i++)
			best = fmin(best, *row(s, i));
		return r[0] - best;
	case 2:
		sort_rows(s, 0);
		return area(s, s->n, r);
	case 3:
		return volume(s, r);
	default:
		return measure_by_exclusion(s, r);
	}
}

static bool below(const double *y, const double *reference, uint32_t m)
{
	for (uint32_t j = 0; j < m; j++)
		if (!(y[j] < reference[j]))
			return false;
	return true;
}

double hypervolume(const double *y, uint32_t n, uint32_t m, const double *reference)
{
	struct rowset s = {.y = malloc(((size_t)n + 1) * m * sizeof(double)), .m = m};
	double sum;

	ALGO_ASSERT(m >= 1 && m <= HYPERVOLUME_DIMS_MAX);
	if (!s.y)
		return NAN;
	for (uint32_t i = 0; i < n; i++)
		if (below(y + (size_t)i * m, reference, m))
			memcpy(row(&s, s.n++), y + (size_t)i * m, m * sizeof(double));
	sum = measure(&s, reference);
	free(s.y);
	return sum;
}

/*
 * What a point adds only shrinks as others are chosen, so an old value is an upper bound: a point is
 * measured again only while its bound beats the best one found in this round.
 */
bool hypervolume_select(
	const double *y, uint32_t n, uint32_t m, const double *reference, uint32_t k, uint32_t *chosen)
{
	double *set = malloc(((size_t)k + 1) * m * sizeof(*set)), total = 0;
	double *bounds = malloc(((size_t)n + 1) * sizeof(*bounds));
	bool ok = set && bounds;

	ALGO_ASSERT(k <= n);
	for (uint32_t i = 0; ok && i < n; i++)
		bounds[i] = INFINITY;
	for (uint32_t taken = 0; ok && taken < k; taken++) {
		double best_gain = -INFINITY;
		uint32_t best = 0;

		for (uint32_t i = 0; ok && i < n; i++) {
			if (!(bounds[i] > best_gain))
				continue;
			memcpy(set + (size_t)taken * m, y + (size_t)i * m, m * sizeof(*set));
			bounds[i] = hypervolume(set, taken + 1, m, reference) - total;
			ok = !isnan(bounds[i]);
			if (bounds[i] > best_gain) {
				best_gain = bounds[i];
				best = i;
			}
		}
		memcpy(set + (size_t)taken * m, y + (size_t)best * m, m * sizeof(*set));
		total += best_gain > 0 ? best_gain : 0;
		bounds[best] = -INFINITY;
		chosen[taken] = best;
	}
	free(set);
	free(bounds);
	return ok;
}
