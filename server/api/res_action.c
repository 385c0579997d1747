/* What users want of an experiment: stop, cancel, pause, resume, restart. */
#include <string.h>

#include "lib/arena.h"
#include "lib/clk.h"
#include "lib/json_write.h"
#include "lib/strbuf.h"
#include "server/api/experiment_out.h"
#include "server/api/res.h"
#include "server/control/plan.h"
#include "server/model/observe.h"
#include "server/model/spec.h"

static void stop(struct http_req *req)
{
	experiment_intend(req, STORE_STOP, NULL, 202);
}

static void cancel(struct http_req *req)
{
	experiment_intend(req, STORE_CANCEL, NULL, 202);
}

static void pause_(struct http_req *req)
{
	experiment_intend(req, STORE_PAUSE, NULL, 202);
}

static void resume(struct http_req *req)
{
	experiment_intend(req, STORE_RESUME, NULL, 202);
}

/* ---- restart, with a larger budget -------------------------------------------------------------------- */

struct restart_in {
	const cJSON *budget;
};

static const struct json_field restart_fields[] = {
	JF_ANY(struct restart_in, budget, "budget", JF_OPTIONAL,
		"fields of spec.budget to change, such as {\"maxTrials\": 80}"),
	JF_END,
};

/* {"spec": {"budget": ...}} */
static const cJSON *budget_patch(struct http_req *req, const cJSON *budget)
{
	struct strbuf text;
	struct json_writer w;

	strbuf_init(&text, SPEC_DOCUMENT_MAX);
	jw_init(&w, &text);
	jw_object(&w, NULL);
	jw_object(&w, "spec");
	jw_value(&w, "budget", budget);
	jw_end(&w);
	jw_end(&w);
	const cJSON *patch = json_parse(text.data, text.len, 0, req->arena, NULL);
	strbuf_free(&text);
	return patch;
}

/* What would end it again at once, and what is to be done about it. */
static const struct obstacle {
	enum end_reason why;
	const char *pointer, *code, *detail;
} obstacles[] = {
	{END_MAX_TRIALS, "/spec/budget/maxTrials", "budget-used-up",
		"all trials of the budget were used: restart with more, as in {\"budget\": {\"maxTrials\": 80}}"},
	{END_MAX_DURATION, "/spec/budget/maxDuration", "budget-used-up",
		"the duration, which counts from the first start, has passed: restart with a longer one"},
	{END_MAX_FAILED, "/spec/budget/maxFailedTrials", "budget-used-up",
		"as many trials failed as are allowed: see why, then restart with a higher number"},
	{END_GOAL, "/spec/objectives/0/goal", "goal-reached",
		"the best trial has reached the goal: create an experiment with a higher one"},
	{END_EXHAUSTED, "/spec/parameters", "search-space-exhausted",
		"every configuration was tried: create an experiment with a larger search space"},
	{END_CONVERGED, "/spec/stopWhen", "converged",
		"what stopWhen waits for has come: create an experiment with another rule"},
};

static bool ended_for(const struct store_experiment *x, enum end_reason why)
{
	return x->reason && strcmp(x->reason, end_reason_name(why)) == 0;
}

/* Failures that the retry policy may take back do not count: the plan decides about them. */
static int64_t failures(const struct store_experiment *x, const struct retry_policy *retry)
{
	return x->counts[TRIAL_UNAVAILABLE] + (retry->on_failed ? 0 : x->counts[TRIAL_FAILED]) +
	       (retry->on_lost ? 0 : x->counts[TRIAL_LOST]);
}

static const struct obstacle *obstacle_to(const struct experiment_spec *s, const struct store_experiment *x)
{
	const struct budget *b = &s->budget;
	const struct plan_input in = {
		.state = EXPERIMENT_RUNNING,
		.budget = {.max_trials = b->max_trials,
			.parallel = b->parallel_trials,
			.max_failed = b->max_failed_trials,
			.deadline_us =
				b->max_duration_us > 0 && x->started_us > 0 ? x->started_us + b->max_duration_us : 0},
		.now_us = clk_wall_us(),
		.used = x->next_number - 1 - x->imported,
		.failed = failures(x, &s->retry),
		.goal_reached = x->best_number > 0 && x->best_vals.n > 0 &&
	                    objective_goal_reached(&s->objectives[0], x->best_vals.v[0]),
		.exhausted = ended_for(x, END_EXHAUSTED),
		.converged = ended_for(x, END_CONVERGED),
	};
	const enum end_reason why = plan_end(&in);

	for (size_t i = 0; i < ARRAY_LEN(obstacles); i++)
		if (obstacles[i].why == why)
			return &obstacles[i];
	return NULL;
}

static void restart_read(void *ctx, const struct store_experiments *rows, const struct err *e)
{
	struct http_req *req = ctx;
	const struct restart_in *in = req->in;
	struct problems *p = ARENA_NEW(req->arena, struct problems);
	struct spec_edit edit = {0};

	if (!experiment_found(req, rows, e))
		return;
	const struct store_experiment *x = &rows->items[0];
	const struct experiment_spec *spec = experiment_spec_of(req, x);
	if (!spec)
		return;
	problems_init(p, req->arena);
	if (in && in->budget && !spec_merge_patch(spec, budget_patch(req, in->budget), req->arena, &edit, p))
		return http_reply_problems(req, p, "invalid-experiment", NULL, "Nothing was changed");
	const struct obstacle *o =
		experiment_state_over(x->state) ? obstacle_to(edit.spec ? edit.spec : spec, x) : NULL;
	if (o) {
		problem_add(p, o->pointer, o->code, "%s", o->detail);
		return http_reply_problems(
			req, p, NULL, "The experiment would end again at once", "Nothing was changed");
	}
	experiment_intend(req, STORE_RESTART, edit.spec, 202);
}

static void restart(struct http_req *req)
{
	store_experiment_get(api_app(req)->store, req->arena, api_ns(req), api_name(req), restart_read, req);
}

#define ACTION(verb, fn, id_, text, doc_)                                                             \
	{.method = HTTP_POST, .path = API_EXPERIMENT "/" verb, .handler = fn, .need = ROLE_EDITOR,        \
		.flags = ROUTE_BODY_OPTIONAL, .status = 202, .answer = "Experiment", .id = id_,               \
		.summary = text, .doc = doc_}

static const struct route routes[] = {
	ACTION("stop", stop, "stopExperiment", "Start nothing new, let running trials finish", "Idempotent."),
	ACTION("cancel", cancel, "cancelExperiment", "Stop, and kill the running trials", "Idempotent."),
	ACTION("pause", pause_, "pauseExperiment", "Start nothing new until it is resumed", "Idempotent."),
	ACTION("resume", resume, "resumeExperiment", "Go on after a pause", "Idempotent."),
	{.method = HTTP_POST,
		.path = API_EXPERIMENT "/restart",
		.handler = restart,
		.need = ROLE_EDITOR,
		.flags = ROUTE_BODY_OPTIONAL,
		.body = restart_fields,
		.body_size = sizeof(struct restart_in),
		.body_name = "Restart",
		.status = 202,
		.answer = "Experiment",
		.id = "restartExperiment",
		.summary = "Go on after the end",
		.doc = "Give a larger budget where the old one is used up: what would end again at once is refused. "
               "Idempotent."},
};
ROUTE_TABLE(res_action, routes);
