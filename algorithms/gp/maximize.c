/* The maximum of an acquisition function. */
#include "algorithms/gp/maximize.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "algorithms/assert.h"
#include "algorithms/gp/candidates.h"
#include "algorithms/lbfgs.h"

/* Grids of more levels are searched as if they were continuous, then along their neighbours. */
enum { SHORT_GRID = 16 };
enum { ROUNDS = 8, REDRAWS = 3, POOL_MAX = 1 << 20 };

static const double GAIN = 1e-7;        /* what counts as an improvement, in the acquisition's unit */

struct start {
	double *x, *row;            /* natural values, columns                                         */
	double value;
	bool moving;
	struct lbfgs *climb;
	double *low, *high;         /* bounds of the climb, in units of the scale                      */
};

/* What is being searched, and the best that may be chosen so far. */
struct search {
	const struct maximize *task;
	struct candidates draw;
	struct rng rng;
	uint32_t d, columns;
	double *x, *rows, *values, *gradients;  /* one block                                           */
	uint32_t owner[ACQUISITION_BLOCK], n;   /* of the block's points; how many there are           */
	double *pool, *pool_values;             /* screened configurations                             */
	uint32_t n_pool;
	struct start *starts;
	uint32_t n_starts;
	double *best;
	double best_value;
	bool found;
	double *memory;
};

static double *slot_x(const struct search *s, uint32_t i)
{
	return s->x + (size_t)i * s->d;
}

static double *slot_row(const struct search *s, uint32_t i)
{
	return s->rows + (size_t)i * s->columns;
}

static bool is_held(const struct search *s, uint32_t param)
{
	return s->task->branch && s->task->branch->param == param;
}

static void offer(struct search *s, const double *x, double value)
{
	const struct branch *b = s->task->branch;

	if (b && x[b->param] != b->value)
		return;
	if ((s->found && !(value > s->best_value)) || seen_has(s->task->seen, x))
		return;
	memcpy(s->best, x, s->d * sizeof(*x));
	s->best_value = value;
	s->found = true;
}

/* Values of the n points in the block; each may be chosen. */
static enum algo_outcome evaluate(struct search *s)
{
	struct acquisition *a = s->task->acquisition;
	enum algo_outcome outcome;

	if (s->task->cancel && atomic_load_explicit(s->task->cancel, memory_order_relaxed))
		return ALGO_CANCELLED;
	outcome = a->forward(a, s->rows, s->n, s->values);
	for (uint32_t i = 0; outcome == ALGO_OK && i < s->n; i++) {
		if (!(s->values[i] >= -HUGE_VAL)) /* NaN */
			s->values[i] = -HUGE_VAL;
		offer(s, slot_x(s, i), s->values[i]);
	}
	return outcome;
}

/* ---- small finite spaces ----------------------------------------------------------------------- */

static enum algo_outcome scan(struct search *s)
{
	uint64_t total = space_cardinality(s->task->embed->space);
	enum algo_outcome outcome = ALGO_OK;

	for (uint64_t first = 0; outcome == ALGO_OK && first < total; first += ACQUISITION_BLOCK) {
		s->n = (uint32_t)(total - first < ACQUISITION_BLOCK ? total - first : ACQUISITION_BLOCK);
		for (uint32_t i = 0; i < s->n; i++) {
			space_config(s->task->embed->space, first + i, slot_x(s, i));
			embed_row(s->task->embed, slot_x(s, i), slot_row(s, i));
		}
		outcome = evaluate(s);
	}
	return outcome;
}

/* ---- screening --------------------------------------------------------------------------------- */

/* Moves the whole pool into the branch. */
static void enter_branch(const struct search *s, const struct branch *b)
{
	for (double *x = s->pool; x < s->pool + (size_t)s->n_pool * s->d; x += s->d) {
		if (x[b->param] == b->value)
			continue;
		x[b->param] = b->value;
		candidates_settle(&s->draw, x);
	}
}

static enum algo_outcome screen(struct search *s)
{
	uint32_t sprayed = s->draw.n_incumbents > 0 ? s->n_pool / 2 : 0;
	enum algo_outcome outcome = ALGO_OK;

	if (!candidates_spread(&s->draw, s->n_pool - sprayed, s->pool))
		return ALGO_NO_MEMORY;
	if (sprayed > 0)
		candidates_spray(&s->draw, sprayed, s->pool + (size_t)(s->n_pool - sprayed) * s->d);
	if (s->task->branch)
		enter_branch(s, s->task->branch);
	for (uint32_t first = 0; outcome == ALGO_OK && first < s->n_pool; first += ACQUISITION_BLOCK) {
		s->n = s->n_pool - first < ACQUISITION_BLOCK ? s->n_pool - first : ACQUISITION_BLOCK;
		memcpy(s->x, s->pool + (size_t)first * s->d, (size_t)s->n * s->d * sizeof(*s->x));
		for (uint32_t i = 0; i < s->n; i++)
			embed_row(s->task->embed, slot_x(s, i), slot_row(s, i));
		outcome = evaluate(s);
		memcpy(s->pool_values + first, s->values, s->n * sizeof(*s->values));
	}
	return outcome;
}

static void take_start(struct search *s, struct start *t, uint32_t i)
{
	memcpy(t->x, s->pool + (size_t)i * s->d, s->d * sizeof(*t->x));
	embed_row(s->task->embed, t->x, t->row);
	t->value = s->pool_values[i];
	t->moving = true;
	s->pool_values[i] = -HUGE_VAL; /* taken */
}

static uint32_t best_in_pool(const struct search *s)
{
	uint32_t best = 0;

	for (uint32_t i = 1; i < s->n_pool; i++)
		if (s->pool_values[i] > s->pool_values[best])
			best = i;
	return best;
}

/* One of the pool at random, more often where the acquisition is high (temperature: one unit). */
static uint32_t drawn_from_pool(struct search *s, double top)
{
	double sum = 0, pick;
	uint32_t i;

	for (i = 0; i < s->n_pool; i++)
		sum += exp(s->pool_values[i] - top);
	pick = rng_uniform(&s->rng) * sum;
	for (i = 0; i + 1 < s->n_pool; i++)
		if ((pick -= exp(s->pool_values[i] - top)) < 0)
			break;
	return s->pool_values[i] > -HUGE_VAL ? i : best_in_pool(s);
}

static void choose_starts(struct search *s)
{
	for (uint32_t k = 0; k < s->n_starts; k++) {
		uint32_t best = best_in_pool(s);

		take_start(s, &s->starts[k], k % 2 ? drawn_from_pool(s, s->pool_values[best]) : best);
	}
}

/* ---- continuous columns ------------------------------------------------------------------------ */

static bool is_smooth(const struct embed_column *c)
{
	return !c->category && c->levels > SHORT_GRID;
}

/* Fixes what is discrete or inactive and starts the climb. False: nothing is free. */
static bool begin_climb(const struct search *s, struct start *t, const struct lbfgs_stop *stop)
{
	const struct maximize *task = s->task;
	bool any = false;
	double *from = s->gradients; /* scratch */

	for (uint32_t c = 0; c < s->columns; c++) {
		const struct embed_column *column = &task->embed->columns[c];
		bool is_free = is_smooth(column) && !isnan(t->x[column->param]);
		double low = task->low ? task->low[c] : 0, high = task->high ? task->high[c] : 1;

		from[c] = t->row[c] / task->scale[c];
		t->low[c] = is_free ? fmin(low, t->row[c]) / task->scale[c] : from[c];
		t->high[c] = is_free ? fmax(high, t->row[c]) / task->scale[c] : from[c];
		any = any || is_free;
	}
	if (any)
		lbfgs_begin(t->climb, from, t->low, t->high, stop);
	return any;
}

/* One step of every climb, as one block. *n: how many were still climbing. */
static enum algo_outcome climb_step(struct search *s, const bool *climbing, uint32_t *n)
{
	struct acquisition *a = s->task->acquisition;
	enum algo_outcome outcome;

	*n = 0;
	for (uint32_t k = 0; k < s->n_starts; k++) {
		const double *z = climbing[k] ? lbfgs_next(s->starts[k].climb) : NULL;

		if (!z)
			continue;
		for (uint32_t c = 0; c < s->columns; c++)
			slot_row(s, *n)[c] = is_smooth(&s->task->embed->columns[c]) ? z[c] * s->task->scale[c]
																		: s->starts[k].row[c];
		s->owner[(*n)++] = k;
	}
	if (*n == 0)
		return ALGO_OK;
	if (s->task->cancel && atomic_load_explicit(s->task->cancel, memory_order_relaxed))
		return ALGO_CANCELLED;
	if ((outcome = a->forward(a, s->rows, *n, s->values)) != ALGO_OK)
		return outcome;
	a->backward(a, s->gradients);
	for (uint32_t i = 0; i < *n; i++) {
		double *gradient = s->gradients + (size_t)i * s->columns;

		for (uint32_t c = 0; c < s->columns; c++)
			gradient[c] *= -s->task->scale[c];
		lbfgs_tell(s->starts[s->owner[i]].climb, -s->values[i], gradient);
	}
	return ALGO_OK;
}

/* The end of a climb as a configuration: long grids at their nearest level. */
static void put_climbed(struct search *s, const struct start *t, uint32_t i)
{
	double value;
	const double *z = lbfgs_best(t->climb, &value);
	double *x = slot_x(s, i), *row = slot_row(s, i);

	memcpy(x, t->x, s->d * sizeof(*x));
	memcpy(row, t->row, s->columns * sizeof(*row));
	for (uint32_t c = 0; c < s->columns; c++) {
		const struct embed_column *column = &s->task->embed->columns[c];

		if (!is_smooth(column) || isnan(x[column->param]))
			continue;
		x[column->param] = embed_value(s->task->embed, c, z[c] * s->task->scale[c]);
		row[c] = embed_place(s->task->embed, c, x[column->param]);
	}
	if (space_has_conditions(s->task->embed->space)) { /* a long grid may be a parent */
		candidates_settle(&s->draw, x);
		embed_row(s->task->embed, x, row);
	}
}

/* The block's points become their owners where they are better. */
static void accept(struct search *s, bool *improved)
{
	for (uint32_t i = 0; i < s->n; i++) {
		struct start *t = &s->starts[s->owner[i]];

		if (!(s->values[i] > t->value + GAIN))
			continue;
		memcpy(t->x, slot_x(s, i), s->d * sizeof(*t->x));
		memcpy(t->row, slot_row(s, i), s->columns * sizeof(*t->row));
		t->value = s->values[i];
		improved[s->owner[i]] = true;
	}
	s->n = 0;
}

static enum algo_outcome climb(struct search *s, uint32_t iterations, bool *improved)
{
	struct lbfgs_stop stop = {.iterations = iterations,
		.evaluations = 2 * iterations,
		.gradient = 1e-4,
		.decrease = 1e-9,
		.first_step = 0.1};
	bool climbing[ACQUISITION_BLOCK];
	enum algo_outcome outcome = ALGO_OK;
	uint32_t n = 1;

	for (uint32_t k = 0; k < s->n_starts; k++)
		climbing[k] = s->starts[k].moving && begin_climb(s, &s->starts[k], &stop);
	while (outcome == ALGO_OK && n > 0)
		outcome = climb_step(s, climbing, &n);
	s->n = 0;
	for (uint32_t k = 0; outcome == ALGO_OK && k < s->n_starts; k++) {
		if (!climbing[k])
			continue;
		put_climbed(s, &s->starts[k], s->n);
		s->owner[s->n++] = k;
	}
	if (outcome == ALGO_OK && s->n > 0 && (outcome = evaluate(s)) == ALGO_OK)
		accept(s, improved);
	return outcome;
}

/* ---- discrete columns -------------------------------------------------------------------------- */

static enum algo_outcome flush(struct search *s, bool *improved)
{
	enum algo_outcome outcome = s->n > 0 ? evaluate(s) : ALGO_OK;

	if (outcome == ALGO_OK)
		accept(s, improved);
	return outcome;
}

/* The children that a level switches on, as in the best known configuration of its branch. */
static void adopt_children(const struct search *s, uint32_t param, double *x)
{
	for (uint32_t i = 0; i < s->draw.n_incumbents; i++) {
		const double *from = s->draw.incumbents + (size_t)i * s->d;

		if (from[param] != x[param])
			continue;
		for (uint32_t j = 0; j < s->d; j++)
			x[j] = isnan(x[j]) ? from[j] : x[j];
		return;
	}
}

/* Adds the start with one column at another level: in some versions, if children must be drawn. */
static enum algo_outcome propose(struct search *s, uint32_t k, uint32_t column, double value, bool *improved)
{
	const struct embed_column *c = &s->task->embed->columns[column];
	enum algo_outcome outcome = ALGO_OK;
	bool drawn = true;

	for (int version = 0; outcome == ALGO_OK && drawn && version <= REDRAWS; version++) {
		double *x = slot_x(s, s->n), *row = slot_row(s, s->n);

		memcpy(x, s->starts[k].x, s->d * sizeof(*x));
		memcpy(row, s->starts[k].row, s->columns * sizeof(*row));
		x[c->param] = value;
		row[column] = embed_place(s->task->embed, column, value);
		drawn = false;
		if (space_has_conditions(s->task->embed->space)) {
			if (version == 0)
				adopt_children(s, c->param, x);
			drawn = candidates_settle(&s->draw, x);
			drawn = drawn || version == 0;
			embed_row(s->task->embed, x, row);
		}
		s->owner[s->n++] = k;
		if (s->n == ACQUISITION_BLOCK)
			outcome = flush(s, improved);
	}
	return outcome;
}

/* Levels to try from level k: all others of a short list, else near ones and some at random. */
static uint64_t level_to_try(struct search *s, const struct embed_column *c, uint64_t level, uint32_t i)
{
	uint64_t step = (uint64_t)1 << i / 2;

	if (c->category || c->levels <= SHORT_GRID)
		return i < c->levels ? i : SPACE_INFINITE;
	if (i >= 12)
		return SPACE_INFINITE;
	if (i >= 8)
		return rng_below(&s->rng, c->levels);
	if (i % 2)
		return level >= step ? level - step : 0;
	return level + step < c->levels ? level + step : c->levels - 1;
}

static enum algo_outcome sweep_column(struct search *s, uint32_t column, bool *improved)
{
	const struct embed_column *c = &s->task->embed->columns[column];
	enum algo_outcome outcome = ALGO_OK;

	for (uint32_t k = 0; k < s->n_starts; k++) {
		const struct start *t = &s->starts[k];
		uint64_t here, level;

		if (!t->moving || isnan(t->x[c->param]))
			continue;
		here = space_value_level(s->task->embed->space, c->param, t->x[c->param]);
		for (uint32_t i = 0; outcome == ALGO_OK; i++) {
			double value;

			if (isnan(t->x[c->param]) || (level = level_to_try(s, c, here, i)) == SPACE_INFINITE)
				break;
			value = space_level_value(s->task->embed->space, c->param, level);
			if (level != here && (!s->task->low || c->category ||
				(embed_place(s->task->embed, column, value) >= s->task->low[column] &&
				 embed_place(s->task->embed, column, value) <= s->task->high[column])))
				outcome = propose(s, k, column, value, improved);
		}
	}
	return outcome == ALGO_OK ? flush(s, improved) : outcome;
}

static enum algo_outcome sweep(struct search *s, bool *improved)
{
	enum algo_outcome outcome = ALGO_OK;

	for (uint32_t c = 0; outcome == ALGO_OK && c < s->task->embed->n_own; c++)
		if (s->task->embed->columns[c].levels != SPACE_INFINITE && !is_held(s, s->task->embed->columns[c].param))
			outcome = sweep_column(s, c, improved);
	return outcome;
}

/* ---- all together ------------------------------------------------------------------------------ */

/* Halves the number of starts that go on, the best ones; one that did not improve has arrived. */
static bool prune(struct search *s, const bool *improved)
{
	uint32_t moving = 0, kept = 0;

	for (uint32_t k = 0; k < s->n_starts; k++)
		moving += s->starts[k].moving = s->starts[k].moving && improved[k];
	for (uint32_t k = 0; k < s->n_starts; k++) {
		uint32_t better = 0;

		for (uint32_t i = 0; i < s->n_starts; i++)
			better += i < k ? s->starts[i].value >= s->starts[k].value : s->starts[i].value > s->starts[k].value;
		s->starts[k].moving = s->starts[k].moving && better < (moving + 2) / 2;
		kept += s->starts[k].moving;
	}
	return kept > 0;
}

static enum algo_outcome improve(struct search *s)
{
	enum algo_outcome outcome = ALGO_OK;
	bool improved[ACQUISITION_BLOCK];

	choose_starts(s);
	for (int round = 0; outcome == ALGO_OK && round < ROUNDS; round++) {
		memset(improved, 0, sizeof(improved));
		outcome = climb(s, round == 0 ? 15 : 40, improved);
		if (outcome == ALGO_OK)
			outcome = sweep(s, improved);
		if (!prune(s, improved))
			break;
	}
	return outcome;
}

static bool has_memory(struct search *s)
{
	size_t block = ACQUISITION_BLOCK, per_start = s->d + 3 * (size_t)s->columns;
	double *p;

	s->memory = calloc(block * (s->d + 2 * s->columns + 1) + s->d + (size_t)s->n_pool * (s->d + 1) +
			s->n_starts * per_start + 1, sizeof(*s->memory));
	s->starts = calloc(s->n_starts + 1, sizeof(*s->starts));
	if (!s->memory || !s->starts)
		return false;
	s->x = s->memory;
	s->rows = s->x + block * s->d;
	s->gradients = s->rows + block * s->columns;
	s->values = s->gradients + block * s->columns;
	s->best = s->values + block;
	s->pool = s->best + s->d;
	s->pool_values = s->pool + (size_t)s->n_pool * s->d;
	p = s->pool_values + s->n_pool;
	for (uint32_t k = 0; k < s->n_starts; k++, p += per_start) {
		struct start *t = &s->starts[k];

		t->x = p;
		t->row = p + s->d;
		t->low = t->row + s->columns;
		t->high = t->low + s->columns;
		if (!(t->climb = lbfgs_new(s->columns)))
			return false;
	}
	return true;
}

static void free_memory(struct search *s)
{
	for (uint32_t k = 0; s->starts && k < s->n_starts; k++)
		lbfgs_free(s->starts[k].climb);
	free(s->starts);
	free(s->memory);
}

enum algo_outcome maximize(const struct maximize *task, double *x, double *value)
{
	struct search s = {.task = task,
		.rng = rng_seeded(task->seed),
		.d = space_dim(task->embed->space),
		.columns = task->embed->n_columns,
		.best_value = -HUGE_VAL};
	bool small = space_cardinality(task->embed->space) <= task->scan_max;
	enum algo_outcome outcome = ALGO_NO_MEMORY;

	s.draw = (struct candidates){.embed = task->embed,
		.low = task->low,
		.high = task->high,
		.incumbents = task->incumbents,
		.n_incumbents = task->n_incumbents,
		.rng = &s.rng};
	s.n_pool = small ? 0 : (uint32_t)fmax(1, fmin(task->candidates, POOL_MAX / s.d));
	s.n_starts = small ? 0 : (uint32_t)fmin(fmin(task->starts, s.n_pool), ACQUISITION_BLOCK);
	if (has_memory(&s))
		outcome = small ? scan(&s) : screen(&s);
	if (outcome == ALGO_OK && s.n_starts > 0)
		outcome = improve(&s);
	if (outcome == ALGO_OK && !s.found)
		outcome = ALGO_EXHAUSTED;
	if (outcome == ALGO_OK) {
		memcpy(x, s.best, s.d * sizeof(*x));
		*value = s.best_value;
	}
	free_memory(&s);
	return outcome;
}
