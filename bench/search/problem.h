/*
 * The problems of the search benchmark: functions to minimise or maximise, each with its search space
 * and what is known about its values.
 *
 * A problem is evaluated at natural values in the order of its parameters, as in algorithms/space.h:
 * discrete and categorical ones by the index into their list, NaN where a parameter is inactive.
 * Evaluating changes nothing, so threads may share a list; opening and closing may not overlap it.
 *
 * problems_open() collects them from the files of this folder (problems_add_*). Those with measured
 * data need a folder that holds it (bench/README.md tells where it comes from); without it they are
 * left out. The instance shifts and rotates what can be: instance 1 is the benchmark, the others show
 * whether an algorithm was tuned to it.
 *
 * The second half is also the interface of the shared library libtrimtab-problems.so, through which
 * other programs evaluate the same functions: plain C types, no structures.
 *
 * Ownership: the list owns every text and number that it hands out, until problems_close().
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "algorithms/space.h"

enum { PROBLEM_NAME_MAX = 72, PROBLEM_PARAMS_MAX = 64, PROBLEM_OBJECTIVES_MAX = 3 };

struct problem_param {
	const char *name;
	struct space_param space;   /* `values` and `labels` are not copied: they must stay        */
	const char *const *labels;  /* categorical; NULL: the indices                              */
	/* Active only if parameter `parent` (an earlier, categorical one) has a value whose bit is set;
	 * 0: always. The parent must be active itself. */
	uint32_t when;
	uint32_t parent;
};

struct problem;

/* Of a problem with several objectives: a search is scored by the hypervolume that its trials leave out. */
struct problem_objectives {
	uint32_t n;
	bool maximize[PROBLEM_OBJECTIVES_MAX];
	double reference[PROBLEM_OBJECTIVES_MAX];   /* what is worse in any of them adds nothing   */
	double volume;              /* between the whole front and the reference                   */
	void (*evaluate)(const struct problem *p, const double *x, double *values);
};

struct problem {
	char name[PROBLEM_NAME_MAX];        /* "tables/hpobench-car": its set, then itself         */
	bool maximize;
	bool noisy;                         /* draws differ                                        */
	double best;                        /* the value that nothing is better than               */
	double median;                      /* of the space, NaN: unknown                          */
	const double *optimum;              /* a place where `best` is taken; NULL: not known      */
	const struct problem_param *params;
	uint32_t n_params;
	/* The value at x. `draw` chooses the noise of a noisy problem; 0 is the value without it. */
	double (*evaluate)(const struct problem *p, const double *x, uint64_t draw);
	const void *data;                   /* what evaluate() needs, or NULL                      */
	uint32_t number;                    /* likewise                                            */
	bool draws_count;                   /* noisy: the regret is that of the value drawn        */
	const void *family;                 /* related tasks on one space share it; NULL: none     */
	/* NULL: one objective. Else evaluate(), maximize, best and optimum are the first one's. */
	const struct problem_objectives *several;
	/* What a trial reports: the value after `step` of `steps` parts of its training, 1 <= step, and the
	 * seconds since its start. evaluate() is the last one. steps is 0 where only that is known. */
	uint32_t steps;
	double (*report)(const struct problem *p, const double *x, uint32_t step, double *seconds);
};

struct problems;

/* ---- for the files of problems ----------------------------------------------------------------- */

/* Zeroed memory that lives as long as the list. NULL: none, and problems_open() will fail. */
void *problems_own(struct problems *all, size_t size);
/* Copies *p and keeps the rest. */
void problems_add(struct problems *all, const struct problem *p);
void problems_fail(struct problems *all);       /* damaged data: problems_open() will fail     */
uint32_t problems_instance(const struct problems *all);

void problems_add_functions(struct problems *all);
void problems_add_bbob(struct problems *all);
void problems_add_mixed(struct problems *all);
void problems_add_planted(struct problems *all);
void problems_add_multi(struct problems *all);
void problems_add_noisy(struct problems *all);          /* after those it makes noisy         */
void problems_add_tables(struct problems *all, const char *folder);
void problems_add_yahpo(struct problems *all, const char *folder);
void problems_add_curves(struct problems *all, const char *folder);

/* ---- for those who solve them, also in the shared library -------------------------------------- */

/* `folder` holds the data; NULL or "": none. instance >= 1. NULL: no memory, or damaged data. */
struct problems *problems_open(const char *folder, uint32_t instance);
void problems_close(struct problems *all);
uint32_t problems_count(const struct problems *all);
const char *problems_name(const struct problems *all, uint32_t i);
/*
 * The problem as JSON:
 * {"name": "tables/x", "maximize": false, "noisy": false, "best": 0.1, "median": 0.4 or null,
 *  "parameters": [{"name": "lr", "type": "double", "min": 1e-5, "max": 1, "log": true},
 *                 {"name": "width", "type": "int", "min": 1, "max": 64, "log": false},
 *                 {"name": "batch", "type": "discrete", "values": [4, 8, 64]},
 *                 {"name": "op", "type": "categorical", "values": ["relu", "tanh"],
 *                  "when": {"parameter": 0, "values": [1, 2]}}]}
 * With several objectives also "objectives": ["minimize", "maximize"].
 * "when" names the parent by its place in the list and its values by their indices. A discrete list is
 * in ascending order.
 */
const char *problems_text(const struct problems *all, uint32_t i);
/* x: one double per parameter. What an algorithm is told: `draw` differs for every trial (never 0). */
double problems_evaluate(const struct problems *all, uint32_t i, const double *x, uint64_t draw);
/* How far the trial at x, told as `value`, is from the best: >= 0, smaller is better. A search is
 * scored by the regret of the trial whose value was the best so far. */
double problems_regret(const struct problems *all, uint32_t i, const double *x, double value);
/* Several objectives: their number, else 1; their values; and what counts as the regret of n trials, the
 * hypervolume that their values (n rows) leave out, NaN without memory. */
uint32_t problems_objectives(const struct problems *all, uint32_t i);
void problems_evaluate_all(const struct problems *all, uint32_t i, const double *x, double *values);
double problems_missing(const struct problems *all, uint32_t i, const double *values, uint32_t n);

/* How often a trial reports, 0 if it does not; what it reports after `step` of these, and when. */
uint32_t problems_steps(const struct problems *all, uint32_t i);
double problems_report(
	const struct problems *all, uint32_t i, const double *x, uint32_t step, double *seconds);

const struct problem *problems_at(const struct problems *all, uint32_t i);
/* Up to n related tasks, the next ones of the family; returns how many there are. */
uint32_t problems_related(const struct problems *all, uint32_t i, uint32_t *out, uint32_t n);
/* Index of the problem with this name, or -1. */
int problems_find(const struct problems *all, const char *name);
