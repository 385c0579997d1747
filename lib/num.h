/*
 * Numbers as text, exactly: what is printed reads back as the same bits, in any locale.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/attr.h"

enum { NUM_MAX = 32 };  /* room for any number and its NUL */

/* The shortest decimal that reads back equal: as %g has it, but whole numbers up to 2^53 always
 * without exponent ("100000", "-0" for minus zero). "NaN", "Infinity", "-Infinity".
 * Returns the length. */
size_t num_format(char out[NUM_MAX], double x);
size_t num_format_i64(char out[NUM_MAX], int64_t x);
/* Whole string, decimal only (no hex, no leading space); accepts nan, inf, infinity in any case
 * only when `nonfinite` is set. False for anything else, also for overflow ("1e999"). */
bool num_parse(const char *s, size_t n, bool nonfinite, double *out) MUSTCHECK;
bool num_is_decimal(const char *s, size_t n);       /* what num_parse reads, of any size    */
bool num_parse_i64(const char *s, size_t n, int64_t *out) MUSTCHECK;
/* "1h30m", "30m", "45s", "250ms", "6h", "2d"; plain numbers are seconds. Microseconds out. */
bool num_parse_duration(const char *s, int64_t *us) MUSTCHECK;
size_t num_format_duration(char out[NUM_MAX], int64_t us);  /* "1h30m0s" style, for people */
/* "512Ki", "4Gi", "10M", "4096": bytes. */
bool num_parse_bytes(const char *s, int64_t *bytes) MUSTCHECK;

/* 0..15, or -1. */
static inline int num_hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10 : -1;
}
