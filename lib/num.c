#include "lib/num.h"

#include <assert.h>
#include <locale.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/mem.h"
#include "lib/num_shortest.h"

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

/* The last n digits of v, with zeros in front. */
static char *put_digits(char *p, uint64_t v, int n)
{
	for (int i = n - 1; i >= 0; i--, v /= 10)
		p[i] = (char)('0' + v % 10);
	return p + n;
}

static int count_digits(uint64_t v)
{
	int n = 1;

	while (v >= 10) {
		v /= 10;
		n++;
	}
	return n;
}

/* digits * 10^exponent as 123.4, with the zeros that it takes. */
static char *put_fixed(char *p, uint64_t digits, int n, int exponent)
{
	char text[17];
	int whole = n + exponent; /* digits before the point */

	put_digits(text, digits, n);
	if (whole <= 0) {
		memcpy(p, "0.", 2);
		memset(p + 2, '0', (size_t)-whole);
		memcpy(p + 2 - whole, text, (size_t)n);
		return p + 2 - whole + n;
	}
	if (exponent >= 0) {
		memcpy(p, text, (size_t)n);
		memset(p + n, '0', (size_t)exponent);
		return p + whole;
	}
	memcpy(p, text, (size_t)whole);
	p[whole] = '.';
	memcpy(p + whole + 1, text + whole, (size_t)(n - whole));
	return p + n + 1;
}

/* digits * 10^exponent as 1.234e+56, as printf has it. */
static char *put_scientific(char *p, uint64_t digits, int n, int exponent)
{
	int e = exponent + n - 1;

	put_digits(p + 1, digits, n);
	p[0] = p[1];
	p[1] = '.';
	p += n > 1 ? n + 1 : 1;
	*p++ = 'e';
	*p++ = e < 0 ? '-' : '+';
	e = e < 0 ? -e : e;
	return put_digits(p, (uint64_t)e, e < 100 ? 2 : 3);
}

static size_t put_nonfinite(char out[NUM_MAX], double x)
{
	const char *name = isnan(x) ? "NaN" : x > 0 ? "Infinity" : "-Infinity";
	size_t n = strlen(name);

	memcpy(out, name, n + 1);
	return n;
}

size_t num_format(char out[NUM_MAX], double x)
{
	struct num_decimal d = {0};
	char *p = out;
	int n;

	if (!isfinite(x))
		return put_nonfinite(out, x);
	if (fabs(x) <= 0x1p53 && x == (double)(int64_t)x && (x != 0 || !signbit(x)))
		return num_format_i64(out, (int64_t)x);
	if (signbit(x))
		*p++ = '-';
	if (x != 0)
		d = num_shortest(x);
	while (d.digits && d.digits % 10 == 0) {
		d.digits /= 10;
		d.exponent++;
	}
	n = count_digits(d.digits);
	if (n + d.exponent > -4 && n + d.exponent <= 17)
		p = put_fixed(p, d.digits, n, d.exponent);
	else
		p = put_scientific(p, d.digits, n, d.exponent);
	*p = '\0';
	assert(p - out < NUM_MAX);
	return (size_t)(p - out);
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
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

/* A decimal as its parts: value = mantissa * 10^exponent, unless there were too many digits. */
struct decimal_text {
	uint64_t mantissa;
	int exponent;
	bool minus, exact;
};

/* Digits from s into the mantissa; how many there are. Beyond 19 it might overflow. */
static size_t read_digits(const char *s, size_t n, struct decimal_text *d)
{
	size_t i = 0;

	for (; i < n && is_digit(s[i]); i++) {
		if (d->mantissa >= UINT64_C(100000000000000000))
			d->exact = false;
		else
			d->mantissa = d->mantissa * 10 + (uint64_t)(s[i] - '0');
	}
	return i;
}

/* "e-5" and the like, of which nothing may follow. */
static bool read_exponent(const char *s, size_t n, struct decimal_text *d)
{
	bool minus = n > 1 && s[1] == '-';
	size_t i = n > 1 && (minus || s[1] == '+') ? 2 : 1;
	int e = 0;

	if (i == n)
		return false;
	for (; i < n; i++) {
		if (!is_digit(s[i]))
			return false;
		e = e < 10000 ? e * 10 + (s[i] - '0') : e;
	}
	d->exponent += minus ? -e : e;
	return true;
}

/* [+-] digits [. digits] [e [+-] digits], with a digit before or after the point. */
static bool read_decimal(const char *s, size_t n, struct decimal_text *d)
{
	size_t i = n && (s[0] == '-' || s[0] == '+'), whole, part = 0;

	*d = (struct decimal_text){.minus = n && s[0] == '-', .exact = true};
	i += whole = read_digits(s + i, n - i, d);
	if (i < n && s[i] == '.') {
		i++;
		i += part = read_digits(s + i, n - i, d);
	}
	if (whole + part == 0)
		return false;
	d->exponent -= (int)part;
	if (i < n && (s[i] | 0x20) == 'e')
		return read_exponent(s + i, n - i, d);
	return i == n;
}

bool num_is_decimal(const char *s, size_t n)
{
	struct decimal_text d;

	return read_decimal(s, n, &d);
}

/* Where both the mantissa and the power of ten are doubles, one rounding is all there is (Clinger). */
static bool convert_exactly(const struct decimal_text *d, double *out)
{
	static const double powers[] = {
		1e0,
		1e1,
		1e2,
		1e3,
		1e4,
		1e5,
		1e6,
		1e7,
		1e8,
		1e9,
		1e10,
		1e11,
		1e12,
		1e13,
		1e14,
		1e15,
		1e16,
		1e17,
		1e18,
		1e19,
		1e20,
		1e21,
		1e22,
	};
	double x = (double)d->mantissa;

	if (!d->exact || d->mantissa > UINT64_C(1) << 53 || d->exponent < -22 || d->exponent > 22)
		return false;
	x = d->exponent < 0 ? x / powers[-d->exponent] : x * powers[d->exponent];
	*out = d->minus ? -x : x;
	return true;
}

bool num_parse(const char *s, size_t n, bool nonfinite, double *out)
{
	char local[64], *text = local;
	struct decimal_text d;

	if (!read_decimal(s, n, &d))
		return nonfinite && parse_nonfinite(s, n, out);
	if (convert_exactly(&d, out))
		return true;
	if (n >= sizeof local) {
		text = mem_try_realloc(NULL, n + 1);
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

/* v / 10^decimals, without zeros at the end. */
static char *put_decimal(char *p, uint64_t v, int decimals)
{
	while (decimals > 0 && v % 10 == 0) {
		v /= 10;
		decimals--;
	}
	return put_fixed(p, v, count_digits(v), -decimals);
}

size_t num_format_duration(char out[NUM_MAX], int64_t us)
{
	const uint64_t minute = 60000000, hour = 60 * minute;
	uint64_t u = us < 0 ? -(uint64_t)us : (uint64_t)us;
	char *p = out;

	if (us < 0)
		*p++ = '-';
	if (u != 0 && u < 1000000) {
		p = put_decimal(p, u, u < 1000 ? 0 : 3);
		*p++ = u < 1000 ? 'u' : 'm';
	} else {
		if (u >= hour) {
			p = put_decimal(p, u / hour, 0);
			*p++ = 'h';
		}
		if (u >= minute) {
			p = put_decimal(p, u % hour / minute, 0);
			*p++ = 'm';
		}
		p = put_decimal(p, u % minute, 6);
	}
	*p++ = 's';
	*p = '\0';
	assert(p - out < NUM_MAX);
	return (size_t)(p - out);
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
