/* A server on a loopback port and clients on plain sockets, all in one thread: the loop is turned
 * whenever the client would have to wait. */
#pragma once
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/arena.h"
#include "lib/attr.h"
#include "lib/clk.h"
#include "lib/loop.h"
#include "lib/strbuf.h"
#include "server/api/http.h"

struct rig {
	struct loop *loop;
	struct http_server *server;
	struct strbuf in;               /* what the client has received */
	bool eof;
};

static inline struct rig rig_new(struct http_config config)
{
	struct rig r = {.loop = loop_new()};
	struct err e = {0};
	signal(SIGPIPE, SIG_IGN);
	alarm(60); /* a test that waits for what never comes ends */
	if (!config.address)
		config.address = "127.0.0.1";
	r.server = http_server_new(r.loop, &config, &e);
	if (!r.server)
		fail_msg("%s", e.detail);
	strbuf_init(&r.in, 64 << 20);
	return r;
}

static inline void rig_free(struct rig *r)
{
	http_server_free(r->server);
	loop_free(r->loop);
	strbuf_free(&r->in);
}

static inline int rig_connect(struct rig *r)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)http_server_port(r->server))};
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
	r->eof = false;
	strbuf_reset(&r->in);
	return fd;
}

/* Everything, turning the loop when the socket is full. Stops early if the server closed. */
static inline void rig_send_n(struct rig *r, int fd, const char *p, size_t n)
{
	while (n) {
		ssize_t sent = send(fd, p, n, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (sent < 0 && (errno == EPIPE || errno == ECONNRESET))
			return;
		if (sent < 0) {
			loop_pass(r->loop, false);
			continue;
		}
		p += sent;
		n -= (size_t)sent;
	}
}

static inline void rig_send(struct rig *r, int fd, const char *text)
{
	rig_send_n(r, fd, text, strlen(text));
}

/* Takes what has arrived; false when nothing has. */
static inline bool rig_take(struct rig *r, int fd)
{
	char buf[65536];
	ssize_t n = recv(fd, buf, sizeof buf, MSG_DONTWAIT);
	if (n > 0)
		strbuf_add(&r->in, buf, (size_t)n);
	else if (n == 0 || errno == ECONNRESET)
		r->eof = true;
	return n > 0;
}

/* Length of the first answer in the buffer, or 0 when it is not complete. */
static inline size_t rig_answer_length(const struct rig *r)
{
	const char *end = strstr(r->in.data, "\r\n\r\n");
	if (!end)
		return 0;
	size_t head = (size_t)(end - r->in.data) + 4;
	const char *length = strstr(r->in.data, "\r\nContent-Length: ");
	size_t body = length && length < end ? strtoul(length + 18, NULL, 10) : 0;
	return r->in.len >= head + body ? head + body : 0;
}

static inline const char *rig_wait_answer(struct rig *r, int fd)
{
	while (!rig_answer_length(r)) {
		if (rig_take(r, fd))
			continue;
		if (r->eof)
			fail_msg("closed after: %s", r->in.data);
		loop_pass(r->loop, true);
	}
	return r->in.data;
}

/* Until the buffer holds the text. */
static inline void rig_wait_text(struct rig *r, int fd, const char *text)
{
	while (!strstr(r->in.data, text)) {
		if (rig_take(r, fd))
			continue;
		if (r->eof)
			fail_msg("closed while waiting for '%s' after: %s", text, r->in.data);
		loop_pass(r->loop, true);
	}
}

static inline void rig_wait_eof(struct rig *r, int fd)
{
	while (!r->eof)
		if (!rig_take(r, fd) && !r->eof)
			loop_pass(r->loop, true);
}

/* One request on its own connection; the answer stays in r->in until the next. */
static inline const char *rig_ask(struct rig *r, const char *request)
{
	int fd = rig_connect(r);
	rig_send(r, fd, request);
	const char *answer = rig_wait_answer(r, fd);
	close(fd);
	return answer;
}

static inline int rig_status(const char *answer)
{
	assert_memory_equal(answer, "HTTP/1.1 ", 9);
	return (int)strtol(answer + 9, NULL, 10);
}

#define assert_has(text, part)                                             \
	do {                                                                   \
		if (!strstr((text), (part)))                                       \
			fail_msg("no '%s' in: %s", (part), (text));                    \
	} while (0)
#define assert_status(answer, status)                                      \
	do {                                                                   \
		if (rig_status(answer) != (status))                                \
			fail_msg("status is not %d: %s", (status), (answer));          \
	} while (0)
