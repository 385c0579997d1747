/* Migrations, and the views that people query: the ten questions, asked by a reader. */
#include "tests/unit/store/cluster.h"

/* A fresh database with this name. */
static const char *fresh(const char *name)
{
	static char conninfo[600];
	char query[64];
	snprintf(query, sizeof query, "CREATE DATABASE %s", name);
	sql(T.conninfo, query);
	snprintf(conninfo, sizeof conninfo, "%s dbname=%s", T.conninfo, name);
	return conninfo;
}

static void migrated(const char *conninfo)
{
	struct err e = {0};
	if (!migrate_run(conninfo, &e))
		fail_msg("%s", e.detail);
}

static void refused(const char *conninfo, const char *saying)
{
	struct err e = {0};
	assert_false(migrate_run(conninfo, &e));
	if (!strstr(e.detail, saying))
		fail_msg("expected '%s' in: %s", saying, e.detail);
}

static void test_from_nothing_and_again(void **state)
{
	(void)state;
	const char *db = fresh("again");
	migrated(db);
	migrated(db);
	assert_int_equal(strtol(sql(db, "SELECT max(number) FROM core.migrations"), NULL, 10), migrate_latest());
	assert_string_equal(sql(db, "SELECT count(*) FROM core.migrations WHERE length(sha256) = 64"),
		sql(db, "SELECT count(*) FROM core.migrations"));
}

static void test_refusals(void **state)
{
	(void)state;
	const char *db = fresh("refused");
	migrated(db);
	sql(db, "INSERT INTO core.migrations VALUES (9999, '9999_future.sql', 'x')");
	refused(db, "schema version 9999, made by a newer trimtab");
	sql(db, "DELETE FROM core.migrations WHERE number = 9999");
	sql(db, "UPDATE core.migrations SET sha256 = 'other' WHERE number = 1");
	refused(db, "migration 0001_core.sql of this program is not the 0001_core.sql that made this database");
	sql(T.conninfo, "CREATE DATABASE latin TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'");
	char conninfo[600];
	snprintf(conninfo, sizeof conninfo, "%s dbname=latin", T.conninfo);
	refused(conninfo, "encoding is LATIN1");
}

/* A failed migration leaves nothing behind. */
static void test_a_migration_is_whole_or_not(void **state)
{
	(void)state;
	const char *db = fresh("blocked");
	sql(db, "CREATE SCHEMA core; CREATE TABLE core.events (mine text)");
	refused(db, "already exists");
	assert_string_equal(
		sql(db, "SELECT count(*) FROM pg_tables WHERE schemaname = 'core' AND tablename = 'trials'"), "0");
	sql(db, "DROP TABLE core.events");
	migrated(db);
}

/* Views built on ours stay when ours are made anew, and go only when a shape has changed. */
static void test_views_are_refreshed(void **state)
{
	(void)state;
	const char *db = fresh("views");
	migrated(db);
	sql(db, "CREATE VIEW public.mine AS SELECT trial, value FROM trimtab.trials");
	sql(db, "UPDATE core.settings SET value = 'older' WHERE name = 'public_sha256'");
	sql(db, "COMMENT ON VIEW trimtab.trials IS 'older'");
	migrated(db);
	assert_string_equal(sql(db, "SELECT count(*) FROM public.mine"), "0");
	assert_string_not_equal(sql(db, "SELECT obj_description('trimtab.trials'::regclass)"), "older");
	sql(db, "UPDATE core.settings SET value = 'older' WHERE name = 'public_sha256'");
	sql(db, "DROP VIEW trimtab.failures; CREATE VIEW trimtab.failures AS SELECT 1 AS other");
	migrated(db);
	assert_string_equal(sql(db, "SELECT count(*) FROM trimtab.failures"), "0");
}

static void test_everything_has_a_comment(void **state)
{
	(void)state;
	assert_string_equal(
		sql(T.conninfo,
			"SELECT coalesce(string_agg(c.oid::regclass || '.' || a.attname, ', '), '') FROM pg_class c"
			" JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 WHERE c.relnamespace = "
			"'trimtab'::regnamespace"
			" AND (obj_description(c.oid) IS NULL OR col_description(c.oid, a.attnum) IS NULL)"),
		"");
	assert_string_equal(sql(T.conninfo, "SELECT count(*) FROM pg_proc WHERE pronamespace = "
										"'trimtab'::regnamespace AND obj_description(oid) IS NULL"),
		"0");
}

/* ---- questions --------------------------------------------------------------------------------- */

/* Read from the folder that tests run in, the project's. */
static char *text_of(const char *path)
{
	struct err e = {0};
	size_t n;
	char *text = file_read(path, 1 << 20, T.arena, &n, &e);
	if (!text)
		fail_msg("%s", e.detail);
	return text;
}

static void ask_all(PGconn *c, char *questions)
{
	unsigned asked = 0;
	for (char *q = questions, *end; (end = strstr(q, ";\n")) != NULL; q = end + 2) {
		*end = '\0';
		PGresult *r = PQexec(c, q);
		if (PQresultStatus(r) != PGRES_TUPLES_OK || PQntuples(r) == 0)
			fail_msg("%s: %s", q, PQerrorMessage(c));
		PQclear(r);
		asked++;
	}
	assert_int_equal(asked, 18);
}

static void test_a_reader_asks(void **state)
{
	(void)state;
	char db[700], wide[1200];
	snprintf(db, sizeof db, "%s", fresh("questions"));
	migrated(db);
	T.arena = arena_new();
	sql(db, text_of("tests/unit/store/sample.sql"));
	sql(db, "CREATE ROLE ana LOGIN IN ROLE trimtab_reader; CREATE SCHEMA ana AUTHORIZATION ana;"
			" ALTER ROLE ana SET search_path = trimtab, ana");
	char *reader = db + strlen(db);
	snprintf(reader, sizeof db - strlen(db), " user=ana");

	PGconn *c = PQconnectdb(db);
	ask_all(c, text_of("tests/unit/store/questions.sql"));
	/* The best five with a column for each parameter: the query is itself an answer. */
	PGresult *r = PQexec(c, "SELECT wide_sql('cnn-tpe') || ' AND rank <= 5 ORDER BY rank'");
	snprintf(wide, sizeof wide, "%s", PQgetvalue(r, 0, 0));
	PQclear(r);
	r = PQexec(c, wide);
	assert_int_equal(PQntuples(r), 5);
	assert_string_equal(PQfname(r, 4), "lr");
	assert_string_equal(PQgetvalue(r, 0, 2), "1");
	PQclear(r);
	r = PQexec(c,
		"SET search_path = ana, trimtab; SELECT make_view('cnn-tpe', 'mine'); SELECT max(layers) FROM mine");
	assert_int_equal(PQresultStatus(r), PGRES_TUPLES_OK);
	PQclear(r);
	/* And nothing else. */
	r = PQexec(c, "SELECT * FROM core.tokens");
	assert_int_equal(PQresultStatus(r), PGRES_FATAL_ERROR);
	PQclear(r);
	r = PQexec(c, "DELETE FROM trimtab.trials");
	assert_int_equal(PQresultStatus(r), PGRES_FATAL_ERROR);
	PQclear(r);
	PQfinish(c);
	arena_free(T.arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_from_nothing_and_again),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_a_migration_is_whole_or_not),
		cmocka_unit_test(test_views_are_refreshed),
		cmocka_unit_test(test_everything_has_a_comment),
		cmocka_unit_test(test_a_reader_asks),
	};
	return cmocka_run_group_tests(tests, cluster_start, cluster_stop);
}
