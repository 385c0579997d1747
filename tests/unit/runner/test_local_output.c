/* What comes out of a running program: its environment, its output, and the metrics in it. */
#include "tests/unit/runner/harness.h"

#include <math.h>

/* --- environment --------------------------------------------------------------------------------- */

static void the_environment_is_clean_and_complete(void **state UNUSED)
{
	static const char *const env[] = {"TRIMTAB_TOKEN=tt_7_1_abc", "GREETING=hello = world", "HOME=/elsewhere", NULL};
	static const char *const argv[] = {"env", NULL};
	struct harness *h;
	struct run_order o = hs_order(1, argv);
	char *out;

	setenv("TRIMTAB_DATABASE_URL", "postgres://secret", 1);
	setenv("TRIMTAB_TOKEN", "server-secret", 1);
	setenv("PGPASSWORD", "secret", 1);
	setenv("AWS_SECRET_ACCESS_KEY", "secret", 1);
	setenv("VIRTUAL_ENV", "/venv", 1);
	h = hs_new(NULL);
	o.env = env;
	hs_start(h, &o);
	hs_finish(h, 1);
	out = hs_file(h, 1, "output");
	assert_null(strstr(out, "secret"));
	hs_assert_contains(out, "TRIMTAB_TOKEN=tt_7_1_abc\n");
	hs_assert_contains(out, "GREETING=hello = world\n");
	hs_assert_contains(out, "HOME=/elsewhere\n");
	hs_assert_contains(out, "VIRTUAL_ENV=/venv\n");
	hs_assert_contains(out, "PATH=");
	hs_assert_contains(out, "TRIMTAB_STOP_FILE=/");
	hs_assert_contains(out, "TRIMTAB_SPOOL=");
	hs_assert_contains(out, "1-checkpoint\n");
	assert_null(strstr(out, "CUDA_VISIBLE_DEVICES"));
	free(out);
	hs_free(h);
}

static void the_program_sees_two_pipes_and_nothing_else(void **state UNUSED)
{
	struct harness *h = hs_new(NULL);
	char *out;

	hs_run_script(h, 1, "test -z \"$(cat)\" && test -d $TRIMTAB_CHECKPOINT_DIR && basename $PWD && ls /proc/$$/fd");
	out = hs_file(h, 1, "output");
	assert_string_equal(out, "work\n0\n1\n2\n");
	free(out);
	hs_free(h);
}

/* A trial of population-based training loads what the one before it has saved. */
static void a_trial_continues_from_anothers_checkpoint(void **state UNUSED)
{
	static const char *const argv[] = {"sh", "-c", "cat $TRIMTAB_PARENT_CHECKPOINT_DIR/model", NULL};
	struct harness *h = hs_new(NULL);
	struct run_order o = hs_order(2, argv);
	char *out;

	hs_run_script(h, 1, "test -z \"$TRIMTAB_PARENT_CHECKPOINT_DIR\" && echo weights > $TRIMTAB_CHECKPOINT_DIR/model");
	o.parent = 1;
	hs_start(h, &o);
	hs_finish(h, 2);
	out = hs_file(h, 2, "output");
	assert_string_equal(out, "weights\n");
	free(out);
	hs_free(h);
}

/* The next rung of a configuration has its folder, also after an attempt that failed. */
static void a_promoted_trial_goes_on_in_the_same_folder(void **state UNUSED)
{
	static const char *const argv[] = {"sh", "-c",
		"test -z \"$TRIMTAB_PARENT_CHECKPOINT_DIR\" && cd $TRIMTAB_CHECKPOINT_DIR && basename $PWD && cat steps; echo 9 >> steps", NULL};
	struct harness *h = hs_new(NULL);
	struct run_order o = hs_order(4, argv);
	char *out;

	hs_run_script(h, 2, "echo 3 > $TRIMTAB_CHECKPOINT_DIR/steps");
	o.line = 2;
	hs_start(h, &o);
	hs_finish(h, 4);
	o = hs_order(7, argv);
	o.line = 2;
	hs_start(h, &o);
	hs_finish(h, 7);
	out = hs_file(h, 7, "output");
	assert_string_equal(out, "2-checkpoint\n3\n9\n");
	free(out);
	out = xasprintf("%s/" HS_UID "/4-checkpoint", h->state);
	assert_int_equal(access(out, F_OK), -1);
	free(out);
	run_purge(h->b, HS_UID);
	out = xasprintf("%s/" HS_UID, h->state);
	assert_int_equal(access(out, F_OK), -1);
	free(out);
	hs_free(h);
}

/* --- metrics from the output ---------------------------------------------------------------------- */

static const struct hs_point *point(const struct harness *h, size_t i, const char *metric, int64_t step, double value)
{
	const struct hs_point *p = &h->points[i];

	assert_true(i < h->n_points);
	if (strcmp(p->metric, metric) != 0 || p->step != step || !(p->value == value || (isnan(value) && isnan(p->value))))
		fail_msg("point %zu is %s step %" PRId64 " = %g, not %s step %" PRId64 " = %g", i, p->metric, p->step,
			p->value, metric, step, value);
	return p;
}

static void lines_become_points(void **state UNUSED)
{
	struct harness *h = hs_new(NULL);
	int64_t before = clk_wall_us();

	hs_run_script(h, 1, "echo loss=0.5; echo loss=0.25 acc=0.9; echo acc=nan step=7 >&2; printf 'loss=0.125'");
	assert_int_equal(h->n_points, 5);
	point(h, 0, "loss", 0, 0.5);
	point(h, 1, "loss", 1, 0.25);
	point(h, 2, "acc", 0, 0.9);
	point(h, 3, "acc", 7, NAN);
	assert_true(point(h, 4, "loss", 2, 0.125)->time_us >= before);
	assert_int_equal(h->points[0].source, RUN_FROM_OUTPUT);
	hs_free(h);
}

static void a_fallback_is_called_one(void **state UNUSED)
{
	static const char *const argv[] = {"echo", "loss=1", NULL};
	struct harness *h = hs_new(NULL);
	struct run_order o = hs_order(1, argv);

	o.metrics.fallback = true;
	hs_start(h, &o);
	hs_finish(h, 1);
	assert_int_equal(h->n_points, 1);
	assert_int_equal(h->points[0].source, RUN_FROM_FALLBACK);
	hs_free(h);
}

static void no_collector_no_points(void **state UNUSED)
{
	static const char *const argv[] = {"echo", "loss=1", NULL};
	struct harness *h = hs_new(NULL);
	struct run_order o = hs_order(1, argv);

	o.metrics.collector = RUN_COLLECT_NONE;
	hs_start(h, &o);
	assert_string_equal(hs_finish(h, 1)->last_lines, "loss=1\n");
	assert_int_equal(h->n_points, 0);
	hs_free(h);
}

static void points_come_while_the_program_runs(void **state UNUSED)
{
	struct harness *h = hs_new(NULL);
	struct run_key key = hs_key(1);

	hs_start_script(h, 1, "mkfifo f; echo loss=1; read x < f");
	hs_wait(h, 1, RUN_POINTS);
	assert_null(hs_find(h, 1, RUN_ENDED));
	run_stop(h->b, &key, &(struct run_stop){.reason = "Done"});
	hs_finish(h, 1);
	hs_free(h);
}

static bool has_points(struct harness *h, void *arg)
{
	return h->n_points >= *(size_t *)arg;
}

static bool is_over(struct harness *h, void *arg UNUSED)
{
	char *text = hs_file(h, 1, "journal");
	bool there = strstr(text, "\"ended\"") != NULL;

	free(text);
	return there;
}

static void the_end_waits_for_the_acknowledgement(void **state UNUSED)
{
	struct harness *h = hs_new(NULL);
	struct run_key key = hs_key(1);
	size_t n_first, some = 3000, all = 10000;

	h->hold_acks = true;
	hs_start_script(h, 1, "i=0; while test $i -lt 10000; do echo loss=$i; i=$((i+1)); done");
	/* The window fills, then the rest waits in the file, also when the program is over. */
	hs_until(h, has_points, &some, "some points");
	hs_until(h, is_over, NULL, "the end of the program");
	for (int i = 0; i < 200; i++)
		loop_pass(h->loop, false);
	n_first = h->n_points;
	if (n_first < some || n_first > 8000)
		fail_msg("%zu points under way", n_first);
	assert_null(hs_find(h, 1, RUN_ENDED));
	h->hold_acks = false;
	run_ack(h->b, &key, h->events[h->n_events - 1].cursor);
	hs_until(h, has_points, &all, "every point");
	hs_finish(h, 1);
	assert_int_equal(h->n_points, 10000);
	for (size_t i = 0; i < all; i++)
		point(h, i, "loss", (int64_t)i, (double)i);
	for (size_t i = 0; i < h->n_events; i++)
		assert_true(h->events[i].n_points <= RUN_POINTS_BATCH);
	hs_free(h);
}

/* --- metrics from files and the spool --------------------------------------------------------------- */

static void a_metrics_file_is_followed(void **state UNUSED)
{
	static const char script[] =
		"mkfifo go1 go2; mkdir logs; printf 'loss=3\\nlo' > logs/m.txt; read x < go1; printf 'ss=2\\n' >> logs/m.txt;"
		"read x < go2; echo loss=1 > logs/new; mv logs/new logs/m.txt; echo loss=99";
	const char *const argv[] = {"sh", "-c", script, NULL};
	struct harness *h = hs_new(NULL);
	struct run_order o = hs_order(1, argv);
	size_t wanted;

	o.metrics = (struct run_metrics){.collector = RUN_COLLECT_FILE, .path = "logs/m.txt"};
	hs_start(h, &o);
	for (wanted = 1; wanted <= 2; wanted++) {
		hs_until(h, has_points, &wanted, "a point from the file");
		hs_let_go(h, 1, wanted == 1 ? "work/go1" : "work/go2");
	}
	hs_finish(h, 1);
	assert_int_equal(h->n_points, 3);
	point(h, 0, "loss", 0, 3);
	point(h, 1, "loss", 1, 2);
	point(h, 2, "loss", 2, 1);
	hs_free(h);
}

static void a_metrics_file_is_read_at_the_end_too(void **state UNUSED)
{
	const char *const argv[] = {"sh", "-c", "mkdir -p a/b && echo loss=4 > a/b/m", NULL};
	struct harness *h = hs_new(NULL);
	struct run_order o = hs_order(1, argv);

	o.metrics = (struct run_metrics){.collector = RUN_COLLECT_FILE, .path = "a/b/m"};
	hs_start(h, &o);
	hs_finish(h, 1);
	assert_int_equal(h->n_points, 1);
	point(h, 0, "loss", 0, 4);
	hs_free(h);
}

static void a_metrics_file_that_never_comes_is_no_harm(void **state UNUSED)
{
	const char *const argv[] = {"true", NULL};
	struct harness *h = hs_new(NULL);
	struct run_order o = hs_order(1, argv);

	o.metrics = (struct run_metrics){.collector = RUN_COLLECT_FILE, .path = "/no/such/file"};
	hs_start(h, &o);
	assert_int_equal(hs_finish(h, 1)->exit_code, 0);
	assert_int_equal(h->n_points, 0);
	hs_free(h);
}

static void the_spool_is_delivered_at_the_end(void **state UNUSED)
{
	static const char script[] =
		"echo '{\"metric\": \"loss\", \"step\": 41, \"time\": 1795341603.5, \"value\": 0.5}' > $TRIMTAB_SPOOL;"
		"echo 'rubbish' >> $TRIMTAB_SPOOL;"
		"echo '{\"metric\": \"loss\", \"step\": 42, \"value\": \"NaN\"}' >> $TRIMTAB_SPOOL; echo acc=1";
	struct harness *h = hs_new(NULL);

	hs_run_script(h, 1, script);
	assert_int_equal(h->n_points, 3);
	assert_int_equal(point(h, 1, "loss", 41, 0.5)->time_us, INT64_C(1795341603500000));
	assert_int_equal(h->points[1].source, RUN_FROM_SPOOL);
	point(h, 2, "loss", 42, NAN);
	assert_int_equal(h->points[0].source, RUN_FROM_OUTPUT);
	hs_free(h);
}

/* --- much output -------------------------------------------------------------------------------------- */

static void ten_megabytes_without_a_newline(void **state UNUSED)
{
	struct harness *h = hs_new(NULL);
	const struct hs_event *e = hs_run_script(h, 1, "echo loss=2; head -c 10485760 /dev/zero | tr '\\0' x; echo; echo loss=1");
	char *path = hs_path(h, 1, "output");
	struct stat st;

	assert_int_equal(e->exit_code, 0);
	assert_int_equal(h->n_points, 2);
	point(h, 1, "loss", 1, 1);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_size, 7 + 10485760 + 1 + 7);
	free(path);
	hs_free(h);
}

static void a_full_log_keeps_both_ends_and_every_metric(void **state UNUSED)
{
	struct local_options options = {.log_max = 256 * 1024};
	struct harness *h = hs_new(&options);
	const struct hs_event *e =
		hs_run_script(h, 1, "echo first; seq 1 100000 | sed 's/^77777$/loss=77777/'; echo loss=0; echo last");
	char *out = hs_file(h, 1, "output");

	assert_true(strncmp(out, "first\n1\n2\n", 10) == 0);
	assert_true(strlen(out) <= 256 * 1024 && strlen(out) > 250 * 1024);
	hs_assert_contains(out, "[trimtab: the log is full");
	hs_assert_contains(out, "bytes left out]\n");
	assert_string_equal(out + strlen(out) - 12, "loss=0\nlast\n");
	assert_string_equal(e->last_lines + strlen(e->last_lines) - 5, "last\n");
	assert_int_equal(h->n_points, 2);
	point(h, 0, "loss", 0, 77777);          /* on a line that the log left out */
	point(h, 1, "loss", 1, 0);
	free(out);
	hs_free(h);
}

static void what_is_not_text_does_no_harm(void **state UNUSED)
{
	struct harness *h = hs_new(NULL);
	const struct hs_event *e =
		hs_run_script(h, 1, "printf 'loss=1\\0\\377\\376 \\n\\303\\050 loss=2\\r50%%\\rloss=3\\r\\n'; exit 1");

	assert_int_equal(e->exit_code, 1);
	assert_true(h->points[h->n_points - 1].value == 3);
	assert_non_null(e->last_lines);
	hs_assert_contains(e->message, "loss=3");
	hs_free(h);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(the_environment_is_clean_and_complete),
	cmocka_unit_test(the_program_sees_two_pipes_and_nothing_else),
	cmocka_unit_test(a_trial_continues_from_anothers_checkpoint),
	cmocka_unit_test(a_promoted_trial_goes_on_in_the_same_folder),
	cmocka_unit_test(lines_become_points),
	cmocka_unit_test(a_fallback_is_called_one),
	cmocka_unit_test(no_collector_no_points),
	cmocka_unit_test(points_come_while_the_program_runs),
	cmocka_unit_test(the_end_waits_for_the_acknowledgement),
	cmocka_unit_test(a_metrics_file_is_followed),
	cmocka_unit_test(a_metrics_file_is_read_at_the_end_too),
	cmocka_unit_test(a_metrics_file_that_never_comes_is_no_harm),
	cmocka_unit_test(the_spool_is_delivered_at_the_end),
	cmocka_unit_test(ten_megabytes_without_a_newline),
	cmocka_unit_test(a_full_log_keeps_both_ends_and_every_metric),
	cmocka_unit_test(what_is_not_text_does_no_harm),
};

HS_MAIN(tests)
