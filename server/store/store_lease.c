#include "server/store/store_lease.h"

#include "lib/arena.h"
#include "server/store/call.h"

static const struct row_field fields[] = {
	ROW(ROW_BIGINT, struct store_lease, experiment, "experiment"),
	ROW(ROW_BIGINT, struct store_lease, epoch, "epoch"),
};
static const struct row_shape shape = {
	.size = sizeof(struct store_lease), .fields = fields, .n = ARRAY_LEN(fields)};

static void answer_leases(struct store_call *c, const PGresult *res, const struct err *e)
{
	store_leases_cb *done = (store_leases_cb *)c->done;
	if (e) {
		done(c->ctx, NULL, e);
		return;
	}
	struct store_leases *rows = ARENA_NEW(c->arena, struct store_leases);
	rows->items = rows_decode(res, &shape, c->arena);
	rows->n = (size_t)PQntuples(res);
	done(c->ctx, rows, NULL);
}

static void leases(struct pg_args *p, const struct store_lease *held, size_t n)
{
	pg_array(p, n);
	for (size_t i = 0; i < n; i++)
		pg_int_element(p, held[i].experiment);
	pg_array(p, n);
	for (size_t i = 0; i < n; i++)
		pg_int_element(p, held[i].epoch);
}

struct store_call *store_lease_claim(struct store *s, struct arena *a, const char *owner, int64_t ttl_us,
	const int64_t *held, size_t n_held, int max, store_leases_cb *done, void *ctx)
{
	struct store_call *c = store_call_new(s, STMT_LEASE_CLAIM, a, answer_leases, (store_fn *)done, ctx);
	struct pg_args *p = &c->unit.args;
	pg_text(p, owner);
	pg_int(p, ttl_us);
	pg_array(p, n_held);
	for (size_t i = 0; i < n_held; i++)
		pg_int_element(p, held[i]);
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

static void answer_runs(struct store_call *c, const PGresult *res, const struct err *e)
{
	store_runs_cb *done = (store_runs_cb *)c->done;
	if (e) {
		done(c->ctx, NULL, e);
		return;
	}
	struct store_runs *rows = ARENA_NEW(c->arena, struct store_runs);
	rows->items = rows_decode(res, &run_shape, c->arena);
	rows->n = (size_t)PQntuples(res);
	done(c->ctx, rows, NULL);
}

struct store_call *store_runs_look(
	struct store *s, struct arena *a, const struct store_run *runs, size_t n, store_runs_cb *done, void *ctx)
{
	struct store_call *c = store_call_new(s, STMT_RUNS_LOOK, a, answer_runs, (store_fn *)done, ctx);
	struct pg_args *p = &c->unit.args;
	pg_array(p, n);
	for (size_t i = 0; i < n; i++)
		pg_int_element(p, runs[i].experiment);
	pg_array(p, n);
	for (size_t i = 0; i < n; i++)
		pg_text_element(p, runs[i].uid);
	pg_array(p, n);
	for (size_t i = 0; i < n; i++)
		pg_int_element(p, runs[i].number);
	pg_array(p, n);
	for (size_t i = 0; i < n; i++)
		pg_int_element(p, runs[i].attempt);
	return store_call_send(c);
}
