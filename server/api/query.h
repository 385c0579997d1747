/*
 * Query parameters by the same tables as documents: typed, bounded, with defaults, all problems at
 * once; a name that is not in the table is a problem. A parameter's pointer is "?name".
 */
#pragma once
#include <stdbool.h>

#include "lib/attr.h"
#include "lib/json_decode.h"

struct problems;

/* Fills *out (zeroed by the caller) from "a=1&b=x". Kinds: JF_STR, JF_ENUM, JF_NUM, JF_INT, JF_BOOL
 * ("true", "false", or nothing for true), JF_DURATION, JF_STRINGS (repeated, or separated by commas).
 * fields may be NULL: no parameters. */
bool query_decode(const char *query, const struct json_field *fields, bool ignore_unknown, void *out,
	struct problems *p) MUSTCHECK;
