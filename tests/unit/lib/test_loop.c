/* The loop: order within a pass, timers under a real and a virtual clock, descriptors, signals. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/attr.h"
#include "lib/clk.h"
#include "lib/loop.h"

struct trace {
	struct loop *loop;
	struct loop_timer *timer;
	char text[64];
	size_t n;
};

static void note(struct trace *t, char c)
{
	assert_true(t->n + 1 < sizeof t->text);
	t->text[t->n++] = c;
}

static void note_tail(void *ctx)
{
	note(ctx, 't');
}
static void note_free(void *ctx)
{
	note(ctx, 'f');
}
static void note_a(void *ctx)
{
	note(ctx, 'a');
}
static void note_b(void *ctx)
{
	note(ctx, 'b');
}
static void note_c(void *ctx)
{
	note(ctx, 'c');
}

static void defer_in_timer(void *ctx)
{
	struct trace *t = ctx;
	note(t, 'T');
	loop_defer_free(t->loop, note_free, t);
}

static void a_pass_runs_callbacks_then_tail_then_frees(void **state UNUSED)
{
	struct trace t = {.loop = loop_new()};
	struct loop_timer *timer = loop_timer_new(t.loop, defer_in_timer, &t);
	loop_at_tail(t.loop, note_tail, &t);
	loop_timer_after(timer, 0);
	assert_true(loop_pass(t.loop, true));
	assert_string_equal(t.text, "Ttf");
	loop_timer_free(timer);
	loop_free(t.loop);
}

static void frees_outstanding_at_the_end_are_run(void **state UNUSED)
{
	struct trace t = {.loop = loop_new()};
	loop_defer_free(t.loop, note_free, &t);
	loop_free(t.loop);
	assert_string_equal(t.text, "f");
}

static void a_wake_does_not_wait(void **state UNUSED)
{
	struct trace t = {.loop = loop_new()};
	loop_at_tail(t.loop, note_tail, &t);
	loop_wake(t.loop);
	assert_true(loop_pass(t.loop, true)); /* would wait for ever otherwise */
	assert_string_equal(t.text, "t");
	loop_free(t.loop);
}

static void virtual_timers_fire_when_time_was_advanced(void **state UNUSED)
{
	clk_set_virtual(1000, 0);
	struct trace t = {.loop = loop_new()};
	struct loop_timer *a = loop_timer_new(t.loop, note_a, &t);
	struct loop_timer *b = loop_timer_new(t.loop, note_b, &t);
	struct loop_timer *c = loop_timer_new(t.loop, note_c, &t);
	loop_timer_after(c, 3 * CLK_SECOND);
	loop_timer_after(a, CLK_SECOND);
	loop_timer_after(b, CLK_SECOND); /* same time: in the order of arming */
	loop_pass(t.loop, false);
	assert_string_equal(t.text, "");
	clk_advance(CLK_SECOND - 1);
	loop_pass(t.loop, false);
	assert_string_equal(t.text, "");
	clk_advance(1);
	loop_pass(t.loop, true);
	assert_string_equal(t.text, "ab");
	clk_advance(INT64_C(3600) * CLK_SECOND);
	loop_pass(t.loop, true);
	assert_string_equal(t.text, "abc");
	loop_timer_free(a);
	loop_timer_free(b);
	loop_timer_free(c);
	loop_free(t.loop);
	clk_set_real();
}

static void rearm(void *ctx)
{
	struct trace *t = ctx;
	note(t, 'r');
	loop_timer_after(t->timer, 0);
}

static void a_timer_that_rearms_itself_lets_the_rest_run(void **state UNUSED)
{
	struct trace t = {.loop = loop_new()};
	t.timer = loop_timer_new(t.loop, rearm, &t);
	loop_at_tail(t.loop, note_tail, &t);
	loop_timer_after(t.timer, 0);
	for (int i = 0; i < 3; i++)
		loop_pass(t.loop, true);
	assert_string_equal(t.text, "rtrtrt");
	loop_timer_free(t.timer);
	loop_free(t.loop);
}

static void rearming_replaces_and_cancelling_forgets(void **state UNUSED)
{
	clk_set_virtual(0, 0);
	struct trace t = {.loop = loop_new()};
	struct loop_timer *a = loop_timer_new(t.loop, note_a, &t);
	loop_timer_after(a, 10);
	loop_timer_after(a, 100);
	clk_advance(50);
	loop_pass(t.loop, false);
	assert_string_equal(t.text, "");
	clk_advance(50);
	loop_pass(t.loop, false);
	assert_string_equal(t.text, "a");
	loop_timer_after(a, 1);
	loop_timer_cancel(a);
	clk_advance(50);
	loop_pass(t.loop, false);
	assert_string_equal(t.text, "a");
	loop_timer_free(a);
	loop_free(t.loop);
	clk_set_real();
}

enum { MANY = 500 };
struct many {
	int64_t due[MANY], last;
	int fired;
};
struct one {
	struct many *all;
	int i;
};

static void check_order(void *ctx)
{
	struct one *o = ctx;
	assert_true(o->all->due[o->i] >= o->all->last);
	o->all->last = o->all->due[o->i];
	o->all->fired++;
}

/* The heap against the order of time, with a third of the timers taken out of its middle. */
static void many_timers_fire_in_order(void **state UNUSED)
{
	clk_set_virtual(0, 0);
	struct loop *l = loop_new();
	struct many m = {.last = -1};
	struct one one[MANY];
	struct loop_timer *timers[MANY];
	uint32_t x = 12345;
	for (int i = 0; i < MANY; i++) {
		x = x * 1664525 + 1013904223;
		m.due[i] = x >> 20;
		one[i] = (struct one){&m, i};
		timers[i] = loop_timer_new(l, check_order, &one[i]);
		loop_timer_after(timers[i], m.due[i]);
	}
	for (int i = 0; i < MANY; i += 3)
		loop_timer_cancel(timers[i]);
	for (int i = 0; i < 64; i++) {
		clk_advance(100);
		loop_pass(l, false);
	}
	assert_int_equal(m.fired, MANY - (MANY + 2) / 3);
	for (int i = 0; i < MANY; i++)
		loop_timer_free(timers[i]);
	loop_free(l);
	clk_set_real();
}

static void stop_loop(void *ctx)
{
	loop_stop(ctx, 7);
}

static void a_real_timer_ends_the_wait(void **state UNUSED)
{
	struct loop *l = loop_new();
	struct loop_timer *t = loop_timer_new(l, stop_loop, l);
	int64_t start_us = clk_now_us();
	loop_timer_after(t, 5000);
	assert_int_equal(loop_run(l), 7);
	assert_true(clk_now_us() - start_us >= 5000);
	loop_timer_free(t);
	loop_free(l);
}

static void read_one(void *ctx, int fd, unsigned io)
{
	struct trace *t = ctx;
	char c;
	assert_int_equal(io, LOOP_READ);
	assert_int_equal(read(fd, &c, 1), 1);
	note(t, c);
}

static void watches_are_level_triggered_and_can_be_silent(void **state UNUSED)
{
	struct trace t = {.loop = loop_new()};
	int fd[2];
	assert_int_equal(pipe(fd), 0);
	struct loop_watch *w = loop_watch_new(t.loop, fd[0], 0, read_one, &t);
	assert_int_equal(write(fd[1], "xyz", 3), 3);
	loop_pass(t.loop, false);
	assert_string_equal(t.text, "");
	loop_watch_set(w, LOOP_READ);
	loop_pass(t.loop, true);
	loop_pass(t.loop, true);
	assert_string_equal(t.text, "xy");
	loop_watch_set(w, 0);
	loop_pass(t.loop, false);
	assert_string_equal(t.text, "xy");
	loop_watch_free(w);
	loop_free(t.loop);
	close(fd[0]);
	close(fd[1]);
}

static void a_signal_reaches_its_handler(void **state UNUSED)
{
	struct trace t = {.loop = loop_new()};
	loop_on_signal(t.loop, SIGUSR1, note_a, &t);
	raise(SIGUSR1);
	loop_pass(t.loop, true);
	assert_string_equal(t.text, "a");
	loop_free(t.loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_pass_runs_callbacks_then_tail_then_frees),
		cmocka_unit_test(frees_outstanding_at_the_end_are_run),
		cmocka_unit_test(a_wake_does_not_wait),
		cmocka_unit_test(virtual_timers_fire_when_time_was_advanced),
		cmocka_unit_test(a_timer_that_rearms_itself_lets_the_rest_run),
		cmocka_unit_test(rearming_replaces_and_cancelling_forgets),
		cmocka_unit_test(many_timers_fire_in_order),
		cmocka_unit_test(a_real_timer_ends_the_wait),
		cmocka_unit_test(watches_are_level_triggered_and_can_be_silent),
		cmocka_unit_test(a_signal_reaches_its_handler),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
