/* What PostgreSQL's errors mean to us: SQLSTATE to enum err_code, and what may be tried again. */
#pragma once
#include <libpq-fe.h>
#include <stdbool.h>

#include "lib/err.h"

enum pg_retry {
	PG_NO_RETRY,
	PG_RETRY,               /* rolled back because of others: send it again                       */
	PG_RECONNECT            /* the server goes away: as a lost connection                         */
};

struct pg_state {
	enum err_code code;
	enum pg_retry retry;
};
struct pg_state pg_sqlstate(const char *sqlstate);       /* NULL: the connection broke */
/* Fills *e from a failed result; `what` names the statement. */
struct pg_state pg_result_error(const PGresult *res, const char *what, struct err *e);
/* libpq's message on one line, without its trailing newline. */
bool pg_connection_error(const PGconn *c, enum err_code code, const char *what, struct err *e);
