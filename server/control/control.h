/*
 * The control loop: drives the experiments whose lease this replica holds.
 *
 * PostgreSQL is the truth; what is held here is a cache of the experiments under way. Events (a
 * notification, an ended process, a worker's result, a report, the tick) only mark an experiment
 * dirty. At the tail of each loop pass plan() looks at every dirty one and its actions are carried
 * out, each of them fenced by the lease's epoch and safe to repeat. Killed at any point, the next
 * start reads, plans and goes on.
 *
 * The API uses the calls below; everything else about an experiment it reads and writes through the
 * store, whose statements notify every replica, this one too. All of it on the loop thread.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/err.h"
#include "server/model/metrics_in.h"
#include "server/model/spec.h"
#include "server/model/state.h"

struct arena;
struct control;
struct loop;
struct prom;
struct run_backend;
struct run_event;
struct store;
struct store_trial;
struct store_trials;
struct work_pool;

struct control_config {
	struct loop *loop;
	struct store *store;
	struct work_pool *workers;
	struct prom *prom;                      /* or NULL                                            */
	const char *replica;                    /* unique among those that live: lease owner          */
	const char *base_url;                   /* how trials reach the API: http://127.0.0.1:8746    */
	const void *trial_key;                  /* signs trial tokens                                 */
	size_t trial_key_len;
	int64_t lease_us;                       /* 0: 15 s; renewed three times as often              */
	int64_t suggest_us;                     /* 0: 10 min; an algorithm that computes longer fails */
};

struct control *control_new(const struct control_config *config);
/* Lets go of every experiment: answers that come later change nothing. The store and the workers, whose
 * last callbacks find the control loop, are freed between this and control_free(). */
void control_close(struct control *c);
void control_free(struct control *c);

/* Backends pass their events here; register each before control_start(). Not owned. */
void control_add_backend(struct control *c, struct run_backend *b);
void control_on_run(void *control, const struct run_event *ev);
struct run_backend *control_backend(struct control *c, const char *executor);   /* or NULL */

void control_start(struct control *c);
/* Starts nothing more, gives the leases back, then calls done: for SIGTERM. Trials go on. */
void control_drain(struct control *c, void (*done)(void *ctx), void *ctx);

/* Something about this experiment changed in the database (the store's notification); 0 = anything
 * may have, for notifications were missed. */
void control_changed(struct control *c, int64_t experiment_id);

/* The API wrote these trials of an experiment: if it is driven here, the control loop need not hear of it by
 * a notification, and judges the next report by it. */
void control_wrote(struct control *c, const struct store_trials *rows);

/* (namespace, name) -> id of an experiment that is not archived, from a cache that notifications
 * keep true, or from the store. ERR_NOT_FOUND. done() may come at once. */
typedef void control_found_fn(void *ctx, int64_t experiment_id, const struct err *e);
void control_find(struct control *c, const char *ns, const char *name, control_found_fn *done, void *ctx);

/* ---- reports (report.c) ------------------------------------------------------------------------ */

struct report_answer {
	size_t accepted;
	bool stop;                              /* the trial should end                               */
	const char *reason, *message;           /* of the stop; "" without                            */
	enum trial_state state;
};
typedef void report_done_fn(void *ctx, const struct report_answer *answer, const struct err *e);

/* Commits the points (at least one) together with whatever else arrives meanwhile, then answers. They
 * and their names must stay until done(). ERR_SLOW_DOWN when too much waits, ERR_GONE for a trial that
 * does not exist, ERR_UNAVAILABLE while the database is away (nothing is kept then: send again). */
void control_report(struct control *c, int64_t experiment_id, int32_t number,
	const struct metric_point *points, size_t n, report_done_fn *done, void *ctx);

/* ---- ask (ask.c) ------------------------------------------------------------------------------- */

struct ask_answer {
	const struct store_trial *trials;       /* the worker's now; committed                        */
	size_t n;
	enum experiment_state state;
	int64_t retry_after_s;                  /* with n = 0: when to ask again                      */
};
typedef void ask_done_fn(void *ctx, const struct ask_answer *answer, const struct err *e);
/* The worker's unfinished trials first, then fresh ones, `count` at most; waits at most 5 s for them.
 * ERR_WRONG_STATE for an experiment that runs its trials itself. */
void control_ask(struct control *c, int64_t experiment_id, const char *ns, const char *name,
	const char *worker, int32_t count, int32_t lease_s, ask_done_fn *done, void *ctx);

/* ---- what happens, live (bus.c, live.c) --------------------------------------------------------- */

struct bus_message {
	int64_t event_id;                       /* of core.events, 0 = none                           */
	const char *kind;                       /* experiment, trial, metrics, event, best            */
	int64_t experiment_id;
	const char *ns, *experiment;
	const char *data;                       /* one JSON object, {"experiment", "number", ...}                     */
	size_t len;
};
struct bus_listener {
	/* From now on all that changes is told; or (e) it cannot be, then the listener unsubscribes. */
	void (*ready)(void *ctx, const struct err *e);
	void (*message)(void *ctx, const struct bus_message *m);
};
struct bus_subscription;
/* ns NULL: every namespace; experiment_id 0: every experiment. Which replica drives it does not matter. */
struct bus_subscription *bus_subscribe(
	struct control *c, const char *ns, int64_t experiment_id, const struct bus_listener *listener, void *ctx);
void bus_unsubscribe(struct bus_subscription *s);
