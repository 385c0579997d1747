#include "server/store/embedded_exec.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CANNOT_BECOME_USER = 125, CANNOT_ENTER = 126, CANNOT_EXECUTE = 127, OUTPUT_KEPT = 8192 };

struct embedded_user embedded_user_find(void)
{
	struct embedded_user user = {.change = geteuid() == 0};
	const struct passwd *pw;

	if (!user.change)
		return user;
	pw = getpwnam("postgres");
	if (!pw)
		pw = getpwnam("nobody");
	user.name = pw && pw->pw_name[0] == 'p' ? "postgres" : "nobody";
	user.uid = pw ? pw->pw_uid : 65534;
	user.gid = pw ? pw->pw_gid : 65534;
	return user;
}

/* In the child, for good. */
static void become(const struct embedded_user *user)
{
	if (!user->change)
		return;
	if (setgroups(0, NULL) != 0 || setgid(user->gid) != 0 || setuid(user->uid) != 0)
		_exit(CANNOT_BECOME_USER);
}

static void execute(const char *const *argv)
{
	/* A folder that exists for everybody: initdb complains about one that it cannot enter. */
	if (chdir("/") != 0)
		_exit(CANNOT_ENTER);
	execv(argv[0], (char *const *)(uintptr_t)argv);
	fprintf(stderr, "%s: %s\n", argv[0], strerror(errno));
	_exit(CANNOT_EXECUTE);
}

const char *embedded_last_line(char *text)
{
	size_t n = strlen(text);
	char *start;

	while (n > 0 && (text[n - 1] == '\n' || text[n - 1] == ' '))
		text[--n] = 0;
	start = strrchr(text, '\n');
	return start ? start + 1 : text;
}

/* Keeps the end of what comes, since that is where programs say why. */
static void read_output(int fd, char *out)
{
	size_t n = 0;
	ssize_t got;

	while ((got = read(fd, out + n, OUTPUT_KEPT - n)) != 0) {
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			break;
		n += (size_t)got;
		if (n == OUTPUT_KEPT) {
			memmove(out, out + OUTPUT_KEPT / 2, OUTPUT_KEPT / 2);
			n = OUTPUT_KEPT / 2;
		}
	}
	out[n] = 0;
}

static int wait_for(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -1;
	return status;
}

bool embedded_run(const char *const *argv, const struct embedded_user *user, const char *what, struct err *e)
{
	char output[OUTPUT_KEPT + 1];
	int pipe_fd[2], status;
	pid_t pid;

	if (pipe2(pipe_fd, O_CLOEXEC) != 0)
		return err_set(e, ERR_UNAVAILABLE, "%s: %s", what, strerror(errno));
	pid = fork();
	if (pid == 0) {
		dup2(pipe_fd[1], STDOUT_FILENO);
		dup2(pipe_fd[1], STDERR_FILENO);
		become(user);
		execute(argv);
	}
	close(pipe_fd[1]);
	if (pid < 0) {
		close(pipe_fd[0]);
		return err_set(e, ERR_UNAVAILABLE, "%s: %s", what, strerror(errno));
	}
	read_output(pipe_fd[0], output);
	close(pipe_fd[0]);
	status = wait_for(pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return true;
	return err_set(e, ERR_UNAVAILABLE, "%s: %.300s", what, embedded_last_line(output));
}

pid_t embedded_spawn(
	const char *const *argv, const struct embedded_user *user, const char *log, struct err *e)
{
	const pid_t parent = getpid();
	const int fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
	pid_t pid;

	if (fd < 0) {
		err_set(e, ERR_UNAVAILABLE, "%s: %s", log, strerror(errno));
		return -1;
	}
	pid = fork();
	if (pid == 0) {
		setsid();
		dup2(fd, STDOUT_FILENO);
		dup2(fd, STDERR_FILENO);
		become(user);
		/* After the change of user, which clears it. The parent may have died before. */
		prctl(PR_SET_PDEATHSIG, SIGINT);
		if (getppid() != parent)
			_exit(1);
		execute(argv);
	}
	close(fd);
	if (pid < 0)
		err_set(e, ERR_UNAVAILABLE, "%s: %s", argv[0], strerror(errno));
	return pid;
}

bool embedded_may_enter(const char *folder, const struct embedded_user *user)
{
	pid_t pid = fork();

	if (pid == 0) {
		become(user);
		_exit(chdir(folder) == 0 ? 0 : CANNOT_ENTER);
	}
	return pid > 0 && wait_for(pid) == 0;
}
