/* Bytes to points: the same points however the bytes arrive, and through the points file and back. */
#include <inttypes.h>
#include <math.h>
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
#include "lib/strbuf.h"
#include "server/model/lines.h"
#include "trial-runner/collector.h"
#include "trial-runner/points.h"

/* "loss@0=0.5 " for each point */
static void note(void *ctx, const struct run_point *p)
{
	strbuf_printf(ctx, "%s@%" PRId64 "=%g ", p->metric, p->step, p->value);
}

static char *collect(const struct run_metrics *m, const char *data, size_t n, size_t chunk)
{
	struct strbuf found;
	struct metric_collector *c;

	strbuf_init(&found, 1 << 20);
	c = collector_new(m, note, &found);
	for (size_t i = 0; i < n; i += chunk)
		collector_feed(c, data + i, n - i < chunk ? n - i : chunk, 1);
	collector_end(c, 1);
	collector_free(c);
	return strbuf_take(&found);
}

static const struct run_metrics from_stdout = {.collector = RUN_COLLECT_STDOUT};

static const struct {
	const char *text, *points;
} streams[] = {
	{"", ""},
	{"\n\n\n", ""},
	{"loss=1\nloss=2\nloss=3\n", "loss@0=1 loss@1=2 loss@2=3 "},
	{"loss=1\nacc=5\nloss=2", "loss@0=1 acc@0=5 loss@1=2 "},
	{"step=10 loss=1 acc=2\nloss=3\n", "loss@10=1 acc@10=2 loss@0=3 "},
	{"epoch=4 loss=1\nloss=7\nloss=8 epoch=5\n", "loss@4=1 loss@0=7 loss@5=8 "},
	{"10%\r50% loss=1\r\nloss=2\r", "loss@0=1 loss@1=2 "},
	{"loss=nan\nloss=-inf\nloss=\n", "loss@0=nan loss@1=-inf "},
};

static void chunks_do_not_matter(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_LEN(streams); i++) {
		size_t n = strlen(streams[i].text);

		for (size_t chunk = 1; chunk <= n + 1; chunk++) {
			char *points = collect(&from_stdout, streams[i].text, n, chunk);

			if (strcmp(points, streams[i].points) != 0)
				fail_msg("'%s' in pieces of %zu: '%s', not '%s'", streams[i].text, chunk, points, streams[i].points);
			free(points);
		}
	}
}

static void only_what_is_wanted(void **state UNUSED)
{
	static const char *const wanted[] = {"acc", NULL};
	struct run_metrics m = {.collector = RUN_COLLECT_STDOUT, .wanted = wanted};
	char *points = collect(&m, "loss=1 acc=2\n", 13, 13);

	assert_string_equal(points, "acc@0=2 ");
	free(points);
}

static void json_lines_are_read(void **state UNUSED)
{
	static const char text[] = "{\"loss\": 0.5, \"epoch\": 3}\nno json\n{\"loss\": \"0.25\"}\n";
	struct run_metrics m = {.collector = RUN_COLLECT_STDOUT, .json_lines = true};
	char *points = collect(&m, text, strlen(text), 7);

	if (!strstr(points, "loss@3=0.5 ") || !strstr(points, "loss@0=0.25 "))
		fail_msg("found '%s'", points);
	free(points);
}

static void own_patterns_are_used(void **state UNUSED)
{
	static const char *const patterns[] = {"(\\w+) is ([0-9.]+)", NULL};
	struct run_metrics m = {.collector = RUN_COLLECT_STDOUT, .patterns = patterns};
	char *points = collect(&m, "loss is 0.5, loss=3\n", 20, 20);

	assert_string_equal(points, "loss@0=0.5 ");
	free(points);
}

/* Of a line longer than the buffer the beginning counts, and the next line is read again. */
static void a_long_line_is_cut(void **state UNUSED)
{
	size_t n = 3 * LINES_LINE_MAX;
	char *text = xmalloc(n + 8), *points;

	memset(text, 'x', n);
	memcpy(text, "acc=1 ", 6);
	memcpy(text + n - 8, " loss=9\n", 8);
	memcpy(text + n, "loss=2\n", 7);
	points = collect(&from_stdout, text, n + 7, 1000);
	assert_string_equal(points, "acc@0=1 loss@0=2 ");
	free(points);
	free(text);
}

static void the_last_line_is_remembered(void **state UNUSED)
{
	struct run_metrics none = {.collector = RUN_COLLECT_NONE};
	struct strbuf found;
	struct metric_collector *c;

	strbuf_init(&found, 1000);
	c = collector_new(&none, note, &found);
	assert_string_equal(collector_last_line(c), "");
	collector_feed(c, "  loss=1 \t\n \n\r\n", 15, 1);
	assert_string_equal(collector_last_line(c), "loss=1");
	collector_feed(c, "caf\xc3\xa9\xff!\n", 8, 1);
	assert_string_equal(collector_last_line(c), "caf\xc3\xa9");
	assert_int_equal(found.len, 0);
	collector_free(c);
	strbuf_free(&found);
}

/* --- the points file ----------------------------------------------------------------------------- */

static const double values[] = {0, -0.0, 1.0 / 3, 1e-308, 5e-324, 1.7976931348623157e308, INFINITY, -INFINITY, NAN};

static void points_survive_the_file(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_LEN(values); i++) {
		struct run_point p = {"val loss/x", INT64_MAX - (int64_t)i, values[i], INT64_C(1795341603120000)}, q;
		enum run_source source;
		struct strbuf line;

		strbuf_init(&line, 1000);
		point_encode(&line, RUN_FROM_SPOOL, &p);
		assert_int_equal(line.data[line.len - 1], '\n');
		assert_true(point_decode(line.data, line.len - 1, &source, &q));
		assert_int_equal(source, RUN_FROM_SPOOL);
		assert_string_equal(q.metric, p.metric);
		assert_true(q.step == p.step && q.time_us == p.time_us);
		if (isnan(p.value) ? !isnan(q.value) : memcmp(&p.value, &q.value, sizeof p.value) != 0)
			fail_msg("%a became %a", p.value, q.value);
		strbuf_free(&line);
	}
}

static void damaged_lines_are_refused(void **state UNUSED)
{
	static const char *const lines[] = {
		"", "o", "o 1 2 3", "o 1 2 3 ", "x 1 2 3 loss", "oo 1 2 3 loss", "o one 2 3 loss", "o 1 2.5 3 loss", "o 1 2 0x3 loss",
		"o  1 2 3 loss",
	};

	for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
		char *line = xstrdup(lines[i]);
		enum run_source source;
		struct run_point p;

		if (point_decode(line, strlen(line), &source, &p))
			fail_msg("'%s' was taken for a point", lines[i]);
		free(line);
	}
}

static void a_name_that_breaks_the_line_is_left_out(void **state UNUSED)
{
	struct strbuf out;

	strbuf_init(&out, 10000);
	point_encode(&out, RUN_FROM_OUTPUT, &(struct run_point){.metric = "a\nb"});
	point_encode(&out, RUN_FROM_OUTPUT, &(struct run_point){.metric = ""});
	assert_int_equal(out.len, 0);
	strbuf_free(&out);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(chunks_do_not_matter),
		cmocka_unit_test(only_what_is_wanted),
		cmocka_unit_test(json_lines_are_read),
		cmocka_unit_test(own_patterns_are_used),
		cmocka_unit_test(a_long_line_is_cut),
		cmocka_unit_test(the_last_line_is_remembered),
		cmocka_unit_test(points_survive_the_file),
		cmocka_unit_test(damaged_lines_are_refused),
		cmocka_unit_test(a_name_that_breaks_the_line_is_left_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
