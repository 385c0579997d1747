#include "trial-runner/kubernetes/object.h"

#include <string.h>

#include "lib/arena.h"
#include "lib/clk.h"
#include "lib/gjson.h"
#include "trial-runner/kubernetes/pod.h"

struct judge {
	const struct gjson **success, **failure;        /* NULL-ended */
};

static bool compile_all(const char *const *queries, struct arena *a, const struct gjson ***out, struct err *e)
{
	size_t n = 0;

	while (queries && queries[n])
		n++;
	*out = ARENA_NEW_N(a, const struct gjson *, n + 1);
	for (size_t i = 0; i < n; i++) {
		(*out)[i] = gjson_compile(queries[i], a, e);
		if (!(*out)[i])
			return false;
	}
	return true;
}

const struct judge *judge_new(
	const char *const *success_when, const char *const *failure_when, struct arena *a, struct err *e)
{
	struct judge *j = ARENA_NEW(a, struct judge);

	if (!compile_all(success_when, a, &j->success, e) || !compile_all(failure_when, a, &j->failure, e))
		return NULL;
	return j;
}

/* ---- conditions -------------------------------------------------------------------------------- */

static const cJSON *first_that_holds(const struct gjson **queries, const cJSON *object, struct arena *a)
{
	const cJSON *found = NULL;

	for (size_t i = 0; queries[i] && !found; i++)
		found = gjson_holds(queries[i], object, a);
	return found;
}

static bool is_job(const cJSON *object)
{
	const char *api = json_str(json_get(object, "apiVersion")), *kind = json_str(json_get(object, "kind"));

	return api && kind && strncmp(api, "batch/", 6) == 0 && strcmp(kind, "Job") == 0;
}

/* The condition of this type, if it is true. */
static const cJSON *true_condition(const cJSON *object, const char *type)
{
	json_each (c, json_get(json_get(object, "status"), "conditions")) {
		const char *is = json_str(json_get(c, "type")), *status = json_str(json_get(c, "status"));

		if (is && status && strcmp(is, type) == 0 && strcmp(status, "True") == 0)
			return c;
	}
	return NULL;
}

static int64_t time_at(const cJSON *v, const char *key)
{
	const char *text = json_str(json_get(v, key));
	int64_t us;

	return text && clk_parse_time(text, &us) ? us : 0;
}

/* Kinds name it differently. */
static int64_t end_of(const cJSON *condition, const cJSON *status)
{
	static const char *const keys[] = {"completionTime", "finishedAt", "endTime", "terminationTime"};
	int64_t us = time_at(condition, "lastTransitionTime");

	for (size_t i = 0; us == 0 && i < ARRAY_LEN(keys); i++)
		us = time_at(status, keys[i]);
	return us;
}

static const char *text_of(const cJSON *v, const char *key)
{
	const char *text = json_str(json_get(v, key));

	return text && *text ? text : NULL;
}

/* "Job" of "batch/v1 Job", for sentences. */
static const char *kind_of(const cJSON *object)
{
	const char *kind = text_of(object, "kind");

	return kind ? kind : "object";
}

static bool is_deadline(const char *reason)
{
	return strcmp(reason, "DeadlineExceeded") == 0 || strcmp(reason, "PipelineRunTimeout") == 0;
}

static void tell_failure(const cJSON *object, const cJSON *condition, struct arena *a, struct object_state *out)
{
	const cJSON *status = json_get(object, "status");
	const char *reason = text_of(condition, "reason"), *message = text_of(condition, "message");

	if (!reason)
		reason = text_of(status, "reason");
	if (!message)
		message = text_of(condition, "errorMessage");   /* Spark's */
	if (!message)
		message = text_of(status, "message");
	out->reason = reason ? reason : "Failed";
	out->timed_out = is_deadline(out->reason);
	if (out->timed_out)
		out->message = arena_printf(a, "its %s ran longer than its deadline", kind_of(object));
	else if (message)
		out->message = arena_printf(a, "its %s failed: %s", kind_of(object), message);
	else
		out->message = arena_printf(a, "its %s failed", kind_of(object));
}

static void settle(const struct judge *j, const cJSON *object, struct arena *a, struct object_state *out)
{
	const cJSON *failed = first_that_holds(j->failure, object, a);
	const cJSON *succeeded = failed ? NULL : first_that_holds(j->success, object, a);

	if (!failed && !succeeded && is_job(object)) {
		failed = true_condition(object, "FailureTarget");
		succeeded = failed ? NULL : true_condition(object, "SuccessCriteriaMet");
		out->settling = failed || succeeded;
	}
	if (failed || succeeded)
		out->ended_us = end_of(failed ? failed : succeeded, json_get(object, "status"));
	if (succeeded)
		out->phase = OBJECT_SUCCEEDED;
	if (!failed)
		return;
	out->phase = OBJECT_FAILED;
	tell_failure(object, failed, a, out);
}

static bool is_suspended(const cJSON *object)
{
	bool by_spec, by_policy;

	return (json_bool(json_at(object, "/spec/suspend"), &by_spec) && by_spec) ||
		(json_bool(json_at(object, "/spec/runPolicy/suspend"), &by_policy) && by_policy);
}

void object_judge(const struct judge *j, const cJSON *object, struct arena *a, struct object_state *out)
{
	*out = (struct object_state){.suspended = is_suspended(object),
		.deleting = text_of(json_get(object, "metadata"), "deletionTimestamp") != NULL};
	settle(j, object, a, out);
	if (out->phase == OBJECT_RUNNING && out->suspended) {
		out->reason = "Suspended";
		out->message = arena_printf(a, "its %s is suspended: it begins when its queue, or a person, lets it",
			kind_of(object));
	}
}

/* ---- is the end of a pod the end of its Job? ---------------------------------------------------- */

static int64_t count_at(const cJSON *v, const char *key, int64_t absent)
{
	int64_t n;

	return json_int(json_get(v, key), &n) ? n : absent;
}

bool job_pod_is_final(const cJSON *job, const struct pod_state *pod, int64_t failed)
{
	const cJSON *spec = json_get(job, "spec");
	bool success = pod->end == POD_END_EXIT && pod->exit_code == 0;

	if (pod->phase != POD_ENDED || !json_is_object(spec) || !is_job(job))
		return false;
	if (count_at(spec, "completions", 1) != 1 || count_at(spec, "parallelism", 1) > 1 ||
		json_is_object(json_get(spec, "successPolicy")))
		return false;
	if (success)
		return true;
	/* A suspended Job's pods are taken away to be made again. */
	if (pod->may_restart || is_suspended(job) || json_get(json_get(spec, "podFailurePolicy"), "rules") ||
		json_get(spec, "backoffLimitPerIndex"))
		return false;
	return failed > count_at(spec, "backoffLimit", 6);
}
