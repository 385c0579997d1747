/*
 * The loop thread. It owns every mutable object of the server: connections, requests, experiments,
 * processes. Events only record what happened and mark what is dirty; hooks that run at the tail of
 * each pass decide. Nothing on this thread blocks.
 *
 *     one pass = wait for events -> callbacks -> tail hooks (in order of registration)
 *                -> deferred frees
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct loop;
struct event_base;
struct loop_timer;

struct loop *loop_new(void);
void loop_free(struct loop *l);                 /* runs outstanding deferred frees */
struct event_base *loop_base(struct loop *l);   /* for libevent's own objects      */

int loop_run(struct loop *l);                   /* until loop_stop(); its exit code */
void loop_stop(struct loop *l, int exit_code);
bool loop_pass(struct loop *l, bool wait);      /* one pass (tests); false once stopped */

typedef void loop_fn(void *ctx);

void loop_at_tail(struct loop *l, loop_fn *fn, void *ctx);      /* every pass, for ever          */
void loop_wake(struct loop *l);                                 /* let the tail run soon         */
void loop_defer_free(struct loop *l, loop_fn *fn, void *ctx);   /* after this pass               */
void loop_on_signal(struct loop *l, int signo, loop_fn *fn, void *ctx);

/* How long a pass took from its first callback to its end, on the real clock; called at that end. A
 * pass above LOOP_PASS_MAX_US is logged as a warning, at most once in ten seconds. */
enum { LOOP_PASS_MAX_US = 50000 };
void loop_on_pass(struct loop *l, void (*fn)(void *ctx, int64_t us), void *ctx);
/* A pass begins when the wait for events is over, which libevent does not tell: its own callbacks
 * (those of objects made with loop_base()) say so by calling this first. */
void loop_mark(void);

/* A timer that is owned by its user; re-arming replaces. Uses clk_now_us(): under a virtual clock it
 * fires when the clock has been advanced past it. */
struct loop_timer *loop_timer_new(struct loop *l, loop_fn *fn, void *ctx);
void loop_timer_free(struct loop_timer *t);
void loop_timer_after(struct loop_timer *t, int64_t us);
void loop_timer_cancel(struct loop_timer *t);

enum loop_io { LOOP_READ = 1, LOOP_WRITE = 2 };
struct loop_watch;
typedef void loop_io_fn(void *ctx, int fd, unsigned io);
/* Level-triggered; io may be 0 (registered, silent). The fd stays the caller's. */
struct loop_watch *loop_watch_new(struct loop *l, int fd, unsigned io, loop_io_fn *fn, void *ctx);
void loop_watch_set(struct loop_watch *w, unsigned io);
void loop_watch_free(struct loop_watch *w);
