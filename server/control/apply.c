/*
 * Carries out what the plan asks for. Each kind of write goes out once per plan, for all trials that
 * need it; a trial with a write under way is marked and left alone by the next plan.
 */
#include "server/control/internal.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/clk.h"
#include "lib/failpoint.h"
#include "lib/log.h"

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

static void on_moved(void *ctx, const struct store_trials *rows, const struct err *e);

static void send_move(struct control *c, struct step *s)
{
	FAILPOINT("before-move");
	store_trials_move(c->store, s->arena, s->experiment, s->epoch, s->move, 1, on_moved, s);
}

/* The backend will not repeat what it told us: without the database the move waits. */
static bool keep_unsent(struct step *s, const struct err *e)
{
	struct experiment *x = control_experiment(s->control, s->experiment);

	if (!e || !s->move || !x || x->epoch != s->epoch)
		return false;
	if (e->code != ERR_UNAVAILABLE && e->code != ERR_SLOW_DOWN && e->code != ERR_TIMEOUT)
		return false;
	STAILQ_INSERT_TAIL(&x->unsent, s, unsent_link);
	control_later(s->control, x, CLK_SECOND);
	return true;
}

static void on_moved(void *ctx, const struct store_trials *rows, const struct err *e)
{
	struct step *s = ctx;
	struct experiment *x;

	if (keep_unsent(s, e))
		return;
	x = step_rows(s, rows, e);
	FAILPOINT("trials-moved");
	if (x && x->spec->trial.executor == EXECUTOR_WORKER)
		ask_serve(s->control, x, rows);
	step_end(s);
}

/* In the order in which they were told; those that fail again queue up again, in that order. */
void apply_unsent(struct control *c, struct experiment *x)
{
	STAILQ_HEAD(, step) batch = STAILQ_HEAD_INITIALIZER(batch);
	struct step *s;

	STAILQ_CONCAT(&batch, &x->unsent);
	while ((s = STAILQ_FIRST(&batch))) {
		STAILQ_REMOVE_HEAD(&batch, unsent_link);
		send_move(c, s);
	}
}

void apply_move(struct control *c, struct experiment *x, struct trial *t, enum trial_state to,
	const char *reason, const char *message, int exit_code, const char *object)
{
	struct step *s = step_begin(c, x);

	s->move = ARENA_NEW(s->arena, struct store_trial_move);
	*s->move = (struct store_trial_move){.number = t->number, .attempt = t->attempt, .to = to,
		.reason = arena_strdup(s->arena, reason), .message = arena_strdup(s->arena, message),
		.exit_code = exit_code, .object = arena_strdup(s->arena, object)};
	step_writes(s, x, t->number);
	if (STAILQ_EMPTY(&x->unsent))
		send_move(c, s);
	else
		STAILQ_INSERT_TAIL(&x->unsent, s, unsent_link);
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

	if (why == END_ALGORITHM && x->failure[0])
		return arena_strdup(a, x->failure);
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

static const char *stop_reason(const struct experiment *x, const struct trial *t)
{
	if (t->stop)
		return t->stop;
	return x->stopping_for != END_NONE ? end_reason_name(x->stopping_for) : "UserKilled";
}

static void stop_run(struct experiment *x, struct trial *t)
{
	const struct run_key key = order_key(x, t);
	const struct run_stop how = {.reason = stop_reason(x, t), .grace_us = -1};

	t->stop_sent = true;
	run_stop(x->backend, &key, &how);
}

static void kill_unstarted(struct control *c, struct experiment *x, struct trial *t)
{
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
