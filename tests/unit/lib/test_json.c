#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/arena.h"
#include "lib/attr.h"
#include "lib/json.h"
#include "lib/json_write.h"
#include "lib/strbuf.h"

static const cJSON *parse(struct arena *a, const char *text, struct err *e)
{
	return json_parse(text, strlen(text), 0, a, e);
}

/* What is read and written again, and how it reads then. */
static void test_accepts(void **state)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{"1", "1"},
		{" 1 ", "1"},
		{"-0", "-0"},
		{"0.1", "0.1"},
		{"1e-05", "1e-05"},
		{"1E+2", "100"},
		{"0.30000000000000004", "0.30000000000000004"},
		{"1e-999", "0"},
		{"9007199254740993", "9007199254740992"},
		{"true", "true"},
		{"[true,false,null]", "[true,false,null]"},
		{"[]", "[]"},
		{"{}", "{}"},
		{"\t[ 1 ,\r\n 2 ]\n", "[1,2]"},
		{"{\"a\" : {\"b\":[{}]}, \"A\":2}", "{\"a\":{\"b\":[{}]},\"A\":2}"},
		{"\"\"", "\"\""},
		{"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\\"\\\\/\\b\\f\\n\\r\\t\""},
		{"\"\\u00e9\\u20AC\\ud83d\\ude00\\u001f\"", "\"\u00e9\u20ac\U0001f600\\u001f\""},
		{"\"\u00e9\u20ac\U0001f600\x7f\"", "\"\u00e9\u20ac\U0001f600\x7f\""},
		{"{\"\":1}", "{\"\":1}"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct arena *a = arena_new();
		struct err e = {0};
		const cJSON *v = parse(a, cases[i].in, &e);
		struct strbuf b;
		struct json_writer w;

		if (!v)
			fail_msg("%s: %s", cases[i].in, e.detail);
		strbuf_init(&b, 1000);
		jw_init(&w, &b);
		jw_value(&w, NULL, v);
		assert_string_equal(b.data, cases[i].out);
		strbuf_free(&b);
		arena_free(a);
	}
}

static void test_refuses(void **state)
{
	static const struct {
		const char *in, *error;
	} cases[] = {
		{"", "line 1, column 1: the text ends where a value is expected"},
		{"  ", "line 1, column 3: the text ends"},
		{"{", "column 2: expected a name"},
		{"[1,]", "column 4: expected a value"},
		{"[,1]", "column 2: expected a value"},
		{"{\"a\":1,}", "column 8: expected a name"},
		{"{\"a\" 1}", "column 6: expected a colon"},
		{"{\"a\":}", "column 6: expected a value"},
		{"{a:1}", "column 2: expected a name"},
		{"{\"a\":1 \"b\":2}", "column 8: expected a comma"},
		{"[1 2]", "column 4: expected a comma"},
		{"[1}", "column 3: expected a comma"},
		{"01", "cannot begin with 0"},
		{"[01]", "column 2: a number cannot begin with 0"},
		{"-", "a minus sign needs a digit"},
		{"+1", "expected a value"},
		{".5", "expected a value"},
		{"1.", "a decimal point needs a digit"},
		{"1e", "an exponent needs a digit"},
		{"1e+", "an exponent needs a digit"},
		{"1e999", "too large for a double"},
		{"-1e999", "too large for a double"},
		{"NaN", "expected a value"},
		{"Infinity", "expected a value"},
		{"nul", "expected a value"},
		{"True", "expected a value"},
		{"'a'", "expected a value"},
		{"1 2", "column 3: text follows"},
		{"{}x", "column 3: text follows"},
		{"\xEF\xBB\xBF{}", "byte order mark"},
		{"\"abc", "the string is not closed"},
		{"\"a\nb\"", "line 1, column 3: a control character"},
		{"\"\\x\"", "a backslash must be followed"},
		{"\"\\u12g4\"", "a backslash must be followed"},
		{"\"\\u123", "a backslash must be followed"},
		{"\"\\", "a backslash must be followed"},
		{"\"\\u0000\"", "\\u0000 is not allowed"},
		{"\"\\ud800\"", "surrogate"},
		{"\"\\ud800\\u0041\"", "surrogate"},
		{"\"\\udc00\"", "surrogate"},
		{"\"\xff\"", "column 2: the bytes are not UTF-8"},
		{"\"\xed\xa0\x80\"", "not UTF-8"},
		{"\"\xc0\x80\"", "not UTF-8"},
		{"{\"a\":1,\"a\":2}", "column 8: the name occurs twice"},
		{"{\"a\":1,\n \"\\u0061\":2}", "line 2, column 2: the name occurs twice"},
		{"{\"\u00e9\":{}, \"\\u00e9\":2}", "column 10: the name occurs twice"},
		{"{\"\u20ac\":1,\"\\u20ac\":2}", "the name occurs twice"},
		{"{\"\U0001f600\":1,\"\\ud83d\\ude00\":2}", "the name occurs twice"},
		{"{\"a\\n/\":1,\"a\\u000a\\/\":2}", "the name occurs twice"},
		{"[{\"a\":{\"b\":1,\"b\":1}}]", "column 14: the name occurs twice"},
		{"{\"a\":0,\"b\":0,\"c\":0,\"d\":0,\"e\":0,\"f\":0,\"g\":0,\"h\":0,\"i\":0,\"j\":0,\"k\":0,"
		 "\"l\":0,\"m\":0,\"c\":0}",
			"column 80: the name occurs twice"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct arena *a = arena_new();
		struct err e = {0};

		if (parse(a, cases[i].in, &e))
			fail_msg("%s was accepted", cases[i].in);
		assert_int_equal(e.code, ERR_MALFORMED);
		if (!strstr(e.detail, cases[i].error))
			fail_msg("%s: '%s' instead of '%s'", cases[i].in, e.detail, cases[i].error);
		arena_free(a);
	}
}

static void test_nul_byte_and_size(void **state)
{
	struct arena *a = arena_new();
	struct err e = {0};

	(void)state;
	assert_null(json_parse("[1]\0", 4, 0, a, &e));
	assert_non_null(strstr(e.detail, "column 4: a NUL byte"));
	assert_null(json_parse("[1, 2]", 6, 5, a, &e));
	assert_int_equal(e.code, ERR_TOO_LARGE);
	assert_non_null(json_parse("[1]garbage", 3, 3, a, &e));
	assert_null(json_parse("[1]", 3, 2, a, NULL));
	arena_free(a);
}

static void test_depth(void **state)
{
	char text[2 * JSON_DEPTH_MAX + 4];

	(void)state;
	for (size_t depth = JSON_DEPTH_MAX; depth <= JSON_DEPTH_MAX + 1; depth++) {
		struct arena *a = arena_new();
		struct err e = {0};
		const cJSON *v;

		memset(text, '[', depth);
		memset(text + depth, ']', depth);
		v = json_parse(text, 2 * depth, 0, a, &e);
		assert_int_equal(v != NULL, depth <= JSON_DEPTH_MAX);
		assert_true(v || strstr(e.detail, "column 65: nested deeper"));
		arena_free(a);
	}
}

static void test_long_number(void **state)
{
	char text[80];
	struct arena *a = arena_new();
	struct err e = {0};
	double x = 0;

	(void)state;
	memset(text, '3', sizeof text);
	assert_true(json_num(json_parse(text, 63, 0, a, &e), &x));
	assert_true(x == 333333333333333333333333333333333333333333333333333333333333333.0);
	assert_null(json_parse(text, 64, 0, a, &e));
	assert_non_null(strstr(e.detail, "at most 63"));
	arena_free(a);
}

static void test_many_keys(void **state)
{
	struct arena *a = arena_new();
	struct err e = {0};
	struct strbuf b;

	(void)state;
	strbuf_init(&b, SIZE_MAX);
	for (int i = 0; i < 20000; i++)
		strbuf_printf(&b, "%s\"k%d\":%d", i ? "," : "{", i, i);
	strbuf_puts(&b, "}");
	if (!json_parse(b.data, b.len, 0, a, &e))
		fail_msg("%s", e.detail);
	b.data[--b.len] = '\0';
	strbuf_puts(&b, ",\"k777\":0}");
	assert_null(json_parse(b.data, b.len, 0, a, &e));
	assert_non_null(strstr(e.detail, "occurs twice"));
	strbuf_free(&b);
	arena_free(a);
}

static void test_accessors(void **state)
{
	struct arena *a = arena_new();
	struct err e = {0};
	const cJSON *v = parse(a,
		"{\"a\":1,\"A\":\"x\",\"a/b\":[10,[20]],\"~\":-5,\"\":0.5,\"big\":9007199254740994,"
		"\"nan\":\"NaN\",\"n\":\"0.25\",\"t\":true}",
		&e);
	int64_t i = 0;
	double x = 0;

	(void)state;
	assert_true(json_int(json_get(v, "a"), &i) && i == 1);
	assert_string_equal(json_str(json_get(v, "A")), "x");
	assert_null(json_get(v, "b"));
	assert_null(json_get(json_get(v, "a"), "a"));
	assert_null(json_get(NULL, "a"));
	assert_null(json_str(NULL));
	assert_ptr_equal(json_at(v, ""), v);
	assert_true(json_int(json_at(v, "/a~1b/1/0"), &i) && i == 20);
	assert_true(json_int(json_at(v, "/~0"), &i) && i == -5);
	assert_true(json_num(json_at(v, "/"), &x) && x == 0.5);
	assert_null(json_at(v, "/a~1b/01"));
	assert_null(json_at(v, "/a~1b/-1"));
	assert_null(json_at(v, "/a~1b/2"));
	assert_null(json_at(v, "/a~2b"));
	assert_null(json_at(v, "/~"));
	assert_null(json_at(v, "a"));
	assert_false(json_int(json_get(v, "big"), &i));
	assert_false(json_int(json_get(v, ""), &i));
	assert_false(json_num(json_get(v, "n"), &x));
	assert_true(json_num_lax(json_get(v, "n"), &x) && x == 0.25);
	assert_true(json_num_lax(json_get(v, "nan"), &x) && x != x);
	assert_false(json_num_lax(json_get(v, "A"), &x));
	assert_false(json_num_lax(json_get(v, "t"), &x));
	assert_false(json_num_lax(NULL, &x));
	arena_free(a);
}

static void test_equal(void **state)
{
	static const struct {
		const char *a, *b;
		bool equal;
	} cases[] = {
		{"{\"a\":1,\"b\":[1,{}]}", "{\"b\":[1,{}],\"a\":1.0}", true},
		{"{\"a\":1,\"b\":2}", "{\"a\":2,\"b\":1}", false},
		{"{\"a\":1}", "{\"A\":1}", false},
		{"{\"a\":1}", "{\"a\":1,\"b\":1}", false},
		{"[1,2]", "[2,1]", false},
		{"[1]", "[1,1]", false},
		{"[]", "{}", false},
		{"true", "false", false},
		{"null", "null", true},
		{"\"1\"", "1", false},
		{"0", "-0", true},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct arena *a = arena_new();
		bool equal = json_equal(parse(a, cases[i].a, NULL), parse(a, cases[i].b, NULL));

		if (equal != cases[i].equal)
			fail_msg("%s and %s: %d", cases[i].a, cases[i].b, equal);
		arena_free(a);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_accepts),
		cmocka_unit_test(test_refuses),
		cmocka_unit_test(test_nul_byte_and_size),
		cmocka_unit_test(test_depth),
		cmocka_unit_test(test_long_number),
		cmocka_unit_test(test_many_keys),
		cmocka_unit_test(test_accessors),
		cmocka_unit_test(test_equal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
