/*
 * A local backend over a folder of its own, with every event kept, for tests that run real processes.
 * Nothing here sleeps: it turns the loop until something has happened or ten seconds are over.
 */
#pragma once
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/attr.h"
#include "lib/clk.h"
#include "lib/loop.h"
#include "lib/mem.h"
#include "trial-runner/local.h"

#define HS_UID "0b5ad4a6-54b9-4ab6-8a6f-5a5f8cc3c111"

enum { HS_EVENTS_MAX = 512, HS_POINTS_MAX = 20000, HS_SECONDS = 20 };

/* An event without the memory that was only lent. */
struct hs_event {
	enum run_event_kind kind;
	struct run_key key;
	int64_t time_us, seen_us;
	char *object, *reason, *message, *stop_reason, *last_lines;
	size_t n_points;
	enum run_source source;
	uint64_t cursor;
	int exit_code, signal;
	bool stopped, timed_out, oom;
};

struct hs_point {
	int32_t number;
	char metric[32];
	int64_t step, time_us;
	double value;
	enum run_source source;
};

struct harness {
	struct loop *loop;
	struct run_backend *b;
	struct loop_timer *alarm;
	int64_t deadline_us;
	bool late;
	char state[512];
	bool hold_acks;
	struct hs_event events[HS_EVENTS_MAX];
	size_t n_events;
	struct hs_point points[HS_POINTS_MAX];
	size_t n_points;
};

static inline char *hs_dup(const char *s)
{
	return s ? xstrdup(s) : NULL;
}

static inline void hs_on_event(void *ctx, const struct run_event *ev)
{
	struct harness *h = ctx;
	struct hs_event *e = &h->events[h->n_events++];

	assert_true(h->n_events < HS_EVENTS_MAX);
	*e = (struct hs_event){
		.kind = ev->kind, .key = ev->key, .time_us = ev->time_us, .seen_us = clk_wall_us(),
		.object = hs_dup(ev->object), .reason = hs_dup(ev->reason), .message = hs_dup(ev->message),
		.stop_reason = hs_dup(ev->stop_reason), .last_lines = hs_dup(ev->last_lines), .n_points = ev->n_points,
		.source = ev->source, .cursor = ev->cursor, .exit_code = ev->exit_code, .signal = ev->signal,
		.stopped = ev->stopped, .timed_out = ev->timed_out, .oom = ev->oom,
	};
	for (size_t i = 0; i < ev->n_points; i++) {
		struct hs_point *p = &h->points[h->n_points++];

		assert_true(h->n_points < HS_POINTS_MAX);
		*p = (struct hs_point){ev->key.number, "", ev->points[i].step, ev->points[i].time_us, ev->points[i].value,
			ev->source};
		snprintf(p->metric, sizeof p->metric, "%s", ev->points[i].metric);
	}
	if (ev->kind == RUN_POINTS && !h->hold_acks)
		run_ack(h->b, &ev->key, ev->cursor);
}

/* Also turns the loop for conditions that no event tells of, such as a file that goes. */
static inline void hs_on_alarm(void *ctx)
{
	struct harness *h = ctx;

	h->late = clk_now_us() >= h->deadline_us;
	loop_timer_after(h->alarm, CLK_SECOND / 50);
}

static inline void hs_open_backend(struct harness *h, const struct local_options *o)
{
	struct local_options all = o ? *o : (struct local_options){0};
	struct err e = {0};

	all.state = h->state;
	h->loop = loop_new();
	h->alarm = loop_timer_new(h->loop, hs_on_alarm, h);
	h->b = local_new(h->loop, &all, hs_on_event, h, &e);
	if (!h->b)
		fail_msg("local_new: %s", e.detail);
}

static inline struct harness *hs_new(const struct local_options *o)
{
	struct harness *h = xcalloc(1, sizeof *h);

	snprintf(h->state, sizeof h->state, "%s/trimtab-runner-XXXXXX", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
	assert_non_null(mkdtemp(h->state));
	hs_open_backend(h, o);
	return h;
}

static inline void hs_close_backend(struct harness *h)
{
	run_close(h->b);
	loop_timer_free(h->alarm);
	loop_free(h->loop);
	h->b = NULL;
}

static inline void hs_forget_events(struct harness *h)
{
	for (size_t i = 0; i < h->n_events; i++) {
		struct hs_event *e = &h->events[i];

		free(e->object);
		free(e->reason);
		free(e->message);
		free(e->stop_reason);
		free(e->last_lines);
	}
	h->n_events = h->n_points = 0;
}

static inline void hs_remove(const char *path)
{
	pid_t pid = fork();

	if (pid == 0) {
		execlp("rm", "rm", "-rf", path, (char *)NULL);
		_exit(1);
	}
	waitpid(pid, NULL, 0);
}

static inline void hs_free(struct harness *h)
{
	hs_close_backend(h);
	hs_forget_events(h);
	hs_remove(h->state);
	free(h);
}

static inline struct run_key hs_key(int32_t number)
{
	return (struct run_key){.experiment_id = 7, .number = number, .attempt = 1, .uid = HS_UID};
}

static inline struct run_order hs_order(int32_t number, const char *const *argv)
{
	return (struct run_order){
		.key = hs_key(number), .ns = "default", .experiment = "x", .trial = "x-aaaaaaaa", .argv = argv,
		.grace_us = 10 * CLK_SECOND, .metrics = {.collector = RUN_COLLECT_STDOUT},
	};
}

/* Starts `sh -c script`; what the order needs beyond that is changed by the caller in `o` before. */
static inline void hs_start(struct harness *h, const struct run_order *o)
{
	struct err e = {0};

	if (!run_start(h->b, o, &e))
		fail_msg("run_start: %s", e.detail);
}

static inline void hs_start_script(struct harness *h, int32_t number, const char *script)
{
	const char *const argv[] = {"sh", "-c", script, NULL};
	struct run_order o = hs_order(number, argv);

	hs_start(h, &o);
}

static inline const struct hs_event *hs_find(const struct harness *h, int32_t number, enum run_event_kind kind)
{
	for (size_t i = 0; i < h->n_events; i++) {
		if (h->events[i].kind == kind && (number == 0 || h->events[i].key.number == number))
			return &h->events[i];
	}
	return NULL;
}

static inline void hs_dump(const struct harness *h)
{
	static const char *const names[] = {"STARTED", "REJECTED", "POINTS", "ENDED", "LOST"};

	for (size_t i = 0; i < h->n_events; i++) {
		const struct hs_event *e = &h->events[i];

		print_error("  %d %s %s: %s\n", (int)e->key.number, names[e->kind], e->reason ? e->reason : "",
			e->message ? e->message : "");
	}
}

/* Turns the loop until `done` says so. */
static inline void hs_until(struct harness *h, bool (*done)(struct harness *h, void *arg), void *arg, const char *what)
{
	h->late = false;
	h->deadline_us = clk_now_us() + HS_SECONDS * CLK_SECOND;
	loop_timer_after(h->alarm, CLK_SECOND / 50);
	while (!done(h, arg) && !h->late)
		loop_pass(h->loop, true);
	loop_timer_cancel(h->alarm);
	if (h->late) {
		hs_dump(h);
		fail_msg("%s did not come in %d seconds", what, (int)HS_SECONDS);
	}
}

struct hs_wanted {
	int32_t number;
	enum run_event_kind kind;
};

static inline bool hs_has_event(struct harness *h, void *arg)
{
	const struct hs_wanted *w = arg;

	return hs_find(h, w->number, w->kind) != NULL;
}

static inline const struct hs_event *hs_wait(struct harness *h, int32_t number, enum run_event_kind kind)
{
	struct hs_wanted w = {number, kind};

	hs_until(h, hs_has_event, &w, "an event");
	return hs_find(h, number, kind);
}

static inline bool hs_has_last_word(struct harness *h, void *arg)
{
	int32_t number = *(int32_t *)arg;

	return hs_find(h, number, RUN_ENDED) || hs_find(h, number, RUN_REJECTED) || hs_find(h, number, RUN_LOST);
}

static inline char *hs_path(const struct harness *h, int32_t number, const char *name)
{
	return xasprintf("%s/" HS_UID "/%d-1/%s", h->state, (int)number, name);
}

/* A file of the run's folder, whole; "" when it is not there. Owned by the caller. */
static inline char *hs_file(const struct harness *h, int32_t number, const char *name)
{
	char *path = hs_path(h, number, name);
	int fd = open(path, O_RDONLY);
	struct stat st;
	char *text;
	ssize_t n = 0;

	if (fd < 0 || fstat(fd, &st) < 0)
		st.st_size = 0;
	text = xcalloc(1, (size_t)st.st_size + 1);
	if (fd >= 0) {
		n = read(fd, text, (size_t)st.st_size);
		close(fd);
	}
	assert_true(n == st.st_size);
	free(path);
	return text;
}

/* What a sanitizer or an assertion said in the supervisor. */
static inline void hs_assert_quiet_supervisor(const struct harness *h, int32_t number)
{
	char *log = hs_file(h, number, "supervisor.log");

	if (*log)
		fail_msg("the supervisor of run %d says:\n%s", (int)number, log);
	free(log);
}

/* The run's last word, whichever it is. */
static inline const struct hs_event *hs_finish(struct harness *h, int32_t number)
{
	const struct hs_event *e;

	hs_until(h, hs_has_last_word, &number, "the end");
	e = hs_find(h, number, RUN_ENDED);
	e = e ? e : hs_find(h, number, RUN_REJECTED);
	hs_assert_quiet_supervisor(h, number);
	return e ? e : hs_find(h, number, RUN_LOST);
}

static inline const struct hs_event *hs_run_script(struct harness *h, int32_t number, const char *script)
{
	hs_start_script(h, number, script);
	return hs_finish(h, number);
}

static inline void hs_assert_contains(const char *text, const char *part)
{
	if (!text || !strstr(text, part))
		fail_msg("'%s' does not contain '%s'", text ? text : "(null)", part);
}

/* A script that waits with `read x < fifo` goes on. A fifo is good for one use: a script that opens it
 * again could meet the first writer on its way out. */
static inline void hs_let_go(const struct harness *h, int32_t number, const char *name)
{
	char *path = hs_path(h, number, name);
	int fd = open(path, O_WRONLY);

	if (fd < 0)
		fail_msg("%s: %s", path, strerror(errno));
	assert_int_equal(write(fd, "\n", 1), 1);
	close(fd);
	free(path);
}

/* Every test program that starts runs is also their launcher. */
#define HS_MAIN(tests)                                                          \
	int main(int argc, char **argv)                                             \
	{                                                                           \
		if (argc > 1 && strcmp(argv[1], "__supervise") == 0)                    \
			return local_supervise(argc - 1, argv + 1);                         \
		return cmocka_run_group_tests(tests, NULL, NULL);                       \
	}
