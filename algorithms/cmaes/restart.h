/*
 * When a run of CMA-ES is over and how the next one begins: with twice the population (IPOP, Auger and
 * Hansen 2005), or in turns with large populations and small local ones (BIPOP, Hansen 2009).
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "algorithms/cmaes/cma.h"

enum restart_strategy { RESTART_NONE = 0, RESTART_IPOP, RESTART_BIPOP };

struct restart {
	enum restart_strategy strategy;
	uint32_t lambda0;
	double sigma0;
	uint32_t run, large;             /* runs ended so far; of these, how many made the population grow */
	bool frozen;                     /* RESTART_NONE: converged, to be left as it is                */
	bool small;                      /* the present run is one of BIPOP's small ones                */
	double spent_small, spent_large; /* trials                                          */
	/* The present run. */
	uint32_t lambda;
	double sigma;
	uint32_t window, n;   /* generations that are looked back at; seen in this run       */
	double *best, *worst; /* by generation modulo window                                 */
};

bool restart_init(struct restart *r, enum restart_strategy strategy, uint32_t d, uint32_t lambda,
	double sigma); /* false: no memory                                            */
void restart_free(struct restart *r);
/* After every generation, with its best and worst value (not finite: there was none). True: the run is
 * over. */
bool restart_due(struct restart *r, const struct cma *c, double best, double worst);
/* Sets run, lambda and sigma of the next one. */
void restart_next(struct restart *r, uint64_t seed);
