/*
 * The points of one trial by step, of which no more than a given number is kept.
 *
 * What is kept is a function of the set of points: all of them while they are few enough, else the last
 * one in each bucket [k w, (k + 1) w) of the least power of two w with which the buckets are few enough.
 * A step that comes again replaces its value, if it was kept.
 *
 * With every point goes what the rules ask for about it and those before it. Costs are values where less
 * is better: negated when the objective is maximised.
 */
#pragma once
#include <math.h>
#include <stdbool.h>
#include <stdint.h>

#include "algorithms/algorithm.h"

/* Of a point and all before it. */
struct stop_prefix {
	double best;                /* least cost that is not NaN, or NaN                          */
	double sum;                 /* of the costs that are not NaN, added in the order of steps  */
	uint32_t counted;           /* how many those are                                          */
};

struct stop_points {
	struct algo_point *at;
	struct stop_prefix *prefix;
	uint32_t n, capacity;
	int width;                  /* w = 2^width; POINTS_ALL: every point is kept                */
};

enum { POINTS_ALL = -1000, POINTS_STEP_LOG2 = 900 };

enum points_change { POINT_PASSED_OVER, POINT_REPLACED, POINT_NEW };

/* A value that is infinitely good is none. */
static inline double stop_cost(enum algo_direction direction, double value)
{
	double cost = (direction == ALGO_MAXIMIZE ? -value : value) + 0.0; /* never -0 */

	return cost == -INFINITY ? NAN : cost;
}

void points_free(struct stop_points *p);
/* Room for one more. False: no memory. */
bool points_reserve(struct stop_points *p);
/* There is room; max >= 2. *index is where the point is now, unless it was passed over. */
enum points_change points_put(struct stop_points *p, enum algo_direction direction, uint32_t max,
	struct algo_point point, uint32_t *index);
/* Keeps no more than max from now on. Whether any was dropped. */
bool points_thin(struct stop_points *p, enum algo_direction direction, uint32_t max);
/* How many have a step of at most this one. */
uint32_t points_until(const struct stop_points *p, double step);
