/* Which configurations have been chosen. */
#include "algorithms/seen.h"

#include <stdlib.h>
#include <string.h>

#include "algorithms/assert.h"

enum { DRAWS = 64 };

static const uint64_t FREE_SLOT = SPACE_INFINITE;

static bool finite_space(const struct seen *s)
{
	return space_cardinality(s->space) != SPACE_INFINITE;
}

static uint64_t key_of(const struct seen *s, const double *x)
{
	uint64_t hash;

	if (finite_space(s))
		return space_index(s->space, x);
	hash = space_hash(s->space, x);
	return hash == FREE_SLOT ? 0 : hash;
}

/* The slot that holds the key, or the free one where it belongs. */
static size_t slot_of(const uint64_t *keys, size_t capacity, uint64_t key)
{
	size_t i = rng_mix(key, 0) & (capacity - 1);

	while (keys[i] != FREE_SLOT && keys[i] != key)
		i = (i + 1) & (capacity - 1);
	return i;
}

static bool resize(struct seen *s, size_t capacity)
{
	uint64_t *keys = malloc(capacity * sizeof(*keys));

	if (!keys)
		return false;
	for (size_t i = 0; i < capacity; i++)
		keys[i] = FREE_SLOT;
	for (size_t i = 0; i < s->capacity; i++)
		if (s->keys[i] != FREE_SLOT)
			keys[slot_of(keys, capacity, s->keys[i])] = s->keys[i];
	free(s->keys);
	s->keys = keys;
	s->capacity = capacity;
	return true;
}

void seen_init(struct seen *s, const struct space *space, const struct seen *base)
{
	*s = (struct seen){.space = space, .base = base};
}

void seen_free(struct seen *s)
{
	free(s->keys);
	s->keys = NULL;
}

bool seen_has(const struct seen *s, const double *x)
{
	uint64_t key = key_of(s, x);

	for (; s; s = s->base)
		if (s->n > 0 && s->keys[slot_of(s->keys, s->capacity, key)] == key)
			return true;
	return false;
}

bool seen_add(struct seen *s, const double *x)
{
	uint64_t key;
	size_t slot;

	if (s->base && seen_has(s->base, x))
		return true;
	if (2 * (s->n + 1) > s->capacity && !resize(s, s->capacity ? 2 * s->capacity : 64))
		return false;
	key = key_of(s, x);
	slot = slot_of(s->keys, s->capacity, key);
	if (s->keys[slot] != key) {
		s->keys[slot] = key;
		s->n++;
	}
	return true;
}

static size_t size_of(const struct seen *s)
{
	return s->n + (s->base ? size_of(s->base) : 0);
}

bool seen_all(const struct seen *s)
{
	return finite_space(s) && size_of(s) >= space_cardinality(s->space);
}

static void draw_prior(const struct seen *s, struct rng *r, double *x)
{
	const uint32_t *order = space_order(s->space);

	for (uint32_t i = 0; i < space_dim(s->space); i++) {
		uint32_t j = order[i];
		double u = rng_uniform(r); /* also for what is inactive: the stream stays aligned */

		x[j] = space_is_active(s->space, j, x) ? space_decode_one(s->space, j, u) : __builtin_nan("");
	}
}

static int by_number(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* One of the unseen numbers, each equally likely: the kth gap in the sorted seen ones. */
static bool draw_gap(const struct seen *s, struct rng *r, double *x)
{
	const struct space *space = s->space;
	uint64_t *sorted = malloc((size_of(s) + 1) * sizeof(*sorted)), pick;
	size_t n = 0;

	if (!sorted)
		return false;
	for (; s; s = s->base)
		for (size_t i = 0; i < s->capacity; i++)
			if (s->keys[i] != FREE_SLOT)
				sorted[n++] = s->keys[i];
	qsort(sorted, n, sizeof(*sorted), by_number);
	pick = rng_below(r, space_cardinality(space) - n);
	for (size_t i = 0; i < n && sorted[i] <= pick; i++)
		pick++;
	ALGO_ASSERT(pick < space_cardinality(space));
	space_config(space, pick, x);
	free(sorted);
	return true;
}

bool seen_draw_new(const struct seen *s, struct rng *r, double *x)
{
	ALGO_ASSERT(!seen_all(s));
	for (int i = 0; i < DRAWS; i++) {
		draw_prior(s, r, x);
		if (!seen_has(s, x))
			return true;
	}
	if (!finite_space(s))
		return true;
	for (int i = 0; i < DRAWS; i++) {
		space_config(s->space, rng_below(r, space_cardinality(s->space)), x);
		if (!seen_has(s, x))
			return true;
	}
	return draw_gap(s, r, x);
}
