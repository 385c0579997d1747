/* trimtab validate -f FILE: every problem of a document, with or without a server. */
#include <stdio.h>

#include "cli/command.h"
#include "cli/documents.h"
#include "lib/arena.h"
#include "lib/problems.h"
#include "server/model/spec.h"

struct validate_values {
	struct document_values document;
	bool local, quiet;
};

static const struct option_def validate_options[] = {
	DOCUMENT_OPTIONS(struct validate_values, document),
	OPT_BOOL(struct validate_values, local, "local", 0, "Do not ask a server"),
	OPT_BOOL(struct validate_values, quiet, "quiet", 'q', "Print nothing when the document is valid"),
	OPT_END,
};

static void print_problems(const struct problems *p, FILE *to)
{
	for (size_t i = 0; i < p->n; i++) {
		const struct problem *x = &p->items[i];

		fprintf(to, "  %s%s%s", x->pointer, *x->pointer ? ": " : "", x->detail);
		if (x->did_you_mean)
			fprintf(to, "; did you mean %s?", x->did_you_mean);
		fputc('\n', to);
	}
	if (p->total > p->n)
		fprintf(to, "  and %zu more\n", p->total - p->n);
}

static int check_here(struct cli *c, const char *source, const struct document *d)
{
	const struct spec_options options = {.namespace = c->client->ns};
	const struct experiment_spec *spec;
	struct problems *problems = ARENA_NEW(c->arena, struct problems);
	struct problems *advice = ARENA_NEW(c->arena, struct problems);

	problems_init(problems, c->arena);
	problems_init(advice, c->arena);
	if (!spec_from_json(d->tree, &options, c->arena, &spec, problems, advice)) {
		fprintf(stderr, "trimtab: %s has %zu error%s\n", source, problems->total,
			problems->total == 1 ? "" : "s");
		print_problems(problems, stderr);
		return EXIT_USAGE;
	}
	print_problems(advice, stderr);
	return EXIT_DONE;
}

static bool check_there(struct cli *c, const struct document *d, struct err *e)
{
	const struct request r = {
		.method = "POST",
		.path = "/api/v1/validate",
		.body = d->text,
		.body_len = d->len,
		.content_type = d->content_type,
	};
	struct reply reply;

	return client_call(c->client, c->arena, &r, &reply, e);
}

static int validate_one(struct cli *c, const char *source, const struct changes *changes)
{
	const struct validate_values *v = c->values;
	struct document d;
	struct err e = {0};
	bool here = v->local || (!c->client->named && !client_ready(c->client, c->arena));
	int status = EXIT_DONE;

	if (!document_read(source, changes, c->arena, &d, &e))
		return cli_fail(c, &e);
	if (here)
		status = check_here(c, source, &d);
	else if (!check_there(c, &d, &e))
		status = cli_fail(c, &e);
	if (status == EXIT_DONE && !v->quiet)
		printf("%s is valid\n", d.name ? d.name : source);
	return status;
}

static int validate_run(struct cli *c)
{
	const struct validate_values *v = c->values;

	return documents_each(c, &v->document, validate_one);
}

static const struct example validate_examples[] = {
	{"trimtab validate -f experiment.yaml", "Every problem at once, each with the place in the document"},
	{NULL, NULL},
};

const struct command cmd_validate = {
	.name = "validate",
	.args = "-f FILE",
	.summary = "Check a document without creating anything",
	.about = "Asks the server; where none was named and none answers, the same checks run here.",
	.options = validate_options,
	.values_size = sizeof(struct validate_values),
	.examples = validate_examples,
	.run = validate_run,
};
