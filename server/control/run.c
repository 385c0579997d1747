/* What backends tell: a run started, was refused, printed metrics, ended, was lost. */
#include "server/control/internal.h"

#include <stdio.h>
#include <string.h>

#include "lib/clk.h"
#include "lib/failpoint.h"
#include "lib/log.h"

/* How a run that ended by itself or was stopped is written down. */
struct verdict {
	enum trial_state state;
	const char *reason;
	char message[600];
	int exit_code;
	bool keeps_message;             /* that of the trial's stop */
};

static void say(struct verdict *v, const char *message, const struct run_event *ev)
{
	snprintf(v->message, sizeof v->message, "%s%s%.380s", message,
		ev->last_lines && ev->last_lines[0] ? "; it printed last: " : "", ev->last_lines ? ev->last_lines : "");
}

/* The message says why already: it stays. */
static void early_stopped(struct verdict *v, const char *why)
{
	v->state = stop_ends_as(why);
	v->reason = why;
	v->keeps_message = true;
}

static struct verdict judge_end(const struct trial *t, const struct run_event *ev)
{
	struct verdict v = {.exit_code = ev->signal ? STORE_NO_INT : ev->exit_code, .reason = ev->reason};
	const char *why = t->stop ? t->stop : ev->stopped ? ev->stop_reason : NULL;

	if (why && !stop_is_early(why)) {
		v.state = TRIAL_KILLED;
		v.reason = why;
		snprintf(v.message, sizeof v.message, "it was ended on request");
	} else if (why) {
		early_stopped(&v, why);
	} else if (!ev->timed_out && !ev->oom && ev->signal == 0 && ev->exit_code == 0) {
		v.state = TRIAL_SUCCEEDED;
		v.reason = "Completed";
		v.message[0] = 0;
	} else {
		v.state = TRIAL_FAILED;
		say(&v, ev->message ? ev->message : "its program failed", ev);
	}
	return v;
}

/* A slot is free: whoever of this backend's experiments waits for one looks again. */
static void room_again(struct control *c, const struct experiment *ended)
{
	for (size_t i = 0; i < c->n_experiments; i++) {
		struct experiment *x = c->experiments[i];
		if (x->backend == ended->backend && x->loaded)
			control_dirty(c, x);
	}
}

/* The database lags behind the backend: a run can end while the write of its start is under way. The
 * store takes the moves of one experiment in order, so the end simply follows. */
static void move(struct control *c, struct experiment *x, struct trial *t, const struct verdict *v,
	const char *object)
{
	apply_move(c, x, t, v->state, v->reason, v->keeps_message ? NULL : v->message, v->exit_code, object);
}

static void on_started(struct control *c, struct experiment *x, struct trial *t, const struct run_event *ev)
{
	struct verdict v = {.state = TRIAL_RUNNING, .reason = "Running", .exit_code = STORE_NO_INT};

	t->started_attempt = t->attempt;
	if (t->state == TRIAL_RUNNING)
		return;
	FAILPOINT("run-started");
	move(c, x, t, &v, ev->object);
}

/* Its state stays; people see why. */
static void on_waiting(struct control *c, struct experiment *x, struct trial *t, const struct run_event *ev)
{
	struct verdict v = {.state = t->state, .reason = ev->reason, .exit_code = STORE_NO_INT};

	if (t->state == TRIAL_STARTING && t->started_attempt == t->attempt)
		v.state = TRIAL_RUNNING;
	if (t->state != TRIAL_STARTING && t->state != TRIAL_RUNNING)
		return;
	say(&v, ev->message ? ev->message : "", ev);
	move(c, x, t, &v, ev->object);
}

/* Where no result changes what comes next, that need not wait for this one's. */
static void on_vacated(struct control *c, struct experiment *x, struct trial *t)
{
	t->vacated_attempt = t->attempt;
	control_dirty(c, x);
}

static void on_rejected(struct control *c, struct experiment *x, struct trial *t, const struct run_event *ev)
{
	struct verdict v = {.state = TRIAL_FAILED, .reason = ev->reason ? ev->reason : "StartError",
		.exit_code = STORE_NO_INT};

	say(&v, ev->message ? ev->message : "it could not be started", ev);
	move(c, x, t, &v, NULL);
}

static void on_ended(struct control *c, struct experiment *x, struct trial *t, const struct run_event *ev)
{
	const struct verdict v = judge_end(t, ev);

	FAILPOINT("run-ended");
	LOG_INFO("trial ended", L_STR("experiment", x->name), L_INT("trial", t->number),
		L_STR("state", trial_state_name(v.state)), L_STR("reason", v.reason));
	move(c, x, t, &v, NULL);
}

static void on_lost(struct control *c, struct experiment *x, struct trial *t, const struct run_event *ev)
{
	struct verdict v = {.state = TRIAL_LOST, .reason = ev->reason ? ev->reason : "WorkerLost",
		.exit_code = STORE_NO_INT};

	if (t->stop && stop_is_early(t->stop))
		early_stopped(&v, t->stop);
	else
		say(&v, ev->message ? ev->message : "what ran it has vanished", ev);
	LOG_WARN("trial lost", L_STR("experiment", x->name), L_INT("trial", t->number), L_STR("why", v.message));
	move(c, x, t, &v, NULL);
}

void control_on_run(void *control, const struct run_event *ev)
{
	struct control *c = control;
	struct experiment *x = control_experiment(c, ev->key.experiment_id);
	struct trial *t = x ? experiment_trial(x, ev->key.number) : NULL;

	if (ev->kind == RUN_POINTS) {
		reporter_run_points(c, ev);
		return;
	}
	if (!t || strcmp(x->uid, ev->key.uid) != 0 || !trial_runs(t, ev->key.attempt))
		return;
	switch (ev->kind) {
	case RUN_STARTED:
		on_started(c, x, t, ev);
		break;
	case RUN_WAITING:
		on_waiting(c, x, t, ev);
		break;
	case RUN_VACATED:
		on_vacated(c, x, t);
		break;
	case RUN_REJECTED:
		on_rejected(c, x, t, ev);
		room_again(c, x);
		break;
	case RUN_ENDED:
		on_ended(c, x, t, ev);
		room_again(c, x);
		break;
	case RUN_LOST:
		on_lost(c, x, t, ev);
		room_again(c, x);
		break;
	case RUN_POINTS:
		break;
	}
}
