/* trimtab algorithms [NAME]: what can search, what can stop trials early, and with which settings. */
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "cli/output.h"
#include "cli/show.h"
#include "cli/table.h"
#include "lib/arena.h"
#include "lib/strbuf.h"

struct algorithms_values {
	const char *output;
};

static const struct option_def algorithms_options[] = {
	OPT_STRING(
		struct algorithms_values, output, "output", 'o', OUTPUT_METAVAR, "table", "Form of the answer"),
	OPT_END,
};

/* The first sentence. */
static const char *summary_of(struct arena *a, const cJSON *algorithm)
{
	const char *text = json_str(json_get(algorithm, "description"));
	const char *end = text ? strstr(text, ". ") : NULL;

	return end ? arena_strndup(a, text, (size_t)(end - text)) : text;
}

static void list_table(struct table *t, const char *head, const cJSON *items)
{
	table_column(t, head);
	table_column(t, "SUMMARY");
	json_each(item, items) {
		table_cell(t, json_str(json_get(item, "name")));
		table_cell(t, summary_of(t->arena, item));
	}
}

static const char *range_of(struct arena *a, const cJSON *setting)
{
	const cJSON *values = json_get(setting, "values");
	const char *min = show_exact(a, json_get(setting, "min")), *max = show_exact(a, json_get(setting, "max"));

	if (values)
		return show_exact(a, values);
	return *min || *max ? arena_printf(a, "%s..%s", min, max) : NULL;
}

static void settings_table(struct table *t, const cJSON *settings)
{
	table_column(t, "SETTING");
	table_column(t, "TYPE");
	table_column(t, "DEFAULT");
	table_column(t, "RANGE");
	table_column(t, "MEANING");
	json_each(s, settings) {
		table_cell(t, json_str(json_get(s, "name")));
		table_cell(t, json_str(json_get(s, "type")));
		table_cell(t, show_exact(t->arena, json_get(s, "default")));
		table_cell(t, range_of(t->arena, s));
		table_cell(t, json_str(json_get(s, "description")));
	}
}

static bool print_answer(
	struct cli *c, const struct output *o, const cJSON *answer, const cJSON *rules, bool one, struct err *e)
{
	const char *text = json_str(json_get(answer, "description"));
	struct strbuf out;
	struct table t;
	bool ok = true;

	strbuf_init(&out, 16 << 20);
	table_init(&t, c->arena);
	if (o->kind != OUTPUT_TABLE && o->kind != OUTPUT_WIDE) {
		ok = output_tree(o, answer, &out, e);
	} else if (one) {
		strbuf_printf(&out, "%s: %s\n\n", json_str(json_get(answer, "name")), text ? text : "");
		settings_table(&t, json_get(answer, "settings"));
		table_print(&t, &out, true, true);
	} else {
		list_table(&t, "NAME", json_get(answer, "items"));
		table_print(&t, &out, true, true);
		strbuf_putc(&out, '\n');
		table_init(&t, c->arena);
		list_table(&t, "EARLY STOPPING", json_get(rules, "items"));
		table_print(&t, &out, true, true);
	}
	if (ok)
		fputs(out.data, stdout);
	strbuf_free(&out);
	return ok;
}

static bool get_list(struct cli *c, const char *list, const char *name, const cJSON **out, struct err *e)
{
	const char *path = arena_printf(
		c->arena, "/api/v1/%s%s%s", list, name ? "/" : "", name ? url_escape(c->arena, name) : "");

	return client_get(c->client, c->arena, path, out, e);
}

/* An algorithm, or a rule with that name; else the error that knows what was meant. */
static bool get_one(struct cli *c, const char *name, const cJSON **out, struct err *e)
{
	struct err of_rules = {0};

	if (get_list(c, "algorithms", name, out, e))
		return true;
	if (e->code != ERR_NOT_FOUND)
		return false;
	if (get_list(c, "early-stopping", name, out, &of_rules))
		return true;
	if (strstr(of_rules.detail, "did you mean"))
		*e = of_rules;
	return false;
}

static int algorithms_run(struct cli *c)
{
	const struct algorithms_values *v = c->values;
	const char *name = c->options.n_args ? c->options.args[0] : NULL;
	const cJSON *answer, *rules = NULL;
	struct output output;
	struct err e = {0};

	if (!output_parse(v->output, &output, &e))
		return cli_fail(c, &e);
	if (name ? !get_one(c, name, &answer, &e)
		: !get_list(c, "algorithms", NULL, &answer, &e) || !get_list(c, "early-stopping", NULL, &rules, &e))
		return cli_fail(c, &e);
	return print_answer(c, &output, answer, rules, name != NULL, &e) ? EXIT_DONE : cli_fail(c, &e);
}

static const struct example algorithms_examples[] = {
	{"trimtab algorithms sobol", "Its settings, their defaults and ranges"},
	{"trimtab algorithms medianstop", "The same of an early-stopping rule"},
	{NULL, NULL},
};

const struct command cmd_algorithms = {
	.name = "algorithms",
	.args = "[NAME]",
	.summary = "List the search algorithms and early-stopping rules, or one's settings",
	.options = algorithms_options,
	.values_size = sizeof(struct algorithms_values),
	.max_args = 1,
	.complete = "algorithms",
	.examples = algorithms_examples,
	.run = algorithms_run,
};
