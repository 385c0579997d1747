#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/attr.h"
#include "lib/clk.h"
#include "lib/mem.h"
#include "lib/num.h"
#include "lib/strbuf.h"
#include "server/model/lines.h"

/* "name=value", with "@step" and " (time)" where there are such; several separated by "; ". */
static void collect(void *ctx, const struct metric_point *point)
{
	struct strbuf *out = ctx;
	char value[NUM_MAX], time[CLK_TIME_MAX];
	num_format(value, point->value);
	strbuf_printf(out, "%s%s=%s", out->len > 0 ? "; " : "", point->metric, value);
	if (point->has_step)
		strbuf_printf(out, "@%lld", (long long)point->step);
	if (point->time_us != 0) {
		clk_format_time(time, point->time_us);
		strbuf_printf(out, " (%s)", time);
	}
}

struct example {
	const char *line, *points;
};

static void check(struct line_parser *p, const struct example *examples, size_t n)
{
	struct strbuf out;
	strbuf_init(&out, 100000);
	for (size_t i = 0; i < n; i++) {
		/* A block of exactly its size: reading past the line is seen by the sanitizer. */
		size_t length = strlen(examples[i].line);
		char *exact = xmalloc(length > 0 ? length : 1);
		memcpy(exact, examples[i].line, length);
		strbuf_reset(&out);
		line_parse(p, exact, length, collect, &out);
		if (strcmp(out.len > 0 ? out.data : "", examples[i].points) != 0)
			fail_msg("'%s': expected '%s', got '%s'", examples[i].line, examples[i].points, out.data);
		free(exact);
	}
	strbuf_free(&out);
	line_parser_free(p);
}

#define CHECK(p, examples) check((p), (examples), ARRAY_LEN(examples))

static void test_default_pattern(void **state)
{
	static const char *const wanted[] = {"loss", "acc", "Validation-accuracy", "val/loss", "a.b", "a|b"};
	static const struct example examples[] = {
		{"", ""},
		{"hello", ""},
		{"loss=0.5", "loss=0.5"},
		{"loss = 0.5", "loss=0.5"},
		{"loss\t=\t0.5", "loss=0.5"},
		{"epoch 3: loss=0.5 acc=0.9", "loss=0.5; acc=0.9"},
		{"loss=0.5,acc=0.9", "loss=0.5; acc=0.9"},
		{"{loss=0.5;acc=0.9}", "loss=0.5; acc=0.9"},
		{"loss=1acc=2", "loss=1; acc=2"},
		{"loss=1 other=3 acc=2", "loss=1; acc=2"},
		{"xloss=1", ""},
		{"Validation-accuracy=0.25", "Validation-accuracy=0.25"},
		{"Loss=1", ""},
		{"loss=-1", "loss=-1"},
		{"loss=+1", "loss=1"},
		{"loss=.5", "loss=0.5"},
		{"loss=-.5e-3", "loss=-0.0005"},
		{"loss=1.", "loss=1"},
		{"loss=1e5", "loss=100000"},
		{"loss=1E+5", "loss=100000"},
		{"loss=1e", "loss=1"},
		{"loss=1e+", "loss=1"},
		{"loss=e5", ""},
		{"loss=12.5%", "loss=12.5"},
		{"loss=12ms", "loss=12"},
		{"loss=0.30000000000000004", "loss=0.30000000000000004"},
		{"loss=123456789012345678901234567890", "loss=1.2345678901234568e+29"},
		{"loss=1e999", "loss=Infinity"},
		{"loss=-1e999", "loss=-Infinity"},
		/* Katib records these as empty strings, and an empty string wins. */
		{"loss=nan", "loss=NaN"},
		{"loss=NaN", "loss=NaN"},
		{"loss=-nan", "loss=NaN"},
		{"loss=inf", "loss=Infinity"},
		{"loss=-Infinity", "loss=-Infinity"},
		{"loss=info", ""},
		{"loss=nano", ""},
		{"loss=", ""},
		{"loss= ", ""},
		{"loss==0.5", ""},
		{"loss = = 0.5", ""},
		{"loss=abc", ""},
		{"loss=+", ""},
		{"=0.5", ""},
		{"loss=acc=0.5", "acc=0.5"},
		{"loss= acc=0.5", "acc=0.5"},
		/* The bars of a table, paths and dots. */
		{"| loss=0.5 | acc=0.9 |", "loss=0.5; acc=0.9"},
		{"|loss=0.5|acc=0.9|", "loss=0.5; acc=0.9"},
		{"a|b=1", "a|b=1"},
		{"val/loss=0.5", "val/loss=0.5"},
		{"train/loss=0.5", "loss=0.5"},
		{"a.b=0.5", "a.b=0.5"},
		{"module.loss=0.5", "loss=0.5"},
		/* Colours and progress bars. */
		{"\033[32mloss=0.5\033[0m", "loss=0.5"},
		{"\033[1;32mloss\033[0m=\033[31m0.5", "loss=0.5"},
		{"\033", ""},
		{"\033[", ""},
		{"10% loss=3\r20% loss=2\r30% loss=1", "loss=3; loss=2; loss=1"},
		/* Steps. */
		{"step=3 loss=0.5", "loss=0.5@3"},
		{"loss=0.5 step=3", "loss=0.5@3"},
		{"epoch=3 loss=0.5", "loss=0.5@3"},
		{"epoch=3 step=700 loss=0.5", "loss=0.5@700"},
		{"step=700 epoch=3 loss=0.5", "loss=0.5@700"},
		{"epoch=3 global_step=30 loss=1", "loss=1@30"},
		{"train/step=4 loss=0.5", "loss=0.5@4"},
		{"step=1e3 loss=0.5", "loss=0.5@1000"},
		{"step=-1 loss=0.5", "loss=0.5"},
		{"step=1.5 epoch=2 loss=0.5", "loss=0.5@2"},
		{"step=nan loss=0.5", "loss=0.5"},
		{"step=1 loss=3\rloss=2", "loss=3@1; loss=2"},
		/* Times. */
		{"2026-11-22T10:00:03Z loss=0.5", "loss=0.5 (2026-11-22T10:00:03.000000Z)"},
		{"2026-11-22T10:00:03.120456Z INFO loss=0.5 step=2", "loss=0.5@2 (2026-11-22T10:00:03.120456Z)"},
		{"2026-11-22T12:00:03+02:00 loss=0.5", "loss=0.5 (2026-11-22T10:00:03.000000Z)"},
		{"2026-13-22T10:00:03Z loss=0.5", "loss=0.5"},
		{"[2026-11-22T10:00:03Z] loss=0.5", "loss=0.5"},
		{"10:00:03 loss=0.5", "loss=0.5"},
		{"\xff\xfeloss=0.5", "loss=0.5"},
		{"caf\u00e9=1 loss=0.5", "loss=0.5"},
	};
	(void)state;
	CHECK(line_parser_new(LINES_TEXT, NULL, 0, wanted, ARRAY_LEN(wanted)), examples);
}

static void test_everything_is_wanted(void **state)
{
	static const struct example examples[] = {
		{"loss=0.5 val/loss=0.6 a.b-c=7", "loss=0.5; val/loss=0.6; a.b-c=7"},
		{"step=3 loss=0.5 epoch=2", "loss=0.5@3"},
		{"--lr=0.1 run", "lr=0.1"},
		{"| loss = 0.5 |acc=1", "loss=0.5; acc=1"},
		{"=1 -=2 /=3", ""},
		{"a|b=1", "b=1"},
	};
	(void)state;
	CHECK(line_parser_new(LINES_TEXT, NULL, 0, NULL, 0), examples);
}

static void test_a_step_that_is_wanted(void **state)
{
	static const char *const wanted[] = {"epoch", "loss"};
	static const struct example examples[] = {{"epoch=3 loss=0.5", "epoch=3@3; loss=0.5@3"}};
	(void)state;
	CHECK(line_parser_new(LINES_TEXT, NULL, 0, wanted, 2), examples);
}

/* The cases of Katib's own collector test, with its wrong fractions of a second put right. */
static void test_katib_pattern(void **state)
{
	static const char *const wanted[] = {"accuracy", "loss"};
	static const char *const patterns[] = {"{metricName: ([\\w|-]+), metricValue: ((-?\\d+)(\\.\\d+)?)}"};
	static const struct example examples[] = {
		{"2024-03-04T17:55:08Z INFO     {metricName: accuracy, metricValue: 0.8078};{metricName: loss, "
		 "metricValue: "
		 "0.5183}",
			"accuracy=0.8078 (2024-03-04T17:55:08.000000Z); loss=0.5183 (2024-03-04T17:55:08.000000Z)"},
		{"2024-03-04T17:55:08Z INFO     {metricName: accuracy, metricValue: 100}",
			"accuracy=100 (2024-03-04T17:55:08.000000Z)"},
		{"2024-03-04T17:55:08Z INFO     {metricName: accuracy, metricValue: -0.4759}",
			"accuracy=-0.4759 (2024-03-04T17:55:08.000000Z)"},
		{"{metricName: loss, metricValue: 0.8671}", "loss=0.8671"},
		{"invalid INFO     {metricName: loss, metricValue: 0.3634}", "loss=0.3634"},
		{"INFO     {metricName: accuracy, metricValue: .333}", ""},
		{"INFO     {metricName: accuracy, metricValue: -.333}", ""},
		{"INFO     {metricName: accuracy, metricValue: - 345.333}", ""},
		{"INFO     {metricName: accuracy, metricValue: 888.}", ""},
		{"INFO     {metricName: accuracy, metricValue: 0.6752", ""},
		{"{metricName: other, metricValue: 1}{metricName: loss, metricValue: 2}", "loss=2"},
		{"{metricName: loss, metricValue: 2} step=7", "loss=2@7"},
		{"loss=1", ""},
	};
	(void)state;
	CHECK(line_parser_new(LINES_TEXT, patterns, 1, wanted, 2), examples);
}

static void test_several_patterns(void **state)
{
	static const char *const patterns[] = {"(\\w+): (\\S+)", "(?i)(?:final) (\\w+) is ([\\d.]+)", "(x)?(y)?"};
	static const struct example examples[] = {
		{"loss: 0.5 acc: 0.9", "loss=0.5; acc=0.9"},
		{"FINAL loss is 0.25", "loss=0.25"},
		{"loss: nan", "loss=NaN"},
		{"loss: low", ""},
		{"xy", ""},
	};
	(void)state;
	CHECK(line_parser_new(LINES_TEXT, patterns, ARRAY_LEN(patterns), NULL, 0), examples);
}

static void test_json_lines(void **state)
{
	static const char *const wanted[] = {"acc", "loss"};
	static const struct example examples[] = {
		{"{\"loss\": \"0.22082142531871796\", \"timestamp\": 1638422847.28721, \"trial\": \"0\"}",
			"loss=0.22082142531871796 (2021-12-02T05:27:27.287210Z)"},
		{"{\"acc\": \"0.93\", \"global_step\": \"1\", \"timestamp\": \"2021-12-02T14:27:50.000037459Z\"}",
			"acc=0.93@1 (2021-12-02T14:27:50.000037Z)"},
		{"{\"loss\": 0.3, \"step\": 4, \"epoch\": 1}", "loss=0.3@4"},
		{"{\"loss\": \"0.22\", \"timestamp\": \"invalid\"}", "loss=0.22"},
		{"{\"acc\": \"0.93\", \"timestamp\": 1638422847}", "acc=0.93 (2021-12-02T05:27:27.000000Z)"},
		{"{\"loss\": \"NaN\", \"acc\": \"-Infinity\"}", "loss=NaN; acc=-Infinity"},
		{"{\"loss\": true, \"acc\": null}", ""},
		{"{\"loss\": \"low\", \"other\": 3}", ""},
		{"  {\"loss\": 1}  \r", "loss=1"},
		{"", ""},
		{"loss=1", ""},
		{"{\"loss\": 1", ""},
		{"[1]", ""},
		{"{\"loss\": 1, \"loss\": 2}", ""},
	};
	(void)state;
	CHECK(line_parser_new(LINES_JSON, NULL, 0, wanted, 2), examples);
}

static void test_pattern_check(void **state)
{
	struct err e;
	(void)state;
	assert_true(line_pattern_check("(a)(b)", &e));
	assert_false(line_pattern_check("(a)b", &e));
	assert_non_null(strstr(e.detail, "two groups"));
	assert_false(line_pattern_check("(a)(b", &e));
	assert_non_null(strstr(e.detail, "not closed"));
}

/* Long lines are no trouble: cut, linear, bounded. */
static void test_long_lines(void **state)
{
	static const char *const patterns[] = {"(\\w+)+=(\\d+)"};
	static const char fills[] = {'=', ' ', 'a', '|', '\033', '\r', '1', '.'};
	size_t n = 3 * LINES_LINE_MAX;
	char *line = xmalloc(n);
	struct strbuf out;
	(void)state;
	strbuf_init(&out, 1 << 20);
	for (size_t i = 0; i < sizeof fills; i++) {
		memset(line, fills[i], n);
		struct line_parser *p = line_parser_new(LINES_TEXT, NULL, 0, NULL, 0);
		assert_int_equal(line_parse(p, line, n, collect, &out), 0);
		line_parser_free(p);
		p = line_parser_new(LINES_TEXT, patterns, 1, NULL, 0);
		assert_int_equal(line_parse(p, line, n, collect, &out), 0);
		line_parser_free(p);
	}
	strbuf_free(&out);
	free(line);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_default_pattern),
		cmocka_unit_test(test_everything_is_wanted),
		cmocka_unit_test(test_a_step_that_is_wanted),
		cmocka_unit_test(test_katib_pattern),
		cmocka_unit_test(test_several_patterns),
		cmocka_unit_test(test_json_lines),
		cmocka_unit_test(test_pattern_check),
		cmocka_unit_test(test_long_lines),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
