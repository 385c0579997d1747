/* A model that grew with its history is, bit for bit, the one that is built from it at once. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "algorithms/gp/observations.h"
#include "algorithms/gp/surrogate.h"
#include "tests/unit/algorithms/spaces.h"

enum { N = 90, D = 5 };

struct data {
	struct space *space;
	struct embed *embed;
	double rows[N * D], values[N];
};

/* With much noise each configuration comes twice. */
static void data_init(struct data *d, double noise)
{
	struct rng r = rng_seeded(9), place = r, luck = rng_seeded(10);

	d->space = space_named("mixed");
	d->embed = embed_new(d->space);
	assert_int_equal(d->embed->n_columns, D);
	for (int i = 0; i < N; i++) {
		double u[D], x[D], sum = 0;

		if (noise > 0.1 && i % 2 == 1)
			r = place;
		else
			place = r;
		for (int j = 0; j < D; j++)
			u[j] = rng_uniform(&r);
		space_decode(d->space, u, x);
		space_encode(d->space, x, u); /* what the configuration tells, no more                */
		embed_row(d->embed, x, d->rows + i * D);
		for (int j = 0; j < D; j++)
			sum -= (u[j] - 0.4) * (u[j] - 0.4);
		d->values[i] = i == 40 ? -HUGE_VAL : sum + noise * rng_normal(&luck);
	}
}

static void data_free(struct data *d)
{
	embed_free(d->embed);
	space_unref(d->space);
}

static struct surrogate *make(const struct data *d, uint32_t rows_max)
{
	struct surrogate_options o = {
		.warp = WARP_HALF_RANK, .noisy = WARP_POWER, .rows_max = rows_max, .rows_local = rows_max * 3 / 4, .seed = 11};
	struct surrogate *s = surrogate_new(d->embed, &o);

	assert_non_null(s);
	return s;
}

static void update(struct surrogate *s, const struct data *d, uint32_t n)
{
	assert_int_equal(surrogate_update(s, d->rows, d->values, n, NULL), ALGO_OK);
}

/* Means and variances at some places. */
static void ask(const struct surrogate *s, const struct data *d, double *out)
{
	const struct gp *g = surrogate_model(s);
	struct gp_work *w = gp_work_new(g, 16);

	assert_int_equal(gp_forward(g, w, d->rows + 7 * D, 16, out, out + 16), ALGO_OK);
	gp_work_free(w);
}

static void grown_is_rebuilt_from(double noise)
{
	static const uint32_t limits[] = {1000, 48}; /* one model of all, one that becomes local       */
	struct data d;

	data_init(&d, noise);
	for (int k = 0; k < 2; k++) {
		struct surrogate *grown = make(&d, limits[k]);

		for (uint32_t n = 1; n <= N; n += 1 + n % 3) {
			struct surrogate *fresh = make(&d, limits[k]);
			double a[32], b[32];

			update(grown, &d, n);
			update(fresh, &d, n);
			ask(grown, &d, a);
			ask(fresh, &d, b);
			if (memcmp(a, b, sizeof(a)) != 0)
				fail_msg("noise %g, limit %u: with %u observations the grown model says %.17g, the rebuilt one %.17g",
					noise, limits[k], n, a[0], b[0]);
			surrogate_free(fresh);
		}
		surrogate_free(grown);
	}
	data_free(&d);
}

static void grown_is_rebuilt(void **state)
{
	(void)state;
	grown_is_rebuilt_from(0.01);
	grown_is_rebuilt_from(0.3);
}

/* Much noise is told from little, and from then on the values are transformed otherwise. */
static void noise_changes_the_transform(void **state)
{
	static const double noises[] = {0.001, 0.3};

	(void)state;
	for (int k = 0; k < 2; k++) {
		struct data d;
		double power[N];
		data_init(&d, noises[k]);
		struct surrogate *s = make(&d, 1000);
		update(s, &d, N);
		assert_int_equal(warp_outputs(WARP_POWER, d.values, N, NAN, power), ALGO_OK);
		bool equal = memcmp(power, surrogate_targets(s), sizeof(power)) == 0;
		if (equal != (k == 1))
			fail_msg("noise %g: %s", noises[k], equal ? "power transform" : "half-ranks");
		surrogate_free(s);
		data_free(&d);
	}
}

/* What it was given for a while changes its forecasts, and leaves nothing behind. */
static void gives_back_what_it_borrowed(void **state)
{
	enum { HAD = 40 };
	struct data d;
	double before[32], with[32], after[32], all[32], off = 0, off_before = 0;

	(void)state;
	data_init(&d, 0.01);
	struct surrogate *s = make(&d, 1000), *full = make(&d, 1000);
	update(s, &d, HAD);
	ask(s, &d, before);
	assert_int_equal(surrogate_extend(s, d.rows, d.values, N), ALGO_OK);
	ask(s, &d, with);
	update(full, &d, N);
	ask(full, &d, all);
	for (int i = 0; i < 16; i++) {
		off += fabs(with[i] - all[i]);
		off_before += fabs(before[i] - all[i]);
	}
	if (!(off < 0.8 * off_before))
		fail_msg("off by %g with them, by %g before", off, off_before);
	update(s, &d, HAD);
	ask(s, &d, after);
	assert_memory_equal(before, after, sizeof(before));
	surrogate_free(full);
	surrogate_free(s);
	data_free(&d);
}

/* Another history than the one it had: as if it had never seen the first. */
static void starts_over(void **state)
{
	struct surrogate *s, *fresh;
	struct data d;
	double a[32], b[32];

	(void)state;
	data_init(&d, 0.01);
	s = make(&d, 1000);
	fresh = make(&d, 1000);
	update(s, &d, 50);
	d.values[3] += 0.5;
	update(s, &d, 45);
	update(fresh, &d, 45);
	ask(s, &d, a);
	ask(fresh, &d, b);
	assert_memory_equal(a, b, sizeof(a));
	surrogate_free(s);
	surrogate_free(fresh);
	data_free(&d);
}

static void local_members(void **state)
{
	struct surrogate *s;
	struct data d;
	uint32_t best = 0, n_rows;
	bool has_best = false;

	(void)state;
	data_init(&d, 0.01);
	s = make(&d, 48);
	update(s, &d, 48);
	assert_int_equal(gp_rows(surrogate_model(s)), 48);
	update(s, &d, N);
	n_rows = gp_rows(surrogate_model(s));
	assert_in_range(n_rows, 36, 41);
	for (uint32_t i = 1; i < N; i++)
		best = d.values[i] > d.values[best] ? i : best;
	for (uint32_t i = 0; i < n_rows; i++) {
		has_best = has_best || surrogate_members(s)[i] == best;
		assert_true(i == 0 || surrogate_members(s)[i] > surrogate_members(s)[i - 1]);
	}
	assert_true(has_best);
	for (uint32_t i = 0; i < N; i++)
		assert_true(isfinite(surrogate_targets(s)[i]));
	surrogate_free(s);
	data_free(&d);
}

/* ---- observations ------------------------------------------------------------------------------ */

static void verdicts(void **state)
{
	struct space *space = space_named("mixed");
	struct embed *e = embed_new(space);
	const double u[D] = {0.1, 0.2, 0.3, 0.4, 0.5}, bad[D] = {NAN, NAN, NAN, NAN, NAN};
	const struct {
		enum algo_status status;
		double value, want;     /* NaN: a failure; infinite: says nothing                          */
	} cases[] = {{ALGO_SUCCEEDED, 5, -5}, {ALGO_FAILED, NAN, NAN}, {ALGO_SUCCEEDED, NAN, NAN},
		{ALGO_SUCCEEDED, 3, -3}, {ALGO_STOPPED, 1, -3}, {ALGO_STOPPED, 9, -9}, {ALGO_ABANDONED, 1, HUGE_VAL},
		{ALGO_STOPPED, NAN, NAN}, {ALGO_SUCCEEDED, HUGE_VAL, -HUGE_VAL}};
	enum { CASES = sizeof(cases) / sizeof(*cases) };
	struct algo_trial trials[CASES + 1];
	struct algo_objective objective = {.direction = ALGO_MINIMIZE, .goal = NAN};
	struct algo_problem p = {.space = space, .objectives = &objective, .n_objectives = 1};
	struct algo_history h = {.trials = trials, .n_trials = CASES + 1};
	struct observations o;
	uint32_t n = 0, tried = 0;
	double x[D];

	(void)state;
	space_decode(space, u, x);
	for (uint32_t i = 0; i < CASES; i++)
		trials[i] = (struct algo_trial){
			.number = i + 1, .status = cases[i].status, .x = x, .values = &cases[i].value};
	trials[CASES] = (struct algo_trial){.number = CASES + 1, .status = ALGO_SUCCEEDED, .x = bad};
	assert_true(observations_read(&o, e, &p, &h, 0));
	for (uint32_t i = 0; i < CASES; i++) {
		if (cases[i].want == HUGE_VAL)
			continue;
		if (o.verdicts[tried++] != (isnan(cases[i].want) ? -1 : 1))
			fail_msg("trial %u has the verdict %g", i, o.verdicts[tried - 1]);
		if (!isnan(cases[i].want) && o.values[n++] != cases[i].want)
			fail_msg("trial %u has the value %g, should have %g", i, o.values[n - 1], cases[i].want);
	}
	assert_int_equal(o.n, n);
	assert_int_equal(o.n_tried, tried);
	assert_int_equal(o.n_failed, tried - n);
	observations_free(&o);
	embed_free(e);
	space_unref(space);
}

/* A linear part for the parameters; none where the resource is a column, whose effect would pass for theirs. */
static void linear_without_resource(void **state)
{
	struct data d;
	double rows[N * (D + 1)], values[N];

	(void)state;
	data_init(&d, 0);
	for (int graded = 0; graded < 2; graded++) {
		struct embed *e = graded ? embed_new_graded(d.space) : embed_new(d.space);
		struct surrogate *s = surrogate_new(e, &(struct surrogate_options){.rows_max = N, .rows_local = N, .seed = 1});
		uint32_t columns = e->n_columns;

		assert_int_equal(columns, D + graded);
		for (size_t i = 0; i < N; i++) {
			memcpy(rows + i * columns, d.rows + i * D, D * sizeof(double));
			if (graded)
				rows[i * columns + D] = (double)i / N;
			values[i] = 0;
			for (uint32_t c = 0; c < columns; c++)
				values[i] += e->columns[c].category ? 0 : rows[i * columns + c];
		}
		assert_int_equal(surrogate_update(s, rows, values, N, NULL), ALGO_OK);
		assert_true(graded ? gp_linear_variance(surrogate_model(s)) == 0 : gp_linear_variance(surrogate_model(s)) > 0.1);
		surrogate_free(s);
		embed_free(e);
	}
	data_free(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(grown_is_rebuilt),
		cmocka_unit_test(noise_changes_the_transform),
		cmocka_unit_test(gives_back_what_it_borrowed),
		cmocka_unit_test(starts_over),
		cmocka_unit_test(local_members),
		cmocka_unit_test(verdicts),
		cmocka_unit_test(linear_without_resource),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
