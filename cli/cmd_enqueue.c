/* trimtab enqueue NAME lr=0.01 layers=3: try this point next. */
#include <stdio.h>

#include "cli/command.h"
#include "cli/input.h"
#include "cli/show.h"
#include "lib/arena.h"

static int enqueue_run(struct cli *c)
{
	const char *name = c->options.args[0];
	const char *params, *body;
	const cJSON *answer;
	struct err e = {0};

	if (!words_object(c->arena, c->options.args + 1, c->options.n_args - 1, &params, &e))
		return cli_fail(c, &e);
	body = arena_printf(c->arena, "{\"state\":\"pending\",\"parameters\":%s}", params);
	if (!client_post(
			c->client, c->arena, client_path(c->client, c->arena, name, "/trials"), body, &answer, &e))
		return cli_fail(c, &e);
	printf("trial/%s/%s enqueued\n", name, show_exact(c->arena, json_get(answer, "number")));
	return EXIT_DONE;
}

static const struct example enqueue_examples[] = {
	{"trimtab enqueue digits lr=0.01 layers=3 optimizer=adam", "Before anything that the algorithm suggests"},
	{NULL, NULL},
};

const struct command cmd_enqueue = {
	.name = "enqueue",
	.args = "NAME PARAMETER=VALUE...",
	.summary = "Add a point to be tried next",
	.about = "Every parameter that is active needs a value. The trial counts against the budget.",
	.min_args = 2,
	.max_args = -1,
	.complete = "experiments",
	.examples = enqueue_examples,
	.run = enqueue_run,
};
