/*
 * The frame of algorithms that grant resources: decisions which do not depend on what is drawn, and a
 * sampler that fills in the fresh configurations.
 *
 * A schedule reads the history and then decides grant by grant: a configuration of an ended trial goes on
 * to the next level, or a fresh one begins. A request is decided twice, first as if there were any number of
 * fresh configurations, then with as many as the sampler gave. So a request for several brings what as many
 * requests for one would bring.
 *
 * Every level of a configuration is a trial of its own: its parent is the trial of the level before, its
 * values are the same bits except for the parameter that carries the resource.
 */
#pragma once
#include "algorithms/algorithm.h"
#include "algorithms/fidelity/ladder.h"
#include "algorithms/fidelity/sampler.h"

/* Rows that every schedule's table begins with. */
enum {
	ROW_R_L,
	ROW_RESOURCE_NAME,
	ROW_ETA,
	ROW_SAMPLER,
	ROW_SAMPLER_SETTINGS,
	ROW_SEED,
	ROWS_OF_SCHEDULES,
};
enum { SAMPLER_RANDOM = 0, SAMPLER_GP = 2 };    /* indices into sampler_names */

#define SCHEDULE_SETTINGS(default_sampler)                                                         \
	[ROW_R_L] = {.name = "r_l", .type = ALGO_REAL, .min = 0, .above_min = true, .max = 1e15,       \
		.def = __builtin_nan(""),                                                                  \
		.doc = "Katib's name for fidelity.max, the resource of a full trial."},                    \
	[ROW_RESOURCE_NAME] = {.name = "resource_name", .type = ALGO_PARAM, .def = __builtin_nan(""),  \
		.doc = "Katib's name for fidelity.parameter, the parameter that carries the resource."},   \
	[ROW_ETA] = {.name = "eta", .type = ALGO_REAL, .min = 1, .above_min = true, .max = 1000,       \
		.def = __builtin_nan(""),                                                                  \
		.doc = "Katib's name for fidelity.eta: one in eta trials goes on, with eta times the "     \
			   "resource; 3 if nothing says otherwise."},                                          \
	[ROW_SAMPLER] = {.name = "sampler", .type = ALGO_CHOICE, .choices = sampler_names,             \
		.def = default_sampler,                                                                    \
		.doc = "The algorithm that fresh configurations come from; `gp` learns from all levels "   \
			   "at once, the others from the highest with enough results."},                       \
	[ROW_SAMPLER_SETTINGS] = {.name = "sampler_settings", .type = ALGO_TEXT,                       \
		.def = __builtin_nan(""),                                                                  \
		.doc = "Settings of the sampler as name=value, name=value; its defaults if not given."},   \
	[ROW_SEED] = ALGO_SETTING_SEED

/* What one suggestion is to be. */
struct grant {
	const struct algo_trial *parent;    /* whose configuration goes on; NULL: a fresh one         */
	uint32_t level;
	int32_t bracket, rung;
};

enum verdict {
	GRANT,      /* *out is filled and counts as pending from now on                            */
	GRANT_NONE, /* nothing until a pending trial has ended                                     */
	GRANT_END,  /* nothing ever                                                                */
};

struct schedule {
	const struct algorithm *a;
	enum ladder_kind kind;
	int row_random;                     /* setting: share of fresh configurations drawn at random; 0: none */
	/* Reads the history; NULL: no memory. */
	void *(*begin)(const struct algo_problem *p, const struct ladder *l, const struct algo_history *h);
	/* Decides the next grant; without `fresh` there are no more fresh configurations to be had. */
	enum verdict (*next)(void *state, bool fresh, struct grant *out);
	void (*end)(void *state);           /* NULL is allowed                                     */
};

/* For the functions of struct algorithm. */
bool schedule_check(const struct schedule *s, const struct algo_problem *p, algo_report *report, void *ctx);
enum algo_outcome schedule_suggest(const struct schedule *s, const struct algo_problem *p,
	const struct algo_history *h, struct algo_request *r);
void *schedule_cache_new(const struct schedule *s, const struct algo_problem *p);
void schedule_cache_free(void *cache);

/* These functions of NAME, none of which is told more than its problem: WHICH is the schedule, an expression in p. */
#define SCHEDULE_FUNCTIONS(NAME, WHICH)                                                            \
	static bool NAME##_check(const struct algo_problem *p, algo_report *report, void *ctx)         \
	{                                                                                              \
		return schedule_check(WHICH, p, report, ctx);                                              \
	}                                                                                              \
	static enum algo_outcome NAME##_suggest(                                                       \
		const struct algo_problem *p, const struct algo_history *h, struct algo_request *r)        \
	{                                                                                              \
		return schedule_suggest(WHICH, p, h, r);                                                   \
	}                                                                                              \
	static void *NAME##_cache(const struct algo_problem *p)                                        \
	{                                                                                              \
		return schedule_cache_new(WHICH, p);                                                       \
	}

#define SCHEDULE_MEMBERS(NAME)                                                                     \
	.check = NAME##_check, .suggest = NAME##_suggest, .cache_new = NAME##_cache, .cache_free = schedule_cache_free
