/* The HTTP server with clients that are slow, vanish, or are too many. */
#include "tests/unit/api/http_rig.h"

#include <sys/resource.h>

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_vanished_client_is_noticed_and_answering_is_safe),
		cmocka_unit_test(a_half_closed_client_gets_its_answer),
		cmocka_unit_test(a_request_that_outlives_the_server_is_only_freed),
		cmocka_unit_test(slow_requests_and_handlers_time_out),
		cmocka_unit_test(the_connection_limit_makes_the_listener_rest),
		cmocka_unit_test(without_descriptors_the_listener_rests_a_while),
		cmocka_unit_test(a_long_poll_sets_its_own_deadline),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
