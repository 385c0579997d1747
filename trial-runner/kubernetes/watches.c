/*
 * What the cluster tells: one reflector for the pods of a namespace and one for each kind in use there,
 * of all that carries our label. Events go to the run they belong to. A watch that nobody needs is kept
 * for a while, for the next run usually comes soon.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/clk.h"
#include "lib/loop.h"
#include "lib/mem.h"
#include "trial-runner/kubernetes/run.h"

static const int64_t idle_us = 60 * CLK_SECOND, ask_again_us = 5 * CLK_SECOND;

struct watch {
	LIST_ENTRY(watch) link;
	struct kube *kube;
	struct arena *arena;
	const char *ns, *api_version, *kind, *resource; /* resource NULL: being asked for */
	bool pods;
	const char *names;              /* of pods that do not get our labels: the label that holds the name of the
									 * object they belong to; NULL: they do */
	size_t users;
	struct kube_reflector *reflector;
	struct kube_call *asking;       /* for the resource's name */
	struct loop_timer *timer;       /* to ask again, or to end */
	char *trouble, *trouble_reason; /* NULL: all is well */
	bool for_good;
};

static void look_at_users(struct watch *w)
{
	const struct run_table *t = &w->kube->runs;
	struct run_node *node;

	for (size_t i = 0; i < t->n_buckets; i++) {
		LIST_FOREACH(node, &t->buckets[i], link) {
			struct kube_run *r = (struct kube_run *)node;
			if (r->objects == w || r->pods_watch == w)
				kube_run_want_look(r);
		}
	}
}

/* ---- whose an object is ---------------------------------------------------------------------------- */

static struct kube_run *run_of(struct watch *w, const cJSON *object)
{
	struct run_key key;

	return object && dress_key(object, &key) ? (struct kube_run *)run_table_get(&w->kube->runs, &key) : NULL;
}

/* A controller may pass our labels on to what it makes: the object itself has the run's own name. */
static bool is_object_of(const struct watch *w, const struct kube_run *r, const char *name)
{
	return r->objects == w && strcmp(r->ref.name, name) == 0;
}

static struct kube_run *run_of_pod(struct watch *w, const cJSON *pod)
{
	const struct run_table *t = &w->kube->runs;
	const char *name;
	struct run_node *node;

	if (!w->names)
		return run_of(w, pod);
	name = json_str(json_get(json_get(json_get(pod, "metadata"), "labels"), w->names));
	for (size_t i = 0; name && i < t->n_buckets; i++) {
		LIST_FOREACH(node, &t->buckets[i], link) {
			struct kube_run *r = (struct kube_run *)node;
			if (r->pods_watch == w && strcmp(r->ref.name, name) == 0)
				return r;
		}
	}
	return NULL;
}

static void on_pod(struct watch *w, const struct kube_event *ev)
{
	struct kube_run *r = run_of_pod(w, ev->object);
	const struct run_table *t = &w->kube->runs;
	struct run_node *node;

	if (ev->change != KUBE_DELETED) {
		if (r && r->pods_watch == w)
			kube_run_take_pod(r, ev->object);
		return;
	}
	for (size_t i = 0; i < t->n_buckets; i++) {
		LIST_FOREACH(node, &t->buckets[i], link) {
			struct kube_run *any = (struct kube_run *)node;
			if (any->pods_watch == w && (!r || r == any))
				kube_run_lose_pod(any, ev->uid);
		}
	}
}

/* Its labels may be gone with it. */
static struct kube_run *run_by_name(struct watch *w, const char *name)
{
	const struct run_table *t = &w->kube->runs;
	struct run_node *node;

	for (size_t i = 0; i < t->n_buckets; i++) {
		LIST_FOREACH(node, &t->buckets[i], link) {
			if (is_object_of(w, (struct kube_run *)node, name))
				return (struct kube_run *)node;
		}
	}
	return NULL;
}

static void on_object(struct watch *w, const struct kube_event *ev)
{
	struct kube_run *r = run_of(w, ev->object);

	if (!r && ev->change == KUBE_DELETED)
		r = run_by_name(w, ev->name);
	if (!r || !is_object_of(w, r, ev->name))
		return;
	if (r->ref.uid[0] && strcmp(r->ref.uid, ev->uid) != 0)
		return;
	if (ev->change == KUBE_DELETED)
		kube_run_lose_object(r);
	else
		kube_run_take_object(r, ev->object);
}

/* ---- strays ----------------------------------------------------------------------------------------- */

/* What has ended and is to be kept is nobody's stray. */
static bool is_kept(const struct run_card *card, const cJSON *object, struct arena *a)
{
	struct object_state is;
	struct err e;
	const struct judge *judge = card->retain ? judge_new(card->success_when, card->failure_when, a, &e) : NULL;

	if (!judge)
		return card->retain;
	object_judge(judge, object, a, &is);
	return is.phase != OBJECT_RUNNING;
}

static void add_stray(struct watch *w, const struct kube_event *ev)
{
	struct kube *k = w->kube;
	char name[DRESS_NAME_MAX];
	struct run_card card;
	struct arena *a = arena_new();
	struct stray *s;

	if (!card_read(ev->object, a, &card) || run_table_get(&k->runs, &card.key))
		goto out;
	dress_name(card.trial, card.key.attempt, name);
	if (strcmp(name, ev->name) != 0 || stray_find(k, &card.key) || is_kept(&card, ev->object, a))
		goto out;
	s = xcalloc(1, sizeof *s);
	s->arena = arena_new();
	s->key = card.key;
	s->ref = (struct object_ref){.api_version = arena_strdup(s->arena, w->api_version),
		.kind = arena_strdup(s->arena, w->kind),
		.resource = arena_strdup(s->arena, w->resource),
		.ns = arena_strdup(s->arena, w->ns),
		.name = arena_strdup(s->arena, ev->name),
		.uid = arena_strdup(s->arena, ev->uid)};
	LIST_INSERT_HEAD(&k->strays, s, link);
	k->found(k->found_ctx, &s->key);
out:
	arena_free(a);
}

struct stray *stray_find(struct kube *k, const struct run_key *key)
{
	struct stray *s;

	LIST_FOREACH(s, &k->strays, link) {
		if (run_key_equal(&s->key, key))
			return s;
	}
	return NULL;
}

void stray_free(struct stray *s)
{
	LIST_REMOVE(s, link);
	arena_free(s->arena);
	free(s);
}

/* ---- the reflector ---------------------------------------------------------------------------------- */

static void on_event(void *ctx, const struct kube_event *ev)
{
	struct watch *w = ctx;

	w->kube->news_us = ev->received_us;
	if (w->pods) {
		on_pod(w, ev);
		return;
	}
	on_object(w, ev);
	if (w->kube->found && ev->change == KUBE_ADDED && !kube_reflector_synced(w->reflector))
		add_stray(w, ev);
}

static void on_synced(void *ctx)
{
	look_at_users(ctx);
}

static void set_trouble(struct watch *w, const char *reason, const char *message, bool for_good)
{
	free(w->trouble);
	free(w->trouble_reason);
	w->trouble = message ? xstrdup(message) : NULL;
	w->trouble_reason = message ? xstrdup(reason) : NULL;
	w->for_good = message && for_good;
	look_at_users(w);
}

static void on_trouble(void *ctx, const struct err *e, const struct kube_refusal *refusal)
{
	const bool rights = refusal && refusal->kind == KUBE_REFUSED_RIGHTS;
	const bool absent = refusal && refusal->kind == KUBE_REFUSED_ABSENT;

	set_trouble(ctx, rights ? "Forbidden" : absent ? "NoSuchKind" : "ClusterUnreachable", e ? e->detail : NULL,
		rights || absent);
}

static void begin(struct watch *w)
{
	struct arena *a = arena_new();

	w->reflector = kube_reflector_new(w->kube->client,
		&(struct kube_reflector_config){.path = kube_path(a, w->api_version, w->ns, w->resource, NULL, NULL),
			.labels = w->names ? w->names : LABEL_SELECTOR,
			.on_event = on_event,
			.on_synced = on_synced,
			.on_trouble = on_trouble,
			.ctx = w});
	arena_free(a);
}

/* ---- the name of a resource -------------------------------------------------------------------------- */

static void ask(struct watch *w);

static const char *plural_in(const cJSON *list, const char *kind)
{
	json_each(item, json_get(list, "resources"))
	{
		const char *name = json_str(json_get(item, "name")), *its = json_str(json_get(item, "kind"));
		if (name && its && strcmp(its, kind) == 0 && !strchr(name, '/'))
			return name;
	}
	return NULL;
}

static void on_resources(void *ctx, const struct kube_answer *a, const struct err *e)
{
	struct watch *w = ctx;
	const char *plural = !e && a ? plural_in(a->body, w->kind) : NULL;
	char *text;

	w->asking = NULL;
	if (plural) {
		w->resource = arena_strdup(w->arena, plural);
		set_trouble(w, NULL, NULL, false);
		begin(w);
		return;
	}
	if (e && !(a && a->status == 404)) {
		set_trouble(w, "ClusterUnreachable", e->detail, false);
	} else {
		text = xasprintf("the cluster knows no %s of %s: is its operator installed?", w->kind, w->api_version);
		set_trouble(w, "NoSuchKind", text, true);
		free(text);
	}
	loop_timer_after(w->timer, ask_again_us);
}

static void ask(struct watch *w)
{
	struct arena *a = arena_new();

	w->asking = kube_send(w->kube->client,
		&(struct kube_request){.path = kube_path(a, w->api_version, NULL, NULL, NULL, NULL)}, on_resources, w);
	arena_free(a);
}

/* ---- life -------------------------------------------------------------------------------------------- */

static void free_watch(void *ctx)
{
	struct watch *w = ctx;

	kube_reflector_free(w->reflector);
	kube_cancel(w->asking);
	loop_timer_free(w->timer);
	free(w->trouble);
	free(w->trouble_reason);
	arena_free(w->arena);
	free(w);
}

static void on_timer(void *ctx)
{
	struct watch *w = ctx;

	if (w->users == 0) {
		LIST_REMOVE(w, link);
		loop_defer_free(w->kube->base.loop, free_watch, w);
	} else if (!w->resource && !w->asking) {
		ask(w);
	}
}

static bool equal_or_null(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static struct watch *find(struct kube *k, const char *ns, const char *api_version, const char *kind, const char *names)
{
	struct watch *w;

	LIST_FOREACH(w, &k->watches, link) {
		if (strcmp(w->ns, ns) == 0 && strcmp(w->api_version, api_version) == 0 && strcmp(w->kind, kind) == 0 &&
			equal_or_null(w->names, names))
			return w;
	}
	return NULL;
}

struct watch *watch_get(struct kube *k, const char *ns, const char *api_version, const char *kind,
	const char *resource, const char *names)
{
	struct watch *w = find(k, ns, api_version, kind, names);

	if (w) {
		w->users++;
		return w;
	}
	w = xcalloc(1, sizeof *w);
	w->kube = k;
	w->users = 1;
	w->arena = arena_new();
	w->ns = arena_strdup(w->arena, ns);
	w->api_version = arena_strdup(w->arena, api_version);
	w->kind = arena_strdup(w->arena, kind);
	w->resource = arena_strdup(w->arena, resource);
	w->names = arena_strdup(w->arena, names);
	w->pods = strcmp(kind, "Pod") == 0 && strcmp(api_version, "v1") == 0;
	w->timer = loop_timer_new(k->base.loop, on_timer, w);
	LIST_INSERT_HEAD(&k->watches, w, link);
	if (resource)
		begin(w);
	else
		ask(w);
	return w;
}

void watch_put(struct watch *w)
{
	if (w && --w->users == 0)
		loop_timer_after(w->timer, idle_us);
}

bool watch_synced(const struct watch *w)
{
	return w->reflector && kube_reflector_synced(w->reflector);
}

const char *watch_resource(const struct watch *w)
{
	return w->resource;
}

const char *watch_trouble(const struct watch *w, const char **reason, bool *for_good)
{
	*reason = w->trouble_reason;
	*for_good = w->for_good;
	return w->trouble;
}

void watches_free(struct kube *k)
{
	struct watch *w;
	struct stray *s;

	while ((w = LIST_FIRST(&k->watches))) {
		LIST_REMOVE(w, link);
		free_watch(w);
	}
	while ((s = LIST_FIRST(&k->strays)))
		stray_free(s);
}
