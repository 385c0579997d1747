/*
 * What runs that are over leave in the cluster. The object goes when the end of its trial is in the
 * database, and what it owns goes with it; until then a server that dies finds it and learns the end
 * again. A delete is repeated until the server has taken it or knows nothing of the object.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/clk.h"
#include "lib/log.h"
#include "lib/loop.h"
#include "lib/mem.h"
#include "trial-runner/kubernetes/run.h"

static const int64_t again_us = 5 * CLK_SECOND;
enum { TRIES_MAX = 720 };               /* an hour: then a later server's sweep finds it */

struct remains {
	LIST_ENTRY(remains) link;
	struct kube *kube;
	struct run_key key;
	const char *ns;
	const char *object, *secret;    /* paths; secret NULL: the object owns it */
	const char *uid;                /* "" = whatever has the name */
	struct arena *arena;
	struct kube_call *call;
	struct loop_timer *timer;
	unsigned tries;
};

static void free_later(void *ctx)
{
	struct remains *m = ctx;

	loop_timer_free(m->timer);
	arena_free(m->arena);
	free(m);
}

static void done_with(struct remains *m)
{
	LIST_REMOVE(m, link);
	kube_cancel(m->call);
	m->call = NULL;
	loop_timer_cancel(m->timer);
	loop_defer_free(m->kube->base.loop, free_later, m);
}

static void send(struct remains *m);

static void secret_next(struct remains *m)
{
	m->object = m->secret;
	m->secret = NULL;
	m->uid = "";
}

/* A quota may have room now, or in a moment, when it has been counted again: who waits in this namespace tries at
 * once, and soon after. */
static void room_again(struct kube *k, const char *ns)
{
	struct run_node *node;

	for (size_t i = 0; i < k->runs.n_buckets; i++) {
		LIST_FOREACH(node, &k->runs.buckets[i], link) {
			struct kube_run *r = (struct kube_run *)node;
			if (r->state != KUBE_PAUSE || strcmp(r->ref.ns, ns) != 0)
				continue;
			r->retry_us = clk_now_us();
			r->pauses = 0;
			kube_run_want_look(r);
		}
	}
}

static void on_deleted(void *ctx, const struct kube_answer *a, const struct err *e)
{
	struct remains *m = ctx;
	/* Another object has the name by now, or none: ours is gone. */
	const bool taken = !e || (a && a->refusal && a->refusal->kind == KUBE_REFUSED_CONFLICT);

	m->call = NULL;
	if (taken)
		room_again(m->kube, m->ns);
	if (taken && m->secret) {
		secret_next(m);
		send(m);
	} else if (taken) {
		done_with(m);
	} else if (++m->tries == TRIES_MAX || (a && a->refusal && a->refusal->kind == KUBE_REFUSED_RIGHTS)) {
		LOG_WARN("a trial's object cannot be deleted", L_STR("path", m->object), L_STR("error", e->detail));
		done_with(m);
	} else {
		loop_timer_after(m->timer, again_us);
	}
}

const char *remains_delete_options(struct arena *a, const char *propagation, const char *uid)
{
	const char *guard = uid[0] ? arena_printf(a, ",\"preconditions\":{\"uid\":\"%s\"}", uid) : "";

	return arena_printf(a, "{\"apiVersion\":\"v1\",\"kind\":\"DeleteOptions\",\"propagationPolicy\":\"%s\"%s}",
		propagation, guard);
}

static void send(struct remains *m)
{
	struct arena *a = arena_new();

	m->call = kube_send(m->kube->client,
		&(struct kube_request){.method = "DELETE",
			.path = m->object,
			.body = remains_delete_options(a, "Background", m->uid),
			.accept = {404}},
		on_deleted, m);
	arena_free(a);
}

static void on_timer(void *ctx)
{
	send(ctx);
}

/* Is the object, or may it be, there and ours? What may have been made and was not answered counts; what
 * has the name and was not looked at does not. */
static bool object_left(const struct kube_run *r)
{
	const struct making *object = &r->making[CALL_OBJECT];

	if (!r->ref.resource || r->object_gone)
		return false;
	return r->ref.uid[0] || (r->tries > 0 && !object->exists && object->wait);
}

static bool kept(const struct kube_run *r)
{
	return r->card.retain && r->verdict.kind == RUN_ENDED && !r->stop_reason;
}

void remains_add(struct kube_run *r, bool settled)
{
	struct kube *k = r->kube;
	const bool object = object_left(r);
	const bool secret = r->making[CALL_SECRET].made && (!r->ref.uid[0] || r->owner_patch || r->secret_alone);
	struct remains *m;
	struct arena *a;

	if (kept(r) || (!object && !secret))
		return;
	a = arena_new();
	m = xcalloc(1, sizeof *m);
	m->arena = arena_new();
	m->kube = k;
	m->key = r->node.key;
	m->ns = arena_strdup(m->arena, r->ref.ns);
	m->object = object ? arena_strdup(m->arena, kube_run_path(r, a)) : NULL;
	m->uid = arena_strdup(m->arena, object ? r->ref.uid : "");
	if (secret)
		m->secret = kube_path(m->arena, "v1", r->ref.ns, "secrets", r->ref.name, NULL);
	if (!object)
		secret_next(m);
	m->timer = loop_timer_new(k->base.loop, on_timer, m);
	LIST_INSERT_HEAD(&k->remains, m, link);
	arena_free(a);
	if (settled)
		send(m);
}

static struct remains *find(struct kube *k, const struct run_key *key)
{
	struct remains *m;

	LIST_FOREACH(m, &k->remains, link) {
		if (run_key_equal(&m->key, key))
			return m;
	}
	return NULL;
}

void remains_settled(struct kube *k, const struct run_key *key)
{
	struct remains *m = find(k, key);

	if (m && !m->call && m->tries == 0)
		send(m);
}

/* Whoever drives the trial now learns its end from the object. */
void remains_forget(struct kube *k, const struct run_key *key)
{
	struct remains *m = find(k, key);

	if (m && !m->call && m->tries == 0)
		done_with(m);
}

void remains_free(struct kube *k)
{
	struct remains *m;

	while ((m = LIST_FIRST(&k->remains))) {
		LIST_REMOVE(m, link);
		kube_cancel(m->call);
		free_later(m);
	}
}
