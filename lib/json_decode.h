/*
 * Declarative decoding: one table of fields per document turns JSON into a typed struct, collects
 * every problem with its pointer, and yields the OpenAPI schema and the reference page
 * (lib/json_schema.h). Unknown keys are problems with "did you mean".
 *
 *     static const struct json_field budget_fields[] = {
 *         JF_INT(struct budget, max_trials, "maxTrials", JF_OPTIONAL, 1, 1000000, "trials in all"),
 *         ...
 *         JF_END
 *     };
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/json.h"
#include "lib/problems.h"

enum json_kind {
	JF_K_END = 0,
	JF_K_STR,       /* const char *; min..max bytes                                              */
	JF_K_ENUM,      /* int: index into names                                                     */
	JF_K_NUM,       /* double; min..max inclusive                                                */
	JF_K_INT,       /* int64_t; min..max inclusive                                               */
	JF_K_BOOL,      /* bool                                                                      */
	JF_K_DURATION,  /* int64_t microseconds from "30m" or a number of seconds; min..max seconds  */
	JF_K_OBJECT,    /* T *, decoded by the sub-table; NULL if absent                             */
	JF_K_LIST,      /* struct json_list of T (sub-table), min..max items                         */
	JF_K_MAP,       /* struct json_list of T (sub-table) from an object: T begins with the key,
	                 * `const char *`; in the order given; min..max entries                     */
	JF_K_STRINGS,   /* struct json_list of const char *, min..max items                          */
	JF_K_STRMAP,    /* struct json_list of struct json_pair (values may be numbers or booleans)  */
	JF_K_ANY,       /* const cJSON *, borrowed from the tree; schema says what it should be      */
	JF_K_FUN,       /* decoded by a function                                                     */
};

enum json_need { JF_OPTIONAL, JF_REQUIRED };

struct json_list { void *items; size_t n; };
struct json_pair { const char *key, *value; };

struct json_field {
	enum json_kind kind;
	const char *name, *doc;                 /* doc: one phrase for the reference, no full stop   */
	enum json_need need;
	size_t offset;
	size_t present_offset;                  /* of a bool set when the key was there, or SIZE_MAX */
	double min, max;
	const char *const *names;               /* JF_K_ENUM: NULL-ended                             */
	const struct json_field *sub;           /* JF_K_OBJECT, JF_K_LIST, JF_K_MAP                  */
	size_t sub_size;
	/* JF_K_FUN: decodes v into `field` (at offset). */
	bool (*fun)(const cJSON *v, void *field, const char *pointer, struct problems *p);
	const char *schema;                     /* JF_K_ANY, JF_K_FUN: JSON Schema for OpenAPI, or NULL */
	const char *dflt;                       /* the default as JSON text, decoded when absent     */
};

/* Decodes `object` into *out (which the caller has zeroed); false if any problem was added. */
bool json_decode(const cJSON *object, const struct json_field *fields, void *out,
	const char *pointer, struct problems *p) MUSTCHECK;

#define JF_AT_(T, m) .offset = offsetof(T, m), .present_offset = SIZE_MAX
#define JF_STR(T, m, key, need_, lo, hi, doc_) \
	{.kind = JF_K_STR, .name = key, .need = need_, JF_AT_(T, m), .min = lo, .max = hi, .doc = doc_}
#define JF_ENUM(T, m, key, need_, names_, dflt_, doc_) \
	{.kind = JF_K_ENUM, .name = key, .need = need_, JF_AT_(T, m), .names = names_, .dflt = dflt_, .doc = doc_}
#define JF_NUM(T, m, key, need_, lo, hi, dflt_, doc_) \
	{.kind = JF_K_NUM, .name = key, .need = need_, JF_AT_(T, m), .min = lo, .max = hi, .dflt = dflt_, .doc = doc_}
#define JF_INT(T, m, key, need_, lo, hi, dflt_, doc_) \
	{.kind = JF_K_INT, .name = key, .need = need_, JF_AT_(T, m), .min = lo, .max = hi, .dflt = dflt_, .doc = doc_}
#define JF_BOOL(T, m, key, dflt_, doc_) \
	{.kind = JF_K_BOOL, .name = key, JF_AT_(T, m), .dflt = dflt_, .doc = doc_}
#define JF_DURATION(T, m, key, need_, lo, hi, dflt_, doc_) \
	{.kind = JF_K_DURATION, .name = key, .need = need_, JF_AT_(T, m), .min = lo, .max = hi, .dflt = dflt_, .doc = doc_}
#define JF_OBJECT(T, m, key, need_, sub_, type_, doc_) \
	{.kind = JF_K_OBJECT, .name = key, .need = need_, JF_AT_(T, m), .sub = sub_, .sub_size = sizeof(type_), .doc = doc_}
#define JF_LIST(T, m, key, need_, lo, hi, sub_, type_, doc_) \
	{.kind = JF_K_LIST, .name = key, .need = need_, JF_AT_(T, m), .min = lo, .max = hi, \
	 .sub = sub_, .sub_size = sizeof(type_), .doc = doc_}
#define JF_MAP(T, m, key, need_, lo, hi, sub_, type_, doc_) \
	{.kind = JF_K_MAP, .name = key, .need = need_, JF_AT_(T, m), .min = lo, .max = hi, \
	 .sub = sub_, .sub_size = sizeof(type_), .doc = doc_}
#define JF_STRINGS(T, m, key, need_, lo, hi, doc_) \
	{.kind = JF_K_STRINGS, .name = key, .need = need_, JF_AT_(T, m), .min = lo, .max = hi, .doc = doc_}
#define JF_STRMAP(T, m, key, lo, hi, doc_) \
	{.kind = JF_K_STRMAP, .name = key, JF_AT_(T, m), .min = lo, .max = hi, .doc = doc_}
#define JF_ANY(T, m, key, need_, doc_) \
	{.kind = JF_K_ANY, .name = key, .need = need_, JF_AT_(T, m), .doc = doc_}
#define JF_TREE(T, m, key, need_, schema_, doc_) \
	{.kind = JF_K_ANY, .name = key, .need = need_, JF_AT_(T, m), .schema = schema_, .doc = doc_}
#define JF_FUN(T, m, key, need_, fun_, schema_, doc_) \
	{.kind = JF_K_FUN, .name = key, .need = need_, JF_AT_(T, m), .fun = fun_, .schema = schema_, .doc = doc_}
#define JF_END {.kind = JF_K_END}
