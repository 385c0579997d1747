/* `trimtab help` and `--help`, from the commands' own tables. */
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "lib/strbuf.h"

/* Sentences at the terminal's width. */
static void add_text(struct strbuf *out, const char *text, unsigned width)
{
	size_t column = 0;

	while (*text) {
		size_t word = strcspn(text, " \n");

		if (column && column + 1 + word > width) {
			strbuf_putc(out, '\n');
			column = 0;
		} else if (column) {
			strbuf_putc(out, ' ');
			column++;
		}
		strbuf_add(out, text, word);
		column += word;
		text += word;
		if (*text == '\n') {
			strbuf_puts(out, "\n");
			column = 0;
		}
		text += *text ? 1 : 0;
	}
	strbuf_putc(out, '\n');
}

void command_help(const struct command *command, struct strbuf *out, unsigned width)
{
	strbuf_printf(out, "Usage: trimtab %s%s%s [FLAGS]%s\n\n", command->name, command->args ? " " : "",
		command->args ? command->args : "", command->takes_command ? " [-- COMMAND ...]" : "");
	strbuf_printf(out, "%s.\n", command->summary);
	if (command->about) {
		strbuf_putc(out, '\n');
		add_text(out, command->about, width);
	}
	if (command->options) {
		strbuf_puts(out, "\nFlags:\n");
		options_help(command->options, out, width);
	}
	if (!command->local) {
		strbuf_puts(out, "\nConnection:\n");
		options_help(connection_options, out, width);
	}
	if (command->examples)
		strbuf_puts(out, "\nExamples:\n");
	for (const struct example *x = command->examples; x && x->line; x++)
		strbuf_printf(out, "  # %s\n  %s\n", x->text, x->line);
}

void commands_help(struct strbuf *out)
{
	strbuf_puts(out,
		"trimtab tunes hyperparameters: it suggests trials, runs them, and keeps what they report.\n\n"
		"Usage: trimtab COMMAND [ARGUMENTS] [FLAGS]\n\nCommands:\n");
	for (size_t i = 0; commands[i]; i++)
		if (!commands[i]->hidden)
			strbuf_printf(out, "  %-12s %s\n", commands[i]->name, commands[i]->summary);
	strbuf_puts(
		out, "\n`trimtab help COMMAND` says more. The server is $TRIMTAB_SERVER (" DEFAULT_SERVER ").\n");
}
