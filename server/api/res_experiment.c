/* One experiment: read it, change it, delete it. */
#include <assert.h>
#include <ctype.h>
#include <string.h>

#include "lib/arena.h"
#include "server/api/document_in.h"
#include "server/api/experiment_out.h"
#include "server/api/res.h"
#include "server/control/control.h"
#include "server/model/spec.h"
#include "trial-runner/backend.h"

/* ---- get --------------------------------------------------------------------------------------------- */

static void got(void *ctx, const struct store_experiments *rows, const struct err *e)
{
	struct http_req *req = ctx;

	if (experiment_found(req, rows, e))
		reply_experiment(req, 200, &rows->items[0]);
}

static void experiment_get(struct http_req *req)
{
	store_experiment_get(api_app(req)->store, req->arena, api_ns(req), api_name(req), got, req);
}

/* ---- patch: read, edit, write if nobody was faster; then pause or resume -------------------------------- */

enum { PATCH_TRIES = 5 };

struct patching {
	struct http_req *req;
	const cJSON *patch;
	struct spec_edit edit;
	int tries;
};

static void patch_try(struct patching *p);

static void pause_or_reply(struct patching *p, const struct store_experiment *x)
{
	struct http_req *req = p->req;

	if (!p->edit.has_paused)
		return reply_experiment(req, 200, x);
	experiment_intend(req, p->edit.paused ? STORE_PAUSE : STORE_RESUME, NULL, 200);
}

static void patched(void *ctx, const struct store_experiments *rows, const struct err *e)
{
	struct patching *p = ctx;

	if (!e && rows->n && rows->items[0].outcome == STORE_STALE && if_match(p->req) == 0 && p->tries < PATCH_TRIES)
		return patch_try(p);
	if (experiment_found(p->req, rows, e))
		pause_or_reply(p, &rows->items[0]);
}

static bool same_pairs(struct arena *a, const char *stored, const char *now)
{
	const cJSON *old = stored ? json_parse(stored, strlen(stored), 0, a, NULL) : NULL;

	return old && json_equal(old, json_parse(now, strlen(now), 0, a, NULL));
}

static bool changes(struct arena *a, const struct store_experiment *x, const struct store_experiment_patch *to)
{
	return strcmp(x->spec_sha256, to->spec_sha256) != 0 || !same_pairs(a, x->labels, to->labels)
		|| !same_pairs(a, x->annotations, to->annotations);
}

static void patch_read(void *ctx, const struct store_experiments *rows, const struct err *e)
{
	struct patching *p = ctx;
	struct http_req *req = p->req;
	struct problems *problems = ARENA_NEW(req->arena, struct problems);
	int64_t wanted = if_match(req);

	if (!experiment_found(req, rows, e))
		return;
	const struct store_experiment *x = &rows->items[0];
	const struct experiment_spec *spec = experiment_spec_of(req, x);
	if (!spec)
		return;
	if (wanted && wanted != x->version)
		return api_fail(req, ERR_STALE, "The experiment is at version %lld now: read it again, then repeat the change",
			(long long)x->version);
	problems_init(problems, req->arena);
	if (!spec_merge_patch(spec, p->patch, req->arena, &p->edit, problems))
		return http_reply_problems(req, problems, "invalid-experiment", NULL, "Nothing was changed");
	const struct experiment_spec *s = p->edit.spec;
	const struct store_experiment_patch to = {.ns = api_ns(req), .name = api_name(req), .if_version = x->version,
		.spec = spec_text(req, s), .spec_sha256 = spec_hash(req, s),
		.labels = pairs_text(req, s->labels, s->n_labels),
		.annotations = pairs_text(req, s->annotations, s->n_annotations)};
	if (!changes(req->arena, x, &to))
		return pause_or_reply(p, x);
	store_experiment_patch(api_app(req)->store, req->arena, &to, patched, p);
}

static void patch_try(struct patching *p)
{
	assert(p->patch && p->tries < PATCH_TRIES);
	p->tries++;
	store_experiment_get(api_app(p->req)->store, p->req->arena, api_ns(p->req), api_name(p->req), patch_read, p);
}

static void experiment_patch(struct http_req *req)
{
	struct patching *p = ARENA_NEW(req->arena, struct patching);

	p->req = req;
	p->patch = body_tree(req);
	if (p->patch)
		patch_try(p);
}

/* ---- delete ------------------------------------------------------------------------------------------ */

struct delete_query {
	bool purge;
	const char *uid;
};

static const struct json_field delete_query[] = {
	JF_BOOL(struct delete_query, purge, "purge", "false",
		"delete the rows and logs too; otherwise they are kept"),
	JF_STR(struct delete_query, uid, "uid", JF_OPTIONAL, 0, 36,
		"with purge: only the experiment with this uid, be it archived and its name taken by another"),
	JF_END,
};

/* What a finished experiment left on this machine; what runs is ended by the owner first. */
static void purge_files(const struct app *app, const struct store_experiment *x)
{
	if (!experiment_state_over(x->state) || !x->uid)
		return;
	for (size_t i = 0; app->executors && app->executors[i]; i++) {
		struct run_backend *b = control_backend(app->control, app->executors[i]);
		if (b)
			run_purge(b, x->uid);
	}
}

static void deleted(void *ctx, const struct store_experiments *rows, const struct err *e)
{
	struct http_req *req = ctx;
	const struct delete_query *q = req->query;

	if (!experiment_found(req, rows, e))
		return;
	const struct store_experiment *x = &rows->items[0];
	if (q->purge)
		purge_files(api_app(req), x);
	struct json_writer *w = http_json(req);
	jw_object(w, NULL);
	jw_str(w, "namespace", x->ns);
	jw_str(w, "name", x->name);
	jw_str(w, "uid", x->uid);
	jw_str(w, "deleted", q->purge ? "purged" : "archived");
	jw_end(w);
	http_reply_json(req, 200);
}

static bool is_uid(const char *s)
{
	static const char form[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
	size_t i = 0;

	while (form[i] && (form[i] == 'x' ? isxdigit((unsigned char)s[i]) != 0 : s[i] == form[i]))
		i++;
	return !form[i] && !s[i];
}

static void experiment_delete(struct http_req *req)
{
	const struct delete_query *q = req->query;
	struct store *s = api_app(req)->store;
	const char *uid = q->uid && *q->uid ? q->uid : NULL;

	if (uid && !is_uid(uid))
		return api_invalid(
			req, "?uid", "bad-uid", "'%s' is no uid, such as GET ...?archived=true lists them", uid);
	if (uid && !q->purge)
		return api_invalid(
			req, "?uid", "needs-purge", "an experiment is chosen by its uid to purge it: add purge=true");
	if (q->purge)
		store_experiment_purge(s, req->arena, api_ns(req), api_name(req), uid, if_match(req), deleted, req);
	else
		store_experiment_archive(s, req->arena, api_ns(req), api_name(req), if_match(req), deleted, req);
}

static const struct route routes[] = {
	{.method = HTTP_GET,
		.path = API_EXPERIMENT,
		.handler = experiment_get,
		.need = ROLE_VIEWER,
		.status = 200,
		.answer = "Experiment",
		.id = "getExperiment",
		.summary = "An experiment and its status"},
	{.method = HTTP_PATCH,
		.path = API_EXPERIMENT,
		.handler = experiment_patch,
		.need = ROLE_EDITOR,
		.body_name = "ExperimentPatch",
		.media = "application/merge-patch+json " DOCUMENT_MEDIA,
		.flags = ROUTE_RAW,
		.max_body = SPEC_DOCUMENT_MAX,
		.status = 200,
		.answer = "Experiment",
		.id = "patchExperiment",
		.summary = "Change budget, labels, annotations or paused",
		.doc = "A merge patch (RFC 7386). With If-Match it applies only to that version."},
	{.method = HTTP_DELETE,
		.path = API_EXPERIMENT,
		.handler = experiment_delete,
		.need = ROLE_EDITOR,
		.query = delete_query,
		.query_size = sizeof(struct delete_query),
		.status = 200,
		.answer = "Deleted",
		.id = "deleteExperiment",
		.summary = "Archive an experiment, or purge it",
		.doc = "What still runs is cancelled. The name is free at once. An archived experiment is purged by "
               "its uid."},
};
ROUTE_TABLE(res_experiment, routes);

const struct json_field deleted_schema[] = {
	OUT("namespace", OUT_STRING, "where it was"),
	OUT("name", OUT_STRING, "is free now"),
	OUT("uid", OUT_STRING, "of the deleted one"),
	OUT("deleted", OUT_STRING, "archived or purged"),
	JF_END,
};
