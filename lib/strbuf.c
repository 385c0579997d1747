#include "lib/strbuf.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/mem.h"

/* What an empty buffer points to: readable as "", never written, never freed (cap is 0). */
static char nothing[1];

void strbuf_init(struct strbuf *b, size_t max)
{
	assert(max > 0);
	*b = (struct strbuf){.data = nothing, .max = max};
}

void strbuf_free(struct strbuf *b)
{
	if (b->cap)
		free(b->data);
	*b = (struct strbuf){.data = nothing, .max = b->max};
}

void strbuf_reset(struct strbuf *b)
{
	b->len = 0;
	b->failed = false;
	if (b->cap)
		b->data[0] = '\0';
}

char *strbuf_take(struct strbuf *b)
{
	char *s = b->cap ? b->data : xstrdup("");

	*b = (struct strbuf){.data = nothing, .max = b->max};
	return s;
}

static bool grow(struct strbuf *b, size_t n)
{
	size_t cap = b->cap ? b->cap : 64;
	char *p = NULL;

	if (n <= b->max - b->len) {
		while (cap - b->len <= n)
			cap = cap > SIZE_MAX / 2 ? b->len + n + 1 : cap * 2;
		p = mem_try_realloc(b->cap ? b->data : NULL, cap);
	}
	if (!p) {
		b->failed = true;
		return false;
	}
	b->data = p;
	b->cap = cap;
	return true;
}

/* Makes room for n more bytes and the NUL. */
static inline bool reserve(struct strbuf *b, size_t n)
{
	assert(b->len <= b->max);
	if (b->failed)
		return false;
	return (n < b->cap - b->len && n <= b->max - b->len) || grow(b, n);
}

bool strbuf_add(struct strbuf *b, const void *p, size_t n)
{
	if (!reserve(b, n))
		return false;
	if (n)
		memcpy(b->data + b->len, p, n);
	b->len += n;
	b->data[b->len] = '\0';
	return true;
}

bool strbuf_puts(struct strbuf *b, const char *s)
{
	return strbuf_add(b, s, strlen(s));
}

bool strbuf_putc(struct strbuf *b, char c)
{
	if (!reserve(b, 1))
		return false;
	b->data[b->len++] = c;
	b->data[b->len] = '\0';
	return true;
}

bool strbuf_printf(struct strbuf *b, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	assert(n >= 0);
	if (!reserve(b, (size_t)n))
		return false;
	va_start(ap, fmt);
	vsnprintf(b->data + b->len, (size_t)n + 1, fmt, ap);
	va_end(ap);
	b->len += (size_t)n;
	return true;
}

void strbuf_consume(struct strbuf *b, size_t n)
{
	assert(n <= b->len);
	if (n == 0)
		return;
	b->len -= n;
	memmove(b->data, b->data + n, b->len + 1);
}
