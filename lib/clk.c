#include "lib/clk.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static atomic_bool is_virtual;
static _Atomic int64_t virtual_now_us, virtual_wall_us;

static int64_t read_clock(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (int64_t)t.tv_sec * CLK_SECOND + t.tv_nsec / 1000;
}

int64_t clk_now_us(void)
{
	return is_virtual ? virtual_now_us : read_clock(CLOCK_MONOTONIC);
}

int64_t clk_wall_us(void)
{
	return is_virtual ? virtual_wall_us : read_clock(CLOCK_REALTIME);
}

void clk_set_virtual(int64_t now_us, int64_t wall_us)
{
	virtual_now_us = now_us;
	virtual_wall_us = wall_us;
	is_virtual = true;
}

void clk_advance(int64_t us)
{
	assert(is_virtual && us >= 0);
	virtual_now_us += us;
	virtual_wall_us += us;
}

void clk_set_real(void)
{
	is_virtual = false;
}

bool clk_is_virtual(void)
{
	return is_virtual;
}

/* Days between 1970-01-01 and a date of the Gregorian calendar, and back. Years begin in March, so
 * that the leap day is the last; 719468 days lie between 0000-03-01 and 1970-01-01. */
static int64_t days_from_date(int year, int month, int day)
{
	int64_t y = month <= 2 ? year - 1 : year;
	int64_t era = (y >= 0 ? y : y - 399) / 400;
	int64_t year_of_era = y - era * 400;
	int64_t day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;

	return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719468;
}

static void date_from_days(int64_t days, int *year, int *month, int *day)
{
	int64_t z = days + 719468;
	int64_t era = (z >= 0 ? z : z - 146096) / 146097;
	int64_t day_of_era = z - era * 146097;
	int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
	int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	int64_t m = (5 * day_of_year + 2) / 153;

	*day = (int)(day_of_year - (153 * m + 2) / 5 + 1);
	*month = (int)(m < 10 ? m + 3 : m - 9);
	*year = (int)(year_of_era + era * 400 + (*month <= 2));
}

static const int64_t DAY_US = 86400 * CLK_SECOND;
static const int64_t TIME_MIN_US = -62167219200 * CLK_SECOND;     /* 0000-01-01T00:00:00        */
static const int64_t TIME_MAX_US = 253402300800 * CLK_SECOND - 1; /* 9999-12-31T23:59:59.999999 */

static char *put_digits(char *p, int64_t v, int n)
{
	for (int i = n - 1; i >= 0; i--, v /= 10)
		p[i] = (char)('0' + v % 10);
	return p + n;
}

/* Times that RFC 3339 cannot write become the nearest that it can. */
size_t clk_format_time(char out[CLK_TIME_MAX], int64_t wall_us)
{
	int64_t t = wall_us < TIME_MIN_US ? TIME_MIN_US : wall_us > TIME_MAX_US ? TIME_MAX_US : wall_us;
	int64_t days = (t >= 0 ? t : t - DAY_US + 1) / DAY_US;
	int64_t us = t - days * DAY_US, seconds = us / CLK_SECOND;
	int year, month, day;
	char *p = out;

	date_from_days(days, &year, &month, &day);
	p = put_digits(p, year, 4);
	*p++ = '-';
	p = put_digits(p, month, 2);
	*p++ = '-';
	p = put_digits(p, day, 2);
	*p++ = 'T';
	p = put_digits(p, seconds / 3600, 2);
	*p++ = ':';
	p = put_digits(p, seconds / 60 % 60, 2);
	*p++ = ':';
	p = put_digits(p, seconds % 60, 2);
	*p++ = '.';
	p = put_digits(p, us % CLK_SECOND, 6);
	*p++ = 'Z';
	*p = '\0';
	return (size_t)(p - out);
}

/* Reads exactly n digits into *v. */
static bool digits(const char **s, int n, int *v)
{
	*v = 0;
	for (int i = 0; i < n; i++, ++*s) {
		if (**s < '0' || **s > '9')
			return false;
		*v = *v * 10 + (**s - '0');
	}
	return true;
}

static bool one_of(const char **s, const char *set)
{
	return **s != '\0' && strchr(set, **s) && (++*s, true);
}

static bool date_exists(int year, int month, int day)
{
	static const int length[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	if (month < 1 || month > 12 || day < 1)
		return false;
	return day <= length[month - 1] + (month == 2 && leap);
}

/* ".120" in microseconds; what is finer is dropped. */
static bool parse_fraction(const char **s, int64_t *us)
{
	int64_t unit = CLK_SECOND / 10;

	*us = 0;
	if (**s != '.')
		return true;
	++*s;
	if (**s < '0' || **s > '9')
		return false;
	for (; **s >= '0' && **s <= '9'; ++*s, unit /= 10)
		*us += (**s - '0') * unit;
	return true;
}

static bool parse_offset(const char **s, int64_t *us)
{
	int h, m, sign = **s == '-' ? -1 : 1;

	*us = 0;
	if (one_of(s, "Zz"))
		return true;
	if (!one_of(s, "+-") || !digits(s, 2, &h) || !one_of(s, ":") || !digits(s, 2, &m))
		return false;
	*us = sign * (h * 60 + m) * 60 * CLK_SECOND;
	return h <= 23 && m <= 59;
}

bool clk_parse_time(const char *s, int64_t *wall_us)
{
	int year, month, day, h, m, sec;
	int64_t fraction, offset;

	if (!digits(&s, 4, &year) || !one_of(&s, "-") || !digits(&s, 2, &month) || !one_of(&s, "-") ||
		!digits(&s, 2, &day) || !one_of(&s, "Tt ") || !digits(&s, 2, &h) || !one_of(&s, ":") ||
		!digits(&s, 2, &m) || !one_of(&s, ":") || !digits(&s, 2, &sec) || !parse_fraction(&s, &fraction) ||
		!parse_offset(&s, &offset) || *s != '\0')
		return false;
	if (!date_exists(year, month, day) || h > 23 || m > 59 || sec > 60) /* 60: a leap second */
		return false;
	*wall_us = days_from_date(year, month, day) * DAY_US + ((h * 60 + m) * 60 + sec) * CLK_SECOND + fraction -
	           offset;
	return true;
}
