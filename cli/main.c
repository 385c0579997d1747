/*
 * trimtab: the server and the command line in one binary. The only file of this room that knows the
 * server and the runner: it chooses between them and the commands.
 */
#include <locale.h>
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "lib/arena.h"
#include "lib/http_client.h"
#include "lib/version.h"
#include "server/server.h"
#include "trial-runner/local.h"

static int serve_run(struct cli *c)
{
	struct serve_values values;

	memcpy(&values, c->values, sizeof values);
	c->options.tables[0].values = &values;
	return server_run(&c->options, &values);
}

static const struct example serve_examples[] = {
	{"trimtab serve", "Everything on this machine: a private PostgreSQL, trials as processes"},
	{"trimtab serve --database postgres://trimtab@db/trimtab --listen 0.0.0.0:8746",
		"One of several replicas"},
	{NULL, NULL},
};

const struct command cmd_serve = {
	.name = "serve",
	.summary = "Run the server",
	.about = "Without --database it keeps a private PostgreSQL below ~/.local/share/trimtab, reached by a "
			 "socket only, "
			 "and runs trials as processes of this machine. It listens on other than loopback addresses only "
			 "with tokens.",
	.options = serve_options,
	.values_size = sizeof(struct serve_values),
	.local = true,
	.examples = serve_examples,
	.run = serve_run,
};

static int unknown(const char *name)
{
	const char *near = command_near(name);

	fprintf(stderr, "trimtab: '%s' is not a command%s%s%s\n`trimtab help` lists them.\n", name,
		near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
	return EXIT_USAGE;
}

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "help";
	const struct command *command;

	setlocale(LC_CTYPE, "");
	if (strcmp(name, "__supervise") == 0)
		return local_supervise(argc - 1, argv + 1);
	if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
		name = "help";
	if (strcmp(name, "--version") == 0) {
		puts("trimtab " TRIMTAB_VERSION);
		return EXIT_DONE;
	}
	http_client_global_init();
	command = command_find(name);
	return command ? command_run(command, argc > 1 ? argc - 2 : 0, argv + (argc > 1 ? 2 : 1)) : unknown(name);
}
