/* Configurations worth a look. */
#include "algorithms/gp/candidates.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "algorithms/qmc.h"

/* Columns that a move changes, about; and how far, in the unit cube. */
static const double MOVED = 20, LEAST_SHARE = 0.2;
static const double widths[] = {0.1, 0.03, 0.01};
enum { WIDTHS = sizeof(widths) / sizeof(*widths), STEPS_MAX = 3 };

static double middle(double v, double lo, double hi)
{
	return fmin(fmax(v, lo), hi);
}

static double into_box(const struct candidates *c, uint32_t column, double place)
{
	return c->low ? middle(place, c->low[column], c->high[column]) : middle(place, 0, 1);
}

bool candidates_settle(const struct candidates *c, double *x)
{
	const struct space *s = c->embed->space;
	const uint32_t *order = space_order(s);
	bool drawn = false;

	for (uint32_t i = 0; i < space_dim(s); i++) {
		uint32_t j = order[i];

		if (!space_is_active(s, j, x)) {
			x[j] = NAN;
		} else if (isnan(x[j])) {
			x[j] = space_decode_one(s, j, rng_uniform(c->rng));
			drawn = true;
		}
	}
	return drawn;
}

/* ---- spread ------------------------------------------------------------------------------------ */

/* Into the box, and most parameters back to the incumbent's values, if there are many. */
static void mask(const struct candidates *c, const double *u, double *x)
{
	const struct embed *e = c->embed;
	double share = fmin(1, MOVED / e->n_own);

	for (uint32_t k = 0; k < e->n_own; k++) {
		const struct embed_column *column = &e->columns[k];
		double home = c->incumbents[column->param];
		bool moved = rng_uniform(c->rng) < share;

		if (column->category)
			x[column->param] = moved && rng_uniform(c->rng) < 0.5 ? x[column->param] : home;
		else if (moved || isnan(home))
			x[column->param] = embed_value(e, k, c->low[k] + u[column->param] * (c->high[k] - c->low[k]));
		else
			x[column->param] = home;
	}
	candidates_settle(c, x);
}

bool candidates_spread(const struct candidates *c, uint32_t n, double *x)
{
	const struct space *s = c->embed->space;
	uint32_t d = space_dim(s);
	struct qmc *q = qmc_new(d, rng_next(c->rng));
	double *u = malloc(d * sizeof(*u));
	bool ok = q && u;

	for (uint32_t i = 0; ok && i < n; i++, x += d) {
		qmc_point(q, i, u);
		space_decode(s, u, x);
		if (c->low && c->n_incumbents > 0)
			mask(c, u, x);
	}
	qmc_free(q);
	free(u);
	return ok;
}

/* ---- spray ------------------------------------------------------------------------------------- */

/* Another level than k, up to `reach` steps away if there is an order. */
static uint64_t other_level(struct rng *r, uint64_t k, uint64_t levels, uint64_t reach, bool ordered)
{
	uint64_t step;

	if (!ordered) {
		uint64_t other = rng_below(r, levels - 1);

		return other + (other >= k);
	}
	step = 1 + rng_below(r, reach);
	if (rng_next(r) >> 63 ? k >= step : k + step >= levels)
		return k >= step ? k - step : 0;
	return k + step < levels ? k + step : levels - 1;
}

static void move(const struct candidates *c, uint32_t column, double width, double *x)
{
	const struct embed_column *col = &c->embed->columns[column];
	const struct space *s = c->embed->space;
	double place = embed_place(c->embed, column, x[col->param]);
	uint64_t reach, level;

	if (col->levels != SPACE_INFINITE) {
		level = space_value_level(s, col->param, x[col->param]);
		reach = (uint64_t)fmax(STEPS_MAX, fmin(1e6, 2 * width * (double)col->levels));
		level = other_level(c->rng, level, col->levels, reach, !col->category);
		x[col->param] = space_level_value(s, col->param, level);
		if (col->category || !c->low)
			return;
		place = embed_place(c->embed, column, x[col->param]);
	} else {
		place += width * rng_normal(c->rng);
		if (place < 0 || place > 1) /* back from the border, so that it gets no mass of its own */
			place = rng_next(c->rng) >> 63 ? middle(place, 0, 1) : fabs(fmod(place, 1));
	}
	x[col->param] = embed_value(c->embed, column, into_box(c, column, place));
}

static void spray_one(const struct candidates *c, const double *from, double width, double *x)
{
	const struct embed *e = c->embed;
	uint32_t d = space_dim(e->space), n_active = 0, active, moved = 0;
	double share;

	memcpy(x, from, d * sizeof(*x));
	for (uint32_t k = 0; k < e->n_own; k++)
		n_active += !isnan(x[e->columns[k].param]);
	if (n_active == 0)
		return;
	share = rng_next(c->rng) >> 63 ? fmin(1, fmax(MOVED / n_active, LEAST_SHARE)) : 1.5 / n_active;
	active = (uint32_t)rng_below(c->rng, n_active); /* this one in any case */
	for (uint32_t k = 0; k < e->n_own; k++) {
		if (isnan(x[e->columns[k].param]))
			continue;
		if (rng_uniform(c->rng) < share || moved == active)
			move(c, k, width, x);
		moved++;
	}
	candidates_settle(c, x);
}

void candidates_spray(const struct candidates *c, uint32_t n, double *x)
{
	uint32_t d = space_dim(c->embed->space);

	for (uint32_t i = 0; i < n; i++, x += d)
		spray_one(c, c->incumbents + (size_t)(i % c->n_incumbents) * d, widths[i / c->n_incumbents % WIDTHS], x);
}
