/*
 * One search on one problem: ask, evaluate, tell, with simulated workers.
 *
 * With q workers all trials take equally long: q are asked for, then for ever the oldest ends and the
 * next is asked for, so that every later question sees q - 1 pending. Everything follows from the
 * problem, the algorithm, its settings and the seed; times are processor times of suggest() alone.
 */
#pragma once
#include <stdint.h>

#include "algorithms/algorithm.h"
#include "bench/search/problem.h"

enum { STUDY_TRIALS_MAX = 20000, STUDY_SETTINGS_MAX = 32, STUDY_SOURCES_MAX = 8 };

/* What becomes of earlier experiments before they are learned from. */
enum study_spoil {
	STUDY_AS_THEY_ARE = 0,
	STUDY_NEGATED,              /* their values, so that the worst look best                   */
	STUDY_RANDOM,               /* values that mean nothing                                    */
	STUDY_MIRRORED,             /* configurations at the other end of the space                */
	STUDY_FEW,                  /* five trials only                                            */
	STUDY_FAILED,               /* no trial has a result                                       */
};

struct study_plan {
	const struct problems *all;
	uint32_t problem;
	const struct algorithm *algorithm;
	const char *settings[STUDY_SETTINGS_MAX];   /* "name=text"                                 */
	uint32_t n_settings;
	uint64_t seed;
	uint32_t trials, parallel;
	uint32_t prefill;           /* this many random trials are told before the first question  */
	/* Earlier experiments: that many related tasks of the problem's family, searched from scratch by the
	 * same algorithm for source_trials trials each. */
	uint32_t n_sources, source_trials;
	enum study_spoil spoil;
};

struct study_result {
	uint32_t n;                 /* trials ended: fewer than planned if the space is exhausted  */
	double *regret;             /* of the incumbent after 1, 2, ... n trials                   */
	double *ms;                 /* processor milliseconds of each suggestion                   */
	double peak_mb;             /* that suggestions took at their peak; NaN: not known         */
};

/* The problem's space for the algorithms; NULL and a line on stderr if it cannot be built. */
struct space *study_space(const struct problem *p);
/* False, with a line on stderr, if the algorithm cannot work on this problem or fails. The arrays
 * hold plan->trials numbers and are freed by study_free(). */
bool study_run(const struct study_plan *plan, struct study_result *out);
void study_free(struct study_result *r);
/* Can it work on the problem at all (capabilities, settings)? Silent. */
bool study_possible(const struct study_plan *plan);
