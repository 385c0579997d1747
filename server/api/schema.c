/* Every answer by its name. The shape of each object lies with the code that writes it. */
#include "server/api/schema.h"

#include "server/api/json_experiment.h"
#include "server/api/json_trial.h"

#define LIST_OF(item)                                                                                 \
	OUT("items", OUT_ARRAY_OF(item), "this page"),                                                    \
		OUT_MAY("continue", OUT_STRING, "give it back to get the next page; absent on the last one"), \
		OUT_MAY("remainingItemCount", OUT_INTEGER, "behind this page, where it is known")

static const struct json_field experiment_list[] = {LIST_OF("Experiment"), JF_END};
static const struct json_field event_list[] = {LIST_OF("Event"), JF_END};
static const struct json_field trial_list[] = {
	OUT("version", OUT_INTEGER, "give it back as ?after= to get only what changed since"),
	LIST_OF("Trial"),
	JF_END,
};
static const struct json_field series_list[] = {OUT("items", OUT_ARRAY_OF("Series"), "one for each metric"), JF_END};
static const struct json_field algorithm_list[] = {OUT("items", OUT_ARRAY_OF("Algorithm"), "all"), JF_END};
static const struct json_field stop_rule_list[] = {OUT("items", OUT_ARRAY_OF("StopRule"), "all"), JF_END};
static const struct json_field token_list[] = {OUT("items", OUT_ARRAY_OF("Token"), "all"), JF_END};
static const struct json_field openapi_document[] = {
	OUT("openapi", OUT_STRING, "3.1.0"),
	OUT("info", OUT_OBJECT, "what this is"),
	OUT("security", OUT_ARRAY, "a token, where the server wants one"),
	OUT("paths", OUT_OBJECT, "every operation"),
	OUT("components", OUT_OBJECT, "every shape"),
	JF_END,
};

const struct schema schemas[] = {
	{"Algorithm", algorithm_schema},
	{"AlgorithmList", algorithm_list},
	{"AlgorithmSetting", setting_schema},
	{"Asked", asked_schema},
	{"Best", best_schema},
	{"Curve", curve_schema},
	{"Curves", curves_schema},
	{"Deleted", deleted_schema},
	{"Event", event_schema},
	{"EventList", event_list},
	{"Experiment", experiment_schema},
	{"ExperimentList", experiment_list},
	{"ExperimentStatus", status_schema},
	{"GivenTrial", given_schema},
	{"Importance", importance_schema},
	{"ImportanceShare", importance_share_schema},
	{"OpenApi", openapi_document},
	{"ProblemType", problem_type_schema},
	{"Readiness", readiness_schema},
	{"Reported", reported_schema},
	{"Root", root_schema},
	{"Rung", rung_schema},
	{"Rungs", rungs_schema},
	{"Savings", savings_schema},
	{"Series", series_schema},
	{"SeriesList", series_list},
	{"StopRule", stop_rule_schema},
	{"StopRuleList", stop_rule_list},
	{"StoppedTrial", stopped_trial_schema},
	{"Token", token_schema},
	{"TokenList", token_list},
	{"Trial", trial_schema},
	{"TrialList", trial_list},
	{"Validated", validated_schema},
	{"Version", version_schema},
	{NULL, NULL},
};
