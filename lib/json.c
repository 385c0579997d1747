#include "lib/json.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/json_read.h"
#include "lib/mem.h"
#include "lib/num.h"

const cJSON *json_parse(const char *text, size_t n, size_t max, struct arena *a, struct err *e)
{
	if (max && n > max) {
		err_set(e, ERR_TOO_LARGE, "the document has %zu bytes; at most %zu are allowed", n, max);
		return NULL;
	}
	return json_read(text, n, a, e);
}

const cJSON *json_get(const cJSON *object, const char *key)
{
	json_each (item, json_is_object(object) ? object : NULL)
		if (item->string[0] == key[0] && strcmp(item->string, key) == 0)
			return item;
	return NULL;
}

static const cJSON *find_index(const cJSON *array, const char *token)
{
	int64_t index;

	if (token[0] < '0' || token[0] > '9' || (token[0] == '0' && token[1] != '\0'))
		return NULL;
	if (!num_parse_i64(token, strlen(token), &index))
		return NULL;
	json_each (item, array)
		if (index-- == 0)
			return item;
	return NULL;
}

/* Undoes ~1 and ~0 in place; false if a ~ is followed by anything else. */
static bool resolve_token(char *s)
{
	char *out = s;

	for (; *s; s++) {
		if (*s == '~') {
			s++;
			if (*s != '0' && *s != '1')
				return false;
			*out++ = *s == '0' ? '~' : '/';
		} else {
			*out++ = *s;
		}
	}
	*out = '\0';
	return true;
}

static const cJSON *step(const cJSON *v, const char *token, size_t n)
{
	char *key = xstrndup(token, n);
	const cJSON *next = NULL;

	if (resolve_token(key))
		next = json_is_array(v) ? find_index(v, key) : json_get(v, key);
	free(key);
	return next;
}

const cJSON *json_at(const cJSON *root, const char *pointer)
{
	const cJSON *v = root;

	while (v && *pointer) {
		size_t n;

		if (*pointer++ != '/')
			return NULL;
		n = strcspn(pointer, "/");
		v = step(v, pointer, n);
		pointer += n;
	}
	return v;
}

/* The type itself is asked for, not cJSON's functions: trimtab-collect is linked without its library. */
static bool has_type(const cJSON *v, int type)
{
	return v && (v->type & 0xff) == type;
}

const char *json_str(const cJSON *v)
{
	return has_type(v, cJSON_String) ? v->valuestring : NULL;
}

bool json_num(const cJSON *v, double *out)
{
	if (!has_type(v, cJSON_Number))
		return false;
	*out = v->valuedouble;
	return true;
}

bool json_num_lax(const cJSON *v, double *out)
{
	const char *s = json_str(v);

	return s ? num_parse(s, strlen(s), true, out) : json_num(v, out);
}

bool json_int(const cJSON *v, int64_t *out)
{
	double x;

	if (!json_num(v, &x) || fabs(x) > 0x1p53 || x != floor(x))
		return false;
	*out = (int64_t)x;
	return true;
}

static int compare_names(const void *pa, const void *pb)
{
	const cJSON *const *a = pa, *const *b = pb;

	return strcmp((*a)->string, (*b)->string);
}

/* The members of an object in the order of their names; free() it. */
static const cJSON **sorted_members(const cJSON *object, size_t n)
{
	const cJSON **members = xcalloc(n, sizeof *members);
	size_t i = 0;

	json_each (item, object)
		members[i++] = item;
	assert(i == n);
	qsort(members, n, sizeof *members, compare_names);
	return members;
}

static bool objects_equal(const cJSON *a, const cJSON *b, size_t n)
{
	const cJSON **as = sorted_members(a, n), **bs = sorted_members(b, n);
	bool equal = true;

	for (size_t i = 0; i < n && equal; i++)
		equal = strcmp(as[i]->string, bs[i]->string) == 0 && json_equal(as[i], bs[i]);
	free(as);
	free(bs);
	return equal;
}

static size_t count_children(const cJSON *v)
{
	size_t n = 0;

	json_each (item, v)
		n++;
	return n;
}

static bool arrays_equal(const cJSON *a, const cJSON *b)
{
	const cJSON *y = b->child;

	json_each (x, a) {
		if (!json_equal(x, y))
			return false;
		y = y->next;
	}
	return true;
}

bool json_equal(const cJSON *a, const cJSON *b)
{
	if (!a || !b)
		return a == b;
	if ((a->type & 0xFF) != (b->type & 0xFF))
		return false;
	if (has_type(a, cJSON_Number))
		return a->valuedouble == b->valuedouble;
	if (has_type(a, cJSON_String))
		return strcmp(a->valuestring, b->valuestring) == 0;
	if (!json_is_object(a) && !json_is_array(a))
		return true;
	if (count_children(a) != count_children(b))
		return false;
	return json_is_array(a) ? arrays_equal(a, b) : objects_equal(a, b, count_children(a));
}
