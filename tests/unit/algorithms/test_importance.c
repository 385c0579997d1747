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
		cmocka_unit_test(categories_count),
		cmocka_unit_test(conditional_ones_count_where_they_are),
		cmocka_unit_test(the_same_bits_again),
		cmocka_unit_test(little_to_go_by),
		cmocka_unit_test(on_any_space),
		cmocka_unit_test(cancelled),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
