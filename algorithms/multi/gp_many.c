/* Several objectives and constraints on Gaussian processes. */
#include "algorithms/multi/gp_many.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "algorithms/gp/maximize.h"
#include "algorithms/gp/surrogate.h"
#include "algorithms/gp/warp.h"
#include "algorithms/multi/acquisition_ehvi.h"
#include "algorithms/multi/pareto.h"
#include "algorithms/multi/results.h"
#include "algorithms/qmc.h"

enum {
	OBJECTIVES = 2, /* with a model each; beyond, one of a sum                     */
	INCUMBENTS = 5,
	PENDING_MAX = 256, /* the newest are believed                                     */
	ROWS_MAX = 600,
	ROWS_LOCAL = 450,
};

static const double WORK = 1e8; /* multiplications, for screening as for a scan                   */

/* ---- what is kept ------------------------------------------------------------------------------ */

struct gp_many {
	struct gp_many_options options;
	struct embed *embed;
	struct surrogate *objectives[OBJECTIVES], *constraints[RESULTS_CONSTRAINTS_MAX], *success;
};

void gp_many_free(struct gp_many *g)
{
	if (!g)
		return;
	for (int k = 0; k < OBJECTIVES; k++)
		surrogate_free(g->objectives[k]);
	for (int k = 0; k < RESULTS_CONSTRAINTS_MAX; k++)
		surrogate_free(g->constraints[k]);
	surrogate_free(g->success);
	embed_free(g->embed);
	free(g);
}

static struct surrogate *new_surrogate(const struct gp_many *g, enum warp warp, bool noiseless, uint64_t seed)
{
	return surrogate_new(g->embed, &(struct surrogate_options){.prior = GP_PRIOR_DEFAULT,
									   .warp = warp,
									   .noisy = warp,
									   .noiseless = noiseless,
									   .rows_max = ROWS_MAX,
									   .rows_local = ROWS_LOCAL,
									   .seed = seed});
}

struct gp_many *gp_many_new(const struct algo_problem *p, const struct gp_many_options *o)
{
	struct gp_many *g = calloc(1, sizeof(*g));
	bool ok = true;

	if (!g)
		return NULL;
	g->options = *o;
	if (!(g->embed = embed_new(p->space))) {
		gp_many_free(g);
		return NULL;
	}
	for (uint32_t k = 0; k < p->n_objectives && p->n_objectives <= OBJECTIVES; k++) {
		g->objectives[k] = new_surrogate(g, o->warped ? WARP_HALF_RANK : WARP_NONE, o->noiseless, p->seed);
		ok &= g->objectives[k] != NULL;
	}
	for (uint32_t k = 0; k < p->n_constraints && k < RESULTS_CONSTRAINTS_MAX; k++) {
		g->constraints[k] = new_surrogate(g, WARP_NONE, o->noiseless, p->seed);
		ok &= g->constraints[k] != NULL;
	}
	g->success = new_surrogate(g, WARP_NONE, false, p->seed);
	if (ok && g->success)
		return g;
	gp_many_free(g);
	return NULL;
}

/* ---- one call ---------------------------------------------------------------------------------- */

struct search {
	struct gp_many *g;
	const struct algo_problem *p;
	const struct algo_history *h;
	const struct algo_request *r;
	uint32_t n_initial;
	struct results results;
	struct seen seen;
	double *pending; /* [n_pending][columns]                                        */
	uint32_t n_pending;
	bool modelled; /* objectives and constraints are at this history              */
	uint32_t n_feasible;
};

static double *pending_row(const struct search *s, uint32_t i)
{
	return s->pending + (size_t)i * s->g->embed->n_columns;
}

/* Values of objective k, larger is better. */
static void negated_objective(const struct search *s, uint32_t k, double *values)
{
	for (uint32_t i = 0; i < s->results.n; i++)
		values[i] = -s->results.y[(size_t)i * s->results.m + k];
}

static enum algo_outcome learn(struct search *s)
{
	const struct results *t = &s->results;
	double *values = malloc(t->n * sizeof(*values));
	enum algo_outcome outcome = values ? ALGO_OK : ALGO_NO_MEMORY;

	for (uint32_t k = 0; outcome == ALGO_OK && k < t->m && t->m <= OBJECTIVES; k++) {
		negated_objective(s, k, values);
		outcome = surrogate_update(s->g->objectives[k], t->rows, values, t->n, s->r->cancel);
	}
	for (uint32_t k = 0; outcome == ALGO_OK && k < t->n_constraints; k++)
		outcome = surrogate_update(s->g->constraints[k], t->rows, t->slack + k * t->room, t->n, s->r->cancel);
	if (outcome == ALGO_OK && t->n_failed > 0)
		outcome = surrogate_update(s->g->success, t->tried, t->verdicts, t->n_tried, s->r->cancel);
	free(values);
	s->n_feasible = 0;
	for (uint32_t i = 0; i < t->n; i++)
		s->n_feasible += t->violations[i] == 0;
	s->modelled = outcome == ALGO_OK;
	return outcome;
}

/* ---- what one suggestion maximises ------------------------------------------------------------- */

/* Models of the objectives that know what is pending, and what they are to improve on. */
struct aim {
	struct surrogate *sum; /* of all objectives, if there are more than OBJECTIVES        */
	struct gp *models[OBJECTIVES];
	double *believed[OBJECTIVES]; /* [n_pending]: the means of pending trials            */
	uint32_t n_models;
	struct ehvi_front front;
};

static void aim_free(struct aim *a)
{
	surrogate_free(a->sum);
	for (int k = 0; k < OBJECTIVES; k++) {
		gp_free(a->models[k]);
		free(a->believed[k]);
	}
	ehvi_front_free(&a->front);
}

/* Writes for every entry minus the augmented Chebyshev sum of its objectives with random weights;
 * they are transformed and scaled first, so that none of them rules. */
static enum algo_outcome weigh(const struct search *s, uint32_t number, double *values)
{
	const struct results *t = &s->results;
	struct rng r = rng_stream(s->p->seed, RNG_MODEL, number);
	double *z = malloc(2 * (size_t)t->n * sizeof(*z)), *worst = z ? z + t->n : NULL, total = 0;
	double weights[64];
	uint32_t m = t->m < 64 ? t->m : 64;
	enum algo_outcome outcome = z ? ALGO_OK : ALGO_NO_MEMORY;

	for (uint32_t k = 0; k < m; k++)
		total += weights[k] = -log(rng_uniform(&r));
	for (uint32_t i = 0; i < t->n && z; i++)
		values[i] = worst[i] = 0;
	for (uint32_t k = 0; outcome == ALGO_OK && k < m; k++) {
		double low = INFINITY, high = -INFINITY;

		negated_objective(s, k, z);
		outcome = warp_outputs(s->g->options.warped ? WARP_HALF_RANK : WARP_NONE, z, t->n, NAN, z);
		for (uint32_t i = 0; i < t->n; i++) {
			low = fmin(low, z[i]);
			high = fmax(high, z[i]);
		}
		for (uint32_t i = 0; i < t->n && high > low; i++) {
			double part = weights[k] / total * (high - z[i]) / (high - low);

			worst[i] = fmax(worst[i], part);
			values[i] -= 0.05 * part;
		}
	}
	for (uint32_t i = 0; i < t->n && z; i++)
		values[i] -= worst[i];
	free(z);
	return outcome;
}

static enum algo_outcome model_sum(const struct search *s, uint32_t number, struct aim *a)
{
	const struct results *t = &s->results;
	double *values = malloc(t->n * sizeof(*values));
	enum algo_outcome outcome = ALGO_NO_MEMORY;

	a->sum = new_surrogate(s->g, WARP_NONE, s->g->options.noiseless, s->p->seed);
	if (a->sum && values && (outcome = weigh(s, number, values)) == ALGO_OK)
		outcome = surrogate_update(a->sum, t->rows, values, t->n, s->r->cancel);
	free(values);
	return outcome;
}

static const struct surrogate *modelled(const struct search *s, const struct aim *a, uint32_t k)
{
	return a->sum ? a->sum : s->g->objectives[k];
}

/* Copies of the models in which pending trials have given their means. */
static enum algo_outcome believe(const struct search *s, struct aim *a)
{
	uint32_t p = s->n_pending < PENDING_MAX ? s->n_pending : PENDING_MAX;
	enum algo_outcome outcome = ALGO_OK;
	double *zeros;

	for (uint32_t k = 0; outcome == ALGO_OK && k < a->n_models; k++) {
		if (!(a->models[k] = gp_copy(surrogate_model(modelled(s, a, k)))))
			return ALGO_NO_MEMORY;
		if (p == 0)
			continue;
		a->believed[k] = malloc(p * sizeof(double));
		zeros = calloc(p, sizeof(*zeros));
		outcome = ALGO_NO_MEMORY;
		if (a->believed[k] && zeros)
			outcome =
				gp_fantasize(a->models[k], pending_row(s, s->n_pending - p), p, 1, zeros, a->believed[k]);
		free(zeros);
	}
	return outcome;
}

/*
 * Feasible entries and believed ones as points to be minimised, in the models' units. The reference lies
 * beyond the worst of them in each, not only of the front: a young front would hide its own ends.
 */
static enum algo_outcome find_front(const struct search *s, struct aim *a)
{
	const struct results *t = &s->results;
	uint32_t p = s->n_pending < PENDING_MAX ? s->n_pending : PENDING_MAX, n = 0;
	double(*y)[2] = malloc(((size_t)t->n + p + 1) * sizeof(*y)), reference[2];
	bool ok;

	if (!y)
		return ALGO_NO_MEMORY;
	for (uint32_t i = 0; i < t->n; i++) {
		if (t->violations[i] > 0)
			continue;
		for (uint32_t k = 0; k < 2; k++)
			y[n][k] = -surrogate_targets(s->g->objectives[k])[i];
		n++;
	}
	for (uint32_t i = 0; i < p; i++, n++)
		for (uint32_t k = 0; k < 2; k++)
			y[n][k] = -a->believed[k][i];
	for (uint32_t k = 0; k < 2; k++) {
		double worst = n > 0 ? y[0][k] : 0;

		for (uint32_t i = 1; i < n; i++)
			worst = fmax(worst, y[i][k]);
		reference[k] = worst + 0.1 * fmax(fabs(worst), 1);
	}
	ok = ehvi_front_init(&a->front, (const double(*)[2])y, n, reference);
	free(y);
	return ok ? ALGO_OK : ALGO_NO_MEMORY;
}

static enum algo_outcome take_aim(const struct search *s, uint32_t number, struct aim *a)
{
	enum algo_outcome outcome = ALGO_OK;

	a->n_models = s->results.m == 2 ? 2 : 1;
	if (s->results.m > OBJECTIVES)
		outcome = model_sum(s, number, a);
	if (outcome == ALGO_OK)
		outcome = believe(s, a);
	if (outcome == ALGO_OK && s->results.m == 2)
		outcome = find_front(s, a);
	return outcome;
}

/* The best feasible value of the one model, believed ones included. */
static double best_of(const struct search *s, const struct aim *a)
{
	uint32_t p = s->n_pending < PENDING_MAX ? s->n_pending : PENDING_MAX;
	double best = -INFINITY;

	for (uint32_t i = 0; i < s->results.n; i++)
		if (s->results.violations[i] == 0)
			best = fmax(best, surrogate_targets(modelled(s, a, 0))[i]);
	for (uint32_t i = 0; i < p; i++)
		best = fmax(best, a->believed[0][i]);
	return best;
}

/* Where zero lies in the standardised values of a model; they are an affine map of the values. */
static double place_of_zero(const double *values, const double *targets, uint32_t n)
{
	uint32_t low = 0, high = 0;

	for (uint32_t i = 1; i < n; i++) {
		low = values[i] < values[low] ? i : low;
		high = values[i] > values[high] ? i : high;
	}
	if (!(targets[high] > targets[low]))
		return values[low] >= 0 ? -1 : 1;
	return targets[low] + (0 - values[low]) * (targets[high] - targets[low]) / (values[high] - values[low]);
}

static struct acquisition *acquisition_for(const struct search *s, const struct aim *a)
{
	const struct results *t = &s->results;
	struct acquisition *terms[ACQUISITION_TERMS];
	uint32_t n = 0, columns = s->g->embed->n_columns;
	double best = best_of(s, a);

	if (s->n_feasible > 0 && a->n_models == 2)
		terms[n++] = acquisition_ehvi((const struct gp *const *)a->models, &a->front, columns);
	else if (s->n_feasible > 0)
		terms[n++] = acquisition_improvement(a->models[0], IMPROVEMENT_LOG_EI, &best, 0);
	for (uint32_t k = 0; k < t->n_constraints; k++)
		terms[n++] = acquisition_probability(surrogate_model(s->g->constraints[k]),
			place_of_zero(t->slack + k * t->room, surrogate_targets(s->g->constraints[k]), t->n));
	if (t->n_failed > 0)
		terms[n++] = acquisition_probability(surrogate_model(s->g->success),
			place_of_zero(t->verdicts, surrogate_targets(s->g->success), t->n_tried));
	return acquisition_sum(terms, n, columns);
}

/* ---- choosing ---------------------------------------------------------------------------------- */

/* Configurations around which to look: of the best ranks, the loneliest. */
static bool find_incumbents(const struct search *s, double *x, uint32_t *n)
{
	uint32_t chosen[INCUMBENTS], d = space_dim(s->p->space);
	const struct results *t = &s->results;

	*n = t->n < INCUMBENTS ? t->n : INCUMBENTS;
	if (!pareto_select(t->y, t->violations, t->n, t->m, *n, chosen, NULL))
		return false;
	for (uint32_t i = 0; i < *n; i++)
		memcpy(x + (size_t)i * d, t->x[chosen[i]], d * sizeof(*x));
	return true;
}

static void set_scale(const struct search *s, const struct aim *a, struct maximize *task, double *scale)
{
	double rows = 0, models = a->n_models + s->results.n_constraints + (s->results.n_failed > 0), work;

	for (uint32_t c = 0; c < s->g->embed->n_columns; c++) {
		scale[c] = 5;
		for (uint32_t k = 0; k < a->n_models; k++)
			scale[c] = fmin(scale[c], fmax(gp_lengthscale(a->models[k], c), 0.05));
	}
	rows = gp_rows(a->models[0]) + fmin(s->n_pending, PENDING_MAX);
	work = models * rows * (rows + 4.0 * s->g->embed->n_columns);
	task->candidates = (uint32_t)fmin(fmax(WORK / work, 256), 1024);
	task->scan_max = (uint64_t)fmax(WORK / work, 512);
	task->scale = scale;
}

static enum algo_outcome choose_by_models(struct search *s, uint32_t number, double *x)
{
	struct maximize task = {.embed = s->g->embed,
		.seen = &s->seen,
		.starts = s->g->options.starts,
		.seed = rng_mix(rng_mix(s->p->seed, RNG_SUGGEST), number),
		.cancel = s->r->cancel};
	size_t d = space_dim(s->p->space), columns = s->g->embed->n_columns;
	double *incumbents = malloc((INCUMBENTS * d + columns) * sizeof(*incumbents)), value;
	struct aim a = {0};
	enum algo_outcome outcome = ALGO_NO_MEMORY;

	if (!incumbents || !find_incumbents(s, incumbents, &task.n_incumbents))
		goto out;
	task.incumbents = incumbents;
	if (!s->modelled && (outcome = learn(s)) != ALGO_OK)
		goto out;
	if ((outcome = take_aim(s, number, &a)) != ALGO_OK)
		goto out;
	set_scale(s, &a, &task, incumbents + INCUMBENTS * d);
	task.acquisition = acquisition_for(s, &a);
	outcome = task.acquisition ? maximize(&task, x, &value) : ALGO_NO_MEMORY;
out:
	acquisition_free(task.acquisition);
	aim_free(&a);
	free(incumbents);
	return outcome;
}

static enum algo_outcome choose_by_design(const struct search *s, uint32_t before, struct rng *rng, double *x)
{
	uint32_t d = space_dim(s->p->space);
	struct qmc *q = qmc_new(d, s->p->seed);
	double *u = malloc(d * sizeof(*u));
	bool ok = q && u;

	if (ok) {
		qmc_point(q, before, u);
		space_decode(s->p->space, u, x);
		ok = !seen_has(&s->seen, x) || seen_draw_new(&s->seen, rng, x);
	}
	qmc_free(q);
	free(u);
	return ok ? ALGO_OK : ALGO_NO_MEMORY;
}

static enum algo_outcome choose(struct search *s, uint32_t number, uint32_t before, double *x)
{
	struct rng rng = rng_stream(s->p->seed, RNG_SUGGEST, number);
	enum algo_outcome outcome;

	if (seen_all(&s->seen))
		return ALGO_EXHAUSTED;
	if (before < s->n_initial || s->results.n < 2)
		return choose_by_design(s, before, &rng, x);
	outcome = choose_by_models(s, number, x);
	/* Around the incumbents all is known, or the arithmetic gave up: anything new. */
	if (outcome == ALGO_EXHAUSTED || outcome == ALGO_DEFECT)
		outcome = seen_draw_new(&s->seen, &rng, x) ? ALGO_OK : ALGO_NO_MEMORY;
	return outcome;
}

static bool begin(struct search *s)
{
	const struct algo_history *h = s->h;
	uint32_t columns = s->g->embed->n_columns;

	s->pending = malloc(((size_t)h->n_pending + s->r->n) * columns * sizeof(*s->pending) + 1);
	if (!s->pending || !results_read(&s->results, s->g->embed, s->p, h))
		return false;
	for (uint32_t i = 0; i < h->n_trials; i++)
		if (space_valid(s->p->space, h->trials[i].x, NULL) && !seen_add(&s->seen, h->trials[i].x))
			return false;
	for (uint32_t i = 0; i < h->n_pending; i++) {
		if (!space_valid(s->p->space, h->pending[i].x, NULL))
			continue;
		if (!seen_add(&s->seen, h->pending[i].x))
			return false;
		embed_row(s->g->embed, h->pending[i].x, pending_row(s, s->n_pending++));
	}
	return true;
}

enum algo_outcome gp_many_suggest(struct gp_many *g, const struct algo_problem *p,
	const struct algo_history *h, struct algo_request *r, uint32_t n_initial)
{
	struct search s = {.g = g, .p = p, .h = h, .r = r, .n_initial = n_initial};
	uint32_t before = h->n_trials + h->n_pending;
	enum algo_outcome outcome = ALGO_NO_MEMORY;

	r->n_out = 0;
	seen_init(&s.seen, p->space, NULL);
	if (begin(&s))
		outcome = ALGO_OK;
	for (; outcome == ALGO_OK && r->n_out < r->n; before++) {
		struct algo_suggestion *out = &r->out[r->n_out];

		outcome = algo_cancelled(r) ? ALGO_CANCELLED : choose(&s, r->first_number + r->n_out, before, out->x);
		if (outcome != ALGO_OK)
			break;
		*out = (struct algo_suggestion){.x = out->x, .resource = NAN};
		if (!seen_add(&s.seen, out->x))
			outcome = ALGO_NO_MEMORY;
		embed_row(g->embed, out->x, pending_row(&s, s.n_pending++));
		r->n_out++;
	}
	if (outcome < 0)
		r->n_out = 0;
	results_free(&s.results);
	seen_free(&s.seen);
	free(s.pending);
	return outcome;
}
