/* What clients say about trials: states and values. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "lib/arena.h"
#include "lib/attr.h"
#include "server/api/trial_in.h"

static void test_states(void **state UNUSED)
{
	static const struct { const char *name; enum trial_state is; const char *reason; } rows[] = {
		{"succeeded", TRIAL_SUCCEEDED, "given"},
		{"failed", TRIAL_FAILED, "given"},
		{"early_stopped", TRIAL_EARLY_STOPPED, "given"},
		{"killed", TRIAL_KILLED, "given"},
		{"infeasible", TRIAL_FAILED, "Infeasible"},
	};
	static const char *const all[] = {ENDED_STATES};

	assert_int_equal(ARRAY_LEN(rows), ARRAY_LEN(all));
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const char *reason = "given";

		assert_string_equal(rows[i].name, all[i]);
		if (ended_state(rows[i].name, &reason) != rows[i].is || strcmp(reason, rows[i].reason) != 0)
			fail_msg("%s: reason %s", rows[i].name, reason);
	}
}

static void test_values(void **state UNUSED)
{
	static const struct { const char *in, *out, *pointer; } rows[] = {
		{"{}", "{}", NULL},
		{"{\"loss\": 0.1}", "{\"loss\":0.1}", NULL},
		{"{\"loss\": \"0.25\", \"a/b.c-d_1\": -3}", "{\"loss\":0.25,\"a/b.c-d_1\":-3}", NULL},
		{"{\"loss\": \"NaN\", \"x\": \"-Infinity\"}", "{\"loss\":\"NaN\",\"x\":\"-Infinity\"}", NULL},
		{"{\"loss\": null}", NULL, "/values/loss"},
		{"{\"loss\": true}", NULL, "/values/loss"},
		{"{\"loss\": \"abc\"}", NULL, "/values/loss"},
		{"{\"a b\": 1}", NULL, "/values/a b"},
		{"{\"\": 1}", NULL, "/values/"},
		{"[1]", NULL, "/values"},
		{"3", NULL, "/values"},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct arena *a = arena_new();
		struct problems *p = ARENA_NEW(a, struct problems);
		struct err e;

		problems_init(p, a);
		const cJSON *tree = json_parse(rows[i].in, strlen(rows[i].in), 0, a, &e);
		assert_non_null(tree);
		const char *out = values_text(tree, "/values", a, p);
		if (!out != !rows[i].out || (out && strcmp(out, rows[i].out) != 0))
			fail_msg("%s gives %s", rows[i].in, out ? out : "nothing");
		assert_int_equal(p->n, rows[i].pointer ? 1 : 0);
		if (rows[i].pointer)
			assert_string_equal(p->items[0].pointer, rows[i].pointer);
		arena_free(a);
	}
}

static void test_no_values(void **state UNUSED)
{
	struct arena *a = arena_new();
	struct problems *p = ARENA_NEW(a, struct problems);

	problems_init(p, a);
	assert_null(values_text(NULL, "/values", a, p));
	assert_int_equal(p->total, 0);
	arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_states),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_no_values),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
