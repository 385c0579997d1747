/* Population-based training: lines of descent, who continues from whom and with which values. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "algorithms/registry.h"
#include "tests/unit/algorithms/contract.h"
#include "tests/unit/algorithms/spaces.h"

enum { LINES = 10, CUT = 2 };

static struct space *rates(void)
{
	static const struct space_param p[] = {
		{.kind = SPACE_DOUBLE, .distribution = SPACE_LOG_UNIFORM, .min = 1e-4, .max = 1},
		{.kind = SPACE_INT, .min = 1, .max = 50},
		{.kind = SPACE_DOUBLE, .min = 0, .max = 0.5, .step = 0.1},
		{.kind = SPACE_CATEGORICAL, .n_values = 4},
	};

	return space_of(p, 4);
}

/* All lines have begun. */
static struct study *begun(struct space *space)
{
	struct study *s = study_new(&algorithm_pbt, space, 1);
	uint32_t n;

	study_set(s, "n_population", "10");
	study_set(s, "truncation_threshold", "0.2");
	study_set(s, "suggestion_trial_dir", "/var/log/katib/checkpoints/");
	assert_true(study_possible(s));
	assert_int_equal(study_ask(s, LINES + 3, &n), ALGO_WAIT);
	assert_int_equal(n, LINES);
	return s;
}

static void lines_begin_apart_and_wait(void **state)
{
	struct space *space = rates();
	struct study *s = begun(space);
	uint32_t n;

	(void)state;
	for (uint32_t i = 0; i < LINES; i++) {
		assert_int_equal(s->pending[i].parent, 0);
		assert_int_equal(s->pending[i].bracket, i);
		assert_int_equal(s->pending[i].rung, 1);
		for (uint32_t k = 0; k < i; k++)
			assert_false(space_equal(space, s->pending[i].x, s->pending[k].x));
	}
	assert_int_equal(study_ask(s, 1, &n), ALGO_WAIT);
	study_tell(s, 4, ALGO_SUCCEEDED, 1);
	assert_int_equal(study_ask(s, 2, &n), ALGO_WAIT);
	assert_int_equal(n, 1);
	assert_int_equal(s->pending[s->n_pending - 1].bracket, 4);
	study_free(s);
	space_unref(space);
}

static bool a_fifth_away(double v, double from, double min, double max)
{
	return fabs(v - from * 0.8) < 1e-12 || fabs(v - from * 1.2) < 1e-12 || v == min || v == max;
}

/* Line i has the value i: the last two continue from the first two, the others from themselves. */
static void the_worst_follow_the_best(void **state)
{
	struct space *space = rates();
	struct study *s = begun(space);
	uint32_t n;

	(void)state;
	for (uint32_t i = 0; i < LINES; i++)
		study_tell(s, 0, ALGO_SUCCEEDED, i);
	assert_int_equal(study_ask(s, LINES, &n), ALGO_OK);
	for (uint32_t i = 0; i < LINES; i++) {
		const struct algo_trial *t = &s->pending[i], *parent = &s->ended[t->parent - 1];

		assert_int_equal(t->bracket, i);
		assert_int_equal(t->rung, 2);
		if (i < LINES - CUT) {
			assert_int_equal(t->parent, i + 1);
			assert_true(space_equal(space, t->x, s->ended[i].x));
			continue;
		}
		assert_in_range(t->parent, 1, CUT);
		assert_true(a_fifth_away(t->x[0], parent->x[0], 1e-4, 1));
		assert_true(fabs(t->x[1] - parent->x[1]) >= 1 || parent->x[1] == 1 || parent->x[1] == 50);
		assert_true(fabs(t->x[1] - parent->x[1]) <= fmax(1, 0.2 * parent->x[1] + 0.5));
		assert_true(fabs(t->x[2] - parent->x[2]) < 0.11);
		assert_true(fabs(t->x[3] - parent->x[3]) <= 1);
	}
	study_free(s);
	space_unref(space);
}

static void ends_of_every_kind(void **state)
{
	struct space *space = rates();
	struct study *s = begun(space);
	uint32_t n;

	(void)state;
	for (uint32_t i = 0; i < 7; i++)
		study_tell(s, 0, ALGO_SUCCEEDED, i);
	study_tell(s, 0, ALGO_FAILED, NAN);    /* line 7: from one of the best      */
	study_tell(s, 0, ALGO_SUCCEEDED, NAN); /* line 8: likewise                  */
	study_tell(s, 0, ALGO_ABANDONED, NAN); /* line 9: the same once more, first */
	assert_int_equal(study_ask(s, LINES, &n), ALGO_OK);
	for (uint32_t i = 0; i < LINES; i++) {
		const struct algo_trial *t = &s->pending[i];

		if (t->bracket == 7 || t->bracket == 8)
			assert_int_equal(t->parent, 1);
		if (t->bracket == 9) {
			assert_int_equal(t->parent, 0);
			assert_int_equal(t->rung, 1);
			assert_true(space_equal(space, t->x, s->ended[9].x));
		}
	}
	study_free(s);
	space_unref(space);
}

/* All failed at the start: other points, no parent. */
static void nothing_to_follow(void **state)
{
	struct space *space = rates();
	struct study *s = begun(space);
	uint32_t n;

	(void)state;
	for (uint32_t i = 0; i < LINES; i++)
		study_tell(s, 0, ALGO_FAILED, NAN);
	assert_int_equal(study_ask(s, LINES, &n), ALGO_OK);
	for (uint32_t i = 0; i < LINES; i++) {
		assert_int_equal(s->pending[i].parent, 0);
		assert_false(space_equal(space, s->pending[i].x, s->ended[i].x));
	}
	study_free(s);
	space_unref(space);
}

/* Training gains most at a rate near 0.01: the population moves there. */
static void rates_become_good(void **state)
{
	struct space *space = rates();
	struct study *s = begun(space);
	double level[2000] = {0}, off[2] = {0, 0};
	uint32_t n;

	(void)state;
	s->objective.direction = ALGO_MAXIMIZE;
	for (uint32_t i = 0; i < 60 * LINES; i++) {
		const struct algo_trial *t = &s->pending[0];
		double wrong = fabs(log10(t->x[0]) + 2);

		level[t->number] = level[t->parent] + fmax(0, 1 - wrong);
		off[i >= 30 * LINES] += wrong / (30 * LINES);
		study_tell(s, 0, ALGO_SUCCEEDED, level[t->number]);
		assert_int_equal(study_ask(s, 1, &n), ALGO_OK);
	}
	print_message("off by %.2f decades, later by %.2f\n", off[0], off[1]);
	assert_true(off[1] < 0.3 && off[1] < off[0]);
	study_free(s);
	space_unref(space);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_begin_apart_and_wait),
		cmocka_unit_test(the_worst_follow_the_best),
		cmocka_unit_test(ends_of_every_kind),
		cmocka_unit_test(nothing_to_follow),
		cmocka_unit_test(rates_become_good),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
