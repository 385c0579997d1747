/*
 * The names of the objects that a reader has open, to find those that occur twice: a stack, in the
 * reader's arena, on which each object uses what lies above the mark it took at its beginning.
 */
#pragma once
#include <stddef.h>

struct arena;

struct json_key {
	const char *s;          /* n bytes, escapes resolved, not copied            */
	size_t n;
	const char *at;         /* where it stands in the text: later keys are duplicates */
};

struct json_keys {
	struct arena *arena;
	struct json_key *items;
	size_t n, cap;
};

void json_keys_push(struct json_keys *k, struct json_key key);
/* Drops the keys above `mark`; the second of two equal ones among them, or NULL. */
const struct json_key *json_keys_close(struct json_keys *k, size_t mark);
