#include "trial-runner/kubernetes/access.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/arena.h"
#include "lib/clk.h"
#include "lib/file.h"
#include "lib/log.h"
#include "lib/loop.h"
#include "lib/mem.h"
#include "trial-runner/kubernetes/exec_plugin.h"
#include "trial-runner/kubernetes/kubeconfig.h"

#define SERVICE_ACCOUNT_FOLDER "/var/run/secrets/kubernetes.io/serviceaccount"
#define TOKEN_LOOK_US CLK_SECOND            /* a token file is looked at this often, at most        */
#define RENEW_BEFORE_US (60 * CLK_SECOND)   /* a new credential is fetched while the old one is good */
#define REST_MIN_US CLK_SECOND
#define REST_MAX_US (60 * CLK_SECOND)

enum { TOKEN_SIZE_MAX = 256 << 10, PATHS_MAX = KUBECONFIG_FILES_MAX };

/* What a file was when its contents were taken. */
struct stamp {
	dev_t dev;
	ino_t ino;
	off_t size;
	struct timespec changed;
};

struct kube_access {
	struct loop *loop;
	struct arena *arena;
	struct kubeconfig config;
	const char *source, *ns;
	struct http_tls tls;
	uint32_t generation;

	char *token;                    /* from the file or the plugin */
	struct stamp stamp;
	int64_t looked_us;              /* at the token file, 0: never or it must be read again */

	struct exec_plugin *plugin;
	char *cert_pem, *key_pem;       /* from the plugin             */
	int64_t expires_us;             /* wall clock; 0: never        */
	bool obtained;                  /* the plugin's is good        */
	struct err failed;              /* the last run, ERR_OK        */
	int64_t rest_us, rest_until_us; /* after failures              */

	void (*on_change)(void *ctx);
	void *ctx;
};

/* --- finding the cluster ------------------------------------------------------------------------ */

struct paths {
	const char *at[PATHS_MAX];
	size_t n;
	bool all_must_exist;
};

/* A list separated by colons; files that are not there are left out, as kubectl does. */
static bool split_paths(const char *list, struct arena *a, struct paths *out, struct err *e)
{
	for (const char *p = list; *p;) {
		size_t n = strcspn(p, ":");
		if (n && out->n == PATHS_MAX)
			return err_set(e, ERR_INVALID, "$KUBECONFIG names more than %d files", PATHS_MAX);
		if (n)
			out->at[out->n++] = arena_strndup(a, p, n);
		p += n + (p[n] == ':');
	}
	return true;
}

static bool find_paths(const struct kube_access_options *o, struct arena *a, struct paths *out, struct err *e)
{
	const char *list = getenv("KUBECONFIG"), *home = getenv("HOME");

	if (o->kubeconfig && *o->kubeconfig) {
		out->all_must_exist = true;
		out->at[out->n++] = o->kubeconfig;
		return true;
	}
	if (list && *list)
		return split_paths(list, a, out, e);
	if (home && *home && file_exists(arena_printf(a, "%s/.kube/config", home)))
		out->at[out->n++] = arena_printf(a, "%s/.kube/config", home);
	return true;
}

static bool read_files(const struct paths *paths, struct arena *a, struct kubeconfig_file *files, size_t *n,
	struct err *e)
{
	struct err why;

	for (size_t i = 0; i < paths->n; i++) {
		struct kubeconfig_file *f = &files[*n];
		f->path = paths->at[i];
		f->text = file_read(f->path, KUBECONFIG_SIZE_MAX, a, &f->n, &why);
		if (f->text)
			(*n)++;
		else if (why.code != ERR_NOT_FOUND || paths->all_must_exist)
			return err_set(e, why.code, "kubeconfig: %s", why.detail);
	}
	return *n > 0 || err_set(e, ERR_NOT_FOUND, "none of the files that $KUBECONFIG names exists (%.200s)", paths->at[0]);
}

static bool use_files(struct kube_access *a, const struct paths *paths, const char *context, struct err *e)
{
	struct kubeconfig_file files[PATHS_MAX];
	size_t n = 0;

	if (!read_files(paths, a->arena, files, &n, e) ||
		!kubeconfig_resolve(files, n, context, a->arena, &a->config, e))
		return false;
	a->source = arena_printf(a->arena, "context %s of %s", a->config.context, a->config.file);
	return true;
}

static bool use_service_account(struct kube_access *a, const char *folder, const char *context, struct err *e)
{
	const char *host = getenv("KUBERNETES_SERVICE_HOST"), *port = getenv("KUBERNETES_SERVICE_PORT");
	size_t n;

	if (!host || !*host || !port || !*port)
		return err_set(e, ERR_NOT_FOUND,
			"no cluster is known: there is no --kubeconfig, no $KUBECONFIG, no ~/.kube/config, and this is no pod");
	if (context)
		return err_set(e, ERR_INVALID, "--context %.80s needs a kubeconfig file: a pod's service account has no contexts",
			context);
	a->config.server = arena_printf(a->arena, strchr(host, ':') ? "https://[%s]:%s" : "https://%s:%s", host, port);
	a->config.token_file = arena_printf(a->arena, "%s/token", folder);
	a->config.ca_file = arena_printf(a->arena, "%s/ca.crt", folder);
	a->source = "the pod's service account";
	if (!file_exists(a->config.token_file) || !file_exists(a->config.ca_file))
		return err_set(e, ERR_NOT_FOUND,
			"%s lacks token or ca.crt: give the pod a service account (automountServiceAccountToken)", folder);
	char *ns = file_read(arena_printf(a->arena, "%s/namespace", folder), 1024, a->arena, &n, NULL);
	if (ns) {
		ns[strcspn(ns, "\r\n \t")] = '\0';
		a->config.ns = *ns ? ns : NULL;
	}
	return true;
}

static bool find_cluster(struct kube_access *a, const struct kube_access_options *o, struct err *e)
{
	const char *context = o->context && *o->context ? o->context : NULL;
	struct paths paths = {0};

	if (!find_paths(o, a->arena, &paths, e))
		return false;
	if (paths.n)
		return use_files(a, &paths, context, e);
	return use_service_account(a, o->service_account ? o->service_account : SERVICE_ACCOUNT_FOLDER, context, e);
}

/* --- secrets ------------------------------------------------------------------------------------ */

static void drop_secret(char **s)
{
	if (*s)
		explicit_bzero(*s, strlen(*s));
	free(*s);
	*s = NULL;
}

/* True when it is another one than before. */
static bool keep_secret(char **s, const char *value)
{
	if (*s && value && strcmp(*s, value) == 0)
		return false;
	bool changed = *s || value;
	drop_secret(s);
	*s = value ? xstrdup(value) : NULL;
	return changed;
}

/* --- a token in a file -------------------------------------------------------------------------- */

static bool stamp_of(const char *path, struct stamp *out)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return false;
	*out = (struct stamp){st.st_dev, st.st_ino, st.st_size, st.st_mtim};
	return true;
}

static bool same_stamp(const struct stamp *a, const struct stamp *b)
{
	return a->dev == b->dev && a->ino == b->ino && a->size == b->size && a->changed.tv_sec == b->changed.tv_sec &&
		a->changed.tv_nsec == b->changed.tv_nsec;
}

static bool read_token(struct kube_access *a, struct err *e)
{
	struct arena *scratch = arena_new();
	size_t n;
	char *text = file_read(a->config.token_file, TOKEN_SIZE_MAX, scratch, &n, e);
	bool fine = text != NULL;

	if (fine) {
		while (n && strchr(" \t\r\n", text[n - 1]))
			n--;
		text[n] = '\0';
		fine = n > 0 && strcspn(text, "\r\n") == n;
		if (!fine)
			(void)err_set(e, ERR_INVALID, "%s does not hold a token", a->config.token_file);
		else if (keep_secret(&a->token, text))
			a->generation++;
	}
	arena_free(scratch);
	return fine;
}

/* When it cannot be read, the last token is used on: a rotation may be under way. */
static enum kube_access_state look_at_token_file(struct kube_access *a, struct err *e)
{
	struct stamp now;

	if (a->looked_us && clk_now_us() - a->looked_us < TOKEN_LOOK_US)
		return KUBE_ACCESS_READY;
	bool there = stamp_of(a->config.token_file, &now);
	if (!a->looked_us || !there || !same_stamp(&now, &a->stamp)) {
		if (!read_token(a, e) && !a->token && !a->config.token)
			return KUBE_ACCESS_FAILED;
		if (there)
			a->stamp = now;
	}
	a->looked_us = clk_now_us();
	return KUBE_ACCESS_READY;
}

/* --- an exec plugin ----------------------------------------------------------------------------- */

static void take_credential(struct kube_access *a, const struct exec_credential *c)
{
	bool changed = keep_secret(&a->token, c->token);

	changed |= keep_secret(&a->cert_pem, c->cert_pem);
	changed |= keep_secret(&a->key_pem, c->key_pem);
	a->generation += changed;
	a->expires_us = c->expires_us;
	a->obtained = true;
	a->failed.code = ERR_OK;
	a->rest_us = a->rest_until_us = 0;
	/* One that is short-lived or late would else be asked for again at once. */
	if (c->expires_us && c->expires_us - clk_wall_us() < RENEW_BEFORE_US)
		a->rest_until_us = clk_now_us() + REST_MIN_US;
}

static void on_plugin(void *ctx, const struct exec_credential *c, const struct err *e)
{
	struct kube_access *a = ctx;

	if (c) {
		take_credential(a, c);
	} else {
		LOG_WARN("no credentials from the exec plugin", L_STR("error", e->detail));
		a->failed = *e;
		a->rest_us = a->rest_us ? 2 * a->rest_us : REST_MIN_US;
		if (a->rest_us > REST_MAX_US)
			a->rest_us = REST_MAX_US;
		a->rest_until_us = clk_now_us() + a->rest_us;
	}
	if (a->on_change)
		a->on_change(a->ctx);
}

static enum kube_access_state look_at_plugin(struct kube_access *a, struct err *e)
{
	int64_t left = a->expires_us ? a->expires_us - clk_wall_us() : INT64_MAX;
	bool good = a->obtained && left > 0;

	if ((!good || left < RENEW_BEFORE_US) && clk_now_us() >= a->rest_until_us)
		exec_plugin_run(a->plugin);
	if (good)
		return KUBE_ACCESS_READY;
	if (exec_plugin_running(a->plugin))
		return KUBE_ACCESS_PENDING;
	if (a->failed.code != ERR_OK)
		*e = a->failed;
	else
		(void)err_set(e, ERR_UNAVAILABLE, "%s: the exec plugin '%.80s' gave a credential that had already expired",
			a->config.exec->file, a->config.exec->argv[0]);
	return KUBE_ACCESS_FAILED;
}

/* --- looking ------------------------------------------------------------------------------------ */

static void fill(struct kube_access *a, struct kube_credentials *out)
{
	if (a->cert_pem) {
		a->tls.cert_pem = a->cert_pem;
		a->tls.key_pem = a->key_pem;
	}
	*out = (struct kube_credentials){
		.tls = &a->tls,
		.proxy = a->config.proxy,
		.token = a->token ? a->token : a->config.token,
		.generation = a->generation,
	};
}

enum kube_access_state kube_access_look(struct kube_access *a, struct kube_credentials *out, struct err *e)
{
	enum kube_access_state state = KUBE_ACCESS_READY;

	if (a->config.token_file)
		state = look_at_token_file(a, e);
	else if (a->plugin)
		state = look_at_plugin(a, e);
	if (state == KUBE_ACCESS_READY)
		fill(a, out);
	return state;
}

void kube_access_refused(struct kube_access *a, uint32_t generation)
{
	if (generation != a->generation)
		return;
	a->looked_us = 0;
	a->obtained = false;
}

void kube_access_on_change(struct kube_access *a, void (*fn)(void *ctx), void *ctx)
{
	a->on_change = fn;
	a->ctx = ctx;
}

/* --- the object --------------------------------------------------------------------------------- */

const char *kube_access_server(const struct kube_access *a)
{
	return a->config.server;
}

const char *kube_access_namespace(const struct kube_access *a)
{
	return a->ns;
}

const char *kube_access_source(const struct kube_access *a)
{
	return a->source;
}

static void set_up(struct kube_access *a, const struct kube_access_options *o)
{
	const struct kubeconfig *c = &a->config;

	a->ns = o->ns && *o->ns ? arena_strdup(a->arena, o->ns) : c->ns ? c->ns : "default";
	a->tls = (struct http_tls){
		.ca_file = c->ca_file,
		.ca_pem = c->ca_pem,
		.cert_file = c->cert_file,
		.cert_pem = c->cert_pem,
		.key_file = c->key_file,
		.key_pem = c->key_pem,
		.server_name = c->server_name,
		.insecure = c->insecure,
	};
	if (c->insecure)
		LOG_WARN("the API server's certificate is not checked", L_STR("cluster", a->source),
			L_STR("why", "insecure-skip-tls-verify"));
	if (c->exec)
		a->plugin = exec_plugin_new(a->loop, c, on_plugin, a);
	a->generation = 1;
}

struct kube_access *kube_access_new(struct loop *l, const struct kube_access_options *options, struct err *e)
{
	static const struct kube_access_options none;
	struct kube_access *a = xcalloc(1, sizeof *a);

	a->loop = l;
	a->arena = arena_new();
	if (!options)
		options = &none;
	if (!find_cluster(a, options, e)) {
		kube_access_free(a);
		return NULL;
	}
	set_up(a, options);
	return a;
}

void kube_access_free(struct kube_access *a)
{
	if (!a)
		return;
	exec_plugin_free(a->plugin);
	drop_secret(&a->token);
	drop_secret(&a->cert_pem);
	drop_secret(&a->key_pem);
	arena_free(a->arena);
	free(a);
}
