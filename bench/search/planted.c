/*
 * Mixed and conditional spaces as real tuning has them, over an invented loss whose best place is known:
 * a support vector machine, a network, a choice of a whole pipeline, ten mixed parameters.
 *
 * Every active parameter adds a bowl around its planted optimum; neighbours in the table are correlated,
 * so that no axis can be searched alone; a category adds a penalty per value. The first parameter, if it
 * is a category, is the root: every root value has optima of its own and a handicap, so that a bad
 * branch can look good for a while. The sum s becomes 1 - exp(-s): flat far away, as accuracies near
 * chance are. Optima, penalties and correlations are drawn from the instance.
 *
 * The set family has four related tasks of each, for learning from earlier experiments.
 */
#include <math.h>
#include <stdio.h>

#include "algorithms/rng.h"
#include "bench/search/problem.h"

enum { KNOBS_MAX = 16, VALUES_MAX = 10, ROOTS_MAX = 8, FAMILY = 4 };
static const double relation_sd = 0.06; /* between the optima of related tasks, on the unit scale     */

struct knob {
	const char *name;
	enum space_kind kind;
	bool log;
	double min, max;
	double values[VALUES_MAX];  /* discrete                                                    */
	const char *labels[VALUES_MAX + 1];
	uint32_t parent, when;
	double weight;
};

struct planted {
	const struct knob *knobs;
	uint32_t n;
	struct problem_param params[KNOBS_MAX];
	double optimum[ROOTS_MAX][KNOBS_MAX];       /* on the unit scale of the parameter          */
	double penalty[KNOBS_MAX][VALUES_MAX];
	double correlation[KNOBS_MAX];              /* with the next active number                 */
	double best[KNOBS_MAX];                     /* the best configuration                      */
};

#define BIT(k) (1u << (k))

static const struct knob mixed_10[] = {
	{.name = "learning_rate", .kind = SPACE_DOUBLE, .log = true, .min = 1e-5, .max = 1, .weight = 6},
	{.name = "weight_decay", .kind = SPACE_DOUBLE, .log = true, .min = 1e-8, .max = 0.1, .weight = 1},
	{.name = "momentum", .kind = SPACE_DOUBLE, .min = 0, .max = 0.99, .weight = 2},
	{.name = "dropout", .kind = SPACE_DOUBLE, .min = 0, .max = 0.8, .weight = 1},
	{.name = "layers", .kind = SPACE_INT, .min = 1, .max = 8, .weight = 2},
	{.name = "width", .kind = SPACE_INT, .log = true, .min = 8, .max = 1024, .weight = 1.5},
	{.name = "warmup", .kind = SPACE_INT, .min = 0, .max = 20, .weight = 0.4},
	{.name = "activation", .kind = SPACE_CATEGORICAL, .labels = {"relu", "gelu", "tanh"}, .weight = 0.6},
	{.name = "schedule", .kind = SPACE_CATEGORICAL, .labels = {"none", "cosine", "linear", "step"}, .weight = 0.4},
	{.name = "batch", .kind = SPACE_DISCRETE, .values = {16, 32, 64, 128, 256, 512}, .weight = 1},
};

static const struct knob svm[] = {
	{.name = "kernel", .kind = SPACE_CATEGORICAL, .labels = {"linear", "rbf", "poly", "sigmoid"}, .weight = 0.5},
	{.name = "C", .kind = SPACE_DOUBLE, .log = true, .min = 1e-3, .max = 1e3, .weight = 5},
	{.name = "gamma", .kind = SPACE_DOUBLE, .log = true, .min = 1e-5, .max = 10, .when = 0xe, .weight = 8},
	{.name = "degree", .kind = SPACE_INT, .min = 2, .max = 5, .when = BIT(2), .weight = 0.8},
	{.name = "coef0", .kind = SPACE_DOUBLE, .min = 0, .max = 1, .when = 0xc, .weight = 1},
	{.name = "scaling", .kind = SPACE_CATEGORICAL, .labels = {"none", "standard", "minmax"}, .weight = 0.4},
};

static const struct knob network[] = {
	{.name = "optimizer", .kind = SPACE_CATEGORICAL, .labels = {"sgd", "adam", "rmsprop"}, .weight = 0.3},
	{.name = "learning_rate", .kind = SPACE_DOUBLE, .log = true, .min = 1e-5, .max = 1, .weight = 8},
	{.name = "momentum", .kind = SPACE_DOUBLE, .min = 0, .max = 0.99, .when = BIT(0), .weight = 2},
	{.name = "beta2", .kind = SPACE_DOUBLE, .min = 0.9, .max = 0.9999, .when = BIT(1), .weight = 0.6},
	{.name = "weight_decay", .kind = SPACE_DOUBLE, .log = true, .min = 1e-7, .max = 0.1, .weight = 1},
	{.name = "depth", .kind = SPACE_CATEGORICAL, .labels = {"1", "2", "3"}, .weight = 0.4},
	{.name = "width1", .kind = SPACE_INT, .log = true, .min = 8, .max = 512, .weight = 2},
	{.name = "width2", .kind = SPACE_INT, .log = true, .min = 8, .max = 512, .parent = 5, .when = 6, .weight = 1.5},
	{.name = "width3", .kind = SPACE_INT, .log = true, .min = 8, .max = 512, .parent = 5, .when = 4, .weight = 1},
	{.name = "dropout", .kind = SPACE_DOUBLE, .min = 0, .max = 0.8, .parent = 5, .when = 6, .weight = 1},
	{.name = "batch", .kind = SPACE_DISCRETE, .values = {16, 32, 64, 128, 256}, .weight = 0.8},
};

static const struct knob pipeline[] = {
	{.name = "model", .kind = SPACE_CATEGORICAL, .labels = {"svm", "forest", "boosting", "neighbours"}, .weight = 0.5},
	{.name = "svm_C", .kind = SPACE_DOUBLE, .log = true, .min = 1e-3, .max = 1e3, .when = BIT(0), .weight = 4},
	{.name = "svm_gamma", .kind = SPACE_DOUBLE, .log = true, .min = 1e-5, .max = 10, .when = BIT(0), .weight = 6},
	{.name = "forest_depth", .kind = SPACE_INT, .min = 2, .max = 30, .when = BIT(1), .weight = 2},
	{.name = "forest_share", .kind = SPACE_DOUBLE, .min = 0.1, .max = 1, .when = BIT(1), .weight = 1},
	{.name = "forest_leaf", .kind = SPACE_INT, .log = true, .min = 1, .max = 64, .when = BIT(1), .weight = 1.5},
	{.name = "boosting_rate", .kind = SPACE_DOUBLE, .log = true, .min = 1e-3, .max = 1, .when = BIT(2), .weight = 6},
	{.name = "boosting_trees", .kind = SPACE_INT, .log = true, .min = 10, .max = 2000, .when = BIT(2), .weight = 3},
	{.name = "boosting_depth", .kind = SPACE_INT, .min = 1, .max = 12, .when = BIT(2), .weight = 3},
	{.name = "boosting_sample", .kind = SPACE_DOUBLE, .min = 0.3, .max = 1, .when = BIT(2), .weight = 1},
	{.name = "neighbours", .kind = SPACE_INT, .log = true, .min = 1, .max = 200, .when = BIT(3), .weight = 3},
	{.name = "distance", .kind = SPACE_CATEGORICAL, .labels = {"euclidean", "manhattan", "cosine"}, .when = BIT(3),
		.weight = 0.4},
	{.name = "features", .kind = SPACE_DOUBLE, .min = 0.05, .max = 1, .weight = 1.5},
};

static const struct knob choices[] = {
	{.name = "op1", .kind = SPACE_CATEGORICAL, .labels = {"a", "b", "c", "d", "e"}, .weight = 0.8},
	{.name = "op2", .kind = SPACE_CATEGORICAL, .labels = {"a", "b", "c", "d", "e"}, .weight = 0.6},
	{.name = "op3", .kind = SPACE_CATEGORICAL, .labels = {"a", "b", "c", "d", "e"}, .weight = 0.5},
	{.name = "op4", .kind = SPACE_CATEGORICAL, .labels = {"a", "b", "c", "d", "e"}, .weight = 0.4},
	{.name = "op5", .kind = SPACE_CATEGORICAL, .labels = {"a", "b", "c"}, .weight = 0.3},
	{.name = "op6", .kind = SPACE_CATEGORICAL, .labels = {"a", "b", "c"}, .weight = 0.2},
	{.name = "channels", .kind = SPACE_DISCRETE, .values = {16, 24, 32, 48, 64, 96}, .weight = 1},
	{.name = "resolution", .kind = SPACE_INT, .min = 1, .max = 6, .weight = 1},
};

static const struct knob boosting[] = {
	{.name = "rate", .kind = SPACE_DOUBLE, .log = true, .min = 1e-4, .max = 1, .weight = 8},
	{.name = "trees", .kind = SPACE_INT, .log = true, .min = 1, .max = 5000, .weight = 5},
	{.name = "depth", .kind = SPACE_INT, .min = 1, .max = 15, .weight = 3},
	{.name = "child_weight", .kind = SPACE_DOUBLE, .log = true, .min = 0.1, .max = 100, .weight = 1},
	{.name = "sample", .kind = SPACE_DOUBLE, .min = 0.1, .max = 1, .weight = 1.5},
	{.name = "columns", .kind = SPACE_DOUBLE, .min = 0.1, .max = 1, .weight = 1},
	{.name = "alpha", .kind = SPACE_DOUBLE, .log = true, .min = 1e-4, .max = 1e3, .weight = 0.6},
	{.name = "lambda", .kind = SPACE_DOUBLE, .log = true, .min = 1e-4, .max = 1e3, .weight = 0.6},
};

/* ---- the loss ---------------------------------------------------------------------------------- */

static double unit(const struct problem_param *p, double x)
{
	if (p->space.kind == SPACE_DISCRETE)
		return x / (p->space.n_values - 1);
	if (p->space.distribution == SPACE_LOG_UNIFORM)
		return log(x / p->space.min) / log(p->space.max / p->space.min);
	return (x - p->space.min) / (p->space.max - p->space.min);
}

static double evaluate(const struct problem *p, const double *x, uint64_t draw)
{
	const struct planted *t = p->data;
	uint32_t root = t->params[0].space.kind == SPACE_CATEGORICAL ? (uint32_t)x[0] : 0;
	double sum = 0, before = 0, correlation = 0;

	(void)draw;
	for (uint32_t j = 0; j < t->n; j++) {
		double z;

		if (isnan(x[j]))
			continue;
		if (t->params[j].space.kind == SPACE_CATEGORICAL) {
			sum += t->knobs[j].weight * t->penalty[j][(uint32_t)x[j]];
			continue;
		}
		z = sqrt(t->knobs[j].weight) * (unit(&t->params[j], x[j]) - t->optimum[root][j]);
		sum += z * z - correlation * z * before;
		before = z;
		correlation = t->correlation[j];
	}
	return 1 - exp(-sum);
}

/* ---- drawing an instance ----------------------------------------------------------------------- */

static void make_param(const struct knob *k, struct problem_param *p)
{
	*p = (struct problem_param){.name = k->name, .when = k->when, .parent = k->parent};
	p->space.kind = k->kind;
	p->space.min = k->min;
	p->space.max = k->max;
	p->space.distribution = k->log ? SPACE_LOG_UNIFORM : SPACE_UNIFORM;
	if (k->kind == SPACE_DISCRETE) {
		p->space.values = k->values;
		while (p->space.n_values < VALUES_MAX && k->values[p->space.n_values] > 0)
			p->space.n_values++;
	} else if (k->kind == SPACE_CATEGORICAL) {
		p->labels = k->labels;
		while (k->labels[p->space.n_values])
			p->space.n_values++;
	}
}

static double from_unit(const struct problem_param *p, double u)
{
	double x = p->space.distribution == SPACE_LOG_UNIFORM ? p->space.min * pow(p->space.max / p->space.min, u)
														  : p->space.min + u * (p->space.max - p->space.min);

	if (p->space.kind == SPACE_DISCRETE)
		return rint(u * (p->space.n_values - 1));
	return p->space.kind == SPACE_INT ? rint(x) : x;
}

/* Between 0.15 and 0.85 of the scale, and a value that the parameter can take. */
static double draw_optimum(struct rng *r, const struct problem_param *p)
{
	double u = 0.15 + 0.7 * rng_uniform(r);

	return p->space.kind == SPACE_DOUBLE ? u : unit(p, from_unit(p, u));
}

/* A related task: optima and penalties that differ a little; the same values of categories are best. */
static void jitter(struct planted *t, struct rng *r)
{
	for (uint32_t j = 0; j < t->n; j++) {
		const struct problem_param *p = &t->params[j];

		for (uint32_t k = 0; k < p->space.n_values && p->space.kind == SPACE_CATEGORICAL; k++)
			t->penalty[j][k] *= 0.6 + 0.8 * rng_uniform(r);
		for (uint32_t k = 0; k < ROOTS_MAX && p->space.kind != SPACE_CATEGORICAL; k++) {
			double u = fmin(fmax(t->optimum[k][j] + relation_sd * rng_normal(r), 0), 1);

			t->optimum[k][j] = p->space.kind == SPACE_DOUBLE ? u : unit(p, from_unit(p, u));
		}
	}
}

static void draw_instance(struct planted *t, struct rng *r)
{
	for (uint32_t j = 0; j < t->n; j++) {
		uint32_t n = t->params[j].space.n_values, best;

		if (t->params[j].space.kind == SPACE_CATEGORICAL) {
			best = (uint32_t)rng_below(r, n);
			for (uint32_t k = 0; k < n; k++)
				t->penalty[j][k] = k == best ? 0 : 0.3 + 0.7 * rng_uniform(r);
			continue;
		}
		t->correlation[j] = 1.2 * rng_uniform(r) - 0.6;
		for (uint32_t k = 0; k < ROOTS_MAX; k++)
			t->optimum[k][j] = draw_optimum(r, &t->params[j]);
	}
}

/* After the instance: parents stand before their children. */
static void find_best(struct planted *t)
{
	uint32_t root = 0;

	for (uint32_t j = 0; j < t->n; j++) {
		const struct problem_param *p = &t->params[j];

		t->best[j] = NAN;
		if (p->when && (isnan(t->best[p->parent]) || !(p->when >> (uint32_t)t->best[p->parent] & 1)))
			continue;
		if (p->space.kind != SPACE_CATEGORICAL) {
			t->best[j] = from_unit(p, t->optimum[root][j]);
			continue;
		}
		for (uint32_t k = 0; k < p->space.n_values; k++)
			if (t->penalty[j][k] == 0)
				t->best[j] = k;
		root = j == 0 ? (uint32_t)t->best[0] : root;
	}
}

/* member 0: the task of the set mixed; else one of a family of tasks related to it. */
static void add(struct problems *all, const char *name, const struct knob *knobs, uint32_t n, uint32_t member)
{
	struct rng rng = rng_stream(problems_instance(all), RNG_MODEL, rng_mix(n, (uint64_t)name[0]));
	struct rng own = rng_stream(problems_instance(all), RNG_ORDER, rng_mix(n + 100 * member, (uint64_t)name[0]));
	struct planted *t = problems_own(all, sizeof(*t));
	struct problem p = {.median = NAN, .n_params = n, .evaluate = evaluate, .data = t};

	if (!t)
		return;
	t->knobs = knobs;
	t->n = n;
	for (uint32_t j = 0; j < n; j++)
		make_param(&knobs[j], &t->params[j]);
	draw_instance(t, &rng);
	if (member > 0)
		jitter(t, &own);
	find_best(t);
	p.optimum = t->best;
	p.params = t->params;
	if (member > 0) {
		p.family = knobs;
		snprintf(p.name, sizeof(p.name), "family/%s-%u", name, member);
	} else {
		snprintf(p.name, sizeof(p.name), "mixed/%s", name);
	}
	problems_add(all, &p);
}

void problems_add_planted(struct problems *all)
{
#define ADD(name, knobs)                                                                                          \
	for (uint32_t member = 0; member <= FAMILY; member++)                                                         \
		add(all, name, knobs, sizeof(knobs) / sizeof(*(knobs)), member)
	ADD("mixed-10", mixed_10);
	ADD("svm", svm);
	ADD("network", network);
	ADD("pipeline", pipeline);
	ADD("choices", choices);
	ADD("boosting", boosting);
#undef ADD
}
