/* The benchmark's problems: optima, published values, tables read back, descriptions. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cjson/cJSON.h>
#include <cmocka.h>

#include "algorithms/rng.h"
#include "bench/search/problem.h"

enum { INSTANCES = 3, SAMPLES = 200 };

static struct problems *open_all(uint32_t instance)
{
	struct problems *all = problems_open(NULL, instance);

	assert_non_null(all);
	return all;
}

/* A configuration of the problem, uniform on its scales. */
static void draw(struct rng *r, const struct problem *p, double *x)
{
	for (uint32_t j = 0; j < p->n_params; j++) {
		const struct space_param *s = &p->params[j].space;
		double u = rng_uniform(r);

		if (s->n_values)
			x[j] = floor(u * s->n_values);
		else if (s->distribution == SPACE_LOG_UNIFORM)
			x[j] = s->min * pow(s->max / s->min, u);
		else
			x[j] = s->min + u * (s->max - s->min);
		if (s->kind == SPACE_INT)
			x[j] = rint(x[j]);
		if (p->params[j].when &&
			(isnan(x[p->params[j].parent]) || !(p->params[j].when >> (uint32_t)x[p->params[j].parent] & 1)))
			x[j] = NAN;
	}
}

static void best_is_at_the_optimum(void **state)
{
	uint32_t n = 0;

	(void)state;
	for (uint32_t instance = 1; instance <= INSTANCES; instance++) {
		struct problems *all = open_all(instance);

		for (uint32_t i = 0; i < problems_count(all); i++) {
			const struct problem *p = problems_at(all, i);
			double v;

			assert_non_null(p->optimum);
			v = p->evaluate(p, p->optimum, 0);
			n++;
			if (!(fabs(v - p->best) <= 1e-9 * (1 + fabs(p->best))))
				fail_msg("%s: %.17g at the optimum, best is %.17g", p->name, v, p->best);
			for (uint32_t j = 0; j < p->n_params; j++)
				if (p->params[j].space.min != p->params[j].space.max &&
					!(isnan(p->optimum[j]) || (p->optimum[j] >= p->params[j].space.min &&
												  p->optimum[j] <= p->params[j].space.max)))
					fail_msg("%s: optimum %u is outside", p->name, j);
		}
		problems_close(all);
	}
	assert_true(n >= INSTANCES * (28 + 24 * 4 + 14 + 13 + 24));
}

static void nothing_is_better(void **state)
{
	struct rng rng = rng_seeded(7);
	struct problems *all = open_all(1);
	double x[PROBLEM_PARAMS_MAX];

	(void)state;
	for (uint32_t i = 0; i < problems_count(all); i++) {
		const struct problem *p = problems_at(all, i);

		for (uint32_t k = 0; k < SAMPLES; k++) {
			double v;

			draw(&rng, p, x);
			v = p->evaluate(p, x, 0);
			if (!isfinite(v) || (p->maximize ? v - p->best : p->best - v) > 1e-9 * (1 + fabs(p->best)))
				fail_msg("%s: %.17g is better than %.17g", p->name, v, p->best);
			assert_true(problems_regret(all, i, x, v) >= 0);
			assert_true((problems_evaluate(all, i, x, k + 1) != v) == p->noisy);
		}
	}
	problems_close(all);
}

static void families_share_a_space(void **state)
{
	struct problems *all = open_all(1);
	uint32_t related[5], n = 0;

	(void)state;
	for (uint32_t i = 0; i < problems_count(all); i++) {
		uint32_t found = problems_related(all, i, related, 5);

		assert_true((found > 0) == (problems_at(all, i)->family != NULL));
		n += found;
		for (uint32_t k = 0; k < found; k++) {
			assert_true(related[k] != i);
			assert_int_equal(problems_at(all, related[k])->n_params, problems_at(all, i)->n_params);
		}
	}
	assert_int_equal(n, 6 * 4 * 3);
	problems_close(all);
}

static void instances_differ(void **state)
{
	struct problems *first = open_all(1), *second = open_all(2);
	double x[PROBLEM_PARAMS_MAX];
	struct rng rng = rng_seeded(8);

	(void)state;
	for (uint32_t i = 0; i < problems_count(first); i++) {
		const struct problem *p = problems_at(first, i);

		if (strncmp(p->name, "bbob/", 5) != 0)
			continue;
		draw(&rng, p, x);
		assert_true(problems_evaluate(first, i, x, 1) == problems_evaluate(first, i, x, 2));
		assert_true(problems_evaluate(first, i, x, 1) != problems_evaluate(second, i, x, 1));
	}
	problems_close(first);
	problems_close(second);
}

/* Every coordinate the same; from the definitions by hand or from the literature. */
static const struct {
	const char *name;
	double x, value;
} known[] = {
	{"functions/branin", 0, 55.602112642270264},
	{"functions/ackley-5", 1, 3.6253849384403627},
	{"functions/rosenbrock-4", 0, 3},
	{"functions/griewank-5", 0, 0},
	{"functions/rastrigin-4", 1, 4},
	{"functions/styblinski-tang-5", 0, 0},
	{"functions/styblinski-tang-5", 1, -25},
	{"functions/goldstein-price", 0, 600},
	{"functions/bohachevsky", 1, 3.6},
	{"functions/powell-8", 1, 244},
	{"functions/dixon-price-5", 0, 1},
	{"functions/zakharov-6", 1, 12271.3125},
	{"functions/beale", 0, 14.203125},
	{"functions/colville", 0, 42},
	{"functions/sum-of-powers-12", 1, 12},
	{"functions/six-hump-camel", 1, 3.2333333333333334},
	{"functions/alpine-6", 0, 0},
};

static void values_are_the_published_ones(void **state)
{
	struct problems *all = open_all(1);

	(void)state;
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++) {
		int index = problems_find(all, known[i].name);
		double x[PROBLEM_PARAMS_MAX], v;

		assert_true(index >= 0);
		for (uint32_t j = 0; j < PROBLEM_PARAMS_MAX; j++)
			x[j] = known[i].x;
		v = problems_evaluate(all, (uint32_t)index, x, 1);
		if (!(fabs(v - known[i].value) <= 1e-12 * (1 + fabs(v))))
			fail_msg("%s at %g: %.17g, not %.17g", known[i].name, known[i].x, v, known[i].value);
	}
	problems_close(all);
}

/* f1 is the squared distance; f5 is linear inside; f8 and f9 have Rosenbrock's valley. */
static void bbob_has_its_shapes(void **state)
{
	struct problems *all = open_all(1);
	int sphere = problems_find(all, "bbob/f01-d05"), slope = problems_find(all, "bbob/f05-d05"),
		rosenbrock = problems_find(all, "bbob/f08-d02");
	const struct problem *p;
	double x[5], up[5], down[5];

	(void)state;
	assert_true(sphere >= 0 && slope >= 0 && rosenbrock >= 0);
	p = problems_at(all, (uint32_t)sphere);
	for (uint32_t j = 0; j < 5; j++)
		x[j] = p->optimum[j] + j;
	assert_true(fabs(problems_evaluate(all, (uint32_t)sphere, x, 1) - p->best - 30) < 1e-9);
	for (uint32_t j = 0; j < 5; j++) {
		x[j] = 0.3 * j;
		up[j] = x[j] + 1;
		down[j] = x[j] - 1;
	}
	assert_true(fabs(problems_evaluate(all, (uint32_t)slope, up, 1) +
					 problems_evaluate(all, (uint32_t)slope, down, 1) -
					 2 * problems_evaluate(all, (uint32_t)slope, x, 1)) < 1e-9);
	p = problems_at(all, (uint32_t)rosenbrock);
	x[0] = p->optimum[0] + 1; /* z = (2, 4): in the valley's floor, (z0 - 1)^2 = 1 remains */
	x[1] = p->optimum[1] + 3;
	assert_true(fabs(problems_evaluate(all, (uint32_t)rosenbrock, x, 1) - p->best - 1) < 1e-9);
	problems_close(all);
}

/* Points all over the front leave out less the denser they are, and never less than nothing. */
static double missing_on_front(const struct problems *all, uint32_t i, uint32_t steps)
{
	const struct problem *p = problems_at(all, i);
	uint32_t places = p->several->n - 1, n = places == 1 ? steps : steps * steps;
	double *values = malloc((size_t)n * p->several->n * sizeof(*values)), x[PROBLEM_PARAMS_MAX], missing;

	assert_non_null(values);
	memcpy(x, p->optimum, p->n_params * sizeof(*x));
	for (uint32_t k = 0; k < n; k++) {
		x[0] = (double)(k % steps) / (steps - 1);
		if (places == 2)
			x[1] = (double)(k / steps) / (steps - 1);
		problems_evaluate_all(all, i, x, values + (size_t)k * p->several->n);
	}
	missing = problems_missing(all, i, values, n);
	free(values);
	return missing;
}

static void fronts_have_their_volume(void **state)
{
	struct problems *all = open_all(1);
	uint32_t found = 0;

	(void)state;
	for (uint32_t i = 0; i < problems_count(all); i++) {
		const struct problem *p = problems_at(all, i);
		uint32_t steps = p->several && p->several->n == 3 ? 40 : 4000;
		double coarse, fine;

		assert_int_equal(problems_objectives(all, i), p->several ? p->several->n : 1);
		if (!p->several)
			continue;
		coarse = missing_on_front(all, i, steps / 10);
		fine = missing_on_front(all, i, steps);
		if (!(fine > 0 && fine < coarse / 3 && fine < 0.0002 * p->several->volume * (p->several->n == 3 ? 50 : 1)))
			fail_msg("%s: %g and %g left out of %g", p->name, coarse, fine, p->several->volume);
		found++;
	}
	assert_int_equal(found, 6);
	problems_close(all);
}

static void descriptions_are_json(void **state)
{
	struct problems *all = open_all(1);

	(void)state;
	for (uint32_t i = 0; i < problems_count(all); i++) {
		cJSON *o = cJSON_ParseWithOpts(problems_text(all, i), NULL, true);
		const cJSON *parameters = cJSON_GetObjectItemCaseSensitive(o, "parameters");

		if (!o)
			fail_msg("%s", problems_text(all, i));
		assert_string_equal(cJSON_GetObjectItemCaseSensitive(o, "name")->valuestring, problems_name(all, i));
		assert_int_equal(cJSON_GetArraySize(parameters), problems_at(all, i)->n_params);
		assert_int_equal(problems_find(all, problems_name(all, i)), i);
		assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItemCaseSensitive(o, "objectives")),
			problems_at(all, i)->several ? problems_objectives(all, i) : 0);
		cJSON_Delete(o);
	}
	assert_null(problems_name(all, problems_count(all)));
	problems_close(all);
}

/* ---- a small table ----------------------------------------------------------------------------- */

static const char header[] = "name a/b\nmode maximize\nseeds 2\nrows 6\nbest_mean 5\n"
							 "param rate double-log 0.1 1\nparam op cat none skip conv\n";
static const float cells[] = {1, 3, 2, 2, NAN, 4, 0, 1, 5, 5, 9, 0};

struct folder {
	char path[64];
};

static void write_file(const struct folder *f, const char *name, const void *bytes, size_t n)
{
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", f->path, name);
	file = fopen(path, "wb");
	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, n, file), n);
	assert_int_equal(fclose(file), 0);
}

static void make_folder(struct folder *f, size_t n_cells)
{
	char sub[128];

	snprintf(f->path, sizeof(f->path), "/tmp/trimtab-problems-XXXXXX");
	assert_non_null(mkdtemp(f->path));
	snprintf(sub, sizeof(sub), "%s/tab", f->path);
	assert_int_equal(mkdir(sub, 0700), 0);
	write_file(f, "tab/a_b.txt", header, strlen(header));
	write_file(f, "tab/a_b.f32", cells, n_cells * sizeof(*cells));
}

static void remove_folder(const struct folder *f)
{
	static const char *const names[] = {"tab/a_b.txt", "tab/a_b.f32", "tab", ""};
	char path[128];

	for (size_t i = 0; i < 4; i++) {
		snprintf(path, sizeof(path), "%s/%s", f->path, names[i]);
		assert_int_equal(remove(path), 0);
	}
}

static void tables_are_read(void **state)
{
	struct folder f;
	struct problems *all;
	int mean, drawn;
	uint32_t threes = 0;

	(void)state;
	make_folder(&f, 12);
	all = problems_open(f.path, 1);
	remove_folder(&f);
	assert_non_null(all);
	mean = problems_find(all, "tables/a-b");
	drawn = problems_find(all, "draws/a-b");
	assert_true(mean >= 0 && drawn >= 0);
	assert_true(problems_at(all, (uint32_t)mean)->best == 5);
	assert_true(problems_at(all, (uint32_t)drawn)->best == 9);
	assert_true(problems_evaluate(all, (uint32_t)mean, (const double[]){0, 0}, 5) == 2);
	assert_true(problems_evaluate(all, (uint32_t)mean, (const double[]){1, 2}, 5) == 4.5);
	assert_true(problems_regret(all, (uint32_t)mean, (const double[]){1, 2}, 4.5) == 0.5);
	assert_true(problems_regret(all, (uint32_t)drawn, (const double[]){1, 2}, 9) == 0);
	assert_true(isinf(problems_regret(all, (uint32_t)mean, (const double[]){1, 2}, NAN)));
	for (uint64_t k = 1; k <= 400; k++) {
		double v = problems_evaluate(all, (uint32_t)drawn, (const double[]){0, 0}, k);

		assert_true(v == 1 || v == 3);
		threes += v == 3;
		assert_true(problems_evaluate(all, (uint32_t)drawn, (const double[]){0, 2}, k) == 4);
	}
	assert_in_range(threes, 150, 250);
	problems_close(all);
}

static void damaged_tables_are_refused(void **state)
{
	struct folder f;

	(void)state;
	make_folder(&f, 11);
	assert_null(problems_open(f.path, 1));
	remove_folder(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(best_is_at_the_optimum),
		cmocka_unit_test(nothing_is_better),
		cmocka_unit_test(families_share_a_space),
		cmocka_unit_test(instances_differ),
		cmocka_unit_test(values_are_the_published_ones),
		cmocka_unit_test(bbob_has_its_shapes),
		cmocka_unit_test(fronts_have_their_volume),
		cmocka_unit_test(descriptions_are_json),
		cmocka_unit_test(tables_are_read),
		cmocka_unit_test(damaged_tables_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
