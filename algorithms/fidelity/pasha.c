/* Growing as long as two levels disagree. */
#include "algorithms/fidelity/pasha.h"

#include <gsl/gsl_heapsort.h>
#include <math.h>
#include <stdlib.h>

#include "algorithms/fidelity/standing.h"

enum { PAIRED_MAX = 32 };       /* configurations that are compared: the newest ones */
static const double PERCENTILE = 0.9;

/* A configuration that ended at the two highest levels. */
struct paired {
	const struct algo_trial *upper, *lower;
	double upper_cost, lower_cost;
};

struct growth {
	const struct algo_problem *p;
	const struct ladder *ladder;
	const struct algo_trial **by_number;
	uint32_t n;
	struct paired paired[PAIRED_MAX];
	uint32_t n_paired;
	uint32_t top;
};

static int compare_numbers(const void *a, const void *b)
{
	const struct algo_trial *x = *(const struct algo_trial *const *)a, *y = *(const struct algo_trial *const *)b;

	return (x->number > y->number) - (x->number < y->number);
}

static const struct algo_trial *find(const struct growth *g, uint32_t number)
{
	uint32_t lo = 0, hi = g->n;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (g->by_number[mid]->number < number)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < g->n && g->by_number[lo]->number == number ? g->by_number[lo] : NULL;
}

/* ---- noise ------------------------------------------------------------------------------------- */

/* Two curves along their common steps. */
struct crossing {
	double after;               /* only steps above count                                      */
	int sign, changes;
	double distance;            /* at the last common step                                     */
};

static void follow(struct crossing *c, const struct algo_trial *a, const struct algo_trial *b)
{
	double after = c->after;

	if (!a->curve || !b->curve)
		return;
	for (uint32_t i = 0, k = 0; i < a->n_curve && k < b->n_curve;) {
		double x = a->curve[i].step, y = b->curve[k].step, difference = a->curve[i].value - b->curve[k].value;
		int sign = (difference > 0) - (difference < 0);

		i += x <= y;
		k += y <= x;
		if (x != y || x <= after || sign == 0 || !isfinite(difference))
			continue;
		c->after = x;
		c->changes += c->sign != 0 && sign != c->sign;
		c->sign = sign;
		c->distance = fabs(difference);
	}
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double percentile(double *v, uint32_t n)
{
	double at = PERCENTILE * (n - 1);
	uint32_t k = (uint32_t)at;

	gsl_heapsort(v, n, sizeof(*v), ascending);
	return k + 1 < n ? v[k] + (at - k) * (v[k + 1] - v[k]) : v[k];
}

static double epsilon(const struct growth *g)
{
	double distances[PAIRED_MAX * (PAIRED_MAX - 1) / 2];
	uint32_t n = 0;

	for (uint32_t i = 0; i < g->n_paired; i++) {
		for (uint32_t k = 0; k < i; k++) {
			struct crossing c = {.after = -HUGE_VAL};

			follow(&c, g->paired[i].lower, g->paired[k].lower);
			follow(&c, g->paired[i].upper, g->paired[k].upper);
			if (c.changes >= 2)
				distances[n++] = c.distance;
		}
	}
	return n > 0 ? percentile(distances, n) : 0;
}

/* ---- the two orders ---------------------------------------------------------------------------- */

static int by_upper(const void *a, const void *b)
{
	const struct paired *x = a, *y = b;

	if (x->upper_cost != y->upper_cost)
		return x->upper_cost < y->upper_cost ? -1 : 1;
	if (x->lower_cost != y->lower_cost) /* a tie above agrees with any order below */
		return x->lower_cost < y->lower_cost ? -1 : 1;
	return (x->upper->number > y->upper->number) - (x->upper->number < y->upper->number);
}

static bool agree(const struct growth *g)
{
	struct paired upper[PAIRED_MAX];
	double lower[PAIRED_MAX], worst = 0;

	for (uint32_t i = 0; i < g->n_paired; i++) {
		upper[i] = g->paired[i];
		lower[i] = g->paired[i].lower_cost;
	}
	gsl_heapsort(upper, g->n_paired, sizeof(*upper), by_upper);
	gsl_heapsort(lower, g->n_paired, sizeof(*lower), ascending);
	for (uint32_t i = 0; i < g->n_paired; i++)
		worst = fmax(worst, fabs(upper[i].lower_cost - lower[i]));
	return worst == 0 || worst <= epsilon(g);
}

static void take_in(struct growth *g, const struct algo_trial *t)
{
	const struct algo_trial *parent = t->parent ? find(g, t->parent) : NULL;
	struct merit upper, lower;

	if (ladder_level(g->ladder, t->resource) != (int)g->top || !parent ||
		standing_of(g->p, t, &upper) != STANDING_RESULT || standing_of(g->p, parent, &lower) != STANDING_RESULT)
		return;
	if (g->n_paired == PAIRED_MAX) {
		for (uint32_t i = 1; i < PAIRED_MAX; i++)
			g->paired[i - 1] = g->paired[i];
		g->n_paired--;
	}
	g->paired[g->n_paired++] = (struct paired){
		.upper = t, .lower = parent, .upper_cost = upper.cost, .lower_cost = lower.cost};
	if (agree(g))
		return;
	g->top++;
	g->n_paired = 0;
}

bool pasha_top(const struct algo_problem *p, const struct ladder *l, const struct algo_history *h, uint32_t *top)
{
	struct growth g = {.p = p, .ladder = l, .n = h->n_trials, .top = l->n > 1 ? 1 : 0};

	g.by_number = malloc(((size_t)g.n + 1) * sizeof(*g.by_number));
	if (!g.by_number)
		return false;
	for (uint32_t i = 0; i < g.n; i++)
		g.by_number[i] = &h->trials[i];
	gsl_heapsort(g.by_number, g.n, sizeof(*g.by_number), compare_numbers);
	for (uint32_t i = 0; i < h->n_trials && g.top + 1 < l->n; i++)
		take_in(&g, &h->trials[i]);
	free(g.by_number);
	*top = g.top;
	return true;
}
