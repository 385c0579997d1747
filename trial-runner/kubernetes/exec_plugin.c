#include "trial-runner/kubernetes/exec_plugin.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/arena.h"
#include "lib/base64.h"
#include "lib/clk.h"
#include "lib/file.h"
#include "lib/json.h"
#include "lib/json_write.h"
#include "lib/loop.h"
#include "lib/mem.h"
#include "lib/strbuf.h"
#include "lib/utf8.h"
#include "trial-runner/kubernetes/kubeconfig.h"

enum { STDERR_KEPT = 4096, LAST_LINE_MAX = 160, ENV_MAX = 4096 };

struct pipe_end {
	int fd;                         /* -1: at its end           */
	struct loop_watch *watch;
	struct strbuf text;
};

struct exec_plugin {
	struct loop *loop;
	const struct kubeconfig *config;
	exec_plugin_fn *done;
	void *ctx;
	pid_t pid;                      /* 0: none runs             */
	int pidfd;
	struct loop_watch *exited;
	struct pipe_end out, err;
	struct loop_timer *timer;       /* its time; a start that failed */
	struct err failed;              /* told by the timer        */
	const char *killed;             /* why we ended it, or NULL */
};

/* --- what it is told, what it says ------------------------------------------------------------- */

static bool write_cluster(struct json_writer *w, const struct kubeconfig *c, struct arena *a, struct err *e)
{
	const char *pem = c->ca_pem;
	size_t n;

	if (!pem && c->ca_file && !(pem = file_read(c->ca_file, KUBECONFIG_SIZE_MAX, a, &n, e)))
		return false;
	jw_object(w, "cluster");
	jw_str(w, "server", c->server);
	if (c->server_name)
		jw_str(w, "tls-server-name", c->server_name);
	if (c->insecure)
		jw_bool(w, "insecure-skip-tls-verify", true);
	if (pem)
		jw_str(w, "certificate-authority-data", base64_encode(pem, strlen(pem), a));
	if (c->proxy)
		jw_str(w, "proxy-url", c->proxy);
	if (c->exec->cluster_config)
		jw_value(w, "config", c->exec->cluster_config);
	jw_end(w);
	return true;
}

const char *exec_plugin_info(const struct kubeconfig *config, struct arena *a, struct err *e)
{
	const char *text = NULL;
	struct json_writer w;
	struct strbuf b;

	strbuf_init(&b, 4 * KUBECONFIG_SIZE_MAX);
	jw_init(&w, &b);
	jw_object(&w, NULL);
	jw_str(&w, "apiVersion", config->exec->api_version);
	jw_str(&w, "kind", "ExecCredential");
	jw_object(&w, "spec");
	if (config->exec->cluster_info && !write_cluster(&w, config, a, e))
		goto out;
	jw_bool(&w, "interactive", false);
	jw_end(&w);
	jw_end(&w);
	if (b.failed)
		(void)err_set(e, ERR_TOO_LARGE, "the cluster's settings are too large for an exec plugin");
	else
		text = arena_strndup(a, b.data, b.len);
out:
	strbuf_free(&b);
	return text;
}

/* The parser's own sentence tells a position, never the text. */
bool exec_credential_read(const char *text, size_t n, const char *api_version, struct arena *a,
	struct exec_credential *out, struct err *e)
{
	const cJSON *root = json_parse(text, n, EXEC_PLUGIN_OUTPUT_MAX, a, e);
	const char *kind = json_str(json_get(root, "kind")), *version = json_str(json_get(root, "apiVersion"));
	const cJSON *status = json_get(root, "status");
	const char *expires = json_str(json_get(status, "expirationTimestamp"));

	*out = (struct exec_credential){0};
	if (!root)
		return false;
	if (!kind || strcmp(kind, "ExecCredential") != 0 || !version || strcmp(version, api_version) != 0)
		return err_set(e, ERR_INVALID, "it printed no ExecCredential of %s", api_version);
	out->token = json_str(json_get(status, "token"));
	out->cert_pem = json_str(json_get(status, "clientCertificateData"));
	out->key_pem = json_str(json_get(status, "clientKeyData"));
	if (out->token && (!*out->token || strpbrk(out->token, "\r\n")))
		return err_set(e, ERR_INVALID, "its token is empty or holds a line break");
	if (!out->cert_pem != !out->key_pem)
		return err_set(e, ERR_INVALID, "it gave half of a certificate and key");
	if (!out->token && !out->cert_pem)
		return err_set(e, ERR_INVALID, "it gave neither status.token nor status.clientCertificateData");
	if (expires && !clk_parse_time(expires, &out->expires_us))
		return err_set(e, ERR_INVALID, "its expirationTimestamp is not a time of RFC 3339");
	return true;
}

/* --- the end of a run -------------------------------------------------------------------------- */

static void close_pipe(struct pipe_end *p)
{
	loop_watch_free(p->watch);
	p->watch = NULL;
	if (p->fd >= 0)
		close(p->fd);
	p->fd = -1;
}

static void clear(struct exec_plugin *p)
{
	close_pipe(&p->out);
	close_pipe(&p->err);
	loop_watch_free(p->exited);
	p->exited = NULL;
	if (p->pidfd >= 0)
		close(p->pidfd);
	p->pidfd = -1;
	p->pid = 0;
	loop_timer_cancel(p->timer);
	if (p->out.text.len)
		explicit_bzero(p->out.text.data, p->out.text.len);
	strbuf_reset(&p->out.text);
	strbuf_reset(&p->err.text);
}

/* The plugin's own words: its last line, as far as it can be shown. */
static const char *last_line(struct strbuf *b)
{
	size_t n = b->len, from;

	if (n == 0)
		return "";
	while (n && (b->data[n - 1] == '\n' || b->data[n - 1] == '\r' || b->data[n - 1] == ' '))
		n--;
	b->data[n] = '\0';
	for (from = n; from && b->data[from - 1] != '\n'; from--)
		;
	if (n - from > LAST_LINE_MAX)
		b->data[from + LAST_LINE_MAX] = '\0';
	b->data[from + utf8_check(b->data + from, strlen(b->data + from))] = '\0';
	return b->data + from;
}

static bool explain(struct exec_plugin *p, const char *what, struct err *e)
{
	const struct kubeconfig_exec *x = p->config->exec;
	const char *said = last_line(&p->err.text);

	return err_set(e, ERR_UNAVAILABLE, "%s: user '%.60s': the exec plugin '%.80s' %s%s%s", x->file, x->user, x->argv[0],
		what, *said ? ": " : "", said);
}

static bool judge(struct exec_plugin *p, const siginfo_t *how, struct arena *a, struct exec_credential *out,
	struct err *e)
{
	struct err why;

	if (p->killed)
		return explain(p, p->killed, e);
	if (how->si_code != CLD_EXITED)
		return explain(p, arena_printf(a, "was ended by signal %d", how->si_status), e);
	if (how->si_status != 0)
		return explain(p, arena_printf(a, "failed with exit code %d", how->si_status), e);
	return exec_credential_read(p->out.text.data, p->out.text.len, p->config->exec->api_version, a, out, &why) ||
		explain(p, why.detail, e);
}

/* As much as a pipe holds, no more: a program that never stops printing must not hold us. */
static void take(struct pipe_end *p)
{
	char piece[65536];
	ssize_t n = p->fd >= 0 ? read(p->fd, piece, sizeof piece) : 0;

	if (n > 0)
		strbuf_add(&p->text, piece, (size_t)n);
	else if (n == 0)
		close_pipe(p);
	explicit_bzero(piece, n > 0 ? (size_t)n : 0);
}

static void on_exit_seen(void *ctx, int fd UNUSED, unsigned io UNUSED)
{
	struct exec_plugin *p = ctx;
	struct arena *a = arena_new();
	struct exec_credential credential;
	siginfo_t how = {0};
	struct err e;

	if (waitid(P_PID, (id_t)p->pid, &how, WEXITED | WNOHANG) == 0 && how.si_pid == 0)
		goto out;
	take(&p->out); /* what is still in the pipes; a grandchild that holds them is not waited for */
	take(&p->err);
	bool fine = judge(p, &how, a, &credential, &e);
	clear(p);
	p->done(p->ctx, fine ? &credential : NULL, fine ? NULL : &e);
out:
	arena_free(a);
}

static void end_run(struct exec_plugin *p, const char *why)
{
	if (p->pid > 0 && !p->killed) {
		p->killed = why;
		kill(-p->pid, SIGKILL);
	}
}

static void on_output(void *ctx, int fd UNUSED, unsigned io UNUSED)
{
	struct exec_plugin *p = ctx;

	take(&p->out);
	if (p->out.text.failed)
		end_run(p, "printed more than a megabyte");
}

/* Only the end is of interest. */
static void on_words(void *ctx, int fd UNUSED, unsigned io UNUSED)
{
	struct exec_plugin *p = ctx;

	take(&p->err);
	if (p->err.text.len > STDERR_KEPT)
		strbuf_consume(&p->err.text, p->err.text.len - STDERR_KEPT);
}

static void on_timer(void *ctx)
{
	struct exec_plugin *p = ctx;
	struct err e = p->failed;

	if (p->pid > 0) {
		end_run(p, "did not end within a minute");
	} else if (e.code != ERR_OK) {
		p->failed.code = ERR_OK;
		p->done(p->ctx, NULL, &e);
	}
}

/* --- the start of a run ------------------------------------------------------------------------ */

static bool is_set_by(const char *const *env, const char *entry)
{
	size_t n = strcspn(entry, "=") + 1;

	for (; *env; env++) {
		if (strncmp(*env, entry, n) == 0)
			return true;
	}
	return false;
}

static char **environment(const struct exec_plugin *p, struct arena *a, struct err *e)
{
	const struct kubeconfig_exec *x = p->config->exec;
	const char *info = exec_plugin_info(p->config, a, e);
	char **env = ARENA_NEW_N(a, char *, ENV_MAX + KUBECONFIG_ARGS_MAX + 2);
	size_t n = 0;

	if (!info)
		return NULL;
	for (char **own = environ; *own && n < ENV_MAX; own++) {
		if (strncmp(*own, "TRIMTAB_", 8) != 0 && strncmp(*own, "KUBERNETES_EXEC_INFO=", 21) != 0 &&
			!is_set_by(x->env, *own))
			env[n++] = *own;
	}
	for (const char *const *more = x->env; *more; more++)
		env[n++] = arena_strdup(a, *more);
	env[n++] = arena_printf(a, "KUBERNETES_EXEC_INFO=%s", info);
	return env;
}

static int spawn(struct exec_plugin *p, int out, int err, char **env, struct arena *a)
{
	const char *const *from = p->config->exec->argv;
	char **argv = ARENA_NEW_N(a, char *, KUBECONFIG_ARGS_MAX + 2);
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	sigset_t all, none;
	int error;

	for (size_t i = 0; from[i]; i++)
		argv[i] = arena_strdup(a, from[i]);
	sigfillset(&all);
	sigemptyset(&none);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&actions, out, 1);
	posix_spawn_file_actions_adddup2(&actions, err, 2);
	posix_spawn_file_actions_addclosefrom_np(&actions, 3);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
	posix_spawnattr_setsigdefault(&attr, &all);
	posix_spawnattr_setsigmask(&attr, &none);
	error = posix_spawnp(&p->pid, argv[0], &actions, &attr, argv, env);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&actions);
	if (error)
		p->pid = 0;
	return error;
}

static bool open_pipe(struct pipe_end *p, int *theirs)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
		return false;
	p->fd = ends[0];
	*theirs = ends[1];
	fcntl(ends[1], F_SETFL, 0);
	return true;
}

static bool start(struct exec_plugin *p, struct arena *a, struct err *e)
{
	char **env = environment(p, a, e);
	int out = -1, err = -1, error;

	if (!env)
		return false;
	error = open_pipe(&p->out, &out) && open_pipe(&p->err, &err) ? spawn(p, out, err, env, a) : errno;
	if (out >= 0)
		close(out);
	if (err >= 0)
		close(err);
	if (error)
		return explain(p, arena_printf(a, "cannot be started: %s%s%s", strerror(error), p->config->exec->hint ? ": " : "",
							  p->config->exec->hint ? p->config->exec->hint : ""), e);
	p->pidfd = (int)syscall(SYS_pidfd_open, p->pid, 0);
	if (p->pidfd < 0) {
		error = errno;
		kill(-p->pid, SIGKILL);
		waitpid(p->pid, NULL, 0);
		return explain(p, arena_printf(a, "cannot be watched: %s", strerror(error)), e);
	}
	p->exited = loop_watch_new(p->loop, p->pidfd, LOOP_READ, on_exit_seen, p);
	p->out.watch = loop_watch_new(p->loop, p->out.fd, LOOP_READ, on_output, p);
	p->err.watch = loop_watch_new(p->loop, p->err.fd, LOOP_READ, on_words, p);
	loop_timer_after(p->timer, EXEC_PLUGIN_TIME_US);
	return true;
}

void exec_plugin_run(struct exec_plugin *p)
{
	struct arena *a;

	if (exec_plugin_running(p))
		return;
	a = arena_new();
	p->killed = NULL;
	if (!start(p, a, &p->failed)) {
		clear(p);
		loop_timer_after(p->timer, 0);
	}
	arena_free(a);
}

bool exec_plugin_running(const struct exec_plugin *p)
{
	return p->pid > 0 || p->failed.code != ERR_OK;
}

struct exec_plugin *exec_plugin_new(struct loop *l, const struct kubeconfig *config, exec_plugin_fn *done, void *ctx)
{
	struct exec_plugin *p = xcalloc(1, sizeof *p);

	assert(config->exec);
	*p = (struct exec_plugin){.loop = l, .config = config, .done = done, .ctx = ctx, .pidfd = -1};
	p->out.fd = p->err.fd = -1;
	p->timer = loop_timer_new(l, on_timer, p);
	strbuf_init(&p->out.text, EXEC_PLUGIN_OUTPUT_MAX);
	strbuf_init(&p->err.text, EXEC_PLUGIN_OUTPUT_MAX);
	return p;
}

void exec_plugin_free(struct exec_plugin *p)
{
	if (!p)
		return;
	if (p->pid > 0) {
		kill(-p->pid, SIGKILL);
		waitpid(p->pid, NULL, 0);
	}
	clear(p);
	strbuf_free(&p->out.text);
	strbuf_free(&p->err.text);
	loop_timer_free(p->timer);
	free(p);
}
