#include "server/store/store_experiment.h"

#include <assert.h>
#include <string.h>

#include "lib/arena.h"
#include "server/store/call.h"

#define E struct store_experiment
static const struct row_field progress_fields[] = {
	ROW(ROW_TEXT, E, owner, "owner"),
	ROW(ROW_BIGINT, E, epoch, "epoch"),
	ROW(ROW_BIGINT, E, change, "change"),
	ROW(ROW_INT, E, next_number, "next_number"),
	ROW(ROW_INT, E, completions, "completions"),
	ROW(ROW_INT, E, imported, "imported"),
	ROW(ROW_INT, E, counts[TRIAL_PENDING], "pending"),
	ROW(ROW_INT, E, counts[TRIAL_STARTING], "starting"),
	ROW(ROW_INT, E, counts[TRIAL_RUNNING], "running"),
	ROW(ROW_INT, E, counts[TRIAL_SUCCEEDED], "succeeded"),
	ROW(ROW_INT, E, counts[TRIAL_FAILED], "failed"),
	ROW(ROW_INT, E, counts[TRIAL_EARLY_STOPPED], "early_stopped"),
	ROW(ROW_INT, E, counts[TRIAL_KILLED], "killed"),
	ROW(ROW_INT, E, counts[TRIAL_UNAVAILABLE], "metrics_unavailable"),
	ROW(ROW_INT, E, counts[TRIAL_LOST], "lost"),
	ROW(ROW_INT, E, best_number, "best_number"),
	ROW(ROW_INT, E, best_attempt, "best_attempt"),
	ROW(ROW_TEXT, E, best_name, "best_name"),
	ROW(ROW_TEXT, E, best_params, "best_params"),
	ROW(ROW_TEXT, E, best_extra, "best_extra"),
	ROW(ROW_DOUBLES, E, best_vals, "best_vals"),
	ROW(ROW_TIME, E, best_started_us, "best_started_at"),
	ROW(ROW_TIME, E, best_finished_us, "best_finished_at"),
};
static const struct row_shape progress_shape = {
	.size = sizeof(E), .fields = progress_fields, .n = ARRAY_LEN(progress_fields)};

static const struct row_field fields[] = {
	ROW(ROW_BIGINT, E, id, "id"),
	ROW(ROW_TEXT, E, ns, "ns"),
	ROW(ROW_TEXT, E, name, "name"),
	ROW(ROW_TEXT, E, labels, "labels"),
	ROW(ROW_TEXT, E, annotations, "annotations"),
	ROW(ROW_TEXT, E, form, "form"),
	ROW(ROW_TEXT, E, spec_sha256, "spec_sha256"),
	ROW(ROW_TEXT, E, algorithm, "algorithm"),
	ROW_OF(experiment_state_names, E, state, "state"),
	ROW(ROW_BOOL, E, cancelling, "cancelling"),
	ROW(ROW_TEXT, E, reason, "reason"),
	ROW(ROW_TEXT, E, message, "message"),
	ROW(ROW_TEXT, E, created_by, "created_by"),
	ROW(ROW_TIME, E, created_us, "created_at"),
	ROW(ROW_TIME, E, started_us, "started_at"),
	ROW(ROW_TIME, E, finished_us, "finished_at"),
	ROW(ROW_TIME, E, archived_us, "archived_at"),
	ROW(ROW_BIGINT, E, version, "version"),
	ROW(ROW_TEXT, E, uid, "uid"),
	ROW(ROW_TEXT, E, posted, "posted"),
	ROW(ROW_TEXT, E, spec, "spec"),
	ROW(ROW_TEXT, E, saved, "saved"),
	ROW(ROW_TEXT, E, brief, "brief"),
	ROW_OF(store_outcome_names, E, outcome, "outcome"),
	ROW(ROW_TEXT, E, lacks, "lacks"),
};
#undef E
static const struct row_shape experiment_shape = {.size = sizeof(struct store_experiment),
	.fields = fields,
	.n = ARRAY_LEN(fields),
	.first = &progress_shape};

struct line {
	struct store_experiment experiment;
	int64_t remaining;
};
static const struct row_field line_fields[] = {ROW(ROW_BIGINT, struct line, remaining, "remaining")};
static const struct row_shape line_shape = {
	.size = sizeof(struct line), .fields = line_fields, .n = 1, .first = &experiment_shape};

static void answer_experiments(struct store_call *c, const PGresult *res, const struct err *e)
{
	store_experiments_cb *done = (store_experiments_cb *)c->done;
	if (e) {
		done(c->ctx, NULL, e);
		return;
	}
	struct store_experiments *rows = ARENA_NEW(c->arena, struct store_experiments);
	const struct line *lines = rows_decode(res, &line_shape, c->arena);
	rows->n = (size_t)PQntuples(res);
	rows->items = ARENA_NEW_N(c->arena, struct store_experiment, rows->n);
	for (size_t i = 0; i < rows->n; i++)
		rows->items[i] = lines[i].experiment;
	rows->remaining = rows->n > 0 ? lines[0].remaining : 0;
	done(c->ctx, rows, NULL);
}

static struct store_call *begin(
	struct store *s, enum stmt stmt, struct arena *a, store_experiments_cb *done, void *ctx)
{
	return store_call_new(s, stmt, a, answer_experiments, (store_fn *)done, ctx);
}

static void objectives(struct pg_args *p, const struct store_new_objective *o, size_t n)
{
	PG_ARRAY(p, i, n, pg_text_element, o[i].metric);
	PG_ARRAY(p, i, n, pg_text_element, o[i].direction);
	PG_ARRAY(p, i, n, pg_text_element, o[i].strategy);
	PG_ARRAY(p, i, n, pg_double_element, o[i].goal);
	PG_ARRAY(p, i, n, pg_bool_element, o[i].additional);
}

static void parameters(struct pg_args *p, const struct store_new_parameter *q, size_t n)
{
	PG_ARRAY(p, i, n, pg_text_element, q[i].name);
	PG_ARRAY(p, i, n, pg_text_element, q[i].type);
	PG_ARRAY(p, i, n, pg_text_element, q[i].distribution);
	PG_ARRAY(p, i, n, pg_double_element, q[i].lo);
	PG_ARRAY(p, i, n, pg_double_element, q[i].hi);
	PG_ARRAY(p, i, n, pg_double_element, q[i].step);
	PG_ARRAY(p, i, n, pg_text_element, q[i].choices);
}

static void constraints(struct pg_args *p, const struct store_new_constraint *c, size_t n)
{
	PG_ARRAY(p, i, n, pg_text_element, c[i].metric);
	PG_ARRAY(p, i, n, pg_double_element, c[i].min);
	PG_ARRAY(p, i, n, pg_double_element, c[i].max);
}

static void sources(struct pg_args *p, const struct store_new_source *from, size_t n)
{
	PG_ARRAY(p, i, n, pg_text_element, from[i].ns);
	PG_ARRAY(p, i, n, pg_text_element, from[i].name);
}

struct store_call *store_experiment_create(struct store *s, struct arena *a,
	const struct store_new_experiment *x, store_experiments_cb *done, void *ctx)
{
	struct store_call *c = begin(s, STMT_EXPERIMENT_CREATE, a, done, ctx);
	struct pg_args *p = &c->unit.args;
	pg_text(p, x->ns);
	pg_text(p, x->name);
	pg_text(p, x->labels ? x->labels : "{}");
	pg_text(p, x->annotations ? x->annotations : "{}");
	pg_text(p, x->form);
	pg_text(p, x->posted);
	pg_text(p, x->spec);
	pg_text(p, x->spec_sha256);
	pg_text(p, x->algorithm);
	pg_text(p, x->created_by ? x->created_by : "");
	pg_text(p, experiment_state_name(x->paused ? EXPERIMENT_PAUSED : EXPERIMENT_RUNNING));
	objectives(p, x->objectives, x->n_objectives);
	parameters(p, x->parameters, x->n_parameters);
	constraints(p, x->constraints, x->n_constraints);
	sources(p, x->sources, x->n_sources);
	return store_call_send(c);
}

struct store_call *store_experiment_get(
	struct store *s, struct arena *a, const char *ns, const char *name, store_experiments_cb *done, void *ctx)
{
	struct store_call *c = begin(s, STMT_EXPERIMENT_GET, a, done, ctx);
	pg_text(&c->unit.args, ns);
	pg_text(&c->unit.args, name);
	return store_call_send(c);
}

struct store_call *store_experiment_load(
	struct store *s, struct arena *a, int64_t id, store_experiments_cb *done, void *ctx)
{
	struct store_call *c = begin(s, STMT_EXPERIMENT_LOAD, a, done, ctx);
	pg_int(&c->unit.args, id);
	return store_call_send_for(c, id);
}

struct store_call *store_experiments_untold(
	struct store *s, struct arena *a, int limit, store_experiments_cb *done, void *ctx)
{
	struct store_call *c = begin(s, STMT_EXPERIMENTS_UNTOLD, a, done, ctx);
	pg_int(&c->unit.args, limit);
	return store_call_send(c);
}

static enum stmt page_statement(enum store_experiment_sort sort)
{
	switch (sort) {
	case STORE_NEWEST_FIRST:
		return STMT_EXPERIMENTS_NEWEST;
	case STORE_OLDEST_FIRST:
		return STMT_EXPERIMENTS_OLDEST;
	case STORE_BY_NAME:
		return STMT_EXPERIMENTS_BY_NAME;
	case STORE_BY_NAME_DOWN:
		return STMT_EXPERIMENTS_BY_NAME_DOWN;
	case STORE_ARCHIVED:
		break;
	}
	return STMT_EXPERIMENTS_ARCHIVED;
}

struct store_call *store_experiments_page(struct store *s, struct arena *a,
	const struct store_experiment_page *q, store_experiments_cb *done, void *ctx)
{
	assert(q->limit >= 1 && q->limit <= 1000);
	struct store_call *c = begin(s, page_statement(q->sort), a, done, ctx);
	struct pg_args *p = &c->unit.args;
	pg_text(p, q->ns);
	pg_text(p, q->labels);
	pg_text(p, q->state >= 0 ? experiment_state_name((enum experiment_state)q->state) : NULL);
	pg_text(p, q->search);
	if (q->sort == STORE_BY_NAME || q->sort == STORE_BY_NAME_DOWN) {
		pg_text(p, q->after_id ? q->after_ns : NULL);
		pg_text(p, q->after_id ? q->after_name : NULL);
	} else {
		pg_int(p, q->after_id);
		pg_time(p, q->after_us);
	}
	pg_int(p, q->limit);
	return store_call_send(c);
}

struct store_call *store_experiment_patch(struct store *s, struct arena *a,
	const struct store_experiment_patch *x, store_experiments_cb *done, void *ctx)
{
	struct store_call *c = begin(s, STMT_EXPERIMENT_PATCH, a, done, ctx);
	struct pg_args *p = &c->unit.args;
	pg_text(p, x->ns);
	pg_text(p, x->name);
	pg_int(p, x->if_version);
	pg_text(p, x->spec);
	pg_text(p, x->spec_sha256);
	pg_text(p, x->labels);
	pg_text(p, x->annotations);
	return store_call_send(c);
}

struct store_call *store_experiment_intend(struct store *s, struct arena *a, const char *ns, const char *name,
	enum store_intent intent, const char *spec, const char *spec_sha256, const char *who,
	store_experiments_cb *done, void *ctx)
{
	static const char *const names[] = {
		[STORE_STOP] = "stop",
		[STORE_CANCEL] = "cancel",
		[STORE_PAUSE] = "pause",
		[STORE_RESUME] = "resume",
		[STORE_RESTART] = "restart",
	};
	assert((unsigned)intent < ARRAY_LEN(names));
	struct store_call *c = begin(s, STMT_EXPERIMENT_INTEND, a, done, ctx);
	struct pg_args *p = &c->unit.args;
	pg_text(p, ns);
	pg_text(p, name);
	pg_text(p, names[intent]);
	pg_text(p, spec);
	pg_text(p, spec_sha256);
	pg_text(p, who ? who : "");
	return store_call_send(c);
}

struct store_call *store_experiment_archive(struct store *s, struct arena *a, const char *ns,
	const char *name, int64_t if_version, store_experiments_cb *done, void *ctx)
{
	struct store_call *c = begin(s, STMT_EXPERIMENT_ARCHIVE, a, done, ctx);
	pg_text(&c->unit.args, ns);
	pg_text(&c->unit.args, name);
	pg_int(&c->unit.args, if_version);
	return store_call_send(c);
}

static void answer_purge(struct store_call *c, const PGresult *res, const struct err *e)
{
	if (!e)
		store_sweep(c->store);
	answer_experiments(c, res, e);
}

struct store_call *store_experiment_purge(struct store *s, struct arena *a, const char *ns, const char *name,
	const char *uid, int64_t if_version, store_experiments_cb *done, void *ctx)
{
	struct store_call *c = store_call_new(s, STMT_EXPERIMENT_PURGE, a, answer_purge, (store_fn *)done, ctx);
	pg_text(&c->unit.args, ns);
	pg_text(&c->unit.args, name);
	pg_text(&c->unit.args, uid);
	pg_int(&c->unit.args, if_version);
	return store_call_send(c);
}

struct store_call *store_experiment_move(struct store *s, struct arena *a,
	const struct store_experiment_move *m, store_experiments_cb *done, void *ctx)
{
	struct store_call *c = begin(s, STMT_EXPERIMENT_MOVE, a, done, ctx);
	struct pg_args *p = &c->unit.args;
	size_t n = 0;
	for (unsigned i = 0; i < EXPERIMENT_STATES; i++)
		n += m->from >> i & 1;
	pg_int(p, m->experiment);
	pg_int(p, m->epoch);
	pg_array(p, n);
	for (unsigned i = 0; i < EXPERIMENT_STATES; i++) {
		if (m->from >> i & 1)
			pg_text_element(p, experiment_state_name((enum experiment_state)i));
	}
	pg_text(p, experiment_state_name(m->to));
	pg_text(p, m->reason);
	pg_text(p, m->message ? m->message : "");
	return store_call_send_for(c, m->experiment);
}

/* ---- lessons ----------------------------------------------------------------------------------- */

#define L struct store_lesson
static const struct row_field lesson_fields[] = {
	ROW(ROW_INT, L, source, "source"),
	ROW(ROW_TEXT, L, params, "params"),
	ROW(ROW_DOUBLES, L, vals, "vals"),
	ROW(ROW_DOUBLES, L, violations, "violations"),
};
#undef L
static const struct row_shape lesson_shape = {
	.size = sizeof(struct store_lesson), .fields = lesson_fields, .n = ARRAY_LEN(lesson_fields)};

ANSWER_ROWS(lessons, lesson_shape)

struct store_call *store_lessons_load(
	struct store *s, struct arena *a, int64_t experiment, store_lessons_cb *done, void *ctx)
{
	struct store_call *c = store_call_new(s, STMT_LESSONS_LOAD, a, answer_lessons, (store_fn *)done, ctx);
	pg_int(&c->unit.args, experiment);
	return store_call_send_for(c, experiment);
}
