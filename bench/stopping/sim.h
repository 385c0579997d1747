/*
 * A search whose trials report as they train, on simulated workers with a simulated clock.
 *
 * Whenever a worker is free the algorithm is asked for a trial; it reports step by step, when the
 * problem says that the step is over, and the stopper judges each report at once. A report that is NaN is
 * the end of its trial, which has failed. The search ends when the workers have trained for `budget`
 * full trials, or after `trials` have ended. Everything follows from the plan: times are simulated,
 * asking and judging take none.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "algorithms/algorithm.h"
#include "algorithms/stopping/stopper.h"
#include "bench/search/problem.h"

enum { SIM_TRIALS_MAX = 5000, SIM_WORKERS_MAX = 64, SIM_GRID = 30 };

struct sim_plan {
	const struct problems *all;
	uint32_t problem;
	const struct algorithm *algorithm;
	const struct algo_value *settings;
	const struct stop_use *uses;
	uint32_t n_uses;
	double least;               /* resource that the algorithm is told, NaN: its default; 0: no fidelity */
	uint64_t seed;
	uint32_t workers;
	double budget;              /* training time in mean full trials, all workers together; 0: none */
	uint32_t trials;            /* 0: no limit                                                 */
};

struct sim_result {
	double regret[SIM_GRID];    /* of the best value reported, after 1 .. SIM_GRID parts of the budget */
	double best;                /* value reported                                              */
	double trained;             /* seconds of all trials together                              */
	uint32_t n_trials, n_stopped, n_whole, n_reports;
};

/* Mean seconds of a full trial, over the middle of a Sobol sequence; the unit of budgets. */
double sim_full_seconds(const struct problems *all, uint32_t problem);
/* False, with a line on stderr, if the algorithm refuses or fails. */
bool sim_run(const struct sim_plan *plan, struct sim_result *out);
