/* Real programs under the local backend: how they start, fail, end, and are stopped. */
#include "tests/unit/runner/harness.h"

#include <dirent.h>
#include <math.h>

/* --- starting -------------------------------------------------------------------------------- */

static void a_program_starts_and_ends(void **state UNUSED)
{
	struct harness *h = hs_new(NULL);
	const struct hs_event *e = hs_run_script(h, 1, "echo hello; exit 0");

	assert_int_equal(e->kind, RUN_ENDED);
	assert_int_equal(e->exit_code, 0);
	assert_int_equal(e->signal, 0);
	assert_string_equal(e->reason, "Completed");
	assert_string_equal(e->last_lines, "hello\n");
	assert_int_equal(h->events[0].kind, RUN_STARTED);
	hs_assert_contains(h->events[0].object, "\"supervisor\":");
	assert_true(e->time_us >= h->events[0].time_us);
	hs_free(h);
}

static const struct {
	const char *name, *argv0, *cwd, *message;
} bad_starts[] = {
	{"not in PATH", "no-such-program", NULL, "the command 'no-such-program' was not found in PATH"},
	{"no such file", "./train.py", NULL, "the command './train.py' does not exist"},
	{"not executable", "/etc/passwd", NULL, "'/etc/passwd' may not be executed"},
	{"a folder", "/tmp", NULL, "'/tmp' may not be executed"},
	{"no working directory", "true", "/no/such/folder", "the working directory '/no/such/folder' cannot be entered"},
};

static void what_cannot_start_says_why(void **state UNUSED)
{
	struct harness *h = hs_new(NULL);

	for (size_t i = 0; i < ARRAY_LEN(bad_starts); i++) {
		const char *const argv[] = {bad_starts[i].argv0, "--lr=0.1", NULL};
		struct run_order o = hs_order((int32_t)i + 1, argv);
		const struct hs_event *e;

		o.cwd = bad_starts[i].cwd;
		hs_start(h, &o);
		e = hs_finish(h, (int32_t)i + 1);
		if (e->kind != RUN_REJECTED)
			fail_msg("%s: event %d", bad_starts[i].name, (int)e->kind);
		assert_string_equal(e->reason, "StartError");
		hs_assert_contains(e->message, bad_starts[i].message);
		assert_null(hs_find(h, (int32_t)i + 1, RUN_STARTED));
	}
	hs_free(h);
}

static void a_missing_interpreter_is_named(void **state UNUSED)
{
	struct harness *h = hs_new(NULL);
	char *script = xasprintf("%s/script", h->state);
	const char *const argv[] = {script, NULL};
	struct run_order o = hs_order(1, argv);
	int fd = open(script, O_WRONLY | O_CREAT, 0700);

	assert_int_equal(write(fd, "#!/no/such/python\n", 18), 18);
	close(fd);
	hs_start(h, &o);
	hs_assert_contains(hs_finish(h, 1)->message, "the interpreter in its first line does not exist");
	free(script);
	hs_free(h);
}

static void starting_twice_runs_once(void **state UNUSED)
{
	struct harness *h = hs_new(NULL);

	hs_start_script(h, 1, "echo once");
	hs_start_script(h, 1, "echo twice");
	assert_string_equal(hs_finish(h, 1)->last_lines, "once\n");
	hs_forget_events(h);
	/* Also when the first run is over and forgotten: its end is told again. */
	assert_string_equal(hs_run_script(h, 1, "echo twice")->last_lines, "once\n");
	hs_free(h);
}

/* --- how programs end ------------------------------------------------------------------------ */

static const struct {
	const char *script;
	int exit_code, signal;
	const char *reason, *message;
} endings[] = {
	{"exit 3", 3, 0, "Error", "ended with exit code 3"},
	{"echo 'ValueError: lr'; exit 1", 1, 0, "Error", "ended with exit code 1; the last line it printed: ValueError: lr"},
	{"echo oops >&2; exit 2", 2, 0, "Error", "oops"},
	{"kill -SEGV $$", -1, SIGSEGV, "Killed", "was killed by signal 11 (Segmentation fault)"},
	{"kill -KILL $$", -1, SIGKILL, "Killed", "was killed by signal 9 (Killed)"},
	{":", 0, 0, "Completed", "ended with exit code 0"},
};

static void every_ending_is_told_apart(void **state UNUSED)
{
	struct harness *h = hs_new(NULL);

	for (size_t i = 0; i < ARRAY_LEN(endings); i++) {
		const struct hs_event *e = hs_run_script(h, (int32_t)i + 1, endings[i].script);

		assert_int_equal(e->kind, RUN_ENDED);
		assert_int_equal(e->exit_code, endings[i].exit_code);
		assert_int_equal(e->signal, endings[i].signal);
		assert_string_equal(e->reason, endings[i].reason);
		hs_assert_contains(e->message, endings[i].message);
		assert_false(e->stopped || e->timed_out || e->oom);
	}
	hs_free(h);
}

static void a_timeout_ends_a_program_that_ignores_sigterm(void **state UNUSED)
{
	static const char *const argv[] = {"sh", "-c", "trap '' TERM; mkfifo f; read x < f; read x < f", NULL};
	struct harness *h = hs_new(NULL);
	struct run_order o = hs_order(1, argv);
	const struct hs_event *e;

	o.timeout_us = CLK_SECOND / 5;
	o.grace_us = CLK_SECOND / 5;
	hs_start(h, &o);
	e = hs_finish(h, 1);
	assert_string_equal(e->reason, "Timeout");
	assert_true(e->timed_out);
	assert_false(e->stopped);
	assert_int_equal(e->signal, SIGKILL);
	assert_string_equal(e->message, "ran longer than its timeout of 200ms");
	hs_free(h);
}

static void more_memory_than_allowed_ends_it(void **state UNUSED)
{
	/* The child holds it, the program only waits. */
	static const char *const argv[] = {
		"sh", "-c", "mkfifo f; (x=$(head -c 60000000 /dev/zero | tr '\\0' x); read y < f) & wait", NULL};
	struct harness *h = hs_new(NULL);
	struct run_order o = hs_order(1, argv);
	const struct hs_event *e;

	o.resources.memory = 50 << 20;
	hs_start(h, &o);
	e = hs_finish(h, 1);
	assert_true(e->oom);
	assert_string_equal(e->reason, "OutOfMemory");
	hs_assert_contains(e->message, "more than its limit of 50 MiB");
	hs_free(h);
}

/* --- stopping ---------------------------------------------------------------------------------- */

static void stop(struct harness *h, const char *reason, int64_t notice_us, int64_t grace_us)
{
	struct run_key key = hs_key(1);
	struct run_stop how = {.reason = reason, .notice_us = notice_us, .grace_us = grace_us};

	run_stop(h->b, &key, &how);
}

static void a_stop_ends_and_says_who_asked(void **state UNUSED)
{
	struct harness *h = hs_new(NULL);
	const struct hs_event *e;

	hs_start_script(h, 1, "mkfifo f; read x < f");
	hs_wait(h, 1, RUN_STARTED);
	stop(h, "MedianStop", 0, -1);
	e = hs_finish(h, 1);
	assert_true(e->stopped);
	assert_string_equal(e->stop_reason, "MedianStop");
	assert_string_equal(e->reason, "MedianStop");
	assert_int_equal(e->signal, SIGTERM);
	hs_free(h);
}

static void a_program_may_end_well_when_asked(void **state UNUSED)
{
	struct harness *h = hs_new(NULL);
	const struct hs_event *e;

	hs_start_script(h, 1, "trap 'echo loss=0.5; exit 0' TERM; mkfifo f; echo armed=1; read x < f");
	hs_wait(h, 1, RUN_POINTS);
	stop(h, "Asha", 0, -1);
	e = hs_finish(h, 1);
	assert_true(e->stopped);
	assert_int_equal(e->exit_code, 0);
	assert_string_equal(h->points[h->n_points - 1].metric, "loss");
	hs_free(h);
}

static void the_stop_file_comes_before_the_signal(void **state UNUSED)
{
	struct harness *h = hs_new(NULL);
	const struct hs_event *e;

	hs_start_script(h, 1, "while ! test -e $TRIMTAB_STOP_FILE; do :; done; echo saw=1");
	hs_wait(h, 1, RUN_STARTED);
	stop(h, "MedianStop", HS_SECONDS * CLK_SECOND, -1);
	e = hs_finish(h, 1);
	assert_int_equal(e->exit_code, 0);
	assert_true(e->stopped);
	assert_string_equal(h->points[0].metric, "saw");
	hs_free(h);
}

static void a_stop_before_the_start_is_kept(void **state UNUSED)
{
	struct harness *h = hs_new(NULL);

	hs_start_script(h, 1, "mkfifo f; read x < f");
	stop(h, "Cancelled", 0, 0);
	assert_true(hs_finish(h, 1)->stopped);
	hs_free(h);
}

static void a_later_stop_can_hasten(void **state UNUSED)
{
	struct harness *h = hs_new(NULL);
	const struct hs_event *e;

	hs_start_script(h, 1, "trap '' TERM; mkfifo f; echo armed=1; while :; do read x < f; done");
	hs_wait(h, 1, RUN_POINTS);
	stop(h, "MedianStop", 0, 3600 * CLK_SECOND);
	stop(h, "Killed", 0, 0);
	e = hs_finish(h, 1);
	assert_int_equal(e->signal, SIGKILL);
	assert_string_equal(e->stop_reason, "MedianStop");
	hs_free(h);
}

/* --- children that outlive ------------------------------------------------------------------------ */

/* A process that is gone or only waits to be reaped by init. */
static bool is_over(pid_t pid)
{
	char path[64], text[256] = "";
	int fd;
	ssize_t n;

	snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	fd = open(path, O_RDONLY);
	if (fd < 0)
		return true;
	n = read(fd, text, sizeof text - 1);
	close(fd);
	return n <= 0 || strstr(text, ") Z") != NULL;
}

static void assert_over(const struct harness *h, const char *file)
{
	char *text = hs_file(h, 1, file);
	long pid = strtol(text, NULL, 10);

	if (pid <= 1 || !is_over((pid_t)pid))
		fail_msg("process '%s' of %s lives on", text, file);
	free(text);
}

static void children_that_outlive_are_ended(void **state UNUSED)
{
	/* One in the group, one in a session of its own that is deaf to SIGTERM. Both keep the output open. */
	static const char script[] =
		"mkfifo f g h; (read x < f) & echo $! > one;"
		"setsid sh -c 'trap \"\" TERM; echo $$ > two; echo up > h; read x < g' & read x < h; echo loss=1";
	struct harness *h = hs_new(NULL);
	const struct hs_event *e = hs_run_script(h, 1, script);

	assert_int_equal(e->kind, RUN_ENDED);
	assert_int_equal(e->exit_code, 0);
	assert_int_equal(h->n_points, 1);
	assert_over(h, "work/one");
	assert_over(h, "work/two");
	hs_free(h);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(a_program_starts_and_ends),
	cmocka_unit_test(what_cannot_start_says_why),
	cmocka_unit_test(a_missing_interpreter_is_named),
	cmocka_unit_test(starting_twice_runs_once),
	cmocka_unit_test(every_ending_is_told_apart),
	cmocka_unit_test(a_timeout_ends_a_program_that_ignores_sigterm),
	cmocka_unit_test(more_memory_than_allowed_ends_it),
	cmocka_unit_test(a_stop_ends_and_says_who_asked),
	cmocka_unit_test(a_program_may_end_well_when_asked),
	cmocka_unit_test(the_stop_file_comes_before_the_signal),
	cmocka_unit_test(a_stop_before_the_start_is_kept),
	cmocka_unit_test(a_later_stop_can_hasten),
	cmocka_unit_test(children_that_outlive_are_ended),
};

HS_MAIN(tests)
