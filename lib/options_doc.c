/* What an option table says about itself: help, man page, reference, the settings in force. */
#include "lib/options.h"

#include <stdio.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/num.h"
#include "lib/strbuf.h"

enum { HELP_INDENT = 30, HELP_WIDTH_MIN = 60 };

static const char *metavar_of(const struct option_def *d)
{
	static const char *const by_type[] = {
		[OPTION_STRING] = "TEXT",
		[OPTION_PATH] = "FILE",
		[OPTION_INT] = "N",
		[OPTION_DOUBLE] = "NUMBER",
		[OPTION_DURATION] = "DURATION",
		[OPTION_BYTES] = "SIZE",
		[OPTION_LIST] = "TEXT",
	};

	return d->metavar ? d->metavar : by_type[d->type];
}

static void add_names(const struct option_def *d, struct strbuf *out)
{
	for (int i = 0; d->names[i]; i++)
		strbuf_printf(out, "%s%s", i ? "|" : "", d->names[i]);
}

static void add_usage(const struct option_def *d, struct strbuf *out)
{
	strbuf_printf(out, "--%s", d->name);
	if (d->type == OPTION_BOOL)
		return;
	strbuf_putc(out, '=');
	if (d->type == OPTION_ENUM)
		add_names(d, out);
	else
		strbuf_puts(out, metavar_of(d));
}

const char *option_usage(const struct option_def *d, struct arena *a)
{
	struct strbuf b;
	const char *usage;

	strbuf_init(&b, 4096);
	add_usage(d, &b);
	usage = arena_strdup(a, b.data);
	strbuf_free(&b);
	return usage;
}

/* " (default 8746, 1 to 65535; TRIMTAB_PORT)" */
static void add_facts(const struct option_def *d, struct strbuf *out)
{
	const char *open = " (";
	bool limited = d->min != 0 || d->max != 0;

	if (d->dflt && *d->dflt) {
		strbuf_printf(out, "%sdefault %s", open, d->dflt);
		open = ", ";
	}
	if (limited && d->type != OPTION_DURATION) {
		char lo[NUM_MAX], hi[NUM_MAX];

		num_format(lo, d->min);
		num_format(hi, d->max);
		strbuf_printf(out, "%s%s to %s", open, lo, hi);
		open = ", ";
	}
	if (d->type == OPTION_LIST) {
		strbuf_printf(out, "%smay be repeated", open);
		open = ", ";
	}
	if (d->env) {
		strbuf_printf(out, "%s$%s", open, d->env);
		if (d->secret)
			strbuf_printf(out, " or $%s_FILE", d->env);
		open = ", ";
	}
	if (open[0] == ',')
		strbuf_putc(out, ')');
}

/* Breaks text between words at `width`; following lines begin at `indent`. */
static void add_wrapped(struct strbuf *out, const char *text, size_t column, size_t indent, size_t width)
{
	while (*text) {
		size_t word = strcspn(text, " ");

		if (column > indent && column + 1 + word > width) {
			strbuf_printf(out, "\n%*s", (int)indent, "");
			column = indent;
		} else if (column > indent) {
			strbuf_putc(out, ' ');
			column++;
		}
		strbuf_add(out, text, word);
		column += word;
		text += word;
		text += strspn(text, " ");
	}
	strbuf_putc(out, '\n');
}

static void help_of(const struct option_def *d, struct strbuf *out, unsigned width)
{
	struct strbuf text;
	size_t start = out->len, used;

	if (d->letter)
		strbuf_printf(out, "  -%c, ", d->letter);
	else
		strbuf_puts(out, "      ");
	add_usage(d, out);
	used = out->len - start;
	if (used + 2 > HELP_INDENT)
		strbuf_printf(out, "\n%*s", HELP_INDENT, "");
	else
		strbuf_printf(out, "%*s", (int)(HELP_INDENT - used), "");
	strbuf_init(&text, 4096);
	strbuf_puts(&text, d->help);
	add_facts(d, &text);
	add_wrapped(out, text.data, HELP_INDENT, HELP_INDENT, width);
	strbuf_free(&text);
}

void options_help(const struct option_def *defs, struct strbuf *out, unsigned width)
{
	for (const struct option_def *d = defs; d->type != OPTION_END; d++)
		if (!d->hidden)
			help_of(d, out, width < HELP_WIDTH_MIN ? HELP_WIDTH_MIN : width);
}

/* Text for roff: a backslash is an escape, a dot or a quote at a line's start a request. */
static void add_roff(struct strbuf *out, const char *text)
{
	if (*text == '.' || *text == '\'')
		strbuf_puts(out, "\\&");
	for (const char *p = text; *p; p++)
		if (*p == '\\')
			strbuf_puts(out, "\\e");
		else
			strbuf_putc(out, *p);
}

void options_man(const struct option_def *defs, struct strbuf *out)
{
	for (const struct option_def *d = defs; d->type != OPTION_END; d++) {
		struct strbuf text;

		if (d->hidden)
			continue;
		strbuf_puts(out, ".It");
		if (d->letter)
			strbuf_printf(out, " Fl %c ,", d->letter);
		strbuf_printf(out, " Fl -%s", d->name);
		if (d->type == OPTION_ENUM) {
			strbuf_puts(out, " Ns = Ns Ar ");
			add_names(d, out);
		} else if (d->type != OPTION_BOOL) {
			strbuf_printf(out, " Ns = Ns Ar %s", metavar_of(d));
		}
		strbuf_init(&text, 4096);
		strbuf_puts(&text, d->help);
		add_facts(d, &text);
		strbuf_putc(out, '\n');
		add_roff(out, text.data);
		strbuf_puts(out, ".\n");
		strbuf_free(&text);
	}
}

/* Text for a table's cell: a bar would end it. */
static void add_cell(struct strbuf *out, const char *text)
{
	for (const char *p = text; *p; p++) {
		if (*p == '|')
			strbuf_putc(out, '\\');
		strbuf_putc(out, *p);
	}
}

void options_markdown(const struct option_def *defs, struct strbuf *out)
{
	for (const struct option_def *d = defs; d->type != OPTION_END; d++) {
		struct strbuf text;

		if (d->hidden)
			continue;
		strbuf_init(&text, 4096);
		strbuf_puts(out, "| `");
		if (d->letter)
			strbuf_printf(out, "-%c`, `", d->letter);
		add_usage(d, &text);
		add_cell(out, text.data);
		strbuf_reset(&text);
		strbuf_puts(&text, d->help);
		add_facts(d, &text);
		strbuf_puts(out, "` | ");
		add_cell(out, text.data);
		strbuf_puts(out, " |\n");
		strbuf_free(&text);
	}
}

static void add_value(struct strbuf *out, const struct option_def *d, const void *value)
{
	char number[NUM_MAX];

	switch (d->type) {
	case OPTION_STRING:
	case OPTION_PATH: {
		const char *const *text = value;
		strbuf_puts(out, *text ? *text : "");
		return;
	}
	case OPTION_INT:
	case OPTION_BYTES:
		num_format_i64(number, *(const int64_t *)value);
		break;
	case OPTION_DURATION:
		num_format_duration(number, *(const int64_t *)value);
		break;
	case OPTION_DOUBLE:
		num_format(number, *(const double *)value);
		break;
	case OPTION_BOOL:
		strbuf_puts(out, *(const bool *)value ? "true" : "false");
		return;
	case OPTION_ENUM:
		strbuf_puts(out, d->names[*(const int *)value]);
		return;
	case OPTION_LIST:
	case OPTION_END:
		return;
	}
	strbuf_puts(out, number);
}

static void print_setting(
	struct strbuf *out, const struct option_def *d, const void *value, const char *source)
{
	const struct option_list *list = value;
	const char *const *text = value;

	if (d->type == OPTION_LIST) {
		for (size_t i = 0; i < list->n; i++)
			strbuf_printf(out, "%s = %s\n", d->name, d->secret ? "***" : list->items[i]);
		return;
	}
	strbuf_printf(out, "# %s\n%s%s = ", source, !d->secret || *text ? "" : "# ", d->name);
	if (d->secret)
		strbuf_puts(out, *text ? "***" : "");
	else
		add_value(out, d, value);
	strbuf_putc(out, '\n');
}

void options_print_config(const struct options *o, struct strbuf *out)
{
	static const char *const sources[] = {"default", "configuration file", "environment", "flag"};
	size_t index = 0;

	for (size_t t = 0; t < o->n_tables; t++)
		for (const struct option_def *d = o->tables[t].defs; d->type != OPTION_END; d++, index++)
			if (d->config)
				print_setting(
					out, d, (const char *)o->tables[t].values + d->offset, sources[o->source[index]]);
}
