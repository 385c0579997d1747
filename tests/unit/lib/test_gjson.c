#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/arena.h"
#include "lib/attr.h"
#include "lib/gjson.h"
#include "lib/json_write.h"

static const char job[] =
	"{\"status\":{\"conditions\":[{\"type\":\"SuccessCriteriaMet\",\"status\":\"True\",\"n\":1},"
	"{\"type\":\"Complete\",\"status\":\"True\",\"n\":2},{\"type\":\"Failed\","
	"\"status\":\"False\",\"reason\":\"Backoff\",\"n\":0.5}],\"active\":0,\"succeeded\":1,"
	"\"phase\":\"Succeeded\",\"list\":[[1,2],[3],[],{\"a\":[{\"type\":\"x\"},"
	"{\"type\":\"y\"}]}]},\"metadata\":{\"name\":\"a.b\",\"a.b/c\":\"v\","
	"\"labels\":{\"app\":\"x\",\"apple\":\"y\",\"b\":\"z\"}},\"flags\":[true,false,null,\"true\","
	"\"1\",1,0,\"\",-2.5,\"x*y\"]}";

static const char arr[] =
	"[1,\"two\",{\"type\":\"Complete\",\"status\":\"True\"},[{\"type\":\"a\"},{\"type\":\"b\","
	"\"n\":2}],null,true]";

static const char scalar[] =
	"{\"status\":\"x\",\"items\":{\"type\":\"c\"},\"e\":[],\"o\":{}}";

static const char wf[] =
	"{\"status\":{\"phase\":\"Succeeded\",\"progress\":\"1/1\",\"outputs\":{\"exitCode\":\"0\"}}}";

static const char ten[] =
	"[0,1,2,3,4,5,6,7,8,9,\"caf\u00e9\",\"x*y\",\"a\\\\b\"]";

/* What it finds, as JSON; NULL if nothing. */
static const char *found(const char *doc, const char *query, struct arena *a)
{
	struct err e = {0};
	const cJSON *tree = json_parse(doc, strlen(doc), 0, a, &e);
	const struct gjson *q = gjson_compile(query, a, &e);
	const cJSON *v;
	struct json_writer w;
	struct strbuf b;
	const char *out;

	if (!tree || !q)
		fail_msg("%s: %s", query, e.detail);
	v = gjson_get(q, tree, a);
	strbuf_init(&b, SIZE_MAX);
	jw_init(&w, &b);
	if (v)
		jw_value(&w, NULL, v);
	out = v ? arena_strdup(a, b.data) : NULL;
	strbuf_free(&b);
	return out;
}

/* The answers are those of github.com/tidwall/gjson 1.18.0 to the same questions. */
static void test_answers(void **state)
{
	static const struct {
		const char *doc, *query, *answer;
	} cases[] = {
		{job, "status.active", "0"},
		{job, "status.phase", "\"Succeeded\""},
		{job, "status.missing", NULL},
		{job, "status.phase.x", NULL},
		{job, "metadata.a\\.b/c", "\"v\""},
		{job, "metadata.labels.app*", "\"x\""},
		{job, "metadata.labels.a?ple", "\"y\""},
		{job, "metadata.labels.a*.x", NULL},
		{job, "sta*.succ*", "1"},
		{job, "*.phase", "\"Succeeded\""},
		{job, "?ags.3", NULL},
		{job, "\\metadata.name", "\"a.b\""},
		{job, "flags.0", "true"},
		{job, "flags.00", "true"},
		{job, "flags.99", NULL},
		{job, "flags.-1", NULL},
		{job, "flags.name", NULL},
		{job, "flags.#", "10"},
		{job, "status.#", NULL},
		{job, "status.list.0.1", "2"},
		{job, "status.list.#", "4"},
		{job, "status.list.#.0", "[1,3]"},
		{job, "status.list.#.#", "[2,1,0]"},
		{job, "status.list.#.a", "[[{\"type\":\"x\"},{\"type\":\"y\"}]]"},
		{job, "status.list.3.a.#.type", "[\"x\",\"y\"]"},
		{job, "status.list.#.a.#.type", "[[\"x\",\"y\"]]"},
		{job, "status.list.#.a|0", "[{\"type\":\"x\"},{\"type\":\"y\"}]"},
		{job, "status.list.#.a|#", "1"},
		{job, "status.list.#.missing", "[]"},
		{job, "status.list.#.missing|0", NULL},
		{job, "status.conditions.#.type", "[\"SuccessCriteriaMet\",\"Complete\",\"Failed\"]"},
		{job, "status.conditions.#.type|1", "\"Complete\""},
		{job, "status.conditions.#.type.1", "[]"},
		{job, "status.conditions.#(type==\"Complete\")",
			"{\"type\":\"Complete\",\"status\":\"True\",\"n\":2}"},
		{job, "status.conditions.#(type==\"Complete\").status", "\"True\""},
		{job, "status.conditions.#(type==\"Complete\")|status", "\"True\""},
		{job, "status.conditions.#(type==\"Complete\")#",
			"[{\"type\":\"Complete\",\"status\":\"True\",\"n\":2}]"},
		{job, "status.conditions.#(type==\"Complete\")#|#(status==\"True\")#",
			"[{\"type\":\"Complete\",\"status\":\"True\",\"n\":2}]"},
		{job, "status.conditions.#(type==\"Failed\")#|#(status==\"True\")#", "[]"},
		{job, "status.conditions.#(type==\"Failed\")#|#(status==\"False\")#",
			"[{\"type\":\"Failed\",\"status\":\"False\",\"reason\":\"Backoff\",\"n\":0.5}]"},
		{job, "status.conditions.#(type==\"Nothing\")#|#(status==\"True\")#", "[]"},
		{job, "status.conditions.#(type==\"Complete\")#.#(status==\"True\")#", "[]"},
		{job, "status.conditions.#(type==\"Nothing\")#.type|0", "[]"},
		{job, "status.conditions.#(type!=\"Nothing\")#.type|0", "\"SuccessCriteriaMet\""},
		{job, "status.conditions.#(type==\"Nothing\").status", NULL},
		{job, "missing.#(type==\"Complete\")#|#(status==\"True\")#", NULL},
		{job, "status.phase.#(type==\"Complete\")#|#(status==\"True\")#", NULL},
		{job, "status.conditions.#( type == \"Complete\" )#.n", "[2]"},
		{job, "status.conditions.#(type=Complete).n", "2"},
		{job, "status.conditions.#(type==Complete).n", "2"},
		{job, "status.conditions.#[type==\"Failed\"].n", "0.5"},
		{job, "status.conditions.#(reason).type", "\"Failed\""},
		{job, "status.conditions.#(reason)#.reason", "[\"Backoff\"]"},
		{job, "status.conditions.#(n==1).type", "\"SuccessCriteriaMet\""},
		{job, "status.conditions.#(n!=1)#.type", "[\"Complete\",\"Failed\"]"},
		{job, "status.conditions.#(n<1)#.type", "[\"Failed\"]"},
		{job, "status.conditions.#(n<=1)#.type", "[\"SuccessCriteriaMet\",\"Failed\"]"},
		{job, "status.conditions.#(n>1)#.type", "[\"Complete\"]"},
		{job, "status.conditions.#(n>=1)#.type", "[\"SuccessCriteriaMet\",\"Complete\"]"},
		{job, "status.conditions.#(n==\"1\").type", "\"SuccessCriteriaMet\""},
		{job, "status.conditions.#(n==\"one\")#.type", "[]"},
		{job, "status.conditions.#(n%\"1\")#", "[]"},
		{job, "status.conditions.#(type<\"D\")#.n", "[2]"},
		{job, "status.conditions.#(type<=\"Complete\")#.n", "[2]"},
		{job, "status.conditions.#(type>\"D\")#.n", "[1,0.5]"},
		{job, "status.conditions.#(type>=\"Failed\")#.n", "[1,0.5]"},
		{job, "status.conditions.#(type%\"*e*\")#.n", "[1,2,0.5]"},
		{job, "status.conditions.#(type%\"C*\")#.n", "[2]"},
		{job, "status.conditions.#(type%\"F?iled\")#.n", "[0.5]"},
		{job, "status.conditions.#(type!%\"*e\")#.n", "[1,0.5]"},
		{job, "status.conditions.#(type%\"*C*l*e\")#.n", "[2]"},
		{job, "status.conditions.#(%\"C*\")#", "[]"},
		{job, "status.list.#(#(>2))#", "[[3]]"},
		{job, "status.list.#(a.#(type==\"y\"))#.a.#.type", "[[\"x\",\"y\"]]"},
		{job, "status.list.#(0==1)#", "[[1,2]]"},
		{job, "flags.#(==true)#", "[true,\"true\",0]"},
		{job, "flags.#(==\"true\")#", "[true,\"true\",0]"},
		{job, "flags.#(!=true)#", "[false,\"1\",1,\"\",-2.5,\"x*y\"]"},
		{job, "flags.#(==false)#", "[false,0]"},
		{job, "flags.#(>false)#", "[true,\"true\",1,\"x*y\"]"},
		{job, "flags.#(<true)#", "[false,\"1\",\"\",-2.5]"},
		{job, "flags.#(>=whatever)#", "[true,1,0,\"x*y\"]"},
		{job, "flags.#(<=whatever)#", "[false,\"true\",\"1\",0,\"\",-2.5]"},
		{job, "flags.#(==null)#", "[0]"},
		{job, "flags.#(==1)#", "[\"1\",1]"},
		{job, "flags.#(==\"1\")#", "[\"1\",1]"},
		{job, "flags.#(==0)#", "[0]"},
		{job, "flags.#(<0)#", "[\"\",-2.5]"},
		{job, "flags.#(==-2.5)#", "[-2.5]"},
		{job, "flags.#(==\"\")#", "[0,\"\"]"},
		{job, "flags.#(%\"x\\\\*y\")#", "[\"x*y\"]"},
		{job, "flags.#(x==1)#", "[]"},
		{job, "status.[active,succeeded]", "[0,1]"},
		{job, "status.[active,missing,succeeded]", "[0,1]"},
		{job, "[status.phase,metadata.name]", "[\"Succeeded\",\"a.b\"]"},
		{job, "[status.phase,metadata.name].1", "\"a.b\""},
		{job, "[status.phase,metadata.name]|1", "\"a.b\""},
		{job, "[[status.phase],metadata.[name]]", "[[\"Succeeded\"],[\"a.b\"]]"},
		{job, "status.[missing]", "[]"},
		{job, "status.[@this].#(succeeded==1)#",
			"[{\"conditions\":[{\"type\":\"SuccessCriteriaMet\",\"status\":\"True\",\"n\":1},"
			"{\"type\":\"Complete\",\"status\":\"True\",\"n\":2},{\"type\":\"Failed\","
			"\"status\":\"False\",\"reason\":\"Backoff\",\"n\":0.5}],\"active\":0,"
			"\"succeeded\":1,\"phase\":\"Succeeded\",\"list\":[[1,2],[3],[],"
			"{\"a\":[{\"type\":\"x\"},{\"type\":\"y\"}]}]}]"},
		{job, "status.[@this].#(phase==\"Succeeded\")#",
			"[{\"conditions\":[{\"type\":\"SuccessCriteriaMet\",\"status\":\"True\",\"n\":1},"
			"{\"type\":\"Complete\",\"status\":\"True\",\"n\":2},{\"type\":\"Failed\","
			"\"status\":\"False\",\"reason\":\"Backoff\",\"n\":0.5}],\"active\":0,"
			"\"succeeded\":1,\"phase\":\"Succeeded\",\"list\":[[1,2],[3],[],"
			"{\"a\":[{\"type\":\"x\"},{\"type\":\"y\"}]}]}]"},
		{job, "status.[@this].#(phase==\"Failed\")#", "[]"},
		{job, "nothing.[@this].#(phase==\"Succeeded\")#", "[]"},
		{job, "nothing.more.[@this]", NULL},
		{job, "status.conditions.#.[type,status]",
			"[[\"SuccessCriteriaMet\",\"True\"],[\"Complete\",\"True\"],[\"Failed\",\"False\"]]"},
		{job, "status.conditions.[0.type,#(n==2).type]", "[\"SuccessCriteriaMet\",\"Complete\"]"},
		{job, "@this.status.phase", "\"Succeeded\""},
		{job, "status.@this.phase", "\"Succeeded\""},
		{job, "status|@this|phase", "\"Succeeded\""},
		{job, "status.phase|@this", "\"Succeeded\""},
		{job, "status.phase|x", NULL},
		{job, "nothing|@this", NULL},
		{job, "nothing|[a]", "[]"},
		{job, "flags.#|@this", "10"},
		{job, "metadata.@foo", NULL},
		{wf, "status.[@this].#(phase==\"Succeeded\")#",
			"[{\"phase\":\"Succeeded\",\"progress\":\"1/1\",\"outputs\":{\"exitCode\":\"0\"}}]"},
		{wf, "status.[@this].#(phase==\"Failed\")#", "[]"},
		{wf, "status.[@this].#(phase%\"*ed\").phase", "\"Succeeded\""},
		{wf, "status.outputs.exitCode", "\"0\""},
		{wf, "[status].#(outputs.exitCode==\"0\")#|0.phase", "\"Succeeded\""},
		{arr, "0", "1"},
		{arr, "2.type", "\"Complete\""},
		{arr, "3.1.n", "2"},
		{arr, "#", "6"},
		{arr, "#.type", "[\"Complete\"]"},
		{arr, "3.#(type==\"b\").n", "2"},
		{arr, "#(type==\"Complete\").status", "\"True\""},
		{arr, "#.@this",
			"[1,\"two\",{\"type\":\"Complete\",\"status\":\"True\"},[{\"type\":\"a\"},"
			"{\"type\":\"b\",\"n\":2}],null,true]"},
		{arr, "4", "null"},
		{arr, "#(==1)", "1"},
		{arr, "#(==\"two\")", "\"two\""},
		{arr, "type", NULL},
		{ten, "#(>6)#", "[7,8,9,\"café\",\"x*y\",\"a\\\\b\"]"},
		{ten, "#(>6)", "7"},
		{ten, "12", "\"a\\\\b\""},
		{ten, "#(%\"caf?\")#", "[\"café\"]"},
		{ten, "#(%\"*\\u00e9\")", "\"café\""},
		{ten, "#(==\"x\\u002ay\")", "0"},
		{ten, "#(%\"x\\\\*y\")", "\"x*y\""},
		{ten, "#(>6)#|#", "6"},
		{ten, "#(>6)#.0", "[]"},
		{scalar, "e", "[]"},
		{scalar, "e.#", "0"},
		{scalar, "e.0", NULL},
		{scalar, "e.#(x==1)#", "[]"},
		{scalar, "e.#(x==1)", NULL},
		{scalar, "o", "{}"},
		{scalar, "o.#(x==1)#", NULL},
		{scalar, "items.#(type==\"c\")#", NULL},
		{scalar, "items.type", "\"c\""},
	};
	struct arena *a = arena_new();

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const char *answer = found(cases[i].doc, cases[i].query, a);

		if (!answer != !cases[i].answer || (answer && strcmp(answer, cases[i].answer) != 0))
			fail_msg("%s: %s, not %s", cases[i].query, answer ? answer : "nothing",
				cases[i].answer ? cases[i].answer : "nothing");
	}
	arena_free(a);
}

static void test_refused(void **state)
{
	static const struct {
		const char *query, *why;
	} cases[] = {
		{"", "column 1: a name is missing here"},
		{".a", "column 1: a name is missing here"},
		{"a.", "column 3: a name is missing here"},
		{"a..b", "column 3: a name is missing here"},
		{"a|", "column 3: a name is missing here"},
		{"a||b", "column 3: a name is missing here"},
		{"a\\", "column 2: nothing follows this \\"},
		{"a.#(b==1", "column 4: this bracket is not closed"},
		{"a.#(b==\"x)", "column 4: this bracket is not closed"},
		{"a.#()", "column 4: this condition is empty"},
		{"a.#( )#", "column 4: this condition is empty"},
		{"a.#(b==)", "column 8: what is it compared with?"},
		{"a.#(b!)", "column 6: expected one of"},
		{"a.#(b==\"x\" \"y\")", "column 8: this is not a string"},
		{"a.#(b==\"\\x\")", "column 8: this is not a string"},
		{"a.#(b==~true)", "column 8: ~ is not supported"},
		{"a.#(b==1)x", "column 10: expected . or |"},
		{"a.#(b.==1)", "column 7: a name is missing here"},
		{"a.@reverse", "column 3: of the modifiers only @this"},
		{"@flatten.a", "column 1: of the modifiers only @this"},
		{"a.@this:1", "column 8: @this takes no arguments"},
		{"a.{b,c}", "column 3: {\xe2\x80\xa6} is not supported"},
		{"{b,c}", "column 1: {\xe2\x80\xa6} is not supported"},
		{"!true", "column 1: a literal is not supported"},
		{"a|!1", "column 3: a literal is not supported"},
		{"[a,b", "column 1: this bracket is not closed"},
		{"[a,]", "column 4: a name is missing here"},
		{"[]", "column 2: a name is missing here"},
		{"[n:a]", "column 3: names are not supported"},
		{"[a]b", "column 4: expected . or |"},
		{"a.#.", "column 5: a name is missing here"},
		{"[[[[[[[[[[[[[[[[[a]]]]]]]]]]]]]]]]]", "column 18: too many queries within queries"},
	};
	struct arena *a = arena_new();

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct err e = {0};

		if (gjson_compile(cases[i].query, a, &e))
			fail_msg("%s was accepted", cases[i].query);
		assert_int_equal(e.code, ERR_INVALID);
		if (strncmp(e.detail, cases[i].why, strlen(cases[i].why)) != 0)
			fail_msg("%s: %s", cases[i].query, e.detail);
	}
	arena_free(a);
}

static void test_conditions(void **state)
{
	static const struct {
		const char *doc, *query, *held;     /* what is found by its "n", or NULL */
	} cases[] = {
		{"{\"a\":{\"n\":1}}", "a", "1"},
		{"{\"a\":[{\"n\":2},{\"n\":3}]}", "a", "2"},
		{"{\"a\":[]}", "a", NULL},
		{"{\"a\":true}", "a", NULL},
		{"{\"a\":\"yes\"}", "a", NULL},
		{"{}", "a", NULL},
	};
	struct arena *a = arena_new();

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct err e = {0};
		const cJSON *doc = json_parse(cases[i].doc, strlen(cases[i].doc), 0, a, &e);
		const cJSON *v = gjson_holds(gjson_compile(cases[i].query, a, &e), doc, a);
		double n;

		assert_int_equal(v != NULL, cases[i].held != NULL);
		if (v) {
			assert_true(json_num(json_get(v, "n"), &n));
			assert_int_equal(n, cases[i].held[0] - '0');
		}
	}
	arena_free(a);
}

/* A query that would double its work at every step gives up. */
static void test_bounded(void **state)
{
	struct arena *a = arena_new();
	struct err e = {0};
	static const char once[] = ".#.[@this,@this]";
	char query[GJSON_QUERY_MAX + 2] = "[@this,@this]";
	size_t n = strlen(query);
	const cJSON *doc = json_parse("{}", 2, 0, a, &e);
	const struct gjson *q;

	(void)state;
	for (; n + sizeof once <= GJSON_QUERY_MAX; n += sizeof once - 1)
		memcpy(query + n, once, sizeof once);
	q = gjson_compile(query, a, &e);
	assert_non_null(q);
	assert_null(gjson_get(q, doc, a));
	memset(query, 'a', sizeof query - 1);
	query[sizeof query - 1] = '\0';
	assert_null(gjson_compile(query, a, &e));
	arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_conditions),
		cmocka_unit_test(test_bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
