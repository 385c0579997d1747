/* trimtab describe NAME[/TRIAL]: everything worth knowing, and what to do next. */
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "cli/input.h"
#include "cli/rows.h"
#include "cli/show.h"
#include "lib/arena.h"
#include "lib/strbuf.h"

enum { TEXT_MAX = 8 << 20, EVENTS = 10, STOPPED = 5 };

static void line(struct strbuf *out, const char *label, const char *value)
{
	if (value && *value)
		strbuf_printf(out, "%-13s %s\n", label, value);
}

static const char *state_line(struct arena *a, const char *state, const char *reason, const char *message)
{
	return arena_printf(a, "%s%s%s%s%s%s", state ? state : "", reason ? " (" : "", reason ? reason : "",
		reason ? ")" : "", message && *message ? ": " : "", message ? message : "");
}

static void add_space(struct strbuf *out, struct arena *a, const cJSON *parameters)
{
	struct table t;

	table_init(&t, a);
	table_column(&t, "PARAMETER");
	table_column(&t, "TYPE");
	table_column(&t, "RANGE");
	table_column(&t, "SCALE");
	table_column(&t, "WHEN");
	json_each(p, parameters) {
		const cJSON *values = json_get(p, "values");
		const char *range;

		if (values)
			range = show_exact(a, values);
		else
			range = arena_printf(a, "%s..%s%s%s", show_exact(a, json_get(p, "min")),
				show_exact(a, json_get(p, "max")), json_get(p, "step") ? " step " : "",
				show_exact(a, json_get(p, "step")));
		table_cell(&t, p->string);
		table_cell(&t, json_str(json_get(p, "type")));
		table_cell(&t, show_short(a, range, 60));
		table_cell(&t, json_str(json_get(p, "scale")));
		table_cell(&t, json_get(p, "when") ? show_exact(a, json_get(p, "when")) : NULL);
	}
	if (t.n_cells) {
		strbuf_puts(out, "\n");
		table_print(&t, out, true, true);
	}
}

static void add_counts(struct strbuf *out, struct arena *a, const cJSON *status)
{
	static const struct {
		const char *field, *word;
	} counts[] = {
		{"trialsSucceeded", "succeeded"},
		{"trialsRunning", "running"},
		{"trialsStarting", "starting"},
		{"trialsPending", "pending"},
		{"trialsFailed", "failed"},
		{"trialsEarlyStopped", "stopped early"},
		{"trialsKilled", "killed"},
		{"trialMetricsUnavailable", "without metrics"},
		{"trialsLost", "lost"},
	};
	const char *text = "";

	for (size_t i = 0; i < ARRAY_LEN(counts); i++) {
		int64_t n = 0;

		if (json_int(json_get(status, counts[i].field), &n) && n > 0)
			text = arena_printf(a, "%s%s%d %s", text, *text ? ", " : "", (int)n, counts[i].word);
	}
	line(out, "Trials:", text);
}

static void add_objectives(struct strbuf *out, struct arena *a, const cJSON *objectives)
{
	json_each(o, objectives) {
		const char *goal = show_exact(a, json_get(o, "goal"));

		line(out, o == objectives->child ? "Objective:" : "",
			arena_printf(a, "%s %s (%s)%s%s", json_str(json_get(o, "direction")),
				json_str(json_get(o, "metric")), json_str(json_get(o, "strategy")), *goal ? ", goal " : "",
				goal));
	}
}

/* "latency_ms to 20" */
static void add_constraints(struct strbuf *out, struct arena *a, const cJSON *constraints)
{
	json_each(c, constraints) {
		const char *min = show_exact(a, json_get(c, "min")), *max = show_exact(a, json_get(c, "max"));
		line(out, c == constraints->child ? "Constraint:" : "",
			arena_printf(a, "%s%s%s%s%s", json_str(json_get(c, "metric")), *min ? " from " : "", min, *max ? " to " : "",
				max));
	}
}

static void add_best(struct strbuf *out, struct arena *a, const cJSON *x)
{
	const cJSON *best = experiment_best(x);

	if (!best)
		return;
	line(out, "Best:",
		arena_printf(a, "#%s  %s  %s", show_exact(a, json_get(best, "number")),
			show_params(a, json_get(best, "values")), show_params(a, json_get(best, "parameters"))));
}

/* "epochs from 1 to 81 by 3" */
static void add_fidelity(struct strbuf *out, struct arena *a, const cJSON *f)
{
	const char *parameter = json_str(json_get(f, "parameter"));
	bool resume = true;

	if (!f)
		return;
	(void)json_bool(json_get(f, "resume"), &resume);
	line(out, "Fidelity:", arena_printf(a, "%s %s to %s, by %s%s", parameter ? parameter : "steps",
		show_value(a, json_get(f, "min")), show_value(a, json_get(f, "max")), show_value(a, json_get(f, "eta")),
		resume ? "" : "; promoted trials start over"));
}

static const char *rule_text(struct arena *a, const cJSON *rule)
{
	const char *settings = show_params(a, json_get(rule, "settings"));

	return arena_printf(a, "%s%s%s", json_str(json_get(rule, "name")), *settings ? "  " : "", settings);
}

static void add_early_stopping(struct strbuf *out, struct arena *a, const cJSON *e)
{
	const cJSON *rules = json_get(e, "any") ? json_get(e, "any") : json_get(e, "all");

	if (json_get(e, "name"))
		line(out, "Early stop:", rule_text(a, e));
	json_each(rule, rules)
		line(out, rule == rules->child ? "Early stop:" : "",
			arena_printf(a, "%s%s", rule == rules->child ? "" : json_get(e, "any") ? "or " : "and ", rule_text(a, rule)));
}

static void rung_row(struct table *t, const cJSON *r)
{
	static const char *const counts[] = {"bracket", "rung", "resource", "trials", "running", "promoted", "stopped", "failed"};
	const cJSON *best = json_get(r, "bestTrial");

	for (size_t i = 0; i < ARRAY_LEN(counts); i++)
		table_cell(t, show_value(t->arena, json_get(r, counts[i])));
	table_cell(t, json_is_null(best) ? NULL
		: arena_printf(t->arena, "%s (#%s)", show_value(t->arena, json_get(r, "bestValue")), show_exact(t->arena, best)));
}

static void add_rung_table(struct strbuf *out, struct arena *a, const cJSON *rungs)
{
	static const char *const heads[] = {
		"BRACKET", "RUNG", "RESOURCE", "TRIALS", "RUNNING", "PROMOTED", "STOPPED", "FAILED", "BEST"};
	struct table t;

	table_init(&t, a);
	for (size_t i = 0; i < ARRAY_LEN(heads); i++)
		table_column(&t, heads[i]);
	json_each(r, rungs)
		rung_row(&t, r);
	if (t.n_cells) {
		strbuf_puts(out, "\n");
		table_print(&t, out, true, true);
	}
}

/* Brackets, rungs, and who was stopped last. Only where trials have different lengths. */
static bool add_rungs(struct strbuf *out, struct cli *c, const char *name, const cJSON *x, struct err *e)
{
	const cJSON *answer;
	struct table t;
	int shown = 0;

	if (!json_at(x, "/spec/fidelity") && !json_at(x, "/spec/earlyStopping"))
		return true;
	if (!client_get(c->client, c->arena, client_path(c->client, c->arena, name, "/rungs"), &answer, e))
		return false;
	add_rung_table(out, c->arena, json_get(answer, "rungs"));
	table_init(&t, c->arena);
	table_column(&t, "STOPPED");
	table_column(&t, "AT");
	table_column(&t, "REASON");
	table_column(&t, "MESSAGE");
	json_each(s, json_get(answer, "stopped")) {
		if (shown++ == STOPPED)
			break;
		table_cell(&t, arena_printf(c->arena, "#%s", show_exact(c->arena, json_get(s, "trial"))));
		table_cell(&t, show_value(c->arena, json_get(s, "reached")));
		table_cell(&t, json_str(json_get(s, "reason")));
		table_cell(&t, json_str(json_get(s, "message")));
	}
	if (t.n_cells) {
		strbuf_puts(out, "\n");
		table_print(&t, out, true, true);
	}
	return true;
}

static bool add_events(struct strbuf *out, struct cli *c, const char *name, const char *trial, struct err *e)
{
	const cJSON *list;
	struct table t;
	const char *path = client_path(c->client, c->arena, name,
		arena_printf(c->arena, "/events?limit=%d%s%s", EVENTS, trial ? "&trial=" : "", trial ? trial : ""));

	if (!client_get(c->client, c->arena, path, &list, e))
		return false;
	table_init(&t, c->arena);
	event_columns(&t);
	json_each(item, json_get(list, "items"))
		event_row(&t, item);
	if (t.n_cells) {
		strbuf_puts(out, "\n");
		table_print(&t, out, true, true);
	}
	return true;
}

/* The next step that its state suggests. */
static const char *advice(struct arena *a, const cJSON *x)
{
	const char *name = experiment_name_of(x), *state = experiment_state_of(x);

	if (strcmp(state, "paused") == 0)
		return arena_printf(a, "trimtab resume %s", name);
	if (strcmp(state, "failed") == 0 || json_int_at(x, "/status/trialsFailed", 0) > 0)
		return arena_printf(a, "trimtab logs %s --failed", name);
	if (experiment_over(x) && experiment_best(x))
		return arena_printf(a, "trimtab best %s -o args", name);
	return experiment_over(x) ? NULL : arena_printf(a, "trimtab watch %s", name);
}

static bool describe_experiment(struct strbuf *out, struct cli *c, const char *name, struct err *e)
{
	struct arena *a = c->arena;
	const cJSON *x;

	if (!client_get(c->client, a, client_path(c->client, a, name, NULL), &x, e))
		return false;
	line(out, "Name:", experiment_name_of(x));
	line(out, "Namespace:", json_str_at(x, "/metadata/namespace"));
	line(out, "Labels:", show_params(a, json_at(x, "/metadata/labels")));
	line(out, "State:",
		state_line(
			a, experiment_state_of(x), json_str_at(x, "/status/reason"), json_str_at(x, "/status/message")));
	line(out, "Created:", json_str_at(x, "/metadata/createdAt"));
	line(out,
		"Took:", show_took(a, json_str_at(x, "/status/startTime"), json_str_at(x, "/status/completionTime")));
	line(out, "Algorithm:",
		arena_printf(a, "%s  %s", json_str_at(x, "/spec/algorithm/name"),
			show_params(a, json_at(x, "/spec/algorithm/settings"))));
	add_objectives(out, a, json_at(x, "/spec/objectives"));
	add_constraints(out, a, json_at(x, "/spec/constraints"));
	add_fidelity(out, a, json_at(x, "/spec/fidelity"));
	add_early_stopping(out, a, json_at(x, "/spec/earlyStopping"));
	line(out, "Budget:", show_params(a, json_at(x, "/spec/budget")));
	line(out, "Stops when:", show_params(a, json_at(x, "/spec/stopWhen")));
	json_each(s, json_at(x, "/spec/warmStart"))
		line(out, "Learned from:", json_str(s));
	add_counts(out, a, json_get(x, "status"));
	line(out, "Saved:", experiment_saved(a, x));
	add_best(out, a, x);
	add_space(out, a, json_at(x, "/spec/parameters"));
	if (!add_rungs(out, c, name, x, e) || !add_events(out, c, name, NULL, e))
		return false;
	if (advice(a, x))
		strbuf_printf(out, "\nNext: %s\n", advice(a, x));
	return true;
}

static bool describe_trial(
	struct strbuf *out, struct cli *c, const char *name, const char *trial, struct err *e)
{
	struct arena *a = c->arena;
	const cJSON *t;
	const char *path = client_path(c->client, a, name, arena_printf(a, "/trials/%s", url_escape(a, trial)));

	if (!client_get(c->client, a, path, &t, e))
		return false;
	line(out, "Name:", json_str(json_get(t, "name")));
	line(out, "Experiment:", name);
	line(out, "Number:", show_exact(a, json_get(t, "number")));
	line(out, "Attempt:", show_exact(a, json_get(t, "attempt")));
	line(out, "State:",
		state_line(a, json_str(json_get(t, "state")), json_str(json_get(t, "reason")),
			json_str(json_get(t, "message"))));
	line(out, "Parameters:", show_params(a, json_get(t, "parameters")));
	line(out, "Budget:", show_params(a, json_get(t, "budget")));
	line(out, "Values:", show_params(a, json_get(t, "values")));
	line(out, "Feasible:", show_exact(a, json_get(t, "feasible")));
	line(out, "Rank:", show_exact(a, json_get(t, "rank")));
	line(out, "Step:", show_exact(a, json_get(t, "lastStep")));
	line(out, "Worker:", json_str(json_get(t, "workerId")));
	line(out, "Executor:", json_str(json_get(t, "executor")));
	line(out, "Exit code:", show_exact(a, json_get(t, "exitCode")));
	line(out, "Started:", json_str(json_get(t, "startedAt")));
	line(out, "Took:", show_took(a, json_str(json_get(t, "startedAt")), json_str(json_get(t, "finishedAt"))));
	if (!add_events(out, c, name, show_exact(a, json_get(t, "number")), e))
		return false;
	strbuf_printf(out, "\nNext: trimtab logs %s/%s\n", name, show_exact(a, json_get(t, "number")));
	return true;
}

static int describe_run(struct cli *c)
{
	const char *const *args = c->options.args;
	size_t n = c->options.n_args;
	bool kind = n > 1 && (strcmp(args[0], "experiment") == 0 || strcmp(args[0], "trial") == 0);
	const char *name, *trial;
	struct strbuf out;
	struct err e = {0};
	bool ok;

	split_trial(c->arena, args[kind], &name, &trial);
	if (n > (size_t)kind + 1)
		trial = args[kind + 1];
	strbuf_init(&out, TEXT_MAX);
	ok = trial ? describe_trial(&out, c, name, trial, &e) : describe_experiment(&out, c, name, &e);
	if (ok)
		fputs(out.data, stdout);
	strbuf_free(&out);
	return ok ? EXIT_DONE : cli_fail(c, &e);
}

static const struct example describe_examples[] = {
	{"trimtab describe digits", "State, budget, best trial, search space, events"},
	{"trimtab describe digits/17", "One trial: why it ended as it did"},
	{NULL, NULL},
};

const struct command cmd_describe = {
	.name = "describe",
	.args = "[experiment|trial] NAME[/TRIAL]",
	.summary = "Show all about an experiment or a trial",
	.min_args = 1,
	.max_args = 3,
	.complete = "experiments",
	.examples = describe_examples,
	.run = describe_run,
};
