/*
 * What the cluster holds of one resource, told as it changes: list in pages, then watch for ever.
 *
 *     LIST -> WATCH -> (ends) WATCH again from the last resourceVersion
 *       ^       | 410 Gone, or an ERROR event that says so
 *       +-------+                 any other failure: a pause that doubles, with jitter
 *
 * The owner hears of every object once as ADDED and then of each change, of a deletion exactly once
 * also when it happened while nobody watched (`object` is NULL then), and of "synced" once, when the
 * first list is complete. An object that was replaced by another of its name (other uid) is told as
 * deleted and added. What has not changed is not told again after a second list.
 *
 * An object that was read from a list has no kind and no apiVersion of its own.
 * Of each object only name, namespace, uid and resourceVersion are kept. Trees are borrowed for the
 * call. Callbacks come from the loop; they may do anything but free the reflector.
 *
 * Trouble (no rights, no such resource, no connection) is told when it begins, when its sentence
 * changes, and when it ends (NULL); the reflector goes on trying.
 */
#pragma once
#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/err.h"

struct kube_client;
struct kube_reflector;
struct kube_refusal;

enum kube_change { KUBE_ADDED, KUBE_MODIFIED, KUBE_DELETED };

struct kube_event {
	enum kube_change change;
	const char *name, *ns, *uid, *resource_version;         /* ns "" if there is none          */
	const cJSON *object;            /* KUBE_DELETED: its last state, or NULL if nobody saw it   */
	int64_t received_us;            /* clk_now_us() when its bytes came from the socket         */
};

struct kube_reflector_config {
	const char *path;               /* "/api/v1/namespaces/team-a/pods"                         */
	const char *labels, *fields;    /* selectors; NULL: none                                    */
	void (*on_event)(void *ctx, const struct kube_event *ev);
	void (*on_synced)(void *ctx);                           /* NULL: not wanted                 */
	/* refusal: NULL when the server did not answer; both NULL: it works again. NULL: not wanted. */
	void (*on_trouble)(void *ctx, const struct err *e, const struct kube_refusal *refusal);
	void *ctx;
	/* 0: the default. Tests set them. */
	unsigned page;                  /* objects a page; 500                                      */
	size_t event_max;               /* bytes of one event; 4 MiB (etcd keeps at most 1.5)       */
	int64_t watch_us;               /* a watch ends after this to twice this; 5 minutes         */
	int64_t pause_min_us, pause_max_us;     /* after failures; 200 ms, 10 s                     */
	double (*random)(void *ctx);    /* [0, 1), for jitter; NULL: seeded from the system         */
};

/* Begins at once. Everything in config is copied; the client must live longer. */
struct kube_reflector *kube_reflector_new(struct kube_client *c, const struct kube_reflector_config *config);
void kube_reflector_free(struct kube_reflector *r);     /* nothing is told; NULL is allowed         */

bool kube_reflector_synced(const struct kube_reflector *r);
size_t kube_reflector_count(const struct kube_reflector *r);
/* uid and resourceVersion of what is known, or false; borrowed until the next event. */
bool kube_reflector_find(const struct kube_reflector *r, const char *ns, const char *name,
	const char **uid, const char **resource_version);

struct kube_reflector_stats {
	uint64_t lists, watches, events, bookmarks, unreadable, failures;
};
void kube_reflector_stats(const struct kube_reflector *r, struct kube_reflector_stats *out);
