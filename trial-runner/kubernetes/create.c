/*
 * Until the object is there. The claim, the Secret and the object are asked for at once, in this order on
 * one connection; their answers are judged together. Whatever exists already was made by an earlier try,
 * here or elsewhere: then the object is read, and must be ours (find.c).
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/clk.h"
#include "lib/failpoint.h"
#include "lib/json.h"
#include "lib/json_write.h"
#include "lib/mem.h"
#include "server/model/kinds.h"
#include "trial-runner/kubernetes/run.h"

static const int64_t pause_min_us = CLK_SECOND, pause_max_us = 30 * CLK_SECOND;

/* ---- before anything is sent ------------------------------------------------------------------------- */

static char *copy(const char *text)
{
	return text ? xstrdup(text) : NULL;
}

/* What the order says is known from the object that is made of it, as whoever adopts it will read it. */
bool kube_create_prepare(struct kube_run *r, const struct run_order *o, struct err *e)
{
	struct arena *a = arena_new();
	struct dressed d;
	struct run_card card;
	const cJSON *object;
	bool ok = false;

	if (!dress(o, r->kube->collector_image, a, &d, e))
		goto out;
	object = json_parse(d.object, strlen(d.object), 0, a, e);
	if (!object)
		goto out;
	if (!card_read(object, a, &card)) {
		(void)err_set(e, ERR_INTERNAL, "the object made for the trial cannot be read back");
		goto out;
	}
	r->making[CALL_CLAIM].body = copy(d.claim);
	r->making[CALL_SECRET].body = copy(d.secret);
	r->making[CALL_OBJECT].body = copy(d.object);
	r->claim_name = arena_strdup(r->arena, d.claim_name);
	r->ref = (struct object_ref){.api_version = arena_strdup(r->arena, d.api_version),
		.kind = arena_strdup(r->arena, d.kind_name),
		.resource = d.kind ? arena_strdup(r->arena, d.kind->plural) : NULL,
		.ns = arena_strdup(r->arena, d.ns),
		.name = arena_strdup(r->arena, d.name),
		.uid = ""};
	kube_run_set_card(r, &card);
	ok = kube_run_judge(r, e);
out:
	arena_free(a);
	return ok;
}

/* ---- sending ------------------------------------------------------------------------------------------ */

/* The things that make a run, and how to see that one exists. Secrets may not be read: a change of nothing
 * tells. */
static const struct { const char *resource, *look_method, *look_body; } things[CALLS] = {
	[CALL_CLAIM] = {"persistentvolumeclaims", "GET", NULL},
	[CALL_SECRET] = {"secrets", "PATCH", "{}"},
	[CALL_OBJECT] = {NULL, "GET", NULL},
};

/* `name` NULL: where they are made. */
static const char *path_of(const struct kube_run *r, int thing, const char *name, struct arena *a)
{
	return thing == CALL_OBJECT ? kube_path(a, r->ref.api_version, r->ref.ns, r->ref.resource, name, NULL)
		: kube_path(a, "v1", r->ref.ns, things[thing].resource, name, NULL);
}

static void forget_refusal(struct making *m)
{
	free(m->reason);
	free(m->message);
	m->reason = m->message = NULL;
}

static void keep_refusal(struct making *m, const char *reason, const char *message)
{
	forget_refusal(m);
	m->reason = xstrdup(reason);
	m->message = xstrdup(message);
}

static const char *refusal_reason(const struct kube_refusal *r, bool *wait)
{
	*wait = false;
	switch (r->kind) {
	case KUBE_REFUSED_QUOTA:
		*wait = true;
		return "QuotaExceeded";
	case KUBE_REFUSED_BUSY:
		*wait = true;
		return "ClusterBusy";
	case KUBE_REFUSED_IDENTITY:
		*wait = true;
		return "Unauthorized";
	case KUBE_REFUSED_RIGHTS:
		return "Forbidden";
	case KUBE_REFUSED_POLICY:
		return "Denied";
	case KUBE_REFUSED_ABSENT:
		return "NotFound";
	case KUBE_REFUSED_CONFLICT:
		*wait = true;
		return "Conflict";
	case KUBE_REFUSED_INVALID:
		return "InvalidObject";
	case KUBE_REFUSED_EXISTS:
	case KUBE_REFUSED_GONE:
	case KUBE_REFUSED_OTHER:
		break;
	}
	return "Refused";
}

static void on_seen(void *ctx, const struct kube_answer *a, const struct err *e)
{
	struct making *m = ctx;

	m->call = NULL;
	if (!e && a->status != 404) {
		m->exists = true;
		forget_refusal(m);
	}
	kube_run_want_look(m->run);
}

/* A quota is asked first, and refuses also what exists already: an earlier try may have made it, and the
 * claim is that of the whole experiment. */
static void see_whether_it_exists(struct making *m)
{
	struct kube_run *r = m->run;
	const int thing = (int)(m - r->making);
	struct arena *a = arena_new();

	m->call = kube_send(r->kube->client,
		&(struct kube_request){.method = things[thing].look_method,
			.path = path_of(r, thing, thing == CALL_CLAIM ? r->claim_name : r->ref.name, a),
			.body = things[thing].look_body,
			.content_type = "application/merge-patch+json",
			.accept = {404}},
		on_seen, m);
	arena_free(a);
}

static void on_answer(void *ctx, const struct kube_answer *a, const struct err *e)
{
	struct making *m = ctx;
	struct kube_run *r = m->run;

	m->call = NULL;
	if (!e) {
		m->made = true;
		if (m == &r->making[CALL_OBJECT]) {
			FAILPOINT("kube-created");
			r->created_us = clk_now_us();
			kube_run_take_object(r, a->body);
		}
	} else if (a && a->refusal && a->refusal->kind == KUBE_REFUSED_EXISTS) {
		m->exists = true;
	} else if (a && a->refusal) {
		const char *reason = refusal_reason(a->refusal, &m->wait);
		keep_refusal(m, reason, e->detail);
		if (a->refusal->kind == KUBE_REFUSED_QUOTA)
			see_whether_it_exists(m);
	} else {
		m->wait = true;
		keep_refusal(m, "ClusterUnreachable", e->detail);
	}
	kube_run_want_look(r);
}

void kube_create_send(struct kube_run *r)
{
	struct arena *a = arena_new();

	r->state = KUBE_CREATE;
	if (r->tries++ == 0)
		turnaround_create(&r->kube->turnaround, clk_now_us());
	for (int i = 0; i < CALLS; i++) {
		struct making *m = &r->making[i];
		if (!m->body || m->made || m->exists)
			continue;
		m->run = r;
		m->wait = false;
		forget_refusal(m);
		m->call = kube_send(r->kube->client,
			&(struct kube_request){.method = "POST",
				.path = path_of(r, i, NULL, a),
				.body = m->body},
			on_answer, m);
	}
	FAILPOINT("kube-create-sent");
	arena_free(a);
}

/* ---- what became of it -------------------------------------------------------------------------------- */

static const struct making *first_refused(const struct kube_run *r, bool wait)
{
	for (int i = 0; i < CALLS; i++) {
		const struct making *m = &r->making[i];
		if (m->reason && m->wait == wait)
			return m;
	}
	return NULL;
}

static void try_later(struct kube_run *r, const struct making *why)
{
	const int64_t pause = pause_min_us << (r->pauses < 5 ? r->pauses++ : 5);

	r->state = KUBE_PAUSE;
	r->retry_us = clk_now_us() + (pause < pause_max_us ? pause : pause_max_us);
	kube_run_wake(r, r->retry_us);
	kube_run_tell_waiting(r, why->reason, why->message);
}

static void on_owned(void *ctx, const struct kube_answer *a, const struct err *e)
{
	struct kube_run *r = ctx;

	r->owner_patch = NULL;
	r->secret_alone = e && !(a && a->status == 404);
}

/* From here on the Secret goes with the object; where that fails, we delete it. */
static void own_secret(struct kube_run *r)
{
	struct strbuf text;
	struct json_writer w;
	struct arena *a = arena_new();
	const cJSON *owner;
	struct err e;

	strbuf_init(&text, 4096);
	jw_init(&w, &text);
	jw_object(&w, NULL);
	jw_str(&w, "apiVersion", r->ref.api_version);
	jw_str(&w, "kind", r->ref.kind);
	jw_object(&w, "metadata");
	jw_str(&w, "name", r->ref.name);
	jw_str(&w, "uid", r->ref.uid);
	jw_end(&w);
	jw_end(&w);
	owner = json_parse(text.data, text.len, 0, a, &e);
	assert(owner);
	r->owner_patch = kube_send(r->kube->client,
		&(struct kube_request){.method = "PATCH",
			.path = kube_path(a, "v1", r->ref.ns, "secrets", r->ref.name, NULL),
			.body = dress_owner_patch(owner, a),
			.content_type = "application/merge-patch+json"},
		on_owned, r);
	strbuf_free(&text);
	arena_free(a);
}

void kube_create_done(struct kube_run *r)
{
	kube_create_forget(r);
	r->state = KUBE_WAIT;
	r->waits_since_us = clk_now_us();
	if (r->making[CALL_SECRET].made || r->making[CALL_SECRET].exists)
		own_secret(r);
	kube_run_want_look(r);
}

void kube_create_look(struct kube_run *r)
{
	const struct making *why, *object = &r->making[CALL_OBJECT];

	if (r->state == KUBE_PAUSE) {
		if (r->stop_reason)
			kube_verdict_stopped(r);
		else if (kube_run_passed(r, r->retry_us))
			kube_create_send(r);
		return;
	}
	for (int i = 0; i < CALLS; i++)
		if (r->making[i].call)
			return;
	if ((why = first_refused(r, false))) {
		kube_verdict_rejected(r, why->reason, why->message);
	} else if ((why = first_refused(r, true)) && r->stop_reason) {
		kube_verdict_stopped(r);
	} else if (why) {
		try_later(r, why);
	} else if (object->exists) {
		kube_find_send(r);
	} else {
		kube_create_done(r);
	}
}

/* The bodies hold a token and are large: they go as soon as they have been taken. */
void kube_create_forget(struct kube_run *r)
{
	for (int i = 0; i < CALLS; i++) {
		struct making *m = &r->making[i];
		kube_cancel(m->call);
		free(m->body);
		m->call = NULL;
		m->body = NULL;
		forget_refusal(m);
	}
}
