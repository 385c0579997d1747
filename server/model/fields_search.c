/* The fields of the document that say what is searched, and how: objectives, parameters, algorithm. */
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "lib/arena.h"
#include "server/model/document.h"
#include "server/model/observe.h"
#include "server/model/spec.h"

const char *const direction_names[] = {"minimize", "maximize", NULL};
const char *const strategy_names[] = {"min", "max", "latest", NULL};
const char *const param_type_names[] = {"double", "int", "discrete", "categorical", NULL};
const char *const scale_names[] = {"linear", "log", NULL};
const char *const distribution_names[] = {"uniform", "logUniform", "normal", "logNormal", NULL};

#define SCALAR_SCHEMA "{\"type\":[\"string\",\"number\",\"boolean\"]}"
#define LIST_SCHEMA "{\"type\":\"array\",\"minItems\":1,\"items\":" SCALAR_SCHEMA "}"
#define MAP_SCHEMA(of) "{\"type\":\"object\",\"additionalProperties\":" of "}"

const struct json_field objective_fields[] = {
	JF_STR(struct doc_objective, metric, "metric", JF_REQUIRED, 1, METRIC_NAME_MAX,
		"name of the metric as it is reported: letters, digits and _ . / -"),
	JF_ENUM(struct doc_objective, direction, "direction", JF_REQUIRED, direction_names, NULL,
		"whether lower or higher is better"),
	{DOC_IF(struct doc_objective, goal, has_goal, JF_K_NUM, "goal",
		 "the experiment succeeds as soon as a trial is at least this good"),
		.min = -1.7976931348623157e308, .max = 1.7976931348623157e308},
	{DOC_IF(struct doc_objective, strategy, has_strategy, JF_K_ENUM, "strategy",
		 "which of a trial's points counts; by default min to minimize, max to maximize"),
		.names = strategy_names},
	JF_END,
};

#define BOUND_IF(m, has, key, doc_)                              \
	{DOC_IF(struct doc_constraint, m, has, JF_K_NUM, key, doc_), \
		.min = -1.7976931348623157e308, .max = 1.7976931348623157e308}

const struct json_field constraint_fields[] = {
	JF_STR(struct doc_constraint, metric, "metric", JF_REQUIRED, 1, METRIC_NAME_MAX,
		"name of the metric as it is reported, an objective's or another one"),
	BOUND_IF(min, has_min, "min", "the lowest value that is allowed"),
	BOUND_IF(max, has_max, "max", "the highest value that is allowed"),
	{DOC_IF(struct doc_constraint, strategy, has_strategy, JF_K_ENUM, "strategy",
		 "which of a trial's points counts: latest by default, an objective's own where it is one"),
		.names = strategy_names},
	JF_END,
};

#define NUMBER_IF(m, has, key, doc_)                            \
	{DOC_IF(struct doc_parameter, m, has, JF_K_NUM, key, doc_), \
		.min = -1.7976931348623157e308, .max = 1.7976931348623157e308}

const struct json_field parameter_fields[] = {
	JF_ENUM(struct doc_parameter, type, "type", JF_REQUIRED, param_type_names, NULL,
		"what kind of values it takes"),
	NUMBER_IF(min, has_min, "min", "double, int: the lowest value, inclusive"),
	NUMBER_IF(max, has_max, "max", "double, int: the highest value, inclusive"),
	NUMBER_IF(step, has_step, "step",
		"double, int: only min, min + step, min + 2 step, ...; an int has step 1 by default"),
	{DOC_IF(struct doc_parameter, scale, has_scale, JF_K_ENUM, "scale",
		 "double, int: log when orders of magnitude matter; short for the distribution logUniform"),
		.names = scale_names},
	{DOC_IF(struct doc_parameter, distribution, has_distribution, JF_K_ENUM, "distribution",
		 "double, int: how likely values are before anything is known; uniform by default"),
		.names = distribution_names},
	NUMBER_IF(mean, has_mean, "mean",
		"normal, logNormal: the centre, of the value or of its natural logarithm; the middle by default"),
	NUMBER_IF(sd, has_sd, "sd", "normal, logNormal: the standard deviation; a sixth of the range by default"),
	JF_TREE(struct doc_parameter, values, "values", JF_OPTIONAL, LIST_SCHEMA,
		"discrete: a list of numbers; categorical: a list of strings, numbers or booleans"),
	JF_TREE(struct doc_parameter, when, "when", JF_OPTIONAL, MAP_SCHEMA(LIST_SCHEMA),
		"active only while other parameters have one of the listed values: {\"optimizer\": [\"sgd\"]}"),
	JF_END,
};

const struct json_field algorithm_fields[] = {
	JF_STR(struct doc_algorithm, name, "name", JF_REQUIRED, 1, 64,
		"the search algorithm; `trimtab algorithms` lists them"),
	{DOC_IF(struct doc_algorithm, seed, has_seed, JF_K_INT, "seed",
		 "the same seed, space and results give the same suggestions; by default one of the experiment's "
		 "own"),
		.min = 0, .max = 9007199254740992},
	JF_TREE(struct doc_algorithm, settings, "settings", JF_OPTIONAL, MAP_SCHEMA(SCALAR_SCHEMA),
		"the algorithm's settings by name; `trimtab algorithms NAME` lists them"),
	JF_END,
};

#define RESOURCE_IF(m, has, key, low, high, doc_) \
	{DOC_IF(struct doc_fidelity, m, has, JF_K_NUM, key, doc_), .min = low, .max = high}

const struct json_field fidelity_fields[] = {
	JF_STR(struct doc_fidelity, parameter, "parameter", JF_OPTIONAL, 1, 128,
		"the parameter that says how far a trial runs, as epochs; without it, resources are steps of the first "
		"objective's reports, and a trial finds its own in TRIMTAB_BUDGET_STEPS"),
	RESOURCE_IF(min, has_min, "min", RESOURCE_MIN, RESOURCE_MAX,
		"the least that a trial is given; by default the parameter's min, else 1, but not below max/9"),
	RESOURCE_IF(max, has_max, "max", RESOURCE_MIN, RESOURCE_MAX,
		"what a trial that runs to the end is given; by default the parameter's max, required without a parameter"),
	RESOURCE_IF(eta, has_eta, "eta", 1, 1000,
		"of the trials that come to a rung the best 1/eta go on, with eta times as much; above 1, 3 by default"),
	JF_BOOL(struct doc_fidelity, resume, "resume", "true",
		"a trial that is promoted gets the checkpoint folder of its earlier run; false: an empty one, it starts over"),
	JF_ANY(struct doc_fidelity, ignored, "rungs", JF_OPTIONAL,
		"set by the server where trials are stopped at rungs: the resources at which they are compared"),
	JF_END,
};

#define RULE_SETTINGS(T, m)                                                                  \
	JF_TREE(T, m, "settings", JF_OPTIONAL, MAP_SCHEMA(SCALAR_SCHEMA),                          \
		"the rule's settings by name; `trimtab algorithms NAME` lists them")

static const struct json_field stop_rule_fields[] = {
	JF_STR(struct doc_stop_rule, name, "name", JF_REQUIRED, 1, 64, "the rule; `trimtab algorithms` lists them"),
	RULE_SETTINGS(struct doc_stop_rule, settings),
	JF_END,
};

/* One rule, or one of the lists. */
const struct json_field early_stopping_fields[] = {
	JF_STR(struct doc_early_stopping, one.name, "name", JF_OPTIONAL, 1, 64,
		"the rule that stops hopeless trials; `trimtab algorithms` lists them. In its place, several rules: any or all"),
	RULE_SETTINGS(struct doc_early_stopping, one.settings),
	JF_LIST(struct doc_early_stopping, any, "any", JF_OPTIONAL, 1, SPEC_STOP_RULES_MAX, stop_rule_fields,
		struct doc_stop_rule, "several rules, of which one is enough to stop a trial"),
	JF_LIST(struct doc_early_stopping, all, "all", JF_OPTIONAL, 1, SPEC_STOP_RULES_MAX, stop_rule_fields,
		struct doc_stop_rule, "several rules, which must agree to stop a trial"),
	JF_END,
};

const struct json_field initial_trial_fields[] = {
	JF_TREE(struct doc_initial_trial, parameters, "parameters", JF_REQUIRED, MAP_SCHEMA(SCALAR_SCHEMA),
		"a value for every parameter that is active, by name"),
	JF_END,
};

const char *const stop_rule_names[] = {"converged", NULL};

const struct json_field stop_when_fields[] = {
	JF_ENUM(struct doc_stop_when, rule, "rule", JF_REQUIRED, stop_rule_names, NULL,
		"converged: little can still be gained over the best trial, by a model of the results"),
	JF_NUM(struct doc_stop_when, tolerance, "tolerance", JF_OPTIONAL, 0, 1, "0.01",
		"how little: a share of the spread (standard deviation) of the better half of the results; what repeated "
		"trials differ by is always little enough"),
	{DOC_IF(struct doc_stop_when, min_trials, has_min_trials, JF_K_INT, "minTrials",
		 "trials that must have succeeded before; 20 and two a parameter by default"),
		.min = 1, .max = SPEC_TRIALS_MAX},
	JF_END,
};

/* The rule's name alone, or an object with its figures. */
bool decode_stop_when(const cJSON *v, void *field, const char *pointer, struct problems *p)
{
	struct doc_stop_when *out = ARENA_NEW(p->arena, struct doc_stop_when);
	const char *name = json_str(v);

	if (json_is_null(v))
		return true;
	*(struct doc_stop_when **)field = out;
	if (name == NULL && !json_is_object(v))
		return problem_add(p, pointer, "wrong-type", "expected the name of a rule, or an object with `rule`");
	if (name == NULL)
		return json_decode(v, stop_when_fields, out, pointer, p);
	out->tolerance = DEFAULT_TOLERANCE;
	for (out->rule = 0; stop_rule_names[out->rule] != NULL; out->rule++) {
		if (strcmp(stop_rule_names[out->rule], name) == 0)
			return true;
	}
	return problem_unknown(p, pointer, "unknown-value", "a rule that ends a search", name, stop_rule_names);
}
