/* Processor time of a suggestion on ten mixed parameters, after 50 to 10,000 trials. */
#pragma once
#include "bench/search/study.h"

/* Prints a table and, as the last lines, JSON: {"who":"trimtab-gp","speed":"mixed-10","n":200,
 * "first":9.1,"p50":1.2,"p95":2.0,"mean":1.3,"calls":40,"mb":3.1}. `first` is the first suggestion of a process that
 * knows nothing yet; the calls that follow are sequential, each told before the next. `mb` is the
 * memory that they took at their peak, beyond the problem and the history. */
bool timing_print(const struct problems *all, const struct algorithm *a, const char *const *settings,
	uint32_t n_settings);
