/*
 * JSON trees that are changed: a manifest is copied, things are added to the copy, the copy is written.
 * Everything is in the arena; strings that are given are borrowed.
 */
#pragma once
#include <stdint.h>
#include <string.h>

#include "lib/json.h"

struct arena;

cJSON *edit_copy(const cJSON *v, struct arena *a);
cJSON *edit_string(const char *s, struct arena *a);
cJSON *edit_int(int64_t n, struct arena *a);
cJSON *edit_bool(bool truth, struct arena *a);
cJSON *edit_new_object(struct arena *a);

void edit_append(cJSON *parent, cJSON *value);                  /* to a list, or (with a key) an object */
void edit_set(cJSON *object, const char *key, cJSON *value);    /* replaces what is there               */
void edit_set_string(cJSON *object, const char *key, const char *s, struct arena *a);
void edit_remove(cJSON *parent, const cJSON *child);
/* The object or list under this key, made if there is none (or null); NULL if something else is there. */
cJSON *edit_object(cJSON *object, const char *key, struct arena *a);
cJSON *edit_array(cJSON *object, const char *key, struct arena *a);
/* The same for a pointer ("/a/b"), whose objects are made on the way. */
cJSON *edit_object_at(cJSON *root, const char *pointer, struct arena *a);
cJSON *edit_array_at(cJSON *root, const char *pointer, struct arena *a);
static inline cJSON *edit_get(cJSON *object, const char *key)
{
	json_each (child, json_is_object(object) ? object : NULL) {
		if (strcmp(child->string, key) == 0)
			return (cJSON *)(uintptr_t)child;
	}
	return NULL;
}
/* As text; NULL if it is longer than max. */
const char *edit_text(const cJSON *v, size_t max, struct arena *a);
