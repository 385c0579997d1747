/*
 * Each rule beside a slow one: the same reports are judged by a few lines that look at everything that was
 * reported, as the definition says. Live, with several trials at once that end in all ways.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "algorithms/rng.h"
#include "tests/unit/algorithms/stopping.h"

enum { TRIALS = 60, STEPS = 30, WORKERS = 5, ROUNDS = 40, RUNGS = 3 };

struct trial {
	uint32_t number, n; /* reports so far                                              */
	double values[STEPS];
	double level, speed;
	bool begun, told;
	enum algo_status status;
	double final;
};

struct world {
	struct rng rng;
	struct trial trials[TRIALS + 1];
	enum algo_direction direction;
	enum stop_value value;
	double first; /* step: 0 or 1                                                */
	bool rungs;
	struct stopping_rule rule;
};

static const struct algo_rungs rungs = {.at = {1, 3, 9}, .n = RUNGS, .brackets = 1, .max = STEPS, .eta = 3};

/* ---- what everything is made of ---------------------------------------------------------------- */

static double cost(const struct world *w, double value)
{
	double c = w->direction == ALGO_MAXIMIZE ? -value : value;

	return c == -INFINITY ? NAN : c; /* infinitely good is no value */
}

/* After the first n reports. */
static double score(const struct world *w, const struct trial *t, uint32_t n)
{
	double best = NAN;

	if (w->value == STOP_LATEST)
		return cost(w, t->values[n - 1]);
	for (uint32_t i = 0; i < n; i++)
		best = fmin(best, cost(w, t->values[i]));
	return best;
}

static double average(const struct world *w, const struct trial *t, uint32_t n)
{
	double sum = 0, counted = 0;

	for (uint32_t i = 0; i < n && i < t->n; i++)
		if (!isnan(cost(w, t->values[i]))) {
			sum += cost(w, t->values[i]);
			counted++;
		}
	return sum / counted; /* NaN without any */
}

static bool whole(const struct trial *t)
{
	return t->begun && t->status == ALGO_SUCCEEDED;
}

static int ascending(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static double quantile(double *v, size_t n, double share)
{
	double place = share * (double)(n - 1);
	size_t i = (size_t)place;

	qsort(v, n, sizeof(*v), ascending);
	return i + 1 < n && place > (double)i && v[i] != v[i + 1] ? v[i] + (place - (double)i) * (v[i + 1] - v[i])
	                                                          : v[i];
}

static double setting(const struct world *w, const char *name)
{
	int row = stop_setting_find(w->rule.use.rule, name);

	return row >= 0 ? w->rule.values[row].number : NAN;
}

static uint32_t count_whole(const struct world *w)
{
	uint32_t n = 0;

	for (uint32_t i = 1; i <= TRIALS; i++)
		n += whole(&w->trials[i]);
	return n;
}

static const struct trial *best_whole(const struct world *w)
{
	const struct trial *best = NULL;

	for (uint32_t i = 1; i <= TRIALS; i++)
		if (whole(&w->trials[i]) && !isnan(w->trials[i].final) &&
			(!best || cost(w, w->trials[i].final) < cost(w, best->final)))
			best = &w->trials[i];
	return best;
}

/* ---- the rules --------------------------------------------------------------------------------- */

static bool worse(double mine, double bar)
{
	return mine > bar || isnan(mine);
}

/* kind 0: median of averages, 1: Katib's mean, 2: percentile of values. */
static bool slow_bar(const struct world *w, const struct trial *t, int kind)
{
	double values[TRIALS], sum = 0;
	size_t n = 0;

	for (uint32_t i = 1; i <= TRIALS; i++) {
		const struct trial *o = &w->trials[i];
		uint32_t until = o->n < t->n ? o->n : t->n;
		double v;

		if (!whole(o) || o->n == 0)
			continue;
		v = kind == 0   ? average(w, o, t->n)
		    : kind == 1 ? average(w, o, (uint32_t)setting(w, "start_step"))
		                : cost(w, o->values[until - 1]);
		if (isnan(v))
			continue;
		values[n++] = v;
	}
	if (n == 0 || count_whole(w) < setting(w, "min_trials_required") || t->n < setting(w, "start_step"))
		return false;
	qsort(values, n, sizeof(*values), ascending);
	for (size_t i = 0; i < n; i++)
		sum += values[i];
	return worse(score(w, t, t->n),
		kind == 1 ? sum / (double)n : quantile(values, n, kind ? setting(w, "percentile") / 100 : 0.5));
}

static bool slow_threshold(const struct world *w, const struct trial *t)
{
	double v = t->values[t->n - 1];

	return isnan(v) || v > setting(w, "upper") || v < setting(w, "lower");
}

static bool slow_patience(const struct world *w, const struct trial *t)
{
	uint32_t last = (uint32_t)setting(w, "patience") + 1;
	double before = NAN, recent = NAN;

	if (t->n <= last)
		return false;
	for (uint32_t i = 0; i < t->n; i++) {
		double *of = i + last < t->n ? &before : &recent;

		*of = fmin(*of, cost(w, t->values[i]));
	}
	return isnan(before) ? isnan(recent) : !(recent < before - setting(w, "min_delta"));
}

/* By all 2^n choices of signs. Only where differences are distinct. */
static double signed_rank(const double *d, uint32_t n)
{
	uint32_t ranks[16], larger = 0;
	double sum = 0;

	for (uint32_t i = 0; i < n; i++) {
		ranks[i] = 1;
		for (uint32_t k = 0; k < n; k++)
			ranks[i] += fabs(d[k]) < fabs(d[i]);
		sum += d[i] > 0 ? ranks[i] : 0;
	}
	for (uint32_t choice = 0; choice < 1u << n; choice++) {
		double other = 0;

		for (uint32_t i = 0; i < n; i++)
			other += choice >> i & 1 ? ranks[i] : 0;
		larger += other >= sum;
	}
	return (double)larger / (1u << n);
}

static bool slow_wilcoxon(const struct world *w, const struct trial *t)
{
	const struct trial *best = best_whole(w);
	double d[STEPS];
	uint32_t n = 0;

	if (!best || best->n == 0)
		return false;
	for (uint32_t i = 0; i < t->n && i < best->n; i++) {
		d[n] = cost(w, t->values[i]) - cost(w, best->values[i]);
		n += !isnan(d[n]);
	}
	if (n < 2 || average(w, t, t->n) < average(w, best, best->n))
		return false;
	return signed_rank(d, n) < setting(w, "p_threshold");
}

/* The least squares by the normal equations of all 72 curves. */
static bool slow_curve(const struct world *w, const struct trial *t)
{
	const struct trial *best = best_whole(w);
	double base = w->first == 0 ? 1 : 0, last = cost(w, t->values[t->n - 1]), full = STEPS, below = 0,
		   total = 0;
	double resource = w->first + t->n - 1 + base, x[STEPS], y[STEPS], n = 0, yy = 0;

	if (!best || count_whole(w) < 3 || t->n < 4 || resource < 0.1 * full || resource >= full ||
		!isfinite(last))
		return false;
	for (uint32_t i = 0; i < t->n; i++) {
		x[(int)n] = (w->first + i + base) / full;
		y[(int)n] = cost(w, t->values[i]) - last;
		if (isfinite(y[(int)n])) {
			yy += y[(int)n] * y[(int)n];
			n++;
		}
	}
	if (n < 4)
		return false;
	for (int k = 0; k < 72; k++) {
		double p[STEPS + 1], at = (k % 24) / 23.0, sp = 0, sy = 0, spp = 0, spy = 0, rest = 0, a, b, sd,
							 weight;

		for (int i = 0; i <= n; i++) {
			double xi = i < n ? x[i] : 1;

			p[i] = k < 24   ? pow(xi, -0.05 * pow(60, at))
			       : k < 48 ? exp(-xi * 0.5 * pow(400, at))
			                : 1 / (1 + xi * 0.5 * pow(4000, at));
		}
		for (int i = 0; i < n; i++) {
			sp += p[i];
			sy += y[i];
		}
		for (int i = 0; i < n; i++) {
			spp += (p[i] - sp / n) * (p[i] - sp / n);
			spy += (p[i] - sp / n) * (y[i] - sy / n);
		}
		if (!(spp > 1e-12 * (spp + sp * sp / n)))
			continue;
		b = spy / spp;
		a = sy / n - b * sp / n;
		for (int i = 0; i < n; i++)
			rest += (y[i] - a - b * p[i]) * (y[i] - a - b * p[i]);
		rest += 1e-10 * yy + 1e-300;
		sd = sqrt(rest / (n - 2) * (1 + 1 / n + (p[(int)n] - sp / n) * (p[(int)n] - sp / n) / spp));
		weight = pow(rest / n, -n / 2) * exp(-20 / fmax(n - 5, 1));
		total += weight;
		below += weight *
		         erfc((a + b * p[(int)n] - cost(w, best->final) + last) /
					  (sd * (1 - 0.5 * log(resource / full)) * M_SQRT2)) /
		         2;
	}
	return total > 0 && isfinite(total) && below / total < setting(w, "probability");
}

/* ---- the verdict ------------------------------------------------------------------------------- */

/* Reports until the resource is come to, 0: it is not. */
static uint32_t reports_at(const struct world *w, const struct trial *t, double resource)
{
	double base = w->first == 0 ? 1 : 0;

	for (uint32_t i = 0; i < t->n; i++)
		if (w->first + i + base >= resource)
			return i + 1;
	return 0;
}

/* Did it end, or was told to, before it came to a rung above the k-th? */
static bool out_at(const struct world *w, const struct trial *t, uint32_t k)
{
	if (k + 1 < RUNGS && reports_at(w, t, rungs.at[k + 1]) > 0)
		return false;
	return t->status == ALGO_PENDING ? t->told : t->status != ALGO_SUCCEEDED;
}

static bool slow_rung(const struct world *w, const struct trial *t)
{
	double values[TRIALS], mine = NAN;

	for (uint32_t k = 0; k < RUNGS; k++) {
		size_t n = 0, going = 0;

		if (reports_at(w, t, rungs.at[k]) != t->n)
			continue;
		for (uint32_t i = 1; i <= TRIALS; i++) {
			const struct trial *o = &w->trials[i];
			uint32_t reports = reports_at(w, o, rungs.at[k]);

			if (reports == 0)
				continue;
			values[n] = score(w, o, reports);
			values[n] = isnan(values[n]) ? INFINITY : values[n];
			if (o == t)
				mine = values[n];
			else
				going += !out_at(w, o, k);
			n++;
		}
		return n >= 2 && (mine > quantile(values, n, 1 / rungs.eta) || (double)going > (double)n / rungs.eta);
	}
	return false;
}

static bool slow_best(const struct world *w, const struct trial *t)
{
	double mine = score(w, t, t->n);

	for (uint32_t i = 1; i <= TRIALS; i++) {
		const struct trial *o = &w->trials[i];
		uint32_t n = o->n < t->n ? o->n : t->n;

		if (n > 0 && score(w, o, n) < mine)
			return false;
	}
	return !isnan(mine);
}

static bool slow_only(const struct world *w)
{
	uint32_t running = 0;

	for (uint32_t i = 1; i <= TRIALS; i++)
		running += w->trials[i].begun && !w->trials[i].told && w->trials[i].status == ALGO_PENDING;
	return running == 1 && count_whole(w) == 0;
}

static bool slow_rule(const struct world *w, const struct trial *t)
{
	const char *name = w->rule.use.rule->name;

	if (strcmp(name, "threshold") == 0)
		return slow_threshold(w, t);
	if (strcmp(name, "patience") == 0)
		return slow_patience(w, t);
	if (t->number % STOP_SPARE_EVERY == 0)
		return false;
	if (strcmp(name, "medianstop") == 0)
		return slow_bar(w, t, setting(w, "rule") == 0 ? 0 : 1);
	if (strcmp(name, "percentile") == 0)
		return slow_bar(w, t, 2);
	return strcmp(name, "wilcoxon") == 0 ? slow_wilcoxon(w, t) : slow_curve(w, t);
}

static bool slow_verdict(const struct world *w, const struct trial *t)
{
	bool stop = (w->rungs && slow_rung(w, t)) || slow_rule(w, t);
	double resource = w->first + t->n - 1 + (w->first == 0 ? 1 : 0);

	return stop && resource < STEPS && !slow_only(w) && !slow_best(w, t);
}

/* ---- a search ---------------------------------------------------------------------------------- */

static double draw_value(struct world *w, const struct trial *t, bool distinct)
{
	double u = rng_uniform(&w->rng), v = t->level + exp(-t->speed * t->n) + 0.05 * rng_uniform(&w->rng);

	if (!distinct && u < 0.03)
		return u < 0.02 ? NAN : INFINITY;
	return !distinct && u > 0.8 ? floor(4 * v) / 4 : v;
}

static struct trial *start(struct world *w, struct stopper *s, uint32_t number)
{
	struct trial *t = &w->trials[number];

	*t = (struct trial){
		.number = number, .begun = true, .level = rng_uniform(&w->rng), .speed = 0.05 + rng_uniform(&w->rng)};
	assert_true(stopper_begin(s, number, 0, 0, NAN));
	return t;
}

static void end(struct world *w, struct stopper *s, struct trial *t)
{
	double u = rng_uniform(&w->rng);

	t->status = t->told ? ALGO_STOPPED : u < 0.1 ? ALGO_FAILED : u < 0.15 ? ALGO_ABANDONED : ALGO_SUCCEEDED;
	t->final = w->direction == ALGO_MAXIMIZE ? -score(w, t, t->n) : score(w, t, t->n);
	assert_true(stopper_end(s, t->number, t->status, t->final));
}

/* Returns how many were stopped. */
static uint32_t search(struct world *w, struct stopper *s, uint32_t steps, bool distinct)
{
	struct trial *running[WORKERS] = {NULL};
	uint32_t next = 1, stops = 0, busy;

	do {
		busy = 0;
		for (uint32_t i = 0; i < WORKERS; i++) {
			struct stop_verdict v = {0};
			struct trial *t;
			enum stop_outcome outcome;

			if (!running[i] && next <= TRIALS)
				running[i] = start(w, s, next++);
			if (!(t = running[i]))
				continue;
			busy++;
			t->values[t->n] = draw_value(w, t, distinct);
			t->n++;
			outcome = stopper_report(s, t->number, w->first + t->n - 1, t->values[t->n - 1], &v);
			if ((outcome == STOP_NOW) != slow_verdict(w, t))
				fail_msg("%s, trial %u at its report %u: %d, %s", w->rule.use.rule->name, t->number, t->n,
					outcome, v.message);
			t->told = outcome == STOP_NOW;
			stops += t->told;
			if (t->told || t->n == steps) {
				end(w, s, t);
				running[i] = NULL;
			}
		}
	} while (busy > 0);
	return stops;
}

static void rules_are_their_definitions(void **state)
{
	static const struct {
		const char *rule;
		bool rungs, distinct;
		uint32_t steps;
	} rows[] = {
		{"medianstop", false, false, STEPS},
		{"medianstop start_step=1 min_trials_required=1", false, false, STEPS},
		{"medianstop rule=katib", false, false, STEPS},
		{"percentile percentile=40", false, false, STEPS},
		{"percentile percentile=75 start_step=3", false, false, STEPS},
		{"threshold upper=1.6 lower=0.1", false, false, STEPS},
		{"patience patience=2 min_delta=0.01", false, false, STEPS},
		{"patience patience=0", false, false, STEPS},
		{"wilcoxon", false, true, 12},
		{"curve", false, true, STEPS},
		{"curve probability=0.3", false, false, STEPS},
		{"threshold upper=1e9", true, false, STEPS},
		{"medianstop", true, false, STEPS},
	};
	static struct world w;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		uint32_t stops = 0;

		for (uint32_t round = 0; round < ROUNDS; round++) {
			struct stop_problem p = {.metric = "loss", .n_uses = 1, .max_resource = STEPS};
			struct stopper *s;

			memset(&w, 0, sizeof(w));
			w.rng = rng_stream(round, RNG_MODEL, i);
			w.direction = round & 1 ? ALGO_MAXIMIZE : ALGO_MINIMIZE;
			w.value = round & 2 ? STOP_LATEST : STOP_BEST;
			w.first = round & 4 ? 0 : 1;
			w.rungs = rows[i].rungs;
			stopping_rule_init(&w.rule, rows[i].rule);
			p.direction = w.direction;
			p.value = w.value;
			p.uses = &w.rule.use;
			p.rungs = w.rungs ? &rungs : NULL;
			s = stopper_new(&p);
			assert_non_null(s);
			stops += search(&w, s, rows[i].steps, rows[i].distinct);
			stopper_free(s);
		}
		if (stops < ROUNDS)
			fail_msg("%s stopped %u trials in %u searches", rows[i].rule, stops, ROUNDS);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rules_are_their_definitions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
