/*
 * Is this text JSON? The strict half of json_parse(): RFC 8259 to the letter, in UTF-8, within the
 * limits below, before anything builds a tree. One pass, no recursion deeper than JSON_DEPTH_MAX,
 * memory only for the keys of the objects that are open.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "lib/attr.h"

struct arena;
struct err;

enum {
	JSON_VALUES_MAX = 1000000,  /* a value takes at least 2 bytes of text, but 64 of memory         */
	JSON_NUMBER_MAX = 63,       /* characters of a number: what cJSON can hold; 17 digits are exact */
};

/* ERR_MALFORMED, with the line, the column (in characters) and the rule, unless the text is JSON. */
bool json_check(const char *text, size_t n, struct arena *scratch, struct err *e) MUSTCHECK;
