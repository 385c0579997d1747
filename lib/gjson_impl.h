/*
 * Inside the queries: the steps that gjson_compile.c makes of a path and gjson.c follows.
 *
 * A path is a chain of steps. What follows a step after "." is looked for inside what the step found,
 * after "|" it gets what the step found as a document of its own, also when that is nothing.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "lib/gjson.h"

enum gjson_step {
	STEP_FIELD,             /* name, or the item with that number  */
	STEP_COUNT,             /* #                                   */
	STEP_EACH,              /* #.each                              */
	STEP_QUERY,             /* #(left op right), #(…)#             */
	STEP_LIST,              /* [items]                             */
	STEP_THIS,              /* @this                               */
};

enum gjson_op { OP_EXISTS, OP_EQ, OP_NE, OP_LT, OP_LE, OP_GT, OP_GE, OP_LIKE, OP_UNLIKE };

struct gjson {
	enum gjson_step step;
	bool piped;                     /* how `next` follows                          */
	const struct gjson *next;
	const struct gjson *each;       /* EACH, QUERY: taken of every item it is about; NULL: the item */
	const char *name;               /* FIELD */
	bool wild;                      /* * and ? in the name                         */
	size_t index;                   /* the name as a number, or SIZE_MAX           */
	bool all;                       /* QUERY: every item, not the first            */
	const struct gjson *left;       /* NULL: the item itself                       */
	enum gjson_op op;
	const char *right;
	double number;                  /* `right` read as one, else 0                 */
	const struct gjson *item;       /* LIST: the first of its paths                */
	const struct gjson *sibling;    /* the next path of the list that this one begins */
};
