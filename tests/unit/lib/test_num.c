#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/attr.h"
#include "lib/mem.h"
#include "lib/num.h"

static uint64_t seed = 20261122;

static uint64_t random_bits(void) /* splitmix64 */
{
	uint64_t z = seed += UINT64_C(0x9E3779B97F4A7C15);

	z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
	z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
	return z ^ z >> 31;
}

static double double_of(uint64_t bits)
{
	double x;

	memcpy(&x, &bits, sizeof x);
	return x;
}

static bool same_bits(double a, double b)
{
	return memcmp(&a, &b, sizeof a) == 0;
}

static void check_round_trip(double x)
{
	char text[NUM_MAX];
	size_t n = num_format(text, x);
	double y = 0;

	if (n != strlen(text) || !num_parse(text, n, false, &y) || !same_bits(x, y))
		fail_msg("%.17g became %s became %.17g", x, text, y);
	if (!same_bits(strtod(text, NULL), x))
		fail_msg("%.17g became %s, which the C library reads as something else", x, text);
}

/* All bit patterns alike; 10^6 of them, or as many as TRIMTAB_TEST_DOUBLES says. */
static void test_random_doubles_survive(void **state)
{
	const char *wanted = getenv("TRIMTAB_TEST_DOUBLES");
	long n = wanted ? strtol(wanted, NULL, 10) : 1000000;

	(void)state;
	for (long i = 0; i < n; i++) {
		uint64_t bits = random_bits();

		switch (i % 4) {
		case 0: /* parameters as they are drawn */
			check_round_trip((double)(bits >> 11) * 0x1p-53);
			break;
		case 1: /* values with few decimals */
			check_round_trip((double)(int64_t)(bits % 2000000) / pow(10, (double)(bits >> 60)));
			break;
		default:
			if (isfinite(double_of(bits)))
				check_round_trip(double_of(bits));
			break;
		}
	}
}

/* The significant digits of a number as text, without zeros at the ends. */
static size_t significant(const char *text, char out[40])
{
	size_t n = 0;

	for (; *text && *text != 'e'; text++)
		if (*text >= '0' && *text <= '9' && (n > 0 || *text != '0'))
			out[n++] = *text;
	while (n > 0 && out[n - 1] == '0')
		n--;
	out[n] = '\0';
	return n;
}

/* As short as can be, and the nearest of that length: printf finds both by trying; except that below
 * a power of two numbers are closer together, and the nearest may round to another, one further up not. */
static void check_shortest(double x)
{
	char text[NUM_MAX], tried[64], digits[40], expected[40];
	size_t n;
	int precision = 0;

	num_format(text, x);
	n = significant(text, digits);
	do
		snprintf(tried, sizeof tried, "%.*e", precision++, x);
	while (!same_bits(strtod(tried, NULL), x));
	if (n < significant(tried, expected))
		assert_true(frexp(fabs(x), &precision) == 0.5);
	else if (strcmp(digits, expected) != 0)
		fail_msg("%a: %s instead of %s", x, text, tried);
	assert_true(n <= 17);
}

static void test_shortest(void **state)
{
	(void)state;
	for (int e = -1074; e <= 1023; e++) {
		double x = ldexp(1, e);

		check_shortest(x);
		check_shortest(nextafter(x, INFINITY));
		if (e > -1074)
			check_shortest(nextafter(x, 0));
	}
	for (int e = -323; e <= 308; e++) {
		char text[NUM_MAX];

		snprintf(text, sizeof text, "1e%d", e);
		check_shortest(strtod(text, NULL));
	}
	for (int i = 0; i < 20000; i++) {
		double x = double_of(random_bits());

		if (isfinite(x))
			check_shortest(x);
		check_shortest(double_of(random_bits() >> 12 | 1)); /* subnormal */
	}
}

static void test_format(void **state)
{
	static const struct {
		double x;
		const char *text;
	} cases[] = {
		{0, "0"},
		{-0.0, "-0"},
		{1, "1"},
		{-1, "-1"},
		{100000, "100000"},
		{1e15, "1000000000000000"},
		{0x1p53, "9007199254740992"},
		{-0x1p53, "-9007199254740992"},
		{1e17, "1e+17"},
		{1e300, "1e+300"},
		{0.1, "0.1"},
		{0.1 + 0.2, "0.30000000000000004"},
		{1.0 / 3, "0.3333333333333333"},
		{-2.5, "-2.5"},
		{123.456, "123.456"},
		{0.0001, "0.0001"},
		{0.00001, "1e-05"},
		{1.5e-7, "1.5e-07"},
		{5e-324, "5e-324"},
		{2.2250738585072014e-308, "2.2250738585072014e-308"},
		{-1.7976931348623157e308, "-1.7976931348623157e+308"},
		{NAN, "NaN"},
		{-NAN, "NaN"},
		{INFINITY, "Infinity"},
		{-INFINITY, "-Infinity"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char text[NUM_MAX];

		assert_int_equal(num_format(text, cases[i].x), strlen(cases[i].text));
		assert_string_equal(text, cases[i].text);
	}
}

static void test_parse(void **state)
{
	static const struct {
		const char *text;
		bool nonfinite, ok;
		double x;
	} cases[] = {
		{"0", false, true, 0},
		{"-0", false, true, -0.0},
		{"+1.5", false, true, 1.5},
		{".5", false, true, 0.5},
		{"5.", false, true, 5},
		{"1e5", false, true, 1e5},
		{"1E-5", false, true, 1e-5},
		{"007", false, true, 7},
		{"9007199254740993", false, true, 9007199254740992.0},
		{"9007199254740993.00000000000000000001", false, true, 9007199254740994.0},
		{"123456789012345678901234567890", false, true, 123456789012345678901234567890.0},
		{"2.2250738585072011e-308", false, true, 2.2250738585072011e-308},
		{"1e-999", false, true, 0},
		{"-1e-999", false, true, -0.0},
		{"0e999999999999", false, true, 0},
		{"0.00000000000000000000000000000000000000000000000000000000000000000000000000001", false, true,
			1e-77},
		{"1e308", false, true, 1e308},
		{"1e309", false, false, 0},
		{"1e99999999999999999999", false, false, 0},
		{"", false, false, 0},
		{"-", false, false, 0},
		{".", false, false, 0},
		{"e5", false, false, 0},
		{"1e", false, false, 0},
		{"1e+", false, false, 0},
		{"1e-", false, false, 0},
		{"1x", false, false, 0},
		{"1e5x", false, false, 0},
		{" 1", false, false, 0},
		{"1 ", false, false, 0},
		{"0x10", false, false, 0},
		{"1,5", false, false, 0},
		{"--1", false, false, 0},
		{"nan", false, false, 0},
		{"inf", false, false, 0},
		{"NaN", true, true, NAN},
		{"nAn", true, true, NAN},
		{"-inf", true, true, -INFINITY},
		{"+Infinity", true, true, INFINITY},
		{"infinit", true, false, 0},
		{"nan(1)", true, false, 0},
		{"1e309", true, false, 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		double x = 0;
		bool ok = num_parse(cases[i].text, strlen(cases[i].text), cases[i].nonfinite, &x);

		if (ok != cases[i].ok)
			fail_msg("'%s': %d", cases[i].text, ok);
		if (ok && !isnan(cases[i].x) && !same_bits(x, cases[i].x))
			fail_msg("'%s' is %.17g instead of %.17g", cases[i].text, x, cases[i].x);
		if (ok && isnan(cases[i].x))
			assert_true(isnan(x));
	}
}

static void test_parse_stops_at_length(void **state)
{
	double x = 0;
	int64_t i = 0;

	(void)state;
	assert_true(num_parse("1.25e7", 3, false, &x) && x == 1.2);
	assert_true(num_parse_i64("123", 2, &i) && i == 12);
	assert_false(num_parse("1", 0, false, &x));
}

/* A text too long for the stack needs memory, and says no without it. */
static void test_parse_short_of_memory(void **state)
{
	char text[100];
	double x = 0;

	(void)state;
	memset(text, '1', sizeof text);
	assert_true(num_parse(text, sizeof text, false, &x) && x > 1e99);
	mem_fail_nth(1);
	assert_false(num_parse(text, sizeof text, false, &x));
	assert_true(num_parse(text, sizeof text, false, &x));
}

static void test_integers(void **state)
{
	static const struct {
		const char *text;
		bool ok;
		int64_t x;
	} cases[] = {
		{"0", true, 0},
		{"-0", true, 0},
		{"+7", true, 7},
		{"9223372036854775807", true, INT64_MAX},
		{"-9223372036854775808", true, INT64_MIN},
		{"9223372036854775808", false, 0},
		{"-9223372036854775809", false, 0},
		{"", false, 0},
		{"-", false, 0},
		{"1.0", false, 0},
		{"1e3", false, 0},
	};
	char text[NUM_MAX];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		int64_t x = 0;

		if (num_parse_i64(cases[i].text, strlen(cases[i].text), &x) != cases[i].ok || x != cases[i].x)
			fail_msg("'%s' is %lld", cases[i].text, (long long)x);
	}
	assert_int_equal(num_format_i64(text, INT64_MIN), 20);
	assert_string_equal(text, "-9223372036854775808");
	num_format_i64(text, 0);
	assert_string_equal(text, "0");
}

static void test_durations(void **state)
{
	static const struct {
		const char *in;
		int64_t us;
		const char *out;
	} cases[] = {
		{"1h30m", 5400000000, "1h30m0s"},
		{"30m", 1800000000, "30m0s"},
		{"45s", 45000000, "45s"},
		{"250ms", 250000, "250ms"},
		{"1.5s", 1500000, "1.5s"},
		{"90", 90000000, "1m30s"},
		{"0.5", 500000, "500ms"},
		{"6h", 21600000000, "6h0m0s"},
		{"2d", 172800000000, "48h0m0s"},
		{"7us", 7, "7us"},
		{"0", 0, "0s"},
		{"1m1s500ms", 61500000, "1m1.5s"},
	};
	static const char *const bad[] = {"", "h", "1h30", "-3s", "1 h", "1H", "1hh", ".s", "1..5s", "1e3s",
		"99999999999d", "200000000000000h200000000000000h", "300d\n"};
	char text[NUM_MAX];
	int64_t us;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		if (!num_parse_duration(cases[i].in, &us) || us != cases[i].us)
			fail_msg("'%s' is not %lld", cases[i].in, (long long)cases[i].us);
		num_format_duration(text, us);
		assert_string_equal(text, cases[i].out);
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (num_parse_duration(bad[i], &us))
			fail_msg("'%s' was accepted", bad[i]);
	num_format_duration(text, INT64_MIN);
	assert_string_equal(text, "-2562047788h0m54.775808s");
}

static void test_bytes(void **state)
{
	static const struct {
		const char *in;
		int64_t bytes;
	} cases[] = {
		{"4096", 4096},
		{"512Ki", 524288},
		{"4Gi", INT64_C(4294967296)},
		{"10M", 10000000},
		{"1k", 1000},
		{"1.5Gi", 1610612736},
		{"0", 0},
		{"7Ei", INT64_C(8070450532247928832)},
	};
	static const char *const bad[] = {"", "Ki", "4GB", "4gi", "-1", "8Ei", "1 Ki", "1Kii", "4096x"};
	int64_t bytes;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		if (!num_parse_bytes(cases[i].in, &bytes) || bytes != cases[i].bytes)
			fail_msg("'%s' is not %lld", cases[i].in, (long long)cases[i].bytes);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (num_parse_bytes(bad[i], &bytes))
			fail_msg("'%s' was accepted", bad[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random_doubles_survive),
		cmocka_unit_test(test_shortest),
		cmocka_unit_test(test_format),
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_parse_stops_at_length),
		cmocka_unit_test(test_parse_short_of_memory),
		cmocka_unit_test(test_integers),
		cmocka_unit_test(test_durations),
		cmocka_unit_test(test_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
