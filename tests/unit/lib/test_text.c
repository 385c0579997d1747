/* utf8, err, clk, log, hash and failpoint. */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/attr.h"
#include "lib/clk.h"
#include "lib/err.h"
#include "lib/failpoint.h"
#include "lib/hash.h"
#include "lib/log.h"
#include "lib/utf8.h"

static void test_utf8(void **state)
{
	static const struct {
		const char *s;
		size_t n, bad;
	} cases[] = {
		{"", 0, 0},
		{"plain text of more than eight bytes", 35, 35},
		{"\u00e9\u20ac\U0001f600", 9, 9},
		{"12345678\u00e9", 10, 10},
		{"\x7f", 1, 1},
		{"\xf4\x8f\xbf\xbf", 4, 4},
		{"\xee\x80\x80\xed\x9f\xbf", 6, 6},
		{"ab\0cd", 5, 2},
		{"12345678901\0cdefghijkl", 22, 11},
		{"\x80", 1, 0},
		{"a\xc0\xaf", 3, 1},
		{"\xc1\xbf", 2, 0},
		{"\xe0\x9f\xbf", 3, 0},
		{"\xed\xa0\x80", 3, 0},
		{"\xf0\x8f\xbf\xbf", 4, 0},
		{"\xf4\x90\x80\x80", 4, 0},
		{"\xf5\x80\x80\x80", 4, 0},
		{"\xff", 1, 0},
		{"abc\xe2\x82", 5, 3},
		{"abc\xe2\x82z", 6, 3},
		{"\xf0\x9f\x98", 3, 0},
		{"12345678\xe2(\xa1", 11, 8},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		size_t bad = utf8_check(cases[i].s, cases[i].n);

		if (bad != cases[i].bad)
			fail_msg("case %zu: %zu instead of %zu", i, bad, cases[i].bad);
	}
}

/* Against the definition: every code point, encoded by hand. */
static void test_utf8_every_character(void **state)
{
	(void)state;
	for (unsigned c = 1; c < 0x120000; c++) {
		char s[4] = {0};
		size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
		bool good = c < 0x110000 && (c < 0xD800 || c > 0xDFFF);

		for (size_t i = n - 1; i > 0; i--)
			s[i] = (char)(0x80 | (c >> 6 * (n - 1 - i) & 0x3F));
		s[0] = (char)(n == 1 ? c : (0xF0u << (4 - n) & 0xFF) | c >> 6 * (n - 1));
		if (utf8_valid(s, n) != good)
			fail_msg("U+%04X", c);
	}
}

static void test_utf8_cut(void **state)
{
	(void)state;
	assert_int_equal(utf8_cut("", 5), 0);
	assert_int_equal(utf8_cut("abc", 3), 3);
	assert_int_equal(utf8_cut("abcd", 3), 3);
	assert_int_equal(utf8_cut("ab\u00e9", 3), 2);
	assert_int_equal(utf8_cut("ab\u00e9", 4), 4);
	assert_int_equal(utf8_cut("\U0001f600", 3), 0);
}

static void test_err(void **state)
{
	struct err e = {0};
	char longer[600];

	(void)state;
	assert_false(err_set(&e, ERR_CONFLICT, "trial %d is %s", 3, "running"));
	assert_int_equal(e.code, ERR_CONFLICT);
	assert_string_equal(e.detail, "trial 3 is running");
	assert_non_null(strstr(e.where, "test_text.c:"));
	assert_int_equal(err_status(ERR_CONFLICT), 409);
	assert_string_equal(err_type(ERR_NOT_FOUND), "not-found");
	assert_string_equal(err_title(ERR_OK), "No error");
	assert_false(err_set(NULL, ERR_INTERNAL, "nobody listens"));

	for (size_t offset = 0; offset < 2; offset++) { /* a character at the cut is left out whole */
		memset(longer, 'x', offset);
		for (size_t i = offset; i + 2 < sizeof longer; i += 2)
			memcpy(longer + i, "\u00e9", 3);
		err_set(&e, ERR_INVALID, "%s", longer);
		assert_true(utf8_valid(e.detail, strlen(e.detail)));
		assert_true(strlen(e.detail) >= sizeof e.detail - 2);
	}
}

static void test_times(void **state)
{
	static const struct {
		const char *text;
		int64_t us;
		const char *again;
	} cases[] = {
		{"1970-01-01T00:00:00Z", 0, "1970-01-01T00:00:00.000000Z"},
		{"1969-12-31T23:59:59.999999Z", -1, "1969-12-31T23:59:59.999999Z"},
		{"2026-11-22T10:00:03.12Z", 1795341603120000, "2026-11-22T10:00:03.120000Z"},
		{"2026-11-22t11:00:03.1200009+01:00", 1795341603120000, "2026-11-22T10:00:03.120000Z"},
		{"2026-11-22 09:30:03.12-00:30", 1795341603120000, "2026-11-22T10:00:03.120000Z"},
		{"2000-02-29T00:00:00z", 951782400000000, "2000-02-29T00:00:00.000000Z"},
		{"2016-12-31T23:59:60Z", 1483228800000000, "2017-01-01T00:00:00.000000Z"},
		{"0000-01-01T00:00:00Z", -62167219200000000, "0000-01-01T00:00:00.000000Z"},
		{"9999-12-31T23:59:59.999999Z", 253402300799999999, "9999-12-31T23:59:59.999999Z"},
	};
	static const char *const bad[] = {"", "2026-11-22", "2026-11-22T10:00:03", "2026-13-01T00:00:00Z",
		"2026-00-01T00:00:00Z", "2026-02-29T00:00:00Z", "1900-02-29T00:00:00Z", "2026-04-31T00:00:00Z",
		"2026-11-22T24:00:00Z", "2026-11-22T10:60:00Z", "2026-11-22T10:00:61Z", "2026-11-22T10:00:00.Z",
		"2026-11-22T10:00:00+1:00", "2026-11-22T10:00:00+24:00", "2026-11-22T10:00:00+01:60",
		"2026-11-22T10:00:00Zx", "26-11-22T10:00:00Z", "2026-11-2210:00:00Z", "+2026-1-22T10:00:00Z"};
	char text[CLK_TIME_MAX];
	int64_t us;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		if (!clk_parse_time(cases[i].text, &us) || us != cases[i].us)
			fail_msg("%s is not %lld", cases[i].text, (long long)cases[i].us);
		assert_int_equal(clk_format_time(text, us), strlen(cases[i].again));
		assert_string_equal(text, cases[i].again);
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (clk_parse_time(bad[i], &us))
			fail_msg("'%s' was accepted", bad[i]);
	clk_format_time(text, INT64_MAX);
	assert_string_equal(text, "9999-12-31T23:59:59.999999Z");
	clk_format_time(text, INT64_MIN);
	assert_string_equal(text, "0000-01-01T00:00:00.000000Z");
}

/* Every day of eight centuries there and back. */
static void test_every_day(void **state)
{
	char text[CLK_TIME_MAX], before[CLK_TIME_MAX] = "";

	(void)state;
	for (int64_t day = -150000; day < 150000; day++) {
		int64_t us = day * 86400 * CLK_SECOND, again = -1;

		clk_format_time(text, us);
		if (!clk_parse_time(text, &again) || again != us || strcmp(text, before) <= 0)
			fail_msg("day %lld is %s", (long long)day, text);
		memcpy(before, text, sizeof before);
	}
}

static void test_clocks(void **state)
{
	int64_t a = clk_now_us(), b = clk_now_us();

	(void)state;
	assert_true(a > 0 && b >= a);
	assert_true(clk_wall_us() > INT64_C(1700000000) * CLK_SECOND);
	clk_set_virtual(1000, 5000);
	assert_true(clk_is_virtual());
	clk_advance(10);
	assert_int_equal(clk_now_us(), 1010);
	assert_int_equal(clk_wall_us(), 5010);
	clk_set_real();
	assert_true(clk_now_us() >= b);
}

/* What fn() writes to standard error. */
static size_t captured(void (*fn)(void), char *out, size_t size)
{
	int saved = dup(STDERR_FILENO), ends[2];
	ssize_t n;

	assert_int_equal(pipe(ends), 0);
	assert_true(saved >= 0 && dup2(ends[1], STDERR_FILENO) >= 0);
	close(ends[1]);
	fn();
	assert_true(dup2(saved, STDERR_FILENO) >= 0);
	close(saved);
	n = read(ends[0], out, size - 1);
	close(ends[0]);
	assert_true(n >= 0);
	out[n] = '\0';
	return (size_t)n;
}

static void log_some(void)
{
	LOG_INFO("trial started", L_STR("experiment", "a \"b\""), L_INT("trial", 3), L_NUM("x", 0.1),
		L_STR("empty", NULL), L_STR("path", "/tmp/x"));
	LOG_DEBUG("not shown");
}

static void log_too_much(void)
{
	static char huge[20000];

	memset(huge, 'x', sizeof huge - 1);
	LOG_WARN("large", L_STR("value", huge));
}

static void test_log(void **state)
{
	char out[4096];

	(void)state;
	clk_set_virtual(0, 1795341603120000);
	log_configure(LOG_LEVEL_INFO, LOG_FORMAT_TEXT);
	captured(log_some, out, sizeof out);
	assert_string_equal(out, "time=2026-11-22T10:00:03.120000Z level=info msg=\"trial started\" "
							 "experiment=\"a \\\"b\\\"\" trial=3 "
							 "x=0.1 empty=\"\" path=/tmp/x\n");
	captured(log_too_much, out, sizeof out);
	assert_string_equal(out, "time=2026-11-22T10:00:03.120000Z level=warn msg=large\n");
	log_configure(LOG_LEVEL_INFO, LOG_FORMAT_JSON);
	captured(log_some, out, sizeof out);
	assert_string_equal(out,
		"{\"time\":\"2026-11-22T10:00:03.120000Z\",\"level\":\"info\",\"msg\":\"trial started\","
		"\"experiment\":\"a \\\"b\\\"\",\"trial\":3,\"x\":0.1,\"empty\":null,\"path\":\"/tmp/x\"}\n");
	log_configure(LOG_LEVEL_ERROR, LOG_FORMAT_TEXT);
	assert_int_equal(captured(log_some, out, sizeof out), 0);
	clk_set_real();
}

static void test_log_levels(void **state)
{
	enum log_level level = LOG_LEVEL_ERROR;

	(void)state;
	assert_true(log_level_parse("debug", &level) && level == LOG_LEVEL_DEBUG);
	assert_false(log_level_parse("Debug", &level));
	log_configure(LOG_LEVEL_WARN, LOG_FORMAT_TEXT);
	assert_true(log_on(LOG_LEVEL_WARN));
	assert_false(log_on(LOG_LEVEL_INFO));
}

static void test_log_limit(void **state)
{
	struct log_limit limit = {0};

	(void)state;
	clk_set_virtual(100 * CLK_SECOND, 0);
	assert_true(log_limit_pass(&limit, CLK_SECOND));
	assert_int_equal(limit.skipped, 0);
	assert_false(log_limit_pass(&limit, CLK_SECOND));
	assert_false(log_limit_pass(&limit, CLK_SECOND));
	clk_advance(CLK_SECOND);
	assert_true(log_limit_pass(&limit, CLK_SECOND));
	assert_int_equal(limit.skipped, 2);
	clk_advance(CLK_SECOND);
	assert_true(log_limit_pass(&limit, CLK_SECOND));
	assert_int_equal(limit.skipped, 0);
	clk_set_real();
}

static void test_hashes(void **state)
{
	char hex[HASH_HEX_MAX];
	uint8_t digest[HASH_SIZE], other[HASH_SIZE];

	(void)state;
	hash_sha256_hex("abc", 3, hex);
	assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	hash_hmac_sha256("key", 3, "The quick brown fox jumps over the lazy dog", 43, digest);
	hash_hex(digest, sizeof digest, hex);
	assert_string_equal(hex, "f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8");
	assert_true(hash_unhex(hex, other, sizeof other));
	assert_true(hash_equal(digest, other, sizeof digest));
	other[31] ^= 1;
	assert_false(hash_equal(digest, other, sizeof digest));
	assert_false(hash_unhex("0g", other, 1));
	assert_false(hash_unhex("0", other, 1));
	assert_false(hash_unhex("000", other, 1));
	assert_true(hash_unhex("aF", other, 1) && other[0] == 0xAF);
	hash_random(digest, sizeof digest);
	hash_random(other, sizeof other);
	assert_false(hash_equal(digest, other, sizeof digest));
}

static void test_spellings(void **state)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{"", ""},
		{"f", "Zg"},
		{"fo", "Zm8"},
		{"foo", "Zm9v"},
		{"foob", "Zm9vYg"},
		{"\xff\xfe\xfd", "__79"},
	};
	char out[HASH_BASE64URL_MAX(8)];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		size_t n = strlen(cases[i].in);

		assert_int_equal(hash_base64url(cases[i].in, n, out), strlen(cases[i].out));
		assert_string_equal(out, cases[i].out);
	}
	hash_base32("\x00\x44\x32\x14\xc7", 8, out);
	assert_string_equal(out, "abcdefgh");
	hash_base32("\xff", 1, out);
	assert_string_equal(out, "9");
}

/* How often the place is passed before the process dies there; -1 if it does not. */
static int passes_before_death(const char *setting, int tries)
{
	int ends[2], status;
	char byte;
	int n = 0;
	pid_t child;

	assert_int_equal(pipe(ends), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		setenv("TRIMTAB_FAILPOINT", setting, 1);
		failpoint_init();
		for (int i = 0; i < tries; i++) {
			FAILPOINT("elsewhere");
			FAILPOINT("here");
			if (write(ends[1], "x", 1) != 1)
				_exit(2);
		}
		_exit(0);
	}
	close(ends[1]);
	while (read(ends[0], &byte, 1) == 1)
		n++;
	close(ends[0]);
	assert_int_equal(waitpid(child, &status, 0), child);
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL ? n : -1;
}

static void test_failpoints(void **state)
{
	(void)state;
	assert_int_equal(passes_before_death("here", 5), 0);
	assert_int_equal(passes_before_death("here:3", 5), 2);
	assert_int_equal(passes_before_death("here:9", 5), -1);
	assert_int_equal(passes_before_death("her", 5), -1);
	assert_int_equal(passes_before_death("", 5), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_utf8),
		cmocka_unit_test(test_utf8_every_character),
		cmocka_unit_test(test_utf8_cut),
		cmocka_unit_test(test_err),
		cmocka_unit_test(test_times),
		cmocka_unit_test(test_every_day),
		cmocka_unit_test(test_clocks),
		cmocka_unit_test(test_log),
		cmocka_unit_test(test_log_levels),
		cmocka_unit_test(test_log_limit),
		cmocka_unit_test(test_hashes),
		cmocka_unit_test(test_spellings),
		cmocka_unit_test(test_failpoints),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
