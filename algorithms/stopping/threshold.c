/* Stops what leaves the bounds that its user gave, or is NaN. */
#include <math.h>
#include <stdio.h>

#include "algorithms/stopping/rule.h"

enum { ROW_LOWER, ROW_UPPER, ROW_START };

static const struct algo_setting threshold_settings[] = {
	[ROW_LOWER] = {.name = "lower",
		.type = ALGO_REAL,
		.min = -INFINITY,
		.max = INFINITY,
		.def = NAN,
		.doc = "Least value that is allowed."},
	[ROW_UPPER] = {.name = "upper",
		.type = ALGO_REAL,
		.min = -INFINITY,
		.max = INFINITY,
		.def = NAN,
		.doc = "Largest value that is allowed."},
	[ROW_START] = {.name = "start_step",
		.type = ALGO_INT,
		.min = 1,
		.max = 32,
		.def = 1,
		.doc = "Number of reports from which on a trial is judged."},
};

static bool threshold_check(
	const struct stop_problem *p, const struct algo_value *settings, algo_report *report, void *ctx)
{
	(void)p;
	if (isnan(settings[ROW_LOWER].number) && isnan(settings[ROW_UPPER].number)) {
		report(ctx, "upper", -1, "threshold needs upper, lower or both");
		return false;
	}
	if (settings[ROW_LOWER].number > settings[ROW_UPPER].number) {
		report(ctx, "lower", -1, "must not be above upper");
		return false;
	}
	return true;
}

static bool threshold_judge(struct stop_question *q, const struct algo_value *settings, char *message)
{
	const struct algo_point *point = &q->trial->points.at[q->index];
	bool above = point->value > settings[ROW_UPPER].number, below = point->value < settings[ROW_LOWER].number;

	if (!trial_has_reports(q->trial, settings[ROW_START].number) || !(above || below || isnan(point->value)))
		return false;
	if (isnan(point->value))
		snprintf(message, STOP_MESSAGE_MAX, "%s at step %.15g is NaN", q->s->metric, point->step);
	else
		snprintf(message, STOP_MESSAGE_MAX, "%s %.6g at step %.15g is %s %.6g", q->s->metric, point->value,
			point->step, above ? "above" : "below", settings[above ? ROW_UPPER : ROW_LOWER].number);
	return true;
}

const struct stop_rule stop_rule_threshold = {
	.name = "threshold",
	.reason = "ThresholdStop",
	.doc = "Stops a trial when a value is above or below the bounds that you give, or NaN: for what is "
		   "known to be hopeless, such as a loss that diverges.",
	.settings = threshold_settings,
	.n_settings = sizeof(threshold_settings) / sizeof(*threshold_settings),
	.check = threshold_check,
	.judge = threshold_judge,
};
