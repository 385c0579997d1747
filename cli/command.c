/* What every command has in common: flags of the connection, parsing, help, errors, exit codes. */
#include "cli/command.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "lib/arena.h"
#include "lib/problems.h"
#include "lib/strbuf.h"

enum { TEXT_MAX = 1 << 20, WIDTH_MAX = 100 };

const struct option_def connection_options[] = {
	OPT_STRING(struct connection_values, server, "server", 0, "URL", DEFAULT_SERVER, "Server to talk to",
		.env = "TRIMTAB_SERVER", .config = true),
	OPT_STRING(struct connection_values, token, "token", 0, "TOKEN", NULL, "Bearer token",
		.env = "TRIMTAB_TOKEN", .config = true, .secret = true),
	OPT_STRING(struct connection_values, namespace, "namespace", 'n', "NAME", "default",
		"Namespace of the experiments", .env = "TRIMTAB_NAMESPACE", .config = true),
	OPT_PATH(struct connection_values, ca_file, "ca-file", 0, "FILE", NULL, "Certificates to trust, as PEM",
		.env = "TRIMTAB_CA_FILE", .config = true),
	OPT_BOOL(struct connection_values, insecure, "insecure", 0, "Accept any certificate of the server",
		.config = true),
	OPT_BOOL(struct connection_values, help, "help", 'h', "Show this help"),
	OPT_END,
};

static const struct option_def help_option[] = {
	OPT_BOOL(struct connection_values, help, "help", 'h', "Show this help"),
	OPT_END,
};

enum exit_code exit_of(enum err_code code)
{
	switch (code) {
	case ERR_OK:
		return EXIT_DONE;
	case ERR_MALFORMED:
	case ERR_METHOD:
	case ERR_TOO_LARGE:
	case ERR_MEDIA_TYPE:
	case ERR_INVALID:
		return EXIT_USAGE;
	case ERR_UNAUTHENTICATED:
	case ERR_FORBIDDEN:
		return EXIT_NOT_ALLOWED;
	case ERR_NOT_FOUND:
	case ERR_GONE:
		return EXIT_NOT_FOUND;
	case ERR_EXISTS:
	case ERR_CONFLICT:
	case ERR_WRONG_STATE:
	case ERR_STALE:
	case ERR_KEY_REUSED:
		return EXIT_CONFLICT;
	case ERR_SLOW_DOWN:
	case ERR_TOO_SLOW:
	case ERR_UNAVAILABLE:
	case ERR_TIMEOUT:
		return EXIT_UNREACHABLE;
	case ERR_INTERNAL:
		break;
	}
	return EXIT_OTHER;
}

int cli_fail(const struct cli *c, const struct err *e)
{
	fprintf(stderr, "trimtab: %s\n", e->detail);
	if (c->client)
		fputs(c->client->problems.data, stderr);
	if (exit_of(e->code) == EXIT_UNREACHABLE && c->client && !c->client->named)
		fputs("Start a server with `trimtab serve`, or name one with --server or TRIMTAB_SERVER.\n", stderr);
	if (e->code == ERR_UNAUTHENTICATED)
		fputs("Give a token with --token or TRIMTAB_TOKEN.\n", stderr);
	return exit_of(e->code);
}

int cli_usage(const struct cli *c, const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "trimtab %s: ", c->command->name);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fprintf(stderr, "\nUsage: trimtab %s%s%s%s\n", c->command->name, c->command->args ? " " : "",
		c->command->args ? c->command->args : "",
		c->command->options || !c->command->local ? " [FLAGS]" : "");
	return EXIT_USAGE;
}

unsigned terminal_width(void)
{
	const char *columns = getenv("COLUMNS");
	struct winsize size;

	if (isatty(STDOUT_FILENO) && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
		return size.ws_col;
	if (columns && strtoul(columns, NULL, 10) > 0)
		return (unsigned)strtoul(columns, NULL, 10);
	return 80;
}

const struct command *command_find(const char *name)
{
	for (size_t i = 0; commands[i]; i++)
		if (strcmp(commands[i]->name, name) == 0)
			return commands[i];
	return NULL;
}

const char *command_near(const char *name)
{
	const char *names[64] = {0};
	size_t n = 0;

	for (size_t i = 0; commands[i] && n < ARRAY_LEN(names) - 1; i++)
		if (!commands[i]->hidden)
			names[n++] = commands[i]->name;
	return nearest_name(name, names);
}

static int show_help(const struct command *command)
{
	unsigned width = terminal_width();
	struct strbuf out;

	strbuf_init(&out, TEXT_MAX);
	command_help(command, &out, width < WIDTH_MAX ? width : WIDTH_MAX);
	fputs(out.data, stdout);
	strbuf_free(&out);
	return EXIT_DONE;
}

/* ~/.config/trimtab/config, if it is there: server, token, namespace. */
static bool read_config(struct options *o, struct err *e)
{
	const char *base = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
	const char *path;

	if (base && *base)
		path = arena_printf(o->arena, "%s/trimtab/config", base);
	else
		path = arena_printf(o->arena, "%s/.config/trimtab/config", home ? home : "");
	return access(path, R_OK) != 0 || options_read_file(o, path, e);
}

static bool wants_help(int argc, char *const *argv)
{
	for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; i++)
		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
			return true;
	return false;
}

static int check_args(struct cli *c)
{
	const struct command *command = c->command;
	size_t n = c->options.n_args;

	if (n < (size_t)command->min_args)
		return cli_usage(c, "%s is missing", command->args ? command->args : "an argument");
	if (command->max_args >= 0 && n > (size_t)command->max_args)
		return cli_usage(c, "'%s' is one argument too many", c->options.args[command->max_args]);
	if (c->options.command && !command->takes_command)
		return cli_usage(c, "nothing may follow --");
	return EXIT_DONE;
}

/* Fills in values and arguments; EXIT_DONE if the command can run. */
static int prepare(struct cli *c, struct connection_values *connection, int argc, char *const *argv)
{
	const struct command *command = c->command;
	struct err e = {0};
	void *values = arena_calloc(c->arena, 1, command->values_size ? command->values_size : 1);

	c->values = values;
	options_init(&c->options, c->arena);
	if (command->options)
		options_add(&c->options, command->options, values);
	options_add(&c->options, command->local ? help_option : connection_options, connection);
	if (command->prepare)
		command->prepare(c, values);
	if (!options_parse(&c->options, argc, argv, &e))
		return cli_usage(c, "%s", e.detail);
	if (!options_read_env(&c->options, &e) || (!command->local && !read_config(&c->options, &e)))
		return cli_fail(c, &e);
	return check_args(c);
}

int command_run(const struct command *command, int argc, char *const *argv)
{
	struct cli c = {.arena = arena_new(), .command = command};
	struct connection_values connection = {0};
	int status;

	if (wants_help(argc, argv)) {
		status = show_help(command);
	} else {
		status = prepare(&c, &connection, argc, argv);
		if (status == EXIT_DONE) {
			if (!command->local)
				c.client = client_new(&connection, options_given(&c.options, "server"), c.arena);
			status = command->run(&c);
		}
	}
	client_free(c.client);
	if (fflush(stdout) != 0 && status == EXIT_DONE)
		status = EXIT_OTHER;
	arena_free(c.arena);
	return status;
}
