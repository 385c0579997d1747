/*
 * One number of every trial that ran to its end, at one step, sorted: what medians and percentiles are
 * taken of.
 *
 * Columns are a memo. They are built when first asked for, or ahead, kept up to date as trials end, and the one
 * that was not asked for the longest is dropped where there are too many. Steps are rounded up to one of
 * 64 in each octave (whole numbers up to 128 are exact), so trials that report at steps of their own
 * share columns.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum column_kind {
	COLUMN_MEAN,                /* mean cost of the points up to the step                      */
	COLUMN_VALUE,               /* cost at the last point up to the step                       */
	COLUMN_FIRST,               /* mean cost of the first so many points: the "step"           */
};
enum { COLUMN_KINDS = 3 };

struct stop_trial;
struct stopper;

struct column {
	enum column_kind kind;
	double at;
	double *costs;              /* ascending, without NaN                                      */
	size_t n, capacity;
	double mean;                /* of the costs, NaN: to be computed                           */
	uint64_t asked;             /* when last                                                   */
};

struct columns {
	struct column *list;        /* by kind, then at                                            */
	size_t n, capacity;
	uint64_t clock;
};

void columns_free(struct columns *c);
/* Would one more drive out another? */
bool columns_full(const struct columns *c, uint32_t n_whole);
void columns_clear(struct columns *c);
/* The column, built if need be. Valid until the next call. NULL: no memory. */
struct column *columns_ask(struct stopper *s, enum column_kind kind, double step);
/* Of the column's costs; NaN if it is empty. The quantile is that with linear interpolation. */
double column_mean(struct column *column);
double column_quantile(const struct column *column, double share);
/* Room for one more trial in every column. False: no memory. */
bool columns_reserve(struct columns *c);
/* A trial that ran to its end comes in or, with the same points, goes out. */
void columns_add(struct stopper *s, const struct stop_trial *t);
void columns_remove(struct stopper *s, const struct stop_trial *t);
size_t columns_memory(const struct columns *c);
