#include "tests/unit/model/documents.h"

#include <math.h>

#include "algorithms/space.h"

static const struct experiment_spec *reread(struct arena *a, const struct experiment_spec *s)
{
	return spec_of(a, parse_text(a, spec_document(s, a)));
}

static const char *spec_text(const struct experiment_spec *s, struct arena *a)
{
	struct strbuf b;
	struct json_writer w;
	strbuf_init(&b, SIZE_MAX);
	jw_init(&w, &b);
	spec_write(&w, NULL, s);
	const char *text = arena_strdup(a, b.data);
	strbuf_free(&b);
	return text;
}

static void test_defaults(void **state)
{
	struct arena *a = arena_new();
	(void)state;
	const struct experiment_spec *s = spec_patched(a, "{}");
	assert_string_equal(s->name, "e");
	assert_string_equal(s->namespace, "default");
	assert_int_equal(s->objectives[0].strategy, STRATEGY_MIN);
	assert_false(s->objectives[0].has_goal);
	assert_string_equal(s->algorithm.name, "auto");
	assert_false(s->algorithm.has_seed);
	assert_int_equal(s->budget.max_trials, 0);
	assert_int_equal(s->budget.parallel_trials, 3);
	assert_int_equal(s->budget.max_failed_trials, -1);
	assert_int_equal(s->budget.max_duration_us, 0);
	assert_int_equal(s->retry.on_lost, 1);
	assert_int_equal(s->retry.on_failed, 0);
	assert_int_equal(s->trial.executor, EXECUTOR_LOCAL);
	assert_int_equal(s->trial.grace_period_us, 30000000);
	assert_int_equal(s->trial.timeout_us, 0);
	assert_int_equal(s->trial.metrics.collector, COLLECTOR_PUSH);
	assert_int_equal(s->trial.metrics.fallback, COLLECTOR_STDOUT);
	assert_null(s->trial.command[s->trial.n_command]);
	assert_int_equal(s->early_stopping.n_rules, 0);
	arena_free(a);
}

/* The order of the document is the order of x. */
static void test_parameters_and_space(void **state)
{
	struct arena *a = arena_new();
	(void)state;
	const struct experiment_spec *s = spec_patched(a,
		"{\"spec\":{\"parameters\":{\"d\":{\"type\":\"discrete\",\"values\":[4,1,2],\"when\":{\"n\":[2,3]}},"
		"\"g\":{\"type\":\"double\",\"min\":0.1,\"max\":0.7,\"step\":0.2},"
		"\"ln\":{\"type\":\"double\",\"min\":1,\"max\":100,\"distribution\":\"logNormal\"},"
		"\"c\":{\"type\":\"categorical\",\"values\":[true,2,\"x\"],\"when\":{\"g\":[0.3,0.7],\"d\":[4]}}}}}");
	static const char *const names[] = {"x", "n", "opt", "m", "d", "g", "ln", "c"};
	assert_int_equal(s->n_parameters, ARRAY_LEN(names));
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		assert_string_equal(s->parameters[i].name, names[i]);
		assert_int_equal(spec_parameter(s, names[i]), i);
	}
	assert_int_equal(spec_parameter(s, "y"), -1);
	assert_int_equal(s->parameters[4].choices[0].number, 4);
	assert_string_equal(s->parameters[7].choices[0].text, "true");
	assert_int_equal(s->parameters[7].n_when, 2);
	assert_int_equal(s->parameters[7].when[0].parent, 5);
	assert_true(s->parameters[7].when[0].values[1] == 0.7);
	assert_true(s->parameters[7].when[1].values[0] == 0);
	const struct parameter *ln = &s->parameters[6];
	assert_int_equal(ln->scale, SCALE_LOG);
	assert_true(fabs(ln->mean - log(10)) < 1e-12 && fabs(ln->sd - log(100) / 6) < 1e-12);

	const struct space *space = s->problem.space;
	assert_int_equal(space_dim(space), ARRAY_LEN(names));
	const double on[] = {0.5, 2, 0, 0.5, 0, 0.3, 10, 2}, off[] = {0.5, 4, 1, NAN, NAN, 0.3, 10, NAN};
	assert_true(space_valid(space, on, NULL));
	assert_true(space_valid(space, off, NULL));
	arena_free(a);
}

/* What is written reads back to the same, and is written the same again. */
static void test_normal_form_is_a_fixpoint(void **state)
{
	static const char *const patches[] = {
		"{}",
		"{\"metadata\":{\"labels\":{\"a\":\"b\",\"x.io/y\":\"\"},\"annotations\":{\"note\":\"any "
		"\\\"text\\\"\"}}}",
		"{\"spec\":{\"objectives\":[{\"metric\":\"acc\",\"direction\":\"maximize\",\"goal\":0."
		"30000000000000004},"
		"{\"metric\":\"ms\",\"direction\":\"minimize\",\"strategy\":\"latest\"}]}}",
		"{\"spec\":{\"parameters\":{\"x\":{\"step\":0.1,\"min\":0.1},\"ln\":{\"type\":\"double\",\"min\":1e-"
		"300,"
		"\"max\":1e300,\"distribution\":\"logNormal\"},\"no\":{\"type\":\"int\",\"min\":-4503599627370496,"
		"\"max\":4503599627370496,\"distribution\":\"normal\",\"mean\":0,\"sd\":3.5},"
		"\"d\":{\"type\":\"discrete\",\"values\":[3,0.1,-2e-7]},\"c\":{\"type\":\"categorical\","
		"\"values\":[\"\",true,1e-5,\"\\u00e9\\n\"],\"when\":{\"d\":[0.1,3],\"x\":[0.3]}}}}}",
		"{\"spec\":{\"algorithm\":{\"name\":\"grid\",\"seed\":42,\"settings\":{\"points_per_axis\":5,"
		"\"order\":"
		"\"sequential\"}}}}",
		"{\"spec\":{\"algorithm\":{\"name\":\"random\",\"settings\":{\"random_state\":7}}}}",
		"{\"spec\":{\"budget\":{\"maxTrials\":60,\"parallelTrials\":4,\"maxFailedTrials\":0,\"maxDuration\":"
		"\"1h30m\"},"
		"\"retry\":{\"onLost\":0,\"onFailed\":3}}}",
		"{\"spec\":{\"budget\":{\"maxTrials\":2,\"maxDuration\":0.0015}}}",
		"{\"spec\":{\"initialTrials\":[{\"parameters\":{\"x\":0.1,\"n\":3,\"opt\":\"adam\"}},"
		"{\"parameters\":{\"m\":0.7,\"opt\":\"sgd\",\"n\":\"8\",\"x\":\"1e-3\"}}]}}",
		"{\"spec\":{\"trial\":{\"env\":{\"A\":\"${x}\",\"B\":2,\"C\":true},\"workingDirectory\":\"/w/"
		"${trial.name}\","
		"\"timeout\":\"90s\",\"terminationGracePeriodSeconds\":0,\"resources\":{\"cpu\":1.5,\"memory\":"
		"\"4Gi\","
		"\"gpu\":1},\"metrics\":{\"collector\":\"file\",\"path\":\"out.log\",\"patterns\":[\"(a)=(\\\\d+)\"]}"
		"}}}",
		"{\"spec\":{\"constraints\":[{\"metric\":\"ms\",\"max\":20},{\"metric\":\"loss\",\"min\":0.1,\"max\":"
		"0.30000000000000004,\"strategy\":\"min\"},{\"metric\":\"gb\",\"min\":-1e300,\"strategy\":\"max\"}]}}",
		"{\"spec\":{\"warmStart\":[\"old\",\"default/older\",\"team/old\"]}}",
		"{\"spec\":{\"stopWhen\":\"converged\"}}",
		"{\"spec\":{\"stopWhen\":{\"rule\":\"converged\",\"tolerance\":0,\"minTrials\":5}}}",
		"{\"spec\":{\"stopWhen\":null,\"warmStart\":[],\"constraints\":[]}}",
		"{\"spec\":{\"trial\":{\"metrics\":{\"fallback\":\"none\"}}}}",
		"{\"spec\":{\"trial\":{\"metrics\":{\"collector\":\"stdout\",\"format\":\"json\"}}}}",
		"{\"spec\":{\"trial\":{\"executor\":null,\"image\":\"i:1\",\"namespace\":\"jobs\",\"serviceAccount\":"
		"\"sa\","
		"\"nodeSelector\":{\"gpu\":\"yes\"},\"tolerations\":[{\"key\":\"k\"}],\"retain\":true}}}",
		"{\"spec\":{\"trial\":{\"executor\":null,\"command\":null,\"manifest\":{\"apiVersion\":\"batch/v1\","
		"\"kind\":\"Job\",\"spec\":{\"backoffLimit\":0,\"template\":{\"spec\":{\"restartPolicy\":\"Never\",\"containers\":[{\"name\":"
		"\"t\","
		"\"args\":[\"${x}\"]}]}}}}}}}",
		"{\"spec\":{\"trial\":null}}",
		"{\"spec\":{\"trial\":{\"executor\":\"worker\",\"command\":null}}}",
		"{\"spec\":{\"notify\":[{\"url\":\"https://h.example/x\",\"secret\":\"s\"},{\"url\":\"http://h\","
		"\"on\":[\"NewBest\",\"TrialFailed\"]}]}}",
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(patches); i++) {
		struct arena *a = arena_new();
		char first[SPEC_SHA256_MAX], second[SPEC_SHA256_MAX];
		const struct experiment_spec *s = spec_patched(a, patches[i]), *again = reread(a, s);
		if (strcmp(spec_document(s, a), spec_document(again, a)) != 0)
			fail_msg("%s\nfirst:\n%s\nsecond:\n%s", patches[i], spec_document(s, a), spec_document(again, a));
		spec_sha256(s, first);
		spec_sha256(again, second);
		assert_string_equal(first, second);
		assert_int_equal(strlen(first), 64);
		arena_free(a);
	}
}

static void test_constraints_sources_and_the_end(void **state)
{
	struct arena *a = arena_new();
	(void)state;
	const struct experiment_spec *s = spec_patched(a,
		"{\"spec\":{\"constraints\":[{\"metric\":\"ms\",\"max\":20},{\"metric\":\"loss\",\"min\":-1,\"max\":1}],"
		"\"warmStart\":[\"default/old\",\"team/other\"],\"stopWhen\":\"converged\"}}");
	const struct outcome_constraint *c = s->constraints;
	assert_int_equal(s->n_constraints, 2);
	assert_int_equal(s->problem.n_constraints, 2);
	assert_int_equal(c[0].objective, -1);
	assert_int_equal(c[0].strategy, STRATEGY_LATEST);
	assert_int_equal(c[1].objective, 0);
	assert_int_equal(c[1].strategy, STRATEGY_MIN);
	assert_true(constraint_violation(&c[0], 20) == 0 && constraint_violation(&c[0], 25) == 5);
	assert_true(constraint_violation(&c[0], -INFINITY) < 0 && constraint_violation(&c[0], INFINITY) > 0);
	assert_true(constraint_violation(&c[1], -3) == 2 && constraint_violation(&c[1], 0) == -1);
	assert_true(constraint_violation(&c[1], NAN) > 0);
	assert_int_equal(s->n_sources, 2);
	assert_string_equal(s->sources[0].namespace, "default");
	assert_string_equal(s->sources[1].name, "other");
	assert_int_equal(s->stop_when.rule, STOP_WHEN_CONVERGED);
	assert_true(s->stop_when.tolerance == 0.01);
	assert_int_equal(s->stop_when.min_trials, 28);
	assert_non_null(strstr(spec_document(s, a), "\"warmStart\":[\"old\",\"team/other\"]"));
	assert_int_equal(spec_patched(a, "{}")->stop_when.rule, STOP_WHEN_NEVER);
	arena_free(a);
}

static void test_hash_tells_documents_apart(void **state)
{
	static const char *const same[] = {"{}", "{\"metadata\":{\"labels\":{\"a\":\"b\"}}}",
		"{\"spec\":{\"retry\":{},\"budget\":{\"parallelTrials\":3}}}",
		"{\"spec\":{\"algorithm\":{\"name\":\"auto\"}}}",
		"{\"status\":{\"state\":\"running\"},\"metadata\":{\"uid\":\"u\",\"resourceVersion\":\"7\"}}"};
	static const char *const other[] = {"{\"spec\":{\"parameters\":{\"x\":{\"max\":1.0000000000000002}}}}",
		"{\"spec\":{\"budget\":{\"maxTrials\":5}}}",
		"{\"spec\":{\"algorithm\":{\"name\":\"auto\",\"seed\":0}}}",
		"{\"spec\":{\"trial\":{\"command\":[\"run\",\"${x}\"]}}}"};
	char base[SPEC_SHA256_MAX], hash[SPEC_SHA256_MAX];
	struct arena *a = arena_new();
	(void)state;
	spec_sha256(spec_patched(a, "{}"), base);
	for (size_t i = 0; i < ARRAY_LEN(same); i++) {
		spec_sha256(spec_patched(a, same[i]), hash);
		assert_string_equal(hash, base);
	}
	for (size_t i = 0; i < ARRAY_LEN(other); i++) {
		spec_sha256(spec_patched(a, other[i]), hash);
		assert_string_not_equal(hash, base);
	}
	arena_free(a);
}

static void test_executor_is_chosen(void **state)
{
	static const struct {
		const char *patch;
		enum executor server, expected;
	} cases[] = {
		{"{\"spec\":{\"trial\":{\"executor\":null}}}", EXECUTOR_LOCAL, EXECUTOR_LOCAL},
		{"{\"spec\":{\"trial\":{\"executor\":null}}}", EXECUTOR_SIMULATED, EXECUTOR_SIMULATED},
		{"{\"spec\":{\"trial\":{\"executor\":null}}}", EXECUTOR_DEFAULT, EXECUTOR_DEFAULT},
		{"{\"spec\":{\"trial\":{\"executor\":null,\"image\":\"i\"}}}", EXECUTOR_LOCAL, EXECUTOR_KUBERNETES},
		{"{\"spec\":{\"trial\":{\"executor\":\"local\"}}}", EXECUTOR_KUBERNETES, EXECUTOR_LOCAL},
		{"{\"spec\":{\"trial\":null}}", EXECUTOR_LOCAL, EXECUTOR_WORKER},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct arena *a = arena_new();
		struct problems *p = ARENA_NEW(a, struct problems);
		const struct experiment_spec *s;
		struct spec_options opt = {.namespace = "team", .executor = cases[i].server};
		problems_init(p, a);
		assert_true(spec_from_json(patched(a, cases[i].patch), &opt, a, &s, p, NULL));
		assert_int_equal(s->trial.executor, cases[i].expected);
		assert_string_equal(s->namespace, "team");
		arena_free(a);
	}
}

static void test_warnings(void **state)
{
	static const struct {
		const char *patch, *warnings;
	} cases[] = {
		{"{\"spec\":{\"budget\":{\"maxTrials\":5}}}", ""},
		{"{}", "/spec/budget unlimited"},
		{"{\"spec\":{\"stopWhen\":\"converged\"}}", ""},
		{"{\"spec\":{\"budget\":{\"maxTrials\":5},\"algorithm\":{\"name\":\"random\"},"
		 "\"constraints\":[{\"metric\":\"ms\",\"max\":1}]}}",
			"/spec/constraints not-searched-by"},
		{"{\"spec\":{\"budget\":{\"maxTrials\":5},\"constraints\":[{\"metric\":\"ms\",\"max\":1}]}}", ""},
		{"{\"spec\":{\"budget\":{\"maxTrials\":5},\"trial\":{\"command\":[\"run\",\"${x}\",\"${n}\",\"${m}\"]"
		 "}}}",
			"/spec/trial/command unused-parameter"},
		{"{\"spec\":{\"budget\":{\"maxTrials\":5},\"trial\":{\"command\":[\"run\"]}}}",
			"/spec/trial/command unused-parameter"},
		{"{\"spec\":{\"budget\":{\"maxTrials\":5},\"parameters\":{\"x\":{\"min\":1e-5}}}}",
			"/spec/parameters/x wide-linear-range"},
		{"{\"spec\":{\"budget\":{\"maxTrials\":5},\"parameters\":{\"x\":{\"min\":1e-5,\"scale\":\"log\"}}}}",
			""},
		{"{\"spec\":{\"budget\":{\"maxTrials\":5},\"initialTrials\":[{\"parameters\":{\"x\":1,\"n\":1,"
		 "\"opt\":\"adam\"}},"
		 "{\"parameters\":{\"x\":1,\"n\":1,\"opt\":\"adam\"}}]}}",
			"/spec/initialTrials/1/parameters duplicate-trial"},
		{"{\"spec\":{\"budget\":{\"maxTrials\":5},\"fidelity\":{\"max\":9}}}", "/spec/fidelity no-effect"},
		{"{\"spec\":{\"budget\":{\"maxTrials\":5},\"fidelity\":{\"max\":9,\"min\":4},\"algorithm\":{\"name\":\"asha\"}}}",
			"/spec/fidelity one-rung"},
		{"{\"spec\":{\"budget\":{\"maxTrials\":5},\"algorithm\":{\"name\":\"hyperband\",\"settings\":{\"r_l\":9,"
		 "\"resource_name\":\"n\"}}}}", "/spec/parameters/n/max widened"},
		{"{\"spec\":{\"budget\":{\"maxTrials\":5},\"algorithm\":{\"name\":\"random\"},\"earlyStopping\":{\"name\":"
		 "\"medianstop\"},\"objectives\":[{\"metric\":\"a\",\"direction\":\"minimize\"},"
		 "{\"metric\":\"b\",\"direction\":\"minimize\"}]}}", "/spec/earlyStopping first-objective"},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct arena *a = arena_new();
		struct problems *p = ARENA_NEW(a, struct problems), *w = ARENA_NEW(a, struct problems);
		const struct experiment_spec *s;
		problems_init(p, a);
		problems_init(w, a);
		assert_true(spec_from_json(patched(a, cases[i].patch), NULL, a, &s, p, w));
		if (strcmp(problem_lines(w), cases[i].warnings) != 0)
			fail_msg("%s: expected '%s', found '%s'", cases[i].patch, cases[i].warnings, problem_lines(w));
		arena_free(a);
	}
}

static void test_stored_spec_is_loaded(void **state)
{
	struct arena *a = arena_new();
	struct err e = {0};
	const struct experiment_spec *s = spec_patched(a, "{\"metadata\":{\"labels\":{\"k\":\"v\"}}}"),
	                             *loaded = NULL;
	(void)state;
	struct spec_stored stored = {
		.namespace = "default", .name = "e", .labels = "{\"k\":\"v\"}", .spec = spec_text(s, a)};
	if (!spec_load(&stored, a, &loaded, &e))
		fail_msg("%s", e.detail);
	assert_string_equal(spec_document(loaded, a), spec_document(s, a));
	stored.spec = "{\"objectives\":[]}";
	assert_false(spec_load(&stored, a, &loaded, &e));
	assert_int_equal(e.code, ERR_INTERNAL);
	arena_free(a);
}

/* ---- editing ----------------------------------------------------------------------------------- */

static void test_edits(void **state)
{
	static const struct {
		const char *patch, *problems;
	} cases[] = {
		{"{\"spec\":{\"budget\":{\"maxTrials\":80,\"parallelTrials\":8}}}", ""},
		{"{\"spec\":{\"budget\":{\"maxTrials\":null}}}", ""},
		{"{\"metadata\":{\"labels\":{\"a\":\"1\",\"paused\":\"no\"},\"annotations\":{\"n\":\"x\"}}}", ""},
		{"{\"spec\":{\"paused\":true}}", ""},
		{"{\"spec\":{\"paused\":\"yes\"}}", "/spec/paused wrong-type"},
		{"{\"spec\":{\"budget\":{\"maxTrials\":1}}}", "/spec/budget/parallelTrials parallel-above-max"},
		{"{\"spec\":{\"budget\":{\"maxTrials\":0}}}", "/spec/budget/maxTrials too-small"},
		{"{\"spec\":{\"budget\":{\"maxTrails\":9}}}", "/spec/budget/maxTrails unknown-field"},
		{"{\"metadata\":{\"labels\":{\"a b\":\"1\"}}}", "/metadata/labels/a b bad-label"},
		{"{\"spec\":{\"parameters\":{\"x\":{\"max\":2}}}}", "/spec/parameters/x/max not-editable"},
		{"{\"spec\":{\"parameters\":{\"x\":null}}}", "/spec/parameters/x not-editable"},
		{"{\"spec\":{\"parameters\":{\"x\":{\"max\":1}}}}", ""},
		{"{\"spec\":{\"algorithm\":{\"seed\":1}},\"metadata\":{\"name\":\"f\"}}",
			"/spec/algorithm/seed not-editable\n/metadata/name not-editable"},
		{"{\"spec\":null}", "/spec not-editable"},
		{"{\"spec\":7}", "/spec not-editable"},
		{"{\"surprise\":7}", "/surprise not-editable"},
		{"{\"apiVersion\":\"trimtab/"
		 "v1\",\"kind\":\"Experiment\",\"metadata\":{\"name\":\"e\",\"uid\":\"u\"},\"status\":{}}",
			""},
		{"[]", " wrong-type"},
		{"{}", ""},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct arena *a = arena_new();
		struct problems *p = ARENA_NEW(a, struct problems);
		struct spec_edit edit;
		const struct experiment_spec *s =
			spec_patched(a, "{\"spec\":{\"budget\":{\"maxTrials\":60,\"parallelTrials\":4}}}");
		problems_init(p, a);
		bool ok = spec_merge_patch(s, parse_text(a, cases[i].patch), a, &edit, p);
		if (ok != (cases[i].problems[0] == '\0') || strcmp(problem_lines(p), cases[i].problems) != 0)
			fail_msg("%s: expected '%s', found '%s'", cases[i].patch, cases[i].problems, problem_lines(p));
		arena_free(a);
	}
}

static void test_edit_takes_effect(void **state)
{
	struct arena *a = arena_new();
	struct problems *p = ARENA_NEW(a, struct problems);
	struct spec_edit edit;
	const struct experiment_spec *s = spec_patched(a,
		"{\"metadata\":{\"labels\":{\"keep\":\"1\",\"drop\":\"2\"}},\"spec\":{\"budget\":{\"maxTrials\":60,"
		"\"parallelTrials\":4}}}");
	(void)state;
	problems_init(p, a);
	assert_true(spec_merge_patch(s,
		parse_text(a,
			"{\"metadata\":{\"labels\":{\"drop\":null,\"paused\":\"label\"}},\"spec\":{\"paused\":false,"
			"\"budget\":{\"maxTrials\":80,\"parallelTrials\":null}}}"),
		a, &edit, p));
	assert_true(edit.has_paused);
	assert_false(edit.paused);
	assert_int_equal(edit.spec->budget.max_trials, 80);
	assert_int_equal(edit.spec->budget.parallel_trials, 3);
	assert_int_equal(edit.spec->n_labels, 2);
	assert_string_equal(edit.spec->labels[1].key, "paused");
	assert_int_equal(s->budget.max_trials, 60);
	assert_int_equal(edit.spec->n_parameters, s->n_parameters);
	arena_free(a);
}

static void test_names(void **state)
{
	(void)state;
	assert_true(name_valid("a", 40));
	assert_true(name_valid("a-1", 3));
	assert_false(name_valid("a-1", 2));
	assert_false(name_valid("", 40));
	assert_false(name_valid("-a", 40));
	assert_false(name_valid("a-", 40));
	assert_false(name_valid("a.b", 40));
	assert_false(name_valid("1a", 40));
	assert_null(executor_name(EXECUTOR_DEFAULT));
	assert_string_equal(executor_name(EXECUTOR_WORKER), "worker");
	assert_string_equal(collector_name(COLLECTOR_NONE), "none");
	assert_string_equal(strategy_name(STRATEGY_LATEST), "latest");
	assert_string_equal(param_distribution_name(DIST_LOG_NORMAL), "logNormal");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_parameters_and_space),
		cmocka_unit_test(test_normal_form_is_a_fixpoint),
		cmocka_unit_test(test_constraints_sources_and_the_end),
		cmocka_unit_test(test_hash_tells_documents_apart),
		cmocka_unit_test(test_executor_is_chosen),
		cmocka_unit_test(test_warnings),
		cmocka_unit_test(test_stored_spec_is_loaded),
		cmocka_unit_test(test_edits),
		cmocka_unit_test(test_edit_takes_effect),
		cmocka_unit_test(test_names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
