#include "server/model/kinds.h"

#include <string.h>

#define CONDITION(type) "status.conditions.#(type==\"" type "\")#|#(status==\"True\")#"
#define STATUS(field, value) "status.[@this].#(" field "==\"" value "\")#"

/* What Kubeflow's training operator has in common. */
#define TRAINING(kind_, plural_)                                                                  \
	{                                                                                             \
		.group = "kubeflow.org", .kind = kind_, .plural = plural_,                                \
		.success = {CONDITION("Succeeded")}, .failure = {CONDITION("Failed")},                    \
		.primary = {{"training.kubeflow.org/job-role", "master"}}                                 \
	}

const struct kind kinds[] = {
	{.group = "batch", .kind = "Job", .plural = "jobs",
		.success = {CONDITION("Complete")}, .failure = {CONDITION("Failed")}},
	TRAINING("TFJob", "tfjobs"),
	TRAINING("PyTorchJob", "pytorchjobs"),
	TRAINING("XGBoostJob", "xgboostjobs"),
	TRAINING("PaddleJob", "paddlejobs"),
	TRAINING("JAXJob", "jaxjobs"),
	/* The MPI operator's own; the training operator has an older one. */
	{.group = "kubeflow.org/v2beta1", .kind = "MPIJob", .plural = "mpijobs",
		.success = {CONDITION("Succeeded")}, .failure = {CONDITION("Failed")},
		.primary = {{"training.kubeflow.org/job-role", "launcher"}}},
	TRAINING("MPIJob", "mpijobs"),
	{.group = "trainer.kubeflow.org", .kind = "TrainJob", .plural = "trainjobs",
		.success = {CONDITION("Complete")}, .failure = {CONDITION("Failed")},
		.primary = {{"jobset.sigs.k8s.io/replicatedjob-name", "node"},
			{"batch.kubernetes.io/job-completion-index", "0"}},
		.container = "node", .labels = {"/spec/labels"}, .env = {"/spec/trainer/env"},
		.pod_name_label = "jobset.sigs.k8s.io/jobset-name"},
	{.group = "jobset.x-k8s.io", .kind = "JobSet", .plural = "jobsets",
		.success = {CONDITION("Completed")}, .failure = {CONDITION("Failed")},
		.primary = {{"jobset.sigs.k8s.io/job-index", "0"},
			{"batch.kubernetes.io/job-completion-index", "0"}}},
	/* The submitter's log is the driver's, which runs on the head node. With a backoffLimit a driver's
	 * failure stays in the status while KubeRay already tries again. */
	{.group = "ray.io", .kind = "RayJob", .plural = "rayjobs",
		.success = {STATUS("jobStatus", "SUCCEEDED")},
		.failure = {STATUS("jobStatus", "FAILED") "|#(jobDeploymentStatus!=\"Retrying\")#",
			STATUS("jobStatus", "STOPPED"), STATUS("jobDeploymentStatus", "Failed"),
			STATUS("jobDeploymentStatus", "ValidationFailed")},
		.container = "ray-job-submitter", .env_everywhere = true},
	{.group = "sparkoperator.k8s.io", .kind = "SparkApplication", .plural = "sparkapplications",
		.success = {"status.applicationState.[@this].#(state==\"COMPLETED\")#"},
		.failure = {"status.applicationState.[@this].#(state==\"FAILED\")#"},
		.primary = {{"spark-role", "driver"}},
		.container = "spark-kubernetes-driver",
		.labels = {"/spec/driver/labels", "/spec/executor/labels"}, .env = {"/spec/driver/env"}},
	{.group = "argoproj.io", .kind = "Workflow", .plural = "workflows",
		.success = {STATUS("phase", "Succeeded")},
		.failure = {STATUS("phase", "Failed"), STATUS("phase", "Error")},
		.container = "main", .labels = {"/spec/podMetadata/labels"}, .bare_containers = true},
	/* Tekton hands its own labels on to the pods. */
	{.group = "tekton.dev/v1beta1", .kind = "PipelineRun", .plural = "pipelineruns",
		.success = {CONDITION("Succeeded")},
		.failure = {"status.conditions.#(type==\"Succeeded\")#|#(status==\"False\")#"},
		.env = {"/spec/podTemplate/env"}},
	{.group = "tekton.dev", .kind = "PipelineRun", .plural = "pipelineruns",
		.success = {CONDITION("Succeeded")},
		.failure = {"status.conditions.#(type==\"Succeeded\")#|#(status==\"False\")#"},
		.env = {"/spec/taskRunTemplate/podTemplate/env"}},
	{.kind = NULL},
};

static bool in_group(const char *api_version, const char *group)
{
	const size_t n = strlen(group);

	if (strncmp(api_version, group, n) != 0)
		return false;
	return api_version[n] == '\0' || (api_version[n] == '/' && !strchr(group, '/'));
}

const struct kind *kind_find(const char *api_version, const char *kind)
{
	for (const struct kind *k = kinds; k->kind; k++) {
		if (strcmp(k->kind, kind) == 0 && in_group(api_version, k->group))
			return k;
	}
	return NULL;
}

bool kind_is_job(const struct kind *k)
{
	return k == &kinds[0];
}
