/* The HTTP server on real sockets: how requests are read and answers written. */
#include "tests/unit/api/http_rig.h"

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
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
