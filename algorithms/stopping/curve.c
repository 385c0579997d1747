/*
 * Stops what is unlikely to end better than the best trial, by extrapolating its learning curve.
 *
 * A curve is y = a + b phi(x), x = resource / full resource, with phi one of three families, each at
 * SCANNED values of its parameter: x^-c (pow3), exp(-k x) (janoschek with d = 1), 1 / (1 + k x) (mmf with
 * d = 1; all in Domhan, Springenberg and Hutter, IJCAI 2015). For each phi, a and b are linear least squares,
 * closed: what they need are sums over the points. The curves are mixed by exp(-AICc / 2), and each
 * predicts y(1) with the variance of a linear regression, times (1 + ln(1 / x) / 2)^2 for how far it looks
 * ahead. The trial stops when the mixture gives less than `probability` to ending better than the best
 * trial that ran to its end.
 *
 * What phi is at a resource is kept from report to report: trials report at the same steps.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "algorithms/stopping/rule.h"

enum { FAMILIES = 3, SCANNED = 24, PHIS = FAMILIES * SCANNED, USED_MAX = 64, KEPT = 512 };
enum { ROW_REQUIRED, ROW_START, ROW_WARM_UP, ROW_PROBABILITY };

static const struct algo_setting curve_settings[] = {
	[ROW_REQUIRED] = {.name = "min_trials_required",
		.type = ALGO_INT,
		.min = 1,
		.max = 1e6,
		.def = 3,
		.doc = "Number of trials that must have run to their end before any is stopped."},
	[ROW_START] = {.name = "start_step",
		.type = ALGO_INT,
		.min = 4,
		.max = STOP_POINTS_MAX,
		.def = 4,
		.doc = "Number of reports from which on a curve is extrapolated."},
	[ROW_WARM_UP] = {.name = "warm_up",
		.type = ALGO_REAL,
		.min = 0,
		.max = 1,
		.def = 0.1,
		.doc = "Share of the full resource before which no trial is stopped."},
	[ROW_PROBABILITY] = {.name = "probability",
		.type = ALGO_REAL,
		.above_min = true,
		.below_max = true,
		.min = 0,
		.max = 1,
		.def = 0.05,
		.doc = "Stops a trial that ends better than the best one with a probability below this."},
};

/* ---- the curves -------------------------------------------------------------------------------- */

struct phis {
	double x; /* 0: empty                                                    */
	double at[PHIS];
};

struct memo {
	struct phis end;        /* at x = 1                                                    */
	struct phis kept[KEPT]; /* by a hash of x                                              */
};

static double scanned(int k, double low, double high)
{
	return low * pow(high / low, (double)k / (SCANNED - 1));
}

static void compute_phis(struct phis *p, double x)
{
	p->x = x;
	for (int k = 0; k < SCANNED; k++) {
		p->at[k] = pow(x, -scanned(k, 0.05, 3));
		p->at[SCANNED + k] = exp(-x * scanned(k, 0.5, 200));
		p->at[2 * SCANNED + k] = 1 / (1 + x * scanned(k, 0.5, 2000));
	}
}

static const struct phis *phis_at(struct memo *m, double x)
{
	uint64_t bits;
	struct phis *p;

	memcpy(&bits, &x, sizeof(bits));
	p = &m->kept[(bits * 0x9E3779B97F4A7C15u) >> 55];
	if (p->x != x)
		compute_phis(p, x);
	return p;
}

/* Sums over the points; costs are taken off the last one, which keeps digits. */
struct sums {
	double n, y, yy, p[PHIS], pp[PHIS], py[PHIS];
};

static void add_point(struct sums *s, const struct phis *phis, double y)
{
	s->n++;
	s->y += y;
	s->yy += y * y;
	for (int k = 0; k < PHIS; k++) {
		s->p[k] += phis->at[k];
		s->pp[k] += phis->at[k] * phis->at[k];
		s->py[k] += phis->at[k] * y;
	}
}

/* What one curve says of the end: a mean and a standard deviation, and how much it weighs. */
struct guess {
	double mean, sd, log_weight;
};

static struct guess extrapolate(const struct sums *s, int k, double phi_end, double least)
{
	double n = s->n, mean_p = s->p[k] / n, mean_y = s->y / n;
	double spp = s->pp[k] - n * mean_p * mean_p, spy = s->py[k] - s->p[k] * mean_y;
	double syy = s->yy - n * mean_y * mean_y, slope, rest, variance, parameters = 4; /* a, b, c, the noise */
	struct guess g = {.log_weight = -INFINITY};

	if (!(spp > 1e-12 * s->pp[k]))
		return g; /* it is flat where the points are */
	slope = spy / spp;
	rest = fmax(syy - slope * spy, 0) + least;
	variance = rest / (n - 2);
	g.mean = mean_y + slope * (phi_end - mean_p);
	g.sd = sqrt(variance * (1 + 1 / n + (phi_end - mean_p) * (phi_end - mean_p) / spp));
	g.log_weight =
		-0.5 * n * log(rest / n) - parameters - parameters * (parameters + 1) / fmax(n - parameters - 1, 1);
	return g;
}

/* The probability of ending below `bar`, a cost less the last one. */
static double mix(const struct sums *s, const struct memo *m, double x, double bar, double *expected)
{
	double top = -INFINITY, total = 0, below = 0, mean = 0, ahead = 1 - 0.5 * log(x);
	double least = 1e-10 * s->yy + 1e-300; /* of a curve that fits to the last digit */
	struct guess guesses[PHIS];

	for (int k = 0; k < PHIS; k++) {
		guesses[k] = extrapolate(s, k, m->end.at[k], least);
		top = fmax(top, guesses[k].log_weight);
	}
	if (!isfinite(top))
		return 1;
	for (int k = 0; k < PHIS; k++) {
		const struct guess *g = &guesses[k];
		double w = exp(g->log_weight - top);

		if (!(w > 1e-6))
			continue;
		total += w;
		mean += w * g->mean;
		below += w * erfc((g->mean - bar) / (g->sd * ahead) * M_SQRT1_2) / 2;
	}
	*expected = mean / total;
	return below / total;
}

/* ---- the rule ---------------------------------------------------------------------------------- */

static struct memo *need_memo(struct stopper *s)
{
	struct memo *m = s->memo;

	if (!m) {
		if (!(m = s->memo = calloc(1, sizeof(*m)))) {
			s->no_memory = true;
			return NULL;
		}
		s->memo_bytes += sizeof(*m);
		compute_phis(&m->end, 1);
	}
	return m;
}

/* Up to USED_MAX points, evenly from the last one back. */
static void add_points(struct sums *sums, struct memo *m, const struct stop_question *q, double full)
{
	const struct stop_points *p = &q->trial->points;
	uint32_t every = (p->n + USED_MAX - 1) / USED_MAX;
	double base = stop_base(q->s, q->trial), last = stop_cost(q->s->p.direction, p->at[p->n - 1].value);

	for (uint32_t i = (p->n - 1) % every; i < p->n; i += every) {
		double x = (p->at[i].step + base) / full, cost = stop_cost(q->s->p.direction, p->at[i].value);

		if (x > 0 && isfinite(cost))
			add_point(sums, phis_at(m, x), cost - last);
	}
}

static bool curve_judge(struct stop_question *q, const struct algo_value *settings, char *message)
{
	const struct stop_points *p = &q->trial->points;
	const struct stop_trial *best = q->s->trials[q->s->best_whole];
	double full, resource, last, probability, expected = NAN;
	struct sums sums = {0};
	struct memo *m;

	if (!best || q->s->n_whole < settings[ROW_REQUIRED].number ||
		!trial_has_reports(q->trial, settings[ROW_START].number))
		return false;
	full = stop_full_resource(q->s);
	resource = p->at[p->n - 1].step + stop_base(q->s, q->trial);
	last = stop_cost(q->s->p.direction, p->at[p->n - 1].value);
	if (resource < settings[ROW_WARM_UP].number * full || resource >= full || !isfinite(last))
		return false;
	if (!(m = need_memo(q->s)))
		return false;
	add_points(&sums, m, q, full);
	if (sums.n < 4)
		return false;
	probability = mix(&sums, m, resource / full, best->final - last, &expected);
	if (!(probability < settings[ROW_PROBABILITY].number))
		return false;
	snprintf(message, STOP_MESSAGE_MAX,
		"%s %.6g at step %.15g is expected to end at %.4g and better than %.6g with a probability of %.2g",
		q->s->metric, stop_shown(q->s, last), p->at[p->n - 1].step, stop_shown(q->s, expected + last),
		stop_shown(q->s, best->final), probability);
	return true;
}

const struct stop_rule stop_rule_curve = {
	.name = "curve",
	.reason = "CurveStop",
	.doc = "Extrapolates a trial's learning curve and stops it when it is unlikely to end better than the "
		   "best one. "
		   "Bolder than the median once good trials are known, and it lets late starters go on.",
	.settings = curve_settings,
	.n_settings = sizeof(curve_settings) / sizeof(*curve_settings),
	.compares = true,
	.judge = curve_judge,
};
