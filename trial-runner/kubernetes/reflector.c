#include "trial-runner/kubernetes/reflector.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/clk.h"
#include "lib/hash.h"
#include "lib/http_client.h"
#include "lib/json.h"
#include "lib/log.h"
#include "lib/loop.h"
#include "lib/mem.h"
#include "lib/strbuf.h"
#include "lib/uri.h"
#include "trial-runner/kubernetes/api_path.h"
#include "trial-runner/kubernetes/client.h"
#include "trial-runner/kubernetes/object_index.h"

#define WATCH_DEFAULT_US (300 * CLK_SECOND)
#define WATCH_SPARE_US (30 * CLK_SECOND)        /* over the time that the server was told           */
#define SILENCE_US (180 * CLK_SECOND)           /* bookmarks come about once a minute               */
#define PATIENCE_US (60 * CLK_SECOND)
#define PAUSE_MIN_DEFAULT_US (200 * INT64_C(1000))
#define PAUSE_MAX_DEFAULT_US (10 * CLK_SECOND)
enum {
	PAGE_DEFAULT = 500,
	PAGE_BYTES_MAX = 64 << 20,
	EVENT_DEFAULT_MAX = 4 << 20,
	DOUBLINGS_MAX = 20,
};

/* What follows a stream that has ended. */
enum next {
	WATCH_ON,                       /* from the last resourceVersion      */
	LIST_AGAIN,                     /* that one is too old                */
	PAUSE,                          /* something is wrong: `why`          */
};

struct kube_reflector {
	struct kube_client *client;
	struct kube_reflector_config config;
	struct arena *arena;            /* of the config's texts              */
	const char *resource;           /* "pods", for logs and metrics       */
	struct object_index index;
	struct kube_call *call;         /* under way, or NULL                 */
	struct loop_timer *pause;
	struct kube_reflector_stats stats;
	uint64_t random_state;
	bool synced, troubled;
	char trouble[sizeof((struct err *)0)->detail];
	unsigned failures;              /* in a row                           */

	/* the list */
	bool listing;                   /* or watching                        */
	uint32_t round;
	unsigned page;
	char *from_page;                /* the server's `continue`, or NULL   */

	/* the watch */
	char *version;                  /* resourceVersion to go on from      */
	struct http_lines lines;
	struct arena *scratch;          /* of one event                       */
	int64_t received_us, began_us;
	bool headed, told;              /* it began; it said something        */
	enum next next;
	struct err why;                 /* PAUSE                              */
};

static void begin_list(struct kube_reflector *r);
static void begin_watch(struct kube_reflector *r);

/* --- what is told ------------------------------------------------------------------------------- */

static void count(struct kube_reflector *r, uint64_t *stat, const char *what)
{
	(*stat)++;
	kube_count_watch(r->client, r->resource, what);
}

static void tell(struct kube_reflector *r, enum kube_change change, const struct object_entry *o, const cJSON *object)
{
	struct kube_event ev = {
		.change = change,
		.name = o->name,
		.ns = o->ns,
		.uid = o->uid,
		.resource_version = o->version,
		.object = object,
		.received_us = r->received_us,
	};

	r->config.on_event(r->config.ctx, &ev);
}

static void tell_gone(struct kube_reflector *r, struct object_entry *o, const cJSON *object)
{
	tell(r, KUBE_DELETED, o, object);
	object_entry_free(o);
}

struct meta { const char *ns, *name, *uid, *version; };

static bool read_meta(const cJSON *object, struct meta *out)
{
	const cJSON *m = json_get(object, "metadata");

	*out = (struct meta){
		.ns = json_str(json_get(m, "namespace")),
		.name = json_str(json_get(m, "name")),
		.uid = json_str(json_get(m, "uid")),
		.version = json_str(json_get(m, "resourceVersion")),
	};
	if (!out->ns)
		out->ns = "";
	if (!out->uid)
		out->uid = "";
	return out->name && out->version;
}

/* From a list or an event, as it is now. */
static void see(struct kube_reflector *r, const cJSON *object, const struct meta *m)
{
	struct object_entry *o = object_index_find(&r->index, m->ns, m->name);
	bool is_new;

	if (o && strcmp(o->uid, m->uid) != 0) {
		object_index_remove(&r->index, o);
		tell_gone(r, o, NULL);
		o = NULL;
	}
	is_new = !o;
	if (is_new)
		o = object_index_add(&r->index, m->ns, m->name, m->uid);
	o->round = r->round;
	if (!is_new && strcmp(o->version, m->version) == 0)
		return;
	object_entry_set_version(o, m->version);
	tell(r, is_new ? KUBE_ADDED : KUBE_MODIFIED, o, object);
}

static void see_deleted(struct kube_reflector *r, const cJSON *object, const struct meta *m)
{
	struct object_entry *o = object_index_find(&r->index, m->ns, m->name);

	if (!o || strcmp(o->uid, m->uid) != 0)
		return;
	object_index_remove(&r->index, o);
	object_entry_set_version(o, m->version);
	tell_gone(r, o, object);
}

/* --- trouble and pauses ------------------------------------------------------------------------- */

static void tell_trouble(struct kube_reflector *r, const struct err *e, const struct kube_refusal *refusal)
{
	if (r->troubled && strcmp(r->trouble, e->detail) == 0)
		return;
	r->troubled = true;
	memcpy(r->trouble, e->detail, sizeof r->trouble);
	LOG_WARN("cannot follow a resource of the cluster", L_STR("path", r->config.path), L_STR("error", e->detail));
	if (r->config.on_trouble)
		r->config.on_trouble(r->config.ctx, e, refusal);
}

static void end_trouble(struct kube_reflector *r)
{
	if (!r->troubled)
		return;
	r->troubled = false;
	LOG_INFO("a resource of the cluster is followed again", L_STR("path", r->config.path));
	if (r->config.on_trouble)
		r->config.on_trouble(r->config.ctx, NULL, NULL);
}

/* xorshift64*: which one does not matter as long as replicas differ. */
static double random_unit(struct kube_reflector *r)
{
	if (r->config.random)
		return r->config.random(r->config.ctx);
	r->random_state ^= r->random_state >> 12;
	r->random_state ^= r->random_state << 25;
	r->random_state ^= r->random_state >> 27;
	return (double)((r->random_state * UINT64_C(0x2545F4914F6CDD1D)) >> 11) * 0x1p-53;
}

/* min * 2^failures up to max, times 0.5 to 1.5. */
static void pause_a_while(struct kube_reflector *r)
{
	unsigned doublings = r->failures < DOUBLINGS_MAX ? r->failures : DOUBLINGS_MAX;
	int64_t pause = r->config.pause_min_us << doublings;

	if (pause > r->config.pause_max_us)
		pause = r->config.pause_max_us;
	r->failures++;
	count(r, &r->stats.failures, "failure");
	loop_timer_after(r->pause, (int64_t)((double)pause * (0.5 + random_unit(r))));
}

static void on_pause_over(void *ctx)
{
	struct kube_reflector *r = ctx;

	if (r->listing)
		begin_list(r);
	else
		begin_watch(r);
}

/* The first time at once: that a version is too old is no fault of anybody. */
static void list_again(struct kube_reflector *r)
{
	r->listing = true;
	if (r->failures == 0) {
		r->failures++;
		begin_list(r);
	} else {
		pause_a_while(r);
	}
}

/* --- the list ----------------------------------------------------------------------------------- */

static void add_query(struct strbuf *b, const char *name, const char *value)
{
	if (!value)
		return;
	strbuf_printf(b, "&%s=", name);
	uri_encode(b, value);
	if (b->failed) /* without a selector it would be another question */
		mem_die(b->len);
}

/* What is known and was not in the list is gone. */
static void sweep(struct kube_reflector *r)
{
	struct object_entry *o;
	size_t slot = 0;

	while ((o = object_index_take_other(&r->index, r->round, &slot)))
		tell_gone(r, o, NULL);
}

static void list_complete(struct kube_reflector *r, const char *version)
{
	free(r->version);
	r->version = xstrdup(version ? version : "0");
	r->listing = false;
	sweep(r);
	end_trouble(r);
	if (!r->synced) {
		r->synced = true;
		if (r->config.on_synced)
			r->config.on_synced(r->config.ctx);
	}
	begin_watch(r);
}

static void ask_page(struct kube_reflector *r);

static void take_page(struct kube_reflector *r, const cJSON *list)
{
	const cJSON *meta = json_get(list, "metadata");
	const char *more = json_str(json_get(meta, "continue"));
	struct meta m;

	json_each(item, json_get(list, "items")) {
		if (read_meta(item, &m))
			see(r, item, &m);
	}
	free(r->from_page);
	r->from_page = more && *more ? xstrdup(more) : NULL;
	if (r->from_page)
		ask_page(r);
	else
		list_complete(r, json_str(json_get(meta, "resourceVersion")));
}

static void on_page(void *ctx, const struct kube_answer *a, const struct err *e)
{
	struct kube_reflector *r = ctx;
	struct err own;

	r->call = NULL;
	r->received_us = clk_now_us();
	if (!e && json_is_array(json_get(a->body, "items"))) {
		take_page(r, a->body);
		return;
	}
	if (!e) {
		(void)err_set(&own, ERR_UNAVAILABLE, "the answer to a list of %s is no list", r->resource);
		e = &own;
	}
	if (e->code == ERR_TOO_LARGE && r->page > 1) { /* fewer at a time */
		r->page /= 2;
		ask_page(r);
	} else if (a && a->refusal && a->refusal->kind == KUBE_REFUSED_GONE && r->from_page) {
		list_again(r);
	} else {
		tell_trouble(r, e, a ? a->refusal : NULL);
		pause_a_while(r);
	}
}

static void ask_page(struct kube_reflector *r)
{
	struct strbuf q;

	strbuf_init(&q, SIZE_MAX);
	strbuf_printf(&q, "limit=%u", r->page);
	add_query(&q, "labelSelector", r->config.labels);
	add_query(&q, "fieldSelector", r->config.fields);
	add_query(&q, "continue", r->from_page);
	r->call = kube_send(r->client, &(struct kube_request){.path = r->config.path, .query = q.data, .urgent = true,
									   .patience_us = PATIENCE_US, .max_body = PAGE_BYTES_MAX}, on_page, r);
	strbuf_free(&q);
}

static void begin_list(struct kube_reflector *r)
{
	free(r->from_page);
	r->from_page = NULL;
	r->listing = true;
	r->round++;
	count(r, &r->stats.lists, "list");
	ask_page(r);
}

/* --- the watch ---------------------------------------------------------------------------------- */

static void keep_version(struct kube_reflector *r, const char *version)
{
	size_t n = strlen(version) + 1;

	r->version = xreallocarray(r->version, n, 1);
	memcpy(r->version, version, n);
}

static bool stop_with(struct kube_reflector *r, enum next next, const char *why)
{
	r->next = next;
	if (why)
		(void)err_set(&r->why, ERR_UNAVAILABLE, "the watch of %s ended: %s", r->resource, why);
	return false;
}

/* One object that cannot be read (a NUL in a text, too deep) must not hide all the others. */
static bool skip(struct kube_reflector *r, const char *why)
{
	static struct log_limit limit;

	if (log_limit_pass(&limit, 10 * CLK_SECOND))
		LOG_WARN("an event of the cluster was left out", L_STR("path", r->config.path), L_STR("why", why));
	count(r, &r->stats.unreadable, "unreadable");
	return true;
}

/* An ERROR event carries a Status. */
static bool take_error(struct kube_reflector *r, const cJSON *status)
{
	const char *message = json_str(json_get(status, "message"));
	int64_t code = 0;

	if (json_int(json_get(status, "code"), &code) && code == 410)
		return stop_with(r, LIST_AGAIN, NULL);
	return stop_with(r, PAUSE, message ? message : "an error without a message");
}

static bool take_event(struct kube_reflector *r, const cJSON *event)
{
	const char *type = json_str(json_get(event, "type"));
	const cJSON *object = json_get(event, "object");
	struct meta m;

	if (type && strcmp(type, "ERROR") == 0)
		return take_error(r, object);
	bool whole = read_meta(object, &m), bookmark = type && strcmp(type, "BOOKMARK") == 0;
	if (!type || !m.version || (!whole && !bookmark))
		return skip(r, "it is no event");
	r->told = true;
	r->failures = 0;
	if (bookmark) {             /* has nothing but its version */
		count(r, &r->stats.bookmarks, "bookmark");
	} else {
		count(r, &r->stats.events, "event");
		if (strcmp(type, "DELETED") == 0)
			see_deleted(r, object, &m);
		else
			see(r, object, &m); /* ADDED or MODIFIED: what is known tells which */
	}
	keep_version(r, m.version);
	return true;
}

static bool on_line(void *ctx, const char *line, size_t n)
{
	struct kube_reflector *r = ctx;
	struct err e;
	bool go_on;

	if (n == 0)
		return true;
	const cJSON *event = json_parse(line, n, 0, r->scratch, &e);
	go_on = event ? take_event(r, event) : skip(r, e.detail);
	arena_reset(r->scratch);
	return go_on;
}

static bool on_watch_data(void *ctx, const char *p, size_t n)
{
	struct kube_reflector *r = ctx;

	r->received_us = clk_now_us();
	if (http_lines_feed(&r->lines, p, n))
		return true;
	if (r->next == WATCH_ON) { /* none of our own reasons: the ceiling. Whatever it is, a list shows it. */
		r->listing = true;
		stop_with(r, PAUSE, "an event is too large");
	}
	return false;
}

static bool on_watch_head(void *ctx)
{
	struct kube_reflector *r = ctx;

	r->headed = true;
	end_trouble(r);
	return true;
}

/* A watch that ended as it should, or was cut while it worked, goes on; one that ends as soon as it
 * began would else be begun again without end. */
static void go_on_watching(struct kube_reflector *r)
{
	if (r->told || clk_now_us() - r->began_us >= r->config.pause_max_us) {
		r->failures = 0;
		begin_watch(r);
	} else {
		pause_a_while(r);
	}
}

static void on_watch_end(void *ctx, const struct kube_answer *a, const struct err *e)
{
	struct kube_reflector *r = ctx;
	const struct kube_refusal *refusal = a ? a->refusal : NULL;

	r->call = NULL;
	http_lines_free(&r->lines);
	if (refusal && refusal->kind == KUBE_REFUSED_GONE)
		r->next = LIST_AGAIN;
	else if (e && !r->headed)
		r->next = PAUSE;
	if (r->next == LIST_AGAIN) {
		list_again(r);
	} else if (r->next == WATCH_ON) {
		go_on_watching(r);
	} else {
		tell_trouble(r, e ? e : &r->why, refusal);
		pause_a_while(r);
	}
}

static void begin_watch(struct kube_reflector *r)
{
	int64_t lasts = (int64_t)((double)r->config.watch_us * (1 + random_unit(r)));
	struct strbuf q;

	strbuf_init(&q, SIZE_MAX);
	strbuf_printf(&q, "watch=1&allowWatchBookmarks=true&timeoutSeconds=%lld", (long long)(lasts / CLK_SECOND + 1));
	add_query(&q, "resourceVersion", r->version);
	add_query(&q, "labelSelector", r->config.labels);
	add_query(&q, "fieldSelector", r->config.fields);
	r->headed = r->told = false;
	r->next = WATCH_ON;
	r->began_us = clk_now_us();
	count(r, &r->stats.watches, "watch");
	r->call = kube_send(r->client,
		&(struct kube_request){.path = r->config.path, .query = q.data, .urgent = true, .patience_us = PATIENCE_US,
			.timeout_us = lasts + WATCH_SPARE_US, .silence_us = SILENCE_US, .on_head = on_watch_head,
			.on_data = on_watch_data},
		on_watch_end, r);
	strbuf_free(&q);
}

/* --- the interface ------------------------------------------------------------------------------ */

static void set_defaults(struct kube_reflector_config *c)
{
	if (!c->page)
		c->page = PAGE_DEFAULT;
	if (!c->event_max)
		c->event_max = EVENT_DEFAULT_MAX;
	if (!c->watch_us)
		c->watch_us = WATCH_DEFAULT_US;
	if (!c->pause_min_us)
		c->pause_min_us = PAUSE_MIN_DEFAULT_US;
	if (!c->pause_max_us)
		c->pause_max_us = PAUSE_MAX_DEFAULT_US;
}

struct kube_reflector *kube_reflector_new(struct kube_client *c, const struct kube_reflector_config *config)
{
	struct kube_reflector *r = xcalloc(1, sizeof *r);

	assert(config->on_event);
	r->client = c;
	r->config = *config;
	set_defaults(&r->config);
	r->arena = arena_new();
	r->scratch = arena_new();
	r->config.path = arena_strdup(r->arena, config->path);
	r->config.labels = arena_strdup(r->arena, config->labels);
	r->config.fields = arena_strdup(r->arena, config->fields);
	r->resource = api_path_split(config->path, r->arena).resource;
	r->page = r->config.page;
	r->lines = (struct http_lines){.line = on_line, .ctx = r, .max = r->config.event_max};
	r->pause = loop_timer_new(kube_client_loop(c), on_pause_over, r);
	hash_random(&r->random_state, sizeof r->random_state);
	r->random_state |= 1; /* its one forbidden state is 0 */
	begin_list(r);
	return r;
}

void kube_reflector_free(struct kube_reflector *r)
{
	if (!r)
		return;
	kube_cancel(r->call);
	loop_timer_free(r->pause);
	http_lines_free(&r->lines);
	object_index_free(&r->index);
	free(r->from_page);
	free(r->version);
	arena_free(r->scratch);
	arena_free(r->arena);
	free(r);
}

bool kube_reflector_synced(const struct kube_reflector *r)
{
	return r->synced;
}

size_t kube_reflector_count(const struct kube_reflector *r)
{
	return r->index.n;
}

bool kube_reflector_find(const struct kube_reflector *r, const char *ns, const char *name, const char **uid,
	const char **resource_version)
{
	const struct object_entry *o = object_index_find(&r->index, ns, name);

	if (!o)
		return false;
	*uid = o->uid;
	*resource_version = o->version;
	return true;
}

void kube_reflector_stats(const struct kube_reflector *r, struct kube_reflector_stats *out)
{
	*out = r->stats;
}
