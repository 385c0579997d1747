/* trimtab export NAME: every trial as CSV, or the experiment with every trial as JSON. */
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "cli/export.h"
#include "cli/output.h"
#include "lib/arena.h"
#include "lib/json_write.h"
#include "lib/strbuf.h"

enum { EXPORT_MAX = 1 << 30, PAGE = 1000 };

struct export_values {
	int format;
	const char *state, *file;
};

static const char *const formats[] = {"csv", "json", NULL};

static const struct option_def export_options[] = {
	OPT_ENUM(struct export_values, format, "format", 0, formats, "csv", "Form of the output"),
	OPT_STRING(struct export_values, state, "state", 0, "STATE,...", NULL, "Only trials in these states"),
	OPT_PATH(struct export_values, file, "output-file", 'O', NULL, NULL,
		"Write to this file instead of standard output"),
	OPT_END,
};

static const char *trials_path(struct cli *c, struct arena *a, const char *experiment, const char *state)
{
	return client_path(c->client, a, experiment,
		arena_printf(
			a, "/trials?limit=%d%s%s", PAGE, state ? "&state=" : "", state ? url_escape(a, state) : ""));
}

/* Every page begins with the heading; only the first one's is kept. */
int export_csv(struct cli *c, const char *experiment, const char *state, FILE *to)
{
	const char *path = trials_path(c, c->arena, experiment, state);

	for (bool first = true; path; first = false) {
		struct arena *a = arena_new();
		struct reply reply;
		struct err e = {0};
		const char *text;

		if (!client_call(c->client, a, &(struct request){.path = path, .accept = "text/csv"}, &reply, &e)) {
			arena_free(a);
			return cli_fail(c, &e);
		}
		text =
			first ? reply.text : reply.text + strcspn(reply.text, "\n") + (strchr(reply.text, '\n') ? 1 : 0);
		fputs(text, to);
		path = arena_strdup(c->arena, reply.link_next);
		arena_free(a);
	}
	return EXIT_DONE;
}

static bool add_trial(void *ctx, const cJSON *trial)
{
	jw_value(ctx, NULL, trial);
	return true;
}

static int export_json(struct cli *c, const char *experiment, const char *state, FILE *to)
{
	const cJSON *document, *tree = NULL;
	struct strbuf out;
	struct json_writer w;
	struct err e = {0};
	bool ok;

	if (!client_get(c->client, c->arena, client_path(c->client, c->arena, experiment, NULL), &document, &e))
		return cli_fail(c, &e);
	strbuf_init(&out, EXPORT_MAX);
	jw_init(&w, &out);
	jw_object(&w, NULL);
	jw_value(&w, "experiment", document);
	jw_array(&w, "trials");
	ok = client_each(c->client, c->arena, trials_path(c, c->arena, experiment, state), add_trial, &w, &e);
	jw_end(&w);
	jw_end(&w);
	tree = ok ? json_parse(out.data, out.len, 0, c->arena, &e) : NULL;
	strbuf_reset(&out);
	if (tree) {
		json_pretty(&out, tree);
		fputs(out.data, to);
	}
	strbuf_free(&out);
	return tree ? EXIT_DONE : cli_fail(c, &e);
}

static int export_run(struct cli *c)
{
	const struct export_values *v = c->values;
	const char *experiment = c->options.args[0];
	FILE *to = v->file ? fopen(v->file, "w") : stdout;
	int status;

	if (!to) {
		fprintf(stderr, "trimtab: %s cannot be written: %m\n", v->file);
		return EXIT_OTHER;
	}
	status =
		v->format == 0 ? export_csv(c, experiment, v->state, to) : export_json(c, experiment, v->state, to);
	if (fflush(to) != 0 || (v->file && fclose(to) != 0)) {
		fprintf(stderr, "trimtab: %s was not written whole: %m\n", v->file ? v->file : "standard output");
		return EXIT_OTHER;
	}
	return status;
}

static const struct example export_examples[] = {
	{"trimtab export digits --format csv -O digits.csv", "For a spreadsheet, pandas, R"},
	{NULL, NULL},
};

const struct command cmd_export = {
	.name = "export",
	.args = "NAME",
	.summary = "Write every trial of an experiment as CSV or JSON",
	.about = "Trials that failed are in it too. What is exported as CSV can be imported again.",
	.options = export_options,
	.values_size = sizeof(struct export_values),
	.min_args = 1,
	.max_args = 1,
	.complete = "experiments",
	.examples = export_examples,
	.run = export_run,
};
