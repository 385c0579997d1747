/* The best trial, or with several objectives those that no other beats in all of them. */
#include "lib/arena.h"
#include "lib/json.h"
#include "server/api/json_trial.h"
#include "server/api/res.h"
#include "server/store/store_trial.h"

struct best_query {
	int64_t limit;
};

static const struct json_field best_fields[] = {
	JF_INT(struct best_query, limit, "limit", JF_OPTIONAL, 1, 1000, "100", "trials of the Pareto set at most"),
	JF_END,
};

static void best_found(void *ctx, const struct store_trials *rows, const struct err *e)
{
	struct http_req *req = ctx;

	if (e)
		return http_reply_err(req, e);
	if (!rows->found)
		return api_no_experiment(req);
	struct json_writer *w = http_json(req);
	const struct trial_place place = trial_place(req->arena, api_ns(req), api_name(req), rows);
	const struct store_trial *best = rows->n ? &rows->items[0] : NULL;

	jw_object(w, NULL);
	jw_str(w, "experiment", api_name(req));
	jw_str(w, "namespace", api_ns(req));
	jw_str(w, "state", experiment_state_name(rows->state));
	jw_raw(w, "objectives", rows->metrics);
	jw_raw(w, "parameters", best ? best->params : NULL);
	if (best)
		trial_values_json(w, "values", req->arena, best, &place);
	else
		jw_null(w, "values");
	if (best)
		trial_json(w, "trial", req->arena, best, &place);
	else
		jw_null(w, "trial");
	if (place.n_metrics > 1) {
		jw_array(w, "pareto");
		for (size_t i = 0; i < rows->n; i++)
			trial_json(w, NULL, req->arena, &rows->items[i], &place);
		jw_end(w);
	}
	jw_end(w);
	http_reply_json(req, 200);
}

static void best_get(struct http_req *req)
{
	const struct best_query *q = req->query;

	store_pareto(api_app(req)->store, req->arena, api_ns(req), api_name(req), (int)q->limit, best_found, req);
}

static const struct route routes[] = {
	{.method = HTTP_GET, .path = API_EXPERIMENT "/best", .handler = best_get, .need = ROLE_VIEWER,
		.query = best_fields, .query_size = sizeof(struct best_query),
		.status = 200, .answer = "Best", .id = "getBest", .summary = "The best parameters found so far",
		.doc = "`trial`, `parameters` and `values` are null while no trial has succeeded. With several objectives "
			   "`pareto` has every trial that no other beats in all of them, and `trial` is the best by the first."},
};
ROUTE_TABLE(res_best, routes);

const struct json_field best_schema[] = {
	OUT("experiment", OUT_STRING, "its name"),
	OUT("namespace", OUT_STRING, "its namespace"),
	OUT("state", OUT_STRING, "of the experiment"),
	OUT("objectives", OUT_STRINGS, "names of the metrics, in order"),
	OUT("parameters", OUT_OBJECT_OR_NULL, "of the best trial"),
	OUT("values", OUT_OBJECT_OR_NULL, "of the best trial"),
	OUT("trial", OUT_REF_OR_NULL("Trial"), "the best trial"),
	OUT_MAY("pareto", OUT_ARRAY_OF("Trial"), "with several objectives: the trials that no other beats in all"),
	JF_END,
};
