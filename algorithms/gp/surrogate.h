/*
 * The Gaussian process of one quantity as a function of a growing history.
 *
 * Hyperparameters are fitted at fixed numbers of observations: at every one up to 30, then each
 * time there are 5 % more (100 more at most). A fit uses the observations up to then and starts from the
 * fit before, from 50 on with a few steps; every fourth one, then every eighth, starts anew, so that what a
 * model is depends on a short chain and can be rebuilt quickly. Between fits observations are appended. The
 * transform of the values is made anew at every update. So the model depends on the observations alone,
 * whether it grew with them or was rebuilt; that is what makes it fit to be kept in a cache.
 *
 * Half-ranks keep a lucky value at the top and tell little of how bad the bad half is, which costs most
 * where values are noisy: each fit that starts anew finds out, and may take another transform.
 *
 * Beyond `rows_max` observations the model is local: at each fit it takes the best third of
 * `rows_local`, the third nearest to the best, and others at random.
 *
 * With a stack of earlier experiments the model is of what remains above their trend (trend.h). Targets
 * are with the trend, the model is without it.
 *
 * Belongs to its creator; borrows the embedding and the stack.
 */
#pragma once
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "algorithms/algorithm.h"
#include "algorithms/gp/embed.h"
#include "algorithms/gp/model.h"
#include "algorithms/gp/warp.h"

struct stack;
struct trend;

struct surrogate_options {
	enum gp_prior_set prior;
	enum warp warp;
	enum warp noisy;            /* instead, where the first leaves much noise; the same: never     */
	bool noiseless;             /* the same configuration always gives the same value              */
	uint32_t rows_max, rows_local;
	uint64_t seed;
	const struct stack *stack;  /* of earlier experiments, fitted before the first update; NULL:
								 * none                                                        */
};

struct surrogate;

struct surrogate *surrogate_new(const struct embed *e, const struct surrogate_options *o);
void surrogate_free(struct surrogate *s);               /* NULL is allowed                         */

/*
 * Brings the model to these n >= 1 observations: rows[n x columns], values[n] (larger is better; not
 * NaN). Usually the ones it had and some more; if others, it starts over. ALGO_OK, ALGO_NO_MEMORY,
 * ALGO_CANCELLED or ALGO_DEFECT; after a failure the next update starts over.
 */
enum algo_outcome surrogate_update(struct surrogate *s, const double *rows, const double *values,
	uint32_t n, const atomic_bool *cancel);

/*
 * After an update: these n observations, of which it has the first ones, until the next update. The others are
 * not there to stay, and teach it no hyperparameters. ALGO_OK, ALGO_NO_MEMORY or ALGO_DEFECT. Not with a stack.
 */
enum algo_outcome surrogate_extend(struct surrogate *s, const double *rows, const double *values, uint32_t n);

/* After a successful update, until the next. */
const struct gp *surrogate_model(const struct surrogate *s);
/* What is to be added to the model's mean; NULL: nothing. */
const struct trend *surrogate_trend(const struct surrogate *s);
/* The transformed values of all n observations, and which of them are rows of the model. */
const double *surrogate_targets(const struct surrogate *s);
const uint32_t *surrogate_members(const struct surrogate *s);   /* gp_rows() of them           */
