/*
 * The rungs of asha (Li et al., A system for massively parallel hyperparameter tuning, 2020), stopping
 * variant: with which cost each trial came to each rung of its bracket, sorted.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "algorithms/algorithm.h"

struct rung_entry {
	double cost;                /* infinite for a value that is NaN                            */
	uint32_t number;
};

struct rung {
	struct rung_entry *entries; /* by cost, then number                                        */
	size_t n, capacity;
	size_t n_out;               /* of trials that came to no higher one and do not run any more */
};

struct stop_rungs {
	struct algo_rungs plan;     /* n is 0 without rungs                                        */
	struct rung *rungs;         /* brackets x plan.n                                           */
};

/* plan may be NULL. False: no memory. */
bool rungs_init(struct stop_rungs *r, const struct algo_rungs *plan);
void rungs_free(struct stop_rungs *r);
/* The first rung of a bracket; trials of unknown brackets meet those of bracket 0. */
uint32_t rungs_first(const struct stop_rungs *r, int32_t bracket);
struct rung *rungs_at(const struct stop_rungs *r, int32_t bracket, uint32_t k);
/* Room for one more in each rung of the bracket. False: no memory. */
bool rungs_reserve(struct stop_rungs *r, int32_t bracket);
void rung_add(struct rung *r, struct rung_entry e);
void rung_remove(struct rung *r, struct rung_entry e);
/* The quantile with linear interpolation between the entries; there is at least one. */
double rung_quantile(const struct rung *r, double share);
size_t rungs_memory(const struct stop_rungs *r);
