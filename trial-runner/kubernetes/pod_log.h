/*
 * The log of one container as a stream of lines, whole and each once, whatever happens to the
 * connection: followed with timestamps, and after a break read again from the second of the newest
 * line, of which those that were seen are counted and skipped.
 *
 *     follow -> (cut, or the server ended it) pause -> follow from where it was ...
 *     pod_log_finish(): the program has ended -> what is left is read in one request -> on_end
 *
 * The kubelet notices late that nothing more will come, so the end is not waited for: who knows from
 * the pod that its container has terminated says finish. Where the pod is about to vanish with its
 * log, `draining` lets the stream come to its own end first, for a moment.
 *
 * Exactness: the API takes a whole second as its start. Lines are counted from that second on, in the
 * order of the file, and a line that is newer than all that were seen is never skipped, also when the
 * file was rotated meanwhile.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct kube_client;
struct pod_log;

struct pod_log_config {
	const char *ns, *pod, *container;       /* copied; container NULL: the only one */
	/* A line with its newline (the last one may lack it), or a part of a very long one, and when it was
	 * printed. May call anything of here but pod_log_free(). */
	void (*on_text)(void *ctx, const char *text, size_t n, int64_t wall_us);
	/* Once, when the right to read it is missing; it is asked for on and on. NULL: nobody wants to know. */
	void (*on_forbidden)(void *ctx, const char *why);
	/* Once, after finish: all was read, or (why) what is missing cannot be had. */
	void (*on_end)(void *ctx, const char *why);
	void *ctx;
	/* Nobody watches the pod and will say finish: what the cluster says itself counts. */
	bool alone;
	bool once;                      /* alone: only what is there          */
	bool has_tail;                  /* only the last lines of what is there when it begins */
	int64_t tail;
};

/* Begins at once; the container runs, or ran. */
struct pod_log *pod_log_new(struct kube_client *c, const struct pod_log_config *config);
void pod_log_free(struct pod_log *l);                   /* NULL is allowed; not from its callbacks */
void pod_log_stop(struct pod_log *l);                   /* nothing more comes; also from its callbacks; NULL is allowed */
/* Too much waits elsewhere: the stream is closed, and continued where it was. */
void pod_log_hold(struct pod_log *l, bool hold);
/* Repeatable. An end that cannot be read is asked for again for patience_us. */
void pod_log_finish(struct pod_log *l, bool draining, int64_t patience_us);
