/* Is it alive, is it ready, what does it count: what machines ask. */
#include <string.h>

#include "lib/arena.h"
#include "lib/prom.h"
#include "lib/strbuf.h"
#include "server/api/res.h"
#include "server/control/control.h"
#include "server/store/store_experiment.h"

enum { METRICS_TEXT_MAX = 8 << 20 };

static void healthz(struct http_req *req)
{
	http_reply_text(req, 200, "ok\n");
}

/* ---- ready --------------------------------------------------------------------------------------------- */

static bool check(struct json_writer *w, const char *name, bool ok, const char *trouble)
{
	jw_object(w, NULL);
	jw_str(w, "name", name);
	jw_bool(w, "ok", ok);
	if (!ok)
		jw_str(w, "message", trouble);
	jw_end(w);
	return ok;
}

static bool checks(struct json_writer *w, const struct http_req *req)
{
	const struct app *app = api_app(req);
	bool ok = true;

	jw_array(w, "checks");
	ok &= check(w, "serving", !app->draining, "the server is about to stop");
	ok &= check(w, "database", store_ready(app->store), "no connection answers; it is tried again");
	/* Migrations run before the server listens. */
	ok &= check(w, "migrations", true, "");
	for (size_t i = 0; app->executors && app->executors[i]; i++)
		ok &= check(w, arena_printf(req->arena, "executor/%s", app->executors[i]),
			control_backend(app->control, app->executors[i]) != NULL, "it is not there");
	jw_end(w);
	return ok;
}

static void readyz(struct http_req *req)
{
	struct json_writer *w = http_json(req);

	jw_object(w, NULL);
	bool ok = checks(w, req);
	jw_str(w, "status", ok ? "ready" : "not ready");
	jw_end(w);
	if (!ok)
		http_set_header(req, "Retry-After", "1");
	http_reply_json(req, ok ? 200 : 503);
}

/* ---- metrics ------------------------------------------------------------------------------------------- */

static void set_state(struct prom_metric *m, const char *state, int64_t n)
{
	prom_set(prom_series(m, (const char *const[]){state}), (double)n);
}

static void set_totals(struct prom *prom, const struct store_totals *t)
{
	static const char *const state[] = {"state", NULL};
	struct prom_metric *experiments = prom_gauge(prom, "trimtab_experiments", "Experiments by state", state);
	struct prom_metric *trials = prom_gauge(prom, "trimtab_trials", "Trials by state", state);

	for (int s = 0; s < EXPERIMENT_STATES; s++)
		set_state(experiments, experiment_state_name((enum experiment_state)s), t->experiments[s]);
	for (int s = 0; s < TRIAL_STATES; s++)
		set_state(trials, trial_state_name((enum trial_state)s), t->trials[s]);
}

static void set_gauge(struct prom *prom, const char *name, const char *help, double v)
{
	prom_set(prom_series(prom_gauge(prom, name, help, NULL), NULL), v);
}

static void set_counter(struct prom *prom, const char *name, const char *help, double v)
{
	prom_set(prom_series(prom_counter(prom, name, help, NULL), NULL), v);
}

static void set_store(struct prom *prom, const struct store_stats *s)
{
	set_gauge(prom, "trimtab_db_connections", "Connections to PostgreSQL that are ready", s->ready);
	set_gauge(prom, "trimtab_db_queue_depth", "Statements that wait for a connection", (double)s->queued);
	set_gauge(prom, "trimtab_db_in_flight", "Statements that wait for their answer", (double)s->sent);
	set_counter(prom, "trimtab_db_statements_total", "Statements answered", (double)s->statements);
	set_counter(prom, "trimtab_db_failures_total", "Statements that failed", (double)s->failures);
	set_counter(prom, "trimtab_db_reconnects_total", "Connections made again", (double)s->reconnects);
	set_counter(prom, "trimtab_db_query_seconds_total", "Time from sending a statement to its answer, summed",
		(double)s->busy_us / 1e6);
}

static void totals_read(void *ctx, const struct store_totals *t, const struct err *e)
{
	struct http_req *req = ctx;
	const struct app *app = api_app(req);
	const struct store_stats stats = store_stats(app->store);
	struct strbuf text;

	/* Without the database the rest is still worth reading. */
	if (!e)
		set_totals(app->prom, t);
	set_store(app->prom, &stats);
	prom_set(prom_series(prom_gauge(app->prom, "trimtab_build_info", "1, for its labels",
				 (const char *const[]){"version", NULL}),
			 (const char *const[]){app->version}),
		1);
	strbuf_init(&text, METRICS_TEXT_MAX);
	prom_write(app->prom, &text);
	http_reply_strbuf_take(req, 200, "text/plain; version=0.0.4; charset=utf-8", &text);
}

static void metrics(struct http_req *req)
{
	if (!api_app(req)->prom)
		return api_fail(req, ERR_NOT_FOUND, "This server keeps no metrics");
	store_totals(api_app(req)->store, req->arena, totals_read, req);
}

static void version(struct http_req *req)
{
	struct json_writer *w = http_json(req);

	jw_object(w, NULL);
	jw_str(w, "version", api_app(req)->version);
	jw_str(w, "api", "v1");
	jw_end(w);
	http_reply_json(req, 200);
}

static const struct route routes[] = {
	{.method = HTTP_GET, .path = "/healthz", .handler = healthz, .flags = ROUTE_QUIET | ROUTE_ANY_QUERY,
		.status = 200, .answer_type = "text/plain", .id = "healthz", .summary = "The process is alive"},
	{.method = HTTP_GET, .path = "/readyz", .handler = readyz, .flags = ROUTE_QUIET | ROUTE_ANY_QUERY,
		.status = 200, .answer = "Readiness", .id = "readyz", .summary = "Requests can be served: each check",
		.doc = "503 with the same body when a check fails."},
	{.method = HTTP_GET, .path = "/metrics", .handler = metrics, .flags = ROUTE_QUIET | ROUTE_ANY_QUERY,
		.status = 200, .answer_type = "text/plain", .id = "metrics", .summary = "Prometheus metrics"},
	{.method = HTTP_GET, .path = "/version", .handler = version, .flags = ROUTE_ANY_QUERY,
		.status = 200, .answer = "Version", .id = "version", .summary = "What runs here"},
};
ROUTE_TABLE(res_health, routes);

const struct json_field readiness_schema[] = {
	OUT("checks", OUT_ARRAY, "name, ok, and message where it is not"),
	OUT("status", OUT_STRING, "ready or not ready"),
	JF_END,
};

const struct json_field version_schema[] = {
	OUT("version", OUT_STRING, "of the program"),
	OUT("api", OUT_STRING, "of the API"),
	JF_END,
};
