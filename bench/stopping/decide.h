/* What judging a report costs, with many trials behind. */
#pragma once
#include <stdbool.h>

/* Each rule, and rungs, with 10,000 trials of 100 reports on 16 workers: prints a table of the processor
 * time of stopper_report() and the memory, and the same as lines of JSON. False: no memory. */
bool decide_print(void);
