/*
 * Memory that is there or the process ends.
 *
 * Small allocations whose size our own code decides never return NULL: they abort with the size
 * on stderr. Sizes that come from outside are bounded by the caller before they get here.
 * Every function that multiplies checks for overflow. mem_fail_nth() lets a test make the nth
 * allocation fail in the functions that can report it (mem_try_*).
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "lib/attr.h"

void *xmalloc(size_t size);                             /* owned; free with free()               */
void *xcalloc(size_t n, size_t size);                   /* zeroed                                */
void *xreallocarray(void *p, size_t n, size_t size);    /* p is consumed                         */
char *xstrdup(const char *s);
char *xstrndup(const char *s, size_t n);
char *xasprintf(const char *fmt, ...) PRINTF(1, 2);

/* Returns NULL when memory is short: for buffers whose size depends on input. */
void *mem_try_realloc(void *p, size_t size) MUSTCHECK;
/* Makes the nth call (1 = the next) of a mem_try_* function fail once; 0 switches it off. */
void mem_fail_nth(unsigned n);

/* For those who build allocators on these: the end of the process, and n * size or the end. */
NORETURN void mem_die(size_t size);
size_t mem_product(size_t n, size_t size);
