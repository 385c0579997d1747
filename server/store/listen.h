/*
 * LISTEN on a connection of its own, because notifications only come when somebody reads. While it is
 * away notifications are lost, so after every connect `heard` is called once with 0: look at everything.
 */
#pragma once
#include <stdint.h>

struct event_base;
struct listen;

typedef void listen_fn(void *ctx, int64_t experiment);
struct listen *listen_new(struct event_base *base, const char *conninfo, const char *application,
	listen_fn *heard, void *ctx);
void listen_free(struct listen *l);
int listen_backend_pid(const struct listen *l);         /* 0 while away; for tests */
