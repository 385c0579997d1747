/* How a run ended, in one word and one sentence. Pure: facts in, reason and message out. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "trial-runner/rundir.h"

struct arena;

struct ending {
	int wait_status;                /* of the program, as waitpid() gives it            */
	bool killed;                    /* SIGKILL was ours                                 */
	bool oom_killer;                /* the kernel's has struck on this machine meanwhile */
	int64_t memory_used, memory_limit;      /* memory_used 0 = was never seen above the limit */
	int64_t timeout_us;             /* of the order                                     */
	const char *last_line;          /* that it printed, or ""                           */
	bool left_over;                 /* some of its processes cannot be killed           */
	bool disk_full;                 /* its log is not complete                          */
};

/* Fills exit_code, signal, oom, reason and message; started, stopped, timed_out and ended_by_system
 * are there already. Messages are sentences without their subject, which is the trial. In the arena. */
void ending_explain(const struct ending *end, struct run_status *status, struct arena *a);
