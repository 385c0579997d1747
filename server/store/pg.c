#include "server/store/pg.h"

#include <assert.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/log.h"
#include "lib/loop.h"
#include "lib/mem.h"
#include "server/store/pgconnect.h"
#include "server/store/pgprepare.h"

enum {
	WINDOW = 128,        /* units on their way at once                                */
	CALLBACKS_MAX = 100, /* per wake-up, so that the rest of the loop gets its turn   */
	TRIES_MAX = 5,
	BACKOFF_MIN_MS = 50,
	BACKOFF_MAX_MS = 5000,
};
#define STUCK_US INT64_C(60000000) /* for an answer: twice the statement_timeout                */

struct pg {
	struct pg_config config;
	enum pg_conn_state state;
	struct pg_connect *connect;
	PGconn *conn;
	struct event *readable, *writable, *kick, *timer;
	struct pg_prepare prepare;
	struct pg_units unsent, sent;
	size_t n_unsent, n_sent;
	unsigned failures; /* to connect, in a row: the back-off grows                  */
	bool broken;       /* a send failed: the kick event takes the consequences      */
	bool reported;     /* that it is away is logged once                            */
};

int64_t pg_real_us(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

void pg_unit_init(
	struct pg_unit *u, enum stmt stmt, void (*done)(struct pg_unit *, const PGresult *, const struct err *))
{
	*u = (struct pg_unit){.done = done};
	pg_args_init(&u->args, &stmt_table[stmt]);
}

static void connection_lost(struct pg *p, const struct err *why);

static void unit_finish(struct pg *p, struct pg_unit *u)
{
	bool ok = u->err.code == ERR_OK;
	if (!ok)
		p->config.counters->failures++;
	u->done(u, ok ? u->res : NULL, ok ? NULL : &u->err);
}

static void unit_fail(struct pg *p, struct pg_unit *u, const struct err *why)
{
	PQclear(u->res);
	u->res = NULL;
	u->err = *why;
	u->err.code = ERR_UNAVAILABLE;
	unit_finish(p, u);
}

/* ---- sending ----------------------------------------------------------------------------------- */

static bool send_prepared(PGconn *c, const struct pg_args *args)
{
	const char *values[PG_ARGS_MAX];
	int formats[PG_ARGS_MAX];
	assert(args->n == args->def->n_in && args->elements_left == 0 && "an argument is missing");
	for (unsigned i = 0; i < args->n; i++) {
		/* An empty text is no null: any address will do. */
		values[i] = args->length[i] < 0 ? NULL : args->data ? args->data + args->offset[i] : "";
		formats[i] = 1;
	}
	return PQsendQueryPrepared(c, args->def->name, (int)args->n, values, args->length, formats, 1) == 1 &&
	       PQpipelineSync(c) == 1;
}

/* What libpq could not write at once goes out when the socket takes it. */
static void flush(struct pg *p)
{
	int rest = PQflush(p->conn);
	if (rest > 0)
		event_add(p->writable, NULL);
	else if (rest < 0)
		p->broken = true;
	if (p->broken)
		event_active(p->kick, 0, 0);
}

static void send_units(struct pg *p)
{
	while (p->state == PG_READY && !p->broken && p->n_sent < WINDOW && !STAILQ_EMPTY(&p->unsent)) {
		struct pg_unit *u = STAILQ_FIRST(&p->unsent);
		STAILQ_REMOVE_HEAD(&p->unsent, link);
		p->n_unsent--;
		STAILQ_INSERT_TAIL(&p->sent, u, link);
		p->n_sent++;
		u->tries++;
		u->sent_us = pg_real_us();
		p->config.counters->statements++;
		if (!send_prepared(p->conn, &u->args))
			p->broken = true;
	}
	if (p->state == PG_READY)
		flush(p);
}

void pg_submit(struct pg *p, struct pg_unit *u)
{
	if (u->deadline_us == 0)
		u->deadline_us = pg_real_us() + p->config.wait_us;
	STAILQ_INSERT_TAIL(&p->unsent, u, link);
	p->n_unsent++;
	send_units(p);
}

/* ---- receiving --------------------------------------------------------------------------------- */

static void unit_result(struct pg_unit *u, PGresult *r)
{
	ExecStatusType status = PQresultStatus(r);
	if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK) {
		assert(!u->res);
		u->res = r;
		return;
	}
	if (status != PGRES_PIPELINE_ABORTED && u->err.code == ERR_OK)
		u->failure = pg_result_error(r, u->args.def->name, &u->err);
	PQclear(r);
}

/* Its transaction is committed or rolled back. False: the connection is of no use any more. */
static bool unit_synced(struct pg *p)
{
	struct pg_unit *u = STAILQ_FIRST(&p->sent);
	if (u->err.code != ERR_OK && u->failure.retry == PG_RECONNECT)
		return false;
	STAILQ_REMOVE_HEAD(&p->sent, link);
	p->n_sent--;
	p->config.counters->busy_us += pg_real_us() - u->sent_us;
	if (u->err.code != ERR_OK && u->failure.retry == PG_RETRY && u->tries < TRIES_MAX) {
		p->config.counters->resent++;
		PQclear(u->res);
		u->res = NULL;
		u->err.code = ERR_OK;
		STAILQ_INSERT_HEAD(&p->unsent, u, link);
		p->n_unsent++;
	} else {
		unit_finish(p, u);
	}
	return true;
}

static void read_units(struct pg *p)
{
	unsigned callbacks = 0;
	while (p->n_sent > 0 && !p->broken && !PQisBusy(p->conn)) {
		PGresult *r = PQgetResult(p->conn);
		if (!r)
			continue; /* the end of one statement's results */
		if (PQresultStatus(r) != PGRES_PIPELINE_SYNC) {
			unit_result(STAILQ_FIRST(&p->sent), r);
			continue;
		}
		PQclear(r);
		if (!unit_synced(p)) {
			struct err err = STAILQ_FIRST(&p->sent)->err;
			connection_lost(p, &err);
			return;
		}
		if (++callbacks == CALLBACKS_MAX) {
			event_active(p->readable, EV_READ, 0);
			break;
		}
	}
	send_units(p);
}

static void ready(struct pg *p)
{
	p->state = PG_READY;
	p->failures = 0;
	if (p->reported)
		LOG_INFO("database connection is back");
	p->reported = false;
	send_units(p);
}

static void read_prepare(struct pg *p)
{
	struct err err = {0};
	switch (pg_prepare_read(&p->prepare, p->conn, &err)) {
	case PG_PREPARE_MORE:
		flush(p);
		break;
	case PG_PREPARE_DONE:
		ready(p);
		break;
	case PG_PREPARE_LOST:
		connection_lost(p, &err);
		break;
	case PG_PREPARE_MISMATCH:
		connection_lost(p, &err);
		p->config.fatal(p->config.ctx, &err);
		break;
	}
}

static void on_readable(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd, (void)what;
	loop_mark();
	struct pg *p = ctx;
	if (!PQconsumeInput(p->conn) || p->broken) {
		/* The server's last words (why it goes) may already be here. */
		struct err err = {0};
		pg_connection_error(p->conn, ERR_UNAVAILABLE, "the database connection broke", &err);
		connection_lost(p, &err);
	} else if (p->state == PG_PREPARING) {
		read_prepare(p);
	} else {
		read_units(p);
	}
}

static void on_writable(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd, (void)what;
	flush(ctx);
}

static void on_kick(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd, (void)what;
	struct pg *p = ctx;
	if (!p->broken || !p->conn)
		return;
	struct err err = {0};
	pg_connection_error(p->conn, ERR_UNAVAILABLE, "the database connection broke", &err);
	connection_lost(p, &err);
}

/* ---- connecting -------------------------------------------------------------------------------- */

static void watch_socket(struct pg *p)
{
	int fd = PQsocket(p->conn);
	p->readable = event_new(p->config.base, fd, EV_READ | EV_PERSIST, on_readable, p);
	p->writable = event_new(p->config.base, fd, EV_WRITE, on_writable, p);
	event_add(p->readable, NULL);
}

static void close_connection(struct pg *p)
{
	if (p->readable)
		event_free(p->readable);
	if (p->writable)
		event_free(p->writable);
	p->readable = p->writable = NULL;
	PQfinish(p->conn);
	p->conn = NULL;
	p->broken = false;
}

static void back_off(struct pg *p)
{
	unsigned shift = p->failures < 7 ? p->failures : 7;
	unsigned ms = BACKOFF_MIN_MS << shift;
	if (ms > BACKOFF_MAX_MS)
		ms = BACKOFF_MAX_MS;
	/* Up to a quarter more, so that replicas do not come back in step. */
	ms += (unsigned)(pg_real_us() % (ms / 4 + 1));
	p->failures++;
	p->state = PG_BACKOFF;
	event_add(p->timer, &(struct timeval){.tv_sec = ms / 1000, .tv_usec = (suseconds_t)(ms % 1000) * 1000});
}

/* Callbacks may submit again: the lists are detached first and what is new goes behind. */
static void connection_lost(struct pg *p, const struct err *why)
{
	if (!p->reported)
		LOG_WARN("database connection lost", L_STR("reason", why->detail));
	p->reported = true;
	p->config.counters->reconnects++;
	close_connection(p);
	back_off(p);

	struct pg_units again = STAILQ_HEAD_INITIALIZER(again), failed = STAILQ_HEAD_INITIALIZER(failed);
	struct pg_unit *u;
	while ((u = STAILQ_FIRST(&p->sent)) != NULL) {
		STAILQ_REMOVE_HEAD(&p->sent, link);
		p->n_sent--;
		PQclear(u->res);
		u->res = NULL;
		u->err.code = ERR_OK;
		if (u->args.def->repeatable && u->tries < TRIES_MAX) {
			STAILQ_INSERT_TAIL(&again, u, link);
			u->deadline_us = pg_real_us() + p->config.wait_us;
			p->config.counters->resent++;
			p->n_unsent++;
		} else {
			STAILQ_INSERT_TAIL(&failed, u, link);
		}
	}
	STAILQ_CONCAT(&again, &p->unsent);
	STAILQ_CONCAT(&p->unsent, &again);
	p->config.lost(p->config.ctx, p);
	while ((u = STAILQ_FIRST(&failed)) != NULL) {
		STAILQ_REMOVE_HEAD(&failed, link);
		unit_fail(p, u, why);
	}
}

static void on_connected(void *ctx, PGconn *c, const struct err *e)
{
	struct pg *p = ctx;
	p->connect = NULL;
	if (!c) {
		connection_lost(p, e);
		return;
	}
	p->conn = c;
	p->state = PG_PREPARING;
	watch_socket(p);
	if (PQsetnonblocking(c, 1) != 0 || PQenterPipelineMode(c) != 1 || !pg_prepare_send(&p->prepare, c))
		p->broken = true;
	flush(p);
}

static void on_timer(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd, (void)what;
	struct pg *p = ctx;
	p->state = PG_CONNECTING;
	p->connect = pg_connect_start(p->config.base, p->config.conninfo, p->config.application, on_connected, p);
}

struct pg *pg_new(const struct pg_config *config)
{
	struct pg *p = xcalloc(1, sizeof *p);
	p->config = *config;
	STAILQ_INIT(&p->unsent);
	STAILQ_INIT(&p->sent);
	p->timer = evtimer_new(config->base, on_timer, p);
	p->kick = event_new(config->base, -1, 0, on_kick, p);
	on_timer(-1, 0, p);
	return p;
}

void pg_free(struct pg *p)
{
	if (!p)
		return;
	struct err err = {0};
	err_set(&err, ERR_UNAVAILABLE, "the server is stopping");
	p->state = PG_OFF;
	pg_connect_cancel(p->connect);
	struct pg_unit *u;
	STAILQ_CONCAT(&p->sent, &p->unsent);
	while ((u = STAILQ_FIRST(&p->sent)) != NULL) {
		STAILQ_REMOVE_HEAD(&p->sent, link);
		unit_fail(p, u, &err);
	}
	assert(STAILQ_EMPTY(&p->unsent) && "a callback reached a connection that is closing");
	close_connection(p);
	event_free(p->timer);
	event_free(p->kick);
	free(p);
}

enum pg_conn_state pg_state(const struct pg *p)
{
	return p->state;
}

size_t pg_queued(const struct pg *p)
{
	return p->n_unsent;
}

size_t pg_sent(const struct pg *p)
{
	return p->n_sent;
}

int pg_backend_pid(const struct pg *p)
{
	return p->state == PG_READY ? PQbackendPID(p->conn) : 0;
}

void pg_take_unsent(struct pg *p, struct pg_units *to)
{
	STAILQ_CONCAT(to, &p->unsent);
	p->n_unsent = 0;
}

void pg_check_deadlines(struct pg *p, int64_t now_us)
{
	struct err err = {0};
	struct pg_unit *u = STAILQ_FIRST(&p->sent);
	if (p->state == PG_READY && u && u->sent_us + STUCK_US < now_us) {
		err_set(&err, ERR_UNAVAILABLE, "the database does not answer");
		connection_lost(p, &err);
	}
	if (p->state == PG_READY)
		return;
	err_set(&err, ERR_UNAVAILABLE, "the database is not reachable");
	struct pg_units all = STAILQ_HEAD_INITIALIZER(all);
	STAILQ_CONCAT(&all, &p->unsent);
	p->n_unsent = 0;
	while ((u = STAILQ_FIRST(&all)) != NULL) {
		STAILQ_REMOVE_HEAD(&all, link);
		if (u->deadline_us < now_us)
			unit_fail(p, u, &err);
		else
			pg_submit(p, u);
	}
}
