/*
 * Leases: which replica drives which experiment, and which runs are of no use any more. A claim raises the
 * experiment's epoch, and every write of the control loop carries the epoch that it was granted, so that a
 * replica that has lost its lease without knowing changes nothing.
 */
#pragma once
#include "server/store/store.h"

struct store_lease { int64_t experiment, epoch; };
struct store_leases { struct store_lease *items; size_t n; };
typedef void store_leases_cb(void *ctx, const struct store_leases *rows, const struct err *e);

/* Takes up to `max` active experiments that nobody holds, or that `owner` holds according to the
 * database but not according to `held` (it was restarted under the same name). */
struct store_call *store_lease_claim(struct store *s, struct arena *a, const char *owner, int64_t ttl_us,
	const int64_t *held, size_t n_held, int max, store_leases_cb *done, void *ctx);
/* The rows are those that are still held; the others are lost. */
struct store_call *store_lease_renew(struct store *s, struct arena *a, const char *owner, int64_t ttl_us,
	const struct store_lease *held, size_t n, store_leases_cb *done, void *ctx);
/* Gives up; other replicas are notified so that they claim at once. */
struct store_call *store_lease_release(struct store *s, struct arena *a, const char *owner,
	const struct store_lease *held, size_t n, store_count_cb *done, void *ctx);

/* A run that an executor keeps alive. The rows are those of experiments of this database. */
struct store_run {
	int64_t experiment; /* asked only; ids begin again in a new database          */
	const char *uid;    /* of the experiment                                      */
	int number, attempt;
	bool over; /* the trial ended, or went on as a later attempt         */
};
struct store_runs {
	struct store_run *items;
	size_t n;
};
typedef void store_runs_cb(void *ctx, const struct store_runs *rows, const struct err *e);
struct store_call *store_runs_look(
	struct store *s, struct arena *a, const struct store_run *runs, size_t n, store_runs_cb *done, void *ctx);
