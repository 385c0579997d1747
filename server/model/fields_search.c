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

const struct json_field early_stopping_fields[] = {
	JF_STR(
		struct doc_early_stopping, name, "name", JF_REQUIRED, 1, 64, "the rule that stops hopeless trials"),
	JF_TREE(struct doc_early_stopping, settings, "settings", JF_OPTIONAL, MAP_SCHEMA(SCALAR_SCHEMA),
		"the rule's settings by name"),
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
