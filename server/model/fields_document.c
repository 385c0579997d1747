/* The frame of the document: metadata, budget, retry, notifications, and the whole. */
#include <stdbool.h>
#include <stddef.h>

#include "server/model/document.h"
#include "server/model/spec.h"

static const char *const api_versions[] = {DOCUMENT_API_VERSION, NULL};
static const char *const kinds[] = {DOCUMENT_KIND, NULL};

/* In the order of the NOTIFY_ bits. */
const char *const notify_names[] = {"Succeeded", "Failed", "Stopped", "NewBest", "TrialFailed", NULL};

enum { YEAR = 366 * 24 * 3600 };

/* Fields that the server adds to what it answers: a document can be posted as it was got. */
#define IGNORED(T, key, doc) JF_ANY(T, ignored, key, JF_OPTIONAL, doc)

static const struct json_field metadata_fields[] = {
	JF_STR(struct doc_metadata, name, "name", JF_REQUIRED, 1, SPEC_NAME_MAX,
		"lower-case letters, digits and '-', starting with a letter"),
	JF_STR(struct doc_metadata, namespace, "namespace", JF_OPTIONAL, 1, SPEC_NAMESPACE_MAX,
		"must agree with the address that the document is posted to"),
	JF_STRMAP(struct doc_metadata, labels, "labels", 0, 64, "to select experiments by"),
	JF_STRMAP(struct doc_metadata, annotations, "annotations", 0, 64, "anything else worth keeping"),
	IGNORED(struct doc_metadata, "uid", "set by the server"),
	IGNORED(struct doc_metadata, "resourceVersion", "set by the server"),
	IGNORED(struct doc_metadata, "createdAt", "set by the server"),
	IGNORED(struct doc_metadata, "createdBy", "set by the server"),
	JF_END,
};

const struct json_field budget_fields[] = {
	JF_INT(struct doc_budget, max_trials, "maxTrials", JF_OPTIONAL, 1, SPEC_TRIALS_MAX, NULL,
		"trials in all; without it there is no limit"),
	{DOC_IF(struct doc_budget, parallel_trials, has_parallel_trials, JF_K_INT, "parallelTrials",
		 "trials at the same time; 3 by default, but as many as workers ask for where there is no trial block"),
		.min = 1, .max = 100000},
	{DOC_IF(struct doc_budget, max_failed_trials, has_max_failed_trials, JF_K_INT, "maxFailedTrials",
		 "the experiment fails when this many trials have failed; by default never"),
		.min = 0, .max = SPEC_TRIALS_MAX},
	JF_DURATION(struct doc_budget, max_duration_us, "maxDuration", JF_OPTIONAL, 0.001, 10.0 * YEAR, NULL,
		"how long the experiment may go on, from its creation"),
	JF_END,
};

const struct json_field retry_fields[] = {
	JF_INT(struct doc_retry, on_lost, "onLost", JF_OPTIONAL, 0, 100, "1",
		"further attempts of a trial whose worker or process vanished"),
	JF_INT(struct doc_retry, on_failed, "onFailed", JF_OPTIONAL, 0, 100, "0",
		"further attempts of a trial that failed"),
	JF_END,
};

const struct json_field notify_fields[] = {
	JF_STR(struct doc_notify, url, "url", JF_REQUIRED, 8, 2048, "http or https address that gets a POST"),
	JF_STRINGS(struct doc_notify, on, "on", JF_OPTIONAL, 1, 5,
		"Succeeded, Failed, Stopped, NewBest, TrialFailed; the first three by default"),
	JF_STR(struct doc_notify, secret, "secret", JF_OPTIONAL, 1, 256, "key of the HMAC-SHA256 signature"),
	JF_END,
};

#define STOP_WHEN_SCHEMA                                                                              \
	"{\"oneOf\":[{\"type\":\"string\",\"enum\":[\"converged\"]},"                                      \
	"{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"rule\"],\"properties\":{"      \
	"\"rule\":{\"type\":\"string\",\"enum\":[\"converged\"]},"                                          \
	"\"tolerance\":{\"type\":\"number\",\"minimum\":0,\"maximum\":1},"                                  \
	"\"minTrials\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":1000000}}}]}"

static const struct json_field spec_fields[] = {
	JF_LIST(struct doc_spec, objectives, "objectives", JF_REQUIRED, 1, SPEC_OBJECTIVES_MAX, objective_fields,
		struct doc_objective, "the metrics to optimise; trials are ranked by the first"),
	JF_MAP(struct doc_spec, parameters, "parameters", JF_REQUIRED, 1, SPEC_PARAMETERS_MAX, parameter_fields,
		struct doc_parameter, "what is searched, by name"),
	JF_LIST(struct doc_spec, constraints, "constraints", JF_OPTIONAL, 0, SPEC_CONSTRAINTS_MAX, constraint_fields,
		struct doc_constraint, "bounds of metrics that a trial must keep to be ranked"),
	JF_OBJECT(struct doc_spec, algorithm, "algorithm", JF_OPTIONAL, algorithm_fields, struct doc_algorithm,
		"how it is searched; auto by default"),
	JF_OBJECT(struct doc_spec, fidelity, "fidelity", JF_OPTIONAL, fidelity_fields, struct doc_fidelity,
		"how far a trial can run, in steps or by a parameter: hyperband, asha and their kin need to know"),
	JF_OBJECT(struct doc_spec, early_stopping, "earlyStopping", JF_OPTIONAL, early_stopping_fields,
		struct doc_early_stopping, "which trials are not worth finishing"),
	JF_OBJECT(
		struct doc_spec, budget, "budget", JF_OPTIONAL, budget_fields, struct doc_budget, "when to end"),
	JF_LIST(struct doc_spec, initial_trials, "initialTrials", JF_OPTIONAL, 0, SPEC_INITIAL_TRIALS_MAX,
		initial_trial_fields, struct doc_initial_trial, "configurations to try first"),
	JF_STRINGS(struct doc_spec, warm_start, "warmStart", JF_OPTIONAL, 0, SPEC_SOURCES_MAX,
		"earlier experiments to learn from: a name in the same namespace, or namespace/name; their best "
		"configurations are tried first"),
	{.kind = JF_K_FUN, .name = "stopWhen", JF_AT_(struct doc_spec, stop_when), .fun = decode_stop_when,
		.sub = stop_when_fields, .sub_size = sizeof(struct doc_stop_when), .schema = STOP_WHEN_SCHEMA,
		.doc = "when the search ends before its budget: converged, or an object with that rule and its figures"},
	JF_OBJECT(struct doc_spec, retry, "retry", JF_OPTIONAL, retry_fields, struct doc_retry,
		"which trials get a further attempt"),
	JF_OBJECT(struct doc_spec, trial, "trial", JF_OPTIONAL, trial_fields, struct doc_trial,
		"what a trial runs; without it, trials are asked for and told by workers"),
	JF_LIST(struct doc_spec, notify, "notify", JF_OPTIONAL, 0, 16, notify_fields, struct doc_notify,
		"who is told what"),
	JF_END,
};

const struct json_field document_fields[] = {
	JF_ENUM(struct document, api_version, "apiVersion", JF_OPTIONAL, api_versions, "\"trimtab/v1\"",
		"the form of the document"),
	JF_ENUM(struct document, kind, "kind", JF_OPTIONAL, kinds, "\"Experiment\"", "what it describes"),
	JF_OBJECT(struct document, metadata, "metadata", JF_REQUIRED, metadata_fields, struct doc_metadata,
		"how it is called"),
	JF_OBJECT(struct document, spec, "spec", JF_REQUIRED, spec_fields, struct doc_spec, "what is wanted"),
	IGNORED(struct document, "status", "set by the server"),
	JF_END,
};
