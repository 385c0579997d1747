/* trimtab-collect around real programs: what they write into the metrics file arrives all and once, and
 * they cannot tell that they are not alone. */
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/attr.h"
#include "lib/err.h"
#include "lib/file.h"
#include "trial-runner/collect/collect.h"
#include "trial-runner/frames.h"

static char folder[64];

static int setup(void **state UNUSED)
{
	snprintf(folder, sizeof folder, "/tmp/trimtab-collect.XXXXXX");
	return mkdtemp(folder) ? 0 : 1;
}

static int teardown(void **state UNUSED)
{
	struct err e;

	return file_remove_tree(folder, &e) ? 0 : 1;
}

struct seen {
	int code;
	struct strbuf text, points;     /* "loss@3=0.5 " */
	unsigned n_points, gaps;
};

static void on_text(void *ctx, const char *text, size_t n)
{
	struct seen *s = ctx;

	strbuf_add(&s->text, text, n);
}

static void on_point(void *ctx, const struct run_point *p)
{
	struct seen *s = ctx;

	s->n_points++;
	strbuf_printf(&s->points, "%s@%" PRId64 "=%g ", p->metric, p->step, p->value);
}

static void on_gap(void *ctx, uint64_t missing UNUSED)
{
	struct seen *s = ctx;

	s->gaps++;
}

static const struct frame_events events = {.on_text = on_text, .on_point = on_point, .on_gap = on_gap};

static pid_t start(const char *script, const struct run_metrics *m, int *output)
{
	const char *argv[] = {"sh", "-c", script, NULL};
	int ends[2];
	pid_t pid;

	assert_int_equal(pipe(ends), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		if (chdir(folder) != 0 || dup2(ends[1], STDOUT_FILENO) < 0)
			_exit(99);
		close(ends[0]);
		close(ends[1]);
		_exit(collect_run(m, argv));
	}
	close(ends[1]);
	*output = ends[0];
	return pid;
}

/* Sends the signal, if one is given, once the program has printed something. */
static struct seen run(const char *script, const struct run_metrics *m, int signal)
{
	struct seen s = {0};
	struct frame_reader r;
	char chunk[4096];
	int output, status;
	ssize_t n;
	pid_t pid = start(script, m, &output);

	strbuf_init(&s.text, 1 << 24);
	strbuf_init(&s.points, 1 << 24);
	frames_init(&r, &events, &s);
	while ((n = read(output, chunk, sizeof chunk)) > 0) {
		frames_feed(&r, chunk, (size_t)n);
		if (signal && s.text.len > 0)
			kill(pid, signal);
		signal = s.text.len > 0 ? 0 : signal;
	}
	frames_end(&r);
	close(output);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	s.code = WEXITSTATUS(status);
	return s;
}

static void seen_free(struct seen *s)
{
	strbuf_free(&s->text);
	strbuf_free(&s->points);
}

static const char *const katib[] = {"\\{metricName: ([\\w|-]+), metricValue: ((-?\\d+)(\\.\\d+)?)\\}", NULL};

static const struct {
	const char *script;
	struct run_metrics metrics;
	int signal, code;
	const char *text, *points;
} programs[] = {
	{"echo loss=3 step=1 > m; echo loss=2 >> m; printf loss=1 >> m", {.path = "m"}, 0, 0, "", "loss@1=3 loss@0=2 loss@1=1 "},
	{"echo '{\"step\": 2, \"loss\": \"0.5\"}' > out/deep/m", {.path = "out/deep/m", .json_lines = true}, 0, 0, "", "loss@2=0.5 "},
	{"echo '{metricName: acc, metricValue: 0.9}' > n", {.path = "n", .patterns = katib}, 0, 0, "", "acc@0=0.9 "},
	{"echo loss=9; exit 7", {.path = "never"}, 0, 7, "loss=9\n", ""},
	{"echo loss=1 > a; mv a b; echo loss=2 > a; mv a b", {.path = "b"}, 0, 0, "", NULL},
	/* Signals: passed on, obeyed, and what is written after them still counts. */
	{"trap 'echo loss=4 > s; exit 5' TERM; echo up; while :; do sleep 0.02; done", {.path = "s"}, SIGTERM, 5, "up\n", "loss@0=4 "},
	{"trap 'exit 6' USR1; echo up; while :; do sleep 0.02; done", {.path = "s1"}, SIGUSR1, 6, "up\n", ""},
	{"echo loss=8 > t; echo up; exec sleep 60", {.path = "t"}, SIGTERM, 128 + SIGTERM, "up\n", "loss@0=8 "},
	{"echo loss=8 > u; kill -9 $$", {.path = "u"}, 0, 128 + SIGKILL, "", "loss@0=8 "},
	/* Its orphans are no concern of its. */
	{"(sleep 0.05 & ); exit 3", {.path = "w"}, 0, 3, "", ""},
	{"exec /no/such/program", {.path = "x"}, 0, 127, "", ""},
};

static void programs_are_what_they_are(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_LEN(programs); i++) {
		struct run_metrics m = programs[i].metrics;
		struct seen s;

		m.collector = RUN_COLLECT_FILE;
		s = run(programs[i].script, &m, programs[i].signal);
		if (s.code != programs[i].code || strcmp(s.text.data, programs[i].text) != 0 || s.gaps > 0 ||
			(programs[i].points && strcmp(s.points.data, programs[i].points) != 0))
			fail_msg("program %zu: %d, %u gaps, text '%s', points '%s'", i, s.code, s.gaps, s.text.data, s.points.data);
		seen_free(&s);
	}
}

static uint64_t mask_of(const char *text, const char *field)
{
	const uint64_t internal = UINT64_C(3) << 31;
	const char *at = strstr(text, field);

	if (!at)
		fail_msg("no %s in %s", field, text);
	return strtoull(at + strlen(field), NULL, 16) & ~internal;
}

/* Blocked and ignored ones, without the two that belong to the C library. */
static void parse_masks(const char *text, uint64_t masks[2])
{
	masks[0] = mask_of(text, "SigBlk:");
	masks[1] = mask_of(text, "SigIgn:");
}

static void signals_are_inherited(void **state UNUSED)
{
	static const char script[] = "grep -E 'Sig(Blk|Ign)' /proc/self/status";
	struct run_metrics m = {.collector = RUN_COLLECT_FILE, .path = "v"};
	struct seen s = run(script, &m, 0);
	FILE *alone = popen(script, "r");
	uint64_t with[2], without[2];
	char text[200] = "";

	assert_non_null(alone);
	assert_true(fread(text, 1, sizeof text - 1, alone) > 0);
	assert_int_equal(pclose(alone), 0);
	parse_masks(s.text.data, with);
	parse_masks(text, without);
	assert_memory_equal(with, without, sizeof with);
	seen_free(&s);
}

static void what_cannot_be_run_is_said(void **state UNUSED)
{
	const struct run_metrics m = {.collector = RUN_COLLECT_FILE, .path = "m"};
	const char *absent[] = {"no-such-program", NULL}, *here[] = {folder, NULL};

	for (int i = 0; i < 2; i++) {
		int status;
		pid_t pid = fork();

		if (pid == 0) {
			int null = open("/dev/null", O_WRONLY);

			dup2(null, STDERR_FILENO);
			dup2(null, STDOUT_FILENO);
			_exit(chdir(folder) != 0 ? 99 : collect_run(&m, i ? here : absent));
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_int_equal(WEXITSTATUS(status), i ? 126 : 127);
	}
}

/* Lines of the program's own in between, many of them without their end yet. */
static void all_arrive_and_once(void **state UNUSED)
{
	static const char script[] = "i=0; while [ $i -lt 3000 ]; do echo loss=$i step=$i >> many; printf x; i=$((i + 1)); done";
	const struct run_metrics m = {.collector = RUN_COLLECT_FILE, .path = "many"};
	struct seen s = run(script, &m, 0);
	const char *at = s.points.data;

	assert_int_equal(s.code, 0);
	assert_int_equal(s.n_points, 3000);
	assert_int_equal(s.gaps, 0);
	for (int i = 0; i < 3000; i++) {
		char expected[64];
		const int n = snprintf(expected, sizeof expected, "loss@%d=%g ", i, (double)i);

		if (strncmp(at, expected, (size_t)n) != 0)
			fail_msg("%.40s, not %s", at, expected);
		at += n;
	}
	assert_int_equal(s.text.len, 3000);
	assert_int_equal(strspn(s.text.data, "x"), 3000);
	seen_free(&s);
}

/* Whoever reads the log may be slow: a program must be stopped all the same. */
static void signals_pass_a_full_pipe(void **state UNUSED)
{
	static const char script[] = "i=0; while [ $i -lt 3000 ]; do echo loss=$i; i=$((i + 1)); done > full; exec sleep 60";
	const struct run_metrics m = {.collector = RUN_COLLECT_FILE, .path = "full"};
	int output, status;
	char chunk[4096];
	pid_t pid = start(script, &m, &output);

	poll(NULL, 0, 500);
	kill(pid, SIGTERM);
	poll(NULL, 0, 100);
	while (read(output, chunk, sizeof chunk) > 0)
		;
	close(output);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(WEXITSTATUS(status), 128 + SIGTERM);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(programs_are_what_they_are),
		cmocka_unit_test(signals_are_inherited),
		cmocka_unit_test(what_cannot_be_run_is_said),
		cmocka_unit_test(all_arrive_and_once),
		cmocka_unit_test(signals_pass_a_full_pipe),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
