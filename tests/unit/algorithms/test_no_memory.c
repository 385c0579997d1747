/*
 * Every allocation fails once, in turn: building a space and asking each algorithm must say so and
 * leak nothing. Replaces the C library's allocator, which the sanitizers do themselves: not with them.
 */
#include <setjmp.h>
#include <math.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "algorithms/insight/importance.h"
#include "algorithms/insight/terminator.h"
#include "algorithms/registry.h"
#include "algorithms/stopping/stopper.h"
#include "algorithms/warm.h"
#include "tests/unit/algorithms/spaces.h"

#include <stdio.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
int main(void)
{
	puts("1..1\nok 1 - all # SKIP a sanitizer has an allocator of its own");
	return 0;
}
#else

void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t n);
void __libc_free(void *p);

static long live;
static unsigned countdown; /* the allocation that fails; 0: none */

static bool fails(void)
{
	return countdown > 0 && --countdown == 0;
}

void *malloc(size_t n)
{
	void *p = fails() ? NULL : __libc_malloc(n);

	live += p != NULL;
	return p;
}

void *calloc(size_t n, size_t size)
{
	void *p = fails() ? NULL : __libc_calloc(n, size);

	live += p != NULL;
	return p;
}

void *realloc(void *old, size_t n)
{
	void *p = fails() ? NULL : __libc_realloc(old, n);

	live += p != NULL && old == NULL;
	return p;
}

void free(void *p)
{
	live -= p != NULL;
	__libc_free(p);
}

static const double list[] = {3, 1, 2};

static struct space *build(enum space_fault *fault)
{
	struct space_builder *b = space_builder_new();
	struct space_problem problem = {.fault = SPACE_OK};
	struct space *s;
	size_t n;

	*fault = SPACE_NO_MEMORY;
	if (!b)
		return NULL;
	space_add(b, &(struct space_param){.kind = SPACE_DISCRETE, .values = list, .n_values = 3});
	for (uint32_t j = 1; j < 20; j++) {
		space_add(b, &(struct space_param){.kind = SPACE_INT, .min = 1, .max = 2});
		space_when(b, j, j / 2, (const double[]){1}, 1);
	}
	s = space_build(b, &problem, 1, &n);
	*fault = problem.fault;
	return s;
}

static void building_says_so(void **state)
{
	(void)state;
	for (unsigned nth = 1;; nth++) {
		long before = live;
		enum space_fault fault;
		struct space *s;

		countdown = nth;
		s = build(&fault);
		if (countdown > 0) {
			countdown = 0;
			assert_non_null(s);
			assert_true(nth > 50);
			space_unref(s);
			assert_int_equal(live, before);
			return;
		}
		assert_null(s);
		assert_int_equal(fault, SPACE_NO_MEMORY);
		assert_int_equal(live, before);
	}
}

/* Asks for two with 100 trials behind, on demand with two objectives and a constraint. True if the
 * failing allocation was reached. */
static bool ask(const struct algorithm *a, const struct space *s, bool many, unsigned nth)
{
	static const double ones[2] = {1, 1};
	static double x[102][20];
	struct algo_trial ended[100];
	struct algo_value settings[16];
	struct algo_objective objectives[2] = {{.goal = 0}, {.goal = 0}};
	struct algo_suggestion out[2] = {{.x = x[100]}, {.x = x[101]}};
	struct algo_history h = {.trials = ended, .n_trials = 100};
	struct algo_request r = {.first_number = 101, .n = 2, .out = out};
	const struct algo_fidelity fidelity = {.min = 1, .max = 9, .eta = 3, .param = -1};
	struct algo_problem p = {
		.space = s, .objectives = objectives, .n_objectives = 1, .settings = settings, .parallel = 1};
	enum algo_outcome outcome;
	long before;

	algo_settings_init(a, settings);
	for (uint32_t i = 0; i < 100; i++) {
		space_config(s, i % 10, x[i]);
		ended[i] = (struct algo_trial){
			.number = i + 1, .status = ALGO_SUCCEEDED, .x = x[i], .values = ones, .resource = NAN};
		if (many && i % 2)
			ended[i].constraints = ones;
	}
	if (a->capabilities & ALGO_FIDELITY)
		p.fidelity = &fidelity;
	if (many) {
		p.n_objectives = 2;
		p.n_constraints = 1;
	}
	before = live;
	countdown = nth;
	outcome = a->suggest(&p, &h, &r);
	assert_int_equal(live, before);
	if (countdown > 0) {
		countdown = 0;
		assert_int_equal(outcome, ALGO_OK);
		return false;
	}
	assert_int_equal(outcome, ALGO_NO_MEMORY);
	assert_int_equal(r.n_out, 0);
	return true;
}

static void asking_says_so(void **state)
{
	enum space_fault fault;
	struct space *s = build(&fault);

	(void)state;
	assert_non_null(s);
	for (size_t i = 0; i < n_algorithms; i++) {
		const struct algorithm *a = algorithms[i];

		for (int many = 0; many <= (a->capabilities & ALGO_MULTI_OBJECTIVE ? 1 : 0); many++) {
			unsigned nth = 1;

			while (ask(a, s, many, nth))
				nth++;
			assert_true(nth > 1);
		}
	}
	space_unref(s);
}

/* After six trials, with a source that still has its say. */
static enum algo_outcome ask_with_sources(
	const struct algo_problem *p, const struct algo_history *h, struct algo_request *r)
{
	const struct algorithm *gp = algorithm_find("gp");
	const struct algo_history few = {.trials = h->trials, .n_trials = 6};
	struct algo_value settings[16];
	struct algo_problem own = *p;

	algo_settings_init(gp, settings);
	own.settings = settings;
	r->first_number = 7;
	return gp->suggest(&own, &few, r);
}

/* What else is asked about a history: a number for each function. */
static enum algo_outcome look(int which, const struct algo_problem *p, const struct algo_history *h, const double *xs)
{
	static double cost[100], share[20], first[20];
	struct algo_suggestion out = {.x = first};
	struct algo_request r = {.first_number = 1, .n = 1, .out = &out};
	const struct importance_data data = {.space = p->space, .x = xs, .cost = cost, .n = h->n_trials};
	const struct algo_history none = {0};
	struct terminator_verdict v;

	for (uint32_t i = 0; i < h->n_trials; i++)
		cost[i] = h->trials[i].values[0];
	switch (which) {
	case 0:
		return importance_ped_anova(&data, NULL, share);
	case 1:
		return importance_fanova(&data, NULL, share);
	case 2:
		return terminator_judge(p, h, NULL, &v);
	case 3:
		return ask_with_sources(p, h, &r);
	default:
		return warm_suggest(algorithm_find("random"), p, &none, &r);
	}
}

static void looking_says_so(void **state)
{
	static double x[100][20], values[100];
	static struct algo_trial trials[100];
	enum space_fault fault;
	struct space *s = build(&fault);
	struct algo_value settings[16];
	const struct algo_objective objective = {.goal = 0};
	const struct algo_source source = {.trials = trials, .n_trials = 100};
	const struct algo_history h = {.trials = trials, .n_trials = 100};
	const struct algo_problem p = {.space = s, .objectives = &objective, .n_objectives = 1, .settings = settings,
		.parallel = 1, .sources = &source, .n_sources = 1};

	(void)state;
	algo_settings_init(algorithm_find("random"), settings);
	for (uint32_t i = 0; i < 100; i++) {
		space_config(s, i % space_cardinality(s), x[i]);
		values[i] = i % 7;
		trials[i] = (struct algo_trial){.number = i + 1, .status = ALGO_SUCCEEDED, .x = x[i], .values = &values[i]};
	}
	for (int which = 0; which < 5; which++) {
		unsigned refused = 0;
		/* Some take memory ten thousand times. */
		for (unsigned nth = 1;; nth += 1 + nth / 10) {
			const long before = live;
			countdown = nth;
			const enum algo_outcome outcome = look(which, &p, &h, x[0]);
			const bool reached = countdown == 0;
			countdown = 0;
			assert_int_equal(live, before);
			/* qsort() does without: it is a little slower then. */
			assert_true(outcome == ALGO_OK || (reached && outcome == ALGO_NO_MEMORY));
			refused += outcome != ALGO_OK;
			if (!reached)
				break;
		}
		assert_true(refused > 3);
	}
	space_unref(s);
}

/* A stopper of all rules; true if it got through: what it had to say is of no interest. */
static bool judge_some(const struct stop_problem *p)
{
	struct stopper *s = stopper_new(p);
	struct stop_verdict v;
	bool ok = s != NULL;

	for (uint32_t number = 1; ok && number <= 24; number++) {
		uint32_t last = number == 24 ? 600 : 12;

		ok = stopper_begin(s, number, (int32_t)number % 2, number == 20 ? 2 : 0, NAN);
		for (uint32_t step = 0; ok && step < last; step++)
			ok = stopper_report(s, number, step, number - 0.1 * (number % 7) * step, &v) != STOP_NO_MEMORY;
		ok = ok && stopper_end(s, number, number % 3 ? ALGO_SUCCEEDED : ALGO_STOPPED, number);
	}
	for (enum stop_ahead ahead = STOP_AHEAD_MORE; ok && ahead == STOP_AHEAD_MORE;)
		ok = (ahead = stopper_build_ahead(s)) != STOP_AHEAD_NO_MEMORY;
	ok = ok && stopper_told(s, 30) && stopper_restore(s, 9000, 1, 1);
	stopper_free(s);
	return ok;
}

static void stopping_says_so(void **state)
{
	static const struct algo_rungs rungs = {.at = {1, 3, 9}, .n = 3, .brackets = 2, .max = 27, .eta = 3};
	struct algo_value values[STOP_RULES_MAX][8];
	struct stop_use uses[STOP_RULES_MAX];
	const struct stop_problem p = {.metric = "loss",
		.uses = uses,
		.n_uses = (uint32_t)n_stop_rules,
		.rungs = &rungs,
		.max_resource = NAN};

	(void)state;
	assert_true(n_stop_rules <= STOP_RULES_MAX);
	for (size_t i = 0; i < n_stop_rules; i++) {
		stop_settings_init(stop_rules[i], values[i]);
		uses[i] = (struct stop_use){.rule = stop_rules[i], .settings = values[i]};
	}
	for (unsigned nth = 1;; nth++) {
		const long before = live;
		bool ok;

		countdown = nth;
		ok = judge_some(&p);
		assert_int_equal(live, before);
		assert_true(ok || countdown == 0); /* qsort() does without */
		if (countdown > 0) {
			countdown = 0;
			assert_true(nth > 100);
			return;
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stopping_says_so),
		cmocka_unit_test(building_says_so),
		cmocka_unit_test(asking_says_so),
		cmocka_unit_test(looking_says_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
#endif
