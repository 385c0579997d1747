/* The contract suite; what may have been before the search is in contract_past.c. */
#include "tests/unit/algorithms/contract.h"

#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "algorithms/rng.h"
#include "tests/unit/algorithms/contract_past.h"
#include "tests/unit/algorithms/spaces.h"

/* ---- the table --------------------------------------------------------------------------------- */

static void check_setting(const struct algorithm *a, uint32_t row)
{
	const struct algo_setting *s = &a->settings[row];
	struct algo_value *values = must(calloc(a->n_settings, sizeof(*values)));
	struct algo_value *one = must(calloc(a->n_settings, sizeof(*one)));

	assert_int_equal(algo_setting_find(a, s->name), row);
	for (size_t k = 0; s->aliases && s->aliases[k]; k++)
		assert_int_equal(algo_setting_find(a, s->aliases[k]), row);
	assert_non_null(s->doc);
	assert_int_equal(s->doc[strlen(s->doc) - 1], '.');
	algo_settings_init(a, values);
	if (!isnan(values[row].number))
		assert_true(algo_setting_number(a, one, row, values[row].number, study_quiet, NULL));
	free(values);
	free(one);
}

static void contract_table(void **state)
{
	const struct algorithm *a = *state;

	assert_true(
		strlen(a->name) > 0 && strspn(a->name, "abcdefghijklmnopqrstuvwxyz0123456789-") == strlen(a->name));
	assert_true(strlen(a->doc) > 20 && a->doc[strlen(a->doc) - 1] == '.');
	assert_true(algo_setting_find(a, "random_state") >= 0 && algo_setting_find(a, "seed") >= 0);
	assert_true((a->cache_new == NULL) == (a->cache_free == NULL));
	for (uint32_t i = 0; i < a->n_settings; i++)
		check_setting(a, i);
}

/* ---- on which spaces, how long ------------------------------------------------------------------ */

/* Suggestions that take milliseconds are checked on fewer trials, so that the suite stays fast; with
 * TRIMTAB_CONTRACT_FULL in the environment on as many as the others. */
static bool is_dear(const struct algorithm *a)
{
	static const char *const names[] = {"gp", "auto", "asha", "bohb", "pasha", NULL};

	for (size_t i = 0; names[i] && !getenv("TRIMTAB_CONTRACT_FULL"); i++)
		if (strcmp(a->name, names[i]) == 0)
			return true;
	return false;
}

int contract_trials(const struct algorithm *a, int dear, int cheap)
{
	return is_dear(a) ? dear : cheap;
}

void contract_each_space(const struct algorithm *a, void (*check)(struct study *s))
{
	for (size_t i = 0; named_spaces[i].name; i++) {
		struct space *space = named_spaces[i].make();
		struct study *s = study_new(a, space, 1000 + i);

		if (study_possible(s))
			check(s);
		study_free(s);
		space_unref(space);
	}
}

/* A history of several ended trials of every kind and two pending ones. */
static void warm_up(struct study *s)
{
	static const enum algo_status statuses[] = {ALGO_SUCCEEDED, ALGO_FAILED, ALGO_STOPPED, ALGO_SUCCEEDED,
		ALGO_ABANDONED, ALGO_SUCCEEDED, ALGO_SUCCEEDED};
	uint32_t n;

	for (size_t i = 0; i < sizeof(statuses) / sizeof(*statuses); i++) {
		if (study_ask(s, 2, &n) != ALGO_OK)
			break;
		study_tell(s, 0, statuses[i], statuses[i] == ALGO_FAILED ? NAN : study_objective(s, s->pending[0].x));
	}
	while (s->n_pending > 2)
		study_tell_oldest(s);
}

/* ---- the suite --------------------------------------------------------------------------------- */

static void run_some(struct study *s)
{
	for (int i = 0; i < contract_trials(s->a, 12, 30); i++) {
		uint32_t n, wanted = (uint32_t)i % 4;
		enum algo_outcome outcome = study_ask(s, wanted, &n);

		assert_true(outcome > 0);
		if (outcome != ALGO_OK && s->n_pending == 0)
			return;
		while (s->n_pending > 2)
			study_tell_oldest(s);
	}
}

static void contract_valid_on_every_space(void **state)
{
	contract_each_space(*state, run_some);
}

static void ask_twice(struct study *s)
{
	uint32_t d = space_dim(s->p.space), n, again;
	double *x = must(calloc(2 * 5 * (size_t)d, sizeof(*x)));

	for (int round = 0; round < 2; round++) {
		study_peek(s, 5, x, &n, NULL);
		study_peek(s, 5, x + 5 * (size_t)d, &again, NULL);
		assert_int_equal(n, again);
		assert_true(same_bits(x, x + 5 * (size_t)d, (size_t)n * d));
		warm_up(s);
	}
	free(x);
}

static void contract_deterministic(void **state)
{
	contract_each_space(*state, ask_twice);
}

static void batch_and_singles(struct study *s)
{
	uint32_t d = space_dim(s->p.space), n, one;
	double *x = must(calloc(3 * (size_t)d, sizeof(*x)));

	warm_up(s);
	study_peek(s, 3, x, &n, NULL);
	for (uint32_t i = 0; i < n; i++) {
		assert_int_equal(study_ask(s, 1, &one), ALGO_OK);
		if (!same_bits(s->pending[s->n_pending - 1].x, x + (size_t)i * d, d))
			fail_msg("%s: suggestion %u of a batch differs from that asked for singly", s->a->name, i);
	}
	free(x);
}

static void contract_batch_is_singles(void **state)
{
	contract_each_space(*state, batch_and_singles);
}

/* The oldest pending trial ends, mostly well. */
static void tell_somehow(struct study *s, int i)
{
	if (i % 7 == 3)
		study_tell(s, 0, ALGO_FAILED, NAN);
	else if (i % 11 == 5)
		study_tell(s, 0, ALGO_ABANDONED, NAN);
	else if (i % 13 == 7)
		study_tell(s, 0, ALGO_STOPPED, 0.5);
	else
		study_tell_oldest(s);
}

/* With the cache, and without it as after a restart: between any two trials the same bits, also when
 * the answer before was thrown away because the server could not store it. */
static void restart_between_trials(struct study *s)
{
	uint32_t d = space_dim(s->p.space), n, m;
	double *x = must(calloc(d, sizeof(*x)));

	for (int i = 0; i < contract_trials(s->a, 14, 100); i++) {
		enum algo_outcome fresh;

		if (i % 4 == 2)
			study_waste(s, 3);
		fresh = study_peek(s, 1, x, &n, NULL);
		assert_int_equal(study_ask(s, 1, &m), fresh);
		assert_int_equal(m, n);
		if (n == 0)
			break;
		assert_true(same_bits(s->pending[s->n_pending - 1].x, x, d));
		if (i % 9 == 6)
			study_enqueue(s, x);
		while (s->n_pending > (uint32_t)i % 3)
			tell_somehow(s, i);
	}
	free(x);
}

static void contract_rebuilds_to_the_same_bits(void **state)
{
	contract_each_space(*state, restart_between_trials);
}

/* Every configuration once, the enqueued one included, and then it is over. */
static void use_up(struct study *s)
{
	uint64_t left = space_cardinality(s->p.space);
	uint32_t d = space_dim(s->p.space), n;
	double *x = must(calloc(d, sizeof(*x)));

	if (left <= (uint64_t)contract_trials(s->a, 20, 700)) {
		char *hit = must(calloc(left, 1));

		space_config(s->p.space, left / 2, x);
		study_enqueue(s, x);
		hit[left / 2] = 1;
		left--;
		for (uint32_t i = 0; left > 0; i++) {
			enum algo_outcome outcome = study_ask(s, 1 + i % 3, &n);
			uint32_t expected = left < 1 + i % 3 ? (uint32_t)left : 1 + i % 3;

			assert_int_equal(n, expected);
			assert_int_equal(outcome, n == 1 + i % 3 ? ALGO_OK : ALGO_EXHAUSTED);
			for (uint32_t k = 0; k < n; k++) {
				uint64_t index = space_index(s->p.space, s->pending[s->n_pending - 1 - k].x);

				assert_int_equal(hit[index], 0);
				hit[index] = 1;
			}
			left -= n;
			while (s->n_pending > i % 5)
				study_tell_oldest(s);
		}
		assert_int_equal(study_ask(s, 2, &n), ALGO_EXHAUSTED);
		assert_int_equal(n, 0);
		free(hit);
	}
	free(x);
}

static void contract_finite_spaces_end(void **state)
{
	const struct algorithm *a = *state;

	if (!(a->capabilities & ALGO_REPEATS))
		contract_each_space(a, use_up);
}

static void cancelled(struct study *s)
{
	atomic_bool cancel = true;
	uint32_t d = space_dim(s->p.space), n;
	double *x = must(calloc(2 * (size_t)d, sizeof(*x)));

	warm_up(s);
	assert_int_equal(study_peek(s, 2, x, &n, &cancel), ALGO_CANCELLED);
	cancel = false;
	assert_true(study_peek(s, 2, x, &n, &cancel) > 0);
	assert_int_equal(study_peek(s, 0, x, &n, &cancel), ALGO_OK);
	free(x);
}

static void contract_cancel(void **state)
{
	contract_each_space(*state, cancelled);
}

static void contract_seeds_differ(void **state)
{
	static const char *const names[] = {"doubles", "mixed", "steps"};
	const struct algorithm *a = *state;

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		struct space *space = space_named(names[i]);
		double x[2][8 * 8];
		uint32_t n;

		for (uint64_t seed = 0; seed < 2; seed++) {
			struct study *s = study_new(a, space, seed);

			if (study_possible(s))
				assert_int_equal(study_peek(s, 3, x[seed], &n, NULL), ALGO_OK);
			else
				x[seed][0] = (double)seed;
			study_free(s);
		}
		assert_false(same_bits(x[0], x[1], 6));
		space_unref(space);
	}
}

static void contract_random_spaces(void **state)
{
	struct rng r = rng_seeded(77);

	for (int i = 0; i < contract_trials(*state, 25, 1000); i++) {
		struct space *space = random_space(&r, i % 2);
		struct study *s = study_new(*state, space, (uint64_t)i);
		uint32_t n;

		for (int k = 0; k < 6 && study_possible(s); k++) {
			assert_true(study_ask(s, 1 + (uint32_t)rng_below(&r, 3), &n) > 0);
			while (s->n_pending > rng_below(&r, 3))
				study_tell_oldest(s);
		}
		study_free(s);
		space_unref(space);
	}
}

/* ---- threads ----------------------------------------------------------------------------------- */

struct runner {
	pthread_t thread;
	const struct algorithm *a;
	struct space *space;
	double best;
};

static void *search(void *ctx)
{
	struct runner *r = ctx;
	struct study *s = study_new(r->a, r->space, 5);
	uint32_t n;

	r->best = HUGE_VAL;
	for (int i = 0; i < 40 && study_ask(s, 1, &n) == ALGO_OK; i++) {
		r->best = fmin(r->best, study_objective(s, s->pending[0].x));
		study_tell_oldest(s);
	}
	study_free(s);
	return NULL;
}

/* Several searches at once on one shared space come to the same result. */
static void contract_threads(void **state)
{
	struct runner runners[4];
	struct space *space = space_named("conditional, finite");

	for (int i = 0; i < 4; i++) {
		runners[i] = (struct runner){.a = *state, .space = space};
		assert_int_equal(pthread_create(&runners[i].thread, NULL, search, &runners[i]), 0);
	}
	for (int i = 0; i < 4; i++) {
		assert_int_equal(pthread_join(runners[i].thread, NULL), 0);
		assert_true(runners[i].best == runners[0].best);
	}
	space_unref(space);
}

/* ---- running it -------------------------------------------------------------------------------- */

#define CONTRACT(f)             \
	{                           \
#f, f, NULL, NULL, NULL \
	}

int contract_run(const struct algorithm *a)
{
	return contract_run_with(a, &(struct contract_options){.name = a->name});
}

int contract_run_with(const struct algorithm *a, const struct contract_options *o)
{
	struct CMUnitTest tests[] = {
		CONTRACT(contract_table),
		CONTRACT(contract_valid_on_every_space),
		CONTRACT(contract_deterministic),
		CONTRACT(contract_batch_is_singles),
		CONTRACT(contract_rebuilds_to_the_same_bits),
		CONTRACT(contract_finite_spaces_end),
		CONTRACT(contract_strange_histories),
		CONTRACT(contract_sources),
		CONTRACT(contract_cancel),
		CONTRACT(contract_seeds_differ),
		CONTRACT(contract_random_spaces),
		CONTRACT(contract_threads),
	};

	for (size_t i = 0; i < sizeof(tests) / sizeof(*tests); i++)
		tests[i].initial_state = (void *)(uintptr_t)a;
	study_options = (struct study_options){o->settings, o->resource_is_parameter};
	return cmocka_run_group_tests_name(o->name, tests, NULL, NULL);
}
