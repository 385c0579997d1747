/* What is optimised and for how long: objectives, budget, first trials, notifications. */
#include <math.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/num.h"
#include "server/model/build.h"
#include "server/model/observe.h"
#include "server/model/params.h"

#define OBJECTIVES "/spec/objectives"
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
