#include "server/control/experiment.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/clk.h"
#include "lib/json.h"
#include "lib/mem.h"
#include "server/control/lessons.h"
#include "server/control/stopping.h"
#include "server/model/names.h"
#include "server/model/observe.h"
#include "server/model/params.h"

enum { QUICK_FAILURE_S = 60, WORKER_NOTICE_S = 30 };

static struct spec_ref *spec_ref_load(const struct store_experiment *row, struct err *e)
{
	struct spec_ref *r = xcalloc(1, sizeof *r);
	const struct spec_stored stored = {.namespace = row->ns, .name = row->name, .labels = row->labels,
		.annotations = row->annotations, .spec = row->spec};

	r->refs = 1;
	r->arena = arena_new();
	if (spec_load(&stored, r->arena, &r->spec, e))
		return r;
	spec_ref_put(r);
	return NULL;
}

struct spec_ref *spec_ref_get(struct spec_ref *r)
{
	r->refs++;
	return r;
}

void spec_ref_put(struct spec_ref *r)
{
	if (!r || --r->refs > 0)
		return;
	arena_free(r->arena);
	free(r);
}

struct experiment *experiment_new(int64_t id, int64_t epoch)
{
	struct experiment *x = xcalloc(1, sizeof *x);

	x->id = id;
	x->epoch = epoch;
	x->next_number = 1;
	x->change = -1;
	TAILQ_INIT(&x->asks);
	STAILQ_INIT(&x->told);
	return x;
}

static void trial_clear(struct trial *t)
{
	free(t->stop);
	free(t->worker);
	free(t->object);
}

void experiment_free(struct experiment *x)
{
	assert(!x->job && !x->dirty && TAILQ_EMPTY(&x->asks) &&
		STAILQ_EMPTY(&x->told));
	for (int32_t i = 0; i < x->n_trials; i++)
		trial_clear(&x->trials[i]);
	free(x->trials);
	free(x->x);
	free(x->values);
	free(x->violations);
	lessons_put(x->lessons);
	stopping_close(x);
	free(x->open);
	free(x->ended);
	spec_ref_put(x->ref);
	free(x);
}

void experiment_drop_cache(struct experiment *x)
{
	if (x->cache)
		x->spec->algorithm.algorithm->cache_free(x->cache);
	x->cache = NULL;
}

bool experiment_set(struct experiment *x, const struct store_experiment *row, struct err *e)
{
	if (!x->ref || x->version != row->version) {
		struct spec_ref *ref = spec_ref_load(row, e);
		if (!ref)
			return false;
		experiment_drop_cache(x);
		spec_ref_put(x->ref);
		x->ref = ref;
		x->spec = ref->spec;
		x->ns = arena_strdup(ref->arena, row->ns);
		x->name = arena_strdup(ref->arena, row->name);
	}
	snprintf(x->uid, sizeof x->uid, "%s", row->uid);
	x->seed = experiment_seed(x->spec, x->uid);
	x->version = row->version;
	x->state = row->state;
	x->cancelling = row->cancelling;
	x->stopping_for = row->state == EXPERIMENT_STOPPING ? end_reason_parse(row->reason) : END_NONE;
	x->started_us = row->started_us;
	x->next_number = row->next_number;
	return true;
}

/* ---- places ------------------------------------------------------------------------------------ */

static void make_place(struct experiment *x, int32_t number)
{
	const size_t d = x->spec->n_parameters, k = x->spec->n_objectives, m = x->spec->n_constraints;

	if (number > x->cap_trials) {
		int32_t cap = x->cap_trials ? x->cap_trials * 2 : 64;
		if (cap < number)
			cap = number;
		x->trials = xreallocarray(x->trials, (size_t)cap, sizeof *x->trials);
		x->x = xreallocarray(x->x, (size_t)cap * d, sizeof *x->x);
		x->values = xreallocarray(x->values, (size_t)cap * k, sizeof *x->values);
		if (m > 0)
			x->violations = xreallocarray(x->violations, (size_t)cap * m, sizeof *x->violations);
		memset(x->trials + x->cap_trials, 0, (size_t)(cap - x->cap_trials) * sizeof *x->trials);
		x->cap_trials = cap;
	}
	if (number > x->n_trials)
		x->n_trials = number;
	if (number >= x->next_number)
		x->next_number = number + 1;
}

struct trial *experiment_trial(struct experiment *x, int32_t number)
{
	if (number < 1 || number > x->n_trials || x->trials[number - 1].number == 0)
		return NULL;
	return &x->trials[number - 1];
}

double *experiment_x(struct experiment *x, int32_t number)
{
	assert(number >= 1 && number <= x->n_trials);
	return x->x + (size_t)(number - 1) * x->spec->n_parameters;
}

double *experiment_values(struct experiment *x, int32_t number)
{
	assert(number >= 1 && number <= x->n_trials);
	return x->values + (size_t)(number - 1) * x->spec->n_objectives;
}

double *experiment_violations(struct experiment *x, int32_t number)
{
	assert(number >= 1 && number <= x->n_trials && x->violations);
	return x->violations + (size_t)(number - 1) * x->spec->n_constraints;
}

bool trial_runs(const struct trial *t, int32_t attempt)
{
	return t && t->attempt == attempt && (t->state == TRIAL_STARTING || t->state == TRIAL_RUNNING);
}

/* ---- the two lists ----------------------------------------------------------------------------- */

/* Over, but the retry policy has an attempt left for it. */
static bool may_come_back(const struct experiment *x, const struct trial *t)
{
	const struct retry_policy *retry = &x->spec->retry;

	if (t->stop)
		return false;
	return (t->state == TRIAL_LOST && t->attempt <= retry->on_lost) ||
		(t->state == TRIAL_FAILED && t->attempt <= retry->on_failed);
}

enum algo_status trial_status(enum trial_state s)
{
	switch (s) {
	case TRIAL_SUCCEEDED:
		return ALGO_SUCCEEDED;
	case TRIAL_EARLY_STOPPED:
		return ALGO_STOPPED;
	case TRIAL_FAILED:
	case TRIAL_UNAVAILABLE:
		return ALGO_FAILED;
	case TRIAL_KILLED:
	case TRIAL_LOST:
		return ALGO_ABANDONED;
	case TRIAL_PENDING:
	case TRIAL_STARTING:
	case TRIAL_RUNNING:
	case TRIAL_STATES:
		break;
	}
	return ALGO_PENDING;
}

bool experiment_comes_back(struct experiment *x, int32_t number)
{
	const struct trial *t = experiment_trial(x, number);

	return t && may_come_back(x, t);
}

static void open_update(struct experiment *x, const struct trial *t)
{
	size_t i = x->n_open;

	while (i > 0 && x->open[i - 1] > t->number)
		i--;
	const bool there = i > 0 && x->open[i - 1] == t->number;
	const bool belongs = !trial_state_over(t->state) || may_come_back(x, t);
	if (there == belongs)
		return;
	if (there) {
		memmove(x->open + i - 1, x->open + i, (x->n_open - i) * sizeof *x->open);
		x->n_open--;
		return;
	}
	if (x->n_open == x->cap_open) {
		x->cap_open = x->cap_open ? 2 * x->cap_open : 16;
		x->open = xreallocarray(x->open, x->cap_open, sizeof *x->open);
	}
	memmove(x->open + i + 1, x->open + i, (x->n_open - i) * sizeof *x->open);
	x->open[i] = t->number;
	x->n_open++;
}

static void ended_remove(struct experiment *x, int32_t number)
{
	for (size_t i = x->n_ended; i-- > 0;)
		if (x->ended[i] == number) {
			memmove(x->ended + i, x->ended + i + 1, (x->n_ended - i - 1) * sizeof *x->ended);
			x->n_ended--;
			return;
		}
}

static void ended_insert(struct experiment *x, const struct trial *t)
{
	size_t i = x->n_ended;

	if (x->n_ended == x->cap_ended) {
		x->cap_ended = x->cap_ended ? 2 * x->cap_ended : 64;
		x->ended = xreallocarray(x->ended, x->cap_ended, sizeof *x->ended);
	}
	while (i > 0 && x->trials[x->ended[i - 1] - 1].completion > t->completion)
		i--;
	memmove(x->ended + i + 1, x->ended + i, (x->n_ended - i) * sizeof *x->ended);
	x->ended[i] = t->number;
	x->n_ended++;
}

/* ---- a row comes in ---------------------------------------------------------------------------- */

static void replace(char **to, const char *from)
{
	if (*to && from && strcmp(*to, from) == 0)
		return;
	free(*to);
	*to = from ? xstrdup(from) : NULL;
}

/* A worker that is told to stop a trial that is not worth going on gets time to say how far it came. */
void experiment_stop(struct trial *t, const char *reason)
{
	if (reason && !t->stop && stop_is_early(reason))
		t->stop_due_us = clk_wall_us() + WORKER_NOTICE_S * CLK_SECOND;
	else if (!reason)
		t->stop_due_us = 0;
	replace(&t->stop, reason);
}

static void read_budget(struct trial *t, const char *budget)
{
	struct arena *a;
	struct err ignored;
	double n;

	t->resource = NAN;
	if (!budget)
		return;
	a = arena_new();
	const cJSON *tree = json_parse(budget, strlen(budget), 0, a, &ignored);
	json_num(json_get(tree, "resource"), &t->resource);
	t->parent = json_num(json_get(tree, "parent"), &n) ? (uint32_t)n : 0;
	t->bracket = json_num(json_get(tree, "bracket"), &n) ? (int32_t)n : 0;
	t->rung = json_num(json_get(tree, "rung"), &n) ? (int32_t)n : 0;
	arena_free(a);
}

static void read_point(struct experiment *x, int32_t number, const char *params)
{
	struct arena *a = arena_new();
	struct err ignored;
	double *to = experiment_x(x, number);
	const cJSON *tree = json_parse(params, strlen(params), 0, a, &ignored);

	if (!tree || !params_load(x->spec, tree, to))
		for (size_t j = 0; j < x->spec->n_parameters; j++)
			to[j] = NAN;
	arena_free(a);
}

static void read_values(struct experiment *x, const struct store_trial *row)
{
	double *to = experiment_values(x, row->number);

	for (size_t k = 0; k < x->spec->n_objectives; k++)
		to[k] = store_double(&row->vals, k);
	for (size_t k = 0; k < x->spec->n_constraints; k++)
		experiment_violations(x, row->number)[k] = store_double(&row->violations, k);
}

static bool feasible(struct experiment *x, int32_t number)
{
	for (size_t k = 0; k < x->spec->n_constraints; k++)
		if (!(experiment_violations(x, number)[k] <= 0))
			return false;
	return true;
}

/* A trial that breaks a constraint neither reaches the goal nor is the best. */
static void judge(struct experiment *x, const struct trial *t)
{
	const struct objective *o = &x->spec->objectives[0];
	const double value = experiment_values(x, t->number)[0];

	if (t->state != TRIAL_SUCCEEDED || !feasible(x, t->number))
		return;
	if (objective_goal_reached(o, value))
		x->goal_reached = true;
	if (!x->best || objective_better(o, value, experiment_values(x, x->best)[0]))
		x->best = isfinite(value) ? t->number : x->best;
}

static void note_end(struct trial *t, const char *reason)
{
	t->start_failure = t->state == TRIAL_FAILED && reason && strcmp(reason, "StartError") == 0;
	t->quick_failure = t->start_failure || (t->state == TRIAL_FAILED && t->started_us > 0 &&
		t->finished_us - t->started_us < QUICK_FAILURE_S * CLK_SECOND);
}

struct trial *experiment_put(struct experiment *x, const struct store_trial *row, bool *changed)
{
	make_place(x, row->number);
	struct trial *t = &x->trials[row->number - 1];
	const bool fresh = t->number == 0;
	const bool was_over = !fresh && trial_state_over(t->state);

	if (changed)
		*changed = false;
	if (row->change < t->change)
		return t;
	t->change = row->change;
	if (changed)
		*changed = fresh || t->state != row->state || t->attempt != row->attempt;
	if (fresh) {
		x->imported += row->source == STORE_FROM_IMPORT;
		read_point(x, row->number, row->params);
		read_budget(t, row->budget);
	} else {
		x->counts[t->state]--;
	}
	if (!fresh && t->attempt != row->attempt)
		t->stop_sent = false;
	/* Only a further attempt takes it back: a row may be older than what we know. */
	if (row->stop || fresh || t->attempt != row->attempt)
		experiment_stop(t, row->stop);
	t->number = row->number;
	t->attempt = row->attempt;
	t->state = row->state;
	t->source = row->source;
	t->pushed = t->pushed || row->pushed;
	t->lease_s = row->lease_seconds;
	t->lease_until_us = row->lease_until_us;
	t->started_us = row->started_us;
	t->finished_us = row->finished_us;
	replace(&t->worker, row->worker);
	replace(&t->object, row->object);
	x->counts[t->state]++;
	if (was_over)
		ended_remove(x, t->number);
	t->completion = row->completion;
	read_values(x, row);
	if (trial_state_over(t->state)) {
		note_end(t, row->reason);
		ended_insert(x, t);
		judge(x, t);
		x->results++;
		x->waiting = false;
	}
	open_update(x, t);
	return t;
}

/* ---- the snapshot ------------------------------------------------------------------------------ */

static struct plan_trial plan_trial_of(const struct trial *t)
{
	return (struct plan_trial){
		.number = t->number,
		.attempt = t->attempt,
		.state = t->state,
		.stop_sent = t->stop_sent,
		.stop_gentle = t->stop_gentle,
		.stop_wanted = t->stop != NULL,
		.stop_due_us = t->stop_due_us,
		.writing = t->writing > 0,
		.vacated = t->vacated_attempt == t->attempt,
		.by_worker = t->worker != NULL,
		.lease_until_us = t->lease_until_us,
	};
}

/* Trials in a row, from the last one back, that never got going; and, unless the user said how many
 * failures are too many, all of them if every trial so far failed within its first minute. */
static int64_t start_failures(const struct experiment *x)
{
	size_t unstarted = 0, quick = 0;

	while (unstarted < x->n_ended && x->trials[x->ended[x->n_ended - 1 - unstarted] - 1].start_failure)
		unstarted++;
	if (x->spec->budget.max_failed_trials < 0)
		while (quick < x->n_ended && x->trials[x->ended[quick] - 1].quick_failure)
			quick++;
	return (int64_t)(quick == x->n_ended && quick > unstarted ? quick : unstarted);
}

/* Failures that no retry will take back. */
static int64_t final_failures(const struct experiment *x)
{
	int64_t n = x->counts[TRIAL_FAILED] + x->counts[TRIAL_LOST] + x->counts[TRIAL_UNAVAILABLE];

	for (size_t i = 0; i < x->n_open; i++)
		n -= may_come_back(x, &x->trials[x->open[i] - 1]);
	return n;
}

/* Whatever the trials under way come to, the next one is the same and is judged by nothing that they say. */
static bool foreseen(const struct experiment *x)
{
	const struct experiment_spec *s = x->spec;

	return (s->algorithm.algorithm->capabilities & ALGO_ONESHOT) && !s->stopping && !s->objectives[0].has_goal &&
		s->budget.max_failed_trials < 0 && s->stop_when.rule == STOP_WHEN_NEVER;
}

void experiment_snapshot(const struct experiment *x, int64_t now_us, int64_t room, int64_t wanted,
	struct plan_trial *buffer, struct plan_input *in)
{
	const struct budget *b = &x->spec->budget;

	for (size_t i = 0; i < x->n_open; i++)
		buffer[i] = plan_trial_of(&x->trials[x->open[i] - 1]);
	*in = (struct plan_input){
		.state = x->state,
		.stopping_for = x->stopping_for,
		.cancelling = x->cancelling,
		.budget = {
			.max_trials = b->max_trials,
			.parallel = b->parallel_trials,
			.max_failed = b->max_failed_trials,
			.deadline_us = b->max_duration_us > 0 && x->started_us > 0
				? x->started_us + b->max_duration_us : 0,
			.retry_lost = x->spec->retry.on_lost,
			.retry_failed = x->spec->retry.on_failed,
		},
		.now_us = now_us,
		.used = x->next_number - 1 - x->imported,
		.failed = final_failures(x),
		.start_failures = start_failures(x),
		.goal_reached = x->goal_reached,
		.foreseen = foreseen(x),
		.by_workers = x->spec->trial.executor == EXECUTOR_WORKER,
		.wanted = wanted,
		.suggesting = x->suggesting,
		.waiting = x->waiting,
		.exhausted = x->exhausted,
		.algorithm_failed = x->algorithm_failed,
		.converged = x->converged,
		.room = room,
		.trials = buffer,
		.n_trials = x->n_open,
	};
}
