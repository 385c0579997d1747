/*
 * What happens, live: server-sent events.
 *
 * A client that reads too slowly is dropped (http_stream); it comes back with Last-Event-ID. What it
 * missed is not replayed: it gets one `reset` and reads again.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/mem.h"
#include "server/api/res.h"
#include "server/api/sse.h"
#include "server/control/control.h"

struct watch_query {
	const char *ns, *experiment;
};

static const struct json_field watch_query[] = {
	JF_STR(struct watch_query, ns, "namespace", JF_OPTIONAL, 0, 63, "only this namespace"),
	JF_STR(struct watch_query, experiment, "experiment", JF_OPTIONAL, 0, 63,
		"only this experiment, of the namespace or else of \"default\""),
	JF_END,
};

struct watch {
	struct http_req *req; /* until it is answered */
	struct sse *sse;
	struct bus_subscription *subscription;
};

static void on_message(void *ctx, const struct bus_message *m)
{
	struct watch *w = ctx;

	assert(m->len && !memchr(m->data, '\n', m->len));
	sse_send(w->sse, m->event_id, m->kind, m->data, m->len);
}

static void on_close(void *ctx)
{
	struct watch *w = ctx;

	bus_unsubscribe(w->subscription);
	free(w);
}

/* What the client reads from now on and what it is told leave nothing out between them. */
static void on_ready(void *ctx, const struct err *e)
{
	static const char empty[] = "{}";
	struct watch *w = ctx;
	struct http_req *req = w->req;

	if (e) {
		http_reply_err(req, e);
		on_close(w);
		return;
	}
	bool resumed = http_header(req, "Last-Event-ID") != NULL;
	w->sse = sse_begin(req, api_app(req)->loop, on_close, w);
	if (resumed)
		sse_send(w->sse, 0, "reset", empty, sizeof empty - 1);
}

static void begin(struct http_req *req, const char *ns, int64_t experiment_id)
{
	static const struct bus_listener listener = {.ready = on_ready, .message = on_message};
	struct watch *w = xcalloc(1, sizeof *w);

	w->req = req;
	w->subscription = bus_subscribe(api_app(req)->control, ns, experiment_id, &listener, w);
}

static const char *namespace_of(const struct watch_query *q)
{
	if (q->ns && *q->ns)
		return q->ns;
	return q->experiment && *q->experiment ? "default" : NULL;
}

static void found(void *ctx, int64_t experiment_id, const struct err *e)
{
	struct http_req *req = ctx;

	if (e)
		http_reply_err(req, e);
	else
		begin(req, NULL, experiment_id);
}

static void watch(struct http_req *req)
{
	const struct watch_query *q = req->query;
	const char *ns = namespace_of(q);

	if (!api_namespace(req, &ns))
		return;
	if (q->experiment && *q->experiment)
		control_find(api_app(req)->control, ns, q->experiment, found, req);
	else
		begin(req, ns, 0);
}

static const struct route routes[] = {
	{.method = HTTP_GET, .path = API_ROOT "/watch", .handler = watch, .need = ROLE_VIEWER,
		.query = watch_query, .query_size = sizeof(struct watch_query),
		.status = 200, .answer_type = "text/event-stream", .id = "watch", .summary = "What happens, live",
		.doc = "Server-sent events: experiment, trial, metrics, event, best; `reset` means: read everything again."},
};
ROUTE_TABLE(res_watch, routes);
