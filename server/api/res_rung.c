/* The rungs of an experiment whose trials have different lengths, who was stopped, and what that saved. */
#include "server/api/res.h"
#include "server/store/store_experiment.h"

enum { STOPPED_MAX = 100 };

static void list(struct json_writer *w, const char *key, const char *items)
{
	if (items) {
		jw_raw(w, key, items);
		return;
	}
	jw_array(w, key);
	jw_end(w);
}

static void got(void *ctx, const struct store_rungs *r, const struct err *e)
{
	struct http_req *req = ctx;

	if (e)
		return http_reply_err(req, e);
	if (!r->found)
		return api_no_experiment(req);
	struct json_writer *w = http_json(req);
	jw_object(w, NULL);
	if (r->fidelity)
		jw_raw(w, "fidelity", r->fidelity);
	if (r->early_stopping)
		jw_raw(w, "earlyStopping", r->early_stopping);
	list(w, "rungs", r->rungs);
	list(w, "stopped", r->stopped);
	if (r->saved)
		jw_raw(w, "saved", r->saved);
	jw_end(w);
	http_reply_json(req, 200);
}

static void rungs(struct http_req *req)
{
	store_rungs(api_app(req)->store, req->arena, api_ns(req), api_name(req), STOPPED_MAX, got, req);
}

static const struct route routes[] = {
	{.method = HTTP_GET, .path = API_EXPERIMENT "/rungs", .handler = rungs, .need = ROLE_VIEWER, .status = 200,
		.answer = "Rungs", .id = "getRungs", .summary = "Brackets and rungs, who was stopped, and what that saved",
		.doc = "Of an experiment with fidelity or earlyStopping. Whether trials were stopped or granted their length, "
			"what was saved is against every configuration run to its full length."},
};
ROUTE_TABLE(res_rung, routes);

const struct json_field rungs_schema[] = {
	OUT_MAY("fidelity", OUT_OBJECT, "as in the spec: how far a trial can run"),
	OUT_MAY("earlyStopping", OUT_OBJECT, "as in the spec: the rules that stop trials"),
	OUT("rungs", OUT_ARRAY_OF("Rung"), "by bracket, then from the shortest; empty without fidelity"),
	OUT("stopped", OUT_ARRAY_OF("StoppedTrial"), "the last hundred that were stopped early, newest first"),
	OUT_MAY("saved", OUT_REF("Savings"), "absent until a trial is over"),
	JF_END,
};

const struct json_field rung_schema[] = {
	OUT("bracket", OUT_INTEGER, "which of the algorithm's schedules: they begin at different rungs"),
	OUT("rung", OUT_INTEGER, "from 0, the shortest of its bracket"),
	OUT("resource", OUT_NUMBER, "how far a trial runs to come here: steps, or what the parameter of fidelity says"),
	OUT("trials", OUT_INTEGER, "that came so far, or were granted as much"),
	OUT("running", OUT_INTEGER, "of them, under way and not yet at the next rung"),
	OUT("promoted", OUT_INTEGER, "of them, those that went on"),
	OUT("stopped", OUT_INTEGER, "of them, stopped early before the next rung"),
	OUT("failed", OUT_INTEGER, "of them, failed, killed, lost or without metrics"),
	OUT("bestTrial", "{\"type\":[\"integer\",\"null\"]}", "the number of the best trial here"),
	OUT("bestValue", "{\"type\":[\"number\",\"null\"]}", "the best value of the first objective here"),
	JF_END,
};

const struct json_field stopped_trial_schema[] = {
	OUT("trial", OUT_INTEGER, "its number"),
	OUT("bracket", OUT_INTEGER, "which of the algorithm's schedules"),
	OUT("reached", "{\"type\":[\"number\",\"null\"]}", "how far it came"),
	OUT("reason", OUT_STRING, "the rule that stopped it, in one word"),
	OUT("message", OUT_STRING, "why, in a sentence"),
	OUT("finishedAt", OUT_TIME, "when it ended"),
	JF_END,
};

const struct json_field savings_schema[] = {
	OUT("configurations", OUT_INTEGER, "that count: tried, and no trial of theirs under way"),
	OUT("stopped", OUT_INTEGER, "of them, those that did not run to the end"),
	OUT("steps", OUT_NUMBER, "that were not run, or units of the parameter of fidelity"),
	OUT("fraction", OUT_NUMBER, "the same as a share of all steps"),
	OUT("seconds", "{\"type\":[\"number\",\"null\"]}",
		"that these steps would have taken, by what a step of the same configuration took; null without times"),
	OUT("timeFraction", "{\"type\":[\"number\",\"null\"]}", "the same as a share of the time of all"),
	JF_END,
};
