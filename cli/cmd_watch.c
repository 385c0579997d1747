/* trimtab watch NAME: follow an experiment to its end. */
#include <stdio.h>

#include "cli/command.h"
#include "cli/follow.h"
#include "cli/result.h"
#include "lib/arena.h"

struct watch_values {
	int output;
	int64_t timeout_us;
};

static const char *const forms[] = {"auto", "lines", "json", NULL};

static const struct option_def watch_options[] = {
	OPT_ENUM(struct watch_values, output, "output", 'o', forms, "auto",
		"Form: a picture on a terminal and lines elsewhere, lines, one JSON event a line"),
	OPT_DURATION(struct watch_values, timeout_us, "timeout", 0, NULL, NULL, 1, 31536000,
		"Give up after this time with exit code 124; the experiment goes on"),
	OPT_END,
};

static int watch_run(struct cli *c)
{
	const struct watch_values *v = c->values;
	const char *name = c->options.args[0];
	const struct follow_options o = {
		.form = v->output == 0   ? follow_form_here()
	            : v->output == 1 ? FOLLOW_LINES
	                             : FOLLOW_JSON,
		.interrupt = INTERRUPT_DETACH,
		.timeout_us = v->timeout_us,
	};
	const cJSON *final;
	int status = follow(c, name, &o, &final);

	result_print(c, final, o.form);
	return status;
}

static const struct example watch_examples[] = {
	{"trimtab watch digits", "Progress until the end; the exit code tells the result"},
	{NULL, NULL},
};

const struct command cmd_watch = {
	.name = "watch",
	.args = "NAME",
	.summary = "Follow an experiment to its end",
	.about = "Exit code 0 when it succeeded, 3 when it failed, was stopped or found nothing, 124 after "
			 "--timeout. Ctrl-C "
			 "ends the watching, not the experiment.",
	.options = watch_options,
	.values_size = sizeof(struct watch_values),
	.min_args = 1,
	.max_args = 1,
	.complete = "experiments",
	.examples = watch_examples,
	.run = watch_run,
};
