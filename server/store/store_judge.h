/*
 * Points that their driver has not judged yet: they came to another replica, or without a step. They stay
 * noted until the driver took them in and removes them, together with what it decides (store_trials_stop),
 * so none is forgotten and none is judged twice.
 */
#pragma once
#include "server/store/store.h"

struct store_ids {
	int64_t *items;
	size_t n;
};
typedef void store_ids_cb(void *ctx, const struct store_ids *rows, const struct err *e);
/* Which of these experiments have any. */
struct store_call *store_unjudged_look(
	struct store *s, struct arena *a, const int64_t *experiments, size_t n, store_ids_cb *done, void *ctx);

struct store_unjudged_point {
	int64_t seq; /* the order in which they came: names the note */
	int number;
	int64_t step;
	double value;
};
struct store_unjudged {
	struct store_unjudged_point *items;
	size_t n;
};
typedef void store_unjudged_cb(void *ctx, const struct store_unjudged *rows, const struct err *e);
/* The first ones of an experiment, in order, with the values that are stored now. */
struct store_call *store_unjudged_load(struct store *s, struct arena *a, int64_t experiment, const char *metric,
	int limit, store_unjudged_cb *done, void *ctx);
