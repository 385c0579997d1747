/*
 * The trials as the estimators see them: one row of floats each, on the axes of the space.
 *
 * A row depends on its trial alone, so what has been read stays when more trials have ended; rows of
 * trials that have not ended are appended for one call. It belongs to one thread.
 */
#pragma once
#include "algorithms/algorithm.h"
#include "algorithms/seen.h"
#include "algorithms/tpe/parzen.h"

struct rows {
	const struct space *space;          /* borrowed                                            */
	uint32_t d;
	struct parzen_axis *axes;           /* d                                                   */
	float *edges;                       /* those of the axes                                   */
	float *x;                           /* [n][d]; NaN where the parameter is inactive         */
	size_t cap_x;
	uint32_t *numbers;                  /* [n_ended]: of the trials                            */
	size_t cap_numbers;
	uint32_t n, n_ended;                /* the ended ones come first                           */
	uint64_t *patterns;                 /* [d]: in which of the ended trials it was active     */
	struct seen seen;                   /* configurations of the ended ones                    */
};

/* NULL: no memory. */
struct rows *rows_new(const struct space *space);
void rows_free(struct rows *r);         /* NULL is allowed                                     */

/* Makes the rows those of the ended trials of h, which mostly are there already. */
bool rows_read(struct rows *r, const struct algo_history *h);
/* Appends the row of a trial that has not ended. */
bool rows_add(struct rows *r, const double *x);

static inline const float *rows_at(const struct rows *r, uint32_t i)
{
	return r->x + (size_t)i * r->d;
}
/* The natural value of a value on axis j. */
double rows_value(const struct rows *r, uint32_t j, float value);
