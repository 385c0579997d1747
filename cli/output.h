/*
 * What `-o` means: table, wide, name, json, yaml, csv, jsonpath=EXPRESSION. And JSON as people read
 * it: two blanks of indentation, numbers exactly as they are.
 */
#pragma once
#include <stdbool.h>

#include "lib/err.h"
#include "lib/json.h"

struct strbuf;

enum output_kind { OUTPUT_TABLE, OUTPUT_WIDE, OUTPUT_NAME, OUTPUT_JSON, OUTPUT_YAML, OUTPUT_CSV, OUTPUT_JSONPATH };

struct output {
	enum output_kind kind;
	const char *path;               /* OUTPUT_JSONPATH */
};

#define OUTPUT_METAVAR "table|wide|name|json|yaml|csv|jsonpath=..."

bool output_parse(const char *text, struct output *out, struct err *e) MUSTCHECK;
/* json, yaml and jsonpath; the others are the command's own business. */
bool output_tree(const struct output *o, const cJSON *v, struct strbuf *out, struct err *e) MUSTCHECK;

void json_pretty(struct strbuf *out, const cJSON *v);
/* "{.items[*].name}", ".status.state", "$.spec.objectives[0].metric": every match, blanks between. */
bool jsonpath_print(const cJSON *v, const char *path, struct strbuf *out, struct err *e) MUSTCHECK;
