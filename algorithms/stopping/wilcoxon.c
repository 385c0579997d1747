/*
 * Stops what is worse than the best trial at the steps that both have reported, by Wilcoxon's signed-rank
 * test: for reports that are folds or instances, in no order of progress. As Optuna's WilcoxonPruner.
 *
 * One-sided, over the differences of the costs; what does not differ is ranked, and its ranks are split
 * evenly ("zsplit"). Up to 50 differences that are all distinct and not 0 have their exact distribution;
 * else the normal one, with the corrections for ties and for continuity.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "algorithms/stopping/rule.h"

enum { EXACT_MAX = 50 };
enum { ROW_P, ROW_START };

static const char *const start_aliases[] = {"n_startup_steps", NULL};

static const struct algo_setting wilcoxon_settings[] = {
	[ROW_P] = {.name = "p_threshold",
		.type = ALGO_REAL,
		.min = 0,
		.max = 1,
		.def = 0.1,
		.doc = "Stops below this probability of differences as large by chance."},
	[ROW_START] = {.name = "start_step",
		.aliases = start_aliases,
		.type = ALGO_INT,
		.min = 2,
		.max = STOP_POINTS_MAX,
		.def = 2,
		.doc = "Number of steps that must be common to the trial and the best one."},
};

/* ---- the distribution -------------------------------------------------------------------------- */

static size_t row_start(uint32_t n)
{
	size_t m = n - 1; /* the sum of k (k + 1) / 2 + 1 over k = 1 .. n - 1 */

	return m * (m + 1) * (m + 2) / 6 + m;
}

/* Row n: the probability that the positive ranks of n differences sum up to w or more, w = 0 ... */
static double *make_rows(void)
{
	double *rows = malloc(row_start(EXACT_MAX + 1) * sizeof(*rows)), *before = NULL;

	for (uint32_t n = 1; rows && n <= EXACT_MAX; n++) {
		double *row = rows + row_start(n);
		uint32_t top = n * (n + 1) / 2, top_before = top - n;

		/* The largest rank is positive or is not. */
		for (uint32_t w = 0; w <= top; w++) {
			double without = !before ? w == 0 : w <= top_before ? before[w] : 0;
			double with = w <= n ? 1 : before[w - n];

			row[w] = (without + with) / 2;
		}
		before = row;
	}
	return rows;
}

static bool need_rows(struct stopper *s)
{
	if (s->ranks)
		return true;
	if (!(s->ranks = make_rows())) {
		s->no_memory = true;
		return false;
	}
	s->memo_bytes += row_start(EXACT_MAX + 1) * sizeof(*s->ranks);
	return true;
}

struct difference {
	double by;
	double size; /* its absolute value                                          */
};

static int by_size(const void *a, const void *b)
{
	const struct difference *x = a, *y = b;

	return (x->size > y->size) - (x->size < y->size);
}

/* The probability of a sum of positive ranks as large, by the normal distribution. ties: the sum of
 * t^3 - t over the groups of t equal ones. */
static double normal_tail(double sum, double n, double ties)
{
	double variance = (n * (n + 1) * (2 * n + 1) - ties / 2) / 24;

	if (!(variance > 0))
		return 1;
	return erfc((sum - n * (n + 1) / 4 - 0.5) / sqrt(2 * variance)) / 2;
}

/* Sorts them. rows: of make_rows(). */
static double signed_rank(struct difference *d, uint32_t n, const double *rows)
{
	double sum = 0, ties = 0;
	bool distinct = true;

	qsort(d, n, sizeof(*d), by_size);
	for (uint32_t i = 0, end; i < n; i = end) {
		double group, rank;

		for (end = i + 1; end < n && d[end].size == d[i].size;)
			end++;
		group = end - i;
		rank = (i + 1 + end) / 2.0;
		ties += group * group * group - group;
		distinct = distinct && group == 1 && d[i].size > 0;
		for (uint32_t k = i; k < end; k++)
			sum += d[k].by > 0 ? rank : d[k].by == 0 ? rank / 2 : 0;
	}
	if (n <= EXACT_MAX && distinct)
		return rows[row_start(n) + (size_t)sum];
	return normal_tail(sum, n, ties);
}

/* ---- the rule ---------------------------------------------------------------------------------- */

static uint32_t differences(
	const struct stop_question *q, const struct stop_trial *best, struct difference *out)
{
	const struct stop_points *a = &q->trial->points, *b = &best->points;
	uint32_t n = 0;

	for (uint32_t i = 0, k = 0; i < a->n && k < b->n;) {
		if (a->at[i].step < b->at[k].step) {
			i++;
		} else if (a->at[i].step > b->at[k].step) {
			k++;
		} else {
			double by = stop_cost(q->s->p.direction, a->at[i++].value) -
			            stop_cost(q->s->p.direction, b->at[k++].value);

			if (!isnan(by))
				out[n++] = (struct difference){.by = by, .size = fabs(by)};
		}
	}
	return n;
}

static double mean_cost(const struct stop_trial *t)
{
	const struct stop_prefix *last = &t->points.prefix[t->points.n - 1];

	return last->counted > 0 ? last->sum / last->counted : NAN;
}

static bool wilcoxon_judge(struct stop_question *q, const struct algo_value *settings, char *message)
{
	const struct stop_trial *best = q->s->trials[q->s->best_whole];
	struct difference d[STOP_POINTS_MAX];
	uint32_t n;
	double p;

	if (!best || best->points.n == 0)
		return false;
	if (!need_rows(q->s))
		return false;
	n = differences(q, best, d);
	if (n < settings[ROW_START].number || mean_cost(q->trial) < mean_cost(best))
		return false;
	p = signed_rank(d, n, q->s->ranks);
	if (!(p < settings[ROW_P].number))
		return false;
	snprintf(message, STOP_MESSAGE_MAX,
		"%s is worse than that of trial %" PRIu32 " at the %" PRIu32
		" steps that both have reported, p = %.2g",
		q->s->metric, best->number, n, p);
	return true;
}

const struct stop_rule stop_rule_wilcoxon = {
	.name = "wilcoxon",
	.reason = "WilcoxonStop",
	.doc = "Stops a trial when it is worse than the best one at the steps that both have reported, by a "
		   "signed-rank "
		   "test. For reports that are not a course but parts of one result: folds, instances, episodes.",
	.settings = wilcoxon_settings,
	.n_settings = sizeof(wilcoxon_settings) / sizeof(*wilcoxon_settings),
	.compares = true,
	.judge = wilcoxon_judge,
};
