#include "server/store/pgbinaries.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/attr.h"
#include "server/store/process.h"

struct search {
	int wanted; /* 0 = the newest */
	int newest_seen;
	struct pgbinaries best;
};

static bool executable(const char *dir, const char *name)
{
	char path[PATH_MAX + 16];
	snprintf(path, sizeof path, "%s/%s", dir, name);
	return access(path, X_OK) == 0;
}

/* "postgres (PostgreSQL) 15.20 (Debian ...)" -> 15; 0 if it does not say */
static int version_of(const char *dir)
{
	char path[PATH_MAX + 16], out[256];
	struct err ignored;
	struct process_user self = {.drop = false};
	snprintf(path, sizeof path, "%s/postgres", dir);
	const char *argv[] = {path, "--version", NULL};
	if (!process_run(&self, argv, out, sizeof out, &ignored))
		return 0;
	const char *number = strchr(out, ')');
	return number ? (int)strtol(number + 1, NULL, 10) : 0;
}

static void consider(struct search *s, const char *dir)
{
	if (!executable(dir, "postgres") || !executable(dir, "initdb") || strlen(dir) >= sizeof s->best.dir)
		return;
	int major = version_of(dir);
	if (major > s->newest_seen)
		s->newest_seen = major;
	int least = s->wanted ? s->wanted : PG_VERSION_MIN, most = s->wanted ? s->wanted : INT_MAX;
	if (major >= least && major <= most && major > s->best.major) {
		memcpy(s->best.dir, dir, strlen(dir) + 1);
		s->best.major = major;
	}
}

static void consider_glob(struct search *s, const char *pattern)
{
	glob_t g;
	if (glob(pattern, 0, NULL, &g) != 0)
		return;
	for (size_t i = 0; i < g.gl_pathc; i++)
		consider(s, g.gl_pathv[i]);
	globfree(&g);
}

/* Every folder of PATH that has postgres, and the one that pg_config there names. */
static void consider_path(struct search *s)
{
	const char *p = getenv("PATH");
	for (size_t n; p && *p; p += n + (p[n] == ':')) {
		char dir[PATH_MAX], config[PATH_MAX + 16], out[PATH_MAX];
		struct err ignored;
		struct process_user self = {.drop = false};
		n = strcspn(p, ":");
		if (n == 0 || n >= sizeof dir)
			continue;
		memcpy(dir, p, n);
		dir[n] = '\0';
		consider(s, dir);
		if (!executable(dir, "pg_config"))
			continue;
		snprintf(config, sizeof config, "%s/pg_config", dir);
		const char *argv[] = {config, "--bindir", NULL};
		if (process_run(&self, argv, out, sizeof out, &ignored)) {
			out[strcspn(out, "\n")] = '\0';
			consider(s, out);
		}
	}
}

bool pgbinaries_find(struct pgbinaries *b, const char *bindir, int major, struct err *e)
{
	static const char *const places[] = {
	    "/usr/lib/postgresql/*/bin",
	    "/usr/pgsql-*/bin",
	    "/usr/local/pgsql/bin",
	    "/opt/homebrew/opt/postgresql@*/bin",
	};
	struct search s = {.wanted = major};
	if (bindir) {
		consider(&s, bindir);
	} else {
		for (size_t i = 0; i < ARRAY_LEN(places); i++)
			consider_glob(&s, places[i]);
		if (s.best.major == 0)
			consider_path(&s);
	}
	*b = s.best;
	if (b->major > 0)
		return true;
	if (major > 0 && s.newest_seen > 0) {
		return err_set(e, ERR_UNAVAILABLE,
		    "the data were written by PostgreSQL %d, but %d is what is installed: install postgresql-%d, "
		    "or carry the data over with pg_upgrade",
		    major, s.newest_seen, major);
	}
	if (s.newest_seen > 0) {
		return err_set(e, ERR_UNAVAILABLE,
		    "PostgreSQL %d is too old: install %d or newer, or give --database", s.newest_seen,
		    PG_VERSION_MIN);
	}
	return err_set(e, ERR_UNAVAILABLE,
	    "no PostgreSQL found%s%s: install it (apt install postgresql), or give --database",
	    bindir ? " in " : "", bindir ? bindir : "");
}
