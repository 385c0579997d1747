/* Ask and tell: somebody else runs the trials. */
#include <assert.h>
#include <string.h>

#include "lib/arena.h"
#include "server/api/json_trial.h"
#include "server/api/res.h"
#include "server/api/trial_in.h"
#include "server/control/control.h"
#include "server/store/store_trial.h"

/* ---- ask ------------------------------------------------------------------------------------------- */

struct ask_in {
	const char *worker;
	int64_t count, lease_s;
};

static const struct json_field ask_fields[] = {
	JF_STR(struct ask_in, worker, "workerId", JF_REQUIRED, 1, 250,
		"who asks: the same worker gets its unfinished trials back before any new one"),
	JF_INT(struct ask_in, count, "count", JF_OPTIONAL, 1, 1000, "1", "trials wanted"),
	JF_INT(struct ask_in, lease_s, "leaseSeconds", JF_OPTIONAL, 1, 7 * 86400, "120",
		"silent for longer (no report, no heartbeat) means lost"),
	JF_END,
};

static void given_json(struct json_writer *w, struct http_req *req, const struct store_trial *t)
{
	const char *self = arena_printf(req->arena, "/api/v1/namespaces/%s/experiments/%s/trials/%d", api_ns(req),
		api_name(req), t->number);

	jw_object(w, NULL);
	jw_str(w, "name", t->name);
	jw_int(w, "number", t->number);
	jw_int(w, "attempt", t->attempt);
	jw_raw(w, "parameters", t->params);
	if (t->budget)
		jw_raw(w, "budget", t->budget);
	jw_time(w, "leaseExpiresAt", t->lease_until_us);
	jw_object(w, "links");
	jw_str(w, "metrics", arena_printf(req->arena, "%s/metrics", self));
	jw_str(w, "tell", arena_printf(req->arena, "%s:tell", self));
	jw_end(w);
	jw_end(w);
}

static void asked(void *ctx, const struct ask_answer *answer, const struct err *e)
{
	struct http_req *req = ctx;

	if (e)
		return http_reply_err(req, e);
	struct json_writer *w = http_json(req);
	jw_object(w, NULL);
	jw_array(w, "trials");
	for (size_t i = 0; i < answer->n; i++)
		given_json(w, req, &answer->trials[i]);
	jw_end(w);
	jw_str(w, "state", experiment_state_name(answer->state));
	jw_int(w, "retryAfterSeconds", answer->n ? 0 : answer->retry_after_s);
	jw_end(w);
	http_reply_json(req, 200);
}

static void ask_found(struct http_req *req, int64_t experiment_id)
{
	const struct ask_in *in = req->in;

	assert(in->worker && in->count > 0 && in->lease_s > 0);
	control_ask(api_app(req)->control, experiment_id, api_ns(req), api_name(req), in->worker, (int32_t)in->count,
		(int32_t)in->lease_s, asked, req);
}

static void trials_ask(struct http_req *req)
{
	api_find(req, ask_found);
}

/* ---- tell ------------------------------------------------------------------------------------------ */

static const char *const told_names[] = {ENDED_STATES, NULL};

struct tell_in {
	int state;
	const cJSON *values;
	const char *reason, *message;
};

static const struct json_field tell_fields[] = {
	JF_ENUM(struct tell_in, state, "state", JF_OPTIONAL, told_names, "\"succeeded\"", "how it ended"),
	JF_ANY(struct tell_in, values, "values", JF_OPTIONAL,
		"an object metric -> number; without it the reported metrics count, by strategy"),
	JF_STR(struct tell_in, reason, "reason", JF_OPTIONAL, 0, 63, "one word: why"),
	JF_STR(struct tell_in, message, "message", JF_OPTIONAL, 0, 4000, "a sentence"),
	JF_END,
};

struct telling {
	struct http_req *req;
	struct store_tell tell;
	const struct store_trials *rows;
};

static void both_values(struct json_writer *w, const void *ctx)
{
	const struct telling *t = ctx;
	const struct store_trial *stored = &t->rows->items[0];
	const struct trial_place place = trial_place(t->req->arena, api_ns(t->req), api_name(t->req), t->rows);

	jw_object(w, "stored");
	jw_str(w, "state", trial_state_name(stored->state));
	jw_str(w, "reason", stored->reason);
	trial_values_json(w, "values", t->req->arena, stored, &place);
	jw_end(w);
	jw_object(w, "told");
	jw_str(w, "state", trial_state_name(t->tell.state));
	jw_raw(w, "values", t->tell.values);
	jw_end(w);
}

static void told(void *ctx, const struct store_trials *rows, const struct err *e)
{
	struct telling *t = ctx;
	struct http_req *req = t->req;

	if (!api_trial_found(req, rows, e))
		return;
	const struct store_trial *trial = &rows->items[0];
	assert(trial->outcome != STORE_STALE && trial->outcome != STORE_NOT_FOUND);
	control_wrote(api_app(req)->control, rows);
	t->rows = rows;
	if (trial->outcome == STORE_DIFFERS)
		return http_reply_problem(req, &(struct problem_reply){.code = ERR_CONFLICT,
			.detail = arena_printf(req->arena, "Trial %d is over with another result", trial->number),
			.extra = both_values, .ctx = t});
	if (trial->outcome == STORE_WRONG_STATE)
		return api_fail(req, ERR_WRONG_STATE, "Trial %d is %s%s", trial->number, trial_state_name(trial->state),
			trial->worker ? "" : " and no worker holds it: it cannot be told");
	const struct trial_place place = trial_place(req->arena, api_ns(req), api_name(req), rows);
	trial_json(http_json(req), NULL, req->arena, trial, &place);
	http_reply_json(req, 200);
}

static void trial_tell(struct http_req *req)
{
	const struct tell_in *in = req->in;
	struct telling *t = ARENA_NEW(req->arena, struct telling);
	struct problems *p = ARENA_NEW(req->arena, struct problems);

	problems_init(p, req->arena);
	t->req = req;
	t->tell = (struct store_tell){.trial = api_trial_ref(req), .reason = in->reason, .message = in->message};
	t->tell.state = ended_state(told_names[in->state], &t->tell.reason);
	t->tell.values = values_text(in->values, "/values", req->arena, p);
	if (p->total)
		return http_reply_problems(req, p, NULL, NULL, "Nothing was stored");
	store_trial_tell(api_app(req)->store, req->arena, &t->tell, told, t);
}

static const struct route routes[] = {
	{.method = HTTP_POST, .path = API_TRIALS ":ask", .handler = trials_ask, .need = ROLE_EDITOR,
		.body = ask_fields, .body_size = sizeof(struct ask_in), .body_name = "Ask",
		.status = 200, .answer = "Asked", .id = "askTrials", .summary = "Trials for a worker to run",
		.doc = "Nothing to give now: no trials and retryAfterSeconds. The experiment is over: its state, and no trials."},
	{.method = HTTP_POST, .path = API_TRIAL ":tell", .handler = trial_tell, .need = ROLE_EDITOR,
		.body = tell_fields, .body_size = sizeof(struct tell_in), .body_name = "Tell",
		.status = 200, .answer = "Trial", .id = "tellTrial", .summary = "How a worker's trial ended",
		.doc = "Telling the same twice is fine; another result than the one stored is a conflict that shows both."},
};
ROUTE_TABLE(res_ask, routes);

const struct json_field asked_schema[] = {
	OUT("trials", OUT_ARRAY_OF("GivenTrial"), "the worker's trials"),
	OUT("state", OUT_STRING, "of the experiment"),
	OUT("retryAfterSeconds", OUT_INTEGER, "when to ask again, without trials"),
	JF_END,
};

const struct json_field given_schema[] = {
	OUT("name", OUT_STRING, "of the trial"),
	OUT("number", OUT_INTEGER, "of the trial"),
	OUT("attempt", OUT_INTEGER, "1 = the first"),
	OUT("parameters", OUT_OBJECT, "what to try"),
	OUT_MAY("budget", OUT_OBJECT, "how far to run it: steps, resource, bracket, rung, and parent, the trial that it continues"),
	OUT("leaseExpiresAt", OUT_TIME, "silent for longer means lost"),
	OUT("links", OUT_OBJECT, "metrics, tell"),
	JF_END,
};
