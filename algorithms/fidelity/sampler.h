/*
 * Any search algorithm as the source of a scheduler's fresh configurations. It sees the history as
 * view.h says and a space in which the parameter that carries the resource is fixed; a share of the
 * configurations can be drawn at random all the same.
 *
 * A sampler is a cache: what it suggests is a function of the problem and the history. It notices when the
 * view is not the last one with more at its end, and lets its algorithms begin anew then.
 */
#pragma once
#include "algorithms/algorithm.h"
#include "algorithms/fidelity/ladder.h"

struct sampler;

extern const char *const sampler_names[];       /* NULL-ended: choices of a setting             */

struct sampler_options {
	int choice;                 /* index into sampler_names                                    */
	const char *settings;       /* "name=value, name=value" of that algorithm, or NULL         */
	double random_share;        /* 0 to 1                                                      */
};

struct sampler *sampler_new(const struct algo_problem *p, const struct ladder *l, const struct sampler_options *o);
void sampler_free(struct sampler *s);
/* Everything that keeps the algorithm from this problem, reported under the setting's name; true if there
 * is nothing. */
bool sampler_check(const struct algo_problem *p, const struct ladder *l, const struct sampler_options *o,
	algo_report *report, void *ctx);

/* One suggestion of a request: a fresh configuration, or one that goes on, which the sampler is told of. */
struct sampler_item {
	double *x;                          /* fresh: where it is written                              */
	const struct algo_trial *parent;    /* else: whose it is                                       */
	uint32_t level, number;             /* and to which level it goes, as which trial              */
};

/* Fills in the fresh ones among the n items, with the resource's parameter at its largest value. How many
 * came, in order, is in *n_fresh. ALGO_OK, ALGO_EXHAUSTED, ALGO_WAIT or a failure. */
enum algo_outcome sampler_suggest(struct sampler *s, const struct algo_problem *p, const struct algo_history *h,
	const struct sampler_item *items, uint32_t n, uint32_t *n_fresh, const atomic_bool *cancel);
