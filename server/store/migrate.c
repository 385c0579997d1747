#include "server/store/migrate.h"

#include <assert.h>
#include <libpq-fe.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/log.h"
#include "lib/num.h"
#include "lib/strbuf.h"
#include "server/store/pgconnect.h"
#include "server/store/pgerr.h"
#include "server/store/sql_files.h"

enum { SHA256_TEXT = 2 * SHA256_DIGEST_LENGTH + 1, SERVER_VERSION_MIN = 150000 };

static const char migrations_dir[] = "sql/migrations/", public_dir[] = "sql/public/";

static void sha256_text(char out[SHA256_TEXT], const char *s, size_t n)
{
	unsigned char hash[SHA256_DIGEST_LENGTH];
	SHA256((const unsigned char *)s, n, hash);
	for (size_t i = 0; i < sizeof hash; i++)
		snprintf(out + 2 * i, 3, "%02x", hash[i]);
}

static bool is_in(const struct sql_file *f, const char *dir)
{
	return strncmp(f->name, dir, strlen(dir)) == 0;
}

/* "sql/migrations/0001_core.sql" -> 1; *name is "0001_core.sql" */
static int number_of(const struct sql_file *f, const char **name)
{
	*name = f->name + strlen(migrations_dir);
	int n = (int)strtol(*name, NULL, 10);
	assert(n > 0);
	return n;
}

int migrate_latest(void)
{
	int latest = 0;
	const char *name;
	for (const struct sql_file *f = sql_files; f->name; f++) {
		if (is_in(f, migrations_dir))
			latest = number_of(f, &name);
	}
	return latest;
}

/* Several commands without arguments, or one with; NULL on failure. */
static PGresult *query(
	PGconn *c, const char *what, const char *sql, int n, const char *const *values, struct err *e)
{
	PGresult *r = n > 0 ? PQexecParams(c, sql, n, NULL, values, NULL, NULL, 0) : PQexec(c, sql);
	ExecStatusType status = PQresultStatus(r);
	if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK)
		return r;
	if (PQresultErrorField(r, PG_DIAG_SQLSTATE))
		pg_result_error(r, what, e);
	else
		pg_connection_error(c, ERR_UNAVAILABLE, "the database connection broke", e);
	PQclear(r);
	return NULL;
}

static bool run(PGconn *c, const char *what, const char *sql, struct err *e)
{
	PGresult *r = query(c, what, sql, 0, NULL, e);
	PQclear(r);
	return r != NULL;
}

static bool run_setup(PGconn *c, const char *name, int n, const char *const *values, struct err *e)
{
	PGresult *r = query(c, name, sql_setup(name), n, values, e);
	PQclear(r);
	return r != NULL;
}

static void roll_back(PGconn *c)
{
	struct err ignored;
	(void)!run_setup(c, "rollback", 0, NULL, &ignored);
}

static bool check_server(PGconn *c, struct err *e)
{
	PGresult *r = query(c, "the server's version", sql_setup("encoding"), 0, NULL, e);
	if (!r)
		return false;
	bool ok = true;
	if (strtol(PQgetvalue(r, 0, 1), NULL, 10) < SERVER_VERSION_MIN)
		ok = err_set(e, ERR_INVALID, "PostgreSQL %s is too old: 15 or newer is needed", PQgetvalue(r, 0, 2));
	else if (strcmp(PQgetvalue(r, 0, 0), "UTF8") != 0)
		ok = err_set(e, ERR_INVALID, "the database's encoding is %s: create it with ENCODING 'UTF8'",
			PQgetvalue(r, 0, 0));
	PQclear(r);
	return ok;
}

/* Row i of core.migrations must be the ith of ours, text for text. */
static bool check_applied(const PGresult *applied, struct err *e)
{
	int i = 0, rows = PQntuples(applied), latest = migrate_latest();
	for (const struct sql_file *f = sql_files; f->name && i < rows; f++) {
		if (!is_in(f, migrations_dir))
			continue;
		const char *name;
		char sha256[SHA256_TEXT];
		(void)number_of(f, &name);
		sha256_text(sha256, f->text, strlen(f->text));
		if (strcmp(PQgetvalue(applied, i, 1), name) != 0 || strcmp(PQgetvalue(applied, i, 2), sha256) != 0) {
			return err_set(e, ERR_INVALID,
				"migration %s of this program is not the %s that made this database: use the "
				"trimtab that made it, or another database",
				name, PQgetvalue(applied, i, 1));
		}
		i++;
	}
	if (i < rows) {
		return err_set(e, ERR_INVALID,
			"the database has schema version %s, made by a newer trimtab; this one knows %d: start the newer "
			"one",
			PQgetvalue(applied, rows - 1, 0), latest);
	}
	return true;
}

static bool apply(PGconn *c, const struct sql_file *f, struct err *e)
{
	const char *name;
	char number[NUM_MAX], sha256[SHA256_TEXT];
	num_format_i64(number, number_of(f, &name));
	sha256_text(sha256, f->text, strlen(f->text));
	const char *values[] = {number, name, sha256};
	if (run_setup(c, "begin", 0, NULL, e) && run(c, name, f->text, e) &&
		run_setup(c, "record", 3, values, e) && run_setup(c, "commit", 0, NULL, e)) {
		LOG_INFO("migration applied", L_STR("name", name));
		return true;
	}
	roll_back(c);
	return false;
}

static bool migrate(PGconn *c, struct err *e)
{
	PGresult *applied = query(c, "the list of migrations", sql_setup("applied"), 0, NULL, e);
	if (!applied)
		return false;
	int rows = PQntuples(applied), i = 0;
	bool ok = check_applied(applied, e);
	PQclear(applied);
	for (const struct sql_file *f = sql_files; ok && f->name; f++) {
		if (is_in(f, migrations_dir) && i++ >= rows)
			ok = apply(c, f, e);
	}
	return ok;
}

static bool create_public(PGconn *c, const char *sha256, bool drop, struct err *e)
{
	bool ok = run_setup(c, "begin", 0, NULL, e) && (!drop || run_setup(c, "public_drop", 0, NULL, e));
	for (const struct sql_file *f = sql_files; ok && f->name; f++) {
		if (is_in(f, public_dir))
			ok = run(c, f->name, f->text, e);
	}
	const char *values[] = {sha256};
	ok = ok && run_setup(c, "public_was", 1, values, e) && run_setup(c, "commit", 0, NULL, e);
	if (!ok)
		roll_back(c);
	return ok;
}

/* Replaced in place where PostgreSQL lets us, so that views built on ours survive. */
static bool refresh_public(PGconn *c, struct err *e)
{
	struct strbuf all;
	char sha256[SHA256_TEXT];
	strbuf_init(&all, 16 << 20);
	for (const struct sql_file *f = sql_files; f->name; f++) {
		if (is_in(f, public_dir))
			strbuf_puts(&all, f->text);
	}
	sha256_text(sha256, all.data, all.len);
	strbuf_free(&all);

	PGresult *r = query(c, "the views' version", sql_setup("public_is"), 0, NULL, e);
	if (!r)
		return false;
	bool same = PQntuples(r) == 1 && strcmp(PQgetvalue(r, 0, 0), sha256) == 0;
	PQclear(r);
	return same || create_public(c, sha256, false, e) || create_public(c, sha256, true, e);
}

bool migrate_run(const char *conninfo, struct err *e)
{
	PGconn *c = pg_connect_blocking(conninfo, "trimtab migrate", e);
	if (!c)
		return false;
	bool ok = check_server(c, e) && run_setup(c, "lock", 0, NULL, e) && run_setup(c, "table", 0, NULL, e) &&
	          migrate(c, e) && refresh_public(c, e);
	PQfinish(c);
	return ok;
}
