#include "trial-runner/kubernetes/kubernetes.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/clk.h"
#include "lib/file.h"
#include "lib/json.h"
#include "lib/loop.h"
#include "lib/mem.h"
#include "server/model/kinds.h"
#include "trial-runner/kubernetes/access.h"
#include "trial-runner/kubernetes/run.h"

static const int64_t log_max_default = 64 << 20, start_deadline_default_us = 600 * CLK_SECOND;

static struct kube *kube_of(struct run_backend *b)
{
	return (struct kube *)b;
}

static struct kube_run *find(struct kube *k, const struct run_key *key)
{
	return (struct kube_run *)run_table_get(&k->runs, key);
}

/* ---- starting and taking over ---------------------------------------------------------------------------- */

static void watch(struct kube_run *r)
{
	struct kube *k = r->kube;
	const struct kind *kind = kind_find(r->ref.api_version, r->ref.kind);

	r->objects = watch_get(k, r->ref.ns, r->ref.api_version, r->ref.kind, r->ref.resource, NULL);
	r->pods_watch = watch_get(k, r->ref.ns, "v1", "Pod", "pods", kind ? kind->pod_name_label : NULL);
	kube_run_want_look(r);
}

static bool kube_start(struct run_backend *b, const struct run_order *o, struct err *e)
{
	struct kube *k = kube_of(b);
	struct kube_run *r;

	if (find(k, &o->key))
		return true;
	r = kube_run_new(k, &o->key, KUBE_WATCH);
	if (!kube_create_prepare(r, o, e)) {
		kube_run_drop(r);
		return false;
	}
	watch(r);
	return true;
}

/* From the object that is kept with the trial, or from what the sweep found. */
static bool read_ref(struct kube_run *r, const char *object)
{
	struct stray *s = stray_find(r->kube, &r->node.key);
	struct arena *a = r->arena;
	const cJSON *tree;
	struct err e;

	if (s) {
		r->ref = (struct object_ref){.api_version = arena_strdup(a, s->ref.api_version),
			.kind = arena_strdup(a, s->ref.kind),
			.resource = arena_strdup(a, s->ref.resource),
			.ns = arena_strdup(a, s->ref.ns),
			.name = arena_strdup(a, s->ref.name),
			.uid = arena_strdup(a, s->ref.uid)};
		stray_free(s);
		return true;
	}
	tree = object ? json_parse(object, strlen(object), 0, a, &e) : NULL;
	r->ref = (struct object_ref){.api_version = json_str(json_get(tree, "apiVersion")),
		.kind = json_str(json_get(tree, "kind")),
		.resource = json_str(json_get(tree, "resource")),
		.ns = json_str(json_get(tree, "namespace")),
		.name = json_str(json_get(tree, "name")),
		.uid = json_str(json_get(tree, "uid"))};
	if (!r->ref.uid)
		r->ref.uid = "";
	return r->ref.api_version && r->ref.kind && r->ref.resource && r->ref.ns && r->ref.name;
}

static void kube_adopt(struct run_backend *b, const struct run_key *key, const char *object)
{
	struct kube *k = kube_of(b);
	struct kube_run *r;

	if (find(k, key))
		return;
	r = kube_run_new(k, key, KUBE_FIND);
	if (!read_ref(r, object)) {
		r->ref = (struct object_ref){.uid = ""};
		kube_verdict_lost(r, "NotFound", "nothing is known of the object that ran it");
		return;
	}
	watch(r);
	kube_find_send(r);
}

static void kube_forget(struct run_backend *b, const struct run_key *key)
{
	struct kube_run *r = find(kube_of(b), key);

	if (r)
		kube_run_drop(r);
	remains_forget(kube_of(b), key);
}

/* The lists of watches tell; that of Jobs in our own namespace is asked for here, the others come with the
 * first trial there. */
static void kube_sweep(struct run_backend *b, void (*found)(void *, const struct run_key *), void *ctx)
{
	struct kube *k = kube_of(b);

	if (k->found)
		return;
	k->found = found;
	k->found_ctx = ctx;
	watch_put(watch_get(k, kube_access_namespace(k->access), "batch/v1", "Job", "jobs", NULL));
}

/* ---- stopping, acknowledging, room ------------------------------------------------------------------------ */

static void kube_stop(struct run_backend *b, const struct run_key *key, const struct run_stop *how)
{
	struct kube_run *r = find(kube_of(b), key);
	const int64_t at = clk_now_us() + (how->notice_us > 0 ? how->notice_us : 0);

	if (!r)
		return;
	if (!r->stop_reason)
		r->stop_reason = xstrdup(how->reason ? how->reason : "Stopped");
	if (at < r->stop_at_us)
		r->stop_at_us = at;
	kube_run_want_look(r);
}

static void kube_ack(struct run_backend *b, const struct run_key *key, uint64_t cursor)
{
	struct kube_run *r = find(kube_of(b), key);

	if (!r)
		return;
	point_queue_ack(&r->points, cursor);
	kube_run_want_look(r);
}

static void kube_settled(struct run_backend *b, const struct run_key *key)
{
	remains_settled(kube_of(b), key);
}

/* Where a trial finds room is the scheduler's affair. */
static enum run_fit kube_fit(struct run_backend *b UNUSED, const struct run_resources *r UNUSED)
{
	return RUN_FITS;
}

static void kube_capacity(struct run_backend *b UNUSED, struct run_capacity *out)
{
	*out = (struct run_capacity){0};
}

static void kube_purge(struct run_backend *b, const char *uid)
{
	log_file_purge(kube_of(b), uid);
}

/* ---- the loop ----------------------------------------------------------------------------------------------- */

/* Those that ask for another look while this goes on get it in the next pass. */
static void look_at_all(void *ctx)
{
	struct kube *k = ctx;
	struct kube_run *r, *last = TAILQ_LAST(&k->looks, kube_look_list);

	while ((r = TAILQ_FIRST(&k->looks))) {
		const bool done = r == last;

		TAILQ_REMOVE(&k->looks, r, look);
		r->wanted = false;
		kube_run_look(r);
		if (done)
			break;
	}
	if (!TAILQ_EMPTY(&k->looks))
		loop_timer_after(k->look_timer, 0);
}

/* After the runs, whose last parts still know the client. */
static void free_kube(void *ctx)
{
	struct kube *k = ctx;

	kube_client_free(k->client);
	kube_access_free(k->access);
	loop_timer_free(k->look_timer);
	run_table_free(&k->runs);
	free(k->state);
	free(k->collector_image);
	free(k);
}

static void kube_close(struct run_backend *b)
{
	struct kube *k = kube_of(b);
	struct run_node *node;

	assert(LIST_EMPTY(&k->readers));
	while ((node = run_table_any(&k->runs)))
		kube_run_drop((struct kube_run *)node);
	remains_free(k);
	watches_free(k);
	loop_timer_cancel(k->look_timer);
	loop_defer_free(b->loop, free_kube, k);
}

static const struct run_backend_type kubernetes_type = {
	.name = "kubernetes",
	.start = kube_start,
	.adopt = kube_adopt,
	.stop = kube_stop,
	.ack = kube_ack,
	.settled = kube_settled,
	.forget = kube_forget,
	.sweep = kube_sweep,
	.fit = kube_fit,
	.capacity = kube_capacity,
	.log_open = log_read_open,
	.log_resume = log_read_resume,
	.log_close = log_read_close,
	.purge = kube_purge,
	.close = kube_close,
};

struct run_backend *kubernetes_new(struct loop *loop, const struct kubernetes_options *o, run_event_fn *fn,
	void *ctx, struct err *e)
{
	struct kube *k;

	if (!file_mkdirs(o->state, 0700, e)) {
		kube_access_free(o->access);
		return NULL;
	}
	k = xcalloc(1, sizeof *k);
	k->base = (struct run_backend){.type = &kubernetes_type, .loop = loop, .on_event = fn, .ctx = ctx};
	k->access = o->access;
	k->client = kube_client_new(loop, o->access,
		&(struct kube_client_config){.rate = o->rate, .burst = o->burst, .metrics = o->metrics});
	k->state = xstrdup(o->state);
	k->collector_image = xstrdup(o->collector_image);
	k->log_max = o->log_max > 0 ? o->log_max : log_max_default;
	k->start_deadline_us = o->start_deadline_us > 0 ? o->start_deadline_us : start_deadline_default_us;
	k->look_timer = loop_timer_new(loop, look_at_all, k);
	turnaround_init(&k->turnaround, o->metrics);
	run_table_init(&k->runs);
	TAILQ_INIT(&k->looks);
	LIST_INIT(&k->watches);
	LIST_INIT(&k->strays);
	LIST_INIT(&k->remains);
	LIST_INIT(&k->readers);
	return &k->base;
}
