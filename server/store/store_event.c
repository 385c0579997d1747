#include "server/store/store_event.h"

#include <assert.h>

#include "lib/arena.h"
#include "server/store/call.h"

struct line {
	struct store_event event;
	int64_t in_experiment;
};
static const struct row_field event_fields[] = {
	ROW(ROW_BIGINT, struct line, event.experiment, "experiment"),
	ROW(ROW_BIGINT, struct line, event.id, "id"),
	ROW(ROW_INT, struct line, event.number, "number"),
	ROW(ROW_TEXT, struct line, event.type, "type"),
	ROW(ROW_TEXT, struct line, event.reason, "reason"),
	ROW(ROW_TEXT, struct line, event.message, "message"),
	ROW(ROW_TIME, struct line, event.time_us, "time"),
	ROW(ROW_BIGINT, struct line, in_experiment, "in_experiment"),
};
static const struct row_shape event_shape = {
	.size = sizeof(struct line), .fields = event_fields, .n = ARRAY_LEN(event_fields)};

/* An experiment without events is one row without an event. */
static void answer_events(struct store_call *c, const PGresult *res, const struct err *e)
{
	store_events_cb *done = (store_events_cb *)c->done;
	if (e) {
		done(c->ctx, NULL, e);
		return;
	}
	struct store_events *rows = ARENA_NEW(c->arena, struct store_events);
	const struct line *lines = rows_decode(res, &event_shape, c->arena);
	size_t n = (size_t)PQntuples(res);
	rows->items = ARENA_NEW_N(c->arena, struct store_event, n);
	rows->found = n > 0;
	rows->experiment = n > 0 ? lines[0].in_experiment : 0;
	for (size_t i = 0; i < n; i++) {
		if (lines[i].event.id > 0)
			rows->items[rows->n++] = lines[i].event;
	}
	done(c->ctx, rows, NULL);
}

struct store_call *store_events_add(struct store *s, struct arena *a, const struct store_event *events,
	size_t n, store_count_cb *done, void *ctx)
{
	struct store_call *c = store_call_new(s, STMT_EVENTS_ADD, a, store_answer_count, (store_fn *)done, ctx);
	struct pg_args *p = &c->unit.args;
	PG_ARRAY(p, i, n, pg_int_element, events[i].experiment);
	PG_ARRAY(p, i, n, pg_int_element, events[i].number);
	PG_ARRAY(p, i, n, pg_text_element, events[i].type);
	PG_ARRAY(p, i, n, pg_text_element, events[i].reason);
	PG_ARRAY(p, i, n, pg_text_element, events[i].message);
	return store_call_send_for(c, n > 0 ? events[0].experiment : 0);
}

struct store_call *store_events_page(
	struct store *s, struct arena *a, const struct store_event_page *q, store_events_cb *done, void *ctx)
{
	assert(q->limit >= 1 && q->limit <= 1000);
	struct store_call *c = store_call_new(s, STMT_EVENTS_NEWEST, a, answer_events, (store_fn *)done, ctx);
	struct pg_args *p = &c->unit.args;
	pg_text(p, q->ns);
	pg_text(p, q->experiment);
	pg_int(p, q->number);
	pg_int(p, q->before_id);
	pg_int(p, q->limit);
	return store_call_send(c);
}

struct store_call *store_events_since(struct store *s, struct arena *a, int64_t experiment, int64_t after,
	int limit, store_events_cb *done, void *ctx)
{
	struct store_call *c = store_call_new(s, STMT_EVENTS_SINCE, a, answer_events, (store_fn *)done, ctx);
	pg_int(&c->unit.args, experiment);
	pg_int(&c->unit.args, after);
	pg_int(&c->unit.args, limit);
	return store_call_send(c);
}

static const struct row_field ask_fields[] = {
	ROW(ROW_TEXT, struct store_ask, worker, "worker"),
	ROW(ROW_INT, struct store_ask, wanted, "wanted"),
	ROW(ROW_INT, struct store_ask, lease_seconds, "lease_seconds"),
	ROW(ROW_TIME, struct store_ask, asked_us, "asked_at"),
};
static const struct row_shape ask_shape = {
	.size = sizeof(struct store_ask), .fields = ask_fields, .n = ARRAY_LEN(ask_fields)};

ANSWER_ROWS(asks, ask_shape)

struct store_call *store_ask_add(struct store *s, struct arena *a, const char *ns, const char *experiment,
	const char *worker, int wanted, int lease_seconds, store_outcome_cb *done, void *ctx)
{
	struct store_call *c = store_call_new(s, STMT_ASK_ADD, a, store_answer_outcome, (store_fn *)done, ctx);
	struct pg_args *p = &c->unit.args;
	pg_text(p, ns);
	pg_text(p, experiment);
	pg_text(p, worker);
	pg_int(p, wanted);
	pg_int(p, lease_seconds);
	return store_call_send(c);
}

struct store_call *store_asks_load(
	struct store *s, struct arena *a, int64_t experiment, store_asks_cb *done, void *ctx)
{
	struct store_call *c = store_call_new(s, STMT_ASKS_LOAD, a, answer_asks, (store_fn *)done, ctx);
	pg_int(&c->unit.args, experiment);
	return store_call_send_for(c, experiment);
}

struct store_call *store_ask_done(
	struct store *s, struct arena *a, int64_t experiment, const char *worker, store_count_cb *done, void *ctx)
{
	struct store_call *c = store_call_new(s, STMT_ASK_DONE, a, store_answer_count, (store_fn *)done, ctx);
	pg_int(&c->unit.args, experiment);
	pg_text(&c->unit.args, worker);
	return store_call_send_for(c, experiment);
}
