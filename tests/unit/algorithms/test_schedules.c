/*
 * hyperband, successive-halving, asha and pasha as the control loop runs them: asked when slots are free,
 * told in different orders, with failures, kills and users' trials in between.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "algorithms/fidelity/brackets.h"
#include "algorithms/fidelity/ladder.h"
#include "algorithms/registry.h"
#include "algorithms/rng.h"
#include "tests/unit/algorithms/contract.h"
#include "tests/unit/algorithms/spaces.h"

enum { LEVELS_MAX = 8, TRIALS_MAX = 1900 };

/* ---- a run ------------------------------------------------------------------------------------- */

enum order { OLDEST, NEWEST, SHUFFLED };

struct run {
	struct study *s;
	uint32_t parallel;
	enum order order;
	double failing, killed;     /* shares of the trials                                        */
	struct rng rng;
};

/* Two numbers, a category and epochs, which may carry the resource. */
static struct space *make_space(void)
{
	static const struct space_param p[] = {
		{.kind = SPACE_DOUBLE, .distribution = SPACE_LOG_UNIFORM, .min = 1e-4, .max = 1},
		{.kind = SPACE_INT, .min = 1, .max = 1000},
		{.kind = SPACE_DOUBLE, .min = 0, .max = 1},
		{.kind = SPACE_CATEGORICAL, .n_values = 3},
	};
	return space_of(p, 4);
}

static struct study *make_study(const char *name, double min, double max, double eta, int param)
{
	struct space *space = make_space();
	struct study *s = study_new(algorithm_find(name), space, 7);

	s->fidelity = (struct algo_fidelity){.min = min, .max = max, .eta = eta, .param = param};
	/* The cache was made for another one. */
	if (s->cache)
		s->a->cache_free(s->cache);
	assert_true(study_possible(s));
	s->cache = s->a->cache_new(&s->p);
	space_unref(space);
	return s;
}

/* What a trial finds: better with more resource, in an order that changes on the way. */
static double result_of(const struct study *s, const struct algo_trial *t)
{
	double x[SPACE_PARAMS_MAX];
	double last = study_objective(s, t->x), wobble;

	memcpy(x, t->x, space_dim(s->p.space) * sizeof(*x));
	if (s->fidelity.param >= 0)
		x[s->fidelity.param] = 1;
	wobble = (double)(space_hash(s->p.space, x) % 1000) / 1000;
	return last + wobble / t->resource;
}

static void end_one(struct run *r)
{
	struct study *s = r->s;
	uint32_t i = r->order == OLDEST ? 0 : r->order == NEWEST ? s->n_pending - 1 : (uint32_t)rng_below(&r->rng, s->n_pending);
	double u = rng_uniform(&r->rng);

	if (u < r->failing)
		study_tell(s, i, ALGO_FAILED, NAN);
	else if (u < r->failing + r->killed)
		study_tell(s, i, ALGO_ABANDONED, NAN);
	else
		study_tell(s, i, ALGO_SUCCEEDED, result_of(s, &s->pending[i]));
}

/* Until the algorithm has nothing more, or `most` trials have begun. */
static void run_to_the_end(struct run *r, uint32_t most)
{
	struct study *s = r->s;

	for (;;) {
		uint32_t n = 0, begun = s->next_number - 1;
		uint32_t want = r->parallel > s->n_pending ? r->parallel - s->n_pending : 0;
		enum algo_outcome outcome;

		if (want > most - begun)
			want = most - begun;
		outcome = study_ask(s, want, &n);
		assert_true(outcome > 0);
		if (outcome == ALGO_WAIT)
			assert_true(s->n_pending > 0); /* else it would wait for ever */
		if (s->n_pending == 0) {
			assert_true(outcome == ALGO_EXHAUSTED || begun == most);
			return;
		}
		end_one(r);
	}
}

/* ---- counting ---------------------------------------------------------------------------------- */

struct tally {
	uint32_t n[64][LEVELS_MAX];     /* trials of a bracket's rungs, killed ones left out           */
	double resource[64][LEVELS_MAX];
	uint32_t brackets;
};

static struct tally count(const struct study *s)
{
	struct tally c;

	memset(&c, 0, sizeof(c));
	for (uint32_t i = 0; i < s->n_ended; i++) {
		const struct algo_trial *t = &s->ended[i];

		if (!t->suggested || t->status == ALGO_ABANDONED)
			continue;
		assert_in_range(t->bracket, 0, 63);
		assert_in_range(t->rung, 0, LEVELS_MAX - 1);
		if (c.n[t->bracket][t->rung]++ > 0)
			assert_true(c.resource[t->bracket][t->rung] == t->resource);
		c.resource[t->bracket][t->rung] = t->resource;
		if ((uint32_t)t->bracket >= c.brackets)
			c.brackets = (uint32_t)t->bracket + 1;
	}
	return c;
}

static const struct algo_trial *trial(const struct study *s, uint32_t number)
{
	for (uint32_t i = 0; i < s->n_ended; i++)
		if (s->ended[i].number == number)
			return &s->ended[i];
	for (uint32_t i = 0; i < s->n_pending; i++)
		if (s->pending[i].number == number)
			return &s->pending[i];
	fail_msg("no trial %u", number);
	return NULL;
}

/* The same bits but for the parameter that carries the resource, which is exactly on the rung. */
static void assert_same_configuration(const struct study *s, const struct algo_trial *t)
{
	const struct algo_trial *parent;

	for (uint32_t j = 0; j < space_dim(s->p.space); j++) {
		if ((int)j == s->fidelity.param) {
			assert_true(t->x[j] == t->resource);
			continue;
		}
		if (t->parent) {
			parent = trial(s, t->parent);
			assert_memory_equal(&t->x[j], &parent->x[j], sizeof(double));
			assert_int_equal(parent->bracket, t->bracket);
			assert_int_equal(parent->rung + 1, t->rung);
		}
	}
}

static bool went_on(const struct study *s, uint32_t number)
{
	for (uint32_t i = 0; i < s->n_ended; i++)
		if (s->ended[i].parent == number)
			return true;
	return false;
}

/* In a finished bracket no one that stayed is better than one that went on. */
static void assert_best_went_on(const struct study *s)
{
	for (uint32_t i = 0; i < s->n_ended; i++) {
		const struct algo_trial *a = &s->ended[i];

		assert_same_configuration(s, a);
		if (!went_on(s, a->number))
			continue;
		assert_int_equal(a->status, ALGO_SUCCEEDED);
		for (uint32_t k = 0; k < s->n_ended; k++) {
			const struct algo_trial *b = &s->ended[k];

			if (b->bracket != a->bracket || b->rung != a->rung || b->status != ALGO_SUCCEEDED ||
				went_on(s, b->number))
				continue;
			if (b->values[0] < a->values[0])
				fail_msg("bracket %d rung %d: trial %u with %g went on, trial %u with %g did not", a->bracket, a->rung,
					a->number, a->values[0], b->number, b->values[0]);
		}
	}
}

/* ---- hyperband --------------------------------------------------------------------------------- */

/* Table 1 of the paper for 81, 3; the others by its formulas. */
static const struct table {
	double max, eta;
	uint32_t s_max;
	uint32_t n[5][5];
	double cost;
} tables[] = {
	{81, 3, 4, {{81, 27, 9, 3, 1}, {34, 11, 3, 1}, {15, 5, 1}, {8, 2}, {5}}, 1902},
	{27, 3, 3, {{27, 9, 3, 1}, {12, 4, 1}, {6, 2}, {4}}, 423},
	{9, 3, 2, {{9, 3, 1}, {5, 1}, {3}}, 78},
	{16, 2, 4, {{16, 8, 4, 2, 1}, {10, 5, 2, 1}, {7, 3, 1}, {5, 2}, {5}}, 372},
	{64, 4, 3, {{64, 16, 4, 1}, {22, 5, 1}, {8, 2}, {4}}, 1000},
};

static void assert_table(const struct table *t, const struct tally *c, const char *how)
{
	double cost = 0;

	assert_int_equal(c->brackets, t->s_max + 1);
	for (uint32_t b = 0; b <= t->s_max; b++) {
		for (uint32_t i = 0; i + b <= t->s_max; i++) {
			double resource = t->max / pow(t->eta, t->s_max - b - i);

			if (c->n[b][i] != t->n[b][i] || c->resource[b][i] != resource)
				fail_msg("%g, %g, %s: bracket %u rung %u has %u at %.17g, not %u at %.17g", t->max, t->eta, how, b, i,
					c->n[b][i], c->resource[b][i], t->n[b][i], resource);
			cost += c->n[b][i] * c->resource[b][i];
		}
	}
	assert_true(cost == t->cost);
}

static void hyperband_counts(void **state)
{
	static const uint32_t parallels[] = {1, 3, 7, 100, 1000};

	(void)state;
	for (size_t k = 0; k < 5; k++) {
		const struct table *t = &tables[k];

		for (size_t i = 0; i < 5 * 3 * 2; i++) {
			struct run r = {.parallel = parallels[i % 5], .order = (enum order)(i / 5 % 3), .rng = rng_seeded(i)};
			bool as_param = i >= 15;
			struct tally c;
			char how[80];

			r.s = make_study("hyperband", 1, t->max, t->eta, as_param ? 1 : -1);
			run_to_the_end(&r, TRIALS_MAX);
			c = count(r.s);
			snprintf(how, sizeof(how), "%u at once, order %d%s", r.parallel, (int)r.order, as_param ? ", a parameter" : "");
			assert_table(t, &c, how);
			assert_best_went_on(r.s);
			assert_int_equal(r.s->a->last_trial(&r.s->p), r.s->n_ended);
			study_free(r.s);
		}
	}
}

/* Also with failures, as long as there are enough that can go on, and with any number of kills. */
static void hyperband_counts_with_accidents(void **state)
{
	static const uint32_t parallels[] = {1, 3, 7, 100};

	(void)state;
	for (uint32_t i = 0; i < 40; i++) {
		struct run r = {.parallel = parallels[i % 4], .order = SHUFFLED, .failing = 0.1, .killed = 0.1,
			.rng = rng_seeded(i)};
		const struct table *t = &tables[i % 5];
		struct tally c;

		r.s = make_study("hyperband", 1, t->max, t->eta, -1);
		run_to_the_end(&r, TRIALS_MAX);
		c = count(r.s);
		for (uint32_t b = 0; b <= t->s_max; b++) {
			assert_int_equal(c.n[b][0], t->n[b][0]);
			for (uint32_t rung = 1; rung + b <= t->s_max; rung++) {
				uint32_t able = 0, lost = 0;

				for (uint32_t k = 0; k < r.s->n_ended; k++) {
					const struct algo_trial *q = &r.s->ended[k];

					able += q->bracket == (int)b && q->rung == (int)rung - 1 && q->status == ALGO_SUCCEEDED;
					lost += q->bracket == (int)b && q->rung == (int)rung && q->status == ALGO_ABANDONED;
				}
				able -= lost < able ? lost : able;
				assert_int_equal(c.n[b][rung], able < t->n[b][rung] ? able : t->n[b][rung]);
			}
		}
		assert_best_went_on(r.s);
		study_free(r.s);
	}
}

/* Whoever ends first: the same configurations go on. */
static void order_does_not_matter(void **state)
{
	uint64_t first = 0;

	(void)state;
	for (uint32_t i = 0; i < 12; i++) {
		struct run r = {.parallel = 100, .order = (enum order)(i % 3), .rng = rng_seeded(i)};
		uint64_t sum = 0;

		r.s = make_study("hyperband", 1, 27, 3, -1);
		run_to_the_end(&r, TRIALS_MAX);
		for (uint32_t k = 0; k < r.s->n_ended; k++)
			if (r.s->ended[k].parent && r.s->ended[k].bracket == 0)
				sum += rng_mix(space_hash(r.s->p.space, r.s->ended[k].x), (uint64_t)r.s->ended[k].resource);
		if (i == 0)
			first = sum;
		assert_true(sum == first);
		study_free(r.s);
	}
}

/* With a budget: never without use for it, and the last bracket ends with a full trial. */
static void hyperband_fits_the_budget(void **state)
{
	(void)state;
	for (uint32_t budget = 1; budget < 400; budget += budget < 30 ? 1 : 23) {
		struct run r = {.parallel = 1 + budget % 11, .order = SHUFFLED, .rng = rng_seeded(budget)};
		uint32_t full = 0, last = 0;

		r.s = make_study("hyperband", 1, 81, 3, -1);
		r.s->p.max_trials = budget;
		run_to_the_end(&r, budget);
		assert_int_equal(r.s->n_ended, budget);
		for (uint32_t i = 0; i < r.s->n_ended; i++) {
			full += r.s->ended[i].resource == 81;
			if ((uint32_t)r.s->ended[i].bracket > last)
				last = (uint32_t)r.s->ended[i].bracket;
		}
		if (full <= last)
			fail_msg("budget %u: %u full trials in %u brackets", budget, full, last + 1);
		assert_best_went_on(r.s);
		study_free(r.s);
	}
}

/* The budget grows and shrinks meanwhile, slots come and go. */
static void hyperband_follows_changes(void **state)
{
	(void)state;
	for (uint32_t seed = 0; seed < 60; seed++) {
		struct run r = {.order = SHUFFLED, .failing = 0.1, .killed = 0.05, .rng = rng_seeded(seed)};
		const char *const names[] = {"hyperband", "successive-halving"};
		struct study *s = r.s = make_study(names[seed % 2], 1, 27, 3, -1);
		uint32_t n;

		for (uint32_t step = 0; step < 300; step++) {
			uint32_t parallel = 1 + (uint32_t)rng_below(&r.rng, 20), begun = s->next_number - 1;
			enum algo_outcome outcome;

			if (step % 20 == 0)
				s->p.max_trials = 20 + (uint32_t)rng_below(&r.rng, 300);
			if (step % 37 == 5)
				study_enqueue(s, s->ended[s->n_ended / 2].x);
			n = s->p.max_trials > begun ? s->p.max_trials - begun : 0;
			if (s->n_pending < parallel && parallel - s->n_pending < n)
				n = parallel - s->n_pending;
			else if (s->n_pending >= parallel)
				n = 0;
			outcome = study_ask(s, n, &n);
			assert_true(outcome == ALGO_OK || outcome == ALGO_WAIT);
			if (outcome == ALGO_WAIT)
				assert_true(s->n_pending > 0);
			if (s->n_pending > 0) {
				s->pending[0].resource = isnan(s->pending[0].resource) ? 27 : s->pending[0].resource;
				end_one(&r);
			}
		}
		study_free(s);
	}
}

static void one_bracket(void **state)
{
	static const struct {
		uint32_t budget;
		const char *n;
		uint32_t counts[4];
	} cases[] = {
		{0, NULL, {27, 9, 3, 1}},
		{0, "50", {50, 16, 5, 1}},
		{0, "5", {5, 1, 1, 1}},
		{60, NULL, {41, 13, 4, 1}},     /* and a trial in a second one */
		{149, NULL, {101, 33, 11, 3}},
	};

	(void)state;
	for (size_t k = 0; k < sizeof(cases) / sizeof(*cases); k++) {
		struct run r = {.parallel = 4, .order = SHUFFLED, .rng = rng_seeded(k)};
		struct tally c;

		r.s = make_study("successive-halving", 1, 27, 3, -1);
		if (cases[k].n)
			study_set(r.s, "n_configurations", cases[k].n);
		r.s->p.max_trials = cases[k].budget;
		run_to_the_end(&r, cases[k].budget ? cases[k].budget : TRIALS_MAX);
		c = count(r.s);
		for (uint32_t i = 0; i < 4; i++)
			assert_int_equal(c.n[0][i], cases[k].counts[i]);
		study_free(r.s);
	}
}

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

/* ---- asha -------------------------------------------------------------------------------------- */

/* By the definition, from the trials alone: what is promoted next, 0 if nothing. Floor(n / eta) of n. */
static uint32_t slow_promotion(const struct study *s, const double *levels, uint32_t n_levels, double eta)
{
	for (uint32_t level = n_levels - 1; level-- > 0;) {
		uint32_t best = 0, n = 0;
		double best_value = HUGE_VAL;

		for (uint32_t i = 0; i < s->n_ended; i++)
			n += s->ended[i].resource == levels[level] && s->ended[i].status != ALGO_ABANDONED;
		for (uint32_t i = 0; i < s->n_ended; i++) {
			const struct algo_trial *t = &s->ended[i];
			uint32_t before = 0;
			bool on = false;

			if (t->resource != levels[level] || t->status != ALGO_SUCCEEDED)
				continue;
			for (uint32_t k = 0; k < s->n_ended; k++) {
				const struct algo_trial *o = &s->ended[k];

				before += o->resource == t->resource && o->status == ALGO_SUCCEEDED &&
						  (o->values[0] < t->values[0] || (o->values[0] == t->values[0] && o->number < t->number));
				on |= o->parent == t->number;
			}
			for (uint32_t k = 0; k < s->n_pending; k++)
				on |= s->pending[k].parent == t->number;
			if (on || before + 1 > floor(n / eta + 1e-9))
				continue;
			if (t->values[0] < best_value || (t->values[0] == best_value && t->number < best)) {
				best = t->number;
				best_value = t->values[0];
			}
		}
		if (best)
			return best;
	}
	return 0;
}

static void asha_promotes(void **state)
{
	static const double levels[][5] = {{1, 3, 9, 27, 81}, {1, 2, 4, 8, 16}, {1, 2.5, 6.25, 15.625, 39.0625}};
	static const double etas[] = {3, 2, 2.5};

	(void)state;
	for (uint32_t seed = 0; seed < 12; seed++) {
		struct run r = {.order = SHUFFLED, .failing = 0.1, .killed = 0.1, .rng = rng_seeded(seed)};
		uint32_t k = seed % 3, promoted = 0;
		struct study *s = r.s = make_study("asha", 1, levels[k][4], etas[k], -1);

		study_set(s, "variant", "promotion");
		study_set(s, "sampler", "random");
		for (uint32_t step = 0; step < 400; step++) {
			uint32_t n, expected = slow_promotion(s, levels[k], 5, etas[k]);
			const struct algo_trial *t;

			assert_int_equal(study_ask(s, 1, &n), ALGO_OK);
			t = &s->pending[s->n_pending - 1];
			if (t->parent != expected)
				fail_msg("seed %u step %u: trial %u goes on, expected %u", seed, step, t->parent, expected);
			assert_same_configuration(s, t);
			assert_true(t->resource == levels[k][t->rung]);
			promoted += expected != 0;
			while (s->n_pending > seed) /* results with ties */
				if (rng_below(&r.rng, 3))
					end_one(&r);
				else
					study_tell(s, 0, ALGO_SUCCEEDED, (double)rng_below(&r.rng, 3) / 4);
		}
		assert_in_range(promoted, 50, 250);
		study_free(s);
	}
}

/* However small the budget, one comes to the top if there are as many trials as levels. */
static void asha_brings_one_to_the_top(void **state)
{
	(void)state;
	for (uint32_t budget = 1; budget < 60; budget++) {
		struct run r = {.parallel = 1 + budget % 5, .order = SHUFFLED, .rng = rng_seeded(budget)};
		uint32_t full = 0;

		r.s = make_study("asha", 1, 27, 3, -1);
		study_set(r.s, "variant", "promotion");
		study_set(r.s, "sampler", "random");
		r.s->p.max_trials = budget;
		run_to_the_end(&r, budget);
		assert_int_equal(r.s->n_ended, budget);
		for (uint32_t i = 0; i < r.s->n_ended; i++)
			full += r.s->ended[i].resource == 27;
		if ((full > 0) != (budget >= 4))
			fail_msg("budget %u: %u full trials", budget, full);
		study_free(r.s);
	}
}

static void asha_declares_rungs(void **state)
{
	static const struct {
		double min, max, eta;
		uint32_t n;
		double at[4];
	} cases[] = {
		{1, 81, 3, 4, {1, 3, 9, 27}},
		{NAN, 81, 3, 2, {9, 27}},
		{NAN, 10, NAN, 2, {1, 3}},
		{1, 100, 4, 4, {1, 4, 16, 64}},
		{5, 5, 3, 0, {0}},
		{1, 243, 3, 5, {1, 3, 9, 27}},
		{2, 50, 3, 3, {2, 6, 18}},
	};

	(void)state;
	for (size_t k = 0; k < sizeof(cases) / sizeof(*cases); k++) {
		struct study *s = make_study("asha", cases[k].min, cases[k].max, cases[k].eta, -1);
		struct algo_rungs rungs;
		uint32_t n;

		assert_true(s->a->rungs(&s->p, &rungs));
		assert_int_equal(rungs.n, cases[k].n);
		assert_true(rungs.max == cases[k].max && rungs.eta == (isnan(cases[k].eta) ? 3 : cases[k].eta));
		for (uint32_t i = 0; i < rungs.n && i < 4; i++)
			assert_true(rungs.at[i] == cases[k].at[i]);
		assert_int_equal(study_ask(s, 1, &n), ALGO_OK);
		assert_true(s->pending[0].resource == cases[k].max && s->pending[0].parent == 0);
		study_set(s, "variant", "promotion");
		assert_false(s->a->rungs(&s->p, &rungs));
		study_free(s);
	}
}

/* Several brackets are begun in the shares of hyperband. */
static void asha_shares_brackets(void **state)
{
	static const double shares[] = {81, 34, 15};
	static const char *const variants[] = {"stopping", "promotion"};

	(void)state;
	for (int k = 0; k < 2; k++) {
		struct study *s = make_study("asha", 1, 81, 3, -1);
		uint32_t begun[3] = {0}, fresh = 0, n;

		study_set(s, "variant", variants[k]);
		study_set(s, "sampler", "sobol");
		study_set(s, "brackets", "3");
		for (uint32_t i = 0; i < 390; i++) {
			const struct algo_trial *t;

			assert_int_equal(study_ask(s, 1, &n), ALGO_OK);
			t = &s->pending[0];
			assert_in_range(t->bracket, 0, 2);
			if (t->parent == 0) {
				begun[t->bracket]++;
				fresh++;
				assert_true(k == 0 ? t->resource == 81 : t->resource == pow(3, t->bracket));
			}
			study_tell(s, 0, ALGO_SUCCEEDED, result_of(s, t));
		}
		for (int b = 0; b < 3; b++)
			assert_true(fabs(begun[b] - shares[b] / 130 * fresh) <= 1);
		study_free(s);
	}
}

/* Trials that report, are stopped at rungs or run on: with the cache as without it, whatever their curves
 * have told since the last call. */
static void curves_and_caches_agree(void **state)
{
	static const char *const samplers[] = {"gp", "tpe", "cmaes"};
	static struct algo_point curves[200][27];

	(void)state;
	for (int k = 0; k < 3; k++) {
		struct study *s = make_study("asha", 1, 27, 3, -1);
		struct rng rng = rng_seeded((uint64_t)k);

		study_set(s, "sampler", samplers[k]);
		while (s->n_ended < 60) {
			double x[4];
			uint32_t n, i;

			while (s->n_pending < 4) {
				assert_int_equal(study_peek(s, 1, x, &n, NULL), ALGO_OK);
				assert_int_equal(study_ask(s, 1, &n), ALGO_OK);
				assert_memory_equal(x, s->pending[s->n_pending - 1].x, sizeof(x));
			}
			i = (uint32_t)rng_below(&rng, 4);
			struct algo_trial *t = &s->pending[i];
			double value = study_objective(s, t->x) + 1.0 / (t->n_curve + 1);

			curves[t->number][t->n_curve] = (struct algo_point){.step = t->n_curve + 1, .value = value};
			t->curve = curves[t->number];
			t->n_curve++;
			if (t->n_curve == 27)
				study_tell(s, i, ALGO_SUCCEEDED, value);
			else if ((t->n_curve == 1 || t->n_curve == 3 || t->n_curve == 9) && rng_below(&rng, 3) > 0)
				study_tell(s, i, ALGO_STOPPED, value);
		}
		study_free(s);
	}
}

/* ---- pasha ------------------------------------------------------------------------------------- */

/* A study whose levels agree or not; the highest resource that was granted. */
static double highest(bool agree, bool noise)
{
	struct study *s = make_study("pasha", 1, 81, 3, -1);
	struct algo_point curves[200][6];
	double top = 0;
	uint32_t n;

	study_set(s, "sampler", "sobol");
	for (uint32_t i = 0; i < 190; i++) {
		struct algo_trial *t;
		double value, level;

		assert_int_equal(study_ask(s, 1, &n), ALGO_OK);
		t = &s->pending[0];
		level = log(t->resource) / log(3);
		top = fmax(top, t->resource);
		value = study_objective(s, t->x);
		if (!agree)
			value = fmod(level, 2) < 0.5 ? value : -value;
		/* Curves that cross each other at every step, by less than the noise. */
		if (noise) {
			for (int k = 0; k < 6; k++)
				curves[i][k] = (struct algo_point){.step = k + 6 * level, .value = (i + (unsigned)k) % 2 ? 10.0 : -10.0};
			value += (double)(t->number % 2) - (double)(t->parent % 2);
		}
		study_tell(s, 0, ALGO_SUCCEEDED, value);
		if (noise) {
			s->ended[i].curve = curves[i];
			s->ended[i].n_curve = 6;
		}
	}
	study_free(s);
	return top;
}

static void pasha_grows_on_disagreement(void **state)
{
	(void)state;
	assert_true(highest(true, false) == 3);
	assert_true(highest(false, false) == 81);
	assert_true(highest(true, true) == 3);
}

/* Every decision with half of the results is kept with all of them. */
static void pasha_never_shrinks(void **state)
{
	struct run r = {.parallel = 1, .order = OLDEST, .rng = rng_seeded(1)};
	double top = 0;

	(void)state;
	r.s = make_study("pasha", 1, 81, 3, -1);
	study_set(r.s, "sampler", "sobol");
	for (uint32_t i = 0; i < 300; i++) {
		uint32_t n;
		double resource;

		assert_int_equal(study_ask(r.s, 1, &n), ALGO_OK);
		resource = r.s->pending[0].resource;
		if (resource > top) {
			assert_true(top == 0 || resource == 3 * top);
			top = resource;
		}
		end_one(&r);
	}
	study_free(r.s);
	assert_true(top >= 9);
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
			s[i] = make_study(names[k % 5], 1, 27, 3, k < 5 ? -1 : 1);
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
				end_one(&r[0]);
				end_one(&r[1]);
			}
		}
		study_free(s[0]);
		study_free(s[1]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hyperband_counts),
		cmocka_unit_test(hyperband_counts_with_accidents),
		cmocka_unit_test(order_does_not_matter),
		cmocka_unit_test(hyperband_fits_the_budget),
		cmocka_unit_test(hyperband_follows_changes),
		cmocka_unit_test(one_bracket),
		cmocka_unit_test(finite_spaces_end),
		cmocka_unit_test(asha_promotes),
		cmocka_unit_test(asha_brings_one_to_the_top),
		cmocka_unit_test(asha_declares_rungs),
		cmocka_unit_test(asha_shares_brackets),
		cmocka_unit_test(curves_and_caches_agree),
		cmocka_unit_test(pasha_grows_on_disagreement),
		cmocka_unit_test(pasha_never_shrinks),
		cmocka_unit_test(batches_are_singles),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
