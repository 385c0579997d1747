/* trimtab tell NAME/TRIAL loss=0.3: how a trial that was asked for ended. */
#include <stdio.h>

#include "cli/command.h"
#include "cli/input.h"
#include "cli/show.h"
#include "lib/arena.h"
#include "lib/json_write.h"
#include "lib/strbuf.h"

struct tell_values {
	int state;
	const char *reason, *message;
};

static const char *const states[] = {"succeeded", "failed", "early_stopped", "killed", "infeasible", NULL};

static const struct option_def tell_options[] = {
	OPT_ENUM(struct tell_values, state, "state", 0, states, "succeeded", "How it ended"),
	OPT_STRING(struct tell_values, reason, "reason", 0, "WORD", NULL, "Why, in one word"),
	OPT_STRING(struct tell_values, message, "message", 0, "TEXT", NULL, "Why, in a sentence"),
	OPT_END,
};

static const char *body_of(struct cli *c, const char *values)
{
	const struct tell_values *v = c->values;
	struct strbuf b;
	struct json_writer w;
	const char *text;

	strbuf_init(&b, 1 << 20);
	jw_init(&w, &b);
	jw_object(&w, NULL);
	jw_str(&w, "state", states[v->state]);
	if (values)
		jw_raw(&w, "values", values);
	if (v->reason)
		jw_str(&w, "reason", v->reason);
	if (v->message)
		jw_str(&w, "message", v->message);
	jw_end(&w);
	text = arena_strdup(c->arena, b.data);
	strbuf_free(&b);
	return text;
}

static int tell_run(struct cli *c)
{
	const char *name, *trial, *values = NULL, *path;
	const cJSON *answer;
	struct err e = {0};
	size_t n = c->options.n_args - 1;

	split_trial(c->arena, c->options.args[0], &name, &trial);
	if (!trial)
		return cli_usage(c, "name the trial as in %s/17", name);
	if (n && !words_object(c->arena, c->options.args + 1, n, &values, &e))
		return cli_fail(c, &e);
	path = client_path(
		c->client, c->arena, name, arena_printf(c->arena, "/trials/%s:tell", url_escape(c->arena, trial)));
	if (!client_post(c->client, c->arena, path, body_of(c, values), &answer, &e))
		return cli_fail(c, &e);
	printf("trial/%s/%s %s\n", name, show_exact(c->arena, json_get(answer, "number")),
		json_str(json_get(answer, "state")));
	return EXIT_DONE;
}

static const struct example tell_examples[] = {
	{"trimtab tell digits/17 val_loss=0.031", "It succeeded"},
	{"trimtab tell digits/17 --state failed --reason CudaOutOfMemory", "It did not"},
	{NULL, NULL},
};

const struct command cmd_tell = {
	.name = "tell",
	.args = "NAME/TRIAL [METRIC=VALUE...]",
	.summary = "Tell how a trial that was asked for ended",
	.about = "Without values the metrics that were reported count. Telling the same twice is fine.",
	.options = tell_options,
	.values_size = sizeof(struct tell_values),
	.min_args = 1,
	.max_args = -1,
	.complete = "experiments",
	.examples = tell_examples,
	.run = tell_run,
};
