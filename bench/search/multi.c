/*
 * Standard functions with several objectives, all to be minimised: ZDT1 to 3 (Zitzler, Deb and Thiele 2000)
 * and DTLZ2 (Deb, Thiele, Laumanns and Zitzler 2002), whose fronts are known.
 *
 * As published, the front lies where all but the first parameters are 0, or in the middle: a corner or the
 * centre of the box, where a search may begin by chance or by design. Here they have to be at a place drawn
 * from the instance; its distance is scaled so that the farther end is as far as it was.
 *
 * The reference points are beyond everything that the functions take, so that every trial counts.
 */
#include <math.h>
#include <stdio.h>

#include "algorithms/rng.h"
#include "bench/search/problem.h"

#define PI 3.14159265358979323846

/* What is known of one of them. */
struct shape {
	const char *name;
	uint32_t n_params, n_places;        /* parameters; the first ones, which choose the place on the front */
	bool squares;                       /* of which the distance is made                       */
	struct problem_objectives objectives;
	void (*values)(const double *place, double distance, double *y);
};

struct multi {
	const struct shape *shape;
	double optimum[PROBLEM_PARAMS_MAX];
	struct problem_param params[PROBLEM_PARAMS_MAX];
};

static void zdt1(const double *place, double distance, double *y)
{
	double g = 1 + 9 * distance;

	y[0] = place[0];
	y[1] = g * (1 - sqrt(place[0] / g));
}

static void zdt2(const double *place, double distance, double *y)
{
	double g = 1 + 9 * distance;

	y[0] = place[0];
	y[1] = g * (1 - place[0] / g * place[0] / g);
}

static void zdt3(const double *place, double distance, double *y)
{
	double g = 1 + 9 * distance;

	y[0] = place[0];
	y[1] = g * (1 - sqrt(place[0] / g) - place[0] / g * sin(10 * PI * place[0]));
}

static void dtlz2_2(const double *place, double distance, double *y)
{
	y[0] = (1 + distance) * cos(place[0] * PI / 2);
	y[1] = (1 + distance) * sin(place[0] * PI / 2);
}

static void dtlz2_3(const double *place, double distance, double *y)
{
	y[0] = (1 + distance) * cos(place[0] * PI / 2) * cos(place[1] * PI / 2);
	y[1] = (1 + distance) * cos(place[0] * PI / 2) * sin(place[1] * PI / 2);
	y[2] = (1 + distance) * sin(place[0] * PI / 2);
}

/* ZDT: the mean of the distances; DTLZ2: the sum of their squares, at most 1/4 each. */
static double mean_of(const double *z, uint32_t n)
{
	double sum = 0;

	for (uint32_t j = 0; j < n; j++)
		sum += z[j];
	return sum / n;
}

static double quarter_squares(const double *z, uint32_t n)
{
	double sum = 0;

	for (uint32_t j = 0; j < n; j++)
		sum += z[j] * z[j] / 4;
	return sum;
}

static void evaluate_all(const struct problem *p, const double *x, double *y)
{
	const struct multi *m = p->data;
	uint32_t places = m->shape->n_places, n = p->n_params - places;
	double z[PROBLEM_PARAMS_MAX];

	for (uint32_t j = 0; j < n; j++) {
		double to = m->optimum[places + j];

		z[j] = fabs(x[places + j] - to) / fmax(to, 1 - to);
	}
	m->shape->values(x, m->shape->squares ? quarter_squares(z, n) : mean_of(z, n), y);
}

static double evaluate(const struct problem *p, const double *x, uint64_t draw)
{
	double y[PROBLEM_OBJECTIVES_MAX];

	(void)draw;
	evaluate_all(p, x, y);
	return y[0];
}

/* Volumes: the box less the integral below the front; of ZDT3, whose front has gaps, by quadrature. */
#define TWO(r0, r1, v) {.n = 2, .reference = {r0, r1}, .volume = v, .evaluate = evaluate_all}
#define THREE(r, v) {.n = 3, .reference = {r, r, r}, .volume = v, .evaluate = evaluate_all}

static const struct shape shapes[] = {
	{"zdt1-6", 6, 1, false, TWO(1.1, 11, 12.1 - 1.0 / 3), zdt1},
	{"zdt1-12", 12, 1, false, TWO(1.1, 11, 12.1 - 1.0 / 3), zdt1},
	{"zdt2-6", 6, 1, false, TWO(1.1, 11, 12.1 - 2.0 / 3), zdt2},
	{"zdt3-6", 6, 1, false, TWO(1.1, 11, 12.221762909), zdt3},
	{"dtlz2-6-2", 6, 1, true, TWO(2.5, 2.5, 6.25 - PI / 4), dtlz2_2},
	{"dtlz2-6-3", 6, 2, true, THREE(2.5, 15.625 - PI / 6), dtlz2_3},
};

static void add(struct problems *all, const struct shape *shape, struct rng *r)
{
	static const char *const names[] = {
		"x1", "x2", "x3", "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12"};
	struct multi *m = problems_own(all, sizeof(*m));
	struct problem p = {.median = NAN,
		.n_params = shape->n_params,
		.evaluate = evaluate,
		.several = &shape->objectives};

	if (!m)
		return;
	m->shape = shape;
	for (uint32_t j = 0; j < p.n_params; j++) {
		m->params[j] = (struct problem_param){.name = names[j], .space = {.kind = SPACE_DOUBLE, .max = 1}};
		m->optimum[j] = j < shape->n_places ? shape->squares : 0.1 + 0.8 * rng_uniform(r);
	}
	p.params = m->params;
	p.optimum = m->optimum;
	p.data = m;
	snprintf(p.name, sizeof(p.name), "multi/%s", shape->name);
	problems_add(all, &p);
}

void problems_add_multi(struct problems *all)
{
	for (uint32_t i = 0; i < sizeof(shapes) / sizeof(*shapes); i++) {
		struct rng r = rng_stream(problems_instance(all), RNG_MODEL, 1000 + i);

		add(all, &shapes[i], &r);
	}
}
