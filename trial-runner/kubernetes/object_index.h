/*
 * Which objects are known, by namespace and name: a hash table that keeps of each little more than
 * its names, so that thousands cost a few hundred bytes each.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct object_entry {
	struct object_entry *next;
	uint64_t hash;
	uint32_t round;                 /* of the list that it was last seen in         */
	const char *ns, *name, *uid;    /* in the same memory                           */
	char *version;                  /* resourceVersion                              */
	char text[];
};

struct object_index {
	struct object_entry **slots;
	size_t n, n_slots;              /* n_slots: a power of two, or 0                */
};

struct object_entry *object_index_find(const struct object_index *x, const char *ns, const char *name);
/* It must not be there yet. Owned by the index. */
struct object_entry *object_index_add(struct object_index *x, const char *ns, const char *name, const char *uid);
void object_entry_set_version(struct object_entry *o, const char *version);
/* Out of the table; the caller frees it. */
void object_index_remove(struct object_index *x, struct object_entry *o);
void object_entry_free(struct object_entry *o);
/* Takes out one whose round is not this, or NULL; `slot` begins at 0 and goes on from call to call. */
struct object_entry *object_index_take_other(struct object_index *x, uint32_t round, size_t *slot);
void object_index_free(struct object_index *x);
