/* trimtab ask NAME: trials for a worker that runs them itself. */
#include <stdio.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/output.h"
#include "cli/show.h"
#include "lib/arena.h"
#include "lib/clk.h"
#include "lib/json_write.h"
#include "lib/strbuf.h"

enum { HOST_MAX = 256, ASK_SECONDS = 120 };

struct ask_values {
	const char *worker;
	int64_t count, lease_us;
	int output;
};

static const char *const forms[] = {"json", "line", NULL};

static const struct option_def ask_options[] = {
	OPT_STRING(struct ask_values, worker, "worker", 0, "NAME", NULL,
		"Who asks (default host name and parent process); its unfinished trials come back first"),
	OPT_INT(struct ask_values, count, "count", 0, NULL, "1", 1, 1000, "Trials wanted"),
	OPT_DURATION(
		struct ask_values, lease_us, "lease", 0, NULL, "120s", 1, 604800, "Silent for longer means lost"),
	OPT_ENUM(struct ask_values, output, "output", 'o', forms, "json", "Form of the answer"),
	OPT_END,
};

/* The shell that asks, so that two terminals are two workers. */
static const char *default_worker(struct arena *a)
{
	char host[HOST_MAX] = "host";

	gethostname(host, sizeof host - 1);
	return arena_printf(a, "%s-%d", host, (int)getppid());
}

static const char *body_of(struct cli *c)
{
	const struct ask_values *v = c->values;
	struct strbuf b;
	struct json_writer w;
	const char *text;

	strbuf_init(&b, 4096);
	jw_init(&w, &b);
	jw_object(&w, NULL);
	jw_str(&w, "workerId", v->worker ? v->worker : default_worker(c->arena));
	jw_int(&w, "count", v->count);
	jw_int(&w, "leaseSeconds", v->lease_us / CLK_SECOND);
	jw_end(&w);
	text = arena_strdup(c->arena, b.data);
	strbuf_free(&b);
	return text;
}

static int print_answer(struct cli *c, const char *name, const cJSON *answer)
{
	const struct ask_values *v = c->values;
	const cJSON *trials = json_get(answer, "trials");
	struct strbuf out;

	strbuf_init(&out, 16 << 20);
	if (v->output == 0)
		json_pretty(&out, answer);
	else
		json_each(trial, trials)
			strbuf_printf(&out, "%s/%s %s\n", name, show_exact(c->arena, json_get(trial, "number")),
				show_params(c->arena, json_get(trial, "parameters")));
	fputs(out.data, stdout);
	strbuf_free(&out);
	if (!trials || !trials->child)
		fprintf(stderr, "No trial now: the experiment is %s.\n", json_str(json_get(answer, "state")));
	return EXIT_DONE;
}

static int ask_run(struct cli *c)
{
	const char *name = c->options.args[0];
	const char *path = client_path(c->client, c->arena, name, "/trials:ask");
	struct request r = {
		.method = "POST", .path = path, .body = body_of(c), .timeout_us = ASK_SECONDS * CLK_SECOND};
	struct reply reply;
	struct err e = {0};

	if (!client_call(c->client, c->arena, &r, &reply, &e))
		return cli_fail(c, &e);
	return print_answer(c, name, reply.json);
}

static const struct example ask_examples[] = {
	{"trimtab ask digits --worker node7", "The next trial, as JSON"},
	{NULL, NULL},
};

const struct command cmd_ask = {
	.name = "ask",
	.args = "NAME",
	.summary = "Ask for trials to run yourself",
	.about = "Tell how each ended with `trimtab tell`. No trials in the answer: come back after "
			 "retryAfterSeconds, or "
			 "never, when the state says that the experiment is over.",
	.options = ask_options,
	.values_size = sizeof(struct ask_values),
	.max_args = 1,
	.min_args = 1,
	.complete = "experiments",
	.examples = ask_examples,
	.run = ask_run,
};
