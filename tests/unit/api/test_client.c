/* The HTTP client against our own server: it lies here because a test of lib/ may not use the server. */
#include "tests/unit/api/rig.h"
#include "tests/unit/api/certificate.h"

#include <signal.h>
#include <sys/wait.h>

#include "lib/http_client.h"

static struct {
	struct http_stream *stream;
	int closed;
	struct http_req *silent[4];
	size_t n_silent;
} serving;

static void stream_closed(void *ctx UNUSED)
{
	serving.closed++;
	serving.stream = NULL;
}

static void serve(struct http_req *req, void *ctx UNUSED)
{
	static const struct http_stream_events events = {.on_close = stream_closed};
	if (strcmp(req->path, "/stream") == 0) {
		serving.stream = http_stream_begin(req, 200, "text/plain", &events, NULL);
		http_stream_write(serving.stream, "one\ntwo\r\nthr", 12);
	} else if (strcmp(req->path, "/lines") == 0) {
		struct http_stream *s = http_stream_begin(req, 200, "text/plain", &events, NULL);
		http_stream_write(s, "one\ntw", 6);
		http_stream_write(s, "o\r\n\nthree\n", 10);
		http_stream_end(s);
	} else if (strcmp(req->path, "/redirect") == 0) {
		http_set_header(req, "Location", "/to");
		http_reply_empty(req, 302);
	} else if (strcmp(req->path, "/silent") == 0) {
		assert_true(serving.n_silent < ARRAY_LEN(serving.silent));
		serving.silent[serving.n_silent++] = req; /* answered at the end of the test */
	} else if (strcmp(req->path, "/error") == 0) {
		struct err e;
		err_set(&e, ERR_CONFLICT, "taken");
		http_reply_err(req, &e);
	} else {
		char text[512];
		const char *auth = http_header(req, "authorization"), *x = http_header(req, "x-a");
		snprintf(text, sizeof text, "%s %s [%.*s] %s %s %s", http_method_name(req->method), req->path,
			(int)req->body_len, req->body, req->media_type, auth ? auth : "-", x ? x : "-");
		http_set_header(req, "X-Answer", "yes");
		http_reply_text(req, 200, text);
	}
}

struct result {
	int done, status, heads;
	bool stopped;
	char body[512], type[64], answer[16];
	enum err_code code;
	char detail[400];
	struct strbuf data;
	bool stop_at_data;
	struct http_client *client;
};

static void note_done(void *ctx, const struct http_answer *a, const struct err *e)
{
	struct result *r = ctx;
	r->done++;
	assert_true((a != NULL) != (e != NULL));
	if (e) {
		r->code = e->code;
		snprintf(r->detail, sizeof r->detail, "%s", e->detail);
		return;
	}
	r->status = a->status;
	r->stopped = a->stopped;
	snprintf(r->body, sizeof r->body, "%s", a->body);
	snprintf(r->type, sizeof r->type, "%s", a->content_type);
	const char *x = http_answer_header(a, "x-answer");
	snprintf(r->answer, sizeof r->answer, "%s", x ? x : "");
}

static struct rig start(struct http_client **client)
{
	memset(&serving, 0, sizeof serving);
	struct rig r = rig_new((struct http_config){.handle = serve});
	*client = http_client_new(r.loop, NULL);
	return r;
}

static void end(struct rig *r, struct http_client *c)
{
	http_client_free(c);
	while (serving.n_silent)
		http_reply_empty(serving.silent[--serving.n_silent], 204);
	rig_free(r);
}

static const char *url_of(const struct rig *r, const char *path)
{
	static char url[128];
	snprintf(url, sizeof url, "http://127.0.0.1:%d%s", http_server_port(r->server), path);
	return url;
}

static struct result ask(struct rig *r, struct http_client *c, struct http_call call)
{
	struct result result = {0};
	struct err e;
	call.url = url_of(r, call.url);
	if (!http_client_send(c, &call, note_done, &result, &e))
		fail_msg("%s", e.detail);
	assert_int_equal(result.done, 0); /* never from inside */
	while (!result.done)
		loop_pass(r->loop, true);
	assert_int_equal(http_client_flights(c), 0);
	return result;
}

static void calls_become_requests(void **state UNUSED)
{
	static const struct http_header headers[] = {{"X-A", "b"}};
	static const struct {
		struct http_call call;
		const char *expected;
	} cases[] = {
		{{.url = "/a"}, "GET /a []  - -"},
		{{.url = "/a", .bearer = "tok"}, "GET /a []  Bearer tok -"},
		{{.url = "/a", .body = "{}", .body_len = 2}, "POST /a [{}] application/json - -"},
		{{.url = "/a", .method = "PATCH", .body = "x: 1", .body_len = 4, .content_type = "application/yaml"},
			"PATCH /a [x: 1] application/yaml - -"},
		{{.url = "/a", .method = "DELETE", .headers = headers, .n_headers = 1}, "DELETE /a []  - b"},
		{{.url = "/a", .method = "POST"}, "POST /a [] application/x-www-form-urlencoded - -"},
		{{.url = "/redirect", .follow = true}, "GET /to []  - -"},
	};
	struct http_client *c;
	struct rig r = start(&c);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct result got = ask(&r, c, cases[i].call);
		assert_int_equal(got.status, 200);
		assert_string_equal(got.body, cases[i].expected);
		assert_string_equal(got.type, "text/plain; charset=utf-8");
		assert_string_equal(got.answer, "yes");
	}
	end(&r, c);
}

static void an_error_status_is_an_answer(void **state UNUSED)
{
	struct http_client *c;
	struct rig r = start(&c);
	struct result got = ask(&r, c, (struct http_call){.url = "/error"});
	assert_int_equal(got.status, 409);
	assert_has(got.body, "\"detail\":\"taken\"");
	got = ask(&r, c, (struct http_call){.url = "/redirect"});
	assert_int_equal(got.status, 302);
	end(&r, c);
}

static void what_fails_below_http_is_an_error(void **state UNUSED)
{
	struct http_client *c;
	struct rig r = start(&c);
	struct err e;
	struct result got = {0};
	assert_null(http_client_send(c, &(struct http_call){.url = "ftp://x/"}, note_done, &got, &e));
	assert_int_equal(e.code, ERR_INVALID);
	assert_null(http_client_send(c, &(struct http_call){.url = "http://[bad/"}, note_done, &got, &e));

	assert_non_null(
		http_client_send(c, &(struct http_call){.url = "http://127.0.0.1:1/"}, note_done, &got, &e));
	while (!got.done)
		loop_pass(r.loop, true);
	assert_int_equal(got.code, ERR_UNAVAILABLE);
	assert_has(got.detail, "cannot reach http://127.0.0.1:1");

	got = ask(&r, c, (struct http_call){.url = "/a", .max_body = 3});
	assert_int_equal(got.code, ERR_TOO_LARGE);
	got = ask(&r, c, (struct http_call){.url = "/silent", .timeout_us = 20000});
	assert_int_equal(got.code, ERR_TIMEOUT);
	end(&r, c);
}

static bool count_head(void *ctx, int status)
{
	struct result *r = ctx;
	assert_int_equal(status, 200);
	r->heads++;
	return true;
}

static bool note_data(void *ctx, const char *p, size_t n)
{
	struct result *r = ctx;
	assert_int_equal(r->heads, 1);
	strbuf_add(&r->data, p, n);
	return !r->stop_at_data;
}

static void a_stream_is_handed_over_as_it_comes(void **state UNUSED)
{
	struct http_client *c;
	struct rig r = start(&c);
	struct result got = {0};
	struct err e;
	strbuf_init(&got.data, 1000);
	struct http_call call = {
		.url = url_of(&r, "/stream"), .on_head = count_head, .on_data = note_data, .ctx = &got};
	assert_non_null(http_client_send(c, &call, note_done, &got, &e));
	while (!strstr(got.data.data, "thr"))
		loop_pass(r.loop, true);
	assert_int_equal(got.done, 0);
	http_stream_write(serving.stream, "ee\n", 3);
	http_stream_end(serving.stream);
	while (!got.done)
		loop_pass(r.loop, true);
	assert_string_equal(got.data.data, "one\ntwo\r\nthree\n");
	assert_int_equal(got.status, 200);
	assert_false(got.stopped);

	struct strbuf data = got.data;
	got = (struct result){.stop_at_data = true, .data = data};
	assert_non_null(http_client_send(c, &call, note_done, &got, &e));
	while (!got.done)
		loop_pass(r.loop, true);
	assert_true(got.stopped);
	while (!serving.closed)
		loop_pass(r.loop, true);
	strbuf_free(&got.data);
	end(&r, c);
}

static struct http_flight *flying;

static bool cancel_self(void *ctx UNUSED, const char *p UNUSED, size_t n UNUSED)
{
	http_client_cancel(flying);
	return true;
}

static void a_cancelled_request_is_never_done(void **state UNUSED)
{
	struct http_client *c;
	struct rig r = start(&c);
	struct result got = {0};
	struct err e;
	struct http_call call = {.url = url_of(&r, "/silent")};
	http_client_cancel(http_client_send(c, &call, note_done, &got, &e)); /* before it began */
	struct http_flight *f = http_client_send(c, &call, note_done, &got, &e);
	while (http_server_open_requests(r.server) == 0)
		loop_pass(r.loop, true);
	http_client_cancel(f); /* under way */
	call = (struct http_call){.url = url_of(&r, "/stream"), .on_data = cancel_self};
	flying = http_client_send(c, &call, note_done, &got, &e); /* from its own callback */
	while (!serving.closed)
		loop_pass(r.loop, true);
	assert_int_equal(got.done, 0);
	assert_int_equal(http_client_flights(c), 0);
	assert_non_null(http_client_send(c, &call, note_done, &got, &e)); /* freed with the client */
	end(&r, c);
}

static void many_requests_share_few_connections(void **state UNUSED)
{
	enum { N = 200 };
	memset(&serving, 0, sizeof serving);
	struct rig r = rig_new((struct http_config){.handle = serve});
	struct http_client *c = http_client_new(r.loop, &(struct http_client_config){.max_per_host = 4});
	struct result got = {0};
	struct err e;
	struct http_call call = {.url = url_of(&r, "/a")};
	for (int i = 0; i < N; i++)
		assert_non_null(http_client_send(c, &call, note_done, &got, &e));
	while (got.done < N)
		loop_pass(r.loop, true);
	assert_int_equal(got.code, ERR_OK);
	end(&r, c);
}

/* The certificate is for localhost, the address is dialled. */
static void tls_is_checked_unless_told_not_to(void **state UNUSED)
{
	static const struct {
		struct http_tls tls;
		bool trusted;
	} cases[] = {
		{{.server_name = "localhost"}, true},
		{{.server_name = "elsewhere"}, false},
		{{.server_name = NULL}, false},
		{{.insecure = true}, true},
	};
	struct certificate cert = certificate_new();
	struct rig r =
		rig_new((struct http_config){.handle = serve, .tls_cert_file = cert.cert, .tls_key_file = cert.key});
	struct http_client *c = http_client_new(r.loop, NULL);
	char url[64];
	snprintf(url, sizeof url, "https://127.0.0.1:%d/a", http_server_port(r.server));
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct result got = {0};
		struct err e;
		struct http_tls tls = cases[i].tls;
		tls.ca_file = cert.cert;
		struct http_call call = {.url = url, .tls = &tls, .body = "{}", .body_len = 2};
		assert_non_null(http_client_send(c, &call, note_done, &got, &e));
		while (!got.done)
			loop_pass(r.loop, true);
		assert_int_equal(got.code, cases[i].trusted ? ERR_OK : ERR_UNAVAILABLE);
		if (cases[i].trusted)
			assert_string_equal(got.body, "POST /a [{}] application/json - -");
	}
	end(&r, c);
	certificate_free(&cert);
}

/* --- the blocking helper, against a server in another process -------------------------------- */

static pid_t serve_apart(int *port)
{
	int fd[2];
	assert_int_equal(pipe(fd), 0);
	pid_t pid = fork();
	if (pid == 0) {
		struct rig r = rig_new((struct http_config){.handle = serve});
		*port = http_server_port(r.server);
		if (write(fd[1], port, sizeof *port) < 0)
			_exit(1);
		loop_run(r.loop);
	}
	close(fd[1]);
	assert_int_equal(read(fd[0], port, sizeof *port), sizeof *port);
	close(fd[0]);
	return pid;
}

static bool add_line(void *ctx, const char *line, size_t n)
{
	struct strbuf *all = ctx;
	strbuf_putc(all, '<');
	strbuf_add(all, line, n);
	return strbuf_putc(all, '>');
}

static bool feed(void *ctx, const char *p, size_t n)
{
	return http_lines_feed(ctx, p, n);
}

static void fetching_blocks_and_reuses_its_connection(void **state UNUSED)
{
	int port;
	pid_t server = serve_apart(&port);
	char url[64];
	struct strbuf all;
	strbuf_init(&all, 1000);
	struct http_session *session = http_session_new();
	struct arena *a = arena_new();
	struct http_answer answer;
	struct err e;
	snprintf(url, sizeof url, "http://127.0.0.1:%d/a", port);
	for (int i = 0; i < 3; i++) {
		assert_true(http_fetch(session, &(struct http_call){.url = url}, a, &answer, &e));
		assert_string_equal(answer.body, "GET /a []  - -");
	}
	snprintf(url, sizeof url, "http://127.0.0.1:%d/lines", port);
	struct http_lines lines = {.line = add_line, .ctx = &all};
	assert_true(
		http_fetch(NULL, &(struct http_call){.url = url, .on_data = feed, .ctx = &lines}, a, &answer, &e));
	assert_string_equal(all.data, "<one><two><><three>");
	strbuf_free(&all);
	http_lines_free(&lines);
	assert_false(http_fetch(session, &(struct http_call){.url = "http://127.0.0.1:1/"}, a, &answer, &e));
	assert_int_equal(e.code, ERR_UNAVAILABLE);
	http_session_free(session);
	arena_free(a);
	kill(server, SIGKILL);
	waitpid(server, NULL, 0);
}

static void lines_have_a_ceiling(void **state UNUSED)
{
	struct strbuf all;
	strbuf_init(&all, 1000);
	struct http_lines lines = {.line = add_line, .ctx = &all, .max = 4};
	assert_true(http_lines_feed(&lines, "ab", 2));
	assert_true(http_lines_feed(&lines, "cd", 2));
	assert_true(http_lines_feed(&lines, "\ne", 2));
	assert_string_equal(all.data, "<abcd>");
	assert_false(http_lines_feed(&lines, "fghi", 4));
	http_lines_free(&lines);
	strbuf_free(&all);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(calls_become_requests),
		cmocka_unit_test(an_error_status_is_an_answer),
		cmocka_unit_test(what_fails_below_http_is_an_error),
		cmocka_unit_test(a_stream_is_handed_over_as_it_comes),
		cmocka_unit_test(a_cancelled_request_is_never_done),
		cmocka_unit_test(many_requests_share_few_connections),
		cmocka_unit_test(tls_is_checked_unless_told_not_to),
		cmocka_unit_test(fetching_blocks_and_reuses_its_connection),
		cmocka_unit_test(lines_have_a_ceiling),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
