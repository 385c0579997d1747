/* A pod's log, whole and each line once, however the connection behaves; points until they are acknowledged. */
#include "tests/unit/runner/fake_api.h"

#include "lib/strbuf.h"
#include "trial-runner/kubernetes/pod_log.h"
#include "trial-runner/kubernetes/point_queue.h"

static const int64_t patience_us = 2 * CLK_SECOND;

/* --- the kubelet ------------------------------------------------------------------------------------ */

enum { LINES = 8 };

/* Two lines of one instant, and two seconds with several lines: what a resume must tell apart. */
static const char *const stamps[LINES] = {
	"2026-11-22T10:00:00.000000001Z", "2026-11-22T10:00:00.500000000Z", "2026-11-22T10:00:01.100000000Z",
	"2026-11-22T10:00:01.100000000Z", "2026-11-22T10:00:01.900000000Z", "2026-11-22T10:00:02.000000000Z",
	"2026-11-22T10:00:02.000000500Z", "2026-11-22T10:00:03.000000000Z",
};

struct world {
	struct fake_api *api;
	struct strbuf got;
	int ended, requests;
	char why[200];
	int printed;                    /* lines that are there          */
	int cut_after;                  /* lines of the next stream, then it breaks; -1: it goes on */
	bool half;                      /* the cut is within a line      */
	int status;                     /* 0: 200                        */
	int refusals;                   /* so many with `status`         */
	int forbidden;                  /* times that it was told        */
	char query[200];                /* of the last request           */
	struct pod_log *log;
};

static void line_text(struct strbuf *out, int i)
{
	strbuf_printf(out, "%s line %d\n", stamps[i], i);
}

static void refuse(struct fake_request *r, int status)
{
	if (status == 403)
		fake_status(r, status, "Forbidden", "pods \\\"trial-x\\\" is forbidden: User \\\"me\\\" cannot get "
			"resource \\\"pods/log\\\" in API group \\\"\\\" in the namespace \\\"team-a\\\"");
	else
		fake_status(r, status, "BadRequest", "container is waiting to start");
}

static void serve(void *ctx, struct fake_request *r)
{
	struct world *w = ctx;
	const char *since = strstr(r->query, "sinceTime=");
	const bool follow = strstr(r->query, "follow=true");
	struct strbuf out;
	int sent = 0;

	assert_string_equal(r->path, "/api/v1/namespaces/team-a/pods/trial-x/log");
	assert_non_null(strstr(r->query, "timestamps=true"));
	assert_non_null(strstr(r->query, "container=main"));
	w->requests++;
	snprintf(w->query, sizeof w->query, "%s", r->query);
	if (w->refusals > 0) {
		w->refusals--;
		refuse(r, w->status);
		return;
	}
	strbuf_init(&out, 1 << 20);
	for (int i = 0; i < w->printed && sent != w->cut_after; i++) {
		if (since && strncmp(stamps[i], since + strlen("sinceTime="), 19) < 0)
			continue;
		line_text(&out, i);
		sent++;
	}
	if (w->half)
		out.len -= 3;
	out.data[out.len] = '\0';
	fake_stream_begin(r);
	if (out.len)
		fake_stream_write(r->api, out.data);
	if (w->cut_after >= 0)
		fake_stream_cut(r->api);
	else if (!follow)
		fake_stream_end(r->api);
	w->cut_after = -1;
	w->half = false;
	strbuf_free(&out);
}

static void on_text(void *ctx, const char *text, size_t n, int64_t wall_us)
{
	struct world *w = ctx;

	assert_true(wall_us > 0);
	strbuf_add(&w->got, text, n);
}

static void on_end(void *ctx, const char *why)
{
	struct world *w = ctx;

	w->ended++;
	snprintf(w->why, sizeof w->why, "%s", why ? why : "");
}

static void on_forbidden(void *ctx, const char *why)
{
	struct world *w = ctx;

	assert_true(*why);
	w->forbidden++;
}

static void world_init(struct world *w, int printed, int cut_after)
{
	*w = (struct world){.printed = printed, .cut_after = cut_after};
	strbuf_init(&w->got, 8 << 20);
	w->api = fake_new(serve, w, "token: abc", NULL);
}

static void begin(struct world *w)
{
	w->log = pod_log_new(w->api->client,
		&(struct pod_log_config){.ns = "team-a", .pod = "trial-x", .container = "main", .on_text = on_text, .on_end = on_end, .ctx = w});
}

/* Nobody says when the pod has ended. */
static void begin_alone(struct world *w, bool once, int64_t tail)
{
	w->log = pod_log_new(w->api->client,
		&(struct pod_log_config){.ns = "team-a", .pod = "trial-x", .container = "main", .on_text = on_text, .on_end = on_end,
			.on_forbidden = on_forbidden, .ctx = w, .alone = true, .once = once, .has_tail = tail >= 0, .tail = tail});
}

static void world_free(struct world *w)
{
	pod_log_free(w->log);
	fake_free(w->api);
	strbuf_free(&w->got);
}

static void expect(const struct world *w, int lines)
{
	char text[1024] = "";

	for (int i = 0; i < lines; i++)
		snprintf(text + strlen(text), sizeof text - strlen(text), "line %d\n", i);
	assert_string_equal(w->got.data, text);
}

/* --- the log ------------------------------------------------------------------------------------------ */

static void lines_come_as_they_are_printed(void **state UNUSED)
{
	struct world w;

	world_init(&w, 3, -1);
	begin(&w);
	fake_until(w.api, w.got.len == 3 * 7);
	assert_int_equal(w.requests, 1);
	w.printed = LINES;
	pod_log_finish(w.log, false, patience_us);
	fake_until(w.api, w.ended);
	expect(&w, LINES);
	assert_int_equal(w.requests, 2);
	assert_string_equal(w.why, "");
	world_free(&w);
}

/* The stream breaks after each number of lines, at a line's end and within one. */
static void no_line_is_lost_or_told_twice(void **state UNUSED)
{
	for (int cut = 0; cut <= LINES; cut++) {
		for (int half = 0; half <= (cut > 0); half++) {
			struct world w;

			world_init(&w, LINES, cut);
			w.half = half;
			begin(&w);
			fake_until(w.api, w.requests == 2);
			fake_until(w.api, w.got.len == LINES * 7);
			pod_log_finish(w.log, false, patience_us);
			fake_until(w.api, w.ended);
			expect(&w, LINES);
			world_free(&w);
		}
	}
}

static void what_is_held_goes_on_where_it_was(void **state UNUSED)
{
	struct world w;

	world_init(&w, 4, -1);
	begin(&w);
	fake_until(w.api, w.got.len == 4 * 7);
	pod_log_hold(w.log, true);
	w.printed = LINES;
	fake_stream_write(w.api, "2026-11-22T10:00:01.900000000Z line 4\n");
	fake_turn(w.api, CLK_SECOND / 20);
	expect(&w, 4);
	pod_log_hold(w.log, false);
	fake_until(w.api, w.got.len == LINES * 7);
	expect(&w, LINES);
	world_free(&w);
}

static void a_program_that_has_not_begun_is_waited_for(void **state UNUSED)
{
	struct world w;

	world_init(&w, LINES, -1);
	w.status = 400;
	w.refusals = 2;
	begin(&w);
	fake_until(w.api, w.got.len == LINES * 7);
	assert_int_equal(w.requests, 3);
	world_free(&w);
}

static void a_pod_that_is_gone_ends_it_with_a_reason(void **state UNUSED)
{
	struct world w;

	world_init(&w, 2, -1);
	begin(&w);
	fake_until(w.api, w.got.len == 2 * 7);
	w.status = 404;
	w.refusals = 100;
	pod_log_finish(w.log, false, patience_us);
	fake_until(w.api, w.ended);
	assert_true(w.why[0]);
	expect(&w, 2);
	world_free(&w);
}

/* A node that does not answer: not for ever, and the end is told when it answers in time. */
static void an_end_that_cannot_be_read_is_given_up(void **state UNUSED)
{
	struct world w;
	int64_t begun;

	for (int in_time = 0; in_time < 2; in_time++) {
		world_init(&w, 2, -1);
		begin(&w);
		fake_until(w.api, w.got.len == 2 * 7);
		w.printed = 4;
		w.status = 500;
		w.refusals = in_time ? 2 : 1000;
		begun = clk_now_us();
		pod_log_finish(w.log, false, patience_us);
		fake_until(w.api, w.ended);
		expect(&w, in_time ? 4 : 2);
		assert_int_equal(w.why[0] == '\0', in_time);
		assert_true(in_time || clk_now_us() - begun >= patience_us);
		world_free(&w);
	}
}

static void a_stream_may_come_to_its_own_end(void **state UNUSED)
{
	struct world w;

	world_init(&w, 2, -1);
	begin(&w);
	fake_until(w.api, w.got.len == 2 * 7);
	pod_log_finish(w.log, true, patience_us);
	fake_stream_write(w.api, "2026-11-22T10:00:01.100000000Z line 2\n2026-11-22T10:00:01.200000000Z no newline");
	fake_stream_end(w.api);
	fake_until(w.api, w.ended);
	assert_string_equal(w.got.data, "line 0\nline 1\nline 2\nno newline");
	assert_int_equal(w.requests, 1);
	world_free(&w);
}

/* --- for a reader alone -------------------------------------------------------------------------------- */

static void what_is_there_is_read_once(void **state UNUSED)
{
	struct world w;

	world_init(&w, LINES, -1);
	begin_alone(&w, true, 3);
	fake_until(w.api, w.ended);
	expect(&w, LINES);
	assert_int_equal(w.requests, 1);
	assert_non_null(strstr(w.query, "tailLines=3"));
	assert_null(strstr(w.query, "follow"));
	world_free(&w);
}

/* The server may have been stopped: its word is taken only when it is said twice. */
static void an_end_is_believed_when_nothing_follows(void **state UNUSED)
{
	struct world w;

	world_init(&w, 4, -1);
	begin_alone(&w, false, -1);
	fake_until(w.api, w.got.len == 4 * 7);
	fake_stream_end(w.api);
	w.printed = LINES;
	fake_until(w.api, w.got.len == LINES * 7);
	assert_int_equal(w.ended, 0);
	fake_stream_end(w.api);
	fake_until(w.api, w.requests == 3);
	fake_turn(w.api, CLK_SECOND / 20);
	assert_int_equal(w.ended, 0);
	fake_stream_end(w.api);
	fake_until(w.api, w.ended);
	expect(&w, LINES);
	assert_string_equal(w.why, "");
	world_free(&w);
}

static void the_last_lines_do_not_come_again(void **state UNUSED)
{
	struct world w;

	world_init(&w, 5, -1);
	begin_alone(&w, false, 5);
	fake_until(w.api, w.got.len == 5 * 7);
	w.printed = LINES;
	fake_stream_cut(w.api);
	fake_until(w.api, w.got.len == LINES * 7);
	assert_null(strstr(w.query, "tailLines"));
	expect(&w, LINES);
	world_free(&w);
}

static void what_is_not_to_be_had_is_said_at_once(void **state UNUSED)
{
	static const struct { int status; bool once, waits; } cases[] = {
		{404, false, false}, {404, true, false}, {403, false, false}, {403, true, false}, {400, false, true}, {400, true, false}};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct world w;

		world_init(&w, 2, -1);
		w.status = cases[i].status;
		w.refusals = 1;
		begin_alone(&w, cases[i].once, -1);
		fake_until(w.api, cases[i].waits ? w.got.len == 2 * 7 : w.ended);
		assert_int_equal(w.requests, cases[i].waits ? 2 : 1);
		assert_true((w.why[0] != 0) == (cases[i].status != 400));
		world_free(&w);
	}
}

static void a_right_that_is_missing_is_told_once(void **state UNUSED)
{
	struct world w;

	world_init(&w, 2, -1);
	w.status = 403;
	w.refusals = 3;
	w.log = pod_log_new(w.api->client, &(struct pod_log_config){.ns = "team-a", .pod = "trial-x", .container = "main",
		.on_text = on_text, .on_end = on_end, .on_forbidden = on_forbidden, .ctx = &w});
	fake_until(w.api, w.got.len == 2 * 7);
	assert_int_equal(w.forbidden, 1);
	world_free(&w);
}

/* --- points -------------------------------------------------------------------------------------------- */

static void points_are_told_until_they_are_acknowledged(void **state UNUSED)
{
	enum { N = 20000 };
	struct point_queue q;
	struct point_batch *b;
	int64_t next = 0;
	uint64_t last = 0;

	point_queue_init(&q);
	for (int i = 0; i < N; i++)
		point_queue_add(&q, RUN_FROM_OUTPUT, &(struct run_point){.metric = "loss", .step = i, .value = i / 3.0, .time_us = 1});
	while (!point_queue_empty(&q)) {
		size_t told = 0;
		while ((b = point_queue_tell(&q))) {
			assert_true(b->n > 0 && b->n <= RUN_POINTS_BATCH && b->cursor > last);
			for (size_t i = 0; i < b->n; i++, next++) {
				assert_int_equal(b->points[i].step, next);
				assert_true(b->points[i].value == (double)next / 3.0);
			}
			told += b->n;
			last = b->cursor;
			point_batch_free(b);
		}
		assert_true(told > 0); /* and then the window is closed */
		point_queue_ack(&q, last);
	}
	assert_int_equal(next, N);
	point_queue_free(&q);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_come_as_they_are_printed),
		cmocka_unit_test(no_line_is_lost_or_told_twice),
		cmocka_unit_test(what_is_held_goes_on_where_it_was),
		cmocka_unit_test(a_program_that_has_not_begun_is_waited_for),
		cmocka_unit_test(a_pod_that_is_gone_ends_it_with_a_reason),
		cmocka_unit_test(an_end_that_cannot_be_read_is_given_up),
		cmocka_unit_test(a_stream_may_come_to_its_own_end),
		cmocka_unit_test(what_is_there_is_read_once),
		cmocka_unit_test(an_end_is_believed_when_nothing_follows),
		cmocka_unit_test(the_last_lines_do_not_come_again),
		cmocka_unit_test(what_is_not_to_be_had_is_said_at_once),
		cmocka_unit_test(a_right_that_is_missing_is_told_once),
		cmocka_unit_test(points_are_told_until_they_are_acknowledged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
