/*
 * The states of trials and experiments, and which moves are legal: tables, used by the control loop,
 * the API, the documents and (compared by a test) the SQL.
 */
#pragma once
#include <stdbool.h>

/* X(enum, "name", is it over?, does it hold a slot of parallelTrials?, doc) */
#define TRIAL_STATE_MAP(X)                                                                      \
	X(TRIAL_PENDING,       "pending",             false, true,  "chosen, waiting for its start")       \
	X(TRIAL_STARTING,      "starting",            false, true,  "handed to its executor")              \
	X(TRIAL_RUNNING,       "running",             false, true,  "its program runs")                    \
	X(TRIAL_SUCCEEDED,     "succeeded",           true,  false, "ended well and reported its objective") \
	X(TRIAL_FAILED,        "failed",              true,  false, "ended badly, or its objective is not a number") \
	X(TRIAL_EARLY_STOPPED, "early_stopped",       true,  false, "stopped because it was not promising") \
	X(TRIAL_KILLED,        "killed",              true,  false, "ended by a user")                     \
	X(TRIAL_UNAVAILABLE,   "metrics_unavailable", true,  false, "ended well but never reported its objective") \
	X(TRIAL_LOST,          "lost",                true,  false, "its worker or process vanished; may be retried")

enum trial_state {
#define X(id, name, over, slot, doc) id,
	TRIAL_STATE_MAP(X)
#undef X
	TRIAL_STATES
};

/* X(enum, "name", is it over?, doc) */
#define EXPERIMENT_STATE_MAP(X)                                                                  \
	X(EXPERIMENT_RUNNING,   "running",   false, "searching")                                     \
	X(EXPERIMENT_PAUSED,    "paused",    false, "starts nothing new until resumed")              \
	X(EXPERIMENT_STOPPING,  "stopping",  false, "waits for its running trials, or kills them (cancel)") \
	X(EXPERIMENT_SUCCEEDED, "succeeded", true,  "reached its goal or used its budget")           \
	X(EXPERIMENT_FAILED,    "failed",    true,  "too many trials failed, or the search cannot go on") \
	X(EXPERIMENT_STOPPED,   "stopped",   true,  "ended by a user")

enum experiment_state {
#define X(id, name, over, doc) id,
	EXPERIMENT_STATE_MAP(X)
#undef X
	EXPERIMENT_STATES
};

const char *trial_state_name(enum trial_state s);
bool trial_state_parse(const char *name, enum trial_state *out);
bool trial_state_over(enum trial_state s);
bool trial_state_active(enum trial_state s);            /* counts against parallelTrials      */
bool trial_edge_legal(enum trial_state from, enum trial_state to);
const char *const *trial_state_names(void);             /* NULL-ended, in enum order          */

const char *experiment_state_name(enum experiment_state s);
bool experiment_state_parse(const char *name, enum experiment_state *out);
bool experiment_state_over(enum experiment_state s);
bool experiment_edge_legal(enum experiment_state from, enum experiment_state to);
const char *const *experiment_state_names(void);
