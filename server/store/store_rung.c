#include "lib/arena.h"
#include "server/store/call.h"
#include "server/store/store_experiment.h"

#define R struct store_rungs
static const struct row_field rung_fields[] = {
	ROW(ROW_TEXT, R, fidelity, "fidelity"),
	ROW(ROW_TEXT, R, early_stopping, "early_stopping"),
	ROW(ROW_TEXT, R, rungs, "rungs"),
	ROW(ROW_TEXT, R, stopped, "stopped"),
	ROW(ROW_TEXT, R, saved, "saved"),
};
#undef R
static const struct row_shape rung_shape = {
	.size = sizeof(struct store_rungs), .fields = rung_fields, .n = ARRAY_LEN(rung_fields)};

static void answer_rungs(struct store_call *c, const PGresult *res, const struct err *e)
{
	store_rungs_cb *done = (store_rungs_cb *)c->done;
	if (e) {
		done(c->ctx, NULL, e);
		return;
	}
	struct store_rungs *r = ARENA_NEW(c->arena, struct store_rungs);
	if (PQntuples(res) > 0)
		*r = *(const struct store_rungs *)rows_decode(res, &rung_shape, c->arena);
	r->found = PQntuples(res) > 0;
	done(c->ctx, r, NULL);
}

struct store_call *store_rungs(struct store *s, struct arena *a, const char *ns, const char *name, int max_stopped,
	store_rungs_cb *done, void *ctx)
{
	struct store_call *c = store_call_new(s, STMT_RUNGS, a, answer_rungs, (store_fn *)done, ctx);
	pg_text(&c->unit.args, ns);
	pg_text(&c->unit.args, name);
	pg_int(&c->unit.args, max_stopped);
	return store_call_send(c);
}
