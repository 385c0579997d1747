/* Settings of an algorithm, by its table: names, types, ranges; and what a problem asks of it. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "algorithms/algorithm.h"
#include "algorithms/assert.h"

enum { MESSAGE_MAX = 400 };

const char *const algo_seed_aliases[] = {"seed", NULL};

int algo_setting_find(const struct algorithm *a, const char *name)
{
	for (uint32_t i = 0; i < a->n_settings; i++) {
		const struct algo_setting *s = &a->settings[i];

		if (strcmp(s->name, name) == 0)
			return (int)i;
		for (size_t k = 0; s->aliases && s->aliases[k]; k++)
			if (strcmp(s->aliases[k], name) == 0)
				return (int)i;
	}
	return -1;
}

void algo_settings_init(const struct algorithm *a, struct algo_value *values)
{
	for (uint32_t i = 0; i < a->n_settings; i++)
		values[i] = (struct algo_value){.number = a->settings[i].required ? NAN : a->settings[i].def};
}

/* "must be a whole number, at least 1 and at most 100" */
static void describe(const struct algo_setting *s, char *out, size_t size)
{
	const char *noun = s->type == ALGO_INT ? "a whole number" : "a number";
	int n = 0;

	switch (s->type) {
	case ALGO_BOOL:
		snprintf(out, size, "must be true or false");
		return;
	case ALGO_PARAM:
		snprintf(out, size, "must be the name of a parameter");
		return;
	case ALGO_TEXT:
		snprintf(out, size, "must be a text");
		return;
	case ALGO_CHOICE:
		n = snprintf(out, size, "must be one of");
		for (size_t k = 0; s->choices[k] && n > 0 && (size_t)n < size; k++)
			n += snprintf(out + n, size - (size_t)n, "%s %s", k ? "," : "", s->choices[k]);
		return;
	case ALGO_INT:
	case ALGO_REAL:
		break;
	}
	n = snprintf(out, size, "must be %s", noun);
	if (isfinite(s->min) && n > 0 && (size_t)n < size)
		n += snprintf(out + n, size - (size_t)n, ", %s %.15g", s->above_min ? "above" : "at least", s->min);
	if (isfinite(s->max) && n > 0 && (size_t)n < size)
		snprintf(out + n, size - (size_t)n, "%s %s %.15g", isfinite(s->min) ? " and" : ",",
			s->below_max ? "below" : "at most", s->max);
}

static bool refuse(const struct algo_setting *s, algo_report *report, void *ctx)
{
	char message[MESSAGE_MAX];

	describe(s, message, sizeof(message));
	report(ctx, s->name, -1, message);
	return false;
}

static bool in_range(const struct algo_setting *s, double v)
{
	switch (s->type) {
	case ALGO_BOOL:
		return v == 0 || v == 1;
	case ALGO_INT:
		if (v != floor(v) || fabs(v) > 0x1p53)
			return false;
		break;
	case ALGO_REAL:
		break;
	case ALGO_CHOICE: {
		double n = 0;

		for (size_t k = 0; s->choices[k]; k++)
			n++;
		return v == floor(v) && v >= 0 && v < n;
	}
	case ALGO_PARAM:
		return v == floor(v) && v >= 0 && v < SPACE_PARAMS_MAX;
	case ALGO_TEXT:
		return false;
	}
	return isfinite(v) && (s->above_min ? v > s->min : v >= s->min) &&
		   (s->below_max ? v < s->max : v <= s->max);
}

bool algo_setting_number(const struct algorithm *a, struct algo_value *values, uint32_t row, double number,
	algo_report *report, void *ctx)
{
	ALGO_ASSERT(row < a->n_settings);
	if (!in_range(&a->settings[row], number))
		return refuse(&a->settings[row], report, ctx);
	values[row] = (struct algo_value){.number = number, .given = true};
	return true;
}

static bool parse_number(const char *text, double *out)
{
	char *end;

	if (!((*text >= '0' && *text <= '9') || *text == '-' || *text == '+' || *text == '.'))
		return false; /* no spaces, nan or infinity */
	*out = strtod(text, &end);
	return *end == '\0' && !strpbrk(text, "xX");
}

static bool parse_bool(const char *text, double *out)
{
	static const char *const words[][2] = {{"false", "true"}, {"False", "True"}, {"0", "1"}};

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
		for (int value = 0; value < 2; value++) {
			if (strcmp(text, words[i][value]) == 0) {
				*out = value;
				return true;
			}
		}
	}
	return false;
}

static bool parse_choice(const char *text, const char *const *choices, double *out)
{
	for (size_t k = 0; choices[k]; k++) {
		if (strcmp(choices[k], text) == 0) {
			*out = (double)k;
			return true;
		}
	}
	return false;
}

bool algo_setting_text(const struct algorithm *a, struct algo_value *values, uint32_t row, const char *text,
	algo_report *report, void *ctx)
{
	const struct algo_setting *s = &a->settings[row];
	bool ok = false;
	double v = NAN;

	ALGO_ASSERT(row < a->n_settings);
	switch (s->type) {
	case ALGO_BOOL:
		ok = parse_bool(text, &v);
		break;
	case ALGO_INT:
	case ALGO_REAL:
		ok = parse_number(text, &v);
		break;
	case ALGO_CHOICE:
		ok = parse_choice(text, s->choices, &v);
		break;
	case ALGO_PARAM:
		break;
	case ALGO_TEXT:
		values[row] = (struct algo_value){.number = NAN, .text = text, .given = true};
		return true;
	}
	return ok ? algo_setting_number(a, values, row, v, report, ctx) : refuse(s, report, ctx);
}

/* ---- the problem ------------------------------------------------------------------------------- */

static bool check_space(const struct algorithm *a, const struct space *s, algo_report *report, void *ctx)
{
	bool ok = true;

	for (uint32_t j = 0; j < space_dim(s); j++) {
		const char *what = NULL;
		char message[MESSAGE_MAX];

		if (!(a->capabilities & ALGO_CONDITIONS) && space_is_conditional(s, j))
			what = "conditional";
		else if (!(a->capabilities & ALGO_CATEGORIES) && space_at(s, j)->kind == SPACE_CATEGORICAL)
			what = "categorical";
		if (!what)
			continue;
		snprintf(message, sizeof(message), "%s does not support %s parameters", a->name, what);
		report(ctx, NULL, (int)j, message);
		ok = false;
	}
	return ok;
}

bool algo_check(const struct algorithm *a, const struct algo_problem *p, algo_report *report, void *ctx)
{
	bool ok = check_space(a, p->space, report, ctx);
	char message[MESSAGE_MAX];

	for (uint32_t i = 0; i < a->n_settings; i++) {
		if (a->settings[i].required && !p->settings[i].given) {
			snprintf(message, sizeof(message), "%s needs this setting, which has no default", a->name);
			report(ctx, a->settings[i].name, -1, message);
			ok = false;
		}
	}
	if (p->n_objectives > 1 && !(a->capabilities & ALGO_MULTI_OBJECTIVE)) {
		snprintf(message, sizeof(message), "%s optimises one objective, not %u", a->name, p->n_objectives);
		report(ctx, NULL, -1, message);
		ok = false;
	}
	return ok && (!a->check || a->check(p, report, ctx));
}
