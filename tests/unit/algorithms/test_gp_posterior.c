/* What the Gaussian process says of points: against a dense reference, by differences, row by row. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "algorithms/gp/model.h"
#include "algorithms/gp/model_impl.h"
#include "tests/unit/algorithms/gp_reference.h"

static void agrees_with_the_textbook(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 10; seed++) {
		struct ref_sample s = ref_draw(seed);
		struct rng r = rng_seeded(seed + 100);
		struct gp *g = ref_model();
		double theta[REF_THETA], point[REF_D], mean, variance, want_mean, want_variance, value;
		struct gp_data data = {.x = s.x, .y = s.y, .noise = seed % 2 ? s.noise : NULL, .n = REF_N};

		ref_draw_theta(&r, theta);
		assert_int_equal(gp_condition(g, &data, theta), ALGO_OK);
		for (int k = 0; k < 10; k++) {
			ref_draw_point(&r, point);
			value = ref_posterior(theta, 10, REF_N, s.x, s.y, data.noise, point, &want_mean, &want_variance);
			ref_near(gp_log_likelihood(g), value, 1e-9, "log likelihood");
			ref_ask(g, point, &mean, &variance);
			ref_near(mean, want_mean, 1e-9, "mean");
			ref_near(variance, want_variance, 1e-9, "variance");
		}
		gp_free(g);
	}
}

static void appended_is_conditioned(void **state)
{
	(void)state;
	for (uint32_t first = 0; first < REF_N; first += 13) {
		struct ref_sample s = ref_draw(3);
		struct rng r = rng_seeded(first);
		struct gp *g = ref_model(), *full = ref_model();
		struct gp_data part = {.x = s.x, .y = s.y, .noise = s.noise, .n = first};
		struct gp_data all = {.x = s.x, .y = s.y, .noise = s.noise, .n = REF_N};
		double theta[REF_THETA], point[REF_D], mean, variance, want_mean, want_variance;

		ref_draw_theta(&r, theta);
		assert_int_equal(gp_condition(g, &part, theta), ALGO_OK);
		for (uint32_t i = first; i < REF_N; i++)
			assert_int_equal(gp_append(g, s.x + i * REF_D, s.y[i], s.noise[i]), ALGO_OK);
		assert_int_equal(gp_condition(full, &all, theta), ALGO_OK);
		assert_int_equal(gp_rows(g), REF_N);
		ref_near(gp_log_density(g), gp_log_density(full), 1e-9, "log density");
		ref_draw_point(&r, point);
		ref_ask(g, point, &mean, &variance);
		ref_ask(full, point, &want_mean, &want_variance);
		ref_near(mean, want_mean, 1e-9, "mean");
		ref_near(variance, want_variance, 1e-9, "variance");
		gp_free(g);
		gp_free(full);
	}
}

static void merges_equal_rows(void **state)
{
	struct ref_sample s = ref_draw(4);
	struct rng r = rng_seeded(4);
	struct gp *g = ref_model();
	double theta[REF_THETA], point[REF_D], mean, variance, want_mean, want_variance, value, again[20];
	struct gp_data data = {.x = s.x, .y = s.y, .noise = s.noise, .n = 20};

	(void)state;
	for (int i = 5; i < 20; i++)
		memcpy(s.x + i * REF_D, s.x + i % 5 * REF_D, REF_D * sizeof(double));
	ref_draw_theta(&r, theta);
	ref_draw_point(&r, point);
	assert_int_equal(gp_condition(g, &data, theta), ALGO_OK);
	value = ref_posterior(theta, 10, 20, s.x, s.y, s.noise, point, &want_mean, &want_variance);
	assert_int_equal(g->places, 5);
	ref_near(gp_log_likelihood(g), value, 1e-8, "log likelihood");
	ref_ask(g, point, &mean, &variance);
	ref_near(mean, want_mean, 1e-9, "mean");
	ref_near(variance, want_variance, 1e-9, "variance");
	for (int i = 0; i < 20; i++)
		again[i] = 1 - 2 * s.y[i];
	gp_retarget(g, again);
	value = ref_posterior(theta, 10, 20, s.x, again, s.noise, point, &want_mean, &want_variance);
	ref_near(gp_log_likelihood(g), value, 1e-8, "log likelihood of new targets");
	ref_ask(g, point, &mean, &variance);
	ref_near(mean, want_mean, 1e-9, "mean of new targets");
	gp_free(g);
}

static double mix(uint32_t samples, const double *mean, double variance)
{
	double sum = log(variance);

	for (uint32_t s = 0; s < samples; s++)
		sum += sin(mean[s] + s);
	return sum;
}

static void posterior_gradient(void **state)
{
	enum { B = 5, P = 3, S = 4 };

	(void)state;
	for (int round = 0; round < 4; round++) {
		int pending = round % 2 ? P : 0;
		struct ref_sample s = ref_draw(6);
		struct rng r = rng_seeded(6);
		struct gp *g = round < 2 ? ref_model() : ref_bending_model();
		struct gp_work *w = gp_work_new(g, B);
		double theta[REF_BENT_THETA], points[B * REF_D], places[P * REF_D], z[S * P], f[S * P], mean[B * S],
			variance[B];
		double d_mean[B * S], d_variance[B], gradient[B * REF_D], h = 1e-6;
		struct gp_data data = {.x = s.x, .y = s.y, .n = REF_N};
		uint32_t samples;

		ref_draw_theta(&r, theta);
		for (int j = 0; j < 2 * REF_D; j++)
			theta[REF_THETA + j] = 0.5 * rng_normal(&r);
		for (int i = 0; i < B; i++)
			ref_draw_point(&r, points + i * REF_D);
		for (int i = 0; i < P; i++)
			ref_draw_point(&r, places + i * REF_D);
		for (int i = 0; i < S * P; i++)
			z[i] = rng_normal(&r);
		assert_int_equal(gp_condition(g, &data, theta), ALGO_OK);
		assert_int_equal(gp_fantasize(g, places, (uint32_t)pending, S, z, f), ALGO_OK);
		samples = gp_samples(g);
		assert_int_equal(samples, pending ? S : 1);
		assert_int_equal(gp_forward(g, w, points, B, mean, variance), ALGO_OK);
		for (uint32_t i = 0; i < B; i++) {
			for (uint32_t k = 0; k < samples; k++)
				d_mean[i * samples + k] = cos(mean[i * samples + k] + k);
			d_variance[i] = 1 / variance[i];
		}
		gp_backward(g, w, d_mean, d_variance, gradient);
		for (int i = 0; i < B * REF_D; i++) {
			double at = points[i], up, down;

			if (ref_category[i % REF_D]) {
				ref_near(gradient[i], 0, 0, "gradient by a category");
				continue;
			}
			points[i] = at + h;
			gp_forward(g, w, points, B, mean, variance);
			up = mix(samples, mean + (size_t)(i / REF_D) * samples, variance[i / REF_D]);
			points[i] = at - h;
			gp_forward(g, w, points, B, mean, variance);
			down = mix(samples, mean + (size_t)(i / REF_D) * samples, variance[i / REF_D]);
			points[i] = at;
			ref_near(gradient[i], (up - down) / (2 * h), 1e-6, "gradient by a column");
		}
		gp_work_free(w);
		gp_free(g);
	}
}

static void covariance_of_a_block(void **state)
{
	enum { B = 4 };
	struct ref_sample s = ref_draw(9);
	struct rng r = rng_seeded(9);
	struct gp *g = ref_model(), *pending;
	struct gp_work *w = gp_work_new(g, B);
	double theta[REF_THETA], points[B * REF_D], mean[B], variance[B], covariance[B * B], f[1], after, unused;

	(void)state;
	ref_draw_theta(&r, theta);
	for (int i = 0; i < B; i++)
		ref_draw_point(&r, points + i * REF_D);
	assert_int_equal(gp_condition(g, &(struct gp_data){.x = s.x, .y = s.y, .n = REF_N}, theta), ALGO_OK);
	assert_int_equal(gp_forward(g, w, points, B, mean, variance), ALGO_OK);
	gp_covariance(g, w, covariance);
	pending = gp_copy(g);
	assert_int_equal(gp_fantasize(pending, points, 1, 1, (double[]){0}, f), ALGO_OK);
	for (int i = 0; i < B; i++) {
		ref_near(covariance[i * B + i], variance[i], 1e-10, "variance");
		ref_near(covariance[i], covariance[i * B], 0, "symmetry");
		ref_ask(pending, points + i * REF_D, &unused, &after);
		if (i > 0)
			ref_near(
				after, variance[i] - covariance[i] * covariance[i] / covariance[0], 1e-6, "conditioning");
	}
	gp_work_free(w);
	gp_free(pending);
	gp_free(g);
}

static void leaves_one_out(void **state)
{
	struct gp_prior prior = gp_prior(GP_PRIOR_OPTUNA, REF_D);
	struct ref_sample s = ref_draw(10);
	struct rng r = rng_seeded(10);
	struct gp *g = gp_new(REF_D, ref_category, &prior), *others = gp_new(REF_D, ref_category, &prior);
	double theta[REF_THETA], mean[REF_N], variance[REF_N], want_mean, want_variance, x[REF_N * REF_D],
		y[REF_N];

	(void)state;
	ref_draw_theta(&r, theta);
	memcpy(s.x + 20 * REF_D, s.x + 3 * REF_D, REF_D * sizeof(double)); /* left out together */
	assert_int_equal(gp_condition(g, &(struct gp_data){.x = s.x, .y = s.y, .n = REF_N}, theta), ALGO_OK);
	gp_leave_one_out(g, mean, variance);
	for (int i = 0; i < REF_N; i++) {
		uint32_t n = 0;

		for (int k = 0; k < REF_N; k++) {
			if (k == i || memcmp(s.x + k * REF_D, s.x + i * REF_D, REF_D * sizeof(double)) == 0)
				continue;
			memcpy(x + n * REF_D, s.x + k * REF_D, REF_D * sizeof(double));
			y[n++] = s.y[k];
		}
		assert_int_equal(gp_condition(others, &(struct gp_data){.x = x, .y = y, .n = n}, theta), ALGO_OK);
		ref_ask(others, s.x + i * REF_D, &want_mean, &want_variance);
		ref_near(mean[i], want_mean, 1e-8, "left-out mean");
		ref_near(variance[i], want_variance + gp_noise_variance(g), 1e-8, "left-out variance");
	}
	gp_free(g);
	gp_free(others);
}

static void memory_does_not_matter(void **state)
{
	enum { LARGE = 150, B = 7 };
	static double x[LARGE * REF_D], y[LARGE];
	struct rng r = rng_seeded(15);

	(void)state;
	for (int i = 0; i < LARGE; i++) {
		ref_draw_point(&r, x + i * REF_D);
		y[i] = rng_normal(&r);
	}
	for (uint32_t n = 1; n < LARGE - 12; n += 17) {
		struct gp *fresh = ref_model(), *used = ref_model();
		struct gp_data data = {.x = x, .y = y, .n = n}, all = {.x = x, .y = y, .n = LARGE};
		double mean[2][B], variance[2][B], ones[B], gradient[2][B * REF_D];
		const double *theta;

		for (int i = 0; i < B; i++)
			ones[i] = 1;
		assert_int_equal(gp_condition(used, &all, gp_theta(used)), ALGO_OK);
		for (int k = 0; k < 2; k++) {
			struct gp *g = k ? used : fresh;
			struct gp_work *w = gp_work_new(g, k ? 64 : B);

			assert_int_equal(gp_fit(g, &data, &(struct gp_fit){.max_iterations = 5}), ALGO_OK);
			for (uint32_t i = n; i < n + 11; i++)
				assert_int_equal(gp_append(g, x + i * REF_D, y[i], 1), ALGO_OK);
			assert_int_equal(gp_forward(g, w, x + REF_D * (LARGE - B), B, mean[k], variance[k]), ALGO_OK);
			gp_backward(g, w, ones, ones, gradient[k]);
			gp_work_free(w);
		}
		theta = gp_theta(fresh);
		assert_memory_equal(theta, gp_theta(used), REF_THETA * sizeof(double));
		assert_memory_equal(mean[0], mean[1], sizeof(mean[0]));
		assert_memory_equal(variance[0], variance[1], sizeof(variance[0]));
		assert_memory_equal(gradient[0], gradient[1], sizeof(gradient[0]));
		gp_free(fresh);
		gp_free(used);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(agrees_with_the_textbook),
		cmocka_unit_test(appended_is_conditioned),
		cmocka_unit_test(merges_equal_rows),
		cmocka_unit_test(posterior_gradient),
		cmocka_unit_test(covariance_of_a_block),
		cmocka_unit_test(leaves_one_out),
		cmocka_unit_test(memory_does_not_matter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
