/*
 * Base64 as in RFC 4648 section 4: + and /, with padding. (hash.h has the spelling for URLs.)
 */
#pragma once
#include <stddef.h>

#include "lib/attr.h"

struct arena;

/* NUL-terminated, in the arena. */
char *base64_encode(const void *p, size_t n, struct arena *a);
/* What the text spells, NUL-terminated (the NUL not counted in *out_n), in the arena; white space is
 * skipped. NULL when it is not base64: a wrong character, a wrong length, padding missing or bits
 * left over. */
char *base64_decode(const char *s, size_t n, struct arena *a, size_t *out_n) MUSTCHECK;
