#include "lib/arena.h"

#include <assert.h>
#include <stdalign.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/mem.h"

/* Under AddressSanitizer what has not been handed out is poisoned, and every block is followed by
 * such a zone, so that an overrun inside an arena is found like one on the heap. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ARENA_ASAN 1
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define ARENA_ASAN 1
#endif
#ifdef ARENA_ASAN
#include <sanitizer/asan_interface.h>
enum { RED_ZONE = 16 };
#else
#define ASAN_POISON_MEMORY_REGION(p, n) ((void)(p), (void)(n))
#define ASAN_UNPOISON_MEMORY_REGION(p, n) ((void)(p), (void)(n))
enum { RED_ZONE = 0 };
#endif

enum { CHUNK_FIRST = 2048, CHUNK_MAX = 256 * 1024, ALIGN = alignof(max_align_t) };

struct chunk {
	struct chunk *next; /* older */
	size_t size;        /* of data */
	alignas(max_align_t) char data[];
};

struct deferred {
	struct deferred *next;
	void (*fn)(void *);
	void *arg;
};

struct arena {
	struct chunk *chunks; /* the newest first; only the newest is filled */
	size_t used;          /* of the newest                               */
	size_t held;
	struct deferred *deferred;
};

struct arena *arena_new(void)
{
	return xcalloc(1, sizeof(struct arena));
}

static void run_deferred(struct arena *a)
{
	while (a->deferred) {
		struct deferred *d = a->deferred;

		a->deferred = d->next;
		d->fn(d->arg);
	}
}

static void free_chunks(struct chunk *c)
{
	while (c) {
		struct chunk *older = c->next;

		free(c);
		c = older;
	}
}

void arena_free(struct arena *a)
{
	if (!a)
		return;
	run_deferred(a);
	free_chunks(a->chunks);
	free(a);
}

/* The newest chunk is kept, being the largest as a rule, unless one huge block made it so. */
void arena_reset(struct arena *a)
{
	struct chunk *keep;

	run_deferred(a);
	keep = a->chunks;
	if (keep && keep->size > CHUNK_MAX) {
		free_chunks(keep);
		keep = NULL;
	} else if (keep) {
		free_chunks(keep->next);
		keep->next = NULL;
		ASAN_POISON_MEMORY_REGION(keep->data, keep->size);
	}
	a->chunks = keep;
	a->used = 0;
	a->held = keep ? sizeof *keep + keep->size : 0;
}

static void add_chunk(struct arena *a, size_t need)
{
	size_t size = a->chunks ? a->chunks->size * 2 : CHUNK_FIRST;
	struct chunk *c;

	if (size > CHUNK_MAX)
		size = CHUNK_MAX;
	if (size < need)
		size = need;
	c = xmalloc(sizeof *c + size);
	c->next = a->chunks;
	c->size = size;
	ASAN_POISON_MEMORY_REGION(c->data, c->size);
	a->chunks = c;
	a->used = 0;
	a->held += sizeof *c + size;
}

void *arena_alloc(struct arena *a, size_t size)
{
	size_t need;
	char *p;

	if (size > SIZE_MAX / 2)
		mem_die(size);
	need = (size + RED_ZONE + ALIGN - 1) & ~(size_t)(ALIGN - 1);
	if (!a->chunks || need > a->chunks->size - a->used)
		add_chunk(a, need);
	p = a->chunks->data + a->used;
	a->used += need;
	assert(a->used <= a->chunks->size);
	ASAN_UNPOISON_MEMORY_REGION(p, size);
	return p;
}

void *arena_calloc(struct arena *a, size_t n, size_t size)
{
	size_t total = mem_product(n, size);

	return memset(arena_alloc(a, total), 0, total);
}

void *arena_dup(struct arena *a, const void *p, size_t size)
{
	void *copy = arena_alloc(a, size);

	if (size)
		memcpy(copy, p, size);
	return copy;
}

char *arena_strndup(struct arena *a, const char *s, size_t n)
{
	size_t len = strnlen(s, n);
	char *copy = arena_alloc(a, len + 1);

	memcpy(copy, s, len);
	copy[len] = '\0';
	return copy;
}

char *arena_strdup(struct arena *a, const char *s)
{
	return s ? arena_dup(a, s, strlen(s) + 1) : NULL;
}

char *arena_vprintf(struct arena *a, const char *fmt, va_list ap)
{
	va_list again;
	char *s;
	int n;

	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	assert(n >= 0);
	s = arena_alloc(a, (size_t)n + 1);
	vsnprintf(s, (size_t)n + 1, fmt, ap);
	return s;
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list ap;
	char *s;

	va_start(ap, fmt);
	s = arena_vprintf(a, fmt, ap);
	va_end(ap);
	return s;
}

void arena_defer(struct arena *a, void (*fn)(void *), void *arg)
{
	struct deferred *d = arena_alloc(a, sizeof *d);

	*d = (struct deferred){.next = a->deferred, .fn = fn, .arg = arg};
	a->deferred = d;
}

size_t arena_size(const struct arena *a)
{
	return a->held;
}
