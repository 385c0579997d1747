/* trimtab delete NAME...: archive experiments, or with --purge remove every trace. */
#include <stdio.h>

#include "cli/command.h"
#include "lib/arena.h"

struct delete_values {
	bool purge, ignore_missing;
	const char *uid;
};

static const struct option_def delete_options[] = {
	OPT_BOOL(
		struct delete_values, purge, "purge", 0, "Remove its trials and metrics from the database for good"),
	OPT_STRING(struct delete_values, uid, "uid", 0, "UID", NULL,
		"With --purge: the experiment with this uid, also one that was deleted before (get experiments "
        "--archived)"),
	OPT_BOOL(struct delete_values, ignore_missing, "ignore-not-found", 0,
		"An experiment that is not there is no error"),
	OPT_END,
};

static int delete_run(struct cli *c)
{
	const struct delete_values *v = c->values;
	const char *query = v->purge ? "?purge=true" : "";
	int status = EXIT_DONE;

	if (v->uid && (!v->purge || c->options.n_args != 1))
		return cli_usage(c, "--uid takes --purge and one NAME");
	if (v->uid)
		query = arena_printf(c->arena, "%s&uid=%s", query, url_escape(c->arena, v->uid));
	for (size_t i = 0; i < c->options.n_args; i++) {
		const char *name = c->options.args[i];
		struct request r = {
			.method = "DELETE",
			.path = client_path(c->client, c->arena, name, query),
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
	{"trimtab delete digits --purge --uid 5e0c…", "The history of one that was deleted before"},
	{NULL, NULL},
};

const struct command cmd_delete = {
	.name = "delete",
	.args = "NAME...",
	.summary = "Archive experiments, or purge them",
	.about = "Running trials are killed. Without --purge the trials and metrics stay in the database, and "
			 "the name is free; `get experiments --archived` lists them.",
	.options = delete_options,
	.values_size = sizeof(struct delete_values),
	.min_args = 1,
	.max_args = -1,
	.complete = "experiments",
	.examples = delete_examples,
	.run = delete_run,
};
