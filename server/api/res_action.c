/* What users want of an experiment: stop, cancel, pause, resume, restart. */
#include <assert.h>

#include "lib/arena.h"
#include "lib/json_write.h"
#include "lib/strbuf.h"
#include "server/api/experiment_out.h"
#include "server/api/res.h"
#include "server/model/spec.h"

static const char *const verbs[] = {
	[STORE_STOP] = "stop",
	[STORE_CANCEL] = "cancel",
	[STORE_PAUSE] = "pause",
	[STORE_RESUME] = "resume",
	[STORE_RESTART] = "restart",
};

struct acting {
	struct http_req *req;
	enum store_intent intent;
};

static void intended(void *ctx, const struct store_experiments *rows, const struct err *e)
{
	struct acting *act = ctx;

	if (!experiment_found(act->req, rows, e))
		return;
	const struct store_experiment *x = &rows->items[0];
	if (x->outcome == STORE_WRONG_STATE)
		return reply_wrong_state(act->req, x, verbs[act->intent]);
	reply_experiment(act->req, 202, x);
}

static void intend(struct http_req *req, enum store_intent intent, const struct experiment_spec *s)
{
	struct acting *act = ARENA_NEW(req->arena, struct acting);

	assert((size_t)intent < ARRAY_LEN(verbs));
	*act = (struct acting){.req = req, .intent = intent};
	store_experiment_intend(api_app(req)->store, req->arena, api_ns(req), api_name(req), intent,
		s ? spec_text(req, s) : NULL, s ? spec_hash(req, s) : NULL, api_who(req), intended, act);
}

static void stop(struct http_req *req)
{
	intend(req, STORE_STOP, NULL);
}

static void cancel(struct http_req *req)
{
	intend(req, STORE_CANCEL, NULL);
}

static void pause_(struct http_req *req)
{
	intend(req, STORE_PAUSE, NULL);
}

static void resume(struct http_req *req)
{
	intend(req, STORE_RESUME, NULL);
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

static void restart_read(void *ctx, const struct store_experiments *rows, const struct err *e)
{
	struct http_req *req = ctx;
	const struct restart_in *in = req->in;
	struct problems *p = ARENA_NEW(req->arena, struct problems);
	struct spec_edit edit;

	if (!experiment_found(req, rows, e))
		return;
	const struct experiment_spec *spec = experiment_spec_of(req, &rows->items[0]);
	if (!spec)
		return;
	problems_init(p, req->arena);
	if (!spec_merge_patch(spec, budget_patch(req, in->budget), req->arena, &edit, p))
		return http_reply_problems(req, p, "invalid-experiment", NULL, "Nothing was changed");
	intend(req, STORE_RESTART, edit.spec);
}

static void restart(struct http_req *req)
{
	const struct restart_in *in = req->in;

	if (in && in->budget)
		store_experiment_get(api_app(req)->store, req->arena, api_ns(req), api_name(req), restart_read, req);
	else
		intend(req, STORE_RESTART, NULL);
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
	{.method = HTTP_POST, .path = API_EXPERIMENT "/restart", .handler = restart, .need = ROLE_EDITOR,
		.flags = ROUTE_BODY_OPTIONAL, .body = restart_fields, .body_size = sizeof(struct restart_in),
		.body_name = "Restart",
		.status = 202, .answer = "Experiment", .id = "restartExperiment", .summary = "Go on after the end",
		.doc = "Give a larger budget where the old one is used up. Idempotent."},
};
ROUTE_TABLE(res_action, routes);
