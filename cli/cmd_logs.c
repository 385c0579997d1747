/* trimtab logs NAME[/TRIAL]: what the trials' programs printed. */
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "cli/input.h"
#include "cli/show.h"
#include "lib/arena.h"

enum { FAILED_SHOWN = 5, FAILED_TAIL = 20 };

struct logs_values {
	bool follow, failed;
	int64_t tail;
};

static const struct option_def logs_options[] = {
	OPT_BOOL(struct logs_values, follow, "follow", 'f', "Go on until the trial ends"),
	OPT_INT(struct logs_values, tail, "tail", 0, "LINES", NULL, 1, 1000000, "Only the last lines"),
	OPT_BOOL(struct logs_values, failed, "failed", 0, "The ends of the logs of trials that failed"),
	OPT_END,
};

static bool print_data(void *ctx, const char *p, size_t n)
{
	(void)ctx;
	fwrite(p, 1, n, stdout);
	return fflush(stdout) == 0;
}

static bool print_log(
	struct cli *c, const char *name, const char *trial, int64_t tail, bool follow, struct err *e)
{
	struct arena *a = c->arena;
	const char *query = "?";
	struct reply reply;

	if (follow)
		query = "?follow=true&";
	if (tail)
		query = arena_printf(a, "%stail=%d", query, (int)tail);
	return client_call(c->client, a,
		&(struct request){
			.path = client_path(
				c->client, a, name, arena_printf(a, "/trials/%s/logs%s", url_escape(a, trial), query)),
			.accept = "text/plain",
			.on_data = print_data,
		},
		&reply, e);
}

/* Heading, last lines. */
static bool print_failed(struct cli *c, const char *name, const cJSON *trial, struct err *e)
{
	const struct logs_values *v = c->values;
	const char *number = show_exact(c->arena, json_get(trial, "number"));
	const char *message = json_str(json_get(trial, "message"));

	printf("==> %s/%s %s: %s %s\n", name, number, json_str(json_get(trial, "state")),
		json_str(json_get(trial, "reason")), message ? message : "");
	fflush(stdout);
	return print_log(c, name, number, v->tail ? v->tail : FAILED_TAIL, false, e);
}

static int logs_failed(struct cli *c, const char *name)
{
	const char *path = client_path(
		c->client, c->arena, name, "/trials?state=failed,lost,metrics_unavailable&sort=-number&limit=5");
	const cJSON *list;
	struct err e = {0};
	int n = 0;

	if (!client_get(c->client, c->arena, path, &list, &e))
		return cli_fail(c, &e);
	json_each(trial, json_get(list, "items")) {
		if (!print_failed(c, name, trial, &e))
			return cli_fail(c, &e);
		n++;
	}
	if (!n)
		fprintf(stderr, "No trial of %s has failed.\n", name);
	else if (json_int_at(list, "/remainingItemCount", 0) > 0)
		fprintf(stderr, "... and %d more: trimtab get trials %s --state failed\n",
			(int)json_int_at(list, "/remainingItemCount", 0), name);
	return EXIT_DONE;
}

/* Without a trial: the one that runs, else the newest. */
static bool choose_trial(struct cli *c, const char *name, const char **trial, struct err *e)
{
	static const char *const queries[] = {
		"/trials?state=running&sort=-number&limit=1", "/trials?sort=-number&limit=1"};

	for (size_t i = 0; i < ARRAY_LEN(queries); i++) {
		const cJSON *list, *number;

		if (!client_get(c->client, c->arena, client_path(c->client, c->arena, name, queries[i]), &list, e))
			return false;
		number = json_at(list, "/items/0/number");
		if (number) {
			*trial = show_exact(c->arena, number);
			fprintf(stderr, "Log of %s/%s:\n", name, *trial);
			return true;
		}
	}
	return err_set(e, ERR_NOT_FOUND, "%s has no trials yet", name);
}

static int logs_run(struct cli *c)
{
	const struct logs_values *v = c->values;
	const char *name, *trial;
	struct err e = {0};

	split_trial(c->arena, c->options.args[0], &name, &trial);
	if (c->options.n_args == 2)
		trial = c->options.args[1];
	if (v->failed)
		return logs_failed(c, name);
	if ((!trial && !choose_trial(c, name, &trial, &e)) || !print_log(c, name, trial, v->tail, v->follow, &e))
		return cli_fail(c, &e);
	return EXIT_DONE;
}

static const struct example logs_examples[] = {
	{"trimtab logs digits/17 -f", "Follow trial 17"},
	{"trimtab logs digits --failed", "Why trials failed"},
	{NULL, NULL},
};

const struct command cmd_logs = {
	.name = "logs",
	.args = "NAME[/TRIAL]",
	.summary = "Print what a trial's program printed",
	.about = "Without a trial: the newest that runs, else the newest.",
	.options = logs_options,
	.values_size = sizeof(struct logs_values),
	.min_args = 1,
	.max_args = 2,
	.complete = "experiments",
	.examples = logs_examples,
	.run = logs_run,
};
