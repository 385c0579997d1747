/*
 * An object that exists: of an earlier server, of a request whose answer was lost, or seen and then perhaps
 * taken away. It and its pods are asked for by name, since a watch tells of each resource in its own time.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/clk.h"
#include "lib/json.h"
#include "lib/mem.h"
#include "lib/uri.h"
#include "server/model/kinds.h"
#include "trial-runner/kubernetes/run.h"

static const int64_t pause_us = CLK_SECOND;

static void not_found(struct kube_run *r)
{
	kube_verdict_lost(r, "Deleted", "its object is not in the cluster: somebody deleted it while no server looked");
	kube_run_want_look(r);
}

static void try_to_find_later(struct kube_run *r, const struct err *e)
{
	r->retry_us = clk_now_us() + pause_us;
	kube_run_wake(r, r->retry_us);
	kube_run_tell_waiting(r, "ClusterUnreachable", e->detail);
}

/* Of the name, but of another experiment, trial or attempt: nothing of it is touched. */
static void name_taken(struct kube_run *r)
{
	char *text = xasprintf("a %s named %s exists in namespace %s and is not this trial's: delete or rename it",
		r->ref.kind, r->ref.name, r->ref.ns);

	kube_verdict_rejected(r, "NameTaken", text);
	free(text);
}

static void on_found_pods(void *ctx, const struct kube_answer *a, const struct err *e)
{
	struct kube_run *r = ctx;

	r->find_pods = NULL;
	if (e) {
		try_to_find_later(r, e);
		return;
	}
	json_each(pod, json_get(a->body, "items"))
		kube_run_take_pod(r, pod);
	r->found_pods = true;
	kube_run_want_look(r);
}

/* By our labels, or, where pods do not get them, by the one that names their object. */
static const char *pods_query(const struct kube_run *r, struct arena *a)
{
	const struct kind *kind = kind_find(r->ref.api_version, r->ref.kind);
	struct strbuf text;
	const char *query;

	if (kind && kind->pod_name_label) {
		strbuf_init(&text, 1024);
		strbuf_puts(&text, "labelSelector=");
		uri_encode(&text, kind->pod_name_label);
		strbuf_printf(&text, "%%3D%s", r->ref.name);
		query = arena_strdup(a, text.data);
		strbuf_free(&text);
		return query;
	}
	return arena_printf(a, "labelSelector=%s%%3D%s%%2C%s%%3D%d%%2C%s%%3D%d", "trimtab.dev%2Fexperiment-uid",
		r->node.key.uid, "trimtab.dev%2Fnumber", (int)r->node.key.number, "trimtab.dev%2Fattempt",
		(int)r->node.key.attempt);
}

static void find_pods(struct kube_run *r)
{
	struct arena *a = arena_new();

	r->find_pods = kube_send(r->kube->client,
		&(struct kube_request){.path = kube_path(a, "v1", r->ref.ns, "pods", NULL, NULL), .query = pods_query(r, a)},
		on_found_pods, r);
	arena_free(a);
}

/* The object first: it says which of its pods is which. */
static void on_found_object(void *ctx, const struct kube_answer *a, const struct err *e)
{
	struct kube_run *r = ctx;
	struct arena *scratch = arena_new();
	const char *uid;
	struct run_card card;

	r->find_object = NULL;
	if (a && a->status == 404) {
		not_found(r);
		goto out;
	}
	if (e) {
		try_to_find_later(r, e);
		goto out;
	}
	uid = json_str(json_at(a->body, "/metadata/uid"));
	if (!card_read(a->body, scratch, &card) || !run_key_equal(&card.key, &r->node.key)) {
		name_taken(r);
	} else if (!uid || (r->ref.uid[0] && strcmp(uid, r->ref.uid) != 0)) {
		not_found(r);
	} else {
		struct err unreadable;
		if (!r->judge) {
			kube_run_set_card(r, &card);
			if (!kube_run_judge(r, &unreadable))
				kube_verdict_lost(r, "Unreadable", unreadable.detail);
		}
		r->found_object = true;
		kube_run_take_object(r, a->body);
		if (!r->find_pods && !r->found_pods)
			find_pods(r);
	}
	kube_run_want_look(r);
out:
	arena_free(scratch);
}

void kube_find_send(struct kube_run *r)
{
	struct arena *a = arena_new();

	r->state = KUBE_FIND;
	r->retry_us = 0;
	if (!r->found_object && !r->find_object)
		r->find_object = kube_send(r->kube->client,
			&(struct kube_request){.path = kube_run_path(r, a), .accept = {404}}, on_found_object, r);
	else if (r->found_object && !r->found_pods && !r->find_pods)
		find_pods(r);
	arena_free(a);
}

/* Whether an answer tells nothing of the object, and the next one may. */
static bool tells_nothing(const struct kube_answer *a, const struct err *e)
{
	return e && !(a && a->refusal && a->refusal->kind == KUBE_REFUSED_RIGHTS);
}

static void on_confirmed_object(void *ctx, const struct kube_answer *a, const struct err *e)
{
	struct kube_run *r = ctx;
	const char *uid = e ? NULL : json_str(json_at(a->body, "/metadata/uid"));

	r->find_object = NULL;
	if (tells_nothing(a, e)) {
		try_to_find_later(r, e);
		return;
	}
	r->object_confirmed = true;
	if (a->status == 404 || (uid && strcmp(uid, r->ref.uid) != 0))
		kube_run_lose_object(r);
	else if (uid)
		kube_run_take_object(r, a->body);
	kube_run_want_look(r);
}

bool kube_confirm_object(struct kube_run *r)
{
	struct arena *a = arena_new();

	if (!r->object_confirmed && !r->find_object && kube_run_passed(r, r->retry_us))
		r->find_object = kube_send(r->kube->client,
			&(struct kube_request){.path = kube_run_path(r, a), .accept = {404}}, on_confirmed_object, r);
	arena_free(a);
	return r->object_confirmed;
}

bool kube_confirm_pods(struct kube_run *r)
{
	if (!r->pods_confirmed) {
		r->pods_confirmed = true;
		r->found_pods = false;
	}
	if (!r->found_pods && !r->find_pods && kube_run_passed(r, r->retry_us))
		find_pods(r);
	return r->found_pods;
}

void kube_find_look(struct kube_run *r)
{
	if (r->retry_us && kube_run_passed(r, r->retry_us))
		kube_find_send(r);
	else if (r->found_object && r->found_pods)
		kube_create_done(r);
}
