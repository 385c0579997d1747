/* Migrations, and the views that people query: the ten questions, asked by a reader. */
#include "tests/unit/store/cluster.h"

#include <math.h>

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

/* Three finished experiments: two over the same space, one with two objectives. */
static const char *const sample[] = {
	"SELECT setseed(0.42)",
	"INSERT INTO core.experiments (namespace, name, form, posted, spec, spec_sha256, algorithm, state, "
    "started_at)"
	" SELECT 'default', n, 'trimtab/v1', '', '{}', '', a, 'succeeded', now() - interval '5 hours'"
	" FROM (VALUES ('cnn-tpe', 'tpe'), ('cnn-random', 'random'), ('cnn-moo', 'nsga2')) v (n, a)",
	"INSERT INTO core.progress (experiment_id, next_number) SELECT experiment_id, 61 FROM core.experiments",
	"INSERT INTO core.objectives SELECT experiment_id, 0, 'loss', 'minimize', 0.05, 'min' FROM "
    "core.experiments"
	" WHERE name <> 'cnn-moo'",
	"INSERT INTO core.objectives SELECT experiment_id, 0, 'accuracy', 'maximize', NULL, 'max' FROM "
    "core.experiments"
	" WHERE name = 'cnn-moo'",
	"INSERT INTO core.objectives SELECT experiment_id, 1, 'latency_ms', 'minimize', NULL, 'latest' FROM "
    "core.experiments"
	" WHERE name = 'cnn-moo'",
	"INSERT INTO core.parameters SELECT experiment_id, 0, 'lr', 'double', 'logUniform', 1e-5, 1e-1 FROM "
    "core.experiments",
	"INSERT INTO core.parameters SELECT experiment_id, 1, 'layers', 'int', 'uniform', 1, 6, 1 FROM "
    "core.experiments",
	"INSERT INTO core.parameters SELECT experiment_id, 2, 'optimizer', 'categorical', 'uniform', NULL, NULL, "
    "NULL,"
	" '[\"sgd\", \"adam\", \"rmsprop\"]' FROM core.experiments",
	"WITH g AS (SELECT e.experiment_id, e.name, e.uid, i, power(10, -5 + 4 * random()) AS lr, 1 + "
    "floor(random() * 6)::int AS layers,"
	"   (ARRAY['sgd', 'adam', 'rmsprop'])[1 + floor(random() * 3)::int] AS opt, random() AS r, random() AS "
    "noise"
	"  FROM core.experiments e, generate_series(1, 60) i),"
	" f AS (SELECT *, 0.08 * power(log(lr::numeric)::float8 + 2.5, 2) + 0.03 * power(layers - 3, 2) + 0.04 * "
    "noise + 0.04 AS loss,"
	"   CASE WHEN r < 0.05 THEN 'failed' WHEN r < 0.1 THEN 'early_stopped' ELSE 'succeeded' END AS state "
    "FROM g)"
	" INSERT INTO core.trials (experiment_id, number, name, state, params, vals, cost, reason, completion, "
    "started_at, finished_at)"
	" SELECT experiment_id, i, core.trial_name(name, uid, i), state,"
	"  jsonb_build_object('lr', lr, 'layers', layers, 'optimizer', opt), v.vals,"
	"  CASE WHEN state = 'succeeded' THEN CASE WHEN name = 'cnn-moo' THEN -v.vals[1] ELSE v.vals[1] END END,"
	"  CASE state WHEN 'failed' THEN 'OOMKilled' ELSE '' END, i,"
	"  now() - interval '5 hours' + i * interval '3 minutes', now() - interval '5 hours' + i * interval '3 "
    "minutes' + interval '2 minutes'"
	" FROM f, LATERAL (SELECT CASE WHEN name = 'cnn-moo' THEN ARRAY[1 - loss, 3 + 2.5 * layers] ELSE "
    "ARRAY[loss] END AS vals) v",
	"INSERT INTO core.observations SELECT t.experiment_id, t.number, o.metric, s, t.vals[1] + 1.0 / s, "
    "t.started_at + s * interval '5 s'"
	" FROM core.trials t JOIN core.objectives o ON o.experiment_id = t.experiment_id AND o.ordinal = 0, "
    "generate_series(1, 20) s",
	"ANALYZE",
};

static const struct {
	const char *what, *query;
} questions[] = {
	{"is it still improving?",
		"SELECT experiment, max(n_finished) n, (array_agg(best ORDER BY n_finished DESC))[1] best_now,"
		" (array_agg(best ORDER BY n_finished DESC))[21] best_20_ago FROM best_so_far GROUP BY 1"},
	{"which algorithm did better?", "SELECT * FROM compare('cnn-tpe', 'cnn-random')"},
	{"which parameters matter?", "SELECT param, spearman, eta2 FROM param_effects WHERE experiment = "
                                 "'cnn-random' ORDER BY eta2 DESC NULLS LAST"},
	{"is my range too narrow?", "WITH top AS (SELECT p.*, CASE WHEN distribution LIKE 'log%' THEN "
                                "(ln(p.value)-ln(lo))/(ln(hi)-ln(lo))"
								" ELSE (p.value-lo)/(hi-lo) END u FROM trial_params p JOIN trials t USING "
                                "(namespace, experiment, trial)"
								" WHERE t.rank <= 10 AND p.type IN ('double','int') AND hi > lo)"
								" SELECT experiment, param, count(*) FILTER (WHERE u <= .05) at_low, "
                                "count(*) FILTER (WHERE u >= .95) at_high"
								" FROM top GROUP BY 1, 2"},
	{"best accuracy for each latency", "SELECT b, (SELECT max(\"values\"[1]) FROM pareto_front WHERE "
                                       "experiment = 'cnn-moo' AND \"values\"[2] <= b)"
									   " FROM generate_series(6, 16, 2) b"},
	{"would stopping at step 5 have kept the winner?",
		"WITH c AS (SELECT trial, max(value) FILTER (WHERE step = 5) s5, max(value) FILTER (WHERE step = 20) "
        "s20"
		" FROM learning_curves WHERE experiment = 'cnn-tpe' AND state = 'succeeded' GROUP BY 1),"
		" r AS (SELECT rank() OVER (ORDER BY s5) r5, rank() OVER (ORDER BY s20) r20 FROM c)"
		" SELECT corr(r5, r20) AS spearman, min(r5) FILTER (WHERE r20 = 1) AS winner_rank_at_5 FROM r"},
	{"where did the compute go?", "SELECT experiment, state, count(*), sum(duration), round(avg(duration_s)) "
                                  "FROM trials GROUP BY 1, 2 ORDER BY 1, 4 DESC"},
	{"is the winner luck?",
		"SELECT params->>'optimizer' opt, params->>'layers' layers, count(*) n, avg(value) mean, "
        "stddev_samp(value) sd,"
		" min(value) best FROM trials WHERE experiment IN ('cnn-tpe', 'cnn-random') AND rank IS NOT NULL"
		" GROUP BY 1, 2 HAVING count(*) >= 4 ORDER BY mean"},
	{"time to target", "SELECT experiment, min(n_finished) trials, round(min(elapsed_s)/60) minutes FROM "
                       "best_so_far WHERE best <= 0.15"
					   " GROUP BY 1"},
	{"experiments", "SELECT * FROM experiments WHERE experiment = 'cnn-tpe'"},
	{"objectives", "SELECT * FROM objectives"},
	{"parameters", "SELECT * FROM parameters"},
	{"leaderboard", "SELECT * FROM leaderboard WHERE experiment = 'cnn-tpe' AND rank = 1"},
	{"metrics", "SELECT * FROM metrics WHERE experiment = 'cnn-tpe' AND trial = 1"},
	{"summary", "SELECT * FROM metric_summary WHERE experiment = 'cnn-tpe' AND trial = 1"},
	{"failures", "SELECT * FROM failures WHERE reason = 'OOMKilled'"},
	{"events", "SELECT count(*) FROM events"},
	{"best parameters", "SELECT best_params('cnn-tpe') ->> 'lr' WHERE best_params('cnn-tpe') IS NOT NULL"},
};

static void test_a_reader_asks(void **state)
{
	(void)state;
	char db[700], wide[1200];
	snprintf(db, sizeof db, "%s", fresh("questions"));
	migrated(db);
	for (size_t i = 0; i < ARRAY_LEN(sample); i++)
		sql(db, sample[i]);
	sql(db, "CREATE ROLE ana LOGIN IN ROLE trimtab_reader; CREATE SCHEMA ana AUTHORIZATION ana;"
			" ALTER ROLE ana SET search_path = trimtab, ana");
	char *reader = db + strlen(db);
	snprintf(reader, sizeof db - strlen(db), " user=ana");

	PGconn *c = PQconnectdb(db);
	for (size_t i = 0; i < ARRAY_LEN(questions); i++) {
		PGresult *r = PQexec(c, questions[i].query);
		if (PQresultStatus(r) != PGRES_TUPLES_OK || PQntuples(r) == 0)
			fail_msg("%s: %s", questions[i].what, PQerrorMessage(c));
		PQclear(r);
	}
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
	sql(T.conninfo, "SELECT 1");
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
