/* trimtab completion bash|zsh|fish, and __complete, which the scripts call. */
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "cli/show.h"
#include "lib/arena.h"
#include "lib/clk.h"

/* Bash breaks words at "="; they are put together again, and only what follows it is replaced. */
static const char bash_script[] =
	"_trimtab() {\n"
	"	local IFS=$'\\n' word last= words=()\n"
	"	for word in \"${COMP_WORDS[@]:1:COMP_CWORD}\"; do\n"
	"		if [[ $word == '=' || $last == *= ]]; then last+=$word; words[${#words[@]}-1]=$last\n"
	"		else last=$word; words+=(\"$word\"); fi\n"
	"	done\n"
	"	COMPREPLY=($(compgen -W \"$(trimtab __complete -- \"${words[@]}\" 2>/dev/null)\" -- \"$last\"))\n"
	"	[[ ${#COMPREPLY[@]} == 0 ]] && compopt -o default\n"
	"	[[ ${#COMPREPLY[@]} == 1 && ${COMPREPLY[0]} == *= ]] && compopt -o nospace\n"
	"	[[ $last == *=* ]] && COMPREPLY=(\"${COMPREPLY[@]#*=}\")\n"
	"}\n"
	"complete -F _trimtab trimtab\n";

static const char zsh_script[] =
	"#compdef trimtab\n"
	"_trimtab() {\n"
	"	local -a found\n"
	"	found=(\"${(@f)$(trimtab __complete -- \"${(@)words[2,CURRENT]}\" 2>/dev/null)}\")\n"
	"	if [[ -n ${found[1]} ]]; then compadd -Q -S '' -- $found; else _files; fi\n"
	"}\n"
	"if [[ ${funcstack[1]} == _trimtab ]]; then _trimtab \"$@\"; else compdef _trimtab trimtab; fi\n";

static const char fish_script[] = "function __trimtab_complete\n"
								  "	set -l words (commandline -opc) (commandline -ct)\n"
								  "	trimtab __complete -- $words[2..-1] 2>/dev/null\n"
								  "end\n"
								  "complete -c trimtab -f -a '(__trimtab_complete)'\n";

static int completion_run(struct cli *c)
{
	static const struct {
		const char *shell, *script;
	} shells[] = {{"bash", bash_script}, {"zsh", zsh_script}, {"fish", fish_script}};

	for (size_t i = 0; i < ARRAY_LEN(shells); i++)
		if (strcmp(shells[i].shell, c->options.args[0]) == 0) {
			fputs(shells[i].script, stdout);
			return EXIT_DONE;
		}
	return cli_usage(c, "'%s' is none of bash, zsh, fish", c->options.args[0]);
}

static const struct example completion_examples[] = {
	{"source <(trimtab completion bash)", "For this shell"},
	{NULL, NULL},
};

const struct command cmd_completion = {
	.name = "completion",
	.args = "bash|zsh|fish",
	.summary = "Print a script that completes commands, flags and names",
	.min_args = 1,
	.max_args = 1,
	.local = true,
	.complete = "shells",
	.examples = completion_examples,
	.run = completion_run,
};

/* ---- what fits ----------------------------------------------------------------------------------- */

static void print_fitting(const char *word, const char *prefix)
{
	if (strncmp(word, prefix, strlen(prefix)) == 0)
		puts(word);
}

static void complete_flags(struct arena *a, const struct option_def *defs, const char *prefix)
{
	for (const struct option_def *d = defs; d && d->type != OPTION_END; d++)
		if (!d->hidden)
			print_fitting(arena_printf(a, "--%s%s", d->name, d->type == OPTION_BOOL ? "" : "="), prefix);
}

static void complete_value(struct arena *a, const struct option_def *defs, const char *word)
{
	size_t n = strcspn(word, "=");

	for (const struct option_def *d = defs; d && d->type != OPTION_END; d++)
		if (d->type == OPTION_ENUM && strncmp(d->name, word + 2, n - 2) == 0 && strlen(d->name) == n - 2)
			for (size_t i = 0; d->names[i]; i++)
				print_fitting(arena_printf(a, "--%s=%s", d->name, d->names[i]), word);
}

static void print_words(const char *words, const char *prefix)
{
	char word[64];

	for (size_t n; *words; words += n + (words[n] == ' ')) {
		n = strcspn(words, " ");
		snprintf(word, sizeof word, "%.*s", (int)n, words);
		print_fitting(word, prefix);
	}
}

/* Names from the server, within a second, and nothing at all when it does not answer. */
static void complete_names(struct cli *c, const char *path, const char *pointer, const char *prefix)
{
	const struct request r = {.path = path, .timeout_us = CLK_SECOND};
	struct reply reply;
	struct err e = {0};

	if (!client_call(c->client, c->arena, &r, &reply, &e))
		return;
	json_each(item, json_get(reply.json, "items"))
		if (json_str_at(item, pointer))
			print_fitting(json_str_at(item, pointer), prefix);
}

static void complete_args(struct cli *c, const struct command *command, size_t place, const char *prefix)
{
	const char *kind = command->complete;

	if (!kind)
		return;
	if (strcmp(kind, "shells") == 0)
		print_words("bash zsh fish", prefix);
	else if (strcmp(kind, "get") == 0 && place == 0)
		print_words("experiments trials events", prefix);
	else if (strcmp(kind, "commands") == 0)
		for (size_t i = 0; commands[i]; i++)
			print_fitting(commands[i]->name, prefix);
	else if (strcmp(kind, "algorithms") == 0)
		complete_names(c, "/api/v1/algorithms", "/name", prefix);
	else
		complete_names(c, client_path(c->client, c->arena, NULL, "?limit=500"), "/metadata/name", prefix);
}

static int complete_run(struct cli *c)
{
	char *const *words = c->options.command;
	size_t n = c->options.n_command, place = 0;
	const char *last = n ? words[n - 1] : "";
	const struct command *command = n > 1 ? command_find(words[0]) : NULL;

	if (n <= 1) {
		for (size_t i = 0; commands[i]; i++)
			if (!commands[i]->hidden)
				print_fitting(commands[i]->name, last);
		return EXIT_DONE;
	}
	if (!command)
		return EXIT_DONE;
	if (strncmp(last, "--", 2) == 0 && strchr(last, '=')) {
		complete_value(c->arena, command->options, last);
		return EXIT_DONE;
	}
	if (*last == '-') {
		complete_flags(c->arena, command->options, last);
		if (!command->local)
			complete_flags(c->arena, connection_options, last);
		return EXIT_DONE;
	}
	for (size_t i = 1; i + 1 < n; i++)
		place += words[i][0] != '-';
	complete_args(c, command, place, last);
	return EXIT_DONE;
}

const struct command cmd_complete = {
	.name = "__complete",
	.summary = "Print what completes the last word",
	.hidden = true,
	.takes_command = true,
	.run = complete_run,
};
