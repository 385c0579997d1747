/*
 * Learning curves of TaskSet (Metz et al. 2020): 1,000 random configurations of an optimiser's eight
 * parameters on a text classification task, the validation loss at 51 steps of each.
 *
 * The configurations lie nowhere in particular, so a trial gets the mean of its neighbours' curves in the
 * unit cube (logarithms where the file says so), weighted by a Gaussian as wide as the neighbourhood: the
 * value of the nearest one alone would be a function of plateaus, in which whoever exploits stands still.
 * Where the nearest one has no loss, the trial fails. The value is the loss at the last step, bounded.
 * NAME.txt names the columns, NAME.f32 holds rows x (parameters, then the losses).
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/search/files.h"
#include "bench/search/problem.h"

enum { PARAMS = 8, STEPS = 51, COLUMNS = PARAMS + STEPS, NEIGHBOURS = 10, ROWS_MAX = 100000 };

struct curves {
	uint32_t rows;
	const float *values;
	double *places;             /* rows x PARAMS, on the unit scales                           */
	double bound;               /* of the loss: what diverged is only bad                      */
	struct problem_param params[PARAMS];
};

static double unit(const struct problem_param *p, double x)
{
	if (p->space.distribution == SPACE_LOG_UNIFORM)
		return log(x / p->space.min) / log(p->space.max / p->space.min);
	return (x - p->space.min) / (p->space.max - p->space.min);
}

struct neighbour {
	double distance;            /* squared                                                     */
	uint32_t row;
};

static double loss_of(const struct curves *c, uint32_t row, uint32_t step)
{
	return (double)c->values[(size_t)row * COLUMNS + PARAMS + step - 1];
}

/* Keeps the NEIGHBOURS nearest, by distance. */
static void offer(struct neighbour *near, uint32_t *n, struct neighbour one)
{
	uint32_t k = *n < NEIGHBOURS ? (*n)++ : NEIGHBOURS - 1;

	for (; k > 0 && near[k - 1].distance > one.distance; k--)
		near[k] = near[k - 1];
	near[k] = one;
}

static uint32_t neighbours(const struct curves *c, const double *x, struct neighbour *near)
{
	double u[PARAMS];
	uint32_t n = 0;

	for (uint32_t j = 0; j < PARAMS; j++)
		u[j] = unit(&c->params[j], x[j]);
	for (uint32_t i = 0; i < c->rows; i++) {
		struct neighbour one = {.row = i};

		for (uint32_t j = 0; j < PARAMS; j++)
			one.distance += (u[j] - c->places[i * PARAMS + j]) * (u[j] - c->places[i * PARAMS + j]);
		if (n < NEIGHBOURS || one.distance < near[n - 1].distance)
			offer(near, &n, one);
	}
	return n;
}

static double smooth_loss(const struct curves *c, const double *x, uint32_t step)
{
	struct neighbour near[NEIGHBOURS] = {0};
	uint32_t n = neighbours(c, x, near);
	double sum = 0, weights = 0, width = near[n - 1].distance;

	if (!isfinite(loss_of(c, near[0].row, step)))
		return NAN;
	for (uint32_t k = 0; k < n; k++) {
		double w = width > 0 ? exp(-2 * near[k].distance / width) : 1, loss = loss_of(c, near[k].row, step);

		if (isfinite(loss)) {
			sum += w * fmin(loss, c->bound);
			weights += w;
		}
	}
	return sum / weights;
}

static double evaluate(const struct problem *p, const double *x, uint64_t draw)
{
	(void)draw;
	return smooth_loss(p->data, x, STEPS);
}

/* Every step takes as long as every other. */
static double report(const struct problem *p, const double *x, uint32_t step, double *seconds)
{
	*seconds = step;
	return smooth_loss(p->data, x, step);
}

/* "cols NAME ... then 51 validation losses ...", "log_cols NAME ..." */
static bool read_columns(struct curves *c, char *text)
{
	char *rest = text, *words;
	uint32_t n = 0;

	for (char *line; (line = strtok_r(NULL, "\n", &rest));) {
		bool logs = strncmp(line, "log_cols ", 9) == 0;

		if (strncmp(line, "rows ", 5) == 0)
			c->rows = (uint32_t)strtoul(line + 5, NULL, 10);
		if (!logs && strncmp(line, "cols ", 5) != 0)
			continue;
		words = line + (logs ? 9 : 5);
		for (char *word; (word = strtok_r(NULL, " ", &words)) && strcmp(word, "then") != 0;) {
			for (uint32_t j = 0; logs && j < n; j++)
				if (strcmp(c->params[j].name, word) == 0)
					c->params[j].space.distribution = SPACE_LOG_UNIFORM;
			if (!logs && n < PARAMS)
				c->params[n++].name = word;
		}
	}
	return n == PARAMS && c->rows >= NEIGHBOURS && c->rows <= ROWS_MAX;
}

/* The box is that of the configurations. */
static bool read_ranges(struct curves *c)
{
	for (uint32_t j = 0; j < PARAMS; j++) {
		struct space_param *p = &c->params[j].space;

		p->min = INFINITY;
		p->max = -INFINITY;
		for (uint32_t i = 0; i < c->rows; i++) {
			double v = (double)c->values[(size_t)i * COLUMNS + j];

			p->min = fmin(p->min, v);
			p->max = fmax(p->max, v);
		}
		if (!(p->min < p->max) || (p->distribution == SPACE_LOG_UNIFORM && !(p->min > 0)))
			return false;
	}
	return true;
}

/* Twice the least loss at the first step bounds the losses; the least smooth loss at a configuration is
 * taken for the least of all. */
static bool prepare(struct problems *all, struct curves *c, double *best)
{
	c->places = problems_own(all, (size_t)c->rows * PARAMS * sizeof(*c->places));
	if (!c->places)
		return false;
	c->bound = INFINITY;
	*best = INFINITY;
	for (uint32_t i = 0; i < c->rows; i++) {
		const float *row = c->values + (size_t)i * COLUMNS;

		c->bound = fmin(c->bound, 2 * (double)row[PARAMS]);
		for (uint32_t j = 0; j < PARAMS; j++)
			c->places[i * PARAMS + j] = unit(&c->params[j], (double)row[j]);
	}
	for (uint32_t i = 0; i < c->rows; i++) {
		double x[PARAMS];

		for (uint32_t j = 0; j < PARAMS; j++)
			x[j] = (double)c->values[(size_t)i * COLUMNS + j];
		*best = fmin(*best, smooth_loss(c, x, STEPS));
	}
	return isfinite(*best);
}

void problems_add_curves(struct problems *all, const char *folder)
{
	char **names = file_names(all, folder, "lc", "txt");

	for (size_t i = 0; names && names[i]; i++) {
		struct curves *c = problems_own(all, sizeof(*c));
		char *text = file_text(all, folder, "lc", names[i], "txt");
		struct problem p = {.median = NAN,
			.n_params = PARAMS,
			.evaluate = evaluate,
			.data = c,
			.steps = STEPS,
			.report = report};
		char name[128];
		size_t n = 0;

		if (c && text)
			c->values = file_floats(all, folder, "lc", names[i], &n);
		if (!c || !text || !c->values || !read_columns(c, text) ||
			n != (size_t)c->rows * COLUMNS || !read_ranges(c) || !prepare(all, c, &p.best)) {
			problems_fail(all);
			return;
		}
		p.params = c->params;
		file_problem_name(name, sizeof(name), names[i]);
		/* "taskset-FixedTextRNNClassification-imdb-patch32-GRU128-bs128": the first words are alike */
		snprintf(p.name, sizeof(p.name), "curves/%.60s", strstr(name, "imdb-") ? strstr(name, "imdb-") : name);
		problems_add(all, &p);
	}
}
