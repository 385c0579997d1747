#include "trial-runner/kubernetes/edit.h"

#include <string.h>

#include "lib/arena.h"
#include "lib/json_write.h"

static cJSON *new_node(int type, struct arena *a)
{
	cJSON *v = ARENA_NEW(a, cJSON);

	v->type = type;
	return v;
}

cJSON *edit_new_object(struct arena *a)
{
	return new_node(cJSON_Object, a);
}

/* cJSON keeps strings that it may change; we do not. */
static char *unconst(const char *s)
{
	return (char *)(uintptr_t)s;
}

cJSON *edit_string(const char *s, struct arena *a)
{
	cJSON *v = new_node(cJSON_String, a);

	v->valuestring = unconst(s);
	return v;
}

cJSON *edit_int(int64_t n, struct arena *a)
{
	cJSON *v = new_node(cJSON_Number, a);

	v->valuedouble = (double)n;
	v->valueint = (int)n;
	return v;
}

cJSON *edit_bool(bool truth, struct arena *a)
{
	return new_node(truth ? cJSON_True : cJSON_False, a);
}

cJSON *edit_copy(const cJSON *v, struct arena *a)
{
	cJSON *copy = arena_dup(a, v, sizeof *v);

	copy->next = copy->prev = copy->child = NULL;
	json_each (child, v)
		edit_append(copy, edit_copy(child, a));
	return copy;
}

/* As cJSON has it, the first child's prev is the last child. */
void edit_append(cJSON *parent, cJSON *value)
{
	cJSON *first = parent->child;

	value->next = NULL;
	if (!first) {
		parent->child = value;
		value->prev = value;
		return;
	}
	value->prev = first->prev;
	first->prev->next = value;
	first->prev = value;
}

void edit_remove(cJSON *parent, const cJSON *child)
{
	cJSON *rest = parent->child;

	parent->child = NULL;
	while (rest) {
		cJSON *next = rest->next;

		if (rest != child)
			edit_append(parent, rest);
		rest = next;
	}
}

void edit_set(cJSON *object, const char *key, cJSON *value)
{
	const cJSON *old = json_get(object, key);

	if (old)
		edit_remove(object, old);
	value->string = unconst(key);
	edit_append(object, value);
}

void edit_set_string(cJSON *object, const char *key, const char *s, struct arena *a)
{
	edit_set(object, key, edit_string(s, a));
}

static cJSON *child_of(cJSON *object, const char *key, int type, struct arena *a)
{
	cJSON *child = edit_get(object, key);

	if (!json_is_object(object) || (child && !json_is_null(child)))
		return child && (child->type & 0xff) == type ? child : NULL;
	child = new_node(type, a);
	edit_set(object, key, child);
	return child;
}

cJSON *edit_object(cJSON *object, const char *key, struct arena *a)
{
	return child_of(object, key, cJSON_Object, a);
}

cJSON *edit_array(cJSON *object, const char *key, struct arena *a)
{
	return child_of(object, key, cJSON_Array, a);
}

static cJSON *at(cJSON *root, const char *pointer, int type, struct arena *a)
{
	while (root && *pointer == '/') {
		const size_t n = strcspn(pointer + 1, "/");
		const char *key = arena_strndup(a, pointer + 1, n);

		pointer += 1 + n;
		root = child_of(root, key, *pointer ? cJSON_Object : type, a);
	}
	return root;
}

cJSON *edit_object_at(cJSON *root, const char *pointer, struct arena *a)
{
	return at(root, pointer, cJSON_Object, a);
}

cJSON *edit_array_at(cJSON *root, const char *pointer, struct arena *a)
{
	return at(root, pointer, cJSON_Array, a);
}

const char *edit_text(const cJSON *v, size_t max, struct arena *a)
{
	struct json_writer w;
	struct strbuf b;
	const char *text;

	strbuf_init(&b, max);
	jw_init(&w, &b);
	jw_value(&w, NULL, v);
	text = b.failed ? NULL : arena_strdup(a, b.data);
	strbuf_free(&b);
	return text;
}
