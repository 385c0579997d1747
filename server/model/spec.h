/*
 * The experiment document: what a user asks for, typed, complete and immutable.
 *
 * spec_from_json() is the only way in: it decodes the native document, fills in every default and
 * checks everything, so that whoever holds a struct experiment_spec need not check again. A second
 * form (Katib's) becomes one more function that returns the same struct. spec_write() is the way
 * out: the normalised document, with every default and the keys in one order, which reads back to
 * an equal spec and whose hash says whether two documents ask for the same thing.
 *
 * Ownership: a spec and all it points to live in the arena given to spec_from_json(), where the
 * JSON tree must live too (parts of it, as the manifest, are borrowed). Nothing in it ever changes:
 * an edit makes a new spec. Durations are microseconds, 0 = none. Strings are never NULL unless
 * "or NULL" is said.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "algorithms/algorithm.h"
#include "lib/attr.h"
#include "lib/json.h"
#include "lib/json_decode.h"
#include "lib/problems.h"

struct arena;
struct json_writer;
struct stop_problem;

enum {
	SPEC_NAME_MAX = 40,             /* trial = name + "-" + 8, a Job's name is at most 63            */
	SPEC_NAMESPACE_MAX = 63,
	SPEC_OBJECTIVES_MAX = 16,
	SPEC_PARAMETERS_MAX = 500,
	SPEC_VALUES_MAX = 1000,         /* of one discrete or categorical parameter                      */
	SPEC_INITIAL_TRIALS_MAX = 1000,
	SPEC_CONSTRAINTS_MAX = 16,
	SPEC_SOURCES_MAX = 8,           /* experiments of one warmStart */
	SPEC_STOP_RULES_MAX = 8,        /* of one earlyStopping */
	SPEC_DOCUMENT_MAX = 1 << 20,    /* bytes */
	SPEC_TRIALS_MAX = 1000000,
};

enum direction { DIRECTION_MINIMIZE, DIRECTION_MAXIMIZE };
/* How the points of one metric become one value: the lowest, the highest, the one of the last step. */
enum strategy { STRATEGY_MIN, STRATEGY_MAX, STRATEGY_LATEST };

struct objective {
	const char *metric;
	enum direction direction;
	enum strategy strategy;         /* minimize -> min, maximize -> max unless given */
	bool has_goal;
	double goal;                    /* finite */
};

/* What a trial must keep to be the best: min <= metric <= max. A trial that breaks one is infeasible: it
 * teaches the algorithm, and is not ranked. */
struct outcome_constraint {
	const char *metric;             /* of an objective, or any other */
	enum strategy strategy;         /* the objective's; latest unless given */
	int objective;                  /* its index, or -1 */
	double min, max;                /* infinite where there is none */
};

/* An earlier experiment whose results help this one. */
struct warm_source { const char *namespace, *name; };

enum stop_when_rule { STOP_WHEN_NEVER, STOP_WHEN_CONVERGED };
/* When the search ends by itself. Converged: what could still be gained over the best trial is, by the
 * model, less than `tolerance` of the spread of the better half of the results, or than their noise. */
struct stop_when {
	enum stop_when_rule rule;
	double tolerance;
	int64_t min_trials;             /* succeeded ones, before it is judged at all */
};

enum param_type { PARAM_DOUBLE, PARAM_INT, PARAM_DISCRETE, PARAM_CATEGORICAL };
enum param_scale { SCALE_LINEAR, SCALE_LOG };
enum param_distribution { DIST_UNIFORM, DIST_LOG_UNIFORM, DIST_NORMAL, DIST_LOG_NORMAL };

/* A choice keeps the JSON type that it was written with; two of one parameter never have equal text. */
struct param_choice {
	enum { CHOICE_STRING, CHOICE_NUMBER, CHOICE_BOOL } kind;
	const char *text;               /* as put in a command line: "adam", "0.01", "true" */
	double number;                  /* discrete and CHOICE_NUMBER */
};

/* Active only while `parent` is active and has one of these values, as x holds them: indices for
 * lists, else numbers. Several conditions must all hold. */
struct param_condition {
	size_t parent;                  /* index into parameters; never a descendant */
	const double *values;
	size_t n_values;
};

struct parameter {
	const char *name;
	enum param_type type;
	double min, max;                /* double, int: inclusive */
	double step;                    /* double: 0 = continuous; int: >= 1 */
	enum param_scale scale;         /* log exactly if the distribution is logUniform or logNormal */
	enum param_distribution distribution;
	double mean, sd;                /* normal, logNormal: of the value, or of its logarithm */
	const struct param_choice *choices;     /* discrete, categorical: in the order given */
	size_t n_choices;
	const struct param_condition *when;
	size_t n_when;
};

struct setting {
	const char *name;               /* the table's name for it, never an alias */
	const cJSON *value;             /* as given: a number, a word or a boolean; borrowed */
};

struct algorithm_spec {
	const char *name;               /* never an alias */
	const struct setting *settings; /* as given, without defaults */
	size_t n_settings;
	bool has_seed;
	int64_t seed;                   /* 0..2^53; without one, experiment_seed() of names.h */
	const struct algorithm *algorithm;
};

/* How much of a trial is run: given by the document, or by the scheduler's own settings (Katib's). */
struct fidelity {
	bool given;                     /* else nothing below counts */
	int parameter;                  /* that carries it, or -1: the steps of the first objective's reports */
	double min, max;                /* 0 < min <= max, finite; of the parameter's own values */
	double eta;                     /* > 1 */
	bool resume;                    /* a promoted trial goes on from its checkpoint; false: it starts over */
	const double *rungs;            /* at which trials are stopped, below max, ascending */
	size_t n_rungs;
};

struct stop_rule_spec {
	const char *name;               /* never an alias */
	const struct setting *settings; /* as given, without defaults */
	size_t n_settings;
};

struct early_stopping_spec {
	const struct stop_rule_spec *rules;
	size_t n_rules;                 /* 0: no rule; an algorithm may stop trials all the same */
	bool all;                       /* every rule must say so; false: one is enough */
};

struct budget {
	int64_t max_trials;             /* 0 = unlimited */
	int64_t parallel_trials;
	int64_t max_failed_trials;      /* the experiment fails when this many have failed; -1 = never */
	int64_t max_duration_us;
};

struct retry_policy { int64_t on_lost, on_failed; };    /* further attempts of one trial */

enum executor {
	EXECUTOR_DEFAULT,               /* not said, and the caller named no default either */
	EXECUTOR_LOCAL,
	EXECUTOR_KUBERNETES,
	EXECUTOR_SIMULATED,
	EXECUTOR_WORKER,                /* ask/tell: the trials are run by whoever asks for them */
};

enum collector { COLLECTOR_PUSH, COLLECTOR_STDOUT, COLLECTOR_FILE, COLLECTOR_NONE };
enum lines_format { LINES_TEXT, LINES_JSON };

/* What is pushed is always accepted. `fallback` is read as long as a trial has pushed nothing. */
struct metrics_spec {
	enum collector collector;
	enum collector fallback;        /* COLLECTOR_STDOUT, _FILE or _NONE */
	const char *path;               /* of the file, absolute or below the working directory; or NULL */
	enum lines_format format;
	const char *const *patterns;    /* regular expressions with a name and a value group; none = default */
	size_t n_patterns;
};

struct resources {
	const char *cpu, *memory;       /* Kubernetes quantities as written, "500m", "4Gi"; or NULL */
	int64_t cpu_millis, memory_bytes;
	int64_t gpu;
	const char *gpu_resource;       /* what Kubernetes calls the device: "nvidia.com/gpu" */
};

struct env_var { const char *name, *value; };

/* Where trials on Kubernetes keep their checkpoints: a claim that exists, or one made for the experiment. */
struct checkpoint_volume {
	const char *path;               /* in the primary container; NULL: there is no volume */
	const char *claim;              /* NULL: it is made, by what follows */
	const char *size;               /* a quantity, as written */
	const char *storage_class;      /* or NULL: the cluster's default */
	const char *access_mode;        /* ReadWriteMany unless given */
};

/* ${trialParameters.<name>} of a manifest means a parameter, or "${trialSpec.Name}" and its kind. */
struct template_alias { const char *name, *reference; };

struct trial_template {
	enum executor executor;
	const char *const *command;     /* NULL-ended, with placeholders (render.h); NULL with a manifest */
	size_t n_command;
	const struct env_var *env;      /* values with placeholders */
	size_t n_env;
	const char *working_directory;  /* with placeholders; or NULL */
	int64_t timeout_us;
	int64_t grace_period_us;        /* between SIGTERM and SIGKILL */
	struct resources resources;
	struct metrics_spec metrics;
	const char *image;              /* Kubernetes; each or NULL */
	const char *namespace;
	const char *service_account;
	const char *primary_container;  /* never NULL on Kubernetes */
	const char *success_when, *failure_when;        /* compiled without complaint: lib/gjson.h */
	const struct json_pair *primary_labels;         /* none: the kind's own */
	size_t n_primary_labels;
	const struct template_alias *aliases;           /* trialParameters */
	size_t n_aliases;
	struct checkpoint_volume checkpoints;
	const cJSON *node_selector, *tolerations, *manifest;    /* borrowed trees; or NULL */
	bool retain;                    /* keep the finished Job */
};

/* What a web hook is called for. */
enum { NOTIFY_SUCCEEDED = 1, NOTIFY_FAILED = 2, NOTIFY_STOPPED = 4, NOTIFY_NEW_BEST = 8, NOTIFY_TRIAL_FAILED = 16 };
struct notify { const char *url; unsigned on; const char *secret; /* or NULL */ };

struct experiment_spec {
	const char *name, *namespace;
	const struct json_pair *labels, *annotations;   /* in the order given */
	size_t n_labels, n_annotations;

	const struct objective *objectives;     /* the first is searched and ranked by */
	size_t n_objectives;
	const struct parameter *parameters;     /* in the order given: x[i] belongs to parameters[i] */
	size_t n_parameters;
	const char *const *parameter_names;     /* the same, NULL-ended */
	const struct outcome_constraint *constraints;
	size_t n_constraints;
	struct algorithm_spec algorithm;
	struct fidelity fidelity;
	struct early_stopping_spec early_stopping;
	struct budget budget;
	const double *const *initial_trials;    /* vectors of n_parameters; NaN = inactive */
	size_t n_initial_trials;
	const struct warm_source *sources;      /* warmStart */
	size_t n_sources;
	struct stop_when stop_when;
	struct retry_policy retry;
	struct trial_template trial;
	const struct notify *notify;
	size_t n_notify;

	/* The same, compiled for the algorithms: space, objectives, settings and budget. All but the
	 * seed, which is experiment_seed(), and the sources' trials, which are in the database. Whoever
	 * outlives the spec takes a space_ref(). */
	struct algo_problem problem;    /* its fidelity is NULL unless one is given */
	/* What the stopper of this experiment is made of; NULL: no trial is stopped for what it reports. */
	const struct stop_problem *stopping;
};

/* What the place of the request decides. */
struct spec_options {
	const char *namespace;          /* of the path: must agree with the document's; NULL = "default" */
	enum executor executor;         /* for a trial block that names none: --runner */
};

/* Decodes and validates `doc`, a tree in `a`. Every problem is added to `p`, advice that does not
 * prevent anything to `warnings` (or NULL). False, with *out untouched, if any problem was found. */
bool spec_from_json(const cJSON *doc, const struct spec_options *opt, struct arena *a,
	const struct experiment_spec **out, struct problems *p, struct problems *warnings) MUSTCHECK;

/* What the store holds of an experiment: `spec` is the value of "spec" as spec_write() wrote it, labels
 * and annotations are JSON objects or NULL. ERR_INTERNAL if it cannot be read. */
struct spec_stored { const char *namespace, *name, *labels, *annotations, *spec; };
bool spec_load(const struct spec_stored *x, struct arena *a, const struct experiment_spec **out,
	struct err *e) MUSTCHECK;

/* The value of "spec", normalised: stored, hashed and shown. Opens and closes the object. */
void spec_write(struct json_writer *w, const char *key, const struct experiment_spec *s);
/* name, namespace, labels and annotations into an object that the caller has opened. */
void spec_write_metadata(struct json_writer *w, const struct experiment_spec *s);
/* The whole native document as text in the arena: {"apiVersion", "kind", "metadata", "spec"}. */
const char *spec_document(const struct experiment_spec *s, struct arena *a);

enum { SPEC_SHA256_MAX = 65 };
/* Hex SHA-256 of the normalised spec (not of the metadata). */
void spec_sha256(const struct experiment_spec *s, char out[SPEC_SHA256_MAX]);

/* A merge patch (RFC 7386) of the document: metadata.labels, metadata.annotations, spec.budget.*
 * and spec.paused may change, anything else is the problem "not-editable". */
struct spec_edit {
	const struct experiment_spec *spec;     /* the edited one, in the arena given */
	bool has_paused, paused;
};
bool spec_merge_patch(const struct experiment_spec *s, const cJSON *patch, struct arena *a,
	struct spec_edit *out, struct problems *p) MUSTCHECK;

/* Index of a parameter or objective by name, or -1. */
int spec_parameter(const struct experiment_spec *s, const char *name);
int spec_objective(const struct experiment_spec *s, const char *metric);

/* Does the algorithm give each trial its own length (hyperband)? Then trials end with what they were
 * given; otherwise each runs to the end unless it is stopped. */
bool spec_grants(const struct experiment_spec *s);

const char *direction_name(enum direction d);
const char *strategy_name(enum strategy s);
/* By how much a value breaks a constraint: above 0 if it does. NaN breaks every one. */
double constraint_violation(const struct outcome_constraint *c, double value);
const char *param_type_name(enum param_type t);
const char *param_distribution_name(enum param_distribution d);
const char *executor_name(enum executor e);             /* EXECUTOR_DEFAULT: NULL */
const char *collector_name(enum collector c);

/* The field tables behind the document, for the schema, `explain` and the reference. */
extern const struct json_field document_fields[];
/* One parameter of spec.parameters, which is an object keyed by name. */
extern const struct json_field parameter_fields[];
/* A DNS label of at most `max` bytes: lower-case letters, digits and '-', starting with a letter. */
bool name_valid(const char *s, size_t max);
