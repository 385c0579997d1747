/* Trials as rows of floats. */
#include "algorithms/tpe/rows.h"

#include <math.h>
#include <stdlib.h>

#include "algorithms/grow.h"

static bool is_list(const struct space_param *p)
{
	return p->kind == SPACE_DISCRETE || p->kind == SPACE_CATEGORICAL;
}

static struct parzen_axis axis_of(const struct space *s, uint32_t j)
{
	uint64_t levels = space_levels(s, j);

	if (space_at(s, j)->kind == SPACE_CATEGORICAL)
		return (struct parzen_axis){.kind = PARZEN_CHOICE, .levels = (uint32_t)levels};
	if (levels <= PARZEN_GRID_MAX) /* finer ones count as continuous: a kernel is wider than their cells */
		return (struct parzen_axis){.kind = PARZEN_GRID, .levels = (uint32_t)levels};
	return (struct parzen_axis){.kind = PARZEN_REAL};
}

/* Where space_decode_one() goes from one level to the next: found by halving, for any distribution. */
static float upper_edge(const struct space *s, uint32_t j, uint64_t level)
{
	double lo = 0, hi = 1;

	if (is_list(space_at(s, j)))
		return (float)((double)(level + 1) / (double)space_levels(s, j));
	for (int i = 0; i < 30; i++) {
		double mid = 0.5 * (lo + hi);

		if (space_value_level(s, j, space_decode_one(s, j, mid)) <= level)
			lo = mid;
		else
			hi = mid;
	}
	return (float)hi;
}

static bool make_axes(struct rows *r)
{
	size_t n = 0;
	float *next;

	for (uint32_t j = 0; j < r->d; j++) {
		r->axes[j] = axis_of(r->space, j);
		n += r->axes[j].kind == PARZEN_GRID ? r->axes[j].levels + 1 : 0;
	}
	if (!(next = r->edges = malloc((n + 1) * sizeof(*next))))
		return false;
	for (uint32_t j = 0; j < r->d; j++) {
		struct parzen_axis *a = &r->axes[j];

		if (a->kind != PARZEN_GRID)
			continue;
		a->edges = next;
		*next++ = 0;
		for (uint32_t k = 0; k + 1 < a->levels; k++)
			*next++ = upper_edge(r->space, j, k);
		*next++ = 1;
	}
	return true;
}

struct rows *rows_new(const struct space *space)
{
	struct rows *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->space = space;
	r->d = space_dim(space);
	seen_init(&r->seen, space, NULL);
	r->axes = calloc(r->d, sizeof(*r->axes));
	r->patterns = calloc(r->d, sizeof(*r->patterns));
	if (r->axes && r->patterns && make_axes(r))
		return r;
	rows_free(r);
	return NULL;
}

void rows_free(struct rows *r)
{
	if (!r)
		return;
	seen_free(&r->seen);
	free(r->axes);
	free(r->edges);
	free(r->x);
	free(r->numbers);
	free(r->patterns);
	free(r);
}

static float encode(const struct rows *r, uint32_t j, double value)
{
	if (isnan(value))
		return NAN;
	if (r->axes[j].kind == PARZEN_REAL)
		return (float)space_encode_one(r->space, j, value);
	return (float)space_value_level(r->space, j, value);
}

double rows_value(const struct rows *r, uint32_t j, float value)
{
	if (r->axes[j].kind == PARZEN_REAL)
		return space_decode_one(r->space, j, (double)value);
	return space_level_value(r->space, j, (uint64_t)value);
}

bool rows_add(struct rows *r, const double *x)
{
	if (!grow(&r->x, &r->cap_x, ((size_t)r->n + 1) * r->d, sizeof(*r->x)))
		return false;
	for (uint32_t j = 0; j < r->d; j++)
		r->x[(size_t)r->n * r->d + j] = encode(r, j, x[j]);
	r->n++;
	return true;
}

/* A cache that has met another history starts over. */
static void forget(struct rows *r)
{
	seen_free(&r->seen);
	seen_init(&r->seen, r->space, NULL);
	for (uint32_t j = 0; j < r->d; j++)
		r->patterns[j] = 0;
	r->n = r->n_ended = 0;
}

static bool same_prefix(const struct rows *r, const struct algo_history *h)
{
	if (r->n_ended > h->n_trials)
		return false;
	return r->n_ended == 0 || (r->numbers[0] == h->trials[0].number &&
								  r->numbers[r->n_ended - 1] == h->trials[r->n_ended - 1].number);
}

bool rows_read(struct rows *r, const struct algo_history *h)
{
	if (!same_prefix(r, h))
		forget(r);
	r->n = r->n_ended;
	while (r->n_ended < h->n_trials) {
		const struct algo_trial *t = &h->trials[r->n_ended];

		if (!grow(&r->numbers, &r->cap_numbers, (size_t)r->n + 1, sizeof(*r->numbers)) ||
			!rows_add(r, t->x) || !seen_add(&r->seen, t->x))
			return false;
		for (uint32_t j = 0; j < r->d; j++)
			if (!isnan(t->x[j]))
				r->patterns[j] += rng_mix(r->n_ended, 1);
		r->numbers[r->n_ended++] = t->number;
	}
	return true;
}
