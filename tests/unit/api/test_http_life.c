/* The HTTP server from its start to its stop: ports, TLS, what it counts. */
#include "tests/unit/api/certificate.h"
#include "tests/unit/api/http_rig.h"

#include <fcntl.h>
#include <openssl/ssl.h>

#include "lib/prom.h"

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
		cmocka_unit_test(stopping_finishes_requests_and_ends_streams),
		cmocka_unit_test(stopping_cuts_at_the_deadline),
		cmocka_unit_test(a_taken_port_is_said_clearly),
		cmocka_unit_test(tls_carries_the_same_requests),
		cmocka_unit_test(requests_are_counted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
