/*
 * The resources that a scheduler grants, in ascending order: its levels. The last is that of a full
 * trial.
 *
 * Two ways to build it: down from the largest, R eta^-k >= min (Hyperband, Li et al. 2018), or up from
 * the smallest, min eta^k < R and then R (ASHA, Li et al. 2020). Logarithms are never floored: a level
 * counts when it is within a billionth of the bound, so that R = 243, eta = 3 has six levels.
 *
 * A level is a value that can be given to a trial: without a parameter a whole number where R is one, with
 * one the largest value of the parameter that is not above the level. Levels that fall together are one.
 */
#pragma once
#include "algorithms/algorithm.h"

struct ladder {
	double at[ALGO_RUNGS_MAX];
	uint32_t n;                 /* >= 1                                                        */
	double eta;
	int param;                  /* that carries the resource, or -1                            */
};

enum ladder_kind { LADDER_DOWN, LADDER_UP };

/* The problem's fidelity must have passed ladder_check(). */
void ladder_build(struct ladder *l, enum ladder_kind kind, const struct algorithm *a, const struct algo_problem *p);
/* Everything that would keep a from having levels on this problem; true if there is nothing. */
bool ladder_check(
	const struct algorithm *a, const struct algo_problem *p, algo_report *report, void *ctx);

/* The level with this resource, or -1. */
int ladder_level(const struct ladder *l, double resource);
/* The resource that a trial had: what it was granted, else what the parameter in x says, else in full. NaN:
 * x is not of this space. */
double ladder_resource(const struct ladder *l, const struct space *s, const struct algo_trial *t);
/* Writes the level's resource to x, if a parameter carries it. */
void ladder_set(const struct ladder *l, const struct space *s, uint32_t level, double *x);
