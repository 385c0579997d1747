/*
 * What a pod says of the trial in it: what it waits for, since when its primary container runs, how it
 * ended, in words for the trial's reason and message that say what to do next.
 *
 * Pure functions over the pod as the API server sends it.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "lib/json.h"

struct arena;

enum pod_phase {
	POD_WAITING,                    /* for a node, its images, its init containers, or to be restarted */
	POD_RUNNING,                    /* the primary container runs                       */
	POD_ENDED,                      /* it has terminated, or the pod is over            */
};

/* What to make of a pod that has ended. */
enum pod_end {
	POD_END_EXIT,                   /* the program ended: exit_code, signal, oom        */
	POD_END_DEADLINE,               /* the object's time was over                       */
	POD_END_LOST,                   /* the node took it away: evicted, preempted, node gone. The program
									 * is not to blame, another attempt is right         */
};

struct pod_state {
	const char *name, *uid, *node;  /* node NULL: not scheduled                         */
	enum pod_phase phase;
	bool deleting;
	bool may_restart;               /* restartPolicy is not Never: the kubelet may start the container
									 * again in the same pod                             */
	int32_t restarts;
	/* POD_WAITING and POD_ENDED: */
	const char *reason;             /* Kubernetes' word: Unschedulable, ImagePullBackOff, OOMKilled, … */
	const char *message;            /* "ended with exit code 3"; NULL: nothing to say     */
	/* POD_WAITING: */
	bool stuck;                     /* it will hardly get better by itself (image, configuration, crash
									 * loop): to be judged by how long it lasts          */
	int64_t waiting_us;             /* since when, as the pod tells it                   */
	/* POD_RUNNING and POD_ENDED: */
	int64_t started_us;             /* of the primary container; 0 = it never ran        */
	int64_t ended_us;
	enum pod_end end;
	int exit_code;                  /* -1 when a signal ended it, or it is not known      */
	int signal;
	bool oom;
};

/* `primary` NULL: the first container. Strings borrow the pod or are in the arena. */
void pod_judge(const cJSON *pod, const char *primary, struct arena *a, struct pod_state *out);

/* Is this a pod whose log is the trial's: all labels ("key=value", NULL-ended, or NULL), and the
 * container `primary`? */
bool pod_is_primary(const cJSON *pod, const char *const *labels, const char *primary);
