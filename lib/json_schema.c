#include "lib/json_schema.h"

#include <assert.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "lib/num.h"

enum { NESTING_MAX = 16 }; /* tables do not refer to themselves */

static void write_field(struct json_writer *w, const struct json_field *f, unsigned depth);

/* A bound that says something: tables use infinities and HUGE_VAL for "none". */
static void write_bound(struct json_writer *w, const char *key, double bound, double none)
{
	if (isfinite(bound) && bound != none)
		jw_num(w, key, bound);
}

static void write_count_bounds(
	struct json_writer *w, const struct json_field *f, const char *min, const char *max)
{
	write_bound(w, min, f->min, 0);
	write_bound(w, max, f->max, 0);
}

static void write_members(struct json_writer *w, const struct json_field *fields, unsigned depth)
{
	bool required = false;

	assert(depth < NESTING_MAX);
	jw_str(w, "type", "object");
	jw_bool(w, "additionalProperties", false);
	jw_object(w, "properties");
	for (const struct json_field *f = fields; f->kind != JF_K_END; f++) {
		write_field(w, f, depth + 1);
		required |= f->need == JF_REQUIRED;
	}
	jw_end(w);
	if (!required)
		return;
	jw_array(w, "required");
	for (const struct json_field *f = fields; f->kind != JF_K_END; f++)
		if (f->need == JF_REQUIRED)
			jw_str(w, NULL, f->name);
	jw_end(w);
}

static void write_sub(struct json_writer *w, const char *key, const struct json_field *f, unsigned depth)
{
	jw_object(w, key);
	write_members(w, f->sub, depth);
	jw_end(w);
}

static void write_typed(struct json_writer *w, const char *key, const char *type)
{
	jw_object(w, key);
	jw_str(w, "type", type);
	jw_end(w);
}

static void write_enum(struct json_writer *w, const struct json_field *f)
{
	jw_str(w, "type", "string");
	jw_array(w, "enum");
	for (const char *const *name = f->names; *name; name++)
		jw_str(w, NULL, *name);
	jw_end(w);
}

static void write_duration(struct json_writer *w, const struct json_field *f)
{
	jw_array(w, "oneOf");
	jw_object(w, NULL);
	jw_str(w, "type", "string");
	jw_str(w, "pattern", "^([0-9.]+|([0-9.]+(us|ms|s|m|h|d))+)$");
	jw_end(w);
	jw_object(w, NULL);
	jw_str(w, "type", "number");
	write_bound(w, "minimum", f->min, HUGE_VAL);
	write_bound(w, "maximum", f->max, HUGE_VAL);
	jw_end(w);
	jw_end(w);
}

static void write_scalar_map(struct json_writer *w)
{
	jw_str(w, "type", "object");
	jw_object(w, "additionalProperties");
	jw_array(w, "type");
	jw_str(w, NULL, "string");
	jw_str(w, NULL, "number");
	jw_str(w, NULL, "boolean");
	jw_end(w);
	jw_end(w);
}

static void write_type(struct json_writer *w, const struct json_field *f, unsigned depth)
{
	switch (f->kind) {
	case JF_K_STR:
		jw_str(w, "type", "string");
		write_count_bounds(w, f, "minLength", "maxLength");
		break;
	case JF_K_ENUM:
		write_enum(w, f);
		break;
	case JF_K_NUM:
	case JF_K_INT:
		jw_str(w, "type", f->kind == JF_K_INT ? "integer" : "number");
		write_bound(w, "minimum", f->min, HUGE_VAL);
		write_bound(w, "maximum", f->max, HUGE_VAL);
		break;
	case JF_K_BOOL:
		jw_str(w, "type", "boolean");
		break;
	case JF_K_DURATION:
		write_duration(w, f);
		break;
	case JF_K_OBJECT:
		write_members(w, f->sub, depth);
		break;
	case JF_K_LIST:
		jw_str(w, "type", "array");
		write_sub(w, "items", f, depth);
		write_count_bounds(w, f, "minItems", "maxItems");
		break;
	case JF_K_MAP:
		jw_str(w, "type", "object");
		write_sub(w, "additionalProperties", f, depth);
		write_count_bounds(w, f, "minProperties", "maxProperties");
		break;
	case JF_K_STRINGS:
		jw_str(w, "type", "array");
		write_typed(w, "items", "string");
		write_count_bounds(w, f, "minItems", "maxItems");
		break;
	case JF_K_STRMAP:
		write_scalar_map(w);
		write_count_bounds(w, f, "minProperties", "maxProperties");
		break;
	case JF_K_ANY:
	case JF_K_FUN:
		if (f->schema) {
			jw_array(w, "allOf");
			jw_raw(w, NULL, f->schema);
			jw_end(w);
		}
		break;
	case JF_K_END:
		break;
	}
}

static void write_field(struct json_writer *w, const struct json_field *f, unsigned depth)
{
	jw_object(w, f->name);
	write_type(w, f, depth);
	if (f->doc)
		jw_str(w, "description", f->doc);
	if (f->dflt)
		jw_raw(w, "default", f->dflt);
	jw_end(w);
}

void json_schema_write(struct json_writer *w, const char *key, const struct json_field *fields)
{
	jw_object(w, key);
	write_members(w, fields, 0);
	jw_end(w);
}

static const char *const type_words[] = {
	[JF_K_STR] = "string",
	[JF_K_ENUM] = "one of",
	[JF_K_NUM] = "number",
	[JF_K_INT] = "integer",
	[JF_K_BOOL] = "boolean",
	[JF_K_DURATION] = "duration",
	[JF_K_OBJECT] = "object",
	[JF_K_LIST] = "list of objects",
	[JF_K_MAP] = "object of objects",
	[JF_K_STRINGS] = "list of strings",
	[JF_K_STRMAP] = "object of strings",
	[JF_K_ANY] = "anything",
	[JF_K_FUN] = "see meaning",
};

static void put_bound(struct strbuf *out, double bound)
{
	char number[NUM_MAX];

	if (isfinite(bound))
		strbuf_add(out, number, num_format(number, bound));
}

/* "integer, 1..1000" or "one of `a`, `b`". */
static void put_type(struct strbuf *out, const struct json_field *f)
{
	bool numeric = f->kind == JF_K_NUM || f->kind == JF_K_INT || f->kind == JF_K_DURATION;

	strbuf_puts(out, type_words[f->kind]);
	if (f->kind == JF_K_ENUM)
		for (size_t i = 0; f->names[i]; i++)
			strbuf_printf(out, "%s `%s`", i ? "," : "", f->names[i]);
	if (numeric && (isfinite(f->min) || isfinite(f->max))) {
		strbuf_puts(out, ", ");
		put_bound(out, f->min);
		strbuf_puts(out, "..");
		put_bound(out, f->max);
		strbuf_puts(out, f->kind == JF_K_DURATION ? " s" : "");
	}
}

static void put_cell(struct strbuf *out, const char *s)
{
	for (; s && *s; s++)
		strbuf_printf(out, *s == '|' ? "\\%c" : "%c", *s == '\n' ? ' ' : *s);
}

static void put_rows(struct strbuf *out, const char *prefix, const struct json_field *fields, unsigned depth)
{
	assert(depth < NESTING_MAX);
	for (const struct json_field *f = fields; f->kind != JF_K_END; f++) {
		struct strbuf path;

		strbuf_init(&path, SIZE_MAX);
		strbuf_printf(&path, "%s%s%s", prefix, *prefix ? "." : "", f->name);
		strbuf_printf(out, "| `%s` | ", path.data);
		put_type(out, f);
		strbuf_printf(out, " | ");
		if (f->need == JF_REQUIRED)
			strbuf_puts(out, "required");
		else if (f->dflt)
			strbuf_printf(out, "`%s`", f->dflt);
		strbuf_puts(out, " | ");
		put_cell(out, f->doc);
		strbuf_puts(out, " |\n");
		strbuf_puts(&path, f->kind == JF_K_LIST ? "[]" : f->kind == JF_K_MAP ? ".*" : "");
		if (f->sub)
			put_rows(out, path.data, f->sub, depth + 1);
		strbuf_free(&path);
	}
}

void json_schema_markdown(struct strbuf *out, const char *prefix, const struct json_field *fields)
{
	strbuf_puts(out, "| Field | Type | Default | Meaning |\n| --- | --- | --- | --- |\n");
	put_rows(out, prefix, fields, 0);
}
