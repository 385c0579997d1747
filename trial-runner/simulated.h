/*
 * Trials that only exist in time: for tests, and for benchmarks of ten thousand trials.
 *
 * The command names a function (simulated_functions.h), its arguments, and settings as key=value:
 *
 *     ["branin", "${x}", "${y}", "steps=20", "seconds=0.5..2", "fail=0.1", "lose=0.05", "noise=0.1"]
 *
 *     metric=loss     the name it reports; an argument that is no number counts by its letters
 *     steps=1         points it reports, along a learning curve that ends at the function's value
 *     seconds=1       how long it takes, or a range to draw from
 *     noise=0         standard deviation of what is added to every point
 *     nan=0 fail=0 lose=0     the chance that the last point is NaN, that it ends with exit code 1
 *                             on its way, that it is lost on its way
 *
 * What happens is decided by the seed and the run's key alone. Time is clk_now_us(): a virtual clock
 * makes it instant. Simulated runs die with the server: adopt() says LOST. They have no logs.
 */
#pragma once
#include "trial-runner/backend.h"

struct simulated_options {
	uint64_t seed;
	int32_t slots;                  /* trials at once; 0 = no bound */
	int64_t start_us;               /* from start() to STARTED      */
	double fail, lose;              /* for orders that say nothing  */
};

struct run_backend *simulated_new(struct loop *l, const struct simulated_options *o, run_event_fn *fn, void *ctx);
