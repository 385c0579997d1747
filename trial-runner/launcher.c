#include "trial-runner/launcher.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/log.h"
#include "lib/loop.h"
#include "lib/mem.h"
#include "trial-runner/launcher_wire.h"

struct call {
	STAILQ_ENTRY(call) link;
	size_t n;
	char message[];                 /* kind and folder */
};
STAILQ_HEAD(call_list, call);

struct launcher {
	struct loop *loop;
	char *program;
	launcher_fn *fn;
	void *ctx;
	pid_t pid;
	int socket;
	struct loop_watch *watch;
	struct call_list unsent, unanswered;
	bool answered;                  /* this process has answered something: worth replacing */
};

/* --- starting it --------------------------------------------------------------------------------- */

/* OpenBLAS would start a thread per core as soon as it is loaded. */
static bool spawn(struct launcher *l, int theirs, struct err *e)
{
	char path[4096];
	char *const argv[] = {(char[]){"trimtab"}, (char[]){LAUNCHER_COMMAND}, NULL};
	char *const env[] = {path, (char[]){"OPENBLAS_NUM_THREADS=1"}, NULL};
	posix_spawn_file_actions_t actions;
	const char *search = getenv("PATH");
	int error;

	snprintf(path, sizeof path, "PATH=%s", search ? search : "/usr/local/bin:/usr/bin:/bin");
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDWR, 0);
	posix_spawn_file_actions_adddup2(&actions, 0, 1);
	posix_spawn_file_actions_adddup2(&actions, theirs, LAUNCHER_FD);
	posix_spawn_file_actions_addclosefrom_np(&actions, LAUNCHER_FD + 1);
	error = posix_spawn(&l->pid, l->program, &actions, NULL, argv, env);
	posix_spawn_file_actions_destroy(&actions);
	if (error) {
		l->pid = 0;
		return err_set(e, ERR_UNAVAILABLE, "cannot start %s for the trials: %s", l->program, strerror(error));
	}
	return true;
}

static void on_io(void *ctx, int fd, unsigned io);

static bool open_launcher(struct launcher *l, struct err *e)
{
	int ends[2];
	bool ok;

	assert(l->socket < 0 && l->pid == 0);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return err_set(e, ERR_UNAVAILABLE, "no socket for the launcher: %s", strerror(errno));
	ok = spawn(l, ends[1], e);
	close(ends[1]);
	if (!ok) {
		close(ends[0]);
		return false;
	}
	fcntl(ends[0], F_SETFL, O_NONBLOCK);
	l->socket = ends[0];
	l->watch = loop_watch_new(l->loop, l->socket, LOOP_READ, on_io, l);
	l->answered = false;
	return true;
}

/* Its end of the socket is closed: it has nothing to do but end. */
static void close_launcher(struct launcher *l)
{
	loop_watch_free(l->watch);
	l->watch = NULL;
	if (l->socket >= 0)
		close(l->socket);
	l->socket = -1;
	if (l->pid > 0) {
		while (waitpid(l->pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	l->pid = 0;
}

/* --- calls ---------------------------------------------------------------------------------------- */

static void drop(struct call_list *list)
{
	struct call *c;

	while ((c = STAILQ_FIRST(list))) {
		STAILQ_REMOVE_HEAD(list, link);
		free(c);
	}
}

static void send_calls(struct launcher *l)
{
	struct call *c;

	while (l->socket >= 0 && (c = STAILQ_FIRST(&l->unsent))) {
		if (send(l->socket, c->message, c->n, MSG_NOSIGNAL) < 0)
			break;          /* full: goes on when writable; broken: the read side finds out */
		STAILQ_REMOVE_HEAD(&l->unsent, link);
		STAILQ_INSERT_TAIL(&l->unanswered, c, link);
	}
	if (l->watch)
		loop_watch_set(l->watch, STAILQ_EMPTY(&l->unsent) ? LOOP_READ : LOOP_READ | LOOP_WRITE);
}

static void call(struct launcher *l, char kind, const char *folder)
{
	size_t n = strlen(folder) + 2;
	struct call *c = xmalloc(sizeof *c + n);

	assert(n <= LAUNCHER_MESSAGE_MAX && *folder == '/');
	c->n = n;
	c->message[0] = kind;
	memcpy(c->message + 1, folder, n - 1);
	STAILQ_INSERT_TAIL(&l->unsent, c, link);
	send_calls(l);
}

void launcher_run(struct launcher *l, const char *folder)
{
	call(l, LAUNCHER_RUN, folder);
}

void launcher_remove(struct launcher *l, const char *folder)
{
	call(l, LAUNCHER_REMOVE, folder);
}

static void fail_all(struct launcher *l, const char *why)
{
	struct call *c;

	STAILQ_CONCAT(&l->unanswered, &l->unsent);
	while ((c = STAILQ_FIRST(&l->unanswered))) {
		STAILQ_REMOVE_HEAD(&l->unanswered, link);
		if (c->message[0] == LAUNCHER_RUN)
			l->fn(l->ctx, -1, why);
		free(c);
	}
}

static void replace(struct launcher *l)
{
	struct err e = {.detail = "the process that starts trials ended at once"};
	bool again = l->answered;

	LOG_WARN("launcher ended", L_INT("pid", l->pid));
	close_launcher(l);
	if (open_launcher(l, &e) && again) {
		STAILQ_CONCAT(&l->unanswered, &l->unsent);
		STAILQ_CONCAT(&l->unsent, &l->unanswered);
		send_calls(l);
	} else {
		fail_all(l, e.detail);
	}
}

static int attached_fd(struct msghdr *m)
{
	struct cmsghdr *c = CMSG_FIRSTHDR(m);
	int fd = -1;

	if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
		memcpy(&fd, CMSG_DATA(c), sizeof fd);
	return fd;
}

static void take_answer(struct launcher *l, const struct launcher_answer *answer, int pidfd)
{
	struct call *c = STAILQ_FIRST(&l->unanswered);
	char why[128] = "";

	assert(c && "an answer without a call");
	l->answered = true;
	STAILQ_REMOVE_HEAD(&l->unanswered, link);
	if (c->message[0] != LAUNCHER_RUN) {
		if (pidfd >= 0)
			close(pidfd);
	} else if (pidfd >= 0) {
		l->fn(l->ctx, pidfd, NULL);
	} else {
		snprintf(why, sizeof why, "no process for a trial: %s", strerror(answer->error));
		l->fn(l->ctx, -1, why);
	}
	free(c);
}

static void on_io(void *ctx, int fd, unsigned io)
{
	struct launcher *l = ctx;
	struct launcher_answer answer;
	union { struct cmsghdr align; char bytes[CMSG_SPACE(sizeof(int))]; } control;
	ssize_t n = 0;

	if (io & LOOP_WRITE)
		send_calls(l);
	for (;;) {
		struct iovec piece = {&answer, sizeof answer};
		struct msghdr m = {.msg_iov = &piece, .msg_iovlen = 1, .msg_control = &control,
			.msg_controllen = sizeof control};

		n = recvmsg(fd, &m, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
		if (n != sizeof answer)
			break;
		take_answer(l, &answer, attached_fd(&m));
	}
	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		replace(l);
}

struct launcher *launcher_new(struct loop *loop, const char *program, launcher_fn *fn, void *ctx, struct err *e)
{
	struct launcher *l = xcalloc(1, sizeof *l);

	l->loop = loop;
	l->program = xstrdup(program);
	l->fn = fn;
	l->ctx = ctx;
	l->socket = -1;
	STAILQ_INIT(&l->unsent);
	STAILQ_INIT(&l->unanswered);
	if (!open_launcher(l, e)) {
		launcher_free(l);
		return NULL;
	}
	return l;
}

void launcher_free(struct launcher *l)
{
	if (!l)
		return;
	close_launcher(l);
	drop(&l->unsent);
	drop(&l->unanswered);
	free(l->program);
	free(l);
}
