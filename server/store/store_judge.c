#include "server/store/store_judge.h"

#include "lib/arena.h"
#include "server/store/call.h"

static const struct row_field id_fields[] = {{.column = "experiment", .kind = ROW_BIGINT, .offset = 0}};
static const struct row_shape id_shape = {
	.size = sizeof(int64_t), .fields = id_fields, .n = ARRAY_LEN(id_fields)};

ANSWER_ROWS(ids, id_shape)

struct store_call *store_unjudged_look(
	struct store *s, struct arena *a, const int64_t *experiments, size_t n, store_ids_cb *done, void *ctx)
{
	struct store_call *c = store_call_new(s, STMT_UNJUDGED_LOOK, a, answer_ids, (store_fn *)done, ctx);
	PG_ARRAY(&c->unit.args, i, n, pg_int_element, experiments[i]);
	return store_call_send(c);
}

#define P struct store_unjudged_point
static const struct row_field point_fields[] = {
	ROW(ROW_BIGINT, P, seq, "seq"),
	ROW(ROW_INT, P, number, "number"),
	ROW(ROW_BIGINT, P, step, "step"),
	ROW(ROW_DOUBLE, P, value, "value"),
};
#undef P
static const struct row_shape point_shape = {
	.size = sizeof(struct store_unjudged_point), .fields = point_fields, .n = ARRAY_LEN(point_fields)};

ANSWER_ROWS(unjudged, point_shape)

struct store_call *store_unjudged_load(struct store *s, struct arena *a, int64_t experiment, const char *metric,
	int limit, store_unjudged_cb *done, void *ctx)
{
	struct store_call *c = store_call_new(s, STMT_UNJUDGED_LOAD, a, answer_unjudged, (store_fn *)done, ctx);
	struct pg_args *p = &c->unit.args;
	pg_int(p, experiment);
	pg_text(p, metric);
	pg_int(p, limit);
	return store_call_send_for(c, experiment);
}
