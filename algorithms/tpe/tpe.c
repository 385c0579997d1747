/*
 * TPE, the tree-structured Parzen estimator (Bergstra et al. 2011; joint densities as in BOHB, Falkner
 * et al. 2018, and Optuna 5).
 *
 * The ended trials are split into a few good ones and the others (split.h), each side's density is
 * estimated (parzen.h), and the candidate with the highest ratio is taken (propose.h). Parameters
 * that have been active in the same trials are modelled jointly, top down along the conditions. What
 * is pending counts among the others, so that parallel trials keep apart. Before there are results
 * the trials are the points of a scrambled Sobol sequence.
 */
#include <math.h>
#include <stdlib.h>

#include "algorithms/qmc.h"
#include "algorithms/registry.h"
#include "algorithms/tpe/propose.h"
#include "algorithms/tpe/rows.h"
#include "algorithms/tpe/split.h"

enum { ATTEMPTS = 4 };

enum { ROW_STARTUP, ROW_CANDIDATES, ROW_GAMMA, ROW_PRIOR, ROW_MULTIVARIATE, ROW_SEED };

/* What lasts: the rows are a memo of the history, the rest is room for arrays. */
struct tpe {
	struct rows *rows;
	struct proposer proposer;
	struct qmc *points;
	double *u;       /* [d]                                                         */
	uint32_t *group; /* [d]: the parameters of one group                            */
	bool *decided;   /* [d]: its value for this trial is known                      */
	double *values;  /* [d]: those values                                           */
	bool joint;
	uint32_t n_startup;
};

static void tpe_free(void *cache)
{
	struct tpe *t = cache;

	if (!t)
		return;
	rows_free(t->rows);
	proposer_free(&t->proposer);
	qmc_free(t->points);
	free(t->u);
	free(t->group);
	free(t->decided);
	free(t->values);
	free(t);
}

/* Along a front the good values of one parameter go with many of another: learn each by itself. */
static bool is_joint(const struct algo_problem *p)
{
	double given = p->settings[ROW_MULTIVARIATE].number;

	return isnan(given) ? p->n_objectives == 1 : given != 0;
}

static void *tpe_new(const struct algo_problem *p)
{
	struct tpe *t = calloc(1, sizeof(*t));
	uint32_t d = space_dim(p->space);
	bool ok;

	if (!t)
		return NULL;
	t->joint = is_joint(p);
	t->n_startup = (uint32_t)p->settings[ROW_STARTUP].number;
	t->rows = rows_new(p->space);
	ok = proposer_init(
		&t->proposer, d, (uint32_t)p->settings[ROW_CANDIDATES].number, p->settings[ROW_PRIOR].number);
	t->points = qmc_new(d, p->seed);
	t->u = malloc(d * sizeof(*t->u));
	t->group = malloc(d * sizeof(*t->group));
	t->decided = malloc(d * sizeof(*t->decided));
	t->values = malloc(d * sizeof(*t->values));
	if (ok && t->rows && t->points && t->u && t->group && t->decided && t->values)
		return t;
	tpe_free(t);
	return NULL;
}

/* One call. */
struct search {
	const struct algo_problem *p;
	struct tpe *t;
	struct split split;
	struct seen seen; /* pending and chosen ones, over the ended                     */
	const atomic_bool *cancel;
};

/* Parameters that were active in the same trials as j, ended or not, and have no value yet. */
static struct group group_of(const struct search *s, uint32_t j)
{
	struct tpe *t = s->t;
	const struct rows *rows = t->rows;
	struct group g = {.params = t->group};

	for (uint32_t k = 0; k < rows->d; k++) {
		bool same = k == j || (t->joint && !t->decided[k] && rows->patterns[k] == rows->patterns[j]);

		for (uint32_t i = rows->n_ended; same && i < rows->n; i++)
			same = isnan(rows_at(rows, i)[k]) == isnan(rows_at(rows, i)[j]);
		if (same)
			t->group[g.n++] = k;
	}
	return g;
}

/* Top down: a group is decided when the first of its parameters is found active. */
static enum algo_outcome model_point(struct search *s, struct rng *r, double *x)
{
	struct tpe *t = s->t;
	const struct space *space = s->p->space;
	uint32_t d = space_dim(space);

	for (uint32_t j = 0; j < d; j++)
		t->decided[j] = false;
	for (uint32_t i = 0; i < d; i++) {
		uint32_t j = space_order(space)[i];

		x[j] = NAN;
		if (!space_is_active(space, j, x))
			continue;
		if (!t->decided[j]) {
			struct group g = group_of(s, j);
			bool whole = g.n == d && !space_has_conditions(space);
			enum algo_outcome outcome = propose(
				&t->proposer, t->rows, &s->split, g, whole ? &s->seen : NULL, s->cancel, r, t->values);

			if (outcome != ALGO_OK)
				return outcome;
			for (uint32_t k = 0; k < g.n; k++)
				t->decided[g.params[k]] = true;
		}
		x[j] = t->values[j];
	}
	return ALGO_OK;
}

/* Another value of one parameter of x, drawn from the prior; where conditions change, so do others. */
static void mutate(const struct space *space, struct rng *r, double *x)
{
	uint32_t j = (uint32_t)rng_below(r, space_dim(space));

	if (!isnan(x[j]))
		x[j] = space_decode_one(space, j, rng_uniform(r));
	for (uint32_t i = 0; i < space_dim(space); i++) {
		j = space_order(space)[i];
		if (!space_is_active(space, j, x))
			x[j] = NAN;
		else if (isnan(x[j]))
			x[j] = space_decode_one(space, j, rng_uniform(r));
	}
}

static enum algo_outcome model_next(struct search *s, uint32_t number, double *x)
{
	struct rng r = rng_stream(s->p->seed, RNG_SUGGEST, number);

	for (int i = 0; i < ATTEMPTS; i++) {
		enum algo_outcome outcome = model_point(s, &r, x);

		if (outcome != ALGO_OK)
			return outcome;
		if (!seen_has(&s->seen, x))
			return ALGO_OK;
	}
	for (uint32_t i = 0; i < 2 * space_dim(s->p->space); i++) {
		mutate(s->p->space, &r, x);
		if (!seen_has(&s->seen, x))
			return ALGO_OK;
	}
	return seen_draw_new(&s->seen, &r, x) ? ALGO_OK : ALGO_NO_MEMORY;
}

static enum algo_outcome startup_next(struct search *s, uint32_t number, double *x)
{
	struct rng r;

	qmc_point(s->t->points, number - 1, s->t->u);
	space_decode(s->p->space, s->t->u, x);
	if (!seen_has(&s->seen, x))
		return ALGO_OK;
	r = rng_stream(s->p->seed, RNG_SUGGEST, number);
	return seen_draw_new(&s->seen, &r, x) ? ALGO_OK : ALGO_NO_MEMORY;
}

static enum algo_outcome next(struct search *s, uint32_t number, struct algo_suggestion *out)
{
	enum algo_outcome outcome;

	out->resource = NAN;
	out->parent = 0;
	out->bracket = out->rung = 0;
	if (seen_all(&s->seen))
		return ALGO_EXHAUSTED;
	outcome =
		s->split.n_useful < s->t->n_startup ? startup_next(s, number, out->x) : model_next(s, number, out->x);
	if (outcome != ALGO_OK)
		return outcome;
	return rows_add(s->t->rows, out->x) && seen_add(&s->seen, out->x) ? ALGO_OK : ALGO_NO_MEMORY;
}

static bool begin(struct search *s, const struct algo_history *h)
{
	if (!rows_read(s->t->rows, h) || !split_make(&s->split, s->p, h, s->p->settings[ROW_GAMMA].number))
		return false;
	for (uint32_t i = 0; i < h->n_pending; i++)
		if (!rows_add(s->t->rows, h->pending[i].x) || !seen_add(&s->seen, h->pending[i].x))
			return false;
	return true;
}

static enum algo_outcome tpe_suggest(
	const struct algo_problem *p, const struct algo_history *h, struct algo_request *r)
{
	struct tpe *own = r->cache ? NULL : tpe_new(p);
	struct search s = {.p = p, .t = own ? own : r->cache, .cancel = r->cancel};
	enum algo_outcome outcome = ALGO_NO_MEMORY;

	r->n_out = 0;
	if (!s.t)
		return ALGO_NO_MEMORY;
	seen_init(&s.seen, p->space, &s.t->rows->seen);
	if (begin(&s, h))
		outcome = ALGO_OK;
	while (outcome == ALGO_OK && r->n_out < r->n) {
		if (algo_cancelled(r))
			outcome = ALGO_CANCELLED;
		else
			outcome = next(&s, r->first_number + r->n_out, &r->out[r->n_out]);
		if (outcome == ALGO_OK)
			r->n_out++;
	}
	if (outcome < 0)
		r->n_out = 0;
	seen_free(&s.seen);
	split_free(&s.split);
	tpe_free(own);
	return outcome;
}

static uint64_t tpe_last_trial(const struct algo_problem *p)
{
	return space_cardinality(p->space);
}

static const char *const candidates_aliases[] = {"n_EI_candidates", NULL};

static const struct algo_setting tpe_settings[] = {
	[ROW_STARTUP] = {.name = "n_startup_trials",
		.type = ALGO_INT,
		.min = 0,
		.max = 1e6,
		.def = 10,
		.doc = "Results to wait for before the model is used; until then trials are points of a Sobol "
			   "sequence."},
	[ROW_CANDIDATES] = {.name = "n_ei_candidates",
		.aliases = candidates_aliases,
		.type = ALGO_INT,
		.min = 1,
		.max = 10000,
		.def = 24,
		.doc = "Candidates that are drawn for each suggestion; the best one is refined."},
	[ROW_GAMMA] = {.name = "gamma",
		.type = ALGO_REAL,
		.min = 0,
		.max = 1,
		.above_min = true,
		.below_max = true,
		.def = __builtin_nan(""),
		.doc =
			"Of n trials gamma times the square root of n count as good, at most 25; if not given, a tenth "
			"of them, at most 25."},
	[ROW_PRIOR] = {.name = "prior_weight",
		.type = ALGO_REAL,
		.min = 0,
		.above_min = true,
		.max = 1e6,
		.def = 1,
		.doc = "Weight of the declared distributions beside that of one trial."},
	[ROW_MULTIVARIATE] = {.name = "multivariate",
		.type = ALGO_BOOL,
		.def = __builtin_nan(""),
		.doc =
			"Model the parameters jointly, not each by itself; if not given, where there is one objective."},
	[ROW_SEED] = ALGO_SETTING_SEED,
};

static const char *const tpe_aliases[] = {"multivariate-tpe", NULL};

const struct algorithm algorithm_tpe = {
	.name = "tpe",
	.aliases = tpe_aliases,
	.doc =
		"Learns where good results lie and where the others do (tree-structured Parzen estimator), and "
		"tries what is most typical of the good ones. Fast with thousands of trials, at home with categories "
		"and conditions.",
	.settings = tpe_settings,
	.n_settings = sizeof(tpe_settings) / sizeof(*tpe_settings),
	.capabilities = ALGO_CONDITIONS | ALGO_CATEGORIES | ALGO_MULTI_OBJECTIVE | ALGO_CONSTRAINTS,
	.last_trial = tpe_last_trial,
	.suggest = tpe_suggest,
	.cache_new = tpe_new,
	.cache_free = tpe_free,
};
