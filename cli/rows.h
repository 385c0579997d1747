/* The tables of experiments, trials and events: one function adds the columns, one adds a row. */
#pragma once
#include <stdbool.h>

#include "cli/table.h"
#include "lib/json.h"

struct rows_style {
	bool wide;                      /* more columns, nothing shortened              */
	bool namespaces;                /* a column for them                            */
	bool archived;                  /* with uids, and since when                    */
};

void experiment_columns(struct table *t, const struct rows_style *s);
void experiment_row(struct table *t, const struct rows_style *s, const cJSON *experiment);

/* What the columns of a trial table are depends on its experiment. */
enum { METRIC_COLUMNS_MAX = 16, PARAM_COLUMNS_MAX = 38 };
struct trial_columns {
	const char *metrics[METRIC_COLUMNS_MAX], *params[PARAM_COLUMNS_MAX];
	size_t n_metrics, n_params;
	bool granted;                   /* how far each was to run, and what it continues */
};
void trial_columns_of(struct trial_columns *columns, const cJSON *experiment, bool wide);
void trial_head(struct table *t, const struct rows_style *s, const struct trial_columns *columns);
void trial_row(struct table *t, const struct rows_style *s, const struct trial_columns *columns, const cJSON *trial);

void event_columns(struct table *t);
void event_row(struct table *t, const cJSON *event);
