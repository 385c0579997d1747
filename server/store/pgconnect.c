#include "server/store/pgconnect.h"

#include <assert.h>
#include <event2/event.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "lib/arena.h"
#include "lib/log.h"
#include "lib/mem.h"
#include "server/store/pgerr.h"
#include "server/store/pgparams.h"

/* What libpq would print on stderr: warnings, and why a server ended the connection. */
static void on_notice(void *ctx, const char *message)
{
	(void)ctx;
	LOG_DEBUG("database notice", L_STR("text", message));
}

/* Owned by the loop and the resolving thread together: whoever is last frees it. */
struct resolve {
	struct pg_params params;
	struct err err;
	bool ok;
	int fd; /* eventfd: readable when it has ended */
	atomic_int owners;
};

struct pg_connect {
	struct event_base *base;
	struct event *io, *deadline, *later;
	struct resolve *resolve;
	PGconn *conn;
	struct err err;
	pg_connect_fn *done;
	void *ctx;
};

static void resolve_unref(struct resolve *r)
{
	if (atomic_fetch_sub(&r->owners, 1) > 1)
		return;
	close(r->fd);
	pg_params_free(&r->params);
	free(r);
}

static void *resolve_main(void *arg)
{
	struct resolve *r = arg;
	r->ok = pg_params_resolve(&r->params, &r->err);
	(void)!write(r->fd, &(uint64_t){1}, sizeof(uint64_t));
	resolve_unref(r);
	return NULL;
}

static void connect_free(struct pg_connect *c)
{
	if (c->io)
		event_free(c->io);
	event_free(c->deadline);
	event_free(c->later);
	if (c->resolve)
		resolve_unref(c->resolve);
	free(c);
}

static void finish(struct pg_connect *c, bool ok)
{
	PGconn *conn = c->conn;
	if (!ok) {
		PQfinish(conn);
		conn = NULL;
	}
	pg_connect_fn *done = c->done;
	void *ctx = c->ctx;
	struct err err = c->err;
	connect_free(c);
	done(ctx, conn, ok ? NULL : &err);
}

static void on_io(evutil_socket_t fd, short what, void *ctx);

static void wait_for(struct pg_connect *c, int fd, short what)
{
	if (c->io)
		event_free(c->io);
	c->io = event_new(c->base, fd, what, on_io, c);
	event_add(c->io, NULL);
}

static void poll_connection(struct pg_connect *c)
{
	switch (PQconnectPoll(c->conn)) {
	case PGRES_POLLING_READING:
		wait_for(c, PQsocket(c->conn), EV_READ);
		break;
	case PGRES_POLLING_WRITING:
		wait_for(c, PQsocket(c->conn), EV_WRITE);
		break;
	case PGRES_POLLING_OK:
		finish(c, true);
		break;
	case PGRES_POLLING_FAILED:
	case PGRES_POLLING_ACTIVE:
		pg_connection_error(c->conn, ERR_UNAVAILABLE, "the database cannot be reached", &c->err);
		finish(c, false);
		break;
	}
}

static void begin(struct pg_connect *c)
{
	struct pg_params *p = &c->resolve->params;
	c->conn = PQconnectStartParams(p->keywords, p->values, 0);
	if (!c->conn || PQstatus(c->conn) == CONNECTION_BAD) {
		pg_connection_error(c->conn, ERR_UNAVAILABLE, "the database cannot be reached", &c->err);
		finish(c, false);
		return;
	}
	PQsetNoticeProcessor(c->conn, on_notice, NULL);
	wait_for(c, PQsocket(c->conn), EV_WRITE);
}

static void on_io(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd, (void)what;
	struct pg_connect *c = ctx;
	if (c->conn) {
		poll_connection(c);
	} else if (c->resolve->ok) {
		begin(c);
	} else {
		c->err = c->resolve->err;
		finish(c, false);
	}
}

static void on_deadline(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd, (void)what;
	struct pg_connect *c = ctx;
	err_set(&c->err, ERR_UNAVAILABLE, "the database cannot be reached: no answer within %d s",
		PG_CONNECT_TIMEOUT_S);
	finish(c, false);
}

/* Outside of pg_connect_start, so that its caller never hears before it has the object. */
static void on_later(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd, (void)what;
	struct pg_connect *c = ctx;
	if (!c->resolve)
		finish(c, false);
	else
		begin(c);
}

static bool start_thread(struct pg_connect *c)
{
	pthread_t thread;
	atomic_store(&c->resolve->owners, 2);
	if (pthread_create(&thread, NULL, resolve_main, c->resolve) != 0) {
		atomic_store(&c->resolve->owners, 1);
		return false;
	}
	pthread_detach(thread);
	wait_for(c, c->resolve->fd, EV_READ);
	return true;
}

struct pg_connect *pg_connect_start(
	struct event_base *base, const char *conninfo, const char *application, pg_connect_fn *done, void *ctx)
{
	struct pg_connect *c = xcalloc(1, sizeof *c);
	*c = (struct pg_connect){.base = base, .done = done, .ctx = ctx};
	c->deadline = evtimer_new(base, on_deadline, c);
	c->later = event_new(base, -1, 0, on_later, c);
	event_add(c->deadline, &(struct timeval){.tv_sec = PG_CONNECT_TIMEOUT_S});

	struct resolve *r = xcalloc(1, sizeof *r);
	atomic_init(&r->owners, 1);
	r->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	c->resolve = r;
	if (!pg_params_parse(&r->params, conninfo, application, &c->err)) {
		resolve_unref(r);
		c->resolve = NULL;
		event_active(c->later, 0, 0);
	} else if (!pg_params_need_resolving(&r->params) || !start_thread(c)) {
		event_active(c->later, 0, 0);
	}
	return c;
}

void pg_connect_cancel(struct pg_connect *c)
{
	if (!c)
		return;
	PQfinish(c->conn);
	connect_free(c);
}

PGconn *pg_connect_blocking(const char *conninfo, const char *application, struct err *e)
{
	struct pg_params p;
	if (!pg_params_parse(&p, conninfo, application, e))
		return NULL;
	PGconn *c = PQconnectdbParams(p.keywords, p.values, 0);
	pg_params_free(&p);
	if (PQstatus(c) != CONNECTION_OK) {
		pg_connection_error(c, ERR_UNAVAILABLE, "the database cannot be reached", e);
		PQfinish(c);
		return NULL;
	}
	PQsetNoticeProcessor(c, on_notice, NULL);
	return c;
}

bool pg_conninfo_check(const char *conninfo, struct err *e)
{
	struct pg_params p;
	if (!pg_params_parse(&p, conninfo, "", e))
		return false;
	pg_params_free(&p);
	return true;
}
