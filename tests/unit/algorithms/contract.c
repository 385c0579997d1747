/* The contract suite. */
#include "tests/unit/algorithms/contract.h"

#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "algorithms/rng.h"
#include "tests/unit/algorithms/spaces.h"

/* ---- studies ----------------------------------------------------------------------------------- */

enum { TRIALS_MAX = 2000 };

static void quiet(void *ctx, const char *setting, int param, const char *message)
{
	(void)ctx, (void)setting, (void)param, (void)message;
}

static void *must(void *p)
{
	assert_non_null(p);
	return p;
}

struct study *study_new(const struct algorithm *a, struct space *space, uint64_t seed)
{
	struct study *s = must(calloc(1, sizeof(*s)));

	s->a = a;
	s->settings = must(calloc(a->n_settings + 1, sizeof(*s->settings)));
	algo_settings_init(a, s->settings);
	s->ended = must(calloc(TRIALS_MAX, sizeof(*s->ended)));
	s->pending = must(calloc(TRIALS_MAX, sizeof(*s->pending)));
	s->next_number = 1;
	s->objective = (struct algo_objective){.direction = ALGO_MINIMIZE, .goal = NAN};
	s->p = (struct algo_problem){.space = space_ref(space),
		.objectives = &s->objective,
		.n_objectives = 1,
		.settings = s->settings,
		.seed = seed,
		.parallel = 1};
	s->cache = a->cache_new ? a->cache_new(&s->p) : NULL;
	return s;
}

void study_set(struct study *s, const char *name, const char *text)
{
	int row = algo_setting_find(s->a, name);

	assert_true(row >= 0);
	assert_true(algo_setting_text(s->a, s->settings, (uint32_t)row, text, quiet, NULL));
	if (s->cache)
		s->a->cache_free(s->cache);
	s->cache = s->a->cache_new ? s->a->cache_new(&s->p) : NULL;
}

static void free_trials(struct algo_trial *trials, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		free((void *)(uintptr_t)trials[i].x);
		free((void *)(uintptr_t)trials[i].values);
	}
	free(trials);
}

void study_free(struct study *s)
{
	if (s->a->cache_free && s->cache)
		s->a->cache_free(s->cache);
	free_trials(s->ended, s->n_ended);
	free_trials(s->pending, s->n_pending);
	free(s->settings);
	space_unref((struct space *)(uintptr_t)s->p.space);
	free(s);
}

bool study_possible(const struct study *s)
{
	return algo_check(s->a, &s->p, quiet, NULL);
}

static struct algo_history history_of(const struct study *s)
{
	return (struct algo_history){
		.trials = s->ended, .n_trials = s->n_ended, .pending = s->pending, .n_pending = s->n_pending};
}

static struct algo_trial *add_pending(struct study *s, const double *x, bool suggested)
{
	uint32_t d = space_dim(s->p.space);
	double *copy = must(malloc(d * sizeof(*copy)));
	struct algo_trial *t = &s->pending[s->n_pending++];

	assert_true(s->n_pending < TRIALS_MAX);
	memcpy(copy, x, d * sizeof(*copy));
	*t = (struct algo_trial){
		.number = s->next_number++, .suggested = suggested, .x = copy, .duration = NAN, .resource = NAN};
	return t;
}

void study_enqueue(struct study *s, const double *x)
{
	add_pending(s, x, false);
}

/* Runs one request with vectors full of rubbish and checks what every answer must hold. */
static enum algo_outcome request(const struct study *s, uint32_t n, struct algo_suggestion *out,
	uint32_t *n_out, const atomic_bool *cancel, void *cache)
{
	struct algo_history h = history_of(s);
	struct algo_request r = {
		.first_number = s->next_number, .n = n, .out = out, .n_out = 99, .cancel = cancel, .cache = cache};
	enum algo_outcome outcome;

	for (uint32_t i = 0; i < n; i++)
		for (uint32_t j = 0; j < space_dim(s->p.space); j++)
			out[i].x[j] = -1e99;
	outcome = s->a->suggest(&s->p, &h, &r);
	assert_in_range(r.n_out, 0, n);
	if (outcome == ALGO_OK)
		assert_int_equal(r.n_out, n);
	else if (outcome > 0)
		assert_true(r.n_out < n);
	else
		assert_int_equal(r.n_out, 0);
	for (uint32_t i = 0; i < r.n_out; i++) {
		uint32_t offender = 0;

		if (!space_valid(s->p.space, out[i].x, &offender))
			fail_msg("%s: parameter %u has the value %.17g", s->a->name, offender, out[i].x[offender]);
		if (!(s->a->capabilities & ALGO_FIDELITY))
			assert_true(isnan(out[i].resource));
	}
	*n_out = r.n_out;
	return outcome;
}

static struct algo_suggestion *suggestions_in(double *x, uint32_t n, uint32_t d)
{
	struct algo_suggestion *out = must(calloc(n + 1, sizeof(*out)));

	for (uint32_t i = 0; i < n; i++)
		out[i].x = x + (size_t)i * d;
	return out;
}

enum algo_outcome study_peek(
	const struct study *s, uint32_t n, double *x, uint32_t *n_out, const atomic_bool *cancel)
{
	struct algo_suggestion *out = suggestions_in(x, n, space_dim(s->p.space));
	enum algo_outcome outcome = request(s, n, out, n_out, cancel, NULL);

	free(out);
	return outcome;
}

enum algo_outcome study_ask(struct study *s, uint32_t n, uint32_t *n_out)
{
	uint32_t d = space_dim(s->p.space);
	double *x = must(calloc((size_t)n * d + 1, sizeof(*x)));
	struct algo_suggestion *out = suggestions_in(x, n, d);
	enum algo_outcome outcome = request(s, n, out, n_out, NULL, s->cache);

	for (uint32_t i = 0; i < *n_out; i++) {
		struct algo_trial *t = add_pending(s, out[i].x, true);

		t->resource = out[i].resource;
		t->parent = out[i].parent;
		t->bracket = out[i].bracket;
		t->rung = out[i].rung;
	}
	free(out);
	free(x);
	return outcome;
}

void study_tell(struct study *s, uint32_t index, enum algo_status status, double value)
{
	struct algo_trial t = s->pending[index];
	double *values = must(malloc(sizeof(*values)));

	assert_true(index < s->n_pending && s->n_ended < TRIALS_MAX);
	*values = value;
	t.status = status;
	t.values = values;
	t.duration = 1;
	memmove(s->pending + index, s->pending + index + 1, (--s->n_pending - index) * sizeof(t));
	s->ended[s->n_ended++] = t;
}

double study_objective(const struct study *s, const double *x)
{
	double u[SPACE_PARAMS_MAX], sum = 0;

	space_encode(s->p.space, x, u);
	for (uint32_t j = 0; j < space_dim(s->p.space); j++)
		sum += (u[j] - 0.3) * (u[j] - 0.3);
	return sum;
}

static void tell_oldest(struct study *s)
{
	study_tell(s, 0, ALGO_SUCCEEDED, study_objective(s, s->pending[0].x));
}

static bool same_bits(const double *a, const double *b, size_t n)
{
	return memcmp(a, b, n * sizeof(*a)) == 0;
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
		tell_oldest(s);
}

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
		assert_true(algo_setting_number(a, one, row, values[row].number, quiet, NULL));
	free(values);
	free(one);
}

void contract_table(void **state)
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

/* ---- the suite --------------------------------------------------------------------------------- */

static void for_each_space(const struct algorithm *a, void (*check)(struct study *s))
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

static void run_thirty(struct study *s)
{
	for (int i = 0; i < 30; i++) {
		uint32_t n, wanted = (uint32_t)i % 4;
		enum algo_outcome outcome = study_ask(s, wanted, &n);

		assert_true(outcome > 0);
		if (outcome != ALGO_OK && s->n_pending == 0)
			return;
		while (s->n_pending > 2)
			tell_oldest(s);
	}
}

void contract_valid_on_every_space(void **state)
{
	for_each_space(*state, run_thirty);
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

void contract_deterministic(void **state)
{
	for_each_space(*state, ask_twice);
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

void contract_batch_is_singles(void **state)
{
	for_each_space(*state, batch_and_singles);
}

/* With the cache, and without it as after a restart: between any two trials the same bits, also when
 * the answer before was thrown away because the server could not store it. */
static void restart_between_trials(struct study *s)
{
	uint32_t d = space_dim(s->p.space), n, m;
	double *x = must(calloc(3 * (size_t)d, sizeof(*x)));
	struct algo_suggestion *lost = suggestions_in(x, 3, d);

	for (int i = 0; i < 25; i++) {
		enum algo_outcome fresh;

		if (i % 4 == 2)
			request(s, 3, lost, &n, NULL, s->cache);
		fresh = study_peek(s, 1, x, &n, NULL);
		assert_int_equal(study_ask(s, 1, &m), fresh);
		assert_int_equal(m, n);
		if (n == 0)
			break;
		assert_true(same_bits(s->pending[s->n_pending - 1].x, x, d));
		if (i % 3)
			tell_oldest(s);
	}
	free(lost);
	free(x);
}

void contract_rebuilds_to_the_same_bits(void **state)
{
	for_each_space(*state, restart_between_trials);
}

/* Every configuration once, the enqueued one included, and then it is over. */
static void use_up(struct study *s)
{
	uint64_t left = space_cardinality(s->p.space);
	uint32_t d = space_dim(s->p.space), n;
	double *x = must(calloc(d, sizeof(*x)));

	if (left <= 700) {
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
				tell_oldest(s);
		}
		assert_int_equal(study_ask(s, 2, &n), ALGO_EXHAUSTED);
		assert_int_equal(n, 0);
		free(hit);
	}
	free(x);
}

void contract_finite_spaces_end(void **state)
{
	for_each_space(*state, use_up);
}

/* Values that break arithmetic, and twenty trials at one place. */
static void strange(struct study *s)
{
	static const double values[] = {
		NAN, HUGE_VAL, -HUGE_VAL, 1e308, -1e308, 1e-300, 5e-324, 0, 0, 0, 0, 1, 1, 1};
	uint32_t d = space_dim(s->p.space), n;
	double *x = must(calloc(3 * (size_t)d, sizeof(*x))), *u = must(calloc(d, sizeof(*u)));

	for (size_t kind = 0; kind < sizeof(values) / sizeof(*values); kind++) {
		struct study *t = study_new(s->a, (struct space *)(uintptr_t)s->p.space, kind);

		for (int i = 0; i < 20; i++) {
			for (uint32_t j = 0; j < d; j++)
				u[j] = kind % 2 ? 0.25 : 0.01 + 0.049 * i;
			space_decode(s->p.space, u, x);
			study_enqueue(t, x);
			study_tell(t, 0, i % 7 == 3 ? ALGO_FAILED : ALGO_SUCCEEDED, i % 3 ? values[kind] : i);
		}
		for (int i = 0; i < 3; i++)
			assert_true(study_ask(t, 2, &n) > 0);
		study_free(t);
	}
	free(x);
	free(u);
}

void contract_strange_histories(void **state)
{
	for_each_space(*state, strange);
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

void contract_cancel(void **state)
{
	for_each_space(*state, cancelled);
}

void contract_seeds_differ(void **state)
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
				assert_int_equal(study_peek(s, 8, x[seed], &n, NULL), ALGO_OK);
			else
				x[seed][0] = (double)seed;
			study_free(s);
		}
		assert_false(same_bits(x[0], x[1], 8));
		space_unref(space);
	}
}

void contract_random_spaces(void **state)
{
	struct rng r = rng_seeded(77);

	for (int i = 0; i < 1500; i++) {
		struct space *space = random_space(&r, i % 2);
		struct study *s = study_new(*state, space, (uint64_t)i);
		uint32_t n;

		for (int k = 0; k < 6 && study_possible(s); k++) {
			assert_true(study_ask(s, 1 + (uint32_t)rng_below(&r, 3), &n) > 0);
			while (s->n_pending > rng_below(&r, 3))
				tell_oldest(s);
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
		tell_oldest(s);
	}
	study_free(s);
	return NULL;
}

/* Several searches at once on one shared space come to the same result. */
void contract_threads(void **state)
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
