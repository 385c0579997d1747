/*
 * Running PostgreSQL's programs: as an unprivileged user when we are root (PostgreSQL refuses root), in
 * a session of their own so that a terminal's Ctrl-C reaches us only.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "lib/err.h"

struct process_user {
	bool drop;              /* we are root and become this user */
	uid_t uid;
	gid_t gid;
};

/* The user for files below `dir` (NULL: none yet): its owner, or "postgres", or "nobody". */
bool process_user(struct process_user *u, const char *dir, struct err *e) MUSTCHECK;
/* Can that user enter `dir`, with every folder above it? */
bool process_can_enter(const struct process_user *u, const char *dir);

/* Starts argv[0] with stdout and stderr appended to the file `log`. -1 on failure. */
pid_t process_start(const struct process_user *u, const char *const *argv, const char *log, struct err *e);
/* Runs it to its end; both outputs into out (NUL-terminated, cut). False unless it exits with 0. */
bool process_run(const struct process_user *u, const char *const *argv, char *out, size_t size, struct err *e) MUSTCHECK;
