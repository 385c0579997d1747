#include "server/store/trial_rows.h"

#include "lib/arena.h"

/* A row: the trial, and what the statement says of its experiment. */
struct line {
	struct store_trial t;
	int64_t in_experiment, in_change, remaining;
	enum experiment_state in_state;
	int in_next_number;
	const char *in_uid, *in_metrics, *in_parameters;
	bool fenced, stale;
};

static const char *const *source_names(void)
{
	static const char *const names[] = {
		[STORE_FROM_ALGORITHM] = "algorithm",
		[STORE_FROM_USER] = "user",
		[STORE_FROM_IMPORT] = "import",
		[STORE_SOURCES] = NULL,
	};
	return names;
}

#define L struct line
static const struct row_field fields[] = {
	ROW(ROW_BIGINT, L, in_experiment, "in_experiment"),
	ROW_OF(experiment_state_names, L, in_state, "in_state"),
	ROW(ROW_BIGINT, L, in_change, "in_change"),
	ROW(ROW_INT, L, in_next_number, "in_next_number"),
	ROW(ROW_TEXT, L, in_uid, "in_uid"),
	ROW(ROW_TEXT, L, in_metrics, "in_metrics"),
	ROW(ROW_TEXT, L, in_parameters, "in_parameters"),
	ROW(ROW_BIGINT, L, remaining, "remaining"),
	ROW(ROW_BOOL, L, fenced, "fenced"),
	ROW(ROW_BIGINT, L, t.experiment, "experiment"),
	ROW(ROW_INT, L, t.number, "number"),
	ROW(ROW_INT, L, t.attempt, "attempt"),
	ROW(ROW_TEXT, L, t.name, "name"),
	ROW_OF(trial_state_names, L, t.state, "state"),
	ROW(ROW_TEXT, L, t.stop, "stop"),
	ROW(ROW_TEXT, L, t.reason, "reason"),
	ROW(ROW_TEXT, L, t.message, "message"),
	ROW(ROW_INT_OR_NONE, L, t.exit_code, "exit_code"),
	ROW(ROW_TEXT, L, t.params, "params"),
	ROW(ROW_DOUBLES, L, t.vals, "vals"),
	ROW(ROW_TEXT, L, t.extra, "extra"),
	ROW(ROW_DOUBLE, L, t.cost, "cost"),
	ROW(ROW_TEXT, L, t.budget, "budget"),
	ROW_OF(source_names, L, t.source, "source"),
	ROW(ROW_TEXT, L, t.worker, "worker"),
	ROW(ROW_INT, L, t.lease_seconds, "lease_seconds"),
	ROW(ROW_TIME, L, t.lease_until_us, "lease_until"),
	ROW(ROW_TEXT, L, t.executor, "executor"),
	ROW(ROW_TEXT, L, t.object, "object"),
	ROW(ROW_BOOL, L, t.pushed, "pushed"),
	ROW(ROW_INT, L, t.completion, "completion"),
	ROW(ROW_BIGINT, L, t.change, "change"),
	ROW(ROW_TIME, L, t.created_us, "created_at"),
	ROW(ROW_TIME, L, t.started_us, "started_at"),
	ROW(ROW_TIME, L, t.finished_us, "finished_at"),
	ROW(ROW_DOUBLES, L, t.violations, "violations"),
	ROW(ROW_INT, L, t.rank, "rank"),
	ROW(ROW_BOOL, L, stale, "stale"),
	ROW(ROW_STEP, L, t.last_step, "last_step"),
	ROW_OF(store_outcome_names, L, t.outcome, "outcome"),
};
#undef L
static const struct row_shape shape = {.size = sizeof(struct line), .fields = fields, .n = ARRAY_LEN(fields)};

/* An experiment that exists is at least one row; if nothing else was found, one without a trial. */
static void answer_trials(struct store_call *c, const PGresult *res, const struct err *e)
{
	store_trials_cb *done = (store_trials_cb *)c->done;
	if (e) {
		done(c->ctx, NULL, e);
		return;
	}
	struct store_trials *rows = ARENA_NEW(c->arena, struct store_trials);
	const struct line *lines = rows_decode(res, &shape, c->arena);
	size_t n = (size_t)PQntuples(res);
	rows->items = ARENA_NEW_N(c->arena, struct store_trial, n);
	if (n > 0) {
		rows->found = true;
		rows->fenced = lines[0].fenced;
		rows->experiment = lines[0].in_experiment;
		rows->change = lines[0].in_change;
		rows->remaining = lines[0].remaining;
		rows->state = lines[0].in_state;
		rows->next_number = lines[0].in_next_number;
		rows->uid = lines[0].in_uid;
		rows->metrics = lines[0].in_metrics;
		rows->parameters = lines[0].in_parameters;
	}
	bool stale = false;
	for (size_t i = 0; i < n; i++) {
		stale = stale || lines[i].stale;
		if (lines[i].t.number > 0)
			rows->items[rows->n++] = lines[i].t;
	}
	if (stale)
		store_keep_ranking(c->store, rows->experiment);
	done(c->ctx, rows, NULL);
}

struct store_call *trials_call(
	struct store *s, enum stmt stmt, struct arena *a, store_trials_cb *done, void *ctx)
{
	return store_call_new(s, stmt, a, answer_trials, (store_fn *)done, ctx);
}

void trials_numbers(struct pg_args *p, const int *numbers, size_t n)
{
	PG_ARRAY(p, i, n, pg_int_element, numbers[i]);
}
