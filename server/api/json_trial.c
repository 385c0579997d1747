/* A trial as JSON and as CSV. */
#include "server/api/json_trial.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/attr.h"
#include "lib/clk.h"
#include "lib/json.h"
#include "lib/json_decode.h"
#include "lib/json_write.h"
#include "lib/num.h"
#include "server/api/schema.h"
#include "server/store/store_trial.h"

static const char *const source_names[] = {"algorithm", "user", "import", NULL};
_Static_assert(ARRAY_LEN(source_names) == STORE_SOURCES + 1, "a name for every source");

/* The strings of a JSON array that the store wrote. */
static const char *const *names_of(struct arena *a, const char *text, size_t *n)
{
	const cJSON *array = text ? json_parse(text, strlen(text), 0, a, NULL) : NULL;
	size_t count = 0;

	json_each(item, array)
		count++;
	const char **names = ARENA_NEW_N(a, const char *, count + 1);
	*n = 0;
	json_each(item, array)
		names[(*n)++] = json_str(item);
	return names;
}

struct trial_place trial_place(struct arena *a, const char *ns, const char *experiment,
	const struct store_trials *rows)
{
	struct trial_place place = {.ns = ns, .experiment = experiment};

	place.metrics = names_of(a, rows->metrics, &place.n_metrics);
	place.parameters = names_of(a, rows->parameters, &place.n_parameters);
	return place;
}

/* Is objective i known? *v is its value, which need not be finite. */
static bool value_at(const struct store_trial *t, size_t i, double *v)
{
	if (!t->vals.v || i >= t->vals.n || (t->vals.null && t->vals.null[i]))
		return false;
	*v = t->vals.v[i];
	return true;
}

static bool has_values(const struct store_trial *t, size_t n_metrics)
{
	double v;

	for (size_t i = 0; i < n_metrics; i++)
		if (value_at(t, i, &v))
			return true;
	return t->extra && strcmp(t->extra, "{}") != 0;
}

void trial_values_json(struct json_writer *w, const char *key, struct arena *a, const struct store_trial *t,
	const struct trial_place *place)
{
	double v;

	if (!has_values(t, place->n_metrics))
		return;
	jw_object(w, key);
	for (size_t i = 0; i < place->n_metrics; i++)
		if (value_at(t, i, &v))
			jw_num(w, place->metrics[i], v);
	if (t->extra)
		json_each(item, json_parse(t->extra, strlen(t->extra), 0, a, NULL))
			jw_value(w, item->string, item);
	jw_end(w);
}

static bool feasible(const struct store_trial *t)
{
	for (size_t i = 0; i < t->violations.n; i++)
		if (!(store_double(&t->violations, i) <= 0))
			return false;
	return true;
}

static void links(struct json_writer *w, struct arena *a, const struct store_trial *t,
	const struct trial_place *place)
{
	const char *self = arena_printf(a, "/api/v1/namespaces/%s/experiments/%s/trials/%d", place->ns,
		place->experiment, t->number);

	jw_object(w, "links");
	jw_str(w, "self", self);
	jw_str(w, "metrics", arena_printf(a, "%s/metrics", self));
	if (t->worker)
		jw_str(w, "tell", arena_printf(a, "%s:tell", self));
	else
		jw_str(w, "logs", arena_printf(a, "%s/logs", self));
	jw_end(w);
}

void trial_json(struct json_writer *w, const char *key, struct arena *a, const struct store_trial *t,
	const struct trial_place *place)
{
	assert((unsigned)t->source < STORE_SOURCES);
	jw_object(w, key);
	jw_str(w, "name", t->name);
	jw_int(w, "number", t->number);
	jw_int(w, "attempt", t->attempt);
	jw_str(w, "state", trial_state_name(t->state));
	jw_str(w, "reason", t->reason);
	jw_str(w, "message", t->message);
	if (t->stop && !trial_state_over(t->state))
		jw_str(w, "stopRequested", t->stop);
	jw_raw(w, "parameters", t->params);
	trial_values_json(w, "values", a, t, place);
	if (t->violations.n > 0)
		jw_bool(w, "feasible", feasible(t));
	if (t->rank > 0)
		jw_int(w, "rank", t->rank);
	if (t->last_step >= 0)
		jw_int(w, "lastStep", t->last_step);
	if (t->budget)
		jw_raw(w, "budget", t->budget);
	jw_str(w, "source", source_names[t->source]);
	jw_str(w, "workerId", t->worker);
	if (t->lease_until_us && !trial_state_over(t->state))
		jw_time(w, "leaseExpiresAt", t->lease_until_us);
	jw_str(w, "executor", t->executor);
	if (t->object)
		jw_raw(w, "object", t->object);
	if (t->exit_code != STORE_NO_INT)
		jw_int(w, "exitCode", t->exit_code);
	jw_int(w, "version", t->change);
	jw_time(w, "createdAt", t->created_us);
	jw_time(w, "startedAt", t->started_us);
	jw_time(w, "finishedAt", t->finished_us);
	links(w, a, t, place);
	jw_end(w);
}

/* ---- CSV ----------------------------------------------------------------------------------------- */

static void csv_cell(struct strbuf *out, const char *s)
{
	if (out->len && out->data[out->len - 1] != '\n')
		strbuf_putc(out, ',');
	if (!s)
		return;
	if (!s[strcspn(s, ",\"\r\n")]) {
		strbuf_puts(out, s);
		return;
	}
	strbuf_putc(out, '"');
	for (; *s; s++) {
		if (*s == '"')
			strbuf_putc(out, '"');
		strbuf_putc(out, *s);
	}
	strbuf_putc(out, '"');
}

static void csv_int(struct strbuf *out, int64_t v)
{
	char text[NUM_MAX];

	num_format_i64(text, v);
	csv_cell(out, text);
}

static void csv_num(struct strbuf *out, double v)
{
	char text[NUM_MAX];

	num_format(text, v);
	csv_cell(out, text);
}

static void csv_time(struct strbuf *out, int64_t us)
{
	char text[CLK_TIME_MAX];

	if (us)
		clk_format_time(text, us);
	csv_cell(out, us ? text : NULL);
}

static void csv_json(struct strbuf *out, const cJSON *v)
{
	struct strbuf text;
	struct json_writer w;

	if (!v || json_str(v))
		return csv_cell(out, json_str(v));
	strbuf_init(&text, 256);
	jw_init(&w, &text);
	jw_value(&w, NULL, v);
	csv_cell(out, text.data);
	strbuf_free(&text);
}

void trial_csv_head(struct strbuf *out, const struct trial_place *place)
{
	static const char *const first[] = {"number", "name", "attempt", "state", "reason", "rank"};
	static const char *const last[] = {"createdAt", "startedAt", "finishedAt"};

	for (size_t i = 0; i < ARRAY_LEN(first); i++)
		csv_cell(out, first[i]);
	for (size_t i = 0; i < place->n_parameters; i++)
		csv_cell(out, place->parameters[i]);
	for (size_t i = 0; i < place->n_metrics; i++)
		csv_cell(out, place->metrics[i]);
	for (size_t i = 0; i < ARRAY_LEN(last); i++)
		csv_cell(out, last[i]);
	strbuf_puts(out, "\r\n");
}

void trial_csv_row(struct strbuf *out, struct arena *a, const struct store_trial *t, const struct trial_place *place)
{
	const cJSON *params = json_parse(t->params, strlen(t->params), 0, a, NULL);
	double v;

	csv_int(out, t->number);
	csv_cell(out, t->name);
	csv_int(out, t->attempt);
	csv_cell(out, trial_state_name(t->state));
	csv_cell(out, t->reason);
	if (t->rank > 0)
		csv_int(out, t->rank);
	else
		csv_cell(out, NULL);
	for (size_t i = 0; i < place->n_parameters; i++)
		csv_json(out, params ? json_get(params, place->parameters[i]) : NULL);
	for (size_t i = 0; i < place->n_metrics; i++)
		if (value_at(t, i, &v))
			csv_num(out, v);
		else
			csv_cell(out, NULL);
	csv_time(out, t->created_us);
	csv_time(out, t->started_us);
	csv_time(out, t->finished_us);
	strbuf_puts(out, "\r\n");
}

const struct json_field trial_schema[] = {
	OUT("name", OUT_STRING, "<experiment>-<8 characters>"),
	OUT("number", OUT_INTEGER, "counts from 1 within the experiment"),
	OUT("attempt", OUT_INTEGER, "1 = the first; retries count up"),
	OUT("state", OUT_STRING, "see the list of states"),
	OUT("reason", OUT_STRING, "one word"),
	OUT("message", OUT_STRING, "a sentence"),
	OUT_MAY("stopRequested", OUT_STRING, "why it was asked to stop, while it still runs"),
	OUT("parameters", OUT_OBJECT, "typed values; inactive parameters are absent"),
	OUT_MAY("values", OUT_OBJECT, "objectives and every other metric, by strategy; absent until there is one"),
	OUT_MAY("feasible", OUT_BOOLEAN, "it keeps every constraint; absent without constraints, and while it runs"),
	OUT_MAY("rank", OUT_INTEGER, "1 = best by the first objective; absent while not ranked, and of infeasible ones"),
	OUT_MAY("lastStep", OUT_INTEGER, "of the first objective"),
	OUT_MAY("budget", OUT_OBJECT,
		"what the search grants it: steps, resource, bracket, rung, and parent, the trial that it continues"),
	OUT("source", OUT_STRING, "algorithm, user or import"),
	OUT("workerId", OUT_STRING_OR_NULL, "ask/tell: who works on it"),
	OUT_MAY("leaseExpiresAt", OUT_TIME, "ask/tell: silent for longer = lost"),
	OUT("executor", OUT_STRING_OR_NULL, "local, kubernetes, simulated or worker"),
	OUT_MAY("object", OUT_OBJECT, "the process or Kubernetes object that runs it"),
	OUT_MAY("exitCode", OUT_INTEGER, "of its program"),
	OUT("version", OUT_INTEGER, "grows with each change: ?after= of the list"),
	OUT("createdAt", OUT_TIME, "when it was chosen"),
	OUT("startedAt", OUT_TIME, "when its program started"),
	OUT("finishedAt", OUT_TIME, "when it ended"),
	OUT("links", OUT_OBJECT, "self, metrics, logs or tell"),
	JF_END,
};
