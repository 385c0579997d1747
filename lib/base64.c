#include "lib/base64.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "lib/arena.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

char *base64_encode(const void *p, size_t n, struct arena *a)
{
	const uint8_t *in = p;
	char *out = arena_alloc(a, (n + 2) / 3 * 4 + 1), *at = out;

	for (size_t i = 0; i < n; i += 3) {
		size_t left = n - i;
		uint32_t bits = (uint32_t)in[i] << 16;
		if (left > 1)
			bits |= (uint32_t)in[i + 1] << 8;
		if (left > 2)
			bits |= in[i + 2];
		*at++ = alphabet[bits >> 18];
		*at++ = alphabet[bits >> 12 & 63];
		*at++ = left > 1 ? alphabet[bits >> 6 & 63] : '=';
		*at++ = left > 2 ? alphabet[bits & 63] : '=';
	}
	*at = '\0';
	return out;
}

static int value_of(char c)
{
	const char *found = c ? strchr(alphabet, c) : NULL;

	return found ? (int)(found - alphabet) : -1;
}

static bool is_space(char c)
{
	return c == '\n' || c == '\r' || c == ' ' || c == '\t';
}

char *base64_decode(const char *s, size_t n, struct arena *a, size_t *out_n)
{
	char *out = arena_alloc(a, n / 4 * 3 + 4), *at = out;
	uint32_t bits = 0;
	unsigned digits = 0, pads = 0;

	for (size_t i = 0; i < n; i++) {
		if (is_space(s[i]))
			continue;
		int v = value_of(s[i]);
		if (s[i] == '=' && digits % 4 >= 2 && digits % 4 + pads < 4) {
			pads++;
			continue;
		}
		if (v < 0 || pads)
			return NULL;
		bits = bits << 6 | (uint32_t)v;
		digits++;
		if (digits % 4 != 1)
			*at++ = (char)(bits >> (6 - 2 * ((digits + 3) % 4)) & 0xFF);
	}
	/* The last digit may not carry bits that no byte takes up. */
	if ((digits + pads) % 4 != 0 || (pads && (bits & (pads == 1 ? 3 : 15))))
		return NULL;
	*at = '\0';
	*out_n = (size_t)(at - out);
	return out;
}
