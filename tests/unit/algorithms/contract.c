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
#include <time.h>

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

/* Of the suite that runs. */
static struct contract_options options;

/* A parameter that could carry a resource, or -1. */
static int resource_param(const struct space *s)
{
	for (uint32_t j = 0; j < space_dim(s); j++)
		if (space_at(s, j)->kind != SPACE_CATEGORICAL && !space_is_conditional(s, j) && !space_is_parent(s, j) &&
			(space_at(s, j)->kind == SPACE_DISCRETE || space_at(s, j)->max > 0))
			return (int)j;
	return -1;
}

static void set_fidelity(struct study *s)
{
	int param = options.resource_is_parameter ? resource_param(s->p.space) : -1;

	s->fidelity = (struct algo_fidelity){.min = 1, .max = 9, .eta = 3, .param = -1, .resumable = true};
	if (param >= 0)
		s->fidelity = (struct algo_fidelity){.min = NAN, .max = NAN, .eta = NAN, .param = param};
	if (s->a->capabilities & ALGO_FIDELITY)
		s->p.fidelity = &s->fidelity;
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
	set_fidelity(s);
	for (const char *const *o = options.settings; o && *o; o += 2)
		assert_true(algo_setting_text(
			a, s->settings, (uint32_t)algo_setting_find(a, o[0]), o[1], quiet, NULL));
	if (study_possible(s))
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
	return (!options.resource_is_parameter || s->fidelity.param >= 0) && algo_check(s->a, &s->p, quiet, NULL);
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

static double processor_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
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

/* ---- the suite --------------------------------------------------------------------------------- */

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

static int trials_for(const struct algorithm *a, int dear, int cheap)
{
	return is_dear(a) ? dear : cheap;
}

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

static void run_some(struct study *s)
{
	for (int i = 0; i < trials_for(s->a, 12, 30); i++) {
		uint32_t n, wanted = (uint32_t)i % 4;
		enum algo_outcome outcome = study_ask(s, wanted, &n);

		assert_true(outcome > 0);
		if (outcome != ALGO_OK && s->n_pending == 0)
			return;
		while (s->n_pending > 2)
			tell_oldest(s);
	}
}

static void contract_valid_on_every_space(void **state)
{
	for_each_space(*state, run_some);
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

static void contract_batch_is_singles(void **state)
{
	for_each_space(*state, batch_and_singles);
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
		tell_oldest(s);
}

/* With the cache, and without it as after a restart: between any two trials the same bits, also when
 * the answer before was thrown away because the server could not store it. */
static void restart_between_trials(struct study *s)
{
	uint32_t d = space_dim(s->p.space), n, m;
	double *x = must(calloc(3 * (size_t)d, sizeof(*x)));
	struct algo_suggestion *lost = suggestions_in(x, 3, d);

	for (int i = 0; i < trials_for(s->a, 14, 100); i++) {
		enum algo_outcome fresh;

		if (i % 4 == 2)
			request(s, 3, lost, &n, NULL, s->cache);
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
	free(lost);
	free(x);
}

static void contract_rebuilds_to_the_same_bits(void **state)
{
	for_each_space(*state, restart_between_trials);
}

/* Every configuration once, the enqueued one included, and then it is over. */
static void use_up(struct study *s)
{
	uint64_t left = space_cardinality(s->p.space);
	uint32_t d = space_dim(s->p.space), n;
	double *x = must(calloc(d, sizeof(*x)));

	if (left <= (uint64_t)trials_for(s->a, 20, 700)) {
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

static void contract_finite_spaces_end(void **state)
{
	const struct algorithm *a = *state;

	if (!(a->capabilities & ALGO_REPEATS))
		for_each_space(a, use_up);
}

/* ---- histories --------------------------------------------------------------------------------- */

/* The same trials over and over: every third ends as `status` with `value`, or all of them do. */
struct history_kind {
	const char *name;
	uint32_t n_ended, n_pending;
	enum algo_status status;
	double value;
	enum {
		ALWAYS,    /* all with the value                                  */
		SOMETIMES, /* every other one, the others with an ordinary value  */
		SCALED,    /* ordinary values times the value                     */
	} how;
	bool one_place; /* all trials at the same configuration                */
	bool maximize;
};

static const struct history_kind history_kinds[] = {
	{.name = "none"},
	{.name = "one", .n_ended = 1, .status = ALGO_SUCCEEDED, .value = 1},
	{.name = "one, failed", .n_ended = 1, .status = ALGO_FAILED, .value = NAN},
	{.name = "only pending", .n_pending = 20},
	{.name = "failed", .n_ended = 14, .n_pending = 2, .status = ALGO_FAILED, .value = NAN},
	{.name = "many failed", .n_ended = 14, .status = ALGO_FAILED, .value = NAN, .how = SOMETIMES},
	{.name = "abandoned", .n_ended = 14, .status = ALGO_ABANDONED, .value = NAN},
	{.name = "stopped", .n_ended = 14, .status = ALGO_STOPPED, .value = 3},
	{.name = "NaN", .n_ended = 14, .n_pending = 3, .status = ALGO_SUCCEEDED, .value = NAN},
	{.name = "NaN among others", .n_ended = 14, .status = ALGO_SUCCEEDED, .value = NAN, .how = SOMETIMES},
	{.name = "infinite", .n_ended = 14, .status = ALGO_SUCCEEDED, .value = HUGE_VAL, .how = SOMETIMES},
	{.name = "minus infinite", .n_ended = 14, .status = ALGO_SUCCEEDED, .value = -HUGE_VAL, .how = SOMETIMES},
	{.name = "equal", .n_ended = 14, .status = ALGO_SUCCEEDED, .value = 0.7},
	{.name = "zero", .n_ended = 14, .n_pending = 1, .status = ALGO_SUCCEEDED, .maximize = true},
	{.name = "one place, equal", .n_ended = 14, .status = ALGO_SUCCEEDED, .value = 2, .one_place = true},
	{.name = "one place",
		.n_ended = 14,
		.status = ALGO_SUCCEEDED,
		.value = 1,
		.how = SCALED,
		.one_place = true},
	{.name = "an outlier of 1e308",
		.n_ended = 14,
		.status = ALGO_SUCCEEDED,
		.value = 1e308,
		.how = SOMETIMES},
	{.name = "-1e308 and 1e300", .n_ended = 14, .status = ALGO_SUCCEEDED, .value = -1e308, .how = SOMETIMES},
	{.name = "times 1e300", .n_ended = 20, .status = ALGO_SUCCEEDED, .value = 1e300, .how = SCALED},
	{.name = "times -1e300",
		.n_ended = 14,
		.status = ALGO_SUCCEEDED,
		.value = -1e300,
		.how = SCALED,
		.maximize = true},
	{.name = "times 1e-300", .n_ended = 20, .status = ALGO_SUCCEEDED, .value = 1e-300, .how = SCALED},
	{.name = "denormal", .n_ended = 14, .status = ALGO_SUCCEEDED, .value = 5e-324, .how = SOMETIMES},
};

/* Points of the user's, so that every algorithm meets the same ones. */
static void write_history(struct study *s, const struct history_kind *k)
{
	uint32_t d = space_dim(s->p.space);
	double *x = must(calloc(2 * (size_t)d, sizeof(*x))), *u = x + d;
	struct rng r = rng_seeded(k->n_ended);

	s->objective.direction = k->maximize ? ALGO_MAXIMIZE : ALGO_MINIMIZE;
	for (uint32_t i = 0; i < k->n_ended + k->n_pending; i++) {
		bool odd = k->how == SOMETIMES && i % 2 == 1;
		double ordinary = k->how == ALWAYS ? 1 : 0.25 * (i % 5) + 0.125 * i;

		for (uint32_t j = 0; j < d; j++)
			u[j] = k->one_place ? 0.25 : rng_uniform(&r);
		space_decode(s->p.space, u, x);
		study_enqueue(s, x);
		if (i >= k->n_ended)
			continue;
		study_tell(s, s->n_pending - 1, odd ? ALGO_SUCCEEDED : k->status,
			k->how == SCALED ? ordinary * k->value
			: odd            ? ordinary
							 : k->value);
	}
	free(x);
}

/* What no algorithm needs for a suggestion, even under a sanitizer. */
static const double SECONDS_MAX = 20;

static void go_on(struct study *s, const struct history_kind *k)
{
	for (int i = 0; i < trials_for(s->a, 1, 2); i++) {
		double before = processor_seconds();
		uint32_t n;
		enum algo_outcome outcome = study_ask(s, 2, &n);

		if (outcome <= 0)
			fail_msg("%s: outcome %d after the history \"%s\"", s->a->name, (int)outcome, k->name);
		if (processor_seconds() - before > SECONDS_MAX)
			fail_msg("%s: %g s after the history \"%s\"", s->a->name, processor_seconds() - before, k->name);
		if (s->n_pending > 0)
			study_tell(s, 0, k->status ? k->status : ALGO_SUCCEEDED, k->value);
	}
}

static void strange(struct study *s)
{
	for (size_t i = 0; i < sizeof(history_kinds) / sizeof(*history_kinds); i++) {
		struct study *t = study_new(s->a, (struct space *)(uintptr_t)s->p.space, i);

		write_history(t, &history_kinds[i]);
		go_on(t, &history_kinds[i]);
		study_free(t);
	}
}

/* Every kind of space and of history: an answer that request() finds nothing wrong with. */
static void contract_strange_histories(void **state)
{
	for_each_space(*state, strange);
}

/* ---- earlier experiments ----------------------------------------------------------------------- */

/* What a source may hold: so many trials, each with this status and value. */
struct source_kind {
	const char *name;
	uint32_t n;
	enum algo_status status;
	double times;           /* the study's objective                                               */
	double plus;
	bool one_place;
};

static const struct source_kind source_kinds[] = {
	{.name = "related", .n = 30, .status = ALGO_SUCCEEDED, .times = 3, .plus = 100},
	{.name = "negated", .n = 30, .status = ALGO_SUCCEEDED, .times = -1},
	{.name = "huge", .n = 12, .status = ALGO_SUCCEEDED, .times = 1e300},
	{.name = "tiny", .n = 12, .status = ALGO_SUCCEEDED, .times = 1e-300},
	{.name = "equal", .n = 12, .status = ALGO_SUCCEEDED, .plus = 0.5},
	{.name = "one place", .n = 12, .status = ALGO_SUCCEEDED, .times = 1, .one_place = true},
	{.name = "NaN", .n = 12, .status = ALGO_SUCCEEDED, .plus = NAN},
	{.name = "infinite", .n = 12, .status = ALGO_SUCCEEDED, .plus = HUGE_VAL},
	{.name = "failed", .n = 12, .status = ALGO_FAILED, .plus = NAN},
	{.name = "five", .n = 5, .status = ALGO_SUCCEEDED, .times = 1},
	{.name = "one", .n = 1, .status = ALGO_SUCCEEDED, .times = 1},
	{.name = "none"},
};

enum { SOURCE_KINDS = sizeof(source_kinds) / sizeof(*source_kinds), SOURCE_TRIALS = 30 };

struct sources {
	struct algo_source list[2];
	struct algo_trial trials[2][SOURCE_TRIALS];
	double values[2][SOURCE_TRIALS], *x;
};

static void fill_source(const struct study *s, struct sources *all, int which, const struct source_kind *k)
{
	uint32_t d = space_dim(s->p.space);
	struct rng r = rng_seeded(k->n + (uint64_t)which);
	double u[SPACE_PARAMS_MAX];

	all->list[which] = (struct algo_source){.trials = all->trials[which], .n_trials = k->n};
	for (uint32_t i = 0; i < k->n; i++) {
		double *x = all->x + (size_t)(which * SOURCE_TRIALS + (int)i) * d;

		for (uint32_t j = 0; j < d; j++)
			u[j] = k->one_place ? 0.25 : rng_uniform(&r);
		space_decode(s->p.space, u, x);
		all->values[which][i] = k->times * study_objective(s, x) + k->plus + (k->one_place ? i : 0);
		all->trials[which][i] = (struct algo_trial){.number = i + 1, .status = k->status, .suggested = true, .x = x,
			.values = &all->values[which][i], .duration = NAN, .resource = NAN};
	}
}

/* Six trials with these sources behind, two at once; with the cache as without it. */
static void search_after(struct study *s, const struct source_kind *a, const struct source_kind *b)
{
	struct study *t = study_new(s->a, (struct space *)(uintptr_t)s->p.space, s->p.seed);
	uint32_t d = space_dim(s->p.space), n, m;
	struct sources *all = must(calloc(1, sizeof(*all)));
	double *x = must(calloc(2 * (size_t)d, sizeof(*x)));

	all->x = must(calloc(2 * SOURCE_TRIALS * (size_t)d, sizeof(*all->x)));
	fill_source(t, all, 0, a);
	fill_source(t, all, 1, b);
	t->p.sources = all->list;
	t->p.n_sources = 2;
	if (t->cache)
		t->a->cache_free(t->cache);
	t->cache = t->a->cache_new ? t->a->cache_new(&t->p) : NULL;
	for (int i = 0; i < 6; i++) {
		enum algo_outcome fresh = study_peek(t, 2, x, &n, NULL), outcome = study_ask(t, 1, &m);

		if (fresh <= 0 || outcome <= 0)
			fail_msg("%s: outcome %d after the sources %s and %s", s->a->name, (int)outcome, a->name, b->name);
		if (m == 0)
			break;
		if (!same_bits(t->pending[t->n_pending - 1].x, x, d))
			fail_msg("%s: the cache changes a suggestion after the sources %s and %s", s->a->name, a->name, b->name);
		while (t->n_pending > 1)
			tell_oldest(t);
	}
	study_free(t);
	free(all->x);
	free(all);
	free(x);
}

static void after_each_kind(struct study *s)
{
	int step = trials_for(s->a, 4, 1);

	for (int k = (int)(s->p.seed % (uint64_t)step); k < SOURCE_KINDS; k += step)
		search_after(s, &source_kinds[k], &source_kinds[0]);
}

/* Sources of every kind, beside a good one. */
static void contract_sources(void **state)
{
	const struct algorithm *a = *state;

	if (a->capabilities & ALGO_SOURCES)
		for_each_space(a, after_each_kind);
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
	for_each_space(*state, cancelled);
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

	for (int i = 0; i < trials_for(*state, 25, 1000); i++) {
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
	options = *o;
	return cmocka_run_group_tests_name(o->name, tests, NULL, NULL);
}
