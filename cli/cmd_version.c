/* trimtab version: of this program, and of the server if it answers. */
#include <stdio.h>

#include "cli/command.h"
#include "cli/show.h"
#include "lib/clk.h"
#include "lib/version.h"

struct version_values {
	bool client;
};

static const struct option_def version_options[] = {
	OPT_BOOL(struct version_values, client, "client", 0, "Do not ask the server"),
	OPT_END,
};

static int version_run(struct cli *c)
{
	const struct version_values *v = c->values;
	const struct request r = {.path = "/version", .timeout_us = 2 * CLK_SECOND};
	struct reply reply;
	struct err e = {0};

	printf("trimtab %s\n", TRIMTAB_VERSION);
	if (v->client)
		return EXIT_DONE;
	if (client_call(c->client, c->arena, &r, &reply, &e) && json_str(json_get(reply.json, "version")))
		printf("server  %s (%s)\n", json_str(json_get(reply.json, "version")), c->client->server);
	else if (c->client->named)
		return cli_fail(c, &e);
	return EXIT_DONE;
}

const struct command cmd_version = {
	.name = "version",
	.summary = "Print the version of this program and of the server",
	.options = version_options,
	.values_size = sizeof(struct version_values),
	.run = version_run,
};
