#include "tests/unit/model/documents.h"

#include <math.h>
#include <stdlib.h>

#include "algorithms/space.h"
#include "server/model/params.h"

/* x: a plain double; g: on a grid of tenths; n: an int on steps; d, c: lists; m only with c = sgd. */
static const struct experiment_spec *example(struct arena *a)
{
	return spec_of(
		a, parse_text(a, "{\"metadata\":{\"name\":\"e\"},\"spec\":{\"objectives\":[{\"metric\":\"loss\","
						 "\"direction\":\"minimize\"}],"
						 "\"parameters\":{\"x\":{\"type\":\"double\",\"min\":-1,\"max\":1e9},"
						 "\"g\":{\"type\":\"double\",\"min\":0.1,\"max\":0.75,\"step\":0.1},"
						 "\"n\":{\"type\":\"int\",\"min\":1,\"max\":4503599627370496,\"step\":2},"
						 "\"d\":{\"type\":\"discrete\",\"values\":[0.5,0.001,100]},"
						 "\"c\":{\"type\":\"categorical\",\"values\":[\"sgd\",\"adam\",16,true,\"1e-3\"]},"
						 "\"m\":{\"type\":\"double\",\"min\":0,\"max\":1,\"when\":{\"c\":[\"sgd\",16]}}}}}"));
}

static void test_forms_agree(void **state)
{
	static const struct {
		double x[6];
		const char *json, *text;
	} cases[] = {
		{{0.5, 0.1, 1, 0, 0, 0.25}, "{\"x\":0.5,\"g\":0.1,\"n\":1,\"d\":0.5,\"c\":\"sgd\",\"m\":0.25}",
			"0.5 0.1 1 0.5 sgd 0.25"},
		{{0.1 + 0.2, 0.3, 4503599627370495, 1, 1, NAN},
			"{\"x\":0.30000000000000004,\"g\":0.3,\"n\":4503599627370495,\"d\":0.001,\"c\":\"adam\"}",
			"0.30000000000000004 0.3 4503599627370495 0.001 adam -"},
		{{1e-5, 0.7, 3, 2, 2, 1}, "{\"x\":1e-05,\"g\":0.7,\"n\":3,\"d\":100,\"c\":16,\"m\":1}",
			"1e-05 0.7 3 100 16 1"},
		{{0, 0.7, 3, 2, 3, NAN}, "{\"x\":0,\"g\":0.7,\"n\":3,\"d\":100,\"c\":true}", "0 0.7 3 100 true -"},
		{{1e9, 0.7, 3, 2, 4, NAN}, "{\"x\":1000000000,\"g\":0.7,\"n\":3,\"d\":100,\"c\":\"1e-3\"}",
			"1000000000 0.7 3 100 1e-3 -"},
	};
	struct arena *a = arena_new();
	const struct experiment_spec *s = example(a);
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct problems *p = ARENA_NEW(a, struct problems);
		double x[6], y[6];
		char buf[NUM_MAX];
		const char *text = "";
		problems_init(p, a);
		const char *json = params_json(s, cases[i].x, a);
		assert_string_equal(json, cases[i].json);
		assert_true(params_load(s, parse_text(a, json), x));
		assert_true(params_equal(s, x, cases[i].x));
		assert_true(params_from_json(s, parse_text(a, json), "", y, p));
		assert_true(params_equal(s, y, cases[i].x));
		for (size_t k = 0; k < 6; k++) {
			const char *t = param_text(s, k, cases[i].x[k], buf);
			text = arena_printf(a, "%s%s%s", text, k > 0 ? " " : "", t != NULL ? t : "-");
		}
		assert_string_equal(text, cases[i].text);
	}
	arena_free(a);
}

/* What people write, and what it is taken for. */
static void test_lenient_values(void **state)
{
	static const struct {
		const char *json, *normal;
	} cases[] = {
		{"{\"c\":\"adam\",\"d\":0.001,\"n\":3.0,\"g\":0.30000000000000004,\"x\":-0.0}",
			"{\"x\":0,\"g\":0.3,\"n\":3,\"d\":0.001,\"c\":\"adam\"}"},
		{"{\"x\":\"1e-3\",\"g\":\"0.2\",\"n\":\"5\",\"d\":\"1e-3\",\"c\":\"16\",\"m\":\"0\"}",
			"{\"x\":0.001,\"g\":0.2,\"n\":5,\"d\":0.001,\"c\":16,\"m\":0}"},
		{"{\"x\":1,\"g\":0.1,\"n\":1,\"d\":1e2,\"c\":\"true\"}",
			"{\"x\":1,\"g\":0.1,\"n\":1,\"d\":100,\"c\":true}"},
		{"{\"x\":1,\"g\":0.1,\"n\":1,\"d\":100.0,\"c\":16,\"m\":1}",
			"{\"x\":1,\"g\":0.1,\"n\":1,\"d\":100,\"c\":16,\"m\":1}"},
	};
	struct arena *a = arena_new();
	const struct experiment_spec *s = example(a);
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct problems *p = ARENA_NEW(a, struct problems);
		double x[6];
		problems_init(p, a);
		if (!params_from_json(s, parse_text(a, cases[i].json), "", x, p))
			fail_msg("%s: %s", cases[i].json, problem_lines(p));
		assert_string_equal(params_json(s, x, a), cases[i].normal);
		assert_true(space_valid(s->problem.space, x, NULL));
	}
	arena_free(a);
}

static void test_words(void **state)
{
	static const struct {
		const char *words[8];
		const char *result;
	} cases[] = {
		{{"x=1e-3", "g=0.2", "n=5", "d=0.5", "c=sgd", "m=.5"},
			"{\"x\":0.001,\"g\":0.2,\"n\":5,\"d\":0.5,\"c\":\"sgd\",\"m\":0.5}"},
		{{"c=1e-3", "x=1", "g=0.1", "n=1", "d=100"}, "{\"x\":1,\"g\":0.1,\"n\":1,\"d\":100,\"c\":\"1e-3\"}"},
		{{"x=1", "g=0.1", "n=1", "d=100", "c=adam", "m=1"}, "/m inactive-parameter"},
		{{"x=1", "g=0.1", "n=1", "d=100", "c=adam", "x=2"}, "/x duplicate-value"},
		{{"x", "g=0.1", "n=1", "d=100", "c=adam", "=3"}, " malformed\n malformed\n/x missing"},
		{{"x=nan", "g=0.15", "n=2", "d=7", "c=", "y=1"},
			"/x wrong-type\n/g not-on-step\n/n not-on-step\n/d unknown-value\n/c unknown-value\n/y "
			"unknown-parameter"},
		{{"x=2e9", "g=0.8", "n=1.5", "d=a", "c=sgd"},
			"/x out-of-range\n/g out-of-range\n/n wrong-type\n/d wrong-type\n/m missing"},
		{{"x=1", "g=0.75", "n=4503599627370496", "d=100", "c=adam"}, "/g not-on-step\n/n not-on-step"},
		{{NULL}, "/x missing\n/g missing\n/n missing\n/d missing\n/c missing"},
	};
	struct arena *a = arena_new();
	const struct experiment_spec *s = example(a);
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct problems *p = ARENA_NEW(a, struct problems);
		double x[6];
		size_t n = 0;
		while (n < 8 && cases[i].words[n] != NULL)
			n++;
		problems_init(p, a);
		bool ok = params_from_words(s, cases[i].words, n, x, p);
		const char *result = ok ? params_json(s, x, a) : problem_lines(p);
		if (strcmp(result, cases[i].result) != 0)
			fail_msg("case %zu: expected %s, got %s", i, cases[i].result, result);
	}
	arena_free(a);
}

static void test_load_refuses_what_is_not_ours(void **state)
{
	static const char *const cases[] = {"[]", "null", "{}", "{\"x\":1,\"g\":0.1,\"n\":1,\"d\":100}",
		"{\"x\":1,\"g\":0.1,\"n\":1,\"d\":100,\"c\":\"adam\",\"y\":1}",
		"{\"x\":1,\"g\":0.1,\"n\":1,\"d\":100,\"c\":\"adam\",\"m\":1}",
		"{\"x\":1,\"g\":0.1,\"n\":2,\"d\":100,\"c\":\"adam\"}"};
	struct arena *a = arena_new();
	const struct experiment_spec *s = example(a);
	double x[6];
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		if (params_load(s, parse_text(a, cases[i]), x))
			fail_msg("%s was taken", cases[i]);
	}
	arena_free(a);
}

/* Every value that the space can give survives the way out and back. */
static void test_random_configurations_round_trip(void **state)
{
	struct arena *a = arena_new();
	const struct experiment_spec *s = example(a);
	uint64_t seed = 88172645463325252u;
	(void)state;
	for (int round = 0; round < 3000; round++) {
		struct arena *scratch = arena_new();
		double u[6], x[6], y[6];
		for (size_t k = 0; k < 6; k++) {
			seed ^= seed << 13;
			seed ^= seed >> 7;
			seed ^= seed << 17;
			u[k] = (double)(seed >> 11) * 0x1p-53;
		}
		space_decode(s->problem.space, u, x);
		const char *json = params_json(s, x, scratch);
		if (!params_load(s, parse_text(scratch, json), y) || !params_equal(s, x, y))
			fail_msg("%s", json);
		arena_free(scratch);
	}
	arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forms_agree),
		cmocka_unit_test(test_lenient_values),
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_load_refuses_what_is_not_ours),
		cmocka_unit_test(test_random_configurations_round_trip),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
