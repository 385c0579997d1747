#include "server/model/state.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

#define BIT(s) (1u << (s))

static const struct {
	const char *name;
	bool over, slot;
} trials[] = {
#define X(id, name_, over_, slot_, doc) [id] = {.name = (name_), .over = (over_), .slot = (slot_)},
	TRIAL_STATE_MAP(X)
#undef X
};

static const char *const trial_names[] = {
#define X(id, name, over, slot, doc) name,
	TRIAL_STATE_MAP(X)
#undef X
		NULL,
};

#define TRIAL_ENDS                                                                             \
	(BIT(TRIAL_SUCCEEDED) | BIT(TRIAL_FAILED) | BIT(TRIAL_EARLY_STOPPED) | BIT(TRIAL_KILLED) | \
		BIT(TRIAL_UNAVAILABLE) | BIT(TRIAL_LOST))

/*
 * Back to pending is a further attempt: by the retry policy or by a user. A lost trial may come
 * back: what its worker reports late is accepted. Success is for ever.
 */
static const unsigned trial_edges[TRIAL_STATES] = {
	[TRIAL_PENDING] = BIT(TRIAL_STARTING) | BIT(TRIAL_RUNNING) | BIT(TRIAL_KILLED) | BIT(TRIAL_FAILED),
	[TRIAL_STARTING] = BIT(TRIAL_PENDING) | BIT(TRIAL_RUNNING) | TRIAL_ENDS,
	[TRIAL_RUNNING] = BIT(TRIAL_PENDING) | TRIAL_ENDS,
	[TRIAL_SUCCEEDED] = 0,
	[TRIAL_FAILED] = BIT(TRIAL_PENDING),
	[TRIAL_EARLY_STOPPED] = BIT(TRIAL_PENDING),
	[TRIAL_KILLED] = BIT(TRIAL_PENDING),
	[TRIAL_UNAVAILABLE] = BIT(TRIAL_PENDING),
	[TRIAL_LOST] = BIT(TRIAL_PENDING) | BIT(TRIAL_RUNNING) | (TRIAL_ENDS & ~BIT(TRIAL_LOST)),
};

static const struct {
	const char *name;
	bool over;
} experiments[] = {
#define X(id, name_, over_, doc) [id] = {.name = (name_), .over = (over_)},
	EXPERIMENT_STATE_MAP(X)
#undef X
};

static const char *const experiment_names[] = {
#define X(id, name, over, doc) name,
	EXPERIMENT_STATE_MAP(X)
#undef X
		NULL,
};

#define EXPERIMENT_ENDS (BIT(EXPERIMENT_SUCCEEDED) | BIT(EXPERIMENT_FAILED) | BIT(EXPERIMENT_STOPPED))

/* Trials that still run may end a paused experiment. From an end, only a restart leads away. */
static const unsigned experiment_edges[EXPERIMENT_STATES] = {
	[EXPERIMENT_RUNNING] = BIT(EXPERIMENT_PAUSED) | BIT(EXPERIMENT_STOPPING) | EXPERIMENT_ENDS,
	[EXPERIMENT_PAUSED] = BIT(EXPERIMENT_RUNNING) | BIT(EXPERIMENT_STOPPING) | EXPERIMENT_ENDS,
	[EXPERIMENT_STOPPING] = EXPERIMENT_ENDS,
	[EXPERIMENT_SUCCEEDED] = BIT(EXPERIMENT_RUNNING),
	[EXPERIMENT_FAILED] = BIT(EXPERIMENT_RUNNING),
	[EXPERIMENT_STOPPED] = BIT(EXPERIMENT_RUNNING),
};

static bool find(const char *const *names, const char *name, unsigned *out)
{
	for (unsigned i = 0; names[i] != NULL; i++) {
		if (strcmp(names[i], name) == 0) {
			*out = i;
			return true;
		}
	}
	return false;
}

const char *trial_state_name(enum trial_state s)
{
	assert(s < TRIAL_STATES);
	return trials[s].name;
}

bool trial_state_parse(const char *name, enum trial_state *out)
{
	unsigned i;
	if (!find(trial_names, name, &i))
		return false;
	*out = (enum trial_state)i;
	return true;
}

bool trial_state_over(enum trial_state s)
{
	assert(s < TRIAL_STATES);
	return trials[s].over;
}

bool trial_state_active(enum trial_state s)
{
	assert(s < TRIAL_STATES);
	return trials[s].slot;
}

bool trial_edge_legal(enum trial_state from, enum trial_state to)
{
	assert(from < TRIAL_STATES && to < TRIAL_STATES);
	return (trial_edges[from] & BIT(to)) != 0;
}

const char *const *trial_state_names(void)
{
	return trial_names;
}

const char *experiment_state_name(enum experiment_state s)
{
	assert(s < EXPERIMENT_STATES);
	return experiments[s].name;
}

bool experiment_state_parse(const char *name, enum experiment_state *out)
{
	unsigned i;
	if (!find(experiment_names, name, &i))
		return false;
	*out = (enum experiment_state)i;
	return true;
}

bool experiment_state_over(enum experiment_state s)
{
	assert(s < EXPERIMENT_STATES);
	return experiments[s].over;
}

bool experiment_edge_legal(enum experiment_state from, enum experiment_state to)
{
	assert(from < EXPERIMENT_STATES && to < EXPERIMENT_STATES);
	return (experiment_edges[from] & BIT(to)) != 0;
}

const char *const *experiment_state_names(void)
{
	return experiment_names;
}
