/*
 * The parts under the schedulers: what a document's fidelity comes to, levels as values that a trial can be
 * given, and the history as a sampler sees it.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "algorithms/fidelity/ladder.h"
#include "algorithms/fidelity/sampler.h"
#include "algorithms/fidelity/standing.h"
#include "algorithms/fidelity/view.h"
#include "algorithms/registry.h"
#include "tests/unit/algorithms/contract.h"
#include "tests/unit/algorithms/spaces.h"

static const double sizes[] = {1000, 10, 100, 60000};

/* 0: a rate, 1: epochs, 2: sizes, 3: a share, 4: a kind, 5: only with kind 1, 6: counted in tens, 7: always 0 */
static struct space *make_space(void)
{
	static const struct space_param p[] = {
		{.kind = SPACE_DOUBLE, .distribution = SPACE_LOG_UNIFORM, .min = 1e-4, .max = 1},
		{.kind = SPACE_INT, .min = 1, .max = 50},
		{.kind = SPACE_DISCRETE, .values = sizes, .n_values = 4},
		{.kind = SPACE_DOUBLE, .distribution = SPACE_NORMAL, .min = 0.01, .max = 1},
		{.kind = SPACE_CATEGORICAL, .n_values = 2},
		{.kind = SPACE_INT, .min = 1, .max = 5},
		{.kind = SPACE_INT, .distribution = SPACE_LOG_UNIFORM, .min = 10, .max = 100, .step = 10},
		{.kind = SPACE_INT, .min = 0, .max = 0},
	};
	struct space_builder *b = space_builder_new();
	struct space_problem problem;
	size_t n;

	for (size_t j = 0; j < sizeof(p) / sizeof(*p); j++)
		space_add(b, &p[j]);
	space_when(b, 5, 4, (const double[]){1}, 1);
	return space_build(b, &problem, 1, &n);
}

struct fixture {
	struct study *s;
	struct space *space;
};

static struct fixture fixture_new(const char *name, const struct algo_fidelity *f)
{
	struct fixture x = {.space = make_space()};

	x.s = study_new(algorithm_find(name), x.space, 3);
	if (f)
		x.s->fidelity = *f;
	else
		x.s->p.fidelity = NULL;
	return x;
}

static void fixture_free(struct fixture *x)
{
	study_free(x->s);
	space_unref(x->space);
}

static bool resolve(const struct study *s, struct algo_fidelity *f)
{
	return algo_fidelity_of(s->a, &s->p, f);
}

/* ---- what was said and what was not ------------------------------------------------------------ */

static void defaults_are_filled(void **state)
{
	static const struct {
		struct algo_fidelity given;
		double min, max, eta;
	} cases[] = {
		{{.min = NAN, .max = 81, .eta = NAN, .param = -1}, 9, 81, 3},
		{{.min = NAN, .max = 81, .eta = 9, .param = -1}, 9, 81, 9},
		{{.min = NAN, .max = 16, .eta = 2, .param = -1}, 2, 16, 2},
		{{.min = NAN, .max = 9, .eta = 3, .param = -1}, 1, 9, 3},
		{{.min = 2, .max = 9, .eta = 3, .param = -1}, 2, 9, 3},
		{{.min = NAN, .max = NAN, .eta = 5, .param = 1}, 10, 50, 5},
		{{.min = NAN, .max = NAN, .eta = NAN, .param = 3}, 1.0 / 9, 1, 3},
		{{.min = NAN, .max = NAN, .eta = 10, .param = 2}, 6000, 60000, 10},
		{{.min = NAN, .max = 0.5, .eta = NAN, .param = -1}, 0.5, 0.5, 3},
	};

	(void)state;
	for (size_t k = 0; k < sizeof(cases) / sizeof(*cases); k++) {
		struct fixture x = fixture_new("hyperband", &cases[k].given);
		struct algo_fidelity f;

		assert_true(resolve(x.s, &f));
		if (fabs(f.min / cases[k].min - 1) > 1e-12 || f.max != cases[k].max || f.eta != cases[k].eta)
			fail_msg("case %zu: %.17g to %.17g by %.17g", k, f.min, f.max, f.eta);
		fixture_free(&x);
	}
}

/* Katib's three settings alone; its smallest resource is 1. */
static void settings_of_katib(void **state)
{
	struct fixture x = fixture_new("hyperband", NULL);
	struct algo_fidelity f;
	struct ladder l;

	(void)state;
	assert_false(resolve(x.s, &f));
	assert_false(study_possible(x.s));
	study_set(x.s, "r_l", "81");
	assert_true(resolve(x.s, &f));
	assert_true(f.min == 1 && f.max == 81 && f.eta == 3 && f.param == -1);
	study_set(x.s, "eta", "2");
	study_set(x.s, "r_l", "50");
	x.s->settings[algo_setting_find(x.s->a, "resource_name")] = (struct algo_value){.number = 1, .given = true};
	assert_true(resolve(x.s, &f));
	assert_true(f.min == 1 && f.max == 50 && f.eta == 2 && f.param == 1);
	assert_true(study_possible(x.s));
	ladder_build(&l, LADDER_DOWN, x.s->a, &x.s->p);
	assert_int_equal(l.n, 6);
	for (uint32_t k = 0; k < 6; k++)
		assert_true(l.at[k] == floor(50 / pow(2, 5 - k))); /* as int(r_l * eta ** -s) */
	fixture_free(&x);
}

struct heard {
	int n, param;
	char setting[40], message[200];
};

static void hear(void *ctx, const char *setting, int param, const char *message)
{
	struct heard *h = ctx;

	h->n++;
	h->param = param;
	snprintf(h->setting, sizeof(h->setting), "%s", setting ? setting : "");
	snprintf(h->message, sizeof(h->message), "%s", message);
}

static void what_cannot_work_is_said(void **state)
{
	static const struct {
		struct algo_fidelity f;
		const char *setting, *value, *about;
		int param;
		const char *words;
	} cases[] = {
		{{.min = NAN, .max = NAN, .eta = NAN, .param = -1}, NULL, NULL, "", -1, "how far a full trial runs"},
		{{.min = NAN, .max = NAN, .eta = NAN, .param = 4}, NULL, NULL, "", -1, "how far a full trial runs"},
		{{.min = NAN, .max = NAN, .eta = NAN, .param = 5}, NULL, NULL, "", 5, "no condition"},
		{{.min = NAN, .max = 51, .eta = NAN, .param = 1}, NULL, NULL, "", 1, "within its range"},
		{{.min = 0.5, .max = 50, .eta = NAN, .param = 1}, NULL, NULL, "", 1, "within its range"},
		{{.min = 0.1, .max = 0.5, .eta = NAN, .param = 7}, NULL, NULL, "", 7, "no value above 0"},
		{{.min = 10, .max = 9, .eta = 3, .param = -1}, NULL, NULL, "", -1, "not above the largest"},
		{{.min = 0, .max = 9, .eta = 3, .param = -1}, NULL, NULL, "", -1, "above 0"},
		{{.min = 1, .max = 9, .eta = 1, .param = -1}, NULL, NULL, "", -1, "eta must be above 1"},
		{{.min = 1, .max = 1e9, .eta = 1.01, .param = -1}, NULL, NULL, "", -1, "more than 64 rungs"},
		{{.min = 1, .max = 9, .eta = 3, .param = -1}, "r_l", "27", "r_l", -1, "fidelity.max"},
		{{.min = 1, .max = 9, .eta = 3, .param = -1}, "eta", "4", "eta", -1, "fidelity.eta"},
		{{.min = 1, .max = 9, .eta = 3, .param = -1}, "sampler_settings", "gamma=0.1", "sampler_settings", -1,
			"random has no setting 'gamma'"},
	};

	(void)state;
	for (size_t k = 0; k < sizeof(cases) / sizeof(*cases); k++) {
		struct fixture x = fixture_new("hyperband", &cases[k].f);
		struct heard h = {.param = -1};

		if (cases[k].setting)
			study_set(x.s, cases[k].setting, cases[k].value);
		assert_false(algo_check(x.s->a, &x.s->p, hear, &h));
		if (h.n != 1 || h.param != cases[k].param || strcmp(h.setting, cases[k].about) != 0 ||
			!strstr(h.message, cases[k].words))
			fail_msg("case %zu: %d problems, about '%s' and %d: %s", k, h.n, h.setting, h.param, h.message);
		fixture_free(&x);
	}
}

/* ---- levels ------------------------------------------------------------------------------------ */

static void levels_are_values(void **state)
{
	static const struct {
		enum ladder_kind kind;
		struct algo_fidelity f;
		uint32_t n;
		double at[6];
	} cases[] = {
		{LADDER_DOWN, {.min = 1, .max = 243, .eta = 3, .param = -1}, 6, {1, 3, 9, 27, 81, 243}},
		{LADDER_DOWN, {.min = 1, .max = 1000, .eta = 10, .param = -1}, 4, {1, 10, 100, 1000}},
		{LADDER_DOWN, {.min = 1, .max = 100, .eta = 3, .param = -1}, 5, {1, 3, 11, 33, 100}},
		{LADDER_UP, {.min = 1, .max = 100, .eta = 3, .param = -1}, 6, {1, 3, 9, 27, 81, 100}},
		{LADDER_UP, {.min = 4, .max = 4, .eta = 3, .param = -1}, 1, {4}},
		{LADDER_DOWN, {.min = 0.5, .max = 4.5, .eta = 3, .param = -1}, 3, {0.5, 1.5, 4.5}},
		{LADDER_UP, {.min = 1, .max = 5, .eta = 1.2, .param = -1}, 5, {1, 2, 3, 4, 5}},
		{LADDER_DOWN, {.min = 1, .max = 50, .eta = 3, .param = 1}, 4, {1, 5, 16, 50}},
		{LADDER_DOWN, {.min = 10, .max = 60000, .eta = 10, .param = 2}, 4, {10, 100, 1000, 60000}},
		{LADDER_UP, {.min = 10, .max = 60000, .eta = 7, .param = 2}, 4, {10, 100, 1000, 60000}},
		{LADDER_DOWN, {.min = 10, .max = 100, .eta = 2, .param = 6}, 4, {10, 20, 50, 100}},
		{LADDER_DOWN, {.min = 10, .max = 95, .eta = 3, .param = 6}, 3, {10, 30, 90}},
	};

	(void)state;
	for (size_t k = 0; k < sizeof(cases) / sizeof(*cases); k++) {
		struct fixture x = fixture_new("hyperband", &cases[k].f);
		double v[8];
		struct ladder l;

		assert_true(study_possible(x.s));
		ladder_build(&l, cases[k].kind, x.s->a, &x.s->p);
		if (l.n != cases[k].n)
			fail_msg("case %zu: %u levels", k, l.n);
		for (uint32_t i = 0; i < l.n; i++) {
			struct algo_trial t = {.x = v, .resource = NAN};

			if (l.at[i] != cases[k].at[i])
				fail_msg("case %zu level %u: %.17g", k, i, l.at[i]);
			assert_int_equal(ladder_level(&l, l.at[i]), i);
			space_decode(x.space, (const double[]){.5, .5, .5, .5, .1, .5, .5, .5}, v);
			ladder_set(&l, x.space, i, v);
			assert_true(space_valid(x.space, v, NULL));
			/* A user's trial: what the parameter says, or in full. */
			assert_int_equal(ladder_level(&l, ladder_resource(&l, x.space, &t)), l.param >= 0 ? i : l.n - 1);
		}
		assert_int_equal(ladder_level(&l, l.at[0] * 1.001), -1);
		fixture_free(&x);
	}
}

/* ---- the view ---------------------------------------------------------------------------------- */

static const struct algo_fidelity three_levels = {.min = 1, .max = 9, .eta = 3, .param = -1};

/* A trial that was granted a resource and ended with a value. */
static struct algo_trial granted(uint32_t number, double resource, uint32_t parent, const double *x, const double *value)
{
	return (struct algo_trial){.number = number,
		.status = value ? ALGO_SUCCEEDED : ALGO_PENDING,
		.suggested = true,
		.x = x,
		.values = value,
		.duration = NAN,
		.resource = resource,
		.parent = parent};
}

/* Promotions: n at each level, one pending. */
static void view_takes_the_highest_full_level(void **state)
{
	static const struct {
		uint32_t n[3];
		uint32_t level;
	} cases[] = {
		{{0, 0, 0}, 0},
		{{3, 0, 0}, 0},
		{{8, 3, 1}, 0},         /* d is 7: nine are enough */
		{{5, 5, 2}, 1},         /* none has enough: the most, at the highest of equals */
		{{20, 9, 3}, 1},
		{{40, 20, 9}, 2},
		{{40, 20, 8}, 1},
	};

	(void)state;
	for (size_t k = 0; k < sizeof(cases) / sizeof(*cases); k++) {
		struct fixture x = fixture_new("asha", &three_levels);
		struct algo_trial trials[100], pending[2];
		struct algo_history h = {.trials = trials, .pending = pending, .n_pending = 2};
		double point[8], values[100], bad = NAN;
		uint32_t number = 0, level_of[101];
		struct ladder l;
		struct view v;

		space_decode(x.space, (const double[]){.1, .2, .3, .4, .1, .6, .7, .5}, point);
		for (uint32_t level = 0; level < 3; level++) {
			for (uint32_t i = 0; i < cases[k].n[level]; i++) {
				uint32_t parent = level ? number + 1 - cases[k].n[level - 1] : 0;

				values[number] = level;
				level_of[number + 1] = level;
				trials[h.n_trials++] = granted(number + 1, pow(3, level), parent, point, &values[number]);
				number++;
			}
		}
		/* These count for no level. */
		trials[h.n_trials] = granted(++number, 9, 0, point, &bad);
		trials[h.n_trials++].status = ALGO_FAILED;
		trials[h.n_trials++] = granted(++number, 9, 0, point, &bad);
		pending[0] = granted(number + 1, 1, 0, point, NULL);
		pending[1] = granted(number + 2, 9, 1, point, NULL);
		ladder_build(&l, LADDER_UP, x.s->a, &x.s->p);
		assert_true(view_init(&v, &x.s->p, &l, x.space, NAN, &h, 0, false));
		assert_int_equal(v.level, cases[k].level);
		assert_int_equal(v.h.n_trials, h.n_trials);
		for (uint32_t i = 0; i + 2 < h.n_trials; i++) {
			const struct algo_trial *t = &v.h.trials[i];

			if (level_of[i + 1] != v.level)
				assert_int_equal(t->status, ALGO_ABANDONED);
			else
				assert_true(t->status == ALGO_SUCCEEDED && t->values[0] == v.level);
			assert_true(isnan(t->resource) && t->parent == 0 && t->rung == 0 && t->bracket == 0);
		}
		assert_int_equal(v.h.trials[h.n_trials - 2].status, ALGO_FAILED);
		assert_int_equal(v.h.trials[h.n_trials - 1].status, v.level == 2 ? ALGO_FAILED : ALGO_ABANDONED);
		/* One that goes on above the level has its result here. */
		assert_int_equal(v.h.n_pending, v.level == 2 ? 2 : 1);
		assert_int_equal(v.h.pending[0].number, v.next_number - 1);
		view_free(&v);
		fixture_free(&x);
	}
}

/* Stopping: trials that run, were stopped or came to the end count where they passed. */
static void view_reads_curves(void **state)
{
	static const struct {
		double first;           /* step of the first report */
		uint32_t n;
		enum algo_status status;
		double final;
		double at[3];           /* expected at the resources 1, 3, 9; NaN: not there */
	} cases[] = {
		{1, 9, ALGO_SUCCEEDED, 5, {101, 103, 5}},
		{0, 9, ALGO_SUCCEEDED, 5, {100, 102, 5}},       /* counted from 0: step 2 is the third */
		{1, 3, ALGO_STOPPED, 103, {101, 103, NAN}},
		{0, 2, ALGO_STOPPED, 101, {100, NAN, NAN}},
		{1, 5, ALGO_PENDING, NAN, {101, 103, NAN}},
		{2, 5, ALGO_PENDING, NAN, {102, 103, NAN}},     /* the first report after the rung */
		{1, 0, ALGO_PENDING, NAN, {NAN, NAN, NAN}},
		{1, 5, ALGO_ABANDONED, NAN, {101, 103, NAN}},   /* the view leaves it out all the same */
	};
	struct fixture x = fixture_new("asha", &three_levels);
	struct ladder l;
	double point[8];

	(void)state;
	ladder_build(&l, LADDER_UP, x.s->a, &x.s->p);
	space_decode(x.space, (const double[]){.1, .2, .3, .4, .1, .6, .7, .5}, point);
	for (size_t k = 0; k < sizeof(cases) / sizeof(*cases); k++) {
		struct algo_point curve[10];
		struct algo_trial t = granted(1, 9, 0, point, &cases[k].final);
		bool pending = cases[k].status == ALGO_PENDING;
		struct algo_history h = {.trials = &t, .n_trials = !pending, .pending = &t, .n_pending = pending};
		struct view v;

		for (uint32_t i = 0; i < cases[k].n; i++)
			curve[i] = (struct algo_point){.step = cases[k].first + i, .value = 100 + cases[k].first + i};
		t.curve = curve;
		t.n_curve = cases[k].n;
		t.status = cases[k].status;
		if (pending)
			t.values = NULL;
		for (uint32_t level = 0; level < 3; level++) {
			double y = standing_value_at(&x.s->p, &l, &t, level);

			if (isnan(y) != isnan(cases[k].at[level]) || (!isnan(y) && y != cases[k].at[level]))
				fail_msg("case %zu level %u: %g", k, level, y);
		}
		assert_true(view_init(&v, &x.s->p, &l, x.space, NAN, &h, 0, false));
		if (t.status == ALGO_ABANDONED) {
			assert_int_equal(v.h.trials[0].status, ALGO_ABANDONED);
		} else if (!isnan(cases[k].at[v.level])) {
			assert_int_equal(v.h.n_trials, 1);
			assert_int_equal(v.h.n_pending, 0);
			assert_int_equal(v.h.trials[0].status, ALGO_SUCCEEDED);
			assert_true(v.h.trials[0].values[0] == cases[k].at[v.level]);
		} else {
			assert_int_equal(v.h.n_pending, 1);
		}
		view_free(&v);
	}
	fixture_free(&x);
}

/* A trial that was stopped before the level is there as stopped, with its own value. */
static void view_keeps_stopped_ones(void **state)
{
	struct fixture x = fixture_new("asha", &three_levels);
	struct algo_trial trials[11];
	struct algo_history h = {.trials = trials, .n_trials = 11};
	const struct algo_point curve[] = {{1, 40}, {2, 41}};
	double point[8], values[11];
	struct ladder l;
	struct view v;

	(void)state;
	ladder_build(&l, LADDER_UP, x.s->a, &x.s->p);
	space_decode(x.space, (const double[]){.1, .2, .3, .4, .1, .6, .7, .5}, point);
	for (uint32_t i = 0; i < 11; i++) {
		values[i] = i;
		trials[i] = granted(i + 1, 9, 0, point, &values[i]);
	}
	trials[4].status = ALGO_STOPPED;
	trials[4].curve = curve;
	trials[4].n_curve = 2;
	assert_true(view_init(&v, &x.s->p, &l, x.space, NAN, &h, 0, false));
	assert_int_equal(v.level, 2);
	assert_int_equal(v.h.n_trials, 11);
	for (uint32_t i = 0; i < 11; i++) {
		assert_int_equal(v.h.trials[i].status, i == 4 ? ALGO_STOPPED : ALGO_SUCCEEDED);
		assert_true(v.h.trials[i].values[0] == i);
	}
	assert_ptr_equal(v.h.trials[4].curve, curve);
	view_free(&v);
	fixture_free(&x);
}

/* A sampler that learns from all levels sees every result, each as of a full trial and with its place. */
static void view_of_all_levels(void **state)
{
	struct fixture x = fixture_new("asha", &three_levels);
	struct algo_trial trials[5], pending[2];
	struct algo_history h = {.trials = trials, .n_trials = 5, .pending = pending, .n_pending = 2};
	/* At steps 1 and 3; at the end: 3 v + 1 of the first, of that half. */
	static const double first[] = {4, 8, 6, 1, 7};
	struct algo_point curves[5][2];
	double point[8], finals[5], low, high;
	struct ladder l;
	struct view v;

	(void)state;
	ladder_build(&l, LADDER_UP, x.s->a, &x.s->p);
	space_decode(x.space, (const double[]){.1, .2, .3, .4, .1, .6, .7, .5}, point);
	for (uint32_t i = 0; i < 5; i++) {
		curves[i][0] = (struct algo_point){1, first[i]};
		curves[i][1] = (struct algo_point){3, 3 * first[i] + 1};
		finals[i] = curves[i][1].value / 2;
		trials[i] = granted(i + 1, 9, 0, point, &finals[i]);
		trials[i].curve = curves[i];
		trials[i].n_curve = 2;
	}
	trials[2].status = ALGO_STOPPED;    /* at step 3 */
	trials[3].status = ALGO_FAILED;
	pending[0] = granted(6, 9, 0, point, NULL);
	pending[1] = granted(7, 9, 0, point, NULL);
	pending[1].curve = curves[4];       /* as far as step 1 */
	pending[1].n_curve = 1;
	assert_true(view_init(&v, &x.s->p, &l, x.space, NAN, &h, 0, true));
	/* Three of trials 1, 2 and 5, two of trial 3, and that 4 is a bad place. */
	assert_int_equal(v.h.n_trials, 12);
	assert_int_equal(v.h.n_pending, 3);
	for (uint32_t i = 0; i < 12; i++) {
		static const double places[] = {0, .5, 1, 0, .5, 1, 0, .5, NAN, 0, .5, 1};
		const struct algo_trial *t = &v.h.trials[i];

		assert_int_equal(t->status, i == 8 ? ALGO_FAILED : ALGO_SUCCEEDED);
		assert_true(isnan(places[i]) ? isnan(t->resource) : fabs(t->resource - places[i]) < 1e-12);
	}
	/* Slopes 3 and 1/2, drawn to 1 by two trials among four and three. */
	low = (3 + 2 / 4.) / (1 + 2 / 4.);
	high = (0.5 + 2 / 3.) / (1 + 2 / 3.);
	assert_true(v.h.trials[2].values[0] == 6.5);
	assert_true(fabs(v.h.trials[1].values[0] - (10 + high * (13 - 20))) < 1e-9);
	assert_true(fabs(v.h.trials[0].values[0] - (10 + high * (19.75 + low * (4 - 6.25) - 20))) < 1e-9);
	/* One that runs is pending, and what it has reported comes after it. */
	assert_true(!v.h.pending[0].values && !v.h.pending[1].values && v.h.pending[2].values);
	assert_true(v.h.pending[2].number == v.h.pending[1].number && v.h.pending[2].resource == 0);
	assert_true(fabs(v.h.pending[2].values[0] - (10 + high * (19.75 + low * (7 - 6.25) - 20))) < 1e-9);
	view_free(&v);
	fixture_free(&x);
}

/* ---- the sampler ------------------------------------------------------------------------------- */

/* Everything in the registry that can be one, and nothing else. */
static void samplers_are_registered(void **state)
{
	size_t n = 0;

	(void)state;
	for (size_t k = 0; sampler_names[k]; k++, n++) {
		const struct algorithm *a = algorithm_find(sampler_names[k]);

		assert_non_null(a);
		assert_string_equal(a->name, sampler_names[k]);
	}
	for (size_t i = 0; i < n_algorithms; i++)
		n -= !(algorithms[i]->capabilities & (ALGO_FIDELITY | ALGO_REPEATS));
	assert_int_equal(n, 0);
	assert_string_equal(sampler_names[(int)algorithm_find("asha")->settings[3].def], "gp");
	assert_string_equal(sampler_names[(int)algorithm_find("hyperband")->settings[3].def], "random");
}

/* The settings reach the sampler: with two start-up trials the third comes from the model. */
static void sampler_has_settings(void **state)
{
	static const char *const settings[] = {"n_startup_trials=2, gamma = 0.5", "n_startup_trials=100"};
	double x[2][8];

	(void)state;
	for (int k = 0; k < 2; k++) {
		struct fixture f = fixture_new("hyperband", &three_levels);
		uint32_t n;

		study_set(f.s, "sampler", "tpe");
		study_set(f.s, "sampler_settings", settings[k]);
		assert_true(study_possible(f.s));
		for (int i = 0; i < 6; i++) {
			assert_int_equal(study_ask(f.s, 1, &n), ALGO_OK);
			study_tell(f.s, 0, ALGO_SUCCEEDED, study_objective(f.s, f.s->pending[0].x));
		}
		memcpy(x[k], f.s->ended[f.s->n_ended - 1].x, sizeof(x[k]));
		fixture_free(&f);
	}
	assert_true(memcmp(x[0], x[1], sizeof(x[0])) != 0);
}

/* A sampler that learns brings better configurations than chance, with the resource in a parameter. */
static void sampler_learns(void **state)
{
	static const char *const samplers[] = {"random", "gp", "tpe"};
	double late[3] = {0, 0, 0};

	(void)state;
	for (int k = 0; k < 3; k++) {
		struct fixture f = fixture_new("asha", &(struct algo_fidelity){.min = 1, .max = 50, .eta = 3, .param = 1});
		uint32_t n, fresh = 0;

		study_set(f.s, "variant", "promotion");
		study_set(f.s, "sampler", samplers[k]);
		for (int i = 0; i < 100; i++) {
			const struct algo_trial *t;
			double x[8], value;

			assert_int_equal(study_ask(f.s, 1, &n), ALGO_OK);
			t = &f.s->pending[0];
			memcpy(x, t->x, sizeof(x));
			x[1] = 1;
			value = study_objective(f.s, x);
			assert_true(t->x[1] == t->resource);
			if (t->parent == 0 && i >= 60) {
				late[k] += value;
				fresh++;
			}
			study_tell(f.s, 0, ALGO_SUCCEEDED, value + 1 / t->resource);
		}
		late[k] /= fresh;
		fixture_free(&f);
	}
	if (!(late[1] < 0.6 * late[0] && late[2] < 0.9 * late[0]))
		fail_msg("means of late ones: random %g, gp %g, tpe %g", late[0], late[1], late[2]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults_are_filled),
		cmocka_unit_test(settings_of_katib),
		cmocka_unit_test(what_cannot_work_is_said),
		cmocka_unit_test(levels_are_values),
		cmocka_unit_test(view_takes_the_highest_full_level),
		cmocka_unit_test(view_reads_curves),
		cmocka_unit_test(view_keeps_stopped_ones),
		cmocka_unit_test(view_of_all_levels),
		cmocka_unit_test(samplers_are_registered),
		cmocka_unit_test(sampler_has_settings),
		cmocka_unit_test(sampler_learns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
