#include "algorithms/stopping/points.h"

#include <math.h>
#include <stdlib.h>

#include "algorithms/assert.h"

/* The least and the largest width that is tried: steps are at most 2^POINTS_STEP_LOG2. */
enum { WIDTH_MIN = -64, WIDTH_MAX = POINTS_STEP_LOG2 + 1 };

void points_free(struct stop_points *p)
{
	free(p->at);
	free(p->prefix);
}

bool points_reserve(struct stop_points *p)
{
	uint32_t capacity = p->capacity ? 2 * p->capacity : 8;
	struct algo_point *at;
	struct stop_prefix *prefix;

	if (p->n < p->capacity)
		return true;
	if (!(at = realloc(p->at, capacity * sizeof(*at))))
		return false;
	p->at = at;
	if (!(prefix = realloc(p->prefix, capacity * sizeof(*prefix))))
		return false;
	p->prefix = prefix;
	p->capacity = capacity;
	return true;
}

static double bucket(double step, int width)
{
	return floor(ldexp(step, -width));
}

static bool same_bucket(const struct stop_points *p, double a, double b)
{
	return p->width != POINTS_ALL && bucket(a, p->width) == bucket(b, p->width);
}

/* From the point at `first` on. Always in the order of steps: the same bits however they came. */
static void add_up(struct stop_points *p, enum algo_direction direction, uint32_t first)
{
	struct stop_prefix sofar = first > 0 ? p->prefix[first - 1] : (struct stop_prefix){.best = NAN};

	for (uint32_t i = first; i < p->n; i++) {
		double cost = stop_cost(direction, p->at[i].value);

		if (!isnan(cost)) {
			sofar.best = fmin(sofar.best, cost);
			sofar.sum += cost;
			sofar.counted++;
		}
		p->prefix[i] = sofar;
	}
}

static uint32_t count_buckets(const struct stop_points *p, int width)
{
	uint32_t n = p->n > 0;

	for (uint32_t i = 1; i < p->n; i++)
		n += bucket(p->at[i].step, width) != bucket(p->at[i - 1].step, width);
	return n;
}

/* Buckets lie within the wider ones, so their number falls with the width. */
static int least_width(const struct stop_points *p, uint32_t max)
{
	int low = p->width == POINTS_ALL ? WIDTH_MIN : p->width, high = WIDTH_MAX;

	while (low < high) {
		int middle = low + (high - low) / 2; /* rounds down, as high - low > 0 */

		if (count_buckets(p, middle) <= max)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

bool points_thin(struct stop_points *p, enum algo_direction direction, uint32_t max)
{
	uint32_t n = 0;

	ALGO_ASSERT(max >= 2);
	if (p->n <= max)
		return false;
	p->width = least_width(p, max);
	for (uint32_t i = 0; i < p->n; i++)
		if (i + 1 == p->n || !same_bucket(p, p->at[i].step, p->at[i + 1].step))
			p->at[n++] = p->at[i];
	p->n = n;
	add_up(p, direction, 0);
	return true;
}

uint32_t points_until(const struct stop_points *p, double step)
{
	uint32_t low = 0, high = p->n;

	if (p->n > 0 && p->at[p->n - 1].step <= step)
		return p->n; /* the usual question */
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (p->at[middle].step <= step)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Where the bucket's point is: at `before` - 1 or at `before`, or nowhere. */
static bool find_bucket(const struct stop_points *p, double step, uint32_t before, uint32_t *place)
{
	if (before < p->n && same_bucket(p, p->at[before].step, step)) {
		*place = before;
		return true;
	}
	if (before > 0 && same_bucket(p, p->at[before - 1].step, step)) {
		*place = before - 1;
		return true;
	}
	return false;
}

enum points_change points_put(struct stop_points *p, enum algo_direction direction, uint32_t max,
	struct algo_point point, uint32_t *index)
{
	uint32_t i = points_until(p, point.step), place;
	double step = point.step;

	ALGO_ASSERT(p->n < p->capacity && fabs(step) <= ldexp(1, POINTS_STEP_LOG2));
	if (i > 0 && p->at[i - 1].step == step) {
		p->at[i - 1].value = point.value;
		add_up(p, direction, *index = i - 1);
		return POINT_REPLACED;
	}
	if (find_bucket(p, step, i, &place)) {
		if (p->at[place].step > step)
			return POINT_PASSED_OVER;
		p->at[place] = point;
		add_up(p, direction, *index = place);
		return POINT_NEW;
	}
	for (uint32_t k = p->n++; k > i; k--)
		p->at[k] = p->at[k - 1];
	p->at[i] = point;
	add_up(p, direction, i);
	points_thin(p, direction, max);
	i = points_until(p, step);
	if (i == 0 || p->at[i - 1].step != step)
		return POINT_PASSED_OVER;
	*index = i - 1;
	return POINT_NEW;
}
