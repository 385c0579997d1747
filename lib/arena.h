/*
 * Arenas: memory that lives exactly as long as one request, one job or one object.
 *
 * Ownership rules of the whole program:
 *  1. Every allocation has one owner: an arena, a long-lived object with foo_new/foo_free, or
 *     static storage. foo_free(NULL) is allowed.
 *  2. `const T *` in a prototype is borrowed; a parameter named *_take is consumed.
 *  3. What is in an arena is never freed by hand. What is not memory (a file, a refcount)
 *     is registered with arena_defer() and released, last first, when the arena goes.
 *  4. Across an asynchronous border keep ids and generations, never pointers.
 *  5. An object is never freed inside its own callback: loop_defer_free().
 *
 * An arena belongs to one thread at a time.
 */
#pragma once
#include <stdarg.h>
#include <stddef.h>

#include "lib/attr.h"

struct arena;

struct arena *arena_new(void);
void arena_free(struct arena *a);                       /* runs the deferred calls first         */
void arena_reset(struct arena *a);                      /* as free + new, keeping one chunk      */

void *arena_alloc(struct arena *a, size_t size);        /* aligned for any type, not cleared     */
void *arena_calloc(struct arena *a, size_t n, size_t size);
void *arena_dup(struct arena *a, const void *p, size_t size);
char *arena_strdup(struct arena *a, const char *s);     /* NULL in, NULL out                     */
char *arena_strndup(struct arena *a, const char *s, size_t n);
char *arena_printf(struct arena *a, const char *fmt, ...) PRINTF(2, 3);
char *arena_vprintf(struct arena *a, const char *fmt, va_list ap) PRINTF(2, 0);
void arena_defer(struct arena *a, void (*fn)(void *), void *arg);
size_t arena_size(const struct arena *a);               /* bytes held from the system            */

#define ARENA_NEW(a, type) ((type *)arena_calloc((a), 1, sizeof(type)))
#define ARENA_NEW_N(a, type, n) ((type *)arena_calloc((a), (n), sizeof(type)))
