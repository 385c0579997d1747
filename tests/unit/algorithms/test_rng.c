/* Random numbers and permutations: reproducible, unbiased, independent between streams. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "algorithms/permute.h"
#include "algorithms/rng.h"

/* The reference implementation's first numbers for the state 1, 2, 3, 4. */
static void follows_the_published_generator(void **state)
{
	static const uint64_t expected[] = {
		41943041, 58720359, 3588806011781223, 3591011842654386, 9228616714210784205u};
	struct rng r = {{1, 2, 3, 4}};

	(void)state;
	for (size_t i = 0; i < sizeof(expected) / sizeof(*expected); i++)
		assert_int_equal(rng_next(&r), expected[i]);
}

static void uniform_stays_inside(void **state)
{
	struct rng r = rng_seeded(1);
	double sum = 0, squares = 0;
	int n = 200000;

	(void)state;
	for (int i = 0; i < n; i++) {
		double u = rng_uniform(&r);

		assert_true(u > 0 && u < 1);
		sum += u;
		squares += u * u;
	}
	assert_true(fabs(sum / n - 0.5) < 0.003);
	assert_true(fabs(squares / n - 1.0 / 3) < 0.003);
}

static void normal_has_its_moments(void **state)
{
	struct rng r = rng_seeded(2);
	double sum = 0, squares = 0, fourth = 0;
	int n = 200000;

	(void)state;
	for (int i = 0; i < n; i++) {
		double z = rng_normal(&r);

		sum += z;
		squares += z * z;
		fourth += z * z * z * z;
	}
	assert_true(fabs(sum / n) < 0.01);
	assert_true(fabs(squares / n - 1) < 0.02);
	assert_true(fabs(fourth / n - 3) < 0.1);
}

static void below_is_even(void **state)
{
	struct rng r = rng_seeded(3);
	int count[7] = {0}, n = 70000;

	(void)state;
	for (int i = 0; i < n; i++)
		count[rng_below(&r, 7)]++;
	for (int i = 0; i < 7; i++)
		assert_in_range(count[i], n / 7 - 400, n / 7 + 400);
	/* Of 3/4 of the range, every third number would come twice as often without the correction. */
	for (int i = 0, third = 0; i < 30000; i++) {
		third += rng_below(&r, UINT64_C(3) << 62) % 3 == 0;
		if (i == 29999)
			assert_in_range(third, 9600, 10400);
	}
	for (int i = 0; i < 1000; i++) {
		assert_int_equal(rng_below(&r, 1), 0);
		assert_true(rng_below(&r, UINT64_MAX) < UINT64_MAX);
	}
}

static void streams_do_not_meet(void **state)
{
	uint64_t seen[400];
	size_t n = 0;

	(void)state;
	for (uint64_t seed = 0; seed < 10; seed++) {
		for (uint64_t index = 0; index < 10; index++) {
			for (int purpose = RNG_SUGGEST; purpose <= RNG_MODEL; purpose++) {
				struct rng r = rng_stream(seed, (enum rng_purpose)purpose, index);

				seen[n] = rng_next(&r);
				for (size_t i = 0; i < n; i++)
					assert_int_not_equal(seen[i], seen[n]);
				n++;
			}
		}
	}
}

static void shuffle_keeps_all(void **state)
{
	struct rng r = rng_seeded(4);
	uint32_t a[100];
	int present[100] = {0}, moved = 0;

	(void)state;
	for (uint32_t i = 0; i < 100; i++)
		a[i] = i;
	rng_shuffle(&r, a, 100);
	for (uint32_t i = 0; i < 100; i++) {
		present[a[i]]++;
		moved += a[i] != i;
	}
	for (int i = 0; i < 100; i++)
		assert_int_equal(present[i], 1);
	assert_true(moved > 80);
}

static void permutation_hits_all_once(void **state)
{
	static const uint64_t sizes[] = {1, 2, 3, 4, 5, 16, 17, 100, 1000, 4097};

	(void)state;
	for (size_t k = 0; k < sizeof(sizes) / sizeof(*sizes); k++) {
		uint64_t n = sizes[k];
		struct permutation p = permutation_new(n, 42 + k);
		char *hit = calloc(n, 1);
		uint64_t in_place = 0;

		assert_non_null(hit);
		for (uint64_t i = 0; i < n; i++) {
			uint64_t at = permutation_at(&p, i);

			assert_true(at < n);
			assert_int_equal(hit[at], 0);
			hit[at] = 1;
			in_place += at == i;
		}
		free(hit);
		if (n >= 100)
			assert_true(in_place < 10);
	}
}

static void permutation_of_the_largest(void **state)
{
	struct permutation p = permutation_new(UINT64_MAX - 1, 5);

	(void)state;
	for (uint64_t i = 0; i < 1000; i++) {
		assert_true(permutation_at(&p, i) < p.n);
		assert_true(permutation_at(&p, i) != permutation_at(&p, p.n - 1 - i));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(follows_the_published_generator),
		cmocka_unit_test(uniform_stays_inside),
		cmocka_unit_test(normal_has_its_moments),
		cmocka_unit_test(below_is_even),
		cmocka_unit_test(streams_do_not_meet),
		cmocka_unit_test(shuffle_keeps_all),
		cmocka_unit_test(permutation_hits_all_once),
		cmocka_unit_test(permutation_of_the_largest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
