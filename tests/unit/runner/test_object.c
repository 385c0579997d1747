#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lib/arena.h"
#include "lib/attr.h"
#include "lib/clk.h"
#include "server/model/kinds.h"
#include "trial-runner/kubernetes/object.h"
#include "trial-runner/kubernetes/pod.h"

static const cJSON *tree_of(const char *text, struct arena *a)
{
	struct err e = {0};
	const cJSON *tree = json_parse(text, strlen(text), 0, a, &e);

	if (!tree)
		fail_msg("%s in %s", e.detail, text);
	return tree;
}

#define OBJECT(api, kind, status) "{\"apiVersion\":\"" api "\",\"kind\":\"" kind "\",\"status\":{" status "}}"
#define JOB(status) OBJECT("batch/v1", "Job", status)
#define CONDITION(type, status, reason, message)                                                     \
	"{\"type\":\"" type "\",\"status\":\"" status "\",\"reason\":\"" reason "\",\"message\":\"" message "\"," \
	"\"lastProbeTime\":\"2026-11-22T21:00:01Z\",\"lastTransitionTime\":\"2026-11-22T21:00:02Z\"}"
#define CONDITIONS(list) "\"conditions\":[" list "]"
#define REACHED "Reached expected number of succeeded pods"
#define BACKOFF "Job has reached the specified backoff limit"

/* Objects as their controllers leave them, without what is not looked at. */
static const struct {
	const char *object;
	enum object_phase phase;
	bool settling, timed_out;
	const char *reason, *message;       /* of failures; NULL where there is none */
} cases[] = {
	{JOB(""), OBJECT_RUNNING, false, false, NULL, NULL},
	{JOB("\"startTime\":\"2026-11-22T21:00:00Z\",\"active\":1,\"ready\":1,\"uncountedTerminatedPods\":{}"),
		OBJECT_RUNNING, false, false, NULL, NULL},
	/* 1.31 and later decide before the pods are gone. */
	{JOB(CONDITIONS(CONDITION("SuccessCriteriaMet", "True", "CompletionsReached", REACHED)) ",\"active\":0"),
		OBJECT_SUCCEEDED, true, false, NULL, NULL},
	{JOB(CONDITIONS(CONDITION("SuccessCriteriaMet", "True", "CompletionsReached", REACHED) ","
			CONDITION("Complete", "True", "CompletionsReached", REACHED)) ",\"succeeded\":1"),
		OBJECT_SUCCEEDED, false, false, NULL, NULL},
	/* 1.20 gives no reason. */
	{JOB(CONDITIONS("{\"type\":\"Complete\",\"status\":\"True\",\"lastTransitionTime\":\"2026-11-22T21:00:02Z\"}")),
		OBJECT_SUCCEEDED, false, false, NULL, NULL},
	{JOB(CONDITIONS(CONDITION("FailureTarget", "True", "BackoffLimitExceeded", BACKOFF)) ",\"failed\":1"),
		OBJECT_FAILED, true, false, "BackoffLimitExceeded", "its Job failed: " BACKOFF},
	{JOB(CONDITIONS(CONDITION("FailureTarget", "True", "BackoffLimitExceeded", BACKOFF) ","
			CONDITION("Failed", "True", "BackoffLimitExceeded", BACKOFF)) ",\"failed\":1"),
		OBJECT_FAILED, false, false, "BackoffLimitExceeded", "its Job failed: " BACKOFF},
	{JOB(CONDITIONS(CONDITION("Failed", "True", "DeadlineExceeded", "Job was active longer than specified deadline"))),
		OBJECT_FAILED, false, true, "DeadlineExceeded", "its Job ran longer than its deadline"},
	{JOB(CONDITIONS(CONDITION("Failed", "False", "", "") "," CONDITION("Suspended", "False", "JobResumed", "Job resumed"))),
		OBJECT_RUNNING, false, false, NULL, NULL},
	/* The training operator keeps the history of its conditions. */
	{OBJECT("kubeflow.org/v1", "PyTorchJob", CONDITIONS(CONDITION("Created", "True", "PyTorchJobCreated", "m") ","
			CONDITION("Running", "True", "PyTorchJobRunning", "m"))),
		OBJECT_RUNNING, false, false, NULL, NULL},
	{OBJECT("kubeflow.org/v1", "PyTorchJob", CONDITIONS(CONDITION("Running", "False", "PyTorchJobRunning", "m") ","
			CONDITION("Succeeded", "True", "PyTorchJobSucceeded", "m"))),
		OBJECT_SUCCEEDED, false, false, NULL, NULL},
	{OBJECT("kubeflow.org/v1", "TFJob", CONDITIONS(CONDITION("Failed", "True", "TFJobFailed", "1 worker failed"))),
		OBJECT_FAILED, false, false, "TFJobFailed", "its TFJob failed: 1 worker failed"},
	/* The MPI operator restarts nothing by itself; the training operator's MPIJob may. */
	{OBJECT("kubeflow.org/v2beta1", "MPIJob", CONDITIONS(CONDITION("Created", "True", "MPIJobCreated", "m") ","
			CONDITION("Suspended", "False", "MPIJobResumed", "m") "," CONDITION("Running", "True", "MPIJobRunning", "m"))
			",\"replicaStatuses\":{\"Launcher\":{\"active\":1},\"Worker\":{\"active\":2}}"),
		OBJECT_RUNNING, false, false, NULL, NULL},
	{OBJECT("kubeflow.org/v2beta1", "MPIJob", CONDITIONS(CONDITION("Running", "False", "MPIJobRunning", "m") ","
			CONDITION("Succeeded", "True", "MPIJobSucceeded", "m")) ",\"replicaStatuses\":{\"Launcher\":{\"succeeded\":1}}"),
		OBJECT_SUCCEEDED, false, false, NULL, NULL},
	{OBJECT("kubeflow.org/v2beta1", "MPIJob", CONDITIONS(CONDITION("Failed", "True", "BackoffLimitExceeded", BACKOFF))
			",\"replicaStatuses\":{\"Launcher\":{\"failed\":1}}"),
		OBJECT_FAILED, false, false, "BackoffLimitExceeded", "its MPIJob failed: " BACKOFF},
	{OBJECT("kubeflow.org/v1", "MPIJob", CONDITIONS(CONDITION("Running", "False", "MPIJobRunning", "m") ","
			CONDITION("Restarting", "True", "MPIJobRestarting", "m"))),
		OBJECT_RUNNING, false, false, NULL, NULL},
	{OBJECT("trainer.kubeflow.org/v1alpha1", "TrainJob", CONDITIONS(CONDITION("Failed", "True", "FailedJobs", "jobset failed"))),
		OBJECT_FAILED, false, false, "FailedJobs", "its TrainJob failed: jobset failed"},
	{OBJECT("trainer.kubeflow.org/v1alpha1", "TrainJob", CONDITIONS(CONDITION("Suspended", "False", "Resumed", "m") ","
			CONDITION("Complete", "True", "JobsCompleted", "jobset completed successfully"))),
		OBJECT_SUCCEEDED, false, false, NULL, NULL},
	{OBJECT("jobset.x-k8s.io/v1alpha2", "JobSet", CONDITIONS(CONDITION("Completed", "True", "AllJobsCompleted", "m"))),
		OBJECT_SUCCEEDED, false, false, NULL, NULL},
	{OBJECT("ray.io/v1", "RayJob", "\"jobStatus\":\"RUNNING\",\"jobDeploymentStatus\":\"Running\""), OBJECT_RUNNING,
		false, false, NULL, NULL},
	{OBJECT("ray.io/v1", "RayJob", "\"jobStatus\":\"SUCCEEDED\",\"jobDeploymentStatus\":\"Complete\""),
		OBJECT_SUCCEEDED, false, false, NULL, NULL},
	{OBJECT("ray.io/v1", "RayJob", "\"jobStatus\":\"STOPPED\",\"jobDeploymentStatus\":\"Complete\""), OBJECT_FAILED,
		false, false, "Failed", "its RayJob failed"},
	{OBJECT("ray.io/v1", "RayJob", "\"jobDeploymentStatus\":\"Failed\",\"reason\":\"DeadlineExceeded\",\"message\":\"m\""),
		OBJECT_FAILED, false, true, "DeadlineExceeded", "its RayJob ran longer than its deadline"},
	/* KubeRay: another cluster is made for the next attempt of its backoffLimit. */
	{OBJECT("ray.io/v1", "RayJob", "\"jobStatus\":\"FAILED\",\"jobDeploymentStatus\":\"Retrying\",\"failed\":1,"
		"\"reason\":\"AppFailed\",\"message\":\"Job entrypoint command failed with exit code 1\""),
		OBJECT_RUNNING, false, false, NULL, NULL},
	{OBJECT("ray.io/v1", "RayJob", "\"jobStatus\":\"FAILED\",\"jobDeploymentStatus\":\"Failed\",\"failed\":2,"
		"\"reason\":\"AppFailed\",\"message\":\"Job entrypoint command failed with exit code 1\""),
		OBJECT_FAILED, false, false, "AppFailed", "its RayJob failed: Job entrypoint command failed with exit code 1"},
	/* Before KubeRay 1.1 a driver's failure completed the deployment. */
	{OBJECT("ray.io/v1alpha1", "RayJob", "\"jobStatus\":\"FAILED\",\"jobDeploymentStatus\":\"Complete\",\"message\":\"m\""),
		OBJECT_FAILED, false, false, "Failed", "its RayJob failed: m"},
	{OBJECT("ray.io/v1", "RayJob", "\"jobDeploymentStatus\":\"ValidationFailed\",\"reason\":\"ValidationFailed\",\"message\":\"m\""),
		OBJECT_FAILED, false, false, "ValidationFailed", "its RayJob failed: m"},
	/* A submission or a driver that failed and is tried again, as restartPolicy has it. */
	{OBJECT("sparkoperator.k8s.io/v1beta2", "SparkApplication",
		 "\"applicationState\":{\"state\":\"SUBMISSION_FAILED\",\"errorMessage\":\"m\"},\"submissionAttempts\":1"),
		OBJECT_RUNNING, false, false, NULL, NULL},
	{OBJECT("sparkoperator.k8s.io/v1beta2", "SparkApplication",
		 "\"applicationState\":{\"state\":\"FAILING\",\"errorMessage\":\"m\"},\"executionAttempts\":1"),
		OBJECT_RUNNING, false, false, NULL, NULL},
	{OBJECT("sparkoperator.k8s.io/v1beta2", "SparkApplication",
		 "\"applicationState\":{\"state\":\"RUNNING\"},\"driverInfo\":{\"podName\":\"t-driver\"},"
		 "\"executorState\":{\"t-exec-1\":\"FAILED\"}"),
		OBJECT_RUNNING, false, false, NULL, NULL},
	{OBJECT("sparkoperator.k8s.io/v1beta2", "SparkApplication", "\"applicationState\":{\"state\":\"COMPLETED\"}"),
		OBJECT_SUCCEEDED, false, false, NULL, NULL},
	{OBJECT("sparkoperator.k8s.io/v1beta2", "SparkApplication",
		 "\"applicationState\":{\"state\":\"FAILED\",\"errorMessage\":\"driver container failed\"}"),
		OBJECT_FAILED, false, false, "Failed", "its SparkApplication failed: driver container failed"},
	{OBJECT("argoproj.io/v1alpha1", "Workflow", "\"phase\":\"Running\",\"progress\":\"0/1\""), OBJECT_RUNNING, false,
		false, NULL, NULL},
	{OBJECT("argoproj.io/v1alpha1", "Workflow", "\"phase\":\"Succeeded\",\"finishedAt\":\"2026-11-22T21:00:02Z\""),
		OBJECT_SUCCEEDED, false, false, NULL, NULL},
	{OBJECT("argoproj.io/v1alpha1", "Workflow", "\"phase\":\"Error\",\"message\":\"pod deleted\""), OBJECT_FAILED, false,
		false, "Failed", "its Workflow failed: pod deleted"},
	{OBJECT("tekton.dev/v1", "PipelineRun", CONDITIONS(CONDITION("Succeeded", "Unknown", "Running", "Tasks Completed: 0"))),
		OBJECT_RUNNING, false, false, NULL, NULL},
	{OBJECT("tekton.dev/v1", "PipelineRun", CONDITIONS(CONDITION("Succeeded", "True", "Succeeded", "Tasks Completed: 1"))),
		OBJECT_SUCCEEDED, false, false, NULL, NULL},
	{OBJECT("tekton.dev/v1", "PipelineRun", CONDITIONS(CONDITION("Succeeded", "False", "PipelineRunTimeout", "m"))),
		OBJECT_FAILED, false, true, "PipelineRunTimeout", "its PipelineRun ran longer than its deadline"},
};

static void assert_text(const char *found, const char *expected, const char *where)
{
	if (!found != !expected || (found && strcmp(found, expected) != 0))
		fail_msg("%s: %s, not %s", where, found ? found : "(nothing)", expected ? expected : "(nothing)");
}

static void test_conditions(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct arena *a = arena_new();
		struct err e = {0};
		const cJSON *object = tree_of(cases[i].object, a);
		const struct kind *k = kind_find(json_str(json_get(object, "apiVersion")), json_str(json_get(object, "kind")));
		const struct judge *j = judge_new(k->success, k->failure, a, &e);
		struct object_state s;

		if (!j)
			fail_msg("%s: %s", k->kind, e.detail);
		object_judge(j, object, a, &s);
		if (s.phase != cases[i].phase || s.settling != cases[i].settling || s.timed_out != cases[i].timed_out)
			fail_msg("%s: phase %d, settling %d, timed out %d", cases[i].object, s.phase, s.settling, s.timed_out);
		assert_text(s.reason, cases[i].reason, cases[i].object);
		assert_text(s.message, cases[i].message, cases[i].object);
		if (strstr(cases[i].object, "\"2026-11-22T21:00:02Z\"") && s.phase != OBJECT_RUNNING) {
			char text[CLK_TIME_MAX];

			clk_format_time(text, s.ended_us);
			assert_text(text, "2026-11-22T21:00:02.000000Z", cases[i].object);
		}
		arena_free(a);
	}
}

/* The queries of the table compile, and each kind has both. */
static void test_table(void **state)
{
	struct arena *a = arena_new();
	struct err e = {0};

	(void)state;
	for (const struct kind *k = kinds; k->kind; k++) {
		assert_non_null(judge_new(k->success, k->failure, a, &e));
		assert_true(k->success[0] && k->failure[0] && k->plural);
		assert_true(k->env[0] || k->container || !k->pod_name_label);
	}
	assert_ptr_equal(kind_find("batch/v1beta1", "Job"), kind_find("batch/v1", "Job"));
	assert_string_equal(kind_find("kubeflow.org/v2beta1", "MPIJob")->primary[0].value, "launcher");
	assert_string_equal(kind_find("kubeflow.org/v1", "MPIJob")->primary[0].value, "master");
	assert_string_equal(kind_find("tekton.dev/v1beta1", "PipelineRun")->env[0], "/spec/podTemplate/env");
	assert_string_equal(kind_find("tekton.dev/v1", "PipelineRun")->env[0], "/spec/taskRunTemplate/podTemplate/env");
	assert_null(kind_find("batch.volcano.sh/v1alpha1", "Job"));
	assert_null(kind_find("batch", "Jobs"));
	assert_null(kind_find("v1", "Pod"));
	arena_free(a);
}

static void test_own_conditions(void **state)
{
	static const char *const success[] = {"status.[@this].#(done==true)#", NULL};
	static const char *const failure[] = {"status.errors.#(fatal==true)", "status.[@this].#(lost==true)#", NULL};
	static const char *const broken[] = {"status.#(", NULL};
	struct arena *a = arena_new();
	struct err e = {0};
	const struct judge *j = judge_new(success, failure, a, &e);
	struct object_state s;

	(void)state;
	object_judge(j, tree_of(OBJECT("x/v1", "Odd", "\"done\":true"), a), a, &s);
	assert_int_equal(s.phase, OBJECT_SUCCEEDED);
	/* Failure is looked at first. */
	object_judge(j, tree_of(OBJECT("x/v1", "Odd", "\"done\":true,\"errors\":[{\"fatal\":true,\"reason\":\"Burnt\"}]"), a), a, &s);
	assert_int_equal(s.phase, OBJECT_FAILED);
	assert_string_equal(s.reason, "Burnt");
	object_judge(j, tree_of(OBJECT("x/v1", "Odd", "\"lost\":true"), a), a, &s);
	assert_int_equal(s.phase, OBJECT_FAILED);
	assert_string_equal(s.message, "its Odd failed");
	object_judge(j, tree_of("{}", a), a, &s);
	assert_int_equal(s.phase, OBJECT_RUNNING);
	object_judge(j, tree_of("[]", a), a, &s);
	assert_int_equal(s.phase, OBJECT_RUNNING);
	assert_null(judge_new(broken, failure, a, &e));
	assert_int_equal(e.code, ERR_INVALID);
	arena_free(a);
}

static void test_suspended(void **state)
{
	struct arena *a = arena_new();
	struct err e = {0};
	const struct kind *k = kind_find("batch/v1", "Job");
	const struct judge *j = judge_new(k->success, k->failure, a, &e);
	struct object_state s;

	(void)state;
	object_judge(j, tree_of("{\"kind\":\"Job\",\"apiVersion\":\"batch/v1\",\"spec\":{\"suspend\":true},\"metadata\":"
			"{\"deletionTimestamp\":\"2026-11-22T21:00:02Z\"}}", a), a, &s);
	assert_true(s.suspended && s.deleting);
	assert_string_equal(s.reason, "Suspended");
	object_judge(j, tree_of("{\"kind\":\"TFJob\",\"spec\":{\"runPolicy\":{\"suspend\":true}}}", a), a, &s);
	assert_true(s.suspended && !s.deleting);
	arena_free(a);
}

/* Does the end of a pod end its Job? */
static void test_pod_is_final(void **state)
{
	static const struct {
		const char *spec;
		bool may_restart;
		enum pod_end end;
		int exit_code;
		int64_t failed;
		bool final;
	} ends[] = {
		{"{\"completions\":1,\"parallelism\":1,\"backoffLimit\":0}", false, POD_END_EXIT, 0, 0, true},
		{"{\"completions\":1,\"parallelism\":1,\"backoffLimit\":0}", false, POD_END_EXIT, 1, 1, true},
		{"{\"completions\":1,\"parallelism\":1,\"backoffLimit\":0}", false, POD_END_LOST, -1, 1, true},
		{"{\"completions\":1,\"parallelism\":1,\"backoffLimit\":0}", false, POD_END_DEADLINE, -1, 1, true},
		{"{\"backoffLimit\":2}", false, POD_END_EXIT, 1, 2, false},
		{"{\"backoffLimit\":2}", false, POD_END_EXIT, 1, 3, true},
		{"{}", false, POD_END_EXIT, 1, 6, false},
		{"{}", false, POD_END_EXIT, 1, 7, true},
		{"{}", false, POD_END_EXIT, 0, 3, true},
		{"{\"completions\":3,\"backoffLimit\":0}", false, POD_END_EXIT, 0, 0, false},
		{"{\"parallelism\":2,\"backoffLimit\":0}", false, POD_END_EXIT, 0, 0, false},
		{"{\"backoffLimit\":0}", true, POD_END_EXIT, 1, 1, false},
		{"{\"backoffLimit\":0}", true, POD_END_EXIT, 0, 0, true},
		{"{\"backoffLimit\":0,\"podFailurePolicy\":{\"rules\":[{\"action\":\"Ignore\"}]}}", false, POD_END_EXIT, 1, 1, false},
		{"{\"backoffLimit\":0,\"podFailurePolicy\":{\"rules\":[{\"action\":\"Ignore\"}]}}", false, POD_END_EXIT, 0, 0, true},
		{"{\"backoffLimitPerIndex\":0,\"backoffLimit\":0}", false, POD_END_EXIT, 1, 1, false},
		{"{\"backoffLimit\":0,\"suspend\":true}", false, POD_END_EXIT, 1, 1, false},
		{"{\"backoffLimit\":0,\"successPolicy\":{\"rules\":[]}}", false, POD_END_EXIT, 0, 0, false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
		struct arena *a = arena_new();
		const cJSON *job = tree_of(arena_printf(a, "{\"apiVersion\":\"batch/v1\",\"kind\":\"Job\",\"spec\":%s}", ends[i].spec), a);
		struct pod_state pod = {.phase = POD_ENDED, .may_restart = ends[i].may_restart, .end = ends[i].end,
			.exit_code = ends[i].exit_code};

		if (job_pod_is_final(job, &pod, ends[i].failed) != ends[i].final)
			fail_msg("%s, exit %d, %d failed", ends[i].spec, ends[i].exit_code, (int)ends[i].failed);
		pod.phase = POD_RUNNING;
		assert_false(job_pod_is_final(job, &pod, ends[i].failed));
		pod.phase = POD_ENDED;
		assert_false(job_pod_is_final(tree_of("{\"apiVersion\":\"x/v1\",\"kind\":\"Job\",\"spec\":{}}", a), &pod, 9));
		arena_free(a);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_conditions),
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_own_conditions),
		cmocka_unit_test(test_suspended),
		cmocka_unit_test(test_pod_is_final),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
