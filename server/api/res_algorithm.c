/* The search algorithms and the early-stopping rules with their settings: what forms and people read. */
#include <assert.h>
#include <math.h>
#include <string.h>

#include "algorithms/registry.h"
#include "algorithms/stopping/stopper.h"
#include "lib/arena.h"
#include "lib/problems.h"
#include "server/api/res.h"

static const char *const type_names[] = {
	[ALGO_BOOL] = "bool",
	[ALGO_INT] = "int",
	[ALGO_REAL] = "double",
	[ALGO_CHOICE] = "categorical",
	[ALGO_PARAM] = "parameter",
	[ALGO_TEXT] = "string",
};

static const struct { unsigned bit; const char *name; } capability_names[] = {
	{ALGO_CONDITIONS, "conditions"},
	{ALGO_CATEGORIES, "categories"},
	{ALGO_MULTI_OBJECTIVE, "multiObjective"},
	{ALGO_CONSTRAINTS, "constraints"},
	{ALGO_ENDS, "ends"},
	{ALGO_FIDELITY, "fidelity"},
	{ALGO_CURVES, "curves"},
	{ALGO_SOURCES, "sources"},
	{ALGO_REPEATS, "repeats"},
};

static void strings(struct json_writer *w, const char *key, const char *const *list)
{
	if (!list || !*list)
		return;
	jw_array(w, key);
	for (; *list; list++)
		jw_str(w, NULL, *list);
	jw_end(w);
}

static void default_json(struct json_writer *w, const struct algo_setting *s)
{
	if (isnan(s->def) || s->type == ALGO_TEXT || s->type == ALGO_PARAM)
		return;         /* chosen by the algorithm */
	if (s->type == ALGO_BOOL)
		jw_bool(w, "default", s->def != 0);
	else if (s->type == ALGO_CHOICE)
		jw_str(w, "default", s->choices[(size_t)s->def]);
	else
		jw_num(w, "default", s->def);
}

static void range_json(struct json_writer *w, const struct algo_setting *s)
{
	if (s->type != ALGO_INT && s->type != ALGO_REAL)
		return;
	if (isfinite(s->min))
		jw_num(w, s->above_min ? "above" : "min", s->min);
	if (isfinite(s->max))
		jw_num(w, s->below_max ? "below" : "max", s->max);
}

static void setting_json(struct json_writer *w, const struct algo_setting *s)
{
	assert((size_t)s->type < ARRAY_LEN(type_names) && s->doc);
	jw_object(w, NULL);
	jw_str(w, "name", s->name);
	strings(w, "aliases", s->aliases);
	jw_str(w, "type", type_names[s->type]);
	jw_bool(w, "required", s->required);
	default_json(w, s);
	range_json(w, s);
	if (s->type == ALGO_CHOICE)
		strings(w, "values", s->choices);
	jw_str(w, "description", s->doc);
	jw_end(w);
}

static void settings_json(struct json_writer *w, const struct algo_setting *settings, uint32_t n)
{
	jw_array(w, "settings");
	for (uint32_t i = 0; i < n; i++)
		setting_json(w, &settings[i]);
	jw_end(w);
}

static void algorithm_json(struct json_writer *w, struct arena *a, const struct algorithm *algo)
{
	jw_object(w, NULL);
	jw_str(w, "name", algo->name);
	strings(w, "aliases", algo->aliases);
	jw_str(w, "description", algo->doc);
	jw_bool(w, "isDefault", strcmp(algo->name, ALGORITHM_DEFAULT) == 0);
	jw_array(w, "capabilities");
	for (size_t i = 0; i < ARRAY_LEN(capability_names); i++)
		if (algo->capabilities & capability_names[i].bit)
			jw_str(w, NULL, capability_names[i].name);
	jw_end(w);
	settings_json(w, algo->settings, algo->n_settings);
	jw_str(w, "link", arena_printf(a, API_ROOT "/algorithms/%s", algo->name));
	jw_end(w);
}

static void list(struct http_req *req)
{
	struct json_writer *w = http_json(req);

	jw_object(w, NULL);
	jw_array(w, "items");
	for (const struct algorithm *const *a = algorithms; *a; a++)
		algorithm_json(w, req->arena, *a);
	jw_end(w);
	jw_end(w);
	http_reply_json(req, 200);
}

static void not_there(struct http_req *req, const char *what, const char *name, const char *const *names)
{
	const char *nearest = nearest_name(name, names);

	api_fail(req, ERR_NOT_FOUND, "'%.100s' is not %s%s%s", name, what, nearest ? "; did you mean " : "",
		nearest ? nearest : "");
}

static void get(struct http_req *req)
{
	const char *name = route_param(req, "algorithm");
	const struct algorithm *algo = algorithm_find(name);

	if (algo) {
		algorithm_json(http_json(req), req->arena, algo);
		return http_reply_json(req, 200);
	}
	const char **names = ARENA_NEW_N(req->arena, const char *, n_algorithms + 1);
	for (size_t i = 0; i < n_algorithms; i++)
		names[i] = algorithms[i]->name;
	not_there(req, "an algorithm", name, names);
}

/* ---- early stopping ------------------------------------------------------------------------------------ */

static void rule_json(struct json_writer *w, struct arena *a, const struct stop_rule *rule)
{
	jw_object(w, NULL);
	jw_str(w, "name", rule->name);
	strings(w, "aliases", rule->aliases);
	jw_str(w, "description", rule->doc);
	jw_str(w, "reason", rule->reason);
	jw_bool(w, "compares", rule->compares);
	settings_json(w, rule->settings, rule->n_settings);
	jw_str(w, "link", arena_printf(a, API_ROOT "/early-stopping/%s", rule->name));
	jw_end(w);
}

static void list_rules(struct http_req *req)
{
	struct json_writer *w = http_json(req);

	jw_object(w, NULL);
	jw_array(w, "items");
	for (const struct stop_rule *const *r = stop_rules; *r; r++)
		rule_json(w, req->arena, *r);
	jw_end(w);
	jw_end(w);
	http_reply_json(req, 200);
}

static void get_rule(struct http_req *req)
{
	const char *name = route_param(req, "rule");
	const struct stop_rule *rule = stop_rule_find(name);

	if (rule) {
		rule_json(http_json(req), req->arena, rule);
		return http_reply_json(req, 200);
	}
	const char **names = ARENA_NEW_N(req->arena, const char *, n_stop_rules + 1);
	for (size_t i = 0; i < n_stop_rules; i++)
		names[i] = stop_rules[i]->name;
	not_there(req, "an early-stopping rule", name, names);
}

static const struct route routes[] = {
	{.method = HTTP_GET, .path = API_ROOT "/algorithms", .handler = list, .need = ROLE_VIEWER,
		.status = 200, .answer = "AlgorithmList", .id = "listAlgorithms", .summary = "The search algorithms"},
	{.method = HTTP_GET, .path = API_ROOT "/algorithms/{algorithm}", .handler = get, .need = ROLE_VIEWER,
		.status = 200, .answer = "Algorithm", .id = "getAlgorithm", .summary = "One algorithm and its settings"},
	{.method = HTTP_GET, .path = API_ROOT "/early-stopping", .handler = list_rules, .need = ROLE_VIEWER,
		.status = 200, .answer = "StopRuleList", .id = "listStopRules", .summary = "The early-stopping rules"},
	{.method = HTTP_GET, .path = API_ROOT "/early-stopping/{rule}", .handler = get_rule, .need = ROLE_VIEWER,
		.status = 200, .answer = "StopRule", .id = "getStopRule", .summary = "One early-stopping rule and its settings"},
};
ROUTE_TABLE(res_algorithm, routes);

const struct json_field algorithm_schema[] = {
	OUT("name", OUT_STRING, "in spec.algorithm.name"),
	OUT_MAY("aliases", OUT_STRINGS, "other names for it"),
	OUT("description", OUT_STRING, "what it does, when to use it"),
	OUT("isDefault", OUT_BOOLEAN, "what a document without an algorithm gets"),
	OUT("capabilities", OUT_STRINGS, "what it can do"),
	OUT("settings", OUT_ARRAY_OF("AlgorithmSetting"), "of spec.algorithm.settings"),
	OUT("link", OUT_STRING, "of this answer"),
	JF_END,
};

const struct json_field stop_rule_schema[] = {
	OUT("name", OUT_STRING, "in spec.earlyStopping.name"),
	OUT_MAY("aliases", OUT_STRINGS, "other names for it"),
	OUT("description", OUT_STRING, "what it does, when to use it"),
	OUT("reason", OUT_STRING, "the reason of trials that it stopped"),
	OUT("compares", OUT_BOOLEAN, "with trials that ran to the end, which some are therefore let to do"),
	OUT("settings", OUT_ARRAY_OF("AlgorithmSetting"), "of spec.earlyStopping.settings"),
	OUT("link", OUT_STRING, "of this answer"),
	JF_END,
};

const struct json_field setting_schema[] = {
	OUT("name", OUT_STRING, "of the setting"),
	OUT_MAY("aliases", OUT_STRINGS, "other names for it"),
	OUT("type", OUT_STRING, "bool, int, double, categorical, parameter or string"),
	OUT("required", OUT_BOOLEAN, "there is no default"),
	OUT_MAY("default", "{}", "absent: the algorithm chooses"),
	OUT_MAY("min", OUT_NUMBER, "the lowest value"),
	OUT_MAY("max", OUT_NUMBER, "the highest value"),
	OUT_MAY("above", OUT_NUMBER, "a bound that is excluded itself"),
	OUT_MAY("below", OUT_NUMBER, "a bound that is excluded itself"),
	OUT_MAY("values", OUT_STRINGS, "of a categorical one"),
	OUT("description", OUT_STRING, "one sentence"),
	JF_END,
};
