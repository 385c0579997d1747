/* uri and file: names of things elsewhere. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/arena.h"
#include "lib/attr.h"
#include "lib/err.h"
#include "lib/file.h"
#include "lib/strbuf.h"
#include "lib/uri.h"

static void test_split(void **state)
{
	static const struct {
		const char *in;
		struct uri out;
	} cases[] = {
		{"http://localhost:8746", {"http", "", "localhost", 8746, "", NULL}},
		{"HTTPS://Host.example/a%20b?x=1#f", {"https", "", "Host.example", 0, "/a%20b", "x=1"}},
		{"http://u:p@w@[::1]:80/", {"http", "u:p@w", "::1", 80, "/", NULL}},
		{"http://h?q", {"http", "", "h", 0, "", "q"}},
		{"/path?", {"", "", "", 0, "/path", ""}},
		{"/a://b", {"", "", "", 0, "/a://b", NULL}},
		{"", {"", "", "", 0, "", NULL}},
	};
	static const char *const bad[] = {"http://", "http:///x", "http://h:0", "http://h:65536", "http://h:x",
		"http://h:", "http://[::1", "http://[::1]x", "http://:80", "/a b", "/a\n", "/\x7f"};
	struct arena *a = arena_new();
	struct err e = {0};
	struct uri u;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct uri *want = &cases[i].out;

		if (!uri_split(cases[i].in, a, &u, &e))
			fail_msg("%s: %s", cases[i].in, e.detail);
		assert_string_equal(u.scheme, want->scheme);
		assert_string_equal(u.userinfo, want->userinfo);
		assert_string_equal(u.host, want->host);
		assert_int_equal(u.port, want->port);
		assert_string_equal(u.path, want->path);
		assert_int_equal(!u.query, !want->query);
		if (u.query)
			assert_string_equal(u.query, want->query);
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (uri_split(bad[i], a, &u, &e))
			fail_msg("'%s' was accepted", bad[i]);
	arena_free(a);
}

static void test_decode(void **state)
{
	static const struct {
		const char *in;
		bool plus;
		const char *out;
	} cases[] = {
		{"", false, ""},
		{"a%2Fb%c3%A9", false, "a/b\u00e9"},
		{"a+b", false, "a+b"},
		{"a+b%2B", true, "a b+"},
		{"%", false, NULL},
		{"%4", false, NULL},
		{"a%4", false, NULL},
		{"%zz", false, NULL},
		{"%00", false, NULL},
		{"%ff", false, NULL},
		{"%c3", false, NULL},
	};
	struct arena *a = arena_new();

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct err e = {0};
		const char *out = uri_decode(cases[i].in, strlen(cases[i].in), cases[i].plus, a, &e);

		if (!out != !cases[i].out || (out && strcmp(out, cases[i].out) != 0))
			fail_msg("%s: %s", cases[i].in, out ? out : e.detail);
		assert_int_equal(e.code, out ? ERR_OK : ERR_MALFORMED);
	}
	assert_string_equal(uri_decode("ab%41", 2, false, a, NULL), "ab");
	assert_null(uri_decode("ab%41", 4, false, a, NULL));
	arena_free(a);
}

static void test_query(void **state)
{
	struct arena *a = arena_new();
	struct err e = {0};
	struct uri_query q;

	(void)state;
	assert_true(uri_parse_query("a=1&b=x%20y+z&&flag&e=&a=2&c=d=e&", a, &q, &e));
	assert_int_equal(q.n, 6);
	assert_string_equal(uri_query_get(&q, "a"), "1");
	assert_string_equal(uri_query_get(&q, "b"), "x y z");
	assert_string_equal(uri_query_get(&q, "flag"), "");
	assert_string_equal(uri_query_get(&q, "e"), "");
	assert_string_equal(uri_query_get(&q, "c"), "d=e");
	assert_string_equal(q.pairs[4].name, "a");
	assert_null(uri_query_get(&q, "A"));
	assert_true(uri_parse_query(NULL, a, &q, &e) && q.n == 0);
	assert_true(uri_parse_query("&&", a, &q, &e) && q.n == 0);
	assert_false(uri_parse_query("a=%0", a, &q, &e));
	assert_false(uri_parse_query("%ff=1", a, &q, &e));
	arena_free(a);
}

static void test_build(void **state)
{
	struct arena *a = arena_new();
	struct strbuf b;

	(void)state;
	strbuf_init(&b, 100);
	uri_encode(&b, "aZ0-._~ /?&=%\u00e9");
	assert_string_equal(b.data, "aZ0-._~%20%2F%3F%26%3D%25%C3%A9");
	strbuf_free(&b);
	assert_string_equal(uri_join(a, "http://h/base//", "x", "a/b", NULL), "http://h/base/x/a%2Fb");
	assert_string_equal(uri_join(a, "", "x", NULL), "/x");
	assert_string_equal(uri_join(a, "http://h", NULL), "http://h");
	arena_free(a);
}

static char *new_folder(void)
{
	static char path[64];

	snprintf(path, sizeof path, "/tmp/trimtab-test-XXXXXX");
	assert_non_null(mkdtemp(path));
	return path;
}

static void test_files(void **state)
{
	const char *root = new_folder(), *path;
	struct arena *a = arena_new();
	struct err e = {0};
	struct stat st;
	size_t n = 0;
	char *contents;

	(void)state;
	path = file_join(a, root, "a/b/c");
	assert_true(file_mkdirs(path, 0700, &e));
	assert_true(file_mkdirs(path, 0700, &e)); /* again */
	assert_true(file_mkdirs(file_join(a, root, "a/x/"), 0700, &e));
	path = file_join(a, path, "file");
	assert_string_equal(path + strlen(root), "/a/b/c/file");
	assert_false(file_exists(path));
	assert_true(file_write(path, "one\0two", 7, 0640, &e));
	assert_true(file_write(path, "ONE\0two", 7, 0600, &e));
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	contents = file_read(path, 7, a, &n, &e);
	assert_non_null(contents);
	assert_int_equal(n, 7);
	assert_memory_equal(contents, "ONE\0two", 8);
	assert_null(file_read(path, 6, a, &n, &e));
	assert_int_equal(e.code, ERR_TOO_LARGE);
	assert_null(file_read(file_join(a, root, "none"), 10, a, &n, &e));
	assert_int_equal(e.code, ERR_NOT_FOUND);
	assert_non_null(strstr(e.detail, "/none: No such file"));
	assert_null(file_read(root, 10, a, &n, &e));
	assert_int_equal(e.code, ERR_UNAVAILABLE);
	assert_false(file_write(file_join(a, path, "below"), "", 0, 0600, &e));
	assert_false(file_mkdirs(file_join(a, path, "below"), 0700, &e));
	assert_false(file_mkdirs(path, 0700, &e));
	assert_true(file_remove_tree(root, &e));
	assert_false(file_exists(root));
	assert_true(file_remove_tree(root, &e)); /* what is not there is removed */
	arena_free(a);
}

/* Links are removed; what they point to stays. */
static void test_remove_tree_follows_no_link(void **state)
{
	struct arena *a = arena_new();
	const char *root = arena_strdup(a, new_folder()), *other = arena_strdup(a, new_folder());
	struct err e = {0};

	(void)state;
	assert_true(file_write(file_join(a, other, "precious"), "x", 1, 0600, &e));
	assert_int_equal(symlink(other, file_join(a, root, "link")), 0);
	assert_true(file_remove_tree(root, &e));
	assert_true(file_exists(file_join(a, other, "precious")));
	assert_true(file_remove_tree(other, &e));
	arena_free(a);
}

static void test_no_temporary_stays(void **state)
{
	struct arena *a = arena_new();
	const char *root = new_folder();
	struct err e = {0};

	(void)state;
	assert_true(file_mkdirs(file_join(a, root, "target"), 0700, &e));
	assert_false(file_write(file_join(a, root, "target"), "x", 1, 0600, &e)); /* a folder is in the way */
	assert_int_equal(rmdir(file_join(a, root, "target")), 0);
	assert_int_equal(rmdir(root), 0);
	arena_free(a);
}

static void test_homes(void **state)
{
	struct arena *a = arena_new();

	(void)state;
	setenv("HOME", "/people/ana", 1);
	unsetenv("XDG_DATA_HOME");
	setenv("XDG_CONFIG_HOME", "/etc/x/", 1);
	setenv("XDG_STATE_HOME", "relative", 1);
	assert_string_equal(file_home(FILE_HOME_DATA, a), "/people/ana/.local/share/trimtab");
	assert_string_equal(file_home(FILE_HOME_CONFIG, a), "/etc/x/trimtab");
	assert_string_equal(file_home(FILE_HOME_STATE, a), "/people/ana/.local/state/trimtab");
	unsetenv("HOME");
	assert_int_equal(file_home(FILE_HOME_CACHE, a)[0], '/');
	arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_split),
		cmocka_unit_test(test_decode),
		cmocka_unit_test(test_query),
		cmocka_unit_test(test_build),
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_remove_tree_follows_no_link),
		cmocka_unit_test(test_no_temporary_stays),
		cmocka_unit_test(test_homes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
