/*
 * Reading the log of a run. This server's file of it is complete once the run is over, or grows while the
 * run is ours. A run that another server drives is asked for where its log is: in its pod.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/arena.h"
#include "lib/loop.h"
#include "lib/mem.h"
#include "trial-runner/kubernetes/run.h"
#include "trial-runner/log_start.h"

enum { CHUNK = 32 * 1024, PIECE_MAX = 1 << 20 };

struct log_reader {
	struct run_log base;            /* first */
	LIST_ENTRY(log_reader) link;
	struct kube *kube;
	struct run_log_query query;     /* without its object */
	run_log_fn *fn;
	void *ctx;
	struct loop_timer *timer;       /* the next piece of the file */
	bool paused, ended, closed;
	int64_t offset;                 /* of what comes next */
	/* The file. */
	char *path;
	int fd;
	bool positioned;
	/* The pod; NULL: not asked, or not known. */
	char *object;
	struct pod_log *pod;
	struct frame_reader frames;
	struct strbuf piece;            /* what is to be told of one line */
	bool pod_over;
	char *trouble;                  /* why it cannot be read; or NULL */
};

void log_read_more(struct kube *k, const struct run_key *key)
{
	struct log_reader *l;

	LIST_FOREACH(l, &k->readers, link) {
		if (run_key_equal(&l->query.key, key) && !l->paused && !l->ended)
			loop_timer_after(l->timer, 0);
	}
}

static bool runs_here(const struct log_reader *l)
{
	return run_table_get(&l->kube->runs, &l->query.key) != NULL;
}

static void end(struct log_reader *l, const struct err *e)
{
	l->ended = true;
	l->fn(l->ctx, NULL, 0, l->offset, true, e);
}

/* ---- from the pod ----------------------------------------------------------------------------------------- */

static void on_output(void *ctx, const char *text, size_t n)
{
	struct log_reader *l = ctx;

	strbuf_add(&l->piece, text, n);
}

static void on_point(void *ctx UNUSED, const struct run_point *p UNUSED)
{
}

static void on_gap(void *ctx UNUSED, uint64_t missing UNUSED)
{
}

/* Of what the pod printed the first bytes may be unwanted. */
static void tell_piece(struct log_reader *l)
{
	const int64_t before = l->query.tail_lines >= 0 ? 0 : l->query.offset - l->offset, n = (int64_t)l->piece.len;
	const int64_t skip = before <= 0 ? 0 : before < n ? before : n, at = l->offset + skip;

	l->offset += n;
	if (skip < n && !l->fn(l->ctx, l->piece.data + skip, (size_t)(n - skip), at, false, NULL))
		l->paused = true;
	strbuf_reset(&l->piece);
	if (l->paused)
		pod_log_hold(l->pod, true);
}

static void on_text(void *ctx, const char *text, size_t n, int64_t wall_us UNUSED)
{
	struct log_reader *l = ctx;

	frames_feed(&l->frames, text, n);
	tell_piece(l);
}

static void on_pod_end(void *ctx, const char *why)
{
	struct log_reader *l = ctx;

	frames_end(&l->frames);
	tell_piece(l);
	if (l->closed)
		return;
	l->pod_over = true;
	l->trouble = why ? xstrdup(why) : NULL;
	if (!l->paused)
		loop_timer_after(l->timer, 0);
}

/* False if it is not known which pod it is, or it was asked already. */
static bool ask_pod(struct log_reader *l)
{
	static const struct frame_events events = {.on_text = on_output, .on_point = on_point, .on_gap = on_gap};
	struct arena *a = arena_new();
	struct err e;
	const cJSON *object = l->object ? json_parse(l->object, strlen(l->object), 0, a, &e) : NULL;
	struct pod_log_config config = {.ns = json_str(json_get(object, "namespace")),
		.pod = json_str(json_get(object, "pod")),
		.container = json_str(json_get(object, "container")),
		.on_text = on_text,
		.on_end = on_pod_end,
		.ctx = l,
		.alone = true,
		.once = !l->query.follow,
		.has_tail = l->query.tail_lines >= 0,
		.tail = l->query.tail_lines};
	const bool known = config.ns && config.pod && !l->pod;

	if (known) {
		frames_init(&l->frames, &events, l);
		l->pod = pod_log_new(l->kube->client, &config);
	}
	arena_free(a);
	return known;
}

/* ---- from the file ---------------------------------------------------------------------------------------- */

static bool open_file(struct log_reader *l)
{
	if (l->fd < 0)
		l->fd = open(l->path, O_RDONLY | O_CLOEXEC);
	if (l->fd < 0)
		return false;
	if (!l->positioned) {
		l->positioned = true;
		l->offset = log_start(l->fd, &l->query);
	}
	return true;
}

/* Nothing was printed yet, or never. */
static void without_file(struct log_reader *l, bool here)
{
	struct err e;

	if (here && l->query.follow)
		return;
	if (here) {
		end(l, NULL);
		return;
	}
	(void)err_set(&e, ERR_NOT_FOUND, "this server has no log of attempt %d of trial %d: it printed nothing, or another "
		"server watched it%s%s", (int)l->query.key.attempt, (int)l->query.key.number,
		l->trouble ? "; its pod was asked: " : "", l->trouble ? l->trouble : "");
	end(l, &e);
}

/* Whether it is over is known before the read: nothing can come after. */
static void read_file(struct log_reader *l, bool here)
{
	char *chunk = xmalloc(CHUNK);
	const ssize_t n = pread(l->fd, chunk, CHUNK, l->offset);

	if (n > 0) {
		const int64_t at = l->offset;

		l->offset += n;
		loop_timer_after(l->timer, 0);
		if (!l->fn(l->ctx, chunk, (size_t)n, at, false, NULL)) {
			l->paused = true;
			loop_timer_cancel(l->timer);
		}
	} else if (!here || !l->query.follow) {
		end(l, NULL);
	}
	free(chunk);
}

/* ---- which of them ---------------------------------------------------------------------------------------- */

/* A pod that is gone has left its log to the server that watched it, perhaps this one. While it is there, a file of
 * ours is as old as our own part in the run. */
static void next_piece(void *ctx)
{
	struct log_reader *l = ctx;
	const bool here = runs_here(l);

	if (l->pod && !l->pod_over)
		return;
	if (l->pod && (!l->trouble || l->offset > 0))
		end(l, NULL);
	else if (!here && l->query.active && l->fd < 0 && ask_pod(l))
		return;
	else if (open_file(l))
		read_file(l, here);
	else if (here || !ask_pod(l))
		without_file(l, here);
}

struct run_log *log_read_open(struct run_backend *b, const struct run_log_query *q, run_log_fn *fn, void *ctx)
{
	struct kube *k = (struct kube *)b;
	struct log_reader *l = xcalloc(1, sizeof *l);

	l->base.backend = b;
	l->kube = k;
	l->query = *q;
	l->fn = fn;
	l->ctx = ctx;
	l->fd = -1;
	l->path = log_file_path(k, &q->key);
	l->object = q->object ? xstrdup(q->object) : NULL;
	l->query.object = NULL;
	strbuf_init(&l->piece, PIECE_MAX);
	l->timer = loop_timer_new(b->loop, next_piece, l);
	LIST_INSERT_HEAD(&k->readers, l, link);
	loop_timer_after(l->timer, 0);
	return &l->base;
}

void log_read_resume(struct run_log *base)
{
	struct log_reader *l = (struct log_reader *)base;

	l->paused = false;
	if (l->pod && !l->pod_over)
		pod_log_hold(l->pod, false);
	else if (!l->ended)
		loop_timer_after(l->timer, 0);
}

static void free_reader(void *ctx)
{
	struct log_reader *l = ctx;

	pod_log_free(l->pod);
	loop_timer_free(l->timer);
	strbuf_free(&l->piece);
	free(l->trouble);
	free(l->object);
	free(l->path);
	free(l);
}

/* Also from within its own callback. */
void log_read_close(struct run_log *base)
{
	struct log_reader *l = (struct log_reader *)base;

	l->closed = true;
	LIST_REMOVE(l, link);
	pod_log_stop(l->pod);
	loop_timer_cancel(l->timer);
	if (l->fd >= 0)
		close(l->fd);
	loop_defer_free(base->backend->loop, free_reader, l);
}
