/*
 * Standard test functions, all to be minimised, in the usual boxes (Surjanovic and Bingham's Virtual
 * Library of Simulation Experiments; Jamil and Yang 2013).
 *
 * Many of them have their optimum in the middle of the box, where a search may begin by chance or by
 * design. So every side of the box is trimmed, by an amount drawn from the instance: the optimum
 * named in the table stays inside, its place in the box does not.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "algorithms/rng.h"
#include "bench/search/functions.h"
#include "bench/search/problem.h"

#define COUNT(a) ((uint32_t)(sizeof(a) / sizeof(*(a))))

static const double pi = 3.14159265358979323846;

static double square(double v)
{
	return v * v;
}

static double branin(const double *x, uint32_t d)
{
	(void)d;
	return square(x[1] - 5.1 / (4 * pi * pi) * x[0] * x[0] + 5 / pi * x[0] - 6) +
		   10 * (1 - 1 / (8 * pi)) * cos(x[0]) + 10;
}

static double hartmann(const double *x, uint32_t d, const double *a, const double *p)
{
	static const double alpha[] = {1.0, 1.2, 3.0, 3.2};
	double sum = 0;

	for (uint32_t i = 0; i < 4; i++) {
		double inner = 0;

		for (uint32_t j = 0; j < d; j++)
			inner += a[i * d + j] * square(x[j] - p[i * d + j]);
		sum -= alpha[i] * exp(-inner);
	}
	return sum;
}

static double hartmann3(const double *x, uint32_t d)
{
	static const double a[] = {3, 10, 30, 0.1, 10, 35, 3, 10, 30, 0.1, 10, 35};
	static const double p[] = {0.3689, 0.1170, 0.2673, 0.4699, 0.4387, 0.7470, 0.1091, 0.8732, 0.5547, 0.0381,
		0.5743, 0.8828};

	return hartmann(x, d, a, p);
}

static double hartmann6(const double *x, uint32_t d)
{
	static const double a[] = {10, 3, 17, 3.5, 1.7, 8, 0.05, 10, 17, 0.1, 8, 14, 3, 3.5, 1.7, 10, 17, 8, 17, 8,
		0.05, 10, 0.1, 14};
	static const double p[] = {0.1312, 0.1696, 0.5569, 0.0124, 0.8283, 0.5886, 0.2329, 0.4135, 0.8307, 0.3736,
		0.1004, 0.9991, 0.2348, 0.1451, 0.3522, 0.2883, 0.3047, 0.6650, 0.4047, 0.8828, 0.8732, 0.5743, 0.1091,
		0.0381};

	return hartmann(x, d, a, p);
}

static double ackley(const double *x, uint32_t d)
{
	double squares = 0, cosines = 0;

	for (uint32_t j = 0; j < d; j++) {
		squares += x[j] * x[j];
		cosines += cos(2 * pi * x[j]);
	}
	return 20 - 20 * exp(-0.2 * sqrt(squares / d)) + exp(1) - exp(cosines / d);
}

static double rosenbrock(const double *x, uint32_t d)
{
	double sum = 0;

	for (uint32_t j = 0; j + 1 < d; j++)
		sum += 100 * square(x[j + 1] - x[j] * x[j]) + square(x[j] - 1);
	return sum;
}

static double levy(const double *x, uint32_t d)
{
	double first = 1 + (x[0] - 1) / 4, last = 1 + (x[d - 1] - 1) / 4;
	double sum = square(sin(pi * first)) + square(last - 1) * (1 + square(sin(2 * pi * last)));

	for (uint32_t j = 0; j + 1 < d; j++) {
		double w = 1 + (x[j] - 1) / 4;

		sum += square(w - 1) * (1 + 10 * square(sin(pi * w + 1)));
	}
	return sum;
}

static double griewank(const double *x, uint32_t d)
{
	double sum = 0, product = 1;

	for (uint32_t j = 0; j < d; j++) {
		sum += x[j] * x[j] / 4000;
		product *= cos(x[j] / sqrt(j + 1.0));
	}
	return sum - product + 1;
}

static double rastrigin(const double *x, uint32_t d)
{
	double sum = 10.0 * d;

	for (uint32_t j = 0; j < d; j++)
		sum += x[j] * x[j] - 10 * cos(2 * pi * x[j]);
	return sum;
}

static double michalewicz(const double *x, uint32_t d)
{
	double sum = 0;

	for (uint32_t j = 0; j < d; j++)
		sum -= sin(x[j]) * pow(sin((j + 1) * x[j] * x[j] / pi), 20);
	return sum;
}

static double six_hump_camel(const double *x, uint32_t d)
{
	double a = x[0] * x[0], b = x[1] * x[1];

	(void)d;
	return (4 - 2.1 * a + a * a / 3) * a + x[0] * x[1] + (4 * b - 4) * b;
}

static double shekel(const double *x, uint32_t d)
{
	static const double beta[] = {0.1, 0.2, 0.2, 0.4, 0.4, 0.6, 0.3, 0.7, 0.5, 0.5};
	static const double c[10][4] = {{4, 4, 4, 4}, {1, 1, 1, 1}, {8, 8, 8, 8}, {6, 6, 6, 6}, {3, 7, 3, 7},
		{2, 9, 2, 9}, {5, 3, 5, 3}, {8, 1, 8, 1}, {6, 2, 6, 2}, {7, 3.6, 7, 3.6}};
	double sum = 0;

	for (uint32_t i = 0; i < 10; i++) {
		double inner = beta[i];

		for (uint32_t j = 0; j < d; j++)
			inner += square(x[j] - c[i][j]);
		sum -= 1 / inner;
	}
	return sum;
}

static double styblinski_tang(const double *x, uint32_t d)
{
	double sum = 0;

	for (uint32_t j = 0; j < d; j++)
		sum += 0.5 * (square(x[j] * x[j]) - 16 * x[j] * x[j] + 5 * x[j]);
	return sum;
}

static double goldstein_price(const double *v, uint32_t d)
{
	double x = v[0], y = v[1];
	double a = 19 - 14 * x + 3 * x * x - 14 * y + 6 * x * y + 3 * y * y;
	double b = 18 - 32 * x + 12 * x * x + 48 * y - 36 * x * y + 27 * y * y;

	(void)d;
	return (1 + square(x + y + 1) * a) * (30 + square(2 * x - 3 * y) * b);
}

static double bohachevsky(const double *x, uint32_t d)
{
	(void)d;
	return x[0] * x[0] + 2 * x[1] * x[1] - 0.3 * cos(3 * pi * x[0]) - 0.4 * cos(4 * pi * x[1]) + 0.7;
}

static double powell(const double *x, uint32_t d)
{
	double sum = 0;

	for (uint32_t j = 0; j + 3 < d; j += 4)
		sum += square(x[j] + 10 * x[j + 1]) + 5 * square(x[j + 2] - x[j + 3]) +
			   square(square(x[j + 1] - 2 * x[j + 2])) + 10 * square(square(x[j] - x[j + 3]));
	return sum;
}

static double dixon_price(const double *x, uint32_t d)
{
	double sum = square(x[0] - 1);

	for (uint32_t j = 1; j < d; j++)
		sum += (j + 1) * square(2 * x[j] * x[j] - x[j - 1]);
	return sum;
}

static double zakharov(const double *x, uint32_t d)
{
	double squares = 0, weighted = 0;

	for (uint32_t j = 0; j < d; j++) {
		squares += x[j] * x[j];
		weighted += 0.5 * (j + 1) * x[j];
	}
	return squares + square(weighted) + square(square(weighted));
}

static double beale(const double *v, uint32_t d)
{
	double x = v[0], y = v[1];

	(void)d;
	return square(1.5 - x + x * y) + square(2.25 - x + x * y * y) + square(2.625 - x + x * y * y * y);
}

static double schwefel(const double *x, uint32_t d)
{
	double sum = 418.98288727243369 * d;

	for (uint32_t j = 0; j < d; j++)
		sum -= x[j] * sin(sqrt(fabs(x[j])));
	return sum;
}

static double colville(const double *x, uint32_t d)
{
	(void)d;
	return 100 * square(x[0] * x[0] - x[1]) + square(x[0] - 1) + square(x[2] - 1) +
		   90 * square(x[2] * x[2] - x[3]) + 10.1 * (square(x[1] - 1) + square(x[3] - 1)) +
		   19.8 * (x[1] - 1) * (x[3] - 1);
}

static double drop_wave(const double *x, uint32_t d)
{
	double r = x[0] * x[0] + x[1] * x[1];

	(void)d;
	return -(1 + cos(12 * sqrt(r))) / (0.5 * r + 2);
}

static double alpine(const double *x, uint32_t d)
{
	double sum = 0;

	for (uint32_t j = 0; j < d; j++)
		sum += fabs(x[j] * sin(x[j]) + 0.1 * x[j]);
	return sum;
}

static double eggholder(const double *x, uint32_t d)
{
	(void)d;
	return -(x[1] + 47) * sin(sqrt(fabs(x[1] + x[0] / 2 + 47))) -
		   x[0] * sin(sqrt(fabs(x[0] - (x[1] + 47))));
}

static double sum_of_powers(const double *x, uint32_t d)
{
	double sum = 0;

	for (uint32_t j = 0; j < d; j++)
		sum += pow(fabs(x[j]), j + 2);
	return sum;
}

static const struct function functions[] = {
	{"branin", 2, branin, {-5, 0}, {10, 15}, 0.39788735772973816, {3.14159265358979, 2.275}, false},
	{"hartmann-3", 3, hartmann3, {0, 0}, {1, 1}, -3.8627797873326628,
		{0.11458889, 0.55564889, 0.85254698}, false},
	{"hartmann-6", 6, hartmann6, {0, 0}, {1, 1}, -3.3223680114155152,
		{0.20169, 0.150011, 0.476874, 0.275332, 0.311652, 0.6573}, false},
	{"ackley-5", 5, ackley, {-32.768, -32.768}, {32.768, 32.768}, 0, {0}, true},
	{"ackley-10", 10, ackley, {-32.768, -32.768}, {32.768, 32.768}, 0, {0}, true},
	{"rosenbrock-4", 4, rosenbrock, {-5, -5}, {10, 10}, 0, {1}, true},
	{"rosenbrock-8", 8, rosenbrock, {-2.048, -2.048}, {2.048, 2.048}, 0, {1}, true},
	{"levy-4", 4, levy, {-10, -10}, {10, 10}, 0, {1}, true},
	{"levy-8", 8, levy, {-10, -10}, {10, 10}, 0, {1}, true},
	{"griewank-5", 5, griewank, {-600, -600}, {600, 600}, 0, {0}, true},
	{"rastrigin-4", 4, rastrigin, {-5.12, -5.12}, {5.12, 5.12}, 0, {0}, true},
	{"michalewicz-2", 2, michalewicz, {0, 0}, {3.14159265358979, 3.14159265358979}, -1.8013034100985532,
		{2.202906, 1.570796}, false},
	{"michalewicz-5", 5, michalewicz, {0, 0}, {3.14159265358979, 3.14159265358979}, -4.687658179088148,
		{2.202906, 1.570796, 1.284992, 1.923058, 1.720470}, false},
	{"six-hump-camel", 2, six_hump_camel, {-3, -2}, {3, 2}, -1.0316284534898774, {0.0898420, -0.7126564},
		false},
	{"shekel-4", 4, shekel, {0, 0}, {10, 10}, -10.536443153483535, {4.00074687, 3.99950948, 4.00074687, 3.99950948},
		false},
	{"styblinski-tang-5", 5, styblinski_tang, {-5, -5}, {5, 5}, -195.83082851885708, {-2.9035340}, true},
	{"goldstein-price", 2, goldstein_price, {-2, -2}, {2, 2}, 3, {0, -1}, false},
	{"bohachevsky", 2, bohachevsky, {-100, -100}, {100, 100}, 0, {0}, true},
	{"powell-8", 8, powell, {-4, -4}, {5, 5}, 0, {0}, true},
	{"dixon-price-5", 5, dixon_price, {-10, -10}, {10, 10}, 0,
		{1, 0.70710678118654757, 0.59460355750136051, 0.54525386633262884, 0.52213689121370688}, false},
	{"zakharov-6", 6, zakharov, {-5, -5}, {10, 10}, 0, {0}, true},
	{"beale", 2, beale, {-4.5, -4.5}, {4.5, 4.5}, 0, {3, 0.5}, false},
	{"schwefel-4", 4, schwefel, {-500, -500}, {500, 500}, 0, {420.968746}, true},
	{"colville", 4, colville, {-10, -10}, {10, 10}, 0, {1}, true},
	{"drop-wave", 2, drop_wave, {-5.12, -5.12}, {5.12, 5.12}, -1, {0}, true},
	{"alpine-6", 6, alpine, {-10, -10}, {10, 10}, 0, {0}, true},
	{"eggholder", 2, eggholder, {-512, -512}, {512, 512}, -959.64066272085097, {512, 404.2318052}, false},
	{"sum-of-powers-12", 12, sum_of_powers, {-1, -1}, {1, 1}, 0, {0}, true},
};

const struct function *function_find(const char *name)
{
	for (uint32_t i = 0; i < COUNT(functions); i++)
		if (strcmp(functions[i].name, name) == 0)
			return &functions[i];
	abort();
}

double function_optimum(const struct function *f, uint32_t j)
{
	return f->optimum[f->same ? 0 : j];
}

static double evaluate(const struct problem *p, const double *x, uint64_t draw)
{
	const struct function *f = &functions[p->number];

	(void)draw;
	return f->f(x, f->d);
}

/* Cuts up to 60 % between one bound and the optimum off, and up to 15 % on the other side. */
static void trim(struct rng *r, double optimum, double *min, double *max)
{
	bool low = rng_below(r, 2) == 0;
	double large = 0.6 * rng_uniform(r), small = 0.15 * rng_uniform(r);

	*min += (low ? large : small) * (optimum - *min);
	*max -= (low ? small : large) * (*max - optimum);
}

static const struct problem_param *params_of(
	struct problems *all, const struct function *f, struct rng *r)
{
	static const char *const names[FUNCTION_DIM_MAX] = {
		"x1", "x2", "x3", "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12"};
	struct problem_param *params = problems_own(all, f->d * sizeof(*params));

	for (uint32_t j = 0; params && j < f->d; j++) {
		params[j].name = names[j];
		params[j].space.kind = SPACE_DOUBLE;
		params[j].space.min = f->min[j > 0];
		params[j].space.max = f->max[j > 0];
		trim(r, function_optimum(f, j), &params[j].space.min, &params[j].space.max);
	}
	return params;
}

void problems_add_functions(struct problems *all)
{
	for (uint32_t i = 0; i < COUNT(functions); i++) {
		const struct function *f = &functions[i];
		struct rng rng = rng_stream(problems_instance(all), RNG_MODEL, i);
		double *optimum = problems_own(all, sizeof(f->optimum));
		struct problem p = {
			.best = f->best,
			.median = NAN,
			.params = params_of(all, f, &rng),
			.n_params = f->d,
			.evaluate = evaluate,
			.number = i,
			.optimum = optimum,
		};

		if (!p.params || !optimum)
			return;
		for (uint32_t j = 0; j < f->d; j++)
			optimum[j] = function_optimum(f, j);
		snprintf(p.name, sizeof(p.name), "functions/%s", f->name);
		problems_add(all, &p);
	}
}
