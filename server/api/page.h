/*
 * Keyset paging: `limit`, and `continue` as an opaque, checked cursor that holds the key of the last
 * item. A cursor names its list (path, sort and filter), so that one from another list is an error
 * and not a wrong page.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "lib/attr.h"
#include "lib/err.h"

struct arena;

enum { PAGE_LIMIT_DEFAULT = 100, PAGE_LIMIT_MAX = 1000, PAGE_KEYS_MAX = 4, PAGE_CURSOR_MAX = 1024 };

struct page_key {
	size_t n;
	const char *value[PAGE_KEYS_MAX];
};

/* Base64url text in the arena. `list` says which list: "trials sort=rank state=running". */
const char *page_cursor(struct arena *a, const char *list, const struct page_key *key);
/* cursor = NULL or "" gives n = 0: the first page. ERR_INVALID otherwise when it is not ours. */
bool page_read(struct arena *a, const char *list, const char *cursor, struct page_key *out, struct err *e) MUSTCHECK;
