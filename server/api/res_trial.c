/* One trial: read it, try it again, end it. */
#include "lib/arena.h"
#include "server/api/json_trial.h"
#include "server/api/res.h"
#include "server/store/store_trial.h"

static void reply_trial(struct http_req *req, int status, const struct store_trials *rows)
{
	const struct trial_place place = trial_place(req->arena, api_ns(req), api_name(req), rows);

	trial_json(http_json(req), NULL, req->arena, &rows->items[0], &place);
	http_reply_json(req, status);
}

static void trial_got(void *ctx, const struct store_trials *rows, const struct err *e)
{
	struct http_req *req = ctx;

	if (api_trial_found(req, rows, e))
		reply_trial(req, 200, rows);
}

static void trial_get(struct http_req *req)
{
	const struct store_trial_ref ref = api_trial_ref(req);

	store_trial_get(api_app(req)->store, req->arena, &ref, trial_got, req);
}

static void allowed_actions(struct json_writer *w, const void *ctx)
{
	const struct store_trials *rows = ctx;
	enum trial_state state = rows->items[0].state;

	jw_str(w, "state", trial_state_name(state));
	jw_array(w, "allowedActions");
	if (!trial_state_over(state))
		jw_str(w, NULL, "kill");
	else if (state != TRIAL_SUCCEEDED && !experiment_state_over(rows->state))
		jw_str(w, NULL, "retry");
	jw_end(w);
}

/* A retry or a kill is stored: the owner hears of it and acts. */
static void trial_intended(void *ctx, const struct store_trials *rows, const struct err *e)
{
	struct http_req *req = ctx;

	if (!api_trial_found(req, rows, e))
		return;
	const struct store_trial *t = &rows->items[0];
	if (t->outcome != STORE_WRONG_STATE)
		return reply_trial(req, 202, rows);
	http_reply_problem(req, &(struct problem_reply){
		.code = ERR_WRONG_STATE,
		.detail = arena_printf(req->arena, "Trial %d is %s in an experiment that is %s", t->number,
			trial_state_name(t->state), experiment_state_name(rows->state)),
		.extra = allowed_actions,
		.ctx = rows,
	});
}

static void trial_retry(struct http_req *req)
{
	const struct store_trial_ref ref = api_trial_ref(req);

	store_trial_retry(api_app(req)->store, req->arena, &ref, api_who(req), trial_intended, req);
}

static void trial_kill(struct http_req *req)
{
	const struct store_trial_ref ref = api_trial_ref(req);

	store_trial_kill(api_app(req)->store, req->arena, &ref, api_who(req), trial_intended, req);
}

static const struct route routes[] = {
	{.method = HTTP_GET, .path = API_TRIAL, .handler = trial_get,
		.need = ROLE_VIEWER, .flags = ROUTE_TRIAL_TOKEN,
		.status = 200, .answer = "Trial", .id = "getTrial", .summary = "One trial, by number or name"},
	{.method = HTTP_POST, .path = API_TRIAL ":retry", .handler = trial_retry,
		.need = ROLE_EDITOR,
		.status = 202, .answer = "Trial", .id = "retryTrial", .summary = "Try an ended trial again",
		.doc = "For trials that failed, were lost, killed, stopped early or reported nothing; the next attempt "
			   "has the same number and parameters. Idempotent."},
	{.method = HTTP_POST, .path = API_TRIAL ":kill", .handler = trial_kill,
		.need = ROLE_EDITOR,
		.status = 202, .answer = "Trial", .id = "killTrial", .summary = "End a trial now", .doc = "Idempotent."},
};
ROUTE_TABLE(res_trial, routes);
