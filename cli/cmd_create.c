/* trimtab create -f FILE: a new experiment from a document. */
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "cli/documents.h"
#include "cli/input.h"
#include "cli/output.h"
#include "cli/show.h"
#include "lib/arena.h"
#include "lib/strbuf.h"

struct create_values {
	struct document_values document;
	int dry_run;
	const char *output;
};

static const char *const dry_runs[] = {"none", "server", NULL};

static const struct option_def create_options[] = {
	DOCUMENT_OPTIONS(struct create_values, document),
	OPT_ENUM(struct create_values, dry_run, "dry-run", 0, dry_runs, "none",
		"With server, check and show the document with its defaults, and create nothing"),
	OPT_STRING(
		struct create_values, output, "output", 'o', OUTPUT_METAVAR, NULL, "Print the answer in this form"),
	OPT_END,
};

static int create_one(struct cli *c, const char *source, const struct changes *changes)
{
	const struct create_values *v = c->values;
	struct document d;
	struct output output;
	struct reply reply;
	struct err e = {0};

	if (!output_parse(v->output, &output, &e) || !document_read(source, changes, c->arena, &d, &e) ||
		!document_post(c, &d, v->dry_run == 1 ? "?dryRun=All" : NULL, &reply, &e))
		return cli_fail(c, &e);
	if (v->dry_run == 1 && !v->output)
		output.kind = OUTPUT_YAML;
	return document_print(c, &output, reply.json, reply.status == 201 ? "created" : "unchanged");
}

static int create_run(struct cli *c)
{
	const struct create_values *v = c->values;

	return documents_each(c, &v->document, create_one);
}

static const struct example create_examples[] = {
	{"trimtab create -f experiment.yaml",
		"Create an experiment; creating the same one again changes nothing"},
	{"trimtab create -f experiment.yaml --set spec.budget.maxTrials=20 --generate-name nightly",
		"With a smaller budget and a new name"},
	{NULL, NULL},
};

const struct command cmd_create = {
	.name = "create",
	.args = "-f FILE",
	.summary = "Create an experiment from a document",
	.about = "The document is YAML or JSON, in the native or in Katib's form. An experiment of that name "
			 "with the same "
			 "contents is left as it is and counts as success; one with other contents is a conflict (exit "
			 "code 6).",
	.options = create_options,
	.values_size = sizeof(struct create_values),
	.examples = create_examples,
	.run = create_run,
};
