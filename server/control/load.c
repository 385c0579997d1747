/*
 * From the store into memory, after a claim and whenever somebody else changed something. The
 * experiment's row first, then what it learned from others, then every trial that changed since what we
 * know, page by page. After the first load the runs of the owner before us are taken over.
 */
#include "server/control/internal.h"

#include <assert.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/clk.h"
#include "lib/failpoint.h"
#include "lib/log.h"
#include "lib/mem.h"
#include "server/control/lessons.h"
#include "server/control/notify.h"
#include "server/control/stopping.h"

enum { PAGE = 5000 };

/* ---- steps ------------------------------------------------------------------------------------- */

struct step *step_begin(struct control *c, struct experiment *x)
{
	struct arena *a = arena_new();
	struct step *s = ARENA_NEW(a, struct step);

	s->control = c;
	s->arena = a;
	s->experiment = x->id;
	s->epoch = x->epoch;
	STAILQ_INIT(&s->told);
	return s;
}

void step_writes(struct step *s, struct experiment *x, int32_t number)
{
	struct trial *t = experiment_trial(x, number);

	assert(t);
	if (!s->numbers)
		s->numbers = ARENA_NEW_N(s->arena, int32_t, x->n_open + 1);
	assert(s->n_numbers <= x->n_open);
	s->numbers[s->n_numbers++] = number;
	t->writing++;
}

struct experiment *step_resume(struct step *s)
{
	struct experiment *x = control_experiment(s->control, s->experiment);

	if (!x || x->epoch != s->epoch)
		return NULL;
	for (size_t i = 0; i < s->n_numbers; i++) {
		struct trial *t = experiment_trial(x, s->numbers[i]);
		if (t && t->writing > 0)
			t->writing--;
	}
	control_dirty(s->control, x);
	return x;
}

void step_end(struct step *s)
{
	arena_free(s->arena);
}

struct experiment *step_rows(struct step *s, const struct store_trials *rows, const struct err *e)
{
	struct experiment *x = step_resume(s);

	if (!x)
		return NULL;
	if (e) {
		LOG_WARN("a write of the control loop failed and will be repeated", L_INT("experiment_id", x->id),
			L_STR("error", e->detail));
		/* It may have happened all the same: look before planning again. */
		x->reload = true;
		control_later(s->control, x, CLK_SECOND);
		return NULL;
	}
	return load_rows(s->control, x, rows) ? x : NULL;
}

/* For good, as far as retries go. */
static bool has_ended(struct experiment *x, int32_t number)
{
	const struct trial *t = experiment_trial(x, number);

	return t && trial_state_over(t->state) && !experiment_comes_back(x, number);
}

bool load_rows(struct control *c, struct experiment *x, const struct store_trials *rows)
{
	if (rows->fenced) {
		LOG_WARN("another server drives this experiment now", L_INT("experiment_id", x->id));
		control_drop(c, x);
		return false;
	}
	for (size_t i = 0; i < rows->n; i++) {
		const int32_t best = x->best;
		const bool ended = has_ended(x, rows->items[i].number);
		bool changed;
		struct trial *t = experiment_put(x, &rows->items[i], &changed);
		stopping_trial(c, x, t, ended && !trial_state_over(t->state));
		if (!changed)
			continue;
		live_kick(c);
		notify_trial(c, x, &rows->items[i], x->best != best);
		if (x->loaded)
			metrics_trial(c, &rows->items[i]);
	}
	if (rows->next_number > x->next_number)
		x->next_number = rows->next_number;
	return true;
}

void control_wrote(struct control *c, const struct store_trials *rows)
{
	struct experiment *x = control_experiment(c, rows->experiment);

	/* Without a spec there is no place for them yet; they will be loaded. */
	if (!x || !x->spec)
		return;
	load_rows(c, x, rows);
	control_dirty(c, x);
}

/* What waits to be judged shall not wait for a database that is away. */
static void try_again(struct control *c, struct experiment *x, const struct err *e)
{
	x->loading = false;
	x->reload = true;
	reporter_refuse(c, x->id, e);
	control_later(c, x, CLK_SECOND);
}

/* ---- taking over ------------------------------------------------------------------------------- */

static void take_over(struct control *c, struct experiment *x)
{
	size_t n = 0;

	for (size_t i = 0; i < x->n_open && x->backend; i++) {
		struct trial *t = &x->trials[x->open[i] - 1];
		const struct run_key key = order_key(x, t);
		if (t->state == TRIAL_RUNNING)
			run_adopt(x->backend, &key, t->object);
		else if (t->state == TRIAL_STARTING)
			apply_launch(c, x, t);
		n += t->state == TRIAL_RUNNING || t->state == TRIAL_STARTING;
	}
	if (n > 0)
		LOG_INFO("taking over trials", L_STR("experiment", x->name), L_INT("trials", (int64_t)n));
}

static void loaded(struct control *c, struct experiment *x)
{
	const bool first = !x->loaded;

	x->loading = false;
	x->loaded = true;
	if (first && !x->stopping)
		reporter_release(c);
	if (first)
		take_over(c, x);
	if (x->spec->trial.executor == EXECUTOR_WORKER)
		ask_load(c, x);
	control_dirty(c, x);
}

/* ---- pages ------------------------------------------------------------------------------------- */

static void load_trials(struct control *c, struct experiment *x);

static void on_trials(void *ctx, const struct store_trials *rows, const struct err *e)
{
	struct step *s = ctx;
	struct control *c = s->control;
	struct experiment *x = step_resume(s);

	if (x && e) {
		try_again(c, x, e);
	} else if (x && load_rows(c, x, rows)) {
		if (rows->n > 0) {
			x->change = rows->items[rows->n - 1].change;
			x->change_number = rows->items[rows->n - 1].number;
		}
		if (rows->n == PAGE)
			load_trials(c, x);
		else
			loaded(c, x);
	}
	step_end(s);
}

static void load_trials(struct control *c, struct experiment *x)
{
	struct step *s = step_begin(c, x);
	const bool first = x->change < 0;

	store_trials_load(c->store, s->arena, x->id, first ? 0 : x->change, first ? 0 : x->change_number, PAGE,
		on_trials, s);
}

static void on_lessons(void *ctx, const struct store_lessons *rows, const struct err *e)
{
	struct step *s = ctx;
	struct experiment *x = step_resume(s);

	if (x && e) {
		try_again(s->control, x, e);
	} else if (x) {
		x->lessons = lessons_new(x->spec, rows);
		load_trials(s->control, x);
	}
	step_end(s);
}

/* What it learned from others does not change: once is enough. */
static void load_rest(struct control *c, struct experiment *x)
{
	struct step *s;

	if (x->spec->n_sources == 0 || x->lessons) {
		load_trials(c, x);
		return;
	}
	s = step_begin(c, x);
	store_lessons_load(c->store, s->arena, x->id, on_lessons, s);
}

static void choose_backend(struct control *c, struct experiment *x)
{
	const enum executor executor = x->spec->trial.executor;

	if (executor == EXECUTOR_WORKER)
		return;
	x->backend = control_backend(c, executor_name(executor));
	if (!x->backend)
		LOG_WARN("no such executor here; the experiment waits", L_STR("experiment", x->name),
			L_STR("executor", executor_name(executor)));
}

/* The row is gone: purged. What runs has nobody left to report to. */
static void vanished(struct control *c, struct experiment *x)
{
	static const struct run_stop how = {.reason = "ExperimentDeleted", .grace_us = -1};

	for (size_t i = 0; i < x->n_open && x->backend; i++) {
		const struct run_key key = order_key(x, &x->trials[x->open[i] - 1]);
		run_stop(x->backend, &key, &how);
	}
	control_drop(c, x);
}

/* Deleted while it ran: its history is kept, what runs is cancelled. */
static void cancel_archived(struct experiment *x, const struct store_experiment *row)
{
	if (row->archived_us == 0 || experiment_state_over(x->state))
		return;
	x->state = EXPERIMENT_STOPPING;
	x->stopping_for = END_USER_CANCELLED;
	x->cancelling = true;
}

static void on_experiment(void *ctx, const struct store_experiments *rows, const struct err *e)
{
	struct step *s = ctx;
	struct control *c = s->control;
	struct experiment *x = step_resume(s);
	struct err unreadable;

	FAILPOINT("experiment-loaded");
	if (!x)
		goto out;
	if (e) {
		try_again(c, x, e);
	} else if (rows->n == 0) {
		vanished(c, x);
	} else if (rows->items[0].epoch != x->epoch) {
		control_drop(c, x);
	} else if (!experiment_set(x, &rows->items[0], &unreadable)) {
		/* It stays ours, so that nobody tries in a circle; the next change of it is looked at. */
		LOG_ERROR("experiment cannot be driven", L_STR("error", unreadable.detail));
		x->loading = false;
		reporter_release(c);
	} else {
		const enum experiment_state state = x->state;
		cancel_archived(x, &rows->items[0]);
		if (!x->backend)
			choose_backend(c, x);
		if (experiment_state_over(state)) {
			notify_end(c, x, &rows->items[0]);
			control_drop(c, x);
		} else {
			stopping_open(x);
			load_rest(c, x);
		}
	}
out:
	step_end(s);
}

void load_experiment(struct control *c, struct experiment *x)
{
	struct step *s = step_begin(c, x);

	assert(!x->loading);
	x->loading = true;
	x->reload = false;
	store_experiment_load(c->store, s->arena, x->id, on_experiment, s);
}
