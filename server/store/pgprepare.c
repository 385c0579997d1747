#include "server/store/pgprepare.h"

#include <assert.h>
#include <string.h>

#include "server/store/pgerr.h"
#include "server/store/pgval.h"
#include "stmt.h"

/* Steps 0 .. STMTS-1 prepare, the next STMTS describe, the last one begins the session. */
enum { STEPS = 2 * STMTS + 1 };

static bool send_prepare(PGconn *c, const struct stmt_def *d)
{
	Oid types[PG_ARGS_MAX];
	for (unsigned i = 0; i < d->n_in; i++)
		types[i] = pg_type_oid(d->in[i].type);
	return PQsendPrepare(c, d->name, d->text, (int)d->n_in, types) == 1 && PQpipelineSync(c) == 1;
}

static bool send_session(PGconn *c)
{
	const char *values[] = {"30s", "10s"};
	const struct stmt_def *d = &stmt_table[STMT_SESSION_BEGIN];
	assert(d->n_in == 2);
	return PQsendQueryPrepared(c, d->name, 2, values, NULL, NULL, 0) == 1 && PQpipelineSync(c) == 1;
}

bool pg_prepare_send(struct pg_prepare *p, PGconn *c)
{
	*p = (struct pg_prepare){0};
	for (unsigned i = 0; i < STMTS; i++) {
		if (!send_prepare(c, &stmt_table[i]))
			return false;
	}
	for (unsigned i = 0; i < STMTS; i++) {
		if (PQsendDescribePrepared(c, stmt_table[i].name) != 1 || PQpipelineSync(c) != 1)
			return false;
	}
	return send_session(c);
}

static bool mismatch(struct pg_prepare *p, const char *statement, const char *what)
{
	if (p->mismatches++ == 0)
		err_set(&p->mismatch, ERR_INTERNAL, "the database's schema does not fit this program: %s: %s",
			statement, what);
	return false;
}

static bool compare(struct pg_prepare *p, const struct stmt_def *d, const PGresult *r)
{
	if (PQnparams(r) != (int)d->n_in)
		return mismatch(p, d->name, "another number of parameters");
	for (unsigned i = 0; i < d->n_in; i++) {
		if (PQparamtype(r, (int)i) != pg_type_oid(d->in[i].type))
			return mismatch(p, d->name, d->in[i].name);
	}
	if (PQnfields(r) != (int)d->n_out)
		return mismatch(p, d->name, "another number of columns");
	for (unsigned i = 0; i < d->n_out; i++) {
		if (strcmp(PQfname(r, (int)i), d->out[i].name) != 0 ||
			PQftype(r, (int)i) != pg_type_oid(d->out[i].type))
			return mismatch(p, d->name, d->out[i].name);
	}
	return true;
}

static const char *step_name(unsigned step)
{
	return step < 2 * STMTS ? stmt_table[step % STMTS].name : stmt_table[STMT_SESSION_BEGIN].name;
}

/* False: the connection is of no use. */
static bool take(struct pg_prepare *p, const PGresult *r, struct err *e)
{
	struct err err = {0};
	ExecStatusType status = PQresultStatus(r);
	if (status == PGRES_PIPELINE_SYNC) {
		p->step++;
	} else if (status == PGRES_FATAL_ERROR) {
		/* Not the statement's fault: shutting down, no memory. */
		if (pg_result_error(r, step_name(p->step), &err).code != ERR_INTERNAL) {
			*e = err;
			return false;
		}
		mismatch(p, step_name(p->step), PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY));
	} else if (p->step >= STMTS && p->step < 2 * STMTS) {
		(void)compare(p, &stmt_table[p->step - STMTS], r);
	}
	return true;
}

enum pg_prepare_result pg_prepare_read(struct pg_prepare *p, PGconn *c, struct err *e)
{
	while (p->step < STEPS && !PQisBusy(c)) {
		PGresult *r = PQgetResult(c);
		bool ok = !r || take(p, r, e);
		PQclear(r);
		if (!ok)
			return PG_PREPARE_LOST;
	}
	if (p->step < STEPS)
		return PG_PREPARE_MORE;
	if (p->mismatches == 0)
		return PG_PREPARE_DONE;
	*e = p->mismatch;
	return PG_PREPARE_MISMATCH;
}
