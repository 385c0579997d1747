/*
 * Bayesian optimisation: a Gaussian process of what is known, and each trial where it promises most.
 *
 * The first trials are the middle of the space and scrambled Sobol points, or the user's own. Then for
 * each trial the model (surrogate.h) is brought to the history, pending trials become samples of
 * what they may bring (fantasies.h), and the logarithm of the expected improvement, plus that of the
 * probability that the trial succeeds where some have failed, is maximised over the space (maximize.h);
 * at every fifth trial, or every third beside others, over the least tried branch of it (branches.h).
 * In a graded problem (algorithm.h) the resource is the last column of the model, results in part are rows of
 * it, and what is maximised is the promise of a full trial.
 * Earlier experiments are a trend under the model (stack.h, trend.h), while there are few trials.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "algorithms/gp/acquisition.h"
#include "algorithms/gp/branches.h"
#include "algorithms/gp/fantasies.h"
#include "algorithms/gp/incumbents.h"
#include "algorithms/gp/maximize.h"
#include "algorithms/gp/observations.h"
#include "algorithms/gp/stack.h"
#include "algorithms/gp/surrogate.h"
#include "algorithms/gp/trend.h"
#include "algorithms/multi/gp_many.h"
#include "algorithms/qmc.h"
#include "algorithms/registry.h"
#include "algorithms/warm.h"

enum {
	INCUMBENTS = 5,
	STARTS = 8,
	SCREEN_MIN = 256,           /* candidates to screen                                            */
	SCREEN_MAX = 512,
	ROWS_MAX = 1000,
	ROWS_LOCAL = 600,
	ROWS_GRADED = 200,          /* both, where trials have several results                         */
	BRANCH_EVERY = 5,           /* trials: one is for the least tried branch                       */
	BRANCH_EVERY_TOGETHER = 3,  /* the same while others are pending                               */
	INITIAL_WARM = 5,           /* trials before the model where sources have one; of these so     */
	CONTRAST = 2,               /* many are the design's, which show whether the sources are right */
};

static const double SCREEN_WORK = 1e8, SCAN_WORK = 2.5e7; /* multiplications                         */
static const double KAPPA = 1.8;

/* ---- settings ---------------------------------------------------------------------------------- */

enum { ROW_ESTIMATOR, ROW_INITIAL, ROW_FUNCTION, ROW_OPTIMIZER, ROW_NOISE, ROW_WARPING, ROW_SEED };
enum { FUNCTION_AUTO, FUNCTION_HEDGE, FUNCTION_LCB, FUNCTION_EI, FUNCTION_PI, FUNCTION_EIPS, FUNCTION_PIPS };
enum { OPTIMIZER_AUTO, OPTIMIZER_SAMPLING, OPTIMIZER_LBFGS };
enum { NOISE_AUTO, NOISE_NONE };
enum { WARPING_AUTO, WARPING_NONE };

static const char *const gp_aliases[] = {"bayesianoptimization", NULL};
static const char *const estimators[] = {"GP", "RF", "ET", "GBRT", NULL};
static const char *const functions[] = {"auto", "gp_hedge", "LCB", "EI", "PI", "EIps", "PIps", NULL};
static const char *const optimizers[] = {"auto", "sampling", "lbfgs", NULL};
static const char *const noises[] = {"auto", "none", NULL};
static const char *const warpings[] = {"auto", "none", NULL};

static const struct algo_setting gp_settings[] = {
	[ROW_ESTIMATOR] = {.name = "base_estimator",
		.type = ALGO_CHOICE,
		.choices = estimators,
		.doc = "Accepted for Katib's documents; the model is a Gaussian process whatever it says."},
	[ROW_INITIAL] = {.name = "n_initial_points",
		.type = ALGO_INT,
		.min = 0,
		.max = 10000,
		.def = __builtin_nan(""),
		.doc = "Trials before the model is used, your own included; by default one more than there are "
			   "parameters, at least 4 and at most 10, and no more than a quarter of the trials; with earlier "
			   "experiments that have enough to tell, 5 or two more than begin with their best, if that is less."},
	[ROW_FUNCTION] = {.name = "acq_func",
		.type = ALGO_CHOICE,
		.choices = functions,
		.doc = "What a trial is chosen by: auto and EI, the expected improvement; LCB, an optimistic bound; "
			   "PI, the probability of an improvement; gp_hedge, each of the three in turn; EIps and PIps "
			   "mean EI and PI."},
	[ROW_OPTIMIZER] = {.name = "acq_optimizer",
		.type = ALGO_CHOICE,
		.choices = optimizers,
		.doc = "How its maximum is found: sampling takes the best of many points, auto and lbfgs also improve "
			   "the best ones."},
	[ROW_NOISE] = {.name = "noise",
		.type = ALGO_CHOICE,
		.choices = noises,
		.doc = "auto: how much repeated trials would differ is estimated; none: they would not differ."},
	[ROW_WARPING] = {.name = "warping",
		.type = ALGO_CHOICE,
		.choices = warpings,
		.doc = "auto: objective values are transformed so that extreme ones do not rule the model; none: "
			   "they are only scaled."},
	[ROW_SEED] = ALGO_SETTING_SEED,
};

static int choice(const struct algo_problem *p, int row)
{
	return (int)p->settings[row].number;
}

/* ---- what is kept between calls ---------------------------------------------------------------- */

struct gp_cache {
	struct embed *embed;
	struct stack *stack;        /* NULL: no sources                                                */
	struct surrogate *objective, *success;
	struct gp_many *many;       /* several objectives or constraints: all that is used             */
};

static void gp_cache_free(void *cache)
{
	struct gp_cache *c = cache;

	if (!c)
		return;
	surrogate_free(c->objective);
	surrogate_free(c->success);
	stack_free(c->stack);
	embed_free(c->embed);
	gp_many_free(c->many);
	free(c);
}

static void *gp_cache_new(const struct algo_problem *p)
{
	struct gp_cache *c = calloc(1, sizeof(*c));
	struct surrogate_options o = {.prior = GP_PRIOR_DEFAULT,
		.warp = choice(p, ROW_WARPING) == WARPING_NONE ? WARP_NONE : WARP_HALF_RANK,
		.noisy = choice(p, ROW_WARPING) == WARPING_NONE ? WARP_NONE : WARP_POWER,
		.noiseless = choice(p, ROW_NOISE) == NOISE_NONE,
		.rows_max = p->graded ? ROWS_GRADED : ROWS_MAX,
		.rows_local = p->graded ? ROWS_GRADED : ROWS_LOCAL,
		.seed = p->seed};

	if (!c)
		return NULL;
	if ((c->embed = p->graded ? embed_new_graded(p->space) : embed_new(p->space))) {
		if (p->n_sources > 0 && p->n_objectives == 1 && p->n_constraints == 0 &&
			!(c->stack = stack_new(c->embed, &o)))
			goto fail;
		o.stack = c->stack;
		c->objective = surrogate_new(c->embed, &o);
		o.warp = o.noisy = WARP_NONE;
		o.noiseless = false;
		o.stack = NULL;
		c->success = surrogate_new(c->embed, &o);
	}
	if (p->n_objectives > 1 || p->n_constraints > 0)
		c->many = gp_many_new(p, &(struct gp_many_options){
			.warped = choice(p, ROW_WARPING) != WARPING_NONE,
			.noiseless = choice(p, ROW_NOISE) == NOISE_NONE,
			.starts = choice(p, ROW_OPTIMIZER) == OPTIMIZER_SAMPLING ? 0 : STARTS});
	if (c->objective && c->success && (c->many || (p->n_objectives == 1 && p->n_constraints == 0)))
		return c;
fail:
	gp_cache_free(c);
	return NULL;
}

/* ---- one call ---------------------------------------------------------------------------------- */

/* A request being served: what is known, and what has been chosen. */
struct gp_search {
	const struct algo_problem *p;
	const struct algo_history *h;
	const struct algo_request *r;
	struct gp_cache *c;
	struct observations seen_values;
	struct seen seen;
	double *pending;            /* rows of pending trials and of those chosen in this call         */
	uint32_t n_pending;
	struct incumbents incumbents;
	double *scale;              /* [columns]                                                       */
	bool modelled;              /* the model is at this history                                    */
	uint32_t initial;           /* trials before the model                                         */
};

static uint32_t n_initial(const struct algo_problem *p, const struct embed *e)
{
	const struct algo_value *given = &p->settings[ROW_INITIAL];
	double n = fmin(fmax(e->n_active + 1, 4), 10);

	if (!isnan(given->number))
		return (uint32_t)given->number;
	return (uint32_t)(p->max_trials > 0 ? fmin(n, fmax(2, p->max_trials / 4)) : n);
}

/* With sources that have models; their best configurations come before the design (warm.h). */
static uint32_t n_initial_warm(const struct algo_problem *p, uint32_t cold)
{
	uint32_t least = warm_limit(p) + CONTRAST;

	least = least > INITIAL_WARM ? least : INITIAL_WARM;
	return cold < least ? cold : least;
}

/* How many trials come before the model; earlier experiments that have been wrong so far change nothing. */
static enum algo_outcome plan_design(struct gp_search *s)
{
	const struct algo_problem *p = s->p;
	bool disappoints = false;
	enum algo_outcome outcome = ALGO_OK;

	s->initial = n_initial(p, s->c->embed);
	if (!isnan(p->settings[ROW_INITIAL].number) || !s->c->stack || !stack_possible(p) ||
		s->h->n_trials + s->h->n_pending >= s->initial)
		return ALGO_OK;
	if ((outcome = warm_disappoints(p, s->h, s->r->cancel, &disappoints)) == ALGO_OK && !disappoints)
		s->initial = n_initial_warm(p, s->initial);
	return outcome;
}

/* The middle, also where a source's best came before it, then Sobol points; anything new where that has been tried. */
static enum algo_outcome choose_by_design(const struct gp_search *s, uint32_t number, uint32_t before, double *x)
{
	uint32_t d = space_dim(s->p->space);
	struct rng rng = rng_stream(s->p->seed, RNG_SUGGEST, number);
	struct qmc *q = qmc_new(d, s->p->seed);
	double *u = malloc(d * sizeof(*u));
	enum algo_outcome outcome = ALGO_NO_MEMORY;

	if (q && u) {
		outcome = ALGO_OK;
		for (uint32_t j = 0; j < d; j++)
			u[j] = 0.5;
		space_decode(s->p->space, u, x);
		if (before > 0 && (s->p->n_sources == 0 || seen_has(&s->seen, x))) {
			qmc_point(q, before - 1, u);
			space_decode(s->p->space, u, x);
		}
		if (seen_has(&s->seen, x) && !seen_draw_new(&s->seen, &rng, x))
			outcome = ALGO_NO_MEMORY;
	}
	qmc_free(q);
	free(u);
	return outcome;
}

/* Brings the models to the history, once in a call. */
static enum algo_outcome learn(struct gp_search *s)
{
	const struct observations *o = &s->seen_values;
	enum algo_outcome outcome;

	if (s->modelled)
		return ALGO_OK;
	if (s->c->stack && (outcome = stack_fit(s->c->stack, s->p, s->r->cancel)) != ALGO_OK)
		return outcome;
	outcome = surrogate_update(s->c->objective, o->rows, o->values, o->n_ended, s->r->cancel);
	if (outcome == ALGO_OK && o->n > o->n_ended)
		outcome = surrogate_extend(s->c->objective, o->rows, o->values, o->n);
	if (outcome == ALGO_OK && o->n_failed > 0)
		outcome = surrogate_update(s->c->success, o->tried, o->verdicts, o->n_tried, s->r->cancel);
	if (outcome != ALGO_OK || (outcome = incumbents_find(&s->incumbents, s->c->objective, o, s->c->embed)) != ALGO_OK)
		return outcome;
	for (uint32_t c = 0; c < s->c->embed->n_columns; c++)
		s->scale[c] = fmin(fmax(gp_lengthscale(surrogate_model(s->c->objective), c), 0.05), 5);
	s->modelled = true;
	return ALGO_OK;
}

/* ---- choosing ---------------------------------------------------------------------------------- */

/* Every second trial looks for a gain that is worth having, wherever it may be. */
static double to_improve(const struct gp_search *s, uint32_t number)
{
	return s->incumbents.best + (number % 2 ? 0 : s->incumbents.least_gain);
}

static enum improvement kind_for(const struct algo_problem *p, uint32_t number)
{
	static const enum improvement hedge[] = {IMPROVEMENT_LOG_EI, IMPROVEMENT_UCB, IMPROVEMENT_LOG_PI};

	switch (choice(p, ROW_FUNCTION)) {
	case FUNCTION_HEDGE:
		return hedge[number % 3];
	case FUNCTION_LCB:
		return IMPROVEMENT_UCB;
	case FUNCTION_PI:
	case FUNCTION_PIPS:
		return IMPROVEMENT_LOG_PI;
	default:
		return IMPROVEMENT_LOG_EI;
	}
}

/* The place of an equal chance in the standardised verdicts. */
static double even_chance(const struct observations *o)
{
	double share = (double)o->n_failed / o->n_tried, mean = 1 - 2 * share;

	return share < 1 ? -mean / sqrt(1 - mean * mean) : 0;
}

static struct acquisition *acquisition_for(
	const struct gp_search *s, const struct gp *g, uint32_t number, const double *best)
{
	const struct observations *o = &s->seen_values;
	struct acquisition *terms[2];

	terms[0] = acquisition_improvement_on(
		surrogate_trend(s->c->objective), g, kind_for(s->p, number), best, KAPPA);
	if (o->n_failed == 0)
		return terms[0];
	terms[1] = acquisition_probability(surrogate_model(s->c->success), even_chance(o));
	return acquisition_sum(terms, 2, s->c->embed->n_columns);
}

/* The branch that the trial must go to, if any. */
static struct branch branch_for(const struct gp_search *s, uint32_t number)
{
	const struct observations *o = &s->seen_values;
	uint32_t every = s->n_pending > 0 ? BRANCH_EVERY_TOGETHER : BRANCH_EVERY;

	if (number % every != 0)
		return (struct branch){.param = EMBED_NONE};
	return branch_least_tried(s->c->embed, number / every, o->tried, o->n_tried, s->pending, s->n_pending);
}

static enum algo_outcome choose_by_model(struct gp_search *s, uint32_t number, double *x)
{
	struct gp *imagined = NULL;
	const struct gp *g = surrogate_model(s->c->objective);
	const struct trend *trend;
	double best[FANTASIES] = {to_improve(s, number)}, work, value;
	struct maximize task = {.embed = s->c->embed,
		.seen = &s->seen,
		.scale = s->scale,
		.incumbents = s->incumbents.x,
		.n_incumbents = s->incumbents.n,
		.starts = choice(s->p, ROW_OPTIMIZER) == OPTIMIZER_SAMPLING ? 0 : STARTS,
		.seed = rng_mix(rng_mix(s->p->seed, RNG_SUGGEST), number),
		.cancel = s->r->cancel};
	enum algo_outcome outcome = ALGO_OK;
	struct branch branch;

	if (s->n_pending > 0)
		outcome = fantasize(s->c->objective, s->pending, s->n_pending,
			rng_mix(rng_mix(s->p->seed, RNG_MODEL), number), &imagined, best);
	if (outcome != ALGO_OK)
		return outcome;
	g = imagined ? imagined : g;
	trend = surrogate_trend(s->c->objective);
	work = gp_rows(g) * (gp_rows(g) + 4.0 * s->c->embed->n_columns + (double)gp_samples(g) * s->n_pending) +
		   (trend ? 4.0 * s->c->embed->n_columns * trend_rows(trend) : 0);
	task.candidates = (uint32_t)fmin(fmax(SCREEN_WORK / work, SCREEN_MIN), SCREEN_MAX);
	task.scan_max = (uint64_t)fmax(SCAN_WORK / work, 512);
	task.acquisition = acquisition_for(s, g, number, best);
	branch = branch_for(s, number);
	task.branch = branch.param != EMBED_NONE ? &branch : NULL;
	outcome = task.acquisition ? maximize(&task, x, &value) : ALGO_NO_MEMORY;
	if (outcome == ALGO_EXHAUSTED && task.branch) {
		task.branch = NULL;
		outcome = maximize(&task, x, &value);
	}
	acquisition_free(task.acquisition);
	gp_free(imagined);
	return outcome;
}

static enum algo_outcome choose(struct gp_search *s, uint32_t number, uint32_t before, double *x)
{
	struct rng rng = rng_stream(s->p->seed, RNG_SUGGEST, number);
	enum algo_outcome outcome;

	if (seen_all(&s->seen))
		return ALGO_EXHAUSTED;
	if (before < s->initial || s->seen_values.n_ended < (s->initial < 2 ? 1 : 2))
		return choose_by_design(s, number, before, x);
	if ((outcome = learn(s)) == ALGO_OK)
		outcome = choose_by_model(s, number, x);
	/* Around the incumbents all is known, or the arithmetic gave up: anything new. */
	if (outcome == ALGO_EXHAUSTED || outcome == ALGO_DEFECT)
		outcome = seen_draw_new(&s->seen, &rng, x) ? ALGO_OK : ALGO_NO_MEMORY;
	return outcome;
}

static enum algo_outcome serve(struct gp_search *s, struct algo_request *r)
{
	uint32_t before = s->p->graded ? r->first_number - 1 : s->h->n_trials + s->h->n_pending;

	for (; r->n_out < r->n; r->n_out++, before++) {
		struct algo_suggestion *out = &r->out[r->n_out];
		enum algo_outcome outcome;

		if (algo_cancelled(r))
			return ALGO_CANCELLED;
		if ((outcome = choose(s, r->first_number + r->n_out, before, out->x)) != ALGO_OK)
			return outcome;
		*out = (struct algo_suggestion){.x = out->x, .resource = NAN};
		if (!seen_add(&s->seen, out->x))
			return ALGO_NO_MEMORY;
		embed_row(s->c->embed, out->x, s->pending + (size_t)s->n_pending++ * s->c->embed->n_columns);
	}
	return ALGO_OK;
}

/* What the history holds: values, what has been seen, rows of what is pending. */
static bool read_history(struct gp_search *s)
{
	const struct algo_history *h = s->h;
	uint32_t d = space_dim(s->p->space), columns = s->c->embed->n_columns;

	s->pending = malloc(((size_t)h->n_pending + s->r->n) * (columns + 1) * sizeof(*s->pending) + 1);
	s->incumbents = (struct incumbents){
		.x = malloc((INCUMBENTS * (size_t)d + columns) * sizeof(double)), .n_max = INCUMBENTS};
	if (!s->pending || !s->incumbents.x || !observations_read(&s->seen_values, s->c->embed, s->p, h, 0))
		return false;
	s->scale = s->incumbents.x + INCUMBENTS * (size_t)d;
	for (uint32_t i = 0; i < h->n_trials; i++)
		if (space_valid(s->p->space, h->trials[i].x, NULL) && !seen_add(&s->seen, h->trials[i].x))
			return false;
	for (uint32_t i = 0; i < h->n_pending; i++) {
		if (!space_valid(s->p->space, h->pending[i].x, NULL) || h->pending[i].values)
			continue;
		if (!seen_add(&s->seen, h->pending[i].x))
			return false;
		embed_row(s->c->embed, h->pending[i].x, s->pending + (size_t)s->n_pending++ * columns);
	}
	return true;
}

static enum algo_outcome gp_suggest(
	const struct algo_problem *p, const struct algo_history *h, struct algo_request *r)
{
	struct gp_cache *own = r->cache ? NULL : gp_cache_new(p);
	struct gp_search s = {.p = p, .h = h, .r = r, .c = own ? own : r->cache};
	enum algo_outcome outcome = ALGO_NO_MEMORY;

	r->n_out = 0;
	if (!s.c)
		return ALGO_NO_MEMORY;
	if (s.c->many) {
		outcome = gp_many_suggest(s.c->many, p, h, r, n_initial(p, s.c->embed));
		gp_cache_free(own);
		return outcome;
	}
	seen_init(&s.seen, p->space, NULL);
	if ((outcome = plan_design(&s)) == ALGO_OK)
		outcome = read_history(&s) ? serve(&s, r) : ALGO_NO_MEMORY;
	if (outcome < 0)
		r->n_out = 0;
	observations_free(&s.seen_values);
	seen_free(&s.seen);
	free(s.pending);
	free(s.incumbents.x);
	gp_cache_free(own);
	return outcome;
}

static uint64_t gp_last_trial(const struct algo_problem *p)
{
	return space_cardinality(p->space);
}

const struct algorithm algorithm_gp = {
	.name = "gp",
	.aliases = gp_aliases,
	.doc = "Bayesian optimisation with a Gaussian process: learns from every trial where the next one promises "
		   "most. The best choice while trials are dear, up to about a thousand of them; takes every kind of "
		   "parameter, conditions, noise, failures and parallel trials.",
	.settings = gp_settings,
	.n_settings = sizeof(gp_settings) / sizeof(*gp_settings),
	.capabilities = ALGO_CONDITIONS | ALGO_CATEGORIES | ALGO_MULTI_OBJECTIVE | ALGO_CONSTRAINTS | ALGO_SOURCES |
	                ALGO_GRADED,
	.last_trial = gp_last_trial,
	.suggest = gp_suggest,
	.cache_new = gp_cache_new,
	.cache_free = gp_cache_free,
};
