/* The table that compares searches: geometric means of median regrets over random search's. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/search/results.h"

enum { SETS_MAX = 16, PROBLEMS_MAX = 1024, SEEDS_MAX = 1024 };
static const double ratio_min = 0.001;  /* one exact hit must not decide                       */

struct table {
	const struct runs *all;
	char *const *whos;
	const char *baseline;
	uint32_t parallel;
};

struct score {
	double ratio[CHECKPOINTS];          /* NaN: one of the two has no runs                     */
	double ms[CHECKPOINTS];
};

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *values, size_t n)
{
	if (n == 0)
		return NAN;
	qsort(values, n, sizeof(*values), compare);
	return n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

static double median_of(const struct table *t, const char *who, const char *problem, uint32_t parallel,
	uint32_t checkpoint, bool ms)
{
	double values[SEEDS_MAX];
	size_t n = 0;

	for (size_t i = 0; i < t->all->n && n < SEEDS_MAX; i++) {
		const struct run *r = &t->all->items[i];
		double v = ms ? r->ms[checkpoint] : r->regret[checkpoint];

		if (r->parallel == parallel && !isnan(v) && strcmp(r->problem, problem) == 0 &&
			strcmp(r->who, who) == 0)
			values[n++] = v;
	}
	return median(values, n);
}

/* Random search that is at the optimum already says nothing: every search counts as equal to it. */
static double ratio_of(double regret, double of_random)
{
	if (isnan(regret) || isnan(of_random))
		return NAN;
	return of_random > 0 ? fmax(regret / of_random, ratio_min) : 1;
}

static struct score score_of(const struct table *t, const char *who, const char *problem)
{
	struct score s;

	for (uint32_t k = 0; k < CHECKPOINTS; k++) {
		double of_random = median_of(t, t->baseline, problem, 1, k, false);

		s.ratio[k] = ratio_of(median_of(t, who, problem, t->parallel, k, false), of_random);
		s.ms[k] = median_of(t, who, problem, t->parallel, k, true);
	}
	return s;
}

/* ---- the sets and problems that occur ---------------------------------------------------------- */

static size_t collect(const struct runs *all, const char *who, uint32_t parallel, const char **problems)
{
	size_t n = 0;

	for (size_t i = 0; i < all->n && n < PROBLEMS_MAX; i++) {
		const struct run *r = &all->items[i];
		size_t k = 0;

		if (r->parallel != parallel || strcmp(r->who, who) != 0)
			continue;
		while (k < n && strcmp(problems[k], r->problem) != 0)
			k++;
		if (k == n)
			problems[n++] = r->problem;
	}
	return n;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool in_set(const char *problem, const char *set, size_t length)
{
	return strncmp(problem, set, length) == 0 && problem[length] == '/';
}

static uint32_t seeds_of(const struct table *t, const char *who, const char *problem)
{
	uint32_t n = 0;

	for (size_t i = 0; i < t->all->n; i++) {
		const struct run *r = &t->all->items[i];

		n += r->parallel == t->parallel && strcmp(r->problem, problem) == 0 && strcmp(r->who, who) == 0;
	}
	return n;
}

/* ---- printing ---------------------------------------------------------------------------------- */

static void print_numbers(const double *v, int width)
{
	for (uint32_t k = 0; k < CHECKPOINTS; k++) {
		if (isnan(v[k]))
			printf("%*s", width, "-");
		else
			printf("%*.4g", width, v[k]);
	}
}

/* One row: means over the problems of the set, and how often better than the first search. */
static void print_row(const struct table *t, const char *who, const char *const *problems, size_t n)
{
	double logs[CHECKPOINTS] = {0}, ms[CHECKPOINTS] = {0};
	uint32_t counts[CHECKPOINTS] = {0}, better[CHECKPOINTS] = {0}, worse[CHECKPOINTS] = {0};
	uint32_t seeds = n ? seeds_of(t, who, problems[0]) : 0;

	for (size_t i = 0; i < n; i++) {
		struct score s = score_of(t, who, problems[i]);
		struct score f = score_of(t, t->whos[0], problems[i]);

		for (uint32_t k = 0; k < CHECKPOINTS; k++) {
			if (isnan(s.ratio[k]))
				continue;
			logs[k] += log(s.ratio[k]);
			ms[k] += s.ms[k];
			counts[k]++;
			better[k] += s.ratio[k] < f.ratio[k];
			worse[k] += s.ratio[k] > f.ratio[k];
		}
	}
	for (uint32_t k = 0; k < CHECKPOINTS; k++) {
		logs[k] = counts[k] ? exp(logs[k] / counts[k]) : NAN;
		ms[k] = counts[k] ? ms[k] / counts[k] : NAN;
	}
	if (seeds == 0)
		return;
	printf("  %-40s %3u x %-3u", who, counts[0], seeds);
	print_numbers(logs, 9);
	printf("   %3u:%-3u %3u:%-3u  ", better[1], worse[1], better[2], worse[2]);
	print_numbers(ms, 9);
	printf("\n");
}

static void print_set(const struct table *t, const char *const *problems, size_t n, bool per_problem)
{
	int length = (int)strcspn(problems[0], "/");

	printf("%.*s%*s%9u%9u%9u%9u   50 b:w 100 b:w  ms at%4u%9u%9u%9u\n", length, problems[0],
		53 - length, "problems x seeds", checkpoints[0], checkpoints[1], checkpoints[2], checkpoints[3],
		checkpoints[0], checkpoints[1], checkpoints[2], checkpoints[3]);
	for (size_t i = 0; t->whos[i]; i++)
		print_row(t, t->whos[i], problems, n);
	for (size_t i = 0; per_problem && i < n; i++) {
		for (size_t k = 0; t->whos[k]; k++) {
			struct score s = score_of(t, t->whos[k], problems[i]);

			printf("    %-44s %-24s", k ? "" : problems[i], t->whos[k]);
			print_numbers(s.ratio, 9);
			printf("\n");
		}
	}
}

void runs_report(
	const struct runs *all, char *const *whos, const char *baseline, uint32_t parallel, bool per_problem)
{
	const struct table t = {.all = all, .whos = whos, .baseline = baseline, .parallel = parallel};
	const char *problems[PROBLEMS_MAX];
	size_t n = whos[0] ? collect(all, whos[0], parallel, problems) : 0;

	qsort(problems, n, sizeof(*problems), by_name);
	for (size_t i = 0; i < n;) {
		size_t length = strcspn(problems[i], "/"), k = i;

		while (k < n && in_set(problems[k], problems[i], length))
			k++;
		print_set(&t, problems + i, k - i, per_problem);
		i = k;
	}
}
