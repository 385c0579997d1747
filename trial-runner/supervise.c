#include "trial-runner/supervise.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/arena.h"
#include "lib/clk.h"
#include "lib/mem.h"
#include "lib/num.h"
#include "lib/strbuf.h"
#include "trial-runner/ending.h"
#include "trial-runner/file_tail.h"
#include "trial-runner/output.h"
#include "trial-runner/points.h"
#include "trial-runner/process.h"
#include "trial-runner/rundir.h"

enum {
	CHUNK = 64 * 1024,
	POINTS_MAX = 8 << 20,           /* held while the disk is full */
	SHUTDOWN_WAIT_MS = 200,
};

static const int64_t never = INT64_MAX;
static const int64_t leftover_grace_us = CLK_SECOND;            /* for what outlives the program        */
static const int64_t kill_again_us = CLK_SECOND / 10;
static const int64_t give_up_us = 30 * CLK_SECOND;              /* after SIGKILL: it hangs in the kernel */
static const int64_t disk_retry_us = CLK_SECOND / 5, disk_give_up_us = 600 * CLK_SECOND;
static const int64_t memory_us = CLK_SECOND / 2;                 /* between looks at a limited trial's memory */
static const int64_t tick_us = CLK_SECOND;                      /* only while a folder cannot be watched */

struct supervisor {
	struct arena *arena;
	const struct run_sheet *sheet;
	int dir, journal, signals, pipe;
	int64_t journal_at, points_at;          /* where the next line goes */
	struct output output;
	struct metric_collector *lines;         /* of the output */
	struct metric_collector *file_lines;    /* of the metrics file; or NULL, as the tail */
	struct file_tail *tail;
	bool tail_has_more;
	struct strbuf points;                   /* not yet written */
	enum run_source source;                 /* of the points found now */
	pid_t program;
	bool reaped, alone;                     /* the program is over; and nothing it forked is left */
	int wait_status;
	int64_t deadline_us, term_us, kill_us, hopeless_us, memory_due_us;
	int64_t memory_used;                    /* above the limit; 0 = never was */
	bool termed, killed;                    /* SIGTERM, SIGKILL were ours */
	int64_t oom_kills;                      /* of the machine, before the start */
	struct run_status status;
	char *chunk;
};

/* --- files ------------------------------------------------------------------------------------ */

static void on_point(void *ctx, const struct run_point *p)
{
	struct supervisor *s = ctx;

	if (s->points.len < POINTS_MAX - POINT_LINE_MAX)
		point_encode(&s->points, s->source, p);
}

/* False while something is left (the disk is full). */
static bool flush_points(struct supervisor *s)
{
	if (s->points.len > 0 && rundir_append(s->dir, RUNDIR_POINTS, &s->points_at, s->points.data, s->points.len))
		strbuf_reset(&s->points);
	return s->points.len == 0;
}

/* How it ended must not get lost on a full disk: tries until there is room or the folder is gone. */
static void publish(struct supervisor *s)
{
	int64_t until = clk_now_us() + disk_give_up_us;

	assert(s->status.reason && s->status.message && s->status.ended_us > 0);
	while (!(flush_points(s) && rundir_note_ended(s->dir, &s->journal_at, &s->status)) && clk_now_us() < until &&
		rundir_exists(s->dir, RUNDIR_JOURNAL))
		poll(NULL, 0, (int)(disk_retry_us / 1000));
}

/* --- before the start -------------------------------------------------------------------------- */

/* Whether this process is the one to run the attempt. */
static bool claim(struct supervisor *s)
{
	struct stat st;

	s->journal = rundir_claim(s->dir);
	if (s->journal < 0 || fstat(s->journal, &st) < 0)
		return false;
	s->journal_at = st.st_size;
	return true;
}

static int64_t oom_kills(void)
{
	int fd = open("/proc/vmstat", O_RDONLY | O_CLOEXEC);
	char text[16384];
	const char *at;
	ssize_t n = -1;

	if (fd >= 0) {
		n = read(fd, text, sizeof text - 1);
		close(fd);
	}
	text[n > 0 ? n : 0] = '\0';
	at = strstr(text, "\noom_kill ");
	return at ? strtoll(at + 10, NULL, 10) : 0;
}

static void open_collectors(struct supervisor *s)
{
	const struct run_metrics *m = &s->sheet->order.metrics;
	struct run_metrics none = {.collector = RUN_COLLECT_NONE};

	s->source = m->fallback ? RUN_FROM_FALLBACK : RUN_FROM_OUTPUT;
	s->lines = collector_new(m->collector == RUN_COLLECT_STDOUT ? m : &none, on_point, s);
	if (m->collector != RUN_COLLECT_FILE || !m->path)
		return;
	s->file_lines = collector_new(m, on_point, s);
	s->tail = file_tail_new(*m->path == '/' ? m->path : arena_printf(s->arena, "%s/%s", s->sheet->order.cwd, m->path),
		s->file_lines);
}

/* After the start, which does not wait for it. */
static bool open_output(struct supervisor *s, struct err *e)
{
	int fd = openat(s->dir, RUNDIR_OUTPUT, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

	if (fd < 0)
		return err_set(e, ERR_UNAVAILABLE, "the trial's folder cannot be written: %s", strerror(errno));
	output_init(&s->output, fd, s->sheet->log_max);
	return true;
}

/* The pipe keeps its write end here only until the program has its own. */
static bool start_program(struct supervisor *s, struct err *e)
{
	const struct run_order *o = &s->sheet->order;
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_set(e, ERR_UNAVAILABLE, "no pipe for a trial's output: %s", strerror(errno));
	fcntl(ends[0], F_SETFL, O_NONBLOCK);
	s->pipe = ends[0];
	s->oom_kills = oom_kills();
	s->program = process_start(&(struct process_start){o->argv, o->env, o->cwd, ends[1]}, e);
	close(ends[1]);
	if (s->program < 0)
		return false;
	s->status.started = true;
	s->deadline_us = o->timeout_us > 0 ? clk_now_us() + o->timeout_us : never;
	s->memory_due_us = o->resources.memory > 0 ? clk_now_us() + memory_us : never;
	return rundir_note_started(s->dir, &s->journal_at, clk_wall_us()) ||
		err_set(e, ERR_UNAVAILABLE, "the trial's folder cannot be written");
}

/* --- stopping ----------------------------------------------------------------------------------- */

static void touch_stop_file(struct supervisor *s)
{
	int fd = openat(s->dir, RUNDIR_STOP_FILE, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

	if (fd >= 0)
		close(fd);
}

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* Plans SIGTERM and SIGKILL; a plan that is already sooner stays. */
static void plan_stop(struct supervisor *s, int64_t notice_us, int64_t grace_us)
{
	int64_t term = clk_now_us() + (notice_us > 0 ? notice_us : 0);

	assert(s->status.started);
	if (grace_us < 0)
		grace_us = s->sheet->order.grace_us;
	touch_stop_file(s);
	s->term_us = earlier(s->term_us, term);
	s->kill_us = earlier(s->kill_us, term + (grace_us > 0 ? grace_us : 0));
}

static void obey_stop_order(struct supervisor *s)
{
	const struct run_stop *stop = rundir_read_stop(s->dir, s->arena);

	if (!stop)
		return;
	if (!s->status.stopped && !s->reaped) {
		s->status.stopped = true;
		s->status.stop_reason = stop->reason ? stop->reason : "Stopped";
	}
	plan_stop(s, stop->notice_us, stop->grace_us);
}

static void send_kill(struct supervisor *s, int64_t now)
{
	if (!s->reaped)
		s->killed = true;
	process_signal_all(s->reaped ? 0 : s->program, SIGKILL);
	if (s->hopeless_us == never)
		s->hopeless_us = now + give_up_us;
	s->kill_us = now + kill_again_us;       /* what forks faster than it dies */
}

static void keep_memory(struct supervisor *s, int64_t now)
{
	int64_t used = process_memory();

	assert(s->sheet->order.resources.memory > 0);
	s->memory_due_us = now + memory_us;
	if (used <= s->sheet->order.resources.memory || s->reaped)
		return;
	s->memory_used = used;
	s->memory_due_us = never;
	touch_stop_file(s);
	send_kill(s, now);
}

static void keep_times(struct supervisor *s)
{
	int64_t now = clk_now_us();

	if (now >= s->memory_due_us)
		keep_memory(s, now);

	if (now >= s->deadline_us) {
		s->deadline_us = never;
		s->status.timed_out = !s->reaped && !s->status.stopped;
		plan_stop(s, 0, -1);
	}
	if (now >= s->term_us) {
		s->term_us = never;
		s->termed = true;
		process_signal_all(s->reaped ? 0 : s->program, SIGTERM);
	}
	if (now >= s->kill_us)
		send_kill(s, now);
}

/* --- the loop ------------------------------------------------------------------------------------ */

/* Takes the end of the program and of everything that became ours when its parent died. */
static void reap(struct supervisor *s)
{
	bool over = false;
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid == s->program) {
			s->reaped = over = true;
			s->wait_status = status;
			s->status.ended_us = clk_wall_us();
		}
	}
	s->alone = s->reaped && pid < 0 && errno == ECHILD;
	if (over && !s->alone) {
		s->term_us = 0;
		s->kill_us = earlier(s->kill_us, clk_now_us() + leftover_grace_us);
	}
}

static void read_signals(struct supervisor *s)
{
	struct signalfd_siginfo si;

	while (read(s->signals, &si, sizeof si) == sizeof si) {
		if (si.ssi_signo == SIGCHLD) {
			reap(s);
		} else if (si.ssi_signo == SIGUSR1) {
			obey_stop_order(s);
		} else {
			s->status.ended_by_system = !s->status.stopped;
			plan_stop(s, 0, -1);
		}
	}
}

/* True when something came. The end of the pipe closes it. */
static bool read_output(struct supervisor *s)
{
	ssize_t n = s->pipe < 0 ? 0 : read(s->pipe, s->chunk, CHUNK);

	if (n > 0) {
		output_write(&s->output, s->chunk, (size_t)n);
		collector_feed(s->lines, s->chunk, (size_t)n, clk_wall_us());
		return true;
	}
	if (s->pipe >= 0 && (n == 0 || errno != EAGAIN)) {
		close(s->pipe);
		s->pipe = -1;
	}
	return false;
}

static void read_metrics_file(struct supervisor *s)
{
	if (s->tail)
		s->tail_has_more = file_tail_read(s->tail, clk_wall_us());
}

static int wait_ms(const struct supervisor *s)
{
	int64_t now = clk_now_us(), due = earlier(earlier(s->deadline_us, s->term_us), s->kill_us);

	due = earlier(due, s->memory_due_us);

	if (s->tail && !file_tail_watching(s->tail))
		due = earlier(due, now + tick_us);
	if (s->points.len > 0)
		due = earlier(due, now + disk_retry_us);
	if (s->tail_has_more || due <= now)
		return 0;
	return due == never ? -1 : (int)earlier((due - now + 999) / 1000, INT32_MAX);
}

static void loop_once(struct supervisor *s)
{
	struct pollfd fds[] = {
		{.fd = s->signals, .events = POLLIN},
		{.fd = s->pipe, .events = POLLIN},
		{.fd = s->tail ? file_tail_fd(s->tail) : -1, .events = POLLIN},
	};

	if (poll(fds, ARRAY_LEN(fds), wait_ms(s)) < 0)
		return;
	if (fds[1].revents)
		read_output(s);
	read_metrics_file(s);
	flush_points(s);
	if (fds[0].revents)
		read_signals(s);
	keep_times(s);
}

/* --- the end -------------------------------------------------------------------------------------- */

static void read_spool(struct supervisor *s)
{
	size_t n;
	const char *text = rundir_read(s->dir, RUNDIR_SPOOL, s->arena, &n);

	s->source = RUN_FROM_SPOOL;
	if (text)
		collector_spool(s->lines, text, n, clk_wall_us());
}

static void collect_rest(struct supervisor *s)
{
	while (read_output(s))
		flush_points(s);
	collector_end(s->lines, clk_wall_us());
	if (s->tail) {
		while (file_tail_read(s->tail, clk_wall_us()))
			flush_points(s);
		collector_end(s->file_lines, clk_wall_us());
	}
	read_spool(s);
}

static void explain(struct supervisor *s)
{
	const struct run_order *o = &s->sheet->order;
	const struct ending end = {
		.wait_status = s->wait_status, .killed = s->killed, .oom_killer = oom_kills() > s->oom_kills,
		.memory_used = s->memory_used, .memory_limit = o->resources.memory, .timeout_us = o->timeout_us,
		.last_line = collector_last_line(s->lines), .left_over = !s->alone, .disk_full = s->output.failed,
	};

	ending_explain(&end, &s->status, s->arena);
}

/* Whoever shuts the machine or the service down signals everybody, and the program may be the first to
 * hear of it: then it was not its own fault. */
static void ask_for_shutdown(struct supervisor *s)
{
	struct pollfd fd = {.fd = s->signals, .events = POLLIN};

	if (s->reaped && WIFSIGNALED(s->wait_status) && WTERMSIG(s->wait_status) == SIGTERM && !s->termed &&
		poll(&fd, 1, SHUTDOWN_WAIT_MS) > 0)
		read_signals(s);
}

static void run_program(struct supervisor *s)
{
	obey_stop_order(s);             /* one that came before the signal could be heard */
	while (!s->alone && clk_now_us() < s->hopeless_us)
		loop_once(s);
	ask_for_shutdown(s);
	collect_rest(s);
	explain(s);
}

void supervise_hold_signals(sigset_t *held)
{
	static const int signals[] = {SIGCHLD, SIGUSR1, SIGTERM, SIGINT, SIGHUP};

	sigemptyset(held);
	for (size_t i = 0; i < ARRAY_LEN(signals); i++)
		sigaddset(held, signals[i]);
	sigprocmask(SIG_SETMASK, held, NULL);
}

static int open_signals(void)
{
	sigset_t set;

	supervise_hold_signals(&set);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static bool begin(struct supervisor *s, struct err *e)
{
	s->sheet = rundir_read_sheet(s->dir, s->arena);
	if (!s->sheet)
		return err_set(e, ERR_INTERNAL, "the trial's sheet is damaged");
	s->signals = open_signals();
	if (s->signals < 0)
		return err_set(e, ERR_UNAVAILABLE, "no signalfd for a trial: %s", strerror(errno));
	open_collectors(s);
	return start_program(s, e) && open_output(s, e);
}

static void supervisor_free(struct supervisor *s)
{
	const int fds[] = {s->journal, s->signals, s->pipe, s->dir};

	for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
		if (fds[i] >= 0)
			close(fds[i]);
	}
	collector_free(s->lines);
	collector_free(s->file_lines);
	file_tail_free(s->tail);
	strbuf_free(&s->points);
	free(s->chunk);
	arena_free(s->arena);
}

int supervise(const char *folder)
{
	struct supervisor s = {.journal = -1, .signals = -1, .pipe = -1, .output.fd = -1};
	struct err e = {0};
	bool mine;

	setsid();
	prctl(PR_SET_NAME, "trimtab-run");
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	s.deadline_us = s.term_us = s.kill_us = s.hopeless_us = s.memory_due_us = never;
	s.arena = arena_new();
	s.chunk = xmalloc(CHUNK);
	strbuf_init(&s.points, POINTS_MAX);
	s.dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	mine = s.dir >= 0 && claim(&s);
	if (mine) {
		s.status.exit_code = -1;
		if (begin(&s, &e)) {
			run_program(&s);
		} else if (s.program > 0) {
			process_signal_all(s.program, SIGKILL);
		}
		if (!s.status.reason) {
			s.status.started = false;
			s.status.reason = "StartError";
			s.status.message = e.detail;
			s.status.ended_us = clk_wall_us();
		}
		if (s.output.fd >= 0)
			output_end(&s.output);
		publish(&s);
	}
	supervisor_free(&s);
	return mine ? 0 : 3;
}
