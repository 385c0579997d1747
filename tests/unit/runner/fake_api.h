/*
 * An API server of our own making, in the same thread and loop: HTTP/1.1 in clear on a loopback port.
 * A test says what it answers; requests are kept as "METHOD path?query" in the order they came.
 */
#pragma once
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <event2/http.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/attr.h"
#include "lib/clk.h"
#include "lib/err.h"
#include "lib/loop.h"
#include "trial-runner/kubernetes/access.h"
#include "trial-runner/kubernetes/client.h"

enum { FAKE_SEEN_MAX = 2048, FAKE_LINE_MAX = 512 };

struct fake_api;
struct fake_request {
	struct fake_api *api;
	struct evhttp_request *http;
	const char *method, *path, *query, *auth, *body;
};
typedef void fake_serve_fn(void *ctx, struct fake_request *r);

struct fake_api {
	struct loop *loop;
	struct evhttp *http;
	int port;
	fake_serve_fn *serve;
	void *ctx;
	char folder[64];                /* for kubeconfig and token files        */
	struct kube_access *access;
	struct kube_client *client;
	char seen[FAKE_SEEN_MAX][FAKE_LINE_MAX];
	size_t n_seen;
	struct evhttp_request *stream;  /* the last that was begun and not ended */
};

/* With a kubeconfig of one user, whose YAML fields are `user` ("token: abc"); config NULL: defaults. */
struct fake_api *fake_new(fake_serve_fn *serve, void *ctx, const char *user, const struct kube_client_config *config);
void fake_free(struct fake_api *f);
const char *fake_file(struct fake_api *f, const char *name, const char *text);     /* its path, static */

void fake_reply(struct fake_request *r, int status, const char *body);
void fake_reply_later(struct fake_request *r, int status, const char *retry_after);
void fake_status(struct fake_request *r, int status, const char *reason, const char *message);
void fake_stream_begin(struct fake_request *r);
void fake_stream_write(struct fake_api *f, const char *text);
void fake_stream_end(struct fake_api *f);
void fake_stream_cut(struct fake_api *f);       /* the connection breaks */

/* Turns the loop until *what is at least n, or fails after ten seconds. */
#define fake_until(f, condition)                                                     \
	do {                                                                             \
		int64_t end_ = clk_now_us() + 10 * CLK_SECOND;                               \
		while (!(condition)) {                                                       \
			loop_pass((f)->loop, true);                                              \
			if (clk_now_us() > end_)                                                 \
				fail_msg("%s:%d: never: %s", __FILE__, __LINE__, #condition);        \
		}                                                                            \
	} while (0)
void fake_turn(struct fake_api *f, int64_t us); /* turns the loop for that long */
