/* The parts of the local backend that need no process: slots, the table of runs, the capped log, the
 * folder's files. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/arena.h"
#include "lib/attr.h"
#include "lib/mem.h"
#include "trial-runner/ending.h"
#include "trial-runner/output.h"
#include "trial-runner/run_table.h"
#include "trial-runner/rundir.h"
#include "trial-runner/slots.h"

/* --- slots ------------------------------------------------------------------------------------------ */

static const struct {
	int32_t slots, used;
	double cpus, cpu, wanted;
	enum run_fit fit;
} fits[] = {
	{0, 1000, 0, 0, 64, RUN_FITS},
	{2, 1, 0, 0, 0, RUN_FITS},
	{2, 2, 0, 0, 0, RUN_WAIT},
	{0, 3, 4, 1, 1, RUN_FITS},
	{0, 3, 4, 1, 1.5, RUN_WAIT},
	{0, 4, 4, 0, 0, RUN_WAIT},
	{0, 0, 4, 0, 4, RUN_FITS},
	{0, 0, 4, 0, 4.5, RUN_NEVER},
	{0, 9, 1, 0.1, 0.1, RUN_FITS},
	{0, 10, 1, 0.1, 0.1, RUN_WAIT},
};

static void slots_and_cores_are_counted(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_LEN(fits); i++) {
		struct run_resources busy = {.cpu = fits[i].cpu}, wanted = {.cpu = fits[i].wanted};
		struct slots s;

		slots_init(&s, fits[i].slots, fits[i].cpus, NULL);
		for (int32_t k = 0; k < fits[i].used; k++)
			assert_null(slots_take(&s, &busy));
		if (slots_fit(&s, &wanted) != fits[i].fit)
			fail_msg("case %zu: %d, not %d", i, (int)slots_fit(&s, &wanted), (int)fits[i].fit);
		for (int32_t k = 0; k < fits[i].used; k++)
			slots_return(&s, &busy, NULL);
		assert_int_equal(s.cap.slots_used, 0);
		assert_true(s.cap.cpus_used == 0);
		slots_free(&s);
	}
}

static void gpus_go_to_one_at_a_time(void **state UNUSED)
{
	static const char *const names[] = {"0", "1", "GPU-ab", NULL};
	struct run_resources one = {.gpu = 1}, two = {.gpu = 2};
	struct slots s;
	char *a, *b;

	slots_init(&s, 0, 0, names);
	slots_retake(&s, &one, "1");            /* adopted */
	a = slots_take(&s, &two);
	assert_string_equal(a, "0,GPU-ab");
	assert_int_equal(slots_fit(&s, &one), RUN_WAIT);
	slots_return(&s, &one, "1");
	b = slots_take(&s, &one);
	assert_string_equal(b, "1");
	slots_return(&s, &two, a);
	slots_return(&s, &one, b);
	slots_retake(&s, &one, "7");            /* one that this server was not given */
	assert_int_equal(s.cap.gpus_used, 0);
	slots_return(&s, &one, "7");
	free(a);
	free(b);
	slots_free(&s);
}

/* --- the table ---------------------------------------------------------------------------------------- */

static struct run_key key_of(int32_t number, int32_t attempt)
{
	return (struct run_key){.experiment_id = 3, .number = number, .attempt = attempt, .uid = "a"};
}

static void runs_are_found_by_the_whole_key(void **state UNUSED)
{
	static struct run_node nodes[1000];
	struct run_table t;
	struct run_key key;

	run_table_init(&t);
	for (int32_t i = 0; i < 1000; i++) {
		nodes[i].key = key_of(i / 2 + 1, i % 2 + 1);
		run_table_put(&t, &nodes[i]);
	}
	assert_int_equal(t.n, 1000);
	for (int32_t i = 0; i < 1000; i++) {
		key = key_of(i / 2 + 1, i % 2 + 1);
		assert_ptr_equal(run_table_get(&t, &key), &nodes[i]);
		snprintf(key.uid, sizeof key.uid, "b");
		assert_null(run_table_get(&t, &key));
	}
	for (int32_t i = 0; i < 1000; i++)
		run_table_remove(&t, &nodes[i]);
	assert_null(run_table_any(&t));
	run_table_free(&t);
}

/* --- the log ------------------------------------------------------------------------------------------- */

static char *log_of(int64_t max, size_t piece, size_t total, size_t *n)
{
	char path[] = "/tmp/trimtab-log-XXXXXX", *data = xmalloc(piece), *text;
	int fd = mkstemp(path);
	struct output o;
	struct stat st;

	assert_true(fd >= 0);
	output_init(&o, dup(fd), max);
	for (size_t done = 0; done < total; done += piece) {
		for (size_t i = 0; i < piece; i++)
			data[i] = (char)('a' + (done + i) % 26);
		output_write(&o, data, piece);
	}
	output_end(&o);
	assert_int_equal(fstat(fd, &st), 0);
	*n = (size_t)st.st_size;
	text = xcalloc(1, *n + 1);
	assert_int_equal(pread(fd, text, *n, 0), *n);
	close(fd);
	unlink(path);
	free(data);
	return text;
}

static const struct {
	int64_t max;
	size_t piece, total;
	const char *left_out;           /* NULL: complete */
} logs[] = {
	{1 << 20, 1000, 100000, NULL},
	{100000, 1000, 34000, NULL},
	{100000, 1000, 60000, "[trimtab: 0 bytes left out]"},
	{100000, 1000, 1000000, "[trimtab: 900256 bytes left out]"},
	{100000, 250000, 1000000, "bytes left out]"},
	{4096, 100, 100000, "bytes left out]"},
};

static void a_log_keeps_its_size_and_both_ends(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_LEN(logs); i++) {
		size_t n, total = logs[i].total;
		char *text = log_of(logs[i].max, logs[i].piece, total, &n);

		if (!logs[i].left_out)
			assert_int_equal(n, total);
		else if (!strstr(text, logs[i].left_out))
			fail_msg("log %zu does not say '%s': …%.60s", i, logs[i].left_out, strstr(text, "[trimtab: ") + 60);
		if (logs[i].left_out && n > (size_t)logs[i].max)
			fail_msg("log %zu is %zu bytes", i, n);
		assert_int_equal(text[n - 1], 'a' + (total - 1) % 26);
		for (size_t k = 0; k < 1000; k++)
			assert_int_equal(text[n - 1000 + k], 'a' + (total - 1000 + k) % 26);
		free(text);
	}
}

static void a_full_disk_is_survived(void **state UNUSED)
{
	struct output o;

	output_init(&o, open("/dev/full", O_WRONLY), 1 << 20);
	output_write(&o, "hello", 5);
	assert_true(o.failed);
	output_write(&o, "again", 5);
	output_end(&o);
}

/* --- how it ended ----------------------------------------------------------------------------------------- */

#define EXITED(code) ((code) << 8)      /* as waitpid() has it on Linux */

static const struct {
	struct ending end;
	bool stopped, timed_out, by_system, oom;
	const char *reason, *message;
} endings[] = {
	{{.wait_status = EXITED(0), .last_line = "done"}, 0, 0, 0, 0, "Completed", "ended with exit code 0"},
	{{.wait_status = EXITED(2), .last_line = "oh"}, 0, 0, 0, 0, "Error",
		"ended with exit code 2; the last line it printed: oh"},
	{{.wait_status = EXITED(2), .last_line = ""}, 0, 0, 0, 0, "Error", "ended with exit code 2"},
	{{.wait_status = 11, .last_line = ""}, 0, 0, 0, 0, "Killed", "was killed by signal 11 (Segmentation fault)"},
	{{.wait_status = 9, .oom_killer = true, .last_line = ""}, 0, 0, 0, true, "OutOfMemory",
		"was killed because the machine ran out of memory: lower what it needs or how many run at once"},
	{{.wait_status = 9, .oom_killer = true, .killed = true, .last_line = ""}, true, 0, 0, 0, "Asha",
		"was stopped (Asha) and was killed by signal 9 (Killed)"},
	{{.wait_status = EXITED(0), .last_line = "x"}, true, 0, 0, 0, "Asha", "was stopped (Asha) and ended with exit code 0"},
	{{.wait_status = 15, .timeout_us = 90000000, .last_line = "step 3"}, 0, true, 0, 0, "Timeout",
		"ran longer than its timeout of 1m30s; the last line it printed: step 3"},
	{{.wait_status = 15, .last_line = ""}, 0, 0, true, 0, "SystemShutdown",
		"was ended from outside, probably because the machine shut down"},
	{{.wait_status = 9, .killed = true, .memory_used = 3 << 20, .memory_limit = 2 << 20, .last_line = ""}, 0, 0, 0, true,
		"OutOfMemory", "was killed because it used 3 MiB of memory, more than its limit of 2 MiB"},
	{{.wait_status = EXITED(0), .left_over = true, .disk_full = true, .last_line = ""}, 0, 0, 0, 0, "Completed",
		"ended with exit code 0; some of its processes cannot be killed; its log is not complete: the disk was full"},
};

static void every_end_has_a_word_and_a_sentence(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_LEN(endings); i++) {
		struct arena *a = arena_new();
		struct run_status st = {
			.started = true, .stopped = endings[i].stopped, .stop_reason = "Asha", .timed_out = endings[i].timed_out,
			.ended_by_system = endings[i].by_system,
		};

		ending_explain(&endings[i].end, &st, a);
		assert_string_equal(st.reason, endings[i].reason);
		assert_string_equal(st.message, endings[i].message);
		assert_int_equal(st.oom, endings[i].oom);
		arena_free(a);
	}
}

/* --- the folder ------------------------------------------------------------------------------------------ */

static int temporary_folder(char *path)
{
	int dir;

	assert_non_null(mkdtemp(path));
	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(dir >= 0);
	return dir;
}

static void remove_folder(const char *path, int dir)
{
	static const char *const files[] = {
		RUNDIR_SHEET, RUNDIR_STOP_ORDER, RUNDIR_JOURNAL,
	};

	for (size_t i = 0; i < ARRAY_LEN(files); i++)
		unlinkat(dir, files[i], 0);
	close(dir);
	assert_int_equal(rmdir(path), 0);
}

static void a_sheet_reads_back(void **state UNUSED)
{
	static const char *const argv[] = {"python3", "a \"b\"\n\\", "", NULL}, *const env[] = {"A=é=1", NULL};
	static const char *const wanted[] = {"loss", NULL};
	struct run_sheet sheet = {
		.order = {
			.key = {.experiment_id = 1 << 20, .number = 17, .attempt = 2, .uid = "u-1"}, .ns = "default",
			.experiment = "x", .trial = "x-abc", .argv = argv, .env = env, .cwd = "/srv", .timeout_us = 5, .grace_us = 6,
			.resources = {.cpu = 0.5, .memory = INT64_C(1) << 40, .gpu = 2},
			.metrics = {.collector = RUN_COLLECT_FILE, .fallback = true, .json_lines = true, .path = "m", .wanted = wanted},
		},
		.gpus = "0,1", .log_max = 99,
	};
	char path[] = "/tmp/trimtab-sheet-XXXXXX";
	int dir = temporary_folder(path);
	struct arena *a = arena_new();
	const struct run_sheet *back;
	struct err e;

	assert_null(rundir_read_sheet(dir, a));
	assert_true(rundir_write_sheet(dir, &sheet, &e));
	back = rundir_read_sheet(dir, a);
	assert_non_null(back);
	assert_true(run_key_equal(&back->order.key, &sheet.order.key));
	assert_string_equal(back->order.argv[1], argv[1]);
	assert_string_equal(back->order.argv[2], "");
	assert_null(back->order.argv[3]);
	assert_string_equal(back->order.env[0], env[0]);
	assert_int_equal(back->order.timeout_us, 5);
	assert_int_equal(back->order.resources.memory, INT64_C(1) << 40);
	assert_true(back->order.resources.cpu == 0.5);
	assert_int_equal(back->order.metrics.collector, RUN_COLLECT_FILE);
	assert_true(back->order.metrics.fallback && back->order.metrics.json_lines);
	assert_string_equal(back->order.metrics.wanted[0], "loss");
	assert_null(back->order.metrics.patterns);
	assert_string_equal(back->gpus, "0,1");
	assert_int_equal(back->log_max, 99);
	arena_free(a);
	remove_folder(path, dir);
}

static void damaged_files_read_as_none(void **state UNUSED)
{
	static const char *const texts[] = {"", "{", "[]", "{\"argv\": []}", "{\"argv\": [1]}", "\xff"};
	char path[] = "/tmp/trimtab-sheet-XXXXXX";
	int dir = temporary_folder(path);
	struct arena *a = arena_new();
	struct err e;

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		assert_true(rundir_write(dir, RUNDIR_SHEET, texts[i], strlen(texts[i]), &e));
		if (rundir_read_sheet(dir, a))
			fail_msg("'%s' was taken for a sheet", texts[i]);
	}
	assert_int_equal(rundir_read_number(dir, RUNDIR_SHEET), -1);
	arena_free(a);
	remove_folder(path, dir);
}

static void a_barred_run_is_over_for_ever(void **state UNUSED)
{
	char path[] = "/tmp/trimtab-sheet-XXXXXX";
	int dir = temporary_folder(path);

	assert_int_equal(rundir_life(dir, false), RUNDIR_UNCLAIMED);
	assert_int_equal(rundir_life(dir, true), RUNDIR_UNCLAIMED);
	assert_int_equal(rundir_life(dir, true), RUNDIR_OVER);
	remove_folder(path, dir);
}

static void a_journal_is_claimed_once_and_reads_back(void **state UNUSED)
{
	struct run_status status = {
		.started = true, .exit_code = 3, .stopped = true, .reason = "Error", .message = "a \"b\"\n", .stop_reason = "Asha",
		.ended_us = 9,
	};
	char path[] = "/tmp/trimtab-sheet-XXXXXX";
	int dir = temporary_folder(path), lock = rundir_claim(dir);
	struct arena *a = arena_new();
	const struct run_journal *j;
	struct stat st;
	int64_t at;
	int writer;

	assert_true(lock >= 0);
	assert_int_equal(rundir_claim(dir), -1);
	assert_int_equal(rundir_life(dir, true), RUNDIR_ALIVE);
	assert_int_equal(fstat(lock, &st), 0);
	at = st.st_size;
	assert_true(rundir_note_started(dir, &at, 7));
	j = rundir_read_journal(dir, a);
	assert_int_equal(j->supervisor, getpid());
	assert_int_equal(j->started_us, 7);
	assert_null(j->status);
	assert_true(rundir_note_ended(dir, &at, &status));
	j = rundir_read_journal(dir, a);
	assert_int_equal(j->status->exit_code, 3);
	assert_string_equal(j->status->message, status.message);
	assert_string_equal(j->status->stop_reason, "Asha");
	/* A line without its newline does not count. */
	writer = openat(dir, RUNDIR_JOURNAL, O_WRONLY);
	assert_int_equal(ftruncate(writer, at - 1), 0);
	close(writer);
	assert_null(rundir_read_journal(dir, a)->status);
	close(lock);
	assert_int_equal(rundir_life(dir, true), RUNDIR_OVER);
	arena_free(a);
	remove_folder(path, dir);
}

static void folder_names_read_back(void **state UNUSED)
{
	static const char *const others[] = {"1", "1-", "-1", "0-1", "1-0", "1-checkpoint", "1-2-3", "99999999999-1", "a-1"};
	int32_t number, attempt;

	assert_true(rundir_parse_name("17-2", &number, &attempt));
	assert_int_equal(number, 17);
	assert_int_equal(attempt, 2);
	for (size_t i = 0; i < ARRAY_LEN(others); i++) {
		if (rundir_parse_name(others[i], &number, &attempt))
			fail_msg("'%s' was taken for a run", others[i]);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(slots_and_cores_are_counted),
		cmocka_unit_test(gpus_go_to_one_at_a_time),
		cmocka_unit_test(runs_are_found_by_the_whole_key),
		cmocka_unit_test(a_log_keeps_its_size_and_both_ends),
		cmocka_unit_test(a_full_disk_is_survived),
		cmocka_unit_test(every_end_has_a_word_and_a_sentence),
		cmocka_unit_test(a_sheet_reads_back),
		cmocka_unit_test(damaged_files_read_as_none),
		cmocka_unit_test(a_barred_run_is_over_for_ever),
		cmocka_unit_test(a_journal_is_claimed_once_and_reads_back),
		cmocka_unit_test(folder_names_read_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
