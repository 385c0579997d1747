/* Which parameters matter: computed from the stored trials, on a worker thread. */
#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "algorithms/insight/importance.h"
#include "lib/arena.h"
#include "lib/json.h"
#include "lib/work.h"
#include "server/api/res.h"
#include "server/model/names.h"
#include "server/model/observe.h"
#include "server/model/params.h"
#include "server/store/store_trial.h"

/* With fewer than these it would be noise that is drawn. */
enum { TRIALS_MIN = 10, TRIALS_MAX = 10000 };

enum method { PED_ANOVA, FANOVA };
static const char *const method_names[] = {"ped-anova", "fanova", NULL};

struct importance_query {
	int method;
	const char *objective;
};

static const struct json_field importance_query[] = {
	JF_ENUM(struct importance_query, method, "method", JF_OPTIONAL, method_names, "\"ped-anova\"",
		"ped-anova: what the best tenth of the trials have in common, at once; fanova: shares of the variance of a "
		"random forest, which takes up to a few seconds"),
	JF_STR(struct importance_query, objective, "objective", JF_OPTIONAL, 1, METRIC_NAME_MAX,
		"name of the objective; the first by default"),
	JF_END,
};

struct importance_job {
	struct work_job work;           /* first: the pool hands this back */
	struct http_req *req;
	struct arena *arena;
	enum method method;
	const char *objective_name;     /* asked for, or NULL */
	const struct store_results *from;
	/* The answer. */
	const struct experiment_spec *spec;
	int objective;                  /* -1: there is none of this name */
	uint32_t n;                     /* trials with a finite value */
	double *share;
	enum algo_outcome outcome;
	bool failed;
	struct err err;
};

/* ---- on the worker ----------------------------------------------------------------------------- */

static bool read_spec(struct importance_job *job)
{
	const struct store_results *r = job->from;
	const struct spec_stored stored = {.namespace = r->ns, .name = r->name, .spec = r->spec};

	if (!spec_load(&stored, job->arena, &job->spec, &job->err))
		return false;
	job->objective = job->objective_name ? spec_objective(job->spec, job->objective_name) : 0;
	job->share = ARENA_NEW_N(job->arena, double, job->spec->n_parameters);
	return true;
}

static double value_of(const cJSON *values, int objective)
{
	double v = NAN;
	int k = 0;

	json_each (item, values)
		if (k++ == objective && !json_num(item, &v))
			return NAN;
	return v;
}

/* The trials that have a value and lie in the space; NULL: cannot be read. */
static const struct importance_data *read_trials(struct importance_job *job)
{
	const struct experiment_spec *s = job->spec;
	const struct store_results *r = job->from;
	const struct objective *o = &s->objectives[job->objective];
	struct importance_data *data = ARENA_NEW(job->arena, struct importance_data);
	double *x = ARENA_NEW_N(job->arena, double, (size_t)r->n * s->n_parameters);
	double *cost = ARENA_NEW_N(job->arena, double, (size_t)r->n);
	const cJSON *params = r->n > 0 ? json_parse(r->params, strlen(r->params), 0, job->arena, &job->err) : NULL;
	const cJSON *values = r->n > 0 ? json_parse(r->vals, strlen(r->vals), 0, job->arena, &job->err) : NULL;

	*data = (struct importance_data){.space = s->problem.space, .x = x, .cost = cost,
		.seed = (uint64_t)experiment_seed(s, r->uid)};
	if (r->n == 0)
		return data;
	if (!params || !values)
		return NULL;
	for (const cJSON *p = params->child, *v = values->child; p && v; p = p->next, v = v->next) {
		cost[data->n] = objective_cost(o, value_of(v, job->objective));
		if (!isnan(cost[data->n]) && params_load(s, p, x + (size_t)data->n * s->n_parameters))
			data->n++;
	}
	return data;
}

static void run(struct work_job *work)
{
	struct importance_job *job = (struct importance_job *)work;
	const struct importance_data *data;

	job->failed = !read_spec(job);
	if (job->failed || job->objective < 0)
		return;
	if (!(data = read_trials(job))) {
		job->failed = true;
		return;
	}
	job->n = data->n;
	job->outcome = ALGO_OK;
	if (data->n < TRIALS_MIN)
		return;
	job->outcome = job->method == FANOVA ? importance_fanova(data, &work->cancel, job->share)
		: importance_ped_anova(data, &work->cancel, job->share);
}

/* ---- the answer -------------------------------------------------------------------------------- */

/* Chooses trials by what it saw, so that they are no fair sample. */
static bool is_adaptive(const char *algorithm)
{
	static const char *const fair[] = {"random", "sobol", "grid"};

	for (size_t i = 0; i < ARRAY_LEN(fair); i++)
		if (strcmp(fair[i], algorithm) == 0)
			return false;
	return true;
}

static const char *caveat(const struct importance_job *job)
{
	struct arena *a = job->arena;

	if (job->n < TRIALS_MIN)
		return arena_printf(a, "only %u trials have a value; %d are needed", job->n, TRIALS_MIN);
	if (!is_adaptive(job->spec->algorithm.name))
		return NULL;
	return arena_printf(a, "%s chose the trials by their results: what it stopped varying looks less important than it "
		"is; a random or Sobol search shows it fairly", job->spec->algorithm.name);
}

struct share {
	size_t parameter;
	double value;
};

static int by_share(const void *a, const void *b)
{
	const struct share *x = a, *y = b;

	if (x->value != y->value)
		return x->value > y->value ? -1 : 1;
	return x->parameter < y->parameter ? -1 : 1;
}

static void shares_json(struct json_writer *w, const struct importance_job *job)
{
	const struct experiment_spec *s = job->spec;
	struct share *shares = ARENA_NEW_N(job->arena, struct share, s->n_parameters);

	for (size_t i = 0; i < s->n_parameters; i++)
		shares[i] = (struct share){i, job->share[i]};
	qsort(shares, s->n_parameters, sizeof *shares, by_share);
	jw_array(w, "parameters");
	for (size_t i = 0; i < s->n_parameters; i++) {
		jw_object(w, NULL);
		jw_str(w, "name", s->parameters[shares[i].parameter].name);
		if (job->n < TRIALS_MIN)
			jw_null(w, "importance");
		else
			jw_num(w, "importance", shares[i].value);
		jw_end(w);
	}
	jw_end(w);
}

static void reply(const struct importance_job *job)
{
	struct http_req *req = job->req;
	struct json_writer *w = http_json(req);

	jw_object(w, NULL);
	jw_str(w, "experiment", api_name(req));
	jw_str(w, "namespace", api_ns(req));
	jw_str(w, "method", method_names[job->method]);
	jw_str(w, "objective", job->spec->objectives[job->objective].metric);
	jw_int(w, "trials", job->n);
	shares_json(w, job);
	jw_str(w, "caveat", caveat(job));
	jw_end(w);
	http_reply_json(req, 200);
}

static void done(struct work_job *work)
{
	struct importance_job *job = (struct importance_job *)work;
	struct http_req *req = job->req;

	if (!work->ran || job->outcome == ALGO_CANCELLED)
		api_fail(req, ERR_UNAVAILABLE, "it was not computed to the end");
	else if (job->failed)
		http_reply_err(req, &job->err);
	else if (job->objective < 0)
		api_invalid(req, "/objective", "unknown-objective", "'%.100s' is not an objective of %s", job->objective_name,
			api_name(req));
	else if (job->outcome < 0)
		api_fail(req, ERR_INTERNAL, "the importance could not be computed");
	else
		reply(job);
	arena_free(job->arena);
}

/* Nobody waits for it any more. */
static void gone(void *ctx)
{
	struct importance_job *job = ctx;

	atomic_store(&job->work.cancel, true);
}

/* ---- the request ------------------------------------------------------------------------------- */

static void loaded(void *ctx, const struct store_results *r, const struct err *e)
{
	struct importance_job *job = ctx;
	struct http_req *req = job->req;

	job->from = r;
	if (e)
		http_reply_err(req, e);
	else if (!r->found)
		api_no_experiment(req);
	else if (!work_submit(api_app(req)->workers, &job->work))
		api_fail(req, ERR_SLOW_DOWN, "as much as fits is being computed already");
	else
		return;
	arena_free(job->arena);
}

static void importance_get(struct http_req *req)
{
	const struct importance_query *q = req->query;
	struct arena *a = arena_new();
	struct importance_job *job = ARENA_NEW(a, struct importance_job);

	job->work.run = run;
	job->work.done = done;
	job->req = req;
	job->arena = a;
	job->method = (enum method)q->method;
	job->objective_name = arena_strdup(a, q->objective);
	http_on_gone(req, gone, job);
	store_results(api_app(req)->store, a, api_ns(req), api_name(req), TRIALS_MAX, loaded, job);
}

static const struct route routes[] = {
	{.method = HTTP_GET, .path = API_EXPERIMENT "/importance", .handler = importance_get, .need = ROLE_VIEWER,
		.query = importance_query, .query_size = sizeof(struct importance_query),
		.status = 200, .answer = "Importance", .id = "getImportance", .summary = "Which parameters matter",
		.doc = "Shares that sum to 1, the most important parameter first, from the succeeded trials (the last 10,000). "
			   "Null with fewer than 10. `caveat` says how far to trust them: a search that learns stops varying what it "
			   "takes for settled, which then looks less important than it is."},
};
ROUTE_TABLE(res_importance, routes);

const struct json_field importance_share_schema[] = {
	OUT("name", OUT_STRING, "of the parameter"),
	OUT("importance", "{\"type\":[\"number\",\"null\"]}", "its share, 0 to 1; null with too few trials"),
	JF_END,
};

const struct json_field importance_schema[] = {
	OUT("experiment", OUT_STRING, "its name"),
	OUT("namespace", OUT_STRING, "its namespace"),
	OUT("method", OUT_STRING, "ped-anova or fanova"),
	OUT("objective", OUT_STRING, "name of the metric"),
	OUT("trials", OUT_INTEGER, "how many it was computed from"),
	OUT("parameters", OUT_ARRAY_OF("ImportanceShare"), "the most important one first"),
	OUT("caveat", OUT_STRING_OR_NULL, "how far to trust it"),
	JF_END,
};
