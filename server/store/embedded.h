/*
 * The private PostgreSQL of a server that was given none: a cluster in the user's data folder that
 * listens on a unix socket only, and is started and stopped with the server.
 *
 * Blocking (start up to some seconds): used before the loop runs and after it ended. One server at a
 * time: a lock file held by flock() says whose it is. A cluster that still runs because its server was
 * killed is taken over as it is. Started as root, everything runs as an unprivileged user.
 */
#pragma once
#include <stdbool.h>

#include "lib/err.h"

struct embedded;

struct embedded_config {
	const char *dir;        /* NULL = $XDG_DATA_HOME/trimtab/postgres or ~/.local/share/…      */
	const char *bindir;     /* NULL = look for initdb and postgres                            */
	bool no_fsync;          /* tests only                                                     */
};

/* NULL and one clear sentence: no PostgreSQL found, folder of another major version or owner, disk
 * full, another server uses it. */
struct embedded *embedded_start(const struct embedded_config *config, struct err *e) MUSTCHECK;
const char *embedded_conninfo(const struct embedded *p);        /* borrowed */
const char *embedded_dir(const struct embedded *p);
int embedded_pid(const struct embedded *p);                     /* of the postmaster */
/* Starts PostgreSQL again if it has died under us, without waiting for it: connections come back by
 * themselves. Call about once a second. True if it had died. */
bool embedded_revive(struct embedded *p);
/* Stops PostgreSQL (fast, then immediate after 10 s), releases the lock. */
void embedded_stop(struct embedded *p);
