#include "algorithms/insight/forest.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { DEPTH_MAX = 64 };

struct pair {
	double u, y;
};

/* A part of the sample that is still to be split, or is a leaf. */
struct node {
	uint32_t first, n, depth;
	double *lo, *hi;        /* d each, owned by the stack's memory */
};

struct growing {
	struct tree *t;
	const double *u, *y;
	uint32_t *sample;       /* indices of points, permuted as nodes are split */
	struct pair *pairs;     /* n: one node's points along one axis            */
	double *boxes;          /* of the stack: per node 2 d                     */
	const atomic_bool *cancel;
};

struct split {
	uint32_t axis;
	double at, gain;
};

static int by_u(const void *a, const void *b)
{
	const struct pair *x = a, *y = b;

	if (x->u != y->u)
		return x->u < y->u ? -1 : 1;
	return x->y < y->y ? -1 : x->y > y->y;
}

static void try_axis(struct growing *g, const struct node *node, uint32_t axis, double total, struct split *best)
{
	const uint32_t d = g->t->d, n = node->n;
	double left = 0;

	for (uint32_t i = 0; i < n; i++) {
		const uint32_t k = g->sample[node->first + i];
		g->pairs[i] = (struct pair){g->u[(size_t)k * d + axis], g->y[k]};
	}
	qsort(g->pairs, n, sizeof(*g->pairs), by_u);
	for (uint32_t i = 0; i + 1 < n; i++) {
		const double nl = i + 1, nr = n - nl;
		left += g->pairs[i].y;
		if (g->pairs[i].u == g->pairs[i + 1].u)
			continue;
		/* The reduction of the sum of squares, without what is the same for all splits. */
		const double gain = left * left / nl + (total - left) * (total - left) / nr - total * total / n;
		if (gain > best->gain)
			*best = (struct split){axis, 0.5 * (g->pairs[i].u + g->pairs[i + 1].u), gain};
	}
}

static bool find_split(struct growing *g, const struct node *node, struct split *best)
{
	double total = 0, least = INFINITY, most = -INFINITY;

	for (uint32_t i = 0; i < node->n; i++) {
		const double y = g->y[g->sample[node->first + i]];
		total += y;
		least = fmin(least, y);
		most = fmax(most, y);
	}
	*best = (struct split){.gain = 0};
	if (node->n < 2 || node->depth >= DEPTH_MAX || least == most)
		return false;
	for (uint32_t axis = 0; axis < g->t->d; axis++)
		try_axis(g, node, axis, total, best);
	return best->gain > 0;
}

/* Those left of the split first; returns how many. */
static uint32_t partition(struct growing *g, const struct node *node, const struct split *s)
{
	uint32_t *a = g->sample + node->first, n_left = 0;

	for (uint32_t i = 0; i < node->n; i++) {
		const uint32_t k = a[i];
		if (g->u[(size_t)k * g->t->d + s->axis] < s->at) {
			a[i] = a[n_left];
			a[n_left++] = k;
		}
	}
	return n_left;
}

static void add_leaf(struct growing *g, const struct node *node)
{
	struct tree *t = g->t;
	const size_t row = (size_t)t->n_leaves * t->d;
	double sum = 0;

	for (uint32_t i = 0; i < node->n; i++)
		sum += g->y[g->sample[node->first + i]];
	t->value[t->n_leaves++] = sum / node->n;
	memcpy(t->lo + row, node->lo, t->d * sizeof(double));
	memcpy(t->hi + row, node->hi, t->d * sizeof(double));
}

/* Depth first: the stack never holds more than one waiting sibling a level. */
static bool grow_all(struct growing *g, uint32_t n)
{
	const uint32_t d = g->t->d;
	struct node stack[DEPTH_MAX + 2];
	uint32_t top = 0;

	for (uint32_t i = 0; i < DEPTH_MAX + 2; i++) {
		stack[i].lo = g->boxes + (size_t)i * 2 * d;
		stack[i].hi = stack[i].lo + d;
	}
	stack[0].first = stack[0].depth = 0;
	stack[0].n = n;
	for (uint32_t j = 0; j < d; j++) {
		stack[0].lo[j] = 0;
		stack[0].hi[j] = 1;
	}
	for (;;) {
		struct node *node = &stack[top], *right = &stack[top + 1];
		struct split s;
		if (g->cancel && atomic_load_explicit(g->cancel, memory_order_relaxed))
			return false;
		if (!find_split(g, node, &s)) {
			add_leaf(g, node);
			if (top-- == 0)
				return true;
			continue;
		}
		const uint32_t n_left = partition(g, node, &s);
		right->first = node->first + n_left;
		right->n = node->n - n_left;
		right->depth = ++node->depth;
		memcpy(right->lo, node->lo, 2 * d * sizeof(double));
		right->lo[s.axis] = s.at;
		node->hi[s.axis] = s.at;
		node->n = n_left;
		top++;
	}
}

bool tree_grow(struct tree *t, const double *u, const double *y, uint32_t n, uint32_t d, struct rng *rng,
	const atomic_bool *cancel)
{
	struct growing g = {.t = t, .u = u, .y = y, .cancel = cancel};
	bool ok = false;

	*t = (struct tree){.d = d};
	t->value = malloc(n * sizeof(*t->value));
	t->lo = malloc((size_t)n * d * sizeof(*t->lo));
	t->hi = malloc((size_t)n * d * sizeof(*t->hi));
	g.sample = malloc(n * sizeof(*g.sample));
	g.pairs = malloc(n * sizeof(*g.pairs));
	g.boxes = malloc((size_t)(DEPTH_MAX + 2) * 2 * d * sizeof(*g.boxes));
	if (!t->value || !t->lo || !t->hi || !g.sample || !g.pairs || !g.boxes)
		goto out;
	for (uint32_t i = 0; i < n; i++)
		g.sample[i] = (uint32_t)rng_below(rng, n);
	ok = grow_all(&g, n);
out:
	free(g.sample);
	free(g.pairs);
	free(g.boxes);
	if (!ok)
		tree_free(t);
	return ok;
}

void tree_free(struct tree *t)
{
	free(t->value);
	free(t->lo);
	free(t->hi);
	*t = (struct tree){0};
}
