/* Whose turn it is: the least tried value of each parameter that switches others on, by turns. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "algorithms/gp/branches.h"
#include "algorithms/registry.h"
#include "tests/unit/algorithms/contract.h"
#include "tests/unit/algorithms/spaces.h"

enum { ROOT, CHILD, STEPS, GRANDCHILD, LONG, D };

/* ROOT (3 values) switches CHILD on, CHILD (2) GRANDCHILD, STEPS (2) and LONG (100) the same one. */
static struct space *branching(void)
{
	static const struct space_param params[D] = {
		[ROOT] = {.kind = SPACE_CATEGORICAL, .n_values = 3},
		[CHILD] = {.kind = SPACE_CATEGORICAL, .n_values = 2},
		[STEPS] = {.kind = SPACE_INT, .min = 5, .max = 6},
		[GRANDCHILD] = {.kind = SPACE_DOUBLE, .min = 0, .max = 1},
		[LONG] = {.kind = SPACE_INT, .min = 1, .max = 100},
	};
	struct space_builder *b = space_builder_new();
	struct space_problem problem;
	struct space *s;
	size_t n;

	for (int j = 0; j < D; j++)
		space_add(b, &params[j]);
	space_when(b, CHILD, ROOT, (const double[]){0, 2}, 2);
	space_when(b, GRANDCHILD, CHILD, (const double[]){1}, 1);
	space_when(b, GRANDCHILD, STEPS, (const double[]){6}, 1);
	space_when(b, GRANDCHILD, LONG, (const double[]){1, 2, 3}, 3);
	s = space_build(b, &problem, 1, &n);
	assert_non_null(s);
	return s;
}

static void least_tried_by_turns(void **state)
{
	static const struct {
		uint32_t turn, n, n_pending; /* of the rows below                                      */
		uint32_t param;
		double value;
	} cases[] = {
		{0, 0, 0, ROOT, 0}, {0, 1, 0, ROOT, 1}, {0, 2, 0, ROOT, 2}, {0, 3, 0, ROOT, 0}, {0, 2, 1, ROOT, 0},
		{1, 0, 0, STEPS, 5}, {1, 2, 0, STEPS, 6}, {1, 3, 0, STEPS, 6}, {2, 2, 0, ROOT, 2}, {3, 2, 0, STEPS, 6}};
	static const double roots[] = {0, 1, 2}, steps[] = {5, 5, 6}, pending_root = 2;
	struct space *space = branching();
	struct embed *e = embed_new(space);
	double rows[3 * D], pending[D];

	(void)state;
	for (uint32_t c = 0; c < D; c++) {
		for (int i = 0; i < 3; i++)
			rows[i * D + (int)c] = embed_place(e, c, c == ROOT ? roots[i] : c == STEPS ? steps[i] : NAN);
		pending[c] = embed_place(e, c, c == ROOT ? pending_root : NAN);
	}
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct branch b =
			branch_least_tried(e, cases[i].turn, rows, cases[i].n, pending, cases[i].n_pending);

		if (b.param != cases[i].param || b.value != cases[i].value)
			fail_msg("case %zu: parameter %u, value %g", i, b.param, b.value);
	}
	embed_free(e);
	space_unref(space);
}

static void none_without_conditions(void **state)
{
	struct space *space = space_named("mixed");
	struct embed *e = embed_new(space);

	(void)state;
	assert_int_equal(branch_least_tried(e, 3, NULL, 0, NULL, 0).param, EMBED_NONE);
	embed_free(e);
	space_unref(space);
}

/* Without conditions, while others are pending: each category in turn, and nothing else. */
static void categories_together(void **state)
{
	enum { NUMBER, FIRST, SECOND, N };
	static const struct space_param params[N] = {[NUMBER] = {.kind = SPACE_INT, .min = 1, .max = 4},
		[FIRST] = {.kind = SPACE_CATEGORICAL, .n_values = 2}, [SECOND] = {.kind = SPACE_CATEGORICAL, .n_values = 3}};
	static const double natural[][N] = {{1, 0, 0}, {2, 0, 1}};
	static const struct {
		uint32_t turn, param;
		double value;
	} cases[] = {{0, FIRST, 1}, {1, SECOND, 2}, {2, FIRST, 1}, {3, SECOND, 2}};
	struct space_builder *b = space_builder_new();
	struct space_problem problem;
	struct space *space;
	struct embed *e;
	double rows[2][N];
	size_t n;

	(void)state;
	for (int j = 0; j < N; j++)
		space_add(b, &params[j]);
	space = space_build(b, &problem, 1, &n);
	assert_non_null(space);
	e = embed_new(space);
	for (int i = 0; i < 2; i++)
		embed_row(e, natural[i], rows[i]);
	assert_int_equal(branch_least_tried(e, 0, rows[0], 2, NULL, 0).param, EMBED_NONE);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct branch got = branch_least_tried(e, cases[i].turn, rows[0], 1, rows[1], 1);

		if (got.param != cases[i].param || got.value != cases[i].value)
			fail_msg("case %zu: parameter %u, value %g", i, got.param, got.value);
	}
	embed_free(e);
	space_unref(space);
}

/* The search visits bad branches too, and goes on when all of a branch has been seen. */
static void search_visits_all(void **state)
{
	enum { TRIALS = 60, SMALL = 2 };
	static const struct space_param params[] = {{.kind = SPACE_CATEGORICAL, .n_values = 3},
		{.kind = SPACE_DOUBLE, .min = 0, .max = 1}, {.kind = SPACE_INT, .min = 1, .max = SMALL}};
	struct space_builder *b = space_builder_new();
	struct space_problem problem;
	struct space *space;
	struct study *s;
	size_t n;
	uint32_t got;
	int tries[3] = {0};

	(void)state;
	for (int j = 0; j < 3; j++)
		space_add(b, &params[j]);
	space_when(b, 1, 0, (const double[]){0, 1}, 2);
	space_when(b, 2, 0, (const double[]){2}, 1);
	space = space_build(b, &problem, 1, &n);
	assert_non_null(space);
	s = study_new(&algorithm_gp, space, 4);
	for (int i = 0; i < TRIALS; i++) {
		const double *x;

		assert_int_equal(study_ask(s, 1, &got), ALGO_OK);
		x = s->pending[0].x;
		tries[(int)x[0]]++;
		study_tell(s, 0, ALGO_SUCCEEDED, x[0] == 0 ? (x[1] - 0.3) * (x[1] - 0.3) : 10 * x[0]);
	}
	if (tries[0] < TRIALS / 2 || tries[1] < 6 || tries[2] != SMALL)
		fail_msg("%d, %d and %d trials", tries[0], tries[1], tries[2]);
	study_free(s);
	space_unref(space);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(least_tried_by_turns),
		cmocka_unit_test(none_without_conditions),
		cmocka_unit_test(categories_together),
		cmocka_unit_test(search_visits_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
