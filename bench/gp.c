/*
 * What the Gaussian process costs: milliseconds of processor time for one evaluation of a fit, a whole
 * fit, conditioning, an appended row and blocks of points, at several sizes, ten columns (two of
 * them categories).
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "algorithms/gp/model.h"
#include "algorithms/gp/model_impl.h"

enum { D = 10, MOST = 1000, BLOCK = 64, STARTS = 10, CANDIDATES = 512 };

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static struct gp_data draw(uint64_t seed, double *x, double *y)
{
	struct rng r = rng_seeded(seed);

	for (int i = 0; i < MOST; i++) {
		double *row = x + i * D;

		for (int j = 0; j < D; j++)
			row[j] = j < 2 ? (double)rng_below(&r, 4) : rng_uniform(&r);
		y[i] = sin(4 * row[2]) + row[3] * row[4] + (row[0] == 1) + 0.1 * rng_normal(&r);
	}
	return (struct gp_data){.x = x, .y = y};
}

static const bool category[D] = {true, true};

/* Milliseconds of one call, from as many as fill a fifth of a second. */
#define TIME(ms, call)                                                                             \
	do {                                                                                           \
		double begun_ = seconds(), now_;                                                           \
		int calls_ = 0;                                                                            \
		do {                                                                                       \
			call;                                                                                  \
			calls_++;                                                                              \
		} while ((now_ = seconds()) - begun_ < 0.2);                                               \
		ms = (now_ - begun_) / calls_ * 1e3;                                                       \
	} while (0)

static void check(enum algo_outcome outcome)
{
	if (outcome != ALGO_OK)
		exit(1);
}

static void append(const struct gp *g, const struct gp_data *data)
{
	struct gp *copy = gp_copy(g);

	check(gp_append(copy, data->x + (size_t)data->n * D - D, 0, 1));
	gp_free(copy);
}

static void block(const struct gp *g, struct gp_work *w, const double *points, uint32_t b, bool backward)
{
	static double mean[BLOCK], variance[BLOCK], gradient[BLOCK * D];

	check(gp_forward(g, w, points, b, mean, variance));
	if (backward)
		gp_backward(g, w, mean, variance, gradient);
}

static void measure(struct gp_data data, uint32_t n)
{
	struct gp_prior prior = gp_prior(GP_PRIOR_DEFAULT, D);
	struct gp *g = gp_new(D, category, &prior), *copy;
	struct gp_work *w = gp_work_new(g, BLOCK);
	double theta[D + 3], gradient[D + 3], evaluate, fit, condition, appended, forward, both, copied;

	data.n = n;
	gp_start_prior(g, theta);
	check(gp_condition(g, &data, theta));
	TIME(evaluate, gp_evaluate(g, theta, gradient));
	TIME(fit, check(gp_fit(g, &data, &(struct gp_fit){.max_rows = 300})));
	TIME(condition, check(gp_condition(g, &data, gp_theta(g))));
	TIME(appended, append(g, &data));
	TIME(copied, (copy = gp_copy(g), gp_free(copy)));
	TIME(forward, block(g, w, data.x, BLOCK, false));
	TIME(both, block(g, w, data.x, STARTS, true));
	printf("%6u %10.3f %10.2f %10.3f %10.3f %10.3f %14.3f\n", n, evaluate, fit, condition,
		appended - copied, forward * CANDIDATES / BLOCK, both * 25);
	gp_work_free(w);
	gp_free(g);
}

int main(void)
{
	static const uint32_t sizes[] = {20, 50, 100, 200, 300, 500, 1000};
	static double x[MOST * D], y[MOST];
	struct gp_data data = draw(1, x, y);

	printf("ms of one core, d = %d\n%6s %10s %10s %10s %10s %10s %14s\n", D, "n", "fit eval", "cold fit",
		"condition", "append", "512 points", "10 x 25 steps");
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++)
		measure(data, sizes[i]);
	return 0;
}
