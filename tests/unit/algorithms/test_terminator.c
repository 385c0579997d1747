/* The terminator: its bound lies above what there is to gain, and falls as a search converges. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "algorithms/insight/terminator.h"
#include "algorithms/registry.h"
#include "tests/unit/algorithms/contract.h"
#include "tests/unit/algorithms/spaces.h"

/* A search of n trials, on the study's smooth function times `scale`. */
static struct study *searched_by(const char *algorithm, const char *space, uint32_t n, uint64_t seed, double scale)
{
	struct space *named = space_named(space);
	struct study *s = study_new(algorithm_find(algorithm), named, seed);
	uint32_t got;

	space_unref(named);
	for (uint32_t i = 0; i < n; i++) {
		assert_int_equal(study_ask(s, 1, &got), ALGO_OK);
		study_tell(s, 0, ALGO_SUCCEEDED, scale * study_objective(s, s->pending[0].x));
	}
	return s;
}

static struct study *searched(const char *space, uint32_t n, uint64_t seed, double scale)
{
	return searched_by("gp", space, n, seed, scale);
}

static struct terminator_verdict judge(const struct study *s, uint32_t n)
{
	const struct algo_history h = {.trials = s->ended, .n_trials = n};
	struct terminator_verdict v;

	assert_int_equal(terminator_judge(&s->p, &h, NULL, &v), ALGO_OK);
	return v;
}

/* Less can be gained on a search that has learned than on points that were only spread. */
static void the_bound_falls(void **state)
{
	static const char *const spaces[] = {"doubles", "mixed", "conditional"};

	(void)state;
	for (size_t i = 0; i < sizeof(spaces) / sizeof(*spaces); i++) {
		struct study *spread = searched_by("sobol", spaces[i], 25, 3, 1), *learned = searched(spaces[i], 60, 3, 1);
		const struct terminator_verdict early = judge(spread, 25), late = judge(learned, 60);
		const double before = early.bound * early.spread, after = late.bound * late.spread;
		assert_true(early.judged && late.judged);
		if (!(after >= 0 && after < 0.5 * before))
			fail_msg("%s: %g of spread points, %g of a search", spaces[i], before, after);
		study_free(spread);
		study_free(learned);
	}
}

/* The optimum of the function is 0: what could be gained is the best value itself. */
static void it_is_a_bound(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 5; seed++) {
		struct study *s = searched("doubles", 40, seed, 1);
		const struct terminator_verdict v = judge(s, 30);
		double best = INFINITY;
		for (uint32_t i = 0; i < 30; i++)
			best = fmin(best, s->ended[i].values[0]);
		if (!(v.judged && v.bound * v.spread >= best - 1e-9))
			fail_msg("seed %d: %g is left, the bound is %g", (int)seed, best, v.bound * v.spread);
		study_free(s);
	}
}

/* In other units the verdict is the same; so are its bits when asked again. */
static void units_do_not_matter(void **state)
{
	struct study *one = searched("doubles", 40, 8, 1), *other = searched("doubles", 40, 8, 1024);
	const struct terminator_verdict a = judge(one, 40), again = judge(one, 40), b = judge(other, 40);

	(void)state;
	assert_memory_equal(&a.bound, &again.bound, sizeof(a.bound));
	assert_true(fabs(a.bound - b.bound) < 1e-6 && b.spread == 1024 * a.spread);
	study_free(one);
	study_free(other);
}

static void too_little_to_judge(void **state)
{
	struct study *s = searched("doubles", 30, 1, 0), *few = searched("doubles", 19, 1, 1);
	const atomic_bool stop = true;
	struct terminator_verdict v;

	(void)state;
	assert_false(judge(s, 30).judged);
	assert_int_equal(judge(s, 30).n, 30);
	assert_false(judge(few, 19).judged);
	assert_false(judge(few, 0).judged);
	study_free(s);
	study_free(few);
	s = searched("doubles", 40, 1, 1);
	const struct algo_history h = {.trials = s->ended, .n_trials = 40};
	assert_int_equal(terminator_judge(&s->p, &h, &stop, &v), ALGO_CANCELLED);
	study_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_bound_falls),
		cmocka_unit_test(it_is_a_bound),
		cmocka_unit_test(units_do_not_matter),
		cmocka_unit_test(too_little_to_judge),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
