/* Studies. */
#include "tests/unit/algorithms/study.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { TRIALS_MAX = 2000 };

void study_quiet(void *ctx, const char *setting, int param, const char *message)
{
	(void)ctx, (void)setting, (void)param, (void)message;
}

void *must(void *p)
{
	assert_non_null(p);
	return p;
}

struct study_options study_options;

/* A parameter that could carry a resource, or -1. */
static int resource_param(const struct space *s)
{
	for (uint32_t j = 0; j < space_dim(s); j++)
		if (space_at(s, j)->kind != SPACE_CATEGORICAL && !space_is_conditional(s, j) && !space_is_parent(s, j) &&
			(space_at(s, j)->kind == SPACE_DISCRETE || space_at(s, j)->max > 0))
			return (int)j;
	return -1;
}

static void set_fidelity(struct study *s)
{
	int param = study_options.resource_is_parameter ? resource_param(s->p.space) : -1;

	s->fidelity = (struct algo_fidelity){.min = 1, .max = 9, .eta = 3, .param = -1, .resumable = true};
	if (param >= 0)
		s->fidelity = (struct algo_fidelity){.min = NAN, .max = NAN, .eta = NAN, .param = param};
	if (s->a->capabilities & ALGO_FIDELITY)
		s->p.fidelity = &s->fidelity;
}

struct study *study_new(const struct algorithm *a, struct space *space, uint64_t seed)
{
	struct study *s = must(calloc(1, sizeof(*s)));

	s->a = a;
	s->settings = must(calloc(a->n_settings + 1, sizeof(*s->settings)));
	algo_settings_init(a, s->settings);
	s->ended = must(calloc(TRIALS_MAX, sizeof(*s->ended)));
	s->pending = must(calloc(TRIALS_MAX, sizeof(*s->pending)));
	s->next_number = 1;
	s->objective = (struct algo_objective){.direction = ALGO_MINIMIZE, .goal = NAN};
	s->p = (struct algo_problem){.space = space_ref(space),
		.objectives = &s->objective,
		.n_objectives = 1,
		.settings = s->settings,
		.seed = seed,
		.parallel = 1};
	set_fidelity(s);
	for (const char *const *o = study_options.settings; o && *o; o += 2)
		assert_true(algo_setting_text(
			a, s->settings, (uint32_t)algo_setting_find(a, o[0]), o[1], study_quiet, NULL));
	if (study_possible(s))
		s->cache = a->cache_new ? a->cache_new(&s->p) : NULL;
	return s;
}

void study_set(struct study *s, const char *name, const char *text)
{
	int row = algo_setting_find(s->a, name);

	assert_true(row >= 0);
	assert_true(algo_setting_text(s->a, s->settings, (uint32_t)row, text, study_quiet, NULL));
	if (s->cache)
		s->a->cache_free(s->cache);
	s->cache = s->a->cache_new ? s->a->cache_new(&s->p) : NULL;
}

static void free_trials(struct algo_trial *trials, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		free((void *)(uintptr_t)trials[i].x);
		free((void *)(uintptr_t)trials[i].values);
	}
	free(trials);
}

void study_free(struct study *s)
{
	if (s->a->cache_free && s->cache)
		s->a->cache_free(s->cache);
	free_trials(s->ended, s->n_ended);
	free_trials(s->pending, s->n_pending);
	free(s->settings);
	space_unref((struct space *)(uintptr_t)s->p.space);
	free(s);
}

bool study_possible(const struct study *s)
{
	return (!study_options.resource_is_parameter || s->fidelity.param >= 0) && algo_check(s->a, &s->p, study_quiet, NULL);
}

static struct algo_history history_of(const struct study *s)
{
	return (struct algo_history){
		.trials = s->ended, .n_trials = s->n_ended, .pending = s->pending, .n_pending = s->n_pending};
}

static struct algo_trial *add_pending(struct study *s, const double *x, bool suggested)
{
	uint32_t d = space_dim(s->p.space);
	double *copy = must(malloc(d * sizeof(*copy)));
	struct algo_trial *t = &s->pending[s->n_pending++];

	assert_true(s->n_pending < TRIALS_MAX);
	memcpy(copy, x, d * sizeof(*copy));
	*t = (struct algo_trial){
		.number = s->next_number++, .suggested = suggested, .x = copy, .duration = NAN, .resource = NAN};
	return t;
}

void study_enqueue(struct study *s, const double *x)
{
	add_pending(s, x, false);
}

/* Runs one request with vectors full of rubbish and checks what every answer must hold. */
static enum algo_outcome request(const struct study *s, uint32_t n, struct algo_suggestion *out,
	uint32_t *n_out, const atomic_bool *cancel, void *cache)
{
	struct algo_history h = history_of(s);
	struct algo_request r = {
		.first_number = s->next_number, .n = n, .out = out, .n_out = 99, .cancel = cancel, .cache = cache};
	enum algo_outcome outcome;

	for (uint32_t i = 0; i < n; i++)
		for (uint32_t j = 0; j < space_dim(s->p.space); j++)
			out[i].x[j] = -1e99;
	outcome = s->a->suggest(&s->p, &h, &r);
	assert_in_range(r.n_out, 0, n);
	if (outcome == ALGO_OK)
		assert_int_equal(r.n_out, n);
	else if (outcome > 0)
		assert_true(r.n_out < n);
	else
		assert_int_equal(r.n_out, 0);
	for (uint32_t i = 0; i < r.n_out; i++) {
		uint32_t offender = 0;

		if (!space_valid(s->p.space, out[i].x, &offender))
			fail_msg("%s: parameter %u has the value %.17g", s->a->name, offender, out[i].x[offender]);
		if (!(s->a->capabilities & ALGO_FIDELITY))
			assert_true(isnan(out[i].resource));
	}
	*n_out = r.n_out;
	return outcome;
}

static struct algo_suggestion *suggestions_in(double *x, uint32_t n, uint32_t d)
{
	struct algo_suggestion *out = must(calloc(n + 1, sizeof(*out)));

	for (uint32_t i = 0; i < n; i++)
		out[i].x = x + (size_t)i * d;
	return out;
}

enum algo_outcome study_peek(
	const struct study *s, uint32_t n, double *x, uint32_t *n_out, const atomic_bool *cancel)
{
	struct algo_suggestion *out = suggestions_in(x, n, space_dim(s->p.space));
	enum algo_outcome outcome = request(s, n, out, n_out, cancel, NULL);

	free(out);
	return outcome;
}

enum algo_outcome study_ask(struct study *s, uint32_t n, uint32_t *n_out)
{
	uint32_t d = space_dim(s->p.space);
	double *x = must(calloc((size_t)n * d + 1, sizeof(*x)));
	struct algo_suggestion *out = suggestions_in(x, n, d);
	enum algo_outcome outcome = request(s, n, out, n_out, NULL, s->cache);

	for (uint32_t i = 0; i < *n_out; i++) {
		struct algo_trial *t = add_pending(s, out[i].x, true);

		t->resource = out[i].resource;
		t->parent = out[i].parent;
		t->bracket = out[i].bracket;
		t->rung = out[i].rung;
	}
	free(out);
	free(x);
	return outcome;
}

void study_waste(const struct study *s, uint32_t n)
{
	uint32_t d = space_dim(s->p.space), n_out;
	double *x = must(calloc((size_t)n * d + 1, sizeof(*x)));
	struct algo_suggestion *out = suggestions_in(x, n, d);

	request(s, n, out, &n_out, NULL, s->cache);
	free(out);
	free(x);
}

void study_tell(struct study *s, uint32_t index, enum algo_status status, double value)
{
	struct algo_trial t = s->pending[index];
	double *values = must(malloc(sizeof(*values)));

	assert_true(index < s->n_pending && s->n_ended < TRIALS_MAX);
	*values = value;
	t.status = status;
	t.values = values;
	t.duration = 1;
	memmove(s->pending + index, s->pending + index + 1, (--s->n_pending - index) * sizeof(t));
	s->ended[s->n_ended++] = t;
}

double study_objective(const struct study *s, const double *x)
{
	double u[SPACE_PARAMS_MAX], sum = 0;

	space_encode(s->p.space, x, u);
	for (uint32_t j = 0; j < space_dim(s->p.space); j++)
		sum += (u[j] - 0.3) * (u[j] - 0.3);
	return sum;
}

void study_tell_oldest(struct study *s)
{
	study_tell(s, 0, ALGO_SUCCEEDED, study_objective(s, s->pending[0].x));
}

bool same_bits(const double *a, const double *b, size_t n)
{
	return memcmp(a, b, n * sizeof(*a)) == 0;
}
