/*
 * An experiment as JSON: the only place that knows its shape. Metadata and status are added to the
 * document; the status has Katib's fields (conditions[], trials* counts, currentOptimalTrial) beside
 * ours (state, reason, message, progress).
 */
#pragma once
#include "lib/json_decode.h"

struct arena;
struct json_writer;
struct store_experiment;

/* The whole document where the row has its spec, else what its brief says. */
void experiment_json(struct json_writer *w, const char *key, struct arena *a, const struct store_experiment *x);

extern const struct json_field experiment_schema[];     /* for the OpenAPI document */
extern const struct json_field status_schema[];
