#include "trial-runner/simulated_functions.h"

#include <math.h>
#include <string.h>

static double sphere(const double *x, size_t n)
{
	double sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += x[i] * x[i];
	return sum;
}

static double rosenbrock(const double *x, size_t n)
{
	double sum = 0;

	for (size_t i = 0; i + 1 < n; i++)
		sum += 100 * pow(x[i + 1] - x[i] * x[i], 2) + pow(1 - x[i], 2);
	return sum;
}

static double rastrigin(const double *x, size_t n)
{
	double sum = 10 * (double)n;

	for (size_t i = 0; i < n; i++)
		sum += x[i] * x[i] - 10 * cos(2 * M_PI * x[i]);
	return sum;
}

static double ackley(const double *x, size_t n)
{
	double squares = 0, cosines = 0;

	for (size_t i = 0; i < n; i++) {
		squares += x[i] * x[i];
		cosines += cos(2 * M_PI * x[i]);
	}
	return 20 + M_E - 20 * exp(-0.2 * sqrt(squares / (double)n)) - exp(cosines / (double)n);
}

static double branin(const double *x, size_t n)
{
	double a = x[1] - 5.1 / (4 * M_PI * M_PI) * x[0] * x[0] + 5 / M_PI * x[0] - 6;

	(void)n;
	return a * a + 10 * (1 - 1 / (8 * M_PI)) * cos(x[0]) + 10;
}

static double hartmann6(const double *x, size_t n)
{
	static const double alpha[4] = {1.0, 1.2, 3.0, 3.2};
	static const double a[4][6] = {
		{10, 3, 17, 3.5, 1.7, 8}, {0.05, 10, 17, 0.1, 8, 14}, {3, 3.5, 1.7, 10, 17, 8}, {17, 8, 0.05, 10, 0.1, 14},
	};
	static const double p[4][6] = {
		{0.1312, 0.1696, 0.5569, 0.0124, 0.8283, 0.5886},
		{0.2329, 0.4135, 0.8307, 0.3736, 0.1004, 0.9991},
		{0.2348, 0.1451, 0.3522, 0.2883, 0.3047, 0.6650},
		{0.4047, 0.8828, 0.8732, 0.5743, 0.1091, 0.0381},
	};
	double sum = 0;

	for (size_t i = 0; i < 4; i++) {
		double inner = 0;

		for (size_t j = 0; j < n; j++)
			inner += a[i][j] * pow(x[j] - p[i][j], 2);
		sum -= alpha[i] * exp(-inner);
	}
	return sum;
}

const struct simulated_function simulated_functions[] = {
	{"sphere", 0, sphere, "any domain, 0 at 0"},
	{"rosenbrock", 0, rosenbrock, "-5..10, 0 at 1"},
	{"rastrigin", 0, rastrigin, "-5.12..5.12, 0 at 0, a local minimum near every integer"},
	{"ackley", 0, ackley, "-32..32, 0 at 0"},
	{"branin", 2, branin, "-5..10 and 0..15, 0.397887 at three points"},
	{"hartmann6", 6, hartmann6, "0..1, -3.32237"},
	{NULL, 0, NULL, NULL},
};

const struct simulated_function *simulated_function_find(const char *name)
{
	for (const struct simulated_function *f = simulated_functions; f->name; f++) {
		if (strcmp(f->name, name) == 0)
			return f;
	}
	return NULL;
}
