/* trimtab retry NAME/TRIAL..., NAME --failed: run trials again as a new attempt. */
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "cli/input.h"
#include "cli/show.h"
#include "lib/arena.h"

struct retry_values {
	bool failed;
};

static const struct option_def retry_options[] = {
	OPT_BOOL(
		struct retry_values, failed, "failed", 0, "Every trial that failed, was lost or reported nothing"),
	OPT_END,
};

static bool retry(struct cli *c, const char *name, const char *trial, struct err *e)
{
	const char *path = client_path(
		c->client, c->arena, name, arena_printf(c->arena, "/trials/%s:retry", url_escape(c->arena, trial)));
	const cJSON *answer;

	if (!client_post(c->client, c->arena, path, "{}", &answer, e))
		return false;
	printf("trial/%s/%s retried\n", name, trial);
	return true;
}

struct failed {
	struct cli *cli;
	const char *numbers[1000];
	size_t n;
};

static bool take_failed(void *ctx, const cJSON *trial)
{
	struct failed *f = ctx;

	f->numbers[f->n++] = show_exact(f->cli->arena, json_get(trial, "number"));
	return f->n < ARRAY_LEN(f->numbers);
}

static int retry_failed(struct cli *c, const char *name)
{
	struct failed *f = ARENA_NEW(c->arena, struct failed);
	const char *path =
		client_path(c->client, c->arena, name, "/trials?state=failed,lost,metrics_unavailable&limit=1000");
	struct err e = {0};

	f->cli = c;
	if (!client_each(c->client, c->arena, path, take_failed, f, &e))
		return cli_fail(c, &e);
	for (size_t i = 0; i < f->n; i++)
		if (!retry(c, name, f->numbers[i], &e))
			return cli_fail(c, &e);
	if (!f->n)
		fprintf(stderr, "No trial of %s has failed.\n", name);
	return EXIT_DONE;
}

static int retry_run(struct cli *c)
{
	const struct retry_values *v = c->values;
	int status = EXIT_DONE;

	for (size_t i = 0; i < c->options.n_args; i++) {
		const char *name, *trial;
		struct err e = {0};

		split_trial(c->arena, c->options.args[i], &name, &trial);
		if (!trial && v->failed)
			status = retry_failed(c, name);
		else if (!trial)
			return cli_usage(c, "name a trial as in %s/17, or give --failed", name);
		else if (!retry(c, name, trial, &e))
			status = cli_fail(c, &e);
	}
	return status;
}

static const struct example retry_examples[] = {
	{"trimtab retry digits/17", "One trial, as its next attempt"},
	{"trimtab retry digits --failed", "All that failed"},
	{NULL, NULL},
};

const struct command cmd_retry = {
	.name = "retry",
	.args = "NAME/TRIAL...",
	.summary = "Run trials again as a new attempt",
	.options = retry_options,
	.values_size = sizeof(struct retry_values),
	.min_args = 1,
	.max_args = -1,
	.complete = "experiments",
	.examples = retry_examples,
	.run = retry_run,
};
