/*
 * Asynchronous successive halving (Li et al., MLSys 2020), and PASHA (Bohdal et al., ICLR 2023) on top of it.
 *
 * variant=stopping: every trial is granted the full resource, and is stopped at a rung when it is not among
 * the best 1/eta there; the rungs are declared, whoever sees the reports stops the trials.
 * variant=promotion: every trial is granted one level, and the best go on (promotion.h).
 */
#include <math.h>
#include <stdlib.h>

#include "algorithms/fidelity/pasha.h"
#include "algorithms/fidelity/promotion.h"
#include "algorithms/fidelity/schedule.h"
#include "algorithms/registry.h"

enum { ROW_VARIANT = ROWS_OF_SCHEDULES, ROW_BRACKETS };
enum { VARIANT_STOPPING, VARIANT_PROMOTION };

static bool stops(const struct algo_problem *p)
{
	return (int)p->settings[ROW_VARIANT].number == VARIANT_STOPPING;
}

static uint32_t brackets_of(const struct algo_problem *p, const struct ladder *l)
{
	return (uint32_t)fmin(p->settings[ROW_BRACKETS].number, l->n);
}

static bool asha_rungs(const struct algo_problem *p, struct algo_rungs *out)
{
	struct ladder l;

	if (!stops(p))
		return false;
	ladder_build(&l, LADDER_UP, &algorithm_asha, p);
	*out = (struct algo_rungs){
		.n = l.n - 1, .brackets = brackets_of(p, &l), .max = l.at[l.n - 1], .eta = l.eta};
	for (uint32_t k = 0; k < out->n; k++)
		out->at[k] = l.at[k];
	return true;
}

/* ---- variant=stopping: fresh configurations to the end ----------------------------------------- */

struct starts {
	const struct ladder *ladder;
	uint32_t brackets, begun[ALGO_RUNGS_MAX];
};

static void *starts_new(const struct algo_problem *p, const struct ladder *l, const struct algo_history *h)
{
	struct starts *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->ladder = l;
	s->brackets = brackets_of(p, l);
	for (uint32_t i = 0; i < h->n_trials + h->n_pending; i++) {
		const struct algo_trial *t = i < h->n_trials ? &h->trials[i] : &h->pending[i - h->n_trials];

		if (t->suggested && !isnan(t->resource) && t->bracket >= 0 && (uint32_t)t->bracket < s->brackets)
			s->begun[t->bracket]++;
	}
	return s;
}

static enum verdict starts_next(void *state, bool fresh, struct grant *out)
{
	struct starts *s = state;
	uint32_t bracket = promotion_bracket(s->ladder, s->brackets, s->begun);

	if (!fresh)
		return GRANT_END;
	s->begun[bracket]++;
	*out = (struct grant){.level = s->ladder->n - 1, .bracket = (int32_t)bracket};
	return GRANT;
}

/* ---- variant=promotion, and pasha -------------------------------------------------------------- */

static void *asha_begin(const struct algo_problem *p, const struct ladder *l, const struct algo_history *h)
{
	return promotion_new(p, l, l->n - 1, brackets_of(p, l), h);
}

static void *pasha_begin(const struct algo_problem *p, const struct ladder *l, const struct algo_history *h)
{
	uint32_t top;

	return pasha_top(p, l, h, &top) ? promotion_new(p, l, top, 1, h) : NULL;
}

static enum verdict next(void *state, bool fresh, struct grant *out)
{
	return promotion_next(state, fresh, out);
}

static void end(void *state)
{
	promotion_free(state);
}

/* ---- the algorithms ---------------------------------------------------------------------------- */

static const struct schedule stopping = {
	.a = &algorithm_asha, .kind = LADDER_UP, .begin = starts_new, .next = starts_next, .end = free};
static const struct schedule promoting = {
	.a = &algorithm_asha, .kind = LADDER_UP, .begin = asha_begin, .next = next, .end = end};
static const struct schedule growing = {
	.a = &algorithm_pasha, .kind = LADDER_UP, .begin = pasha_begin, .next = next, .end = end};

static const struct schedule *schedule_of(const struct algo_problem *p)
{
	return stops(p) ? &stopping : &promoting;
}

SCHEDULE_FUNCTIONS(asha, schedule_of(p))
SCHEDULE_FUNCTIONS(pasha, &growing)

static const char *const variants[] = {"stopping", "promotion", NULL};

static const struct algo_setting asha_settings[] = {
	SCHEDULE_SETTINGS(SAMPLER_GP),
	[ROW_VARIANT] = {.name = "variant",
		.type = ALGO_CHOICE,
		.choices = variants,
		.def = VARIANT_STOPPING,
		.doc = "stopping: trials run until they are stopped; promotion: they end at every level, and the best "
			   "go on in a new trial, from their checkpoint if they can."},
	[ROW_BRACKETS] = {.name = "brackets",
		.type = ALGO_INT,
		.min = 1,
		.max = ALGO_RUNGS_MAX,
		.def = 1,
		.doc = "With more than one, some trials are first compared at a higher level, in the shares of "
			   "hyperband; a guard where the lowest level may say too little."},
};

const struct algorithm algorithm_asha = {
	.name = "asha",
	.doc = "Asynchronous successive halving: trials are compared at rungs, one in eta goes on, and none waits "
		   "for another. With a Gaussian process for new configurations. What to take when trials report as "
		   "they go.",
	.settings = asha_settings,
	.n_settings = sizeof(asha_settings) / sizeof(*asha_settings),
	.capabilities =
		ALGO_CONDITIONS | ALGO_CATEGORIES | ALGO_CONSTRAINTS | ALGO_FIDELITY | ALGO_CURVES | ALGO_REPEATS,
	SCHEDULE_MEMBERS(asha),
	.rungs = asha_rungs,
};

static const struct algo_setting pasha_settings[] = {
	SCHEDULE_SETTINGS(SAMPLER_GP),
};

const struct algorithm algorithm_pasha = {
	.name = "pasha",
	.doc = "asha by promotion that begins with two short levels and adds a longer one only when the order of "
		   "the best configurations still changes. Finds a good configuration with little training; train it "
		   "in full afterwards.",
	.settings = pasha_settings,
	.n_settings = sizeof(pasha_settings) / sizeof(*pasha_settings),
	.capabilities =
		ALGO_CONDITIONS | ALGO_CATEGORIES | ALGO_CONSTRAINTS | ALGO_FIDELITY | ALGO_CURVES | ALGO_REPEATS,
	SCHEDULE_MEMBERS(pasha),
};
