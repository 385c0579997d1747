/*
 * Asking the algorithm, on a worker thread.
 *
 * The job owns copies of the history and shares the immutable spec. Its result is matched by
 * experiment and epoch, and added only if trial numbers still begin where it thought: whoever enqueued
 * a point meanwhile has changed the history, and the algorithm is asked again. So a suggestion is a
 * function of the history alone, whenever and wherever it is made.
 */
#include "server/control/internal.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "algorithms/insight/terminator.h"
#include "algorithms/warm.h"
#include "lib/arena.h"
#include "lib/clk.h"
#include "lib/failpoint.h"
#include "lib/json_write.h"
#include "lib/log.h"
#include "lib/work.h"
#include "server/control/lessons.h"
#include "server/control/stopping.h"
#include "server/model/params.h"

enum { SUGGEST_MAX = 1000, POOL_FULL_WAIT_MS = 50 };

struct suggest_job {
	struct work_job work;           /* first: the pool hands this back */
	struct control *control;
	struct arena *arena;
	struct spec_ref *ref;
	struct lessons *lessons;        /* may be NULL */
	int64_t experiment, epoch;
	int64_t results;                /* of the experiment when its history was copied */
	const struct algorithm *algorithm;
	struct algo_problem problem;
	struct algo_history history;
	struct algo_request request;
	bool judge;                     /* first look whether the search has converged */
	struct terminator_verdict verdict;
	bool converged;                 /* it has: nothing was suggested */
	enum algo_outcome outcome;
	bool defect;                    /* it gave an invalid configuration */
	bool abandoned;                 /* the experiment is no longer ours */
	_Atomic int64_t started_us;     /* on the worker; 0 while it waits for one */
	bool late;                      /* it was told to stop */
	int64_t took_us;
};

/* ---- the problem as the algorithm sees it ------------------------------------------------------ */

/* The rows of an experiment's trials, copied. */
struct history_rows {
	const double *x, *values, *violations;
};

/* Of a trial that is over; NULL: unknown. */
static const double *constraints_of(const struct experiment *x, const struct history_rows *rows, size_t row)
{
	const size_t n = x->spec->n_constraints;

	for (size_t k = 0; k < n; k++)
		if (isnan(rows->violations[row * n + k]))
			return NULL;
	return n > 0 ? rows->violations + row * n : NULL;
}

static struct algo_trial record_of(
	struct experiment *x, const struct trial *t, const struct history_rows *rows, struct arena *a)
{
	const bool curves = x->spec->algorithm.algorithm->capabilities & ALGO_CURVES;
	const size_t row = (size_t)(t->number - 1);
	const bool over = trial_state_over(t->state);
	uint32_t n = 0;
	const struct algo_point *curve = curves ? stopping_curve(x, t->number, a, &n) : NULL;

	return (struct algo_trial){
		.number = (uint32_t)t->number,
		.status = trial_status(t->state),
		.suggested = t->source == STORE_FROM_ALGORITHM,
		.x = rows->x + row * x->spec->n_parameters,
		.values = over ? rows->values + row * x->spec->n_objectives : NULL,
		.constraints = over ? constraints_of(x, rows, row) : NULL,
		.curve = curve,
		.n_curve = n,
		.duration = over && t->started_us > 0 ? (double)(t->finished_us - t->started_us) / 1e6 : NAN,
		.resource = t->resource,
		.parent = t->parent,
		.bracket = t->bracket,
		.rung = t->rung,
	};
}

static void copy_history(struct suggest_job *job, struct experiment *x)
{
	const size_t n = (size_t)x->n_trials;
	const struct history_rows rows = {
		.x = arena_dup(job->arena, x->x, n * x->spec->n_parameters * sizeof *x->x),
		.values = arena_dup(job->arena, x->values, n * x->spec->n_objectives * sizeof *x->values),
		.violations = x->violations
			? arena_dup(job->arena, x->violations, n * x->spec->n_constraints * sizeof *x->violations) : NULL,
	};
	struct algo_trial *ended = ARENA_NEW_N(job->arena, struct algo_trial, x->n_ended + 1);
	struct algo_trial *pending = ARENA_NEW_N(job->arena, struct algo_trial, x->n_open + 1);
	uint32_t n_pending = 0;

	for (size_t i = 0; i < x->n_ended; i++)
		ended[i] = record_of(x, &x->trials[x->ended[i] - 1], &rows, job->arena);
	for (size_t i = 0; i < x->n_open; i++) {
		const struct trial *t = &x->trials[x->open[i] - 1];
		if (!trial_state_over(t->state))
			pending[n_pending++] = record_of(x, t, &rows, job->arena);
	}
	job->history = (struct algo_history){
		.trials = ended, .n_trials = (uint32_t)x->n_ended, .pending = pending, .n_pending = n_pending};
}

static void set_request(struct suggest_job *job, const struct experiment *x, int64_t n)
{
	const size_t d = job->ref->spec->n_parameters;
	struct algo_suggestion *out = ARENA_NEW_N(job->arena, struct algo_suggestion, (size_t)n);

	for (int64_t i = 0; i < n; i++)
		out[i].x = ARENA_NEW_N(job->arena, double, d);
	job->request = (struct algo_request){.first_number = (uint32_t)x->next_number, .n = (uint32_t)n, .out = out,
		.cancel = &job->work.cancel, .cache = x->cache};
}

/* ---- on the worker ----------------------------------------------------------------------------- */

static void look_at_convergence(struct suggest_job *job)
{
	const struct stop_when *stop = &job->ref->spec->stop_when;
	struct terminator_verdict *v = &job->verdict;
	const enum algo_outcome outcome = terminator_judge(&job->problem, &job->history, &job->work.cancel, v);

	/* A model that cannot be fitted does not end a search. */
	if (outcome != ALGO_DEFECT)
		job->outcome = outcome;
	job->converged = outcome == ALGO_OK && v->judged && v->n >= stop->min_trials &&
		v->bound <= fmax(stop->tolerance, v->noise);
}

static void run(struct work_job *work)
{
	struct suggest_job *job = (struct suggest_job *)work;
	const int64_t start = clk_now_us();

	atomic_store(&job->started_us, start);
	job->outcome = ALGO_OK;
	if (job->judge)
		look_at_convergence(job);
	if (job->outcome > 0 && !job->converged)
		job->outcome = warm_suggest(job->algorithm, &job->problem, &job->history, &job->request);
	for (uint32_t i = 0; job->outcome > 0 && i < job->request.n_out; i++)
		job->defect |= !space_valid(job->problem.space, job->request.out[i].x, NULL);
	job->took_us = clk_now_us() - start;
}

/* ---- back on the loop -------------------------------------------------------------------------- */

static void job_free(struct suggest_job *job)
{
	if (job->request.cache && job->algorithm->cache_free)
		job->algorithm->cache_free(job->request.cache);
	spec_ref_put(job->ref);
	lessons_put(job->lessons);
	arena_free(job->arena);
}

/* Steps are for programs that count them; what a parameter says, it says in the parameters. */
static const char *budget_json(const struct experiment_spec *spec, const struct algo_suggestion *s, struct arena *a)
{
	struct strbuf b;
	struct json_writer w;

	if (isnan(s->resource) && s->parent == 0 && s->bracket == 0 && s->rung == 0)
		return NULL;
	strbuf_init(&b, 1024);
	jw_init(&w, &b);
	jw_object(&w, NULL);
	if (!isnan(s->resource)) {
		if (spec->fidelity.parameter < 0 || !spec->fidelity.given)
			jw_num(&w, "steps", ceil(s->resource));
		jw_num(&w, "resource", s->resource);
	}
	if (s->parent)
		jw_int(&w, "parent", s->parent);
	jw_int(&w, "bracket", s->bracket);
	jw_int(&w, "rung", s->rung);
	jw_end(&w);
	const char *text = arena_strdup(a, b.data);
	strbuf_free(&b);
	return text;
}

static void on_added(void *ctx, const struct store_trials *rows, const struct err *e)
{
	struct step *s = ctx;
	struct control *c = s->control;
	struct experiment *x = control_experiment(c, s->experiment);

	FAILPOINT("trials-added");
	if (x && x->epoch == s->epoch)
		x->suggesting = 0;
	x = step_rows(s, rows, e);
	for (size_t i = 0; x && i < rows->n; i++) {
		struct trial *t = experiment_trial(x, rows->items[i].number);
		if (t->state == TRIAL_STARTING && !t->writing)
			apply_launch(c, x, t);
	}
	if (x && rows->n == 0)
		x->reload = true;
	if (x && x->spec->trial.executor == EXECUTOR_WORKER)
		ask_serve(c, x, rows);
	step_end(s);
}

/* Trials of our own executors are added as `starting`: their start needs no second commit. */
static void add_trials(struct suggest_job *job, struct control *c, struct experiment *x)
{
	struct step *s = step_begin(c, x);
	const uint32_t n = job->request.n_out;
	const int64_t limit = x->spec->budget.max_trials > 0 ? x->spec->budget.max_trials + x->imported : INT32_MAX;
	struct store_new_trial *fresh = ARENA_NEW_N(s->arena, struct store_new_trial, n);
	const bool go = x->state == EXPERIMENT_RUNNING && x->backend;

	for (uint32_t i = 0; i < n; i++) {
		fresh[i] = (struct store_new_trial){
			.params = params_json(x->spec, job->request.out[i].x, s->arena),
			.budget = budget_json(x->spec, &job->request.out[i], s->arena),
			.source = STORE_FROM_ALGORITHM,
			.state = go ? TRIAL_STARTING : TRIAL_PENDING,
			.executor = go ? x->backend->type->name : NULL,
		};
		const char *worker = x->spec->trial.executor == EXECUTOR_WORKER && x->state == EXPERIMENT_RUNNING
			? ask_next(x, &fresh[i].lease_seconds) : NULL;
		if (worker) {
			fresh[i].worker = arena_strdup(s->arena, worker);
			fresh[i].state = TRIAL_RUNNING;
		}
	}
	x->suggesting = n;
	store_trials_add(c->store, s->arena, x->id, x->epoch, (int)job->request.first_number, (int)limit, fresh, n,
		on_added, s);
}

static const char *cause(const struct suggest_job *job)
{
	if (job->late)
		return "it takes too long";
	if (job->defect)
		return "it left the search space";
	if (job->outcome == ALGO_NO_MEMORY)
		return "out of memory";
	return job->outcome == ALGO_UNSUPPORTED ? "the search space does not suit it" : "a numerical dead end";
}

static void fail(struct control *c, struct experiment *x, const struct suggest_job *job)
{
	x->algorithm_failed = true;
	snprintf(x->verdict, sizeof x->verdict, "algorithm '%s' could not suggest a trial (%s)", job->algorithm->name,
		cause(job));
	LOG_ERROR("algorithm failed", L_STR("experiment", x->name), L_STR("why", x->verdict));
	control_dirty(c, x);
}

static void note_verdict(struct experiment *x, const struct suggest_job *job)
{
	const struct terminator_verdict *v = &job->verdict;
	const double tolerance = x->spec->stop_when.tolerance;

	x->judged = job->history.n_trials;
	x->converged = job->converged;
	LOG_DEBUG("convergence", L_STR("experiment", x->name), L_NUM("bound", v->bound), L_NUM("noise", v->noise));
	if (!x->converged)
		return;
	snprintf(x->verdict, sizeof x->verdict,
		"no trial would be better than trial %" PRId32 " by more than %.3g, which is %.2g of the spread of the better half "
		"of %" PRIu32 " results; %s %.2g", x->best, v->bound * v->spread, v->bound, v->n,
		v->noise > tolerance ? "repeated trials differ by" : "tolerated is", fmax(tolerance, v->noise));
}

static void done(struct work_job *work)
{
	struct suggest_job *job = (struct suggest_job *)work;
	struct control *c = job->control;
	struct experiment *x = job->abandoned ? NULL : control_experiment(c, job->experiment);

	FAILPOINT("suggested");
	if (!x || x->epoch != job->epoch)
		goto out;
	assert(x->job == job);
	x->job = NULL;
	x->suggesting = 0;
	/* Edited meanwhile: the job's cache goes with the job's spec. */
	if (job->ref == x->ref) {
		x->cache = job->request.cache;
		job->request.cache = NULL;
	}
	control_dirty(c, x);
	if (job->late && job->outcome == ALGO_CANCELLED)
		fail(c, x, job);
	if (!work->ran || job->outcome == ALGO_CANCELLED)
		goto out;
	metrics_suggestion(c, job->algorithm->name, job->took_us);
	LOG_DEBUG("suggested", L_STR("experiment", x->name), L_STR("algorithm", job->algorithm->name),
		L_INT("n", job->request.n_out), L_INT("took_us", job->took_us));
	if (job->outcome < 0 || job->defect) {
		fail(c, x, job);
		goto out;
	}
	if (job->judge)
		note_verdict(x, job);
	if (x->converged)
		goto out;
	x->exhausted = job->outcome == ALGO_EXHAUSTED;
	/* What it waits for may have come while it was asked. */
	x->waiting = job->outcome == ALGO_WAIT && job->results == x->results;
	if (job->request.n_out > 0)
		add_trials(job, c, x);
out:
	job_free(job);
}

/* ---- from the plan ----------------------------------------------------------------------------- */

/* The points that the user wants tried first come before anything the algorithm says. */
static void add_initial(struct control *c, struct experiment *x)
{
	struct step *s = step_begin(c, x);
	const size_t n = x->spec->n_initial_trials;
	const int64_t limit = x->spec->budget.max_trials > 0 ? x->spec->budget.max_trials : INT32_MAX;
	struct store_new_trial *fresh = ARENA_NEW_N(s->arena, struct store_new_trial, n);

	for (size_t i = 0; i < n; i++)
		fresh[i] = (struct store_new_trial){
			.params = params_json(x->spec, x->spec->initial_trials[i], s->arena),
			.source = STORE_FROM_USER,
			.state = TRIAL_PENDING,
		};
	x->suggesting = (int64_t)n;
	store_trials_add(c->store, s->arena, x->id, x->epoch, 1, (int)limit, fresh, n, on_added, s);
}

/* Is it time to look whether the search has converged? Each time that 2 % more trials have ended. */
static bool due(const struct experiment *x)
{
	const struct stop_when *stop = &x->spec->stop_when;

	return stop->rule == STOP_WHEN_CONVERGED && (int64_t)x->n_ended >= stop->min_trials &&
		x->n_ended > x->judged + x->judged / 50;
}

void suggest_start(struct control *c, struct experiment *x, int64_t n)
{
	struct suggest_job *job;
	struct arena *a;

	assert(!x->job && x->suggesting == 0 && n > 0);
	if (x->next_number == 1 && x->spec->n_initial_trials > 0) {
		add_initial(c, x);
		return;
	}
	n = n < SUGGEST_MAX ? n : SUGGEST_MAX;
	a = arena_new();
	job = ARENA_NEW(a, struct suggest_job);
	job->work.run = run;
	job->work.done = done;
	job->control = c;
	job->arena = a;
	job->ref = spec_ref_get(x->ref);
	job->experiment = x->id;
	job->epoch = x->epoch;
	job->results = x->results;
	job->algorithm = x->spec->algorithm.algorithm;
	job->problem = x->spec->problem;
	job->problem.seed = (uint64_t)x->seed;
	job->lessons = lessons_get(x->lessons);
	job->judge = due(x);
	if (job->lessons) {
		job->problem.sources = job->lessons->sources;
		job->problem.n_sources = job->lessons->n_sources;
	}
	copy_history(job, x);
	if (!x->cache && job->algorithm->cache_new)
		x->cache = job->algorithm->cache_new(&job->problem);
	set_request(job, x, n);
	x->cache = NULL;
	x->job = job;
	x->suggesting = n;
	if (work_submit(c->config.workers, &job->work))
		return;
	x->job = NULL;
	x->suggesting = 0;
	x->cache = job->request.cache;
	job->request.cache = NULL;
	job_free(job);
	control_later(c, x, POOL_FULL_WAIT_MS * (CLK_SECOND / 1000));
}

void suggest_watch(struct control *c, struct experiment *x)
{
	struct suggest_job *job = x->job;
	const int64_t started = job ? atomic_load(&job->started_us) : 0;

	if (started == 0 || job->late || clk_now_us() - started < c->config.suggest_us)
		return;
	job->late = true;
	work_cancel(c->config.workers, &job->work);
}

void suggest_cancel(struct control *c, struct experiment *x)
{
	experiment_drop_cache(x);
	if (!x->job)
		return;
	x->job->abandoned = true;
	work_cancel(c->config.workers, &x->job->work);
	x->job = NULL;
}
