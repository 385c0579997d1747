/*
 * Any search algorithm as the source of a scheduler's fresh configurations. It sees the history at one
 * level (view.h) and a space in which the parameter that carries the resource is fixed; a share of the
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

/* Fills out[0..n): fresh configurations with the resource's parameter at its largest value. How many came
 * is in *n_out; of the suggestions only x is written. ALGO_OK, ALGO_EXHAUSTED, ALGO_WAIT or a failure. */
enum algo_outcome sampler_suggest(struct sampler *s, const struct algo_problem *p, const struct algo_history *h,
	struct algo_suggestion *out, uint32_t n, uint32_t *n_out, const atomic_bool *cancel);
