/*
 * Running PostgreSQL's programs, as an unprivileged user where we are root. For embedded.c only.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "lib/attr.h"
#include "lib/err.h"

/* Whom to run as. */
struct embedded_user {
	bool change;            /* we are root: become uid, gid */
	uid_t uid;
	gid_t gid;
	const char *name;
};

/* Ourselves, or for root "postgres" or, without it, "nobody". */
struct embedded_user embedded_user_find(void);

/* Runs a program to its end. False unless it exits with 0: the detail is `what` and the last line
 * that it wrote to stderr. */
bool embedded_run(const char *const *argv, const struct embedded_user *user, const char *what,
	struct err *e) MUSTCHECK;

/* Starts a program in its own session with stdout and stderr appended to `log`; it gets SIGINT when
 * this process dies. Returns its pid, or -1. */
pid_t embedded_spawn(const char *const *argv, const struct embedded_user *user, const char *log,
	struct err *e) MUSTCHECK;

/* Can `user` enter this folder? */
bool embedded_may_enter(const char *folder, const struct embedded_user *user);

/* The last line of text that is not empty, for messages; NUL-terminated in place. */
const char *embedded_last_line(char *text);
