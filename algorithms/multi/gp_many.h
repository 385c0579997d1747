/*
 * Bayesian optimisation of several objectives, and under constraints, for the algorithm "gp".
 *
 * One objective: ln of the expected improvement on the best feasible trial. Two: ln of the expected
 * hypervolume improvement (ehvi.h) on the feasible front. More: for each trial another weighted
 * Chebyshev sum of all of them is modelled and improved (ParEGO: Knowles 2006). Constraints, and
 * failures, have models of their own, whose ln probabilities of keeping to them are added (Schonlau
 * et al. 1998; Gelbart et al. 2014); while nothing is feasible only these count. What is pending is
 * believed to give its mean (Ginsbourger et al. 2010).
 *
 * A struct gp_many is a memo: what is suggested depends on the history alone. It borrows the space.
 */
#pragma once
#include "algorithms/algorithm.h"

struct gp_many_options {
	bool warped, noiseless;     /* objectives: half-rank transform; no noise                   */
	uint32_t starts;            /* points from which a maximum is searched                     */
};

struct gp_many;

/* NULL: no memory. */
struct gp_many *gp_many_new(const struct algo_problem *p, const struct gp_many_options *o);
void gp_many_free(struct gp_many *g);                   /* NULL is allowed                     */

/* The first n_initial trials are points of a Sobol sequence. */
enum algo_outcome gp_many_suggest(struct gp_many *g, const struct algo_problem *p,
	const struct algo_history *h, struct algo_request *r, uint32_t n_initial);
