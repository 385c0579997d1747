/* A run's own parts: its making and end, what it knows of its object and pods, what it tells. */
#include "trial-runner/kubernetes/run.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/clk.h"
#include "lib/json_write.h"
#include "lib/loop.h"
#include "lib/mem.h"
#include "lib/num.h"

enum { LAST_LINES_MAX = 2048, OBJECT_JSON_MAX = 4096, JOB_MAX = 4 << 20 };

/* ---- life ---------------------------------------------------------------------------------------------- */

static void on_timer(void *ctx)
{
	struct kube_run *r = ctx;

	r->wake_us = 0;
	kube_run_want_look(r);
}

struct kube_run *kube_run_new(struct kube *k, const struct run_key *key, enum kube_state state)
{
	struct kube_run *r = xcalloc(1, sizeof *r);

	r->node.key = *key;
	r->kube = k;
	r->state = state;
	r->arena = arena_new();
	r->ref.uid = "";
	r->stop_at_us = INT64_MAX;
	r->timer = loop_timer_new(k->base.loop, on_timer, r);
	TAILQ_INIT(&r->pods);
	point_queue_init(&r->points);
	strbuf_init(&r->last, 4 * LAST_LINES_MAX);
	run_table_put(&k->runs, &r->node);
	return r;
}

static void free_run(void *ctx)
{
	struct kube_run *r = ctx;
	struct kube_pod *pod;

	while ((pod = TAILQ_FIRST(&r->pods))) {
		TAILQ_REMOVE(&r->pods, pod, link);
		arena_free(pod->arena);
		free(pod);
	}
	pod_log_free(r->log);
	collector_free(r->collector);
	point_queue_free(&r->points);
	strbuf_free(&r->last);
	loop_timer_free(r->timer);
	free(r->told_waiting);
	free(r->stop_reason);
	arena_free(r->object_arena);
	arena_free(r->arena);
	free(r);
}

void kube_run_drop(struct kube_run *r)
{
	struct kube *k = r->kube;

	if (r->gone)
		return;
	r->gone = true;
	if (r->wanted)
		TAILQ_REMOVE(&k->looks, r, look);
	r->wanted = false;
	loop_timer_cancel(r->timer);
	kube_create_forget(r);
	kube_cancel(r->find_object);
	kube_cancel(r->find_pods);
	kube_cancel(r->owner_patch);
	kube_cancel(r->asking_why);
	kube_cancel(r->deleting);
	pod_log_stop(r->log);
	log_file_end(r);
	watch_put(r->objects);
	watch_put(r->pods_watch);
	run_table_remove(&k->runs, &r->node);
	loop_defer_free(k->base.loop, free_run, r);
}

void kube_run_want_look(struct kube_run *r)
{
	if (r->wanted || r->gone)
		return;
	r->wanted = true;
	TAILQ_INSERT_TAIL(&r->kube->looks, r, look);
	loop_timer_after(r->kube->look_timer, 0);
}

void kube_run_wake(struct kube_run *r, int64_t at_us)
{
	const int64_t now = clk_now_us();

	if (r->gone || (r->wake_us && r->wake_us <= at_us))
		return;
	r->wake_us = at_us;
	loop_timer_after(r->timer, at_us > now ? at_us - now : 0);
}

bool kube_run_passed(struct kube_run *r, int64_t at_us)
{
	if (clk_now_us() >= at_us)
		return true;
	kube_run_wake(r, at_us);
	return false;
}

/* ---- what it is ---------------------------------------------------------------------------------------- */

static const char *const *copy_list(const char *const *list, struct arena *a)
{
	const char **copy;
	size_t n = 0;

	while (list && list[n])
		n++;
	if (!list)
		return NULL;
	copy = ARENA_NEW_N(a, const char *, n + 1);
	for (size_t i = 0; i < n; i++)
		copy[i] = arena_strdup(a, list[i]);
	return copy;
}

void kube_run_set_card(struct kube_run *r, const struct run_card *card)
{
	struct arena *a = r->arena;

	r->card = *card;
	r->card.trial = arena_strdup(a, card->trial);
	r->card.experiment = arena_strdup(a, card->experiment);
	r->card.experiment_ns = arena_strdup(a, card->experiment_ns);
	r->card.primary_container = arena_strdup(a, card->primary_container);
	r->card.primary_labels = copy_list(card->primary_labels, a);
	r->card.success_when = copy_list(card->success_when, a);
	r->card.failure_when = copy_list(card->failure_when, a);
	r->card.metrics.path = arena_strdup(a, card->metrics.path);
	r->card.metrics.wanted = NULL;
	r->card.metrics.patterns = copy_list(card->metrics.patterns, a);
}

bool kube_run_judge(struct kube_run *r, struct err *e)
{
	r->judge = judge_new(r->card.success_when, r->card.failure_when, r->arena, e);
	return r->judge != NULL;
}

const char *kube_run_path(const struct kube_run *r, struct arena *a)
{
	return kube_path(a, r->ref.api_version, r->ref.ns, r->ref.resource, r->ref.name, NULL);
}

const char *kube_run_object_json(struct kube_run *r, struct arena *a)
{
	const struct kube_pod *pod = kube_run_primary(r);
	struct strbuf text;
	struct json_writer w;
	const char *out;

	strbuf_init(&text, OBJECT_JSON_MAX);
	jw_init(&w, &text);
	jw_object(&w, NULL);
	jw_str(&w, "apiVersion", r->ref.api_version);
	jw_str(&w, "kind", r->ref.kind);
	jw_str(&w, "resource", r->ref.resource);
	jw_str(&w, "namespace", r->ref.ns);
	jw_str(&w, "name", r->ref.name);
	jw_str(&w, "uid", r->ref.uid);
	if (pod) {
		jw_str(&w, "pod", pod->is.name);
		jw_str(&w, "container", r->card.primary_container);
	}
	if (pod && pod->is.node)
		jw_str(&w, "node", pod->is.node);
	jw_end(&w);
	out = text.failed ? NULL : arena_strdup(a, text.data);
	strbuf_free(&text);
	return out;
}

/* ---- the object ---------------------------------------------------------------------------------------- */

/* A Job as far as its next steps depend on it. */
static const cJSON *copy_job(const cJSON *object, struct arena *a)
{
	const char *kind = json_str(json_get(object, "kind"));
	struct strbuf text;
	struct json_writer w;
	const cJSON *job = NULL;
	struct err e;

	if (!kind || strcmp(kind, "Job") != 0)
		return NULL;
	strbuf_init(&text, JOB_MAX);
	jw_init(&w, &text);
	jw_object(&w, NULL);
	jw_str(&w, "apiVersion", json_str(json_get(object, "apiVersion")));
	jw_str(&w, "kind", kind);
	if (json_get(object, "spec"))
		jw_value(&w, "spec", json_get(object, "spec"));
	if (json_get(object, "status"))
		jw_value(&w, "status", json_get(object, "status"));
	jw_end(&w);
	if (!text.failed)
		job = json_parse(text.data, text.len, 0, a, &e);
	strbuf_free(&text);
	return job;
}

void kube_run_take_object(struct kube_run *r, const cJSON *object)
{
	const char *uid = json_str(json_at(object, "/metadata/uid"));
	struct arena *a;

	if (!r->judge)
		return;
	a = arena_new();
	if (uid && !r->ref.uid[0])
		r->ref.uid = arena_strdup(r->arena, uid);
	object_judge(r->judge, object, a, &r->object);
	r->object.reason = arena_strdup(a, r->object.reason);
	r->object.message = arena_strdup(a, r->object.message);
	r->job = copy_job(object, a);
	arena_free(r->object_arena);
	r->object_arena = a;
	kube_run_want_look(r);
}

void kube_run_lose_object(struct kube_run *r)
{
	if (!r->object_gone)
		r->object_gone_us = clk_now_us();
	r->object_gone = true;
	kube_run_want_look(r);
}

/* ---- its pods ------------------------------------------------------------------------------------------ */

static struct kube_pod *pod_of(struct kube_run *r, const char *uid)
{
	struct kube_pod *pod;

	TAILQ_FOREACH(pod, &r->pods, link) {
		if (strcmp(pod->is.uid, uid) == 0)
			return pod;
	}
	return NULL;
}

/* Whole numbers that grow, as Kubernetes promises of late and etcd always had them; 0 = something else. */
static int64_t version_of(const cJSON *tree)
{
	const char *text = json_str(json_at(tree, "/metadata/resourceVersion"));
	int64_t version;

	return text && num_parse_i64(text, strlen(text), &version) ? version : 0;
}

void kube_run_take_pod(struct kube_run *r, const cJSON *tree)
{
	const char *uid = json_str(json_at(tree, "/metadata/uid"));
	struct kube_pod *pod = uid ? pod_of(r, uid) : NULL;
	const int64_t version = version_of(tree);
	struct arena *a;
	bool over;

	if (!r->judge || !uid || (pod && (pod->gone || version < pod->version)))
		return;
	if (!pod) {
		pod = xcalloc(1, sizeof *pod);
		TAILQ_INSERT_TAIL(&r->pods, pod, link);
	}
	pod->version = version;
	over = pod->is.phase == POD_ENDED;
	a = arena_new();
	pod_judge(tree, r->card.primary_container, a, &pod->is);
	pod->is.name = arena_strdup(a, pod->is.name);
	pod->is.uid = arena_strdup(a, uid);
	pod->is.node = arena_strdup(a, pod->is.node);
	pod->is.reason = arena_strdup(a, pod->is.reason);
	pod->is.message = arena_strdup(a, pod->is.message);
	arena_free(pod->arena);
	pod->arena = a;
	pod->primary = pod_is_primary(tree, r->card.primary_labels, r->card.primary_container);
	pod->own_end = pod->own_end || (pod->is.phase == POD_ENDED && !pod->is.deleting);
	if (pod->primary && !over && pod->is.phase == POD_ENDED && !r->stop_reason)
		turnaround_end(&r->kube->turnaround, r->kube->news_us);
	kube_run_want_look(r);
}

void kube_run_lose_pod(struct kube_run *r, const char *uid)
{
	struct kube_pod *pod = pod_of(r, uid);

	if (!pod || pod->gone)
		return;
	pod->gone = true;
	kube_run_want_look(r);
}

struct kube_pod *kube_run_primary(struct kube_run *r)
{
	struct kube_pod *pod;

	TAILQ_FOREACH_REVERSE(pod, &r->pods, kube_pod_list, link) {
		if (pod->primary)
			return pod;
	}
	return NULL;
}

/* ---- its log ------------------------------------------------------------------------------------------- */

static void on_point(void *ctx, const struct run_point *p)
{
	struct kube_run *r = ctx;

	point_queue_add(&r->points, r->card.metrics.fallback ? RUN_FROM_FALLBACK : RUN_FROM_OUTPUT, p);
}

static void keep_last(struct kube_run *r, const char *text, size_t n)
{
	if (n > LAST_LINES_MAX) {
		text += n - LAST_LINES_MAX;
		n = LAST_LINES_MAX;
	}
	if (r->last.len + n > r->last.max)
		strbuf_consume(&r->last, r->last.len > LAST_LINES_MAX ? r->last.len - LAST_LINES_MAX : 0);
	strbuf_add(&r->last, text, n);
}

static void on_output(void *ctx, const char *text, size_t n)
{
	struct kube_run *r = ctx;

	log_file_write(r, text, n);
	keep_last(r, text, n);
}

static void on_gap(void *ctx, uint64_t missing)
{
	struct kube_run *r = ctx;
	char *text = xasprintf("%" PRIu64 " points of the metrics file are missing from the pod's log: the node keeps too "
		"little of it", missing);

	kube_run_tell_waiting(r, "MetricsLost", text);
	free(text);
}

static const struct frame_events frame_events = {.on_text = on_output, .on_point = on_point, .on_gap = on_gap};

static void on_text(void *ctx, const char *text, size_t n, int64_t wall_us)
{
	struct kube_run *r = ctx;

	if (r->collector) {
		on_output(r, text, n);
		collector_feed(r->collector, text, n, wall_us);
	} else {
		frames_feed(&r->frames, text, n);
	}
	if (point_queue_full(&r->points))
		pod_log_hold(r->log, true);
	kube_run_want_look(r);
}

static void on_forbidden(void *ctx, const char *why)
{
	struct kube_run *r = ctx;
	char *text = xasprintf("its log cannot be read: %s", why);

	kube_run_tell_waiting(r, "LogForbidden", text);
	free(text);
}

static void on_log_end(void *ctx, const char *why)
{
	struct kube_run *r = ctx;

	if (r->collector)
		collector_end(r->collector, clk_wall_us());
	else
		frames_end(&r->frames);
	r->log_over = true;
	r->log_trouble = arena_strdup(r->arena, why);
	kube_run_want_look(r);
}

/* A pod's program begins to count its steps anew. The log of the pod before is over. */
void kube_run_open_log(struct kube_run *r, struct kube_pod *pod)
{
	assert(!r->log || r->log_over);
	pod_log_free(r->log);
	collector_free(r->collector);
	r->collector = NULL;
	if (r->card.metrics.collector == RUN_COLLECT_FILE)
		frames_init(&r->frames, &frame_events, r);
	else
		r->collector = collector_new(&r->card.metrics, on_point, r);
	r->logged = pod;
	r->log_over = false;
	r->log = pod_log_new(r->kube->client,
		&(struct pod_log_config){.ns = r->ref.ns,
			.pod = pod->is.name,
			.container = r->card.primary_container,
			.on_text = on_text,
			.on_forbidden = on_forbidden,
			.on_end = on_log_end,
			.ctx = r});
}

/* ---- telling ------------------------------------------------------------------------------------------- */

void kube_run_tell(struct kube_run *r, struct run_event *ev)
{
	struct run_backend *b = &r->kube->base;

	ev->from = b;
	ev->key = r->node.key;
	if (!ev->time_us)
		ev->time_us = clk_wall_us();
	b->on_event(b->ctx, ev);
}

/* Only news are told, for each is written down. */
void kube_run_tell_waiting(struct kube_run *r, const char *reason, const char *message)
{
	char *text = xasprintf("%s: %s", reason, message ? message : "");
	struct arena *a;

	if (r->told_waiting && strcmp(r->told_waiting, text) == 0) {
		free(text);
		return;
	}
	free(r->told_waiting);
	r->told_waiting = text;
	a = arena_new();
	kube_run_tell(r, &(struct run_event){.kind = RUN_WAITING,
		.reason = reason,
		.message = message ? message : "",
		.object = r->ref.uid[0] ? kube_run_object_json(r, a) : NULL});
	arena_free(a);
}
