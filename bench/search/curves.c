/*
 * Learning curves of TaskSet (Metz et al. 2020): 1,000 random configurations of an optimiser's eight
 * parameters on a text classification task, the validation loss at 51 steps of each.
 *
 * The configurations lie nowhere in particular, so a trial gets the curve of the nearest one, in the unit
 * cube (logarithms where the file says so): a function made of plateaus. Its value is the loss at the
 * last step. NAME.txt names the columns, NAME.f32 holds rows x (parameters, then the losses).
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/search/files.h"
#include "bench/search/problem.h"

enum { PARAMS = 8, STEPS = 51, COLUMNS = PARAMS + STEPS };

struct curves {
	uint32_t rows;
	const float *values;
	struct problem_param params[PARAMS];
};

static double unit(const struct problem_param *p, double x)
{
	if (p->space.distribution == SPACE_LOG_UNIFORM)
		return log(x / p->space.min) / log(p->space.max / p->space.min);
	return (x - p->space.min) / (p->space.max - p->space.min);
}

static uint32_t nearest(const struct curves *c, const double *x)
{
	double least = INFINITY;
	uint32_t best = 0;

	for (uint32_t i = 0; i < c->rows; i++) {
		const float *row = c->values + (size_t)i * COLUMNS;
		double sum = 0;

		for (uint32_t j = 0; j < PARAMS && sum < least; j++) {
			double z = unit(&c->params[j], x[j]) - unit(&c->params[j], (double)row[j]);

			sum += z * z;
		}
		if (sum < least) {
			least = sum;
			best = i;
		}
	}
	return best;
}

static double evaluate(const struct problem *p, const double *x, uint64_t draw)
{
	const struct curves *c = p->data;

	(void)draw;
	return (double)c->values[(size_t)nearest(c, x) * COLUMNS + COLUMNS - 1];
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
	return n == PARAMS && c->rows > 0;
}

/* The box is that of the configurations; a loss that is missing or infinite is a failed trial. */
static bool read_ranges(struct curves *c, double *best, size_t n)
{
	if (n != (size_t)c->rows * COLUMNS)
		return false;
	*best = INFINITY;
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
	for (uint32_t i = 0; i < c->rows; i++)
		*best = fmin(*best, (double)c->values[(size_t)i * COLUMNS + COLUMNS - 1]);
	return true;
}

void problems_add_curves(struct problems *all, const char *folder)
{
	char **names = file_names(all, folder, "lc", "txt");

	for (size_t i = 0; names && names[i]; i++) {
		struct curves *c = problems_own(all, sizeof(*c));
		char *text = file_text(all, folder, "lc", names[i], "txt");
		struct problem p = {.median = NAN, .n_params = PARAMS, .evaluate = evaluate, .data = c};
		char name[128];
		size_t n = 0;

		if (c && text)
			c->values = file_floats(all, folder, "lc", names[i], &n);
		if (!c || !text || !c->values || !read_columns(c, text) || !read_ranges(c, &p.best, n)) {
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
