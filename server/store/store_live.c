#include "server/store/store_live.h"

#include "lib/arena.h"
#include "server/store/call.h"

#define L struct store_live
static const struct row_field fields[] = {
	ROW(ROW_BIGINT, L, id, "id"),
	ROW(ROW_TEXT, L, ns, "ns"),
	ROW(ROW_TEXT, L, name, "name"),
	ROW_OF(experiment_state_names, L, state, "state"),
	ROW(ROW_TEXT, L, reason, "reason"),
	ROW(ROW_BIGINT, L, version, "version"),
	ROW(ROW_BOOL, L, fresh, "fresh"),
	ROW(ROW_BIGINT, L, change, "change"),
	ROW(ROW_INT, L, counts[TRIAL_PENDING], "pending"),
	ROW(ROW_INT, L, counts[TRIAL_STARTING], "starting"),
	ROW(ROW_INT, L, counts[TRIAL_RUNNING], "running"),
	ROW(ROW_INT, L, counts[TRIAL_SUCCEEDED], "succeeded"),
	ROW(ROW_INT, L, counts[TRIAL_FAILED], "failed"),
	ROW(ROW_INT, L, counts[TRIAL_EARLY_STOPPED], "early_stopped"),
	ROW(ROW_INT, L, counts[TRIAL_KILLED], "killed"),
	ROW(ROW_INT, L, counts[TRIAL_UNAVAILABLE], "metrics_unavailable"),
	ROW(ROW_INT, L, counts[TRIAL_LOST], "lost"),
	ROW(ROW_INT, L, best_number, "best_number"),
	ROW(ROW_BIGINT, L, last_event, "last_event"),
};
#undef L
static const struct row_shape shape = {
	.size = sizeof(struct store_live), .fields = fields, .n = ARRAY_LEN(fields)};

ANSWER_ROWS(lives, shape)

struct store_call *store_live_experiments(
	struct store *s, struct arena *a, const struct store_live_query *q, store_lives_cb *done, void *ctx)
{
	struct store_call *c = store_call_new(s, STMT_LIVE_EXPERIMENTS, a, answer_lives, (store_fn *)done, ctx);
	struct pg_args *p = &c->unit.args;
	PG_ARRAY(p, i, q->n_ids, pg_int_element, q->ids[i]);
	PG_ARRAY(p, i, q->n_namespaces, pg_text_element, q->namespaces[i]);
	pg_bool(p, q->everywhere);
	return store_call_send(c);
}
