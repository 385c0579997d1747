/* Numbers, durations, sizes and times as text: what one function writes the other reads, and what is
 * read agrees with the C library. */
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clk.h"
#include "lib/num.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
	if (!ok)
		abort();
}

static bool same(double a, double b)
{
	return memcmp(&a, &b, sizeof a) == 0 || (isnan(a) && isnan(b));
}

static void check_double(double x)
{
	char text[NUM_MAX];
	size_t n = num_format(text, x);
	double y;

	must(n == strlen(text) && num_parse(text, n, true, &y) && same(x, y));
}

static void check_integer(int64_t x)
{
	char text[NUM_MAX];
	size_t n = num_format_i64(text, x);
	int64_t y;

	must(n == strlen(text) && num_parse_i64(text, n, &y) && x == y);
}

static void check_duration(int64_t us)
{
	char text[NUM_MAX];
	int64_t again;

	must(num_format_duration(text, us) == strlen(text));
	if (us >= 0)
		must(num_parse_duration(text, &again) && again == us);
}

static void check_time(int64_t us)
{
	char text[CLK_TIME_MAX], second[CLK_TIME_MAX];
	int64_t again;

	clk_format_time(text, us);
	must(clk_parse_time(text, &again));
	clk_format_time(second, again);
	must(strcmp(text, second) == 0);
}

static void check_text(const char *s, size_t n)
{
	double x;
	int64_t i;

	if (num_parse(s, n, false, &x)) {
		must(num_is_decimal(s, n) && same(x, strtod(s, NULL)));
		check_double(x);
	} else if (num_is_decimal(s, n)) {
		must(isinf(strtod(s, NULL)));
	}
	if (num_parse(s, n, true, &x))
		check_double(x);
	if (num_parse_i64(s, n, &i))
		must(i == strtoll(s, NULL, 10));
	if (num_parse_duration(s, &i))
		check_duration(i);
	if (num_parse_bytes(s, &i))
		must(i >= 0);
	if (clk_parse_time(s, &i))
		check_time(i);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	int64_t bits;
	double x;

	must(text != NULL);
	if (size)
		memcpy(text, data, size);
	text[size] = '\0';
	if (strlen(text) == size)
		check_text(text, size);
	free(text);
	if (size >= sizeof bits) {
		memcpy(&bits, data, sizeof bits);
		memcpy(&x, data, sizeof x);
		check_double(x);
		check_integer(bits);
		check_duration(bits);
		check_time(bits);
	}
	return 0;
}
