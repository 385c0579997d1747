/* Good trials and bad ones. */
#include "algorithms/tpe/split.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "algorithms/multi/hypervolume.h"
#include "algorithms/multi/outcome.h"
#include "algorithms/multi/pareto.h"

enum {
	GOOD_MAX = 25,
	GOOD_MAX_MULTI = 100, /* a front needs more of them                                  */
	VOLUME_DIMS_MAX = 4,  /* exact volumes take too long beyond                          */
};

enum { CLASS_SUCCEEDED = 0, CLASS_STOPPED, CLASS_INFEASIBLE };

struct rank {
	int class;
	double first, second; /* smaller is better                                           */
	uint32_t index;       /* in the history                                              */
};

/* How far a stopped trial came: its last report, else what it was granted. */
static double progress(const struct algo_trial *t)
{
	if (t->curve && t->n_curve > 0)
		return t->curve[t->n_curve - 1].step;
	return isnan(t->resource) ? 0 : t->resource;
}

/* Of a trial that has the result y. */
static struct rank rank_of(
	const struct algo_problem *p, const struct algo_trial *t, const double *y, uint32_t index)
{
	double broken = outcome_violation(p, t);
	struct rank r = {.class = CLASS_SUCCEEDED, .second = y[0], .index = index};

	if (broken > 0) {
		r.class = CLASS_INFEASIBLE;
		r.first = broken;
	} else if (t->status == ALGO_STOPPED) {
		r.class = CLASS_STOPPED;
		r.first = -progress(t);
	}
	return r;
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

static uint32_t good_count(uint32_t n, double gamma, uint32_t most)
{
	double wanted = isnan(gamma) ? ceil(0.1 * n) : ceil(gamma * sqrt(n));

	return (uint32_t)fmin(fmin(wanted, most), n);
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

static void mark(struct split *s, uint32_t index, float weight)
{
	s->sides[index] = SPLIT_GOOD;
	s->weights[index] = weight;
}

/* ---- several objectives ------------------------------------------------------------------------ */

/* Points that are sorted into fronts: the rows of useful trials, and what comes before the values. */
struct fronts {
	double *y, *before;                  /* [n][m], [n]                                                 */
	uint32_t *fronts, *members, *chosen; /* [n]                                         */
	double *rows;                        /* [n][m]: those of one front                                  */
	uint32_t n, m;
};

static void fronts_free(struct fronts *f)
{
	free(f->before);
	free(f->fronts);
	free(f->rows);
}

static bool fronts_init(struct fronts *f, const struct rank *ranks, double *y, uint32_t n, uint32_t m)
{
	size_t room = (size_t)n + 1;

	*f = (struct fronts){.y = y, .n = n, .m = m};
	f->before = malloc(room * sizeof(*f->before));
	f->fronts = malloc(3 * room * sizeof(*f->fronts));
	f->rows = malloc(room * m * sizeof(*f->rows));
	if (!f->before || !f->fronts || !f->rows)
		return false;
	f->members = f->fronts + room;
	f->chosen = f->members + room;
	for (uint32_t i = 0; i < n; i++)
		f->before[i] = ranks[i].class + (ranks[i].class == CLASS_INFEASIBLE ? ranks[i].first : 0);
	return true;
}

/* The members' values, each scaled to [0, 1]; by halves, which do not overflow. */
static void scale_members(struct fronts *f, uint32_t size)
{
	for (uint32_t j = 0; j < f->m; j++) {
		double low = INFINITY, high = -INFINITY;

		for (uint32_t i = 0; i < size; i++) {
			low = fmin(low, f->y[(size_t)f->members[i] * f->m + j]);
			high = fmax(high, f->y[(size_t)f->members[i] * f->m + j]);
		}
		for (uint32_t i = 0; i < size; i++) {
			double y = f->y[(size_t)f->members[i] * f->m + j];

			f->rows[(size_t)i * f->m + j] = high > low ? (y / 2 - low / 2) / (high / 2 - low / 2) : 0;
		}
	}
}

/* k members of a front that does not fit as a whole: those that dominate most together. */
static bool choose_from_front(struct fronts *f, uint32_t size, uint32_t k)
{
	static const double reference[VOLUME_DIMS_MAX] = {1.1, 1.1, 1.1, 1.1};

	scale_members(f, size);
	if (f->m > VOLUME_DIMS_MAX)
		return pareto_select(f->rows, NULL, size, f->m, k, f->chosen, NULL);
	return hypervolume_select(f->rows, size, f->m, reference, k, f->chosen);
}

/* The first k by fronts (Ozaki et al. 2020). */
static bool mark_fronts(struct split *s, struct fronts *f, const struct rank *ranks, uint32_t k)
{
	if (pareto_ranks(f->y, f->before, f->n, f->m, f->fronts) < 0)
		return false;
	for (uint32_t front = 0, taken = 0; taken < k; front++) {
		uint32_t size = 0;

		for (uint32_t i = 0; i < f->n; i++)
			if (f->fronts[i] == front)
				f->members[size++] = i;
		for (uint32_t i = 0; i < size; i++)
			f->chosen[i] = i;
		if (taken + size > k) {
			if (!choose_from_front(f, size, k - taken))
				return false;
			size = k - taken;
		}
		for (uint32_t i = 0; i < size; i++, taken++)
			mark(s, ranks[f->members[f->chosen[i]]].index, 1);
	}
	return true;
}

/* ---- the split --------------------------------------------------------------------------------- */

/* Of n ranks the k best are good. */
static void mark_best(struct split *s, struct rank *ranks, uint32_t n, uint32_t k)
{
	best_first(ranks, n, k);
	for (uint32_t i = 0; i < k; i++)
		mark(s, ranks[i].index, 1 - (float)i / (float)(k + 1));
	s->n_good = k;
}

/* The rows of `y` are those of the useful trials. */
static bool mark_good(struct split *s, const struct algo_problem *p, double *y)
{
	struct fronts f;
	bool ok;

	if (p->n_objectives == 1) {
		mark_best(s, s->ranks, s->n_useful, good_count(s->n_useful, s->gamma, GOOD_MAX));
		return true;
	}
	s->n_good = good_count(s->n_useful, s->gamma, GOOD_MAX_MULTI);
	ok =
		fronts_init(&f, s->ranks, y, s->n_useful, p->n_objectives) && mark_fronts(s, &f, s->ranks, s->n_good);
	fronts_free(&f);
	free(s->ranks);
	s->ranks = NULL;
	return ok;
}

/* Room for n trials. False: no memory; free it all the same. */
static bool init(struct split *s, uint32_t n, double gamma)
{
	size_t room = (size_t)n + 1;

	*s = (struct split){.gamma = gamma};
	s->sides = calloc(room, sizeof(*s->sides));
	s->weights = calloc(room, sizeof(*s->weights));
	s->ranks = malloc(room * sizeof(*s->ranks));
	return s->sides && s->weights && s->ranks;
}

bool split_make(struct split *s, const struct algo_problem *p, const struct algo_history *h, double gamma)
{
	double *y = malloc(((size_t)h->n_trials + 1) * p->n_objectives * sizeof(*y));
	bool ok = init(s, h->n_trials, gamma) && y;

	for (uint32_t i = 0; ok && i < h->n_trials; i++) {
		double *row = y + (size_t)s->n_useful * p->n_objectives;

		if (h->trials[i].status == ALGO_ABANDONED)
			continue;
		s->sides[i] = SPLIT_BAD;
		if (!outcome_values(p, &h->trials[i], row))
			continue;
		s->ranks[s->n_useful] = rank_of(p, &h->trials[i], row, i);
		s->n_useful++;
	}
	ok = ok && mark_good(s, p, y);
	free(y);
	if (!ok)
		split_free(s);
	return ok;
}

bool split_within(const struct split *all, const bool *had, uint32_t n, struct split *out)
{
	uint32_t n_good;

	if (!init(out, n, all->gamma)) {
		split_free(out);
		return false;
	}
	for (uint32_t i = 0; i < n; i++) {
		out->sides[i] = had[i] ? all->sides[i] : SPLIT_NONE;
		out->weights[i] = had[i] ? all->weights[i] : 0;
		out->n_good += out->sides[i] == SPLIT_GOOD;
	}
	if (!all->ranks)
		return true;
	for (uint32_t i = 0; i < all->n_useful; i++)
		if (had[all->ranks[i].index])
			out->ranks[out->n_useful++] = all->ranks[i];
	n_good = good_count(out->n_useful, all->gamma, GOOD_MAX);
	mark_best(out, out->ranks, out->n_useful, n_good > out->n_good ? n_good : out->n_good);
	return true;
}

void split_free(struct split *s)
{
	free(s->sides);
	free(s->weights);
	free(s->ranks);
	*s = (struct split){0};
}
