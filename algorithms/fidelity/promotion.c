/* Promotion without waiting. */
#include "algorithms/fidelity/promotion.h"

#include <gsl/gsl_heapsort.h>
#include <math.h>
#include <stdlib.h>

#include "algorithms/fidelity/standing.h"

static const double GUARD = 1e-9;

struct entry {
	struct merit merit;
	const struct algo_trial *trial;
	uint32_t level;
	bool promoted;
};

/* What is at one level; entries with a result, best first. */
struct level {
	uint32_t first, n_results, n_bad, n_open;
	uint32_t next;              /* of the results: none before it can still go on              */
};

struct promotion {
	const struct algo_problem *p;
	const struct ladder *ladder;
	struct entry *entries;
	uint32_t n_entries, n_trials;       /* n_trials: all of the history, and what was granted   */
	struct level levels[ALGO_RUNGS_MAX];
	uint32_t top;
	uint32_t brackets, begun[ALGO_RUNGS_MAX];
};

/* ---- brackets ---------------------------------------------------------------------------------- */

static double share_of(const struct ladder *l, uint32_t bracket)
{
	uint32_t s = l->n - 1 - bracket;

	return ceil((double)l->n / (s + 1) * pow(l->eta, s) * (1 - GUARD));
}

uint32_t promotion_bracket(const struct ladder *l, uint32_t brackets, const uint32_t *n)
{
	double shares = 0, total = 1, most = -HUGE_VAL;
	uint32_t best = 0;

	for (uint32_t b = 0; b < brackets; b++) {
		shares += share_of(l, b);
		total += n[b];
	}
	for (uint32_t b = 0; b < brackets; b++) {
		double behind = share_of(l, b) / shares * total - n[b];

		if (behind > most) {
			most = behind;
			best = b;
		}
	}
	return best;
}

/* ---- reading the history ----------------------------------------------------------------------- */

static int by_merit(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	if (x->level != y->level)
		return x->level < y->level ? -1 : 1;
	return merit_compare(&x->merit, &y->merit);
}

static void read_trials(struct promotion *q, const struct algo_trial *trials, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		const struct algo_trial *t = &trials[i];
		int level = ladder_level(q->ladder, ladder_resource(q->ladder, q->p->space, t));
		struct entry e = {.trial = t, .level = (uint32_t)level};

		if (t->suggested && t->parent == 0 && !isnan(t->resource) && t->bracket >= 0 &&
			(uint32_t)t->bracket < q->brackets)
			q->begun[t->bracket]++;
		if (level < 0)
			continue;
		switch (standing_of(q->p, t, &e.merit)) {
		case STANDING_OPEN:
			q->levels[level].n_open++;
			break;
		case STANDING_BAD:
			q->levels[level].n_bad++;
			break;
		case STANDING_RESULT:
			q->entries[q->n_entries++] = e;
			break;
		case STANDING_VOID:
			break;
		}
	}
}

static int by_number(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static bool contains(const uint32_t *sorted, uint32_t n, uint32_t number)
{
	uint32_t lo = 0, hi = n;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (sorted[mid] < number)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < n && sorted[lo] == number;
}

/* Whose configuration has gone on, be it that the trial was killed there. */
static bool mark_promoted(struct promotion *q, const struct algo_history *h)
{
	uint32_t n = 0, total = h->n_trials + h->n_pending;
	uint32_t *parents = malloc(((size_t)total + 1) * sizeof(*parents));

	if (!parents)
		return false;
	for (uint32_t i = 0; i < total; i++) {
		const struct algo_trial *t = i < h->n_trials ? &h->trials[i] : &h->pending[i - h->n_trials];

		if (t->parent != 0)
			parents[n++] = t->parent;
	}
	gsl_heapsort(parents, n, sizeof(*parents), by_number);
	for (uint32_t i = 0; i < q->n_entries; i++)
		q->entries[i].promoted = contains(parents, n, q->entries[i].trial->number);
	free(parents);
	return true;
}

struct promotion *promotion_new(const struct algo_problem *p, const struct ladder *l, uint32_t top,
	uint32_t brackets, const struct algo_history *h)
{
	struct promotion *q = calloc(1, sizeof(*q));

	if (!q)
		return NULL;
	q->p = p;
	q->ladder = l;
	q->top = top;
	q->brackets = brackets < l->n ? brackets : l->n;
	q->n_trials = h->n_trials + h->n_pending;
	q->entries = malloc(((size_t)q->n_trials + 1) * sizeof(*q->entries));
	if (q->entries)
		read_trials(q, h->trials, h->n_trials);
	if (q->entries)
		read_trials(q, h->pending, h->n_pending);
	if (!q->entries || !mark_promoted(q, h)) {
		promotion_free(q);
		return NULL;
	}
	gsl_heapsort(q->entries, q->n_entries, sizeof(*q->entries), by_merit);
	for (uint32_t i = q->n_entries; i-- > 0;) {
		q->levels[q->entries[i].level].first = i;
		q->levels[q->entries[i].level].n_results++;
	}
	return q;
}

void promotion_free(struct promotion *q)
{
	if (!q)
		return;
	free(q->entries);
	free(q);
}

/* ---- granting ---------------------------------------------------------------------------------- */

/* The best of a level that has not gone on; NULL: all have. */
static struct entry *best_left(struct promotion *q, uint32_t level)
{
	struct level *l = &q->levels[level];

	while (l->next < l->n_results && q->entries[l->first + l->next].promoted)
		l->next++;
	return l->next < l->n_results ? &q->entries[l->first + l->next] : NULL;
}

static struct entry *promotable(struct promotion *q, uint32_t level)
{
	const struct level *l = &q->levels[level];
	struct entry *e = best_left(q, level);
	double places = floor((l->n_results + l->n_bad) / q->ladder->eta * (1 + GUARD));

	return e && l->next < places ? e : NULL;
}

/* What the rest of the budget must be kept for. */
enum reserve { RESERVE_NOTHING, RESERVE_PROMOTION, RESERVE_WAIT };

static enum reserve reserve(struct promotion *q, struct entry **out)
{
	const struct level *top = &q->levels[q->top];
	uint32_t left = q->p->max_trials > q->n_trials ? q->p->max_trials - q->n_trials : 0;

	if (q->p->max_trials == 0 || left == 0 || top->n_results + top->n_bad + top->n_open > 0)
		return RESERVE_NOTHING;
	for (uint32_t level = q->top; level-- > 0;) {
		bool open = q->levels[level].n_open > 0;

		*out = best_left(q, level);
		if (!*out && !open)
			continue;
		if (left != q->top - level)
			return RESERVE_NOTHING;
		return *out ? RESERVE_PROMOTION : RESERVE_WAIT;
	}
	return RESERVE_NOTHING;
}

static enum verdict promote(struct promotion *q, struct entry *e, struct grant *out)
{
	e->promoted = true;
	q->levels[e->level + 1].n_open++;
	q->n_trials++;
	*out = (struct grant){.parent = e->trial,
		.level = e->level + 1,
		.bracket = e->trial->bracket > 0 ? e->trial->bracket : 0,
		.rung = e->trial->rung < INT32_MAX && e->trial->rung >= 0 ? e->trial->rung + 1 : 1};
	return GRANT;
}

enum verdict promotion_next(struct promotion *q, bool fresh, struct grant *out)
{
	struct entry *e = NULL;
	bool open = false;
	uint32_t bracket;

	switch (reserve(q, &e)) {
	case RESERVE_PROMOTION:
		return promote(q, e, out);
	case RESERVE_WAIT:
		return GRANT_NONE;
	case RESERVE_NOTHING:
		break;
	}
	for (uint32_t level = q->top; level-- > 0;)
		if ((e = promotable(q, level)))
			return promote(q, e, out);
	for (uint32_t level = 0; level < q->top; level++)
		open |= q->levels[level].n_open > 0;
	if (!fresh)
		return open ? GRANT_NONE : GRANT_END;
	bracket = promotion_bracket(q->ladder, q->brackets, q->begun);
	if (bracket > q->top)
		bracket = q->top;
	q->begun[bracket]++;
	q->levels[bracket].n_open++;
	q->n_trials++;
	*out = (struct grant){.level = bracket, .bracket = (int32_t)bracket};
	return GRANT;
}
