#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/attr.h"
#include "lib/mem.h"
#include "lib/regex.h"

/* "whole|first|second" of the first match, "-" for none, "~" for a group that took no part. */
static void show(char *out, size_t size, struct regex *r, const char *text, size_t n)
{
	struct regex_span spans[REGEX_SPANS];
	size_t steps = 1000000, len = 0;
	if (!regex_find(r, text, n, 0, spans, &steps)) {
		snprintf(out, size, "-");
		return;
	}
	out[0] = '\0';
	for (size_t i = 0; i < REGEX_SPANS && i <= regex_groups(r); i++) {
		const char *bar = i > 0 ? "|" : "";
		if (spans[i].start == SIZE_MAX)
			len += (size_t)snprintf(out + len, size - len, "%s~", bar);
		else
			len += (size_t)snprintf(out + len, size - len, "%s%.*s", bar,
				(int)(spans[i].end - spans[i].start), text + spans[i].start);
	}
}

static void test_finds(void **state)
{
	static const struct {
		const char *pattern, *text, *found;
	} cases[] = {
		{"abc", "xxabcx", "abc"},
		{"abc", "ab", "-"},
		{"", "x", ""},
		{"a*", "baaa", ""},
		{"a+", "baaa", "aaa"},
		{"a+?", "baaa", "a"},
		{"ba??a", "baaa", "ba"},
		{"ba?a", "baaa", "baa"},
		{"(a*)(a*)", "aaa", "aaa|aaa|"},
		{"(a*?)(a*)", "aaa", "aaa||aaa"},
		{"(a|ab)(c|bcd)", "abcd", "abcd|a|bcd"},
		{"a|ab", "ab", "a"},
		{"ab|a", "ab", "ab"},
		{"a|b|c", "xcb", "c"},
		{"(a)|(b)", "b", "b|~|b"},
		{"(a|)+b", "aab", "aab|a"},
		{"(a*)*", "aa", "aa|aa"},
		{"(a*)+x", "aax", "aax|aa"},
		{"x{3}", "xxxx", "xxx"},
		{"x{2,}", "xxxx", "xxxx"},
		{"x{2,3}", "xxxx", "xxx"},
		{"x{2,3}?", "xxxx", "xx"},
		{"x{0}y", "xy", "y"},
		{"x{,3}", "x{,3}", "x{,3}"},
		{"{a}", "{a}", "{a}"},
		{"(ab){2}", "ababab", "abab|ab"},
		{"[abc]+", "xxbca", "bca"},
		{"[^abc]+", "abxyc", "xy"},
		{"[a-c-]+", "x-b-", "-b-"},
		{"[]a]+", "]a]", "]a]"},
		{"[^]]+", "]ab]", "ab"},
		{"[\\w|-]+", "..a|b-c..", "a|b-c"},
		{"[[:digit:][:upper:]]+", "ab1Z9c", "1Z9"},
		{"[\\d.]+", "v1.25", "1.25"},
		{"[\\x41-\\x43]+", "xABCx", "ABC"},
		{"\\d+", "ab12", "12"},
		{"\\D+", "12ab", "ab"},
		{"\\S+", "  ab ", "ab"},
		{"\\s+", "ab \t c", " \t "},
		{"\\W", "a_!", "!"},
		{"\\bcat\\b", "concat cat", "cat"},
		{"\\Bcat", "cat concat", "cat"},
		{"^ab", "abab", "ab"},
		{"^b", "ab", "-"},
		{"b$", "bab", "b"},
		{"a$", "ab", "-"},
		{"\\Aab\\z", "ab", "ab"},
		{".", "\nx", "x"},
		{"a.c", "a\nc abc", "abc"},
		{"\\.", "a.", "."},
		{"\\{\\}\\\\\\/", "{}\\/", "{}\\/"},
		{"\\t\\x41", "\tA", "\tA"},
		{"(?i)lOsS", "LOSS", "LOSS"},
		{"(?i)[a-c]+", "xABc", "ABc"},
		{"(?:ab)+(c)", "ababc", "ababc|c"},
		{"(?P<name>\\w+)=(?P<value>\\d+)", "a=1", "a=1|a|1"},
		{"(?<name>\\w+)", "a", "a|a"},
		{"é+", "caféé", "éé"},
		{"(a(b(c)))", "abc", "abc|abc|bc"},
		{"{metricName: ([\\w|-]+), metricValue: ((-?\\d+)(\\.\\d+)?)}",
			"x {metricName: acc, metricValue: -0.5};", "{metricName: acc, metricValue: -0.5}|acc|-0.5"},
		{"([\\w|-]+)\\s*=\\s*([+-]?\\d*(\\.\\d+)?([Ee][+-]?\\d+)?)", "INFO loss = 1e-3 b",
			"loss = 1e-3|loss|1e-3"},
		{"(\\w+\\s\\w+)\\s:\\s((-?\\d+)(\\.\\d+)?)", "valid_1 auc : 0.93",
			"valid_1 auc : 0.93|valid_1 auc|0.93"},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct err e;
		char found[256];
		struct regex *r = regex_new(cases[i].pattern, &e);
		if (r == NULL)
			fail_msg("%s", e.detail);
		show(found, sizeof found, r, cases[i].text, strlen(cases[i].text));
		if (strcmp(found, cases[i].found) != 0)
			fail_msg("/%s/ in '%s': expected %s, found %s", cases[i].pattern, cases[i].text, cases[i].found,
				found);
		regex_free(r);
	}
}

static void test_refuses(void **state)
{
	static const struct {
		const char *pattern, *why;
	} cases[] = {{"(", "not closed"}, {"a)", "not opened"}, {"(a", "not closed"}, {"[a", "not closed"},
		{"[", "not closed"}, {"[z-a]", "backwards"}, {"[a-\\d]", "both ends"}, {"[[:nope:]]", "class"},
		{"[é]", "ASCII"}, {"*", "nothing"}, {"a**", "nothing"}, {"a+?+", "nothing"}, {"a|*", "nothing"},
		{"a{2,1}", "backwards"}, {"a{300}", "255"}, {"((a{200}){200}){200}", "too large"},
		{"(a)\\1", "back-references"}, {"\\q", "escape"}, {"\\", "backslash"}, {"\\xZZ", "hexadecimal"},
		{"(?=a)", "(?"}, {"(?<=a)b", "(?"}, {"(?P<n", "not closed"}, {"a(?i)b", "(?"}, {"\\p{L}", "escape"}};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct err e = {0};
		struct regex *r = regex_new(cases[i].pattern, &e);
		if (r != NULL || strstr(e.detail, cases[i].why) == NULL)
			fail_msg("/%s/: expected '%s', got '%s'", cases[i].pattern, cases[i].why, e.detail);
	}
	char deep[400];
	memset(deep, '(', 200);
	memset(deep + 200, ')', 199);
	deep[399] = '\0';
	assert_null(regex_new(deep, NULL));
	char *wide = xcalloc(1, REGEX_PATTERN_MAX + 2);
	memset(wide, 'a', REGEX_PATTERN_MAX + 1);
	assert_null(regex_new(wide, NULL));
	free(wide);
}

static void test_finds_all_from_where_it_is(void **state)
{
	struct regex *r = regex_new("\\b\\d+", NULL);
	struct regex_span spans[REGEX_SPANS];
	const char *text = "1 22 a3 44";
	size_t at = 0, steps = 100000, lengths = 0;
	(void)state;
	assert_non_null(r);
	while (regex_find(r, text, strlen(text), at, spans, &steps)) {
		lengths = lengths * 10 + spans[0].end - spans[0].start;
		at = spans[0].end;
	}
	assert_int_equal(lengths, 122);
	/* Not at the start of the text, and not at an edge. */
	assert_true(regex_find(r, "ab12", 4, 0, spans, &steps) == false);
	assert_true(regex_find(r, "ab12", 4, 2, spans, &steps) == false);
	regex_free(r);
}

/* What takes for ever by backtracking. */
static void test_bounded(void **state)
{
	struct regex *r = regex_new("(a*)*(a*)*(a|aa)+$b", NULL);
	struct regex_span spans[REGEX_SPANS];
	char text[8192];
	size_t steps = 4000000;
	(void)state;
	assert_non_null(r);
	memset(text, 'a', sizeof text);
	assert_false(regex_find(r, text, sizeof text, 0, spans, &steps));
	assert_true(steps > 0);
	/* The bound itself. */
	steps = 1000;
	assert_false(regex_find(r, text, sizeof text, 0, spans, &steps));
	assert_int_equal(steps, 0);
	regex_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_finds),
		cmocka_unit_test(test_refuses),
		cmocka_unit_test(test_finds_all_from_where_it_is),
		cmocka_unit_test(test_bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
