/*
 * What earlier experiments teach a model: the weights and the posterior against a dense reference written here,
 * gradients against differences, which results are taken, and that a source which misleads is not believed.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "algorithms/gp/acquisition.h"
#include "algorithms/gp/surrogate.h"
#include "algorithms/gp/trend.h"
#include "tests/unit/algorithms/spaces.h"

enum { D = 3, SOURCES = 3, TRIALS = 40, N = 60, B = 6, CATEGORY = 2, VALUES = 3 };

static const struct space_param params[D] = {{.kind = SPACE_DOUBLE, .min = 0, .max = 1},
	{.kind = SPACE_DOUBLE, .min = 0, .max = 1}, {.kind = SPACE_CATEGORICAL, .n_values = VALUES}};

/* ---- a search and the experiments before it ---------------------------------------------------- */

static double task(double shift, const double *x)
{
	return (x[0] - 0.3 - shift) * (x[0] - 0.3 - shift) + (x[1] - 0.6 + shift) * (x[1] - 0.6 + shift) + 0.1 * x[2];
}

struct rig {
	struct space *space;
	struct embed *embed;
	struct algo_objective objective;
	struct algo_problem p;
	struct algo_source sources[SOURCES];
	struct algo_trial trials[SOURCES][TRIALS];
	double x[SOURCES][TRIALS][D], values[SOURCES][TRIALS];
	double own_x[N][D], rows[N * D], own[N]; /* of the search: larger is better                    */
	struct stack *stack;
};

static struct surrogate_options options_with(const struct stack *s)
{
	return (struct surrogate_options){
		.warp = WARP_HALF_RANK, .noisy = WARP_POWER, .rows_max = 1000, .rows_local = 600, .seed = 5, .stack = s};
}

static void draw(struct rng *r, double *x)
{
	x[0] = rng_uniform(r);
	x[1] = rng_uniform(r);
	x[2] = (double)rng_below(r, VALUES);
}

/* Sources are related to the search; not fitted yet. */
static void rig_init(struct rig *g)
{
	struct rng r = rng_seeded(17);
	struct surrogate_options o = options_with(NULL);

	memset(g, 0, sizeof(*g));
	g->space = space_of(params, D);
	g->embed = embed_new(g->space);
	g->objective = (struct algo_objective){.direction = ALGO_MINIMIZE, .goal = NAN};
	g->p = (struct algo_problem){.space = g->space, .objectives = &g->objective, .n_objectives = 1,
		.sources = g->sources, .n_sources = SOURCES};
	for (int k = 0; k < SOURCES; k++) {
		g->sources[k] = (struct algo_source){.trials = g->trials[k], .n_trials = TRIALS};
		for (int i = 0; i < TRIALS; i++) {
			draw(&r, g->x[k][i]);
			g->values[k][i] = 100 + 7 * task(0.05 * (k - 1), g->x[k][i]);
			g->trials[k][i] = (struct algo_trial){.number = (uint32_t)i + 1, .status = ALGO_SUCCEEDED,
				.x = g->x[k][i], .values = &g->values[k][i]};
		}
	}
	for (int i = 0; i < N; i++) {
		draw(&r, g->own_x[i]);
		embed_row(g->embed, g->own_x[i], g->rows + i * D);
		g->own[i] = -task(0.02, g->own_x[i]);
	}
	g->stack = stack_new(g->embed, &o);
	assert_non_null(g->stack);
}

static void fit(struct rig *g)
{
	assert_int_equal(stack_fit(g->stack, &g->p, NULL), ALGO_OK);
}

static void rig_free(struct rig *g)
{
	stack_free(g->stack);
	embed_free(g->embed);
	space_unref(g->space);
}

/* A model of the search's first n trials. */
static struct surrogate *model_at(const struct rig *g, const struct stack *stack, uint32_t n)
{
	struct surrogate_options o = options_with(stack);
	struct surrogate *s = surrogate_new(g->embed, &o);

	assert_non_null(s);
	assert_int_equal(surrogate_update(s, g->rows, g->own, n, NULL), ALGO_OK);
	return s;
}

/* ---- the reference ----------------------------------------------------------------------------- */

static double kernel(const struct gp *g, const double *a, const double *b)
{
	double r2 = 0, linear = 0, s;

	for (uint32_t j = 0; j < D; j++) {
		double apart = j == CATEGORY ? a[j] != b[j] : a[j] - b[j];

		r2 += apart * apart / (gp_lengthscale(g, j) * gp_lengthscale(g, j));
		linear += j == CATEGORY ? a[j] == b[j] : 12 * (a[j] - 0.5) * (b[j] - 0.5);
	}
	s = sqrt(5 * r2);
	return gp_signal_variance(g) * (1 + s + s * s / 3) * exp(-s) + gp_linear_variance(g) / D * linear;
}

/* m x = y by Gauss's elimination; m is positive definite. */
static void solve(uint32_t n, const double *m, const double *y, double *x)
{
	double *a = malloc(sizeof(double) * n * n);

	memcpy(a, m, sizeof(double) * n * n);
	memcpy(x, y, n * sizeof(*x));
	for (uint32_t i = 0; i < n; i++)
		for (uint32_t r = 0; r < n; r++) {
			double factor = a[r * n + i] / a[i * n + i];

			if (r == i)
				continue;
			for (uint32_t k = i; k < n; k++)
				a[r * n + k] -= factor * a[i * n + k];
			x[r] -= factor * x[i];
		}
	for (uint32_t i = 0; i < n; i++)
		x[i] /= a[i * n + i];
	free(a);
}

static double dot(uint32_t n, const double *a, const double *b)
{
	double sum = 0;

	for (uint32_t i = 0; i < n; i++)
		sum += a[i] * b[i];
	return sum;
}

/*
 * The best weights among those that leave out the sources not in `used`, with their constant: the mode of the
 * posterior. Returns minus twice its logarithm up to a constant, infinite if a weight is negative.
 */
static double best_with(
	unsigned used, uint32_t n, const double *covariance, const double *said, const double *y, double *w)
{
	double a[(SOURCES + 1) * (SOURCES + 1)], b[SOURCES + 1], columns[SOURCES + 1][N], solved[SOURCES + 1][N];
	double left[N], solved_left[N], value = 0;

	for (int k = 0; k <= SOURCES; k++) {
		for (uint32_t i = 0; i < n; i++)
			columns[k][i] = k == SOURCES ? 1 : used >> k & 1 ? said[i * SOURCES + k] : 0;
		solve(n, covariance, columns[k], solved[k]);
	}
	for (int k = 0; k <= SOURCES; k++) {
		b[k] = dot(n, solved[k], y);
		for (int j = 0; j <= SOURCES; j++)
			a[k * (SOURCES + 1) + j] = dot(n, columns[k], solved[j]);
		a[k * (SOURCES + 1) + k] += k == SOURCES ? 0.1 : SOURCES * SOURCES;
		b[k] += k == SOURCES ? 0 : used >> k & 1 ? 0.8 * SOURCES : 0;
	}
	solve(SOURCES + 1, a, b, w);
	for (uint32_t i = 0; i < n; i++) {
		left[i] = y[i];
		for (int k = 0; k <= SOURCES; k++)
			left[i] -= w[k] * columns[k][i];
	}
	solve(n, covariance, left, solved_left);
	value = dot(n, left, solved_left) + w[SOURCES] * w[SOURCES] / 10;
	for (int k = 0; k < SOURCES; k++) {
		value += pow((w[k] - 0.8 / SOURCES) * SOURCES, 2);
		if (w[k] < 0)
			return INFINITY;
	}
	return value;
}

/* Does a source put the observations in their order? */
static bool ranks(const double *targets, const double *said, int source, uint32_t n)
{
	int right = 0, wrong = 0;

	for (uint32_t i = 0; i < n; i++)
		for (uint32_t j = 0; j < n; j++) {
			double theirs = said[i * SOURCES + source] - said[j * SOURCES + source];

			if (targets[i] > targets[j]) {
				right += theirs > 0;
				wrong += theirs < 0;
			}
		}
	return right > wrong;
}

/* Weights, and mean and variance at one point, under the model's hyperparameters. */
static void reference(const struct rig *r, const struct surrogate *s, uint32_t n, const double *point, double fade,
	double *w, double *mean, double *variance)
{
	const struct gp *g = surrogate_model(s);
	double *covariance = malloc(sizeof(double) * n * n), said[N * SOURCES], there[SOURCES];
	double k[N], left[N], solved[N], ones[N], one[N], lowest = INFINITY, trial[SOURCES + 1], c;
	unsigned believed = 0;

	for (uint32_t i = 0; i < n; i++) {
		k[i] = kernel(g, r->rows + i * D, point);
		one[i] = 1;
		for (uint32_t j = 0; j < n; j++)
			covariance[i * n + j] = kernel(g, r->rows + i * D, r->rows + j * D) + (i == j) * gp_noise_variance(g);
	}
	assert_int_equal(stack_means(r->stack, r->rows, n, said), ALGO_OK);
	assert_int_equal(stack_means(r->stack, point, 1, there), ALGO_OK);
	for (int m = 0; m < SOURCES; m++)
		believed |= (unsigned)ranks(surrogate_targets(s), said, m, n) << m;
	for (unsigned used = 0; used < 1 << SOURCES; used++) {
		if (used & ~believed)
			continue;
		double value = best_with(used, n, covariance, said, surrogate_targets(s), trial);

		if (value < lowest) {
			lowest = value;
			memcpy(w, trial, SOURCES * sizeof(*w));
		}
	}
	for (uint32_t i = 0; i < n; i++) {
		left[i] = surrogate_targets(s)[i];
		for (int m = 0; m < SOURCES; m++)
			left[i] -= fade * w[m] * said[i * SOURCES + m];
	}
	solve(n, covariance, one, ones);
	c = dot(n, ones, left) / (dot(n, ones, one) + 0.1);
	for (uint32_t i = 0; i < n; i++)
		left[i] -= c;
	solve(n, covariance, left, solved);
	*mean = c + dot(n, k, solved);
	for (int m = 0; m < SOURCES; m++) {
		w[m] *= fade;
		*mean += w[m] * there[m];
	}
	solve(n, covariance, k, solved);
	*variance = kernel(g, point, point) - dot(n, k, solved);
	free(covariance);
}

static void expect_near(const char *what, uint32_t n, double got, double want)
{
	if (!(fabs(got - want) <= 1e-6 * fmax(1, fabs(want))))
		fail_msg("%s after %u trials: %.12g, should be %.12g", what, n, got, want);
}

/* Of three columns: whole to four trials, gone at twelve. */
static double fade_at(uint32_t n)
{
	return fmin(fmax((12.0 - n) / 8, 0), 1);
}

static void posterior(void **state)
{
	struct rig r;

	(void)state;
	rig_init(&r);
	fit(&r);
	for (uint32_t n = 2; n < 12; n += 3) {
		struct surrogate *s = model_at(&r, r.stack, n);
		const struct trend *t = surrogate_trend(s);
		struct gp_work *work = gp_work_new(surrogate_model(s), 1);
		struct trend_work *trend_work = trend_work_new(t, 1);

		for (int i = 30; i < 33; i++) {
			double w[SOURCES], mean, variance, own_mean, own_variance, trend;

			reference(&r, s, n, r.rows + i * D, fade_at(n), w, &mean, &variance);
			for (int k = 0; k < SOURCES; k++)
				expect_near("weight", n, trend_weights(t)[k], w[k]);
			assert_int_equal(
				gp_forward(surrogate_model(s), work, r.rows + i * D, 1, &own_mean, &own_variance), ALGO_OK);
			assert_int_equal(trend_forward(t, trend_work, r.rows + i * D, 1, &trend), ALGO_OK);
			expect_near("mean", n, own_mean + trend, mean);
			expect_near("variance", n, own_variance, variance);
		}
		gp_work_free(work);
		trend_work_free(trend_work);
		surrogate_free(s);
	}
	rig_free(&r);
}

/* ---- the mean alone ---------------------------------------------------------------------------- */

static void mean_alone(void **state)
{
	struct rig r;
	double alone[SOURCES * N], mean[1], variance[1];

	(void)state;
	rig_init(&r);
	fit(&r);
	assert_int_equal(stack_models(r.stack), SOURCES);
	assert_int_equal(stack_means(r.stack, r.rows, N, alone), ALGO_OK);
	for (uint32_t k = 0; k < SOURCES; k++) {
		const double *weights;
		const struct gp *g = stack_model(r.stack, k, &weights);
		struct gp_work *work = gp_work_new(g, 1);

		for (uint32_t i = 0; i < N; i++) {
			assert_int_equal(gp_forward(g, work, r.rows + i * D, 1, mean, variance), ALGO_OK);
			expect_near("mean of a source", i, alone[i * SOURCES + k], *mean);
		}
		gp_work_free(work);
	}
	rig_free(&r);
}

/* With two pending trials, in eight samples of what they may bring. */
static void gradients(void **state)
{
	enum { PENDING = 2, SAMPLES = 8 };
	const double step = 1e-6;
	struct rig r;
	double z[PENDING * SAMPLES], f[PENDING * SAMPLES], best[SAMPLES];
	struct rng luck = rng_seeded(3);
	struct surrogate *s;
	struct gp *g;

	(void)state;
	rig_init(&r);
	fit(&r);
	s = model_at(&r, r.stack, 8);
	g = gp_copy(surrogate_model(s));
	for (int i = 0; i < PENDING * SAMPLES; i++)
		z[i] = rng_normal(&luck);
	for (int i = 0; i < SAMPLES; i++)
		best[i] = 0.5 + 0.1 * i;
	assert_int_equal(gp_fantasize(g, r.rows + 20 * D, PENDING, SAMPLES, z, f), ALGO_OK);
	for (int kind = 0; kind < 3; kind++) {
		struct acquisition *a =
			acquisition_improvement_on(surrogate_trend(s), g, (enum improvement)kind, best, 1.8);
		double at[B * D], value[B], gradient[B * D], up[B], down[B];

		assert_non_null(a);
		memcpy(at, r.rows + 40 * D, sizeof(at));
		assert_int_equal(a->forward(a, at, B, value), ALGO_OK);
		a->backward(a, gradient);
		for (int j = 0; j < D; j++) {
			for (int i = 0; i < B; i++)
				at[i * D + j] += j == CATEGORY ? 0 : step;
			a->forward(a, at, B, up);
			for (int i = 0; i < B; i++)
				at[i * D + j] -= j == CATEGORY ? 0 : 2 * step;
			a->forward(a, at, B, down);
			for (int i = 0; i < B; i++) {
				double want = (up[i] - down[i]) / (2 * step), got = gradient[i * D + j];

				at[i * D + j] += j == CATEGORY ? 0 : step;
				if (!(fabs(got - want) <= 1e-5 * fmax(1, fabs(want))))
					fail_msg("acquisition %d, point %d, column %d: %.12g, should be %.12g", kind, i, j, got, want);
			}
		}
		acquisition_free(a);
	}
	gp_free(g);
	surrogate_free(s);
	rig_free(&r);
}

/* ---- following --------------------------------------------------------------------------------- */

static void say(const struct rig *r, const struct surrogate *s, double *out)
{
	struct gp_work *work = gp_work_new(surrogate_model(s), B);
	const struct trend *t = surrogate_trend(s);
	struct trend_work *trend_work = t ? trend_work_new(t, B) : NULL;

	memset(out, 0, 3 * B * sizeof(*out));
	assert_int_equal(gp_forward(surrogate_model(s), work, r->rows + 50 * D, B, out, out + B), ALGO_OK);
	if (t)
		assert_int_equal(trend_forward(t, trend_work, r->rows + 50 * D, B, out + 2 * B), ALGO_OK);
	gp_work_free(work);
	trend_work_free(trend_work);
}

/* Bit for bit; and when the sources have faded it is as if there were none. */
static void grown_is_rebuilt(void **state)
{
	struct surrogate_options o;
	struct surrogate *grown;
	struct rig r;

	(void)state;
	rig_init(&r);
	fit(&r);
	o = options_with(r.stack);
	grown = surrogate_new(r.embed, &o);
	for (uint32_t n = 1; n <= N; n += 1 + n % 3) {
		struct surrogate *fresh = model_at(&r, r.stack, n), *without = model_at(&r, NULL, n);
		double a[3 * B], b[3 * B], c[3 * B];

		assert_int_equal(surrogate_update(grown, r.rows, r.own, n, NULL), ALGO_OK);
		say(&r, grown, a);
		say(&r, fresh, b);
		say(&r, without, c);
		if (memcmp(a, b, sizeof(a)) != 0)
			fail_msg("with %u observations the grown model says %.17g, the rebuilt one %.17g", n, a[0], b[0]);
		if ((memcmp(a, c, sizeof(a)) == 0) != (n < 2 || n >= 12))
			fail_msg("with %u observations: %.17g, without sources %.17g", n, a[0], c[0]);
		surrogate_free(fresh);
		surrogate_free(without);
	}
	surrogate_free(grown);
	rig_free(&r);
}

/* Another history than the one it had. */
static void starts_over(void **state)
{
	struct surrogate *s, *fresh;
	double a[3 * B], b[3 * B];
	struct rig r;

	(void)state;
	rig_init(&r);
	fit(&r);
	s = model_at(&r, r.stack, 9);
	r.rows[0] = 0.123;
	assert_int_equal(surrogate_update(s, r.rows, r.own, 7, NULL), ALGO_OK);
	fresh = model_at(&r, r.stack, 7);
	say(&r, s, a);
	say(&r, fresh, b);
	assert_memory_equal(a, b, sizeof(a));
	surrogate_free(fresh);
	surrogate_free(s);
	rig_free(&r);
}

/* ---- whom to believe --------------------------------------------------------------------------- */

/* Weights after eight trials, where the third source is another one than the first two. */
static void weights_with(struct rig *r, double (*value)(int i, const double *x), double *w)
{
	struct surrogate *s;

	rig_init(r);
	for (int i = 0; i < TRIALS; i++)
		r->values[2][i] = value(i, r->x[2][i]);
	fit(r);
	s = model_at(r, r->stack, 8);
	memcpy(w, trend_weights(surrogate_trend(s)), SOURCES * sizeof(*w));
	surrogate_free(s);
	rig_free(r);
}

static double related(int i, const double *x)
{
	(void)i;
	return task(0.05, x);
}

static double negated(int i, const double *x)
{
	(void)i;
	return -task(0.05, x);
}

/* Its optimum lies in the corner where the search has its worst. */
static double elsewhere(int i, const double *x)
{
	(void)i;
	return (x[0] - 1) * (x[0] - 1) + x[1] * x[1] - 0.1 * x[2];
}

static void misleading_sources(void **state)
{
	double w[SOURCES];
	struct rig r;

	(void)state;
	weights_with(&r, related, w);
	for (int k = 0; k < SOURCES; k++)
		if (!(w[k] > 0.05))
			fail_msg("related source %d weighs %g", k, w[k]);
	weights_with(&r, negated, w);
	if (!(w[2] == 0 && w[0] + w[1] > 0.2))
		fail_msg("a negated source weighs %g, the related ones %g and %g", w[2], w[0], w[1]);
	weights_with(&r, elsewhere, w);
	if (!(w[2] < 0.2 * (w[0] + w[1])))
		fail_msg("a source with its optimum far away weighs %g, the related ones %g and %g", w[2], w[0], w[1]);
}

/* ---- which results ----------------------------------------------------------------------------- */

/* Ten thousand results: a model of a hundred, the best among them. */
static void bounded(void **state)
{
	enum { MANY = 10000 };
	struct algo_trial *trials = calloc(MANY, sizeof(*trials));
	double(*x)[D] = calloc(MANY, sizeof(*x)), *values = calloc(MANY, sizeof(*values)), mean, best_row[D];
	struct rng luck = rng_seeded(8);
	const double *weights;
	uint32_t best = 0;
	struct rig r;

	(void)state;
	rig_init(&r);
	for (uint32_t i = 0; i < MANY; i++) {
		draw(&luck, x[i]);
		values[i] = task(0, x[i]);
		best = values[i] < values[best] ? i : best;
		trials[i] = (struct algo_trial){.number = i + 1, .status = ALGO_SUCCEEDED, .x = x[i], .values = &values[i]};
	}
	r.sources[0] = (struct algo_source){.trials = trials, .n_trials = MANY};
	r.p.n_sources = 1;
	fit(&r);
	assert_int_equal(stack_models(r.stack), 1);
	assert_int_equal(gp_rows(stack_model(r.stack, 0, &weights)), STACK_ROWS);
	embed_row(r.embed, x[best], best_row);
	assert_int_equal(stack_means(r.stack, best_row, 1, &mean), ALGO_OK);
	if (!(mean > 1))
		fail_msg("the best of all is expected to be only %g", mean);
	rig_free(&r);
	free(trials);
	free(x);
	free(values);
}

static void sources_without_a_model(void **state)
{
	static const struct {
		const char *what;
		uint32_t n_trials;
		enum algo_status status;
		double value;           /* 0: as it is                                                     */
		uint32_t models;
	} cases[] = {{"none", 0, ALGO_SUCCEEDED, 0, 2}, {"four", STACK_LEAST - 1, ALGO_SUCCEEDED, 0, 2},
		{"five", STACK_LEAST, ALGO_SUCCEEDED, 0, 3}, {"failed", TRIALS, ALGO_FAILED, 0, 2},
		{"stopped early", TRIALS, ALGO_STOPPED, 0, 2}, {"NaN", TRIALS, ALGO_SUCCEEDED, NAN, 2},
		{"infinite", TRIALS, ALGO_SUCCEEDED, INFINITY, 2}, {"equal", TRIALS, ALGO_SUCCEEDED, 7, 3},
		{"huge", TRIALS, ALGO_SUCCEEDED, 1e308, 3}};

	(void)state;
	for (size_t c = 0; c < sizeof(cases) / sizeof(*cases); c++) {
		struct surrogate *s;
		struct rig r;
		double said[3 * B];

		rig_init(&r);
		r.sources[1].n_trials = cases[c].n_trials;
		for (uint32_t i = 0; i < cases[c].n_trials; i++) {
			r.trials[1][i].status = cases[c].status;
			if (cases[c].value != 0)
				r.values[1][i] = cases[c].value;
		}
		fit(&r);
		if (stack_models(r.stack) != cases[c].models)
			fail_msg("%s: %u models", cases[c].what, stack_models(r.stack));
		s = model_at(&r, r.stack, 6);
		say(&r, s, said);
		for (int i = 0; i < 3 * B; i++)
			if (!isfinite(said[i]))
				fail_msg("%s: the model says %g", cases[c].what, said[i]);
		surrogate_free(s);
		r.p.n_sources = 2;
		r.sources[0] = r.sources[1];
		assert_int_equal(stack_possible(&r.p), cases[c].models == 3);
		rig_free(&r);
	}
}

/* A cancelled fit goes on where it was. */
static void cancelled(void **state)
{
	atomic_bool cancel = true;
	double a[SOURCES], b[SOURCES];
	struct rig r, again;

	(void)state;
	rig_init(&r);
	rig_init(&again);
	assert_int_equal(stack_fit(r.stack, &r.p, &cancel), ALGO_CANCELLED);
	cancel = false;
	assert_int_equal(stack_fit(r.stack, &r.p, &cancel), ALGO_OK);
	fit(&again);
	assert_int_equal(stack_means(r.stack, r.rows, 1, a), ALGO_OK);
	assert_int_equal(stack_means(again.stack, r.rows, 1, b), ALGO_OK);
	assert_memory_equal(a, b, sizeof(a));
	rig_free(&r);
	rig_free(&again);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(posterior),
		cmocka_unit_test(mean_alone),
		cmocka_unit_test(gradients),
		cmocka_unit_test(grown_is_rebuilt),
		cmocka_unit_test(starts_over),
		cmocka_unit_test(misleading_sources),
		cmocka_unit_test(bounded),
		cmocka_unit_test(sources_without_a_model),
		cmocka_unit_test(cancelled),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
