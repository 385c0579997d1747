/*
 * The algorithms that run brackets of successive halving: hyperband, one bracket of it, and hyperband with a
 * model (BOHB, Falkner et al. 2018).
 */
#include <math.h>

#include "algorithms/fidelity/brackets.h"
#include "algorithms/fidelity/schedule.h"
#include "algorithms/registry.h"

/* ---- hyperband --------------------------------------------------------------------------------- */

static void *hyperband_begin(
	const struct algo_problem *p, const struct ladder *l, const struct algo_history *h)
{
	return brackets_new(p, l, &(struct brackets_options){.n = NAN}, h);
}

static enum verdict next(void *state, bool fresh, struct grant *out)
{
	return brackets_next(state, fresh, out);
}

static void end(void *state)
{
	brackets_free(state);
}

static const struct schedule hyperband = {.a = &algorithm_hyperband,
	.kind = LADDER_DOWN,
	.begin = hyperband_begin,
	.next = next,
	.end = end};

static bool hyperband_check(const struct algo_problem *p, algo_report *report, void *ctx)
{
	return schedule_check(&hyperband, p, report, ctx);
}

static enum algo_outcome hyperband_suggest(
	const struct algo_problem *p, const struct algo_history *h, struct algo_request *r)
{
	return schedule_suggest(&hyperband, p, h, r);
}

static void *hyperband_cache(const struct algo_problem *p)
{
	return schedule_cache_new(&hyperband, p);
}

static uint64_t hyperband_last_trial(const struct algo_problem *p)
{
	struct ladder l;

	if (p->max_trials > 0)
		return SPACE_INFINITE;
	ladder_build(&l, LADDER_DOWN, &algorithm_hyperband, p);
	return brackets_trials(&l, &(struct brackets_options){.n = NAN});
}

static const struct algo_setting hyperband_settings[] = {
	SCHEDULE_SETTINGS(SAMPLER_RANDOM),
};

const struct algorithm algorithm_hyperband = {
	.name = "hyperband",
	.doc = "Starts many configurations with little resource and lets the best go on with more, in brackets "
		   "that differ in how many they start with and how far. For trials whose early results say something "
		   "about the late ones, when you do not know how much.",
	.settings = hyperband_settings,
	.n_settings = sizeof(hyperband_settings) / sizeof(*hyperband_settings),
	.capabilities = ALGO_CONDITIONS | ALGO_CATEGORIES | ALGO_CONSTRAINTS | ALGO_ENDS | ALGO_FIDELITY |
					ALGO_CURVES | ALGO_REPEATS,
	.check = hyperband_check,
	.last_trial = hyperband_last_trial,
	.suggest = hyperband_suggest,
	.cache_new = hyperband_cache,
	.cache_free = schedule_cache_free,
};

/* ---- bohb -------------------------------------------------------------------------------------- */

enum { ROW_RANDOM_FRACTION = ROWS_OF_SCHEDULES };

static struct schedule bohb_for(const struct algo_problem *p)
{
	return (struct schedule){.a = &algorithm_bohb,
		.kind = LADDER_DOWN,
		.random_share = p->settings[ROW_RANDOM_FRACTION].number,
		.begin = hyperband_begin,
		.next = next,
		.end = end};
}

static bool bohb_check(const struct algo_problem *p, algo_report *report, void *ctx)
{
	struct schedule s = bohb_for(p);

	return schedule_check(&s, p, report, ctx);
}

static enum algo_outcome bohb_suggest(
	const struct algo_problem *p, const struct algo_history *h, struct algo_request *r)
{
	struct schedule s = bohb_for(p);

	return schedule_suggest(&s, p, h, r);
}

static void *bohb_cache(const struct algo_problem *p)
{
	struct schedule s = bohb_for(p);

	return schedule_cache_new(&s, p);
}

static uint64_t bohb_last_trial(const struct algo_problem *p)
{
	struct ladder l;

	if (p->max_trials > 0)
		return SPACE_INFINITE;
	ladder_build(&l, LADDER_DOWN, &algorithm_bohb, p);
	return brackets_trials(&l, &(struct brackets_options){.n = NAN});
}

static const struct algo_setting bohb_settings[] = {
	SCHEDULE_SETTINGS(SAMPLER_GP),
	[ROW_RANDOM_FRACTION] = {.name = "random_fraction",
		.type = ALGO_REAL,
		.min = 0,
		.max = 1,
		.def = 1.0 / 3,
		.doc = "Share of the fresh configurations that is drawn at random, whatever the sampler would say."},
};

const struct algorithm algorithm_bohb = {
	.name = "bohb",
	.doc = "Hyperband whose configurations come from a model of the results, two of three of them: finds good "
		   "ones as early as hyperband does, and better ones later.",
	.settings = bohb_settings,
	.n_settings = sizeof(bohb_settings) / sizeof(*bohb_settings),
	.capabilities = ALGO_CONDITIONS | ALGO_CATEGORIES | ALGO_CONSTRAINTS | ALGO_ENDS | ALGO_FIDELITY |
					ALGO_CURVES | ALGO_REPEATS,
	.check = bohb_check,
	.last_trial = bohb_last_trial,
	.suggest = bohb_suggest,
	.cache_new = bohb_cache,
	.cache_free = schedule_cache_free,
};

/* ---- one bracket ------------------------------------------------------------------------------- */

enum { ROW_CONFIGURATIONS = ROWS_OF_SCHEDULES };

static struct brackets_options halving_options(const struct algo_problem *p)
{
	return (struct brackets_options){.single = true, .n = p->settings[ROW_CONFIGURATIONS].number};
}

static void *halving_begin(
	const struct algo_problem *p, const struct ladder *l, const struct algo_history *h)
{
	struct brackets_options o = halving_options(p);

	return brackets_new(p, l, &o, h);
}

static const struct schedule halving = {.a = &algorithm_successive_halving,
	.kind = LADDER_DOWN,
	.begin = halving_begin,
	.next = next,
	.end = end};

static bool halving_check(const struct algo_problem *p, algo_report *report, void *ctx)
{
	return schedule_check(&halving, p, report, ctx);
}

static enum algo_outcome halving_suggest(
	const struct algo_problem *p, const struct algo_history *h, struct algo_request *r)
{
	return schedule_suggest(&halving, p, h, r);
}

static void *halving_cache(const struct algo_problem *p)
{
	return schedule_cache_new(&halving, p);
}

static uint64_t halving_last_trial(const struct algo_problem *p)
{
	struct brackets_options o = halving_options(p);
	struct ladder l;

	if (p->max_trials > 0)
		return SPACE_INFINITE;
	ladder_build(&l, LADDER_DOWN, &algorithm_successive_halving, p);
	return brackets_trials(&l, &o);
}

static const struct algo_setting halving_settings[] = {
	SCHEDULE_SETTINGS(SAMPLER_RANDOM),
	[ROW_CONFIGURATIONS] = {.name = "n_configurations",
		.type = ALGO_INT,
		.min = 1,
		.max = 1e6,
		.def = NAN,
		.doc = "Configurations to start with; if not given, as many as maxTrials is enough for, and without "
			   "maxTrials as many as bring one to the top."},
};

const struct algorithm algorithm_successive_halving = {
	.name = "successive-halving",
	.doc = "Starts all configurations with the smallest resource and lets the best go on with more, rung by "
		   "rung, until one has run in full. One bracket of hyperband: for trials that can be judged early.",
	.settings = halving_settings,
	.n_settings = sizeof(halving_settings) / sizeof(*halving_settings),
	.capabilities = ALGO_CONDITIONS | ALGO_CATEGORIES | ALGO_CONSTRAINTS | ALGO_ENDS | ALGO_FIDELITY |
					ALGO_CURVES | ALGO_REPEATS,
	.check = halving_check,
	.last_trial = halving_last_trial,
	.suggest = halving_suggest,
	.cache_new = halving_cache,
	.cache_free = schedule_cache_free,
};
