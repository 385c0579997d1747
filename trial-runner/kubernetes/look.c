/* What a look at a run finds to tell and to do. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/clk.h"
#include "lib/failpoint.h"
#include "lib/log.h"
#include "lib/loop.h"
#include "lib/mem.h"
#include "lib/utf8.h"
#include "trial-runner/kubernetes/run.h"

enum { LAST_LINES_MAX = 2048 };

/* What passes quickly is not worth a word. */
static const int64_t quiet_us = 3 * CLK_SECOND, delete_again_us = CLK_SECOND;

/* How long the end of a log is asked for in vain. What is lost begins anew: its log is not waited for. */
static const int64_t log_us = 120 * CLK_SECOND, lost_log_us = 3 * CLK_SECOND;

/* ---- points -------------------------------------------------------------------------------------------- */

static void tell_points(struct kube_run *r)
{
	struct point_batch *b;

	while (!r->gone && (b = point_queue_tell(&r->points))) {
		kube_run_tell(r, &(struct run_event){.kind = RUN_POINTS,
			.points = b->points, .n_points = b->n, .source = b->source, .cursor = b->cursor});
		point_batch_free(b);
	}
	if (!r->gone && r->log && !point_queue_full(&r->points))
		pod_log_hold(r->log, false);
}

/* ---- the last word ------------------------------------------------------------------------------------- */

/* From the start of a line, and valid UTF-8. */
static char *last_lines(const struct kube_run *r)
{
	const size_t n = r->last.len < LAST_LINES_MAX ? r->last.len : LAST_LINES_MAX;
	const char *from = r->last.data + r->last.len - n, *line = NULL;
	char *text;
	size_t len = n, bad;

	if (n < r->last.len)
		line = memchr(from, '\n', n);
	if (line) {
		len -= (size_t)(line + 1 - from);
		from = line + 1;
	}
	text = xstrndup(from, len);
	while ((bad = utf8_check(text, len)) < len)
		text[bad] = '?';
	return text;
}

/* The run is forgotten first, so that what it held is free when control hears of it. */
static void tell_last(struct kube_run *r)
{
	const struct verdict *v = &r->verdict;
	struct run_event ev = {.kind = v->kind,
		.time_us = v->time_us,
		.reason = v->reason,
		.message = v->message,
		.exit_code = v->exit_code,
		.signal = v->signal,
		.oom = v->oom,
		.timed_out = v->timed_out,
		.stopped = v->kind == RUN_ENDED && r->stop_reason,
		.stop_reason = r->stop_reason};
	char *last = last_lines(r);

	ev.last_lines = last;
	FAILPOINT("kube-ended");
	if (r->log_trouble)
		LOG_WARN("the end of a trial's log could not be read", L_STR("namespace", r->ref.ns),
			L_STR("trial", r->ref.name), L_STR("error", r->log_trouble));
	remains_add(r, r->stop_sent_us != 0 && !r->deleted);
	kube_run_drop(r);
	kube_run_tell(r, &ev);
	free(last);
}

static void tell_started(struct kube_run *r, const struct kube_pod *pod)
{
	struct arena *a = arena_new();

	r->started_told = true;
	free(r->told_waiting);
	r->told_waiting = NULL;
	kube_run_tell(r, &(struct run_event){.kind = RUN_STARTED,
		.time_us = pod ? pod->is.started_us : 0, .object = kube_run_object_json(r, a)});
	arena_free(a);
}

static void drain(struct kube_run *r)
{
	const struct kube_pod *pod = r->logged;
	/* What is about to be deleted takes its log along: the stream may know more. */
	const bool vanishing = r->stop_sent_us || r->object_gone || r->object.timed_out ||
	                       (pod && (pod->gone || pod->is.deleting));

	if (r->log && !r->log_over) {
		pod_log_finish(r->log, vanishing, r->verdict.kind == RUN_LOST ? lost_log_us : log_us);
		return;
	}
	if (point_queue_empty(&r->points))
		tell_last(r);
}

/* ---- stopping ------------------------------------------------------------------------------------------ */

static void on_deleted(void *ctx, const struct kube_answer *a, const struct err *e)
{
	struct kube_run *r = ctx;
	const bool other = a && a->refusal && a->refusal->kind == KUBE_REFUSED_CONFLICT;

	r->deleting = NULL;
	if (e && !other) {
		kube_run_tell_waiting(r, "CannotDelete", e->detail);
		r->delete_again_us = clk_now_us() + delete_again_us;
		kube_run_wake(r, r->delete_again_us);
		return;
	}
	r->deleted = true;
	if (other || a->status == 404)
		kube_run_lose_object(r);
	kube_run_want_look(r);
}

/* In the foreground: the object stays until its pods are gone, so that its end tells of theirs. */
static void delete_object(struct kube_run *r)
{
	struct arena *a = arena_new();

	if (!r->stop_sent_us)
		r->stop_sent_us = clk_now_us();
	r->deleting = kube_send(r->kube->client,
		&(struct kube_request){.method = "DELETE",
			.path = kube_run_path(r, a),
			.body = remains_delete_options(a, "Foreground", r->ref.uid),
			.urgent = true,
			.accept = {404}},
		on_deleted, r);
	arena_free(a);
}

static void stop_if_due(struct kube_run *r)
{
	if (r->stop_at_us == INT64_MAX || r->deleted || r->deleting || r->object_gone)
		return;
	if (kube_run_passed(r, r->stop_at_us) && kube_run_passed(r, r->delete_again_us))
		delete_object(r);
}

/* ---- waiting ------------------------------------------------------------------------------------------- */

static const char *watch_says(const struct kube_run *r, const char **reason, bool *for_good)
{
	const char *text = watch_trouble(r->pods_watch, reason, for_good);

	return text ? text : watch_trouble(r->objects, reason, for_good);
}

/* A pod that cannot start is given time: a node may come, a registry may answer again. */
static bool too_long(struct kube_run *r, const struct pod_state *p)
{
	const bool hopeless = p->stuck || (p->reason && strcmp(p->reason, "Unschedulable") == 0);
	const int64_t since = p->waiting_us ? p->waiting_us : clk_wall_us();
	const int64_t left = since + r->kube->start_deadline_us - clk_wall_us();

	return hopeless && !r->started_told && kube_run_passed(r, clk_now_us() + left);
}

static void say_waiting(struct kube_run *r, const char *reason, const char *message)
{
	if (kube_run_passed(r, r->waits_since_us + quiet_us))
		kube_run_tell_waiting(r, reason, message);
}

static void look_at_waiting(struct kube_run *r)
{
	const struct kube_pod *pod = kube_run_primary(r);
	const char *reason, *text;
	bool for_good;

	if ((text = watch_says(r, &reason, &for_good)))
		kube_run_tell_waiting(r, reason, text);
	else if (pod && !pod->gone && pod->is.phase == POD_WAITING && too_long(r, &pod->is))
		kube_verdict_rejected(r, pod->is.reason, pod->is.message);
	else if (pod && !pod->gone && pod->is.phase == POD_WAITING)
		say_waiting(r, pod->is.reason ? pod->is.reason : "Pending", pod->is.message);
	else if (!pod && r->object.suspended)
		say_waiting(r, "Suspended", r->object.message ? r->object.message : "a queue, or somebody, holds it back");
	else if (!pod)
		blocked_look(r);
}

/* ---- its place ----------------------------------------------------------------------------------------- */

/* Reading the end of a log takes three processes: another program may run meanwhile. */
static void tell_vacated(struct kube_run *r)
{
	const struct verdict *v = &r->verdict;

	if (v->kind == RUN_ENDED && v->exit_code == 0 && !r->stop_reason && r->log && !r->log_over)
		kube_run_tell(r, &(struct run_event){.kind = RUN_VACATED, .time_us = v->time_us});
}

/* ---- the look ------------------------------------------------------------------------------------------ */

static void follow_log(struct kube_run *r, struct kube_pod *pod)
{
	if (!pod || pod == r->logged || !pod->is.started_us)
		return;
	if (r->log && !r->log_over)
		pod_log_finish(r->log, false, log_us);  /* of the pod before; a look follows its end */
	else
		kube_run_open_log(r, pod);
}

static void look_at_watches(struct kube_run *r)
{
	const char *reason, *text;
	bool for_good;

	if (r->stop_reason) {
		kube_verdict_stopped(r);
	} else if ((text = watch_says(r, &reason, &for_good)) && for_good) {
		kube_verdict_rejected(r, reason, text);
	} else if (text) {
		kube_run_tell_waiting(r, reason, text);
	} else if (watch_synced(r->objects) && watch_synced(r->pods_watch)) {
		r->ref.resource = arena_strdup(r->arena, watch_resource(r->objects));
		kube_create_send(r);
	}
}

static void look_at_life(struct kube_run *r)
{
	struct kube_pod *pod = kube_run_primary(r);

	stop_if_due(r);
	if (!r->started_told && pod && pod->is.started_us) {
		r->state = KUBE_RUN;
		tell_started(r, pod);
	}
	if (r->gone)
		return;
	follow_log(r, pod);
	if (kube_verdict(r)) {
		if (!r->started_told && r->verdict.kind == RUN_ENDED && !r->stop_reason)
			tell_started(r, NULL);
		if (!r->gone)
			tell_vacated(r);
		if (!r->gone)
			drain(r);
	} else {
		look_at_waiting(r);
	}
}

void kube_run_look(struct kube_run *r)
{
	tell_points(r);
	if (r->gone)
		return;
	switch (r->state) {
	case KUBE_WATCH:
		look_at_watches(r);
		break;
	case KUBE_CREATE:
	case KUBE_PAUSE:
		kube_create_look(r);
		break;
	case KUBE_FIND:
		kube_find_look(r);
		break;
	case KUBE_WAIT:
	case KUBE_RUN:
		look_at_life(r);
		break;
	case KUBE_DRAIN:
		drain(r);
		break;
	}
}
