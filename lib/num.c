#include "lib/num.h"

#include <assert.h>
#include <errno.h>
#include <locale.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static locale_t c_locale;

static void make_c_locale(void)
{
	c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
	assert(c_locale);
}

static double read_back(const char *s)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, make_c_locale);
	return strtod_l(s, NULL, c_locale);
}

size_t num_format_i64(char out[NUM_MAX], int64_t x)
{
	uint64_t u = x < 0 ? -(uint64_t)x : (uint64_t)x;
	char digits[20];
	size_t n = 0, len = 0;

	do {
		digits[n++] = (char)('0' + u % 10);
		u /= 10;
	} while (u);
	if (x < 0)
		out[len++] = '-';
	while (n)
		out[len++] = digits[--n];
	out[len] = '\0';
	return len;
}

/* The decimal point of printf is the locale's. */
static size_t print_g(char out[NUM_MAX], int precision, double x)
{
	size_t n = (size_t)snprintf(out, NUM_MAX, "%.*g", precision, x);
	char *p = out + strspn(out, "+-0123456789");

	assert(n < NUM_MAX);
	if (*p != '\0' && *p != 'e' && *p != '.') {
		size_t point = strcspn(p, "0123456789");

		*p = '.';
		memmove(p + 1, p + point, n - (size_t)(p - out) - point + 1);
		n -= point - 1;
	}
	return n;
}

size_t num_format(char out[NUM_MAX], double x)
{
	const char *name = isnan(x) ? "NaN" : x > 0 ? "Infinity" : "-Infinity";
	size_t n = 0;

	if (!isfinite(x)) {
		n = strlen(name);
		memcpy(out, name, n + 1);
		return n;
	}
	if (fabs(x) < 1e15 && x == (double)(int64_t)x && (x != 0 || !signbit(x)))
		return num_format_i64(out, (int64_t)x);
	for (int precision = 15; precision <= 17; precision++) {
		n = print_g(out, precision, x);
		if (precision == 17 || read_back(out) == x)
			break;
	}
	return n;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static size_t digit_run(const char *s, size_t n)
{
	size_t i = 0;

	while (i < n && is_digit(s[i]))
		i++;
	return i;
}

static bool parse_nonfinite(const char *s, size_t n, double *out)
{
	bool minus = n && s[0] == '-';

	if (n && (s[0] == '-' || s[0] == '+')) {
		s++;
		n--;
	}
	if (n == 3 && strncasecmp(s, "nan", 3) == 0)
		*out = NAN;
	else if ((n == 3 && strncasecmp(s, "inf", 3) == 0) || (n == 8 && strncasecmp(s, "infinity", 8) == 0))
		*out = minus ? -INFINITY : INFINITY;
	else
		return false;
	return true;
}

/* [+-] digits [. digits] [e [+-] digits], with a digit before or after the point. */
bool num_is_decimal(const char *s, size_t n)
{
	size_t i = n && (s[0] == '-' || s[0] == '+'), whole, part = 0, exponent;

	i += whole = digit_run(s + i, n - i);
	if (i < n && s[i] == '.') {
		i++;
		i += part = digit_run(s + i, n - i);
	}
	if (whole + part == 0)
		return false;
	if (i < n && (s[i] == 'e' || s[i] == 'E')) {
		i++;
		i += i < n && (s[i] == '-' || s[i] == '+');
		i += exponent = digit_run(s + i, n - i);
		if (exponent == 0)
			return false;
	}
	return i == n;
}

bool num_parse(const char *s, size_t n, bool nonfinite, double *out)
{
	char local[64], *text = local;

	if (!num_is_decimal(s, n))
		return nonfinite && parse_nonfinite(s, n, out);
	if (n >= sizeof local) {
		text = malloc(n + 1);
		if (!text)
			return false;
	}
	memcpy(text, s, n);
	text[n] = '\0';
	*out = read_back(text);
	if (text != local)
		free(text);
	return isfinite(*out);
}

bool num_parse_i64(const char *s, size_t n, int64_t *out)
{
	bool minus = n && s[0] == '-';
	size_t i = n && (s[0] == '-' || s[0] == '+');
	int64_t v = 0;

	if (i == n)
		return false;
	for (; i < n; i++) {
		int64_t digit = s[i] - '0';

		if (!is_digit(s[i]) || __builtin_mul_overflow(v, 10, &v) ||
		    __builtin_add_overflow(v, minus ? -digit : digit, &v))
			return false;
	}
	*out = v;
	return true;
}

struct unit {
	const char *name;
	double size;
};

static const struct unit *find_unit(const struct unit *units, const char *s, size_t n)
{
	for (; units->name; units++)
		if (strlen(units->name) == n && memcmp(units->name, s, n) == 0)
			return units;
	return NULL;
}

/* One "<digits>[.<digits>]<letters>"; returns its length, 0 if it is none or too large. */
static size_t parse_quantity(const char *s, const struct unit *units, int64_t *out)
{
	size_t n = strspn(s, "0123456789."), len = strspn(s + n, "abcdefghijklmnopqrstuvwxyzEGKMPT");
	const struct unit *u = find_unit(units, s + n, len);
	double v;

	if (!u || !num_parse(s, n, false, &v))
		return 0;
	v = round(v * u->size);
	if (v >= 0x1p63)
		return 0;
	*out = (int64_t)v;
	return n + len;
}

bool num_parse_duration(const char *s, int64_t *us)
{
	static const struct unit units[] = {
	    {"us", 1},
	    {"ms", 1e3},
	    {"s", 1e6},
	    {"m", 60e6},
	    {"h", 3600e6},
	    {"d", 86400e6},
	    {0},
	};
	static const struct unit seconds[] = {{"", 1e6}, {0}};
	int64_t sum = 0, part;
	size_t n = parse_quantity(s, seconds, us);

	if (n != 0)
		return s[n] == '\0';
	do {
		n = parse_quantity(s, units, &part);
		if (n == 0 || __builtin_add_overflow(sum, part, &sum))
			return false;
		s += n;
	} while (*s);
	*us = sum;
	return true;
}

size_t num_format_duration(char out[NUM_MAX], int64_t us)
{
	uint64_t u = us < 0 ? -(uint64_t)us : (uint64_t)us, seconds = u / 1000000;
	const char *sign = us < 0 ? "-" : "";
	char number[NUM_MAX];
	int n;

	num_format(number, (double)(seconds % 60) + (double)(u % 1000000) / 1e6);
	if (u != 0 && u < 1000)
		n = snprintf(out, NUM_MAX, "%s%dus", sign, (int)u);
	else if (u != 0 && u < 1000000)
		n = snprintf(out, NUM_MAX, "%s%gms", sign, (double)u / 1e3);
	else if (seconds >= 3600)
		n = snprintf(out, NUM_MAX, "%s%lluh%dm%ss", sign, (unsigned long long)(seconds / 3600),
		    (int)(seconds / 60 % 60), number);
	else if (seconds >= 60)
		n = snprintf(out, NUM_MAX, "%s%dm%ss", sign, (int)(seconds / 60), number);
	else
		n = snprintf(out, NUM_MAX, "%s%ss", sign, number);
	assert(n > 0 && n < NUM_MAX);
	return (size_t)n;
}

bool num_parse_bytes(const char *s, int64_t *bytes)
{
	static const struct unit units[] = {
	    {"", 1},
	    {"k", 1e3},
	    {"K", 1e3},
	    {"M", 1e6},
	    {"G", 1e9},
	    {"T", 1e12},
	    {"P", 1e15},
	    {"E", 1e18},
	    {"Ki", 0x1p10},
	    {"Mi", 0x1p20},
	    {"Gi", 0x1p30},
	    {"Ti", 0x1p40},
	    {"Pi", 0x1p50},
	    {"Ei", 0x1p60},
	    {0},
	};
	size_t n = parse_quantity(s, units, bytes);

	return n != 0 && s[n] == '\0';
}
