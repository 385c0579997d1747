/* UTF-8 as PostgreSQL wants it: well-formed, no surrogates, no NUL. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

/* Offset of the first bad byte (overlong, surrogate, > U+10FFFF, NUL), or n if all is well. */
size_t utf8_check(const char *s, size_t n);
/* Bytes of the longest beginning of s that has at most max of them and ends between characters. */
int utf8_cut(const char *s, int max);
static inline bool utf8_valid(const char *s, size_t n) { return utf8_check(s, n) == n; }
