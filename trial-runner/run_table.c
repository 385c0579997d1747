#include "trial-runner/run_table.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/mem.h"

enum { BUCKETS_FIRST = 64 };

static uint64_t mix(uint64_t h, uint64_t v)
{
	h = (h ^ v) * UINT64_C(0x9e3779b97f4a7c15);
	return h ^ h >> 29;
}

/* The uid is left out: two experiments of one id are hardly ever in one table. */
static uint64_t key_hash(const struct run_key *k)
{
	return mix(mix(mix(1, (uint64_t)k->experiment_id), (uint64_t)k->number), (uint64_t)k->attempt);
}

bool run_key_equal(const struct run_key *a, const struct run_key *b)
{
	return a->experiment_id == b->experiment_id && a->number == b->number && a->attempt == b->attempt &&
		strcmp(a->uid, b->uid) == 0;
}

static struct run_bucket *bucket(const struct run_table *t, const struct run_key *k)
{
	assert((t->n_buckets & (t->n_buckets - 1)) == 0);
	return &t->buckets[key_hash(k) & (t->n_buckets - 1)];
}

void run_table_init(struct run_table *t)
{
	t->n = 0;
	t->n_buckets = BUCKETS_FIRST;
	t->buckets = xcalloc(t->n_buckets, sizeof *t->buckets);
}

void run_table_free(struct run_table *t)
{
	assert(t->n == 0);
	free(t->buckets);
	t->buckets = NULL;
}

struct run_node *run_table_get(const struct run_table *t, const struct run_key *key)
{
	struct run_node *node;

	LIST_FOREACH(node, bucket(t, key), link) {
		if (run_key_equal(&node->key, key))
			return node;
	}
	return NULL;
}

static void grow(struct run_table *t)
{
	struct run_table wider = {.n_buckets = t->n_buckets * 2, .n = t->n};
	struct run_node *node;

	wider.buckets = xcalloc(wider.n_buckets, sizeof *wider.buckets);
	for (size_t i = 0; i < t->n_buckets; i++) {
		while ((node = LIST_FIRST(&t->buckets[i]))) {
			LIST_REMOVE(node, link);
			LIST_INSERT_HEAD(bucket(&wider, &node->key), node, link);
		}
	}
	free(t->buckets);
	*t = wider;
}

void run_table_put(struct run_table *t, struct run_node *node)
{
	assert(!run_table_get(t, &node->key));
	if (t->n == t->n_buckets)
		grow(t);
	LIST_INSERT_HEAD(bucket(t, &node->key), node, link);
	t->n++;
}

void run_table_remove(struct run_table *t, struct run_node *node)
{
	assert(t->n > 0);
	LIST_REMOVE(node, link);
	t->n--;
}

struct run_node *run_table_any(const struct run_table *t)
{
	for (size_t i = 0; t->n && i < t->n_buckets; i++) {
		if (!LIST_EMPTY(&t->buckets[i]))
			return LIST_FIRST(&t->buckets[i]);
	}
	return NULL;
}
