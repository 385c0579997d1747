/*
 * Says of each report whether its trial is worth going on: early-stopping rules, and the rungs that an
 * algorithm such as asha declares.
 *
 * A stopper judges the reports of one objective of one experiment. Its state is a function of the SET of
 * what it was told: which trials began, their points, which were told to stop and which ended how; never
 * of the order. Rebuilt from a database in any order, it judges the next report as the one that had lived
 * on would have, to the last bit. What it decided is stored by the caller.
 *
 * Memory is bounded: a trial keeps up to stopper_points_max() points, at most STOP_POINTS_MAX. Beyond,
 * steps are taken together in buckets of the least power of two that suffices, and the last point of each
 * bucket stays, which is a function of the set as well. Trials beyond STOP_TRIALS_MAX are never judged.
 *
 * Whatever a rule says, some trials go on:
 *   - the best so far: no other trial has a better value at or before the same resource,
 *   - the only one that runs, as long as none has run to its end,
 *   - one that has come to max_resource,
 *   - every STOP_SPARE_EVERY-th, for the rules that compare with trials that ran to the end: else what
 *     they compare with would be nothing but what they let through. Rungs and fixed bounds do without.
 *
 * Pure: no I/O, clock, globals or logging. One thread at a time. Nothing that is passed in is kept but
 * the rules, which are constant tables.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "algorithms/algorithm.h"

enum {
	STOP_RULES_MAX = 8,         /* of one experiment                                           */
	STOP_POINTS_MAX = 512,      /* of one trial                                                */
	STOP_TRIALS_MAX = 1 << 17,  /* the largest number that is judged                           */
	STOP_SPARE_EVERY = 15,
	STOP_MESSAGE_MAX = 240,
};

/* ---- the rules --------------------------------------------------------------------------------- */

struct stopper;
struct stop_problem;
struct stop_question;           /* algorithms/stopping/rule.h                                  */

struct stop_rule {
	const char *name;           /* "medianstop"                                                */
	const char *const *aliases; /* NULL-ended, or NULL                                         */
	const char *reason;         /* of its verdicts: "MedianStop"                               */
	const char *doc;            /* one paragraph: what it does, when to use it                 */
	const struct algo_setting *settings;
	uint32_t n_settings;
	bool compares;              /* with trials that ran to the end: some are spared for it     */
	/* What the tables cannot say; called with values inside their ranges. May be NULL. */
	bool (*check)(const struct stop_problem *p, const struct algo_value *settings, algo_report *report,
		void *ctx);
	/* Whether it would stop the trial, and the sentence that says why. */
	bool (*judge)(struct stop_question *q, const struct algo_value *settings, char *message);
	/* Builds what it will compare a report at this step with. False: no memory. May be NULL. */
	bool (*build_ahead)(struct stopper *s, const struct algo_value *settings, double step);
};

extern const struct stop_rule *const stop_rules[];      /* NULL-ended, in the order to list them */
extern const size_t n_stop_rules;

const struct stop_rule *stop_rule_find(const char *name);       /* or alias; NULL: unknown       */
/* As algo_setting_find() and its neighbours in algorithm.h. */
int stop_setting_find(const struct stop_rule *r, const char *name);
void stop_settings_init(const struct stop_rule *r, struct algo_value *values);
bool stop_setting_number(const struct stop_rule *r, struct algo_value *values, uint32_t row, double number,
	algo_report *report, void *ctx);
bool stop_setting_text(const struct stop_rule *r, struct algo_value *values, uint32_t row, const char *text,
	algo_report *report, void *ctx);

/* ---- the problem ------------------------------------------------------------------------------- */

/* What of a trial's points is its value: the best of them, or the latest. */
enum stop_value { STOP_BEST = 0, STOP_LATEST };

struct stop_use {
	const struct stop_rule *rule;
	const struct algo_value *settings;  /* one per row of the rule's table                     */
};

struct stop_problem {
	enum algo_direction direction;
	enum stop_value value;
	const char *metric;         /* for messages                                                */
	const struct stop_use *uses;
	uint32_t n_uses;            /* 0 .. STOP_RULES_MAX                                         */
	bool all;                   /* every rule must say so; false: one is enough                */
	const struct algo_rungs *rungs;     /* the algorithm's, or NULL; stop by themselves        */
	double max_resource;        /* of a full trial, NaN: unknown                               */
};

/* Everything that keeps a rule from working: required settings, the rules' own check(). Reports all. */
bool stop_check(const struct stop_problem *p, algo_report *report, void *ctx);

/* ---- judging ----------------------------------------------------------------------------------- */

/* Copies all of p but the rules' tables. NULL: no memory. */
struct stopper *stopper_new(const struct stop_problem *p);
void stopper_free(struct stopper *s);

/*
 * A trial exists. bracket, parent and resource are those of algo_trial. The resource of a report is
 * step + 1 if its configuration (this trial, its parent and so on) has reported a step <= 0, else step.
 * A trial with a resource below max_resource does not count as one that ran to the end. Saying it twice
 * changes nothing. What is not announced when it reports is taken for one with 0, 0 and NaN until then.
 * False: no memory. The stopper then knows only a part and has to be built anew; so for all below.
 */
bool stopper_begin(struct stopper *s, uint32_t number, int32_t bracket, uint32_t parent, double resource);

enum stop_outcome {
	STOP_GO = 0,
	STOP_NOW = 1,
	STOP_NO_MEMORY = -1,        /* it has to be built anew                                     */
};

struct stop_verdict {
	const char *reason;         /* the rule's, or RungStop; constant                           */
	char message[STOP_MESSAGE_MAX];     /* "loss 0.412 at step 3 is worse than the median ..." */
	double step;                /* of the report that was judged                               */
};

/*
 * Takes a point in. One with a step that is new is judged: by all that is known by then, a late point as
 * well. One that repeats a step replaces the value and is not judged; nor is one of a trial that was told
 * to stop or has ended. value may be NaN or infinite; a step that is not finite, or absurd, is passed over.
 * STOP_NOW: *out is filled, and the trial counts as told to stop from now on.
 */
enum stop_outcome stopper_report(struct stopper *s, uint32_t number, double step, double value,
	struct stop_verdict *out);
/* The same without judging: for rebuilding. */
bool stopper_restore(struct stopper *s, uint32_t number, double step, double value);
/* A stored verdict, for rebuilding: the trial was told to stop, whoever told it, and has not ended. */
bool stopper_told(struct stopper *s, uint32_t number);
/* A trial is over. final_value is what the experiment ranks it by, NaN if it has none. Saying it again
 * with another status or value replaces what was said. */
bool stopper_end(struct stopper *s, uint32_t number, enum algo_status status, double final_value);

/*
 * After rebuilding: what rules compare with, built for the steps that trials have reported, so that no report
 * waits for it. A part a call, of a few milliseconds with 10,000 trials. It changes no verdict.
 */
enum stop_ahead { STOP_AHEAD_DONE = 0, STOP_AHEAD_MORE = 1, STOP_AHEAD_NO_MEMORY = -1 };
enum stop_ahead stopper_build_ahead(struct stopper *s);

/* ---- for people and algorithms ----------------------------------------------------------------- */

/* How many points each trial may keep now: less with many thousands of trials. */
uint32_t stopper_points_max(const struct stopper *s);
/* The kept points by step; NULL and 0 for a trial without. Valid until the next call that takes in. */
const struct algo_point *stopper_curve(const struct stopper *s, uint32_t number, uint32_t *n);

struct stop_entry {
	uint32_t number;
	double value;               /* with which it came to the rung                              */
};

/* Those that came to rung k (0 ..) of a bracket, the best first; up to n of them are written. Returns
 * how many there are. */
uint32_t stopper_rung(
	const struct stopper *s, int32_t bracket, uint32_t k, struct stop_entry *out, uint32_t n);
/* Bytes that are held. */
size_t stopper_memory(const struct stopper *s);

/* One file each. */
extern const struct stop_rule stop_rule_median;
extern const struct stop_rule stop_rule_percentile;
extern const struct stop_rule stop_rule_threshold;
extern const struct stop_rule stop_rule_patience;
extern const struct stop_rule stop_rule_wilcoxon;
extern const struct stop_rule stop_rule_curve;
