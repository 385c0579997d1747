/* The HTTP server with answers of unknown length: streams and server-sent events. */
#include "tests/unit/api/http_rig.h"

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
	rig_wait_text(&r, fd, "retry: 3000\nid: 0\n\n");
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_stream_is_chunked_and_keeps_the_connection),
		cmocka_unit_test(a_stream_to_http_1_0_ends_with_the_connection),
		cmocka_unit_test(a_stream_whose_client_leaves_is_closed_once),
		cmocka_unit_test(a_client_that_reads_too_slowly_is_dropped),
		cmocka_unit_test(head_of_a_stream_closes_it_at_once),
		cmocka_unit_test(events_are_framed_and_kept_alive),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
