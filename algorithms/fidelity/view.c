/* The history at one level. */
#include "algorithms/fidelity/view.h"

#include <gsl/gsl_heapsort.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "algorithms/assert.h"
#include "algorithms/fidelity/align.h"
#include "algorithms/fidelity/standing.h"

enum { RESULTS_MIN = 6 };

/* Where trials are read from: a problem, its levels, and the sampler's space. */
struct source {
	const struct algo_problem *p;
	const struct ladder *ladder;
	const struct space *space;
	uint32_t *roots;            /* numbers of the trials that are fresh starts, ascending      */
	uint32_t n_roots;
};

static int by_number(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static void collect_roots(struct source *s, const struct algo_trial *trials, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		if (trials[i].parent == 0)
			s->roots[s->n_roots++] = trials[i].number;
}

/* Its place among the fresh configurations, from 1; promotions have numbers far from those. */
static uint32_t number_of(const struct source *s, const struct algo_trial *t)
{
	uint32_t lo = 0, hi = s->n_roots;

	if (t->parent != 0)
		return UINT32_MAX - t->number;
	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (s->roots[mid] < t->number)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo + 1;
}

/* ---- the level --------------------------------------------------------------------------------- */

static uint32_t count_results(const struct source *s, const struct algo_history *h, uint32_t level)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < h->n_trials + h->n_pending; i++) {
		const struct algo_trial *t = i < h->n_trials ? &h->trials[i] : &h->pending[i - h->n_trials];

		if (t->status != ALGO_ABANDONED && t->status != ALGO_FAILED)
			n += isfinite(standing_value_at(s->p, s->ladder, t, level));
	}
	return n;
}

static uint32_t choose_level(const struct source *s, const struct algo_history *h)
{
	uint32_t d = 0, best = 0, most = 0;

	for (uint32_t j = 0; j < space_dim(s->space); j++)
		d += space_levels(s->space, j) > 1;
	for (uint32_t level = s->ladder->n; level-- > 0;) {
		uint32_t n = count_results(s, h, level);

		if (n >= d + 2 && n >= RESULTS_MIN)
			return level;
		if (n > most) {
			most = n;
			best = level;
		}
	}
	return best;
}

/* ---- trials ------------------------------------------------------------------------------------ */

/* x in the sampler's space. */
static const double *row_for(struct view *v, const double *x)
{
	double *row;

	if (v->ladder->param < 0)
		return x;
	row = v->x + (size_t)v->rows++ * v->d;
	memcpy(row, x, v->d * sizeof(*row));
	row[v->ladder->param] = v->fixed;
	return row;
}

/* `at` counts all trials: the place of its value. */
static struct algo_trial translate(struct view *v, const struct source *s, const struct algo_trial *t, uint32_t at)
{
	struct algo_trial out = {.number = number_of(s, t),
		.status = t->status,
		.suggested = t->suggested,
		.x = row_for(v, t->x),
		.duration = t->duration,
		.resource = NAN};
	double value = standing_value_at(s->p, s->ladder, t, v->level);
	int own = ladder_level(s->ladder, ladder_resource(s->ladder, s->p->space, t));

	if (t->status == ALGO_ABANDONED || t->status == ALGO_FAILED)
		return out;
	out.constraints = t->constraints;
	if (!isnan(value)) {
		out.status = ALGO_SUCCEEDED;
	} else if (t->status == ALGO_STOPPED) {
		out.curve = t->curve;
		out.n_curve = t->n_curve;
		value = t->values ? t->values[0] : NAN;
	} else if (t->status == ALGO_SUCCEEDED) {
		/* A missing value at this very level is a failure; of others nothing is known here. */
		out.status = own == (int)v->level ? ALGO_FAILED : ALGO_ABANDONED;
	}
	v->values[at] = value;
	out.values = out.status != ALGO_PENDING ? &v->values[at] : NULL;
	return out;
}

/* ---- all levels -------------------------------------------------------------------------------- */

/* The place of a level between the lowest and the highest, on the scale on which they are apart. */
static double place_of(const struct ladder *l, uint32_t level)
{
	return l->n > 1 ? log(l->at[level] / l->at[0]) / log(l->at[l->n - 1] / l->at[0]) : 1;
}

/* Writes the trial as it is at every level that it has a result at. Returns how many there are. */
static uint32_t write_results(struct view *v, const struct source *s, struct algo_trial seen, const struct align *a,
	const struct algo_trial *t, struct algo_trial *out)
{
	uint32_t n = 0;

	for (uint32_t level = 0; level < s->ladder->n; level++) {
		double value = standing_value_at(s->p, s->ladder, t, level);

		if (!isfinite(value))
			continue;
		v->values[v->n_values] = align_value(a, level, value);
		seen.values = &v->values[v->n_values++];
		seen.resource = place_of(s->ladder, level);
		out[n++] = seen;
	}
	return n;
}

static struct algo_trial bare(struct view *v, const struct source *s, const struct algo_trial *t)
{
	return (struct algo_trial){.number = number_of(s, t),
		.status = t->status,
		.suggested = t->suggested,
		.x = row_for(v, t->x),
		.duration = t->duration,
		.resource = NAN};
}

static void add_ended(struct view *v, const struct source *s, const struct align *a, const struct algo_trial *t)
{
	struct algo_trial seen = bare(v, s, t), result = seen;
	bool tells = t->status == ALGO_SUCCEEDED || t->status == ALGO_STOPPED;
	uint32_t n;

	result.status = ALGO_SUCCEEDED;
	n = tells ? write_results(v, s, result, a, t, v->trials + v->h.n_trials) : 0;
	v->h.n_trials += n;
	if (n > 0)
		return;
	if (tells) /* without a value; stopped before the first level */
		seen.status = t->status == ALGO_SUCCEEDED ? ALGO_FAILED : ALGO_ABANDONED;
	v->trials[v->h.n_trials++] = seen;
}

static void read_graded(struct view *v, const struct source *s, const struct algo_history *h)
{
	struct align a;

	align_init(&a, s->p, s->ladder, h);
	for (uint32_t i = 0; i < h->n_trials; i++)
		add_ended(v, s, &a, &h->trials[i]);
	for (uint32_t i = 0; i < h->n_pending; i++) {
		struct algo_trial seen = bare(v, s, &h->pending[i]);

		v->pending[v->h.n_pending++] = seen;
		v->h.n_pending += write_results(v, s, seen, &a, &h->pending[i], v->pending + v->h.n_pending);
	}
}

static void read_trials(struct view *v, const struct source *s, const struct algo_history *h)
{
	uint32_t at = 0;

	for (uint32_t i = 0; i < h->n_trials; i++)
		v->trials[v->h.n_trials++] = translate(v, s, &h->trials[i], at++);
	for (uint32_t i = 0; i < h->n_pending; i++) {
		const struct algo_trial *t = &h->pending[i];
		int own = ladder_level(s->ladder, ladder_resource(s->ladder, s->p->space, t));
		struct algo_trial seen = translate(v, s, t, at++);

		if (seen.status != ALGO_PENDING)
			v->trials[v->h.n_trials++] = seen;
		else if (t->parent == 0 || own <= (int)v->level) /* else its result here is known */
			v->pending[v->h.n_pending++] = seen;
	}
}

bool view_init(struct view *v, const struct algo_problem *p, const struct ladder *l, const struct space *space,
	double fixed, const struct algo_history *h, uint32_t room, bool graded)
{
	size_t n = (size_t)h->n_trials + h->n_pending + 1, results = graded ? l->n : 1;
	struct source s = {.p = p, .ladder = l, .space = space};

	*v = (struct view){.room = room, .ladder = l, .d = space_dim(space), .fixed = fixed};
	v->graded = graded;
	v->trials = malloc(results * n * sizeof(*v->trials));
	v->pending = malloc((h->n_pending * (results + 1) + room + 1) * sizeof(*v->pending));
	v->values = malloc(results * n * sizeof(*v->values));
	s.roots = malloc(n * sizeof(*s.roots));
	if (l->param >= 0)
		v->x = malloc((n + room) * v->d * sizeof(*v->x));
	if (!v->trials || !v->pending || !v->values || !s.roots || (l->param >= 0 && !v->x)) {
		free(s.roots);
		view_free(v);
		return false;
	}
	collect_roots(&s, h->trials, h->n_trials);
	collect_roots(&s, h->pending, h->n_pending);
	gsl_heapsort(s.roots, s.n_roots, sizeof(*s.roots), by_number);
	v->next_number = s.n_roots + 1;
	v->level = choose_level(&s, h);
	v->h.trials = v->trials;
	v->h.pending = v->pending;
	if (graded)
		read_graded(v, &s, h);
	else
		read_trials(v, &s, h);
	free(s.roots);
	return true;
}

void view_free(struct view *v)
{
	free(v->trials);
	free(v->pending);
	free(v->values);
	free(v->x);
}

void view_add(struct view *v, const double *x)
{
	ALGO_ASSERT(v->room > 0);
	v->room--;
	v->pending[v->h.n_pending++] = (struct algo_trial){
		.number = v->next_number++, .suggested = true, .x = x, .duration = NAN, .resource = NAN};
}

void view_add_promotion(struct view *v, const struct algo_trial *parent, uint32_t level, uint32_t number)
{
	ALGO_ASSERT(v->room > 0);
	v->room--;
	if (!v->graded && level > v->level)
		return;
	v->pending[v->h.n_pending++] = (struct algo_trial){.number = UINT32_MAX - number,
		.suggested = true,
		.x = row_for(v, parent->x),
		.duration = NAN,
		.resource = NAN};
}
