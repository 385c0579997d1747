/* Trial tokens: only the exact one passes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "server/model/trial_token.h"

static const char key[] = "key of the installation";

static void test_round_trip(void **state)
{
	char token[TRIAL_TOKEN_MAX];
	int64_t id = 0;
	int32_t number = 0;

	(void)state;
	trial_token_make(token, key, sizeof key, INT64_MAX, INT32_MAX);
	assert_true(trial_token_is(token));
	assert_true(trial_token_check(token, key, sizeof key, &id, &number));
	assert_true(id == INT64_MAX && number == INT32_MAX);
	assert_false(trial_token_check(token, key, sizeof key - 2, &id, &number));
}

static void test_forgeries(void **state)
{
	char token[TRIAL_TOKEN_MAX], bad[TRIAL_TOKEN_MAX + 8];
	int64_t id;
	int32_t number;

	(void)state;
	trial_token_make(token, key, sizeof key, 12, 7);
	for (size_t i = 0; i < strlen(token); i++) {
		snprintf(bad, sizeof bad, "%s", token);
		bad[i] = bad[i] == '1' ? '2' : '1';
		assert_false(trial_token_check(bad, key, sizeof key, &id, &number));
		bad[i] = 0;
		assert_false(trial_token_check(bad, key, sizeof key, &id, &number));
	}
	const char *const mac = strrchr(token, '_');
	const char *const heads[] = {
		"tt_012_7", "tt_+12_7", "tt_ 12_7", "tt_12_07", "tt_12_-7", "tt_12_0", "12_7", ""};
	for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
		snprintf(bad, sizeof bad, "%s%s", heads[i], mac);
		assert_false(trial_token_check(bad, key, sizeof key, &id, &number));
	}
	snprintf(bad, sizeof bad, "%s0", token);
	assert_false(trial_token_check(bad, key, sizeof key, &id, &number));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_forgeries),
	};
	return cmocka_run_group_tests_name("trial_token", tests, NULL, NULL);
}
