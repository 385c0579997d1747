/*
 * A list of everything that is wrong with a document: each problem has a JSON pointer, a stable
 * code, a sentence, and the names that were probably meant. All of it lives in the arena.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "lib/attr.h"

struct arena;

enum { PROBLEMS_MAX = 100 };    /* further ones are only counted */

struct problem {
	const char *pointer;        /* RFC 6901, "" = the whole document */
	const char *code;           /* "min-above-max": never changes    */
	const char *detail;         /* "min 0.1 is above max 0.01"       */
	const char *did_you_mean;   /* or NULL                           */
};

struct problems {
	struct arena *arena;
	struct problem items[PROBLEMS_MAX];
	size_t n;                   /* kept                              */
	size_t total;               /* found                             */
};

void problems_init(struct problems *p, struct arena *a);
/* Adds one problem; returns false, so that a validator can `return problem_add(...)`. */
bool problem_add(struct problems *p, const char *pointer, const char *code, const char *fmt, ...) PRINTF(4, 5);
/* Adds "'tep' is not an algorithm" with the nearest of `names` (NULL-ended) as did_you_mean. */
bool problem_unknown(struct problems *p, const char *pointer, const char *code, const char *what,
	const char *given, const char *const *names);
/* pointer + "/" + token with ~ and / escaped, names of more than 200 bytes cut short; in the problems'
 * arena. */
const char *problem_path(struct problems *p, const char *pointer, const char *token);
const char *problem_index(struct problems *p, const char *pointer, size_t i);

/* The name in `names` (NULL-ended) nearest to `given`, or NULL if none is near (edit distance with
 * transpositions <= 1 + length / 4, case ignored). */
const char *nearest_name(const char *given, const char *const *names);
