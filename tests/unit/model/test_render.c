#include "tests/unit/model/documents.h"

#include <math.h>

#include "server/model/render.h"

static struct trial_facts facts_of(const struct experiment_spec *s, const double *x)
{
	return (struct trial_facts){.spec = s,
		.x = x,
		.name = "e-abcd2345",
		.number = 7,
		.attempt = 2,
		.seed = 99,
		.budget_steps = 27,
		.trial_url = "http://127.0.0.1:8746/t/7",
		.token = "tt_secret"};
}

static const double with_sgd[] = {0.1, 3, 0, 0.75}, with_adam[] = {1e-7, 8, 1, NAN};

static void test_text(void **state)
{
	static const struct {
		const char *text, *sgd, *adam;
	} cases[] = {
		{"", "", ""},
		{"plain", "plain", "plain"},
		{"${x}", "0.1", "1e-07"},
		{"--n=${n} ${opt}", "--n=3 sgd", "--n=8 adam"},
		{"${m}", "0.75", ""},
		{"a${m}b", "a0.75b", "ab"},
		{"${x}${x}", "0.10.1", "1e-071e-07"},
		{"$${x}", "${x}", "${x}"},
		{"$$${x}", "$${x}", "$${x}"},
		{"$x $ $$ $$$", "$x $ $$ $$$", "$x $ $$ $$$"},
		{"${x", "${x", "${x"},
		{"$", "$", "$"},
		{"${trial.name}/${trial.number}/${trial.attempt}/${trial.seed}", "e-abcd2345/7/2/99",
			"e-abcd2345/7/2/99"},
		{"${experiment.name}@${experiment.namespace} ${budget.steps}", "e@default 27", "e@default 27"},
		{"caf\u00e9 ${opt} \U0001f600", "caf\u00e9 sgd \U0001f600", "caf\u00e9 adam \U0001f600"},
	};
	struct arena *a = arena_new();
	const struct experiment_spec *s = spec_patched(a, "{}");
	struct trial_facts sgd = facts_of(s, with_sgd), adam = facts_of(s, with_adam);
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		assert_string_equal(render_text(&sgd, cases[i].text, a), cases[i].sgd);
		assert_string_equal(render_text(&adam, cases[i].text, a), cases[i].adam);
	}
	sgd.budget_steps = 0;
	assert_string_equal(render_text(&sgd, "[${budget.steps}]", a), "[]");
	arena_free(a);
}

static const char *joined(char **items, size_t n, struct arena *a)
{
	const char *out = "";
	for (size_t i = 0; i < n; i++)
		out = arena_printf(a, "%s%s[%s]", out, i > 0 ? " " : "", items[i]);
	assert_null(items[n]);
	return out;
}

/* Options of inactive parameters vanish; nothing else does. */
static void test_command(void **state)
{
	struct arena *a = arena_new();
	const struct experiment_spec *s =
		spec_patched(a, "{\"spec\":{\"trial\":{\"command\":[\"run\",\"--m=${m}\",\"${m}\",\"x${m}\",\"--m=${"
						"m} \",\"\",\"m=${n}${m}\","
						"\"${opt}\"]}}}");
	struct trial_facts sgd = facts_of(s, with_sgd), adam = facts_of(s, with_adam);
	size_t n;
	(void)state;
	char **words = render_command(&sgd, a, &n);
	assert_string_equal(
		joined(words, n, a), "[run] [--m=0.75] [0.75] [x0.75] [--m=0.75 ] [] [m=30.75] [sgd]");
	words = render_command(&adam, a, &n);
	assert_string_equal(joined(words, n, a), "[run] [x] [--m= ] [] [m=8] [adam]");
	arena_free(a);
}

static void test_environment(void **state)
{
	struct arena *a = arena_new();
	const struct experiment_spec *s =
		spec_patched(a, "{\"spec\":{\"trial\":{\"env\":{\"LR\":\"${x}\",\"M\":\"${m}\"}}}}");
	struct trial_facts t = facts_of(s, with_adam);
	size_t n;
	(void)state;
	char **env = render_env(&t, a, &n);
	assert_string_equal(joined(env, n, a),
		"[TRIMTAB_TRIAL_URL=http://127.0.0.1:8746/t/7] [TRIMTAB_TOKEN=tt_secret] [TRIMTAB_NAMESPACE=default] "
		"[TRIMTAB_EXPERIMENT=e] [TRIMTAB_TRIAL=e-abcd2345] [TRIMTAB_TRIAL_NUMBER=7] [TRIMTAB_ATTEMPT=2] "
		"[TRIMTAB_SEED=99] [TRIMTAB_PARAMS={\"x\":1e-07,\"n\":8,\"opt\":\"adam\"}] [TRIMTAB_OBJECTIVE=loss] "
		"[TRIMTAB_DIRECTION=minimize] [TRIMTAB_BUDGET_STEPS=27] [KATIB_TRIAL_NAME=e-abcd2345] [LR=1e-07] "
		"[M=]");
	t.trial_url = t.token = NULL;
	t.budget_steps = 0;
	t.parent = 3;
	t.params_file = "/t/params.json";
	t.checkpoint_dir = "/t/c";
	t.stop_file = "/t/stop";
	t.spool = "/t/spool";
	env = render_env(&t, a, &n);
	assert_string_equal(joined(env, n, a),
		"[TRIMTAB_NAMESPACE=default] [TRIMTAB_EXPERIMENT=e] [TRIMTAB_TRIAL=e-abcd2345] "
		"[TRIMTAB_TRIAL_NUMBER=7] "
		"[TRIMTAB_ATTEMPT=2] [TRIMTAB_SEED=99] [TRIMTAB_PARAMS={\"x\":1e-07,\"n\":8,\"opt\":\"adam\"}] "
		"[TRIMTAB_PARAMS_FILE=/t/params.json] [TRIMTAB_OBJECTIVE=loss] [TRIMTAB_DIRECTION=minimize] "
		"[TRIMTAB_PARENT_NUMBER=3] [TRIMTAB_CHECKPOINT_DIR=/t/c] [TRIMTAB_STOP_FILE=/t/stop] [TRIMTAB_SPOOL=/t/spool] "
		"[KATIB_TRIAL_NAME=e-abcd2345] [LR=1e-07] [M=]");
	arena_free(a);
}

/* Values stay values: quotes in a parameter cannot break out of their string. */
static void test_manifest(void **state)
{
	struct arena *a = arena_new();
	const struct experiment_spec *s = spec_patched(a,
		"{\"spec\":{\"parameters\":{\"opt\":{\"values\":[\"sgd\",\"adam\\\",\\\"evil\\\":\\\"1\"]}},"
		"\"trial\":{\"executor\":\"kubernetes\",\"command\":null,\"primaryContainer\":\"t\",\"manifest\":{"
		"\"apiVersion\":\"batch/"
		"v1\",\"kind\":\"Job\",\"metadata\":{\"labels\":{\"n\":\"${n}\",\"run\":\"${trial.name}\"}},"
		"\"spec\":{\"parallelism\":\"${n}\",\"ratio\":\"${x}\",\"momentum\":\"${m}\",\"limit\":3,\"flag\":"
		"true,"
		"\"note\":\"n is ${n}\",\"mixed\":[\"${n}\",1],"
		"\"template\":{\"spec\":{\"restartPolicy\":\"Never\",\"containers\":[{\"name\":\"t\",\"args\":[\"--x\",\"${x}\",\"--m=${m}\",\"--"
		"opt=${opt}\"],"
		"\"env\":[{\"name\":\"N\",\"value\":\"${n}\"}]}]}}}}}}}");
	struct trial_facts sgd = facts_of(s, with_sgd), adam = facts_of(s, with_adam);
	struct strbuf b;
	struct json_writer w;
	(void)state;
	strbuf_init(&b, SIZE_MAX);
	jw_init(&w, &b);
	jw_value(&w, NULL, render_manifest(&sgd, a));
	assert_string_equal(b.data,
		"{\"apiVersion\":\"batch/"
		"v1\",\"kind\":\"Job\",\"metadata\":{\"labels\":{\"n\":\"3\",\"run\":\"e-abcd2345\"}},"
		"\"spec\":{\"parallelism\":3,\"ratio\":0.1,\"momentum\":0.75,\"limit\":3,\"flag\":true,\"note\":\"n "
		"is 3\","
		"\"mixed\":[3,1],\"template\":{\"spec\":{\"restartPolicy\":\"Never\",\"containers\":[{\"name\":\"t\",\"args\":[\"--x\",\"0.1\","
		"\"--m=0.75\","
		"\"--opt=sgd\"],\"env\":[{\"name\":\"N\",\"value\":\"3\"}]}]}}}}");
	const cJSON *tree = render_manifest(&adam, a);
	assert_null(json_at(tree, "/spec/momentum"));
	assert_string_equal(
		json_str(json_at(tree, "/spec/template/spec/containers/0/args/2")), "--opt=adam\",\"evil\":\"1");
	assert_null(json_at(tree, "/spec/template/spec/containers/0/args/3"));
	strbuf_free(&b);
	arena_free(a);
}

static void test_no_manifest(void **state)
{
	struct arena *a = arena_new();
	const struct experiment_spec *s = spec_patched(a, "{}");
	struct trial_facts t = facts_of(s, with_sgd);
	(void)state;
	assert_null(render_manifest(&t, a));
	assert_true(env_name_reserved("TRIMTAB_X"));
	assert_false(env_name_reserved("TRIMTAB"));
	arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_command),
		cmocka_unit_test(test_environment),
		cmocka_unit_test(test_manifest),
		cmocka_unit_test(test_no_manifest),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
