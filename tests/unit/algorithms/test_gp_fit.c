/* Fits: the gradient of the density, what is found, priors of single columns, bent inputs, degenerate data.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "algorithms/gp/model.h"
#include "algorithms/gp/model_impl.h"
#include "tests/unit/algorithms/gp_reference.h"

static void density_gradient(void **state)
{
	(void)state;
	for (int set = GP_PRIOR_DEFAULT; set <= 2 * GP_PRIOR_HEBO + 1; set++) {
		struct gp_prior prior = gp_prior((enum gp_prior_set)(set / 2), REF_D);
		struct ref_sample s = ref_draw(5);
		struct rng r = rng_seeded(5);
		double theta[REF_BENT_THETA], gradient[REF_BENT_THETA], unused[REF_BENT_THETA], h = 1e-5;
		struct gp_data data = {.x = s.x, .y = s.y, .noise = s.noise, .n = REF_N};
		struct gp *g;

		if (set % 2)
			gp_prior_bend_inputs(&prior);
		g = gp_new(REF_D, ref_category, &prior);
		assert_int_equal(gp_n_theta(g), set % 2 ? REF_BENT_THETA : REF_THETA);
		memcpy(s.x + 7 * REF_D, s.x, REF_D * sizeof(double)); /* one place with two rows */
		ref_draw_theta(&r, theta);
		for (int j = 0; j < 2 * REF_D; j++)
			theta[REF_THETA + j] = j / 2 == REF_CATEGORY ? 0 : 0.5 * rng_normal(&r);
		assert_int_equal(gp_take(g, &data), ALGO_OK);
		ref_near(-gp_evaluate(g, theta, gradient), (gp_condition(g, &data, theta), gp_log_density(g)), 1e-10,
			"value");
		for (uint32_t j = 0; j < gp_n_theta(g); j++) {
			double at = theta[j], up, down;

			theta[j] = at + h;
			up = gp_evaluate(g, theta, unused);
			theta[j] = at - h;
			down = gp_evaluate(g, theta, unused);
			theta[j] = at;
			ref_near(gradient[j], (up - down) / (2 * h), 2e-7, "gradient");
		}
		gp_free(g);
	}
}

static void density_of_one_column(void **state)
{
	struct gp_prior prior = gp_prior(GP_PRIOR_DEFAULT, REF_D);
	struct gp_density own = prior.lengthscale;
	struct gp *g = gp_new(REF_D, ref_category, &prior);
	struct ref_sample s = ref_draw(17);
	double theta[REF_THETA];

	(void)state;
	own.max = own.start = log(0.3);
	gp_set_density(g, 1, &own);
	gp_start_prior(g, theta);
	ref_near(theta[1], log(0.3), 1e-12, "start");
	for (int i = 0; i < REF_N; i++)
		s.y[i] = s.x[i * REF_D]; /* column 1 says nothing: as long as possible                          */
	for (int copied = 0; copied < 2; copied++) {
		struct gp *fitted = copied ? gp_copy(g) : g;
		struct gp_data data = {.x = s.x, .y = s.y, .n = REF_N};

		for (uint32_t rows = 0; rows <= REF_N / 2; rows += REF_N / 2) {
			assert_int_equal(gp_fit(fitted, &data, &(struct gp_fit){.max_rows = rows}), ALGO_OK);
			ref_near(gp_lengthscale(fitted, 1), 0.3, 1e-9, "lengthscale");
			assert_true(gp_lengthscale(fitted, 0) > 0.3);
		}
		if (copied)
			gp_free(fitted);
	}
	gp_free(g);
}

static void fit_finds_what_matters(void **state)
{
	struct gp_prior prior = gp_prior(GP_PRIOR_DEFAULT, REF_D);
	struct gp *g = gp_new(REF_D, NULL, &prior);
	struct rng r = rng_seeded(11);
	double x[200 * REF_D], y[200], before;

	(void)state;
	for (int i = 0; i < 200; i++) {
		for (int j = 0; j < REF_D; j++)
			x[i * REF_D + j] = rng_uniform(&r);
		y[i] = sin(6 * x[i * REF_D]) + 0.1 * rng_normal(&r);
	}
	for (uint32_t rows = 0; rows <= 60; rows += 60) {
		struct gp_data data = {.x = x, .y = y, .n = 200};

		assert_int_equal(gp_fit(g, &data, &(struct gp_fit){.n_random = 1, .max_rows = rows}), ALGO_OK);
		assert_true(gp_lengthscale(g, 0) < 1);
		for (uint32_t j = 1; j < REF_D; j++)
			assert_true(gp_lengthscale(g, j) > 4 * gp_lengthscale(g, 0));
		/* Among the sixty, the best are too good: their noise looks smaller. */
		ref_near(sqrt(gp_noise_variance(g)), 0.1, rows > 0 ? 0.05 : 0.02, "noise");
		assert_int_equal(gp_rows(g), 200);
	}
	/* From where it ended it does not get worse, and from nowhere it gets as far. */
	assert_int_equal(gp_fit(g, &(struct gp_data){.x = x, .y = y, .n = 200}, &(struct gp_fit){0}), ALGO_OK);
	before = gp_log_density(g);
	assert_int_equal(gp_fit(g, &(struct gp_data){.x = x, .y = y, .n = 200},
						 &(struct gp_fit){.starts = (const double[]){-2, 0, 0, 0, 0, -2, -3}, .n_starts = 1}),
		ALGO_OK);
	ref_near(gp_log_density(g), before, 1e-3, "log density");
	gp_free(g);
}

static void bends_what_is_bent(void **state)
{
	struct gp_prior prior = gp_prior(GP_PRIOR_DEFAULT, 1);
	double x[60], y[60], density[2], point = 0.0, mean, variance;
	struct gp_data data = {.x = x, .y = y, .n = 60};

	(void)state;
	for (int i = 0; i < 60; i++) {
		x[i] = i / 59.0;
		y[i] = sin(6 * x[i] * x[i] * x[i]);
	}
	for (int bends = 0; bends < 2; bends++) {
		struct gp *g;

		if (bends)
			gp_prior_bend_inputs(&prior);
		g = gp_new(1, NULL, &prior);
		assert_int_equal(gp_fit(g, &data, &(struct gp_fit){0}), ALGO_OK);
		density[bends] = gp_log_density(g);
		if (bends)
			assert_true(gp_theta(g)[4] > 0.3);
		ref_ask(g, &point, &mean, &variance); /* an end point */
		ref_near(mean, 0, 0.01, "mean at an end");
		gp_free(g);
	}
	assert_true(density[1] > density[0] + 5);
}

/* What rises in the data is expected to rise beyond them; where nothing rises, the linear part fades. */
static void goes_on_rising(void **state)
{
	static const double corner[] = {1, 1};
	double x[2 * REF_N], y[REF_N], mean, variance;
	struct gp_data data = {.x = x, .y = y, .n = REF_N};

	(void)state;
	for (int rises = 0; rises < 2; rises++) {
		for (int linear = 0; linear < 2; linear++) {
			struct gp_prior prior = gp_prior(GP_PRIOR_DEFAULT, 2);
			struct rng r = rng_seeded(3);
			struct gp *g;

			if (!linear)
				prior.linear = (struct gp_density){0};
			g = gp_new(2, NULL, &prior);
			for (int i = 0; i < REF_N; i++) {
				double *u = x + 2 * (size_t)i;

				u[0] = 0.1 + 0.5 * rng_uniform(&r);
				u[1] = 0.1 + 0.5 * rng_uniform(&r);
				y[i] = 4 * rises * (u[0] + u[1] - 0.7) + sin(40 * u[0]) * sin(40 * u[1]);
			}
			assert_int_equal(gp_fit(g, &data, &(struct gp_fit){0}), ALGO_OK);
			ref_ask(g, corner, &mean, &variance);
			assert_true(linear || gp_linear_variance(g) == 0);
			assert_true(!linear || (rises ? gp_linear_variance(g) > 0.1 : gp_linear_variance(g) < 0.01));
			if (rises)
				assert_true(linear ? mean > 4 : mean < 2);
			gp_free(g);
		}
	}
}

static void same_calls_same_bits(void **state)
{
	struct ref_sample s = ref_draw(12);
	double theta[2][REF_THETA];

	(void)state;
	for (int k = 0; k < 2; k++) {
		struct gp *g = ref_model();
		struct gp_data data = {.x = s.x, .y = s.y, .n = REF_N};

		free(malloc(64 + 24 * (size_t)k)); /* other addresses */
		assert_int_equal(gp_fit(g, &data, &(struct gp_fit){.n_random = 2, .seed = 5}), ALGO_OK);
		memcpy(theta[k], gp_theta(g), sizeof(theta[k]));
		gp_free(g);
	}
	assert_memory_equal(theta[0], theta[1], sizeof(theta[0]));
}

static void stops_when_told(void **state)
{
	struct ref_sample s = ref_draw(13);
	struct gp *g = ref_model();
	atomic_bool cancel = true;

	(void)state;
	assert_int_equal(
		gp_fit(g, &(struct gp_data){.x = s.x, .y = s.y, .n = REF_N}, &(struct gp_fit){.cancel = &cancel}),
		ALGO_CANCELLED);
	gp_free(g);
}

static void survives_degenerate_data(void **state)
{
	static const double scales[] = {0, 1e-300, 1, 1e100};
	static const uint32_t sizes[] = {0, 1, 2, REF_N};

	(void)state;
	for (int set = GP_PRIOR_DEFAULT; set <= GP_PRIOR_HEBO; set++)
		for (int scale = 0; scale < 4; scale++)
			for (int size = 0; size < 4; size++)
				for (int kind = 0; kind < 4; kind++) {
					struct gp_prior prior = gp_prior((enum gp_prior_set)set, REF_D);
					struct gp *g = gp_new(REF_D, ref_category, &prior);
					struct ref_sample s = ref_draw(14);
					struct gp_data data = {.x = s.x, .y = s.y, .n = sizes[size]};
					struct gp_work *w = gp_work_new(g, 2);
					double mean[2], variance[2], gradient[2 * REF_D], points[2 * REF_D];

					for (int i = 0; i < REF_N; i++) {
						s.y[i] *= scales[scale];
						for (int j = 0; j < REF_D; j++) {
							if (kind == 1) /* a constant column */
								s.x[i * REF_D] = 0.5;
							else if (kind == 2) /* equal rows */
								s.x[i * REF_D + j] = s.x[j];
							else if (kind == 3 && j != REF_CATEGORY) /* all but equal rows */
								s.x[i * REF_D + j] = s.x[j] + i * 1e-14;
						}
					}
					assert_int_equal(gp_fit(g, &data, &(struct gp_fit){.n_random = 1}), ALGO_OK);
					memcpy(points, s.x, sizeof(points));
					points[REF_D] += 0.3;
					assert_int_equal(gp_forward(g, w, points, 2, mean, variance), ALGO_OK);
					gp_backward(g, w, mean, variance, gradient);
					for (int i = 0; i < 2; i++) {
						if (!isfinite(mean[i]) || !(variance[i] > 0) || !isfinite(variance[i]))
							fail_msg("set %d scale %g n %u kind %d: mean %g variance %g", set, scales[scale],
								sizes[size], kind, mean[i], variance[i]);
						for (int j = 0; j < REF_D; j++)
							assert_true(isfinite(gradient[i * REF_D + j]));
					}
					gp_work_free(w);
					gp_free(g);
				}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(density_gradient),
		cmocka_unit_test(density_of_one_column),
		cmocka_unit_test(fit_finds_what_matters),
		cmocka_unit_test(bends_what_is_bent),
		cmocka_unit_test(goes_on_rising),
		cmocka_unit_test(same_calls_same_bits),
		cmocka_unit_test(stops_when_told),
		cmocka_unit_test(survives_degenerate_data),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
