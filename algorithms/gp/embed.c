/* Search spaces as columns of numbers. */
#include "algorithms/gp/embed.h"

#include <math.h>
#include <stdlib.h>

#include "algorithms/assert.h"
#include "algorithms/qmc.h"

enum { PROBES = 256 };

/* Gaps that vary less than this, relative to their mean, make a scale. */
static const double EVEN = 0.5;

static double scaled(double value, bool logarithm)
{
	return logarithm ? log(value) : value;
}

/* Standard deviation of the gaps of an ascending list by their mean. */
static double unevenness(const double *v, uint64_t n, bool logarithm)
{
	double mean = (scaled(v[n - 1], logarithm) - scaled(v[0], logarithm)) / (double)(n - 1), sum = 0;

	for (uint64_t k = 1; k < n; k++) {
		double gap = scaled(v[k], logarithm) - scaled(v[k - 1], logarithm);

		sum += (gap - mean) * (gap - mean);
	}
	return sqrt(sum / (double)(n - 1)) / mean;
}

/* Turns an ascending list of values into places; half a mean gap stays free beyond both ends. */
static void spread(double *v, uint64_t n)
{
	double linear = unevenness(v, n, false), margin = 0.5 / (double)n;
	double logarithmic = v[0] > 0 ? unevenness(v, n, true) : HUGE_VAL;
	bool use_log = logarithmic < linear;
	double lo = scaled(v[0], use_log), hi = scaled(v[n - 1], use_log);
	bool by_value = fmin(linear, logarithmic) < EVEN && isfinite(hi - lo);

	for (uint64_t k = 0; k < n; k++) {
		if (by_value)
			v[k] = margin + (scaled(v[k], use_log) - lo) / (hi - lo) * (1 - 2 * margin);
		else
			v[k] = ((double)k + 0.5) / (double)n;
	}
}

static bool fill_column(struct embed_column *c, const struct space *s, uint32_t j)
{
	const struct space_param *p = space_at(s, j);

	*c = (struct embed_column){
		.param = j, .levels = space_levels(s, j), .category = p->kind == SPACE_CATEGORICAL};
	if (p->kind != SPACE_DISCRETE)
		return true;
	if (!(c->places = malloc(c->levels * sizeof(*c->places))))
		return false;
	for (uint64_t k = 0; k < c->levels; k++)
		c->places[k] = p->values[(uint32_t)space_level_value(s, j, k)];
	spread(c->places, c->levels);
	return true;
}

static uint32_t count_active(const struct embed *e, const double *x)
{
	uint32_t n = 0;

	for (uint32_t c = 0; c < e->n_columns; c++)
		n += !isnan(x[e->columns[c].param]);
	return n;
}

/* The most that a well spread sample of configurations has; the sample is the same for all. */
static bool find_active(struct embed *e)
{
	uint32_t d = space_dim(e->space);
	struct qmc *q;
	double *u;
	bool ok;

	e->n_active = e->n_columns > 0 ? e->n_columns : 1;
	if (!space_has_conditions(e->space))
		return true;
	q = qmc_new(d, 0);
	u = malloc(2 * (size_t)d * sizeof(*u));
	if ((ok = q && u)) {
		e->n_active = 1;
		for (uint32_t i = 0; i < PROBES; i++) {
			uint32_t n;

			qmc_point(q, i, u);
			space_decode(e->space, u, u + d);
			n = count_active(e, u + d);
			e->n_active = n > e->n_active ? n : e->n_active;
		}
	}
	qmc_free(q);
	free(u);
	return ok;
}

static struct embed *make(const struct space *s, bool graded)
{
	uint32_t d = space_dim(s);
	struct embed *e = calloc(1, sizeof(*e));

	if (!e)
		return NULL;
	e->space = s;
	e->columns = calloc(d + 1, sizeof(*e->columns));
	e->column_of = malloc(d * sizeof(*e->column_of));
	if (!e->columns || !e->column_of)
		goto fail;
	for (uint32_t j = 0; j < d; j++) {
		e->column_of[j] = EMBED_NONE;
		if (space_levels(s, j) == 1)
			continue;
		if (!fill_column(&e->columns[e->n_columns], s, j))
			goto fail;
		e->column_of[j] = e->n_own++;
		e->n_columns++;
	}
	if (!find_active(e))
		goto fail;
	if (graded)
		e->columns[e->n_columns++] = (struct embed_column){.param = EMBED_NONE, .levels = 1};
	return e;
fail:
	embed_free(e);
	return NULL;
}

struct embed *embed_new(const struct space *s)
{
	return make(s, false);
}

struct embed *embed_new_graded(const struct space *s)
{
	return make(s, true);
}

void embed_free(struct embed *e)
{
	if (!e)
		return;
	for (uint32_t c = 0; e->columns && c < e->n_columns; c++)
		free(e->columns[c].places);
	free(e->columns);
	free(e->column_of);
	free(e);
}

double embed_place(const struct embed *e, uint32_t column, double value)
{
	const struct embed_column *c = &e->columns[column];

	ALGO_ASSERT(column < e->n_columns);
	if (isnan(value))
		return c->category ? EMBED_INACTIVE : 0.5;
	if (c->category)
		return value;
	if (c->places)
		return c->places[space_value_level(e->space, c->param, value)];
	return space_encode_one(e->space, c->param, value);
}

void embed_row(const struct embed *e, const double *x, double *row)
{
	for (uint32_t c = 0; c < e->n_own; c++)
		row[c] = embed_place(e, c, x[e->columns[c].param]);
	if (e->n_columns > e->n_own)
		row[e->n_own] = 1;
}

double embed_value(const struct embed *e, uint32_t column, double place)
{
	const struct embed_column *c = &e->columns[column];
	uint64_t lo = 0, hi = c->levels - 1;

	ALGO_ASSERT(column < e->n_columns && !c->category);
	if (!c->places)
		return space_decode_one(e->space, c->param, place);
	while (lo < hi) { /* the first level whose middle to the next one is not below */
		uint64_t mid = lo + (hi - lo) / 2;

		if ((c->places[mid] + c->places[mid + 1]) / 2 < place)
			lo = mid + 1;
		else
			hi = mid;
	}
	return space_level_value(e->space, c->param, lo);
}
