/*
 * The shapes of answers, for the OpenAPI document: tables of fields like those of requests, but of
 * things that are only written. The table of an object lies in the file that writes the object.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "lib/json_decode.h"

#define OUT_STRING "{\"type\":\"string\"}"
#define OUT_STRING_OR_NULL "{\"type\":[\"string\",\"null\"]}"
#define OUT_INTEGER "{\"type\":\"integer\"}"
#define OUT_BOOLEAN "{\"type\":\"boolean\"}"
#define OUT_NUMBER "{\"type\":[\"number\",\"string\"],\"description\":\"NaN and infinities are strings\"}"
#define OUT_TIME "{\"type\":[\"string\",\"null\"],\"format\":\"date-time\"}"
#define OUT_OBJECT "{\"type\":\"object\"}"
#define OUT_OBJECT_OR_NULL "{\"type\":[\"object\",\"null\"]}"
#define OUT_ARRAY "{\"type\":\"array\",\"items\":{}}"
#define OUT_STRINGS "{\"type\":\"array\",\"items\":{\"type\":\"string\"}}"
#define OUT_REF(name) "{\"$ref\":\"#/components/schemas/" name "\"}"
#define OUT_REF_OR_NULL(name) "{\"oneOf\":[{\"type\":\"null\"},{\"$ref\":\"#/components/schemas/" name "\"}]}"
#define OUT_ARRAY_OF(name) "{\"type\":\"array\",\"items\":{\"$ref\":\"#/components/schemas/" name "\"}}"

#define OUT_(key, need_, schema_, doc_)                                                               \
	{.kind = JF_K_FUN, .name = key, .need = need_, .present_offset = SIZE_MAX, .schema = schema_, .doc = doc_}
#define OUT(key, schema_, doc_) OUT_(key, JF_REQUIRED, schema_, doc_)
#define OUT_MAY(key, schema_, doc_) OUT_(key, JF_OPTIONAL, schema_, doc_)

struct schema {
	const char *name;
	const struct json_field *fields;
};
/* Every answer that a route names, NULL-named at the end. */
extern const struct schema schemas[];

/* Defined by the resources that write them. */
extern const struct json_field algorithm_schema[], asked_schema[], best_schema[], curve_schema[];
extern const struct json_field curves_schema[], deleted_schema[], event_schema[], given_schema[];
extern const struct json_field importance_schema[], importance_share_schema[];
extern const struct json_field problem_type_schema[], readiness_schema[], reported_schema[], root_schema[], series_schema[];
extern const struct json_field rung_schema[], rungs_schema[], savings_schema[], stop_rule_schema[], stopped_trial_schema[];
extern const struct json_field setting_schema[], token_schema[], validated_schema[], version_schema[];
