/*
 * A stopper is a function of the set of what it was told: fed in any order, with repetitions and with values
 * that are corrected later, it judges what comes next as the one that was fed in order; so does one that
 * is rebuilt from what a living one had taken in and decided. And its memory has a bound.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "algorithms/rng.h"
#include "algorithms/stopping/rule.h"
#include "tests/unit/algorithms/stopping.h"

enum { ROUNDS = 60, TRIALS = 40, EVENTS_MAX = 40000, MORE = 400 };

enum kind { BEGIN, POINT, TOLD, END };

struct event {
	enum kind kind;
	uint32_t number;
	double step, value; /* value: of a point, or the final one                         */
	enum algo_status status;
};

struct trial {
	int32_t bracket;
	uint32_t parent;
	double resource, first, stride, level;
	uint32_t n; /* points so far                                               */
};

struct world {
	struct rng rng;
	struct trial trials[2 * TRIALS + 1];
	struct event events[EVENTS_MAX];
	uint32_t n;
};

static uint32_t below(struct world *w, uint32_t n)
{
	return (uint32_t)(rng_uniform(&w->rng) * n);
}

/* ---- what there is to tell --------------------------------------------------------------------- */

static void add(struct world *w, struct event e)
{
	assert_true(w->n < EVENTS_MAX);
	w->events[w->n++] = e;
}

static void make_trial(struct world *w, uint32_t number)
{
	static const double strides[] = {1, 1, 1, 1000, 0.1, 2};
	struct trial *t = &w->trials[number];

	*t = (struct trial){.bracket = (int32_t)below(w, 3) - (below(w, 4) == 0),
		.stride = strides[below(w, 6)],
		.level = rng_uniform(&w->rng),
		.resource = below(w, 5) ? NAN : 10};
	t->first = below(w, 2) ? 0 : t->stride;
	if (below(w, 5) == 0 && number > 1)
		t->parent = 1 + below(w, number - 1);
}

static double draw_value(struct world *w, const struct trial *t)
{
	if (below(w, 40) == 0)
		return below(w, 2) ? NAN : below(w, 2) ? INFINITY : -INFINITY;
	if (below(w, 4) == 0)
		return below(w, 4) * 0.25; /* ties */
	return t->level + exp(-0.2 * t->n) + 0.1 * rng_uniform(&w->rng);
}

static struct event next_point(struct world *w, uint32_t number)
{
	struct trial *t = &w->trials[number];
	double step = t->first + t->stride * t->n++;

	return (struct event){.kind = POINT, .number = number, .step = step, .value = draw_value(w, t)};
}

static void make_events(struct world *w)
{
	w->n = 0;
	for (uint32_t number = 1; number <= TRIALS; number++) {
		uint32_t n = below(w, 40) ? below(w, 40) : 400 + below(w, 800); /* more than are kept */
		enum algo_status ends[] = {ALGO_SUCCEEDED, ALGO_SUCCEEDED, ALGO_FAILED, ALGO_STOPPED, ALGO_ABANDONED};

		make_trial(w, number);
		add(w, (struct event){.kind = BEGIN, .number = number});
		for (uint32_t i = 0; i < n; i++)
			add(w, next_point(w, number));
		if (below(w, 6) == 0)
			add(w, (struct event){.kind = TOLD, .number = number});
		if (below(w, 4))
			add(w, (struct event){.kind = END,
					   .number = number,
					   .status = ends[below(w, 5)],
					   .value = draw_value(w, &w->trials[number])});
	}
}

static void tell(struct stopper *s, const struct world *w, const struct event *e)
{
	const struct trial *t = &w->trials[e->number];

	switch (e->kind) {
	case BEGIN:
		assert_true(stopper_begin(s, e->number, t->bracket, t->parent, t->resource));
		break;
	case POINT:
		assert_true(stopper_restore(s, e->number, e->step, e->value));
		break;
	case TOLD:
		assert_true(stopper_told(s, e->number));
		break;
	case END:
		assert_true(stopper_end(s, e->number, e->status, e->value));
		break;
	}
}

/* In any order, some of it twice, some of it wrong at first. */
static void tell_in_disorder(struct stopper *s, struct world *w)
{
	static uint32_t order[EVENTS_MAX];

	for (uint32_t i = 0; i < w->n; i++)
		order[i] = i;
	for (uint32_t i = w->n; i > 1; i--) {
		uint32_t k = below(w, i), swap = order[i - 1];

		order[i - 1] = order[k];
		order[k] = swap;
	}
	for (uint32_t i = 0; i < w->n; i++) {
		const struct event *e = &w->events[order[i]];
		struct event wrong = *e;

		wrong.value = draw_value(w, &w->trials[e->number]);
		wrong.status = ALGO_ABANDONED;
		if (e->kind != BEGIN && below(w, 8) == 0)
			tell(s, w, &wrong);
		tell(s, w, e);
		if (below(w, 8) == 0)
			tell(s, w, e);
	}
}

/* ---- what is judged ---------------------------------------------------------------------------- */

static const char *const rules[] = {
	"medianstop start_step=2",
	"medianstop rule=katib",
	"percentile percentile=60",
	"threshold upper=1.5",
	"patience patience=3",
	"wilcoxon p_threshold=0.3",
	"curve probability=0.4",
	"medianstop start_step=1 min_trials_required=1",
};
enum { N_RULES = sizeof(rules) / sizeof(*rules) };

static struct stopper *draw_stopper(struct world *w, struct stopping_rule uses[2], uint32_t round)
{
	static const struct algo_rungs rungs = {.at = {1, 3, 9}, .n = 3, .brackets = 2, .max = 27, .eta = 3};
	struct stop_use both[2];
	struct stop_problem p = {.direction = below(w, 2) ? ALGO_MAXIMIZE : ALGO_MINIMIZE,
		.value = below(w, 3) ? STOP_BEST : STOP_LATEST,
		.metric = "loss",
		.uses = both,
		.n_uses = 1 + below(w, 2),
		.all = below(w, 2),
		.rungs = below(w, 2) ? &rungs : NULL,
		.max_resource = below(w, 2) ? 27 : NAN};
	struct stopper *s;

	stopping_rule_init(&uses[0], rules[round % N_RULES]);
	stopping_rule_init(&uses[1], rules[below(w, N_RULES)]);
	both[0] = uses[0].use;
	both[1] = uses[1].use;
	if (round % 9 == 8) {
		p.n_uses = 0;
		p.rungs = &rungs;
	}
	/* The draws of two stoppers of one round are the same. */
	s = stopper_new(&p);
	assert_non_null(s);
	return s;
}

static void assert_same_curves(const struct stopper *a, const struct stopper *b)
{
	for (uint32_t number = 1; number <= TRIALS; number++) {
		uint32_t n, m;
		const struct algo_point *x = stopper_curve(a, number, &n), *y = stopper_curve(b, number, &m);

		assert_int_equal(n, m);
		assert_true(n <= STOP_POINTS_MAX);
		if (n > 0)
			assert_memory_equal(x, y, n * sizeof(*x));
	}
}

static void assert_same_rungs(const struct stopper *a, const struct stopper *b)
{
	for (int32_t bracket = 0; bracket < 2; bracket++)
		for (uint32_t k = 0; k < 3; k++) {
			struct stop_entry x[2 * TRIALS], y[2 * TRIALS];
			uint32_t n = stopper_rung(a, bracket, k, x, 2 * TRIALS),
					 m = stopper_rung(b, bracket, k, y, 2 * TRIALS);

			assert_int_equal(n, m);
			for (uint32_t i = 0; i < n; i++) {
				assert_int_equal(x[i].number, y[i].number);
				assert_true(x[i].value == y[i].value);
			}
		}
}

/* The same reports to both, of trials that exist and of new ones. Returns how many were stopped. */
static uint32_t go_on(struct world *w, struct stopper *a, struct stopper *b)
{
	uint32_t last = TRIALS, stops = 0;

	for (uint32_t i = 0; i < MORE; i++) {
		struct stop_verdict x = {0}, y = {0};
		uint32_t number =
			below(w, 8) && last > TRIALS ? TRIALS + 1 + below(w, last - TRIALS) : 1 + below(w, last);
		enum stop_outcome one, two;
		struct event e;

		if (below(w, 10) == 0 && last < 2 * TRIALS) {
			make_trial(w, number = ++last);
			e = (struct event){.kind = BEGIN, .number = number};
			tell(a, w, &e);
			tell(b, w, &e);
		}
		e = next_point(w, number);
		one = stopper_report(a, number, e.step, e.value, &x);
		two = stopper_report(b, number, e.step, e.value, &y);
		if (one != two || strcmp(x.message, y.message) != 0)
			fail_msg(
				"trial %u, step %g: %d \"%s\", %d \"%s\"", number, e.step, one, x.message, two, y.message);
		if (one == STOP_NOW) {
			assert_ptr_equal(x.reason, y.reason);
			assert_true(strlen(x.message) > 10 && x.step == e.step && y.step == e.step);
			stops++;
		}
		if (one == STOP_NOW || below(w, 40) == 0) {
			e = (struct event){.kind = END,
				.number = number,
				.status = one == STOP_NOW ? ALGO_STOPPED : ALGO_SUCCEEDED,
				.value = e.value};
			tell(a, w, &e);
			tell(b, w, &e);
		}
	}
	return stops;
}

static struct world world;

static void order_does_not_count(void **state)
{
	uint32_t stops = 0;

	(void)state;
	for (uint32_t round = 0; round < ROUNDS; round++) {
		struct stopping_rule uses[2];
		struct stopper *a, *b;
		struct rng before;

		world.rng = rng_stream(round, RNG_MODEL, 1);
		before = world.rng;
		a = draw_stopper(&world, uses, round);
		world.rng = before;
		b = draw_stopper(&world, uses, round);
		make_events(&world);
		for (uint32_t i = 0; i < world.n; i++)
			tell(a, &world, &world.events[i]);
		tell_in_disorder(b, &world);
		assert_same_curves(a, b);
		assert_same_rungs(a, b);
		stops += go_on(&world, a, b);
		assert_same_curves(a, b);
		assert_same_rungs(a, b);
		stopper_free(a);
		stopper_free(b);
	}
	assert_true(stops > ROUNDS);
}

/* One lives, and at a random moment another is rebuilt from what the first has stored. */
static void a_restart_changes_nothing(void **state)
{
	uint32_t stops = 0;

	(void)state;
	for (uint32_t round = 0; round < ROUNDS; round++) {
		struct stopping_rule uses[2];
		struct stopper *a, *b;
		struct rng before;
		uint32_t n;

		world.rng = rng_stream(round, RNG_MODEL, 2);
		before = world.rng;
		a = draw_stopper(&world, uses, round);
		world.rng = before;
		b = draw_stopper(&world, uses, round);
		make_events(&world);
		n = world.n;
		for (uint32_t i = 0; i < n; i++) {
			const struct event *e = &world.events[i];
			struct stop_verdict v;

			if (e->kind != POINT)
				tell(a, &world, e);
			else if (stopper_report(a, e->number, e->step, e->value, &v) == STOP_NOW)
				add(&world, (struct event){.kind = TOLD, .number = e->number});
		}
		tell_in_disorder(b, &world);
		while (round % 2 && stopper_build_ahead(b) == STOP_AHEAD_MORE)
			;
		assert_same_curves(a, b);
		assert_same_rungs(a, b);
		stops += go_on(&world, a, b);
		assert_same_curves(a, b);
		stopper_free(a);
		stopper_free(b);
	}
	assert_true(stops > ROUNDS);
}

/* ---- ahead ------------------------------------------------------------------------------------- */

/* No report of a trial that reports when the others did has anything to build. */
static void nothing_is_built_when_asked(void **state)
{
	static const char *const texts[] = {"medianstop", "medianstop rule=katib", "percentile"};
	enum { WHOLE = 40, STEPS = 250 };

	(void)state;
	for (size_t k = 0; k < sizeof(texts) / sizeof(*texts); k++) {
		struct stopper *s = stopping_with(texts[k], ALGO_MINIMIZE);
		struct stop_verdict v;
		size_t n;

		assert_int_equal(stopper_build_ahead(s), STOP_AHEAD_DONE);
		for (uint32_t number = 1; number <= WHOLE; number++) {
			for (uint32_t step = 1; step <= (number == 7 ? STEPS : STEPS / 3); step++)
				assert_true(stopper_restore(s, number, step, number));
			assert_true(stopper_end(s, number, ALGO_SUCCEEDED, number));
		}
		while (stopper_build_ahead(s) == STOP_AHEAD_MORE)
			;
		n = s->columns.n;
		assert_in_range(n, k == 1 ? 1 : 150, k == 1 ? 1 : STEPS);
		for (uint32_t step = 1; step <= STEPS; step++) {
			assert_int_equal(stopper_report(s, WHOLE + 1, step, 0.5, &v), STOP_GO);
			assert_int_equal(s->columns.n, n);
		}
		/* Nor when there are so many trials that only fewer points are kept, if all have fewer. */
		assert_true(stopper_begin(s, 9000, 0, 0, NAN));
		assert_int_equal(s->columns.n, n);
		assert_true(stopper_begin(s, 17000, 0, 0, NAN));
		assert_int_equal(s->columns.n, 0);
		stopper_free(s);
	}
}

/* ---- bounds ------------------------------------------------------------------------------------ */

static void a_long_trial_is_thinned(void **state)
{
	struct stopper *s = stopping_with("medianstop", ALGO_MINIMIZE);
	struct stop_verdict v;
	const struct algo_point *curve;
	uint32_t n;

	(void)state;
	for (uint32_t step = 1; step <= 1000000; step++)
		assert_int_equal(stopper_report(s, 1, step, 1.0 / step, &v), STOP_GO);
	curve = stopper_curve(s, 1, &n);
	assert_in_range(n, STOP_POINTS_MAX / 2, STOP_POINTS_MAX);
	for (uint32_t i = 0; i + 1 < n; i++) {
		assert_true(fmod(curve[i].step + 1, 2048) == 0); /* the last of each bucket */
		assert_true(curve[i].value == 1.0 / curve[i].step);
	}
	assert_true(curve[n - 1].step == 1000000);
	assert_true(stopper_memory(s) < 100000);
	stopper_free(s);
}

static void many_trials_keep_less(void **state)
{
	struct stopper *s = stopping_with("medianstop", ALGO_MINIMIZE);
	uint32_t n;

	(void)state;
	for (uint32_t step = 1; step <= 500; step++)
		assert_true(stopper_restore(s, 1, step, 1.0 / step));
	stopper_curve(s, 1, &n);
	assert_int_equal(n, 500);
	for (uint32_t number = 2; number <= 10000; number++) {
		assert_true(stopper_begin(s, number, 0, 0, NAN));
		for (uint32_t step = 1; step <= 100; step++)
			assert_true(stopper_restore(s, number, step, number));
		assert_true(stopper_end(s, number, ALGO_SUCCEEDED, number));
	}
	assert_int_equal(stopper_points_max(s), STOP_POINTS_MAX / 2);
	stopper_curve(s, 1, &n);
	assert_int_equal(n, 251); /* 1; 3, 5, ... 499; 500 */
	assert_true(stopper_memory(s) < (size_t)10000 * 128 * 48);
	assert_true(stopper_begin(s, UINT32_MAX, 0, 0, NAN)); /* passed over */
	assert_true(stopper_memory(s) < (size_t)10000 * 128 * 48);
	stopper_free(s);
}

static void absurd_steps_are_passed_over(void **state)
{
	static const double steps[] = {NAN, INFINITY, -INFINITY, 1e300, -1e300};
	struct stopper *s = stopping_with("threshold upper=1", ALGO_MINIMIZE);
	struct stop_verdict v;
	uint32_t n;

	(void)state;
	for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++)
		assert_int_equal(stopper_report(s, 1, steps[i], 5, &v), STOP_GO);
	assert_int_equal(stopper_report(s, 0, 1, 5, &v), STOP_GO);
	assert_null(stopper_curve(s, 1, &n));
	assert_int_equal(n, 0);
	stopper_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(order_does_not_count),
		cmocka_unit_test(a_restart_changes_nothing),
		cmocka_unit_test(nothing_is_built_when_asked),
		cmocka_unit_test(a_long_trial_is_thinned),
		cmocka_unit_test(many_trials_keep_less),
		cmocka_unit_test(absurd_steps_are_passed_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
