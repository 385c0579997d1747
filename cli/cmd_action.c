/* trimtab stop, cancel, pause, resume, restart NAME...: one request each, all of one shape. */
#include <stdio.h>

#include "cli/command.h"
#include "cli/edit.h"
#include "lib/arena.h"

/* Asks for every name; one that fails does not keep the others from being asked. */
static int act(struct cli *c, const char *action, const char *body, const char *done)
{
	int status = EXIT_DONE;

	for (size_t i = 0; i < c->options.n_args; i++) {
		const char *name = c->options.args[i];
		const char *path = client_path(c->client, c->arena, name, arena_printf(c->arena, "/%s", action));
		const cJSON *answer;
		struct err e = {0};

		if (client_post(c->client, c->arena, path, body, &answer, &e))
			printf("experiment/%s %s\n", name, done);
		else
			status = cli_fail(c, &e);
	}
	return status;
}

static int stop_run(struct cli *c)
{
	return act(c, "stop", "{}", "stopping");
}

static int cancel_run(struct cli *c)
{
	return act(c, "cancel", "{}", "cancelled");
}

static int pause_run(struct cli *c)
{
	return act(c, "pause", "{}", "paused");
}

static int resume_run(struct cli *c)
{
	return act(c, "resume", "{}", "resumed");
}

static int restart_run(struct cli *c)
{
	return act(c, "restart", budget_given(c) ? budget_body(c, c->values) : "{}", "restarted");
}

#define ACTION(name_, summary_, about_)                                                         \
	{                                                                                           \
		.name = #name_, .args = "NAME...", .summary = summary_, .about = about_, .min_args = 1, \
		.max_args = -1, .complete = "experiments", .run = name_##_run                           \
	}

const struct command cmd_stop = ACTION(
	stop, "Start nothing new, let what runs finish", "The experiment ends when its running trials have.");
const struct command cmd_cancel = ACTION(
	cancel, "Stop an experiment and kill its running trials", "What the trials have reported is kept.");
const struct command cmd_pause =
	ACTION(pause, "Start no new trials until resume", "Running trials go on to their end.");
const struct command cmd_resume = ACTION(resume, "Let a paused experiment go on", NULL);

static const struct option_def restart_options[] = {
	BUDGET_OPTIONS(struct budget_values),
	OPT_END,
};
static const struct example restart_examples[] = {
	{"trimtab restart digits --max-trials 80", "Go on with a search that has used its budget"},
	{NULL, NULL},
};

const struct command cmd_restart = {
	.name = "restart",
	.args = "NAME...",
	.summary = "Go on with a finished experiment",
	.about = "All its trials stay and count. A search that used up its budget needs a larger one.",
	.options = restart_options,
	.values_size = sizeof(struct budget_values),
	.min_args = 1,
	.max_args = -1,
	.complete = "experiments",
	.examples = restart_examples,
	.run = restart_run,
};
