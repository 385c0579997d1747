/* trimtab help [COMMAND]. */
#include <stdio.h>

#include "cli/command.h"
#include "lib/arena.h"
#include "lib/strbuf.h"

static int help_run(struct cli *c)
{
	const char *name = c->options.n_args ? c->options.args[0] : NULL;
	const struct command *command = name ? command_find(name) : NULL;
	struct strbuf out;

	if (name && !command) {
		const char *near = command_near(name);

		fprintf(stderr, "trimtab: '%s' is not a command%s%s%s\n", name, near ? "; did you mean " : "",
			near ? near : "", near ? "?" : "");
		return EXIT_USAGE;
	}
	strbuf_init(&out, 1 << 20);
	if (command)
		command_help(command, &out, terminal_width());
	else
		commands_help(&out);
	fputs(out.data, stdout);
	strbuf_free(&out);
	return EXIT_DONE;
}

const struct command cmd_help = {
	.name = "help",
	.args = "[COMMAND]",
	.summary = "Show what a command does and its flags",
	.max_args = 1,
	.local = true,
	.complete = "commands",
	.run = help_run,
};
