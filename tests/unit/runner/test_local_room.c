/* Slots, cores and GPUs; logs; cleaning up; and what the backend itself leaves behind. */
#include "tests/unit/runner/harness.h"

#include <dirent.h>

#include "lib/strbuf.h"

static bool try_start(struct harness *h, int32_t number, struct run_resources r, struct err *e)
{
	static const char *const argv[] = {"sh", "-c", "mkfifo f; echo gpus: $CUDA_VISIBLE_DEVICES; echo up=1; read x < f", NULL};
	struct run_order o = hs_order(number, argv);

	o.resources = r;
	return run_start(h->b, &o, e);
}

static void stop(struct harness *h, int32_t number)
{
	struct run_key key = hs_key(number);

	hs_wait(h, number, RUN_POINTS);
	run_stop(h->b, &key, &(struct run_stop){.reason = "Done"});
	hs_finish(h, number);
}

static void only_so_many_run_at_once(void **state UNUSED)
{
	struct local_options options = {.slots = 2};
	struct harness *h = hs_new(&options);
	struct run_resources one = {0};
	struct err e;

	assert_int_equal(run_fits(h->b, &one), RUN_FITS);
	assert_true(try_start(h, 1, one, &e));
	assert_true(try_start(h, 2, one, &e));
	assert_int_equal(run_fits(h->b, &one), RUN_WAIT);
	assert_false(try_start(h, 3, one, &e));
	assert_int_equal(e.code, ERR_SLOW_DOWN);
	stop(h, 2);
	assert_int_equal(run_fits(h->b, &one), RUN_FITS);
	assert_true(try_start(h, 3, one, &e));
	stop(h, 1);
	stop(h, 3);
	hs_free(h);
}

static void gpus_are_handed_out_and_returned(void **state UNUSED)
{
	static const char *const gpus[] = {"0", "GPU-5f", "2", NULL};
	struct local_options options = {.gpus = gpus};
	struct harness *h = hs_new(&options);
	struct run_resources two = {.gpu = 2}, none = {0};
	struct run_capacity c;
	struct err e;
	char *out;

	assert_int_equal(run_fits(h->b, &(struct run_resources){.gpu = 4}), RUN_NEVER);
	assert_false(try_start(h, 9, (struct run_resources){.gpu = 4}, &e));
	assert_int_equal(e.code, ERR_INVALID);
	assert_true(try_start(h, 1, two, &e));
	assert_int_equal(run_fits(h->b, &two), RUN_WAIT);
	assert_true(try_start(h, 2, none, &e));
	run_capacity(h->b, &c);
	assert_int_equal(c.gpus_used, 2);
	stop(h, 1);
	stop(h, 2);
	out = hs_file(h, 1, "output");
	assert_string_equal(out, "gpus: 0,GPU-5f\nup=1\n");
	free(out);
	out = hs_file(h, 2, "output");
	assert_string_equal(out, "gpus:\nup=1\n");
	free(out);
	assert_true(try_start(h, 3, two, &e));
	stop(h, 3);
	hs_free(h);
}

static void an_adopted_run_keeps_its_gpus(void **state UNUSED)
{
	static const char *const gpus[] = {"0", "1", NULL};
	struct local_options options = {.gpus = gpus};
	struct harness *h = hs_new(&options);
	struct run_key key = hs_key(1);
	struct run_capacity c;
	struct err e;

	assert_true(try_start(h, 1, (struct run_resources){.gpu = 1}, &e));
	hs_wait(h, 1, RUN_STARTED);
	hs_close_backend(h);
	hs_forget_events(h);
	hs_open_backend(h, &options);
	run_adopt(h->b, &key, NULL);
	run_capacity(h->b, &c);
	assert_int_equal(c.gpus_used, 1);
	assert_int_equal(run_fits(h->b, &(struct run_resources){.gpu = 2}), RUN_WAIT);
	stop(h, 1);
	assert_int_equal(run_fits(h->b, &(struct run_resources){.gpu = 2}), RUN_FITS);
	hs_free(h);
}

/* --- logs ----------------------------------------------------------------------------------------- */

struct reading {
	struct strbuf text;
	bool ended, failed, pause;
	struct run_log *log;
};

static bool on_log(void *ctx, const char *data, size_t n, int64_t offset UNUSED, bool end, const struct err *e)
{
	struct reading *r = ctx;

	strbuf_add(&r->text, data, n);
	r->ended = end;
	r->failed = e != NULL;
	return !r->pause;
}

static bool is_read(struct harness *h UNUSED, void *arg)
{
	return ((struct reading *)arg)->ended;
}

static bool has_text(struct harness *h UNUSED, void *arg)
{
	return ((struct reading *)arg)->text.len > 0;
}

static void open_log(struct harness *h, struct reading *r, int64_t tail, int64_t offset, bool follow)
{
	struct run_log_query q = {.key = hs_key(1), .tail_lines = tail, .offset = offset, .follow = follow};

	*r = (struct reading){0};
	strbuf_init(&r->text, 64 << 20);
	r->log = run_log_open(h->b, &q, on_log, r);
}

static void close_log(struct reading *r)
{
	run_log_close(r->log);
	strbuf_free(&r->text);
}

static const struct {
	int64_t tail, offset;
	const char *text;
} pieces[] = {
	{-1, 0, "one\ntwo\nthree\n"},
	{-1, 4, "two\nthree\n"},
	{-1, 100, ""},
	{1, 0, "three\n"},
	{2, 0, "two\nthree\n"},
	{3, 0, "one\ntwo\nthree\n"},
	{50, 0, "one\ntwo\nthree\n"},
	{0, 0, ""},
};

static void logs_are_read_from_either_end(void **state UNUSED)
{
	struct harness *h = hs_new(NULL);
	struct reading r;

	hs_run_script(h, 1, "printf 'one\\ntwo\\nthree\\n'");
	for (size_t i = 0; i < ARRAY_LEN(pieces); i++) {
		open_log(h, &r, pieces[i].tail, pieces[i].offset, i % 2 == 0);
		hs_until(h, is_read, &r, "the log");
		assert_false(r.failed);
		assert_string_equal(r.text.data, pieces[i].text);
		close_log(&r);
	}
	hs_free(h);
}

static void a_log_that_is_not_there_is_an_error(void **state UNUSED)
{
	struct harness *h = hs_new(NULL);
	struct reading r;

	open_log(h, &r, -1, 0, true);
	hs_until(h, is_read, &r, "the log");
	assert_true(r.failed);
	close_log(&r);
	hs_free(h);
}

static void a_log_is_followed_to_the_end(void **state UNUSED)
{
	struct harness *h = hs_new(NULL);
	struct reading r, other;

	hs_start_script(h, 1, "mkfifo f; echo one; read x < f; echo two");
	open_log(h, &r, -1, 0, true);
	open_log(h, &other, 10, 0, true);
	hs_until(h, has_text, &r, "the first line");
	assert_string_equal(r.text.data, "one\n");
	assert_false(r.ended);
	hs_let_go(h, 1, "work/f");
	hs_until(h, is_read, &r, "the end of the log");
	hs_until(h, is_read, &other, "the end of the other log");
	assert_string_equal(r.text.data, "one\ntwo\n");
	assert_string_equal(other.text.data, "one\ntwo\n");
	close_log(&r);
	close_log(&other);
	hs_finish(h, 1);
	hs_free(h);
}

static void a_slow_reader_pauses_the_log(void **state UNUSED)
{
	struct harness *h = hs_new(NULL);
	struct reading r;
	size_t first;

	hs_run_script(h, 1, "head -c 1000000 /dev/zero");
	open_log(h, &r, -1, 0, false);
	r.pause = true;
	hs_until(h, has_text, &r, "the first piece");
	first = r.text.len;
	for (int i = 0; i < 20; i++)
		loop_pass(h->loop, false);
	assert_int_equal(r.text.len, first);
	r.pause = false;
	run_log_resume(r.log);
	hs_until(h, is_read, &r, "the log");
	assert_int_equal(r.text.len, 1000000);
	close_log(&r);
	hs_free(h);
}

/* --- cleaning up --------------------------------------------------------------------------------------- */

static bool is_gone(struct harness *h, void *arg UNUSED)
{
	char *path = xasprintf("%s/.trash", h->state);
	DIR *list = opendir(path);
	const struct dirent *d;
	bool empty = true;

	assert_non_null(list);
	while ((d = readdir(list)))
		empty = empty && d->d_name[0] == '.';
	closedir(list);
	free(path);
	return empty;
}

static void a_purge_removes_the_experiment(void **state UNUSED)
{
	struct harness *h = hs_new(NULL);
	char *path = xasprintf("%s/" HS_UID, h->state);

	hs_run_script(h, 1, "mkdir -p a/b; echo x > a/b/c; ln -s /etc/passwd a/link");
	assert_int_equal(access(path, F_OK), 0);
	run_purge(h->b, HS_UID);
	assert_int_equal(access(path, F_OK), -1);
	hs_until(h, is_gone, NULL, "the removal");
	assert_int_equal(access("/etc/passwd", F_OK), 0);
	run_purge(h->b, "../etc");
	run_purge(h->b, HS_UID);
	free(path);
	hs_free(h);
}

static size_t count_fds(void)
{
	DIR *list = opendir("/proc/self/fd");
	size_t n = 0;

	assert_non_null(list);
	while (readdir(list))
		n++;
	closedir(list);
	return n;
}

static bool launcher_has_children(struct harness *h UNUSED, void *arg UNUSED)
{
	/* All supervisors are reaped when the launcher, our only child, has none left. */
	return waitpid(-1, NULL, WNOHANG) == 0;
}

static void nothing_is_left_open_and_nobody_unreaped(void **state UNUSED)
{
	size_t before = count_fds(), settled = 0;
	struct harness *h = hs_new(NULL);

	for (int32_t i = 1; i <= 20; i++) {
		hs_run_script(h, i, i % 5 ? "echo loss=1" : "exit 9");
		if (i == 5)
			settled = count_fds();
	}
	hs_run_script(h, 21, "echo $PPID");
	assert_int_equal(count_fds(), settled);
	hs_until(h, launcher_has_children, NULL, "the launcher alone");
	hs_free(h);
	assert_int_equal(count_fds(), before);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

static void many_start_at_once(void **state UNUSED)
{
	struct harness *h = hs_new(NULL);

	for (int32_t i = 1; i <= 100; i++)
		hs_start_script(h, i, "echo loss=1");
	for (int32_t i = 1; i <= 100; i++)
		assert_int_equal(hs_finish(h, i)->exit_code, 0);
	assert_int_equal(h->n_points, 100);
	hs_free(h);
}

static void without_the_program_there_is_no_backend(void **state UNUSED)
{
	struct local_options options = {.program = "/no/such/trimtab", .state = "/tmp"};
	struct local_options nowhere = {.state = "/proc/no"};
	struct loop *l = loop_new();
	struct err e = {0};

	assert_null(local_new(l, &options, hs_on_event, NULL, &e));
	hs_assert_contains(e.detail, "cannot start /no/such/trimtab");
	assert_null(local_new(l, &nowhere, hs_on_event, NULL, &e));
	hs_assert_contains(e.detail, "/proc/no");
	loop_free(l);
	rmdir("/tmp/.trash");
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(only_so_many_run_at_once),
	cmocka_unit_test(gpus_are_handed_out_and_returned),
	cmocka_unit_test(an_adopted_run_keeps_its_gpus),
	cmocka_unit_test(logs_are_read_from_either_end),
	cmocka_unit_test(a_log_that_is_not_there_is_an_error),
	cmocka_unit_test(a_log_is_followed_to_the_end),
	cmocka_unit_test(a_slow_reader_pauses_the_log),
	cmocka_unit_test(a_purge_removes_the_experiment),
	cmocka_unit_test(nothing_is_left_open_and_nobody_unreaped),
	cmocka_unit_test(many_start_at_once),
	cmocka_unit_test(without_the_program_there_is_no_backend),
};

HS_MAIN(tests)
