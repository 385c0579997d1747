/* trimtab run: create an experiment, follow it, print the best. */
#include <stdio.h>
#include <string.h>

#include "cli/follow.h"
#include "cli/run.h"
#include "cli/show.h"
#include "cli/space_flag.h"
#include "lib/arena.h"

#define V struct run_values
static const char *const forms[] = {"auto", "lines", "json", "silent", NULL};
static const char *const on_interrupt[] = {"ask", "stop", "detach", NULL};

static const struct option_def run_options[] = {
	DOCUMENT_OPTIONS(V, document),
	OPT_STRING(V, spec, "spec", 0, "TEXT", NULL, "The document itself, in place of -f"),
	OPT_LIST(V, minimize, "minimize", 0, "METRIC", "Search for small values of this metric"),
	OPT_LIST(V, maximize, "maximize", 0, "METRIC", "Search for large values of this metric"),
	OPT_DOUBLE(V, goal, "goal", 0, NULL, NULL, 0, 0, "End when the first metric is as good as this"),
	OPT_STRING(V, algorithm, "algorithm", 0, "NAME", NULL, "How to search; `trimtab algorithms` lists them",
		.complete = "algorithms"),
	OPT_INT(V, seed, "seed", 0, NULL, NULL, 0, 9007199254740992.0, "The same seed suggests the same trials"),
	OPT_STRING(V, fidelity, "fidelity", 0, "MAX|MIN..MAX|PARAMETER", NULL,
		"How far a trial can run, for asha, hyperband and rules: the last step, or the parameter that says it"),
	OPT_LIST(V, early_stopping, "early-stopping", 0, "NAME",
		"End hopeless trials early, as medianstop does; of several rules one is enough"),
	OPT_INT(V, max_trials, "max-trials", 0, NULL, "30", 1, 1000000, "Trials in all"),
	OPT_INT(V, parallel, "parallel", 0, NULL, NULL, 1, 10000, "Trials at the same time"),
	OPT_INT(V, max_failed, "max-failed", 0, NULL, NULL, 0, 1000000, "Failed trials that end the experiment"),
	OPT_DURATION(
		V, max_duration_us, "max-duration", 0, NULL, NULL, 1, 31536000, "Time for the whole experiment"),
	OPT_DURATION(V, trial_timeout_us, "trial-timeout", 0, NULL, NULL, 1, 31536000, "Time for one trial"),
	OPT_PATH(V, working_directory, "working-directory", 0, "FOLDER", NULL,
		"Where the command runs (default here)"),
	OPT_LIST(V, env, "env", 0, "NAME=VALUE", "Add to the trial's environment"),
	OPT_PATH(V, metrics_file, "metrics-file", 0, NULL, NULL,
		"The command writes its metrics to this file, not to its output"),
	OPT_STRING(V, runner, "runner", 0, "NAME", NULL,
		"With a server that is started for the run: what runs trials, local or kubernetes"),
	OPT_LIST(V, labels, "label", 'l', "KEY=VALUE", "Label of the experiment"),
	OPT_BOOL(V, attach, "attach", 0, "Follow the experiment of that name if the same one is there already"),
	OPT_DURATION(V, timeout_us, "timeout", 0, NULL, NULL, 1, 31536000,
		"Give up after this time with exit code 124; the experiment goes on"),
	OPT_ENUM(V, on_interrupt, "on-interrupt", 0, on_interrupt, "ask",
		"What Ctrl-C does; ask: once detaches, twice stops, and SIGTERM stops"),
	OPT_ENUM(V, output, "output", 'o', forms, "auto",
		"Progress: a picture on a terminal, lines, one JSON event a line"),
	OPT_PATH(V, files.out_dir, "out-dir", 0, "FOLDER", NULL, "Write all of the following into this folder"),
	OPT_PATH(V, files.params, "best-params-file", 0, NULL, NULL,
		"Write the best parameters here, one JSON object"),
	OPT_PATH(V, files.value, "best-value-file", 0, NULL, NULL, "Write the best value here"),
	OPT_PATH(V, files.trial, "best-trial-file", 0, NULL, NULL, "Write the best trial's name here"),
	OPT_PATH(V, files.experiment, "experiment-file", 0, NULL, NULL, "Write the experiment's name here"),
	OPT_PATH(V, files.report, "report-file", 0, NULL, NULL, "Write a page of HTML here"),
	OPT_END,
};
#undef V

/* A flag that is no option is a parameter, if its value looks like a space. */
static bool take_parameter(void *ctx, const char *name, const char *value, const char *near, struct err *e)
{
	struct run_values *v = ctx;

	if (!space_flag_is(value)) {
		if (near)
			return err_set(e, ERR_INVALID, "unknown flag --%s; did you mean --%s?", name, near);
		return err_set(e, ERR_INVALID,
			"--%s is no flag, and no parameter either: write --%s=MIN..MAX, --%s=log:MIN..MAX or --%s=A,B,C",
			name, name, name, name);
	}
	if (v->n_parameters == RUN_PARAMETERS_MAX)
		return err_set(e, ERR_INVALID, "more than %d parameters: write a document", RUN_PARAMETERS_MAX);
	v->parameters[v->n_parameters].name = name;
	v->parameters[v->n_parameters++].space = value;
	return true;
}

static void run_prepare(struct cli *c, void *values)
{
	c->options.unknown = take_parameter;
	c->options.unknown_ctx = values;
}

static bool read_document(struct cli *c, const struct run_values *v, struct document *out, struct err *e)
{
	struct changes changes = {0};
	size_t sources = v->document.files.n + (v->spec != NULL) + (c->options.n_command > 0);

	if (sources > 1)
		return err_set(e, ERR_INVALID, "give one document: -f, --spec, or a command after --");
	if (!v->document.files.n && !v->spec)
		return run_document(c, v, out, e);
	if (v->n_parameters)
		return err_set(e, ERR_INVALID, "--%s: a document has its own parameters", v->parameters[0].name);
	if (!document_changes(c, &v->document, &changes, e))
		return false;
	if (v->spec)
		return document_parse(v->spec, strlen(v->spec), "--spec", &changes, c->arena, out, e);
	return document_read(v->document.files.items[0], &changes, c->arena, out, e);
}

/* The experiment is there afterwards, new or the same as before. */
static bool create(struct cli *c, const struct document *d, const char **name, struct err *e)
{
	const struct run_values *v = c->values;
	struct reply reply;
	const char *found;

	if (!document_post(c, d, NULL, &reply, e))
		return false;
	found = json_str_at(reply.json, "/metadata/name");
	if (!found)
		return err_set(e, ERR_INTERNAL, "%s answered no experiment", c->client->server);
	*name = found;
	if (reply.status != 201 && !v->attach)
		return err_set(e, ERR_EXISTS, "The experiment %s is there already; --attach follows it", found);
	return true;
}

static enum follow_form form_of(const struct run_values *v)
{
	static const enum follow_form chosen[] = {FOLLOW_LIVE, FOLLOW_LINES, FOLLOW_JSON, FOLLOW_SILENT};

	return v->output == 0 ? follow_form_here() : chosen[v->output];
}

static int run_and_follow(struct cli *c, const struct document *d, bool *detached)
{
	const struct run_values *v = c->values;
	const char *name = d->name ? d->name : "";
	const cJSON *final = NULL;
	struct follow_options o = {
		.form = form_of(v),
		.interrupt = (enum follow_interrupt)v->on_interrupt,
		.timeout_us = v->timeout_us,
		.detached = detached,
	};
	struct err e = {0};
	int status;

	follow_catch_signals();
	if (!create(c, d, &name, &e)) {
		status = cli_fail(c, &e);
	} else {
		o.come_back = arena_printf(c->arena, "trimtab watch %s", name);
		if (o.form == FOLLOW_LINES)
			printf("experiment/%s\n", name);
		status = follow(c, name, &o, &final);
		result_print(c, final, o.form);
	}
	if (!result_write(c, &v->files, name, final, &e))
		return status == EXIT_DONE ? cli_fail(c, &e) : (cli_fail(c, &e), status);
	return status;
}

static int run_run(struct cli *c)
{
	const struct run_values *v = c->values;
	struct own_server server = {0};
	struct document d;
	struct err e = {0};
	bool detached = false;
	int status;

	if (!read_document(c, v, &d, &e))
		return e.code == ERR_INVALID ? cli_usage(c, "%s", e.detail) : cli_fail(c, &e);
	if (!c->client->named && !client_ready(c->client, c->arena) &&
		!own_server_start(c, &server, v->runner, &e))
		return cli_fail(c, &e);
	status = run_and_follow(c, &d, &detached);
	if (server.pid && detached)
		fprintf(stderr, "The server goes on as process %d; its log is %s.\n", server.pid, server.log);
	else
		own_server_stop(&server);
	return status;
}

static const struct example run_examples[] = {
	{"trimtab run -f experiment.yaml", "A document"},
	{"trimtab run --lr=log:1e-5..1e-1 --layers=1..6 --opt=sgd,adam --minimize loss -- "
	 "python3 train.py '--lr=${lr}' '--layers=${layers}' '--opt=${opt}'",
		"No document: flags with ranges are parameters, the program prints loss=0.1"},
	{"trimtab run --lr=log:1e-5..1e-1 --minimize loss --algorithm asha --fidelity 81 -- python3 train.py '--lr=${lr}'",
		"Compare trials at steps 9 and 27 of 81, and go on with the best third"},
	{"trimtab run -f experiment.yaml --name \"tune-$RUN_ID\" --attach --out-dir out",
		"In a pipeline: safe to repeat, results as files"},
	{NULL, NULL},
};

const struct command cmd_run = {
	.name = "run",
	.args = "-f FILE | --NAME=SPACE... --minimize METRIC",
	.summary = "Run an experiment to its end and print the best",
	.about =
		"Creates the experiment, shows its progress, and ends with its result: exit code 0 when it "
		"succeeded, 3 when it "
		"failed, was stopped or found nothing. Where no server was named and none answers at the default "
		"address, one is "
		"started for the time of the run.\n"
		"With a command after --, every flag that trimtab does not know is a parameter: --lr=log:1e-5..1e-1, "
		"--layers=1..6, --drop=0..0.5:0.1, --opt=sgd,adam. ${NAME} in the command stands for its value.",
	.options = run_options,
	.values_size = sizeof(struct run_values),
	.takes_command = true,
	.examples = run_examples,
	.run = run_run,
	.prepare = run_prepare,
};
