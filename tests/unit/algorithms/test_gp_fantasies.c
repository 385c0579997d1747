/* What pending trials may bring, as a Gaussian process imagines it. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "algorithms/gp/model.h"
#include "tests/unit/algorithms/gp_reference.h"

static void fantasies_are_observations(void **state)
{
	enum { P = 3, S = 2 };
	struct ref_sample s = ref_draw(7);
	struct rng r = rng_seeded(7);
	struct gp *g = ref_model(), *pending;
	double theta[REF_THETA], x[(REF_N + P) * REF_D], y[REF_N + P], noise[REF_N + P], z[S * P], f[S * P],
		point[REF_D];
	double mean[S], variance, want_mean, want_variance;
	struct gp_data data = {.x = s.x, .y = s.y, .n = REF_N};

	(void)state;
	ref_draw_theta(&r, theta);
	ref_draw_point(&r, point);
	memcpy(x, s.x, sizeof(s.x));
	memcpy(y, s.y, sizeof(s.y));
	for (int i = 0; i < P; i++)
		ref_draw_point(&r, x + (REF_N + i) * REF_D);
	for (int i = 0; i < S * P; i++)
		z[i] = rng_normal(&r);
	for (int i = 0; i < REF_N + P; i++)
		noise[i] = i < REF_N ? 1 : 1e-8 * exp(theta[REF_D] - theta[REF_D + 1]);
	assert_int_equal(gp_condition(g, &data, theta), ALGO_OK);
	pending = gp_copy(g);
	assert_non_null(pending);
	assert_int_equal(gp_fantasize(pending, x + REF_N * REF_D, P, S, z, f), ALGO_OK);
	ref_ask(pending, point, mean, &variance);
	for (int k = 0; k < S; k++) {
		double *kernel_row = malloc(sizeof(double) * (REF_N + P)), c = gp_constant(g);

		memcpy(y + REF_N, f + k * P, P * sizeof(double));
		for (int i = 0; i < REF_N + P; i++)
			kernel_row[i] = y[i] - c;
		/* The constant is the one of the observations: a prior mean that is known. */
		ref_posterior(theta, 1e-300, REF_N + P, x, kernel_row, noise, point, &want_mean, &want_variance);
		ref_near(mean[k], want_mean + c, 1e-6, "mean of a sample");
		ref_near(variance, want_variance, 1e-6, "variance");
		free(kernel_row);
	}
	gp_free(pending);
	gp_free(g);
}

static void believer_keeps_the_mean(void **state)
{
	struct ref_sample s = ref_draw(8);
	struct rng r = rng_seeded(8);
	struct gp *g = ref_model(), *pending;
	double theta[REF_THETA], places[3 * REF_D], zero[3] = {0}, f[3], mean, variance, want_mean, want_variance;

	(void)state;
	ref_draw_theta(&r, theta);
	for (int i = 0; i < 3; i++)
		ref_draw_point(&r, places + i * REF_D);
	assert_int_equal(gp_condition(g, &(struct gp_data){.x = s.x, .y = s.y, .n = REF_N}, theta), ALGO_OK);
	pending = gp_copy(g);
	assert_non_null(pending);
	assert_int_equal(gp_fantasize(pending, places, 3, 1, zero, f), ALGO_OK);
	ref_ask(g, places, &want_mean, &want_variance);
	ref_ask(pending, places, &mean, &variance);
	ref_near(f[0], want_mean, 1e-9, "fantasy");
	ref_near(mean, want_mean, 1e-9, "mean");
	assert_true(variance < 1e-6 && variance < want_variance);
	gp_free(pending);
	gp_free(g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fantasies_are_observations),
		cmocka_unit_test(believer_keeps_the_mean),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
