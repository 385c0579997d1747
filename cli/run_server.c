/* A server of our own: start it, wait until it answers, stop it. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cli/run.h"
#include "lib/arena.h"
#include "lib/clk.h"
#include "lib/file.h"

enum { START_SECONDS = 90, LOG_TAIL = 2000, POLL_MS = 50 };

static NORETURN void become_server(const char *log, const char *runner)
{
	int null = open("/dev/null", O_RDONLY), out = open(log, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	setsid();
	dup2(null, STDIN_FILENO);
	if (out >= 0) {
		dup2(out, STDOUT_FILENO);
		dup2(out, STDERR_FILENO);
	}
	if (runner)
		setenv("TRIMTAB_RUNNER", runner, 1);
	execl("/proc/self/exe", "trimtab", "serve", (char *)NULL);
	_exit(127);
}

/* The last words of the log: why it did not start. */
static const char *log_tail(struct arena *a, const char *log)
{
	size_t n;
	const char *text = file_read(log, 1 << 24, a, &n, NULL);

	if (!text || !n)
		return "";
	text += n > LOG_TAIL ? n - LOG_TAIL : 0;
	return text;
}

static bool ended(struct own_server *s)
{
	if (waitpid(s->pid, NULL, WNOHANG) != s->pid)
		return false;
	s->pid = 0;
	return true;
}

static bool wait_ready(struct cli *c, struct own_server *s, struct err *e)
{
	const struct request ready = {.path = "/readyz", .accept = "*/*", .timeout_us = 2 * CLK_SECOND};
	const struct timespec pause = {.tv_nsec = POLL_MS * 1000000};
	int64_t deadline_us = clk_now_us() + START_SECONDS * CLK_SECOND;

	while (clk_now_us() < deadline_us) {
		struct arena *a = arena_new();
		struct reply reply;
		struct err ignored = {0};
		bool up = client_call(c->client, a, &ready, &reply, &ignored);

		arena_free(a);
		if (up)
			return true; /* ours, or the one that another run has started in the same moment */
		if (s->pid && ended(s)) {
			fputs(log_tail(c->arena, s->log), stderr);
			return err_set(e, ERR_INTERNAL, "the server did not start; its log is %s", s->log);
		}
		nanosleep(&pause, NULL);
	}
	return err_set(
		e, ERR_UNAVAILABLE, "the server did not answer within %d s; its log is %s", START_SECONDS, s->log);
}

bool own_server_start(struct cli *c, struct own_server *s, const char *runner, struct err *e)
{
	const char *folder = file_home(FILE_HOME_STATE, c->arena);

	if (!file_mkdirs(folder, 0700, e))
		return false;
	s->log = file_join(c->arena, folder, "serve.log");
	fprintf(stderr, "No server at %s: starting one.\n", c->client->server);
	fflush(stdout);
	s->pid = fork();
	if (s->pid < 0) {
		s->pid = 0;
		return err_set(e, ERR_INTERNAL, "no process can be started: %m");
	}
	if (s->pid == 0)
		become_server(s->log, runner);
	if (wait_ready(c, s, e))
		return true;
	own_server_stop(s);
	return false;
}

void own_server_stop(struct own_server *s)
{
	if (!s->pid)
		return;
	kill(s->pid, SIGTERM);
	while (waitpid(s->pid, NULL, 0) < 0 && errno == EINTR)
		;
	s->pid = 0;
}
