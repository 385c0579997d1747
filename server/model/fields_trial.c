/* The fields of the document that say what a trial is: program, environment, metrics. */
#include <stdbool.h>
#include <stddef.h>

#include "lib/arena.h"
#include "lib/num.h"
#include "server/model/document.h"
#include "server/model/spec.h"

/* EXECUTOR_DEFAULT has no name: the table starts at EXECUTOR_LOCAL. */
const char *const executor_names[] = {"local", "kubernetes", "simulated", "worker", NULL};
const char *const collector_names[] = {"push", "stdout", "file", "none", NULL};
const char *const lines_format_names[] = {"text", "json", NULL};
const char *const access_mode_names[] = {"ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod", NULL};

enum { YEAR = 366 * 24 * 3600, TEXT_MAX = 128 * 1024 };

/* "500m", "2", 1.5: a quantity as text, checked where its unit is known. */
static bool decode_quantity(const cJSON *v, void *field, const char *pointer, struct problems *p)
{
	const char **out = field;
	double x;

	*out = json_str(v);
	if (json_num(v, &x)) {
		char text[NUM_MAX];
		num_format(text, x);
		*out = arena_strdup(p->arena, text);
	}
	return *out != NULL ||
		problem_add(p, pointer, "wrong-type",
			"expected a number or a quantity such as \"500m\" or \"4Gi\"");
}

#define QUANTITY_SCHEMA "{\"type\":[\"string\",\"number\"]}"

static const struct json_field resources_fields[] = {
	JF_FUN(struct doc_resources, cpu, "cpu", JF_OPTIONAL, decode_quantity, QUANTITY_SCHEMA,
		"processors: 2, 0.5 or \"500m\""),
	JF_FUN(struct doc_resources, memory, "memory", JF_OPTIONAL, decode_quantity, QUANTITY_SCHEMA,
		"bytes: \"512Mi\", \"4Gi\""),
	JF_INT(struct doc_resources, gpu, "gpu", JF_OPTIONAL, 0, 1024, "0", "whole GPUs"),
	JF_STR(struct doc_resources, gpu_resource, "gpuResource", JF_OPTIONAL, 1, 253,
		"kubernetes: what a GPU is called there, nvidia.com/gpu by default"),
	JF_END,
};

static const struct json_field checkpoints_fields[] = {
	JF_STR(struct doc_checkpoints, claim, "claim", JF_OPTIONAL, 1, 253,
		"a PersistentVolumeClaim that exists in the trials' namespace"),
	JF_FUN(struct doc_checkpoints, size, "size", JF_OPTIONAL, decode_quantity, QUANTITY_SCHEMA,
		"in place of claim: one of this size is made for the experiment; it stays until it is deleted"),
	JF_STR(struct doc_checkpoints, storage_class, "storageClass", JF_OPTIONAL, 1, 253,
		"of the claim that is made; by default the cluster's own"),
	{DOC_IF(struct doc_checkpoints, access_mode, has_access_mode, JF_K_ENUM, "accessMode",
		 "of the claim that is made; ReadWriteMany by default, ReadWriteOnce where all trials run on one node"),
		.names = access_mode_names},
	JF_STR(struct doc_checkpoints, path, "path", JF_OPTIONAL, 2, 1024,
		"where it is in the container, /checkpoints by default; TRIMTAB_CHECKPOINT_DIR says so"),
	JF_END,
};

static const struct json_field metrics_fields[] = {
	JF_ENUM(struct doc_metrics, collector, "collector", JF_OPTIONAL, collector_names, "\"push\"",
		"where metrics come from: pushed by the program (always accepted), read from its stdout or from a "
		"file"),
	{DOC_IF(struct doc_metrics, fallback, has_fallback, JF_K_ENUM, "fallback",
		 "read as long as a trial has pushed nothing; by default stdout where the collector is push"),
		.names = &collector_names[COLLECTOR_STDOUT]},
	JF_STR(struct doc_metrics, path, "path", JF_OPTIONAL, 1, 4096,
		"the file to read; a relative path is below the working directory"),
	{DOC_IF(struct doc_metrics, format, has_format, JF_K_ENUM, "format",
		 "text: lines with name=value in them; json: one object a line"),
		.names = lines_format_names},
	JF_STRINGS(struct doc_metrics, patterns, "patterns", JF_OPTIONAL, 0, 16,
		"text: regular expressions whose first group is a name and whose second is its value"),
	JF_END,
};

const struct json_field trial_fields[] = {
	{DOC_IF(struct doc_trial, executor, has_executor, JF_K_ENUM, "executor",
		 "what runs the trials; by default the server's runner, and kubernetes with an image or a manifest; "
		 "without a trial block whoever asks for them does"),
		.names = executor_names},
	JF_STRINGS(struct doc_trial, command, "command", JF_OPTIONAL, 1, 1024,
		"program and arguments; ${name} stands for a parameter's value"),
	JF_STRMAP(struct doc_trial, env, "env", 0, 512, "variables of the program's environment"),
	JF_STR(struct doc_trial, working_directory, "workingDirectory", JF_OPTIONAL, 1, 4096,
		"absolute path of the folder to run in"),
	JF_DURATION(struct doc_trial, timeout_us, "timeout", JF_OPTIONAL, 0.001, YEAR, NULL,
		"how long one trial may run"),
	JF_INT(struct doc_trial, grace_period_s, "terminationGracePeriodSeconds", JF_OPTIONAL, 0, 3600, "30",
		"time between the request to end and the kill"),
	JF_OBJECT(struct doc_trial, resources, "resources", JF_OPTIONAL, resources_fields, struct doc_resources,
		"what one trial needs"),
	JF_OBJECT(struct doc_trial, metrics, "metrics", JF_OPTIONAL, metrics_fields, struct doc_metrics,
		"where metrics come from"),
	JF_STR(struct doc_trial, image, "image", JF_OPTIONAL, 1, 1024,
		"kubernetes: the container image; without a command its own entry point is run"),
	JF_STR(struct doc_trial, namespace, "namespace", JF_OPTIONAL, 1, SPEC_NAMESPACE_MAX,
		"kubernetes: where trials are created; by default the experiment's namespace"),
	JF_STR(struct doc_trial, service_account, "serviceAccount", JF_OPTIONAL, 1, 253,
		"kubernetes: the pods' service account; without one they get no credentials of the cluster"),
	JF_TREE(struct doc_trial, node_selector, "nodeSelector", JF_OPTIONAL,
		"{\"type\":\"object\",\"additionalProperties\":{\"type\":\"string\"}}",
		"kubernetes: labels of the nodes to run on"),
	JF_TREE(struct doc_trial, tolerations, "tolerations", JF_OPTIONAL,
		"{\"type\":\"array\",\"items\":{\"type\":\"object\"}}", "kubernetes: the pods' tolerations"),
	JF_TREE(struct doc_trial, manifest, "manifest", JF_OPTIONAL, "{\"type\":\"object\"}",
		"kubernetes: the whole object to create for a trial, in place of image and command"),
	JF_STR(struct doc_trial, primary_container, "primaryContainer", JF_OPTIONAL, 1, 63,
		"kubernetes: the container that trains and reports; needed where a manifest has several"),
	JF_STRMAP(struct doc_trial, primary_labels, "primaryPodLabels", 0, 16,
		"kubernetes: labels of the pods whose output is read; known for most kinds"),
	JF_STR(struct doc_trial, success_when, "successWhen", JF_OPTIONAL, 1, 1024,
		"kubernetes: the object has succeeded when this query finds something; known for most kinds"),
	JF_STR(struct doc_trial, failure_when, "failureWhen", JF_OPTIONAL, 1, 1024,
		"kubernetes: the object has failed when this query finds something; known for most kinds"),
	JF_STRMAP(struct doc_trial, aliases, "trialParameters", 0, 1000,
		"kubernetes: what ${trialParameters.name} in the manifest stands for: a parameter's name, or "
		"${trialSpec.Name} and its like"),
	JF_OBJECT(struct doc_trial, checkpoints, "checkpoints", JF_OPTIONAL, checkpoints_fields, struct doc_checkpoints,
		"kubernetes: a volume that outlives a trial, for its checkpoints"),
	JF_BOOL(struct doc_trial, retain, "retain", "false", "kubernetes: keep what has finished"),
	JF_END,
};
