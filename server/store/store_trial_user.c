/* The API's statements on trials. */
#include <assert.h>
#include <math.h>

#include "lib/arena.h"
#include "server/store/store_trial.h"
#include "server/store/trial_rows.h"

static struct store_call *named(struct store *s, enum stmt stmt, struct arena *a, const char *ns,
	const char *experiment, store_trials_cb *done, void *ctx)
{
	struct store_call *c = trials_call(s, stmt, a, done, ctx);
	pg_text(&c->unit.args, ns);
	pg_text(&c->unit.args, experiment);
	return c;
}

static struct store_call *by_ref(struct store *s, enum stmt stmt, struct arena *a,
	const struct store_trial_ref *ref, store_trials_cb *done, void *ctx)
{
	assert(ref->number > 0 || ref->name);
	struct store_call *c = named(s, stmt, a, ref->ns, ref->experiment, done, ctx);
	pg_int(&c->unit.args, ref->number);
	pg_text(&c->unit.args, ref->name);
	return c;
}

static void states(struct pg_args *p, unsigned mask)
{
	size_t n = 0;
	for (unsigned i = 0; i < TRIAL_STATES; i++)
		n += mask >> i & 1;
	if (n == 0) {
		pg_null(p);
		return;
	}
	pg_array(p, n);
	for (unsigned i = 0; i < TRIAL_STATES; i++) {
		if (mask >> i & 1)
			pg_text_element(p, trial_state_name((enum trial_state)i));
	}
}

struct store_call *store_trials_page(
	struct store *s, struct arena *a, const struct store_trial_page *q, store_trials_cb *done, void *ctx)
{
	static const enum stmt statements[] = {
		[STORE_BY_NUMBER] = STMT_TRIALS_BY_NUMBER,
		[STORE_BY_NUMBER_DOWN] = STMT_TRIALS_BY_NUMBER_DOWN,
		[STORE_BY_RANK] = STMT_TRIALS_BY_RANK,
		[STORE_BY_CHANGE] = STMT_TRIALS_BY_CHANGE,
	};
	assert(q->limit >= 1 && q->limit <= 1000 && (unsigned)q->sort < ARRAY_LEN(statements));
	struct store_call *c = named(s, statements[q->sort], a, q->ns, q->experiment, done, ctx);
	struct pg_args *p = &c->unit.args;
	switch (q->sort) {
	case STORE_BY_NUMBER:
	case STORE_BY_NUMBER_DOWN:
		states(p, q->states);
		break;
	case STORE_BY_RANK:
		pg_double(p, q->after_number > 0 ? q->after_cost : -INFINITY);
		break;
	case STORE_BY_CHANGE:
		states(p, q->states);
		pg_int(p, q->after_change);
		break;
	}
	pg_int(p, q->after_number);
	pg_int(p, q->limit);
	return store_call_send(c);
}

struct store_call *store_trial_get(
	struct store *s, struct arena *a, const struct store_trial_ref *ref, store_trials_cb *done, void *ctx)
{
	return store_call_send(by_ref(s, STMT_TRIAL_GET, a, ref, done, ctx));
}

struct store_call *store_pareto(struct store *s, struct arena *a, const char *ns, const char *experiment,
	int limit, store_trials_cb *done, void *ctx)
{
	struct store_call *c = named(s, STMT_PARETO, a, ns, experiment, done, ctx);
	pg_int(&c->unit.args, limit);
	return store_call_send(c);
}

struct store_call *store_worker_trials(struct store *s, struct arena *a, const char *ns,
	const char *experiment, const char *worker, store_trials_cb *done, void *ctx)
{
	struct store_call *c = named(s, STMT_WORKER_TRIALS, a, ns, experiment, done, ctx);
	pg_text(&c->unit.args, worker);
	return store_call_send(c);
}

struct store_call *store_trials_enqueue(struct store *s, struct arena *a, const char *ns,
	const char *experiment, const char *const *params, size_t n, int max_trials, store_trials_cb *done,
	void *ctx)
{
	struct store_call *c = named(s, STMT_TRIALS_ENQUEUE, a, ns, experiment, done, ctx);
	PG_ARRAY(&c->unit.args, i, n, pg_text_element, params[i]);
	pg_int(&c->unit.args, max_trials);
	return store_call_send(c);
}

struct store_call *store_trials_import(struct store *s, struct arena *a, const char *ns,
	const char *experiment, const struct store_imported *trials, size_t n, store_trials_cb *done, void *ctx)
{
	struct store_call *c = named(s, STMT_TRIALS_IMPORT, a, ns, experiment, done, ctx);
	struct pg_args *p = &c->unit.args;
	PG_ARRAY(p, i, n, pg_text_element, trials[i].params);
	PG_ARRAY(p, i, n, pg_text_element, trials[i].values);
	PG_ARRAY(p, i, n, pg_text_element, trial_state_name(trials[i].state));
	PG_ARRAY(p, i, n, pg_text_element, trials[i].reason);
	PG_ARRAY(p, i, n, pg_text_element, trials[i].message);
	return store_call_send(c);
}

struct store_call *store_trial_tell(
	struct store *s, struct arena *a, const struct store_tell *t, store_trials_cb *done, void *ctx)
{
	assert(trial_state_over(t->state));
	struct store_call *c = by_ref(s, STMT_TRIAL_TELL, a, &t->trial, done, ctx);
	struct pg_args *p = &c->unit.args;
	pg_text(p, trial_state_name(t->state));
	pg_text(p, t->values);
	pg_text(p, t->reason);
	pg_text(p, t->message);
	return store_call_send(c);
}

struct store_call *store_trial_touch(
	struct store *s, struct arena *a, const struct store_trial_ref *ref, store_trials_cb *done, void *ctx)
{
	return store_call_send(by_ref(s, STMT_TRIAL_TOUCH, a, ref, done, ctx));
}

struct store_call *store_trial_kill(struct store *s, struct arena *a, const struct store_trial_ref *ref,
	const char *who, store_trials_cb *done, void *ctx)
{
	struct store_call *c = by_ref(s, STMT_TRIAL_KILL, a, ref, done, ctx);
	pg_text(&c->unit.args, who ? who : "");
	return store_call_send(c);
}

struct store_call *store_trial_retry(struct store *s, struct arena *a, const struct store_trial_ref *ref,
	const char *who, store_trials_cb *done, void *ctx)
{
	struct store_call *c = by_ref(s, STMT_TRIAL_RETRY, a, ref, done, ctx);
	pg_text(&c->unit.args, who ? who : "");
	return store_call_send(c);
}

/* ---- results ----------------------------------------------------------------------------------- */

#define R struct store_results
static const struct row_field result_fields[] = {
	ROW(ROW_TEXT, R, uid, "uid"),
	ROW(ROW_TEXT, R, ns, "ns"),
	ROW(ROW_TEXT, R, name, "name"),
	ROW(ROW_TEXT, R, spec, "spec"),
	ROW(ROW_TEXT, R, params, "params"),
	ROW(ROW_TEXT, R, vals, "vals"),
	ROW(ROW_BIGINT, R, n, "count"),
};
#undef R
static const struct row_shape result_shape = {
	.size = sizeof(struct store_results), .fields = result_fields, .n = ARRAY_LEN(result_fields)};

static void answer_results(struct store_call *c, const PGresult *res, const struct err *e)
{
	store_results_cb *done = (store_results_cb *)c->done;
	if (e) {
		done(c->ctx, NULL, e);
		return;
	}
	struct store_results *r = ARENA_NEW(c->arena, struct store_results);
	const struct store_results *rows = rows_decode(res, &result_shape, c->arena);
	if (PQntuples(res) > 0)
		*r = rows[0];
	r->found = PQntuples(res) > 0;
	done(c->ctx, r, NULL);
}

struct store_call *store_results(struct store *s, struct arena *a, const char *ns, const char *experiment,
	int limit, store_results_cb *done, void *ctx)
{
	struct store_call *c = store_call_new(s, STMT_EXPERIMENT_RESULTS, a, answer_results, (store_fn *)done, ctx);
	pg_text(&c->unit.args, ns);
	pg_text(&c->unit.args, experiment);
	pg_int(&c->unit.args, limit);
	return store_call_send(c);
}
