/* What all schedulers have in common. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "algorithms/registry.h"
#include "tests/unit/algorithms/schedule_run.h"
#include "tests/unit/algorithms/spaces.h"

/* All configurations of a small space begin once, and the brackets end with what there is. */
static void finite_spaces_end(void **state)
{
	static const char *const names[] = {"hyperband", "successive-halving", "asha"};

	(void)state;
	for (size_t k = 0; k < 3; k++) {
		struct space *space = space_of(
			(const struct space_param[]){{.kind = SPACE_CATEGORICAL, .n_values = 5}, {.kind = SPACE_INT, .min = 1, .max = 3}}, 2);
		struct study *s = study_new(algorithm_find(names[k]), space, 1);
		struct run r = {.s = s, .parallel = 4, .order = SHUFFLED, .rng = rng_seeded(k)};
		uint32_t fresh = 0, full = 0;

		if (k == 2) {
			study_set(s, "variant", "promotion");
			study_set(s, "sampler", "random");
		}
		s->p.max_trials = 1000;
		run_to_the_end(&r, 1000);
		for (uint32_t i = 0; i < s->n_ended; i++) {
			fresh += s->ended[i].parent == 0;
			full += s->ended[i].resource == 9;
		}
		assert_int_equal(fresh, 15);
		assert_true(full > 0);
		study_free(s);
		space_unref(space);
	}
}

/* ---- batches and marks ------------------------------------------------------------------------- */

/* Asked for several at once or one by one: the same grants, marks and values. */
static void batches_are_singles(void **state)
{
	static const char *const names[] = {"hyperband", "successive-halving", "asha", "pasha", "bohb"};

	(void)state;
	for (uint32_t k = 0; k < 10; k++) {
		struct study *s[2];
		struct run r[2];

		for (int i = 0; i < 2; i++) {
			s[i] = schedule_study(names[k % 5], 1, 27, 3, k < 5 ? -1 : 1);
			if (k % 5 == 2)
				study_set(s[i], "variant", "promotion");
			study_set(s[i], "sampler", k % 5 == 4 ? "tpe" : "random");
			s[i]->p.max_trials = 250;
			r[i] = (struct run){.s = s[i], .order = SHUFFLED, .failing = 0.1, .killed = 0.1, .rng = rng_seeded(k)};
		}
		while (s[0]->n_ended < 200) {
			uint32_t n, want = 12 - s[0]->n_pending, begun = s[0]->n_pending;
			enum algo_outcome outcome = study_ask(s[0], want, &n);

			for (uint32_t i = 0; i < want && study_ask(s[1], 1, &n) == ALGO_OK; i++)
				;
			assert_true(outcome == ALGO_OK || outcome == ALGO_WAIT);
			assert_int_equal(s[0]->n_pending, s[1]->n_pending);
			for (uint32_t i = begun; i < s[0]->n_pending; i++) {
				const struct algo_trial *a = &s[0]->pending[i], *b = &s[1]->pending[i];

				if (memcmp(a->x, b->x, 4 * sizeof(double)) != 0)
					fail_msg("%u: trial %u of a batch has other values", k, a->number);
				assert_true(a->resource == b->resource && a->parent == b->parent && a->bracket == b->bracket &&
							a->rung == b->rung);
			}
			for (int i = 0; i < 5 && s[0]->n_pending > 0; i++) {
				run_end_one(&r[0]);
				run_end_one(&r[1]);
			}
		}
		study_free(s[0]);
		study_free(s[1]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finite_spaces_end),
		cmocka_unit_test(batches_are_singles),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
