#include "server/model/observe.h"

#include <assert.h>
#include <math.h>

static bool name_char(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
		   c == '.' || c == '/' || c == '-';
}

bool metric_name_valid(const char *name, size_t n)
{
	if (n == 0 || n > METRIC_NAME_MAX)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (!name_char((unsigned char)name[i]))
			return false;
	}
	return true;
}

void aggregate_add(struct aggregate *g, int64_t step, double value)
{
	if (g->n == 0)
		g->min = g->max = NAN;
	/* The last of equal steps wins, as it does in the table of observations. */
	if (g->n == 0 || step >= g->latest_step) {
		g->latest = value;
		g->latest_step = step;
	}
	g->min = fmin(g->min, value);
	g->max = fmax(g->max, value);
	g->n++;
}

double aggregate_value(const struct aggregate *g, enum strategy s)
{
	if (g->n == 0)
		return NAN;
	switch (s) {
	case STRATEGY_MIN:
		return g->min;
	case STRATEGY_MAX:
		return g->max;
	case STRATEGY_LATEST:
		return g->latest;
	}
	return NAN;
}

double objective_cost(const struct objective *o, double value)
{
	if (!isfinite(value))
		return NAN;
	/* 0 - x, not -x: no minus zero. */
	return o->direction == DIRECTION_MINIMIZE ? value : 0 - value;
}

bool objective_goal_reached(const struct objective *o, double value)
{
	return o->has_goal && objective_cost(o, value) <= objective_cost(o, o->goal);
}

bool objective_better(const struct objective *o, double a, double b)
{
	double cost = objective_cost(o, a), other = objective_cost(o, b);
	return !isnan(cost) && (isnan(other) || cost < other);
}

static bool rankable(const double *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (!isfinite(v[i]))
			return false;
	}
	return true;
}

bool objectives_dominate(const struct objective *o, size_t n, const double *a, const double *b)
{
	if (!rankable(a, n))
		return false;
	if (!rankable(b, n))
		return true;
	bool somewhere = false;
	for (size_t i = 0; i < n; i++) {
		double cost = objective_cost(&o[i], a[i]), other = objective_cost(&o[i], b[i]);
		if (cost > other)
			return false;
		somewhere = somewhere || cost < other;
	}
	return somewhere;
}

size_t objectives_front(const struct objective *o, size_t n, const double *rows, size_t n_rows, bool *front)
{
	size_t count = 0;
	for (size_t i = 0; i < n_rows; i++) {
		front[i] = rankable(rows + i * n, n);
		/* Only the front so far can matter: whoever was dominated is dominated by one of it. */
		for (size_t j = 0; j < i && front[i]; j++)
			front[i] = !front[j] || !objectives_dominate(o, n, rows + j * n, rows + i * n);
		for (size_t j = 0; j < i && front[i]; j++) {
			if (front[j] && objectives_dominate(o, n, rows + i * n, rows + j * n)) {
				front[j] = false;
				count--;
			}
		}
		count += front[i];
	}
	return count;
}
