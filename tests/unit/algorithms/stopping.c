#include "tests/unit/algorithms/stopping.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void refuse(void *ctx, const char *setting, int param, const char *message)
{
	(void)ctx;
	(void)param;
	fail_msg("%s: %s", setting ? setting : "", message);
}

void stopping_rule_init(struct stopping_rule *r, const char *text)
{
	char copy[200], *rest = copy, *word;
	const struct stop_rule *rule;

	snprintf(copy, sizeof(copy), "%s", text);
	rule = stop_rule_find(strtok_r(NULL, " ", &rest));
	assert_non_null(rule);
	assert_true(rule->n_settings <= STOPPING_SETTINGS_MAX);
	stop_settings_init(rule, r->values);
	while ((word = strtok_r(NULL, " ", &rest))) {
		char *value = strchr(word, '=');
		int row;

		assert_non_null(value);
		*value++ = '\0';
		row = stop_setting_find(rule, word);
		assert_true(row >= 0);
		assert_true(stop_setting_text(rule, r->values, (uint32_t)row, value, refuse, NULL));
	}
	r->use = (struct stop_use){.rule = rule, .settings = r->values};
}

struct stopper *stopping_with(const char *text, enum algo_direction direction)
{
	struct stopping_rule rule;
	const struct stop_problem p = {
		.direction = direction, .metric = "loss", .uses = &rule.use, .n_uses = 1, .max_resource = NAN};
	struct stopper *s;

	stopping_rule_init(&rule, text);
	assert_true(stop_check(&p, refuse, NULL));
	s = stopper_new(&p);
	assert_non_null(s);
	return s;
}

void stopping_whole(struct stopper *s, uint32_t number, const double *values, uint32_t n)
{
	assert_true(stopper_begin(s, number, 0, 0, NAN));
	for (uint32_t i = 0; i < n; i++)
		assert_true(stopper_restore(s, number, i + 1, values[i]));
	assert_true(stopper_end(s, number, ALGO_SUCCEEDED, values[n - 1]));
}
