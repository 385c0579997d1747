/* What will become of a simulated run, drawn from the seed and its key when it starts. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "lib/attr.h"
#include "trial-runner/simulated.h"

enum { SIMULATED_METRIC_MAX = 64 };

struct simulated_plan {
	char metric[SIMULATED_METRIC_MAX];
	int64_t duration_us;
	int64_t steps;
	int64_t fail_at, lose_at;       /* the step before which it does; -1 = never */
	double value, gap, noise;       /* final value, what the first point lies above it */
	bool nan;
	uint64_t random;                /* of the noise */
};

/* False with a sentence when the command makes no sense. */
bool simulated_plan_make(struct simulated_plan *p, const struct simulated_options *options,
	const struct run_order *o, struct err *e) MUSTCHECK;
/* The point of step 0 … steps - 1. */
double simulated_plan_value(const struct simulated_plan *p, int64_t step);
