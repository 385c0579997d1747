/*
 * The launcher: this program executed once more, with a clean environment and one socket, that forks a
 * supervisor per run and deletes folders. It is small and has one thread, so a fork costs it little
 * and may do anything; it ends when the server does, and the supervisors stay.
 */
#pragma once
#include <stdbool.h>
#include <sys/types.h>

#include "lib/attr.h"
#include "lib/err.h"

struct loop;
struct launcher;

/* The answer to launcher_run(), in the order of the calls: a pidfd that is now the callee's, or -1 and a
 * sentence. A launcher that dies is replaced and the unanswered calls are repeated. */
typedef void launcher_fn(void *ctx, int pidfd, const char *failure);

struct launcher *launcher_new(struct loop *l, const char *program, launcher_fn *fn, void *ctx, struct err *e) MUSTCHECK;
void launcher_free(struct launcher *l);
void launcher_run(struct launcher *l, const char *folder);
void launcher_remove(struct launcher *l, const char *folder);   /* deletes it and all below it */

/* The launcher's own side: serves the socket until the server closes it. */
int launcher_main(int socket);
