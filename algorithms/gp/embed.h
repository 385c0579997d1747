/*
 * A search space as the columns of a Gaussian process, and back.
 *
 * One column per parameter that takes more than one value. A number becomes its place in the unit
 * cube (space.h: the declared distribution, half a step of margin on grids). A discrete list becomes
 * places by value where its gaps are even on a linear or logarithmic scale (coefficient of variation
 * below 1/2), otherwise by rank. A category becomes its index, to be compared by equality alone.
 *
 * What is inactive lies at 0.5, or has the category EMBED_INACTIVE: a map of the input, so every
 * kernel stays positive definite on conditional spaces; the parent's column tells the branches apart.
 *
 * Immutable once built; borrows the space.
 */
#pragma once
#include <stdint.h>

#include "algorithms/space.h"

#define EMBED_INACTIVE (-1.0)

struct embed_column {
	uint32_t param;
	uint64_t levels;        /* SPACE_INFINITE: continuous                                          */
	bool category;
	double *places;         /* discrete list: of each level, ascending in (0, 1); otherwise NULL   */
};

struct embed {
	const struct space *space;
	uint32_t n_columns;     /* of a row                                                            */
	uint32_t n_own;         /* the first ones, that are parameters: all but the resource's         */
	struct embed_column *columns;
	uint32_t *column_of;    /* by parameter: its column, or EMBED_NONE if it has one value only    */
	uint32_t n_active;      /* columns that are active at the same time, at most; at least 1       */
};
#define EMBED_NONE UINT32_MAX

struct embed *embed_new(const struct space *s);         /* NULL: no memory                         */
/* With one more column, the last: how much of a trial was run, 1 where nothing else is said. */
struct embed *embed_new_graded(const struct space *s);
void embed_free(struct embed *e);                       /* NULL is allowed                         */

/* Of a natural value, NaN if inactive. */
double embed_place(const struct embed *e, uint32_t column, double value);
void embed_row(const struct embed *e, const double *x, double *row);
/* The natural value nearest to a place of a numeric column. */
double embed_value(const struct embed *e, uint32_t column, double place);
