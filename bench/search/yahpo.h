/* What is known about the surrogate networks. */
#pragma once
#include <stdbool.h>

/* The best value of a task, "lcbench-3945"; NaN: no such task. */
double yahpo_best(const char *task);
/* Best value and least cost together: the point from which their hypervolume is counted, and the hypervolume of
 * the best front known. Either may be NULL. False: not known of this task. */
bool yahpo_front(const char *task, double reference[2], double *volume);
