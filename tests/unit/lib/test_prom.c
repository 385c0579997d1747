/* Metrics as text. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lib/attr.h"
#include "lib/prom.h"
#include "lib/strbuf.h"

static struct strbuf written(struct prom *r)
{
	struct strbuf b;
	strbuf_init(&b, 1 << 20);
	prom_write(r, &b);
	return b;
}

static void the_text_is_what_prometheus_reads(void **state UNUSED)
{
	struct prom *r = prom_new();
	struct prom_metric *c = prom_counter(r, "a_total", "Things", (const char *const[]){"kind", "code", NULL});
	struct prom_metric *g = prom_gauge(r, "b", "Level", NULL);
	struct prom_metric *h =
		prom_histogram(r, "c_seconds", "Time", (const char *const[]){"x", NULL}, (const double[]){0.1, 1}, 2);
	prom_add(prom_series(c, (const char *const[]){"a\"b\\c\nd", "200"}), 1);
	prom_add(prom_series(c, (const char *const[]){"a\"b\\c\nd", "200"}), 2.5);
	prom_add(prom_series(c, (const char *const[]){"", "200"}), 1);
	prom_set(prom_series(g, NULL), INFINITY);
	struct prom_series *s = prom_series(h, (const char *const[]){"y"});
	prom_observe(s, 0.1);
	prom_observe(s, 0.5);
	prom_observe(s, 7);
	assert_true(prom_value(s) == 3);
	struct strbuf b = written(r);
	assert_string_equal(b.data, "# HELP a_total Things\n# TYPE a_total counter\n"
								"a_total{kind=\"a\\\"b\\\\c\\nd\",code=\"200\"} 3.5\n"
								"a_total{kind=\"\",code=\"200\"} 1\n"
								"# HELP b Level\n# TYPE b gauge\n"
								"b +Inf\n"
								"# HELP c_seconds Time\n# TYPE c_seconds histogram\n"
								"c_seconds_bucket{x=\"y\",le=\"0.1\"} 1\n"
								"c_seconds_bucket{x=\"y\",le=\"1\"} 2\n"
								"c_seconds_bucket{x=\"y\",le=\"+Inf\"} 3\n"
								"c_seconds_sum{x=\"y\"} 7.6\n"
								"c_seconds_count{x=\"y\"} 3\n");
	strbuf_free(&b);
	prom_free(r);
}

static void series_are_bounded(void **state UNUSED)
{
	struct prom *r = prom_new();
	struct prom_metric *c = prom_counter(r, "a_total", "Things", (const char *const[]){"path", NULL});
	char path[32];
	for (int round = 0; round < 2; round++)
		for (int i = 0; i < 3 * PROM_SERIES_MAX; i++) {
			snprintf(path, sizeof path, "/%d", i);
			prom_add(prom_series(c, (const char *const[]){path}), 1);
		}
	assert_true(prom_value(prom_series(c, (const char *const[]){"/0"})) == 2);
	assert_true(prom_value(prom_series(c, (const char *const[]){"/510"})) == 2);
	double other = prom_value(prom_series(c, (const char *const[]){"other"}));
	assert_true(other == 2 * (3 * PROM_SERIES_MAX - (PROM_SERIES_MAX - 1)));
	assert_ptr_equal(
		prom_series(c, (const char *const[]){"/1500"}), prom_series(c, (const char *const[]){"new"}));
	prom_free(r);
}

static void set_level(void *ctx)
{
	prom_set(ctx, 42);
}

static void collectors_run_before_the_text(void **state UNUSED)
{
	struct prom *r = prom_new();
	prom_on_collect(r, set_level, prom_series(prom_gauge(r, "b", "Level", NULL), NULL));
	struct strbuf b = written(r);
	assert_non_null(strstr(b.data, "\nb 42\n"));
	strbuf_free(&b);
	prom_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_text_is_what_prometheus_reads),
		cmocka_unit_test(series_are_bounded),
		cmocka_unit_test(collectors_run_before_the_text),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
