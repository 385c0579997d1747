#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "cli/csv.h"
#include "cli/table.h"
#include "lib/arena.h"
#include "lib/strbuf.h"

static struct strbuf *out_of(void **state)
{
	struct strbuf *out = *state;

	strbuf_reset(out);
	return out;
}

static void fill(struct table *t, struct arena *a)
{
	static const char *const cells[] = {"a", "x", NULL, "longer", "\xc3\xa9t\xc3\xa9", ""};

	table_init(t, a);
	table_column(t, "NAME");
	table_column(t, "VALUE");
	table_column(t, "NOTE");
	for (size_t i = 0; i < 6; i++)
		table_cell(t, cells[i]);
}

static void test_columns(void **state)
{
	struct strbuf *out = out_of(state);
	struct arena *a = arena_new();
	struct table t;

	fill(&t, a);
	table_print(&t, out, true, false);
	assert_string_equal(out->data, "NAME     VALUE   NOTE\n"
								   "a        x       -\n"
								   "longer   \xc3\xa9t\xc3\xa9     -\n");
	strbuf_reset(out);
	table_print(&t, out, false, true);
	assert_string_equal(out->data, "a        x\nlonger   \xc3\xa9t\xc3\xa9\n");
	arena_free(a);
}

static void test_table_as_csv(void **state)
{
	struct strbuf *out = out_of(state);
	struct arena *a = arena_new();
	struct table t;

	table_init(&t, a);
	table_column(&t, "a");
	table_column(&t, "b");
	table_cell(&t, "one, two");
	table_cell(&t, "say \"no\"");
	table_cell(&t, NULL);
	table_cell(&t, "line\nbreak");
	table_csv(&t, out);
	assert_string_equal(out->data, "a,b\r\n\"one, two\",\"say \"\"no\"\"\"\r\n,\"line\nbreak\"\r\n");
	arena_free(a);
}

static void test_many_rows(void **state)
{
	struct strbuf *out = out_of(state);
	struct arena *a = arena_new();
	struct table t;

	table_init(&t, a);
	table_column(&t, "N");
	for (int i = 0; i < 1000; i++)
		table_cell(&t, arena_printf(a, "%d", i));
	table_print(&t, out, false, false);
	assert_non_null(strstr(out->data, "\n999\n"));
	arena_free(a);
}

/* Rows as "a|b;c|d", or the error. */
static const char *rows_of(struct strbuf *out, const char *text)
{
	struct arena *a = arena_new();
	const char *const *cells;
	struct err e = {0};
	struct csv csv;
	size_t n;

	strbuf_reset(out);
	csv_init(&csv, text, strlen(text), a);
	while (csv_row(&csv, &cells, &n, &e)) {
		strbuf_printf(out, "%zu:", csv.line);
		for (size_t i = 0; i < n; i++)
			strbuf_printf(out, "%s%s", i ? "|" : "", cells[i]);
		strbuf_putc(out, ';');
	}
	if (e.code != ERR_OK)
		strbuf_puts(out, e.detail);
	arena_free(a);
	return out->data;
}

static void test_csv_in(void **state)
{
	static const struct {
		const char *text, *rows;
	} cases[] = {
		{"", ""},
		{"\r\n\n", ""},
		{"a,b\r\n1,2\r\n", "1:a|b;2:1|2;"},
		{"a,b\n1,2", "1:a|b;2:1|2;"},
		{"a,\n,b\n", "1:a|;2:|b;"},
		{"\"a,b\",c\n", "1:a,b|c;"},
		{"\"say \"\"no\"\"\"\n", "1:say \"no\";"},
		{"\"two\nlines\",x\n3,4\n", "1:two\nlines|x;3:3|4;"},
		{"\xef\xbb\xbf" "a\n1\n", "1:a;2:1;"},
		{"a\n\n\nb\n", "1:a;4:b;"},
		{"\"open\n1,2", "line 1: a quote is not closed"},
		{"a\n\"b\"c\n", "1:a;line 2: text follows a closing quote"},
		{"\"\"", "1:;"},
	};
	struct strbuf *out = *state;

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		assert_string_equal(rows_of(out, cases[i].text), cases[i].rows);
}

static int setup(void **state)
{
	static struct strbuf out;

	strbuf_init(&out, 1 << 20);
	*state = &out;
	return 0;
}

static int teardown(void **state)
{
	strbuf_free(*state);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_columns),
		cmocka_unit_test(test_table_as_csv),
		cmocka_unit_test(test_many_rows),
		cmocka_unit_test(test_csv_in),
	};

	return cmocka_run_group_tests_name("table", tests, setup, teardown);
}
