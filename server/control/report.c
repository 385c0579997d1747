/*
 * Group commit of metric points.
 *
 * Reports that arrive while a commit is under way go together into the next one: under load one fsync
 * serves hundreds of reports, and a single report never waits for a timer. There are two lanes, so
 * that one can be filled while the other commits; a trial always uses the same lane, because two
 * transactions that write the same points in different order would wait for each other.
 *
 * A report is answered after its commit, or with the error that kept it out; then the client sends it
 * again, which changes nothing if it was in after all. Points that a backend collected have no client
 * to send them again: they stay in the lane until they are in.
 *
 * Points of experiments whose trials are stopped for what they report are judged when they are sent
 * (judge.c), so a client hears of it in the answer. Until somebody can judge them, reports are held.
 */
#include "server/control/internal.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/clk.h"
#include "lib/failpoint.h"
#include "lib/log.h"
#include "lib/loop.h"
#include "lib/mem.h"
#include "server/control/stopping.h"
#include "server/store/store_observation.h"
#include "server/store/store_trial.h"

enum {
	LANES = 2,
	COMMIT_POINTS_MAX = 8000,       /* in one commit: keeps its latency and memory bounded          */
	WAITING_POINTS_MAX = 400000,    /* in a lane: above, clients are told to slow down              */
	RETRY_MS = 500,
};

struct report {
	STAILQ_ENTRY(report) link;
	int64_t experiment;
	int32_t number;
	const struct metric_point *points;      /* the caller's until done()                            */
	size_t n;
	report_done_fn *done;
	void *ctx;
	/* Collected by a backend: kept until committed, then acknowledged. */
	struct arena *arena;            /* owns the points; NULL: a client's report                     */
	struct run_key key;
	uint64_t cursor;
	struct run_backend *backend;
};
STAILQ_HEAD(reports, report);

struct lane {
	struct reporter *reporter;
	struct reports waiting, committing;
	struct reports held;            /* older than what waits; nobody can judge them yet             */
	size_t points;                  /* that wait or are held                                        */
	struct arena *arena;            /* of the commit under way; NULL: idle                          */
	struct judgement *judgement;    /* of the commit under way; NULL: nothing was to be judged      */
	struct loop_timer *retry;       /* after an error, so that a dead database is not hammered      */
	bool resting;
};

struct reporter {
	struct control *control;
	struct lane lanes[LANES];
};

static void lane_go(struct lane *l);
static void tail(void *ctx);

static void on_retry(void *ctx)
{
	struct lane *l = ctx;

	l->resting = false;
	lane_go(l);
}

struct reporter *reporter_new(struct control *c)
{
	struct reporter *r = xcalloc(1, sizeof *r);

	r->control = c;
	for (size_t i = 0; i < LANES; i++) {
		struct lane *l = &r->lanes[i];
		l->reporter = r;
		STAILQ_INIT(&l->waiting);
		STAILQ_INIT(&l->committing);
		STAILQ_INIT(&l->held);
		l->retry = loop_timer_new(c->loop, on_retry, l);
	}
	loop_at_tail(c->loop, tail, r);
	return r;
}

static void report_free(struct report *r)
{
	if (r->arena)
		arena_free(r->arena);
	free(r);
}

static void free_all(struct reports *list)
{
	struct report *r;

	while ((r = STAILQ_FIRST(list))) {
		STAILQ_REMOVE_HEAD(list, link);
		report_free(r);
	}
}

void reporter_free(struct reporter *r)
{
	for (size_t i = 0; i < LANES; i++) {
		free_all(&r->lanes[i].waiting);
		free_all(&r->lanes[i].committing);
		free_all(&r->lanes[i].held);
		loop_timer_free(r->lanes[i].retry);
	}
	free(r);
}

/* ---- after the commit -------------------------------------------------------------------------- */

static int by_trial(const void *a, const void *b)
{
	const struct store_ack *l = a, *r = b;

	if (l->experiment != r->experiment)
		return l->experiment < r->experiment ? -1 : 1;
	return (l->number > r->number) - (l->number < r->number);
}

const struct store_ack *reporter_ack(const struct store_acks *acks, int64_t experiment, int32_t number)
{
	const struct store_ack wanted = {.experiment = experiment, .number = number};

	return bsearch(&wanted, acks->items, acks->n, sizeof *acks->items, by_trial);
}

/* From now on what a collector finds in this trial's output does not count: it reports by itself. The
 * database keeps that, for the owner may be another replica, or this one after a restart. */
static void remember_pushed(struct control *c, const struct report *r, const struct store_ack *ack)
{
	const int number = r->number;

	if (!r->arena && ack && !ack->pushed && !trial_state_over(ack->state))
		store_trials_pushed(c->store, NULL, r->experiment, &number, 1, NULL, NULL);
}

/* What the owner of the experiment can learn from a report without asking the database. */
static void tell_experiment(struct control *c, const struct report *r)
{
	struct experiment *x = control_experiment(c, r->experiment);
	struct trial *t = x ? experiment_trial(x, r->number) : NULL;

	if (t && t->lease_until_us > 0)
		t->lease_until_us = clk_wall_us() + t->lease_s * CLK_SECOND;
}

static void answer_client(const struct report *r, const struct store_ack *ack)
{
	struct report_answer answer = {.accepted = r->n, .reason = "", .message = ""};
	struct err e;

	if (!ack) {
		err_set(&e, ERR_GONE, "trial %d does not exist (any more); nothing was stored", (int)r->number);
		r->done(r->ctx, NULL, &e);
		return;
	}
	answer.state = ack->state;
	if (trial_state_over(ack->state)) {
		answer.stop = true;
		answer.reason = "TrialFinished";
		answer.message = "the trial is over; the points were stored and do not change its result";
	} else if (ack->stop) {
		answer.stop = true;
		answer.reason = ack->stop;
		answer.message = ack->message ? ack->message : "";
	}
	r->done(r->ctx, &answer, NULL);
}

static void committed(struct lane *l, const struct store_acks *acks)
{
	struct control *c = l->reporter->control;
	struct report *r;

	while ((r = STAILQ_FIRST(&l->committing))) {
		STAILQ_REMOVE_HEAD(&l->committing, link);
		const struct store_ack *ack = reporter_ack(acks, r->experiment, r->number);
		tell_experiment(c, r);
		remember_pushed(c, r, ack);
		if (ack)
			metrics_points(c, r->n);
		if (r->arena)
			run_ack(r->backend, &r->key, r->cursor);
		else
			answer_client(r, ack);
		report_free(r);
	}
}

/* Clients hear of it; what backends collected goes back to the head of the lane, in order. */
static void refused(struct lane *l, const struct err *e)
{
	struct reports keep = STAILQ_HEAD_INITIALIZER(keep);
	struct report *r;

	while ((r = STAILQ_FIRST(&l->committing))) {
		STAILQ_REMOVE_HEAD(&l->committing, link);
		if (r->arena) {
			STAILQ_INSERT_TAIL(&keep, r, link);
			l->points += r->n;
			continue;
		}
		r->done(r->ctx, NULL, e);
		report_free(r);
	}
	STAILQ_CONCAT(&keep, &l->waiting);
	STAILQ_CONCAT(&l->waiting, &keep);
}

static void on_committed(void *ctx, const struct store_acks *acks, const struct err *e)
{
	struct lane *l = ctx;
	struct arena *arena = l->arena;

	FAILPOINT("points-committed");
	if (!e)
		qsort(acks->items, acks->n, sizeof *acks->items, by_trial);
	if (l->judgement)
		judge_settle(l->reporter->control, l->judgement, acks);
	l->judgement = NULL;
	if (e)
		refused(l, e);
	else
		committed(l, acks);
	arena_free(arena);
	l->arena = NULL;
	l->resting = e != NULL;
	if (e)
		loop_timer_after(l->retry, RETRY_MS * (CLK_SECOND / 1000));
	loop_wake(l->reporter->control->loop);
}

/* ---- before it --------------------------------------------------------------------------------- */

/* Moves what fits into one commit over to `committing`; at least one report, unless all are held. */
static size_t take_batch(struct lane *l)
{
	struct report *r;
	size_t n = 0;

	while ((r = STAILQ_FIRST(&l->waiting)) && (n == 0 || n + r->n <= COMMIT_POINTS_MAX)) {
		STAILQ_REMOVE_HEAD(&l->waiting, link);
		if (stopping_way(l->reporter->control, r->experiment) == STOPPING_WAIT) {
			STAILQ_INSERT_TAIL(&l->held, r, link);
			continue;
		}
		STAILQ_INSERT_TAIL(&l->committing, r, link);
		n += r->n;
	}
	l->points -= n;
	return n;
}

static void send(struct lane *l, const struct store_point *points, size_t n)
{
	struct store *s = l->reporter->control->store;
	const struct judgement *j = l->judgement;

	if (!j)
		store_observations_add(s, l->arena, points, n, on_committed, l);
	else
		store_observations_judge(
			s, l->arena, points, j->epochs, n, j->verdicts, j->n_verdicts, on_committed, l);
}

static void lane_go(struct lane *l)
{
	struct control *c = l->reporter->control;
	const int64_t now = clk_wall_us();
	struct store_point *points, *to;
	struct report *r;

	if (l->arena || STAILQ_EMPTY(&l->waiting))
		return;
	const size_t n = take_batch(l);
	if (n == 0)
		return;
	l->arena = arena_new();
	points = to = xcalloc(n, sizeof *points);
	STAILQ_FOREACH(r, &l->committing, link)
		for (size_t i = 0; i < r->n; i++) {
			const struct metric_point *p = &r->points[i];
			*to++ = (struct store_point){.experiment = r->experiment, .number = r->number,
				.metric = p->metric, .step = p->has_step ? p->step : STORE_NO_STEP,
				.value = p->value, .time_us = p->time_us ? p->time_us : now};
		}
	assert(to == points + n);
	l->judgement = judge_points(c, l->arena, points, n);
	FAILPOINT("points-sent");
	send(l, points, n);
	free(points);
}

static struct lane *lane_of(struct reporter *r, int64_t experiment, int32_t number)
{
	return &r->lanes[(uint64_t)(experiment * 31 + number) % LANES];
}

static void enqueue(struct lane *l, struct report *r)
{
	STAILQ_INSERT_TAIL(&l->waiting, r, link);
	l->points += r->n;
	loop_wake(l->reporter->control->loop);
}

/* Once a pass, so that what arrived together is committed together. */
static void tail(void *ctx)
{
	struct reporter *r = ctx;

	for (size_t i = 0; i < LANES; i++)
		if (!r->lanes[i].resting)
			lane_go(&r->lanes[i]);
}

void reporter_release(struct control *c)
{
	for (size_t i = 0; i < LANES; i++) {
		struct lane *l = &c->reporter->lanes[i];
		STAILQ_CONCAT(&l->held, &l->waiting);
		STAILQ_CONCAT(&l->waiting, &l->held);
	}
	loop_wake(c->loop);
}

/* Clients hear of it; what backends collected is held on. */
void reporter_refuse(struct control *c, int64_t experiment, const struct err *e)
{
	for (size_t i = 0; i < LANES; i++) {
		struct lane *l = &c->reporter->lanes[i];
		struct reports keep = STAILQ_HEAD_INITIALIZER(keep);
		struct report *r;
		while ((r = STAILQ_FIRST(&l->held))) {
			STAILQ_REMOVE_HEAD(&l->held, link);
			if (r->arena || (experiment != 0 && r->experiment != experiment)) {
				STAILQ_INSERT_TAIL(&keep, r, link);
				continue;
			}
			l->points -= r->n;
			r->done(r->ctx, NULL, e);
			report_free(r);
		}
		STAILQ_CONCAT(&l->held, &keep);
	}
}

void control_report(struct control *c, int64_t experiment_id, int32_t number,
	const struct metric_point *points, size_t n, report_done_fn *done, void *ctx)
{
	struct lane *l = lane_of(c->reporter, experiment_id, number);
	struct experiment *x = control_experiment(c, experiment_id);
	struct trial *t = x ? experiment_trial(x, number) : NULL;
	struct report *r;
	struct err e;

	assert(n > 0);
	if (l->points + n > WAITING_POINTS_MAX) {
		err_set(&e, ERR_SLOW_DOWN, "%zu points wait for the database already; send again later", l->points);
		done(ctx, NULL, &e);
		return;
	}
	if (t)
		t->pushed = true;
	r = xcalloc(1, sizeof *r);
	*r = (struct report){.experiment = experiment_id, .number = number, .points = points, .n = n,
		.done = done, .ctx = ctx};
	enqueue(l, r);
}

/* ---- from backends ----------------------------------------------------------------------------- */

static const struct metric_point *copy_points(const struct run_event *ev, struct arena *a)
{
	struct metric_point *points = ARENA_NEW_N(a, struct metric_point, ev->n_points);

	for (size_t i = 0; i < ev->n_points; i++) {
		const struct run_point *p = &ev->points[i];
		points[i] = (struct metric_point){.metric = arena_strdup(a, p->metric), .value = p->value,
			.step = p->step, .has_step = true, .time_us = p->time_us};
	}
	return points;
}

/* A backend must not be acknowledged from inside its own event. */
struct late_ack {
	struct run_backend *backend;
	struct run_key key;
	uint64_t cursor;
};

static void ack_later(void *ctx)
{
	struct late_ack *ack = ctx;

	run_ack(ack->backend, &ack->key, ack->cursor);
	free(ack);
}

/* Of a trial that is not ours, or of an attempt before this one; and what its program pushes by itself. */
static void not_wanted(struct control *c, const struct run_event *ev)
{
	struct late_ack *ack = xcalloc(1, sizeof *ack);

	*ack = (struct late_ack){ev->from, ev->key, ev->cursor};
	loop_defer_free(c->loop, ack_later, ack);
	loop_wake(c->loop);
}

void reporter_run_points(struct control *c, const struct run_event *ev)
{
	struct experiment *x = control_experiment(c, ev->key.experiment_id);
	struct trial *t = x ? experiment_trial(x, ev->key.number) : NULL;
	struct arena *a;
	struct report *r;

	if (!t || strcmp(x->uid, ev->key.uid) != 0 || t->attempt != ev->key.attempt ||
		(ev->source == RUN_FROM_FALLBACK && t->pushed)) {
		not_wanted(c, ev);
		return;
	}
	a = arena_new();
	r = xcalloc(1, sizeof *r);
	*r = (struct report){.experiment = ev->key.experiment_id,
		.number = ev->key.number,
		.points = copy_points(ev, a),
		.n = ev->n_points,
		.arena = a,
		.key = ev->key,
		.cursor = ev->cursor,
		.backend = ev->from};
	enqueue(lane_of(c->reporter, r->experiment, r->number), r);
}
