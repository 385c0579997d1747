#include "lib/json_keys.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/arena.h"

void json_keys_push(struct json_keys *k, struct json_key key)
{
	if (k->n == k->cap) {
		size_t cap = k->cap ? 2 * k->cap : 32;
		struct json_key *more = arena_alloc(k->arena, cap * sizeof *more);

		if (k->n)
			memcpy(more, k->items, k->n * sizeof *more);
		k->items = more;
		k->cap = cap;
	}
	k->items[k->n++] = key;
}

static bool same_key(const struct json_key *a, const struct json_key *b)
{
	return a->n == b->n && memcmp(a->s, b->s, a->n) == 0;
}

static int compare_keys(const void *pa, const void *pb)
{
	const struct json_key *a = pa, *b = pb;
	int order;

	if (a->n != b->n)
		return a->n < b->n ? -1 : 1;
	order = memcmp(a->s, b->s, a->n);
	return order ? order : (a->at > b->at) - (a->at < b->at);
}

const struct json_key *json_keys_close(struct json_keys *k, size_t mark)
{
	size_t n = k->n - mark;
	struct json_key *first;

	assert(mark <= k->n);
	if (n == 0)
		return NULL;
	k->n = mark;
	first = &k->items[mark];
	if (n <= 12) { /* nearly every object: a few comparisons of lengths */
		for (size_t i = 1; i < n; i++)
			for (size_t j = 0; j < i; j++)
				if (same_key(&first[i], &first[j]))
					return &first[i];
		return NULL;
	}
	qsort(first, n, sizeof *first, compare_keys);
	for (size_t i = 1; i < n; i++)
		if (same_key(&first[i - 1], &first[i]))
			return &first[i];
	return NULL;
}
