/* Cursors: they come back as they went, and nothing else is taken for one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/arena.h"
#include "lib/attr.h"
#include "server/api/page.h"

static void keys_come_back(void **state UNUSED)
{
	static const struct page_key keys[] = {
		{1, {"17"}},
		{2, {"2026-11-22T10:00:00Z", "cnn-lr"}},
		{3, {"", "\xc3\xa4", "a b&c=d"}},
		{4, {"1", "2", "3", "4"}},
	};
	struct arena *a = arena_new();
	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		const char *cursor = page_cursor(a, "trials", &keys[i]);
		struct page_key got;
		struct err e;
		if (!page_read(a, "trials", cursor, &got, &e))
			fail_msg("%s: %s", cursor, e.detail);
		assert_int_equal(got.n, keys[i].n);
		for (size_t k = 0; k < got.n; k++)
			assert_string_equal(got.value[k], keys[i].value[k]);
		assert_int_equal(strspn(cursor, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"),
			strlen(cursor));
	}
	arena_free(a);
}

static void what_is_no_cursor_of_this_list_is_refused(void **state UNUSED)
{
	struct arena *a = arena_new();
	struct page_key key = {2, {"17", "x"}}, got;
	struct err e;
	char *cursor = arena_strdup(a, page_cursor(a, "trials sort=rank", &key));
	assert_false(page_read(a, "trials", cursor, &got, &e));
	assert_int_equal(e.code, ERR_INVALID);
	assert_int_equal(got.n, 0);
	size_t n = strlen(cursor);
	for (size_t i = 0; i < n; i++) { /* any character changed, and any end cut off */
		char old = cursor[i];
		cursor[i] = old == 'A' ? 'B' : 'A';
		bool last_bits = i + 1 == n; /* of which some are padding */
		assert_true(last_bits || !page_read(a, "trials sort=rank", cursor, &got, &e));
		cursor[i] = '\0';
		assert_true(i == 0 || !page_read(a, "trials sort=rank", cursor, &got, &e));
		cursor[i] = old;
	}
	assert_true(page_read(a, "trials sort=rank", cursor, &got, &e));
	assert_false(page_read(a, "x", "not base64!", &got, &e));
	assert_true(page_read(a, "x", NULL, &got, &e));
	assert_true(page_read(a, "x", "", &got, &e));
	assert_int_equal(got.n, 0);
	arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_come_back),
		cmocka_unit_test(what_is_no_cursor_of_this_list_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
