/* What happened to an experiment and its trials, newest first. */
#include <assert.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/num.h"
#include "server/api/res.h"
#include "server/store/store_event.h"

struct event_query {
	struct page_query page;
	int64_t trial;
};

static const struct json_field event_query[] = {
	PAGE_QUERY_FIELDS(struct event_query, "100"),
	JF_INT(struct event_query, trial, "trial", JF_OPTIONAL, 1, INT32_MAX, NULL, "only those of this trial, by number"),
	JF_END,
};

struct listing {
	struct http_req *req;
	const char *name;
	int limit;
};

static void event_json(struct json_writer *w, const struct store_event *ev)
{
	jw_object(w, NULL);
	jw_int(w, "id", ev->id);
	jw_time(w, "time", ev->time_us);
	jw_str(w, "type", ev->type);
	jw_str(w, "reason", ev->reason);
	jw_str(w, "message", ev->message);
	if (ev->number)
		jw_int(w, "trial", ev->number);
	jw_end(w);
}

static void listed(void *ctx, const struct store_events *rows, const struct err *e)
{
	struct listing *l = ctx;
	const char *cursor = NULL;
	char id[NUM_MAX];

	if (e)
		return http_reply_err(l->req, e);
	if (!rows->found)
		return api_no_experiment(l->req);
	assert(rows->n <= (size_t)l->limit);
	struct json_writer *w = http_json(l->req);
	jw_object(w, NULL);
	jw_array(w, "items");
	for (size_t i = 0; i < rows->n; i++)
		event_json(w, &rows->items[i]);
	if (rows->n == (size_t)l->limit) {
		num_format_i64(id, rows->items[rows->n - 1].id);
		cursor = page_cursor(l->req->arena, l->name, &(struct page_key){.n = 1, .value = {id}});
	}
	api_reply_page(l->req, w, cursor, -1);
}

static void events_list(struct http_req *req)
{
	const struct event_query *q = req->query;
	struct store_event_page page = {.ns = api_ns(req), .experiment = api_name(req), .number = (int)q->trial,
		.limit = (int)q->page.limit};
	struct listing *l = ARENA_NEW(req->arena, struct listing);
	struct page_key key;
	struct err e;

	*l = (struct listing){.req = req, .limit = page.limit};
	l->name = arena_printf(req->arena, "events %s/%s %d", page.ns, page.experiment, page.number);
	if (!page_read(req->arena, l->name, q->page.cont, &key, &e))
		return http_reply_err(req, &e);
	if (key.n && !num_parse_i64(key.value[0], strlen(key.value[0]), &page.before_id))
		return api_invalid(req, "?continue", "bad-cursor", "`continue` is not from this list");
	store_events_page(api_app(req)->store, req->arena, &page, listed, l);
}

static const struct route routes[] = {
	{.method = HTTP_GET, .path = API_EXPERIMENT "/events", .handler = events_list, .need = ROLE_VIEWER,
		.query = event_query, .query_size = sizeof(struct event_query),
		.status = 200, .answer = "EventList", .id = "listEvents", .summary = "What happened, newest first"},
};
ROUTE_TABLE(res_event, routes);

const struct json_field event_schema[] = {
	OUT("id", OUT_INTEGER, "grows with time"),
	OUT("time", OUT_TIME, "when it happened"),
	OUT("type", OUT_STRING, "Normal or Warning"),
	OUT("reason", OUT_STRING, "one word"),
	OUT("message", OUT_STRING, "a sentence"),
	OUT_MAY("trial", OUT_INTEGER, "the number of the trial it is about"),
	JF_END,
};
