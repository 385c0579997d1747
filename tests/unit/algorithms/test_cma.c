/* One run of CMA-ES against published constants and the counts of the reference implementation. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "algorithms/cmaes/cma.h"

enum { DIM_MAX = 10, LAMBDA_MAX = 64, RUNS = 15 };

static void close_to(double value, double expected, const char *what)
{
	if (!(fabs(value - expected) <= 1e-12 * fmax(1, fabs(expected))))
		fail_msg("%s is %.17g, not %.17g", what, value, expected);
}

/* The Python package cmaes 0.13, which implements the tutorial's table of defaults. */
static void constants_are_the_published_ones(void **state)
{
	static const double three[] = {0.585645106509765, 0.2928225532548825, 0.12153234023535245, 0,
		-0.4241269418431741, -0.7706638857059224, -1.0636566969842556};
	static const double ten[] = {0.45627264690340597, 0.2707530970017852, 0.1622311171586698,
		0.08523354710016448, 0.025509591835974777, -0.08532086250759853, -0.236476601148097,
		-0.36741365771166457, -0.4829083267842344, -0.5862218287788353};
	static const struct {
		uint32_t d, lambda;
		double mu_eff, c1, c_mu, c_c, c_sigma, d_sigma, chi;
		const double *weights;
	} rows[] = {
		{3, 7, 2.2548150822016044, 0.09640963257927214, 0.05124308701358615, 0.5588013228860189,
			0.4149090010980616, 1.4149090010980616, 1.5968775302586076, three},
		{10, 10, 3.1672992814107026, 0.015283824524751714, 0.02015428276120838, 0.29499038303562225,
			0.2844285879463675, 1.2844285879463675, 3.0847265651690123, ten},
	};

	(void)state;
	for (size_t k = 0; k < sizeof(rows) / sizeof(*rows); k++) {
		struct cma_rates r;

		assert_int_equal(cma_population(rows[k].d), rows[k].lambda);
		assert_true(cma_rates_init(&r, rows[k].d, rows[k].lambda, false));
		close_to(r.mu_eff, rows[k].mu_eff, "mu_eff");
		close_to(r.c1, rows[k].c1, "c1");
		close_to(r.c_mu, rows[k].c_mu, "c_mu");
		close_to(r.c_c, rows[k].c_c, "c_c");
		close_to(r.c_sigma, rows[k].c_sigma, "c_sigma");
		close_to(r.d_sigma, rows[k].d_sigma, "d_sigma");
		close_to(r.chi, rows[k].chi, "chi");
		for (uint32_t i = 0; i < r.lambda; i++)
			close_to(r.weights[i], rows[k].weights[i], "a weight");
		cma_rates_free(&r);
	}
}

/* ---- counts ------------------------------------------------------------------------------------ */

static double sphere(const double *x, uint32_t d)
{
	double sum = 0;

	for (uint32_t i = 0; i < d; i++)
		sum += x[i] * x[i];
	return sum;
}

static double ellipsoid(const double *x, uint32_t d)
{
	double sum = 0;

	for (uint32_t i = 0; i < d; i++)
		sum += pow(1e6, i / (d - 1.0)) * x[i] * x[i];
	return sum;
}

static double rosenbrock(const double *x, uint32_t d)
{
	double sum = 0;

	for (uint32_t i = 0; i + 1 < d; i++)
		sum += 100 * pow(x[i + 1] - x[i] * x[i], 2) + pow(1 - x[i], 2);
	return sum;
}

struct sample {
	double x[DIM_MAX], value;
};

static int by_value(const void *a, const void *b)
{
	double x = ((const struct sample *)a)->value, y = ((const struct sample *)b)->value;

	return (x > y) - (x < y);
}

/* One generation; the best value. */
static double generation(struct cma *c, struct rng *rng, double (*f)(const double *, uint32_t))
{
	struct sample samples[LAMBDA_MAX];
	struct cma_member members[LAMBDA_MAX];
	double z[DIM_MAX];

	for (uint32_t i = 0; i < c->rates.lambda; i++) {
		for (uint32_t j = 0; j < c->rates.d; j++)
			z[j] = rng_normal(rng);
		cma_place(c, z, samples[i].x);
		samples[i].value = f(samples[i].x, c->rates.d);
	}
	qsort(samples, c->rates.lambda, sizeof(*samples), by_value);
	for (uint32_t i = 0; i < c->rates.lambda; i++)
		members[i] = (struct cma_member){.x = samples[i].x};
	cma_tell(c, members);
	return samples[0].value;
}

/* Evaluations until the value is below 1e-8, or 60,000. */
static double count(
	double (*f)(const double *, uint32_t), uint32_t d, double start, uint64_t seed, bool adapt)
{
	double mean[DIM_MAX];
	struct rng rng = rng_seeded(seed);
	struct cma *c;
	double n = 0, best = HUGE_VAL;

	for (uint32_t j = 0; j < d; j++)
		mean[j] = start;
	c = cma_new(d, cma_population(d), mean, 1, adapt);
	assert_non_null(c);
	while (best >= 1e-8 && n < 60000) {
		best = generation(c, &rng, f);
		n += c->rates.lambda;
	}
	cma_free(c);
	return n;
}

static int by_size(const void *a, const void *b)
{
	return (*(const double *)a > *(const double *)b) - (*(const double *)a < *(const double *)b);
}

/* Medians of 21 runs of the Python package cmaes 0.13. */
static void takes_as_long_as_the_reference(void **state)
{
	static const struct {
		const char *name;
		double (*f)(const double *, uint32_t);
		uint32_t d;
		double start, reference;
		bool adapt;
	} rows[] = {
		{"sphere", sphere, 5, 3, 752, false},
		{"sphere", sphere, 10, 3, 1490, false},
		{"ellipsoid", ellipsoid, 5, 3, 1600, false},
		{"ellipsoid", ellipsoid, 10, 3, 4300, false},
		{"rosenbrock", rosenbrock, 5, 0, 1840, false},
		{"rosenbrock", rosenbrock, 10, 0, 5320, false},
		{"sphere with adapted rates", sphere, 5, 3, 1976, true},
	};

	(void)state;
	for (size_t k = 0; k < sizeof(rows) / sizeof(*rows); k++) {
		double n[RUNS];

		for (uint64_t seed = 0; seed < RUNS; seed++)
			n[seed] = count(rows[k].f, rows[k].d, rows[k].start, seed, rows[k].adapt);
		qsort(n, RUNS, sizeof(*n), by_size);
		print_message("%s in %u dimensions: %g evaluations, the reference %g\n", rows[k].name, rows[k].d,
			n[RUNS / 2], rows[k].reference);
		assert_true(n[RUNS / 2] < 1.12 * rows[k].reference && n[RUNS / 2] > 0.8 * rows[k].reference);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(constants_are_the_published_ones),
		cmocka_unit_test(takes_as_long_as_the_reference),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
