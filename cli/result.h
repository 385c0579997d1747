/* What came out: the last lines of `run` and `watch`, and the files that a pipeline's next step reads. */
#pragma once
#include "cli/command.h"
#include "cli/follow.h"

/* Where to write which part; each may be NULL. */
struct result_files {
	const char *out_dir;            /* best_parameters.json, best_value, best_trial, experiment, report.html, return.json */
	const char *params, *value, *trial, *experiment, *report;
};

void result_print(struct cli *c, const cJSON *experiment, enum follow_form form);
/* Written whatever the result (then `{}` and empty), without a newline at the end, parents made. */
bool result_write(struct cli *c, const struct result_files *files, const char *name, const cJSON *experiment,
	struct err *e) MUSTCHECK;
