#include "trial-runner/process.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/mem.h"
#include "lib/num.h"

enum { ENVIRON_MAX = 4 << 20, PROC_PATH_MAX = 64 };

/* What the child tells before it becomes the program; nothing is told when exec worked. */
struct failure {
	enum { FAILED_STDIO, FAILED_CWD, FAILED_EXEC } stage;
	int error;
};

static NORETURN void child_fail(int report, int stage)
{
	struct failure f = {stage, errno};
	ssize_t n = write(report, &f, sizeof f);

	_exit(n == sizeof f ? 127 : 126);
}

/* The trial should be the first to go when memory is short, never the server. Best effort. */
static void volunteer_for_oom(void)
{
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	if (fd >= 0) {
		if (write(fd, "500", 3) < 0)
			errno = 0;
		close(fd);
	}
}

static NORETURN void child_main(const struct process_start *p, int report, pid_t supervisor)
{
	sigset_t none;
	int null;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != supervisor)
		_exit(126);
	setpgid(0, 0);
	volunteer_for_oom();
	for (int signo = 1; signo < NSIG; signo++)
		signal(signo, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	null = open("/dev/null", O_RDONLY);
	if (null < 0 || dup2(null, 0) < 0 || dup2(p->output, 1) < 0 || dup2(p->output, 2) < 0)
		child_fail(report, FAILED_STDIO);
	if (null > 2)
		close(null);
	if (chdir(p->cwd) < 0)
		child_fail(report, FAILED_CWD);
	environ = (char **)(uintptr_t)p->env;
	execvp(p->argv[0], (char *const *)(uintptr_t)p->argv);
	child_fail(report, FAILED_EXEC);
}

static const char *path_of(const char *const *env)
{
	for (; *env; env++) {
		if (strncmp(*env, "PATH=", 5) == 0)
			return *env + 5;
	}
	return "";
}

static bool explain_exec(const struct process_start *p, int error, struct err *e)
{
	const char *name = p->argv[0];

	if (error == ENOENT && !strchr(name, '/'))
		return err_set(e, ERR_INVALID, "the command '%s' was not found in PATH (%.200s)", name, path_of(p->env));
	if (error == ENOENT && faccessat(AT_FDCWD, name, F_OK, AT_EACCESS) == 0)
		return err_set(e, ERR_INVALID, "'%s' cannot start: the interpreter in its first line does not exist", name);
	if (error == ENOENT)
		return err_set(e, ERR_INVALID, "the command '%s' does not exist (working directory %s)", name, p->cwd);
	if (error == EACCES)
		return err_set(e, ERR_INVALID, "'%s' may not be executed: check that it is a program and chmod +x", name);
	return err_set(e, ERR_INVALID, "the command '%s' cannot start: %s", name, strerror(error));
}

static bool explain(const struct process_start *p, const struct failure *f, struct err *e)
{
	switch (f->stage) {
	case FAILED_CWD:
		return err_set(e, ERR_INVALID, "the working directory '%s' cannot be entered: %s", p->cwd,
			strerror(f->error));
	case FAILED_EXEC:
		return explain_exec(p, f->error, e);
	case FAILED_STDIO:
		break;
	}
	return err_set(e, ERR_UNAVAILABLE, "the command '%s' got no input and output: %s", p->argv[0],
		strerror(f->error));
}

pid_t process_start(const struct process_start *p, struct err *e)
{
	pid_t supervisor = getpid(), pid;
	struct failure f;
	int report[2];
	ssize_t n;

	assert(p->argv[0] && p->cwd);
	if (pipe2(report, O_CLOEXEC) < 0) {
		(void)err_set(e, ERR_UNAVAILABLE, "no pipe for a trial: %s", strerror(errno));
		return -1;
	}
	pid = fork();
	if (pid == 0)
		child_main(p, report[1], supervisor);
	close(report[1]);
	if (pid < 0) {
		(void)err_set(e, ERR_UNAVAILABLE, "no process for a trial: %s", strerror(errno));
		close(report[0]);
		return -1;
	}
	/* The pipe closes when the program starts (close-on-exec) or the child is gone. */
	while ((n = read(report[0], &f, sizeof f)) < 0 && errno == EINTR)
		;
	close(report[0]);
	if (n != sizeof f)
		return pid;
	waitpid(pid, NULL, 0);
	(void)explain(p, &f, e);
	return -1;
}

/* --- finding processes ------------------------------------------------------------------------ */

struct pid_list {
	pid_t *items;
	size_t n, cap;
};

static void add_pid(struct pid_list *list, pid_t pid)
{
	assert(pid > 0);
	for (size_t i = 0; i < list->n; i++) {
		if (list->items[i] == pid)
			return;
	}
	if (list->n == list->cap) {
		list->cap = list->cap ? list->cap * 2 : 64;
		list->items = xreallocarray(list->items, list->cap, sizeof *list->items);
	}
	list->items[list->n++] = pid;
}

static ssize_t read_proc(char *text, size_t size, const char *fmt, ...) PRINTF(3, 4);

/* A small file below /proc, NUL-terminated; -1 when its process is gone. */
static ssize_t read_proc(char *text, size_t size, const char *fmt, ...)
{
	char path[PROC_PATH_MAX];
	va_list ap;
	ssize_t n;
	int fd;

	va_start(ap, fmt);
	vsnprintf(path, sizeof path, fmt, ap);
	va_end(ap);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	n = read(fd, text, size - 1);
	close(fd);
	text[n > 0 ? n : 0] = '\0';
	return n;
}

/* The numbers that name entries of a folder below /proc: processes, or threads of one. */
static void each_number(const char *folder, void (*fn)(void *ctx, pid_t number), void *ctx)
{
	DIR *dir = opendir(folder);
	const struct dirent *d;
	int64_t number;

	while (dir && (d = readdir(dir))) {
		if (num_parse_i64(d->d_name, strlen(d->d_name), &number))
			fn(ctx, (pid_t)number);
	}
	if (dir)
		closedir(dir);
}

/* What the threads of one process forked. */
struct brood {
	struct pid_list *list;
	pid_t parent;
	bool known;                     /* the kernel lists children */
};

static void add_children_of_thread(void *ctx, pid_t thread)
{
	struct brood *b = ctx;
	char text[16 * 1024], *at = text, *end;

	if (read_proc(text, sizeof text, "/proc/%d/task/%d/children", (int)b->parent, (int)thread) < 0)
		return;
	b->known = true;
	for (long pid; (pid = strtol(at, &end, 10)) > 0 && end > at; at = end)
		add_pid(b->list, (pid_t)pid);
}

static bool add_children(struct pid_list *list, pid_t parent)
{
	struct brood b = {list, parent, false};
	char folder[PROC_PATH_MAX];

	snprintf(folder, sizeof folder, "/proc/%d/task", (int)parent);
	each_number(folder, add_children_of_thread, &b);
	return b.known;
}

/* "12 (na)me) S 4 …": the parent is the second word after the last parenthesis. */
static pid_t parent_of(pid_t pid)
{
	char text[512];
	const char *at = read_proc(text, sizeof text, "/proc/%d/stat", (int)pid) > 0 ? strrchr(text, ')') : NULL;

	return at && strlen(at) > 4 ? (pid_t)strtol(at + 4, NULL, 10) : -1;
}

static void add_if_child(void *ctx, pid_t pid)
{
	struct brood *b = ctx;

	if (parent_of(pid) == b->parent)
		add_pid(b->list, pid);
}

/* Children, then theirs, …; by asking every process for its parent where the kernel lists no children. */
static struct pid_list descendants(void)
{
	struct pid_list list = {0};
	bool listed = add_children(&list, getpid());

	if (!listed)
		each_number("/proc", add_if_child, &(struct brood){&list, getpid(), false});
	for (size_t i = 0; i < list.n; i++) {
		if (listed)
			add_children(&list, list.items[i]);
		else
			each_number("/proc", add_if_child, &(struct brood){&list, list.items[i], false});
	}
	return list;
}

void process_signal_all(pid_t group, int signo)
{
	struct pid_list list = descendants();

	assert(group != 1 && group != getpgrp());
	if (group > 1)
		kill(-group, signo);
	for (size_t i = 0; i < list.n; i++) {
		if (group <= 1 || getpgid(list.items[i]) != group)
			kill(list.items[i], signo);
	}
	free(list.items);
}

int64_t process_memory(void)
{
	struct pid_list list = descendants();
	int64_t pages = 0;
	char text[128], *end;

	for (size_t i = 0; i < list.n; i++) {
		long resident, shared;

		if (read_proc(text, sizeof text, "/proc/%d/statm", (int)list.items[i]) <= 0)
			continue;
		strtol(text, &end, 10);
		resident = strtol(end, &end, 10);
		shared = strtol(end, NULL, 10);
		pages += resident > shared ? resident - shared : 0;
	}
	free(list.items);
	return pages * sysconf(_SC_PAGESIZE);
}

struct marked {
	const char *marker;
	char *text;
	size_t killed;
};

static void kill_if_marked(void *ctx, pid_t pid)
{
	struct marked *m = ctx;
	char path[PROC_PATH_MAX];
	size_t n = 0;
	ssize_t got;
	int fd;

	snprintf(path, sizeof path, "/proc/%d/environ", (int)pid);
	fd = pid == getpid() ? -1 : open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	while (n < ENVIRON_MAX && (got = read(fd, m->text + n, ENVIRON_MAX - n)) > 0)
		n += (size_t)got;
	close(fd);
	if (memmem(m->text, n, m->marker, strlen(m->marker) + 1) && kill(pid, SIGKILL) == 0)
		m->killed++;
}

size_t process_kill_marked(const char *marker)
{
	struct marked m = {.marker = marker, .text = xmalloc(ENVIRON_MAX)};

	each_number("/proc", kill_if_marked, &m);
	free(m.text);
	return m.killed;
}
