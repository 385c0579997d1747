/*
 * What a client says about a trial: its parameters, how it ended, what it measured. Shared by tell,
 * enqueue and import.
 */
#pragma once
#include <stdbool.h>

#include "lib/attr.h"
#include "lib/json_decode.h"
#include "server/model/state.h"

struct arena;

/* States that a client may give; the last one is kept as failed with the reason Infeasible. */
#define ENDED_STATES "succeeded", "failed", "early_stopped", "killed", "infeasible"

/* `name` is one of ENDED_STATES; *reason is replaced where the state says more than it. */
enum trial_state ended_state(const char *name, const char **reason);

/* An object metric -> number or "NaN", as the store takes it: text in the arena. NULL without one or
 * with problems (at `pointer`), which are added. */
const char *values_text(const cJSON *values, const char *pointer, struct arena *a, struct problems *p);
