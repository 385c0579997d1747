/* Ask, evaluate, tell. */
#include "bench/search/study.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "algorithms/rng.h"
#include "algorithms/warm.h"
#include "bench/search/memory.h"

/* ---- the space --------------------------------------------------------------------------------- */

static void add_condition(struct space_builder *b, uint32_t child, const struct problem_param *p)
{
	double values[32];
	uint32_t n = 0;

	for (uint32_t k = 0; k < 32; k++)
		if (p->when >> k & 1)
			values[n++] = k;
	if (n > 0)
		space_when(b, child, p->parent, values, n);
}

struct space *study_space(const struct problem *p)
{
	struct space_builder *b = space_builder_new();
	struct space_problem fault;
	struct space *s;
	size_t n;

	if (!b)
		return NULL;
	for (uint32_t j = 0; j < p->n_params; j++)
		space_add(b, &p->params[j].space);
	for (uint32_t j = 0; j < p->n_params; j++)
		add_condition(b, j, &p->params[j]);
	s = space_build(b, &fault, 1, &n);
	if (!s)
		fprintf(stderr, "%s: parameter %u: %s\n", p->name, fault.param, space_fault_text(fault.fault));
	return s;
}

/* ---- a running search -------------------------------------------------------------------------- */

struct study {
	const struct study_plan *plan;
	const struct problem *problem;
	struct space *space;
	struct algo_objective objectives[PROBLEM_OBJECTIVES_MAX];
	struct algo_value *settings;
	struct algo_problem p;
	struct algo_trial *trials;  /* in the order of their numbers, which is that of their ends  */
	double *x, *values;         /* of all trials; n_objectives values each                     */
	uint32_t asked, ended, size;
	double incumbent;           /* best value told                                             */
	double regret;              /* of its trial                                                */
	void *cache;
	struct study *earlier;      /* n_sources of them, finished                                 */
	struct algo_source *sources;
};

struct complaint {
	const char *problem;        /* NULL: silent                                                */
};

static void complain(void *ctx, const char *setting, int param, const char *message)
{
	const struct complaint *c = ctx;

	if (c->problem)
		fprintf(stderr, "%s: %s%s%s (parameter %d)\n", c->problem, setting ? setting : "", setting ? ": " : "",
			message, param);
}

static bool apply_settings(struct study *s, struct complaint *c)
{
	const struct algorithm *a = s->plan->algorithm;

	algo_settings_init(a, s->settings);
	for (uint32_t i = 0; i < s->plan->n_settings; i++) {
		const char *text = strchr(s->plan->settings[i], '=');
		char name[64] = "";
		int row = -1;

		if (text && (size_t)(text - s->plan->settings[i]) < sizeof(name)) {
			memcpy(name, s->plan->settings[i], (size_t)(text - s->plan->settings[i]));
			row = algo_setting_find(a, name);
		}
		if (row < 0) {
			complain(c, NULL, -1, s->plan->settings[i]);
			return false;
		}
		if (!algo_setting_text(a, s->settings, (uint32_t)row, text + 1, complain, c))
			return false;
	}
	return algo_check(a, &s->p, complain, c);
}

static void close_study(struct study *s)
{
	if (s->cache)
		s->plan->algorithm->cache_free(s->cache);
	for (uint32_t i = 0; s->earlier && i < s->p.n_sources; i++)
		close_study(&s->earlier[i]);
	free(s->earlier);
	free(s->sources);
	space_unref(s->space);
	free(s->settings);
	free(s->trials);
	free(s->x);
	free(s->values);
}

static bool open_study(struct study *s, const struct study_plan *plan, struct complaint *c)
{
	const struct algorithm *a = plan->algorithm;
	size_t d;
	uint32_t m;

	*s = (struct study){.plan = plan, .problem = problems_at(plan->all, plan->problem), .regret = INFINITY};
	s->incumbent = s->problem->maximize ? -INFINITY : INFINITY;
	s->space = study_space(s->problem);
	s->size = plan->prefill + plan->trials + plan->parallel;
	if (!s->space || s->size > STUDY_TRIALS_MAX)
		return false;
	d = space_dim(s->space);
	m = problems_objectives(plan->all, plan->problem);
	for (uint32_t k = 0; k < m; k++) {
		bool up = s->problem->several ? s->problem->several->maximize[k] : s->problem->maximize;

		s->objectives[k] = (struct algo_objective){.direction = up ? ALGO_MAXIMIZE : ALGO_MINIMIZE, .goal = NAN};
	}
	s->settings = calloc(a->n_settings + 1, sizeof(*s->settings));
	s->trials = calloc(s->size, sizeof(*s->trials));
	s->x = calloc(s->size * d, sizeof(*s->x));
	s->values = calloc((size_t)s->size * m, sizeof(*s->values));
	if (!s->settings || !s->trials || !s->x || !s->values)
		return false;
	s->p = (struct algo_problem){.space = s->space,
		.objectives = s->objectives,
		.n_objectives = m,
		.settings = s->settings,
		.seed = plan->seed,
		.max_trials = plan->trials,
		.parallel = plan->parallel};
	return apply_settings(s, c);
}

static struct algo_trial *start_trial(struct study *s, const double *x)
{
	uint32_t d = space_dim(s->space), i = s->asked++;
	double *copy = s->x + (size_t)i * d;

	memcpy(copy, x, d * sizeof(*copy));
	s->trials[i] = (struct algo_trial){.number = i + 1,
		.suggested = true,
		.x = copy,
		.duration = NAN,
		.resource = NAN,
		.status = ALGO_PENDING};
	return &s->trials[i];
}

/* The regret is of all the trials together. */
static void end_with_several(struct study *s, uint32_t i)
{
	struct algo_trial *t = &s->trials[i];
	double *values = s->values + (size_t)i * s->p.n_objectives;

	problems_evaluate_all(s->plan->all, s->plan->problem, t->x, values);
	t->values = values;
	t->status = ALGO_SUCCEEDED;
	if (i >= s->plan->prefill)
		s->regret = problems_missing(s->plan->all, s->plan->problem, s->values, s->ended);
}

/* The oldest pending trial ends. Its number is its draw, in a stream of the seed's own. */
static void end_trial(struct study *s)
{
	uint32_t i = s->ended++;
	struct algo_trial *t = &s->trials[i];
	uint64_t draw = (s->plan->seed << 32) + t->number;
	double v;

	if (s->problem->several) {
		end_with_several(s, i);
		return;
	}
	v = problems_evaluate(s->plan->all, s->plan->problem, t->x, draw);
	s->values[i] = v;
	t->values = &s->values[i];
	t->status = isnan(v) ? ALGO_FAILED : ALGO_SUCCEEDED;
	if (s->problem->maximize ? v > s->incumbent : v < s->incumbent) {
		s->incumbent = v;
		s->regret = problems_regret(s->plan->all, s->plan->problem, t->x, v);
	}
}

static double cpu_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* One suggestion; 0: none left, -1: failure. */
static int ask(struct study *s, double *ms)
{
	double x[PROBLEM_PARAMS_MAX], before;
	uint32_t offender;
	struct algo_suggestion out = {.x = x};
	struct algo_request r = {.first_number = s->asked + 1, .n = 1, .out = &out, .cache = s->cache};
	struct algo_history h = {.trials = s->trials,
		.n_trials = s->ended,
		.pending = s->trials + s->ended,
		.n_pending = s->asked - s->ended};
	enum algo_outcome outcome;
	struct algo_trial *started;

	before = cpu_ms();
	outcome = warm_suggest(s->plan->algorithm, &s->p, &h, &r);
	*ms = cpu_ms() - before;
	if (outcome == ALGO_EXHAUSTED || outcome == ALGO_WAIT)
		return 0;
	if (outcome != ALGO_OK || !space_valid(s->space, x, &offender)) {
		fprintf(stderr, "%s on %s, seed %llu, trial %u: outcome %d\n", s->plan->algorithm->name,
			s->problem->name, (unsigned long long)s->plan->seed, s->asked + 1, (int)outcome);
		return -1;
	}
	started = start_trial(s, x);
	started->resource = out.resource;
	started->parent = out.parent;
	started->bracket = out.bracket;
	started->rung = out.rung;
	return 1;
}

static void fill(struct study *s)
{
	double u[PROBLEM_PARAMS_MAX], x[PROBLEM_PARAMS_MAX];
	struct rng rng = rng_stream(s->plan->seed, RNG_MODEL, UINT64_MAX);

	for (uint32_t i = 0; i < s->plan->prefill; i++) {
		for (uint32_t j = 0; j < space_dim(s->space); j++)
			u[j] = rng_uniform(&rng);
		space_decode(s->space, u, x);
		start_trial(s, x);
		end_trial(s);
	}
}

/* Asks until `parallel` are pending, the plan is fulfilled or the algorithm has none. */
static int ask_all(struct study *s, struct study_result *out)
{
	uint32_t first = s->plan->prefill;

	while (s->asked - s->ended < s->plan->parallel && s->asked - first < s->plan->trials) {
		int got = ask(s, &out->ms[s->asked - first]);

		if (got <= 0)
			return got;
	}
	return 0;
}

static bool search(struct study *s, struct study_result *out)
{
	double mark;

	out->regret = calloc(s->plan->trials, sizeof(*out->regret));
	out->ms = calloc(s->plan->trials + s->plan->parallel, sizeof(*out->ms));
	if (!out->regret || !out->ms)
		return false;
	s->cache = s->plan->algorithm->cache_new ? s->plan->algorithm->cache_new(&s->p) : NULL;
	fill(s);
	mark = memory_mark();
	for (;;) {
		if (ask_all(s, out) < 0)
			return false;
		if (s->asked == s->ended)
			break;
		end_trial(s);
		out->regret[out->n++] = s->regret;
	}
	out->peak_mb = memory_peak(mark);
	return true;
}

/* One of the earlier experiments; `plan` must live as long as it. */
static bool search_earlier(struct study *s, const struct study_plan *plan, struct complaint *c)
{
	struct study_result result = {0};
	bool ok = open_study(s, plan, c) && search(s, &result);

	study_free(&result);
	return ok;
}

/* What a source must not be able to do harm with. */
static void spoil(struct study *from, enum study_spoil how)
{
	struct rng r = rng_stream(from->plan->seed, RNG_MODEL, from->plan->problem);
	double u[SPACE_PARAMS_MAX];
	size_t d = space_dim(from->space);

	if (how == STUDY_FEW)
		from->ended = from->ended < 5 ? from->ended : 5;
	for (uint32_t i = 0; i < from->ended; i++) {
		if (how == STUDY_NEGATED)
			from->values[i] = -from->values[i];
		else if (how == STUDY_RANDOM)
			from->values[i] = rng_normal(&r);
		else if (how == STUDY_FAILED)
			from->trials[i].status = ALGO_FAILED;
		if (how != STUDY_MIRRORED)
			continue;
		space_encode(from->space, from->x + i * d, u);
		for (size_t j = 0; j < d; j++)
			u[j] = 1 - u[j];
		space_decode(from->space, u, from->x + i * d);
	}
}

/* Searches the related tasks and gives their trials to s. `plans` live as long as s. */
static bool learn(struct study *s, struct study_plan plans[STUDY_SOURCES_MAX], struct complaint *c)
{
	uint32_t tasks[STUDY_SOURCES_MAX], n;

	n = problems_related(s->plan->all, s->plan->problem, tasks,
		s->plan->n_sources < STUDY_SOURCES_MAX ? s->plan->n_sources : STUDY_SOURCES_MAX);
	if (n == 0)
		return true;
	s->earlier = calloc(n, sizeof(*s->earlier));
	s->sources = calloc(n, sizeof(*s->sources));
	if (!s->earlier || !s->sources)
		return false;
	for (; s->p.n_sources < n; s->p.n_sources++) {
		uint32_t i = s->p.n_sources;

		plans[i] = *s->plan;
		plans[i].problem = tasks[i];
		plans[i].seed = s->plan->seed + 1000 * (i + 1);
		plans[i].trials = s->plan->source_trials;
		plans[i].parallel = 1;
		plans[i].n_sources = 0;
		if (!search_earlier(&s->earlier[i], &plans[i], c)) {
			close_study(&s->earlier[i]);
			return false;
		}
		spoil(&s->earlier[i], s->plan->spoil);
		s->sources[i] = (struct algo_source){.trials = s->earlier[i].trials, .n_trials = s->earlier[i].ended};
	}
	s->p.sources = s->sources;
	return true;
}

bool study_run(const struct study_plan *plan, struct study_result *out)
{
	struct complaint c = {problems_name(plan->all, plan->problem)};
	struct study_plan plans[STUDY_SOURCES_MAX];
	struct study s;
	bool ok;

	*out = (struct study_result){0};
	ok = open_study(&s, plan, &c) && learn(&s, plans, &c) && search(&s, out);
	close_study(&s);
	return ok;
}

void study_free(struct study_result *r)
{
	free(r->regret);
	free(r->ms);
}

bool study_possible(const struct study_plan *plan)
{
	struct complaint silent = {NULL};
	struct study s;
	bool ok = open_study(&s, plan, &silent);

	close_study(&s);
	return ok;
}
