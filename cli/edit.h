/* The budget's flags and the merge patch that they make: edit and restart. */
#pragma once
#include "cli/command.h"

struct budget_values {
	int64_t max_trials, parallel, max_failed, max_duration_us;
	struct option_list labels;          /* edit only */
	const char *output;                 /* edit only */
};

#define BUDGET_OPTIONS(T)                                                                                          \
	OPT_INT(T, max_trials, "max-trials", 0, NULL, NULL, 1, 1000000, "Trials in all"),                              \
		OPT_INT(T, parallel, "parallel", 0, NULL, NULL, 1, 10000, "Trials at the same time"),                      \
		OPT_INT(T, max_failed, "max-failed", 0, NULL, NULL, 0, 1000000, "Failed trials that end the experiment"),  \
		OPT_DURATION(T, max_duration_us, "max-duration", 0, NULL, NULL, 1, 31536000, "Time for the whole experiment")

bool budget_given(const struct cli *c);
/* {"budget": {"maxTrials": 80}} of the flags given. */
const char *budget_body(const struct cli *c, const struct budget_values *v);
/* PATCHes the experiment; *answer (or NULL) is the document afterwards. */
bool budget_patch(struct cli *c, const char *name, const struct budget_values *v, const cJSON **answer, struct err *e)
	MUSTCHECK;
