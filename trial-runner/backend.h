/*
 * Where trials run: one interface for local processes, Kubernetes objects and simulated trials.
 *
 * A run is one attempt of one trial. Control starts it with an order, or adopts it when an earlier
 * server (or another replica) started it; what becomes of it comes back as events through one
 * callback on the loop thread, never from inside start(), adopt(), stop() or ack():
 *
 *     start -> WAITING ... -> STARTED | REJECTED       adopt -> STARTED | LOST
 *     STARTED -> POINTS | WAITING ... -> ENDED | LOST  (the last word; the run is then forgotten)
 *
 * A run that is stopped, lost or over before its program ran may go from WAITING to the last word.
 *
 * Promises. start() and adopt() may be repeated for the same key, also by another process after a
 * crash: an attempt's program is started at most once, ever. Every point is delivered at least
 * once, with the same (metric, step) each time, so storing it twice changes nothing; a point without
 * a step on its line counts its metric's lines from 0. About RUN_POINTS_WINDOW of points of a run are
 * under way at once: more come after ack(). ENDED comes only after every POINTS event of the run was
 * acknowledged: whoever sees ENDED knows that all is stored.
 *
 * Everything given to a backend is borrowed for the call, and so is everything in an event.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/attr.h"
#include "lib/err.h"

struct cJSON;
struct loop;
struct run_backend;

enum {
	RUN_UID_MAX = 40,
	RUN_POINTS_BATCH = 1000,        /* points in one event, at most      */
	RUN_POINTS_WINDOW = 128 * 1024, /* bytes of points under way, a run: some thousand */
};

struct run_key {
	int64_t experiment_id;
	int32_t number;                 /* of the trial, from 1              */
	int32_t attempt;                /* from 1                            */
	char uid[RUN_UID_MAX];          /* of the experiment: ids begin again in a new database */
};

/* Where metrics come from besides the API, which is always open to a trial. */
enum run_collector {
	RUN_COLLECT_NONE,
	RUN_COLLECT_STDOUT,             /* lines of stdout and stderr        */
	RUN_COLLECT_FILE,               /* lines of metrics.path             */
};

struct run_metrics {
	enum run_collector collector;
	bool fallback;                  /* points count only for metrics that nobody pushed: told in the event */
	bool json_lines;                /* each line is a JSON object        */
	const char *path;               /* RUN_COLLECT_FILE; relative to the working directory */
	const char *const *wanted;      /* metric names, NULL-ended; none or NULL = all that match */
	const char *const *patterns;    /* own regular expressions, NULL-ended; NULL = the default */
};

struct run_resources {
	double cpu;                     /* cores; 0 = not said, counts as one */
	int64_t memory;                 /* bytes; 0 = no limit; local: looked at twice a second */
	int32_t gpu;                    /* whole devices                     */
};

/* Kubernetes: what is created for a trial, and what must be known to judge it. */
struct run_object {
	const struct cJSON *manifest;   /* the whole object, parameters filled in, without name and namespace */
	const char *ns;                 /* where it is created                */
	const char *primary_container;  /* the one that trains and reports    */
	const char *const *primary_labels;      /* "key=value", NULL-ended: of the pods it is in, besides
									 * ours; NULL = any pod that has the container */
	const char *const *success_when, *const *failure_when;  /* gjson.h, NULL-ended: any of them  */
	const char *checkpoint_path;    /* where checkpoints are in the container; NULL = there are none */
	const char *checkpoint_claim;   /* the PersistentVolumeClaim they are on */
	const struct cJSON *checkpoint_spec;    /* of the claim, made for the experiment; NULL = it exists */
	bool retain;                    /* what has ended is kept             */
};

struct run_order {
	struct run_key key;
	int32_t parent;                 /* number of the trial from whose checkpoint it begins; 0 = none */
	int32_t line;                   /* number of the trial in whose checkpoint folder it goes on, which
									 * it may change: that one has ended; 0 = it has its own */
	const char *ns, *experiment;    /* names, for people and for labels  */
	const char *trial;              /* <experiment>-<8 characters>       */
	const char *const *argv;        /* NULL-ended; argv[0] is looked up in the trial's PATH */
	const char *const *env;         /* "NAME=value", NULL-ended, placed over the backend's clean base */
	const char *cwd;                /* NULL = a folder of the run's own  */
	const struct run_object *object;        /* Kubernetes; else NULL         */
	int64_t timeout_us;             /* 0 = none; kept also while no server runs */
	int64_t grace_us;               /* from SIGTERM to SIGKILL           */
	struct run_resources resources;
	struct run_metrics metrics;
};

struct run_point {
	const char *metric;
	int64_t step;
	double value;                   /* may be NaN or infinite            */
	int64_t time_us;                /* wall clock, when the line was read */
};

enum run_event_kind {
	RUN_STARTED,                    /* the program runs (again after each adopt)              */
	RUN_WAITING,                    /* it does not run, or not well: reason, message, object; for people */
	RUN_REJECTED,                   /* it could not be started: reason, message               */
	RUN_POINTS,
	RUN_VACATED,                    /* optional: its program ended by itself, and well; the place it had is free
									 * while the last of what it said is read. ENDED follows      */
	RUN_ENDED,                      /* it ended; see exit_code, signal, stopped, timed_out    */
	RUN_LOST,                       /* nobody knows what became of it: reason, message        */
};

/* Where the points of an event come from. */
enum run_source {
	RUN_FROM_OUTPUT,                /* the collector, the trial's chosen source               */
	RUN_FROM_FALLBACK,              /* the collector, only good for metrics that nobody pushed */
	RUN_FROM_SPOOL,                 /* TRIMTAB_SPOOL: pushed, but the server was not there    */
};

struct run_event {
	enum run_event_kind kind;
	struct run_backend *from;
	struct run_key key;
	int64_t time_us;                /* wall clock of the thing itself, not of its discovery   */
	const char *object;             /* STARTED, WAITING: JSON object to keep with the trial (pid, host, …), or NULL */
	const char *reason;             /* one CamelCase word: StartError, Timeout, OutOfMemory, Killed, Error, … */
	const char *message;            /* a sentence                                             */
	/* POINTS */
	const struct run_point *points;
	size_t n_points;
	enum run_source source;
	uint64_t cursor;                /* for ack(): all points up to and including this event   */
	/* ENDED */
	int exit_code;                  /* -1 when a signal ended it                              */
	int signal;                     /* 0 when it exited                                       */
	bool stopped;                   /* stop() was asked for before it ended                   */
	const char *stop_reason;        /* that of the first stop()                               */
	bool timed_out, oom;
	const char *last_lines;         /* the end of its output, <= 2 KiB, valid UTF-8           */
};

typedef void run_event_fn(void *ctx, const struct run_event *ev);

/* The layers of stopping: the stop file at once, SIGTERM after `notice`, SIGKILL `grace` later. */
struct run_stop {
	const char *reason;             /* MedianStop, Cancelled, Killed, …   */
	int64_t notice_us;              /* 0 = SIGTERM at once                */
	int64_t grace_us;               /* < 0 = the order's                  */
};

enum run_fit {
	RUN_FITS,
	RUN_WAIT,                       /* try again after the next REJECTED, ENDED or LOST       */
	RUN_NEVER,                      /* more than the whole machine has                        */
};

struct run_capacity {
	int32_t slots, slots_used;      /* slots 0 = no bound                                     */
	double cpus, cpus_used;         /* cpus 0 = no bound                                      */
	int32_t gpus, gpus_used;
};

struct run_log_query {
	struct run_key key;
	int64_t tail_lines;             /* >= 0: only the last lines (`offset` is then ignored)   */
	int64_t offset;                 /* bytes from the start                                   */
	bool follow;                    /* until the run ends                                     */
	const char *object;             /* of its last STARTED or WAITING, or NULL: where to ask if another server drives it */
	bool active;                    /* it has not ended                                       */
};

/* A piece of log; n = 0 with end = true closes (e set when it could not be read: not found, …).
 * Return false to pause until run_log_resume(). The reader must still be closed after the end. */
typedef bool run_log_fn(void *ctx, const char *data, size_t n, int64_t offset, bool end,
	const struct err *e);

struct run_backend;

/* An open log; every backend's own begins with this. */
struct run_log {
	struct run_backend *backend;
};

/* What a backend implements. Where a comment says optional, NULL is allowed. */
struct run_backend_type {
	const char *name;               /* core.trials.executor               */
	bool (*start)(struct run_backend *b, const struct run_order *o, struct err *e);
	void (*adopt)(struct run_backend *b, const struct run_key *key, const char *object);
	void (*stop)(struct run_backend *b, const struct run_key *key, const struct run_stop *how);
	void (*ack)(struct run_backend *b, const struct run_key *key, uint64_t cursor);
	void (*settled)(struct run_backend *b, const struct run_key *key);      /* optional */
	void (*forget)(struct run_backend *b, const struct run_key *key);
	void (*sweep)(struct run_backend *b, void (*found)(void *ctx, const struct run_key *key), void *ctx);
	enum run_fit (*fit)(struct run_backend *b, const struct run_resources *r);
	void (*capacity)(struct run_backend *b, struct run_capacity *out);
	struct run_log *(*log_open)(struct run_backend *b, const struct run_log_query *q, run_log_fn *fn, void *ctx);
	void (*log_resume)(struct run_log *log);
	void (*log_close)(struct run_log *log);
	void (*purge)(struct run_backend *b, const char *uid);
	void (*close)(struct run_backend *b);
};

/* Every backend's instance begins with this. */
struct run_backend {
	const struct run_backend_type *type;
	struct loop *loop;
	run_event_fn *on_event;
	void *ctx;
};

/* False (ERR_SLOW_DOWN) when nothing is free, or (ERR_INVALID, ERR_UNAVAILABLE) when the order
 * cannot be taken at all; no event follows then. True: STARTED or REJECTED will come. */
static inline bool MUSTCHECK run_start(struct run_backend *b, const struct run_order *o, struct err *e)
{
	return b->type->start(b, o, e);
}

/* Takes over a run that `object` (from its STARTED event, or NULL if that was never stored) names. */
static inline void run_adopt(struct run_backend *b, const struct run_key *key, const char *object)
{
	b->type->adopt(b, key, object);
}

/* Repeatable; a later stop can only hasten an earlier one. Unknown keys are ignored. */
static inline void run_stop(struct run_backend *b, const struct run_key *key, const struct run_stop *how)
{
	b->type->stop(b, key, how);
}

/* The points of all POINTS events of this run up to `cursor` are committed (or not wanted). */
static inline void run_ack(struct run_backend *b, const struct run_key *key, uint64_t cursor)
{
	b->type->ack(b, key, cursor);
}

/* The last word of this run is in the database: what it was learned from may be removed. */
static inline void run_settled(struct run_backend *b, const struct run_key *key)
{
	if (b->type->settled)
		b->type->settled(b, key);
}

/* Stops watching without ending the run: another replica drives it now. No event follows. */
static inline void run_forget(struct run_backend *b, const struct run_key *key)
{
	b->type->forget(b, key);
}

/* Names every run that is alive but neither started nor adopted by this process: orphans, which the
 * caller may stop (run_adopt, then run_stop) or leave to their owner. `found` is called from inside or
 * later from the loop, until run_close(). */
static inline void run_sweep(struct run_backend *b, void (*found)(void *ctx, const struct run_key *key), void *ctx)
{
	b->type->sweep(b, found, ctx);
}

static inline enum run_fit run_fits(struct run_backend *b, const struct run_resources *r)
{
	return b->type->fit(b, r);
}

static inline void run_capacity(struct run_backend *b, struct run_capacity *out)
{
	b->type->capacity(b, out);
}

/* The log of a running or ended attempt. Never NULL; the first piece comes from the loop. */
static inline struct run_log *run_log_open(struct run_backend *b, const struct run_log_query *q,
	run_log_fn *fn, void *ctx)
{
	return b->type->log_open(b, q, fn, ctx);
}

/* The reader returned false and now wants more. */
static inline void run_log_resume(struct run_log *log)
{
	log->backend->type->log_resume(log);
}

static inline void run_log_close(struct run_log *log)
{
	if (log)
		log->backend->type->log_close(log);
}

/* Removes all that is kept of an experiment (logs, checkpoints). Its runs must have ended. */
static inline void run_purge(struct run_backend *b, const char *uid)
{
	b->type->purge(b, uid);
}

/* Stops watching and frees; runs that can live without a server go on. Logs must be closed before. */
static inline void run_close(struct run_backend *b)
{
	if (b)
		b->type->close(b);
}
