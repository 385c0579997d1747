/* The best configurations of earlier experiments, before what the algorithm suggests. */
#include "algorithms/warm.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
	PROBES = 1,             /* of the portfolio, before the algorithm's first own trial */
	PER_SOURCE = 3,
	DESIGN_MIN = 4,
	DESIGN_MAX = 10,
	CANDIDATES = 10,        /* of each source: its best ones            */
	POLL_EVERY = 256,
};

/* One trial of a source that has a result. */
struct lesson {
	const struct algo_trial *trial;
	uint32_t source;
	double score;           /* mean rank over the objectives, 0 = best of its source, infeasible above 1 */
	const double *u;        /* in the unit cube                                                          */
};

struct portfolio {
	const struct algo_problem *p;
	const atomic_bool *cancel;
	uint32_t d;
	struct lesson *all;             /* by source, best first                                         */
	uint32_t n;
	double *u;                      /* n rows of d                                                   */
	const struct lesson **candidates;
	uint32_t n_candidates;
	double *judged;                 /* [candidate][source]: its score there                          */
	double *reached;                /* [source]: the best score among the chosen                     */
};

static bool has_result(const struct algo_trial *t)
{
	return t->status == ALGO_SUCCEEDED && t->values && isfinite(t->values[0]);
}

static bool cancelled(const struct portfolio *f)
{
	return f->cancel && atomic_load_explicit(f->cancel, memory_order_relaxed);
}

uint32_t warm_limit(const struct algo_problem *p)
{
	uint32_t sources = 0, most = space_dim(p->space) + 1;

	for (uint32_t s = 0; s < p->n_sources; s++) {
		bool any = false;
		for (uint32_t i = 0; i < p->sources[s].n_trials && !any; i++)
			any = has_result(&p->sources[s].trials[i]);
		sources += any;
	}
	most = most < DESIGN_MIN ? DESIGN_MIN : most > DESIGN_MAX ? DESIGN_MAX : most;
	if (p->max_trials > 0 && most > p->max_trials / 10)
		most = p->max_trials >= 20 ? p->max_trials / 10 : 1;
	return most < PER_SOURCE * sources ? most : PER_SOURCE * sources;
}

/* ---- scores ------------------------------------------------------------------------------------ */

static double cost_of(const struct portfolio *f, const struct algo_trial *t, uint32_t objective)
{
	const double v = t->values[objective];

	if (isnan(v))
		return INFINITY;
	return f->p->objectives[objective].direction == ALGO_MINIMIZE ? v : -v;
}

static bool feasible(const struct portfolio *f, const struct algo_trial *t)
{
	for (uint32_t k = 0; t->constraints && k < f->p->n_constraints; k++)
		if (!(t->constraints[k] <= 0))
			return false;
	return true;
}

static int by_score(const void *a, const void *b)
{
	const struct lesson *x = a, *y = b;

	if (x->score != y->score)
		return x->score < y->score ? -1 : 1;
	return x->trial < y->trial ? -1 : x->trial > y->trial;
}

/* The scores of one source's lessons: those with a lower cost, as a share, averaged over the objectives. */
static bool score(const struct portfolio *f, struct lesson *of, uint32_t n)
{
	const double each = 1.0 / ((double)f->p->n_objectives * (n > 1 ? n - 1 : 1));

	for (uint32_t i = 0; i < n; i++) {
		of[i].score = feasible(f, of[i].trial) ? 0 : 2;
		for (uint32_t k = 0; k < f->p->n_objectives; k++)
			for (uint32_t j = 0; j < n; j++)
				of[i].score += each * (cost_of(f, of[j].trial, k) < cost_of(f, of[i].trial, k));
		if (i % POLL_EVERY == 0 && cancelled(f))
			return false;
	}
	qsort(of, n, sizeof(*of), by_score);
	return true;
}

/* ---- judging a configuration where it was not tried -------------------------------------------- */

static double distance(const struct portfolio *f, const struct lesson *a, const struct lesson *b)
{
	double sum = 0;

	for (uint32_t j = 0; j < f->d; j++) {
		const bool here = !isnan(a->trial->x[j]), there = !isnan(b->trial->x[j]);
		if (here != there)
			sum += 1;
		else if (here && space_at(f->p->space, j)->kind == SPACE_CATEGORICAL)
			sum += a->trial->x[j] != b->trial->x[j];
		else if (here)
			sum += (a->u[j] - b->u[j]) * (a->u[j] - b->u[j]);
	}
	return sum;
}

/* A row of `judged`: the score of the nearest lesson of every source; 1 where there is none. */
static void judge(struct portfolio *f, uint32_t candidate)
{
	const struct lesson *c = f->candidates[candidate];
	double *row = f->judged + (size_t)candidate * f->p->n_sources;
	uint32_t source = UINT32_MAX;
	double nearest = INFINITY;

	for (uint32_t s = 0; s < f->p->n_sources; s++)
		row[s] = 1;
	for (uint32_t i = 0; i < f->n; i++) {
		const struct lesson *l = &f->all[i];
		const double away = distance(f, c, l);
		if (l->source != source)
			nearest = INFINITY;
		source = l->source;
		if (away < nearest) {
			nearest = away;
			row[source] = l->score;
		}
	}
}

/* ---- the choice -------------------------------------------------------------------------------- */

static bool is_in(const struct space *s, const double *rows, uint32_t n, const double *x)
{
	for (uint32_t i = 0; i < n; i++)
		if (space_equal(s, rows + (size_t)i * space_dim(s), x))
			return true;
	return false;
}

static void choose(struct portfolio *f, uint32_t candidate, double *x, uint32_t *n)
{
	const double *row = f->judged + (size_t)candidate * f->p->n_sources;

	memcpy(x + (size_t)*n * f->d, f->candidates[candidate]->trial->x, f->d * sizeof(*x));
	for (uint32_t s = 0; s < f->p->n_sources; s++)
		f->reached[s] = fmin(f->reached[s], row[s]);
	++*n;
}

/* The candidate with which the sources' sum is lowest, the better one in its own source among equals. */
static uint32_t best_candidate(const struct portfolio *f, const double *x, uint32_t n)
{
	uint32_t best = UINT32_MAX;
	double lowest = INFINITY;

	for (uint32_t c = 0; c < f->n_candidates; c++) {
		const double *row = f->judged + (size_t)c * f->p->n_sources;
		double sum = 1e-6 * f->candidates[c]->score;
		if (is_in(f->p->space, x, n, f->candidates[c]->trial->x))
			continue;
		for (uint32_t s = 0; s < f->p->n_sources; s++)
			sum += fmin(f->reached[s], row[s]);
		if (sum < lowest) {
			lowest = sum;
			best = c;
		}
	}
	return best;
}

static void choose_all(struct portfolio *f, uint32_t limit, double *x, uint32_t *n)
{
	uint32_t next;

	for (uint32_t s = 0; s < f->p->n_sources; s++)
		f->reached[s] = 2;
	/* The first candidate of a source is its best. */
	for (uint32_t c = 0; c < f->n_candidates && *n < limit; c++) {
		const bool first = c == 0 || f->candidates[c]->source != f->candidates[c - 1]->source;
		if (first && !is_in(f->p->space, x, *n, f->candidates[c]->trial->x))
			choose(f, c, x, n);
	}
	while (*n < limit && (next = best_candidate(f, x, *n)) != UINT32_MAX)
		choose(f, next, x, n);
}

/* ---- the whole --------------------------------------------------------------------------------- */

static bool allocate(struct portfolio *f)
{
	const struct algo_problem *p = f->p;
	size_t n = 0, candidates;

	for (uint32_t s = 0; s < p->n_sources; s++)
		n += p->sources[s].n_trials;
	candidates = (size_t)p->n_sources * CANDIDATES;
	f->all = calloc(n, sizeof(*f->all));
	f->u = calloc(n * f->d, sizeof(*f->u));
	f->candidates = calloc(candidates, sizeof(*f->candidates));
	f->judged = calloc(candidates * p->n_sources, sizeof(*f->judged));
	f->reached = calloc(p->n_sources, sizeof(*f->reached));
	return f->all && f->u && f->candidates && f->judged && f->reached;
}

/* Sources that were left out are skipped, so that the lessons lie by source. */
static bool learn(struct portfolio *f)
{
	for (uint32_t s = 0; s < f->p->n_sources; s++) {
		const struct algo_source *from = &f->p->sources[s];
		struct lesson *of = f->all + f->n;
		uint32_t n = 0;

		for (uint32_t i = 0; i < from->n_trials; i++) {
			double *u = f->u + (size_t)(f->n + n) * f->d;
			if (!has_result(&from->trials[i]) || !space_valid(f->p->space, from->trials[i].x, NULL))
				continue;
			space_encode(f->p->space, from->trials[i].x, u);
			of[n++] = (struct lesson){.trial = &from->trials[i], .source = s, .u = u};
		}
		if (!score(f, of, n))
			return false;
		for (uint32_t i = 0; i < n && i < CANDIDATES; i++)
			f->candidates[f->n_candidates++] = &of[i];
		f->n += n;
	}
	for (uint32_t c = 0; c < f->n_candidates && !cancelled(f); c++)
		judge(f, c);
	return !cancelled(f);
}

enum algo_outcome warm_portfolio(
	const struct algo_problem *p, const atomic_bool *cancel, double *x, uint32_t *n)
{
	struct portfolio f = {.p = p, .cancel = cancel, .d = space_dim(p->space)};
	const uint32_t limit = warm_limit(p);
	enum algo_outcome outcome = ALGO_OK;

	*n = 0;
	if (limit == 0)
		return ALGO_OK;
	if (!allocate(&f))
		outcome = ALGO_NO_MEMORY;
	else if (!learn(&f))
		outcome = ALGO_CANCELLED;
	else
		choose_all(&f, limit, x, n);
	free(f.all);
	free(f.u);
	free(f.candidates);
	free(f.judged);
	free(f.reached);
	return outcome;
}

/* ---- does it keep what it promised? ------------------------------------------------------------ */

/* The place among the suggestions at which the algorithm has its say before the portfolio goes on. */
static bool is_contrast(uint32_t place)
{
	return place == PROBES || place == PROBES + 2;
}

static uint32_t suggested(const struct algo_trial *trials, uint32_t n)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < n; i++)
		count += trials[i].suggested;
	return count;
}

/* What is found out on the way can be compared with: one objective, nothing else. */
static bool can_disappoint(const struct algo_problem *p, uint32_t limit)
{
	return limit > PROBES && p->n_objectives == 1 && p->n_constraints == 0;
}

/* No trial of the portfolio is as good as the best of the others; while there are none of one kind, no. */
static bool disappointed(const struct algo_problem *p, const struct algo_history *h, const double *x, uint32_t n)
{
	double best[2] = {INFINITY, INFINITY};      /* of others, of the portfolio                 */
	uint32_t ended[2] = {0};

	for (uint32_t i = 0; i < h->n_trials; i++) {
		const struct algo_trial *t = &h->trials[i];
		const bool given = is_in(p->space, x, n, t->x);

		if (t->status != ALGO_FAILED && !has_result(t))
			continue;
		ended[given]++;
		if (t->status == ALGO_FAILED)
			continue;
		best[given] = fmin(best[given],
			p->objectives[0].direction == ALGO_MINIMIZE ? t->values[0] : -t->values[0]);
	}
	return ended[0] > 0 && ended[1] > 0 && best[0] < best[1];
}

enum algo_outcome warm_disappoints(const struct algo_problem *p, const struct algo_history *h,
	const atomic_bool *cancel, bool *disappoints)
{
	const uint32_t limit = warm_limit(p);
	enum algo_outcome outcome = ALGO_OK;
	double *x;
	uint32_t n;

	*disappoints = false;
	if (!can_disappoint(p, limit))
		return ALGO_OK;
	if (!(x = calloc((size_t)limit * space_dim(p->space), sizeof(*x))))
		return ALGO_NO_MEMORY;
	if ((outcome = warm_portfolio(p, cancel, x, &n)) == ALGO_OK)
		*disappoints = disappointed(p, h, x, n);
	free(x);
	return outcome;
}

/* ---- suggestions ------------------------------------------------------------------------------- */

static bool tried(const struct space *s, const struct algo_history *h, const double *x)
{
	for (uint32_t i = 0; i < h->n_trials; i++)
		if (space_equal(s, h->trials[i].x, x))
			return true;
	for (uint32_t i = 0; i < h->n_pending; i++)
		if (space_equal(s, h->pending[i].x, x))
			return true;
	return false;
}

/* So many places does the portfolio have, with the contrasts among them. */
static uint32_t places(const struct algo_problem *p, uint32_t limit)
{
	return can_disappoint(p, limit) ? limit + 1 + (limit > PROBES + 1) : limit;
}

/* What is left of the portfolio, up to the next contrast, from a place that is none. */
static enum algo_outcome give(const struct algo_problem *p, const struct algo_history *h, struct algo_request *r,
	uint32_t limit, uint32_t place)
{
	const uint32_t d = space_dim(p->space);
	const bool contrasts = can_disappoint(p, limit);
	double *x = calloc((size_t)limit * d, sizeof(*x));
	enum algo_outcome outcome = ALGO_NO_MEMORY;
	uint32_t n = 0;

	if (x)
		outcome = warm_portfolio(p, r->cancel, x, &n);
	if (outcome == ALGO_OK && contrasts && disappointed(p, h, x, n))
		n = 0;
	for (uint32_t i = 0; i < n && r->n_out < r->n; i++) {
		struct algo_suggestion *out = &r->out[r->n_out];
		if (tried(p->space, h, x + (size_t)i * d))
			continue;
		if (contrasts && is_contrast(place + r->n_out))
			break;
		memcpy(out->x, x + (size_t)i * d, d * sizeof(*x));
		out->resource = NAN;
		out->parent = 0;
		out->bracket = out->rung = 0;
		r->n_out++;
	}
	free(x);
	return outcome;
}

/* What has just been chosen is pending for what follows. */
static void add_pending(struct algo_history *h, struct algo_trial *pending, const struct algo_request *r)
{
	for (uint32_t i = 0; i < r->n_out; i++)
		pending[h->n_pending++] = (struct algo_trial){.number = r->first_number + i,
			.suggested = true,
			.x = r->out[i].x,
			.duration = NAN,
			.resource = r->out[i].resource,
			.parent = r->out[i].parent,
			.bracket = r->out[i].bracket,
			.rung = r->out[i].rung};
}

/* By turns from the portfolio and by the algorithm, as the places have it. */
static enum algo_outcome by_turns(const struct algorithm *a, const struct algo_problem *p, struct algo_history *h,
	struct algo_trial *pending, struct algo_request *r)
{
	const uint32_t limit = warm_limit(p), end = places(p, limit);
	enum algo_outcome outcome = ALGO_OK;

	while (outcome == ALGO_OK && r->n_out < r->n) {
		uint32_t place = suggested(h->trials, h->n_trials) + suggested(h->pending, h->n_pending);
		const bool contrast = can_disappoint(p, limit) && is_contrast(place);
		struct algo_request part = *r;

		part.first_number += r->n_out;
		part.out += r->n_out;
		part.n -= r->n_out;
		part.n_out = 0;
		if (place < end && !contrast)
			outcome = give(p, h, &part, limit, place);
		if (outcome == ALGO_OK && part.n_out == 0) {
			part.n = place < end && contrast ? 1 : part.n;
			outcome = a->suggest(p, h, &part);
			if (outcome == ALGO_OK && part.n_out == 0)
				break;
		}
		add_pending(h, pending, &part);
		r->n_out += part.n_out;
	}
	return outcome;
}

enum algo_outcome warm_suggest(const struct algorithm *a, const struct algo_problem *p,
	const struct algo_history *h, struct algo_request *r)
{
	const uint32_t limit = p->n_sources ? warm_limit(p) : 0;
	struct algo_history with = *h;
	struct algo_trial *pending;
	enum algo_outcome outcome;

	r->n_out = 0;
	if (limit == 0 || suggested(h->trials, h->n_trials) + suggested(h->pending, h->n_pending) >= places(p, limit))
		return a->suggest(p, h, r);
	if (!(pending = calloc((size_t)h->n_pending + r->n + 1, sizeof(*pending))))
		return ALGO_NO_MEMORY;
	if (h->n_pending)
		memcpy(pending, h->pending, h->n_pending * sizeof(*pending));
	with.pending = pending;
	outcome = by_turns(a, p, &with, pending, r);
	if (outcome < 0)
		r->n_out = 0;
	free(pending);
	return outcome;
}
