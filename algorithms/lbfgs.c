/* Projected L-BFGS, as a machine that names points and is told values. */
#include "algorithms/lbfgs.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "algorithms/assert.h"

enum { PAIRS = 10, CUTS = 20 };
static const double ARMIJO = 1e-4, CURVATURE = 1e-10;

enum phase { DONE = 0, FIRST, LINE };

struct lbfgs {
	uint32_t n;
	enum phase phase;
	const double *low, *high;
	struct lbfgs_stop stop;
	uint32_t iterations, evaluations, cuts;
	uint32_t pairs, newest;         /* pairs kept; slot of the next one                        */
	bool steepest;                  /* the direction is the plain gradient's                   */
	double f, step;
	double *x, *gradient;           /* where it stands                                         */
	double *trial, *trial_gradient;
	double *direction;
	bool *held;                     /* at a bound that the gradient presses against            */
	double *s[PAIRS], *y[PAIRS];    /* differences of points and of gradients                  */
	double block[];
};

struct lbfgs *lbfgs_new(uint32_t n)
{
	size_t vectors = 5 + 2 * PAIRS;
	struct lbfgs *l = malloc(sizeof(*l) + vectors * n * sizeof(double) + n * sizeof(bool));
	double *at;

	if (!l)
		return NULL;
	at = l->block;
	l->n = n;
	l->phase = DONE;
	l->x = at;
	l->gradient = at += n;
	l->trial = at += n;
	l->trial_gradient = at += n;
	l->direction = at += n;
	for (int i = 0; i < PAIRS; i++) {
		l->s[i] = at += n;
		l->y[i] = at += n;
	}
	l->held = (void *)(at + n);
	return l;
}

void lbfgs_free(struct lbfgs *l)
{
	free(l);
}

static double project(const struct lbfgs *l, uint32_t j, double v)
{
	return v < l->low[j] ? l->low[j] : v > l->high[j] ? l->high[j] : v;
}

static double dot(uint32_t n, const double *a, const double *b)
{
	double sum = 0;

	for (uint32_t j = 0; j < n; j++)
		sum += a[j] * b[j];
	return sum;
}

void lbfgs_begin(struct lbfgs *l, const double *x0, const double *low, const double *high,
	const struct lbfgs_stop *stop)
{
	l->low = low;
	l->high = high;
	l->stop = *stop;
	l->iterations = l->evaluations = l->pairs = l->newest = 0;
	l->f = INFINITY;
	for (uint32_t j = 0; j < l->n; j++)
		l->x[j] = l->trial[j] = project(l, j, x0[j]);
	l->phase = stop->evaluations > 0 ? FIRST : DONE;
}

const double *lbfgs_next(const struct lbfgs *l)
{
	return l->phase == DONE ? NULL : l->trial;
}

const double *lbfgs_best(const struct lbfgs *l, double *f)
{
	*f = l->f;
	return l->x;
}

uint32_t lbfgs_evaluations(const struct lbfgs *l)
{
	return l->evaluations;
}

/* Marks what is held and returns the largest component of the projected gradient. */
static double hold(struct lbfgs *l)
{
	double largest = 0;

	for (uint32_t j = 0; j < l->n; j++) {
		double move = fabs(project(l, j, l->x[j] - l->gradient[j]) - l->x[j]);

		l->held[j] = (l->x[j] <= l->low[j] && l->gradient[j] >= 0) ||
					 (l->x[j] >= l->high[j] && l->gradient[j] <= 0);
		if (move > largest)
			largest = move;
	}
	return largest;
}

static void point_downhill(struct lbfgs *l)
{
	double length, wanted = l->stop.first_step > 0 ? l->stop.first_step : 1;

	for (uint32_t j = 0; j < l->n; j++)
		l->direction[j] = l->held[j] ? 0 : -l->gradient[j];
	length = sqrt(dot(l->n, l->direction, l->direction));
	for (uint32_t j = 0; j < l->n; j++)
		l->direction[j] *= wanted / fmax(length, 1);
	l->steepest = true;
}

/* Dot products over the free variables only: the pairs of the face on which the search moves. */
static double free_dot(const struct lbfgs *l, const double *a, const double *b)
{
	double sum = 0;

	for (uint32_t j = 0; j < l->n; j++)
		sum += l->held[j] ? 0 : a[j] * b[j];
	return sum;
}

/* The two-loop recursion on the free variables; false if no pair has curvature there. */
static bool recurse(struct lbfgs *l)
{
	double *q = l->direction, rho[PAIRS], alpha[PAIRS], scale = 0;

	for (uint32_t j = 0; j < l->n; j++)
		q[j] = l->held[j] ? 0 : -l->gradient[j];
	for (uint32_t k = 1; k <= l->pairs; k++) {
		uint32_t i = (l->newest + PAIRS - k) % PAIRS;
		double sy = free_dot(l, l->s[i], l->y[i]), yy = free_dot(l, l->y[i], l->y[i]);

		rho[i] = 0;
		if (!(sy > CURVATURE * yy))
			continue;
		rho[i] = 1 / sy;
		scale = scale > 0 ? scale : sy / yy;
		alpha[i] = rho[i] * free_dot(l, l->s[i], q);
		for (uint32_t j = 0; j < l->n; j++)
			q[j] -= l->held[j] ? 0 : alpha[i] * l->y[i][j];
	}
	if (!(scale > 0))
		return false;
	for (uint32_t j = 0; j < l->n; j++)
		q[j] *= scale;
	for (uint32_t k = l->pairs; k >= 1; k--) {
		uint32_t i = (l->newest + PAIRS - k) % PAIRS;
		double beta = rho[i] * free_dot(l, l->y[i], q);

		for (uint32_t j = 0; j < l->n && rho[i] > 0; j++)
			q[j] += l->held[j] ? 0 : (alpha[i] - beta) * l->s[i][j];
	}
	return true;
}

/* The next point on the line; false if it is the one where the search stands. */
static bool walk(struct lbfgs *l)
{
	bool moved = false;

	for (uint32_t j = 0; j < l->n; j++) {
		l->trial[j] = project(l, j, l->x[j] + l->step * l->direction[j]);
		moved |= l->trial[j] != l->x[j];
	}
	return moved;
}

static void choose_direction(struct lbfgs *l)
{
	double slope;

	l->steepest = !recurse(l);
	slope = dot(l->n, l->direction, l->gradient);
	if (l->steepest || !(slope < 0) || !isfinite(slope))
		point_downhill(l);
	l->step = 1;
	l->cuts = 0;
	l->phase = walk(l) ? LINE : DONE;
}

static void keep_pair(struct lbfgs *l)
{
	double *s = l->s[l->newest], *y = l->y[l->newest];

	for (uint32_t j = 0; j < l->n; j++) {
		s[j] = l->trial[j] - l->x[j];
		y[j] = l->trial_gradient[j] - l->gradient[j];
	}
	if (!(dot(l->n, s, y) > CURVATURE * dot(l->n, y, y)))
		return;
	l->newest = (l->newest + 1) % PAIRS;
	if (l->pairs < PAIRS)
		l->pairs++;
}

static void accept(struct lbfgs *l, double f)
{
	double drop = l->f - f;

	if (l->phase == LINE)
		keep_pair(l);
	memcpy(l->x, l->trial, l->n * sizeof(*l->x));
	memcpy(l->gradient, l->trial_gradient, l->n * sizeof(*l->gradient));
	l->f = f;
	l->iterations += l->phase == LINE;
	if (hold(l) <= l->stop.gradient || l->iterations >= l->stop.iterations ||
		(l->phase == LINE && drop <= fmax(l->stop.drop, l->stop.decrease * fmax(fabs(f), 1))))
		l->phase = DONE;
	else
		choose_direction(l);
}

/* Where the parabola through the two values and the slope has its minimum, within limits. */
static double shorter(double step, double slope, double rise)
{
	double best = -slope * step / (2 * (rise - slope));

	return isfinite(best) ? fmin(fmax(best, 0.1 * step), 0.5 * step) : 0.1 * step;
}

static void reject(struct lbfgs *l, double f, double slope)
{
	l->step = shorter(l->step, slope, f - l->f);
	if (++l->cuts < CUTS && walk(l))
		return;
	if (l->steepest) {
		l->phase = DONE;
		return;
	}
	l->pairs = 0;
	choose_direction(l);
}

static bool all_finite(uint32_t n, double f, const double *gradient)
{
	for (uint32_t j = 0; j < n; j++)
		if (!isfinite(gradient[j]))
			return false;
	return isfinite(f);
}

void lbfgs_tell(struct lbfgs *l, double f, const double *gradient)
{
	double slope = 0;

	ALGO_ASSERT(l->phase != DONE);
	l->evaluations++;
	if (!all_finite(l->n, f, gradient))
		f = INFINITY;
	if (l->phase == FIRST && !isfinite(f)) {
		l->phase = DONE;
		return;
	}
	for (uint32_t j = 0; j < l->n && l->phase == LINE; j++)
		slope += l->gradient[j] * (l->trial[j] - l->x[j]);
	if (l->phase == FIRST || (isfinite(f) && f <= l->f + ARMIJO * fmin(slope, 0))) {
		memmove(l->trial_gradient, gradient, l->n * sizeof(*gradient));
		accept(l, f);
	} else {
		reject(l, f, slope);
	}
	if (l->evaluations >= l->stop.evaluations)
		l->phase = DONE;
}

double lbfgs_minimize(struct lbfgs *l, double *x, const double *low, const double *high,
	const struct lbfgs_stop *stop, lbfgs_function *f, void *ctx, const atomic_bool *cancel)
{
	double *gradient = l->trial_gradient, value;
	const double *at;

	lbfgs_begin(l, x, low, high, stop);
	while ((at = lbfgs_next(l))) {
		if (cancel && atomic_load_explicit(cancel, memory_order_relaxed))
			break;
		value = f(ctx, at, gradient);
		lbfgs_tell(l, value, gradient);
	}
	memcpy(x, lbfgs_best(l, &value), l->n * sizeof(*x));
	return value;
}
