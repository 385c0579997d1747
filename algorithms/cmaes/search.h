/*
 * A CMA-ES search as a function of the history: which trial belongs to which generation, when runs
 * begin and end, and what the next samples are.
 *
 * A suggested trial carries its generation with it (algo_trial.bracket is the run, rung the generation
 * from 1), and its place is drawn from the stream of its number, so that the place, which the
 * rounded configuration does not show, is drawn again when its result arrives. A generation is over
 * when lambda results are there, in the order in which they came. Counted among them are
 * late ones of earlier generations of the run and users' trials, as points that were not sampled
 * here; abandoned trials and those of earlier runs are passed over. Failed trials are the worst.
 *
 * Trials without a generation that ended before the first one that has one, such as another
 * algorithm's, and the trials of earlier experiments tell where to begin (warm start).
 *
 * Belongs to one thread at a time; learns only ever more of one history.
 */
#pragma once
#include "algorithms/algorithm.h"
#include "algorithms/cmaes/restart.h"
#include "algorithms/seen.h"

struct search;

struct search_options {
	enum restart_strategy restart;
	double sigma;       /* the first standard deviation, as a share of every range     */
	uint32_t lambda;    /* 0: by the number of parameters                              */
	bool adapt;         /* learning rates that adapt to noise                          */
	uint32_t n_startup; /* trials of a Sobol sequence first                            */
};

struct search *search_new(const struct algo_problem *p, const struct search_options *o); /* NULL: no memory */
void search_free(struct search *s);
/* Takes in what ended since the last call. ALGO_OK, ALGO_CANCELLED or ALGO_NO_MEMORY; after a failure
 * the search must be freed. */
enum algo_outcome search_learn(
	struct search *s, const struct algo_problem *p, const struct algo_history *h, const atomic_bool *cancel);
/* A configuration for trial `number` that has not been seen, and its marks. False: no memory. */
bool search_sample(struct search *s, const struct seen *seen, uint32_t number, double *x);
void search_mark(const struct search *s, struct algo_suggestion *out, uint32_t number);
