/* Expected hypervolume improvement in two dimensions. */
#include "algorithms/multi/ehvi.h"

#include <gsl/gsl_heapsort.h>
#include <math.h>
#include <stdlib.h>

#include "algorithms/assert.h"

static double density(double z)
{
	return exp(-0.5 * z * z) / sqrt(2 * M_PI);
}

static double cdf(double z)
{
	return 0.5 * erfc(-z * M_SQRT1_2);
}

/* A number with its derivatives by mean and standard deviation. */
struct dual {
	double v, by_mean, by_sd;
};

/* P(X < b). */
static struct dual chance(double b, double mean, double sd)
{
	double z = (b - mean) / sd, slope;

	if (isinf(b))
		return (struct dual){.v = b > 0};
	slope = density(z) / sd;
	return (struct dual){cdf(z), -slope, -slope * z};
}

/* E[(a - X) where X < b], b <= a: the expected gain below a of what falls below b. */
static struct dual gain(double a, double b, double mean, double sd)
{
	double z = (b - mean) / sd, phi, p;

	if (isinf(b))
		return (struct dual){0};
	phi = density(z);
	p = cdf(z);
	return (struct dual){sd * phi + (a - mean) * p, (b - a) / sd * phi - p, phi * (1 + z * (b - a) / sd)};
}

static int by_values(const void *a, const void *b)
{
	const double *x = a, *y = b;

	if (x[0] != y[0])
		return x[0] < y[0] ? -1 : 1;
	return (x[1] > y[1]) - (x[1] < y[1]);
}

/* Ascending in the first value, then those that also lie below all before them, then turned round. */
bool ehvi_front_init(struct ehvi_front *f, const double (*y)[2], uint32_t n, const double reference[2])
{
	double(*out)[2] = malloc(((size_t)n + 2) * sizeof(*out));
	double lowest = reference[1];
	uint32_t kept = 0, on_front = 0;

	*f = (struct ehvi_front){.y = out};
	if (!out)
		return false;
	for (uint32_t i = 0; i < n; i++) {
		if (!(y[i][0] < reference[0] && y[i][1] < reference[1]))
			continue;
		out[kept][0] = y[i][0];
		out[kept++][1] = y[i][1];
	}
	gsl_heapsort(out, kept, sizeof(*out), by_values);
	for (uint32_t i = 0; i < kept; i++) {
		if (out[i][1] >= lowest)
			continue;
		lowest = out[i][1];
		out[on_front][0] = out[i][0];
		out[on_front++][1] = lowest;
	}
	f->n = on_front;
	out[on_front][0] = reference[0];
	out[on_front][1] = -INFINITY;
	out[on_front + 1][0] = out[on_front + 1][1] = 0;
	for (uint32_t lo = 0, hi = on_front; lo < hi; lo++, hi--) {
		double first = out[lo][0], second = out[lo][1];

		out[lo][0] = out[hi][0];
		out[lo][1] = out[hi][1];
		out[hi][0] = first;
		out[hi][1] = second;
	}
	out[on_front + 1][0] = -INFINITY;
	out[on_front + 1][1] = reference[1];
	return true;
}

void ehvi_front_free(struct ehvi_front *f)
{
	free(f->y);
	*f = (struct ehvi_front){0};
}

/*
 * The strip between two neighbours of the front in the first value: how much of its width the point
 * is expected to win, to the left of it all of it, inside it a part.
 */
static struct dual strip_width(double right, double left, double mean, double sd)
{
	struct dual inside = gain(right, right, mean, sd), beyond, all;

	if (isinf(left))
		return inside;
	beyond = gain(right, left, mean, sd);
	all = chance(left, mean, sd);
	return (struct dual){(right - left) * all.v + inside.v - beyond.v,
		(right - left) * all.by_mean + inside.by_mean - beyond.by_mean,
		(right - left) * all.by_sd + inside.by_sd - beyond.by_sd};
}

double ehvi(
	const struct ehvi_front *f, const double mean[2], const double sd[2], double by_mean[2], double by_sd[2])
{
	double sum = 0, dm[2] = {0}, ds[2] = {0};

	ALGO_ASSERT(sd[0] > 0 && sd[1] > 0);
	for (uint32_t i = 1; i <= f->n + 1; i++) {
		struct dual width = strip_width(f->y[i - 1][0], f->y[i][0], mean[0], sd[0]);
		struct dual height = gain(f->y[i][1], f->y[i][1], mean[1], sd[1]);

		sum += width.v * height.v;
		dm[0] += width.by_mean * height.v;
		ds[0] += width.by_sd * height.v;
		dm[1] += width.v * height.by_mean;
		ds[1] += width.v * height.by_sd;
	}
	for (int k = 0; k < 2 && by_mean; k++)
		by_mean[k] = dm[k];
	for (int k = 0; k < 2 && by_sd; k++)
		by_sd[k] = ds[k];
	return fmax(sum, 0);
}
