/*
 * Queries into JSON trees, in the language of Katib's conditions: GJSON's path syntax, compiled once,
 * its answers those of github.com/tidwall/gjson on the same document, within this part of it:
 *
 *     status.active            fields; a\.b for a dot in a name; * and ? stand for characters
 *     items.0  items.#         one of a list by its number; how many there are
 *     items.#.name             of each: a list
 *     #(type=="Complete")      the first item for which it holds; with # behind it all of them, a list.
 *                              == != < <= > >= compare with a string, number, true, false or null,
 *                              % and !% with a pattern of * and ?; without one: the field exists.
 *                              The left side is a path, or nothing for the item itself.
 *     a|b                      as a.b, but after # it means the list and not each of its items
 *     [a,b]  @this             a list of what several paths find; the value itself
 *
 *     status.conditions.#(type=="Complete")#|#(status=="True")#
 *     status.[@this].#(phase=="Succeeded")#
 *
 * Refused with a reason: other modifiers than @this, {…}, !literals, ~true, and empty names. The work of
 * a query is bounded: one that would need more finds nothing.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "lib/attr.h"
#include "lib/err.h"
#include "lib/json.h"

struct arena;
struct gjson;

enum {
	GJSON_QUERY_MAX = 1024,         /* bytes */
	GJSON_DEPTH_MAX = 16,           /* queries within queries */
	GJSON_STEPS_MAX = 4000000,      /* looked at values and compared characters, in one search */
};

/* The compiled query, in the arena; NULL with *e set (ERR_INVALID: what is wrong, and where). */
const struct gjson *gjson_compile(const char *query, struct arena *a, struct err *e) MUSTCHECK;
/* What it finds in the document, or NULL. Lists that it makes are in the arena and borrow the document's
 * values; nothing in the document is changed. */
const cJSON *gjson_get(const struct gjson *q, const cJSON *doc, struct arena *a);
/* Katib's meaning of a condition: it holds when it finds an object, or a list that is not empty. What
 * it found (the first of the list) or NULL. */
const cJSON *gjson_holds(const struct gjson *q, const cJSON *doc, struct arena *a);
