/*
 * Measured tables: every configuration of a grid was really trained, with several seeds (HPOBench,
 * HPOLib, NAS-Bench-201; bench/README.md).
 *
 * tables/x: the value is the mean over the seeds, as in most papers. draws/x: every trial gets the
 * value of one seed, drawn, and is scored by it against the best single value; that is how the numbers
 * of Watanabe's TPE papers were made.
 *
 * A folder of tables holds NAME.txt (name, mode, seeds, rows, then one `param` line per parameter with
 * its type and values) and NAME.f32 (rows x seeds of little-endian float32, NaN where a run is
 * missing; the row is a mixed-radix number over the parameters, the last one fastest).
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "algorithms/rng.h"
#include "bench/search/files.h"
#include "bench/search/problem.h"

enum { LEVELS_MAX = 64, ROWS_MAX = 1 << 20, SEEDS_MAX = 16, TABLES_MAX = 256 };

struct table {
	char name[64];
	bool maximize;
	uint32_t seeds, rows, n_params;
	struct problem_param params[PROBLEM_PARAMS_MAX];
	const float *values;        /* rows x seeds                                                */
	double best_mean, best_draw, median;
};

static double mean_of(const struct table *t, uint32_t row)
{
	double sum = 0;
	uint32_t n = 0;

	for (uint32_t k = 0; k < t->seeds; k++) {
		double v = (double)t->values[(size_t)row * t->seeds + k];

		if (isfinite(v)) {
			sum += v;
			n++;
		}
	}
	return n > 0 ? sum / n : NAN;
}

static uint32_t row_of(const struct table *t, const double *x)
{
	uint32_t row = 0;

	for (uint32_t j = 0; j < t->n_params; j++)
		row = row * t->params[j].space.n_values + (uint32_t)x[j];
	return row;
}

static double evaluate_mean(const struct problem *p, const double *x, uint64_t draw)
{
	const struct table *t = p->data;

	(void)draw;
	return mean_of(t, row_of(t, x));
}

/* A seed that was run: missing ones are passed over. */
static double evaluate_draw(const struct problem *p, const double *x, uint64_t draw)
{
	const struct table *t = p->data;
	uint32_t row = row_of(t, x), k;
	struct rng rng = rng_seeded(draw);

	if (draw == 0)
		return mean_of(t, row);
	k = (uint32_t)rng_below(&rng, t->seeds);
	for (uint32_t i = 0; i < t->seeds; i++, k = (k + 1) % t->seeds) {
		double v = (double)t->values[(size_t)row * t->seeds + k];

		if (isfinite(v))
			return v;
	}
	return NAN;
}

/* ---- reading ----------------------------------------------------------------------------------- */

/* "param NAME TYPE value value ...": all but cat are ordered numbers. The line is cut up and kept. */
static bool read_param(struct problems *all, struct table *t, char *line)
{
	struct problem_param *p = &t->params[t->n_params];
	char *rest = line, *type;
	double *values = problems_own(all, LEVELS_MAX * sizeof(*values));
	const char **labels = problems_own(all, LEVELS_MAX * sizeof(*labels));

	if (!values || !labels || t->n_params == PROBLEM_PARAMS_MAX)
		return false;
	strtok_r(NULL, " ", &rest); /* "param" */
	p->name = strtok_r(NULL, " ", &rest);
	type = strtok_r(NULL, " ", &rest);
	if (!type)
		return false;
	p->space.kind = strcmp(type, "cat") == 0 ? SPACE_CATEGORICAL : SPACE_DISCRETE;
	for (char *word; (word = strtok_r(NULL, " ", &rest)); p->space.n_values++) {
		if (p->space.n_values == LEVELS_MAX)
			return false;
		labels[p->space.n_values] = word;
		values[p->space.n_values] = strtod(word, NULL);
	}
	p->space.values = p->space.kind == SPACE_DISCRETE ? values : NULL;
	p->labels = p->space.kind == SPACE_CATEGORICAL ? labels : NULL;
	t->n_params++;
	return p->space.n_values > 0;
}

static bool read_header(struct problems *all, struct table *t, char *text)
{
	char *rest = text;
	uint64_t rows = 1;

	for (char *line; (line = strtok_r(NULL, "\n", &rest));) {
		if (strncmp(line, "mode ", 5) == 0)
			t->maximize = strcmp(line + 5, "maximize") == 0;
		else if (strncmp(line, "seeds ", 6) == 0)
			t->seeds = (uint32_t)strtoul(line + 6, NULL, 10);
		else if (strncmp(line, "rows ", 5) == 0)
			t->rows = (uint32_t)strtoul(line + 5, NULL, 10);
		else if (strncmp(line, "param ", 6) == 0 && !read_param(all, t, line))
			return false;
	}
	for (uint32_t j = 0; j < t->n_params && rows <= ROWS_MAX; j++)
		rows *= t->params[j].space.n_values;
	return t->rows == rows && rows <= ROWS_MAX && t->seeds >= 1 && t->seeds <= SEEDS_MAX;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static bool summarise(struct table *t)
{
	double *means = malloc(t->rows * sizeof(*means));
	uint32_t n = 0;

	if (!means)
		return false;
	t->best_mean = t->best_draw = t->maximize ? -INFINITY : INFINITY;
	for (uint32_t i = 0; i < t->rows; i++) {
		double mean = mean_of(t, i);

		if (isfinite(mean))
			means[n++] = mean;
		for (uint32_t k = 0; k < t->seeds; k++) {
			double v = (double)t->values[(size_t)i * t->seeds + k];

			t->best_draw = t->maximize ? fmax(t->best_draw, v) : fmin(t->best_draw, v);
		}
	}
	qsort(means, n, sizeof(*means), compare);
	if (n > 0) {
		t->median = means[n / 2];
		t->best_mean = means[t->maximize ? n - 1 : 0];
	}
	free(means);
	return n > 0;
}

static struct table *read_table(struct problems *all, const char *folder, const char *name)
{
	struct table *t = problems_own(all, sizeof(*t));
	char *text = file_text(all, folder, "tab", name, "txt");
	size_t n;

	if (!t || !text || !read_header(all, t, text))
		return NULL;
	t->values = file_floats(all, folder, "tab", name, &n);
	if (!t->values || n != (size_t)t->rows * t->seeds || !summarise(t))
		return NULL;
	file_problem_name(t->name, sizeof(t->name), name);
	return t;
}

/* Tables of one benchmark, "hpobench-car" and "hpobench-phoneme", are related if their spaces agree. */
static const struct table *related(const struct table *const *tables, size_t n, const struct table *t)
{
	size_t length = strcspn(t->name, "-");

	for (size_t i = 0; i < n; i++)
		if (strncmp(tables[i]->name, t->name, length + 1) == 0 && tables[i]->rows == t->rows &&
			tables[i]->n_params == t->n_params)
			return tables[i];
	return t;
}

void problems_add_tables(struct problems *all, const char *folder)
{
	char **names = file_names(all, folder, "tab", "txt");
	const struct table *tables[TABLES_MAX];

	for (size_t i = 0; names && names[i] && i < TABLES_MAX; i++) {
		struct table *t = read_table(all, folder, names[i]);
		struct problem p = {.evaluate = evaluate_mean, .data = t};

		if (!t) {
			problems_fail(all);
			return;
		}
		tables[i] = t;
		p.family = related(tables, i, t);
		p.maximize = t->maximize;
		p.best = t->best_mean;
		p.median = t->median;
		p.params = t->params;
		p.n_params = t->n_params;
		snprintf(p.name, sizeof(p.name), "tables/%s", t->name);
		problems_add(all, &p);
		p.family = NULL;
		p.evaluate = evaluate_draw;
		p.best = t->best_draw;
		p.noisy = p.draws_count = true;
		snprintf(p.name, sizeof(p.name), "draws/%s", t->name);
		problems_add(all, &p);
	}
}
