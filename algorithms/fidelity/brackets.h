/*
 * Successive halving in brackets (Jamieson and Talwalkar 2016; Li et al., Hyperband, JMLR 2018).
 *
 * A bracket that begins s levels below the top takes n fresh configurations through s + 1 rungs: of rung i,
 * which has floor(n eta^-i) members, the best go on to rung i + 1. Hyperband's n is ceil((s_max + 1) /
 * (s + 1) eta^s), and s goes from s_max down to 0, over and over.
 *
 * Any number of trials may run at once. A member goes on as soon as the results that are missing cannot
 * keep it from being among the best; what waits makes room for the next bracket. So the members of a rung do
 * not depend on the order in which trials end. Failed members count as the worst, killed ones are made up
 * for: at the first rung by a fresh configuration, then by the next best. Ties go to the older one.
 *
 * With a budget the brackets go on until it is used up. The last one is made smaller, or begun at a
 * higher level, so that its best can still come to the top. Without one there is one pass.
 *
 * All of that is read off the trials: a member carries its bracket (0, 1, ...) and rung, and its resource
 * says where the bracket began.
 */
#pragma once
#include "algorithms/algorithm.h"
#include "algorithms/fidelity/ladder.h"
#include "algorithms/fidelity/schedule.h"

struct brackets;

struct brackets_options {
	bool single;                /* every bracket begins at the lowest level                    */
	double n;                   /* its fresh configurations; NaN: the formula                  */
};

/* Reads the history. NULL: no memory. */
struct brackets *brackets_new(const struct algo_problem *p, const struct ladder *l,
	const struct brackets_options *o, const struct algo_history *h);
void brackets_free(struct brackets *b);
enum verdict brackets_next(struct brackets *b, bool fresh, struct grant *out);

/* Members of rung i of a whole bracket that begins s levels below the top. */
uint32_t brackets_members(const struct ladder *l, const struct brackets_options *o, uint32_t s, uint32_t i);
/* Trials of one pass. */
uint64_t brackets_trials(const struct ladder *l, const struct brackets_options *o);
