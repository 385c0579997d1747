#include "bench/stopping/sim.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "algorithms/rng.h"
#include "bench/search/study.h"

enum { UNIT_SAMPLE = 64 };

struct trial {
	struct algo_trial told;
	double x[PROBLEM_PARAMS_MAX], value;
	struct algo_point *curve;
	uint32_t step, last; /* the step that is under way, and the one it may run to       */
	double begun;        /* seconds at which its first step began                       */
	double before;       /* seconds that its parents have trained                       */
};

struct worker {
	struct trial *trial; /* NULL: idle                                                  */
	double due;          /* when its step is over                                       */
	double value;        /* that it reports then                                        */
};

struct sim {
	const struct sim_plan *plan;
	const struct problem *problem;
	struct space *space;
	struct algo_objective objective;
	struct algo_fidelity fidelity;
	struct algo_problem p;
	struct stopper *stopper;
	struct trial *trials;
	struct algo_trial *ended, *pending;
	uint32_t n_trials, n_ended;
	struct worker workers[SIM_WORKERS_MAX];
	void *cache;
	double now, end;
	uint32_t part; /* of the budget, that regret[] is written up to               */
	bool exhausted;
};

static void complain(void *ctx, const char *setting, int param, const char *message)
{
	fprintf(stderr, "%s: %s%s%s (parameter %d)\n", (const char *)ctx, setting ? setting : "",
		setting ? ": " : "", message, param);
}

double sim_full_seconds(const struct problems *all, uint32_t problem)
{
	struct space *space = study_space(problems_at(all, problem));
	struct rng rng = rng_stream(1, RNG_MODEL, 1);
	double sum = 0;

	for (uint32_t i = 0; space && i < UNIT_SAMPLE; i++) {
		double u[PROBLEM_PARAMS_MAX], x[PROBLEM_PARAMS_MAX], seconds;

		for (uint32_t j = 0; j < space_dim(space); j++)
			u[j] = rng_uniform(&rng);
		space_decode(space, u, x);
		problems_report(all, problem, x, problems_steps(all, problem), &seconds);
		sum += seconds;
	}
	space_unref(space);
	return sum / UNIT_SAMPLE;
}

/* ---- opened and closed ------------------------------------------------------------------------- */

static bool open_stopper(struct sim *s)
{
	struct algo_rungs rungs;
	bool has = s->plan->algorithm->rungs && s->plan->algorithm->rungs(&s->p, &rungs);
	const struct stop_problem p = {.direction = s->objective.direction,
		.metric = "value",
		.uses = s->plan->uses,
		.n_uses = s->plan->n_uses,
		.rungs = has ? &rungs : NULL,
		.max_resource = s->problem->steps};

	if (!stop_check(&p, complain, (void *)(uintptr_t)s->problem->name))
		return false;
	s->stopper = stopper_new(&p);
	return s->stopper != NULL;
}

static bool open_sim(struct sim *s)
{
	const struct sim_plan *plan = s->plan;

	s->problem = problems_at(plan->all, plan->problem);
	if (s->problem->steps == 0 || plan->workers > SIM_WORKERS_MAX)
		return false;
	s->space = study_space(s->problem);
	s->objective = (struct algo_objective){
		.direction = s->problem->maximize ? ALGO_MAXIMIZE : ALGO_MINIMIZE, .goal = NAN};
	s->fidelity = (struct algo_fidelity){
		.min = plan->least, .max = s->problem->steps, .eta = 3, .param = -1, .resumable = true};
	s->p = (struct algo_problem){.space = s->space,
		.objectives = &s->objective,
		.n_objectives = 1,
		.settings = plan->settings,
		.seed = plan->seed,
		.max_trials = plan->trials,
		.parallel = plan->workers,
		.fidelity = plan->least != 0 ? &s->fidelity : NULL};
	s->trials = calloc(SIM_TRIALS_MAX, sizeof(*s->trials));
	s->ended = calloc(SIM_TRIALS_MAX, sizeof(*s->ended));
	s->pending = calloc(SIM_WORKERS_MAX, sizeof(*s->pending));
	if (!s->space || !s->trials || !s->ended || !s->pending ||
		!algo_check(plan->algorithm, &s->p, complain, (void *)(uintptr_t)s->problem->name) ||
		!open_stopper(s))
		return false;
	s->end = plan->budget > 0 ? plan->budget * sim_full_seconds(plan->all, plan->problem) / plan->workers
	                          : INFINITY;
	if (plan->algorithm->cache_new)
		s->cache = plan->algorithm->cache_new(&s->p);
	return true;
}

static void close_sim(struct sim *s)
{
	if (s->cache)
		s->plan->algorithm->cache_free(s->cache);
	for (uint32_t i = 0; s->trials && i < s->n_trials; i++)
		free(s->trials[i].curve);
	stopper_free(s->stopper);
	space_unref(s->space);
	free(s->trials);
	free(s->ended);
	free(s->pending);
}

/* ---- trials ------------------------------------------------------------------------------------ */

static bool is_better(const struct sim *s, double a, double b)
{
	return s->problem->maximize ? a > b : a < b;
}

/* The next step of the worker's trial is under way. */
static void begin_step(struct sim *s, struct worker *w)
{
	double seconds;

	w->value = problems_report(s->plan->all, s->plan->problem, w->trial->x, ++w->trial->step, &seconds);
	w->due = fmax(s->now, w->trial->begun + seconds - w->trial->before);
}

static bool begin_trial(struct sim *s, struct worker *w, const double *x, const struct algo_suggestion *out)
{
	struct trial *t = &s->trials[s->n_trials++];
	uint32_t steps = s->problem->steps;

	memcpy(t->x, x, space_dim(s->space) * sizeof(*x));
	t->told = (struct algo_trial){.number = s->n_trials,
		.suggested = true,
		.x = t->x,
		.duration = NAN,
		.resource = out->resource,
		.parent = out->parent,
		.bracket = out->bracket,
		.rung = out->rung};
	t->value = NAN;
	t->last = isnan(out->resource) ? steps : (uint32_t)fmin(ceil(out->resource - 1e-9), steps);
	t->begun = s->now;
	if (out->parent > 0)
		t->step = s->trials[out->parent - 1].step;
	if (t->step > 0)
		problems_report(s->plan->all, s->plan->problem, x, t->step, &t->before);
	t->curve = calloc(steps, sizeof(*t->curve));
	w->trial = t;
	if (!t->curve || !stopper_begin(s->stopper, s->n_trials, out->bracket, out->parent, out->resource))
		return false;
	begin_step(s, w);
	return true;
}

static void end_trial(struct sim *s, struct worker *w, enum algo_status status, struct sim_result *out)
{
	struct trial *t = w->trial;

	t->told.status = status;
	t->told.values = &t->value;
	t->told.curve = t->curve;
	t->told.duration = s->now - t->begun;
	s->ended[s->n_ended++] = t->told;
	stopper_end(s->stopper, t->told.number, status, t->value);
	out->trained += s->now - t->begun;
	out->n_stopped += status == ALGO_STOPPED;
	out->n_whole += status == ALGO_SUCCEEDED && t->step == s->problem->steps;
	w->trial = NULL;
}

/* The worker's step is over. False: no memory. */
static bool report(struct sim *s, struct worker *w, struct sim_result *out)
{
	struct trial *t = w->trial;
	struct stop_verdict verdict;
	enum stop_outcome outcome;

	out->n_reports++;
	if (isnan(w->value)) {
		end_trial(s, w, ALGO_FAILED, out);
		return true;
	}
	t->curve[t->told.n_curve++] = (struct algo_point){.step = t->step, .value = w->value};
	if (isnan(t->value) || is_better(s, w->value, t->value))
		t->value = w->value;
	if (isnan(out->best) || is_better(s, w->value, out->best))
		out->best = w->value;
	outcome = stopper_report(s->stopper, t->told.number, t->step, w->value, &verdict);
	if (outcome == STOP_NO_MEMORY)
		return false;
	if (t->step == t->last)
		end_trial(s, w, ALGO_SUCCEEDED, out);
	else if (outcome == STOP_NOW)
		end_trial(s, w, ALGO_STOPPED, out);
	else
		begin_step(s, w);
	return true;
}

/* ---- the search -------------------------------------------------------------------------------- */

/* False: failure. A worker may stay idle because there is nothing to do yet. */
static bool ask(struct sim *s, struct worker *w)
{
	double x[PROBLEM_PARAMS_MAX];
	struct algo_suggestion out = {.x = x};
	struct algo_request r = {.first_number = s->n_trials + 1, .n = 1, .out = &out, .cache = s->cache};
	struct algo_history h = {.trials = s->ended, .n_trials = s->n_ended, .pending = s->pending};
	enum algo_outcome outcome;

	for (uint32_t i = 0; i < s->n_trials; i++)
		if (s->trials[i].told.status == ALGO_PENDING) {
			s->pending[h.n_pending] = s->trials[i].told;
			s->pending[h.n_pending++].curve = s->trials[i].curve;
		}
	outcome = s->plan->algorithm->suggest(&s->p, &h, &r);
	if (outcome == ALGO_WAIT)
		return true;
	if (outcome == ALGO_EXHAUSTED) {
		s->exhausted = true;
		return true;
	}
	if (outcome != ALGO_OK) {
		fprintf(stderr, "%s on %s, seed %llu, trial %u: outcome %d\n", s->plan->algorithm->name,
			s->problem->name, (unsigned long long)s->plan->seed, s->n_trials + 1, (int)outcome);
		return false;
	}
	return begin_trial(s, w, x, &out);
}

static bool ask_all(struct sim *s)
{
	uint32_t most = s->plan->trials ? s->plan->trials : SIM_TRIALS_MAX;

	for (uint32_t i = 0; i < s->plan->workers; i++)
		if (!s->workers[i].trial && s->n_trials < most && !s->exhausted && !ask(s, &s->workers[i]))
			return false;
	return true;
}

static struct worker *next_due(struct sim *s)
{
	struct worker *next = NULL;

	for (uint32_t i = 0; i < s->plan->workers; i++) {
		struct worker *w = &s->workers[i];

		if (w->trial && (!next || w->due < next->due))
			next = w;
	}
	return next;
}

/* Up to this time nothing better has been reported. */
static void write_regret(struct sim *s, double until, struct sim_result *out)
{
	for (; s->part < SIM_GRID && s->end * (s->part + 1) / SIM_GRID < until; s->part++)
		out->regret[s->part] =
			isnan(out->best) ? INFINITY : problems_regret(s->plan->all, s->plan->problem, NULL, out->best);
}

static bool search(struct sim *s, struct sim_result *out)
{
	for (;;) {
		struct worker *w;

		if (!ask_all(s))
			return false;
		w = next_due(s);
		write_regret(s, w ? fmin(w->due, s->end * 2) : s->end * 2, out);
		if (!w || w->due > s->end)
			break;
		s->now = w->due;
		if (!report(s, w, out))
			return false;
	}
	for (uint32_t i = 0; i < s->plan->workers; i++)
		if (s->workers[i].trial)
			out->trained += s->end - s->workers[i].trial->begun;
	out->n_trials = s->n_trials;
	return true;
}

bool sim_run(const struct sim_plan *plan, struct sim_result *out)
{
	struct sim s = {.plan = plan};
	bool ok;

	*out = (struct sim_result){.best = NAN};
	ok = open_sim(&s) && search(&s, out);
	close_sim(&s);
	return ok;
}
