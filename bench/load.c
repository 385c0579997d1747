/*
 * Load for the benchmarks: clients that report metric points over HTTP/1.1 keep-alive connections.
 *
 *     load PORT BATCH FIRST_STEP WARM_SECONDS SECONDS < paths
 *
 * One client for each path on stdin (…/trials/17/metrics), each in a closed loop: the next request is
 * sent when the answer to the one before is there. A batch of ten is five steps of two metrics. One
 * thread, epoll, and nothing is allocated or logged per request, so that on a machine that the server
 * shares with us most of the time is the server's. Any answer but 200 ends the run with exit code 1.
 *
 * Prints one line of JSON: what was acknowledged in all, and rate and latency after the warm-up.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum {
	CLIENTS_MAX = 4096,
	PATH_BYTES = 256,
	HEAD_BYTES = 640,
	POINT_BYTES = 96,
	IN_BYTES = 4096,
	EVENTS = 256,
	SAMPLES_MAX = 8000000,
};

struct client {
	int fd;
	char path[PATH_BYTES];
	char *body;      /* room for one batch */
	int64_t step;    /* of the next point  */
	int64_t sent_us;
	char in[IN_BYTES];
	size_t n_in;
};

struct load {
	int port, batch;
	struct client *clients[CLIENTS_MAX];
	int n_clients, waiting;
	int64_t from_us, until_us; /* answers between these are measured */
	uint32_t *latency_us;
	size_t n_latency;
	int64_t acked; /* points, from the first request on */
	uint32_t random;
};

static void die(const char *what)
{
	fprintf(stderr, "load: %s: %s\n", what, errno ? strerror(errno) : "unexpected");
	exit(1);
}

static int64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* xorshift: values of six digits, as training scripts print them. */
static unsigned digits(struct load *l)
{
	l->random ^= l->random << 13;
	l->random ^= l->random >> 17;
	l->random ^= l->random << 5;
	return l->random % 1000000;
}

/* ---- one request ------------------------------------------------------------------------------- */

static size_t write_body(struct load *l, struct client *c)
{
	static const char *const metrics[] = {"loss", "accuracy"};
	const int per_step = l->batch > 1 ? 2 : 1;
	char *to = stpcpy(c->body, "{\"metrics\":[");

	for (int i = 0; i < l->batch; i++) {
		to += snprintf(to, POINT_BYTES, "%s{\"metric\":\"%s\",\"value\":0.%06u,\"step\":%lld}", i ? "," : "",
			metrics[i % per_step], digits(l), (long long)c->step);
		if ((i + 1) % per_step == 0)
			c->step++;
	}
	to = stpcpy(to, "]}");
	return (size_t)(to - c->body);
}

static void send_request(struct load *l, struct client *c)
{
	char head[HEAD_BYTES];
	const size_t n = write_body(l, c);
	const int n_head = snprintf(head, sizeof head,
		"POST %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n",
		c->path, l->port, n);
	struct iovec parts[] = {{head, (size_t)n_head}, {c->body, n}};

	c->sent_us = now_us();
	c->n_in = 0;
	if (writev(c->fd, parts, 2) != (ssize_t)((size_t)n_head + n))
		die("sending a request");
	l->waiting++;
}

/* True when the whole answer is there. */
static bool answered(struct client *c)
{
	const char *end, *length;

	c->in[c->n_in] = 0;
	end = strstr(c->in, "\r\n\r\n");
	if (!end)
		return false;
	if (strncmp(c->in, "HTTP/1.1 200 ", 13) != 0) {
		fprintf(stderr, "load: %s\n", c->in);
		errno = 0;
		die(c->path);
	}
	length = strcasestr(c->in, "\r\nContent-Length:");
	if (!length || length > end)
		die("an answer without Content-Length");
	return c->n_in >= (size_t)(end + 4 - c->in) + strtoul(length + 17, NULL, 10);
}

static void receive(struct load *l, struct client *c)
{
	const ssize_t n = recv(c->fd, c->in + c->n_in, IN_BYTES - 1 - c->n_in, MSG_DONTWAIT);
	int64_t now;

	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0)
		die("the server closed a connection");
	c->n_in += (size_t)n;
	if (!answered(c))
		return;
	now = now_us();
	l->waiting--;
	l->acked += l->batch;
	if (now >= l->from_us && now < l->until_us && l->n_latency < SAMPLES_MAX)
		l->latency_us[l->n_latency++] = (uint32_t)(now - c->sent_us);
	if (now < l->until_us)
		send_request(l, c);
}

/* ---- the run ----------------------------------------------------------------------------------- */

static int connect_to(int port)
{
	const struct sockaddr_in to = {.sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	const int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;

	if (fd < 0 || connect(fd, (const struct sockaddr *)&to, sizeof to) != 0)
		die("connecting");
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	return fd;
}

static void read_clients(struct load *l, int64_t first_step)
{
	char line[PATH_BYTES];

	while (fgets(line, sizeof line, stdin)) {
		struct client *c = calloc(1, sizeof *c);
		if (!c || l->n_clients == CLIENTS_MAX)
			die("too many clients");
		line[strcspn(line, "\n")] = 0;
		memcpy(c->path, line, sizeof line);
		c->body = malloc((size_t)l->batch * POINT_BYTES + POINT_BYTES);
		if (!c->body)
			die("memory");
		c->step = first_step;
		c->fd = connect_to(l->port);
		l->clients[l->n_clients++] = c;
	}
}

static void run(struct load *l)
{
	const int ep = epoll_create1(0);
	struct epoll_event ready[EVENTS];

	for (int i = 0; i < l->n_clients; i++) {
		struct epoll_event ev = {.events = EPOLLIN, .data.ptr = l->clients[i]};
		if (epoll_ctl(ep, EPOLL_CTL_ADD, l->clients[i]->fd, &ev) != 0)
			die("epoll");
		send_request(l, l->clients[i]);
	}
	while (l->waiting > 0) {
		const int n = epoll_wait(ep, ready, EVENTS, 30000);
		if (n <= 0)
			die("no answer within 30 s");
		for (int i = 0; i < n; i++)
			receive(l, ready[i].data.ptr);
	}
	close(ep);
}

static int ascending(const void *a, const void *b)
{
	const uint32_t l = *(const uint32_t *)a, r = *(const uint32_t *)b;

	return (l > r) - (l < r);
}

static double quantile_ms(const struct load *l, double q)
{
	return l->n_latency ? l->latency_us[(size_t)(q * (double)(l->n_latency - 1))] / 1000.0 : 0;
}

int main(int argc, char **argv)
{
	static struct load l = {.random = 2463534242};

	if (argc != 6) {
		fprintf(stderr, "usage: load PORT BATCH FIRST_STEP WARM_SECONDS SECONDS < paths\n");
		return 2;
	}
	l.port = (int)strtol(argv[1], NULL, 10);
	l.batch = (int)strtol(argv[2], NULL, 10);
	const double warm = strtod(argv[4], NULL), seconds = strtod(argv[5], NULL);
	l.latency_us = malloc(SAMPLES_MAX * sizeof *l.latency_us);
	if (!l.latency_us || l.batch < 1 || l.batch > 1000 || seconds <= 0)
		die("arguments");
	read_clients(&l, strtoll(argv[3], NULL, 10));
	l.from_us = now_us() + (int64_t)(warm * 1e6);
	l.until_us = l.from_us + (int64_t)(seconds * 1e6);
	run(&l);
	qsort(l.latency_us, l.n_latency, sizeof *l.latency_us, ascending);
	printf("{\"acknowledged\": %lld, \"requests\": %zu, \"points_per_s\": %.1f, \"p50_ms\": %.3f, \"p95_ms\": %.3f, "
		   "\"p99_ms\": %.3f, \"max_ms\": %.3f}\n",
		(long long)l.acked, l.n_latency, (double)l.n_latency * l.batch / seconds, quantile_ms(&l, 0.5),
		quantile_ms(&l, 0.95), quantile_ms(&l, 0.99), quantile_ms(&l, 1));
	return 0;
}
