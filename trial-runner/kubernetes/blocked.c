/*
 * An object without a pod: its controller may be refused one, by a quota or by an admission controller.
 * The object itself does not say so; the events about it do.
 */
#include <string.h>

#include "lib/arena.h"
#include "lib/clk.h"
#include "trial-runner/kubernetes/run.h"

static const int64_t first_us = 3 * CLK_SECOND, again_us = 15 * CLK_SECOND;

static void on_events(void *ctx, const struct kube_answer *a, const struct err *e)
{
	struct kube_run *r = ctx;
	const char *reason = NULL, *message = NULL;

	r->asking_why = NULL;
	r->ask_why_us = clk_now_us() + again_us;
	kube_run_wake(r, r->ask_why_us);
	if (e || kube_run_primary(r))
		return;
	json_each(item, json_get(a->body, "items"))
	{
		const char *type = json_str(json_get(item, "type"));
		if (type && strcmp(type, "Warning") == 0) {
			reason = json_str(json_get(item, "reason"));
			message = json_str(json_get(item, "message"));
		}
	}
	if (!message)
		kube_run_tell_waiting(r, "NoPod", "its controller has made no pod yet");
	else
		kube_run_tell_waiting(r, strstr(message, "exceeded quota") ? "QuotaExceeded" : reason ? reason : "Blocked", message);
}

void blocked_look(struct kube_run *r)
{
	const int64_t due = r->ask_why_us ? r->ask_why_us : r->waits_since_us + first_us;
	struct arena *a;

	if (r->asking_why || r->object_gone || r->stop_reason || !kube_run_passed(r, due))
		return;
	a = arena_new();
	r->asking_why = kube_send(r->kube->client,
		&(struct kube_request){.path = kube_path(a, "v1", r->ref.ns, "events", NULL, NULL),
			.query = arena_printf(a, "fieldSelector=involvedObject.uid%%3D%s", r->ref.uid)},
		on_events, r);
	arena_free(a);
}
