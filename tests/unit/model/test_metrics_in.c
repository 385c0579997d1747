#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/arena.h"
#include "lib/attr.h"
#include "lib/clk.h"
#include "lib/mem.h"
#include "lib/num.h"
#include "lib/strbuf.h"
#include "server/model/metrics_in.h"

/* What a body gives: its points as "name=value@step (time)", or the error and the problems. */
static void decode(struct strbuf *out, const char *body, enum metrics_media media)
{
	struct arena *a = arena_new();
	struct problems *p = ARENA_NEW(a, struct problems);
	struct metrics_batch batch;
	struct err e = {0};
	size_t n = strlen(body);
	char *exact = xmalloc(n > 0 ? n : 1);
	memcpy(exact, body, n);
	problems_init(p, a);
	strbuf_reset(out);
	if (!metrics_decode(exact, n, media, a, &batch, p, &e)) {
		strbuf_puts(out, err_type(e.code));
		for (size_t i = 0; i < p->n; i++)
			strbuf_printf(out, "; %s %s", p->items[i].pointer, p->items[i].code);
	}
	for (size_t i = 0; e.code == ERR_OK && i < batch.n; i++) {
		const struct metric_point *point = &batch.points[i];
		char value[NUM_MAX], time[CLK_TIME_MAX];
		num_format(value, point->value);
		strbuf_printf(out, "%s%s=%s", i > 0 ? "; " : "", point->metric, value);
		if (point->has_step)
			strbuf_printf(out, "@%lld", (long long)point->step);
		if (point->time_us != 0) {
			clk_format_time(time, point->time_us);
			strbuf_printf(out, " (%s)", time);
		}
	}
	if (e.code == ERR_OK && batch.dropped > 0)
		strbuf_printf(out, " dropped %lld", (long long)batch.dropped);
	free(exact);
	arena_free(a);
}

static void test_bodies(void **state)
{
	static const struct {
		enum metrics_media media;
		const char *body, *result;
	} cases[] = {
		{METRICS_JSON,
			"{\"metrics\":[{\"metric\":\"loss\",\"value\":0.412,\"step\":3,\"time\":\"2026-11-22T10:00:03."
			"120Z\"},"
			"{\"metric\":\"accuracy\",\"value\":0.871,\"step\":3},{\"metric\":\"grad_norm\",\"value\":"
			"\"NaN\",\"step\":3}],"
			"\"dropped\":0}",
			"loss=0.412@3 (2026-11-22T10:00:03.120000Z); accuracy=0.871@3; grad_norm=NaN@3"},
		{METRICS_JSON, "{\"metrics\":[]}", ""},
		{METRICS_JSON, "{\"metrics\":[],\"dropped\":12}", " dropped 12"},
		{METRICS_JSON, "{\"metrics\":[{\"metric\":\"a\",\"value\":\"-Infinity\"}]}", "a=-Infinity"},
		{METRICS_JSON, "{\"metrics\":[{\"metric\":\"a\",\"value\":\"1e-3\",\"step\":\"7\"}]}", "a=0.001@7"},
		{METRICS_JSON, "{\"metrics\":[{\"metric\":\"a\",\"value\":1,\"step\":null,\"time\":null}]}", "a=1"},
		{METRICS_JSON, "{\"metrics\":[{\"metric\":\"a\",\"value\":1,\"time\":1638422847.5}]}",
			"a=1 (2021-12-02T05:27:27.500000Z)"},
		{METRICS_JSON, "{\"metrics\":[{\"metric\":\"a\",\"value\":1,\"step\":9007199254740992}]}",
			"a=1@9007199254740992"},
		{METRICS_JSON, "{\"loss\":0.4,\"accuracy\":0.9,\"step\":3}", "loss=0.4@3; accuracy=0.9@3"},
		{METRICS_JSON, "{\"step\":3,\"loss\":\"0.4\",\"time\":\"2026-11-22T10:00:03Z\",\"val/loss\":1}",
			"loss=0.4@3 (2026-11-22T10:00:03.000000Z); val/loss=1@3 (2026-11-22T10:00:03.000000Z)"},
		{METRICS_JSON, "{\"metric\":\"loss\",\"value\":0.4,\"step\":2}", "loss=0.4@2"},
		{METRICS_JSON, "{\"metric\":0.5}", "metric=0.5"},
		{METRICS_JSON, "{}", ""},
		/* all or nothing */
		{METRICS_JSON, "", "malformed"},
		{METRICS_JSON, "{\"loss\":0.4", "malformed"},
		{METRICS_JSON, "[]", "invalid;  wrong-type"},
		{METRICS_JSON, "7", "invalid;  wrong-type"},
		{METRICS_JSON, "{\"metrics\":7}", "invalid; /metrics wrong-type"},
		{METRICS_JSON, "{\"metrics\":[7]}", "invalid; /metrics/0 wrong-type"},
		{METRICS_JSON, "{\"metrics\":[{}]}", "invalid; /metrics/0/metric missing; /metrics/0/value missing"},
		{METRICS_JSON, "{\"metrics\":[{\"metric\":\"a\",\"value\":1},{\"metric\":\"a b\",\"value\":true}]}",
			"invalid; /metrics/1/metric bad-name; /metrics/1/value wrong-type"},
		{METRICS_JSON, "{\"metrics\":[{\"metric\":7,\"value\":null}]}",
			"invalid; /metrics/0/metric wrong-type; /metrics/0/value wrong-type"},
		{METRICS_JSON, "{\"metrics\":[{\"metric\":\"\",\"value\":1}]}",
			"invalid; /metrics/0/metric bad-name"},
		{METRICS_JSON, "{\"metrics\":[{\"metric\":\"a\",\"value\":\"low\"}]}",
			"invalid; /metrics/0/value wrong-type"},
		{METRICS_JSON, "{\"metrics\":[{\"metric\":\"a\",\"value\":1,\"step\":-1}]}",
			"invalid; /metrics/0/step wrong-type"},
		{METRICS_JSON, "{\"metrics\":[{\"metric\":\"a\",\"value\":1,\"step\":1.5}]}",
			"invalid; /metrics/0/step wrong-type"},
		{METRICS_JSON, "{\"metrics\":[{\"metric\":\"a\",\"value\":1,\"step\":\"NaN\"}]}",
			"invalid; /metrics/0/step wrong-type"},
		{METRICS_JSON, "{\"metrics\":[{\"metric\":\"a\",\"value\":1,\"step\":1e300}]}",
			"invalid; /metrics/0/step wrong-type"},
		{METRICS_JSON, "{\"metrics\":[{\"metric\":\"a\",\"value\":1,\"time\":\"today\"}]}",
			"invalid; /metrics/0/time wrong-type"},
		{METRICS_JSON, "{\"metrics\":[{\"metric\":\"a\",\"value\":1,\"time\":-5}]}",
			"invalid; /metrics/0/time wrong-type"},
		{METRICS_JSON, "{\"metrics\":[{\"metric\":\"a\",\"value\":1,\"epoch\":5}]}",
			"invalid; /metrics/0/epoch unknown-field"},
		{METRICS_JSON, "{\"metrics\":[],\"droped\":1,\"dropped\":-1}",
			"invalid; /droped unknown-field; /dropped wrong-type"},
		{METRICS_JSON, "{\"a b\":1,\"c\":[],\"step\":\"x\"}",
			"invalid; /step wrong-type; /a b bad-name; /c wrong-type"},
		{METRICS_JSON, "{\"loss\":1e999}", "malformed"},
		{METRICS_JSON, "{\"loss\":1,\"loss\":2}", "malformed"},
		/* lines of JSON */
		{METRICS_NDJSON, "{\"loss\":0.4,\"step\":1}\n{\"loss\":0.3,\"step\":2}\n", "loss=0.4@1; loss=0.3@2"},
		{METRICS_NDJSON,
			"\r\n{\"metric\":\"a\",\"value\":1}\r\n\n{\"metrics\":[{\"metric\":\"b\",\"value\":2}],"
			"\"dropped\":1}",
			"a=1; b=2 dropped 1"},
		{METRICS_NDJSON, "", ""},
		{METRICS_NDJSON, "{\"a\":1}\n{\"b\":", "malformed"},
		{METRICS_NDJSON, "{\"a\":1}\n[1]\n{\"c d\":1}", "invalid; /1 wrong-type; /2/c d bad-name"},
		{METRICS_NDJSON, "{\"a\":1}\n{\"metrics\":[{\"metric\":\"b\"}]}",
			"invalid; /1/metrics/0/value missing"},
		/* text */
		{METRICS_TEXT, "loss=0.4", "loss=0.4"},
		{METRICS_TEXT, "loss=0.4 acc=0.9 step=3", "loss=0.4@3; acc=0.9@3"},
		{METRICS_TEXT, "loss=0.4 step=1\nloss=0.3 step=2\r\n\n", "loss=0.4@1; loss=0.3@2"},
		{METRICS_TEXT, "2026-11-22T10:00:03Z loss=nan", "loss=NaN (2026-11-22T10:00:03.000000Z)"},
		{METRICS_TEXT, "loss=0.4&step=3", "loss=0.4@3"},
		{METRICS_TEXT, "loss=0.4\nhello\nworld=", "invalid; /1 no-metric; /2 no-metric"},
		{METRICS_TEXT, " {\"loss\":0.4,\"step\":3}", "loss=0.4@3"},
		{METRICS_TEXT, "", ""},
	};
	struct strbuf out;
	(void)state;
	strbuf_init(&out, 1 << 20);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		decode(&out, cases[i].body, cases[i].media);
		if (strcmp(out.len > 0 ? out.data : "", cases[i].result) != 0)
			fail_msg("%s\nexpected: %s\ngot:      %s", cases[i].body, cases[i].result, out.data);
	}
	strbuf_free(&out);
}

/* A body of n points in one of the forms. */
static void fill(struct strbuf *b, size_t n, enum metrics_media media)
{
	strbuf_reset(b);
	if (media == METRICS_JSON)
		strbuf_puts(b, "{\"metrics\":[");
	for (size_t i = 0; i < n; i++) {
		if (media == METRICS_TEXT)
			strbuf_printf(b, "m%zu=%zu\n", i, i);
		else if (media == METRICS_NDJSON)
			strbuf_printf(b, "{\"m%zu\":%zu}\n", i, i);
		else
			strbuf_printf(b, "%s{\"metric\":\"m%zu\",\"value\":%zu}", i > 0 ? "," : "", i, i);
	}
	if (media == METRICS_JSON)
		strbuf_puts(b, "]}");
}

static void test_limits(void **state)
{
	struct strbuf b;
	(void)state;
	strbuf_init(&b, 4 << 20);
	for (int media = METRICS_JSON; media <= METRICS_TEXT; media++) {
		struct arena *a = arena_new();
		struct problems *p = ARENA_NEW(a, struct problems);
		struct metrics_batch batch;
		struct err e = {0};
		problems_init(p, a);
		fill(&b, METRICS_POINTS_MAX, (enum metrics_media)media);
		assert_true(metrics_decode(b.data, b.len, (enum metrics_media)media, a, &batch, p, &e));
		assert_int_equal(batch.n, METRICS_POINTS_MAX);
		assert_string_equal(batch.points[999].metric, "m999");
		assert_true(batch.points[999].value == 999);
		fill(&b, METRICS_POINTS_MAX + 1, (enum metrics_media)media);
		assert_false(metrics_decode(b.data, b.len, (enum metrics_media)media, a, &batch, p, &e));
		assert_int_equal(e.code, ERR_TOO_LARGE);
		fill(&b, 100000, (enum metrics_media)media);
		assert_true(b.len > METRICS_BODY_MAX || media != METRICS_JSON);
		assert_false(metrics_decode(b.data, b.len, (enum metrics_media)media, a, &batch, p, &e));
		assert_int_equal(e.code, ERR_TOO_LARGE);
		arena_free(a);
	}
	strbuf_free(&b);
}

static void test_media(void **state)
{
	static const struct {
		const char *type;
		bool known;
		enum metrics_media media;
	} cases[] = {{NULL, true, METRICS_JSON}, {"", true, METRICS_JSON},
		{"application/json", true, METRICS_JSON}, {"Application/JSON; charset=utf-8", true, METRICS_JSON},
		{"application/x-ndjson", true, METRICS_NDJSON}, {"text/plain;charset=utf-8", true, METRICS_TEXT},
		{"application/x-www-form-urlencoded", true, METRICS_TEXT}, {"application/jsonp", false, METRICS_JSON},
		{"text/html", false, METRICS_JSON}, {"json", false, METRICS_JSON}};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		enum metrics_media media;
		bool known = metrics_media_parse(cases[i].type, &media);
		if (known != cases[i].known || (known && media != cases[i].media))
			fail_msg(
				"%s: known %d, form %d", cases[i].type != NULL ? cases[i].type : "(none)", known, (int)media);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bodies),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_media),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
