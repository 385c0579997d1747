/*
 * The 24 noiseless functions of the Black-Box Optimization Benchmark in 2, 5, 10 and 20 dimensions,
 * ported from their definitions (Hansen, Finck, Ros, Auger: Real-Parameter Black-Box Optimization
 * Benchmarking 2009: Noiseless Functions Definitions, INRIA RR-6829). Names and equation symbols are
 * those of the report; coordinates count from 0 here. The box is [-5, 5]^d.
 *
 * Optimum, value of the optimum and rotations are drawn from (instance, function, dimension), by our
 * own generator: the values are not those of the COCO platform's instances.
 */
#include <math.h>
#include <stdio.h>

#include "algorithms/rng.h"
#include "bench/search/problem.h"

#define COUNT(a) ((uint32_t)(sizeof(a) / sizeof(*(a))))

enum { DIM_MAX = 20, PEAKS_MAX = 101, WEIERSTRASS_TERMS = 12, KATSUURA_TERMS = 32 };
static const double pi = 3.14159265358979323846;
static const double schwefel_optimum = 4.2096874633;
static const double lunacek_mu0 = 2.5;

struct bbob {
	uint32_t d, n_peaks;
	double x_opt[DIM_MAX], f_opt;
	double r[DIM_MAX][DIM_MAX], q[DIM_MAX][DIM_MAX];    /* rotations                           */
	double sign[DIM_MAX];                               /* -1 or 1                             */
	/* Gallagher's peaks: place, already rotated by r; diagonal of C_i; height w_i. */
	double (*peaks)[DIM_MAX], (*c)[DIM_MAX], *w;
};

/* ---- the report's building blocks -------------------------------------------------------------- */

static double square(double v)
{
	return v * v;
}

/* i / (D - 1) */
static double share(const struct bbob *b, uint32_t i)
{
	return (double)i / (b->d - 1);
}

static double t_osz(double x)
{
	double a = x != 0 ? log(fabs(x)) : 0, c1 = x > 0 ? 10 : 5.5, c2 = x > 0 ? 7.9 : 3.1;

	return x == 0 ? 0 : copysign(exp(a + 0.049 * (sin(c1 * a) + sin(c2 * a))), x);
}

static void t_osz_all(const struct bbob *b, double *z)
{
	for (uint32_t i = 0; i < b->d; i++)
		z[i] = t_osz(z[i]);
}

static void t_asy(const struct bbob *b, double beta, double *z)
{
	for (uint32_t i = 0; i < b->d; i++)
		if (z[i] > 0)
			z[i] = pow(z[i], 1 + beta * share(b, i) * sqrt(z[i]));
}

/* Lambda^alpha */
static void scale(const struct bbob *b, double alpha, double *z)
{
	for (uint32_t i = 0; i < b->d; i++)
		z[i] *= pow(alpha, 0.5 * share(b, i));
}

static void rotate(const struct bbob *b, const double m[DIM_MAX][DIM_MAX], double *z)
{
	double out[DIM_MAX];

	for (uint32_t i = 0; i < b->d; i++) {
		out[i] = 0;
		for (uint32_t j = 0; j < b->d; j++)
			out[i] += m[i][j] * z[j];
	}
	for (uint32_t i = 0; i < b->d; i++)
		z[i] = out[i];
}

static void shift(const struct bbob *b, const double *x, double *z)
{
	for (uint32_t i = 0; i < b->d; i++)
		z[i] = x[i] - b->x_opt[i];
}

static double f_pen(const struct bbob *b, const double *x)
{
	double sum = 0;

	for (uint32_t i = 0; i < b->d; i++)
		sum += square(fmax(0, fabs(x[i]) - 5));
	return sum;
}

static double sum_of_squares(const struct bbob *b, const double *z, uint32_t from)
{
	double sum = 0;

	for (uint32_t i = from; i < b->d; i++)
		sum += z[i] * z[i];
	return sum;
}

static double rastrigin_of(const struct bbob *b, const double *z)
{
	double sum = 10.0 * b->d;

	for (uint32_t i = 0; i < b->d; i++)
		sum += z[i] * z[i] - 10 * cos(2 * pi * z[i]);
	return sum;
}

static double ellipsoid_of(const struct bbob *b, double decades, const double *z)
{
	double sum = 0;

	for (uint32_t i = 0; i < b->d; i++)
		sum += pow(10, decades * share(b, i)) * z[i] * z[i];
	return sum;
}

/* ---- f1 .. f5: separable ----------------------------------------------------------------------- */

static double sphere(const struct bbob *b, const double *x)
{
	double z[DIM_MAX];

	shift(b, x, z);
	return sum_of_squares(b, z, 0);
}

static double ellipsoidal(const struct bbob *b, const double *x)
{
	double z[DIM_MAX];

	shift(b, x, z);
	t_osz_all(b, z);
	return ellipsoid_of(b, 6, z);
}

static double rastrigin(const struct bbob *b, const double *x)
{
	double z[DIM_MAX];

	shift(b, x, z);
	t_osz_all(b, z);
	t_asy(b, 0.2, z);
	scale(b, 10, z);
	return rastrigin_of(b, z);
}

static double bueche_rastrigin(const struct bbob *b, const double *x)
{
	double z[DIM_MAX];

	shift(b, x, z);
	t_osz_all(b, z);
	for (uint32_t i = 0; i < b->d; i++)
		z[i] *= pow(10, 0.5 * share(b, i)) * (i % 2 == 0 && z[i] > 0 ? 10 : 1);
	return rastrigin_of(b, z) + 100 * f_pen(b, x);
}

static double linear_slope(const struct bbob *b, const double *x)
{
	double sum = 0;

	for (uint32_t i = 0; i < b->d; i++) {
		double z = x[i] * b->x_opt[i] < 25 ? x[i] : b->x_opt[i];
		double s = copysign(pow(10, share(b, i)), b->x_opt[i]);

		sum += 5 * fabs(s) - s * z;
	}
	return sum;
}

/* ---- f6 .. f9: low or moderate conditioning ---------------------------------------------------- */

static double attractive_sector(const struct bbob *b, const double *x)
{
	double z[DIM_MAX], sum = 0;

	shift(b, x, z);
	rotate(b, b->r, z);
	scale(b, 10, z);
	rotate(b, b->q, z);
	for (uint32_t i = 0; i < b->d; i++)
		sum += square(z[i] * (z[i] * b->x_opt[i] > 0 ? 100 : 1));
	return pow(t_osz(sum), 0.9);
}

static double step_ellipsoidal(const struct bbob *b, const double *x)
{
	double z[DIM_MAX], first;

	shift(b, x, z);
	rotate(b, b->r, z);
	scale(b, 10, z);
	first = fabs(z[0]);
	for (uint32_t i = 0; i < b->d; i++)
		z[i] = fabs(z[i]) > 0.5 ? floor(0.5 + z[i]) : floor(0.5 + 10 * z[i]) / 10;
	rotate(b, b->q, z);
	return 0.1 * fmax(first / 1e4, ellipsoid_of(b, 2, z)) + f_pen(b, x);
}

static double rosenbrock_of(const struct bbob *b, const double *z)
{
	double sum = 0;

	for (uint32_t i = 0; i + 1 < b->d; i++)
		sum += 100 * square(z[i] * z[i] - z[i + 1]) + square(z[i] - 1);
	return sum;
}

static double rosenbrock_factor(const struct bbob *b)
{
	return fmax(1, sqrt(b->d) / 8);
}

static double rosenbrock(const struct bbob *b, const double *x)
{
	double z[DIM_MAX];

	shift(b, x, z);
	for (uint32_t i = 0; i < b->d; i++)
		z[i] = rosenbrock_factor(b) * z[i] + 1;
	return rosenbrock_of(b, z);
}

static void rotated_rosenbrock_space(const struct bbob *b, const double *x, double *z)
{
	for (uint32_t i = 0; i < b->d; i++)
		z[i] = rosenbrock_factor(b) * x[i];
	rotate(b, b->r, z);
	for (uint32_t i = 0; i < b->d; i++)
		z[i] += 0.5;
}

static double rosenbrock_rotated(const struct bbob *b, const double *x)
{
	double z[DIM_MAX];

	rotated_rosenbrock_space(b, x, z);
	return rosenbrock_of(b, z);
}

/* ---- f10 .. f14: high conditioning, unimodal --------------------------------------------------- */

static double ellipsoidal_rotated(const struct bbob *b, const double *x)
{
	double z[DIM_MAX];

	shift(b, x, z);
	rotate(b, b->r, z);
	t_osz_all(b, z);
	return ellipsoid_of(b, 6, z);
}

static double discus(const struct bbob *b, const double *x)
{
	double z[DIM_MAX];

	shift(b, x, z);
	rotate(b, b->r, z);
	t_osz_all(b, z);
	return 1e6 * z[0] * z[0] + sum_of_squares(b, z, 1);
}

static double bent_cigar(const struct bbob *b, const double *x)
{
	double z[DIM_MAX];

	shift(b, x, z);
	rotate(b, b->r, z);
	t_asy(b, 0.5, z);
	rotate(b, b->r, z);
	return z[0] * z[0] + 1e6 * sum_of_squares(b, z, 1);
}

static double sharp_ridge(const struct bbob *b, const double *x)
{
	double z[DIM_MAX];

	shift(b, x, z);
	rotate(b, b->r, z);
	scale(b, 10, z);
	rotate(b, b->q, z);
	return z[0] * z[0] + 100 * sqrt(sum_of_squares(b, z, 1));
}

static double different_powers(const struct bbob *b, const double *x)
{
	double z[DIM_MAX], sum = 0;

	shift(b, x, z);
	rotate(b, b->r, z);
	for (uint32_t i = 0; i < b->d; i++)
		sum += pow(fabs(z[i]), 2 + 4 * share(b, i));
	return sqrt(sum);
}

/* ---- f15 .. f19: multimodal with a global structure -------------------------------------------- */

static double rastrigin_rotated(const struct bbob *b, const double *x)
{
	double z[DIM_MAX];

	shift(b, x, z);
	rotate(b, b->r, z);
	t_osz_all(b, z);
	t_asy(b, 0.2, z);
	rotate(b, b->q, z);
	scale(b, 10, z);
	rotate(b, b->r, z);
	return rastrigin_of(b, z);
}

static double weierstrass(const struct bbob *b, const double *x)
{
	double z[DIM_MAX], sum = 0, f0 = 0;

	shift(b, x, z);
	rotate(b, b->r, z);
	t_osz_all(b, z);
	rotate(b, b->q, z);
	scale(b, 0.01, z);
	rotate(b, b->r, z);
	for (uint32_t k = 0; k < WEIERSTRASS_TERMS; k++) {
		double half = pow(0.5, k), three = pow(3, k);

		f0 += half * cos(pi * three);
		for (uint32_t i = 0; i < b->d; i++)
			sum += half * cos(2 * pi * three * (z[i] + 0.5));
	}
	sum = sum / b->d - f0;
	return 10 * sum * sum * sum + 10.0 / b->d * f_pen(b, x);
}

static double schaffers_f7_of(const struct bbob *b, double condition, const double *x)
{
	double z[DIM_MAX], sum = 0;

	shift(b, x, z);
	rotate(b, b->r, z);
	t_asy(b, 0.5, z);
	rotate(b, b->q, z);
	scale(b, condition, z);
	for (uint32_t i = 0; i + 1 < b->d; i++) {
		double s = hypot(z[i], z[i + 1]);

		sum += sqrt(s) * (1 + square(sin(50 * pow(s, 0.2))));
	}
	return square(sum / (b->d - 1)) + 10 * f_pen(b, x);
}

static double schaffers_f7(const struct bbob *b, const double *x)
{
	return schaffers_f7_of(b, 10, x);
}

static double schaffers_f7_ill(const struct bbob *b, const double *x)
{
	return schaffers_f7_of(b, 1000, x);
}

static double griewank_rosenbrock(const struct bbob *b, const double *x)
{
	double z[DIM_MAX], sum = 0;

	rotated_rosenbrock_space(b, x, z);
	for (uint32_t i = 0; i + 1 < b->d; i++) {
		double s = 100 * square(z[i] * z[i] - z[i + 1]) + square(z[i] - 1);

		sum += s / 4000 - cos(s);
	}
	return 10 * sum / (b->d - 1) + 10;
}

/* ---- f20 .. f24: multimodal with a weak global structure --------------------------------------- */

static double schwefel(const struct bbob *b, const double *x)
{
	double z[DIM_MAX], previous = 0, sum = 0;

	for (uint32_t i = 0; i < b->d; i++) {
		double x_hat = 2 * b->sign[i] * x[i];

		z[i] = x_hat + (i > 0 ? 0.25 * (previous - schwefel_optimum) : 0) - schwefel_optimum;
		previous = x_hat;
	}
	scale(b, 10, z);
	for (uint32_t i = 0; i < b->d; i++) {
		z[i] = 100 * (z[i] + schwefel_optimum);
		sum += z[i] * sin(sqrt(fabs(z[i])));
		z[i] /= 100;
	}
	return 4.189828872724339 - sum / (100.0 * b->d) + 100 * f_pen(b, z);
}

static double gallagher(const struct bbob *b, const double *x)
{
	double z[DIM_MAX], largest = 0;

	for (uint32_t i = 0; i < b->d; i++)
		z[i] = x[i];
	rotate(b, b->r, z);
	for (uint32_t k = 0; k < b->n_peaks; k++) {
		double sum = 0;

		for (uint32_t i = 0; i < b->d; i++)
			sum += b->c[k][i] * square(z[i] - b->peaks[k][i]);
		largest = fmax(largest, b->w[k] * exp(-sum / (2.0 * b->d)));
	}
	return square(t_osz(10 - largest)) + f_pen(b, x);
}

static double katsuura(const struct bbob *b, const double *x)
{
	double z[DIM_MAX], product = 1, d = b->d;

	shift(b, x, z);
	rotate(b, b->r, z);
	scale(b, 100, z);
	rotate(b, b->q, z);
	for (uint32_t i = 0; i < b->d; i++) {
		double sum = 0, power = 1;

		for (uint32_t j = 0; j < KATSUURA_TERMS; j++) {
			power *= 2;
			sum += fabs(power * z[i] - rint(power * z[i])) / power;
		}
		product *= pow(1 + (i + 1) * sum, 10 / pow(d, 1.2));
	}
	return 10 / (d * d) * (product - 1) + f_pen(b, x);
}

static double lunacek(const struct bbob *b, const double *x)
{
	double z[DIM_MAX], near = 0, far = 0, cosines = 0;
	double s = 1 - 1 / (2 * sqrt(b->d + 20.0) - 8.2);
	double mu1 = -sqrt((square(lunacek_mu0) - 1) / s);

	for (uint32_t i = 0; i < b->d; i++) {
		double x_hat = 2 * b->sign[i] * x[i];

		near += square(x_hat - lunacek_mu0);
		far += square(x_hat - mu1);
		z[i] = x_hat - lunacek_mu0;
	}
	rotate(b, b->r, z);
	scale(b, 100, z);
	rotate(b, b->q, z);
	for (uint32_t i = 0; i < b->d; i++)
		cosines += cos(2 * pi * z[i]);
	return fmin(near, b->d + s * far) + 10 * (b->d - cosines) + 1e4 * f_pen(b, x);
}

/* ---- instances --------------------------------------------------------------------------------- */

/* Where the optimum may be. */
enum place {
	ANYWHERE,                   /* uniform in [-4, 4]                                          */
	NOT_FAR,                    /* in [-3, 3]                                                  */
	ODD_POSITIVE,               /* in [-4, 4], coordinates 0, 2, ... positive                  */
	CORNER,                     /* -5 or 5                                                     */
	ROTATED_ONES,               /* where the rotated Rosenbrock valley ends                    */
	SCHWEFEL,
	LUNACEK,
	FIRST_PEAK,
};

static const struct {
	double (*f)(const struct bbob *b, const double *x);
	enum place place;
	uint32_t n_peaks;
} functions[] = {
	{sphere, ANYWHERE, 0},
	{ellipsoidal, ANYWHERE, 0},
	{rastrigin, ANYWHERE, 0},
	{bueche_rastrigin, ODD_POSITIVE, 0},
	{linear_slope, CORNER, 0},
	{attractive_sector, ANYWHERE, 0},
	{step_ellipsoidal, ANYWHERE, 0},
	{rosenbrock, NOT_FAR, 0},
	{rosenbrock_rotated, ROTATED_ONES, 0},
	{ellipsoidal_rotated, ANYWHERE, 0},
	{discus, ANYWHERE, 0},
	{bent_cigar, ANYWHERE, 0},
	{sharp_ridge, ANYWHERE, 0},
	{different_powers, ANYWHERE, 0},
	{rastrigin_rotated, ANYWHERE, 0},
	{weierstrass, ANYWHERE, 0},
	{schaffers_f7, ANYWHERE, 0},
	{schaffers_f7_ill, ANYWHERE, 0},
	{griewank_rosenbrock, ROTATED_ONES, 0},
	{schwefel, SCHWEFEL, 0},
	{gallagher, FIRST_PEAK, 101},
	{gallagher, FIRST_PEAK, 21},
	{katsuura, ANYWHERE, 0},
	{lunacek, LUNACEK, 0},
};

static double between(struct rng *r, double min, double max)
{
	return min + (max - min) * rng_uniform(r);
}

/* Gram and Schmidt on normal vectors: uniform among the rotations. */
static void draw_rotation(struct rng *r, uint32_t d, double m[DIM_MAX][DIM_MAX])
{
	for (uint32_t i = 0; i < d; i++) {
		double norm = 0;

		for (uint32_t j = 0; j < d; j++)
			m[i][j] = rng_normal(r);
		for (uint32_t k = 0; k < i; k++) {
			double dot = 0;

			for (uint32_t j = 0; j < d; j++)
				dot += m[i][j] * m[k][j];
			for (uint32_t j = 0; j < d; j++)
				m[i][j] -= dot * m[k][j];
		}
		for (uint32_t j = 0; j < d; j++)
			norm += m[i][j] * m[i][j];
		for (uint32_t j = 0; j < d; j++)
			m[i][j] /= sqrt(norm);
	}
}

static void draw_optimum(struct rng *r, enum place place, struct bbob *b)
{
	for (uint32_t i = 0; i < b->d; i++) {
		b->sign[i] = rng_below(r, 2) ? 1 : -1;
		b->x_opt[i] = between(r, -4, 4);
		switch (place) {
		case ANYWHERE:
		case FIRST_PEAK:
			break;
		case NOT_FAR:
			b->x_opt[i] *= 0.75;
			break;
		case ODD_POSITIVE:
			b->x_opt[i] = i % 2 == 0 ? fabs(b->x_opt[i]) : b->x_opt[i];
			break;
		case CORNER:
			b->x_opt[i] = 5 * b->sign[i];
			break;
		case ROTATED_ONES: /* R x = 1/2 / factor everywhere */
			b->x_opt[i] = 0;
			for (uint32_t j = 0; j < b->d; j++)
				b->x_opt[i] += b->r[j][i] * 0.5 / rosenbrock_factor(b);
			break;
		case SCHWEFEL:
			b->x_opt[i] = schwefel_optimum / 2 * b->sign[i];
			break;
		case LUNACEK:
			b->x_opt[i] = lunacek_mu0 / 2 * b->sign[i];
			break;
		}
	}
}

static void draw_peak(struct rng *r, struct bbob *b, uint32_t k, double alpha)
{
	uint32_t order[DIM_MAX];

	for (uint32_t i = 0; i < b->d; i++) {
		order[i] = i;
		b->peaks[k][i] = k == 0 ? b->x_opt[i] : between(r, -4.9, 4.9);
	}
	rng_shuffle(r, order, b->d);
	for (uint32_t i = 0; i < b->d; i++)
		b->c[k][i] = pow(alpha, 0.5 * share(b, order[i])) / pow(alpha, 0.25);
	b->w[k] = k == 0 ? 10 : 1.1 + 8 * (k - 1.0) / (b->n_peaks - 2);
	rotate(b, b->r, b->peaks[k]);
}

static bool draw_peaks(struct problems *all, struct rng *r, struct bbob *b)
{
	uint32_t order[PEAKS_MAX], rest = b->n_peaks - 1;

	b->peaks = problems_own(all, b->n_peaks * sizeof(*b->peaks));
	b->c = problems_own(all, b->n_peaks * sizeof(*b->c));
	b->w = problems_own(all, b->n_peaks * sizeof(*b->w));
	if (!b->peaks || !b->c || !b->w)
		return false;
	for (uint32_t k = 0; k < rest; k++)
		order[k] = k;
	rng_shuffle(r, order, rest);
	draw_peak(r, b, 0, b->n_peaks == PEAKS_MAX ? 1e3 : 1e6);
	for (uint32_t k = 0; k < rest; k++)
		draw_peak(r, b, k + 1, pow(1000, 2.0 * order[k] / (rest - 1)));
	return true;
}

static struct bbob *draw_instance(struct problems *all, uint32_t number, uint32_t d)
{
	struct rng rng = rng_stream(rng_mix(problems_instance(all), d), RNG_MODEL, number);
	struct bbob *b = problems_own(all, sizeof(*b));

	if (!b)
		return NULL;
	b->d = d;
	b->n_peaks = functions[number].n_peaks;
	b->f_opt = rint(between(&rng, -1e5, 1e5)) / 100;
	draw_rotation(&rng, d, b->r);
	draw_rotation(&rng, d, b->q);
	draw_optimum(&rng, functions[number].place, b);
	return b->n_peaks == 0 || draw_peaks(all, &rng, b) ? b : NULL;
}

static double evaluate(const struct problem *p, const double *x, uint64_t draw)
{
	const struct bbob *b = p->data;

	(void)draw;
	return functions[p->number].f(b, x) + b->f_opt;
}

static void add(struct problems *all, uint32_t number, uint32_t d, const struct problem_param *params)
{
	const struct bbob *b = draw_instance(all, number, d);
	struct problem p = {
		.median = NAN, .params = params, .n_params = d, .evaluate = evaluate, .data = b, .number = number};

	if (!b)
		return;
	p.best = b->f_opt;
	p.optimum = b->x_opt;
	snprintf(p.name, sizeof(p.name), "bbob/f%02u-d%02u", number + 1, d);
	problems_add(all, &p);
}

void problems_add_bbob(struct problems *all)
{
	static const char *const names[DIM_MAX] = {"x1", "x2", "x3", "x4", "x5", "x6", "x7", "x8", "x9", "x10",
		"x11", "x12", "x13", "x14", "x15", "x16", "x17", "x18", "x19", "x20"};
	static const uint32_t dimensions[] = {2, 5, 10, 20};
	struct problem_param *params = problems_own(all, DIM_MAX * sizeof(*params));

	for (uint32_t j = 0; params && j < DIM_MAX; j++) {
		params[j].name = names[j];
		params[j].space = (struct space_param){.kind = SPACE_DOUBLE, .min = -5, .max = 5};
	}
	for (uint32_t i = 0; params && i < COUNT(functions); i++)
		for (uint32_t k = 0; k < COUNT(dimensions); k++)
			add(all, i, dimensions[k], params);
}
