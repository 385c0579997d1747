/* trimtab explain experiment.spec.parameters: the document's fields, from the tables that decode them. */
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "cli/table.h"
#include "lib/arena.h"
#include "lib/num.h"
#include "lib/problems.h"
#include "lib/strbuf.h"
#include "server/model/spec.h"

#define LIMIT_WORTH_SAYING 1e300

static const char *type_of(const struct json_field *f)
{
	static const char *const names[] = {
		[JF_K_END] = "",
		[JF_K_STR] = "string",
		[JF_K_ENUM] = "enum",
		[JF_K_NUM] = "number",
		[JF_K_INT] = "integer",
		[JF_K_BOOL] = "boolean",
		[JF_K_DURATION] = "duration",
		[JF_K_OBJECT] = "object",
		[JF_K_LIST] = "list",
		[JF_K_MAP] = "map",
		[JF_K_STRINGS] = "strings",
		[JF_K_STRMAP] = "map",
		[JF_K_ANY] = "any",
		[JF_K_FUN] = "value",
	};

	return (size_t)f->kind < ARRAY_LEN(names) && names[f->kind] ? names[f->kind] : "object";
}

static const char *limits_of(const struct json_field *f, struct arena *a)
{
	char lo[NUM_MAX], hi[NUM_MAX];
	const char *text = "";

	for (size_t i = 0; f->kind == JF_K_ENUM && f->names[i]; i++)
		text = arena_printf(a, "%s%s%s", text, i ? "|" : "", f->names[i]);
	if ((f->kind != JF_K_INT && f->kind != JF_K_NUM) || f->min >= f->max ||
		f->max - f->min > LIMIT_WORTH_SAYING)
		return text;
	num_format(lo, f->min);
	num_format(hi, f->max);
	return arena_printf(a, "%s..%s", lo, hi);
}

static void print_fields(const struct json_field *fields, struct arena *a)
{
	struct strbuf out;
	struct table t;

	table_init(&t, a);
	table_column(&t, "FIELD");
	table_column(&t, "TYPE");
	table_column(&t, "LIMITS");
	table_column(&t, "DEFAULT");
	table_column(&t, "MEANING");
	for (const struct json_field *f = fields; f->kind != JF_K_END; f++) {
		if (!f->doc)
			continue;
		table_cell(&t, arena_printf(a, "%s%s", f->name, f->need == JF_REQUIRED ? "*" : ""));
		table_cell(&t, type_of(f));
		table_cell(&t, limits_of(f, a));
		table_cell(&t, f->dflt);
		table_cell(&t, f->doc);
	}
	strbuf_init(&out, 1 << 20);
	table_print(&t, &out, true, true);
	fputs(out.data, stdout);
	puts("\n* is required");
	strbuf_free(&out);
}

static const struct json_field *field_named(const struct json_field *fields, const char *word)
{
	for (const struct json_field *f = fields; f->kind != JF_K_END; f++)
		if (strcmp(f->name, word) == 0)
			return f;
	return NULL;
}

static bool unknown_field(const struct json_field *fields, const char *word, struct err *e)
{
	const char *names[128] = {0};
	const char *near;
	size_t n = 0;

	for (const struct json_field *f = fields; f->kind != JF_K_END && n < ARRAY_LEN(names) - 1; f++)
		names[n++] = f->name;
	near = nearest_name(word, names);
	return err_set(e, ERR_NOT_FOUND, "there is no field '%s'%s%s%s", word, near ? "; did you mean " : "",
		near ? near : "", near ? "?" : "");
}

/* Walks "experiment.spec.budget" down; *fields is NULL when the last word is a plain value. */
static bool walk(const char *path, struct arena *a, const struct json_field **fields,
	const struct json_field **leaf, struct err *e)
{
	char *words = arena_strdup(a, path), *save = NULL;

	*fields = document_fields;
	*leaf = NULL;
	for (char *word = strtok_r(words, ".", &save); word; word = strtok_r(NULL, ".", &save)) {
		if (!*leaf && *fields == document_fields && strcmp(word, "experiment") == 0)
			continue;
		if (!*fields)
			return err_set(e, ERR_NOT_FOUND, "%s has no fields", (*leaf)->name);
		*leaf = field_named(*fields, word);
		if (!*leaf)
			return unknown_field(*fields, word, e);
		*fields = (*leaf)->sub;
	}
	return true;
}

static int explain_run(struct cli *c)
{
	const char *path = c->options.n_args ? c->options.args[0] : "experiment";
	const struct json_field *fields, *leaf;
	struct err e = {0};

	if (!walk(path, c->arena, &fields, &leaf, &e))
		return cli_fail(c, &e);
	if (leaf)
		printf("%s: %s\n%s%s\n", path, type_of(leaf), leaf->doc ? leaf->doc : "", fields ? "\n" : "");
	if (fields)
		print_fields(fields, c->arena);
	return EXIT_DONE;
}

static const struct example explain_examples[] = {
	{"trimtab explain experiment.spec.budget", "Fields, types, defaults"},
	{NULL, NULL},
};

const struct command cmd_explain = {
	.name = "explain",
	.args = "[experiment.FIELD...]",
	.summary = "Explain the fields of the experiment document",
	.max_args = 1,
	.local = true,
	.examples = explain_examples,
	.run = explain_run,
};
