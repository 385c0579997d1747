/*
 * What earlier experiments say of the objective: a Gaussian process of each, fitted once.
 *
 * Values of a source are made fit for a model like the search's own: larger is better, transformed,
 * unit scale. Of a source with more than STACK_ROWS results a third are the best ones, the others drawn at
 * random, so that it also knows where not to go. The search takes means alone from these models (trend.h), which
 * cost O(rows x columns) a point.
 *
 * The stack of Golovin et al. 2017 (Google Vizier, section 3.3) and of Vizier's transfer_learning.py, with
 * the sources beside each other in place of one upon the other, so that one that misleads can be left out.
 *
 * Belongs to its creator; borrows the embedding. Once fitted it does not change.
 */
#pragma once
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "algorithms/algorithm.h"
#include "algorithms/gp/embed.h"
#include "algorithms/gp/surrogate.h"

enum {
	STACK_MODELS = 8,           /* the first sources that say enough                               */
	STACK_ROWS = 75,            /* of a source                                                     */
	STACK_LEAST = 5,            /* results, for a source to have a model                           */
};

struct stack;

/* Does any of the problem's sources have results enough? */
bool stack_possible(const struct algo_problem *p);

struct stack *stack_new(const struct embed *e, const struct surrogate_options *o);  /* NULL: no memory */
void stack_free(struct stack *s);                       /* NULL is allowed                         */
/*
 * Fits the first objective of the sources; nothing to do if that is done. ALGO_OK, ALGO_NO_MEMORY,
 * ALGO_CANCELLED or ALGO_DEFECT; what was fitted until then is kept.
 */
enum algo_outcome stack_fit(struct stack *s, const struct algo_problem *p, const atomic_bool *cancel);

uint32_t stack_models(const struct stack *s);           /* fitted                                  */
uint32_t stack_columns(const struct stack *s);          /* of a row                                */
/* A model, and what gp_forward_mean() weighs its rows by. */
const struct gp *stack_model(const struct stack *s, uint32_t k, const double **weights);
/* mean[n x models] at n rows. ALGO_OK or ALGO_NO_MEMORY. */
enum algo_outcome stack_means(const struct stack *s, const double *rows, uint32_t n, double *mean);
