/* The stopper of an experiment: built from the store, kept up to date, caught up with what others took. */
#include "server/control/stopping.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/clk.h"
#include "lib/failpoint.h"
#include "lib/log.h"
#include "lib/loop.h"
#include "lib/mem.h"
#include "server/control/internal.h"
#include "server/store/store_judge.h"
#include "server/store/store_observation.h"

enum {
	PAGE = 5000,    /* points a pass                                                          */
	NOTES = 500,    /* unjudged points that are settled by one statement                      */
	AHEAD_US = 5000,
	LOOK_MS = 250,
};

/* ---- life -------------------------------------------------------------------------------------- */

static void built(bool ok)
{
	if (!ok)
		mem_die(sizeof(struct algo_point));
}

void stopping_open(struct experiment *x)
{
	if (x->stopping || !x->spec->stopping)
		return;
	x->stopping = xcalloc(1, sizeof *x->stopping);
	x->stopping->stopper = stopper_new(x->spec->stopping);
	built(x->stopping->stopper != NULL);
	x->stopping->after_step = STORE_NO_STEP;
}

void stopping_close(struct experiment *x)
{
	if (!x->stopping)
		return;
	stopper_free(x->stopping->stopper);
	free(x->stopping);
	x->stopping = NULL;
}

void stopping_spoil(struct control *c, struct experiment *x)
{
	struct stopping *s = x->stopping;

	for (int32_t i = 0; i < x->n_trials; i++)
		x->trials[i].stop_decided = false;
	stopper_free(s->stopper);
	s->stopper = NULL;
	s->ready = s->loaded = false;
	s->after_number = 0;
	s->after_step = STORE_NO_STEP;
	control_dirty(c, x);
}

/* ---- trials ------------------------------------------------------------------------------------ */

static void tell_trial(struct experiment *x, struct trial *t)
{
	struct stopper *s = x->stopping->stopper;
	const uint32_t number = (uint32_t)t->number;
	const uint32_t parent = x->spec->fidelity.resume ? t->parent : 0;

	built(stopper_begin(s, number, t->bracket, parent, t->resource));
	if (t->stop)
		built(stopper_told(s, number));
	if (trial_state_over(t->state) && !experiment_comes_back(x, t->number))
		built(stopper_end(s, number, trial_status(t->state), experiment_values(x, t->number)[0]));
}

void stopping_trial(struct control *c, struct experiment *x, struct trial *t, bool revived)
{
	if (!x->stopping || !x->stopping->stopper)
		return;
	if (revived)
		stopping_spoil(c, x);
	else
		tell_trial(x, t);
}

/* Beyond, whether its program counts steps from 0 or from 1. */
static bool beyond_grant(const struct experiment *x, const struct trial *t, int64_t step, struct stop_verdict *out)
{
	if (t->stop || t->stop_decided || !isfinite(t->resource) || x->spec->fidelity.parameter >= 0 || (double)step <= t->resource)
		return false;
	*out = (struct stop_verdict){.reason = STOP_BUDGET_REACHED, .step = (double)step};
	snprintf(out->message, sizeof out->message, "step %" PRId64 " is beyond the %.15g that it was granted", step,
		t->resource);
	return true;
}

enum stop_outcome stopping_report(struct control *c, struct experiment *x, struct trial *t, int64_t step, double value,
	struct stop_verdict *out)
{
	struct stopper *s = x->stopping->stopper;
	const int64_t start = clk_now_us();
	enum stop_outcome outcome = STOP_GO;

	/* What an attempt before the one that is to come left behind is history, no reason to stop. */
	if (t->state == TRIAL_STARTING || t->state == TRIAL_RUNNING)
		outcome = stopper_report(s, (uint32_t)t->number, (double)step, value, out);
	else
		built(stopper_restore(s, (uint32_t)t->number, (double)step, value));
	built(outcome != STOP_NO_MEMORY);
	if (outcome == STOP_GO && !trial_state_over(t->state) && beyond_grant(x, t, step, out)) {
		built(stopper_told(s, (uint32_t)t->number));
		outcome = STOP_NOW;
	}
	t->stop_decided = t->stop_decided || outcome == STOP_NOW;
	metrics_judged(c, clk_now_us() - start);
	return outcome;
}

const struct algo_point *stopping_curve(const struct experiment *x, int32_t number, struct arena *a, uint32_t *n)
{
	const struct algo_point *curve = NULL;

	*n = 0;
	if (x->stopping && x->stopping->ready)
		curve = stopper_curve(x->stopping->stopper, (uint32_t)number, n);
	return *n > 0 ? arena_dup(a, curve, *n * sizeof *curve) : NULL;
}

/* ---- building ---------------------------------------------------------------------------------- */

static void look_later(struct control *c)
{
	if (!c->stop_looking)
		loop_timer_after(c->stop_look, LOOK_MS * (CLK_SECOND / 1000));
	c->stop_looking = true;
}

static void now_ready(struct control *c, struct experiment *x)
{
	LOG_DEBUG("stopper is ready", L_STR("experiment", x->name),
		L_INT("bytes", (int64_t)stopper_memory(x->stopping->stopper)));
	x->stopping->ready = true;
	stopping_catch_up(c, x);
	look_later(c);
	reporter_release(c);
}

/* False: it is not in any more, for the stopper was spoiled meanwhile. */
static bool take_in(struct stopping *s, const struct store_series *rows)
{
	for (size_t i = 0; s->stopper && i < rows->n; i++) {
		const struct store_series_point *p = &rows->items[i];
		built(stopper_restore(s->stopper, (uint32_t)p->number, (double)p->step, p->value));
		s->after_number = p->number;
		s->after_step = p->step;
	}
	return s->stopper;
}

/* A few milliseconds a pass. */
static void build_ahead(struct control *c, struct experiment *x)
{
	const int64_t until = clk_now_us() + AHEAD_US;
	enum stop_ahead ahead;

	while ((ahead = stopper_build_ahead(x->stopping->stopper)) == STOP_AHEAD_MORE) {
		if (clk_now_us() >= until) {
			control_dirty(c, x);
			return;
		}
	}
	built(ahead == STOP_AHEAD_DONE);
	now_ready(c, x);
}

static void on_points(void *ctx, const struct store_series *rows, const struct err *e)
{
	struct step *step = ctx;
	struct control *c = step->control;
	struct experiment *x = step_resume(step);

	FAILPOINT("stop-points-loaded");
	if (!x)
		goto out;
	x->stopping->loading = false;
	if (e) {
		reporter_refuse(c, x->id, e);
		control_later(c, x, CLK_SECOND);
	} else if (take_in(x->stopping, rows) && rows->n < PAGE) {
		x->stopping->loaded = true;
		build_ahead(c, x);
	}
out:
	step_end(step);
}

bool stopping_ready(struct control *c, struct experiment *x)
{
	struct stopping *s = x->stopping;

	if (!s || s->ready)
		return true;
	/* What is under way may or may not be in what is read now. */
	if (s->sent > 0 || s->looking || s->loading)
		return false;
	if (!s->stopper) {
		s->stopper = stopper_new(x->spec->stopping);
		built(s->stopper != NULL);
		for (int32_t i = 0; i < x->n_trials; i++)
			if (x->trials[i].number > 0)
				tell_trial(x, &x->trials[i]);
	}
	if (s->loaded) {
		build_ahead(c, x);
		return s->ready;
	}
	struct step *step = step_begin(c, x);
	s->loading = true;
	store_observations_load(c->store, step->arena, x->id, x->spec->objectives[0].metric, s->after_number,
		s->after_step, PAGE, on_points, step);
	return false;
}

/* ---- what others took -------------------------------------------------------------------------- */

static void on_settled(void *ctx, const struct store_trials *rows, const struct err *e)
{
	struct step *step = ctx;
	struct control *c = step->control;
	struct experiment *x = step_resume(step);

	FAILPOINT("stop-notes-settled");
	if (!x)
		goto out;
	x->stopping->looking = false;
	if (e) {
		LOG_WARN("a verdict was not stored; it will be reached again", L_STR("experiment", x->name),
			L_STR("error", e->detail));
		stopping_spoil(c, x);
		control_later(c, x, CLK_SECOND);
	} else if (load_rows(c, x, rows)) {
		for (size_t i = 0; i < rows->n; i++)
			metrics_stop(c, rows->items[i].stop);
		stopping_catch_up(c, x);
	}
out:
	step_end(step);
}

static void settle(struct control *c, struct experiment *x, const struct store_unjudged *rows)
{
	struct step *step = step_begin(c, x);
	struct store_trial_stop *stops = ARENA_NEW_N(step->arena, struct store_trial_stop, rows->n);
	int64_t *judged = ARENA_NEW_N(step->arena, int64_t, rows->n);
	struct stop_verdict verdict;
	size_t n = 0;

	for (size_t i = 0; i < rows->n; i++) {
		const struct store_unjudged_point *p = &rows->items[i];
		struct trial *t = experiment_trial(x, p->number);
		judged[i] = p->seq;
		if (!t || stopping_report(c, x, t, p->step, p->value, &verdict) != STOP_NOW)
			continue;
		stops[n++] = (struct store_trial_stop){.number = p->number, .reason = verdict.reason,
			.message = arena_strdup(step->arena, verdict.message)};
	}
	FAILPOINT("stop-notes-judged");
	store_trials_stop(c->store, step->arena, x->id, x->epoch, stops, n, judged, rows->n, on_settled, step);
}

static void on_notes(void *ctx, const struct store_unjudged *rows, const struct err *e)
{
	struct step *step = ctx;
	struct control *c = step->control;
	struct experiment *x = step_resume(step);
	struct stopping *s = x ? x->stopping : NULL;

	/* Spoiled meanwhile: they are read again when it is built. On an error the next look finds them. */
	if (s && !e && s->ready && rows->n > 0) {
		settle(c, x, rows);
	} else if (s) {
		s->looking = false;
		if (!e && s->look_again)
			stopping_catch_up(c, x);
	}
	step_end(step);
}

void stopping_catch_up(struct control *c, struct experiment *x)
{
	struct stopping *s = x->stopping;
	struct step *step;

	s->look_again = s->looking;
	if (s->looking || !s->ready)
		return;
	s->looking = true;
	step = step_begin(c, x);
	store_unjudged_load(c->store, step->arena, x->id, x->spec->objectives[0].metric, NOTES, on_notes, step);
}

struct look {
	struct control *control;
	struct arena *arena;
};

static void on_look(void *ctx, const struct store_ids *rows, const struct err *e)
{
	struct look *l = ctx;
	struct control *c = l->control;

	for (size_t i = 0; !e && i < rows->n; i++) {
		struct experiment *x = control_experiment(c, rows->items[i]);
		if (x && x->stopping)
			stopping_catch_up(c, x);
	}
	c->stop_looking = false;
	look_later(c);
	arena_free(l->arena);
}

/* While there is a stopper: another replica, or an earlier life of this one, may have left some. */
void stopping_look(void *control)
{
	struct control *c = control;
	struct arena *a = arena_new();
	struct look *l = ARENA_NEW(a, struct look);
	int64_t *ids = ARENA_NEW_N(a, int64_t, c->n_experiments + 1);
	size_t n = 0;

	for (size_t i = 0; i < c->n_experiments; i++)
		if (c->experiments[i]->stopping && c->experiments[i]->stopping->ready)
			ids[n++] = c->experiments[i]->id;
	if (n == 0) {
		c->stop_looking = false;
		arena_free(a);
		return;
	}
	*l = (struct look){c, a};
	store_unjudged_look(c->store, a, ids, n, on_look, l);
}
