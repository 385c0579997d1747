/*
 * What a trial says to a scheduler that compares it with others of the same level.
 */
#pragma once
#include "algorithms/algorithm.h"
#include "algorithms/fidelity/ladder.h"

enum standing {
	STANDING_OPEN,      /* not over yet                                                        */
	STANDING_RESULT,    /* came to the end of its level with a finite value                    */
	STANDING_BAD,       /* failed, stopped early, or without a value: it counts and never goes on */
	STANDING_VOID,      /* killed or lost: as if it had not been                               */
};

/* Results in the order from best to worst: what breaks constraints less, then the better value, then the
 * trial that is older. */
struct merit {
	double violation, cost;
	uint32_t number;
};

enum standing standing_of(const struct algo_problem *p, const struct algo_trial *t, struct merit *out);
int merit_compare(const struct merit *a, const struct merit *b);

/* The value of the first objective that the trial had at a level: its result, or the report with which it
 * came there on the way. NaN: it did not come there, or that is not known. */
double standing_value_at(
	const struct algo_problem *p, const struct ladder *l, const struct algo_trial *t, uint32_t level);
