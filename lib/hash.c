#include "lib/hash.h"

#include <assert.h>
#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/num.h"

/* OpenSSL's digests fail only when memory is short or the library is broken. */
static void must(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "trimtab: OpenSSL cannot %s\n", what);
	abort();
}

void hash_sha256(const void *p, size_t n, uint8_t out[HASH_SIZE])
{
	must(EVP_Digest(p, n, out, NULL, EVP_sha256(), NULL) == 1, "compute a digest");
}

void hash_sha256_hex(const void *p, size_t n, char out[HASH_HEX_MAX])
{
	uint8_t digest[HASH_SIZE];

	hash_sha256(p, n, digest);
	hash_hex(digest, sizeof digest, out);
}

void hash_hmac_sha256(const void *key, size_t key_n, const void *p, size_t n, uint8_t out[HASH_SIZE])
{
	assert(key_n <= INT_MAX);
	must(HMAC(EVP_sha256(), key, (int)key_n, p, n, out, NULL) != NULL, "compute a keyed digest");
}

bool hash_equal(const void *a, const void *b, size_t n)
{
	return CRYPTO_memcmp(a, b, n) == 0;
}

void hash_random(void *out, size_t n)
{
	assert(n <= INT_MAX);
	must(RAND_bytes(out, (int)n) == 1, "give random bytes");
}

size_t hash_hex(const void *p, size_t n, char *out)
{
	const uint8_t *bytes = p;

	for (size_t i = 0; i < n; i++) {
		out[2 * i] = "0123456789abcdef"[bytes[i] >> 4];
		out[2 * i + 1] = "0123456789abcdef"[bytes[i] & 15];
	}
	out[2 * n] = '\0';
	return 2 * n;
}

bool hash_unhex(const char *s, void *out, size_t n)
{
	uint8_t *bytes = out;

	for (size_t i = 0; i < n; i++) {
		int high = num_hex_digit(s[2 * i]), low = high < 0 ? -1 : num_hex_digit(s[2 * i + 1]);

		if (low < 0)
			return false;
		bytes[i] = (uint8_t)(high << 4 | low);
	}
	return s[2 * n] == '\0';
}

/* The bits of p, `width` at a time from the most significant, as characters of `alphabet`; zeros
 * follow the last byte. */
static void spell_bits(
	const uint8_t *p, size_t n, unsigned width, const char *alphabet, size_t chars, char *out)
{
	unsigned bits = 0, have = 0;
	size_t used = 0;

	for (size_t i = 0; i < chars; i++) {
		if (have < width) {
			bits = bits << 8 | (used < n ? p[used] : 0);
			used++;
			have += 8;
		}
		have -= width;
		out[i] = alphabet[bits >> have & ((1u << width) - 1)];
	}
	out[chars] = '\0';
}

size_t hash_base64url(const void *p, size_t n, char *out)
{
	size_t chars = (4 * n + 2) / 3;

	spell_bits(p, n, 6, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", chars, out);
	return chars;
}

void hash_base32(const void *p, size_t chars, char *out)
{
	spell_bits(p, (chars * 5 + 7) / 8, 5, "abcdefghijkmnpqrstuvwxyz23456789", chars, out);
}
