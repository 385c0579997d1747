/*
 * What a trial says to methods with several objectives: finite values to be minimised, and by how
 * much it breaks constraints.
 */
#pragma once
#include "algorithms/algorithm.h"

/* Writes n_objectives values, signs turned for what is maximised. False: no result that could be good
 * (not ended well, or a value that is missing or infinite). */
bool outcome_values(const struct algo_problem *p, const struct algo_trial *t, double *y);
/* Sum of the broken constraints: 0 is feasible; infinite if one is NaN; 0 if none are known. */
double outcome_violation(const struct algo_problem *p, const struct algo_trial *t);
