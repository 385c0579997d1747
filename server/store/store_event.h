/* Events (what happened and why), and the asks of workers that wait for the owner. */
#pragma once
#include "server/store/store.h"

struct store_event {
	int64_t experiment, id;
	int number;                     /* the trial it is about, or 0                            */
	const char *type;               /* "Normal", "Warning"                                    */
	const char *reason, *message;
	int64_t time_us;
};
struct store_events { struct store_event *items; size_t n; bool found; int64_t experiment; };
typedef void store_events_cb(void *ctx, const struct store_events *rows, const struct err *e);

/* Moves, intents, retries and stops write their own events: these are for all else. id and time_us
 * are not used. */
struct store_call *store_events_add(struct store *s, struct arena *a, const struct store_event *events, size_t n,
	store_count_cb *done, void *ctx);

struct store_event_page {
	const char *ns, *experiment;
	int number;                     /* 0 = all                                                */
	int64_t before_id;              /* newest first, behind this one; 0 = from the newest     */
	int limit;
};
struct store_call *store_events_page(struct store *s, struct arena *a, const struct store_event_page *q,
	store_events_cb *done, void *ctx);

/* Oldest first, newer than `after`. */
struct store_call *store_events_since(struct store *s, struct arena *a, int64_t experiment, int64_t after,
	int limit, store_events_cb *done, void *ctx);

struct store_ask { const char *worker; int wanted, lease_seconds; int64_t asked_us; };
struct store_asks { struct store_ask *items; size_t n; };
typedef void store_asks_cb(void *ctx, const struct store_asks *rows, const struct err *e);

/* A worker wants up to `wanted` trials; notifies the owner. NOT_FOUND, WRONG_STATE (over), DONE. */
struct store_call *store_ask_add(struct store *s, struct arena *a, const char *ns, const char *experiment,
	const char *worker, int wanted, int lease_seconds, store_outcome_cb *done, void *ctx);
struct store_call *store_asks_load(struct store *s, struct arena *a, int64_t experiment,
	store_asks_cb *done, void *ctx);
struct store_call *store_ask_done(struct store *s, struct arena *a, int64_t experiment,
	const char *worker, store_count_cb *done, void *ctx);
