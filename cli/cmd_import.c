/* trimtab import NAME -f trials.csv: trials that ended elsewhere, as history for the search. */
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "cli/csv.h"
#include "cli/input.h"
#include "cli/show.h"
#include "lib/arena.h"
#include "lib/file.h"
#include "lib/json_write.h"
#include "lib/num.h"
#include "lib/strbuf.h"

enum { FILE_MAX = 64 << 20, BATCH = 500 };

struct import_values {
	const char *file;
	bool pending;
};

static const struct option_def import_options[] = {
	OPT_PATH(struct import_values, file, "filename", 'f', NULL, NULL,
		"Trials to read, as CSV or JSON; - is standard input"),
	OPT_BOOL(struct import_values, pending, "enqueue", 0,
		"Try these points, whatever the file says of their results"),
	OPT_END,
};

/* What the columns of a file are: names of parameters and of metrics of the experiment. */
struct importing {
	struct cli *cli;
	const cJSON *parameters, *objectives;
	const char *const *head;
	size_t n_columns;
	struct strbuf body;
	struct json_writer w;
	size_t pending, sent; /* in the batch; in all */
};

static bool is_metric(const struct importing *im, const char *name)
{
	json_each(objective, im->objectives) {
		const char *metric = json_str(json_get(objective, "metric"));

		if (metric && strcmp(metric, name) == 0)
			return true;
	}
	return false;
}

static bool flush(struct importing *im, const char *path, struct err *e)
{
	struct arena *a = arena_new();
	struct reply reply;
	bool ok = true;

	jw_end(&im->w);
	jw_end(&im->w);
	if (im->pending)
		ok = client_call(im->cli->client, a,
			&(struct request){.method = "POST", .path = path, .body = im->body.data}, &reply, e);
	im->sent += im->pending;
	im->pending = 0;
	arena_free(a);
	return ok;
}

static void begin_batch(struct importing *im)
{
	strbuf_reset(&im->body);
	jw_init(&im->w, &im->body);
	jw_object(&im->w, NULL);
	jw_array(&im->w, "trials");
}

/* A categorical "3" stays a string: the declared values say what is meant. */
static const char *param_json(struct arena *a, const cJSON *parameter, const char *text)
{
	json_each(value, json_get(parameter, "values"))
		if (strcmp(show_exact(a, value), text) == 0)
			return json_str(value) ? text_json(a, text) : text;
	return word_json(a, text);
}

static void write_params(struct importing *im, struct arena *a, const char *const *cells)
{
	jw_object(&im->w, "parameters");
	for (size_t i = 0; i < im->n_columns; i++) {
		const cJSON *parameter = json_get(im->parameters, im->head[i]);

		if (parameter && *cells[i])
			jw_raw(&im->w, im->head[i], param_json(a, parameter, cells[i]));
	}
	jw_end(&im->w);
}

static bool write_values(struct importing *im, const char *const *cells, size_t line, struct err *e)
{
	bool open = false;

	for (size_t i = 0; i < im->n_columns; i++) {
		double x;

		if (!*cells[i] || !is_metric(im, im->head[i]))
			continue;
		if (!num_parse(cells[i], strlen(cells[i]), true, &x))
			return err_set(e, ERR_INVALID, "line %zu: %s '%s' is not a number", line, im->head[i], cells[i]);
		if (!open)
			jw_object(&im->w, "values");
		open = true;
		jw_num(&im->w, im->head[i], x);
	}
	if (open)
		jw_end(&im->w);
	return true;
}

static const char *cell_named(const struct importing *im, const char *const *cells, const char *name)
{
	for (size_t i = 0; i < im->n_columns; i++)
		if (strcmp(im->head[i], name) == 0 && *cells[i])
			return cells[i];
	return NULL;
}

/* Trials that were running when they were exported have nothing to import. */
static bool is_ended(const char *state)
{
	static const char *const ended[] = {"succeeded", "failed", "early_stopped", "killed", "infeasible"};

	for (size_t i = 0; i < ARRAY_LEN(ended); i++)
		if (strcmp(state, ended[i]) == 0)
			return true;
	return false;
}

static bool add_row(struct importing *im, const char *const *cells, size_t line, struct err *e)
{
	const struct import_values *v = im->cli->values;
	const char *state = cell_named(im, cells, "state");
	const char *reason = cell_named(im, cells, "reason");

	state = v->pending ? "pending" : state ? state : "succeeded";
	if (!v->pending && !is_ended(state))
		return true;
	jw_object(&im->w, NULL);
	jw_str(&im->w, "state", state);
	write_params(im, im->cli->arena, cells);
	if (!v->pending && !write_values(im, cells, line, e))
		return false;
	if (!v->pending && reason && strcmp(state, "succeeded") != 0)
		jw_str(&im->w, "reason", reason);
	jw_end(&im->w);
	im->pending++;
	return true;
}

static bool import_csv(struct importing *im, const char *text, size_t n, const char *path, struct err *e)
{
	struct csv csv;
	const char *const *cells;
	size_t count;

	csv_init(&csv, text, n, im->cli->arena);
	if (!csv_row(&csv, &im->head, &im->n_columns, e))
		return e->code == ERR_OK ? err_set(e, ERR_INVALID, "the file is empty") : false;
	begin_batch(im);
	while (csv_row(&csv, &cells, &count, e)) {
		if (count != im->n_columns)
			return err_set(e, ERR_INVALID, "line %zu has %zu fields, the heading has %zu", csv.line, count,
				im->n_columns);
		if (!add_row(im, cells, csv.line, e))
			return false;
		if (im->pending == BATCH) {
			if (!flush(im, path, e))
				return false;
			begin_batch(im);
		}
	}
	return e->code == ERR_OK && flush(im, path, e);
}

/* {"trials": [...]} as export writes it, a bare array, or one object a line. */
static const cJSON *json_trials(struct importing *im, const char *text, size_t n, struct err *e)
{
	const cJSON *tree = json_parse(text, n, FILE_MAX, im->cli->arena, e);
	const cJSON *trials = tree ? json_get(tree, "trials") : NULL;

	return trials ? trials : tree;
}

static void copy_trial(struct importing *im, const cJSON *trial)
{
	static const char *const keys[] = {"parameters", "values", "reason", "message"};
	const struct import_values *v = im->cli->values;
	const char *state = json_str(json_get(trial, "state"));

	if (!v->pending && state && !is_ended(state))
		return;
	jw_object(&im->w, NULL);
	jw_str(&im->w, "state", v->pending ? "pending" : state ? state : "succeeded");
	for (size_t i = 0; i < (v->pending ? 1 : ARRAY_LEN(keys)); i++)
		if (json_get(trial, keys[i]) && !json_is_null(json_get(trial, keys[i])))
			jw_value(&im->w, keys[i], json_get(trial, keys[i]));
	jw_end(&im->w);
	im->pending++;
}

static bool import_json(struct importing *im, const char *text, size_t n, const char *path, struct err *e)
{
	const cJSON *trials = json_trials(im, text, n, e);

	if (!trials)
		return false;
	begin_batch(im);
	json_each(trial, trials) {
		copy_trial(im, trial);
		if (im->pending == BATCH) {
			if (!flush(im, path, e))
				return false;
			begin_batch(im);
		}
	}
	return flush(im, path, e);
}

static int import_run(struct cli *c)
{
	const struct import_values *v = c->values;
	struct importing im = {.cli = c};
	const char *name = c->options.args[0];
	const char *path = client_path(c->client, c->arena, name, "/trials");
	const cJSON *experiment;
	const char *text;
	struct err e = {0};
	size_t n;
	bool ok;

	if (!v->file)
		return cli_usage(c, "-f FILE is missing");
	text = file_read(v->file, FILE_MAX, c->arena, &n, &e);
	if (!text ||
		!client_get(c->client, c->arena, client_path(c->client, c->arena, name, NULL), &experiment, &e))
		return cli_fail(c, &e);
	im.parameters = json_at(experiment, "/spec/parameters");
	im.objectives = json_at(experiment, "/spec/objectives");
	strbuf_init(&im.body, FILE_MAX);
	ok = (text[strspn(text, " \t\r\n")] == '{' || text[strspn(text, " \t\r\n")] == '['
			  ? import_json
			  : import_csv)(&im, text, n, path, &e);
	strbuf_free(&im.body);
	if (!ok)
		return cli_fail(c, &e);
	printf("%zu trials %s %s\n", im.sent, v->pending ? "enqueued in" : "imported into", name);
	return EXIT_DONE;
}

static const struct example import_examples[] = {
	{"trimtab import digits-2 -f digits.csv", "Begin where another search has ended"},
	{NULL, NULL},
};

const struct command cmd_import = {
	.name = "import",
	.args = "NAME -f FILE",
	.summary = "Add finished trials from a file",
	.about = "A CSV file needs a heading with the names of parameters and metrics; a column `state` is "
			 "obeyed, other "
			 "columns are ignored, so that what `trimtab export` wrote can be read. JSON: an array of "
			 "{parameters, "
			 "values, state}, or what export wrote. Imported trials do not count against the budget.",
	.options = import_options,
	.values_size = sizeof(struct import_values),
	.min_args = 1,
	.max_args = 1,
	.complete = "experiments",
	.examples = import_examples,
	.run = import_run,
};
