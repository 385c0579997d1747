/* What shapes a search beside its objectives: constraints, earlier experiments, the rule that ends it. */
#include <math.h>
#include <string.h>

#include "lib/arena.h"
#include "server/model/build.h"
#include "server/model/observe.h"

#define CONSTRAINTS "/spec/constraints"
#define WARM_START "/spec/warmStart"
#define STOP_WHEN "/spec/stopWhen"

enum { STOP_MIN_TRIALS = 20, STOP_MIN_TRIALS_PER_PARAMETER = 2 };

/* ---- constraints ------------------------------------------------------------------------------- */

static void check_metric(struct build *b, const struct doc_constraint *all, size_t i, const char *pointer)
{
	const char *at = problem_path(b->p, pointer, "metric");
	const char *metric = all[i].metric;

	if (metric == NULL || !build_clean(b, at))
		return;
	if (!metric_name_valid(metric, strlen(metric)))
		problem_add(b->p, at, "bad-name",
			"'%.80s' is not a metric name: letters, digits and _ . / -, at most %d", metric, METRIC_NAME_MAX);
	for (size_t k = 0; k < i; k++) {
		if (all[k].metric != NULL && strcmp(all[k].metric, metric) == 0) {
			problem_add(b->p, at, "duplicate-metric", "constraint %zu is about %s already: give it both bounds", k,
				metric);
			return;
		}
	}
}

static void check_range(struct build *b, const struct doc_constraint *d, const char *pointer)
{
	if (!build_clean(b, pointer))
		return;
	if (!d->has_min && !d->has_max)
		problem_add(b->p, pointer, "no-bound", "a constraint needs min, max or both");
	if (d->has_min && d->has_max && d->min > d->max)
		problem_add(b->p, problem_path(b->p, pointer, "min"), "min-above-max", "no value is at least %g and at most %g",
			d->min, d->max);
}

/* One trial has one value of a metric, so the objective's way to choose it is the only one. */
static enum strategy choose_strategy(
	struct build *b, const struct doc_constraint *d, int objective, const char *pointer)
{
	if (objective < 0)
		return d->has_strategy ? (enum strategy)d->strategy : STRATEGY_LATEST;
	const struct objective *o = &b->s->objectives[objective];
	if (d->has_strategy && (enum strategy)d->strategy != o->strategy)
		problem_add(b->p, problem_path(b->p, pointer, "strategy"), "strategy-conflict",
			"%s is an objective, of which %s counts", o->metric, strategy_name(o->strategy));
	return o->strategy;
}

void build_constraints(struct build *b)
{
	const struct json_list *list = &b->d->spec->constraints;
	const struct doc_constraint *d = list->items;
	struct outcome_constraint *out = ARENA_NEW_N(b->a, struct outcome_constraint, list->n);
	const bool objectives = build_clean(b, "/spec/objectives");

	for (size_t i = 0; i < list->n; i++) {
		const char *pointer = problem_index(b->p, CONSTRAINTS, i);
		check_metric(b, d, i, pointer);
		check_range(b, &d[i], pointer);
		int objective = objectives && d[i].metric != NULL ? spec_objective(b->s, d[i].metric) : -1;
		out[i] = (struct outcome_constraint){
			.metric = d[i].metric,
			.objective = objective,
			.strategy = choose_strategy(b, &d[i], objective, pointer),
			.min = d[i].has_min ? d[i].min : -INFINITY,
			.max = d[i].has_max ? d[i].max : INFINITY,
		};
	}
	b->s->constraints = out;
	b->s->n_constraints = list->n;
	b->s->problem.n_constraints = (uint32_t)list->n;
}

double constraint_violation(const struct outcome_constraint *c, double value)
{
	if (isnan(value))
		return INFINITY;
	return fmax(c->min - value, value - c->max);
}

/* ---- earlier experiments ----------------------------------------------------------------------- */

/* "name", or "namespace/name". */
static bool read_source(struct build *b, const char *text, struct warm_source *out)
{
	const char *slash = strchr(text, '/');

	out->name = slash != NULL ? slash + 1 : text;
	out->namespace = slash != NULL ? arena_strndup(b->a, text, (size_t)(slash - text)) : b->s->namespace;
	return name_valid(out->name, SPEC_NAME_MAX) && (slash == NULL || name_valid(out->namespace, SPEC_NAMESPACE_MAX));
}

static bool same_source(const struct warm_source *a, const struct warm_source *b)
{
	return strcmp(a->name, b->name) == 0 && strcmp(a->namespace, b->namespace) == 0;
}

void build_warm_start(struct build *b)
{
	const struct json_list *list = &b->d->spec->warm_start;
	const char *const *names = list->items;
	struct warm_source *out = ARENA_NEW_N(b->a, struct warm_source, list->n);
	size_t n = 0;

	for (size_t i = 0; i < list->n; i++) {
		const char *pointer = problem_index(b->p, WARM_START, i);
		const struct warm_source self = {b->s->namespace, b->s->name != NULL ? b->s->name : ""};
		if (names[i] == NULL)
			continue;
		if (!read_source(b, names[i], &out[n])) {
			problem_add(b->p, pointer, "bad-name",
				"'%.120s' is neither the name of an experiment nor namespace/name", names[i]);
			continue;
		}
		if (same_source(&out[n], &self))
			problem_add(b->p, pointer, "own-name", "an experiment cannot learn from itself");
		for (size_t k = 0; k < n; k++) {
			if (same_source(&out[k], &out[n])) {
				problem_add(b->p, pointer, "duplicate-source", "%s is there already", names[i]);
				break;
			}
		}
		n++;
	}
	b->s->sources = out;
	b->s->n_sources = n;
}

/* ---- the end ----------------------------------------------------------------------------------- */

void build_stop_when(struct build *b)
{
	const struct doc_stop_when *d = b->d->spec->stop_when;

	if (d == NULL || !build_clean(b, STOP_WHEN))
		return;
	if (b->s->n_objectives > 1)
		problem_add(b->p, STOP_WHEN, "one-objective-only",
			"whether a search has converged is judged for one objective, not for %zu", b->s->n_objectives);
	b->s->stop_when = (struct stop_when){
		.rule = STOP_WHEN_CONVERGED,
		.tolerance = d->tolerance,
		.min_trials = d->has_min_trials
			? d->min_trials
			: STOP_MIN_TRIALS + STOP_MIN_TRIALS_PER_PARAMETER * (int64_t)b->s->n_parameters,
	};
}
