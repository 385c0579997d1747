/* Brackets of successive halving, read off the history. */
#include "algorithms/fidelity/brackets.h"

#include <gsl/gsl_heapsort.h>
#include <math.h>
#include <stdlib.h>

#include "algorithms/fidelity/standing.h"

static const double GUARD = 1e-9;

struct member {
	struct merit merit;
	const struct algo_trial *trial;
	enum standing standing;
	uint32_t bracket, rung;
	bool used;                  /* it went on                                                  */
};

/* The members of a rung lie together, those with a result first, from the best to the worst. */
struct rung {
	uint32_t first, n_results, n_bad, n_open;
	uint32_t n_used;            /* of the results                                              */
	uint32_t n_lost;            /* of those: where they went to they were killed or lost       */
};

struct bracket {
	int s;                      /* levels below the top; -1: not begun                         */
	uint32_t n;                 /* fresh configurations that it is to have                     */
	struct rung *rungs;         /* [s + 1]                                                     */
};

struct brackets {
	const struct algo_problem *p;
	const struct ladder *ladder;
	struct brackets_options options;
	struct member *members;
	uint32_t n_members;
	struct bracket *list;       /* those of the history, then the one that is begun now        */
	struct rung *rungs;         /* [n_list + 1][levels]                                        */
	uint32_t n_list;
	uint32_t newest;            /* number of list[n_list]                                      */
	int64_t left;               /* trials that no bracket needs; below 1 also without a budget */
	bool any_open;
};

/* ---- sizes ------------------------------------------------------------------------------------- */

static uint32_t size_of(double eta, uint32_t n, uint32_t rung)
{
	double members = floor(n / pow(eta, rung) * (1 + GUARD));

	return members < 1 ? 1 : (uint32_t)members;
}

static uint64_t trials_of(double eta, uint32_t s, uint32_t n)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i <= s; i++)
		sum += size_of(eta, n, i);
	return sum;
}

static uint32_t to_count(double v)
{
	return (uint32_t)fmin(fmax(v, 1), 1e9);
}

/* The fewest of which one comes to the top. */
static uint32_t least_members(const struct ladder *l, uint32_t s)
{
	return to_count(ceil(pow(l->eta, s) * (1 - GUARD)));
}

static uint32_t whole_members(const struct ladder *l, const struct brackets_options *o, uint32_t s)
{
	if (!o->single)
		return to_count(ceil((double)l->n / (s + 1) * pow(l->eta, s) * (1 - GUARD)));
	return isnan(o->n) ? least_members(l, s) : to_count(o->n);
}

uint32_t brackets_members(const struct ladder *l, const struct brackets_options *o, uint32_t s, uint32_t i)
{
	return size_of(l->eta, whole_members(l, o, s), i);
}

uint64_t brackets_trials(const struct ladder *l, const struct brackets_options *o)
{
	uint64_t sum = 0;

	for (uint32_t s = o->single ? l->n - 1 : 0; s < l->n; s++)
		sum += trials_of(l->eta, s, whole_members(l, o, s));
	return sum;
}

/* As many members, at most `most`, as `budget` trials are enough for. */
static uint32_t members_within(double eta, uint32_t s, uint32_t most, uint64_t budget)
{
	uint32_t lo = 1, hi = most;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo + 1) / 2;

		if (trials_of(eta, s, mid) <= budget)
			lo = mid;
		else
			hi = mid - 1;
	}
	return lo;
}

/* Decides how many members a bracket has; a new one may also begin at a higher level. */
static void plan(const struct brackets *b, struct bracket *k, bool begun)
{
	const struct ladder *l = b->ladder;
	uint32_t s = (uint32_t)k->s, most = whole_members(l, &b->options, s);
	bool scarce = b->left >= 1;

	/* One bracket for the whole budget. */
	if (scarce && b->options.single && isnan(b->options.n))
		most = to_count((double)b->left);
	while (scarce && !begun && s > 0 && trials_of(l->eta, s, least_members(l, s)) > (uint64_t)b->left &&
		   trials_of(l->eta, s, most) > (uint64_t)b->left) {
		s--;
		if (!b->options.single)
			most = whole_members(l, &b->options, s);
	}
	k->s = (int)s;
	k->n = scarce ? members_within(l->eta, s, most, (uint64_t)b->left) : most;
}

/* ---- reading the history ----------------------------------------------------------------------- */

static int by_place(const void *a, const void *b)
{
	const struct member *x = a, *y = b;

	if (x->bracket != y->bracket)
		return x->bracket < y->bracket ? -1 : 1;
	if (x->rung != y->rung)
		return x->rung < y->rung ? -1 : 1;
	if ((x->standing == STANDING_RESULT) != (y->standing == STANDING_RESULT))
		return x->standing == STANDING_RESULT ? -1 : 1;
	return merit_compare(&x->merit, &y->merit);
}

/* True if t is a member of a bracket; one that began elsewhere than its bracket is not. */
static bool read_member(struct brackets *b, const struct algo_trial *t, struct member *m)
{
	int level = isnan(t->resource) ? -1 : ladder_level(b->ladder, t->resource);
	struct bracket *k;
	int s;

	if (!t->suggested || level < 0 || t->rung < 0 || t->rung > level || (t->rung == 0) != (t->parent == 0) ||
		t->bracket < 0 || (uint32_t)t->bracket >= b->n_list)
		return false;
	k = &b->list[t->bracket];
	s = (int)b->ladder->n - 1 - (level - t->rung);
	if (k->s < 0)
		k->s = s;
	*m = (struct member){.trial = t, .bracket = (uint32_t)t->bracket, .rung = (uint32_t)t->rung};
	m->standing = standing_of(b->p, t, &m->merit);
	return k->s == s;
}

static void read_trials(struct brackets *b, const struct algo_trial *trials, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		b->n_members += read_member(b, &trials[i], &b->members[b->n_members]);
}

static void count_members(struct brackets *b)
{
	for (uint32_t i = b->n_members; i-- > 0;) {
		const struct member *m = &b->members[i];
		struct rung *r = &b->list[m->bracket].rungs[m->rung];

		r->first = i;
		r->n_results += m->standing == STANDING_RESULT;
		r->n_bad += m->standing == STANDING_BAD;
		r->n_open += m->standing == STANDING_OPEN;
		b->any_open |= m->standing == STANDING_OPEN;
	}
}

static int by_number(const void *a, const void *b)
{
	const struct member *x = *(struct member *const *)a, *y = *(struct member *const *)b;

	return (x->trial->number > y->trial->number) - (x->trial->number < y->trial->number);
}

static struct member *find(struct member *const *sorted, uint32_t n, uint32_t number)
{
	uint32_t lo = 0, hi = n;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (sorted[mid]->trial->number < number)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < n && sorted[lo]->trial->number == number ? sorted[lo] : NULL;
}

/* Marks the parents of all members as used. */
static bool mark_parents(struct brackets *b)
{
	struct member **sorted = malloc(((size_t)b->n_members + 1) * sizeof(*sorted));

	if (!sorted)
		return false;
	for (uint32_t i = 0; i < b->n_members; i++)
		sorted[i] = &b->members[i];
	gsl_heapsort(sorted, b->n_members, sizeof(*sorted), by_number);
	for (uint32_t i = 0; i < b->n_members; i++) {
		const struct member *m = &b->members[i];
		struct member *parent = m->rung > 0 ? find(sorted, b->n_members, m->trial->parent) : NULL;
		struct rung *r;

		if (!parent || parent->bracket != m->bracket || parent->rung + 1 != m->rung || parent->used ||
			parent->standing != STANDING_RESULT)
			continue;
		r = &b->list[m->bracket].rungs[parent->rung];
		parent->used = true;
		r->n_used++;
		r->n_lost += m->standing == STANDING_VOID;
	}
	free(sorted);
	return true;
}

/* ---- what is to come --------------------------------------------------------------------------- */

static uint32_t present(const struct rung *r)
{
	return r->n_results + r->n_bad + r->n_open;
}

/* Members that rung i does not have yet and will get, and its open ones: results that may come. */
static uint32_t missing(const struct brackets *b, const struct bracket *k, uint32_t i, bool fresh)
{
	uint32_t come = 0;

	for (uint32_t j = 0; j <= i; j++) {
		const struct rung *r = &k->rungs[j];
		uint32_t size = size_of(b->ladder->eta, k->n, j), free_places = size > present(r) ? size - present(r) : 0;
		uint32_t able = j > 0 ? k->rungs[j - 1].n_results - k->rungs[j - 1].n_used + come : fresh ? UINT32_MAX : 0;

		come = r->n_open + (able < free_places ? able : free_places);
	}
	return come;
}

/* The best of rung i - 1 that has not gone on, if what is missing there cannot keep it from going. */
static struct member *promotable(const struct brackets *b, const struct bracket *k, uint32_t i, bool fresh)
{
	const struct rung *from = &k->rungs[i - 1];
	uint32_t places = size_of(b->ladder->eta, k->n, i), better = 0;

	if (present(&k->rungs[i]) >= places || from->n_used == from->n_results)
		return NULL;
	while (b->members[from->first + better].used)
		better++;
	if ((uint64_t)better + missing(b, k, i - 1, fresh) >= (uint64_t)places + from->n_lost)
		return NULL;
	return &b->members[from->first + better];
}

static bool finished(const struct brackets *b, const struct bracket *k)
{
	return missing(b, k, (uint32_t)k->s, true) == 0;
}

/* Plans the brackets of the history in turn, and leaves what they do not need. */
static void plan_all(struct brackets *b, uint32_t n_trials)
{
	uint32_t members = 0;

	for (uint32_t i = 0; i < b->n_members; i++)
		members += b->members[i].standing != STANDING_VOID;
	b->left = (int64_t)b->p->max_trials - (n_trials - members);
	for (uint32_t i = 0; i < b->n_list; i++) {
		struct bracket *k = &b->list[i];
		uint64_t has = 0, wants;

		if (k->s < 0)
			continue;
		plan(b, k, true);
		for (uint32_t j = 0; j <= (uint32_t)k->s; j++)
			has += present(&k->rungs[j]);
		wants = trials_of(b->ladder->eta, (uint32_t)k->s, k->n);
		b->left -= (int64_t)(finished(b, k) || has > wants ? has : wants);
	}
}

static void begin_bracket(struct brackets *b)
{
	struct bracket *k = &b->list[b->n_list];

	for (uint32_t i = 0; i < b->ladder->n; i++)
		k->rungs[i] = (struct rung){.first = 0};
	k->s = (int)(b->options.single ? b->ladder->n - 1 : b->ladder->n - 1 - b->newest % b->ladder->n);
	plan(b, k, false);
	b->left -= (int64_t)trials_of(b->ladder->eta, (uint32_t)k->s, k->n);
}

/* The number of brackets that the history has begun, as far as they can be told. */
static uint32_t count_brackets(const struct algo_history *h)
{
	uint32_t n = 0, total = h->n_trials + h->n_pending;

	for (uint32_t i = 0; i < total; i++) {
		const struct algo_trial *t = i < h->n_trials ? &h->trials[i] : &h->pending[i - h->n_trials];

		if (t->suggested && t->bracket >= 0 && (uint32_t)t->bracket < total && (uint32_t)t->bracket >= n &&
			!isnan(t->resource))
			n = (uint32_t)t->bracket + 1;
	}
	return n;
}

struct brackets *brackets_new(const struct algo_problem *p, const struct ladder *l,
	const struct brackets_options *o, const struct algo_history *h)
{
	struct brackets *b = calloc(1, sizeof(*b));
	size_t room = (size_t)h->n_trials + h->n_pending + 1;

	if (!b)
		return NULL;
	*b = (struct brackets){.p = p, .ladder = l, .options = *o, .n_list = count_brackets(h)};
	b->newest = b->n_list;
	b->members = malloc(room * sizeof(*b->members));
	b->list = calloc((size_t)b->n_list + 1, sizeof(*b->list));
	b->rungs = calloc(((size_t)b->n_list + 1) * l->n, sizeof(*b->rungs));
	if (!b->members || !b->list || !b->rungs)
		goto fail;
	for (uint32_t i = 0; i <= b->n_list; i++)
		b->list[i] = (struct bracket){.s = -1, .rungs = b->rungs + (size_t)i * l->n};
	read_trials(b, h->trials, h->n_trials);
	read_trials(b, h->pending, h->n_pending);
	gsl_heapsort(b->members, b->n_members, sizeof(*b->members), by_place);
	count_members(b);
	if (!mark_parents(b))
		goto fail;
	plan_all(b, h->n_trials + h->n_pending);
	return b;
fail:
	brackets_free(b);
	return NULL;
}

void brackets_free(struct brackets *b)
{
	if (!b)
		return;
	free(b->members);
	free(b->list);
	free(b->rungs);
	free(b);
}

/* ---- granting ---------------------------------------------------------------------------------- */

static bool grant_in(struct brackets *b, struct bracket *k, uint32_t number, bool fresh, struct grant *out)
{
	const uint32_t bottom = b->ladder->n - 1 - (uint32_t)k->s;

	for (uint32_t i = (uint32_t)k->s; i > 0; i--) {
		struct member *m = promotable(b, k, i, fresh);

		if (!m)
			continue;
		m->used = true;
		k->rungs[i - 1].n_used++;
		k->rungs[i].n_open++;
		*out = (struct grant){
			.parent = m->trial, .level = bottom + i, .bracket = (int32_t)number, .rung = (int32_t)i};
		return true;
	}
	if (!fresh || present(&k->rungs[0]) >= k->n)
		return false;
	k->rungs[0].n_open++;
	*out = (struct grant){.level = bottom, .bracket = (int32_t)number};
	return true;
}

/* May another bracket begin? */
static bool may_begin(const struct brackets *b)
{
	if (b->p->max_trials == 0)
		return b->newest < (b->options.single ? 1 : b->ladder->n);
	/* The rest of the budget is for those that have begun; when they ended with less, for one more. */
	return b->left >= 1 || !b->any_open;
}

enum verdict brackets_next(struct brackets *b, bool fresh, struct grant *out)
{
	struct bracket *last = &b->list[b->n_list];

	for (uint32_t i = 0; i < b->n_list; i++)
		if (b->list[i].s >= 0 && grant_in(b, &b->list[i], i, fresh, out))
			goto granted;
	if (last->s >= 0 && grant_in(b, last, b->newest, fresh, out))
		goto granted;
	if (last->s >= 0) {
		b->newest++; /* all its members are pending: nothing more can come of it now */
		last->s = -1;
	}
	if (!fresh || !may_begin(b))
		return b->any_open ? GRANT_NONE : GRANT_END;
	begin_bracket(b);
	if (!grant_in(b, last, b->newest, fresh, out))
		return GRANT_NONE;
granted:
	b->any_open = true;
	return GRANT;
}
