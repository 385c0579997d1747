/*
 * JSON text into a tree, strictly: RFC 8259 to the letter, in UTF-8, within the limits below. One pass,
 * no recursion deeper than JSON_DEPTH_MAX. The nodes are cJSON's, made here rather than by its parser,
 * which takes much that is not JSON and twice the time.
 */
#pragma once
#include <cjson/cJSON.h>
#include <stddef.h>

#include "lib/attr.h"

struct arena;
struct err;

enum {
	JSON_VALUES_MAX = 1000000,  /* a value takes at least 2 bytes of text, but 64 of memory         */
	JSON_NUMBER_MAX = 63,       /* characters of a number; 17 digits are exact                      */
};

/* The tree, all of it in the arena; NULL with ERR_MALFORMED, the line, the column (in characters) and the
 * rule that the text breaks. */
cJSON *json_read(const char *text, size_t n, struct arena *a, struct err *e) MUSTCHECK;
