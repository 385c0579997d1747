/*
 * What those who listen live want to know: a look at many experiments at once, cheap enough for every
 * second. What the look finds changed is then read by store_trials_page(), store_events_since() and
 * store_live_points().
 */
#pragma once
#include "server/model/state.h"
#include "server/store/store.h"
#include "server/store/store_observation.h"

struct store_live {
	int64_t id;
	const char *ns, *name, *reason;
	enum experiment_state state;
	int64_t version;    /* of its row                                             */
	int64_t change;     /* of its trials                                          */
	int64_t last_event; /* 0: none                                                */
	int counts[TRIAL_STATES];
	int best_number; /* 0: none                                                */
	bool fresh;      /* created within the last minute                         */
};
struct store_lives {
	struct store_live *items;
	size_t n;
};
typedef void store_lives_cb(void *ctx, const struct store_lives *rows, const struct err *e);

struct store_live_query {
	const int64_t *ids; /* these, whatever their state, archived ones too         */
	size_t n_ids;
	const char *const *namespaces; /* and those under way or fresh in these                  */
	size_t n_namespaces;
	bool everywhere; /* or in all                                              */
};
struct store_call *store_live_experiments(
	struct store *s, struct arena *a, const struct store_live_query *q, store_lives_cb *done, void *ctx);

/* Of every running trial, and of these numbers: at most `max` of the newest points of each metric behind
 * the known step, by (trial, metric, step). `known`: JSON, {"<number>": {"<metric>": step}}. */
struct store_call *store_live_points(struct store *s, struct arena *a, int64_t experiment, const int *numbers,
	size_t n, const char *known, int max, store_series_cb *done, void *ctx);
