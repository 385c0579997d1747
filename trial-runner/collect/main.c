/*
 *     trimtab-collect install FILE                     copies itself there: the init container does this
 *     trimtab-collect run --file=PATH [--json] [--pattern=RE]... -- PROGRAM [ARGUMENT]...
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/arena.h"
#include "lib/err.h"
#include "lib/file.h"
#include "lib/mem.h"
#include "trial-runner/collect/collect.h"

enum { WRONG = 2, SELF_MAX = 256 << 20 };

static int usage(void)
{
	fputs("usage: trimtab-collect install FILE\n"
		  "       trimtab-collect run --file=PATH [--json] [--pattern=RE]... -- PROGRAM [ARGUMENT]...\n",
		stderr);
	return WRONG;
}

static int install(const char *path)
{
	struct arena *a = arena_new();
	struct err e;
	size_t n;
	const char *self = file_read("/proc/self/exe", SELF_MAX, a, &n, &e);
	const bool ok = self && file_write(path, self, n, 0555, &e);

	if (!ok)
		fprintf(stderr, "trimtab-collect: %s\n", e.detail);
	arena_free(a);
	return ok ? 0 : 1;
}

static int run(int argc, char **argv)
{
	static const struct option options[] = {
		{"file", required_argument, NULL, 'f'},
		{"json", no_argument, NULL, 'j'},
		{"pattern", required_argument, NULL, 'p'},
		{NULL, 0, NULL, 0},
	};
	const char **patterns = xcalloc((size_t)argc + 1, sizeof *patterns);
	struct run_metrics m = {.collector = RUN_COLLECT_FILE};
	size_t n = 0;
	int option, code;

	while ((option = getopt_long(argc, argv, "+", options, NULL)) != -1) {
		if (option == 'f')
			m.path = optarg;
		else if (option == 'j')
			m.json_lines = true;
		else if (option == 'p')
			patterns[n++] = optarg;
		else
			m.path = "";
	}
	m.patterns = n > 0 ? patterns : NULL;
	code = m.path && *m.path && optind < argc ? collect_run(&m, (const char *const *)argv + optind) : usage();
	free(patterns);
	return code;
}

int main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "install") == 0)
		return install(argv[2]);
	if (argc > 2 && strcmp(argv[1], "run") == 0)
		return run(argc - 1, argv + 1);
	return usage();
}
