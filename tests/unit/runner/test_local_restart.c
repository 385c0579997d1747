/*
 * The server dies, the trials do not. Each test has a child process own the backend and kills it with
 * SIGKILL; a second backend over the same folder then takes over.
 */
#include "tests/unit/runner/harness.h"

#include <sched.h>

/* Blocks until a run's script writes to the fifo. */
static void hear_from(const struct harness *h, const char *name)
{
	char *path = hs_path(h, 1, name), c;
	int fd = open(path, O_RDONLY);

	if (fd < 0)
		fail_msg("%s: %s", path, strerror(errno));
	assert_int_equal(read(fd, &c, 1), 1);
	close(fd);
	free(path);
}

/* Without a backend in this process: only the folder. */
static struct harness *folder_only(void)
{
	struct harness *h = hs_new(NULL);

	hs_close_backend(h);
	return h;
}

static pid_t fork_server(struct harness *h, void (*serve)(struct harness *h), int *ready)
{
	int ends[2];
	pid_t pid;

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0) {
		hs_open_backend(h, NULL);
		serve(h);
		if (write(ends[1], "r", 1) != 1)
			_exit(1);
		for (;;)
			loop_pass(h->loop, true);
	}
	close(ends[1]);
	*ready = ends[0];
	return pid;
}

static void run_and_kill_server(struct harness *h, void (*serve)(struct harness *h))
{
	int ready;
	pid_t pid = fork_server(h, serve, &ready);
	char c;

	assert_int_equal(read(ready, &c, 1), 1);
	close(ready);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void adopt(struct harness *h, int32_t number)
{
	struct run_key key = hs_key(number);

	run_adopt(h->b, &key, NULL);
}

static const char steps_script[] =
	"mkfifo go up; i=0; while test $i -lt 3; do echo loss=$i; i=$((i+1)); done; echo up > up; read x < go;"
	"while test $i -lt 6; do echo loss=$i; i=$((i+1)); done";

static void serve_until_first_points(struct harness *h)
{
	hs_start_script(h, 1, steps_script);
	hs_wait(h, 1, RUN_POINTS);
}

static void assert_six_steps(const struct harness *h)
{
	bool seen[6] = {false};

	for (size_t i = 0; i < h->n_points; i++) {
		assert_true(h->points[i].step >= 0 && h->points[i].step < 6);
		assert_true(h->points[i].value == (double)h->points[i].step);
		seen[h->points[i].step] = true;
	}
	for (size_t i = 0; i < 6; i++) {
		if (!seen[i])
			fail_msg("step %zu was never told", i);
	}
}

static void a_running_trial_is_taken_over(void **state UNUSED)
{
	struct harness *h = folder_only();
	const struct hs_event *e;

	run_and_kill_server(h, serve_until_first_points);
	hs_open_backend(h, NULL);
	adopt(h, 1);
	hs_wait(h, 1, RUN_STARTED);
	hear_from(h, "work/up");
	hs_let_go(h, 1, "work/go");
	e = hs_finish(h, 1);
	assert_int_equal(e->kind, RUN_ENDED);
	assert_int_equal(e->exit_code, 0);
	assert_six_steps(h);
	hs_free(h);
}

static bool journal_says(const struct harness *h, const char *what)
{
	char *text = hs_file(h, 1, "journal");
	bool found = strstr(text, what) != NULL;

	free(text);
	return found;
}

/* No server is there to tell: the folder is all there is to look at. */
static void wait_for_end(struct harness *h)
{
	int64_t until = clk_now_us() + HS_SECONDS * CLK_SECOND;

	while (!journal_says(h, "\"ended\"")) {
		assert_true(clk_now_us() < until);
		sched_yield();
	}
}

static void an_end_that_no_server_saw_is_told(void **state UNUSED)
{
	struct harness *h = folder_only();
	const struct hs_event *e;

	run_and_kill_server(h, serve_until_first_points);
	hear_from(h, "work/up");
	hs_let_go(h, 1, "work/go");
	wait_for_end(h);
	hs_open_backend(h, NULL);
	adopt(h, 1);
	e = hs_finish(h, 1);
	assert_int_equal(e->kind, RUN_ENDED);
	assert_int_equal(e->exit_code, 0);
	assert_six_steps(h);
	assert_true(e->time_us < clk_wall_us());
	hs_free(h);
}

static void serve_started(struct harness *h)
{
	hs_start_script(h, 1, "mkfifo f; echo armed=1; read x < f");
	hs_wait(h, 1, RUN_POINTS);
}

static void an_adopted_trial_can_be_stopped(void **state UNUSED)
{
	struct harness *h = folder_only();
	struct run_key key = hs_key(1);
	const struct hs_event *e;

	run_and_kill_server(h, serve_started);
	hs_open_backend(h, NULL);
	adopt(h, 1);
	run_stop(h->b, &key, &(struct run_stop){.reason = "Cancelled", .grace_us = -1});
	e = hs_finish(h, 1);
	assert_true(e->stopped);
	assert_int_equal(e->signal, SIGTERM);
	hs_free(h);
}

static void serve_timeout(struct harness *h)
{
	static const char *const argv[] = {"sh", "-c", "mkfifo f; read x < f", NULL};
	struct run_order o = hs_order(1, argv);

	o.timeout_us = CLK_SECOND / 4;
	hs_start(h, &o);
	hs_wait(h, 1, RUN_STARTED);
}

static void a_timeout_is_kept_without_a_server(void **state UNUSED)
{
	struct harness *h = folder_only();

	run_and_kill_server(h, serve_timeout);
	wait_for_end(h);
	hs_open_backend(h, NULL);
	adopt(h, 1);
	assert_true(hs_finish(h, 1)->timed_out);
	hs_free(h);
}

static void starting_again_after_a_crash_is_adopting(void **state UNUSED)
{
	struct harness *h = folder_only();
	struct run_key key = hs_key(1);

	run_and_kill_server(h, serve_started);
	hs_open_backend(h, NULL);
	hs_start_script(h, 1, "echo second=1");
	hs_wait(h, 1, RUN_STARTED);
	run_stop(h->b, &key, &(struct run_stop){.reason = "Done", .grace_us = -1});
	hs_finish(h, 1);
	for (size_t i = 0; i < h->n_points; i++)
		assert_string_equal(h->points[i].metric, "armed");
	hs_free(h);
}

/* --- what nobody knows ------------------------------------------------------------------------------- */

static void nothing_to_adopt_is_lost(void **state UNUSED)
{
	struct harness *h = hs_new(NULL);

	adopt(h, 1);
	assert_int_equal(h->n_events, 0);       /* never from inside the call */
	assert_string_equal(hs_finish(h, 1)->reason, "NotFound");
	hs_free(h);
}

static void remove_file(const struct harness *h, const char *name)
{
	char *path = hs_path(h, 1, name);

	assert_int_equal(unlink(path), 0);
	free(path);
}

/* As if the server had died between writing the order and asking for the start. */
static void an_order_that_nobody_began_is_lost_and_never_begins(void **state UNUSED)
{
	struct harness *h = hs_new(NULL);
	const struct hs_event *e;

	hs_start_script(h, 1, "echo ran=1");
	hs_finish(h, 1);
	hs_forget_events(h);
	remove_file(h, "journal");
	remove_file(h, "points");
	adopt(h, 1);
	e = hs_finish(h, 1);
	assert_int_equal(e->kind, RUN_LOST);
	assert_string_equal(e->reason, "NeverStarted");
	assert_true(journal_says(h, "\"claimed\",\"pid\":0,"));
	hs_forget_events(h);
	hs_start_script(h, 1, "echo ran=2");
	assert_int_equal(hs_finish(h, 1)->kind, RUN_LOST);
	assert_int_equal(h->n_points, 0);
	hs_free(h);
}

static pid_t supervisor(const struct harness *h)
{
	char *text = hs_file(h, 1, "journal"), *pid = strstr(text, "\"pid\":");
	long number = pid ? strtol(pid + 6, NULL, 10) : 0;

	free(text);
	assert_true(number > 1);
	return (pid_t)number;
}

static bool runs(pid_t pid)
{
	char path[64], c;
	int fd;
	bool alive;

	snprintf(path, sizeof path, "/proc/%d/environ", (int)pid);
	fd = open(path, O_RDONLY);
	alive = fd >= 0 && read(fd, &c, 1) == 1;        /* a zombie has none */
	if (fd >= 0)
		close(fd);
	return alive;
}

static void wait_until_over(pid_t pid)
{
	int64_t until = clk_now_us() + HS_SECONDS * CLK_SECOND;

	while (runs(pid)) {
		assert_true(clk_now_us() < until);
		sched_yield();
	}
}

static void a_killed_supervisor_is_a_lost_trial_with_nothing_left(void **state UNUSED)
{
	struct harness *h = hs_new(NULL);
	const struct hs_event *e;
	char *text;
	pid_t left;

	hs_start_script(h, 1, "mkfifo f g; setsid sh -c 'echo $$ > two; echo up=1; read x < g' & read x < f");
	hs_wait(h, 1, RUN_POINTS);
	text = hs_file(h, 1, "work/two");
	left = (pid_t)strtol(text, NULL, 10);
	free(text);
	assert_true(runs(left));
	assert_int_equal(kill(supervisor(h), SIGKILL), 0);
	e = hs_finish(h, 1);
	assert_int_equal(e->kind, RUN_LOST);
	assert_string_equal(e->reason, "SupervisorLost");
	wait_until_over(left);
	hs_free(h);
}

static void a_machine_that_shuts_down_loses_the_trial(void **state UNUSED)
{
	struct harness *h = hs_new(NULL);
	const struct hs_event *e;

	hs_start_script(h, 1, "mkfifo f; echo up=1; read x < f");
	hs_wait(h, 1, RUN_POINTS);
	assert_int_equal(kill(supervisor(h), SIGTERM), 0);
	e = hs_finish(h, 1);
	assert_int_equal(e->kind, RUN_LOST);
	assert_string_equal(e->reason, "SystemShutdown");
	hs_free(h);
}

/* systemd and init signal the program and its supervisor in any order. */
static void a_program_may_hear_of_the_shutdown_first(void **state UNUSED)
{
	struct harness *h = hs_new(NULL);
	const struct hs_event *e;
	char *text;
	pid_t program;

	hs_start_script(h, 1, "mkfifo f; echo $$ > pid; echo up=1; read x < f");
	hs_wait(h, 1, RUN_POINTS);
	text = hs_file(h, 1, "work/pid");
	program = (pid_t)strtol(text, NULL, 10);
	free(text);
	assert_true(program > 1);
	assert_int_equal(kill(program, SIGTERM), 0);
	assert_int_equal(kill(supervisor(h), SIGTERM), 0);
	e = hs_finish(h, 1);
	assert_int_equal(e->kind, RUN_LOST);
	assert_string_equal(e->reason, "SystemShutdown");
	hs_free(h);
}

static void a_sigterm_of_its_own_is_no_shutdown(void **state UNUSED)
{
	struct harness *h = hs_new(NULL);
	const struct hs_event *e = hs_run_script(h, 1, "kill -TERM $$");

	assert_int_equal(e->kind, RUN_ENDED);
	assert_string_equal(e->reason, "Killed");
	assert_int_equal(e->signal, SIGTERM);
	hs_free(h);
}

/* --- orphans and handing over --------------------------------------------------------------------------- */

struct found {
	int n;
	struct run_key key;
};

static void on_found(void *ctx, const struct run_key *key)
{
	struct found *f = ctx;

	f->n++;
	f->key = *key;
}

static void a_sweep_names_what_nobody_watches(void **state UNUSED)
{
	struct harness *h = folder_only();
	struct found f = {0};

	run_and_kill_server(h, serve_started);
	hs_open_backend(h, NULL);
	run_sweep(h->b, on_found, &f);
	assert_int_equal(f.n, 1);
	assert_int_equal(f.key.experiment_id, 7);
	assert_int_equal(f.key.number, 1);
	assert_string_equal(f.key.uid, HS_UID);
	run_adopt(h->b, &f.key, NULL);
	run_stop(h->b, &f.key, &(struct run_stop){.reason = "Orphan"});
	f.n = 0;
	run_sweep(h->b, on_found, &f);
	assert_int_equal(f.n, 0);
	hs_finish(h, 1);
	run_sweep(h->b, on_found, &f);
	assert_int_equal(f.n, 0);
	hs_free(h);
}

static void a_forgotten_run_goes_on(void **state UNUSED)
{
	struct harness *h = hs_new(NULL);
	struct run_key key = hs_key(1);
	struct run_capacity c;
	size_t n;

	serve_started(h);
	n = h->n_events;
	run_forget(h->b, &key);
	run_capacity(h->b, &c);
	assert_int_equal(c.slots_used, 0);
	adopt(h, 1);
	hs_until(h, hs_has_event, &(struct hs_wanted){1, RUN_STARTED}, "the start");
	assert_true(h->n_events >= n);
	run_stop(h->b, &key, &(struct run_stop){.reason = "Done"});
	assert_true(hs_finish(h, 1)->stopped);
	hs_free(h);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(a_running_trial_is_taken_over),
	cmocka_unit_test(an_end_that_no_server_saw_is_told),
	cmocka_unit_test(an_adopted_trial_can_be_stopped),
	cmocka_unit_test(a_timeout_is_kept_without_a_server),
	cmocka_unit_test(starting_again_after_a_crash_is_adopting),
	cmocka_unit_test(nothing_to_adopt_is_lost),
	cmocka_unit_test(an_order_that_nobody_began_is_lost_and_never_begins),
	cmocka_unit_test(a_killed_supervisor_is_a_lost_trial_with_nothing_left),
	cmocka_unit_test(a_machine_that_shuts_down_loses_the_trial),
	cmocka_unit_test(a_program_may_hear_of_the_shutdown_first),
	cmocka_unit_test(a_sigterm_of_its_own_is_no_shutdown),
	cmocka_unit_test(a_sweep_names_what_nobody_watches),
	cmocka_unit_test(a_forgotten_run_goes_on),
};

HS_MAIN(tests)
