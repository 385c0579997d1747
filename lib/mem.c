#include "lib/mem.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static atomic_uint fail_countdown;

void mem_die(size_t size)
{
	fprintf(stderr, "trimtab: out of memory (%zu bytes wanted)\n", size);
	abort();
}

static void *must(void *p, size_t size)
{
	if (!p)
		mem_die(size);
	return p;
}

size_t mem_product(size_t n, size_t size)
{
	size_t total;

	if (__builtin_mul_overflow(n, size, &total))
		mem_die(SIZE_MAX);
	return total;
}

/* malloc(0) may return NULL; callers want a pointer that they can free. */
void *xmalloc(size_t size)
{
	return must(malloc(size ? size : 1), size);
}

void *xcalloc(size_t n, size_t size)
{
	size_t total = mem_product(n, size);

	return must(calloc(1, total ? total : 1), total);
}

void *xreallocarray(void *p, size_t n, size_t size)
{
	size_t total = mem_product(n, size);

	return must(realloc(p, total ? total : 1), total);
}

char *xstrndup(const char *s, size_t n)
{
	size_t len = strnlen(s, n);
	char *copy = xmalloc(len + 1);

	memcpy(copy, s, len);
	copy[len] = '\0';
	return copy;
}

char *xstrdup(const char *s)
{
	return xstrndup(s, strlen(s));
}

char *xasprintf(const char *fmt, ...)
{
	va_list ap;
	char *s = NULL;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&s, fmt, ap);
	va_end(ap);
	if (n < 0)
		mem_die(0);
	return s;
}

static bool injected_failure(void)
{
	unsigned left = atomic_load_explicit(&fail_countdown, memory_order_relaxed);

	return left != 0 && atomic_fetch_sub(&fail_countdown, 1) == 1;
}

void *mem_try_realloc(void *p, size_t size)
{
	return injected_failure() ? NULL : realloc(p, size ? size : 1);
}

void mem_fail_nth(unsigned n)
{
	atomic_store(&fail_countdown, n);
}
