/* mem, arena and strbuf: what everything else stands on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/arena.h"
#include "lib/mem.h"
#include "lib/strbuf.h"

/* Does fn(arg) end the process by abort()? */
static bool aborts(void (*fn)(void *), void *arg)
{
	pid_t child = fork();
	int status;

	assert_true(child >= 0);
	if (child == 0) {
		close(STDERR_FILENO);
		fn(arg);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

static void overflow_calloc(void *arg)
{
	free(xcalloc(SIZE_MAX / 2, *(size_t *)arg));
}

static void overflow_reallocarray(void *arg)
{
	free(xreallocarray(NULL, SIZE_MAX / 4, *(size_t *)arg));
}

static void overflow_arena(void *arg)
{
	struct arena *a = arena_new();

	arena_calloc(a, SIZE_MAX / 4, *(size_t *)arg);
	arena_free(a);
}

static void test_overflow_ends_the_process(void **state)
{
	size_t eight = 8;

	(void)state;
	assert_true(aborts(overflow_calloc, &eight));
	assert_true(aborts(overflow_reallocarray, &eight));
	assert_true(aborts(overflow_arena, &eight));
}

static void test_allocations(void **state)
{
	char *s = xasprintf("%d-%s", 7, "x"), *t = xstrndup("abcdef", 3), *u = xstrdup("");
	int *zeroed = xcalloc(4, sizeof *zeroed);
	void *none = xmalloc(0);

	(void)state;
	assert_string_equal(s, "7-x");
	assert_string_equal(t, "abc");
	assert_string_equal(u, "");
	assert_int_equal(zeroed[3], 0);
	assert_non_null(none);
	zeroed = xreallocarray(zeroed, 1000, sizeof *zeroed);
	zeroed[999] = 1;
	free(s);
	free(t);
	free(u);
	free(zeroed);
	free(none);
}

static void test_fail_nth(void **state)
{
	void *p = NULL;

	(void)state;
	mem_fail_nth(2);
	p = mem_try_realloc(p, 10);
	assert_non_null(p);
	assert_null(mem_try_realloc(p, 20));
	p = mem_try_realloc(p, 20); /* once only */
	assert_non_null(p);
	mem_fail_nth(1);
	mem_fail_nth(0);
	p = mem_try_realloc(p, 30);
	assert_non_null(p);
	free(p);
}

static void test_arena_alignment_and_growth(void **state)
{
	struct arena *a = arena_new();
	size_t before;

	(void)state;
	for (size_t size = 0; size < 3000; size += 7) {
		char *p = arena_alloc(a, size);

		assert_int_equal((uintptr_t)p % _Alignof(max_align_t), 0);
		memset(p, 0xAA, size);
	}
	before = arena_size(a);
	memset(arena_alloc(a, 3 << 20), 1, 3 << 20);
	assert_true(arena_size(a) >= before + (3 << 20));
	arena_reset(a);
	assert_true(arena_size(a) <= 300 * 1024); /* one huge block is not kept */
	for (int i = 0; i < 1000; i++)
		arena_strdup(a, "a small one");
	arena_reset(a);
	before = arena_size(a);
	for (int i = 0; i < 100; i++)
		arena_strdup(a, "a small one");
	assert_int_equal(arena_size(a), before); /* and the kept chunk is used */
	arena_free(a);
	arena_free(NULL);
}

static void test_arena_copies(void **state)
{
	struct arena *a = arena_new();
	int *numbers = ARENA_NEW_N(a, int, 100);

	(void)state;
	assert_int_equal(numbers[99], 0);
	assert_null(arena_strdup(a, NULL));
	assert_string_equal(arena_strdup(a, "abc"), "abc");
	assert_string_equal(arena_strndup(a, "abc", 2), "ab");
	assert_string_equal(arena_strndup(a, "abc", 9), "abc");
	assert_string_equal(arena_printf(a, "%s/%d", "x", 5), "x/5");
	assert_int_equal(strlen(arena_printf(a, "%5000d", 1)), 5000);
	assert_memory_equal(arena_dup(a, "a\0b", 3), "a\0b", 3);
	assert_non_null(arena_dup(a, NULL, 0));
	arena_free(a);
}

struct order {
	char text[8];
	size_t n;
	struct arena *arena;
};

static void note_a(void *arg)
{
	struct order *o = arg;

	o->text[o->n++] = 'a';
}

static void note_b(void *arg)
{
	struct order *o = arg;

	o->text[o->n++] = 'b';
	arena_defer(o->arena, note_a, o); /* even one that is registered now is called */
}

static void test_arena_defers_last_first(void **state)
{
	struct order o = {.arena = arena_new()};

	(void)state;
	arena_defer(o.arena, note_a, &o);
	arena_defer(o.arena, note_b, &o);
	arena_reset(o.arena);
	assert_string_equal(o.text, "baa");
	arena_reset(o.arena);
	assert_string_equal(o.text, "baa");
	arena_defer(o.arena, note_a, &o);
	arena_free(o.arena);
	assert_string_equal(o.text, "baaa");
}

static void test_strbuf(void **state)
{
	struct strbuf b;
	char *taken;

	(void)state;
	strbuf_init(&b, 100);
	assert_string_equal(b.data, "");
	assert_true(strbuf_puts(&b, "abc"));
	assert_true(strbuf_putc(&b, 'd'));
	assert_true(strbuf_printf(&b, "%03d", 5));
	assert_true(strbuf_add(&b, "\0z", 2));
	assert_true(strbuf_add(&b, NULL, 0));
	assert_int_equal(b.len, 9);
	assert_memory_equal(b.data, "abcd005\0z", 10);
	strbuf_consume(&b, 4);
	assert_string_equal(b.data, "005");
	strbuf_consume(&b, 5);
	assert_int_equal(b.len, 0);
	assert_true(strbuf_puts(&b, "xyz"));
	taken = strbuf_take(&b);
	assert_string_equal(taken, "xyz");
	free(taken);
	assert_string_equal(b.data, "");
	taken = strbuf_take(&b);
	assert_string_equal(taken, "");
	free(taken);
	strbuf_free(&b);
	strbuf_free(&b);
}

static void test_strbuf_ceiling(void **state)
{
	struct strbuf b;

	(void)state;
	strbuf_init(&b, 5);
	assert_true(strbuf_puts(&b, "12345"));
	assert_false(strbuf_putc(&b, '6'));
	assert_true(b.failed);
	assert_string_equal(b.data, "12345");
	strbuf_consume(&b, 5);
	assert_false(strbuf_putc(&b, '6')); /* until reset */
	strbuf_reset(&b);
	assert_true(strbuf_printf(&b, "%s", "1234"));
	assert_false(strbuf_printf(&b, "%s", "56"));
	assert_string_equal(b.data, "1234");
	strbuf_free(&b);
}

static void test_strbuf_short_of_memory(void **state)
{
	struct strbuf b;

	(void)state;
	for (unsigned nth = 1; nth <= 4; nth++) {
		size_t added = 0;

		strbuf_init(&b, SIZE_MAX);
		mem_fail_nth(nth);
		while (added < 1000 && strbuf_puts(&b, "0123456789"))
			added += 10;
		mem_fail_nth(0);
		assert_true(b.failed);
		assert_int_equal(b.len, added);
		assert_int_equal(strlen(b.data), added);
		strbuf_free(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_overflow_ends_the_process),
		cmocka_unit_test(test_allocations),
		cmocka_unit_test(test_fail_nth),
		cmocka_unit_test(test_arena_alignment_and_growth),
		cmocka_unit_test(test_arena_copies),
		cmocka_unit_test(test_arena_defers_last_first),
		cmocka_unit_test(test_strbuf),
		cmocka_unit_test(test_strbuf_ceiling),
		cmocka_unit_test(test_strbuf_short_of_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
