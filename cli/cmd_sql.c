/* trimtab sql: psql on the schema that is made for people. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"
#include "lib/arena.h"
#include "lib/file.h"

enum { PID_FILE_MAX = 4096, PID_FILE_SOCKET_LINE = 5, PSQL_ARGS_MAX = 64 };

struct sql_values {
	const char *database, *data_dir, *query;
};

static const struct option_def sql_options[] = {
	OPT_STRING(struct sql_values, database, "database", 'd', "URL", NULL,
		"Database of the server; without it, the private one of a server on this machine",
		.env = "TRIMTAB_DATABASE_URL", .secret = true),
	OPT_PATH(struct sql_values, data_dir, "data-dir", 0, "FOLDER", NULL,
		"Where the private database keeps its data", .env = "TRIMTAB_DATA_DIR"),
	OPT_STRING(struct sql_values, query, "command", 'c', "QUERY", NULL, "Run this and exit"),
	OPT_END,
};

/* PostgreSQL writes the folder of its socket into the fifth line of this file. */
static const char *socket_of(struct arena *a, const char *folder)
{
	size_t n;
	char *text = file_read(file_join(a, folder, "postmaster.pid"), PID_FILE_MAX, a, &n, NULL);

	for (int line = 1; text && line < PID_FILE_SOCKET_LINE; line++) {
		text = strchr(text, '\n');
		text += text ? 1 : 0;
	}
	return text && *text == '/' ? arena_strndup(a, text, strcspn(text, "\n")) : NULL;
}

/* A server that was started as root keeps its data where its unprivileged user can. */
static const char *private_database(struct arena *a, const struct sql_values *v)
{
	const char *folders[] = {
		v->data_dir, file_join(a, file_home(FILE_HOME_DATA, a), "postgres"), "/var/lib/trimtab/postgres"};

	for (size_t i = 0; i < ARRAY_LEN(folders); i++) {
		const char *host = folders[i] ? socket_of(a, folders[i]) : NULL;

		if (host)
			return arena_printf(a, "host='%s' user=trimtab dbname=trimtab", host);
	}
	return NULL;
}

static int sql_run(struct cli *c)
{
	const struct sql_values *v = c->values;
	const char *database = v->database ? v->database : private_database(c->arena, v);
	const char *argv[PSQL_ARGS_MAX] = {
		"psql", "-X", "-v", "ON_ERROR_STOP=1", "-P", "null=-", "-q", "-d", database};
	size_t n = 9;

	if (!database) {
		fputs(
			"trimtab: no private database runs on this machine: start `trimtab serve`, or give --database\n",
			stderr);
		return EXIT_UNREACHABLE;
	}
	if (v->query) {
		argv[n++] = "-c";
		argv[n++] = v->query;
	}
	for (size_t i = 0; i < c->options.n_command && n < PSQL_ARGS_MAX - 1; i++)
		argv[n++] = c->options.command[i];
	setenv("PGOPTIONS", "-c search_path=trimtab,public", 1);
	execvp("psql", (char *const *)(uintptr_t)argv);
	fputs("trimtab: psql is not installed (Debian: postgresql-client)\n", stderr);
	return EXIT_OTHER;
}

static const struct example sql_examples[] = {
	{"trimtab sql -c \"SELECT trial, value, params FROM leaderboard WHERE experiment = 'digits' LIMIT 5\"",
		"The best five"},
	{"trimtab sql -- --csv -c 'SELECT * FROM experiments'", "What follows -- is for psql"},
	{NULL, NULL},
};

const struct command cmd_sql = {
	.name = "sql",
	.summary = "Query experiments, trials and metrics with psql",
	.about = "Opens psql with the schema trimtab in front: experiments, trials, leaderboard, metrics, "
             "best_so_far, "
			 "pareto_front, compare(a, b) and more; \\d+ describes each.",
	.options = sql_options,
	.values_size = sizeof(struct sql_values),
	.takes_command = true,
	.local = true,
	.examples = sql_examples,
	.run = sql_run,
};
