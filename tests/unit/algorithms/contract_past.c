/* Histories and sources of every kind. */
#include "tests/unit/algorithms/contract_past.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "algorithms/rng.h"
#include "tests/unit/algorithms/study.h"

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

static double processor_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* What no algorithm needs for a suggestion, even under a sanitizer. */
static const double SECONDS_MAX = 20;

static void go_on(struct study *s, const struct history_kind *k)
{
	for (int i = 0; i < contract_trials(s->a, 1, 2); i++) {
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
void contract_strange_histories(void **state)
{
	contract_each_space(*state, strange);
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
			study_tell_oldest(t);
	}
	study_free(t);
	free(all->x);
	free(all);
	free(x);
}

static void after_each_kind(struct study *s)
{
	int step = contract_trials(s->a, 4, 1);

	for (int k = (int)(s->p.seed % (uint64_t)step); k < SOURCE_KINDS; k += step)
		search_after(s, &source_kinds[k], &source_kinds[0]);
}

/* Sources of every kind, beside a good one. */
void contract_sources(void **state)
{
	const struct algorithm *a = *state;

	if (a->capabilities & ALGO_SOURCES)
		contract_each_space(a, after_each_kind);
}
