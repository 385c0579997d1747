/*
 * The algorithms that run brackets of successive halving: hyperband, hyperband with a model (BOHB, Falkner
 * et al. 2018), and one bracket.
 */
#include <math.h>

#include "algorithms/fidelity/brackets.h"
#include "algorithms/fidelity/schedule.h"
#include "algorithms/registry.h"

enum { ROW_RANDOM_FRACTION = ROWS_OF_SCHEDULES };   /* of bohb               */
enum { ROW_CONFIGURATIONS = ROWS_OF_SCHEDULES };    /* of successive-halving */

/* ---- the brackets of each ---------------------------------------------------------------------- */

static const struct brackets_options every = {.n = NAN};

static struct brackets_options one(const struct algo_problem *p)
{
	return (struct brackets_options){.single = true, .n = p->settings[ROW_CONFIGURATIONS].number};
}

static void *begin_every(const struct algo_problem *p, const struct ladder *l, const struct algo_history *h)
{
	return brackets_new(p, l, &every, h);
}

static void *begin_one(const struct algo_problem *p, const struct ladder *l, const struct algo_history *h)
{
	struct brackets_options o = one(p);

	return brackets_new(p, l, &o, h);
}

static enum verdict next(void *state, bool fresh, struct grant *out)
{
	return brackets_next(state, fresh, out);
}

static void end(void *state)
{
	brackets_free(state);
}

/* Without a budget there is one pass. */
static uint64_t last_trial(
	const struct algorithm *a, const struct algo_problem *p, const struct brackets_options *o)
{
	struct ladder l;

	if (p->max_trials > 0)
		return SPACE_INFINITE;
	ladder_build(&l, LADDER_DOWN, a, p);
	return brackets_trials(&l, o);
}

/* What all three can. */
#define BRACKETS_MEMBERS(NAME)                                                                     \
	SCHEDULE_MEMBERS(NAME), .last_trial = NAME##_last_trial,                                       \
	.capabilities = ALGO_CONDITIONS | ALGO_CATEGORIES | ALGO_CONSTRAINTS | ALGO_ENDS |             \
		ALGO_FIDELITY | ALGO_CURVES | ALGO_REPEATS

/* ---- hyperband --------------------------------------------------------------------------------- */

static const struct schedule hyperband = {
	.a = &algorithm_hyperband, .kind = LADDER_DOWN, .begin = begin_every, .next = next, .end = end};
SCHEDULE_FUNCTIONS(hyperband, &hyperband)

static uint64_t hyperband_last_trial(const struct algo_problem *p)
{
	return last_trial(&algorithm_hyperband, p, &every);
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
	BRACKETS_MEMBERS(hyperband),
};

/* ---- bohb -------------------------------------------------------------------------------------- */

static const struct schedule bohb = {.a = &algorithm_bohb,
	.kind = LADDER_DOWN,
	.row_random = ROW_RANDOM_FRACTION,
	.begin = begin_every,
	.next = next,
	.end = end};
SCHEDULE_FUNCTIONS(bohb, &bohb)

static uint64_t bohb_last_trial(const struct algo_problem *p)
{
	return last_trial(&algorithm_bohb, p, &every);
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
	BRACKETS_MEMBERS(bohb),
};

/* ---- one bracket ------------------------------------------------------------------------------- */

static const struct schedule halving = {
	.a = &algorithm_successive_halving, .kind = LADDER_DOWN, .begin = begin_one, .next = next, .end = end};
SCHEDULE_FUNCTIONS(halving, &halving)

static uint64_t halving_last_trial(const struct algo_problem *p)
{
	struct brackets_options o = one(p);

	return last_trial(&algorithm_successive_halving, p, &o);
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
	BRACKETS_MEMBERS(halving),
};
