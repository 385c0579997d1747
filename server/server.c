#include "server/server.h"

#include <assert.h>
#include <errno.h>
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <gsl/gsl_errno.h>

#include "lib/arena.h"
#include "lib/clk.h"
#include "lib/failpoint.h"
#include "lib/file.h"
#include "lib/hash.h"
#include "lib/log.h"
#include "lib/loop.h"
#include "lib/prom.h"
#include "lib/strbuf.h"
#include "lib/version.h"
#include "lib/work.h"
#include "server/api/api.h"
#include "server/api/http.h"
#include "server/api/route.h"
#include "server/control/control.h"
#include "server/store/embedded.h"
#include "server/store/migrate.h"
#include "server/store/store.h"
#include "server/store/store_auth.h"
#include "trial-runner/kubernetes/access.h"
#include "trial-runner/kubernetes/kubernetes.h"
#include "trial-runner/local.h"
#include "trial-runner/simulated.h"

enum { WORK_QUEUE_MAX = 1024, START_DEADLINE_S = 60 };

struct server {
	const struct serve_values *v;
	struct arena *arena;
	struct err err; /* why it did not start, or had to stop */
	struct loop *loop;
	struct work_pool *workers;
	struct prom *prom;
	struct embedded *embedded;
	struct loop_timer *watch;       /* looks after it */
	struct store *store;
	struct control *control;
	struct run_backend *local, *kubernetes, *simulated;
	struct auth *auth;
	struct router *router;
	struct http_server *http;
	struct app app;
	char *host;
	int port;
	const char *trial_key;
	const char *executors[2];      /* NULL-ended */
	bool open;       /* no tokens are asked for */
	int waiting_for; /* parts of the shutdown that are under way */
	bool failed;
};

/* ---- addresses --------------------------------------------------------------------------------- */

static bool is_loopback(const char *host)
{
	return strcmp(host, "localhost") == 0 || strncmp(host, "127.", 4) == 0 || strcmp(host, "::1") == 0;
}

static bool split_listen(struct server *s)
{
	const char *text = s->v->listen, *colon = strrchr(text, ':');
	char *end;

	if (!colon || colon == text)
		return err_set(
			&s->err, ERR_INVALID, "--listen %s: write it as ADDRESS:PORT, as 127.0.0.1:8746", text);
	const long port = strtol(colon + 1, &end, 10);
	if (end == colon + 1 || *end || port < 0 || port > 65535)
		return err_set(&s->err, ERR_INVALID, "--listen %s: '%s' is not a port (0..65535)", text, colon + 1);
	const bool bracketed = text[0] == '[' && colon[-1] == ']';
	s->host = arena_strndup(s->arena, text + bracketed, (size_t)(colon - text) - 2 * bracketed);
	s->port = (int)port;
	return true;
}

/* An open port on which strangers can run programs must be wished for. */
static bool check_exposure(struct server *s)
{
	const bool loopback = is_loopback(s->host);

	s->open = s->v->insecure || (loopback && !s->v->require_tokens);
	if (!s->v->tls_cert != !s->v->tls_key)
		return err_set(&s->err, ERR_INVALID, "--tls-cert and --tls-key belong together; give both");
	if (!loopback && s->v->insecure)
		LOG_WARN("everybody who reaches this address may use it: --insecure", L_STR("listen", s->v->listen));
	return true;
}

static const char *base_url(struct server *s)
{
	const bool any = strcmp(s->host, "0.0.0.0") == 0 || strcmp(s->host, "::") == 0;
	const bool v6 = !any && strchr(s->host, ':');

	if (s->v->public_url)
		return s->v->public_url;
	return arena_printf(s->arena, "%s://%s%s%s:%d", s->v->tls_cert ? "https" : "http", v6 ? "[" : "",
		any ? "127.0.0.1" : s->host, v6 ? "]" : "", s->port);
}

static const char *trials_url(struct server *s)
{
	return s->v->trials_url ? s->v->trials_url : base_url(s);
}

/* Stable over restarts, so that a server that was killed gets its experiments back at once. */
static const char *replica_name(struct server *s)
{
	char host[256] = "localhost";

	if (s->v->replica)
		return s->v->replica;
	gethostname(host, sizeof host - 1);
	return arena_printf(s->arena, "%s:%d", host, s->port);
}

/* ---- starting, in order ------------------------------------------------------------------------ */

static void on_fatal(void *ctx, const struct err *e)
{
	struct server *s = ctx;

	s->err = *e;
	s->failed = true;
	loop_stop(s->loop, 1);
}

static void on_notified(void *ctx, int64_t experiment)
{
	struct server *s = ctx;

	if (s->control)
		control_changed(s->control, experiment);
}

static void on_watch(void *ctx)
{
	struct server *s = ctx;

	(void)embedded_revive(s->embedded);
	loop_timer_after(s->watch, CLK_SECOND);
}

static bool start_database(struct server *s)
{
	const char *conninfo = s->v->database;

	if (!conninfo) {
		const struct embedded_config config = {.dir = s->v->data_dir};
		s->embedded = embedded_start(&config, &s->err);
		if (!s->embedded)
			return false;
		conninfo = embedded_conninfo(s->embedded);
		s->watch = loop_timer_new(s->loop, on_watch, s);
		loop_timer_after(s->watch, CLK_SECOND);
		LOG_INFO("private PostgreSQL is up", L_STR("folder", embedded_dir(s->embedded)));
	}
	if (!migrate_run(conninfo, &s->err))
		return false;
	const struct store_config config = {.loop = s->loop,
		.conninfo = conninfo,
		.connections = (unsigned)s->v->connections,
		.replica = replica_name(s),
		.fatal = on_fatal,
		.notified = on_notified,
		.ctx = s,
		.prom = s->prom};
	s->store = store_new(&config, &s->err);
	return s->store != NULL;
}

static void on_key(void *ctx, const char *value, const struct err *e)
{
	struct server *s = ctx;

	if (e || !value)
		err_set(&s->err, e ? e->code : ERR_INTERNAL, "the key of trial tokens cannot be read: %s",
			e ? e->detail : "core.settings lacks it");
	else
		s->trial_key = arena_strdup(s->arena, value);
	s->waiting_for--;
}

static void on_admin_token(void *ctx, enum store_outcome outcome, const struct err *e)
{
	struct server *s = ctx;

	if (e)
		s->err = *e;
	else if (outcome == STORE_DIFFERS)
		LOG_DEBUG("the token 'admin' exists already");
	s->waiting_for--;
}

/* A door that nobody has a key for would only look safe. */
static void on_tokens(void *ctx, const struct store_tokens *rows, const struct err *e)
{
	struct server *s = ctx;

	if (e)
		s->err = *e;
	else if (rows->n == 0)
		err_set(&s->err, ERR_INVALID, "--listen %s asks everybody for a token and there is none yet: give one with "
			"TRIMTAB_ADMIN_TOKEN, or open the server to everybody with --insecure", s->v->listen);
	s->waiting_for--;
}

static void ask_for_facts(struct server *s, struct arena *a)
{
	char hex[HASH_HEX_MAX];

	s->waiting_for = 1;
	store_setting_get(s->store, a, "trial_token_key", on_key, s);
	if (!s->v->admin_token && s->open)
		return;
	if (!s->v->admin_token) {
		s->waiting_for++;
		store_tokens_list(s->store, a, on_tokens, s);
		return;
	}
	hash_sha256_hex(s->v->admin_token, strlen(s->v->admin_token), hex);
	const struct store_token token = {.sha256 = hex, .name = "admin", .ns = "*", .role = "admin"};
	s->waiting_for++;
	store_token_add(s->store, a, &token, on_admin_token, s);
}

/* The loop runs for a moment already: the store is asynchronous from its first statement on. */
static bool read_facts(struct server *s)
{
	const int64_t deadline = clk_now_us() + START_DEADLINE_S * CLK_SECOND;
	struct arena *a = arena_new();

	ask_for_facts(s, a);
	while (s->waiting_for > 0 && !s->failed && clk_now_us() < deadline)
		if (!loop_pass(s->loop, true))
			break;
	if (s->waiting_for > 0 && !s->failed)
		err_set(&s->err, ERR_UNAVAILABLE, "PostgreSQL did not answer within %d s", START_DEADLINE_S);
	if (s->waiting_for > 0)
		s->failed = true; /* the arena must outlive the calls: store_free() ends them */
	else
		arena_free(a);
	return s->trial_key && !s->failed && s->err.code == ERR_OK;
}

static const char *state_folder(struct server *s)
{
	return s->v->state_dir ? s->v->state_dir : file_join(s->arena, file_home(FILE_HOME_STATE, s->arena), "trials");
}

static bool start_local(struct server *s)
{
	const struct local_options local = {.state = state_folder(s),
		.slots = (int32_t)s->v->slots,
		.cpus = s->v->cpus,
		.log_max = s->v->log_max,
		.gpus = s->v->gpus.n ? s->v->gpus.items : NULL};

	if (!file_mkdirs(local.state, 0700, &s->err))
		return false;
	s->local = local_new(s->loop, &local, control_on_run, s->control, &s->err);
	return s->local != NULL;
}

static bool start_kubernetes(struct server *s)
{
	const struct kube_access_options where = {.kubeconfig = s->v->kubeconfig, .context = s->v->context};
	struct kubernetes_options o = {.state = file_join(s->arena, state_folder(s), "kubernetes"),
		.log_max = s->v->log_max,
		.rate = s->v->kube_rate,
		.burst = s->v->kube_burst,
		.start_deadline_us = s->v->start_deadline_us,
		.collector_image = s->v->collector_image,
		.metrics = s->prom};

	o.access = kube_access_new(s->loop, &where, &s->err);
	if (!o.access)
		return false;
	LOG_INFO("trials run on Kubernetes", L_STR("server", kube_access_server(o.access)),
		L_STR("access", kube_access_source(o.access)), L_STR("trials_url", trials_url(s)));
	if (!s->v->trials_url && !s->v->public_url && is_loopback(s->host))
		LOG_WARN("pods cannot reach this server at a loopback address: metrics come from their logs alone; "
				 "--trials-url names an address that pods can reach");
	s->kubernetes = kubernetes_new(s->loop, &o, control_on_run, s->control, &s->err);
	return s->kubernetes != NULL;
}

static bool start_simulated(struct server *s)
{
	const struct simulated_options simulated = {.slots = (int32_t)s->v->slots};

	s->simulated = simulated_new(s->loop, &simulated, control_on_run, s->control);
	return true;
}

/* The one that is asked for is also what runs trials that do not say it. */
static bool start_runners(struct server *s)
{
	static const struct {
		enum executor executor;
		bool (*start)(struct server *s);
	} kinds[] = {
		[SERVE_RUNNER_LOCAL] = {EXECUTOR_LOCAL, start_local},
		[SERVE_RUNNER_KUBERNETES] = {EXECUTOR_KUBERNETES, start_kubernetes},
		[SERVE_RUNNER_SIMULATED] = {EXECUTOR_SIMULATED, start_simulated},
		[SERVE_RUNNER_NONE] = {EXECUTOR_DEFAULT, NULL},
	};
	struct run_backend *backend;
	int runner = s->v->runner;

	if (runner == SERVE_RUNNER_AUTO)
		runner = is_loopback(s->host) ? SERVE_RUNNER_LOCAL : SERVE_RUNNER_NONE;
	s->app.executor = kinds[runner].executor;
	if (!kinds[runner].start)
		return true;
	if (!kinds[runner].start(s))
		return false;
	backend = s->local ? s->local : s->kubernetes ? s->kubernetes : s->simulated;
	control_add_backend(s->control, backend);
	s->executors[0] = backend->type->name;
	return true;
}

static bool start_http(struct server *s)
{
	const struct auth_config auth = {.open = s->open,
		.any_host = s->v->insecure,
		.lookup = api_token_lookup,
		.store = s->store,
		.trial_key = s->trial_key,
		.trial_key_len = strlen(s->trial_key)};

	s->auth = auth_new(&auth);
	s->app.auth = s->auth;
	s->router = router_new(s->auth, &s->app);
	api_register(s->router, &s->app);
	const struct http_config http = {.address = s->host,
		.port = s->port,
		.metrics = s->prom,
		.tls_cert_file = s->v->tls_cert,
		.tls_key_file = s->v->tls_key,
		.access_log = s->v->log_level >= LOG_LEVEL_DEBUG,
		.handle = router_handle,
		.body_limit = router_body_limit,
		.ctx = s->router};
	s->http = http_server_new(s->loop, &http, &s->err);
	if (s->http)
		s->port = http_server_port(s->http);
	return s->http != NULL;
}

static void start_control(struct server *s)
{
	const struct control_config config = {.loop = s->loop,
		.store = s->store,
		.workers = s->workers,
		.prom = s->prom,
		.replica = replica_name(s),
		.base_url = trials_url(s),
		.trial_key = s->trial_key,
		.trial_key_len = strlen(s->trial_key),
		.lease_us = s->v->lease_us};

	s->control = control_new(&config);
	s->app.control = s->control;
	s->app.workers = s->workers;
}

static void on_pass(void *ctx, int64_t us)
{
	prom_observe(ctx, (double)us / CLK_SECOND);
}

static void measure_passes(struct server *s)
{
	static const double seconds[] = {0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1, 5};
	struct prom_metric *m = prom_histogram(s->prom, "trimtab_loop_pass_seconds",
		"How long a pass of the loop kept everybody else waiting", NULL, seconds, ARRAY_LEN(seconds));

	loop_on_pass(s->loop, on_pass, prom_series(m, NULL));
}

static unsigned worker_threads(const struct serve_values *v)
{
	const long cores = sysconf(_SC_NPROCESSORS_ONLN);

	if (v->workers > 0)
		return (unsigned)v->workers;
	return cores > 2 ? (unsigned)cores - 1 : 1;
}

/* Each part needs those before it; trials are taken over last, when everything they need is up. */
static bool start(struct server *s)
{
	s->loop = loop_new();
	s->prom = prom_new();
	measure_passes(s);
	s->workers = work_pool_new(s->loop, worker_threads(s->v), WORK_QUEUE_MAX);
	if (!split_listen(s) || !check_exposure(s) || !start_database(s) || !read_facts(s))
		return false;
	s->app = (struct app){.loop = s->loop,
		.store = s->store,
		.prom = s->prom,
		.version = TRIMTAB_VERSION,
		.executors = s->executors};
	if (!start_http(s))
		return false;
	start_control(s);
	return start_runners(s);
}

/* ---- stopping ---------------------------------------------------------------------------------- */

static void one_part_stopped(void *ctx)
{
	struct server *s = ctx;

	if (--s->waiting_for == 0)
		loop_stop(s->loop, 0);
}

static void on_terminate(void *ctx)
{
	struct server *s = ctx;

	if (s->app.draining) {
		LOG_WARN("asked to stop twice: not waiting for requests any longer");
		loop_stop(s->loop, 1);
		return;
	}
	LOG_INFO("stopping; trials go on and are taken over by the next server");
	s->app.draining = true;
	s->waiting_for = 2;
	http_server_stop(s->http, s->v->drain_us, one_part_stopped, s);
	control_drain(s->control, one_part_stopped, s);
}

static void on_hangup(void *ctx)
{
	struct server *s = ctx;

	auth_forget(s->auth);
	LOG_INFO("tokens will be looked up again");
}

static void stop(struct server *s)
{
	loop_timer_free(s->watch);
	http_server_free(s->http);
	api_close(&s->app);
	control_close(s->control);
	/* Their last callbacks go to requests and to the control loop, which must still be there. */
	work_pool_free(s->workers);
	store_free(s->store);
	control_free(s->control);
	run_close(s->local);
	run_close(s->kubernetes);
	run_close(s->simulated);
	router_free(s->router);
	auth_free(s->auth);
	loop_free(s->loop);
	prom_free(s->prom);
	embedded_stop(s->embedded);
}

/* ---- the whole life ---------------------------------------------------------------------------- */

static void raise_limits(void)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < files.rlim_max) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
}

static void configure_log(const struct serve_values *v)
{
	const bool text = v->log_format == 1 || (v->log_format == 0 && isatty(STDERR_FILENO));

	log_configure((enum log_level)v->log_level, text ? LOG_FORMAT_TEXT : LOG_FORMAT_JSON);
}

static bool read_options(struct server *s, struct options *o)
{
	if (!options_read_env(o, &s->err))
		return false;
	return !s->v->config || options_read_file(o, s->v->config, &s->err);
}

static void print_config(struct options *o)
{
	struct strbuf b;

	strbuf_init(&b, 1 << 20);
	options_print_config(o, &b);
	fputs(b.data, stdout);
	strbuf_free(&b);
}

static int run(struct server *s)
{
	loop_on_signal(s->loop, SIGTERM, on_terminate, s);
	loop_on_signal(s->loop, SIGINT, on_terminate, s);
	loop_on_signal(s->loop, SIGHUP, on_hangup, s);
	control_start(s->control);
	LOG_INFO("trimtab is ready", L_STR("url", base_url(s)), L_STR("version", TRIMTAB_VERSION),
		L_STR("database", s->embedded ? "private" : "shared"));
	return loop_run(s->loop);
}

int server_run(struct options *o, struct serve_values *v)
{
	struct server s = {.v = v, .arena = arena_new()};
	int code = 2;

	signal(SIGPIPE, SIG_IGN);
	gsl_set_error_handler_off();
	failpoint_init();
	if (!read_options(&s, o)) {
		fprintf(stderr, "trimtab serve: %s\n", s.err.detail);
		goto out;
	}
	if (v->print_config) {
		print_config(o);
		code = 0;
		goto out;
	}
	configure_log(v);
	raise_limits();
	code = start(&s) ? run(&s) : 1;
	if (s.err.code != ERR_OK) {
		fprintf(stderr, "trimtab serve: %s\n", s.err.detail);
		code = s.err.code == ERR_INVALID ? 2 : 1;
	}
	stop(&s);
out:
	arena_free(s.arena);
	return code;
}
