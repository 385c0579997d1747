/*
 * Regular expressions in time linear in the text: a Pike machine, so that no pattern and no text of
 * a user's can stall the loop.
 *
 * The syntax is RE2's as far as it goes: . [] [^] \d \w \s \b and their negations, [:alpha:] and its
 * kind, ^ $ \A \z, (…) (?:…) (?P<name>…) (?i) at the start, | * + ? {n,m} and the lazy *? +? ?? {n,m}?.
 * Of several matches the leftmost is found, of several there the one that is tried first. Text is
 * bytes: a multi-byte character may stand for itself but not in brackets. Back-references,
 * look-around and \p{…} are refused.
 *
 * A compiled expression holds the machine's memory: one thread at a time.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "lib/attr.h"
#include "lib/err.h"

struct regex;

enum {
	REGEX_PATTERN_MAX = 1024,       /* bytes */
	REGEX_CODE_MAX = 1000,          /* instructions: what repetition may multiply a pattern to */
	REGEX_SPANS = 3,                /* the whole match and the first two groups */
};

struct regex_span { size_t start, end; };   /* start == SIZE_MAX: the group took no part */

/* NULL with *e set (ERR_INVALID: where, and what is wrong with it). */
struct regex *regex_new(const char *pattern, struct err *e) MUSTCHECK;
void regex_free(struct regex *r);
size_t regex_groups(const struct regex *r);

/* Finds the first match at or after `from`; ^ and \b still see what is before it. `steps` bounds the
 * work of this call and is reduced by what it took; with none left there is no match. */
bool regex_find(struct regex *r, const char *text, size_t n, size_t from, struct regex_span spans[REGEX_SPANS],
	size_t *steps);
