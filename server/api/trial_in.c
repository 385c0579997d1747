/* What a client says about a trial. */
#include "server/api/trial_in.h"

#include <assert.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/json_write.h"
#include "server/model/metrics_in.h"
#include "server/model/observe.h"

enum { VALUES_MAX = 1 << 20 };

enum trial_state ended_state(const char *name, const char **reason)
{
	enum trial_state state = TRIAL_FAILED;

	if (strcmp(name, "infeasible") == 0) {
		*reason = "Infeasible";
		return TRIAL_FAILED;
	}
	bool known = trial_state_parse(name, &state);
	assert(known && trial_state_over(state));
	(void)known;
	return state;
}

static bool value_ok(const cJSON *item, const char *at, struct problems *p)
{
	double number;

	if (!metric_name_valid(item->string, strlen(item->string)))
		return problem_add(p, at, "bad-metric-name", "metric names are 1 to %d of A-Z a-z 0-9 _ . / -",
			METRIC_NAME_MAX);
	if (!json_num_lax(item, &number))
		return problem_add(p, at, "not-a-number", "a number, or \"NaN\", \"Infinity\", \"-Infinity\" is needed");
	return true;
}

const char *values_text(const cJSON *values, const char *pointer, struct arena *a, struct problems *p)
{
	struct strbuf text;
	struct json_writer w;
	size_t before = p->total, n = 0;
	double number = 0;

	if (!values)
		return NULL;
	if (!json_is_object(values)) {
		problem_add(p, pointer, "not-an-object", "an object of metric names and numbers is needed");
		return NULL;
	}
	strbuf_init(&text, VALUES_MAX);
	jw_init(&w, &text);
	jw_object(&w, NULL);
	json_each(item, values) {
		if (value_ok(item, problem_path(p, pointer, item->string), p) && json_num_lax(item, &number))
			jw_num(&w, item->string, number);
		n++;
	}
	jw_end(&w);
	if (n > METRICS_POINTS_MAX)
		problem_add(p, pointer, "too-many", "%zu values, %d are allowed", n, METRICS_POINTS_MAX);
	const char *out = p->total == before && !text.failed ? arena_strndup(a, text.data, text.len) : NULL;
	strbuf_free(&text);
	return out;
}
