/* What is new in a run's folder becomes events. */
#include <assert.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/arena.h"
#include "lib/clk.h"
#include "lib/json_write.h"
#include "lib/log.h"
#include "lib/mem.h"
#include "lib/num.h"
#include "lib/utf8.h"
#include "trial-runner/local_run.h"
#include "trial-runner/points.h"
#include "trial-runner/process.h"

enum {
	LAST_LINES_MAX = 2048,
	HOST_MAX = 256,
	PERSIST_STEP = 64 * 1024,       /* acknowledged bytes between two notes of it */
	OBJECT_MAX = 16 * 1024,
};

/* --- telling -------------------------------------------------------------------------------------- */

static void tell(struct local_run *r, struct run_event *ev)
{
	struct run_backend *b = &r->local->base;

	assert(ev->kind != RUN_POINTS || (ev->n_points && ev->cursor > r->acked));
	ev->from = b;
	ev->key = r->node.key;
	b->on_event(b->ctx, ev);
}

/* The last word: the run is forgotten first, so that its slots are free when control hears of it. */
static void tell_last(struct local_run *r, struct run_event *ev)
{
	local_log_run_over(r->local, &r->node.key);
	local_run_drop(r);
	tell(r, ev);
}

static void tell_started(struct local_run *r, const struct run_journal *j)
{
	struct run_event ev = {.kind = RUN_STARTED, .time_us = j->started_us};
	char host[HOST_MAX] = "";
	struct strbuf object;
	struct json_writer w;

	gethostname(host, sizeof host - 1);
	strbuf_init(&object, OBJECT_MAX);
	jw_init(&w, &object);
	jw_object(&w, NULL);
	jw_str(&w, "host", host);
	jw_str(&w, "folder", r->folder);
	jw_int(&w, "supervisor", j->supervisor);
	if (r->gpus)
		jw_str(&w, "gpus", r->gpus);
	jw_end(&w);
	ev.object = object.data;
	r->started_told = true;
	tell(r, &ev);
	strbuf_free(&object);
}

/* --- points --------------------------------------------------------------------------------------- */

struct batch {
	struct run_point points[RUN_POINTS_BATCH];
	size_t n;
	enum run_source source;
};

static void tell_points(struct local_run *r, struct batch *b, uint64_t cursor)
{
	struct run_event ev = {
		.kind = RUN_POINTS, .time_us = clk_wall_us(), .points = b->points, .n_points = b->n, .source = b->source,
		.cursor = cursor,
	};

	if (b->n) {
		r->told = cursor;
		tell(r, &ev);
	} else if (r->acked == r->told) {
		r->told = r->acked = cursor;    /* damaged lines, which nobody would acknowledge */
	}
	b->n = 0;
}

/* Turns whole lines into events of one source each; stops early when the run is dropped by one. */
static void tell_lines(struct local_run *r, char *text, size_t n, struct batch *b)
{
	uint64_t base = r->told;
	char *line = text, *end;

	while (!r->gone && (end = memchr(line, '\n', n - (size_t)(line - text)))) {
		struct run_point p;
		enum run_source source;
		bool good = point_decode(line, (size_t)(end - line), &source, &p);

		if (b->n && (b->n == RUN_POINTS_BATCH || (good && source != b->source)))
			tell_points(r, b, base + (uint64_t)(line - text));
		if (r->gone)
			return;
		if (good) {
			b->source = source;
			b->points[b->n++] = p;
		}
		line = end + 1;
	}
	if (!r->gone && line > text)
		tell_points(r, b, base + (uint64_t)(line - text));
}

/* False when all lines that are there were told; true when there may be more, now or after an ack. */
static bool read_points(struct local_run *r, int dir)
{
	int fd = openat(dir, RUNDIR_POINTS, O_RDONLY | O_CLOEXEC);
	struct batch *b;
	uint64_t before = r->told;
	ssize_t n;

	assert(r->acked <= r->told);
	if (fd < 0)
		return false;
	if (r->told - r->acked >= RUN_POINTS_WINDOW) {
		close(fd);
		return true;
	}
	n = pread(fd, r->local->buffer, LOCAL_BUFFER, (off_t)r->told);
	close(fd);
	if (n <= 0)
		return false;
	b = xmalloc(sizeof *b);
	b->n = 0;
	tell_lines(r, r->local->buffer, (size_t)n, b);
	free(b);
	if (!r->gone && r->told > before)
		local_run_want_look(r);
	return r->told > before;
}

static void persist_ack(struct local_run *r, int dir)
{
	char text[NUM_MAX];
	size_t n;

	if (r->acked - r->persisted < PERSIST_STEP)
		return;
	n = num_format_i64(text, (int64_t)r->acked);
	if (rundir_write(dir, RUNDIR_ACKED, text, n, NULL))
		r->persisted = r->acked;
}

/* --- the end -------------------------------------------------------------------------------------- */

/* The end of the log from the start of a line, with what is not UTF-8 replaced. */
static char *last_lines(int dir)
{
	int fd = openat(dir, RUNDIR_OUTPUT, O_RDONLY | O_CLOEXEC);
	char *text = xcalloc(1, LAST_LINES_MAX + 1), *line;
	struct stat st;
	ssize_t n = 0;
	off_t from;
	size_t bad;

	if (fd < 0)
		return text;
	if (fstat(fd, &st) == 0) {
		from = st.st_size > LAST_LINES_MAX ? st.st_size - LAST_LINES_MAX : 0;
		n = pread(fd, text, LAST_LINES_MAX, from);
		n = n < 0 ? 0 : n;
		line = from > 0 ? memchr(text, '\n', (size_t)n) : NULL;
		if (line) {
			n -= line + 1 - text;
			memmove(text, line + 1, (size_t)n);
		}
	}
	close(fd);
	text[n] = '\0';
	while ((bad = utf8_check(text, (size_t)n)) < (size_t)n)
		text[bad] = '?';
	return text;
}

static void tell_lost(struct local_run *r, const char *reason, const char *message, int64_t time_us)
{
	struct run_event ev = {.kind = RUN_LOST, .reason = reason, .message = message, .time_us = time_us};

	tell_last(r, &ev);
}

static void tell_ended(struct local_run *r, int dir, const struct run_status *st)
{
	struct run_event ev = {
		.kind = st->started ? RUN_ENDED : RUN_REJECTED, .time_us = st->ended_us, .reason = st->reason,
		.message = st->message, .exit_code = st->exit_code, .signal = st->signal, .stopped = st->stopped,
		.stop_reason = st->stop_reason, .timed_out = st->timed_out, .oom = st->oom,
	};
	char *last = last_lines(dir);

	ev.last_lines = last;
	if (st->ended_by_system && st->exit_code != 0)
		tell_lost(r, st->reason, st->message, st->ended_us);
	else
		tell_last(r, &ev);
	free(last);
}

/* Nobody is there and nothing says how it ended: the supervisor was killed, or the machine went
 * down. What the program left running must not meet the next attempt. */
static void lose(struct local_run *r)
{
	char *marker = xasprintf("TRIMTAB_STOP_FILE=%s/%s", r->folder, RUNDIR_STOP_FILE);
	size_t killed = process_kill_marked(marker);

	LOG_WARN("trial lost its supervisor", L_STR("folder", r->folder), L_INT("killed", (int64_t)killed));
	free(marker);
	tell_lost(r, "SupervisorLost",
		"the process that watched over the trial is gone: it was killed, or the machine restarted", clk_wall_us());
}

/* The journal's lock was held after the pid was opened: it is the supervisor and no later process. */
static void open_supervisor(struct local_run *r, int dir, const struct run_journal *j)
{
	int64_t pid = j && j->pid_is_ours ? j->supervisor : 0;
	int fd = pid > 0 ? (int)syscall(SYS_pidfd_open, (pid_t)pid, 0) : -1;

	if (fd >= 0 && rundir_life(dir, false) == RUNDIR_ALIVE)
		local_run_set_pidfd(r, fd);
	else if (fd >= 0)
		close(fd);
	/* It has just come, or just gone, or is in another container that shares the folder. */
	if (r->vacant)
		local_run_look_later(r);
}

static void reject(struct local_run *r)
{
	struct run_event ev = {
		.kind = RUN_REJECTED, .time_us = clk_wall_us(), .reason = "StartError", .message = r->launch_failure,
	};

	if (r->launch_failure)
		tell_last(r, &ev);
	else
		tell_lost(r, "NeverStarted", "the trial was ordered, but nothing came to start it", clk_wall_us());
}

/* No process of ours is known to watch over it, and no end is written: is there another's? */
static void look_for_supervisor(struct local_run *r, int dir, struct arena *a)
{
	enum rundir_life life = rundir_life(dir, true);
	const struct run_journal *j = rundir_read_journal(dir, a);

	if (life == RUNDIR_UNCLAIMED)
		reject(r);
	else if (life == RUNDIR_ALIVE)
		open_supervisor(r, dir, j);
	else if (j && j->status)
		local_run_want_look(r);         /* it ended since the look began */
	else if (j && j->supervisor == 0)
		reject(r);
	else
		lose(r);
}

static void look(struct local_run *r, int dir, struct arena *a)
{
	const struct run_journal *j = rundir_read_journal(dir, a);
	const struct run_status *status = j ? j->status : NULL;
	bool over = r->vacant || status;        /* asked before the points are read: none can come after */

	if (!r->started_told && j && j->started_us && (!status || status->started))
		tell_started(r, j);
	if (!r->gone)
		persist_ack(r, dir);
	if (r->gone || read_points(r, dir) || r->gone || !over || r->acked < r->told)
		return;
	if (status)
		tell_ended(r, dir, status);
	else if (!r->launching)
		look_for_supervisor(r, dir, a);
}

void local_look(struct local_run *r)
{
	int dir = open(r->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct arena *a = arena_new();

	assert(!r->gone);
	if (dir >= 0) {
		look(r, dir, a);
		close(dir);
	} else {
		tell_lost(r, "NotFound", "nothing is known of the trial on this machine", clk_wall_us());
	}
	arena_free(a);
}
