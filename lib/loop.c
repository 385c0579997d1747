#include "lib/loop.h"

#include <assert.h>
#include <event2/event.h>
#include <stdlib.h>
#include <time.h>

#include "lib/clk.h"
#include "lib/log.h"
#include "lib/mem.h"

struct hook {
	loop_fn *fn;
	void *ctx;
	struct hook *next;
};

struct on_signal {
	struct event *ev;
	loop_fn *fn;
	void *ctx;
	struct on_signal *next;
};

struct loop_timer {
	struct loop *loop;
	loop_fn *fn;
	void *ctx;
	int64_t due_us;
	uint64_t order; /* of arming: timers due at the same time fire in this order */
	size_t at;      /* place in the heap + 1; 0 = not armed                      */
};

struct loop {
	struct event_base *base;
	struct event *alarm;      /* ends the wait when the first timer is due */
	int64_t alarm_us;         /* what it is set to; INT64_MAX = off        */
	struct loop_timer **heap; /* binary heap by (due_us, order)            */
	size_t n_heap, cap_heap;
	uint64_t armings;
	struct hook *tail, **tail_end;
	struct hook *frees, **frees_end;
	struct on_signal *signals;
	bool woken, stopped;
	int exit_code;
	void (*on_pass)(void *ctx, int64_t us);
	void *on_pass_ctx;
};

struct loop_watch {
	struct event *ev;
	unsigned io;
	loop_io_fn *fn;
	void *ctx;
};

/* When this thread's pass began; 0: it still waits. */
static _Thread_local int64_t pass_began_us;

static int64_t real_us(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * CLK_SECOND + t.tv_nsec / 1000;
}

void loop_mark(void)
{
	if (pass_began_us == 0)
		pass_began_us = real_us();
}

void loop_on_pass(struct loop *l, void (*fn)(void *ctx, int64_t us), void *ctx)
{
	l->on_pass = fn;
	l->on_pass_ctx = ctx;
}

static void pass_ends(struct loop *l)
{
	static struct log_limit limit;
	const int64_t us = real_us() - pass_began_us;
	pass_began_us = 0;
	if (l->on_pass)
		l->on_pass(l->on_pass_ctx, us);
	if (us > LOOP_PASS_MAX_US && log_limit_pass(&limit, 10 * CLK_SECOND))
		LOG_WARN("a pass of the loop took long: everybody waited", L_INT("us", us),
			L_INT("others", (int64_t)limit.skipped));
}

static void on_alarm(evutil_socket_t fd UNUSED, short what UNUSED, void *ctx)
{
	struct loop *l = ctx;
	loop_mark();
	l->alarm_us = INT64_MAX;
}

struct loop *loop_new(void)
{
	struct event_config *cfg = event_config_new();
	struct loop *l = xcalloc(1, sizeof *l);
	/* One thread per loop; other threads reach it through an eventfd. */
	event_config_set_flag(cfg, EVENT_BASE_FLAG_NOLOCK);
	l->base = event_base_new_with_config(cfg);
	event_config_free(cfg);
	if (!l->base)
		abort();
	l->alarm = evtimer_new(l->base, on_alarm, l);
	l->alarm_us = INT64_MAX;
	l->tail_end = &l->tail;
	l->frees_end = &l->frees;
	return l;
}

static void hook_add(struct hook ***end, loop_fn *fn, void *ctx)
{
	struct hook *h = xmalloc(sizeof *h);
	*h = (struct hook){.fn = fn, .ctx = ctx};
	**end = h;
	*end = &h->next;
}

/* What is freed may defer further frees: go on until there are none. */
static void run_frees(struct loop *l)
{
	while (l->frees) {
		struct hook *h = l->frees;
		l->frees = NULL;
		l->frees_end = &l->frees;
		while (h) {
			struct hook *next = h->next;
			h->fn(h->ctx);
			free(h);
			h = next;
		}
	}
}

void loop_free(struct loop *l)
{
	if (!l)
		return;
	run_frees(l);
	/* Buffers that were just freed wait for a callback of libevent's own to let go of them. */
	event_base_loop(l->base, EVLOOP_NONBLOCK);
	for (struct hook *h = l->tail, *next; h; h = next) {
		next = h->next;
		free(h);
	}
	for (struct on_signal *s = l->signals, *next; s; s = next) {
		next = s->next;
		event_free(s->ev);
		free(s);
	}
	assert(l->n_heap == 0 && "a timer outlives its loop");
	free(l->heap);
	event_free(l->alarm);
	event_base_free(l->base);
	free(l);
}

struct event_base *loop_base(struct loop *l)
{
	return l->base;
}

/* --- timers --------------------------------------------------------------------------------- */

static bool earlier(const struct loop_timer *a, const struct loop_timer *b)
{
	return a->due_us != b->due_us ? a->due_us < b->due_us : a->order < b->order;
}

static void heap_put(struct loop *l, size_t i, struct loop_timer *t)
{
	l->heap[i] = t;
	t->at = i + 1;
}

static void heap_up(struct loop *l, size_t i, struct loop_timer *t)
{
	while (i > 0 && earlier(t, l->heap[(i - 1) / 2])) {
		heap_put(l, i, l->heap[(i - 1) / 2]);
		i = (i - 1) / 2;
	}
	heap_put(l, i, t);
}

static void heap_down(struct loop *l, size_t i, struct loop_timer *t)
{
	for (size_t child; (child = 2 * i + 1) < l->n_heap; i = child) {
		if (child + 1 < l->n_heap && earlier(l->heap[child + 1], l->heap[child]))
			child++;
		if (!earlier(l->heap[child], t))
			break;
		heap_put(l, i, l->heap[child]);
	}
	heap_put(l, i, t);
}

static void heap_remove(struct loop *l, struct loop_timer *t)
{
	size_t i = t->at - 1;
	assert(l->heap[i] == t);
	struct loop_timer *last = l->heap[--l->n_heap];
	t->at = 0;
	if (last == t)
		return;
	if (i > 0 && earlier(last, l->heap[(i - 1) / 2]))
		heap_up(l, i, last);
	else
		heap_down(l, i, last);
}

struct loop_timer *loop_timer_new(struct loop *l, loop_fn *fn, void *ctx)
{
	struct loop_timer *t = xcalloc(1, sizeof *t);
	t->loop = l;
	t->fn = fn;
	t->ctx = ctx;
	return t;
}

void loop_timer_free(struct loop_timer *t)
{
	if (!t)
		return;
	loop_timer_cancel(t);
	free(t);
}

void loop_timer_after(struct loop_timer *t, int64_t us)
{
	struct loop *l = t->loop;
	loop_timer_cancel(t);
	t->due_us = clk_now_us() + (us > 0 ? us : 0);
	t->order = l->armings++;
	if (l->n_heap == l->cap_heap) {
		l->cap_heap = l->cap_heap ? l->cap_heap * 2 : 64;
		l->heap = xreallocarray(l->heap, l->cap_heap, sizeof *l->heap);
	}
	heap_up(l, l->n_heap++, t);
}

void loop_timer_cancel(struct loop_timer *t)
{
	if (t && t->at)
		heap_remove(t->loop, t);
}

/* Those armed by the callbacks themselves wait for the next pass, so that a timer of 0 µs that
 * re-arms itself does not keep the loop from its other work. */
static void run_timers(struct loop *l)
{
	if (l->n_heap == 0)
		return;
	int64_t now_us = clk_now_us();
	uint64_t before = l->armings;
	while (l->n_heap && l->heap[0]->due_us <= now_us && l->heap[0]->order < before) {
		struct loop_timer *t = l->heap[0];
		heap_remove(l, t);
		t->fn(t->ctx);
	}
}

/* Returns true if a timer is due now. Under a virtual clock time stands still while we wait, so
 * there is nothing to set. */
static bool set_alarm(struct loop *l)
{
	int64_t due_us = l->n_heap ? l->heap[0]->due_us : INT64_MAX;
	int64_t now_us = due_us == INT64_MAX ? 0 : clk_now_us();
	if (due_us <= now_us)
		return true;
	if (clk_is_virtual())
		due_us = INT64_MAX;
	if (due_us == l->alarm_us)
		return false;
	if (due_us == INT64_MAX) {
		evtimer_del(l->alarm);
	} else {
		/* libevent's own clock may be a cached one: one more microsecond never fires early. */
		int64_t left_us = due_us - now_us + 1;
		struct timeval left = {left_us / CLK_SECOND, left_us % CLK_SECOND};
		evtimer_add(l->alarm, &left);
	}
	l->alarm_us = due_us;
	return false;
}

/* --- passes --------------------------------------------------------------------------------- */

bool loop_pass(struct loop *l, bool wait)
{
	bool block = wait && !l->woken && !l->stopped;
	if (block && set_alarm(l))
		block = false;
	event_base_loop(l->base, EVLOOP_ONCE | EVLOOP_NO_EXIT_ON_EMPTY | (block ? 0 : EVLOOP_NONBLOCK));
	loop_mark();
	run_timers(l);
	l->woken = false;
	for (struct hook *h = l->tail; h; h = h->next)
		h->fn(h->ctx);
	run_frees(l);
	pass_ends(l);
	return !l->stopped;
}

int loop_run(struct loop *l)
{
	while (!l->stopped)
		loop_pass(l, true);
	return l->exit_code;
}

void loop_stop(struct loop *l, int exit_code)
{
	l->stopped = true;
	l->exit_code = exit_code;
}

void loop_at_tail(struct loop *l, loop_fn *fn, void *ctx)
{
	hook_add(&l->tail_end, fn, ctx);
}

void loop_wake(struct loop *l)
{
	l->woken = true;
}

void loop_defer_free(struct loop *l, loop_fn *fn, void *ctx)
{
	hook_add(&l->frees_end, fn, ctx);
	l->woken = true;
}

static void on_signal(evutil_socket_t signo UNUSED, short what UNUSED, void *ctx)
{
	struct on_signal *s = ctx;
	loop_mark();
	s->fn(s->ctx);
}

void loop_on_signal(struct loop *l, int signo, loop_fn *fn, void *ctx)
{
	struct on_signal *s = xcalloc(1, sizeof *s);
	*s = (struct on_signal){.fn = fn, .ctx = ctx, .next = l->signals};
	s->ev = evsignal_new(l->base, signo, on_signal, s);
	if (!s->ev || evsignal_add(s->ev, NULL) != 0)
		abort();
	l->signals = s;
}

/* --- file descriptors ----------------------------------------------------------------------- */

static void on_io(evutil_socket_t fd, short what, void *ctx)
{
	struct loop_watch *w = ctx;
	unsigned io = (what & EV_READ ? LOOP_READ : 0) | (what & EV_WRITE ? LOOP_WRITE : 0);
	loop_mark();
	w->fn(w->ctx, (int)fd, io);
}

struct loop_watch *loop_watch_new(struct loop *l, int fd, unsigned io, loop_io_fn *fn, void *ctx)
{
	assert(fd >= 0);
	struct loop_watch *w = xcalloc(1, sizeof *w);
	w->fn = fn;
	w->ctx = ctx;
	w->ev = event_new(l->base, fd, 0, on_io, w);
	if (!w->ev)
		abort();
	loop_watch_set(w, io);
	return w;
}

void loop_watch_set(struct loop_watch *w, unsigned io)
{
	assert((io & ~(unsigned)(LOOP_READ | LOOP_WRITE)) == 0);
	if (io == w->io)
		return;
	event_del(w->ev);
	if (io) {
		short what = EV_PERSIST;
		if (io & LOOP_READ)
			what |= EV_READ;
		if (io & LOOP_WRITE)
			what |= EV_WRITE;
		event_assign(w->ev, event_get_base(w->ev), event_get_fd(w->ev), what, on_io, w);
		event_add(w->ev, NULL);
	}
	w->io = io;
}

void loop_watch_free(struct loop_watch *w)
{
	if (!w)
		return;
	event_free(w->ev);
	free(w);
}
