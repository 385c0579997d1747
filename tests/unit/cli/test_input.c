#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "cli/input.h"
#include "cli/output.h"
#include "cli/space_flag.h"
#include "lib/arena.h"
#include "lib/json_write.h"
#include "lib/strbuf.h"

struct fixture {
	struct arena *arena;
	struct strbuf out;
};

static const cJSON *tree_of(struct fixture *f, const char *text)
{
	const cJSON *tree = json_parse(text, strlen(text), 0, f->arena, NULL);

	if (!tree)
		fail_msg("no JSON: %s", text);
	return tree;
}

static void test_changes(void **state)
{
	static const struct {
		const char *doc, *set[3], *expect;
	} cases[] = {
		{"{\"a\":1}", {"a=2"}, "{\"a\":2}"},
		{"{\"a\":1}", {"b=x"}, "{\"a\":1,\"b\":\"x\"}"},
		{"{\"a\":{\"b\":1}}", {"a.c=true", "a.b=null"}, "{\"a\":{\"b\":null,\"c\":true}}"},
		{"{}", {"a.b.c=1", "a.b.d=2"}, "{\"a\":{\"b\":{\"c\":1,\"d\":2}}}"},
		{"{\"a\":[1,{\"b\":2}]}", {"a.1.b=3", "a.0=9"}, "{\"a\":[9,{\"b\":3}]}"},
		{"{\"a\":1,\"ab\":2}", {"ab=3"}, "{\"a\":1,\"ab\":3}"},
		{"{\"a\":1}", {"a=2", "a=3"}, "{\"a\":3}"},
		{"{\"a\":1}", {"a=[1,\"x\"]"}, "{\"a\":[1,\"x\"]}"},
		{"{\"a\":1}", {"a={\"q\":1}"}, "{\"a\":{\"q\":1}}"},
		{"{\"a\":1}", {"a=[broken"}, "{\"a\":\"[broken\"}"},
		{"{\"a\":1}", {"a="}, "{\"a\":\"\"}"},
		{"{\"a\":1}", {"a=x=y"}, "{\"a\":\"x=y\"}"},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct changes changes = {0};
		struct json_writer w;
		struct err e = {0};

		for (size_t k = 0; k < 3 && cases[i].set[k]; k++)
			assert_true(changes_add(&changes, f->arena, cases[i].set[k], &e));
		strbuf_reset(&f->out);
		jw_init(&w, &f->out);
		changes_write(&w, NULL, tree_of(f, cases[i].doc), &changes, "");
		assert_string_equal(f->out.data, cases[i].expect);
	}
}

static void test_wrong_changes(void **state)
{
	struct fixture *f = *state;
	struct changes changes = {0};
	struct err e = {0};

	assert_false(changes_add(&changes, f->arena, "no-equals", &e));
	assert_int_equal(e.code, ERR_INVALID);
	assert_false(changes_add(&changes, f->arena, "=value", &e));
}

static void test_words(void **state)
{
	static const char *const words[] = {"lr=1e-3", "n=007", "name=adam", "on=true", "p=.5", "s=1.2.3", "none=null"};
	static const char *const wrong[] = {"lr"};
	struct fixture *f = *state;
	const char *json;
	struct err e = {0};

	assert_true(words_object(f->arena, words, 7, &json, &e));
	assert_string_equal(json,
		"{\"lr\":1e-3,\"n\":7,\"name\":\"adam\",\"on\":true,\"p\":0.5,\"s\":\"1.2.3\",\"none\":null}");
	assert_false(words_object(f->arena, wrong, 1, &json, &e));
	assert_string_equal(e.detail, "'lr' is not NAME=VALUE");
}

static void test_generated_names(void **state)
{
	static const struct {
		const char *prefix, *start;
	} cases[] = {
		{"train", "train-"}, {"My Script!", "my-script-"}, {"2fast", "fast-"}, {"--", "run-"}, {"", "run-"},
		{"a-very-long-name-that-goes-on-and-on-and-on", "a-very-long-name-that-goes-on-and-"},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const char *name = generate_name(f->arena, cases[i].prefix);

		if (strncmp(name, cases[i].start, strlen(cases[i].start) - 1) != 0 || strlen(name) > 40)
			fail_msg("%s -> %s", cases[i].prefix, name);
	}
}

static void test_trial_names(void **state)
{
	struct fixture *f = *state;
	const char *name, *trial;

	split_trial(f->arena, "digits/17", &name, &trial);
	assert_string_equal(name, "digits");
	assert_string_equal(trial, "17");
	split_trial(f->arena, "digits", &name, &trial);
	assert_null(trial);
	split_trial(f->arena, "digits/", &name, &trial);
	assert_null(trial);
}

static void test_documents(void **state)
{
	static const char yaml[] = "metadata: {name: digits}\n", json[] = " {\"metadata\": {\"name\": \"x\"}}";
	struct fixture *f = *state;
	struct document d;
	struct err e = {0};

	assert_true(document_parse(yaml, strlen(yaml), "a.yaml", NULL, f->arena, &d, &e));
	assert_string_equal(d.content_type, "application/yaml");
	assert_ptr_equal(d.text, yaml);
	assert_string_equal(d.name, "digits");
	assert_true(document_parse(json, strlen(json), "a.json", NULL, f->arena, &d, &e));
	assert_string_equal(d.content_type, "application/json");
	assert_false(document_parse("{", 1, "a.json", NULL, f->arena, &d, &e));
	assert_memory_equal(e.detail, "a.json: ", 8);
}

static void test_space_flags(void **state)
{
	static const struct {
		const char *flag, *expect; /* NULL: refused */
	} cases[] = {
		{"1..6", "{\"type\":\"int\",\"min\":1,\"max\":6}"},
		{"-3..3", "{\"type\":\"int\",\"min\":-3,\"max\":3}"},
		{"0..0.5", "{\"type\":\"double\",\"min\":0,\"max\":0.5}"},
		{"0.0..1", "{\"type\":\"double\",\"min\":0.0,\"max\":1}"},
		{"log:1e-5..1e-1", "{\"type\":\"double\",\"min\":1e-5,\"max\":1e-1,\"scale\":\"log\"}"},
		{"log:8..256", "{\"type\":\"int\",\"min\":8,\"max\":256,\"scale\":\"log\"}"},
		{"double:1..2", "{\"type\":\"double\",\"min\":1,\"max\":2}"},
		{"log:double:1..2", "{\"type\":\"double\",\"min\":1,\"max\":2,\"scale\":\"log\"}"},
		{"0..10:2", "{\"type\":\"int\",\"min\":0,\"max\":10,\"step\":2}"},
		{"0..1:0.25", "{\"type\":\"double\",\"min\":0,\"max\":1,\"step\":0.25}"},
		{"sgd,adam", "{\"type\":\"categorical\",\"values\":[\"sgd\",\"adam\"]}"},
		{"16,32,64", "{\"type\":\"discrete\",\"values\":[16,32,64]}"},
		{"16,auto", "{\"type\":\"categorical\",\"values\":[\"16\",\"auto\"]}"},
		{"1..", NULL}, {"..2", NULL}, {"1..b", NULL}, {"1..2:", NULL}, {"a,,b", NULL}, {",a", NULL}, {"a,", NULL},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct json_writer w;
		struct err e = {0};
		bool ok;

		assert_true(space_flag_is(cases[i].flag));
		strbuf_reset(&f->out);
		jw_init(&w, &f->out);
		jw_array(&w, NULL);
		ok = space_flag_write(&w, f->arena, NULL, cases[i].flag, &e);
		if (ok != (cases[i].expect != NULL))
			fail_msg("%s was %s", cases[i].flag, ok ? "taken" : e.detail);
		if (ok && strcmp(f->out.data + 1, cases[i].expect) != 0)
			fail_msg("%s gave %s", cases[i].flag, f->out.data + 1);
	}
	assert_false(space_flag_is("0.1"));
	assert_false(space_flag_is(NULL));
}

static void test_jsonpath(void **state)
{
	static const char doc[] = "{\"a\":{\"b\":[{\"n\":\"x\"},{\"n\":2},{\"m\":1}]},\"k.e\":true,\"z\":null}";
	static const struct {
		const char *path, *expect; /* NULL: refused */
	} cases[] = {
		{"{.a.b[0].n}", "x\n"}, {".a.b[*].n", "x 2\n"}, {"$.a.b[-1].m", "1\n"}, {"{.a.b[9].n}", "\n"},
		{".nothing", "\n"}, {"['k.e']", "true\n"}, {".z", "null\n"}, {".a.b[2]", "{\"m\":1}\n"}, {"{.}", NULL},
		{"a", NULL}, {".a.b[x]", NULL}, {".a.b[0", NULL}, {".a..b", NULL},
	};
	struct fixture *f = *state;
	const cJSON *tree = tree_of(f, doc);

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct err e = {0};
		bool ok;

		strbuf_reset(&f->out);
		ok = jsonpath_print(tree, cases[i].path, &f->out, &e);
		if (strcmp(cases[i].path, "{.}") == 0) {
			assert_true(ok);
			continue;
		}
		if (ok != (cases[i].expect != NULL))
			fail_msg("%s: %s", cases[i].path, ok ? f->out.data : e.detail);
		if (ok)
			assert_string_equal(f->out.data, cases[i].expect);
	}
}

static void test_pretty(void **state)
{
	struct fixture *f = *state;

	strbuf_reset(&f->out);
	json_pretty(&f->out, tree_of(f, "{\"a\":[1,2],\"b\":{\"c\":[{\"d\":0.1}]},\"e\":{},\"f\":[]}"));
	assert_string_equal(f->out.data, "{\n  \"a\": [1,2],\n  \"b\": {\n    \"c\": [\n      {\n        \"d\": 0.1\n"
									 "      }\n    ]\n  },\n  \"e\": {},\n  \"f\": []\n}\n");
}

static void test_output_names(void **state)
{
	struct output o;
	struct err e = {0};

	(void)state;
	assert_true(output_parse("jsonpath={.a}", &o, &e));
	assert_int_equal(o.kind, OUTPUT_JSONPATH);
	assert_string_equal(o.path, "{.a}");
	assert_true(output_parse(NULL, &o, &e));
	assert_int_equal(o.kind, OUTPUT_TABLE);
	assert_false(output_parse("ymal", &o, &e));
	assert_non_null(strstr(e.detail, "did you mean yaml?"));
	assert_false(output_parse("jsonpath", &o, &e));
}

static int setup(void **state)
{
	static struct fixture f;

	f.arena = arena_new();
	strbuf_init(&f.out, 1 << 20);
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	arena_free(f->arena);
	strbuf_free(&f->out);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_changes),
		cmocka_unit_test(test_wrong_changes),
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_generated_names),
		cmocka_unit_test(test_trial_names),
		cmocka_unit_test(test_documents),
		cmocka_unit_test(test_space_flags),
		cmocka_unit_test(test_jsonpath),
		cmocka_unit_test(test_pretty),
		cmocka_unit_test(test_output_names),
	};

	return cmocka_run_group_tests_name("input", tests, setup, teardown);
}
