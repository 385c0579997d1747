#include "trial-runner/process.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
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

struct pid_pair {
	pid_t pid, parent;
	bool ours;
};

struct pid_list {
	struct pid_pair *items;
	size_t n, cap;
};

/* "12 (na)me) S 4 …": the parent is the second word after the last parenthesis. */
static pid_t parent_of(pid_t pid)
{
	char path[PROC_PATH_MAX], text[512], *at;
	int fd;
	ssize_t n;

	snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	n = read(fd, text, sizeof text - 1);
	close(fd);
	text[n > 0 ? n : 0] = '\0';
	at = strrchr(text, ')');
	return at && strlen(at) > 4 ? (pid_t)strtol(at + 4, NULL, 10) : -1;
}

static void each_pid(void (*fn)(void *ctx, pid_t pid), void *ctx)
{
	DIR *dir = opendir("/proc");
	const struct dirent *d;
	int64_t pid;

	while (dir && (d = readdir(dir))) {
		if (num_parse_i64(d->d_name, strlen(d->d_name), &pid))
			fn(ctx, (pid_t)pid);
	}
	if (dir)
		closedir(dir);
}

static void add_pair(void *ctx, pid_t pid)
{
	struct pid_list *list = ctx;

	if (list->n == list->cap) {
		list->cap = list->cap ? list->cap * 2 : 256;
		list->items = xreallocarray(list->items, list->cap, sizeof *list->items);
	}
	list->items[list->n++] = (struct pid_pair){.pid = pid, .parent = parent_of(pid)};
}

static bool is_ours(const struct pid_list *list, pid_t parent, pid_t self)
{
	for (size_t i = 0; i < list->n; i++) {
		if (list->items[i].ours && list->items[i].pid == parent)
			return true;
	}
	return parent == self;
}

/* Marks children, grandchildren, … until a pass finds no more. */
static void mark_descendants(struct pid_list *list, pid_t self)
{
	bool found = true;

	while (found) {
		found = false;
		for (size_t i = 0; i < list->n; i++) {
			struct pid_pair *p = &list->items[i];

			if (!p->ours && is_ours(list, p->parent, self))
				p->ours = found = true;
		}
	}
}

void process_signal_all(pid_t group, int signo)
{
	struct pid_list list = {0};

	each_pid(add_pair, &list);
	mark_descendants(&list, getpid());
	if (group > 1)
		kill(-group, signo);
	for (size_t i = 0; i < list.n; i++) {
		if (list.items[i].ours && getpgid(list.items[i].pid) != group)
			kill(list.items[i].pid, signo);
	}
	free(list.items);
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
	size_t len = strlen(m->marker) + 1, n = 0;
	ssize_t got;
	int fd;

	snprintf(path, sizeof path, "/proc/%d/environ", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || pid == getpid()) {
		if (fd >= 0)
			close(fd);
		return;
	}
	while (n < ENVIRON_MAX && (got = read(fd, m->text + n, ENVIRON_MAX - n)) > 0)
		n += (size_t)got;
	close(fd);
	if (memmem(m->text, n, m->marker, len) && kill(pid, SIGKILL) == 0)
		m->killed++;
}

size_t process_kill_marked(const char *marker)
{
	struct marked m = {.marker = marker, .text = xmalloc(ENVIRON_MAX)};

	each_pid(kill_if_marked, &m);
	free(m.text);
	return m.killed;
}
