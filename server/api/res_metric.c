/* Reports: the hot path. A batch of points in, the stop signal out. */
#include <assert.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/log.h"
#include "server/api/res.h"
#include "server/control/control.h"
#include "server/model/metrics_in.h"
#include "server/store/store_trial.h"

static void reply(struct http_req *req, const struct report_answer *answer)
{
	struct json_writer *w = http_json(req);

	jw_object(w, NULL);
	jw_int(w, "accepted", (int64_t)answer->accepted);
	jw_bool(w, "stop", answer->stop);
	if (answer->stop) {
		jw_str(w, "reason", answer->reason);
		jw_str(w, "message", answer->message);
	}
	jw_str(w, "trialState", trial_state_name(answer->state));
	jw_end(w);
	http_reply_json(req, 200);
}

static void reported(void *ctx, const struct report_answer *answer, const struct err *e)
{
	struct http_req *req = ctx;

	/* Gone is what a trial's own token hears of its deleted experiment; a user's number was wrong. */
	if (e && e->code == ERR_GONE && req->principal.kind != PRINCIPAL_TRIAL)
		return api_fail(req, ERR_NOT_FOUND, "Experiment '%s' has no trial '%s'", api_name(req), route_param(req, "trial"));
	if (e)
		return http_reply_err(req, e);
	reply(req, answer);
}

/* ---- without points: is the trial still wanted? ---------------------------------------------------- */

static void touched(void *ctx, const struct store_trials *rows, const struct err *e)
{
	struct http_req *req = ctx;

	if (!api_trial_found(req, rows, e))
		return;
	const struct store_trial *t = &rows->items[0];
	bool over = trial_state_over(t->state);
	reply(req, &(struct report_answer){
		.stop = over || t->stop,
		.reason = over ? "TrialFinished" : t->stop,
		.message = t->message,
		.state = t->state,
	});
}

static void heartbeat(struct http_req *req)
{
	const struct store_trial_ref ref = api_trial_ref(req);

	store_trial_touch(api_app(req)->store, req->arena, &ref, touched, req);
}

static void report(struct http_req *req, int64_t experiment_id, int number)
{
	const struct metrics_batch *batch = req->in;

	assert(batch->n > 0 && batch->n <= METRICS_POINTS_MAX);
	control_report(api_app(req)->control, experiment_id, number, batch->points, batch->n, reported, req);
}

static void metrics_post(struct http_req *req)
{
	struct metrics_batch *batch = ARENA_NEW(req->arena, struct metrics_batch);
	struct problems *p = ARENA_NEW(req->arena, struct problems);
	enum metrics_media media;
	struct err e;

	if (!metrics_media_parse(*req->media_type ? req->media_type : NULL, &media))
		return api_fail(req, ERR_MEDIA_TYPE,
			"'%s' is not a form of metrics: application/json, application/x-ndjson, text/plain", req->media_type);
	problems_init(p, req->arena);
	if (!metrics_decode(req->body, req->body_len, media, req->arena, batch, p, &e)) {
		if (p->total)
			return http_reply_problems(req, p, NULL, NULL, "Nothing was stored");
		return http_reply_err(req, &e);
	}
	if (batch->dropped > 0)
		LOG_WARN("the client dropped points", L_INT("points", batch->dropped), L_STR("path", req->path));
	if (batch->n == 0)
		return heartbeat(req);
	req->in = batch;
	api_find_trial(req, report);
}

static const struct route routes[] = {
	{.method = HTTP_POST, .path = API_TRIAL "/metrics", .handler = metrics_post,
		.need = ROLE_EDITOR, .flags = ROUTE_TRIAL_TOKEN | ROUTE_RAW,
		.media = "*", .max_body = METRICS_BODY_MAX, .body_name = "Metrics",
		.status = 200, .answer = "Reported", .id = "reportMetrics", .summary = "Report metric points",
		.doc = "All or none; idempotent on (trial, metric, step), the last write wins. Points without a step are "
			   "counted by the server. Acknowledged only when committed. `stop` says that the trial should end."},
	{.method = HTTP_POST, .path = API_TRIAL "/heartbeat", .handler = heartbeat,
		.need = ROLE_EDITOR, .flags = ROUTE_TRIAL_TOKEN | ROUTE_RAW, .media = "*",
		.status = 200, .answer = "Reported", .id = "heartbeat", .summary = "Renew a worker's lease",
		.doc = "Answers like a report: `stop` says that the trial should end."},
};
ROUTE_TABLE(res_metric, routes);

const struct json_field reported_schema[] = {
	OUT("accepted", OUT_INTEGER, "points stored"),
	OUT("stop", OUT_BOOLEAN, "the trial should end now"),
	OUT_MAY("reason", OUT_STRING, "of the stop, one word"),
	OUT_MAY("message", OUT_STRING, "of the stop, a sentence"),
	OUT("trialState", OUT_STRING, "of the trial"),
	JF_END,
};
