/* trimtab __document man|markdown|algorithms|early-stopping: the manual page and the references, from the tables. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "algorithms/registry.h"
#include "algorithms/stopping/stopper.h"
#include "cli/command.h"
#include "lib/num.h"
#include "lib/strbuf.h"

enum { DOCUMENT_MAX = 4 << 20, LINE_WIDTH = 78 };

static const char man_head[] =
	".Dd $Mdocdate$\n"
	".Dt TRIMTAB 1\n"
	".Os\n"
	".Sh NAME\n"
	".Nm trimtab\n"
	".Nd hyperparameter tuning service\n"
	".Sh SYNOPSIS\n"
	".Nm\n"
	".Ar command\n"
	".Op Ar argument ...\n"
	".Op Ar flags\n"
	".Sh DESCRIPTION\n"
	".Nm\n"
	"keeps search spaces and the results of trials in PostgreSQL, suggests the next trials,\n"
	"runs them as processes, and stops the hopeless ones early from what they report.\n"
	"One program is both the server and its command line.\n"
	".Sh COMMANDS\n";

static const char man_exit[] =
	".Sh EXIT STATUS\n"
	".Bl -tag -width Ds -compact\n"
	".It 0\nDone; for run and watch: the experiment succeeded.\n"
	".It 1\nAnother error.\n"
	".It 2\nWrong usage, or an invalid document.\n"
	".It 3\nThe experiment failed, was stopped, or has no successful trial.\n"
	".It 4\nNot authenticated, or not allowed.\n"
	".It 5\nNot found.\n"
	".It 6\nConflict: it exists with another specification, or is in the wrong state.\n"
	".It 7\nThe server is not reachable; the one status that is worth a retry.\n"
	".It 124\n.Fl -timeout\nhas passed.\n"
	".It 130 , 143\nInterrupted, terminated.\n"
	".El\n";

static const char man_files[] =
	".Sh FILES\n"
	".Bl -tag -width Ds\n"
	".It Pa ~/.config/trimtab/config\n"
	"Lines\n.Ql key = value\nwith the connection's flags: server, token, namespace.\n"
	".It Pa ~/.local/share/trimtab/postgres\n"
	"The private PostgreSQL of a server without\n.Fl -database .\n"
	".El\n";

/* Roff takes a leading dot for a request, a backslash for an escape, two hyphens for a dash. With
 * `sentences`, each begins on a line of its own. */
static void add_text(struct strbuf *out, const char *text, bool sentences)
{
	if (*text == '.' || *text == '\'')
		strbuf_puts(out, "\\&");
	for (const char *p = text; *p; p++) {
		if (*p == '\\') {
			strbuf_puts(out, "\\e");
		} else if (p[0] == '-' && p[1] == '-') {
			strbuf_puts(out, "\\-\\-");
			p++;
		} else if (*p == '\n') {
			strbuf_puts(out, "\n.Pp\n");
		} else if (sentences && p > text && *p == ' ' && p[-1] == '.') {
			strbuf_putc(out, '\n');
		} else {
			strbuf_putc(out, *p);
		}
	}
}

static void man_command(const struct command *command, struct strbuf *out)
{
	strbuf_printf(out, ".Ss trimtab %s\n", command->name);
	add_text(out, command->summary, true);
	strbuf_printf(out, ".\n.Pp\n.Dl trimtab %s", command->name);
	if (command->args) {
		strbuf_putc(out, ' ');
		add_text(out, command->args, false);
	}
	strbuf_puts(out, command->takes_command ? " [\\-\\- COMMAND]\n" : "\n");
	if (command->about) {
		strbuf_puts(out, ".Pp\n");
		add_text(out, command->about, true);
		strbuf_putc(out, '\n');
	}
	if (command->options) {
		strbuf_puts(out, ".Bl -tag -width Ds\n");
		options_man(command->options, out);
		strbuf_puts(out, ".El\n");
	}
	for (const struct example *x = command->examples; x && x->line; x++) {
		strbuf_puts(out, ".Pp\n");
		add_text(out, x->text, true);
		strbuf_puts(out, ":\n.Dl ");
		add_text(out, x->line, false);
		strbuf_putc(out, '\n');
	}
}

static void man_environment(struct strbuf *out)
{
	strbuf_puts(
		out, ".Sh CONNECTION FLAGS\nEvery command that talks to a server has these.\n.Bl -tag -width Ds\n");
	options_man(connection_options, out);
	strbuf_puts(out, ".El\n.Sh ENVIRONMENT\n.Bl -tag -width Ds\n");
	for (const struct option_def *d = connection_options; d->type != OPTION_END; d++)
		if (d->env)
			strbuf_printf(out, ".It Ev %s\n%s.\n", d->env, d->help);
	strbuf_puts(out, ".It Ev TRIMTAB_DATABASE_URL\nThe database of\n.Nm Cm serve .\n"
					 ".It Ev NO_COLOR\nNo colours.\n.El\n");
}

/* Lines of text are broken between words; what begins with a dot is roff's and stays. */
static void add_filled(struct strbuf *out, const char *text)
{
	for (size_t n; *text; text += n + (text[n] == '\n')) {
		n = strcspn(text, "\n");
		while (*text != '.' && n > LINE_WIDTH) {
			size_t cut = LINE_WIDTH;

			while (cut > 0 && (text[cut] != ' ' || text[cut + 1] == '.' || text[cut + 1] == '\''))
				cut--;
			if (!cut)
				break;
			strbuf_add(out, text, cut);
			strbuf_putc(out, '\n');
			text += cut + 1;
			n -= cut + 1;
		}
		strbuf_add(out, text, n);
		strbuf_putc(out, '\n');
	}
}

static void man(struct strbuf *out)
{
	struct strbuf raw;

	strbuf_init(&raw, DOCUMENT_MAX);
	strbuf_puts(&raw, man_head);
	for (size_t i = 0; commands[i]; i++)
		if (!commands[i]->hidden)
			man_command(commands[i], &raw);
	man_environment(&raw);
	strbuf_puts(&raw, man_files);
	strbuf_puts(&raw, man_exit);
	add_filled(out, raw.data);
	strbuf_free(&raw);
}

static void markdown_command(const struct command *command, struct strbuf *out)
{
	strbuf_printf(out, "\n## trimtab %s\n\n`trimtab %s%s%s`\n\n%s.\n", command->name, command->name,
		command->args ? " " : "", command->args ? command->args : "", command->summary);
	if (command->about)
		strbuf_printf(out, "\n%s\n", command->about);
	if (command->options) {
		strbuf_puts(out, "\n| flag | meaning |\n| --- | --- |\n");
		options_markdown(command->options, out);
	}
	for (const struct example *x = command->examples; x && x->line; x++)
		strbuf_printf(out, "\n%s:\n\n```sh\n%s\n```\n", x->text, x->line);
}

static void markdown(struct strbuf *out)
{
	strbuf_puts(out,
		"# Commands\n\nWritten by `make docs` from the commands' own tables.\n\n"
		"Every command that talks to a server has these flags:\n\n| flag | meaning |\n| --- | --- |\n");
	options_markdown(connection_options, out);
	for (size_t i = 0; commands[i]; i++)
		if (!commands[i]->hidden)
			markdown_command(commands[i], out);
}

/* ---- settings of the algorithms ---------------------------------------------------------------- */

static const char *setting_type(const struct algo_setting *s)
{
	switch (s->type) {
	case ALGO_BOOL:
		return "true or false";
	case ALGO_INT:
		return "int";
	case ALGO_REAL:
		return "double";
	case ALGO_CHOICE:
		return "choice";
	case ALGO_PARAM:
		return "a parameter's name";
	case ALGO_TEXT:
		return "text";
	}
	return "";
}

static void setting_default(const struct algo_setting *s, struct strbuf *out)
{
	char number[NUM_MAX];

	if (s->required) {
		strbuf_puts(out, "required");
	} else if (isnan(s->def) || s->type == ALGO_PARAM || s->type == ALGO_TEXT) {
		strbuf_puts(out, "chosen");
	} else if (s->type == ALGO_BOOL) {
		strbuf_puts(out, s->def != 0 ? "true" : "false");
	} else if (s->type == ALGO_CHOICE) {
		strbuf_puts(out, s->choices[(size_t)s->def]);
	} else {
		num_format(number, s->def);
		strbuf_puts(out, number);
	}
}

static void setting_bound(const char *before, double bound, struct strbuf *out)
{
	char number[NUM_MAX];

	num_format(number, bound);
	strbuf_printf(out, "%s%s", before, number);
}

static void setting_range(const struct algo_setting *s, struct strbuf *out)
{
	if (s->type == ALGO_CHOICE)
		for (size_t i = 0; s->choices[i]; i++)
			strbuf_printf(out, "%s`%s`", i ? ", " : "", s->choices[i]);
	if (s->type != ALGO_INT && s->type != ALGO_REAL)
		return;
	if (isfinite(s->min))
		setting_bound(s->above_min ? "above " : "from ", s->min, out);
	if (isfinite(s->max)) {
		strbuf_puts(out, isfinite(s->min) ? " " : "");
		setting_bound(s->below_max ? "below " : "to ", s->max, out);
	}
}

/* The name and the other names for it. */
static void setting_names(const struct algo_setting *s, struct strbuf *out)
{
	strbuf_printf(out, "`%s`", s->name);
	for (size_t i = 0; s->aliases && s->aliases[i]; i++)
		strbuf_printf(out, ", `%s`", s->aliases[i]);
}

/* A rule is one as well: a name, a description and settings. */
static void settings_block(const struct algorithm *a, struct strbuf *out)
{
	strbuf_printf(out, "<!-- settings: %s -->\n%s\n", a->name, a->doc);
	if (a->aliases && a->aliases[0]) {
		strbuf_puts(out, "\nAlso called");
		for (size_t i = 0; a->aliases[i]; i++)
			strbuf_printf(out, "%s `%s`", i ? "," : "", a->aliases[i]);
		strbuf_puts(out, ".\n");
	}
	if (a->n_settings)
		strbuf_puts(out, "\n| setting | type | default | range | meaning |\n| --- | --- | --- | --- | --- |\n");
	for (uint32_t i = 0; i < a->n_settings; i++) {
		const struct algo_setting *s = &a->settings[i];

		strbuf_puts(out, "| ");
		setting_names(s, out);
		strbuf_printf(out, " | %s | ", setting_type(s));
		setting_default(s, out);
		strbuf_puts(out, " | ");
		setting_range(s, out);
		strbuf_printf(out, " | %s |\n", s->doc);
	}
	strbuf_puts(out, "<!-- end -->\n");
}

/* What tools/settings-tables puts into docs/algorithms.md and docs/early-stopping.md. */
static void algorithm_settings(struct strbuf *out)
{
	for (size_t i = 0; i < n_algorithms; i++)
		settings_block(algorithms[i], out);
}

static void rule_settings(struct strbuf *out)
{
	for (size_t i = 0; i < n_stop_rules; i++) {
		const struct stop_rule *r = stop_rules[i];

		settings_block(&(struct algorithm){.name = r->name, .aliases = r->aliases, .doc = r->doc,
			.settings = r->settings, .n_settings = r->n_settings}, out);
	}
}

static int document_run(struct cli *c)
{
	static const struct {
		const char *name;
		void (*write)(struct strbuf *out);
	} kinds[] = {{"man", man}, {"markdown", markdown}, {"algorithms", algorithm_settings},
		{"early-stopping", rule_settings}};
	struct strbuf out;

	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		if (strcmp(c->options.args[0], kinds[i].name) != 0)
			continue;
		strbuf_init(&out, DOCUMENT_MAX);
		kinds[i].write(&out);
		fputs(out.data, stdout);
		strbuf_free(&out);
		return EXIT_DONE;
	}
	return cli_usage(c, "'%s' is none of man, markdown, algorithms, early-stopping", c->options.args[0]);
}

const struct command cmd_document = {
	.name = "__document",
	.args = "man|markdown|algorithms|early-stopping",
	.summary = "Print the manual page or the reference",
	.min_args = 1,
	.max_args = 1,
	.local = true,
	.hidden = true,
	.run = document_run,
};
