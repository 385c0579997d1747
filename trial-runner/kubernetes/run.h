/*
 * Inside the Kubernetes backend: one run as the server sees it, and what the backend's files share.
 *
 *     run_start                          run_adopt
 *        |                                  |
 *     WATCH  the watches of the namespace   |        refused for good: REJECTED
 *        |   have their first list          |
 *     CREATE --- quota, busy, silence ---> PAUSE ---> CREATE
 *        |   \__ the name exists ________   |
 *        |                               FIND        the object and its pods are read; not there: LOST
 *        |                                  |
 *     WAIT  <-------------------------------+        WAITING ...; too long: REJECTED
 *        |   the primary container runs: STARTED
 *     RUN                                            its log is followed: POINTS
 *        |   the end is known
 *     DRAIN                                          the log to its end, points acknowledged
 *        |
 *     ENDED | REJECTED | LOST                        then, settled: the object is deleted (remains.c)
 *
 * A run is level-triggered: whatever happens (an answer, an event of a watch, an ack, a stop, a time that
 * has come) is noted and asks for a look; run_look() then finds out what there is to tell and to do. So
 * events come from the loop alone, and their order does not matter.
 *
 *     kubernetes.c  the backend         look.c     what a look decides       create.c  until the object is there
 *     run.c         a run's own parts   verdict.c  how it ended              watches.c  what the cluster tells
 *     remains.c     what is deleted     blocked.c  why no pod comes          find.c     an object that exists
 *     log_file.c, log_read.c  the log, kept and read
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "trial-runner/collector.h"
#include "trial-runner/frames.h"
#include "trial-runner/kubernetes/client.h"
#include "trial-runner/kubernetes/dress.h"
#include "trial-runner/kubernetes/kubernetes.h"
#include "trial-runner/kubernetes/object.h"
#include "trial-runner/kubernetes/pod.h"
#include "trial-runner/kubernetes/pod_log.h"
#include "trial-runner/kubernetes/point_queue.h"
#include "trial-runner/kubernetes/reflector.h"
#include "trial-runner/kubernetes/turnaround.h"
#include "trial-runner/output.h"
#include "trial-runner/run_table.h"

struct arena;
struct kube;
struct kube_run;
struct log_reader;
struct loop_timer;
struct remains;
struct stray;
struct watch;

enum kube_state { KUBE_WATCH, KUBE_CREATE, KUBE_PAUSE, KUBE_FIND, KUBE_WAIT, KUBE_RUN, KUBE_DRAIN };

/* One pod of the run, as last told. */
struct kube_pod {
	TAILQ_ENTRY(kube_pod) link;
	struct arena *arena;            /* of its state's strings; made anew with each change */
	int64_t version;                /* of what is known: older news are none */
	struct pod_state is;
	bool primary;
	bool gone;                      /* deleted                            */
	bool own_end;                   /* it had ended before anybody deleted it */
};

struct verdict {
	enum run_event_kind kind;       /* RUN_ENDED, RUN_REJECTED, RUN_LOST  */
	const char *reason, *message;   /* in the run's arena                 */
	int exit_code, signal;
	bool oom, timed_out;
	int64_t time_us;
};

/* Which object: strings are the owner's. */
struct object_ref {
	const char *api_version, *kind, *resource;
	const char *ns, *name, *uid;    /* uid "" = not known yet             */
};

enum { CALL_CLAIM, CALL_SECRET, CALL_OBJECT, CALLS };

/* One of the requests that make a run: how it went. */
struct making {
	struct kube_run *run;
	struct kube_call *call;         /* NULL: answered, or not sent        */
	char *body;                     /* owned; NULL = there is nothing to create */
	bool made, exists;
	bool wait;                      /* refused for now                    */
	char *reason, *message;         /* of the refusal; owned              */
};

struct kube_run {
	struct run_node node;           /* first */
	struct kube *kube;
	struct arena *arena;            /* as long as the run                 */
	enum kube_state state;
	bool gone;                      /* over or forgotten: freed after this pass */
	bool wanted;                    /* in the list of looks               */
	TAILQ_ENTRY(kube_run) look;
	struct loop_timer *timer;       /* a look at a time                   */
	int64_t wake_us;                /* when; 0 = not set                  */

	struct object_ref ref;
	struct run_card card;
	const struct judge *judge;      /* NULL: adopted, and the object is not read yet: no news count before */
	struct watch *objects, *pods_watch;
	struct making making[CALLS];
	const char *claim_name;
	unsigned tries, pauses;         /* of creating; since there was last news of room */
	int64_t retry_us;               /* KUBE_PAUSE, KUBE_FIND: when to ask again; 0 = no need */
	int64_t created_us, waits_since_us;
	struct kube_call *find_object, *find_pods, *owner_patch;
	struct kube_call *asking_why;   /* no pod comes                       */
	int64_t ask_why_us;
	bool secret_alone;              /* it could not be given its owner    */
	bool found_object, found_pods;
	bool object_confirmed;          /* it was asked for after a pod of it had been taken away */
	bool pods_confirmed;            /* they were asked for after the object's end was told */

	struct object_state object;     /* strings in object_arena            */
	struct arena *object_arena;
	const cJSON *job;               /* a Job: kind, spec and status, in object_arena; else NULL */
	int64_t deleting_since_us;      /* the primary pod is to go and does not; 0 = no */
	bool object_gone;
	int64_t object_gone_us;
	TAILQ_HEAD(kube_pod_list, kube_pod) pods;       /* as they came       */

	bool started_told;
	char *told_waiting;             /* reason and message of the last WAITING */

	struct kube_pod *logged;        /* whose log is read, or was; NULL = none yet */
	struct pod_log *log;
	bool log_over;
	const char *log_trouble;        /* why its end cannot be had, or NULL */
	struct metric_collector *collector;     /* of what it prints; NULL: the log carries frames */
	struct frame_reader frames;
	struct point_queue points;
	struct output output;
	bool output_open, output_tried;
	struct strbuf last;             /* the end of the log                 */

	char *stop_reason;              /* of the first stop; NULL = none     */
	int64_t stop_at_us;             /* when the object is deleted; INT64_MAX = never */
	int64_t stop_sent_us;           /* when it was; 0 = not               */
	struct kube_call *deleting;
	int64_t delete_again_us;
	bool deleted;                   /* the server has taken it            */

	struct verdict verdict;
};
TAILQ_HEAD(kube_look_list, kube_run);

struct kube {
	struct run_backend base;        /* first */
	struct kube_access *access;
	struct kube_client *client;
	char *state;                    /* folder; NULL: logs are not kept    */
	char *collector_image;
	int64_t log_max, start_deadline_us;
	int64_t news_us;                /* when the event in hand came        */
	struct turnaround turnaround;
	struct run_table runs;
	struct kube_look_list looks;
	struct loop_timer *look_timer;          /* at once, for the list */
	LIST_HEAD(, watch) watches;
	LIST_HEAD(, stray) strays;
	LIST_HEAD(, remains) remains;
	LIST_HEAD(, log_reader) readers;
	void (*found)(void *ctx, const struct run_key *key);    /* of the sweep; NULL: not asked for */
	void *found_ctx;
};

/* run.c */
struct kube_run *kube_run_new(struct kube *k, const struct run_key *key, enum kube_state state);
void kube_run_set_card(struct kube_run *r, const struct run_card *card);        /* copies it */
bool kube_run_judge(struct kube_run *r, struct err *e) MUSTCHECK;
void kube_run_want_look(struct kube_run *r);
void kube_run_wake(struct kube_run *r, int64_t at_us);  /* a look then, or earlier */
/* Has that time come? If not, there is a look when it has: only the earliest of them is kept, so that who
 * waits for a time asks for it in every look, in this way. */
bool kube_run_passed(struct kube_run *r, int64_t at_us);
/* No event follows; freed after this pass. */
void kube_run_drop(struct kube_run *r);
struct kube_pod *kube_run_primary(struct kube_run *r);  /* the newest one, or NULL */
/* What the cluster says of them; the trees are borrowed. */
void kube_run_take_object(struct kube_run *r, const cJSON *object);
void kube_run_take_pod(struct kube_run *r, const cJSON *pod);
void kube_run_lose_object(struct kube_run *r);
void kube_run_lose_pod(struct kube_run *r, const char *uid);
const char *kube_run_object_json(struct kube_run *r, struct arena *a);
/* The object's path, or that of another thing of its namespace. */
const char *kube_run_path(const struct kube_run *r, struct arena *a);
void kube_run_open_log(struct kube_run *r, struct kube_pod *pod);
void kube_run_tell(struct kube_run *r, struct run_event *ev);
void kube_run_tell_waiting(struct kube_run *r, const char *reason, const char *message);

/* look.c */
void kube_run_look(struct kube_run *r);

/* blocked.c: no pod comes: why? */
void blocked_look(struct kube_run *r);

/* create.c */
bool kube_create_prepare(struct kube_run *r, const struct run_order *o, struct err *e) MUSTCHECK;
void kube_create_send(struct kube_run *r);
void kube_create_look(struct kube_run *r);      /* KUBE_CREATE, KUBE_PAUSE */
void kube_create_done(struct kube_run *r);       /* the object is there */
void kube_create_forget(struct kube_run *r);

/* find.c */
/* Reads the object and its pods: KUBE_FIND. */
void kube_find_send(struct kube_run *r);
void kube_find_look(struct kube_run *r);
/* A pod was taken away: alone, or with its object? True when that was asked for. */
bool kube_confirm_object(struct kube_run *r);
/* The object is over and no pod of it is known to be: the watches are not in step. True when the pods were asked. */
bool kube_confirm_pods(struct kube_run *r);

/* verdict.c: fills r->verdict once the end is known. */
bool kube_verdict(struct kube_run *r);
void kube_verdict_lost(struct kube_run *r, const char *reason, const char *message);
void kube_verdict_rejected(struct kube_run *r, const char *reason, const char *message);
void kube_verdict_stopped(struct kube_run *r);

/* watches.c */
/* The watch of a resource in a namespace; resource NULL: asked for. `names` is the label by which pods that do
 * not carry ours name the object they belong to, or NULL. Held until watch_put(). */
struct watch *watch_get(struct kube *k, const char *ns, const char *api_version, const char *kind,
	const char *resource, const char *names);
void watch_put(struct watch *w);
bool watch_synced(const struct watch *w);
const char *watch_resource(const struct watch *w);      /* NULL: not known yet */
/* Why it sees nothing; NULL: all is well. *for_good: asking again will not help. */
const char *watch_trouble(const struct watch *w, const char **reason, bool *for_good);
void watches_free(struct kube *k);
/* What the first lists held that nobody had started. */
struct stray { LIST_ENTRY(stray) link; struct run_key key; struct object_ref ref; struct arena *arena; };
struct stray *stray_find(struct kube *k, const struct run_key *key);
void stray_free(struct stray *s);

/* remains.c */
/* What a run that is over leaves: deleted when it is settled, or at once. */
void remains_add(struct kube_run *r, bool settled);
void remains_settled(struct kube *k, const struct run_key *key);
void remains_forget(struct kube *k, const struct run_key *key);
void remains_free(struct kube *k);
/* The body of a DELETE; uid "" = whatever has the name. */
const char *remains_delete_options(struct arena *a, const char *propagation, const char *uid);

/* log_file.c */
void log_file_write(struct kube_run *r, const char *text, size_t n);
void log_file_end(struct kube_run *r);
void log_file_purge(struct kube *k, const char *uid);
char *log_file_path(const struct kube *k, const struct run_key *key);           /* free() it */

/* log_read.c */
struct run_log *log_read_open(struct run_backend *b, const struct run_log_query *q, run_log_fn *fn, void *ctx);
void log_read_resume(struct run_log *log);
void log_read_close(struct run_log *log);
/* There is more in the file of a run of ours, or it is over. */
void log_read_more(struct kube *k, const struct run_key *key);
