/*
 * Trials that only exist in time: for tests, and for benchmarks of ten thousand trials.
 *
 * The command names a function and its arguments, and settings as key=value:
 *
 *     ["branin", "${x}", "${y}", "steps=20", "seconds=0.5..2", "fail=0.1", "lose=0.05", "noise=0.1"]
 *
 * A trial reports its metric (see simulated_functions.h) along a learning curve that ends at the
 * function's value. What happens is decided by the options' seed and the run's key alone. Time is
 * clk_now_us(): a virtual clock makes it instant. Simulated runs die with the server: adopt() says LOST.
 */
#pragma once
#include "trial-runner/backend.h"

struct simulated_options {
	uint64_t seed;
	int32_t slots;                  /* trials at once; 0 = no bound */
	int64_t start_us;               /* from start() to STARTED      */
	double fail, lose;              /* chance of a run, unless its order says */
};

struct run_backend *simulated_new(struct loop *l, const struct simulated_options *o, run_event_fn *fn, void *ctx);
