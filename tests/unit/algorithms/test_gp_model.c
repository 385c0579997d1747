/*
 * The Gaussian process against a dense reference written here from the textbook: its density and
 * the gradient by differences, its posterior, gradients of the posterior, appended rows, fantasies,
 * left-out rows; and data on which naive code gives NaN.
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

enum { D = 4, N = 40, CATEGORY = 2 };
static const bool category[D] = {[CATEGORY] = true};

/* ---- the reference ----------------------------------------------------------------------------- */

static double kernel(const double *theta, const double *a, const double *b)
{
	double r2 = 0, s;

	for (int j = 0; j < D; j++) {
		double apart = category[j] ? a[j] != b[j] : a[j] - b[j];

		r2 += apart * apart * exp(-2 * theta[j]);
	}
	s = sqrt(5 * r2);
	return exp(theta[D]) * (1 + s + s * s / 3) * exp(-s);
}

/* Solves m x = y for `width` right sides by Gauss's elimination; returns ln |det m|. */
static double solve(int n, double *m, int width, double *y)
{
	double log_det = 0;

	for (int i = 0; i < n; i++) {
		int best = i;

		for (int k = i; k < n; k++)
			best = fabs(m[k * n + i]) > fabs(m[best * n + i]) ? k : best;
		for (int k = 0; k < n; k++) {
			double swap = m[i * n + k];
			m[i * n + k] = m[best * n + k];
			m[best * n + k] = swap;
		}
		for (int k = 0; k < width; k++) {
			double swap = y[i * width + k];
			y[i * width + k] = y[best * width + k];
			y[best * width + k] = swap;
		}
		log_det += log(fabs(m[i * n + i]));
		for (int r = 0; r < n; r++) {
			double factor = m[r * n + i] / m[i * n + i];

			if (r == i)
				continue;
			for (int k = i; k < n; k++)
				m[r * n + k] -= factor * m[i * n + k];
			for (int k = 0; k < width; k++)
				y[r * width + k] -= factor * y[i * width + k];
		}
	}
	for (int i = 0; i < n; i++)
		for (int k = 0; k < width; k++)
			y[i * width + k] /= m[i * n + i];
	return log_det;
}

/* Log likelihood with the best constant, and the posterior at one point; noise[i] multiplies. */
static double reference(const double *theta, double mean_variance, int n, const double *x, const double *y,
	const double *noise, const double *point, double *mean, double *variance)
{
	double *m = malloc(sizeof(double) * n * n), *right = malloc(sizeof(double) * n * 3);
	double ones = 0, both = 0, c, log_det, value, quadratic = 0;

	for (int i = 0; i < n; i++) {
		for (int k = 0; k < n; k++)
			m[i * n + k] = kernel(theta, x + i * D, x + k * D);
		m[i * n + i] += exp(theta[D + 1]) * (noise ? noise[i] : 1);
		right[i * 3] = y[i];
		right[i * 3 + 1] = 1;
		right[i * 3 + 2] = kernel(theta, x + i * D, point);
	}
	log_det = solve(n, m, 3, right);
	for (int i = 0; i < n; i++) {
		both += right[i * 3];
		ones += right[i * 3 + 1];
	}
	c = both / (ones + 1 / mean_variance);
	*mean = c;
	*variance = kernel(theta, point, point);
	for (int i = 0; i < n; i++) {
		quadratic += (y[i] - c) * (right[i * 3] - c * right[i * 3 + 1]);
		*mean += right[i * 3 + 2] * (y[i] - c);
		*variance -= right[i * 3 + 2] * kernel(theta, x + i * D, point);
	}
	value = -0.5 * (quadratic + log_det + n * log(2 * M_PI) + c * c / mean_variance);
	free(m);
	free(right);
	return value;
}

/* ---- data -------------------------------------------------------------------------------------- */

struct sample {
	double x[N * D], y[N], noise[N];
};

static void draw_point(struct rng *r, double *x)
{
	for (int j = 0; j < D; j++)
		x[j] = category[j] ? (double)rng_below(r, 3) : rng_uniform(r);
}

static struct sample draw(uint64_t seed)
{
	struct rng r = rng_seeded(seed);
	struct sample s;

	for (int i = 0; i < N; i++) {
		double *x = s.x + i * D;

		draw_point(&r, x);
		s.y[i] = sin(5 * x[0]) + x[1] * x[3] + (x[CATEGORY] == 1) + 0.05 * rng_normal(&r);
		s.noise[i] = 0.5 + rng_uniform(&r);
	}
	return s;
}

static void draw_theta(struct rng *r, double *theta)
{
	for (int j = 0; j < D; j++)
		theta[j] = -1 + 1.5 * rng_uniform(r);
	theta[D] = -0.5 + rng_uniform(r);
	theta[D + 1] = -6 + 4 * rng_uniform(r);
}

static struct gp *model(void)
{
	struct gp_prior prior = gp_prior(GP_PRIOR_DEFAULT, D);
	struct gp *g = gp_new(D, category, &prior);

	assert_non_null(g);
	return g;
}

static struct gp *bending_model(void)
{
	struct gp_prior prior = gp_prior(GP_PRIOR_DEFAULT, D);
	struct gp *g;

	gp_prior_bend_inputs(&prior);
	g = gp_new(D, category, &prior);
	assert_non_null(g);
	return g;
}

static void near(double got, double expected, double tolerance, const char *what)
{
	if (!(fabs(got - expected) <= tolerance * fmax(1, fabs(expected))))
		fail_msg("%s: %.17g instead of %.17g (off by %g)", what, got, expected, got - expected);
}

static void ask_one(const struct gp *g, const double *x, double *mean, double *variance)
{
	struct gp_work *w = gp_work_new(g, 1);

	assert_non_null(w);
	assert_int_equal(gp_forward(g, w, x, 1, mean, variance), ALGO_OK);
	gp_work_free(w);
}

/* ---- tests ------------------------------------------------------------------------------------- */

static void agrees_with_the_textbook(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 10; seed++) {
		struct sample s = draw(seed);
		struct rng r = rng_seeded(seed + 100);
		struct gp *g = model();
		double theta[D + 2], point[D], mean, variance, want_mean, want_variance, value;
		struct gp_data data = {.x = s.x, .y = s.y, .noise = seed % 2 ? s.noise : NULL, .n = N};

		draw_theta(&r, theta);
		assert_int_equal(gp_condition(g, &data, theta), ALGO_OK);
		for (int k = 0; k < 10; k++) {
			draw_point(&r, point);
			value = reference(
				theta, 10, N, s.x, s.y, data.noise, point, &want_mean, &want_variance);
			near(gp_log_likelihood(g), value, 1e-9, "log likelihood");
			ask_one(g, point, &mean, &variance);
			near(mean, want_mean, 1e-9, "mean");
			near(variance, want_variance, 1e-9, "variance");
		}
		gp_free(g);
	}
}

static void appended_is_conditioned(void **state)
{
	(void)state;
	for (uint32_t first = 0; first < N; first += 13) {
		struct sample s = draw(3);
		struct rng r = rng_seeded(first);
		struct gp *g = model(), *full = model();
		struct gp_data part = {.x = s.x, .y = s.y, .noise = s.noise, .n = first};
		struct gp_data all = {.x = s.x, .y = s.y, .noise = s.noise, .n = N};
		double theta[D + 2], point[D], mean, variance, want_mean, want_variance;

		draw_theta(&r, theta);
		assert_int_equal(gp_condition(g, &part, theta), ALGO_OK);
		for (uint32_t i = first; i < N; i++)
			assert_int_equal(gp_append(g, s.x + i * D, s.y[i], s.noise[i]), ALGO_OK);
		assert_int_equal(gp_condition(full, &all, theta), ALGO_OK);
		assert_int_equal(gp_rows(g), N);
		near(gp_log_density(g), gp_log_density(full), 1e-9, "log density");
		draw_point(&r, point);
		ask_one(g, point, &mean, &variance);
		ask_one(full, point, &want_mean, &want_variance);
		near(mean, want_mean, 1e-9, "mean");
		near(variance, want_variance, 1e-9, "variance");
		gp_free(g);
		gp_free(full);
	}
}

/* Twenty rows at five places: the likelihood is the one of twenty rows. */
static void merges_equal_rows(void **state)
{
	struct sample s = draw(4);
	struct rng r = rng_seeded(4);
	struct gp *g = model();
	double theta[D + 2], point[D], mean, variance, want_mean, want_variance, value, again[20];
	struct gp_data data = {.x = s.x, .y = s.y, .noise = s.noise, .n = 20};

	(void)state;
	for (int i = 5; i < 20; i++)
		memcpy(s.x + i * D, s.x + i % 5 * D, D * sizeof(double));
	draw_theta(&r, theta);
	draw_point(&r, point);
	assert_int_equal(gp_condition(g, &data, theta), ALGO_OK);
	value = reference(theta, 10, 20, s.x, s.y, s.noise, point, &want_mean, &want_variance);
	assert_int_equal(g->places, 5);
	near(gp_log_likelihood(g), value, 1e-8, "log likelihood");
	ask_one(g, point, &mean, &variance);
	near(mean, want_mean, 1e-9, "mean");
	near(variance, want_variance, 1e-9, "variance");
	for (int i = 0; i < 20; i++)
		again[i] = 1 - 2 * s.y[i];
	gp_retarget(g, again);
	value = reference(theta, 10, 20, s.x, again, s.noise, point, &want_mean, &want_variance);
	near(gp_log_likelihood(g), value, 1e-8, "log likelihood of new targets");
	ask_one(g, point, &mean, &variance);
	near(mean, want_mean, 1e-9, "mean of new targets");
	gp_free(g);
}

/* The fit's own objective by central differences, without and with bent inputs. */
static void density_gradient(void **state)
{
	(void)state;
	for (int set = GP_PRIOR_DEFAULT; set <= 2 * GP_PRIOR_HEBO + 1; set++) {
		struct gp_prior prior = gp_prior((enum gp_prior_set)(set / 2), D);
		struct sample s = draw(5);
		struct rng r = rng_seeded(5);
		double theta[3 * D + 2], gradient[3 * D + 2], unused[3 * D + 2], h = 1e-5;
		struct gp_data data = {.x = s.x, .y = s.y, .noise = s.noise, .n = N};
		struct gp *g;

		if (set % 2)
			gp_prior_bend_inputs(&prior);
		g = gp_new(D, category, &prior);
		assert_int_equal(gp_n_theta(g), set % 2 ? 3 * D + 2 : D + 2);
		memcpy(s.x + 7 * D, s.x, D * sizeof(double)); /* one place with two rows */
		draw_theta(&r, theta);
		for (int j = 0; j < 2 * D; j++)
			theta[D + 2 + j] = j / 2 == CATEGORY ? 0 : 0.5 * rng_normal(&r);
		assert_int_equal(gp_take(g, &data), ALGO_OK);
		near(-gp_evaluate(g, theta, gradient), (gp_condition(g, &data, theta), gp_log_density(g)), 1e-10,
			"value");
		for (uint32_t j = 0; j < gp_n_theta(g); j++) {
			double at = theta[j], up, down;

			theta[j] = at + h;
			up = gp_evaluate(g, theta, unused);
			theta[j] = at - h;
			down = gp_evaluate(g, theta, unused);
			theta[j] = at;
			near(gradient[j], (up - down) / (2 * h), 2e-7, "gradient");
		}
		gp_free(g);
	}
}

/* A function of all means and the variance, differentiated backwards and by differences. */
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
		struct sample s = draw(6);
		struct rng r = rng_seeded(6);
		struct gp *g = round < 2 ? model() : bending_model();
		struct gp_work *w = gp_work_new(g, B);
		double theta[3 * D + 2], points[B * D], places[P * D], z[S * P], f[S * P], mean[B * S], variance[B];
		double d_mean[B * S], d_variance[B], gradient[B * D], h = 1e-6;
		struct gp_data data = {.x = s.x, .y = s.y, .n = N};
		uint32_t samples;

		draw_theta(&r, theta);
		for (int j = 0; j < 2 * D; j++)
			theta[D + 2 + j] = 0.5 * rng_normal(&r);
		for (int i = 0; i < B; i++)
			draw_point(&r, points + i * D);
		for (int i = 0; i < P; i++)
			draw_point(&r, places + i * D);
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
		for (int i = 0; i < B * D; i++) {
			double at = points[i], up, down;

			if (category[i % D]) {
				near(gradient[i], 0, 0, "gradient by a category");
				continue;
			}
			points[i] = at + h;
			gp_forward(g, w, points, B, mean, variance);
			up = mix(samples, mean + (size_t)(i / D) * samples, variance[i / D]);
			points[i] = at - h;
			gp_forward(g, w, points, B, mean, variance);
			down = mix(samples, mean + (size_t)(i / D) * samples, variance[i / D]);
			points[i] = at;
			near(gradient[i], (up - down) / (2 * h), 1e-6, "gradient by a column");
		}
		gp_work_free(w);
		gp_free(g);
	}
}

/* A sample's values, observed almost without noise, give the sample's mean and the variance. */
static void fantasies_are_observations(void **state)
{
	enum { P = 3, S = 2 };
	struct sample s = draw(7);
	struct rng r = rng_seeded(7);
	struct gp *g = model(), *pending;
	double theta[D + 2], x[(N + P) * D], y[N + P], noise[N + P], z[S * P], f[S * P], point[D];
	double mean[S], variance, want_mean, want_variance;
	struct gp_data data = {.x = s.x, .y = s.y, .n = N};

	(void)state;
	draw_theta(&r, theta);
	draw_point(&r, point);
	memcpy(x, s.x, sizeof(s.x));
	memcpy(y, s.y, sizeof(s.y));
	for (int i = 0; i < P; i++)
		draw_point(&r, x + (N + i) * D);
	for (int i = 0; i < S * P; i++)
		z[i] = rng_normal(&r);
	for (int i = 0; i < N + P; i++)
		noise[i] = i < N ? 1 : 1e-8 * exp(theta[D] - theta[D + 1]);
	assert_int_equal(gp_condition(g, &data, theta), ALGO_OK);
	pending = gp_copy(g);
	assert_non_null(pending);
	assert_int_equal(gp_fantasize(pending, x + N * D, P, S, z, f), ALGO_OK);
	ask_one(pending, point, mean, &variance);
	for (int k = 0; k < S; k++) {
		double *kernel_row = malloc(sizeof(double) * (N + P)), c = gp_constant(g);

		memcpy(y + N, f + k * P, P * sizeof(double));
		for (int i = 0; i < N + P; i++)
			kernel_row[i] = y[i] - c;
		/* The constant is the one of the observations: a prior mean that is known. */
		reference(theta, 1e-300, N + P, x, kernel_row, noise, point, &want_mean, &want_variance);
		near(mean[k], want_mean + c, 1e-6, "mean of a sample");
		near(variance, want_variance, 1e-6, "variance");
		free(kernel_row);
	}
	gp_free(pending);
	gp_free(g);
}

static void believer_keeps_the_mean(void **state)
{
	struct sample s = draw(8);
	struct rng r = rng_seeded(8);
	struct gp *g = model(), *pending;
	double theta[D + 2], places[3 * D], zero[3] = {0}, f[3], mean, variance, want_mean, want_variance;

	(void)state;
	draw_theta(&r, theta);
	for (int i = 0; i < 3; i++)
		draw_point(&r, places + i * D);
	assert_int_equal(gp_condition(g, &(struct gp_data){.x = s.x, .y = s.y, .n = N}, theta), ALGO_OK);
	pending = gp_copy(g);
	assert_non_null(pending);
	assert_int_equal(gp_fantasize(pending, places, 3, 1, zero, f), ALGO_OK);
	ask_one(g, places, &want_mean, &want_variance);
	ask_one(pending, places, &mean, &variance);
	near(f[0], want_mean, 1e-9, "fantasy");
	near(mean, want_mean, 1e-9, "mean");
	assert_true(variance < 1e-6 && variance < want_variance);
	gp_free(pending);
	gp_free(g);
}

static void covariance_of_a_block(void **state)
{
	enum { B = 4 };
	struct sample s = draw(9);
	struct rng r = rng_seeded(9);
	struct gp *g = model(), *pending;
	struct gp_work *w = gp_work_new(g, B);
	double theta[D + 2], points[B * D], mean[B], variance[B], covariance[B * B], f[1], after, unused;

	(void)state;
	draw_theta(&r, theta);
	for (int i = 0; i < B; i++)
		draw_point(&r, points + i * D);
	assert_int_equal(gp_condition(g, &(struct gp_data){.x = s.x, .y = s.y, .n = N}, theta), ALGO_OK);
	assert_int_equal(gp_forward(g, w, points, B, mean, variance), ALGO_OK);
	gp_covariance(g, w, covariance);
	pending = gp_copy(g);
	assert_int_equal(gp_fantasize(pending, points, 1, 1, (double[]){0}, f), ALGO_OK);
	for (int i = 0; i < B; i++) {
		near(covariance[i * B + i], variance[i], 1e-10, "variance");
		near(covariance[i], covariance[i * B], 0, "symmetry");
		ask_one(pending, points + i * D, &unused, &after);
		if (i > 0)
			near(after, variance[i] - covariance[i] * covariance[i] / covariance[0], 1e-6, "conditioning");
	}
	gp_work_free(w);
	gp_free(pending);
	gp_free(g);
}

/* With the constant held at 0, what is left out is what the others predict. */
static void leaves_one_out(void **state)
{
	struct gp_prior prior = gp_prior(GP_PRIOR_OPTUNA, D);
	struct sample s = draw(10);
	struct rng r = rng_seeded(10);
	struct gp *g = gp_new(D, category, &prior), *others = gp_new(D, category, &prior);
	double theta[D + 2], mean[N], variance[N], want_mean, want_variance, x[N * D], y[N];

	(void)state;
	draw_theta(&r, theta);
	memcpy(s.x + 20 * D, s.x + 3 * D, D * sizeof(double)); /* left out together */
	assert_int_equal(gp_condition(g, &(struct gp_data){.x = s.x, .y = s.y, .n = N}, theta), ALGO_OK);
	gp_leave_one_out(g, mean, variance);
	for (int i = 0; i < N; i++) {
		uint32_t n = 0;

		for (int k = 0; k < N; k++) {
			if (k == i || memcmp(s.x + k * D, s.x + i * D, D * sizeof(double)) == 0)
				continue;
			memcpy(x + n * D, s.x + k * D, D * sizeof(double));
			y[n++] = s.y[k];
		}
		assert_int_equal(gp_condition(others, &(struct gp_data){.x = x, .y = y, .n = n}, theta), ALGO_OK);
		ask_one(others, s.x + i * D, &want_mean, &want_variance);
		near(mean[i], want_mean, 1e-8, "left-out mean");
		near(variance[i], want_variance + gp_noise_variance(g), 1e-8, "left-out variance");
	}
	gp_free(g);
	gp_free(others);
}

/* A column's own density holds in the fit, also on a part of the rows, and in copies. */
static void density_of_one_column(void **state)
{
	struct gp_prior prior = gp_prior(GP_PRIOR_DEFAULT, D);
	struct gp_density own = prior.lengthscale;
	struct gp *g = gp_new(D, category, &prior);
	struct sample s = draw(17);
	double theta[D + 2];

	(void)state;
	own.max = own.start = log(0.3);
	gp_set_density(g, 1, &own);
	gp_start_prior(g, theta);
	near(theta[1], log(0.3), 1e-12, "start");
	for (int i = 0; i < N; i++)
		s.y[i] = s.x[i * D]; /* column 1 says nothing: as long as possible                          */
	for (int copied = 0; copied < 2; copied++) {
		struct gp *fitted = copied ? gp_copy(g) : g;
		struct gp_data data = {.x = s.x, .y = s.y, .n = N};

		for (uint32_t rows = 0; rows <= N / 2; rows += N / 2) {
			assert_int_equal(gp_fit(fitted, &data, &(struct gp_fit){.max_rows = rows}), ALGO_OK);
			near(gp_lengthscale(fitted, 1), 0.3, 1e-9, "lengthscale");
			assert_true(gp_lengthscale(fitted, 0) > 0.3);
		}
		if (copied)
			gp_free(fitted);
	}
	gp_free(g);
}

/* A fit finds what made the data: the column that matters, and noise of the right size. */
static void fit_finds_what_matters(void **state)
{
	struct gp_prior prior = gp_prior(GP_PRIOR_DEFAULT, D);
	struct gp *g = gp_new(D, NULL, &prior);
	struct rng r = rng_seeded(11);
	double x[200 * D], y[200], before;

	(void)state;
	for (int i = 0; i < 200; i++) {
		for (int j = 0; j < D; j++)
			x[i * D + j] = rng_uniform(&r);
		y[i] = sin(6 * x[i * D]) + 0.1 * rng_normal(&r);
	}
	for (uint32_t rows = 0; rows <= 60; rows += 60) {
		struct gp_data data = {.x = x, .y = y, .n = 200};

		assert_int_equal(gp_fit(g, &data, &(struct gp_fit){.n_random = 1, .max_rows = rows}), ALGO_OK);
		assert_true(gp_lengthscale(g, 0) < 1);
		for (uint32_t j = 1; j < D; j++)
			assert_true(gp_lengthscale(g, j) > 4 * gp_lengthscale(g, 0));
		/* Among the sixty, the best are too good: their noise looks smaller. */
		near(sqrt(gp_noise_variance(g)), 0.1, rows > 0 ? 0.05 : 0.02, "noise");
		assert_int_equal(gp_rows(g), 200);
	}
	/* From where it ended it does not get worse, and from nowhere it gets as far. */
	assert_int_equal(gp_fit(g, &(struct gp_data){.x = x, .y = y, .n = 200}, &(struct gp_fit){0}), ALGO_OK);
	before = gp_log_density(g);
	assert_int_equal(gp_fit(g, &(struct gp_data){.x = x, .y = y, .n = 200},
						 &(struct gp_fit){.starts = (const double[]){-2, 0, 0, 0, 0, -2}, .n_starts = 1}),
		ALGO_OK);
	near(gp_log_density(g), before, 1e-3, "log density");
	gp_free(g);
}

/* sin(6 u^3) is a sine for a model that may bend u, and fits better than without. */
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
			assert_true(gp_theta(g)[3] > 0.3);
		ask_one(g, &point, &mean, &variance); /* an end point */
		near(mean, 0, 0.01, "mean at an end");
		gp_free(g);
	}
	assert_true(density[1] > density[0] + 5);
}

static void same_calls_same_bits(void **state)
{
	struct sample s = draw(12);
	double theta[2][D + 2];

	(void)state;
	for (int k = 0; k < 2; k++) {
		struct gp *g = model();
		struct gp_data data = {.x = s.x, .y = s.y, .n = N};

		free(malloc(64 + 24 * (size_t)k)); /* other addresses */
		assert_int_equal(gp_fit(g, &data, &(struct gp_fit){.n_random = 2, .seed = 5}), ALGO_OK);
		memcpy(theta[k], gp_theta(g), sizeof(theta[k]));
		gp_free(g);
	}
	assert_memory_equal(theta[0], theta[1], sizeof(theta[0]));
}

/* A model that has been larger has other distances between its rows; the bits are the same. */
static void memory_does_not_matter(void **state)
{
	enum { LARGE = 150, B = 7 };
	static double x[LARGE * D], y[LARGE];
	struct rng r = rng_seeded(15);

	(void)state;
	for (int i = 0; i < LARGE; i++) {
		draw_point(&r, x + i * D);
		y[i] = rng_normal(&r);
	}
	for (uint32_t n = 1; n < LARGE - 12; n += 17) {
		struct gp *fresh = model(), *used = model();
		struct gp_data data = {.x = x, .y = y, .n = n}, all = {.x = x, .y = y, .n = LARGE};
		double mean[2][B], variance[2][B], ones[B], gradient[2][B * D];
		const double *theta;

		for (int i = 0; i < B; i++)
			ones[i] = 1;
		assert_int_equal(gp_condition(used, &all, gp_theta(used)), ALGO_OK);
		for (int k = 0; k < 2; k++) {
			struct gp *g = k ? used : fresh;
			struct gp_work *w = gp_work_new(g, k ? 64 : B);

			assert_int_equal(gp_fit(g, &data, &(struct gp_fit){.max_iterations = 5}), ALGO_OK);
			for (uint32_t i = n; i < n + 11; i++)
				assert_int_equal(gp_append(g, x + i * D, y[i], 1), ALGO_OK);
			assert_int_equal(gp_forward(g, w, x + D * (LARGE - B), B, mean[k], variance[k]), ALGO_OK);
			gp_backward(g, w, ones, ones, gradient[k]);
			gp_work_free(w);
		}
		theta = gp_theta(fresh);
		assert_memory_equal(theta, gp_theta(used), (D + 2) * sizeof(double));
		assert_memory_equal(mean[0], mean[1], sizeof(mean[0]));
		assert_memory_equal(variance[0], variance[1], sizeof(variance[0]));
		assert_memory_equal(gradient[0], gradient[1], sizeof(gradient[0]));
		gp_free(fresh);
		gp_free(used);
	}
}

static void stops_when_told(void **state)
{
	struct sample s = draw(13);
	struct gp *g = model();
	atomic_bool cancel = true;

	(void)state;
	assert_int_equal(gp_fit(g, &(struct gp_data){.x = s.x, .y = s.y, .n = N}, &(struct gp_fit){.cancel = &cancel}),
		ALGO_CANCELLED);
	gp_free(g);
}

/* Nothing is NaN, whatever is observed. */
static void survives_degenerate_data(void **state)
{
	static const double scales[] = {0, 1e-300, 1, 1e100};
	static const uint32_t sizes[] = {0, 1, 2, N};

	(void)state;
	for (int set = GP_PRIOR_DEFAULT; set <= GP_PRIOR_HEBO; set++)
		for (int scale = 0; scale < 4; scale++)
			for (int size = 0; size < 4; size++)
				for (int kind = 0; kind < 4; kind++) {
					struct gp_prior prior = gp_prior((enum gp_prior_set)set, D);
					struct gp *g = gp_new(D, category, &prior);
					struct sample s = draw(14);
					struct gp_data data = {.x = s.x, .y = s.y, .n = sizes[size]};
					struct gp_work *w = gp_work_new(g, 2);
					double mean[2], variance[2], gradient[2 * D], points[2 * D];

					for (int i = 0; i < N; i++) {
						s.y[i] *= scales[scale];
						for (int j = 0; j < D; j++) {
							if (kind == 1) /* a constant column */
								s.x[i * D] = 0.5;
							else if (kind == 2) /* equal rows */
								s.x[i * D + j] = s.x[j];
							else if (kind == 3 && j != CATEGORY) /* all but equal rows */
								s.x[i * D + j] = s.x[j] + i * 1e-14;
						}
					}
					assert_int_equal(gp_fit(g, &data, &(struct gp_fit){.n_random = 1}), ALGO_OK);
					memcpy(points, s.x, sizeof(points));
					points[D] += 0.3;
					assert_int_equal(gp_forward(g, w, points, 2, mean, variance), ALGO_OK);
					gp_backward(g, w, mean, variance, gradient);
					for (int i = 0; i < 2; i++) {
						if (!isfinite(mean[i]) || !(variance[i] > 0) || !isfinite(variance[i]))
							fail_msg("set %d scale %g n %u kind %d: mean %g variance %g", set, scales[scale],
								sizes[size], kind, mean[i], variance[i]);
						for (int j = 0; j < D; j++)
							assert_true(isfinite(gradient[i * D + j]));
					}
					gp_work_free(w);
					gp_free(g);
				}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(agrees_with_the_textbook),
		cmocka_unit_test(appended_is_conditioned),
		cmocka_unit_test(merges_equal_rows),
		cmocka_unit_test(density_gradient),
		cmocka_unit_test(posterior_gradient),
		cmocka_unit_test(fantasies_are_observations),
		cmocka_unit_test(believer_keeps_the_mean),
		cmocka_unit_test(covariance_of_a_block),
		cmocka_unit_test(leaves_one_out),
		cmocka_unit_test(density_of_one_column),
		cmocka_unit_test(fit_finds_what_matters),
		cmocka_unit_test(bends_what_is_bent),
		cmocka_unit_test(same_calls_same_bits),
		cmocka_unit_test(memory_does_not_matter),
		cmocka_unit_test(stops_when_told),
		cmocka_unit_test(survives_degenerate_data),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
