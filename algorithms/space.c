/* Reading a built space: values, conditions, whole configurations. */
#include "algorithms/space.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "algorithms/assert.h"
#include "algorithms/rng.h"
#include "algorithms/space_impl.h"

struct space *space_ref(struct space *s)
{
	atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
	return s;
}

void space_unref(struct space *s)
{
	if (s && atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) == 1)
		space_free(s);
}

void space_free(struct space *s)
{
	for (uint32_t j = 0; s->axes && j < s->d; j++) {
		free((void *)(uintptr_t)s->axes[j].param.values);
		free(s->axes[j].index_of_rank);
		free(s->axes[j].rank_of_index);
	}
	for (uint32_t i = 0; i < s->n_conditions; i++)
		free(s->conditions[i].levels);
	free(s->tree.nodes);
	free(s->tree.classes);
	free(s->tree.listed);
	free(s->tree.kids);
	free(s->conditions);
	free(s->order);
	free(s->axes);
	free(s);
}

uint32_t space_dim(const struct space *s)
{
	return s->d;
}
const uint32_t *space_order(const struct space *s)
{
	return s->order;
}
bool space_has_conditions(const struct space *s)
{
	return s->n_conditions > 0;
}
uint64_t space_cardinality(const struct space *s)
{
	return s->cardinality;
}

const struct space_param *space_at(const struct space *s, uint32_t j)
{
	ALGO_ASSERT(j < s->d);
	return &s->axes[j].param;
}

bool space_is_conditional(const struct space *s, uint32_t j)
{
	ALGO_ASSERT(j < s->d);
	return s->axes[j].n_conditions > 0;
}

bool space_is_parent(const struct space *s, uint32_t j)
{
	for (uint32_t i = 0; i < s->n_conditions; i++)
		if (s->conditions[i].parent == j)
			return true;
	return false;
}

uint64_t space_levels(const struct space *s, uint32_t j)
{
	ALGO_ASSERT(j < s->d);
	return s->axes[j].levels;
}

double space_level_value(const struct space *s, uint32_t j, uint64_t k)
{
	ALGO_ASSERT(j < s->d);
	return space_axis_value(&s->axes[j], k);
}

uint64_t space_value_level(const struct space *s, uint32_t j, double value)
{
	const struct space_axis *a = &s->axes[j];
	uint64_t level;

	ALGO_ASSERT(j < s->d);
	if (a->levels == SPACE_INFINITE || !isfinite(value))
		return SPACE_INFINITE;
	level = space_axis_nearest(a, value);
	return space_axis_value(a, level) == value ? level : SPACE_INFINITE;
}

bool space_condition_holds(const struct space_condition *c, uint64_t parent_level)
{
	uint32_t lo = 0, hi = c->n_levels;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (c->levels[mid] < parent_level)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < c->n_levels && c->levels[lo] == parent_level;
}

bool space_is_active(const struct space *s, uint32_t j, const double *x)
{
	const struct space_axis *a = &s->axes[j];

	ALGO_ASSERT(j < s->d);
	for (uint32_t i = 0; i < a->n_conditions; i++) {
		const struct space_condition *c = &s->conditions[a->first_condition + i];
		uint64_t level = space_value_level(s, c->parent, x[c->parent]);

		if (level == SPACE_INFINITE || !space_condition_holds(c, level))
			return false;
	}
	return true;
}

static bool value_valid(const struct space *s, uint32_t j, double value)
{
	const struct space_axis *a = &s->axes[j];

	if (a->levels == SPACE_INFINITE)
		return value >= a->param.min && value <= a->param.max;
	return space_value_level(s, j, value) != SPACE_INFINITE;
}

bool space_valid(const struct space *s, const double *x, uint32_t *offender)
{
	for (uint32_t i = 0; i < s->d; i++) {
		uint32_t j = s->order[i];

		if (space_is_active(s, j, x) ? value_valid(s, j, x[j]) : isnan(x[j]))
			continue;
		if (offender)
			*offender = j;
		return false;
	}
	return true;
}

static double snap_one(const struct space *s, uint32_t j, double value)
{
	const struct space_axis *a = &s->axes[j];

	if (isnan(value))
		return space_decode_one(s, j, 0.5);
	if (a->levels == SPACE_INFINITE)
		return fmin(fmax(value, a->param.min), a->param.max);
	return space_axis_value(a, space_axis_nearest(a, value));
}

void space_snap(const struct space *s, double *x)
{
	for (uint32_t i = 0; i < s->d; i++) {
		uint32_t j = s->order[i];

		x[j] = space_is_active(s, j, x) ? snap_one(s, j, x[j]) : NAN;
	}
}

bool space_equal(const struct space *s, const double *a, const double *b)
{
	for (uint32_t j = 0; j < s->d; j++)
		if (isnan(a[j]) ? !isnan(b[j]) : a[j] != b[j])
			return false;
	return true;
}

uint64_t space_hash(const struct space *s, const double *x)
{
	uint64_t hash = s->d;

	for (uint32_t j = 0; j < s->d; j++) {
		double canonical = isnan(x[j]) ? NAN : x[j] + 0.0;
		uint64_t bits;

		memcpy(&bits, &canonical, sizeof(bits));
		hash = rng_mix(hash, bits);
	}
	return hash;
}

void space_decode(const struct space *s, const double *u, double *x)
{
	for (uint32_t i = 0; i < s->d; i++) {
		uint32_t j = s->order[i];

		x[j] = space_is_active(s, j, x) ? space_decode_one(s, j, u[j]) : NAN;
	}
}

void space_encode(const struct space *s, const double *x, double *u)
{
	for (uint32_t j = 0; j < s->d; j++)
		u[j] = space_encode_one(s, j, x[j]);
}
