#include "tests/unit/runner/fake_api.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/keyvalq_struct.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/file.h"
#include "lib/mem.h"

static const char *method_name(enum evhttp_cmd_type type)
{
	switch ((int)type) {
	case EVHTTP_REQ_GET: return "GET";
	case EVHTTP_REQ_POST: return "POST";
	case EVHTTP_REQ_PUT: return "PUT";
	case EVHTTP_REQ_PATCH: return "PATCH";
	case EVHTTP_REQ_DELETE: return "DELETE";
	default: return "?";
	}
}

static void on_request(struct evhttp_request *http, void *ctx)
{
	struct fake_api *f = ctx;
	const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(http);
	struct evbuffer *in = evhttp_request_get_input_buffer(http);
	size_t n = evbuffer_get_length(in);
	char *body = xmalloc(n + 1);
	const char *auth = evhttp_find_header(evhttp_request_get_input_headers(http), "Authorization");

	evbuffer_copyout(in, body, n);
	body[n] = '\0';
	struct fake_request r = {
		.api = f,
		.http = http,
		.method = method_name(evhttp_request_get_command(http)),
		.path = evhttp_uri_get_path(uri),
		.query = evhttp_uri_get_query(uri) ? evhttp_uri_get_query(uri) : "",
		.auth = auth ? auth : "",
		.body = body,
	};
	assert_true(f->n_seen < FAKE_SEEN_MAX);
	snprintf(f->seen[f->n_seen++], FAKE_LINE_MAX, "%s %s%s%s", r.method, r.path, *r.query ? "?" : "", r.query);
	f->serve(f->ctx, &r);
	free(body);
}

static void write_kubeconfig(struct fake_api *f, const char *user)
{
	char text[2048];

	snprintf(text, sizeof text,
		"apiVersion: v1\nkind: Config\ncurrent-context: fake\n"
		"contexts: [{name: fake, context: {cluster: fake, user: me, namespace: team-a}}]\n"
		"clusters: [{name: fake, cluster: {server: 'http://127.0.0.1:%d/'}}]\n"
		"users: [{name: me, user: {%s}}]\n",
		f->port, user);
	fake_file(f, "config", text);
}

struct fake_api *fake_new(fake_serve_fn *serve, void *ctx, const char *user, const struct kube_client_config *config)
{
	struct fake_api *f = xcalloc(1, sizeof *f);
	struct evhttp_bound_socket *bound;
	struct kube_access_options options = {0};
	char path[128];
	struct err e;

	signal(SIGPIPE, SIG_IGN);
	alarm(60);
	f->loop = loop_new();
	f->serve = serve;
	f->ctx = ctx;
	f->http = evhttp_new(loop_base(f->loop));
	evhttp_set_allowed_methods(f->http, EVHTTP_REQ_GET | EVHTTP_REQ_POST | EVHTTP_REQ_PATCH | EVHTTP_REQ_DELETE);
	evhttp_set_gencb(f->http, on_request, f);
	bound = evhttp_bind_socket_with_handle(f->http, "127.0.0.1", 0);
	assert_non_null(bound);
	struct sockaddr_in at;
	socklen_t n = sizeof at;
	assert_int_equal(getsockname(evhttp_bound_socket_get_fd(bound), (struct sockaddr *)&at, &n), 0);
	f->port = ntohs(at.sin_port);
	snprintf(f->folder, sizeof f->folder, "/tmp/trimtab-fake-api-XXXXXX");
	assert_non_null(mkdtemp(f->folder));
	write_kubeconfig(f, user);
	snprintf(path, sizeof path, "%s/config", f->folder);
	options.kubeconfig = path;
	f->access = kube_access_new(f->loop, &options, &e);
	if (!f->access)
		fail_msg("%s", e.detail);
	f->client = kube_client_new(f->loop, f->access, config);
	return f;
}

void fake_free(struct fake_api *f)
{
	kube_client_free(f->client);
	kube_access_free(f->access);
	fake_turn(f, 0);
	evhttp_free(f->http);
	loop_free(f->loop);
	assert_true(file_remove_tree(f->folder, NULL));
	free(f);
	alarm(0);
}

const char *fake_file(struct fake_api *f, const char *name, const char *text)
{
	static char path[256];
	struct err e;

	snprintf(path, sizeof path, "%s/%s", f->folder, name);
	if (!file_write(path, text, strlen(text), 0600, &e))
		fail_msg("%s", e.detail);
	return path;
}

static void reply(struct fake_request *r, int status, const char *body, const char *retry_after)
{
	struct evbuffer *out = evbuffer_new();

	if (retry_after)
		evhttp_add_header(evhttp_request_get_output_headers(r->http), "Retry-After", retry_after);
	evhttp_add_header(evhttp_request_get_output_headers(r->http), "Content-Type", "application/json");
	evbuffer_add(out, body, strlen(body));
	evhttp_send_reply(r->http, status, "Said", out);
	evbuffer_free(out);
}

void fake_reply(struct fake_request *r, int status, const char *body)
{
	reply(r, status, body, NULL);
}

void fake_reply_later(struct fake_request *r, int status, const char *retry_after)
{
	reply(r, status, "{\"kind\":\"Status\",\"reason\":\"TooManyRequests\",\"message\":\"later\"}", retry_after);
}

void fake_status(struct fake_request *r, int status, const char *reason, const char *message)
{
	char text[1024];

	snprintf(text, sizeof text,
		"{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"status\":\"Failure\",\"code\":%d,\"reason\":\"%s\",\"message\":\"%s\"}",
		status, reason, message);
	reply(r, status, text, NULL);
}

static void on_stream_closed(struct evhttp_connection *connection UNUSED, void *ctx)
{
	struct fake_api *f = ctx;
	struct evhttp_request *http = f->stream;

	f->stream = NULL;
	if (http && !evhttp_request_get_connection(http)) /* the client went: the request is left to us */
		evhttp_send_reply_end(http);
}

void fake_stream_begin(struct fake_request *r)
{
	evhttp_add_header(evhttp_request_get_output_headers(r->http), "Content-Type", "application/json");
	evhttp_send_reply_start(r->http, 200, "OK");
	evhttp_connection_set_closecb(evhttp_request_get_connection(r->http), on_stream_closed, r->api);
	r->api->stream = r->http;
}

void fake_stream_write(struct fake_api *f, const char *text)
{
	struct evbuffer *out = evbuffer_new();

	assert_non_null(f->stream);
	evbuffer_add(out, text, strlen(text));
	evhttp_send_reply_chunk(f->stream, out);
	evbuffer_free(out);
}

void fake_stream_end(struct fake_api *f)
{
	struct evhttp_request *http = f->stream;

	assert_non_null(http);
	f->stream = NULL;
	evhttp_send_reply_end(http);
}

void fake_stream_cut(struct fake_api *f)
{
	struct evhttp_connection *connection = evhttp_request_get_connection(f->stream);

	f->stream = NULL;
	evhttp_connection_set_closecb(connection, NULL, NULL);
	evhttp_connection_free(connection);
}

void fake_turn(struct fake_api *f, int64_t us)
{
	int64_t end = clk_now_us() + us;

	do {
		loop_pass(f->loop, false);
		usleep(200);
	} while (clk_now_us() < end);
}
