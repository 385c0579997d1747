#include "trial-runner/collect/collect.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/clk.h"
#include "lib/err.h"
#include "lib/file.h"
#include "lib/mem.h"
#include "trial-runner/file_tail.h"
#include "trial-runner/frames.h"

enum {
	ATOMIC = PIPE_BUF,              /* bytes that nothing gets between */
	TICK_MS = 1000,                 /* not every file system tells of changes */
	CANNOT_RUN = 126, NOT_FOUND = 127,
};

struct collect {
	struct metric_collector *collector;
	struct file_tail *tail;
	struct strbuf out;              /* whole lines, not yet written */
	uint64_t last;                  /* number of the last one */
	sigset_t before, running;       /* signals that are blocked: as it was, and while we wait */
	int status;                     /* of the program */
};

/* The program; 0 = it is over. Signals are passed on from their handler, whatever we are at. */
static volatile sig_atomic_t program;

/* ---- signals -------------------------------------------------------------------------------------- */

static void pass_on(int signal)
{
	const int error = errno;

	if (program > 0)
		kill(program, signal);
	errno = error;
}

static void wake(int signal UNUSED)
{
}

/* Those that are about ourselves, or that stop a terminal's job. */
static bool is_own(int signal)
{
	static const int own[] = {SIGKILL, SIGSTOP, SIGCHLD, SIGPIPE, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT,
		SIGSYS, SIGTSTP, SIGTTIN, SIGTTOU};

	for (size_t i = 0; i < ARRAY_LEN(own); i++) {
		if (own[i] == signal)
			return true;
	}
	return false;
}

static void handle_signals(void)
{
	struct sigaction on = {.sa_handler = pass_on, .sa_flags = SA_RESTART};

	sigfillset(&on.sa_mask);
	for (int signal = 1; signal <= SIGRTMAX; signal++) {
		if (!is_own(signal))
			sigaction(signal, &on, NULL);   /* fails for the C library's own */
	}
	on.sa_handler = wake;
	sigaction(SIGCHLD, &on, NULL);
	on.sa_handler = SIG_IGN;
	sigaction(SIGPIPE, &on, NULL);
}

/* ---- the program ---------------------------------------------------------------------------------- */

static NORETURN void become(struct collect *c, const char *const *argv)
{
	sigprocmask(SIG_SETMASK, &c->before, NULL);
	execvp(argv[0], (char *const *)(uintptr_t)argv);
	fprintf(stderr, "trimtab-collect: cannot run %s: %s\n", argv[0], strerror(errno));
	_exit(errno == ENOENT ? NOT_FOUND : CANNOT_RUN);
}

/* Until there is a program every signal waits. */
static bool start(struct collect *c, const char *const *argv)
{
	sigset_t all;
	pid_t pid;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &c->before);
	pid = fork();
	if (pid < 0)
		fprintf(stderr, "trimtab-collect: no process for %s: %s\n", argv[0], strerror(errno));
	if (pid < 0)
		return false;
	if (pid == 0)
		become(c, argv);
	program = pid;
	handle_signals();
	c->running = c->before;
	sigdelset(&c->running, SIGCHLD);
	sigaddset(&c->before, SIGCHLD);         /* seen only where we wait */
	sigprocmask(SIG_SETMASK, &c->before, NULL);
	return true;
}

/* True once it is over. Its number is forgotten before anybody else can get it. */
static bool is_over(struct collect *c)
{
	sigset_t all, was;
	int status;
	pid_t pid;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &was);
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid == program) {
			c->status = status;
			program = 0;
		}
	}
	sigprocmask(SIG_SETMASK, &was, NULL);
	return program == 0;
}

/* ---- what was found ------------------------------------------------------------------------------- */

/* A program may have made our common output one that does not wait. */
static size_t put(const char *p, size_t n)
{
	ssize_t done = write(STDOUT_FILENO, p, n);

	if (done < 0 && errno == EAGAIN)
		poll(&(struct pollfd){.fd = STDOUT_FILENO, .events = POLLOUT}, 1, -1);
	else if (done < 0 && errno != EINTR)
		return n;               /* nobody reads it any more */
	return done > 0 ? (size_t)done : 0;
}

static void flush(struct collect *c)
{
	for (size_t at = 0; at < c->out.len;)
		at += put(c->out.data + at, c->out.len - at);
	strbuf_reset(&c->out);
}

static void on_point(void *ctx, const struct run_point *p)
{
	struct collect *c = ctx;

	c->last += frame_point(&c->out, c->last + 1, p);
	if (c->out.len > ATOMIC - FRAME_MAX)
		flush(c);
}

/* True when there is more. */
static bool look(struct collect *c)
{
	const bool more = file_tail_read(c->tail, clk_wall_us());

	flush(c);
	return more;
}

static void wait_for_news(struct collect *c, bool more)
{
	const struct timespec tick = {.tv_sec = more ? 0 : TICK_MS / 1000};

	ppoll(&(struct pollfd){.fd = file_tail_fd(c->tail), .events = POLLIN}, 1, &tick, &c->running);
}

static void collect_rest(struct collect *c)
{
	while (look(c))
		;
	collector_end(c->collector, clk_wall_us());
	frame_end(&c->out, c->last + 1);
	flush(c);
}

/* ---- the whole ------------------------------------------------------------------------------------ */

static char *whole_path(const char *path)
{
	char here[PATH_MAX];

	if (*path == '/')
		return xstrdup(path);
	return xasprintf("%s/%s", getcwd(here, sizeof here) ? here : "", path);
}

/* As the volumes of other tuners do: a program may open its file without making the folder. */
static void make_folder(const char *path)
{
	char *folder = xstrndup(path, (size_t)(strrchr(path, '/') - path));
	struct err e;

	if (*folder && !file_mkdirs(folder, 0777, &e))
		fprintf(stderr, "trimtab-collect: %s\n", e.detail);
	free(folder);
}

int collect_run(const struct run_metrics *m, const char *const *argv)
{
	struct collect c = {0};
	char *path = whole_path(m->path);
	int code = CANNOT_RUN;

	make_folder(path);
	strbuf_init(&c.out, 2 * ATOMIC);
	c.collector = collector_new(m, on_point, &c);
	c.tail = file_tail_new(path, c.collector);
	if (start(&c, argv)) {
		do
			wait_for_news(&c, look(&c));
		while (!is_over(&c));
		collect_rest(&c);
		code = WIFSIGNALED(c.status) ? 128 + WTERMSIG(c.status) : WEXITSTATUS(c.status);
	}
	file_tail_free(c.tail);
	collector_free(c.collector);
	strbuf_free(&c.out);
	free(path);
	return code;
}
