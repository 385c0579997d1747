/* Search spaces for the tests. */
#include "tests/unit/algorithms/spaces.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(a) ((uint32_t)(sizeof(a) / sizeof(*(a))))

static struct space_builder *builder_of(const struct space_param *params, uint32_t n)
{
	struct space_builder *b = space_builder_new();

	if (!b)
		abort();
	for (uint32_t j = 0; j < n; j++)
		space_add(b, &params[j]);
	return b;
}

static struct space *built(struct space_builder *b)
{
	struct space_problem problem;
	size_t n;
	struct space *s = space_build(b, &problem, 1, &n);

	if (!s) {
		fprintf(stderr, "parameter %u: %s\n", problem.param, space_fault_text(problem.fault));
		abort();
	}
	return s;
}

struct space *space_of(const struct space_param *params, uint32_t n)
{
	return built(builder_of(params, n));
}

struct space_problem space_refused(const struct space_param *params, uint32_t n)
{
	struct space_problem problem = {.fault = SPACE_OK};
	size_t n_problems;

	space_unref(space_build(builder_of(params, n), &problem, 1, &n_problems));
	return problem;
}

static const double some_values[] = {0.1, 0.001, 10, 1};

static struct space *make_doubles(void)
{
	static const struct space_param p[] = {
		{.kind = SPACE_DOUBLE, .min = -1, .max = 1},
		{.kind = SPACE_DOUBLE, .min = 1e6, .max = 1e6 + 1},
	};
	return space_of(p, COUNT(p));
}

static struct space *make_logs(void)
{
	static const struct space_param p[] = {
		{.kind = SPACE_DOUBLE, .distribution = SPACE_LOG_UNIFORM, .min = 1e-5, .max = 0.1},
		{.kind = SPACE_INT, .distribution = SPACE_LOG_UNIFORM, .min = 1, .max = 4096},
		{.kind = SPACE_DOUBLE, .distribution = SPACE_LOG_UNIFORM, .min = 1e-300, .max = 1e300},
	};
	return space_of(p, COUNT(p));
}

static struct space *make_normals(void)
{
	static const struct space_param p[] = {
		{.kind = SPACE_DOUBLE, .distribution = SPACE_NORMAL, .min = -3, .max = 5},
		{.kind = SPACE_DOUBLE, .distribution = SPACE_LOG_NORMAL, .min = 1e-3, .max = 10},
		{.kind = SPACE_INT, .distribution = SPACE_NORMAL, .min = 0, .max = 20, .mean = 18, .sd = 3},
	};
	return space_of(p, COUNT(p));
}

static struct space *make_ints(void)
{
	static const struct space_param p[] = {
		{.kind = SPACE_INT, .min = -3, .max = 3},
		{.kind = SPACE_INT, .min = 5, .max = 16, .step = 5},
	};
	return space_of(p, COUNT(p));
}

static struct space *make_steps(void)
{
	static const struct space_param p[] = {
		{.kind = SPACE_DOUBLE, .min = 0.1, .max = 0.7, .step = 0.2},
		{.kind = SPACE_DOUBLE, .min = 0.001, .max = 0.01, .step = 0.001},
		{.kind = SPACE_DOUBLE, .distribution = SPACE_LOG_UNIFORM, .min = 0.5, .max = 8, .step = 0.5},
	};
	return space_of(p, COUNT(p));
}

static struct space *make_lists(void)
{
	static const struct space_param p[] = {
		{.kind = SPACE_DISCRETE, .values = some_values, .n_values = 4},
		{.kind = SPACE_CATEGORICAL, .n_values = 3},
		{.kind = SPACE_CATEGORICAL, .n_values = 2},
	};
	return space_of(p, COUNT(p));
}

static struct space *make_mixed(void)
{
	static const struct space_param p[] = {
		{.kind = SPACE_DOUBLE, .distribution = SPACE_LOG_UNIFORM, .min = 1e-4, .max = 1},
		{.kind = SPACE_INT, .min = 1, .max = 6},
		{.kind = SPACE_CATEGORICAL, .n_values = 3},
		{.kind = SPACE_DISCRETE, .values = some_values, .n_values = 4},
		{.kind = SPACE_DOUBLE, .min = 0, .max = 1},
	};
	return space_of(p, COUNT(p));
}

/* momentum when optimizer = sgd; two layers of conditions on a kernel. */
static struct space *make_conditional(void)
{
	static const struct space_param p[] = {
		{.kind = SPACE_DOUBLE, .min = 0.5, .max = 0.99},
		{.kind = SPACE_CATEGORICAL, .n_values = 3},
		{.kind = SPACE_CATEGORICAL, .n_values = 2},
		{.kind = SPACE_INT, .min = 2, .max = 5},
		{.kind = SPACE_DOUBLE, .distribution = SPACE_LOG_UNIFORM, .min = 1e-6, .max = 1},
	};
	struct space_builder *b = builder_of(p, COUNT(p));

	space_when(b, 0, 1, (const double[]){0}, 1);
	space_when(b, 2, 1, (const double[]){1, 2}, 2);
	space_when(b, 3, 2, (const double[]){1}, 1);
	space_when(b, 4, 3, (const double[]){2, 5}, 2);
	space_when(b, 4, 1, (const double[]){2}, 1);
	return built(b);
}

/* 1 + 2 + 2 * 3 = 9 configurations of the first four, times 2. */
static struct space *make_conditional_finite(void)
{
	static const struct space_param p[] = {
		{.kind = SPACE_CATEGORICAL, .n_values = 3},
		{.kind = SPACE_CATEGORICAL, .n_values = 2},
		{.kind = SPACE_INT, .min = 1, .max = 2},
		{.kind = SPACE_DOUBLE, .min = 0, .max = 1, .step = 0.5},
		{.kind = SPACE_CATEGORICAL, .n_values = 2},
	};
	struct space_builder *b = builder_of(p, COUNT(p));

	space_when(b, 1, 0, (const double[]){1}, 1);
	space_when(b, 2, 0, (const double[]){2}, 1);
	space_when(b, 3, 0, (const double[]){2}, 1);
	return built(b);
}

static struct space *make_point(void)
{
	static const struct space_param p[] = {
		{.kind = SPACE_DOUBLE, .min = 3, .max = 3},
		{.kind = SPACE_INT, .min = 7, .max = 7},
		{.kind = SPACE_CATEGORICAL, .n_values = 1},
	};
	return space_of(p, COUNT(p));
}

static struct space *make_huge(void)
{
	struct space_param p[40];

	for (uint32_t j = 0; j < COUNT(p); j++)
		p[j] = (struct space_param){.kind = SPACE_INT, .min = 1, .max = 1000};
	return space_of(p, COUNT(p));
}

static struct space *make_pair(void)
{
	static const struct space_param p[] = {{.kind = SPACE_CATEGORICAL, .n_values = 2}};

	return space_of(p, COUNT(p));
}

const struct named_space named_spaces[] = {
	{"doubles", make_doubles},
	{"logs", make_logs},
	{"normals", make_normals},
	{"ints", make_ints},
	{"steps", make_steps},
	{"lists", make_lists},
	{"mixed", make_mixed},
	{"conditional", make_conditional},
	{"conditional, finite", make_conditional_finite},
	{"one point", make_point},
	{"two points", make_pair},
	{"huge", make_huge},
	{NULL, NULL},
};

struct space *space_named(const char *name)
{
	for (size_t i = 0; named_spaces[i].name; i++)
		if (strcmp(named_spaces[i].name, name) == 0)
			return named_spaces[i].make();
	abort();
}

/* ---- at random --------------------------------------------------------------------------------- */

static double pick(struct rng *r, const double *choices, uint64_t n)
{
	return choices[rng_below(r, n)];
}

static struct space_param random_double(struct rng *r, bool finite)
{
	static const double mins[] = {0, -1, 0.1, 1e-5, 100, -7.25, 1.0 / 3};
	static const double steps[] = {0.1, 0.25, 1, 0.3, 1.0 / 7, 0.001};
	struct space_param p = {.kind = SPACE_DOUBLE};

	p.distribution = (enum space_distribution)rng_below(r, 4);
	p.min = pick(r, mins, 7);
	if (p.distribution == SPACE_LOG_UNIFORM || p.distribution == SPACE_LOG_NORMAL)
		p.min = fabs(p.min) + 1e-4;
	p.step = finite || rng_below(r, 3) == 0 ? pick(r, steps, 6) : 0;
	p.max = p.min + (p.step > 0 ? p.step * (double)rng_below(r, 6) : 10 * rng_uniform(r));
	return p;
}

static struct space_param random_int(struct rng *r, bool finite)
{
	struct space_param p = {.kind = SPACE_INT};

	p.distribution = (enum space_distribution)rng_below(r, 4);
	p.min = (double)rng_below(r, 9) - 4;
	if (p.distribution == SPACE_LOG_UNIFORM || p.distribution == SPACE_LOG_NORMAL)
		p.min = fabs(p.min) + 1;
	p.max = p.min + (double)rng_below(r, finite ? 5 : 1000);
	p.step = (double)rng_below(r, 4);
	return p;
}

static struct space_param random_param(struct rng *r, bool finite)
{
	switch (rng_below(r, 4)) {
	case 0:
		return random_double(r, finite);
	case 1:
		return random_int(r, finite);
	case 2:
		return (struct space_param){
			.kind = SPACE_DISCRETE, .values = some_values, .n_values = 1 + (uint32_t)rng_below(r, 4)};
	default:
		return (struct space_param){.kind = SPACE_CATEGORICAL, .n_values = 1 + (uint32_t)rng_below(r, 4)};
	}
}

/* A condition of `child` on any parameter that comes before it in `order` and can be counted. */
static void random_condition(
	struct rng *r, struct space_builder *b, const struct space *plain, uint32_t child, uint32_t parent)
{
	uint64_t levels = space_levels(plain, parent);
	double values[8];
	uint32_t n = 0;

	if (levels == SPACE_INFINITE)
		return;
	for (uint64_t k = 0; k < levels && n < 8; k++)
		if (rng_below(r, 2))
			values[n++] = space_level_value(plain, parent, k);
	if (n > 0)
		space_when(b, child, parent, values, n);
}

struct space *random_space(struct rng *r, bool finite)
{
	struct space_param params[8];
	uint32_t order[8], n = 1 + (uint32_t)rng_below(r, 8);
	struct space *plain;
	struct space_builder *b;

	for (uint32_t j = 0; j < n; j++) {
		params[j] = random_param(r, finite);
		order[j] = j;
	}
	rng_shuffle(r, order, n);
	plain = space_of(params, n);
	b = builder_of(params, n);
	for (uint32_t i = 1; i < n; i++)
		for (uint64_t k = rng_below(r, 3); k > 0; k--)
			random_condition(r, b, plain, order[i], order[rng_below(r, i)]);
	space_unref(plain);
	return built(b);
}
