/* Simulated trials under a virtual clock: everything that can become of one, and ten thousand. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/attr.h"
#include "lib/clk.h"
#include "lib/loop.h"
#include "lib/mem.h"
#include "trial-runner/simulated.h"
#include "trial-runner/simulated_functions.h"
#include "trial-runner/simulated_plan.h"

enum { KINDS = RUN_LOST + 1 };

struct world {
	struct loop *loop;
	struct run_backend *b;
	int counts[KINDS];
	double last_value;
	int64_t last_step, last_us;
	char reason[64], message[256];
	bool hold_acks, stopped;
	int32_t next, total;            /* a queue that refills itself */
	int running, most;
	const char *const *argv;
};

static struct run_order order(int32_t number, const char *const *argv)
{
	return (struct run_order){
		.key = {.experiment_id = 1, .number = number, .attempt = 1, .uid = "u"}, .argv = argv,
	};
}

static void start_next(struct world *w)
{
	struct run_order o = order(++w->next, w->argv);
	struct err e;

	assert_true(run_start(w->b, &o, &e));
	w->running++;
	w->most = w->running > w->most ? w->running : w->most;
}

static void on_event(void *ctx, const struct run_event *ev)
{
	struct world *w = ctx;
	bool last = ev->kind == RUN_ENDED || ev->kind == RUN_LOST || ev->kind == RUN_REJECTED;

	w->counts[ev->kind]++;
	w->last_us = clk_now_us();
	if (ev->kind == RUN_POINTS) {
		w->last_value = ev->points[ev->n_points - 1].value;
		w->last_step = ev->points[ev->n_points - 1].step;
		if (!w->hold_acks)
			run_ack(w->b, &ev->key, ev->cursor);
	}
	if (last) {
		w->running--;
		w->stopped = ev->stopped;
		snprintf(w->reason, sizeof w->reason, "%s", ev->reason);
		snprintf(w->message, sizeof w->message, "%s", ev->message);
		if (w->next < w->total)
			start_next(w);
	}
}

static struct world *world_new(const struct simulated_options *o, const char *const *argv)
{
	struct world *w = xcalloc(1, sizeof *w);

	clk_set_virtual(0, CLK_SECOND);
	w->loop = loop_new();
	w->b = simulated_new(w->loop, o, on_event, w);
	w->argv = argv;
	return w;
}

static void world_free(struct world *w)
{
	run_close(w->b);
	loop_free(w->loop);
	free(w);
	clk_set_real();
}

static void pass_time(struct world *w, int64_t us, int64_t step)
{
	for (int64_t t = 0; t < us; t += step) {
		clk_advance(step);
		loop_pass(w->loop, false);
	}
}

static const struct simulated_options plain = {.seed = 1};

static void a_trial_reports_its_curve_and_ends(void **state UNUSED)
{
	static const char *const argv[] = {"branin", "3.14159265358979", "2.275", "steps=10", "seconds=5", NULL};
	struct world *w = world_new(&plain, argv);

	start_next(w);
	loop_pass(w->loop, false);
	assert_int_equal(w->counts[RUN_STARTED], 1);
	pass_time(w, 4 * CLK_SECOND, CLK_SECOND / 10);
	assert_int_equal(w->counts[RUN_POINTS], 8);
	assert_true(w->last_value > 0.4);
	pass_time(w, CLK_SECOND, CLK_SECOND / 10);
	pass_time(w, CLK_SECOND / 10, CLK_SECOND / 10);
	assert_int_equal(w->counts[RUN_POINTS], 10);
	assert_int_equal(w->last_step, 9);
	assert_true(fabs(w->last_value - 0.397887) < 1e-5);
	assert_int_equal(w->counts[RUN_ENDED], 1);
	assert_string_equal(w->reason, "Completed");
	world_free(w);
}

static const struct {
	const char *argv[6], *message;
} bad[] = {
	{{"brannin", "1", "2"}, "there is no simulated function 'brannin'; there are sphere, rosenbrock"},
	{{"branin", "1"}, "branin takes 2 arguments"},
	{{"sphere"}, "sphere needs at least one argument"},
	{{"sphere", "1", "steps=many"}, "takes steps from 0 to"},
	{{"sphere", "1", "fail=2"}, "takes fail from 0 to 1, not '2'"},
	{{"sphere", "1", "seconds=5..2"}, "seconds like 0.5 or 0.5..2"},
	{{"sphere", "1", "speed=3"}, "no setting 'speed=3'"},
};

static void what_makes_no_sense_is_rejected(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct world *w = world_new(&plain, bad[i].argv);

		start_next(w);
		pass_time(w, 2, 1);
		assert_int_equal(w->counts[RUN_REJECTED], 1);
		if (!strstr(w->message, bad[i].message))
			fail_msg("'%s' does not contain '%s'", w->message, bad[i].message);
		world_free(w);
	}
}

static void the_end_waits_for_the_acknowledgement(void **state UNUSED)
{
	static const char *const argv[] = {"sphere", "1", "steps=3", NULL};
	struct world *w = world_new(&plain, argv);
	struct run_key key = order(1, argv).key;

	w->hold_acks = true;
	start_next(w);
	pass_time(w, 5 * CLK_SECOND, CLK_SECOND / 10);
	assert_int_equal(w->counts[RUN_POINTS], 3);
	assert_int_equal(w->counts[RUN_ENDED], 0);
	run_ack(w->b, &key, 2);
	pass_time(w, 10, 1);
	assert_int_equal(w->counts[RUN_ENDED], 0);
	run_ack(w->b, &key, 3);
	pass_time(w, 10, 1);
	assert_int_equal(w->counts[RUN_ENDED], 1);
	world_free(w);
}

static void a_stop_ends_it_at_once(void **state UNUSED)
{
	static const char *const argv[] = {"sphere", "1", "steps=100", "seconds=1000", NULL};
	struct world *w = world_new(&plain, argv);
	struct run_key key = order(1, argv).key;

	start_next(w);
	pass_time(w, 100 * CLK_SECOND, CLK_SECOND);
	run_stop(w->b, &key, &(struct run_stop){.reason = "MedianStop"});
	assert_int_equal(w->counts[RUN_ENDED], 0);
	pass_time(w, 2, 1);
	assert_int_equal(w->counts[RUN_ENDED], 1);
	assert_true(w->stopped);
	assert_string_equal(w->reason, "MedianStop");
	assert_true(w->last_us < 101 * CLK_SECOND);
	world_free(w);
}

static void an_adopted_one_is_lost(void **state UNUSED)
{
	static const char *const argv[] = {"sphere", "1", NULL};
	struct world *w = world_new(&plain, argv);
	struct run_key key = order(5, argv).key;

	w->running = 1;
	run_adopt(w->b, &key, NULL);
	pass_time(w, 2, 1);
	assert_int_equal(w->counts[RUN_LOST], 1);
	world_free(w);
}

static void ten_thousand_at_a_thousand_in_parallel(void **state UNUSED)
{
	static const char *const argv[] = {
		"sphere", "0.5", "adam", "steps=10", "seconds=1..100", "fail=0.1", "lose=0.05", "noise=0.1", NULL,
	};
	struct simulated_options o = {.seed = 42, .slots = 1000, .start_us = 1000};
	struct world *w = world_new(&o, argv);
	int ended, lost;

	w->total = 10000;
	for (int i = 0; i < 1000; i++)
		start_next(w);
	while (w->running > 0)
		pass_time(w, CLK_SECOND, CLK_SECOND / 100);
	ended = w->counts[RUN_ENDED];
	lost = w->counts[RUN_LOST];
	assert_int_equal(w->next, 10000);
	assert_int_equal(w->most, 1000);
	assert_int_equal(ended + lost, 10000);
	assert_int_equal(w->counts[RUN_STARTED], 10000);
	if (lost < 350 || lost > 550)
		fail_msg("%d were lost, expected about 450", lost);
	if (w->counts[RUN_POINTS] < 85000 || w->counts[RUN_POINTS] > 98000)
		fail_msg("%d points", w->counts[RUN_POINTS]);
	world_free(w);
}

static void the_same_seed_does_the_same(void **state UNUSED)
{
	static const char *const argv[] = {"sphere", "1", "seconds=1..9", "fail=0.5", "noise=1", NULL};
	struct simulated_options other = {.seed = 2};
	struct run_order o = order(17, argv);
	struct simulated_plan a, b, c;
	struct err e;

	assert_true(simulated_plan_make(&a, &plain, &o, &e));
	assert_true(simulated_plan_make(&b, &plain, &o, &e));
	assert_true(simulated_plan_make(&c, &other, &o, &e));
	assert_int_equal(a.duration_us, b.duration_us);
	assert_true(simulated_plan_value(&a, 0) == simulated_plan_value(&b, 0));
	assert_true(a.duration_us != c.duration_us);
}

static const struct {
	const char *name;
	double x[6];
	size_t n;
	double minimum;
} minima[] = {
	{"sphere", {0, 0, 0}, 3, 0},
	{"rosenbrock", {1, 1, 1, 1}, 4, 0},
	{"rastrigin", {0, 0}, 2, 0},
	{"ackley", {0, 0}, 2, 0},
	{"branin", {-M_PI, 12.275}, 2, 0.397887},
	{"branin", {9.42478, 2.475}, 2, 0.397887},
	{"hartmann6", {0.20169, 0.150011, 0.476874, 0.275332, 0.311652, 0.6573}, 6, -3.32237},
};

static void the_functions_have_their_known_minima(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_LEN(minima); i++) {
		const struct simulated_function *f = simulated_function_find(minima[i].name);
		double y;

		assert_non_null(f);
		y = f->value(minima[i].x, minima[i].n);
		if (fabs(y - minima[i].minimum) > 1e-5)
			fail_msg("%s is %.9g at its minimum, not %.9g", f->name, y, minima[i].minimum);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_trial_reports_its_curve_and_ends),
		cmocka_unit_test(what_makes_no_sense_is_rejected),
		cmocka_unit_test(the_end_waits_for_the_acknowledgement),
		cmocka_unit_test(a_stop_ends_it_at_once),
		cmocka_unit_test(an_adopted_one_is_lost),
		cmocka_unit_test(ten_thousand_at_a_thousand_in_parallel),
		cmocka_unit_test(the_same_seed_does_the_same),
		cmocka_unit_test(the_functions_have_their_known_minima),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
