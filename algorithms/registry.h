/*
 * The table of all search algorithms. registry.c is the only place that knows them by name.
 */
#pragma once
#include <stddef.h>

#include "algorithms/algorithm.h"

/* What a document without an algorithm gets. */
#define ALGORITHM_DEFAULT "auto"

extern const struct algorithm *const algorithms[];      /* NULL-ended, in the order to list them */
extern const size_t n_algorithms;

const struct algorithm *algorithm_find(const char *name);       /* or alias; NULL: unknown       */

/* One file each. */
extern const struct algorithm algorithm_auto;
extern const struct algorithm algorithm_gp;
extern const struct algorithm algorithm_random;
extern const struct algorithm algorithm_grid;
extern const struct algorithm algorithm_sobol;
extern const struct algorithm algorithm_cmaes;
extern const struct algorithm algorithm_pbt;
extern const struct algorithm algorithm_tpe;
extern const struct algorithm algorithm_nsga2;
extern const struct algorithm algorithm_hyperband, algorithm_successive_halving, algorithm_bohb;
extern const struct algorithm algorithm_asha, algorithm_pasha;
