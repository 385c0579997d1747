/* Lines from level to level. */
#include "algorithms/fidelity/align.h"

#include <math.h>

#include "algorithms/fidelity/standing.h"

/* A slope of 1 weighs as much as so many trials. */
static const double PRIOR = 2;
static const double SLOPE_MIN = 0.1, SLOPE_MAX = 10;

/* The lines follow every trial at first, later every tenth part more: so the values that come of them stay. */
static uint32_t trials_until(uint32_t n)
{
	uint32_t m = 0;

	for (uint32_t step = 1; m + step <= n; step = 1 + m / 10)
		m += step;
	return m;
}

static struct align_line line_from(const struct algo_problem *p, const struct ladder *l,
	const struct algo_history *h, uint32_t level)
{
	uint32_t until = trials_until(h->n_trials);
	double n = 0, x = 0, y = 0, xx = 0, xy = 0; /* means, and sums about them */

	for (uint32_t i = 0; i < until; i++) {
		const struct algo_trial *t = &h->trials[i];
		double low = standing_value_at(p, l, t, level);
		double high = standing_value_at(p, l, t, level + 1), dx = low - x, dy = high - y;

		if (!isfinite(dx) || !isfinite(dy) || t->status == ALGO_FAILED || t->status == ALGO_ABANDONED)
			continue;
		n++;
		x += dx / n;
		y += dy / n;
		xx += dx * (low - x);
		xy += dx * (high - y);
	}
	if (!(xx > 0) || !isfinite(xx) || !isfinite(xy))
		return (struct align_line){x, y, 1};
	return (struct align_line){x, y, fmin(fmax((xy + PRIOR * xx / n) / (xx + PRIOR * xx / n), SLOPE_MIN), SLOPE_MAX)};
}

void align_init(struct align *a, const struct algo_problem *p, const struct ladder *l, const struct algo_history *h)
{
	a->n = l->n;
	for (uint32_t level = 0; level + 1 < l->n; level++)
		a->lines[level] = line_from(p, l, h, level);
}

double align_value(const struct align *a, uint32_t level, double value)
{
	for (; level + 1 < a->n; level++)
		value = a->lines[level].to + a->lines[level].slope * (value - a->lines[level].from);
	return value;
}
