/*
 * A program and all that it forks, as seen by its supervisor. The supervisor is the subreaper of
 * its descendants: a child that outlives its parent, even one in a session of its own, becomes the
 * supervisor's and is found.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/attr.h"
#include "lib/err.h"

struct process_start {
	const char *const *argv, *const *env;   /* NULL-ended; argv[0] is looked up in the env's PATH */
	const char *cwd;
	int output;                     /* becomes stdout and stderr; stdin is /dev/null */
};

/* Starts it in a process group of its own and returns its pid once it runs, or -1 with a sentence that
 * names the command and what to do. It dies with its supervisor. */
pid_t process_start(const struct process_start *p, struct err *e) MUSTCHECK;

/* Signals the group and every descendant of this process outside of it. */
void process_signal_all(pid_t group, int signo);

/* Bytes that the descendants of this process hold alone: resident, not shared, not files. */
int64_t process_memory(void);

/* Kills every process of this machine that was started with "NAME=value" in its environment: what
 * is left of a run whose supervisor was killed. Returns how many. */
size_t process_kill_marked(const char *marker);
