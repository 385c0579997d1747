#include "trial-runner/simulated.h"

#include <assert.h>
#include <signal.h>
#include <stdlib.h>

#include "lib/clk.h"
#include "lib/loop.h"
#include "lib/mem.h"
#include "trial-runner/run_table.h"
#include "trial-runner/simulated_plan.h"
#include "trial-runner/slots.h"

enum {
	TURN_MAX = 256,                 /* runs moved before the loop gets its turn */
	AHEAD_MAX = 1000,               /* points not acknowledged, a run           */
};

enum phase {
	PHASE_START,                    /* then STARTED, or REJECTED */
	PHASE_RUN,                      /* then the next point       */
	PHASE_END,                      /* then ENDED, when all points are acknowledged */
	PHASE_LOST,                     /* adopted: LOST             */
};

struct sim_run {
	struct run_node node;           /* first */
	struct simulated_plan plan;
	struct run_resources resources;
	enum phase phase;
	char *problem;
	int64_t due_us, order;          /* of what comes next; runs due at once go in order */
	size_t at;                      /* place in the heap + 1; 0 = waits for an ack      */
	int64_t started_us;
	int64_t step;                   /* points told */
	int64_t acked;
	char *stop_reason;
};

struct simulated {
	struct run_backend base;        /* first */
	struct simulated_options options;
	struct slots slots;
	struct run_table runs;
	struct loop_timer *timer;
	struct sim_run **heap;
	size_t n_heap, cap_heap;
	int64_t orders;
};

static struct simulated *simulated_of(struct run_backend *b)
{
	return (struct simulated *)b;
}

static struct sim_run *find(struct simulated *s, const struct run_key *key)
{
	return (struct sim_run *)run_table_get(&s->runs, key);
}

/* --- what comes next, by time ---------------------------------------------------------------------- */

static bool earlier(const struct sim_run *a, const struct sim_run *b)
{
	return a->due_us != b->due_us ? a->due_us < b->due_us : a->order < b->order;
}

static void put(struct simulated *s, size_t i, struct sim_run *r)
{
	s->heap[i] = r;
	r->at = i + 1;
}

static void up(struct simulated *s, size_t i, struct sim_run *r)
{
	for (; i > 0 && earlier(r, s->heap[(i - 1) / 2]); i = (i - 1) / 2)
		put(s, i, s->heap[(i - 1) / 2]);
	put(s, i, r);
}

static void down(struct simulated *s, size_t i, struct sim_run *r)
{
	for (size_t child; (child = 2 * i + 1) < s->n_heap; i = child) {
		if (child + 1 < s->n_heap && earlier(s->heap[child + 1], s->heap[child]))
			child++;
		if (!earlier(s->heap[child], r))
			break;
		put(s, i, s->heap[child]);
	}
	put(s, i, r);
}

static void unschedule(struct simulated *s, struct sim_run *r)
{
	struct sim_run *last;
	size_t i = r->at - 1;

	assert(r->at == 0 || s->heap[i] == r);
	if (r->at == 0)
		return;
	last = s->heap[--s->n_heap];
	r->at = 0;
	if (last == r)
		return;
	down(s, i, last);
	up(s, last->at - 1, last);
}

static void arm(struct simulated *s)
{
	int64_t wait;

	if (s->n_heap == 0) {
		loop_timer_cancel(s->timer);
		return;
	}
	wait = s->heap[0]->due_us - clk_now_us();
	loop_timer_after(s->timer, wait > 0 ? wait : 0);
}

static void schedule(struct simulated *s, struct sim_run *r, int64_t due_us)
{
	unschedule(s, r);
	if (s->n_heap == s->cap_heap) {
		s->cap_heap = s->cap_heap ? s->cap_heap * 2 : 64;
		s->heap = xreallocarray(s->heap, s->cap_heap, sizeof *s->heap);
	}
	r->due_us = due_us;
	r->order = s->orders++;
	s->n_heap++;
	up(s, s->n_heap - 1, r);
	if (s->heap[0] == r)
		arm(s);
}

/* --- events ------------------------------------------------------------------------------------------- */

static void tell(struct simulated *s, const struct sim_run *r, struct run_event *ev)
{
	ev->from = &s->base;
	ev->key = r->node.key;
	ev->time_us = clk_wall_us();
	s->base.on_event(s->base.ctx, ev);
}

static void drop(struct simulated *s, struct sim_run *r)
{
	unschedule(s, r);
	run_table_remove(&s->runs, &r->node);
	slots_return(&s->slots, &r->resources, NULL);
	free(r->problem);
	free(r->stop_reason);
	free(r);
}

/* The run is gone before control hears of it: its slot is free by then. */
static void tell_last(struct simulated *s, struct sim_run *r, struct run_event *ev)
{
	struct sim_run last = *r;

	r->problem = r->stop_reason = NULL;
	drop(s, r);
	tell(s, &last, ev);
	free(last.problem);
	free(last.stop_reason);
}

static void tell_started(struct simulated *s, struct sim_run *r)
{
	struct run_event ev = {.kind = RUN_STARTED, .object = "{\"simulated\":true}"};

	assert(r->phase == PHASE_START);
	r->phase = PHASE_RUN;
	r->started_us = clk_now_us();
	tell(s, r, &ev);
}

static void tell_point(struct simulated *s, struct sim_run *r)
{
	struct run_point p = {
		.metric = r->plan.metric, .step = r->step, .value = simulated_plan_value(&r->plan, r->step),
		.time_us = clk_wall_us(),
	};
	struct run_event ev = {.kind = RUN_POINTS, .points = &p, .n_points = 1, .source = RUN_FROM_OUTPUT};

	ev.cursor = (uint64_t)++r->step;
	tell(s, r, &ev);
}

static void tell_lost(struct simulated *s, struct sim_run *r, const char *reason, const char *message)
{
	struct run_event ev = {.kind = RUN_LOST, .reason = reason, .message = message};

	tell_last(s, r, &ev);
}

static void tell_ended(struct simulated *s, struct sim_run *r)
{
	bool failed = r->plan.fail_at >= 0 && !r->stop_reason;
	struct run_event ev = {
		.kind = RUN_ENDED, .stopped = r->stop_reason != NULL, .stop_reason = r->stop_reason, .last_lines = "",
		.reason = r->stop_reason ? r->stop_reason : failed ? "Error" : "Completed",
		.message = r->stop_reason ? "was stopped" : failed ? "ended with exit code 1" : "ended with exit code 0",
		.exit_code = r->stop_reason ? -1 : failed, .signal = r->stop_reason ? SIGTERM : 0,
	};

	tell_last(s, r, &ev);
}

/* --- a run's life --------------------------------------------------------------------------------------- */

static int64_t step_due(const struct sim_run *r, int64_t step)
{
	return r->started_us + r->plan.duration_us * step / (r->plan.steps > 0 ? r->plan.steps : 1);
}

/* The end comes with the last point, or after the whole time when there are none. */
static void schedule_next(struct simulated *s, struct sim_run *r)
{
	bool over = r->step >= r->plan.steps || r->step == r->plan.fail_at || r->step == r->plan.lose_at;

	if (over && r->phase == PHASE_RUN)
		r->phase = PHASE_END;
	if (r->phase == PHASE_END && r->acked < r->step)
		return;
	if (r->phase == PHASE_RUN && r->step - r->acked >= AHEAD_MAX)
		return;
	if (r->phase == PHASE_RUN)
		schedule(s, r, step_due(r, r->step + 1));
	else
		schedule(s, r, r->stop_reason || r->step > 0 ? clk_now_us() : step_due(r, 1));
}

static void move(struct simulated *s, struct sim_run *r)
{
	struct run_event ev = {.kind = RUN_REJECTED, .reason = "StartError", .message = r->problem};
	struct run_key key = r->node.key;

	switch (r->phase) {
	case PHASE_START:
		if (r->problem) {
			tell_last(s, r, &ev);
			return;
		}
		tell_started(s, r);
		break;
	case PHASE_RUN:
		tell_point(s, r);
		break;
	case PHASE_END:
		if (r->plan.lose_at >= 0 && !r->stop_reason)
			tell_lost(s, r, "SimulatedLoss", "the simulation lost it");
		else
			tell_ended(s, r);
		return;
	case PHASE_LOST:
		tell_lost(s, r, "NotFound", "simulated trials end with the server");
		return;
	}
	/* The callback may have stopped or forgotten it, and acknowledged at once. */
	r = find(s, &key);
	if (r && r->at == 0)
		schedule_next(s, r);
}

static void on_time(void *ctx)
{
	struct simulated *s = ctx;
	int64_t now = clk_now_us();

	for (int i = 0; i < TURN_MAX && s->n_heap > 0 && s->heap[0]->due_us <= now; i++) {
		struct sim_run *r = s->heap[0];

		unschedule(s, r);
		move(s, r);
	}
	arm(s);
}

/* --- the vtable ------------------------------------------------------------------------------------------- */

static struct sim_run *add(struct simulated *s, const struct run_key *key, const struct run_resources *res,
	enum phase phase)
{
	struct sim_run *r = xcalloc(1, sizeof *r);

	r->node.key = *key;
	r->resources = *res;
	r->phase = phase;
	slots_retake(&s->slots, res, NULL);
	run_table_put(&s->runs, &r->node);
	return r;
}

static bool simulated_start(struct run_backend *b, const struct run_order *o, struct err *e)
{
	struct simulated *s = simulated_of(b);
	struct sim_run *r;
	struct err problem;

	if (find(s, &o->key))
		return true;
	if (!o->argv || !o->argv[0])
		return err_set(e, ERR_INVALID, "a simulated trial needs a command");
	if (slots_fit(&s->slots, &o->resources) != RUN_FITS)
		return err_set(e, ERR_SLOW_DOWN, "no slot is free");
	r = add(s, &o->key, &o->resources, PHASE_START);
	if (!simulated_plan_make(&r->plan, &s->options, o, &problem))
		r->problem = xstrdup(problem.detail);
	schedule(s, r, clk_now_us() + s->options.start_us);
	return true;
}

static void simulated_adopt(struct run_backend *b, const struct run_key *key, const char *object UNUSED)
{
	struct simulated *s = simulated_of(b);
	const struct run_resources none = {0};

	if (!find(s, key))
		schedule(s, add(s, key, &none, PHASE_LOST), clk_now_us());
}

static void simulated_stop(struct run_backend *b, const struct run_key *key, const struct run_stop *how)
{
	struct simulated *s = simulated_of(b);
	struct sim_run *r = find(s, key);

	if (!r || r->stop_reason || r->phase == PHASE_LOST || r->problem)
		return;
	r->stop_reason = xstrdup(how->reason ? how->reason : "Stopped");
	r->phase = PHASE_END;
	unschedule(s, r);
	schedule_next(s, r);
}

static void simulated_ack(struct run_backend *b, const struct run_key *key, uint64_t cursor)
{
	struct simulated *s = simulated_of(b);
	struct sim_run *r = find(s, key);

	if (!r || (int64_t)cursor <= r->acked)
		return;
	assert((int64_t)cursor <= r->step);
	r->acked = (int64_t)cursor;
	if (r->at == 0)
		schedule_next(s, r);
}

static void simulated_forget(struct run_backend *b, const struct run_key *key)
{
	struct simulated *s = simulated_of(b);
	struct sim_run *r = find(s, key);

	if (r)
		drop(s, r);
}

static void simulated_sweep(struct run_backend *b UNUSED, void (*found)(void *, const struct run_key *) UNUSED,
	void *ctx UNUSED)
{
	/* Nothing outlives the server. */
}

static enum run_fit simulated_fit(struct run_backend *b, const struct run_resources *r)
{
	return slots_fit(&simulated_of(b)->slots, r);
}

static void simulated_capacity(struct run_backend *b, struct run_capacity *out)
{
	*out = simulated_of(b)->slots.cap;
}

struct sim_log {
	struct run_log base;            /* first */
	struct loop_timer *timer;
	run_log_fn *fn;
	void *ctx;
};

static void say_no_log(void *ctx)
{
	struct sim_log *log = ctx;
	struct err e;

	(void)err_set(&e, ERR_NOT_FOUND, "simulated trials have no log");
	log->fn(log->ctx, NULL, 0, 0, true, &e);
}

static struct run_log *simulated_log_open(struct run_backend *b, const struct run_log_query *q UNUSED,
	run_log_fn *fn, void *ctx)
{
	struct sim_log *log = xcalloc(1, sizeof *log);

	*log = (struct sim_log){.base.backend = b, .timer = loop_timer_new(b->loop, say_no_log, log), .fn = fn, .ctx = ctx};
	loop_timer_after(log->timer, 0);
	return &log->base;
}

static void simulated_log_resume(struct run_log *log UNUSED)
{
}

static void free_log(void *ctx)
{
	struct sim_log *log = ctx;

	loop_timer_free(log->timer);
	free(log);
}

static void simulated_log_close(struct run_log *log)
{
	loop_timer_cancel(((struct sim_log *)log)->timer);
	loop_defer_free(log->backend->loop, free_log, log);
}

static void simulated_purge(struct run_backend *b UNUSED, const char *uid UNUSED)
{
}

static void simulated_close(struct run_backend *b)
{
	struct simulated *s = simulated_of(b);
	struct run_node *node;

	while ((node = run_table_any(&s->runs)))
		drop(s, (struct sim_run *)node);
	loop_timer_free(s->timer);
	run_table_free(&s->runs);
	slots_free(&s->slots);
	free(s->heap);
	free(s);
}

static const struct run_backend_type simulated_type = {
	.name = "simulated",
	.start = simulated_start,
	.adopt = simulated_adopt,
	.stop = simulated_stop,
	.ack = simulated_ack,
	.forget = simulated_forget,
	.sweep = simulated_sweep,
	.fit = simulated_fit,
	.capacity = simulated_capacity,
	.log_open = simulated_log_open,
	.log_resume = simulated_log_resume,
	.log_close = simulated_log_close,
	.purge = simulated_purge,
	.close = simulated_close,
};

struct run_backend *simulated_new(struct loop *l, const struct simulated_options *o, run_event_fn *fn, void *ctx)
{
	struct simulated *s = xcalloc(1, sizeof *s);

	s->base = (struct run_backend){.type = &simulated_type, .loop = l, .on_event = fn, .ctx = ctx};
	s->options = *o;
	slots_init(&s->slots, o->slots, 0, NULL);
	run_table_init(&s->runs);
	s->timer = loop_timer_new(l, on_time, s);
	return &s->base;
}
