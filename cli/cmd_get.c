/* trimtab get experiments|trials|events: lists, and single things in any form. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/export.h"
#include "cli/input.h"
#include "cli/output.h"
#include "cli/rows.h"
#include "cli/show.h"
#include "lib/arena.h"
#include "lib/json_write.h"
#include "lib/strbuf.h"

enum { OUTPUT_TEXT_MAX = 256 << 20, WATCH_SECONDS = 2, PAGE = 500 };

struct get_values {
	const char *output, *selector, *state, *sort;
	int64_t limit;
	bool all_namespaces, archived, watch, no_headers;
};

static const struct option_def get_options[] = {
	OPT_STRING(struct get_values, output, "output", 'o', OUTPUT_METAVAR, "table", "Form of the answer"),
	OPT_STRING(struct get_values, selector, "selector", 'l', "KEY=VALUE,...", NULL,
		"Only experiments with these labels"),
	OPT_STRING(struct get_values, state, "state", 0, "STATE,...", NULL, "Only those in these states"),
	OPT_STRING(struct get_values, sort, "sort", 0, "KEY", NULL,
		"Order: rank or number for trials, createdAt or name for experiments; a minus reverses"),
	OPT_INT(struct get_values, limit, "limit", 0, NULL, NULL, 1, 1000000, "At most this many"),
	OPT_BOOL(struct get_values, all_namespaces, "all-namespaces", 'A', "Experiments of every namespace"),
	OPT_BOOL(struct get_values, archived, "archived", 0, "Experiments that were deleted, with their uids"),
	OPT_BOOL(struct get_values, watch, "watch", 'w', "Go on and print what changes"),
	OPT_BOOL(struct get_values, no_headers, "no-headers", 0, "No headings"),
	OPT_END,
};

enum kind { EXPERIMENTS, TRIALS, EVENTS };

/* One listing under way. */
struct get {
	struct cli *cli;
	const struct get_values *v;
	enum kind kind;
	struct output output;
	const char *experiment, *one; /* of trials and events; the single thing asked for */
	struct arena *arena;          /* of this round */
	struct rows_style style;
	struct trial_columns columns;
	struct table table;
	struct json_writer *tree; /* gathers items for json and yaml */
	struct strbuf *text;
	int64_t left;            /* of --limit */
	const struct seen *seen; /* what the round before printed, with -w */
	struct seen *next;
	size_t n_items;
};

/* A name and a version that has been printed. */
struct seen {
	struct seen *next;
	const char *name, *version;
};

static const char *add_query(struct arena *a, const char *path, const char *name, const char *value)
{
	if (!value)
		return path;
	return arena_printf(a, "%s%c%s=%s", path, strchr(path, '?') ? '&' : '?', name, url_escape(a, value));
}

static const char *list_path(const struct get *g)
{
	struct client *client = g->cli->client;
	struct arena *a = g->arena;
	const char *path;

	if (g->kind == EVENTS)
		return client_path(client, a, g->experiment, "/events");
	if (g->kind == TRIALS)
		path = client_path(client, a, g->experiment, "/trials");
	else
		path = g->v->all_namespaces ? "/api/v1/experiments" : client_path(client, a, NULL, NULL);
	path = add_query(a, path, "limit", arena_printf(a, "%d", (int)(g->left < PAGE ? g->left : PAGE)));
	path = add_query(a, path, "state", g->v->state);
	path = add_query(a, path, "sort", g->v->sort);
	if (g->kind == TRIALS)
		return path;
	path = add_query(a, path, "archived", g->v->archived ? "true" : NULL);
	return add_query(a, path, "labelSelector", g->v->selector);
}

static const char *item_name(const struct get *g, const cJSON *item)
{
	const char *name = g->kind == EXPERIMENTS ? experiment_name_of(item) : json_str(json_get(item, "name"));

	return name ? name : "";
}

static const char *item_version(const struct get *g, const cJSON *item)
{
	if (g->kind == TRIALS)
		return show_exact(g->arena, json_get(item, "version"));
	if (g->kind == EVENTS)
		return show_exact(g->arena, json_get(item, "id"));
	return arena_printf(g->arena, "%s/%s/%s",
		show_exact(g->arena, json_at(item, "/metadata/resourceVersion")),
		show_exact(g->arena, json_at(item, "/status/trialsVersion")), experiment_state_of(item));
}

/* With -w, only what is new or has changed since the last round. */
static bool unchanged(struct get *g, const cJSON *item)
{
	struct arena *keep = g->arena;
	const char *name = item_name(g, item), *version = item_version(g, item);
	struct seen *now;

	if (!g->v->watch)
		return false;
	now = ARENA_NEW(keep, struct seen);
	*now = (struct seen){g->next, arena_strdup(keep, name), arena_strdup(keep, version)};
	for (const struct seen *s = g->seen; s; s = s->next)
		if (strcmp(s->name, name) == 0 && strcmp(s->version, version) == 0) {
			g->next = now;
			return true;
		}
	g->next = now;
	return false;
}

static void add_item(struct get *g, const cJSON *item)
{
	switch (g->output.kind) {
	case OUTPUT_NAME:
		strbuf_printf(g->text, "%s/%s\n", g->kind == TRIALS ? "trial" : "experiment", item_name(g, item));
		return;
	case OUTPUT_JSON:
	case OUTPUT_YAML:
	case OUTPUT_JSONPATH:
		jw_value(g->tree, NULL, item);
		return;
	case OUTPUT_TABLE:
	case OUTPUT_WIDE:
	case OUTPUT_CSV:
		break;
	}
	switch (g->kind) {
	case EXPERIMENTS:
		experiment_row(&g->table, &g->style, item);
		return;
	case TRIALS:
		trial_row(&g->table, &g->style, &g->columns, item);
		return;
	case EVENTS:
		event_row(&g->table, item);
		return;
	}
}

static bool take_item(void *ctx, const cJSON *item)
{
	struct get *g = ctx;

	g->n_items++;
	if (!unchanged(g, item))
		add_item(g, item);
	return --g->left > 0;
}

static bool begin_table(struct get *g, struct err *e)
{
	const cJSON *experiment;

	table_init(&g->table, g->arena);
	if (g->kind == EXPERIMENTS) {
		experiment_columns(&g->table, &g->style);
	} else if (g->kind == EVENTS) {
		event_columns(&g->table);
	} else {
		if (!client_get(g->cli->client, g->arena, client_path(g->cli->client, g->arena, g->experiment, NULL),
				&experiment, e))
			return false;
		trial_columns_of(&g->columns, experiment, g->style.wide);
		trial_head(&g->table, &g->style, &g->columns);
	}
	return true;
}

/* The single thing, as one item; its tree itself for -o json. */
static bool fetch_one(struct get *g, const cJSON **item, struct err *e)
{
	struct client *client = g->cli->client;
	const char *path;

	if (g->kind == EXPERIMENTS)
		path = client_path(client, g->arena, g->one, NULL);
	else
		path = client_path(client, g->arena, g->experiment,
			arena_printf(g->arena, "/trials/%s", url_escape(g->arena, g->one)));
	return client_get(client, g->arena, path, item, e);
}

static bool is_tree(const struct get *g)
{
	return g->output.kind == OUTPUT_JSON || g->output.kind == OUTPUT_YAML ||
	       g->output.kind == OUTPUT_JSONPATH;
}

static bool fill(struct get *g, const cJSON **tree, struct err *e)
{
	struct json_writer w;
	struct strbuf list;
	bool ok;

	if (g->one) {
		if (!fetch_one(g, tree, e))
			return false;
		if (!is_tree(g))
			take_item(g, *tree);
		return true;
	}
	strbuf_init(&list, OUTPUT_TEXT_MAX);
	jw_init(&w, &list);
	g->tree = &w;
	jw_object(&w, NULL);
	jw_array(&w, "items");
	ok = client_each(g->cli->client, g->arena, list_path(g), take_item, g, e);
	jw_end(&w);
	jw_end(&w);
	if (ok && is_tree(g))
		*tree = json_parse(list.data, list.len, 0, g->arena, e);
	strbuf_free(&list);
	g->tree = NULL;
	return ok && (!is_tree(g) || *tree);
}

/* One request's worth of output; false with *e set. */
static bool print_round(struct get *g, bool first, struct err *e)
{
	const cJSON *tree = NULL;
	struct strbuf out;
	bool ok;

	strbuf_init(&out, OUTPUT_TEXT_MAX);
	g->text = &out;
	g->left = g->v->limit ? g->v->limit : INT64_MAX;
	ok = begin_table(g, e) && fill(g, &tree, e);
	if (ok && is_tree(g))
		ok = output_tree(&g->output, tree, &out, e);
	else if (ok && g->output.kind == OUTPUT_CSV)
		table_csv(&g->table, &out);
	else if (ok && g->output.kind != OUTPUT_NAME && g->table.n_cells)
		table_print(&g->table, &out, first && !g->v->no_headers, first && !g->style.wide);
	if (ok)
		fputs(out.data, stdout);
	fflush(stdout);
	strbuf_free(&out);
	g->text = NULL;
	return ok;
}

static const char *nothing(const struct get *g)
{
	static const char *const words[] = {"experiments", "trials", "events"};

	return words[g->kind];
}

static int get_loop(struct get *g)
{
	struct arena *before = NULL; /* of the last round: g->seen */
	struct err e = {0};

	for (bool first = true;; first = false) {
		bool ok;

		g->arena = arena_new();
		g->seen = g->next;
		g->next = NULL;
		ok = print_round(g, first, &e);
		arena_free(before);
		before = g->arena;
		if (!ok || !g->v->watch)
			arena_free(before);
		if (!ok)
			return cli_fail(g->cli, &e);
		if (!g->v->watch) {
			if (!g->n_items && !g->one && !is_tree(g))
				fprintf(stderr, "No %s found.\n", nothing(g));
			return EXIT_DONE;
		}
		sleep(WATCH_SECONDS);
	}
}

static bool kind_parse(const char *word, enum kind *out)
{
	static const struct {
		const char *word;
		enum kind kind;
	} words[] = {
		{"experiments", EXPERIMENTS},
		{"experiment", EXPERIMENTS},
		{"exp", EXPERIMENTS},
		{"trials", TRIALS},
		{"trial", TRIALS},
		{"events", EVENTS},
		{"event", EVENTS},
	};

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (strcmp(words[i].word, word) == 0) {
			*out = words[i].kind;
			return true;
		}
	return false;
}

static int get_run(struct cli *c)
{
	struct get g = {.cli = c, .v = c->values};
	const char *const *args = c->options.args;
	size_t n = c->options.n_args;
	struct err e = {0};

	if (!kind_parse(args[0], &g.kind))
		return cli_usage(c, "'%s' is none of experiments, trials, events", args[0]);
	if (!output_parse(g.v->output, &g.output, &e))
		return cli_fail(c, &e);
	if (g.v->archived && (g.kind != EXPERIMENTS || n > 1))
		return cli_usage(c, "--archived lists experiments: get experiments --archived");
	g.style = (struct rows_style){
		.wide = g.output.kind == OUTPUT_WIDE, .namespaces = g.v->all_namespaces, .archived = g.v->archived};
	if (g.kind == EXPERIMENTS) {
		if (n > 2)
			return cli_usage(c, "'%s' is one argument too many", args[2]);
		g.one = n == 2 ? args[1] : NULL;
		return get_loop(&g);
	}
	if (n < 2)
		return cli_usage(c, "the experiment's name is missing");
	split_trial(c->arena, args[1], &g.experiment, &g.one);
	if (n == 3)
		g.one = args[2];
	if (g.kind == TRIALS && g.output.kind == OUTPUT_CSV && !g.one)
		return export_csv(c, g.experiment, g.v->state, stdout);
	return get_loop(&g);
}

static const struct example get_examples[] = {
	{"trimtab get experiments", "What there is"},
	{"trimtab get trials digits --sort rank --limit 5", "The five best trials"},
	{"trimtab get experiment digits -o jsonpath='{.status.state}'", "One word for a script"},
	{NULL, NULL},
};

const struct command cmd_get = {
	.name = "get",
	.args = "experiments|trials|events [NAME] [TRIAL]",
	.summary = "List experiments, trials or events",
	.about = "trials and events need the name of their experiment. A trial is named by its number or its "
			 "name, also as "
			 "NAME/TRIAL.",
	.options = get_options,
	.values_size = sizeof(struct get_values),
	.min_args = 1,
	.max_args = 3,
	.complete = "get",
	.examples = get_examples,
	.run = get_run,
};
