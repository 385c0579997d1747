/* The launcher's side of the socket. */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "trial-runner/launcher.h"
#include "trial-runner/launcher_wire.h"
#include "trial-runner/local.h"
#include "trial-runner/supervise.h"

static int remove_entry(const char *path, const struct stat *st UNUSED, int type UNUSED, struct FTW *at UNUSED)
{
	remove(path);
	return 0;
}

/* A supervisor must not keep the server's stderr open: whoever reads that waits for its end. Where
 * sanitizers and assertions may speak, they do so in the run's folder. */
static void leave_stderr(const char *folder)
{
	const char *path = "/dev/null";
	int fd;
#ifdef TRIMTAB_DEBUG
	char log[LAUNCHER_MESSAGE_MAX + 16];

	snprintf(log, sizeof log, "%s/supervisor.log", folder);
	path = log;
#else
	(void)folder;
#endif
	fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
	if (fd >= 0 && fd != 2) {
		dup2(fd, 2);
		close(fd);
	}
}

/* A process of its own that shares nothing with the launcher. */
static NORETURN void worker(char kind, const char *folder)
{
	close_range(LAUNCHER_FD, ~0u, 0);
	if (kind == LAUNCHER_REMOVE) {
		prctl(PR_SET_NAME, "trimtab-remove");
		_exit(nftw(folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS) ? 1 : 0);
	}
	leave_stderr(folder);
	_exit(supervise(folder));
}

static void answer(int socket, pid_t pid, int error)
{
	struct launcher_answer a = {.pid = pid, .error = error};
	union { struct cmsghdr align; char bytes[CMSG_SPACE(sizeof(int))]; } control = {0};
	struct iovec piece = {&a, sizeof a};
	struct msghdr m = {.msg_iov = &piece, .msg_iovlen = 1};
	int fd = pid > 0 ? (int)syscall(SYS_pidfd_open, pid, 0) : -1;

	if (pid > 0 && fd < 0)
		a.error = errno;
	if (fd >= 0) {
		m.msg_control = &control;
		m.msg_controllen = sizeof control;
		*CMSG_FIRSTHDR(&m) = (struct cmsghdr){CMSG_LEN(sizeof fd), SOL_SOCKET, SCM_RIGHTS};
		memcpy(CMSG_DATA(CMSG_FIRSTHDR(&m)), &fd, sizeof fd);
	}
	while (sendmsg(socket, &m, MSG_NOSIGNAL) < 0 && errno == EINTR)
		;
	if (fd >= 0)
		close(fd);
}

/* False when the server is gone. */
static bool serve(int socket)
{
	char message[LAUNCHER_MESSAGE_MAX];
	ssize_t n = recv(socket, message, sizeof message - 1, 0);
	pid_t pid;

	if (n <= 0)
		return n < 0 && errno == EINTR;
	message[n] = '\0';
	pid = fork();
	if (pid == 0)
		worker(message[0], message + 1);
	answer(socket, pid, pid < 0 ? errno : 0);
	return true;
}

static void reap(int signals)
{
	struct signalfd_siginfo si;

	while (read(signals, &si, sizeof si) == sizeof si)
		;
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
}

/* Ctrl-C and a stop of the service are for the server alone; its end closes the socket. The signals
 * stay blocked in the supervisors, which read them from descriptors of their own. */
int launcher_main(int socket)
{
	struct pollfd fds[2] = {{.fd = socket, .events = POLLIN}};
	sigset_t set;

	setsid();
	supervise_hold_signals(&set);
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	fds[1] = (struct pollfd){.fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK), .events = POLLIN};
	if (fds[1].fd < 0)
		return 1;
	for (;;) {
		if (poll(fds, ARRAY_LEN(fds), -1) < 0)
			continue;
		if (fds[1].revents)
			reap(fds[1].fd);
		if (fds[0].revents && !serve(socket))
			return 0;
	}
}

int local_supervise(int argc, char **argv)
{
	if (argc != 1 || strcmp(argv[0], LAUNCHER_COMMAND) != 0) {
		fprintf(stderr, "%s is for trimtab's own use\n", argv[0]);
		return 2;
	}
	return launcher_main(LAUNCHER_FD);
}
