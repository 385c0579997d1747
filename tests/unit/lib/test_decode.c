/* json_decode, json_schema, json_write and problems: documents in, answers out. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/arena.h"
#include "lib/attr.h"
#include "lib/json_decode.h"
#include "lib/json_schema.h"
#include "lib/json_write.h"
#include "lib/mem.h"
#include "lib/problems.h"
#include "lib/strbuf.h"

struct engine {
	int64_t cylinders;
	double litres;
};

struct wheel {
	const char *name;
	double size;
};

struct car {
	const char *name;
	int colour;
	double price;
	int64_t doors;
	bool electric, electric_given;
	int64_t warranty_us;
	struct engine *engine;
	struct json_list wheels, parts, tags, labels;
	const cJSON *notes;
	double rating;
};

static const char *const colours[] = {"red", "green", "blue", NULL};

static bool decode_rating(const cJSON *v, void *field, const char *pointer, struct problems *p)
{
	double *out = field;

	return json_num_lax(v, out) || problem_add(p, pointer, "bad-rating", "not a rating");
}

static const struct json_field engine_fields[] = {
	JF_INT(struct engine, cylinders, "cylinders", JF_OPTIONAL, 1, 16, "4", "how many cylinders"),
	JF_NUM(struct engine, litres, "litres", JF_REQUIRED, 0, HUGE_VAL, NULL, "displacement"),
	JF_END,
};

static const struct json_field wheel_fields[] = {
	JF_NUM(struct wheel, size, "size", JF_REQUIRED, 10, 30, NULL, "in inches"),
	JF_END,
};

static const struct json_field car_fields[] = {
	JF_STR(struct car, name, "name", JF_REQUIRED, 1, 8, "what it is called"),
	JF_ENUM(struct car, colour, "colour", JF_OPTIONAL, colours, "\"green\"", "its paint"),
	JF_NUM(struct car, price, "price", JF_OPTIONAL, 0, 1e6, "0.5", "in | coins"),
	JF_INT(struct car, doors, "doors", JF_OPTIONAL, 2, 5, NULL, "doors in all"),
	{.kind = JF_K_BOOL,
		.name = "electric",
		.offset = offsetof(struct car, electric),
		.present_offset = offsetof(struct car, electric_given),
		.dflt = "true",
		.doc = "runs on a battery"},
	JF_DURATION(struct car, warranty_us, "warranty", JF_OPTIONAL, 1, 3600, "\"1m\"", "repaired for nothing"),
	JF_OBJECT(struct car, engine, "engine", JF_OPTIONAL, engine_fields, struct engine, "what drives it"),
	JF_LIST(struct car, wheels, "wheels", JF_OPTIONAL, 0, 4, wheel_fields, struct wheel, "from the front"),
	JF_MAP(struct car, parts, "parts", JF_OPTIONAL, 0, 2, wheel_fields, struct wheel, "by name"),
	JF_STRINGS(struct car, tags, "tags", JF_OPTIONAL, 1, 3, "words"),
	JF_STRMAP(struct car, labels, "labels", 0, 3, "pairs"),
	JF_ANY(struct car, notes, "notes", JF_OPTIONAL, "whatever"),
	JF_FUN(struct car, rating, "rating", JF_OPTIONAL, decode_rating, "{\"type\":\"number\"}", "stars"),
	JF_END,
};

static bool decode(struct arena *a, const char *text, struct car *car, struct problems *p)
{
	struct err e = {0};
	const cJSON *v = json_parse(text, strlen(text), 0, a, &e);

	if (!v)
		fail_msg("%s: %s", text, e.detail);
	*car = (struct car){0};
	problems_init(p, a);
	return json_decode(v, car_fields, car, "", p);
}

static void test_decodes(void **state)
{
	struct arena *a = arena_new();
	const struct json_pair *labels;
	const struct wheel *wheels, *parts;
	struct problems p;
	struct car car;

	(void)state;
	assert_true(decode(a,
		"{\"name\":\"Ente\",\"colour\":\"blue\",\"price\":1e3,\"doors\":4,\"electric\":false,\"warranty\":"
		"\"1m30s\","
		"\"engine\":{\"litres\":0.6},\"wheels\":[{\"size\":15},{\"size\":16.5}],\"parts\":{\"spare\":{"
		"\"size\":14}},"
		"\"tags\":[\"old\",\"slow\"],\"labels\":{\"a\":\"b\",\"n\":0.10,\"t\":true},\"notes\":null,"
		"\"rating\":\"Infinity\"}",
		&car, &p));
	assert_string_equal(car.name, "Ente");
	assert_int_equal(car.colour, 2);
	assert_true(car.price == 1000 && car.rating == INFINITY);
	assert_int_equal(car.doors, 4);
	assert_true(!car.electric && car.electric_given);
	assert_int_equal(car.warranty_us, 90000000);
	assert_true(car.engine->litres == 0.6 && car.engine->cylinders == 4);
	wheels = car.wheels.items;
	assert_true(car.wheels.n == 2 && wheels[1].size == 16.5);
	parts = car.parts.items;
	assert_int_equal(car.parts.n, 1);
	assert_string_equal(parts[0].name, "spare");
	assert_int_equal(car.tags.n, 2);
	assert_string_equal(((const char **)car.tags.items)[1], "slow");
	labels = car.labels.items;
	assert_string_equal(labels[0].value, "b");
	assert_string_equal(labels[1].value, "0.1");
	assert_string_equal(labels[2].value, "true");
	assert_true(cJSON_IsNull(car.notes));

	assert_true(decode(a, "{\"name\":\"x\",\"warranty\":90.5,\"engine\":null}", &car, &p));
	assert_int_equal(car.colour, 1);
	assert_true(car.price == 0.5 && car.doors == 0 && car.electric && !car.electric_given);
	assert_int_equal(car.warranty_us, 90500000);
	assert_null(car.engine);
	assert_null(car.notes);
	arena_free(a);
}

static void test_problems(void **state)
{
	static const struct {
		const char *in, *pointer, *code, *detail, *meant;
	} cases[] = {
		{"[]", "", "wrong-type", "expected an object, got a list", NULL},
		{"{}", "/name", "missing", "is required: what it is called", NULL},
		{"{\"name\":null}", "/name", "missing", "is required", NULL},
		{"{\"name\":\"\"}", "/name", "too-short", "must not be empty", NULL},
		{"{\"name\":\"123456789\"}", "/name", "too-long", "has 9 bytes; at most 8", NULL},
		{"{\"name\":5}", "/name", "wrong-type", "expected a string, got the number 5", NULL},
		{"{\"name\":\"x\",\"Colour\":1}", "/Colour", "unknown-field", "'Colour' is not a known field",
			"colour"},
		{"{\"name\":\"x\",\"a/b~\":1}", "/a~1b~0", "unknown-field", "'a/b~'", NULL},
		{"{\"name\":\"x\",\"colour\":\"gren\"}", "/colour", "unknown-value",
			"'gren' is not one of red, green, blue", "green"},
		{"{\"name\":\"x\",\"colour\":true}", "/colour", "wrong-type", "got true", NULL},
		{"{\"name\":\"x\",\"price\":\"1\"}", "/price", "wrong-type",
			"expected a number, got the string \"1\"", NULL},
		{"{\"name\":\"x\",\"price\":-0.1}", "/price", "too-small", "-0.1 is below the minimum of 0", NULL},
		{"{\"name\":\"x\",\"price\":2e6}", "/price", "too-large", "2000000 is above the maximum of 1000000",
			NULL},
		{"{\"name\":\"x\",\"doors\":2.5}", "/doors", "wrong-type", "expected an integer, got the number 2.5",
			NULL},
		{"{\"name\":\"x\",\"doors\":1e300}", "/doors", "too-large", "1e+300 is above", NULL},
		{"{\"name\":\"x\",\"electric\":1}", "/electric", "wrong-type", "expected true or false", NULL},
		{"{\"name\":\"x\",\"warranty\":\"soon\"}", "/warranty", "malformed-duration", "'soon' is not a",
			NULL},
		{"{\"name\":\"x\",\"warranty\":\"2h\"}", "/warranty", "too-large",
			"7200s is above the maximum of 3600s", NULL},
		{"{\"name\":\"x\",\"warranty\":-1}", "/warranty", "too-small", "-1s is below", NULL},
		{"{\"name\":\"x\",\"warranty\":1e300}", "/warranty", "too-large", "is above", NULL},
		{"{\"name\":\"x\",\"warranty\":[]}", "/warranty", "wrong-type", "expected a duration", NULL},
		{"{\"name\":\"x\",\"engine\":[]}", "/engine", "wrong-type", "expected an object", NULL},
		{"{\"name\":\"x\",\"engine\":{}}", "/engine/litres", "missing", "displacement", NULL},
		{"{\"name\":\"x\",\"engine\":{\"litres\":1,\"cylinders\":0}}", "/engine/cylinders", "too-small",
			"0 is", NULL},
		{"{\"name\":\"x\",\"wheels\":{}}", "/wheels", "wrong-type", "expected a list, got an object", NULL},
		{"{\"name\":\"x\",\"wheels\":[{\"size\":20},{\"size\":9}]}", "/wheels/1/size", "too-small", "9 is",
			NULL},
		{"{\"name\":\"x\",\"wheels\":[null]}", "/wheels/0", "wrong-type", "expected an object, got null",
			NULL},
		{"{\"name\":\"x\",\"wheels\":[1,1,1,1,1]}", "/wheels", "too-many", "has 5 items; at most 4", NULL},
		{"{\"name\":\"x\",\"parts\":{\"a b\":{}}}", "/parts/a b/size", "missing", "in inches", NULL},
		{"{\"name\":\"x\",\"parts\":[]}", "/parts", "wrong-type", "expected an object", NULL},
		{"{\"name\":\"x\",\"tags\":[]}", "/tags", "too-few", "has 0 items; at least 1", NULL},
		{"{\"name\":\"x\",\"tags\":[\"a\",1]}", "/tags/1", "wrong-type", "expected a string", NULL},
		{"{\"name\":\"x\",\"labels\":{\"k\":[]}}", "/labels/k", "wrong-type", "expected a string, got a list",
			NULL},
		{"{\"name\":\"x\",\"rating\":\"high\"}", "/rating", "bad-rating", "not a rating", NULL},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct arena *a = arena_new();
		struct problems p;
		struct car car;
		const struct problem *found = p.items;

		if (decode(a, cases[i].in, &car, &p))
			fail_msg("%s was accepted", cases[i].in);
		if (p.n != 1)
			fail_msg("%s: %zu problems", cases[i].in, p.n);
		assert_string_equal(found->pointer, cases[i].pointer);
		assert_string_equal(found->code, cases[i].code);
		if (!strstr(found->detail, cases[i].detail))
			fail_msg("%s: '%s' instead of '%s'", cases[i].in, found->detail, cases[i].detail);
		assert_int_equal(found->did_you_mean != NULL, cases[i].meant != NULL);
		if (cases[i].meant)
			assert_string_equal(found->did_you_mean, cases[i].meant);
		arena_free(a);
	}
}

static void test_all_problems_at_once(void **state)
{
	struct arena *a = arena_new();
	struct problems p;
	struct strbuf b;
	struct car car;

	(void)state;
	assert_false(
		decode(a, "{\"nam\":1,\"price\":-1,\"engine\":{\"litres\":-1,\"x\":0},\"tags\":[1,2]}", &car, &p));
	assert_int_equal(p.total, 7);

	strbuf_init(&b, SIZE_MAX);
	strbuf_puts(&b, "{\"name\":\"x\"");
	for (int i = 0; i < 5000; i++)
		strbuf_printf(&b, ",\"k%d\":0", i);
	strbuf_puts(&b, "}");
	assert_false(decode(a, b.data, &car, &p));
	assert_int_equal(p.n, PROBLEMS_MAX);
	assert_int_equal(p.total, 5000);
	strbuf_free(&b);
	arena_free(a);
}

static void test_nearest_name(void **state)
{
	static const char *const names[] = {"random", "grid", "sobol", "tpe", "cma-es", "asha", NULL};
	static const struct {
		const char *given, *nearest;
	} cases[] = {
		{"tep", "tpe"},
		{"TPE", "tpe"},
		{"ranodm", "random"},
		{"rndm", "random"},
		{"grids", "grid"},
		{"cmaes", "cma-es"},
		{"bayesianoptimization", NULL},
		{"xyz", NULL},
		{"", NULL},
		{"a", NULL},
		{"sobo", "sobol"},
		{"tttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttt",
			NULL},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const char *nearest = nearest_name(cases[i].given, names);

		if (!nearest != !cases[i].nearest || (nearest && strcmp(nearest, cases[i].nearest) != 0))
			fail_msg("%s: %s", cases[i].given, nearest ? nearest : "none");
	}
}

static void test_writer(void **state)
{
	struct json_writer w;
	struct strbuf b;

	(void)state;
	strbuf_init(&b, 10000);
	jw_init(&w, &b);
	jw_object(&w, NULL);
	jw_str(&w, "a\"", "x\ty");
	jw_str(&w, "none", NULL);
	jw_strn(&w, "cut", "abc", 2);
	jw_strn(&w, "nul", "a\0b", 3);
	jw_str(&w, "bad", "\xff\xe2\x82(");
	jw_num(&w, "nan", NAN);
	jw_num(&w, "inf", -INFINITY);
	jw_num(&w, "num", 0.1);
	jw_int(&w, "int", INT64_MIN);
	jw_bool(&w, "bool", true);
	jw_time(&w, "time", 1795341603120000);
	jw_time(&w, "never", 0);
	jw_raw(&w, "raw", "[1]");
	jw_value(&w, "missing", NULL);
	jw_array(&w, "list");
	jw_array(&w, NULL);
	jw_end(&w);
	jw_object(&w, NULL);
	jw_end(&w);
	jw_null(&w, NULL);
	jw_end(&w);
	jw_end(&w);
	assert_string_equal(b.data,
		"{\"a\\\"\":\"x\\ty\",\"none\":null,\"cut\":\"ab\",\"nul\":\"a\ufffdb\",\"bad\":\"\ufffd\ufffd\ufffd("
		"\","
		"\"nan\":\"NaN\",\"inf\":\"-Infinity\",\"num\":0.1,\"int\":-9223372036854775808,\"bool\":true,"
		"\"time\":\"2026-11-22T10:00:03.120000Z\",\"never\":null,\"raw\":[1],\"missing\":null,"
		"\"list\":[[],{},null]}");
	strbuf_free(&b);
}

static void test_schema(void **state)
{
	struct arena *a = arena_new();
	struct json_writer w;
	struct strbuf b;
	struct err e = {0};
	const cJSON *schema;
	double x = 0;

	(void)state;
	strbuf_init(&b, SIZE_MAX);
	jw_init(&w, &b);
	json_schema_write(&w, NULL, car_fields);
	schema = json_parse(b.data, b.len, 0, a, &e);
	if (!schema)
		fail_msg("%s: %s", b.data, e.detail);
	assert_string_equal(json_str(json_at(schema, "/type")), "object");
	assert_true(cJSON_IsFalse(json_at(schema, "/additionalProperties")));
	assert_string_equal(json_str(json_at(schema, "/required/0")), "name");
	assert_null(json_at(schema, "/required/1"));
	assert_true(json_num(json_at(schema, "/properties/name/maxLength"), &x) && x == 8);
	assert_string_equal(json_str(json_at(schema, "/properties/colour/enum/2")), "blue");
	assert_string_equal(json_str(json_at(schema, "/properties/colour/default")), "green");
	assert_true(json_num(json_at(schema, "/properties/price/maximum"), &x) && x == 1e6);
	assert_string_equal(json_str(json_at(schema, "/properties/doors/type")), "integer");
	assert_string_equal(json_str(json_at(schema, "/properties/engine/required/0")), "litres");
	assert_null(json_at(schema, "/properties/engine/properties/litres/maximum"));
	assert_non_null(json_at(schema, "/properties/wheels/items/properties/size"));
	assert_non_null(json_at(schema, "/properties/parts/additionalProperties/properties/size"));
	assert_string_equal(json_str(json_at(schema, "/properties/tags/items/type")), "string");
	assert_string_equal(json_str(json_at(schema, "/properties/rating/allOf/0/type")), "number");
	assert_string_equal(json_str(json_at(schema, "/properties/notes/description")), "whatever");

	strbuf_reset(&b);
	json_schema_markdown(&b, "car", car_fields);
	assert_non_null(strstr(b.data, "| `car.name` | string | required | what it is called |\n"));
	assert_non_null(
		strstr(b.data, "| `car.colour` | one of `red`, `green`, `blue` | `\"green\"` | its paint |\n"));
	assert_non_null(strstr(b.data, "| `car.price` | number, 0..1000000 | `0.5` | in \\| coins |\n"));
	assert_non_null(strstr(b.data, "| `car.engine.litres` | number, 0.. | required | displacement |\n"));
	assert_non_null(strstr(b.data, "| `car.wheels[].size` | number, 10..30 |"));
	assert_non_null(strstr(b.data, "| `car.parts.*.size` |"));
	strbuf_free(&b);
	arena_free(a);
}

/* Whichever allocation fails while an answer is written, the buffer says so and stays intact. */
static void test_writer_short_of_memory(void **state)
{
	unsigned nth = 1;
	bool failed;

	(void)state;
	do {
		struct json_writer w;
		struct strbuf b;

		strbuf_init(&b, SIZE_MAX);
		jw_init(&w, &b);
		mem_fail_nth(nth++);
		json_schema_write(&w, NULL, car_fields);
		mem_fail_nth(0);
		failed = b.failed;
		assert_int_equal(strlen(b.data), b.len);
		strbuf_free(&b);
	} while (failed);
	assert_true(nth > 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_decodes),
		cmocka_unit_test(test_problems),
		cmocka_unit_test(test_all_problems_at_once),
		cmocka_unit_test(test_nearest_name),
		cmocka_unit_test(test_writer),
		cmocka_unit_test(test_schema),
		cmocka_unit_test(test_writer_short_of_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
