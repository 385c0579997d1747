/* The order of results, best first. CMA-ES looks at nothing else of a value. */
#pragma once
#include <math.h>
#include <stdint.h>

#include "algorithms/algorithm.h"

enum rank_class {
	RANK_GOOD = 0, /* succeeded with a finite value                               */
	RANK_STOPPED,  /* judged hopeless on the way                                  */
	RANK_FAILED,   /* no value to compare                                         */
};

struct rank {
	enum rank_class class;
	double value;     /* to be minimised; infinite unless good or stopped            */
	uint32_t arrival; /* the earlier goes first among equals                         */
};

static inline struct rank rank_of(const struct algo_trial *t, enum algo_direction direction, uint32_t arrival)
{
	double value = t->values ? t->values[0] : NAN;
	struct rank r = {.class = RANK_FAILED, .value = HUGE_VAL, .arrival = arrival};

	if (!isfinite(value) || (t->status != ALGO_SUCCEEDED && t->status != ALGO_STOPPED))
		return r;
	r.class = t->status == ALGO_SUCCEEDED ? RANK_GOOD : RANK_STOPPED;
	r.value = direction == ALGO_MAXIMIZE ? -value : value;
	return r;
}

static inline int rank_compare(const struct rank *a, const struct rank *b)
{
	if (a->class != b->class)
		return a->class < b->class ? -1 : 1;
	if (a->value != b->value)
		return a->value < b->value ? -1 : 1;
	return (a->arrival > b->arrival) - (a->arrival < b->arrival);
}
