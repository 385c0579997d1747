/* Parzen estimators: they integrate to one, agree with sums in double precision, and draw what they say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <math.h>

#include "algorithms/tpe/lanes.h"
#include "algorithms/tpe/normal.h"
#include "algorithms/tpe/parzen.h"

#define CLOSE(is, expected, tolerance)                                                                   \
	do {                                                                                                 \
		double is_ = (is), expected_ = (expected);                                                       \
		if (!(fabs(is_ - expected_) <= (tolerance)))                                                     \
			fail_msg("%s is %.12g, expected %.12g within %g", #is, is_, expected_, (double)(tolerance)); \
	} while (0)

/* ---- normal probabilities ---------------------------------------------------------------------- */

/* From mpmath with 50 digits. */
static void normal_tails(void **state)
{
	static const struct {
		double a, b, log_mass;
	} rows[] = {
		{-1, 1, -0.381715146302126072},
		{0, INFINITY, -0.69314718055994531},
		{-INFINITY, INFINITY, 0},
		{2, 3, -3.84435342633420562},
		{-3, -2, -3.84435342633420562},
		{10, 11, -53.2313102255831249},
		{40, 41, -804.608442013753788},
		{-INFINITY, -40, -804.608442013753788},
		{8, 8.0001, -42.1296788801828519},
		{-20, 20, 0},
		{-INFINITY, 6, -9.8658764552437575e-10},
		{-1e-9, 1e-9, -20.9490571895911385},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		CLOSE(normal_log_mass(rows[i].a, rows[i].b), rows[i].log_mass, 1e-12 * fmax(1, -rows[i].log_mass));
}

static void fast_exponential(void **state)
{
	(void)state;
	for (float x = -86; x <= 0; x += 0.0137f) {
		double is = lanes_exp(lanes_all(x))[1], expected = exp((double)x);

		CLOSE(is / expected, 1, 3e-7 + 1e-7 * fabs((double)x));
	}
	assert_true(lanes_exp(lanes_all(-1e30f))[0] < 1.3e-38f);
	CLOSE(lanes_exp(lanes_all(0))[3], 1, 2e-7);
}

/* ---- axes and rows ----------------------------------------------------------------------------- */

static const float even_edges[] = {0, 0.2f, 0.4f, 0.6f, 0.8f, 1};
static const float uneven_edges[] = {0, 0.5f, 0.75f, 0.95f, 1};

static const struct parzen_axis real = {.kind = PARZEN_REAL};
static const struct parzen_axis even = {.kind = PARZEN_GRID, .levels = 5, .edges = even_edges};
static const struct parzen_axis uneven = {.kind = PARZEN_GRID, .levels = 4, .edges = uneven_edges};
static const struct parzen_axis choice = {.kind = PARZEN_CHOICE, .levels = 7};

enum { ROWS_MAX = 300, AXES_MAX = 8 };
static const uint32_t columns[AXES_MAX] = {0, 1, 2, 3, 4, 5, 6, 7};

struct sample {
	const struct parzen_axis *axes[AXES_MAX];
	uint32_t n_axes, n;
	float x[ROWS_MAX][AXES_MAX];
	struct parzen_row rows[ROWS_MAX];
};

/* Rows in a heap on one side, with ties, of all weights. */
static void fill(struct sample *s, struct rng *r, uint32_t n)
{
	s->n = n;
	for (uint32_t i = 0; i < n; i++) {
		for (uint32_t j = 0; j < s->n_axes; j++) {
			const struct parzen_axis *a = s->axes[j];
			double u = rng_uniform(r);

			s->x[i][j] =
				a->kind == PARZEN_REAL ? (float)(i % 5 ? u * u : i % 2) : floorf((float)(u * u * a->levels));
		}
		s->rows[i] = (struct parzen_row){.x = s->x[i], .weight = (float)(0.1 + rng_uniform(r))};
	}
}

/* The probability of everything on one axis, by Simpson's rule where it is real. */
static double total(struct parzen *p, const struct parzen_axis *a)
{
	double sum = 0;

	if (a->kind == PARZEN_REAL) {
		enum { STEPS = 20000 };

		for (int i = 0; i <= STEPS; i++) {
			float x = (float)i / STEPS;

			sum += exp(parzen_log_density(p, &x)) * (i == 0 || i == STEPS ? 1 : i % 2 ? 4 : 2) / 3 / STEPS;
		}
		return sum;
	}
	for (uint32_t k = 0; k < a->levels; k++) {
		float x = (float)k;
		double width = a->kind == PARZEN_GRID ? (double)(a->edges[k + 1] - a->edges[k]) : 1;

		sum += exp(parzen_log_density(p, &x)) * width;
	}
	return sum;
}

static void integrates_to_one(void **state)
{
	static const struct parzen_axis *const axes[] = {&real, &even, &uneven, &choice};
	static const uint32_t sizes[] = {0, 1, 2, 3, 15, 16, 17, 100, 299};
	struct sample *s = calloc(1, sizeof(*s));
	struct parzen p = {0};
	struct rng r = rng_seeded(1);

	(void)state;
	assert_non_null(s);
	s->n_axes = 1;
	for (size_t a = 0; a < sizeof(axes) / sizeof(*axes); a++) {
		s->axes[0] = axes[a];
		for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
			fill(s, &r, sizes[i]);
			assert_true(parzen_fit(&p, s->axes, columns, 1, s->rows, s->n, i % 2 ? 1 : 0.3f));
			CLOSE(total(&p, axes[a]), 1, 1e-4);
		}
	}
	parzen_free(&p);
	free(s);
}

/* The joint density summed over everything: 4 levels, 7 choices and 200 strips. */
static void joint_integrates_to_one(void **state)
{
	struct sample *s = calloc(1, sizeof(*s));
	struct parzen p = {0};
	struct rng r = rng_seeded(2);
	double sum = 0;

	(void)state;
	assert_non_null(s);
	s->n_axes = 3;
	s->axes[0] = &uneven;
	s->axes[1] = &real;
	s->axes[2] = &choice;
	fill(s, &r, 40);
	assert_true(parzen_fit(&p, s->axes, columns, 3, s->rows, s->n, 1));
	for (int c = 0; c < 4; c++) {
		for (int k = 0; k < 7; k++) {
			for (int i = 0; i < 200; i++) {
				float x[] = {(float)c, ((float)i + 0.5f) / 200, (float)k};

				sum += exp(parzen_log_density(&p, x)) * (uneven_edges[c + 1] - uneven_edges[c]) / 200;
			}
		}
	}
	CLOSE(sum, 1, 1e-3);
	parzen_free(&p);
	free(s);
}

/* One observation: the mean of a kernel that is written out here and the uniform prior. */
static void one_kernel(void **state)
{
	const struct parzen_axis *axes[] = {&real, &choice};
	const float x[] = {0.2f, 3};
	const struct parzen_row row = {.x = x, .weight = 1};
	const double sigma = 0.8, p = 0.5;
	struct parzen e = {0};

	(void)state;
	assert_true(parzen_fit(&e, axes, columns, 2, &row, 1, 1));
	for (int i = 0; i <= 10; i++) {
		for (int k = 2; k < 4; k++) {
			float at[] = {(float)i / 10, (float)k};
			double z = (i / 10.0 - 0.2) / sigma,
				   mass = 0.5 * (erf(0.8 / sigma / sqrt(2)) + erf(0.2 / sigma / sqrt(2)));
			double normal = exp(-0.5 * z * z) / (sigma * sqrt(2 * M_PI)) / mass;
			double hit = ((k == 3 ? 1 : 0) + p) / (1 + 7 * p);

			CLOSE(parzen_log_density(&e, at), log(0.5 * normal * hit + 0.5 / 7), 1e-5);
		}
	}
	parzen_free(&e);
}

/* In 8 dimensions the terms differ by hundreds of orders of magnitude. */
static void far_away(void **state)
{
	struct sample *s = calloc(1, sizeof(*s));
	struct parzen p = {0};

	(void)state;
	assert_non_null(s);
	s->n_axes = 8;
	s->n = 200;
	for (uint32_t j = 0; j < 8; j++)
		s->axes[j] = &real;
	for (uint32_t i = 0; i < s->n; i++)
		s->rows[i] = (struct parzen_row){.x = s->x[i], .weight = 1};
	assert_true(parzen_fit(&p, s->axes, columns, 8, s->rows, s->n, 1));
	CLOSE(parzen_log_density(&p, (const float[]){1, 1, 1, 1, 1, 1, 1, 1}), log(1.0 / 201), 1e-5);
	CLOSE(parzen_log_density(&p, s->x[0]), log(200.0 / 201) + 8 * log(2 * 100 / sqrt(2 * M_PI)), 1e-4);
	parzen_free(&p);
	free(s);
}

/* A million draws of a number and a choice fall where the density says. */
static void draws_follow_the_density(void **state)
{
	enum { DRAWS = 1000000, BINS = 20 };
	const struct parzen_axis *axes[] = {&real, &choice};
	struct sample *s = calloc(1, sizeof(*s));
	struct parzen p = {0}, marginal = {0};
	struct rng r = rng_seeded(3);
	double hits[BINS] = {0}, choices[7] = {0};

	(void)state;
	assert_non_null(s);
	s->n_axes = 2;
	s->axes[0] = axes[0];
	s->axes[1] = axes[1];
	fill(s, &r, 12);
	assert_true(parzen_fit(&p, s->axes, columns, 2, s->rows, s->n, 1));
	assert_true(parzen_fit(&marginal, s->axes, columns, 1, s->rows, s->n, 1));
	for (int i = 0; i < DRAWS; i++) {
		float x[2];

		parzen_draw(&p, &r, x);
		assert_true(x[0] >= 0 && x[0] <= 1 && x[1] >= 0 && x[1] < 7 && x[1] == floorf(x[1]));
		hits[(int)fminf(x[0] * BINS, BINS - 1)]++;
		choices[(int)x[1]]++;
	}
	for (int k = 0; k < BINS; k++) {
		double expected = 0;

		for (int i = 0; i < 50; i++) {
			float x = ((float)k + ((float)i + 0.5f) / 50) / BINS;

			expected += exp(parzen_log_density(&marginal, &x)) / 50 / BINS;
		}
		CLOSE(hits[k] / DRAWS, expected, 0.002);
	}
	s->axes[0] = axes[1];
	for (uint32_t i = 0; i < s->n; i++)
		s->x[i][0] = s->x[i][1];
	assert_true(parzen_fit(&marginal, s->axes, columns, 1, s->rows, s->n, 1));
	for (int k = 0; k < 7; k++) {
		float x = (float)k;

		CLOSE(choices[k] / DRAWS, exp(parzen_log_density(&marginal, &x)), 0.002);
	}
	parzen_free(&p);
	parzen_free(&marginal);
	free(s);
}

static void draws_of_levels(void **state)
{
	enum { DRAWS = 400000 };
	struct sample *s = calloc(1, sizeof(*s));
	struct parzen p = {0};
	struct rng r = rng_seeded(4);
	double hits[4] = {0};

	(void)state;
	assert_non_null(s);
	s->n_axes = 1;
	s->axes[0] = &uneven;
	fill(s, &r, 9);
	assert_true(parzen_fit(&p, s->axes, columns, 1, s->rows, s->n, 0.5f));
	for (int i = 0; i < DRAWS; i++) {
		float x;

		parzen_draw(&p, &r, &x);
		assert_true(x >= 0 && x < 4 && x == floorf(x));
		hits[(int)x]++;
	}
	for (int k = 0; k < 4; k++) {
		float x = (float)k;
		double width = (double)(uneven_edges[k + 1] - uneven_edges[k]);

		CLOSE(hits[k] / DRAWS, exp((double)parzen_log_density(&p, &x)) * width, 0.004);
	}
	parzen_free(&p);
	free(s);
}

static void levels_of_cells(void **state)
{
	(void)state;
	for (uint32_t k = 0; k < 4; k++) {
		assert_int_equal(parzen_level(&uneven, uneven_edges[k]), k);
		assert_int_equal(parzen_level(&uneven, uneven_edges[k] + 0.01f), k);
	}
	assert_int_equal(parzen_level(&uneven, 1), 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(normal_tails),
		cmocka_unit_test(fast_exponential),
		cmocka_unit_test(levels_of_cells),
		cmocka_unit_test(one_kernel),
		cmocka_unit_test(integrates_to_one),
		cmocka_unit_test(joint_integrates_to_one),
		cmocka_unit_test(far_away),
		cmocka_unit_test(draws_follow_the_density),
		cmocka_unit_test(draws_of_levels),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
