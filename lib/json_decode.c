#include "lib/json_decode.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/num.h"
#include "lib/utf8.h"

/* One value on its way into one field. */
struct slot {
	const struct json_field *field;
	const cJSON *v;
	void *at;
	const char *pointer;
	struct problems *p;
};

/* What v is, for "expected a number, got ...". */
static const char *describe(const cJSON *v, struct arena *a)
{
	char number[NUM_MAX];
	const char *text = json_str(v);

	if (text)
		return arena_printf(
			a, "the string \"%.*s%s\"", utf8_cut(text, 40), text, text[utf8_cut(text, 40)] ? "..." : "");
	if (cJSON_IsNumber(v)) {
		num_format(number, v->valuedouble);
		return arena_printf(a, "the number %s", number);
	}
	if (cJSON_IsBool(v))
		return cJSON_IsTrue(v) ? "true" : "false";
	return cJSON_IsObject(v) ? "an object" : cJSON_IsArray(v) ? "a list" : "null";
}

static bool wrong_type(const cJSON *v, const char *pointer, const char *expected, struct problems *p)
{
	return problem_add(p, pointer, "wrong-type", "expected %s, got %s", expected, describe(v, p->arena));
}

static bool in_range(const struct slot *s, double x, const char *unit)
{
	char given[NUM_MAX], limit[NUM_MAX];

	num_format(given, x);
	if (x < s->field->min) {
		num_format(limit, s->field->min);
		return problem_add(
			s->p, s->pointer, "too-small", "%s%s is below the minimum of %s%s", given, unit, limit, unit);
	}
	if (x > s->field->max) {
		num_format(limit, s->field->max);
		return problem_add(
			s->p, s->pointer, "too-large", "%s%s is above the maximum of %s%s", given, unit, limit, unit);
	}
	return true;
}

/* Are n bytes, items or entries between the field's min and max? */
static bool count_fits(
	const struct slot *s, size_t n, const char *what, const char *too_few, const char *too_many)
{
	if ((double)n < s->field->min)
		return problem_add(
			s->p, s->pointer, too_few, "has %zu %s; at least %.0f are needed", n, what, s->field->min);
	if ((double)n > s->field->max)
		return problem_add(
			s->p, s->pointer, too_many, "has %zu %s; at most %.0f are allowed", n, what, s->field->max);
	return true;
}

static bool decode_str(const struct slot *s)
{
	const char *text = json_str(s->v);

	if (!text)
		return wrong_type(s->v, s->pointer, "a string", s->p);
	if (text[0] == '\0' && s->field->min > 0)
		return problem_add(s->p, s->pointer, "too-short", "must not be empty");
	*(const char **)s->at = text;
	return count_fits(s, strlen(text), "bytes", "too-short", "too-long");
}

static const char *list_names(const char *const *names, struct arena *a)
{
	const char *list = names[0];

	for (size_t i = 1; names[i]; i++)
		list = arena_printf(a, "%s, %s", list, names[i]);
	return list;
}

static bool decode_enum(const struct slot *s)
{
	const char *const *names = s->field->names;
	const char *text = json_str(s->v);

	if (!text)
		return wrong_type(s->v, s->pointer, "a string", s->p);
	for (int i = 0; names[i]; i++)
		if (strcmp(names[i], text) == 0) {
			*(int *)s->at = i;
			return true;
		}
	return problem_unknown(s->p, s->pointer, "unknown-value",
		arena_printf(s->p->arena, "one of %s", list_names(names, s->p->arena)), text, names);
}

static bool decode_num(const struct slot *s)
{
	double *out = s->at;

	if (!json_num(s->v, out))
		return wrong_type(s->v, s->pointer, "a number", s->p);
	return in_range(s, *out, "");
}

static bool decode_int(const struct slot *s)
{
	double x;

	if (!json_num(s->v, &x))
		return wrong_type(s->v, s->pointer, "an integer", s->p);
	if (!in_range(s, x, ""))
		return false;
	if (!json_int(s->v, s->at))
		return wrong_type(s->v, s->pointer, "an integer", s->p);
	return true;
}

static bool decode_bool(const struct slot *s)
{
	if (!cJSON_IsBool(s->v))
		return wrong_type(s->v, s->pointer, "true or false", s->p);
	*(bool *)s->at = cJSON_IsTrue(s->v);
	return true;
}

static bool decode_duration(const struct slot *s)
{
	const char *text = json_str(s->v);
	int64_t *us = s->at;
	double seconds;

	if (text && !num_parse_duration(text, us))
		return problem_add(s->p, s->pointer, "malformed-duration",
			"'%.*s' is not a duration; write 90, \"45s\", \"30m\", \"1h30m\" or \"2d\"", utf8_cut(text, 40),
			text);
	if (!text) {
		if (!json_num(s->v, &seconds))
			return wrong_type(s->v, s->pointer, "a duration", s->p);
		if (!in_range(s, seconds, "s"))
			return false;
		if (fabs(seconds) > 9e12)
			return problem_add(s->p, s->pointer, "too-large", "the duration is too long");
		*us = llround(seconds * 1e6);
	}
	return in_range(s, (double)*us / 1e6, "s");
}

static bool decode_object(const struct slot *s)
{
	void *object;

	if (!cJSON_IsObject(s->v))
		return wrong_type(s->v, s->pointer, "an object", s->p);
	object = arena_calloc(s->p->arena, 1, s->field->sub_size);
	*(void **)s->at = object;
	return json_decode(s->v, s->field->sub, object, s->pointer, s->p);
}

/* Checks the number of items and makes room for them; NULL if v is not what it has to be. */
static char *new_list(
	const struct slot *s, bool is_kind, const char *expected, const char *what, size_t item_size)
{
	struct json_list *list = s->at;
	size_t n = 0;

	if (!is_kind) {
		wrong_type(s->v, s->pointer, expected, s->p);
		return NULL;
	}
	json_each (item, s->v)
		n++;
	if (!count_fits(s, n, what, "too-few", "too-many"))
		return NULL;
	*list = (struct json_list){.items = arena_calloc(s->p->arena, n, item_size), .n = n};
	return list->items;
}

static bool decode_list(const struct slot *s)
{
	char *out = new_list(s, cJSON_IsArray(s->v), "a list", "items", s->field->sub_size);
	bool ok = out != NULL;
	size_t i = 0;

	json_each (item, out ? s->v : NULL) {
		const char *pointer = problem_index(s->p, s->pointer, i);

		ok &= json_decode(item, s->field->sub, out + i * s->field->sub_size, pointer, s->p);
		i++;
	}
	return ok;
}

static bool decode_map(const struct slot *s)
{
	char *out = new_list(s, cJSON_IsObject(s->v), "an object", "entries", s->field->sub_size);
	bool ok = out != NULL;

	json_each (item, out ? s->v : NULL) {
		*(const char **)(void *)out = item->string;
		ok &= json_decode(item, s->field->sub, out, problem_path(s->p, s->pointer, item->string), s->p);
		out += s->field->sub_size;
	}
	return ok;
}

static bool decode_strings(const struct slot *s)
{
	const char **out =
		(const char **)new_list(s, cJSON_IsArray(s->v), "a list of strings", "items", sizeof *out);
	bool ok = out != NULL;
	size_t i = 0;

	json_each (item, out ? s->v : NULL) {
		out[i] = json_str(item);
		if (!out[i])
			ok = wrong_type(item, problem_index(s->p, s->pointer, i), "a string", s->p);
		i++;
	}
	return ok;
}

/* A scalar as text; NULL if it is none. */
static const char *scalar_text(const cJSON *v, struct arena *a)
{
	char number[NUM_MAX];

	if (cJSON_IsNumber(v))
		return arena_dup(a, number, num_format(number, v->valuedouble) + 1);
	if (cJSON_IsBool(v))
		return cJSON_IsTrue(v) ? "true" : "false";
	return json_str(v);
}

static bool decode_strmap(const struct slot *s)
{
	struct json_pair *out = (struct json_pair *)(void *)new_list(
		s, cJSON_IsObject(s->v), "an object with string values", "entries", sizeof *out);
	bool ok = out != NULL;
	size_t i = 0;

	json_each (item, out ? s->v : NULL) {
		out[i] = (struct json_pair){item->string, scalar_text(item, s->p->arena)};
		if (!out[i].value)
			ok = wrong_type(item, problem_path(s->p, s->pointer, item->string), "a string", s->p);
		i++;
	}
	return ok;
}

static bool decode_any(const struct slot *s)
{
	*(const cJSON **)s->at = s->v;
	return true;
}

static bool decode_fun(const struct slot *s)
{
	return s->field->fun(s->v, s->at, s->pointer, s->p);
}

static bool (*const decoders[])(const struct slot *) = {
	[JF_K_STR] = decode_str,
	[JF_K_ENUM] = decode_enum,
	[JF_K_NUM] = decode_num,
	[JF_K_INT] = decode_int,
	[JF_K_BOOL] = decode_bool,
	[JF_K_DURATION] = decode_duration,
	[JF_K_OBJECT] = decode_object,
	[JF_K_LIST] = decode_list,
	[JF_K_MAP] = decode_map,
	[JF_K_STRINGS] = decode_strings,
	[JF_K_STRMAP] = decode_strmap,
	[JF_K_ANY] = decode_any,
	[JF_K_FUN] = decode_fun,
};

static void decode_field(
	const struct json_field *f, const cJSON *v, void *out, const char *pointer, struct problems *p)
{
	struct slot s = {.field = f, .v = v, .at = (char *)out + f->offset, .p = p};

	assert(f->kind > JF_K_END && f->kind <= JF_K_FUN);
	s.pointer = problem_path(p, pointer, f->name);
	(void)decoders[f->kind](&s);
}

/* A default is part of the table: if it cannot be decoded, the table is wrong. */
static void decode_default(const struct json_field *f, void *out, const char *pointer, struct problems *p)
{
	const cJSON *v = json_parse(f->dflt, strlen(f->dflt), 0, p->arena, NULL);
	size_t before = p->total;

	assert(v);
	decode_field(f, v, out, pointer, p);
	assert(p->total == before);
	(void)before;
}

static const struct json_field *find_field(const struct json_field *fields, const char *name)
{
	for (; fields->kind != JF_K_END; fields++)
		if (strcmp(fields->name, name) == 0)
			return fields;
	return NULL;
}

static void unknown_field(
	const struct json_field *fields, const char *name, const char *pointer, struct problems *p)
{
	const char **names;
	size_t n = 0;

	if (p->n == PROBLEMS_MAX) { /* no more work for a document made of nothing else */
		p->total++;
		return;
	}
	while (fields[n].kind != JF_K_END)
		n++;
	names = arena_calloc(p->arena, n + 1, sizeof *names);
	for (size_t i = 0; i < n; i++)
		names[i] = fields[i].name;
	problem_unknown(p, problem_path(p, pointer, name), "unknown-field", "a known field", name, names);
}

/* null is as good as absent, except where any value may stand. */
static bool is_given(const struct json_field *f, const cJSON *v)
{
	return v && (!cJSON_IsNull(v) || f->kind == JF_K_ANY || f->kind == JF_K_FUN);
}

bool json_decode(
	const cJSON *object, const struct json_field *fields, void *out, const char *pointer, struct problems *p)
{
	size_t before = p->total;

	if (!cJSON_IsObject(object))
		return wrong_type(object, pointer, "an object", p);
	json_each (item, object)
		if (!find_field(fields, item->string))
			unknown_field(fields, item->string, pointer, p);
	for (const struct json_field *f = fields; f->kind != JF_K_END; f++) {
		const cJSON *v = json_get(object, f->name);

		if (is_given(f, v)) {
			if (f->present_offset != SIZE_MAX)
				*(bool *)((char *)out + f->present_offset) = true;
			decode_field(f, v, out, pointer, p);
		} else if (f->need == JF_REQUIRED) {
			problem_add(p, problem_path(p, pointer, f->name), "missing", "is required: %s", f->doc);
		} else if (f->dflt) {
			decode_default(f, out, pointer, p);
		}
	}
	return p->total == before;
}
