/* Creating an experiment, and checking a document without creating anything. */
#include <assert.h>
#include <math.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/json_write.h"
#include "lib/strbuf.h"
#include "server/api/document_in.h"
#include "server/api/experiment_out.h"
#include "server/api/idempotent.h"
#include "server/api/json_pick.h"
#include "server/api/res.h"
#include "server/model/spec.h"

enum { CHOICES_MAX = 4 << 20 };

static const char *const dry_run_names[] = {"None", "All", NULL};

struct create_query {
	int dry_run, field_validation;
};

static const struct json_field create_query[] = {
	JF_ENUM(struct create_query, dry_run, "dryRun", JF_OPTIONAL, dry_run_names, "\"None\"",
		"All: check everything, create nothing, answer with the document and its defaults"),
	JF_ENUM(struct create_query, field_validation, "fieldValidation", JF_OPTIONAL, field_validation_names,
		"\"Strict\"", "what becomes of unknown fields: an error, a Warning header, nothing"),
	JF_END,
};

/* ---- the spec as rows -------------------------------------------------------------------------------- */

static const char *choices_text(struct http_req *req, const struct parameter *p)
{
	struct strbuf text;
	struct json_writer w;

	if (p->n_choices == 0)
		return NULL;
	strbuf_init(&text, CHOICES_MAX);
	jw_init(&w, &text);
	jw_array(&w, NULL);
	for (size_t i = 0; i < p->n_choices; i++)
		switch (p->choices[i].kind) {
		case CHOICE_STRING:
			jw_str(&w, NULL, p->choices[i].text);
			break;
		case CHOICE_NUMBER:
			jw_num(&w, NULL, p->choices[i].number);
			break;
		case CHOICE_BOOL:
			jw_bool(&w, NULL, strcmp(p->choices[i].text, "true") == 0);
			break;
		}
	jw_end(&w);
	const char *copy = arena_strndup(req->arena, text.data, text.len);
	strbuf_free(&text);
	return copy;
}

/* A constraint on a metric that is no objective has it watched. */
static void objectives_of(struct http_req *req, const struct experiment_spec *s, struct store_new_experiment *x)
{
	struct store_new_objective *out =
		ARENA_NEW_N(req->arena, struct store_new_objective, s->n_objectives + s->n_constraints);
	size_t n = s->n_objectives;

	for (size_t i = 0; i < s->n_objectives; i++) {
		const struct objective *o = &s->objectives[i];
		out[i] = (struct store_new_objective){.metric = o->metric, .direction = direction_name(o->direction),
			.strategy = strategy_name(o->strategy), .goal = o->has_goal ? o->goal : NAN};
	}
	for (size_t i = 0; i < s->n_constraints; i++) {
		const struct outcome_constraint *c = &s->constraints[i];
		if (c->objective < 0)
			out[n++] = (struct store_new_objective){.metric = c->metric, .strategy = strategy_name(c->strategy),
				.direction = direction_name(isfinite(c->max) ? DIRECTION_MINIMIZE : DIRECTION_MAXIMIZE), .goal = NAN,
				.additional = true};
	}
	x->objectives = out;
	x->n_objectives = n;
}

static void constraints_of(struct http_req *req, const struct experiment_spec *s, struct store_new_experiment *x)
{
	struct store_new_constraint *out = ARENA_NEW_N(req->arena, struct store_new_constraint, s->n_constraints);

	for (size_t i = 0; i < s->n_constraints; i++) {
		const struct outcome_constraint *c = &s->constraints[i];
		out[i] = (struct store_new_constraint){
			.metric = c->metric, .min = isfinite(c->min) ? c->min : NAN, .max = isfinite(c->max) ? c->max : NAN};
	}
	x->constraints = out;
	x->n_constraints = s->n_constraints;
}

/* Results are only taken from where the caller may read. False: answered. */
static bool sources_of(struct http_req *req, const struct experiment_spec *s, struct store_new_experiment *x)
{
	struct store_new_source *out = ARENA_NEW_N(req->arena, struct store_new_source, s->n_sources);
	struct err e;

	for (size_t i = 0; i < s->n_sources; i++) {
		out[i] = (struct store_new_source){.ns = s->sources[i].namespace, .name = s->sources[i].name};
		if (!auth_allows(&req->principal, ROLE_VIEWER, out[i].ns, &e)) {
			http_reply_err(req, &e);
			return false;
		}
	}
	x->sources = out;
	x->n_sources = s->n_sources;
	return true;
}

static void parameters_of(struct http_req *req, const struct experiment_spec *s, struct store_new_experiment *x)
{
	struct store_new_parameter *out = ARENA_NEW_N(req->arena, struct store_new_parameter, s->n_parameters);

	for (size_t i = 0; i < s->n_parameters; i++) {
		const struct parameter *p = &s->parameters[i];
		bool range = p->type == PARAM_DOUBLE || p->type == PARAM_INT;
		out[i] = (struct store_new_parameter){.name = p->name, .type = param_type_name(p->type),
			.distribution = param_distribution_name(p->distribution), .lo = range ? p->min : NAN,
			.hi = range ? p->max : NAN, .step = range && p->step > 0 ? p->step : NAN,
			.choices = choices_text(req, p)};
	}
	x->parameters = out;
	x->n_parameters = s->n_parameters;
}

/* ---- create ------------------------------------------------------------------------------------------ */

struct creating {
	struct http_req *req;
	struct store_new_experiment x;
	const struct store_experiment *stored;
};

static void spec_diff(struct json_writer *w, const void *ctx)
{
	const struct creating *c = ctx;
	struct arena *a = c->req->arena;
	const cJSON *stored = json_parse(c->stored->spec, strlen(c->stored->spec), 0, a, NULL);
	const cJSON *posted = json_parse(c->x.spec, strlen(c->x.spec), 0, a, NULL);

	if (stored && posted)
		json_diff(w, "diff", "/spec", stored, posted, a);
}

/* One of the experiments in warmStart is not there. */
static void no_source(struct creating *c, const char *lacks)
{
	struct problems *p = ARENA_NEW(c->req->arena, struct problems);

	problems_init(p, c->req->arena);
	for (size_t i = 0; i < c->x.n_sources; i++) {
		const char *name = arena_printf(c->req->arena, "%s/%s", c->x.sources[i].ns, c->x.sources[i].name);
		if (lacks && strcmp(name, lacks) == 0)
			problem_add(p, problem_index(p, "/spec/warmStart", i), "unknown-experiment",
				"there is no experiment '%s' in namespace '%s'", c->x.sources[i].name, c->x.sources[i].ns);
	}
	http_reply_problems(c->req, p, "invalid-experiment", "The experiment document has 1 error",
		"Nothing was created. Fix the fields below and post again.");
}

static void created(void *ctx, const struct store_experiments *rows, const struct err *e)
{
	struct creating *c = ctx;
	struct http_req *req = c->req;

	if (e)
		return http_reply_err(req, e);
	assert(rows->n == 1);
	const struct store_experiment *x = &rows->items[0];
	if (x->outcome == STORE_NOT_FOUND)
		return no_source(c, x->lacks);
	if (x->outcome == STORE_DIFFERS) {
		c->stored = x;
		return http_reply_problem(req, &(struct problem_reply){.code = ERR_EXISTS,
			.detail = arena_printf(req->arena,
				"Experiment '%s' exists in namespace '%s' with another spec: take another name, or edit its budget",
				x->name, x->ns),
			.extra = spec_diff, .ctx = c});
	}
	http_set_header(req, "Location", arena_printf(req->arena, "%s/%s", req->path, x->name));
	reply_experiment(req, x->outcome == STORE_SAME ? 200 : 201, x);
}

static void create(struct http_req *req)
{
	const struct create_query *q = req->query;
	struct creating *c = ARENA_NEW(req->arena, struct creating);
	const struct experiment_spec *s =
		body_spec(req, api_ns(req), (enum field_validation)q->field_validation, NULL);

	if (!s)
		return;
	if (q->dry_run)
		return http_reply_bytes(req, 200, "application/json", spec_document(s, req->arena),
			strlen(spec_document(s, req->arena)));
	c->req = req;
	c->x = (struct store_new_experiment){.ns = api_ns(req), .name = s->name, .form = "trimtab/v1",
		.labels = pairs_text(req, s->labels, s->n_labels),
		.annotations = pairs_text(req, s->annotations, s->n_annotations),
		.posted = arena_strndup(req->arena, req->body, req->body_len), .spec = spec_text(req, s),
		.spec_sha256 = spec_hash(req, s), .algorithm = s->algorithm.name, .created_by = api_who(req)};
	objectives_of(req, s, &c->x);
	parameters_of(req, s, &c->x);
	constraints_of(req, s, &c->x);
	if (!sources_of(req, s, &c->x))
		return;
	store_experiment_create(api_app(req)->store, req->arena, &c->x, created, c);
}

static void experiment_create(struct http_req *req)
{
	idempotent(req, create);
}

/* ---- validate ---------------------------------------------------------------------------------------- */

struct validate_query {
	int field_validation;
};

static const struct json_field validate_query[] = {
	JF_ENUM(struct validate_query, field_validation, "fieldValidation", JF_OPTIONAL, field_validation_names,
		"\"Strict\"", "what becomes of unknown fields"),
	JF_END,
};

static void validate(struct http_req *req)
{
	const struct validate_query *q = req->query;
	struct problems *warnings = ARENA_NEW(req->arena, struct problems);
	const struct experiment_spec *s =
		body_spec(req, NULL, (enum field_validation)q->field_validation, warnings);

	if (!s)
		return;
	struct json_writer *w = http_json(req);
	jw_object(w, NULL);
	jw_bool(w, "valid", true);
	jw_array(w, "warnings");
	for (size_t i = 0; i < warnings->n; i++) {
		jw_object(w, NULL);
		jw_str(w, "pointer", warnings->items[i].pointer);
		jw_str(w, "code", warnings->items[i].code);
		jw_str(w, "detail", warnings->items[i].detail);
		jw_end(w);
	}
	jw_end(w);
	jw_raw(w, "document", spec_document(s, req->arena));
	jw_end(w);
	http_reply_json(req, 200);
}

static const struct route routes[] = {
	{.method = HTTP_POST, .path = API_EXPERIMENTS, .handler = experiment_create, .need = ROLE_EDITOR,
		.query = create_query, .query_size = sizeof(struct create_query),
		.body = document_fields, .body_name = "ExperimentDocument", .media = DOCUMENT_MEDIA, .flags = ROUTE_RAW,
		.max_body = SPEC_DOCUMENT_MAX,
		.status = 201, .answer = "Experiment", .id = "createExperiment", .summary = "Create an experiment",
		.doc = "200 when the same document is already there; 409 with the differences when another one has its "
			   "name. A request with the same Idempotency-Key and body gets the first answer again for a day."},
	{.method = HTTP_POST, .path = API_ROOT "/validate", .handler = validate, .need = ROLE_VIEWER,
		.query = validate_query, .query_size = sizeof(struct validate_query),
		.body = document_fields, .body_name = "ExperimentDocument", .media = DOCUMENT_MEDIA, .flags = ROUTE_RAW,
		.max_body = SPEC_DOCUMENT_MAX,
		.status = 200, .answer = "Validated", .id = "validate", .summary = "Check a document, store nothing"},
};
ROUTE_TABLE(res_experiment_new, routes);

const struct json_field validated_schema[] = {
	OUT("valid", OUT_BOOLEAN, "true; a document with errors is answered with 422"),
	OUT("warnings", OUT_ARRAY, "advice: pointer, code, detail"),
	OUT("document", OUT_OBJECT, "with every default filled in"),
	JF_END,
};
