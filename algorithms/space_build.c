/* From a builder to a checked, ordered, immutable space. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "algorithms/assert.h"
#include "algorithms/grow.h"
#include "algorithms/space_impl.h"

/* A condition as it was given: values, not yet levels. */
struct wish {
	uint32_t child, parent;
	double *values;
	uint32_t n_values;
};

struct space_builder {
	struct space_param *params; /* values owned */
	size_t n, capacity;
	struct wish *wishes;
	size_t n_wishes, cap_wishes;
	bool failed;
};

/* Where problems go; the first one decides whether there is a space. */
struct findings {
	struct space_problem *list;
	size_t max, n;
};

static bool found(struct findings *f, enum space_fault fault, uint32_t param, uint32_t other)
{
	if (f->n < f->max)
		f->list[f->n++] = (struct space_problem){.fault = fault, .param = param, .other = other};
	return false;
}

struct space_builder *space_builder_new(void)
{
	return calloc(1, sizeof(struct space_builder));
}

void space_builder_free(struct space_builder *b)
{
	if (!b)
		return;
	for (size_t i = 0; i < b->n; i++)
		free((void *)(uintptr_t)b->params[i].values);
	for (size_t i = 0; i < b->n_wishes; i++)
		free(b->wishes[i].values);
	free(b->params);
	free(b->wishes);
	free(b);
}

static double *copy_values(struct space_builder *b, const double *values, uint32_t n)
{
	double *copy;

	if (!values || n == 0 || n > SPACE_VALUES_MAX)
		return NULL;
	if ((copy = malloc(n * sizeof(*copy))))
		memcpy(copy, values, n * sizeof(*copy));
	else
		b->failed = true;
	return copy;
}

uint32_t space_add(struct space_builder *b, const struct space_param *p)
{
	struct space_param *mine;

	if (!grow(&b->params, &b->capacity, b->n + 1, sizeof(*b->params))) {
		b->failed = true;
		return (uint32_t)b->n;
	}
	mine = &b->params[b->n];
	*mine = *p;
	mine->values = p->kind == SPACE_DISCRETE ? copy_values(b, p->values, p->n_values) : NULL;
	return (uint32_t)b->n++;
}

void space_when(
	struct space_builder *b, uint32_t child, uint32_t parent, const double *values, uint32_t n_values)
{
	if (!grow(&b->wishes, &b->cap_wishes, b->n_wishes + 1, sizeof(*b->wishes))) {
		b->failed = true;
		return;
	}
	b->wishes[b->n_wishes++] = (struct wish){
		.child = child, .parent = parent, .values = copy_values(b, values, n_values), .n_values = n_values};
}

/* ---- one parameter ----------------------------------------------------------------------------- */

/* Ints stay below 2^52, so that their differences and halves are exact too. */
static bool whole(double v)
{
	return v == floor(v) && fabs(v) <= 0x1p52;
}

static enum space_fault check_range(const struct space_param *p)
{
	bool log_scale = p->distribution == SPACE_LOG_UNIFORM || p->distribution == SPACE_LOG_NORMAL;
	bool normal = p->distribution == SPACE_NORMAL || p->distribution == SPACE_LOG_NORMAL;

	if (!isfinite(p->min) || !isfinite(p->max) || p->min > p->max || !isfinite(p->max - p->min))
		return SPACE_BAD_BOUNDS;
	if (p->kind == SPACE_INT && (!whole(p->min) || !whole(p->max)))
		return SPACE_BAD_BOUNDS;
	if (!isfinite(p->step) || p->step < 0 || (p->kind == SPACE_INT && !whole(p->step)))
		return SPACE_BAD_STEP;
	if (log_scale && p->min <= 0)
		return SPACE_BAD_LOG;
	if (normal && (!isfinite(p->mean) || !isfinite(p->sd) || p->sd < 0))
		return SPACE_BAD_NORMAL;
	return SPACE_OK;
}

struct ranked {
	double value;
	uint32_t index;
};

static int by_value(const void *a, const void *b)
{
	double x = ((const struct ranked *)a)->value, y = ((const struct ranked *)b)->value;

	return (x > y) - (x < y);
}

static enum space_fault rank_values(struct space_axis *a)
{
	uint32_t n = a->param.n_values;
	enum space_fault fault = SPACE_NO_MEMORY;
	struct ranked *sorted = malloc(n * sizeof(*sorted));

	a->index_of_rank = malloc(n * sizeof(uint32_t));
	a->rank_of_index = malloc(n * sizeof(uint32_t));
	if (!sorted || !a->index_of_rank || !a->rank_of_index)
		goto out;
	fault = SPACE_BAD_VALUES;
	for (uint32_t i = 0; i < n; i++) {
		if (!isfinite(a->param.values[i]))
			goto out;
		sorted[i] = (struct ranked){.value = a->param.values[i], .index = i};
	}
	qsort(sorted, n, sizeof(*sorted), by_value);
	for (uint32_t i = 0; i < n; i++) {
		if (i > 0 && sorted[i].value == sorted[i - 1].value)
			goto out;
		a->index_of_rank[i] = sorted[i].index;
		a->rank_of_index[sorted[i].index] = i;
	}
	fault = SPACE_OK;
out:
	free(sorted);
	return fault;
}

/* Takes over the builder's copy of the values. */
static enum space_fault make_axis(struct space_axis *a, struct space_param *p)
{
	enum space_fault fault;

	a->param = *p;
	p->values = NULL;
	if (p->kind == SPACE_DISCRETE || p->kind == SPACE_CATEGORICAL) {
		if (p->n_values == 0)
			return SPACE_BAD_VALUES;
		if (p->n_values > SPACE_VALUES_MAX)
			return SPACE_TOO_MANY;
		a->param.distribution = SPACE_UNIFORM;
		fault = p->kind == SPACE_DISCRETE ? a->param.values ? rank_values(a) : SPACE_BAD_VALUES : SPACE_OK;
	} else {
		a->param.n_values = 0;
		a->param.min += 0.0; /* no negative zero */
		a->param.max += 0.0;
		if (p->kind == SPACE_INT && p->step == 0)
			a->param.step = 1;
		fault = check_range(p);
	}
	return fault == SPACE_OK ? space_axis_init(a) : fault;
}

/* ---- conditions -------------------------------------------------------------------------------- */

static int by_number(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static int by_child(const void *a, const void *b)
{
	const struct space_condition *x = a, *y = b;

	return x->child != y->child ? (x->child > y->child) - (x->child < y->child)
								: (x->parent > y->parent) - (x->parent < y->parent);
}

static enum space_fault make_condition(const struct space *s, const struct wish *w, struct space_condition *c)
{
	uint32_t n = 0;

	c->child = w->child;
	c->parent = w->parent;
	if (w->child >= s->d || w->parent >= s->d || w->child == w->parent)
		return SPACE_BAD_PARENT;
	if (s->axes[w->parent].levels == SPACE_INFINITE)
		return SPACE_BAD_PARENT;
	if (!w->values)
		return SPACE_BAD_CONDITION;
	if (!(c->levels = malloc(w->n_values * sizeof(*c->levels))))
		return SPACE_NO_MEMORY;
	for (uint32_t i = 0; i < w->n_values; i++) {
		uint64_t level = space_value_level(s, w->parent, w->values[i]);

		if (level == SPACE_INFINITE)
			return SPACE_BAD_CONDITION;
		c->levels[n++] = level;
	}
	qsort(c->levels, n, sizeof(*c->levels), by_number);
	for (uint32_t i = 0; i < n; i++)
		if (i == 0 || c->levels[i] != c->levels[i - 1])
			c->levels[c->n_levels++] = c->levels[i];
	return SPACE_OK;
}

static bool make_conditions(struct space *s, const struct space_builder *b, struct findings *f)
{
	bool ok = true;

	if (b->n_wishes == 0)
		return true;
	if (!(s->conditions = calloc(b->n_wishes, sizeof(*s->conditions))))
		return found(f, SPACE_NO_MEMORY, 0, 0);
	for (size_t i = 0; i < b->n_wishes; i++) {
		struct space_condition *c = &s->conditions[s->n_conditions++];
		enum space_fault fault = make_condition(s, &b->wishes[i], c);

		if (fault != SPACE_OK)
			ok = found(f, fault, c->child, c->parent);
	}
	if (!ok)
		return false;
	qsort(s->conditions, s->n_conditions, sizeof(*s->conditions), by_child);
	for (uint32_t i = s->n_conditions; i-- > 0;) {
		s->axes[s->conditions[i].child].first_condition = i;
		s->axes[s->conditions[i].child].n_conditions++;
	}
	return true;
}

/* Kahn's algorithm, smallest index first; what is left over hangs in a circle. */
static bool make_order(struct space *s, struct findings *f)
{
	uint32_t n = 0;
	bool *placed = calloc(s->d, sizeof(*placed));
	bool progress = true;

	if (!placed)
		return found(f, SPACE_NO_MEMORY, 0, 0);
	while (n < s->d && progress) {
		progress = false;
		for (uint32_t j = 0; j < s->d; j++) {
			const struct space_axis *a = &s->axes[j];
			bool ready = !placed[j];

			for (uint32_t i = 0; ready && i < a->n_conditions; i++)
				ready = placed[s->conditions[a->first_condition + i].parent];
			if (ready) {
				placed[j] = progress = true;
				s->order[n++] = j;
			}
		}
	}
	for (uint32_t j = 0; n < s->d && j < s->d; j++)
		if (!placed[j])
			found(f, SPACE_CYCLE, j, s->conditions[s->axes[j].first_condition].parent);
	free(placed);
	return n == s->d;
}

/* ---- the whole --------------------------------------------------------------------------------- */

static bool make_axes(struct space *s, struct space_builder *b, struct findings *f)
{
	bool ok = true;

	s->axes = calloc(b->n, sizeof(*s->axes));
	s->order = calloc(b->n, sizeof(*s->order));
	if (!s->axes || !s->order)
		return found(f, SPACE_NO_MEMORY, 0, 0);
	for (s->d = 0; s->d < b->n; s->d++) {
		enum space_fault fault = make_axis(&s->axes[s->d], &b->params[s->d]);

		if (fault != SPACE_OK)
			ok = found(f, fault, s->d, s->d);
	}
	return ok;
}

static bool make_space(struct space *s, struct space_builder *b, struct findings *f)
{
	if (b->failed)
		return found(f, SPACE_NO_MEMORY, 0, 0);
	if (b->n == 0)
		return found(f, SPACE_NO_PARAMS, 0, 0);
	if (b->n > SPACE_PARAMS_MAX)
		return found(f, SPACE_TOO_MANY, SPACE_PARAMS_MAX, SPACE_PARAMS_MAX);
	if (!make_axes(s, b, f) || !make_conditions(s, b, f) || !make_order(s, f))
		return false;
	return space_count(s) || found(f, SPACE_NO_MEMORY, 0, 0);
}

struct space *space_build(
	struct space_builder *b_take, struct space_problem *problems, size_t max, size_t *n_problems)
{
	struct findings f = {.list = problems, .max = max};
	struct space *s = calloc(1, sizeof(*s));

	ALGO_ASSERT(max >= 1);
	if (!s) {
		found(&f, SPACE_NO_MEMORY, 0, 0);
	} else {
		atomic_init(&s->refs, 1);
		if (!make_space(s, b_take, &f)) {
			space_free(s);
			s = NULL;
		}
	}
	space_builder_free(b_take);
	*n_problems = f.n;
	return s;
}

/* Adds the conditions of s to a builder that has all its parameters. */
static void copy_conditions(struct space_builder *b, const struct space *s)
{
	for (uint32_t i = 0; i < s->n_conditions && !b->failed; i++) {
		const struct space_condition *c = &s->conditions[i];
		double *values = malloc(c->n_levels * sizeof(*values));

		if (!values)
			b->failed = true;
		for (uint32_t k = 0; values && k < c->n_levels; k++)
			values[k] = space_axis_value(&s->axes[c->parent], c->levels[k]);
		space_when(b, c->child, c->parent, values, c->n_levels);
		free(values);
	}
}

struct space *space_countable(const struct space *s, uint32_t points)
{
	struct space_builder *b = space_builder_new();
	struct space_problem problem;
	size_t n_problems;

	ALGO_ASSERT(points >= 1 && points <= SPACE_VALUES_MAX);
	if (!b)
		return NULL;
	for (uint32_t j = 0; j < s->d; j++) {
		struct space_param list = {.kind = SPACE_CATEGORICAL, .n_values = points};

		space_add(b, s->axes[j].levels == SPACE_INFINITE ? &list : &s->axes[j].param);
	}
	copy_conditions(b, s);
	return space_build(b, &problem, 1, &n_problems);
}

struct space *space_fixed(const struct space *s, uint32_t j, double value)
{
	const struct space_param *p = &s->axes[j].param;
	struct space_param only = {.kind = p->kind, .min = value, .max = value, .n_values = 1};
	struct space_builder *b = space_builder_new();
	struct space_problem problem;
	size_t n_problems;

	ALGO_ASSERT(!space_is_conditional(s, j) && !space_is_parent(s, j));
	if (!b)
		return NULL;
	if (p->kind == SPACE_DISCRETE)
		only.values = &p->values[(uint32_t)value];
	for (uint32_t k = 0; k < s->d; k++)
		space_add(b, k == j ? &only : &s->axes[k].param);
	copy_conditions(b, s);
	return space_build(b, &problem, 1, &n_problems);
}

const char *space_fault_text(enum space_fault f)
{
	switch (f) {
	case SPACE_OK:
		return "no fault";
	case SPACE_NO_MEMORY:
		return "there is not enough memory";
	case SPACE_NO_PARAMS:
		return "there are no parameters";
	case SPACE_TOO_MANY:
		return "there are more than 1024 parameters, or more than 65536 values in a list";
	case SPACE_BAD_BOUNDS:
		return "min and max must be finite, min not above max, and whole numbers up to 2^52 for an int";
	case SPACE_BAD_STEP:
		return "the step must be positive, whole for an int, and not finer than the numbers are";
	case SPACE_BAD_LOG:
		return "a log scale needs min above 0";
	case SPACE_BAD_NORMAL:
		return "sd must be positive, and the bounds must hold some of the distribution";
	case SPACE_BAD_VALUES:
		return "the list must hold at least one value, each finite and only once";
	case SPACE_BAD_PARENT:
		return "a condition needs another parameter that has countable values";
	case SPACE_BAD_CONDITION:
		return "the condition lists a value that the other parameter never takes";
	case SPACE_CYCLE:
		return "the condition depends on the parameter itself";
	}
	return "unknown fault";
}
