#include "cli/rows.h"

#include <string.h>

#include "cli/show.h"
#include "lib/arena.h"

_Static_assert(METRIC_COLUMNS_MAX + PARAM_COLUMNS_MAX + 10 <= TABLE_COLUMNS_MAX, "a trial fits a table");

enum { NARROW_PARAMS = 6, NARROW_METRICS = 2, REASON_WIDTH = 60 };

void experiment_columns(struct table *t, const struct rows_style *s)
{
	table_column(t, "NAME");
	if (s->namespaces)
		table_column(t, "NAMESPACE");
	table_column(t, "STATE");
	table_column(t, "ALGORITHM");
	table_column(t, "DONE");
	if (s->wide) {
		table_column(t, "RUNNING");
		table_column(t, "FAILED");
		table_column(t, "OBJECTIVE");
	}
	table_column(t, "BEST");
	if (s->wide) {
		table_column(t, "TRIAL");
		table_column(t, "REASON");
	}
	if (s->archived) {
		table_column(t, "UID");
		table_column(t, "DELETED");
	}
	table_column(t, "AGE");
}

/* "23/60", or "23" without a budget. */
static const char *progress_text(struct arena *a, const cJSON *experiment)
{
	int64_t done = json_int_at(experiment, "/status/progress/finished", 0);
	int64_t total = json_int_at(experiment, "/status/progress/total", 0);

	return total ? arena_printf(a, "%d/%d", (int)done, (int)total) : arena_printf(a, "%d", (int)done);
}

void experiment_row(struct table *t, const struct rows_style *s, const cJSON *experiment)
{
	const cJSON *best = experiment_best(experiment);
	const char *metric = experiment_metric(experiment);

	table_cell(t, experiment_name_of(experiment));
	if (s->namespaces)
		table_cell(t, json_str_at(experiment, "/metadata/namespace"));
	table_cell(t, experiment_state_of(experiment));
	table_cell(t, json_str_at(experiment, "/spec/algorithm/name"));
	table_cell(t, progress_text(t->arena, experiment));
	if (s->wide) {
		table_cell(t, show_exact(t->arena, json_at(experiment, "/status/trialsRunning")));
		table_cell(t, show_exact(t->arena, json_at(experiment, "/status/trialsFailed")));
		table_cell(t, arena_printf(t->arena, "%s:%s", experiment_direction(experiment), metric));
	}
	table_cell(t, show_value(t->arena, json_get(json_get(best, "values"), metric)));
	if (s->wide) {
		table_cell(t, show_exact(t->arena, json_get(best, "number")));
		table_cell(t, json_str_at(experiment, "/status/reason"));
	}
	if (s->archived) {
		table_cell(t, json_str_at(experiment, "/metadata/uid"));
		table_cell(t, show_age(t->arena, json_str_at(experiment, "/metadata/archivedAt")));
	}
	table_cell(t, show_age(t->arena, json_str_at(experiment, "/metadata/createdAt")));
}

void trial_columns_of(struct trial_columns *columns, const cJSON *experiment, bool wide)
{
	size_t metrics = wide ? METRIC_COLUMNS_MAX : NARROW_METRICS,
		   params = wide ? PARAM_COLUMNS_MAX : NARROW_PARAMS;

	*columns = (struct trial_columns){.granted = wide && json_at(experiment, "/spec/fidelity")};
	json_each(objective, json_at(experiment, "/spec/objectives"))
		if (columns->n_metrics < metrics)
			columns->metrics[columns->n_metrics++] = json_str(json_get(objective, "metric"));
	json_each(parameter, json_at(experiment, "/spec/parameters"))
		if (columns->n_params < params)
			columns->params[columns->n_params++] = parameter->string;
}

void trial_head(struct table *t, const struct rows_style *s, const struct trial_columns *columns)
{
	table_column(t, "NAME");
	table_column(t, "TRIAL");
	table_column(t, "STATE");
	table_column(t, "RANK");
	table_column(t, "STEP");
	for (size_t i = 0; i < columns->n_metrics; i++)
		table_column(t, columns->metrics[i]);
	for (size_t i = 0; i < columns->n_params; i++)
		table_column(t, columns->params[i]);
	if (columns->granted) {
		table_column(t, "GRANTED");
		table_column(t, "PARENT");
	}
	if (s->wide)
		table_column(t, "ATTEMPT");
	table_column(t, "REASON");
	table_column(t, "TIME");
	table_column(t, "AGE");
}

void trial_row(
	struct table *t, const struct rows_style *s, const struct trial_columns *columns, const cJSON *trial)
{
	const char *reason = json_str(json_get(trial, "reason"));
	bool dull = reason && strcmp(reason, "Completed") == 0;

	table_cell(t, json_str(json_get(trial, "name")));
	table_cell(t, show_exact(t->arena, json_get(trial, "number")));
	table_cell(t, json_str(json_get(trial, "state")));
	table_cell(t, show_exact(t->arena, json_get(trial, "rank")));
	table_cell(t, show_exact(t->arena, json_get(trial, "lastStep")));
	for (size_t i = 0; i < columns->n_metrics; i++)
		table_cell(t, show_value(t->arena, json_get(json_get(trial, "values"), columns->metrics[i])));
	for (size_t i = 0; i < columns->n_params; i++)
		table_cell(t, show_value(t->arena, json_get(json_get(trial, "parameters"), columns->params[i])));
	if (columns->granted) {
		table_cell(t, show_value(t->arena, json_get(json_get(trial, "budget"), "resource")));
		table_cell(t, show_exact(t->arena, json_get(json_get(trial, "budget"), "parent")));
	}
	if (s->wide)
		table_cell(t, show_exact(t->arena, json_get(trial, "attempt")));
	table_cell(t, dull && !s->wide ? NULL : reason);
	table_cell(t,
		show_took(t->arena, json_str(json_get(trial, "startedAt")), json_str(json_get(trial, "finishedAt"))));
	table_cell(t, show_age(t->arena, json_str(json_get(trial, "createdAt"))));
}

void event_columns(struct table *t)
{
	table_column(t, "AGE");
	table_column(t, "TYPE");
	table_column(t, "REASON");
	table_column(t, "TRIAL");
	table_column(t, "MESSAGE");
}

void event_row(struct table *t, const cJSON *event)
{
	table_cell(t, show_age(t->arena, json_str(json_get(event, "time"))));
	table_cell(t, json_str(json_get(event, "type")));
	table_cell(t, json_str(json_get(event, "reason")));
	table_cell(t, show_exact(t->arena, json_get(event, "trial")));
	table_cell(t, json_str(json_get(event, "message")));
}
