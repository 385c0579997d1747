/* Points in a program's log: they come out of it as they went in, wherever they fall and however the log
 * arrives; the program's own bytes are all left, and a loss is told. */
#include <inttypes.h>
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
#include "trial-runner/frames.h"

struct found {
	struct strbuf text, points;     /* "loss@3=0.5 ", "(missing 2) " */
};

static void on_text(void *ctx, const char *text, size_t n)
{
	struct found *f = ctx;

	strbuf_add(&f->text, text, n);
}

static void on_point(void *ctx, const struct run_point *p)
{
	struct found *f = ctx;

	strbuf_printf(&f->points, "%s@%" PRId64 "=%g ", p->metric, p->step, p->value);
}

static void on_gap(void *ctx, uint64_t missing)
{
	struct found *f = ctx;

	strbuf_printf(&f->points, "(missing %" PRIu64 ") ", missing);
}

static const struct frame_events events = {.on_text = on_text, .on_point = on_point, .on_gap = on_gap};

static struct found read_in(const char *log, size_t n, size_t piece)
{
	struct found f;
	struct frame_reader r;

	strbuf_init(&f.text, 1 << 20);
	strbuf_init(&f.points, 1 << 20);
	frames_init(&r, &events, &f);
	for (size_t i = 0; i < n; i += piece)
		frames_feed(&r, log + i, n - i < piece ? n - i : piece);
	frames_end(&r);
	return f;
}

static void found_free(struct found *f)
{
	strbuf_free(&f->text);
	strbuf_free(&f->points);
}

#define M "\x1etrimtab "

static const struct {
	const char *log, *text, *points;
} logs[] = {
	{"", "", ""},
	{"a\nb\n", "a\nb\n", ""},
	{"a\n" M "1 o 9 3 0.5 loss\nb\n" M "2 o 9 4 0.25 loss\n" M "3 end\n", "a\nb\n", "loss@3=0.5 loss@4=0.25 "},
	{"10%" M "1 o 9 3 0.5 loss\n 20%\n", "10% 20%\n", "loss@3=0.5 "},
	{M "1 o 9 0 nan val loss\r\n", "", "val loss@0=nan "},
	/* Lines that are not there, or there again. */
	{M "1 o 9 0 1 a\n" M "4 o 9 3 1 a\n", "", "a@0=1 (missing 2) a@3=1 "},
	{M "1 o 9 0 1 a\n" M "3 end\n", "", "a@0=1 (missing 1) "},
	{M "7 o 9 6 1 a\n" M "8 o 9 7 1 a\n", "", "a@6=1 a@7=1 "},
	{M "1 o 9 0 1 a\n" M "2 o 9 1 1 a\n" M "1 o 9 0 1 a\n" M "2 o 9 1 1 a\n", "", "a@0=1 a@1=1 a@0=1 a@1=1 "},
	/* What only looks like it is the program's. */
	{"\x1e", "\x1e", ""},
	{"\x1e\x1e\n\x1etrim\n", "\x1e\x1e\n\x1etrim\n", ""},
	{M "\n", M "\n", ""},
	{M "1\n", M "1\n", ""},
	{M "0 end\n", M "0 end\n", ""},
	{M "x end\n", M "x end\n", ""},
	{M "1 ended\n", M "1 ended\n", ""},
	{M "1 o 9 3 loss\n", M "1 o 9 3 loss\n", ""},
	{M "1 o 9 3 0.5 lo", M "1 o 9 3 0.5 lo", ""},
	{"\x1etrim" M "1 o 9 3 0.5 loss\n", "\x1etrim", "loss@3=0.5 "},
};

static void points_come_out_and_text_stays(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_LEN(logs); i++) {
		const size_t n = strlen(logs[i].log);

		for (size_t piece = 1; piece <= n + 1; piece++) {
			struct found f = read_in(logs[i].log, n, piece);

			if (strcmp(f.text.data, logs[i].text) != 0 || strcmp(f.points.data, logs[i].points) != 0)
				fail_msg("log %zu by %zu: text '%s', points '%s'", i, piece, f.text.data, f.points.data);
			found_free(&f);
		}
	}
}

static void what_is_too_long_is_text(void **state UNUSED)
{
	const size_t n = 3 * FRAME_MAX;
	char *log = xmalloc(n);
	struct found f;

	memset(log, 'x', n);
	memcpy(log, M "1 o 9 3 0.5 ", strlen(M "1 o 9 3 0.5 "));
	log[n - 1] = '\n';
	f = read_in(log, n, 100);
	assert_int_equal(f.text.len, n);
	assert_memory_equal(f.text.data, log, n);
	assert_string_equal(f.points.data, "");
	found_free(&f);
	free(log);
}

static void every_point_fits(void **state UNUSED)
{
	char name[POINT_LINE_MAX];
	struct strbuf out;

	strbuf_init(&out, 1 << 20);
	for (size_t n = 1; n < sizeof name; n++) {
		struct found f;
		bool added;

		memset(name, 'm', n);
		name[n] = '\0';
		strbuf_reset(&out);
		added = frame_point(&out, UINT64_MAX >> 1,
			&(struct run_point){.metric = name, .step = INT64_MIN, .value = -2.2250738585072014e-308, .time_us = INT64_MIN});
		assert_true(added == (n <= POINT_LINE_MAX / 2));
		assert_true(added == (out.len > 0) && out.len <= FRAME_MAX);
		f = read_in(out.data, out.len, 1);
		assert_true(added == (f.points.len > n));
		assert_int_equal(f.text.len, 0);
		found_free(&f);
	}
	strbuf_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(points_come_out_and_text_stays),
		cmocka_unit_test(what_is_too_long_is_text),
		cmocka_unit_test(every_point_fits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
