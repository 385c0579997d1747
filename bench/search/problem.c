/* The list of problems, and their description as text. */
#include "bench/search/problem.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "algorithms/multi/hypervolume.h"

struct block {
	struct block *next;
	_Alignas(max_align_t) unsigned char bytes[];
};

struct problems {
	struct problem *items;
	char **texts;               /* made when asked for the first time                          */
	uint32_t n, size, instance;
	struct block *blocks;
	bool failed;
};

/* ---- collecting -------------------------------------------------------------------------------- */

void *problems_own(struct problems *all, size_t size)
{
	struct block *b = calloc(1, sizeof(*b) + size);

	if (!b) {
		all->failed = true;
		return NULL;
	}
	b->next = all->blocks;
	all->blocks = b;
	return b->bytes;
}

void problems_add(struct problems *all, const struct problem *p)
{
	if (all->n == all->size) {
		uint32_t size = all->size ? 2 * all->size : 64;
		struct problem *items = realloc(all->items, size * sizeof(*items));

		if (!items) {
			all->failed = true;
			return;
		}
		all->items = items;
		all->size = size;
	}
	all->items[all->n++] = *p;
}

void problems_fail(struct problems *all)
{
	all->failed = true;
}

uint32_t problems_instance(const struct problems *all)
{
	return all->instance;
}

/* ---- the description --------------------------------------------------------------------------- */

struct text {
	char *bytes;
	size_t n, size;
};

static void __attribute__((format(printf, 2, 3))) put(struct text *t, const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(t->size > t->n ? t->bytes + t->n : NULL, t->size > t->n ? t->size - t->n : 0, format, args);
	va_end(args);
	t->n += n > 0 ? (size_t)n : 0;
}

static void put_number(struct text *t, double v)
{
	if (isfinite(v))
		put(t, "%.17g", v);
	else
		put(t, "null");
}

static void put_values(struct text *t, const struct problem_param *p)
{
	put(t, ", \"values\": [");
	for (uint32_t k = 0; k < p->space.n_values; k++) {
		put(t, "%s", k ? ", " : "");
		if (p->space.kind == SPACE_DISCRETE)
			put_number(t, p->space.values[k]);
		else if (p->labels)
			put(t, "\"%s\"", p->labels[k]);
		else
			put(t, "\"%u\"", k);
	}
	put(t, "]");
}

static void put_param(struct text *t, const struct problem_param *p)
{
	static const char *const kinds[] = {"double", "int", "discrete", "categorical"};
	const char *separator = "";

	put(t, "{\"name\": \"%s\", \"type\": \"%s\"", p->name, kinds[p->space.kind]);
	if (p->space.kind == SPACE_DOUBLE || p->space.kind == SPACE_INT) {
		put(t, ", \"min\": ");
		put_number(t, p->space.min);
		put(t, ", \"max\": ");
		put_number(t, p->space.max);
		put(t, ", \"log\": %s", p->space.distribution == SPACE_LOG_UNIFORM ? "true" : "false");
	} else {
		put_values(t, p);
	}
	if (p->when) {
		put(t, ", \"when\": {\"parameter\": %u, \"values\": [", p->parent);
		for (uint32_t k = 0; k < 32; k++) {
			if (p->when >> k & 1) {
				put(t, "%s%u", separator, k);
				separator = ", ";
			}
		}
		put(t, "]}");
	}
	put(t, "}");
}

static void put_problem(struct text *t, const struct problem *p)
{
	put(t, "{\"name\": \"%s\", \"maximize\": %s, \"noisy\": %s, \"best\": ", p->name,
		p->maximize ? "true" : "false", p->noisy ? "true" : "false");
	put_number(t, p->best);
	put(t, ", \"median\": ");
	put_number(t, p->median);
	for (uint32_t k = 0; p->several && k < p->several->n; k++)
		put(t, "%s\"%s\"%s", k ? ", " : ", \"objectives\": [", p->several->maximize[k] ? "maximize" : "minimize",
			k + 1 < p->several->n ? "" : "]");
	put(t, ", \"parameters\": [");
	for (uint32_t j = 0; j < p->n_params; j++) {
		put(t, "%s", j ? ", " : "");
		put_param(t, &p->params[j]);
	}
	put(t, "]}");
}

static bool describe(struct problems *all)
{
	all->texts = problems_own(all, (all->n ? all->n : 1) * sizeof(*all->texts));
	for (uint32_t i = 0; all->texts && i < all->n; i++) {
		struct text t = {0};

		put_problem(&t, &all->items[i]);
		t.size = t.n + 1;
		t.n = 0;
		all->texts[i] = t.bytes = problems_own(all, t.size);
		if (!t.bytes)
			return false;
		put_problem(&t, &all->items[i]);
	}
	return all->texts != NULL;
}

/* ---- using ------------------------------------------------------------------------------------- */

struct problems *problems_open(const char *folder, uint32_t instance)
{
	struct problems *all = calloc(1, sizeof(*all));

	if (!all)
		return NULL;
	all->instance = instance > 0 ? instance : 1;
	problems_add_functions(all);
	problems_add_bbob(all);
	problems_add_mixed(all);
	problems_add_planted(all);
	problems_add_multi(all);
	problems_add_noisy(all);
	if (folder && *folder) {
		problems_add_tables(all, folder);
		problems_add_yahpo(all, folder);
		problems_add_curves(all, folder);
	}
	if (!all->failed && describe(all))
		return all;
	problems_close(all);
	return NULL;
}

void problems_close(struct problems *all)
{
	if (!all)
		return;
	while (all->blocks) {
		struct block *next = all->blocks->next;

		free(all->blocks);
		all->blocks = next;
	}
	free(all->items);
	free(all);
}

uint32_t problems_count(const struct problems *all)
{
	return all->n;
}

const struct problem *problems_at(const struct problems *all, uint32_t i)
{
	return i < all->n ? &all->items[i] : NULL;
}

const char *problems_name(const struct problems *all, uint32_t i)
{
	return i < all->n ? all->items[i].name : NULL;
}

const char *problems_text(const struct problems *all, uint32_t i)
{
	return i < all->n ? all->texts[i] : NULL;
}

int problems_find(const struct problems *all, const char *name)
{
	for (uint32_t i = 0; i < all->n; i++)
		if (strcmp(all->items[i].name, name) == 0)
			return (int)i;
	return -1;
}

uint32_t problems_related(const struct problems *all, uint32_t i, uint32_t *out, uint32_t n)
{
	uint32_t found = 0;

	for (uint32_t k = 1; k < all->n && found < n; k++) {
		uint32_t other = (i + k) % all->n;

		if (all->items[i].family && all->items[other].family == all->items[i].family)
			out[found++] = other;
	}
	return found;
}

double problems_evaluate(const struct problems *all, uint32_t i, const double *x, uint64_t draw)
{
	return i < all->n ? all->items[i].evaluate(&all->items[i], x, draw) : NAN;
}

uint32_t problems_steps(const struct problems *all, uint32_t i)
{
	return i < all->n ? all->items[i].steps : 0;
}

double problems_report(
	const struct problems *all, uint32_t i, const double *x, uint32_t step, double *seconds)
{
	*seconds = NAN;
	if (step == 0 || step > problems_steps(all, i))
		return NAN;
	return all->items[i].report(&all->items[i], x, step, seconds);
}

double problems_regret(const struct problems *all, uint32_t i, const double *x, double value)
{
	const struct problem *p = problems_at(all, i);
	double regret;

	if (!p)
		return NAN;
	if (p->noisy && !p->draws_count)
		value = p->evaluate(p, x, 0);
	regret = p->maximize ? p->best - value : value - p->best;
	return regret > 0 ? regret : regret <= 0 ? 0 : INFINITY; /* NaN: a failed trial */
}

uint32_t problems_objectives(const struct problems *all, uint32_t i)
{
	return i < all->n && all->items[i].several ? all->items[i].several->n : 1;
}

void problems_evaluate_all(const struct problems *all, uint32_t i, const double *x, double *values)
{
	if (i < all->n && all->items[i].several)
		all->items[i].several->evaluate(&all->items[i], x, values);
}

double problems_missing(const struct problems *all, uint32_t i, const double *values, uint32_t n)
{
	const struct problem_objectives *o = i < all->n ? all->items[i].several : NULL;
	double *y = o ? malloc(((size_t)n + 1) * o->n * sizeof(*y)) : NULL;
	double reference[PROBLEM_OBJECTIVES_MAX], missing;

	if (!y)
		return NAN;
	for (uint32_t k = 0; k < o->n; k++) {
		double sign = o->maximize[k] ? -1 : 1;

		reference[k] = sign * o->reference[k];
		for (uint32_t t = 0; t < n; t++)
			y[(size_t)t * o->n + k] = sign * values[(size_t)t * o->n + k];
	}
	missing = o->volume - hypervolume(y, n, o->n, reference);
	free(y);
	return missing < 0 ? 0 : missing;
}
