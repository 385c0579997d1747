/* Good trials and bad ones. */
#include "algorithms/tpe/split.h"

#include <math.h>
#include <stdlib.h>

enum { GOOD_MAX = 25 };

enum { CLASS_SUCCEEDED = 0, CLASS_STOPPED, CLASS_INFEASIBLE };

struct rank {
	int class;
	double first, second; /* smaller is better                                           */
	uint32_t index;
};

static double violation(const struct algo_problem *p, const struct algo_trial *t)
{
	double sum = 0;

	for (uint32_t i = 0; t->constraints && i < p->n_constraints; i++)
		if (!(t->constraints[i] <= 0))
			sum += isnan(t->constraints[i]) ? INFINITY : t->constraints[i];
	return sum;
}

/* How far a stopped trial came: its last report, else what it was granted. */
static double progress(const struct algo_trial *t)
{
	if (t->curve && t->n_curve > 0)
		return t->curve[t->n_curve - 1].step;
	return isnan(t->resource) ? 0 : t->resource;
}

/* False: the trial has no result that could be a good one. */
static bool rank_of(const struct algo_problem *p, const struct algo_trial *t, struct rank *out)
{
	double value = t->values ? t->values[0] : NAN, broken = violation(p, t);

	if ((t->status != ALGO_SUCCEEDED && t->status != ALGO_STOPPED) || !isfinite(value))
		return false;
	if (p->objectives[0].direction == ALGO_MAXIMIZE)
		value = -value;
	*out = (struct rank){.class = CLASS_SUCCEEDED, .second = value};
	if (broken > 0) {
		out->class = CLASS_INFEASIBLE;
		out->first = broken;
	} else if (t->status == ALGO_STOPPED) {
		out->class = CLASS_STOPPED;
		out->first = -progress(t);
	}
	return true;
}

static int by_rank(const void *a, const void *b)
{
	const struct rank *x = a, *y = b;

	if (x->class != y->class)
		return x->class < y->class ? -1 : 1;
	if (x->first != y->first)
		return x->first < y->first ? -1 : 1;
	if (x->second != y->second)
		return x->second < y->second ? -1 : 1;
	return (x->index > y->index) - (x->index < y->index);
}

static uint32_t good_count(uint32_t n, double gamma)
{
	double wanted = isnan(gamma) ? ceil(0.1 * n) : ceil(gamma * sqrt(n));

	return (uint32_t)fmin(fmin(wanted, GOOD_MAX), n);
}

/* Brings the k best to the front, in order, by insertion: k is small. */
static void best_first(struct rank *ranks, uint32_t n, uint32_t k)
{
	for (uint32_t i = 0; i < n && k > 0; i++) {
		uint32_t at = i < k ? i : k - 1;
		struct rank r = ranks[i];

		if (i >= k && by_rank(&r, &ranks[k - 1]) > 0)
			continue;
		if (i >= k)
			ranks[i] = ranks[k - 1];
		for (; at > 0 && by_rank(&r, &ranks[at - 1]) < 0; at--)
			ranks[at] = ranks[at - 1];
		ranks[at] = r;
	}
}

bool split_make(struct split *s, const struct algo_problem *p, const struct algo_history *h, double gamma)
{
	struct rank *ranks = malloc(((size_t)h->n_trials + 1) * sizeof(*ranks));

	*s = (struct split){.sides = calloc((size_t)h->n_trials + 1, 1)};
	if (!ranks || !s->sides) {
		free(ranks);
		split_free(s);
		return false;
	}
	for (uint32_t i = 0; i < h->n_trials; i++) {
		if (h->trials[i].status == ALGO_ABANDONED)
			continue;
		s->sides[i] = SPLIT_BAD;
		if (rank_of(p, &h->trials[i], &ranks[s->n_useful]))
			ranks[s->n_useful++].index = i;
	}
	s->n_good = good_count(s->n_useful, gamma);
	best_first(ranks, s->n_useful, s->n_good);
	for (uint32_t i = 0; i < s->n_good; i++)
		s->sides[ranks[i].index] = SPLIT_GOOD;
	free(ranks);
	return true;
}

void split_free(struct split *s)
{
	free(s->sides);
	s->sides = NULL;
}
