/* trimtab delete NAME...: archive experiments, or with --purge remove every trace. */
#include <stdio.h>

#include "cli/command.h"

struct delete_values {
	bool purge, ignore_missing;
};

static const struct option_def delete_options[] = {
	OPT_BOOL(
		struct delete_values, purge, "purge", 0, "Remove its trials and metrics from the database for good"),
	OPT_BOOL(struct delete_values, ignore_missing, "ignore-not-found", 0,
		"An experiment that is not there is no error"),
	OPT_END,
};

static int delete_run(struct cli *c)
{
	const struct delete_values *v = c->values;
	int status = EXIT_DONE;

	for (size_t i = 0; i < c->options.n_args; i++) {
		const char *name = c->options.args[i];
		struct request r = {
			.method = "DELETE",
			.path = client_path(c->client, c->arena, name, v->purge ? "?purge=true" : NULL),
		};
		struct reply reply;
		struct err e = {0};

		if (client_call(c->client, c->arena, &r, &reply, &e))
			printf("experiment/%s %s\n", name, v->purge ? "purged" : "deleted");
		else if (!v->ignore_missing || (e.code != ERR_NOT_FOUND && e.code != ERR_GONE))
			status = cli_fail(c, &e);
	}
	return status;
}

static const struct example delete_examples[] = {
	{"trimtab delete digits", "Out of the lists, but its history stays in the database"},
	{"trimtab delete digits --purge", "With its history"},
	{NULL, NULL},
};

const struct command cmd_delete = {
	.name = "delete",
	.args = "NAME...",
	.summary = "Archive experiments, or purge them",
	.about = "Running trials are killed. Without --purge the trials and metrics stay in the database, and "
			 "the name is free.",
	.options = delete_options,
	.values_size = sizeof(struct delete_values),
	.min_args = 1,
	.max_args = -1,
	.complete = "experiments",
	.examples = delete_examples,
	.run = delete_run,
};
