#include "server/store/process.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

bool process_user(struct process_user *u, const char *dir, struct err *e)
{
	*u = (struct process_user){.uid = geteuid(), .gid = getegid()};
	if (u->uid != 0)
		return true;
	struct stat st;
	u->drop = true;
	if (dir && stat(dir, &st) == 0 && st.st_uid != 0) {
		u->uid = st.st_uid;
		u->gid = st.st_gid;
		return true;
	}
	const struct passwd *pw = getpwnam("postgres");
	if (!pw)
		pw = getpwnam("nobody");
	if (!pw || pw->pw_uid == 0) {
		return err_set(e, ERR_FORBIDDEN,
		    "PostgreSQL does not run as root and there is no user 'postgres' or 'nobody' to run it as: "
		    "start trimtab as another user or give --database");
	}
	u->uid = pw->pw_uid;
	u->gid = pw->pw_gid;
	return true;
}

bool process_can_enter(const struct process_user *u, const char *dir)
{
	char path[PATH_MAX];
	struct stat st;
	if (!u->drop)
		return true;
	if (!realpath(dir, path))
		return false;
	for (;;) {
		if (stat(path, &st) != 0)
			return false;
		mode_t bit = st.st_uid == u->uid ? S_IXUSR : st.st_gid == u->gid ? S_IXGRP : S_IXOTH;
		if (!(st.st_mode & bit))
			return false;
		char *slash = strrchr(path, '/');
		if (!slash || slash == path)
			return true;
		*slash = '\0';
	}
}

/* In the child: only async-signal-safe calls, and 127 when it cannot be done. */
static void become(const struct process_user *u, const char *const *argv, int out)
{
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	for (int s = 1; s < 32; s++)
		signal(s, SIG_DFL);
	setsid();
	int in = open("/dev/null", O_RDONLY);
	if (in < 0 || dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0)
		_exit(127);
	if (u->drop && (setgroups(0, NULL) != 0 || setgid(u->gid) != 0 || setuid(u->uid) != 0))
		_exit(127);
	/* The folder we were started in may be closed to that user. */
	if (chdir("/") != 0)
		_exit(127);
	umask(077);
	char *const *args;
	memcpy(&args, &argv, sizeof args); /* execv's missing const */
	execv(argv[0], args);
	static const char failed[] = "cannot be executed\n";
	(void)!write(2, failed, sizeof failed - 1);
	_exit(127);
}

pid_t process_start(const struct process_user *u, const char *const *argv, const char *log, struct err *e)
{
	int out = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (out < 0) {
		err_set(e, ERR_UNAVAILABLE, "cannot write %s: %s", log, strerror(errno));
		return -1;
	}
	pid_t pid = fork();
	if (pid == 0)
		become(u, argv, out);
	if (pid < 0)
		err_set(e, ERR_UNAVAILABLE, "cannot start %s: %s", argv[0], strerror(errno));
	close(out);
	return pid;
}

/* Keeps the end when there is more than fits: that is where the error is. */
static void read_all(int fd, char *out, size_t size)
{
	size_t used = 0;
	for (;;) {
		if (used + 1 == size) {
			memmove(out, out + size / 2, used - size / 2);
			used -= size / 2;
		}
		ssize_t n = read(fd, out + used, size - 1 - used);
		if (n == 0 || (n < 0 && errno != EINTR))
			break;
		used += n > 0 ? (size_t)n : 0;
	}
	out[used] = '\0';
}

bool process_run(const struct process_user *u, const char *const *argv, char *out, size_t size, struct err *e)
{
	int fds[2];
	if (pipe2(fds, O_CLOEXEC) != 0)
		return err_set(e, ERR_UNAVAILABLE, "cannot start %s: %s", argv[0], strerror(errno));
	pid_t pid = fork();
	if (pid == 0)
		become(u, argv, fds[1]);
	close(fds[1]);
	int status = -1;
	if (pid > 0) {
		read_all(fds[0], out, size);
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
	}
	close(fds[0]);
	if (pid < 0)
		return err_set(e, ERR_UNAVAILABLE, "cannot start %s: %s", argv[0], strerror(errno));
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		return err_set(e, ERR_UNAVAILABLE, "%s failed: %s", argv[0], out);
	return true;
}
