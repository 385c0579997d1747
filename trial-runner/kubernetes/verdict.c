/*
 * How a run ended. The pod says first that its program ended, with its exit code; that counts once the
 * object cannot try again. The object's own condition settles what no pod can say. What was taken away
 * from outside (a node that is gone, an eviction, a delete that is not ours) is lost, not failed.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/clk.h"
#include "trial-runner/kubernetes/run.h"

/* What is deleted may need its grace period and a kubelet that is slow. */
static const int64_t slack_us = 30 * CLK_SECOND;

static void set(struct kube_run *r, enum run_event_kind kind, const char *reason, const char *message)
{
	r->verdict = (struct verdict){.kind = kind,
		.reason = arena_strdup(r->arena, reason),
		.message = arena_strdup(r->arena, message),
		.exit_code = -1};
	r->state = KUBE_DRAIN;
	kube_run_want_look(r);
}

void kube_verdict_lost(struct kube_run *r, const char *reason, const char *message)
{
	if (r->stop_reason)
		kube_verdict_stopped(r);
	else
		set(r, RUN_LOST, reason, message);
}

void kube_verdict_rejected(struct kube_run *r, const char *reason, const char *message)
{
	if (r->stop_reason)
		kube_verdict_stopped(r);
	else
		set(r, RUN_REJECTED, reason, message);
}

static void take_exit(struct kube_run *r, const struct kube_pod *pod)
{
	if (!pod || pod->is.phase != POD_ENDED)
		return;
	r->verdict.exit_code = pod->is.exit_code;
	r->verdict.signal = pod->is.signal;
	r->verdict.time_us = pod->is.ended_us;
}

void kube_verdict_stopped(struct kube_run *r)
{
	set(r, RUN_ENDED, r->stop_reason, arena_printf(r->arena, "was stopped (%s)", r->stop_reason));
	take_exit(r, kube_run_primary(r));
}

static void succeeded(struct kube_run *r, int64_t time_us)
{
	set(r, RUN_ENDED, "Completed", "ended with exit code 0");
	r->verdict.exit_code = 0;
	r->verdict.time_us = time_us;
}

static void failed_in_pod(struct kube_run *r, const struct kube_pod *pod)
{
	set(r, RUN_ENDED, pod->is.reason ? pod->is.reason : "Error",
		pod->is.message ? pod->is.message : "its program failed");
	take_exit(r, pod);
	r->verdict.oom = pod->is.oom;
	r->verdict.timed_out = pod->is.end == POD_END_DEADLINE;
}

static void failed_by_object(struct kube_run *r)
{
	const struct object_state *o = &r->object;

	set(r, RUN_ENDED, o->reason ? o->reason : "Error", o->message ? o->message : "the object's failure condition holds");
	r->verdict.timed_out = o->timed_out;
	r->verdict.time_us = o->ended_us;
}

/* Somebody, or the node's own trouble, took the pod away before its program had ended. */
static bool taken_away(const struct kube_pod *pod)
{
	if (pod->is.phase == POD_ENDED && pod->is.end == POD_END_LOST)
		return true;
	return !pod->own_end && (pod->gone || pod->is.deleting);
}

static void lost_with_object(struct kube_run *r)
{
	kube_verdict_lost(r, "Deleted",
		arena_printf(r->arena, "its %s %s was deleted, and not by trimtab", r->ref.kind, r->ref.name));
}

static void lost_with_pod(struct kube_run *r, const struct kube_pod *pod)
{
	const bool told = pod->is.phase == POD_ENDED && pod->is.end == POD_END_LOST;

	if (r->object_gone || r->object.deleting)
		lost_with_object(r);
	else
		kube_verdict_lost(r, told && pod->is.reason ? pod->is.reason : "PodDeleted",
			told && pod->is.message ? pod->is.message
				: arena_printf(r->arena, "its pod %s was deleted before its program had ended", pod->is.name));
}

static void failed(struct kube_run *r)
{
	struct kube_pod *pod = kube_run_primary(r);

	if (r->object.timed_out || !pod)
		failed_by_object(r);
	else if (taken_away(pod))
		lost_with_pod(r, pod);
	else if (pod->is.phase == POD_ENDED && (pod->is.exit_code != 0 || pod->is.signal))
		failed_in_pod(r, pod);
	else
		failed_by_object(r);
}

static int64_t failed_pods(const struct kube_run *r)
{
	const struct kube_pod *pod;
	int64_t n = 0;

	TAILQ_FOREACH(pod, &r->pods, link)
		n += pod->is.phase == POD_ENDED && (pod->is.exit_code != 0 || pod->is.signal);
	return n;
}

static bool decided_by_pod(struct kube_run *r)
{
	struct kube_pod *pod = kube_run_primary(r);

	if (!r->job || !pod || pod->is.phase != POD_ENDED || !job_pod_is_final(r->job, &pod->is, failed_pods(r)))
		return false;
	if (pod->is.exit_code == 0 && !pod->is.signal && pod->is.end == POD_END_EXIT)
		succeeded(r, pod->is.ended_us);
	else if (!taken_away(pod))
		failed_in_pod(r, pod);
	else if (r->object_gone || kube_confirm_object(r))
		lost_with_pod(r, pod);
	else
		return false;
	return true;
}

static bool all_pods_over(const struct kube_run *r)
{
	const struct kube_pod *pod;

	TAILQ_FOREACH(pod, &r->pods, link) {
		if (!pod->gone && pod->is.phase != POD_ENDED)
			return false;
	}
	return true;
}

/* Another attempt shall not meet this one's program. */
static bool vanished(struct kube_run *r)
{
	if (!r->object_gone || (!all_pods_over(r) && !kube_run_passed(r, r->object_gone_us + r->card.grace_us + slack_us)))
		return false;
	lost_with_object(r);
	return true;
}

/* Deleted by us: its pods go, or their node is gone and cannot say so. */
static bool stopped(struct kube_run *r)
{
	struct kube_pod *pod = kube_run_primary(r);

	if (!r->stop_sent_us)
		return false;
	if (!(pod && pod->is.phase == POD_ENDED) && !(r->object_gone && all_pods_over(r)) &&
		!kube_run_passed(r, r->stop_sent_us + r->card.grace_us + slack_us))
		return false;
	kube_verdict_stopped(r);
	return true;
}

/* The node went silent: the pod is to be deleted, and nobody there does it. */
static bool node_gone(struct kube_run *r)
{
	struct kube_pod *pod = kube_run_primary(r);

	if (!pod || pod->gone || !pod->is.deleting || pod->is.phase == POD_ENDED || r->stop_sent_us) {
		r->deleting_since_us = 0;
		return false;
	}
	if (!r->deleting_since_us)
		r->deleting_since_us = clk_now_us();
	if (!kube_run_passed(r, r->deleting_since_us + r->card.grace_us + slack_us))
		return false;
	if (r->object.timed_out)
		failed_by_object(r);
	else
		kube_verdict_lost(r, "NodeLost", arena_printf(r->arena, "its pod %s cannot be ended: node %s does not answer",
			pod->is.name, pod->is.node ? pod->is.node : "?"));
	return true;
}

static bool pod_is_over(struct kube_run *r)
{
	const struct kube_pod *pod = kube_run_primary(r);

	return pod && (pod->gone || pod->is.phase == POD_ENDED);
}

/* What has decided but is still settling may have programs that run on: for their grace, or on a silent node. */
static bool object_is_over(const struct kube_run *r)
{
	return r->object.phase != OBJECT_RUNNING && (!r->object.settling || all_pods_over(r));
}

bool kube_verdict(struct kube_run *r)
{
	if (r->stop_sent_us)
		return stopped(r);
	if (r->object.phase != OBJECT_RUNNING && !pod_is_over(r) && !kube_confirm_pods(r))
		return false;
	if (!object_is_over(r))
		return decided_by_pod(r) || vanished(r) || node_gone(r);
	if (r->object.phase == OBJECT_SUCCEEDED)
		succeeded(r, r->object.ended_us);
	else
		failed(r);
	return true;
}
