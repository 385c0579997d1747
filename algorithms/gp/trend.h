/*
 * What a search expects of a point because of earlier experiments: a weighted sum of their models' means,
 * above which the search's own Gaussian process explains what remains:
 *     y = c + sum_k w_k m_k(x) + f(x) + noise,   f a Gaussian process, m_k from stack.h.
 *
 * The weights are the most probable ones under the hyperparameters of f and a normal prior, and not negative:
 * generalised least squares (Rasmussen and Williams 2006, section 2.7). That asks whether a source foretells
 * what the search's own trials do not tell of each other, and stretches one in another unit. A source that
 * does not put the search's trials in their order better than chance (more pairs rightly than wrongly) has no
 * weight, whatever a regression makes of it; ranks are what Feurer et al. 2018 (arXiv 1802.02219) trust, too.
 *
 * With growing experience all weights fade: whole up to as many trials as a design would have, nothing from
 * three times as many on. By then the search knows its own problem better, and what is fine in a source is
 * wrong in detail.
 *
 * Uncertainty is f's own, conditioned on the weights.
 *
 * Belongs to its creator; borrows the stack, which must be fitted before the first trend_follow().
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "algorithms/algorithm.h"
#include "algorithms/gp/model.h"
#include "algorithms/gp/stack.h"

struct trend;

/* `active`: columns that vary together. NULL: no memory. */
struct trend *trend_new(const struct stack *s, uint32_t active);
void trend_free(struct trend *t);                       /* NULL is allowed                         */

/* ---- learning ---------------------------------------------------------------------------------- */

/* The rows will be others. */
void trend_forget(struct trend *t);
/* Gets to know n rows, of which it knows the first ones already; once all has faded, it has no weights any more
 * and looks at none. ALGO_OK or ALGO_NO_MEMORY. */
enum algo_outcome trend_follow(struct trend *t, const double *rows, uint32_t n);
/* The weights of the sources that are believed after n observations, before they are weighed. */
void trend_start(struct trend *t, const double *targets, uint32_t n);
/* Weighs anew after n observations: `g` holds members[gp_rows()] of them, targets[n] are with the trend.
 * ALGO_OK or ALGO_NO_MEMORY. */
enum algo_outcome trend_weigh(struct trend *t, const struct gp *g, const double *targets,
	const uint32_t *members, uint32_t n);
/* At the i-th of the rows that trend_follow() knows. */
double trend_at(const struct trend *t, uint32_t i);

/* ---- asking ------------------------------------------------------------------------------------ */

bool trend_matters(const struct trend *t);              /* some weight is not 0                    */
const double *trend_weights(const struct trend *t);     /* stack_models() of them                  */
uint32_t trend_rows(const struct trend *t);             /* of all models that weigh something      */

struct trend_work;

/* For blocks of up to `points`, until the weights change. NULL: no memory. */
struct trend_work *trend_work_new(const struct trend *t, uint32_t points);
void trend_work_free(struct trend_work *w);             /* NULL is allowed                         */
/* value[b] at the rows points[b x columns]. ALGO_OK or ALGO_NO_MEMORY. */
enum algo_outcome trend_forward(const struct trend *t, struct trend_work *w, const double *points, uint32_t b,
	double *value);
/* For the block that trend_forward() just took, once: adds to gradient[b x columns] what follows from
 * d_value[b]. */
void trend_backward(const struct trend *t, struct trend_work *w, const double *d_value, double *gradient);
