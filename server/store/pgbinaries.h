/* Finding an installed PostgreSQL. */
#pragma once
#include <limits.h>
#include <stdbool.h>

#include "lib/err.h"

enum { PG_VERSION_MIN = 15 };

struct pgbinaries {
	char dir[PATH_MAX];     /* holds postgres and initdb */
	int major;
};

/* The one of this major version, or the newest (major 0). bindir NULL: looks where distributions put
 * it, where pg_config says, and in PATH. */
bool pgbinaries_find(struct pgbinaries *b, const char *bindir, int major, struct err *e) MUSTCHECK;
