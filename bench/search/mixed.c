/*
 * Test functions over integers, lists and categories: func2C and func3C of CoCaBO (Ru et al. 2020), the
 * Ackley function with bits (Bliek et al. 2021), and standard functions some of whose coordinates are
 * whole numbers, values of a list or choices. The order of every choice, and the places of lists, are
 * drawn from the instance, so that the first value is not the best one.
 */
#include <math.h>
#include <stdio.h>

#include "algorithms/rng.h"
#include "bench/search/functions.h"
#include "bench/search/problem.h"

enum { BITS = 20, CONTINUOUS = 3, ORDER_MAX = 8, LIST = 8 };

/* What evaluate() needs: per parameter, what an index stands for. */
struct mixed {
	uint32_t order[PROBLEM_PARAMS_MAX][ORDER_MAX];
	double lists[PROBLEM_PARAMS_MAX][LIST];
	double optimum[PROBLEM_PARAMS_MAX];
	struct problem_param params[PROBLEM_PARAMS_MAX];
};

static uint32_t choice(const struct mixed *m, uint32_t j, const double *x)
{
	return m->order[j][(uint32_t)x[j]];
}

/* ---- CoCaBO: which functions are added is chosen ----------------------------------------------- */

static double part(uint32_t which, const double *x)
{
	static const char *const names[] = {"rosenbrock-4", "six-hump-camel", "beale"};
	static const double divisors[] = {300, 10, 50};
	const double v[] = {2 * x[0], 2 * x[1]};

	return -function_find(names[which])->f(v, 2) / divisors[which];
}

static double func2c(const struct problem *p, const double *x, uint64_t draw)
{
	const struct mixed *m = p->data;

	(void)draw;
	return part(choice(m, 0, x), x + 2) + part(choice(m, 1, x) > 1 ? 2 : choice(m, 1, x), x + 2);
}

static double func3c(const struct problem *p, const double *x, uint64_t draw)
{
	static const uint32_t third[] = {1, 0, 2, 2};
	static const double weights[] = {5, 2, 2, 3};
	const struct mixed *m = p->data;
	uint32_t second = choice(m, 1, x), last = choice(m, 2, x);

	(void)draw;
	return part(choice(m, 0, x), x + 3) + part(second > 1 ? 2 : second, x + 3) +
		   weights[last] * part(third[last], x + 3);
}

/* ---- standard functions ------------------------------------------------------------------------ */

static double ackley_bits(const struct problem *p, const double *x, uint64_t draw)
{
	const struct mixed *m = p->data;
	double v[BITS + CONTINUOUS];

	(void)draw;
	for (uint32_t j = 0; j < BITS; j++)
		v[j] = choice(m, j, x);
	for (uint32_t j = BITS; j < BITS + CONTINUOUS; j++)
		v[j] = x[j];
	return function_find("ackley-5")->f(v, BITS + CONTINUOUS);
}

static double natural(const struct problem *p, const double *x, uint64_t draw)
{
	static const char *const names[] = {"rosenbrock-8", "styblinski-tang-5"};

	(void)draw;
	return function_find(names[p->number])->f(x, p->n_params);
}

static double hartmann_lists(const struct problem *p, const double *x, uint64_t draw)
{
	const struct mixed *m = p->data;
	double v[6];

	(void)draw;
	for (uint32_t j = 0; j < 6; j++)
		v[j] = j < 4 ? m->lists[j][(uint32_t)x[j]] : x[j];
	return function_find("hartmann-6")->f(v, 6);
}

static double branin_choices(const struct problem *p, const double *x, uint64_t draw)
{
	const struct mixed *m = p->data;
	const struct function *f = function_find("branin");
	uint32_t a = choice(m, 2, x), b = choice(m, 3, x);
	const double v[] = {x[0] + 0.8 * a, x[1] - 0.5 * b};

	(void)draw;
	return (f->f(v, 2) - f->best) * (1 + 0.3 * b) + 1.5 * a + 0.7 * b + 0.4 * a * b;
}

static double log_ellipsoid(const struct problem *p, const double *x, uint64_t draw)
{
	const struct mixed *m = p->data;
	double sum = 0, previous = 0;

	(void)draw;
	for (uint32_t j = 0; j < p->n_params; j++) {
		double z = log10(x[j] / m->optimum[j]);

		sum += pow(10, j % 3) * (z + 0.5 * previous) * (z + 0.5 * previous);
		previous = z;
	}
	return sum;
}

/* ---- their spaces ------------------------------------------------------------------------------ */

static const char *const names[] = {"x1", "x2", "x3", "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12",
	"x13", "x14", "x15", "x16", "x17", "x18", "x19", "x20", "x21", "x22", "x23"};

static void number(struct mixed *m, uint32_t j, enum space_kind kind, double min, double max)
{
	m->params[j].name = names[j];
	m->params[j].space = (struct space_param){.kind = kind, .min = min, .max = max};
}

static void category(struct mixed *m, struct rng *r, uint32_t j, uint32_t n)
{
	m->params[j].name = names[j];
	m->params[j].space = (struct space_param){.kind = SPACE_CATEGORICAL, .n_values = n};
	for (uint32_t k = 0; k < n; k++)
		m->order[j][k] = k;
	rng_shuffle(r, m->order[j], n);
}

/* LIST values of [0, 1] in ascending order, `value` among them. */
static void list_with(struct mixed *m, struct rng *r, uint32_t j, double value)
{
	uint32_t below = (uint32_t)rng_below(r, LIST - 2) + 1, above = LIST - 1 - below;

	m->optimum[j] = below;
	for (uint32_t k = 0; k < LIST; k++)
		m->lists[j][k] = k < below ? value * k / below : value + (1 - value) * (k - below) / above;
	m->params[j].name = names[j];
	m->params[j].space = (struct space_param){
		.kind = SPACE_DISCRETE, .values = m->lists[j], .n_values = LIST};
}

/* The index that stands for this one. */
static double index_of(const struct mixed *m, uint32_t j, uint32_t meaning)
{
	uint32_t k = 0;

	while (m->order[j][k] != meaning)
		k++;
	return k;
}

static void space_func2c(struct mixed *m, struct rng *r, struct problem *p)
{
	category(m, r, 0, 3);
	category(m, r, 1, 5);
	number(m, 2, SPACE_DOUBLE, -1, 1);
	number(m, 3, SPACE_DOUBLE, -1, 1);
	for (uint32_t j = 0; j < 4; j++)
		m->optimum[j] = j < 2 ? index_of(m, j, 1) : function_optimum(function_find("six-hump-camel"), j - 2) / 2;
	p->n_params = 4;
	p->maximize = true;
	p->best = -0.2 * function_find("six-hump-camel")->best;
}

static void space_func3c(struct mixed *m, struct rng *r, struct problem *p)
{
	category(m, r, 0, 3);
	category(m, r, 1, 5);
	category(m, r, 2, 4);
	number(m, 3, SPACE_DOUBLE, -1, 1);
	number(m, 4, SPACE_DOUBLE, -1, 1);
	for (uint32_t j = 0; j < 5; j++)
		m->optimum[j] = j < 3 ? index_of(m, j, j < 2) : function_optimum(function_find("six-hump-camel"), j - 3) / 2;
	p->n_params = 5;
	p->maximize = true;
	p->best = -0.7 * function_find("six-hump-camel")->best;
}

static void space_ackley_bits(struct mixed *m, struct rng *r, struct problem *p)
{
	for (uint32_t j = 0; j < BITS; j++)
		category(m, r, j, 2);
	for (uint32_t j = 0; j < BITS; j++)
		m->optimum[j] = index_of(m, j, 0);
	for (uint32_t j = BITS; j < BITS + CONTINUOUS; j++)
		number(m, j, SPACE_DOUBLE, -1, 0.3 + 0.5 * rng_uniform(r));
	p->n_params = BITS + CONTINUOUS;
}

static void space_rosenbrock_ints(struct mixed *m, struct rng *r, struct problem *p)
{
	(void)r;
	for (uint32_t j = 0; j < 6; j++)
		number(m, j, j % 2 ? SPACE_INT : SPACE_DOUBLE, -5, 10);
	for (uint32_t j = 0; j < 6; j++)
		m->optimum[j] = 1;
	p->n_params = 6;
}

/* Among whole numbers the optimum is -3, where a coordinate is worth -39. */
static void space_styblinski_ints(struct mixed *m, struct rng *r, struct problem *p)
{
	(void)r;
	for (uint32_t j = 0; j < 8; j++)
		number(m, j, SPACE_INT, -5, 5);
	for (uint32_t j = 0; j < 8; j++)
		m->optimum[j] = -3;
	p->n_params = 8;
	p->number = 1;
	p->best = -39 * 8;
}

static void space_hartmann_lists(struct mixed *m, struct rng *r, struct problem *p)
{
	const struct function *f = function_find("hartmann-6");

	for (uint32_t j = 0; j < 4; j++)
		list_with(m, r, j, function_optimum(f, j));
	number(m, 4, SPACE_DOUBLE, 0, 1);
	number(m, 5, SPACE_DOUBLE, 0, 1);
	m->optimum[4] = function_optimum(f, 4);
	m->optimum[5] = function_optimum(f, 5);
	p->n_params = 6;
	p->best = f->best;
}

static void space_branin_choices(struct mixed *m, struct rng *r, struct problem *p)
{
	number(m, 0, SPACE_DOUBLE, -5, 10);
	number(m, 1, SPACE_DOUBLE, 0, 15);
	category(m, r, 2, 4);
	category(m, r, 3, 3);
	for (uint32_t j = 0; j < 4; j++)
		m->optimum[j] = j < 2 ? function_optimum(function_find("branin"), j) : index_of(m, j, 0);
	p->n_params = 4;
}

static void space_log_ellipsoid(struct mixed *m, struct rng *r, struct problem *p)
{
	p->n_params = 6;
	for (uint32_t j = 0; j < p->n_params; j++) {
		number(m, j, SPACE_DOUBLE, 1e-6, 1e2);
		m->params[j].space.distribution = SPACE_LOG_UNIFORM;
		m->optimum[j] = pow(10, -5 + 6 * rng_uniform(r));
	}
}

static const struct {
	const char *name;
	void (*space)(struct mixed *m, struct rng *r, struct problem *p);
	double (*evaluate)(const struct problem *p, const double *x, uint64_t draw);
} table[] = {
	{"func2c", space_func2c, func2c},
	{"func3c", space_func3c, func3c},
	{"ackley-bits", space_ackley_bits, ackley_bits},
	{"rosenbrock-ints", space_rosenbrock_ints, natural},
	{"styblinski-tang-ints", space_styblinski_ints, natural},
	{"hartmann-lists", space_hartmann_lists, hartmann_lists},
	{"branin-choices", space_branin_choices, branin_choices},
	{"log-ellipsoid", space_log_ellipsoid, log_ellipsoid},
};

void problems_add_mixed(struct problems *all)
{
	for (uint32_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		struct rng rng = rng_stream(problems_instance(all), RNG_ORDER, i);
		struct mixed *m = problems_own(all, sizeof(*m));
		struct problem p = {.median = NAN, .evaluate = table[i].evaluate, .data = m};

		if (!m)
			return;
		p.params = m->params;
		p.optimum = m->optimum;
		snprintf(p.name, sizeof(p.name), "mixed/%s", table[i].name);
		table[i].space(m, &rng, &p);
		problems_add(all, &p);
	}
}
