#include "server/api/experiment_out.h"

#include <assert.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/json_write.h"
#include "lib/num.h"
#include "lib/strbuf.h"
#include "server/api/json_experiment.h"
#include "server/api/res.h"
#include "server/model/spec.h"

enum { SPEC_TEXT_MAX = 8 << 20 };

bool experiment_found(struct http_req *req, const struct store_experiments *rows, const struct err *e)
{
	if (e)
		http_reply_err(req, e);
	else if (rows->n == 0 || rows->items[0].outcome == STORE_NOT_FOUND)
		api_no_experiment(req);
	else if (rows->items[0].outcome == STORE_STALE)
		api_fail(req, ERR_STALE, "The experiment is at version %lld now: read it again, then repeat the change",
			(long long)rows->items[0].version);
	else
		return true;
	return false;
}

void reply_experiment(struct http_req *req, int status, const struct store_experiment *x)
{
	http_set_header(req, "ETag", arena_printf(req->arena, "\"%lld\"", (long long)x->version));
	experiment_json(http_json(req), NULL, req->arena, x);
	http_reply_json(req, status);
}

/* ---- wrong state ------------------------------------------------------------------------------------- */

static const char *const allowed[EXPERIMENT_STATES][5] = {
	[EXPERIMENT_RUNNING] = {"stop", "cancel", "pause"},
	[EXPERIMENT_PAUSED] = {"stop", "cancel", "resume"},
	[EXPERIMENT_STOPPING] = {"cancel"},
	[EXPERIMENT_SUCCEEDED] = {"restart"},
	[EXPERIMENT_FAILED] = {"restart"},
	[EXPERIMENT_STOPPED] = {"restart"},
};

static void allowed_actions(struct json_writer *w, const void *ctx)
{
	const struct store_experiment *x = ctx;

	assert((unsigned)x->state < EXPERIMENT_STATES);
	jw_str(w, "state", experiment_state_name(x->state));
	jw_array(w, "allowedActions");
	for (size_t i = 0; allowed[x->state][i]; i++)
		jw_str(w, NULL, allowed[x->state][i]);
	jw_end(w);
}

static void reply_wrong_state(struct http_req *req, const struct store_experiment *x, const char *action)
{
	http_reply_problem(req, &(struct problem_reply){
		.code = ERR_WRONG_STATE,
		.detail = arena_printf(req->arena, "The experiment is %s: it cannot %s", experiment_state_name(x->state), action),
		.extra = allowed_actions,
		.ctx = x,
	});
}

/* ---- intents ----------------------------------------------------------------------------------------- */

struct intending {
	struct http_req *req;
	enum store_intent intent;
	int status;
};

static void intended(void *ctx, const struct store_experiments *rows, const struct err *e)
{
	static const char *const verbs[] = {
		[STORE_STOP] = "stop",
		[STORE_CANCEL] = "cancel",
		[STORE_PAUSE] = "pause",
		[STORE_RESUME] = "resume",
		[STORE_RESTART] = "restart",
	};
	const struct intending *i = ctx;

	assert((size_t)i->intent < ARRAY_LEN(verbs));
	if (!experiment_found(i->req, rows, e))
		return;
	if (rows->items[0].outcome == STORE_WRONG_STATE)
		reply_wrong_state(i->req, &rows->items[0], verbs[i->intent]);
	else
		reply_experiment(i->req, i->status, &rows->items[0]);
}

void experiment_intend(struct http_req *req, enum store_intent intent, const struct experiment_spec *s, int status)
{
	struct intending *i = ARENA_NEW(req->arena, struct intending);

	*i = (struct intending){req, intent, status};
	store_experiment_intend(api_app(req)->store, req->arena, api_ns(req), api_name(req), intent,
		s ? spec_text(req, s) : NULL, s ? spec_hash(req, s) : NULL, api_who(req), intended, i);
}

/* ---- versions ---------------------------------------------------------------------------------------- */

int64_t if_match(const struct http_req *req)
{
	const char *text = http_header(req, "If-Match");
	int64_t version;

	if (!text || strcmp(text, "*") == 0)
		return 0;
	size_t n = strlen(text);
	if (n < 3 || text[0] != '"' || text[n - 1] != '"' || !num_parse_i64(text + 1, n - 2, &version) || version < 1)
		return -1;
	return version;
}

/* ---- specs ------------------------------------------------------------------------------------------- */

const struct experiment_spec *experiment_spec_of(struct http_req *req, const struct store_experiment *x)
{
	const struct spec_stored stored = {.namespace = x->ns, .name = x->name, .labels = x->labels,
		.annotations = x->annotations, .spec = x->spec};
	const struct experiment_spec *spec;
	struct err e;

	assert(x->spec && "lists have no spec");
	if (spec_load(&stored, req->arena, &spec, &e))
		return spec;
	http_reply_err(req, &e);
	return NULL;
}

const char *spec_text(struct http_req *req, const struct experiment_spec *s)
{
	struct strbuf text;
	struct json_writer w;

	strbuf_init(&text, SPEC_TEXT_MAX);
	jw_init(&w, &text);
	spec_write(&w, NULL, s);
	const char *copy = arena_strndup(req->arena, text.data, text.len);
	strbuf_free(&text);
	return copy;
}

const char *spec_hash(struct http_req *req, const struct experiment_spec *s)
{
	char *hash = arena_alloc(req->arena, SPEC_SHA256_MAX);

	spec_sha256(s, hash);
	return hash;
}

const char *pairs_text(struct http_req *req, const struct json_pair *pairs, size_t n)
{
	struct strbuf text;
	struct json_writer w;

	strbuf_init(&text, SPEC_TEXT_MAX);
	jw_init(&w, &text);
	jw_object(&w, NULL);
	for (size_t i = 0; i < n; i++)
		jw_str(&w, pairs[i].key, pairs[i].value);
	jw_end(&w);
	const char *copy = arena_strndup(req->arena, text.data, text.len);
	strbuf_free(&text);
	return copy;
}
