/*
 * Any space, settings and history into every algorithm: what is suggested is a configuration of the
 * space, and the same with a cache that saw half of the history, with one that saw all, and without.
 *
 * Input: the algorithm, a space (space_input.h), settings, the rest of the problem, then trials until
 * it ends.
 */
#include <gsl/gsl_errno.h>

#include "algorithms/registry.h"
#include "tests/fuzz/space_input.h"

enum { TRIALS = 24, WANTED = 2, OBJECTIVES = 3, CONSTRAINTS = 2, SETTINGS = 32, POINTS = 4 };

struct problem {
	struct algo_problem p;
	struct algo_value settings[SETTINGS];
	struct algo_objective objectives[OBJECTIVES];
	struct algo_source source;
	struct algo_fidelity fidelity;
	struct algo_trial trials[TRIALS];
	struct algo_point curves[TRIALS][POINTS];
	double x[TRIALS][PARAMS], values[TRIALS][OBJECTIVES], constraints[TRIALS][CONSTRAINTS];
	uint32_t n_ended, n_pending;
};

static void quiet(void *ctx, const char *setting, int param, const char *message)
{
	(void)ctx, (void)setting, (void)param;
	check(strlen(message) > 0);
}

static void read_problem(const struct algorithm *a, struct input *in, struct problem *q)
{
	static const uint32_t budgets[] = {0, 1, 10, 30, 1000};
	uint8_t shape;

	check(a->n_settings <= SETTINGS);
	algo_settings_init(a, q->settings);
	for (unsigned k = byte(in) % 4; k > 0; k--) {
		uint32_t row = byte(in) % a->n_settings;

		algo_setting_number(a, q->settings, row, number(in), quiet, NULL);
	}
	shape = byte(in);
	for (uint32_t i = 0; i < OBJECTIVES; i++)
		q->objectives[i] =
			(struct algo_objective){.direction = shape >> i & 1 ? ALGO_MAXIMIZE : ALGO_MINIMIZE, .goal = NAN};
	q->p.objectives = q->objectives;
	q->p.n_objectives = shape & 8 ? 1 + shape % OBJECTIVES : 1;
	q->p.n_constraints = shape & 16 ? 1 + (shape >> 5) % CONSTRAINTS : 0;
	q->p.settings = q->settings;
	q->p.seed = byte(in);
	q->p.max_trials = budgets[byte(in) % 5];
	q->p.parallel = 1 + byte(in) % 20;
}

static void read_fidelity(struct input *in, struct problem *q)
{
	static const double etas[] = {NAN, 2, 3, 1.5};
	uint8_t shape = byte(in);

	if (!(shape & 1))
		return;
	q->fidelity = (struct algo_fidelity){
		.min = shape & 2 ? number(in) : NAN,
		.max = shape & 4 ? number(in) : NAN,
		.eta = etas[shape >> 6],
		.param = shape & 8 ? (int)(byte(in) % space_dim(q->p.space)) : -1,
		.resumable = shape & 16};
	q->p.fidelity = &q->fidelity;
}

/* What was granted, and reports on the way there. */
static void read_progress(struct input *in, struct problem *q, uint32_t n)
{
	struct algo_trial *t = &q->trials[n];
	uint8_t flags = byte(in);
	double step = flags & 1;

	t->resource = flags & 2 ? number(in) : q->fidelity.max / pow(3, flags >> 6);
	if (!(flags & 4))
		return;
	for (uint32_t i = 0; i < POINTS; i++, step += 1 + (flags >> 4) % 4)
		q->curves[n][i] = (struct algo_point){.step = step, .value = number(in)};
	t->curve = q->curves[n];
	t->n_curve = POINTS;
}

static void read_trial(struct input *in, struct problem *q, uint32_t n)
{
	uint8_t flags = byte(in), marks = byte(in);

	for (uint32_t j = 0; j < space_dim(q->p.space); j++)
		q->x[n][j] = number(in);
	space_snap(q->p.space, q->x[n]);
	for (uint32_t i = 0; i < q->p.n_objectives; i++)
		q->values[n][i] = number(in);
	for (uint32_t i = 0; i < q->p.n_constraints; i++)
		q->constraints[n][i] = number(in);
	q->trials[n] = (struct algo_trial){.number = n + 1,
		.status = (enum algo_status)(1 + flags % 4),
		.suggested = flags & 8,
		.x = q->x[n],
		.values = q->values[n],
		.constraints = flags & 16 ? q->constraints[n] : NULL,
		.duration = number(in),
		.resource = NAN,
		.parent = flags & 32 ? 1 + marks % TRIALS : 0,
		.bracket = flags & 64 ? (int8_t)marks / 16 : 0,
		.rung = flags & 128 ? marks % 16 : 0};
	if (q->p.fidelity)
		read_progress(in, q, n);
}

/* The last of them are still pending; with a source, they are also an earlier experiment's. */
static void read_history(struct input *in, struct problem *q)
{
	uint32_t n = 0, pending = byte(in) % 4;
	bool source = byte(in) & 1;

	while (in->p < in->end && n < TRIALS)
		read_trial(in, q, n++);
	q->n_pending = pending < n ? pending : n;
	q->n_ended = n - q->n_pending;
	for (uint32_t i = q->n_ended; i < n; i++) {
		q->trials[i].status = ALGO_PENDING;
		q->trials[i].values = NULL;
		q->trials[i].constraints = NULL;
	}
	q->source = (struct algo_source){.trials = q->trials, .n_trials = q->n_ended};
	q->p.sources = &q->source;
	q->p.n_sources = source;
}

/* How many were written. */
static uint32_t ask(
	const struct algorithm *a, const struct problem *q, uint32_t n_ended, void *cache, double (*x)[PARAMS])
{
	struct algo_suggestion out[WANTED] = {{.x = x[0]}, {.x = x[1]}};
	struct algo_history h = {.trials = q->trials,
		.n_trials = n_ended,
		.pending = q->trials + q->n_ended,
		.n_pending = q->n_pending};
	struct algo_request r = {
		.first_number = q->n_ended + q->n_pending + 1, .n = WANTED, .out = out, .cache = cache};
	enum algo_outcome outcome = a->suggest(&q->p, &h, &r);

	check(outcome > 0 && r.n_out <= WANTED);
	check((r.n_out == WANTED) == (outcome == ALGO_OK));
	for (uint32_t i = 0; i < r.n_out; i++)
		check(space_valid(q->p.space, out[i].x, NULL));
	return r.n_out;
}

static void search(const struct algorithm *a, const struct problem *q)
{
	double fresh[WANTED][PARAMS], cached[WANTED][PARAMS];
	void *cache = a->cache_new ? a->cache_new(&q->p) : NULL;
	uint32_t n = ask(a, q, q->n_ended, NULL, fresh);

	ask(a, q, q->n_ended / 2, cache, cached);
	for (int again = 0; again < 2; again++) {
		check(ask(a, q, q->n_ended, cache, cached) == n);
		for (uint32_t i = 0; i < n; i++)
			check(space_equal(q->p.space, fresh[i], cached[i]));
	}
	if (cache)
		a->cache_free(cache);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {data, data + size};
	const struct algorithm *a = algorithms[byte(&in) % n_algorithms];
	struct space *space = read_space(&in);
	struct problem q;

	if (!space)
		return 0;
	gsl_set_error_handler_off();
	memset(&q, 0, sizeof(q));
	q.p.space = space;
	read_problem(a, &in, &q);
	if (a->capabilities & ALGO_FIDELITY)
		read_fidelity(&in, &q);
	read_history(&in, &q);
	if (algo_check(a, &q.p, quiet, NULL))
		search(a, &q);
	space_unref(space);
	return 0;
}
