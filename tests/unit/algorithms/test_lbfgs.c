/* The box search: valleys, quadratics whose minimum lies in a corner, functions that refuse points. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "algorithms/lbfgs.h"
#include "algorithms/rng.h"

enum { MOST = 30 };

static const struct lbfgs_stop strict = {.iterations = 500, .evaluations = 1000, .gradient = 1e-8};

static double rosenbrock(void *ctx, const double *x, double *gradient)
{
	uint32_t n = *(const uint32_t *)ctx;
	double f = 0;

	memset(gradient, 0, n * sizeof(*gradient));
	for (uint32_t i = 0; i + 1 < n; i++) {
		double a = x[i + 1] - x[i] * x[i], b = 1 - x[i];

		f += 100 * a * a + b * b;
		gradient[i] += -400 * a * x[i] - 2 * b;
		gradient[i + 1] += 200 * a;
	}
	return f;
}

static void walks_the_valley(void **state)
{
	(void)state;
	for (uint32_t n = 2; n <= MOST; n += 7) {
		struct lbfgs *l = lbfgs_new(n);
		double x[MOST], low[MOST], high[MOST], f;

		assert_non_null(l);
		for (uint32_t j = 0; j < n; j++) {
			x[j] = j % 2 ? 1 : -1.2;
			low[j] = -5;
			high[j] = 5;
		}
		f = lbfgs_minimize(l, x, low, high, &strict, rosenbrock, &n, NULL);
		if (!(f < 1e-12) && fabs(f - 3.9866) > 0.01) /* the second minimum of n >= 4 */
			fail_msg("n %u: %g after %u evaluations", n, f, lbfgs_evaluations(l));
		assert_true(lbfgs_evaluations(l) < 60 + 30 * n);
		lbfgs_free(l);
	}
}

/* sum w_j (x_j - t_j)^2 with targets partly outside of the box: each variable ends at the nearest
 * point of its interval. */
struct quadratic {
	uint32_t n, calls;
	double weight[MOST], target[MOST];
};

static double quadratic(void *ctx, const double *x, double *gradient)
{
	struct quadratic *q = ctx;
	double f = 0;

	q->calls++;
	for (uint32_t j = 0; j < q->n; j++) {
		double apart = x[j] - q->target[j];

		f += q->weight[j] * apart * apart;
		gradient[j] = 2 * q->weight[j] * apart;
	}
	return f;
}

static void ends_on_the_box(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 20; seed++) {
		struct quadratic q = {.n = MOST};
		struct rng r = rng_seeded(seed);
		struct lbfgs *l = lbfgs_new(MOST);
		double x[MOST], low[MOST], high[MOST];

		for (uint32_t j = 0; j < MOST; j++) {
			q.weight[j] = exp(3 * rng_normal(&r));
			q.target[j] = 2 * rng_normal(&r);
			low[j] = -rng_uniform(&r);
			high[j] = j % 10 ? low[j] + 2 * rng_uniform(&r) : low[j]; /* every tenth is held */
			x[j] = 10 * rng_normal(&r);                               /* outside */
		}
		lbfgs_minimize(l, x, low, high, &strict, quadratic, &q, NULL);
		for (uint32_t j = 0; j < MOST; j++) {
			double best = fmin(fmax(q.target[j], low[j]), high[j]);

			if (fabs(x[j] - best) > 1e-6)
				fail_msg("seed %d: x[%u] = %.9g instead of %.9g", (int)seed, j, x[j], best);
		}
		assert_int_equal(q.calls, lbfgs_evaluations(l));
		assert_true(q.calls < 300);
		lbfgs_free(l);
	}
}

/* ln is refused below 0; the minimum of x - ln x is at 1. */
static double logarithm(void *ctx, const double *x, double *gradient)
{
	(void)ctx;
	gradient[0] = 1 - 1 / x[0];
	return x[0] > 0 ? x[0] - log(x[0]) : NAN;
}

static void steps_back_from_refusals(void **state)
{
	struct lbfgs *l = lbfgs_new(1);
	double x[] = {50}, low[] = {-1000}, high[] = {1000}, f;
	struct lbfgs_stop wide = strict;

	(void)state;
	wide.first_step = 500;
	f = lbfgs_minimize(l, x, low, high, &wide, logarithm, NULL, NULL);
	assert_true(fabs(x[0] - 1) < 1e-6 && fabs(f - 1) < 1e-9);
	x[0] = -1;
	f = lbfgs_minimize(l, x, low, high, &strict, logarithm, NULL, NULL);
	assert_true(isinf(f) && x[0] == -1);
	lbfgs_free(l);
}

static void keeps_its_limits(void **state)
{
	struct lbfgs *l = lbfgs_new(MOST);
	struct lbfgs_stop stop = strict;
	uint32_t n = MOST;
	double x[MOST], low[MOST], high[MOST];
	atomic_bool cancel = true;

	(void)state;
	for (uint32_t j = 0; j < n; j++) {
		x[j] = 0.3;
		low[j] = -5;
		high[j] = 5;
	}
	stop.evaluations = 7;
	lbfgs_minimize(l, x, low, high, &stop, rosenbrock, &n, NULL);
	assert_int_equal(lbfgs_evaluations(l), 7);
	stop.evaluations = strict.evaluations;
	stop.drop = 1e9; /* the first step gains less */
	lbfgs_minimize(l, x, low, high, &stop, rosenbrock, &n, NULL);
	assert_true(lbfgs_evaluations(l) < 7);
	stop.evaluations = 0;
	lbfgs_begin(l, x, low, high, &stop);
	assert_null(lbfgs_next(l));
	assert_true(isinf(lbfgs_minimize(l, x, low, high, &strict, rosenbrock, &n, &cancel)));
	assert_int_equal(lbfgs_evaluations(l), 0);
	lbfgs_free(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(walks_the_valley),
		cmocka_unit_test(ends_on_the_box),
		cmocka_unit_test(steps_back_from_refusals),
		cmocka_unit_test(keeps_its_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
