/*
 * A growing byte buffer with a ceiling: past it, or when memory is short, `failed` is set, nothing
 * more is added, and the owner checks once at the end. Always NUL-terminated (the NUL not counted).
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/attr.h"

struct strbuf {
	char *data;             /* never NULL after strbuf_init */
	size_t len, cap, max;
	bool failed;
};

void strbuf_init(struct strbuf *b, size_t max);
void strbuf_free(struct strbuf *b);
void strbuf_reset(struct strbuf *b);                    /* keeps the memory                    */
char *strbuf_take(struct strbuf *b);                    /* owned by the caller; b is empty     */
bool strbuf_add(struct strbuf *b, const void *p, size_t n);
bool strbuf_puts(struct strbuf *b, const char *s);
bool strbuf_putc(struct strbuf *b, char c);
bool strbuf_printf(struct strbuf *b, const char *fmt, ...) PRINTF(2, 3);
void strbuf_consume(struct strbuf *b, size_t n);        /* drops the first n bytes             */
