#include "cli/documents.h"

#include <stdio.h>
#include <string.h>

#include "cli/show.h"
#include "lib/arena.h"
#include "lib/strbuf.h"

enum { OUTPUT_TEXT_MAX = 64 << 20 };

bool document_changes(struct cli *c, const struct document_values *v, struct changes *out, struct err *e)
{
	for (size_t i = 0; i < v->set.n; i++)
		if (!changes_add(out, c->arena, v->set.items[i], e))
			return false;
	if (v->name && v->generate_name)
		return err_set(e, ERR_INVALID, "--name and --generate-name exclude each other");
	if (v->name)
		changes_set(out, c->arena, "metadata.name", text_json(c->arena, v->name));
	if (v->generate_name)
		changes_set(
			out, c->arena, "metadata.name", text_json(c->arena, generate_name(c->arena, v->generate_name)));
	return true;
}

int documents_each(struct cli *c, const struct document_values *v,
	int (*fn)(struct cli *c, const char *source, const struct changes *changes))
{
	struct changes changes = {0};
	struct err e = {0};
	int status = EXIT_DONE;

	if (!v->files.n)
		return cli_usage(c, "-f FILE is missing");
	if (!document_changes(c, v, &changes, &e))
		return cli_fail(c, &e);
	for (size_t i = 0; i < v->files.n && status == EXIT_DONE; i++)
		status = fn(c, v->files.items[i], &changes);
	return status;
}

bool document_post(
	struct cli *c, const struct document *d, const char *query, struct reply *out, struct err *e)
{
	const struct request r = {
		.method = "POST",
		.path = client_path(c->client, c->arena, NULL, query),
		.body = d->text,
		.body_len = d->len,
		.content_type = d->content_type,
	};

	return client_call(c->client, c->arena, &r, out, e);
}

int document_print(struct cli *c, const struct output *o, const cJSON *experiment, const char *what)
{
	struct strbuf out;
	struct err e = {0};
	bool ok = true;

	if (o->kind == OUTPUT_NAME) {
		printf("experiment/%s\n", experiment_name_of(experiment));
		return EXIT_DONE;
	}
	if (o->kind == OUTPUT_TABLE || o->kind == OUTPUT_WIDE || o->kind == OUTPUT_CSV) {
		printf("experiment/%s %s\n", experiment_name_of(experiment), what);
		return EXIT_DONE;
	}
	strbuf_init(&out, OUTPUT_TEXT_MAX);
	ok = output_tree(o, experiment, &out, &e);
	if (ok)
		fputs(out.data, stdout);
	strbuf_free(&out);
	return ok ? EXIT_DONE : cli_fail(c, &e);
}
