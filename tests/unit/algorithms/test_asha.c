/* asha and pasha: who goes on, which rungs are declared, when pasha grows. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/algorithms/schedule_run.h"

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
		struct study *s = r.s = schedule_study("asha", 1, levels[k][4], etas[k], -1);

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
					run_end_one(&r);
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

		r.s = schedule_study("asha", 1, 27, 3, -1);
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
		struct study *s = schedule_study("asha", cases[k].min, cases[k].max, cases[k].eta, -1);
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
		struct study *s = schedule_study("asha", 1, 81, 3, -1);
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
			study_tell(s, 0, ALGO_SUCCEEDED, schedule_result(s, t));
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
		struct study *s = schedule_study("asha", 1, 27, 3, -1);
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
	struct study *s = schedule_study("pasha", 1, 81, 3, -1);
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
	r.s = schedule_study("pasha", 1, 81, 3, -1);
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
		run_end_one(&r);
	}
	study_free(r.s);
	assert_true(top >= 9);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(asha_promotes),
		cmocka_unit_test(asha_brings_one_to_the_top),
		cmocka_unit_test(asha_declares_rungs),
		cmocka_unit_test(asha_shares_brackets),
		cmocka_unit_test(curves_and_caches_agree),
		cmocka_unit_test(pasha_grows_on_disagreement),
		cmocka_unit_test(pasha_never_shrinks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
