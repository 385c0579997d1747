/*
 * What the resource files share: their route tables, the names in a path, and the answers that
 * several of them give.
 *
 * Every res_*.c is one resource: its tables, its handlers, and nothing else. A handler issues one
 * unit of SQL and answers in its callback; the few that need two (read, then write what was decided)
 * say so.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/attr.h"
#include "lib/err.h"
#include "server/api/api.h"
#include "server/api/http.h"
#include "server/api/page.h"
#include "server/api/problem_reply.h"
#include "server/api/route.h"
#include "server/api/schema.h"
#include "server/store/store_trial.h"

#define API_ROOT "/api/v1"
#define API_NS API_ROOT "/namespaces/{ns}"
#define API_EXPERIMENTS API_NS "/experiments"
#define API_EXPERIMENT API_EXPERIMENTS "/{name}"
#define API_TRIALS API_EXPERIMENT "/trials"
#define API_TRIAL API_TRIALS "/{trial}"

struct route_table {
	const struct route *rows;
	size_t n;
};
#define ROUTE_TABLE(name, routes) const struct route_table name = {(routes), ARRAY_LEN(routes)}

extern const struct route_table res_root, res_health, res_openapi, res_algorithm, res_experiment, res_experiment_list;
extern const struct route_table res_experiment_new, res_action, res_best, res_importance, res_rung, res_event;
extern const struct route_table res_trial, res_trial_list, res_trial_add, res_ask, res_metric, res_series;
extern const struct route_table res_log, res_watch, res_token, res_problem;

/* limit and continue, first in the query struct of every list. */
struct page_query {
	int64_t limit;
	const char *cont;
};
#define PAGE_QUERY_FIELDS(T, dflt)                                                                    \
	JF_INT(T, page.limit, "limit", JF_OPTIONAL, 1, PAGE_LIMIT_MAX, dflt, "items in one answer"),      \
		JF_STR(T, page.cont, "continue", JF_OPTIONAL, 0, PAGE_CURSOR_MAX,                             \
			"where to go on: `continue` of the answer before")

/* The gauges of GET /metrics; freed with free(). */
struct api_gauges *api_gauges_new(struct prom *p, const char *version);

struct app *api_app(const struct http_req *req);
const char *api_ns(const struct http_req *req);
const char *api_name(const struct http_req *req);       /* of the experiment  */
const char *api_who(const struct http_req *req);        /* for events and created_by */
/* The path's {trial}: digits are its number, anything else its name. */
struct store_trial_ref api_trial_ref(const struct http_req *req);

/* Answers with one problem. */
void api_fail(struct http_req *req, enum err_code code, const char *fmt, ...) PRINTF(3, 4);
void api_no_experiment(struct http_req *req);           /* 404 */
/* 422 with one problem about a query parameter or a field. */
void api_invalid(struct http_req *req, const char *pointer, const char *code, const char *fmt, ...) PRINTF(4, 5);

/* For paths without a namespace: *ns is the one asked for, or NULL for all; a token of one namespace
 * sees that one. False and answered when it may not see it. */
bool api_namespace(struct http_req *req, const char **ns) MUSTCHECK;

/* The answer about one trial is there, and whoever asks may have it; otherwise false and answered. */
bool api_trial_found(struct http_req *req, const struct store_trials *rows, const struct err *e) MUSTCHECK;
/* The role that the route needs, or the token of just this trial; otherwise false and answered. */
bool api_trial_allowed(struct http_req *req, int64_t experiment_id, int64_t number) MUSTCHECK;

/* Finds the experiment of the path; done() is not called when that failed, which is then answered. */
typedef void api_found_fn(struct http_req *req, int64_t experiment_id);
void api_find(struct http_req *req, api_found_fn *done);
/* The same for the trial of the path, by number or name, with its token checked. */
typedef void api_trial_fn(struct http_req *req, int64_t experiment_id, int number);
void api_find_trial(struct http_req *req, api_trial_fn *done);

/* Ends the array "items" and the object around it, with where to go on in between, and replies.
 * cursor NULL: this was the last page; remaining < 0: unknown. */
void api_reply_page(struct http_req *req, struct json_writer *w, const char *cursor, int64_t remaining);
/* The request's path and query with another `continue`, as Link header of answers that are no JSON. */
void api_link_next(struct http_req *req, const char *cursor);
