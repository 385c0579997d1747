/* The HTTP server on real sockets: framing, keep-alive, limits, slow and vanished clients, streams,
 * stopping. */
#include "tests/unit/api/rig.h"
#include "tests/unit/api/certificate.h"

#include <fcntl.h>
#include <openssl/ssl.h>
#include <sys/resource.h>

#include "lib/prom.h"
#include "server/api/sse.h"

/* --- a handler that does what the path says ------------------------------------------------- */

static struct {
	struct http_req *held; /* /hold: answered by the test */
	int gone, closed, drained, handled;
	struct http_stream *stream;
	struct sse *sse;
	struct loop *loop;
} seen;

static void note_gone(void *ctx UNUSED)
{
	seen.gone++;
}
static void note_closed(void *ctx UNUSED)
{
	seen.closed++;
	seen.stream = NULL;
	seen.sse = NULL;
}
static void note_drained(void *ctx UNUSED)
{
	seen.drained++;
}

static void echo(struct http_req *req)
{
	struct json_writer *w = http_json(req);
	jw_object(w, NULL);
	jw_str(w, "method", http_method_name(req->method));
	jw_str(w, "path", req->path);
	jw_str(w, "query", req->query_text);
	jw_str(w, "type", req->media_type);
	jw_int(w, "length", (int64_t)req->body_len);
	if (req->body_len < 1000)
		jw_strn(w, "body", req->body, req->body_len);
	jw_end(w);
	http_reply_json(req, 200);
}

static void handle(struct http_req *req, void *ctx UNUSED)
{
	static const struct http_stream_events events = {note_drained, note_closed};
	static char large[3 << 20];
	seen.handled++;
	if (strcmp(req->path, "/hold") == 0) {
		seen.held = req;
		http_on_gone(req, note_gone, NULL);
	} else if (strcmp(req->path, "/stream") == 0) {
		seen.stream = http_stream_begin(req, 200, "text/plain", &events, NULL);
	} else if (strcmp(req->path, "/sse") == 0) {
		seen.sse = sse_begin(req, seen.loop, note_closed, NULL);
	} else if (strcmp(req->path, "/large") == 0) {
		memset(large, 'x', sizeof large);
		http_reply_static(req, 200, "text/plain", large, sizeof large);
	} else if (strcmp(req->path, "/large-json") == 0) {
		struct json_writer *w = http_json(req);
		jw_array(w, NULL);
		for (int i = 0; i < 100000; i++)
			jw_int(w, NULL, i);
		jw_end(w);
		http_reply_json(req, 200);
	} else if (strcmp(req->path, "/empty") == 0) {
		http_reply_empty(req, 204);
	} else if (strcmp(req->path, "/header") == 0) {
		http_set_header(req, "Location", "/a\r\nX-Evil: 1");
		http_reply_text(req, 201, "made");
	} else {
		echo(req);
	}
}

static struct rig start(void)
{
	memset(&seen, 0, sizeof seen);
	struct rig r = rig_new((struct http_config){.handle = handle, .max_body = 2 << 20});
	seen.loop = r.loop;
	return r;
}

static size_t small_limit(enum http_method m UNUSED, const char *path UNUSED, void *ctx UNUSED)
{
	return 100;
}

/* --- framing -------------------------------------------------------------------------------- */

static void requests_of_every_form_are_read(void **state UNUSED)
{
	static const struct {
		const char *request, *expected;
	} cases[] = {
		{"GET /a?b=c HTTP/1.1\r\nHost: x\r\n\r\n", "\"method\":\"GET\",\"path\":\"/a\",\"query\":\"b=c\""},
		{"GET /a HTTP/1.1\nHost: x\n\n", "\"path\":\"/a\""},
		{"\r\n\r\nGET /a HTTP/1.1\r\nHost: x\r\n\r\n", "\"path\":\"/a\""},
		{"GET http://h:1/a?q HTTP/1.1\r\nHost: x\r\n\r\n", "\"path\":\"/a\",\"query\":\"q\""},
		{"GET /a HTTP/1.0\r\n\r\n", "\"path\":\"/a\""},
		{"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Type: Text/PLAIN; "
	     "charset=x\r\n\r\nhello",
			"\"type\":\"text/plain\",\"length\":5,\"body\":\"hello\""},
		{"POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: "
	     "chunked\r\n\r\n3\r\nhel\r\n2;e=1\r\nlo\r\n0\r\nT: 1\r\n\r\n",
			"\"length\":5,\"body\":\"hello\""},
		{"PATCH /a HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}", "\"method\":\"PATCH\""},
		{"BREW /a HTTP/1.1\r\nHost: x\r\n\r\n", "\"method\":\"?\""},
		{"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", "\"path\":\"*\""},
	};
	struct rig r = start();
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const char *answer = rig_ask(&r, cases[i].request);
		assert_status(answer, 200);
		assert_has(answer, cases[i].expected);
		assert_has(answer, "\r\nContent-Type: application/json\r\n");
		assert_has(answer, "\r\nX-Request-Id: ");
	}
	rig_free(&r);
}

static void what_cannot_be_read_is_a_problem_and_closes(void **state UNUSED)
{
	static const struct {
		const char *request;
		int status;
		const char *detail;
	} cases[] = {
		{"nonsense\r\n\r\n", 400, "no method"},
		{"GET /a HTTP/2.0\r\nHost: x\r\n\r\n", 400, "version"},
		{"GET /a\r\nHost: x\r\n\r\n", 400, "no HTTP version"},
		{"GET a HTTP/1.1\r\nHost: x\r\n\r\n", 400, "not a path"},
		{"GET /a HTTP/1.1\r\n\r\n", 400, "Host"},
		{"GET /a HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", 400, "twice"},
		{"GET /a HTTP/1.1\r\nHost: x\r\n folded\r\n\r\n", 400, "header line"},
		{"GET /a HTTP/1.1\r\nHost : x\r\n\r\n", 400, "header line"},
		{"GET /a HTTP/1.1\r\nHost: x\r\nA: b\rc\r\n\r\n", 400, "control"},
		{"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx", 400, "twice"},
		{"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", 400, "not a number"},
		{"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n", 400, "not a number"},
		{"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n", 400,
			"both"},
		{"POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n", 400, "chunked"},
		{"POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", 400, "chunked body"},
		{"POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n", 400,
			"chunked body"},
		{"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 2097153\r\n\r\n", 413, "at most 2097152"},
		{"POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n200001\r\n", 413,
			"larger than 2097152"},
	};
	struct rig r = start();
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		int fd = rig_connect(&r);
		rig_send(&r, fd, cases[i].request);
		const char *answer = rig_wait_answer(&r, fd);
		assert_status(answer, cases[i].status);
		assert_has(answer, "application/problem+json");
		assert_has(answer, "Connection: close");
		assert_has(answer, cases[i].detail);
		shutdown(fd, SHUT_WR);
		rig_wait_eof(&r, fd);
		close(fd);
	}
	assert_int_equal(seen.handled, 0);
	assert_int_equal(http_server_open_requests(r.server), 0);
	rig_free(&r);
}

static void requests_are_read_byte_by_byte(void **state UNUSED)
{
	static const char request[] =
		"POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
		"b\r\nhello world\r\n0\r\n\r\nPOST /b HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nok";
	struct rig r = start();
	int fd = rig_connect(&r);
	for (size_t i = 0; i < sizeof request - 1; i++) {
		rig_send_n(&r, fd, request + i, 1);
		loop_pass(r.loop, false);
	}
	rig_wait_text(&r, fd, "\"body\":\"hello world\"");
	rig_wait_text(&r, fd, "\"body\":\"ok\"");
	close(fd);
	rig_free(&r);
}

static void pipelined_requests_are_answered_in_order(void **state UNUSED)
{
	enum { N = 500 };
	struct rig r = start();
	struct strbuf text;
	strbuf_init(&text, 1 << 20);
	for (int i = 0; i < N; i++)
		strbuf_printf(&text, "GET /r%d HTTP/1.1\r\nHost: x\r\n\r\n", i);
	int fd = rig_connect(&r);
	rig_send_n(&r, fd, text.data, text.len);
	for (int i = 0; i < N; i++) {
		char path[32];
		snprintf(path, sizeof path, "\"/r%d\"", i);
		assert_has(rig_wait_answer(&r, fd), path);
		strbuf_consume(&r.in, rig_answer_length(&r));
	}
	close(fd);
	strbuf_free(&text);
	rig_free(&r);
}

static void a_refused_body_does_not_reset_its_sender(void **state UNUSED)
{
	struct rig r = rig_new((struct http_config){.handle = handle, .body_limit = small_limit});
	size_t n = 1 << 20;
	char *body = calloc(1, n), head[128];
	int fd = rig_connect(&r);
	snprintf(head, sizeof head, "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: %zu\r\n\r\n", n);
	rig_send(&r, fd, head);
	rig_send_n(&r, fd, body, n);
	const char *answer = rig_wait_answer(&r, fd);
	assert_status(answer, 413);
	assert_has(answer, "at most 100");
	close(fd);
	free(body);
	rig_free(&r);
}

static void expect_continue_is_answered_before_the_body(void **state UNUSED)
{
	struct rig r = start();
	int fd = rig_connect(&r);
	rig_send(&r, fd, "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
	rig_wait_text(&r, fd, "HTTP/1.1 100 Continue\r\n\r\n");
	strbuf_reset(&r.in);
	rig_send(&r, fd, "ok");
	assert_has(rig_wait_answer(&r, fd), "\"body\":\"ok\"");
	close(fd);
	rig_free(&r);
}

static void heads_have_a_limit(void **state UNUSED)
{
	struct rig r = start();
	struct strbuf request;
	strbuf_init(&request, 1 << 20);
	strbuf_puts(&request, "GET /a HTTP/1.1\r\nHost: x\r\nA: ");
	for (int i = 0; i < 18000; i++)
		strbuf_putc(&request, 'a');
	int fd = rig_connect(&r);
	rig_send(&r, fd, request.data);
	const char *answer = rig_wait_answer(&r, fd);
	assert_status(answer, 413);
	assert_has(answer, "16384");
	close(fd);
	strbuf_reset(&request);
	strbuf_puts(&request, "GET /a HTTP/1.1\r\nHost: x\r\n");
	for (int i = 0; i < 101; i++)
		strbuf_puts(&request, "a: b\r\n");
	strbuf_puts(&request, "\r\n");
	assert_status(rig_ask(&r, request.data), 413);
	strbuf_free(&request);
	rig_free(&r);
}

/* --- answers -------------------------------------------------------------------------------- */

static void head_and_empty_answers_have_no_body(void **state UNUSED)
{
	struct rig r = start();
	int fd = rig_connect(&r);
	rig_send(&r, fd,
		"HEAD /a HTTP/1.1\r\nHost: x\r\n\r\nGET /empty HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
	rig_wait_eof(&r, fd);
	assert_has(r.in.data, "200 OK");
	assert_has(r.in.data, "Content-Length: ");
	assert_has(r.in.data, "204 No Content");
	assert_null(strchr(r.in.data, '{'));
	close(fd);
	rig_free(&r);
}

static void header_values_cannot_break_out(void **state UNUSED)
{
	struct rig r = start();
	const char *answer = rig_ask(&r, "GET /header HTTP/1.1\r\nHost: x\r\nX-Request-Id: abc-1\r\n\r\n");
	assert_status(answer, 201);
	assert_has(answer, "\r\nLocation: /a  X-Evil: 1\r\n");
	assert_has(answer, "\r\nX-Request-Id: abc-1\r\n");
	answer = rig_ask(&r, "GET /header HTTP/1.1\r\nHost: x\r\nX-Request-Id: a b\r\n\r\n");
	assert_null(strstr(answer, "a b\r\n"));
	rig_free(&r);
}

static void large_answers_arrive_whole(void **state UNUSED)
{
	struct rig r = start();
	rig_ask(&r, "GET /large HTTP/1.1\r\nHost: x\r\n\r\n");
	assert_int_equal(r.in.data[r.in.len - 1], 'x');
	assert_int_equal(rig_answer_length(&r), r.in.len);
	rig_ask(&r, "GET /large-json HTTP/1.1\r\nHost: x\r\n\r\n");
	assert_string_equal(r.in.data + r.in.len - 13, ",99998,99999]");
	rig_free(&r);
}

static void a_client_that_does_not_read_pauses_its_pipeline(void **state UNUSED)
{
	struct rig r = start();
	int fd = rig_connect(&r);
	for (int i = 0; i < 20; i++)
		rig_send(&r, fd, "GET /large HTTP/1.1\r\nHost: x\r\n\r\n");
	for (int i = 0; i < 50; i++)
		loop_pass(r.loop, false);
	assert_true(seen.handled < 20);
	for (int i = 0; i < 20; i++) {
		rig_wait_answer(&r, fd);
		strbuf_consume(&r.in, rig_answer_length(&r));
	}
	assert_int_equal(seen.handled, 20);
	close(fd);
	rig_free(&r);
}

/* --- time and hang-ups ---------------------------------------------------------------------- */

static void a_vanished_client_is_noticed_and_answering_is_safe(void **state UNUSED)
{
	struct rig r = start();
	int fd = rig_connect(&r);
	rig_send(&r, fd, "GET /hold HTTP/1.1\r\nHost: x\r\n\r\n");
	while (!seen.held)
		loop_pass(r.loop, true);
	assert_false(http_gone(seen.held));
	struct linger hard = {.l_onoff = 1};
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
	close(fd); /* resets */
	while (!seen.gone)
		loop_pass(r.loop, true);
	assert_true(http_gone(seen.held));
	assert_int_equal(http_server_open_requests(r.server), 1);
	http_reply_text(seen.held, 200, "late");
	assert_int_equal(http_server_open_requests(r.server), 0);
	assert_int_equal(seen.gone, 1);
	rig_free(&r);
}

static void a_half_closed_client_gets_its_answer(void **state UNUSED)
{
	struct rig r = start();
	int fd = rig_connect(&r);
	rig_send(&r, fd, "GET /hold HTTP/1.1\r\nHost: x\r\n\r\n");
	shutdown(fd, SHUT_WR);
	while (!seen.gone)
		loop_pass(r.loop, true);
	http_reply_text(seen.held, 200, "there");
	rig_wait_eof(&r, fd);
	assert_has(r.in.data, "there");
	close(fd);
	rig_free(&r);
}

static void a_request_that_outlives_the_server_is_only_freed(void **state UNUSED)
{
	struct rig r = start();
	int fd = rig_connect(&r);
	rig_send(&r, fd, "GET /hold HTTP/1.1\r\nHost: x\r\n\r\n");
	while (!seen.held)
		loop_pass(r.loop, true);
	struct http_req *held = seen.held;
	http_server_free(r.server);
	loop_pass(r.loop, false);
	struct json_writer *w = http_json(held);
	jw_object(w, NULL);
	jw_end(w);
	http_reply_json(held, 200);
	loop_free(r.loop);
	strbuf_free(&r.in);
	close(fd);
}

static void slow_requests_and_handlers_time_out(void **state UNUSED)
{
	clk_set_virtual(CLK_SECOND, INT64_C(1700000000) * CLK_SECOND);
	struct rig r = start();
	int slow = rig_connect(&r), idle = rig_connect(&r), fd = rig_connect(&r);
	rig_send(&r, slow, "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhal");
	rig_send(&r, fd, "GET /hold HTTP/1.1\r\nHost: x\r\n\r\n");
	while (!seen.held)
		loop_pass(r.loop, true);
	loop_pass(r.loop, false);
	for (int i = 0; i < 61; i++) {
		clk_advance(CLK_SECOND);
		loop_pass(r.loop, false);
	}
	const char *answer = rig_wait_answer(&r, fd);
	assert_status(answer, 504);
	assert_has(answer, "Date: Tue, 14 Nov 2023");
	strbuf_reset(&r.in);
	rig_send(&r, fd, "GET /next HTTP/1.1\r\nHost: x\r\n\r\n"); /* the connection goes on */
	assert_has(rig_wait_answer(&r, fd), "/next");
	http_reply_text(seen.held, 200, "too late");
	strbuf_reset(&r.in);
	clk_advance(20 * CLK_SECOND);
	loop_pass(r.loop, false);
	assert_status(rig_wait_answer(&r, slow), 408);
	rig_wait_eof(&r, idle);
	close(slow);
	close(idle);
	close(fd);
	rig_free(&r);
	clk_set_real();
}

static void the_connection_limit_makes_the_listener_rest(void **state UNUSED)
{
	memset(&seen, 0, sizeof seen);
	struct rig r = rig_new((struct http_config){.handle = handle, .max_connections = 2});
	int a = rig_connect(&r), b = rig_connect(&r), c = rig_connect(&r);
	rig_send(&r, c, "GET /c HTTP/1.1\r\nHost: x\r\n\r\n");
	for (int i = 0; i < 10; i++)
		loop_pass(r.loop, false);
	assert_int_equal(seen.handled, 0);
	close(a);
	assert_has(rig_wait_answer(&r, c), "\"/c\"");
	close(b);
	close(c);
	rig_free(&r);
}

static void without_descriptors_the_listener_rests_a_while(void **state UNUSED)
{
	clk_set_virtual(CLK_SECOND, CLK_SECOND);
	struct rig r = start();
	int fd = rig_connect(&r);
	struct rlimit old, none;
	getrlimit(RLIMIT_NOFILE, &old);
	none = old;
	none.rlim_cur = (rlim_t)fd + 1;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	rig_send(&r, fd, "GET /a HTTP/1.1\r\nHost: x\r\n\r\n");
	for (int i = 0; i < 3; i++)
		loop_pass(r.loop, false);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
	loop_pass(r.loop, false);
	assert_int_equal(seen.handled, 0); /* it does not try again at once */
	clk_advance(CLK_SECOND / 10);
	assert_has(rig_wait_answer(&r, fd), "\"/a\"");
	close(fd);
	rig_free(&r);
	clk_set_real();
}

static void a_long_poll_sets_its_own_deadline(void **state UNUSED)
{
	clk_set_virtual(CLK_SECOND, CLK_SECOND);
	struct rig r = start();
	int fd = rig_connect(&r);
	rig_send(&r, fd, "GET /hold HTTP/1.1\r\nHost: x\r\n\r\n");
	while (!seen.held)
		loop_pass(r.loop, true);
	http_set_deadline(seen.held, 300 * CLK_SECOND);
	for (int i = 0; i < 299; i++) {
		clk_advance(CLK_SECOND);
		loop_pass(r.loop, false);
	}
	http_reply_text(seen.held, 200, "worth the wait");
	assert_has(rig_wait_answer(&r, fd), "worth the wait");
	close(fd);
	rig_free(&r);
	clk_set_real();
}

/* --- streams -------------------------------------------------------------------------------- */

static void a_stream_is_chunked_and_keeps_the_connection(void **state UNUSED)
{
	struct rig r = start();
	int fd = rig_connect(&r);
	rig_send(&r, fd, "GET /stream HTTP/1.1\r\nHost: x\r\n\r\n");
	rig_wait_text(&r, fd, "\r\n\r\n");
	assert_has(r.in.data, "Transfer-Encoding: chunked");
	assert_true(http_stream_write(seen.stream, "hello", 5));
	rig_wait_text(&r, fd, "5\r\nhello\r\n");
	while (!seen.drained)
		loop_pass(r.loop, true);
	http_stream_end(seen.stream);
	rig_send(&r, fd, "GET /next HTTP/1.1\r\nHost: x\r\n\r\n");
	rig_wait_text(&r, fd, "0\r\n\r\nHTTP/1.1 200 OK");
	assert_int_equal(seen.closed, 0);
	assert_int_equal(http_server_open_requests(r.server), 0);
	close(fd);
	rig_free(&r);
}

static void a_stream_to_http_1_0_ends_with_the_connection(void **state UNUSED)
{
	struct rig r = start();
	int fd = rig_connect(&r);
	rig_send(&r, fd, "GET /stream HTTP/1.0\r\n\r\n");
	while (!seen.stream)
		loop_pass(r.loop, true);
	http_stream_write(seen.stream, "plain", 5);
	http_stream_end(seen.stream);
	rig_wait_eof(&r, fd);
	assert_has(r.in.data, "\r\n\r\nplain");
	close(fd);
	rig_free(&r);
}

static void a_stream_whose_client_leaves_is_closed_once(void **state UNUSED)
{
	struct rig r = start();
	int fd = rig_connect(&r);
	rig_send(&r, fd, "GET /stream HTTP/1.1\r\nHost: x\r\n\r\n");
	rig_wait_text(&r, fd, "\r\n\r\n");
	close(fd);
	while (!seen.closed)
		loop_pass(r.loop, true);
	loop_pass(r.loop, false);
	assert_int_equal(seen.closed, 1);
	assert_int_equal(http_server_open_requests(r.server), 0);
	rig_free(&r);
}

static void a_client_that_reads_too_slowly_is_dropped(void **state UNUSED)
{
	struct rig r = start();
	static char block[64 << 10];
	int fd = rig_connect(&r);
	rig_send(&r, fd, "GET /stream HTTP/1.1\r\nHost: x\r\n\r\n");
	rig_wait_text(&r, fd, "\r\n\r\n");
	int writes = 0;
	while (http_stream_write(seen.stream, block, sizeof block))
		assert_true(++writes < 1000);
	assert_int_equal(seen.closed, 0); /* not from inside */
	loop_pass(r.loop, false);
	assert_int_equal(seen.closed, 1);
	close(fd);
	rig_free(&r);
}

static void head_of_a_stream_closes_it_at_once(void **state UNUSED)
{
	struct rig r = start();
	int fd = rig_connect(&r);
	rig_send(&r, fd, "HEAD /stream HTTP/1.1\r\nHost: x\r\n\r\n");
	rig_wait_eof(&r, fd);
	assert_has(r.in.data, "200 OK");
	assert_int_equal(seen.closed, 1);
	close(fd);
	rig_free(&r);
}

static void events_are_framed_and_kept_alive(void **state UNUSED)
{
	clk_set_virtual(CLK_SECOND, CLK_SECOND);
	struct rig r = start();
	int fd = rig_connect(&r);
	rig_send(&r, fd, "GET /sse HTTP/1.1\r\nHost: x\r\n\r\n");
	rig_wait_text(&r, fd, "retry: 3000\n\n");
	assert_has(r.in.data, "text/event-stream");
	sse_send(seen.sse, 4711, "trial", "{\"a\":1}", 7);
	rig_wait_text(&r, fd, "id: 4711\nevent: trial\ndata: {\"a\":1}\n\n");
	for (int i = 0; i < 2; i++) {
		strbuf_reset(&r.in);
		clk_advance(15 * CLK_SECOND);
		loop_pass(r.loop, false);
		rig_wait_text(&r, fd, ": keep-alive\n\n");
	}
	sse_end(seen.sse);
	rig_wait_text(&r, fd, "0\r\n\r\n");
	close(fd);
	rig_free(&r);
	clk_set_real();
}

/* --- stopping, TLS, metrics ----------------------------------------------------------------- */

static void note_stopped(void *ctx)
{
	*(bool *)ctx = true;
}

static void stopping_finishes_requests_and_ends_streams(void **state UNUSED)
{
	struct rig r = start();
	int idle = rig_connect(&r), stream = rig_connect(&r), fd = rig_connect(&r);
	rig_send(&r, stream, "GET /stream HTTP/1.1\r\nHost: x\r\n\r\n");
	rig_send(&r, fd, "GET /hold HTTP/1.1\r\nHost: x\r\n\r\n");
	while (!seen.held || !seen.stream)
		loop_pass(r.loop, true);
	bool stopped = false;
	http_server_stop(r.server, 10 * CLK_SECOND, note_stopped, &stopped);
	rig_wait_eof(&r, idle);
	r.eof = false;
	rig_wait_eof(&r, stream);
	assert_has(r.in.data, "0\r\n\r\n");
	assert_int_equal(seen.closed, 1);
	assert_false(stopped);
	http_reply_text(seen.held, 200, "last");
	r.eof = false;
	rig_wait_eof(&r, fd);
	assert_has(r.in.data, "Connection: close");
	assert_has(r.in.data, "last");
	loop_pass(r.loop, false);
	assert_true(stopped);
	close(idle);
	close(stream);
	close(fd);
	rig_free(&r);
}

static void stopping_cuts_at_the_deadline(void **state UNUSED)
{
	clk_set_virtual(CLK_SECOND, CLK_SECOND);
	struct rig r = start();
	int fd = rig_connect(&r);
	rig_send(&r, fd, "GET /hold HTTP/1.1\r\nHost: x\r\n\r\n");
	while (!seen.held)
		loop_pass(r.loop, true);
	bool stopped = false;
	http_server_stop(r.server, 5 * CLK_SECOND, note_stopped, &stopped);
	loop_pass(r.loop, false);
	assert_false(stopped);
	clk_advance(5 * CLK_SECOND);
	loop_pass(r.loop, false);
	assert_true(stopped);
	rig_wait_eof(&r, fd);
	http_reply_text(seen.held, 200, "nobody hears it");
	close(fd);
	rig_free(&r);
	clk_set_real();
}

static void a_taken_port_is_said_clearly(void **state UNUSED)
{
	struct rig r = start();
	struct err e;
	struct http_config again = {.address = "127.0.0.1", .port = http_server_port(r.server), .handle = handle};
	assert_null(http_server_new(r.loop, &again, &e));
	assert_has(e.detail, "is taken by another program");
	again.address = "no such address";
	assert_null(http_server_new(r.loop, &again, &e));
	assert_has(e.detail, "cannot listen on 'no such address'");
	again.address = "127.0.0.1";
	again.tls_cert_file = again.tls_key_file = "/nonexistent.pem";
	assert_null(http_server_new(r.loop, &again, &e));
	assert_has(e.detail, "/nonexistent.pem");
	rig_free(&r);
}

static void tls_carries_the_same_requests(void **state UNUSED)
{
	struct certificate c = certificate_new();
	struct rig r =
		rig_new((struct http_config){.handle = handle, .tls_cert_file = c.cert, .tls_key_file = c.key});
	int fd = rig_connect(&r);
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	SSL *ssl = SSL_new(ctx);
	BIO *bio = BIO_new_socket(fd, BIO_NOCLOSE);
	SSL_set_bio(ssl, bio, bio);
	SSL_set_connect_state(ssl);
	static const char request[] = "GET /large-json HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
	fcntl(fd, F_SETFL, O_NONBLOCK);
	while (SSL_write(ssl, request, sizeof request - 1) <= 0)
		loop_pass(r.loop, false);
	char buf[16384];
	for (int n, why = 0; why != SSL_ERROR_ZERO_RETURN;) {
		n = SSL_read(ssl, buf, sizeof buf);
		why = SSL_get_error(ssl, n);
		if (n > 0)
			strbuf_add(&r.in, buf, (size_t)n);
		else if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_ZERO_RETURN)
			fail_msg("TLS error %d after %zu bytes", why, r.in.len);
		loop_pass(r.loop, false);
	}
	assert_has(r.in.data, "200 OK");
	assert_has(r.in.data, ",99998,99999]");
	SSL_free(ssl);
	SSL_CTX_free(ctx);
	close(fd);
	rig_free(&r);
	certificate_free(&c);
}

static void requests_are_counted(void **state UNUSED)
{
	struct prom *metrics = prom_new();
	struct rig r = rig_new((struct http_config){.handle = handle, .metrics = metrics});
	rig_ask(&r, "GET /a HTTP/1.1\r\nHost: x\r\n\r\n");
	rig_ask(&r, "nonsense\r\n\r\n");
	struct strbuf text;
	strbuf_init(&text, 1 << 20);
	prom_write(metrics, &text);
	assert_has(text.data, "trimtab_http_requests_total{route=\"\",method=\"GET\",code=\"200\"} 1\n");
	assert_has(text.data, "trimtab_http_requests_total{route=\"\",method=\"?\",code=\"400\"} 1\n");
	assert_has(text.data, "trimtab_http_request_duration_seconds_count{route=\"\",code=\"200\"} 1\n");
	strbuf_free(&text);
	rig_free(&r);
	prom_free(metrics);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests_of_every_form_are_read),
		cmocka_unit_test(what_cannot_be_read_is_a_problem_and_closes),
		cmocka_unit_test(requests_are_read_byte_by_byte),
		cmocka_unit_test(pipelined_requests_are_answered_in_order),
		cmocka_unit_test(a_refused_body_does_not_reset_its_sender),
		cmocka_unit_test(expect_continue_is_answered_before_the_body),
		cmocka_unit_test(heads_have_a_limit),
		cmocka_unit_test(head_and_empty_answers_have_no_body),
		cmocka_unit_test(header_values_cannot_break_out),
		cmocka_unit_test(large_answers_arrive_whole),
		cmocka_unit_test(a_client_that_does_not_read_pauses_its_pipeline),
		cmocka_unit_test(a_vanished_client_is_noticed_and_answering_is_safe),
		cmocka_unit_test(a_half_closed_client_gets_its_answer),
		cmocka_unit_test(a_request_that_outlives_the_server_is_only_freed),
		cmocka_unit_test(slow_requests_and_handlers_time_out),
		cmocka_unit_test(the_connection_limit_makes_the_listener_rest),
		cmocka_unit_test(without_descriptors_the_listener_rests_a_while),
		cmocka_unit_test(a_long_poll_sets_its_own_deadline),
		cmocka_unit_test(a_stream_is_chunked_and_keeps_the_connection),
		cmocka_unit_test(a_stream_to_http_1_0_ends_with_the_connection),
		cmocka_unit_test(a_stream_whose_client_leaves_is_closed_once),
		cmocka_unit_test(a_client_that_reads_too_slowly_is_dropped),
		cmocka_unit_test(head_of_a_stream_closes_it_at_once),
		cmocka_unit_test(events_are_framed_and_kept_alive),
		cmocka_unit_test(stopping_finishes_requests_and_ends_streams),
		cmocka_unit_test(stopping_cuts_at_the_deadline),
		cmocka_unit_test(a_taken_port_is_said_clearly),
		cmocka_unit_test(tls_carries_the_same_requests),
		cmocka_unit_test(requests_are_counted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
