/*
 * A server that is killed at any moment, again and again, while it starts trials: no program runs
 * twice, none that ran is forgotten, and no point is lost.
 */
#include "tests/unit/runner/harness.h"

#include <sched.h>

enum { ROUNDS = 12, KILLS = 3, TRIALS = 8 };

static void start_all(struct harness *h)
{
	for (int32_t i = 1; i <= TRIALS; i++) {
		char *script = xasprintf("echo %d >> %s/ran; echo loss=%d", (int)i, h->state, (int)i);

		hs_start_script(h, i, script);
		free(script);
	}
}

/* A server as control drives it after a restart: what may have been started is started again. */
static void serve(struct harness *h)
{
	hs_open_backend(h, NULL);
	start_all(h);
	for (;;)
		loop_pass(h->loop, true);
}

/* splitmix64, for moments that differ from kill to kill but not from run to run */
static uint64_t draw(uint64_t *state)
{
	uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

static void serve_and_kill(struct harness *h, int64_t after_us)
{
	int64_t until = clk_now_us() + after_us;
	pid_t pid = fork();

	if (pid == 0)
		serve(h);
	while (clk_now_us() < until)
		sched_yield();
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static int times_run(const struct harness *h, int32_t number)
{
	char *path = xasprintf("%s/ran", h->state), line[32];
	FILE *f = fopen(path, "re");
	int n = 0;

	while (f && fgets(line, sizeof line, f))
		n += strtol(line, NULL, 10) == number;
	if (f)
		fclose(f);
	free(path);
	return n;
}

static size_t points_of(const struct harness *h, int32_t number)
{
	size_t n = 0;

	for (size_t i = 0; i < h->n_points; i++)
		n += h->points[i].number == number && h->points[i].value == (double)number;
	return n;
}

static void check(struct harness *h, int32_t number, uint64_t round)
{
	const struct hs_event *e = hs_finish(h, number);
	int ran = times_run(h, number), wanted = e->kind == RUN_ENDED;

	if (e->kind == RUN_LOST)
		assert_string_equal(e->reason, "NeverStarted");
	else
		assert_int_equal(e->kind, RUN_ENDED);
	if (ran != wanted)
		fail_msg("round %d: trial %d ran %d times and came to '%s'", (int)round, (int)number, ran, e->reason);
	if (points_of(h, number) != (size_t)wanted)
		fail_msg("round %d: trial %d has %zu points", (int)round, (int)number, points_of(h, number));
}

static void nothing_runs_twice_and_nothing_is_forgotten(void **state UNUSED)
{
	for (uint64_t round = 0; round < ROUNDS; round++) {
		struct harness *h = hs_new(NULL);
		uint64_t random = round;

		hs_close_backend(h);
		for (int i = 0; i < KILLS; i++)
			serve_and_kill(h, (int64_t)(draw(&random) % 12000));
		hs_open_backend(h, NULL);
		start_all(h);
		for (int32_t i = 1; i <= TRIALS; i++)
			check(h, i, round);
		hs_free(h);
	}
}

/* The same with the launcher, whom nobody should kill but somebody may. */
static pid_t launcher_pid(void)
{
	char path[64], text[32] = "";
	int fd;
	ssize_t n;

	snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)getpid());
	fd = open(path, O_RDONLY);
	n = fd >= 0 ? read(fd, text, sizeof text - 1) : -1;
	if (fd >= 0)
		close(fd);
	return n > 0 ? (pid_t)strtol(text, NULL, 10) : 0;
}

static void a_launcher_that_dies_is_replaced(void **state UNUSED)
{
	struct harness *h = hs_new(NULL);
	pid_t launcher;

	assert_int_equal(hs_run_script(h, 1, "echo loss=1")->exit_code, 0);
	launcher = launcher_pid();
	if (launcher == 0) {
		hs_free(h);
		skip();         /* this kernel does not list children */
	}
	assert_int_equal(kill(launcher, SIGKILL), 0);
	assert_int_equal(hs_run_script(h, 2, "echo loss=2")->exit_code, 0);
	assert_true(launcher_pid() != launcher);
	hs_free(h);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(nothing_runs_twice_and_nothing_is_forgotten),
	cmocka_unit_test(a_launcher_that_dies_is_replaced),
};

HS_MAIN(tests)
