/*
 * What the files of the control room share. Nobody outside includes this.
 *
 *     control.c  life, the tail of the pass, backends          apply.c    the plan's actions
 *     lease.c    which experiments are ours                    suggest.c  algorithm jobs
 *     load.c     experiments and trials from the store         run.c      what backends tell
 *     find.c     names to ids                                  order.c    a trial becomes an order
 *     report.c   group commit of points                        ask.c      workers that ask
 *     bus.c      who listens live                             notify.c   web hooks: what is told
 *     live.c     what they are told                           courier.c  how it is delivered
 *     metrics.c  what Prometheus is told                       lessons.c  what earlier experiments teach
 *     orphans.c  runs that nobody needs any more              curves.c   steps that were told
 *     stopping.c trials that are not worth going on           judge.c    reports are judged
 *     elsewhere.c  what must be known of others' experiments
 *
 * Law of callbacks: a store callback carries {control, experiment id, epoch} and looks the experiment
 * up again; it may have gone, or come back with another epoch.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "server/control/control.h"
#include "server/control/experiment.h"
#include "server/model/names.h"
#include "trial-runner/backend.h"

struct bus;
struct control_metrics;
struct courier;
struct elsewhere;
struct finder;
struct live_feed;
struct loop_timer;
struct orphans;
struct waiter;
struct reporter;
struct store_ack;
struct store_acks;
struct store_live_query;
struct store_trials;

enum { CONTROL_BACKENDS_MAX = 4 };

struct control {
	struct control_config config;
	struct loop *loop;
	struct store *store;
	struct run_backend *backends[CONTROL_BACKENDS_MAX];
	size_t n_backends;

	struct experiment **experiments;        /* ours, by id                                        */
	size_t n_experiments, cap_experiments;
	TAILQ_HEAD(experiment_dirty_head, experiment) dirty;
	struct loop_timer *wake;                /* for the earliest experiment->wake_at_us            */

	struct loop_timer *tick;
	bool started, claiming, claim_again, renewing;
	bool claimed;                           /* once, since the start: what can be ours now is     */
	struct loop_timer *stop_look;           /* for points that others took (stopping.c)           */
	bool stop_looking;
	struct elsewhere *elsewhere;
	void (*drained)(void *ctx);
	void *drained_ctx;

	TAILQ_HEAD(, waiter) waiters;           /* requests that wait for trials (ask.c)              */
	struct finder *finder;
	struct reporter *reporter;
	struct bus *bus;
	struct live_feed *live;
	struct orphans *orphans;
	struct courier *courier;
	struct control_metrics *metrics;        /* NULL: nobody counts                                */
};

/* control.c */
struct experiment *control_experiment(struct control *c, int64_t id);           /* or NULL */
void control_adopt(struct control *c, int64_t id, int64_t epoch);
/* Forgets an experiment: its lease is lost, or it is over. Its runs go on without us. */
void control_drop(struct control *c, struct experiment *x);
void control_dirty(struct control *c, struct experiment *x);
/* After an error that may pass: plan again, but not at once. */
void control_later(struct control *c, struct experiment *x, int64_t us);

/* lease.c */
void lease_tick(struct control *c);
void lease_claim(struct control *c);

/* load.c */
void load_experiment(struct control *c, struct experiment *x);
/* Takes the rows of a write in. False: the epoch is stale and the experiment is gone now. */
bool load_rows(struct control *c, struct experiment *x, const struct store_trials *rows);

/* A move that somebody told us about and nobody will tell again: kept until it is written. Its strings
 * lie behind it. */
struct told {
	STAILQ_ENTRY(told) link;
	struct store_trial_move move;
	char text[];
};

/* A store call of the control loop: which experiment it is about, found again in the callback. */
struct step {
	struct control *control;
	struct arena *arena;            /* of the result; freed by step_end() */
	int64_t experiment, epoch;
	int32_t *numbers;               /* trials marked as `writing`, in the arena */
	size_t n_numbers;
	struct told_list told;          /* of the batch under way     */
};
struct step *step_begin(struct control *c, struct experiment *x);
void step_writes(struct step *s, struct experiment *x, int32_t number);         /* marks it */
/* The experiment, still ours under the same epoch, its marks lifted; else NULL. */
struct experiment *step_resume(struct step *s);
void step_end(struct step *s);
/* For callbacks of writes that answer with rows: resumes, takes the rows in, on an error plans again
 * later. NULL if there is nothing more to do. The caller ends the step in any case. */
struct experiment *step_rows(struct step *s, const struct store_trials *rows, const struct err *e);

/* apply.c */
void apply_told(struct control *c, struct experiment *x);       /* writes the moves that wait */
void apply_forget(struct told_list *list);
void apply_plan(struct control *c, struct experiment *x, const struct plan *p);
/* Hands trials in state `starting` to their executor. */
void apply_launch(struct control *c, struct experiment *x, struct trial *t);
/* The trial's move is written with the next batch; copies the strings. */
void apply_move(struct control *c, struct experiment *x, struct trial *t, enum trial_state to,
	const char *reason, const char *message, int exit_code, const char *object);

/* suggest.c */
void suggest_start(struct control *c, struct experiment *x, int64_t n);
void suggest_cancel(struct control *c, struct experiment *x);
void suggest_watch(struct control *c, struct experiment *x);    /* ends one that takes too long */

/* order.c */
struct run_key order_key(const struct experiment *x, const struct trial *t);
const struct run_order *order_make(struct control *c, struct experiment *x, struct trial *t,
	struct arena *a);

/* ask.c */
int64_t ask_wanted(const struct experiment *x);
/* The next worker that waits for a trial, with what it asked for; NULL: nobody. */
const char *ask_next(struct experiment *x, int32_t *lease_s);
/* These rows were written; some may be what a worker waits for. */
void ask_serve(struct control *c, struct experiment *x, const struct store_trials *rows);
void ask_drop_all(struct control *c, struct experiment *x);
void ask_load(struct control *c, struct experiment *x);         /* those that other replicas wrote down */
void ask_changed(struct control *c, int64_t experiment);        /* 0 = any */

/* report.c */
struct reporter *reporter_new(struct control *c);
void reporter_free(struct reporter *r);
/* Of acks that a commit answered with, which are sorted by trial; NULL: the trial does not exist. */
const struct store_ack *reporter_ack(const struct store_acks *acks, int64_t experiment, int32_t number);
void reporter_run_points(struct control *c, const struct run_event *ev);
/* Reports that wait until somebody can judge them go on; or those of one experiment (0 = of all) are refused. */
void reporter_release(struct control *c);
void reporter_refuse(struct control *c, int64_t experiment, const struct err *e);

/* orphans.c */
struct orphans *orphans_new(struct control *c);
void orphans_free(struct orphans *o);
void orphans_sweep(struct control *c); /* all runs that live on this machine */
void orphans_add(struct control *c, struct run_backend *b, const struct run_key *key);
void orphans_tick(struct control *c);

/* bus.c */
struct bus *bus_new(struct control *c);
void bus_free(struct bus *b);
bool bus_anybody(const struct control *c);
/* Somebody listens to this experiment; `ready`: and was told so. */
bool bus_heard(const struct control *c, const char *ns, int64_t experiment, bool ready);
/* All that is listened to, borrowed; returns the ids in q, behind which there is room for more. */
int64_t *bus_scope(const struct control *c, size_t room, struct store_live_query *q, struct arena *a);
void bus_looked(struct control *c, uint64_t look, const struct err *e); /* ready, or not at all */
void bus_publish(struct control *c, const struct bus_message *m);

/* live.c */
struct live_feed *live_new(struct control *c);
void live_free(struct live_feed *f);
uint64_t live_looks(const struct control *c); /* begun so far */
void live_kick(struct control *c);            /* something changed: look soon, if anybody listens */
void live_silence(struct control *c);         /* nobody listens any more */

/* metrics.c; all of them do nothing without a registry */
struct control_metrics *metrics_new(struct control *c);
void metrics_free(struct control_metrics *m);
void metrics_trial(struct control *c, const struct store_trial *row);          /* its state changed */
void metrics_suggestion(struct control *c, const char *algorithm, int64_t took_us);
void metrics_points(struct control *c, size_t n);
void metrics_judged(struct control *c, int64_t took_us);        /* a report, by the stopper */
void metrics_stop(struct control *c, const char *reason);       /* a trial was told to stop */
void metrics_message(struct control *c, const char *outcome);   /* delivered, failed, dropped */

/* find.c */
struct finder *finder_new(void);
void finder_free(struct finder *f);
void finder_forget(struct control *c, int64_t experiment_id);
