/*
 * JSON in, strictly.
 *
 * json_parse() accepts exactly RFC 8259 in UTF-8: no BOM, no trailing text, no duplicate keys, no
 * \u0000, no number that overflows a double, and no deeper or larger than the limits. The nodes are
 * cJSON's, but nothing outside lib/ calls its functions, whose parser takes too much, whose lookups
 * ignore case and whose printer loses digits. Trees live in the arena.
 */
#pragma once
#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/err.h"

struct arena;

enum { JSON_DEPTH_MAX = 64 };

/* The tree, in the arena, or NULL with ERR_MALFORMED (line, column, rule) or ERR_TOO_LARGE. max in
 * bytes, 0 for no limit of this kind. The text need not end with a NUL. */
const cJSON *json_parse(const char *text, size_t n, size_t max, struct arena *a, struct err *e) MUSTCHECK;

const cJSON *json_get(const cJSON *object, const char *key);     /* case-sensitive; NULL if absent */
const cJSON *json_at(const cJSON *root, const char *pointer);    /* RFC 6901                       */
const char *json_str(const cJSON *v);                            /* NULL unless a string           */
bool json_num(const cJSON *v, double *out);                      /* false unless a number          */
/* A number, or a string holding one ("0.01", "NaN", "Infinity"): metric values, Katib documents. */
bool json_num_lax(const cJSON *v, double *out);
bool json_int(const cJSON *v, int64_t *out);                     /* integral and |v| <= 2^53       */
bool json_equal(const cJSON *a, const cJSON *b);                 /* object order ignored           */
static inline bool json_is_object(const cJSON *v) { return v && (v->type & 0xff) == cJSON_Object; }
static inline bool json_is_array(const cJSON *v) { return v && (v->type & 0xff) == cJSON_Array; }
static inline bool json_is_null(const cJSON *v) { return v && (v->type & 0xff) == cJSON_NULL; }
/* False unless true or false. */
static inline bool json_bool(const cJSON *v, bool *out)
{
	if (!v || !(v->type & (cJSON_True | cJSON_False)))
		return false;
	*out = (v->type & cJSON_True) != 0;
	return true;
}
#define json_each(item, parent) \
	for (const cJSON *item = (parent) ? (parent)->child : NULL; item; item = item->next)
