#include "server/api/page.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/hash.h"
#include "lib/utf8.h"

/*
 * A cursor is: version, CHECK bytes of SHA-256(list NUL values), number of values, and each value
 * with its NUL. The check tells a cursor of another list from ours and finds damage; it is no
 * secret: whoever forges one sees another page of what he may see anyway.
 */
enum { VERSION = 1, CHECK = 6, PREFIX = 1 + CHECK + 1, RAW_MAX = PAGE_CURSOR_MAX * 3 / 4 };

struct raw {
	uint8_t bytes[RAW_MAX];
	size_t n;
};

static void add_check(uint8_t out[CHECK], const char *list, const uint8_t *values, size_t n, struct arena *a)
{
	uint8_t digest[HASH_SIZE];
	size_t list_n = strlen(list) + 1;
	uint8_t *all = arena_alloc(a, list_n + n);
	memcpy(all, list, list_n);
	memcpy(all + list_n, values, n);
	hash_sha256(all, list_n + n, digest);
	memcpy(out, digest, CHECK);
}

const char *page_cursor(struct arena *a, const char *list, const struct page_key *key)
{
	struct raw raw = {.n = PREFIX};
	assert(key->n > 0 && key->n <= PAGE_KEYS_MAX);
	for (size_t i = 0; i < key->n; i++) {
		size_t n = strlen(key->value[i]) + 1;
		assert(raw.n + n <= RAW_MAX && "keys of lists are short");
		memcpy(raw.bytes + raw.n, key->value[i], n);
		raw.n += n;
	}
	raw.bytes[0] = VERSION;
	raw.bytes[1 + CHECK] = (uint8_t)key->n;
	add_check(raw.bytes + 1, list, raw.bytes + 1 + CHECK, raw.n - 1 - CHECK, a);
	char *text = arena_alloc(a, HASH_BASE64URL_MAX(raw.n));
	hash_base64url(raw.bytes, raw.n, text);
	return text;
}

static int base64url_digit(char c)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	const char *p = c ? strchr(digits, c) : NULL;
	return p ? (int)(p - digits) : -1;
}

static bool decode(const char *text, struct raw *out)
{
	uint32_t bits = 0;
	unsigned have = 0;
	out->n = 0;
	for (; *text; text++) {
		int digit = base64url_digit(*text);
		if (digit < 0 || out->n == RAW_MAX)
			return false;
		bits = bits << 6 | (unsigned)digit;
		have += 6;
		if (have >= 8) {
			have -= 8;
			out->bytes[out->n++] = (uint8_t)(bits >> have);
		}
	}
	return out->n > PREFIX;
}

static bool take_values(const struct raw *raw, struct arena *a, struct page_key *out)
{
	size_t at = PREFIX, n = raw->bytes[1 + CHECK];
	if (n == 0 || n > PAGE_KEYS_MAX || raw->bytes[raw->n - 1] != 0)
		return false;
	for (out->n = 0; out->n < n && at < raw->n; out->n++) {
		size_t len = strlen((const char *)raw->bytes + at);
		if (!utf8_valid((const char *)raw->bytes + at, len))
			return false;
		out->value[out->n] = arena_strndup(a, (const char *)raw->bytes + at, len);
		at += len + 1;
	}
	return out->n == n && at == raw->n;
}

bool page_read(struct arena *a, const char *list, const char *cursor, struct page_key *out, struct err *e)
{
	struct raw raw;
	uint8_t check[CHECK];
	*out = (struct page_key){0};
	if (!cursor || !*cursor)
		return true;
	if (decode(cursor, &raw) && raw.bytes[0] == VERSION) {
		add_check(check, list, raw.bytes + 1 + CHECK, raw.n - 1 - CHECK, a);
		if (memcmp(check, raw.bytes + 1, CHECK) == 0 && take_values(&raw, a, out))
			return true;
	}
	*out = (struct page_key){0};
	return err_set(e, ERR_INVALID,
		"`continue` is not a cursor of this list: take it unchanged from the answer before, with the same "
	    "filter and order");
}
