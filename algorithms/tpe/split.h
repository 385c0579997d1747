/*
 * Which of the ended trials are good ones: the models learn them apart from the others.
 *
 * Order: succeeded trials by value; then stopped ones, those that came further first, by value; then
 * those that break constraints, by how much. Trials that failed or have no finite value are never
 * good; abandoned ones count neither way.
 *
 * The kth of n good ones weighs 1 - (k - 1) / (n + 1): there is more to find near the best of them.
 *
 * With several objectives the order within a class is that of the nondominated fronts, and of the
 * front that fits only in part those are good that dominate most together (Ozaki et al. 2020). All
 * weigh the same.
 */
#pragma once
#include "algorithms/algorithm.h"

enum split_side { SPLIT_NONE = 0, SPLIT_GOOD, SPLIT_BAD };

struct rank;

struct split {
	uint8_t *sides;             /* [n_ended]: enum split_side                                  */
	float *weights;             /* [n_ended]: of the good ones, 1 for the best; others 0       */
	struct rank *ranks;         /* [n_useful]; NULL with several objectives: no one order      */
	uint32_t n_useful;          /* trials with a result                                        */
	uint32_t n_good;
	double gamma;               /* as given                                                    */
};

/* gamma: good are ceil(gamma sqrt(n)) of n trials; NaN: ceil(n / 10); never more than 25, with several
 * objectives 100. False: no memory. */
bool split_make(struct split *s, const struct algo_problem *p, const struct algo_history *h, double gamma);
/*
 * The split for parameters that only some of the n ended trials had. Good among these are those of
 * `all`, and at least as many of the best as if there were no other trials: what depends on a choice
 * is learned in every branch, however far behind the best one it is. With several objectives only
 * those of `all` are good. False: no memory.
 */
bool split_within(const struct split *all, const bool *had, uint32_t n, struct split *out);
void split_free(struct split *s);       /* of one that was {0} or made                         */
