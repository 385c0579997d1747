/* The steps that are known of trials that are listened to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/arena.h"
#include "lib/attr.h"
#include "server/control/curves.h"

static void test_curves(void **state UNUSED)
{
	static const int32_t numbers[] = {3, 1, 2, 3, 1, 10};
	static const char *const metrics[] = {"loss", "b", "a", "acc", "a", ""};
	struct arena *a = arena_new();
	struct curves c = {0};

	assert_string_equal(curves_json(&c, a), "{}");
	for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
		*curves_step(&c, numbers[i], metrics[i]) = (int64_t)i - 1;
	assert_int_equal(*curves_step(&c, 2, "a"), 1);
	assert_int_equal(c.n, ARRAY_LEN(numbers));
	assert_string_equal(curves_json(&c, a),
		"{\"1\":{\"a\":3,\"b\":0},\"2\":{\"a\":1},\"3\":{\"acc\":2,\"loss\":-1},\"10\":{\"\":4}}");
	curves_forget(&c, 1);
	curves_forget(&c, 4);
	curves_forget(&c, 10);
	assert_string_equal(curves_json(&c, a), "{\"2\":{\"a\":1},\"3\":{\"acc\":2,\"loss\":-1}}");
	for (int32_t n = 1; n <= 100; n++)
		*curves_step(&c, 101 - n, "m") = n;
	for (int32_t n = 1; n <= 100; n++)
		assert_int_equal(*curves_step(&c, n, "m"), 101 - n);
	curves_free(&c);
	assert_int_equal(c.n, 0);
	arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_curves)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
