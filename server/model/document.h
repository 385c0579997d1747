/*
 * The native document as its field tables decode it: each field by itself is right, what the fields
 * mean together is checked by the build_* functions (build.h). Private to the room.
 *
 * Strings and lists are in the arena of the problems that the decoding fills.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/json_decode.h"

struct doc_metadata {
	const char *name, *namespace;
	struct json_list labels, annotations;       /* of struct json_pair */
	const cJSON *ignored;                       /* what the server adds, when a document comes back */
};

struct doc_objective {
	const char *metric;
	int direction, strategy;
	bool has_strategy, has_goal;
	double goal;
};

struct doc_constraint {
	const char *metric;
	bool has_min, has_max, has_strategy;
	double min, max;
	int strategy;
};

struct doc_stop_when {
	int rule;                                   /* of stop_rule_names */
	bool has_min_trials;
	double tolerance;
	int64_t min_trials;
};

struct doc_parameter {
	const char *name;                           /* the key */
	int type, scale, distribution;
	bool has_min, has_max, has_step, has_scale, has_distribution, has_mean, has_sd;
	double min, max, step, mean, sd;
	const cJSON *values, *when;
};

struct doc_algorithm {
	const char *name;
	bool has_seed;
	int64_t seed;
	const cJSON *settings;
};

struct doc_fidelity {
	const char *parameter;
	bool has_min, has_max, has_eta;
	double min, max, eta;
	bool resume;
	const cJSON *ignored;                       /* what the server adds, when a document comes back */
};

struct doc_stop_rule {
	const char *name;
	const cJSON *settings;
};

struct doc_early_stopping {
	struct doc_stop_rule one;                   /* or one of the lists */
	struct json_list any, all;                  /* of struct doc_stop_rule */
};

struct doc_budget {
	bool has_parallel_trials, has_max_failed_trials;
	int64_t max_trials, parallel_trials, max_failed_trials, max_duration_us;
};

struct doc_initial_trial {
	const cJSON *parameters;
};

struct doc_retry {
	int64_t on_lost, on_failed;
};

struct doc_metrics {
	int collector, format;
	int fallback;                               /* from COLLECTOR_STDOUT on: pushing is none */
	bool has_fallback, has_format;
	const char *path;
	struct json_list patterns;                  /* of const char * */
};

struct doc_resources {
	const char *cpu, *memory, *gpu_resource;
	int64_t gpu;
};

struct doc_checkpoints {
	const char *claim, *size, *storage_class, *path;
	int access_mode;                            /* of access_mode_names */
	bool has_access_mode;
};

struct doc_trial {
	int executor;
	bool has_executor;
	struct json_list command;                   /* of const char * */
	struct json_list env;                       /* of struct json_pair */
	const char *working_directory;
	int64_t timeout_us, grace_period_s;
	struct doc_resources *resources;
	struct doc_metrics *metrics;
	const char *image, *namespace, *service_account, *primary_container;
	const char *success_when, *failure_when;
	struct json_list primary_labels, aliases;   /* of struct json_pair */
	struct doc_checkpoints *checkpoints;
	const cJSON *node_selector, *tolerations, *manifest;
	bool retain;
};

struct doc_notify {
	const char *url, *secret;
	struct json_list on;                        /* of const char * */
};

struct doc_spec {
	struct json_list objectives;                /* of struct doc_objective */
	struct json_list parameters;                /* of struct doc_parameter */
	struct json_list constraints;               /* of struct doc_constraint */
	struct doc_algorithm *algorithm;
	struct doc_fidelity *fidelity;
	struct doc_early_stopping *early_stopping;
	struct doc_budget *budget;
	struct json_list initial_trials;            /* of struct doc_initial_trial */
	struct json_list warm_start;                /* of const char * */
	struct doc_stop_when *stop_when;
	struct doc_retry *retry;
	struct doc_trial *trial;
	struct json_list notify;                    /* of struct doc_notify */
};

struct document {
	int api_version, kind;
	struct doc_metadata *metadata;
	struct doc_spec *spec;
	const cJSON *ignored;
};

#define DOCUMENT_API_VERSION "trimtab/v1"
#define DOCUMENT_KIND "Experiment"

/* The defaults that code needs as well as the tables. */
enum { DEFAULT_PARALLEL_TRIALS = 3, MOST_PARALLEL_TRIALS = 100000, DEFAULT_ON_LOST = 1, DEFAULT_GRACE_SECONDS = 30 };

#define DEFAULT_GPU_RESOURCE "nvidia.com/gpu"
#define DEFAULT_CONTAINER "trial"
#define DEFAULT_CHECKPOINT_PATH "/checkpoints"
#define DEFAULT_TOLERANCE 0.01
#define RESOURCE_MIN 1e-9
#define RESOURCE_MAX 1e12

/* NULL-ended, in the order of the enums of spec.h. */
extern const char *const direction_names[], *const strategy_names[], *const param_type_names[],
	*const scale_names[], *const distribution_names[], *const executor_names[], *const collector_names[],
	*const lines_format_names[], *const access_mode_names[], *const notify_names[], *const stop_rule_names[];

extern const struct json_field objective_fields[], algorithm_fields[], fidelity_fields[], early_stopping_fields[],
	budget_fields[], initial_trial_fields[], retry_fields[], trial_fields[], notify_fields[],
	constraint_fields[], stop_when_fields[];
bool decode_stop_when(const cJSON *v, void *field, const char *pointer, struct problems *p);

/* A field whose presence is told apart from its default. */
#define DOC_IF(T, m, has, kind_, key, doc_) \
	.kind = kind_, .name = key, .offset = offsetof(T, m), .present_offset = offsetof(T, has), .doc = doc_
