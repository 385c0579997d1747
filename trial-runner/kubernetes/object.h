/*
 * What an object says of the trial it was created for: does it run, has it succeeded, has it failed,
 * and why. Any kind, by the success and failure conditions of its order (lib/gjson.h); for Jobs also
 * whether the end of a pod is the end of the Job, before the Job says so itself.
 *
 * Pure functions over the object as the API server sends it.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "lib/attr.h"
#include "lib/err.h"
#include "lib/json.h"
#include "trial-runner/backend.h"

struct arena;
struct pod_state;

enum object_phase {
	OBJECT_RUNNING,                 /* or not begun: neither condition holds            */
	OBJECT_SUCCEEDED,
	OBJECT_FAILED,                  /* Katib looks at this condition first, and so do we */
};

struct object_state {
	enum object_phase phase;
	bool suspended;                 /* spec.suspend: by a queue such as Kueue, or by hand */
	bool deleting;                  /* it has a deletionTimestamp                       */
	bool settling;                  /* a Job that has decided, and waits for its pods to go: SuccessCriteriaMet
									 * or FailureTarget; phase tells which              */
	bool timed_out;                 /* activeDeadlineSeconds passed                     */
	const char *reason;             /* CamelCase, for the trial; NULL while it runs without one */
	const char *message;            /* "its Job failed: …", or NULL                      */
	int64_t ended_us;               /* of the condition, else 0                         */
};

/* The conditions of an order, compiled. */
struct judge;
/* In the arena. NULL with *e: a query is wrong (the document's check did not let it through). */
const struct judge *judge_new(const char *const *success_when, const char *const *failure_when,
	struct arena *a, struct err *e) MUSTCHECK;
/* Strings borrow the object or are in the arena. */
void object_judge(const struct judge *j, const cJSON *object, struct arena *a, struct object_state *out);

/* Is the end of this pod the end of its Job? `failed` counts the Job's pods that are known to have
 * failed, this one included. When in doubt false: the Job's condition comes a second or two later. */
bool job_pod_is_final(const cJSON *job, const struct pod_state *pod, int64_t failed);
