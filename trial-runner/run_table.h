/*
 * Runs by their key: an intrusive hash table that every backend keeps its runs in. The node is
 * the first thing in the backend's own struct; the table owns nothing.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <sys/queue.h>

#include "trial-runner/backend.h"

struct run_node {
	struct run_key key;
	LIST_ENTRY(run_node) link;
};

LIST_HEAD(run_bucket, run_node);

struct run_table {
	struct run_bucket *buckets;
	size_t n_buckets, n;            /* buckets: a power of two, doubled when there are as many nodes */
};

void run_table_init(struct run_table *t);
void run_table_free(struct run_table *t);               /* must be empty */
struct run_node *run_table_get(const struct run_table *t, const struct run_key *key);    /* or NULL */
void run_table_put(struct run_table *t, struct run_node *node);                          /* not there yet */
void run_table_remove(struct run_table *t, struct run_node *node);
/* Any node, to empty the table; NULL when it is empty. */
struct run_node *run_table_any(const struct run_table *t);

bool run_key_equal(const struct run_key *a, const struct run_key *b);
