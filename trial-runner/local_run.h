/*
 * Inside the local backend: one run as the server sees it, and what the backend's files share.
 *
 * A run is level-triggered: every event (its folder changed, its supervisor ended, an ack, a stop)
 * only asks for a look; local_look() then finds out from the folder what is new and tells it.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "trial-runner/launcher.h"
#include "trial-runner/local.h"
#include "trial-runner/notify.h"
#include "trial-runner/run_table.h"
#include "trial-runner/rundir.h"
#include "trial-runner/slots.h"

struct arena;
struct loop_timer;
struct loop_watch;
struct local;
struct local_log;

struct local_run {
	struct run_node node;           /* first */
	struct local *local;
	char *folder;
	struct notify_watch *watch;     /* of the folder; NULL = looked at by the clock */
	int pidfd;                      /* the supervisor; -1 = not known yet or over */
	struct loop_watch *pid_watch;
	struct run_resources resources;
	char *gpus;                     /* as slots_take() gave them */
	bool launching;                 /* the launcher has not answered */
	char *launch_failure;
	bool started_told;
	bool vacant;                    /* the supervisor is gone, or never was */
	char *stop_reason;              /* of the first stop(); NULL = none */
	int64_t grace_us;               /* the order's */
	int64_t term_us, kill_us;       /* what all stops together ask for, monotonic */
	bool gone;                      /* ended or forgotten: freed after this pass */
	uint64_t told, acked, persisted;        /* offsets in the points file */
	bool wanted;                    /* in the list of looks */
	bool later;                     /* by the clock, once */
	TAILQ_ENTRY(local_run) look;
};
TAILQ_HEAD(look_list, local_run);

struct launch {
	STAILQ_ENTRY(launch) link;
	struct run_key key;
};

struct local {
	struct run_backend base;        /* first */
	char *state;
	int64_t log_max;
	struct slots slots;
	struct run_table runs;
	struct look_list looks;
	struct loop_timer *look_timer;          /* at once, for the list */
	struct loop_timer *clock;               /* for runs that cannot be watched; armed while there are any */
	struct notify *notify;
	struct launcher *launcher;
	STAILQ_HEAD(launch_list, launch) launches;         /* in the order of the launcher's answers */
	LIST_HEAD(log_list, local_log) logs;
	char *buffer;                           /* LOCAL_BUFFER bytes, for one read at a time */
};

enum { LOCAL_BUFFER = 64 * 1024, LOCAL_CLOCK_US = 100000 };

/* local_run.c */
struct local_run *local_run_new(struct local *l, const struct run_key *key, const char *folder,
	const struct run_resources *resources, char *gpus_take);
void local_run_free(struct local_run *r);
void local_run_want_look(struct local_run *r);
void local_run_look_later(struct local_run *r);         /* within a tenth of a second */
/* Takes the descriptor; the run is looked at when the process ends. */
void local_run_set_pidfd(struct local_run *r, int pidfd);
void local_run_signal(struct local_run *r);     /* look at stop.json */
/* Ends the watching: no event follows; freed after this pass, its slots returned now. */
void local_run_drop(struct local_run *r);

/* local_look.c */
void local_look(struct local_run *r);

/* local_env.c: the clean base, the order's, and the backend's own; NULL-ended, in the arena. */
const char *const *local_env(struct arena *a, const struct run_order *o, const char *folder,
	const char *checkpoint, const char *parent_checkpoint, const char *gpus);

/* local_log.c */
struct run_log *local_log_open(struct run_backend *b, const struct run_log_query *q, run_log_fn *fn, void *ctx);
void local_log_resume(struct run_log *log);
void local_log_close(struct run_log *log);
void local_log_run_over(struct local *l, const struct run_key *key);    /* its followers read to the end */
