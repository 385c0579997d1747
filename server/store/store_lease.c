#include "server/store/store_lease.h"

#include "lib/arena.h"
#include "server/store/call.h"

static const struct row_field fields[] = {
	ROW(ROW_BIGINT, struct store_lease, experiment, "experiment"),
	ROW(ROW_BIGINT, struct store_lease, epoch, "epoch"),
};
static const struct row_shape shape = {
	.size = sizeof(struct store_lease), .fields = fields, .n = ARRAY_LEN(fields)};

ANSWER_ROWS(leases, shape)

static void leases(struct pg_args *p, const struct store_lease *held, size_t n)
{
	PG_ARRAY(p, i, n, pg_int_element, held[i].experiment);
	PG_ARRAY(p, i, n, pg_int_element, held[i].epoch);
}

struct store_call *store_lease_claim(struct store *s, struct arena *a, const char *owner, int64_t ttl_us,
	const int64_t *held, size_t n_held, int max, store_leases_cb *done, void *ctx)
{
	struct store_call *c = store_call_new(s, STMT_LEASE_CLAIM, a, answer_leases, (store_fn *)done, ctx);
	struct pg_args *p = &c->unit.args;
	pg_text(p, owner);
	pg_int(p, ttl_us);
	PG_ARRAY(p, i, n_held, pg_int_element, held[i]);
	pg_int(p, max);
	return store_call_send(c);
}

struct store_call *store_lease_renew(struct store *s, struct arena *a, const char *owner, int64_t ttl_us,
	const struct store_lease *held, size_t n, store_leases_cb *done, void *ctx)
{
	struct store_call *c = store_call_new(s, STMT_LEASE_RENEW, a, answer_leases, (store_fn *)done, ctx);
	pg_text(&c->unit.args, owner);
	pg_int(&c->unit.args, ttl_us);
	leases(&c->unit.args, held, n);
	return store_call_send(c);
}

struct store_call *store_lease_release(struct store *s, struct arena *a, const char *owner,
	const struct store_lease *held, size_t n, store_count_cb *done, void *ctx)
{
	struct store_call *c =
		store_call_new(s, STMT_LEASE_RELEASE, a, store_answer_count, (store_fn *)done, ctx);
	pg_text(&c->unit.args, owner);
	leases(&c->unit.args, held, n);
	return store_call_send(c);
}

static const struct row_field run_fields[] = {
	ROW(ROW_TEXT, struct store_run, uid, "uid"),
	ROW(ROW_INT, struct store_run, number, "number"),
	ROW(ROW_INT, struct store_run, attempt, "attempt"),
	ROW(ROW_BOOL, struct store_run, over, "over"),
};
static const struct row_shape run_shape = {
	.size = sizeof(struct store_run), .fields = run_fields, .n = ARRAY_LEN(run_fields)};

ANSWER_ROWS(runs, run_shape)

struct store_call *store_runs_look(
	struct store *s, struct arena *a, const struct store_run *runs, size_t n, store_runs_cb *done, void *ctx)
{
	struct store_call *c = store_call_new(s, STMT_RUNS_LOOK, a, answer_runs, (store_fn *)done, ctx);
	struct pg_args *p = &c->unit.args;
	PG_ARRAY(p, i, n, pg_int_element, runs[i].experiment);
	PG_ARRAY(p, i, n, pg_text_element, runs[i].uid);
	PG_ARRAY(p, i, n, pg_int_element, runs[i].number);
	PG_ARRAY(p, i, n, pg_int_element, runs[i].attempt);
	return store_call_send(c);
}
