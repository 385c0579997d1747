/*
 * Where to begin when results are there already: at the distribution of the best tenth of earlier
 * trials, widened by a tenth of every range. Source: Nomura et al. 2021, WS-CMA-ES (arXiv 2012.06932).
 */
#pragma once
#include "algorithms/algorithm.h"
#include "algorithms/cmaes/choices.h"
#include "algorithms/cmaes/cma.h"
#include "algorithms/cmaes/latent.h"

/* Takes the sources of the problem or, if these have too few good trials, the trials `before`, and tells
 * if it took the latter. With too few of both, nothing is changed. `c` may be NULL. False: no memory. */
bool warm_start(const struct algo_problem *p, const struct latent *l, const struct algo_trial *before,
	uint32_t n, struct cma *c, struct choices *choices, bool *took_before);
