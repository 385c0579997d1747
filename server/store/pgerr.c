#include "server/store/pgerr.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "lib/attr.h"

/* The first match counts: whole states before classes. */
static const struct {
	const char *prefix;
	struct pg_state is;
} states[] = {
	{"40001", {ERR_UNAVAILABLE, PG_RETRY}},     /* serialization_failure                       */
	{"40P01", {ERR_UNAVAILABLE, PG_RETRY}},     /* deadlock_detected                           */
	{"55P03", {ERR_UNAVAILABLE, PG_RETRY}},     /* lock_not_available: lock_timeout            */
	{"57014", {ERR_TIMEOUT, PG_NO_RETRY}},      /* query_canceled: statement_timeout           */
	{"57P0", {ERR_UNAVAILABLE, PG_RECONNECT}},  /* admin_shutdown, crash_shutdown, ...         */
	{"08", {ERR_UNAVAILABLE, PG_RECONNECT}},    /* connection exceptions                       */
	{"53", {ERR_UNAVAILABLE, PG_NO_RETRY}},     /* disk full, out of memory, connections       */
	{"25006", {ERR_UNAVAILABLE, PG_RECONNECT}}, /* read only: a replica, after a failover      */
	{"23505", {ERR_CONFLICT, PG_NO_RETRY}},     /* unique_violation                            */
	{"23503", {ERR_NOT_FOUND, PG_NO_RETRY}},    /* foreign_key_violation: its experiment went  */
	{"22P05", {ERR_MALFORMED, PG_NO_RETRY}},    /* untranslatable_character: NUL in JSON       */
	{"22021", {ERR_MALFORMED, PG_NO_RETRY}},    /* not UTF-8                                   */
	{"54", {ERR_TOO_LARGE, PG_NO_RETRY}},       /* program limits                              */
};

struct pg_state pg_sqlstate(const char *sqlstate)
{
	if (!sqlstate)
		return (struct pg_state){ERR_UNAVAILABLE, PG_RECONNECT};
	for (size_t i = 0; i < ARRAY_LEN(states); i++) {
		if (strncmp(sqlstate, states[i].prefix, strlen(states[i].prefix)) == 0)
			return states[i].is;
	}
	return (struct pg_state){ERR_INTERNAL, PG_NO_RETRY};
}

struct pg_state pg_result_error(const PGresult *res, const char *what, struct err *e)
{
	const char *state = PQresultErrorField(res, PG_DIAG_SQLSTATE);
	const char *text = PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY);
	struct pg_state is = pg_sqlstate(state);
	if (!text)
		text = "the connection broke";
	if (is.code == ERR_TIMEOUT)
		err_set(e, is.code, "the database did not finish %s in time", what);
	else if (is.code == ERR_UNAVAILABLE)
		err_set(e, is.code, "the database cannot do this now: %s", text);
	else
		err_set(e, is.code, "%s: %s (SQLSTATE %s)", what, text, state ? state : "none");
	return is;
}

bool pg_connection_error(const PGconn *c, enum err_code code, const char *what, struct err *e)
{
	char text[300];
	snprintf(text, sizeof text, "%s", PQerrorMessage(c));
	size_t n = strlen(text);
	while (n > 0 && text[n - 1] == '\n')
		text[--n] = '\0';
	for (char *p = text; *p; p++) {
		if (*p == '\n' || *p == '\t')
			*p = ' ';
	}
	return err_set(e, code, "%s: %s", what, n > 0 ? text : "no reason given");
}
