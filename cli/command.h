/*
 * One command a file: a const struct with its names, its options and its function, listed in
 * commands.c. The struct also yields --help, the man page, the reference and the completions.
 *
 * A command is a plain HTTP client of the API. It returns its exit code; what went wrong goes through
 * cli_fail(), which prints one sentence (and every problem of a document) to stderr and maps the
 * kind of error to the code. Memory lives in cli->arena until the process ends.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "cli/client.h"
#include "lib/err.h"
#include "lib/options.h"

struct arena;
struct strbuf;

enum exit_code {
	EXIT_DONE = 0,
	EXIT_OTHER = 1,
	EXIT_USAGE = 2,             /* wrong usage, invalid document                                */
	EXIT_NO_RESULT = 3,         /* the experiment failed, was stopped, or has no successful trial */
	EXIT_NOT_ALLOWED = 4,
	EXIT_NOT_FOUND = 5,
	EXIT_CONFLICT = 6,          /* exists with another spec, wrong state                        */
	EXIT_UNREACHABLE = 7,       /* the one code that is worth a retry                           */
	EXIT_TIMEOUT = 124,
	EXIT_INTERRUPTED = 130,
	EXIT_TERMINATED = 143,
};

/* What a command was called with. */
struct cli {
	struct arena *arena;
	const struct command *command;
	struct options options;             /* args, and what followed "--"     */
	const void *values;                 /* the command's own struct         */
	struct client *client;              /* NULL for commands that are local */
};

struct example { const char *line, *text; };

struct command {
	const char *name;
	const char *args;                   /* "NAME [TRIAL]"; NULL: none                       */
	const char *summary;                /* one phrase, no full stop                         */
	const char *about;                  /* sentences; NULL: the summary says it all         */
	const struct option_def *options;   /* NULL: none                                       */
	size_t values_size;
	int min_args, max_args;             /* max_args < 0: any number                         */
	bool takes_command;                 /* words may follow "--"                            */
	bool local;                         /* needs no server                                  */
	bool hidden;
	const char *complete;               /* what its arguments are: "experiments", "trials"  */
	const struct example *examples;     /* ended by {NULL, NULL}                            */
	int (*run)(struct cli *c);
	/* Before parsing; lets `run` take flags that are parameters. */
	void (*prepare)(struct cli *c, void *values);
};

extern const struct command *const commands[];          /* NULL-ended, in order of the help */
const struct command *command_find(const char *name);
/* "did you mean" for a command that does not exist, or NULL. */
const char *command_near(const char *name);

/* Flags that every command with a server has. */
extern const struct option_def connection_options[];

/* Parses argv (without the command's name) and runs it: the exit code. */
int command_run(const struct command *command, int argc, char *const *argv);

/* Prints the error and returns its exit code. */
int cli_fail(const struct cli *c, const struct err *e);
/* Prints "trimtab NAME: ..." with a pointer to --help; EXIT_USAGE. */
int cli_usage(const struct cli *c, const char *fmt, ...) PRINTF(2, 3);
enum exit_code exit_of(enum err_code code);

/* help.c */
void command_help(const struct command *command, struct strbuf *out, unsigned width);
void commands_help(struct strbuf *out);
unsigned terminal_width(void);          /* of stdout; 80 where it is none */
