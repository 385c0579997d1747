/* CMA-ES as an algorithm: what it finds, and what it makes of the histories that occur. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "algorithms/cmaes/margin.h"
#include "algorithms/registry.h"
#include "tests/unit/algorithms/contract.h"
#include "tests/unit/algorithms/spaces.h"

enum { AXES = 5, SEEDS = 8 };

typedef double function(const double *x, uint32_t d);

static double distance(const double *x, uint32_t d)
{
	static const double at[AXES] = {3, 17, 8, 0, 20};
	double sum = 0;

	for (uint32_t j = 0; j < d; j++)
		sum += (x[j] - at[j]) * (x[j] - at[j]);
	return sum;
}

/* A corner of the box, where samples are clipped. */
static double corner(const double *x, uint32_t d)
{
	double sum = 0;

	for (uint32_t j = 0; j < d; j++)
		sum += 20 - x[j];
	return sum;
}

/* How many categories do not have the value 3; the last one counts double. */
static double matches(const double *x, uint32_t d)
{
	double wrong = 0;

	for (uint32_t j = 0; j < d; j++)
		wrong += x[j] != 3;
	return wrong + (x[d - 1] != 3);
}

static double rastrigin(const double *x, uint32_t d)
{
	double sum = 0;

	for (uint32_t j = 0; j < d; j++) {
		double v = (x[j] - 13) * 0.4;

		sum += v * v - 10 * cos(2 * M_PI * v) + 10;
	}
	return sum;
}

static struct space *box(enum space_kind kind, uint32_t d)
{
	struct space_param p[AXES];

	for (uint32_t j = 0; j < d; j++) {
		p[j] = (struct space_param){.kind = kind, .max = 20};
		if (kind == SPACE_CATEGORICAL)
			p[j] = (struct space_param){.kind = kind, .n_values = 5};
	}
	return space_of(p, d);
}

/* Runs n trials with `parallel` at once, the oldest ending first; the best value. */
static double run(struct study *s, function *f, uint32_t n, uint32_t parallel)
{
	double best = HUGE_VAL;
	uint32_t got;

	for (uint32_t i = 0; i < n; i++) {
		double value;

		while (s->n_pending < parallel && study_ask(s, 1, &got) == ALGO_OK)
			;
		if (s->n_pending == 0)
			break;
		value = f(s->pending[0].x, space_dim(s->p.space));
		best = fmin(best, value);
		study_tell(s, 0, ALGO_SUCCEEDED, value);
	}
	return best;
}

/* How many of the seeds come below `goal`. */
static uint32_t successes(enum space_kind kind, uint32_t d, function *f, double goal, uint32_t n,
	uint32_t parallel, const char *strategy)
{
	struct space *space = box(kind, d);
	uint32_t reached = 0;

	for (uint64_t seed = 0; seed < SEEDS; seed++) {
		struct study *s = study_new(&algorithm_cmaes, space, seed);
		double best;

		study_set(s, "restart_strategy", strategy);
		best = run(s, f, n, parallel);
		reached += best <= goal;
		study_free(s);
	}
	space_unref(space);
	return reached;
}

static void finds_what_is_there(void **state)
{
	static const struct {
		const char *what;
		enum space_kind kind;
		uint32_t d;
		function *f;
		double goal;
		uint32_t trials, parallel, at_least;
		const char *strategy;
	} rows[] = {
		{"a point in a box", SPACE_DOUBLE, 5, distance, 1e-3, 400, 1, 8, "none"},
		{"with eight trials at once", SPACE_DOUBLE, 5, distance, 1e-2, 400, 8, 8, "none"},
		{"a corner, to a hundredth", SPACE_DOUBLE, 5, corner, 1, 300, 1, 8, "none"},
		{"integers, exactly", SPACE_INT, 5, distance, 0, 300, 1, 8, "ipop"},
		{"categories", SPACE_CATEGORICAL, 5, matches, 0, 300, 1, 8, "ipop"},
		{"the best of many valleys", SPACE_DOUBLE, 2, rastrigin, 1e-4, 1500, 1, 4, "ipop"},
		{"the best of many valleys", SPACE_DOUBLE, 2, rastrigin, 1e-4, 1500, 1, 3, "bipop"},
	};

	(void)state;
	for (size_t k = 0; k < sizeof(rows) / sizeof(*rows); k++) {
		uint32_t n = successes(rows[k].kind, rows[k].d, rows[k].f, rows[k].goal, rows[k].trials,
			rows[k].parallel, rows[k].strategy);

		print_message("%s (%s): %u of %d seeds\n", rows[k].what, rows[k].strategy, n, SEEDS);
		assert_true(n >= rows[k].at_least);
	}
}

/* ---- values ------------------------------------------------------------------------------------ */

static double exp_distance(const double *x, uint32_t d)
{
	return exp(distance(x, d) / 4) * 1e-100 - 1e-90;
}

/* Only the order counts: another scale, or the other direction with the sign changed, gives the same bits. */
static void only_the_order_of_values_counts(void **state)
{
	struct space *space = box(SPACE_DOUBLE, 3);
	struct study *plain = study_new(&algorithm_cmaes, space, 1),
				 *scaled = study_new(&algorithm_cmaes, space, 1);
	struct study *mirrored = study_new(&algorithm_cmaes, space, 1);

	(void)state;
	mirrored->objective.direction = ALGO_MAXIMIZE;
	for (int i = 0; i < 100; i++) {
		uint32_t n;

		assert_int_equal(study_ask(plain, 1, &n), ALGO_OK);
		assert_int_equal(study_ask(scaled, 1, &n), ALGO_OK);
		assert_int_equal(study_ask(mirrored, 1, &n), ALGO_OK);
		assert_memory_equal(plain->pending[0].x, scaled->pending[0].x, 3 * sizeof(double));
		assert_memory_equal(plain->pending[0].x, mirrored->pending[0].x, 3 * sizeof(double));
		study_tell(plain, 0, ALGO_SUCCEEDED, distance(plain->pending[0].x, 3));
		study_tell(scaled, 0, ALGO_SUCCEEDED, exp_distance(scaled->pending[0].x, 3));
		study_tell(mirrored, 0, ALGO_SUCCEEDED, -distance(mirrored->pending[0].x, 3));
	}
	study_free(plain);
	study_free(scaled);
	study_free(mirrored);
	space_unref(space);
}

/* ---- histories --------------------------------------------------------------------------------- */

static double mean_distance(const double *x, uint32_t n, uint32_t d)
{
	double sum = 0;

	for (uint32_t i = 0; i < n; i++)
		sum += sqrt(distance(x + (size_t)i * d, d));
	return sum / n;
}

/* Half of the box fails: the search goes where trials succeed. Killed trials say nothing. */
static void failures_are_avoided(void **state)
{
	struct space *space = box(SPACE_DOUBLE, 2);
	struct study *s = study_new(&algorithm_cmaes, space, 3);
	uint32_t n, failed[2] = {0, 0};

	(void)state;
	for (int i = 0; i < 200; i++) {
		const double *x;
		bool bad;

		assert_int_equal(study_ask(s, 1, &n), ALGO_OK);
		x = s->pending[0].x;
		bad = x[0] > 9;
		failed[i >= 100] += bad;
		if (i % 9 == 4)
			study_tell(s, 0, ALGO_ABANDONED, NAN);
		else
			study_tell(s, 0, bad ? ALGO_FAILED : ALGO_SUCCEEDED, bad ? NAN : distance(x, 2));
	}
	print_message("failed: %u of the first hundred, %u of the second\n", failed[0], failed[1]);
	assert_true(failed[0] > 3 && failed[1] <= failed[0] / 4);
	study_free(s);
	space_unref(space);
}

/* Thirty finished trials of others, or of an earlier experiment, are a better place to begin. */
static void begins_where_it_is_good(void **state)
{
	struct space *space = box(SPACE_DOUBLE, 3);
	struct study *cold = study_new(&algorithm_cmaes, space, 4), *own = study_new(&algorithm_cmaes, space, 4);
	struct study *related = study_new(&algorithm_cmaes, space, 4);
	struct algo_source source;
	double x[3][7 * 3];
	uint32_t n;

	(void)state;
	for (uint32_t i = 0; i < 30; i++) {
		double u[3] = {i / 30.0, fmod(i * 0.37, 1), fmod(i * 0.73, 1)}, place[3];

		space_decode(space, u, place);
		study_enqueue(own, place);
		study_tell(own, 0, ALGO_SUCCEEDED, distance(place, 3));
	}
	source = (struct algo_source){.trials = own->ended, .n_trials = own->n_ended};
	related->p.sources = &source;
	related->p.n_sources = 1;
	assert_int_equal(study_peek(cold, 7, x[0], &n, NULL), ALGO_OK);
	assert_int_equal(study_peek(own, 7, x[1], &n, NULL), ALGO_OK);
	assert_int_equal(study_peek(related, 7, x[2], &n, NULL), ALGO_OK);
	for (int k = 1; k < 3; k++) {
		print_message("distance %.3g, cold %.3g\n", mean_distance(x[k], 7, 3), mean_distance(x[0], 7, 3));
		assert_true(mean_distance(x[k], 7, 3) < 0.75 * mean_distance(x[0], 7, 3));
	}
	study_free(cold);
	study_free(own);
	study_free(related);
	space_unref(space);
}

/* Marks that were lost, or that nobody can have given, are no reason to fail. */
static void strange_marks_do_no_harm(void **state)
{
	static const int32_t marks[][2] = {
		{0, 0}, {0, 1}, {0, 7}, {1, 1}, {-1, 1}, {0, -3}, {INT32_MAX, INT32_MAX}};
	struct space *space = box(SPACE_INT, 3);
	struct study *s = study_new(&algorithm_cmaes, space, 5);
	uint32_t n;

	(void)state;
	for (uint32_t i = 0; i < 150; i++) {
		assert_int_equal(study_ask(s, 1, &n), ALGO_OK);
		s->pending[0].bracket = marks[i % 7][0];
		s->pending[0].rung = marks[i % 7][1];
		study_tell(s, 0, ALGO_SUCCEEDED, distance(s->pending[0].x, 3));
	}
	study_free(s);
	space_unref(space);
}

/* ---- margin ------------------------------------------------------------------------------------ */

/* However narrow the distribution, the neighbours of the mean's value keep their probability. */
static void neighbours_stay_within_reach(void **state)
{
	struct space *space = box(SPACE_INT, 2);
	struct latent l;

	(void)state;
	assert_true(latent_init(&l, space));
	for (int k = 0; k <= 20; k++) {
		double mean[2] = {(k + 0.4) / 21, 0.5}, stretch[2] = {1, 1}, low, high, sd, tail;
		struct cma *c = cma_new(2, 6, mean, 1e-6, false);

		assert_non_null(c);
		margin_correct(&l, c, stretch);
		latent_borders(&l, 0, mean[0], &low, &high);
		sd = cma_sd(c, 0) * stretch[0];
		tail = 0.5 * erfc((high - c->mean[0]) / sd * M_SQRT1_2);
		if (k < 20 && !(tail >= 0.999 / 12 / 2))
			fail_msg("the value above %d has probability %g", k, tail);
		tail = 0.5 * erfc((c->mean[0] - low) / sd * M_SQRT1_2);
		if (k > 0 && !(tail >= 0.999 / 12 / 2))
			fail_msg("the value below %d has probability %g", k, tail);
		cma_free(c);
	}
	latent_free(&l);
	space_unref(space);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_what_is_there),
		cmocka_unit_test(only_the_order_of_values_counts),
		cmocka_unit_test(failures_are_avoided),
		cmocka_unit_test(begins_where_it_is_good),
		cmocka_unit_test(strange_marks_do_no_harm),
		cmocka_unit_test(neighbours_stay_within_reach),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
