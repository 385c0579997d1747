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
#include "lib/yaml.h"

/* What YAML means, said in JSON. */
static void test_accepts(void **state)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{"a: 1", "{\"a\":1}"},
		{"\xEF\xBB\xBF"
		 "a: 1",
			"{\"a\":1}"},
		{"[null, ~, Null, NULL, ]", "[null,null,null,null]"},
		{"a:\nb: ''", "{\"a\":null,\"b\":\"\"}"},
		{"[true, True, TRUE, false, False, FALSE]", "[true,true,true,false,false,false]"},
		{"[yes, no, on, off, tRue, nULL]", "[\"yes\",\"no\",\"on\",\"off\",\"tRue\",\"nULL\"]"},
		{"[12, -3, +4, 012, 0o17, 0x1F]", "[12,-3,4,12,15,31]"},
		{"[0o18, 0xG, 0x, 0o, -0x1]", "[\"0o18\",\"0xG\",\"0x\",\"0o\",\"-0x1\"]"},
		{"[0.1, .5, 5., 1e-5, -1.5E+3, 1_000]", "[0.1,0.5,5,1e-05,-1500,\"1_000\"]"},
		{"['1', \"true\", '~']", "[\"1\",\"true\",\"~\"]"},
		{"['.nan', .nanny, \".inf\"]", "[\".nan\",\".nanny\",\".inf\"]"},
		{"[!!str 12, !!float 1, !!int 0x10, !!bool true, !!null ~, ! 5, !!str ]",
			"[\"12\",1,16,true,null,\"5\",\"\"]"},
		{"[!!int '3', !!float \"0.5\"]", "[3,0.5]"},
		{"!!map {a: !!seq [1]}", "{\"a\":[1]}"},
		{"1: a\ntrue: b\n~: c", "{\"1\":\"a\",\"true\":\"b\",\"~\":\"c\"}"},
		{"a: |\n  x\n   y\nb: >-\n  p\n  q\n", "{\"a\":\"x\\n y\\n\",\"b\":\"p q\"}"},
		{"- &x {a: 1}\n- *x\n- b: *x", "[{\"a\":1},{\"a\":1},{\"b\":{\"a\":1}}]"},
		{"- &x 1\n- &x 2\n- *x", "[1,2,2]"},
		{"# note\n---\na: 1 # more\n...\n", "{\"a\":1}"},
		{"a: \"\\u00e9\\x41\\U0001f600\"", "{\"a\":\"\u00e9A\U0001f600\"}"},
		{"{\"a\": [1, {\"b\": null}]}", "{\"a\":[1,{\"b\":null}]}"},
		{"- - 1\n  - 2\n-\n  - 3", "[[1,2],[3]]"},
		{"a: 2026-11-22", "{\"a\":\"2026-11-22\"}"},
		{"'<<': 1", "{\"<<\":1}"},
		{"''''''''''''", "\"'''''\""},
		{"['''', '''''', 'a''''b', '''a''']", "[\"'\",\"''\",\"a''b\",\"'a'\"]"},
		{"' a  \n  b\t\r\n\n\n c '", "\" a b\\n\\nc \""},
		{"'\n'", "\" \""},
		{"command: [python3, train.py, '--lr=${lr}']",
			"{\"command\":[\"python3\",\"train.py\",\"--lr=${lr}\"]}"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct arena *a = arena_new();
		struct err e = {0};
		const cJSON *v = yaml_parse(cases[i].in, strlen(cases[i].in), 0, a, &e);
		struct json_writer w;
		struct strbuf b;

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
		{"", "has 0 documents"},
		{"# nothing", "has 0 documents"},
		{"--- 1\n--- 2", "has 2 documents"},
		{"a: 1\nb: [1", "not YAML: line 3, column 1"},
		{"a: b: c", "line 1, column 5"},
		{"a:\n\t- b", "line 2, column 1: tab"},
		{"@x", "line 1, column 1"},
		{"a: .nan", "line 1, column 4: infinities and NaN"},
		{"a: -.Inf", "line 1, column 4: infinities and NaN"},
		{"a: 1e999", "line 1, column 4: the number is too large"},
		{"a: 0x20000000000001", "line 1, column 4: the number is too large"},
		{"a: 1\nb: 2\na: 3", "line 3, column 1: the key occurs twice"},
		{"a: 1\n\"a\": 3", "line 2, column 2: the key occurs twice"},
		{"- {a: 1,\n   b: 1, b: 2}", "line 2, column 10: the key occurs twice"},
		{"? [a]\n: 1", "a key must be"},
		{"? {a: 1}\n: 1", "a key must be"},
		{"- &x a\n- *x : 1", "a key must be"},
		{"- &x {a: 1}\n- <<: *x\n  b: 1", "line 2, column 3: merge keys"},
		{"a: *x", "no anchor"},
		{"a: &x [*x]", "no anchor"},
		{"--- &x 1\n--- *x", "no anchor"},
		{"a: !foo 1", "the tag"},
		{"a: !!int x", "the tag"},
		{"a: !!int 1.5", "the tag"},
		{"a: !!bool 1", "the tag"},
		{"a: !!map [1]", "the tag"},
		{"a: !!seq {b: 1}", "the tag"},
		{"a: !!set {b}", "the tag"},
		{"a: \"x\\0y\"", "a NUL"},
		{"a: \xff", "line 1, column 4: the bytes are not UTF-8"},
		{"a: \"\xed\xa0\x80\"", "not UTF-8"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct arena *a = arena_new();
		struct err e = {0};

		if (yaml_parse(cases[i].in, strlen(cases[i].in), 0, a, &e))
			fail_msg("%s was accepted", cases[i].in);
		assert_int_equal(e.code, ERR_MALFORMED);
		if (!strstr(e.detail, cases[i].error))
			fail_msg("%s: '%s' instead of '%s'", cases[i].in, e.detail, cases[i].error);
		arena_free(a);
	}
}

static void test_limits(void **state)
{
	struct arena *a = arena_new();
	struct err e = {0};
	struct strbuf b;

	(void)state;
	assert_null(yaml_parse("a: 1", 4, 3, a, &e));
	assert_int_equal(e.code, ERR_TOO_LARGE);

	strbuf_init(&b, SIZE_MAX);
	strbuf_puts(&b, "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
	for (int i = 1; i < 20; i++)
		strbuf_printf(&b, "a%d: &a%d [*a%d, *a%d, *a%d]\n", i, i, i - 1, i - 1, i - 1);
	assert_null(yaml_parse(b.data, b.len, 0, a, &e));
	assert_non_null(strstr(e.detail, "more than 200000 values"));

	strbuf_reset(&b);
	for (int i = 0; i < JSON_DEPTH_MAX + 1; i++)
		strbuf_puts(&b, "[");
	assert_null(yaml_parse(b.data, b.len, 0, a, &e));
	assert_non_null(strstr(e.detail, "nested deeper"));

	strbuf_reset(&b);
	strbuf_puts(&b, "- &a0 [1]\n");
	for (int i = 1; i < JSON_DEPTH_MAX; i++)
		strbuf_printf(&b, "- &a%d [*a%d]\n", i, i - 1);
	assert_null(yaml_parse(b.data, b.len, 0, a, &e));
	assert_non_null(strstr(e.detail, "nested deeper"));

	strbuf_reset(&b);
	for (int i = 0; i < 1001; i++)
		strbuf_printf(&b, "- &a%d 1\n", i);
	assert_null(yaml_parse(b.data, b.len, 0, a, &e));
	assert_non_null(strstr(e.detail, "more than 1000 anchors"));
	strbuf_free(&b);
	arena_free(a);
}

static void test_streams(void **state)
{
	static const char text[] = "a: 1\n---\n---\n- 2\n---\n# none\n--- 3\n...\n";
	struct arena *a = arena_new();
	struct err e = {0};
	struct yaml_docs docs;

	(void)state;
	if (!yaml_parse_all(text, strlen(text), 0, a, &docs, &e))
		fail_msg("%s", e.detail);
	assert_int_equal(docs.n, 3);
	assert_non_null(json_get(docs.items[0], "a"));
	assert_true(cJSON_IsArray(docs.items[1]));
	assert_true(cJSON_IsNumber(docs.items[2]));
	assert_true(yaml_parse_all("", 0, 0, a, &docs, &e));
	assert_int_equal(docs.n, 0);
	arena_free(a);
}

/* JSON in, YAML out, and the same back. */
static void test_writes(void **state)
{
	static const struct {
		const char *json, *yaml;
	} cases[] = {
		{"1", "1\n"},
		{"{}", "{}\n"},
		{"[]", "[]\n"},
		{"\"a b\"", "a b\n"},
		{"{\"a\":{\"b\":[1,\"x\"]},\"c\":null}", "a:\n  b:\n    - 1\n    - x\nc: null\n"},
		{"[{\"a\":1,\"b\":[]},[[2],{}],true]", "- a: 1\n  b: []\n- - - 2\n  - {}\n- true\n"},
		{"[\"yes\",\"1\",\"\",\"-\",\"a: b\",\" a\",\"a \",\"null\",\"~\",\"0x1\",\"a#b\"]",
			"- \"yes\"\n- \"1\"\n- \"\"\n- \"-\"\n- \"a: b\"\n- \" a\"\n- \"a \"\n- \"null\"\n- \"~\"\n"
			"- \"0x1\"\n- \"a#b\"\n"},
		{"[\"\\u0007\\u007f\\u0080\\u0085\\u2028\\ufeff\\uffff\\ufffd\u00e9\"]",
			"- \"\\u0007\\u007f\\u0080\\u0085\\u2028\\ufeff\\uffff\ufffd\u00e9\"\n"},
		{"[\"a\\nb\\t\\\"c\\\\\"]", "- \"a\\nb\\t\\\"c\\\\\"\n"},
		{"{\"<<\":1,\"\":2,\"a b\":3,\"true\":4}", "\"<<\": 1\n\"\": 2\na b: 3\n\"true\": 4\n"},
		{"[1e300,0.1,-0,1e15,123456]", "- 1e+300\n- 0.1\n- -0\n- 1000000000000000\n- 123456\n"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct arena *a = arena_new();
		struct err e = {0};
		const cJSON *v = json_parse(cases[i].json, strlen(cases[i].json), 0, a, &e), *again;
		struct strbuf b;

		assert_non_null(v);
		strbuf_init(&b, 10000);
		yaml_write(&b, v);
		assert_string_equal(b.data, cases[i].yaml);
		again = yaml_parse(b.data, b.len, 0, a, &e);
		if (!again)
			fail_msg("%s: %s", b.data, e.detail);
		assert_true(json_equal(v, again));
		strbuf_free(&b);
		arena_free(a);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_accepts),
		cmocka_unit_test(test_refuses),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_streams),
		cmocka_unit_test(test_writes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
