/* What the database tells of rungs, of who was stopped, and of what that saved. */
#include "tests/unit/store/cluster.h"

/* Experiment `name` with this fidelity, over the objective loss; its trials follow. */
static void experiment(const char *name, const char *spec)
{
	char q[2000];
	snprintf(q, sizeof q,
		"INSERT INTO core.experiments (namespace, name, form, posted, spec, spec_sha256, algorithm)"
		" VALUES ('default', '%s', 'trimtab/v1', '', '%s', '', 'asha');"
		"INSERT INTO core.progress (experiment_id) SELECT experiment_id FROM core.experiments WHERE name = '%s';"
		"INSERT INTO core.objectives SELECT experiment_id, 0, 'loss', 'minimize', NULL, 'min' FROM core.experiments"
		" WHERE name = '%s'",
		name, spec, name, name);
	sql(T.conninfo, q);
}

/* A trial that reports `value` from step `first` to `last`, one a second, after two seconds of start, and then
 * is in this state. */
static void trial(const char *of, int number, const char *state, int first, int last, double value, const char *budget)
{
	char q[2000];
	snprintf(q, sizeof q,
		"INSERT INTO core.trials (experiment_id, number, name, state, params, budget, started_at)"
		" SELECT experiment_id, %d, name || %d, 'running', '{}', %s, '2026-01-01' FROM core.experiments WHERE name = '%s';"
		"INSERT INTO core.observations SELECT experiment_id, %d, 'loss', s, %g, timestamptz '2026-01-01' + interval '1 second' * (s + 2)"
		" FROM core.experiments, generate_series(%d, %d) s WHERE name = '%s';"
		"UPDATE core.trials t SET state = '%s', reason = CASE '%s' WHEN 'early_stopped' THEN 'RungStop' ELSE '' END, message = 'why',"
		" vals = ARRAY[%g], cost = CASE '%s' WHEN 'succeeded' THEN %g END,"
		" finished_at = timestamptz '2026-01-01' + interval '1 second' * %d"
		" FROM core.experiments e WHERE e.experiment_id = t.experiment_id AND e.name = '%s' AND t.number = %d",
		number, number, budget, of, number, value, first, last, of, state, state, value, state, value, last - first + 3, of, number);
	sql(T.conninfo, q);
}

static void is(const char *query, const char *expected)
{
	const char *found = sql(T.conninfo, query);
	if (strcmp(found, expected) != 0)
		fail_msg("%s\nexpected %s\nfound    %s", query, expected, found);
}

#define RUNGS                                                                                                  \
	"SELECT string_agg(concat_ws(' ', bracket, rung, resource, trials, running, promoted, stopped, failed, best_trial), ', '" \
	" ORDER BY bracket, rung) FROM trimtab.rungs WHERE experiment = "
#define SAVED                                                                                                  \
	"SELECT concat_ws(' ', configurations, stopped, steps, fraction, seconds, time_fraction) FROM trimtab.savings" \
	" WHERE experiment = "

/* Reports count from 0 or from 1; one runs, one failed. */
static void test_stopped_at_rungs(void **state)
{
	(void)state;
	experiment("stops", "{\"fidelity\": {\"min\": 1, \"max\": 9, \"eta\": 3, \"resume\": true, \"rungs\": [1, 3]}}");
	trial("stops", 1, "succeeded", 1, 9, 0.3, "NULL");
	trial("stops", 2, "early_stopped", 0, 2, 0.4, "NULL");
	trial("stops", 3, "early_stopped", 1, 1, 0.9, "NULL");
	trial("stops", 4, "running", 1, 4, 0.2, "NULL");
	trial("stops", 5, "failed", 1, 2, 0.1, "NULL");
	is(RUNGS "'stops'", "0 0 1 5 0 3 1 1 5, 0 1 3 3 1 2 1 0 4, 0 2 9 1 0 0 0 0 1");
	is("SELECT string_agg(trial || ' ' || reached || ' ' || reason, ', ' ORDER BY trial) FROM trimtab.stopped_trials"
	   " WHERE experiment = 'stops'", "2 3 RungStop, 3 1 RungStop");
	/* 9 + 3 + 1 of 27 steps, the last at the pace of the others; 11 + 5 + 3 seconds. */
	is(SAVED "'stops'", "3 2 14 0.5185 14 0.4242");
}

/* The second begins at rung 1 of the first. */
static void test_brackets(void **state)
{
	(void)state;
	experiment("brackets", "{\"fidelity\": {\"min\": 1, \"max\": 9, \"eta\": 3, \"resume\": true, \"rungs\": [1, 3]}}");
	trial("brackets", 1, "early_stopped", 1, 1, 0.3, "'{\"bracket\": 0}'");
	trial("brackets", 2, "succeeded", 1, 9, 0.4, "'{\"bracket\": 1}'");
	trial("brackets", 3, "early_stopped", 1, 3, 0.5, "'{\"bracket\": 1}'");
	is(RUNGS "'brackets'", "0 0 1 1 0 0 1 0 1, 0 1 3 0 0 0 0 0, 0 2 9 0 0 0 0 0, 1 0 3 2 0 1 1 0 2, 1 1 9 1 0 0 0 0 2");
}

/* One goes on where it was, one starts over with the larger resource. */
static void test_granted(void **state)
{
	(void)state;
	experiment("grants", "{\"fidelity\": {\"min\": 1, \"max\": 9, \"eta\": 3, \"resume\": true}}");
	trial("grants", 1, "succeeded", 1, 1, 0.3, "'{\"resource\": 1, \"bracket\": 2, \"rung\": 0}'");
	trial("grants", 2, "succeeded", 1, 1, 0.5, "'{\"resource\": 1, \"bracket\": 2, \"rung\": 0}'");
	trial("grants", 3, "failed", 1, 1, 0.1, "'{\"resource\": 1, \"bracket\": 2, \"rung\": 0}'");
	trial("grants", 4, "succeeded", 2, 3, 0.2, "'{\"resource\": 3, \"bracket\": 2, \"rung\": 1, \"parent\": 1}'");
	trial("grants", 5, "succeeded", 1, 9, 0.1, "'{\"resource\": 9, \"bracket\": 2, \"rung\": 2, \"parent\": 4}'");
	is(RUNGS "'grants'", "2 0 1 3 0 1 0 1 3, 2 1 3 1 0 1 0 0 4, 2 2 9 1 0 0 0 0 5");
	is("SELECT string_agg(concat_ws(' ', trial, line, granted, reached, done), ', ' ORDER BY trial) FROM trimtab.lengths"
	   " WHERE experiment = 'grants'", "1 1 1 1 1, 2 2 1 1 1, 3 3 1 1 1, 4 1 3 3 2, 5 1 9 9 9");
	/* The first configuration did 12 of 9 steps, the second 1. */
	is(SAVED "'grants'", "2 1 5 0.2778 5 0.1923");
}

/* The parameter says how far; a report without steps shows no continuation, so nothing is taken for saved. */
static void test_granted_by_a_parameter(void **state)
{
	(void)state;
	experiment("epochs", "{\"fidelity\": {\"parameter\": \"epochs\", \"min\": 1, \"max\": 9, \"eta\": 3, \"resume\": true}}");
	trial("epochs", 1, "succeeded", 0, 0, 0.3, "'{\"resource\": 3, \"bracket\": 0, \"rung\": 0}'");
	trial("epochs", 2, "succeeded", 0, 0, 0.3, "'{\"resource\": 9, \"bracket\": 0, \"rung\": 1, \"parent\": 1}'");
	trial("epochs", 3, "succeeded", 0, 0, 0.3, "'{\"resource\": 3, \"bracket\": 0, \"rung\": 0}'");
	is("SELECT string_agg(concat_ws(' ', trial, line, reached, done), ', ' ORDER BY trial) FROM trimtab.lengths"
	   " WHERE experiment = 'epochs'", "1 1 3 3, 2 1 9 9, 3 3 3 3");
	is("SELECT concat_ws(' ', configurations, stopped, steps, fraction) FROM trimtab.savings WHERE experiment = 'epochs'",
		"2 1 3 0.1667");
}

/* Stopped at rungs, the parameter holds the full length only: reports say how far a trial came. */
static void test_stopped_with_a_parameter(void **state)
{
	(void)state;
	experiment("stops-epochs", "{\"fidelity\": {\"parameter\": \"epochs\", \"min\": 1, \"max\": 9, \"eta\": 3, \"rungs\": [1, 3]}}");
	trial("stops-epochs", 1, "succeeded", 1, 9, 0.3, "'{\"resource\": 9, \"bracket\": 0, \"rung\": 0}'");
	trial("stops-epochs", 2, "early_stopped", 1, 3, 0.4, "'{\"resource\": 9, \"bracket\": 0, \"rung\": 0}'");
	is(RUNGS "'stops-epochs'", "0 0 1 2 0 2 0 0 1, 0 1 3 2 0 1 1 0 1, 0 2 9 1 0 0 0 0 1");
	is(SAVED "'stops-epochs'", "2 1 6 0.3333 6 0.2727");
}

/* Steps may be tokens. */
static void test_large_steps(void **state)
{
	(void)state;
	experiment("tokens", "{\"fidelity\": {\"min\": 1000000000, \"max\": 9000000000, \"eta\": 3, \"rungs\": [1000000000, 3000000000]}}");
	trial("tokens", 1, "succeeded", 1, 1, 0.3, "NULL");
	trial("tokens", 2, "early_stopped", 1, 1, 0.4, "NULL");
	sql(T.conninfo, "UPDATE core.observations SET step = step * CASE number WHEN 1 THEN 9000000000 ELSE 3000000000 END WHERE"
					" experiment_id = (SELECT experiment_id FROM core.experiments WHERE name = 'tokens');"
					"UPDATE core.trials SET message = 'corrected' WHERE name LIKE 'tokens%'");
	is(RUNGS "'tokens'", "0 0 1000000000 2 0 2 0 0, 0 1 3000000000 2 0 1 1 0 2, 0 2 9000000000 1 0 0 0 0 1");
	is("SELECT steps FROM trimtab.savings WHERE experiment = 'tokens'", "6000000000");
}

/* Without fidelity the longest trial that ran to its end is a full one. */
static void test_rules_alone(void **state)
{
	(void)state;
	experiment("median", "{\"earlyStopping\": {\"name\": \"medianstop\"}}");
	is("SELECT count(*) FROM trimtab.savings WHERE experiment = 'median'", "0");
	trial("median", 1, "early_stopped", 0, 3, 0.3, "NULL");
	is("SELECT count(*) FROM trimtab.savings WHERE experiment = 'median'", "0");
	trial("median", 2, "succeeded", 0, 9, 0.3, "NULL");
	is(SAVED "'median'", "2 1 6 0.3 6 0.25");
	/* One that ended sooner by itself saved nothing. */
	trial("median", 3, "succeeded", 0, 4, 0.3, "NULL");
	is(SAVED "'median'", "3 1 6 0.24 6 0.1935");
	is("SELECT count(*) FROM trimtab.rungs WHERE experiment = 'median'", "0");
}

/* What is kept of a trial that is over is what can be measured; it goes when the trial runs again, and comes
 * again with its end. What is reported after the end is stored and changes nothing. */
static void test_kept_as_measured(void **state)
{
	static const char differs[] =
		"SELECT count(*) FROM (SELECT * FROM core.courses EXCEPT ALL SELECT m.* FROM core.experiments e,"
		" LATERAL core.measured(e.experiment_id, ARRAY(SELECT number FROM core.trials t WHERE t.experiment_id = e.experiment_id"
		" AND core.trial_over(t.state))) m) d";
	static const char reached[] = "SELECT string_agg(trial || ' ' || reached, ', ' ORDER BY trial) FROM trimtab.lengths"
								  " WHERE experiment = 'again'";
	(void)state;
	experiment("again", "{\"fidelity\": {\"min\": 1, \"max\": 9, \"eta\": 3, \"rungs\": [1, 3]}}");
	trial("again", 1, "failed", 1, 2, 0.3, "NULL");
	trial("again", 2, "succeeded", 0, 8, 0.3, "NULL");
	is(differs, "0");
	is("SELECT count(*) FROM core.trials t WHERE core.trial_over(t.state) AND NOT EXISTS (SELECT FROM core.courses c"
	   " WHERE c.experiment_id = t.experiment_id AND c.number = t.number)", "0");
	sql(T.conninfo, "UPDATE core.trials SET state = 'pending', attempt = 2 WHERE name = 'again1';"
					"INSERT INTO core.observations SELECT experiment_id, u.number, 'loss', u.step, 0.1, now()"
					" FROM core.experiments, (VALUES (1, 5), (2, 20)) u (number, step) WHERE name = 'again'");
	is("SELECT string_agg(number::text, ' ') FROM core.courses c JOIN core.experiments e USING (experiment_id)"
	   " WHERE e.name = 'again'", "2");
	is(reached, "1 5, 2 9");
	sql(T.conninfo, "UPDATE core.trials SET state = 'failed' WHERE name = 'again1'");
	is(reached, "1 5, 2 9");
	is("SELECT concat_ws(' ', trials, running, failed) FROM trimtab.rungs WHERE experiment = 'again' AND rung = 1", "2 0 1");
	sql(T.conninfo, "DELETE FROM core.experiments WHERE name = 'again'");
	is("SELECT count(*) FROM core.courses c LEFT JOIN core.experiments e USING (experiment_id) WHERE e.name IS NULL", "0");
}

/* Whoever may read the views may read these, and not what is behind them. */
static void test_a_reader_reads(void **state)
{
	static const char *const views[] = {"rungs", "lengths", "stopped_trials", "savings"};
	char q[200];
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(views); i++) {
		snprintf(q, sizeof q, "SET ROLE trimtab_reader; SELECT count(*) > 0 FROM trimtab.%s", views[i]);
		is(q, "t");
	}
	is("SELECT has_schema_privilege('trimtab_reader', 'core', 'USAGE')", "f");
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_stopped_at_rungs),
	cmocka_unit_test(test_brackets),
	cmocka_unit_test(test_granted),
	cmocka_unit_test(test_granted_by_a_parameter),
	cmocka_unit_test(test_stopped_with_a_parameter),
	cmocka_unit_test(test_large_steps),
	cmocka_unit_test(test_rules_alone),
	cmocka_unit_test(test_kept_as_measured),
	cmocka_unit_test(test_a_reader_reads),
};

int main(void)
{
	return cmocka_run_group_tests(tests, cluster_start, cluster_stop);
}
