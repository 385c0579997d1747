/* Metric points out: all series of one trial, or one metric of many trials. */
#include <assert.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/num.h"
#include "server/api/res.h"
#include "server/model/observe.h"
#include "server/store/store_observation.h"

enum { SERIES_POINTS_MAX = 100000, CURVES_TRIALS_MAX = 1000 };

/* The rows from `from` on that belong to the same trial and metric: one past the last. */
static size_t series_end(const struct store_series *rows, size_t from)
{
	const struct store_series_point *first = &rows->items[from];
	size_t i = from + 1;

	assert(from < rows->n);
	while (i < rows->n && rows->items[i].number == first->number
		&& strcmp(rows->items[i].metric, first->metric) == 0)
		i++;
	return i;
}

static void total_json(struct json_writer *w, const struct store_series *rows, size_t from, size_t end)
{
	jw_int(w, "total", rows->items[from].total);
	jw_bool(w, "downsampled", rows->items[from].total > (int64_t)(end - from));
}

/* ---- one trial ------------------------------------------------------------------------------------- */

struct series_query {
	const char *metric;
	int64_t from_step, max_points;
	bool has_from, times;
};

static const struct json_field series_fields[] = {
	JF_STR(struct series_query, metric, "metric", JF_OPTIONAL, 1, METRIC_NAME_MAX, "only this one"),
	{.kind = JF_K_INT, .name = "fromStep", .offset = offsetof(struct series_query, from_step),
		.present_offset = offsetof(struct series_query, has_from), .min = -9e15, .max = 9e15,
		.doc = "only points at this step and later"},
	JF_INT(struct series_query, max_points, "maxPoints", JF_OPTIONAL, 2, SERIES_POINTS_MAX, "10000",
		"points of each metric at most: beyond it the minimum and maximum of every bucket of steps are kept"),
	JF_BOOL(struct series_query, times, "times", "false", "add the time to each point"),
	JF_END,
};


static void point_json(struct json_writer *w, const struct store_series_point *p, bool times)
{
	jw_array(w, NULL);
	jw_int(w, NULL, p->step);
	jw_num(w, NULL, p->value);
	if (times)
		jw_time(w, NULL, p->time_us);
	jw_end(w);
}

static void series_read(void *ctx, const struct store_series *rows, const struct err *e)
{
	struct http_req *req = ctx;
	const struct series_query *q = req->query;

	if (e)
		return http_reply_err(req, e);
	if (!rows->found)
		return api_fail(req, ERR_NOT_FOUND, "There is no trial '%s' of an experiment '%s' in namespace '%s'",
			route_param(req, "trial"), api_name(req), api_ns(req));
	struct json_writer *w = http_json(req);
	jw_object(w, NULL);
	jw_array(w, "items");
	for (size_t from = 0, end; from < rows->n; from = end) {
		end = series_end(rows, from);
		jw_object(w, NULL);
		jw_str(w, "metric", rows->items[from].metric);
		jw_array(w, "points");
		for (size_t i = from; i < end; i++)
			point_json(w, &rows->items[i], q->times);
		jw_end(w);
		total_json(w, rows, from, end);
		jw_end(w);
	}
	jw_end(w);
	jw_end(w);
	http_reply_json(req, 200);
}

static void series_allowed(struct http_req *req, int64_t experiment_id, int number)
{
	const struct series_query *q = req->query;
	const struct store_trial_ref ref = {.ns = api_ns(req), .experiment = api_name(req), .number = number};

	(void)experiment_id;
	store_series(api_app(req)->store, req->arena, &ref, q->metric, q->has_from ? q->from_step : STORE_NO_STEP,
		(int)q->max_points, series_read, req);
}

static void series_get(struct http_req *req)
{
	api_find_trial(req, series_allowed);
}

/* ---- many trials ----------------------------------------------------------------------------------- */

struct curves_query {
	const char *metric;
	struct json_list trials;
	int64_t top, max_points;
};

static const struct json_field curves_fields[] = {
	JF_STR(struct curves_query, metric, "metric", JF_REQUIRED, 1, METRIC_NAME_MAX, "its name"),
	JF_STRINGS(struct curves_query, trials, "trials", JF_OPTIONAL, 0, CURVES_TRIALS_MAX, "numbers of trials"),
	JF_INT(struct curves_query, top, "top", JF_OPTIONAL, 1, CURVES_TRIALS_MAX, "20",
		"without `trials`: this many of the best, running ones too"),
	JF_INT(struct curves_query, max_points, "maxPoints", JF_OPTIONAL, 2, SERIES_POINTS_MAX, "500",
		"points of each trial at most"),
	JF_END,
};

static void curve_json(struct json_writer *w, const struct store_series *rows, size_t from, size_t end)
{
	jw_object(w, NULL);
	jw_int(w, "number", rows->items[from].number);
	jw_array(w, "steps");
	for (size_t i = from; i < end; i++)
		jw_int(w, NULL, rows->items[i].step);
	jw_end(w);
	jw_array(w, "values");
	for (size_t i = from; i < end; i++)
		jw_num(w, NULL, rows->items[i].value);
	jw_end(w);
	total_json(w, rows, from, end);
	jw_end(w);
}

static void curves_read(void *ctx, const struct store_series *rows, const struct err *e)
{
	struct http_req *req = ctx;
	const struct curves_query *q = req->query;

	if (e)
		return http_reply_err(req, e);
	if (!rows->found)
		return api_no_experiment(req);
	struct json_writer *w = http_json(req);
	jw_object(w, NULL);
	jw_str(w, "metric", q->metric);
	jw_array(w, "items");
	for (size_t from = 0, end; from < rows->n; from = end) {
		end = series_end(rows, from);
		curve_json(w, rows, from, end);
	}
	jw_end(w);
	jw_end(w);
	http_reply_json(req, 200);
}

static void curves_get(struct http_req *req)
{
	const struct curves_query *q = req->query;
	int *numbers = ARENA_NEW_N(req->arena, int, q->trials.n + 1);

	for (size_t i = 0; i < q->trials.n; i++) {
		const char *text = ((const char *const *)q->trials.items)[i];
		int64_t number;

		if (!num_parse_i64(text, strlen(text), &number) || number < 1 || number > INT32_MAX)
			return api_invalid(req, "/trials", "not-a-number", "'%s' is not the number of a trial", text);
		numbers[i] = (int)number;
	}
	store_curves(api_app(req)->store, req->arena, api_ns(req), api_name(req), q->metric, numbers, q->trials.n,
		(int)q->top, (int)q->max_points, curves_read, req);
}

static const struct route routes[] = {
	{.method = HTTP_GET, .path = API_TRIAL "/metrics", .handler = series_get,
		.need = ROLE_VIEWER, .flags = ROUTE_TRIAL_TOKEN,
		.query = series_fields, .query_size = sizeof(struct series_query),
		.status = 200, .answer = "SeriesList", .id = "getMetrics", .summary = "What a trial reported"},
	{.method = HTTP_GET, .path = API_EXPERIMENT "/metrics", .handler = curves_get, .need = ROLE_VIEWER,
		.query = curves_fields, .query_size = sizeof(struct curves_query),
		.status = 200, .answer = "Curves", .id = "getCurves", .summary = "One metric of many trials, in columns"},
};
ROUTE_TABLE(res_series, routes);

const struct json_field series_schema[] = {
	OUT("metric", OUT_STRING, "its name"),
	OUT("points", OUT_ARRAY, "[step, value] or [step, value, time], by step"),
	OUT("total", OUT_INTEGER, "points stored from fromStep on"),
	OUT("downsampled", OUT_BOOLEAN, "fewer are shown"),
	JF_END,
};

const struct json_field curve_schema[] = {
	OUT("number", OUT_INTEGER, "of the trial"),
	OUT("steps", OUT_ARRAY, "one for each value"),
	OUT("values", OUT_ARRAY, "NaN and infinities are strings"),
	OUT("total", OUT_INTEGER, "points stored"),
	OUT("downsampled", OUT_BOOLEAN, "fewer are shown"),
	JF_END,
};

const struct json_field curves_schema[] = {
	OUT("metric", OUT_STRING, "its name"),
	OUT("items", OUT_ARRAY_OF("Curve"), "one for each trial that reported it"),
	JF_END,
};
