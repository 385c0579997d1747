#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lib/arena.h"
#include "lib/attr.h"
#include "lib/json_write.h"
#include "server/model/kinds.h"
#include "trial-runner/kubernetes/dress.h"

#define UID "0b5ad4a6-54b9-4ab6-8a6f-5a5f8cc3c111"

static const cJSON *tree_of(const char *text, struct arena *a)
{
	struct err e = {0};
	const cJSON *tree = json_parse(text, strlen(text), 0, a, &e);

	if (!tree)
		fail_msg("%s in %s", e.detail, text);
	return tree;
}

static const char *text_at(const cJSON *root, const char *pointer, struct arena *a)
{
	const cJSON *v = *pointer ? json_at(root, pointer) : root;
	struct json_writer w;
	struct strbuf b;
	const char *text;

	if (!v)
		return "(nothing)";
	strbuf_init(&b, SIZE_MAX);
	jw_init(&w, &b);
	jw_value(&w, NULL, v);
	text = arena_strdup(a, b.data);
	strbuf_free(&b);
	return text;
}

static void assert_at(const cJSON *root, const char *pointer, const char *expected, struct arena *a)
{
	const char *found = text_at(root, pointer, a);

	if (strcmp(found, expected) != 0)
		fail_msg("%s: %s, not %s", pointer, found, expected);
}

static const char *const environment[] = {
	"TRIMTAB_TOKEN=tt_secret", "TRIMTAB_TRIAL=e-abcd2345", "COST=$5 $(HOME) $$", "EMPTY=", "LR=0.1", NULL};

static struct run_order order_of(const struct run_object *object)
{
	return (struct run_order){.key = {.experiment_id = 12, .number = 7, .attempt = 2, .uid = UID},
		.ns = "team",
		.experiment = "e",
		.trial = "e-abcd2345",
		.env = environment,
		.object = object,
		.timeout_us = 90500000,
		.grace_us = 15000000,
		.metrics = {.collector = RUN_COLLECT_STDOUT, .fallback = true}};
}

static struct dressed dressed_of(const struct run_order *o, struct arena *a)
{
	struct dressed out;
	struct err e = {0};

	if (!dress(o, "trimtab:1", a, &out, &e))
		fail_msg("%s", e.detail);
	return out;
}

#define JOB                                                                                          \
	"{\"apiVersion\":\"batch/v1\",\"kind\":\"Job\",\"metadata\":{\"labels\":{\"team\":\"vision\","   \
	"\"trimtab.dev/number\":\"99\"}},\"spec\":{\"backoffLimit\":0,\"template\":{\"spec\":{"          \
	"\"restartPolicy\":\"Never\",\"containers\":[{\"name\":\"helper\",\"image\":\"h\"},"             \
	"{\"name\":\"trial\",\"image\":\"i\",\"env\":[{\"name\":\"LR\",\"value\":\"own\"},"              \
	"{\"name\":\"TRIMTAB_TRIAL\",\"value\":\"stolen\"},"                                             \
	"{\"name\":\"RUN\",\"value\":\"$(TRIMTAB_TRIAL)\"}]}]}}}}"

static void test_job(void **state)
{
	struct arena *a = arena_new();
	const struct run_object object = {.manifest = tree_of(JOB, a), .ns = "jobs", .primary_container = "trial"};
	const struct run_order o = order_of(&object);
	const struct dressed d = dressed_of(&o, a);
	const cJSON *job = tree_of(d.object, a), *secret = tree_of(d.secret, a);
	const cJSON *pod = json_at(job, "/spec/template"), *trial = json_at(pod, "/spec/containers/1");

	(void)state;
	assert_string_equal(d.name, "e-abcd2345-2");
	assert_string_equal(d.ns, "jobs");
	assert_true(kind_is_job(d.kind));
	assert_null(d.claim);
	assert_at(job, "/metadata/name", "\"e-abcd2345-2\"", a);
	assert_at(job, "/metadata/namespace", "\"jobs\"", a);
	assert_at(job, "/metadata/labels",
		"{\"team\":\"vision\",\"app.kubernetes.io/managed-by\":\"trimtab\",\"trimtab.dev/experiment\":\"e\","
		"\"trimtab.dev/experiment-id\":\"12\",\"trimtab.dev/experiment-uid\":\"" UID "\","
		"\"trimtab.dev/trial\":\"e-abcd2345\",\"trimtab.dev/number\":\"7\",\"trimtab.dev/attempt\":\"2\","
		"\"katib.kubeflow.org/experiment\":\"e\",\"katib.kubeflow.org/trial\":\"e-abcd2345\"}",
		a);
	assert_at(pod, "/metadata/labels/trimtab.dev~1attempt", "\"2\"", a);
	assert_at(pod, "/spec/activeDeadlineSeconds", "91", a);
	assert_at(pod, "/spec/terminationGracePeriodSeconds", "15", a);
	assert_at(pod, "/spec/containers/0", "{\"name\":\"helper\",\"image\":\"h\"}", a);
	assert_at(trial, "/env",
		"[{\"name\":\"TRIMTAB_TOKEN\",\"valueFrom\":{\"secretKeyRef\":{\"name\":\"e-abcd2345-2\",\"key\":\"token\"}}},"
		"{\"name\":\"TRIMTAB_TRIAL\",\"value\":\"e-abcd2345\"},"
		"{\"name\":\"COST\",\"value\":\"$$5 $$(HOME) $$$$\"},{\"name\":\"EMPTY\",\"value\":\"\"},"
		"{\"name\":\"PYTHONUNBUFFERED\",\"value\":\"1\"},"
		"{\"name\":\"LR\",\"value\":\"own\"},{\"name\":\"RUN\",\"value\":\"$(TRIMTAB_TRIAL)\"}]",
		a);
	assert_at(trial, "/volumeMounts", "(nothing)", a);
	assert_at(secret, "/metadata/name", "\"e-abcd2345-2\"", a);
	assert_at(secret, "/metadata/labels/trimtab.dev~1number", "\"7\"", a);
	assert_at(secret, "/stringData", "{\"token\":\"tt_secret\"}", a);
	assert_null(strstr(d.object, "tt_secret"));
	arena_free(a);
}

/* What a document said of times in its own pods stays. */
static void test_own_times(void **state)
{
	struct arena *a = arena_new();
	const struct run_object object = {.manifest = tree_of("{\"apiVersion\":\"batch/v1\",\"kind\":\"Job\",\"spec\":"
			"{\"template\":{\"spec\":{\"activeDeadlineSeconds\":5,\"terminationGracePeriodSeconds\":0,"
			"\"containers\":[{\"name\":\"x\"}]}}}}", a), .ns = "jobs"};
	const struct run_order o = order_of(&object);
	const cJSON *job = tree_of(dressed_of(&o, a).object, a);

	(void)state;
	assert_at(job, "/spec/template/spec/activeDeadlineSeconds", "5", a);
	assert_at(job, "/spec/template/spec/terminationGracePeriodSeconds", "0", a);
	assert_at(job, "/spec/template/spec/containers/0/env/0/name", "\"TRIMTAB_TOKEN\"", a);
	arena_free(a);
}

static void test_checkpoints(void **state)
{
	struct arena *a = arena_new();
	const struct run_object object = {.manifest = tree_of(JOB, a), .ns = "jobs", .primary_container = "trial",
		.checkpoint_path = "/ckpt", .checkpoint_claim = "e-checkpoints-0b5ad4a6",
		.checkpoint_spec = tree_of("{\"accessModes\":[\"ReadWriteMany\"]}", a)};
	struct run_order o = order_of(&object);
	struct dressed d = dressed_of(&o, a);
	const cJSON *pod = json_at(tree_of(d.object, a), "/spec/template/spec"), *claim = tree_of(d.claim, a);

	(void)state;
	assert_at(pod, "/containers/1/volumeMounts",
		"[{\"name\":\"trimtab-checkpoints\",\"mountPath\":\"/ckpt\",\"subPath\":\"" UID "/7\"}]", a);
	assert_at(pod, "/volumes",
		"[{\"name\":\"trimtab-checkpoints\",\"persistentVolumeClaim\":{\"claimName\":\"e-checkpoints-0b5ad4a6\"}}]", a);
	assert_non_null(strstr(d.object, "{\"name\":\"TRIMTAB_CHECKPOINT_DIR\",\"value\":\"/ckpt\"}"));
	assert_null(strstr(d.object, "TRIMTAB_PARENT"));
	assert_string_equal(d.claim_name, "e-checkpoints-0b5ad4a6");
	assert_at(claim, "/kind", "\"PersistentVolumeClaim\"", a);
	assert_at(claim, "/spec", "{\"accessModes\":[\"ReadWriteMany\"]}", a);
	assert_at(claim, "/metadata/labels/trimtab.dev~1number", "(nothing)", a);
	/* The line of a configuration has one folder; a parent's is read. */
	o.line = 3;
	o.parent = 5;
	pod = json_at(tree_of(dressed_of(&o, a).object, a), "/spec/template/spec");
	assert_at(pod, "/containers/1/volumeMounts",
		"[{\"name\":\"trimtab-checkpoints\",\"mountPath\":\"/ckpt\",\"subPath\":\"" UID "/3\"},"
		"{\"name\":\"trimtab-checkpoints\",\"mountPath\":\"/ckpt-parent\",\"subPath\":\"" UID "/5\",\"readOnly\":true}]",
		a);
	assert_non_null(strstr(dressed_of(&o, a).object,
		"{\"name\":\"TRIMTAB_PARENT_CHECKPOINT_DIR\",\"value\":\"/ckpt-parent\"}"));
	arena_free(a);
}

/* Where each kind takes labels and variables. "~" is TRIMTAB_TRIAL among the variables, "@" the trial's label. */
static void test_kinds(void **state)
{
	static const struct {
		const char *manifest, *primary, *labels[3], *env[3], *untouched;
	} cases[] = {
		{"{\"apiVersion\":\"kubeflow.org/v1\",\"kind\":\"PyTorchJob\",\"spec\":{\"pytorchReplicaSpecs\":{"
		 "\"Master\":{\"template\":{\"spec\":{\"containers\":[{\"name\":\"pytorch\"}]}}},"
		 "\"Worker\":{\"template\":{\"metadata\":null,\"spec\":{\"containers\":[{\"name\":\"pytorch\",\"env\":null}]}}}}}}",
			"pytorch",
			{"/spec/pytorchReplicaSpecs/Master/template/metadata/labels",
				"/spec/pytorchReplicaSpecs/Worker/template/metadata/labels"},
			{"/spec/pytorchReplicaSpecs/Master/template/spec/containers/0/env",
				"/spec/pytorchReplicaSpecs/Worker/template/spec/containers/0/env"},
			NULL},
		{"{\"apiVersion\":\"kubeflow.org/v1\",\"kind\":\"MPIJob\",\"spec\":{\"mpiReplicaSpecs\":{"
		 "\"Launcher\":{\"template\":{\"spec\":{\"containers\":[{\"name\":\"mpi-launcher\"}]}}},"
		 "\"Worker\":{\"template\":{\"spec\":{\"containers\":[{\"name\":\"mpi-worker\"}]}}}}}}",
			"mpi-launcher",
			{"/spec/mpiReplicaSpecs/Launcher/template/metadata/labels",
				"/spec/mpiReplicaSpecs/Worker/template/metadata/labels"},
			{"/spec/mpiReplicaSpecs/Launcher/template/spec/containers/0/env"},
			"/spec/mpiReplicaSpecs/Worker/template/spec/containers/0/env"},
		{"{\"apiVersion\":\"trainer.kubeflow.org/v1alpha1\",\"kind\":\"TrainJob\",\"spec\":{\"trainer\":{"
		 "\"env\":[{\"name\":\"A\",\"value\":\"1\"}]}}}",
			NULL, {"/spec/labels"}, {"/spec/trainer/env"}, NULL},
		{"{\"apiVersion\":\"jobset.x-k8s.io/v1alpha2\",\"kind\":\"JobSet\",\"spec\":{\"replicatedJobs\":[{\"template\":"
		 "{\"spec\":{\"template\":{\"spec\":{\"containers\":[{\"name\":\"c\"}]}}}}}]}}",
			"c", {"/spec/replicatedJobs/0/template/spec/template/metadata/labels"},
			{"/spec/replicatedJobs/0/template/spec/template/spec/containers/0/env"},
			"/spec/replicatedJobs/0/template/metadata"},
		{"{\"apiVersion\":\"ray.io/v1\",\"kind\":\"RayJob\",\"spec\":{\"entrypoint\":\"python x.py\","
		 "\"rayClusterSpec\":{\"headGroupSpec\":{\"template\":{\"spec\":{\"containers\":[{\"name\":\"ray-head\","
		 "\"image\":\"ray:2\"}]}}}}}}",
			"ray-job-submitter",
			{"/spec/rayClusterSpec/headGroupSpec/template/metadata/labels", "/spec/submitterPodTemplate/metadata/labels"},
			{"/spec/rayClusterSpec/headGroupSpec/template/spec/containers/0/env",
				"/spec/submitterPodTemplate/spec/containers/0/env"},
			NULL},
		{"{\"apiVersion\":\"sparkoperator.k8s.io/v1beta2\",\"kind\":\"SparkApplication\",\"spec\":{\"driver\":{}}}",
			NULL, {"/spec/driver/labels", "/spec/executor/labels"}, {"/spec/driver/env"}, NULL},
		{"{\"apiVersion\":\"argoproj.io/v1alpha1\",\"kind\":\"Workflow\",\"spec\":{\"templates\":[{\"name\":\"s\","
		 "\"steps\":[[{\"name\":\"x\",\"template\":\"t\"}]]},{\"name\":\"g\",\"script\":{\"image\":\"p\"}},"
		 "{\"name\":\"t\",\"container\":{\"name\":\"model\",\"image\":\"i\"}}]}}",
			"main", {"/spec/podMetadata/labels"},
			{"/spec/templates/1/script/env", "/spec/templates/2/container/env"}, "/spec/templates/0/container"},
		{"{\"apiVersion\":\"tekton.dev/v1beta1\",\"kind\":\"PipelineRun\",\"spec\":{}}", "step-train",
			{"/metadata/labels"}, {"/spec/podTemplate/env"}, NULL},
		{"{\"apiVersion\":\"tekton.dev/v1\",\"kind\":\"PipelineRun\",\"spec\":{}}", "step-train",
			{"/metadata/labels"}, {"/spec/taskRunTemplate/podTemplate/env"}, "/spec/podTemplate"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct arena *a = arena_new();
		const struct run_object object = {
			.manifest = tree_of(cases[i].manifest, a), .ns = "jobs", .primary_container = cases[i].primary};
		const struct run_order o = order_of(&object);
		const struct dressed d = dressed_of(&o, a);
		const cJSON *root = tree_of(d.object, a);

		assert_non_null(d.kind);
		for (size_t k = 0; k < 3 && cases[i].labels[k]; k++)
			assert_at(json_at(root, cases[i].labels[k]), "/trimtab.dev~1trial", "\"e-abcd2345\"", a);
		for (size_t k = 0; k < 3 && cases[i].env[k]; k++)
			assert_at(json_at(root, cases[i].env[k]), "/1", "{\"name\":\"TRIMTAB_TRIAL\",\"value\":\"e-abcd2345\"}", a);
		if (cases[i].untouched)
			assert_at(root, cases[i].untouched, "(nothing)", a);
		arena_free(a);
	}
}

static void test_refused(void **state)
{
	static const struct {
		const char *manifest, *primary, *checkpoints, *why;
	} cases[] = {
		{"{\"kind\":\"Job\"}", "t", NULL, "the manifest lacks apiVersion or kind"},
		{"{\"apiVersion\":\"x/v1\",\"kind\":\"Odd\"}", "t", NULL, "Odd is no kind that trimtab knows: give successWhen"},
		{"{\"apiVersion\":\"batch/v1\",\"kind\":\"Job\",\"spec\":{\"template\":{\"spec\":{\"containers\":[{\"name\":"
		 "\"a\"}]}}}}",
			"b", NULL, "the manifest has no container 'b'"},
		{"{\"apiVersion\":\"batch/v1\",\"kind\":\"Job\",\"metadata\":[]}", "b", NULL,
			"the manifest cannot be used: its metadata is not an object"},
		{"{\"apiVersion\":\"batch/v1\",\"kind\":\"Job\",\"metadata\":{\"labels\":1}}", "b", NULL,
			"the manifest cannot be used: its labels are not an object"},
		{"{\"apiVersion\":\"batch/v1\",\"kind\":\"Job\",\"spec\":{\"template\":{\"spec\":{\"containers\":[{\"name\":"
		 "\"a\",\"env\":{}}]}}}}",
			"a", NULL, "the manifest cannot be used: a container's env is not a list"},
		{"{\"apiVersion\":\"trainer.kubeflow.org/v1alpha1\",\"kind\":\"TrainJob\"}", NULL, "/c",
			"the manifest has no pod template for the checkpoints' volume"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct arena *a = arena_new();
		const struct run_object object = {.manifest = tree_of(cases[i].manifest, a), .ns = "jobs",
			.primary_container = cases[i].primary, .checkpoint_path = cases[i].checkpoints, .checkpoint_claim = "c"};
		const struct run_order o = order_of(&object);
		struct dressed out;
		struct err e = {0};

		assert_false(dress(&o, "trimtab:1", a, &out, &e));
		assert_int_equal(e.code, ERR_INVALID);
		if (strncmp(e.detail, cases[i].why, strlen(cases[i].why)) != 0)
			fail_msg("%s, not %s", e.detail, cases[i].why);
		arena_free(a);
	}
}

#define PODS(containers) \
	"{\"apiVersion\":\"batch/v1\",\"kind\":\"Job\",\"spec\":{\"template\":{\"spec\":{\"containers\":[" containers "]}}}}"

static struct run_order file_order(const struct run_object *object)
{
	static const char *const patterns[] = {"(a)=$(b)", NULL};
	struct run_order o = order_of(object);

	o.env = NULL;
	o.metrics = (struct run_metrics){.collector = RUN_COLLECT_FILE, .path = "out/m.jsonl", .json_lines = true,
		.patterns = patterns};
	return o;
}

/* The command becomes an argument; the program that starts it comes out of an image of ours. */
static void test_metrics_file(void **state)
{
	struct arena *a = arena_new();
	const struct run_object object = {.primary_container = "t", .ns = "jobs", .manifest = tree_of(PODS("{\"name\":\"side\","
		"\"command\":[\"s\"]},{\"name\":\"t\",\"command\":[\"python3\",\"-u\"],\"args\":[\"t.py\"],\"securityContext\":"
		"{\"runAsUser\":7},\"volumeMounts\":[{\"name\":\"d\",\"mountPath\":\"/d\"}]}"), a)};
	const struct run_order o = file_order(&object);
	const cJSON *spec = json_at(tree_of(dressed_of(&o, a).object, a), "/spec/template/spec");

	(void)state;
	assert_at(spec, "/containers/0/command", "[\"s\"]", a);
	assert_at(spec, "/containers/0/volumeMounts", "(nothing)", a);
	assert_at(spec, "/containers/1/command", "[\"/opt/trimtab/trimtab-collect\",\"run\",\"--file=out/m.jsonl\",\"--json\","
		"\"--pattern=(a)=$$(b)\",\"--\",\"python3\",\"-u\"]", a);
	assert_at(spec, "/containers/1/args", "[\"t.py\"]", a);
	assert_at(spec, "/containers/1/volumeMounts", "[{\"name\":\"d\",\"mountPath\":\"/d\"},"
		"{\"name\":\"trimtab-collect\",\"mountPath\":\"/opt/trimtab\"}]", a);
	assert_at(spec, "/initContainers", "[{\"name\":\"trimtab-collect\",\"image\":\"trimtab:1\",\"command\":[\"trimtab-collect\","
		"\"install\",\"/opt/trimtab/trimtab-collect\"],\"resources\":{\"limits\":{\"cpu\":\"100m\",\"memory\":\"64Mi\"}},"
		"\"securityContext\":{\"runAsUser\":7},\"volumeMounts\":[{\"name\":\"trimtab-collect\",\"mountPath\":\"/opt/trimtab\"}]}]", a);
	assert_at(spec, "/volumes", "[{\"name\":\"trimtab-collect\",\"emptyDir\":{}}]", a);
	arena_free(a);
}

static void test_metrics_file_refused(void **state)
{
	static const struct { const char *manifest, *why; } cases[] = {
		{PODS("{\"name\":\"t\",\"args\":[\"x\"]}"), "the manifest cannot be used: metrics are read from a file, so the container "
			"needs a command"},
		{PODS("{\"name\":\"t\",\"command\":[\"x\"],\"volumeMounts\":{}}"), "the manifest cannot be used: a container's volumeMounts"},
		{"{\"apiVersion\":\"trainer.kubeflow.org/v1alpha1\",\"kind\":\"TrainJob\"}", "the manifest has no pod template whose metrics"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct arena *a = arena_new();
		const struct run_object object = {.primary_container = "t", .ns = "jobs", .manifest = tree_of(cases[i].manifest, a)};
		const struct run_order o = file_order(&object);
		struct dressed out;
		struct err e = {0};

		assert_false(dress(&o, "trimtab:1", a, &out, &e));
		if (strncmp(e.detail, cases[i].why, strlen(cases[i].why)) != 0)
			fail_msg("%s, not %s", e.detail, cases[i].why);
		arena_free(a);
	}
}

static void test_too_large(void **state)
{
	struct arena *a = arena_new();
	const struct run_object object = {.manifest = tree_of(JOB, a), .ns = "jobs", .primary_container = "trial"};
	struct run_order o = order_of(&object);
	char *big = arena_alloc(a, DRESS_OBJECT_MAX + 3);
	const char *env[] = {big, NULL};
	struct dressed out;
	struct err e = {0};

	(void)state;
	memset(big, 'x', DRESS_OBJECT_MAX + 2);
	memcpy(big, "B=", 2);
	big[DRESS_OBJECT_MAX + 2] = '\0';
	o.env = env;
	assert_false(dress(&o, "trimtab:1", a, &out, &e));
	assert_int_equal(e.code, ERR_TOO_LARGE);
	arena_free(a);
}

/* Another server takes the run over from the object alone. */
static void test_card(void **state)
{
	static const char *const labels[] = {"role=chief", NULL}, *const success[] = {"a", NULL}, *const failure[] = {"b", "c", NULL};
	static const char *const patterns[] = {"(x)=(\\d+)", NULL};
	struct arena *a = arena_new();
	struct run_object object = {.manifest = tree_of(JOB, a), .ns = "jobs", .primary_container = "trial", .retain = true};
	struct run_order o = order_of(&object);
	struct run_card card;
	struct run_key key;
	const cJSON *job;

	(void)state;
	o.metrics.patterns = patterns;
	o.metrics.path = "out.log";
	job = tree_of(dressed_of(&o, a).object, a);
	assert_true(card_read(job, a, &card));
	assert_memory_equal(&card.key, &o.key, sizeof card.key);
	assert_string_equal(card.trial, "e-abcd2345");
	assert_string_equal(card.experiment, "e");
	assert_string_equal(card.experiment_ns, "team");
	assert_string_equal(card.primary_container, "trial");
	assert_null(card.primary_labels);
	assert_string_equal(card.success_when[0], kind_find("batch/v1", "Job")->success[0]);
	assert_null(card.success_when[1]);
	assert_true(card.retain);
	assert_int_equal(card.timeout_us, o.timeout_us);
	assert_int_equal(card.grace_us, o.grace_us);
	assert_int_equal(card.metrics.collector, RUN_COLLECT_STDOUT);
	assert_true(card.metrics.fallback && !card.metrics.json_lines);
	assert_string_equal(card.metrics.path, "out.log");
	assert_string_equal(card.metrics.patterns[0], patterns[0]);
	assert_true(dress_key(json_at(job, "/spec/template"), &key));
	assert_memory_equal(&key, &o.key, sizeof key);

	object.primary_labels = labels;
	object.success_when = success;
	object.failure_when = failure;
	job = tree_of(dressed_of(&o, a).object, a);
	assert_true(card_read(job, a, &card));
	assert_string_equal(card.primary_labels[0], "role=chief");
	assert_string_equal(card.success_when[0], "a");
	assert_string_equal(card.failure_when[1], "c");
	arena_free(a);
}

#define LABELS(id, number, uid)                                                             \
	"{\"metadata\":{\"labels\":{\"app.kubernetes.io/managed-by\":\"trimtab\","              \
	"\"trimtab.dev/experiment-id\":\"" id "\",\"trimtab.dev/experiment-uid\":\"" uid "\","  \
	"\"trimtab.dev/number\":\"" number "\",\"trimtab.dev/attempt\":\"1\"}}}"

static void test_strangers(void **state)
{
	static const char *const strangers[] = {"{}", "[]", "1", "{\"metadata\":{\"labels\":null}}", LABELS("0", "1", "u"),
		LABELS("1", "-1", "u"), LABELS("1", "4294967297", "u"), LABELS("1", "1x", "u"), LABELS("1", "", "u"),
		LABELS("1", "1", ""), LABELS("1", "1", "01234567890123456789012345678901234567890")};
	struct arena *a = arena_new();
	struct run_card card;
	struct run_key key;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(strangers); i++) {
		if (dress_key(tree_of(strangers[i], a), &key))
			fail_msg("%s", strangers[i]);
		assert_false(card_read(tree_of(strangers[i], a), a, &card));
	}
	assert_true(dress_key(tree_of(LABELS("1", "1", "u"), a), &key));
	assert_false(card_read(tree_of(LABELS("1", "1", "u"), a), a, &card));
	arena_free(a);
}

static void test_owner(void **state)
{
	struct arena *a = arena_new();
	const cJSON *owner = tree_of("{\"apiVersion\":\"batch/v1\",\"kind\":\"Job\",\"metadata\":{\"name\":\"n\",\"uid\":\"u\"}}", a);

	(void)state;
	assert_string_equal(dress_owner_patch(owner, a),
		"{\"metadata\":{\"ownerReferences\":[{\"name\":\"n\",\"uid\":\"u\",\"apiVersion\":\"batch/v1\",\"kind\":\"Job\"}]}}");
	arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_job),
		cmocka_unit_test(test_own_times),
		cmocka_unit_test(test_checkpoints),
		cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_metrics_file),
		cmocka_unit_test(test_metrics_file_refused),
		cmocka_unit_test(test_too_large),
		cmocka_unit_test(test_card),
		cmocka_unit_test(test_strangers),
		cmocka_unit_test(test_owner),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
