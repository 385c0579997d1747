/* Where a log's last lines begin, by its text alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/attr.h"
#include "trial-runner/log_start.h"

enum { LONG = 100 * 1000 };     /* more than is read at once */

static int file_of(const char *text, size_t n)
{
	const int fd = memfd_create("log", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, n), n);
	return fd;
}

static const struct {
	const char *text;
	int64_t lines, start;
} cases[] = {
	{"", 0, 0},
	{"", 3, 0},
	{"a\nb\nc\n", 0, 6},
	{"a\nb\nc\n", 1, 4},
	{"a\nb\nc\n", 2, 2},
	{"a\nb\nc\n", 3, 0},
	{"a\nb\nc\n", 9, 0},
	{"a\nb\nc", 1, 4},
	{"a\n\n\n", 2, 2},
	{"\n", 1, 0},
};

static void last_lines_begin_there(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const int fd = file_of(cases[i].text, strlen(cases[i].text));
		const int64_t start = log_start(fd, &(struct run_log_query){.tail_lines = cases[i].lines, .offset = 1});

		if (start != cases[i].start)
			fail_msg("case %zu: %d", i, (int)start);
		close(fd);
	}
}

static void lines_may_be_longer_than_what_is_read_at_once(void **state UNUSED)
{
	static char text[2 * LONG];
	int fd;

	memset(text, 'x', sizeof text);
	text[9] = text[LONG] = text[sizeof text - 1] = '\n';
	fd = file_of(text, sizeof text);
	assert_int_equal(log_start(fd, &(struct run_log_query){.tail_lines = 1}), LONG + 1);
	assert_int_equal(log_start(fd, &(struct run_log_query){.tail_lines = 2}), 10);
	close(fd);
}

static void offsets_are_taken_without_lines(void **state UNUSED)
{
	const int fd = file_of("a\nb\n", 4);

	assert_int_equal(log_start(fd, &(struct run_log_query){.tail_lines = -1, .offset = 3}), 3);
	assert_int_equal(log_start(fd, &(struct run_log_query){.tail_lines = -1, .offset = -7}), 0);
	close(fd);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(last_lines_begin_there),
		cmocka_unit_test(lines_may_be_longer_than_what_is_read_at_once),
		cmocka_unit_test(offsets_are_taken_without_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
