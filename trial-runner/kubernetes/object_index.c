#include "trial-runner/kubernetes/object_index.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "lib/mem.h"

enum { SLOTS_MIN = 64 };

/* FNV-1a; the NUL between the two keeps "a/bc" apart from "ab/c". */
static uint64_t hash_of(const char *ns, const char *name)
{
	const char *parts[] = {ns, name};
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < 2; i++) {
		for (const unsigned char *p = (const unsigned char *)parts[i];; p++) {
			h = (h ^ *p) * UINT64_C(0x100000001b3);
			if (!*p)
				break;
		}
	}
	return h;
}

static struct object_entry **slot_of(const struct object_index *x, uint64_t hash)
{
	return &x->slots[hash & (x->n_slots - 1)];
}

struct object_entry *object_index_find(const struct object_index *x, const char *ns, const char *name)
{
	uint64_t hash = hash_of(ns, name);

	for (struct object_entry *o = x->n_slots ? *slot_of(x, hash) : NULL; o; o = o->next) {
		if (o->hash == hash && strcmp(o->name, name) == 0 && strcmp(o->ns, ns) == 0)
			return o;
	}
	return NULL;
}

static void grow(struct object_index *x)
{
	struct object_index bigger = {.n_slots = x->n_slots ? 2 * x->n_slots : SLOTS_MIN};

	bigger.slots = xcalloc(bigger.n_slots, sizeof(struct object_entry *));
	for (size_t i = 0; i < x->n_slots; i++) {
		for (struct object_entry *o = x->slots[i], *next; o; o = next) {
			next = o->next;
			o->next = *slot_of(&bigger, o->hash);
			*slot_of(&bigger, o->hash) = o;
		}
	}
	free(x->slots);
	x->slots = bigger.slots;
	x->n_slots = bigger.n_slots;
}

struct object_entry *object_index_add(struct object_index *x, const char *ns, const char *name, const char *uid)
{
	size_t n_ns = strlen(ns) + 1, n_name = strlen(name) + 1, n_uid = strlen(uid) + 1;
	struct object_entry *o = xmalloc(sizeof *o + n_ns + n_name + n_uid);

	assert(!object_index_find(x, ns, name));
	if (x->n >= x->n_slots)
		grow(x);
	*o = (struct object_entry){.hash = hash_of(ns, name)};
	o->ns = memcpy(o->text, ns, n_ns);
	o->name = memcpy(o->text + n_ns, name, n_name);
	o->uid = memcpy(o->text + n_ns + n_name, uid, n_uid);
	o->version = xstrdup("");
	o->next = *slot_of(x, o->hash);
	*slot_of(x, o->hash) = o;
	x->n++;
	return o;
}

void object_entry_set_version(struct object_entry *o, const char *version)
{
	size_t n = strlen(version) + 1;

	o->version = xreallocarray(o->version, n, 1);
	memcpy(o->version, version, n);
}

void object_index_remove(struct object_index *x, struct object_entry *o)
{
	struct object_entry **at = slot_of(x, o->hash);

	while (*at != o) {
		assert(*at);
		at = &(*at)->next;
	}
	*at = o->next;
	x->n--;
}

void object_entry_free(struct object_entry *o)
{
	free(o->version);
	free(o);
}

struct object_entry *object_index_take_other(struct object_index *x, uint32_t round, size_t *slot)
{
	for (; *slot < x->n_slots; (*slot)++) {
		for (struct object_entry *o = x->slots[*slot]; o; o = o->next) {
			if (o->round == round)
				continue;
			object_index_remove(x, o);
			return o;
		}
	}
	return NULL;
}

void object_index_free(struct object_index *x)
{
	for (size_t i = 0; i < x->n_slots; i++) {
		for (struct object_entry *o = x->slots[i], *next; o; o = next) {
			next = o->next;
			object_entry_free(o);
		}
	}
	free(x->slots);
	*x = (struct object_index){0};
}
