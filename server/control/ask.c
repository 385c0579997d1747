/*
 * Workers that ask for trials.
 *
 * The replica that drives the experiment keeps an ask in memory until trials carry the worker's name;
 * any other writes it into core.asks, where the driver finds it, and waits for a notification. Both
 * then look into the database for the worker's unfinished trials: what is answered is committed, and a
 * worker that comes back after a crash gets the trials that it holds before any new one.
 */
#include "server/control/internal.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/clk.h"
#include "lib/loop.h"
#include "lib/mem.h"
#include "server/store/store_event.h"

enum { WAIT_S = 5, RETRY_AFTER_S = 5, LOOK_AGAIN_MS = 250 };

/* A worker's demand at the driver. */
struct ask {
	TAILQ_ENTRY(ask) link;
	char *worker;                   /* owned */
	int32_t count, given, lease_s;
	int64_t until_us;               /* on the wall clock: nobody waits any longer                   */
	bool stored;                    /* it came through core.asks                                    */
};

/* A request that waits here, at whichever replica it came to. */
struct waiter {
	TAILQ_ENTRY(waiter) link;
	struct control *control;
	struct arena *arena;            /* of the whole wait; a look uses its own */
	struct arena *look;
	int64_t experiment;
	const char *ns, *name, *worker;
	int32_t count, lease_s;
	bool asked;                     /* the driver knows of it                                       */
	bool looking, look_again;
	struct loop_timer *timer;       /* looks again; ends the wait                                   */
	int64_t until_us;               /* monotonic                                                    */
	ask_done_fn *done;
	void *ctx;
};

/* ---- at the driver ----------------------------------------------------------------------------- */

int64_t ask_wanted(const struct experiment *x)
{
	const struct ask *ask;
	int64_t n = 0;

	TAILQ_FOREACH(ask, &x->asks, link)
		n += ask->count - ask->given;
	return n;
}

const char *ask_next(struct experiment *x, int32_t *lease_s)
{
	struct ask *ask;

	TAILQ_FOREACH(ask, &x->asks, link)
		if (ask->given < ask->count) {
			ask->given++;
			*lease_s = ask->lease_s;
			return ask->worker;
		}
	return NULL;
}

/* A worker that wants more has left behind what it was told to stop. */
static void end_stopped(struct experiment *x, const char *worker)
{
	for (size_t i = 0; i < x->n_open; i++) {
		struct trial *t = &x->trials[x->open[i] - 1];
		if (t->stop && t->worker && strcmp(t->worker, worker) == 0)
			t->stop_due_us = 0;
	}
}

static int32_t held_by(const struct experiment *x, const char *worker)
{
	int32_t n = 0;

	for (size_t i = 0; i < x->n_open; i++) {
		const struct trial *t = &x->trials[x->open[i] - 1];
		n += t->state == TRIAL_RUNNING && !t->stop && t->worker && strcmp(t->worker, worker) == 0;
	}
	return n;
}

static void remove_ask(struct control *c, struct experiment *x, struct ask *ask)
{
	if (ask->stored)
		store_ask_done(c->store, NULL, x->id, ask->worker, NULL, NULL);
	TAILQ_REMOVE(&x->asks, ask, link);
	free(ask->worker);
	free(ask);
}

static void demand(struct control *c, struct experiment *x, const char *worker, int32_t count, int32_t lease_s,
	bool stored)
{
	struct ask *ask;

	TAILQ_FOREACH(ask, &x->asks, link)
		if (strcmp(ask->worker, worker) == 0)
			break;
	if (!ask) {
		ask = xcalloc(1, sizeof *ask);
		ask->worker = xstrdup(worker);
		TAILQ_INSERT_TAIL(&x->asks, ask, link);
	}
	end_stopped(x, worker);
	ask->count = count;
	ask->lease_s = lease_s;
	ask->stored = ask->stored || stored;
	ask->until_us = clk_wall_us() + WAIT_S * CLK_SECOND;
	control_dirty(c, x);
}

static void on_asks(void *ctx, const struct store_asks *rows, const struct err *e)
{
	struct step *s = ctx;
	struct experiment *x = step_resume(s);

	for (size_t i = 0; x && !e && i < rows->n; i++)
		if (held_by(x, rows->items[i].worker) == 0)
			demand(s->control, x, rows->items[i].worker, rows->items[i].wanted,
				rows->items[i].lease_seconds, true);
	step_end(s);
}

/* Demands that were met, or that nobody waits for any more, go. */
static void settle(struct control *c, struct experiment *x)
{
	struct ask *ask, *next;
	const int64_t now = clk_wall_us();

	for (ask = TAILQ_FIRST(&x->asks); ask; ask = next) {
		next = TAILQ_NEXT(ask, link);
		if (held_by(x, ask->worker) > 0 || now >= ask->until_us)
			remove_ask(c, x, ask);
		else if (x->suggesting == 0)
			ask->given = 0;         /* what it was given did not come to be */
	}
}

void ask_load(struct control *c, struct experiment *x)
{
	struct step *s = step_begin(c, x);

	store_asks_load(c->store, s->arena, x->id, on_asks, s);
}

void ask_drop_all(struct control *c, struct experiment *x)
{
	struct ask *ask;

	while ((ask = TAILQ_FIRST(&x->asks))) {
		ask->stored = false;    /* the next driver serves it */
		remove_ask(c, x, ask);
	}
	ask_changed(c, x->id);
}

/* ---- at the replica that was asked ------------------------------------------------------------- */

static void look(struct waiter *w);

static void waiter_end(struct waiter *w)
{
	TAILQ_REMOVE(&w->control->waiters, w, link);
	loop_timer_free(w->timer);
	arena_free(w->arena);
}

static void answer(struct waiter *w, const struct store_trial *trials, size_t n, enum experiment_state state)
{
	const struct ask_answer a = {.trials = trials, .n = n, .state = state,
		.retry_after_s = n == 0 && !experiment_state_over(state) ? RETRY_AFTER_S : 0};

	w->done(w->ctx, &a, NULL);
	waiter_end(w);
}

static void refuse(struct waiter *w, const struct err *e)
{
	w->done(w->ctx, NULL, e);
	waiter_end(w);
}

static void on_ask_added(void *ctx, enum store_outcome outcome, const struct err *e)
{
	(void)ctx;
	(void)outcome;
	(void)e;
}

/* Lets the driver know: in memory if that is us, through the database if not. */
static void tell_driver(struct waiter *w)
{
	struct control *c = w->control;
	struct experiment *x = control_experiment(c, w->experiment);

	w->asked = true;
	if (x && x->loaded)
		demand(c, x, w->worker, w->count, w->lease_s, false);
	else
		store_ask_add(c->store, NULL, w->ns, w->name, w->worker, w->count, w->lease_s, on_ask_added, NULL);
}

/* Can the driver that is us give anything, now or when what is under way has ended? */
static bool may_come(const struct experiment *x)
{
	const int64_t max = x->spec->budget.max_trials;
	const bool spent = max > 0 && x->next_number - 1 - x->imported >= max;

	return !(spent || x->exhausted) || x->suggesting > 0 || x->counts[TRIAL_PENDING] > 0;
}

static bool worth_waiting(const struct waiter *w, const struct store_trials *rows)
{
	const struct experiment *x = control_experiment(w->control, w->experiment);

	if (rows->state != EXPERIMENT_RUNNING || clk_now_us() >= w->until_us)
		return false;
	/* What changed since the look began may be the trial that this worker waits for. */
	return w->look_again || !x || !x->loaded || may_come(x);
}

static void on_held(void *ctx, const struct store_trials *rows, const struct err *e)
{
	struct waiter *w = ctx;
	struct arena *arena = w->look;
	struct err none;

	w->looking = false;
	w->look = NULL;
	if (e) {
		refuse(w, e);
	} else if (!rows->found) {
		err_set(&none, ERR_NOT_FOUND, "there is no experiment '%s' in namespace '%s'", w->name, w->ns);
		refuse(w, &none);
	} else if (rows->n > 0 || !worth_waiting(w, rows)) {
		const size_t n = rows->n < (size_t)w->count ? rows->n : (size_t)w->count;
		answer(w, rows->items, n, rows->state);
	} else {
		if (!w->asked)
			tell_driver(w);
		loop_timer_after(w->timer, w->look_again ? 0 : LOOK_AGAIN_MS * (CLK_SECOND / 1000));
	}
	arena_free(arena);
}

static void look(struct waiter *w)
{
	w->look_again = w->looking;
	if (w->looking)
		return;
	w->looking = true;
	w->look = arena_new();
	store_worker_trials(w->control->store, w->look, w->ns, w->name, w->worker, on_held, w);
}

static void on_timer(void *ctx)
{
	look(ctx);
}

void ask_changed(struct control *c, int64_t experiment)
{
	struct waiter *w;

	TAILQ_FOREACH(w, &c->waiters, link)
		if (experiment == 0 || w->experiment == experiment)
			look(w);
}

static void serve(struct waiter *w, const struct experiment *x, const struct store_trials *rows)
{
	struct store_trial *mine = ARENA_NEW_N(w->arena, struct store_trial, rows->n + 1);
	size_t n = 0;

	for (size_t i = 0; i < rows->n && n < (size_t)w->count; i++) {
		const struct store_trial *t = &rows->items[i];
		if (t->state == TRIAL_RUNNING && t->worker && strcmp(t->worker, w->worker) == 0)
			mine[n++] = *t;
	}
	if (n > 0)
		answer(w, mine, n, x->state);
}

void ask_serve(struct control *c, struct experiment *x, const struct store_trials *rows)
{
	struct waiter *w, *next;

	for (w = TAILQ_FIRST(&c->waiters); w; w = next) {
		next = TAILQ_NEXT(w, link);
		if (w->experiment != x->id)
			continue;
		if (w->looking)
			w->look_again = true;
		else
			serve(w, x, rows);
	}
	settle(c, x);
}

void control_ask(struct control *c, int64_t experiment_id, const char *ns, const char *name,
	const char *worker, int32_t count, int32_t lease_s, ask_done_fn *done, void *ctx)
{
	struct experiment *x = control_experiment(c, experiment_id);
	struct arena *a;
	struct waiter *w;
	struct err e;

	assert(count > 0 && lease_s > 0);
	if (x && x->spec && x->spec->trial.executor != EXECUTOR_WORKER) {
		err_set(&e, ERR_WRONG_STATE, "experiment '%s' runs its trials itself; only one without a trial block "
			"takes workers", name);
		done(ctx, NULL, &e);
		return;
	}
	a = arena_new();
	w = ARENA_NEW(a, struct waiter);
	*w = (struct waiter){.control = c, .arena = a, .experiment = experiment_id, .ns = arena_strdup(a, ns),
		.name = arena_strdup(a, name), .worker = arena_strdup(a, worker), .count = count, .lease_s = lease_s,
		.until_us = clk_now_us() + WAIT_S * CLK_SECOND, .done = done, .ctx = ctx};
	w->timer = loop_timer_new(c->loop, on_timer, w);
	TAILQ_INSERT_TAIL(&c->waiters, w, link);
	/* The driver knows whether the worker holds anything: no need to look before the demand. */
	if (x && x->loaded && x->state == EXPERIMENT_RUNNING && held_by(x, worker) == 0 &&
		may_come(x)) {
		tell_driver(w);
		loop_timer_after(w->timer, WAIT_S * CLK_SECOND);
		return;
	}
	look(w);
}
