/*
 * What an experiment needs next: a pure function.
 *
 * plan() looks at a snapshot (state, budget, counts, the trials that are not over) and answers with
 * a short list of actions. It has no memory: called again with the same snapshot it says the same, so
 * an action that was lost in a crash is simply planned again. Everything that decides about budgets,
 * stops, retries and endings is here, and tested by a table.
 *
 * The snapshot is borrowed; the actions are written into the caller's array.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/model/state.h"

/* Why an experiment ends, and as what. X(id, "Reason", final state, kill what runs?, sentence) */
#define END_MAP(X)                                                                                     \
	X(END_NONE, "", EXPERIMENT_RUNNING, false, "")                                                     \
	X(END_GOAL, "GoalReached", EXPERIMENT_SUCCEEDED, true, "a trial reached the goal")                 \
	X(END_MAX_TRIALS, "MaxTrialsReached", EXPERIMENT_SUCCEEDED, false, "all trials of the budget ended") \
	X(END_EXHAUSTED, "SearchSpaceExhausted", EXPERIMENT_SUCCEEDED, false,                              \
		"every configuration of the search space was tried")                                           \
	X(END_MAX_FAILED, "MaxFailedTrials", EXPERIMENT_FAILED, true,                                      \
		"as many trials failed as maxFailedTrials allows; see the failed trials' messages")            \
	X(END_MAX_DURATION, "MaxDuration", EXPERIMENT_SUCCEEDED, true, "maxDuration passed")               \
	X(END_ALGORITHM, "AlgorithmError", EXPERIMENT_FAILED, false, "the algorithm could not suggest a trial") \
	X(END_START_FAILURES, "StartFailures", EXPERIMENT_FAILED, true,                                    \
		"the first trials failed right after their start; see their messages and logs")                \
	X(END_CONVERGED, "Converged", EXPERIMENT_SUCCEEDED, false, "little can still be gained")           \
	X(END_USER_STOPPED, "UserStopped", EXPERIMENT_STOPPED, false, "stopped by a user")                 \
	X(END_USER_CANCELLED, "UserCancelled", EXPERIMENT_STOPPED, true, "cancelled by a user")

enum end_reason {
#define X(id, name, state, kill, sentence) id,
	END_MAP(X)
#undef X
	END_REASONS
};

const char *end_reason_name(enum end_reason r);
const char *end_reason_sentence(enum end_reason r);
enum experiment_state end_reason_state(enum end_reason r);
bool end_reason_kills(enum end_reason r);
/* The stored reason of a stopping experiment; END_USER_STOPPED for a word that is none of ours. */
enum end_reason end_reason_parse(const char *name);

/* Is this a reason of an early-stopping rule? Then the trial counts, as far as it got; all other reasons to
 * stop are those of people, or of its experiment's end. */
bool stop_is_early(const char *reason);
/* A trial that went on beyond what the algorithm granted it: it has done its part, and succeeds. */
#define STOP_BUDGET_REACHED "BudgetReached"
/* What becomes of a trial with an early reason to stop: early_stopped, or succeeded. */
enum trial_state stop_ends_as(const char *reason);

struct plan_trial {
	int number;
	int attempt;                    /* 1 = the first                                           */
	enum trial_state state;
	bool stop_sent;                 /* its executor was already told to stop                   */
	bool stop_gentle;               /* and may still give it time to end by itself             */
	bool stop_wanted;               /* somebody (user, early stopping) asked for its end       */
	int64_t stop_due_us;            /* ask/tell: its worker has until then to say how far it came */
	bool writing;                   /* a change of it is under way: leave it alone             */
	bool vacated;                   /* its program has ended; what it said is still being read */
	bool by_worker;                 /* ask/tell: it runs elsewhere                             */
	int64_t lease_until_us;         /* ask/tell, on the clock of now_us; 0 = none              */
};

struct plan_budget {
	int64_t max_trials;             /* 0 = unlimited                                           */
	int64_t parallel;               /* >= 1                                                    */
	int64_t max_failed;             /* -1 = unlimited                                          */
	int64_t deadline_us;            /* when maxDuration passes; 0 = never                      */
	int64_t retry_lost, retry_failed;
};

struct plan_input {
	enum experiment_state state;
	enum end_reason stopping_for;   /* state is stopping: why                                  */
	bool cancelling;                /* state is stopping: kill what runs                       */
	struct plan_budget budget;
	int64_t now_us;

	int64_t used;                   /* trial numbers spent, imported trials not counted        */
	int64_t failed;                 /* failed + metrics_unavailable + lost, after all retries  */
	int64_t start_failures;         /* in a row, at the start or of the start itself           */
	bool goal_reached;
	bool foreseen;                  /* no result changes what comes next: a vacated place is free at once */

	bool by_workers;                /* ask/tell: trials are made when they are asked for       */
	int64_t wanted;                 /* ask/tell: trials that workers wait for                  */
	int64_t suggesting;             /* trials that a suggestion under way will bring           */
	bool waiting;                   /* the algorithm wants results before it goes on           */
	bool exhausted;                 /* the algorithm has no further configuration              */
	bool algorithm_failed;
	bool converged;                 /* what stopWhen waits for has come                        */
	int64_t room;                   /* trials the executor could start now                     */

	const struct plan_trial *trials;        /* every one that is not over, and those over that */
	size_t n_trials;                        /* may be retried (lost, failed); by number        */
};

enum plan_kind {
	PLAN_SUGGEST = 1,       /* n more trials from the algorithm                                */
	PLAN_START,             /* pending -> starting, and hand it to the executor                */
	PLAN_ASSIGN,            /* ask/tell: a pending trial may go to a waiting worker            */
	PLAN_STOP,              /* tell the executor to end it                                     */
	PLAN_KILL,              /* it does not run: straight to killed                             */
	PLAN_LOSE,              /* its worker fell silent: to lost                                 */
	PLAN_RETRY,             /* back to pending as the next attempt                             */
	PLAN_END,               /* to stopping, for `why`: something is still under way            */
	PLAN_FINISH,            /* nothing runs any more: to the final state of `why`              */
};

struct plan_action {
	enum plan_kind kind;
	int number;                     /* the trial, where there is one                           */
	int64_t n;                      /* PLAN_SUGGEST                                            */
	enum end_reason why;            /* PLAN_END, PLAN_FINISH                                   */
};

struct plan {
	struct plan_action *actions;
	size_t n, max;
	int64_t wake_at_us;             /* look again then even if nothing happens; 0 = no need    */
};

/* At most this many actions come out of a snapshot of n trials. */
#define PLAN_ACTIONS_MAX(n_trials) ((n_trials) + 2)

void plan(const struct plan_input *in, struct plan *out);

/* Why a running or paused experiment should end now, the first reason that holds; END_NONE: it goes on. */
enum end_reason plan_end(const struct plan_input *in);
