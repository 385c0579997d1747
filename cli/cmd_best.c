/* trimtab best NAME: the best parameters, in the form that the next step needs. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "cli/best.h"
#include "cli/command.h"
#include "cli/output.h"
#include "cli/show.h"
#include "lib/arena.h"
#include "lib/json_write.h"
#include "lib/strbuf.h"
#include "lib/yaml.h"

enum { BEST_TEXT_MAX = 4 << 20 };

struct best_values {
	int output;
	bool pareto;
	const char *field;
};

enum best_form { BEST_LINE, BEST_JSON, BEST_YAML, BEST_ENV, BEST_ARGS };
static const char *const forms[] = {"line", "json", "yaml", "env", "args", NULL};

static const struct option_def best_options[] = {
	OPT_ENUM(struct best_values, output, "output", 'o', forms, "line",
		"Form: parameters as one JSON object, as YAML, as NAME=value lines, as --name=value words"),
	OPT_STRING(struct best_values, field, "field", 0, "NAME", NULL, "Only this parameter or metric"),
	OPT_BOOL(struct best_values, pareto, "pareto", 0, "Every trial that no other beats in all objectives"),
	OPT_END,
};

/* A word for a shell: in quotes unless it needs none. */
static void add_quoted(struct strbuf *out, const char *text)
{
	if (*text &&
		!text[strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-+.,:/@%=")]) {
		strbuf_puts(out, text);
		return;
	}
	strbuf_putc(out, '\'');
	for (; *text; text++)
		if (*text == '\'')
			strbuf_puts(out, "'\\''");
		else
			strbuf_putc(out, *text);
	strbuf_putc(out, '\'');
}

static void add_env(struct strbuf *out, struct arena *a, const cJSON *params)
{
	json_each(item, params) {
		for (const char *p = item->string; *p; p++)
			strbuf_putc(out, isalnum((unsigned char)*p) ? (char)toupper((unsigned char)*p) : '_');
		strbuf_putc(out, '=');
		add_quoted(out, show_exact(a, item));
		strbuf_putc(out, '\n');
	}
}

static void add_args(struct strbuf *out, struct arena *a, const cJSON *params)
{
	json_each(item, params) {
		strbuf_printf(out, "%s--%s=", item == params->child ? "" : " ", item->string);
		add_quoted(out, show_exact(a, item));
	}
	strbuf_putc(out, '\n');
}

static void add_line(struct strbuf *out, struct arena *a, const cJSON *trial)
{
	strbuf_printf(out, "#%s ", show_exact(a, json_get(trial, "number")));
	json_each(item, json_get(trial, "values"))
		strbuf_printf(out, " %s=%s", item->string, show_exact(a, item));
	strbuf_puts(out, " ");
	json_each(item, json_get(trial, "parameters"))
		strbuf_printf(out, " %s=%s", item->string, show_exact(a, item));
	strbuf_putc(out, '\n');
}

void best_json(struct strbuf *out, const cJSON *params)
{
	struct json_writer w;

	jw_init(&w, out);
	jw_value(&w, NULL, params);
}

static void add_trial(struct strbuf *out, struct arena *a, enum best_form form, const cJSON *trial)
{
	const cJSON *params = json_get(trial, "parameters");

	switch (form) {
	case BEST_LINE:
		add_line(out, a, trial);
		return;
	case BEST_JSON:
		best_json(out, params);
		strbuf_putc(out, '\n');
		return;
	case BEST_YAML:
		yaml_write(out, params);
		return;
	case BEST_ENV:
		add_env(out, a, params);
		return;
	case BEST_ARGS:
		add_args(out, a, params);
		return;
	}
}

static const cJSON *field_of(const cJSON *trial, const char *name)
{
	const cJSON *v = json_get(json_get(trial, "parameters"), name);

	if (!v)
		v = json_get(json_get(trial, "values"), name);
	return v ? v : json_get(trial, name);
}

static int print_field(struct cli *c, const cJSON *trial, const char *name)
{
	const cJSON *v = field_of(trial, name);

	if (!v) {
		fprintf(stderr, "trimtab: the best trial has no '%s'\n", name);
		return EXIT_NOT_FOUND;
	}
	puts(show_exact(c->arena, v));
	return EXIT_DONE;
}

/* With one objective the front is the best trial. */
static int print_best(struct cli *c, const cJSON *answer)
{
	const struct best_values *v = c->values;
	const cJSON *front = v->pareto ? json_get(answer, "pareto") : NULL;
	const cJSON *best = json_get(answer, "trial");
	struct strbuf out;

	if (!best || json_is_null(best)) {
		fprintf(stderr, "trimtab: %s has no successful trial yet\n", c->options.args[0]);
		return EXIT_NO_RESULT;
	}
	if (v->field)
		return print_field(c, best, v->field);
	strbuf_init(&out, BEST_TEXT_MAX);
	if (front)
		json_each(item, front)
			add_trial(&out, c->arena, (enum best_form)v->output, item);
	else
		add_trial(&out, c->arena, (enum best_form)v->output, best);
	fputs(out.data, stdout);
	strbuf_free(&out);
	return EXIT_DONE;
}

static int best_run(struct cli *c)
{
	const cJSON *answer;
	struct err e = {0};

	if (!client_get(
			c->client, c->arena, client_path(c->client, c->arena, c->options.args[0], "/best"), &answer, &e))
		return cli_fail(c, &e);
	return print_best(c, answer);
}

static const struct example best_examples[] = {
	{"python3 train.py $(trimtab best digits -o args)", "Train once more with the best parameters"},
	{"trimtab best digits --field lr", "One number for a script"},
	{NULL, NULL},
};

const struct command cmd_best = {
	.name = "best",
	.args = "NAME",
	.summary = "Print the best trial",
	.about = "Exit code 3 when no trial has succeeded yet.",
	.options = best_options,
	.values_size = sizeof(struct best_values),
	.min_args = 1,
	.max_args = 1,
	.complete = "experiments",
	.examples = best_examples,
	.run = best_run,
};
