/*
 * Carries out what the plan asks for. Each kind of write goes out once per plan, for all trials that
 * need it; a trial with a write under way is marked and left alone by the next plan.
 */
#include "server/control/internal.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/clk.h"
#include "lib/failpoint.h"
#include "lib/log.h"
#include "lib/mem.h"

/* ---- starting ---------------------------------------------------------------------------------- */

void apply_launch(struct control *c, struct experiment *x, struct trial *t)
{
	struct arena *a = arena_new();
	struct err e;

	assert(t->state == TRIAL_STARTING);
	FAILPOINT("before-launch");
	if (run_start(x->backend, order_make(c, x, t, a), &e))
		goto out;
	/* Somebody else took the slot meanwhile: back in the queue. */
	if (e.code == ERR_SLOW_DOWN)
		apply_move(c, x, t, TRIAL_PENDING, "Waiting", e.detail, STORE_NO_INT, NULL);
	else
		apply_move(c, x, t, TRIAL_FAILED, "StartError", e.detail, STORE_NO_INT, NULL);
out:
	FAILPOINT("after-launch");
	arena_free(a);
}

static void launch_starting(struct control *c, struct experiment *x, const struct store_trials *rows)
{
	for (size_t i = 0; i < rows->n; i++) {
		struct trial *t = experiment_trial(x, rows->items[i].number);
		if (t && t->state == TRIAL_STARTING && !t->writing)
			apply_launch(c, x, t);
	}
}

static void on_started(void *ctx, const struct store_trials *rows, const struct err *e)
{
	struct step *s = ctx;
	struct experiment *x = step_rows(s, rows, e);

	FAILPOINT("trials-claimed");
	if (x)
		launch_starting(s->control, x, rows);
	step_end(s);
}

/* ---- moving ------------------------------------------------------------------------------------ */

/*
 * What executors tell goes to the database in batches, one at a time and in order: while a batch is
 * under way the next one gathers, so that a thousand trials that end together cost one statement, and
 * one that ends alone waits for nobody.
 */
enum { BATCH_MAX = 500 };

static char *pack(char **to, const char *text)
{
	char *at = *to;

	if (!text)
		return NULL;
	*to = stpcpy(at, text) + 1;
	return at;
}

static size_t packed_size(const char *text)
{
	return text ? strlen(text) + 1 : 0;
}

void apply_move(struct control *c, struct experiment *x, struct trial *t, enum trial_state to,
	const char *reason, const char *message, int exit_code, const char *object)
{
	struct told *m = xcalloc(1, sizeof *m + packed_size(reason) + packed_size(message) + packed_size(object));
	char *text = m->text;

	m->move = (struct store_trial_move){.number = t->number, .attempt = t->attempt, .to = to,
		.exit_code = exit_code};
	m->move.reason = pack(&text, reason);
	m->move.message = pack(&text, message);
	m->move.object = pack(&text, object);
	t->writing++;
	STAILQ_INSERT_TAIL(&x->told, m, link);
	control_dirty(c, x);
}

void apply_forget(struct told_list *list)
{
	struct told *m;

	while ((m = STAILQ_FIRST(list))) {
		STAILQ_REMOVE_HEAD(list, link);
		free(m);
	}
}

/* Ends at a second move of one trial: a statement can write a row only once. */
static size_t take_batch(struct experiment *x, struct step *s, struct store_trial_move *moves)
{
	const size_t max = x->told_singly ? 1 : BATCH_MAX;
	struct told *m;
	size_t n = 0;

	while (n < max && (m = STAILQ_FIRST(&x->told))) {
		struct trial *t = experiment_trial(x, m->move.number);
		if (t->telling)
			break;
		t->telling = true;
		STAILQ_REMOVE_HEAD(&x->told, link);
		STAILQ_INSERT_TAIL(&s->told, m, link);
		moves[n++] = m->move;
	}
	return n;
}

/* The backend will not repeat what it told us: without the database the moves wait, and where one of
 * many is refused the others shall not suffer. */
static bool keep(struct control *c, struct experiment *x, struct step *s, const struct err *e)
{
	const bool later = e->code == ERR_UNAVAILABLE || e->code == ERR_SLOW_DOWN || e->code == ERR_TIMEOUT;

	if (!later && STAILQ_NEXT(STAILQ_FIRST(&s->told), link) == NULL)
		return false;
	if (!later) {
		struct told *m;
		x->told_singly = 0;
		STAILQ_FOREACH(m, &s->told, link)
			x->told_singly++;
	}
	STAILQ_CONCAT(&s->told, &x->told);
	STAILQ_CONCAT(&x->told, &s->told);
	control_later(c, x, later ? CLK_SECOND : 0);
	return true;
}

/* What the backend keeps to tell the end again is no longer needed. */
static void settle(struct experiment *x, const struct step *s)
{
	struct told *m;

	STAILQ_FOREACH(m, &s->told, link) {
		struct trial *t = experiment_trial(x, m->move.number);
		struct run_key key;
		if (!x->backend || !trial_state_over(m->move.to))
			continue;
		key = order_key(x, t);
		key.attempt = m->move.attempt;
		run_settled(x->backend, &key);
	}
}

static void on_told(void *ctx, const struct store_trials *rows, const struct err *e)
{
	struct step *s = ctx;
	struct control *c = s->control;
	struct experiment *x = control_experiment(c, s->experiment);
	struct told *m;

	if (x && x->epoch == s->epoch) {
		x->telling = false;
		x->told_singly -= x->told_singly > 0;
		STAILQ_FOREACH(m, &s->told, link)
			experiment_trial(x, m->move.number)->telling = false;
		if (e && keep(c, x, s, e))
			goto out;
		STAILQ_FOREACH(m, &s->told, link)
			experiment_trial(x, m->move.number)->writing--;
		if (!e && !rows->fenced)
			settle(x, s);
	}
	step_rows(s, rows, e);
	FAILPOINT("trials-moved");
out:
	apply_forget(&s->told);
	step_end(s);
}

void apply_told(struct control *c, struct experiment *x)
{
	struct store_trial_move *moves;
	struct step *s;

	if (x->telling || STAILQ_EMPTY(&x->told))
		return;
	s = step_begin(c, x);
	moves = ARENA_NEW_N(s->arena, struct store_trial_move, BATCH_MAX);
	const size_t n = take_batch(x, s, moves);
	assert(n > 0);
	x->telling = true;
	FAILPOINT("before-move");
	store_trials_move(c->store, s->arena, x->id, x->epoch, moves, n, on_told, s);
}

static void on_moved(void *ctx, const struct store_trials *rows, const struct err *e)
{
	struct step *s = ctx;
	struct experiment *x = step_rows(s, rows, e);

	FAILPOINT("trials-moved");
	if (x && x->spec->trial.executor == EXECUTOR_WORKER)
		ask_serve(s->control, x, rows);
	step_end(s);
}

/* ---- ending the experiment --------------------------------------------------------------------- */

static void on_experiment_moved(void *ctx, const struct store_experiments *rows, const struct err *e)
{
	struct step *s = ctx;
	struct control *c = s->control;
	struct experiment *x = step_resume(s);

	FAILPOINT("experiment-moved");
	if (x) {
		x->moving = false;
		x->reload = true;
		if (e)
			control_later(c, x, CLK_SECOND);
		else if (rows->n == 0)
			control_drop(c, x);
	}
	step_end(s);
}

static const char *end_message(const struct experiment *x, enum end_reason why, struct arena *a)
{
	const int32_t *n = x->counts;

	if ((why == END_ALGORITHM || why == END_CONVERGED) && x->verdict[0])
		return arena_strdup(a, x->verdict);
	return arena_printf(a, "%s (%" PRId32 " succeeded, %" PRId32 " failed, %" PRId32 " other)",
		end_reason_sentence(why), n[TRIAL_SUCCEEDED],
		n[TRIAL_FAILED] + n[TRIAL_UNAVAILABLE] + n[TRIAL_LOST],
		n[TRIAL_EARLY_STOPPED] + n[TRIAL_KILLED]);
}

static void move_experiment(struct control *c, struct experiment *x, enum end_reason why, bool finish)
{
	struct step *s = step_begin(c, x);
	const struct store_experiment_move move = {
		.experiment = x->id,
		.epoch = x->epoch,
		.from = 1u << EXPERIMENT_RUNNING | 1u << EXPERIMENT_PAUSED | (finish ? 1u << EXPERIMENT_STOPPING : 0),
		.to = finish ? end_reason_state(why) : EXPERIMENT_STOPPING,
		.reason = end_reason_name(why),
		.message = end_message(x, why, s->arena)};

	x->moving = true;
	LOG_INFO(finish ? "experiment ends" : "experiment stops", L_STR("experiment", x->name),
		L_STR("namespace", x->ns), L_STR("reason", move.reason));
	store_experiment_move(c->store, s->arena, &move, on_experiment_moved, s);
}

/* ---- stopping ---------------------------------------------------------------------------------- */

enum { NOTICE_MS = 10000, NOTICE_UNHEARD_MS = 1000 };

static const char *stop_reason(const struct experiment *x, const struct trial *t)
{
	if (t->stop)
		return t->stop;
	return x->stopping_for != END_NONE ? end_reason_name(x->stopping_for) : "UserKilled";
}

/* A script that reports by itself hears that it should stop, and may want to end in order; one that only
 * prints can see the stop file. */
static int64_t notice(const struct experiment *x, const struct trial *t)
{
	const int64_t most = t->pushed ? NOTICE_MS : NOTICE_UNHEARD_MS, grace = x->spec->trial.grace_period_us;

	return most * (CLK_SECOND / 1000) < grace ? most * (CLK_SECOND / 1000) : grace;
}

static void stop_run(struct experiment *x, struct trial *t)
{
	const struct run_key key = order_key(x, t);
	const bool early = t->stop && stop_is_early(t->stop) && !t->stop_sent;
	const struct run_stop how = {.reason = stop_reason(x, t), .notice_us = early ? notice(x, t) : 0, .grace_us = -1};

	t->stop_gentle = early;
	t->stop_sent = true;
	run_stop(x->backend, &key, &how);
}

static void kill_unstarted(struct control *c, struct experiment *x, struct trial *t)
{
	if (t->stop && stop_is_early(t->stop))
		apply_move(c, x, t, stop_ends_as(t->stop), t->stop, NULL, STORE_NO_INT, NULL);
	else
		apply_move(c, x, t, TRIAL_KILLED, stop_reason(x, t),
			t->worker ? "its worker was told to stop" : "it was never started", STORE_NO_INT, NULL);
}

/* ---- a batch of one kind ----------------------------------------------------------------------- */

static int32_t *numbers_of(struct step *s, struct experiment *x, const struct plan *p, enum plan_kind kind,
	size_t *n)
{
	int32_t *numbers = ARENA_NEW_N(s->arena, int32_t, p->n + 1);

	*n = 0;
	for (size_t i = 0; i < p->n; i++)
		if (p->actions[i].kind == kind) {
			numbers[(*n)++] = p->actions[i].number;
			step_writes(s, x, p->actions[i].number);
		}
	return numbers;
}

static bool plan_has(const struct plan *p, enum plan_kind kind)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->actions[i].kind == kind)
			return true;
	return false;
}

static void start_pending(struct control *c, struct experiment *x, const struct plan *p)
{
	struct step *s = step_begin(c, x);
	size_t n;
	const int32_t *numbers = numbers_of(s, x, p, PLAN_START, &n);

	store_trials_start(c->store, s->arena, x->id, x->epoch, numbers, n, x->backend->type->name, on_started, s);
}

static void retry(struct control *c, struct experiment *x, const struct plan *p)
{
	struct step *s = step_begin(c, x);
	size_t n;
	const int32_t *numbers = numbers_of(s, x, p, PLAN_RETRY, &n);

	store_trials_retry(c->store, s->arena, x->id, x->epoch, numbers, n, "tried again by the retry policy",
		on_moved, s);
}

static void on_expired(void *ctx, const struct store_trials *rows, const struct err *e)
{
	struct step *s = ctx;
	struct experiment *x = step_rows(s, rows, e);

	/* Those not in the rows were heard of meanwhile (reports renew the lease where the report is
	 * stored): look at them again after half a lease. */
	for (size_t i = 0; x && i < s->n_numbers; i++) {
		struct trial *t = experiment_trial(x, s->numbers[i]);
		if (t && t->state == TRIAL_RUNNING)
			t->lease_until_us = clk_wall_us() + t->lease_s * CLK_SECOND / 2;
	}
	step_end(s);
}

static void lose_silent(struct control *c, struct experiment *x, const struct plan *p)
{
	struct step *s = step_begin(c, x);
	size_t n;

	numbers_of(s, x, p, PLAN_LOSE, &n);
	store_trials_expire(c->store, s->arena, x->id, x->epoch, on_expired, s);
}

static void assign(struct control *c, struct experiment *x, const struct plan *p)
{
	struct step *s = step_begin(c, x);
	struct store_trial_move *moves = ARENA_NEW_N(s->arena, struct store_trial_move, p->n);
	size_t n = 0;

	for (size_t i = 0; i < p->n; i++) {
		struct trial *t = experiment_trial(x, p->actions[i].number);
		int32_t lease_s;
		const char *worker;
		if (p->actions[i].kind != PLAN_ASSIGN || !(worker = ask_next(x, &lease_s)))
			continue;
		step_writes(s, x, t->number);
		moves[n++] = (struct store_trial_move){.number = t->number, .attempt = t->attempt,
			.to = TRIAL_RUNNING, .exit_code = STORE_NO_INT,
			.worker = arena_strdup(s->arena, worker), .lease_seconds = lease_s};
	}
	store_trials_move(c->store, s->arena, x->id, x->epoch, moves, n, on_moved, s);
}

void apply_plan(struct control *c, struct experiment *x, const struct plan *p)
{
	if (plan_has(p, PLAN_START))
		start_pending(c, x, p);
	if (plan_has(p, PLAN_ASSIGN))
		assign(c, x, p);
	if (plan_has(p, PLAN_RETRY))
		retry(c, x, p);
	if (plan_has(p, PLAN_LOSE))
		lose_silent(c, x, p);
	for (size_t i = 0; i < p->n; i++) {
		const struct plan_action *a = &p->actions[i];
		switch (a->kind) {
		case PLAN_SUGGEST:
			suggest_start(c, x, a->n);
			break;
		case PLAN_STOP:
			stop_run(x, experiment_trial(x, a->number));
			break;
		case PLAN_KILL:
			kill_unstarted(c, x, experiment_trial(x, a->number));
			break;
		case PLAN_END:
		case PLAN_FINISH:
			move_experiment(c, x, a->why, a->kind == PLAN_FINISH);
			return;
		case PLAN_START:
		case PLAN_ASSIGN:
		case PLAN_RETRY:
		case PLAN_LOSE:
			break;
		}
	}
}
