/* Reading a run's log, while it grows if wanted. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "lib/clk.h"
#include "lib/loop.h"
#include "lib/mem.h"
#include "trial-runner/local_run.h"
#include "trial-runner/log_start.h"

enum { CHUNK = 32 * 1024 };

static const int64_t elsewhere_us = CLK_SECOND;
static const int64_t unopened_us = CLK_SECOND / 50;

struct local_log {
	struct run_log base;            /* first */
	LIST_ENTRY(local_log) link;
	struct local *local;
	struct run_log_query query;
	run_log_fn *fn;
	void *ctx;
	char *path;
	struct loop_timer *timer;       /* the next piece */
	struct notify_watch *watch;
	int fd;
	int64_t offset;
	bool positioned, paused, ended;
};

static void piece_soon(void *ctx)
{
	struct local_log *log = ctx;

	if (!log->paused && !log->ended)
		loop_timer_after(log->timer, 0);
}

static void open_file(struct local_log *log)
{
	if (log->fd < 0)
		log->fd = open(log->path, O_RDONLY | O_CLOEXEC);
	if (log->fd < 0 || log->positioned)
		return;
	log->positioned = true;
	log->offset = log_start(log->fd, &log->query);
	if (log->query.follow)
		log->watch = notify_add(log->local->notify, log->path, IN_MODIFY, piece_soon, log);
}

/* Followed by this process: its end will be told. */
static bool tracked(const struct local_log *log)
{
	return run_table_get(&log->local->runs, &log->query.key) != NULL;
}

/* Followed by another server of this machine, which shares the folder. */
static bool alive_elsewhere(const struct local_log *log)
{
	char *folder = xstrndup(log->path, strlen(log->path) - strlen("/" RUNDIR_OUTPUT));
	int dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool alive = dir >= 0 && rundir_life(dir, false) == RUNDIR_ALIVE;

	if (dir >= 0)
		close(dir);
	free(folder);
	return alive;
}

static void end(struct local_log *log, const struct err *e)
{
	log->ended = true;
	log->fn(log->ctx, NULL, 0, log->offset, true, e);
}

static void end_without_file(struct local_log *log)
{
	struct err e;

	(void)err_set(&e, ERR_NOT_FOUND, "there is no log of attempt %d of trial %d on this machine",
		(int)log->query.key.attempt, (int)log->query.key.number);
	end(log, &e);
}

/* The supervisor has not come to open it. */
static void wait_for_file(struct local_log *log)
{
	if (log->query.follow)
		loop_timer_after(log->timer, unopened_us);
	else
		end(log, NULL);
}

/* Whether it is over is asked before the read: nothing can come after. */
static void next_piece(void *ctx)
{
	struct local_log *log = ctx;
	bool here = log->query.follow && tracked(log), elsewhere = log->query.follow && !here && alive_elsewhere(log);
	char *chunk;
	ssize_t n;

	open_file(log);
	if (log->fd < 0 && tracked(log)) {
		wait_for_file(log);
		return;
	}
	if (log->fd < 0) {
		end_without_file(log);
		return;
	}
	chunk = xmalloc(CHUNK);
	n = pread(log->fd, chunk, CHUNK, log->offset);
	if (n > 0) {
		int64_t at = log->offset;

		log->offset += n;
		loop_timer_after(log->timer, 0);
		if (!log->fn(log->ctx, chunk, (size_t)n, at, false, NULL)) {
			log->paused = true;
			loop_timer_cancel(log->timer);
		}
	} else if (elsewhere) {
		loop_timer_after(log->timer, elsewhere_us);
	} else if (!here) {
		end(log, NULL);
	}
	free(chunk);
}

struct run_log *local_log_open(struct run_backend *b, const struct run_log_query *q, run_log_fn *fn, void *ctx)
{
	struct local *l = (struct local *)b;
	struct local_log *log = xcalloc(1, sizeof *log);

	log->base.backend = b;
	log->local = l;
	log->query = *q;
	log->fn = fn;
	log->ctx = ctx;
	log->fd = -1;
	log->path = xasprintf("%s/%s/%d-%d/" RUNDIR_OUTPUT, l->state, q->key.uid, (int)q->key.number, (int)q->key.attempt);
	log->timer = loop_timer_new(b->loop, next_piece, log);
	LIST_INSERT_HEAD(&l->logs, log, link);
	loop_timer_after(log->timer, 0);
	return &log->base;
}

void local_log_resume(struct run_log *base)
{
	struct local_log *log = (struct local_log *)base;

	log->paused = false;
	piece_soon(log);
}

static void free_log(void *ctx)
{
	struct local_log *log = ctx;

	loop_timer_free(log->timer);
	free(log->path);
	free(log);
}

/* Also from within its own callback. */
void local_log_close(struct run_log *base)
{
	struct local_log *log = (struct local_log *)base;

	LIST_REMOVE(log, link);
	loop_timer_cancel(log->timer);
	notify_remove(log->watch);
	if (log->fd >= 0)
		close(log->fd);
	loop_defer_free(base->backend->loop, free_log, log);
}

void local_log_run_over(struct local *l, const struct run_key *key)
{
	struct local_log *log;

	LIST_FOREACH(log, &l->logs, link) {
		if (run_key_equal(&log->query.key, key))
			piece_soon(log);
	}
}
