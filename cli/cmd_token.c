/* trimtab token add, list, delete: who may do what. */
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "cli/output.h"
#include "cli/show.h"
#include "cli/table.h"
#include "lib/arena.h"
#include "lib/json_write.h"
#include "lib/strbuf.h"

struct token_values {
	int role;
	bool all;
	int64_t expires_us;
	const char *output;
};

static const char *const roles[] = {"viewer", "editor", "admin", NULL};

static const struct option_def token_options[] = {
	OPT_ENUM(struct token_values, role, "role", 0, roles, "viewer", "What the token may do"),
	OPT_BOOL(struct token_values, all, "all-namespaces", 'A', "In every namespace, not only in --namespace"),
	OPT_DURATION(struct token_values, expires_us, "expires", 0, NULL, NULL, 1, 315360000,
		"Time from now until it ends"),
	OPT_STRING(struct token_values, output, "output", 'o', OUTPUT_METAVAR, "table", "Form of the list"),
	OPT_END,
};

static int token_add(struct cli *c, const char *name)
{
	const struct token_values *v = c->values;
	const cJSON *answer;
	struct strbuf body;
	struct json_writer w;
	struct err e = {0};
	bool ok;

	strbuf_init(&body, 8192);
	jw_init(&w, &body);
	jw_object(&w, NULL);
	jw_str(&w, "name", name);
	jw_str(&w, "role", roles[v->role]);
	jw_str(&w, "namespace", v->all ? "*" : c->client->ns);
	if (v->expires_us)
		jw_num(&w, "expiresIn", (double)v->expires_us / 1e6);
	jw_end(&w);
	ok = client_post(c->client, c->arena, "/api/v1/tokens", body.data, &answer, &e);
	strbuf_free(&body);
	if (!ok)
		return cli_fail(c, &e);
	puts(show_exact(c->arena, json_get(answer, "token")));
	fprintf(stderr, "token/%s created; it is shown this once only\n", name);
	return EXIT_DONE;
}

static int token_delete(struct cli *c, const char *name)
{
	struct request r = {
		.method = "DELETE", .path = arena_printf(c->arena, "/api/v1/tokens/%s", url_escape(c->arena, name))};
	struct reply reply;
	struct err e = {0};

	if (!client_call(c->client, c->arena, &r, &reply, &e))
		return cli_fail(c, &e);
	printf("token/%s deleted\n", name);
	return EXIT_DONE;
}

static void add_tokens(struct table *t, const cJSON *items)
{
	static const char *const heads[] = {"NAME", "ROLE", "NAMESPACE", "EXPIRES", "AGE"};

	for (size_t i = 0; i < ARRAY_LEN(heads); i++)
		table_column(t, heads[i]);
	json_each(item, items) {
		table_cell(t, json_str(json_get(item, "name")));
		table_cell(t, json_str(json_get(item, "role")));
		table_cell(t, json_str(json_get(item, "namespace")));
		table_cell(t, json_str(json_get(item, "expiresAt")));
		table_cell(t, show_age(t->arena, json_str(json_get(item, "createdAt"))));
	}
}

static int token_list(struct cli *c)
{
	const struct token_values *v = c->values;
	const cJSON *list;
	struct output output;
	struct strbuf out;
	struct table t;
	struct err e = {0};
	bool ok = true;

	if (!output_parse(v->output, &output, &e) ||
		!client_get(c->client, c->arena, "/api/v1/tokens", &list, &e))
		return cli_fail(c, &e);
	strbuf_init(&out, 16 << 20);
	table_init(&t, c->arena);
	if (output.kind == OUTPUT_TABLE || output.kind == OUTPUT_WIDE) {
		add_tokens(&t, json_get(list, "items"));
		table_print(&t, &out, true, false);
	} else {
		ok = output_tree(&output, list, &out, &e);
	}
	if (ok)
		fputs(out.data, stdout);
	strbuf_free(&out);
	return ok ? EXIT_DONE : cli_fail(c, &e);
}

static int token_run(struct cli *c)
{
	const char *verb = c->options.args[0];
	const char *name = c->options.n_args > 1 ? c->options.args[1] : NULL;

	if (strcmp(verb, "list") == 0 && !name)
		return token_list(c);
	if (strcmp(verb, "add") == 0 && name)
		return token_add(c, name);
	if (strcmp(verb, "delete") == 0 && name)
		return token_delete(c, name);
	return cli_usage(c, "say add NAME, list, or delete NAME");
}

static const struct example token_examples[] = {
	{"trimtab token add ana --role editor -n vision",
		"The token is printed once; the server keeps only its hash"},
	{NULL, NULL},
};

const struct command cmd_token = {
	.name = "token",
	.args = "add|list|delete [NAME]",
	.summary = "Manage the tokens of users and programs",
	.options = token_options,
	.values_size = sizeof(struct token_values),
	.min_args = 1,
	.max_args = 2,
	.examples = token_examples,
	.run = token_run,
};
