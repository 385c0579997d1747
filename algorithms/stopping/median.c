/*
 * Stops what is worse than half, or another share, of the trials that ran to their end were by then.
 *
 * medianstop: the value so far against the median of the running averages up to that step (Golovin et
 * al., Google Vizier, KDD 2017), or as Katib: against the arithmetic mean of what every trial had on
 * average in its first start_step reports, which is the same at every step. percentile: against a
 * percentile of the values at that step, as Optuna's PercentilePruner.
 */
#include <math.h>
#include <stdio.h>

#include "algorithms/stopping/rule.h"

enum { ROW_REQUIRED, ROW_START, ROW_RULE, ROW_PERCENTILE = ROW_RULE };
enum { RULE_AVERAGES, RULE_KATIB };

static const char *const rule_names[] = {"averages", "katib", NULL};

#define SETTING_REQUIRED(least)                                                                \
	{                                                                                          \
		.name = "min_trials_required", .type = ALGO_INT, .min = 1, .max = 1e6, .def = (least), \
		.doc = "Number of trials that must have run to their end before any is stopped."       \
	}
#define SETTING_START(least)                                                                      \
	{                                                                                             \
		.name = "start_step", .type = ALGO_INT, .min = 1, .max = STOP_POINTS_MAX, .def = (least), \
		.doc = "Number of reports from which on a trial is judged."                               \
	}

static const struct algo_setting median_settings[] = {
	[ROW_REQUIRED] = SETTING_REQUIRED(3),
	[ROW_START] = SETTING_START(4),
	[ROW_RULE] = {.name = "rule",
		.type = ALGO_CHOICE,
		.choices = rule_names,
		.def = RULE_AVERAGES,
		.doc =
			"averages: with the median of the others' running averages up to the same step. katib: with the "
			"arithmetic mean of the others' first start_step reports, at whatever step."},
};

static const struct algo_setting percentile_settings[] = {
	[ROW_REQUIRED] = SETTING_REQUIRED(5),
	[ROW_START] = SETTING_START(1),
	[ROW_PERCENTILE] = {.name = "percentile",
		.type = ALGO_REAL,
		.min = 0,
		.max = 100,
		.def = 25,
		.doc = "How many percent of the trials may be better for a trial to go on."},
};

struct bar {
	const char *what; /* "the median"                                                */
	double cost;
	size_t n; /* trials that it is of                                        */
};

/* True: the trial is below the bar. Without any value is below whatever there is. */
static bool judge(const struct stop_question *q, const struct bar *bar, char *message)
{
	const struct stop_points *p = &q->trial->points;
	double cost = trial_cost(q->s, q->trial, p->n), step = p->at[p->n - 1].step;

	if (bar->n == 0 || !(cost > bar->cost || isnan(cost)))
		return false;
	if (isnan(cost))
		snprintf(message, STOP_MESSAGE_MAX, "no %s up to step %.15g, where %s of %zu trials is %.6g",
			q->s->metric, step, bar->what, bar->n, stop_shown(q->s, bar->cost));
	else
		snprintf(message, STOP_MESSAGE_MAX, "%s %.6g at step %.15g is worse than %s %.6g of %zu trials",
			q->s->metric, stop_shown(q->s, cost), step, bar->what, stop_shown(q->s, bar->cost), bar->n);
	return true;
}

static bool may_judge(const struct stop_question *q, const struct algo_value *settings)
{
	return q->s->n_whole >= settings[ROW_REQUIRED].number &&
	       trial_has_reports(q->trial, settings[ROW_START].number);
}

static struct column *ask(const struct stop_question *q, enum column_kind kind, double at)
{
	struct column *c = columns_ask(q->s, kind, at);

	q->s->no_memory = q->s->no_memory || !c;
	return c;
}

static double last_step(const struct stop_question *q)
{
	return q->trial->points.at[q->trial->points.n - 1].step;
}

static bool median_ahead(struct stopper *s, const struct algo_value *settings, double step)
{
	if (settings[ROW_RULE].number == RULE_KATIB)
		return columns_ask(s, COLUMN_FIRST, settings[ROW_START].number);
	return columns_ask(s, COLUMN_MEAN, step);
}

static bool percentile_ahead(struct stopper *s, const struct algo_value *settings, double step)
{
	(void)settings;
	return columns_ask(s, COLUMN_VALUE, step);
}

static bool median_judge(struct stop_question *q, const struct algo_value *settings, char *message)
{
	bool katib = settings[ROW_RULE].number == RULE_KATIB;
	struct bar bar = {.what = katib ? "the mean" : "the median"};
	struct column *c;

	if (!may_judge(q, settings))
		return false;
	c = katib ? ask(q, COLUMN_FIRST, settings[ROW_START].number) : ask(q, COLUMN_MEAN, last_step(q));
	if (!c)
		return false;
	bar.cost = katib ? column_mean(c) : column_quantile(c, 0.5);
	bar.n = c->n;
	return judge(q, &bar, message);
}

static bool percentile_judge(struct stop_question *q, const struct algo_value *settings, char *message)
{
	char what[64];
	struct bar bar = {.what = what};
	const struct column *c;

	if (!may_judge(q, settings) || !(c = ask(q, COLUMN_VALUE, last_step(q))))
		return false;
	snprintf(what, sizeof(what), "the best %.6g %%:", settings[ROW_PERCENTILE].number);
	bar.cost = column_quantile(c, settings[ROW_PERCENTILE].number / 100);
	bar.n = c->n;
	return judge(q, &bar, message);
}

const struct stop_rule stop_rule_median = {
	.name = "medianstop",
	.reason = "MedianStop",
	.doc =
		"Stops a trial when its best value so far is worse than the median of the averages that other trials "
		"had up to the same step. Needs no knowledge of the metric: a first choice where trials report "
		"often.",
	.settings = median_settings,
	.n_settings = sizeof(median_settings) / sizeof(*median_settings),
	.compares = true,
	.judge = median_judge,
	.build_ahead = median_ahead,
};

const struct stop_rule stop_rule_percentile = {
	.name = "percentile",
	.reason = "PercentileStop",
	.doc = "Stops a trial when its best value so far is not among the best percent of what other trials had "
		   "at the "
		   "same step. Stricter or milder than the median, as you choose.",
	.settings = percentile_settings,
	.n_settings = sizeof(percentile_settings) / sizeof(*percentile_settings),
	.compares = true,
	.judge = percentile_judge,
	.build_ahead = percentile_ahead,
};
