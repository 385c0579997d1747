/* What is optimised, by which algorithm and for how long: objectives, algorithm, budget, first trials. */
#include <math.h>
#include <string.h>

#include "algorithms/registry.h"
#include "lib/arena.h"
#include "lib/num.h"
#include "server/model/build.h"
#include "server/model/observe.h"
#include "server/model/params.h"

#define OBJECTIVES "/spec/objectives"
#define ALGORITHM "/spec/algorithm"
#define EARLY_STOPPING "/spec/earlyStopping"
#define INITIAL_TRIALS "/spec/initialTrials"

/* ---- objectives -------------------------------------------------------------------------------- */

static void check_metric(struct build *b, const struct doc_objective *all, size_t i)
{
	const char *pointer = problem_path(b->p, problem_index(b->p, OBJECTIVES, i), "metric");
	const char *metric = all[i].metric;
	if (metric == NULL || !build_clean(b, pointer))
		return;
	if (!metric_name_valid(metric, strlen(metric)))
		problem_add(b->p, pointer, "bad-name",
			"'%.80s' is not a metric name: letters, digits and _ . / -, at most %d", metric, METRIC_NAME_MAX);
	for (size_t k = 0; k < i; k++) {
		if (all[k].metric != NULL && strcmp(all[k].metric, metric) == 0) {
			problem_add(b->p, pointer, "duplicate-metric", "%s is already objective %zu", metric, k);
			return;
		}
	}
}

static enum strategy choose_strategy(const struct doc_objective *d)
{
	if (d->has_strategy)
		return (enum strategy)d->strategy;
	return d->direction == DIRECTION_MINIMIZE ? STRATEGY_MIN : STRATEGY_MAX;
}

void build_objectives(struct build *b)
{
	const struct json_list *list = &b->d->spec->objectives;
	const struct doc_objective *d = list->items;
	struct objective *out = ARENA_NEW_N(b->a, struct objective, list->n);
	struct algo_objective *compiled = ARENA_NEW_N(b->a, struct algo_objective, list->n);
	for (size_t i = 0; i < list->n; i++) {
		check_metric(b, d, i);
		out[i] = (struct objective){
			.metric = d[i].metric,
			.direction = (enum direction)d[i].direction,
			.strategy = choose_strategy(&d[i]),
			.has_goal = d[i].has_goal,
			.goal = d[i].goal,
		};
		compiled[i].direction = d[i].direction == DIRECTION_MINIMIZE ? ALGO_MINIMIZE : ALGO_MAXIMIZE;
		compiled[i].goal = d[i].has_goal ? d[i].goal : NAN;
	}
	b->s->objectives = out;
	b->s->n_objectives = list->n;
	b->s->problem.objectives = compiled;
	b->s->problem.n_objectives = (uint32_t)list->n;
}

/* ---- algorithm --------------------------------------------------------------------------------- */

/* Where a complaint of the algorithm belongs. */
struct complaint {
	struct build *b;
	const char *pointer; /* of the setting at hand, or NULL */
};

static void report(void *ctx, const char *setting, int param, const char *message)
{
	struct complaint *c = ctx;
	struct problems *p = c->b->p;
	if (c->pointer != NULL)
		problem_add(p, c->pointer, "bad-setting", "%s", message);
	else if (setting != NULL)
		problem_add(p, problem_path(p, ALGORITHM "/settings", setting), "bad-setting", "%s", message);
	else if (param >= 0)
		problem_add(
			p, problem_path(p, "/spec/parameters", c->b->names[param]), "not-for-algorithm", "%s", message);
	else
		problem_add(p, ALGORITHM "/name", "not-for-algorithm", "%s", message);
}

static const struct algorithm *find_algorithm(struct build *b, const char *name)
{
	const struct algorithm *found = algorithm_find(name);
	if (found != NULL)
		return found;
	const char **names = arena_calloc(b->a, n_algorithms + 1, sizeof *names);
	for (size_t i = 0; i < n_algorithms; i++)
		names[i] = algorithms[i]->name;
	problem_unknown(b->p, ALGORITHM "/name", "unknown-algorithm", "an algorithm", name, names);
	return NULL;
}

static void unknown_setting(struct build *b, const struct algorithm *a, const char *name, const char *pointer)
{
	const char **names = arena_calloc(b->a, a->n_settings + 1, sizeof *names);
	for (uint32_t i = 0; i < a->n_settings; i++)
		names[i] = a->settings[i].name;
	problem_unknown(
		b->p, pointer, "unknown-setting", arena_printf(b->a, "a setting of %s", a->name), name, names);
}

static void store_setting(struct build *b, const struct algorithm *a, struct algo_value *values, uint32_t row,
	const cJSON *v, struct complaint *c)
{
	const struct algo_setting *setting = &a->settings[row];
	const char *text = json_str(v);
	double number;
	bool truth;
	if (setting->type == ALGO_PARAM && text != NULL) {
		int parameter = spec_parameter(b->s, text);
		if (parameter < 0)
			problem_unknown(
				b->p, c->pointer, "unknown-parameter", "a parameter of this experiment", text, b->names);
		else
			algo_setting_number(a, values, row, parameter, report, c);
	} else if (text != NULL) {
		algo_setting_text(a, values, row, text, report, c);
	} else if (json_bool(v, &truth)) {
		algo_setting_text(a, values, row, truth ? "true" : "false", report, c);
	} else if (json_num(v, &number) && setting->type != ALGO_PARAM) {
		algo_setting_number(a, values, row, number, report, c);
	} else {
		problem_add(b->p, c->pointer, "wrong-type", "expected %s",
			setting->type == ALGO_PARAM ? "the name of a parameter" : "a number, a word or a boolean");
	}
}

static void build_settings(struct build *b, const struct algorithm *a, const cJSON *settings)
{
	struct algo_value *values = ARENA_NEW_N(b->a, struct algo_value, a->n_settings);
	struct setting *given = ARENA_NEW_N(b->a, struct setting, a->n_settings);
	size_t n = 0;
	algo_settings_init(a, values);
	json_each (v, settings) {
		struct complaint c = {b, problem_path(b->p, ALGORITHM "/settings", v->string)};
		int row = algo_setting_find(a, v->string);
		if (row < 0) {
			unknown_setting(b, a, v->string, c.pointer);
			continue;
		}
		if (values[row].given) {
			problem_add(b->p, c.pointer, "duplicate-setting", "%s is given twice", a->settings[row].name);
			continue;
		}
		store_setting(b, a, values, (uint32_t)row, v, &c);
		if (n < a->n_settings)
			given[n++] = (struct setting){a->settings[row].name, v};
	}
	b->s->algorithm.settings = given;
	b->s->algorithm.n_settings = n;
	b->s->problem.settings = values;
}

/* Katib's documents give the seed as a setting; the document's own goes before it. */
static void take_seed(struct algorithm_spec *out, const struct algo_value *values)
{
	int row = algo_setting_find(out->algorithm, "random_state");
	if (out->has_seed || row < 0 || !values[row].given || isnan(values[row].number))
		return;
	out->has_seed = true;
	out->seed = (int64_t)values[row].number;
}

void build_algorithm(struct build *b)
{
	static const struct doc_algorithm none = {.name = ALGORITHM_DEFAULT};
	const struct doc_algorithm *d = b->d->spec->algorithm != NULL ? b->d->spec->algorithm : &none;
	struct algorithm_spec *out = &b->s->algorithm;
	out->has_seed = d->has_seed;
	out->seed = d->seed;
	if (d->name == NULL || !build_clean(b, ALGORITHM "/name"))
		return;
	if (d->settings != NULL && !json_is_object(d->settings))
		problem_add(b->p, ALGORITHM "/settings", "wrong-type", "expected an object of settings by name");
	const struct algorithm *a = find_algorithm(b, d->name);
	if (a == NULL)
		return;
	out->name = a->name;
	out->algorithm = a;
	build_settings(b, a, json_is_object(d->settings) ? d->settings : NULL);
	take_seed(out, b->s->problem.settings);

	/* The algorithm judges the whole only when its parts are right. */
	struct complaint c = {b, NULL};
	if (b->s->problem.space != NULL && build_clean(b, ALGORITHM) && build_clean(b, OBJECTIVES) &&
		build_clean(b, "/spec/budget"))
		algo_check(a, &b->s->problem, report, &c);
	if (b->s->n_constraints > 0 && !(a->capabilities & ALGO_CONSTRAINTS))
		problem_add(b->warnings, "/spec/constraints", "not-searched-by",
			"%s does not look at constraints: trials that break one are only left out of the ranking", a->name);
}

/* ---- early stopping ---------------------------------------------------------------------------- */

/* The rules that this version knows, NULL-ended. */
static const char *const early_stopping_rules[] = {NULL};

void build_early_stopping(struct build *b)
{
	const struct doc_early_stopping *d = b->d->spec->early_stopping;
	if (d == NULL)
		return;
	if (d->settings != NULL && !json_is_object(d->settings))
		problem_add(b->p, EARLY_STOPPING "/settings", "wrong-type", "expected an object of settings by name");
	if (d->name == NULL)
		return;
	for (size_t i = 0; early_stopping_rules[i] != NULL; i++) {
		if (strcmp(early_stopping_rules[i], d->name) == 0)
			return;
	}
	problem_unknown(b->p, EARLY_STOPPING "/name", "unknown-early-stopping",
		"an early-stopping rule of this version", d->name, early_stopping_rules);
}

/* ---- budget, retry ----------------------------------------------------------------------------- */

static void check_budget(struct build *b, const struct doc_budget *d)
{
	if (d->has_parallel_trials && d->max_trials > 0 && d->parallel_trials > d->max_trials)
		problem_add(b->p, "/spec/budget/parallelTrials", "parallel-above-max",
			"%lld trials at once are more than the %lld of maxTrials", (long long)d->parallel_trials,
			(long long)d->max_trials);
	if (d->has_max_failed_trials && d->max_trials > 0 && d->max_failed_trials > d->max_trials)
		problem_add(b->p, "/spec/budget/maxFailedTrials", "failed-above-max",
			"%lld failed trials are more than the %lld of maxTrials", (long long)d->max_failed_trials,
			(long long)d->max_trials);
}

/* Our own executors need a bound that a laptop can carry; workers bring their own machines, and how
 * many ask is theirs to know. */
static int64_t default_parallel(const struct build *b, int64_t max_trials)
{
	const bool by_workers = build_executor(b) == EXECUTOR_WORKER;
	const int64_t most = by_workers ? MOST_PARALLEL_TRIALS : DEFAULT_PARALLEL_TRIALS;

	return max_trials > 0 && max_trials < most ? max_trials : most;
}

void build_budget(struct build *b)
{
	static const struct doc_budget none = {0};
	const struct doc_budget *d = b->d->spec->budget != NULL ? b->d->spec->budget : &none;
	if (build_clean(b, "/spec/budget"))
		check_budget(b, d);
	struct budget *out = &b->s->budget;
	*out = (struct budget){
		.max_trials = d->max_trials,
		.parallel_trials = d->has_parallel_trials ? d->parallel_trials : default_parallel(b, d->max_trials),
		.max_failed_trials = d->has_max_failed_trials ? d->max_failed_trials : -1,
		.max_duration_us = d->max_duration_us,
	};
	b->s->problem.max_trials = (uint32_t)out->max_trials;
	b->s->problem.parallel = (uint32_t)out->parallel_trials;

	const struct doc_retry *retry = b->d->spec->retry;
	b->s->retry = (struct retry_policy){.on_lost = DEFAULT_ON_LOST};
	if (retry != NULL)
		b->s->retry = (struct retry_policy){retry->on_lost, retry->on_failed};

	bool goal = b->s->n_objectives > 0 && b->s->objectives[0].has_goal;
	bool stops = b->d->spec->stop_when != NULL;
	if (out->max_trials == 0 && out->max_duration_us == 0 && !goal && !stops)
		problem_add(b->warnings, "/spec/budget", "unlimited",
			"without maxTrials, maxDuration, a goal or stopWhen it goes on until it is stopped or the space is used "
			"up");
}

/* ---- first trials ------------------------------------------------------------------------------ */

void build_initial_trials(struct build *b)
{
	const struct json_list *list = &b->d->spec->initial_trials;
	const struct doc_initial_trial *d = list->items;
	if (b->s->problem.space == NULL)
		return;
	double *rows = arena_calloc(b->a, list->n * b->s->n_parameters, sizeof *rows);
	const double **out = arena_calloc(b->a, list->n, sizeof *out);
	for (size_t i = 0; i < list->n; i++) {
		const char *pointer = problem_path(b->p, problem_index(b->p, INITIAL_TRIALS, i), "parameters");
		double *x = rows + i * b->s->n_parameters;
		out[i] = x;
		if (d[i].parameters == NULL || !params_from_json(b->s, d[i].parameters, pointer, x, b->p))
			continue;
		for (size_t k = 0; k < i; k++) {
			if (params_equal(b->s, out[k], x)) {
				problem_add(b->warnings, pointer, "duplicate-trial", "the same as initial trial %zu", k);
				break;
			}
		}
	}
	b->s->initial_trials = out;
	b->s->n_initial_trials = list->n;
}

/* ---- notifications ----------------------------------------------------------------------------- */

static unsigned read_events(struct build *b, const struct json_list *on, const char *pointer)
{
	const char *const *events = on->items;
	unsigned bits = 0;
	for (size_t i = 0; i < on->n; i++) {
		size_t k = 0;
		if (events[i] == NULL)
			continue;
		while (notify_names[k] != NULL && strcmp(notify_names[k], events[i]) != 0)
			k++;
		if (notify_names[k] == NULL)
			problem_unknown(
				b->p, problem_index(b->p, pointer, i), "unknown-value", "an event", events[i], notify_names);
		else
			bits |= 1u << k;
	}
	return on->n > 0 ? bits : NOTIFY_SUCCEEDED | NOTIFY_FAILED | NOTIFY_STOPPED;
}

void build_notify(struct build *b)
{
	const struct json_list *list = &b->d->spec->notify;
	const struct doc_notify *d = list->items;
	struct notify *out = ARENA_NEW_N(b->a, struct notify, list->n);
	for (size_t i = 0; i < list->n; i++) {
		const char *pointer = problem_index(b->p, "/spec/notify", i);
		const char *url = d[i].url != NULL ? d[i].url : "";
		bool web = strncmp(url, "http://", 7) == 0 || strncmp(url, "https://", 8) == 0;
		if (!web && build_clean(b, problem_path(b->p, pointer, "url")))
			problem_add(b->p, problem_path(b->p, pointer, "url"), "bad-url",
				"'%.80s' is not an http or https address", url);
		out[i] =
			(struct notify){url, read_events(b, &d[i].on, problem_path(b->p, pointer, "on")), d[i].secret};
	}
	b->s->notify = out;
	b->s->n_notify = list->n;
}
