#include "tests/unit/model/documents.h"

#include <math.h>

#include "server/model/render.h"

static const double sgd[] = {0.1, 3, 0, 0.75}, adam[] = {0.1, 8, 1, NAN};

static struct trial_facts facts_of(const struct experiment_spec *s, const double *x)
{
	return (struct trial_facts){.spec = s, .x = x, .name = "e-abcd2345", .number = 7, .attempt = 2, .seed = 99};
}

static const char *text_of(const cJSON *v, struct arena *a)
{
	struct json_writer w;
	struct strbuf b;
	strbuf_init(&b, SIZE_MAX);
	jw_init(&w, &b);
	if (v != NULL)
		jw_value(&w, NULL, v);
	const char *text = v != NULL ? arena_strdup(a, b.data) : "(nothing)";
	strbuf_free(&b);
	return text;
}

static void assert_at(const cJSON *root, const char *pointer, const char *expected, struct arena *a)
{
	const char *found = text_of(json_at(root, pointer), a);
	if (strcmp(found, expected) != 0)
		fail_msg("%s: %s, not %s", pointer, found, expected);
}

/* ---- the short form ---------------------------------------------------------------------------- */

#define SHORT(trial) "{\"spec\":{\"trial\":{\"executor\":\"kubernetes\",\"image\":\"i:1\"," trial "}}}"

static void test_job(void **state)
{
	struct arena *a = arena_new();
	const struct experiment_spec *s = spec_patched(a,
		SHORT("\"command\":[\"run\",\"$HOME $(x) ${x}\",\"--m=${m}\"],\"workingDirectory\":\"/w/${trial.name}\","
			  "\"serviceAccount\":\"sa\",\"nodeSelector\":{\"a\":\"b\"},\"tolerations\":[{\"operator\":\"Exists\"}],"
			  "\"resources\":{\"cpu\":\"500m\",\"memory\":\"1Gi\",\"gpu\":2}"));
	struct trial_facts t = facts_of(s, adam);
	(void)state;
	assert_string_equal(s->trial.primary_container, "trial");
	assert_string_equal(text_of(render_manifest(&t, a), a),
		"{\"apiVersion\":\"batch/v1\",\"kind\":\"Job\",\"spec\":{\"backoffLimit\":0,\"ttlSecondsAfterFinished\":86400,"
		"\"template\":{\"spec\":{\"restartPolicy\":\"Never\",\"serviceAccountName\":\"sa\","
		"\"nodeSelector\":{\"a\":\"b\"},\"tolerations\":[{\"operator\":\"Exists\"}],\"containers\":[{"
		"\"name\":\"trial\",\"image\":\"i:1\",\"command\":[\"run\",\"$$HOME $$(x) 0.1\"],"
		"\"workingDir\":\"/w/e-abcd2345\",\"resources\":{\"limits\":{\"cpu\":\"500m\",\"memory\":\"1Gi\","
		"\"nvidia.com/gpu\":\"2\"}}}]}}}}");
	arena_free(a);
}

/* An image alone runs its own entry point; what is retained has no end. */
static void test_entry_point(void **state)
{
	struct arena *a = arena_new();
	const struct experiment_spec *s = spec_patched(a,
		SHORT("\"command\":null,\"retain\":true,\"primaryContainer\":\"main\","
			  "\"resources\":{\"gpu\":1,\"gpuResource\":\"amd.com/gpu\"}"));
	struct trial_facts t = facts_of(s, sgd);
	(void)state;
	assert_string_equal(text_of(render_manifest(&t, a), a),
		"{\"apiVersion\":\"batch/v1\",\"kind\":\"Job\",\"spec\":{\"backoffLimit\":0,\"template\":{\"spec\":{"
		"\"restartPolicy\":\"Never\",\"automountServiceAccountToken\":false,"
		"\"containers\":[{\"name\":\"main\",\"image\":\"i:1\",\"resources\":{\"limits\":{"
		"\"amd.com/gpu\":\"1\"}}}]}}}}");
	arena_free(a);
}

static void test_claim(void **state)
{
	struct arena *a = arena_new();
	const struct experiment_spec *s = spec_patched(a, SHORT("\"checkpoints\":{\"size\":\"10Gi\"}"));
	(void)state;
	assert_string_equal(s->trial.checkpoints.path, "/checkpoints");
	assert_string_equal(text_of(render_claim(s, a), a),
		"{\"accessModes\":[\"ReadWriteMany\"],\"resources\":{\"requests\":{\"storage\":\"10Gi\"}}}");
	s = spec_patched(a, SHORT("\"checkpoints\":{\"size\":1000000,\"storageClass\":\"nfs\",\"accessMode\":\"ReadWriteOnce\","
							  "\"path\":\"/c\"}"));
	assert_string_equal(s->trial.checkpoints.path, "/c");
	assert_string_equal(text_of(render_claim(s, a), a),
		"{\"accessModes\":[\"ReadWriteOnce\"],\"resources\":{\"requests\":{\"storage\":\"1000000\"}},"
		"\"storageClassName\":\"nfs\"}");
	s = spec_patched(a, SHORT("\"checkpoints\":{\"claim\":\"shared\"}"));
	assert_string_equal(s->trial.checkpoints.claim, "shared");
	assert_null(render_claim(s, a));
	arena_free(a);
}

/* ---- manifests --------------------------------------------------------------------------------- */

#define MANIFEST(trial, api, kind, rest)                                                                  \
	"{\"spec\":{\"trial\":{\"executor\":\"kubernetes\",\"command\":null," trial "\"manifest\":{\"apiVersion\":\"" api \
	"\",\"kind\":\"" kind "\"" rest "}}}}"
#define POD(containers) "\"template\":{\"spec\":{\"restartPolicy\":\"Never\",\"containers\":[" containers "]}}"
#define JOB(trial, containers) MANIFEST(trial, "batch/v1", "Job", ",\"spec\":{" POD(containers) "}")

/* Katib's way to write a template, and where its values are typed. */
static void test_katib_placeholders(void **state)
{
	struct arena *a = arena_new();
	const struct experiment_spec *s = spec_patched(a,
		MANIFEST("\"trialParameters\":{\"learningRate\":\"x\",\"layers\":\"n\",\"trial\":\"${trialSpec.Name}\","
				 "\"team\":\"${trialSpec.Labels[team]}\"},\"namespace\":\"jobs\",",
			"batch/v1", "Job",
			",\"metadata\":{\"labels\":{\"team\":\"vision\"},\"annotations\":{\"a.b/c\":\"note\"}},\"spec\":{"
			"\"parallelism\":\"${trialParameters.layers}\",\"x\":[\"${trialSpec.Kind}\",\"${trialSpec.APIVersion}\","
			"\"${trialSpec.Namespace}\",\"${trial.namespace}\",\"${trialSpec.Annotations[a.b/c]}\"]," POD(
				"{\"name\":\"t\",\"args\":[\"--lr=${trialParameters.learningRate}\",\"${trialParameters.layers}\","
				"\"${trialParameters.trial}/${trialParameters.team}\"]}") "}"));
	struct trial_facts t = facts_of(s, sgd);
	const cJSON *tree = render_manifest(&t, a);
	(void)state;
	assert_at(tree, "/spec/parallelism", "3", a);
	assert_at(tree, "/spec/x", "[\"Job\",\"batch/v1\",\"jobs\",\"jobs\",\"note\"]", a);
	assert_at(tree, "/spec/template/spec/containers/0/args", "[\"--lr=0.1\",\"3\",\"e-abcd2345/vision\"]", a);
	/* Without a list of its own the names are the parameters'. */
	s = spec_patched(a, JOB("", "{\"name\":\"t\",\"args\":[\"${trialParameters.x}\",\"--m=${trialParameters.m}\"]}"));
	t = facts_of(s, adam);
	assert_at(render_manifest(&t, a), "/spec/template/spec/containers/0/args", "[\"0.1\"]", a);
	arena_free(a);
}

/* Each kind of Katib's examples, and whose container is the primary one. */
static void test_kinds(void **state)
{
	static const struct {
		const char *patch, *primary;
	} kinds_given[] = {
		{JOB("", "{\"name\":\"training-container\"}"), "training-container"},
		{MANIFEST("", "kubeflow.org/v1", "PyTorchJob",
			 ",\"spec\":{\"pytorchReplicaSpecs\":{\"Master\":{" POD("{\"name\":\"pytorch\"}") "},\"Worker\":{" POD(
				 "{\"name\":\"pytorch\"}") "}}}"),
			"pytorch"},
		{MANIFEST("\"primaryContainer\":\"mpi-launcher\",\"primaryPodLabels\":{\"mpi-job-role\":\"launcher\"},",
			 "kubeflow.org/v1", "MPIJob",
			 ",\"spec\":{\"mpiReplicaSpecs\":{\"Launcher\":{" POD("{\"name\":\"mpi-launcher\"}") "},\"Worker\":{" POD(
				 "{\"name\":\"mpi-worker\"}") "}}}"),
			"mpi-launcher"},
		{MANIFEST("", "trainer.kubeflow.org/v1alpha1", "TrainJob", ",\"spec\":{\"trainer\":{\"numNodes\":2}}"), "node"},
		{MANIFEST("\"primaryPodLabels\":{\"katib.kubeflow.org/model-training\":\"true\"},", "argoproj.io/v1alpha1",
			 "Workflow",
			 ",\"spec\":{\"templates\":[{\"name\":\"gen\",\"script\":{\"image\":\"p\"}},{\"name\":\"model\",\"container\":{"
			 "\"name\":\"model\",\"image\":\"i\"}}]}"),
			"main"},
		{MANIFEST("\"primaryContainer\":\"step-model-training\",", "tekton.dev/v1beta1", "PipelineRun", ",\"spec\":{}"),
			"step-model-training"},
		{MANIFEST("", "sparkoperator.k8s.io/v1beta2", "SparkApplication", ",\"spec\":{\"driver\":{}}"),
			"spark-kubernetes-driver"},
		{MANIFEST("", "ray.io/v1", "RayJob",
			 ",\"spec\":{\"rayClusterSpec\":{\"headGroupSpec\":{" POD("{\"name\":\"ray-head\"}") "},"
			 "\"workerGroupSpecs\":[{" POD("{\"name\":\"ray-worker\"}") "}]}}"),
			"ray-job-submitter"},
		{MANIFEST("\"successWhen\":\"status.[@this].#(ok==true)#\",\"failureWhen\":\"status.[@this].#(ok==false)#\",",
			 "example.com/v1", "Odd", ",\"spec\":{" POD("{\"name\":\"odd\"}") "}"),
			"odd"},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(kinds_given); i++) {
		struct arena *a = arena_new();
		const struct experiment_spec *s = spec_patched(a, kinds_given[i].patch);
		assert_string_equal(s->trial.primary_container, kinds_given[i].primary);
		arena_free(a);
	}
}

#define METRICS_FILE "\"metrics\":{\"collector\":\"file\",\"path\":\"m\"}"
#define T "/spec/trial/"
#define C "/spec/trial/manifest/spec/template/spec/containers"

static const struct {
	const char *patch, *problems;
} cases[] = {
	{JOB("", "{\"name\":\"t\",\"args\":[\"${trialParameters.y}\",\"${trialSpec.Nmae}\",\"${trialSpec.Labels[no]}\"]}"),
		C "/0/args/0 unknown-placeholder\n" C "/0/args/1 unknown-placeholder\n" C "/0/args/2 unknown-placeholder"},
	{JOB("\"trialParameters\":{\"lr\":\"x\",\"n\":\"nn\",\"a{\":\"opt\",\"again\":\"x\",\"f\":\"${trialSpec.Foo}\"},",
		 "{\"name\":\"t\",\"args\":[\"${trialParameters.lr}\",\"${trialParameters.x}\"]}"),
		T "trialParameters/n unknown-parameter\n" T "trialParameters/a{ bad-name\n" T "trialParameters/again given-twice\n" T
		  "trialParameters/f unknown-parameter\n" C "/0/args/1 unknown-placeholder\n" T
		  "trialParameters/n unused-placeholder\n" T "trialParameters/a{ unused-placeholder\n" T
		  "trialParameters/again unused-placeholder\n" T "trialParameters/f unused-placeholder"},
	{JOB("\"env\":{\"A\":\"1\"},",
		 "{\"name\":\"t\",\"env\":[{\"name\":\"B\"},{\"name\":\"A\"},{\"name\":\"TRIMTAB_X\"},{\"name\":"
		 "\"KATIB_TRIAL_NAME\"}]}"),
		T "env/A given-twice\n" C "/0/env/2 reserved-name\n" C "/0/env/3 reserved-name"},
	{MANIFEST("", "batch/v1", "Job", ",\"spec\":{\"template\":{\"spec\":{\"containers\":[{\"name\":\"t\"}]}}}"),
		"/spec/trial/manifest/spec/template/spec/restartPolicy missing"},
	{MANIFEST("", "batch/v1", "Job",
		 ",\"spec\":{\"template\":{\"spec\":{\"restartPolicy\":\"Always\",\"containers\":[{\"name\":\"t\"}]}}}"),
		"/spec/trial/manifest/spec/template/spec/restartPolicy unknown-value"},
	{JOB("\"successWhen\":\"a.#(\",\"failureWhen\":\"a.{b}\",", "{\"name\":\"t\"}"),
		T "successWhen bad-query\n" T "failureWhen bad-query"},
	{MANIFEST("\"successWhen\":\"a\",", "example.com/v1", "Odd", ",\"spec\":{" POD("{\"name\":\"odd\"}") "}"),
		T "failureWhen missing"},
	{MANIFEST("", "kubeflow.org/v1", "MPIJob",
		 ",\"spec\":{\"mpiReplicaSpecs\":{\"Launcher\":{" POD("{\"name\":\"a\"}") "},\"Worker\":{" POD("{\"name\":\"b\"}") "}}}"),
		T "primaryContainer missing"},
	{MANIFEST("\"primaryContainer\":\"pytroch\",", "kubeflow.org/v1", "PyTorchJob",
		 ",\"spec\":{\"pytorchReplicaSpecs\":{\"Master\":{" POD("{\"name\":\"pytorch\"}") "}}}"),
		T "primaryContainer unknown-container"},
	{MANIFEST("", "tekton.dev/v1", "PipelineRun", ",\"spec\":{}"), T "primaryContainer missing"},
	{MANIFEST("", "kubeflow.org/v1", "TFJob", ",\"spec\":{}"), "/spec/trial/manifest/spec missing"},
	{MANIFEST("\"checkpoints\":{\"claim\":\"c\"},", "trainer.kubeflow.org/v1alpha1", "TrainJob", ""),
		T "checkpoints not-with-manifest"},
	/* What reads the file starts the command. */
	{SHORT("\"command\":null," METRICS_FILE), T "command missing"},
	{JOB(METRICS_FILE ",", "{\"name\":\"t\",\"args\":[\"a\"]}"), C "/0/command missing"},
	{JOB(METRICS_FILE ",\"primaryContainer\":\"u\",", "{\"name\":\"t\"},{\"name\":\"u\",\"command\":[]}"), C "/1/command missing"},
	{MANIFEST("\"metrics\":{\"fallback\":\"file\",\"path\":\"m\"},", "trainer.kubeflow.org/v1alpha1", "TrainJob", ""),
		T "metrics/path not-with-manifest"},
	{MANIFEST(METRICS_FILE ",", "ray.io/v1", "RayJob",
		 ",\"spec\":{\"rayClusterSpec\":{\"headGroupSpec\":{" POD("{\"name\":\"h\",\"command\":[\"ray\"]}") "}}}"),
		T "metrics/path not-with-manifest"},
	{SHORT("\"checkpoints\":{}"), T "checkpoints missing"},
	{SHORT("\"checkpoints\":{\"claim\":\"C_\",\"size\":\"much\",\"path\":\"rel\",\"accessMode\":\"Any\"}"),
		T "checkpoints/accessMode unknown-value\n" T "checkpoints/claim not-with-size\n" T
		  "checkpoints/size bad-quantity\n" T "checkpoints/path not-absolute"},
	{SHORT("\"checkpoints\":{\"claim\":\"C_\"}"), T "checkpoints/claim bad-name"},
	{SHORT("\"serviceAccount\":\"Not A Name\",\"primaryContainer\":\"A\",\"resources\":{\"gpuResource\":\"gpu\"}"),
		T "serviceAccount bad-name\n" T "resources/gpuResource bad-name\n" T "primaryContainer bad-name"},
	{"{\"spec\":{\"trial\":{\"primaryPodLabels\":{\"a\":\"b\"},\"checkpoints\":{\"claim\":\"c\"}}}}",
		T "primaryPodLabels not-for-executor\n" T "checkpoints not-for-executor"},
	{"{\"spec\":{\"parameters\":{\"trialSpec.Name\":{\"type\":\"int\",\"min\":0,\"max\":1}}}}",
		"/spec/parameters/trialSpec.Name reserved-name"},
};

static void test_problems(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct arena *a = arena_new();
		struct problems *p = ARENA_NEW(a, struct problems);
		const struct experiment_spec *s;
		problems_init(p, a);
		if (spec_from_json(patched(a, cases[i].patch), NULL, a, &s, p, NULL))
			fail_msg("accepted: %s", cases[i].patch);
		if (strcmp(problem_lines(p), cases[i].problems) != 0)
			fail_msg("%s\nexpected:\n%s\nfound:\n%s", cases[i].patch, cases[i].problems, problem_lines(p));
		arena_free(a);
	}
}

static void test_advice(void **state)
{
	static const struct {
		const char *patch, *warning;
	} advice[] = {
		{JOB("", "{\"name\":\"t\",\"args\":[\"${x}${n}${opt}${m}\"]}"),
			"/spec/budget unlimited\n/spec/trial/manifest/spec/backoffLimit starts-again"},
		{SHORT("\"command\":[\"${x}${n}${opt}${m}\"]},\"algorithm\":{\"name\":\"pbt\",\"settings\":{\"n_population\":5}"),
			"/spec/budget unlimited\n/spec/trial/checkpoints no-checkpoints"},
		{SHORT("\"command\":[\"${x}${n}${opt}${m}\"],\"checkpoints\":{\"claim\":\"c\"}},\"algorithm\":{\"name\":\"pbt\","
			   "\"settings\":{\"n_population\":5}"),
			"/spec/budget unlimited"},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(advice); i++) {
		struct arena *a = arena_new();
		struct problems *p = ARENA_NEW(a, struct problems), *warnings = ARENA_NEW(a, struct problems);
		const struct experiment_spec *s;
		problems_init(p, a);
		problems_init(warnings, a);
		if (!spec_from_json(patched(a, advice[i].patch), NULL, a, &s, p, warnings))
			fail_msg("%s: %s", problem_lines(p), p->items[0].detail);
		assert_string_equal(problem_lines(warnings), advice[i].warning);
		arena_free(a);
	}
}

static void test_did_you_mean(void **state)
{
	struct arena *a = arena_new();
	struct problems *p = ARENA_NEW(a, struct problems);
	const struct experiment_spec *s;
	(void)state;
	problems_init(p, a);
	assert_false(spec_from_json(patched(a, JOB("\"trialParameters\":{\"rate\":\"x\"},",
						"{\"name\":\"t\",\"args\":[\"${trialParameters.rate}\",\"${trialParameters.rte}\",\"${trialSpec.name}\"]}")),
		NULL, a, &s, p, NULL));
	assert_int_equal(p->n, 2);
	assert_string_equal(p->items[0].did_you_mean, "trialParameters.rate");
	assert_string_equal(p->items[1].did_you_mean, "trialSpec.Name");
	arena_free(a);
}

/* What is stored reads back as it was. */
static void test_fixpoint(void **state)
{
	static const char *const patches[] = {
		SHORT("\"checkpoints\":{\"size\":\"1Gi\",\"storageClass\":\"nfs\"},\"resources\":{\"gpu\":1,\"gpuResource\":\"a/b\"}"),
		SHORT("\"checkpoints\":{\"claim\":\"c\",\"path\":\"/p\"},\"resources\":{\"gpu\":1}"),
		JOB("\"trialParameters\":{\"lr\":\"x\",\"name\":\"${trialSpec.Name}\"},\"primaryPodLabels\":{\"a\":\"b\"},",
			"{\"name\":\"t\",\"args\":[\"${trialParameters.lr} ${trialParameters.name}\"]}"),
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(patches); i++) {
		struct arena *a = arena_new();
		const char *first = spec_document(spec_patched(a, patches[i]), a);
		assert_string_equal(spec_document(spec_of(a, parse_text(a, first)), a), first);
		arena_free(a);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_job),
		cmocka_unit_test(test_entry_point),
		cmocka_unit_test(test_claim),
		cmocka_unit_test(test_katib_placeholders),
		cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_problems),
		cmocka_unit_test(test_advice),
		cmocka_unit_test(test_did_you_mean),
		cmocka_unit_test(test_fixpoint),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
