/* All stopping rules, and their settings. */
#include <stdio.h>
#include <string.h>

#include "algorithms/stopping/stopper.h"

const struct stop_rule *const stop_rules[] = {
	&stop_rule_median,
	&stop_rule_percentile,
	&stop_rule_threshold,
	&stop_rule_patience,
	&stop_rule_wilcoxon,
	&stop_rule_curve,
	NULL,
};
const size_t n_stop_rules = sizeof(stop_rules) / sizeof(*stop_rules) - 1;

const struct stop_rule *stop_rule_find(const char *name)
{
	for (size_t i = 0; i < n_stop_rules; i++) {
		const struct stop_rule *r = stop_rules[i];

		if (strcmp(r->name, name) == 0)
			return r;
		for (size_t k = 0; r->aliases && r->aliases[k]; k++)
			if (strcmp(r->aliases[k], name) == 0)
				return r;
	}
	return NULL;
}

/* What the functions of algorithm.h need to know of a table. */
static struct algorithm table_of(const struct stop_rule *r)
{
	return (struct algorithm){.name = r->name, .settings = r->settings, .n_settings = r->n_settings};
}

int stop_setting_find(const struct stop_rule *r, const char *name)
{
	const struct algorithm table = table_of(r);

	return algo_setting_find(&table, name);
}

void stop_settings_init(const struct stop_rule *r, struct algo_value *values)
{
	const struct algorithm table = table_of(r);

	algo_settings_init(&table, values);
}

bool stop_setting_number(const struct stop_rule *r, struct algo_value *values, uint32_t row, double number,
	algo_report *report, void *ctx)
{
	const struct algorithm table = table_of(r);

	return algo_setting_number(&table, values, row, number, report, ctx);
}

bool stop_setting_text(const struct stop_rule *r, struct algo_value *values, uint32_t row, const char *text,
	algo_report *report, void *ctx)
{
	const struct algorithm table = table_of(r);

	return algo_setting_text(&table, values, row, text, report, ctx);
}

static bool check_use(
	const struct stop_problem *p, const struct stop_use *use, algo_report *report, void *ctx)
{
	const struct stop_rule *r = use->rule;
	char message[STOP_MESSAGE_MAX];
	bool ok = true;

	for (uint32_t i = 0; i < r->n_settings; i++) {
		if (!r->settings[i].required || use->settings[i].given)
			continue;
		snprintf(message, sizeof(message), "%s needs this setting, which has no default", r->name);
		report(ctx, r->settings[i].name, -1, message);
		ok = false;
	}
	return ok && (!r->check || r->check(p, use->settings, report, ctx));
}

bool stop_check(const struct stop_problem *p, algo_report *report, void *ctx)
{
	bool ok = true;

	for (uint32_t i = 0; i < p->n_uses; i++)
		ok = check_use(p, &p->uses[i], report, ctx) && ok;
	return ok;
}
