/*
 * Trials that a user brings: points to be tried (pending), or results from elsewhere (ended).
 *
 * Two units of SQL: the spec is read, the parameters are checked against it, the trials are stored.
 */
#include <assert.h>
#include <string.h>

#include "lib/arena.h"
#include "server/api/idempotent.h"
#include "server/api/json_trial.h"
#include "server/api/res.h"
#include "server/api/trial_in.h"
#include "server/model/params.h"
#include "server/model/spec.h"
#include "server/store/store_experiment.h"
#include "server/store/store_trial.h"

enum { BATCH_MAX = 1000, BATCH_BYTES = 8 << 20 };

static const char *const state_names[] = {"pending", ENDED_STATES, NULL};

struct trial_in {
	int state;                      /* index into state_names; 0 = enqueue */
	const cJSON *parameters, *values;
	const char *reason, *message;
};

struct add_in {
	struct trial_in one;
	struct json_list trials;
};

#define TRIAL_IN_FIELDS(T, m)                                                                         \
	JF_ENUM(T, m state, "state", JF_OPTIONAL, state_names, "\"pending\"",                             \
		"pending: to be tried; otherwise how it ended elsewhere"),                                    \
		JF_ANY(T, m parameters, "parameters", JF_OPTIONAL, "an object: a value for every active parameter"), \
		JF_ANY(T, m values, "values", JF_OPTIONAL, "an object metric -> number, of an ended trial"),  \
		JF_STR(T, m reason, "reason", JF_OPTIONAL, 0, 63, "one word, of an ended trial"),             \
		JF_STR(T, m message, "message", JF_OPTIONAL, 0, 4000, "a sentence, of an ended trial")

static const struct json_field trial_fields[] = {TRIAL_IN_FIELDS(struct trial_in, ), JF_END};

static const struct json_field add_fields[] = {
	TRIAL_IN_FIELDS(struct add_in, one.),
	JF_LIST(struct add_in, trials, "trials", JF_OPTIONAL, 1, BATCH_MAX, trial_fields, struct trial_in,
		"many at once, in place of the other fields; all or none"),
	JF_END,
};

struct adding {
	struct http_req *req;
	const struct trial_in *in;
	size_t n;
	bool batch;
	const char **params;            /* n, as stored */
	struct store_imported *ended;   /* n, when they ended elsewhere */
};

/* ---- the answer ------------------------------------------------------------------------------------ */

static void reply_added(struct adding *add, const struct store_trials *rows)
{
	struct http_req *req = add->req;
	const struct trial_place place = trial_place(req->arena, api_ns(req), api_name(req), rows);
	struct json_writer *w = http_json(req);

	if (!add->batch) {
		http_set_header(req, "Location", arena_printf(req->arena, "%s/%d", req->path, rows->items[0].number));
		trial_json(w, NULL, req->arena, &rows->items[0], &place);
		return http_reply_json(req, 201);
	}
	jw_object(w, NULL);
	jw_array(w, "items");
	for (size_t i = 0; i < rows->n; i++)
		trial_json(w, NULL, req->arena, &rows->items[i], &place);
	jw_end(w);
	jw_end(w);
	http_reply_json(req, 201);
}

static void added(void *ctx, const struct store_trials *rows, const struct err *e)
{
	struct adding *add = ctx;
	struct http_req *req = add->req;

	if (e)
		return http_reply_err(req, e);
	if (!rows->found)
		return api_no_experiment(req);
	assert(rows->n <= add->n);
	if (rows->n == add->n)
		return reply_added(add, rows);
	if (experiment_state_over(rows->state))
		return api_fail(req, ERR_WRONG_STATE, "The experiment is %s: restart it before adding trials to try",
			experiment_state_name(rows->state));
	api_fail(req, ERR_CONFLICT, "The budget leaves no room for %zu more trials: raise spec.budget.maxTrials first",
		add->n);
}

/* ---- checking -------------------------------------------------------------------------------------- */

static const char *params_text(const struct experiment_spec *s, const cJSON *object, const char *pointer,
	struct arena *a, struct problems *p)
{
	double *x = ARENA_NEW_N(a, double, s->n_parameters + 1);

	if (!json_is_object(object)) {
		problem_add(p, pointer, object ? "not-an-object" : "required", "an object with the parameters is needed");
		return NULL;
	}
	return params_from_json(s, object, pointer, x, p) ? params_json(s, x, a) : NULL;
}

static void check(struct adding *add, size_t i, const struct experiment_spec *s, struct problems *p)
{
	const struct trial_in *in = &add->in[i];
	const char *at = add->batch ? problem_index(p, "/trials", i) : "";
	struct store_imported *t = &add->ended[i];

	add->params[i] = params_text(s, in->parameters, problem_path(p, at, "parameters"), add->req->arena, p);
	if ((in->state == 0) != (add->in[0].state == 0))
		problem_add(p, problem_path(p, at, "state"), "mixed-states",
			"trials to be tried and trials that ended need one request each");
	if (in->state == 0) {
		if (in->values)
			problem_add(p, problem_path(p, at, "values"), "values-of-pending", "a pending trial has no values yet");
		return;
	}
	*t = (struct store_imported){.params = add->params[i], .reason = in->reason, .message = in->message};
	t->state = ended_state(state_names[in->state], &t->reason);
	t->values = values_text(in->values, problem_path(p, at, "values"), add->req->arena, p);
	if (!in->values && t->state == TRIAL_SUCCEEDED)
		problem_add(p, problem_path(p, at, "values"), "required", "a trial that succeeded has values");
}

static void spec_read(void *ctx, const struct store_experiments *rows, const struct err *e)
{
	struct adding *add = ctx;
	struct http_req *req = add->req;
	struct problems *p = ARENA_NEW(req->arena, struct problems);
	const struct experiment_spec *spec = NULL;
	struct store *store = api_app(req)->store;
	struct err wrong;

	if (e)
		return http_reply_err(req, e);
	if (rows->n == 0)
		return api_no_experiment(req);
	const struct store_experiment *x = &rows->items[0];
	if (!spec_load(&(struct spec_stored){.namespace = x->ns, .name = x->name, .spec = x->spec}, req->arena, &spec,
			&wrong))
		return http_reply_err(req, &wrong);
	problems_init(p, req->arena);
	for (size_t i = 0; i < add->n; i++)
		check(add, i, spec, p);
	if (p->total)
		return http_reply_problems(req, p, NULL, NULL, "Nothing was added");
	if (add->in[0].state == 0)
		store_trials_enqueue(store, req->arena, api_ns(req), api_name(req), add->params, add->n,
			(int)spec->budget.max_trials, added, add);
	else
		store_trials_import(store, req->arena, api_ns(req), api_name(req), add->ended, add->n, added, add);
}

static void trials_add_run(struct http_req *req)
{
	const struct add_in *in = req->in;
	struct adding *add = ARENA_NEW(req->arena, struct adding);

	add->req = req;
	add->batch = in->trials.n > 0;
	add->in = add->batch ? in->trials.items : &in->one;
	add->n = add->batch ? in->trials.n : 1;
	assert(add->n > 0 && add->n <= BATCH_MAX);
	add->params = ARENA_NEW_N(req->arena, const char *, add->n);
	add->ended = ARENA_NEW_N(req->arena, struct store_imported, add->n);
	store_experiment_get(api_app(req)->store, req->arena, api_ns(req), api_name(req), spec_read, add);
}

static void trials_add(struct http_req *req)
{
	idempotent(req, trials_add_run);
}

static const struct route routes[] = {
	{.method = HTTP_POST, .path = API_TRIALS, .handler = trials_add, .need = ROLE_EDITOR,
		.body = add_fields, .body_size = sizeof(struct add_in), .body_name = "NewTrials", .max_body = BATCH_BYTES,
		.status = 201, .answer = "Trial", .id = "addTrials", .summary = "Enqueue points to try, or import results",
		.doc = "With `trials` the answer is {\"items\": [...]}. Imported trials do not count against maxTrials."},
};
ROUTE_TABLE(res_trial_add, routes);
