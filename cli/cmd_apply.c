/* trimtab apply -f FILE: create the experiment, or change what may change in it. */
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "cli/documents.h"
#include "cli/show.h"
#include "lib/arena.h"
#include "lib/json_write.h"
#include "lib/strbuf.h"

struct apply_values {
	struct document_values document;
	const char *output;
};

static const struct option_def apply_options[] = {
	DOCUMENT_OPTIONS(struct apply_values, document),
	OPT_STRING(
		struct apply_values, output, "output", 'o', OUTPUT_METAVAR, NULL, "Print the answer in this form"),
	OPT_END,
};

/* The merge patch of what may be edited: labels, annotations and budget. */
static const char *patch_of(struct arena *a, const cJSON *doc)
{
	static const char *const parts[] = {"labels", "annotations"};
	struct strbuf b;
	struct json_writer w;
	const char *text;

	strbuf_init(&b, 1 << 20);
	jw_init(&w, &b);
	jw_object(&w, NULL);
	jw_object(&w, "metadata");
	for (size_t i = 0; i < ARRAY_LEN(parts); i++)
		if (json_get(json_get(doc, "metadata"), parts[i]))
			jw_value(&w, parts[i], json_get(json_get(doc, "metadata"), parts[i]));
	jw_end(&w);
	jw_object(&w, "spec");
	if (json_at(doc, "/spec/budget"))
		jw_value(&w, "budget", json_at(doc, "/spec/budget"));
	jw_end(&w);
	jw_end(&w);
	text = arena_strdup(a, b.data);
	strbuf_free(&b);
	return text;
}

static bool edit(struct cli *c, const struct document *d, struct reply *reply, struct err *e)
{
	struct request r = {
		.method = "PATCH",
		.path = client_path(c->client, c->arena, d->name, NULL),
		.body = patch_of(c->arena, d->tree),
		.content_type = "application/merge-patch+json",
	};

	return client_call(c->client, c->arena, &r, reply, e);
}

/* Does every difference that the conflict names lie in what may be edited? */
static bool only_editable(const char *problems)
{
	static const char *const editable[] = {
		"/spec/budget", "/metadata/labels", "/metadata/annotations", "/spec/paused"};
	static const char mark[] = "  differs: ";
	size_t n = 0;

	for (const char *line = problems; (line = strstr(line, mark)) != NULL; n++) {
		bool found = false;

		line += sizeof mark - 1;
		for (size_t i = 0; i < ARRAY_LEN(editable); i++)
			found |= strncmp(line, editable[i], strlen(editable[i])) == 0;
		if (!found)
			return false;
	}
	return n > 0;
}

/* A document of the same spec is the same experiment to the server, whatever its labels say. */
static bool same_metadata(const cJSON *doc, const cJSON *experiment)
{
	static const char *const parts[] = {"/metadata/labels", "/metadata/annotations"};

	for (size_t i = 0; i < ARRAY_LEN(parts); i++)
		json_each(item, json_at(doc, parts[i])) {
			const cJSON *there = json_get(json_at(experiment, parts[i]), item->string);

			if (!there || !json_equal(there, item))
				return false;
		}
	return true;
}

static int apply_one(struct cli *c, const char *source, const struct changes *changes)
{
	const struct apply_values *v = c->values;
	struct document d;
	struct output output;
	struct reply reply;
	struct err e = {0};

	if (!output_parse(v->output, &output, &e) || !document_read(source, changes, c->arena, &d, &e))
		return cli_fail(c, &e);
	if (document_post(c, &d, NULL, &reply, &e)) {
		if (reply.status == 201 || same_metadata(d.tree, reply.json))
			return document_print(c, &output, reply.json, reply.status == 201 ? "created" : "unchanged");
		return edit(c, &d, &reply, &e) ? document_print(c, &output, reply.json, "configured")
		                               : cli_fail(c, &e);
	}
	if (e.code != ERR_EXISTS || !d.name || !only_editable(c->client->problems.data) ||
		!edit(c, &d, &reply, &e))
		return cli_fail(c, &e);
	return document_print(c, &output, reply.json, "configured");
}

static int apply_run(struct cli *c)
{
	const struct apply_values *v = c->values;

	return documents_each(c, &v->document, apply_one);
}

static const struct example apply_examples[] = {
	{"trimtab apply -f experiment.yaml --set spec.budget.maxTrials=200", "Create it, or raise its budget"},
	{NULL, NULL},
};

const struct command cmd_apply = {
	.name = "apply",
	.args = "-f FILE",
	.summary = "Create an experiment or edit what may be edited in it",
	.about = "Labels, annotations and the budget of an experiment can change while it runs. Any other "
			 "difference between "
			 "the document and the experiment is a conflict (exit code 6) that names the fields.",
	.options = apply_options,
	.values_size = sizeof(struct apply_values),
	.examples = apply_examples,
	.run = apply_run,
};
