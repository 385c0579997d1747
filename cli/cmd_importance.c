/* trimtab importance NAME: which parameters matter. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "cli/output.h"
#include "cli/show.h"
#include "cli/table.h"
#include "lib/arena.h"
#include "lib/strbuf.h"

enum { BAR_MAX = 40 };

struct importance_values {
	const char *output, *objective;
	int method;
};

static const char *const methods[] = {"ped-anova", "fanova", NULL};

static const struct option_def importance_options[] = {
	OPT_STRING(
		struct importance_values, output, "output", 'o', OUTPUT_METAVAR, "table", "Form of the answer"),
	OPT_ENUM(struct importance_values, method, "method", 0, methods, "ped-anova",
		"What the best tenth of the trials have in common (at once), or shares of a random forest's variance"),
	OPT_STRING(struct importance_values, objective, "objective", 0, "METRIC", NULL,
		"Which objective, where there are several; the first by default"),
	OPT_END,
};

static const char *bar(struct arena *a, double share)
{
	static const char full[] = "########################################";
	_Static_assert(sizeof full == BAR_MAX + 1, "a mark for each place");
	const double length = round(share * BAR_MAX);

	return arena_strndup(a, full, length > 0 && length <= BAR_MAX ? (size_t)length : 0);
}

static void fill(struct table *t, const cJSON *answer, bool bars)
{
	double share;

	table_column(t, "PARAMETER");
	table_column(t, "IMPORTANCE");
	if (bars)
		table_column(t, "SHARE");
	json_each(item, json_get(answer, "parameters")) {
		const bool known = json_num(json_get(item, "importance"), &share);
		table_cell(t, json_str(json_get(item, "name")));
		table_cell(t, known ? arena_printf(t->arena, bars ? "%.3f" : "%.17g", share) : NULL);
		if (bars)
			table_cell(t, known ? bar(t->arena, share) : NULL);
	}
}

static bool print_answer(struct cli *c, const struct output *o, const cJSON *answer, struct err *e)
{
	const char *caveat = json_str(json_get(answer, "caveat"));
	struct strbuf out;
	struct table t;
	bool ok = true;

	strbuf_init(&out, 16 << 20);
	table_init(&t, c->arena);
	if (o->kind == OUTPUT_JSON || o->kind == OUTPUT_YAML || o->kind == OUTPUT_JSONPATH) {
		ok = output_tree(o, answer, &out, e);
	} else if (o->kind == OUTPUT_NAME) {
		json_each(item, json_get(answer, "parameters"))
			strbuf_printf(&out, "%s\n", json_str(json_get(item, "name")));
	} else if (o->kind == OUTPUT_CSV) {
		fill(&t, answer, false);
		table_csv(&t, &out);
	} else {
		strbuf_printf(&out, "%s of %s, %s, %s trials\n\n", json_str(json_get(answer, "objective")),
			json_str(json_get(answer, "experiment")), json_str(json_get(answer, "method")),
			show_exact(c->arena, json_get(answer, "trials")));
		fill(&t, answer, true);
		table_print(&t, &out, true, true);
	}
	if (ok)
		fputs(out.data, stdout);
	if (ok && caveat)
		fprintf(stderr, "note: %s\n", caveat);
	strbuf_free(&out);
	return ok;
}

static int importance_run(struct cli *c)
{
	const struct importance_values *v = c->values;
	const char *path = client_path(c->client, c->arena, c->options.args[0], "/importance");
	struct output output;
	const cJSON *answer;
	struct err e = {0};

	path = arena_printf(c->arena, "%s?method=%s%s%s", path, methods[v->method], v->objective ? "&objective=" : "",
		v->objective ? url_escape(c->arena, v->objective) : "");
	if (!output_parse(v->output, &output, &e) || !client_get(c->client, c->arena, path, &answer, &e) ||
		!print_answer(c, &output, answer, &e))
		return cli_fail(c, &e);
	return EXIT_DONE;
}

static const struct example importance_examples[] = {
	{"trimtab importance digits", "Which parameters are worth searching further"},
	{"trimtab importance digits -o name | head -3", "The three that matter most"},
	{NULL, NULL},
};

const struct command cmd_importance = {
	.name = "importance",
	.args = "NAME",
	.summary = "Say which parameters matter",
	.about = "Shares of the parameters in the results, from the trials that succeeded; at least 10 are needed. Where a "
			 "search learned from its results, a note on stderr says how far to trust them.",
	.options = importance_options,
	.values_size = sizeof(struct importance_values),
	.min_args = 1,
	.max_args = 1,
	.complete = "experiments",
	.examples = importance_examples,
	.run = importance_run,
};
