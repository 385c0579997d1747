#include "server/store/listen.h"

#include <event2/event.h>
#include <libpq-fe.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/log.h"
#include "lib/loop.h"
#include "lib/mem.h"
#include "lib/num.h"
#include "server/store/pgconnect.h"
#include "server/store/pgerr.h"
#include "server/store/sql_files.h"

enum { BACKOFF_MIN_MS = 50, BACKOFF_MAX_MS = 5000 };

struct listen {
	struct event_base *base;
	char *conninfo, *application;
	listen_fn *heard;
	void *ctx;
	struct pg_connect *connect;
	PGconn *conn;
	struct event *readable, *timer;
	unsigned backoff_ms;
	bool listening;
};

static void disconnect(struct listen *l)
{
	if (l->readable)
		event_free(l->readable);
	l->readable = NULL;
	PQfinish(l->conn);
	l->conn = NULL;
	l->listening = false;
}

static void try_later(struct listen *l, const struct err *why)
{
	LOG_DEBUG("not listening", L_STR("reason", why->detail));
	disconnect(l);
	event_add(l->timer,
		&(struct timeval){.tv_sec = l->backoff_ms / 1000, .tv_usec = (l->backoff_ms % 1000) * 1000});
	l->backoff_ms = l->backoff_ms * 2 < BACKOFF_MAX_MS ? l->backoff_ms * 2 : BACKOFF_MAX_MS;
}

/* The answer to LISTEN itself. False: it failed. */
static bool read_results(struct listen *l, struct err *e)
{
	PGresult *r;
	bool ok = true;
	while (ok && !PQisBusy(l->conn) && (r = PQgetResult(l->conn)) != NULL) {
		if (PQresultStatus(r) == PGRES_COMMAND_OK) {
			l->listening = true;
			l->backoff_ms = BACKOFF_MIN_MS;
			l->heard(l->ctx, 0);
		} else {
			pg_result_error(r, "LISTEN", e);
			ok = false;
		}
		PQclear(r);
	}
	return ok;
}

static void read_notifications(struct listen *l)
{
	PGnotify *n;
	while ((n = PQnotifies(l->conn)) != NULL) {
		int64_t id;
		if (num_parse_i64(n->extra, strlen(n->extra), &id) && id > 0)
			l->heard(l->ctx, id);
		PQfreemem(n);
	}
}

static void on_readable(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd, (void)what;
	loop_mark();
	struct listen *l = ctx;
	struct err err = {0};
	if (!PQconsumeInput(l->conn)) {
		pg_connection_error(l->conn, ERR_UNAVAILABLE, "the listening connection broke", &err);
		try_later(l, &err);
	} else if (!read_results(l, &err)) {
		try_later(l, &err);
	} else {
		read_notifications(l);
	}
}

static void on_connected(void *ctx, PGconn *c, const struct err *e)
{
	struct listen *l = ctx;
	l->connect = NULL;
	l->conn = c;
	if (!c) {
		try_later(l, e);
		return;
	}
	struct err err = {0};
	if (!PQsendQuery(c, sql_setup("listen"))) {
		pg_connection_error(c, ERR_UNAVAILABLE, "cannot listen", &err);
		try_later(l, &err);
		return;
	}
	l->readable = event_new(l->base, PQsocket(c), EV_READ | EV_PERSIST, on_readable, l);
	event_add(l->readable, NULL);
}

static void on_timer(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd, (void)what;
	struct listen *l = ctx;
	l->connect = pg_connect_start(l->base, l->conninfo, l->application, on_connected, l);
}

struct listen *listen_new(
	struct event_base *base, const char *conninfo, const char *application, listen_fn *heard, void *ctx)
{
	struct listen *l = xcalloc(1, sizeof *l);
	*l = (struct listen){
		.base = base,
		.conninfo = xstrdup(conninfo),
		.application = xstrdup(application),
		.heard = heard,
		.ctx = ctx,
		.backoff_ms = BACKOFF_MIN_MS,
	};
	l->timer = evtimer_new(base, on_timer, l);
	on_timer(-1, 0, l);
	return l;
}

void listen_free(struct listen *l)
{
	if (!l)
		return;
	pg_connect_cancel(l->connect);
	disconnect(l);
	event_free(l->timer);
	free(l->conninfo);
	free(l->application);
	free(l);
}

int listen_backend_pid(const struct listen *l)
{
	return l->listening ? PQbackendPID(l->conn) : 0;
}
