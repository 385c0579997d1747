#include "server/store/embedded_find.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/arena.h"

int embedded_data_version(const char *dir)
{
	char path[4096];
	int major = 0;
	FILE *f;

	snprintf(path, sizeof path, "%s/PG_VERSION", dir);
	f = fopen(path, "re");
	if (!f)
		return 0;
	if (fgets(path, sizeof path, f))
		major = (int)strtol(path, NULL, 10);
	fclose(f);
	return major;
}

static bool has_programs(const char *bindir, struct arena *a)
{
	return access(arena_printf(a, "%s/postgres", bindir), X_OK) == 0 &&
	       access(arena_printf(a, "%s/initdb", bindir), X_OK) == 0;
}

/* "postgres (PostgreSQL) 15.8": asked of the program itself, wherever it is. */
static int version_of(const char *bindir, struct arena *a)
{
	const char *command = arena_printf(a, "'%s/postgres' --version 2>/dev/null", bindir);
	char line[128] = "", *number;
	FILE *p;

	if (strchr(bindir, '\'') || !has_programs(bindir, a) || !(p = popen(command, "re")))
		return 0;
	if (!fgets(line, sizeof line, p))
		line[0] = 0;
	pclose(p);
	number = strstr(line, "(PostgreSQL) ");
	return number ? (int)strtol(number + strlen("(PostgreSQL) "), NULL, 10) : 0;
}

struct search {
	int wanted; /* 0 = the newest */
	int best;
	const char *bindir;
	struct arena *arena;
};

static void consider(struct search *s, const char *bindir)
{
	const int major = version_of(bindir, s->arena);

	if (major < EMBEDDED_OLDEST || major <= s->best || (s->wanted && major != s->wanted))
		return;
	s->best = major;
	s->bindir = arena_strdup(s->arena, bindir);
}

static void consider_glob(struct search *s, const char *pattern)
{
	glob_t found;

	if (glob(pattern, 0, NULL, &found) != 0)
		return;
	for (size_t i = 0; i < found.gl_pathc; i++)
		consider(s, found.gl_pathv[i]);
	globfree(&found);
}

/* The real folder of a link like /usr/local/bin/postgres: its libraries are beside that. */
static void consider_path(struct search *s)
{
	const char *path = getenv("PATH");
	char *list = arena_strdup(s->arena, path ? path : ""), *save = NULL;

	for (char *dir = strtok_r(list, ":", &save); dir; dir = strtok_r(NULL, ":", &save)) {
		char *real = realpath(arena_printf(s->arena, "%s/postgres", dir), NULL);
		char *slash = real ? strrchr(real, '/') : NULL;
		if (slash) {
			*slash = 0;
			consider(s, real);
		}
		free(real);
	}
}

const char *embedded_find(const char *given, int major, const char *dir, struct arena *a, struct err *e)
{
	struct search s = {.wanted = major, .arena = a};

	if (given) {
		consider(&s, given);
	} else {
		consider_glob(&s, "/usr/lib/postgresql/*/bin");
		consider_glob(&s, "/usr/pgsql-*/bin");
		consider_path(&s);
	}
	if (s.bindir)
		return s.bindir;
	if (major)
		err_set(e, ERR_UNAVAILABLE,
			"the data in %s belong to PostgreSQL %d, which is not installed here (install "
			"postgresql-%d, or choose another --data-dir)",
			dir, major, major);
	else
		err_set(e, ERR_UNAVAILABLE,
			"no PostgreSQL of version %d or newer is installed%s%s; install the package "
			"'postgresql', or name a database with --database",
			EMBEDDED_OLDEST, given ? " in " : "", given ? given : "");
	return NULL;
}
