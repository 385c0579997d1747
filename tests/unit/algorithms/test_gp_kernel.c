/*
 * The loops of the Gaussian process in every version that this processor can run, against libm and
 * plain sums. Includes the source: the versions are private to it.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "algorithms/gp/kernel.c"
#include "algorithms/rng.h"

enum { D = 5, MOST = 41 };

static size_t versions(const struct loops *all[3])
{
	size_t n = 0;

	all[n++] = &loops_plain;
#ifdef __x86_64__
	if (has_avx2())
		all[n++] = &loops_avx2;
	if (has_avx512())
		all[n++] = &loops_avx512;
#endif
	return n;
}

static void near(double got, double expected, double tolerance, const char *what)
{
	if (!(fabs(got - expected) <= tolerance * fmax(1, fabs(expected))))
		fail_msg("%s: %.17g instead of %.17g", what, got, expected);
}

static void exp_within_two_ulp(void **state)
{
	static const double special[] = {0, -0.0, 1, -1, 708, -708, 1e-300, -1e-17, 0.34657359027997264,
		-0.34657359027997270, 0.3465735902799727, -354.2};
	const struct loops *all[3];
	struct rng r = rng_seeded(1);
	double x[MOST], y[MOST];

	(void)state;
	for (size_t v = 0, n = versions(all); v < n; v++) {
		for (size_t round = 0; round < 5000; round++) {
			size_t count = 1 + round % MOST;

			for (size_t i = 0; i < count; i++)
				x[i] = round == 0 ? special[i] : (2 * rng_uniform(&r) - 1) * (round % 2 ? 708 : 2);
			all[v]->exp(count, x, y);
			for (size_t i = 0; i < count; i++) {
				double expected = exp(x[i]), ulp = nextafter(expected, INFINITY) - expected;

				if (!(fabs(y[i] - expected) <= 2 * ulp))
					fail_msg("version %zu: exp(%.17g) = %.17g, %g ulp off", v, x[i], y[i],
						(y[i] - expected) / ulp);
			}
		}
		all[v]->exp(sizeof(special) / sizeof(*special), special, y);
		for (size_t i = 0; i < sizeof(special) / sizeof(*special); i++)
			near(y[i] / exp(special[i]), 1, 5e-16, "special");
		all[v]->exp(3, (const double[]){-INFINITY, -1e9, 1e9}, y);
		near(y[0], 0, 1e-300, "exp(-inf)");
		near(y[1], 0, 1e-300, "exp(-1e9)");
		near(y[2] / exp(708), 1, 1e-15, "exp(1e9)");
	}
}

struct rows {
	double columns[D * MOST], weight[D], point[D];
	double a[MOST], b[MOST], c[MOST];
};

static struct rows draw(void)
{
	struct rng r = rng_seeded(2);
	struct rows s;

	for (size_t j = 0; j < D; j++) {
		s.weight[j] = j % 2 ? 0.5 + (double)j : 0;
		s.point[j] = j % 2 ? 1 : rng_uniform(&r);
		for (size_t i = 0; i < MOST; i++)
			s.columns[j * MOST + i] = j % 2 ? (double)rng_below(&r, 3) : 3 * rng_uniform(&r);
	}
	for (size_t i = 0; i < MOST; i++) {
		s.a[i] = rng_normal(&r);
		s.b[i] = rng_normal(&r);
		s.c[i] = rng_normal(&r);
	}
	return s;
}

static double squared(const struct rows *s, size_t j, size_t i)
{
	double apart = s->point[j] - s->columns[j * MOST + i];

	return s->weight[j] > 0 ? s->weight[j] * (apart != 0) : apart * apart;
}

static void distances_and_kernel(void **state)
{
	const struct loops *all[3];
	struct rows s = draw();
	struct kernel_columns c = {s.columns, MOST, D, s.weight};

	(void)state;
	for (size_t v = 0, versions_n = versions(all); v < versions_n; v++) {
		for (size_t n = 0; n <= MOST; n++) {
			double r2[MOST + 1], k[MOST + 1], slope[MOST + 1];

			r2[n] = k[n] = slope[n] = -1;
			all[v]->distances(&c, n, s.point, r2);
			all[v]->matern(n, 2.5, r2, k, slope);
			for (size_t i = 0; i < n; i++) {
				double expected = 0, root;

				for (size_t j = 0; j < D; j++)
					expected += squared(&s, j, i);
				near(r2[i], expected, 1e-14, "distance");
				root = sqrt(5 * expected);
				near(k[i], 2.5 * (1 + root + root * root / 3) * exp(-root), 1e-15, "kernel");
				near(slope[i], 2.5 * 5 / 3 * (1 + root) * exp(-root), 1e-15, "slope");
			}
			/* Nothing behind the end, and in place gives the same. */
			assert_true(r2[n] == -1 && k[n] == -1 && slope[n] == -1);
			all[v]->matern(n, 2.5, r2, r2, slope);
			for (size_t i = 0; i < n; i++)
				near(r2[i], k[i], 0, "kernel in place");
		}
	}
}

static void linear_part(void **state)
{
	const struct loops *all[3];
	struct rows s = draw();
	struct kernel_columns c = {s.columns, MOST, D, s.weight};

	(void)state;
	for (size_t v = 0, versions_n = versions(all); v < versions_n; v++) {
		for (size_t n = 0; n <= MOST; n++) {
			double k[MOST + 1];

			memcpy(k, s.a, n * sizeof(*k));
			k[n] = -1;
			all[v]->add_linear(&c, n, 1.7, s.point, k);
			for (size_t i = 0; i < n; i++) {
				double sum = 0;

				for (size_t j = 0; j < D; j++) {
					double p = s.point[j], q = s.columns[j * MOST + i];

					sum += s.weight[j] > 0 ? p == q : 12 * (p - 0.5) * (q - 0.5);
				}
				near(k[i], s.a[i] + 1.7 / D * sum, 1e-14, "linear part");
			}
			assert_true(k[n] == -1); /* nothing behind the end */
		}
	}
}

static void check_scatter(const struct loops *loops, const struct rows *s, size_t n)
{
	struct kernel_columns c = {s->columns, MOST, D, s->weight};
	double out[D * MOST] = {0};

	loops->scatter(&c, n, s->a, s->point, out);
	for (size_t j = 0; j < D; j++) {
		double sum = 0;

		for (size_t i = 0; i < n; i++) {
			double t = s->weight[j] > 0 ? 0 : s->a[i] * (s->point[j] - s->columns[j * MOST + i]);

			near(out[j * MOST + i], -t, 1e-14, "scattered");
			sum += t;
		}
		near(out[j * MOST + n], sum, 1e-13, "gathered");
	}
}

static void sums(void **state)
{
	const struct loops *all[3];
	struct rows s = draw();
	struct kernel_columns c = {s.columns, MOST, D, s.weight};

	(void)state;
	for (size_t v = 0, versions_n = versions(all); v < versions_n; v++) {
		for (size_t n = 0; n <= MOST; n++) {
			double dot = 0, squares = 0, got, pull[D] = {0}, spread[D] = {0}, slope[MOST], q[MOST];

			for (size_t i = 0; i < n; i++) {
				dot += s.a[i] * s.b[i];
				squares += s.a[i] * s.a[i];
				slope[i] = s.c[i];
				q[i] = s.c[i] * (0.7 * s.a[i] - s.b[i]);
			}
			near(all[v]->dot_square(n, s.a, s.b, &got), dot, 1e-13, "dot");
			near(got, squares, 1e-13, "squares");
			all[v]->pull(&c, n, s.a, s.point, -2, pull);
			all[v]->spread(&c, n, 0.7, s.a, s.b, slope, s.point, spread);
			for (size_t j = 0; j < D; j++) {
				double want_pull = 0, want_spread = 0;

				for (size_t i = 0; i < n; i++) {
					want_pull -= 2 * s.a[i] * (s.point[j] - s.columns[j * MOST + i]);
					want_spread += q[i] * squared(&s, j, i);
				}
				near(pull[j], s.weight[j] > 0 ? 0 : want_pull, 1e-13, "pull");
				near(spread[j], want_spread, 1e-13, "spread");
			}
			if (n < MOST)
				check_scatter(all[v], &s, n);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(exp_within_two_ulp),
		cmocka_unit_test(distances_and_kernel),
		cmocka_unit_test(linear_part),
		cmocka_unit_test(sums),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
