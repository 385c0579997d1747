/*
 * The maximum of an acquisition function over a mixed, conditional space: found, not sampled.
 *
 * A small finite space is looked at completely. Otherwise scrambled Sobol points and sprays around
 * the best known configurations are screened in blocks; the best of them and some others are
 * improved by turns: projected L-BFGS on what is continuous (and on long grids, as if they were),
 * all of them in step so that each step is one block; then one column after the other on what is
 * discrete, every level of short lists and categories, neighbours on long grids. Where a level switches
 * children on, they come from the best known configuration of that branch and from fresh draws.
 * (Optuna's optim_mixed and BoTorch's optimize_acqf_mixed_alternating, put together.)
 */
#pragma once
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "algorithms/algorithm.h"
#include "algorithms/gp/acquisition.h"
#include "algorithms/gp/branches.h"
#include "algorithms/gp/embed.h"
#include "algorithms/seen.h"

struct maximize {
	const struct embed *embed;
	struct acquisition *acquisition;
	const struct seen *seen;        /* what must not be chosen again                               */
	const double *scale;            /* [columns]: how far the function is about linear, > 0        */
	const double *low, *high;       /* [columns]: box of the numeric ones; NULL: all of [0, 1]     */
	const double *incumbents;       /* [n_incumbents x d] natural values, the best one first       */
	uint32_t n_incumbents;
	const struct branch *branch;    /* to stay in; NULL: all of the space                          */
	uint32_t candidates;            /* to screen                                                   */
	uint32_t starts;                /* to improve; 0: the best candidate as it is                  */
	uint64_t scan_max;              /* configurations of a finite space to look at completely      */
	uint64_t seed;
	const atomic_bool *cancel;      /* may be NULL                                                 */
};

/*
 * The best configuration that was met and not seen, in natural values, and its value. ALGO_OK,
 * ALGO_NO_MEMORY, ALGO_CANCELLED, or ALGO_EXHAUSTED: all that was met in the
 * branch had been seen.
 */
enum algo_outcome maximize(const struct maximize *task, double *x, double *value);
