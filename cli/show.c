#include "cli/show.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "cli/table.h"
#include "lib/arena.h"
#include "lib/clk.h"
#include "lib/json_write.h"
#include "lib/num.h"
#include "lib/strbuf.h"

enum { SHOW_MAX = 64 * 1024 };

const char *show_age(struct arena *a, const char *time)
{
	int64_t then_us, s;

	if (!time || !clk_parse_time(time, &then_us))
		return "";
	s = (clk_wall_us() - then_us) / CLK_SECOND;
	s = s < 0 ? 0 : s;
	if (s < 120)
		return arena_printf(a, "%ds", (int)s);
	if (s < 120 * 60)
		return arena_printf(a, "%dm", (int)(s / 60));
	if (s < 48 * 3600)
		return arena_printf(a, "%dh", (int)(s / 3600));
	return arena_printf(a, "%dd", (int)(s / 86400));
}

const char *show_clock(struct arena *a, int64_t seconds)
{
	int h = (int)(seconds / 3600), m = (int)(seconds / 60 % 60), s = (int)(seconds % 60);

	return h ? arena_printf(a, "%02d:%02d:%02d", h, m, s) : arena_printf(a, "%02d:%02d", m, s);
}

const char *show_took(struct arena *a, const char *from, const char *to)
{
	int64_t from_us, to_us = clk_wall_us();

	if (!from || !clk_parse_time(from, &from_us) || (to && !clk_parse_time(to, &to_us)))
		return "";
	return show_clock(a, to_us > from_us ? (to_us - from_us) / CLK_SECOND : 0);
}

static const char *as_json(struct arena *a, const cJSON *v)
{
	struct strbuf b;
	struct json_writer w;
	const char *text;

	strbuf_init(&b, SHOW_MAX);
	jw_init(&w, &b);
	jw_value(&w, NULL, v);
	text = arena_strdup(a, b.data);
	strbuf_free(&b);
	return text;
}

const char *show_exact(struct arena *a, const cJSON *v)
{
	if (!v || json_is_null(v))
		return "";
	return json_str(v) ? json_str(v) : as_json(a, v);
}

const char *show_value(struct arena *a, const cJSON *v)
{
	double x;

	if (!v || !json_num(v, &x) || x == floor(x))
		return show_exact(a, v);
	return arena_printf(a, "%.4g", x);
}

const char *show_params(struct arena *a, const cJSON *params)
{
	const char *text = "";

	json_each(item, params)
		text = arena_printf(a, "%s%s%s=%s", text, *text ? " " : "", item->string, show_value(a, item));
	return text;
}

const char *show_short(struct arena *a, const char *text, size_t n)
{
	const char *end = text;

	if (!text || text_width(text) <= n)
		return text;
	for (size_t i = 0; i + 3 < n; i++)
		do
			end++;
		while (((unsigned char)*end & 0xc0) == 0x80);
	return arena_printf(a, "%.*s...", (int)(end - text), text);
}

const char *json_str_at(const cJSON *root, const char *pointer)
{
	return json_str(json_at(root, pointer));
}

int64_t json_int_at(const cJSON *root, const char *pointer, int64_t otherwise)
{
	int64_t v;

	return json_int(json_at(root, pointer), &v) ? v : otherwise;
}

const char *experiment_name_of(const cJSON *experiment)
{
	const char *name = json_str_at(experiment, "/metadata/name");

	return name ? name : "";
}

const char *experiment_state_of(const cJSON *experiment)
{
	const char *state = json_str_at(experiment, "/status/state");

	return state ? state : "";
}

const char *experiment_metric(const cJSON *experiment)
{
	const char *metric = json_str_at(experiment, "/spec/objectives/0/metric");

	return metric ? metric : "";
}

const char *experiment_direction(const cJSON *experiment)
{
	const char *direction = json_str_at(experiment, "/spec/objectives/0/direction");

	return direction ? direction : "minimize";
}

bool experiment_over(const cJSON *experiment)
{
	const char *state = experiment_state_of(experiment);

	return strcmp(state, "succeeded") == 0 || strcmp(state, "failed") == 0 || strcmp(state, "stopped") == 0;
}

const cJSON *experiment_best(const cJSON *experiment)
{
	return json_at(experiment, "/status/currentOptimalTrial");
}

bool trial_over(const cJSON *trial)
{
	const char *state = json_str(json_get(trial, "state"));

	return state && strcmp(state, "pending") != 0 && strcmp(state, "starting") != 0 &&
	       strcmp(state, "running") != 0;
}

/* Configurations, where one may be several trials. Time is said where reports tell it. */
const char *experiment_saved(struct arena *a, const cJSON *experiment)
{
	const cJSON *saved = json_at(experiment, "/status/saved");
	const int64_t n = json_int_at(saved, "/configurations", 0), stopped = json_int_at(saved, "/stopped", 0);
	const int64_t trials = json_int_at(experiment, "/status/trialsSucceeded", 0) +
	                       json_int_at(experiment, "/status/trialsEarlyStopped", 0);
	double share;
	const bool timed = json_num(json_get(saved, "timeFraction"), &share);

	if (stopped == 0 || (!timed && !json_num(json_get(saved, "fraction"), &share)))
		return NULL;
	return arena_printf(a, "stopped %d of %d %s early, %s %.0f %% of the %s", (int)stopped, (int)n,
		n == trials ? "trials" : "configurations", share < 0 ? "lost" : "saved", 100 * fabs(share),
		timed ? "training time" : "training steps");
}
