#include "trial-runner/ending.h"

#include <assert.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "lib/arena.h"
#include "lib/num.h"

static const char *with_last_line(const struct ending *end, const char *text, struct arena *a)
{
	return *end->last_line ? arena_printf(a, "%s; the last line it printed: %s", text, end->last_line) : text;
}

static void explain_memory(const struct ending *end, struct run_status *st, struct arena *a)
{
	const double mib = 1 << 20;

	st->oom = true;
	st->reason = "OutOfMemory";
	st->message = arena_printf(a, "was killed because it used %.0f MiB of memory, more than its limit of %.0f MiB",
		(double)end->memory_used / mib, (double)end->memory_limit / mib);
}

static void explain_signal(const struct ending *end, struct run_status *st, struct arena *a)
{
	st->oom = st->signal == SIGKILL && !end->killed && end->oom_killer;
	st->reason = st->oom ? "OutOfMemory" : "Killed";
	st->message = st->oom
		? "was killed because the machine ran out of memory: lower what it needs or how many run at once"
		: with_last_line(end, arena_printf(a, "was killed by signal %d (%s)", st->signal, strsignal(st->signal)), a);
}

static void explain_exit(const struct ending *end, struct run_status *st, struct arena *a)
{
	st->reason = st->exit_code == 0 ? "Completed" : "Error";
	st->message = arena_printf(a, "ended with exit code %d", st->exit_code);
	if (st->exit_code != 0)
		st->message = with_last_line(end, st->message, a);
}

static void explain_program(const struct ending *end, struct run_status *st, struct arena *a)
{
	st->exit_code = WIFEXITED(end->wait_status) ? WEXITSTATUS(end->wait_status) : -1;
	st->signal = WIFSIGNALED(end->wait_status) ? WTERMSIG(end->wait_status) : 0;
	if (st->signal)
		explain_signal(end, st, a);
	else
		explain_exit(end, st, a);
}

/* The outer cause, where there is one, comes before the way in which the program went. */
void ending_explain(const struct ending *end, struct run_status *st, struct arena *a)
{
	char limit[NUM_MAX];

	assert(end->last_line && st->started);
	assert(!st->stopped || st->stop_reason);
	explain_program(end, st, a);
	if (end->memory_used) {
		explain_memory(end, st, a);
	} else if (st->timed_out) {
		num_format_duration(limit, end->timeout_us);
		st->reason = "Timeout";
		st->message = with_last_line(end, arena_printf(a, "ran longer than its timeout of %s", limit), a);
	} else if (st->stopped) {
		st->reason = st->stop_reason;
		st->message = arena_printf(a, "was stopped (%s) and %s", st->stop_reason, st->message);
	} else if (st->ended_by_system) {
		st->reason = "SystemShutdown";
		st->message = "was ended from outside, probably because the machine shut down";
	}
	if (end->left_over)
		st->message = arena_printf(a, "%s; some of its processes cannot be killed", st->message);
	if (end->disk_full)
		st->message = arena_printf(a, "%s; its log is not complete: the disk was full", st->message);
}
