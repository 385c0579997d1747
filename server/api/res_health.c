/* Is it alive, is it ready, what does it count: what machines ask. */
#include <string.h>

#include "lib/arena.h"
#include "lib/mem.h"
#include "lib/prom.h"
#include "lib/strbuf.h"
#include "server/api/res.h"
#include "server/control/control.h"
#include "server/store/store.h"

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

/* What is only known when asked. The rest is counted where it happens. */
struct api_gauges {
	struct prom_series *connections, *queued, *sent, *statements, *failures, *reconnects;
};

static struct prom_series *gauge(struct prom *p, const char *name, const char *help)
{
	return prom_series(prom_gauge(p, name, help, NULL), NULL);
}

static struct prom_series *counter(struct prom *p, const char *name, const char *help)
{
	return prom_series(prom_counter(p, name, help, NULL), NULL);
}

struct api_gauges *api_gauges_new(struct prom *p, const char *version)
{
	static const char *const labels[] = {"version", NULL};
	struct api_gauges *g = xcalloc(1, sizeof *g);

	g->connections = gauge(p, "trimtab_db_connections", "Connections to PostgreSQL that are ready");
	g->queued = gauge(p, "trimtab_db_queue_depth", "Statements that wait for a connection");
	g->sent = gauge(p, "trimtab_db_in_flight", "Statements that wait for their answer");
	g->statements = counter(p, "trimtab_db_statements_total", "Statements answered");
	g->failures = counter(p, "trimtab_db_failures_total", "Statements that failed");
	g->reconnects = counter(p, "trimtab_db_reconnects_total", "Connections made again");
	prom_set(prom_series(prom_gauge(p, "trimtab_build_info", "1, for its labels", labels), &version), 1);
	return g;
}

static void set_store(struct api_gauges *g, const struct store_stats *s)
{
	prom_set(g->connections, s->ready);
	prom_set(g->queued, (double)s->queued);
	prom_set(g->sent, (double)s->sent);
	prom_set(g->statements, (double)s->statements);
	prom_set(g->failures, (double)s->failures);
	prom_set(g->reconnects, (double)s->reconnects);
}

/* No statement is sent: a scrape costs the database nothing and works while it is away. */
static void metrics(struct http_req *req)
{
	const struct app *app = api_app(req);
	struct store_stats stats;
	struct strbuf text;

	if (!app->gauges)
		return api_fail(req, ERR_NOT_FOUND, "This server keeps no metrics");
	stats = store_stats(app->store);
	set_store(app->gauges, &stats);
	strbuf_init(&text, METRICS_TEXT_MAX);
	prom_write(app->prom, &text);
	http_reply_strbuf_take(req, 200, "text/plain; version=0.0.4; charset=utf-8", &text);
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
