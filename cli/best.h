/* The best parameters as one flat JSON object on one line, without a newline. */
#pragma once
#include "lib/json.h"

struct strbuf;

void best_json(struct strbuf *out, const cJSON *params);
