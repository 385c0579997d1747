/*
 * Logs of runs, kept as files of this server so that they stay when the pods are gone:
 * <state>/<uid of the experiment>/<trial>-<attempt>.log. A run that is taken over writes its log anew,
 * from the first line on, with the same bytes.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/arena.h"
#include "lib/clk.h"
#include "lib/file.h"
#include "lib/log.h"
#include "lib/loop.h"
#include "lib/mem.h"
#include "trial-runner/kubernetes/run.h"

enum { CHUNK = 32 * 1024 };

struct log_reader {
	struct run_log base;            /* first */
	LIST_ENTRY(log_reader) link;
	struct kube *kube;
	struct run_log_query query;
	run_log_fn *fn;
	void *ctx;
	char *path;
	struct loop_timer *timer;       /* the next piece */
	int fd;
	int64_t offset;
	bool positioned, paused, ended;
};

static bool uid_good(const char *uid)
{
	const size_t n = strspn(uid, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_");

	return n > 0 && uid[n] == '\0';
}

static char *path_of(const struct kube *k, const struct run_key *key)
{
	return xasprintf("%s/%s/%d-%d.log", k->state, key->uid, (int)key->number, (int)key->attempt);
}

static void readers_look(struct kube *k, const struct run_key *key)
{
	struct log_reader *l;

	LIST_FOREACH(l, &k->readers, link) {
		if (run_key_equal(&l->query.key, key) && !l->paused && !l->ended)
			loop_timer_after(l->timer, 0);
	}
}

/* ---- writing ------------------------------------------------------------------------------------------- */

static void open_output(struct kube_run *r)
{
	struct kube *k = r->kube;
	char *path = path_of(k, &r->node.key), *folder = xasprintf("%s/%s", k->state, r->node.key.uid);
	struct err e = {0};
	int fd = -1;

	r->output_tried = true;
	if (uid_good(r->node.key.uid) && file_mkdirs(folder, 0700, &e))
		fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
	if (fd >= 0) {
		output_init(&r->output, fd, k->log_max);
		r->output_open = true;
	} else {
		LOG_WARN("a trial's log is not kept", L_STR("file", path), L_STR("error", e.code ? e.detail : strerror(errno)));
	}
	free(path);
	free(folder);
}

void log_file_write(struct kube_run *r, const char *text, size_t n)
{
	if (!r->output_tried)
		open_output(r);
	if (!r->output_open)
		return;
	output_write(&r->output, text, n);
	readers_look(r->kube, &r->node.key);
}

void log_file_end(struct kube_run *r)
{
	if (r->output_open)
		output_end(&r->output);
	r->output_open = false;
	readers_look(r->kube, &r->node.key);
}

void log_file_purge(struct kube *k, const char *uid)
{
	char *folder = xasprintf("%s/%s", k->state, uid);
	struct err e;

	if (uid_good(uid) && !file_remove_tree(folder, &e) && e.code != ERR_NOT_FOUND)
		LOG_WARN("logs of a purged experiment stay", L_STR("folder", folder), L_STR("error", e.detail));
	free(folder);
}

/* ---- reading ------------------------------------------------------------------------------------------- */

static bool runs_here(const struct log_reader *l)
{
	return run_table_get(&l->kube->runs, &l->query.key) != NULL;
}

static void end(struct log_reader *l, const struct err *e)
{
	l->ended = true;
	l->fn(l->ctx, NULL, 0, l->offset, true, e);
}

/* Where the last n lines begin: counts newlines from the end, the last byte's own aside. */
static int64_t tail_offset(int fd, int64_t size, int64_t lines)
{
	char *chunk = xmalloc(CHUNK);
	int64_t at = size, result = lines == 0 ? size : 0;

	while (lines > 0 && at > 0) {
		const int64_t part = at < CHUNK ? at : CHUNK;
		const ssize_t n = pread(fd, chunk, (size_t)part, at - part);

		if (n != part)
			break;
		for (ssize_t i = n - 1; i >= 0 && lines > 0; i--) {
			const int64_t place = at - part + i;

			if (chunk[i] == '\n' && place != size - 1 && --lines == 0)
				result = place + 1;
		}
		at -= part;
	}
	free(chunk);
	return result;
}

static bool open_file(struct log_reader *l)
{
	struct stat st;

	if (l->fd < 0)
		l->fd = open(l->path, O_RDONLY | O_CLOEXEC);
	if (l->fd < 0)
		return false;
	if (!l->positioned) {
		l->positioned = true;
		l->offset = l->query.offset > 0 ? l->query.offset : 0;
		if (l->query.tail_lines >= 0 && fstat(l->fd, &st) == 0)
			l->offset = tail_offset(l->fd, st.st_size, l->query.tail_lines);
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
		"server watched it", (int)l->query.key.attempt, (int)l->query.key.number);
	end(l, &e);
}

/* Whether it is over is asked before the read: nothing can come after. */
static void next_piece(void *ctx)
{
	struct log_reader *l = ctx;
	const bool here = runs_here(l);
	char *chunk;
	ssize_t n;

	if (!open_file(l)) {
		without_file(l, here);
		return;
	}
	chunk = xmalloc(CHUNK);
	n = pread(l->fd, chunk, CHUNK, l->offset);
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

struct run_log *log_file_open(struct run_backend *b, const struct run_log_query *q, run_log_fn *fn, void *ctx)
{
	struct kube *k = (struct kube *)b;
	struct log_reader *l = xcalloc(1, sizeof *l);

	l->base.backend = b;
	l->kube = k;
	l->query = *q;
	l->fn = fn;
	l->ctx = ctx;
	l->fd = -1;
	l->path = path_of(k, &q->key);
	l->timer = loop_timer_new(b->loop, next_piece, l);
	LIST_INSERT_HEAD(&k->readers, l, link);
	loop_timer_after(l->timer, 0);
	return &l->base;
}

void log_file_resume(struct run_log *base)
{
	struct log_reader *l = (struct log_reader *)base;

	l->paused = false;
	if (!l->ended)
		loop_timer_after(l->timer, 0);
}

static void free_reader(void *ctx)
{
	struct log_reader *l = ctx;

	loop_timer_free(l->timer);
	free(l->path);
	free(l);
}

/* Also from within its own callback. */
void log_file_close(struct run_log *base)
{
	struct log_reader *l = (struct log_reader *)base;

	LIST_REMOVE(l, link);
	loop_timer_cancel(l->timer);
	if (l->fd >= 0)
		close(l->fd);
	loop_defer_free(base->backend->loop, free_reader, l);
}
