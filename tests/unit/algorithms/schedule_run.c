/* Runs of schedules. */
#include "tests/unit/algorithms/schedule_run.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "algorithms/registry.h"
#include "tests/unit/algorithms/spaces.h"

/* Two numbers, a category and epochs, which may carry the resource. */
static struct space *make_space(void)
{
	static const struct space_param p[] = {
		{.kind = SPACE_DOUBLE, .distribution = SPACE_LOG_UNIFORM, .min = 1e-4, .max = 1},
		{.kind = SPACE_INT, .min = 1, .max = 1000},
		{.kind = SPACE_DOUBLE, .min = 0, .max = 1},
		{.kind = SPACE_CATEGORICAL, .n_values = 3},
	};
	return space_of(p, 4);
}

struct study *schedule_study(const char *name, double min, double max, double eta, int param)
{
	struct space *space = make_space();
	struct study *s = study_new(algorithm_find(name), space, 7);

	s->fidelity = (struct algo_fidelity){.min = min, .max = max, .eta = eta, .param = param};
	/* The cache was made for another one. */
	if (s->cache)
		s->a->cache_free(s->cache);
	assert_true(study_possible(s));
	s->cache = s->a->cache_new(&s->p);
	space_unref(space);
	return s;
}

/* What a trial finds: better with more resource, in an order that changes on the way. */
double schedule_result(const struct study *s, const struct algo_trial *t)
{
	double x[SPACE_PARAMS_MAX];
	double last = study_objective(s, t->x), wobble;

	memcpy(x, t->x, space_dim(s->p.space) * sizeof(*x));
	if (s->fidelity.param >= 0)
		x[s->fidelity.param] = 1;
	wobble = (double)(space_hash(s->p.space, x) % 1000) / 1000;
	return last + wobble / t->resource;
}

void run_end_one(struct run *r)
{
	struct study *s = r->s;
	uint32_t i = r->order == OLDEST ? 0 : r->order == NEWEST ? s->n_pending - 1 : (uint32_t)rng_below(&r->rng, s->n_pending);
	double u = rng_uniform(&r->rng);

	if (u < r->failing)
		study_tell(s, i, ALGO_FAILED, NAN);
	else if (u < r->failing + r->killed)
		study_tell(s, i, ALGO_ABANDONED, NAN);
	else
		study_tell(s, i, ALGO_SUCCEEDED, schedule_result(s, &s->pending[i]));
}

/* Until the algorithm has nothing more, or `most` trials have begun. */
void run_to_the_end(struct run *r, uint32_t most)
{
	struct study *s = r->s;

	for (;;) {
		uint32_t n = 0, begun = s->next_number - 1;
		uint32_t want = r->parallel > s->n_pending ? r->parallel - s->n_pending : 0;
		enum algo_outcome outcome;

		if (want > most - begun)
			want = most - begun;
		outcome = study_ask(s, want, &n);
		assert_true(outcome > 0);
		if (outcome == ALGO_WAIT)
			assert_true(s->n_pending > 0); /* else it would wait for ever */
		if (s->n_pending == 0) {
			assert_true(outcome == ALGO_EXHAUSTED || begun == most);
			return;
		}
		run_end_one(r);
	}
}

static const struct algo_trial *trial(const struct study *s, uint32_t number)
{
	for (uint32_t i = 0; i < s->n_ended; i++)
		if (s->ended[i].number == number)
			return &s->ended[i];
	for (uint32_t i = 0; i < s->n_pending; i++)
		if (s->pending[i].number == number)
			return &s->pending[i];
	fail_msg("no trial %u", number);
	return NULL;
}

/* The same bits but for the parameter that carries the resource, which is exactly on the rung. */
void assert_same_configuration(const struct study *s, const struct algo_trial *t)
{
	const struct algo_trial *parent;

	for (uint32_t j = 0; j < space_dim(s->p.space); j++) {
		if ((int)j == s->fidelity.param) {
			assert_true(t->x[j] == t->resource);
			continue;
		}
		if (t->parent) {
			parent = trial(s, t->parent);
			assert_memory_equal(&t->x[j], &parent->x[j], sizeof(double));
			assert_int_equal(parent->bracket, t->bracket);
			assert_int_equal(parent->rung + 1, t->rung);
		}
	}
}
