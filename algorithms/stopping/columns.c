#include "algorithms/stopping/columns.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "algorithms/assert.h"
#include "algorithms/grow.h"
#include "algorithms/stopping/rule.h"

enum {
	COLUMNS_MAX = 256,
	COLUMNS_MIN = 16,
	CELLS_MAX = 1 << 22, /* of all columns together, unless COLUMNS_MIN are more        */
	PER_OCTAVE = 64,
};

void columns_clear(struct columns *c)
{
	for (size_t i = 0; i < c->n; i++)
		free(c->list[i].costs);
	c->n = 0;
}

void columns_free(struct columns *c)
{
	columns_clear(c);
	free(c->list);
}

/* Up to the next of 64 in each octave. */
static double round_up(double step)
{
	int exponent;
	double mantissa;

	if (!(step > 0))
		return step;
	mantissa = frexp(step, &exponent);
	return ldexp(ceil(mantissa * (2 * PER_OCTAVE)) / (2 * PER_OCTAVE), exponent);
}

/* What the trial has in the column; NaN: nothing. */
static double cell(const struct stopper *s, const struct column *c, const struct stop_trial *t)
{
	const struct stop_points *p = &t->points;
	uint32_t n = c->kind != COLUMN_FIRST ? points_until(p, c->at) : p->n < c->at ? p->n : (uint32_t)c->at;

	if (n == 0)
		return NAN;
	if (c->kind == COLUMN_VALUE)
		return stop_cost(s->p.direction, p->at[n - 1].value);
	return p->prefix[n - 1].counted > 0 ? p->prefix[n - 1].sum / p->prefix[n - 1].counted : NAN;
}

/* Where the cost belongs: before those that are not less. */
static size_t find_cost(const struct column *c, double cost)
{
	size_t low = 0, high = c->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (c->costs[middle] < cost)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

bool columns_reserve(struct columns *c)
{
	for (size_t i = 0; i < c->n; i++)
		if (!grow(&c->list[i].costs, &c->list[i].capacity, c->list[i].n + 1, sizeof(double)))
			return false;
	return true;
}

static void drop(struct columns *c, size_t i)
{
	free(c->list[i].costs);
	memmove(&c->list[i], &c->list[i + 1], (--c->n - i) * sizeof(*c->list));
}

bool columns_full(const struct columns *c, uint32_t n_whole)
{
	size_t most = CELLS_MAX / ((size_t)n_whole + 1);

	return c->n >= (most > COLUMNS_MAX ? COLUMNS_MAX : most < COLUMNS_MIN ? COLUMNS_MIN : most);
}

/* Leaves room for one more column. */
static void drop_oldest(struct columns *c, uint32_t n_whole)
{
	while (columns_full(c, n_whole)) {
		size_t oldest = 0;

		for (size_t i = 0; i < c->n; i++)
			if (c->list[i].asked < c->list[oldest].asked)
				oldest = i;
		drop(c, oldest);
	}
}

void columns_add(struct stopper *s, const struct stop_trial *t)
{
	for (size_t i = 0; i < s->columns.n; i++) {
		struct column *c = &s->columns.list[i];
		double cost = cell(s, c, t);
		size_t at;

		if (isnan(cost))
			continue;
		ALGO_ASSERT(c->n < c->capacity);
		at = find_cost(c, cost);
		memmove(&c->costs[at + 1], &c->costs[at], (c->n++ - at) * sizeof(double));
		c->costs[at] = cost;
		c->mean = NAN;
	}
}

void columns_remove(struct stopper *s, const struct stop_trial *t)
{
	for (size_t i = 0; i < s->columns.n; i++) {
		struct column *c = &s->columns.list[i];
		double cost = cell(s, c, t);
		size_t at;

		if (isnan(cost))
			continue;
		at = find_cost(c, cost);
		ALGO_ASSERT(at < c->n && c->costs[at] == cost);
		memmove(&c->costs[at], &c->costs[at + 1], (--c->n - at) * sizeof(double));
		c->mean = NAN;
	}
}

static int by_cost(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static bool build(struct stopper *s, struct column *c)
{
	if (!grow(&c->costs, &c->capacity, (size_t)s->n_whole + 1, sizeof(double)))
		return false;
	for (size_t i = 1; i < s->n_trials; i++) {
		const struct stop_trial *t = s->trials[i];
		double cost = t && trial_is_whole(s, t) ? cell(s, c, t) : NAN;

		if (!isnan(cost))
			c->costs[c->n++] = cost;
	}
	qsort(c->costs, c->n, sizeof(double), by_cost);
	return true;
}

/* Where the column is or belongs. */
static size_t find_column(const struct columns *c, enum column_kind kind, double at)
{
	size_t low = 0, high = c->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct column *m = &c->list[middle];

		if (m->kind < kind || (m->kind == kind && m->at < at))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct column *columns_ask(struct stopper *s, enum column_kind kind, double step)
{
	struct columns *c = &s->columns;
	double at = kind == COLUMN_FIRST ? step : round_up(step);
	size_t i = find_column(c, kind, at);
	struct column new = {.kind = kind, .at = at, .mean = NAN};

	if (i == c->n || c->list[i].kind != kind || c->list[i].at != at) {
		drop_oldest(c, s->n_whole);
		if (!grow(&c->list, &c->capacity, c->n + 1, sizeof(*c->list)) || !build(s, &new))
			return NULL;
		i = find_column(c, kind, at);
		memmove(&c->list[i + 1], &c->list[i], (c->n++ - i) * sizeof(*c->list));
		c->list[i] = new;
	}
	c->list[i].asked = ++c->clock;
	return &c->list[i];
}

double column_mean(struct column *c)
{
	double sum = 0;

	if (!isnan(c->mean) || c->n == 0)
		return c->mean;
	for (size_t i = 0; i < c->n; i++) /* in one order, whatever the trials' was */
		sum += c->costs[i];
	return c->mean = sum / (double)c->n;
}

double column_quantile(const struct column *c, double share)
{
	double place = share * (double)(c->n - 1), part = place - floor(place);
	size_t i = (size_t)place;

	if (c->n == 0)
		return NAN;
	if (part == 0 || c->costs[i] == c->costs[i + 1])
		return c->costs[i]; /* of two infinite ones as well */
	return c->costs[i] + part * (c->costs[i + 1] - c->costs[i]);
}

size_t columns_memory(const struct columns *c)
{
	size_t n = c->capacity * sizeof(*c->list);

	for (size_t i = 0; i < c->n; i++)
		n += c->list[i].capacity * sizeof(double);
	return n;
}
