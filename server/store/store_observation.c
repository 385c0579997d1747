#include "server/store/store_observation.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "lib/arena.h"
#include "server/model/state.h"
#include "server/store/call.h"
#include "server/store/store_live.h"
#include "server/store/store_trial.h"

/* ---- points in --------------------------------------------------------------------------------- */

/*
 * What a batch comes down to, by sorting it once: of points with the same key only the last counts
 * (one statement may not write a row twice), each trial is named once, and every batch writes its rows
 * in the order of their keys, so that two of them never wait for each other in a circle.
 */
struct batch {
	const struct store_point *points;
	size_t n, n_kept, n_trials;
	uint32_t *kept;   /* indices of the points to write, in the order of their keys */
	uint32_t *trials; /* of one point of each trial                                 */
	bool counted;     /* some have no step                                          */
};

static int compare(int64_t a, int64_t b)
{
	return (a > b) - (a < b);
}

/* A trial that is only named has no metric and comes first. */
static int compare_points(const struct store_point *a, const struct store_point *b)
{
	int c = compare(a->experiment, b->experiment);
	if (c == 0)
		c = compare(a->number, b->number);
	if (c == 0 && (!a->metric || !b->metric))
		return compare(a->metric != NULL, b->metric != NULL);
	if (c == 0 && a->metric != b->metric)
		c = strcmp(a->metric, b->metric);
	return c != 0 ? c : compare(a->step, b->step);
}

/* Points of one key stay in the order in which they came. */
static int compare_indices(const void *a, const void *b, void *points)
{
	const uint32_t i = *(const uint32_t *)a, j = *(const uint32_t *)b;
	const struct store_point *p = points;
	const int c = compare_points(&p[i], &p[j]);
	return c != 0 ? c : compare(i, j);
}

static bool same_trial(const struct store_point *a, const struct store_point *b)
{
	return a->experiment == b->experiment && a->number == b->number;
}

static uint32_t *sorted_indices(struct batch *b, struct arena *a)
{
	uint32_t *order = ARENA_NEW_N(a, uint32_t, b->n);
	bool sorted = true;
	for (size_t i = 0; i < b->n; i++) {
		order[i] = (uint32_t)i;
		sorted = sorted && (i == 0 || compare_points(&b->points[i - 1], &b->points[i]) <= 0);
	}
	if (!sorted)
		qsort_r(order, b->n, sizeof *order, compare_indices, (void *)(uintptr_t)b->points);
	return order;
}

static void batch_sort_out(struct batch *b, struct arena *a)
{
	const uint32_t *order = sorted_indices(b, a);
	b->kept = ARENA_NEW_N(a, uint32_t, b->n);
	b->trials = ARENA_NEW_N(a, uint32_t, b->n);
	for (size_t i = 0; i < b->n; i++) {
		const struct store_point *p = &b->points[order[i]];
		const struct store_point *next = i + 1 < b->n ? &b->points[order[i + 1]] : NULL;
		if (!next || !same_trial(p, next))
			b->trials[b->n_trials++] = order[i];
		if (!p->metric)
			continue;
		const bool no_step = p->step == STORE_NO_STEP;
		b->counted = b->counted || no_step;
		if (no_step || !next || compare_points(p, next) != 0)
			b->kept[b->n_kept++] = order[i];
	}
}

static void points_arguments(const struct batch *b, struct pg_args *p)
{
	const struct store_point *points = b->points;
	PG_ARRAY(p, i, b->n_kept, pg_text_element, points[b->kept[i]].metric);
	PG_ARRAY(p, i, b->n_kept, pg_int_element_or_null, points[b->kept[i]].step,
		points[b->kept[i]].step == STORE_NO_STEP);
	PG_ARRAY(p, i, b->n_kept, pg_double_element, points[b->kept[i]].value);
	PG_ARRAY(p, i, b->n_kept, pg_time_element, points[b->kept[i]].time_us);
}

static void trials_arguments(
	const struct store_point *points, const uint32_t *of, size_t n, struct pg_args *p)
{
	PG_ARRAY(p, i, n, pg_int_element, points[of[i]].experiment);
	PG_ARRAY(p, i, n, pg_int_element, points[of[i]].number);
}

static enum stmt batch_statement(const struct batch *b)
{
	return b->counted         ? STMT_OBSERVATIONS_APPEND
	       : b->n_trials == 1 ? STMT_OBSERVATIONS_ADD_ONE
	                          : STMT_OBSERVATIONS_ADD;
}

static void batch_arguments(const struct batch *b, struct pg_args *p)
{
	if (batch_statement(b) == STMT_OBSERVATIONS_ADD_ONE) {
		const struct store_point *of = &b->points[b->trials[0]];
		pg_int(p, of->experiment);
		pg_int(p, of->number);
		points_arguments(b, p);
		return;
	}
	trials_arguments(b->points, b->kept, b->n_kept, p);
	points_arguments(b, p);
	trials_arguments(b->points, b->trials, b->n_trials, p);
}

static const struct row_field ack_fields[] = {
	ROW(ROW_BIGINT, struct store_ack, experiment, "experiment"),
	ROW(ROW_INT, struct store_ack, number, "number"),
	ROW_OF(trial_state_names, struct store_ack, state, "state"),
	ROW(ROW_TEXT, struct store_ack, stop, "stop"),
	ROW(ROW_TEXT, struct store_ack, message, "message"),
	ROW(ROW_INT, struct store_ack, attempt, "attempt"),
	ROW(ROW_BOOL, struct store_ack, pushed, "pushed"),
	ROW(ROW_BOOL, struct store_ack, due, "due"),
};
static const struct row_shape ack_shape = {
	.size = sizeof(struct store_ack), .fields = ack_fields, .n = ARRAY_LEN(ack_fields)};

static void extend_leases(struct store *s, const struct store_acks *rows)
{
	size_t n = 0;
	for (size_t i = 0; i < rows->n; i++)
		n += rows->items[i].due;
	if (n == 0)
		return;
	struct store_call *c = store_call_new(s, STMT_LEASES_EXTEND, NULL, store_answer_count, NULL, NULL);
	pg_array(&c->unit.args, n);
	for (size_t i = 0; i < rows->n; i++) {
		if (rows->items[i].due)
			pg_int_element(&c->unit.args, rows->items[i].experiment);
	}
	pg_array(&c->unit.args, n);
	for (size_t i = 0; i < rows->n; i++) {
		if (rows->items[i].due)
			pg_int_element(&c->unit.args, rows->items[i].number);
	}
	store_call_send(c);
}

static void answer_acks(struct store_call *c, const PGresult *res, const struct err *e)
{
	store_acks_cb *done = (store_acks_cb *)c->done;
	if (e) {
		done(c->ctx, NULL, e);
		return;
	}
	struct store_acks *rows = ARENA_NEW(c->arena, struct store_acks);
	rows->items = rows_decode(res, &ack_shape, c->arena);
	rows->n = (size_t)PQntuples(res);
	extend_leases(c->store, rows);
	done(c->ctx, rows, NULL);
}

struct store_call *store_observations_add(struct store *s, struct arena *a, const struct store_point *points,
	size_t n, store_acks_cb *done, void *ctx)
{
	assert(n < UINT32_MAX / 4);
	struct arena *scratch = arena_new();
	struct batch b = {.points = points, .n = n};
	batch_sort_out(&b, scratch);
	struct store_call *c = store_call_new(s, batch_statement(&b), a, answer_acks, (store_fn *)done, ctx);
	batch_arguments(&b, &c->unit.args);
	arena_free(scratch);
	return store_call_send(c);
}

struct store_call *store_observations_judge(struct store *s, struct arena *a, const struct store_point *points,
	const int64_t *epochs, size_t n, const struct store_verdict *verdicts, size_t n_verdicts, store_acks_cb *done,
	void *ctx)
{
	assert(n < UINT32_MAX / 4);
	struct arena *scratch = arena_new();
	struct batch b = {.points = points, .n = n};
	batch_sort_out(&b, scratch);
	const enum stmt stmt = n_verdicts > 0 ? STMT_OBSERVATIONS_JUDGE : STMT_OBSERVATIONS_MARK;
	struct store_call *c = store_call_new(s, stmt, a, answer_acks, (store_fn *)done, ctx);
	struct pg_args *p = &c->unit.args;
	trials_arguments(points, b.kept, b.n_kept, p);
	points_arguments(&b, p);
	PG_ARRAY(p, i, b.n_kept, pg_int_element, epochs[b.kept[i]]);
	trials_arguments(points, b.trials, b.n_trials, p);
	if (n_verdicts > 0) {
		PG_ARRAY(p, i, n_verdicts, pg_int_element, verdicts[i].experiment);
		PG_ARRAY(p, i, n_verdicts, pg_int_element, verdicts[i].epoch);
		PG_ARRAY(p, i, n_verdicts, pg_int_element, verdicts[i].number);
		PG_ARRAY(p, i, n_verdicts, pg_text_element, verdicts[i].reason);
		PG_ARRAY(p, i, n_verdicts, pg_text_element, verdicts[i].message);
	}
	arena_free(scratch);
	return store_call_send(c);
}

/* ---- points out -------------------------------------------------------------------------------- */

struct line {
	struct store_series_point point;
	int64_t in_experiment;
};
static const struct row_field series_fields[] = {
	ROW(ROW_BIGINT, struct line, in_experiment, "in_experiment"),
	ROW(ROW_INT, struct line, point.number, "number"),
	ROW(ROW_TEXT, struct line, point.metric, "metric"),
	ROW(ROW_BIGINT, struct line, point.step, "step"),
	ROW(ROW_TIME, struct line, point.time_us, "time"),
	ROW(ROW_DOUBLE, struct line, point.value, "value"),
	ROW(ROW_BIGINT, struct line, point.total, "total"),
};
static const struct row_shape series_shape = {
	.size = sizeof(struct line), .fields = series_fields, .n = ARRAY_LEN(series_fields)};

/* A trial without points is one row without a metric. */
static void answer_series(struct store_call *c, const PGresult *res, const struct err *e)
{
	store_series_cb *done = (store_series_cb *)c->done;
	if (e) {
		done(c->ctx, NULL, e);
		return;
	}
	struct store_series *rows = ARENA_NEW(c->arena, struct store_series);
	const struct line *lines = rows_decode(res, &series_shape, c->arena);
	size_t n = (size_t)PQntuples(res);
	rows->items = ARENA_NEW_N(c->arena, struct store_series_point, n);
	rows->found = n > 0;
	rows->experiment = n > 0 ? lines[0].in_experiment : 0;
	for (size_t i = 0; i < n; i++) {
		if (lines[i].point.metric)
			rows->items[rows->n++] = lines[i].point;
	}
	done(c->ctx, rows, NULL);
}

struct store_call *store_series(struct store *s, struct arena *a, const struct store_trial_ref *trial,
	const char *metric, int64_t from_step, int max_points, store_series_cb *done, void *ctx)
{
	struct store_call *c = store_call_new(s, STMT_SERIES, a, answer_series, (store_fn *)done, ctx);
	struct pg_args *p = &c->unit.args;
	pg_text(p, trial->ns);
	pg_text(p, trial->experiment);
	pg_int(p, trial->number);
	pg_text(p, trial->name);
	pg_text(p, metric);
	pg_int(p, from_step);
	pg_int(p, max_points);
	return store_call_send(c);
}

struct store_call *store_curves(struct store *s, struct arena *a, const char *ns, const char *experiment,
	const char *metric, const int *numbers, size_t n, int top, int max_points, store_series_cb *done,
	void *ctx)
{
	struct store_call *c = store_call_new(s, STMT_CURVES, a, answer_series, (store_fn *)done, ctx);
	struct pg_args *p = &c->unit.args;
	pg_text(p, ns);
	pg_text(p, experiment);
	pg_text(p, metric);
	PG_ARRAY(p, i, n, pg_int_element, numbers[i]);
	pg_int(p, n > 0 ? 0 : top);
	pg_int(p, max_points);
	return store_call_send(c);
}

struct store_call *store_live_points(struct store *s, struct arena *a, int64_t experiment, const int *numbers,
	size_t n, const char *known, int max, store_series_cb *done, void *ctx)
{
	struct store_call *c = store_call_new(s, STMT_LIVE_POINTS, a, answer_series, (store_fn *)done, ctx);
	struct pg_args *p = &c->unit.args;
	pg_int(p, experiment);
	PG_ARRAY(p, i, n, pg_int_element, numbers[i]);
	pg_text(p, known);
	pg_int(p, max);
	return store_call_send(c);
}

struct store_call *store_observations_load(struct store *s, struct arena *a, int64_t experiment,
	const char *metric, int after_number, int64_t after_step, int limit, store_series_cb *done, void *ctx)
{
	struct store_call *c = store_call_new(s, STMT_OBSERVATIONS_LOAD, a, answer_series, (store_fn *)done, ctx);
	struct pg_args *p = &c->unit.args;
	pg_int(p, experiment);
	pg_text(p, metric);
	pg_int(p, after_number);
	pg_int(p, after_step);
	pg_int(p, limit);
	return store_call_send_for(c, experiment);
}

static const struct row_field last_fields[] = {
	ROW(ROW_INT, struct store_last_step, number, "number"),
	ROW(ROW_TEXT, struct store_last_step, metric, "metric"),
	ROW(ROW_BIGINT, struct store_last_step, step, "step"),
	ROW(ROW_BIGINT, struct store_last_step, points, "points"),
	ROW(ROW_DOUBLE, struct store_last_step, value, "value"),
};
static const struct row_shape last_shape = {
	.size = sizeof(struct store_last_step), .fields = last_fields, .n = ARRAY_LEN(last_fields)};

ANSWER_ROWS(last_steps, last_shape)

struct store_call *store_last_steps(struct store *s, struct arena *a, int64_t experiment, const int *numbers,
	size_t n, store_last_steps_cb *done, void *ctx)
{
	struct store_call *c = store_call_new(s, STMT_LAST_STEPS, a, answer_last_steps, (store_fn *)done, ctx);
	pg_int(&c->unit.args, experiment);
	PG_ARRAY(&c->unit.args, i, n, pg_int_element, numbers[i]);
	return store_call_send_for(c, experiment);
}
