/*
 * Projected L-BFGS: minimises a smooth function of a few to a few hundred variables inside a box.
 *
 * Directions come from the two-loop recursion (Nocedal and Wright, Algorithm 7.4) over the last ten
 * pairs, restricted to the variables that are free: one at a bound whose gradient points outward is
 * held there for the iteration. Steps are cut back until the projected point satisfies Armijo's
 * condition; pairs without positive curvature are skipped.
 *
 * The machine does not call the function: it names a point and is told the value, so a caller may
 * run many machines in step and evaluate all their points in one block:
 *
 *     lbfgs_begin(l, start, low, high, &stop);
 *     while ((x = lbfgs_next(l)))
 *             lbfgs_tell(l, f(x, gradient), gradient);
 *     best = lbfgs_best(l, &value);
 *
 * A value that is NaN or infinite rejects the point; the step is then cut. The machine belongs to one
 * thread; it keeps pointers to low and high until the next begin and copies everything else.
 */
#pragma once
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lbfgs;

struct lbfgs_stop {
	uint32_t iterations;        /* accepted steps                                              */
	uint32_t evaluations;       /* of function and gradient, with the first                    */
	double gradient;            /* largest component of the projected gradient                 */
	double decrease;            /* of the value in one step, relative to max(|f|, 1)           */
	double drop;                /* the same, absolute                                          */
	double first_step;          /* length of the first step; 0: 1                              */
};

struct lbfgs *lbfgs_new(uint32_t n);                    /* NULL: no memory                     */
void lbfgs_free(struct lbfgs *l);                       /* NULL is allowed                     */
/* Starts over from x0, projected into low <= x <= high (n each; low == high holds a variable). */
void lbfgs_begin(struct lbfgs *l, const double *x0, const double *low, const double *high,
	const struct lbfgs_stop *stop);
/* The point to evaluate, valid until the next call of lbfgs_tell(); NULL: finished. */
const double *lbfgs_next(const struct lbfgs *l);
void lbfgs_tell(struct lbfgs *l, double f, const double *gradient);
/* The best point told so far and its value (infinite: none was finite, then it is the start). */
const double *lbfgs_best(const struct lbfgs *l, double *f);
uint32_t lbfgs_evaluations(const struct lbfgs *l);

/* The loop above for one function; the best point replaces *x. Stops early when *cancel is set
 * (NULL is allowed). Returns the best value. */
typedef double lbfgs_function(void *ctx, const double *x, double *gradient);
double lbfgs_minimize(struct lbfgs *l, double *x, const double *low, const double *high,
	const struct lbfgs_stop *stop, lbfgs_function *f, void *ctx, const atomic_bool *cancel);
