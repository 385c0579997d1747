/*
 * Digests, keyed digests, random tokens and their spellings (OpenSSL underneath).
 *
 * Tokens and keys come from hash_random(); what is compared with a secret is compared by
 * hash_equal(), in a time that does not depend on where the difference is.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/attr.h"

enum {
	HASH_SIZE = 32,                     /* bytes of a SHA-256                        */
	HASH_HEX_MAX = 2 * HASH_SIZE + 1,   /* characters of one in hexadecimal, and NUL */
};

void hash_sha256(const void *p, size_t n, uint8_t out[HASH_SIZE]);
void hash_sha256_hex(const void *p, size_t n, char out[HASH_HEX_MAX]);
void hash_hmac_sha256(const void *key, size_t key_n, const void *p, size_t n, uint8_t out[HASH_SIZE]);
bool hash_equal(const void *a, const void *b, size_t n);

void hash_random(void *out, size_t n);      /* unpredictable; aborts if the system has none */

/* Spellings; `out` has room for the characters and a NUL. Return the number of characters. */
size_t hash_hex(const void *p, size_t n, char *out);                /* 2n, lower case            */
bool hash_unhex(const char *s, void *out, size_t n) MUSTCHECK;      /* s has exactly 2n digits   */
size_t hash_base64url(const void *p, size_t n, char *out);          /* (4n + 2) / 3, no padding  */
#define HASH_BASE64URL_MAX(n) ((4 * (n) + 2) / 3 + 1)
/* `chars` characters of 5 bits each from the first bytes of p: letters and digits that are allowed
 * in names and hard to confuse (no 0, 1, l, o). */
void hash_base32(const void *p, size_t chars, char *out);
