/* Experiments and trials as JSON and CSV, documents compared and cut. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/attr.h"
#include "lib/clk.h"
#include "lib/json.h"
#include "lib/json_write.h"
#include "lib/strbuf.h"
#include "server/api/json_experiment.h"
#include "server/api/json_pick.h"
#include "server/api/json_trial.h"
#include "server/store/store_experiment.h"
#include "server/store/store_trial.h"

/* ---- a place to write ------------------------------------------------------------------------------ */

struct page {
	struct arena *arena;
	struct strbuf text;
	struct json_writer w;
};

static struct page page_new(void)
{
	struct page p = {.arena = arena_new()};

	strbuf_init(&p.text, 1 << 20);
	return p;
}

static const cJSON *page_tree(struct page *p)
{
	struct err e;
	const cJSON *tree = json_parse(p->text.data, p->text.len, 0, p->arena, &e);

	if (!tree)
		fail_msg("not JSON: %s\n%s", e.detail, p->text.data);
	return tree;
}

static void page_free(struct page *p)
{
	strbuf_free(&p->text);
	arena_free(p->arena);
}

/* The text of the member that a pointer names, "" if there is none. */
static const char *member(struct page *p, const cJSON *tree, const char *pointer)
{
	struct strbuf text;
	struct json_writer w;
	const cJSON *v = json_at(tree, pointer);

	if (!v)
		return "";
	strbuf_init(&text, 1 << 16);
	jw_init(&w, &text);
	jw_value(&w, NULL, v);
	const char *copy = arena_strdup(p->arena, text.data);
	strbuf_free(&text);
	return copy;
}

struct expected { const char *pointer, *text; };

static void expect_all(struct page *p, const cJSON *tree, const struct expected *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const char *text = member(p, tree, rows[i].pointer);
		if (strcmp(text, rows[i].text) != 0)
			fail_msg("%s is %s, expected %s", rows[i].pointer, text, rows[i].text);
	}
}

/* ---- trials ---------------------------------------------------------------------------------------- */

static const double two_values[] = {0.031, INFINITY};
static const bool second_null[] = {false, true};

static struct store_trial a_trial(void)
{
	return (struct store_trial){.experiment = 7, .number = 17, .attempt = 1, .name = "cnn-lr-7hq2x9pd",
		.state = TRIAL_SUCCEEDED, .reason = "Completed", .message = "", .exit_code = 0,
		.params = "{\"lr\": 0.0021, \"layers\": 3, \"optimizer\": \"adam\"}", .vals = {two_values, NULL, 2},
		.extra = "{\"grad\": \"NaN\"}", .cost = 0.031, .source = STORE_FROM_ALGORITHM, .executor = "local",
		.object = "{\"pid\": 12}", .change = 40, .created_us = 1000000, .started_us = 2000000,
		.finished_us = 3000000, .rank = 1, .last_step = 27};
}

static struct trial_place a_place(struct arena *a)
{
	const struct store_trials rows = {.metrics = "[\"val_loss\", \"latency_ms\"]",
		.parameters = "[\"lr\", \"layers\", \"optimizer\"]"};

	return trial_place(a, "default", "cnn-lr", &rows);
}

static void test_trial(void **state UNUSED)
{
	static const struct expected rows[] = {
		{"/name", "\"cnn-lr-7hq2x9pd\""}, {"/number", "17"}, {"/state", "\"succeeded\""},
		{"/parameters/lr", "0.0021"}, {"/parameters/optimizer", "\"adam\""},
		{"/values/val_loss", "0.031"}, {"/values/latency_ms", "\"Infinity\""}, {"/values/grad", "\"NaN\""},
		{"/rank", "1"}, {"/lastStep", "27"}, {"/budget", ""}, {"/workerId", "null"}, {"/executor", "\"local\""},
		{"/object/pid", "12"}, {"/exitCode", "0"}, {"/version", "40"}, {"/stopRequested", ""},
		{"/finishedAt", "\"1970-01-01T00:00:03.000000Z\""},
		{"/links/metrics", "\"/api/v1/namespaces/default/experiments/cnn-lr/trials/17/metrics\""},
		{"/links/tell", ""},
	};
	struct page p = page_new();
	const struct store_trial t = a_trial();
	const struct trial_place place = a_place(p.arena);

	jw_init(&p.w, &p.text);
	trial_json(&p.w, NULL, p.arena, &t, &place);
	expect_all(&p, page_tree(&p), rows, ARRAY_LEN(rows));
	page_free(&p);
}

static void test_trial_of_worker(void **state UNUSED)
{
	static const struct expected rows[] = {
		{"/state", "\"running\""}, {"/values", ""}, {"/rank", ""}, {"/lastStep", ""}, {"/exitCode", ""},
		{"/workerId", "\"node7\""}, {"/leaseExpiresAt", "\"1970-01-01T00:00:09.000000Z\""},
		{"/stopRequested", "\"MedianStop\""}, {"/finishedAt", "null"}, {"/links/logs", ""},
		{"/links/tell", "\"/api/v1/namespaces/default/experiments/cnn-lr/trials/17:tell\""},
	};
	struct page p = page_new();
	struct store_trial t = a_trial();
	const struct trial_place place = a_place(p.arena);

	t.state = TRIAL_RUNNING;
	t.vals = (struct store_doubles){0};
	t.extra = NULL;
	t.rank = 0;
	t.last_step = -1;
	t.exit_code = STORE_NO_INT;
	t.worker = "node7";
	t.lease_until_us = 9000000;
	t.stop = "MedianStop";
	t.finished_us = 0;
	jw_init(&p.w, &p.text);
	trial_json(&p.w, NULL, p.arena, &t, &place);
	expect_all(&p, page_tree(&p), rows, ARRAY_LEN(rows));
	page_free(&p);
}

static void test_trial_csv(void **state UNUSED)
{
	static const char expected[] =
		"number,name,attempt,state,reason,rank,lr,layers,optimizer,val_loss,latency_ms,createdAt,startedAt,finishedAt\r\n"
		"17,cnn-lr-7hq2x9pd,1,succeeded,\"Well, \"\"done\"\"\",1,0.0021,3,adam,0.031,,"
		"1970-01-01T00:00:01.000000Z,1970-01-01T00:00:02.000000Z,1970-01-01T00:00:03.000000Z\r\n";
	struct page p = page_new();
	struct store_trial t = a_trial();
	const struct trial_place place = a_place(p.arena);

	t.reason = "Well, \"done\"";
	t.vals.null = second_null;
	trial_csv_head(&p.text, &place);
	trial_csv_row(&p.text, p.arena, &t, &place);
	assert_string_equal(p.text.data, expected);
	page_free(&p);
}

/* ---- experiments ----------------------------------------------------------------------------------- */

static struct store_experiment an_experiment(void)
{
	return (struct store_experiment){.id = 7, .uid = "8c0f", .ns = "default", .name = "cnn-lr",
		.labels = "{\"owner\": \"ana\"}", .annotations = "{}",
		.spec = "{\"objectives\": [{\"metric\": \"val_loss\", \"direction\": \"minimize\", \"strategy\": \"min\"},"
				"{\"metric\": \"latency_ms\", \"direction\": \"minimize\", \"strategy\": \"latest\"}],"
				"\"budget\": {\"maxTrials\": 60}}",
		.state = EXPERIMENT_RUNNING, .reason = "Running", .message = "", .created_by = "ana",
		.created_us = 1000000, .started_us = 2000000, .version = 7, .change = 40,
		.counts = {[TRIAL_RUNNING] = 4, [TRIAL_SUCCEEDED] = 19, [TRIAL_FAILED] = 1},
		.best_number = 17, .best_name = "cnn-lr-7hq2x9pd", .best_params = "{\"lr\": 0.0021, \"optimizer\": \"adam\"}",
		.best_vals = {two_values, NULL, 2}, .best_finished_us = 3000000};
}

static void test_experiment(void **state UNUSED)
{
	static const struct expected rows[] = {
		{"/apiVersion", "\"trimtab/v1\""}, {"/metadata/resourceVersion", "\"7\""}, {"/metadata/uid", "\"8c0f\""},
		{"/metadata/labels/owner", "\"ana\""}, {"/metadata/annotations", ""}, {"/spec/budget/maxTrials", "60"},
		{"/status/state", "\"running\""}, {"/status/trials", "24"}, {"/status/trialsRunning", "4"},
		{"/status/trialsSucceeded", "19"}, {"/status/trialMetricsUnavailable", "0"},
		{"/status/progress/finished", "20"}, {"/status/progress/total", "60"}, {"/status/progress/etaSeconds", "80"},
		{"/status/currentOptimalTrial/bestTrialName", "\"cnn-lr-7hq2x9pd\""},
		{"/status/currentOptimalTrial/values/latency_ms", "\"Infinity\""},
		{"/status/currentOptimalTrial/parameterAssignments/0/value", "\"0.0021\""},
		{"/status/currentOptimalTrial/observation/metrics/0/min", "\"0.031\""},
		{"/status/currentOptimalTrial/observation/metrics/1/latest", "\"Infinity\""},
		{"/status/conditions/0/type", "\"Created\""}, {"/status/conditions/1/type", "\"Running\""},
		{"/status/conditions/1/status", "\"True\""}, {"/status/conditions/2", ""},
	};
	struct page p = page_new();
	const struct store_experiment x = an_experiment();

	clk_set_virtual(0, 42000000);   /* 40 s after the start, 20 of 60 are done */
	jw_init(&p.w, &p.text);
	experiment_json(&p.w, NULL, p.arena, &x);
	clk_set_real();
	expect_all(&p, page_tree(&p), rows, ARRAY_LEN(rows));
	page_free(&p);
}

/* Clients read the last condition: it is the present one, in every state. */
static void test_last_condition(void **state UNUSED)
{
	static const char *const last[EXPERIMENT_STATES] = {
		[EXPERIMENT_RUNNING] = "\"Running\"", [EXPERIMENT_PAUSED] = "\"Paused\"",
		[EXPERIMENT_STOPPING] = "\"Running\"", [EXPERIMENT_SUCCEEDED] = "\"Succeeded\"",
		[EXPERIMENT_FAILED] = "\"Failed\"", [EXPERIMENT_STOPPED] = "\"Stopped\""};

	for (int s = 0; s < EXPERIMENT_STATES; s++) {
		struct page p = page_new();
		struct store_experiment x = an_experiment();
		char pointer[64];
		int n = 0;

		x.state = (enum experiment_state)s;
		jw_init(&p.w, &p.text);
		experiment_json(&p.w, NULL, p.arena, &x);
		const cJSON *tree = page_tree(&p);
		json_each (item, json_at(tree, "/status/conditions"))
			n++;
		snprintf(pointer, sizeof pointer, "/status/conditions/%d/type", n - 1);
		assert_string_equal(member(&p, tree, pointer), last[s]);
		snprintf(pointer, sizeof pointer, "/status/conditions/%d/status", n - 1);
		assert_string_equal(member(&p, tree, pointer), "\"True\"");
		page_free(&p);
	}
}

/* Nothing of the row but what is never null: no best trial, no start, unlimited. */
static void test_bare_experiment(void **state UNUSED)
{
	static const struct expected rows[] = {
		{"/status/currentOptimalTrial", ""}, {"/status/progress/total", "null"},
		{"/status/progress/etaSeconds", "null"}, {"/status/startTime", "null"}, {"/spec", "null"},
	};
	struct page p = page_new();
	const struct store_experiment x = {.ns = "a", .name = "b", .uid = "c", .reason = "Created", .message = ""};

	jw_init(&p.w, &p.text);
	experiment_json(&p.w, NULL, p.arena, &x);
	expect_all(&p, page_tree(&p), rows, ARRAY_LEN(rows));
	page_free(&p);
}

/* ---- trees ----------------------------------------------------------------------------------------- */

static const cJSON *tree_of(struct page *p, const char *text)
{
	struct err e;
	const cJSON *tree = json_parse(text, strlen(text), 0, p->arena, &e);

	assert_non_null(tree);
	return tree;
}

static void test_diff(void **state UNUSED)
{
	static const struct { const char *stored, *posted, *diff; } rows[] = {
		{"{\"a\":1}", "{\"a\":1}", "[]"},
		{"{\"a\":1}", "{\"a\":2}", "[{\"pointer\":\"/spec/a\",\"stored\":1,\"posted\":2}]"},
		{"{\"a\":1}", "{}", "[{\"pointer\":\"/spec/a\",\"stored\":1}]"},
		{"{}", "{\"a\":{\"b\":1}}", "[{\"pointer\":\"/spec/a\",\"posted\":{\"b\":1}}]"},
		{"{\"x\":{\"a/b\":[1,2]}}", "{\"x\":{\"a/b\":[1,3]}}",
			"[{\"pointer\":\"/spec/x/a~1b\",\"stored\":[1,2],\"posted\":[1,3]}]"},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct page p = page_new();

		jw_init(&p.w, &p.text);
		json_diff(&p.w, NULL, "/spec", tree_of(&p, rows[i].stored), tree_of(&p, rows[i].posted), p.arena);
		assert_string_equal(p.text.data, rows[i].diff);
		page_free(&p);
	}
}

static void test_pick(void **state UNUSED)
{
	static const char doc[] = "{\"metadata\":{\"name\":\"x\",\"uid\":\"u\"},\"status\":{\"state\":\"running\","
							  "\"conditions\":[{\"type\":\"A\",\"at\":1},{\"type\":\"B\",\"at\":2}]}}";
	static const struct { const char *paths[3]; const char *out; } rows[] = {
		{{"metadata.name"}, "{\"metadata\":{\"name\":\"x\"}}"},
		{{"metadata", "status.state"}, "{\"metadata\":{\"name\":\"x\",\"uid\":\"u\"},\"status\":{\"state\":\"running\"}}"},
		{{"status.conditions.type"}, "{\"status\":{\"conditions\":[{\"type\":\"A\"},{\"type\":\"B\"}]}}"},
		{{"meta", "nothing.here"}, "{}"},
		{{"metadata.name", "metadata.uid"}, "{\"metadata\":{\"name\":\"x\",\"uid\":\"u\"}}"},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct page p = page_new();
		size_t n = 0;

		while (rows[i].paths[n])
			n++;
		jw_init(&p.w, &p.text);
		json_pick(&p.w, NULL, tree_of(&p, doc), rows[i].paths, n);
		assert_string_equal(p.text.data, rows[i].out);
		page_free(&p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_trial),
		cmocka_unit_test(test_trial_of_worker),
		cmocka_unit_test(test_trial_csv),
		cmocka_unit_test(test_experiment),
		cmocka_unit_test(test_last_condition),
		cmocka_unit_test(test_bare_experiment),
		cmocka_unit_test(test_diff),
		cmocka_unit_test(test_pick),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
