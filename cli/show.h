/* Values of the API as people read them: ages, parameters, values, progress. All text is in the arena. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "lib/json.h"

struct arena;
struct strbuf;

/* "47s", "5m", "3h", "2d" since an RFC 3339 time; "" for NULL. */
const char *show_age(struct arena *a, const char *time);
/* "00:41:07" between two times; `to` NULL is now; "" without `from`. */
const char *show_took(struct arena *a, const char *from, const char *to);
const char *show_clock(struct arena *a, int64_t seconds);          /* "02:11", "01:06:00" */
/* A number in four significant digits, a string as it is, anything else as JSON; "" for NULL. */
const char *show_value(struct arena *a, const cJSON *v);
/* The same with every digit. */
const char *show_exact(struct arena *a, const cJSON *v);
/* "lr=0.00213 layers=3" of {"lr": ..., "layers": 3} */
const char *show_params(struct arena *a, const cJSON *params);
/* "30s" of a message's first sentence is too short for a table: at most n characters with an ellipsis. */
const char *show_short(struct arena *a, const char *text, size_t n);

/* Shortcuts into the documents of the API; "" or NULL where there is none. */
const char *experiment_name_of(const cJSON *experiment);
const char *experiment_state_of(const cJSON *experiment);
const char *experiment_metric(const cJSON *experiment);            /* of the first objective */
const char *experiment_direction(const cJSON *experiment);
bool experiment_over(const cJSON *experiment);
const cJSON *experiment_best(const cJSON *experiment);             /* status.currentOptimalTrial */
int64_t json_int_at(const cJSON *root, const char *pointer, int64_t otherwise);
const char *json_str_at(const cJSON *root, const char *pointer);   /* or NULL */
bool trial_over(const cJSON *trial);
/* "stopped 31 of 60 trials early, saved 58 % of the training time"; NULL where nothing was stopped. */
const char *experiment_saved(struct arena *a, const cJSON *experiment);
