/* The control loop's statements on trials. */
#include "server/store/store_trial.h"

#include <assert.h>

#include "server/store/trial_rows.h"

static const char *source_name(enum store_source s)
{
	return s == STORE_FROM_ALGORITHM ? "algorithm" : s == STORE_FROM_USER ? "user" : "import";
}

static struct store_call *fenced(struct store *s, enum stmt stmt, struct arena *a, int64_t experiment,
	int64_t epoch, store_trials_cb *done, void *ctx)
{
	struct store_call *c = trials_call(s, stmt, a, done, ctx);
	pg_int(&c->unit.args, experiment);
	pg_int(&c->unit.args, epoch);
	return c;
}

struct store_call *store_trials_load(struct store *s, struct arena *a, int64_t experiment,
	int64_t after_change, int after_number, int limit, store_trials_cb *done, void *ctx)
{
	assert(limit >= 1 && limit <= 10000);
	struct store_call *c = trials_call(s, STMT_TRIALS_LOAD, a, done, ctx);
	struct pg_args *p = &c->unit.args;
	pg_int(p, experiment);
	pg_int(p, after_change);
	pg_int(p, after_number);
	pg_int(p, limit);
	return store_call_send_for(c, experiment);
}

struct store_call *store_trials_add(struct store *s, struct arena *a, int64_t experiment, int64_t epoch,
	int expected_next, int last_number, const struct store_new_trial *trials, size_t n, store_trials_cb *done,
	void *ctx)
{
	struct store_call *c = fenced(s, STMT_TRIALS_ADD, a, experiment, epoch, done, ctx);
	struct pg_args *p = &c->unit.args;
	pg_int(p, expected_next);
	pg_int(p, last_number);
	PG_ARRAY(p, i, n, pg_text_element, trials[i].params);
	PG_ARRAY(p, i, n, pg_text_element, trials[i].budget);
	PG_ARRAY(p, i, n, pg_text_element, source_name(trials[i].source));
	PG_ARRAY(p, i, n, pg_text_element, trial_state_name(trials[i].state));
	PG_ARRAY(p, i, n, pg_text_element, trials[i].executor);
	PG_ARRAY(p, i, n, pg_text_element, trials[i].worker);
	PG_ARRAY(p, i, n, pg_int_element, trials[i].worker ? trials[i].lease_seconds : 0);
	return store_call_send_for(c, experiment);
}

struct store_call *store_trials_start(struct store *s, struct arena *a, int64_t experiment, int64_t epoch,
	const int *numbers, size_t n, const char *executor, store_trials_cb *done, void *ctx)
{
	struct store_call *c = fenced(s, STMT_TRIALS_START, a, experiment, epoch, done, ctx);
	trials_numbers(&c->unit.args, numbers, n);
	pg_text(&c->unit.args, executor);
	return store_call_send_for(c, experiment);
}

struct store_call *store_trials_move(struct store *s, struct arena *a, int64_t experiment, int64_t epoch,
	const struct store_trial_move *moves, size_t n, store_trials_cb *done, void *ctx)
{
	struct store_call *c = fenced(s, STMT_TRIALS_MOVE, a, experiment, epoch, done, ctx);
	struct pg_args *p = &c->unit.args;
	PG_ARRAY(p, i, n, pg_int_element, moves[i].number);
	PG_ARRAY(p, i, n, pg_int_element, moves[i].attempt);
	PG_ARRAY(p, i, n, pg_text_element, trial_state_name(moves[i].to));
	PG_ARRAY(p, i, n, pg_text_element, moves[i].reason);
	PG_ARRAY(p, i, n, pg_text_element, moves[i].message);
	PG_ARRAY(p, i, n, pg_int_element_or_null, moves[i].exit_code, moves[i].exit_code == STORE_NO_INT);
	PG_ARRAY(p, i, n, pg_text_element, moves[i].object);
	PG_ARRAY(p, i, n, pg_text_element, moves[i].worker);
	PG_ARRAY(p, i, n, pg_int_element, moves[i].worker ? moves[i].lease_seconds : 0);
	return store_call_send_for(c, experiment);
}

struct store_call *store_trials_stop(struct store *s, struct arena *a, int64_t experiment, int64_t epoch,
	const struct store_trial_stop *stops, size_t n, const int64_t *judged, size_t n_judged, store_trials_cb *done,
	void *ctx)
{
	struct store_call *c = fenced(s, STMT_TRIALS_STOP, a, experiment, epoch, done, ctx);
	struct pg_args *p = &c->unit.args;
	PG_ARRAY(p, i, n, pg_int_element, stops[i].number);
	PG_ARRAY(p, i, n, pg_text_element, stops[i].reason);
	PG_ARRAY(p, i, n, pg_text_element, stops[i].message ? stops[i].message : "");
	PG_ARRAY(p, i, n_judged, pg_int_element, judged[i]);
	return store_call_send_for(c, experiment);
}

struct store_call *store_trials_retry(struct store *s, struct arena *a, int64_t experiment, int64_t epoch,
	const int *numbers, size_t n, const char *message, store_trials_cb *done, void *ctx)
{
	struct store_call *c = fenced(s, STMT_TRIALS_RETRY, a, experiment, epoch, done, ctx);
	trials_numbers(&c->unit.args, numbers, n);
	pg_text(&c->unit.args, message ? message : "");
	return store_call_send_for(c, experiment);
}

struct store_call *store_trials_expire(
	struct store *s, struct arena *a, int64_t experiment, int64_t epoch, store_trials_cb *done, void *ctx)
{
	return store_call_send_for(fenced(s, STMT_TRIALS_EXPIRE, a, experiment, epoch, done, ctx), experiment);
}

struct store_call *store_trials_pushed(struct store *s, struct arena *a, int64_t experiment,
	const int *numbers, size_t n, store_count_cb *done, void *ctx)
{
	struct store_call *c =
		store_call_new(s, STMT_TRIALS_PUSHED, a, store_answer_count, (store_fn *)done, ctx);
	pg_int(&c->unit.args, experiment);
	trials_numbers(&c->unit.args, numbers, n);
	return store_call_send_for(c, experiment);
}
