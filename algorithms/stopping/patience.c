/*
 * Stops what has ceased to improve: when the best of the last `patience` + 1 reports is not better, by
 * more than min_delta, than the best of those before. (Optuna's PatientPruner wants it to be worse by
 * more than min_delta, so a trial that stands still goes on for ever there.)
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "algorithms/stopping/rule.h"

enum { ROW_PATIENCE, ROW_DELTA };

static const struct algo_setting patience_settings[] = {
	[ROW_PATIENCE] = {.name = "patience",
		.type = ALGO_INT,
		.min = 0,
		.max = STOP_POINTS_MAX / 2,
		.def = 10,
		.doc = "Number of reports without an improvement that are put up with."},
	[ROW_DELTA] = {.name = "min_delta",
		.type = ALGO_REAL,
		.min = 0,
		.max = INFINITY,
		.def = 0,
		.doc = "What a value must be better by to be an improvement."},
};

static bool patience_judge(struct stop_question *q, const struct algo_value *settings, char *message)
{
	const struct stop_points *p = &q->trial->points;
	uint32_t last = (uint32_t)settings[ROW_PATIENCE].number + 1, before;
	double recent = NAN, best;

	if (p->n <= last)
		return false;
	before = p->n - last;
	best = p->prefix[before - 1].best;
	for (uint32_t i = before; i < p->n; i++)
		recent = fmin(recent, stop_cost(q->s->p.direction, p->at[i].value));
	if (isnan(best) ? !isnan(recent) : recent < best - settings[ROW_DELTA].number)
		return false;
	snprintf(message, STOP_MESSAGE_MAX, "%s has not improved on %.6g in %" PRIu32 " reports up to step %.15g",
		q->s->metric, stop_shown(q->s, best), last, p->at[p->n - 1].step);
	return true;
}

const struct stop_rule stop_rule_patience = {
	.name = "patience",
	.reason = "PatienceStop",
	.doc =
		"Stops a trial when its value has not improved for a number of reports: it has learned what it can. "
		"Does not look at other trials; with `all` beside another rule it keeps that one from being hasty.",
	.settings = patience_settings,
	.n_settings = sizeof(patience_settings) / sizeof(*patience_settings),
	.judge = patience_judge,
};
