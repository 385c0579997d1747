/* Importance: functions of which it is known what matters. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "algorithms/insight/importance.h"
#include "algorithms/rng.h"
#include "tests/unit/algorithms/spaces.h"

enum { N_MAX = 1500, D_MAX = 8 };

typedef enum algo_outcome method(const struct importance_data *, const atomic_bool *, double *);
static const struct {
	const char *name;
	method *run;
} methods[] = {{"ped-anova", importance_ped_anova}, {"fanova", importance_fanova}};
enum { METHODS = 2 };

static double x[N_MAX * D_MAX], cost[N_MAX];

static struct importance_data sample(const struct space *s, uint32_t n, double (*f)(const double *x), uint64_t seed)
{
	const uint32_t d = space_dim(s);
	double u[D_MAX];

	for (uint32_t i = 0; i < n; i++) {
		struct rng rng = rng_stream(seed, RNG_SUGGEST, i);
		for (uint32_t j = 0; j < d; j++)
			u[j] = rng_uniform(&rng);
		space_decode(s, u, x + i * d);
		cost[i] = f(x + i * d);
	}
	return (struct importance_data){.space = s, .x = x, .cost = cost, .n = n, .seed = 5};
}

static struct space *square(void)
{
	return space_of((const struct space_param[]){{.kind = SPACE_DOUBLE, .max = 1}, {.kind = SPACE_DOUBLE, .max = 1}}, 2);
}

static double first_matters(const double *v)
{
	return v[0] + v[1] / 1000;
}

static double nine_to_one(const double *v)
{
	return 3 * v[0] - v[1];
}

static double second_only(const double *v)
{
	return (v[1] - 0.3) * (v[1] - 0.3);
}

static void what_matters_is_found(void **state)
{
	static const struct {
		double (*f)(const double *);
		double first, slack[METHODS];
	} cases[] = {
		{first_matters, 1, {0.05, 0.005}},
		{nine_to_one, 0.9, {0.15, 0.03}},
		{second_only, 0, {0.05, 0.02}},
	};

	(void)state;
	for (size_t c = 0; c < sizeof(cases) / sizeof(*cases); c++)
		for (size_t m = 0; m < METHODS; m++) {
			struct space *s = square();
			const struct importance_data data = sample(s, 400, cases[c].f, c + 1);
			double share[2];
			assert_int_equal(methods[m].run(&data, NULL, share), ALGO_OK);
			if (fabs(share[0] - cases[c].first) > cases[c].slack[m] || fabs(share[0] + share[1] - 1) > 1e-12)
				fail_msg("%s, case %zu: %g and %g", methods[m].name, c, share[0], share[1]);
			space_unref(s);
		}
}

static double hartmann_6(const double *v)
{
	static const double a[4] = {1, 1.2, 3, 3.2};
	static const double m[4][6] = {{10, 3, 17, 3.5, 1.7, 8}, {.05, 10, 17, .1, 8, 14}, {3, 3.5, 1.7, 10, 17, 8},
		{17, 8, .05, 10, .1, 14}};
	static const double p[4][6] = {{.1312, .1696, .5569, .0124, .8283, .5886},
		{.2329, .4135, .8307, .3736, .1004, .9991}, {.2348, .1451, .3522, .2883, .3047, .6650},
		{.4047, .8828, .8732, .5743, .1091, .0381}};
	double sum = 0;

	for (int i = 0; i < 4; i++) {
		double away = 0;
		for (int j = 0; j < 6; j++)
			away += m[i][j] * (v[j] - p[i][j]) * (v[j] - p[i][j]);
		sum -= a[i] * exp(-away);
	}
	return sum;
}

static double rosenbrock_3(const double *v)
{
	double sum = 0;

	for (int j = 0; j < 2; j++)
		sum += 100 * (v[j + 1] - v[j] * v[j]) * (v[j + 1] - v[j] * v[j]) + (1 - v[j]) * (1 - v[j]);
	return sum;
}

static double by_rate(const double *v)
{
	const double rate = log10(v[0]) + 3;

	return rate * rate + 4 * (v[1] - 0.3) * (v[1] - 0.3) + 0.2 * fabs(v[2] - 0.5);
}

#define UNIT {.kind = SPACE_DOUBLE, .max = 1}
#define TWO {.kind = SPACE_DOUBLE, .min = -2, .max = 2}

/* What Optuna 5.0.0 says of the same 300 trials: PedAnovaImportanceEvaluator(evaluate_on_local=True), and the
 * mean of FanovaImportanceEvaluator with seeds 1 and 2, which differ by up to 0.04 from each other. */
static void as_optuna_says(void **state)
{
	static const struct {
		const char *name;
		double (*f)(const double *);
		uint32_t d;
		struct space_param params[6];
		double said[METHODS][6];
	} cases[] = {
		{"hartmann-6", hartmann_6, 6, {UNIT, UNIT, UNIT, UNIT, UNIT, UNIT},
			{{.4793, .0260, .1102, .2253, .1264, .0327}, {.3264, .0842, .0124, .2654, .2459, .0657}}},
		{"rosenbrock-3", rosenbrock_3, 3, {TWO, TWO, TWO}, {{.2021, .4458, .3521}, {.2160, .6573, .1266}}},
		{"by rate", by_rate, 3,
			{{.kind = SPACE_DOUBLE, .distribution = SPACE_LOG_UNIFORM, .min = 1e-5, .max = 0.1}, UNIT, UNIT},
			{{.7830, .2108, .0062}, {.8400, .1594, .0006}}},
	};
	static const double slack[METHODS] = {0.03, 0.06};

	(void)state;
	for (size_t c = 0; c < sizeof(cases) / sizeof(*cases); c++)
		for (size_t m = 0; m < METHODS; m++) {
			struct space *s = space_of(cases[c].params, cases[c].d);
			const struct importance_data data = sample(s, 300, cases[c].f, 8);
			double share[6];
			assert_int_equal(methods[m].run(&data, NULL, share), ALGO_OK);
			for (uint32_t j = 0; j < cases[c].d; j++)
				if (fabs(share[j] - cases[c].said[m][j]) > slack[m])
					fail_msg("%s of %s, parameter %u: %.4f, Optuna says %.4f", methods[m].name, cases[c].name, j, share[j],
						cases[c].said[m][j]);
			space_unref(s);
		}
}

/* double (log), int, category, list, double: only the third matters. */
static double by_category(const double *v)
{
	return v[2] == 1 ? 0 : 1 + v[2];
}

static void categories_count(void **state)
{
	(void)state;
	for (size_t m = 0; m < METHODS; m++) {
		struct space *s = space_named("mixed");
		const struct importance_data data = sample(s, 300, by_category, 3);
		double share[D_MAX];
		assert_int_equal(methods[m].run(&data, NULL, share), ALGO_OK);
		if (!(share[2] > 0.9))
			fail_msg("%s: %g %g %g %g %g", methods[m].name, share[0], share[1], share[2], share[3], share[4]);
		space_unref(s);
	}
}

/* v[0] is active only with optimizer 0, and matters there. */
static double in_a_branch(const double *v)
{
	return isnan(v[0]) ? 2 + v[1] : v[0];
}

static void conditional_ones_count_where_they_are(void **state)
{
	(void)state;
	for (size_t m = 0; m < METHODS; m++) {
		struct space *s = space_named("conditional");
		const struct importance_data data = sample(s, 600, in_a_branch, 9);
		double share[D_MAX], sum = 0;
		assert_int_equal(methods[m].run(&data, NULL, share), ALGO_OK);
		for (uint32_t j = 0; j < space_dim(s); j++) {
			assert_true(share[j] >= 0 && share[j] <= 1);
			sum += share[j];
		}
		if (!(share[1] > 0.1 && share[0] > 0.001 && share[0] + share[1] > 0.95 && fabs(sum - 1) < 1e-12))
			fail_msg("%s: %g %g %g %g %g", methods[m].name, share[0], share[1], share[2], share[3], share[4]);
		space_unref(s);
	}
}

/* Of 1,500 trials fANOVA draws some: the same ones every time. */
static void the_same_bits_again(void **state)
{
	(void)state;
	for (size_t m = 0; m < METHODS; m++) {
		struct space *s = square();
		const struct importance_data data = sample(s, N_MAX, nine_to_one, 2);
		double first[2], second[2];
		assert_int_equal(methods[m].run(&data, NULL, first), ALGO_OK);
		assert_int_equal(methods[m].run(&data, NULL, second), ALGO_OK);
		assert_memory_equal(first, second, sizeof(first));
		space_unref(s);
	}
}

static double constant(const double *v)
{
	(void)v;
	return 4;
}

static double huge(const double *v)
{
	return v[0] > 0.5 ? 1.7e308 : -1.7e308;
}

static void little_to_go_by(void **state)
{
	static const struct {
		double (*f)(const double *);
		uint32_t n;
		bool nothing;
	} cases[] = {
		{first_matters, 0, true}, {first_matters, 1, true}, {constant, 50, true}, {first_matters, 2, false}, {huge, 100, false}};

	(void)state;
	for (size_t c = 0; c < sizeof(cases) / sizeof(*cases); c++)
		for (size_t m = 0; m < METHODS; m++) {
			struct space *s = square();
			const struct importance_data data = sample(s, cases[c].n, cases[c].f, 1);
			double share[2] = {NAN, NAN};
			assert_int_equal(methods[m].run(&data, NULL, share), ALGO_OK);
			if (!(share[0] >= 0 && share[1] >= 0) || (cases[c].nothing && share[0] + share[1] != 0))
				fail_msg("%s, case %zu: %g and %g", methods[m].name, c, share[0], share[1]);
			space_unref(s);
		}
}

static double sum_of(const double *v)
{
	double sum = 0;

	for (int j = 0; j < 3; j++)
		sum += isnan(v[j]) ? 0 : v[j];
	return sum;
}

static void on_any_space(void **state)
{
	struct rng rng = rng_seeded(77);

	(void)state;
	for (int k = 0; k < 60; k++) {
		struct space *s = random_space(&rng, k % 2);
		double share[D_MAX];
		if (space_dim(s) >= 3) {
			const struct importance_data data = sample(s, 40, sum_of, (uint64_t)k);
			for (size_t m = 0; m < METHODS; m++) {
				assert_int_equal(methods[m].run(&data, NULL, share), ALGO_OK);
				for (uint32_t j = 0; j < space_dim(s); j++)
					assert_true(share[j] >= 0 && share[j] <= 1);
			}
		}
		space_unref(s);
	}
}

static void cancelled(void **state)
{
	const atomic_bool stop = true;

	(void)state;
	for (size_t m = 0; m < METHODS; m++) {
		struct space *s = square();
		const struct importance_data data = sample(s, 100, first_matters, 1);
		double share[2];
		assert_int_equal(methods[m].run(&data, &stop, share), ALGO_CANCELLED);
		space_unref(s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_matters_is_found),
		cmocka_unit_test(as_optuna_says),
		cmocka_unit_test(categories_count),
		cmocka_unit_test(conditional_ones_count_where_they_are),
		cmocka_unit_test(the_same_bits_again),
		cmocka_unit_test(little_to_go_by),
		cmocka_unit_test(on_any_space),
		cmocka_unit_test(cancelled),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
