/* trimtab report loss=0.3 --step 4: metrics from inside a trial. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/command.h"
#include "cli/input.h"
#include "cli/show.h"
#include "lib/arena.h"
#include "lib/clk.h"
#include "lib/json_write.h"
#include "lib/num.h"
#include "lib/strbuf.h"

enum { ATTEMPTS = 4, TIMEOUT_SECONDS = 10 };

struct report_values {
	const char *step, *trial;
	bool print_stop;
};

static const struct option_def report_options[] = {
	OPT_STRING(struct report_values, step, "step", 0, "N", NULL,
		"Step or epoch of these values; the server counts without"),
	OPT_STRING(struct report_values, trial, "trial", 0, "NAME/TRIAL", NULL,
		"Another trial than the one this runs in"),
	OPT_BOOL(
		struct report_values, print_stop, "print-stop", 0, "Print stop or go, whichever the server says"),
	OPT_END,
};

static bool add_point(
	struct json_writer *w, struct arena *a, const char *word, const char *step, struct err *e)
{
	const char *equals = strchr(word, '=');
	double value;

	if (!equals || equals == word || !num_parse(equals + 1, strlen(equals + 1), true, &value))
		return err_set(e, ERR_INVALID, "'%s' is not METRIC=NUMBER", word);
	jw_object(w, NULL);
	jw_str(w, "metric", arena_strndup(a, word, (size_t)(equals - word)));
	jw_num(w, "value", value);
	if (step)
		jw_raw(w, "step", step);
	jw_end(w);
	return true;
}

static bool body_of(struct cli *c, const char **body, struct err *e)
{
	const struct report_values *v = c->values;
	struct strbuf b;
	struct json_writer w;
	int64_t step;
	bool ok = true;

	if (v->step && (!num_parse_i64(v->step, strlen(v->step), &step) || step < 0))
		return err_set(e, ERR_INVALID, "--step: '%s' is not a number of steps", v->step);
	strbuf_init(&b, 1 << 20);
	jw_init(&w, &b);
	jw_object(&w, NULL);
	jw_array(&w, "metrics");
	for (size_t i = 0; i < c->options.n_args && ok; i++)
		ok = add_point(&w, c->arena, c->options.args[i], v->step, e);
	if (ok) {
		jw_end(&w);
		jw_end(&w);
	}
	*body = arena_strdup(c->arena, b.data);
	strbuf_free(&b);
	return ok;
}

/* Where to report: the flag, or the trial's environment. The URL's server is the one to talk to. */
static bool path_of(struct cli *c, const char **path, struct err *e)
{
	const struct report_values *v = c->values;
	const char *url = getenv("TRIMTAB_TRIAL_URL"), *api, *name, *trial;

	if (v->trial) {
		split_trial(c->arena, v->trial, &name, &trial);
		if (!trial)
			return err_set(e, ERR_INVALID, "--trial: '%s' is not NAME/TRIAL", v->trial);
		*path = client_path(c->client, c->arena, name,
			arena_printf(c->arena, "/trials/%s/metrics", url_escape(c->arena, trial)));
		return true;
	}
	api = url ? strstr(url, "/api/") : NULL;
	if (!api)
		return err_set(e, ERR_INVALID,
			"TRIMTAB_TRIAL_URL is not set: this is no trial of trimtab; name one with --trial");
	c->client->server = arena_strndup(c->arena, url, (size_t)(api - url));
	*path = arena_printf(c->arena, "%s/metrics", api);
	return true;
}

/* A server that is away for a moment costs the training a moment, not its report. Only with a step: it
 * makes the repetition of an unanswered report harmless. */
static bool send_report(struct cli *c, const char *path, const char *body, struct reply *reply, struct err *e)
{
	const struct request r = {
		.method = "POST", .path = path, .body = body, .timeout_us = TIMEOUT_SECONDS * CLK_SECOND};
	const char *step = ((const struct report_values *)c->values)->step;
	struct timespec pause = {.tv_nsec = 200 * 1000 * 1000};

	for (int i = 0; i < (step ? ATTEMPTS : 1); i++) {
		if (i)
			nanosleep(&pause, NULL);
		pause.tv_sec = i;
		if (client_call(c->client, c->arena, &r, reply, e))
			return true;
		if (exit_of(e->code) != EXIT_UNREACHABLE)
			break;
	}
	return false;
}

static int report_run(struct cli *c)
{
	const struct report_values *v = c->values;
	const char *path, *body;
	struct reply reply;
	struct err e = {0};
	bool stop;

	if (!path_of(c, &path, &e) || !body_of(c, &body, &e) || !send_report(c, path, body, &reply, &e))
		return cli_fail(c, &e);
	if (v->print_stop)
		puts(json_bool(json_get(reply.json, "stop"), &stop) && stop ? "stop" : "go");
	return EXIT_DONE;
}

static const struct example report_examples[] = {
	{"trimtab report loss=0.41 acc=0.87 --step 3 || true", "In a training script; never lets it fail"},
	{"[ \"$(trimtab report loss=0.41 --step 3 --print-stop)\" = stop ] && exit 0",
		"End when the server says so"},
	{NULL, NULL},
};

const struct command cmd_report = {
	.name = "report",
	.args = "METRIC=VALUE...",
	.summary = "Report metrics from inside a trial",
	.about = "Reads TRIMTAB_TRIAL_URL and TRIMTAB_TOKEN, which every trial has in its environment.",
	.options = report_options,
	.values_size = sizeof(struct report_values),
	.min_args = 1,
	.max_args = -1,
	.examples = report_examples,
	.run = report_run,
};
