/* hyperband and successive-halving: exact counts, whoever ends first, whatever the budget and parallelism do. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/algorithms/schedule_run.h"

enum { LEVELS_MAX = 8 };

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

			r.s = schedule_study("hyperband", 1, t->max, t->eta, as_param ? 1 : -1);
			run_to_the_end(&r, SCHEDULE_TRIALS_MAX);
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

		r.s = schedule_study("hyperband", 1, t->max, t->eta, -1);
		run_to_the_end(&r, SCHEDULE_TRIALS_MAX);
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

		r.s = schedule_study("hyperband", 1, 27, 3, -1);
		run_to_the_end(&r, SCHEDULE_TRIALS_MAX);
		for (uint32_t k = 0; k < r.s->n_ended; k++)
			if (r.s->ended[k].parent && r.s->ended[k].bracket == 0)
				sum += rng_mix(space_hash(r.s->p.space, r.s->ended[k].x), (uint64_t)r.s->ended[k].resource);
		if (i == 0)
			first = sum;
		assert_true(sum == first);
		study_free(r.s);
	}
}

/* Where all are equal the older ones go on, whoever ended first. */
static void ties_go_to_the_older_one(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < 12; i++) {
		struct run r = {.parallel = 1 + 5 * i, .order = (enum order)(i % 3), .rng = rng_seeded(i)};
		struct study *s = r.s = schedule_study("hyperband", 1, 27, 3, -1);
		struct tally c;

		for (;;) {
			uint32_t n;

			assert_true(study_ask(s, r.parallel - s->n_pending, &n) > 0);
			if (s->n_pending == 0)
				break;
			study_tell(s, r.order == NEWEST ? s->n_pending - 1 : (uint32_t)rng_below(&r.rng, s->n_pending), ALGO_SUCCEEDED, 1);
		}
		c = count(s);
		assert_table(&tables[1], &c, "ties");
		for (uint32_t a = 0; a < s->n_ended; a++)
			for (uint32_t b = 0; b < s->n_ended; b++)
				if (s->ended[a].bracket == s->ended[b].bracket && s->ended[a].rung == s->ended[b].rung &&
					s->ended[a].number < s->ended[b].number && went_on(s, s->ended[b].number))
					assert_true(went_on(s, s->ended[a].number));
		study_free(s);
	}
}

/* With a budget: never without use for it, and the last bracket ends with a full trial. */
static void hyperband_fits_the_budget(void **state)
{
	(void)state;
	for (uint32_t budget = 1; budget < 400; budget += budget < 30 ? 1 : 23) {
		struct run r = {.parallel = 1 + budget % 11, .order = SHUFFLED, .rng = rng_seeded(budget)};
		uint32_t full = 0, last = 0;

		r.s = schedule_study("hyperband", 1, 81, 3, -1);
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
		struct study *s = r.s = schedule_study(names[seed % 2], 1, 27, 3, -1);
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
				run_end_one(&r);
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

		r.s = schedule_study("successive-halving", 1, 27, 3, -1);
		if (cases[k].n)
			study_set(r.s, "n_configurations", cases[k].n);
		r.s->p.max_trials = cases[k].budget;
		run_to_the_end(&r, cases[k].budget ? cases[k].budget : SCHEDULE_TRIALS_MAX);
		c = count(r.s);
		for (uint32_t i = 0; i < 4; i++)
			assert_int_equal(c.n[0][i], cases[k].counts[i]);
		study_free(r.s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hyperband_counts),
		cmocka_unit_test(hyperband_counts_with_accidents),
		cmocka_unit_test(order_does_not_matter),
		cmocka_unit_test(ties_go_to_the_older_one),
		cmocka_unit_test(hyperband_fits_the_budget),
		cmocka_unit_test(hyperband_follows_changes),
		cmocka_unit_test(one_bracket),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
