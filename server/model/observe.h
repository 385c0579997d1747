/*
 * What a trial measured, judged: names of metrics, one value out of many points, which trial is
 * better. NaN, infinities and missing values are kept as they are and are never the best.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/model/spec.h"

enum { METRIC_NAME_MAX = 250 };

/* [A-Za-z0-9_./-]{1,250} */
bool metric_name_valid(const char *name, size_t n);

/* Folds points into one value. min and max ignore NaN; all NaN = NaN; no point = `n` 0. */
struct aggregate {
	size_t n;
	double min, max, latest;
	int64_t latest_step;
};
void aggregate_add(struct aggregate *g, int64_t step, double value);
double aggregate_value(const struct aggregate *g, enum strategy s);     /* NaN without points */

/* The value as a cost, smaller is better; NaN for whatever cannot be ranked. */
double objective_cost(const struct objective *o, double value);
bool objective_goal_reached(const struct objective *o, double value);
/* Is `a` strictly better than `b`? Anything finite beats what is not; NaN beats nothing. */
bool objective_better(const struct objective *o, double a, double b);
/* Does `a` dominate `b`: nowhere worse and somewhere better? Vectors of n values in the order of the
 * objectives. A vector with a value that cannot be ranked dominates nothing. */
bool objectives_dominate(const struct objective *o, size_t n, const double *a, const double *b);
/* Marks the vectors (rows of n values) that no other dominates; returns how many. */
size_t objectives_front(const struct objective *o, size_t n, const double *rows, size_t n_rows, bool *front);
