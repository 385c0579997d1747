#include "trial-runner/kubernetes/kubeconfig.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/base64.h"
#include "lib/err.h"
#include "lib/json.h"
#include "lib/strbuf.h"
#include "lib/uri.h"
#include "lib/yaml.h"

enum { DETAIL_MAX = 400 };

/* One entry of a list, and where it stands. */
struct place {
	const struct kubeconfig_file *file;
	const char *kind, *name;        /* "cluster", "dev" */
	const cJSON *object;            /* NULL: there is none of that name */
	struct arena *arena;
	struct err *e;
};

struct merged {
	const struct kubeconfig_file *files;
	const cJSON **roots;            /* NULL: an empty file */
	size_t n;
	struct arena *arena;
	struct err *e;
};

static bool wrong(const struct place *at, const char *field, const char *fmt, ...) PRINTF(3, 4);

/* "<file>: cluster 'dev': server: <what is wrong>" */
static bool wrong(const struct place *at, const char *field, const char *fmt, ...)
{
	char what[DETAIL_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof what, fmt, ap);
	va_end(ap);
	return err_set(at->e, ERR_INVALID, "%s: %s '%.80s': %s%s%s", at->file->path, at->kind, at->name,
		field ? field : "", field ? ": " : "", what);
}

/* --- fields ------------------------------------------------------------------------------------ */

/* NULL when it is absent or empty. */
static bool get_str(const struct place *at, const cJSON *object, const char *key, const char **out)
{
	const cJSON *v = json_get(object, key);
	const char *s = json_str(v);

	*out = s && *s ? s : NULL;
	return !v || json_is_null(v) || s || wrong(at, key, "must be a string (put it in quotes)");
}

static bool get_bool(const struct place *at, const cJSON *object, const char *key, bool *out)
{
	const cJSON *v = json_get(object, key);

	*out = false;
	return !v || json_is_null(v) || json_bool(v, out) || wrong(at, key, "must be true or false");
}

static const char *beside(const struct place *at, const char *path)
{
	const char *slash = strrchr(at->file->path, '/');

	if (!path || path[0] == '/' || !slash)
		return path;
	return arena_printf(at->arena, "%.*s/%s", (int)(slash - at->file->path), at->file->path, path);
}

static bool get_path(const struct place *at, const char *key, const char **out)
{
	if (!get_str(at, at->object, key, out))
		return false;
	*out = beside(at, *out);
	return true;
}

/* Base64 of PEM text. What it decodes to is never shown. */
static bool get_pem(const struct place *at, const char *key, const char **out)
{
	const char *text;
	size_t n = 0;

	*out = NULL;
	if (!get_str(at, at->object, key, &text))
		return false;
	if (!text)
		return true;
	*out = base64_decode(text, strlen(text), at->arena, &n);
	if (!*out)
		return wrong(at, key, "is not base64");
	return (strlen(*out) == n && strstr(*out, "-----BEGIN ")) || wrong(at, key, "is not base64 of a PEM text");
}

/* --- finding entries ---------------------------------------------------------------------------- */

static bool parse_files(struct merged *m)
{
	m->roots = ARENA_NEW_N(m->arena, const cJSON *, m->n ? m->n : 1);
	for (size_t i = 0; i < m->n; i++) {
		const struct kubeconfig_file *f = &m->files[i];
		struct yaml_docs docs;
		struct err why;

		if (!yaml_parse_all(f->text, f->n, KUBECONFIG_SIZE_MAX, m->arena, &docs, &why))
			return err_set(m->e, ERR_INVALID, "%s: %s", f->path, why.detail);
		if (docs.n == 0)
			continue;
		const cJSON *root = docs.items[0];
		const char *kind = json_str(json_get(root, "kind"));
		if (docs.n > 1)
			return err_set(m->e, ERR_INVALID, "%s has %zu documents instead of one", f->path, docs.n);
		if (!json_is_object(root) || (kind && strcmp(kind, "Config") != 0))
			return err_set(m->e, ERR_INVALID, "%s is not a kubeconfig file (kind %.40s)", f->path,
				kind ? kind : "missing");
		m->roots[i] = root;
	}
	return true;
}

static const cJSON *entry_of(const cJSON *root, const char *list, const char *name)
{
	json_each(entry, json_get(root, list)) {
		const char *own = json_str(json_get(entry, "name"));
		if (own && strcmp(own, name) == 0)
			return entry;
	}
	return NULL;
}

/* {name: ..., <kind>: {...}} in the list <kind>s of the first file that has it. */
static struct place find(const struct merged *m, const char *kind, const char *name)
{
	struct place at = {.kind = kind, .name = name, .arena = m->arena, .e = m->e};
	const char *list = arena_printf(m->arena, "%ss", kind);

	for (size_t i = 0; i < m->n && !at.object; i++) {
		const cJSON *entry = m->roots[i] ? entry_of(m->roots[i], list, name) : NULL;
		if (entry) {
			at.file = &m->files[i];
			at.object = json_get(entry, kind);
			break;
		}
	}
	return at;
}

static const char *names_of(const struct merged *m, const char *list)
{
	struct strbuf b;

	strbuf_init(&b, 160);
	for (size_t i = 0; i < m->n; i++) {
		json_each(entry, m->roots[i] ? json_get(m->roots[i], list) : NULL) {
			const char *name = json_str(json_get(entry, "name"));
			if (name)
				strbuf_printf(&b, "%s%s", b.len ? ", " : "", name);
		}
	}
	const char *names = b.len ? arena_printf(m->arena, "%s%s", b.data, b.failed ? ", ..." : "") : "none";
	strbuf_free(&b);
	return names;
}

static const char *paths_of(const struct merged *m)
{
	return m->n == 1 ? m->files[0].path : arena_printf(m->arena, "%s and %zu more", m->files[0].path, m->n - 1);
}

static bool choose_context(const struct merged *m, const char **name)
{
	for (size_t i = 0; i < m->n && !*name; i++) {
		const char *current = m->roots[i] ? json_str(json_get(m->roots[i], "current-context")) : NULL;
		if (current && *current)
			*name = current;
	}
	return *name || err_set(m->e, ERR_INVALID,
						"%s: no current-context: choose one with --context or kubectl config use-context; there are: %s",
						paths_of(m), names_of(m, "contexts"));
}

/* --- what an entry says -------------------------------------------------------------------------- */

static bool is_loopback(const char *host)
{
	return strcmp(host, "localhost") == 0 || strncmp(host, "127.", 4) == 0 || strcmp(host, "::1") == 0;
}

/* In clear is fine for a proxy on this machine (kubectl proxy), not for a token over a network. */
static bool check_server(const struct place *at, struct kubeconfig *out, bool *clear)
{
	struct uri u;
	size_t n;

	if (!out->server)
		return wrong(at, "server", "is missing: the URL of the API server");
	if (!uri_split(out->server, at->arena, &u, NULL) || (strcmp(u.scheme, "https") != 0 && strcmp(u.scheme, "http") != 0) ||
		!*u.host || *u.userinfo || u.query)
		return wrong(at, "server", "must be a URL like https://host:6443");
	n = strlen(out->server);
	while (n && out->server[n - 1] == '/')
		n--;
	out->server = arena_strndup(at->arena, out->server, n);
	*clear = strcmp(u.scheme, "http") == 0 && !is_loopback(u.host);
	return true;
}

static bool read_cluster(const struct place *at, struct kubeconfig *out, bool *clear)
{
	if (!json_is_object(at->object))
		return wrong(at, NULL, "has no settings");
	if (!get_str(at, at->object, "server", &out->server) || !check_server(at, out, clear) ||
		!get_path(at, "certificate-authority", &out->ca_file) ||
		!get_pem(at, "certificate-authority-data", &out->ca_pem) ||
		!get_str(at, at->object, "tls-server-name", &out->server_name) ||
		!get_bool(at, at->object, "insecure-skip-tls-verify", &out->insecure) ||
		!get_str(at, at->object, "proxy-url", &out->proxy))
		return false;
	if (out->insecure && (out->ca_file || out->ca_pem))
		return wrong(at, "insecure-skip-tls-verify", "is true although there is a certificate-authority: remove one");
	return true;
}

static const struct { const char *field, *instead; } refused[] = {
	{"username", "the API server takes no passwords: use a client certificate, a token or an exec plugin"},
	{"password", "the API server takes no passwords: use a client certificate, a token or an exec plugin"},
	{"auth-provider", "is gone from Kubernetes: use an exec plugin (kubelogin, gke-gcloud-auth-plugin, ...)"},
	{"as", "impersonation is not supported: use a user with the rights itself"},
	{"as-uid", "impersonation is not supported: use a user with the rights itself"},
	{"as-groups", "impersonation is not supported: use a user with the rights itself"},
	{"as-user-extra", "impersonation is not supported: use a user with the rights itself"},
};

static bool check_refused(const struct place *at)
{
	for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
		const cJSON *v = json_get(at->object, refused[i].field);
		const char *s = json_str(v);
		if (v && !json_is_null(v) && !(s && !*s))
			return wrong(at, refused[i].field, "%s", refused[i].instead);
	}
	return true;
}

/* --- exec plugins -------------------------------------------------------------------------------- */

static bool read_args(const struct place *at, const cJSON *exec, struct kubeconfig_exec *out)
{
	const cJSON *args = json_get(exec, "args");
	const char *command;
	size_t n = 0;

	if (!get_str(at, exec, "command", &command))
		return false;
	if (!command)
		return wrong(at, "exec.command", "is missing");
	const char **argv = ARENA_NEW_N(at->arena, const char *, KUBECONFIG_ARGS_MAX + 2);
	argv[n++] = strchr(command, '/') ? beside(at, command) : command;
	if (args && !json_is_array(args) && !json_is_null(args))
		return wrong(at, "exec.args", "must be a list of strings");
	json_each(arg, args) {
		if (!json_str(arg) || n > KUBECONFIG_ARGS_MAX)
			return wrong(at, "exec.args", "must be a list of at most %d strings", KUBECONFIG_ARGS_MAX);
		argv[n++] = json_str(arg);
	}
	out->argv = argv;
	return true;
}

static bool read_env(const struct place *at, const cJSON *exec, struct kubeconfig_exec *out)
{
	const char **env = ARENA_NEW_N(at->arena, const char *, KUBECONFIG_ARGS_MAX + 1);
	const cJSON *list = json_get(exec, "env");
	size_t n = 0;

	if (list && !json_is_array(list) && !json_is_null(list))
		return wrong(at, "exec.env", "must be a list of {name, value}");
	json_each(item, list) {
		const char *name = json_str(json_get(item, "name")), *value = json_str(json_get(item, "value"));
		if (!name || !*name || strchr(name, '=') || n == KUBECONFIG_ARGS_MAX)
			return wrong(at, "exec.env", "must be a list of at most %d {name, value}", KUBECONFIG_ARGS_MAX);
		env[n++] = arena_printf(at->arena, "%s=%s", name, value ? value : "");
	}
	out->env = env;
	return true;
}

static const cJSON *cluster_config(const struct place *cluster)
{
	json_each(ext, json_get(cluster->object, "extensions")) {
		const char *name = json_str(json_get(ext, "name"));
		if (name && strcmp(name, "client.authentication.k8s.io/exec") == 0)
			return json_get(ext, "extension");
	}
	return NULL;
}

static bool read_exec(const struct place *at, const struct place *cluster, struct kubeconfig *out)
{
	const cJSON *exec = json_get(at->object, "exec");
	const char *mode;

	if (!exec || json_is_null(exec))
		return true;
	struct kubeconfig_exec *x = ARENA_NEW(at->arena, struct kubeconfig_exec);
	x->file = at->file->path;
	x->user = at->name;
	x->cluster_config = cluster_config(cluster);
	if (!get_str(at, exec, "apiVersion", &x->api_version) || !get_str(at, exec, "installHint", &x->hint) ||
		!get_str(at, exec, "interactiveMode", &mode) ||
		!get_bool(at, exec, "provideClusterInfo", &x->cluster_info) || !read_args(at, exec, x) ||
		!read_env(at, exec, x))
		return false;
	if (!x->api_version || (strcmp(x->api_version, "client.authentication.k8s.io/v1") != 0 &&
							   strcmp(x->api_version, "client.authentication.k8s.io/v1beta1") != 0))
		return wrong(at, "exec.apiVersion", "'%.60s' is not client.authentication.k8s.io/v1 or v1beta1",
			x->api_version ? x->api_version : "");
	if (mode && strcmp(mode, "Always") == 0)
		return wrong(at, "exec.interactiveMode", "the plugin wants to ask at a terminal, and a server has none");
	if (!out->token && !out->token_file) /* as kubectl: a token that is there goes first */
		out->exec = x;
	return true;
}

static bool read_user(const struct place *at, const struct place *cluster, struct kubeconfig *out)
{
	bool cert, key;

	if (!at->object || json_is_null(at->object))
		return true;
	if (!check_refused(at) || !get_path(at, "client-certificate", &out->cert_file) ||
		!get_pem(at, "client-certificate-data", &out->cert_pem) || !get_path(at, "client-key", &out->key_file) ||
		!get_pem(at, "client-key-data", &out->key_pem) || !get_str(at, at->object, "token", &out->token) ||
		!get_path(at, "tokenFile", &out->token_file) || !read_exec(at, cluster, out))
		return false;
	cert = out->cert_file || out->cert_pem;
	key = out->key_file || out->key_pem;
	if (cert != key)
		return wrong(at, cert ? "client-key" : "client-certificate", "is missing beside the other half");
	if (out->token && strpbrk(out->token, "\r\n"))
		return wrong(at, "token", "holds a line break");
	return true;
}

/* --- all of it ----------------------------------------------------------------------------------- */

static bool resolve(struct merged *m, const char *name, struct kubeconfig *out)
{
	const char *cluster_name, *user_name;
	bool clear = false;

	if (!parse_files(m) || !choose_context(m, &name))
		return false;
	struct place context = find(m, "context", name);
	if (!context.file)
		return err_set(m->e, ERR_INVALID, "%s: there is no context '%.80s'; there are: %s", paths_of(m), name,
			names_of(m, "contexts"));
	out->context = name;
	out->file = context.file->path;
	if (!get_str(&context, context.object, "cluster", &cluster_name) ||
		!get_str(&context, context.object, "user", &user_name) ||
		!get_str(&context, context.object, "namespace", &out->ns))
		return false;
	struct place cluster = find(m, "cluster", cluster_name ? cluster_name : "");
	if (!cluster.file)
		return wrong(&context, "cluster", "there is no cluster '%.80s'", cluster_name ? cluster_name : "");
	struct place user = find(m, "user", user_name ? user_name : "");
	if (user_name && !user.file)
		return wrong(&context, "user", "there is no user '%.80s'", user_name);
	if (!read_cluster(&cluster, out, &clear) || (user.file && !read_user(&user, &cluster, out)))
		return false;
	if (clear && (out->token || out->token_file || out->exec))
		return wrong(&cluster, "server", "is http: a token would be sent in clear; use https");
	return true;
}

bool kubeconfig_resolve(const struct kubeconfig_file *files, size_t n, const char *context, struct arena *a,
	struct kubeconfig *out, struct err *e)
{
	struct err own = {0};
	struct merged m = {.files = files, .n = n, .arena = a, .e = &own};

	assert(n > 0 && n <= KUBECONFIG_FILES_MAX);
	*out = (struct kubeconfig){0};
	if (resolve(&m, context, out))
		return true;
	if (e)
		*e = own;
	return false;
}
