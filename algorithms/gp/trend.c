/* The trend of a search, from earlier experiments. */
#include "algorithms/gp/trend.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "algorithms/assert.h"
#include "algorithms/grow.h"

/* Of the sum of all weights: what is expected, and by how much each may differ, as a share. */
static const double EXPECTED = 0.8, SPREAD = 1;
static const double CONSTANT_VARIANCE = 10;
static const double SETTLED = 1e-10;

enum {
	SWEEPS = 1000,
	WHOLE_MIN = 4,              /* trials up to which the weights are whole                        */
	WHOLE_MAX = 10,
	FADED = 3,                  /* times as many: nothing is left                                  */
};

struct trend {
	const struct stack *stack;
	double whole;               /* trials up to which weights are whole                            */
	double weights[STACK_MODELS];
	bool believed[STACK_MODELS];    /* ranks the observations better than chance                   */
	double *said;               /* [n x models]: means of the sources at the rows                  */
	uint32_t n;
	size_t cap_said;
};

struct trend *trend_new(const struct stack *s, uint32_t active)
{
	struct trend *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->stack = s;
	t->whole = fmin(fmax(active + 1.0, WHOLE_MIN), WHOLE_MAX);
	return t;
}

void trend_free(struct trend *t)
{
	if (!t)
		return;
	free(t->said);
	free(t);
}

/* ---- learning ---------------------------------------------------------------------------------- */

/* What is left of the weights after n observations. */
static double left(const struct trend *t, uint32_t n)
{
	return fmin(fmax((FADED * t->whole - n) / ((FADED - 1) * t->whole), 0), 1);
}

void trend_forget(struct trend *t)
{
	t->n = 0;
}

/* Are there more pairs that the k-th source puts in the order of the targets than in the other? */
static bool ranks(const struct trend *t, uint32_t k, const double *targets, uint32_t n)
{
	uint32_t models = stack_models(t->stack);
	int64_t sum = 0;

	for (uint32_t i = 0; i < n; i++) {
		for (uint32_t j = 0; j < i; j++) {
			double own = targets[i] - targets[j], theirs = t->said[i * models + k] - t->said[j * models + k];

			sum += own > 0 ? (theirs > 0) - (theirs < 0) : own < 0 ? (theirs < 0) - (theirs > 0) : 0;
		}
	}
	return sum > 0;
}

void trend_start(struct trend *t, const double *targets, uint32_t n)
{
	uint32_t models = stack_models(t->stack);
	double whole = left(t, n);

	for (uint32_t k = 0; k < models; k++) {
		t->believed[k] = whole > 0 && ranks(t, k, targets, n);
		t->weights[k] = t->believed[k] ? EXPECTED / models * whole : 0;
	}
}

enum algo_outcome trend_follow(struct trend *t, const double *rows, uint32_t n)
{
	uint32_t models = stack_models(t->stack), had = t->n;
	enum algo_outcome outcome;

	if (left(t, n) == 0) /* the rows from here on are not asked about: nor must they weigh */
		memset(t->weights, 0, sizeof(t->weights));
	if (n <= had || models == 0 || left(t, n) == 0)
		return ALGO_OK;
	if (!grow(&t->said, &t->cap_said, (size_t)n * models, sizeof(*t->said)))
		return ALGO_NO_MEMORY;
	outcome = stack_means(t->stack, rows + (size_t)had * stack_columns(t->stack), n - had,
		t->said + (size_t)had * models);
	if (outcome == ALGO_OK)
		t->n = n;
	return outcome;
}

double trend_at(const struct trend *t, uint32_t i)
{
	uint32_t models = stack_models(t->stack);
	double sum = 0;

	for (uint32_t k = 0; k < models; k++)
		if (t->weights[k] != 0)
			sum += t->weights[k] * t->said[(size_t)i * models + k];
	return sum;
}

/* The normal equations of weights and constant, which comes last. */
struct equations {
	double a[STACK_MODELS + 1][STACK_MODELS + 1], b[STACK_MODELS + 1];
};

/* columns[models + 1][m] and target[m], whitened. */
static void set_up(
	struct equations *e, uint32_t models, uint32_t m, const double *columns, const double *target)
{
	for (uint32_t i = 0; i <= models; i++) {
		const double *x = columns + (size_t)i * m;

		e->b[i] = 0;
		for (uint32_t r = 0; r < m; r++)
			e->b[i] += x[r] * target[r];
		for (uint32_t j = 0; j <= i; j++) {
			double sum = 0;

			for (uint32_t r = 0; r < m; r++)
				sum += x[r] * columns[(size_t)j * m + r];
			e->a[i][j] = e->a[j][i] = sum;
		}
	}
	for (uint32_t k = 0; k < models; k++) {
		double precision = models * models / (SPREAD * SPREAD);

		e->a[k][k] += precision;
		e->b[k] += precision * EXPECTED / models;
	}
	e->a[models][models] += 1 / CONSTANT_VARIANCE;
}

static void eliminate_constant(struct equations *e, uint32_t models)
{
	for (uint32_t i = 0; i < models; i++) {
		double factor = e->a[i][models] / e->a[models][models];

		e->b[i] -= factor * e->b[models];
		for (uint32_t j = 0; j < models; j++)
			e->a[i][j] -= factor * e->a[models][j];
	}
}

/* The minimum of w'Aw / 2 - b'w over w >= 0 of those believed, one coordinate after the other, from w on. */
static void descend(const struct equations *e, uint32_t models, const bool *believed, double *w)
{
	double moved = 1;

	for (int sweep = 0; sweep < SWEEPS && moved > SETTLED; sweep++) {
		moved = 0;
		for (uint32_t k = 0; k < models; k++) {
			double sum = e->b[k], before = w[k];

			if (!believed[k])
				continue;
			for (uint32_t j = 0; j < models; j++)
				sum -= j == k ? 0 : e->a[k][j] * w[j];
			w[k] = fmax(0, sum / e->a[k][k]);
			moved = fmax(moved, fabs(w[k] - before));
		}
	}
}

enum algo_outcome trend_weigh(struct trend *t, const struct gp *g, const double *targets,
	const uint32_t *members, uint32_t n)
{
	uint32_t models = stack_models(t->stack), rows = gp_rows(g), places;
	double *values, *columns, *target;
	struct equations e;

	trend_start(t, targets, n);
	if (!trend_matters(t))
		return ALGO_OK;
	if (!(values = malloc((models + 3) * (size_t)rows * sizeof(*values))))
		return ALGO_NO_MEMORY;
	target = values + rows;
	columns = target + rows;
	for (uint32_t i = 0; i < rows; i++)
		values[i] = targets[members[i]];
	places = gp_whitened(g, values, target);
	for (uint32_t k = 0; k <= models; k++) {
		for (uint32_t i = 0; i < rows; i++)
			values[i] = k < models ? t->said[(size_t)members[i] * models + k] : 1;
		gp_whitened(g, values, columns + (size_t)k * places);
	}
	set_up(&e, models, places, columns, target);
	eliminate_constant(&e, models);
	descend(&e, models, t->believed, t->weights);
	for (uint32_t k = 0; k < models; k++)
		t->weights[k] *= left(t, n);
	free(values);
	return ALGO_OK;
}

/* ---- asking ------------------------------------------------------------------------------------ */

bool trend_matters(const struct trend *t)
{
	for (uint32_t k = 0; k < stack_models(t->stack); k++)
		if (t->weights[k] != 0)
			return true;
	return false;
}

const double *trend_weights(const struct trend *t)
{
	return t->weights;
}

uint32_t trend_rows(const struct trend *t)
{
	uint32_t n = 0;
	const double *unused;

	for (uint32_t k = 0; k < stack_models(t->stack); k++)
		n += t->weights[k] != 0 ? gp_rows(stack_model(t->stack, k, &unused)) : 0;
	return n;
}

struct trend_work {
	uint32_t points, b;
	struct gp_work *models[STACK_MODELS];   /* of those that weigh something                   */
	double *one;                /* [points]: of one model                                          */
};

struct trend_work *trend_work_new(const struct trend *t, uint32_t points)
{
	struct trend_work *w = calloc(1, sizeof(*w));
	bool ok = w && (w->one = malloc(points * sizeof(*w->one)));

	for (uint32_t k = 0; ok && k < stack_models(t->stack); k++) {
		const double *unused;

		if (t->weights[k] != 0)
			ok = (w->models[k] = gp_work_new(stack_model(t->stack, k, &unused), points));
	}
	if (ok) {
		w->points = points;
		return w;
	}
	trend_work_free(w);
	return NULL;
}

void trend_work_free(struct trend_work *w)
{
	if (!w)
		return;
	for (uint32_t k = 0; k < STACK_MODELS; k++)
		gp_work_free(w->models[k]);
	free(w->one);
	free(w);
}

enum algo_outcome trend_forward(const struct trend *t, struct trend_work *w, const double *points, uint32_t b,
	double *value)
{
	enum algo_outcome outcome = ALGO_OK;

	ALGO_ASSERT(b <= w->points);
	w->b = b;
	memset(value, 0, b * sizeof(*value));
	for (uint32_t k = 0; outcome == ALGO_OK && k < STACK_MODELS; k++) {
		const double *weights;
		const struct gp *g = w->models[k] ? stack_model(t->stack, k, &weights) : NULL;

		if (!g)
			continue;
		outcome = gp_forward_mean(g, w->models[k], weights, points, b, w->one);
		for (uint32_t i = 0; outcome == ALGO_OK && i < b; i++)
			value[i] += t->weights[k] * w->one[i];
	}
	return outcome;
}

void trend_backward(const struct trend *t, struct trend_work *w, const double *d_value, double *gradient)
{
	for (uint32_t k = 0; k < STACK_MODELS; k++) {
		const double *weights;
		const struct gp *g = w->models[k] ? stack_model(t->stack, k, &weights) : NULL;

		if (!g)
			continue;
		for (uint32_t i = 0; i < w->b; i++)
			w->one[i] = t->weights[k] * d_value[i];
		gp_backward_mean(g, w->models[k], weights, w->one, gradient);
	}
}
