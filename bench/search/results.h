/*
 * The results of the search benchmark: one JSON line per run in DIR/WHO.jsonl, in a form that the
 * other programs of the benchmark read and write too.
 *
 * {"who":"trimtab-gp","problem":"tables/x","seed":1,"parallel":1,"trials":100,
 *  "regret":[1,0.1234,2,0.1,5,0.05],"ms":[20,0.3,50,0.9,100,2.1]}
 *
 * regret: pairs (n, regret of the incumbent after n trials), at n = 1..20, 30, 40, ..., 200, 300, ...
 * and only where it differs from the pair before. ms: pairs (n, processor milliseconds of a suggestion,
 * the mean of the last ten before n), at n = 20, 50, 100, 200, 500, 1000.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bench/search/study.h"

enum { CHECKPOINTS = 4, MS_POINTS = 6, WHO_MAX = 96 };
extern const uint32_t checkpoints[CHECKPOINTS];     /* trials at which searches are compared   */

struct run {
	char who[WHO_MAX], problem[PROBLEM_NAME_MAX];
	uint64_t seed;
	uint32_t parallel, trials;
	double regret[CHECKPOINTS]; /* NaN: did not get as far                                     */
	double ms[CHECKPOINTS];
};

struct runs {
	struct run *items;
	size_t n, size;
};

/* Adds what stands in DIR/WHO.jsonl; a file that is not there holds nothing. False: no memory. */
bool runs_read(struct runs *all, const char *dir, const char *who);
/* The names WHO of the files in DIR, sorted; NULL-ended; freed by runs_free_names(). */
char **runs_names(const char *dir);
void runs_free_names(char **names);
bool runs_have(const struct runs *all, const char *who, const char *problem, uint64_t seed, uint32_t parallel,
	uint32_t trials);
/* Appends a line to the file and the run to the list. */
bool runs_append(struct runs *all, const char *dir, const char *who, const struct study_plan *plan,
	const struct study_result *result);
void runs_free(struct runs *all);

/*
 * Prints one table per set of problems that occur with whos[0]: the geometric mean over the problems of the median regret over
 * random search's, each ratio counted as at least 0.001; the share of the problems on which a search
 * is better than the first one listed at 50 and at 100 trials; processor time.
 */
void runs_report(const struct runs *all, char *const *whos, const char *baseline, uint32_t parallel,
	bool per_problem);
