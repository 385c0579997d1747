/* An experiment as JSON. */
#include "server/api/json_experiment.h"

#include <assert.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/clk.h"
#include "lib/json.h"
#include "lib/json_write.h"
#include "lib/num.h"
#include "server/api/json_trial.h"
#include "server/api/schema.h"
#include "server/store/store_experiment.h"
#include "server/model/spec.h"
#include "server/store/store_trial.h"

/* What the status needs to know of the spec. */
struct facts {
	const cJSON *objectives;
	double max_trials;              /* 0 = unlimited */
};

static struct facts facts_of(struct arena *a, const struct store_experiment *x)
{
	const char *text = x->spec ? x->spec : x->brief;
	const cJSON *spec = text ? json_parse(text, strlen(text), 0, a, NULL) : NULL;
	struct facts f = {.objectives = spec ? json_get(spec, "objectives") : NULL};
	const cJSON *budget = spec ? json_get(spec, "budget") : NULL;

	if (!budget || !json_num(json_get(budget, "maxTrials"), &f.max_trials))
		f.max_trials = 0;
	return f;
}

/* ---- conditions ------------------------------------------------------------------------------------ */

static void condition(struct json_writer *w, const char *type, bool is, const char *reason,
	const char *message, int64_t time_us)
{
	jw_object(w, NULL);
	jw_str(w, "type", type);
	jw_str(w, "status", is ? "True" : "False");
	jw_str(w, "reason", reason);
	jw_str(w, "message", message);
	jw_time(w, "lastUpdateTime", time_us);
	jw_time(w, "lastTransitionTime", time_us);
	jw_end(w);
}

/* Clients read the last entry: it is the present one. */
static void conditions(struct json_writer *w, const struct store_experiment *x)
{
	static const char *const last[EXPERIMENT_STATES] = {
		[EXPERIMENT_RUNNING] = NULL,
		[EXPERIMENT_STOPPING] = NULL,
		[EXPERIMENT_PAUSED] = "Paused",
		[EXPERIMENT_SUCCEEDED] = "Succeeded",
		[EXPERIMENT_FAILED] = "Failed",
		[EXPERIMENT_STOPPED] = "Stopped",
	};
	const char *now = last[x->state];
	int64_t started_us = x->started_us ? x->started_us : x->created_us;
	bool restarted = x->reason && strcmp(x->reason, "Restarted") == 0;

	jw_array(w, "conditions");
	condition(w, "Created", true, "ExperimentCreated", "The experiment was created", x->created_us);
	if (restarted)
		condition(w, "Restarting", now != NULL, x->reason, x->message, started_us);
	condition(w, "Running", now == NULL, now ? "ExperimentRunning" : x->reason, now ? "" : x->message, started_us);
	if (now)
		condition(w, now, true, x->reason, x->message, x->finished_us ? x->finished_us : started_us);
	jw_end(w);
}

/* ---- counts and progress --------------------------------------------------------------------------- */

static int64_t finished(const struct store_experiment *x)
{
	int64_t n = 0;

	for (int s = 0; s < TRIAL_STATES; s++)
		if (trial_state_over((enum trial_state)s))
			n += x->counts[s];
	return n;
}

static void counts(struct json_writer *w, const struct store_experiment *x)
{
	/* Katib's names, its slip in one of them included. */
	static const char *const names[TRIAL_STATES] = {
		[TRIAL_PENDING] = "trialsPending",
		[TRIAL_STARTING] = "trialsStarting",
		[TRIAL_RUNNING] = "trialsRunning",
		[TRIAL_SUCCEEDED] = "trialsSucceeded",
		[TRIAL_FAILED] = "trialsFailed",
		[TRIAL_EARLY_STOPPED] = "trialsEarlyStopped",
		[TRIAL_KILLED] = "trialsKilled",
		[TRIAL_UNAVAILABLE] = "trialMetricsUnavailable",
		[TRIAL_LOST] = "trialsLost",
	};
	int64_t all = 0;

	for (int s = 0; s < TRIAL_STATES; s++)
		all += x->counts[s];
	jw_int(w, "trials", all);
	for (int s = 0; s < TRIAL_STATES; s++)
		jw_int(w, names[s], x->counts[s]);
}

static void progress(struct json_writer *w, const struct store_experiment *x, const struct facts *f)
{
	int64_t done = finished(x), total = (int64_t)f->max_trials;

	jw_object(w, "progress");
	jw_int(w, "finished", done);
	if (total)
		jw_int(w, "total", total);
	else
		jw_null(w, "total");
	if (x->state == EXPERIMENT_RUNNING && x->started_us && done > 0 && total > done) {
		double elapsed_us = (double)(clk_wall_us() - x->started_us);
		jw_int(w, "etaSeconds", (int64_t)(elapsed_us / (double)done * (double)(total - done) / 1e6));
	} else {
		jw_null(w, "etaSeconds");
	}
	jw_end(w);
}

/* ---- the best trial -------------------------------------------------------------------------------- */

static void assignments(struct json_writer *w, struct arena *a, const char *params)
{
	jw_array(w, "parameterAssignments");
	json_each(item, params ? json_parse(params, strlen(params), 0, a, NULL) : NULL) {
		struct strbuf text;
		struct json_writer value;

		strbuf_init(&text, 1 << 16);
		if (!json_str(item)) {
			jw_init(&value, &text);
			jw_value(&value, NULL, item);
		}
		jw_object(w, NULL);
		jw_str(w, "name", item->string);
		jw_str(w, "value", json_str(item) ? json_str(item) : text.data);
		jw_end(w);
		strbuf_free(&text);
	}
	jw_end(w);
}

static void observation(struct json_writer *w, const struct store_experiment *x, const struct facts *f)
{
	size_t i = 0;

	jw_object(w, "observation");
	jw_array(w, "metrics");
	json_each(objective, f->objectives) {
		if (i < x->best_vals.n && !(x->best_vals.null && x->best_vals.null[i])) {
			const char *strategy = json_str(json_get(objective, "strategy"));
			char text[NUM_MAX];

			num_format(text, x->best_vals.v[i]);
			jw_object(w, NULL);
			jw_str(w, "name", json_str(json_get(objective, "metric")));
			jw_str(w, strategy ? strategy : "latest", text);
			jw_end(w);
		}
		i++;
	}
	jw_end(w);
	jw_end(w);
}

static size_t metric_names(const struct facts *f, const char **out, size_t max)
{
	size_t n = 0;

	json_each(objective, f->objectives)
		if (n < max)
			out[n++] = json_str(json_get(objective, "metric"));
	return n;
}

static void best(struct json_writer *w, struct arena *a, const struct store_experiment *x, const struct facts *f)
{
	const char *metrics[SPEC_OBJECTIVES_MAX];
	const struct store_trial t = {.vals = x->best_vals, .extra = x->best_extra};

	if (!x->best_number)
		return;
	jw_object(w, "currentOptimalTrial");
	jw_str(w, "bestTrialName", x->best_name);
	jw_int(w, "number", x->best_number);
	jw_raw(w, "parameters", x->best_params);
	trial_values_json(w, "values", a, &t,
		&(struct trial_place){.metrics = metrics, .n_metrics = metric_names(f, metrics, SPEC_OBJECTIVES_MAX)});
	jw_time(w, "finishedAt", x->best_finished_us);
	assignments(w, a, x->best_params);
	observation(w, x, f);
	jw_end(w);
}

/* ---- the document ---------------------------------------------------------------------------------- */

static void status(struct json_writer *w, struct arena *a, const struct store_experiment *x)
{
	struct facts f = facts_of(a, x);

	jw_object(w, "status");
	jw_str(w, "state", experiment_state_name(x->state));
	jw_str(w, "reason", x->reason);
	jw_str(w, "message", x->message);
	jw_time(w, "startTime", x->started_us);
	jw_time(w, "completionTime", x->finished_us);
	conditions(w, x);
	counts(w, x);
	progress(w, x, &f);
	best(w, a, x, &f);
	if (x->saved)
		jw_raw(w, "saved", x->saved);
	jw_int(w, "trialsVersion", x->change);
	jw_end(w);
}

static void metadata(struct json_writer *w, const struct store_experiment *x)
{
	char version[NUM_MAX];

	num_format_i64(version, x->version);
	jw_object(w, "metadata");
	jw_str(w, "name", x->name);
	jw_str(w, "namespace", x->ns);
	jw_str(w, "uid", x->uid);
	if (x->labels)
		jw_raw(w, "labels", x->labels);
	if (x->annotations && strcmp(x->annotations, "{}") != 0)
		jw_raw(w, "annotations", x->annotations);
	jw_str(w, "resourceVersion", version);
	jw_time(w, "createdAt", x->created_us);
	jw_str(w, "createdBy", x->created_by);
	if (x->archived_us)
		jw_time(w, "archivedAt", x->archived_us);
	jw_end(w);
}

/* Keys that sign web hooks are for the server's eyes: whoever may read the document need not know them. */
static void masked(struct json_writer *w, const char *key, const cJSON *v)
{
	const bool object = json_is_object(v);

	if (!object && !json_is_array(v)) {
		jw_value(w, key, v);
		return;
	}
	object ? jw_object(w, key) : jw_array(w, key);
	json_each(item, v) {
		if (object && strcmp(item->string, "secret") == 0)
			jw_str(w, item->string, "***");
		else
			masked(w, object ? item->string : NULL, item);
	}
	jw_end(w);
}

static void write_spec(struct json_writer *w, struct arena *a, const char *spec)
{
	struct err ignored;
	const cJSON *tree, *notify;

	if (!spec || !strstr(spec, "\"secret\"") || !(tree = json_parse(spec, strlen(spec), 0, a, &ignored))) {
		jw_raw(w, "spec", spec);
		return;
	}
	notify = json_get(tree, "notify");
	jw_object(w, "spec");
	json_each(item, tree) {
		if (item == notify)
			masked(w, item->string, item);
		else
			jw_value(w, item->string, item);
	}
	jw_end(w);
}

void experiment_json(struct json_writer *w, const char *key, struct arena *a, const struct store_experiment *x)
{
	assert((unsigned)x->state < EXPERIMENT_STATES);
	jw_object(w, key);
	jw_str(w, "apiVersion", "trimtab/v1");
	jw_str(w, "kind", "Experiment");
	metadata(w, x);
	write_spec(w, a, x->spec ? x->spec : x->brief);
	status(w, a, x);
	jw_end(w);
}

const struct json_field experiment_schema[] = {
	OUT("apiVersion", OUT_STRING, "trimtab/v1"),
	OUT("kind", OUT_STRING, "Experiment"),
	OUT("metadata", OUT_OBJECT,
		"name, namespace, uid, labels, annotations, resourceVersion, createdAt, createdBy, archivedAt"),
	OUT("spec", OUT_OBJECT, "with every default filled in; lists show objectives, algorithm and budget only"),
	OUT_MAY("status", OUT_REF("ExperimentStatus"), "what became of it"),
	JF_END,
};

const struct json_field status_schema[] = {
	OUT("state", OUT_STRING, "running, paused, stopping, succeeded, failed or stopped"),
	OUT("reason", OUT_STRING, "one word"),
	OUT("message", OUT_STRING, "a sentence that says what to do next"),
	OUT("startTime", OUT_TIME, "when the search began"),
	OUT("completionTime", OUT_TIME, "when it ended"),
	OUT("conditions", OUT_ARRAY, "as Katib writes them; the last one is the present one"),
	OUT("trials", OUT_INTEGER, "trials in all"),
	OUT("trialsPending", OUT_INTEGER, "in this state"),
	OUT("trialsStarting", OUT_INTEGER, "in this state"),
	OUT("trialsRunning", OUT_INTEGER, "in this state"),
	OUT("trialsSucceeded", OUT_INTEGER, "in this state"),
	OUT("trialsFailed", OUT_INTEGER, "in this state"),
	OUT("trialsEarlyStopped", OUT_INTEGER, "in this state"),
	OUT("trialsKilled", OUT_INTEGER, "in this state"),
	OUT("trialMetricsUnavailable", OUT_INTEGER, "in this state"),
	OUT("trialsLost", OUT_INTEGER, "in this state"),
	OUT("progress", OUT_OBJECT, "finished, total (null = unlimited), etaSeconds (null = unknown)"),
	OUT_MAY("currentOptimalTrial", OUT_OBJECT, "the best trial so far, in our form and in Katib's"),
	OUT_MAY("saved", OUT_REF("Savings"),
		"what early stopping or short trials saved; of one experiment, while it runs up to 2,000 trials"),
	OUT("trialsVersion", OUT_INTEGER, "of the newest change of any trial"),
	JF_END,
};
