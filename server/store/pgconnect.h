/*
 * Connecting without blocking the loop: host names are resolved on a thread of their own (libpq would
 * call getaddrinfo), then PQconnectPoll is driven by events, which are made anew at every step because
 * libpq may change the socket.
 */
#pragma once
#include <libpq-fe.h>
#include <stdbool.h>

#include "lib/err.h"

struct event_base;
struct pg_connect;

enum { PG_CONNECT_TIMEOUT_S = 10 };

/* c is the callee's to finish; NULL with *e set when it failed. Comes once, never from pg_connect_start. */
typedef void pg_connect_fn(void *ctx, PGconn *c, const struct err *e);
struct pg_connect *pg_connect_start(struct event_base *base, const char *conninfo, const char *application,
	pg_connect_fn *done, void *ctx);
void pg_connect_cancel(struct pg_connect *c);   /* before done: it will not come */

/* The same settings, blocking: for migrations, before the loop runs. */
PGconn *pg_connect_blocking(const char *conninfo, const char *application, struct err *e) MUSTCHECK;
bool pg_conninfo_check(const char *conninfo, struct err *e) MUSTCHECK;
