/*
 * A trial as JSON and as CSV: the only place that knows its shape.
 */
#pragma once
#include <stddef.h>

#include "lib/json_decode.h"

struct arena;
struct json_writer;
struct store_trial;
struct store_trials;
struct strbuf;

/* Where a trial is: names for its links and for its values. */
struct trial_place {
	const char *ns, *experiment;
	const char *const *metrics;     /* of the objectives, in order */
	size_t n_metrics;
	const char *const *parameters;  /* names, in order             */
	size_t n_parameters;
};

/* For the trials of one answer of the store; in the arena. */
struct trial_place trial_place(struct arena *a, const char *ns, const char *experiment,
	const struct store_trials *rows);

void trial_json(struct json_writer *w, const char *key, struct arena *a, const struct store_trial *t,
	const struct trial_place *place);
/* "values" alone: the objectives and every other metric. Nothing is written while there is none. */
void trial_values_json(struct json_writer *w, const char *key, struct arena *a, const struct store_trial *t,
	const struct trial_place *place);

/* RFC 4180 with a header line: the trial, its parameters, its objectives. */
void trial_csv_head(struct strbuf *out, const struct trial_place *place);
void trial_csv_row(struct strbuf *out, struct arena *a, const struct store_trial *t, const struct trial_place *place);

extern const struct json_field trial_schema[];  /* of trial_json(), for the OpenAPI document */
